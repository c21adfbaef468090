/*
 * What happens to rows between reader and sink: rows marked as deleted become DELETE operations,
 * whatever else of them cannot be carried, and other rows with such a value are left out;
 * columns that were read for the engine alone are taken out, values become those of other types
 * (`column_types`), empty ones are filled (`empty_value`), and JSON is taken apart (`flatten`). A
 * worker owns one transform a table.
 */
#ifndef PS_ENGINE_TRANSFORM_H
#define PS_ENGINE_TRANSFORM_H

#include "engine/engine.h"

struct transform;

enum ps_status transform_new(const struct ps_plan_table *table, const struct ps_config *config,
                             uint32_t rows_max, struct transform **ret_transform,
                             struct ps_error *err) PS_MUST_CHECK;
/* Batches that are still out keep their pools alive. NULL is fine. */
void transform_free(struct transform *transform);

/* At most one batch of each: NULL where there are no such rows. */
struct transform_output {
    const struct ps_plan_table *plan; /* the table as these rows are of it: that of the transform,
                                         or one with more columns, which lives as long as the run */
    struct ps_batch *rows;            /* as they were read, less what was taken out */
    struct ps_batch *deletes;         /* the keys of rows marked as deleted */
    struct ps_batch *kept;            /* PS_KEEP: the keys of rows left out, as far as they can be
                                         carried */
    uint64_t dropped;                 /* marked rows that a load leaves out */
    /* Rows left out here, as in a batch; `column` is an index into the read_table. */
    struct ps_bad_rows bad[PS_BATCH_BAD_MAX];
    uint32_t bad_count;
    uint64_t bad_rows;
};

/* The rows are part of a full load in which a marked row is dropped, since the destination cannot
 * have it. */
#define TRANSFORM_DROPS_MARKED 1u
/* … in which the destination is told which of its rows the load has left out. */
#define TRANSFORM_KEEPS_LEFT_OUT 2u

/* Takes the batch, also when it fails. `flags`: TRANSFORM_…. */
enum ps_status transform_apply(struct transform *transform, struct ps_batch *batch, uint32_t flags,
                               struct transform_output *ret_output,
                               struct ps_error *err) PS_MUST_CHECK;

/* What the last transform_apply that succeeded gave is queued, or was thrown away: once for each.
 */
void transform_sent(struct transform *transform);

#endif
