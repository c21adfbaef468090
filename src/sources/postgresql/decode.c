/* Decoders of the fixed-width types, texts and bytes; other kinds have files of their own. */
#include "sources/postgresql/decode.h"

#include <stdio.h>
#include <stdlib.h>

#include "sources/postgresql/types.h"

const char decode_nomem[] = "out of memory";
const char decode_too_large[] = "the value is larger than max_value_bytes";
const char decode_malformed[] = "malformed field";

/* The server counts from 2000-01-01. */
#define EPOCH_DAYS 10957
#define EPOCH_SECONDS INT64_C(946684800)
#define MICROS INT64_C(1000000)
#define MICROS_MIN ((PS_TIMESTAMP_SECONDS_MIN - EPOCH_SECONDS) * MICROS)
#define MICROS_MAX ((PS_TIMESTAMP_SECONDS_MAX - EPOCH_SECONDS) * MICROS + MICROS - 1)

const char *decode_bool(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 1) {
        return decode_malformed;
    }
    ps_batch_put_bool(batch, column, bytes[0] != 0);
    return NULL;
}

const char *decode_int2(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 2) {
        return decode_malformed;
    }
    ps_batch_put_short(batch, column, (int16_t)decode_u16(bytes));
    return NULL;
}

const char *decode_int4(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 4) {
        return decode_malformed;
    }
    ps_batch_put_int(batch, column, (int32_t)decode_u32(bytes));
    return NULL;
}

const char *decode_int8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 8) {
        return decode_malformed;
    }
    ps_batch_put_long(batch, column, (int64_t)decode_u64(bytes));
    return NULL;
}

const char *decode_oid(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                       struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 4) {
        return decode_malformed;
    }
    ps_batch_put_long(batch, column, (int64_t)decode_u32(bytes));
    return NULL;
}

const char *decode_xid8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 8) {
        return decode_malformed;
    }
    ps_batch_put_decimal(batch, column, (ps_int128)decode_u64(bytes));
    return NULL;
}

const char *decode_xid8_text(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column)
{
    (void)field;
    char text[PS_VALUE_TEXT_SIZE];
    if (size != 8) {
        return decode_malformed;
    }
    size_t length = ps_decimal_format((ps_int128)decode_u64(bytes), 0, text);
    return ps_batch_put_bytes(batch, column, text, length) ? NULL : decode_nomem;
}

const char *decode_float4(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 4) {
        return decode_malformed;
    }
    uint32_t bits = decode_u32(bytes);
    float value;
    memcpy(&value, &bits, sizeof value);
    ps_batch_put_float(batch, column, value);
    return NULL;
}

const char *decode_float8(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 8) {
        return decode_malformed;
    }
    uint64_t bits = decode_u64(bytes);
    double value;
    memcpy(&value, &bits, sizeof value);
    ps_batch_put_double(batch, column, value);
    return NULL;
}

const char *decode_date(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 4) {
        return decode_malformed;
    }
    int32_t days = (int32_t)decode_u32(bytes);
    if (days == INT32_MAX || days == INT32_MIN) {
        return "the date is infinite";
    }
    if (days < PS_DATE_DAYS_MIN - EPOCH_DAYS) {
        return "the date is before year 1";
    }
    if (days > PS_DATE_DAYS_MAX - EPOCH_DAYS) {
        return "the date is after year 9999";
    }
    ps_batch_put_date(batch, column, days + EPOCH_DAYS);
    return NULL;
}

const char *decode_timestamp(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 8) {
        return decode_malformed;
    }
    int64_t micros = (int64_t)decode_u64(bytes);
    if (micros == INT64_MAX || micros == INT64_MIN) {
        return "the timestamp is infinite";
    }
    if (micros < MICROS_MIN) {
        return "the timestamp is before year 1";
    }
    if (micros > MICROS_MAX) {
        return "the timestamp is after year 9999";
    }
    /* Counted from the first valid instant, so that the division rounds down everywhere. */
    uint64_t since = (uint64_t)(micros - MICROS_MIN);
    struct ps_timestamp value = {
        .seconds = (int64_t)(since / (uint64_t)MICROS) + PS_TIMESTAMP_SECONDS_MIN,
        .nanos = (int32_t)(since % (uint64_t)MICROS) * 1000,
    };
    ps_batch_put_timestamp(batch, column, value);
    return NULL;
}

/* Of a text that begins with a year as in ISO 8601, where 0 is 1 BC: the server's "0001… BC". */
static const char *put_with_era(struct ps_batch *batch, uint32_t column, const char *text)
{
    char out[PS_VALUE_TEXT_SIZE + 8];
    char *rest;
    long long year = strtoll(text, &rest, 10);
    int length = year > 0 ? snprintf(out, sizeof out, "%s", text)
                          : snprintf(out, sizeof out, "%04lld%s BC", 1 - year, rest);
    return ps_batch_put_bytes(batch, column, out, (size_t)length) ? NULL : decode_nomem;
}

static const char *put_infinity(struct ps_batch *batch, uint32_t column, bool negative)
{
    static const char text[] = "-infinity";
    const char *at = negative ? text : text + 1;
    return ps_batch_put_bytes(batch, column, at, strlen(at)) ? NULL : decode_nomem;
}

const char *decode_date_text(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                             struct ps_batch *batch, uint32_t column)
{
    (void)field;
    char text[PS_VALUE_TEXT_SIZE];
    if (size != 4) {
        return decode_malformed;
    }
    int32_t days = (int32_t)decode_u32(bytes);
    if (days == INT32_MAX || days == INT32_MIN) {
        return put_infinity(batch, column, days < 0);
    }
    if (days > INT32_MAX - EPOCH_DAYS) {
        return decode_malformed; /* beyond what the server takes */
    }
    (void)ps_date_format(days + EPOCH_DAYS, text);
    return put_with_era(batch, column, text);
}

const char *decode_timestamp_text(const struct type_field *field, const uint8_t *bytes,
                                  uint32_t size, struct ps_batch *batch, uint32_t column)
{
    char text[PS_VALUE_TEXT_SIZE];
    if (size != 8) {
        return decode_malformed;
    }
    int64_t micros = (int64_t)decode_u64(bytes);
    if (micros == INT64_MAX || micros == INT64_MIN) {
        return put_infinity(batch, column, micros < 0);
    }
    int64_t seconds = micros / MICROS, rest = micros % MICROS;
    if (rest < 0) {
        seconds--;
        rest += MICROS;
    }
    struct ps_timestamp value = {seconds + EPOCH_SECONDS, (int32_t)rest * 1000};
    (void)ps_timestamp_format(value, field->type == PS_TYPE_UTC_DATETIME, text);
    return put_with_era(batch, column, text);
}

void decode_uuid_text(const uint8_t bytes[16], char text[UUID_TEXT_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;
    for (size_t i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        text[at++] = digits[bytes[i] >> 4];
        text[at++] = digits[bytes[i] & 15];
    }
}

const char *decode_uuid(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 16) {
        return decode_malformed;
    }
    char text[UUID_TEXT_SIZE];
    decode_uuid_text(bytes, text);
    return ps_batch_put_bytes(batch, column, text, sizeof text) ? NULL : decode_nomem;
}

const char *decode_bytes(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                         struct ps_batch *batch, uint32_t column)
{
    (void)field;
    return ps_batch_put_bytes(batch, column, bytes, size) ? NULL : decode_nomem;
}

const char *decode_text_checked(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                                struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (!ps_utf8_valid(bytes, size)) {
        return "the text is not valid UTF-8";
    }
    return ps_batch_put_bytes(batch, column, bytes, size) ? NULL : decode_nomem;
}

const char *decode_jsonb(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                         struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size < 1 || bytes[0] != 1) {
        return decode_malformed; /* version 1 is the only one there has been */
    }
    return ps_batch_put_bytes(batch, column, bytes + 1, size - 1) ? NULL : decode_nomem;
}
