/*
 * From a value to a column of a batch: the same bytes where the types agree, another form of the
 * same value where a wider column holds it. See value.h.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tester/decimal_text.h"
#include "tester/value.h"

#define SECONDS_PER_DAY 86400
#define NUMBER_TEXT_SIZE 40

static int64_t integer_of(const struct tester_value *value)
{
    bool is_number = value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
    return is_number ? (int64_t)value->as.number : value->as.integer;
}

static double number_of(const struct tester_value *value)
{
    bool is_number = value->kind == VALUE_FLOAT || value->kind == VALUE_DOUBLE;
    return is_number ? value->as.number : (double)value->as.integer;
}

static void put_decimal(struct ps_batch *batch, uint32_t column, const struct tester_value *value)
{
    const struct ps_vector *vector = &batch->vectors[column];
    ps_int128 unscaled = 0;
    if (value->kind == VALUE_DECIMAL) {
        /* It fits, so that it parses. */
        (void)decimal_text_parse((const char *)value->as.text.bytes, value->as.text.size,
                                 vector->precision, vector->scale, &unscaled);
    } else {
        unscaled = value->as.integer;
        for (uint8_t i = 0; i < vector->scale; i++) {
            unscaled *= 10;
        }
    }
    ps_batch_put_decimal(batch, column, unscaled);
}

/* The fewest digits that come back to the same number, as DuckDB prints it. */
static size_t format_number(double number, bool is_float, char out[NUMBER_TEXT_SIZE])
{
    if (isnan(number) || isinf(number)) {
        return (size_t)snprintf(out, NUMBER_TEXT_SIZE, "%s",
                                isnan(number) ? "nan" : (number < 0 ? "-inf" : "inf"));
    }
    int size = 0;
    for (int digits = is_float ? 6 : 15; digits <= (is_float ? 9 : 17); digits++) {
        size = snprintf(out, NUMBER_TEXT_SIZE, "%.*g", digits, number);
        if (is_float ? (double)strtof(out, NULL) == number : strtod(out, NULL) == number) {
            break;
        }
    }
    if (out[strcspn(out, ".e")] == '\0') {
        size += snprintf(out + size, NUMBER_TEXT_SIZE - (size_t)size, ".0");
    }
    return (size_t)size;
}

/* Times in text columns look as DuckDB makes them when it widens a column to text. */
static size_t format_time(const struct tester_value *value, char out[PS_VALUE_TEXT_SIZE])
{
    size_t size = 0;
    if (value->kind == VALUE_DATE) {
        return ps_date_format((int32_t)(value->as.time.seconds / SECONDS_PER_DAY), out);
    }
    size = ps_timestamp_format(value->as.time, false, out);
    if (value->kind == VALUE_TIME) {
        /* "1970-01-01T12:34:56.5": the time of day alone. */
        size_t date = strcspn(out, "T") + 1;
        memmove(out, out + date, size - date + 1);
        return size - date;
    }
    out[strcspn(out, "T")] = ' ';
    if (value->kind == VALUE_UTC) {
        memcpy(out + size, "+00", 4);
        size += 3;
    }
    return size;
}

/* Printable ASCII as it is, all else as \xAA: DuckDB's own text of bytes. */
static bool put_binary_text(struct ps_batch *batch, uint32_t column,
                            const struct tester_value *value)
{
    const uint8_t *bytes = value->as.text.bytes;
    size_t used = 0;
    if (value->as.text.size > SIZE_MAX / 4) {
        return false;
    }
    char *text = ps_malloc(value->as.text.size * 4 + 1);
    if (text == NULL) {
        return false;
    }
    for (size_t i = 0; i < value->as.text.size; i++) {
        static const char digits[] = "0123456789ABCDEF";
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '\\' && bytes[i] != '\'' &&
            bytes[i] != '"') {
            text[used++] = (char)bytes[i];
        } else {
            text[used++] = '\\';
            text[used++] = 'x';
            text[used++] = digits[bytes[i] >> 4];
            text[used++] = digits[bytes[i] & 15];
        }
    }
    bool put = ps_batch_put_bytes(batch, column, text, used);
    ps_free(text);
    return put;
}

static bool put_text(struct ps_batch *batch, uint32_t column, const struct tester_value *value)
{
    char text[PS_VALUE_TEXT_SIZE];
    size_t size = 0;
    switch (value->kind) {
    case VALUE_BOOL:
        size = (size_t)snprintf(text, sizeof text, "%s", value->as.integer ? "true" : "false");
        break;
    case VALUE_SHORT:
    case VALUE_INT:
    case VALUE_LONG:
        size = (size_t)snprintf(text, sizeof text, "%lld", (long long)value->as.integer);
        break;
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        size = format_number(value->as.number, value->kind == VALUE_FLOAT, text);
        break;
    case VALUE_DATE:
    case VALUE_DATETIME:
    case VALUE_UTC:
    case VALUE_TIME:
        size = format_time(value, text);
        break;
    case VALUE_BINARY:
        return put_binary_text(batch, column, value);
    default:
        return ps_batch_put_bytes(batch, column, value->as.text.bytes, value->as.text.size);
    }
    return ps_batch_put_bytes(batch, column, text, size);
}

bool value_put(struct ps_batch *batch, uint32_t column, const struct tester_value *value)
{
    if (value->kind == VALUE_NULL) {
        ps_batch_put_null(batch, column);
        return true;
    }
    switch (batch->vectors[column].type) {
    case PS_TYPE_BOOLEAN:
        ps_batch_put_bool(batch, column, value->as.integer != 0);
        return true;
    case PS_TYPE_SHORT:
        ps_batch_put_short(batch, column, (int16_t)integer_of(value));
        return true;
    case PS_TYPE_INT:
        ps_batch_put_int(batch, column, (int32_t)integer_of(value));
        return true;
    case PS_TYPE_LONG:
        ps_batch_put_long(batch, column, integer_of(value));
        return true;
    case PS_TYPE_FLOAT:
        ps_batch_put_float(batch, column, (float)number_of(value));
        return true;
    case PS_TYPE_DOUBLE:
        ps_batch_put_double(batch, column, number_of(value));
        return true;
    case PS_TYPE_NAIVE_DATE:
        ps_batch_put_date(batch, column, (int32_t)(value->as.time.seconds / SECONDS_PER_DAY));
        return true;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        ps_batch_put_timestamp(batch, column, value->as.time);
        return true;
    case PS_TYPE_DECIMAL:
        put_decimal(batch, column, value);
        return true;
    case PS_TYPE_BINARY:
    case PS_TYPE_JSON:
        return ps_batch_put_bytes(batch, column, value->as.text.bytes, value->as.text.size);
    default:
        return put_text(batch, column, value);
    }
}
