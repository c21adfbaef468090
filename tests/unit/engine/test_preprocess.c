/*
 * Statements before the tables are read: once a sync, each table for itself.
 */
#include "support/harness.h"

#include <string.h>

#include "engine/preprocess.h"
#include "unit/engine/engine_config.h"

static const char *const options[] = {
    "enable_preprocessing",
    "true",
    "preprocessing_table",
    "log, customers",
    "preprocessing_sql",
    "UPDATE {table_list} SET x = '{last_sync}' WHERE a > {log_last_sync} AND c IN "
    "({connector_list})",
    "connector_list",
    "c1,c2",
    "max_retries",
    "2",
    "retry_sleep_seconds",
    "0",
    NULL,
};

static void tables(struct harness *h)
{
    static const char *const names[] = {"customers", "log", "other"};
    for (size_t i = 0; i < 3; i++) {
        fake_table_add(h->database, "", names[i], "id LONG key, updated_at UTC_DATETIME");
        fake_row_add(h->database, names[i], "1|2024-01-01T00:00:00Z");
    }
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
}

/* The statements that were run. */
static size_t lines(const struct harness *h)
{
    return harness_count(fake_executed(h->database), "\n");
}

static void test_preprocessing_runs_one_statement_a_table_before_the_read(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_config_all(h, options);
    harness_sync(h);
    assert_string_equal(
        fake_executed(h->database),
        "UPDATE \"customers\" SET x = '1970-01-01T00:00:00Z' WHERE a > '1970-01-01T00:00:00Z' AND "
        "c "
        "IN ('c1', 'c2')\n"
        "UPDATE \"log\" SET x = '1970-01-01T00:00:00Z' WHERE a > '1970-01-01T00:00:00Z' AND c IN "
        "('c1', 'c2')\n");
    assert_int_equal(h->result.tables_skipped, 0);
    /* The next sync is another one: they run again, and know when the last one began. */
    harness_sync(h);
    assert_int_equal(lines(h), 4);
    assert_non_null(
        strstr(fake_executed(h->database), "'2024-01-01T01:00:00Z' WHERE a > '2024-01-01T0"));
}

static void test_preprocessing_of_a_resumed_sync_does_not_run_again(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_config_all(h, options);
    const struct fake_fault fault = {.call = FAKE_READER_NEXT,
                                     .table = "other",
                                     .status = PS_CONFIG,
                                     .error_class = PS_CLASS_PERMISSION};
    fake_fault_add(h->database, &fault);
    harness_sync_ending(h, PS_CONFIG);
    assert_int_equal(lines(h), 2);
    fake_faults_clear(h->database);
    harness_sync(h);
    assert_int_equal(lines(h), 2);
    harness_sync(h);
    assert_int_equal(lines(h), 4);
}

static const char *const log_alone[] = {"log", NULL};

static void test_preprocessing_of_some_tables_leaves_the_time_of_all(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_config_all(h, options);
    harness_sync(h);
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T01:59:59Z");
    h->request.plan.tables = log_alone;
    harness_sync(h);
    assert_int_equal(lines(h), 3);
    h->request.plan.tables = NULL;
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T02:59:59Z");
    harness_sync(h);
    assert_int_equal(lines(h), 5);
    assert_null(strstr(fake_executed(h->database), "2024-01-01T02:00:00Z"));
    harness_sync(h);
    assert_non_null(strstr(fake_executed(h->database), "x = '2024-01-01T03:00:00Z'"));
}

static void test_preprocessing_runs_once_also_with_a_sync_of_others_in_between(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_config_all(h, options);
    const struct fake_fault fault = {.call = FAKE_READER_NEXT,
                                     .table = "other",
                                     .status = PS_CONFIG,
                                     .error_class = PS_CLASS_PERMISSION};
    fake_fault_add(h->database, &fault);
    harness_sync_ending(h, PS_CONFIG);
    assert_int_equal(lines(h), 2);
    fake_faults_clear(h->database);
    h->request.plan.tables = log_alone;
    harness_sync(h);
    assert_int_equal(lines(h), 2);
    h->request.plan.tables = NULL;
    harness_sync(h); /* the log's sync is another one */
    assert_int_equal(lines(h), 3);
    assert_non_null(strstr(strchr(fake_executed(h->database), '\n'), "\nUPDATE \"log\" SET x"));
    harness_sync(h);
    assert_int_equal(lines(h), 5);
}

static void test_preprocessing_that_fails_stops_its_table_alone(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_config_all(h, options);
    const struct fake_fault fault = {.call = FAKE_EXECUTE,
                                     .table = "customers",
                                     .status = PS_CONFIG,
                                     .error_class = PS_CLASS_PERMISSION,
                                     .message = "no right to write"};
    fake_fault_add(h->database, &fault);
    harness_sync(h);
    assert_int_equal(h->result.tables_skipped, 1);
    assert_int_equal(lines(h), 1);
    harness_expect_warning(h, "customers was not synced: its preprocessing failed: no right");
    harness_expect_absent(h, "customers");
    harness_expect_rows(h, "log", "id", "1\n");
}

static void test_preprocessing_tries_again_after_a_deadlock(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_config_all(h, options);
    const struct fake_fault fault = {
        .call = FAKE_EXECUTE, .status = PS_RETRY, .error_class = PS_CLASS_DEADLOCK};
    fake_fault_add(h->database, &fault);
    harness_sync(h);
    assert_int_equal(h->result.tables_skipped, 0);
    assert_int_equal(lines(h), 2);
    assert_int_equal(fake_calls(h->database, FAKE_EXECUTE), 3);
}

static void test_preprocessing_refuses_before_any_sql(void **state)
{
    struct harness *h = *state;
    tables(h);
    harness_sync_ending_with(h, PS_CONFIG, "enable_preprocessing", "true", "preprocessing_table",
                             "*", "preprocessing_sql",
                             "UPDATE {table_list} SET x = {connector_list}");
    harness_expect_error(h, "{connector_list}");
    assert_string_equal(fake_executed(h->database), "");
}

static void test_preprocessing_needs_its_options_and_a_source_that_runs_sql(void **state)
{
    struct harness *h = *state;
    struct engine_config made;
    const struct ps_source_ops without = {.name = "files"};
    const char *const lacking[] = {"enable_preprocessing", "true", "preprocessing_table", "t",
                                   NULL};
    const struct ps_config *config = engine_config_make(&made, lacking);
    assert_int_equal(preprocess_check(config, fake_database_ops(h->database), &h->err), PS_CONFIG);
    harness_expect_error(h, "preprocessing_sql");
    engine_config_done(&made);
    config = engine_config_make(&made, options);
    assert_int_equal(preprocess_check(config, &without, &h->err), PS_CONFIG);
    harness_expect_error(h, "`files`");
    assert_int_equal(preprocess_check(config, fake_database_ops(h->database), &h->err), PS_OK);
    engine_config_done(&made);
}

/* Of two tables of one name each has its own time, and for a third neither stands. */
static void test_preprocessing_tells_tables_of_one_name_apart(void **state)
{
    struct harness *h = *state;
    static const struct {
        const char *schema, *name;
    } all[] = {{"p1", "o"}, {"p1", "x"}, {"p2", "O"}};
    for (size_t i = 0; i < 3; i++) {
        fake_table_add(h->database, all[i].schema, all[i].name,
                       "id LONG key, updated_at UTC_DATETIME");
    }
    fake_row_add(h->database, "o", "1|2024-01-01T00:00:00Z");
    fake_row_add(h->database, "O", "1|2024-01-01T00:30:00Z");
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
    harness_sync(h);
    harness_config(h, "enable_preprocessing", "true");
    harness_sync_with(h, "preprocessing_table", "*.o", "preprocessing_sql",
                      "SELECT {table_list}, {O_last_sync}");
    assert_non_null(strstr(fake_executed(h->database), "\"p1\".\"o\", '2024-01-01T00:00:00Z'"));
    assert_non_null(strstr(fake_executed(h->database), "\"p2\".\"O\", '2024-01-01T00:30:00Z'"));
    harness_sync_ending_with(h, PS_CONFIG, "preprocessing_table", "p1.x", "preprocessing_sql",
                             "SELECT {o_last_sync}");
    harness_expect_error(h, "more than one table is meant by {o_last");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_preprocessing_runs_one_statement_a_table_before_the_read),
        HARNESS_TEST(test_preprocessing_of_a_resumed_sync_does_not_run_again),
        HARNESS_TEST(test_preprocessing_of_some_tables_leaves_the_time_of_all),
        HARNESS_TEST(test_preprocessing_runs_once_also_with_a_sync_of_others_in_between),
        HARNESS_TEST(test_preprocessing_that_fails_stops_its_table_alone),
        HARNESS_TEST(test_preprocessing_tries_again_after_a_deadlock),
        HARNESS_TEST(test_preprocessing_refuses_before_any_sql),
        HARNESS_TEST(test_preprocessing_tells_tables_of_one_name_apart),
        HARNESS_TEST(test_preprocessing_needs_its_options_and_a_source_that_runs_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
