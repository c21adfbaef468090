/*
 * The names of types, and the lists of tables that sources fill (penstock/schema.h).
 */
#include "penstock/schema.h"

#include <stdarg.h>
#include <string.h>

#include "base/arena.h"

#define LIST_CAPACITY_FIRST 16u

const char *ps_type_name(enum ps_type type)
{
    static const char *const names[PS_TYPES] = {
        [PS_TYPE_UNSPECIFIED] = "UNSPECIFIED",
        [PS_TYPE_BOOLEAN] = "BOOLEAN",
        [PS_TYPE_SHORT] = "SHORT",
        [PS_TYPE_INT] = "INT",
        [PS_TYPE_LONG] = "LONG",
        [PS_TYPE_DECIMAL] = "DECIMAL",
        [PS_TYPE_FLOAT] = "FLOAT",
        [PS_TYPE_DOUBLE] = "DOUBLE",
        [PS_TYPE_NAIVE_DATE] = "NAIVE_DATE",
        [PS_TYPE_NAIVE_DATETIME] = "NAIVE_DATETIME",
        [PS_TYPE_UTC_DATETIME] = "UTC_DATETIME",
        [PS_TYPE_BINARY] = "BINARY",
        [PS_TYPE_XML] = "XML",
        [PS_TYPE_STRING] = "STRING",
        [PS_TYPE_JSON] = "JSON",
    };
    size_t index = (size_t)type;
    return index < PS_TYPES ? names[index] : "UNSPECIFIED";
}

bool ps_type_is_variable(enum ps_type type)
{
    return type == PS_TYPE_BINARY || type == PS_TYPE_XML || type == PS_TYPE_STRING ||
           type == PS_TYPE_JSON || type == PS_TYPE_UNSPECIFIED;
}

int32_t ps_table_column(const struct ps_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

/*
 * A copy of `count` pointers with room for more in the arena, whose old array stays behind until
 * the arena goes. NULL: no memory.
 */
static void *grown(struct ps_arena *arena, const void *pointers, size_t count, size_t *capacity)
{
    size_t larger = *capacity == 0 ? LIST_CAPACITY_FIRST : *capacity * 2;
    void *copy = ps_arena_array(arena, larger, sizeof(void *));
    if (copy != NULL) {
        if (count != 0) {
            memcpy(copy, pointers, count * sizeof(void *));
        }
        *capacity = larger;
    }
    return copy;
}

enum ps_status ps_table_list_add(struct ps_table_list *list, struct ps_table **ret_table,
                                 struct ps_error *err)
{
    if (list->tables_count == list->tables_capacity) {
        struct ps_table **tables =
            grown(list->arena, list->tables, list->tables_count, &list->tables_capacity);
        if (tables == NULL) {
            return ps_fail_nomem(err, "listing the tables");
        }
        list->tables = tables;
    }
    struct ps_table *table = ps_arena_alloc(list->arena, sizeof(*table));
    if (table == NULL) {
        return ps_fail_nomem(err, "listing the tables");
    }
    table->rows_estimate = -1;
    table->bytes_estimate = -1;
    list->tables[list->tables_count++] = table;
    *ret_table = table;
    return PS_OK;
}

enum ps_status ps_table_list_refuse(struct ps_table_list *list, const char *schema,
                                    const char *name, struct ps_error *err)
{
    if (list->refused_count == list->refused_capacity) {
        struct ps_table **refused =
            grown(list->arena, list->refused, list->refused_count, &list->refused_capacity);
        if (refused == NULL) {
            return ps_fail_nomem(err, "listing the tables");
        }
        list->refused = refused;
    }
    struct ps_table *table = ps_arena_alloc(list->arena, sizeof(*table));
    if (table != NULL) {
        table->schema = ps_arena_strdup(list->arena, schema);
        table->name = ps_arena_strdup(list->arena, name);
    }
    if (table == NULL || table->schema == NULL || table->name == NULL) {
        return ps_fail_nomem(err, "listing the tables");
    }
    list->refused[list->refused_count++] = table;
    return PS_OK;
}

enum ps_status ps_table_list_warn(struct ps_table_list *list, struct ps_error *err,
                                  const char *format, ...)
{
    if (list->warnings_count == list->warnings_capacity) {
        const char **warnings =
            grown(list->arena, list->warnings, list->warnings_count, &list->warnings_capacity);
        if (warnings == NULL) {
            return ps_fail_nomem(err, "listing the tables");
        }
        list->warnings = warnings;
    }
    va_list arguments;
    va_start(arguments, format);
    const char *warning = ps_arena_vprintf(list->arena, format, arguments);
    va_end(arguments);
    if (warning == NULL) {
        return ps_fail_nomem(err, "listing the tables");
    }
    list->warnings[list->warnings_count++] = warning;
    return PS_OK;
}
