/*
 * Names at the destination: they follow from the configuration, and are kept in the state once
 * given, so that a table never changes its place because another one appeared.
 */
#ifndef PS_ENGINE_NAMES_H
#define PS_ENGINE_NAMES_H

#include "engine/engine.h"

/* Where one table lies at the destination. Texts live in the arena. */
struct destination_name {
    const char *schema; /* "": the destination schema itself */
    const char *table;
    bool renamed; /* the plain name was taken: told to the user */
};

/*
 * Names `count` tables, given in byte order of schema and name. CONFIG: two tables of different
 * schemas have one name and `destination_names` is `table`.
 */
enum ps_status names_assign(const struct ps_plan_request *request, struct ps_arena *arena,
                            struct ps_table *const *tables, size_t count,
                            struct destination_name *names, struct ps_error *err) PS_MUST_CHECK;

/*
 * What a user should know of the places at the destination that the state knows and `names`, as
 * names_assign gave them, leave: one line; NULL: there are none.
 */
enum ps_status names_left_behind(const struct ps_plan_request *request, struct ps_arena *arena,
                                 struct ps_table *const *tables, size_t count,
                                 const struct destination_name *names, const char **ret_text,
                                 struct ps_error *err) PS_MUST_CHECK;

/*
 * Gives the columns of one table names that are not the platform's own and do not collide, without
 * regard to case where `ignore_case`: the first in column order keeps its own, the next gets _2, …;
 * those that the state knows keep what they have, also those that members of JSON became.
 * `columns` are changed in place.
 */
enum ps_status names_columns(struct ps_arena *arena, struct ps_column *columns, size_t count,
                             bool ignore_case, const struct ps_table_state *state,
                             struct ps_error *err) PS_MUST_CHECK;

/* The other name under which the column was sent before; NULL: none. */
const char *names_column_before(const struct ps_table_state *state, const char *column);

/* True for the platform's own column names, which no source may send. */
bool names_column_reserved(const char *name);

#endif
