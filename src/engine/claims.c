/* Entries and the tables that they name. See claims.h. */
#include "engine/claims.h"

#include <stdlib.h>
#include <string.h>

struct claim {
    const struct ps_imported *entry;
    const struct ps_table *table;
};

struct claims {
    const struct ps_state *state;
    struct claim *sorted; /* by entry */
    size_t count;
};

static int by_entry(const void *a, const void *b)
{
    const struct claim *left = a, *right = b;
    return left->entry < right->entry ? -1 : left->entry > right->entry;
}

enum ps_status claims_new(const struct ps_state *state, const struct ps_table_list *found,
                          struct ps_arena *arena, struct claims **ret_claims, struct ps_error *err)
{
    *ret_claims = NULL;
    if (state == NULL || state->imported_count == 0) {
        return PS_OK;
    }
    struct claims *claims = ps_arena_alloc(arena, sizeof(*claims));
    struct claim *sorted = ps_arena_array(arena, found->tables_count + 1, sizeof(*sorted));
    if (claims == NULL || sorted == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    *claims = (struct claims){.state = state, .sorted = sorted};
    for (size_t i = 0; i < found->tables_count; i++) {
        const struct ps_table *table = found->tables[i];
        const struct ps_imported *entry =
            ps_state_imported_entry(state, table->schema, table->name);
        if (entry != NULL) {
            sorted[claims->count++] = (struct claim){.entry = entry, .table = table};
        }
    }
    qsort(sorted, claims->count, sizeof(*sorted), by_entry);
    *ret_claims = claims;
    return PS_OK;
}

static bool is_same(const struct ps_table *a, const struct ps_table *b)
{
    return strcmp(a->schema, b->schema) == 0 && strcmp(a->name, b->name) == 0;
}

const struct ps_table *claims_rival(const struct claims *claims, const struct ps_table *table,
                                    const char **ret_entry)
{
    if (claims == NULL) {
        return NULL;
    }
    const struct claim key = {
        .entry = ps_state_imported_entry(claims->state, table->schema, table->name)};
    const struct claim *any = key.entry == NULL ? NULL
                                                : bsearch(&key, claims->sorted, claims->count,
                                                          sizeof(*claims->sorted), by_entry);
    if (any == NULL) {
        return NULL;
    }
    const struct claim *first = any, *end = claims->sorted + claims->count;
    while (first > claims->sorted && first[-1].entry == key.entry) {
        first--;
    }
    for (; first < end && first->entry == key.entry; first++) {
        if (!is_same(first->table, table)) {
            *ret_entry = key.entry->name;
            return first->table;
        }
    }
    return NULL;
}
