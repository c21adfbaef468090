/*
 * The state in memory: its tables, kept in byte order, and how they are found. Not for: the
 * document's form (state_read.c, state_write.c; docs/state-format.md).
 */
#include "state/state.h"

#include <string.h>

#include "base/alloc.h"

/* Ten thousand tables with long names take a few MiB; this is a ceiling, not a plan. */
#define ARENA_MAX ((size_t)512 << 20)

enum ps_status ps_state_new(struct ps_state **ret_state, struct ps_error *err)
{
    struct ps_state *state = ps_calloc(1, sizeof(*state));
    if (state != NULL) {
        state->arena = ps_arena_new(ARENA_MAX);
    }
    if (state == NULL || state->arena == NULL) {
        ps_state_free(state);
        return ps_fail_nomem(err, "making a state");
    }
    *ret_state = state;
    return PS_OK;
}

void ps_state_free(struct ps_state *state)
{
    if (state != NULL) {
        for (struct ps_table_state *table = state->tables; table != NULL; table = table->next) {
            ps_load_free(table->load);
            ps_free(table->position);
        }
        ps_arena_free(state->arena);
        ps_free(state->sorted);
        ps_free(state->connector);
        ps_free(state);
    }
}

/* The first index whose table is not before (schema, table). */
static size_t table_place(const struct ps_state *state, const char *schema, const char *table,
                          bool *ret_found)
{
    size_t low = 0, high = state->tables_count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(state->sorted[middle]->schema, schema);
        if (order == 0) {
            order = strcmp(state->sorted[middle]->table, table);
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
            *ret_found = *ret_found || order == 0;
        }
    }
    return low;
}

struct ps_table_state *ps_state_find(const struct ps_state *state, const char *schema,
                                     const char *table)
{
    bool found = false;
    size_t place = table_place(state, schema, table, &found);
    return found ? state->sorted[place] : NULL;
}

static enum ps_status sorted_reserve(struct ps_state *state, struct ps_error *err)
{
    if (state->tables_count < state->sorted_capacity) {
        return PS_OK;
    }
    size_t capacity = state->sorted_capacity == 0 ? 64 : state->sorted_capacity * 2;
    struct ps_table_state **sorted =
        ps_realloc(state->sorted, capacity * sizeof(struct ps_table_state *));
    if (sorted == NULL) {
        return ps_fail_nomem(err, "adding a table to the state");
    }
    state->sorted = sorted;
    state->sorted_capacity = capacity;
    return PS_OK;
}

enum ps_status ps_state_table(struct ps_state *state, const char *schema, const char *table,
                              struct ps_table_state **ret_table, struct ps_error *err)
{
    bool found = false;
    size_t place = table_place(state, schema, table, &found);
    if (found) {
        *ret_table = state->sorted[place];
        return PS_OK;
    }
    enum ps_status status = sorted_reserve(state, err);
    if (status != PS_OK) {
        return status;
    }
    struct ps_table_state *made = ps_arena_alloc(state->arena, sizeof(*made));
    if (made != NULL) {
        made->schema = ps_arena_strdup(state->arena, schema);
        made->table = ps_arena_strdup(state->arena, table);
    }
    if (made == NULL || made->schema == NULL || made->table == NULL) {
        return ps_fail_nomem(err, "adding a table to the state");
    }
    made->destination_schema = "";
    memmove(state->sorted + place + 1, state->sorted + place,
            (state->tables_count - place) * sizeof(struct ps_table_state *));
    state->sorted[place] = made;
    struct ps_table_state **link = place == 0 ? &state->tables : &state->sorted[place - 1]->next;
    made->next = *link;
    *link = made;
    state->tables_count++;
    *ret_table = made;
    return PS_OK;
}

enum ps_status ps_state_set_text(struct ps_state *state, const char **field, const char *text,
                                 struct ps_error *err)
{
    if (*field == text || (*field != NULL && text != NULL && strcmp(*field, text) == 0)) {
        return PS_OK;
    }
    const char *copy = NULL;
    if (text != NULL) {
        copy = ps_arena_strdup(state->arena, text);
        if (copy == NULL) {
            return ps_fail_nomem(err, "changing the state");
        }
    }
    *field = copy;
    return PS_OK;
}

/* Not in the arena: it changes with every batch. */
enum ps_status ps_state_keep_position(struct ps_table_state *table, const char *position,
                                      struct ps_error *err)
{
    char *copy = position == NULL ? NULL : ps_strdup(position);
    if (position != NULL && copy == NULL) {
        return ps_fail_nomem(err, "changing the state");
    }
    ps_free(table->position);
    table->position = copy;
    return PS_OK;
}

/* Not in the arena: it can be large, and changes with every checkpoint. */
enum ps_status ps_state_set_connector(struct ps_state *state, const char *text, size_t size,
                                      struct ps_error *err)
{
    char *copy = ps_strndup(text, size);
    if (copy == NULL) {
        return ps_fail_nomem(err, "changing the state");
    }
    ps_free(state->connector);
    state->connector = copy;
    state->connector_size = size;
    return PS_OK;
}

static enum ps_status keep_column(struct ps_state *state, struct ps_renamed_column **link,
                                  const char *column, const char *name, struct ps_error *err)
{
    /* In byte order, so that the document's text does not depend on which came first. */
    while (*link != NULL && strcmp((*link)->column, column) < 0) {
        link = &(*link)->next;
    }
    if (*link != NULL && strcmp((*link)->column, column) == 0) {
        return ps_state_set_text(state, &(*link)->name, name, err);
    }
    struct ps_renamed_column *renamed = ps_arena_alloc(state->arena, sizeof(*renamed));
    if (renamed != NULL) {
        renamed->column = ps_arena_strdup(state->arena, column);
        renamed->name = ps_arena_strdup(state->arena, name);
    }
    if (renamed == NULL || renamed->column == NULL || renamed->name == NULL) {
        return ps_fail_nomem(err, "changing the state");
    }
    renamed->next = *link;
    *link = renamed;
    return PS_OK;
}

enum ps_status ps_state_rename_column(struct ps_state *state, struct ps_table_state *table,
                                      const char *column, const char *name, struct ps_error *err)
{
    return keep_column(state, &table->renamed, column, name, err);
}

enum ps_status ps_state_flatten_column(struct ps_state *state, struct ps_table_state *table,
                                       const char *member, const char *column, struct ps_error *err)
{
    return keep_column(state, &table->flattened, member, column, err);
}
