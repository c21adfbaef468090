/*
 * Reads of the fake source that have an order of their own: windows on an indexed cursor, by cursor
 * and key, and changes, as they came. What is to be read is copied when the read begins.
 */
#include "fake_database.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fake_value_at(const char *values, uint32_t place, const char **ret_text, size_t *ret_size)
{
    for (; place > 0; place--) {
        values = strchr(values, '|');
        if (values == NULL) {
            return false;
        }
        values++;
    }
    *ret_text = values;
    *ret_size = strcspn(values, "|");
    return *ret_size != 2 || memcmp(values, "\\N", 2) != 0;
}

static struct fake_item *add_item(struct fake_order *order)
{
    order->items = realloc(order->items, (order->count + 1) * sizeof *order->items);
    assert(order->items != NULL);
    struct fake_item *item = &order->items[order->count++];
    *item = (struct fake_item){.operation = PS_UPSERT};
    return item;
}

void fake_order_done(struct fake_order *order)
{
    for (size_t i = 0; i < order->count; i++) {
        free(order->items[i].values);
        free(order->items[i].position);
    }
    free(order->items);
    *order = (struct fake_order){.items = NULL};
}

/* "2024-01-01T00:00:00Z|7": the cursor's text, and those of the key. */
static char *window_position(const struct fake_table *table, uint32_t cursor, const char *values)
{
    char *position = NULL;
    size_t all = 0, size = 0;
    const char *text = "";
    FILE *out = open_memstream(&position, &all);
    assert(out != NULL);
    bool present = fake_value_at(values, cursor, &text, &size);
    fprintf(out, "%.*s", present ? (int)size : 2, present ? text : "\\N");
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].key != 0) {
            present = fake_value_at(values, i, &text, &size);
            fprintf(out, "|%.*s", present ? (int)size : 0, text);
        }
    }
    fclose(out);
    return position;
}

/* The cursor in front of a position; not present: NULL, which comes last and is no position that
 * the reader gives. */
static struct ps_scalar cursor_of(const char *position, const struct fake_column *column)
{
    struct ps_scalar value = {.type = column->type, .scale = column->scale};
    const char *text;
    size_t size;
    if (fake_value_at(position, 0, &text, &size)) {
        bool parsed = ps_scalar_parse(text, size, column->type, column->scale, &value);
        assert(parsed);
    }
    return value;
}

static int compare_positions(const struct fake_column *column, const char *a, const char *b)
{
    struct ps_scalar left = cursor_of(a, column), right = cursor_of(b, column);
    if (left.present != right.present) {
        return left.present ? -1 : 1;
    }
    int order = left.present ? ps_scalar_compare(&left, &right) : 0;
    return order != 0 ? order : strcmp(strchr(a, '|'), strchr(b, '|'));
}

static int by_place(const void *a, const void *b, void *column)
{
    return compare_positions(column, ((const struct fake_item *)a)->position,
                             ((const struct fake_item *)b)->position);
}

void fake_order_window(struct fake_order *order, const struct fake_table *table,
                       const struct fake_window *window)
{
    struct fake_column column = table->columns[window->cursor];
    for (size_t i = 0; i < table->rows_count; i++) {
        const struct fake_row *row = &table->rows[i];
        if (!fake_row_visible(row, window->time)) {
            continue;
        }
        char *position = window_position(table, window->cursor, row->values);
        struct ps_scalar cursor = cursor_of(position, &column);
        bool below = cursor.present && window->lower.present &&
                     ps_scalar_compare(&cursor, &window->lower) < 0;
        if (below || (window->position != NULL &&
                      compare_positions(&column, position, window->position) <= 0)) {
            free(position);
            continue;
        }
        struct fake_item *item = add_item(order);
        item->position = position;
        item->values = strdup(row->values);
    }
    if (order->count > 0) {
        qsort_r(order->items, order->count, sizeof *order->items, by_place, &column);
    }
}

static void add_change(struct fake_order *order, uint64_t time, size_t place,
                       const struct fake_row *row, enum ps_operation operation)
{
    struct fake_item *item = add_item(order);
    item->time = time;
    item->place = place;
    item->operation = operation;
    item->values = strdup(row->values);
    assert(item->values != NULL);
}

static int by_time(const void *a, const void *b)
{
    const struct fake_item *left = a, *right = b;
    if (left->time != right->time) {
        return left->time < right->time ? -1 : 1;
    }
    return left->place < right->place ? -1 : left->place > right->place;
}

/* The row that ended has become another one at that moment. */
static bool replaced(const struct fake_table *table, const struct fake_row *ended)
{
    size_t size = strcspn(ended->values, "|");
    for (size_t i = 0; i < table->rows_count; i++) {
        const struct fake_row *row = &table->rows[i];
        if (row->born == ended->died && strncmp(row->values, ended->values, size) == 0 &&
            strcspn(row->values, "|") == size) {
            return true;
        }
    }
    return false;
}

enum ps_status fake_order_changes(struct fake_order *order, const struct fake_table *table,
                                  uint64_t time, const char *position, struct ps_error *err)
{
    /* The rows that were there when the log begins have come then. */
    const uint64_t begins = table->log_begins < time ? table->log_begins : time;
    uint64_t after = 0;
    size_t taken = 0, count = 0;
    int used = 0;
    if (position != NULL && (sscanf(position, "%" SCNu64 ",%zu%n", &after, &taken, &used) != 2 ||
                             position[used] != '\0')) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DATA, "the position is no place in the log");
    }
    if (position != NULL && after < table->log_begins) {
        return ps_fail(err, PS_EXPIRED, PS_CLASS_NONE, "the log begins later");
    }
    for (size_t i = 0; i < table->rows_count; i++) {
        const struct fake_row *row = &table->rows[i];
        if (row->died <= begins) {
            continue;
        }
        if (row->born <= time) {
            add_change(order, row->born < begins ? begins : row->born, i, row, PS_UPSERT);
        }
        if (row->died <= time && !replaced(table, row)) {
            add_change(order, row->died, i, row, PS_DELETE);
        }
    }
    if (order->count > 0) {
        qsort(order->items, order->count, sizeof *order->items, by_time);
    }
    for (size_t i = 0; i < order->count; i++) {
        struct fake_item *item = &order->items[i];
        count = i > 0 && order->items[i - 1].time == item->time ? count + 1 : 1;
        if (asprintf(&item->position, "%" PRIu64 ",%zu", item->time, count) < 0) {
            abort();
        }
        if (item->time < after || (item->time == after && count <= taken)) {
            order->next = i + 1;
        }
    }
    return PS_OK;
}

bool fake_join(const char *first, const char *second, struct ps_buffer *ret_bounds)
{
    char *middle, *end;
    unsigned long long start = strtoull(first, &middle, 10);
    unsigned long long until = strtoull(middle + 1, &end, 10);
    assert(*middle == '-' && strchr(second, '-') != NULL);
    if (end == middle + 1 || until != strtoull(second, &end, 10)) {
        return false;
    }
    ps_buffer_printf(ret_bounds, "%llu%s", start, end);
    return ps_buffer_ok(ret_bounds);
}
