/*
 * A scanner for well-formedness. See xml.h.
 */
#include "tester/xml.h"

#include <string.h>

#define DEPTH_MAX 1000

struct scan {
    const uint8_t *at, *end;
    struct {
        const uint8_t *name;
        size_t size;
    } open[DEPTH_MAX];
    size_t depth;
};

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_name_start(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte == ':' || byte >= 0x80;
}

static bool is_name(uint8_t byte)
{
    return is_name_start(byte) || (byte >= '0' && byte <= '9') || byte == '-' || byte == '.';
}

static void skip_blanks(struct scan *scan)
{
    while (scan->at < scan->end && is_blank(*scan->at)) {
        scan->at++;
    }
}

static bool starts(const struct scan *scan, const char *text)
{
    size_t size = strlen(text);
    return (size_t)(scan->end - scan->at) >= size && memcmp(scan->at, text, size) == 0;
}

/* Goes behind the next occurrence of `text`. */
static bool skip_past(struct scan *scan, const char *text)
{
    const uint8_t *found = memmem(scan->at, (size_t)(scan->end - scan->at), text, strlen(text));
    if (found == NULL) {
        return false;
    }
    scan->at = found + strlen(text);
    return true;
}

static bool take_name(struct scan *scan, const uint8_t **ret_name, size_t *ret_size)
{
    const uint8_t *name = scan->at;
    if (scan->at == scan->end || !is_name_start(*scan->at)) {
        return false;
    }
    while (scan->at < scan->end && is_name(*scan->at)) {
        scan->at++;
    }
    *ret_name = name;
    *ret_size = (size_t)(scan->at - name);
    return true;
}

/* At "&": a name or a number, and ";". */
static bool take_reference(struct scan *scan)
{
    const uint8_t *name;
    size_t size;
    scan->at++;
    if (scan->at < scan->end && *scan->at == '#') {
        bool hexadecimal = scan->end - scan->at > 1 && scan->at[1] == 'x';
        const uint8_t *first = scan->at += hexadecimal ? 2 : 1;
        while (scan->at < scan->end &&
               ((*scan->at >= '0' && *scan->at <= '9') ||
                (hexadecimal && (*scan->at | 0x20) >= 'a' && (*scan->at | 0x20) <= 'f'))) {
            scan->at++;
        }
        if (scan->at == first) {
            return false;
        }
    } else if (!take_name(scan, &name, &size)) {
        return false;
    }
    return scan->at < scan->end && *scan->at++ == ';';
}

static bool take_attribute_value(struct scan *scan)
{
    if (scan->at == scan->end || (*scan->at != '"' && *scan->at != '\'')) {
        return false;
    }
    uint8_t quote = *scan->at++;
    while (scan->at < scan->end && *scan->at != quote) {
        if (*scan->at == '&') {
            if (!take_reference(scan)) {
                return false;
            }
        } else if (*scan->at++ == '<') {
            return false;
        }
    }
    return scan->at < scan->end && *scan->at++ == quote;
}

/* True where the name stands before another attribute of the tag that begins at `tag`. */
static bool attribute_repeats(const uint8_t *tag, const uint8_t *name, size_t size)
{
    for (const uint8_t *at = tag; at + size < name; at++) {
        if (is_blank(*at) && memcmp(at + 1, name, size) == 0 &&
            (at[1 + size] == '=' || is_blank(at[1 + size]))) {
            /* Inside a quoted value it is no attribute. */
            size_t quotes = 0;
            for (const uint8_t *before = tag; before < at; before++) {
                quotes += *before == '"';
            }
            if (quotes % 2 == 0) {
                return true;
            }
        }
    }
    return false;
}

/* At "<name": the tag with its attributes. */
static bool take_start(struct scan *scan)
{
    const uint8_t *tag = scan->at, *name, *attribute;
    size_t size, attribute_size;
    scan->at++;
    if (!take_name(scan, &name, &size)) {
        return false;
    }
    for (;;) {
        const uint8_t *before = scan->at;
        skip_blanks(scan);
        if (starts(scan, "/>")) {
            scan->at += 2;
            return true;
        }
        if (starts(scan, ">")) {
            scan->at++;
            if (scan->depth == DEPTH_MAX) {
                return false;
            }
            scan->open[scan->depth].name = name;
            scan->open[scan->depth++].size = size;
            return true;
        }
        if (scan->at == before || !take_name(scan, &attribute, &attribute_size) ||
            attribute_repeats(tag, attribute, attribute_size)) {
            return false;
        }
        skip_blanks(scan);
        if (!starts(scan, "=")) {
            return false;
        }
        scan->at++;
        skip_blanks(scan);
        if (!take_attribute_value(scan)) {
            return false;
        }
    }
}

/* At "</name". */
static bool take_end(struct scan *scan)
{
    const uint8_t *name;
    size_t size;
    scan->at += 2;
    if (!take_name(scan, &name, &size) || scan->depth == 0) {
        return false;
    }
    scan->depth--;
    skip_blanks(scan);
    return scan->open[scan->depth].size == size &&
           memcmp(scan->open[scan->depth].name, name, size) == 0 && scan->at < scan->end &&
           *scan->at++ == '>';
}

static bool take_markup(struct scan *scan)
{
    if (starts(scan, "<!--")) {
        scan->at += 4;
        return skip_past(scan, "-->");
    }
    if (starts(scan, "<![CDATA[")) {
        return skip_past(scan, "]]>");
    }
    if (starts(scan, "<?")) {
        return skip_past(scan, "?>");
    }
    if (starts(scan, "<!DOCTYPE")) {
        const uint8_t *subset = memchr(scan->at, '[', (size_t)(scan->end - scan->at));
        const uint8_t *close = memchr(scan->at, '>', (size_t)(scan->end - scan->at));
        if (subset != NULL && close != NULL && subset < close && !skip_past(scan, "]")) {
            return false;
        }
        return skip_past(scan, ">");
    }
    return starts(scan, "</") ? take_end(scan) : take_start(scan);
}

bool xml_valid(const uint8_t *bytes, size_t size)
{
    struct scan scan;
    scan.at = bytes;
    scan.end = bytes + size;
    scan.depth = 0;
    while (scan.at < scan.end) {
        if (*scan.at == '<') {
            if (!take_markup(&scan)) {
                return false;
            }
        } else if (*scan.at == '&') {
            if (!take_reference(&scan)) {
                return false;
            }
        } else if (*scan.at < 0x20 && !is_blank(*scan.at)) {
            return false;
        } else {
            scan.at++;
        }
    }
    return scan.depth == 0;
}
