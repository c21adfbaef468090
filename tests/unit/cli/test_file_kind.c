/*
 * What counts as ours to remove or replace.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/file_kind.h"
#include "support/unit.h"

static enum file_kind kind_of_bytes(const char *bytes, size_t size)
{
    char path[] = "/tmp/penstock-test-XXXXXX";
    int fd = mkstemp(path);
    enum file_kind kind;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), (ssize_t)size);
    close(fd);
    kind = file_kind(path);
    unlink(path);
    return kind;
}

static enum file_kind kind_of_text(const char *text)
{
    return kind_of_bytes(text, strlen(text));
}

static void test_file_kind_of_a_duckdb_file_goes_by_its_magic(void **state)
{
    (void)state;
    assert_int_equal(kind_of_bytes("01234567DUCK and more", 21), FILE_DUCKDB);
    assert_int_equal(kind_of_text("01234567DUC"), FILE_OTHER);
    assert_int_equal(kind_of_text("DUCK"), FILE_OTHER);
    assert_int_equal(kind_of_bytes("SQLite format 3\0 and more", 25), FILE_OTHER);
}

static void test_file_kind_of_a_write_ahead_log_goes_by_its_first_record(void **state)
{
    static const char log[] = "d\0be\0\2\377\3779\0\0\0\0\0\0\0";

    (void)state;
    assert_int_equal(kind_of_bytes(log, sizeof log), FILE_LOG);
    assert_int_equal(kind_of_text("dbe"), FILE_OTHER);
}

static void test_file_kind_of_a_state_ours_damaged_or_foreign(void **state)
{
    (void)state;
    assert_int_equal(kind_of_text("{\"penstock\":1,\"number\":3,\"tables\":[]}\n"), FILE_STATE);
    assert_int_equal(kind_of_text("{\"penstock\":1,\"num"), FILE_STATE);
    assert_int_equal(kind_of_text("{}"), FILE_STATE);
    assert_int_equal(kind_of_text("{\"orders\": \"2024-01-01T00:00:00Z\"}"), FILE_STATE);
}

static void test_file_kind_of_anything_else_is_other(void **state)
{
    (void)state;
    assert_int_equal(kind_of_text(""), FILE_EMPTY);
    assert_int_equal(kind_of_text("some notes\n"), FILE_OTHER);
    assert_int_equal(kind_of_text("[1, 2]"), FILE_OTHER);
    assert_int_equal(kind_of_text("{\"name\": \"app\", \"dependencies\": {}}"), FILE_OTHER);
    assert_int_equal(file_kind("/nonexistent/file"), FILE_MISSING);
    assert_int_equal(file_kind("/tmp"), FILE_OTHER);
    assert_int_equal(file_kind("/dev/null"), FILE_OTHER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_kind_of_a_duckdb_file_goes_by_its_magic),
        cmocka_unit_test(test_file_kind_of_a_write_ahead_log_goes_by_its_first_record),
        cmocka_unit_test(test_file_kind_of_a_state_ours_damaged_or_foreign),
        cmocka_unit_test(test_file_kind_of_anything_else_is_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
