/*
 * The mapping of types (docs/sinks/duckdb.md has the table); the widening rule is data/widen.c.
 */
#include "sinks/duckdb/types.h"

#include <string.h>

#include "data/widen.h"

struct duck_type duck_type_of_column(const struct ps_column *column)
{
    struct duck_type type = {.type = column->type};
    if (column->type == PS_TYPE_DECIMAL) {
        type.precision = column->precision;
        type.scale = column->scale;
    }
    return type;
}

uint8_t duck_type_width(struct duck_type type)
{
    switch (type.type) {
    case PS_TYPE_BOOLEAN:
        return 1;
    case PS_TYPE_SHORT:
        return 2;
    case PS_TYPE_INT:
    case PS_TYPE_FLOAT:
    case PS_TYPE_NAIVE_DATE:
        return 4;
    case PS_TYPE_LONG:
    case PS_TYPE_DOUBLE:
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        return 8;
    case PS_TYPE_DECIMAL:
        return type.precision <= 4 ? 2 : type.precision <= 9 ? 4 : type.precision <= 18 ? 8 : 16;
    default:
        return sizeof(struct duck_api_string);
    }
}

static const char *const sql_names[PS_TYPES] = {
    [PS_TYPE_UNSPECIFIED] = "VARCHAR",
    [PS_TYPE_BOOLEAN] = "BOOLEAN",
    [PS_TYPE_SHORT] = "SMALLINT",
    [PS_TYPE_INT] = "INTEGER",
    [PS_TYPE_LONG] = "BIGINT",
    [PS_TYPE_DECIMAL] = "DECIMAL",
    [PS_TYPE_FLOAT] = "REAL",
    [PS_TYPE_DOUBLE] = "DOUBLE",
    [PS_TYPE_NAIVE_DATE] = "DATE",
    [PS_TYPE_NAIVE_DATETIME] = "TIMESTAMP",
    [PS_TYPE_UTC_DATETIME] = "TIMESTAMPTZ",
    [PS_TYPE_BINARY] = "BLOB",
    [PS_TYPE_XML] = "VARCHAR",
    [PS_TYPE_STRING] = "VARCHAR",
    [PS_TYPE_JSON] = "JSON",
};

void duck_type_sql(struct ps_buffer *out, struct duck_type type)
{
    if (type.type == PS_TYPE_DECIMAL) {
        ps_buffer_printf(out, "DECIMAL(%u,%u)", type.precision, type.scale);
    } else {
        ps_buffer_puts(out, sql_names[type.type]);
    }
}

static bool is_text(struct duck_type type)
{
    return type.type == PS_TYPE_STRING || type.type == PS_TYPE_XML ||
           type.type == PS_TYPE_UNSPECIFIED;
}

bool duck_type_same(struct duck_type a, struct duck_type b)
{
    if (a.foreign || b.foreign) {
        return a.foreign && b.foreign;
    }
    if (is_text(a) && is_text(b)) {
        return true;
    }
    return a.type == b.type &&
           (a.type != PS_TYPE_DECIMAL || (a.precision == b.precision && a.scale == b.scale));
}

struct duck_type duck_type_widen(struct duck_type a, struct duck_type b)
{
    if (a.foreign || b.foreign) {
        return a.foreign ? a : b;
    }
    struct ps_type_exact wide = ps_type_widen((struct ps_type_exact){a.type, a.precision, a.scale},
                                              (struct ps_type_exact){b.type, b.precision, b.scale});
    return (struct duck_type){.type = wide.type, .precision = wide.precision, .scale = wide.scale};
}

static enum ps_type type_of_id(int id)
{
    switch (id) {
    case DUCK_API_BOOLEAN:
        return PS_TYPE_BOOLEAN;
    case DUCK_API_SMALLINT:
        return PS_TYPE_SHORT;
    case DUCK_API_INTEGER:
        return PS_TYPE_INT;
    case DUCK_API_BIGINT:
        return PS_TYPE_LONG;
    case DUCK_API_FLOAT:
        return PS_TYPE_FLOAT;
    case DUCK_API_DOUBLE:
        return PS_TYPE_DOUBLE;
    case DUCK_API_DATE:
        return PS_TYPE_NAIVE_DATE;
    case DUCK_API_TIMESTAMP:
        return PS_TYPE_NAIVE_DATETIME;
    case DUCK_API_TIMESTAMP_TZ:
        return PS_TYPE_UTC_DATETIME;
    case DUCK_API_BLOB:
        return PS_TYPE_BINARY;
    case DUCK_API_DECIMAL:
        return PS_TYPE_DECIMAL;
    case DUCK_API_VARCHAR:
        return PS_TYPE_STRING;
    default:
        return PS_TYPE_UNSPECIFIED;
    }
}

struct duck_type duck_type_of_api(const struct duck_library *library, struct duck_api_type *type)
{
    struct duck_type result = {.type = type_of_id(library->get_type_id(type))};
    result.foreign = result.type == PS_TYPE_UNSPECIFIED;
    if (result.type == PS_TYPE_DECIMAL) {
        result.precision = library->decimal_width(type);
        result.scale = library->decimal_scale(type);
    }
    char *alias = library->logical_type_get_alias(type);
    if (alias != NULL) {
        /* JSON is VARCHAR under another name; any other alias is a type of the user's. */
        if (result.type == PS_TYPE_STRING && strcmp(alias, "JSON") == 0) {
            result.type = PS_TYPE_JSON;
        } else {
            result.foreign = true;
        }
        library->free(alias);
    }
    return result;
}

static int id_of_type(enum ps_type type)
{
    switch (type) {
    case PS_TYPE_BOOLEAN:
        return DUCK_API_BOOLEAN;
    case PS_TYPE_SHORT:
        return DUCK_API_SMALLINT;
    case PS_TYPE_INT:
        return DUCK_API_INTEGER;
    case PS_TYPE_LONG:
        return DUCK_API_BIGINT;
    case PS_TYPE_FLOAT:
        return DUCK_API_FLOAT;
    case PS_TYPE_DOUBLE:
        return DUCK_API_DOUBLE;
    case PS_TYPE_NAIVE_DATE:
        return DUCK_API_DATE;
    case PS_TYPE_NAIVE_DATETIME:
        return DUCK_API_TIMESTAMP;
    case PS_TYPE_UTC_DATETIME:
        return DUCK_API_TIMESTAMP_TZ;
    case PS_TYPE_BINARY:
        return DUCK_API_BLOB;
    default:
        return DUCK_API_VARCHAR;
    }
}

struct duck_api_type *duck_type_new_api(const struct duck_library *library, struct duck_type type)
{
    if (type.type == PS_TYPE_DECIMAL) {
        return library->create_decimal_type(type.precision, type.scale);
    }
    struct duck_api_type *result = library->create_logical_type(id_of_type(type.type));
    if (result != NULL && type.type == PS_TYPE_JSON) {
        library->logical_type_set_alias(result, "JSON");
    }
    return result;
}
