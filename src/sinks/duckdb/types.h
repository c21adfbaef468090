/*
 * Types: what a column of Penstock is in DuckDB, and which type holds what two others hold. Pure
 * functions. Not for: values (feed.c, fill.c).
 */
#ifndef PS_SINKS_DUCKDB_TYPES_H
#define PS_SINKS_DUCKDB_TYPES_H

#include <stdbool.h>

#include "base/buffer.h"
#include "penstock/schema.h"
#include "sinks/duckdb/library.h"

/* A column's type in the warehouse. */
struct duck_type {
    enum ps_type type;
    uint8_t precision, scale; /* DECIMAL */
    bool foreign;             /* a type that is none of ours, made by somebody else: left alone */
};

struct duck_type duck_type_of_column(const struct ps_column *column);

/* Bytes of a value of it in one of DuckDB's vectors. */
uint8_t duck_type_width(struct duck_type type);

/* Appends the type's name in SQL: "DECIMAL(12,2)". Not for a foreign one. */
void duck_type_sql(struct ps_buffer *out, struct duck_type type);

/* True where both are one type in DuckDB: XML, STRING and UNSPECIFIED all are VARCHAR. */
bool duck_type_same(struct duck_type a, struct duck_type b);

/*
 * The most specific type that holds every value of both without loss; STRING where no other does.
 * Symmetric, and widen(a, widen(a, b)) is widen(a, b). A foreign type stays.
 */
struct duck_type duck_type_widen(struct duck_type a, struct duck_type b);

/* The type of a table's column as DuckDB describes it. Borrows `type`. */
struct duck_type duck_type_of_api(const struct duck_library *library, struct duck_api_type *type);

/* DuckDB's own object for the type; NULL: no memory. Destroy it with destroy_logical_type. */
struct duck_api_type *duck_type_new_api(const struct duck_library *library, struct duck_type type);

#endif
