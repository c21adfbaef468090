/*
 * Whole syncs: the engine between a source and a sink in memory, with scripted faults.
 */
#include "support/unit.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define DESTINATION "warehouse"

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static char warnings[4096];

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
    const char *const *options; /* pairs */
    bool resync;
    const char *const *resync_tables;
    const struct ps_selection *selection;
    enum ps_status (*checkpoint)(void *context, const char *json, size_t size,
                                 struct ps_error *err);
    enum ps_status status;
    struct ps_error err;
    struct ps_table_result totals;
    uint64_t checkpoints, tables_skipped, schema_changes;
    bool sink_failed, done; /* done: the first table */
    uint64_t retries;
    char reason[256]; /* of the first table */
};

static struct ps_state *stored_state(struct ps_sink *sink)
{
    struct ps_stored_state stored = {.found = false};
    struct ps_state *state;
    struct ps_error err;
    assert_int_equal(fake_sink_ops.state_read(sink, &stored, &err), PS_OK);
    if (ps_state_parse(stored.json == NULL ? "" : stored.json, stored.json_size, "the warehouse",
                       &state, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    ps_free(stored.json);
    return state;
}

/* One process's life: opens the sink, goes on from its state, syncs, closes. */
static void run(struct sync *sync)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, sync->options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel,
                 .resync = sync->resync,
                 .resync_tables = sync->resync_tables,
                 .selection = sync->selection},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
        .events = {.warning = keep_warning, .checkpoint = sync->checkpoint},
    };
    warnings[0] = '\0';
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &sync->err), PS_OK);
    request.state = stored_state(request.sink);
    sync->status = ps_sync_run(&request, &result, &sync->err);
    sync->totals = ps_run_result_totals(&result);
    sync->checkpoints = result.checkpoints;
    sync->tables_skipped = result.tables_skipped;
    sync->schema_changes = result.schema_changes;
    sync->sink_failed = result.sink_failed;
    sync->done = result.tables_count > 0 && result.tables[0].done;
    sync->retries = 0;
    for (size_t i = 0; i < sizeof(result.retries) / sizeof(result.retries[0]); i++) {
        sync->retries += result.retries[i];
    }
    snprintf(sync->reason, sizeof(sync->reason), "%s",
             result.tables_count == 0 ? "" : result.tables[0].reason);
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
}

static struct sync run_well(const char *const *options)
{
    struct sync sync = {.options = options};
    run(&sync);
    if (sync.status != PS_OK) {
        fail_msg("%s", sync.err.message);
    }
    return sync;
}

static void assert_rows(const char *table, const char *columns, const char *expected)
{
    char *rows = fake_sink_rows(DESTINATION, "", table, columns);
    assert_non_null(rows);
    assert_string_equal(rows, expected);
    ps_free(rows);
}

static void people(void)
{
    fake_table_add(database, "", "people",
                   "id LONG key, name STRING null, updated_at UTC_DATETIME null");
    fake_row_add(database, "people", "1|Ann|2024-01-01T00:00:00Z");
    fake_row_add(database, "people", "2|\\N|2024-01-01T00:00:01Z");
    fake_row_add(database, "people", "3||2024-01-01T00:00:02Z");
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
}

static void test_run_first_sync_loads_every_row(void **state)
{
    (void)state;
    people();
    struct sync sync = run_well(NULL);
    assert_rows("people", "id,name", "1|Ann\n2|~\n3|\n");
    assert_int_equal(sync.totals.upserts, 3);
    assert_int_equal(sync.totals.truncates, 1);
    assert_string_equal(sync.reason, "cursor updated_at; all rows: first sync");
}

static void test_run_second_sync_reads_the_window_alone(void **state)
{
    (void)state;
    const char *const options[] = {"lookback_seconds", "0", NULL};
    people();
    run_well(options);
    fake_row_change(database, "people", "1", "1|Anna|2024-01-01T02:00:00Z");
    fake_row_add(database, "people", "4|Dan|2024-01-01T02:00:01Z");
    fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T02:59:59Z");
    struct sync sync = run_well(options);
    assert_rows("people", "id,name", "1|Anna\n2|~\n3|\n4|Dan\n");
    /* The tie at the edge, and what changed. */
    assert_int_equal(sync.totals.upserts, 3);
    assert_int_equal(sync.totals.truncates, 0);
}

static void test_run_late_commit_is_found_without_a_lookback(void **state)
{
    (void)state;
    const char *const options[] = {"lookback_seconds", "0", NULL};
    people();
    /* A transaction began at 00:00:01.5 and is still open during the first sync. */
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T00:00:01.5Z");
    run_well(options);
    fake_row_add(database, "people", "9|Late|2024-01-01T00:00:01.5Z");
    run_well(options);
    assert_rows("people", "id,name", "1|Ann\n2|~\n3|\n9|Late\n");
}

/* A point in time shows what was there 50 ms ago: a row that was committed when the sync began, by
 * a transaction that had been open for long, is seen by those that are taken later alone. */
static struct {
    int64_t began_ns; /* 0: not yet */
    bool seen;
} stale;

static void show_what_was_there(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_NOW && stale.began_ns == 0 && fake_calls(database, FAKE_DESCRIBE) > 0) {
        stale.began_ns = ps_monotonic_ns();
    }
    if (call == FAKE_PIN && !stale.seen && ps_monotonic_ns() - stale.began_ns >= 50000000) {
        stale.seen = true;
        fake_row_add(database, "people", "9|Late|2024-01-01T00:00:01.5Z");
    }
}

static void test_run_stale_points_in_time_miss_nothing(void **state)
{
    (void)state;
    const char *const options[] = {"lookback_seconds", "0", NULL};
    people();
    stale.began_ns = 0;
    stale.seen = false;
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T01:00:00Z");
    fake_database_set_stale(database, 50);
    fake_hook_set(database, show_what_was_there, NULL);
    run_well(options);
    fake_hook_set(database, NULL, NULL);
    if (!stale.seen) {
        fake_row_add(database, "people", "9|Late|2024-01-01T00:00:01.5Z");
    }
    run_well(options);
    assert_rows("people", "id,name", "1|Ann\n2|~\n3|\n9|Late\n");
}

static void test_run_rows_without_a_cursor_value_are_read_every_time(void **state)
{
    (void)state;
    people();
    fake_row_add(database, "people", "7|Nil|\\N");
    run_well(NULL);
    fake_row_change(database, "people", "7", "7|Nihil|\\N");
    run_well(NULL);
    assert_rows("people", "id,name", "1|Ann\n2|~\n3|\n7|Nihil\n");
}

static void test_run_rows_of_the_future_are_read_again_until_they_pass(void **state)
{
    (void)state;
    const char *const options[] = {"lookback_seconds", "0", NULL};
    people();
    fake_row_add(database, "people", "8|Future|2030-01-01T00:00:00Z");
    run_well(options);
    fake_row_add(database, "people", "5|Now|2024-01-01T01:00:00Z");
    fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T02:59:59Z");
    run_well(options);
    assert_rows("people", "id", "1\n2\n3\n5\n8\n");
}

static void test_run_soft_deleted_rows_become_deletes(void **state)
{
    (void)state;
    fake_table_add(database, "", "visits",
                   "id LONG key, updated_at UTC_DATETIME, deleted BOOLEAN null");
    fake_row_add(database, "visits", "1|2024-01-01T00:00:00Z|false");
    fake_row_add(database, "visits", "2|2024-01-01T00:00:00Z|true");
    fake_row_add(database, "visits", "3|2024-01-01T00:00:00Z|\\N");
    struct sync sync = run_well(NULL);
    assert_rows("visits", "id", "1\n3\n");
    assert_int_equal(sync.totals.upserts, 2);
    fake_row_change(database, "visits", "1", "1|2024-01-02T00:00:00Z|true");
    sync = run_well(NULL);
    assert_rows("visits", "id", "1 deleted\n3\n");
    assert_true(sync.totals.deletes >= 1);
}

static void test_run_full_mode_deletes_rows_that_vanished(void **state)
{
    (void)state;
    fake_table_add(database, "", "plain", "id LONG key, v STRING");
    fake_rows_add(database, "plain", 1, 3, "#|v#");
    run_well(NULL);
    fake_row_change(database, "plain", "2", NULL);
    run_well(NULL);
    assert_rows("plain", "id,v", "1|v1\n2|v2 deleted\n3|v3\n");
    fake_row_add(database, "plain", "2|back");
    run_well(NULL);
    assert_rows("plain", "id,v", "1|v1\n2|back\n3|v3\n");
}

static void test_run_emptied_table_is_loaded_again(void **state)
{
    (void)state;
    people();
    run_well(NULL);
    fake_table_truncate(database, "people");
    fake_row_add(database, "people", "6|New|2023-01-01T00:00:00Z");
    struct sync sync = run_well(NULL);
    assert_non_null(strstr(sync.reason, "emptied or rewritten"));
    assert_rows("people", "id", "1 deleted\n2 deleted\n3 deleted\n6\n");
}

static void test_run_resync_loads_again(void **state)
{
    (void)state;
    people();
    run_well(NULL);
    struct sync sync = {.resync = true};
    run(&sync);
    assert_int_equal(sync.status, PS_OK);
    assert_non_null(strstr(sync.reason, "asked for"));
    assert_int_equal(sync.totals.upserts, 3);
}

static void test_run_new_column_arrives(void **state)
{
    (void)state;
    people();
    run_well(NULL);
    fake_column_add(database, "people", "city STRING null");
    fake_row_change(database, "people", "1", "1|Ann|2024-01-01T02:00:00Z|Ulm");
    run_well(NULL);
    assert_rows("people", "id,city", "1|Ulm\n2|~\n3|~\n");
}

static void test_run_passing_trouble_is_retried(void **state)
{
    (void)state;
    people();
    fake_rows_add(database, "people", 10, 60, "#|x|2024-01-01T00:00:00Z");
    const struct fake_fault faults[] = {
        {.call = FAKE_OPEN, .nth = 1, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK},
        {.call = FAKE_NOW, .nth = 1, .status = PS_RETRY, .error_class = PS_CLASS_TIMEOUT},
        {.call = FAKE_PIN, .nth = 1, .status = PS_SNAPSHOT_GONE},
        {.call = FAKE_READER_NEXT, .nth = 4, .status = PS_RETRY, .error_class = PS_CLASS_FAILOVER},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fake_fault_add(database, &faults[i]);
    }
    struct sync sync = run_well((const char *[]){"batch_size", "10", "max_retries", "9", NULL});
    assert_int_equal(fake_table_rows(database, "people"), 54);
    assert_int_equal(sync.totals.upserts, 54);
    assert_true(sync.retries >= 2);
}

static void test_run_ends_when_trouble_does_not_pass(void **state)
{
    (void)state;
    people();
    const struct fake_fault fault = {.call = FAKE_READER_NEXT,
                                     .forever = true,
                                     .status = PS_RETRY,
                                     .error_class = PS_CLASS_NETWORK};
    fake_fault_add(database, &fault);
    struct sync sync = {.options = (const char *[]){"max_retries", "2", NULL}};
    run(&sync);
    assert_int_equal(sync.status, PS_RETRY);
    assert_non_null(strstr(sync.err.message, "given up after 2 retries"));
    fake_faults_clear(database);
    run_well(NULL);
    assert_rows("people", "id", "1\n2\n3\n");
}

static void test_run_table_dropped_meanwhile_is_left_out(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "other", "id LONG key");
    fake_row_add(database, "other", "1");
    const struct fake_fault fault = {
        .call = FAKE_READER_OPEN, .table = "people", .status = PS_SCHEMA};
    fake_fault_add(database, &fault);
    run_well(NULL); /* described again, and read */
    assert_rows("people", "id", "1\n2\n3\n");
    fake_table_drop(database, "people");
    struct sync sync = run_well(NULL);
    assert_rows("other", "id", "1\n");
    assert_true(sync.tables_skipped <= 1);
}

static void test_run_whose_history_is_gone_loads_again_and_not_for_ever(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "other", "id LONG key");
    fake_row_add(database, "other", "1");
    run_well(NULL);
    fake_row_add(database, "people", "4|Dee|2024-01-01T00:00:03Z");
    struct fake_fault fault = {.call = FAKE_READER_OPEN, .table = "people", .status = PS_EXPIRED};
    fake_fault_add(database, &fault);
    run_well(NULL); /* all of it, not what is new alone */
    assert_rows("people", "id", "1\n2\n3\n4\n");
    assert_non_null(strstr(warnings, "people is loaded again from its beginning: "));
    fault.forever = true;
    fake_fault_add(database, &fault);
    fake_row_add(database, "other", "2");
    struct sync sync = run_well(NULL);
    assert_int_equal(sync.tables_skipped, 1);
    assert_rows("people", "id", "1\n2\n3\n4\n");
    assert_rows("other", "id", "1\n2\n");
    fake_faults_clear(database);
}

static void test_run_when_the_sink_fails_tells_of_what_it_committed_alone(void **state)
{
    (void)state;
    people();
    struct sync sync = {.options = NULL};
    fake_sink_fail(FAKE_SINK_CHECKPOINT, 1, PS_CONFIG);
    run(&sync);
    assert_int_equal(sync.status, PS_CONFIG);
    assert_true(sync.sink_failed);
    assert_false(sync.done);
    assert_int_equal(sync.checkpoints, 0);
    assert_int_equal(sync.schema_changes, 0);
    assert_int_equal(sync.totals.upserts, 0);
    assert_int_equal(sync.totals.bytes, 0);
    assert_false(run_well(NULL).sink_failed);
    assert_rows("people", "id", "1\n2\n3\n");

    /* The second of several: what the first committed counts. */
    sync =
        (struct sync){.options = (const char *[]){"batch_size", "1", "checkpoint_rows", "1", NULL},
                      .resync = true};
    fake_sink_fail(FAKE_SINK_CHECKPOINT, 2, PS_CONFIG);
    run(&sync);
    assert_true(sync.sink_failed);
    assert_int_equal(sync.checkpoints, 1);
    assert_int_equal(sync.totals.upserts, 1);
}

static enum ps_status refuse_copy(void *context, const char *json, size_t size,
                                  struct ps_error *err)
{
    (void)context;
    (void)json;
    (void)size;
    return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "no copy");
}

static void test_run_when_the_copy_of_the_state_fails_the_rows_count(void **state)
{
    (void)state;
    people();
    struct sync sync = {.checkpoint = refuse_copy};
    run(&sync);
    assert_int_equal(sync.status, PS_CONFIG);
    assert_int_equal(sync.checkpoints, 1);
    assert_int_equal(sync.totals.upserts, 3);
    assert_true(sync.done);
}

static void test_run_bad_rows_are_counted_or_end_the_sync(void **state)
{
    (void)state;
    people();
    fake_row_add(database, "people", "5|\\bad|2024-01-01T00:00:00Z");
    struct sync sync = run_well(NULL);
    assert_int_equal(sync.totals.skipped, 1);
    assert_non_null(strstr(warnings, "people: 1 row was left out: column \"name\""));
    assert_rows("people", "id", "1\n2\n3\n");
    sync = (struct sync){.options = (const char *[]){"on_bad_row", "stop", NULL}, .resync = true};
    run(&sync);
    assert_int_equal(sync.status, PS_DATA);
    assert_non_null(strstr(sync.err.message, "on_bad_row"));
}

static void test_run_sink_failure_ends_the_sync_and_loses_nothing(void **state)
{
    (void)state;
    people();
    for (int call = FAKE_SINK_SCHEMA_CHANGE; call < FAKE_SINK_CALLS; call++) {
        if (call == FAKE_SINK_TRUNCATE || call == FAKE_SINK_LOAD_RESUME) {
            continue;
        }
        fake_sink_fail((enum fake_sink_call)call, 1, PS_CONFIG);
        struct sync sync = {.resync = true};
        run(&sync);
        assert_int_equal(sync.status, PS_CONFIG);
        run_well(NULL);
        assert_rows("people", "id", "1\n2\n3\n");
    }
}

static void set_cancel(void *context, enum fake_call call, const char *table)
{
    (void)table;
    int *left = context;
    if (call == FAKE_READER_NEXT && --*left == 0) {
        ps_cancel_set(&cancel, 2);
    }
}

static void test_run_canceled_sync_checkpoints_and_goes_on(void **state)
{
    (void)state;
    people();
    fake_rows_add(database, "people", 10, 500, "#|x|2024-01-01T00:00:00Z");
    int left = 5;
    const struct fake_fault fault = {.call = FAKE_READER_NEXT, .nth = 5, .hang = true};
    fake_fault_add(database, &fault);
    fake_hook_set(database, set_cancel, &left);
    struct sync sync = {.options = (const char *[]){"batch_size", "10", NULL}};
    run(&sync);
    assert_int_equal(sync.status, PS_CANCELED);
    fake_hook_set(database, NULL, NULL);
    ps_cancel_init(&cancel);
    sync = run_well(NULL);
    assert_non_null(strstr(sync.reason, "cut off"));
    assert_int_equal(sync.totals.truncates, 0);
    assert_int_equal(sync.totals.upserts, 494 - 40);
    assert_int_equal(fake_table_rows(database, "people"), 494);
    char *rows = fake_sink_rows(DESTINATION, "", "people", "id");
    size_t lines = 0;
    for (const char *at = rows; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 494);
    ps_free(rows);
}

static void test_run_hanging_read_is_called_off(void **state)
{
    (void)state;
    people();
    int left = 1;
    const struct fake_fault fault = {.call = FAKE_READER_NEXT, .nth = 1, .hang = true};
    fake_fault_add(database, &fault);
    fake_hook_set(database, set_cancel, &left);
    struct sync sync = {0};
    run(&sync);
    assert_int_equal(sync.status, PS_CANCELED);
}

static void set_cancel_before_the_read(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_OPEN) {
        ps_cancel_set(&cancel, 2);
    }
}

static void test_run_sink_that_is_called_off_with_the_sync_makes_no_success(void **state)
{
    (void)state;
    people();
    fake_hook_set(database, set_cancel_before_the_read, NULL);
    fake_sink_fail(FAKE_SINK_SCHEMA_CHANGE, 1, PS_CANCELED);
    struct sync sync = {0};
    run(&sync);
    assert_int_equal(sync.status, PS_CANCELED);
}

static void test_run_selects_and_excludes(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "other", "id LONG key");
    fake_table_add(database, "", "others", "id LONG key");
    run_well((const char *[]){"tables", "other*, nothing", "exclude_tables", "others", NULL});
    assert_null(fake_sink_rows(DESTINATION, "", "people", "id"));
    assert_null(fake_sink_rows(DESTINATION, "", "others", "id"));
    assert_rows("other", "id", "");
    assert_non_null(strstr(warnings, "no table matches `nothing`"));
    struct sync sync = {.options = (const char *[]){"tables", "nothing", NULL}};
    run(&sync);
    assert_int_equal(sync.status, PS_CONFIG);
}

/* The first reads wait until another worker has come. */
static void wait_for_company(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    uint32_t peak = 0;
    int64_t deadline = ps_monotonic_ns() + INT64_C(10000000000);
    while (call == FAKE_READER_NEXT && peak < 2 && ps_monotonic_ns() < deadline) {
        fake_sources_open(database, &peak);
        sched_yield();
    }
}

static void test_run_many_tables_with_several_threads(void **state)
{
    (void)state;
    char name[16], pattern[512] = "#|";
    memset(pattern + 2, 'v', sizeof(pattern) - 3);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "t%02d", i);
        fake_table_add(database, "", name, "id LONG key, v STRING");
        fake_rows_add(database, name, 1, 30, pattern);
    }
    fake_hook_set(database, wait_for_company, NULL);
    struct sync sync =
        run_well((const char *[]){"batch_size", "7", "checkpoint_rows", "100", NULL});
    assert_int_equal(sync.totals.upserts, 1200);
    assert_true(sync.checkpoints > 2);
    uint32_t peak;
    assert_int_equal(fake_sources_open(database, &peak), 0);
    assert_true(peak > 1 && peak <= 4);
}

/* A destination keeps something of each in memory until the checkpoint. */
static void test_run_many_small_tables_are_checkpointed_in_between(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "t%03d", i);
        fake_table_add(database, "", name, "id LONG key");
    }
    assert_int_equal(run_well(NULL).checkpoints, 3);
}

static void test_run_load_that_left_rows_out_marks_none_as_deleted(void **state)
{
    (void)state;
    fake_table_add(database, "", "plain", "id LONG key, v STRING");
    fake_rows_add(database, "plain", 1, 3, "#|v#");
    run_well(NULL);
    fake_row_change(database, "plain", "2", "2|\\bad");
    fake_row_change(database, "plain", "3", NULL);
    struct sync sync = run_well(NULL);
    assert_int_equal(sync.totals.skipped, 1);
    assert_rows("plain", "id,v", "1|v1\n2|v2\n3|v3\n");
    fake_row_change(database, "plain", "2", "2|good");
    run_well(NULL);
    assert_rows("plain", "id,v", "1|v1\n2|good\n3|v3 deleted\n");
}

static void test_run_load_that_left_rows_out_deletes_marked_ones(void **state)
{
    (void)state;
    fake_table_add(database, "", "visits",
                   "id LONG key, updated_at UTC_DATETIME, deleted BOOLEAN null, v STRING");
    fake_rows_add(database, "visits", 1, 3, "#|2024-01-01T00:00:00Z|false|v#");
    run_well(NULL);
    fake_row_change(database, "visits", "2", "2|2024-01-01T00:00:00Z|true|v2");
    fake_row_change(database, "visits", "3", "3|2024-01-01T00:00:00Z|false|\\bad");
    struct sync sync = {.resync = true};
    run(&sync);
    assert_true(sync.totals.skipped == 1 && sync.totals.deletes == 1);
    assert_rows("visits", "id,v", "1|v1\n2|v2 deleted\n3|v3\n");
}

static void test_run_resync_of_a_table_that_is_not_there_is_refused(void **state)
{
    (void)state;
    people();
    run_well(NULL);
    const char *const slip[] = {"peeple", NULL};
    struct sync sync = {.resync = true, .resync_tables = slip};
    run(&sync);
    assert_int_equal(sync.status, PS_CONFIG);
    assert_non_null(strstr(sync.err.message, "peeple"));
}

static void test_run_another_soft_delete_column_loads_again(void **state)
{
    (void)state;
    fake_table_add(database, "", "visits", "id LONG key, updated_at UTC_DATETIME, gone BOOLEAN");
    fake_row_add(database, "visits", "1|2024-01-01T00:00:00Z|false");
    fake_row_add(database, "visits", "2|2024-01-01T00:00:00Z|true");
    run_well(NULL);
    assert_rows("visits", "id", "1\n2\n");
    struct sync sync = run_well((const char *[]){"soft_delete_column", "gone", NULL});
    assert_non_null(strstr(sync.reason, "marked as deleted otherwise"));
    assert_rows("visits", "id", "1\n2 deleted\n");
    run_well((const char *[]){"soft_delete_column", "nope", NULL});
    assert_non_null(strstr(warnings, "nope"));
}

static void test_run_refused_tables_are_counted_where_they_are_missed(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "other", "id LONG key");
    fake_table_add(database, "", "secret", "id LONG key");
    fake_table_refuse(database, "secret");
    struct sync sync = run_well(NULL);
    assert_int_equal(sync.tables_skipped, 0); /* it was never asked for */
    fake_table_refuse(database, "other");
    sync = run_well(NULL);
    assert_int_equal(sync.tables_skipped, 1); /* it was read before */
    sync = run_well((const char *[]){"tables", "people, secret", NULL});
    assert_int_equal(sync.tables_skipped, 2);
    sync = (struct sync){.options = (const char *[]){"tables", "secret", NULL}};
    run(&sync);
    assert_int_equal(sync.status, PS_CONFIG);
    assert_int_equal(sync.err.error_class, PS_CLASS_PERMISSION);
}

static void test_run_table_that_is_gone_is_told_once_and_loaded_when_it_comes_back(void **state)
{
    (void)state;
    people();
    fake_table_add(database, "", "other", "id LONG key");
    run_well(NULL);
    fake_table_drop(database, "people");
    run_well(NULL);
    assert_non_null(strstr(warnings, "people is not among the source's tables any more"));
    run_well(NULL);
    assert_null(strstr(warnings, "any more"));
    assert_rows("people", "id", "1\n2\n3\n");
}

static void test_run_unknown_horizon_is_said(void **state)
{
    (void)state;
    people();
    fake_database_set_now(database, "2024-01-01T01:00:00Z", NULL);
    run_well(NULL);
    assert_non_null(strstr(warnings, "open transactions cannot be seen"));
}

static void test_run_honours_the_platforms_selection(void **state)
{
    (void)state;
    const char *const no_lookback[] = {"lookback_seconds", "0", NULL};
    people();
    fake_table_add(database, "", "unwanted", "id LONG key");
    fake_table_add(database, "", "unlisted", "id LONG key");
    /* The key and the cursor are left out by name: the key is sent, the cursor only used. */
    const struct ps_selected_column columns[] = {{"id", false}, {"updated_at", false}};
    struct ps_selected_table tables[] = {{"people", true, columns, 2, true},
                                         {"unwanted", false, NULL, 0, true}};
    const struct ps_selected_schema schema = {"", true, tables, 2, false};
    const struct ps_selection selection = {&schema, 1, false};
    struct sync sync = {.options = no_lookback, .selection = &selection};
    run(&sync);
    assert_int_equal(sync.status, PS_OK);
    assert_rows("people", "id,name", "1|Ann\n2|~\n3|\n");
    assert_rows("people", "id,updated_at", "1|?\n2|?\n3|?\n"); /* no such column */
    assert_null(fake_sink_rows(DESTINATION, "", "unwanted", "id"));
    assert_null(fake_sink_rows(DESTINATION, "", "unlisted", "id"));
    fake_row_add(database, "people", "4|Dan|2024-01-01T00:30:00Z");
    run(&sync);
    assert_int_equal(sync.totals.upserts, 2); /* the tie, and the new row */
    tables[0].include_new_columns = false;
    run(&sync);
    assert_int_equal(sync.status, PS_OK);
}

static void test_run_identical_rows_without_a_key_become_one(void **state)
{
    (void)state;
    fake_table_add(database, "", "log", "line STRING");
    fake_row_add(database, "log", "a");
    fake_row_add(database, "log", "a");
    fake_row_add(database, "log", "b");
    struct sync sync = run_well(NULL);
    assert_rows("log", "line", "a\nb\n");
    assert_int_equal(sync.totals.duplicates, 1);
}

static int set_up(void **state)
{
    (void)state;
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

#define RUN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN_TEST(test_run_first_sync_loads_every_row),
        RUN_TEST(test_run_second_sync_reads_the_window_alone),
        RUN_TEST(test_run_late_commit_is_found_without_a_lookback),
        RUN_TEST(test_run_stale_points_in_time_miss_nothing),
        RUN_TEST(test_run_rows_without_a_cursor_value_are_read_every_time),
        RUN_TEST(test_run_rows_of_the_future_are_read_again_until_they_pass),
        RUN_TEST(test_run_soft_deleted_rows_become_deletes),
        RUN_TEST(test_run_full_mode_deletes_rows_that_vanished),
        RUN_TEST(test_run_emptied_table_is_loaded_again),
        RUN_TEST(test_run_resync_loads_again),
        RUN_TEST(test_run_new_column_arrives),
        RUN_TEST(test_run_passing_trouble_is_retried),
        RUN_TEST(test_run_ends_when_trouble_does_not_pass),
        RUN_TEST(test_run_table_dropped_meanwhile_is_left_out),
        RUN_TEST(test_run_whose_history_is_gone_loads_again_and_not_for_ever),
        RUN_TEST(test_run_bad_rows_are_counted_or_end_the_sync),
        RUN_TEST(test_run_sink_failure_ends_the_sync_and_loses_nothing),
        RUN_TEST(test_run_canceled_sync_checkpoints_and_goes_on),
        RUN_TEST(test_run_when_the_sink_fails_tells_of_what_it_committed_alone),
        RUN_TEST(test_run_when_the_copy_of_the_state_fails_the_rows_count),
        RUN_TEST(test_run_hanging_read_is_called_off),
        RUN_TEST(test_run_sink_that_is_called_off_with_the_sync_makes_no_success),
        RUN_TEST(test_run_selects_and_excludes),
        RUN_TEST(test_run_many_tables_with_several_threads),
        RUN_TEST(test_run_many_small_tables_are_checkpointed_in_between),
        RUN_TEST(test_run_load_that_left_rows_out_marks_none_as_deleted),
        RUN_TEST(test_run_load_that_left_rows_out_deletes_marked_ones),
        RUN_TEST(test_run_resync_of_a_table_that_is_not_there_is_refused),
        RUN_TEST(test_run_another_soft_delete_column_loads_again),
        RUN_TEST(test_run_refused_tables_are_counted_where_they_are_missed),
        RUN_TEST(test_run_table_that_is_gone_is_told_once_and_loaded_when_it_comes_back),
        RUN_TEST(test_run_unknown_horizon_is_said),
        RUN_TEST(test_run_honours_the_platforms_selection),
        RUN_TEST(test_run_identical_rows_without_a_key_become_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
