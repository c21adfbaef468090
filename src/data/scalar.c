/*
 * Typed scalars for cursors: comparing them, and their canonical text (penstock/value.h).
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "penstock/batch.h"
#include "penstock/value.h"

bool ps_scalar_type_supported(enum ps_type type)
{
    return type == PS_TYPE_SHORT || type == PS_TYPE_INT || type == PS_TYPE_LONG ||
           type == PS_TYPE_DECIMAL || type == PS_TYPE_NAIVE_DATE ||
           type == PS_TYPE_NAIVE_DATETIME || type == PS_TYPE_UTC_DATETIME || type == PS_TYPE_BINARY;
}

static bool is_time(enum ps_type type)
{
    return type == PS_TYPE_NAIVE_DATETIME || type == PS_TYPE_UTC_DATETIME;
}

int ps_scalar_compare(const struct ps_scalar *a, const struct ps_scalar *b)
{
    assert(a->present && b->present && a->type == b->type);
    assert(a->type != PS_TYPE_DECIMAL || a->scale == b->scale);
    if (is_time(a->type)) {
        return ps_timestamp_compare(a->time, b->time);
    }
    return (a->integer > b->integer) - (a->integer < b->integer);
}

size_t ps_scalar_format(const struct ps_scalar *value, char out[PS_VALUE_TEXT_SIZE])
{
    if (!value->present) {
        out[0] = '\0';
        return 0;
    }
    assert(ps_scalar_type_supported(value->type));
    if (is_time(value->type)) {
        return ps_timestamp_format(value->time, value->type == PS_TYPE_UTC_DATETIME, out);
    }
    if (value->type == PS_TYPE_NAIVE_DATE) {
        return ps_date_format((int32_t)value->integer, out);
    }
    if (value->type == PS_TYPE_BINARY) {
        return (size_t)snprintf(out, PS_VALUE_TEXT_SIZE, "0x%016" PRIX64, (uint64_t)value->integer);
    }
    return ps_decimal_format(value->integer, value->type == PS_TYPE_DECIMAL ? value->scale : 0,
                             out);
}

/* "0x" and two digits for each byte. */
static bool parse_bytes(const char *text, size_t size, ps_int128 *ret_value)
{
    ps_int128 value = 0;
    if (size != 2 + 2 * PS_COUNTER_BYTES || text[0] != '0' || text[1] != 'x') {
        return false;
    }
    for (size_t i = 2; i < size; i++) {
        char digit = text[i];
        bool letter = (digit >= 'a' && digit <= 'f') || (digit >= 'A' && digit <= 'F');
        if (!letter && (digit < '0' || digit > '9')) {
            return false;
        }
        value = value * 16 + (letter ? (digit | 0x20) - 'a' + 10 : digit - '0');
    }
    *ret_value = value;
    return true;
}

/* A "-" at most and digits, inside the type's range. */
static bool parse_integer(const char *text, size_t size, enum ps_type type, ps_int128 *ret_value)
{
    int64_t least = type == PS_TYPE_SHORT ? INT16_MIN : type == PS_TYPE_INT ? INT32_MIN : INT64_MIN;
    int64_t most = type == PS_TYPE_SHORT ? INT16_MAX : type == PS_TYPE_INT ? INT32_MAX : INT64_MAX;
    for (size_t i = 0; i < size; i++) {
        if ((text[i] < '0' || text[i] > '9') && (text[i] != '-' || i != 0)) {
            return false;
        }
    }
    ps_int128 value;
    if (!ps_decimal_parse(text, size, 0, &value) || value < least || value > most) {
        return false;
    }
    *ret_value = value;
    return true;
}

bool ps_scalar_parse(const char *text, size_t size, enum ps_type type, uint8_t scale,
                     struct ps_scalar *ret_value)
{
    struct ps_scalar value = {.type = type, .present = true};
    bool fits = false, had_zone;
    int32_t days;
    switch (type) {
    case PS_TYPE_SHORT:
    case PS_TYPE_INT:
    case PS_TYPE_LONG:
        fits = parse_integer(text, size, type, &value.integer);
        break;
    case PS_TYPE_DECIMAL:
        value.scale = scale;
        fits = ps_decimal_parse(text, size, scale, &value.integer);
        break;
    case PS_TYPE_BINARY:
        fits = parse_bytes(text, size, &value.integer);
        break;
    case PS_TYPE_NAIVE_DATE:
        fits = ps_date_parse(text, size, &days);
        value.integer = fits ? days : 0;
        break;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        /* A time on a wall clock has no zone; an instant without one could be any of 24. */
        fits = ps_timestamp_parse(text, size, &value.time, &had_zone) &&
               had_zone == (type == PS_TYPE_UTC_DATETIME);
        break;
    default:
        break;
    }
    if (fits) {
        *ret_value = value;
    }
    return fits;
}

static ps_int128 counter_of(const struct ps_vector *vector, uint32_t row)
{
    size_t size;
    const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
    uint64_t value = 0;
    assert(size == PS_COUNTER_BYTES);
    for (size_t i = 0; i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return (ps_int128)value;
}

struct ps_scalar ps_vector_scalar(const struct ps_vector *vector, uint32_t row)
{
    struct ps_scalar value = {
        .type = vector->type, .scale = vector->scale, .present = ps_vector_is_valid(vector, row)};
    if (!value.present) {
        return value;
    }
    switch (vector->type) {
    case PS_TYPE_SHORT:
        value.integer = ((const int16_t *)vector->values)[row];
        break;
    case PS_TYPE_INT:
    case PS_TYPE_NAIVE_DATE:
        value.integer = ((const int32_t *)vector->values)[row];
        break;
    case PS_TYPE_LONG:
        value.integer = ((const int64_t *)vector->values)[row];
        break;
    case PS_TYPE_DECIMAL:
        value.integer = ((const ps_int128 *)vector->values)[row];
        break;
    case PS_TYPE_BINARY:
        value.integer = counter_of(vector, row);
        break;
    default:
        assert(is_time(vector->type));
        value.time = ((const struct ps_timestamp *)vector->values)[row];
        break;
    }
    return value;
}
