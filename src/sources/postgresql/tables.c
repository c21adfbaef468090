/* list_tables, describe and count: from the catalog to what the engine knows. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/source.h"

/*
 * The catalog is read as it is now, never as a point in time saw it: while one is held, over a
 * second connection that lives for that long.
 */
static enum ps_status begin_catalog(struct source *source, struct link *side,
                                    struct link **ret_link, struct ps_error *err)
{
    struct link *link = &source->link;
    enum ps_status status;
    if (link->in_transaction) {
        status = link_open(side, &source->settings, err);
        link = side;
    } else {
        status = link_revive(link, err);
    }
    if (status == PS_OK) {
        status = link_begin(link, NULL, err);
    }
    if (status == PS_OK) {
        *ret_link = link;
    } else {
        link_close(side);
    }
    return status;
}

static void end_catalog(struct link *link, struct link *side)
{
    if (link != NULL) {
        link_end(link);
    }
    link_close(side);
}

static struct catalog_scope whole_scope(const struct source *source)
{
    return (struct catalog_scope){.schema_oids = ps_buffer_text(&source->scope),
                                  .views = ps_config_boolean(source->config, "include_views")};
}

enum ps_status source_read_tables(struct source *source, struct link *link, struct ps_error *err)
{
    size_t count;
    catalog_free(source->catalog);
    source->catalog = NULL;
    ps_buffer_clear(&source->scope);
    ps_buffer_clear(&source->missing);
    enum ps_status status = catalog_schemas(link, ps_config_list(source->config, "schema", &count),
                                            &source->scope, &source->missing, err);
    if (status != PS_OK) {
        return status;
    }
    if (source->scope.size == 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "`schema` names no schema of %s: %s. Capitals count",
                       source->settings.target, ps_buffer_text(&source->missing));
    }
    struct catalog_scope scope = whole_scope(source);
    status = catalog_new(link, &scope, &source->catalog, err);
    bool partial = link->sql_ascii; /* columns may have names that are none */
    for (size_t i = 0; status == PS_OK && i < source->catalog->tables_count && !partial; i++) {
        partial = catalog_is_partial(&source->catalog->tables[i]);
    }
    return status == PS_OK && partial ? catalog_read_details(source->catalog, link, &scope, err)
                                      : status;
}

static enum ps_status take_words(struct ps_table_list *list, struct ps_buffer *text,
                                 struct ps_error *err)
{
    enum ps_status status = !ps_buffer_ok(text) ? ps_fail_nomem(err, "listing the tables")
                            : text->size > 0
                                ? ps_table_list_warn(list, err, "%s", ps_buffer_text(text))
                                : PS_OK;
    ps_buffer_done(text);
    return status;
}

static enum ps_status remark_on(struct source *source, struct ps_table_list *list,
                                const struct catalog_table *entry, struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    if (source_means(source, &entry->table)) {
        catalog_remark(entry, source->settings.user, &text);
    }
    return take_words(list, &text, err);
}

static enum ps_status warn_about(struct source *source, struct ps_table_list *list,
                                 const struct catalog_table *entry, bool *ret_left_out,
                                 struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    *ret_left_out = catalog_obstacle(entry, &source->link, source->settings.user, &text);
    if (!source_means(source, &entry->table)) {
        ps_buffer_clear(&text);
    }
    enum ps_status status = take_words(list, &text, err);
    if (status == PS_OK && *ret_left_out) {
        return catalog_is_refused(entry)
                   ? ps_table_list_refuse(list, entry->table.schema, entry->table.name, err)
                   : PS_OK;
    }
    return status == PS_OK ? remark_on(source, list, entry, err) : status;
}

static enum ps_status list_table(struct source *source, struct ps_table_list *list,
                                 const struct catalog_table *entry, struct ps_error *err)
{
    bool left_out = false;
    enum ps_status status = warn_about(source, list, entry, &left_out, err);
    if (status != PS_OK || left_out) {
        return status;
    }
    struct ps_table *table = NULL;
    status = ps_table_list_add(list, &table, err);
    if (status != PS_OK) {
        return status;
    }
    table->schema = ps_arena_strdup(list->arena, entry->table.schema);
    table->name = ps_arena_strdup(list->arena, entry->table.name);
    table->kind = entry->table.kind;
    table->rows_estimate = entry->table.rows_estimate;
    table->bytes_estimate = entry->table.bytes_estimate;
    table->source_id = entry->table.source_id;
    table->own_rows_only = entry->table.own_rows_only;
    if (table->schema == NULL || table->name == NULL) {
        return ps_fail_nomem(err, "listing the tables");
    }
    return PS_OK;
}

enum ps_status source_list_tables(struct ps_source *base, struct ps_table_list *list,
                                  struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct link side = {0}, *link = NULL;
    enum ps_status status = begin_catalog(source, &side, &link, err);
    if (status == PS_OK) {
        status = source_read_tables(source, link, err);
    }
    end_catalog(link, &side);
    if (status == PS_OK && source->missing.size > 0) {
        status = ps_table_list_warn(list, err, "`schema` names schemas that %s does not have: %s",
                                    source->settings.target, ps_buffer_text(&source->missing));
    }
    for (size_t i = 0; status == PS_OK && i < source->catalog->tables_count; i++) {
        const struct catalog_table *entry = &source->catalog->tables[i];
        if (catalog_is_listed(source->catalog, entry)) {
            status = list_table(source, list, entry, err);
        } else if (!entry->in_scope) {
            status = remark_on(source, list, entry, err);
        }
    }
    return status;
}

/* The tables of another database are other tables, even if their files' numbers agree; so are those
 * that are told apart by a counter which may have gone back. */
static const char *origin_of(const struct catalog *catalog, const struct catalog_table *entry)
{
    for (uint32_t i = 0; catalog->database_counted != NULL && i < entry->columns_count; i++) {
        if (entry->columns[i].column.counter) {
            return catalog->database_counted;
        }
    }
    return catalog->database;
}

static enum ps_status hand_out(struct ps_arena *arena, const struct catalog *catalog,
                               const struct catalog_table *entry, struct ps_table *table,
                               struct ps_error *err)
{
    struct ps_column *columns = ps_arena_array(arena, entry->columns_count + 1, sizeof *columns);
    const char *incarnation = NULL;
    bool ok = columns != NULL;
    if (entry->table.incarnation != NULL) {
        incarnation =
            ps_arena_printf(arena, "%s/%s", origin_of(catalog, entry), entry->table.incarnation);
        ok = ok && incarnation != NULL;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; ok && i < entry->columns_count; i++) {
        if (!entry->columns[i].readable) {
            continue;
        }
        struct ps_column *column = &columns[count++];
        *column = entry->columns[i].column;
        column->name = ps_arena_strdup(arena, entry->columns[i].column.name);
        column->source_type = ps_arena_strdup(arena, entry->columns[i].column.source_type);
        /* One for which the right came later has values in old rows. */
        column->backfilled = column->backfilled || catalog_is_partial(entry);
        ok = column->name != NULL && column->source_type != NULL;
    }
    if (!ok) {
        return ps_fail_nomem(err, "describing a table");
    }
    table->columns = columns;
    table->columns_count = count;
    table->own_rows_only = entry->table.own_rows_only;
    table->partial = catalog_is_partial(entry);
    table->keys_count = entry->table.keys_count;
    table->key_derived = entry->table.key_derived;
    table->incarnation = incarnation;
    table->kind = entry->table.kind;
    table->source_id = entry->table.source_id;
    return PS_OK;
}

static enum ps_status fail_gone(const struct source *source, const struct ps_table *table,
                                struct ps_error *err)
{
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "%s.%s is no more at %s", table->schema,
                   table->name, source->settings.target);
}

/* A table that changed, or was never listed here: read by itself, so that others stay as they are.
 */
static enum ps_status describe_alone(struct source *source, struct link *link,
                                     struct ps_arena *arena, struct ps_table *table,
                                     struct ps_error *err)
{
    struct catalog_scope scope = {.schema = table->schema, .name = table->name, .views = true};
    struct catalog *catalog = NULL;
    enum ps_status status = catalog_new(link, &scope, &catalog, err);
    if (status == PS_OK) {
        status = catalog_read_details(catalog, link, &scope, err);
    }
    if (status == PS_OK) {
        const struct catalog_table *entry = catalog_find(catalog, table->schema, table->name);
        status = entry != NULL ? hand_out(arena, catalog, entry, table, err)
                               : fail_gone(source, table, err);
    }
    catalog_free(catalog);
    return status;
}

static enum ps_status read_details(struct source *source, struct link *link, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    if (source->catalog == NULL) {
        status = source_read_tables(source, link, err);
    }
    if (status == PS_OK) {
        struct catalog_scope scope = whole_scope(source);
        status = source->catalog->details
                     ? PS_OK
                     : catalog_read_details(source->catalog, link, &scope, err);
    }
    if (status != PS_OK) {
        catalog_free(source->catalog);
        source->catalog = NULL;
    }
    return status;
}

static struct catalog_table *find_fresh(const struct source *source, const struct ps_table *table)
{
    struct catalog_table *entry = source->catalog != NULL && source->catalog->details
                                      ? catalog_find(source->catalog, table->schema, table->name)
                                      : NULL;
    return entry != NULL && !entry->described ? entry : NULL;
}

enum ps_status source_describe(struct ps_source *base, struct ps_arena *arena,
                               struct ps_table *table, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    struct catalog_table *entry = find_fresh(source, table);
    enum ps_status status = PS_OK;
    if (entry == NULL) {
        struct link side = {0}, *link = NULL;
        status = begin_catalog(source, &side, &link, err);
        if (status == PS_OK && (source->catalog == NULL || !source->catalog->details)) {
            status = read_details(source, link, err);
            entry = status == PS_OK ? find_fresh(source, table) : NULL;
        }
        if (status == PS_OK && entry == NULL) {
            status = describe_alone(source, link, arena, table, err);
        }
        end_catalog(link, &side);
    }
    if (status == PS_OK && entry != NULL) {
        status = hand_out(arena, source->catalog, entry, table, err);
        entry->described = true;
    }
    return status;
}
