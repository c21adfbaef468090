/*
 * Times of day and intervals, which the contract has no type for: from their binary form to the
 * text that the server's output functions give under DateStyle ISO and IntervalStyle postgres
 * (PostgreSQL, src/backend/utils/adt/datetime.c, EncodeTimeOnly and EncodeInterval).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "sources/postgresql/decode.h"
#include "sources/postgresql/types.h"

#define MICROS_SECOND 1000000
#define MICROS_MINUTE (INT64_C(60) * MICROS_SECOND)
#define MICROS_HOUR (60 * MICROS_MINUTE)
#define MICROS_DAY (24 * MICROS_HOUR)
/* 15:59:59 is the server's own limit. */
#define ZONE_SECONDS_MAX (16 * 3600)

static char *put_two(char *out, uint32_t value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
    return out + 2;
}

/* ".5": without zeros at the end, and nothing where there is no fraction. */
static char *put_fraction(char *out, uint32_t micros)
{
    if (micros == 0) {
        return out;
    }
    *out++ = '.';
    for (uint32_t unit = MICROS_SECOND / 10; micros != 0; unit /= 10) {
        *out++ = (char)('0' + micros / unit);
        micros %= unit;
    }
    return out;
}

/* ":mm:ss.ffffff", the part of a time that is below an hour. */
static char *put_below_hour(char *out, uint64_t micros)
{
    *out++ = ':';
    out = put_two(out, (uint32_t)(micros / MICROS_MINUTE));
    *out++ = ':';
    out = put_two(out, (uint32_t)(micros % MICROS_MINUTE / MICROS_SECOND));
    return put_fraction(out, (uint32_t)(micros % MICROS_SECOND));
}

static char *put_time(char *out, uint64_t micros)
{
    out = put_two(out, (uint32_t)(micros / MICROS_HOUR));
    return put_below_hour(out, micros % MICROS_HOUR);
}

/* The sign is that of ISO: positive in the east. */
static char *put_zone(char *out, int32_t seconds_west)
{
    uint32_t seconds = (uint32_t)abs(seconds_west);
    *out++ = seconds_west <= 0 ? '+' : '-';
    out = put_two(out, seconds / 3600);
    if (seconds % 3600 != 0) {
        *out++ = ':';
        out = put_two(out, seconds / 60 % 60);
    }
    if (seconds % 60 != 0) {
        *out++ = ':';
        out = put_two(out, seconds % 60);
    }
    return out;
}

static const char *put_text(struct ps_batch *batch, uint32_t column, const char *text,
                            const char *end)
{
    return ps_batch_put_bytes(batch, column, text, (size_t)(end - text)) ? NULL : decode_nomem;
}

const char *decode_time(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                        struct ps_batch *batch, uint32_t column)
{
    (void)field;
    uint64_t micros = size == 8 ? decode_u64(bytes) : UINT64_MAX;
    if (micros > MICROS_DAY) {
        return decode_malformed;
    }
    char text[24];
    return put_text(batch, column, text, put_time(text, micros));
}

const char *decode_timetz(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                          struct ps_batch *batch, uint32_t column)
{
    (void)field;
    uint64_t micros = size == 12 ? decode_u64(bytes) : UINT64_MAX;
    if (micros > MICROS_DAY) {
        return decode_malformed;
    }
    int32_t zone = (int32_t)decode_u32(bytes + 8);
    if (zone <= -ZONE_SECONDS_MAX || zone >= ZONE_SECONDS_MAX) {
        return decode_malformed;
    }
    char text[32];
    return put_text(batch, column, text, put_zone(put_time(text, micros), zone));
}

/* An interval's text as it grows: a part after a negative one shows its plus. */
struct interval_text {
    char text[128];
    size_t size;
    bool after_negative;
};

static void put_part(struct interval_text *text, int32_t value, const char *unit)
{
    if (value == 0) {
        return;
    }
    int written =
        snprintf(text->text + text->size, sizeof text->text - text->size, "%s%s%" PRId32 " %s%s",
                 text->size > 0 ? " " : "", text->after_negative && value > 0 ? "+" : "", value,
                 unit, value != 1 ? "s" : "");
    text->size += (size_t)written;
    text->after_negative = value < 0;
}

static void put_interval_time(struct interval_text *text, int64_t micros)
{
    if (micros == 0 && text->size > 0) {
        return;
    }
    uint64_t magnitude = micros < 0 ? -(uint64_t)micros : (uint64_t)micros;
    int written = snprintf(text->text + text->size, sizeof text->text - text->size,
                           "%s%s%02" PRIu64, text->size > 0 ? " " : "",
                           micros < 0             ? "-"
                           : text->after_negative ? "+"
                                                  : "",
                           magnitude / MICROS_HOUR);
    text->size += (size_t)written;
    char *end = put_below_hour(text->text + text->size, magnitude % MICROS_HOUR);
    text->size = (size_t)(end - text->text);
}

const char *decode_interval(const struct type_field *field, const uint8_t *bytes, uint32_t size,
                            struct ps_batch *batch, uint32_t column)
{
    (void)field;
    if (size != 16) {
        return decode_malformed;
    }
    int64_t micros = (int64_t)decode_u64(bytes);
    int32_t days = (int32_t)decode_u32(bytes + 8);
    int32_t months = (int32_t)decode_u32(bytes + 12);
    /* Since version 17 the extremes of all three together are the infinities. */
    if (micros == INT64_MAX && days == INT32_MAX && months == INT32_MAX) {
        return ps_batch_put_bytes(batch, column, "infinity", 8) ? NULL : decode_nomem;
    }
    if (micros == INT64_MIN && days == INT32_MIN && months == INT32_MIN) {
        return ps_batch_put_bytes(batch, column, "-infinity", 9) ? NULL : decode_nomem;
    }
    struct interval_text text = {.size = 0};
    put_part(&text, months / 12, "year");
    put_part(&text, months % 12, "mon");
    put_part(&text, days, "day");
    put_interval_time(&text, micros);
    return put_text(batch, column, text.text, text.text + text.size);
}
