/*
 * A job: the read of one table, shared by the workers that read its parts. A table with one part is
 * read by one worker at the point in time of its own connection. One with several has a connection
 * that only holds their common point in time, which workers join.
 *
 * Who touches what: the scheduler's members are guarded by the run's lock. The others belong to the
 * worker that opens the job, and stand still while its parts are read; a part belongs to the worker
 * that has taken it. One that takes a part takes those behind it that it joins to it, too.
 */
#ifndef PS_ENGINE_JOB_H
#define PS_ENGINE_JOB_H

#include "engine/engine.h"

struct run;
struct worker;

struct part {
    char *bounds;    /* owned */
    char *position;  /* owned: where to go on; NULL: at its beginning */
    bool handed;     /* rows of it were handed over */
    uint32_t joined; /* so many parts behind it are read with it, … */
    bool told;       /* … and the writer knows that */
    /* The scheduler's: */
    bool taken, finished;
    bool with_another; /* it is read with one before it, counts as finished, and has no bounds */
    bool again; /* it was read at an earlier point in time: look for what has changed since */
};

enum job_phase {
    JOB_OPENING, /* one worker has it, or will */
    JOB_READING, /* parts are handed out */
    JOB_CHANGED, /* all are read; those marked `again` are handed out once more */
};

struct job {
    uint32_t index;                    /* of its table in the plan */
    const struct ps_plan_table *table; /* as it is read now; lives as long as the run */

    /* The scheduler's. */
    struct job *next; /* of those under way */
    enum job_phase phase;
    bool opened;          /* by a worker, at this moment */
    uint32_t active;      /* workers that read parts of it now */
    uint32_t active_most; /* the most there were at once */
    /* Why no part is handed out any more, until it is opened again: SNAPSHOT_GONE, SCHEMA, EXPIRED,
     * DATA; OK: they are. */
    enum ps_status stop;
    struct ps_error stop_error;
    uint64_t stops; /* so often so far: what a worker knows of the parts holds until the next */
    struct part *parts;
    size_t parts_count, parts_left; /* left: not finished; in phase CHANGED, to be looked at */
    size_t next_part;               /* none before it is free */

    /* The opener's. */
    struct worker *owner;          /* NULL: any worker may read its parts */
    struct ps_source *coordinator; /* holds the point in time; NULL: it has none */
    char *snapshot;                /* by which workers join it; NULL: each takes its own */
    char *mark;                    /* of the load's first point in time; NULL: none */
    uint64_t point;    /* number of the present point in time, within the run; 0: none yet */
    int64_t point_ns;  /* when it was taken, on the sync's clock */
    struct ps_now now; /* before the first point in time */
    int64_t began_ns;
    int shapes;           /* how often the table was described again */
    int anew;             /* how often its load began anew because its point in time was lost */
    bool begun;           /* the writer was told */
    _Atomic bool joined;  /* a worker holds the table at this point in time, or has held it */
    bool mixed;           /* rows of more than one point in time were handed over */
    _Atomic bool repeats; /* rows may have been handed over twice */
    bool partitions;      /* the parts were planned: reads name them */
    bool outlasts;        /* its read can go on at another point in time */
};

/* A job or a part that a worker has taken. */
struct work {
    struct job *job;
    struct part *part; /* NULL: the job is to be opened */
    bool changed;      /* the part is read for what has changed alone */
    uint64_t stops;    /* the job's, when it was taken */
};

/*
 * The next piece of work, where there is one now (`wait` false) or as soon as there is (true).
 * False: there is none now; with `wait`, none will come.
 */
bool job_take(struct worker *worker, bool wait, struct work *ret_work);

/* The opener has parts in place: they are handed out from now on, to the owner alone where there is
 * one. False: all is read already, and the job is the caller's to end. */
bool job_publish(struct run *run, struct job *job);

/* The part is read. True: it was the last, and the job is the caller's to end. With `point_is_old`
 * the point in time is left as by job_leave_point where another part is to be read. */
bool job_part_finished(struct run *run, const struct work *work, bool point_is_old);
/* The part is not read; another worker may. */
void job_part_back(struct run *run, const struct work *work);
/* The worker waits with its part, and does not hold up a stop meanwhile. */
void job_part_pause(struct run *run, const struct work *work);
/* False: the job was stopped meanwhile, and the part is not the caller's any more. */
bool job_part_resume(struct run *run, const struct work *work);

/* No part is handed out any more and those taken are given back soon, with what they have handed
 * over; then the job is opened again. The first reason stands. */
void job_stop(struct run *run, struct job *job, enum ps_status why, const struct ps_error *err);
bool job_is_stopped(struct run *run, const struct job *job);
/* The same because the point in time is old. Those that have parts read on as far as they need to:
 * to their next position, or to their end. Gives SNAPSHOT_GONE. */
enum ps_status job_leave_point(struct run *run, struct job *job,
                               struct ps_error *err) PS_MUST_CHECK;

/* Ends a job that nobody reads any more, and forgets it. */
void job_end(struct run *run, struct job *job);
/* Forgets the parts, and all that was handed over. */
void job_forget_parts(struct job *job);
/* Frees those that are still there when all workers have ended. */
void job_free_all(struct run *run);

#endif
