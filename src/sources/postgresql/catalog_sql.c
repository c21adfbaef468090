/*
 * The statements that read the catalog. They run with search_path = pg_catalog (link_begin). What
 * differs by version or dialect is decided here.
 */
#include "sources/postgresql/catalog.h"
#include "sources/postgresql/query.h"
#include "sources/postgresql/shapes.h"

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

/* What is read at all: kinds of pg_class. */
static const char *kinds(const struct catalog_scope *scope)
{
    return scope->views ? "c.relkind IN ('r', 'p', 'm', 'v', 'f')" : "c.relkind IN ('r', 'p', 'm')";
}

/* Besides the scope's own tables those below them, which are read through them. */
static void write_below(struct ps_buffer *sql, int version, const struct catalog_scope *scope)
{
    if (scope->schema_oids != NULL) {
        ps_buffer_puts(sql, "SELECT inhrelid FROM pg_inherits");
        return;
    }
    ps_buffer_puts(sql, "WITH RECURSIVE below(oid) AS (SELECT c.oid FROM pg_class c JOIN"
                        " pg_namespace n ON n.oid = c.relnamespace WHERE ");
    write_scope(sql, scope);
    ps_buffer_puts(sql, " UNION ");
    query_below(sql, version, "below");
    ps_buffer_puts(sql, ") SELECT oid FROM below");
}

static void write_tables(struct ps_buffer *sql, const struct link *link,
                         const struct catalog_scope *scope)
{
    /* pg_relation_size waits for the table's lock: it is not asked where somebody holds or wants
     * the one lock that it would wait for, or nobody can tell. YugabyteDB's sizes say nothing. */
    bool sized = !link->yugabyte && link->may_see_locks;
    const char *size =
        sized ? "CASE WHEN k.relation IS NULL THEN pg_relation_size(c.oid) END" : "NULL::bigint";
    ps_buffer_printf(sql,
                     "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relnatts, c.reltuples,"
                     " c.relpages, %s, pg_relation_filenode(c.oid), c.relispartition,"
                     " c.relispopulated, c.relpersistence, row_security_active(c.oid),"
                     " has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'),"
                     " has_any_column_privilege(c.oid, 'SELECT'), COALESCE(t.relpages, 0), (",
                     size);
    write_scope(sql, scope);
    ps_buffer_puts(sql, ") FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                        " LEFT JOIN pg_class t ON t.oid = c.reltoastrelid");
    if (sized) {
        ps_buffer_puts(sql, " LEFT JOIN (SELECT DISTINCT relation FROM pg_locks"
                            " WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock') k"
                            " ON k.relation = c.oid");
    }
    ps_buffer_printf(sql, " WHERE %s AND c.relpersistence <> 't' AND ((", kinds(scope));
    write_scope(sql, scope);
    ps_buffer_puts(sql, ") OR c.oid IN (");
    write_below(sql, link->version, scope);
    ps_buffer_puts(sql, "))");
    ps_buffer_puts(sql, " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND"
                        " d.classid = 'pg_class'::regclass AND d.deptype = 'e')"
                        " ORDER BY c.oid");
}

/*
 * Classic inheritance: each table below another, however deep, with whether that one must be read
 * for its own rows alone, since somewhere below it there is a table with columns or parents that it
 * does not have. Temporary tables are nobody's but their session's.
 */
static void write_inherited(struct ps_buffer *sql)
{
    ps_buffer_puts(sql,
                   "WITH RECURSIVE edge(child, parent) AS (SELECT i.inhrelid, i.inhparent FROM"
                   " pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE NOT c.relispartition"
                   " AND c.relkind IN ('r', 'f') AND c.relpersistence <> 't'), own(oid) AS (SELECT "
                   "child FROM edge GROUP BY child"
                   " HAVING count(*) > 1 UNION SELECT e.child FROM edge e JOIN pg_attribute a"
                   " ON a.attrelid = e.child AND a.attnum > 0 AND NOT a.attisdropped"
                   " AND a.attinhcount = 0), apart(oid) AS (SELECT e.parent FROM edge e JOIN own o"
                   " ON o.oid = e.child UNION SELECT e.parent FROM edge e JOIN apart a"
                   " ON a.oid = e.child), above(child, parent) AS (SELECT child, parent FROM edge"
                   " UNION SELECT a.child, e.parent FROM above a JOIN edge e ON e.child = a.parent)"
                   " SELECT a.child, a.parent, EXISTS (SELECT FROM apart p WHERE p.oid = a.parent)"
                   " FROM above a");
}

/* Collations that are not deterministic exist from this version on. */
#define VERSION_LOOSE_COLLATIONS 120000
#define LOOSE_TYPES "'interval', 'jsonb', 'citext', 'seg', 'cube', 'numrange', 'nummultirange'"

/*
 * Whose equality is not that of what they print: numbers inside them may be 1.0 or 1.00, letters of
 * either case. Not numeric, of which keys have one form (decode_numeric_key).
 */
static const char loose_sql[] =
    "t.oid IN (SELECT oid FROM pg_type WHERE typname IN (" LOOSE_TYPES "))"
    " OR t.typelem IN (SELECT oid FROM pg_type WHERE typname IN ('numeric', " LOOSE_TYPES "))"
    " OR t.typbasetype IN (SELECT oid FROM pg_type WHERE typname IN (" LOOSE_TYPES "))"
    " OR (a.atttypid = 1042 AND a.atttypmod < 0)"; /* bpchar without a length */
static const char loose_collation_sql[] =
    " OR a.attcollation IN (SELECT oid FROM pg_collation WHERE NOT collisdeterministic)";

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
                     " a.attlen, has_table_privilege(c.oid, 'SELECT') OR"
                     " has_column_privilege(c.oid, a.attnum, 'SELECT'), %s, %s%s"
                     " FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid"
                     " JOIN pg_class c ON c.oid = a.attrelid"
                     " JOIN pg_namespace n ON n.oid = c.relnamespace"
                     " WHERE %s AND a.attnum > 0"
                     " AND NOT a.attisdropped AND ",
                     in_partitions, shape_sql, loose_sql,
                     link->version < VERSION_LOOSE_COLLATIONS ? "" : loose_collation_sql,
                     kinds(scope));
    write_scope(sql, scope);
    ps_buffer_puts(sql, " ORDER BY a.attrelid, a.attnum");
}

static void write_indexes(struct ps_buffer *sql, const struct link *link,
                          const struct catalog_scope *scope)
{
    /* `ordered`: a comparison with the first column can use it (YugabyteDB: not hashed).
     * `whole`: it is a key in itself, wherever its columns are never NULL; a deferrable one too,
     * since it holds for whatever is committed, which is all that is read. Ties go by name. */
    ps_buffer_printf(
        sql,
        "SELECT i.indrelid, i.indisprimary, i.indkey, i.indnkeyatts,"
        " am.amname IN ('btree', 'lsm')%s AND i.indpred IS NULL AS ordered,"
        " i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL AS whole"
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
    case CATALOG_PARTITIONS:
        ps_buffer_puts(sql, "SELECT i.inhrelid, i.inhparent FROM pg_inherits i JOIN pg_class c"
                            " ON c.oid = i.inhrelid WHERE c.relispartition");
        ps_buffer_puts(sql, query_attached(link->version));
        return;
    case CATALOG_INHERITED:
        write_inherited(sql);
        return;
    case CATALOG_DOMAINS:
        ps_buffer_printf(sql,
                         "SELECT d.oid, d.typbasetype, d.typtypmod, %s FROM pg_type d"
                         " JOIN pg_type t ON t.oid = d.typbasetype WHERE d.typtype = 'd'"
                         " ORDER BY d.oid",
                         shape_sql);
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
