/*
 * Table patterns: "table" or "schema.table" with `*`, as `tables`, `exclude_tables` and the options
 * that differ by table write them. Case does not count for ASCII letters.
 */
#include <string.h>

#include "config/text.h"
#include "penstock/config.h"

/*
 * The usual walk with one point to come back to: after a later `*` an earlier one never needs to
 * give way again, so that the cost stays below pattern size times text size.
 */
static bool glob_match(const char *pattern, size_t size, const char *text)
{
    size_t at = 0;
    size_t star = SIZE_MAX;
    const char *resume = NULL;
    while (*text != '\0') {
        if (at < size && pattern[at] == '*') {
            star = at++;
            resume = text;
        } else if (at < size && text_fold(pattern[at]) == text_fold(*text)) {
            at++;
            text++;
        } else if (star != SIZE_MAX) {
            at = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (at < size && pattern[at] == '*') {
        at++;
    }
    return at == size;
}

bool ps_table_pattern_match(const char *pattern, const char *schema, const char *table)
{
    size_t size = 0;
    pattern = text_trim(pattern, strlen(pattern), &size);
    if (size == 0) {
        return false;
    }
    if (glob_match(pattern, size, table)) {
        return true;
    }
    /* Names may hold dots themselves, so that each dot can be the one between schema and table. */
    for (size_t i = 0; i < size; i++) {
        if (pattern[i] == '.' && glob_match(pattern, i, schema) &&
            glob_match(pattern + i + 1, size - i - 1, table)) {
            return true;
        }
    }
    return false;
}

static bool matches_one(const char *const *patterns, const char *schema, const char *table)
{
    for (size_t i = 0; patterns[i] != NULL; i++) {
        if (ps_table_pattern_match(patterns[i], schema, table)) {
            return true;
        }
    }
    return false;
}

bool ps_table_patterns_select(const char *const *tables, const char *const *exclude_tables,
                              const char *schema, const char *table)
{
    bool all = tables == NULL || tables[0] == NULL;
    return (all || matches_one(tables, schema, table)) &&
           !(exclude_tables != NULL && matches_one(exclude_tables, schema, table));
}
