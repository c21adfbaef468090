/*
 * UTF-8, one character at a time (Unicode 15, table 3-7): no surrogates, no overlong forms, nothing
 * above U+10FFFF. Whole texts are checked by ps_utf8_valid (data/utf8.c).
 */
#ifndef PS_BASE_UTF8_H
#define PS_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes of the well-formed character at `text`, of which `size` (at least 1) are there; 0: none. */
static inline size_t ps_utf8_length(const uint8_t *text, size_t size)
{
    uint8_t lead = text[0];
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xC2 || lead > 0xF4) {
        return 0;
    }
    if (lead < 0xE0) {
        return size >= 2 && (text[1] & 0xC0) == 0x80 ? 2 : 0;
    }
    if (lead < 0xF0) {
        uint8_t low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
        return size >= 3 && text[1] >= low && text[1] <= high && (text[2] & 0xC0) == 0x80 ? 3 : 0;
    }
    uint8_t low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return size >= 4 && text[1] >= low && text[1] <= high && (text[2] & 0xC0) == 0x80 &&
                   (text[3] & 0xC0) == 0x80
               ? 4
               : 0;
}

/* The well-formed character's number, by its bytes. */
static inline uint32_t ps_utf8_point(const uint8_t *text, size_t length)
{
    static const uint8_t mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t point = text[0] & mask[length];
    for (size_t i = 1; i < length; i++) {
        point = point << 6 | (text[i] & 0x3Fu);
    }
    return point;
}

/* Eight bytes as a number whose order does not matter. */
static inline uint64_t ps_utf8_word(const uint8_t *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof(word));
    return word;
}

#define PS_UTF8_HIGH_BITS UINT64_C(0x8080808080808080)

#endif
