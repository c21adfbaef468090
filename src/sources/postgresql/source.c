/* The two tables of functions, and the source's connection and point in time. */
#include <string.h>

#include "base/alloc.h"
#include "sources/postgresql/postgresql.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* The name that stands for "each connection has its own": see snapshot_name. */
static const char unshared[] = "unshared";

static const char *const cursor_names[] = {"updated_at", NULL};
static const char *const soft_delete_names[] = {NULL};

static void source_close(struct ps_source *base)
{
    struct source *source = (struct source *)base;
    if (source == NULL) {
        return;
    }
    link_close(&source->link);
    catalog_free(source->catalog);
    ps_buffer_done(&source->scope);
    ps_buffer_done(&source->missing);
    ps_buffer_done(&source->snapshot);
    ps_buffer_done(&source->mark);
    ps_buffer_done(&source->reason);
    nodes_done(&source->nodes);
    link_settings_done(&source->settings);
    ps_free(source);
}

static enum ps_status source_open(const struct ps_source_ops *ops,
                                  const struct ps_source_request *request,
                                  struct ps_source **ret_source, struct ps_error *err)
{
    struct source *source = ps_calloc(1, sizeof *source);
    if (source == NULL) {
        return ps_fail_nomem(err, "connecting");
    }
    source->base.ops = ops;
    source->config = request->config;
    source->tables = request->tables;
    source->exclude_tables = request->exclude_tables;
    enum ps_status status = link_settings_read(&source->settings, request->config, err);
    source->settings.cancel = request->cancel;
    if (status == PS_OK) {
        status = link_open(&source->link, &source->settings, err);
    }
    if (status != PS_OK) {
        source_close(&source->base);
        return status;
    }
    *ret_source = &source->base;
    return PS_OK;
}

bool source_means(const struct source *source, const struct ps_table *table)
{
    return ps_table_patterns_select(source->tables, source->exclude_tables, table->schema,
                                    table->name);
}

static enum ps_status open_postgresql(const struct ps_source_request *request,
                                      struct ps_source **ret_source, struct ps_error *err)
{
    return source_open(&ps_source_postgresql, request, ret_source, err);
}

static enum ps_status open_yugabytedb(const struct ps_source_request *request,
                                      struct ps_source **ret_source, struct ps_error *err)
{
    return source_open(&ps_source_yugabytedb, request, ret_source, err);
}

static enum ps_status source_pin(struct ps_source *base, const char *snapshot, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    link_end(&source->link);
    source->pinned = false;
    source->reading = false;
    source->hold_since_ns = 0;
    ps_buffer_clear(&source->snapshot);
    ps_buffer_clear(&source->mark);
    enum ps_status status = link_revive(&source->link, err);
    if (status != PS_OK) {
        return status;
    }
    bool joins = snapshot != NULL && strcmp(snapshot, unshared) != 0;
    status = link_begin(&source->link, joins ? snapshot : NULL, err);
    source->pinned = status == PS_OK;
    return status;
}

/* Another server than ours was lost, as ours tells of it: none of a pooler's codes. */
static bool lost_another(const struct source *source, enum ps_status status,
                         const struct ps_error *err)
{
    return status == PS_RETRY && err->error_class == PS_CLASS_NETWORK &&
           strncmp(err->sqlstate, "08", 2) == 0 && strcmp(err->sqlstate, "08P01") != 0 &&
           PQstatus(source->link.conn) == CONNECTION_OK;
}

enum ps_status source_blame_table(const struct source *source, const struct ps_table *table,
                                  bool has_parts, enum ps_status status, struct ps_error *err)
{
    bool outside = table->kind == PS_TABLE_VIEW || table->kind == PS_TABLE_FOREIGN;
    bool parts = table->kind == PS_TABLE_PARTITIONED || has_parts;
    if ((outside && (status == PS_CONFIG || status == PS_BUG)) ||
        ((outside || parts) && lost_another(source, status, err))) {
        err->status = PS_DATA;
        return PS_DATA;
    }
    return status;
}

enum ps_status source_need_transaction(struct source *source, struct ps_error *err)
{
    if (source->link.in_transaction) {
        return PS_OK;
    }
    if (source->pinned) {
        return ps_fail(err, PS_RETRY, PS_CLASS_NETWORK,
                       "the connection to %s was lost, and the point in time with it",
                       source->settings.target);
    }
    return source_pin(&source->base, NULL, err);
}

/*
 * YugabyteDB exports snapshots from 2025.2 on, and only while a flag is set. Elsewhere, and where
 * the login may not export one, the name says that each connection takes its own point in time:
 * moments apart, each consistent in itself.
 */
static enum ps_status source_snapshot_name(struct ps_source *base, const char **ret_name,
                                           struct ps_error *err)
{
    struct source *source = (struct source *)base;
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK) {
        return status;
    }
    if (source->snapshot.size == 0 &&
        (link_reads_followers(&source->link) || !source->link.may_export)) {
        /* Followers: each connection asks for its own age of what it reads. */
        ps_buffer_puts(&source->snapshot, unshared);
    } else if (source->snapshot.size == 0) {
        PGresult *result = NULL;
        struct ps_error refused = {0};
        status = link_query(&source->link, "SELECT pg_export_snapshot()", LINK_SHORT_MS,
                            "exporting the snapshot", &result, &refused);
        if (status == PS_OK) {
            ps_buffer_puts(&source->snapshot, PQgetvalue(result, 0, 0));
            PQclear(result);
        } else if (source->link.yugabyte && *refused.sqlstate != '\0') {
            status = source_pin(base, NULL, err);
            if (status != PS_OK) {
                return status;
            }
            ps_buffer_puts(&source->snapshot, unshared);
        } else {
            if (err != NULL) {
                *err = refused;
            }
            return status;
        }
    }
    if (!ps_buffer_ok(&source->snapshot)) {
        return ps_fail_nomem(err, "exporting the snapshot");
    }
    *ret_name = ps_buffer_text(&source->snapshot);
    return PS_OK;
}

static void source_about(struct ps_source *base, struct ps_about *ret_about)
{
    static const char pooled[] =
        "a pooler is between this machine and the server. Connect to the server itself where you "
        "can: in the pooler's transaction mode each thread of a sync keeps one of its server "
        "connections to itself for as long as it reads, and threads beyond `default_pool_size` "
        "wait";
    static const char no_followers[] =
        "`follower_reads` is set, but the server is no YugabyteDB: it is read as if that were not "
        "set (a replica of PostgreSQL is read where `host` names it)";
    const struct link *link = &((struct source *)base)->link;
    bool in_vain = link->settings->follower_reads && !link->yugabyte;
    *ret_about = (struct ps_about){.server = link->about,
                                   .advice = in_vain        ? no_followers
                                             : link->pooled ? pooled
                                                            : NULL};
}

/* YugabyteDB keeps what is gone for 15 minutes by default: a point in time is to end before. */
#define YUGABYTE_SNAPSHOT_MINUTES 10

#define OPS(the_name, the_label, the_summary, the_options, the_open, the_caps, the_minutes)        \
    {                                                                                              \
        .abi = PS_SOURCE_ABI, .name = the_name, .label = the_label, .summary = the_summary,        \
        .caps = PS_CAP_SNAPSHOT | PS_CAP_KEYS_ONCE | PS_CAP_TEXTS | (the_caps),                    \
        .options = the_options, .tests = source_tests, .plan = source_plan, .hold = source_hold,   \
        .mark = source_mark, .snapshot_max_minutes = (the_minutes), .cursor_names = cursor_names,  \
        .soft_delete_names = soft_delete_names, .open = the_open, .close = source_close,           \
        .test = source_test, .list_tables = source_list_tables, .describe = source_describe,       \
        .now = source_now, .pin = source_pin, .snapshot_name = source_snapshot_name,               \
        .reader_open = source_reader_open, .reader_next = source_reader_next,                      \
        .reader_position = source_reader_position, .reader_cancel = source_reader_cancel,          \
        .reader_close = source_reader_close, .count = source_count, .execute = source_execute,     \
        .advise_index = query_index, .about = source_about, .shows_changes = partition_is_blocks,  \
        .join = partition_join,                                                                    \
    }

const struct ps_source_ops ps_source_postgresql =
    OPS("postgresql", "PostgreSQL", "A PostgreSQL server, version 11 or later.",
        source_options_postgresql, open_postgresql, PS_CAP_CHANGED, 0);
const struct ps_source_ops ps_source_yugabytedb = OPS(
    "yugabytedb", "YugabyteDB", "A YugabyteDB cluster, through its PostgreSQL interface (YSQL).",
    source_options_yugabytedb, open_yugabytedb, 0, YUGABYTE_SNAPSHOT_MINUTES);
