/*
 * The DuckDB sink's own struct, shared by the files of this folder. All of it belongs to the
 * writer's thread. What each file does with it stands at its functions below; docs/sinks/duckdb.md
 * tells the whole.
 */
#ifndef PS_SINKS_DUCKDB_SINK_H
#define PS_SINKS_DUCKDB_SINK_H

#include "base/clock.h"
#include "penstock/sink.h"
#include "sinks/duckdb/feed.h"
#include "sinks/duckdb/losses.h"
#include "sinks/duckdb/names.h"
#include "sinks/duckdb/statement.h"
#include "sinks/duckdb/tables.h"

/* Where the rows of a packet go. */
enum duck_route {
    DUCK_ROUTE_LOAD,   /* into the table of the load */
    DUCK_ROUTE_DIRECT, /* upserts: into the table itself, whose older rows go when they are applied
                        */
    DUCK_ROUTE_STAGE,  /* upserts and deletes: staged until they are applied */
    DUCK_ROUTE_UPDATE, /* updates of one set of columns: likewise */
};

struct duck_sink {
    struct ps_sink base;
    struct duck_api_database *database;
    struct duck_session session;
    struct duck_feed *feed;
    const struct ps_clock *clock;
    char *catalog; /* DuckDB's name for the file */
    char *schema;  /* the destination schema */
    char *path;    /* the file */

    bool in_transaction;
    enum ps_status broken; /* a statement failed, so that the transaction is lost; OK: none did */
    struct ps_error broken_error;

    int64_t synced_us; /* the last stamp given */
    uint64_t sequence; /* the last packet's */
    uint64_t number;   /* of the last checkpoint */

    size_t memory;        /* that DuckDB may use */
    size_t unwritten;     /* what it holds of tables, by estimate, until its log is taken in */
    uint32_t log_turn;    /* how often that was done */
    uint32_t kept_tables; /* were written to since it let go of what it holds of the file */

    bool keeps_order;       /* as DuckDB's option preserve_insertion_order is */
    uint64_t begun_columns; /* of the INSERT statements since the last commit, added up */

    bool vacuum_off;
    uint32_t loads;            /* begun and not ended */
    uint32_t calm_checkpoints; /* since one had a load under way */

    struct duck_tables tables;
    struct duck_losses losses;

    struct duck_table *feeding; /* whose rows the feed takes; NULL: no statement runs */
    enum duck_route feeding_route;
    size_t held_bytes, held_max; /* of packets that wait for their table's turn */

    struct ps_buffer notes; /* of keys, to be written with the next state: "(…), (…)" */

    struct ps_buffer sql;      /* the statement being written; empty between uses */
    struct ps_buffer feed_sql; /* the statement that the feed runs */
    char feed_what[256];
};

/* open.c: the database and the options it runs with. On failure what was made so far stays in
 * `sink` for duck_database_close. */
enum ps_status duck_database_open(struct duck_sink *sink, const struct ps_sink_request *request,
                                  struct ps_error *err) PS_MUST_CHECK;
void duck_database_close(struct duck_sink *sink);
/* After a failure: where the disk has no room left, that is what `error` says from now on. */
enum ps_status duck_database_blame_disk(const struct duck_sink *sink, enum ps_status status,
                                        struct ps_error *error);

/* state.c: the tables of the schema "penstock". */
enum ps_status duck_state_make(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;
enum ps_status duck_state_read(struct duck_sink *sink, struct ps_stored_state *ret_state,
                               struct ps_error *err) PS_MUST_CHECK;
/* Within the transaction; the caller commits. */
enum ps_status duck_state_write(struct duck_sink *sink, const char *state_json, size_t state_size,
                                uint64_t number, struct ps_error *err) PS_MUST_CHECK;
/* Remembers a table's key columns, in key order, from the next duck_state_write on. ret_other:
 * another key was remembered before. */
enum ps_status duck_state_remember(struct duck_sink *sink, struct duck_table *table,
                                   bool *ret_other, struct ps_error *err) PS_MUST_CHECK;
/* Appends the query of all that is remembered: schema, name, and what duck_table.note is. */
void duck_state_put_notes(struct ps_buffer *out, const struct duck_sink *sink);

/* runs.c: what was measured of earlier runs, in penstock.runs. */
enum ps_status duck_runs_make(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;
/* Within the transaction; the connection is free. */
enum ps_status duck_runs_keep(struct duck_sink *sink, const struct ps_measured_run *run,
                              struct ps_error *err) PS_MUST_CHECK;
/* With a database open. END: there are none. */
enum ps_status duck_runs_read(struct duck_sink *sink, struct ps_arena *arena,
                              struct ps_measured_run *ret_runs, struct ps_error *err) PS_MUST_CHECK;

/* writer.c: which packet goes into which statement. */
/* Takes the packet, also when it fails. */
enum ps_status duck_writer_write(struct duck_sink *sink, struct duck_table *table,
                                 struct duck_packet *packet, struct ps_error *err) PS_MUST_CHECK;
/* Takes the first packet that waits of the table. There is one. */
struct duck_packet *duck_writer_release(struct duck_sink *sink, struct duck_table *table);
/* All rows of the table are where their route leads, and the connection is free. */
enum ps_status duck_writer_flush(struct duck_sink *sink, struct duck_table *table,
                                 struct ps_error *err) PS_MUST_CHECK;
/* The same for all tables. */
enum ps_status duck_writer_flush_all(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;
/* The connection is free; packets may still wait. */
enum ps_status duck_writer_settle(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;

/* apply.c: what is staged becomes the table's, or the load's while it is being loaded. */
/* Columns of a staging table: enum ps_operation, and the place in the order of arrival. */
#define DUCK_OPERATION "_penstock_operation"
#define DUCK_ORDER "_penstock_order"
/* Appends the name of the table's staging table. */
void duck_apply_put_stage(struct ps_buffer *out, const struct duck_table *table);
/* Appends a column of it, name and type. */
void duck_apply_put_stage_column(struct ps_buffer *out, const struct duck_table *table,
                                 const struct ps_column *column);
/* Upserts go into the table itself from now on. The connection is free, nothing is staged. */
enum ps_status duck_apply_begin_direct(struct duck_sink *sink, struct duck_table *table,
                                       int64_t since, struct ps_error *err) PS_MUST_CHECK;
/* Drops a staging table that holds nothing. The connection is free. */
enum ps_status duck_apply_drop_stage(struct duck_sink *sink, struct duck_table *table,
                                     struct ps_error *err) PS_MUST_CHECK;
/* Makes the staging table, unless it is there. The connection is free. */
enum ps_status duck_apply_stage(struct duck_sink *sink, struct duck_table *table,
                                enum duck_route route, struct ps_error *err) PS_MUST_CHECK;
/* True where the packet can join what is staged already. */
bool duck_apply_fits(const struct duck_table *table, enum duck_route route,
                     const struct duck_packet *packet);
/* Applies what is staged of the table, if anything. The connection is free. */
enum ps_status duck_apply(struct duck_sink *sink, struct duck_table *table,
                          struct ps_error *err) PS_MUST_CHECK;
/* Soft-deletes the rows of the table or of its load whose stamp is below `before`; INT64_MAX: all.
 */
enum ps_status duck_apply_truncate(struct duck_sink *sink, struct duck_table *table, int64_t before,
                                   struct ps_error *err) PS_MUST_CHECK;

/* load.c: full loads. */
enum ps_status duck_load_begin(struct duck_sink *sink, struct duck_table *table,
                               struct ps_error *err) PS_MUST_CHECK;
/* Before a commit: a load that is inside its table gets a table of its own. Nothing is staged. */
enum ps_status duck_load_hide(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err) PS_MUST_CHECK;
/* END: there is no load of the table that could go on. */
enum ps_status duck_load_resume(struct duck_sink *sink, struct duck_table *table,
                                struct ps_error *err) PS_MUST_CHECK;
enum ps_status duck_load_end(struct duck_sink *sink, struct duck_table *table, uint32_t flags,
                             struct ps_load_result *ret_result, struct ps_error *err) PS_MUST_CHECK;
/* Makes the load's table where there is none yet. The connection is free. */
enum ps_status duck_load_make(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err) PS_MUST_CHECK;
/* Notes that the load is over. */
void duck_load_ended(struct duck_sink *sink, struct duck_table *table);
/* To be called after each commit: whether small row groups are merged from now on. */
void duck_load_calm(struct duck_sink *sink);
/* True where the table holds no row, soft-deleted ones included. */
enum ps_status duck_load_is_empty(struct duck_sink *sink, const struct duck_table *table,
                                  bool *ret_empty, struct ps_error *err) PS_MUST_CHECK;
/* Reduces rows of one key to the last: in the load's table, else among the rows that came directly.
 */
enum ps_status duck_load_reduce(struct duck_sink *sink, struct duck_table *table,
                                uint64_t *ret_duplicates, struct ps_error *err) PS_MUST_CHECK;

/* gone.c: keys that were deleted in a load, and those of rows that it left out, until its end. */
/* Puts what is staged there. The connection is free. */
enum ps_status duck_gone_keep(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err) PS_MUST_CHECK;
/* Appends the condition that the key of a is among them, and that this was the last word on it.
 * There are some. */
void duck_gone_put_condition(struct ps_buffer *out, const struct duck_table *table,
                             enum ps_operation operation);
/* How many rows that the load brought have such a key. */
enum ps_status duck_gone_count(struct duck_sink *sink, const struct duck_table *table,
                               int64_t *ret_rows, struct ps_error *err) PS_MUST_CHECK;
/* Soft-deletes those of the load's rows that came before their key was deleted; keys are unique. */
enum ps_status duck_gone_apply(struct duck_sink *sink, struct duck_table *table, uint64_t *ret_rows,
                               struct ps_error *err) PS_MUST_CHECK;
enum ps_status duck_gone_drop(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err) PS_MUST_CHECK;

/* small.c: loads that are held in memory until their end. */
/* True where the packet of a load that is held so far can be held as well. */
bool duck_small_takes(const struct duck_sink *sink, const struct duck_table *table,
                      const struct duck_packet *packet);
/* Ends a load that is held. END: it must go on as a large one first. A transaction is open, the
 * connection free. */
enum ps_status duck_small_end(struct duck_sink *sink, struct duck_table *table, uint32_t flags,
                              struct ps_load_result *ret_result,
                              struct ps_error *err) PS_MUST_CHECK;

/* transaction.c. The connection is free at each call. */
/* A transaction is open from now on. */
enum ps_status duck_begin(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;
/* An INSERT of rows of that table, or into its staging table, comes next; `few`: of so few that
 * other threads would cost more than they help. */
enum ps_status duck_begin_insert(struct duck_sink *sink, struct duck_table *table, bool few,
                                 struct ps_error *err) PS_MUST_CHECK;
enum ps_status duck_commit(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;
/* After a commit: DuckDB gives up memory that it holds of many tables. */
enum ps_status duck_spare_memory(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;

/* sink.c. */
/* The present time in microseconds since 1970, above every one given before. */
int64_t duck_stamp(struct duck_sink *sink);
/* Appends TIMESTAMPTZ '…'. */
void duck_put_stamp(struct ps_buffer *out, int64_t stamp_us);
/* Runs sink->sql and clears it; `doing` with the table's name begins messages. */
enum ps_status duck_do(struct duck_sink *sink, const struct duck_table *table, const char *doing,
                       struct ps_error *err) PS_MUST_CHECK;
/* The same for a DELETE or UPDATE of the table itself or of its load; gives the rows it touched. */
enum ps_status duck_change_rows(struct duck_sink *sink, struct duck_table *table, const char *doing,
                                uint64_t *ret_rows, struct ps_error *err) PS_MUST_CHECK;
/* The same where nobody asks how many. */
enum ps_status duck_change(struct duck_sink *sink, struct duck_table *table, const char *doing,
                           struct ps_error *err) PS_MUST_CHECK;

#endif
