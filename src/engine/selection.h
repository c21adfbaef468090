/*
 * The platform's selection: which schemas, tables and columns its user wants. Names are those that
 * the connector gave in its Schema answer. Absent (NULL): everything.
 */
#ifndef PS_ENGINE_SELECTION_H
#define PS_ENGINE_SELECTION_H

#include <stdbool.h>
#include <stddef.h>

struct ps_selected_column {
    const char *name;
    bool included;
};

struct ps_selected_table {
    const char *name;
    bool included;
    const struct ps_selected_column *columns;
    size_t columns_count;
    bool include_new_columns; /* columns that are not listed */
};

struct ps_selected_schema {
    const char *name;
    bool included;
    const struct ps_selected_table *tables;
    size_t tables_count;
    bool include_new_tables; /* tables that are not listed */
};

/* A selection without schemas is one schema named "" with `include_new_schemas` false. */
struct ps_selection {
    const struct ps_selected_schema *schemas;
    size_t schemas_count;
    bool include_new_schemas; /* schemas that are not listed */
};

/* True where the table is wanted; `ret_table` is its entry, NULL where it has none. */
bool ps_selection_table(const struct ps_selection *selection, const char *schema, const char *table,
                        const struct ps_selected_table **ret_table);

/* True where the column is wanted; `table` may be NULL: all of its columns are. */
bool ps_selection_column(const struct ps_selected_table *table, const char *column);

#endif
