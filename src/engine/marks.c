/*
 * Values that mean deleted, as numbers of the column's scale and as texts.
 */
#include "engine/marks.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

static bool is_one_of(const char *text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strcasecmp(text, words[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "true", "yes" and their like mean 1 for a boolean, "false" and its like 0; no other number is one
 * of its values. */
static bool parse_number(const char *text, const struct ps_column *column, ps_int128 *ret_number)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on", NULL};
    static const char *const no[] = {"false", "f", "no", "n", "off", NULL};
    const bool flag = column->type == PS_TYPE_BOOLEAN;
    if (flag && (is_one_of(text, yes) || is_one_of(text, no))) {
        *ret_number = is_one_of(text, yes);
        return true;
    }
    ps_int128 number;
    if (!ps_decimal_parse(text, strlen(text), column->scale, &number) ||
        (flag && number != 0 && number != 1)) {
        return false;
    }
    *ret_number = number;
    return true;
}

enum ps_status marks_init(struct soft_delete *deletes, const struct ps_config *config,
                          const struct ps_column *column, uint32_t index, struct ps_error *err)
{
    size_t count, fit = 0;
    const char *const *texts = ps_config_list(config, "soft_delete_values", &count);
    ps_int128 *numbers = ps_malloc_array(count, sizeof(*numbers));
    if (numbers == NULL) {
        return ps_fail_nomem(err, "preparing the values that mean deleted");
    }
    for (size_t i = 0; i < count; i++) {
        fit += parse_number(texts[i], column, &numbers[fit]);
    }
    *deletes = (struct soft_delete){
        .numbers = numbers,
        .marks = {.column = index,
                  .numbers = numbers,
                  .numbers_count = fit,
                  .texts = texts,
                  .texts_count = count,
                  .text_kind = column->text_kind},
    };
    return PS_OK;
}

void marks_done(struct soft_delete *deletes)
{
    ps_free(deletes->numbers);
    *deletes = (struct soft_delete){.numbers = NULL};
}

static bool holds_numbers(enum ps_type type)
{
    return type == PS_TYPE_BOOLEAN || type == PS_TYPE_SHORT || type == PS_TYPE_INT ||
           type == PS_TYPE_LONG || type == PS_TYPE_DECIMAL;
}

bool marks_fit_nothing(const struct ps_config *config, const struct ps_column *column)
{
    size_t count;
    const char *const *texts = ps_config_list(config, "soft_delete_values", &count);
    ps_int128 number;
    for (size_t i = 0; i < count; i++) {
        if (!holds_numbers(column->type) || parse_number(texts[i], column, &number)) {
            return false;
        }
    }
    return true;
}

static bool number_marks(const struct ps_marks *marks, ps_int128 number)
{
    for (size_t i = 0; i < marks->numbers_count; i++) {
        if (marks->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

/* A number as its digits, without zeros that say nothing. */
struct digits {
    const char *whole, *fraction;
    size_t whole_size, fraction_size;
    bool negative;
};

static size_t count_digits(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && text[count] >= '0' && text[count] <= '9') {
        count++;
    }
    return count;
}

/* "-012.50". False: it is no number without an exponent. */
static bool read_digits(const char *text, size_t size, struct digits *ret_digits)
{
    struct digits digits = {.negative = size > 0 && text[0] == '-'};
    size_t sign = size > 0 && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    digits.whole = text + sign;
    digits.whole_size = count_digits(digits.whole, size - sign);
    const char *rest = digits.whole + digits.whole_size, *end = text + size;
    if (rest < end && *rest == '.') {
        digits.fraction = ++rest;
        digits.fraction_size = count_digits(rest, (size_t)(end - rest));
        rest += digits.fraction_size;
    }
    if (rest != end || digits.whole_size + digits.fraction_size == 0) {
        return false;
    }
    while (digits.whole_size > 0 && digits.whole[0] == '0') {
        digits.whole++;
        digits.whole_size--;
    }
    while (digits.fraction_size > 0 && digits.fraction[digits.fraction_size - 1] == '0') {
        digits.fraction_size--;
    }
    digits.negative = digits.negative && digits.whole_size + digits.fraction_size > 0;
    *ret_digits = digits;
    return true;
}

static bool same_number(const char *a, size_t a_size, const char *b, size_t b_size)
{
    struct digits x, y;
    return read_digits(a, a_size, &x) && read_digits(b, b_size, &y) && x.negative == y.negative &&
           x.whole_size == y.whole_size && x.fraction_size == y.fraction_size &&
           strncmp(x.whole, y.whole, x.whole_size) == 0 &&
           (x.fraction_size == 0 || strncmp(x.fraction, y.fraction, x.fraction_size) == 0);
}

static bool text_marks(const struct ps_marks *marks, const struct ps_vector *vector, uint32_t row)
{
    size_t size;
    const char *text = (const char *)ps_vector_bytes(vector, row, &size);
    while (marks->text_kind == PS_TEXT_PADDED && size > 0 && text[size - 1] == ' ') {
        size--;
    }
    for (size_t i = 0; i < marks->texts_count; i++) {
        const char *mark = marks->texts[i];
        size_t mark_size = strlen(mark);
        if ((mark_size == size && strncasecmp(mark, text, size) == 0) ||
            (marks->text_kind == PS_TEXT_NUMBER && same_number(mark, mark_size, text, size))) {
            return true;
        }
    }
    return false;
}

bool marks_row(const struct ps_marks *marks, const struct ps_vector *vector, uint32_t row)
{
    if (!ps_vector_is_valid(vector, row)) {
        return false;
    }
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        return number_marks(marks, ((uint8_t *)vector->values)[row]);
    case PS_TYPE_SHORT:
        return number_marks(marks, ((int16_t *)vector->values)[row]);
    case PS_TYPE_INT:
        return number_marks(marks, ((int32_t *)vector->values)[row]);
    case PS_TYPE_LONG:
        return number_marks(marks, ((int64_t *)vector->values)[row]);
    case PS_TYPE_DECIMAL:
        return number_marks(marks, ((ps_int128 *)vector->values)[row]);
    default:
        return text_marks(marks, vector, row);
    }
}
