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
extern const char decode_too_large[]; /* a reason like any other */
extern const char decode_malformed[];

const char *decode_bool(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_int2(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_int4(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_int8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
/* Unsigned, so that it becomes a LONG. */
const char *decode_oid(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                       struct ps_batch *batch, uint32_t column);
/* Unsigned, of 64 bits, so that it becomes a DECIMAL of 20 digits. */
const char *decode_xid8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_xid8_text(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column);
const char *decode_float4(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column);
const char *decode_float8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column);
const char *decode_date(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_timestamp(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column);
/* The same as texts, which hold what the contract's types do not: infinities and far years. */
const char *decode_date_text(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column);
const char *decode_timestamp_text(const struct type_field *field, const uint8_t *bytes,
                                  uint32_t size, struct ps_batch *batch, uint32_t column);
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

/* decode_time.c */
const char *decode_time(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_timetz(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column);
const char *decode_interval(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                            struct ps_batch *batch, uint32_t column);

/* decode_network.c; inet and cidr, macaddr and macaddr8, bit and varbit have one form each. */
const char *decode_inet(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);
const char *decode_macaddr(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                           struct ps_batch *batch, uint32_t column);
const char *decode_bits(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column);

/* decode_array.c: arrays of field->element, as JSON. */
const char *decode_array(const struct type_field *field, const uint8_t *bytes, uint32_t size,
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

/*
 * The number's text at the end of the vector's bytes. `json`: words for what is no number are in
 * quotes.
 */
const char *decode_put_numeric(struct ps_vector *vector, const uint8_t *bytes, uint32_t size,
                               bool json);

#define UUID_TEXT_SIZE 36
/* The canonical form, without a NUL. */
void decode_uuid_text(const uint8_t bytes[16], char text[UUID_TEXT_SIZE]);

/* A piece of a value that is written bit by bit, see decode_text_end. False: no memory. */
PS_MUST_CHECK static inline bool decode_put(struct ps_vector *vector, const void *bytes,
                                            size_t size)
{
    if (!ps_vector_reserve(vector, size)) {
        return false;
    }
    memcpy(vector->bytes + vector->bytes_size, bytes, size);
    vector->bytes_size += (uint32_t)size;
    return true;
}

/*
 * Ends a value whose text was put at the vector's end, from `start` on; where there is a reason
 * against it, takes it off again. Gives the reason.
 */
static inline const char *decode_text_end(struct ps_batch *batch, uint32_t column, uint32_t start,
                                          const char *reason)
{
    struct ps_vector *vector = &batch->vectors[column];
    if (reason != NULL) {
        vector->bytes_size = start;
        return reason;
    }
    batch->bytes += vector->bytes_size - start;
    vector->offsets[batch->rows + 1] = vector->bytes_size;
    ps_vector_set_valid(vector, batch->rows);
    return NULL;
}

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
