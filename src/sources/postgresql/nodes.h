/*
 * The nodes of a YugabyteDB cluster. Each shows its own sessions alone, so the oldest open
 * transaction is found by asking all of them. See docs/sources/yugabytedb.md, "The horizon".
 */
#ifndef PS_SOURCES_POSTGRESQL_NODES_H
#define PS_SOURCES_POSTGRESQL_NODES_H

#include "sources/postgresql/link.h"

#define NODES_OWN_NAME_SIZE 64

/* Microseconds since 1970; of a timestamp without zone, as if it were UTC. */
#define NODES_MICROS(expression) "round(extract(epoch FROM " expression ") * 1000000)::bigint"

/*
 * The earliest time, as NODES_MICROS has it, that the session's wall clock shows at an instant or
 * in the 24 hours after it: less than at the instant itself where clocks are about to go back, by
 * at most a day. Looked at every five minutes, so that it may be as much too early.
 */
#define NODES_LOCAL(instant)                                                                       \
    NODES_MICROS("(SELECT LEAST(i::timestamp, min((i + k * interval '5 minutes')::timestamp)"      \
                 " - interval '5 minutes') FROM (SELECT " instant " AS i OFFSET 0) at,"            \
                 " pg_catalog.generate_series(1, 288) k GROUP BY i)")

/*
 * Of pg_stat_activity a: how many sessions' transactions the login may not see, and how many show
 * no one when theirs began, since track_activities is off for them, or was when it began.
 */
#define NODES_HIDDEN                                                                               \
    "count(*) FILTER (WHERE a.query = '<insufficient privilege>'"                                  \
    " AND a.usesysid IS NOT NULL) AS hidden"
#define NODES_UNTIMED                                                                              \
    "count(*) FILTER (WHERE a.xact_start IS NULL AND (a.state = 'disabled'"                        \
    " OR a.state LIKE 'idle in transaction%')) AS untimed"

struct node;

/* One thread at a time; the connections live as long as the source. */
struct nodes {
    struct node *nodes;
    size_t count;
    struct ps_error
        failed; /* why one cannot be asked, which is not tried again; status OK: all can */
};

void nodes_done(struct nodes *nodes); /* one that is {0} is fine */

/* What all of them show together. */
struct nodes_answer {
    bool open;               /* a transaction is; the rest counts only then */
    int64_t oldest_us;       /* NODES_MICROS of the oldest transaction's start */
    int64_t oldest_local_us; /* NODES_LOCAL of two seconds before */
    bool hidden;             /* there are sessions whose transactions the login may not see … */
    bool untimed;            /* … or that do not tell when theirs began */
};

/*
 * Asks each node over a connection of its own; `link` is the source's. SCHEMA: one cannot be asked,
 * and `failed` says which and why. RETRY, NOMEM: the link's own trouble.
 */
enum ps_status nodes_ask(struct nodes *nodes, struct link *link, struct nodes_answer *ret_answer,
                         struct ps_error *err) PS_MUST_CHECK;

/*
 * The application_name of our own transactions at a cluster: process numbers of different nodes
 * may be the same, so they are known by this name, which no other process has.
 */
void nodes_own_name(const struct link_settings *settings, char ret_name[NODES_OWN_NAME_SIZE]);

#endif
