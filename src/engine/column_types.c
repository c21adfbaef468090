/*
 * "table.column=TYPE, schema.table.column=DECIMAL(12,2)": entries are separated by commas outside
 * of parentheses; `*` stands for any run of characters. Names may hold dots themselves, so that
 * each dot can be the one between table and column.
 */
#include "engine/column_types.h"

#include <string.h>

#include "data/convert.h"

#define NAME_MAX_BYTES 256

struct entry {
    const char *text; /* not ended by NUL */
    size_t size;
    char name[2 * NAME_MAX_BYTES]; /* "schema.table.column" */
    struct ps_type_exact type;
};

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* Where the entry that begins here ends: a comma outside of parentheses, or the text's end. */
static const char *entry_end(const char *at)
{
    int depth = 0;
    for (; *at != '\0' && (*at != ',' || depth > 0); at++) {
        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
    }
    return at;
}

static size_t trimmed(const char *text, size_t size)
{
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL) {
        size--;
    }
    return size;
}

static bool parse_entry(struct entry *entry)
{
    const char *equals = memchr(entry->text, '=', entry->size);
    if (equals == NULL) {
        return false;
    }
    size_t size = trimmed(entry->text, (size_t)(equals - entry->text));
    if (size < 3 || size >= sizeof(entry->name) || memchr(entry->text + 1, '.', size - 2) == NULL) {
        return false;
    }
    memcpy(entry->name, entry->text, size);
    entry->name[size] = '\0';
    const char *type = skip_blanks(equals + 1);
    return ps_type_exact_parse(type, (size_t)(entry->text + entry->size - type), &entry->type);
}

/* The entry at *at, which goes on behind it. False: there is none. */
static bool next_entry(const char **at, struct entry *entry, bool *ret_valid)
{
    const char *text = *at + strspn(*at, " \t\r\n,");
    if (*text == '\0') {
        return false;
    }
    const char *end = entry_end(text);
    *at = end;
    entry->text = text;
    entry->size = trimmed(text, (size_t)(end - text));
    *ret_valid = parse_entry(entry);
    return true;
}

enum ps_status column_types_check(const struct ps_config *config, struct ps_error *err)
{
    struct entry entry;
    bool valid;
    for (const char *at = ps_config_text_or_empty(config, "column_types");
         next_entry(&at, &entry, &valid);) {
        if (!valid) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "`column_types`: `%.*s` is not table.column=TYPE; types are BOOLEAN, "
                           "SHORT, INT, LONG, DECIMAL(p,s), FLOAT, DOUBLE, NAIVE_DATE, "
                           "NAIVE_DATETIME, UTC_DATETIME, BINARY, XML, STRING and JSON",
                           (int)(entry.size > 128 ? 128 : entry.size), entry.text);
        }
    }
    return PS_OK;
}

static bool names_column(const struct entry *entry, const struct ps_table *table,
                         const char *column)
{
    char pattern[sizeof(entry->name)];
    memcpy(pattern, entry->name, sizeof(pattern));
    for (char *dot = strrchr(pattern, '.'); dot != NULL; dot = strrchr(pattern, '.')) {
        *dot = '\0';
        /* Without a schema the grammar of table names is that of any name. */
        if (ps_table_pattern_match(pattern, table->schema, table->name) &&
            ps_table_pattern_match(entry->name + (dot - pattern) + 1, "", column)) {
            return true;
        }
    }
    return false;
}

static enum ps_status refuse(const struct entry *entry, const struct ps_table *table,
                             const char *own_name, const struct ps_column *column,
                             const char *reason, struct ps_error *err)
{
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "`column_types`: column \"%s\" of \"%s%s%s\" is %s (%s) and cannot become "
                   "%.*s: %s. STRING holds anything",
                   own_name, table->schema, table->schema[0] == '\0' ? "" : ".", table->name,
                   ps_type_name(column->type),
                   column->source_type == NULL ? "?" : column->source_type,
                   (int)(entry->text + entry->size -
                         skip_blanks((const char *)memchr(entry->text, '=', entry->size) + 1)),
                   skip_blanks((const char *)memchr(entry->text, '=', entry->size) + 1), reason);
}

enum ps_status column_types_apply(const struct ps_config *config, const struct ps_table *table,
                                  struct ps_column *column, const char *own_name,
                                  struct ps_error *err)
{
    struct entry entry;
    bool valid;
    for (const char *at = ps_config_text_or_empty(config, "column_types");
         next_entry(&at, &entry, &valid);) {
        if (!valid || !names_column(&entry, table, own_name)) {
            continue;
        }
        const char *reason = ps_convert_refusal(column, entry.type);
        if (reason != NULL) {
            return refuse(&entry, table, own_name, column, reason, err);
        }
        /* A text becomes JSON only after it was looked at. */
        column->json_valid = column->type == PS_TYPE_JSON ? column->json_valid : true;
        column->type = entry.type.type;
        column->precision = entry.type.precision;
        column->scale = entry.type.scale;
        return PS_OK;
    }
    return PS_OK;
}

const char *column_types_unmatched(const struct ps_config *config,
                                   const struct ps_table *const *tables, size_t count,
                                   struct ps_arena *arena, const char **at)
{
    struct entry entry;
    bool valid;
    if (*at == NULL) {
        *at = ps_config_text_or_empty(config, "column_types");
    }
    while (next_entry(at, &entry, &valid)) {
        bool hit = false;
        for (size_t t = 0; t < count && !hit; t++) {
            for (uint32_t c = 0; c < tables[t]->columns_count && !hit; c++) {
                hit = names_column(&entry, tables[t], tables[t]->columns[c].name);
            }
        }
        if (!hit) {
            return ps_arena_printf(arena, "no column matches `%s` (column_types)", entry.name);
        }
    }
    return NULL;
}
