/*
 * The tables of classes, profiles and strategies (docs/architecture.md, "Size classes").
 */
#include "engine/size_class.h"

#include "engine/strategy.h"

#define CLASSES 3
#define AI_ML_BATCH_BYTES ((size_t)1 << 20)
#define REAL_TIME_BATCH_ROWS 100
#define REAL_TIME_CHECKPOINT_ROWS 1000

static const char *const names[CLASSES] = {"small", "medium", "large"};

/* What a class has before strategy and options: by class. */
static const struct ps_size_parameters classes[CLASSES] = {
    [PS_SIZE_SMALL] = {.batch_rows = 5000,
                       .queue_rows = 10000,
                       .checkpoint_rows = 1000000,
                       .partition_rows = 50000,
                       .threads = 4,
                       .connection_max_age_hours = 3},
    [PS_SIZE_MEDIUM] = {.batch_rows = 2500,
                        .queue_rows = 5000,
                        .checkpoint_rows = 500000,
                        .partition_rows = 25000,
                        .threads = 2,
                        .connection_max_age_hours = 6},
    [PS_SIZE_LARGE] = {.batch_rows = 1000,
                       .queue_rows = 1000,
                       .checkpoint_rows = 100000,
                       .partition_rows = 5000,
                       .threads = 1,
                       .connection_max_age_hours = 12},
};

/* In the order of the option's choices. */
static const struct profile {
    int64_t small_below, large_from;
    uint32_t batch_rows[CLASSES]; /* 0: the class's own */
} profiles[] = {
    {100000, 1000000, {500, 500, 500}},
    {1000000, 50000000, {0, 0, 0}},
    {5000000, 250000000, {0, 0, 2000}},
};

/* In percent of a profile's thresholds; by strategy. */
static const struct {
    int small, large;
} thresholds[] = {
    [PS_STRATEGY_NONE] = {100, 100},
    [PS_STRATEGY_WIDE] = {75, 100},
    [PS_STRATEGY_HIGH_CARDINALITY] = {100, 150},
    [PS_STRATEGY_SPARSE] = {50, 50},
    [PS_STRATEGY_TIME_SERIES] = {100, 100},
    [PS_STRATEGY_AI_ML] = {100, 100},
    [PS_STRATEGY_REAL_TIME] = {100, 100},
};

const char *ps_size_class_name(enum ps_size_class size_class)
{
    return names[size_class];
}

static const struct profile *profile_of(const struct ps_config *config)
{
    return &profiles[ps_config_choice(config, "profile")];
}

enum ps_status size_thresholds(const struct ps_config *config, int64_t *ret_small,
                               int64_t *ret_large, struct ps_error *err)
{
    const struct profile *profile = profile_of(config);
    int64_t small = ps_config_integer(config, "small_table_threshold", profile->small_below);
    int64_t large = ps_config_integer(config, "large_table_threshold", profile->large_from);
    if (large < small) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "\"large_table_threshold\" (%lld rows) is below \"small_table_threshold\" "
                       "(%lld rows): set both so that the large one is not the smaller",
                       (long long)large, (long long)small);
    }
    *ret_small = small;
    *ret_large = large;
    return PS_OK;
}

/* A share of a threshold that does not overflow. */
static int64_t share(int64_t threshold, int percent)
{
    return threshold / 100 * percent + threshold % 100 * percent / 100;
}

static enum ps_size_class class_of(int64_t rows_estimate, int64_t small_below, int64_t large_from)
{
    if (rows_estimate < small_below) {
        return PS_SIZE_SMALL;
    }
    return rows_estimate < large_from ? PS_SIZE_MEDIUM : PS_SIZE_LARGE;
}

static void apply_strategy(struct ps_size_parameters *parameters, enum ps_strategy strategy)
{
    if (strategy == PS_STRATEGY_AI_ML && parameters->batch_bytes > AI_ML_BATCH_BYTES) {
        parameters->batch_bytes = AI_ML_BATCH_BYTES;
    }
    if (strategy == PS_STRATEGY_REAL_TIME) {
        parameters->batch_rows = REAL_TIME_BATCH_ROWS;
        parameters->checkpoint_rows = REAL_TIME_CHECKPOINT_ROWS;
        parameters->threads = 1;
    }
}

static void apply_options(struct ps_size_parameters *parameters, const struct ps_config *config)
{
    parameters->batch_rows =
        (uint32_t)ps_config_integer(config, "batch_size", parameters->batch_rows);
    parameters->batch_bytes =
        (size_t)ps_config_integer(config, "batch_bytes", (int64_t)parameters->batch_bytes);
    parameters->queue_rows =
        (uint32_t)ps_config_integer(config, "max_queue_size", parameters->queue_rows);
    parameters->checkpoint_rows = (uint64_t)ps_config_integer(config, "checkpoint_rows",
                                                              (int64_t)parameters->checkpoint_rows);
    int64_t threads = ps_config_integer(config, "threads", parameters->threads);
    parameters->threads = threads > PS_THREADS_MAX ? PS_THREADS_MAX : (uint32_t)threads;
    parameters->partition_rows =
        (uint32_t)ps_config_integer(config, "partition_rows", parameters->partition_rows);
    parameters->connection_max_age_hours =
        ps_config_integer(config, "connection_max_age_hours", parameters->connection_max_age_hours);
    if (parameters->queue_rows < 4 * parameters->batch_rows) {
        parameters->queue_rows = 4 * parameters->batch_rows;
    }
}

enum ps_status size_choose(const struct ps_config *config, struct ps_arena *arena,
                           const struct ps_table *table, struct ps_sizing *ret_sizing,
                           struct ps_error *err)
{
    struct ps_sizing sizing;
    int64_t small, large;
    enum ps_status status = size_thresholds(config, &small, &large, err);
    if (status == PS_OK) {
        status = strategy_choose(config, arena, table, &sizing.strategy, &sizing.reason, err);
    }
    if (status != PS_OK) {
        return status;
    }
    sizing.size_class =
        class_of(table->rows_estimate, share(small, thresholds[sizing.strategy].small),
                 share(large, thresholds[sizing.strategy].large));
    sizing.parameters = classes[sizing.size_class];
    uint32_t batch_rows = profile_of(config)->batch_rows[sizing.size_class];
    if (batch_rows != 0) {
        sizing.parameters.batch_rows = batch_rows;
    }
    sizing.parameters.batch_bytes = ps_batch_bytes(config);
    apply_strategy(&sizing.parameters, sizing.strategy);
    apply_options(&sizing.parameters, config);
    *ret_sizing = sizing;
    return PS_OK;
}
