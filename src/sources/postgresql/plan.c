/*
 * Cutting a table into parts, from what the server knows without looking at a row: the sizes of its
 * files, its hash codes, or the histogram of its key. See partition.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "sources/postgresql/partition.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

#define BLOCK_BYTES 8192
#define HASH_CODES 65536
/* Ranges of blocks are found without reading the others from this version on; what moves between
 * them is known by the numbers of transactions (source_mark). */
#define VERSION_TID_RANGES 140000

/* A table with rows of its own: the one that is read, or one that is read under its name. */
struct leaf {
    uint32_t oid;
    int64_t blocks;
    bool ours; /* its rows can be read by its own name */
};

static enum ps_status add_part(struct ps_partition_list *list, char *bounds, int64_t rows,
                               struct ps_error *err)
{
    if (bounds == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    list->partitions[list->partitions_count++] =
        (struct ps_partition){.bounds = bounds, .rows_estimate = rows};
    return PS_OK;
}

static enum ps_status make_room(struct ps_partition_list *list, size_t parts, struct ps_error *err)
{
    list->partitions = ps_arena_array(list->arena, parts, sizeof *list->partitions);
    list->partitions_count = 0;
    return list->partitions == NULL ? ps_fail_nomem(err, "planning a table") : PS_OK;
}

static enum ps_status one_part(const struct ps_table *table, struct ps_partition_list *list,
                               struct ps_error *err)
{
    enum ps_status status = make_room(list, 1, err);
    return status == PS_OK
               ? add_part(list, ps_arena_strdup(list->arena, ""), table->rows_estimate, err)
               : status;
}

/* Blocks of one leaf in even parts, the last without an end: rows may have been added since. */
static enum ps_status cut_leaf(const struct leaf *leaf, bool named, size_t parts, double rows,
                               struct ps_partition_list *list, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    char oid[16] = "";
    if (named) {
        snprintf(oid, sizeof oid, "%" PRIu32, leaf->oid);
    }
    for (size_t i = 0; i < parts && status == PS_OK; i++) {
        int64_t first = leaf->blocks * (int64_t)i / (int64_t)parts;
        int64_t end = leaf->blocks * (int64_t)(i + 1) / (int64_t)parts;
        char *bounds = i + 1 == parts ? ps_arena_printf(list->arena, "b%s:%" PRId64 "-", oid, first)
                                      : ps_arena_printf(list->arena, "b%s:%" PRId64 "-%" PRId64,
                                                        oid, first, end);
        status = add_part(list, bounds, (int64_t)(rows / (double)parts), err);
    }
    return status;
}

/* Each leaf has one part at least; the others go to them by their size. */
static enum ps_status cut_blocks(const struct ps_table *table, const struct leaf *leaves,
                                 size_t count, size_t parts_max, struct ps_partition_list *list,
                                 struct ps_error *err)
{
    int64_t blocks = 0;
    for (size_t i = 0; i < count; i++) {
        blocks += leaves[i].blocks;
    }
    parts_max = parts_max < count ? count : parts_max;
    enum ps_status status = make_room(list, parts_max, err);
    bool named = count > 1 || leaves[0].oid != table->source_id;
    for (size_t i = 0; i < count && status == PS_OK; i++) {
        double share = blocks == 0 ? 0 : (double)leaves[i].blocks / (double)blocks;
        size_t parts = 1 + (size_t)((double)(parts_max - count) * share);
        if (parts > (size_t)leaves[i].blocks) {
            parts = leaves[i].blocks == 0 ? 1 : (size_t)leaves[i].blocks;
        }
        double rows = table->rows_estimate < 0 ? 0 : (double)table->rows_estimate * share;
        status = cut_leaf(&leaves[i], named, parts, rows, list, err);
    }
    return status;
}

static void write_leaves(struct ps_buffer *sql, const struct ps_table *table, int version)
{
    ps_buffer_printf(sql, "WITH RECURSIVE part(oid) AS (SELECT %" PRIu32 "::oid", table->source_id);
    if (!table->own_rows_only) {
        ps_buffer_puts(sql, " UNION ");
        query_below(sql, version, "part");
    }
    ps_buffer_puts(sql, ") SELECT c.oid, COALESCE(pg_relation_size(c.oid), 0), " QUERY_LEAF_IS_OURS
                        " FROM part p JOIN pg_class c ON c.oid = p.oid WHERE c.relkind <> 'p'"
                        " ORDER BY c.oid");
}

/* END: the table cannot be cut by blocks. */
static enum ps_status plan_blocks(struct source *source, const struct ps_table *table,
                                  size_t parts_max, struct ps_partition_list *list,
                                  struct ps_error *err)
{
    struct ps_buffer sql;
    PGresult *result = NULL;
    ps_buffer_init(&sql, 0);
    write_leaves(&sql, table, source->link.version);
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query(&source->link, ps_buffer_text(&sql), LINK_CATALOG_MS,
                                             "planning a table", &result, err)
                                : ps_fail_nomem(err, "planning a table");
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        return status;
    }
    size_t count = (size_t)PQntuples(result);
    struct leaf *leaves = ps_calloc(count + 1, sizeof *leaves);
    /* Only parts of one leaf have places, from which a read goes on. */
    bool all = count > 0 && (count <= parts_max || count <= list->stores_max);
    for (size_t i = 0; i < count && leaves != NULL; i++) {
        leaves[i].oid = (uint32_t)strtoul(PQgetvalue(result, (int)i, 0), NULL, 10);
        leaves[i].blocks = strtoll(PQgetvalue(result, (int)i, 1), NULL, 10) / BLOCK_BYTES;
        all = all && PQgetvalue(result, (int)i, 2)[0] == 't';
    }
    PQclear(result);
    if (leaves == NULL) {
        status = ps_fail_nomem(err, "planning a table");
    } else {
        status = all ? cut_blocks(table, leaves, count, parts_max, list, err) : PS_END;
    }
    ps_free(leaves);
    return status;
}

static const struct ps_column *first_key(const struct ps_table *table)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].key_position == 1) {
            return &table->columns[i];
        }
    }
    return NULL;
}

/*
 * Of a column's type d, and b below it where d is a domain: the server finds a comparison with a
 * literal of that type, whatever search_path is. It does not for types of extensions; of composites
 * and the reg… it takes a literal for another type.
 */
static const char comparable[] =
    "(d.typtype IN ('e', 'r') OR (d.typtype = 'b' AND d.typcategory = 'A')"
    " OR (COALESCE(b.typtype, d.typtype) = 'b' AND COALESCE(b.oid, d.oid) < 16384"
    " AND COALESCE(b.typcategory, d.typcategory) <> 'A'"
    " AND COALESCE(b.typname, d.typname) !~ '^reg'))";

static void write_histogram(struct ps_buffer *sql, const struct ps_table *table,
                            const struct ps_column *key)
{
    ps_buffer_puts(sql, "SELECT b FROM pg_stats s, LATERAL unnest(s.histogram_bounds::text::text[])"
                        " WITH ORDINALITY AS h(b, place) WHERE s.schemaname = ");
    query_literal(sql, table->schema);
    ps_buffer_puts(sql, " AND s.tablename = ");
    query_literal(sql, table->name);
    ps_buffer_puts(sql, " AND s.attname = ");
    query_literal(sql, key->name);
    ps_buffer_puts(sql, table->kind == PS_TABLE_PARTITIONED ? " AND s.inherited"
                                                            : " AND NOT s.inherited");
    ps_buffer_printf(sql,
                     " AND EXISTS (SELECT FROM pg_attribute a JOIN pg_type d ON d.oid = a.atttypid"
                     " LEFT JOIN pg_type b ON b.oid = d.typbasetype WHERE a.attrelid = %" PRIu32
                     " AND a.attname = s.attname AND %s) ORDER BY place",
                     table->source_id, comparable);
}

static void write_bound(struct ps_buffer *out, const char *value)
{
    if (value == NULL) {
        ps_buffer_putc(out, '-');
    } else {
        ps_buffer_printf(out, "+%zu:%s", strlen(value), value);
    }
}

/* The bounds inside the histogram, as many as are wanted; the first and the last part are open. */
static enum ps_status cut_keys(const struct ps_table *table, const PGresult *bounds,
                               size_t parts_max, struct ps_partition_list *list,
                               struct ps_error *err)
{
    size_t inner = PQntuples(bounds) < 3 ? 0 : (size_t)PQntuples(bounds) - 2;
    size_t parts = inner + 1 < parts_max ? inner + 1 : parts_max;
    if (parts < 2) {
        return one_part(table, list, err);
    }
    const char *lower = NULL;
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    enum ps_status status = make_room(list, parts, err);
    for (size_t i = 0; i < parts && status == PS_OK; i++) {
        const char *upper =
            i + 1 == parts ? NULL : PQgetvalue(bounds, (int)(1 + inner * (i + 1) / parts), 0);
        ps_buffer_clear(&text);
        ps_buffer_putc(&text, 'k');
        write_bound(&text, lower);
        write_bound(&text, upper);
        char *own =
            ps_buffer_ok(&text) ? ps_arena_strdup(list->arena, ps_buffer_text(&text)) : NULL;
        status = add_part(list, own, table->rows_estimate / (int64_t)parts, err);
        lower = upper;
    }
    ps_buffer_done(&text);
    return status;
}

static enum ps_status plan_keys(struct source *source, const struct ps_table *table,
                                size_t parts_max, struct ps_partition_list *list,
                                struct ps_error *err)
{
    const struct ps_column *key = first_key(table);
    /* Bounds stand in the state, which is UTF-8. */
    if (key == NULL || !key->indexed || !source->link.may_see_statistics ||
        source->link.sql_ascii) {
        return one_part(table, list, err);
    }
    struct ps_buffer sql;
    PGresult *result = NULL;
    ps_buffer_init(&sql, 0);
    write_histogram(&sql, table, key);
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query(&source->link, ps_buffer_text(&sql), LINK_CATALOG_MS,
                                             "planning a table", &result, err)
                                : ps_fail_nomem(err, "planning a table");
    ps_buffer_done(&sql);
    if (status == PS_OK) {
        status = cut_keys(table, result, parts_max, list, err);
        PQclear(result);
    }
    return status;
}

/*
 * END: the table is not cut by hash codes. They are those of the primary key: a unique index that
 * stands in for it has others, or none.
 */
static enum ps_status plan_hash(struct source *source, const struct ps_table *table,
                                size_t parts_max, struct ps_partition_list *list,
                                struct ps_error *err)
{
    char sql[128];
    PGresult *result = NULL;
    if (table->key_derived) {
        return PS_END;
    }
    snprintf(sql, sizeof sql,
             "SELECT num_hash_key_columns FROM yb_table_properties(%" PRIu32 "::oid)",
             table->source_id);
    enum ps_status status =
        link_query(&source->link, sql, LINK_CATALOG_MS, "planning a table", &result, err);
    if (status != PS_OK) {
        return status;
    }
    long columns = PQntuples(result) == 1 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    if (columns <= 0 || columns > table->keys_count) {
        return PS_END;
    }
    size_t parts = parts_max < HASH_CODES ? parts_max : HASH_CODES;
    status = make_room(list, parts, err);
    for (size_t i = 0; i < parts && status == PS_OK; i++) {
        size_t first = HASH_CODES * i / parts, end = HASH_CODES * (i + 1) / parts;
        char *bounds = i + 1 == parts
                           ? ps_arena_printf(list->arena, "h%ld:%zu-", columns, first)
                           : ps_arena_printf(list->arena, "h%ld:%zu-%zu", columns, first, end);
        status = add_part(list, bounds, table->rows_estimate / (int64_t)parts, err);
    }
    return status;
}

enum ps_status source_plan(struct ps_source *base, const struct ps_table *table,
                           size_t partitions_max, struct ps_partition_list *list,
                           struct ps_error *err)
{
    struct source *source = (struct source *)base;
    bool stored = table->kind == PS_TABLE_ORDINARY || table->kind == PS_TABLE_PARTITIONED ||
                  table->kind == PS_TABLE_MATERIALIZED_VIEW;
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK) {
        return status;
    }
    /* The parts are read over several connections: moments apart, a row that moves from one part
     * to another would be missed. YugabyteDB's rows stay in theirs. */
    bool together = source->link.may_export || source->link.yugabyte;
    if (!stored || table->source_id == 0 || !together) {
        return one_part(table, list, err);
    }
    if (source->link.yugabyte) {
        status = plan_hash(source, table, partitions_max, list, err);
    } else if (source->link.version >= VERSION_TID_RANGES && source->link.counts &&
               !table->partial) {
        status = plan_blocks(source, table, partitions_max, list, err);
    } else {
        status = PS_END;
    }
    return status == PS_END ? plan_keys(source, table, partitions_max, list, err) : status;
}
