/* What a person is told of tables that are not read, or not as one would think. See catalog.h. */
#include "sources/postgresql/catalog.h"
#include "sources/postgresql/query.h"

bool catalog_is_partial(const struct catalog_table *table)
{
    return !table->selectable && table->partly_selectable;
}

static bool may_read(const struct catalog_table *table)
{
    return table->schema_usage && (table->selectable || table->partly_selectable);
}

static bool lacks_key(const struct catalog_table *table)
{
    return table->key_hidden && table->table.keys_count == 0;
}

bool catalog_is_refused(const struct catalog_table *table)
{
    return !may_read(table) || table->rows_hidden || lacks_key(table);
}

static const char *obstacle(const struct catalog_table *table, const struct link *link)
{
    if (!may_read(table)) {
        return "the login may not read it";
    }
    if (table->rows_hidden) {
        return "row-level security hides rows of it from the login";
    }
    if (!table->populated) {
        return "it has never been filled: REFRESH MATERIALIZED VIEW first";
    }
    if (table->misnamed) {
        return "its name, or its schema's, is not valid UTF-8";
    }
    if (table->misnamed_key && table->table.keys_count == 0) {
        return "a column of its key has a name that is not valid UTF-8";
    }
    if (table->unlogged && link->recovery) {
        return "it is unlogged, and a replica cannot read such a table";
    }
    return lacks_key(table) ? "the login may not read all columns of its key" : NULL;
}

static void put_grant(struct ps_buffer *text, const struct catalog_table *table, const char *login)
{
    ps_buffer_puts(text, "; GRANT SELECT ON ");
    query_qualified(text, table->table.schema, table->table.name);
    ps_buffer_puts(text, " TO ");
    query_identifier(text, login);
}

bool catalog_obstacle(const struct catalog_table *table, const struct link *link, const char *login,
                      struct ps_buffer *ret_text)
{
    const struct ps_table *of = &table->table;
    const char *why = obstacle(table, link);
    if (why == NULL) {
        return false;
    }
    ps_buffer_printf(ret_text, "%s.%s is left out: %s", of->schema, of->name, why);
    if (!table->schema_usage) {
        ps_buffer_puts(ret_text, "; GRANT USAGE ON SCHEMA ");
        query_identifier(ret_text, of->schema);
        ps_buffer_puts(ret_text, " TO ");
        query_identifier(ret_text, login);
    }
    if (!table->selectable) {
        put_grant(ret_text, table, login);
    } else if (table->schema_usage && table->rows_hidden) {
        ps_buffer_puts(ret_text, "; ALTER ROLE ");
        query_identifier(ret_text, login);
        ps_buffer_puts(ret_text, " BYPASSRLS");
    }
    return true;
}

static void put_left_out(struct ps_buffer *text, const struct catalog_table *table, bool misnamed)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (!table->columns[i].readable && table->columns[i].misnamed == misnamed) {
            ps_buffer_puts(text, count++ == 0 ? "" : ", ");
            query_identifier(text, table->columns[i].column.name);
        }
    }
}

/* Of a table that the login may read by its columns alone: which of them those are not. */
static void put_partial(struct ps_buffer *text, const struct catalog_table *table)
{
    bool hides = false;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        hides = hides || (!table->columns[i].readable && !table->columns[i].misnamed);
    }
    ps_buffer_printf(text, "%s.%s is read ", table->table.schema, table->table.name);
    if (hides) {
        ps_buffer_puts(text, "without columns that the login may not read: ");
        put_left_out(text, table, false);
    } else {
        ps_buffer_puts(text, "by key, and a part that is cut off is read again, since the login "
                             "has rights to its columns alone");
    }
}

void catalog_remark(const struct catalog_table *table, const char *login,
                    struct ps_buffer *ret_text)
{
    const struct ps_table *of = &table->table;
    if (catalog_is_partial(table)) {
        put_partial(ret_text, table);
        put_grant(ret_text, table, login);
    } else if (table->has_children) {
        ps_buffer_printf(ret_text,
                         "%s.%s is read with the rows of the tables that inherit from it, which "
                         "have its columns and no others; no key holds across them, so it is taken "
                         "as a table without one",
                         of->schema, of->name);
    } else if (table->apart_from != NULL && !table->in_scope && !table->is_child) {
        const struct ps_table *parent = &table->apart_from->table;
        ps_buffer_printf(
            ret_text,
            "the rows of %s.%s, which inherits from %s.%s, are not read: its schema is "
            "not among those that `schema` names",
            of->schema, of->name, parent->schema, parent->name);
    }
    if (table->misnamed_columns) {
        ps_buffer_printf(ret_text,
                         "%s%s.%s is read without columns whose names are not valid UTF-8: ",
                         ret_text->size > 0 ? " | " : "", of->schema, of->name);
        put_left_out(ret_text, table, true);
    }
}
