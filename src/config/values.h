/*
 * One option's value: from its text to what the accessors of penstock/config.h give.
 */
#ifndef PS_CONFIG_VALUES_H
#define PS_CONFIG_VALUES_H

#include "base/arena.h"
#include "penstock/config.h"

struct value_by_table {
    const char *pattern;
    const char *value;
};

/* Lives in the arena it was parsed into. */
struct value {
    const char *text; /* TEXT, SECRET, BY_TABLE, UPLOAD: as given; CHOICE: as the table spells it;
                         trimmed */
    int64_t integer;
    bool boolean;
    int choice;
    const char *const *list; /* NULL-terminated */
    size_t list_count;
    const struct value_by_table *by_table;
    size_t by_table_count;
    const char *for_all; /* BY_TABLE: the entry without a pattern; NULL: none */
    const void *upload;  /* UPLOAD: the bytes */
    size_t upload_size;
};

/*
 * Reads a text that is not blank. `key` is the option's name as the user spelt it. CONFIG: key,
 * what was given (never of a SECRET) and what would be right. NOMEM.
 */
enum ps_status value_parse(struct ps_arena *arena, const struct ps_option *option, const char *key,
                           const char *text, struct value *ret_value,
                           struct ps_error *err) PS_MUST_CHECK;

/* The choice of that index as text; NULL: there are no more. */
const char *value_choice(const struct ps_option *option, size_t index);

#endif
