/*
 * The wire form of Protocol Buffers: reads field by field, writes field by field (base/protobuf.h).
 * Numbers are little-endian on the wire, whatever the machine.
 */
#include "base/protobuf.h"

#include <assert.h>
#include <string.h>

#define VARINT_SIZE_MAX 10u
#define FIELD_MAX ((UINT32_C(1) << 29) - 1)

static bool reader_fail(struct ps_pb_reader *reader)
{
    reader->failed = true;
    reader->at = reader->end;
    return false;
}

/* The tenth byte holds the 64th bit alone; a varint that says more is no number of this format. */
static bool reader_varint(struct ps_pb_reader *reader, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_SIZE_MAX; i++) {
        if (reader->at == reader->end) {
            return reader_fail(reader);
        }
        uint8_t byte = *reader->at++;
        if (i == VARINT_SIZE_MAX - 1 && byte > 1) {
            return reader_fail(reader);
        }
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return reader_fail(reader);
}

static bool reader_fixed(struct ps_pb_reader *reader, unsigned size, uint64_t *ret_value)
{
    if ((size_t)(reader->end - reader->at) < size) {
        return reader_fail(reader);
    }
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)reader->at[i] << (8 * i);
    }
    reader->at += size;
    *ret_value = value;
    return true;
}

static bool reader_bytes(struct ps_pb_reader *reader, struct ps_pb_field *field)
{
    uint64_t size = 0;
    if (!reader_varint(reader, &size)) {
        return false;
    }
    if (size > (size_t)(reader->end - reader->at)) {
        return reader_fail(reader);
    }
    field->bytes = reader->at;
    field->size = (size_t)size;
    reader->at += size;
    return true;
}

bool ps_pb_next_any(struct ps_pb_reader *reader, struct ps_pb_field *ret_field)
{
    if (reader->failed || reader->at == reader->end) {
        return false;
    }
    uint64_t tag = 0;
    if (!reader_varint(reader, &tag)) {
        return false;
    }
    uint64_t number = tag >> 3;
    if (number == 0 || number > FIELD_MAX) {
        return reader_fail(reader);
    }
    struct ps_pb_field field = {.number = (uint32_t)number, .wire = (enum ps_pb_wire)(tag & 7)};
    bool complete = false;
    switch (field.wire) {
    case PS_PB_VARINT:
        complete = reader_varint(reader, &field.integer);
        break;
    case PS_PB_FIXED64:
        complete = reader_fixed(reader, 8, &field.integer);
        break;
    case PS_PB_BYTES:
        complete = reader_bytes(reader, &field);
        break;
    case PS_PB_FIXED32:
        complete = reader_fixed(reader, 4, &field.integer);
        break;
    default: /* Groups, which proto3 does not have, and numbers without a meaning. */
        return reader_fail(reader);
    }
    if (complete) {
        *ret_field = field;
    }
    return complete;
}

static size_t varint_encode(uint64_t value, uint8_t bytes[static VARINT_SIZE_MAX])
{
    size_t size = 0;
    while (value > 0x7f) {
        bytes[size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (uint8_t)value;
    return size;
}

static void put_raw_varint(struct ps_buffer *out, uint64_t value)
{
    uint8_t bytes[VARINT_SIZE_MAX];
    ps_buffer_append(out, bytes, varint_encode(value, bytes));
}

static void put_tag(struct ps_buffer *out, uint32_t field, enum ps_pb_wire wire)
{
    assert(field > 0 && field <= FIELD_MAX);
    put_raw_varint(out, (uint64_t)field << 3 | wire);
}

static void put_fixed(struct ps_buffer *out, uint64_t value, unsigned size)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(value >> (8 * i));
    }
    ps_buffer_append(out, bytes, size);
}

void ps_pb_put_varint(struct ps_buffer *out, uint32_t field, uint64_t value)
{
    put_tag(out, field, PS_PB_VARINT);
    put_raw_varint(out, value);
}

void ps_pb_put_bool(struct ps_buffer *out, uint32_t field, bool value)
{
    ps_pb_put_varint(out, field, value ? 1 : 0);
}

void ps_pb_put_int(struct ps_buffer *out, uint32_t field, int64_t value)
{
    ps_pb_put_varint(out, field, (uint64_t)value);
}

void ps_pb_put_float(struct ps_buffer *out, uint32_t field, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_tag(out, field, PS_PB_FIXED32);
    put_fixed(out, bits, 4);
}

void ps_pb_put_double(struct ps_buffer *out, uint32_t field, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof(bits));
    put_tag(out, field, PS_PB_FIXED64);
    put_fixed(out, bits, 8);
}

void ps_pb_put_bytes(struct ps_buffer *out, uint32_t field, const void *bytes, size_t size)
{
    put_tag(out, field, PS_PB_BYTES);
    put_raw_varint(out, size);
    ps_buffer_append(out, bytes, size);
}

void ps_pb_put_text(struct ps_buffer *out, uint32_t field, const char *text)
{
    ps_pb_put_bytes(out, field, text, strlen(text));
}

size_t ps_pb_open(struct ps_buffer *out, uint32_t field)
{
    put_tag(out, field, PS_PB_BYTES);
    /* Most messages are shorter than 128 bytes: one byte is kept for the length. */
    ps_buffer_putc(out, '\0');
    return out->size;
}

void ps_pb_close(struct ps_buffer *out, size_t mark)
{
    if (!ps_buffer_ok(out)) {
        return;
    }
    assert(mark > 0 && mark <= out->size);
    size_t size = out->size - mark;
    uint8_t length[VARINT_SIZE_MAX];
    size_t length_size = varint_encode(size, length);
    if (length_size > 1) {
        /* The length takes more than the byte kept for it: the content moves up. */
        ps_buffer_append(out, length, length_size - 1);
        if (!ps_buffer_ok(out)) {
            return;
        }
        memmove(out->data + mark + length_size - 1, out->data + mark, size);
    }
    memcpy(out->data + mark - 1, length, length_size);
}
