/*
 * The server's clock, and the horizon: the time before which no transaction can still commit a
 * row. See docs/sources/postgresql.md, "The horizon".
 */
#include <stdlib.h>
#include <string.h>

#include "sources/postgresql/pids.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* xact_start is published a moment after the clock is read. */
#define HORIZON_SLACK_SECONDS 1
/* The clocks of a cluster's nodes may differ by half a second besides (max_clock_skew_usec). */
#define CLUSTER_SLACK_SECONDS 2
/* As far as the clocks of a cluster's nodes may be apart: twice its max_clock_skew_usec. */
#define CLOCK_SKEW_MS 1000

/* The slack is taken off before an instant becomes a local time: between both, clocks may jump. */
#define HORIZON_LOCAL NODES_LOCAL("t - interval '1 second'")
#define CLOCK_COLUMNS                                                                              \
    NODES_MICROS("t")                                                                              \
    ", " NODES_LOCAL("t") ", " HORIZON_LOCAL ", " NODES_LOCAL("t - interval '2 seconds'")
#define CLOCK_FROM                                                                                 \
    " FROM (SELECT CASE WHEN pg_catalog.pg_is_in_recovery()"                                       \
    " THEN COALESCE(pg_catalog.pg_last_xact_replay_timestamp(), pg_catalog.clock_timestamp())"     \
    " ELSE pg_catalog.clock_timestamp() END AS t OFFSET 0) c"
#define HORIZON_COLUMNS NODES_MICROS("t") ", " HORIZON_LOCAL

static struct ps_timestamp timestamp_of_micros(int64_t micros)
{
    int64_t seconds = micros / 1000000, rest = micros % 1000000;
    if (rest < 0) {
        seconds--;
        rest += 1000000;
    }
    struct ps_timestamp value = {seconds, (int32_t)rest * 1000};
    return ps_timestamp_add(value, 0);
}

static struct ps_timestamp timestamp_of(const PGresult *result, int column)
{
    return timestamp_of_micros(strtoll(PQgetvalue(result, 0, column), NULL, 10));
}

/*
 * Outside of our transactions, and so in the time zone that a session has by itself: the one that
 * naive columns follow. On a replica the clock is that of what it has replayed.
 */
static enum ps_status read_clock(struct source *source, struct ps_now *now, struct ps_error *err)
{
    PGresult *result = NULL;
    enum ps_status status = link_query_alone(
        &source->link,
        source->link.counts ? "SELECT " CLOCK_COLUMNS ", " LINK_SNAPSHOT_XMIN CLOCK_FROM
                            : "SELECT " CLOCK_COLUMNS CLOCK_FROM,
        "reading the clock", &result, err);
    if (status != PS_OK) {
        return status;
    }
    now->counter = (struct ps_scalar){.type = PS_TYPE_DECIMAL};
    if (source->link.counts &&
        !ps_scalar_parse(PQgetvalue(result, 0, 4), (size_t)PQgetlength(result, 0, 4),
                         PS_TYPE_DECIMAL, 0, &now->counter)) {
        PQclear(result);
        return ps_fail(err, PS_BUG, PS_CLASS_DATA,
                       "reading the clock at %s failed: the oldest open transaction has no number",
                       source->settings.target);
    }
    now->utc = timestamp_of(result, 0);
    now->local = timestamp_of(result, 1);
    now->horizon_local = timestamp_of(result, source->link.yugabyte ? 3 : 2);
    PQclear(result);
    return PS_OK;
}

/*
 * Sessions of other roles show no xact_start to a login without pg_read_all_stats; their presence
 * stays visible. The clock was read before: what begins later began after it. Of prepared
 * transactions the server tells when they were prepared, not when they began; their number is taken
 * after the sessions were looked at, so that one that is being prepared is seen here or there.
 */
static void write_horizon(struct ps_buffer *sql, const struct source *source)
{
    ps_buffer_puts(sql, "SELECT " HORIZON_COLUMNS ", hidden, untimed, prepared FROM (SELECT"
                        " min(a.xact_start) AS t, " NODES_HIDDEN ", " NODES_UNTIMED
                        ", (SELECT count(*) FROM pg_catalog.pg_prepared_xacts p"
                        " WHERE p.database = pg_catalog.current_database()) AS prepared"
                        " FROM pg_catalog.pg_stat_activity a WHERE a.datname ="
                        " pg_catalog.current_database() AND COALESCE(a.backend_type, '') NOT IN"
                        " ('autovacuum worker', 'walsender')"
                        " AND a.pid NOT IN (pg_catalog.pg_backend_pid()");
    pids_write(source->link.server, sql);
    ps_buffer_puts(sql, ") OFFSET 0) h");
}

static enum ps_status unknown(struct source *source, struct ps_now *now, struct ps_error *err)
{
    if (!ps_buffer_ok(&source->reason)) {
        return ps_fail_nomem(err, "reading the horizon");
    }
    now->horizon_known = false;
    now->horizon_unknown_reason = ps_buffer_text(&source->reason);
    return PS_OK;
}

static enum ps_status unknown_hidden(struct source *source, struct ps_now *now,
                                     struct ps_error *err)
{
    ps_buffer_puts(&source->reason, "the login cannot see when the transactions of other roles "
                                    "began: GRANT pg_read_all_stats TO ");
    query_identifier(&source->reason, source->settings.user);
    return unknown(source, now, err);
}

static enum ps_status unknown_refused(struct source *source, struct ps_now *now,
                                      struct ps_error *err)
{
    ps_buffer_puts(&source->reason,
                   "the login may not look for open transactions: GRANT SELECT ON "
                   "pg_catalog.pg_stat_activity, pg_catalog.pg_prepared_xacts TO ");
    query_identifier(&source->reason, source->settings.user);
    return unknown(source, now, err);
}

static enum ps_status unknown_untimed(struct source *source, struct ps_now *now,
                                      struct ps_error *err)
{
    ps_buffer_puts(&source->reason, "there are sessions that do not tell when their transactions "
                                    "began, since track_activities is off for them: switch it on "
                                    "(ALTER SYSTEM, ALTER DATABASE or ALTER ROLE … SET "
                                    "track_activities = on), and let them connect anew");
    return unknown(source, now, err);
}

/*
 * `utc` is the oldest transaction's start, where there is one, and `local` the local time of
 * slack_seconds before it; of the clock read_clock has that in horizon_local.
 */
static void set_horizon(struct ps_now *now, const struct ps_timestamp *utc,
                        const struct ps_timestamp *local, int slack_seconds)
{
    bool older = utc != NULL && ps_timestamp_compare(*utc, now->utc) < 0;
    now->horizon_known = true;
    now->horizon_unknown_reason = NULL;
    now->horizon_utc = ps_timestamp_add(older ? *utc : now->utc, -slack_seconds);
    if (older) {
        now->horizon_local = *local;
    }
}

static enum ps_status read_horizon(struct source *source, struct ps_now *now, struct ps_error *err)
{
    struct ps_buffer sql;
    struct ps_error failed = {0};
    PGresult *result = NULL;
    ps_buffer_init(&sql, 0);
    write_horizon(&sql, source);
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query_alone(&source->link, ps_buffer_text(&sql),
                                                   "reading the horizon", &result, &failed)
                                : ps_fail_nomem(&failed, "reading the horizon");
    ps_buffer_done(&sql);
    if (status != PS_OK && strcmp(failed.sqlstate, "42501") == 0) {
        return unknown_refused(source, now, err);
    }
    if (status != PS_OK) {
        if (err != NULL) {
            *err = failed;
        }
        return status;
    }
    bool open = !PQgetisnull(result, 0, 0);
    struct ps_timestamp utc = timestamp_of(result, 0), local = timestamp_of(result, 1);
    bool hidden = strtoll(PQgetvalue(result, 0, 2), NULL, 10) > 0;
    bool untimed = strtoll(PQgetvalue(result, 0, 3), NULL, 10) > 0;
    now->held = strtoll(PQgetvalue(result, 0, 4), NULL, 10) > 0;
    PQclear(result);
    if (hidden || untimed) {
        return hidden ? unknown_hidden(source, now, err) : unknown_untimed(source, now, err);
    }
    set_horizon(now, open ? &utc : NULL, &local, HORIZON_SLACK_SECONDS);
    return PS_OK;
}

/* Of a cluster every node is asked. One that cannot be leaves its transactions in the dark. */
static enum ps_status read_cluster_horizon(struct source *source, struct ps_now *now,
                                           struct ps_error *err)
{
    struct nodes_answer answer = {.open = false};
    enum ps_status status = PS_SCHEMA;
    if (source->nodes.failed.status == PS_OK) {
        status = nodes_ask(&source->nodes, &source->link, &answer, err);
    }
    if (status == PS_SCHEMA) {
        ps_buffer_printf(&source->reason,
                         "each node of YugabyteDB shows its own open transactions alone, and not "
                         "all of them can be asked (%s); the look-back stands in for them",
                         source->nodes.failed.message);
        return unknown(source, now, err);
    }
    if (status != PS_OK) {
        return status;
    }
    if (answer.hidden || answer.untimed) {
        return answer.hidden ? unknown_hidden(source, now, err) : unknown_untimed(source, now, err);
    }
    struct ps_timestamp utc = timestamp_of_micros(answer.oldest_us);
    struct ps_timestamp local = timestamp_of_micros(answer.oldest_local_us);
    set_horizon(now, answer.open ? &utc : NULL, &local, CLUSTER_SLACK_SECONDS);
    return PS_OK;
}

enum ps_status source_now(struct ps_source *base, struct ps_now *ret_now, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct ps_now now = {0};
    link_end(&source->link);
    source->pinned = false;
    ps_buffer_clear(&source->reason);
    enum ps_status status = link_revive(&source->link, err);
    if (status == PS_OK) {
        status = read_clock(source, &now, err);
    }
    if (status == PS_OK) {
        if (source->link.yugabyte) {
            status = read_cluster_horizon(source, &now, err);
        } else if (source->link.recovery) {
            ps_buffer_puts(&source->reason, "the server is a replica, which does not show the "
                                            "primary's open transactions; the look-back stands in "
                                            "for them");
            status = unknown(source, &now, err);
        } else {
            status = read_horizon(source, &now, err);
        }
    }
    if (status == PS_OK) {
        if (link_reads_followers(&source->link)) {
            now.stale_ms = source->settings.follower_staleness_ms + CLOCK_SKEW_MS;
        }
        *ret_now = now;
    }
    return status;
}
