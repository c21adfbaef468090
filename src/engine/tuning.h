/*
 * The tuner at work in a run: samples the machine from the writer's thread, and tells workers how
 * large their batches are and how many of them may read. NULL stands for none: everything as it was
 * planned.
 */
#ifndef PS_ENGINE_TUNING_H
#define PS_ENGINE_TUNING_H

#include "engine/engine.h"
#include "engine/tuner.h"

struct tuning;

/* The thresholds that the configuration says. CONFIG, by name: they contradict. */
enum ps_status tuning_limits(const struct ps_config *config, struct tuner_limits *ret_limits,
                             struct ps_error *err) PS_MUST_CHECK;

/*
 * For a planned run with so many workers. *ret_tuning is NULL where the user wants none. It keeps
 * the request and the result, to which it adds what it changes.
 */
enum ps_status tuning_new(const struct ps_run_request *request, const struct ps_plan *plan,
                          size_t workers, struct ps_run_result *result, struct tuning **ret_tuning,
                          struct ps_error *err) PS_MUST_CHECK;
void tuning_free(struct tuning *tuning);

/* Any thread. The generation changes with the rest. */
struct tuning_batch {
    uint32_t rows;
    size_t bytes;
};
uint64_t tuning_generation(const struct tuning *tuning);
struct tuning_batch tuning_batch(const struct tuning *tuning, const struct ps_plan_table *table);
/* How many workers may read: those of the lowest numbers. */
size_t tuning_threads(const struct tuning *tuning);
/* How many threads may read one table. */
uint32_t tuning_table_threads(const struct tuning *tuning, const struct ps_plan_table *table);
/* The source asked for less. */
void tuning_throttle(struct tuning *tuning);

/* The queue's bounds at the start, and in rows at any time. */
size_t tuning_queue_bytes(const struct tuning *tuning, size_t bytes);
size_t tuning_queue_rows(const struct tuning *tuning, size_t rows);

/*
 * The writer's thread: takes a sample where one is due. `warn` is told what the user should know.
 * CONFIG: a disk is full, and the sync is to end after a checkpoint.
 */
struct tuning_progress {
    uint64_t rows; /* written so far */
    uint64_t work; /* changes with the tables that are read */
    void (*warn)(void *context, const char *text);
    void *context;
};
enum ps_status tuning_tick(struct tuning *tuning, const struct tuning_progress *progress,
                           struct ps_error *err) PS_MUST_CHECK;

#endif
