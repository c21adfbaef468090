/*
 * One connection to a server: how it is opened, how a transaction with fixed settings begins, and
 * how statements run with a deadline of our own. Not for: what the statements say (query.h,
 * catalog.h) or what their rows mean (decode.h).
 */
#ifndef PS_SOURCES_POSTGRESQL_LINK_H
#define PS_SOURCES_POSTGRESQL_LINK_H

#include <libpq-fe.h>

#include "base/buffer.h"
#include "penstock/error.h"
#include "sources/postgresql/settings.h"

/* Bounds on how long we wait for an answer, in milliseconds; 0 waits for ever. */
#define LINK_CATALOG_MS 300000
#define LINK_SHORT_MS 30000
/* How often a wait looks whether it was called off. */
#define LINK_LOOK_MS 50

/* Of "xmin:xmax:list" the first: whatever has a lower number has ended. On a replica, where nothing
 * else shows the primary's open transactions, this does, too. Where the link `counts`. */
#define LINK_SNAPSHOT_XMIN "pg_catalog.split_part(pg_catalog.pg_current_snapshot()::text, ':', 1)"

#define LINK_ABOUT_SIZE 160
#define LINK_SERVER_SIZE 192

/* Owned by its source; one thread at a time. A link whose `conn` is NULL is closed. */
struct link {
    const struct link_settings *settings;
    PGconn *conn;
    int version;    /* as PQserverVersion: 150012 */
    bool yugabyte;  /* the server is YugabyteDB */
    bool sql_ascii; /* the database has no encoding: texts may be anything */
    bool recovery;  /* the server is a replica */
    bool pooled;    /* a pooler is between */
    bool may_export, may_see_locks, may_see_statistics; /* rights that everybody has by default */
    bool counts; /* it tells which transactions are open, and so xid8 columns can be cursors */
    char about[LINK_ABOUT_SIZE];   /* for people: "PostgreSQL 15.12, a replica, TLSv1.3" */
    bool in_transaction;           /* begun by link_begin and not yet ended by us */
    char server[LINK_SERVER_SIZE]; /* which of the hosts and addresses it is: "10.0.0.7:5432" */
    int registered_pid;            /* the backend in pids.h while in a transaction; 0: none */
    bool bulk_buffer;              /* libpq's buffer was made to grow, see reader.c */
    bool interrupted;              /* link_interrupt was called */
    /* Set for as long as statements may be called off: the flag, and what wakes a wait for it. */
    const _Atomic bool *canceled;
    int wake_fd;
};

/*
 * Connects to the first of the hosts that takes us, and learns what it is. Hosts and addresses that
 * cannot be reached are passed over; a refused login or certificate is not. CONFIG, RETRY, NOMEM.
 */
enum ps_status link_open(struct link *link, const struct link_settings *settings,
                         struct ps_error *err) PS_MUST_CHECK;
/* The same at one host, whatever `host` says. */
enum ps_status link_open_host(struct link *link, const struct link_settings *settings,
                              const struct link_host *host, struct ps_error *err) PS_MUST_CHECK;
/* A closed or {0} link is fine. A statement that is under way is interrupted. */
void link_close(struct link *link);
/* Asks the server to end the statement under way, once; waits a second at most for its ear. */
void link_interrupt(struct link *link);
/* The settings' token is set. */
bool link_called_off(const struct link_settings *settings);

/* Connects anew where the connection is gone; otherwise does nothing. */
enum ps_status link_revive(struct link *link, struct ps_error *err) PS_MUST_CHECK;

/* server.c: asks a new connection what it leads to; open does so. CONFIG: a server too old. */
enum ps_status link_learn(struct link *link, struct ps_error *err) PS_MUST_CHECK;
/* From what version() says: YugabyteDB or not, and its name for people. */
bool server_is_yugabyte(const char *version);
void server_name(const char *version, char *ret_name, size_t size);
/* Puts a ? in place of each byte that is no UTF-8, as names of a database without encoding hold. */
void server_clean(char *text);

/*
 * Begins a read-only transaction at REPEATABLE READ with every setting that the results depend on,
 * joins `snapshot` where it is not NULL (SNAPSHOT_GONE), and fixes the point in time. Settings are
 * local to the transaction, so that nothing is left behind on a pooled connection.
 */
enum ps_status link_begin(struct link *link, const char *snapshot,
                          struct ps_error *err) PS_MUST_CHECK;
/* What link_begin fixes is a point in time `follower_staleness_ms` ago. */
bool link_reads_followers(const struct link *link);
/* Ends it, if one is open. A connection that does not answer is closed. */
void link_end(struct link *link);
/* Back to the savepoint, which is let go. False: where the transaction stands is not known. */
bool link_go_back(struct link *link, const char *savepoint) PS_MUST_CHECK;

/*
 * Runs one or more statements and keeps their results in order: ret_results[0 … results_count) on
 * success, each to be cleared by the caller. `doing` is what the message of an error begins with:
 * "reading the clock". CANCELED: called off, and the statements may still be under way.
 */
enum ps_status link_query_many(struct link *link, const char *sql, int64_t timeout_ms,
                               const char *doing, PGresult **ret_results, size_t results_count,
                               struct ps_error *err) PS_MUST_CHECK;
/* The same with one result. */
enum ps_status link_query(struct link *link, const char *sql, int64_t timeout_ms, const char *doing,
                          PGresult **ret_result, struct ps_error *err) PS_MUST_CHECK;

/*
 * The same outside of a transaction of ours, with no other time limit than LINK_SHORT_MS: what the
 * login has set for itself does not count.
 */
enum ps_status link_query_alone(struct link *link, const char *sql, const char *doing,
                                PGresult **ret_result, struct ps_error *err) PS_MUST_CHECK;

/*
 * Runs a COPY … TO STDOUT and appends what comes to `bytes` (NULL: its outcome alone counts). Waits
 * as long as it takes, or until it is called off (CANCELED).
 */
enum ps_status link_copy(struct link *link, const char *sql, const char *doing,
                         struct ps_buffer *bytes, struct ps_error *err) PS_MUST_CHECK;

/* One row of link_each; the first failure ends the calls and is what link_each gives. */
typedef enum ps_status (*link_row)(void *context, const PGresult *row, struct ps_error *err);

/* Runs one statement and hands over its rows one by one, so that memory stays flat. */
enum ps_status link_each(struct link *link, const char *sql, const char *doing, link_row row,
                         void *context, struct ps_error *err) PS_MUST_CHECK;

/*
 * Waits until the socket can be read, `wake_fd` is readable (-1: none, and it is time to look at
 * the settings' token), or the deadline (on the monotonic clock; 0: none) has passed, which is the
 * one case of false.
 */
bool link_wait(struct link *link, int wake_fd, int64_t deadline_ns);

/* Fills err from a failed result (NULL: from the connection) and gives its status. */
enum ps_status link_fail(struct link *link, const PGresult *result, const char *doing,
                         struct ps_error *err);

/* Reads results until the connection is idle; false: it was not before the deadline. */
bool link_drain(struct link *link, int64_t timeout_ms);

#endif
