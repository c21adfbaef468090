/*
 * What a column of PostgreSQL becomes: from its type (domains taken off) and modifier to our type,
 * how it is selected, and how its bytes are decoded.
 */
#ifndef PS_SOURCES_POSTGRESQL_TYPES_H
#define PS_SOURCES_POSTGRESQL_TYPES_H

#include "penstock/batch.h"
#include "penstock/schema.h"
#include "sources/postgresql/decode.h"

/* How a column stands in the SELECT list. */
enum type_select {
    TYPE_SELECT_PLAIN,   /* "a" */
    TYPE_SELECT_TEXT,    /* "a"::text */
    TYPE_SELECT_MONEY,   /* "a"::numeric::text: independent of the unit's sign */
    TYPE_SELECT_RAW,     /* convert_to("a"::text, 'SQL_ASCII') */
    TYPE_SELECT_RAW_PAD, /* the same for char(n), whose cast to text would cut its blanks */
};

struct type_field {
    enum ps_type type;
    uint8_t precision, scale;
    bool json_valid;
    enum type_select select;
    decode_function decode;
};

/*
 * type, modifier: pg_attribute's atttypid and atttypmod, or for a domain those of its base.
 * sql_ascii: the database has no encoding, so texts come raw and are checked here.
 */
struct type_field type_resolve(uint32_t type, int32_t modifier, bool sql_ascii);

#endif
