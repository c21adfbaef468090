/*
 * Validation: how many rows the source has of a table that was read, beside what was read of it
 * (docs/metadata-tables.md, "Row counts").
 */
#ifndef PS_ENGINE_VALIDATE_H
#define PS_ENGINE_VALIDATE_H

#include "engine/run.h"

/* True where tables are counted: `validation_count` says how, or the metadata tables want it. */
bool validate_is_on(const struct ps_plan_request *request);

/* A table that the worker has read to its end. */
struct validate_subject {
    uint32_t index; /* in the plan */
    const struct ps_plan_table *table;
    uint64_t point; /* number of the point in time that it was read at last */
    bool alone;     /* by this worker's connection alone */
};

/*
 * Counts the table's rows on the worker's connection, at that point in time where it is still at
 * it, and tells the writer. A count that fails is no failure of the sync: the statistics take its
 * place, and a warning says why. CANCELED: the run is stopping.
 */
enum ps_status validate_table(struct worker *worker, const struct validate_subject *subject,
                              struct ps_error *err) PS_MUST_CHECK;

#endif
