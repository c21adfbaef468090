/*
 * The table of size classes (docs/architecture.md, "Size classes").
 */
#include "engine/size_class.h"

#define SMALL_BELOW INT64_C(1000000)
#define LARGE_FROM INT64_C(50000000)

static const struct {
    const char *name;
    struct ps_size_parameters parameters;
} classes[] = {
    [PS_SIZE_SMALL] = {"small", {5000, 10000, 1000000}},
    [PS_SIZE_MEDIUM] = {"medium", {2500, 5000, 500000}},
    [PS_SIZE_LARGE] = {"large", {1000, 1000, 100000}},
};

const char *ps_size_class_name(enum ps_size_class size_class)
{
    return classes[size_class].name;
}

enum ps_size_class ps_size_class_of(int64_t rows_estimate)
{
    if (rows_estimate < SMALL_BELOW) {
        return PS_SIZE_SMALL;
    }
    return rows_estimate < LARGE_FROM ? PS_SIZE_MEDIUM : PS_SIZE_LARGE;
}

struct ps_size_parameters ps_size_parameters_of(enum ps_size_class size_class,
                                                const struct ps_config *config)
{
    struct ps_size_parameters parameters = classes[size_class].parameters;
    parameters.batch_rows =
        (uint32_t)ps_config_integer(config, "batch_size", parameters.batch_rows);
    parameters.queue_rows =
        (uint32_t)ps_config_integer(config, "max_queue_size", parameters.queue_rows);
    parameters.checkpoint_rows =
        (uint64_t)ps_config_integer(config, "checkpoint_rows", (int64_t)parameters.checkpoint_rows);
    if (parameters.queue_rows < 4 * parameters.batch_rows) {
        parameters.queue_rows = 4 * parameters.batch_rows;
    }
    return parameters;
}
