/*
 * Rows that the server itself fails to send: a value whose text would be larger than a gigabyte,
 * one that is damaged, a type whose output function fails. The rows before it have come, so it is
 * the next one by its place; it is asked for alone, column by column, until the server fails again,
 * is counted, and the COPY goes on behind it. docs/sources/postgresql.md, "Large values".
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "sources/postgresql/errors.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/reader.h"

/* So many are left out of one read; of more, the table is at fault. */
#define ROWS_MAX 10000

static const char doing[] = "looking for the row that the server cannot send";

struct found {
    uint32_t block;
    uint16_t place;
    uint32_t column;
    const char *reason; /* a static text */
};

#define STATEMENTS_MAX 2

/* Statements whose results say nothing. */
static enum ps_status run(struct link *link, const char *sql, size_t count, struct ps_error *err)
{
    PGresult *results[STATEMENTS_MAX] = {NULL};
    enum ps_status status = link_query_many(link, sql, LINK_SHORT_MS, doing, results, count, err);
    for (size_t i = 0; i < count; i++) {
        PQclear(results[i]);
    }
    return status;
}

/* The row at the partition's first place. END: there is none, or the search meets bad data. */
static enum ps_status find_place(const struct reader *reader, struct found *found,
                                 struct ps_error *err)
{
    struct ps_buffer sql;
    PGresult *result = NULL;
    ps_buffer_init(&sql, 0);
    query_next_place(&sql, &reader->request, &reader->partition, &reader->window);
    enum ps_status status =
        ps_buffer_ok(&sql)
            ? link_query(reader_link(reader), ps_buffer_text(&sql), 0, doing, &result, err)
            : ps_fail_nomem(err, doing);
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        return status == PS_DATA ? PS_END : status;
    }
    if (PQntuples(result) == 0) {
        status = PS_END;
    } else {
        found->block = (uint32_t)strtoul(PQgetvalue(result, 0, 0) + 1, NULL, 10);
        found->place = (uint16_t)strtoul(PQgetvalue(result, 0, 1), NULL, 10);
    }
    PQclear(result);
    return status;
}

/* DATA: the server fails to send these columns of the row. */
static enum ps_status try_columns(const struct reader *reader,
                                  const struct ps_read_request *request,
                                  const struct type_field *fields, const struct partition *row,
                                  struct ps_error *err)
{
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    query_copy(&sql, request, fields, row, &reader->window);
    enum ps_status status =
        ps_buffer_ok(&sql) ? link_try_copy(reader_link(reader), ps_buffer_text(&sql), doing, err)
                           : ps_fail_nomem(err, doing);
    ps_buffer_done(&sql);
    return status;
}

/* Begins with the column that was at fault last. END: the row can be sent. */
static enum ps_status find_column(const struct reader *reader, struct found *found,
                                  struct ps_error *err)
{
    struct ps_read_request one = reader->request;
    struct partition row = reader->partition;
    struct ps_error failed = {0};
    enum ps_status status = PS_OK;
    row.positioned = row.exact = true;
    row.block = found->block;
    row.place = found->place;
    one.columns_count = 1;
    for (uint32_t i = 0; i < reader->fields_count && status == PS_OK; i++) {
        found->column = (reader->unsendable_column + i) % reader->fields_count;
        one.columns = &reader->request.columns[found->column];
        status = try_columns(reader, &one, &reader->fields[found->column], &row, &failed);
        found->reason = error_value_reason(failed.sqlstate);
    }
    if (status == PS_OK) {
        found->column = 0;
        found->reason = "the row as a whole is larger than the server can send";
        status = try_columns(reader, &reader->request, reader->fields, &row, &failed);
    }
    if (status == PS_OK || status == PS_DATA) {
        return status == PS_OK ? PS_END : PS_OK;
    }
    if (err != NULL) {
        *err = failed;
    }
    return status;
}

/* END: not found; the read is over then. */
static enum ps_status find_row(const struct reader *reader, struct found *found,
                               struct ps_error *err)
{
    struct link *link = reader_link(reader);
    enum ps_status status = find_place(reader, found, err);
    if (status != PS_OK) {
        return status;
    }
    status = run(link, "SAVEPOINT penstock_row", 1, err);
    if (status == PS_OK) {
        status = find_column(reader, found, err);
    }
    return status == PS_OK
               ? run(link, "ROLLBACK TO SAVEPOINT penstock_row;RELEASE SAVEPOINT penstock_row", 2,
                     err)
               : status;
}

/*
 * Where rows have places. A read without them begins again, and so gives rows twice: only where
 * none was given away yet, or where that is harmless.
 */
static bool can_go_round(const struct reader *reader)
{
    enum ps_table_kind kind = reader->table->kind;
    bool stored = kind == PS_TABLE_ORDINARY || kind == PS_TABLE_PARTITIONED ||
                  kind == PS_TABLE_MATERIALIZED_VIEW;
    if (!stored || reader_link(reader)->yugabyte || reader->table->partial ||
        reader->unsendable_rows == ROWS_MAX) {
        return false;
    }
    return reader->stream.has_places || (reader->partition.kind == PARTITION_WHOLE &&
                                         (!reader->handed || reader->request.window != NULL));
}

/* The transaction as it was before the read; the table's lock is gone too. */
static enum ps_status go_back(struct reader *reader, struct ps_error *err)
{
    return run(reader_link(reader), "ROLLBACK TO SAVEPOINT penstock;RELEASE SAVEPOINT penstock", 2,
               err);
}

static enum ps_status send_again(struct reader *reader, struct ps_error *err)
{
    PQfreemem(reader->message);
    reader->message = NULL;
    stream_restart(&reader->stream, true);
    enum ps_status status = reader_send(reader, err);
    return status == PS_OK ? reader_start(reader, err) : status;
}

/* Which tables hold the rows. END: one of them is none whose rows have places. */
static enum ps_status read_stores(struct reader *reader, struct ps_error *err)
{
    struct ps_buffer sql;
    PGresult *result = NULL;
    ps_buffer_init(&sql, 0);
    query_stores(&sql, reader->request.table, reader_link(reader)->version);
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query(reader_link(reader), ps_buffer_text(&sql),
                                             LINK_CATALOG_MS, doing, &result, err)
                                : ps_fail_nomem(err, doing);
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        return status;
    }
    size_t count = (size_t)PQntuples(result);
    reader->stores = ps_calloc(count + 1, sizeof reader->stores[0]);
    status = reader->stores == NULL ? ps_fail_nomem(err, doing) : count == 0 ? PS_END : PS_OK;
    for (size_t i = 0; i < count && status == PS_OK; i++) {
        reader->stores[i] = (uint32_t)strtoul(PQgetvalue(result, (int)i, 0), NULL, 10);
        status = PQgetvalue(result, (int)i, 1)[0] == 't' ? PS_OK : PS_END;
    }
    reader->stores_count = count;
    PQclear(result);
    return status;
}

/* After go_back. */
static enum ps_status open_store(struct reader *reader, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    uint32_t store = reader->stores[reader->stores_done++];
    reader->partition = (struct partition){.kind = PARTITION_BLOCKS, .end = UINT64_MAX};
    if (reader->stores_count > 1 || store != reader->table->source_id) {
        reader->partition.leaf = store;
        status = reader_name_leaf(reader, err);
    }
    if (status == PS_OK) {
        status = reader_probe(reader, err);
    }
    return status == PS_OK ? send_again(reader, err) : status;
}

/* From the start, this time with places. */
static enum ps_status start_with_places(struct reader *reader, struct ps_batch *batch,
                                        struct ps_error *err)
{
    reader->again = true;
    window_lose_order(&reader->window);
    ps_batch_reset(batch);
    enum ps_status status = go_back(reader, err);
    if (status == PS_OK) {
        status = read_stores(reader, err);
    }
    return status == PS_OK ? open_store(reader, err) : status;
}

/* The row after the last that came is the one at fault: goes on behind it. END: it is not. */
static enum ps_status leave_row_out(struct reader *reader, struct ps_batch *batch,
                                    struct ps_error *err)
{
    struct partition *partition = &reader->partition;
    struct found found = {.reason = NULL};
    if (reader->stream.placed) {
        partition->positioned = true;
        partition->block = reader->stream.block;
        partition->place = reader->stream.place;
    }
    enum ps_status status = go_back(reader, err);
    if (status == PS_OK) {
        status = reader_probe(reader, err);
    }
    if (status == PS_OK) {
        status = find_row(reader, &found, err);
    }
    if (status != PS_OK) {
        return status;
    }
    ps_batch_row_bad(batch, found.column, found.reason);
    reader->unsendable_rows++;
    reader->unsendable_column = found.column;
    partition->positioned = true;
    partition->block = reader->stream.block = found.block;
    partition->place = reader->stream.place = found.place;
    return send_again(reader, err);
}

enum ps_status reader_go_round(struct reader *reader, struct ps_batch *batch, struct ps_error *err)
{
    struct ps_error failed = {0};
    struct link *link = reader_link(reader);
    if (!can_go_round(reader)) {
        return PS_DATA;
    }
    link->canceled = &reader->canceled;
    link->wake_fd = reader->wake_fd;
    enum ps_status status = reader->stream.has_places ? leave_row_out(reader, batch, &failed)
                                                      : start_with_places(reader, batch, &failed);
    link->canceled = NULL;
    if (status == PS_OK) {
        return PS_OK;
    }
    reader->state = READER_FAILED;
    if (status == PS_END || status == PS_DATA) {
        return PS_DATA;
    }
    if (err != NULL) {
        *err = failed;
    }
    return status;
}

enum ps_status reader_next_store(struct reader *reader, struct ps_error *err)
{
    enum ps_status status = go_back(reader, err);
    if (status == PS_OK) {
        status = open_store(reader, err);
    }
    if (status != PS_OK) {
        reader->state = READER_FAILED;
    }
    return status;
}
