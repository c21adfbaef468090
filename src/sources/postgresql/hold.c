/*
 * The table as it is at a point in time: holding it there, noticing where it was emptied or
 * rewritten, and what is kept of the point when it is gone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* How long one try to hold a table waits for its lock, and how many results it has. */
#define HOLD_MS 1000
#define HOLD_RESULTS 6

static enum ps_status changed(const struct source *source, const struct ps_table *table,
                              const char *what, struct ps_error *err)
{
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "%s.%s at %s %s", table->schema, table->name,
                   source->settings.target, what);
}

/* True where a part of the described list ("…,part:file,part:file-") has another file by now. Parts
 * that have come or gone are not looked for. */
static bool part_rewritten(const char *described, const char *present)
{
    for (const char *at = strchr(described, ','); at != NULL; at = strchr(at + 1, ',')) {
        size_t part_size = strcspn(at + 1, ":,") + 2; /* with the signs round it */
        char part[32];
        if (part_size >= sizeof part || at[part_size - 1] != ':') {
            continue;
        }
        memcpy(part, at, part_size);
        part[part_size] = '\0';
        const char *now = strstr(present, part);
        size_t file_size = strspn(at + part_size, "0123456789");
        if (now != NULL &&
            (strncmp(now, at, part_size + file_size) != 0 || now[part_size + file_size] != ',')) {
            return true;
        }
    }
    return false;
}

enum ps_status source_check_rewritten(const struct source *source, const struct ps_table *table,
                                      const PGresult *result, bool *ret_has_parts,
                                      struct ps_error *err)
{
    uint32_t oid = (uint32_t)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
    if (PQgetisnull(result, 0, 0) || (table->source_id != 0 && oid != table->source_id)) {
        return changed(source, table, "is not the table that it was", err);
    }
    /* Of a partitioned table, which has no file, there is a list of its partitions'. */
    const char *file = table->incarnation == NULL ? NULL : strrchr(table->incarnation, '/');
    if (file != NULL &&
        (strchr(file, ',') != NULL
             ? part_rewritten(file, PQgetvalue(result, 0, 4))
             : !PQgetisnull(result, 0, 1) && strcmp(PQgetvalue(result, 0, 1), file + 1) != 0)) {
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

/* The wait for the lock is short; the transaction and its point in time outlive it. */
static void write_hold(struct ps_buffer *sql, const struct source *source,
                       const struct ps_table *table)
{
    int64_t limit_ms = source->settings.lock_timeout_s * 1000;
    int64_t wait_ms = limit_ms != 0 && limit_ms < HOLD_MS ? limit_ms : HOLD_MS;
    ps_buffer_printf(sql, "SAVEPOINT penstock_hold;SET LOCAL lock_timeout = '%lldms';",
                     (long long)wait_ms);
    write_lock(sql, source, table);
    ps_buffer_printf(sql, "SET LOCAL lock_timeout = '%llds';RELEASE SAVEPOINT penstock_hold;",
                     (long long)source->settings.lock_timeout_s);
    query_rewritten(sql, table, source->link.version);
}

/* What a failed wait comes to: END while `lock_timeout` has not passed. */
static enum ps_status waited(struct source *source, const struct ps_table *table,
                             enum ps_status status, struct ps_error *err)
{
    bool back =
        err->error_class == PS_CLASS_LOCK_TIMEOUT && link_go_back(&source->link, "penstock_hold");
    int64_t now_ns = ps_monotonic_ns();
    source->hold_since_ns =
        source->hold_since_ns == 0 ? now_ns - HOLD_MS * INT64_C(1000000) : source->hold_since_ns;
    int64_t limit_s = source->settings.lock_timeout_s;
    if (back && (limit_s == 0 || now_ns - source->hold_since_ns < limit_s * INT64_C(1000000000))) {
        return PS_END;
    }
    source->hold_since_ns = 0;
    ps_error_prefix(err, "%s.%s", table->schema, table->name);
    return status;
}

enum ps_status source_hold(struct ps_source *base, const struct ps_table *table,
                           struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct ps_buffer sql;
    struct ps_error failed = {0};
    PGresult *results[HOLD_RESULTS] = {NULL};
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK) {
        return status;
    }
    ps_buffer_init(&sql, 0);
    write_hold(&sql, source, table);
    status = ps_buffer_ok(&sql)
                 ? link_query_many(&source->link, ps_buffer_text(&sql), LINK_CATALOG_MS, "reading",
                                   results, HOLD_RESULTS, &failed)
                 : ps_fail_nomem(&failed, "holding a table");
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        status = waited(source, table, status, &failed);
        if (status != PS_END && err != NULL) {
            *err = failed;
        }
        return status;
    }
    source->hold_since_ns = 0;
    bool has_parts;
    status = source_check_rewritten(source, table, results[HOLD_RESULTS - 1], &has_parts, err);
    for (size_t i = 0; i < HOLD_RESULTS; i++) {
        PQclear(results[i]);
    }
    return status;
}

enum ps_status source_mark(struct ps_source *base, const char **ret_mark, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    PGresult *result = NULL;
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK || !source->link.counts) {
        *ret_mark = NULL;
        return status;
    }
    if (source->mark.size == 0) {
        status = link_query(&source->link, "SELECT " LINK_SNAPSHOT_XMIN, LINK_SHORT_MS,
                            "reading the snapshot", &result, err);
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
