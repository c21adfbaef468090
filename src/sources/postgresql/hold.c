/*
 * The table as it is at a point in time: holding it there, noticing where it was emptied or
 * rewritten, and what is kept of the point when it is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* pg_snapshot_xmin and xid8 exist from this version on. */
#define VERSION_XID8 130000

static enum ps_status changed(const struct source *source, const struct ps_table *table,
                              const char *what, struct ps_error *err)
{
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "%s.%s at %s %s", table->schema, table->name,
                   source->settings.target, what);
}

enum ps_status source_check_rewritten(const struct source *source, const struct ps_table *table,
                                      const PGresult *result, bool *ret_has_parts,
                                      struct ps_error *err)
{
    uint32_t oid = (uint32_t)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
    if (PQgetisnull(result, 0, 0) || (table->source_id != 0 && oid != table->source_id)) {
        return changed(source, table, "is not the table that it was", err);
    }
    /* Of a partitioned table, which has no file, the partitions are looked at below. */
    const char *file = table->incarnation == NULL ? NULL : strrchr(table->incarnation, '/');
    if (file != NULL && !PQgetisnull(result, 0, 1) &&
        strcmp(PQgetvalue(result, 0, 1), file + 1) != 0) {
        return changed(source, table, "was emptied or rewritten since it was described", err);
    }
    if (strcmp(PQgetvalue(result, 0, 3), "0") != 0) {
        return changed(source, table, "was emptied or rewritten while it was being read", err);
    }
    *ret_has_parts = strcmp(PQgetvalue(result, 0, 2), "1") != 0;
    return PS_OK;
}

/* The lock that any read takes, also on the tables that are read under this one's name. Without
 * the right to the whole table, and in YugabyteDB, a read of nothing takes it. */
static void write_lock(struct ps_buffer *sql, const struct source *source,
                       const struct ps_table *table)
{
    bool lockable = !source->link.yugabyte && !table->partial &&
                    (table->kind == PS_TABLE_ORDINARY || table->kind == PS_TABLE_PARTITIONED);
    const char *only = table->own_rows_only ? "ONLY " : "";
    ps_buffer_puts(sql, lockable ? "LOCK TABLE " : "SELECT FROM ");
    ps_buffer_puts(sql, only);
    query_qualified(sql, table->schema, table->name);
    ps_buffer_puts(sql, lockable ? " IN ACCESS SHARE MODE;" : " WHERE false;");
}

enum ps_status source_hold(struct ps_source *base, const struct ps_table *table,
                           struct ps_error *err)
{
    struct source *source = (struct source *)base;
    int64_t lock_ms = source->settings.lock_timeout_s * 1000;
    struct ps_buffer sql;
    PGresult *results[2] = {NULL, NULL};
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK) {
        return status;
    }
    ps_buffer_init(&sql, 0);
    write_lock(&sql, source, table);
    query_rewritten(&sql, table);
    status = ps_buffer_ok(&sql)
                 ? link_query_many(&source->link, ps_buffer_text(&sql),
                                   lock_ms == 0 ? LINK_CATALOG_MS : lock_ms + LINK_SHORT_MS,
                                   "holding", results, 2, err)
                 : ps_fail_nomem(err, "holding a table");
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", table->schema, table->name);
        return status;
    }
    bool has_parts;
    status = source_check_rewritten(source, table, results[1], &has_parts, err);
    PQclear(results[0]);
    PQclear(results[1]);
    return status;
}

enum ps_status source_mark(struct ps_source *base, const char **ret_mark, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    PGresult *result = NULL;
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK || source->link.yugabyte || source->link.version < VERSION_XID8) {
        *ret_mark = NULL;
        return status;
    }
    if (source->mark.size == 0) {
        status = link_query(&source->link, "SELECT pg_snapshot_xmin(pg_current_snapshot())",
                            LINK_SHORT_MS, "reading the snapshot", &result, err);
        if (status != PS_OK) {
            return status;
        }
        ps_buffer_puts(&source->mark, PQgetvalue(result, 0, 0));
        PQclear(result);
        if (!ps_buffer_ok(&source->mark)) {
            return ps_fail_nomem(err, "reading the snapshot");
        }
    }
    *ret_mark = ps_buffer_text(&source->mark);
    return PS_OK;
}
