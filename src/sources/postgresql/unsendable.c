/*
 * Rows that the server itself fails to send: a value whose text would be larger than a gigabyte,
 * one that is damaged, a type whose output function fails. The rows before it have come, so it is
 * the next one by its place; it is asked for alone, column by column, until the server fails again,
 * is counted, and the COPY goes on behind it; where the batch wants to know what the row's key is,
 * and whether it is deleted, these values are asked for alone. docs/sources/postgresql.md, "Large
 * values".
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
    bool whole;         /* no single column is */
    const char *reason; /* a static text */
    struct ps_buffer
        known; /* a COPY of the row with those of its values that decide; may be empty */
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

/* Which columns of the row the server is asked for. */
struct question {
    struct ps_read_request request;
    const struct type_field *fields;
    struct ps_buffer *answer; /* the COPY; NULL: whether it can be had is all there is to know */
};

/* DATA: the server fails to send them. */
static enum ps_status ask(const struct reader *reader, const struct found *found,
                          const struct question *question, struct ps_error *err)
{
    struct partition row = reader->partition;
    struct ps_buffer sql;
    row.positioned = row.exact = true;
    row.block = found->block;
    row.place = found->place;
    ps_buffer_init(&sql, 0);
    query_copy(&sql, &question->request, question->fields, &row, &reader->window);
    enum ps_status status =
        ps_buffer_ok(&sql)
            ? link_copy(reader_link(reader), ps_buffer_text(&sql), doing, question->answer, err)
            : ps_fail_nomem(err, doing);
    ps_buffer_done(&sql);
    return status;
}

/* Asks within a savepoint. END: the server fails to send them. */
static enum ps_status ask_apart(const struct reader *reader, const struct found *found,
                                const struct question *question, struct ps_error *err)
{
    struct link *link = reader_link(reader);
    struct ps_error failed = {0};
    enum ps_status status = run(link, "SAVEPOINT penstock_row", 1, err);
    if (status != PS_OK) {
        return status;
    }
    status = ask(reader, found, question, &failed);
    if (status != PS_OK && status != PS_DATA) {
        if (err != NULL) {
            *err = failed;
        }
        return status;
    }
    const bool sent = status == PS_OK;
    status = run(link, "ROLLBACK TO SAVEPOINT penstock_row;RELEASE SAVEPOINT penstock_row", 2, err);
    return status == PS_OK && !sent ? PS_END : status;
}

/* Begins with the column that was at fault last. END: the row can be sent. */
static enum ps_status find_column(const struct reader *reader, struct found *found,
                                  struct ps_error *err)
{
    struct question question = {.request = reader->request};
    struct ps_error failed = {0};
    enum ps_status status = PS_OK;
    question.request.columns_count = 1;
    for (uint32_t i = 0; i < reader->fields_count && status == PS_OK; i++) {
        found->column = (reader->unsendable_column + i) % reader->fields_count;
        question.request.columns = &reader->request.columns[found->column];
        question.fields = &reader->fields[found->column];
        status = ask(reader, found, &question, &failed);
        found->reason = error_value_reason(failed.sqlstate);
    }
    if (status == PS_OK) {
        question = (struct question){.request = reader->request, .fields = reader->fields};
        found->column = 0;
        found->whole = true;
        found->reason = "the row as a whole is larger than the server can send";
        status = ask(reader, found, &question, &failed);
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

static bool is_key(const struct reader *reader, uint32_t column)
{
    return reader->table->columns[reader->request.columns[column]].key_position != 0;
}

/* Asks for the values that decide what becomes of the row. Nothing is known where the server fails
 * to send them, too. */
static enum ps_status find_known(const struct reader *reader, const struct ps_batch *batch,
                                 struct found *found, struct ps_error *err)
{
    struct question question = {.request = reader->request, .answer = &found->known};
    struct type_field *fields = ps_malloc_array(reader->fields_count, sizeof fields[0]);
    if (fields == NULL) {
        return ps_fail_nomem(err, doing);
    }
    for (uint32_t i = 0; i < reader->fields_count; i++) {
        const bool asked =
            ps_batch_column_decides(batch, i) && (found->whole || i != found->column);
        fields[i] = reader->fields[i];
        fields[i].select = asked ? fields[i].select : TYPE_SELECT_NOTHING;
    }
    question.fields = fields;
    enum ps_status status = ask_apart(reader, found, &question, err);
    ps_free(fields);
    if (status == PS_END) {
        ps_buffer_clear(&found->known);
        return PS_OK;
    }
    return status == PS_OK && !ps_buffer_ok(&found->known) ? ps_fail_nomem(err, doing) : status;
}

/* Puts what is known of the row into the batch, without the value at fault. */
static enum ps_status put_row(const struct reader *reader, const struct found *found,
                              struct ps_batch *batch, struct ps_error *err)
{
    uint32_t column = found->column;
    while (found->whole && column + 1 < reader->fields_count &&
           ps_batch_column_decides(batch, column)) {
        column++; /* which one is to blame nobody can say, and those are not */
    }
    ps_batch_value_bad(batch, column, found->reason);
    if (found->known.size == 0) {
        for (uint32_t i = 0; i < reader->fields_count; i++) {
            if (is_key(reader, i)) {
                ps_batch_value_bad(batch, i, found->reason);
            } else {
                ps_batch_put_null(batch, i);
            }
        }
        ps_batch_row_end(batch);
        return PS_OK;
    }
    struct stream stream;
    stream_init(&stream, reader->fields, reader->fields_count, reader->stream.value_bytes_max);
    stream_restart(&stream, partition_has_places(&reader->partition));
    enum stream_result result = STREAM_NOMEM;
    if (stream_feed(&stream, found->known.data, found->known.size)) {
        result = stream_decode(&stream, batch);
    }
    stream_done(&stream);
    if (result == STREAM_NOMEM) {
        return ps_fail_nomem(err, doing);
    }
    return batch->fault == NULL ? PS_OK : PS_END; /* else no row has come */
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
    ps_buffer_init(&found.known, 0);
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
    if (status == PS_OK && batch->faults != NULL &&
        (found.whole || !is_key(reader, found.column))) {
        status = find_known(reader, batch, &found, err);
    }
    if (status == PS_OK) {
        status = put_row(reader, &found, batch, err);
    }
    ps_buffer_done(&found.known);
    if (status != PS_OK) {
        return status;
    }
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
