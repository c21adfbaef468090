/*
 * The statements that read the catalog. They run with search_path = pg_catalog (link_begin). What
 * differs by version or dialect is decided here.
 */
#include "sources/postgresql/catalog.h"
#include "sources/postgresql/query.h"

/* The tables of the scope; c and n are pg_class and pg_namespace. */
static void write_scope(struct ps_buffer *sql, const struct catalog_scope *scope)
{
    if (scope->schema_oids != NULL) {
        ps_buffer_printf(sql, "n.oid IN (%s)", scope->schema_oids);
        return;
    }
    ps_buffer_puts(sql, "n.nspname = ");
    query_literal(sql, scope->schema);
    ps_buffer_puts(sql, " AND c.relname = ");
    query_literal(sql, scope->name);
}

static void write_tables(struct ps_buffer *sql, const struct link *link,
                         const struct catalog_scope *scope)
{
    /* pg_relation_size waits for the table's lock: it is not asked where somebody holds or wants
     * the one lock that it would wait for. YugabyteDB's sizes say nothing. */
    const char *size = link->yugabyte ? "NULL::bigint"
                                      : "CASE WHEN k.relation IS NULL THEN"
                                        " pg_relation_size(c.oid) END";
    ps_buffer_printf(sql,
                     "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relnatts, c.reltuples,"
                     " c.relpages, %s, pg_relation_filenode(c.oid), c.relispartition,"
                     " c.relispopulated, c.relpersistence, row_security_active(c.oid),"
                     " has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'),"
                     " COALESCE(t.relpages, 0), (",
                     size);
    write_scope(sql, scope);
    ps_buffer_puts(sql, ") FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                        " LEFT JOIN pg_class t ON t.oid = c.reltoastrelid");
    if (!link->yugabyte) {
        ps_buffer_puts(sql, " LEFT JOIN (SELECT DISTINCT relation FROM pg_locks"
                            " WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock') k"
                            " ON k.relation = c.oid");
    }
    ps_buffer_puts(sql, " WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't'"
                        " AND ((");
    write_scope(sql, scope);
    ps_buffer_puts(sql, scope->schema_oids != NULL ? ") OR c.relispartition)" : "))");
    ps_buffer_puts(sql, " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND"
                        " d.classid = 'pg_class'::regclass AND d.deptype = 'e')"
                        " ORDER BY c.oid");
}

static void write_columns(struct ps_buffer *sql, const struct link *link,
                          const struct catalog_scope *scope)
{
    /* What a column's older rows hold is noted where rows are: at the partitions. */
    const char *in_partitions =
        link->version >= 120000 && !link->yugabyte
            ? " OR (c.relkind = 'p' AND EXISTS (SELECT FROM pg_partition_tree(c.oid) p"
              " JOIN pg_attribute pa ON pa.attrelid = p.relid"
              " WHERE pa.attname = a.attname AND pa.atthasmissing))"
            : "";
    ps_buffer_printf(sql,
                     "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod,"
                     " a.attnotnull, a.atthasmissing%s, format_type(a.atttypid, a.atttypmod),"
                     " a.attlen FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                     " JOIN pg_namespace n ON n.oid = c.relnamespace"
                     " WHERE c.relkind IN ('r', 'p', 'm') AND a.attnum > 0"
                     " AND NOT a.attisdropped AND ",
                     in_partitions);
    write_scope(sql, scope);
    ps_buffer_puts(sql, " ORDER BY a.attrelid, a.attnum");
}

static void write_indexes(struct ps_buffer *sql, const struct link *link,
                          const struct catalog_scope *scope)
{
    /* `ordered`: a comparison with the first column can use it (YugabyteDB: not hashed).
     * `whole`: it is a key in itself, wherever its columns are never NULL. Ties go by name. */
    ps_buffer_printf(
        sql,
        "SELECT i.indrelid, i.indisprimary, i.indkey, i.indnkeyatts,"
        " am.amname IN ('btree', 'lsm')%s AND i.indpred IS NULL AS ordered,"
        " i.indisprimary OR (i.indisunique AND i.indimmediate AND i.indpred IS NULL"
        " AND i.indexprs IS NULL) AS whole"
        " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am am ON am.oid = x.relam"
        " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p', 'm') AND i.indisvalid AND i.indisready AND ",
        link->yugabyte ? " AND (i.indoption[0] & 4) = 0" : "");
    write_scope(sql, scope);
    ps_buffer_puts(sql, " ORDER BY i.indrelid, x.relname");
}

static void write_statistics(struct ps_buffer *sql, const struct catalog_scope *scope)
{
    ps_buffer_puts(sql, "SELECT c.oid, s.attname, s.null_frac, s.n_distinct FROM pg_stats s"
                        " JOIN pg_namespace n ON n.nspname = s.schemaname"
                        " JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename"
                        " WHERE s.inherited = (c.relkind = 'p') AND ");
    write_scope(sql, scope);
}

void catalog_sql(struct ps_buffer *sql, enum catalog_statement statement, const struct link *link,
                 const struct catalog_scope *scope)
{
    switch (statement) {
    case CATALOG_TABLES:
        write_tables(sql, link, scope);
        return;
    case CATALOG_INHERITS:
        ps_buffer_puts(sql, "SELECT inhrelid, inhparent FROM pg_inherits");
        return;
    case CATALOG_DOMAINS:
        ps_buffer_puts(sql, "SELECT oid, typbasetype, typtypmod FROM pg_type"
                            " WHERE typtype = 'd' ORDER BY oid");
        return;
    case CATALOG_COLUMNS:
        write_columns(sql, link, scope);
        return;
    case CATALOG_INDEXES:
        write_indexes(sql, link, scope);
        return;
    case CATALOG_STATISTICS:
        write_statistics(sql, scope);
        return;
    }
}
