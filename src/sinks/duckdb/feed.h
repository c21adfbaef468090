/*
 * The feed: a table function of ours, penstock_feed(), that drains packets on DuckDB's own threads
 * while `INSERT INTO … SELECT … FROM penstock_feed()` runs on a thread of the sink. The writer
 * pushes, bounded in bytes; one statement runs at a time. Not for: what the statement says.
 */
#ifndef PS_SINKS_DUCKDB_FEED_H
#define PS_SINKS_DUCKDB_FEED_H

#include "penstock/error.h"
#include "sinks/duckdb/library.h"
#include "sinks/duckdb/packet.h"

struct duck_feed;

/* What the feed gives besides the columns of the batch, which are named c0, c1, … */
#define DUCK_FEED_ID 1u /* i: the row's hash, VARCHAR */
#define DUCK_FEED_OPERATION                                                                        \
    2u /* o: enum ps_operation, SMALLINT; q: its place in the order, BIGINT */
/* always: s, the time at which the row is applied, TIMESTAMPTZ */

struct duck_feed_options {
    const struct duck_library *library;
    struct duck_api_connection *connection; /* on it statements run */
    size_t bytes_max;                       /* packets waiting; a larger one passes alone */
    uint32_t threads;                       /* that drain */
};

/* Registers the table function and starts the thread. RETRY, NOMEM, BUG. */
enum ps_status duck_feed_new(const struct duck_feed_options *options, struct duck_feed **ret_feed,
                             struct ps_error *err) PS_MUST_CHECK;
/* Throws away what it holds; a statement that runs fails. NULL is fine. */
void duck_feed_free(struct duck_feed *feed);

/*
 * Starts the statement; `shape` tells the columns (its batch has at least as long as until the
 * first push) and all packets pushed until the end have the same ones. None runs now. From here to
 * duck_feed_end nothing else may use the connection. Borrows `sql` and `what` (for messages) until
 * the end.
 */
enum ps_status duck_feed_start(struct duck_feed *feed, const char *what, const char *sql,
                               uint32_t columns, const struct duck_packet *shape,
                               struct ps_error *err) PS_MUST_CHECK;

/* Takes the packet, also when it fails: with the statement's own error once that has ended. */
enum ps_status duck_feed_push(struct duck_feed *feed, struct duck_packet *packet,
                              struct ps_error *err) PS_MUST_CHECK;

/* No more packets: waits for the statement. OK also where none runs. */
enum ps_status duck_feed_end(struct duck_feed *feed, struct ps_error *err) PS_MUST_CHECK;

bool duck_feed_running(const struct duck_feed *feed);

#endif
