/*
 * Statements before the tables are read: once a sync, each table for itself.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engine/engine.h"
#include "engine/preprocess.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define DESTINATION "warehouse"

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static struct ps_error err;
static char warnings[4096];
static const char *const *only; /* --tables; NULL: none */

static void keep_warning(void *context, const char *text)
{
    (void)context;
    size_t size = strlen(warnings);
    snprintf(warnings + size, sizeof(warnings) - size, "%s\n", text);
}

static enum ps_status sync_once(const char *const *options, size_t *ret_skipped)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_stored_state stored = {.found = false};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel,
                 .tables = only},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
        .events = {.warning = keep_warning},
    };
    warnings[0] = '\0';
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(fake_sink_ops.state_read(request.sink, &stored, &err), PS_OK);
    assert_int_equal(ps_state_parse(stored.json == NULL ? "" : stored.json, stored.json_size,
                                    "the warehouse", &request.state, &err),
                     PS_OK);
    ps_free(stored.json);
    enum ps_status status = ps_sync_run(&request, &result, &err);
    *ret_skipped = result.tables_skipped;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    return status;
}

#define TEMPLATE                                                                                   \
    "UPDATE {table_list} SET x = '{last_sync}' WHERE a > {log_last_sync} AND c IN "                \
    "({connector_list})"
static const char *const options[] = {"enable_preprocessing",
                                      "true",
                                      "preprocessing_table",
                                      "log, customers",
                                      "preprocessing_sql",
                                      TEMPLATE,
                                      "connector_list",
                                      "c1,c2",
                                      "max_retries",
                                      "2",
                                      "retry_sleep_seconds",
                                      "0",
                                      NULL};

static void tables(void)
{
    static const char *const names[] = {"customers", "log", "other"};
    for (size_t i = 0; i < 3; i++) {
        fake_table_add(database, "", names[i], "id LONG key, updated_at UTC_DATETIME");
        fake_row_add(database, names[i], "1|2024-01-01T00:00:00Z");
    }
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
}

static int lines(void)
{
    int count = 0;
    for (const char *at = fake_executed(database); *at != '\0'; at++) {
        count += *at == '\n';
    }
    return count;
}

static void test_preprocessing_runs_one_statement_a_table_before_the_read(void **state)
{
    (void)state;
    size_t skipped;
    tables();
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_string_equal(
        fake_executed(database),
        "UPDATE \"customers\" SET x = '1970-01-01T00:00:00Z' WHERE a > '1970-01-01T00:00:00Z' AND "
        "c "
        "IN ('c1', 'c2')\n"
        "UPDATE \"log\" SET x = '1970-01-01T00:00:00Z' WHERE a > '1970-01-01T00:00:00Z' AND c IN "
        "('c1', 'c2')\n");
    assert_int_equal(skipped, 0);
    /* The next sync is another one: they run again, and know when the last one began. */
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 4);
    assert_non_null(
        strstr(fake_executed(database), "'2024-01-01T01:00:00Z' WHERE a > '2024-01-01T0"));
}

static void test_preprocessing_of_a_resumed_sync_does_not_run_again(void **state)
{
    (void)state;
    size_t skipped;
    tables();
    const struct fake_fault fault = {.call = FAKE_READER_NEXT,
                                     .table = "other",
                                     .status = PS_CONFIG,
                                     .error_class = PS_CLASS_PERMISSION};
    fake_fault_add(database, &fault);
    assert_int_equal(sync_once(options, &skipped), PS_CONFIG);
    assert_int_equal(lines(), 2);
    fake_faults_clear(database);
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 2);
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 4);
}

static const char *const log_alone[] = {"log", NULL};

static void test_preprocessing_of_some_tables_leaves_the_time_of_all(void **state)
{
    (void)state;
    size_t skipped;
    tables();
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T01:59:59Z");
    only = log_alone;
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 3);
    only = NULL;
    fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T02:59:59Z");
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 5);
    assert_null(strstr(fake_executed(database), "2024-01-01T02:00:00Z"));
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_non_null(strstr(fake_executed(database), "x = '2024-01-01T03:00:00Z'"));
}

static void test_preprocessing_runs_once_also_with_a_sync_of_others_in_between(void **state)
{
    (void)state;
    size_t skipped;
    tables();
    const struct fake_fault fault = {.call = FAKE_READER_NEXT,
                                     .table = "other",
                                     .status = PS_CONFIG,
                                     .error_class = PS_CLASS_PERMISSION};
    fake_fault_add(database, &fault);
    assert_int_equal(sync_once(options, &skipped), PS_CONFIG);
    assert_int_equal(lines(), 2);
    fake_faults_clear(database);
    only = log_alone;
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 2);
    only = NULL;
    assert_int_equal(sync_once(options, &skipped), PS_OK); /* the log's sync is another one */
    assert_int_equal(lines(), 3);
    assert_non_null(strstr(strchr(fake_executed(database), '\n'), "\nUPDATE \"log\" SET x"));
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(lines(), 5);
}

static void test_preprocessing_that_fails_stops_its_table_alone(void **state)
{
    (void)state;
    size_t skipped;
    tables();
    const struct fake_fault fault = {.call = FAKE_EXECUTE,
                                     .table = "customers",
                                     .status = PS_CONFIG,
                                     .error_class = PS_CLASS_PERMISSION,
                                     .message = "no right to write"};
    fake_fault_add(database, &fault);
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(skipped, 1);
    assert_int_equal(lines(), 1);
    assert_non_null(
        strstr(warnings, "customers was not synced: its preprocessing failed: no right"));
    assert_null(fake_sink_rows(DESTINATION, "", "customers", "id"));
    char *rows = fake_sink_rows(DESTINATION, "", "log", "id");
    assert_string_equal(rows, "1\n");
    ps_free(rows);
}

static void test_preprocessing_tries_again_after_a_deadlock(void **state)
{
    (void)state;
    size_t skipped;
    tables();
    const struct fake_fault fault = {
        .call = FAKE_EXECUTE, .status = PS_RETRY, .error_class = PS_CLASS_DEADLOCK};
    fake_fault_add(database, &fault);
    assert_int_equal(sync_once(options, &skipped), PS_OK);
    assert_int_equal(skipped, 0);
    assert_int_equal(lines(), 2);
    assert_int_equal(fake_calls(database, FAKE_EXECUTE), 3);
}

static void test_preprocessing_refuses_before_any_sql(void **state)
{
    (void)state;
    size_t skipped;
    static const char *const unknown[] = {"enable_preprocessing",
                                          "true",
                                          "preprocessing_table",
                                          "*",
                                          "preprocessing_sql",
                                          "UPDATE {table_list} SET x = {connector_list}",
                                          NULL};
    tables();
    assert_int_equal(sync_once(unknown, &skipped), PS_CONFIG);
    assert_non_null(strstr(err.message, "{connector_list}"));
    assert_string_equal(fake_executed(database), "");
}

static void test_preprocessing_needs_its_options_and_a_source_that_runs_sql(void **state)
{
    (void)state;
    struct engine_config made;
    const struct ps_source_ops without = {.name = "files"};
    const char *const lacking[] = {"enable_preprocessing", "true", "preprocessing_table", "t",
                                   NULL};
    const struct ps_config *config = engine_config_make(&made, lacking);
    assert_int_equal(preprocess_check(config, fake_database_ops(database), &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "preprocessing_sql"));
    engine_config_done(&made);
    config = engine_config_make(&made, options);
    assert_int_equal(preprocess_check(config, &without, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "`files`"));
    assert_int_equal(preprocess_check(config, fake_database_ops(database), &err), PS_OK);
    engine_config_done(&made);
}

/* Of two tables of one name each has its own time, and for a third neither stands. */
static void test_preprocessing_tells_tables_of_one_name_apart(void **state)
{
    (void)state;
    size_t skipped;
    static const char *const own[] = {"enable_preprocessing",
                                      "true",
                                      "preprocessing_table",
                                      "*.o",
                                      "preprocessing_sql",
                                      "SELECT {table_list}, {O_last_sync}",
                                      NULL};
    static const char *const foreign[] = {
        "enable_preprocessing", "true", "preprocessing_table", "p1.x", "preprocessing_sql",
        "SELECT {o_last_sync}", NULL};
    static const struct {
        const char *schema, *name;
    } all[] = {{"p1", "o"}, {"p1", "x"}, {"p2", "O"}};
    for (size_t i = 0; i < 3; i++) {
        fake_table_add(database, all[i].schema, all[i].name,
                       "id LONG key, updated_at UTC_DATETIME");
    }
    fake_row_add(database, "o", "1|2024-01-01T00:00:00Z");
    fake_row_add(database, "O", "1|2024-01-01T00:30:00Z");
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
    assert_int_equal(sync_once(NULL, &skipped), PS_OK);
    assert_int_equal(sync_once(own, &skipped), PS_OK);
    assert_non_null(strstr(fake_executed(database), "\"p1\".\"o\", '2024-01-01T00:00:00Z'"));
    assert_non_null(strstr(fake_executed(database), "\"p2\".\"O\", '2024-01-01T00:30:00Z'"));
    assert_int_equal(sync_once(foreign, &skipped), PS_CONFIG);
    assert_non_null(strstr(err.message, "more than one table is meant by {o_last"));
}

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static int set_up(void **state)
{
    (void)state;
    only = NULL;
    ps_log_set_writer(log_nowhere, NULL);
    fake_sink_forget();
    database = fake_database_new();
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1704067200, 0});
    ps_cancel_init(&cancel);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_database_free(database);
    fake_sink_forget();
    return 0;
}

#define PHASE_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PHASE_TEST(test_preprocessing_runs_one_statement_a_table_before_the_read),
        PHASE_TEST(test_preprocessing_of_a_resumed_sync_does_not_run_again),
        PHASE_TEST(test_preprocessing_of_some_tables_leaves_the_time_of_all),
        PHASE_TEST(test_preprocessing_runs_once_also_with_a_sync_of_others_in_between),
        PHASE_TEST(test_preprocessing_that_fails_stops_its_table_alone),
        PHASE_TEST(test_preprocessing_tries_again_after_a_deadlock),
        PHASE_TEST(test_preprocessing_refuses_before_any_sql),
        PHASE_TEST(test_preprocessing_tells_tables_of_one_name_apart),
        PHASE_TEST(test_preprocessing_needs_its_options_and_a_source_that_runs_sql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
