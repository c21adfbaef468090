/*
 * SQL with placeholders: "UPDATE {table_list} SET seen = now() WHERE id IN ({connector_list})". A
 * value is quoted by the place where it stands: as an identifier or literal outside of quotes,
 * escaped inside of them. docs/preprocessing.md.
 */
#ifndef PS_ENGINE_SQL_TEMPLATE_H
#define PS_ENGINE_SQL_TEMPLATE_H

#include "base/buffer.h"
#include "penstock/error.h"

/* What a placeholder stands for. */
struct sql_value {
    const char *schema;      /* a table: its schema, "" for none; else NULL */
    const char *const *list; /* the texts, or the table's name; NULL-terminated, none empty */
    const char *refusal;     /* why the name has no value, up to where it follows; NULL: it has */
};

struct sql_template {
    const char *text;
    /* Finds what a name means. False: nothing does. `ret_value` lives until the next call. */
    bool (*find)(void *context, const char *name, struct sql_value *ret_value);
    void *context;
};

/*
 * Appends the one statement that the text is. CONFIG: an unknown or empty placeholder, one where it
 * cannot be quoted (in a comment, in $…$, in E'…'), a value that cannot be, or more than one
 * statement.
 */
enum ps_status sql_template_fill(const struct sql_template *sql_template, struct ps_buffer *out,
                                 struct ps_error *err) PS_MUST_CHECK;

#endif
