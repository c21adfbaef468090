/*
 * What the platform does before a sync: the form, each of its tests, the schema. See session.h.
 */
#include <string.h>

#include "base/protobuf.h"
#include "tester/declare.h"
#include "tester/session.h"

#define ANSWER_BYTES_MAX ((size_t)256 << 20)
#define SHOWN_FIELDS 12u
#define TESTS_MAX 1000u

static bool is_bytes(const struct ps_pb_field *field, uint32_t number)
{
    return field->number == number && field->wire == PS_PB_BYTES;
}

void session_put_configuration(const struct session *session, struct ps_buffer *request,
                               uint32_t number)
{
    const struct ps_settings *settings = session->request->settings;
    for (size_t i = 0; i < settings->count; i++) {
        size_t entry = ps_pb_open(request, number);
        ps_pb_put_text(request, 1, settings->entries[i].key);
        ps_pb_put_text(request, 2, settings->entries[i].value);
        ps_pb_close(request, entry);
    }
}

static enum ps_status call(struct session *session, const char *method,
                           const struct ps_buffer *request, struct ps_buffer *answer,
                           struct ps_error *err)
{
    const struct ps_tester_wire *wire = &session->request->wire;
    enum ps_status status = wire->call(wire->context, method, request, answer, err);
    if (status != PS_OK && status != PS_CANCELED) {
        ps_error_prefix(err, "%s", method);
    }
    return status;
}

static enum ps_status malformed(const char *method, struct ps_error *err)
{
    return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                   "%s: the connector's answer is no valid protobuf message", method);
}

/* The fields' names, for one line; conditional groups are counted with what is in them. */
static void list_field(const struct ps_pb_field *message, struct ps_buffer *names, size_t *count)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message->bytes, message->size);
    struct ps_pb_field field;
    while (ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1) && field.size > 0) {
            if ((*count)++ < SHOWN_FIELDS) {
                ps_buffer_puts(names, names->size == 0 ? "" : ", ");
                ps_buffer_append(names, field.bytes, field.size < 80 ? field.size : 80);
            }
        } else if (is_bytes(&field, 10)) {
            struct ps_pb_reader group = ps_pb_reader_of(field.bytes, field.size);
            struct ps_pb_field inner;
            while (ps_pb_next(&group, &inner)) {
                if (is_bytes(&inner, 2)) {
                    /* One level deep: what stands deeper is not shown here. */
                    struct ps_pb_reader child = ps_pb_reader_of(inner.bytes, inner.size);
                    struct ps_pb_field name;
                    while (ps_pb_next(&child, &name)) {
                        *count += is_bytes(&name, 1) && name.size > 0;
                    }
                }
            }
        }
    }
}

static void tell_form(struct session *session, size_t fields, const struct ps_buffer *names,
                      size_t tests)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    if (fields == 0) {
        ps_buffer_puts(&text, "no fields");
    } else {
        ps_buffer_printf(&text, "%zu field%s (%s%s)", fields, fields == 1 ? "" : "s",
                         ps_buffer_text(names), fields > SHOWN_FIELDS ? ", …" : "");
    }
    ps_buffer_printf(&text, ", %zu test%s", tests, tests == 1 ? "" : "s");
    session_tell(session,
                 &(struct ps_tester_event){.kind = PS_TESTER_FORM, .text = ps_buffer_text(&text)});
    ps_buffer_done(&text);
}

/* TestResponse: oneof 1 success, 2 failure. */
static enum ps_status read_test(const struct ps_buffer *answer, const char **ret_failure,
                                struct ps_arena *arena, struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(ps_buffer_text(answer), answer->size);
    struct ps_pb_field field;
    const char *failure = "the connector answered neither success nor failure";
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_VARINT) {
            failure = field.integer != 0 ? NULL : "the connector gave no reason";
        } else if (is_bytes(&field, 2)) {
            failure = ps_arena_strndup(arena, (const char *)field.bytes,
                                       strnlen((const char *)field.bytes, field.size));
            if (failure == NULL) {
                return ps_fail_nomem(err, "testing the connector");
            }
        }
    }
    *ret_failure = failure;
    return reader.failed ? malformed("Test", err) : PS_OK;
}

/* ConfigurationTest: 1 name, 2 label. */
static enum ps_status run_test(struct session *session, const struct ps_pb_field *message,
                               struct ps_error *err)
{
    struct ps_arena *arena = session->result->arena;
    struct ps_pb_reader reader = ps_pb_reader_of(message->bytes, message->size);
    struct ps_pb_field field;
    struct wire_name name = {0}, label = {0};
    const char *failure = NULL;
    struct ps_buffer request, answer;
    while (ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1)) {
            name = (struct wire_name){field.bytes, field.size};
        } else if (is_bytes(&field, 2)) {
            label = (struct wire_name){field.bytes, field.size};
        }
    }
    if (reader.failed) {
        return malformed("ConfigurationForm", err);
    }
    label = label.size == 0 ? name : label;
    const char *shown =
        ps_arena_strndup(arena, label.size == 0 ? "" : (const char *)label.bytes,
                         label.size == 0 ? 0 : strnlen((const char *)label.bytes, label.size));
    if (shown == NULL) {
        return ps_fail_nomem(err, "testing the connector");
    }
    ps_buffer_init(&request, 0);
    ps_buffer_init(&answer, ANSWER_BYTES_MAX);
    ps_pb_put_bytes(&request, 1, name.bytes, name.size);
    session_put_configuration(session, &request, 2);
    enum ps_status status = call(session, "Test", &request, &answer, err);
    if (status == PS_OK) {
        status = read_test(&answer, &failure, arena, err);
    }
    ps_buffer_done(&request);
    ps_buffer_done(&answer);
    if (status != PS_OK) {
        return status;
    }
    session_tell(session,
                 &(struct ps_tester_event){.kind = PS_TESTER_TEST, .name = shown, .text = failure});
    if (failure != NULL) {
        session->result->test_failed = shown;
        return ps_fail(err, PS_DATA, PS_CLASS_NONE,
                       "the connector's test `%s` failed, and the platform goes no further: %s",
                       shown, failure);
    }
    return PS_OK;
}

static enum ps_status run_form(struct session *session, struct ps_error *err)
{
    struct ps_buffer request, answer, names;
    struct ps_pb_field field;
    size_t fields = 0, tests = 0;
    ps_buffer_init(&request, 0);
    ps_buffer_init(&answer, ANSWER_BYTES_MAX);
    ps_buffer_init(&names, 0);
    enum ps_status status = call(session, "ConfigurationForm", &request, &answer, err);
    struct ps_pb_reader reader = ps_pb_reader_of(ps_buffer_text(&answer), answer.size);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 3)) {
            list_field(&field, &names, &fields);
        }
        tests += is_bytes(&field, 4);
    }
    if (status == PS_OK && reader.failed) {
        status = malformed("ConfigurationForm", err);
    }
    if (status == PS_OK && tests > TESTS_MAX) {
        status = ps_fail(err, PS_DATA, PS_CLASS_DATA,
                         "ConfigurationForm: the connector offers more than %u tests", TESTS_MAX);
    }
    if (status == PS_OK) {
        tell_form(session, fields, &names, tests);
    }
    reader = ps_pb_reader_of(ps_buffer_text(&answer), answer.size);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 4)) {
            status = run_test(session, &field, err);
        }
    }
    ps_buffer_done(&request);
    ps_buffer_done(&answer);
    ps_buffer_done(&names);
    return status;
}

static void tell_schema(struct session *session)
{
    const struct roster *roster = &session->roster;
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    if (!roster->answered) {
        ps_buffer_puts(&text, "not supported: tables, columns and types follow from the records");
    } else {
        ps_buffer_printf(&text, "%zu table%s %s", roster->count, roster->count == 1 ? "" : "s",
                         roster->with_schema ? "in schemas" : "without schema");
    }
    session_tell(session, &(struct ps_tester_event){.kind = PS_TESTER_SCHEMA,
                                                    .text = ps_buffer_text(&text)});
    ps_buffer_done(&text);
}

static enum ps_status run_schema(struct session *session, struct ps_error *err)
{
    struct ps_buffer request, answer;
    ps_buffer_init(&request, 0);
    ps_buffer_init(&answer, ANSWER_BYTES_MAX);
    session_put_configuration(session, &request, 1);
    enum ps_status status = call(session, "Schema", &request, &answer, err);
    if (status == PS_OK) {
        status = declare_answer(&session->roster, (const uint8_t *)ps_buffer_text(&answer),
                                answer.size, err);
    }
    if (status == PS_OK) {
        tell_schema(session);
    }
    ps_buffer_done(&request);
    ps_buffer_done(&answer);
    return status;
}

enum ps_status session_setup(struct session *session, struct ps_error *err)
{
    enum ps_status status = run_form(session, err);
    return status == PS_OK ? run_schema(session, err) : status;
}
