/*
 * The tuner: from samples of the machine and the rows written so far to the size of batches and the
 * number of threads. Pure logic: no clock, no lock, no log. docs/architecture.md, "The tuner".
 */
#ifndef PS_ENGINE_TUNER_H
#define PS_ENGINE_TUNER_H

#include "engine/resources.h"

/* In percent. */
struct tuner_limits {
    double memory_high, memory_critical;
    double cpu_high, cpu_critical;
    double disk_high, disk_critical;
    uint64_t disk_spare_bytes; /* a disk with so much left is not full, whatever its share */
};

/* The last: how many threads more than planned may read one table. */
enum tuner_parameter { TUNER_BATCH_ROWS, TUNER_THREADS, TUNER_TABLE_THREADS };

/* One change of a parameter, for the log and the result. */
struct tuner_change {
    enum tuner_parameter parameter;
    uint32_t old_value, new_value;
    bool pressure; /* something was short, or no longer is; else it was tried what is best */
    char cause[160];
};
#define TUNER_CHANGES_MAX 4

/* What follows from one sample. */
struct tuner_report {
    struct tuner_change changes[TUNER_CHANGES_MAX];
    size_t changes_count;
    bool disk_warned;  /* a disk has come above the first threshold */
    bool disk_stop;    /* above the second: the sync is to end */
    bool unknown;      /* said once: nothing can be read */
    char message[512]; /* with one of these three */
};

struct tuner_pressure {
    double high, critical;                /* of this run: both may have been raised */
    int above_high, above_critical, calm; /* samples in a row */
};

/* A step whose effect is being looked at. */
enum tuner_trial { TUNER_NO_TRIAL, TUNER_LESS, TUNER_MORE };

struct tuner {
    struct tuner_limits limits;
    struct tuner_pressure memory, cpu;
    double stalled_high; /* percent of waits for memory that are pressure, too; may be raised */
    uint32_t batch_rows, batch_rows_first, batch_rows_max;
    uint32_t threads, threads_max;
    uint32_t table_threads; /* more than planned */
    bool grown;             /* larger batches bring no more */
    bool spread;            /* nor do more threads for a table */
    bool disk_told, unknown_told;
    int calm_wanted; /* calm samples in a row before a step back up */
    bool stepped_up; /* the last step was one back up */

    /* The rate since the last step. */
    int64_t window_ns;
    uint64_t window_rows, window_work;
    int window_samples; /* -1: the next sample begins it */
    enum tuner_trial trial;
    enum tuner_parameter trial_parameter;
    struct tuner_pressure *trial_pressure; /* LESS: what it was for */
    uint32_t trial_old;
    double trial_percent, trial_stalled; /* what was measured at the step */
    double trial_rate;
    uint64_t trial_work;
};

/*
 * batch_rows: of the tables with the largest batches; others follow in proportion. batch_rows_max:
 * what growth may come to.
 */
void tuner_init(struct tuner *tuner, const struct tuner_limits *limits, uint32_t batch_rows,
                uint32_t batch_rows_max, uint32_t threads);

/* How far the writer is when a sample is taken. */
struct tuner_progress {
    uint64_t rows; /* written so far */
    uint64_t work; /* changes whenever other tables are read: their rates cannot be compared */
    bool held;     /* the destination has kept it busy since the last sample */
};

/*
 * One sample. Where the destination holds the writer, rows/s tell of no step: one down stands, one
 * up is looked at later.
 */
void tuner_take(struct tuner *tuner, const struct ps_resource_sample *sample,
                const struct tuner_progress *progress, struct tuner_report *ret_report);

/* The source asked for less: half of the threads. After tuner_take. */
void tuner_throttle(struct tuner *tuner, struct tuner_report *report);

/* The rows of a batch of a table that began with `own`, where the largest began with `first` and
 * now have `now`. */
uint32_t tuner_batch_rows(uint32_t now, uint32_t first, uint32_t own);

#endif
