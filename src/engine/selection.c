/*
 * Looking a table or column up in the platform's selection. The lists come from one request and
 * are searched in order; a table's own entry is found once a sync.
 */
#include "engine/selection.h"

#include <string.h>

static const struct ps_selected_schema *find_schema(const struct ps_selection *selection,
                                                    const char *name)
{
    for (size_t i = 0; i < selection->schemas_count; i++) {
        if (strcmp(selection->schemas[i].name, name) == 0) {
            return &selection->schemas[i];
        }
    }
    return NULL;
}

bool ps_selection_table(const struct ps_selection *selection, const char *schema, const char *table,
                        const struct ps_selected_table **ret_table)
{
    *ret_table = NULL;
    if (selection == NULL) {
        return true;
    }
    const struct ps_selected_schema *in = find_schema(selection, schema);
    if (in == NULL) {
        return selection->include_new_schemas;
    }
    if (!in->included) {
        return false;
    }
    for (size_t i = 0; i < in->tables_count; i++) {
        if (strcmp(in->tables[i].name, table) == 0) {
            *ret_table = &in->tables[i];
            return in->tables[i].included;
        }
    }
    return in->include_new_tables;
}

bool ps_selection_column(const struct ps_selected_table *table, const char *column)
{
    if (table == NULL) {
        return true;
    }
    for (size_t i = 0; i < table->columns_count; i++) {
        if (strcmp(table->columns[i].name, column) == 0) {
            return table->columns[i].included;
        }
    }
    return table->include_new_columns;
}
