/*
 * What was seen of the machine and changed while a run went on, kept until the run's result may be
 * written to. One thread at a time. Not for: what is seen and changed (tuning.h).
 */
#ifndef PS_ENGINE_OBSERVED_H
#define PS_ENGINE_OBSERVED_H

#include "engine/engine.h"

/* Begins as {0}. */
struct observed {
    struct ps_parameter_change *changes; /* their causes are owned */
    size_t changes_count, changes_capacity;
    struct ps_resource_record *samples;
    size_t samples_count, samples_capacity;
    double memory_sum;     /* of what this process had … */
    uint64_t memory_looks; /* … whenever that was looked at */
};

void observed_done(struct observed *observed);

/* Both keep a copy, up to a number; a lack of memory loses it. */
void observed_change(struct observed *observed, const struct ps_parameter_change *change);
void observed_sample(struct observed *observed, const struct ps_resource_record *sample);

/* Counts for the average what this process has; 0, which is not known, does not. */
void observed_memory(struct observed *observed, uint64_t bytes);

/* Gives the result all of it. A lack of memory loses the list. */
void observed_tell(const struct observed *observed, struct ps_run_result *result);

#endif
