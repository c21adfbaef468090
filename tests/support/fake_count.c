/*
 * The fake source's count: the rows that are visible, without those that are marked as deleted.
 */
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "fake_database.h"

/* How often a count that hangs looks whether it was called off. */
#define LOOK_NS INT64_C(1000000)

static bool called_off(const struct fake_source *source)
{
    return source->cancel != NULL && ps_cancel_is_set(source->cancel);
}

/* True where the value is one of the marks' texts; numbers are compared as they are printed. */
static bool value_marked(const struct ps_marks *marks, const struct fake_column *column,
                         const char *values)
{
    const char *text;
    size_t size;
    char number[PS_VALUE_TEXT_SIZE];

    if (!fake_value_at(values, marks->column, &text, &size)) {
        return false;
    }
    for (size_t i = 0; column->type == PS_TYPE_STRING && i < marks->texts_count; i++) {
        if (strlen(marks->texts[i]) == size && strncasecmp(marks->texts[i], text, size) == 0) {
            return true;
        }
    }
    for (size_t i = 0; column->type != PS_TYPE_STRING && i < marks->numbers_count; i++) {
        size_t digits = ps_decimal_format(marks->numbers[i], column->scale, number);
        bool yes = column->type == PS_TYPE_BOOLEAN && marks->numbers[i] == 1 && size == 4 &&
                   memcmp(text, "true", 4) == 0;
        if (yes || (digits == size && memcmp(number, text, size) == 0)) {
            return true;
        }
    }
    return false;
}

enum ps_status fake_count(struct ps_source *base, const struct ps_count_request *request,
                          int64_t *ret_rows, struct ps_error *err)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_database *database = source->database;
    struct fake_fault fault;
    bool due = fake_enter(database, FAKE_COUNT, request->table->name, &fault);
    enum ps_status status = PS_OK;
    int64_t rows = 0;

    ps_mutex_lock(&database->lock);
    if (due && fault.hang) {
        database->hanging++;
        while (!called_off(source)) {
            (void)ps_condition_wait_until(&database->canceled, &database->lock,
                                          ps_monotonic_ns() + LOOK_NS);
        }
        database->hanging--;
    }
    const struct fake_table *known = fake_table_get(database, request->table->name);
    if (called_off(source)) {
        status =
            ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "counting %s: canceled", request->table->name);
    } else if (due) {
        status = fake_fail(&fault, err);
    } else if (known == NULL) {
        status = ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "counting %s: there is no such table",
                         request->table->name);
    } else {
        for (size_t i = 0; i < known->rows_count; i++) {
            const struct fake_row *row = &known->rows[i];
            rows += fake_row_visible(row, source->pinned ? source->snapshot : database->time) &&
                    (request->marks == NULL ||
                     !value_marked(request->marks, &known->columns[request->marks->column],
                                   row->values));
        }
        *ret_rows = rows;
    }
    ps_mutex_unlock(&database->lock);
    return status;
}
