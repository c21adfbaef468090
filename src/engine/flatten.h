/*
 * The option `flatten`: members of JSON objects become columns of the table. This is what the
 * workers of one table share: which members have a column by now, and its name and type. The rule
 * is told in docs/flattening.md.
 *
 * Shapes follow one another: each has all columns of the one before, some of wider types. A batch
 * is made and queued between flatten_enter and flatten_leave; a new shape comes between them all,
 * so that the queue never holds a batch of an older shape behind one of a newer.
 */
#ifndef PS_ENGINE_FLATTEN_H
#define PS_ENGINE_FLATTEN_H

#include "data/widen.h"
#include "engine/plan.h"

#define FLATTEN_DEPTH_MAX 8
#define FLATTEN_COLUMNS_MAX 256 /* of one table */

/* A member that has a column. */
struct flatten_place {
    uint32_t parent;  /* the JSON column: index into the sink_table, and into the batch read */
    const char *path; /* JSON Pointer (RFC 6901): "/address/city" */
    const char *name; /* at the destination */
    int32_t column;   /* index into the sink_table; -1: the platform's user does not want it */
    struct ps_type_exact type;
};

struct flatten_shape {
    /* With the sink_table that has the columns; NULL: that of the plan itself. */
    const struct ps_plan_table *plan;
    const struct flatten_place *places;
    uint32_t places_count;
    const uint16_t *index; /* hash table of places + 1; 0: empty */
    bool full;             /* what has no place stays JSON */
};

/* Where the flatteners of one sync keep what they learn. Locks itself. */
struct flatten_memory;
enum ps_status flatten_memory_new(struct flatten_memory **ret_memory,
                                  struct ps_error *err) PS_MUST_CHECK;
void flatten_memory_free(struct flatten_memory *memory); /* NULL is fine; no flattener is used */

/*
 * Where `flatten` is on for the table: gives the planned table a flattener, and its sink_table the
 * columns that the state knows. `left_out` is changed for those of them that are not sent.
 */
enum ps_status flatten_plan(const struct plan_table_request *request, struct ps_plan_table *planned,
                            uint32_t *left_out, struct ps_error *err) PS_MUST_CHECK;

/* True where this column of the planned table is taken apart. */
bool flatten_takes(const struct ps_plan_table *table, uint32_t column);

/* True where a member's column could have a name; one that is too long stays JSON. */
bool flatten_nameable(const struct ps_plan_table *table, uint32_t parent, const char *path);

/* Members stay JSON because the table has no room for more columns. Any thread. */
void flatten_note_crowded(struct flattener *flattener);
bool flatten_is_crowded(const struct flattener *flattener); /* NULL is fine */

/* The shape that counts until flatten_leave. */
const struct flatten_shape *flatten_enter(struct flattener *flattener);
void flatten_leave(struct flattener *flattener);

/* The place of a member; NULL: it has none. */
const struct flatten_place *flatten_find(const struct flatten_shape *shape, uint32_t parent,
                                         const char *path);

/* A member that needs a column, or a wider one. */
struct flatten_wish {
    uint32_t parent;
    char *path;
    struct ps_type_exact type;
};
/*
 * Makes a new shape that grants the wishes, unless another worker has. Outside of enter and leave;
 * `base`: the table as it was planned.
 */
enum ps_status flatten_grow(struct flattener *flattener, const struct ps_plan_table *base,
                            const struct flatten_wish *wishes, size_t count,
                            struct ps_error *err) PS_MUST_CHECK;

/* The columns that the table has by now, as a state keeps them. False: no memory. */
bool flatten_kept(struct ps_arena *arena, const struct ps_plan_table *table,
                  struct ps_renamed_column **ret_columns);

/* Keeps in the state which columns the shape has. */
enum ps_status flatten_remember(struct ps_state *state, struct ps_table_state *table_state,
                                const struct ps_plan_table *table,
                                struct ps_error *err) PS_MUST_CHECK;

#endif
