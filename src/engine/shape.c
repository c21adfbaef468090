/*
 * Shapes (engine/shape.h; docs/columns.md).
 */
#include "engine/shape.h"

#include <string.h>

#include "base/random.h"
#include "engine/column_types.h"

enum ps_status shape_keys(const struct ps_config *config, struct ps_arena *arena,
                          const struct ps_table *table, const struct ps_table **ret_table,
                          struct ps_error *err)
{
    const char *choice = ps_config_by_table(config, "primary_keys", table->schema, table->name);
    bool none = choice != NULL && strcmp(choice, "none") == 0;
    bool declared = choice != NULL && strcmp(choice, "declared") == 0;
    *ret_table = table;
    if (table->keys_count == 0 || (!none && !(declared && table->key_derived))) {
        return PS_OK;
    }
    struct ps_table *copy = ps_arena_alloc(arena, sizeof(*copy));
    struct ps_column *columns =
        ps_arena_array(arena, table->columns_count + (size_t)1, sizeof(*columns));
    if (copy == NULL || columns == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    *copy = *table;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        columns[i] = table->columns[i];
        columns[i].key_position = 0;
    }
    copy->columns = columns;
    copy->keys_count = 0;
    copy->key_derived = false;
    *ret_table = copy;
    return PS_OK;
}

/* A type that does not hold all values that the source may have: infinite times, NaN. */
static bool is_narrow(enum ps_type type)
{
    return type == PS_TYPE_NAIVE_DATE || type == PS_TYPE_NAIVE_DATETIME ||
           type == PS_TYPE_UTC_DATETIME || type == PS_TYPE_DECIMAL;
}

/* What is to be a text anyhow is one from the source on, but for what the engine looks at. */
static enum ps_status read_texts(const struct plan_table_request *request,
                                 struct ps_plan_table *planned, struct ps_error *err)
{
    if ((request->plan->source_ops->caps & PS_CAP_TEXTS) == 0) {
        return PS_OK;
    }
    const struct ps_table *own = planned->read_table;
    uint32_t count = own->columns_count;
    struct ps_table *read_table = ps_arena_alloc(request->arena, sizeof(*read_table));
    struct ps_column *columns = ps_arena_array(request->arena, count + (size_t)1, sizeof(*columns));
    bool *as_text = ps_arena_array(request->arena, count + (size_t)1, sizeof(*as_text));
    if (read_table == NULL || columns == NULL || as_text == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = own->columns[i];
        as_text[i] = i < planned->sent_count && (int32_t)i != planned->cursor &&
                     (int32_t)i != planned->soft_delete && is_narrow(columns[i].type) &&
                     planned->sink_table->columns[i].type == PS_TYPE_STRING;
        if (as_text[i]) {
            columns[i].type = PS_TYPE_STRING;
            columns[i].precision = columns[i].scale = 0;
        }
    }
    *read_table = *own;
    read_table->columns = columns;
    planned->read_table = read_table;
    planned->as_text = as_text;
    return PS_OK;
}

enum ps_status shape_types(const struct plan_table_request *request, struct ps_plan_table *planned,
                           struct ps_error *err)
{
    if (!ps_config_is_set(request->plan->config, "column_types")) {
        return PS_OK;
    }
    const struct ps_table *as_read = planned->sink_table;
    struct ps_table *sink_table = ps_arena_alloc(request->arena, sizeof(*sink_table));
    struct ps_column *columns =
        ps_arena_array(request->arena, as_read->columns_count + (size_t)1, sizeof(*columns));
    if (sink_table == NULL || columns == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    enum ps_status status = PS_OK;
    for (uint32_t i = 0; i < as_read->columns_count && status == PS_OK; i++) {
        columns[i] = as_read->columns[i];
        status = column_types_apply(request->plan->config, request->table, &columns[i],
                                    request->table->columns[planned->read_columns[i]].name, err);
    }
    *sink_table = *as_read;
    sink_table->columns = columns;
    planned->sink_table = sink_table;
    return status == PS_OK ? read_texts(request, planned, err) : status;
}

static uint64_t hash_of(const char *text)
{
    return ps_hash64(ps_hash_bytes(text, strlen(text)));
}

uint32_t shape_values_hash(const struct ps_config *config, const struct ps_plan_table *planned)
{
    const struct ps_table *table = planned->source_table;
    const char *empty = ps_config_by_table(config, "empty_value", table->schema, table->name);
    uint64_t hash = empty == NULL ? 0 : hash_of(empty);
    hash += planned->flattener == NULL ? 0 : hash_of("flatten");
    for (uint32_t i = 0; i < planned->sent_count; i++) {
        const struct ps_column *sent = &planned->sink_table->columns[i];
        const struct ps_column *read = &table->columns[planned->read_columns[i]];
        if (sent->type != read->type || sent->precision != read->precision ||
            sent->scale != read->scale) {
            hash += ps_hash64(hash_of(sent->name) ^ ((uint64_t)sent->type << 16 |
                                                     (uint64_t)sent->precision << 8 | sent->scale));
        }
    }
    return (uint32_t)hash;
}

enum ps_status shape_check_change(const struct plan_table_request *request,
                                  const struct fingerprint_subject *subject, struct ps_error *err)
{
    int choice = ps_config_choice(request->plan->config, "on_schema_change");
    const char *former = request->state == NULL ? NULL : request->state->fingerprint;
    if (choice <= 0 || former == NULL) {
        return PS_OK;
    }
    const char *change = fingerprint_difference(former, subject, request->arena);
    if (change == NULL) {
        return PS_OK;
    }
    const char *label = plan_table_label(request->arena, request->table);
    if (choice == 2) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SCHEMA,
                       "\"%s\" is not what it was at the last sync: %s (on_schema_change is stop; "
                       "with apply or warn the next sync takes that over)",
                       label, change);
    }
    const char *text = ps_arena_printf(
        request->arena, "\"%s\" is not what it was at the last sync: %s", label, change);
    if (text == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    request->warn(request->context, text);
    return PS_OK;
}
