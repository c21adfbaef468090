/*
 * Options and configurations. One table of options drives parsing, checks, the setup form, --help
 * and docs/options.md; nothing else knows an option's name, type, bounds or default.
 *
 * A configuration is the flat map of texts that the platform sends, or that configuration.json
 * holds; src/config/ makes a checked `struct ps_config` of it.
 */
#ifndef PENSTOCK_CONFIG_H
#define PENSTOCK_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ps_option_type {
    PS_OPTION_TEXT = 1,
    PS_OPTION_SECRET,   /* text that is never shown */
    PS_OPTION_INTEGER,  /* between minimum and maximum */
    PS_OPTION_BOOLEAN,  /* true/false, yes/no, on/off, 1/0 */
    PS_OPTION_CHOICE,   /* one of `choices` or `described_choices`, case does not count */
    PS_OPTION_LIST,     /* separated by commas; blanks round an entry are dropped */
    PS_OPTION_BY_TABLE, /* "value", or "schema.table=value, other=value"; see ps_config_by_table.
                           Each value is one of `choices` where there are any */
    PS_OPTION_UPLOAD,   /* a file's bytes in base64; see ps_config_upload */
};

/* Where the option is offered, and how. */
#define PS_OPTION_REQUIRED 1u /* must be set */
#define PS_OPTION_ADVANCED 2u /* most users leave it alone: at the form's end */
#define PS_OPTION_ASKED 4u    /* the form requires it; the source's own tests say where it lacks */
#define PS_OPTION_HIDDEN 8u   /* TEXT that the form carries along and does not show */

/* A choice that the form explains. What is kept is `value`. */
struct ps_choice {
    const char *value, *label, *description;
};

/*
 * Options that are shown, and asked for, together: while `option`, of the same table, has `value`
 * (of a BOOLEAN: "true" or "false").
 */
struct ps_option_group {
    const char *name, *label; /* in the form; the name is nobody else's */
    const char *option, *value;
};

struct ps_option {
    const char *name;  /* the key in configuration.json; lower snake case */
    const char *label; /* in the form */
    const char *help;  /* one or two full sentences */
    enum ps_option_type type;
    uint32_t flags;
    const char *default_value;  /* as text; NULL: none, "not set" */
    const char *placeholder;    /* in the form; may be NULL */
    int64_t minimum, maximum;   /* INTEGER */
    const char *const *choices; /* CHOICE, BY_TABLE: NULL-terminated */
    const char *const
        *aliases; /* other names that are taken for it, NULL-terminated; may be NULL */
    const struct ps_choice *described_choices; /* CHOICE, in place of `choices`: ends with a value
                                                  of NULL */
    const struct ps_option_group *shown_when;  /* NULL: always. PS_OPTION_REQUIRED counts only while
                                               it is shown */
    const char *const *upload_types; /* UPLOAD: ".pem", …, NULL-terminated; for the form */
    int32_t upload_bytes_max;        /* UPLOAD: the most that the file may hold */
};

/* A checked configuration. Shared by all threads once it is made, and then the same for ever but
 * for what ps_config_renewed_text gives. */
struct ps_config;

/* The value as text: as given, else the default, else NULL. The name must be in an option table. */
PS_PUBLIC const char *ps_config_text(const struct ps_config *config, const char *name);
/* The same, "" for NULL. */
PS_PUBLIC const char *ps_config_text_or_empty(const struct ps_config *config, const char *name);
/*
 * TEXT, SECRET: the same as ps_config_text, but where the configuration took the value from a file
 * (@path), that is read again: for secrets that are changed while a sync runs. While it cannot be
 * read or is empty, the text before stands. Any thread; texts live as long as the configuration.
 */
PS_PUBLIC const char *ps_config_renewed_text(const struct ps_config *config, const char *name);
/* True where the configuration itself gave a value (not ""). */
PS_PUBLIC bool ps_config_is_set(const struct ps_config *config, const char *name);
/* INTEGER: given or default; `otherwise` where neither is there. */
PS_PUBLIC int64_t ps_config_integer(const struct ps_config *config, const char *name,
                                    int64_t otherwise);
PS_PUBLIC bool ps_config_boolean(const struct ps_config *config, const char *name);
/* CHOICE: its index among the choices, or -1 where neither given nor default. */
PS_PUBLIC int ps_config_choice(const struct ps_config *config, const char *name);
/* LIST: the entries, NULL-terminated, owned by the configuration; never NULL. */
PS_PUBLIC const char *const *ps_config_list(const struct ps_config *config, const char *name,
                                            size_t *ret_count);
/* UPLOAD: the file's bytes, decoded, owned by the configuration; NULL where none was given. */
PS_PUBLIC const void *ps_config_upload(const struct ps_config *config, const char *name,
                                       size_t *ret_size);
/*
 * BY_TABLE: the value for one table: the first entry whose pattern ("table" or "schema.table", `*`
 * stands for any run of characters, case does not count) matches; else the entry without a
 * pattern; else the default; else NULL.
 */
PS_PUBLIC const char *ps_config_by_table(const struct ps_config *config, const char *name,
                                         const char *schema, const char *table);

/* Start it as {0}. */
struct ps_pattern_walk {
    size_t entry, pattern;
    const char *option; /* whose pattern was given last */
};
/* The next of the patterns of all BY_TABLE options, each as often as it was given; NULL: no more.
 */
PS_PUBLIC const char *ps_config_next_pattern(const struct ps_config *config,
                                             struct ps_pattern_walk *walk);

/*
 * True where `pattern` ("table" or "schema.table", with `*`) names the table; case does not count.
 * The grammar of `tables`, `exclude_tables` and every BY_TABLE option.
 */
PS_PUBLIC bool ps_table_pattern_match(const char *pattern, const char *schema, const char *table);
/* True where one of the first patterns matches, or there are none, and none of the second does.
 * Lists end with NULL; NULL itself is an empty one. */
PS_PUBLIC bool ps_table_patterns_select(const char *const *tables,
                                        const char *const *exclude_tables, const char *schema,
                                        const char *table);

#ifdef __cplusplus
}
#endif

#endif
