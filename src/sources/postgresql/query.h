/*
 * SQL text: every name quoted as an identifier, every value as a literal. Appends to a buffer;
 * pure, without a connection. Not for: the catalog's own statements (catalog_sql.c).
 */
#ifndef PS_SOURCES_POSTGRESQL_QUERY_H
#define PS_SOURCES_POSTGRESQL_QUERY_H

#include "base/buffer.h"
#include "penstock/source.h"
#include "sources/postgresql/partition.h"
#include "sources/postgresql/types.h"
#include "sources/postgresql/window.h"

/* "a""b" */
void query_identifier(struct ps_buffer *sql, const char *name);
/* "schema"."name" */
void query_qualified(struct ps_buffer *sql, const char *schema, const char *name);
/* 'it''s', or E'…' where there is a backslash; right whatever standard_conforming_strings is. */
void query_literal(struct ps_buffer *sql, const char *text);
void query_literal_sized(struct ps_buffer *sql, const char *text, size_t size);

/* SELECT "a", "b" FROM "s"."t" WHERE false: locks the table, and tells the columns' types. */
void query_probe(struct ps_buffer *sql, const struct ps_read_request *request);

/*
 * SELECT …: the tables right below those of `above` (with a column named oid) that are
 * read under their names. Not so temporary ones, which are their sessions' own, and partitions that
 * are being detached. `version` is the server's.
 */
void query_below(struct ps_buffer *sql, int version, const char *above);
/* Of pg_inherits i: " AND …", it is not being detached; "" where there is no such thing.
 */
const char *query_attached(int version);

/*
 * One row: the oid that the name has now; its file; how many tables are read under that name
 * (itself, partitions, children); how many of those are not what the point in time saw; their
 * files,
 * ",part:file,part:file,".
 */
void query_rewritten(struct ps_buffer *sql, const struct ps_table *table, int version);

/* COPY (SELECT …) TO STDOUT (FORMAT BINARY); fields[i] says how to select columns[i], and the ctid
 * comes after them where the partition has places. */
void query_copy(struct ps_buffer *sql, const struct ps_read_request *request,
                const struct type_field *fields, const struct partition *partition,
                const struct window *window);

/* One row, or none: block and place, as "(7" and "12)", of the first row of the part. */
void query_next_place(struct ps_buffer *sql, const struct ps_read_request *request,
                      const struct partition *partition, const struct window *window);

/*
 * Of pg_class c: its rows have places and can be read by its own name, where what a policy hides
 * would be refused.
 */
#define QUERY_LEAF_IS_OURS                                                                         \
    "c.relkind IN ('r', 'm') AND NOT row_security_active(c.oid)"                                   \
    " AND has_table_privilege(c.oid, 'SELECT')"                                                    \
    " AND has_schema_privilege(c.relnamespace, 'USAGE')"

/* The oids of the tables that hold what is read under the name, each with that. */
void query_stores(struct ps_buffer *sql, const struct ps_table *table, int version);

/* CREATE INDEX … on the column, as a person would run it while the table is in use. */
void query_index(const struct ps_table *table, uint32_t column, struct ps_buffer *sql);

#endif
