/*
 * The writer: the one thread that speaks to the sink. It writes events in queue order, and so
 * knows at every moment the state that is true of what has been written: that is what a checkpoint
 * (checkpoint.h) is.
 */
#ifndef PS_ENGINE_WRITER_H
#define PS_ENGINE_WRITER_H

#include "base/buffer.h"
#include "engine/run.h"

struct writer {
    struct run *run;
    struct ps_run_result *result;
    struct ps_buffer state_json; /* of the last checkpoint */
    int64_t began_ns, progress_ns, checkpoint_ns;
    int64_t checkpoint_every_ns;
    uint64_t rows, bytes;             /* written in all */
    uint64_t rows_since, bytes_since; /* written since the last checkpoint */
    size_t columns_since;             /* of the tables that ended since then */
    bool dirty;                       /* anything at all since then */
    bool told_size;                   /* the state is larger than it is meant to be */
    uint64_t checkpoint_rows;         /* of the table written last */
    const char *table;
    size_t tables_done;
    const struct ps_table **told;  /* by table: what the sink was told last; NULL: nothing */
    struct ps_table_result *saved; /* the result's tables as of the last checkpoint */
    uint64_t saved_schema_changes;
    int64_t *expected;     /* by table: rows that are to come; -1: nobody knows */
    struct bad_list **bad; /* what was left out of each table so far; NULL: nothing */
};

enum ps_status writer_init(struct writer *writer, struct run *run, struct ps_run_result *result,
                           struct ps_error *err) PS_MUST_CHECK;
void writer_done(struct writer *writer);

/*
 * Before the first event: the sink takes up again the loads that are to go on. Those of which it
 * has nothing begin anew, and their `resume` is taken off the plan.
 */
enum ps_status writer_resume(struct writer *writer, struct ps_error *err) PS_MUST_CHECK;

/* Takes the event. */
enum ps_status writer_write(struct writer *writer, struct event *event,
                            struct ps_error *err) PS_MUST_CHECK;

/* Tells the caller how far it is. */
void writer_tell(struct writer *writer, bool checkpointing);
/* At most ten times a second. */
void writer_tell_progress(struct writer *writer);

/* Adds to the result's warnings and tells the caller. A lack of memory only loses the copy. */
void writer_warn(struct writer *writer, const char *format, ...) PS_PRINTF(2, 3);

#endif
