/*
 * Reading and checking of values; which type holds them. What goes into a batch is in value_put.c.
 */
#include "tester/value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/protobuf.h"
#include "tester/decimal_text.h"
#include "tester/xml.h"

#define SECONDS_PER_DAY 86400

static const enum ps_type types[VALUE_KINDS] = {
    [VALUE_BOOL] = PS_TYPE_BOOLEAN,     [VALUE_SHORT] = PS_TYPE_SHORT,
    [VALUE_INT] = PS_TYPE_INT,          [VALUE_LONG] = PS_TYPE_LONG,
    [VALUE_FLOAT] = PS_TYPE_FLOAT,      [VALUE_DOUBLE] = PS_TYPE_DOUBLE,
    [VALUE_DATE] = PS_TYPE_NAIVE_DATE,  [VALUE_DATETIME] = PS_TYPE_NAIVE_DATETIME,
    [VALUE_UTC] = PS_TYPE_UTC_DATETIME, [VALUE_DECIMAL] = PS_TYPE_DECIMAL,
    [VALUE_BINARY] = PS_TYPE_BINARY,    [VALUE_STRING] = PS_TYPE_STRING,
    [VALUE_JSON] = PS_TYPE_JSON,        [VALUE_XML] = PS_TYPE_XML,
    [VALUE_TIME] = PS_TYPE_STRING,
};

enum ps_type value_type(enum value_kind kind)
{
    return types[kind];
}

/* google.protobuf.Timestamp: 1 seconds, 2 nanos. */
static bool read_time(const uint8_t *bytes, size_t size, struct ps_timestamp *ret_time)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    struct ps_timestamp time = {0};
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_VARINT) {
            time.seconds = (int64_t)field.integer;
        } else if (field.number == 2 && field.wire == PS_PB_VARINT) {
            time.nanos = (int32_t)field.integer;
        }
    }
    *ret_time = time;
    return !reader.failed;
}

static double float_of(uint64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float number;
    memcpy(&number, &low, sizeof number);
    return (double)number;
}

static double double_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* The wire type that each member has. */
static enum ps_pb_wire wire_of(uint32_t number)
{
    if (number <= VALUE_LONG) {
        return PS_PB_VARINT;
    }
    return number == VALUE_FLOAT    ? PS_PB_FIXED32
           : number == VALUE_DOUBLE ? PS_PB_FIXED64
                                    : PS_PB_BYTES;
}

/* Takes one member. False: its bytes are none. */
static bool take_member(const struct ps_pb_field *field, struct tester_value *value)
{
    value->kind = (enum value_kind)field->number;
    switch (value->kind) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        value->as.integer = field->integer != 0;
        return true;
    case VALUE_SHORT:
    case VALUE_INT:
        value->as.integer = (int32_t)field->integer;
        return true;
    case VALUE_LONG:
        value->as.integer = (int64_t)field->integer;
        return true;
    case VALUE_FLOAT:
        value->as.number = float_of(field->integer);
        return true;
    case VALUE_DOUBLE:
        value->as.number = double_of(field->integer);
        return true;
    case VALUE_DATE:
    case VALUE_DATETIME:
    case VALUE_UTC:
    case VALUE_TIME:
        return read_time(field->bytes, field->size, &value->as.time);
    default:
        value->as.text.bytes = field->bytes;
        value->as.text.size = field->size;
        return true;
    }
}

/* A varint that ends exactly where it is to end. False: it does not, or is longer than 9 bytes. */
static bool read_varint(const uint8_t *bytes, size_t size, uint64_t *ret_integer)
{
    uint64_t integer = 0;
    if (size == 0 || size > 9) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if ((bytes[i] < 0x80) != (i == size - 1)) {
            return false;
        }
        integer |= (uint64_t)(bytes[i] & 0x7f) << (7 * i);
    }
    *ret_integer = integer;
    return true;
}

/* A Timestamp as libraries write it: the seconds, then the nanos unless they are 0. */
static bool read_plain_time(const uint8_t *bytes, size_t size, struct ps_timestamp *ret_time)
{
    uint64_t seconds = 0, nanos = 0;
    size_t used = 1;
    if (size < 2 || bytes[0] != (1 << 3 | PS_PB_VARINT)) {
        return false;
    }
    while (used < size && bytes[used] >= 0x80) {
        used++;
    }
    used++;
    if (used > size || !read_varint(bytes + 1, used - 1, &seconds)) {
        return false;
    }
    if (used < size && (bytes[used] != (2 << 3 | PS_PB_VARINT) ||
                        !read_varint(bytes + used + 1, size - used - 1, &nanos))) {
        return false;
    }
    *ret_time = (struct ps_timestamp){(int64_t)seconds, (int32_t)nanos};
    return true;
}

/* One member alone, its length in one byte: nearly every value. False: read it field by field. */
static bool read_plain(const uint8_t *bytes, size_t size, struct tester_value *value)
{
    if (size < 2 || bytes[0] >= 0x80) {
        return false;
    }
    const uint32_t number = bytes[0] >> 3;
    if (number == 0 || number >= VALUE_KINDS || (bytes[0] & 7u) != wire_of(number)) {
        return false;
    }
    struct ps_pb_field field = {.number = number};
    switch (wire_of(number)) {
    case PS_PB_VARINT:
        if (!read_varint(bytes + 1, size - 1, &field.integer)) {
            return false;
        }
        break;
    case PS_PB_FIXED64:
        if (size != 1 + sizeof field.integer) {
            return false;
        }
        for (size_t i = 0; i < sizeof field.integer; i++) {
            field.integer |= (uint64_t)bytes[1 + i] << (8 * i);
        }
        break;
    case PS_PB_BYTES:
        if (bytes[1] != size - 2 || bytes[1] >= 0x80) {
            return false;
        }
        if (number <= VALUE_UTC || number == VALUE_TIME) {
            value->kind = (enum value_kind)number;
            return read_plain_time(bytes + 2, size - 2, &value->as.time);
        }
        field.bytes = bytes + 2;
        field.size = size - 2;
        break;
    default:
        return false;
    }
    return take_member(&field, value);
}

bool value_read(const uint8_t *bytes, size_t size, struct tester_value *ret_value)
{
    if (read_plain(bytes, size, ret_value)) {
        return true;
    }
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    ret_value->kind = VALUE_EMPTY;
    /* Of several members of a oneof the last one counts. */
    while (ps_pb_next(&reader, &field)) {
        if (field.number >= VALUE_KINDS) {
            continue;
        }
        if (field.wire != wire_of(field.number) || !take_member(&field, ret_value)) {
            return false;
        }
    }
    return !reader.failed;
}

/* "123", "-5": as an integer is printed, so that its text comes back. */
static bool is_plain_integer(const char *text, size_t size, int64_t *ret_integer)
{
    size_t digits = size - (size > 0 && text[0] == '-');
    const char *first = text + (size - digits);
    ps_int128 integer = 0;
    if (digits == 0 || digits > 19 || (first[0] == '0' && size > 1) ||
        memchr(text, '.', size) != NULL || !ps_decimal_parse(text, size, 0, &integer) ||
        integer < INT64_MIN || integer > INT64_MAX) {
        return false;
    }
    *ret_integer = (int64_t)integer;
    return true;
}

static bool scalar_is(const char *text, size_t size, const char *word)
{
    return size == strlen(word) && memcmp(text, word, size) == 0;
}

static void take_text(struct tester_value *value, enum value_kind kind, const uint8_t *bytes,
                      size_t size)
{
    value->kind = kind;
    value->as.text.bytes = bytes;
    value->as.text.size = size;
}

/* A scalar of row_data whose column nobody has declared: what its text comes back from. */
static void infer_scalar(const uint8_t *bytes, size_t size, struct tester_value *value)
{
    const char *text = (const char *)bytes;
    if (is_plain_integer(text, size, &value->as.integer)) {
        value->kind = VALUE_LONG;
    } else if (scalar_is(text, size, "true") || scalar_is(text, size, "false")) {
        value->kind = VALUE_BOOL;
        value->as.integer = text[0] == 't';
    } else {
        take_text(value, VALUE_STRING, bytes, size);
    }
}

/* A scalar of row_data for a declared column. False: the text is none of that type; it stays text.
 */
static bool parse_scalar(const uint8_t *bytes, size_t size, enum ps_type declared,
                         struct tester_value *value)
{
    const char *text = (const char *)bytes;
    int32_t days = 0;
    switch (declared) {
    case PS_TYPE_BOOLEAN:
        value->kind = VALUE_BOOL;
        value->as.integer = scalar_is(text, size, "true") || scalar_is(text, size, "1");
        return value->as.integer != 0 || scalar_is(text, size, "false") ||
               scalar_is(text, size, "0");
    case PS_TYPE_SHORT:
    case PS_TYPE_INT:
    case PS_TYPE_LONG:
        value->kind = declared == PS_TYPE_SHORT ? VALUE_SHORT
                      : declared == PS_TYPE_INT ? VALUE_INT
                                                : VALUE_LONG;
        return is_plain_integer(text, size, &value->as.integer);
    case PS_TYPE_NAIVE_DATE:
        value->kind = VALUE_DATE;
        if (!ps_date_parse(text, size, &days)) {
            return false;
        }
        value->as.time = (struct ps_timestamp){.seconds = (int64_t)days * SECONDS_PER_DAY};
        return true;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        value->kind = declared == PS_TYPE_UTC_DATETIME ? VALUE_UTC : VALUE_DATETIME;
        return ps_timestamp_parse(text, size, &value->as.time, NULL);
    case PS_TYPE_DECIMAL:
        take_text(value, VALUE_DECIMAL, bytes, size);
        return true;
    case PS_TYPE_XML:
        take_text(value, VALUE_XML, bytes, size);
        return true;
    case PS_TYPE_JSON:
        take_text(value, VALUE_JSON, bytes, size);
        return true;
    default:
        return false;
    }
}

/* A number as Python prints it. False: it is none. */
static bool parse_number(const uint8_t *bytes, size_t size, double *ret_number)
{
    char text[64];
    if (size == 0 || size >= sizeof text || memchr(bytes, '\0', size) != NULL) {
        return false;
    }
    memcpy(text, bytes, size);
    text[size] = '\0';
    char *end = NULL;
    *ret_number = strtod(text, &end);
    return *end == '\0' && end != text;
}

bool value_read_row_data(const uint8_t *bytes, size_t size, enum ps_type declared,
                         struct tester_value *ret_value)
{
    ret_value->kind = VALUE_EMPTY;
    if (size == 0) {
        return true;
    }
    const uint8_t *rest = bytes + 1;
    size_t rest_size = size - 1;
    switch (bytes[0]) {
    case 0:
        ret_value->kind = VALUE_NULL;
        return true;
    case 1:
        if (declared == PS_TYPE_UNSPECIFIED) {
            infer_scalar(rest, rest_size, ret_value);
        } else if (!parse_scalar(rest, rest_size, declared, ret_value)) {
            take_text(ret_value, VALUE_STRING, rest, rest_size);
        }
        return true;
    case 2:
        take_text(ret_value, VALUE_JSON, rest, rest_size);
        return true;
    case 3:
        take_text(ret_value, VALUE_BINARY, rest, rest_size);
        return true;
    case 4:
    case 5:
        if (!parse_number(rest, rest_size, &ret_value->as.number)) {
            return false;
        }
        ret_value->kind = bytes[0] == 4 ? VALUE_FLOAT : VALUE_DOUBLE;
        if (bytes[0] == 4) {
            ret_value->as.number = (double)(float)ret_value->as.number;
        }
        return true;
    default:
        return false;
    }
}

static bool time_in_range(struct ps_timestamp time)
{
    return time.seconds >= PS_TIMESTAMP_SECONDS_MIN && time.seconds <= PS_TIMESTAMP_SECONDS_MAX &&
           time.nanos >= 0 && time.nanos <= 999999999;
}

static bool text_valid(const struct tester_value *value)
{
    return ps_utf8_valid(value->as.text.bytes, value->as.text.size);
}

static enum breach_kind check_time(struct tester_value *value, bool *ret_skip)
{
    if (!time_in_range(value->as.time)) {
        *ret_skip = true;
        return BREACH_TIME_RANGE;
    }
    if (value->kind == VALUE_DATE) {
        int64_t rest = value->as.time.seconds % SECONDS_PER_DAY;
        if (rest != 0 || value->as.time.nanos != 0) {
            value->as.time.seconds -= rest < 0 ? rest + SECONDS_PER_DAY : rest;
            value->as.time.nanos = 0;
            return BREACH_DATE_NOT_MIDNIGHT;
        }
    }
    return value->kind == VALUE_TIME ? BREACH_NAIVE_TIME : BREACHES;
}

static enum breach_kind check_decimal(const struct tester_value *value, bool *ret_skip)
{
    struct decimal_text decimal;
    if (!decimal_text_read((const char *)value->as.text.bytes, value->as.text.size, &decimal)) {
        *ret_skip = true;
        return BREACH_DECIMAL_INVALID;
    }
    return decimal.before + decimal.scale > PS_DECIMAL_PRECISION_MAX ? BREACH_DECIMAL_PRECISION
                                                                     : BREACHES;
}

enum breach_kind value_check(struct tester_value *value, bool *ret_skip)
{
    *ret_skip = false;
    switch (value->kind) {
    case VALUE_EMPTY:
        value->kind = VALUE_NULL;
        return BREACH_VALUE_EMPTY;
    case VALUE_SHORT:
        return value->as.integer < INT16_MIN || value->as.integer > INT16_MAX ? BREACH_SHORT_RANGE
                                                                              : BREACHES;
    case VALUE_DATE:
    case VALUE_DATETIME:
    case VALUE_UTC:
    case VALUE_TIME:
        return check_time(value, ret_skip);
    case VALUE_DECIMAL:
        return check_decimal(value, ret_skip);
    case VALUE_STRING:
        *ret_skip = !text_valid(value);
        return *ret_skip ? BREACH_TEXT_INVALID : BREACHES;
    case VALUE_XML:
        *ret_skip = !text_valid(value);
        if (*ret_skip) {
            return BREACH_TEXT_INVALID;
        }
        return xml_valid(value->as.text.bytes, value->as.text.size) ? BREACHES : BREACH_XML_INVALID;
    case VALUE_JSON:
        *ret_skip = !ps_json_valid(value->as.text.bytes, value->as.text.size);
        return *ret_skip ? BREACH_JSON_INVALID : BREACHES;
    default:
        return BREACHES;
    }
}

struct ps_type_exact value_exact(const struct tester_value *value)
{
    struct ps_type_exact exact = {.type = types[value->kind]};
    struct decimal_text decimal;
    if (value->kind == VALUE_SHORT &&
        (value->as.integer < INT16_MIN || value->as.integer > INT16_MAX)) {
        exact.type = PS_TYPE_INT;
    }
    if (value->kind == VALUE_DECIMAL) {
        const char *text = (const char *)value->as.text.bytes;
        if (!decimal_text_read(text, value->as.text.size, &decimal) ||
            decimal.before + decimal.scale > PS_DECIMAL_PRECISION_MAX) {
            exact.type = PS_TYPE_STRING;
        } else {
            int precision = decimal.before + decimal.scale;
            exact.precision = (uint8_t)(precision == 0 ? 1 : precision);
            exact.scale = (uint8_t)decimal.scale;
        }
    }
    return exact;
}

static bool integer_fits(int64_t integer, struct ps_type_exact type)
{
    static const int64_t float_exact = INT64_C(1) << 24, double_exact = INT64_C(1) << 53;
    struct ps_type_exact digits = {.type = PS_TYPE_DECIMAL};
    switch (type.type) {
    case PS_TYPE_SHORT:
        return integer >= INT16_MIN && integer <= INT16_MAX;
    case PS_TYPE_INT:
        return integer >= INT32_MIN && integer <= INT32_MAX;
    case PS_TYPE_LONG:
        return true;
    case PS_TYPE_FLOAT:
        return integer >= -float_exact && integer <= float_exact;
    case PS_TYPE_DOUBLE:
        return integer >= -double_exact && integer <= double_exact;
    case PS_TYPE_DECIMAL:
        for (int64_t rest = integer; rest != 0; rest /= 10) {
            digits.precision++;
        }
        return digits.precision <= type.precision - type.scale;
    default:
        return false;
    }
}

struct ps_type_exact value_tightest(const struct tester_value *value)
{
    static const enum ps_type integers[] = {PS_TYPE_SHORT, PS_TYPE_INT};
    if (value->kind == VALUE_LONG || value->kind == VALUE_INT) {
        for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
            struct ps_type_exact type = {.type = integers[i]};
            if (integer_fits(value->as.integer, type)) {
                return type;
            }
        }
    }
    return value_exact(value);
}

static bool number_fits(double number, struct ps_type_exact type)
{
    switch (type.type) {
    case PS_TYPE_DOUBLE:
        return true;
    case PS_TYPE_FLOAT:
        return isnan(number) || (double)(float)number == number;
    case PS_TYPE_SHORT:
    case PS_TYPE_INT:
    case PS_TYPE_LONG:
        return fabs(number) <= 0x1p53 && trunc(number) == number &&
               integer_fits((int64_t)number, type);
    default:
        return false;
    }
}

static bool is_text(enum ps_type type)
{
    return type == PS_TYPE_STRING || type == PS_TYPE_XML;
}

bool value_fits(const struct tester_value *value, struct ps_type_exact type)
{
    if (value->kind == VALUE_NULL || is_text(type.type)) {
        return true;
    }
    switch (value->kind) {
    case VALUE_BOOL:
        return type.type == PS_TYPE_BOOLEAN;
    case VALUE_SHORT:
    case VALUE_INT:
    case VALUE_LONG:
        return integer_fits(value->as.integer, type);
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
        return number_fits(value->as.number, type);
    case VALUE_DATE:
        return type.type == PS_TYPE_NAIVE_DATE || type.type == PS_TYPE_NAIVE_DATETIME;
    case VALUE_DATETIME:
    case VALUE_UTC:
    case VALUE_BINARY:
        return type.type == types[value->kind];
    case VALUE_DECIMAL: {
        ps_int128 unscaled = 0;
        return type.type == PS_TYPE_DECIMAL &&
               decimal_text_parse((const char *)value->as.text.bytes, value->as.text.size,
                                  type.precision, type.scale, &unscaled);
    }
    case VALUE_JSON:
        return type.type == PS_TYPE_JSON;
    case VALUE_STRING:
        return type.type == PS_TYPE_JSON &&
               ps_json_valid(value->as.text.bytes, value->as.text.size);
    default:
        return false;
    }
}
