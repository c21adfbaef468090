/* The table of types: oid and modifier to our type, selection and decoder. See types.h. */
#include "sources/postgresql/types.h"

#include <stddef.h>

/* pg_type's oids are part of the protocol and never change. */
enum {
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_OID = 26,
    OID_XML = 142,
    OID_JSON_ARRAY = 199,
    OID_CIDR = 650,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_MACADDR8 = 774,
    OID_MONEY = 790,
    OID_MACADDR = 829,
    OID_INET = 869,
    OID_BOOL_ARRAY = 1000,
    OID_INT2_ARRAY = 1005,
    OID_INT4_ARRAY = 1007,
    OID_TEXT_ARRAY = 1009,
    OID_BPCHAR_ARRAY = 1014,
    OID_VARCHAR_ARRAY = 1015,
    OID_INT8_ARRAY = 1016,
    OID_TIME = 1083,
    OID_INTERVAL = 1186,
    OID_NUMERIC_ARRAY = 1231,
    OID_TIMETZ = 1266,
    OID_BIT = 1560,
    OID_VARBIT = 1562,
    OID_UUID_ARRAY = 2951,
    OID_JSONB_ARRAY = 3807,
};

#define STRING_BY(function)                                                                        \
    {                                                                                              \
        .type = PS_TYPE_STRING, .decode = function                                                 \
    }
#define ARRAY_OF(oid)                                                                              \
    {                                                                                              \
        .type = PS_TYPE_JSON, .json_valid = true, .decode = decode_array, .element = (oid)         \
    }

static const struct {
    uint32_t oid;
    bool text; /* carries characters: raw where the database has no encoding */
    struct type_field field;
} known[] = {
    {OID_BOOL, false, {.type = PS_TYPE_BOOLEAN, .decode = decode_bool}},
    {OID_INT2, false, {.type = PS_TYPE_SHORT, .decode = decode_int2}},
    {OID_INT4, false, {.type = PS_TYPE_INT, .decode = decode_int4}},
    {OID_INT8, false, {.type = PS_TYPE_LONG, .decode = decode_int8}},
    {OID_OID, false, {.type = PS_TYPE_LONG, .decode = decode_oid}},
    {OID_XID8, false, {.type = PS_TYPE_DECIMAL, .precision = 20, .decode = decode_xid8}},
    {OID_FLOAT4, false, {.type = PS_TYPE_FLOAT, .decode = decode_float4}},
    {OID_FLOAT8, false, {.type = PS_TYPE_DOUBLE, .decode = decode_float8}},
    {OID_DATE, false, {.type = PS_TYPE_NAIVE_DATE, .decode = decode_date}},
    {OID_TIMESTAMP, false, {.type = PS_TYPE_NAIVE_DATETIME, .decode = decode_timestamp}},
    {OID_TIMESTAMPTZ, false, {.type = PS_TYPE_UTC_DATETIME, .decode = decode_timestamp}},
    {OID_TIME, false, STRING_BY(decode_time)},
    {OID_TIMETZ, false, STRING_BY(decode_timetz)},
    {OID_INTERVAL, false, STRING_BY(decode_interval)},
    {OID_UUID, false, STRING_BY(decode_uuid)},
    {OID_BYTEA, false, {.type = PS_TYPE_BINARY, .decode = decode_bytes}},
    {OID_INET, false, STRING_BY(decode_inet)},
    {OID_CIDR, false, STRING_BY(decode_inet)},
    {OID_MACADDR, false, STRING_BY(decode_macaddr)},
    {OID_MACADDR8, false, STRING_BY(decode_macaddr)},
    {OID_BIT, false, STRING_BY(decode_bits)},
    {OID_VARBIT, false, STRING_BY(decode_bits)},
    {OID_MONEY,
     false,
     {.type = PS_TYPE_STRING, .select = TYPE_SELECT_MONEY, .decode = decode_bytes}},
    {OID_TEXT, true, STRING_BY(decode_bytes)},
    {OID_VARCHAR, true, STRING_BY(decode_bytes)},
    {OID_BPCHAR, true, STRING_BY(decode_bytes)},
    {OID_NAME, true, STRING_BY(decode_bytes)},
    {OID_JSON, true, {.type = PS_TYPE_JSON, .json_valid = true, .decode = decode_bytes}},
    {OID_JSONB, true, {.type = PS_TYPE_JSON, .json_valid = true, .decode = decode_jsonb}},
    /* As it is printed, without the declaration's encoding: the cast to text would keep it, though
     * what arrives is UTF-8. */
    {OID_XML, true, {.type = PS_TYPE_XML, .decode = decode_bytes}},
    {OID_BOOL_ARRAY, false, ARRAY_OF(OID_BOOL)},
    {OID_INT2_ARRAY, false, ARRAY_OF(OID_INT2)},
    {OID_INT4_ARRAY, false, ARRAY_OF(OID_INT4)},
    {OID_INT8_ARRAY, false, ARRAY_OF(OID_INT8)},
    {OID_NUMERIC_ARRAY, false, ARRAY_OF(OID_NUMERIC)},
    {OID_UUID_ARRAY, false, ARRAY_OF(OID_UUID)},
    {OID_TEXT_ARRAY, true, ARRAY_OF(OID_TEXT)},
    {OID_VARCHAR_ARRAY, true, ARRAY_OF(OID_VARCHAR)},
    {OID_BPCHAR_ARRAY, true, ARRAY_OF(OID_BPCHAR)},
    {OID_JSON_ARRAY, true, ARRAY_OF(OID_JSON)},
    {OID_JSONB_ARRAY, true, ARRAY_OF(OID_JSONB)},
};

/*
 * numeric(p,s): s is signed and has 11 bits; since version 15 it may be negative, when numbers are
 * rounded before their point and have p - s digits, or above p, when they have s.
 */
static struct type_field resolve_numeric(int32_t modifier)
{
    if (modifier >= 4) {
        int32_t packed = modifier - 4;
        int32_t scale = ((packed & 0x7ff) ^ 1024) - 1024;
        int32_t precision = (packed >> 16) & 0xffff;
        if (scale < 0) {
            precision -= scale;
            scale = 0;
        } else if (scale > precision) {
            precision = scale;
        }
        if (precision <= PS_DECIMAL_PRECISION_MAX) {
            return (struct type_field){.type = PS_TYPE_DECIMAL,
                                       .precision = (uint8_t)precision,
                                       .scale = (uint8_t)scale,
                                       .decode = decode_decimal};
        }
    }
    return (struct type_field){.type = PS_TYPE_STRING, .decode = decode_numeric_text};
}

/* Whatever is not decoded here comes as the server writes it: JSON, or the type's own output. */
static struct type_field resolve_unknown(enum type_shape shape)
{
    struct type_field field = {.type = PS_TYPE_STRING, .decode = decode_bytes};
    switch (shape) {
    case TYPE_SHAPE_SCALAR:
        field.select = TYPE_SELECT_TEXT;
        break;
    case TYPE_SHAPE_PRINTED:
        field.select = TYPE_SELECT_PRINTED;
        break;
    case TYPE_SHAPE_ENUM:
        field.select = TYPE_SELECT_PLAIN; /* the label */
        break;
    case TYPE_SHAPE_ARRAY:
    case TYPE_SHAPE_OBJECT:
        field.type = PS_TYPE_JSON;
        field.json_valid = true;
        field.select = shape == TYPE_SHAPE_ARRAY ? TYPE_SELECT_ARRAY : TYPE_SELECT_OBJECT;
        break;
    }
    return field;
}

void type_as_text(struct type_field *field)
{
    if (field->decode == decode_date) {
        field->decode = decode_date_text;
    } else if (field->decode == decode_timestamp) {
        field->decode = decode_timestamp_text;
    } else if (field->decode == decode_decimal) {
        field->decode = decode_numeric_text;
    } else if (field->decode == decode_xid8) {
        field->decode = decode_xid8_text;
    }
}

static size_t find_known(uint32_t type)
{
    size_t i = 0;
    while (i < sizeof known / sizeof known[0] && known[i].oid != type) {
        i++;
    }
    return i;
}

bool type_is_known(uint32_t type)
{
    return type == OID_NUMERIC || find_known(type) < sizeof known / sizeof known[0];
}

struct type_field type_resolve(uint32_t type, int32_t modifier, enum type_shape shape,
                               bool sql_ascii)
{
    if (type == OID_NUMERIC) {
        return resolve_numeric(modifier);
    }
    size_t i = find_known(type);
    bool is_known = i < sizeof known / sizeof known[0];
    struct type_field field = is_known ? known[i].field : resolve_unknown(shape);
    if (sql_ascii && (!is_known || known[i].text)) {
        if (type == OID_BPCHAR) {
            field.select = TYPE_SELECT_PADDED;
        } else if (field.decode == decode_array) {
            field.select = TYPE_SELECT_ARRAY;
        }
        field.raw = true;
        field.decode = decode_text_checked;
    }
    return field;
}
