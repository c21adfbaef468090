/*
 * What becomes of DuckDB's errors: which of their texts are passed on, and as what.
 */
#include <errno.h>
#include <string.h>

#include "sinks/duckdb/statement.h"
#include "support/unit.h"

static struct ps_error fail_with(int type, const char *text)
{
    struct ps_error err = {0};
    (void)!duck_statement_fail("committing", type, text, &err);
    return err;
}

static void test_statement_fail_of_a_kind_that_quotes_rows_withholds_the_text(void **state)
{
    (void)state;
    struct ps_error err =
        fail_with(DUCK_API_ERROR_UNTOLD, "Conversion Error: Could not convert 'Ann' to INT");
    assert_int_equal(err.status, PS_DATA);
    assert_null(strstr(err.message, "Ann"));
    err = fail_with(DUCK_API_ERROR_FATAL, "FATAL Error: key 'Ann' is there twice");
    assert_int_equal(err.status, PS_BUG);
    assert_null(strstr(err.message, "Ann"));
}

static void test_statement_fail_of_a_file_is_passed_on_from_inside_another_error(void **state)
{
    (void)state;
    struct ps_error err = fail_with(
        DUCK_API_ERROR_FATAL, "FATAL Error: Failed to rollback 'Ann': IO Error: Could not write "
                              "file \"w.db\": No space left on device\nstack");
    assert_int_equal(err.status, PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_DISK);
    assert_int_equal(err.vendor_code, ENOSPC);
    assert_string_equal(err.message, "committing: IO Error: Could not write file \"w.db\": No "
                                     "space left on device");
}

static void test_statement_fail_of_a_commit_without_room_is_a_full_disk(void **state)
{
    (void)state;
    struct ps_error err =
        fail_with(DUCK_API_ERROR_TRANSACTION,
                  "TransactionContext Error: Failed to commit: Could not write file \"w.db.wal\": "
                  "No space left on device");
    assert_int_equal(err.status, PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_DISK);
    assert_int_equal(err.vendor_code, ENOSPC);
}

static void test_statement_fail_of_a_commit_is_the_disks_and_not_the_sources(void **state)
{
    (void)state;
    struct ps_error err =
        fail_with(DUCK_API_ERROR_TRANSACTION,
                  "TransactionContext Error: Failed to commit: Cannot open file \"w.db.wal\": "
                  "Permission denied");
    assert_int_equal(err.status, PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_DISK);
    assert_int_equal(err.vendor_code, 0);
    assert_non_null(strstr(err.message, "w.db.wal\": Permission denied"));
    assert_int_equal(fail_with(DUCK_API_ERROR_PERMISSION, "Permission Error: no").error_class,
                     PS_CLASS_DISK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement_fail_of_a_kind_that_quotes_rows_withholds_the_text),
        cmocka_unit_test(test_statement_fail_of_a_file_is_passed_on_from_inside_another_error),
        cmocka_unit_test(test_statement_fail_of_a_commit_without_room_is_a_full_disk),
        cmocka_unit_test(test_statement_fail_of_a_commit_is_the_disks_and_not_the_sources),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
