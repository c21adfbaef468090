/*
 * Names in SQL: quoted identifiers and literals, and where a table lies in the warehouse.
 */
#ifndef PS_SINKS_DUCKDB_NAMES_H
#define PS_SINKS_DUCKDB_NAMES_H

#include "base/buffer.h"

/* Columns that the sink itself puts into every table; the last one into those without a key. */
#define DUCK_SYNCED "_fivetran_synced"
#define DUCK_DELETED "_fivetran_deleted"
#define DUCK_ID "_fivetran_id"

/* Tables under this name are loads that are not complete. */
#define DUCK_LOAD_PREFIX "_penstock_load_"
/* Under this one are the keys that were deleted in such a load. */
#define DUCK_GONE_PREFIX "_penstock_gone_"
/* And under this one copies, within one transaction. */
#define DUCK_COPY_PREFIX "_penstock_copy_"

/* Appends "name" with its double quotes doubled. */
void duck_name_quote(struct ps_buffer *out, const char *name);
/*
 * Appends "catalog"."schema"."prefix + name". The catalog, named after the file, is always there: a
 * schema of the same name would make two parts ambiguous.
 */
struct duck_name {
    const char *catalog, *schema, *name;
};
void duck_name_table(struct ps_buffer *out, const struct duck_name *name, const char *prefix);
/* Appends 'text' with its single quotes doubled. */
void duck_name_literal(struct ps_buffer *out, const char *text);
/*
 * The schema of a table in the warehouse: the destination schema, or for a table that has a schema
 * of its own "<destination schema>_<its schema in lower case>".
 */
void duck_name_schema(struct ps_buffer *out, const char *destination_schema, const char *schema);
/* ASCII letters made small, in place: DuckDB's names do not differ by case. */
void duck_name_fold(char *name);

#endif
