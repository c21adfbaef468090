/*
 * Unit tests for src/engine/open.c: loads whose point in time is lost in the middle of a sync.
 */
#include "support/harness.h"

#include <string.h>

#include "base/alloc.h"

#define ROWS 1000

static struct ps_source_ops source_ops; /* the fake source's, of which a test replaces some */

static bool never(const char *bounds)
{
    (void)bounds;
    return false;
}

static void lose_point(struct harness *h, uint64_t nth)
{
    const struct fake_fault gone = {
        .call = FAKE_READER_NEXT, .nth = nth, .status = PS_SNAPSHOT_GONE};
    fake_fault_add(h->database, &gone);
}

/* A load of ten parts with two batches each. */
static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, ROWS, "#");
    source_ops = *fake_database_ops(h->database);
    h->request.plan.source_ops = &source_ops;
    harness_config(h, "batch_size", "50");
    harness_config(h, "partition_rows", "100");
    harness_config(h, "threads", "1");
    harness_config(h, "max_retries", "99");
    return 0;
}

static void test_load_that_loses_its_point_goes_on_and_says_what_that_means(void **state)
{
    struct harness *h = *state;
    lose_point(h, 15);
    harness_sync(h);
    assert_true(h->result.tables[0].mixed_snapshot);
    harness_expect_warning(h, "t: its load was cut off and went on at another point");
    harness_expect_warning(h, "were deleted or given another key may still be at");
    harness_expect_no_warning(h, "missing");
}

static void test_load_begins_anew_where_nothing_tells_what_changed(void **state)
{
    struct harness *h = *state;
    source_ops.shows_changes = never;
    lose_point(h, 15);
    harness_sync(h);
    assert_false(h->result.tables[0].mixed_snapshot);
    assert_int_equal(h->totals.upserts, ROWS);
    assert_string_equal(h->warnings, "");
}

static void test_load_that_no_point_outlasts_comes_to_an_end(void **state)
{
    struct harness *h = *state;
    source_ops.shows_changes = never;
    for (uint64_t nth = 10; nth <= 50; nth += 10) {
        lose_point(h, nth);
    }
    harness_sync(h);
    assert_true(h->result.tables[0].mixed_snapshot);
    harness_expect_warning(h, "such as came or changed may be missing");
}

static void mark_the_first(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == FAKE_READER_NEXT && fake_calls(h->database, call) == 15) {
        fake_row_change(h->database, "t", "1", "1|true");
    }
}

/* The row was sent when it was not marked yet. */
static void test_load_deletes_what_is_marked_between_its_points(void **state)
{
    struct harness *h = *state;
    fake_column_add(h->database, "t", "deleted BOOLEAN null");
    fake_hook_set(h->database, mark_the_first, h);
    lose_point(h, 15);
    harness_sync(h);
    assert_true(h->result.tables[0].mixed_snapshot);
    char *rows = harness_rows(h, "t", "id");
    assert_int_equal(strncmp(rows, "1 deleted\n", strlen("1 deleted\n")), 0);
    ps_free(rows);
}

static void stop_at_the_15th(struct harness *h)
{
    const struct fake_fault fault = {.call = FAKE_READER_NEXT, .nth = 15, .hang = true};
    fake_fault_add(h->database, &fault);
    harness_cancel_at(h, FAKE_READER_NEXT, 15);
    harness_sync_ending(h, PS_CANCELED);
}

static void test_load_that_is_stopped_tells_whether_it_goes_on(void **state)
{
    struct harness *h = *state;
    stop_at_the_15th(h);
    assert_true(h->result.tables[0].goes_on);
}

static void test_load_that_is_stopped_and_begins_anew_does_not_go_on(void **state)
{
    struct harness *h = *state;
    source_ops.shows_changes = never;
    stop_at_the_15th(h);
    assert_false(h->result.tables[0].goes_on);
}

/* No positions: its part is read again from the beginning. */
static void test_load_counts_bad_rows_that_are_read_again_once(void **state)
{
    struct harness *h = *state;
    const struct fake_fault lost = {.call = FAKE_READER_NEXT, .nth = 33, .status = PS_RETRY};
    fake_database_set_caps(h->database, PS_CAP_SNAPSHOT);
    source_ops = *fake_database_ops(h->database);
    fake_row_add(h->database, "t", "\\bad"); /* in the last of eleven parts, three calls each */
    fake_fault_add(h->database, &lost);
    harness_sync(h);
    assert_int_equal(h->totals.skipped, 1);
    assert_int_equal(fake_calls(h->database, FAKE_READER_OPEN), 12);
    harness_expect_warning(h, "t: 1 row was left out: column \"id\"");
}

#define LOAD_TEST(name) HARNESS_TEST_FROM(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(test_load_that_loses_its_point_goes_on_and_says_what_that_means),
        LOAD_TEST(test_load_begins_anew_where_nothing_tells_what_changed),
        LOAD_TEST(test_load_that_no_point_outlasts_comes_to_an_end),
        LOAD_TEST(test_load_deletes_what_is_marked_between_its_points),
        LOAD_TEST(test_load_that_is_stopped_tells_whether_it_goes_on),
        LOAD_TEST(test_load_counts_bad_rows_that_are_read_again_once),
        LOAD_TEST(test_load_that_is_stopped_and_begins_anew_does_not_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
