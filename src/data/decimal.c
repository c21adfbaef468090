/*
 * The text form of decimals (penstock/value.h).
 */
#include <assert.h>
#include <string.h>

#include "penstock/value.h"

#define PART UINT64_C(1000000000000000000) /* 10^18 */

size_t ps_decimal_format(ps_int128 unscaled, uint8_t scale, char out[PS_VALUE_TEXT_SIZE])
{
    assert(scale <= PS_DECIMAL_PRECISION_MAX);
    bool negative = unscaled < 0;
    ps_uint128 rest = negative ? -(ps_uint128)unscaled : (ps_uint128)unscaled;
    /* From the last digit backwards, at least one before the point. */
    char digits[PS_VALUE_TEXT_SIZE];
    size_t start = sizeof(digits), written = 0;
    /* Division of 128 bits is slow: done once for each run of 18 digits that others precede. */
    while (rest > PART - 1) {
        uint64_t part = (uint64_t)(rest % PART);
        rest /= PART;
        for (int i = 0; i < 18; i++, part /= 10) {
            if (written++ == scale && scale != 0) {
                digits[--start] = '.';
            }
            digits[--start] = (char)('0' + (int)(part % 10));
        }
    }
    uint64_t left = (uint64_t)rest;
    for (; written < scale; written++, left /= 10) {
        digits[--start] = (char)('0' + (int)(left % 10));
    }
    if (written == scale && scale != 0) {
        digits[--start] = '.';
    }
    if (left != 0 || written == scale) {
        do {
            digits[--start] = (char)('0' + (int)(left % 10));
            left /= 10;
        } while (left != 0);
    }
    if (negative) {
        digits[--start] = '-';
    }
    size_t length = sizeof(digits) - start;
    memcpy(out, digits + start, length);
    out[length] = '\0';
    return length;
}

/* Appends a digit; false: more than PS_DECIMAL_PRECISION_MAX of them. */
static bool append_digit(ps_uint128 *value, unsigned digit)
{
    const ps_uint128 limit =
        (ps_uint128)UINT64_C(10000000000000000000) * UINT64_C(10000000000000000000); /* 10^38 */
    if (*value >= limit / 10) {
        return false;
    }
    *value = *value * 10 + digit;
    return true;
}

bool ps_decimal_parse(const char *text, size_t size, uint8_t scale, ps_int128 *ret_unscaled)
{
    size_t i = 0;
    bool negative = size > 0 && text[0] == '-';
    if (size > 0 && (text[0] == '-' || text[0] == '+')) {
        i++;
    }
    ps_uint128 value = 0;
    bool any = false, point = false;
    uint8_t decimals = 0;
    for (; i < size; i++) {
        if (text[i] == '.' && !point) {
            point = true;
            continue;
        }
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        any = true;
        if (point && decimals == scale) {
            if (text[i] != '0') {
                return false;
            }
            continue;
        }
        decimals = (uint8_t)(decimals + point);
        if (!append_digit(&value, (unsigned)(text[i] - '0'))) {
            return false;
        }
    }
    if (!any) {
        return false;
    }
    for (; value != 0 && decimals < scale; decimals++) {
        if (!append_digit(&value, 0)) {
            return false;
        }
    }
    *ret_unscaled = negative ? -(ps_int128)value : (ps_int128)value;
    return true;
}
