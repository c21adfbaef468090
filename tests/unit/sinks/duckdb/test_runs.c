/*
 * What was measured of runs is kept with the checkpoint, bounded, and read from a file that nobody
 * has open.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/clock.h"
#include "sinks/duckdb/duckdb.h"
#include "support/unit.h"
#include "support/warehouse.h"

static const char *path;
static struct ps_arena *arena;

static struct ps_sink_request request_of(void)
{
    return (struct ps_sink_request){.destination = path,
                                    .schema = "tester",
                                    .clock = ps_clock_system(),
                                    .memory_bytes = (size_t)128 << 20};
}

static struct ps_sink *open_sink(void)
{
    const struct ps_sink_request request = request_of();
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_sink_duckdb.open(&request, &sink, &err), PS_OK);
    return sink;
}

/* One run: a load and a read of changes of tables with odd names. */
static void keep(struct ps_sink *sink, uint64_t rows, double seconds)
{
    const struct ps_measured tables[] = {
        {.schema = "s", .table = "it's", .load = true, .rows = rows, .seconds = seconds},
        {.schema = "", .table = "a b", .load = false, .rows = 1, .seconds = 0},
    };
    const struct ps_measured_run run = {
        .tables = tables, .tables_count = 2, .rows = rows + 1, .seconds = seconds / 2};
    struct ps_error err = {0};
    assert_int_equal(ps_sink_duckdb.keep_run(sink, &run, &err), PS_OK);
}

static void checkpoint(struct ps_sink *sink, uint64_t number)
{
    struct ps_error err = {0};
    assert_int_equal(ps_sink_duckdb.checkpoint(sink, "{}", 2, number, &err), PS_OK);
}

static enum ps_status look(struct ps_measured_run *ret_runs)
{
    const struct ps_sink_request request = request_of();
    struct ps_error err = {0};
    return ps_sink_duckdb.read_runs(&request, arena, ret_runs, &err);
}

static int setup(void **state)
{
    (void)state;
    path = warehouse_path();
    arena = ps_arena_new((size_t)1 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ps_arena_free(arena);
    warehouse_remove(path);
    return 0;
}

static void test_run_without_its_checkpoint_is_not_kept(void **state)
{
    (void)state;
    struct ps_measured_run runs = {0};
    struct ps_sink *sink = open_sink();
    keep(sink, 100, 2);
    ps_sink_duckdb.close(sink);
    assert_int_equal(look(&runs), PS_END);
}

static void test_runs_are_added_up_by_table_and_way_of_reading(void **state)
{
    (void)state;
    struct ps_measured_run runs = {0};
    struct ps_sink *sink = open_sink();
    keep(sink, 100, 2);
    checkpoint(sink, 1);
    keep(sink, 200, 4);
    checkpoint(sink, 2);
    ps_sink_duckdb.close(sink);
    assert_int_equal(look(&runs), PS_OK);
    assert_int_equal(runs.runs, 2);
    assert_int_equal(runs.rows, 302);
    assert_true(runs.seconds > 2.9 && runs.seconds < 3.1);
    assert_true(runs.table_seconds > 5.9 && runs.table_seconds < 6.1);
    assert_int_equal(runs.tables_count, 2);
    assert_string_equal(runs.tables[0].schema, "");
    assert_string_equal(runs.tables[0].table, "a b");
    assert_false(runs.tables[0].load);
    assert_int_equal(runs.tables[0].rows, 2);
    assert_int_equal(runs.tables[0].reads, 2);
    assert_string_equal(runs.tables[1].schema, "s");
    assert_string_equal(runs.tables[1].table, "it's");
    assert_true(runs.tables[1].load);
    assert_int_equal(runs.tables[1].rows, 300);
    assert_true(runs.tables[1].seconds > 5.9 && runs.tables[1].seconds < 6.1);
    char *rates = warehouse_query(path, "SELECT rows_per_second::INTEGER FROM penstock.runs WHERE "
                                        "all_rows ORDER BY run");
    assert_string_equal(rates, "50\n50\n");
    ps_free(rates);
}

static void test_runs_are_bounded_and_the_last_ones_count(void **state)
{
    (void)state;
    struct ps_measured_run runs = {0};
    struct ps_sink *sink = open_sink();
    for (uint64_t i = 1; i <= 103; i++) {
        keep(sink, i, 1);
    }
    checkpoint(sink, 1);
    ps_sink_duckdb.close(sink);
    assert_int_equal(look(&runs), PS_OK);
    assert_int_equal(runs.runs, 5);
    assert_int_equal(runs.tables[1].rows, 99 + 100 + 101 + 102 + 103);
    char *kept = warehouse_query(path, "SELECT min(run), max(run), count(*) FROM penstock.runs");
    assert_string_equal(kept, "4|103|300\n");
    ps_free(kept);
}

static void test_runs_of_more_tables_than_one_statement_takes_are_all_kept(void **state)
{
    (void)state;
    static struct ps_measured tables[1203];
    static char names[1203][8];
    struct ps_measured_run runs = {0};
    struct ps_error err = {0};
    for (size_t i = 0; i < 1203; i++) {
        snprintf(names[i], sizeof names[i], "t%zu", i);
        tables[i] = (struct ps_measured){
            .schema = "s", .table = names[i], .load = true, .rows = 1, .seconds = 1};
    }
    const struct ps_measured_run run = {
        .tables = tables, .tables_count = 1203, .rows = 1203, .seconds = 9};
    struct ps_sink *sink = open_sink();
    assert_int_equal(ps_sink_duckdb.keep_run(sink, &run, &err), PS_OK);
    checkpoint(sink, 1);
    ps_sink_duckdb.close(sink);
    assert_int_equal(look(&runs), PS_OK);
    assert_int_equal(runs.runs, 1);
    assert_int_equal(runs.tables_count, 1203);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_run_without_its_checkpoint_is_not_kept, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_runs_are_added_up_by_table_and_way_of_reading, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_runs_are_bounded_and_the_last_ones_count, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_runs_of_more_tables_than_one_statement_takes_are_all_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
