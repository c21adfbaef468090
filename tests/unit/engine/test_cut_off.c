/*
 * Windows and reads of changes that were cut off: what the next sync, or the same one in another
 * point in time, goes on from, and where the next window begins.
 */
#include "support/harness.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define ROWS 100
/* So large that a checkpoint after each batch is not too soon for the state's size. */
#define FILL_SIZE 3000

static char fill[FILL_SIZE + 1];

/* A process that dies before its nth checkpoint is there. */
static void run_killed(struct harness *h, uint64_t checkpoint)
{
    fake_sink_fail(FAKE_SINK_CHECKPOINT, checkpoint, PS_CONFIG);
    harness_sync_ending(h, PS_CONFIG);
    fake_sink_fail_clear();
}

static bool goes_on(const struct harness *h)
{
    return strstr(harness_reason(h), "the read that was cut off goes on") != NULL;
}

static bool state_holds(struct harness *h, const char *text)
{
    return strstr(fake_sink_state(h->destination), text) != NULL;
}

/* How many rows of the warehouse have that value. */
static int rows_with(struct harness *h, const char *value)
{
    char *rows = harness_rows(h, "t", "v"), line[32];
    int count = 0;
    snprintf(line, sizeof line, "%s\n", value);
    for (const char *at = rows; *at != '\0'; at = strchr(at, '\n') + 1) {
        count += strncmp(at, line, strlen(line)) == 0;
    }
    ps_free(rows);
    return count;
}

static void add_rows(struct harness *h, int first, int last, const char *v, const char *time)
{
    char pattern[FILL_SIZE + 200];
    snprintf(pattern, sizeof pattern, "#|%s|%s|%s", v, fill, time);
    fake_rows_add(h->database, "t", first, last, pattern);
}

static void change_row(struct harness *h, int id, const char *v, const char *time)
{
    char key[16], values[FILL_SIZE + 200];
    snprintf(key, sizeof key, "%d", id);
    snprintf(values, sizeof values, "%d|%s|%s|%s", id, v, fill, time);
    fake_row_change(h->database, "t", key, values);
}

static void change_all(struct harness *h, const char *v, const char *time)
{
    for (int id = 1; id <= ROWS; id++) {
        change_row(h, id, v, time);
    }
}

static int begin_with(void **state, const char *cursor)
{
    char columns[200];
    (void)harness_set_up(state);
    struct harness *h = *state;
    harness_config(h, "batch_size", "10");
    harness_config(h, "checkpoint_rows", "10");
    harness_config(h, "retry_sleep_seconds", "1");
    harness_config(h, "lookback_seconds", "0");
    memset(fill, 'x', FILL_SIZE);
    snprintf(columns, sizeof columns, "id LONG key, v STRING, fill STRING, updated_at %s", cursor);
    fake_table_add(h->database, "", "t", columns);
    add_rows(h, 1, ROWS, "old", "2024-01-01T00:00:00Z");
    return 0;
}

static int begin(void **state)
{
    return begin_with(state, "UTC_DATETIME null indexed");
}

static int begin_without_index(void **state)
{
    return begin_with(state, "UTC_DATETIME");
}

static void keep_changes(struct harness *h)
{
    fake_database_set_caps(h->database,
                           PS_CAP_SNAPSHOT | PS_CAP_RESUME | PS_CAP_COUNT_CHEAP | PS_CAP_CHANGES);
}

static int begin_with_changes(void **state)
{
    (void)begin_with(state, "UTC_DATETIME");
    keep_changes(*state);
    harness_config(*state, "partition_rows", "20"); /* they are read as one all the same */
    return 0;
}

static int begin_without_loads(void **state)
{
    (void)begin_with_changes(state);
    struct harness *h = *state;
    fake_database_set_caps(h->database, fake_database_ops(h->database)->caps | PS_CAP_NO_LOADS);
    return 0;
}

static void load_then_change_all(struct harness *h)
{
    harness_sync(h);
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T02:00:00Z");
    change_all(h, "new", "2024-01-01T01:00:00Z");
}

/* All rows have one time: the key alone says where it goes on. */
static void test_window_goes_on_after_its_last_checkpoint(void **state)
{
    struct harness *h = *state;
    load_then_change_all(h);
    run_killed(h, 5);
    int there = rows_with(h, "new");
    assert_in_range(there, 10, ROWS - 10);
    assert_true(state_holds(h, "\"penstock\":3,") && state_holds(h, "\"window\":{"));
    harness_sync(h);
    assert_true(goes_on(h));
    assert_int_equal(h->totals.upserts, ROWS - there);
    assert_int_equal(rows_with(h, "new"), ROWS);
    assert_true(state_holds(h, "\"penstock\":1,"));
    assert_true(state_holds(h, "\"value\":\"2024-01-01T01:00:00Z\""));
}

static void test_window_killed_again_and_again_sends_each_row_once(void **state)
{
    struct harness *h = *state;
    uint64_t sent = 0;
    load_then_change_all(h);
    for (int i = 0; i < 3; i++) {
        run_killed(h, 3);
        sent += h->totals.upserts; /* what was committed */
    }
    assert_in_range(sent, 30, ROWS - 10);
    harness_sync(h);
    assert_int_equal(sent + h->totals.upserts, ROWS);
    assert_int_equal(rows_with(h, "new"), ROWS);
}

static void test_window_without_an_index_begins_again(void **state)
{
    struct harness *h = *state;
    load_then_change_all(h);
    run_killed(h, 5);
    assert_false(state_holds(h, "\"window\""));
    harness_sync(h);
    assert_false(goes_on(h));
    assert_int_equal(h->totals.upserts, ROWS);
}

/* A transaction was open when the window began, and its rows lie behind the position. */
static void test_window_that_goes_on_keeps_its_first_horizon(void **state)
{
    struct harness *h = *state;
    harness_sync(h);
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all(h, "new", "2024-01-01T01:00:00Z");
    run_killed(h, 5);
    assert_true(state_holds(h, "\"limit\":\"2024-01-01T00:30:00Z\""));
    change_row(h, 1, "late", "2024-01-01T00:40:00Z");
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
    harness_sync(h);
    assert_true(goes_on(h));
    assert_int_equal(rows_with(h, "late"), 0);
    assert_true(state_holds(h, "\"value\":\"2024-01-01T00:30:00Z\""));
    harness_sync(h);
    assert_int_equal(rows_with(h, "late"), 1);
    assert_int_equal(rows_with(h, "new"), ROWS - 1);
}

static void end_transaction(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    /* The read is in the middle of it. */
    if (call == FAKE_READER_NEXT && fake_calls(h->database, FAKE_READER_NEXT) == 17) {
        change_row(h, 1, "late", "2024-01-01T00:40:00Z");
        fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
    }
}

/* The same within one sync, whose connection is lost. */
static void test_window_in_another_point_in_time_keeps_its_first_horizon(void **state)
{
    struct harness *h = *state;
    struct fake_fault lost = {
        .call = FAKE_READER_NEXT, .nth = 7, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    harness_sync(h);
    assert_int_equal(fake_calls(h->database, FAKE_READER_NEXT), 11);
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all(h, "new", "2024-01-01T01:00:00Z");
    fake_fault_add(h->database, &lost);
    fake_hook_set(h->database, end_transaction, h);
    harness_sync(h);
    assert_int_equal(h->totals.upserts, ROWS);
    assert_int_equal(rows_with(h, "late"), 0);
    assert_true(state_holds(h, "\"value\":\"2024-01-01T00:30:00Z\""));
    harness_sync(h);
    assert_int_equal(rows_with(h, "late"), 1);
}

static void change_one_late(struct harness *h)
{
    change_row(h, 1, "late", "2024-01-01T00:25:00Z");
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T03:00:00Z");
}

/* A replica answers that lags behind what was read before: it lacks a row that the server had. */
static void test_window_that_goes_on_at_an_earlier_clock_takes_that(void **state)
{
    struct harness *h = *state;
    harness_sync(h);
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all(h, "new", "2024-01-01T01:00:00Z");
    run_killed(h, 5);
    fake_database_set_now(h->database, "2024-01-01T00:20:00Z", NULL);
    harness_sync(h);
    assert_true(goes_on(h));
    assert_true(state_holds(h, "\"value\":\"2024-01-01T00:20:00Z\""));
    change_one_late(h);
    harness_sync(h);
    assert_int_equal(rows_with(h, "late"), 1);
}

/* The clock of a server at which a transaction is open of which nobody can see when it began. */
static enum ps_status now_held(struct ps_source *source, struct ps_now *ret_now,
                               struct ps_error *err)
{
    enum ps_status status = fake_source_ops.now(source, ret_now, err);
    ret_now->held = true;
    return status;
}

static void test_window_that_goes_on_beside_a_hidden_transaction_keeps_its_edge(void **state)
{
    struct harness *h = *state;
    struct ps_source_ops other = *fake_database_ops(h->database);
    other.now = now_held;
    load_then_change_all(h);
    run_killed(h, 5);
    h->request.plan.source_ops = &other;
    harness_sync(h);
    assert_true(goes_on(h));
    assert_int_equal(rows_with(h, "new"), ROWS);
    assert_true(state_holds(h, "\"value\":\"2024-01-01T00:00:00Z\""));
}

static void fail_over(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == FAKE_READER_NEXT && fake_calls(h->database, FAKE_READER_NEXT) == 7) {
        fake_database_set_now(h->database, "2024-01-01T00:20:00Z", NULL);
    }
}

/* The same of a load, within one sync. */
static void test_load_that_fails_over_to_an_earlier_clock_takes_that(void **state)
{
    struct harness *h = *state;
    struct fake_fault lost = {
        .call = FAKE_READER_NEXT, .nth = 7, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T00:30:00Z");
    change_all(h, "new", "2024-01-01T01:00:00Z");
    fake_fault_add(h->database, &lost);
    fake_hook_set(h->database, fail_over, h);
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(rows_with(h, "new"), ROWS);
    assert_true(state_holds(h, "\"value\":\"2024-01-01T00:20:00Z\""));
    change_one_late(h);
    harness_sync(h);
    assert_int_equal(rows_with(h, "late"), 1);
}

/* A window of a batch of rows that have a cursor, and nine of rows that have none. */
static void empty_most_cursors(struct harness *h)
{
    harness_sync(h);
    for (int id = 11; id <= ROWS; id++) {
        change_row(h, id, "none", "\\N");
    }
}

static void test_window_that_fails_among_its_empty_cursors_is_given_up(void **state)
{
    struct harness *h = *state;
    struct fake_fault slow = {
        .call = FAKE_READER_NEXT, .status = PS_RETRY, .error_class = PS_CLASS_TIMEOUT};
    empty_most_cursors(h);
    for (slow.nth = 3; slow.nth <= 9; slow.nth += 2) { /* one batch comes between two of them */
        fake_fault_add(h->database, &slow);
    }
    harness_sync_ending_with(h, PS_RETRY, "max_retries", "2");
    harness_expect_error(h, "given up after 2 retries");
}

static void let_minutes_pass(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    /* Not for ever: a read that never ended would tell nobody. */
    if (call == FAKE_READER_NEXT && fake_calls(h->database, call) < 100) {
        ps_clock_fake_advance(&h->clock, 1200 * HARNESS_SECOND);
    }
}

static void test_window_reads_its_empty_cursors_at_one_point_in_time(void **state)
{
    struct harness *h = *state;
    empty_most_cursors(h);
    fake_hook_set(h->database, let_minutes_pass, h);
    harness_sync_with(h, "snapshot_max_minutes", "30");
    assert_int_equal(h->totals.upserts, ROWS);
    assert_int_equal(rows_with(h, "none"), ROWS - 10);
}

static void test_window_of_a_changed_table_begins_again(void **state)
{
    struct harness *h = *state;
    load_then_change_all(h);
    run_killed(h, 5);
    fake_column_add(h->database, "t", "w INT null");
    harness_sync(h);
    assert_false(goes_on(h));
    assert_int_equal(h->totals.upserts, ROWS);
}

static void test_window_of_a_table_that_was_emptied_gives_way_to_a_load(void **state)
{
    struct harness *h = *state;
    load_then_change_all(h);
    run_killed(h, 5);
    fake_table_truncate(h->database, "t");
    add_rows(h, 1, 3, "again", "2024-01-01T00:10:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(rows_with(h, "again"), 3);
    assert_false(state_holds(h, "\"window\""));
}

/* What a Python connector left is the table's own edge once its first window has begun. */
static void test_window_that_was_taken_over_goes_on_without_a_load(void **state)
{
    struct harness *h = *state;
    fake_database_set_now(h->database, "2024-01-01T02:00:00Z", "2024-01-01T02:00:00Z");
    h->state = "{\"t_last_updated_at\": \"2023-12-31T00:00:00Z\"}";
    run_killed(h, 5);
    h->state = NULL;
    int there = rows_with(h, "old");
    assert_in_range(there, 10, ROWS - 10);
    harness_sync(h);
    assert_true(goes_on(h));
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts, ROWS - there);
    assert_int_equal(rows_with(h, "old"), ROWS);
}

static void test_changes_go_on_after_their_last_checkpoint(void **state)
{
    struct harness *h = *state;
    fake_row_change(h->database, "t", "7", NULL);
    run_killed(h, 5);
    int there = rows_with(h, "old");
    assert_in_range(there, 10, ROWS - 10);
    assert_true(state_holds(h, "\"position\":\""));
    change_row(h, 1, "new", "2024-01-01T00:10:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.upserts, ROWS + 1 - there);
    assert_int_equal(h->totals.deletes, 1);
    assert_int_equal(rows_with(h, "old"), ROWS - 2);
    assert_int_equal(rows_with(h, "new"), 1);
    harness_sync(h);
    assert_int_equal(h->totals.upserts, 0);
}

/* A read from the first change on that was asked for goes on, too. */
static void test_changes_that_are_read_anew_go_on(void **state)
{
    struct harness *h = *state;
    harness_sync(h);
    h->request.plan.resync = true;
    run_killed(h, 5);
    uint64_t sent = h->totals.upserts;
    assert_in_range(sent, 10, ROWS - 10);
    harness_sync(h);
    assert_int_equal(h->totals.upserts, ROWS - sent);
    assert_int_equal(h->totals.truncates, 0);
}

static void test_changes_begin_with_a_load(void **state)
{
    struct harness *h = *state;
    fake_row_change(h->database, "t", "7", NULL);
    change_row(h, 8, "new", "2024-01-01T00:10:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_false(h->result.tables[0].once); /* a row may change while the changes are read */
    assert_int_equal(rows_with(h, "old"), ROWS - 2);
    assert_int_equal(rows_with(h, "new"), 1);
    change_row(h, 9, "new", "2024-01-01T00:10:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts, 1);
    harness_sync_with(h, "empty_value", "N/A"); /* other values of rows that are there already */
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(rows_with(h, "new"), 2);
}

/* They tell nothing of what came between the last sync and the first of them. */
static void test_changes_that_begin_to_be_kept_begin_with_a_load(void **state)
{
    struct harness *h = *state;
    harness_sync(h);
    fake_row_change(h->database, "t", "7", NULL);
    fake_log_cut(h->database, "t");
    keep_changes(h);
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(rows_with(h, "old"), ROWS - 1);
    harness_sync(h);
    assert_int_equal(h->totals.truncates + h->totals.upserts, 0);
}

/* Nobody tells of the rows that were deleted in what is lost of the log. */
static void lose_deletes(struct harness *h)
{
    harness_sync(h);
    fake_row_change(h->database, "t", "7", NULL);
    fake_log_cut(h->database, "t");
    fake_row_change(h->database, "t", "8", NULL);
    change_row(h, 9, "new", "2024-01-01T00:10:00Z");
}

static void assert_nothing_is_left(struct harness *h)
{
    assert_int_equal(rows_with(h, "old"), ROWS - 3);
    assert_int_equal(rows_with(h, "new"), 1);
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts + h->totals.deletes, 0);
}

static void test_changes_whose_history_is_gone_are_loaded(void **state)
{
    struct harness *h = *state;
    lose_deletes(h);
    harness_sync(h);
    harness_expect_reason(h, "all rows: its history is gone");
    assert_int_equal(h->totals.truncates, 1);
    assert_nothing_is_left(h);
}

/* What its history could have told is not lost because some of its rows cannot be carried. */
static void test_lost_history_of_a_table_with_rows_left_out(void **state)
{
    struct harness *h = *state;
    lose_deletes(h);
    fake_row_change(h->database, "t", "10", "10|\\bad|2024-01-01T00:20:00Z");
    harness_sync(h);
    harness_expect_reason(h, "all rows: its history is gone");
    assert_int_equal(h->totals.skipped, 1);
    assert_int_equal(rows_with(h, "old"), ROWS - 3); /* the bad one as it was, those deleted not */
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
}

static void test_lost_history_is_looked_for_again_where_keys_are_not_known(void **state)
{
    struct harness *h = *state;
    lose_deletes(h);
    fake_row_add(h->database, "t", "\\bad|new|2024-01-01T00:20:00Z");
    for (int i = 0; i < 2; i++) {
        harness_sync(h);
        harness_expect_warning(h, "the next sync loads all rows again");
        assert_true(h->totals.truncates == 1 && h->totals.skipped == 1);
        assert_int_equal(rows_with(h, "old"), ROWS - 2); /* that of 7 nobody tells of */
    }
    fake_row_change(h->database, "t", "\\bad", NULL);
    fake_log_cut(h->database, "t"); /* which still has it */
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_nothing_is_left(h);
}

static void test_changes_of_a_resync_are_loaded(void **state)
{
    struct harness *h = *state;
    lose_deletes(h);
    h->request.plan.resync = true;
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_nothing_is_left(h);
}

static void test_load_of_changes_goes_on_after_its_last_checkpoint(void **state)
{
    struct harness *h = *state;
    lose_deletes(h);
    run_killed(h, 5);
    assert_true(state_holds(h, "\"loading\":true,\"load\":{"));
    assert_int_equal(rows_with(h, "old"), ROWS); /* nothing of it is seen yet */
    uint64_t sent = h->totals.upserts;
    assert_in_range(sent, 10, ROWS - 10);
    fake_row_change(h->database, "t", "1", NULL);        /* sent */
    change_row(h, 2, "new", "2024-01-01T00:20:00Z");     /* likewise */
    change_row(h, ROWS, "last", "2024-01-01T00:20:00Z"); /* not yet */
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts, ROWS - 1 + 3 - sent);
    /* Its changes bring what came between the two points in time. */
    assert_false(h->result.tables[0].mixed_snapshot);
    assert_string_equal(h->warnings, "");
    assert_int_equal(rows_with(h, "old"), ROWS - 6);
    assert_int_equal(rows_with(h, "new"), 2);
    assert_int_equal(rows_with(h, "last"), 1);
    harness_sync(h);
    assert_int_equal(h->totals.upserts, 0);
}

/* The same within one sync, whose connection is lost. */
static void test_load_of_changes_goes_on_in_another_point_in_time(void **state)
{
    struct harness *h = *state;
    struct fake_fault lost = {
        .call = FAKE_READER_NEXT, .nth = 7, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    lose_deletes(h);
    fake_fault_add(h->database, &lost);
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(h->totals.upserts, ROWS); /* one of them twice, as it changed */
    assert_nothing_is_left(h);
}

static void test_load_of_changes_whose_history_is_gone_begins_again(void **state)
{
    struct harness *h = *state;
    lose_deletes(h);
    run_killed(h, 5);
    fake_row_change(h->database, "t", "1", NULL);
    fake_log_cut(h->database, "t");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(rows_with(h, "old"), ROWS - 4);
}

static atomic_int checkpoints;

static enum ps_status count_checkpoint(void *context, const char *json, size_t size,
                                       struct ps_error *err)
{
    (void)context;
    (void)json;
    (void)size;
    (void)err;
    (void)atomic_fetch_add(&checkpoints, 1);
    return PS_OK;
}

/* The read's end comes when all rows are saved, so long afterwards that what is written of it next
 * is saved at once. */
static void end_late(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == FAKE_READER_NEXT && fake_calls(h->database, call) == ROWS / 10 + 1) {
        while (atomic_load(&checkpoints) < ROWS / 10) {
            sched_yield();
        }
        ps_clock_fake_advance(&h->clock, 7200 * HARNESS_SECOND);
    }
}

static void test_load_of_changes_that_was_read_whole_goes_on_with_what_came_since(void **state)
{
    struct harness *h = *state;
    atomic_store(&checkpoints, 0);
    h->request.events.checkpoint = count_checkpoint;
    fake_hook_set(h->database, end_late, h);
    fake_sink_fail(FAKE_SINK_LOAD_END, 1, PS_CONFIG);
    harness_sync_ending(h, PS_CONFIG);
    fake_sink_fail_clear();
    change_row(h, 9, "new", "2024-01-01T00:10:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts, 1);
    assert_int_equal(rows_with(h, "new"), 1);
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts, 0);
}

/* There is no row from which a position could come. */
static void test_changes_of_an_empty_table_are_loaded_once(void **state)
{
    struct harness *h = *state;
    fake_table_truncate(h->database, "t");
    fake_log_cut(h->database, "t");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 1);
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    add_rows(h, 1, 3, "new", "2024-01-01T00:10:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(rows_with(h, "new"), 3);
}

#define TEST(name) HARNESS_TEST_FROM(name, begin)
#define TEST_CHANGES(name) HARNESS_TEST_FROM(name, begin_with_changes)
#define TEST_NO_LOADS(name) HARNESS_TEST_FROM(name, begin_without_loads)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_window_goes_on_after_its_last_checkpoint),
        TEST(test_window_killed_again_and_again_sends_each_row_once),
        HARNESS_TEST_FROM(test_window_without_an_index_begins_again, begin_without_index),
        TEST(test_window_that_goes_on_keeps_its_first_horizon),
        TEST(test_window_in_another_point_in_time_keeps_its_first_horizon),
        TEST(test_window_that_goes_on_at_an_earlier_clock_takes_that),
        TEST(test_window_that_goes_on_beside_a_hidden_transaction_keeps_its_edge),
        TEST(test_load_that_fails_over_to_an_earlier_clock_takes_that),
        TEST(test_window_that_fails_among_its_empty_cursors_is_given_up),
        TEST(test_window_reads_its_empty_cursors_at_one_point_in_time),
        TEST(test_window_of_a_changed_table_begins_again),
        TEST(test_window_of_a_table_that_was_emptied_gives_way_to_a_load),
        TEST(test_window_that_was_taken_over_goes_on_without_a_load),
        TEST_NO_LOADS(test_changes_go_on_after_their_last_checkpoint),
        TEST_NO_LOADS(test_changes_that_are_read_anew_go_on),
        TEST_CHANGES(test_changes_begin_with_a_load),
        TEST(test_changes_that_begin_to_be_kept_begin_with_a_load),
        TEST_CHANGES(test_changes_whose_history_is_gone_are_loaded),
        TEST_CHANGES(test_lost_history_of_a_table_with_rows_left_out),
        TEST_CHANGES(test_lost_history_is_looked_for_again_where_keys_are_not_known),
        TEST_CHANGES(test_changes_of_a_resync_are_loaded),
        TEST_CHANGES(test_load_of_changes_goes_on_after_its_last_checkpoint),
        TEST_CHANGES(test_load_of_changes_goes_on_in_another_point_in_time),
        TEST_CHANGES(test_load_of_changes_that_was_read_whole_goes_on_with_what_came_since),
        TEST_CHANGES(test_load_of_changes_whose_history_is_gone_begins_again),
        TEST_CHANGES(test_changes_of_an_empty_table_are_loaded_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
