/*
 * The operations of the stream, one message at a time, and what a sync's good end still asks for.
 * See session.h.
 */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/protobuf.h"
#include "tester/declare.h"
#include "tester/session.h"

#define RECORDS_MAX 100u
/* Messages in a row that bring no record, no part of a file, no table and no column. */
#define FRUITLESS_MAX 100000u
/* Of a text that a connector sends for people, so much is shown. */
#define TEXT_BYTES_MAX ((size_t)64 << 10)
#define STATE_BYTES_CONTRACT ((size_t)10 << 20)
/* What a warehouse's state document can hold. */
#define STATE_BYTES_MAX ((size_t)24 << 20)
#define MESSAGE_TREE_MAX ((size_t)64 << 20)

/* Members of UpdateResponse; the last two are the Python SDK's. */
enum operation {
    OPERATION_RECORD = 1,
    OPERATION_SCHEMA_CHANGE = 2,
    OPERATION_CHECKPOINT = 3,
    OPERATION_WARNING = 4,
    OPERATION_TASK = 5,
    OPERATION_RECORDS = 6,
    OPERATION_FILE = 7,
    OPERATION_TRUNCATE = 8,
};

static void breach_nowhere(struct session *session, enum breach_kind kind, const char *detail)
{
    breach_add(&session->breaches, kind, &(struct breach_place){0}, detail);
}

static enum ps_status malformed(struct ps_error *err)
{
    return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                   "the connector sent a message that is no valid protobuf message");
}

static enum ps_status take_records(struct session *session, const struct ps_pb_field *records,
                                   struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(records->bytes, records->size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    size_t count = 0;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_BYTES) {
            count++;
            status = record_take(&session->records, field.bytes, field.size, err);
        }
    }
    if (count > RECORDS_MAX) {
        char detail[32];
        snprintf(detail, sizeof detail, "%zu", count);
        breach_nowhere(session, BREACH_RECORDS_COUNT, detail);
    }
    return status == PS_OK && reader.failed ? malformed(err) : status;
}

/* The one text that Checkpoint, Warning and Task hold (field 1). */
static bool read_text(const struct ps_pb_field *message, struct wire_name *ret_text)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message->bytes, message->size);
    struct ps_pb_field field;
    *ret_text = (struct wire_name){(const uint8_t *)"", 0};
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_BYTES) {
            *ret_text = (struct wire_name){field.bytes, field.size};
        }
    }
    return !reader.failed;
}

/* A copy of the text, or of its beginning, up to the end of a character. */
static const char *keep_text(struct session *session, const char *text, size_t size)
{
    size_t kept = size;
    if (size > TEXT_BYTES_MAX) {
        kept = TEXT_BYTES_MAX;
        while (kept > 0 && ((uint8_t)text[kept] & 0xc0) == 0x80) {
            kept--;
        }
    }
    return ps_arena_printf(session->result->arena, kept == size ? "%.*s" : "%.*s…", (int)kept,
                           text);
}

/* A message for people: as it is, or the member "message" of the JSON that Python connectors send.
 */
static enum ps_status readable(struct session *session, const struct ps_pb_field *message,
                               const char **ret_text, struct ps_error *err)
{
    struct wire_name text;
    if (!read_text(message, &text)) {
        return malformed(err);
    }
    struct ps_arena *tree =
        text.size > 0 && text.bytes[0] == '{' ? ps_arena_new(MESSAGE_TREE_MAX) : NULL;
    struct ps_json *root = NULL;
    const char *shown = NULL;
    if (tree != NULL && ps_json_parse(tree, (const char *)text.bytes, text.size, NULL, &root, NULL,
                                      NULL) == PS_OK) {
        shown = ps_json_string(root, "message", NULL);
        const char *trace = ps_json_string(root, "trace", NULL);
        if (shown != NULL && trace != NULL) {
            shown = ps_arena_printf(tree, "%s (%s)", shown, trace);
        }
        if (shown != NULL) {
            shown = keep_text(session, shown, strlen(shown));
        }
    }
    ps_arena_free(tree);
    if (shown == NULL) {
        shown = keep_text(session, (const char *)text.bytes,
                          strnlen((const char *)text.bytes, text.size));
    }
    *ret_text = shown;
    return shown != NULL ? PS_OK : ps_fail_nomem(err, "reading a message of the connector");
}

static enum ps_status take_warning(struct session *session, const struct ps_pb_field *message,
                                   struct ps_error *err)
{
    const struct ps_tester_request *request = session->request;
    const char *text = NULL;
    if (++session->warnings > SESSION_WARNINGS_SHOWN) {
        return PS_OK;
    }
    enum ps_status status = readable(session, message, &text, err);
    if (status == PS_OK) {
        session_warn(session, text);
        if (request->sink_ops->warning != NULL) {
            status = request->sink_ops->warning(request->sink, text, err);
        }
    }
    return status;
}

static enum ps_status take_task(struct session *session, const struct ps_pb_field *message,
                                struct ps_error *err)
{
    const struct ps_tester_request *request = session->request;
    enum ps_status status = readable(session, message, &session->result->task, err);
    if (status != PS_OK) {
        return status;
    }
    const char *text = session->result->task;
    session->tasked = true;
    session_tell(session, &(struct ps_tester_event){.kind = PS_TESTER_TASK, .text = text});
    if (request->sink_ops->task != NULL) {
        status = request->sink_ops->task(request->sink, text, err);
    }
    return status != PS_OK
               ? status
               : ps_fail(err, PS_DATA, PS_CLASS_NONE,
                         "the connector stopped the sync with a task for a person: %s", text);
}

static enum ps_status take_schema_change(struct session *session, const struct ps_pb_field *message,
                                         struct ps_error *err)
{
    session->unsaved = true;
    /* The texts of row_data are read by the types declared when they came. */
    enum ps_status status =
        session->records.row_data_waits ? records_release(&session->records, err) : PS_OK;
    return status == PS_OK ? declare_change(&session->roster, message->bytes, message->size, err)
                           : status;
}

/* truncate: 1 schema_name, 2 table_name, 3 deferred. */
static enum ps_status take_truncate(struct session *session, const struct ps_pb_field *message,
                                    struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message->bytes, message->size);
    struct ps_pb_field field;
    struct record_address address = {0};
    bool deferred = false;
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_BYTES) {
            address.has_schema = true;
            address.schema = (struct wire_name){field.bytes, field.size};
        } else if (field.number == 2 && field.wire == PS_PB_BYTES) {
            address.name = (struct wire_name){field.bytes, field.size};
        } else if (field.number == 3 && field.wire == PS_PB_VARINT) {
            deferred = field.integer != 0;
        }
    }
    session->unsaved = true;
    return reader.failed ? malformed(err)
                         : record_truncate(&session->records, &address, deferred, err);
}

/* Tables that are to be at the destination, rows or not. */
static enum ps_status tell_tables(struct session *session, bool all, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    for (struct tester_table *table = session->roster.first; status == PS_OK && table != NULL;
         table = table->next) {
        if ((table->wanted || all) && (table->changed || !table->told || all)) {
            status = slots_tell(&session->slots, table, all, err);
        }
        table->wanted = false;
    }
    return status;
}

/* Commits all that came, with the state as it is now. */
static enum ps_status commit(struct session *session, struct ps_error *err)
{
    const struct ps_tester_request *request = session->request;
    struct ps_state *state = request->state;
    struct ps_buffer json;
    enum ps_status status = slots_flush_all(&session->slots, err);
    ps_buffer_init(&json, 0);
    state->number++;
    if (status == PS_OK) {
        status = ps_state_write(state, &json, err);
    }
    if (status == PS_OK) {
        status = request->sink_ops->checkpoint(request->sink, ps_buffer_text(&json), json.size,
                                               state->number, err);
    }
    if (status == PS_OK && request->events.checkpoint != NULL) {
        status = request->events.checkpoint(request->events.context, ps_buffer_text(&json),
                                            json.size, err);
    }
    if (status == PS_OK) {
        session->unsaved = false;
        records_committed(&session->records);
    }
    ps_buffer_done(&json);
    return status;
}

static enum ps_status take_checkpoint(struct session *session, const struct ps_pb_field *message,
                                      struct ps_error *err)
{
    struct wire_name state;
    if (!read_text(message, &state)) {
        return malformed(err);
    }
    /* The state would go past a file that is not there. */
    enum ps_status status = files_check_whole(&session->files, err);
    if (status != PS_OK) {
        return status;
    }
    if (state.size > STATE_BYTES_CONTRACT) {
        breach_nowhere(session, BREACH_STATE_SIZE, NULL);
    }
    if (!ps_json_valid(state.bytes, state.size)) {
        breach_nowhere(session, BREACH_STATE_JSON, NULL);
    }
    if (state.size > STATE_BYTES_MAX || memchr(state.bytes, '\0', state.size) != NULL ||
        !ps_utf8_valid(state.bytes, state.size)) {
        return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                       "the connector's state cannot be kept: it has more than 24 MiB, is not "
                       "UTF-8 or holds U+0000");
    }
    status =
        ps_state_set_connector(session->request->state, (const char *)state.bytes, state.size, err);
    if (status == PS_OK) {
        status = records_release(&session->records, err);
    }
    if (status == PS_OK) {
        status = tell_tables(session, false, err);
    }
    if (status == PS_OK) {
        status = commit(session, err);
    }
    if (status == PS_OK) {
        session->result->checkpoints++;
        session_tell(session, &(struct ps_tester_event){.kind = PS_TESTER_CHECKPOINT,
                                                        .number = session->result->checkpoints,
                                                        .rows = session->records.number});
    }
    return status;
}

static enum ps_status take_operation(struct session *session, const struct ps_pb_field *field,
                                     struct ps_error *err)
{
    switch ((enum operation)field->number) {
    case OPERATION_RECORD:
        session->unsaved = true;
        return record_take(&session->records, field->bytes, field->size, err);
    case OPERATION_SCHEMA_CHANGE:
        return take_schema_change(session, field, err);
    case OPERATION_CHECKPOINT:
        return take_checkpoint(session, field, err);
    case OPERATION_WARNING:
        return take_warning(session, field, err);
    case OPERATION_TASK:
        return take_task(session, field, err);
    case OPERATION_RECORDS:
        session->unsaved = true;
        return take_records(session, field, err);
    case OPERATION_FILE:
        session->unsaved = true;
        return files_take(&session->files, field->bytes, field->size, err);
    case OPERATION_TRUNCATE:
        return take_truncate(session, field, err);
    default:
        return PS_OK;
    }
}

/* What grows while a stream brings something. */
static uint64_t fruit(const struct session *session)
{
    return session->records.number + session->roster.news + session->files.bytes +
           session->files.bytes_done;
}

/* A stream that goes on without an end and brings nothing has to be given up. */
static enum ps_status check_flood(struct session *session, struct ps_error *err)
{
    uint64_t now = fruit(session);
    session->fruitless = now == session->fruit ? session->fruitless + 1 : 0;
    session->fruit = now;
    return session->fruitless <= FRUITLESS_MAX
               ? PS_OK
               : ps_fail(err, PS_DATA, PS_CLASS_DATA,
                         "the connector floods: %u messages in a row (warnings, checkpoints, "
                         "tables that are known, empty ones) brought no record",
                         FRUITLESS_MAX);
}

enum ps_status session_take(struct session *session, const uint8_t *bytes, size_t size,
                            struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    bool known = false;
    session->result->messages++;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number <= OPERATION_TRUNCATE && field.wire == PS_PB_BYTES) {
            known = true;
            status = take_operation(session, &field, err);
        }
    }
    if (status == PS_OK && reader.failed) {
        return malformed(err);
    }
    if (!known) {
        breach_nowhere(session, BREACH_OPERATION_EMPTY, NULL);
    }
    if (status == PS_OK && session->breaches.failed) {
        return ps_fail_nomem(err, "noting a breach of the contract");
    }
    return status == PS_OK ? check_flood(session, err) : status;
}

enum ps_status session_complete(struct session *session, struct ps_error *err)
{
    enum ps_status status = files_check_whole(&session->files, err);
    if (status != PS_OK) {
        return status;
    }
    if (session->unsaved) {
        breach_nowhere(session, BREACH_NO_CHECKPOINT, NULL);
    }
    status = records_release(&session->records, err);
    if (status == PS_OK) {
        status = tell_tables(session, true, err);
    }
    if (status == PS_OK) {
        status = records_end(&session->records, err);
    }
    session->request->state->syncs_completed++;
    return status == PS_OK ? commit(session, err) : status;
}

void session_take_losses(struct session *session)
{
    const struct ps_tester_request *request = session->request;
    const struct ps_sink_loss *losses = NULL;
    if (session->warnings > SESSION_WARNINGS_SHOWN) {
        const char *text = ps_arena_printf(
            session->result->arena, "%llu more warnings of the connector are not shown",
            (unsigned long long)(session->warnings - SESSION_WARNINGS_SHOWN));
        if (text != NULL) {
            session_warn(session, text);
        }
    }
    if (request->sink_ops->losses == NULL) {
        return;
    }
    size_t count = request->sink_ops->losses(request->sink, &losses);
    for (size_t i = 0; i < count; i++) {
        const struct ps_sink_loss *loss = &losses[i];
        const char *text = ps_arena_printf(
            session->result->arena, "%s.%s: %s in %llu value%s", loss->table->name, loss->column,
            loss->what, (unsigned long long)loss->values, loss->values == 1 ? "" : "s");
        if (text != NULL) {
            session_warn(session, text);
        }
    }
}
