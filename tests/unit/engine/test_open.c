/*
 * Unit tests for src/engine/open.c: loads whose point in time is lost in the middle of a sync.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define ROWS 1000

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static struct ps_source_ops source_ops; /* the fake source's, of which a test replaces some */
static char warnings[4096];

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static void keep_warning(void *context, const char *text)
{
    size_t size = strlen(warnings);
    (void)context;
    snprintf(warnings + size, sizeof(warnings) - size, "%s\n", text);
}

static bool never(const char *bounds)
{
    (void)bounds;
    return false;
}

/* A load of ten parts with two batches each. */
static struct ps_table_result load_until(enum ps_status end_status)
{
    static const char *const options[] = {
        "batch_size", "50", "partition_rows", "100", "threads", "1", "max_retries", "99", NULL};
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_error err = {0};
    struct ps_sink_request open = {
        .destination = "warehouse", .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = &source_ops,
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
        .events = {.warning = keep_warning},
    };
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(ps_state_new(&request.state, &err), PS_OK);
    if (ps_sync_run(&request, &result, &err) != end_status) {
        fail_msg("%s", err.message);
    }
    struct ps_table_result totals = ps_run_result_totals(&result);
    totals.mixed_snapshot = result.tables[0].mixed_snapshot;
    totals.goes_on = result.tables[0].goes_on;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    return totals;
}

static struct ps_table_result load(void)
{
    return load_until(PS_OK);
}

static void lose_point(uint64_t nth)
{
    const struct fake_fault gone = {
        .call = FAKE_READER_NEXT, .nth = nth, .status = PS_SNAPSHOT_GONE};
    fake_fault_add(database, &gone);
}

static int begin(void **state)
{
    (void)state;
    fake_sink_forget();
    database = fake_database_new();
    source_ops = *fake_database_ops(database);
    fake_table_add(database, "", "t", "id LONG key");
    fake_rows_add(database, "t", 1, ROWS, "#");
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    ps_log_set_writer(log_nowhere, NULL);
    warnings[0] = '\0';
    return 0;
}

static int end(void **state)
{
    (void)state;
    ps_log_set_writer(NULL, NULL);
    fake_database_free(database);
    fake_sink_forget();
    return 0;
}

static void test_load_that_loses_its_point_goes_on_and_says_what_that_means(void **state)
{
    (void)state;
    lose_point(15);
    struct ps_table_result result = load();
    assert_true(result.mixed_snapshot);
    assert_non_null(strstr(warnings, "t: its load was cut off and went on at another point"));
    assert_non_null(strstr(warnings, "were deleted or given another key may still be at"));
    assert_null(strstr(warnings, "missing"));
}

static void test_load_begins_anew_where_nothing_tells_what_changed(void **state)
{
    (void)state;
    source_ops.shows_changes = never;
    lose_point(15);
    struct ps_table_result result = load();
    assert_false(result.mixed_snapshot);
    assert_int_equal(result.upserts, ROWS);
    assert_string_equal(warnings, "");
}

static void test_load_that_no_point_outlasts_comes_to_an_end(void **state)
{
    (void)state;
    source_ops.shows_changes = never;
    for (uint64_t nth = 10; nth <= 50; nth += 10) {
        lose_point(nth);
    }
    struct ps_table_result result = load();
    assert_true(result.mixed_snapshot);
    assert_non_null(strstr(warnings, "such as came or changed may be missing"));
}

static void stop_at_the_15th(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_NEXT && fake_calls(database, call) == 15) {
        ps_cancel_set(&cancel, 1);
    }
}

static struct ps_table_result load_stopped(void)
{
    const struct fake_fault fault = {.call = FAKE_READER_NEXT, .nth = 15, .hang = true};
    fake_fault_add(database, &fault);
    fake_hook_set(database, stop_at_the_15th, NULL);
    return load_until(PS_CANCELED);
}

static void test_load_that_is_stopped_tells_whether_it_goes_on(void **state)
{
    (void)state;
    assert_true(load_stopped().goes_on);
}

static void test_load_that_is_stopped_and_begins_anew_does_not_go_on(void **state)
{
    (void)state;
    source_ops.shows_changes = never;
    assert_false(load_stopped().goes_on);
}

/* No positions: its part is read again from the beginning. */
static void test_load_counts_bad_rows_that_are_read_again_once(void **state)
{
    const struct fake_fault lost = {.call = FAKE_READER_NEXT, .nth = 33, .status = PS_RETRY};
    (void)state;
    fake_database_set_caps(database, PS_CAP_SNAPSHOT);
    source_ops = *fake_database_ops(database);
    fake_row_add(database, "t", "\\bad"); /* in the last of eleven parts, three calls each */
    fake_fault_add(database, &lost);
    assert_int_equal(load().skipped, 1);
    assert_int_equal(fake_calls(database, FAKE_READER_OPEN), 12);
    assert_non_null(strstr(warnings, "t: 1 row was left out: column \"id\""));
}

#define LOAD_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(test_load_that_loses_its_point_goes_on_and_says_what_that_means),
        LOAD_TEST(test_load_begins_anew_where_nothing_tells_what_changed),
        LOAD_TEST(test_load_that_no_point_outlasts_comes_to_an_end),
        LOAD_TEST(test_load_that_is_stopped_tells_whether_it_goes_on),
        LOAD_TEST(test_load_counts_bad_rows_that_are_read_again_once),
        LOAD_TEST(test_load_that_is_stopped_and_begins_anew_does_not_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
