/*
 * Reading one table: COPY (SELECT …) TO STDOUT (FORMAT BINARY), taken from the socket as it comes
 * and decoded by stream.c into the engine's batch.
 *
 * The read stands inside a savepoint, so that an error or an early end of it leaves the point in
 * time of the transaction as it is; going back to the savepoint also gives up the table's lock.
 */
#include <inttypes.h>
#include <poll.h>
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
#include "sources/postgresql/reader.h"
#include "sources/postgresql/shapes.h"

/* How long the rest of a read that is called off may take before the connection is given up. */
#define DRAIN_MS 2000

/*
 * A large read wakes up once for so many bytes instead of for each of the server's 8 KiB: a quarter
 * less CPU a row. It begins after BULK_AFTER bytes. What has come is taken after BULK_WAIT_NS
 * however little it is, because a read's end is small; after BULK_WAITS of them for nothing, the
 * server is slow, and each of its messages wakes up again until as many bytes have come.
 */
#define BULK_BYTES 262144
#define BULK_AFTER 262144u
#define BULK_WAIT_NS 1000000
#define BULK_WAITS 10
/*
 * libpq asks the system for as much as its buffer takes. The buffer begins with 16 KiB and doubles,
 * for as long as the connection lives, where more is there than it takes at once: at most 128 KiB
 * after so many times.
 */
#define BULK_GROWTHS 3

/* Silence is looked at once it has lasted for so long: a clock read, and nothing else, before. */
#define SILENCE_LOOK_NS INT64_C(1000000000)

#define VERSION_INCREMENTAL_SORT 130000

/*
 * A view's own names hold whatever search_path is; those in the functions that it calls are looked
 * up while it is read, where nothing but pg_catalog is searched.
 */
static void advise_path(const struct reader *reader, struct ps_error *err)
{
    static const char *const codes[] = {"42P01", "42883", "42704"};
    struct ps_error advised;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (reader->table->kind == PS_TABLE_VIEW && strcmp(err->sqlstate, codes[i]) == 0) {
            (void)ps_fail(&advised, err->status, err->error_class,
                          "%s. A function that the view calls names something without its schema: "
                          "ALTER FUNCTION … SET search_path = …",
                          err->message);
            memcpy(err->message, advised.message, sizeof err->message);
        }
    }
}

static enum ps_status fail_read(struct reader *reader, const PGresult *result, struct ps_error *err)
{
    enum ps_status status = link_fail(reader_link(reader), result, "reading", err);
    status = source_blame_table(reader->source, reader->table, reader->has_parts, status, err);
    advise_path(reader, err);
    ps_error_prefix(err, "%s.%s", reader->table->schema, reader->table->name);
    reader->state = READER_FAILED;
    return status;
}

static enum ps_status fail_stream(struct reader *reader, const char *what, struct ps_error *err)
{
    reader->state = READER_FAILED;
    return ps_fail(err, PS_BUG, PS_CLASS_DATA, "reading %s.%s at %s failed: %s",
                   reader->table->schema, reader->table->name,
                   reader_link(reader)->settings->target, what);
}

static enum ps_status fail_changed(const struct reader *reader, const char *what,
                                   struct ps_error *err)
{
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "%s.%s at %s %s", reader->table->schema,
                   reader->table->name, reader_link(reader)->settings->target, what);
}

/* The shapes of the columns' types; where the oid says all, one that is not looked at. */
static enum ps_status read_shapes(struct reader *reader, const PGresult *probe,
                                  struct shape **ret_shapes, struct ps_error *err)
{
    uint32_t count = reader->fields_count, asked = 0;
    struct shape *shapes = ps_calloc((size_t)count + 1, sizeof shapes[0]);
    if (shapes == NULL) {
        return ps_fail_nomem(err, "reading");
    }
    for (uint32_t i = 0; i < count; i++) {
        shapes[i].type = PQftype(probe, (int)i);
        asked += !type_is_known(shapes[i].type);
    }
    enum ps_status status =
        asked > 0 ? shapes_read(reader_link(reader), shapes, count, err) : PS_OK;
    if (status == PS_OK) {
        *ret_shapes = shapes;
    } else {
        ps_free(shapes);
    }
    return status;
}

/* The columns are still what they were described as; learns how each is read. */
static enum ps_status resolve_fields(struct reader *reader, const struct ps_read_request *request,
                                     const PGresult *probe, struct ps_error *err)
{
    if (PQnfields(probe) != (int)request->columns_count) {
        return fail_stream(reader, "the server gave another number of columns", err);
    }
    struct shape *shapes = NULL;
    enum ps_status status = read_shapes(reader, probe, &shapes, err);
    for (uint32_t i = 0; status == PS_OK && i < request->columns_count; i++) {
        const struct ps_column *column = &request->table->columns[request->columns[i]];
        struct type_field field = type_resolve(shapes[i].type, PQfmod(probe, (int)i),
                                               shapes[i].shape, reader_link(reader)->sql_ascii);
        if (field.type != column->type || field.precision != column->precision ||
            field.scale != column->scale) {
            status = fail_changed(reader, "has a column whose type has changed", err);
        }
        if (column->key_position != 0 && field.decode == decode_numeric_text &&
            PQfmod(probe, (int)i) < 0) {
            field.decode = decode_numeric_key; /* 1.0 and 1.00 are one key to the server */
        }
        if (request->as_text != NULL && request->as_text[i]) {
            type_as_text(&field);
        }
        field.bytes_max = reader->stream.value_bytes_max;
        reader->fields[i] = field;
    }
    ps_free(shapes);
    return status;
}

static enum ps_status check_rewritten(struct reader *reader, const PGresult *result,
                                      struct ps_error *err)
{
    return source_check_rewritten(reader->source, reader->request.table, result, &reader->has_parts,
                                  err);
}

/* What is read under the table's name is called by its own, whatever that is by now. */
enum ps_status reader_name_leaf(struct reader *reader, struct ps_error *err)
{
    char sql[192];
    PGresult *result = NULL;
    snprintf(sql, sizeof sql,
             "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n"
             " ON n.oid = c.relnamespace WHERE c.oid = %" PRIu32,
             reader->partition.leaf);
    enum ps_status status =
        link_query(reader_link(reader), sql, LINK_CATALOG_MS, "reading", &result, err);
    if (status != PS_OK) {
        return status;
    }
    if (PQntuples(result) != 1) {
        status = fail_changed(reader, "lost a partition since it was planned", err);
    } else {
        ps_buffer_clear(&reader->leaf_schema);
        ps_buffer_clear(&reader->leaf_name);
        ps_buffer_puts(&reader->leaf_schema, PQgetvalue(result, 0, 0));
        ps_buffer_puts(&reader->leaf_name, PQgetvalue(result, 0, 1));
        if (!ps_buffer_ok(&reader->leaf_schema) || !ps_buffer_ok(&reader->leaf_name)) {
            status = ps_fail_nomem(err, "reading");
        }
    }
    PQclear(result);
    if (status == PS_OK) {
        reader->leaf = *reader->table;
        reader->leaf.schema = ps_buffer_text(&reader->leaf_schema);
        reader->leaf.name = ps_buffer_text(&reader->leaf_name);
        reader->leaf.kind = PS_TABLE_ORDINARY;
        reader->leaf.source_id = reader->partition.leaf;
        reader->leaf.incarnation = NULL;
        reader->leaf.own_rows_only = true;
        reader->request.table = &reader->leaf;
    }
    return status;
}

static enum ps_status fail_canceled(struct reader *reader, struct ps_error *err)
{
    return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "reading %s.%s was called off",
                   reader->table->schema, reader->table->name);
}

/* Windows and changes are searched for, and a view may compute anything before its first row. */
static int64_t silence_limit_ns(const struct reader *reader)
{
    const struct link_settings *settings = reader_link(reader)->settings;
    enum ps_table_kind kind = reader->table->kind;
    bool flows = reader->request.window == NULL && reader->request.changed_since == NULL &&
                 kind != PS_TABLE_VIEW && kind != PS_TABLE_FOREIGN;
    return link_settings_silence_s(settings, flows) * INT64_C(1000000000);
}

static enum ps_status fail_silent(struct reader *reader, struct ps_error *err)
{
    enum ps_status status = ps_fail(
        err, PS_RETRY, PS_CLASS_TIMEOUT,
        "reading %s.%s at %s failed: the server has sent nothing for %lld s. Where it searches for "
        "that long, raise `read_timeout`, or set it to 0",
        reader->table->schema, reader->table->name, reader_link(reader)->settings->target,
        (long long)(reader->silence_ns / INT64_C(1000000000)));
    reader->state = READER_FAILED;
    link_close(reader_link(reader));
    return status;
}

static bool has_come(const struct link *link)
{
    struct pollfd fd = {.fd = PQsocket(link->conn), .events = POLLIN};
    return poll(&fd, 1, 0) > 0;
}

/*
 * Waits for the server, for `wake_ns` at most where that is not 0. *silent_since is 0 before the
 * first wait. CANCELED; RETRY: the server has been silent for too long.
 */
static enum ps_status wait_for_server(struct reader *reader, int64_t wake_ns, int64_t *silent_since,
                                      struct ps_error *err)
{
    struct link *link = reader_link(reader);
    if (atomic_load(&reader->canceled)) {
        return fail_canceled(reader, err);
    }
    if (reader->silence_ns == 0) {
        (void)link_wait(link, reader->wake_fd, wake_ns == 0 ? 0 : ps_monotonic_ns() + wake_ns);
        return PS_OK;
    }
    int64_t now_ns = ps_monotonic_ns();
    *silent_since = *silent_since == 0 ? now_ns : *silent_since;
    int64_t limit_ns = *silent_since + reader->silence_ns;
    (void)link_wait(link, reader->wake_fd, wake_ns == 0 ? limit_ns : now_ns + wake_ns);
    now_ns = ps_monotonic_ns();
    if (now_ns - *silent_since < SILENCE_LOOK_NS || has_come(link)) {
        *silent_since = now_ns - *silent_since < SILENCE_LOOK_NS ? *silent_since : now_ns;
        return PS_OK;
    }
    return now_ns >= limit_ns ? fail_silent(reader, err) : PS_OK;
}

/* Before 13 the server sorts all rows for an order of which an index gives the beginning. */
static bool may_order(const struct reader *reader)
{
    const struct link *link = reader_link(reader);
    return !reader->again && !link->yugabyte && link->version >= VERSION_INCREMENTAL_SORT &&
           window_may_order(&reader->window);
}

static enum ps_status choose_order(struct reader *reader, const PGresult *probe,
                                   struct ps_error *err)
{
    /* Tables that inherit have indexes of their own, or none. */
    if (reader->has_parts && reader->table->kind != PS_TABLE_PARTITIONED) {
        return PS_OK;
    }
    uint32_t *types = ps_calloc((size_t)reader->fields_count + 1, sizeof types[0]);
    if (types == NULL) {
        return ps_fail_nomem(err, "reading");
    }
    for (uint32_t i = 0; i < reader->fields_count; i++) {
        types[i] = PQftype(probe, (int)i);
    }
    window_choose(&reader->window, types);
    ps_free(types);
    return PS_OK;
}

/* Locks the table, for which it may wait long, and looks whether it is still the one described. */
enum ps_status reader_probe(struct reader *reader, struct ps_error *err)
{
    const struct ps_read_request *request = &reader->request;
    struct link *link = reader_link(reader);
    struct ps_buffer sql;
    PGresult *results[7] = {NULL};
    size_t count = 3;
    bool orders = may_order(reader);
    ps_buffer_init(&sql, 0);
    ps_buffer_puts(&sql, "SAVEPOINT penstock;");
    if (partition_has_places(&reader->partition)) {
        /* Blocks in their order, and no others than those asked for. */
        ps_buffer_puts(&sql,
                       "SET LOCAL enable_seqscan = off;SET LOCAL synchronize_seqscans = off;");
        count = 5;
    } else if (orders) {
        /* A large window is not to be sorted at the server, whatever an index costs. */
        ps_buffer_puts(&sql, "SET LOCAL enable_sort = off;");
        count = 4;
    }
    if (reader->again) {
        /* A window's own order would be that of an index. */
        ps_buffer_puts(&sql, "SET LOCAL enable_indexscan = off;SET LOCAL enable_bitmapscan = off;");
        count = 7;
    }
    query_probe(&sql, request);
    ps_buffer_putc(&sql, ';');
    query_rewritten(&sql, request->table, link->version);
    int64_t lock_ms = link->settings->lock_timeout_s * 1000;
    const _Atomic bool *canceled_before = link->canceled;
    link->canceled = &reader->canceled;
    link->wake_fd = reader->wake_fd;
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query_many(link, ps_buffer_text(&sql),
                                                  lock_ms == 0 ? 0 : lock_ms + LINK_SHORT_MS,
                                                  "reading", results, count, err)
                                : ps_fail_nomem(err, "reading");
    link->canceled = canceled_before;
    ps_buffer_done(&sql);
    if (status != PS_OK) {
        ps_error_prefix(err, "%s.%s", reader->table->schema, reader->table->name);
        return source_blame_table(reader->source, reader->table, reader->has_parts, status, err);
    }
    status = check_rewritten(reader, results[count - 1], err);
    if (status == PS_OK) {
        status = resolve_fields(reader, request, results[count - 2], err);
    }
    if (status == PS_OK && orders) {
        status = choose_order(reader, results[count - 2], err);
    }
    for (size_t i = 0; i < count; i++) {
        PQclear(results[i]);
    }
    return status;
}

enum ps_status reader_send(struct reader *reader, struct ps_error *err)
{
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    query_copy(&sql, &reader->request, reader->fields, &reader->partition, &reader->window);
    enum ps_status status = PS_OK;
    if (!ps_buffer_ok(&sql)) {
        status = ps_fail_nomem(err, "reading");
    } else if (!PQsendQuery(reader_link(reader)->conn, ps_buffer_text(&sql))) {
        status = fail_read(reader, NULL, err);
    }
    ps_buffer_done(&sql);
    return status;
}

static enum ps_status open_copy(struct reader *reader, struct ps_error *err)
{
    reader->begun = true;
    reader->state = READER_FAILED; /* unless all goes well */
    enum ps_status status = reader->partition.leaf != 0 ? reader_name_leaf(reader, err) : PS_OK;
    if (status == PS_OK) {
        status = reader_probe(reader, err);
    }
    if (status == PS_OK) {
        status = reader_send(reader, err);
    }
    if (status == PS_OK) {
        reader->state = READER_SENT;
    }
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
    reader->request = *request;
    if (request->window != NULL) {
        reader->edge = *request->window;
        reader->request.window = &reader->edge;
    }
    reader->fields_count = request->columns_count;
    reader->state = READER_DONE; /* nothing to end yet */
    atomic_init(&reader->canceled, false);
    reader->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    reader->fields = ps_calloc((size_t)request->columns_count + 1, sizeof reader->fields[0]);
    enum ps_status status = PS_OK;
    if (reader->fields == NULL || reader->wake_fd < 0) {
        status = ps_fail_nomem(err, "reading");
        goto out;
    }
    if (!window_init(&reader->window, &reader->request) ||
        !partition_parse(request, &reader->partition)) {
        status = ps_fail(err, PS_EXPIRED, PS_CLASS_NONE,
                         "reading %s.%s: what the state says of its read is none of this source's; "
                         "the table must be loaded again",
                         request->table->schema, request->table->name);
        goto out;
    }
    if (reader->partition.kind != PARTITION_WHOLE && !source->link.may_export &&
        !source->link.yugabyte) {
        status = ps_fail(err, PS_EXPIRED, PS_CLASS_NONE,
                         "reading %s.%s: its load cannot go on part by part, since the login may "
                         "not call pg_export_snapshot() any more; the table must be loaded again",
                         request->table->schema, request->table->name);
        goto out;
    }
    status = source_need_transaction(source, err);
    if (status != PS_OK) {
        goto out;
    }
    reader->silence_ns = silence_limit_ns(reader);
    /* What waits for the server comes with the first reader_next, where it can be called off. */
    source->reading = true;
    reader->state = READER_OPENED;
    size_t value_max = request->value_bytes_max < INT32_MAX ? request->value_bytes_max : INT32_MAX;
    stream_init(&reader->stream, reader->fields, reader->fields_count, (uint32_t)value_max);
    reader->stream.has_places = partition_has_places(&reader->partition);
    *ret_reader = &reader->base;
    reader = NULL;
out:
    if (reader != NULL) {
        source_reader_close(&reader->base);
    }
    return status;
}

/* The read's outcome, once libpq says that no row is left: errors come only here. */
static enum ps_status finish_copy(struct reader *reader, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    struct link *link = reader_link(reader);
    int64_t silent_since = 0;
    for (;;) {
        while (PQisBusy(link->conn)) {
            enum ps_status waited = wait_for_server(reader, 0, &silent_since, err);
            if (waited != PS_OK) {
                return waited;
            }
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
    if (status == PS_OK && !reader->stream.has_trailer) {
        return fail_stream(reader, "the stream ended without its end", err);
    }
    if (status == PS_OK) {
        reader->state = READER_DONE;
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
    query_rewritten(&sql, reader->table, reader_link(reader)->version);
    enum ps_status status = ps_buffer_ok(&sql)
                                ? link_query(reader_link(reader), ps_buffer_text(&sql),
                                             LINK_CATALOG_MS, "reading", &result, err)
                                : ps_fail_nomem(err, "reading");
    ps_buffer_done(&sql);
    if (status == PS_OK) {
        status = check_rewritten(reader, result, err);
        PQclear(result);
    }
    if (status != PS_OK) {
        reader->state = READER_FAILED;
    }
    return status;
}

/* The answer to the COPY itself. OK: its rows follow. */
enum ps_status reader_start(struct reader *reader, struct ps_error *err)
{
    struct link *link = reader_link(reader);
    int64_t silent_since = 0;
    while (PQisBusy(link->conn)) {
        enum ps_status waited = wait_for_server(reader, 0, &silent_since, err);
        if (waited != PS_OK) {
            return waited;
        }
        if (!PQconsumeInput(link->conn)) {
            break;
        }
    }
    PGresult *result = PQgetResult(link->conn);
    enum ps_status status = PS_OK;
    if (PQresultStatus(result) == PGRES_COPY_OUT) {
        reader->state = READER_ROWS;
    } else {
        status = fail_read(reader, result, err);
        /* Nothing of the statement is left to be interrupted. */
        (void)link_drain(link, LINK_SHORT_MS);
    }
    PQclear(result);
    return status;
}

/* The message becomes what is read; what was left of the last one stays in front of it. */
static enum ps_status take_message(struct reader *reader, char *message, size_t size,
                                   struct ps_error *err)
{
    bool fed = stream_feed(&reader->stream, message, size);
    PQfreemem(reader->message);
    reader->message = message;
    if (!fed) {
        reader->state = READER_FAILED;
        return ps_fail_nomem(err, "reading a row");
    }
    return PS_OK;
}

static void set_bulk(struct reader *reader, bool bulk)
{
    int bytes = bulk ? BULK_BYTES : 1;
    reader->bulk_progress = 0;
    if (reader->bulk != bulk) {
        reader->bulk = bulk;
        /* Where it cannot be set, reading works as without it. */
        (void)setsockopt(PQsocket(reader_link(reader)->conn), SOL_SOCKET, SO_RCVLOWAT, &bytes,
                         sizeof bytes);
    }
}

/* Takes what has come. In a large read more at once from the first time on. */
static bool take_input(struct link *link, bool bulk)
{
    int times = bulk && !link->bulk_buffer ? 1 + BULK_GROWTHS : 1;
    link->bulk_buffer = link->bulk_buffer || bulk;
    while (times > 0 && PQconsumeInput(link->conn)) {
        times--;
    }
    return times == 0;
}

/* The next message; END: there is none, the read's outcome comes next. */
static enum ps_status next_message(struct reader *reader, struct ps_error *err)
{
    struct link *link = reader_link(reader);
    int64_t silent_since = 0;
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
        if (tries > BULK_WAITS) {
            set_bulk(reader, false);
        }
        /* What is there already is taken without a wait. */
        if (tries > 0) {
            enum ps_status status =
                wait_for_server(reader, reader->bulk ? BULK_WAIT_NS : 0, &silent_since, err);
            if (status != PS_OK) {
                return status;
            }
        }
        if (!take_input(link, reader->bulk && tries > 0)) {
            return fail_read(reader, NULL, err);
        }
    }
}

/* The rows of one COPY have all come. OK: more follow; END: none. */
static enum ps_status end_copy(struct reader *reader, struct ps_batch *batch, struct ps_error *err)
{
    enum ps_status status = finish_copy(reader, err);
    if (status == PS_DATA) {
        return reader_go_round(reader, batch, err);
    }
    if (status == PS_OK && reader->stores_done < reader->stores_count) {
        return reader_next_store(reader, err);
    }
    if (status == PS_OK) {
        status = check_parts(reader, err);
    }
    if (status != PS_OK || !window_has_nulls(&reader->window)) {
        return status == PS_OK ? PS_END : status;
    }
    reader->window.nulls = true;
    stream_restart(&reader->stream, false);
    status = reader_send(reader, err);
    reader->state = status == PS_OK ? READER_SENT : READER_FAILED;
    return status;
}

/* OK: the batch is full, or all rows have come. */
static enum ps_status fill(struct reader *reader, struct ps_batch *batch, struct ps_error *err)
{
    for (;;) {
        enum ps_status status;
        switch (stream_decode(&reader->stream, batch)) {
        case STREAM_FULL:
            return PS_OK;
        case STREAM_NOMEM:
            reader->state = READER_FAILED;
            return ps_fail_nomem(err, "reading a row");
        case STREAM_BROKEN:
            return fail_stream(reader, reader->stream.broken, err);
        case STREAM_MORE:
            status = next_message(reader, err);
            if (status == PS_END) {
                status = end_copy(reader, batch, err);
                if (status == PS_OK && reader->state == READER_SENT) {
                    return PS_OK; /* what is there belongs before the position */
                }
            }
            if (status != PS_OK) {
                return status == PS_END ? PS_OK : status;
            }
        }
    }
}

static bool batch_is_empty(const struct ps_batch *batch)
{
    return batch->rows == 0 && batch->bad_rows == 0;
}

enum ps_status source_reader_next(struct ps_reader *base, struct ps_batch *batch,
                                  struct ps_error *err)
{
    struct reader *reader = (struct reader *)base;
    enum ps_status status = PS_OK;
    if (atomic_load(&reader->canceled)) {
        return fail_canceled(reader, err);
    }
    if (reader->state == READER_DONE) {
        return PS_END;
    }
    if (reader->state == READER_FAILED) {
        return ps_fail(err, PS_BUG, PS_CLASS_NONE, "a read that failed was gone on with");
    }
    if (reader->state == READER_OPENED) {
        status = open_copy(reader, err);
    }
    while (status == PS_OK && reader->state != READER_DONE && batch_is_empty(batch)) {
        if (reader->state == READER_SENT) {
            status = reader_start(reader, err);
        }
        if (status == PS_OK) {
            status = fill(reader, batch, err);
        }
    }
    if (status == PS_OK && batch_is_empty(batch)) {
        return PS_END;
    }
    if (status == PS_OK) {
        reader->handed = true;
        window_note(&reader->window, batch);
    }
    return status;
}

const char *source_reader_position(struct ps_reader *base)
{
    struct reader *reader = (struct reader *)base;
    if (reader->request.window != NULL) {
        return window_position(&reader->window);
    }
    if (!reader->stream.has_places || reader->partition.changed_since != NULL) {
        return NULL; /* such a read that was cut off starts again */
    }
    if (!reader->handed && !reader->partition.positioned) {
        return NULL;
    }
    uint32_t block = reader->handed ? reader->stream.block : reader->partition.block;
    uint16_t place = reader->handed ? reader->stream.place : reader->partition.place;
    snprintf(reader->position, sizeof reader->position, "%" PRIu32 ",%" PRIu16, block, place);
    return reader->position;
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

void source_reader_close(struct ps_reader *base)
{
    struct reader *reader = (struct reader *)base;
    if (reader == NULL) {
        return;
    }
    struct source *source = reader->source;
    struct link *link = &source->link;
    PQfreemem(reader->message);
    stream_done(&reader->stream);
    window_done(&reader->window);
    ps_buffer_done(&reader->leaf_schema);
    ps_buffer_done(&reader->leaf_name);
    if (source->reading && reader->begun && link->conn != NULL) {
        set_bulk(reader, false);
        bool idle = PQstatus(link->conn) == CONNECTION_OK;
        if (idle && PQtransactionStatus(link->conn) == PQTRANS_ACTIVE) {
            link_interrupt(link);
            idle = link_drain(link, DRAIN_MS);
            link->interrupted = false;
        }
        /* The point in time lives on; the table's lock does not. */
        if (!idle || !link_go_back(link, "penstock")) {
            link_close(link);
        }
    }
    source->reading = false;
    if (reader->wake_fd >= 0) {
        (void)close(reader->wake_fd);
    }
    ps_free(reader->fields);
    ps_free(reader->stores);
    ps_free(reader);
}
