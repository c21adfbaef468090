/*
 * What a sink is: one `const struct ps_sink_ops`, named in src/sinks/registry.c. It is told
 * operations and makes them true at the destination, in the order in which they are written.
 *
 * Threads: `prepare` (and `packet_free`) may be called by many workers at once and touches nothing
 * that changes; every other member is called by one thread, the writer.
 *
 * A sink keeps arrival order per table: the last operation on a key wins. Between checkpoints it
 * may hold back and reorder what belongs to different tables; at a checkpoint all that was written
 * before it, and the state, become visible together or not at all.
 *
 * tests/contract/ holds every sink to this page.
 */
#ifndef PENSTOCK_SINK_H
#define PENSTOCK_SINK_H

#include "penstock/batch.h"
#include "penstock/config.h"
#include "penstock/error.h"
#include "penstock/schema.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PS_SINK_ABI 1u

struct ps_sink_ops;
struct ps_clock;  /* base/clock.h */
struct ps_stream; /* sinks/stream/stream.h */

/* The head of every sink's own struct. */
struct ps_sink {
    const struct ps_sink_ops *ops;
};

/* The head of every sink's packet: rows made ready by `prepare`. */
struct ps_packet {
    size_t rows;  /* what the queue's row bound counts */
    size_t bytes; /* memory held, for the queue's byte bound */
};

#define PS_SINK_KEEPS_STATE 1u  /* state_read and checkpoint store the state at the destination */
#define PS_SINK_STAGES_LOADS 2u /* a load is unseen until load_end; it needs no TRUNCATE */
#define PS_SINK_IGNORES_CASE 4u /* names that differ in case alone collide there */
#define PS_SINK_HAS_SCHEMAS 8u  /* tables lie in schemas of its own */

struct ps_sink_request {
    const char *destination;      /* a path, a URL, "null" */
    const char *schema;           /* the destination schema: where tables without a schema lie */
    const struct ps_clock *clock; /* for _fivetran_synced; outlives the sink */
    size_t memory_bytes;          /* what it may use for itself; 0: its own default */
    struct ps_stream *stream;     /* the stream sink's; NULL for all others */
    bool must_exist;              /* fail rather than create the destination */
    bool read_only;               /* for read_runs: it is there, and stays as it is */
};

/* How long rows of one table took: in one run, or added up over several. */
struct ps_measured {
    const char *schema, *table; /* the source's names */
    bool load;                  /* the table was read whole */
    uint64_t rows;
    double seconds;
    uint64_t reads; /* so many, added up */
};

/* What was measured of a run, or of several. */
struct ps_measured_run {
    const struct ps_measured *tables;
    size_t tables_count;
    uint64_t rows;
    double seconds;       /* by the clock on the wall; tables are read side by side */
    double table_seconds; /* of all tables, one after the other */
    uint64_t runs;        /* so many, added up */
};

/* What a destination's own state store holds. Free `json` with ps_free. */
struct ps_stored_state {
    bool found;            /* false: it has never held one */
    char warehouse_id[64]; /* the destination's own id; made with it */
    uint64_t number;       /* of the checkpoint that wrote it; rises by one each time */
    char *json;
    size_t json_size;
};

/* What is to be known of a load at its end. */
#define PS_LOAD_KEYS_MAY_REPEAT 1u /* keys may have been read twice: the last one wins */
#define PS_LOAD_INCOMPLETE                                                                         \
    2u /* rows were left out whose key is not known: a former row that the load                    \
          neither brought nor deleted may still be there, and stays as it is */

/* What the end of a load did. */
struct ps_load_result {
    uint64_t
        duplicates; /* identical rows of a table without a key, and keys read twice: made one */
    uint64_t
        vanished; /* rows that are gone at the source, or that the load deleted: soft-deleted */
};

/* What a sink changed by rule in one column: digits below its resolution and the like. */
struct ps_sink_loss {
    const struct ps_table *table;
    const char *column;
    const char *what; /* "digits below the microsecond were cut" */
    uint64_t values;
    bool rows_skipped; /* each value's whole row was left out: they count as skipped rows */
};

struct ps_sink_ops {
    uint32_t abi;     /* PS_SINK_ABI */
    const char *name; /* "duckdb" */
    uint32_t caps;
    /* What a table costs it until the checkpoint, however few rows it gets: with so many columns,
     * of all tables together, one falls due. 0: nothing. */
    uint32_t checkpoint_columns;

    /*
     * Opens or creates the destination. CONFIG: it cannot be used (locked by another process, not
     * such a file, no library, no right): says so with the path and the way out.
     */
    enum ps_status (*open)(const struct ps_sink_request *request, struct ps_sink **ret_sink,
                           struct ps_error *err);

    /* Throws away what came after the last checkpoint. Accepts NULL. */
    void (*close)(struct ps_sink *sink);

    /* The state of the last checkpoint. Only with PS_SINK_KEEPS_STATE. */
    enum ps_status (*state_read)(struct ps_sink *sink, struct ps_stored_state *ret_state,
                                 struct ps_error *err);

    /*
     * The table as it is from now on: made where it is missing, else merged: new columns added,
     * types widened, nothing dropped or narrowed. Comes before its first rows and again before the
     * first rows of another shape (a new `struct ps_table` of the same schema and name). A key that
     * changed comes with a load, never alone. `ret_changed` tells whether the destination changed.
     * The table lives until the sink is closed: losses point to it.
     * A sink that does not keep the state is told only of shapes that the state does not know.
     */
    enum ps_status (*schema_change)(struct ps_sink *sink, const struct ps_table *table,
                                    bool *ret_changed, struct ps_error *err);

    /*
     * A full load begins: what the table held before is soft-deleted unless the load brings it
     * again. A load of that table that was begun and not ended before is thrown away. With
     * PS_SINK_STAGES_LOADS nothing of it is seen before load_end.
     */
    enum ps_status (*load_begin)(struct ps_sink *sink, const struct ps_table *table,
                                 struct ps_error *err);

    /*
     * A full load goes on that an earlier sink began and checkpointed, and did not end: its rows up
     * to that checkpoint are there. Comes after schema_change, in place of load_begin. END: nothing
     * of it is there; it is to be begun again.
     */
    enum ps_status (*load_resume)(struct ps_sink *sink, const struct ps_table *table,
                                  struct ps_error *err);

    /* The load is complete. `flags`: PS_LOAD_…. */
    enum ps_status (*load_end)(struct ps_sink *sink, const struct ps_table *table, uint32_t flags,
                               struct ps_load_result *ret_result, struct ps_error *err);

    /*
     * Worker threads. Takes the batch, also when it fails (it goes back to its pool), and makes of
     * it what `write` needs. Each value of JSON in it is valid: the engine has looked where a
     * source has not.
     */
    enum ps_status (*prepare)(struct ps_sink *sink, struct ps_batch *batch,
                              struct ps_packet **ret_packet, struct ps_error *err);

    /* For packets that are never written. Any thread. Accepts NULL. */
    void (*packet_free)(struct ps_sink *sink, struct ps_packet *packet);

    /* Takes the packet, also when it fails. An error may belong to an earlier packet. Between
     * load_begin and load_end of its table an upsert is part of the load; a delete counts for what
     * the load brought before it and, with PS_SINK_STAGES_LOADS, for the table's former rows. Only
     * there, and only to such sinks, comes PS_KEEP: a former row of that key stays as it is, unless
     * the load brings it, or deletes it afterwards. */
    enum ps_status (*write)(struct ps_sink *sink, struct ps_packet *packet, struct ps_error *err);

    /* Soft-deletes all rows written before it. Of an absent table: does nothing. */
    enum ps_status (*truncate)(struct ps_sink *sink, const struct ps_table *table,
                               struct ps_error *err);

    /*
     * All that was written becomes visible, with the state. `number` is one above that of
     * state_read at the first, then rises by one.
     */
    enum ps_status (*checkpoint)(struct ps_sink *sink, const char *state_json, size_t state_size,
                                 uint64_t number, struct ps_error *err);

    /* A message for the user that ends nothing; and one that ends the sync. May be NULL. */
    enum ps_status (*warning)(struct ps_sink *sink, const char *message, struct ps_error *err);
    enum ps_status (*task)(struct ps_sink *sink, const char *message, struct ps_error *err);

    /* What was changed by rule so far, one entry a column; lives until the next call. With
     * PS_SINK_KEEPS_STATE it may be complete after a checkpoint alone. May be NULL. */
    size_t (*losses)(struct ps_sink *sink, const struct ps_sink_loss **ret_losses);

    /*
     * A truncate whose time comes later. `mark` stands between what was written before it and what
     * is written after it; `truncate_before` soft-deletes the rows that nothing was written to
     * since the mark. Of an absent table: does nothing. Both may be NULL.
     */
    int64_t (*mark)(struct ps_sink *sink);
    enum ps_status (*truncate_before)(struct ps_sink *sink, const struct ps_table *table,
                                      int64_t mark, struct ps_error *err);

    /*
     * The columns that the destination's table of that schema and name has now, but for the sink's
     * own and those of types that are none of ours; made in the arena. END: it is not there. May be
     * NULL.
     */
    enum ps_status (*describe)(struct ps_sink *sink, const struct ps_table *table,
                               struct ps_arena *arena, struct ps_table **ret_table,
                               struct ps_error *err);

    /* Keeps what was measured of this run with the next checkpoint, for a bounded number of runs.
     * May be NULL. */
    enum ps_status (*keep_run)(struct ps_sink *sink, const struct ps_measured_run *run,
                               struct ps_error *err);

    /*
     * What keep_run kept, read from a destination that nobody has open and that is not changed:
     * for each table and way of reading the last few reads, and the last few runs, added up; made
     * in the arena. END: nothing was kept. NULL where keep_run is.
     */
    enum ps_status (*read_runs)(const struct ps_sink_request *request, struct ps_arena *arena,
                                struct ps_measured_run *ret_runs, struct ps_error *err);
};

#ifdef __cplusplus
}
#endif

#endif
