/*
 * How far a sync is and how long it may take yet, by what the source's statistics say of its
 * tables. Not for: how long a plan took in earlier runs (estimate.h).
 */
#ifndef PS_ENGINE_AHEAD_H
#define PS_ENGINE_AHEAD_H

#include "engine/engine.h"

/* The rows that a read of the table is to bring, before it begins; -1: nobody knows. */
int64_t ahead_expect(const struct ps_plan_table *table);

/*
 * Fills percent and seconds_left of a progress whose other members are there. `expected` is by
 * table of the result. Both are -1 while a table is not done of which nobody knows how many rows
 * are to come, as of a read of changes alone.
 */
void ahead_tell(const struct ps_run_result *result, const int64_t *expected,
                struct ps_progress *progress);

#endif
