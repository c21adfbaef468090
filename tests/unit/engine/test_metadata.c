/*
 * Whole syncs with the metadata tables: each is filled by an event that is provoked, and read back
 * from the destination.
 */
#include "support/harness.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"

#define BEGAN 1700000000 /* 2023-11-14T22:13:20Z */

static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    ps_clock_fake_init(&h->clock, (struct ps_timestamp){BEGAN, 123456789});
    h->request.monitor = &h->monitor.base;
    return 0;
}

static int begin_with_metadata(void **state)
{
    (void)begin(state);
    struct harness *h = *state;
    harness_config(h, "metadata_tables", "true");
    return 0;
}

/* Two rows that count, one that is marked as deleted, one that cannot be carried. */
static void people(struct harness *h)
{
    fake_table_add(h->database, "", "people",
                   "id LONG key, name STRING null, updated_at UTC_DATETIME, deleted BOOLEAN null");
    fake_row_add(h->database, "people", "1|Ann|2024-01-01T00:00:00Z|false");
    fake_row_add(h->database, "people", "2|Ben|2024-01-01T00:00:00Z|\\N");
    fake_row_add(h->database, "people", "3|Cai|2024-01-01T00:00:00Z|true");
    fake_row_add(h->database, "people", "4|\\bad|2024-01-01T00:00:00Z|false");
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T01:00:00Z");
}

static void test_metadata_is_off_unless_the_source_or_the_user_wants_it(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_sync(h);
    harness_expect_absent(h, "VALIDATION");
    fake_database_set_caps(h->database, fake_database_ops(h->database)->caps | PS_CAP_METADATA);
    harness_sync_with(h, "metadata_tables", "false");
    harness_expect_absent(h, "VALIDATION");
    assert_int_equal(fake_calls(h->database, FAKE_COUNT), 0);
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "tablename", "people\n");
}

static void test_validation_tells_what_was_read_counted_deleted_and_skipped(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_table_add(h->database, "", "visits", "note STRING");
    fake_rows_add(h->database, "visits", 1, 10, "#");
    harness_sync(h);
    harness_expect_rows(
        h, "VALIDATION",
        "sync_timestamp,tablename,datetime,count,count_method,records_processed,deletes,"
        "skipped,category,processing_order,mode",
        "2023-11-14T22:13:20.123456Z|people|2023-11-14T22:13:20.123456Z|3|exact|2|0|1|"
        "small|1|incremental\n"
        "2023-11-14T22:13:20.123456Z|visits|2023-11-14T22:13:20.123456Z|10|exact|10|0|0|"
        "small|2|full\n");
    harness_expect_rows(h, "SYNC_VALIDATION",
                        "sync_timestamp,total_tables,total_records,tables_processed",
                        "2023-11-14T22:13:20.123456Z|2|12|people,visits\n");
}

static void test_validation_of_each_sync_has_rows_of_its_own(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_sync_with(h, "lookback_seconds", "0");
    ps_clock_fake_advance(&h->clock, 3600 * HARNESS_SECOND);
    fake_row_change(h->database, "people", "1", "1|Ann|2024-01-01T02:00:00Z|true");
    fake_row_add(h->database, "people", "5|Eve|2024-01-01T02:00:00Z|false");
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
    harness_sync_with(h, "lookback_seconds", "0");
    harness_expect_rows(h, "VALIDATION", "sync_timestamp,count,records_processed,deletes,skipped",
                        "2023-11-14T22:13:20.123456Z|3|2|0|1\n"
                        "2023-11-14T23:13:20.123456Z|3|2|2|1\n");
}

static void test_validation_counts_as_the_option_says(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_table_set_estimate(h->database, "people", 2000);
    uint32_t caps = fake_database_ops(h->database)->caps & ~PS_CAP_COUNT_CHEAP;
    fake_database_set_caps(h->database, caps);
    /* Nothing is counted where nobody asks. */
    harness_sync(h);
    assert_false(h->result.tables[0].validation.wanted);
    harness_sync_with(h, "validation_count", "exact");
    assert_true(h->result.tables[0].validation.wanted);
    assert_int_equal(h->result.tables[0].validation.method, PS_COUNT_EXACT);
    assert_int_equal(h->result.tables[0].validation.rows, 3);
    harness_expect_absent(h, "VALIDATION");
    harness_sync_with(h, "validation_count", "statistics");
    assert_int_equal(h->result.tables[0].validation.method, PS_COUNT_STATISTICS);
    assert_int_equal(h->result.tables[0].validation.rows, 2000);
    harness_sync_with(h, "validation_count", "auto");
    assert_int_equal(h->result.tables[0].validation.method, PS_COUNT_EXACT);
    assert_int_equal(fake_calls(h->database, FAKE_COUNT), 2);
}

static void test_validation_counts_no_large_table_unless_that_is_cheap(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_table_set_estimate(h->database, "people", 2000);
    uint32_t caps = fake_database_ops(h->database)->caps;
    harness_config(h, "small_table_threshold", "10");
    harness_config(h, "large_table_threshold", "2000");
    fake_database_set_caps(h->database, caps & ~PS_CAP_COUNT_CHEAP);
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "count,count_method,category", "2000|statistics|large\n");
    assert_int_equal(fake_calls(h->database, FAKE_COUNT), 0);
    fake_database_set_caps(h->database, caps);
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "count,count_method,category", "3|exact|large\n");
}

static void test_validation_count_that_fails_gives_way_to_the_statistics(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_COUNT,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_TIMEOUT,
                                                     .message = "it takes too long"});
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "count,count_method,records_processed",
                        "4|statistics|2\n");
    harness_expect_warning(h, "people: its rows could not be counted: it takes too long\n");
    harness_expect_rows(h, "ERROR_STATISTICS", "tablename,class,occurrences,recovered",
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
    struct harness *h = *state;
    struct ps_source_ops ops = *fake_database_ops(h->database);
    ops.count = count_too_few;
    h->request.plan.source_ops = &ops;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, 8, "#");
    harness_sync(h);
    assert_string_equal(h->warnings,
                        "t: 8 rows were read, and the source counts 7 at that point in time\n");
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", NULL);
    fake_sink_forget();
    fake_row_add(h->database, "t", "\\bad");
    harness_sync(h); /* with rows left out nobody can tell */
    harness_expect_no_warning(h, "the source counts");
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
    struct harness *h = *state;
    struct ps_source_ops ops = *fake_database_ops(h->database);
    ops.count = count_is_unable;
    h->request.plan.source_ops = &ops;
    people(h);
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "count,count_method", "3|exact\n");
    assert_string_equal(h->warnings, "people: 1 row was left out: column \"name\": the test said "
                                     "so\n");
}

static void *cancel_when_it_hangs(void *argument)
{
    struct harness *h = argument;
    while (fake_readers_hanging(h->database) == 0) {
        sched_yield();
    }
    ps_cancel_set(&h->cancel, 0);
    return NULL;
}

static void test_validation_count_can_be_interrupted(void **state)
{
    struct harness *h = *state;
    pthread_t thread;
    people(h);
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_COUNT, .hang = true});
    assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_hangs, h), 0);
    (void)harness_try(h);
    pthread_join(thread, NULL);
    /* The rows were all there. */
    assert_int_equal(h->totals.upserts, 2);
    harness_expect_rows(h, "VALIDATION", "count,count_method,records_processed", "~|none|2\n");
}

/* The other table's reader fails once the count is under way. */
static void wait_for_count(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    while (call == FAKE_READER_NEXT && strcmp(table, "b") == 0 &&
           fake_readers_hanging(h->database) == 0) {
        sched_yield();
    }
}

static void test_validation_count_ends_when_another_table_fails(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "a", "id LONG key");
    fake_rows_add(h->database, "a", 1, 2, "#");
    fake_table_add(h->database, "", "b", "id LONG key");
    fake_rows_add(h->database, "b", 1, 20, "#");
    fake_hook_set(h->database, wait_for_count, h);
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_COUNT, .hang = true});
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                     .table = "b",
                                                     .status = PS_CONFIG,
                                                     .error_class = PS_CLASS_PERMISSION});
    harness_sync_ending_with(h, PS_CONFIG, "threads", "2");
    assert_int_equal(h->err.error_class, PS_CLASS_PERMISSION);
    harness_expect_rows(h, "VALIDATION", "tablename,count_method,records_processed", "a|none|2\n");
    harness_expect_rows(h, "ERROR_STATISTICS", "tablename,class,occurrences", "b|permission|1\n");
}

static void test_errors_that_were_tried_again_are_told_by_class_and_code(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, 10, "#");
    for (uint64_t i = 1; i <= 2; i++) {
        fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                         .table = "t",
                                                         .nth = i,
                                                         .status = PS_RETRY,
                                                         .error_class = PS_CLASS_DEADLOCK,
                                                         .vendor_code = 1205});
    }
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_OPEN,
                                                     .table = "t",
                                                     .nth = 2,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_NETWORK,
                                                     .sqlstate = "08006"});
    harness_sync(h);
    harness_expect_rows(h, "ERROR_STATISTICS", "tablename,class,code,occurrences,recovered",
                        "t|deadlock|1205|2|2\nt|network|08006|1|1\n");
    char *waited = harness_rows(h, "ERROR_STATISTICS", "waited_seconds");
    assert_true(strtod(waited, NULL) > 0); /* by the sync's clock, which waits move on */
    ps_free(waited);
    harness_expect_rows(h, "PROCESSING_STATISTICS",
                        "tablename,rows,bytes,threads,batch_rows,retries", "t|10|80|1|5000|3\n");
}

static void test_errors_of_a_sync_that_fails_are_told(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "a", "id LONG key");
    fake_rows_add(h->database, "a", 1, 2, "#");
    fake_table_add(h->database, "", "b", "id LONG key");
    fake_rows_add(h->database, "b", 1, 20, "#");
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                     .table = "b",
                                                     .nth = 2,
                                                     .forever = true,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_TIMEOUT,
                                                     .sqlstate = "57014"});
    harness_sync_ending_with(h, PS_RETRY, "threads", "1", "max_retries", "2", "batch_size", "5");
    harness_expect_rows(h, "ERROR_STATISTICS", "tablename,class,code,occurrences,recovered",
                        "b|timeout|57014|3|0\n");
    harness_expect_rows(h, "VALIDATION", "tablename,processing_order,records_processed", "a|1|2\n");
    harness_expect_rows(h, "SYNC_VALIDATION", "total_tables,tables_processed", "2|a\n");
    harness_expect_rows(h, "PROCESSING_STATISTICS", "tablename,rows,threads,retries",
                        "a|2|1|0\nb|5|~|2\n");
    const char *last = strstr(fake_sink_journal(), "write upsert ERROR_STATISTICS 1\n");
    assert_non_null(last);
    assert_non_null(strstr(last, "\ncheckpoint "));
}

static void test_errors_before_progress_count_as_recovered_when_the_table_fails(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "b", "id LONG key");
    fake_rows_add(h->database, "b", 1, 20, "#");
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_DEADLOCK});
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                     .nth = 3,
                                                     .status = PS_CONFIG,
                                                     .error_class = PS_CLASS_PERMISSION});
    harness_sync_ending_with(h, PS_CONFIG, "batch_size", "5");
    harness_expect_rows(h, "ERROR_STATISTICS", "class,code,occurrences,recovered",
                        "deadlock||1|1\npermission||1|0\n");
}

static void test_errors_before_a_table_is_read_are_the_syncs(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_LIST_TABLES,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_FAILOVER,
                                                     .sqlstate = "57P01"});
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_EXECUTE,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_DEADLOCK,
                                                     .sqlstate = "40P01"});
    harness_sync_with(h, "enable_preprocessing", "true", "preprocessing_table", "t",
                      "preprocessing_sql", "UPDATE {table_list} SET id = id");
    harness_expect_rows(h, "ERROR_STATISTICS", "tablename,class,code,occurrences,recovered",
                        "|deadlock|40P01|1|1\n|failover|57P01|1|1\n");
    assert_int_equal(h->result.retries[PS_CLASS_DEADLOCK], 1);
    assert_int_equal(h->result.retries[PS_CLASS_FAILOVER], 1);
}

/* Lets the reader wait until the machine was looked at often enough. */
static void wait_for_looks(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    while (call == FAKE_READER_NEXT && atomic_load(&h->monitor.looks) <= FAKE_MONITOR_ADVANCES) {
        sched_yield();
    }
}

static void test_parameters_and_resources_under_pressure_are_told(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, 4000, "#");
    h->monitor.sample.memory_percent = 95;
    h->monitor.sample.stalled_percent = 2.5;
    h->monitor.advance_ns = HARNESS_SECOND;
    h->monitor.base.interval_ns = FAKE_MONITOR_OFTEN_NS;
    fake_hook_set(h->database, wait_for_looks, h);
    harness_sync_with(h, "batch_size", "400", "max_queue_size", "1600", "max_retries", "0");
    char *rows = harness_rows(h, "PARAMETER_HISTORY",
                              "changed_at,tablename,parameter,old_value,new_value,cause");
    assert_non_null(strstr(rows, "Z||batch_rows|400|200|memory at 95 % of 8192 MiB (cgroup v2)\n"));
    ps_free(rows);
    rows = harness_rows(h, "RESOURCE_USAGE",
                        "sampled_at,memory_percent,cpu_percent,disk_percent,memory_bytes,"
                        "limit_bytes,pressure");
    /* The first look, and the one that made batches smaller. */
    assert_non_null(strstr(rows, "|95|25|~|4294967296|8589934592|2.5\n"));
    const char *second = strchr(rows, '\n') + 1;
    assert_true(*second != '\0');
    ps_free(rows);
}

static void test_resources_are_told_once_a_minute_while_the_source_is_slow(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_hook_set(h->database, wait_for_looks, h);
    h->monitor.base.interval_ns = FAKE_MONITOR_OFTEN_NS;
    h->monitor.advance_ns = 20 * HARNESS_SECOND;
    harness_sync(h);
    char *rows = harness_rows(h, "RESOURCE_USAGE", "sampled_at");
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

static void test_source_that_cannot_be_reached_is_told(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_OPEN,
                                                     .forever = true,
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_NETWORK,
                                                     .message = "nobody answers"});
    harness_sync_ending_with(h, PS_RETRY, "max_retries", "2");
    harness_expect_error(h, "nobody answers");
    assert_int_equal(h->result.checkpoints, 1);
    harness_expect_rows(h, "ERROR_STATISTICS",
                        "sync_timestamp,tablename,class,occurrences,recovered",
                        "2023-11-14T22:13:20.123456Z||network|3|0\n");
    harness_expect_rows(h, "SYNC_VALIDATION", "total_tables,total_records,tables_processed",
                        "0|0|\n");
    harness_expect_rows(h, "VALIDATION", "tablename", "");
    /* Nobody is bound by it: another source may have been meant. */
    assert_null(strstr(fake_sink_state(h->destination), "\"source\""));
    fake_faults_clear(h->database);
    ps_clock_fake_advance(&h->clock, 3600 * HARNESS_SECOND);
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "tablename", "t\n");
    fake_fault_add(
        h->database,
        &(struct fake_fault){.call = FAKE_OPEN, .status = PS_CONFIG, .error_class = PS_CLASS_AUTH});
    ps_clock_fake_advance(&h->clock, 3600 * HARNESS_SECOND);
    harness_sync_ending(h, PS_CONFIG);
    harness_expect_rows(h, "ERROR_STATISTICS", "class,occurrences", "auth|1\nnetwork|3\n");
    assert_non_null(strstr(fake_sink_state(h->destination), "\"source\""));
}

static void test_planning_that_fails_is_told(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_table_add(h->database, "", "ERROR_STATISTICS", "id LONG key");
    harness_sync(h); /* a table of the source's has that name */
    ps_clock_fake_advance(&h->clock, 3600 * HARNESS_SECOND);
    harness_sync_ending_with(h, PS_CONFIG, "tables", "nothing");
    harness_expect_rows(h, "SYNC_VALIDATION", "total_tables", "0\n2\n");
    harness_expect_rows(h, "ERROR_STATISTICS", "id", "");
    harness_expect_warning(h, "the metadata table ERROR_STATISTICS is left out");
    /* What fails after the tables are known. */
    fake_sink_forget();
    harness_sync_ending_with(h, PS_CONFIG, "exclude_tables", "ERROR_STATISTICS", "column_types",
                             "people.name=LONG");
    harness_expect_rows(h, "SYNC_VALIDATION", "total_tables", "0\n");
}

static void test_preprocessing_that_fails_is_told(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_sync_ending_with(h, PS_CONFIG, "enable_preprocessing", "true", "preprocessing_table",
                             "people", "preprocessing_sql",
                             "DELETE FROM {table_list} WHERE x = {nothing}");
    assert_string_equal(fake_executed(h->database), "");
    harness_expect_rows(h, "ERROR_STATISTICS", "tablename,class,occurrences", "|setting|1\n");
    harness_expect_rows(h, "SYNC_VALIDATION", "total_tables,tables_processed", "1|\n");
    assert_null(strstr(fake_sink_journal(), "people"));
}

static void test_end_that_cannot_be_told_masks_no_error(void **state)
{
    struct harness *h = *state;
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_OPEN,
                                                     .status = PS_CONFIG,
                                                     .error_class = PS_CLASS_AUTH,
                                                     .message = "the password is wrong"});
    fake_sink_fail(FAKE_SINK_CHECKPOINT, 1, PS_CONFIG);
    harness_sync_ending(h, PS_CONFIG);
    assert_int_equal(h->err.error_class, PS_CLASS_AUTH);
    harness_expect_error(h, "the password is wrong");
    assert_false(h->result.sink_failed); /* no row is lost */
    harness_expect_warning(h, "how the sync ended could not be told at the destination: ");
    harness_expect_absent(h, "ERROR_STATISTICS");
}

static void test_metadata_without_monitoring_is_validation_alone(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_sync_with(h, "enable_resource_monitoring", "false");
    harness_expect_rows(h, "VALIDATION", "tablename", "people\n");
    harness_expect_rows(h, "SYNC_VALIDATION", "total_tables", "1\n");
    static const char *const absent[] = {"RESOURCE_USAGE", "PROCESSING_STATISTICS",
                                         "ERROR_STATISTICS", "PARAMETER_HISTORY"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        harness_expect_absent(h, absent[i]);
    }
}

static void test_metadata_follows_the_platforms_selection(void **state)
{
    struct harness *h = *state;
    const struct ps_selected_column columns[] = {{"count", false}, {"tablename", false}};
    const struct ps_selected_table tables[] = {
        {"people", true, NULL, 0, true},
        {"VALIDATION", true, columns, 2, true},
        {"SYNC_VALIDATION", false, NULL, 0, false},
    };
    const struct ps_selected_schema schema = {"", true, tables, 3, false};
    const struct ps_selection selection = {&schema, 1, false};
    h->request.plan.selection = &selection;
    people(h);
    harness_sync(h);
    harness_expect_rows(h, "VALIDATION", "tablename,records_processed",
                        "people|2\n"); /* keys always */
    assert_null(strstr(fake_sink_journal(), "SYNC_VALIDATION"));
    assert_null(strstr(fake_sink_journal(), "RESOURCE_USAGE"));
    char *without = harness_rows(h, "VALIDATION", "count");
    assert_null(strstr(without, "3"));
    ps_free(without);
}

static void test_metadata_tables_can_be_excluded_and_yield_to_the_sources_own(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_table_add(h->database, "", "validation", "id LONG key");
    harness_sync_with(h, "exclude_tables", "RESOURCE_USAGE, *_STATISTICS");
    harness_expect_absent(h, "RESOURCE_USAGE");
    harness_expect_absent(h, "ERROR_STATISTICS");
    harness_expect_absent(h, "VALIDATION");
    harness_expect_rows(h, "validation", "id", "");
    harness_expect_rows(h, "PARAMETER_HISTORY", "parameter", "");
    harness_expect_warning(h, "the metadata table VALIDATION is left out: a table of the "
                              "source has its name (metadata_tables)\n");
    harness_expect_no_warning(h, "no table matches");
}

static void test_metadata_has_a_schema_of_its_own_where_tables_keep_theirs(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "s", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, 3, "#");
    harness_sync_with(h, "destination_names", "schema");
    char *rows = fake_sink_rows(h->destination, "penstock", "VALIDATION", "tablename,count");
    assert_non_null(rows);
    assert_string_equal(rows, "s.t|3\n");
    ps_free(rows);
}

static void test_metadata_that_cannot_be_written_costs_no_row(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_sink_fail(FAKE_SINK_SCHEMA_CHANGE, 3, PS_CONFIG); /* people, VALIDATION, … */
    harness_sync_ending(h, PS_CONFIG);
    assert_true(h->result.sink_failed);
    harness_expect_error(h, "writing the metadata table SYNC_VALIDATION: ");
    harness_expect_rows(h, "people", "id", "1\n2\n");
    assert_int_equal(h->totals.upserts, 2);
    harness_expect_absent(h, "VALIDATION");
    harness_sync(h); /* and the sync was whole */
    assert_int_equal(h->totals.upserts, 2);
    harness_expect_rows(h, "SYNC_VALIDATION", "total_records", "2\n");
}

#define RUN_TEST(name) HARNESS_TEST_FROM(name, begin_with_metadata)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST_FROM(test_metadata_is_off_unless_the_source_or_the_user_wants_it, begin),
        RUN_TEST(test_validation_tells_what_was_read_counted_deleted_and_skipped),
        RUN_TEST(test_validation_of_each_sync_has_rows_of_its_own),
        HARNESS_TEST_FROM(test_validation_counts_as_the_option_says, begin),
        RUN_TEST(test_validation_counts_no_large_table_unless_that_is_cheap),
        RUN_TEST(test_validation_count_that_fails_gives_way_to_the_statistics),
        RUN_TEST(test_validation_warns_where_one_point_in_time_has_two_numbers),
        RUN_TEST(test_validation_reads_the_marks_where_the_source_cannot_count_them),
        RUN_TEST(test_validation_count_can_be_interrupted),
        RUN_TEST(test_validation_count_ends_when_another_table_fails),
        RUN_TEST(test_errors_that_were_tried_again_are_told_by_class_and_code),
        RUN_TEST(test_errors_of_a_sync_that_fails_are_told),
        RUN_TEST(test_errors_before_progress_count_as_recovered_when_the_table_fails),
        RUN_TEST(test_errors_before_a_table_is_read_are_the_syncs),
        RUN_TEST(test_parameters_and_resources_under_pressure_are_told),
        RUN_TEST(test_resources_are_told_once_a_minute_while_the_source_is_slow),
        RUN_TEST(test_source_that_cannot_be_reached_is_told),
        RUN_TEST(test_planning_that_fails_is_told),
        RUN_TEST(test_preprocessing_that_fails_is_told),
        RUN_TEST(test_end_that_cannot_be_told_masks_no_error),
        RUN_TEST(test_metadata_without_monitoring_is_validation_alone),
        RUN_TEST(test_metadata_follows_the_platforms_selection),
        RUN_TEST(test_metadata_tables_can_be_excluded_and_yield_to_the_sources_own),
        RUN_TEST(test_metadata_has_a_schema_of_its_own_where_tables_keep_theirs),
        RUN_TEST(test_metadata_that_cannot_be_written_costs_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
