/* Asking pg_type which types are arrays, composites or hstore: see shapes.h. */
#include "sources/postgresql/shapes.h"

#include <stdlib.h>
#include <string.h>

/*
 * int2vector and oidvector (22, 30) count as arrays but print otherwise. to_json() uses a type's
 * own cast to json where it has one; but for hstore's, such a cast may lose something (PostGIS
 * writes GeoJSON with nine digits), so whatever holds such a type is read as text.
 */
const char shape_sql[] =
    "CASE WHEN t.oid IN (WITH RECURSIVE cast_away(oid) AS ("
    "SELECT k.castsource FROM pg_cast k JOIN pg_type h ON h.oid = k.castsource"
    " WHERE k.casttarget = 114 AND k.castfunc <> 0 AND h.typname <> 'hstore'"
    " UNION SELECT u.holder FROM cast_away l JOIN ("
    "SELECT typelem AS held, oid AS holder FROM pg_type WHERE typelem <> 0 AND typlen = -1"
    " UNION ALL SELECT typbasetype, oid FROM pg_type WHERE typtype = 'd'"
    " UNION ALL SELECT a.atttypid, c.reltype FROM pg_attribute a JOIN pg_class c"
    " ON c.oid = a.attrelid WHERE c.reltype <> 0 AND a.attnum > 0 AND NOT a.attisdropped"
    ") u ON u.held = l.oid) SELECT oid FROM cast_away)"
    " THEN 'p' WHEN t.typtype = 'c' THEN 'o' WHEN t.typtype = 'e' THEN 'e'"
    " WHEN t.typtype = 'b' AND t.typelem <> 0 AND t.typlen = -1 AND t.oid NOT IN (22, 30) THEN 'a'"
    " WHEN t.typname = 'hstore' AND EXISTS (SELECT FROM pg_cast WHERE castsource = t.oid"
    " AND casttarget = 114) THEN 'o' WHEN EXISTS (SELECT FROM pg_cast WHERE castsource = t.oid"
    " AND casttarget = 25 AND castfunc >= 16384) THEN 'p' ELSE 's' END";

enum type_shape shape_of(const char *letter)
{
    switch (*letter) {
    case 'a':
        return TYPE_SHAPE_ARRAY;
    case 'e':
        return TYPE_SHAPE_ENUM;
    case 'o':
        return TYPE_SHAPE_OBJECT;
    case 'p':
        return TYPE_SHAPE_PRINTED;
    default:
        return TYPE_SHAPE_SCALAR;
    }
}

struct shape_list {
    struct shape *shapes;
    size_t count;
};

static enum ps_status shape_row(void *context, const PGresult *row, struct ps_error *err)
{
    (void)err;
    const struct shape_list *list = context;
    uint32_t type = (uint32_t)strtoul(PQgetvalue(row, 0, 0), NULL, 10);
    for (size_t i = 0; i < list->count; i++) {
        if (list->shapes[i].type == type) {
            list->shapes[i].shape = shape_of(PQgetvalue(row, 0, 1));
        }
    }
    return PS_OK;
}

enum ps_status shapes_read(struct link *link, struct shape *shapes, size_t count,
                           struct ps_error *err)
{
    struct ps_buffer sql;
    struct shape_list list = {shapes, count};
    if (count == 0) {
        return PS_OK;
    }
    ps_buffer_init(&sql, 0);
    ps_buffer_printf(&sql, "SELECT t.oid, %s FROM pg_type t WHERE t.oid IN (", shape_sql);
    for (size_t i = 0; i < count; i++) {
        ps_buffer_printf(&sql, "%s%lu", i > 0 ? ", " : "", (unsigned long)shapes[i].type);
    }
    ps_buffer_putc(&sql, ')');
    enum ps_status status =
        ps_buffer_ok(&sql) ? link_each(link, ps_buffer_text(&sql), "reading", shape_row, &list, err)
                           : ps_fail_nomem(err, "reading");
    ps_buffer_done(&sql);
    return status;
}
