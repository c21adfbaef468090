/*
 * What is known of the rows to come, and what follows for percent and time left.
 */
#include "engine/ahead.h"
#include "support/unit.h"

static struct ps_table_result tables[2];
static int64_t expected[2];

/* After ten seconds, with `done` tables of two done. */
static struct ps_progress tell(size_t done)
{
    const struct ps_run_result result = {.tables = tables, .tables_count = 2};
    struct ps_progress progress = {.tables_done = done, .tables_total = 2, .seconds = 10};
    ahead_tell(&result, expected, &progress);
    return progress;
}

static int two_loads(void **state)
{
    (void)state;
    tables[0] = tables[1] = (struct ps_table_result){.load = true};
    expected[0] = 100;
    expected[1] = 300;
    return 0;
}

static void expect(struct ps_progress progress, int percent, double seconds_left)
{
    assert_int_equal(progress.percent, percent);
    assert_true(progress.seconds_left == seconds_left);
}

static void test_ahead_goes_by_rows_and_their_rate(void **state)
{
    (void)state;
    expect(tell(0), 0, -1);
    tables[0].upserts = 100;
    expect(tell(0), 25, 30);
    /* One that is done counts as what it was, whatever the statistics said. */
    tables[0].upserts = 300;
    tables[0].done = true;
    tables[1].upserts = 150;
    expect(tell(1), 75, 10.0 / 3);
}

static void test_ahead_stays_below_the_end_until_it_is_there(void **state)
{
    (void)state;
    tables[0].upserts = 5000;
    tables[1].upserts = 5000;
    expect(tell(0), 99, -1); /* nobody knows how much is left */
    tables[0].done = tables[1].done = true;
    expect(tell(1), 99, -1);
    expect(tell(2), 100, 0);
}

static void test_ahead_tells_nothing_where_nothing_is_known(void **state)
{
    (void)state;
    tables[0].upserts = 50;
    expected[1] = -1; /* no statistics */
    expect(tell(0), -1, -1);
    tables[1].done = true;
    expect(tell(1), 50, 10);
    tables[1] = (struct ps_table_result){.load = false}; /* changes alone */
    expected[1] = 300;
    expect(tell(0), -1, -1);
    expected[0] = expected[1] = 0;
    tables[0].upserts = 0;
    tables[1].load = true;
    expect(tell(0), -1, -1);
}

static void test_ahead_expects_of_a_load_what_is_left_of_it(void **state)
{
    (void)state;
    const struct ps_table source = {.name = "t", .rows_estimate = 1000};
    const struct ps_table unknown = {.name = "t", .rows_estimate = -1};
    char bounds[] = "1", joined[] = "", position[] = "7";
    struct ps_load_part parts[] = {{.finished = true, .bounds = bounds},
                                   {.finished = false, .bounds = bounds},
                                   {.finished = true, .bounds = bounds},
                                   {.finished = false, .bounds = bounds}};
    const struct ps_load_state load = {.parts = parts, .parts_count = 4};
    struct ps_plan_table table = {.source_table = &source};
    assert_int_equal(ahead_expect(&table), -1);
    table.load = true;
    assert_int_equal(ahead_expect(&table), 1000);
    table.resume = &load;
    assert_int_equal(ahead_expect(&table), 500);
    /* A part that is read with the one before it has come as far as that. */
    parts[2].bounds = joined;
    assert_int_equal(ahead_expect(&table), 750);
    parts[1].position = position;
    assert_int_equal(ahead_expect(&table), 500);
    table.source_table = &unknown;
    assert_int_equal(ahead_expect(&table), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_ahead_goes_by_rows_and_their_rate, two_loads),
        cmocka_unit_test_setup(test_ahead_stays_below_the_end_until_it_is_there, two_loads),
        cmocka_unit_test_setup(test_ahead_tells_nothing_where_nothing_is_known, two_loads),
        cmocka_unit_test(test_ahead_expects_of_a_load_what_is_left_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
