/*
 * UTF-8 widths and cleaning for terminals. See text.h.
 */
#include "cli/text.h"

#include <string.h>

#include "base/plain.h"
#include "base/utf8.h"

struct range {
    uint32_t first, last;
};

/* Two columns wide: East Asian wide and fullwidth blocks, and pictographs (Unicode UAX #11). */
static const struct range wide[] = {
    {0x1100, 0x115F},   {0x2E80, 0x303E},   {0x3041, 0xA4CF},   {0xAC00, 0xD7A3},
    {0xF900, 0xFAFF},   {0xFE30, 0xFE6F},   {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},
    {0x1F300, 0x1F64F}, {0x1F680, 0x1F6FF}, {0x1F900, 0x1FAFF}, {0x20000, 0x3FFFD},
};

/* No column of their own: combining marks, joiners, variation selectors. */
static const struct range zero[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x064B, 0x065F}, {0x1AB0, 0x1AFF},
    {0x1DC0, 0x1DFF}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F},
};

static bool within(const struct range *ranges, size_t count, uint32_t point)
{
    for (size_t i = 0; i < count; i++) {
        if (point >= ranges[i].first && point <= ranges[i].last) {
            return true;
        }
    }
    return false;
}
#define WITHIN(ranges, point) within(ranges, sizeof ranges / sizeof ranges[0], point)

/* One character: its bytes at `at`, its columns; `shown` is false where '?' stands for it. */
struct character {
    size_t bytes;
    size_t columns;
    bool shown;
};

static struct character next_character(const char *at)
{
    const uint8_t *bytes = (const uint8_t *)at;
    size_t count = ps_utf8_length(bytes, strnlen(at, 4));
    uint32_t point;

    if (count == 0) {
        return (struct character){.bytes = 1, .columns = 1, .shown = false};
    }
    point = ps_utf8_point(bytes, count);
    if (ps_plain_is_obeyed(point)) {
        return (struct character){.bytes = count, .columns = 1, .shown = false};
    }
    return (struct character){
        .bytes = count,
        .columns = WITHIN(zero, point) ? 0u : (WITHIN(wide, point) ? 2u : 1u),
        .shown = true,
    };
}

static void append_character(struct ps_buffer *out, const char *at, struct character character)
{
    if (character.shown) {
        ps_buffer_append(out, at, character.bytes);
    } else {
        ps_buffer_putc(out, '?');
    }
}

size_t text_width(const char *text)
{
    size_t width = 0;

    while (*text != '\0') {
        struct character character = next_character(text);
        width += character.columns;
        text += character.bytes;
    }
    return width;
}

void text_clean(struct ps_buffer *out, const char *text)
{
    while (*text != '\0') {
        struct character character = next_character(text);
        append_character(out, text, character);
        text += character.bytes;
    }
}

size_t text_cut(struct ps_buffer *out, const char *text, size_t width)
{
    size_t used = 0;

    if (text_width(text) <= width) {
        text_clean(out, text);
        return text_width(text);
    }
    if (width == 0) {
        return 0;
    }
    while (*text != '\0') {
        struct character character = next_character(text);
        if (used + character.columns > width - 1) {
            break;
        }
        append_character(out, text, character);
        used += character.columns;
        text += character.bytes;
    }
    ps_buffer_puts(out, "…");
    return used + 1;
}

void text_shell_word(struct ps_buffer *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";
    struct ps_buffer clean;

    if (text[0] != '\0' && text[strspn(text, plain)] == '\0') {
        ps_buffer_puts(out, text);
        return;
    }
    ps_buffer_init(&clean, 0);
    text_clean(&clean, text);
    ps_buffer_puts(out, "'");
    for (const char *at = ps_buffer_text(&clean); *at != '\0'; at++) {
        if (*at == '\'') {
            ps_buffer_puts(out, "'\\''");
        } else {
            ps_buffer_putc(out, *at);
        }
    }
    ps_buffer_puts(out, "'");
    ps_buffer_done(&clean);
}
