/*
 * What a source is: one `const struct ps_source_ops`, named in src/sources/registry.c.
 *
 * The engine calls; a source never calls the engine, never sleeps, retries or logs above debug. It
 * classifies what went wrong (error.h) and leaves the rest to src/engine/retry.c. How to write one
 * is told in docs/adding-a-source.md; tests/contract/ holds every source to this page.
 *
 * Threads: one `struct ps_source` and its reader are used by one thread at a time, except
 * `reader_cancel`, which may come from any thread at any moment between reader_open's return and
 * reader_close's call. Several sources of one
 * kind are open at once, one per worker.
 */
#ifndef PENSTOCK_SOURCE_H
#define PENSTOCK_SOURCE_H

#include "penstock/batch.h"
#include "penstock/config.h"
#include "penstock/error.h"
#include "penstock/schema.h"
#include "penstock/value.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PS_SOURCE_ABI 1u

struct ps_arena;  /* base/arena.h */
struct ps_buffer; /* base/buffer.h */
struct ps_cancel; /* base/clock.h */
struct ps_source_ops;

/* The head of every source's own struct: `struct x_source { struct ps_source base; … }`. */
struct ps_source {
    const struct ps_source_ops *ops;
};

/* The head of every source's reader. */
struct ps_reader {
    const struct ps_source_ops *ops;
};

/* What a source can do. */
#define PS_CAP_SNAPSHOT 1u    /* several connections can read one point in time */
#define PS_CAP_RESUME 2u      /* a reader can go on after a position inside a partition */
#define PS_CAP_CHANGES 4u     /* a read without partition and window gives changes; see below */
#define PS_CAP_COUNT_CHEAP 8u /* an exact row count costs no scan */
#define PS_CAP_KEYS_ONCE 16u  /* one read of a whole table gives each key at most once */
#define PS_CAP_CHANGED 32u    /* rows can move between partitions; see changed_since below */
#define PS_CAP_TEXTS 64u     /* dates, times and decimals can be read as texts; see as_text below */
#define PS_CAP_METADATA 128u /* `metadata_tables` is on where the configuration says nothing */
#define PS_CAP_NO_LOADS 256u /* with PS_CAP_CHANGES: tables are never loaded; see below */

/*
 * PS_CAP_CHANGES: the source keeps changes. A read of a table without partition and window gives
 * those after the request's position, in order, in batches of one operation each; EXPIRED where
 * they are not kept any more. Without a position it gives the table's rows, as upserts or as all
 * changes from the first row's on: that is the table's full load, which goes on after its last
 * position where it was cut off, and at its end rows that it did not bring count as deleted.
 * reader_position is where the next such read begins, also once the reader has come to its end.
 *
 * With PS_CAP_NO_LOADS a read without a position adds to what was sent before, too: no TRUNCATE
 * comes before it, and what it does not bring stays.
 */

/* A named setup test, as the form offers it. */
struct ps_test {
    const char *name;  /* "connect", "select" */
    const char *label; /* "Connecting to the database" */
};

/* What `open` needs besides the configuration. */
struct ps_source_request {
    const struct ps_config *config; /* outlives the source */
    uint64_t syncs_completed;       /* syncs that ended well with this state: 0 at the first */
    /*
     * Outlives the source; NULL: nothing is called off. Once it is set nobody waits for an answer
     * any more: whatever waits for the server (connecting, a statement, a test) gives CANCELED
     * within a moment, and asks the server to end what is under way. A reader is told by
     * reader_cancel as well.
     */
    const struct ps_cancel *cancel;
    /* The options of these names (ps_table_patterns_select), for what is said of tables alone: the
     * engine selects. NULL: everything. */
    const char *const *tables, *const *exclude_tables;
};

/* The source's clock, read from the source itself, never from this machine. */
struct ps_now {
    struct ps_timestamp utc; /* the instant */
    /* The earliest time that the wall clock which naive columns follow shows at that instant or
     * after it: where summer time is about to end, less than it shows now. */
    struct ps_timestamp local;
    bool held; /* a transaction is open of which nobody can see when it began: edges stay */
    bool horizon_known;
    struct ps_timestamp horizon_utc;    /* no transaction open now began before it, so none can */
    struct ps_timestamp horizon_local;  /* still commit a row stamped earlier */
    const char *horizon_unknown_reason; /* where not known: why and what to do; lives as long as
                                           the source; else NULL */
    /*
     * Of the columns that are `counter`, in their type and scale: whatever is committed from now on
     * has this value there or a greater one, and all that was committed before with a smaller one
     * is in a point in time that is taken now. So no read has to look back. Not present: the source
     * has no counters.
     */
    struct ps_scalar counter;
    /* A point in time that is taken now may show what was there so long ago, and no later. 0: it
     * shows all that is committed. */
    int64_t stale_ms;
};

/* What answers, for people. Both live as long as the source, or until it connects anew. */
struct ps_about {
    const char *server; /* "PostgreSQL 15.12, a replica, TLSv1.3" */
    const char *advice; /* what about the way to it would better be otherwise; NULL: nothing */
};

/* A part of a table's full load. Its bounds are the source's own text, kept in the state. */
struct ps_partition {
    const char *bounds; /* "" : the whole table */
    int64_t rows_estimate;
};
struct ps_partition_list {
    struct ps_arena *arena;
    /* The caller's: a table whose rows stand in so many stores (partitions) at most has a part for
     * each, though fewer parts are asked for. 0: no more than are asked for. */
    size_t stores_max;
    struct ps_partition *partitions;
    size_t partitions_count;
};

/* Rows whose cursor is at or above `lower`, and those whose cursor is NULL. */
struct ps_window {
    uint32_t column;        /* index into table->columns */
    struct ps_scalar lower; /* of that column's type; not present: no lower edge */
};

struct ps_read_request {
    const struct ps_table *table; /* outlives the reader */
    const uint32_t *columns;      /* what to read: indexes into table->columns; the batch's */
    uint32_t columns_count;       /* column i is columns[i]. Outlives the reader */
    /*
     * With PS_CAP_TEXTS: which of the columns, of type NAIVE_DATE, NAIVE_DATETIME, UTC_DATETIME or
     * DECIMAL, are STRING in the batch, so that values which those types do not hold are carried
     * too. The others have the text that they would be formatted to. NULL: none. Outlives the
     * reader.
     */
    const bool *as_text;
    const struct ps_partition *partition; /* NULL: the whole table. Its texts outlive the reader */
    const struct ps_window *window;       /* NULL: no window; never together with a partition */
    const char *position;                 /* go on after it; NULL: from the start */
    /*
     * With PS_CAP_CHANGED and a partition: a mark. Only rows of which the present version may not
     * have been there at that point in time are read, and none where rows keep their place in the
     * partitions. So a load that goes on in another point in time finds what has moved into parts
     * that it had read already. NULL: all rows.
     */
    const char *changed_since;
    size_t value_bytes_max; /* a larger value makes its row one that cannot be carried */
};

/*
 * Which rows count as deleted: those whose value in the column is one of these. Numbers are at the
 * column's scale, 1 for the true of a BOOLEAN; texts are compared whole, as the column's text_kind
 * has it, and without regard to the case of ASCII letters. NULL is none of them.
 */
struct ps_marks {
    uint32_t column;          /* index into table->columns */
    const ps_int128 *numbers; /* of a BOOLEAN, SHORT, INT, LONG or DECIMAL */
    size_t numbers_count;
    const char *const *texts; /* of all other types */
    size_t texts_count;
    enum ps_text_kind text_kind; /* the column's */
};

struct ps_count_request {
    const struct ps_table *table;
    const struct ps_marks *marks; /* NULL: every row counts */
};

struct ps_source_ops {
    uint32_t abi;        /* PS_SOURCE_ABI */
    const char *name;    /* "postgresql": in `source`, in logs, in the state */
    const char *label;   /* "PostgreSQL": for people */
    const char *summary; /* what it is, in one sentence, for the setup form; may be NULL */
    uint32_t caps;
    const struct ps_option *options; /* ends with a name of NULL */
    const struct ps_test *tests;     /* ends with a name of NULL; run in this order */
    /* Names of cursor columns the source knows by itself, best first; exact, case does not count.
     */
    const char *const *cursor_names; /* NULL-terminated */
    /* Names of soft-delete columns, likewise. */
    const char *const *soft_delete_names;

    /*
     * Connects; reads nothing yet. The tables and readers of a source belong to it.
     * CONFIG (auth, permission, setting), RETRY (network, throttle, failover), NOMEM.
     */
    enum ps_status (*open)(const struct ps_source_request *request, struct ps_source **ret_source,
                           struct ps_error *err);

    /* Accepts NULL. No reader of it is open any more. */
    void (*close)(struct ps_source *source);

    /*
     * Runs one setup test of `tests`. It works on a source that was never opened: `open` is part
     * of what is tested. The error's message says what to do.
     */
    enum ps_status (*test)(const struct ps_source_request *request, const char *name,
                           struct ps_error *err);

    /*
     * Every table that the configuration's own scope (database, schema) holds and the login may
     * read, undescribed (columns NULL), with kinds and estimates, in byte order of schema, then
     * name; and a warning for each that it may not. Set-wise: ten thousand tables in seconds.
     */
    enum ps_status (*list_tables)(struct ps_source *source, struct ps_table_list *list,
                                  struct ps_error *err);

    /*
     * Fills in columns, keys and incarnation of a table from list_tables; strings go to `arena`.
     * SCHEMA: it is gone. Called for each selected table in turn: a source that looks up all of
     * them at the first call is expected.
     */
    enum ps_status (*describe)(struct ps_source *source, struct ps_arena *arena,
                               struct ps_table *table, struct ps_error *err);

    /*
     * Cuts a table's full load into at most partitions_max disjoint parts, or list->stores_max,
     * that together are the whole table, from statistics, never from a scan. May be NULL: one part,
     * the whole table.
     */
    enum ps_status (*plan)(struct ps_source *source, const struct ps_table *table,
                           size_t partitions_max, struct ps_partition_list *list,
                           struct ps_error *err);

    /*
     * The source's clock and horizon. Called while no reader is open and before the `pin` of the
     * read that it is for; it may end the present point in time.
     */
    enum ps_status (*now)(struct ps_source *source, struct ps_now *ret_now, struct ps_error *err);

    /*
     * Leaves the present point in time and, with `snapshot` NULL, takes a new one (where the
     * source has such a thing), else joins the one that `snapshot_name` gave on another
     * connection: SNAPSHOT_GONE where it is no more. What readers see from then on is that point.
     */
    enum ps_status (*pin)(struct ps_source *source, const char *snapshot, struct ps_error *err);

    /*
     * Keeps the table as it is for as long as the present point in time lasts: a TRUNCATE or a
     * rewrite has to wait, or was there before. Waits a second at most: END says that somebody else
     * has the table, and that it is worth asking again. SCHEMA: it is not the table that was
     * described. May be NULL.
     */
    enum ps_status (*hold)(struct ps_source *source, const struct ps_table *table,
                           struct ps_error *err);

    /*
     * What is kept of the present point in time when it is gone; lives until the next pin. Without
     * PS_CAP_CHANGED two points in time with one mark show the same rows. NULL, also as the member
     * itself: nothing can be said.
     */
    enum ps_status (*mark)(struct ps_source *source, const char **ret_mark, struct ps_error *err);

    /* The name by which others join the present point in time; lives until the next pin. May be
     * NULL where caps lack PS_CAP_SNAPSHOT. */
    enum ps_status (*snapshot_name)(struct ps_source *source, const char **ret_name,
                                    struct ps_error *err);

    /* Starts a read. One reader of a source is open at a time. What may wait long, for a lock for
     * example, comes with the first reader_next: there reader_cancel can end it. */
    enum ps_status (*reader_open)(struct ps_source *source, const struct ps_read_request *request,
                                  struct ps_reader **ret_reader, struct ps_error *err);

    /*
     * Adds rows to an empty batch until it is full or none is left. OK: one row or more, or rows
     * given up (batch->bad_rows) alone; END: none left, the batch is empty. Fixed-width vectors of
     * the batch have the types of the table's columns. The source sets batch->operation where it
     * reads changes; else it stays PS_UPSERT. Any other status: the batch is to be thrown away.
     */
    enum ps_status (*reader_next)(struct ps_reader *reader, struct ps_batch *batch,
                                  struct ps_error *err);

    /*
     * The position after the last OK, the source's own text; lives until the next call on the
     * reader. NULL where the source cannot go on there: the last one it gave holds. That of a
     * window holds at other points in time, too: what is not read after it there has been read
     * before it, or has a cursor that was written since.
     */
    const char *(*reader_position)(struct ps_reader *reader);

    /* From any thread: makes a reader_next that is under way, and all later ones, end with
     * CANCELED soon. */
    void (*reader_cancel)(struct ps_reader *reader);

    /* Accepts NULL. Ends the read, finished or not; the source can open another. */
    void (*reader_close)(struct ps_reader *reader);

    /*
     * Counts the table's rows at the present point in time, those that `marks` tells of left out.
     * END: the source cannot tell them apart; the engine then reads that column of all rows, and
     * decides itself. May be NULL: nothing is counted exactly.
     */
    enum ps_status (*count)(struct ps_source *source, const struct ps_count_request *request,
                            int64_t *ret_rows, struct ps_error *err);

    /* Appends the statement that makes an index for windows on the column. May be NULL: the source
     * has no indexes of that kind. */
    void (*advise_index)(const struct ps_table *table, uint32_t column, struct ps_buffer *sql);

    /* What a message to the platform holds where the configuration's `batch_bytes` does not say; 0:
     * the engine's own default. */
    size_t message_bytes;
    /* What the other side says of itself, once it is open. May be NULL: there is nothing to tell.
     */
    void (*about)(struct ps_source *source, struct ps_about *ret_about);
    /* How long one point in time is held where `snapshot_max_minutes` does not say; 0: the engine's
     * own default. */
    uint32_t snapshot_max_minutes;
    /* How many readers of it, each of a source of its own, may be open at once; 0: any number. With
     * 1 the tables are read one after the other, smaller ones first. */
    uint32_t readers_max;

    /*
     * Runs one statement that the user gave for the table, in a transaction of its own that is
     * committed; gives the rows that it affected. Leaves the present point in time. RETRY: it has
     * certainly not been committed. May be NULL: the source runs no SQL.
     */
    enum ps_status (*execute)(struct ps_source *source, const struct ps_table *table,
                              const char *sql, int64_t *ret_rows, struct ps_error *err);

    /*
     * With PS_CAP_CHANGED: whether `changed_since` finds in a part with these bounds what has
     * changed. Where it does not, a load without a cursor begins anew at another point in time. May
     * be NULL: it does in all.
     */
    bool (*shows_changes)(const char *bounds);

    /*
     * Appends the bounds of what two neighbouring partitions of one plan are together; the first of
     * them may be such a one itself. False: they are not to be read as one, as where a read cannot
     * go on inside a partition and would have to begin a larger one again. Knows the bounds alone;
     * is called by any thread, with a lock held, and takes none. May be NULL: none are.
     */
    bool (*join)(const char *first, const char *second, struct ps_buffer *ret_bounds);
};

#ifdef __cplusplus
}
#endif

#endif
