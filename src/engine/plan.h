/*
 * Planning one table: what is read, under which names it is sent, and how.
 */
#ifndef PS_ENGINE_PLAN_H
#define PS_ENGINE_PLAN_H

#include "engine/claims.h"
#include "engine/engine.h"
#include "engine/names.h"

/*
 * Plans a described table. `warn` is told, as whole sentences, what the user should know.
 * `state` may be NULL: as at its first read.
 */
struct plan_table_request {
    const struct ps_plan_request *plan;
    struct ps_arena *arena;
    const struct ps_table *table;
    const struct destination_name *name;
    const struct ps_selected_table *selected; /* NULL: all columns */
    const struct ps_table_state *state;
    struct flatten_memory *flatten_memory; /* the plan's */
    const struct claims *claims;           /* NULL: no state of another connector counts */
    void (*warn)(void *context, const char *text);
    void *context;
};
enum ps_status plan_table(const struct plan_table_request *request, struct ps_plan_table *ret_table,
                          struct ps_error *err) PS_MUST_CHECK;

/*
 * A plan of no table, for a sync that came to no plan of its own: the metadata tables can be
 * written all the same.
 */
enum ps_status plan_of_nothing(const struct ps_plan_request *request, struct ps_plan **ret_plan,
                               struct ps_error *err) PS_MUST_CHECK;

/* "schema.table", or the table alone where there is no schema. */
const char *plan_table_label(struct ps_arena *arena, const struct ps_table *table);

#endif
