/*
 * How long a plan takes, from what was measured.
 */
#include "engine/estimate.h"

#include "base/arena.h"
#include "support/unit.h"

#define TABLE(name_, rows_)                                                                        \
    {                                                                                              \
        .schema = "s", .name = (name_), .rows_estimate = (rows_)                                   \
    }

static const struct ps_table known = TABLE("known", 1000), other = TABLE("other", 500),
                             unsized = TABLE("unsized", -1);
/* Out of order, as whoever reads them may give them. */
static const struct ps_measured measured[] = {
    {.schema = "s", .table = "known", .load = true, .rows = 200, .seconds = 2, .reads = 2},
    {.schema = "s", .table = "known", .load = false, .rows = 3, .seconds = 6, .reads = 3},
    {.schema = "a", .table = "third", .load = true, .rows = 600, .seconds = 2, .reads = 1},
};
static struct ps_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = ps_arena_new((size_t)1 << 16);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ps_arena_free(arena);
    return 0;
}

static struct ps_estimate make(struct ps_plan_table *tables, size_t count, double wall)
{
    const struct ps_plan plan = {.tables = tables, .tables_count = count};
    const struct ps_measured_run runs = {
        .tables = measured, .tables_count = 3, .seconds = wall, .table_seconds = 10, .runs = 3};
    struct ps_estimate estimate = {0};
    struct ps_error err = {0};
    assert_int_equal(ps_estimate_make(&plan, &runs, arena, &estimate, &err), PS_OK);
    return estimate;
}

static void near(double seconds, double wanted)
{
    assert_true(seconds > wanted - 0.001 && seconds < wanted + 0.001);
}

static void test_load_goes_by_its_own_rate_else_by_that_of_all(void **state)
{
    (void)state;
    struct ps_plan_table tables[] = {{.source_table = &known, .load = true},
                                     {.source_table = &other, .load = true}};
    struct ps_estimate estimate = make(tables, 2, 20);
    near(estimate.seconds[0], 10);  /* 1,000 rows at 100 a second */
    near(estimate.seconds[1], 2.5); /* 500 rows at 800 / 4 s */
    near(estimate.all, 12.5);
    assert_int_equal(estimate.unknown, 0);
}

static void test_changes_go_by_earlier_reads_of_changes_alone(void **state)
{
    (void)state;
    struct ps_plan_table tables[] = {{.source_table = &known}, {.source_table = &other}};
    struct ps_estimate estimate = make(tables, 2, 20);
    near(estimate.seconds[0], 2);
    assert_true(estimate.seconds[1] < 0);
    near(estimate.all, 2);
    assert_int_equal(estimate.unknown, 1);
}

static void test_load_of_unknown_size_has_no_estimate(void **state)
{
    (void)state;
    struct ps_plan_table tables[] = {{.source_table = &unsized, .load = true}};
    struct ps_estimate estimate = make(tables, 1, 20);
    assert_true(estimate.seconds[0] < 0);
    assert_int_equal(estimate.unknown, 1);
}

static void test_load_that_goes_on_counts_what_is_left_of_it(void **state)
{
    (void)state;
    char bounds[] = "0-", half[] = "5", none[] = "";
    struct ps_load_part parts[] = {{.bounds = bounds, .finished = true},
                                   {.bounds = bounds, .position = half},
                                   {.bounds = bounds},
                                   {.bounds = bounds}};
    struct ps_load_state load = {.parts = parts, .parts_count = 4};
    struct ps_plan_table tables[] = {{.source_table = &known, .load = true, .resume = &load}};
    near(make(tables, 1, 20).seconds[0], 6.25); /* 10 s less one part and a half of four */
    parts[2] = (struct ps_load_part){.bounds = none, .finished = true}; /* one with the second */
    near(make(tables, 1, 20).seconds[0], 5);
    for (size_t i = 0; i < 4; i++) {
        parts[i].finished = true;
    }
    near(make(tables, 1, 20).seconds[0], 0);
}

static void test_tables_side_by_side_take_less_but_never_less_than_one(void **state)
{
    (void)state;
    struct ps_plan_table two[] = {{.source_table = &other, .load = true},
                                  {.source_table = &other, .load = true}};
    struct ps_plan_table one[] = {{.source_table = &other, .load = true}};
    near(make(two, 2, 7.5).all, 3.75); /* 5 s of tables, of which three quarters went by */
    near(make(two, 2, 1).all, 2.5);
    near(make(one, 1, 7.5).all, 2.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_load_goes_by_its_own_rate_else_by_that_of_all, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_changes_go_by_earlier_reads_of_changes_alone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_load_of_unknown_size_has_no_estimate, setup, teardown),
        cmocka_unit_test_setup_teardown(test_load_that_goes_on_counts_what_is_left_of_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_tables_side_by_side_take_less_but_never_less_than_one,
                                        setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
