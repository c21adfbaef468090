/*
 * Whole syncs with the metadata tables: each is filled by an event that is provoked, and read back
 * from the destination.
 */
#include "support/unit.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define DESTINATION "warehouse"
#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ON "metadata_tables", "true"
#define SECOND INT64_C(1000000000)
#define BEGAN 1700000000 /* 2023-11-14T22:13:20Z */

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static char warnings[4096];

/* A machine that is looked at whenever the writer comes by. */
static struct script {
    struct ps_monitor base;
    struct ps_resource_sample sample;
    int64_t advance_ns; /* what passes between two looks */
    atomic_int samples;
} script;

static void play(struct ps_monitor *monitor, struct ps_resource_sample *ret_sample)
{
    (void)monitor;
    (void)atomic_fetch_add(&script.samples, 1);
    *ret_sample = script.sample;
    ps_clock_fake_advance(&clock_fake, script.advance_ns);
}

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static void keep_warning(void *context, const char *text)
{
    (void)context;
    size_t size = strlen(warnings);
    snprintf(warnings + size, sizeof(warnings) - size, "%s\n", text);
}

struct sync {
    const struct ps_selection *selection;
    const struct ps_source_ops *ops; /* NULL: the fake's */
    enum ps_status status;
    struct ps_error err;
    struct ps_validation validation; /* of the first table */
    uint64_t upserts, checkpoints;
    bool sink_failed;
};

static struct ps_state *stored_state(struct ps_sink *sink)
{
    struct ps_stored_state stored = {.found = false};
    struct ps_state *state;
    struct ps_error err;
    assert_int_equal(fake_sink_ops.state_read(sink, &stored, &err), PS_OK);
    assert_int_equal(ps_state_parse(stored.json == NULL ? "" : stored.json, stored.json_size,
                                    "the warehouse", &state, &err),
                     PS_OK);
    ps_free(stored.json);
    return state;
}

static void run(struct sync *sync, const char *const *options)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = sync->ops == NULL ? fake_database_ops(database) : sync->ops,
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel,
                 .selection = sync->selection},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
        .monitor = &script.base,
        .events = {.warning = keep_warning},
    };
    warnings[0] = '\0';
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &sync->err), PS_OK);
    request.state = stored_state(request.sink);
    sync->status = ps_sync_run(&request, &result, &sync->err);
    sync->upserts = ps_run_result_totals(&result).upserts;
    sync->checkpoints = result.checkpoints;
    sync->sink_failed = result.sink_failed;
    if (result.tables_count > 0) {
        sync->validation = result.tables[0].validation;
    }
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
}

static struct sync run_well(const char *const *options)
{
    struct sync sync = {.status = PS_BUG};
    run(&sync, options);
    if (sync.status != PS_OK) {
        fail_msg("%s", sync.err.message);
    }
    return sync;
}

static void assert_rows_of(const char *schema, const char *table, const char *columns,
                           const char *expected)
{
    char *rows = fake_sink_rows(DESTINATION, schema, table, columns);
    if (rows == NULL) {
        fail_msg("there is no %s", table);
    }
    assert_string_equal(rows, expected);
    ps_free(rows);
}

static void assert_rows(const char *table, const char *columns, const char *expected)
{
    assert_rows_of("", table, columns, expected);
}

static void assert_absent(const char *table)
{
    char *rows = fake_sink_rows(DESTINATION, "", table, "sync_timestamp");
    assert_null(rows);
}

static int begin(void **state)
{
    (void)state;
    database = fake_database_new();
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){BEGAN, 123456789});
    ps_cancel_init(&cancel);
    ps_log_set_writer(log_nowhere, NULL);
    fake_sink_forget();
    script.base = (struct ps_monitor){.sample = play};
    script.sample = (struct ps_resource_sample){
        .memory_percent = 50,
        .memory_bytes = UINT64_C(4) << 30,
        .memory_limit_bytes = UINT64_C(8) << 30,
        .memory_of = "cgroup v2",
        .stalled_percent = -1,
        .cpu_percent = 25,
        .disk_percent = -1,
    };
    script.advance_ns = 0;
    atomic_store(&script.samples, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ps_log_set_writer(NULL, NULL);
    fake_database_free(database);
    return 0;
}

/* Two rows that count, one that is marked as deleted, one that cannot be carried. */
static void people(void)
{
    fake_table_add(database, "", "people",
                   "id LONG key, name STRING null, updated_at UTC_DATETIME, deleted BOOLEAN null");
    fake_row_add(database, "people", "1|Ann|2024-01-01T00:00:00Z|false");
    fake_row_add(database, "people", "2|Ben|2024-01-01T00:00:00Z|\\N");
    fake_row_add(database, "people", "3|Cai|2024-01-01T00:00:00Z|true");
    fake_row_add(database, "people", "4|\\bad|2024-01-01T00:00:00Z|false");
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T01:00:00Z");
}

static void test_metadata_is_off_unless_the_source_or_the_user_wants_it(void **state)
{
    (void)state;
    people();
    run_well(NULL);
    assert_absent("VALIDATION");
    fake_database_set_caps(database, fake_database_ops(database)->caps | PS_CAP_METADATA);
    run_well(OPTIONS("metadata_tables", "false"));
    assert_absent("VALIDATION");
    assert_int_equal(fake_calls(database, FAKE_COUNT), 0);
    run_well(NULL);
    assert_rows("VALIDATION", "tablename", "people\n");
}

static void test_validation_tells_what_was_read_counted_deleted_and_skipped(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "visits", "note STRING");
    fake_rows_add(database, "visits", 1, 10, "#");
    run_well(OPTIONS(ON));
    assert_rows("VALIDATION",
                "sync_timestamp,tablename,datetime,count,count_method,records_processed,deletes,"
                "skipped,category,processing_order,mode",
                "2023-11-14T22:13:20.123456Z|people|2023-11-14T22:13:20.123456Z|3|exact|2|0|1|"
                "small|1|incremental\n"
                "2023-11-14T22:13:20.123456Z|visits|2023-11-14T22:13:20.123456Z|10|exact|10|0|0|"
                "small|2|full\n");
    assert_rows("SYNC_VALIDATION", "sync_timestamp,total_tables,total_records,tables_processed",
                "2023-11-14T22:13:20.123456Z|2|12|people,visits\n");
}

static void test_validation_of_each_sync_has_rows_of_its_own(void **state)
{
    (void)state;
    people();
    run_well(OPTIONS(ON, "lookback_seconds", "0"));
    ps_clock_fake_advance(&clock_fake, 3600 * SECOND);
    fake_row_change(database, "people", "1", "1|Ann|2024-01-01T02:00:00Z|true");
    fake_row_add(database, "people", "5|Eve|2024-01-01T02:00:00Z|false");
    fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
    run_well(OPTIONS(ON, "lookback_seconds", "0"));
    assert_rows("VALIDATION", "sync_timestamp,count,records_processed,deletes,skipped",
                "2023-11-14T22:13:20.123456Z|3|2|0|1\n"
                "2023-11-14T23:13:20.123456Z|3|2|2|1\n");
}

static void test_validation_counts_as_the_option_says(void **state)
{
    (void)state;
    people();
    fake_table_set_estimate(database, "people", 2000);
    uint32_t caps = fake_database_ops(database)->caps & ~PS_CAP_COUNT_CHEAP;
    fake_database_set_caps(database, caps);
    /* Nothing is counted where nobody asks. */
    struct sync sync = run_well(NULL);
    assert_false(sync.validation.wanted);
    sync = run_well(OPTIONS("validation_count", "exact"));
    assert_true(sync.validation.wanted);
    assert_int_equal(sync.validation.method, PS_COUNT_EXACT);
    assert_int_equal(sync.validation.rows, 3);
    assert_absent("VALIDATION");
    sync = run_well(OPTIONS("validation_count", "statistics"));
    assert_int_equal(sync.validation.method, PS_COUNT_STATISTICS);
    assert_int_equal(sync.validation.rows, 2000);
    sync = run_well(OPTIONS("validation_count", "auto"));
    assert_int_equal(sync.validation.method, PS_COUNT_EXACT);
    assert_int_equal(fake_calls(database, FAKE_COUNT), 2);
}

static void test_validation_counts_no_large_table_unless_that_is_cheap(void **state)
{
    (void)state;
    people();
    fake_table_set_estimate(database, "people", 2000);
    uint32_t caps = fake_database_ops(database)->caps;
    const char *const *options =
        OPTIONS(ON, "small_table_threshold", "10", "large_table_threshold", "2000");
    fake_database_set_caps(database, caps & ~PS_CAP_COUNT_CHEAP);
    run_well(options);
    assert_rows("VALIDATION", "count,count_method,category", "2000|statistics|large\n");
    assert_int_equal(fake_calls(database, FAKE_COUNT), 0);
    fake_database_set_caps(database, caps);
    run_well(options);
    assert_rows("VALIDATION", "count,count_method,category", "3|exact|large\n");
}

static void test_validation_count_that_fails_gives_way_to_the_statistics(void **state)
{
    (void)state;
    people();
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_COUNT,
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_TIMEOUT,
                                                  .message = "it takes too long"});
    run_well(OPTIONS(ON));
    assert_rows("VALIDATION", "count,count_method,records_processed", "4|statistics|2\n");
    assert_non_null(strstr(warnings, "people: its rows could not be counted: it takes too long\n"));
    assert_rows("ERROR_STATISTICS", "tablename,class,occurrences,recovered",
                "people|timeout|1|1\n");
}

static enum ps_status count_too_few(struct ps_source *source,
                                    const struct ps_count_request *request, int64_t *ret_rows,
                                    struct ps_error *err)
{
    (void)source;
    (void)request;
    (void)err;
    *ret_rows = 7;
    return PS_OK;
}

static void test_validation_warns_where_one_point_in_time_has_two_numbers(void **state)
{
    (void)state;
    struct ps_source_ops ops = *fake_database_ops(database);
    struct sync sync = {.ops = &ops};
    ops.count = count_too_few;
    fake_table_add(database, "", "t", "id LONG key");
    fake_rows_add(database, "t", 1, 8, "#");
    run(&sync, OPTIONS(ON));
    assert_int_equal(sync.status, PS_OK);
    assert_string_equal(warnings,
                        "t: 8 rows were read, and the source counts 7 at that point in time\n");
    fake_database_set_now(database, "2024-01-01T03:00:00Z", NULL);
    sync = (struct sync){.ops = &ops};
    fake_sink_forget();
    fake_row_add(database, "t", "\\bad");
    run(&sync, OPTIONS(ON)); /* with rows left out nobody can tell */
    assert_null(strstr(warnings, "the source counts"));
}

static enum ps_status count_is_unable(struct ps_source *source,
                                      const struct ps_count_request *request, int64_t *ret_rows,
                                      struct ps_error *err)
{
    (void)source;
    (void)ret_rows;
    (void)err;
    assert_non_null(request->marks);
    return PS_END;
}

static void test_validation_reads_the_marks_where_the_source_cannot_count_them(void **state)
{
    (void)state;
    struct ps_source_ops ops = *fake_database_ops(database);
    struct sync sync = {.ops = &ops};
    ops.count = count_is_unable;
    people();
    run(&sync, OPTIONS(ON));
    assert_int_equal(sync.status, PS_OK);
    assert_rows("VALIDATION", "count,count_method", "3|exact\n");
    assert_string_equal(warnings, "people: 1 row was left out: column \"name\": the test said "
                                  "so\n");
}

static void *cancel_when_it_hangs(void *argument)
{
    (void)argument;
    while (fake_readers_hanging(database) == 0) {
        sched_yield();
    }
    ps_cancel_set(&cancel, 0);
    return NULL;
}

static void test_validation_count_can_be_interrupted(void **state)
{
    (void)state;
    pthread_t thread;
    struct sync sync = {.status = PS_BUG};
    people();
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_COUNT, .hang = true});
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_hangs, NULL), 0);
    run(&sync, OPTIONS(ON));
    pthread_join(thread, NULL);
    /* The rows were all there. */
    assert_int_equal(sync.upserts, 2);
    assert_rows("VALIDATION", "count,count_method,records_processed", "~|none|2\n");
}

static void test_errors_that_were_tried_again_are_told_by_class_and_code(void **state)
{
    (void)state;
    fake_table_add(database, "", "t", "id LONG key");
    fake_rows_add(database, "t", 1, 10, "#");
    for (uint64_t i = 1; i <= 2; i++) {
        fake_fault_add(database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                      .table = "t",
                                                      .nth = i,
                                                      .status = PS_RETRY,
                                                      .error_class = PS_CLASS_DEADLOCK,
                                                      .vendor_code = 1205});
    }
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_READER_OPEN,
                                                  .table = "t",
                                                  .nth = 2,
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_NETWORK,
                                                  .sqlstate = "08006"});
    run_well(OPTIONS(ON));
    assert_rows("ERROR_STATISTICS", "tablename,class,code,occurrences,recovered",
                "t|deadlock|1205|2|2\nt|network|08006|1|1\n");
    char *waited = fake_sink_rows(DESTINATION, "", "ERROR_STATISTICS", "waited_seconds");
    assert_true(strtod(waited, NULL) > 0); /* by the sync's clock, which waits move on */
    ps_free(waited);
    assert_rows("PROCESSING_STATISTICS", "tablename,rows,bytes,threads,batch_rows,retries",
                "t|10|80|1|5000|3\n");
}

static void test_errors_of_a_sync_that_fails_are_told(void **state)
{
    (void)state;
    struct sync sync = {.status = PS_BUG};
    fake_table_add(database, "", "a", "id LONG key");
    fake_rows_add(database, "a", 1, 2, "#");
    fake_table_add(database, "", "b", "id LONG key");
    fake_rows_add(database, "b", 1, 20, "#");
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                  .table = "b",
                                                  .nth = 2,
                                                  .forever = true,
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_TIMEOUT,
                                                  .sqlstate = "57014"});
    run(&sync, OPTIONS(ON, "threads", "1", "max_retries", "2", "batch_size", "5"));
    assert_int_equal(sync.status, PS_RETRY);
    assert_rows("ERROR_STATISTICS", "tablename,class,code,occurrences,recovered",
                "b|timeout|57014|3|0\n");
    assert_rows("VALIDATION", "tablename,processing_order,records_processed", "a|1|2\n");
    assert_rows("SYNC_VALIDATION", "total_tables,tables_processed", "2|a\n");
    assert_rows("PROCESSING_STATISTICS", "tablename,rows,threads,retries", "a|2|1|0\nb|5|~|2\n");
    const char *last = strstr(fake_sink_journal(), "write upsert ERROR_STATISTICS 1\n");
    assert_non_null(last);
    assert_non_null(strstr(last, "\ncheckpoint "));
}

static void test_errors_before_progress_count_as_recovered_when_the_table_fails(void **state)
{
    (void)state;
    struct sync sync = {.status = PS_BUG};
    fake_table_add(database, "", "b", "id LONG key");
    fake_rows_add(database, "b", 1, 20, "#");
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_DEADLOCK});
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                  .nth = 3,
                                                  .status = PS_CONFIG,
                                                  .error_class = PS_CLASS_PERMISSION});
    run(&sync, OPTIONS(ON, "batch_size", "5"));
    assert_int_equal(sync.status, PS_CONFIG);
    assert_rows("ERROR_STATISTICS", "class,code,occurrences,recovered",
                "deadlock||1|1\npermission||1|0\n");
}

static void test_errors_before_a_table_is_read_are_the_syncs(void **state)
{
    (void)state;
    fake_table_add(database, "", "t", "id LONG key");
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_LIST_TABLES,
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_FAILOVER,
                                                  .sqlstate = "57P01"});
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_EXECUTE,
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_DEADLOCK,
                                                  .sqlstate = "40P01"});
    run_well(OPTIONS(ON, "enable_preprocessing", "true", "preprocessing_table", "t",
                     "preprocessing_sql", "UPDATE {table_list} SET id = id"));
    assert_rows("ERROR_STATISTICS", "tablename,class,code,occurrences,recovered",
                "|deadlock|40P01|1|1\n|failover|57P01|1|1\n");
}

static void test_parameters_and_resources_under_pressure_are_told(void **state)
{
    (void)state;
    fake_table_add(database, "", "t", "id LONG key");
    fake_rows_add(database, "t", 1, 4000, "#");
    script.sample.memory_percent = 95;
    script.sample.stalled_percent = 2.5;
    script.advance_ns = SECOND;
    run_well(OPTIONS(ON, "batch_size", "400", "max_queue_size", "1600", "max_retries", "0"));
    char *rows = fake_sink_rows(DESTINATION, "", "PARAMETER_HISTORY",
                                "changed_at,tablename,parameter,old_value,new_value,cause");
    assert_non_null(strstr(rows, "Z||batch_rows|400|200|memory at 95 % of 8192 MiB (cgroup v2)\n"));
    ps_free(rows);
    rows = fake_sink_rows(DESTINATION, "", "RESOURCE_USAGE",
                          "sampled_at,memory_percent,cpu_percent,disk_percent,memory_bytes,"
                          "limit_bytes,pressure");
    /* The first look, and the one that made batches smaller. */
    assert_non_null(strstr(rows, "|95|25|~|4294967296|8589934592|2.5\n"));
    const char *second = strchr(rows, '\n') + 1;
    assert_true(*second != '\0');
    ps_free(rows);
}

/* Lets the reader wait until the machine was looked at often enough. */
static void wait_for_samples(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    while (call == FAKE_READER_NEXT && atomic_load(&script.samples) < 10) {
        sched_yield();
    }
}

static void test_resources_are_told_once_a_minute_while_the_source_is_slow(void **state)
{
    (void)state;
    fake_table_add(database, "", "t", "id LONG key");
    fake_hook_set(database, wait_for_samples, NULL);
    script.advance_ns = 20 * SECOND;
    run_well(OPTIONS(ON));
    fake_hook_set(database, NULL, NULL);
    char *rows = fake_sink_rows(DESTINATION, "", "RESOURCE_USAGE", "sampled_at");
    int64_t before = 0;
    int count = 0;
    for (const char *at = rows; *at != '\0'; at = strchr(at, '\n') + 1) {
        struct ps_timestamp time;
        assert_true(ps_timestamp_parse(at, strcspn(at, "\n"), &time, NULL));
        assert_true(count == 0 || time.seconds - before >= 60);
        before = time.seconds;
        count++;
    }
    assert_true(count >= 3);
    ps_free(rows);
}

static void test_metadata_without_monitoring_is_validation_alone(void **state)
{
    (void)state;
    people();
    run_well(OPTIONS(ON, "enable_resource_monitoring", "false"));
    assert_rows("VALIDATION", "tablename", "people\n");
    assert_rows("SYNC_VALIDATION", "total_tables", "1\n");
    static const char *const absent[] = {"RESOURCE_USAGE", "PROCESSING_STATISTICS",
                                         "ERROR_STATISTICS", "PARAMETER_HISTORY"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        assert_absent(absent[i]);
    }
}

static void test_metadata_follows_the_platforms_selection(void **state)
{
    (void)state;
    const struct ps_selected_column columns[] = {{"count", false}, {"tablename", false}};
    const struct ps_selected_table tables[] = {
        {"people", true, NULL, 0, true},
        {"VALIDATION", true, columns, 2, true},
        {"SYNC_VALIDATION", false, NULL, 0, false},
    };
    const struct ps_selected_schema schema = {"", true, tables, 3, false};
    const struct ps_selection selection = {&schema, 1, false};
    struct sync sync = {.selection = &selection};
    people();
    run(&sync, OPTIONS(ON));
    assert_int_equal(sync.status, PS_OK);
    assert_rows("VALIDATION", "tablename,records_processed", "people|2\n"); /* keys always */
    assert_null(strstr(fake_sink_journal(), "SYNC_VALIDATION"));
    assert_null(strstr(fake_sink_journal(), "RESOURCE_USAGE"));
    char *without = fake_sink_rows(DESTINATION, "", "VALIDATION", "count");
    assert_true(without == NULL || strstr(without, "3") == NULL);
    ps_free(without);
}

static void test_metadata_tables_can_be_excluded_and_yield_to_the_sources_own(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "validation", "id LONG key");
    run_well(OPTIONS(ON, "exclude_tables", "RESOURCE_USAGE, *_STATISTICS"));
    assert_absent("RESOURCE_USAGE");
    assert_absent("ERROR_STATISTICS");
    assert_absent("VALIDATION");
    assert_rows("validation", "id", "");
    assert_rows("PARAMETER_HISTORY", "parameter", "");
    assert_non_null(strstr(warnings, "the metadata table VALIDATION is left out: a table of the "
                                     "source has its name (metadata_tables)\n"));
    assert_null(strstr(warnings, "no table matches"));
}

static void test_metadata_has_a_schema_of_its_own_where_tables_keep_theirs(void **state)
{
    (void)state;
    fake_table_add(database, "s", "t", "id LONG key");
    fake_rows_add(database, "t", 1, 3, "#");
    run_well(OPTIONS(ON, "destination_names", "schema"));
    assert_rows_of("penstock", "VALIDATION", "tablename,count", "s.t|3\n");
}

static void test_metadata_that_cannot_be_written_costs_no_row(void **state)
{
    (void)state;
    struct sync sync = {.status = PS_BUG};
    people();
    fake_sink_fail(FAKE_SINK_SCHEMA_CHANGE, 3, PS_CONFIG); /* people, VALIDATION, … */
    run(&sync, OPTIONS(ON));
    assert_int_equal(sync.status, PS_CONFIG);
    assert_true(sync.sink_failed);
    assert_non_null(strstr(sync.err.message, "writing the metadata table SYNC_VALIDATION: "));
    assert_rows("people", "id", "1\n2\n");
    assert_int_equal(sync.upserts, 2);
    assert_absent("VALIDATION");
    struct sync next = run_well(OPTIONS(ON)); /* and the sync was whole */
    assert_int_equal(next.upserts, 2);
    assert_rows("SYNC_VALIDATION", "total_records", "2\n");
}

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(test_metadata_is_off_unless_the_source_or_the_user_wants_it),
        RUN_TEST(test_validation_tells_what_was_read_counted_deleted_and_skipped),
        RUN_TEST(test_validation_of_each_sync_has_rows_of_its_own),
        RUN_TEST(test_validation_counts_as_the_option_says),
        RUN_TEST(test_validation_counts_no_large_table_unless_that_is_cheap),
        RUN_TEST(test_validation_count_that_fails_gives_way_to_the_statistics),
        RUN_TEST(test_validation_warns_where_one_point_in_time_has_two_numbers),
        RUN_TEST(test_validation_reads_the_marks_where_the_source_cannot_count_them),
        RUN_TEST(test_validation_count_can_be_interrupted),
        RUN_TEST(test_errors_that_were_tried_again_are_told_by_class_and_code),
        RUN_TEST(test_errors_of_a_sync_that_fails_are_told),
        RUN_TEST(test_errors_before_progress_count_as_recovered_when_the_table_fails),
        RUN_TEST(test_errors_before_a_table_is_read_are_the_syncs),
        RUN_TEST(test_parameters_and_resources_under_pressure_are_told),
        RUN_TEST(test_resources_are_told_once_a_minute_while_the_source_is_slow),
        RUN_TEST(test_metadata_without_monitoring_is_validation_alone),
        RUN_TEST(test_metadata_follows_the_platforms_selection),
        RUN_TEST(test_metadata_tables_can_be_excluded_and_yield_to_the_sources_own),
        RUN_TEST(test_metadata_has_a_schema_of_its_own_where_tables_keep_theirs),
        RUN_TEST(test_metadata_that_cannot_be_written_costs_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
