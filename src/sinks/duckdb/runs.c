/*
 * What was measured of earlier runs, in the table penstock.runs: one row for each table that rows
 * were read of, and one without a table's name for the run in all. Estimates of later plans come
 * from it; nothing else does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "sinks/duckdb/sink.h"

/* Runs that are kept. */
#define RUNS_KEPT 100
/* Reads of a table, and runs, that estimates go by: what was long ago says little. */
#define READS_TAKEN 5
/* Rows in one INSERT. */
#define ROWS_AT_ONCE 500
#define FIELDS 6

static const char what[] = "keeping what was measured";

static void put_table(struct ps_buffer *out, const struct duck_sink *sink)
{
    const struct duck_name name = {sink->catalog, "penstock", "runs"};
    duck_name_table(out, &name, "");
}

enum ps_status duck_runs_make(struct duck_sink *sink, struct ps_error *err)
{
    ps_buffer_puts(&sink->sql, "CREATE TABLE IF NOT EXISTS ");
    put_table(&sink->sql, sink);
    ps_buffer_puts(&sink->sql,
                   " (run BIGINT, ended_at TIMESTAMPTZ, table_schema VARCHAR, table_name VARCHAR, "
                   "all_rows BOOLEAN, row_count BIGINT, seconds DOUBLE, rows_per_second DOUBLE)");
    return duck_statement_run_buffer(&sink->session, what, &sink->sql, NULL, err);
}

/* One row of VALUES; a table of NULL: of the run in all. */
static void put_row(struct duck_sink *sink, const struct ps_measured *table, int64_t run,
                    int64_t stamp)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_printf(sql, "(%lld, ", (long long)run);
    duck_put_stamp(sql, stamp);
    ps_buffer_puts(sql, ", ");
    if (table->table == NULL) {
        ps_buffer_puts(sql, "NULL, NULL, NULL");
    } else {
        duck_name_literal(sql, table->schema);
        ps_buffer_puts(sql, ", ");
        duck_name_literal(sql, table->table);
        ps_buffer_puts(sql, table->load ? ", true" : ", false");
    }
    ps_buffer_printf(sql, ", %llu, %.6f, ", (unsigned long long)table->rows, table->seconds);
    if (table->seconds > 0) {
        ps_buffer_printf(sql, "%.3f)", (double)table->rows / table->seconds);
    } else {
        ps_buffer_puts(sql, "NULL)");
    }
}

enum ps_status duck_runs_keep(struct duck_sink *sink, const struct ps_measured_run *run,
                              struct ps_error *err)
{
    const struct ps_measured all = {.rows = run->rows, .seconds = run->seconds};
    const int64_t stamp = duck_stamp(sink);
    struct ps_buffer *sql = &sink->sql;
    int64_t last = 0;
    ps_buffer_puts(sql, "SELECT coalesce(max(run), 0)::BIGINT FROM ");
    put_table(sql, sink);
    enum ps_status status = duck_statement_integers(&sink->session, what, sql, &last, 1, err);
    for (size_t i = 0; status == PS_OK && i <= run->tables_count; i += ROWS_AT_ONCE) {
        ps_buffer_puts(sql, "INSERT INTO ");
        put_table(sql, sink);
        ps_buffer_puts(sql, " VALUES ");
        for (size_t j = i; j <= run->tables_count && j < i + ROWS_AT_ONCE; j++) {
            ps_buffer_puts(sql, j == i ? "" : ", ");
            put_row(sink, j < run->tables_count ? &run->tables[j] : &all, last + 1, stamp);
        }
        status = duck_statement_run_buffer(&sink->session, what, sql, NULL, err);
    }
    if (status == PS_OK && last >= RUNS_KEPT) {
        ps_buffer_puts(sql, "DELETE FROM ");
        put_table(sql, sink);
        ps_buffer_printf(sql, " WHERE run <= %lld", (long long)last + 1 - RUNS_KEPT);
        status = duck_statement_run_buffer(&sink->session, what, sql, NULL, err);
    }
    return status;
}

/* The tables' rows as texts, FIELDS each, closed by NULs, which no name of a table holds. */
static void put_query(struct ps_buffer *sql, const struct duck_sink *sink)
{
    ps_buffer_puts(sql, "WITH last AS (SELECT * FROM ");
    put_table(sql, sink);
    ps_buffer_printf(sql,
                     " WHERE table_name IS NOT NULL QUALIFY row_number() OVER (PARTITION BY "
                     "table_schema, table_name, all_rows ORDER BY run DESC) <= %d), "
                     "sums AS (SELECT table_schema AS s, table_name AS t, all_rows AS a, "
                     "sum(row_count) AS r, sum(seconds) AS d, count(*) AS n FROM last GROUP BY "
                     "ALL) SELECT string_agg(s || chr(0) || t || chr(0) || a::INTEGER || chr(0) || "
                     "r || chr(0) || d || chr(0) || n, chr(0) ORDER BY s, t, a) FROM sums",
                     READS_TAKEN);
}

static enum ps_status read_tables(struct duck_sink *sink, struct ps_arena *arena,
                                  struct ps_measured_run *runs, struct ps_error *err)
{
    static const char reading[] = "reading what was measured";
    struct ps_measured *tables = NULL;
    struct ps_buffer texts;
    size_t fields = 0;
    ps_buffer_init(&texts, 0);
    put_query(&sink->sql, sink);
    enum ps_status status = duck_statement_texts(&sink->session, reading, &sink->sql, &texts, err);
    if (status != PS_OK) {
        goto out;
    }
    for (size_t i = 0; i < texts.size; i++) {
        fields += texts.data[i] == '\0';
    }
    tables = ps_arena_array(arena, fields / FIELDS + 1, sizeof *tables);
    char *copy = ps_arena_alloc(arena, texts.size);
    if (tables == NULL || copy == NULL) {
        status = ps_fail_nomem(err, reading);
        goto out;
    }
    memcpy(copy, texts.data, texts.size);
    const char *at = copy;
    for (size_t i = 0; i < fields / FIELDS; i++) {
        const char *field[FIELDS];
        for (size_t j = 0; j < FIELDS; j++) {
            field[j] = at;
            at += strlen(at) + 1;
        }
        tables[i] = (struct ps_measured){.schema = field[0],
                                         .table = field[1],
                                         .load = field[2][0] == '1',
                                         .rows = strtoull(field[3], NULL, 10),
                                         .seconds = strtod(field[4], NULL),
                                         .reads = strtoull(field[5], NULL, 10)};
    }
    runs->tables = tables;
    runs->tables_count = fields / FIELDS;
out:
    ps_buffer_done(&texts);
    return status;
}

enum ps_status duck_runs_read(struct duck_sink *sink, struct ps_arena *arena,
                              struct ps_measured_run *ret_runs, struct ps_error *err)
{
    static const char reading[] = "reading what was measured";
    struct ps_measured_run runs = {0};
    struct ps_buffer *sql = &sink->sql;
    int64_t values[4] = {0};
    ps_buffer_puts(sql, "SELECT count(*) FROM duckdb_tables() WHERE database_name = "
                        "current_database() AND schema_name = 'penstock' AND table_name = 'runs'");
    enum ps_status status = duck_statement_integers(&sink->session, reading, sql, values, 1, err);
    if (status != PS_OK || values[0] == 0) {
        return status == PS_OK ? PS_END : status;
    }
    ps_buffer_puts(sql, "SELECT count(*) FILTER (table_name IS NULL), "
                        "(sum(row_count) FILTER (table_name IS NULL))::BIGINT, "
                        "(sum(seconds) FILTER (table_name IS NULL) * 1e6)::BIGINT, "
                        "(sum(seconds) FILTER (table_name IS NOT NULL) * 1e6)::BIGINT FROM ");
    put_table(sql, sink);
    ps_buffer_puts(sql, " WHERE run > (SELECT max(run) FROM ");
    put_table(sql, sink);
    ps_buffer_printf(sql, ") - %d", READS_TAKEN);
    status = duck_statement_integers(&sink->session, reading, sql, values, 4, err);
    if (status != PS_OK || values[0] == 0) {
        return status == PS_OK ? PS_END : status;
    }
    runs.runs = (uint64_t)values[0];
    runs.rows = (uint64_t)values[1];
    runs.seconds = (double)values[2] / 1e6;
    runs.table_seconds = (double)values[3] / 1e6;
    status = read_tables(sink, arena, &runs, err);
    if (status == PS_OK) {
        *ret_runs = runs;
    }
    return status;
}
