/*
 * Writing the wire form of Protocol Buffers forward, into memory whose size is known: what the
 * encoder of records does for each value. Not for: messages in general (base/protobuf.h).
 */
#ifndef PS_SINKS_STREAM_WIRE_H
#define PS_SINKS_STREAM_WIRE_H

#include <endian.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A whole run of this many bytes is copied at once where fewer are meant: so much room must be
 * left behind every place that is written to. */
#define WIRE_SLACK 32u
/* Of a length: of what is written here, none is larger than 32 bits. */
#define WIRE_VARINT_MAX 5u

/* The bytes of a varint: one for every seven bits, and one for 0. */
static inline size_t wire_varint_size(uint64_t value)
{
    unsigned bits = 63u - (unsigned)__builtin_clzll(value | 1);
    return (bits * 9 + 73) / 64;
}

static inline uint8_t *wire_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* Bytes from memory that is WIRE_SLACK longer, into such memory. */
static inline uint8_t *wire_padded(uint8_t *at, const uint8_t *bytes, size_t size)
{
    memcpy(at, bytes, WIRE_SLACK);
    if (size > WIRE_SLACK) {
        memcpy(at + WIRE_SLACK, bytes + WIRE_SLACK, size - WIRE_SLACK);
    }
    return at + size;
}

static inline uint8_t *wire_fixed32(uint8_t *at, uint32_t value)
{
    value = htole32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static inline uint8_t *wire_fixed64(uint8_t *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

/*
 * A varint into memory that is WIRE_SLACK longer: groups of seven bits are moved to their bytes at
 * once, because the sizes of numbers are hard to foretell for a processor.
 */
static inline uint8_t *wire_varint_padded(uint8_t *at, uint64_t value)
{
    if (value >> 56 != 0) {
        return wire_varint(at, value);
    }
    size_t size = wire_varint_size(value);
    uint64_t more = (uint64_t)0x80808080808080 & ((UINT64_C(1) << (8 * size - 8)) - 1);
    value = (value & 0xfffffff) | (value & 0xfffffff0000000) << 4;
    value = (value & 0x3fff00003fff) | (value & 0xfffc0000fffc000) << 2;
    value = (value & 0x7f007f007f007f) | (value & 0x3f803f803f803f80) << 1;
    (void)wire_fixed64(at, value | more);
    return at + size;
}

#endif
