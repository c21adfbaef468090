/*
 * Members of JSON objects as values of columns: which type a member asks for, how types join, and
 * how a member is put into a batch. Exact: a number keeps all its digits or becomes a text. Not
 * for: which members become columns (engine/flatten.h). docs/flattening.md.
 */
#ifndef PS_DATA_FLATTEN_H
#define PS_DATA_FLATTEN_H

#include "base/json.h"
#include "data/widen.h"
#include "penstock/batch.h"

/* A member that became, or is to become, a column's value; never JSON's null. */
struct ps_leaf {
    enum ps_json_kind kind;
    const char *text; /* NUMBER: as written. STRING: the text. ARRAY, OBJECT: as JSON. Else "" */
    size_t size;
};

/* True where a column of that type takes the member as it is. */
bool ps_leaf_fits(const struct ps_leaf *leaf, struct ps_type_exact type);

/*
 * The type of a column that takes the member and all that one of `type` takes; UNSPECIFIED: there
 * is no such column yet. DECIMALs grow in steps, so that a column does not change with each digit.
 */
struct ps_type_exact ps_leaf_join(const struct ps_leaf *leaf, struct ps_type_exact type);

/* Puts a member that fits into a column of the row begun. False: no memory. */
bool ps_leaf_put(struct ps_batch *batch, uint32_t column, const struct ps_leaf *leaf) PS_MUST_CHECK;

/* Writes a tree; `name` as for the writer's other values. */
void ps_json_put_tree(struct ps_json_writer *writer, const char *name, const struct ps_json *node);

#endif
