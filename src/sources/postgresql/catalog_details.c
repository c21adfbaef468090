/* Columns, keys and statistics: what each row of those statements adds to the catalog. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sources/postgresql/catalog.h"
#include "sources/postgresql/shapes.h"

/* An index has at most 32 columns (INDEX_MAX_KEYS); forks allow more. */
#define KEY_COLUMNS_MAX 64
/* What a column of variable width counts for when keys are compared. */
#define WIDTH_VARIABLE 1000u

static uint32_t read_oid(const PGresult *row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(row, 0, column), NULL, 10);
}

static bool read_bool(const PGresult *row, int column)
{
    return *PQgetvalue(row, 0, column) == 't';
}

enum ps_status catalog_domain_row(void *context, const PGresult *row, struct ps_error *err)
{
    struct catalog *catalog = context;
    if (catalog->domains_count == catalog->domains_capacity) {
        size_t capacity = catalog->domains_capacity == 0 ? 16 : 2 * catalog->domains_capacity;
        void *domains = ps_realloc(catalog->domains, capacity * sizeof catalog->domains[0]);
        if (domains == NULL) {
            return ps_fail_nomem(err, "reading the catalog");
        }
        catalog->domains = domains;
        catalog->domains_capacity = capacity;
    }
    struct catalog_domain *domain = &catalog->domains[catalog->domains_count++];
    domain->oid = read_oid(row, 0);
    domain->base = read_oid(row, 1);
    domain->modifier = (int32_t)strtol(PQgetvalue(row, 0, 2), NULL, 10);
    domain->shape = shape_of(PQgetvalue(row, 0, 3));
    return PS_OK;
}

static int compare_domain(const void *key, const void *element)
{
    uint32_t oid = *(const uint32_t *)key;
    uint32_t other = ((const struct catalog_domain *)element)->oid;
    return oid < other ? -1 : oid > other;
}

/* Takes domains off: the base type, its shape, and the modifier that the innermost gives it. */
static void resolve_domain(const struct catalog *catalog, uint32_t *type, int32_t *modifier,
                           enum type_shape *shape)
{
    for (int depth = 0; depth < 64 && catalog->domains_count > 0; depth++) {
        const struct catalog_domain *domain =
            bsearch(type, catalog->domains, catalog->domains_count, sizeof catalog->domains[0],
                    compare_domain);
        if (domain == NULL) {
            return;
        }
        *type = domain->base;
        *modifier = domain->modifier;
        *shape = domain->shape;
    }
}

static enum ps_text_kind text_kind_of(uint32_t type, const struct type_field *field)
{
    if (type == OID_NUMERIC && ps_type_is_variable(field->type)) {
        return PS_TEXT_NUMBER;
    }
    return type == OID_BPCHAR ? PS_TEXT_PADDED : PS_TEXT_PLAIN;
}

enum ps_status catalog_column_row(void *context, const PGresult *row, struct ps_error *err)
{
    struct catalog *catalog = context;
    struct catalog_table *table = catalog_find_oid(catalog, read_oid(row, 0));
    if (table == NULL) {
        return PS_OK;
    }
    if (table->columns == NULL) {
        table->columns =
            ps_arena_array(catalog->arena, table->columns_capacity, sizeof table->columns[0]);
        if (table->columns == NULL) {
            return ps_fail_nomem(err, "reading the catalog");
        }
    }
    if (table->columns_count == table->columns_capacity) {
        return PS_OK; /* relnatts counts them all, also those dropped */
    }
    struct catalog_column *entry = &table->columns[table->columns_count++];
    struct ps_column *column = &entry->column;
    uint32_t type = read_oid(row, 3);
    int32_t modifier = (int32_t)strtol(PQgetvalue(row, 0, 4), NULL, 10);
    enum type_shape shape = shape_of(PQgetvalue(row, 0, 10));
    resolve_domain(catalog, &type, &modifier, &shape);
    struct type_field field = type_resolve(type, modifier, shape, false);
    column->source_id = read_oid(row, 1);
    bool type_misnamed = false; /* which nothing asks the server by */
    column->name = catalog_name(catalog, PQgetvalue(row, 0, 2), &entry->misnamed);
    column->source_type = catalog_name(catalog, PQgetvalue(row, 0, 7), &type_misnamed);
    column->type = field.type;
    column->precision = field.precision;
    column->scale = field.scale;
    column->json_valid = field.json_valid;
    column->text_kind = text_kind_of(type, &field);
    column->counter = type == OID_XID8 && catalog->no_counters == NULL;
    column->no_cursor = type == OID_XID8 ? catalog->no_counters : NULL;
    catalog->has_counters = catalog->has_counters || column->counter;
    column->nullable = !read_bool(row, 5);
    column->backfilled = read_bool(row, 6);
    column->null_fraction = -1;
    entry->width = (int16_t)strtol(PQgetvalue(row, 0, 8), NULL, 10);
    entry->readable = read_bool(row, 9) && !entry->misnamed;
    table->misnamed_columns = table->misnamed_columns || entry->misnamed;
    column->loose = read_bool(row, 11);
    if (column->name == NULL || column->source_type == NULL) {
        return ps_fail_nomem(err, "reading the catalog");
    }
    return PS_OK;
}

static struct catalog_column *find_column(const struct catalog_table *table, uint32_t number)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].column.source_id == number) {
            return &table->columns[i];
        }
    }
    return NULL;
}

/* The columns of the index's key in its order; 0 where one is no column of the table. */
static uint32_t key_columns(const struct catalog_table *table, const char *indkey, uint32_t count,
                            struct catalog_column **ret_columns)
{
    uint32_t found = 0;
    for (char *rest = NULL; found < count && found < KEY_COLUMNS_MAX; indkey = rest) {
        uint32_t number = (uint32_t)strtoul(indkey, &rest, 10);
        struct catalog_column *column = rest != indkey ? find_column(table, number) : NULL;
        if (column == NULL) {
            return 0;
        }
        ret_columns[found++] = column;
    }
    return found == count ? found : 0;
}

static void set_key(struct catalog_table *table, struct catalog_column *const *columns,
                    uint32_t count)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        table->columns[i].column.key_position = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        columns[i]->column.key_position = (uint16_t)(i + 1);
    }
    table->table.keys_count = (uint16_t)count;
}

/* A unique index stands in where it has no NULL: fewest columns, then the narrowest, by name. */
static void consider_key(struct catalog_table *table, struct catalog_column *const *columns,
                         uint32_t count, bool primary)
{
    uint32_t width = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i]->column.nullable) {
            return;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!columns[i]->readable) {
            *(columns[i]->misnamed ? &table->misnamed_key : &table->key_hidden) = true;
            return;
        }
        int16_t bytes = columns[i]->width;
        width += bytes > 0 ? (uint16_t)bytes : WIDTH_VARIABLE;
    }
    bool better = table->key_columns == 0 || count < table->key_columns ||
                  (count == table->key_columns && width < table->key_width);
    if (primary) {
        table->key_columns = 1; /* nothing is better than that */
        table->key_width = 0;
        set_key(table, columns, count);
        table->table.key_derived = false;
    } else if (better) {
        table->key_columns = count;
        table->key_width = width;
        set_key(table, columns, count);
        table->table.key_derived = true;
    }
}

enum ps_status catalog_index_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    struct catalog *catalog = context;
    struct catalog_table *table = catalog_find_oid(catalog, read_oid(row, 0));
    if (table == NULL) {
        return PS_OK;
    }
    bool primary = read_bool(row, 1);
    const char *indkey = PQgetvalue(row, 0, 2);
    struct catalog_column *first = find_column(table, (uint32_t)strtoul(indkey, NULL, 10));
    if (first != NULL && read_bool(row, 4)) {
        first->column.indexed = true;
    }
    /* No constraint holds across a table and its children: together they have no key. */
    if (table->has_children || !read_bool(row, 5)) {
        return PS_OK;
    }
    struct catalog_column *columns[KEY_COLUMNS_MAX];
    uint32_t count = key_columns(table, indkey, read_oid(row, 3), columns);
    if (count > 0) {
        consider_key(table, columns, count, primary);
    }
    return PS_OK;
}

enum ps_status catalog_statistic_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    struct catalog *catalog = context;
    struct catalog_table *table = catalog_find_oid(catalog, read_oid(row, 0));
    if (table == NULL) {
        return PS_OK;
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        struct ps_column *column = &table->columns[i].column;
        if (strcmp(column->name, PQgetvalue(row, 0, 1)) == 0) {
            column->null_fraction = strtod(PQgetvalue(row, 0, 2), NULL);
            /* Below zero it is a share of the rows, for columns that grow with the table. */
            double distinct = strtod(PQgetvalue(row, 0, 3), NULL);
            column->distinct_estimate =
                distinct < 0 ? -distinct * (double)table->table.rows_estimate : distinct;
            break;
        }
    }
    return PS_OK;
}
