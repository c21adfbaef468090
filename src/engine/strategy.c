/*
 * Strategies, and how `auto` judges a table. It goes by what the catalog has already: nothing is
 * counted or read for it, and without statistics nothing is guessed.
 */
#include "engine/strategy.h"

#include <assert.h>
#include <string.h>

/* From so many bytes a row on, batches are bounded by bytes: vectors, notes, documents. */
#define HEAVY_ROW_BYTES 4096
/* The others move thresholds, which nothing below comes near. */
#define JUDGED_ROWS 10000
#define WIDE_COLUMNS 100
/* The share of NULLs in all of a table's values. */
#define SPARSE_SHARE 0.7
/* Columns in half of whose rows a value of its own stands, and the share of such columns. */
#define DISTINCT_SHARE 0.5
#define DISTINCT_COLUMNS_SHARE 0.5

const char *const strategy_choices[] = {"wide",  "high_cardinality", "sparse", "time_series",
                                        "ai_ml", "real_time",        "auto",   NULL};

const char *ps_strategy_name(enum ps_strategy strategy)
{
    return strategy == PS_STRATEGY_NONE ? "none" : strategy_choices[strategy - 1];
}

static bool is_time(enum ps_type type)
{
    return type == PS_TYPE_NAIVE_DATE || type == PS_TYPE_NAIVE_DATETIME ||
           type == PS_TYPE_UTC_DATETIME;
}

/* What the statistics of the columns come to; those without any do not count. */
struct shares {
    double nulls;         /* of all values */
    double distinct;      /* of the columns that are no key: those that are nearly unique */
    const char *key_time; /* a key column that holds a time; NULL: none */
};

static struct shares shares_of(const struct ps_table *table)
{
    struct shares shares = {.nulls = 0};
    uint32_t nulls = 0, distinct = 0, unique = 0;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct ps_column *column = &table->columns[i];
        if (column->key_position != 0) {
            shares.key_time = is_time(column->type) ? column->name : shares.key_time;
            continue;
        }
        if (column->null_fraction >= 0) {
            nulls++;
            shares.nulls += column->null_fraction;
        }
        if (column->distinct_estimate > 0 && table->rows_estimate > 0) {
            distinct++;
            unique += column->distinct_estimate >= DISTINCT_SHARE * (double)table->rows_estimate;
        }
    }
    shares.nulls = nulls == 0 ? 0 : shares.nulls / nulls;
    shares.distinct = distinct == 0 ? 0 : (double)unique / distinct;
    return shares;
}

static enum ps_strategy judge(struct ps_arena *arena, const struct ps_table *table,
                              const char **ret_reason)
{
    const struct shares shares = shares_of(table);
    if (table->rows_estimate > 0 &&
        table->bytes_estimate / table->rows_estimate >= HEAVY_ROW_BYTES) {
        *ret_reason = ps_arena_printf(arena, "%lld bytes a row",
                                      (long long)(table->bytes_estimate / table->rows_estimate));
        return PS_STRATEGY_AI_ML;
    }
    if (table->rows_estimate < JUDGED_ROWS) {
        *ret_reason = table->rows_estimate < 0 ? "it has no statistics" : "it has few rows";
        return PS_STRATEGY_NONE;
    }
    if (shares.nulls >= SPARSE_SHARE) {
        *ret_reason = ps_arena_printf(arena, "%.0f %% of its values are NULL", 100 * shares.nulls);
        return PS_STRATEGY_SPARSE;
    }
    if (table->columns_count >= WIDE_COLUMNS) {
        *ret_reason = ps_arena_printf(arena, "%u columns", table->columns_count);
        return PS_STRATEGY_WIDE;
    }
    if (shares.key_time != NULL) {
        *ret_reason = ps_arena_printf(arena, "its key holds the time %s", shares.key_time);
        return PS_STRATEGY_TIME_SERIES;
    }
    if (shares.distinct >= DISTINCT_COLUMNS_SHARE) {
        *ret_reason = ps_arena_printf(arena, "%.0f %% of its columns are nearly unique",
                                      100 * shares.distinct);
        return PS_STRATEGY_HIGH_CARDINALITY;
    }
    *ret_reason = "nothing in its statistics calls for one";
    return PS_STRATEGY_NONE;
}

enum ps_status strategy_choose(const struct ps_config *config, struct ps_arena *arena,
                               const struct ps_table *table, enum ps_strategy *ret_strategy,
                               const char **ret_reason, struct ps_error *err)
{
    const char *name = ps_config_by_table(config, "strategy", table->schema, table->name);
    int choice = 0;
    while (strcmp(strategy_choices[choice], name) != 0) {
        choice++;
        assert(strategy_choices[choice] != NULL);
    }
    const char *reason = "configured";
    enum ps_strategy strategy = (enum ps_strategy)(choice + 1);
    if (strcmp(name, "auto") == 0) {
        strategy = judge(arena, table, &reason);
    }
    if (reason == NULL) {
        return ps_fail_nomem(err, "choosing a strategy");
    }
    *ret_strategy = strategy;
    *ret_reason = reason;
    return PS_OK;
}
