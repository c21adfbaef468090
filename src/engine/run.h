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
#include "engine/retry.h"

#define RUN_WORKERS_MAX 4

enum event_kind {
    EVENT_BEGIN, /* a read of a table begins, or begins again */
    EVENT_ROWS,
    EVENT_END,     /* the read is complete */
    EVENT_SKIPPED, /* the table could not be read; the sync goes on without it */
};

/* Rows that could not be carried, for one column and reason. */
struct bad_rows {
    const char *column; /* lives as long as the run */
    const char *reason; /* a static text */
    uint64_t rows;
};

/* How a read of a table ended. */
#define READ_BAD_MAX 16
struct read_end {
    struct ps_scalar edge; /* of an incremental table; else not present */
    char *position;        /* of a read of changes, owned; NULL: none, or as it was */
    struct bad_rows bad[READ_BAD_MAX];
    uint32_t bad_count;
    uint64_t bad_rows; /* all of them, also of reasons beyond READ_BAD_MAX */
    double seconds;
};

/* What goes through the queue; owned by it, then by the writer. */
struct event {
    enum event_kind kind;
    uint32_t table;                   /* index into the plan's tables */
    const struct ps_plan_table *plan; /* the table as this read sees it; lives as long as the run */
    struct ps_packet *packet;         /* ROWS */
    enum ps_operation operation;      /* ROWS */
    uint64_t rows, bytes;             /* ROWS */
    struct read_end *end;             /* END */
    char *text;                       /* SKIPPED: why */
};

struct run;

struct worker {
    struct run *run;
    struct ps_thread thread;
    struct ps_source *source; /* the worker's own; NULL: not open */
    struct ps_reader *reader; /* guarded by run->lock; for reader_cancel */
    struct ps_retry retry;
    struct ps_arena *again; /* what was described again; lives as long as the run */
};

struct run {
    const struct ps_run_request *request;
    struct ps_plan *plan;
    struct ps_queue *queue;
    struct worker workers[RUN_WORKERS_MAX];
    size_t workers_count;
    uint64_t syncs_completed; /* when the run began */
    bool sink_failed;         /* the writer's alone: nothing more is written */

    struct ps_mutex lock;
    size_t next_table;
    size_t workers_running;
    bool stopping;         /* workers end at their next look */
    enum ps_status failed; /* the first failure; OK: none */
    struct ps_error error;
    uint64_t retries[16];
};

/* Ends the work of all workers soon. Any thread. */
void run_stop(struct run *run);
/* Keeps the first failure and stops. Any thread. */
void run_fail(struct run *run, enum ps_status status, const struct ps_error *err);

/* A worker's whole life; argument: struct worker. */
void worker_run(void *argument);

/* Frees an event that nobody will write. */
void event_free(struct run *run, struct event *event);

#endif
