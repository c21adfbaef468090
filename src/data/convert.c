/*
 * Conversions (data/convert.h): what each type's values are as text, and which numbers fit.
 */
#include "data/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"

static bool is_text(enum ps_type type)
{
    return type == PS_TYPE_STRING || type == PS_TYPE_UNSPECIFIED;
}

/* True where the source gives numbers of this column as text: no declared or too high a precision.
 */
static bool is_number_as_text(const struct ps_column *column)
{
    return is_text(column->type) && column->source_type != NULL &&
           strchr(column->source_type, '[') == NULL &&
           (strncasecmp(column->source_type, "numeric", 7) == 0 ||
            strncasecmp(column->source_type, "decimal", 7) == 0 ||
            strncasecmp(column->source_type, "number", 6) == 0);
}

static bool is_integer(enum ps_type type)
{
    return type == PS_TYPE_SHORT || type == PS_TYPE_INT || type == PS_TYPE_LONG;
}

const char *ps_convert_refusal(const struct ps_column *from, struct ps_type_exact to)
{
    const struct ps_type_exact own = {from->type, from->precision, from->scale};
    const struct ps_type_exact wider = ps_type_widen(own, to);
    if (to.type == PS_TYPE_STRING ||
        (wider.type == to.type && wider.precision == to.precision && wider.scale == to.scale)) {
        return NULL;
    }
    if (is_number_as_text(from)) {
        return is_integer(to.type) || to.type == PS_TYPE_DECIMAL
                   ? NULL
                   : "a number that is carried digit by digit can be a DECIMAL, a SHORT, INT or "
                     "LONG, or a STRING";
    }
    if (is_text(from->type)) {
        return to.type == PS_TYPE_JSON ? NULL : "not every text is such a value";
    }
    if (from->type == PS_TYPE_DECIMAL || is_integer(from->type)) {
        return "its values may have more digits than that";
    }
    if (from->type == PS_TYPE_FLOAT || from->type == PS_TYPE_DOUBLE) {
        return "a binary fraction would be rounded";
    }
    if (from->type == PS_TYPE_NAIVE_DATETIME || from->type == PS_TYPE_UTC_DATETIME) {
        return to.type == PS_TYPE_NAIVE_DATE ? "the time of day would be lost"
                                             : "a zone would have to be guessed or would be lost";
    }
    return "it can be kept as it is, or become a STRING";
}

/* snprintf with 17 digits is always enough for a double, 9 for a float. */
static size_t put_shortest(double value, int least, int most, bool single,
                           char out[PS_VALUE_TEXT_SIZE])
{
    if (isnan(value) || isinf(value)) {
        return (size_t)snprintf(out, PS_VALUE_TEXT_SIZE, "%s",
                                isnan(value) ? "NaN"
                                : value > 0  ? "Infinity"
                                             : "-Infinity");
    }
    int size = 0;
    for (int digits = least; digits <= most; digits++) {
        size = snprintf(out, PS_VALUE_TEXT_SIZE, "%.*g", digits, value);
        double back = single ? (double)strtof(out, NULL) : strtod(out, NULL);
        if (!(back < value) && !(back > value)) {
            break;
        }
    }
    return (size_t)size;
}

size_t ps_double_format(double value, char out[PS_VALUE_TEXT_SIZE])
{
    return put_shortest(value, 15, 17, false, out);
}

size_t ps_float_format(float value, char out[PS_VALUE_TEXT_SIZE])
{
    return put_shortest((double)value, 6, 9, true, out);
}

/* The number of an integer column, or the days of a date. */
static int64_t integer_at(const struct ps_vector *from, uint32_t row)
{
    switch (from->type) {
    case PS_TYPE_SHORT:
        return ((const int16_t *)from->values)[row];
    case PS_TYPE_LONG:
        return ((const int64_t *)from->values)[row];
    default:
        return ((const int32_t *)from->values)[row];
    }
}

/* The text of a fixed-width value. */
static size_t fixed_text(const struct ps_vector *from, uint32_t row, char out[PS_VALUE_TEXT_SIZE])
{
    switch (from->type) {
    case PS_TYPE_BOOLEAN:
        return (size_t)snprintf(out, PS_VALUE_TEXT_SIZE, "%s",
                                ((const uint8_t *)from->values)[row] != 0 ? "true" : "false");
    case PS_TYPE_FLOAT:
        return ps_float_format(((const float *)from->values)[row], out);
    case PS_TYPE_DOUBLE:
        return ps_double_format(((const double *)from->values)[row], out);
    case PS_TYPE_DECIMAL:
        return ps_decimal_format(((const ps_int128 *)from->values)[row], from->scale, out);
    case PS_TYPE_NAIVE_DATE:
        return ps_date_format(((const int32_t *)from->values)[row], out);
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        return ps_timestamp_format(((const struct ps_timestamp *)from->values)[row],
                                   from->type == PS_TYPE_UTC_DATETIME, out);
    default:
        return (size_t)snprintf(out, PS_VALUE_TEXT_SIZE, "%lld", (long long)integer_at(from, row));
    }
}

/* Bytes as text: two hexadecimal digits each. */
static bool put_digits(struct ps_batch *target, uint32_t column, const uint8_t *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    struct ps_vector *vector = &target->vectors[column];
    if (size > UINT32_MAX / 2 || !ps_vector_reserve(vector, 2 * size)) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        vector->bytes[vector->bytes_size++] = (uint8_t)digits[bytes[i] >> 4];
        vector->bytes[vector->bytes_size++] = (uint8_t)digits[bytes[i] & 15];
    }
    target->bytes += 2 * size;
    vector->offsets[target->rows + 1] = vector->bytes_size;
    ps_vector_set_valid(vector, target->rows);
    return true;
}

static bool put_text(struct ps_batch *target, uint32_t column, const struct ps_vector *from,
                     uint32_t row)
{
    if (from->offsets == NULL) {
        char text[PS_VALUE_TEXT_SIZE];
        size_t size = fixed_text(from, row, text);
        return ps_batch_put_bytes(target, column, text, size);
    }
    size_t size;
    const uint8_t *bytes = ps_vector_bytes(from, row, &size);
    return from->type == PS_TYPE_BINARY && target->vectors[column].type != PS_TYPE_BINARY
               ? put_digits(target, column, bytes, size)
               : ps_batch_put_bytes(target, column, bytes, size);
}

static ps_int128 power_of_ten(unsigned digits)
{
    ps_int128 power = 1;
    while (digits-- > 0) {
        power *= 10;
    }
    return power;
}

/* The value as an integer at that scale. False: it has digits beyond it, or too many. */
static bool number_at(const struct ps_vector *from, uint32_t row, uint8_t scale,
                      ps_int128 *ret_number)
{
    char text[PS_VALUE_TEXT_SIZE];
    if (from->offsets != NULL) {
        size_t size;
        const uint8_t *bytes = ps_vector_bytes(from, row, &size);
        return ps_decimal_parse((const char *)bytes, size, scale, ret_number);
    }
    return ps_decimal_parse(text, fixed_text(from, row, text), scale, ret_number);
}

static const char *put_number(struct ps_batch *target, uint32_t column,
                              const struct ps_vector *from, uint32_t row)
{
    static const char too_long[] = "the number does not fit the type that column_types gives it";
    const struct ps_vector *to = &target->vectors[column];
    ps_int128 number;
    if (!number_at(from, row, to->scale, &number)) {
        return too_long;
    }
    ps_int128 limit = to->type == PS_TYPE_DECIMAL ? power_of_ten(to->precision)
                      : to->type == PS_TYPE_SHORT ? (ps_int128)INT16_MAX + 1
                      : to->type == PS_TYPE_INT   ? (ps_int128)INT32_MAX + 1
                                                  : (ps_int128)INT64_MAX + 1;
    bool least = to->type != PS_TYPE_DECIMAL && number == -limit;
    if (number >= limit || (number <= -limit && !least)) {
        return too_long;
    }
    switch (to->type) {
    case PS_TYPE_DECIMAL:
        ps_batch_put_decimal(target, column, number);
        break;
    case PS_TYPE_SHORT:
        ps_batch_put_short(target, column, (int16_t)number);
        break;
    case PS_TYPE_INT:
        ps_batch_put_int(target, column, (int32_t)number);
        break;
    default:
        ps_batch_put_long(target, column, (int64_t)number);
        break;
    }
    return NULL;
}

static void put_floating(struct ps_batch *target, uint32_t column, const struct ps_vector *from,
                         uint32_t row)
{
    double value = from->type == PS_TYPE_DOUBLE  ? ((const double *)from->values)[row]
                   : from->type == PS_TYPE_FLOAT ? (double)((const float *)from->values)[row]
                                                 : (double)integer_at(from, row);
    if (target->vectors[column].type == PS_TYPE_FLOAT) {
        ps_batch_put_float(target, column, (float)value);
    } else {
        ps_batch_put_double(target, column, value);
    }
}

static void put_time(struct ps_batch *target, uint32_t column, const struct ps_vector *from,
                     uint32_t row)
{
    struct ps_timestamp value = {0, 0};
    if (from->type == PS_TYPE_NAIVE_DATE) {
        value.seconds = integer_at(from, row) * 86400;
    } else {
        value = ((const struct ps_timestamp *)from->values)[row];
    }
    ps_batch_put_timestamp(target, column, value);
}

enum ps_status ps_convert_put(struct ps_batch *target, uint32_t column,
                              const struct ps_vector *from, uint32_t row, const char **ret_bad,
                              struct ps_error *err)
{
    enum ps_type to = target->vectors[column].type;
    *ret_bad = NULL;
    if (!ps_vector_is_valid(from, row)) {
        ps_batch_put_null(target, column);
        return PS_OK;
    }
    switch (to) {
    case PS_TYPE_BOOLEAN:
        ps_batch_put_bool(target, column, ((const uint8_t *)from->values)[row]);
        return PS_OK;
    case PS_TYPE_SHORT:
    case PS_TYPE_INT:
    case PS_TYPE_LONG:
    case PS_TYPE_DECIMAL:
        *ret_bad = put_number(target, column, from, row);
        return PS_OK;
    case PS_TYPE_FLOAT:
    case PS_TYPE_DOUBLE:
        put_floating(target, column, from, row);
        return PS_OK;
    case PS_TYPE_NAIVE_DATE:
        ps_batch_put_date(target, column, ((const int32_t *)from->values)[row]);
        return PS_OK;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        put_time(target, column, from, row);
        return PS_OK;
    case PS_TYPE_JSON:
        if (is_text(from->type)) {
            size_t size;
            const uint8_t *bytes = ps_vector_bytes(from, row, &size);
            if (!ps_json_valid(bytes, size)) {
                *ret_bad = "the text is no JSON, which column_types takes it for";
                return PS_OK;
            }
        }
        break;
    default:
        break;
    }
    return put_text(target, column, from, row) ? PS_OK : ps_fail_nomem(err, "converting a value");
}

/* A number of at most two digits between blanks. */
static bool parse_small(const char **at, unsigned *ret_number)
{
    const char *text = *at + strspn(*at, " ");
    size_t size = strspn(text, "0123456789");
    if (size == 0 || size > 2) {
        return false;
    }
    *ret_number =
        size == 1 ? (unsigned)(text[0] - '0') : (unsigned)((text[0] - '0') * 10 + text[1] - '0');
    *at = text + size + strspn(text + size, " ");
    return true;
}

/* "(12,2)" or "(12)". */
static bool parse_precision(const char *at, struct ps_type_exact *ret_type)
{
    unsigned precision, scale = 0;
    at += strspn(at, " ");
    if (*at++ != '(' || !parse_small(&at, &precision)) {
        return false;
    }
    if (*at == ',') {
        at++;
        if (!parse_small(&at, &scale)) {
            return false;
        }
    }
    if (strcmp(at, ")") != 0 || precision < 1 || precision > PS_DECIMAL_PRECISION_MAX ||
        scale > precision) {
        return false;
    }
    *ret_type = (struct ps_type_exact){PS_TYPE_DECIMAL, (uint8_t)precision, (uint8_t)scale};
    return true;
}

bool ps_type_exact_parse(const char *text, size_t size, struct ps_type_exact *ret_type)
{
    char copy[PS_VALUE_TEXT_SIZE];
    if (size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (strncasecmp(copy, "DECIMAL", 7) == 0) {
        return parse_precision(copy + 7, ret_type);
    }
    for (int type = PS_TYPE_BOOLEAN; type < PS_TYPES; type++) {
        if (strcasecmp(ps_type_name((enum ps_type)type), copy) == 0) {
            *ret_type = (struct ps_type_exact){.type = (enum ps_type)type};
            return true;
        }
    }
    return false;
}
