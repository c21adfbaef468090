/*
 * Unit tests for src/state/file.c, in a temporary folder. The fault points are reached in builds
 * with -DPENSTOCK_FAULTS=ON, where each fault runs in a process of its own.
 */
#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "state/file.h"

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void replace(const char *name, const char *text)
{
    struct ps_error err = {0};
    if (ps_file_replace(path_of(name), text, strlen(text), &err) != PS_OK) {
        fail_msg("not written: %s", err.message);
    }
}

static void assert_holds(const char *name, const char *text)
{
    struct ps_buffer out;
    struct ps_error err = {0};
    ps_buffer_init(&out, 0);
    assert_int_equal(ps_file_read(path_of(name), 1 << 20, &out, &err), PS_OK);
    assert_string_equal(ps_buffer_text(&out), text);
    assert_int_equal(out.size, strlen(text));
    ps_buffer_done(&out);
}

/* The entries of the folder beside "." and "..". */
static int entries_count(void)
{
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    int count = -2;
    while (readdir(opened) != NULL) {
        count++;
    }
    closedir(opened);
    return count;
}

static void test_file_read_of_a_missing_file_is_the_end(void **context)
{
    (void)context;
    struct ps_buffer out;
    struct ps_error err = {0};
    ps_buffer_init(&out, 0);
    assert_int_equal(ps_file_read(path_of("missing"), 10, &out, &err), PS_END);
    assert_int_equal(ps_file_read(path_of("no/folder"), 10, &out, &err), PS_END);
    assert_string_equal(err.message, "");
    ps_buffer_done(&out);
}

static void test_file_read_of_anything_but_a_file_is_refused(void **context)
{
    (void)context;
    struct ps_buffer out;
    struct ps_error err = {0};
    ps_buffer_init(&out, 0);
    assert_int_equal(ps_file_read(folder, 10, &out, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "is a folder, not a file"));
    assert_int_equal(ps_file_read("/dev/null", 10, &out, &err), PS_CONFIG);
    assert_int_equal(mkfifo(path_of("pipe"), 0600), 0);
    assert_int_equal(ps_file_read(path_of("pipe"), 10, &out, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "a device or pipe"));
    unlink(path_of("pipe"));
    replace("file", "x");
    assert_int_equal(ps_file_read(path_of("file/below"), 10, &out, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "file/below"));
    ps_buffer_done(&out);
}

static void test_file_read_beyond_the_limit_is_refused(void **context)
{
    (void)context;
    struct ps_buffer out;
    struct ps_error err = {0};
    replace("file", "0123456789");
    ps_buffer_init(&out, 0);
    assert_int_equal(ps_file_read(path_of("file"), 10, &out, &err), PS_OK);
    ps_buffer_clear(&out);
    assert_int_equal(ps_file_read(path_of("file"), 9, &out, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "larger than 9 bytes"));
    ps_buffer_done(&out);
}

static void test_file_replace_writes_and_overwrites(void **context)
{
    (void)context;
    replace("file", "first");
    assert_holds("file", "first");
    replace("file", "second");
    assert_holds("file", "second");
    replace("file", "");
    assert_holds("file", "");
    struct stat found;
    assert_int_equal(stat(path_of("file"), &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(entries_count(), 1);
}

static void test_file_replace_makes_missing_folders(void **context)
{
    (void)context;
    replace("a/b/file", "deep");
    assert_holds("a/b/file", "deep");
    replace("a//b/../b/file", "again");
    assert_holds("a/b/file", "again");
    unlink(path_of("a/b/file"));
    rmdir(path_of("a/b"));
    rmdir(path_of("a"));
}

static void test_file_replace_takes_a_name_without_a_folder(void **context)
{
    (void)context;
    char before[4096];
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(folder), 0);
    struct ps_error err = {0};
    enum ps_status status = ps_file_replace("plain", "x", 1, &err);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(status, PS_OK);
    assert_holds("plain", "x");
    unlink(path_of("plain"));
}

static void test_file_replace_takes_over_a_temporary_file_left_behind(void **context)
{
    (void)context;
    char name[64];
    snprintf(name, sizeof(name), "file.tmp.%ld", (long)getpid());
    replace(name, "half");
    replace("file", "whole");
    assert_holds("file", "whole");
    assert_int_equal(access(path_of(name), F_OK), -1);
}

static void test_file_replace_that_fails_leaves_the_old_file_alone(void **context)
{
    (void)context;
    struct ps_error err = {0};
    replace("file", "old");
    int before = entries_count();
    assert_int_equal(ps_file_replace(path_of("file/below"), "x", 1, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "Not a directory"));
    assert_int_equal(ps_file_replace(folder, "x", 1, &err), PS_CONFIG);
    assert_int_equal(ps_file_replace(path_of("folder/"), "x", 1, &err), PS_CONFIG);
    assert_int_equal(ps_file_replace("", "x", 1, &err), PS_CONFIG);
    /* What nobody may write, root neither: a right is PERMISSION at a source alone. */
    assert_int_equal(ps_file_replace("/proc/penstock-state.json", "x", 1, &err), PS_CONFIG);
    assert_true(err.error_class == PS_CLASS_SETTING || err.error_class == PS_CLASS_DISK);

    /* A disk that is full, as far as this process can make one. */
    struct rlimit saved, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &saved), 0);
    signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){.rlim_cur = 2, .rlim_max = saved.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum ps_status status = ps_file_replace(path_of("file"), "longer", 6, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &saved), 0);
    assert_int_equal(status, PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_DISK);
    assert_non_null(strstr(err.message, "still stands"));
    assert_holds("file", "old");
    assert_int_equal(entries_count(), before);
}

static void test_file_when_memory_runs_out_says_so(void **context)
{
    (void)context;
    replace("file", "old");
    enum ps_status status = PS_NOMEM;
    int64_t count = 0;
    for (; status == PS_NOMEM && count < 100; count++) {
        struct ps_error err = {0};
        assert_holds("file", "old");
        ps_alloc_fail_after(count, 0);
        status = ps_file_replace(path_of("file"), "new", 3, &err);
        ps_alloc_fail_after(-1, 0);
    }
    assert_int_equal(status, PS_OK);
    assert_holds("file", "new");
    status = PS_NOMEM;
    for (count = 0; status == PS_NOMEM && count < 100; count++) {
        struct ps_buffer out;
        struct ps_error err = {0};
        ps_buffer_init(&out, 0);
        ps_alloc_fail_after(count, 0);
        status = ps_file_read(path_of("file"), 100, &out, &err);
        ps_alloc_fail_after(-1, 0);
        ps_buffer_done(&out);
    }
    assert_int_equal(status, PS_OK);
    assert_true(count > 1);
}

#ifdef PENSTOCK_FAULTS
/*
 * Replaces "file" in a process of its own (a fault is read from the environment once) and gives how
 * that ended.
 */
static int replace_with_fault(const char *fault)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("PENSTOCK_FAULT", fault, 1);
        execl("/proc/self/exe", "test_file", path_of("file"), (char *)NULL);
        _exit(127);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    return ended;
}

static void test_file_replace_fault_before_rename_keeps_the_old_file(void **context)
{
    (void)context;
    replace("file", "old");
    int before = entries_count();
    int ended = replace_with_fault("state_file.before_rename=fail");
    assert_true(WIFEXITED(ended));
    assert_int_equal(WEXITSTATUS(ended), PS_CONFIG);
    assert_holds("file", "old");
    assert_int_equal(entries_count(), before);
}

static void test_file_replace_killed_before_rename_keeps_the_old_file(void **context)
{
    (void)context;
    replace("file", "old");
    assert_true(WIFSIGNALED(replace_with_fault("state_file.before_rename")));
    assert_holds("file", "old");
    replace("file", "next");
    assert_holds("file", "next");
}

static void test_file_replace_after_rename_has_the_new_file(void **context)
{
    (void)context;
    replace("file", "old");
    int ended = replace_with_fault("state_file.after_rename=fail");
    assert_int_equal(WEXITSTATUS(ended), PS_CONFIG);
    assert_holds("file", "new");
    replace("file", "old");
    assert_true(WIFSIGNALED(replace_with_fault("state_file.after_rename")));
    assert_holds("file", "new");
}
#endif

static int folder_make(void **context)
{
    (void)context;
    snprintf(folder, sizeof(folder), "/tmp/penstock-test-XXXXXX");
    return mkdtemp(folder) == NULL;
}

/* All tests leave files only, at the top. */
static int folder_remove(void **context)
{
    (void)context;
    DIR *opened = opendir(folder);
    assert_non_null(opened);
    for (struct dirent *entry; (entry = readdir(opened)) != NULL;) {
        unlinkat(dirfd(opened), entry->d_name, 0);
    }
    closedir(opened);
    return rmdir(folder);
}

int main(int argc, char **argv)
{
    if (argc == 2) { /* See replace_with_fault. */
        struct ps_error err = {0};
        return (int)ps_file_replace(argv[1], "new", 3, &err);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_read_of_a_missing_file_is_the_end),
        cmocka_unit_test(test_file_read_of_anything_but_a_file_is_refused),
        cmocka_unit_test(test_file_read_beyond_the_limit_is_refused),
        cmocka_unit_test(test_file_replace_writes_and_overwrites),
        cmocka_unit_test(test_file_replace_makes_missing_folders),
        cmocka_unit_test(test_file_replace_takes_a_name_without_a_folder),
        cmocka_unit_test(test_file_replace_takes_over_a_temporary_file_left_behind),
        cmocka_unit_test(test_file_replace_that_fails_leaves_the_old_file_alone),
        cmocka_unit_test(test_file_when_memory_runs_out_says_so),
#ifdef PENSTOCK_FAULTS
        cmocka_unit_test(test_file_replace_fault_before_rename_keeps_the_old_file),
        cmocka_unit_test(test_file_replace_killed_before_rename_keeps_the_old_file),
        cmocka_unit_test(test_file_replace_after_rename_has_the_new_file),
#endif
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
