/*
 * Destination names, and the collisions that a destination without upper and lower case makes.
 */
#include "engine/names.h"

#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/random.h"

/* A warning that names all of ten thousand tables is read by nobody. */
#define LEFT_BEHIND_NAMED 50u

enum naming { NAMING_TABLE, NAMING_SCHEMA_TABLE, NAMING_SCHEMA };

/* An open-addressing set of full names; at most half full. */
struct name_set {
    const char **slots;
    size_t size; /* a power of two */
    bool ignore_case;
    struct ps_arena *arena;
};

static const char *fold(struct ps_arena *arena, const char *text, bool ignore_case)
{
    char *copy = ps_arena_strdup(arena, text);
    for (char *c = copy; ignore_case && c != NULL && *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
    return copy;
}

static bool set_init(struct name_set *set, struct ps_arena *arena, size_t names, bool ignore_case)
{
    size_t size = 16;
    while (size < 2 * names) {
        size *= 2;
    }
    *set = (struct name_set){.size = size, .ignore_case = ignore_case, .arena = arena};
    set->slots = ps_arena_array(arena, size, sizeof(*set->slots));
    return set->slots != NULL;
}

enum set_result { SET_ADDED, SET_TAKEN, SET_NOMEM };

static enum set_result set_add(struct name_set *set, const char *schema, const char *table)
{
    /* A schema's own name is folded at every destination: it becomes a lower-case suffix. */
    const char *folded_schema = fold(set->arena, schema, true);
    const char *folded_table = fold(set->arena, table, set->ignore_case);
    if (folded_schema == NULL || folded_table == NULL) {
        return SET_NOMEM;
    }
    char *key = ps_arena_printf(set->arena, "%zu.%s.%s", strlen(folded_schema), folded_schema,
                                folded_table);
    if (key == NULL) {
        return SET_NOMEM;
    }
    size_t slot = ps_hash_bytes(key, strlen(key)) & (set->size - 1);
    while (set->slots[slot] != NULL) {
        if (strcmp(set->slots[slot], key) == 0) {
            return SET_TAKEN;
        }
        slot = (slot + 1) & (set->size - 1);
    }
    set->slots[slot] = key;
    return SET_ADDED;
}

/* True where `name` is `base` itself or `base` with _2, _3, … after it. */
static bool is_variant(const char *name, const char *base)
{
    size_t size = strlen(base);
    if (strncmp(name, base, size) != 0) {
        return false;
    }
    name += size;
    return *name == '\0' ||
           (*name == '_' && name[1] != '\0' && strspn(name + 1, "0123456789") == strlen(name + 1));
}

static enum ps_status base_name(struct ps_arena *arena, enum naming naming,
                                const struct ps_table *table, struct destination_name *name,
                                struct ps_error *err)
{
    name->schema = naming == NAMING_SCHEMA ? table->schema : "";
    name->table = table->name;
    if (naming == NAMING_SCHEMA_TABLE && table->schema[0] != '\0') {
        name->table = ps_arena_printf(arena, "%s_%s", table->schema, table->name);
        if (name->table == NULL) {
            return ps_fail_nomem(err, "naming the destination's tables");
        }
    }
    return PS_OK;
}

static enum ps_status claim(struct name_set *set, struct destination_name *name,
                            struct ps_error *err)
{
    const char *plain = name->table;
    for (unsigned number = 2;; number++) {
        switch (set_add(set, name->schema, name->table)) {
        case SET_ADDED:
            return PS_OK;
        case SET_NOMEM:
            return ps_fail_nomem(err, "naming the destination's tables");
        case SET_TAKEN:
            name->renamed = true;
            name->table = ps_arena_printf(set->arena, "%s_%u", plain, number);
            if (name->table == NULL) {
                return ps_fail_nomem(err, "naming the destination's tables");
            }
        }
    }
}

/* `destination_names = table` cannot tell a.t from b.t: a person must choose. */
static enum ps_status check_plain(struct ps_arena *arena, struct ps_table *const *tables,
                                  size_t count, struct ps_error *err)
{
    struct name_set set;
    if (!set_init(&set, arena, count, false)) {
        return ps_fail_nomem(err, "naming the destination's tables");
    }
    for (size_t i = 0; i < count; i++) {
        enum set_result result = set_add(&set, "", tables[i]->name);
        if (result == SET_NOMEM) {
            return ps_fail_nomem(err, "naming the destination's tables");
        }
        if (result == SET_TAKEN) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "more than one schema has a table named \"%s\", and both would lie in "
                           "one place at the destination: set `destination_names` to schema_table "
                           "or schema, or leave one out with `exclude_tables`",
                           tables[i]->name);
        }
    }
    return PS_OK;
}

enum ps_status names_assign(const struct ps_plan_request *request, struct ps_arena *arena,
                            struct ps_table *const *tables, size_t count,
                            struct destination_name *names, struct ps_error *err)
{
    enum naming naming = (enum naming)ps_config_choice(request->config, "destination_names");
    enum ps_status status;
    if (naming == NAMING_TABLE && (status = check_plain(arena, tables, count, err)) != PS_OK) {
        return status;
    }
    struct name_set set;
    if (!set_init(&set, arena, count, (request->sink_caps & PS_SINK_IGNORES_CASE) != 0)) {
        return ps_fail_nomem(err, "naming the destination's tables");
    }
    bool *kept = ps_arena_array(arena, count, sizeof(*kept));
    if (kept == NULL) {
        return ps_fail_nomem(err, "naming the destination's tables");
    }
    for (size_t i = 0; i < count; i++) {
        if ((status = base_name(arena, naming, tables[i], &names[i], err)) != PS_OK) {
            return status;
        }
        const struct ps_table_state *state =
            request->state == NULL
                ? NULL
                : ps_state_find(request->state, tables[i]->schema, tables[i]->name);
        if (state != NULL && state->destination_table != NULL &&
            strcmp(state->destination_schema, names[i].schema) == 0 &&
            is_variant(state->destination_table, names[i].table)) {
            names[i].table = ps_arena_strdup(arena, state->destination_table);
            if (names[i].table == NULL) {
                return ps_fail_nomem(err, "naming the destination's tables");
            }
            kept[i] = true;
            if (set_add(&set, names[i].schema, names[i].table) == SET_NOMEM) {
                return ps_fail_nomem(err, "naming the destination's tables");
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (!kept[i] && (status = claim(&set, &names[i], err)) != PS_OK) {
            return status;
        }
    }
    return PS_OK;
}

/* The place that the state knows, where it is neither the present one nor another table's. */
static bool place_left(struct name_set *set, const struct ps_table_state *state,
                       const struct destination_name *name)
{
    return state != NULL && state->destination_table != NULL &&
           (strcmp(state->destination_schema, name->schema) != 0 ||
            strcmp(state->destination_table, name->table) != 0) &&
           set_add(set, state->destination_schema, state->destination_table) == SET_ADDED;
}

enum ps_status names_left_behind(const struct ps_plan_request *request, struct ps_arena *arena,
                                 struct ps_table *const *tables, size_t count,
                                 const struct destination_name *names, const char **ret_text,
                                 struct ps_error *err)
{
    struct name_set set;
    struct ps_buffer list;
    size_t left = 0;
    ps_buffer_init(&list, 0);
    *ret_text = NULL;
    /* Twice as many: those of now, and those of before. */
    bool ok = request->state == NULL ||
              set_init(&set, arena, 2 * count, (request->sink_caps & PS_SINK_IGNORES_CASE) != 0);
    for (size_t i = 0; ok && request->state != NULL && i < count; i++) {
        ok = set_add(&set, names[i].schema, names[i].table) != SET_NOMEM;
    }
    for (size_t i = 0; ok && request->state != NULL && i < count; i++) {
        const struct ps_table_state *state =
            ps_state_find(request->state, tables[i]->schema, tables[i]->name);
        if (place_left(&set, state, &names[i]) && left++ < LEFT_BEHIND_NAMED) {
            ps_buffer_printf(
                &list, "%s\"%s%s%s\"", left == 1 ? "" : ", ", state->destination_schema,
                state->destination_schema[0] == '\0' ? "" : ".", state->destination_table);
        }
    }
    if (ok && left > 0) {
        if (left > LEFT_BEHIND_NAMED) {
            ps_buffer_printf(&list, " and %zu more", left - LEFT_BEHIND_NAMED);
        }
        *ret_text = ps_arena_printf(
            arena,
            "the names at the destination have changed: %zu table%s stay%s there under the former "
            "name%s, with the rows of the last sync, and will not be written any more: %s. Drop "
            "what nobody needs",
            left, left == 1 ? "" : "s", left == 1 ? "s" : "", left == 1 ? "" : "s",
            ps_buffer_text(&list));
        ok = ps_buffer_ok(&list) && *ret_text != NULL;
    }
    ps_buffer_done(&list);
    return ok ? PS_OK : ps_fail_nomem(err, "naming the destination's tables");
}

bool names_column_reserved(const char *name)
{
    static const char *const reserved[] = {
        "_fivetran_synced", "_fivetran_deleted", "_fivetran_id",  "_fivetran_index",
        "_fivetran_active", "_fivetran_start",   "_fivetran_end",
    };
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
        if (strcasecmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

const char *names_column_before(const struct ps_table_state *state, const char *column)
{
    const struct ps_renamed_column *renamed = state == NULL ? NULL : state->renamed;
    for (; renamed != NULL; renamed = renamed->next) {
        if (strcmp(renamed->column, column) == 0) {
            return renamed->name;
        }
    }
    return NULL;
}

/* The column's own name, or with _2, _3, … after it, where that is taken or the platform's. */
static enum ps_status claim_column(struct name_set *set, struct ps_column *column,
                                   struct ps_error *err)
{
    const char *plain = column->name;
    for (unsigned number = 2;; number++) {
        enum set_result result =
            names_column_reserved(column->name) ? SET_TAKEN : set_add(set, "", column->name);
        if (result == SET_ADDED) {
            return PS_OK;
        }
        column->name =
            result == SET_NOMEM ? NULL : ps_arena_printf(set->arena, "%s_%u", plain, number);
        if (column->name == NULL) {
            return ps_fail_nomem(err, "naming the destination's columns");
        }
    }
}

enum ps_status names_columns(struct ps_arena *arena, struct ps_column *columns, size_t count,
                             bool ignore_case, const struct ps_table_state *state,
                             struct ps_error *err)
{
    struct name_set set;
    bool *kept = ps_arena_array(arena, count + 1, sizeof(*kept));
    size_t flattened_count = 0;
    const struct ps_renamed_column *flattened = state == NULL ? NULL : state->flattened;
    for (const struct ps_renamed_column *at = flattened; at != NULL; at = at->next) {
        flattened_count++;
    }
    if (kept == NULL || !set_init(&set, arena, count + flattened_count, ignore_case)) {
        return ps_fail_nomem(err, "naming the destination's columns");
    }
    for (; flattened != NULL; flattened = flattened->next) {
        const char *blank = strchr(flattened->name, ' ');
        if (blank != NULL && set_add(&set, "", blank + 1) == SET_NOMEM) {
            return ps_fail_nomem(err, "naming the destination's columns");
        }
    }
    for (size_t i = 0; i < count; i++) {
        const char *before = names_column_before(state, columns[i].name);
        if (before != NULL) {
            columns[i].name = ps_arena_strdup(arena, before);
            kept[i] = true;
            if (columns[i].name == NULL || set_add(&set, "", before) == SET_NOMEM) {
                return ps_fail_nomem(err, "naming the destination's columns");
            }
        }
    }
    enum ps_status status = PS_OK;
    for (size_t i = 0; i < count && status == PS_OK; i++) {
        status = kept[i] ? PS_OK : claim_column(&set, &columns[i], err);
    }
    return status;
}
