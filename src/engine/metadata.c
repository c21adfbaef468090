/*
 * The tables' names, columns and keys, and which of them a sync has. See metadata.h.
 */
#include "engine/metadata.h"

#include <string.h>
#include <strings.h>

enum { ON_AS_SOURCE, ON_ALWAYS }; /* as the option's choices begin */

/* Where tables lie in schemas of the source's, these lie in one of their own. */
#define OWN_SCHEMA "penstock"

#define KEY(column_name, column_type, position)                                                    \
    {                                                                                              \
        .name = column_name, .source_type = "", .type = column_type, .key_position = position      \
    }
#define COLUMN(column_name, column_type)                                                           \
    {                                                                                              \
        .name = column_name, .source_type = "", .type = column_type, .nullable = true              \
    }
#define SYNC_KEY KEY("sync_timestamp", PS_TYPE_UTC_DATETIME, 1)

static const struct ps_column validation[] = {
    SYNC_KEY,
    KEY("tablename", PS_TYPE_STRING, 2),
    COLUMN("datetime", PS_TYPE_UTC_DATETIME),
    COLUMN("count", PS_TYPE_LONG),
    COLUMN("count_method", PS_TYPE_STRING),
    COLUMN("records_processed", PS_TYPE_LONG),
    COLUMN("deletes", PS_TYPE_LONG),
    COLUMN("skipped", PS_TYPE_LONG),
    COLUMN("category", PS_TYPE_STRING),
    COLUMN("processing_order", PS_TYPE_LONG),
    COLUMN("mode", PS_TYPE_STRING),
    COLUMN("seconds", PS_TYPE_DOUBLE),
};

static const struct ps_column sync_validation[] = {
    SYNC_KEY,
    COLUMN("total_tables", PS_TYPE_LONG),
    COLUMN("total_records", PS_TYPE_LONG),
    COLUMN("tables_processed", PS_TYPE_STRING),
};

static const struct ps_column resource_usage[] = {
    SYNC_KEY,
    KEY("sampled_at", PS_TYPE_UTC_DATETIME, 2),
    COLUMN("memory_percent", PS_TYPE_DOUBLE),
    COLUMN("cpu_percent", PS_TYPE_DOUBLE),
    COLUMN("disk_percent", PS_TYPE_DOUBLE),
    COLUMN("memory_bytes", PS_TYPE_LONG),
    COLUMN("limit_bytes", PS_TYPE_LONG),
    COLUMN("pressure", PS_TYPE_DOUBLE),
};

static const struct ps_column processing_statistics[] = {
    SYNC_KEY,
    KEY("tablename", PS_TYPE_STRING, 2),
    COLUMN("rows", PS_TYPE_LONG),
    COLUMN("bytes", PS_TYPE_LONG),
    COLUMN("seconds", PS_TYPE_DOUBLE),
    COLUMN("rows_per_second", PS_TYPE_DOUBLE),
    COLUMN("threads", PS_TYPE_LONG),
    COLUMN("batch_rows", PS_TYPE_LONG),
    COLUMN("retries", PS_TYPE_LONG),
};

static const struct ps_column error_statistics[] = {
    SYNC_KEY,
    KEY("tablename", PS_TYPE_STRING, 2),
    KEY("class", PS_TYPE_STRING, 3),
    KEY("code", PS_TYPE_STRING, 4),
    COLUMN("occurrences", PS_TYPE_LONG),
    COLUMN("recovered", PS_TYPE_LONG),
    COLUMN("waited_seconds", PS_TYPE_DOUBLE),
};

static const struct ps_column parameter_history[] = {
    SYNC_KEY,
    KEY("changed_at", PS_TYPE_UTC_DATETIME, 2),
    KEY("tablename", PS_TYPE_STRING, 3),
    KEY("parameter", PS_TYPE_STRING, 4),
    COLUMN("old_value", PS_TYPE_LONG),
    COLUMN("new_value", PS_TYPE_LONG),
    COLUMN("cause", PS_TYPE_STRING),
};

#define TABLE(table_name, table_columns, keys)                                                     \
    {                                                                                              \
        .schema = "", .name = table_name, .kind = PS_TABLE_ORDINARY, .columns = (table_columns),   \
        .columns_count = sizeof(table_columns) / sizeof((table_columns)[0]), .keys_count = (keys), \
        .rows_estimate = -1, .bytes_estimate = -1                                                  \
    }

static const struct ps_table tables[METADATA_TABLES] = {
    [METADATA_VALIDATION] = TABLE("VALIDATION", validation, 2),
    [METADATA_SYNC_VALIDATION] = TABLE("SYNC_VALIDATION", sync_validation, 1),
    [METADATA_RESOURCE_USAGE] = TABLE("RESOURCE_USAGE", resource_usage, 2),
    [METADATA_PROCESSING_STATISTICS] = TABLE("PROCESSING_STATISTICS", processing_statistics, 2),
    [METADATA_ERROR_STATISTICS] = TABLE("ERROR_STATISTICS", error_statistics, 4),
    [METADATA_PARAMETER_HISTORY] = TABLE("PARAMETER_HISTORY", parameter_history, 4),
};

bool metadata_is_on(const struct ps_plan_request *request)
{
    int choice = ps_config_choice(request->config, "metadata_tables");
    return choice == ON_ALWAYS ||
           (choice == ON_AS_SOURCE && (request->source_ops->caps & PS_CAP_METADATA) != 0);
}

const struct ps_table *metadata_table(enum metadata_kind kind)
{
    return &tables[kind];
}

bool metadata_is_wanted(const struct ps_plan_request *request, enum metadata_kind kind)
{
    bool monitoring = kind != METADATA_VALIDATION && kind != METADATA_SYNC_VALIDATION;
    const char *const *unwanted = ps_config_list(request->config, "exclude_tables", NULL);
    if (!metadata_is_on(request) ||
        (monitoring && !ps_config_boolean(request->config, "enable_resource_monitoring"))) {
        return false;
    }
    for (size_t i = 0; unwanted[i] != NULL; i++) {
        if (ps_table_pattern_match(unwanted[i], "", tables[kind].name)) {
            return false;
        }
    }
    return true;
}

/* A destination may not tell upper from lower case; what is left out must not depend on it. */
static bool is_taken(const struct metadata_request *request, const char *schema, const char *name)
{
    for (size_t i = 0; i < request->names_count; i++) {
        if (strcasecmp(request->names[i].schema, schema) == 0 &&
            strcasecmp(request->names[i].table, name) == 0) {
            return true;
        }
    }
    return false;
}

/* The table with the columns that are wanted. */
static enum ps_status make_table(const struct metadata_request *request, enum metadata_kind kind,
                                 const char *schema, const struct ps_selected_table *selected,
                                 struct ps_metadata_table *ret_table, struct ps_error *err)
{
    const struct ps_table *whole = &tables[kind];
    struct ps_table *table = ps_arena_alloc(request->arena, sizeof(*table));
    struct ps_column *columns =
        ps_arena_array(request->arena, whole->columns_count, sizeof(*columns));
    uint32_t *indexes = ps_arena_array(request->arena, whole->columns_count, sizeof(*indexes));
    if (table == NULL || columns == NULL || indexes == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    *table = *whole;
    table->schema = schema;
    table->columns = columns;
    table->columns_count = 0;
    for (uint32_t i = 0; i < whole->columns_count; i++) {
        if (whole->columns[i].key_position != 0 ||
            ps_selection_column(selected, whole->columns[i].name)) {
            indexes[table->columns_count] = i;
            columns[table->columns_count++] = whole->columns[i];
        }
    }
    *ret_table =
        (struct ps_metadata_table){.kind = (uint32_t)kind, .table = table, .columns = indexes};
    return PS_OK;
}

enum ps_status metadata_plan(const struct metadata_request *request, struct ps_plan *plan,
                             struct ps_error *err)
{
    const char *names = ps_config_text_or_empty(request->plan->config, "destination_names");
    const char *schema = strcasecmp(names, "schema") == 0 ? OWN_SCHEMA : "";
    plan->metadata_count = 0;
    plan->metadata = ps_arena_array(request->arena, METADATA_TABLES, sizeof(*plan->metadata));
    if (plan->metadata == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    for (enum metadata_kind kind = 0; kind < METADATA_TABLES; kind++) {
        const struct ps_table *table = &tables[kind];
        const struct ps_selected_table *selected = NULL;
        if (!metadata_is_wanted(request->plan, kind) ||
            !ps_selection_table(request->plan->selection, schema, table->name, &selected)) {
            continue;
        }
        if (is_taken(request, schema, table->name)) {
            const char *text = ps_arena_printf(
                request->arena,
                "the metadata table %s is left out: a table of the source has its name "
                "(metadata_tables)",
                table->name);
            if (text == NULL) {
                return ps_fail_nomem(err, "planning the sync");
            }
            request->warn(request->context, text);
            continue;
        }
        enum ps_status status =
            make_table(request, kind, schema, selected, &plan->metadata[plan->metadata_count], err);
        if (status != PS_OK) {
            return status;
        }
        plan->metadata_count++;
    }
    return PS_OK;
}

enum ps_status metadata_plan_alone(const struct metadata_request *request, struct ps_plan *plan,
                                   struct ps_error *err)
{
    const struct ps_state *state = request->plan->state;
    struct metadata_request known = *request;
    struct destination_name *names =
        ps_arena_array(request->arena, state->tables_count + 1, sizeof(*names));
    if (names == NULL) {
        return ps_fail_nomem(err, "planning the sync");
    }
    known.names = names;
    known.names_count = 0;
    for (const struct ps_table_state *table = state->tables; table != NULL; table = table->next) {
        if (table->destination_table != NULL) {
            names[known.names_count++] = (struct destination_name){
                .schema = table->destination_schema, .table = table->destination_table};
        }
    }
    return metadata_plan(&known, plan, err);
}
