/*
 * JSON read into a tree in an arena (base/json.h). Values that only pass through are checked by
 * ps_json_valid (json_scan.c) and never come here.
 */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/json_scan.h"

/* Up to so many members each name is compared with all others as it comes. */
#define MEMBERS_COMPARED_MAX 64u

struct parser {
    struct json_scan scan;
    const uint8_t *start;
    struct ps_arena *arena;
    bool comments, had_comments;
    bool nomem;
    const char *reason; /* why it failed, at scan.at */
};

static bool fail(struct parser *parser, const char *reason)
{
    parser->reason = reason;
    return false;
}

static bool fail_nomem(struct parser *parser)
{
    parser->nomem = true;
    return false;
}

/* False: a comment that does not end. */
static bool skip_blanks(struct parser *parser)
{
    struct json_scan *scan = &parser->scan;
    for (;;) {
        json_scan_blanks(scan);
        if (!parser->comments || scan->end - scan->at < 2 || scan->at[0] != '/' ||
            (scan->at[1] != '/' && scan->at[1] != '*')) {
            return true;
        }
        parser->had_comments = true;
        size_t left = (size_t)(scan->end - scan->at) - 2;
        if (scan->at[1] == '/') {
            const uint8_t *end = memchr(scan->at + 2, '\n', left);
            scan->at = end == NULL ? scan->end : end + 1;
            continue;
        }
        const uint8_t *end = memmem(scan->at + 2, left, "*/", 2);
        if (end == NULL) {
            return fail(parser, "this comment has no end");
        }
        scan->at = end + 2;
    }
}

static char *put_utf8(char *out, uint32_t character)
{
    if (character < 0x80) {
        *out++ = (char)character;
        return out;
    }
    if (character < 0x800) {
        *out++ = (char)(0xC0 | character >> 6);
    } else {
        if (character < 0x10000) {
            *out++ = (char)(0xE0 | character >> 12);
        } else {
            *out++ = (char)(0xF0 | character >> 18);
            *out++ = (char)(0x80 | (character >> 12 & 0x3F));
        }
        *out++ = (char)(0x80 | (character >> 6 & 0x3F));
    }
    *out++ = (char)(0x80 | (character & 0x3F));
    return out;
}

/* Takes one escape that was found valid; moves *at behind it. */
static char *put_escape(char *out, const uint8_t **at)
{
    uint8_t kind = (*at)[1];
    if (kind != 'u') {
        static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
        const char *known = strchr(from, kind);
        *out++ = known == NULL ? (char)kind : to[known - from];
        *at += 2;
        return out;
    }
    uint32_t character = json_hex4(*at + 2);
    *at += 6;
    if (character >= 0xD800 && character <= 0xDBFF) {
        character = 0x10000 + ((character - 0xD800) << 10) + (json_hex4(*at + 2) - 0xDC00);
        *at += 6;
    }
    return put_utf8(out, character);
}

/* At the opening quotation mark. The text goes to the arena, unescaped. */
static bool parse_string(struct parser *parser, const char **ret_text, size_t *ret_size)
{
    const uint8_t *start = ++parser->scan.at;
    if (!json_scan_string(&parser->scan)) {
        if (parser->scan.at == parser->scan.end) {
            return fail(parser, "the text ends inside a string");
        }
        return fail(parser, *parser->scan.at < 0x20    ? "a line break or control character inside "
                                                         "a string has to be escaped"
                            : *parser->scan.at == '\\' ? "this escape is not valid"
                                                       : "this is not valid UTF-8");
    }
    const uint8_t *end = parser->scan.at - 1;
    /* No escape is shorter than what it stands for. */
    char *text = ps_arena_alloc(parser->arena, (size_t)(end - start) + 1);
    if (text == NULL) {
        return fail_nomem(parser);
    }
    char *out = text;
    while (start != end) {
        const uint8_t *escape = memchr(start, '\\', (size_t)(end - start));
        size_t plain = (size_t)((escape == NULL ? end : escape) - start);
        memcpy(out, start, plain);
        out += plain;
        start += plain;
        if (escape != NULL) {
            out = put_escape(out, &start);
        }
    }
    *out = '\0';
    *ret_text = text;
    *ret_size = (size_t)(out - text);
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const struct ps_json *const *)a)->name,
                  (*(const struct ps_json *const *)b)->name);
}

static bool name_known(const struct ps_json *object, const char *name)
{
    return object->count <= MEMBERS_COMPARED_MAX && ps_json_member(object, name) != NULL;
}

/* For an object too large to have been compared name by name. */
static bool check_names(struct parser *parser, const struct ps_json *object)
{
    if (object->count <= MEMBERS_COMPARED_MAX) {
        return true;
    }
    const struct ps_json **members = ps_malloc_array(object->count, sizeof(*members));
    if (members == NULL) {
        return fail_nomem(parser);
    }
    size_t count = 0;
    for (const struct ps_json *member = object->first; member != NULL; member = member->next) {
        members[count++] = member;
    }
    qsort(members, count, sizeof(*members), compare_names);
    bool twice = false;
    for (size_t i = 1; i < count && !twice; i++) {
        twice = strcmp(members[i - 1]->name, members[i]->name) == 0;
    }
    ps_free(members);
    return !twice || fail(parser, "the object that ends here has a name twice");
}

/* A name that is new in the object, and the colon behind it. */
static bool parse_name(struct parser *parser, const struct ps_json *object, const char **ret_name)
{
    struct json_scan *scan = &parser->scan;
    if (scan->at == scan->end || *scan->at != '"') {
        return fail(parser, "a name in quotation marks is expected");
    }
    const uint8_t *start = scan->at;
    size_t size;
    if (!parse_string(parser, ret_name, &size)) {
        return false;
    }
    if (strlen(*ret_name) != size) {
        scan->at = start;
        return fail(parser, "a name may not hold U+0000");
    }
    if (name_known(object, *ret_name)) {
        scan->at = start;
        return fail(parser, "this name is there twice");
    }
    if (!skip_blanks(parser)) {
        return false;
    }
    if (scan->at == scan->end || *scan->at != ':') {
        return fail(parser, "a colon is expected");
    }
    scan->at++;
    return skip_blanks(parser);
}

static bool parse_value(struct parser *parser, unsigned depth, struct ps_json **ret_value);

/* At the opening bracket of an array or object. */
static bool parse_children(struct parser *parser, unsigned depth, struct ps_json *parent)
{
    struct json_scan *scan = &parser->scan;
    bool object = parent->kind == PS_JSON_OBJECT;
    uint8_t bracket = object ? '}' : ']';
    if (depth == JSON_DEPTH_MAX) {
        return fail(parser, "the nesting is deeper than 512");
    }
    scan->at++;
    if (!skip_blanks(parser)) {
        return false;
    }
    if (scan->at != scan->end && *scan->at == bracket) {
        scan->at++;
        return true;
    }
    struct ps_json *last = NULL;
    for (;;) {
        const char *name = NULL;
        struct ps_json *child;
        if ((object && !parse_name(parser, parent, &name)) ||
            !parse_value(parser, depth + 1, &child) || !skip_blanks(parser)) {
            return false;
        }
        child->name = name;
        if (last == NULL) {
            parent->first = child;
        } else {
            last->next = child;
        }
        last = child;
        parent->count++;
        if (scan->at != scan->end && *scan->at == bracket) {
            scan->at++;
            return !object || check_names(parser, parent);
        }
        if (scan->at == scan->end || *scan->at != ',') {
            return fail(parser, object ? "a comma or } is expected" : "a comma or ] is expected");
        }
        scan->at++;
        if (!skip_blanks(parser)) {
            return false;
        }
    }
}

static bool parse_number(struct parser *parser, struct ps_json *value)
{
    const char *start = (const char *)parser->scan.at;
    if (!json_scan_number(&parser->scan)) {
        return fail(parser, parser->scan.at == (const uint8_t *)start ? "a value is expected"
                                                                      : "this number is not valid");
    }
    value->kind = PS_JSON_NUMBER;
    value->text_size = (size_t)((const char *)parser->scan.at - start);
    value->text = ps_arena_strndup(parser->arena, start, value->text_size);
    return value->text != NULL || fail_nomem(parser);
}

static bool parse_word(struct parser *parser, struct ps_json *value, const char *word,
                       enum ps_json_kind kind)
{
    value->kind = kind;
    return json_scan_word(&parser->scan, word) || fail(parser, "a value is expected");
}

static bool parse_value(struct parser *parser, unsigned depth, struct ps_json **ret_value)
{
    if (parser->scan.at == parser->scan.end) {
        return fail(parser, "a value is expected");
    }
    struct ps_json *value = ps_arena_alloc(parser->arena, sizeof(*value));
    if (value == NULL) {
        return fail_nomem(parser);
    }
    *ret_value = value;
    switch (*parser->scan.at) {
    case '{':
        value->kind = PS_JSON_OBJECT;
        return parse_children(parser, depth, value);
    case '[':
        value->kind = PS_JSON_ARRAY;
        return parse_children(parser, depth, value);
    case '"':
        value->kind = PS_JSON_STRING;
        return parse_string(parser, &value->text, &value->text_size);
    case 't':
        return parse_word(parser, value, "true", PS_JSON_TRUE);
    case 'f':
        return parse_word(parser, value, "false", PS_JSON_FALSE);
    case 'n':
        return parse_word(parser, value, "null", PS_JSON_NULL);
    default:
        return parse_number(parser, value);
    }
}

/* Where the parser stands, for a person: lines and characters from 1. */
static enum ps_status report(const struct parser *parser, struct ps_error *err)
{
    size_t line = 1, column = 1;
    for (const uint8_t *at = parser->start; at != parser->scan.at; at++) {
        if (*at == '\n') {
            line++;
            column = 1;
        } else if ((*at & 0xC0) != 0x80) {
            column++;
        }
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "line %zu, column %zu: %s", line, column,
                   parser->reason);
}

enum ps_status ps_json_parse(struct ps_arena *arena, const char *text, size_t size,
                             const struct ps_json_options *options, struct ps_json **ret_root,
                             bool *ret_had_comments, struct ps_error *err)
{
    static const char byte_order_mark[] = "\xEF\xBB\xBF";
    if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
        text += 3;
        size -= 3;
    }
    const uint8_t *start = (const uint8_t *)text;
    struct parser parser = {.scan = {.at = start, .end = size == 0 ? start : start + size},
                            .start = start,
                            .arena = arena,
                            .comments = options != NULL && options->comments};
    struct ps_json *root = NULL;
    bool parsed = skip_blanks(&parser) && parse_value(&parser, 0, &root) && skip_blanks(&parser);
    if (parsed && parser.scan.at != parser.scan.end) {
        parsed = fail(&parser, "nothing more is expected here");
    }
    if (parser.nomem) {
        return ps_fail_nomem(err, "reading JSON");
    }
    if (!parsed) {
        return report(&parser, err);
    }
    *ret_root = root;
    if (ret_had_comments != NULL) {
        *ret_had_comments = parser.had_comments;
    }
    return PS_OK;
}

const struct ps_json *ps_json_member(const struct ps_json *object, const char *name)
{
    if (object == NULL || object->kind != PS_JSON_OBJECT) {
        return NULL;
    }
    for (const struct ps_json *member = object->first; member != NULL; member = member->next) {
        if (strcmp(member->name, name) == 0) {
            return member;
        }
    }
    return NULL;
}

const char *ps_json_string(const struct ps_json *object, const char *name, const char *otherwise)
{
    const struct ps_json *member = ps_json_member(object, name);
    return member != NULL && member->kind == PS_JSON_STRING ? member->text : otherwise;
}

bool ps_json_integer(const struct ps_json *object, const char *name, int64_t *ret_value)
{
    const struct ps_json *member = ps_json_member(object, name);
    if (member == NULL || member->kind != PS_JSON_NUMBER) {
        return false;
    }
    bool negative = member->text[0] == '-';
    int64_t value = 0;
    for (const char *digit = member->text + negative; *digit != '\0'; digit++) {
        int number = *digit - '0';
        if (number < 0 || number > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, negative ? -number : number, &value)) {
            return false;
        }
    }
    *ret_value = value;
    return true;
}

bool ps_json_boolean(const struct ps_json *object, const char *name, bool otherwise)
{
    const struct ps_json *member = ps_json_member(object, name);
    if (member == NULL || (member->kind != PS_JSON_TRUE && member->kind != PS_JSON_FALSE)) {
        return otherwise;
    }
    return member->kind == PS_JSON_TRUE;
}
