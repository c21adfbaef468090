/*
 * Windows and reads of changes that were cut off: what the next sync, or the same one in another
 * point in time, goes on from, and where the next window begins.
 */
#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define ROWS 100
#define DESTINATION "warehouse"
/* So large that a checkpoint after each batch is not too soon for the state's size. */
#define FILL_SIZE 3000

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static char fill[FILL_SIZE + 1];

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

struct sync {
    const char *state; /* what it begins with where the sink keeps none; NULL: nothing */
    bool resync;
    const char *empty_value; /* the option; NULL: not set */
    enum ps_status status;
    struct ps_table_result totals;
    bool goes_on, history_gone;
};

static void run(struct sync *sync)
{
    const char *const options[] = {"batch_size",
                                   "10",
                                   "checkpoint_rows",
                                   "10",
                                   "retry_sleep_seconds",
                                   "1",
                                   "lookback_seconds",
                                   "0",
                                   sync->empty_value == NULL ? NULL : "empty_value",
                                   sync->empty_value,
                                   NULL};
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_error err = {0};
    struct ps_stored_state stored = {.found = false};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel,
                 .resync = sync->resync},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
    };
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(fake_sink_ops.state_read(request.sink, &stored, &err), PS_OK);
    const char *json = stored.json != NULL ? stored.json : sync->state != NULL ? sync->state : "";
    assert_int_equal(ps_state_parse(json, strlen(json), "the test", &request.state, &err), PS_OK);
    ps_free(stored.json);
    sync->status = ps_sync_run(&request, &result, &err);
    sync->totals = ps_run_result_totals(&result);
    sync->goes_on = strstr(result.tables[0].reason, "the read that was cut off goes on") != NULL;
    sync->history_gone = strstr(result.tables[0].reason, "all rows: its history is gone") != NULL;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
}

static struct sync run_well(void)
{
    struct sync sync = {.resync = false};
    run(&sync);
    assert_int_equal(sync.status, PS_OK);
    return sync;
}

/* A process that dies before its nth checkpoint is there. */
static void run_killed(struct sync *sync, uint64_t checkpoint)
{
    fake_sink_fail(FAKE_SINK_CHECKPOINT, checkpoint, PS_CONFIG);
    run(sync);
    assert_int_equal(sync->status, PS_CONFIG);
    fake_sink_fail_clear();
}

static bool state_holds(const char *text)
{
    return strstr(fake_sink_state(DESTINATION), text) != NULL;
}

/* How many rows of the warehouse have that value. */
static int rows_with(const char *value)
{
    char *rows = fake_sink_rows(DESTINATION, "", "t", "v"), line[32];
    int count = 0;
    assert_non_null(rows);
    snprintf(line, sizeof line, "%s\n", value);
    for (const char *at = rows; *at != '\0'; at = strchr(at, '\n') + 1) {
        count += strncmp(at, line, strlen(line)) == 0;
    }
    ps_free(rows);
    return count;
}

static void add_rows(int first, int last, const char *v, const char *time)
{
    char pattern[FILL_SIZE + 200];
    snprintf(pattern, sizeof pattern, "#|%s|%s|%s", v, fill, time);
    fake_rows_add(database, "t", first, last, pattern);
}

static void change_row(int id, const char *v, const char *time)
{
    char key[16], values[FILL_SIZE + 200];
    snprintf(key, sizeof key, "%d", id);
    snprintf(values, sizeof values, "%d|%s|%s|%s", id, v, fill, time);
    fake_row_change(database, "t", key, values);
}

static void change_all(const char *v, const char *time)
{
    for (int id = 1; id <= ROWS; id++) {
        change_row(id, v, time);
    }
}

static int begin_with(const char *cursor)
{
    char columns[200];
    memset(fill, 'x', FILL_SIZE);
    fake_sink_forget();
    database = fake_database_new();
    snprintf(columns, sizeof columns, "id LONG key, v STRING, fill STRING, updated_at %s", cursor);
    fake_table_add(database, "", "t", columns);
    add_rows(1, ROWS, "old", "2024-01-01T00:00:00Z");
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    ps_log_set_writer(log_nowhere, NULL);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    return begin_with("UTC_DATETIME indexed");
}

static int begin_without_index(void **state)
{
    (void)state;
    return begin_with("UTC_DATETIME");
}

static int begin_with_changes(void **state)
{
    (void)state;
    (void)begin_with("UTC_DATETIME");
    fake_database_set_caps(database,
                           PS_CAP_SNAPSHOT | PS_CAP_RESUME | PS_CAP_COUNT_CHEAP | PS_CAP_CHANGES);
    return 0;
}

static int begin_without_loads(void **state)
{
    (void)begin_with_changes(state);
    fake_database_set_caps(database, fake_database_ops(database)->caps | PS_CAP_NO_LOADS);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ps_log_set_writer(NULL, NULL);
    fake_database_free(database);
    return 0;
}

static void load_then_change_all(void)
{
    (void)run_well();
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T02:00:00Z");
    change_all("new", "2024-01-01T01:00:00Z");
}

/* All rows have one time: the key alone says where it goes on. */
static void test_window_goes_on_after_its_last_checkpoint(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    load_then_change_all();
    run_killed(&sync, 5);
    int there = rows_with("new");
    assert_in_range(there, 10, ROWS - 10);
    assert_true(state_holds("\"penstock\":3,") && state_holds("\"window\":{"));
    sync = run_well();
    assert_true(sync.goes_on);
    assert_int_equal(sync.totals.upserts, ROWS - there);
    assert_int_equal(rows_with("new"), ROWS);
    assert_true(state_holds("\"penstock\":1,"));
    assert_true(state_holds("\"value\":\"2024-01-01T01:00:00Z\""));
}

static void test_window_killed_again_and_again_sends_each_row_once(void **state)
{
    uint64_t sent = 0;
    struct sync sync = {.resync = false};
    (void)state;
    load_then_change_all();
    for (int i = 0; i < 3; i++) {
        run_killed(&sync, 3);
        sent += sync.totals.upserts; /* what was committed */
    }
    assert_in_range(sent, 30, ROWS - 10);
    sync = run_well();
    assert_int_equal(sent + sync.totals.upserts, ROWS);
    assert_int_equal(rows_with("new"), ROWS);
}

static void test_window_without_an_index_begins_again(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    load_then_change_all();
    run_killed(&sync, 5);
    assert_false(state_holds("\"window\""));
    sync = run_well();
    assert_false(sync.goes_on);
    assert_int_equal(sync.totals.upserts, ROWS);
}

/* A transaction was open when the window began, and its rows lie behind the position. */
static void test_window_that_goes_on_keeps_its_first_horizon(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    (void)run_well();
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all("new", "2024-01-01T01:00:00Z");
    run_killed(&sync, 5);
    assert_true(state_holds("\"limit\":\"2024-01-01T00:30:00Z\""));
    change_row(1, "late", "2024-01-01T00:40:00Z");
    fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
    sync = run_well();
    assert_true(sync.goes_on);
    assert_int_equal(rows_with("late"), 0);
    assert_true(state_holds("\"value\":\"2024-01-01T00:30:00Z\""));
    (void)run_well();
    assert_int_equal(rows_with("late"), 1);
    assert_int_equal(rows_with("new"), ROWS - 1);
}

static void end_transaction(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    /* The read is in the middle of it. */
    if (call == FAKE_READER_NEXT && fake_calls(database, FAKE_READER_NEXT) == 17) {
        change_row(1, "late", "2024-01-01T00:40:00Z");
        fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
    }
}

/* The same within one sync, whose connection is lost. */
static void test_window_in_another_point_in_time_keeps_its_first_horizon(void **state)
{
    struct fake_fault lost = {
        .call = FAKE_READER_NEXT, .nth = 7, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    (void)state;
    (void)run_well();
    assert_int_equal(fake_calls(database, FAKE_READER_NEXT), 11);
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all("new", "2024-01-01T01:00:00Z");
    fake_fault_add(database, &lost);
    fake_hook_set(database, end_transaction, NULL);
    struct sync sync = run_well();
    fake_hook_set(database, NULL, NULL);
    assert_int_equal(sync.totals.upserts, ROWS);
    assert_int_equal(rows_with("late"), 0);
    assert_true(state_holds("\"value\":\"2024-01-01T00:30:00Z\""));
    (void)run_well();
    assert_int_equal(rows_with("late"), 1);
}

static void change_one_late(void)
{
    change_row(1, "late", "2024-01-01T00:25:00Z");
    fake_database_set_now(database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
}

/* A replica answers that lags behind what was read before: it lacks a row that the server had. */
static void test_window_that_goes_on_at_an_earlier_clock_takes_that(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    (void)run_well();
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all("new", "2024-01-01T01:00:00Z");
    run_killed(&sync, 5);
    fake_database_set_now(database, "2024-01-01T00:20:00Z", NULL);
    sync = run_well();
    assert_true(sync.goes_on);
    assert_true(state_holds("\"value\":\"2024-01-01T00:20:00Z\""));
    change_one_late();
    (void)run_well();
    assert_int_equal(rows_with("late"), 1);
}

static void fail_over(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_NEXT && fake_calls(database, FAKE_READER_NEXT) == 7) {
        fake_database_set_now(database, "2024-01-01T00:20:00Z", NULL);
    }
}

/* The same of a load, within one sync. */
static void test_load_that_fails_over_to_an_earlier_clock_takes_that(void **state)
{
    struct fake_fault lost = {
        .call = FAKE_READER_NEXT, .nth = 7, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    (void)state;
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all("new", "2024-01-01T01:00:00Z");
    fake_fault_add(database, &lost);
    fake_hook_set(database, fail_over, NULL);
    struct sync sync = run_well();
    fake_hook_set(database, NULL, NULL);
    assert_int_equal(sync.totals.truncates, 1);
    assert_int_equal(rows_with("new"), ROWS);
    assert_true(state_holds("\"value\":\"2024-01-01T00:20:00Z\""));
    change_one_late();
    (void)run_well();
    assert_int_equal(rows_with("late"), 1);
}

static void test_window_of_a_changed_table_begins_again(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    load_then_change_all();
    run_killed(&sync, 5);
    fake_column_add(database, "t", "w INT null");
    sync = run_well();
    assert_false(sync.goes_on);
    assert_int_equal(sync.totals.upserts, ROWS);
}

static void test_window_of_a_table_that_was_emptied_gives_way_to_a_load(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    load_then_change_all();
    run_killed(&sync, 5);
    fake_table_truncate(database, "t");
    add_rows(1, 3, "again", "2024-01-01T00:10:00Z");
    sync = run_well();
    assert_int_equal(sync.totals.truncates, 1);
    assert_int_equal(rows_with("again"), 3);
    assert_false(state_holds("\"window\""));
}

/* What a Python connector left is the table's own edge once its first window has begun. */
static void test_window_that_was_taken_over_goes_on_without_a_load(void **state)
{
    struct sync sync = {.state = "{\"t_last_updated_at\": \"2023-12-31T00:00:00Z\"}"};
    (void)state;
    fake_database_set_now(database, "2024-01-01T02:00:00Z", "2024-01-01T02:00:00Z");
    run_killed(&sync, 5);
    int there = rows_with("old");
    assert_in_range(there, 10, ROWS - 10);
    sync = run_well();
    assert_true(sync.goes_on);
    assert_int_equal(sync.totals.truncates, 0);
    assert_int_equal(sync.totals.upserts, ROWS - there);
    assert_int_equal(rows_with("old"), ROWS);
}

static void test_changes_go_on_after_their_last_checkpoint(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    fake_row_change(database, "t", "7", NULL);
    run_killed(&sync, 5);
    int there = rows_with("old");
    assert_in_range(there, 10, ROWS - 10);
    assert_true(state_holds("\"position\":\""));
    change_row(1, "new", "2024-01-01T00:10:00Z");
    sync = run_well();
    assert_int_equal(sync.totals.upserts, ROWS + 1 - there);
    assert_int_equal(sync.totals.deletes, 1);
    assert_int_equal(rows_with("old"), ROWS - 2);
    assert_int_equal(rows_with("new"), 1);
    assert_int_equal(run_well().totals.upserts, 0);
}

/* A read from the first change on that was asked for goes on, too. */
static void test_changes_that_are_read_anew_go_on(void **state)
{
    struct sync sync = {.resync = true};
    (void)state;
    (void)run_well();
    run_killed(&sync, 5);
    uint64_t sent = sync.totals.upserts;
    assert_in_range(sent, 10, ROWS - 10);
    sync = run_well();
    assert_int_equal(sync.totals.upserts, ROWS - sent);
    assert_int_equal(sync.totals.truncates, 0);
}

static void test_changes_begin_with_a_load(void **state)
{
    (void)state;
    fake_row_change(database, "t", "7", NULL);
    change_row(8, "new", "2024-01-01T00:10:00Z");
    struct sync sync = run_well();
    assert_int_equal(sync.totals.truncates, 1);
    assert_int_equal(rows_with("old"), ROWS - 2);
    assert_int_equal(rows_with("new"), 1);
    change_row(9, "new", "2024-01-01T00:10:00Z");
    sync = run_well();
    assert_int_equal(sync.totals.truncates, 0);
    assert_int_equal(sync.totals.upserts, 1);
    sync.empty_value = "N/A"; /* other values of rows that are there already */
    run(&sync);
    assert_int_equal(sync.totals.truncates, 1);
    assert_int_equal(rows_with("new"), 2);
}

/* Nobody tells of the rows that were deleted in what is lost of the log. */
static void lose_deletes(void)
{
    (void)run_well();
    fake_row_change(database, "t", "7", NULL);
    fake_log_cut(database, "t");
    fake_row_change(database, "t", "8", NULL);
    change_row(9, "new", "2024-01-01T00:10:00Z");
}

static void assert_nothing_is_left(void)
{
    assert_int_equal(rows_with("old"), ROWS - 3);
    assert_int_equal(rows_with("new"), 1);
    struct sync sync = run_well();
    assert_int_equal(sync.totals.truncates, 0);
    assert_int_equal(sync.totals.upserts + sync.totals.deletes, 0);
}

static void test_changes_whose_history_is_gone_are_loaded(void **state)
{
    (void)state;
    lose_deletes();
    struct sync sync = run_well();
    assert_true(sync.history_gone);
    assert_int_equal(sync.totals.truncates, 1);
    assert_nothing_is_left();
}

static void test_changes_of_a_resync_are_loaded(void **state)
{
    struct sync sync = {.resync = true};
    (void)state;
    lose_deletes();
    run(&sync);
    assert_int_equal(sync.status, PS_OK);
    assert_int_equal(sync.totals.truncates, 1);
    assert_nothing_is_left();
}

static void test_load_of_changes_goes_on_after_its_last_checkpoint(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    lose_deletes();
    run_killed(&sync, 5);
    assert_true(state_holds("\"loading\":true,\"load\":{"));
    assert_int_equal(rows_with("old"), ROWS); /* nothing of it is seen yet */
    uint64_t sent = sync.totals.upserts;
    assert_in_range(sent, 10, ROWS - 10);
    fake_row_change(database, "t", "1", NULL);        /* sent */
    change_row(2, "new", "2024-01-01T00:20:00Z");     /* likewise */
    change_row(ROWS, "last", "2024-01-01T00:20:00Z"); /* not yet */
    sync = run_well();
    assert_int_equal(sync.totals.truncates, 0);
    assert_int_equal(sync.totals.upserts, ROWS - 1 + 3 - sent);
    assert_int_equal(rows_with("old"), ROWS - 6);
    assert_int_equal(rows_with("new"), 2);
    assert_int_equal(rows_with("last"), 1);
    assert_int_equal(run_well().totals.upserts, 0);
}

/* The same within one sync, whose connection is lost. */
static void test_load_of_changes_goes_on_in_another_point_in_time(void **state)
{
    struct fake_fault lost = {
        .call = FAKE_READER_NEXT, .nth = 7, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    (void)state;
    lose_deletes();
    fake_fault_add(database, &lost);
    struct sync sync = run_well();
    assert_int_equal(sync.totals.truncates, 1);
    assert_int_equal(sync.totals.upserts, ROWS); /* one of them twice, as it changed */
    assert_nothing_is_left();
}

static void test_load_of_changes_whose_history_is_gone_begins_again(void **state)
{
    struct sync sync = {.resync = false};
    (void)state;
    lose_deletes();
    run_killed(&sync, 5);
    fake_row_change(database, "t", "1", NULL);
    fake_log_cut(database, "t");
    assert_int_equal(run_well().totals.truncates, 1);
    assert_int_equal(rows_with("old"), ROWS - 4);
}

/* There is no row from which a position could come. */
static void test_changes_of_an_empty_table_are_loaded_once(void **state)
{
    (void)state;
    fake_table_truncate(database, "t");
    fake_log_cut(database, "t");
    assert_int_equal(run_well().totals.truncates, 1);
    assert_int_equal(run_well().totals.truncates, 0);
    add_rows(1, 3, "new", "2024-01-01T00:10:00Z");
    assert_int_equal(run_well().totals.truncates, 0);
    assert_int_equal(rows_with("new"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
#define TEST_CHANGES(name) cmocka_unit_test_setup_teardown(name, begin_with_changes, end)
#define TEST_NO_LOADS(name) cmocka_unit_test_setup_teardown(name, begin_without_loads, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_window_goes_on_after_its_last_checkpoint),
        TEST(test_window_killed_again_and_again_sends_each_row_once),
        cmocka_unit_test_setup_teardown(test_window_without_an_index_begins_again,
                                        begin_without_index, end),
        TEST(test_window_that_goes_on_keeps_its_first_horizon),
        TEST(test_window_in_another_point_in_time_keeps_its_first_horizon),
        TEST(test_window_that_goes_on_at_an_earlier_clock_takes_that),
        TEST(test_load_that_fails_over_to_an_earlier_clock_takes_that),
        TEST(test_window_of_a_changed_table_begins_again),
        TEST(test_window_of_a_table_that_was_emptied_gives_way_to_a_load),
        TEST(test_window_that_was_taken_over_goes_on_without_a_load),
        TEST_NO_LOADS(test_changes_go_on_after_their_last_checkpoint),
        TEST_NO_LOADS(test_changes_that_are_read_anew_go_on),
        TEST_CHANGES(test_changes_begin_with_a_load),
        TEST_CHANGES(test_changes_whose_history_is_gone_are_loaded),
        TEST_CHANGES(test_changes_of_a_resync_are_loaded),
        TEST_CHANGES(test_load_of_changes_goes_on_after_its_last_checkpoint),
        TEST_CHANGES(test_load_of_changes_goes_on_in_another_point_in_time),
        TEST_CHANGES(test_load_of_changes_whose_history_is_gone_begins_again),
        TEST_CHANGES(test_changes_of_an_empty_table_are_loaded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
