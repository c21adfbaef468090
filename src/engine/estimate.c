/*
 * What was measured of this run, for later ones; and from earlier ones how long a plan takes. See
 * estimate.h.
 */
#include "engine/estimate.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/parts.h"

static uint64_t rows_read(const struct ps_table_result *table)
{
    /* Rows that vanished were not read: they count among the deletes. */
    return table->upserts + table->updates + table->deletes - table->vanished;
}

enum ps_status estimate_keep(const struct ps_run_request *request,
                             const struct ps_run_result *result, double seconds,
                             struct ps_error *err)
{
    if (request->sink_ops->keep_run == NULL) {
        return PS_OK;
    }
    struct ps_measured *tables = ps_calloc(result->tables_count + 1, sizeof *tables);
    struct ps_measured_run run = {.tables = tables, .seconds = seconds, .runs = 1};
    if (tables == NULL) {
        return ps_fail_nomem(err, "keeping what was measured");
    }
    for (size_t i = 0; i < result->tables_count; i++) {
        const struct ps_table_result *table = &result->tables[i];
        if (table->done) {
            tables[run.tables_count++] = (struct ps_measured){.schema = table->schema,
                                                              .table = table->table,
                                                              .load = table->load,
                                                              .rows = rows_read(table),
                                                              .seconds = table->seconds,
                                                              .reads = 1};
            run.rows += rows_read(table);
            run.table_seconds += table->seconds;
        }
    }
    enum ps_status status =
        run.rows == 0 ? PS_OK : request->sink_ops->keep_run(request->sink, &run, err);
    ps_free(tables);
    return status;
}

static int compare(const void *a, const void *b)
{
    const struct ps_measured *left = a, *right = b;
    int order = strcmp(left->schema, right->schema);
    order = order != 0 ? order : strcmp(left->table, right->table);
    return order != 0 ? order : (int)left->load - (int)right->load;
}

/* Rows per second of all loads; 0: there were none. */
static double load_rate(const struct ps_measured_run *runs)
{
    double rows = 0, seconds = 0;
    for (size_t i = 0; i < runs->tables_count; i++) {
        if (runs->tables[i].load) {
            rows += (double)runs->tables[i].rows;
            seconds += runs->tables[i].seconds;
        }
    }
    return seconds > 0 ? rows / seconds : 0;
}

/* Below 0: nothing tells. */
static double table_seconds(const struct ps_plan_table *table, const struct ps_measured *measured,
                            double rate)
{
    int64_t rows = table->source_table->rows_estimate;
    if (!table->load) {
        return measured == NULL ? -1 : measured->seconds / (double)measured->reads;
    }
    if (measured != NULL && measured->rows > 0 && measured->seconds > 0) {
        rate = (double)measured->rows / measured->seconds;
    }
    double left = table->resume == NULL ? 1 : 1 - parts_read_share(table->resume);
    return rows < 0 || rate <= 0 ? -1 : left * (double)rows / rate;
}

/* Tables are read side by side: the part of their seconds that went by on the wall's clock. What a
 * run does besides reading must not count as often as a larger one has more rows. */
static double overlap(const struct ps_measured_run *runs)
{
    return runs->table_seconds > runs->seconds ? runs->seconds / runs->table_seconds : 1;
}

enum ps_status ps_estimate_make(const struct ps_plan *plan, const struct ps_measured_run *runs,
                                struct ps_arena *arena, struct ps_estimate *ret_estimate,
                                struct ps_error *err)
{
    struct ps_estimate estimate = {0};
    double *seconds = ps_arena_array(arena, plan->tables_count + 1, sizeof *seconds);
    struct ps_measured *sorted = ps_arena_array(arena, runs->tables_count + 1, sizeof *sorted);
    const double rate = load_rate(runs);
    double longest = 0;
    if (seconds == NULL || sorted == NULL) {
        return ps_fail_nomem(err, "estimating how long a sync takes");
    }
    if (runs->tables_count > 0) {
        memcpy(sorted, runs->tables, runs->tables_count * sizeof *sorted);
        qsort(sorted, runs->tables_count, sizeof *sorted, compare);
    }
    for (size_t i = 0; i < plan->tables_count; i++) {
        const struct ps_plan_table *table = &plan->tables[i];
        const struct ps_measured key = {.schema = table->source_table->schema,
                                        .table = table->source_table->name,
                                        .load = table->load};
        seconds[i] = table_seconds(
            table, bsearch(&key, sorted, runs->tables_count, sizeof *sorted, compare), rate);
        estimate.unknown += seconds[i] < 0;
        estimate.all += seconds[i] < 0 ? 0 : seconds[i];
        longest = seconds[i] > longest ? seconds[i] : longest;
    }
    estimate.all *= overlap(runs);
    estimate.all = estimate.all < longest ? longest : estimate.all;
    estimate.seconds = seconds;
    *ret_estimate = estimate;
    return PS_OK;
}
