/*
 * Writing the wire form of Protocol Buffers forward, into memory whose size is known: what the
 * encoder of records does for each value. Not for: messages in general (base/protobuf.h).
 */
#ifndef PS_SINKS_STREAM_WIRE_H
#define PS_SINKS_STREAM_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A whole run of this many bytes is copied at once where fewer are meant: so much room must be
 * left behind every place that is written to. */
#define WIRE_SLACK 16u

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

/* A message of `size` bytes with its tag (of one byte) and length. */
static inline size_t wire_framed_size(size_t size)
{
    return 1 + wire_varint_size(size) + size;
}

/* Reads nothing beyond the bytes, writes nothing beyond their place. */
static inline uint8_t *wire_bytes(uint8_t *at, const uint8_t *bytes, size_t size)
{
    if (size > 32) {
        memcpy(at, bytes, size);
    } else if (size >= 16) {
        memcpy(at, bytes, 16);
        memcpy(at + size - 16, bytes + size - 16, 16);
    } else if (size >= 8) {
        memcpy(at, bytes, 8);
        memcpy(at + size - 8, bytes + size - 8, 8);
    } else if (size >= 4) {
        memcpy(at, bytes, 4);
        memcpy(at + size - 4, bytes + size - 4, 4);
    } else if (size > 0) {
        at[0] = bytes[0];
        at[size / 2] = bytes[size / 2];
        at[size - 1] = bytes[size - 1];
    }
    return at + size;
}

/* The same from memory that is WIRE_SLACK longer, into such memory. */
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
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
    at[2] = (uint8_t)(value >> 16);
    at[3] = (uint8_t)(value >> 24);
    return at + 4;
}

static inline uint8_t *wire_fixed64(uint8_t *at, uint64_t value)
{
    return wire_fixed32(wire_fixed32(at, (uint32_t)value), (uint32_t)(value >> 32));
}

#endif
