/*
 * How `auto` judges a table by its statistics.
 */
#include "support/unit.h"

#include "base/arena.h"
#include "engine/strategy.h"
#include "unit/engine/engine_config.h"

#define COLUMNS 120

static struct ps_arena *arena;
static struct ps_column columns[COLUMNS];
static struct ps_table table;

/* A key and `count - 1` texts without statistics, in a million rows of a hundred bytes. */
static void table_of(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = (struct ps_column){.name = "c", .type = PS_TYPE_STRING, .null_fraction = -1};
    }
    columns[0].type = PS_TYPE_LONG;
    columns[0].key_position = 1;
    table = (struct ps_table){.schema = "s",
                              .name = "t",
                              .columns = columns,
                              .columns_count = count,
                              .keys_count = 1,
                              .rows_estimate = 1000000,
                              .bytes_estimate = 100000000};
}

static void expect(enum ps_strategy expected, const char *expected_reason)
{
    struct engine_config made;
    enum ps_strategy strategy;
    const char *reason;
    struct ps_error err;
    const struct ps_config *config = engine_config_make(&made, NULL);
    assert_int_equal(strategy_choose(config, arena, &table, &strategy, &reason, &err), PS_OK);
    assert_string_equal(ps_strategy_name(strategy), ps_strategy_name(expected));
    assert_string_equal(reason, expected_reason);
    engine_config_done(&made);
}

static void test_strategy_without_statistics_is_none(void **state)
{
    (void)state;
    table_of(120);
    table.rows_estimate = table.bytes_estimate = -1;
    expect(PS_STRATEGY_NONE, "it has no statistics");
}

static void test_strategy_of_few_rows_is_none(void **state)
{
    (void)state;
    table_of(120);
    table.rows_estimate = 9999;
    table.bytes_estimate = 999900;
    expect(PS_STRATEGY_NONE, "it has few rows");
}

static void test_strategy_of_many_columns_is_wide(void **state)
{
    (void)state;
    table_of(100);
    expect(PS_STRATEGY_WIDE, "100 columns");
    table_of(99);
    expect(PS_STRATEGY_NONE, "nothing in its statistics calls for one");
}

static void test_strategy_of_mostly_null_columns_is_sparse(void **state)
{
    (void)state;
    table_of(5);
    columns[1].null_fraction = 1;
    columns[2].null_fraction = 0.5;
    expect(PS_STRATEGY_SPARSE, "75 % of its values are NULL");
    columns[2].null_fraction = 0.25;
    expect(PS_STRATEGY_NONE, "nothing in its statistics calls for one");
}

static void test_strategy_of_nearly_unique_columns_is_high_cardinality(void **state)
{
    (void)state;
    table_of(5);
    columns[1].distinct_estimate = 990000;
    columns[2].distinct_estimate = 7;
    expect(PS_STRATEGY_HIGH_CARDINALITY, "50 % of its columns are nearly unique");
    columns[1].distinct_estimate = 490000;
    expect(PS_STRATEGY_NONE, "nothing in its statistics calls for one");
}

static void test_strategy_of_long_rows_is_bounded_by_bytes(void **state)
{
    (void)state;
    table_of(5);
    table.bytes_estimate = INT64_C(6200000000);
    expect(PS_STRATEGY_AI_ML, "6200 bytes a row");
}

static void test_strategy_of_a_time_in_the_key_is_time_series(void **state)
{
    (void)state;
    table_of(5);
    columns[1].type = PS_TYPE_UTC_DATETIME;
    expect(PS_STRATEGY_NONE, "nothing in its statistics calls for one");
    columns[1].key_position = 2;
    expect(PS_STRATEGY_TIME_SERIES, "its key holds the time c");
}

static int make_arena(void **state)
{
    (void)state;
    arena = ps_arena_new(1 << 20);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    ps_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strategy_without_statistics_is_none),
        cmocka_unit_test(test_strategy_of_few_rows_is_none),
        cmocka_unit_test(test_strategy_of_many_columns_is_wide),
        cmocka_unit_test(test_strategy_of_mostly_null_columns_is_sparse),
        cmocka_unit_test(test_strategy_of_nearly_unique_columns_is_high_cardinality),
        cmocka_unit_test(test_strategy_of_long_rows_is_bounded_by_bytes),
        cmocka_unit_test(test_strategy_of_a_time_in_the_key_is_time_series),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
