/*
 * Tables, columns and keys of a database, read set-wise: one statement for each kind of fact and
 * all tables of the scope, joined here in memory. Not for: rows (reader.c) or rights to them.
 */
#ifndef PS_SOURCES_POSTGRESQL_CATALOG_H
#define PS_SOURCES_POSTGRESQL_CATALOG_H

#include "base/arena.h"
#include "base/buffer.h"
#include "penstock/schema.h"
#include "sources/postgresql/link.h"
#include "sources/postgresql/types.h"

/* What is known of a column besides what the engine needs. */
struct catalog_column {
    struct ps_column column;
    int16_t width; /* pg_attribute.attlen: negative where it varies */
    bool readable; /* by this login, and by a name that is UTF-8 … */
    bool misnamed; /* … as this one's is not */
};

struct catalog_table {
    struct ps_table table; /* columns stay NULL; its strings live in the catalog's arena */
    struct catalog_column *columns;
    uint32_t columns_count, columns_capacity;
    /* pg_inherits */
    uint32_t parent;   /* of a partition: the oid of one that is in the catalog; 0: none */
    bool is_partition; /* of a partitioned table, which is read in its place */
    bool has_children; /* other tables inherit from it, and are read with it … */
    bool is_child;     /* … as this one is, with another of the scope … */
    const struct catalog_table *apart_from; /* … or by itself, for columns that that one lacks */
    bool in_scope;                          /* its schema is one of those asked for */
    /* rights and conditions */
    bool schema_usage, selectable, partly_selectable, rows_hidden, populated, unlogged;
    bool key_hidden;                     /* it has a key, which the login may not read */
    bool misnamed;                       /* its name, or its schema's, is no UTF-8 */
    bool misnamed_columns, misnamed_key; /* the same of columns, and of some in a key */
    /* Of a partitioned table: those with rows, however deep they lie. */
    struct catalog_table *first_leaf, *next_leaf;
    uint32_t leaves_count;
    bool empty;     /* its file has not a single page */
    bool described; /* handed out once: the next time it is read anew */
    /* The unique index that stands in for a primary key: its rank so far; lower is better. */
    uint32_t key_columns, key_width;
};

struct catalog {
    struct ps_arena *arena;
    const char *database; /* which of all databases it is, whatever its address: an origin as
                             of ps_table.incarnation */
    const char *database_counted; /* the same of tables with columns of its counter, where it can be
                                     told since when that has not gone back */
    const char *no_counters;      /* why xid8 columns are no counters; NULL: they are … */
    bool has_counters;            /* … and there is one */
    struct catalog_table *tables; /* by schema and name, in byte order */
    size_t tables_count, tables_capacity;
    struct catalog_table **by_oid;
    bool details; /* columns and keys are there too */
    /* Domains, by oid. */
    struct catalog_domain {
        uint32_t oid, base;
        int32_t modifier;
        enum type_shape shape; /* the base's */
    } * domains;
    size_t domains_count, domains_capacity;
};

/* What to read: the schemas' oids ("1, 2"), or one table by its names. */
struct catalog_scope {
    const char *schema_oids; /* NULL: one table */
    const char *schema, *name;
    bool views; /* views and foreign tables too */
};

/*
 * Reads the tables of the scope into a new catalog. The link must be in a transaction (rules of
 * link_begin). NOMEM, RETRY, CONFIG.
 */
enum ps_status catalog_new(struct link *link, const struct catalog_scope *scope,
                           struct catalog **ret_catalog, struct ps_error *err) PS_MUST_CHECK;
void catalog_free(struct catalog *catalog); /* NULL is fine */

/* Adds columns, keys and statistics of the same scope. */
enum ps_status catalog_read_details(struct catalog *catalog, struct link *link,
                                    const struct catalog_scope *scope,
                                    struct ps_error *err) PS_MUST_CHECK;

/*
 * A copy in the catalog's arena, with \xff in place of each byte that is no UTF-8; where there is
 * one, *misnamed becomes true. NULL: no memory.
 */
const char *catalog_name(struct catalog *catalog, const char *name, bool *misnamed);

/* NULL: there is none. */
struct catalog_table *catalog_find(const struct catalog *catalog, const char *schema,
                                   const char *name);
struct catalog_table *catalog_find_oid(const struct catalog *catalog, uint32_t oid);

/* True where the table is listed by itself, whatever the rights. */
bool catalog_is_listed(const struct catalog *catalog, const struct catalog_table *table);

/* True where the login may read some of the columns, though not all: those need the details. */
bool catalog_is_partial(const struct catalog_table *table);

/* True where it is there, with rows in it, but not for this login. */
bool catalog_is_refused(const struct catalog_table *table);

/* Why a listed table cannot be read, and what to do: one line for a person. False: it can be.
 * `login` is the name to grant to. */
bool catalog_obstacle(const struct catalog_table *table, const struct link *link, const char *login,
                      struct ps_buffer *ret_text);

/* Appends what of it is not read, or read otherwise than one would think; nothing: all is plain. */
void catalog_remark(const struct catalog_table *table, const char *login,
                    struct ps_buffer *ret_text);

/*
 * The oids of the schemas that the option names (each may hold `*`), ", " between them, and the
 * patterns that match none, likewise. The link must be in a transaction.
 */
enum ps_status catalog_schemas(struct link *link, const char *const *patterns,
                               struct ps_buffer *ret_oids, struct ps_buffer *ret_unmatched,
                               struct ps_error *err) PS_MUST_CHECK;

/* catalog_sql.c: the statements. */
enum catalog_statement {
    CATALOG_TABLES,
    CATALOG_PARTITIONS,
    CATALOG_INHERITED,
    CATALOG_DOMAINS,
    CATALOG_COLUMNS,
    CATALOG_INDEXES,
    CATALOG_STATISTICS,
};
void catalog_sql(struct ps_buffer *sql, enum catalog_statement statement, const struct link *link,
                 const struct catalog_scope *scope);

/* catalog_details.c: the rows of the last four; the context is the catalog. */
enum ps_status catalog_domain_row(void *context, const PGresult *row, struct ps_error *err);
enum ps_status catalog_column_row(void *context, const PGresult *row, struct ps_error *err);
enum ps_status catalog_index_row(void *context, const PGresult *row, struct ps_error *err);
enum ps_status catalog_statistic_row(void *context, const PGresult *row, struct ps_error *err);

/* True where `*` in the pattern, for any run of characters, makes it the name; case counts. */
bool catalog_pattern_match(const char *pattern, const char *name);

#endif
