/*
 * The wire form of Protocol Buffers, as far as messages of the Partner SDK need it: a reader that
 * never leaves its bytes, and a writer for small messages. Not for: records in bulk, which
 * sinks/stream/ encodes by itself. Format: protobuf.dev, "Encoding".
 */
#ifndef PS_BASE_PROTOBUF_H
#define PS_BASE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum ps_pb_wire { PS_PB_VARINT = 0, PS_PB_FIXED64 = 1, PS_PB_BYTES = 2, PS_PB_FIXED32 = 5 };

/* Reads one message. `failed` sticks: truncated, an overlong varint, field number 0, a group. */
struct ps_pb_reader {
    const uint8_t *at, *end;
    bool failed;
};

/* One field; `bytes` points into the message. */
struct ps_pb_field {
    uint32_t number;
    enum ps_pb_wire wire;
    uint64_t integer;     /* VARINT, FIXED64, FIXED32 */
    const uint8_t *bytes; /* BYTES */
    size_t size;
};

static inline struct ps_pb_reader ps_pb_reader_of(const void *bytes, size_t size)
{
    return (struct ps_pb_reader){(const uint8_t *)bytes, (const uint8_t *)bytes + size, false};
}
/* What ps_pb_next does for all fields but the most common ones. */
bool ps_pb_next_any(struct ps_pb_reader *reader, struct ps_pb_field *ret_field);
/* The next field; false at the end, and where the bytes are no message (`failed` tells). */
static inline bool ps_pb_next(struct ps_pb_reader *reader, struct ps_pb_field *ret_field)
{
    const uint8_t *at = reader->at;
    /* As nearly all fields of a row are: bytes, their tag and their length in one byte each. */
    if (!reader->failed && reader->end - at >= 2 && at[0] >= 8 && (at[0] & 0x87) == PS_PB_BYTES &&
        at[1] < 0x80 && at[1] <= reader->end - at - 2) {
        *ret_field = (struct ps_pb_field){
            .number = at[0] >> 3, .wire = PS_PB_BYTES, .bytes = at + 2, .size = at[1]};
        reader->at = at + 2 + at[1];
        return true;
    }
    return ps_pb_next_any(reader, ret_field);
}

/*
 * The writer appends to a buffer, whose failure sticks. Every put writes the field, also when its
 * value is 0 or empty: members of a oneof and optional fields have presence. Callers leave out what
 * has none.
 */
void ps_pb_put_varint(struct ps_buffer *out, uint32_t field, uint64_t value);
void ps_pb_put_bool(struct ps_buffer *out, uint32_t field, bool value);
/* int32 and int64: a negative value takes ten bytes, as the format wants it. */
void ps_pb_put_int(struct ps_buffer *out, uint32_t field, int64_t value);
void ps_pb_put_float(struct ps_buffer *out, uint32_t field, float value);
void ps_pb_put_double(struct ps_buffer *out, uint32_t field, double value);
void ps_pb_put_bytes(struct ps_buffer *out, uint32_t field, const void *bytes, size_t size);
void ps_pb_put_text(struct ps_buffer *out, uint32_t field, const char *text);
/*
 * A nested message: everything put between the two calls belongs to it. `ps_pb_open` gives the mark
 * that `ps_pb_close` takes; they nest.
 */
size_t ps_pb_open(struct ps_buffer *out, uint32_t field);
void ps_pb_close(struct ps_buffer *out, size_t mark);

#endif
