/*
 * The shapes of types that are not known by their oid (types.h): which are arrays, enums or
 * objects, and how the others become text. Asked of pg_type.
 */
#ifndef PS_SOURCES_POSTGRESQL_SHAPES_H
#define PS_SOURCES_POSTGRESQL_SHAPES_H

#include "sources/postgresql/link.h"
#include "sources/postgresql/types.h"

/* An expression on a row `t` of pg_type: a letter for the shape. */
extern const char shape_sql[];

/* What the expression gave. */
enum type_shape shape_of(const char *letter);

struct shape {
    uint32_t type;
    enum type_shape shape;
};

/* Fills in the shapes of the types named; one that is no more stays as it is. NOMEM, RETRY, … */
enum ps_status shapes_read(struct link *link, struct shape *shapes, size_t count,
                           struct ps_error *err) PS_MUST_CHECK;

#endif
