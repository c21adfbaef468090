/*
 * penstock reset: removes a local warehouse and its state, so that the next sync begins anew. It
 * removes nothing that it does not know for a DuckDB file or a state.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/figures.h"
#include "cli/file_kind.h"
#include "cli/local.h"

/* What DuckDB names its temporary files. */
#define TEMPORARY_START "duckdb_temp_"
#define PATH_BYTES 4096

/* What may be there. "" for a path: nothing is. */
struct places {
    char warehouse[PATH_BYTES], wal[PATH_BYTES], temporary[PATH_BYTES], state[PATH_BYTES];
};

static enum ps_status name_place(char out[PATH_BYTES], const char *path, const char *suffix,
                                 struct ps_error *err)
{
    int size = snprintf(out, PATH_BYTES, "%s%s", path, suffix);

    if (size < 0 || size >= PATH_BYTES) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "the path is too long: %.64s…", path);
    }
    return PS_OK;
}

/* A process that holds the file open keeps a lock on it, as DuckDB does. */
static enum ps_status refuse_locked(const char *path, struct ps_error *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool locked = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

    if (fd >= 0) {
        (void)close(fd);
    }
    if (!locked) {
        return PS_OK;
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "%s is in use by process %ld: end that first; nothing was removed", path,
                   (long)lock.l_pid);
}

static enum ps_status check_warehouse(struct places *places, struct ps_error *err)
{
    switch (file_kind(places->warehouse)) {
    case FILE_DUCKDB:
        return refuse_locked(places->warehouse, err);
    case FILE_EMPTY:
        return PS_OK;
    case FILE_MISSING: /* nothing vouches for the log then but its own first bytes */
        places->warehouse[0] = '\0';
        if (file_kind(places->wal) != FILE_LOG) {
            places->wal[0] = '\0';
        }
        return PS_OK;
    default:
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "%s is no DuckDB file and is not removed; nothing was", places->warehouse);
    }
}

static enum ps_status check_state(struct places *places, struct ps_error *err)
{
    switch (file_kind(places->state)) {
    case FILE_STATE:
    case FILE_EMPTY:
        return PS_OK;
    case FILE_MISSING:
        places->state[0] = '\0';
        return PS_OK;
    default:
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "%s is no state and is not removed; nothing was", places->state);
    }
}

/* What is not there, or not what DuckDB would have made of that name, is left alone. */
static void forget_unless(char path[PATH_BYTES], mode_t type)
{
    struct stat info;

    if (lstat(path, &info) != 0 || (info.st_mode & S_IFMT) != type) {
        path[0] = '\0';
    }
}

static enum ps_status find_places(const struct command_line *line, struct places *places,
                                  struct ps_error *err)
{
    const char *warehouse = command_text(line, "warehouse");
    enum ps_status status = name_place(places->warehouse, warehouse, "", err);

    if (status == PS_OK) {
        status = name_place(places->wal, warehouse, ".wal", err);
    }
    if (status == PS_OK) {
        status = name_place(places->temporary, warehouse, ".tmp", err);
    }
    if (status == PS_OK) {
        status = name_place(places->state, command_text(line, "state"), "", err);
    }
    if (status == PS_OK) {
        status = check_warehouse(places, err);
    }
    if (status == PS_OK) {
        status = check_state(places, err);
    }
    forget_unless(places->wal, S_IFREG);
    forget_unless(places->temporary, S_IFDIR);
    return status;
}

/* What will be removed, in this order: the state first, so that a crash leaves no state that
 * speaks of rows which are gone. */
static size_t list_places(const struct places *places, const char *ret_paths[4])
{
    const char *const all[] = {places->state, places->wal, places->warehouse, places->temporary};
    size_t count = 0;

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i][0] != '\0') {
            ret_paths[count++] = all[i];
        }
    }
    return count;
}

/* A terminal is asked; without one --force has to say so. */
static enum ps_status ask(const char *const *paths, size_t count, struct ps_error *err)
{
    char answer[16] = "";

    if (isatty(STDIN_FILENO) == 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "there is no terminal to ask on: add --force to remove %s%s", paths[0],
                       count > 1 ? " and what belongs to it" : "");
    }
    (void)fprintf(stderr, "remove");
    for (size_t i = 0; i < count; i++) {
        (void)fprintf(stderr, "%s %s", i == 0 ? "" : ",", paths[i]);
    }
    (void)fprintf(stderr, "? [Y/n] ");
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        answer[0] = 'n';
    }
    if (answer[0] == '\n' || answer[0] == 'y' || answer[0] == 'Y') {
        return PS_OK;
    }
    return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "nothing was removed");
}

/* DuckDB's own temporary files alone; a folder that holds others stays. */
static void empty_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        if (strncmp(entry->d_name, TEMPORARY_START, strlen(TEMPORARY_START)) == 0) {
            (void)unlinkat(dirfd(folder), entry->d_name, 0);
        }
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
}

static enum ps_status remove_place(const char *path, struct output *out, struct ps_error *err)
{
    struct stat info;
    char size[FIGURES_SIZE];
    bool folder;

    if (lstat(path, &info) != 0) {
        return PS_OK;
    }
    folder = S_ISDIR(info.st_mode);
    if (folder) {
        empty_folder(path);
    }
    if ((folder ? rmdir(path) : unlink(path)) == 0) {
        output_printf(out, "removed %s", path);
        output_printf(out, folder ? "\n" : " (%s)\n", figures_bytes((uint64_t)info.st_size, size));
        return PS_OK;
    }
    if (folder && errno == ENOTEMPTY) {
        output_printf(out, "kept %s: it holds files that are not DuckDB's\n", path);
        return PS_OK;
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "%s cannot be removed: %s", path,
                   strerror(errno));
}

static enum exit_status run_reset(const struct command_line *line, struct output *out)
{
    struct places places;
    struct ps_error err = {0};
    const char *paths[4];
    size_t count = 0;
    enum ps_status status = find_places(line, &places, &err);

    if (status == PS_OK) {
        count = list_places(&places, paths);
        if (count == 0) {
            output_printf(out, "nothing to remove: neither %s nor %s is there\n",
                          command_text(line, "warehouse"), command_text(line, "state"));
        } else if (!command_given(line, "force")) {
            status = ask(paths, count, &err);
        }
    }
    for (size_t i = 0; status == PS_OK && i < count; i++) {
        status = remove_place(paths[i], out, &err);
    }
    if (status == PS_CANCELED) { /* the answer was no */
        output_printf(out, "%s\n", err.message);
        return EXIT_DONE;
    }
    if (status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
    }
    return exit_status_of(status, &err, 0);
}

static const struct command_option options[] = {
    LOCAL_OPTION_WAREHOUSE,
    LOCAL_OPTION_STATE,
    {.name = "force", .type = COMMAND_FLAG, .help = "Does not ask."},
    {.name = NULL},
};

const struct command command_reset = {
    .name = "reset",
    .summary = "removes the local warehouse and its state",
    .details =
        "Only DuckDB files and states are removed, with the warehouse's write-ahead log and\n"
        "temporary files. The next sync begins anew.\n",
    .options = options,
    .run = run_reset,
};
