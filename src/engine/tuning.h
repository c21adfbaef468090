/*
 * The tuner at work in a run: a thread of its own looks at the machine, whatever the writer waits
 * for, and workers are told how large their batches are and how many of them may read. NULL stands
 * for none: everything as it was planned.
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
 * the request.
 */
enum ps_status tuning_new(const struct ps_run_request *request, const struct ps_plan *plan,
                          size_t workers, struct tuning **ret_tuning,
                          struct ps_error *err) PS_MUST_CHECK;
void tuning_free(struct tuning *tuning); /* it was stopped, or never started */

/* What follows from a look. Both are called by the thread that looked, or that throttled, without a
 * lock. */
struct tuning_watch {
    void *context;
    /* Batches, the queue or threads are to be others than before. */
    void (*changed)(void *context);
    /* A disk is full, and the sync is to end after a checkpoint. Once. */
    void (*full)(void *context, const struct ps_error *err);
};

/* Looks once, then has a thread of its own look whenever the monitor's interval has passed. */
enum ps_status tuning_start(struct tuning *tuning, const struct tuning_watch *watch,
                            struct ps_error *err) PS_MUST_CHECK;
/* Ends that thread, and gives the result what was seen and changed. */
void tuning_stop(struct tuning *tuning, struct ps_run_result *result);
/* One look, by one thread at a time. */
void tuning_look(struct tuning *tuning);

/* Any thread. The generation changes with the rest. */
struct tuning_batch {
    uint32_t rows;
    size_t bytes;
};
uint64_t tuning_generation(const struct tuning *tuning);
struct tuning_batch tuning_batch(const struct tuning *tuning, const struct ps_plan_table *table);
/* How many neighbouring parts of a table are read as one: 1, and more as batches have grown. */
uint32_t tuning_parts_together(const struct tuning *tuning);
/* How many workers may read: those of the lowest numbers. */
size_t tuning_threads(const struct tuning *tuning);
/* How many threads may read one table. */
uint32_t tuning_table_threads(const struct tuning *tuning, const struct ps_plan_table *table);
/* The source asked for less: once between two looks it gets that at once. */
void tuning_throttle(struct tuning *tuning);

/* The queue's bounds at the start, and in rows at any time. */
size_t tuning_queue_bytes(const struct tuning *tuning, size_t bytes);
size_t tuning_queue_rows(const struct tuning *tuning, size_t rows);

/*
 * The writer's thread, each time it comes by: it has written so many rows, and `work` changes with
 * the tables that are read. True: there is something that the user should know, told once.
 */
#define TUNING_WARNING_SIZE 512
bool tuning_wrote(struct tuning *tuning, uint64_t rows, uint64_t work,
                  char ret_warning[TUNING_WARNING_SIZE]);

#endif
