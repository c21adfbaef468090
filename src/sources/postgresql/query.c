/* SQL text with everything quoted: see query.h. */
#include "sources/postgresql/query.h"

#include <string.h>

/* DETACH PARTITION … CONCURRENTLY exists from this version on. */
#define VERSION_DETACH_CONCURRENTLY 140000

void query_identifier(struct ps_buffer *sql, const char *name)
{
    ps_buffer_putc(sql, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"') {
            ps_buffer_putc(sql, '"');
        }
        ps_buffer_putc(sql, *name);
    }
    ps_buffer_putc(sql, '"');
}

void query_qualified(struct ps_buffer *sql, const char *schema, const char *name)
{
    query_identifier(sql, schema);
    ps_buffer_putc(sql, '.');
    query_identifier(sql, name);
}

void query_literal_sized(struct ps_buffer *sql, const char *text, size_t size)
{
    /* The blank keeps the E apart from a word before it. */
    ps_buffer_puts(sql, memchr(text, '\\', size) != NULL ? " E'" : "'");
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '\'' || text[i] == '\\') {
            ps_buffer_putc(sql, text[i]);
        }
        ps_buffer_putc(sql, text[i]);
    }
    ps_buffer_putc(sql, '\'');
}

void query_literal(struct ps_buffer *sql, const char *text)
{
    query_literal_sized(sql, text, strlen(text));
}

static const char *column_name(const struct ps_read_request *request, uint32_t i)
{
    return request->table->columns[request->columns[i]].name;
}

static void write_from(struct ps_buffer *sql, const struct ps_table *table)
{
    ps_buffer_puts(sql, table->own_rows_only ? " FROM ONLY " : " FROM ");
    query_qualified(sql, table->schema, table->name);
}

void query_probe(struct ps_buffer *sql, const struct ps_read_request *request)
{
    ps_buffer_puts(sql, "SELECT");
    for (uint32_t i = 0; i < request->columns_count; i++) {
        ps_buffer_puts(sql, i == 0 ? " " : ", ");
        query_identifier(sql, column_name(request, i));
    }
    write_from(sql, request->table);
    ps_buffer_puts(sql, " WHERE false");
}

const char *query_attached(int version)
{
    return version >= VERSION_DETACH_CONCURRENTLY ? " AND NOT i.inhdetachpending" : "";
}

void query_below(struct ps_buffer *sql, int version, const char *above)
{
    ps_buffer_printf(sql,
                     "SELECT i.inhrelid FROM pg_inherits i JOIN %s a ON i.inhparent = a.oid"
                     " JOIN pg_class k ON k.oid = i.inhrelid WHERE k.relpersistence <> 't'%s",
                     above, query_attached(version));
}

/* WITH … root(oid), part(oid): the table, and all that is read under its name. */
static void write_tree(struct ps_buffer *sql, const struct ps_table *table, int version)
{
    struct ps_buffer name;
    ps_buffer_init(&name, 0);
    query_qualified(&name, table->schema, table->name);
    ps_buffer_puts(sql, "WITH RECURSIVE root(oid) AS (SELECT to_regclass(");
    query_literal(sql, ps_buffer_text(&name));
    ps_buffer_puts(sql, ")::oid), part(oid) AS (SELECT oid FROM root");
    if (!table->own_rows_only) {
        ps_buffer_puts(sql, " UNION ");
        query_below(sql, version, "part");
    }
    ps_buffer_putc(sql, ')');
    if (!ps_buffer_ok(&name)) {
        sql->failed = true;
    }
    ps_buffer_done(&name);
}

void query_rewritten(struct ps_buffer *sql, const struct ps_table *table, int version)
{
    write_tree(sql, table, version);
    /* pg_relation_filenode tells the file of this moment, pg_class that of the point in time. */
    ps_buffer_puts(sql,
                   " SELECT (SELECT oid FROM root), pg_relation_filenode((SELECT oid FROM root)),"
                   " count(*), count(*) FILTER (WHERE c.oid IS NULL OR f.node <> c.relfilenode),"
                   " ',' || string_agg(f.oid || ':' || f.node, ',') || ','"
                   " FROM (SELECT oid, pg_relation_filenode(oid) AS node FROM part) f"
                   " LEFT JOIN pg_class c ON c.oid = f.oid");
}

/* A name between two pieces of SQL. */
static void write_around(struct ps_buffer *sql, const char *before, const char *name,
                         const char *after)
{
    ps_buffer_puts(sql, before);
    query_identifier(sql, name);
    ps_buffer_puts(sql, after);
}

/* to_json() drops the lower bounds, so an array that does not begin at 1 gets its dimensions. */
static void write_array(struct ps_buffer *sql, const char *name)
{
    write_around(sql, "CASE WHEN replace(array_dims(", name, "), '[1:', '') LIKE '%[%'");
    write_around(sql, " THEN json_build_object(array_dims(", name, "), to_json(");
    write_around(sql, "", name, ")) ELSE to_json(");
    write_around(sql, "", name, ") END");
}

/* concat() makes an empty text of NULL; IS NULL also holds for a row of NULLs. */
static void write_printed(struct ps_buffer *sql, const char *name)
{
    write_around(sql, "CASE WHEN num_nulls(", name, ") = 0");
    write_around(sql, " THEN concat(", name, ") END");
}

static void write_value(struct ps_buffer *sql, const char *name, enum type_select select)
{
    switch (select) {
    case TYPE_SELECT_PLAIN:
        query_identifier(sql, name);
        return;
    case TYPE_SELECT_TEXT:
        write_around(sql, "", name, "::text");
        return;
    case TYPE_SELECT_PRINTED:
        write_printed(sql, name);
        return;
    case TYPE_SELECT_PADDED:
        write_around(sql, "rpad(", name, "::text, octet_length(");
        write_around(sql, "", name, "))");
        return;
    case TYPE_SELECT_MONEY:
        write_around(sql, "", name, "::numeric::text");
        return;
    case TYPE_SELECT_ARRAY:
        write_array(sql, name);
        return;
    case TYPE_SELECT_OBJECT:
        write_around(sql, "to_json(", name, ")");
        return;
    case TYPE_SELECT_NOTHING:
        ps_buffer_puts(sql, "NULL");
        return;
    }
}

static void write_field(struct ps_buffer *sql, const char *name, const struct type_field *field)
{
    if (field->raw) {
        ps_buffer_puts(sql, "convert_to((");
    }
    write_value(sql, name, field->select);
    if (field->raw) {
        ps_buffer_puts(sql, ")::text, 'SQL_ASCII')");
    }
}

static void write_rows(struct ps_buffer *sql, const struct ps_read_request *request,
                       const struct partition *partition, const struct window *window)
{
    write_from(sql, request->table);
    partition_write_where(sql, request->table, partition);
    if (request->window != NULL && request->window->lower.present) {
        bool parted = partition->kind != PARTITION_WHOLE;
        ps_buffer_puts(sql, parted ? " AND (" : " WHERE ");
        window_write_condition(sql, request, window);
        ps_buffer_puts(sql, parted ? ")" : "");
        window_write_order(sql, request, window);
    }
}

void query_next_place(struct ps_buffer *sql, const struct ps_read_request *request,
                      const struct partition *partition, const struct window *window)
{
    ps_buffer_puts(sql, "SELECT split_part(ctid::text, ',', 1), split_part(ctid::text, ',', 2)");
    write_rows(sql, request, partition, window);
    ps_buffer_puts(sql, " LIMIT 1");
}

void query_stores(struct ps_buffer *sql, const struct ps_table *table, int version)
{
    write_tree(sql, table, version);
    ps_buffer_puts(sql, " SELECT c.oid, " QUERY_LEAF_IS_OURS " FROM part p JOIN pg_class c"
                        " ON c.oid = p.oid WHERE c.relkind <> 'p' ORDER BY c.oid");
}

void query_copy(struct ps_buffer *sql, const struct ps_read_request *request,
                const struct type_field *fields, const struct partition *partition,
                const struct window *window)
{
    ps_buffer_puts(sql, "COPY (SELECT");
    for (uint32_t i = 0; i < request->columns_count; i++) {
        ps_buffer_puts(sql, i == 0 ? " " : ", ");
        write_field(sql, column_name(request, i), &fields[i]);
    }
    if (partition_has_places(partition)) {
        ps_buffer_puts(sql, request->columns_count == 0 ? " ctid" : ", ctid");
    }
    write_rows(sql, request, partition, window);
    ps_buffer_puts(sql, ") TO STDOUT (FORMAT BINARY)");
}

void query_index(const struct ps_table *table, uint32_t column, struct ps_buffer *sql)
{
    /* A partitioned table's index cannot be made without its lock. YugabyteDB would hash the column
     * where no order is said. */
    ps_buffer_puts(sql, table->kind == PS_TABLE_PARTITIONED ? "CREATE INDEX ON "
                                                            : "CREATE INDEX CONCURRENTLY ON ");
    query_qualified(sql, table->schema, table->name);
    ps_buffer_puts(sql, " (");
    query_identifier(sql, table->columns[column].name);
    ps_buffer_puts(sql, " ASC)");
}
