/*
 * Texts of decimals. See decimal_text.h.
 */
#include "tester/decimal_text.h"

#include <string.h>

#define EXPONENT_MAX 100000
#define DIGITS_MAX 1000

/* The parts of a text: digits before and after the point, and the exponent. */
struct parts {
    bool negative;
    const char *whole, *fraction;
    size_t whole_size, fraction_size;
    int exponent;
};

static size_t digits_at(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

static bool read_exponent(const char *text, size_t size, int *ret_exponent)
{
    bool negative = size > 0 && text[0] == '-';
    size_t sign = size > 0 && (text[0] == '-' || text[0] == '+');
    int exponent = 0;
    if (size == sign || digits_at(text + sign, size - sign) != size - sign) {
        return false;
    }
    for (size_t i = sign; i < size && exponent < EXPONENT_MAX; i++) {
        exponent = exponent * 10 + (text[i] - '0');
    }
    *ret_exponent = negative ? -exponent : exponent;
    return exponent < EXPONENT_MAX;
}

static bool split(const char *text, size_t size, struct parts *ret_parts)
{
    struct parts parts = {.negative = size > 0 && text[0] == '-'};
    size_t at = size > 0 && (text[0] == '-' || text[0] == '+');
    parts.whole = text + at;
    parts.whole_size = digits_at(parts.whole, size - at);
    at += parts.whole_size;
    parts.fraction = text + at;
    if (at < size && text[at] == '.') {
        parts.fraction = text + at + 1;
        parts.fraction_size = digits_at(parts.fraction, size - at - 1);
        at += 1 + parts.fraction_size;
    }
    if (parts.whole_size + parts.fraction_size == 0) {
        return false;
    }
    if (at < size) {
        if ((text[at] != 'e' && text[at] != 'E') ||
            !read_exponent(text + at + 1, size - at - 1, &parts.exponent)) {
            return false;
        }
    }
    *ret_parts = parts;
    return true;
}

static char digit(const struct parts *parts, size_t index)
{
    return index < parts->whole_size ? parts->whole[index]
                                     : parts->fraction[index - parts->whole_size];
}

/* The digits of a long text are all the same to us: too many. */
static int bounded(size_t count)
{
    return count > DIGITS_MAX ? DIGITS_MAX : (int)count;
}

bool decimal_text_read(const char *text, size_t size, struct decimal_text *ret_decimal)
{
    struct parts parts;
    if (!split(text, size, &parts)) {
        return false;
    }
    size_t all = parts.whole_size + parts.fraction_size, zeros = 0;
    while (zeros < all && digit(&parts, zeros) == '0') {
        zeros++;
    }
    int scale = bounded(parts.fraction_size) - parts.exponent;
    int before = zeros == all ? 0 : bounded(all - zeros) - scale;
    ret_decimal->negative = parts.negative;
    ret_decimal->before = before > 0 ? before : 0;
    ret_decimal->scale = scale > 0 ? scale : 0;
    return true;
}

/* Brings a text with an exponent into the plain form; it has at most 38 digits either side. */
static size_t write_plain(const struct parts *parts, int scale, char *out)
{
    size_t all = parts->whole_size + parts->fraction_size, used = 0, first = 0;
    int after = (int)parts->fraction_size - parts->exponent;
    if (parts->negative) {
        out[used++] = '-';
    }
    while (first < all && digit(parts, first) == '0') {
        first++;
    }
    /* Places from the highest digit to the lowest one, or to 10^0. */
    int top = (int)(all - first) - after;
    for (int place = top > 0 ? top : 1; place > -scale; place--) {
        int64_t index = (int64_t)all - after - place;
        if (place == 0) {
            out[used++] = '.';
        }
        out[used++] =
            index >= (int64_t)first && index < (int64_t)all ? digit(parts, (size_t)index) : '0';
    }
    return used;
}

bool decimal_text_parse(const char *text, size_t size, uint8_t precision, uint8_t scale,
                        ps_int128 *ret_unscaled)
{
    struct decimal_text decimal;
    struct parts parts;
    char plain[2 * PS_DECIMAL_PRECISION_MAX + 8];
    if (!decimal_text_read(text, size, &decimal) || !split(text, size, &parts) ||
        decimal.before > precision - scale) {
        return false;
    }
    if (parts.exponent != 0) {
        if (decimal.scale > PS_DECIMAL_PRECISION_MAX) {
            return false;
        }
        size = write_plain(&parts, decimal.scale, plain);
        text = plain;
    }
    return ps_decimal_parse(text, size, scale, ret_unscaled);
}
