/*
 * Reading one table: COPY (SELECT …) TO STDOUT (FORMAT BINARY), taken from the socket as it comes
 * and decoded field by field into the engine's batch. The stream is read by position: where a row
 * begins and ends is told by its lengths, not by libpq's messages.
 *
 * The read stands inside a savepoint, so that an error or an early end of it leaves the point in
 * time of the transaction as it is; going back to the savepoint also gives up the table's lock.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/* The stream's head: signature, flags, and the length of an extension that nobody has written. */
#define HEAD_SIZE 19
static const uint8_t signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

/* How long the rest of a read that is called off may take before the connection is given up. */
#define DRAIN_MS 2000

/*
 * A large read wakes up once for so many bytes instead of for each of the server's 8 KiB: a quarter
 * less CPU a row. It begins after BULK_AFTER bytes, and ends, until as many have come again, where
 * nothing has come for BULK_WAIT_NS: near the read's end, or where the server is slow.
 */
#define BULK_BYTES 65536
#define BULK_AFTER 1048576u
#define BULK_WAIT_NS 5000000

enum stream_state { STREAM_HEAD, STREAM_ROWS, STREAM_TRAILER_SEEN, STREAM_DONE, STREAM_FAILED };

/* One thread, but for `canceled` and `wake_fd`, which reader_cancel touches from any. */
struct reader {
    struct ps_reader base;
    struct source *source;
    const struct ps_table *table;
    struct type_field *fields;
    uint32_t fields_count;
    uint32_t value_bytes_max;
    bool has_parts; /* other tables are read under this one's name */
    enum stream_state state;
    char *message;       /* libpq's, freed by it; NULL: none */
    const uint8_t *data; /* what is being read: the message, or `rest` */
    size_t size, used;
    struct ps_buffer rest; /* a row that ended in a later message than it began in */
    size_t bulk_progress;  /* bytes since the socket was last set to wake for each */
    bool bulk;             /* the socket wakes for BULK_BYTES */
    _Atomic bool canceled;
    int wake_fd;
};

static struct link *link_of(const struct reader *reader)
{
    return &reader->source->link;
}

static enum ps_status fail_read(struct reader *reader, const PGresult *result, struct ps_error *err)
{
    enum ps_status status = link_fail(link_of(reader), result, "reading", err);
    ps_error_prefix(err, "%s.%s", reader->table->schema, reader->table->name);
    reader->state = STREAM_FAILED;
    return status;
}

static enum ps_status fail_stream(struct reader *reader, const char *what, struct ps_error *err)
{
    reader->state = STREAM_FAILED;
    return ps_fail(err, PS_BUG, PS_CLASS_DATA, "reading %s.%s at %s failed: %s",
                   reader->table->schema, reader->table->name, link_of(reader)->settings->target,
                   what);
}

static enum ps_status fail_changed(const struct reader *reader, const char *what,
                                   struct ps_error *err)
{
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "%s.%s at %s %s", reader->table->schema,
                   reader->table->name, link_of(reader)->settings->target, what);
}

/* The columns are still what they were described as; learns how each is read. */
static enum ps_status resolve_fields(struct reader *reader, const struct ps_read_request *request,
                                     const PGresult *probe, struct ps_error *err)
{
    if (PQnfields(probe) != (int)request->columns_count) {
        return fail_stream(reader, "the server gave another number of columns", err);
    }
    for (uint32_t i = 0; i < request->columns_count; i++) {
        const struct ps_column *column = &request->table->columns[request->columns[i]];
        struct type_field field =
            type_resolve(PQftype(probe, (int)i), PQfmod(probe, (int)i), link_of(reader)->sql_ascii);
        if (field.type != column->type || field.precision != column->precision ||
            field.scale != column->scale) {
            return fail_changed(reader, "has a column whose type has changed", err);
        }
        reader->fields[i] = field;
    }
    return PS_OK;
}

/*
 * A TRUNCATE or a rewrite that was committed after the point in time was taken makes the table
 * look empty in it, without an error. The result is query_rewritten's.
 */
static enum ps_status check_rewritten(struct reader *reader, const PGresult *result,
                                      struct ps_error *err)
{
    const struct ps_table *table = reader->table;
    uint32_t oid = (uint32_t)strtoul(PQgetvalue(result, 0, 0), NULL, 10);
    if (PQgetisnull(result, 0, 0) || (table->source_id != 0 && oid != table->source_id)) {
        return fail_changed(reader, "is not the table that it was", err);
    }
    if (table->incarnation != NULL && strcmp(PQgetvalue(result, 0, 1), table->incarnation) != 0) {
        return fail_changed(reader, "was emptied or rewritten since it was described", err);
    }
    if (strcmp(PQgetvalue(result, 0, 3), "0") != 0) {
        return fail_changed(reader, "was emptied or rewritten while it was being read", err);
    }
    reader->has_parts = strcmp(PQgetvalue(result, 0, 2), "1") != 0;
    return PS_OK;
}

/* Locks the table, and looks whether it is still the one described. */
static enum ps_status probe(struct reader *reader, const struct ps_read_request *request,
                            struct ps_error *err)
{
    struct link *link = link_of(reader);
    struct ps_buffer sql;
    PGresult *results[3] = {NULL, NULL, NULL};
    ps_buffer_init(&sql, 0);
    ps_buffer_puts(&sql, "SAVEPOINT penstock;");
    query_probe(&sql, request);
    ps_buffer_putc(&sql, ';');
    query_rewritten(&sql, request->table);
    int64_t lock_ms = link->settings->lock_timeout_s * 1000;
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query_many(link, ps_buffer_text(&sql),
                                                  lock_ms == 0 ? 0 : lock_ms + LINK_SHORT_MS,
                                                  "reading", results, 3, err)
                                : ps_fail_nomem(err, "reading");
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", reader->table->schema, reader->table->name);
        return status;
    }
    status = check_rewritten(reader, results[2], err);
    if (status == PS_OK) {
        status = resolve_fields(reader, request, results[1], err);
    }
    for (size_t i = 0; i < 3; i++) {
        PQclear(results[i]);
    }
    return status;
}

/* Sends the COPY; its answer comes with the first reader_next, so that nothing waits here. */
static enum ps_status send_copy(struct reader *reader, const struct ps_read_request *request,
                                struct ps_error *err)
{
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    query_copy(&sql, request, reader->fields);
    enum ps_status status = PS_OK;
    if (!ps_buffer_ok(&sql)) {
        status = ps_fail_nomem(err, "reading");
    } else if (!PQsendQuery(link_of(reader)->conn, ps_buffer_text(&sql))) {
        status = fail_read(reader, NULL, err);
    }
    ps_buffer_done(&sql);
    return status;
}

enum ps_status source_reader_open(struct ps_source *base, const struct ps_read_request *request,
                                  struct ps_reader **ret_reader, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct reader *reader = ps_calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ps_fail_nomem(err, "reading");
    }
    reader->base.ops = base->ops;
    reader->source = source;
    reader->table = request->table;
    reader->fields_count = request->columns_count;
    reader->value_bytes_max =
        request->value_bytes_max < INT32_MAX ? (uint32_t)request->value_bytes_max : INT32_MAX;
    reader->state = STREAM_DONE; /* nothing to end yet */
    atomic_init(&reader->canceled, false);
    reader->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    reader->fields = ps_calloc((size_t)request->columns_count + 1, sizeof reader->fields[0]);
    enum ps_status status = PS_OK;
    if (reader->fields == NULL || reader->wake_fd < 0) {
        status = ps_fail_nomem(err, "reading");
        goto out;
    }
    status = source_need_transaction(source, err);
    if (status != PS_OK) {
        goto out;
    }
    source->reading = true;
    status = probe(reader, request, err);
    if (status == PS_OK) {
        status = send_copy(reader, request, err);
    }
    if (status != PS_OK) {
        goto out;
    }
    reader->state = STREAM_HEAD;
    *ret_reader = &reader->base;
    reader = NULL;
out:
    if (reader != NULL) {
        source_reader_close(&reader->base);
    }
    return status;
}

/* The size of the row at `bytes`, with its count; 0: it is not all there yet. */
static size_t row_size(const uint8_t *bytes, size_t size, uint32_t fields, bool *ret_malformed)
{
    size_t at = 2;
    for (uint32_t i = 0; i < fields; i++) {
        if (size < at + 4) {
            return 0;
        }
        int32_t length = (int32_t)decode_u32(bytes + at);
        if (length < -1) {
            *ret_malformed = true;
            return 0;
        }
        at += 4 + (length > 0 ? (size_t)length : 0);
    }
    return at <= size ? at : 0;
}

/* Decodes a row that is known to be all there. */
static enum ps_status decode_row(struct reader *reader, const uint8_t *bytes,
                                 struct ps_batch *batch, struct ps_error *err)
{
    const struct type_field *fields = reader->fields;
    uint32_t count = reader->fields_count;
    const uint8_t *at = bytes + 2;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = decode_u32(at);
        at += 4;
        if (length == UINT32_MAX) {
            ps_batch_put_null(batch, i);
            continue;
        }
        const char *reason = length > reader->value_bytes_max
                                 ? "the value is larger than max_value_bytes"
                                 : fields[i].decode(&fields[i], at, length, batch, i);
        if (reason != NULL) {
            if (reason == decode_nomem) {
                return ps_fail_nomem(err, "reading a row");
            }
            if (reason == decode_malformed) {
                return fail_stream(reader, "a value is not in its type's binary form", err);
            }
            ps_batch_row_bad(batch, i, reason);
            return PS_OK;
        }
        at += length;
    }
    ps_batch_row_end(batch);
    return PS_OK;
}

/* Takes the stream's head. OK, or END where more bytes are needed. */
static enum ps_status take_head(struct reader *reader, struct ps_error *err)
{
    const uint8_t *at = reader->data + reader->used;
    size_t left = reader->size - reader->used;
    if (left < HEAD_SIZE) {
        return PS_END;
    }
    if (memcmp(at, signature, sizeof signature) != 0) {
        return fail_stream(reader, "the stream is not a binary COPY", err);
    }
    uint32_t extension = decode_u32(at + 15);
    if (left - HEAD_SIZE < extension) {
        return PS_END;
    }
    reader->used += HEAD_SIZE + extension;
    reader->state = STREAM_ROWS;
    return PS_OK;
}

/* A batch of which nothing but bad rows came is handed over too, so that the engine can stop. */
static bool batch_done(const struct ps_batch *batch)
{
    return ps_batch_full(batch) || batch->bad_rows >= batch->rows_max;
}

/* Decodes the rows that are there. OK: the batch is full, or the trailer came; END: needs more. */
static enum ps_status take_rows(struct reader *reader, struct ps_batch *batch, struct ps_error *err)
{
    while (!batch_done(batch)) {
        const uint8_t *at = reader->data + reader->used;
        size_t left = reader->size - reader->used;
        if (left < 2) {
            return PS_END;
        }
        uint16_t count = decode_u16(at);
        if (count == UINT16_MAX) {
            reader->used += 2;
            reader->state = STREAM_TRAILER_SEEN;
            return PS_OK;
        }
        if (count != reader->fields_count) {
            return fail_stream(reader, "a row has another number of fields", err);
        }
        bool malformed = false;
        size_t size = row_size(at, left, count, &malformed);
        if (size == 0) {
            return malformed ? fail_stream(reader, "a field has a length below zero", err) : PS_END;
        }
        reader->used += size;
        enum ps_status status = decode_row(reader, at, batch, err);
        if (status != PS_OK) {
            return status;
        }
    }
    return PS_OK;
}

/* Goes on to the next message; what is left of the last one stays in front of it. */
static enum ps_status take_message(struct reader *reader, char *message, size_t size,
                                   struct ps_error *err)
{
    size_t left = reader->size - reader->used;
    if (left == 0) {
        PQfreemem(reader->message);
        reader->message = message;
        reader->data = (const uint8_t *)message;
        reader->size = size;
        reader->used = 0;
        return PS_OK;
    }
    struct ps_buffer joined;
    ps_buffer_init(&joined, 0);
    ps_buffer_append(&joined, reader->data + reader->used, left);
    ps_buffer_append(&joined, message, size);
    PQfreemem(message);
    PQfreemem(reader->message);
    reader->message = NULL;
    ps_buffer_done(&reader->rest);
    reader->rest = joined;
    reader->data = (const uint8_t *)joined.data;
    reader->size = joined.size;
    reader->used = 0;
    if (!ps_buffer_ok(&joined)) {
        reader->size = 0;
        reader->state = STREAM_FAILED;
        return ps_fail_nomem(err, "reading a row");
    }
    return PS_OK;
}

static enum ps_status fail_canceled(struct reader *reader, struct ps_error *err)
{
    return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "reading %s.%s was called off",
                   reader->table->schema, reader->table->name);
}

/* The read's outcome, once libpq says that no row is left: errors come only here. */
static enum ps_status finish_copy(struct reader *reader, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    struct link *link = link_of(reader);
    for (;;) {
        while (PQisBusy(link->conn)) {
            if (atomic_load(&reader->canceled)) {
                return fail_canceled(reader, err);
            }
            (void)link_wait(link, reader->wake_fd, 0);
            if (!PQconsumeInput(link->conn)) {
                break;
            }
        }
        PGresult *result = PQgetResult(link->conn);
        if (result == NULL) {
            break;
        }
        ExecStatusType outcome = PQresultStatus(result);
        if (outcome != PGRES_COMMAND_OK && status == PS_OK) {
            status = fail_read(reader, result, err);
        }
        PQclear(result);
    }
    if (status == PS_OK && reader->state != STREAM_TRAILER_SEEN) {
        return fail_stream(reader, "the stream ended without its end", err);
    }
    if (status == PS_OK) {
        reader->state = STREAM_DONE;
    }
    return status;
}

/* Of tables that are read with others: those are locked only once the COPY runs, so look again. */
static enum ps_status check_parts(struct reader *reader, struct ps_error *err)
{
    if (!reader->has_parts) {
        return PS_OK;
    }
    struct ps_buffer sql;
    PGresult *result = NULL;
    ps_buffer_init(&sql, 0);
    query_rewritten(&sql, reader->table);
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query(link_of(reader), ps_buffer_text(&sql), LINK_CATALOG_MS,
                                             "reading", &result, err)
                                : ps_fail_nomem(err, "reading");
    ps_buffer_done(&sql);
    if (status == PS_OK) {
        status = check_rewritten(reader, result, err);
        PQclear(result);
    }
    if (status != PS_OK) {
        reader->state = STREAM_FAILED;
    }
    return status;
}

/* The answer to the COPY itself. OK: its rows follow. */
static enum ps_status start_copy(struct reader *reader, struct ps_error *err)
{
    struct link *link = link_of(reader);
    while (PQisBusy(link->conn)) {
        if (atomic_load(&reader->canceled)) {
            return fail_canceled(reader, err);
        }
        (void)link_wait(link, reader->wake_fd, 0);
        if (!PQconsumeInput(link->conn)) {
            break;
        }
    }
    PGresult *result = PQgetResult(link->conn);
    enum ps_status status =
        PQresultStatus(result) == PGRES_COPY_OUT ? PS_OK : fail_read(reader, result, err);
    PQclear(result);
    return status;
}

static void set_bulk(struct reader *reader, bool bulk)
{
    int bytes = bulk ? BULK_BYTES : 1;
    reader->bulk_progress = 0;
    if (reader->bulk != bulk) {
        reader->bulk = bulk;
        /* Where it cannot be set, reading works as without it. */
        (void)setsockopt(PQsocket(link_of(reader)->conn), SOL_SOCKET, SO_RCVLOWAT, &bytes,
                         sizeof bytes);
    }
}

/* The next message; END: there is none, the read's outcome comes next. */
static enum ps_status next_message(struct reader *reader, struct ps_error *err)
{
    struct link *link = link_of(reader);
    for (int tries = 0;; tries++) {
        char *message = NULL;
        int size = PQgetCopyData(link->conn, &message, 1);
        if (size > 0) {
            reader->bulk_progress += (size_t)size;
            if (!reader->bulk && reader->bulk_progress >= BULK_AFTER) {
                set_bulk(reader, true);
            }
            return take_message(reader, message, (size_t)size, err);
        }
        if (size == -1) {
            set_bulk(reader, false);
            return PS_END;
        }
        if (size == -2) {
            return fail_read(reader, NULL, err);
        }
        if (atomic_load(&reader->canceled)) {
            return fail_canceled(reader, err);
        }
        if (tries > 1) {
            set_bulk(reader, false);
        }
        /* What is there already is taken without a wait. */
        if (tries > 0) {
            (void)link_wait(link, reader->wake_fd,
                            reader->bulk ? ps_monotonic_ns() + BULK_WAIT_NS : 0);
        }
        if (!PQconsumeInput(link->conn)) {
            return fail_read(reader, NULL, err);
        }
    }
}

/* OK: the batch has rows and is full, or all rows have come. */
static enum ps_status fill(struct reader *reader, struct ps_batch *batch, struct ps_error *err)
{
    while (!batch_done(batch)) {
        enum ps_status status = PS_END;
        if (reader->state == STREAM_HEAD) {
            status = take_head(reader, err);
        } else if (reader->state == STREAM_ROWS) {
            status = take_rows(reader, batch, err);
        }
        if (status == PS_END) {
            status = next_message(reader, err);
            if (status == PS_END) {
                status = finish_copy(reader, err);
                return status == PS_OK ? check_parts(reader, err) : status;
            }
        }
        if (status != PS_OK) {
            return status;
        }
    }
    return PS_OK;
}

enum ps_status source_reader_next(struct ps_reader *base, struct ps_batch *batch,
                                  struct ps_error *err)
{
    struct reader *reader = (struct reader *)base;
    enum ps_status status = PS_OK;
    if (atomic_load(&reader->canceled)) {
        return fail_canceled(reader, err);
    }
    if (reader->state == STREAM_DONE) {
        return PS_END;
    }
    if (reader->state == STREAM_FAILED) {
        return ps_fail(err, PS_BUG, PS_CLASS_NONE, "a read that failed was gone on with");
    }
    if (reader->state == STREAM_HEAD && reader->message == NULL) {
        status = start_copy(reader, err);
    }
    if (status == PS_OK) {
        status = fill(reader, batch, err);
    }
    if (status == PS_OK && batch->rows == 0 && batch->bad_rows == 0) {
        return PS_END;
    }
    return status;
}

const char *source_reader_position(struct ps_reader *base)
{
    (void)base;
    return NULL; /* a read that was cut off starts again */
}

void source_reader_cancel(struct ps_reader *base)
{
    struct reader *reader = (struct reader *)base;
    uint64_t one = 1;
    atomic_store(&reader->canceled, true);
    /* The counter cannot overflow: a write that would block has woken the poll already. */
    ssize_t written = write(reader->wake_fd, &one, sizeof one);
    (void)written;
}

/* Asks the server to end the statement; over a second connection, as the protocol wants it. */
static void cancel_statement(struct link *link)
{
    char text[256];
    PGcancel *cancel = PQgetCancel(link->conn);
    if (cancel != NULL) {
        (void)PQcancel(cancel, text, sizeof text);
        PQfreeCancel(cancel);
    }
}

void source_reader_close(struct ps_reader *base)
{
    struct reader *reader = (struct reader *)base;
    if (reader == NULL) {
        return;
    }
    struct source *source = reader->source;
    struct link *link = &source->link;
    PQfreemem(reader->message);
    ps_buffer_done(&reader->rest);
    if (source->reading && link->conn != NULL) {
        set_bulk(reader, false);
        bool idle = PQstatus(link->conn) == CONNECTION_OK;
        if (idle && PQtransactionStatus(link->conn) == PQTRANS_ACTIVE) {
            cancel_statement(link);
            idle = link_drain(link, DRAIN_MS);
        }
        /* The point in time lives on; the table's lock does not. */
        if (!idle ||
            !PQsendQuery(link->conn, "ROLLBACK TO SAVEPOINT penstock;RELEASE SAVEPOINT penstock") ||
            !link_drain(link, LINK_SHORT_MS)) {
            link_close(link);
        }
    }
    source->reading = false;
    if (reader->wake_fd >= 0) {
        (void)close(reader->wake_fd);
    }
    ps_free(reader->fields);
    ps_free(reader);
}
