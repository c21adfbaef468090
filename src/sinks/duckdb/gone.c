/*
 * Keys that were deleted in a load, and those of rows that it had to leave out. They gather in a
 * table of their own beside the load's, which survives as long as that does, and count at its end,
 * the last word on each. Deleted: a row that the load brought before is soft-deleted, one that it
 * brought afterwards stays, and a former row that it did not bring is soft-deleted even where the
 * load is not complete. Left out: a former row that it did not bring stays even where it is
 * (load.c). A key that nobody has leaves nothing.
 */
#include "sinks/duckdb/sink.h"

static void put_name(struct ps_buffer *out, const struct duck_table *table)
{
    duck_name_table(out, &table->full, DUCK_GONE_PREFIX);
}

/* Where the rows that the load brought are. */
static void put_brought(struct ps_buffer *out, const struct duck_table *table)
{
    duck_name_table(out, &table->full, duck_load_is_apart(table) ? DUCK_LOAD_PREFIX : "");
}

enum ps_status duck_gone_keep(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, table->gone_there ? "INSERT INTO " : "CREATE TABLE ");
    put_name(sql, table);
    ps_buffer_puts(sql, table->gone_there ? " SELECT " : " AS SELECT ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, ", max(" DUCK_SYNCED ") AS " DUCK_SYNCED ", arg_max(" DUCK_OPERATION
                        ", " DUCK_ORDER ") AS " DUCK_OPERATION " FROM ");
    duck_apply_put_stage(sql, table);
    ps_buffer_puts(sql, " GROUP BY ");
    duck_table_put_keys(sql, table);
    table->gone_there = true;
    return duck_do(sink, table, "noting deleted rows of", err);
}

/* The keys of which that was the last word, with its stamp. */
static void put_last(struct ps_buffer *out, const struct duck_table *table,
                     enum ps_operation operation)
{
    ps_buffer_puts(out, "(SELECT ");
    duck_table_put_keys(out, table);
    ps_buffer_puts(out, ", max(" DUCK_SYNCED ") AS stamp FROM ");
    put_name(out, table);
    ps_buffer_puts(out, " GROUP BY ");
    duck_table_put_keys(out, table);
    ps_buffer_printf(out, " HAVING arg_max(" DUCK_OPERATION ", " DUCK_SYNCED ") = %d) AS b",
                     (int)operation);
}

void duck_gone_put_condition(struct ps_buffer *out, const struct duck_table *table,
                             enum ps_operation operation)
{
    ps_buffer_puts(out, "EXISTS (SELECT 1 FROM ");
    put_last(out, table, operation);
    ps_buffer_puts(out, " WHERE ");
    duck_table_put_match(out, table);
    ps_buffer_putc(out, ')');
}

enum ps_status duck_gone_count(struct duck_sink *sink, const struct duck_table *table,
                               int64_t *ret_rows, struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "SELECT count(*) FROM ");
    put_brought(sql, table);
    ps_buffer_puts(sql, " AS a WHERE ");
    duck_gone_put_condition(sql, table, PS_DELETE);
    return duck_statement_integers(&sink->session, "looking for deleted rows", sql, ret_rows, 1,
                                   err);
}

enum ps_status duck_gone_apply(struct duck_sink *sink, struct duck_table *table, uint64_t *ret_rows,
                               struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "UPDATE ");
    put_brought(sql, table);
    ps_buffer_puts(sql, " AS a SET " DUCK_DELETED " = true, " DUCK_SYNCED " = b.stamp FROM ");
    put_last(sql, table, PS_DELETE);
    ps_buffer_puts(sql,
                   " WHERE a." DUCK_DELETED " IS NOT TRUE AND a." DUCK_SYNCED " < b.stamp AND ");
    duck_table_put_match(sql, table);
    return duck_change_rows(sink, table, "soft-deleting rows of", ret_rows, err);
}

enum ps_status duck_gone_drop(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err)
{
    if (!table->gone_there) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql, "DROP TABLE IF EXISTS ");
    put_name(&sink->sql, table);
    table->gone_there = false;
    return duck_do(sink, table, "ending the load of", err);
}
