/*
 * What a column of PostgreSQL becomes: from its type (domains taken off) and modifier to our type,
 * how it is selected, and how its bytes are decoded. docs/type-mapping.md says the same for people.
 */
#ifndef PS_SOURCES_POSTGRESQL_TYPES_H
#define PS_SOURCES_POSTGRESQL_TYPES_H

#include "penstock/batch.h"
#include "penstock/schema.h"
#include "sources/postgresql/decode.h"

/* Oids of pg_type that are named in more than one file; they never change. */
enum {
    OID_BOOL = 16,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_JSON = 114,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
    OID_UUID = 2950,
    OID_JSONB = 3802,
    OID_XID8 = 5069,
};

/* What the catalog tells of a type that is not known by its oid. */
enum type_shape {
    TYPE_SHAPE_SCALAR,  /* its cast to text is its output function */
    TYPE_SHAPE_PRINTED, /* its cast to text is another function of its own */
    TYPE_SHAPE_ENUM,
    TYPE_SHAPE_ARRAY,
    TYPE_SHAPE_OBJECT, /* composites and hstore: names with values */
};

/* How a column stands in the SELECT list. */
enum type_select {
    TYPE_SELECT_PLAIN,   /* "a" */
    TYPE_SELECT_TEXT,    /* "a"::text */
    TYPE_SELECT_PRINTED, /* concat("a"), which calls the output function */
    TYPE_SELECT_PADDED,  /* char(n) as text: the cast alone would cut its blanks */
    TYPE_SELECT_MONEY,   /* "a"::numeric::text: independent of the unit's sign */
    TYPE_SELECT_ARRAY,   /* to_json("a"), with the lower bounds where they are not 1 */
    TYPE_SELECT_OBJECT,  /* to_json("a") */
    TYPE_SELECT_NOTHING, /* NULL: its value is not wanted */
};

struct type_field {
    enum ps_type type;
    uint8_t precision, scale;
    bool json_valid;
    enum type_select select;
    bool raw; /* selected as bytes: convert_to(…, 'SQL_ASCII') */
    decode_function decode;
    uint32_t element; /* for decode_array: the oid of what is in it */
    uint32_t
        bytes_max; /* for decode_array: of the text, which can be six times the value; 0: any */
};

/*
 * type, modifier: pg_attribute's atttypid and atttypmod, or for a domain those of its base.
 * shape: looked at where the oid says nothing.
 * sql_ascii: the database has no encoding, so texts come raw and are checked here.
 */
struct type_field type_resolve(uint32_t type, int32_t modifier, enum type_shape shape,
                               bool sql_ascii);

/* The same column as a text that holds all its values: for dates, times and decimals. */
void type_as_text(struct type_field *field);

/* True where the oid alone says what the column is. */
bool type_is_known(uint32_t type);

#endif
