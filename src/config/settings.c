/*
 * The map of settings, and the reader of configuration.json. Not for: what the settings mean
 * (options.c), ${NAME} and @path (reference.c).
 */
#include "config/settings.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "config/reference.h"
#include "config/text.h"

#define KEYS_MAX 10000
#define BYTES_MAX ((size_t)16 << 20)
#define WARNINGS_MAX 100
/* Room for the texts, the entries as they grow, and the warnings. */
#define ARENA_MAX ((size_t)64 << 20)
/* A tree of nothing but short keys takes many times the document's size. */
#define TREE_MAX ((size_t)256 << 20)

static enum ps_status settings_begin(struct ps_settings *settings, struct ps_error *err)
{
    if (settings->arena == NULL) {
        settings->arena = ps_arena_new(ARENA_MAX);
    }
    return settings->arena != NULL ? PS_OK : ps_fail_nomem(err, "reading the configuration");
}

void ps_settings_done(struct ps_settings *settings)
{
    ps_arena_free(settings->arena);
    *settings = (struct ps_settings){0};
}

void ps_settings_forget_secrets(struct ps_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++) {
        if (settings->entries[i].redacted) {
            settings->entries[i].redacted = false;
            ps_redact_remove(settings->entries[i].value);
        }
    }
}

static enum ps_status entries_reserve(struct ps_settings *settings, struct ps_error *err)
{
    if (settings->count < settings->capacity) {
        return PS_OK;
    }
    size_t capacity = settings->capacity == 0 ? 32 : settings->capacity * 2;
    struct ps_setting *entries = ps_arena_array(settings->arena, capacity, sizeof(*entries));
    if (entries == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    if (settings->count > 0) {
        memcpy(entries, settings->entries, settings->count * sizeof(*entries));
    }
    settings->entries = entries;
    settings->capacity = capacity;
    return PS_OK;
}

enum ps_status ps_settings_add(struct ps_settings *settings, const char *key, const char *value,
                               struct ps_error *err)
{
    size_t key_size = strlen(key);
    size_t value_size = strlen(value);
    if (settings->count == KEYS_MAX) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "the configuration has more than %d keys",
                       KEYS_MAX);
    }
    if (key_size > BYTES_MAX || value_size > BYTES_MAX ||
        key_size + value_size > BYTES_MAX - settings->bytes) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the configuration's keys and values are larger than 16 MiB");
    }
    enum ps_status status = settings_begin(settings, err);
    if (status == PS_OK) {
        status = entries_reserve(settings, err);
    }
    if (status != PS_OK) {
        return status;
    }
    struct ps_setting entry = {
        .key = ps_arena_strndup(settings->arena, key, key_size),
        .value = ps_arena_strndup(settings->arena, value, value_size),
    };
    if (entry.key == NULL || entry.value == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    settings->entries[settings->count++] = entry;
    settings->bytes += key_size + value_size;
    return PS_OK;
}

enum ps_status settings_warn(struct ps_settings *settings, struct ps_error *err, const char *format,
                             ...)
{
    enum ps_status status = settings_begin(settings, err);
    if (status != PS_OK || settings->warnings_count == WARNINGS_MAX) {
        return status;
    }
    if (settings->warnings == NULL) {
        settings->warnings =
            ps_arena_array(settings->arena, WARNINGS_MAX, sizeof(*settings->warnings));
        if (settings->warnings == NULL) {
            return ps_fail_nomem(err, "reading the configuration");
        }
        settings->warnings_capacity = WARNINGS_MAX;
    }
    const char *warning = "further warnings about the configuration are left out";
    if (settings->warnings_count < WARNINGS_MAX - 1) {
        va_list arguments;
        va_start(arguments, format);
        warning = ps_arena_vprintf(settings->arena, format, arguments);
        va_end(arguments);
    }
    if (warning == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    settings->warnings[settings->warnings_count++] = warning;
    return PS_OK;
}

const char *ps_settings_get(const struct ps_settings *settings, const char *key)
{
    const char *value = NULL;
    for (size_t i = 0; i < settings->count; i++) {
        const struct ps_setting *entry = &settings->entries[i];
        if (text_equal(entry->key, key) && !text_is_blank(entry->value)) {
            value = entry->value;
        }
    }
    return value;
}

static enum ps_status member_fail(const char *path, const char *key, const char *what,
                                  struct ps_error *err)
{
    struct text_shown shown;
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "%s: the value of \"%s\" %s", path,
                   text_show(&shown, key), what);
}

/* Of the setting that was added last. */
static enum ps_status keep_reference(struct ps_settings *settings,
                                     const struct reference_place *place, const char *text,
                                     struct ps_error *err)
{
    struct ps_setting *setting = &settings->entries[settings->count - 1];
    setting->reference = ps_arena_strdup(settings->arena, text);
    setting->file = ps_arena_strdup(settings->arena, place->path);
    return setting->reference != NULL && setting->file != NULL
               ? PS_OK
               : ps_fail_nomem(err, "reading the configuration");
}

static enum ps_status member_add_text(struct ps_settings *settings, const char *path,
                                      const struct ps_json *member, struct ps_error *err)
{
    if (memchr(member->text, '\0', member->text_size) != NULL) {
        return member_fail(path, member->name, "holds a NUL character (\\u0000); take it out", err);
    }
    struct ps_buffer value;
    ps_buffer_init(&value, 0);
    struct reference_place place = {.path = path, .key = member->name};
    enum ps_status status = reference_expand(&place, member->text, BYTES_MAX, &value, err);
    if (status == PS_OK) {
        status = ps_settings_add(settings, member->name, ps_buffer_text(&value), err);
        if (status == PS_CONFIG) {
            ps_error_prefix(err, "%s", path);
        }
    }
    if (status == PS_OK && reference_names_file(&place, member->text)) {
        status = keep_reference(settings, &place, member->text, err);
    }
    ps_buffer_done(&value);
    return status;
}

static enum ps_status member_add(struct ps_settings *settings, const char *path,
                                 const struct ps_json *member, struct ps_error *err)
{
    const char *value = "";
    switch (member->kind) {
    case PS_JSON_STRING:
        return member_add_text(settings, path, member, err);
    case PS_JSON_NUMBER:
        value = member->text;
        break;
    case PS_JSON_FALSE:
        value = "false";
        break;
    case PS_JSON_TRUE:
        value = "true";
        break;
    case PS_JSON_NULL:
        break;
    case PS_JSON_ARRAY:
        return member_fail(path, member->name,
                           "is a list; the configuration must be flat: write \"a, b, c\"", err);
    case PS_JSON_OBJECT:
        return member_fail(path, member->name,
                           "is an object; the configuration must be flat: texts, numbers, true "
                           "and false only",
                           err);
    }
    enum ps_status status = ps_settings_add(settings, member->name, value, err);
    if (status == PS_CONFIG) {
        ps_error_prefix(err, "%s", path);
    }
    return status;
}

/* What cannot be JSON at all, told in words that lead further than a column number. */
static const char *not_json_reason(const char *text, size_t size)
{
    if (size >= 2 && (memcmp(text, "\xff\xfe", 2) == 0 || memcmp(text, "\xfe\xff", 2) == 0)) {
        return "it is in UTF-16; save it as UTF-8";
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        size -= 3;
    }
    for (size_t i = 0; i < size; i++) {
        if (!text_is_space(text[i])) {
            return NULL;
        }
    }
    return "it is empty; write {\"host\": \"…\", …} into it, or {} where nothing is to be set";
}

static enum ps_status tree_add(struct ps_settings *settings, const char *path,
                               const struct ps_json *root, struct ps_error *err)
{
    if (root->kind != PS_JSON_OBJECT) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "%s: it must hold one JSON object, {\"key\": \"value\", …}, not %s", path,
                       root->kind == PS_JSON_ARRAY ? "a list" : "a single value");
    }
    enum ps_status status = PS_OK;
    for (const struct ps_json *member = root->first; status == PS_OK && member != NULL;
         member = member->next) {
        status = member_add(settings, path, member, err);
    }
    return status;
}

enum ps_status settings_read_text(struct ps_settings *settings, const char *path, const char *text,
                                  size_t size, struct ps_error *err)
{
    struct ps_arena *tree = NULL;
    enum ps_status status = settings_begin(settings, err);
    if (status != PS_OK) {
        goto out;
    }
    const char *reason = not_json_reason(text, size);
    if (reason != NULL) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "%s: %s", path, reason);
        goto out;
    }
    tree = ps_arena_new(TREE_MAX);
    if (tree == NULL) {
        status = ps_fail_nomem(err, "reading the configuration");
        goto out;
    }
    struct ps_json *root = NULL;
    bool had_comments = false;
    struct ps_json_options options = {.comments = true};
    status = ps_json_parse(tree, text, size, &options, &root, &had_comments, err);
    if (status != PS_OK) {
        ps_error_prefix(err, "%s is no valid JSON", path);
        goto out;
    }
    if (had_comments) {
        status = settings_warn(settings, err,
                               "%s: it holds comments, which JSON does not know; they are ignored "
                               "here, but other programs may refuse the file",
                               path);
    }
    if (status == PS_OK) {
        status = tree_add(settings, path, root, err);
    }
out:
    ps_arena_free(tree);
    return status;
}

enum ps_status ps_settings_read_file(struct ps_settings *settings, const char *path,
                                     struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    enum ps_status status;
    int error = reference_read(path, BYTES_MAX, &text);
    if (error == 0) {
        status = settings_read_text(settings, path, ps_buffer_text(&text), text.size, err);
    } else if (error == ENOMEM) {
        status = ps_fail_nomem(err, "reading the configuration");
    } else if (error == ENOENT) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "there is no configuration file %s; write one, a flat JSON object like "
                         "{\"source\": \"postgresql\", \"host\": \"localhost\", …} (the folder "
                         "examples/ holds one for each source)",
                         path);
    } else {
        status =
            ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                    "the configuration file %s cannot be read: %s", path, reference_reason(error));
    }
    ps_buffer_done(&text);
    return status;
}
