/*
 * Transactions, and the memory that DuckDB needs for what is in them and for what it has not taken
 * out of its log yet.
 */
#include "base/fault.h"
#include "sinks/duckdb/sink.h"

enum ps_status duck_begin(struct duck_sink *sink, struct ps_error *err)
{
    if (sink->in_transaction) {
        return PS_OK;
    }
    enum ps_status status =
        duck_statement_run(&sink->session, "beginning a transaction", "BEGIN", NULL, err);
    sink->in_transaction = status == PS_OK;
    return status;
}

/*
 * Without the order of rows an INSERT runs on all threads, and DuckDB (1.5) gives each of them
 * memory of its own: some 20 KB for a column, however few the rows, that it cannot move to the disk
 * and keeps until the commit. A few large statements are what this is made for; where a transaction
 * has had many, the next ones keep the order of rows and so go on where the last one ended. One of
 * few rows keeps it anyhow: other threads cost it more than they help.
 */
#define BEGUN_COLUMNS_MAX 2000u

/* Tables of which DuckDB may keep blocks, and of its memory the share that it then keeps. */
#define KEPT_TABLES_MAX 1000u
#define KEPT_SHARE 16

/*
 * What a table of few rows costs DuckDB after the commit: room for a vector of each column, which
 * it cannot move to the disk, until it takes its log into the file. When it does that by itself it
 * goes by the size of the log: memory would end before, with some thousand tables.
 */
static void count_unwritten(struct duck_sink *sink, struct duck_table *table)
{
    if (table->unwritten_turn == sink->log_turn + 1) {
        return;
    }
    table->unwritten_turn = sink->log_turn + 1;
    sink->kept_tables++;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        sink->unwritten += (size_t)duck_type_width(table->columns[i].type) * DUCK_VECTOR_ROWS;
    }
}

enum ps_status duck_begin_insert(struct duck_sink *sink, struct duck_table *table, bool few,
                                 struct ps_error *err)
{
    count_unwritten(sink, table);
    sink->begun_columns += few ? 0 : table->table->columns_count;
    const bool keep = few || sink->begun_columns > BEGUN_COLUMNS_MAX;
    if (keep == sink->keeps_order) {
        return PS_OK;
    }
    sink->keeps_order = keep;
    return duck_statement_run(&sink->session, "loading rows",
                              keep ? "SET preserve_insertion_order = true"
                                   : "SET preserve_insertion_order = false",
                              NULL, err);
}

enum ps_status duck_commit(struct duck_sink *sink, struct ps_error *err)
{
    if (ps_fault("duckdb.before_commit")) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "committing: fault duckdb.before_commit");
    }
    enum ps_status status =
        duck_statement_run(&sink->session, "committing to the warehouse", "COMMIT", NULL, err);
    if (status != PS_OK) {
        return status;
    }
    sink->in_transaction = false;
    sink->begun_columns = 0;
    if (ps_fault("duckdb.after_commit")) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "committing: fault duckdb.after_commit");
    }
    return PS_OK;
}

/* What the tables of one transaction may take besides. */
#define UNWRITTEN_BEYOND ((size_t)16 << 20)
#define UNWRITTEN_MAX ((size_t)320 << 20)

static enum ps_status take_log_in(struct duck_sink *sink, struct ps_error *err)
{
    sink->unwritten = 0;
    sink->log_turn++;
    sink->kept_tables = KEPT_TABLES_MAX;
    return duck_statement_run(&sink->session, "writing to the warehouse", "CHECKPOINT", NULL, err);
}

/*
 * What DuckDB has read of the file or written to it stays in memory as well, until that is full: a
 * block or more of each table, however few its rows, which nobody looks at again. It lets go of
 * them when its limit is lowered. Where it holds more that it cannot let go of it refuses the
 * limit, and has done enough.
 */
static enum ps_status let_go(struct duck_sink *sink, struct ps_error *err)
{
    static const char what[] = "writing to the warehouse";
    sink->kept_tables = 0;
    ps_buffer_printf(&sink->sql, "SET memory_limit = '%zuMiB'", (sink->memory / KEPT_SHARE) >> 20);
    (void)!duck_statement_run_buffer(&sink->session, what, &sink->sql, NULL, NULL);
    ps_buffer_printf(&sink->sql, "SET memory_limit = '%zuMiB'", sink->memory >> 20);
    return duck_statement_run_buffer(&sink->session, what, &sink->sql, NULL, err);
}

enum ps_status duck_spare_memory(struct duck_sink *sink, struct ps_error *err)
{
    const size_t share = sink->memory / 2 - UNWRITTEN_BEYOND;
    enum ps_status status = PS_OK;
    if (sink->unwritten >= (share < UNWRITTEN_MAX ? share : UNWRITTEN_MAX)) {
        status = take_log_in(sink, err);
    }
    return status == PS_OK && sink->kept_tables >= KEPT_TABLES_MAX ? let_go(sink, err) : status;
}
