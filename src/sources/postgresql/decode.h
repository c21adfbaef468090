/*
 * From the bytes of one field of a binary COPY to one value in a batch. A decoder checks the
 * field's size itself and never reads past it. Not for: NULLs and framing (reader.c).
 */
#ifndef PS_SOURCES_POSTGRESQL_DECODE_H
#define PS_SOURCES_POSTGRESQL_DECODE_H

#include "penstock/batch.h"

struct type_field;

/*
 * Puts the value into the column. NULL: done. decode_nomem and decode_malformed: no memory, and
 * bytes that are not what the type promises. Any other text: why the row cannot be carried.
 */
typedef const char *(*decode_function)(const struct type_field *field, const uint8_t *bytes,
                                       uint32_t size, struct ps_batch *batch, uint32_t column);

extern const char decode_nomem[];
extern const char decode_malformed[];

const char *decode_bool(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_int2(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_int4(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_int8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_float4(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column);
const char *decode_float8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column);
const char *decode_date(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_timestamp(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column);
const char *decode_uuid(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
/* Bytes as they are: bytea, and text of a database whose encoding the server holds. */
const char *decode_bytes(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                         struct ps_batch *batch, uint32_t column);
/* Text of a database without an encoding. */
const char *decode_text_checked(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                                struct ps_batch *batch, uint32_t column);
const char *decode_jsonb(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                         struct ps_batch *batch, uint32_t column);

/* numeric.c */
const char *decode_decimal(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                           struct ps_batch *batch, uint32_t column);
const char *decode_numeric_text(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                                struct ps_batch *batch, uint32_t column);
/* Without zeros at the end: numbers that are equal have one text, as keys that are texts need it.
 */
const char *decode_numeric_key(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                               struct ps_batch *batch, uint32_t column);

/* Big-endian reads; the caller has checked the size. */
static inline uint16_t decode_u16(const uint8_t *bytes)
{
    uint16_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap16(value);
}
static inline uint32_t decode_u32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap32(value);
}
static inline uint64_t decode_u64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return __builtin_bswap64(value);
}

#endif
