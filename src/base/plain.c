/*
 * See plain.h.
 */
#include "base/plain.h"

#include <string.h>

#include "base/utf8.h"

static const struct {
    uint32_t first, last;
} obeyed[] = {
    {0x0000, 0x001F}, {0x007F, 0x009F}, {0x200E, 0x200F},
    {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF},
};

bool ps_plain_is_obeyed(uint32_t point)
{
    for (size_t i = 0; i < sizeof obeyed / sizeof obeyed[0]; i++) {
        if (point >= obeyed[i].first && point <= obeyed[i].last) {
            return true;
        }
    }
    return false;
}

size_t ps_plain(char *text, size_t size)
{
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        const uint8_t *character = (const uint8_t *)text + at;
        size_t length = ps_utf8_length(character, size - at);
        if (length == 0 ||
            (*character != '\t' && ps_plain_is_obeyed(ps_utf8_point(character, length)))) {
            text[kept++] = '?';
        } else {
            memmove(text + kept, text + at, length);
            kept += length;
        }
        at += length == 0 ? 1 : length;
    }
    return kept;
}
