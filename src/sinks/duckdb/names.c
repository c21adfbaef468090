/*
 * Quoting of names and texts for DuckDB's SQL. Not for: values of rows, which never become SQL.
 */
#include "sinks/duckdb/names.h"

static void quote(struct ps_buffer *out, const char *prefix, const char *text, char mark)
{
    ps_buffer_putc(out, mark);
    ps_buffer_puts(out, prefix);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == mark) {
            ps_buffer_putc(out, mark);
        }
        ps_buffer_putc(out, *at);
    }
    ps_buffer_putc(out, mark);
}

void duck_name_quote(struct ps_buffer *out, const char *name)
{
    quote(out, "", name, '"');
}

void duck_name_table(struct ps_buffer *out, const struct duck_name *name, const char *prefix)
{
    quote(out, "", name->catalog, '"');
    ps_buffer_putc(out, '.');
    quote(out, "", name->schema, '"');
    ps_buffer_putc(out, '.');
    quote(out, prefix, name->name, '"');
}

void duck_name_literal(struct ps_buffer *out, const char *text)
{
    quote(out, "", text, '\'');
}

static char small(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

void duck_name_schema(struct ps_buffer *out, const char *destination_schema, const char *schema)
{
    ps_buffer_puts(out, destination_schema);
    if (schema[0] == '\0') {
        return;
    }
    ps_buffer_putc(out, '_');
    for (const char *at = schema; *at != '\0'; at++) {
        ps_buffer_putc(out, small(*at));
    }
}

void duck_name_fold(char *name)
{
    for (char *at = name; *at != '\0'; at++) {
        *at = small(*at);
    }
}
