/*
 * Full loads. Their rows go to a table of their own beside the real one, which takes its place at
 * the end, in the transaction of the next checkpoint: nobody sees half of a load, and a load
 * is copied only where rows of it were touched before its first checkpoint.
 */
#include "sinks/duckdb/sink.h"

/* How many checkpoints without a load it takes until merging is worth its time again. */
#define CALM_CHECKPOINTS 20

/*
 * When DuckDB writes its log back it merges row groups that are not full. Each checkpoint of a load
 * leaves one a thread, and to merge those costs a quarter of the load's own time, for nothing that
 * a reader would notice. A version without the setting merges, which is right as well, so a refusal
 * is no error; setting names are not transactional and a refusal harms no transaction.
 */
static void set_vacuum(struct duck_sink *sink, bool on)
{
    if (sink->vacuum_off == on) {
        (void)!duck_statement_run(&sink->session, "tuning",
                                  on ? "RESET max_vacuum_tasks" : "SET max_vacuum_tasks = 0", NULL,
                                  NULL);
        sink->vacuum_off = !on;
    }
}

void duck_load_calm(struct duck_sink *sink)
{
    sink->calm_checkpoints = sink->loads != 0 ? 0 : sink->calm_checkpoints + 1;
    if (sink->calm_checkpoints > CALM_CHECKPOINTS) {
        set_vacuum(sink, true);
    }
}

static void put_load(struct ps_buffer *out, const struct duck_table *table)
{
    duck_name_table(out, &table->full, DUCK_LOAD_PREFIX);
}

static void load_goes_on(struct duck_sink *sink, struct duck_table *table)
{
    set_vacuum(sink, false);
    sink->loads += table->loading ? 0 : 1;
    sink->calm_checkpoints = 0;
    table->loading = true;
    table->load_duplicates = 0;
}

/* An empty table beside the other, with the same columns in the same order. */
static enum ps_status make_like(struct duck_sink *sink, struct duck_table *table, const char *made,
                                const char *like, struct ps_error *err)
{
    ps_buffer_puts(&sink->sql, "CREATE TABLE ");
    duck_name_table(&sink->sql, &table->full, made);
    ps_buffer_puts(&sink->sql, " AS SELECT * FROM ");
    duck_name_table(&sink->sql, &table->full, like);
    ps_buffer_puts(&sink->sql, " LIMIT 0");
    return duck_do(sink, table, "beginning the load of", err);
}

/* Drops the load's table, where there is one. */
static enum ps_status drop_load(struct duck_sink *sink, struct duck_table *table,
                                struct ps_error *err)
{
    if (!table->load_there) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql, "DROP TABLE IF EXISTS ");
    put_load(&sink->sql, table);
    table->load_there = false;
    return duck_do(sink, table, "beginning the load of", err);
}

static enum ps_status drop_former(struct duck_sink *sink, struct duck_table *table,
                                  struct ps_error *err)
{
    ps_buffer_puts(&sink->sql, "DROP TABLE IF EXISTS ");
    duck_name_table(&sink->sql, &table->full, "");
    return duck_do(sink, table, "ending the load of", err);
}

enum ps_status duck_load_begin(struct duck_sink *sink, struct duck_table *table,
                               struct ps_error *err)
{
    enum ps_status status = PS_OK;
    /* What was made in this transaction is seen by nobody before it ends: many small tables are
     * loaded whole until then, and need no second table. */
    bool inside = table->fresh && !table->loading;
    if (!inside && table->load_inside) {
        status = duck_load_hide(sink, table, err);
    }
    if (status == PS_OK && !inside) {
        status = drop_load(sink, table, err);
    }
    if (status == PS_OK) {
        status = duck_gone_drop(sink, table, err);
    }
    if (status == PS_OK) {
        load_goes_on(sink, table);
        table->rekeyed = false; /* The load brings the rows again. */
        table->load_inside = inside;
        table->load_held = true;
        table->load_mixed = false;
    }
    return status;
}

enum ps_status duck_load_make(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err)
{
    enum ps_status status = PS_OK;
    if (!table->load_inside) {
        status = make_like(sink, table, DUCK_LOAD_PREFIX, "", err);
    }
    if (status == PS_OK) {
        table->load_held = false;
        table->load_there = !table->load_inside;
        table->load_touched = false;
    }
    return status;
}

void duck_load_ended(struct duck_sink *sink, struct duck_table *table)
{
    sink->loads--;
    table->loading = table->load_inside = table->load_held = table->fresh = false;
}

/* The table with its rows becomes the load's. A copy where rows of it were touched: such a table
 * cannot be renamed and committed (make_anew). */
static enum ps_status move_apart(struct duck_sink *sink, struct duck_table *table,
                                 struct ps_error *err)
{
    struct ps_buffer name;
    if (table->rows_touched) {
        ps_buffer_puts(&sink->sql, "CREATE TABLE ");
        duck_name_table(&sink->sql, &table->full, DUCK_LOAD_PREFIX);
        ps_buffer_puts(&sink->sql, " AS SELECT * FROM ");
        duck_name_table(&sink->sql, &table->full, "");
        enum ps_status status = duck_do(sink, table, "going on with the load of", err);
        return status == PS_OK ? drop_former(sink, table, err) : status;
    }
    ps_buffer_init(&name, 0);
    ps_buffer_puts(&name, DUCK_LOAD_PREFIX);
    ps_buffer_puts(&name, table->name);
    ps_buffer_puts(&sink->sql, "ALTER TABLE ");
    duck_name_table(&sink->sql, &table->full, "");
    ps_buffer_puts(&sink->sql, " RENAME TO ");
    duck_name_quote(&sink->sql, ps_buffer_text(&name));
    bool named = ps_buffer_ok(&name);
    ps_buffer_done(&name);
    if (!named) {
        ps_buffer_clear(&sink->sql);
        return ps_fail_nomem(err, "going on with a load");
    }
    return duck_do(sink, table, "going on with the load of", err);
}

enum ps_status duck_load_hide(struct duck_sink *sink, struct duck_table *table,
                              struct ps_error *err)
{
    table->fresh = false;
    if (!table->load_inside) {
        return PS_OK;
    }
    enum ps_status status = drop_load(sink, table, err);
    if (status == PS_OK) {
        status = move_apart(sink, table, err);
    }
    if (status == PS_OK) {
        table->load_there = true;
        status = make_like(sink, table, "", DUCK_LOAD_PREFIX, err);
    }
    if (status == PS_OK) {
        table->load_inside = false;
        table->rows_touched = false;
    }
    return status;
}

/* How many columns a table of the warehouse has: `prefix` and the table's name; 0: there is none.
 */
static void put_columns_count(struct ps_buffer *out, const struct duck_table *table,
                              const char *prefix)
{
    ps_buffer_puts(out, "(SELECT count(*) FROM duckdb_columns() WHERE database_name = ");
    duck_name_literal(out, table->full.catalog);
    ps_buffer_puts(out, " AND lower(schema_name) = lower(");
    duck_name_literal(out, table->full.schema);
    ps_buffer_puts(out, ") AND lower(table_name) = lower('");
    ps_buffer_puts(out, prefix);
    ps_buffer_puts(out, "' || ");
    duck_name_literal(out, table->full.name);
    ps_buffer_puts(out, "))");
}

enum ps_status duck_load_resume(struct duck_sink *sink, struct duck_table *table,
                                struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    const uint32_t keys = table->table->keys_count == 0 ? 1 : table->table->keys_count;
    int64_t columns[3] = {0, 0, 0}, stamp = 0;
    ps_buffer_puts(sql, "SELECT ");
    put_columns_count(sql, table, "");
    ps_buffer_puts(sql, ", ");
    put_columns_count(sql, table, DUCK_LOAD_PREFIX);
    ps_buffer_puts(sql, ", ");
    put_columns_count(sql, table, DUCK_GONE_PREFIX);
    enum ps_status status =
        duck_statement_integers(&sink->session, "looking for a load", sql, columns, 3, err);
    if (status != PS_OK) {
        return status;
    }
    /* Keys with a stamp and an operation; an earlier version of Penstock kept no operation. */
    const bool gone_fits = columns[2] == 0 || columns[2] == (int64_t)keys + 2;
    if (columns[0] == 0 || columns[0] != columns[1] || !gone_fits) {
        return PS_END;
    }
    /* Later rows win by their stamps, which must not fall behind where the clock was set back. */
    ps_buffer_puts(sql, "SELECT epoch_us(max(" DUCK_SYNCED ")) FROM (SELECT " DUCK_SYNCED " FROM ");
    put_load(sql, table);
    if (table->gone_there) {
        ps_buffer_puts(sql, " UNION ALL SELECT " DUCK_SYNCED " FROM ");
        duck_name_table(sql, &table->full, DUCK_GONE_PREFIX);
    }
    ps_buffer_putc(sql, ')');
    status = duck_statement_integers(&sink->session, "looking at a load", sql, &stamp, 1, err);
    if (status == PS_OK) {
        sink->synced_us = stamp > sink->synced_us ? stamp : sink->synced_us;
        load_goes_on(sink, table);
        table->load_there = true;
        /* Nothing tells whether it saw deletes or updates: its keys are looked at in the end. */
        table->load_mixed = true;
    }
    return status;
}

/* The table whose keys are to be unique: the load's, or the real one, where those rows alone count
 * that came directly. */
static void put_reduced(struct ps_buffer *out, const struct duck_table *table)
{
    duck_name_table(out, &table->full, duck_load_is_apart(table) ? DUCK_LOAD_PREFIX : "");
}

/* Rows from a time when the table had a key have no id, and none of them is another's double. */
static void put_condition(struct ps_buffer *out, const struct duck_table *table)
{
    const bool keyless = table->table->keys_count == 0;
    if (keyless) {
        ps_buffer_puts(out, " WHERE " DUCK_ID " IS NOT NULL");
    }
    if (!table->loading) {
        ps_buffer_puts(out, keyless ? " AND " DUCK_SYNCED " >= " : " WHERE " DUCK_SYNCED " >= ");
        duck_put_stamp(out, table->direct_since);
    }
}

static enum ps_status count_repeated(struct duck_sink *sink, const struct duck_table *table,
                                     int64_t *ret_count, struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "SELECT (SELECT count(*) FROM ");
    put_reduced(sql, table);
    put_condition(sql, table);
    ps_buffer_puts(sql, ") - (SELECT count(*) FROM (SELECT DISTINCT ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, " FROM ");
    put_reduced(sql, table);
    put_condition(sql, table);
    ps_buffer_puts(sql, "))");
    return duck_statement_integers(&sink->session, "counting keys", sql, ret_count, 1, err);
}

enum ps_status duck_load_reduce(struct duck_sink *sink, struct duck_table *table,
                                uint64_t *ret_duplicates, struct ps_error *err)
{
    int64_t repeated = 0;
    enum ps_status status = count_repeated(sink, table, &repeated, err);
    if (status != PS_OK || repeated == 0) {
        return status;
    }
    /* Stamps rise from packet to packet, and a packet's rows lie in their order. */
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "DELETE FROM ");
    put_reduced(sql, table);
    ps_buffer_puts(sql,
                   " WHERE rowid IN (SELECT row FROM (SELECT a.rowid AS row, row_number() OVER "
                   "(PARTITION BY ");
    duck_table_put_keys_of(sql, table, "a.");
    ps_buffer_puts(sql, " ORDER BY a." DUCK_SYNCED " DESC, a.rowid DESC) AS place FROM ");
    put_reduced(sql, table);
    ps_buffer_puts(sql, " AS a SEMI JOIN (SELECT ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, " FROM ");
    put_reduced(sql, table);
    put_condition(sql, table);
    ps_buffer_puts(sql, " GROUP BY ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, " HAVING count(*) > 1) AS b ON ");
    duck_table_put_match(sql, table);
    put_condition(sql, table);
    ps_buffer_puts(sql, ") WHERE place > 1)");
    status = duck_change(sink, table, "reducing repeated keys of", err);
    if (status == PS_OK) {
        *ret_duplicates += (uint64_t)repeated;
    }
    return status;
}

enum ps_status duck_load_is_empty(struct duck_sink *sink, const struct duck_table *table,
                                  bool *ret_empty, struct ps_error *err)
{
    int64_t rows = 0;
    ps_buffer_puts(&sink->sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    duck_name_table(&sink->sql, &table->full, "");
    ps_buffer_puts(&sink->sql, " LIMIT 1)");
    enum ps_status status =
        duck_statement_integers(&sink->session, "looking for rows", &sink->sql, &rows, 1, err);
    *ret_empty = rows == 0;
    return status;
}

/* Whether rows are there from a time when the table had a key: they have no id. */
static enum ps_status has_rows_without_id(struct duck_sink *sink, const struct duck_table *table,
                                          bool *ret_has, struct ps_error *err)
{
    int64_t rows = 0;
    *ret_has = false;
    if (table->table->keys_count > 0) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql, "SELECT count(*) FROM (SELECT 1 FROM ");
    duck_name_table(&sink->sql, &table->full, "");
    ps_buffer_puts(&sink->sql, " WHERE " DUCK_ID " IS NULL LIMIT 1)");
    enum ps_status status =
        duck_statement_integers(&sink->session, "looking for rows", &sink->sql, &rows, 1, err);
    *ret_has = rows > 0;
    return status;
}

/* The condition that the load brought no row with the key of a, … */
static void put_not_brought(struct ps_buffer *out, const struct duck_table *table)
{
    ps_buffer_puts(out, "NOT EXISTS (SELECT 1 FROM ");
    put_load(out, table);
    ps_buffer_puts(out, " AS b WHERE ");
    duck_table_put_match(out, table);
    ps_buffer_putc(out, ')');
}

/* … or, where a has no id, none with the same values. */
static void put_values_not_brought(struct ps_buffer *out, const struct duck_table *table)
{
    ps_buffer_puts(out, "NOT EXISTS (SELECT 1 FROM ");
    put_load(out, table);
    ps_buffer_puts(out, " AS b WHERE true");
    for (uint32_t i = 0; i < table->table->columns_count; i++) {
        ps_buffer_puts(out, " AND a.");
        duck_name_quote(out, table->table->columns[i].name);
        ps_buffer_puts(out, " IS NOT DISTINCT FROM b.");
        duck_name_quote(out, table->table->columns[i].name);
    }
    ps_buffer_putc(out, ')');
}

/* The condition that a, which the load did not bring, is gone at the source: if the load is
 * complete all of them but those that it had to leave out, else those whose deletion it was told.
 */
static void put_gone(struct ps_buffer *out, const struct duck_table *table, bool complete)
{
    if (!complete) {
        duck_gone_put_condition(out, table, PS_DELETE);
    } else if (table->gone_there) {
        ps_buffer_puts(out, "NOT ");
        duck_gone_put_condition(out, table, PS_KEEP);
    } else {
        ps_buffer_puts(out, "true");
    }
}

/* Rows of the former table that the load did not bring stay, soft-deleted where they are gone. */
static enum ps_status carry_over(struct duck_sink *sink, const struct duck_table *table,
                                 bool complete, uint64_t *ret_vanished, struct ps_error *err)
{
    bool empty = true, without_id = false;
    enum ps_status status = duck_load_is_empty(sink, table, &empty, err);
    if (status == PS_OK && !empty) {
        status = has_rows_without_id(sink, table, &without_id, err);
    }
    if (status != PS_OK || empty) {
        return status;
    }
    struct ps_buffer *sql = &sink->sql;
    int64_t stamp = duck_stamp(sink);
    ps_buffer_puts(sql, "INSERT INTO ");
    put_load(sql, table);
    ps_buffer_puts(sql, " SELECT a.*");
    const bool marks = complete || table->gone_there;
    if (marks) {
        ps_buffer_puts(sql, " REPLACE (CASE WHEN a." DUCK_DELETED " OR NOT (");
        put_gone(sql, table, complete);
        ps_buffer_puts(sql, ") THEN a." DUCK_SYNCED " ELSE ");
        duck_put_stamp(sql, stamp);
        ps_buffer_puts(sql, " END AS " DUCK_SYNCED ", a." DUCK_DELETED " OR ");
        put_gone(sql, table, complete);
        ps_buffer_puts(sql, " AS " DUCK_DELETED ")");
    }
    ps_buffer_puts(sql, " FROM ");
    duck_name_table(sql, &table->full, "");
    ps_buffer_puts(sql, " AS a WHERE ");
    if (without_id) {
        ps_buffer_puts(sql, "CASE WHEN a." DUCK_ID " IS NULL THEN ");
        put_values_not_brought(sql, table);
        ps_buffer_puts(sql, " ELSE ");
        put_not_brought(sql, table);
        ps_buffer_puts(sql, " END");
    } else {
        put_not_brought(sql, table);
    }
    status = duck_do(sink, table, "keeping vanished rows of", err);
    if (status != PS_OK || !marks) {
        return status;
    }
    int64_t vanished = 0;
    ps_buffer_puts(sql, "SELECT count(*) FROM ");
    put_load(sql, table);
    ps_buffer_puts(sql, " WHERE " DUCK_DELETED " AND " DUCK_SYNCED " = ");
    duck_put_stamp(sql, stamp);
    status = duck_statement_integers(&sink->session, "ending a load", sql, &vanished, 1, err);
    *ret_vanished = (uint64_t)vanished;
    return status;
}

/*
 * The load's table becomes the table. DuckDB 1.5 logs what was deleted or updated in a transaction
 * under the name that the table has at its end, in front of the rename: when the log is read again
 * that meets the former table, and the transaction and all after it are dropped as a torn end of
 * the log. So a table of which rows were touched is copied, and keys are reduced after this.
 */
static enum ps_status take_place(struct duck_sink *sink, struct duck_table *table,
                                 struct ps_error *err)
{
    enum ps_status status = drop_former(sink, table, err);
    if (status != PS_OK) {
        return status;
    }
    if (table->load_touched) {
        ps_buffer_puts(&sink->sql, "CREATE TABLE ");
        duck_name_table(&sink->sql, &table->full, "");
        ps_buffer_puts(&sink->sql, " AS SELECT * FROM ");
        put_load(&sink->sql, table);
        status = duck_do(sink, table, "ending the load of", err);
        return status == PS_OK ? drop_load(sink, table, err) : status;
    }
    ps_buffer_puts(&sink->sql, "ALTER TABLE ");
    put_load(&sink->sql, table);
    ps_buffer_puts(&sink->sql, " RENAME TO ");
    duck_name_quote(&sink->sql, table->name);
    table->load_there = false;
    return duck_do(sink, table, "ending the load of", err);
}

enum ps_status duck_load_end(struct duck_sink *sink, struct duck_table *table, uint32_t flags,
                             struct ps_load_result *ret_result, struct ps_error *err)
{
    struct ps_load_result result = {0};
    int64_t deleted = 0;
    uint64_t marked = 0;
    enum ps_status status = duck_apply(sink, table, err);
    if (status == PS_OK && table->gone_there) {
        status = duck_gone_count(sink, table, &deleted, err);
        table->load_mixed = table->load_mixed || deleted > 0;
    }
    /* A load inside its table has nothing to carry over, and is in its place. */
    if (status == PS_OK && !table->load_inside) {
        const bool complete = (flags & PS_LOAD_INCOMPLETE) == 0;
        status = carry_over(sink, table, complete, &result.vanished, err);
        if (status == PS_OK) {
            status = take_place(sink, table, err);
        }
        if (status == PS_OK) {
            table->load_inside = true;
            table->load_touched = table->rows_touched = false;
        }
    }
    if (status == PS_OK && ((flags & PS_LOAD_KEYS_MAY_REPEAT) != 0 || table->load_mixed ||
                            table->table->keys_count == 0)) {
        status = duck_load_reduce(sink, table, &result.duplicates, err);
    }
    if (status == PS_OK && deleted > 0) {
        status = duck_gone_apply(sink, table, &marked, err);
    }
    if (status == PS_OK) {
        status = duck_gone_drop(sink, table, err);
    }
    result.vanished += marked;
    result.duplicates += table->load_duplicates;
    if (status == PS_OK) {
        duck_load_ended(sink, table);
        *ret_result = result;
    }
    return status;
}
