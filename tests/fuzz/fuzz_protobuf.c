/*
 * Fuzzes the reader of Protocol Buffers: whatever bytes it is given, each field lies inside them,
 * and what was read is written as bytes that read the same. Build with -fsanitize=fuzzer, or with
 * replay.c to run single files.
 */
#include <stdlib.h>
#include <string.h>

#include "base/protobuf.h"

#define DEPTH_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void copy_field(struct ps_buffer *out, const struct ps_pb_field *field)
{
    if (field->wire == PS_PB_VARINT) {
        ps_pb_put_varint(out, field->number, field->integer);
    } else if (field->wire == PS_PB_FIXED64) {
        double value;
        memcpy(&value, &field->integer, sizeof(value));
        ps_pb_put_double(out, field->number, value);
    } else if (field->wire == PS_PB_FIXED32) {
        float value;
        uint32_t bits = (uint32_t)field->integer;
        memcpy(&value, &bits, sizeof(value));
        ps_pb_put_float(out, field->number, value);
    } else {
        require(field->wire == PS_PB_BYTES);
        size_t mark = ps_pb_open(out, field->number);
        ps_buffer_append(out, field->bytes, field->size);
        ps_pb_close(out, mark);
    }
}

/* Reads fields as messages in turn, as deep as they go. */
static void descend(const uint8_t *bytes, size_t size, int depth)
{
    struct ps_buffer out = {0};
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field, again;
    while (ps_pb_next(&reader, &field)) {
        require(field.number > 0);
        if (field.wire == PS_PB_BYTES) {
            require(field.bytes >= bytes && field.size <= (size_t)(bytes + size - field.bytes));
            if (depth < DEPTH_MAX) {
                descend(field.bytes, field.size, depth + 1);
            }
        }
        ps_buffer_clear(&out);
        copy_field(&out, &field);
        struct ps_pb_reader copy = ps_pb_reader_of(out.data, out.size);
        require(ps_pb_next(&copy, &again) && copy.at == copy.end);
        require(again.number == field.number && again.wire == field.wire);
        require(again.integer == field.integer && again.size == field.size);
        require(field.size == 0 || memcmp(again.bytes, field.bytes, field.size) == 0);
    }
    ps_buffer_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    descend(bytes, size, 0);
    return 0;
}
