/*
 * How long a planned sync takes, from what was measured of earlier runs. Not for: where that is
 * kept (the sink's keep_run and read_runs).
 */
#ifndef PS_ENGINE_ESTIMATE_H
#define PS_ENGINE_ESTIMATE_H

#include "engine/engine.h"

struct ps_estimate {
    const double *seconds; /* by the plan's tables; below 0: nothing was measured that tells */
    size_t unknown;        /* tables of which nothing tells */
    double all;            /* of the others, read side by side as in earlier runs */
};

/*
 * A table that is read whole: its estimated rows, or what is left of them where a load goes on, by
 * the rate of its own loads, else of those of all tables. One read by its changes: what such reads
 * of it took on average. Made in the arena.
 */
enum ps_status ps_estimate_make(const struct ps_plan *plan, const struct ps_measured_run *runs,
                                struct ps_arena *arena, struct ps_estimate *ret_estimate,
                                struct ps_error *err) PS_MUST_CHECK;

/*
 * Before the last checkpoint: the sink keeps what was measured of the tables that are done. A run
 * without any row tells nothing, and would only push out others that do.
 */
enum ps_status estimate_keep(const struct ps_run_request *request,
                             const struct ps_run_result *result, double seconds,
                             struct ps_error *err) PS_MUST_CHECK;

#endif
