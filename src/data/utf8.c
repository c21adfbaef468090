/*
 * Whether whole texts are well-formed UTF-8 (penstock/batch.h). One character: base/utf8.h.
 */
#include "base/utf8.h"

#include "penstock/batch.h"

bool ps_utf8_valid(const void *bytes, size_t size)
{
    if (size == 0) {
        return true; /* `bytes` may be NULL, which nothing may be added to. */
    }
    const uint8_t *text = bytes;
    const uint8_t *end = text + size;
    while (text != end) {
        while (end - text >= 8 && (ps_utf8_word(text) & PS_UTF8_HIGH_BITS) == 0) {
            text += 8;
        }
        if (text == end) {
            break;
        }
        size_t length = ps_utf8_length(text, (size_t)(end - text));
        if (length == 0) {
            return false;
        }
        text += length;
    }
    return true;
}
