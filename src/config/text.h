/*
 * How configuration texts are compared and shown: ASCII letters without regard to case (whatever
 * the locale), and a clipped form for messages. Not for: parsing values (values.h).
 */
#ifndef PS_CONFIG_TEXT_H
#define PS_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>

static inline char text_fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool text_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Equal without regard to the case of ASCII letters. */
bool text_equal(const char *a, const char *b);
/* The same for a run of bytes against a whole text. */
bool text_equal_sized(const char *a, size_t size, const char *b);
bool text_begins(const char *text, const char *prefix);
/* "" or nothing but white space: in a configuration that means "not set". NULL too. */
bool text_is_blank(const char *text);
/* Drops the blanks round a run of bytes: gives its new start, and its size. */
const char *text_trim(const char *text, size_t size, size_t *ret_size);

/* A text as a message shows it: at most 80 bytes, whole characters, no control characters. */
struct text_shown {
    char text[96];
};
const char *text_show(struct text_shown *shown, const char *text);

#endif
