/*
 * From texts to a checked configuration: parsing and checks by the option tables, secrets made
 * known to the redactor, configuration.json with its comments, ${NAME} and @path, and the source
 * that follows from the keys.
 */
#ifndef PS_CONFIG_OPTIONS_H
#define PS_CONFIG_OPTIONS_H

#include "base/arena.h"
#include "penstock/config.h"
#include "penstock/source.h"

/* Key and value as they were given; both live as long as the map. */
struct ps_setting {
    const char *key;
    const char *value;
    bool redacted; /* the value was handed to ps_redact_add */
    /* Where the value came from a file that can be read again: what it is written as, in which
     * configuration file. Else NULL. */
    const char *reference, *file;
};

struct ps_settings {
    struct ps_arena *arena; /* owned */
    struct ps_setting *entries;
    size_t count, capacity;
    const char **warnings; /* comments in the file, a key given twice: one line each; at most 100 */
    size_t warnings_count, warnings_capacity;
    size_t bytes; /* of all keys and values */
};

/* Start it as {0}. Leaves it empty, as at the start. */
void ps_settings_done(struct ps_settings *settings);
/*
 * Copies both texts. Of two values for one key the later counts, unless it is blank; they are
 * warned about where the keys are not spelt alike. NOMEM; CONFIG beyond 10,000 keys or 16 MiB.
 */
enum ps_status ps_settings_add(struct ps_settings *settings, const char *key, const char *value,
                               struct ps_error *err) PS_MUST_CHECK;

/* Before ps_settings_done, where the process goes on: no text that is to come holds one of their
 * secrets, which are kept out of texts no more. */
void ps_settings_forget_secrets(struct ps_settings *settings);

/*
 * Reads configuration.json: a flat object; texts, numbers (their text), booleans (true/false), null
 * (not set). Comments are taken with a warning. ${NAME} in a value comes from the environment,
 * a value that begins with @ from that file (one closing line break is dropped; a relative path
 * begins at the folder of the configuration file); $${ and @@ are literal. CONFIG: no such file
 * (says how to write one), no JSON (where), a nested value, an unset variable, an unreadable @path:
 * each names file and key.
 */
enum ps_status ps_settings_read_file(struct ps_settings *settings, const char *path,
                                     struct ps_error *err) PS_MUST_CHECK;

/*
 * Checks the settings against the option tables (each ends with a name of NULL; `tables` ends with
 * NULL). Keys match without regard to case, by name or alias; "" and blanks only: not set. An
 * unknown key is a warning in `settings->warnings` that names the nearest known one. CONFIG, naming
 * the key and what would be right (the caller adds the file's name): a value out of type, bounds or
 * choices; a placeholder like <YOUR_HOST> left in place; a required option without a value; a value
 * that begins with "fivetran_encrypted:". Secrets are handed to ps_redact_add
 * (ps_settings_forget_secrets takes them back). Never shows a value of a secret. `ignored_keys`
 * (NULL-terminated, may be NULL) are known elsewhere ("source").
 */
enum ps_status ps_config_new(struct ps_settings *settings, const struct ps_option *const *tables,
                             const char *const *ignored_keys, struct ps_config **ret_config,
                             struct ps_error *err) PS_MUST_CHECK;
void ps_config_free(struct ps_config *config); /* NULL is fine */

struct ps_config_request {
    const struct ps_source_ops *source;         /* whose options are read */
    const struct ps_source_ops *const *sources; /* all that a form may show; NULL-terminated */
    const struct ps_option *engine_options;     /* ends with a name of NULL */
};

/*
 * The same for one source among several. `<source>_<key>` stands for that source's `<key>`, and
 * wins where both are given. While the key `source` is set, keys of the other sources are ignored
 * without a warning: a form that shows several sources sends them too. The form's own fields
 * (form.h) are known.
 */
enum ps_status ps_config_new_of_source(struct ps_settings *settings,
                                       const struct ps_config_request *request,
                                       struct ps_config **ret_config,
                                       struct ps_error *err) PS_MUST_CHECK;

/*
 * The source's name that the settings mean: the key `source`, else by the other keys: mssql_… →
 * sqlserver; account, snowflake_…, use_privatelink → snowflake; host → yugabytedb; ehr_… → ehr;
 * <source>_… → that source; none of them → `otherwise`. A static text or one that lives in the
 * settings.
 */
const char *ps_settings_source(const struct ps_settings *settings, const char *otherwise);

/* True for a text like <YOUR_HOST>, left from an example. */
bool ps_config_is_placeholder(const char *text);

/* The value given for a key (case does not count), or NULL where there is none or a blank one. */
const char *ps_settings_get(const struct ps_settings *settings, const char *key);

#endif
