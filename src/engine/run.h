/*
 * What the threads of one sync share. The caller's thread is the writer; workers read.
 *
 * Locks: `lock` guards what stands below it and each worker's `reader`. Nothing else is taken while
 * it is held but what a source's reader_cancel takes. Events go through the queue,
 * which has its own lock; everything of the writer's (results, state, sink) is its alone.
 */
#ifndef PS_ENGINE_RUN_H
#define PS_ENGINE_RUN_H

#include "base/queue.h"
#include "engine/engine.h"
#include "engine/job.h"
#include "engine/retry.h"
#include "engine/trouble.h"
#include "engine/tuning.h"

#define RUN_WORKERS_MAX PS_THREADS_MAX

enum event_kind {
    EVENT_BEGIN,  /* a read of a table begins, or begins again */
    EVENT_POINT,  /* it goes on at another point in time */
    EVENT_JOINED, /* parts of it are read as one */
    EVENT_ROWS,
    EVENT_END,     /* the read is complete */
    EVENT_SKIPPED, /* the table could not be read; the sync goes on without it */
    EVENT_EXPIRED, /* the table is loaded again, since its history is gone */
    EVENT_COUNTED, /* what the source says of a table that was read */
    EVENT_WARNING, /* what people should know of a table that was planned again */
};

/* Rows that could not be carried, for one column and reason. */
struct bad_rows {
    const char *column; /* lives as long as the run */
    const char *reason; /* a static text */
    uint64_t rows;
};

#define BAD_ROWS_MAX 16
struct bad_list {
    struct bad_rows bad[BAD_ROWS_MAX];
    uint32_t count;
    uint64_t rows; /* all of them, also of reasons beyond BAD_ROWS_MAX */
    uint64_t told; /* of so many of them the destination learns the key */
};

/* Adds to the rows of that column and reason; `rows` of the list stays. */
void bad_add(struct bad_list *list, struct bad_rows bad);

/* How a read of a table ended. */
struct read_end {
    char *position; /* of a read of changes, owned; NULL: none, or as it was */
    bool mixed;     /* a load's rows are of more than one point in time */
    bool unsure; /* set by the writer: rows that are gone at the source may be there after a load,
                    and no change will tell of them: where there are any, it is loaded again */
    double seconds;
    bool once; /* a load, of which this sync sent each row once */
    uint32_t threads, batch_rows;
};

/* What goes through the queue; owned by it, then by the writer. */
struct event {
    enum event_kind kind;
    uint32_t table;                   /* index into the plan's tables */
    const struct ps_plan_table *plan; /* the table as this read sees it; lives as long as the run */
    struct ps_packet *packet;         /* ROWS; NULL: nothing but what stands below */
    enum ps_operation operation;      /* ROWS */
    uint64_t rows, bytes;             /* ROWS */
    uint64_t *hashes;                 /* ROWS: of each, owned; NULL: nobody asks */
    struct bad_list *bad;             /* ROWS: left out since the last of this part; NULL: none */
    size_t part;                      /* JOINED, ROWS: of which part of the read … */
    uint32_t joined;                  /* JOINED: … with so many parts behind it */
    char *position;                   /* ROWS: … after which it goes on; NULL: as it was … */
    bool part_finished;               /* … and it has been read */
    bool repeats;                     /* … keys may have been sent twice so far */
    struct ps_scalar largest;         /* … the largest cursor value among the rows */
    struct ps_load_state *load;       /* BEGIN of a load or window: what the state keeps of it;
                                         POINT: `limit` and `held` as they are at this one */
    struct read_end *end;             /* END */
    struct ps_validation counted;     /* COUNTED */
    char *text; /* JOINED: the bounds of all; SKIPPED, EXPIRED: why; COUNTED: why not exactly, or
                   NULL; WARNING: the text */
};

/* A table's batches and what happens to them, kept by a worker from part to part. */
struct kit {
    const struct ps_plan_table *table; /* NULL: there is none */
    uint64_t generation;               /* of the tuning that they follow */
    struct ps_batch_pool *pool;
    uint32_t *columns; /* 0, 1, 2, … */
    struct transform *transform;
};

struct worker {
    struct run *run;
    struct ps_thread thread;
    struct ps_source *source; /* the worker's own; NULL: not open */
    int64_t source_ns;        /* when it was opened, on the sync's clock */
    uint64_t point;           /* number of the point in time it is at; 0: none */
    struct ps_now now;        /* before that point, where it took it itself … */
    uint32_t point_tables;    /* … and how many tables were read at it; 0: it did not */
    int64_t point_ns;         /* when it was taken, on the sync's clock */
    struct ps_reader *reader; /* guarded by run->lock; for reader_cancel */
    const struct job *job;    /* likewise: what the reader reads */
    struct kit kit;
    struct ps_retry retry;
    struct ps_arena *again; /* what was described again; lives as long as the run */
};

/* The source's clock, where points in time are stale: see settle.h. */
struct settling {
    struct ps_now settled, next; /* the one to go by, and the one after it */
    bool any;                    /* `settled` is there */
    int64_t next_ns;             /* when `next` was read; 0: it is not there */
};

struct run {
    const struct ps_run_request *request;
    struct ps_timestamp began; /* by the sync's clock */
    struct ps_plan *plan;      /* NULL: it came to none */
    bool finished;             /* it came to where it is told at the destination how it ended */
    struct ps_queue *queue;
    struct tuning *tuning; /* NULL: none */
    struct worker workers[RUN_WORKERS_MAX];
    size_t workers_count;
    uint64_t syncs_completed; /* when the run began */
    size_t queue_rows;        /* the queue's bound as it was planned */
    size_t bounds_bytes_max;  /* of one load, in the state */
    int64_t point_ns_max;     /* how long a point in time is read */
    struct settling settling; /* with the lock held */
    bool sink_failed;         /* the writer's alone: nothing more is written */
    /* Set when the run stops, whatever stopped it: calls off what workers wait for. Any thread. */
    struct ps_cancel cancel;

    struct ps_mutex lock;
    struct ps_condition changed; /* the run is stopping, or there may be other work than before */
    struct job *jobs;            /* one for each table */
    struct job *under_way;
    size_t next_table;
    uint64_t points; /* the number of the last point in time */
    size_t workers_running;
    bool stopping;         /* workers end at their next look */
    enum ps_status failed; /* the first failure; OK: none */
    struct ps_error error;
    struct troubles troubles; /* has a lock of its own */
};

/* Ends the work of all workers soon. Any thread. */
void run_stop(struct run *run);
/* Keeps the first failure and stops. Any thread. */
void run_fail(struct run *run, enum ps_status status, const struct ps_error *err);

/* Waits that long between two batches (batch_delay_ms). False: the run is stopping. */
bool run_pause(struct run *run, int64_t ms);

/* worker.c. A worker's whole life; argument: struct worker. */
void worker_run(void *argument);
/* The worker got on with the job: the next trouble starts counting anew. */
void worker_progress(struct worker *worker, const struct job *job);
/* Opens the worker's source, unless it is open. */
enum ps_status worker_source_ready(struct worker *worker, struct ps_error *err) PS_MUST_CHECK;
void worker_source_drop(struct worker *worker);
/* Drops it where it is too old for the job (connection_max_age_hours). */
void worker_source_age(struct worker *worker, const struct job *job);
/* The number of a new point in time. */
uint64_t run_new_point(struct run *run);
/* Takes what `event` points to, also when it fails. CANCELED: the run is stopping. */
enum ps_status run_push(struct run *run, struct event event, struct ps_error *err) PS_MUST_CHECK;
enum ps_status run_canceled(struct ps_error *err);

/*
 * open.c. Takes the job's point in time, or another one where it was stopped; plans its parts or
 * goes on with those there are; tells the writer where that is due now. PS_END: all is read.
 */
enum ps_status job_open(struct worker *worker, struct job *job, struct ps_error *err) PS_MUST_CHECK;
/* Notes the parts of a load or a window that goes on. Before the workers start. */
enum ps_status job_continue(struct job *job, const struct ps_load_state *load,
                            struct ps_error *err) PS_MUST_CHECK;
/*
 * Has the source hold the job's table, for as long as that takes. SNAPSHOT_GONE: somebody waits for
 * the table who lets nobody else in before the job's own connection lets go of it.
 */
enum ps_status job_hold(struct worker *worker, struct job *job, struct ps_source *source,
                        struct ps_error *err) PS_MUST_CHECK;
/* The job's point in time was held for snapshot_max_minutes, and its read can go on at another.
 * For who has a part of it. */
bool job_point_is_old(const struct run *run, const struct job *job);
/* Tells the writer that the read begins, unless that has been done. */
enum ps_status job_begin(struct worker *worker, struct job *job,
                         struct ps_error *err) PS_MUST_CHECK;

/* read.c. Reads one part to its end; of a read of changes gives where the next begins, owned. */
enum ps_status part_read(struct worker *worker, const struct work *work, char **ret_position,
                         struct ps_error *err) PS_MUST_CHECK;
void kit_done(struct kit *kit);

/* again.c. Plans a job's table anew that is not what it was; it is loaded in full. END: it is gone.
 * CONFIG: its changes are not to be taken over. */
enum ps_status plan_again(struct worker *worker, const struct job *job,
                          const struct ps_plan_table **ret_table,
                          struct ps_error *err) PS_MUST_CHECK;

/* Frees an event that nobody will write. */
void event_free(struct run *run, struct event *event);

#endif
