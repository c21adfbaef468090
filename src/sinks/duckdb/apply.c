/*
 * Operations outside of loads. Upserts alone go directly into the table, beside the older rows of
 * their keys, which leave it when they are applied: nothing is written twice. Once a delete has
 * come, upserts and deletes gather in a temporary table until the checkpoint, in any mixture; the
 * last one of each key counts, and a key that was upserted and then deleted ends as that row,
 * soft-deleted. Updates gather by themselves, one set of columns at a time: whatever came before
 * them is applied first, so that they find it.
 *
 * While the table is being loaded the same happens to the load's table, where upserts go straight
 * into it and deletes wait for its end (gone.c).
 */
#include <stdio.h>

#include "sinks/duckdb/packet.h"
#include "sinks/duckdb/sink.h"

/* A staging table is used again until so many rows went through it. */
#define STAGE_ROWS_KEPT 10000u

void duck_apply_put_stage(struct ps_buffer *out, const struct duck_table *table)
{
    /* Temporary tables are found before all others. */
    ps_buffer_printf(out, "_penstock_stage_%u", table->number);
}

/* The last operation of each key, while it is being applied. */
static void put_last(struct ps_buffer *out, const struct duck_table *table)
{
    ps_buffer_printf(out, "_penstock_last_%u", table->number);
}

static void put_target(struct ps_buffer *out, const struct duck_table *table)
{
    duck_name_table(out, &table->full, duck_load_is_apart(table) ? DUCK_LOAD_PREFIX : "");
}

bool duck_apply_fits(const struct duck_table *table, enum duck_route route,
                     const struct duck_packet *packet)
{
    if (route == DUCK_ROUTE_LOAD) {
        /* A load takes upserts beside its staged deletes: their stamps tell the order. */
        return table->staged != DUCK_STAGED_UPDATES;
    }
    if (route == DUCK_ROUTE_DIRECT) {
        return table->staged == DUCK_STAGED_NOTHING;
    }
    if (table->direct || table->staged == DUCK_STAGED_NOTHING) {
        return !table->direct; /* What came directly is applied before anything is staged. */
    }
    if (route != DUCK_ROUTE_UPDATE) {
        return table->staged == DUCK_STAGED_OPERATIONS;
    }
    const struct ps_batch *batch = packet->batch;
    return table->staged == DUCK_STAGED_UPDATES &&
           table->feed_columns_count == batch->columns_count &&
           memcmp(table->feed_columns, batch->columns,
                  batch->columns_count * sizeof *batch->columns) == 0;
}

/* The columns have the warehouse's types, so that keys compare as they are there. */
void duck_apply_put_stage_column(struct ps_buffer *out, const struct duck_table *table,
                                 const struct ps_column *column)
{
    const struct duck_column *there = duck_table_column(table, column->name);
    duck_name_quote(out, column->name);
    ps_buffer_putc(out, ' ');
    duck_type_sql(out, there->type.foreign ? duck_type_of_column(column) : there->type);
}

static void put_stage_sql(struct ps_buffer *out, const struct duck_table *table)
{
    const struct ps_table *shape = table->table;
    ps_buffer_puts(out, "CREATE TEMP TABLE ");
    duck_apply_put_stage(out, table);
    ps_buffer_puts(out, " (");
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        duck_apply_put_stage_column(out, table, &shape->columns[i]);
        ps_buffer_puts(out, ", ");
    }
    ps_buffer_puts(out, shape->keys_count == 0 ? DUCK_ID " VARCHAR, " : "");
    ps_buffer_puts(out,
                   DUCK_SYNCED " TIMESTAMPTZ, " DUCK_OPERATION " SMALLINT, " DUCK_ORDER " BIGINT)");
}

enum ps_status duck_apply_stage(struct duck_sink *sink, struct duck_table *table,
                                enum duck_route route, struct ps_error *err)
{
    if (table->staged != DUCK_STAGED_NOTHING) {
        return PS_OK;
    }
    enum ps_status status = PS_OK;
    if (!table->stage_made) {
        put_stage_sql(&sink->sql, table);
        status = duck_do(sink, table, "staging rows of", err);
    }
    if (status == PS_OK) {
        table->stage_made = true;
        table->staged = route == DUCK_ROUTE_UPDATE ? DUCK_STAGED_UPDATES : DUCK_STAGED_OPERATIONS;
        table->staged_deletes = false;
    }
    return status;
}

/* Staged rows beyond one a key. */
static enum ps_status count_repeated(struct duck_sink *sink, const struct duck_table *table,
                                     int64_t *ret_count, struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "SELECT (SELECT count(*) FROM ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, ") - (SELECT count(*) FROM (SELECT DISTINCT ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, " FROM ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, "))");
    return duck_statement_integers(&sink->session, "applying rows", sql, ret_count, 1, err);
}

/* Appends "name, " of every column that upserts bring. */
static void put_columns(struct ps_buffer *out, const struct duck_table *table, const char *prefix)
{
    const struct ps_table *shape = table->table;
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        ps_buffer_puts(out, prefix);
        duck_name_quote(out, shape->columns[i].name);
        ps_buffer_puts(out, ", ");
    }
    if (shape->keys_count == 0) {
        ps_buffer_puts(out, prefix);
        ps_buffer_puts(out, DUCK_ID ", ");
    }
}

static void put_insert(struct ps_buffer *out, const struct duck_table *table)
{
    ps_buffer_puts(out, "INSERT INTO ");
    put_target(out, table);
    ps_buffer_puts(out, " (");
    put_columns(out, table, "");
    ps_buffer_puts(out, DUCK_SYNCED ", " DUCK_DELETED ") SELECT ");
    put_columns(out, table, "a.");
}

/* Every key once, and upserts alone: the staged rows are what the table is to hold. */
static enum ps_status apply_upserts(struct duck_sink *sink, struct duck_table *table,
                                    struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "DELETE FROM ");
    put_target(sql, table);
    ps_buffer_puts(sql, " AS a USING ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, " AS b WHERE ");
    duck_table_put_match(sql, table);
    enum ps_status status = duck_change(sink, table, "replacing rows of", err);
    if (status != PS_OK) {
        return status;
    }
    status = duck_begin_insert(sink, table, false, err);
    if (status != PS_OK) {
        return status;
    }
    put_insert(sql, table);
    ps_buffer_puts(sql, "a." DUCK_SYNCED ", false FROM ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, " AS a");
    return duck_do(sink, table, "inserting rows into", err);
}

/* For each key the places of its last upsert and of its last delete, and that delete's time. */
static void put_last_sql(struct ps_buffer *out, const struct duck_table *table)
{
    ps_buffer_puts(out, "CREATE TEMP TABLE ");
    put_last(out, table);
    ps_buffer_puts(out, " AS SELECT ");
    duck_table_put_keys(out, table);
    ps_buffer_printf(out,
                     ", max(" DUCK_ORDER ") FILTER (WHERE " DUCK_OPERATION
                     " = %d) AS upserted, max(" DUCK_ORDER ") FILTER (WHERE " DUCK_OPERATION
                     " = %d) AS deleted, max(" DUCK_SYNCED ") AS stamp FROM ",
                     PS_UPSERT, PS_DELETE);
    duck_apply_put_stage(out, table);
    ps_buffer_puts(out, " GROUP BY ");
    duck_table_put_keys(out, table);
}

/* Soft-deletes the rows whose keys were deleted and not upserted. */
static enum ps_status soft_delete(struct duck_sink *sink, struct duck_table *table,
                                  struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "UPDATE ");
    put_target(sql, table);
    ps_buffer_puts(sql, " AS a SET " DUCK_DELETED " = true, " DUCK_SYNCED " = b.stamp FROM ");
    put_last(sql, table);
    ps_buffer_puts(sql, " AS b WHERE b.upserted IS NULL AND a." DUCK_DELETED " IS NOT TRUE AND ");
    duck_table_put_match(sql, table);
    return duck_change(sink, table, "soft-deleting rows of", err);
}

static enum ps_status apply_mixture(struct duck_sink *sink, struct duck_table *table,
                                    struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    put_last_sql(sql, table);
    enum ps_status status = duck_do(sink, table, "ordering operations on", err);
    if (status == PS_OK) {
        status = soft_delete(sink, table, err);
    }
    if (status == PS_OK) {
        ps_buffer_puts(sql, "DELETE FROM ");
        put_target(sql, table);
        ps_buffer_puts(sql, " AS a USING ");
        put_last(sql, table);
        ps_buffer_puts(sql, " AS b WHERE b.upserted IS NOT NULL AND ");
        duck_table_put_match(sql, table);
        status = duck_change(sink, table, "replacing rows of", err);
    }
    if (status == PS_OK) {
        status = duck_begin_insert(sink, table, false, err);
    }
    if (status == PS_OK) {
        put_insert(sql, table);
        ps_buffer_puts(sql, "b.stamp, coalesce(b.deleted > b.upserted, false) FROM ");
        duck_apply_put_stage(sql, table);
        ps_buffer_puts(sql, " AS a JOIN ");
        put_last(sql, table);
        ps_buffer_puts(sql, " AS b ON a." DUCK_ORDER " = b.upserted");
        status = duck_do(sink, table, "inserting rows into", err);
    }
    if (status == PS_OK) {
        ps_buffer_puts(sql, "DROP TABLE ");
        put_last(sql, table);
        status = duck_do(sink, table, "ordering operations on", err);
    }
    return status;
}

static enum ps_status apply_updates(struct duck_sink *sink, struct duck_table *table,
                                    struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    const struct ps_table *shape = table->table;
    ps_buffer_puts(sql, "UPDATE ");
    put_target(sql, table);
    ps_buffer_puts(sql, " AS a SET " DUCK_SYNCED " = b." DUCK_SYNCED);
    for (uint32_t i = 0; i < table->feed_columns_count; i++) {
        const struct ps_column *column = &shape->columns[table->feed_columns[i]];
        if (column->key_position == 0) {
            ps_buffer_puts(sql, ", ");
            duck_name_quote(sql, column->name);
            ps_buffer_puts(sql, " = b.");
            duck_name_quote(sql, column->name);
        }
    }
    ps_buffer_puts(sql, " FROM (SELECT * FROM ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, " WHERE " DUCK_ORDER " IN (SELECT max(" DUCK_ORDER ") FROM ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, " GROUP BY ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, ")) AS b WHERE a." DUCK_DELETED " IS NOT TRUE AND ");
    duck_table_put_match(sql, table);
    return duck_change(sink, table, "updating rows of", err);
}

static enum ps_status apply_operations(struct duck_sink *sink, struct duck_table *table,
                                       struct ps_error *err)
{
    int64_t repeated = 0;
    if (!table->staged_deletes) {
        enum ps_status status = count_repeated(sink, table, &repeated, err);
        if (status != PS_OK) {
            return status;
        }
    }
    return table->staged_deletes || repeated != 0 ? apply_mixture(sink, table, err)
                                                  : apply_upserts(sink, table, err);
}

/* Before the first rows by a key that has changed: which rows it does not tell apart. */
static enum ps_status count_sharing(struct duck_sink *sink, struct duck_table *table,
                                    struct ps_error *err)
{
    int64_t rows = 0;
    if (!table->rekeyed || table->table->keys_count == 0) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql,
                   "SELECT coalesce(sum(n), 0)::BIGINT FROM (SELECT count(*) AS n FROM ");
    put_target(&sink->sql, table);
    ps_buffer_puts(&sink->sql, " WHERE " DUCK_DELETED " IS NOT TRUE GROUP BY ");
    duck_table_put_keys(&sink->sql, table);
    ps_buffer_puts(&sink->sql, ") WHERE n > 1");
    enum ps_status status = duck_statement_integers(
        &sink->session, "looking for rows that share a key", &sink->sql, &rows, 1, err);
    table->counters->sharing += (uint64_t)rows;
    table->rekeyed = false;
    return status;
}

enum ps_status duck_apply_begin_direct(struct duck_sink *sink, struct duck_table *table,
                                       int64_t since, struct ps_error *err)
{
    if (table->direct) {
        return PS_OK;
    }
    enum ps_status status = count_sharing(sink, table, err);
    table->direct_fresh = table->fresh;
    if (status == PS_OK && !table->fresh) {
        status = duck_load_is_empty(sink, table, &table->direct_fresh, err);
    }
    if (status == PS_OK) {
        table->direct = true;
        table->direct_since = since;
    }
    return status;
}

/* Rows that came directly take the place of older ones, and the last of each key that of the
 * others. */
static enum ps_status apply_direct(struct duck_sink *sink, struct duck_table *table,
                                   struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    enum ps_status status = PS_OK;
    uint64_t repeated = 0;
    if (!table->direct_fresh) {
        ps_buffer_puts(sql, "DELETE FROM ");
        put_target(sql, table);
        ps_buffer_puts(sql, " AS a USING (SELECT ");
        duck_table_put_keys(sql, table);
        ps_buffer_puts(sql, " FROM ");
        put_target(sql, table);
        ps_buffer_puts(sql, " WHERE " DUCK_SYNCED " >= ");
        duck_put_stamp(sql, table->direct_since);
        /* Rows that somebody else put there have no stamp. */
        ps_buffer_puts(sql, ") AS b WHERE (a." DUCK_SYNCED " IS NULL OR a." DUCK_SYNCED " < ");
        duck_put_stamp(sql, table->direct_since);
        ps_buffer_puts(sql, ") AND ");
        duck_table_put_match(sql, table);
        status = duck_change(sink, table, "replacing rows of", err);
    }
    if (status == PS_OK) {
        status = duck_load_reduce(sink, table, &repeated, err);
    }
    if (status == PS_OK) {
        table->direct = false;
    }
    return status;
}

enum ps_status duck_apply_drop_stage(struct duck_sink *sink, struct duck_table *table,
                                     struct ps_error *err)
{
    if (!table->stage_made) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql, "DROP TABLE ");
    duck_apply_put_stage(&sink->sql, table);
    table->stage_made = false;
    table->stage_rows = 0;
    return duck_do(sink, table, "staging rows of", err);
}

/* A dropped table keeps its memory until the commit, so that one with few rows is used again. */
static enum ps_status empty_stage(struct duck_sink *sink, struct duck_table *table,
                                  struct ps_error *err)
{
    table->staged = DUCK_STAGED_NOTHING;
    table->staged_deletes = false;
    if (table->stage_rows > STAGE_ROWS_KEPT) {
        return duck_apply_drop_stage(sink, table, err);
    }
    ps_buffer_puts(&sink->sql, "DELETE FROM ");
    duck_apply_put_stage(&sink->sql, table);
    return duck_do(sink, table, "staging rows of", err);
}

/* In a load upserts are never staged. Its deletes wait for its end, where all that it brought is
 * there. */
static enum ps_status apply_in_load(struct duck_sink *sink, struct duck_table *table,
                                    struct ps_error *err)
{
    uint64_t deleted;
    if (table->staged == DUCK_STAGED_OPERATIONS) {
        return duck_gone_keep(sink, table, err);
    }
    /* Where a key was read twice, an update belongs to its last row. */
    table->load_mixed = true;
    enum ps_status status = duck_load_reduce(sink, table, &table->load_duplicates, err);
    if (status == PS_OK && table->gone_there) {
        status = duck_gone_apply(sink, table, &deleted, err);
    }
    return status == PS_OK ? apply_updates(sink, table, err) : status;
}

static enum ps_status apply_staged(struct duck_sink *sink, struct duck_table *table,
                                   struct ps_error *err)
{
    if (table->loading) {
        return apply_in_load(sink, table, err);
    }
    return table->staged == DUCK_STAGED_UPDATES ? apply_updates(sink, table, err)
                                                : apply_operations(sink, table, err);
}

enum ps_status duck_apply(struct duck_sink *sink, struct duck_table *table, struct ps_error *err)
{
    if (table->direct) {
        return apply_direct(sink, table, err);
    }
    if (table->staged == DUCK_STAGED_NOTHING) {
        return PS_OK;
    }
    enum ps_status status = count_sharing(sink, table, err);
    if (status == PS_OK) {
        status = apply_staged(sink, table, err);
    }
    return status == PS_OK ? empty_stage(sink, table, err) : status;
}

enum ps_status duck_apply_truncate(struct duck_sink *sink, struct duck_table *table, int64_t before,
                                   struct ps_error *err)
{
    if (duck_table_column(table, DUCK_DELETED) == NULL ||
        duck_table_column(table, DUCK_SYNCED) == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SCHEMA,
                       "emptying %s.%s: the table was not made by Penstock, it has no %s",
                       table->schema, table->name, DUCK_DELETED);
    }
    ps_buffer_puts(&sink->sql, "UPDATE ");
    put_target(&sink->sql, table);
    ps_buffer_puts(&sink->sql, " SET " DUCK_DELETED " = true, " DUCK_SYNCED " = ");
    duck_put_stamp(&sink->sql, duck_stamp(sink));
    ps_buffer_puts(&sink->sql, " WHERE " DUCK_DELETED " IS NOT TRUE");
    if (before != INT64_MAX) {
        ps_buffer_puts(&sink->sql, " AND (" DUCK_SYNCED " IS NULL OR " DUCK_SYNCED " < ");
        duck_put_stamp(&sink->sql, before);
        ps_buffer_putc(&sink->sql, ')');
    }
    table->load_mixed = table->loading;
    return duck_change(sink, table, "soft-deleting rows of", err);
}
