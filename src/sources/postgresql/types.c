/* The table of types: oid and modifier to our type, selection and decoder. See types.h. */
#include "sources/postgresql/types.h"

#include <stddef.h>

/* pg_type's oids are part of the protocol and never change. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_NAME = 19,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_XML = 142,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_MONEY = 790,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
};

static const struct {
    uint32_t oid;
    bool text; /* carries characters: raw where the database has no encoding */
    struct type_field field;
} known[] = {
    {OID_BOOL, false, {.type = PS_TYPE_BOOLEAN, .decode = decode_bool}},
    {OID_INT2, false, {.type = PS_TYPE_SHORT, .decode = decode_int2}},
    {OID_INT4, false, {.type = PS_TYPE_INT, .decode = decode_int4}},
    {OID_INT8, false, {.type = PS_TYPE_LONG, .decode = decode_int8}},
    {OID_FLOAT4, false, {.type = PS_TYPE_FLOAT, .decode = decode_float4}},
    {OID_FLOAT8, false, {.type = PS_TYPE_DOUBLE, .decode = decode_float8}},
    {OID_DATE, false, {.type = PS_TYPE_NAIVE_DATE, .decode = decode_date}},
    {OID_TIMESTAMP, false, {.type = PS_TYPE_NAIVE_DATETIME, .decode = decode_timestamp}},
    {OID_TIMESTAMPTZ, false, {.type = PS_TYPE_UTC_DATETIME, .decode = decode_timestamp}},
    {OID_UUID, false, {.type = PS_TYPE_STRING, .decode = decode_uuid}},
    {OID_BYTEA, false, {.type = PS_TYPE_BINARY, .decode = decode_bytes}},
    {OID_MONEY,
     false,
     {.type = PS_TYPE_STRING, .select = TYPE_SELECT_MONEY, .decode = decode_bytes}},
    {OID_TEXT, true, {.type = PS_TYPE_STRING, .decode = decode_bytes}},
    {OID_VARCHAR, true, {.type = PS_TYPE_STRING, .decode = decode_bytes}},
    {OID_BPCHAR, true, {.type = PS_TYPE_STRING, .decode = decode_bytes}},
    {OID_NAME, true, {.type = PS_TYPE_STRING, .decode = decode_bytes}},
    {OID_JSON, true, {.type = PS_TYPE_JSON, .json_valid = true, .decode = decode_bytes}},
    {OID_JSONB, true, {.type = PS_TYPE_JSON, .json_valid = true, .decode = decode_jsonb}},
    /* The binary form loses the declaration's encoding; the text is kept as it was given. */
    {OID_XML, true, {.type = PS_TYPE_XML, .select = TYPE_SELECT_TEXT, .decode = decode_bytes}},
};

/* numeric(p,s): s is signed and has 11 bits; it may be negative or above p since version 15. */
static struct type_field resolve_numeric(int32_t modifier)
{
    if (modifier >= 4) {
        int32_t packed = modifier - 4;
        int32_t precision = (packed >> 16) & 0xffff;
        int32_t scale = ((packed & 0x7ff) ^ 1024) - 1024;
        if (precision <= PS_DECIMAL_PRECISION_MAX && scale >= 0 && scale <= precision) {
            return (struct type_field){.type = PS_TYPE_DECIMAL,
                                       .precision = (uint8_t)precision,
                                       .scale = (uint8_t)scale,
                                       .decode = decode_decimal};
        }
    }
    return (struct type_field){.type = PS_TYPE_STRING, .decode = decode_numeric_text};
}

struct type_field type_resolve(uint32_t type, int32_t modifier, bool sql_ascii)
{
    if (type == OID_NUMERIC) {
        return resolve_numeric(modifier);
    }
    /* Whatever is not decoded comes as the type's own output function writes it. */
    struct type_field field = {
        .type = PS_TYPE_STRING, .select = TYPE_SELECT_TEXT, .decode = decode_bytes};
    bool text = true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].oid == type) {
            field = known[i].field;
            text = known[i].text;
            break;
        }
    }
    if (text && sql_ascii) {
        field.select = type == OID_BPCHAR ? TYPE_SELECT_RAW_PAD : TYPE_SELECT_RAW;
        field.decode = decode_text_checked;
    }
    return field;
}
