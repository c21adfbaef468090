/*
 * Parsing and checking one option's value; see values.h.
 */
#include "config/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "config/text.h"

static enum ps_status value_fail(const char *key, const char *given, const char *right,
                                 struct ps_error *err)
{
    struct text_shown shown_key, shown_given;
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "\"%s\" is \"%s\", but it takes %s",
                   text_show(&shown_key, key), text_show(&shown_given, given), right);
}

bool ps_config_is_placeholder(const char *text)
{
    size_t size = 0;
    text = text_trim(text, strlen(text), &size);
    if (size < 3 || text[0] != '<' || text[size - 1] != '>') {
        return false;
    }
    for (size_t i = 1; i < size - 1; i++) {
        char c = text[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ')) {
            return false;
        }
    }
    return true;
}

/* Decimal digits with an optional sign, whatever zeros lead; false: none, or out of int64_t. */
static bool integer_read(const char *text, int64_t *ret_integer)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+') {
        text++;
    }
    if (*text == '\0') {
        return false;
    }
    int64_t integer = 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') {
            return false;
        }
        /* Counted below zero, where there is room for one more. */
        if (__builtin_mul_overflow(integer, 10, &integer) ||
            __builtin_sub_overflow(integer, *text - '0', &integer)) {
            return false;
        }
    }
    if (!negative && integer == INT64_MIN) {
        return false;
    }
    *ret_integer = negative ? integer : -integer;
    return true;
}

static enum ps_status integer_parse(const struct ps_option *option, const char *key,
                                    struct value *value, struct ps_error *err)
{
    if (integer_read(value->text, &value->integer) && value->integer >= option->minimum &&
        value->integer <= option->maximum) {
        return PS_OK;
    }
    char right[96];
    snprintf(right, sizeof(right), "a whole number from %" PRId64 " to %" PRId64, option->minimum,
             option->maximum);
    return value_fail(key, value->text, right, err);
}

static enum ps_status boolean_parse(const char *key, struct value *value, struct ps_error *err)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (text_equal(value->text, yes[i]) || text_equal(value->text, no[i])) {
            value->boolean = text_equal(value->text, yes[i]);
            return PS_OK;
        }
    }
    return value_fail(key, value->text, "true or false (or yes/no, on/off, 1/0)", err);
}

const char *value_choice(const struct ps_option *option, size_t index)
{
    return option->described_choices != NULL ? option->described_choices[index].value
                                             : option->choices[index];
}

static enum ps_status choice_parse(const struct ps_option *option, const char *key,
                                   struct value *value, struct ps_error *err)
{
    for (size_t i = 0; value_choice(option, i) != NULL; i++) {
        if (text_equal(value->text, value_choice(option, i))) {
            value->choice = (int)i;
            value->text = value_choice(option, i);
            return PS_OK;
        }
    }
    struct ps_buffer right;
    ps_buffer_init(&right, 0);
    ps_buffer_puts(&right, "one of ");
    for (size_t i = 0; value_choice(option, i) != NULL; i++) {
        ps_buffer_printf(&right, "%s%s", i == 0 ? "" : ", ", value_choice(option, i));
    }
    enum ps_status status = ps_buffer_ok(&right)
                                ? value_fail(key, value->text, ps_buffer_text(&right), err)
                                : ps_fail_nomem(err, "reading the configuration");
    ps_buffer_done(&right);
    return status;
}

/* The next entry of a comma-separated text, trimmed; false: there is none left. */
static bool entry_next(const char **text, const char **ret_entry, size_t *ret_size)
{
    while (**text != '\0') {
        size_t size = strcspn(*text, ",");
        *ret_entry = text_trim(*text, size, ret_size);
        *text += size + ((*text)[size] == ',');
        if (*ret_size > 0) {
            return true;
        }
    }
    return false;
}

static size_t entries_count(const char *text)
{
    size_t count = 0, size = 0;
    const char *entry;
    while (entry_next(&text, &entry, &size)) {
        count++;
    }
    return count;
}

static enum ps_status list_parse(struct ps_arena *arena, struct value *value, struct ps_error *err)
{
    size_t count = entries_count(value->text);
    const char **list = ps_arena_array(arena, count + 1, sizeof(*list));
    if (list == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    const char *text = value->text, *entry;
    size_t size = 0;
    for (size_t i = 0; entry_next(&text, &entry, &size); i++) {
        list[i] = ps_arena_strndup(arena, entry, size);
        if (list[i] == NULL) {
            return ps_fail_nomem(err, "reading the configuration");
        }
    }
    value->list = list;
    value->list_count = count;
    return PS_OK;
}

/* Cuts "pattern=value" at its first "="; the pattern is NULL where there is none. */
static enum ps_status by_table_entry(struct ps_arena *arena, const char *key, char *entry,
                                     struct value_by_table *ret_entry, struct ps_error *err)
{
    char *equals = strchr(entry, '=');
    if (equals == NULL) {
        *ret_entry = (struct value_by_table){.value = entry};
        return PS_OK;
    }
    size_t pattern_size = 0, value_size = 0;
    const char *pattern = text_trim(entry, (size_t)(equals - entry), &pattern_size);
    const char *value = text_trim(equals + 1, strlen(equals + 1), &value_size);
    if (pattern_size == 0 || value_size == 0) {
        return value_fail(key, entry,
                          "\"value\", or \"schema.table=value, other=value\", with text on both "
                          "sides of each \"=\"",
                          err);
    }
    ret_entry->pattern = ps_arena_strndup(arena, pattern, pattern_size);
    ret_entry->value = ps_arena_strndup(arena, value, value_size);
    return ret_entry->pattern != NULL && ret_entry->value != NULL
               ? PS_OK
               : ps_fail_nomem(err, "reading the configuration");
}

/* Where the option has choices, the value becomes one of them as the table spells it. */
static enum ps_status by_table_choice(const struct ps_option *option, const char *key,
                                      struct value_by_table *entry, struct ps_error *err)
{
    struct value choice = {.text = entry->value};
    if (option->choices == NULL && option->described_choices == NULL) {
        return PS_OK;
    }
    enum ps_status status = choice_parse(option, key, &choice, err);
    entry->value = choice.text;
    return status;
}

static enum ps_status by_table_parse(struct ps_arena *arena, const struct ps_option *option,
                                     const char *key, struct value *value, struct ps_error *err)
{
    struct value_by_table *entries =
        ps_arena_array(arena, entries_count(value->text) + 1, sizeof(*entries));
    if (entries == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    const char *text = value->text, *begin;
    size_t size = 0, count = 0;
    while (entry_next(&text, &begin, &size)) {
        char *entry = ps_arena_strndup(arena, begin, size);
        if (entry == NULL) {
            return ps_fail_nomem(err, "reading the configuration");
        }
        enum ps_status status = by_table_entry(arena, key, entry, &entries[count], err);
        if (status == PS_OK) {
            status = by_table_choice(option, key, &entries[count], err);
        }
        if (status != PS_OK) {
            return status;
        }
        if (entries[count].pattern != NULL) {
            count++;
        } else if (value->for_all == NULL) {
            value->for_all = entries[count].value;
        } else {
            return value_fail(key, value->text,
                              "one value for all tables at most; further ones belong to tables: "
                              "\"value, schema.table=value\"",
                              err);
        }
    }
    value->by_table = entries;
    value->by_table_count = count;
    return PS_OK;
}

/* 0 to 63; 64: the padding; -1: no letter of base64. */
static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? 64 : -1;
}

/* RFC 4648, section 4, with its padding; line breaks and blanks are skipped. False: it is none. */
static bool base64_read(const char *text, uint8_t *out, size_t *ret_size)
{
    size_t size = 0, digits = 0, padding = 0;
    uint32_t bits = 0;
    for (; *text != '\0'; text++) {
        int digit = base64_digit(*text);
        if (text_is_space(*text)) {
            continue;
        }
        if (digit < 0 || (padding > 0 && digit != 64)) {
            return false;
        }
        padding += digit == 64;
        bits = bits << 6 | (uint32_t)(digit & 63);
        if (++digits % 4 == 0) {
            if (padding > 2) {
                return false;
            }
            out[size] = (uint8_t)(bits >> 16);
            out[size + 1] = (uint8_t)(bits >> 8);
            out[size + 2] = (uint8_t)bits;
            size += 3 - padding;
            if (padding > 0 && text[1 + strspn(text + 1, " \t\r\n")] != '\0') {
                return false;
            }
        }
    }
    *ret_size = size;
    return digits % 4 == 0;
}

/* Never shows what was given: a file may hold a key. */
static enum ps_status upload_parse(struct ps_arena *arena, const struct ps_option *option,
                                   const char *key, struct value *value, struct ps_error *err)
{
    struct text_shown shown;
    uint8_t *bytes = ps_arena_alloc(arena, strlen(value->text) / 4 * 3 + 3);
    if (bytes == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    if (!base64_read(value->text, bytes, &value->upload_size)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the value of \"%s\" is no base64; it takes a file's bytes in that form (as "
                       "`base64 -w0 FILE` writes them)",
                       text_show(&shown, key));
    }
    if (value->upload_size > (size_t)option->upload_bytes_max) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the file in \"%s\" has %zu bytes, and may have %" PRId32 " at most",
                       text_show(&shown, key), value->upload_size, option->upload_bytes_max);
    }
    value->upload = bytes;
    return PS_OK;
}

enum ps_status value_parse(struct ps_arena *arena, const struct ps_option *option, const char *key,
                           const char *text, struct value *ret_value, struct ps_error *err)
{
    bool verbatim = option->type == PS_OPTION_TEXT || option->type == PS_OPTION_SECRET;
    size_t size = strlen(text);
    const char *begin = verbatim ? text : text_trim(text, size, &size);
    struct value value = {.text = ps_arena_strndup(arena, begin, size), .choice = -1};
    if (value.text == NULL) {
        return ps_fail_nomem(err, "reading the configuration");
    }
    enum ps_status status = PS_OK;
    switch (option->type) {
    case PS_OPTION_TEXT:
    case PS_OPTION_SECRET:
        break;
    case PS_OPTION_INTEGER:
        status = integer_parse(option, key, &value, err);
        break;
    case PS_OPTION_BOOLEAN:
        status = boolean_parse(key, &value, err);
        break;
    case PS_OPTION_CHOICE:
        status = choice_parse(option, key, &value, err);
        break;
    case PS_OPTION_LIST:
        status = list_parse(arena, &value, err);
        break;
    case PS_OPTION_BY_TABLE:
        status = by_table_parse(arena, option, key, &value, err);
        break;
    case PS_OPTION_UPLOAD:
        status = upload_parse(arena, option, key, &value, err);
        break;
    }
    if (status == PS_OK) {
        *ret_value = value;
    }
    return status;
}
