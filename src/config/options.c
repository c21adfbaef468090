/*
 * From settings to a checked configuration, and its accessors. Not for: reading files
 * (settings.c), the form of single values (values.c).
 */
#include "config/options.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"
#include "base/thread.h"
#include "config/form.h"
#include "config/keys.h"
#include "config/nearest.h"
#include "config/reference.h"
#include "config/settings.h"
#include "config/text.h"
#include "config/values.h"

#define ARENA_MAX ((size_t)128 << 20)
/* Of a file that is read again. */
#define RENEWED_MAX ((size_t)1 << 20)
#define ENCRYPTED_PREFIX "fivetran_encrypted:"

/* A text that was read from a file, and can be read again. */
struct renewal {
    struct reference_place place;
    const char *reference;
    const char *text; /* as it was read last; guarded by the configuration's lock */
};

struct config_entry {
    const struct ps_option *option;
    const struct config_entry *condition; /* the option that `shown_when` looks at; may be NULL */
    const struct ps_setting *setting; /* NULL: not given. Only while the configuration is made. */
    bool prefixed;                    /* … and its key has the source's name before it */
    bool of_source;                   /* from the source's own table */
    bool given;
    bool present; /* `value` holds what was given or the default */
    struct value value;
    const char *default_for_all; /* BY_TABLE */
    struct renewal *renewal;     /* TEXT, SECRET; NULL: it stays what it is */
};

struct ps_config {
    struct ps_arena *arena;              /* guarded by the lock once the configuration is made */
    struct ps_mutex *lock;               /* in the arena */
    struct config_entry *entries;        /* in the order of the tables */
    const struct config_entry **by_name; /* in byte order of the names */
    size_t count;
};

static int entry_compare(const void *a, const void *b)
{
    const struct config_entry *const *left = a;
    const struct config_entry *const *right = b;
    return strcmp((*left)->option->name, (*right)->option->name);
}

/* BUG: a condition asks for an option that is in no table. */
static enum ps_status conditions_find(struct ps_config *config, struct ps_error *err)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct ps_option_group *condition = config->entries[i].option->shown_when;
        for (size_t j = 0; condition != NULL && j < config->count; j++) {
            if (strcmp(config->entries[j].option->name, condition->option) == 0) {
                config->entries[i].condition = &config->entries[j];
            }
        }
        if (condition != NULL && config->entries[i].condition == NULL) {
            return ps_fail(err, PS_BUG, PS_CLASS_NONE, "no option %s, by which %s is shown",
                           condition->option, config->entries[i].option->name);
        }
    }
    return PS_OK;
}

/* Makes the entries of all tables. BUG: one name in two tables. */
static enum ps_status entries_make(struct ps_config *config, const struct ps_option *const *tables,
                                   const struct key_scope *scope, struct ps_error *err)
{
    size_t count = 0;
    for (size_t t = 0; tables[t] != NULL; t++) {
        for (const struct ps_option *option = tables[t]; option->name != NULL; option++) {
            count++;
        }
    }
    config->entries = ps_arena_array(config->arena, count + 1, sizeof(*config->entries));
    config->by_name = ps_arena_array(config->arena, count + 1, sizeof(*config->by_name));
    if (config->entries == NULL || config->by_name == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    for (size_t t = 0; tables[t] != NULL; t++) {
        for (const struct ps_option *option = tables[t]; option->name != NULL; option++) {
            config->entries[config->count].option = option;
            config->entries[config->count].of_source =
                scope->source != NULL && tables[t] == scope->source->options;
            config->by_name[config->count] = &config->entries[config->count];
            config->count++;
        }
    }
    qsort(config->by_name, config->count, sizeof(*config->by_name), entry_compare);
    for (size_t i = 1; i < config->count; i++) {
        if (entry_compare(&config->by_name[i - 1], &config->by_name[i]) == 0) {
            return ps_fail(err, PS_BUG, PS_CLASS_NONE, "the option %s is defined twice",
                           config->by_name[i]->option->name);
        }
    }
    return conditions_find(config, err);
}

/* The entry that a key means; only one of the source's own can have its name before it. */
static struct config_entry *entry_of_key(const struct ps_config *config,
                                         const struct key_scope *scope, const char *key,
                                         bool *ret_prefixed)
{
    for (size_t i = 0; i < config->count; i++) {
        if (key_is_option(config->entries[i].option, key)) {
            *ret_prefixed = false;
            return &config->entries[i];
        }
    }
    const char *rest = scope->source != NULL ? key_after_source(scope->source, key) : NULL;
    for (size_t i = 0; rest != NULL && i < config->count; i++) {
        if (config->entries[i].of_source && key_is_option(config->entries[i].option, rest)) {
            *ret_prefixed = true;
            return &config->entries[i];
        }
    }
    return NULL;
}

static void nearest_try(const char *key, const char *name, const char *meant, size_t *distance,
                        const char **nearest)
{
    size_t found = nearest_distance(key, name);
    if (found < *distance) {
        *distance = found;
        *nearest = meant;
    }
}

/*
 * The option whose name, or whose alias, is near the key, with the source's name before it or
 * without; NULL: none is.
 */
static const char *nearest_name(const struct ps_config *config, const struct key_scope *scope,
                                const char *key)
{
    const char *rest = scope->source != NULL ? key_after_source(scope->source, key) : NULL;
    size_t distance = nearest_limit(key) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < config->count; i++) {
        const struct ps_option *option = config->entries[i].option;
        nearest_try(key, option->name, option->name, &distance, &nearest);
        if (rest != NULL && config->entries[i].of_source) {
            nearest_try(rest, option->name, option->name, &distance, &nearest);
        }
        for (size_t a = 0; option->aliases != NULL && option->aliases[a] != NULL; a++) {
            nearest_try(key, option->aliases[a], option->name, &distance, &nearest);
        }
    }
    for (size_t i = 0; scope->ignored_keys != NULL && scope->ignored_keys[i] != NULL; i++) {
        nearest_try(key, scope->ignored_keys[i], scope->ignored_keys[i], &distance, &nearest);
    }
    return nearest;
}

static enum ps_status unknown_warn(struct ps_settings *settings, const char *key,
                                   const char *nearest, struct ps_error *err)
{
    struct text_shown shown;
    if (nearest == NULL) {
        return settings_warn(settings, err, "the key \"%s\" is not known and is ignored",
                             text_show(&shown, key));
    }
    return settings_warn(settings, err,
                         "the key \"%s\" is not known and is ignored; did you mean \"%s\"?",
                         text_show(&shown, key), nearest);
}

static void setting_redact(struct ps_setting *setting)
{
    if (!setting->redacted) {
        setting->redacted = true;
        ps_redact_add(setting->value);
    }
}

/*
 * Gives the setting to its option. Of two that are not blank the one whose key has the source's
 * name before it counts, else the later.
 */
static enum ps_status setting_assign(struct config_entry *entry, struct ps_settings *settings,
                                     struct ps_setting *setting, bool prefixed,
                                     struct ps_error *err)
{
    if (entry->option->type == PS_OPTION_SECRET) {
        setting_redact(setting);
    }
    if (text_is_blank(setting->value)) {
        return PS_OK;
    }
    const struct ps_setting *earlier = entry->setting, *loser = earlier;
    if (earlier != NULL && entry->prefixed && !prefixed) {
        loser = setting;
    } else {
        entry->setting = setting;
    }
    bool one_prefixed = earlier != NULL && entry->prefixed != prefixed;
    entry->prefixed = entry->prefixed || prefixed;
    if (earlier == NULL || strcmp(earlier->key, setting->key) == 0 ||
        (one_prefixed && strcmp(earlier->value, setting->value) == 0)) {
        return PS_OK;
    }
    struct text_shown shown_loser, shown;
    return settings_warn(settings, err, "\"%s\" and \"%s\" set the same option; the latter counts",
                         text_show(&shown_loser, loser->key),
                         text_show(&shown, entry->setting->key));
}

/* A key that is no option's: of another source, known elsewhere, or a mistake. */
static enum ps_status stranger_take(const struct ps_config *config, const struct key_scope *scope,
                                    struct ps_settings *settings, struct ps_setting *setting,
                                    struct ps_error *err)
{
    const struct ps_option *other = key_of_other_source(scope, setting->key);
    if (other != NULL && other->type == PS_OPTION_SECRET) {
        setting_redact(setting);
    }
    if (other != NULL || key_is_ignored(scope, setting->key)) {
        return PS_OK;
    }
    const char *nearest = nearest_name(config, scope, setting->key);
    return unknown_warn(settings, setting->key, nearest, err);
}

static enum ps_status settings_assign(struct ps_config *config, const struct key_scope *scope,
                                      struct ps_settings *settings, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < settings->count; i++) {
        struct ps_setting *setting = &settings->entries[i];
        bool prefixed = false;
        struct config_entry *entry = entry_of_key(config, scope, setting->key, &prefixed);
        status = entry != NULL ? setting_assign(entry, settings, setting, prefixed, err)
                               : stranger_take(config, scope, settings, setting, err);
    }
    return status;
}

/* `"a", "b" and "c"` of the entries that `wanted` is true of; nothing where it is true of none. */
static size_t entries_list(const struct ps_config *config,
                           bool (*wanted)(const struct config_entry *entry), struct ps_buffer *out)
{
    size_t count = 0, listed = 0;
    for (size_t i = 0; i < config->count; i++) {
        count += wanted(&config->entries[i]);
    }
    for (size_t i = 0; i < config->count; i++) {
        const struct config_entry *entry = &config->entries[i];
        if (wanted(entry)) {
            struct text_shown shown;
            listed++;
            ps_buffer_puts(out, listed == 1 ? "" : listed == count ? " and " : ", ");
            ps_buffer_printf(out, "\"%s\"",
                             text_show(&shown, entry->setting != NULL ? entry->setting->key
                                                                      : entry->option->name));
        }
    }
    return count;
}

static bool is_placeholder(const struct config_entry *entry)
{
    return entry->setting != NULL && ps_config_is_placeholder(entry->setting->value);
}

static bool is_encrypted(const struct config_entry *entry)
{
    return entry->setting != NULL && text_begins(entry->setting->value, ENCRYPTED_PREFIX);
}

static bool is_missing(const struct config_entry *entry)
{
    return entry->setting == NULL && entry->option->default_value == NULL &&
           (entry->option->flags & PS_OPTION_REQUIRED) != 0 && entry->condition == NULL;
}

/* The same for an option with a condition, once the values are known. */
static bool is_missing_while_shown(const struct config_entry *entry)
{
    if (entry->present || entry->condition == NULL || !entry->condition->present ||
        (entry->option->flags & PS_OPTION_REQUIRED) == 0) {
        return false;
    }
    const char *value = entry->option->shown_when->value;
    return entry->condition->option->type == PS_OPTION_BOOLEAN
               ? entry->condition->value.boolean == text_equal(value, "true")
               : text_equal(entry->condition->value.text, value);
}

/* Each check names all keys at once, so that a person need not come back for the next one. */
static enum ps_status entries_check(const struct ps_config *config, struct ps_error *err)
{
    struct ps_buffer keys;
    ps_buffer_init(&keys, 0);
    enum ps_status status = PS_OK;
    size_t count = entries_list(config, is_placeholder, &keys);
    if (count > 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "%s still %s like <YOUR_…>; write the true value, or \"\" for an option "
                         "that is not needed",
                         ps_buffer_text(&keys),
                         count == 1 ? "holds a placeholder" : "hold placeholders");
        goto out;
    }
    count = entries_list(config, is_encrypted, &keys);
    if (count > 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "%s %s encrypted (\"" ENCRYPTED_PREFIX "…\"), and only the platform can "
                         "read that; write the plain value, or ${NAME} or @path to take it from a "
                         "variable or a file",
                         ps_buffer_text(&keys), count == 1 ? "is" : "are");
        goto out;
    }
    count = entries_list(config, is_missing, &keys);
    if (count > 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "%s must be set", ps_buffer_text(&keys));
    }
out:
    if (!ps_buffer_ok(&keys)) {
        status = ps_fail_nomem(err, "reading the configuration");
    }
    ps_buffer_done(&keys);
    return status;
}

static enum ps_status entries_check_shown(const struct ps_config *config, struct ps_error *err)
{
    struct ps_buffer keys;
    ps_buffer_init(&keys, 0);
    enum ps_status status = PS_OK;
    if (entries_list(config, is_missing_while_shown, &keys) > 0) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "%s must be set", ps_buffer_text(&keys));
    }
    if (!ps_buffer_ok(&keys)) {
        status = ps_fail_nomem(err, "reading the configuration");
    }
    ps_buffer_done(&keys);
    return status;
}

static enum ps_status default_parse(struct ps_config *config, struct config_entry *entry,
                                    struct ps_error *err)
{
    const struct ps_option *option = entry->option;
    if (option->default_value == NULL) {
        return PS_OK;
    }
    struct value value = {0};
    enum ps_status status =
        value_parse(config->arena, option, option->name, option->default_value, &value, err);
    if (status == PS_CONFIG) {
        char message[PS_ERROR_MESSAGE_SIZE];
        snprintf(message, sizeof(message), "%s", err != NULL ? err->message : "");
        return ps_fail(err, PS_BUG, PS_CLASS_NONE, "the default of an option is wrong: %s",
                       message);
    }
    if (status != PS_OK) {
        return status;
    }
    entry->default_for_all = value.for_all;
    if (!entry->given) {
        entry->value = value;
        entry->present = true;
    }
    return PS_OK;
}

static enum ps_status blanks_warn(struct ps_settings *settings, const struct ps_setting *setting,
                                  struct ps_error *err)
{
    size_t size = strlen(setting->value), trimmed = 0;
    const char *inner = text_trim(setting->value, size, &trimmed);
    /* A text of several lines (a certificate, a key) ends with a line break by its nature. */
    if (trimmed == size || memchr(inner, '\n', trimmed) != NULL) {
        return PS_OK;
    }
    struct text_shown shown;
    return settings_warn(settings, err,
                         "the value of \"%s\" begins or ends with a blank or line break, and is "
                         "used with it",
                         text_show(&shown, setting->key));
}

static enum ps_status renewal_make(struct ps_config *config, struct config_entry *entry,
                                   struct ps_error *err)
{
    const struct ps_setting *setting = entry->setting;
    struct renewal *renewal = ps_arena_alloc(config->arena, sizeof(*renewal));
    if (renewal == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    *renewal = (struct renewal){
        .place = {.path = ps_arena_strdup(config->arena, setting->file),
                  .key = entry->option->name},
        .reference = ps_arena_strdup(config->arena, setting->reference),
        .text = entry->value.text,
    };
    entry->renewal = renewal;
    return renewal->place.path == NULL || renewal->reference == NULL
               ? ps_fail_nomem(err, "reading the configuration")
               : PS_OK;
}

static enum ps_status entry_parse(struct ps_config *config, struct config_entry *entry,
                                  struct ps_settings *settings, struct ps_error *err)
{
    const struct ps_setting *setting = entry->setting;
    if (setting != NULL) {
        enum ps_status status = value_parse(config->arena, entry->option, setting->key,
                                            setting->value, &entry->value, err);
        bool verbatim =
            entry->option->type == PS_OPTION_TEXT || entry->option->type == PS_OPTION_SECRET;
        if (status == PS_OK && verbatim) {
            status = blanks_warn(settings, setting, err);
        }
        if (status == PS_OK && verbatim && setting->reference != NULL) {
            status = renewal_make(config, entry, err);
        }
        if (status != PS_OK) {
            return status;
        }
        entry->given = true;
        entry->present = true;
        entry->setting = NULL; /* The settings may go before the configuration does. */
    }
    return default_parse(config, entry, err);
}

static enum ps_status config_new(struct ps_settings *settings,
                                 const struct ps_option *const *tables,
                                 const struct key_scope *scope, struct ps_config **ret_config,
                                 struct ps_error *err)
{
    struct ps_config *config = ps_calloc(1, sizeof(*config));
    enum ps_status status = PS_OK;
    if (config == NULL || (config->arena = ps_arena_new(ARENA_MAX)) == NULL) {
        status = ps_fail_nomem(err, "reading the configuration");
        goto out;
    }
    config->lock = ps_arena_alloc(config->arena, sizeof(*config->lock));
    if (config->lock == NULL) {
        status = ps_fail_nomem(err, "reading the configuration");
        goto out;
    }
    ps_mutex_init(config->lock);
    status = entries_make(config, tables, scope, err);
    if (status == PS_OK) {
        status = settings_assign(config, scope, settings, err);
    }
    if (status == PS_OK) {
        status = entries_check(config, err);
    }
    for (size_t i = 0; status == PS_OK && i < config->count; i++) {
        status = entry_parse(config, &config->entries[i], settings, err);
    }
    if (status == PS_OK) {
        status = entries_check_shown(config, err);
    }
    if (status == PS_OK) {
        *ret_config = config;
        config = NULL;
    }
out:
    ps_config_free(config);
    return status;
}

enum ps_status ps_config_new(struct ps_settings *settings, const struct ps_option *const *tables,
                             const char *const *ignored_keys, struct ps_config **ret_config,
                             struct ps_error *err)
{
    const struct key_scope scope = {.ignored_keys = ignored_keys};
    return config_new(settings, tables, &scope, ret_config, err);
}

enum ps_status ps_config_new_of_source(struct ps_settings *settings,
                                       const struct ps_config_request *request,
                                       struct ps_config **ret_config, struct ps_error *err)
{
    static const char *const form_keys[] = {PS_FORM_SOURCE, PS_FORM_ADVANCED, NULL};
    const struct ps_option *const tables[] = {request->source->options, request->engine_options,
                                              NULL};
    const struct key_scope scope = {
        .ignored_keys = form_keys,
        .source = request->source,
        .sources = request->sources,
        .source_named = ps_settings_get(settings, PS_FORM_SOURCE) != NULL,
    };
    return config_new(settings, tables, &scope, ret_config, err);
}

void ps_config_free(struct ps_config *config)
{
    if (config != NULL) {
        if (config->lock != NULL) {
            ps_mutex_done(config->lock);
        }
        ps_arena_free(config->arena);
        ps_free(config);
    }
}

/* The option must be in a table: asking for another is our own mistake. */
static const struct config_entry *entry_find(const struct ps_config *config, const char *name)
{
    size_t low = 0, high = config->count;
    int order = -1;
    while (low < high && order != 0) {
        size_t middle = low + (high - low) / 2;
        order = strcmp(config->by_name[middle]->option->name, name);
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(order == 0);
    return config->by_name[high];
}

static const struct config_entry *entry_find_typed(const struct ps_config *config, const char *name,
                                                   enum ps_option_type type)
{
    const struct config_entry *entry = entry_find(config, name);
    assert(entry->option->type == type);
    return entry;
}

const char *ps_config_text(const struct ps_config *config, const char *name)
{
    const struct config_entry *entry = entry_find(config, name);
    return entry->present ? entry->value.text : NULL;
}

const char *ps_config_text_or_empty(const struct ps_config *config, const char *name)
{
    const char *text = ps_config_text(config, name);
    return text != NULL ? text : "";
}

/* Reads the file again, where that can be done and says something else. With the lock held. */
static void renew(struct ps_arena *arena, const struct ps_option *option, struct renewal *renewal)
{
    struct ps_error ignored = {0};
    struct ps_buffer text;
    ps_buffer_init(&text, RENEWED_MAX);
    if (reference_names_file(&renewal->place, renewal->reference) &&
        reference_expand(&renewal->place, renewal->reference, RENEWED_MAX, &text, &ignored) ==
            PS_OK &&
        text.size > 0 && strcmp(ps_buffer_text(&text), renewal->text) != 0) {
        char *copy = ps_arena_strdup(arena, ps_buffer_text(&text));
        if (copy != NULL && option->type == PS_OPTION_SECRET) {
            ps_redact_add(copy);
        }
        renewal->text = copy != NULL ? copy : renewal->text;
    }
    ps_buffer_done(&text);
}

const char *ps_config_renewed_text(const struct ps_config *config, const char *name)
{
    const struct config_entry *entry = entry_find(config, name);
    if (entry->renewal == NULL) {
        return ps_config_text(config, name);
    }
    ps_mutex_lock(config->lock);
    renew(config->arena, entry->option, entry->renewal);
    const char *text = entry->renewal->text;
    ps_mutex_unlock(config->lock);
    return text;
}

bool ps_config_is_set(const struct ps_config *config, const char *name)
{
    return entry_find(config, name)->given;
}

int64_t ps_config_integer(const struct ps_config *config, const char *name, int64_t otherwise)
{
    const struct config_entry *entry = entry_find_typed(config, name, PS_OPTION_INTEGER);
    return entry->present ? entry->value.integer : otherwise;
}

bool ps_config_boolean(const struct ps_config *config, const char *name)
{
    const struct config_entry *entry = entry_find_typed(config, name, PS_OPTION_BOOLEAN);
    return entry->present && entry->value.boolean;
}

int ps_config_choice(const struct ps_config *config, const char *name)
{
    const struct config_entry *entry = entry_find_typed(config, name, PS_OPTION_CHOICE);
    return entry->present ? entry->value.choice : -1;
}

const char *const *ps_config_list(const struct ps_config *config, const char *name,
                                  size_t *ret_count)
{
    static const char *const empty[] = {NULL};
    const struct config_entry *entry = entry_find_typed(config, name, PS_OPTION_LIST);
    if (ret_count != NULL) {
        *ret_count = entry->present ? entry->value.list_count : 0;
    }
    return entry->present ? entry->value.list : empty;
}

const void *ps_config_upload(const struct ps_config *config, const char *name, size_t *ret_size)
{
    const struct config_entry *entry = entry_find_typed(config, name, PS_OPTION_UPLOAD);
    *ret_size = entry->present ? entry->value.upload_size : 0;
    return entry->present ? entry->value.upload : NULL;
}

const char *ps_config_by_table(const struct ps_config *config, const char *name, const char *schema,
                               const char *table)
{
    const struct config_entry *entry = entry_find_typed(config, name, PS_OPTION_BY_TABLE);
    if (entry->present) {
        for (size_t i = 0; i < entry->value.by_table_count; i++) {
            const struct value_by_table *by_table = &entry->value.by_table[i];
            if (ps_table_pattern_match(by_table->pattern, schema, table)) {
                return by_table->value;
            }
        }
        if (entry->value.for_all != NULL) {
            return entry->value.for_all;
        }
    }
    return entry->default_for_all;
}

const char *ps_config_next_pattern(const struct ps_config *config, struct ps_pattern_walk *walk)
{
    for (; walk->entry < config->count; walk->entry++, walk->pattern = 0) {
        const struct config_entry *entry = &config->entries[walk->entry];
        if (entry->option->type == PS_OPTION_BY_TABLE && entry->present &&
            walk->pattern < entry->value.by_table_count) {
            walk->option = entry->option->name;
            return entry->value.by_table[walk->pattern++].pattern;
        }
    }
    return NULL;
}
