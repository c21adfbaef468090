/*
 * Comparing, trimming and showing configuration texts; see text.h.
 */
#include "config/text.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_BYTES_MAX 80

bool text_equal_sized(const char *a, size_t size, const char *b)
{
    for (size_t i = 0; i < size; i++) {
        if (b[i] == '\0' || text_fold(a[i]) != text_fold(b[i])) {
            return false;
        }
    }
    return b[size] == '\0';
}

bool text_equal(const char *a, const char *b)
{
    return text_equal_sized(a, strlen(a), b);
}

bool text_begins(const char *text, const char *prefix)
{
    for (; *prefix != '\0'; text++, prefix++) {
        if (text_fold(*text) != text_fold(*prefix)) {
            return false;
        }
    }
    return true;
}

bool text_is_blank(const char *text)
{
    if (text == NULL) {
        return true;
    }
    while (text_is_space(*text)) {
        text++;
    }
    return *text == '\0';
}

const char *text_trim(const char *text, size_t size, size_t *ret_size)
{
    while (size > 0 && text_is_space(text[0])) {
        text++;
        size--;
    }
    while (size > 0 && text_is_space(text[size - 1])) {
        size--;
    }
    *ret_size = size;
    return text;
}

const char *text_show(struct text_shown *shown, const char *text)
{
    size_t size = strlen(text);
    bool cut = size > SHOWN_BYTES_MAX;
    if (cut) {
        size = SHOWN_BYTES_MAX;
        /* Steps back over continuation bytes, so that no character is shown in part. */
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
            size--;
        }
    }
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        shown->text[i] = byte < 0x20 || byte == 0x7f ? '?' : text[i];
    }
    snprintf(shown->text + size, sizeof(shown->text) - size, "%s", cut ? "…" : "");
    return shown->text;
}
