/* The tables of a scope: reading them, joining them to their parents, finding them. See catalog.h.
 */
#include "sources/postgresql/catalog.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "penstock/batch.h"
#include "sources/postgresql/query.h"

/* A catalog of 100,000 tables with 30 columns each takes about half of it. */
#define ARENA_MAX ((size_t)1 << 30)
#define PAGE_BYTES 8192
/* A page of a table that was never analysed is taken to hold that many rows. */
#define PAGE_ROWS_ASSUMED 60
/* With more partitions than that a table's share of the state would grow too large. */
#define LEAVES_MAX 2048u

static uint32_t read_oid(const PGresult *row, int column)
{
    return (uint32_t)strtoul(PQgetvalue(row, 0, column), NULL, 10);
}

static bool read_bool(const PGresult *row, int column)
{
    return *PQgetvalue(row, 0, column) == 't';
}

static int64_t read_int64(const PGresult *row, int column)
{
    return strtoll(PQgetvalue(row, 0, column), NULL, 10);
}

/* Rows from the statistics, scaled to the pages of now; -1 where nothing is known. */
static int64_t estimate_rows(double tuples, int64_t pages, int64_t pages_now)
{
    if (tuples > 0 && pages > 0) {
        double rows = pages_now >= 0 ? tuples * ((double)pages_now / (double)pages) : tuples;
        return (int64_t)(rows < 9e18 ? rows : 9e18);
    }
    if (pages_now >= 0) {
        /* Never analysed, or said to be empty: its size knows better. */
        return pages_now * PAGE_ROWS_ASSUMED;
    }
    return tuples > 0 ? (int64_t)tuples : -1;
}

static enum ps_table_kind kind_of(char relkind)
{
    return relkind == 'p'   ? PS_TABLE_PARTITIONED
           : relkind == 'm' ? PS_TABLE_MATERIALIZED_VIEW
           : relkind == 'v' ? PS_TABLE_VIEW
           : relkind == 'f' ? PS_TABLE_FOREIGN
                            : PS_TABLE_ORDINARY;
}

static void fill_estimates(struct ps_table *table, const PGresult *row)
{
    double tuples = strtod(PQgetvalue(row, 0, 5), NULL);
    int64_t pages = read_int64(row, 6);
    int64_t pages_now = PQgetisnull(row, 0, 7) ? -1 : read_int64(row, 7) / PAGE_BYTES;
    int64_t toast_pages = read_int64(row, 16);
    if (table->kind == PS_TABLE_PARTITIONED || table->kind == PS_TABLE_VIEW) {
        return; /* the sum of its partitions, which sum_partitions takes; not known */
    }
    if (table->kind == PS_TABLE_FOREIGN) {
        table->rows_estimate = tuples >= 0 && pages > 0 ? (int64_t)tuples : -1;
        return; /* what ANALYZE once found; its pages lie elsewhere */
    }
    table->rows_estimate = estimate_rows(tuples, pages, pages_now);
    if (pages_now >= 0 || pages > 0) {
        table->bytes_estimate = ((pages_now >= 0 ? pages_now : pages) + toast_pages) * PAGE_BYTES;
    }
}

static struct catalog_table *add_table(struct catalog *catalog)
{
    if (catalog->tables_count == catalog->tables_capacity) {
        size_t capacity = catalog->tables_capacity == 0 ? 64 : 2 * catalog->tables_capacity;
        if (capacity > SIZE_MAX / sizeof catalog->tables[0]) {
            return NULL;
        }
        void *tables = ps_realloc(catalog->tables, capacity * sizeof catalog->tables[0]);
        if (tables == NULL) {
            return NULL;
        }
        catalog->tables = tables;
        catalog->tables_capacity = capacity;
    }
    struct catalog_table *table = &catalog->tables[catalog->tables_count++];
    memset(table, 0, sizeof *table);
    return table;
}

const char *catalog_name(struct catalog *catalog, const char *name, bool *misnamed)
{
    struct ps_buffer text;
    size_t left = strlen(name);
    if (ps_utf8_valid(name, left)) {
        return ps_arena_strdup(catalog->arena, name);
    }
    *misnamed = true;
    ps_buffer_init(&text, 0);
    while (left > 0) {
        size_t length = ps_utf8_length((const uint8_t *)name, left);
        if (length == 0) {
            ps_buffer_printf(&text, "\\x%02x", (unsigned char)*name);
            length = 1;
        } else {
            ps_buffer_append(&text, name, length);
        }
        name += length;
        left -= length;
    }
    const char *copy =
        ps_buffer_ok(&text) ? ps_arena_strdup(catalog->arena, ps_buffer_text(&text)) : NULL;
    ps_buffer_done(&text);
    return copy;
}

static enum ps_status table_row(void *context, const PGresult *row, struct ps_error *err)
{
    struct catalog *catalog = context;
    struct catalog_table *entry = add_table(catalog);
    if (entry == NULL) {
        return ps_fail_nomem(err, "reading the catalog");
    }
    struct ps_table *table = &entry->table;
    table->source_id = read_oid(row, 0);
    table->schema = catalog_name(catalog, PQgetvalue(row, 0, 1), &entry->misnamed);
    table->name = catalog_name(catalog, PQgetvalue(row, 0, 2), &entry->misnamed);
    table->kind = kind_of(*PQgetvalue(row, 0, 3));
    table->rows_estimate = -1;
    table->bytes_estimate = -1;
    fill_estimates(table, row);
    entry->empty = !PQgetisnull(row, 0, 7) && read_int64(row, 7) == 0;
    entry->columns_capacity = (uint32_t)read_int64(row, 4);
    if (!PQgetisnull(row, 0, 8)) {
        table->incarnation = ps_arena_strdup(catalog->arena, PQgetvalue(row, 0, 8));
    }
    entry->is_partition = read_bool(row, 9);
    entry->populated = read_bool(row, 10);
    entry->unlogged = *PQgetvalue(row, 0, 11) == 'u';
    entry->rows_hidden = read_bool(row, 12);
    entry->schema_usage = read_bool(row, 13);
    entry->selectable = read_bool(row, 14);
    entry->partly_selectable = read_bool(row, 15);
    entry->in_scope = read_bool(row, 17);
    if (table->schema == NULL || table->name == NULL ||
        (!PQgetisnull(row, 0, 8) && table->incarnation == NULL)) {
        return ps_fail_nomem(err, "reading the catalog");
    }
    return PS_OK;
}

static int compare_oid(const void *key, const void *element)
{
    uint32_t oid = *(const uint32_t *)key;
    uint32_t other = (*(struct catalog_table *const *)element)->table.source_id;
    return oid < other ? -1 : oid > other;
}

struct catalog_table *catalog_find_oid(const struct catalog *catalog, uint32_t oid)
{
    struct catalog_table **found = bsearch(&oid, catalog->by_oid, catalog->tables_count,
                                           sizeof catalog->by_oid[0], compare_oid);
    return found != NULL ? *found : NULL;
}

static int compare_names(const void *a, const void *b)
{
    const struct ps_table *one = &((const struct catalog_table *)a)->table;
    const struct ps_table *two = &((const struct catalog_table *)b)->table;
    int order = strcmp(one->schema, two->schema);
    return order != 0 ? order : strcmp(one->name, two->name);
}

static int compare_entries(const void *a, const void *b)
{
    uint32_t oid = (*(struct catalog_table *const *)a)->table.source_id;
    return compare_oid(&oid, b);
}

struct catalog_table *catalog_find(const struct catalog *catalog, const char *schema,
                                   const char *name)
{
    struct catalog_table key = {.table = {.schema = schema, .name = name}};
    return catalog->tables_count == 0
               ? NULL
               : bsearch(&key, catalog->tables, catalog->tables_count, sizeof key, compare_names);
}

/* Sorts the tables by name for good and makes the index by oid. */
static enum ps_status index_tables(struct catalog *catalog, struct ps_error *err)
{
    catalog->by_oid =
        ps_arena_array(catalog->arena, catalog->tables_count + 1, sizeof catalog->by_oid[0]);
    if (catalog->by_oid == NULL) {
        return ps_fail_nomem(err, "reading the catalog");
    }
    if (catalog->tables_count == 0) {
        return PS_OK;
    }
    qsort(catalog->tables, catalog->tables_count, sizeof catalog->tables[0], compare_names);
    for (size_t i = 0; i < catalog->tables_count; i++) {
        catalog->by_oid[i] = &catalog->tables[i];
    }
    qsort(catalog->by_oid, catalog->tables_count, sizeof catalog->by_oid[0], compare_entries);
    return PS_OK;
}

static void add_estimates(struct ps_table *whole, const struct ps_table *part)
{
    int64_t *rows = &whole->rows_estimate, *bytes = &whole->bytes_estimate;
    if (part->rows_estimate >= 0) {
        *rows = (*rows < 0 ? 0 : *rows) + part->rows_estimate;
    }
    if (part->bytes_estimate >= 0) {
        *bytes = (*bytes < 0 ? 0 : *bytes) + part->bytes_estimate;
    }
}

static enum ps_status partition_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    struct catalog *catalog = context;
    struct catalog_table *child = catalog_find_oid(catalog, read_oid(row, 0));
    const struct catalog_table *parent = catalog_find_oid(catalog, read_oid(row, 1));
    if (child != NULL && parent != NULL) {
        child->parent = parent->table.source_id;
    }
    return PS_OK;
}

static enum ps_status inherited_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    struct catalog *catalog = context;
    struct catalog_table *child = catalog_find_oid(catalog, read_oid(row, 0));
    struct catalog_table *parent = catalog_find_oid(catalog, read_oid(row, 1));
    if (parent == NULL || !parent->in_scope) {
        return PS_OK;
    }
    bool apart = read_bool(row, 2);
    parent->table.own_rows_only = apart;
    parent->has_children = !apart;
    if (child != NULL && apart) {
        child->apart_from = parent;
    } else if (child != NULL) {
        child->is_child = true;
        add_estimates(&parent->table, &child->table);
    }
    return PS_OK;
}

/* The table in whose name a partition is read: the topmost that is asked for; itself, where none
 * above it is; NULL: none at all. */
static const struct catalog_table *reading_table(const struct catalog *catalog,
                                                 const struct catalog_table *table)
{
    const struct catalog_table *found = table->in_scope ? table : NULL;
    /* A bound instead of trust that the catalog has no ring. */
    for (int depth = 0; depth < 64 && table != NULL && table->is_partition; depth++) {
        table = catalog_find_oid(catalog, table->parent);
        found = table != NULL && table->in_scope ? table : found;
    }
    return found;
}

/* A partitioned table's estimates are the sums over the tables below it, which it comes to know. */
static void sum_partitions(struct catalog *catalog)
{
    for (size_t i = 0; i < catalog->tables_count; i++) {
        struct catalog_table *leaf = &catalog->tables[i];
        if (!leaf->is_partition || leaf->table.kind == PS_TABLE_PARTITIONED) {
            continue;
        }
        const struct catalog_table *reading = reading_table(catalog, leaf);
        if (reading == NULL || reading == leaf) {
            continue;
        }
        struct catalog_table *root = catalog_find_oid(catalog, reading->table.source_id);
        leaf->next_leaf = root->first_leaf;
        root->first_leaf = leaf;
        root->leaves_count++;
        add_estimates(&root->table, &leaf->table);
    }
}

/*
 * A partitioned table has no file of its own: its incarnation is itself, and its partitions', those
 * without a single page with a "-" after them.
 */
static enum ps_status list_incarnations(struct catalog *catalog, struct ps_error *err)
{
    for (size_t i = 0; i < catalog->tables_count; i++) {
        struct catalog_table *root = &catalog->tables[i];
        if (root->leaves_count == 0 || root->leaves_count > LEAVES_MAX) {
            continue;
        }
        struct ps_buffer list;
        ps_buffer_init(&list, 0);
        ps_buffer_printf(&list, "%u", root->table.source_id);
        for (const struct catalog_table *leaf = root->first_leaf; leaf != NULL;
             leaf = leaf->next_leaf) {
            if (leaf->table.incarnation != NULL) {
                ps_buffer_printf(&list, ",%u:%s%s", leaf->table.source_id, leaf->table.incarnation,
                                 leaf->empty ? "-" : "");
            }
        }
        root->table.incarnation =
            ps_buffer_ok(&list) ? ps_arena_strdup(catalog->arena, ps_buffer_text(&list)) : NULL;
        ps_buffer_done(&list);
        if (root->table.incarnation == NULL) {
            return ps_fail_nomem(err, "reading the catalog");
        }
    }
    return PS_OK;
}

static enum ps_status run(struct catalog *catalog, struct link *link,
                          const struct catalog_scope *scope, enum catalog_statement statement,
                          link_row row, struct ps_error *err)
{
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    catalog_sql(&sql, statement, link, scope);
    enum ps_status status = ps_buffer_ok(&sql) ? link_each(link, ps_buffer_text(&sql),
                                                           "reading the catalog", row, catalog, err)
                                               : ps_fail_nomem(err, "reading the catalog");
    ps_buffer_done(&sql);
    return status;
}

/* Why xid8 columns cannot be cursors, though their values are numbers; NULL: they can. */
static const char *no_counters(const struct link *link)
{
    if (link->yugabyte) {
        return "YugabyteDB does not tell which transactions are open by their numbers";
    }
    return link->counts
               ? NULL
               : "the login may not ask for the numbers of open transactions: GRANT EXECUTE ON "
                 "FUNCTION pg_catalog.pg_current_snapshot()";
}

/* What the login may be told of where it is. */
struct whereabouts {
    bool control, servers, databases;
};

static enum ps_status whereabouts_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    *(struct whereabouts *)context = (struct whereabouts){
        .control = read_bool(row, 0), .servers = read_bool(row, 1), .databases = read_bool(row, 2)};
    return PS_OK;
}

/* "cluster.database", or ".database.name" where the cluster is not known. */
static enum ps_status database_row(void *context, const PGresult *row, struct ps_error *err)
{
    struct catalog *catalog = context;
    const char *cluster = PQgetvalue(row, 0, 0), *name = PQgetvalue(row, 0, 2);
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    ps_buffer_printf(&text, "%s.%s", cluster, PQgetvalue(row, 0, 1));
    if (*cluster == '\0') {
        ps_buffer_putc(&text, '.');
        for (; *name != '\0'; name++) {
            if (isalnum((unsigned char)*name)) {
                ps_buffer_putc(&text, *name);
            } else {
                ps_buffer_printf(&text, "%%%02x", (unsigned char)*name);
            }
        }
    }
    catalog->database =
        ps_buffer_ok(&text) ? ps_arena_strdup(catalog->arena, ps_buffer_text(&text)) : NULL;
    ps_buffer_done(&text);
    return catalog->database == NULL ? ps_fail_nomem(err, "reading the catalog") : PS_OK;
}

/*
 * The cluster's own number and the database's oid: the same on a replica, another one elsewhere.
 * Of YugabyteDB each node has a number of its own, so the cluster is known by the nodes' names: by
 * some of them, for nodes come and go. What the login may ask is asked for first, since a refusal
 * would end the transaction.
 */
static enum ps_status read_database(struct catalog *catalog, struct link *link,
                                    struct ps_error *err)
{
    struct whereabouts may = {0};
    enum ps_status status =
        link_each(link,
                  "SELECT has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE'),"
                  " EXISTS (SELECT FROM pg_proc WHERE oid = to_regproc('pg_catalog.yb_servers')"
                  " AND 'uuid' = ANY (proargnames) AND has_function_privilege(oid, 'EXECUTE')),"
                  " has_table_privilege('pg_catalog.pg_database', 'SELECT')",
                  "reading the catalog", whereabouts_row, &may, err);
    if (status != PS_OK) {
        return status;
    }
    catalog->no_counters = no_counters(link);
    const char *cluster = link->yugabyte ? may.servers
                                               ? "(SELECT string_agg(id, '+' ORDER BY id) FROM"
                                                 " (SELECT DISTINCT left(uuid::text, 8) AS id"
                                                 " FROM yb_servers() ORDER BY id LIMIT 8) s)"
                                               : "NULL"
                          : may.control  ? "(SELECT system_identifier FROM pg_control_system())"
                                         : "NULL";
    const char *database =
        may.databases ? "(SELECT oid FROM pg_database WHERE datname = current_database())" : "NULL";
    char sql[320];
    (void)snprintf(sql, sizeof sql, "SELECT %s, %s, current_database()", cluster, database);
    return link_each(link, sql, "reading the catalog", database_row, catalog, err);
}

static enum ps_status flag_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    *(bool *)context = read_bool(row, 0);
    return PS_OK;
}

/* "cluster.database..timeline", or ".database.name.timeline". */
static enum ps_status timeline_row(void *context, const PGresult *row, struct ps_error *err)
{
    struct catalog *catalog = context;
    const char *gap = strchr(catalog->database, '.') == strrchr(catalog->database, '.') ? "." : "";
    catalog->database_counted =
        ps_arena_printf(catalog->arena, "%s%s.%s", catalog->database, gap, PQgetvalue(row, 0, 0));
    return catalog->database_counted == NULL ? ps_fail_nomem(err, "reading the catalog") : PS_OK;
}

/*
 * A server that takes another's place, and one that is restored to an earlier time, begin a
 * timeline, and may give numbers anew that were given before it. The control file of one that has
 * just taken its place tells so once its first checkpoint is complete.
 */
static enum ps_status read_timeline(struct catalog *catalog, struct link *link,
                                    struct ps_error *err)
{
    bool may = false;
    enum ps_status status = link_each(
        link,
        "SELECT has_function_privilege('pg_catalog.pg_control_checkpoint()', 'EXECUTE') AND"
        " has_function_privilege('pg_catalog.pg_control_recovery()', 'EXECUTE')",
        "reading the catalog", flag_row, &may, err);
    return status == PS_OK && may
               ? link_each(link,
                           "SELECT greatest(c.timeline_id, r.min_recovery_end_timeline)"
                           " FROM pg_control_checkpoint() c, pg_control_recovery() r",
                           "reading the catalog", timeline_row, catalog, err)
               : status;
}

enum ps_status catalog_new(struct link *link, const struct catalog_scope *scope,
                           struct catalog **ret_catalog, struct ps_error *err)
{
    enum ps_status status;
    struct catalog *catalog = ps_calloc(1, sizeof *catalog);
    if (catalog == NULL || (catalog->arena = ps_arena_new(ARENA_MAX)) == NULL) {
        status = ps_fail_nomem(err, "reading the catalog");
        goto out;
    }
    status = read_database(catalog, link, err);
    if (status == PS_OK) {
        status = run(catalog, link, scope, CATALOG_TABLES, table_row, err);
    }
    if (status != PS_OK) {
        goto out;
    }
    status = index_tables(catalog, err);
    if (status != PS_OK) {
        goto out;
    }
    status = run(catalog, link, scope, CATALOG_PARTITIONS, partition_row, err);
    if (status == PS_OK) {
        status = run(catalog, link, scope, CATALOG_INHERITED, inherited_row, err);
    }
    if (status != PS_OK) {
        goto out;
    }
    sum_partitions(catalog);
    status = list_incarnations(catalog, err);
    if (status != PS_OK) {
        goto out;
    }
    *ret_catalog = catalog;
    catalog = NULL;
out:
    catalog_free(catalog);
    return status;
}

void catalog_free(struct catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    ps_arena_free(catalog->arena);
    ps_free(catalog->tables);
    ps_free(catalog->domains);
    ps_free(catalog);
}

enum ps_status catalog_read_details(struct catalog *catalog, struct link *link,
                                    const struct catalog_scope *scope, struct ps_error *err)
{
    static const struct {
        enum catalog_statement statement;
        link_row row;
    } steps[] = {
        {CATALOG_DOMAINS, catalog_domain_row},
        {CATALOG_COLUMNS, catalog_column_row},
        {CATALOG_INDEXES, catalog_index_row},
        {CATALOG_STATISTICS, catalog_statistic_row},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (steps[i].statement == CATALOG_STATISTICS && !link->may_see_statistics) {
            continue;
        }
        enum ps_status status = run(catalog, link, scope, steps[i].statement, steps[i].row, err);
        if (status != PS_OK) {
            return status;
        }
    }
    enum ps_status status = catalog->has_counters ? read_timeline(catalog, link, err) : PS_OK;
    catalog->details = status == PS_OK;
    return status;
}

bool catalog_is_listed(const struct catalog *catalog, const struct catalog_table *table)
{
    return table->in_scope && !table->is_child && reading_table(catalog, table) == table;
}

/* One schema: its oid, its name, and whether it is the system's. */
struct schemas {
    const char *const *patterns;
    struct ps_buffer *oids;
    uint64_t matched; /* bit i: pattern i has matched; beyond 64 none is missed */
};

static enum ps_status schema_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    struct schemas *schemas = context;
    bool taken = false;
    for (size_t i = 0; schemas->patterns[i] != NULL; i++) {
        if (catalog_pattern_match(schemas->patterns[i], PQgetvalue(row, 0, 1))) {
            taken = true;
            if (i < 64) {
                schemas->matched |= UINT64_C(1) << i;
            }
        }
    }
    if (taken) {
        ps_buffer_printf(schemas->oids, "%s%s", schemas->oids->size > 0 ? ", " : "",
                         PQgetvalue(row, 0, 0));
    }
    return PS_OK;
}

enum ps_status catalog_schemas(struct link *link, const char *const *patterns,
                               struct ps_buffer *ret_oids, struct ps_buffer *ret_unmatched,
                               struct ps_error *err)
{
    struct schemas schemas = {.patterns = patterns, .oids = ret_oids};
    enum ps_status status =
        link_each(link,
                  "SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_'"
                  " AND nspname <> 'information_schema' ORDER BY nspname",
                  "reading the schemas", schema_row, &schemas, err);
    if (status != PS_OK) {
        return status;
    }
    for (size_t i = 0; i < 64 && patterns[i] != NULL; i++) {
        if ((schemas.matched >> i & 1) == 0) {
            ps_buffer_printf(ret_unmatched, "%s%s", ret_unmatched->size > 0 ? ", " : "",
                             patterns[i]);
        }
    }
    if (!ps_buffer_ok(ret_oids) || !ps_buffer_ok(ret_unmatched)) {
        return ps_fail_nomem(err, "reading the schemas");
    }
    return PS_OK;
}

bool catalog_pattern_match(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}
