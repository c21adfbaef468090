/*
 * A sink in memory, for tests of the engine: it does what include/penstock/sink.h says, keeps a
 * journal of the calls in order and the rows by key, and fails where it is told to.
 *
 * What a destination holds outlives the sink, as a file would: it is found again by its name until
 * fake_sink_forget. Not thread-safe but for prepare and packet_free.
 */
#ifndef TESTS_SUPPORT_FAKE_SINK_H
#define TESTS_SUPPORT_FAKE_SINK_H

#include "penstock/sink.h"

extern const struct ps_sink_ops fake_sink_ops;

/* The members that can be made to fail. */
enum fake_sink_call {
    FAKE_SINK_OPEN,
    FAKE_SINK_STATE_READ,
    FAKE_SINK_SCHEMA_CHANGE,
    FAKE_SINK_LOAD_BEGIN,
    FAKE_SINK_LOAD_RESUME,
    FAKE_SINK_LOAD_END,
    FAKE_SINK_PREPARE,
    FAKE_SINK_WRITE,
    FAKE_SINK_TRUNCATE,
    FAKE_SINK_CHECKPOINT,
    FAKE_SINK_CALLS,
};

/* The nth call (1: the next) of that member fails with the status, once. */
void fake_sink_fail(enum fake_sink_call call, uint64_t nth, enum ps_status status);
/* Nothing fails any more. */
void fake_sink_fail_clear(void);
/* Forgets all destinations, the journal and the faults. Call it at the beginning of a test. */
void fake_sink_forget(void);

/*
 * What was called since fake_sink_forget, one line a call, as text: "open null", "schema_change
 * s.t", "load_begin s.t", "load_resume s.t", "write upsert s.t 2", "truncate s.t", "load_end s.t",
 * "checkpoint 1", "warning …", "task …", "close". Lives until the next call of anything here.
 */
const char *fake_sink_journal(void);

/*
 * The rows of a table as of the last checkpoint, sorted, one line each: the named columns
 * (separated by commas in `columns`) in the canonical text of their values, separated by "|", NULL
 * as "~", bytes as hexadecimal digits, and " deleted" at the end of a soft-deleted row. NULL: there
 * is no such table. `schema` and `table` as in struct ps_table. Free it with ps_free.
 */
char *fake_sink_rows(const char *destination, const char *schema, const char *table,
                     const char *columns);
/* The committed state; "" where there is none. Lives as long as the destination. */
const char *fake_sink_state(const char *destination);
uint64_t fake_sink_checkpoints(const char *destination);

/* Appends the canonical text of a value, as fake_sink_rows shows it. */
struct ps_buffer;
void fake_sink_value(struct ps_buffer *out, const struct ps_vector *vector, uint32_t row);
/* The same as a text of its own, to be freed with free; NULL for a NULL. */
char *fake_sink_cell(const struct ps_vector *vector, uint32_t row);

#endif
