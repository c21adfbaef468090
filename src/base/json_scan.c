/*
 * The validator of JSON values, made for millions of them: it allocates nothing and does not
 * recurse. The tree is made in json.c.
 */
#include "base/json_scan.h"

#include <stddef.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

#define ONES UINT64_C(0x0101010101010101)

void json_scan_blanks(struct json_scan *scan)
{
    while (scan->at != scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
}

/*
 * Whether one of eight bytes is a control character, '"', '\\' or not ASCII. Subtracting from each
 * byte borrows into its high bit where the byte was smaller; a borrow into the next byte can only
 * follow a byte that is already a hit.
 */
static bool word_is_special(uint64_t word)
{
    uint64_t control = word - ONES * 0x20;
    uint64_t quote = (word ^ (ONES * '"')) - ONES;
    uint64_t backslash = (word ^ (ONES * '\\')) - ONES;
    return ((control | quote | backslash | word) & PS_UTF8_HIGH_BITS) != 0;
}

static bool is_hex4(const struct json_scan *scan, ptrdiff_t from)
{
    if (scan->end - scan->at < from + 4) {
        return false;
    }
    for (ptrdiff_t i = from; i < from + 4; i++) {
        uint8_t byte = scan->at[i];
        uint8_t lower = byte | 0x20;
        if ((byte < '0' || byte > '9') && (lower < 'a' || lower > 'f')) {
            return false;
        }
    }
    return true;
}

uint32_t json_hex4(const uint8_t *digits)
{
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint32_t digit = digits[i];
        digit = digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
        value = value << 4 | digit;
    }
    return value;
}

/* At a backslash. A surrogate counts only as the first half of a pair. */
static bool scan_escape(struct json_scan *scan)
{
    if (scan->end - scan->at < 2) {
        return false;
    }
    uint8_t kind = scan->at[1];
    if (kind != 'u') {
        bool known = kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL;
        scan->at += known ? 2 : 0;
        return known;
    }
    if (!is_hex4(scan, 2)) {
        return false;
    }
    uint32_t unit = json_hex4(scan->at + 2);
    if (unit < 0xD800 || unit > 0xDFFF) {
        scan->at += 6;
        return true;
    }
    if (unit > 0xDBFF || !is_hex4(scan, 8) || scan->at[6] != '\\' || scan->at[7] != 'u') {
        return false;
    }
    uint32_t low = json_hex4(scan->at + 8);
    if (low < 0xDC00 || low > 0xDFFF) {
        return false;
    }
    scan->at += 12;
    return true;
}

bool json_scan_string(struct json_scan *scan)
{
    for (;;) {
        while (scan->end - scan->at >= 8 && !word_is_special(ps_utf8_word(scan->at))) {
            scan->at += 8;
        }
        if (scan->at == scan->end) {
            return false;
        }
        uint8_t byte = *scan->at;
        if (byte == '"') {
            scan->at++;
            return true;
        }
        if (byte < 0x20) {
            return false;
        }
        if (byte == '\\') {
            if (!scan_escape(scan)) {
                return false;
            }
            continue;
        }
        size_t length = ps_utf8_length(scan->at, (size_t)(scan->end - scan->at));
        if (length == 0) {
            return false;
        }
        scan->at += length;
    }
}

/* One digit or more. */
static bool scan_digits(struct json_scan *scan)
{
    const uint8_t *start = scan->at;
    while (scan->at != scan->end && *scan->at >= '0' && *scan->at <= '9') {
        scan->at++;
    }
    return scan->at != start;
}

bool json_scan_number(struct json_scan *scan)
{
    if (scan->at != scan->end && *scan->at == '-') {
        scan->at++;
    }
    const uint8_t *first = scan->at;
    if (!scan_digits(scan)) {
        return false;
    }
    if (*first == '0' && scan->at - first > 1) {
        scan->at = first + 1;
        return false;
    }
    if (scan->at != scan->end && *scan->at == '.') {
        scan->at++;
        if (!scan_digits(scan)) {
            return false;
        }
    }
    if (scan->at != scan->end && (*scan->at == 'e' || *scan->at == 'E')) {
        scan->at++;
        if (scan->at != scan->end && (*scan->at == '+' || *scan->at == '-')) {
            scan->at++;
        }
        return scan_digits(scan);
    }
    return true;
}

bool json_scan_word(struct json_scan *scan, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(scan->end - scan->at) < length || memcmp(scan->at, word, length) != 0) {
        return false;
    }
    scan->at += length;
    return true;
}

/* A member's name and the colon behind it. */
static bool scan_name(struct json_scan *scan)
{
    json_scan_blanks(scan);
    if (scan->at == scan->end || *scan->at++ != '"' || !json_scan_string(scan)) {
        return false;
    }
    json_scan_blanks(scan);
    return scan->at != scan->end && *scan->at++ == ':';
}

/* A string, a number or a word; at least one byte is there. */
static bool scan_scalar(struct json_scan *scan)
{
    switch (*scan->at) {
    case '"':
        scan->at++;
        return json_scan_string(scan);
    case 't':
        return json_scan_word(scan, "true");
    case 'f':
        return json_scan_word(scan, "false");
    case 'n':
        return json_scan_word(scan, "null");
    default:
        return json_scan_number(scan);
    }
}

/* The brackets that are open: bit d of `objects` tells whether the one at depth d is an object. */
struct brackets {
    uint64_t objects[JSON_DEPTH_MAX / 64];
    unsigned depth;
};

static bool bracket_is_object(const struct brackets *brackets)
{
    unsigned top = brackets->depth - 1;
    return (brackets->objects[top / 64] >> (top % 64) & 1) != 0;
}

static bool bracket_open(struct brackets *brackets, bool object)
{
    if (brackets->depth == JSON_DEPTH_MAX) {
        return false;
    }
    uint64_t bit = UINT64_C(1) << (brackets->depth % 64);
    uint64_t *word = &brackets->objects[brackets->depth / 64];
    if (brackets->depth % 64 == 0) {
        *word = 0; /* the first bit of a word that was not in use */
    }
    *word = object ? *word | bit : *word & ~bit;
    brackets->depth++;
    return true;
}

/*
 * Behind a value: takes the brackets that end there and the comma, with the name, that leads to the
 * next value. `ret_done`: the text has ended as it should.
 */
static bool scan_after_value(struct json_scan *scan, struct brackets *brackets, bool *ret_done)
{
    for (;;) {
        json_scan_blanks(scan);
        if (brackets->depth == 0 || scan->at == scan->end) {
            *ret_done = true;
            return brackets->depth == 0 && scan->at == scan->end;
        }
        bool object = bracket_is_object(brackets);
        uint8_t byte = *scan->at++;
        if (byte == ',') {
            return !object || scan_name(scan);
        }
        if (byte != (object ? '}' : ']')) {
            return false;
        }
        brackets->depth--;
    }
}

bool ps_json_valid(const void *bytes, size_t size)
{
    if (size == 0) {
        return false; /* `bytes` may be NULL, which nothing may be added to. */
    }
    struct json_scan scan = {.at = bytes, .end = (const uint8_t *)bytes + size};
    struct brackets brackets;
    brackets.depth = 0;
    bool done = false;
    while (!done) {
        json_scan_blanks(&scan);
        if (scan.at == scan.end) {
            return false;
        }
        uint8_t byte = *scan.at;
        if (byte == '{' || byte == '[') {
            scan.at++;
            if (!bracket_open(&brackets, byte == '{')) {
                return false;
            }
            json_scan_blanks(&scan);
            if (scan.at == scan.end) {
                return false;
            }
            if (*scan.at != (byte == '{' ? '}' : ']')) {
                if (byte == '{' && !scan_name(&scan)) {
                    return false;
                }
                continue;
            }
        } else if (!scan_scalar(&scan)) {
            return false;
        }
        if (!scan_after_value(&scan, &brackets, &done)) {
            return false;
        }
    }
    return true;
}
