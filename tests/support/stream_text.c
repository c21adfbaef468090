/*
 * Decoding for tests; see stream_text.h. Numbers: proto/connector_sdk.proto, common.proto.
 */
#include "support/stream_text.h"

#include <string.h>

#include "base/protobuf.h"
#include "penstock/schema.h"
#include "support/unit.h"

static void put_field(struct ps_buffer *out, const struct ps_pb_field *field)
{
    assert_int_equal(field->wire, PS_PB_BYTES);
    ps_buffer_append(out, field->bytes, field->size);
}

static void put_timestamp(struct ps_buffer *out, const struct ps_pb_field *inner)
{
    struct ps_pb_reader reader = ps_pb_reader_of(inner->bytes, inner->size);
    struct ps_pb_field field;
    int64_t seconds = 0, nanos = 0;
    assert_int_equal(inner->wire, PS_PB_BYTES);
    while (ps_pb_next(&reader, &field)) {
        assert_int_equal(field.wire, PS_PB_VARINT);
        assert_in_range(field.number, 1, 2);
        *(field.number == 1 ? &seconds : &nanos) = (int64_t)field.integer;
    }
    assert_false(reader.failed);
    ps_buffer_printf(out, "%lld.%lld", (long long)seconds, (long long)nanos);
}

static void put_number(struct ps_buffer *out, const struct ps_pb_field *field)
{
    float narrow;
    double wide;
    uint32_t bits = (uint32_t)field->integer;
    if (field->number == 6) {
        assert_int_equal(field->wire, PS_PB_FIXED32);
        memcpy(&narrow, &bits, sizeof(narrow));
        ps_buffer_printf(out, "%.9g", (double)narrow);
    } else if (field->number == 7) {
        assert_int_equal(field->wire, PS_PB_FIXED64);
        memcpy(&wide, &field->integer, sizeof(wide));
        ps_buffer_printf(out, "%.17g", wide);
    } else {
        assert_int_equal(field->wire, PS_PB_VARINT);
        ps_buffer_printf(out, "%lld", (long long)field->integer);
    }
}

static void put_value(struct ps_buffer *out, const struct ps_pb_field *value)
{
    static const char *const names[] = {"",           "null",           "bool",         "short",
                                        "int",        "long",           "float",        "double",
                                        "naive_date", "naive_datetime", "utc_datetime", "decimal",
                                        "binary",     "string",         "json",         "xml"};
    struct ps_pb_reader reader = ps_pb_reader_of(value->bytes, value->size);
    struct ps_pb_field field;
    assert_true(ps_pb_next(&reader, &field));
    assert_in_range(field.number, 1, 15);
    ps_buffer_puts(out, names[field.number]);
    if (field.number == 1) {
        assert_int_equal(field.wire, PS_PB_VARINT);
        assert_int_equal(field.integer, 1);
    } else {
        ps_buffer_putc(out, ':');
        if (field.number <= 7) {
            put_number(out, &field);
        } else if (field.number <= 10) {
            put_timestamp(out, &field);
        } else if (field.number == 12) {
            assert_int_equal(field.wire, PS_PB_BYTES);
            for (size_t i = 0; i < field.size; i++) {
                ps_buffer_printf(out, "%02x", field.bytes[i]);
            }
        } else {
            put_field(out, &field);
        }
    }
    assert_false(ps_pb_next(&reader, &field)); /* a oneof has one member */
    assert_false(reader.failed);
}

static void put_entry(struct ps_buffer *out, const struct ps_pb_field *entry)
{
    struct ps_pb_reader reader = ps_pb_reader_of(entry->bytes, entry->size);
    struct ps_pb_field key, value, more;
    assert_int_equal(entry->wire, PS_PB_BYTES);
    assert_true(ps_pb_next(&reader, &key) && ps_pb_next(&reader, &value));
    assert_int_equal(key.number, 1);
    assert_int_equal(value.number, 2);
    assert_int_equal(value.wire, PS_PB_BYTES);
    assert_false(ps_pb_next(&reader, &more));
    assert_false(reader.failed);
    ps_buffer_putc(out, ' ');
    put_field(out, &key);
    ps_buffer_putc(out, '=');
    put_value(out, &value);
}

static void put_record(struct ps_buffer *out, const struct ps_pb_field *record)
{
    static const char *const operations[] = {"UPSERT", "UPDATE", "DELETE", "TRUNCATE"};
    struct ps_pb_field schema = {0}, table = {0}, field;
    uint64_t type = 0;
    assert_int_equal(record->wire, PS_PB_BYTES);
    struct ps_pb_reader reader = ps_pb_reader_of(record->bytes, record->size);
    while (ps_pb_next(&reader, &field)) {
        assert_in_range(field.number, 1, 4);
        if (field.number == 1) {
            schema = field;
        } else if (field.number == 2) {
            table = field;
        } else if (field.number == 3) {
            type = field.integer;
            assert_in_range(type, 1, 3); /* 0 is left out */
        }
    }
    assert_false(reader.failed);
    ps_buffer_printf(out, "%s ", operations[type]);
    if (schema.number != 0) {
        ps_buffer_putc(out, '[');
        put_field(out, &schema);
        ps_buffer_putc(out, ']');
    }
    assert_int_equal(table.number, 2);
    put_field(out, &table);
    reader = ps_pb_reader_of(record->bytes, record->size);
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 4) {
            put_entry(out, &field);
        }
    }
    ps_buffer_putc(out, '\n');
}

static void put_records(struct ps_buffer *out, const struct ps_pb_field *records, size_t count)
{
    struct ps_pb_reader reader = ps_pb_reader_of(records->bytes, records->size);
    struct ps_pb_field field;
    ps_buffer_printf(out, "records %zu\n", count);
    while (ps_pb_next(&reader, &field)) {
        ps_buffer_puts(out, "  ");
        put_record(out, &field);
    }
}

static void put_params(struct ps_buffer *out, const struct ps_pb_field *params)
{
    struct ps_pb_reader reader = ps_pb_reader_of(params->bytes, params->size);
    struct ps_pb_field decimal, field;
    uint64_t precision = 0, scale = 0;
    assert_true(ps_pb_next(&reader, &decimal));
    assert_int_equal(decimal.number, 1);
    reader = ps_pb_reader_of(decimal.bytes, decimal.size);
    while (ps_pb_next(&reader, &field)) {
        assert_in_range(field.number, 1, 2);
        *(field.number == 1 ? &precision : &scale) = field.integer;
    }
    assert_false(reader.failed);
    ps_buffer_printf(out, "(%d,%d)", (int)precision, (int)scale);
}

static void put_column(struct ps_buffer *out, const struct ps_pb_field *column)
{
    struct ps_pb_field name = {0}, params = {0}, field;
    uint64_t type = 0;
    bool key = false;
    struct ps_pb_reader reader = ps_pb_reader_of(column->bytes, column->size);
    while (ps_pb_next(&reader, &field)) {
        assert_in_range(field.number, 1, 4);
        if (field.number == 1) {
            name = field;
        } else if (field.number == 2) {
            type = field.integer;
        } else if (field.number == 3) {
            key = field.integer != 0;
        } else {
            params = field;
        }
    }
    assert_false(reader.failed);
    put_field(out, &name);
    ps_buffer_printf(out, " %s", ps_type_name((enum ps_type)type));
    if (params.number != 0) {
        put_params(out, &params);
    }
    ps_buffer_puts(out, key ? " key" : "");
}

static void put_table(struct ps_buffer *out, const struct ps_pb_field *table)
{
    struct ps_pb_reader reader = ps_pb_reader_of(table->bytes, table->size);
    struct ps_pb_field field;
    const char *before = " ";
    assert_true(ps_pb_next(&reader, &field));
    assert_int_equal(field.number, 1);
    put_field(out, &field);
    while (ps_pb_next(&reader, &field)) {
        assert_int_equal(field.number, 2);
        ps_buffer_puts(out, before);
        put_column(out, &field);
        before = ", ";
    }
    assert_false(reader.failed);
    ps_buffer_putc(out, '\n');
}

/* One table, as the sink sends them. */
static void put_schema_change(struct ps_buffer *out, const struct ps_pb_field *change)
{
    struct ps_pb_reader reader = ps_pb_reader_of(change->bytes, change->size);
    struct ps_pb_field list, item, field;
    ps_buffer_puts(out, "schema_change ");
    assert_true(ps_pb_next(&reader, &list));
    assert_in_range(list.number, 1, 2);
    reader = ps_pb_reader_of(list.bytes, list.size);
    assert_true(ps_pb_next(&reader, &item));
    assert_int_equal(item.number, 1);
    if (list.number == 2) {
        put_table(out, &item);
        return;
    }
    struct ps_pb_field name = {.wire = PS_PB_BYTES};
    reader = ps_pb_reader_of(item.bytes, item.size);
    while (ps_pb_next(&reader, &field) && field.number == 1) {
        name = field;
    }
    ps_buffer_putc(out, '[');
    put_field(out, &name);
    ps_buffer_putc(out, ']');
    assert_int_equal(field.number, 2);
    put_table(out, &field);
}

static void put_text(struct ps_buffer *out, const char *kind, const struct ps_pb_field *message)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message->bytes, message->size);
    struct ps_pb_field field;
    ps_buffer_printf(out, "%s ", kind);
    if (ps_pb_next(&reader, &field)) {
        assert_int_equal(field.number, 1);
        put_field(out, &field);
    }
    assert_false(reader.failed);
    ps_buffer_putc(out, '\n');
}

static struct ps_pb_field response_of(const void *message, size_t size)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message, size);
    struct ps_pb_field response, more;
    assert_true(ps_pb_next(&reader, &response));
    assert_int_equal(response.wire, PS_PB_BYTES);
    assert_false(ps_pb_next(&reader, &more));
    assert_false(reader.failed);
    return response;
}

size_t stream_text_records(const void *message, size_t size)
{
    struct ps_pb_field response = response_of(message, size), record;
    size_t count = 0;
    if (response.number != 6) {
        return response.number == 1;
    }
    struct ps_pb_reader reader = ps_pb_reader_of(response.bytes, response.size);
    while (ps_pb_next(&reader, &record)) {
        assert_int_equal(record.number, 1);
        count++;
    }
    assert_false(reader.failed);
    assert_in_range(count, 1, 100);
    return count;
}

void stream_text(struct ps_buffer *out, const void *message, size_t size)
{
    struct ps_pb_field response = response_of(message, size);
    switch (response.number) {
    case 1:
        ps_buffer_puts(out, "record ");
        put_record(out, &response);
        break;
    case 2:
        put_schema_change(out, &response);
        break;
    case 3:
        put_text(out, "checkpoint", &response);
        break;
    case 4:
        put_text(out, "warning", &response);
        break;
    case 5:
        put_text(out, "task", &response);
        break;
    default:
        assert_int_equal(response.number, 6);
        put_records(out, &response, stream_text_records(message, size));
        break;
    }
}
