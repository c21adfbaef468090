/*
 * Values that mean deleted, as numbers of the column's scale and as texts.
 */
#include "engine/marks.h"

#include <string.h>
#include <strings.h>

/* "true", "yes" and their like mean 1 for a boolean. */
static bool parse_number(const char *text, const struct ps_column *column, ps_int128 *ret_number)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on", NULL};
    for (size_t i = 0; column->type == PS_TYPE_BOOLEAN && yes[i] != NULL; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *ret_number = 1;
            return true;
        }
    }
    return ps_decimal_parse(text, strlen(text), column->scale, ret_number);
}

void marks_init(struct soft_delete *deletes, const struct ps_config *config,
                const struct ps_column *column, uint32_t index)
{
    struct ps_marks *marks = &deletes->marks;
    size_t count;
    const char *const *texts = ps_config_list(config, "soft_delete_values", &count);
    *marks = (struct ps_marks){
        .column = index, .numbers = deletes->numbers, .texts = texts, .texts_count = count};
    for (size_t i = 0; i < count && marks->numbers_count < MARKS_NUMBERS_MAX; i++) {
        if (parse_number(texts[i], column, &deletes->numbers[marks->numbers_count])) {
            marks->numbers_count++;
        }
    }
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

static bool text_marks(const struct ps_marks *marks, const struct ps_vector *vector, uint32_t row)
{
    size_t size;
    const char *text = (const char *)ps_vector_bytes(vector, row, &size);
    for (size_t i = 0; i < marks->texts_count; i++) {
        if (strlen(marks->texts[i]) == size && strncasecmp(marks->texts[i], text, size) == 0) {
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
