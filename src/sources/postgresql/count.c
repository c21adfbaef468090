/*
 * Counting a table's rows at the present point in time, without those marked as deleted.
 */
#include <stdlib.h>
#include <string.h>

#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* The savepoint, the count, what became of the table, and the savepoint's end in two steps. */
#define COUNT_RESULTS 5

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* Types of which the server compares values as the engine does. */
static bool is_number(const struct ps_column *column)
{
    const char *type = column->source_type;
    return strcmp(type, "smallint") == 0 || strcmp(type, "integer") == 0 ||
           strcmp(type, "bigint") == 0 ||
           (begins(type, "numeric(") && column->type == PS_TYPE_DECIMAL);
}

static bool is_text(const struct ps_column *column)
{
    return strcmp(column->source_type, "text") == 0 ||
           begins(column->source_type, "character varying");
}

static void write_number(struct ps_buffer *sql, const struct ps_column *column, ps_int128 number)
{
    char text[PS_VALUE_TEXT_SIZE];
    (void)ps_decimal_format(number, column->type == PS_TYPE_DECIMAL ? column->scale : 0, text);
    ps_buffer_puts(sql, text);
}

/* NULL is no mark. False: the server would not tell them apart as the engine does. */
static bool write_unmarked(struct ps_buffer *sql, const struct ps_table *table,
                           const struct ps_marks *marks)
{
    const struct ps_column *column = &table->columns[marks->column];
    bool flag = strcmp(column->source_type, "boolean") == 0, text = is_text(column);
    if (!flag && !text && !is_number(column)) {
        return false;
    }
    size_t count = text ? marks->texts_count : marks->numbers_count;
    ps_buffer_puts(sql, text ? " WHERE (lower(" : " WHERE (");
    query_identifier(sql, column->name);
    /* Letters of ASCII alone, as the engine has it. */
    ps_buffer_puts(sql, text ? " COLLATE \"C\") IN (NULL" : " IN (NULL");
    for (size_t i = 0; i < count; i++) {
        if (flag && marks->numbers[i] != 0 && marks->numbers[i] != 1) {
            continue;
        }
        ps_buffer_puts(sql, ", ");
        if (flag) {
            ps_buffer_puts(sql, marks->numbers[i] == 1 ? "true" : "false");
        } else if (text) {
            ps_buffer_puts(sql, "lower(");
            query_literal(sql, marks->texts[i]);
            ps_buffer_puts(sql, " COLLATE \"C\")");
        } else {
            write_number(sql, column, marks->numbers[i]);
        }
    }
    ps_buffer_puts(sql, ")) IS NOT TRUE");
    return true;
}

/* The lock on the table goes with the savepoint; while it is there, what the count saw is the table
 * that was described. */
static bool write_sql(struct ps_buffer *sql, const struct ps_count_request *request, int version)
{
    const struct ps_table *table = request->table;
    ps_buffer_puts(sql, "SAVEPOINT penstock_count;SELECT count(*) FROM ");
    ps_buffer_puts(sql, table->own_rows_only ? "ONLY " : "");
    query_qualified(sql, table->schema, table->name);
    if (request->marks != NULL && !write_unmarked(sql, table, request->marks)) {
        return false;
    }
    ps_buffer_putc(sql, ';');
    query_rewritten(sql, table, version);
    ps_buffer_puts(sql, ";ROLLBACK TO SAVEPOINT penstock_count;RELEASE SAVEPOINT penstock_count");
    return true;
}

static enum ps_status run(struct source *source, const struct ps_count_request *request,
                          const char *sql, int64_t *ret_rows, struct ps_error *err)
{
    PGresult *results[COUNT_RESULTS] = {NULL};
    bool has_parts;
    /* `statement_timeout` and `lock_timeout` are the server's to keep. */
    enum ps_status status =
        link_query_many(&source->link, sql, 0, "counting the rows", results, COUNT_RESULTS, err);
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", request->table->schema, request->table->name);
        /* Whether it has parts was to come with the count, and is not asked for any more. */
        return source_blame_table(source, request->table, true, status, err);
    }
    int64_t rows = strtoll(PQgetvalue(results[1], 0, 0), NULL, 10);
    status = source_check_rewritten(source, request->table, results[2], &has_parts, err);
    for (size_t i = 0; i < COUNT_RESULTS; i++) {
        PQclear(results[i]);
    }
    if (status == PS_OK) {
        *ret_rows = rows;
    }
    return status;
}

enum ps_status source_count(struct ps_source *base, const struct ps_count_request *request,
                            int64_t *ret_rows, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    enum ps_status status = source_need_transaction(source, err);
    if (status == PS_OK && !write_sql(&sql, request, source->link.version)) {
        status = PS_END;
    }
    if (status == PS_OK && !ps_buffer_ok(&sql)) {
        status = ps_fail_nomem(err, "counting the rows");
    }
    if (status == PS_OK) {
        status = run(source, request, ps_buffer_text(&sql), ret_rows, err);
    }
    ps_buffer_done(&sql);
    return status;
}
