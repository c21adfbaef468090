/*
 * Leaves (data/flatten.h).
 */
#include "data/flatten.h"

#include <string.h>

#define EXPONENT_MAX 9999
#define STEP_BEFORE 19 /* what a LONG needs */

/* digits × 10^exponent; the digits neither begin nor end with 0. */
struct number {
    bool negative;
    char digits[PS_DECIMAL_PRECISION_MAX];
    int count;
    int exponent;
};

static int digits_before(const struct number *number)
{
    int before = number->count + number->exponent;
    return number->count == 0 || before < 0 ? 0 : before;
}

static int digits_after(const struct number *number)
{
    return number->count == 0 || number->exponent > 0 ? 0 : -number->exponent;
}

/* The number behind the mantissa. False: beyond all columns anyway. */
static bool read_exponent(const char *at, const char *end, int *ret_exponent)
{
    int exponent = 0;
    bool negative = at < end && *at == '-';
    for (at += at < end && (*at == '-' || *at == '+'); at < end; at++) {
        exponent = exponent * 10 + (*at - '0');
        if (exponent > EXPONENT_MAX) {
            return false;
        }
    }
    *ret_exponent = negative ? -exponent : exponent;
    return true;
}

/* Reads a JSON number. False: it has more digits than a DECIMAL. */
static bool read_number(const char *text, size_t size, struct number *ret_number)
{
    struct number number = {.negative = size > 0 && text[0] == '-'};
    const char *at = text + number.negative, *end = text + size;
    int zeros = 0; /* seen since the last digit that was kept */
    bool fraction = false;
    for (; at < end && *at != 'e' && *at != 'E'; at++) {
        if (*at == '.') {
            fraction = true;
            continue;
        }
        number.exponent -= fraction;
        if (*at == '0') {
            zeros += number.count > 0;
            continue;
        }
        if (number.count + zeros >= PS_DECIMAL_PRECISION_MAX) {
            return false;
        }
        memset(number.digits + number.count, '0', (size_t)zeros);
        number.count += zeros;
        number.digits[number.count++] = *at;
        zeros = 0;
    }
    int exponent = 0;
    if (number.count > 0 && at < end && !read_exponent(at + 1, end, &exponent)) {
        return false;
    }
    number.exponent += zeros + exponent;
    *ret_number = number;
    return digits_before(&number) + digits_after(&number) <= PS_DECIMAL_PRECISION_MAX;
}

/* Digits with a point; 38 digits, sign, point and a 0 fit. */
static size_t write_number(const struct number *number, char out[PS_VALUE_TEXT_SIZE])
{
    size_t size = 0;
    int before = digits_before(number), after = digits_after(number);
    if (number->negative && number->count > 0) {
        out[size++] = '-';
    }
    if (before == 0) {
        out[size++] = '0';
    }
    for (int i = 0; i < before; i++) {
        out[size++] = i < number->count ? number->digits[i] : '0';
    }
    if (after > 0) {
        out[size++] = '.';
    }
    for (int i = 0; i < after; i++) {
        int digit = number->count - after + i;
        out[size++] = digit < 0 ? '0' : number->digits[digit];
    }
    out[size] = '\0';
    return size;
}

static bool number_as(const struct ps_leaf *leaf, uint8_t scale, ps_int128 *ret_value)
{
    struct number number;
    char text[PS_VALUE_TEXT_SIZE];
    return read_number(leaf->text, leaf->size, &number) && digits_after(&number) <= scale &&
           ps_decimal_parse(text, write_number(&number, text), scale, ret_value);
}

static bool is_long(const struct ps_leaf *leaf)
{
    ps_int128 value;
    return number_as(leaf, 0, &value) && value >= INT64_MIN && value <= INT64_MAX;
}

static bool fits_decimal(const struct ps_leaf *leaf, struct ps_type_exact type)
{
    struct number number;
    return read_number(leaf->text, leaf->size, &number) && digits_after(&number) <= type.scale &&
           digits_before(&number) <= type.precision - type.scale;
}

bool ps_leaf_fits(const struct ps_leaf *leaf, struct ps_type_exact type)
{
    switch (type.type) {
    case PS_TYPE_STRING:
        return true;
    case PS_TYPE_BOOLEAN:
        return leaf->kind == PS_JSON_TRUE || leaf->kind == PS_JSON_FALSE;
    case PS_TYPE_LONG:
        return leaf->kind == PS_JSON_NUMBER && is_long(leaf);
    case PS_TYPE_DECIMAL:
        return leaf->kind == PS_JSON_NUMBER && fits_decimal(leaf, type);
    case PS_TYPE_JSON:
        return leaf->kind == PS_JSON_ARRAY || leaf->kind == PS_JSON_OBJECT;
    default:
        return false;
    }
}

static struct ps_type_exact decimal(int before, int after)
{
    return before + after > PS_DECIMAL_PRECISION_MAX
               ? (struct ps_type_exact){.type = PS_TYPE_STRING}
               : (struct ps_type_exact){PS_TYPE_DECIMAL, (uint8_t)(before + after), (uint8_t)after};
}

/* Room for more digits than the number has, so that the next one seldom needs another type. */
static struct ps_type_exact number_type(const struct ps_leaf *leaf, bool exact)
{
    struct number number;
    if (!read_number(leaf->text, leaf->size, &number)) {
        return (struct ps_type_exact){.type = PS_TYPE_STRING};
    }
    if (is_long(leaf)) {
        return (struct ps_type_exact){.type = PS_TYPE_LONG};
    }
    int before = digits_before(&number), after = digits_after(&number);
    int step = after <= 6 ? 6 : after <= 12 ? 12 : 18;
    bool stepped = !exact && after > 0 && after <= step && before <= STEP_BEFORE;
    return stepped ? decimal(STEP_BEFORE, step) : decimal(before, after);
}

static struct ps_type_exact leaf_type(const struct ps_leaf *leaf, bool exact)
{
    switch (leaf->kind) {
    case PS_JSON_TRUE:
    case PS_JSON_FALSE:
        return (struct ps_type_exact){.type = PS_TYPE_BOOLEAN};
    case PS_JSON_NUMBER:
        return number_type(leaf, exact);
    case PS_JSON_ARRAY:
    case PS_JSON_OBJECT:
        return (struct ps_type_exact){.type = PS_TYPE_JSON};
    default:
        return (struct ps_type_exact){.type = PS_TYPE_STRING};
    }
}

struct ps_type_exact ps_leaf_join(const struct ps_leaf *leaf, struct ps_type_exact type)
{
    if (type.type == PS_TYPE_UNSPECIFIED) {
        return leaf_type(leaf, false);
    }
    struct ps_type_exact joined = ps_type_widen(type, leaf_type(leaf, false));
    /* Where the room for more is too much, what is needed may do. */
    return joined.type == PS_TYPE_STRING ? ps_type_widen(type, leaf_type(leaf, true)) : joined;
}

bool ps_leaf_put(struct ps_batch *batch, uint32_t column, const struct ps_leaf *leaf)
{
    const struct ps_vector *vector = &batch->vectors[column];
    ps_int128 value = 0;
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        ps_batch_put_bool(batch, column, leaf->kind == PS_JSON_TRUE);
        return true;
    case PS_TYPE_LONG:
    case PS_TYPE_DECIMAL: {
        bool fits = number_as(leaf, vector->scale, &value);
        assert(fits);
        if (vector->type == PS_TYPE_LONG) {
            ps_batch_put_long(batch, column, (int64_t)value);
        } else {
            ps_batch_put_decimal(batch, column, value);
        }
        return true;
    }
    default:
        break;
    }
    if (leaf->kind == PS_JSON_TRUE || leaf->kind == PS_JSON_FALSE) {
        const char *word = leaf->kind == PS_JSON_TRUE ? "true" : "false";
        return ps_batch_put_bytes(batch, column, word, strlen(word));
    }
    return ps_batch_put_bytes(batch, column, leaf->text, leaf->size);
}

void ps_json_put_tree(struct ps_json_writer *writer, const char *name, const struct ps_json *node)
{
    char bracket = node->kind == PS_JSON_ARRAY ? '[' : '{';
    switch (node->kind) {
    case PS_JSON_NULL:
        ps_json_put_null(writer, name);
        break;
    case PS_JSON_FALSE:
    case PS_JSON_TRUE:
        ps_json_put_boolean(writer, name, node->kind == PS_JSON_TRUE);
        break;
    case PS_JSON_NUMBER:
        ps_json_put_raw(writer, name, node->text);
        break;
    case PS_JSON_STRING:
        ps_json_put_text_sized(writer, name, node->text, node->text_size);
        break;
    case PS_JSON_ARRAY:
    case PS_JSON_OBJECT:
        ps_json_open(writer, name, bracket);
        for (const struct ps_json *child = node->first; child != NULL; child = child->next) {
            ps_json_put_tree(writer, node->kind == PS_JSON_OBJECT ? child->name : NULL, child);
        }
        ps_json_close(writer, bracket == '[' ? ']' : '}');
        break;
    }
}
