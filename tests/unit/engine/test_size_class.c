/*
 * Classes, profiles and strategies, and the parameters that come of them.
 */
#include "support/unit.h"

#include <string.h>

#include "base/arena.h"
#include "engine/size_class.h"
#include "unit/engine/engine_config.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct ps_arena *arena;

/* The sizing of a table of that many rows without statistics. */
static struct ps_sizing size_of(int64_t rows, const char *const *pairs)
{
    static struct ps_column columns[] = {{.name = "id", .type = PS_TYPE_LONG, .key_position = 1}};
    const struct ps_table table = {.schema = "s",
                                   .name = "t",
                                   .columns = columns,
                                   .columns_count = 1,
                                   .keys_count = 1,
                                   .rows_estimate = rows,
                                   .bytes_estimate = -1};
    struct engine_config made;
    struct ps_sizing sizing;
    struct ps_error err;
    const struct ps_config *config = engine_config_make(&made, pairs);
    if (size_choose(config, arena, &table, &sizing, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    engine_config_done(&made);
    return sizing;
}

/* The first number of rows at which a table is no more of the class. */
static void expect_end(enum ps_size_class size_class, int64_t rows, const char *const *pairs)
{
    assert_int_equal(size_of(rows - 1, pairs).size_class, size_class);
    assert_int_equal(size_of(rows, pairs).size_class, size_class + 1);
}

static void test_size_classes_have_the_parameters_of_production(void **state)
{
    (void)state;
    expect_end(PS_SIZE_SMALL, 1000000, NULL);
    expect_end(PS_SIZE_MEDIUM, 50000000, NULL);
    assert_int_equal(size_of(-1, NULL).size_class, PS_SIZE_SMALL);
    const struct ps_size_parameters small = size_of(10, NULL).parameters;
    assert_int_equal(small.batch_rows, 5000);
    assert_int_equal(small.queue_rows, 20000); /* four batches */
    assert_int_equal(small.checkpoint_rows, 1000000);
    const struct ps_size_parameters medium = size_of(2000000, NULL).parameters;
    assert_int_equal(medium.batch_rows, 2500);
    assert_int_equal(medium.checkpoint_rows, 500000);
    const struct ps_size_parameters large = size_of(60000000, NULL).parameters;
    assert_int_equal(large.batch_rows, 1000);
    assert_int_equal(large.batch_bytes, 4 << 20);
    assert_int_equal(large.checkpoint_rows, 100000);
}

static void test_size_profiles_move_thresholds_and_batches(void **state)
{
    (void)state;
    expect_end(PS_SIZE_SMALL, 100000, OPTIONS("profile", "development"));
    expect_end(PS_SIZE_MEDIUM, 1000000, OPTIONS("profile", "development"));
    assert_int_equal(size_of(1, OPTIONS("profile", "development")).parameters.batch_rows, 500);
    expect_end(PS_SIZE_SMALL, 5000000, OPTIONS("profile", "High_Volume"));
    expect_end(PS_SIZE_MEDIUM, 250000000, OPTIONS("profile", "high_volume"));
    assert_int_equal(size_of(1, OPTIONS("profile", "high_volume")).parameters.batch_rows, 5000);
    assert_int_equal(size_of(300000000, OPTIONS("profile", "high_volume")).parameters.batch_rows,
                     2000);
}

static void test_size_thresholds_of_the_user_win_over_the_profile(void **state)
{
    (void)state;
    const char *const *options = OPTIONS("profile", "development", "small_table_threshold", "10",
                                         "large_table_threshold", "20");
    expect_end(PS_SIZE_SMALL, 10, options);
    expect_end(PS_SIZE_MEDIUM, 20, options);
}

static void test_size_thresholds_that_contradict_are_refused_by_name(void **state)
{
    (void)state;
    struct engine_config made;
    struct ps_error err;
    int64_t small, large;
    const struct ps_config *config =
        engine_config_make(&made, OPTIONS("large_table_threshold", "500000"));
    assert_int_equal(size_thresholds(config, &small, &large, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "large_table_threshold"));
    assert_non_null(strstr(err.message, "small_table_threshold"));
    engine_config_done(&made);
}

static void test_size_strategies_move_thresholds(void **state)
{
    (void)state;
    expect_end(PS_SIZE_SMALL, 750000, OPTIONS("strategy", "wide"));
    expect_end(PS_SIZE_MEDIUM, 50000000, OPTIONS("strategy", "wide"));
    expect_end(PS_SIZE_SMALL, 1000000, OPTIONS("strategy", "high_cardinality"));
    expect_end(PS_SIZE_MEDIUM, 75000000, OPTIONS("strategy", "high_cardinality"));
    expect_end(PS_SIZE_SMALL, 500000, OPTIONS("strategy", "sparse"));
    expect_end(PS_SIZE_MEDIUM, 25000000, OPTIONS("strategy", "sparse"));
    expect_end(PS_SIZE_SMALL, 1000000, OPTIONS("strategy", "time_series"));
    expect_end(PS_SIZE_MEDIUM, 50000000, OPTIONS("strategy", "time_series"));
    expect_end(PS_SIZE_SMALL, 75, OPTIONS("strategy", "wide", "small_table_threshold", "100"));
}

static void test_size_strategies_change_parameters(void **state)
{
    (void)state;
    const struct ps_sizing real_time = size_of(2000000, OPTIONS("strategy", "real_time"));
    assert_int_equal(real_time.parameters.batch_rows, 100);
    assert_int_equal(real_time.parameters.checkpoint_rows, 1000);
    assert_int_equal(real_time.parameters.threads, 1);
    const struct ps_sizing heavy = size_of(2000000, OPTIONS("strategy", "ai_ml"));
    assert_int_equal(heavy.parameters.batch_bytes, 1 << 20);
    assert_int_equal(heavy.parameters.batch_rows, 2500);
}

static void test_size_strategy_is_that_of_its_table(void **state)
{
    (void)state;
    const struct ps_sizing other = size_of(10, OPTIONS("strategy", "other=wide, sparse"));
    assert_int_equal(other.strategy, PS_STRATEGY_SPARSE);
    assert_string_equal(other.reason, "configured");
    const struct ps_sizing own = size_of(10, OPTIONS("strategy", "s.t=WIDE, sparse"));
    assert_int_equal(own.strategy, PS_STRATEGY_WIDE);
}

static void test_size_options_win_over_profile_and_strategy(void **state)
{
    (void)state;
    const struct ps_size_parameters parameters =
        size_of(10, OPTIONS("strategy", "real_time", "profile", "development", "batch_size", "7",
                            "batch_bytes", "2000", "checkpoint_rows", "9", "max_queue_size", "70"))
            .parameters;
    assert_int_equal(parameters.batch_rows, 7);
    assert_int_equal(parameters.batch_bytes, 2000);
    assert_int_equal(parameters.checkpoint_rows, 9);
    assert_int_equal(parameters.queue_rows, 70);
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
        cmocka_unit_test(test_size_classes_have_the_parameters_of_production),
        cmocka_unit_test(test_size_profiles_move_thresholds_and_batches),
        cmocka_unit_test(test_size_thresholds_of_the_user_win_over_the_profile),
        cmocka_unit_test(test_size_thresholds_that_contradict_are_refused_by_name),
        cmocka_unit_test(test_size_strategies_move_thresholds),
        cmocka_unit_test(test_size_strategies_change_parameters),
        cmocka_unit_test(test_size_strategy_is_that_of_its_table),
        cmocka_unit_test(test_size_options_win_over_profile_and_strategy),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
