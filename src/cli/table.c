/*
 * Aligned tables of text. See table.h.
 */
#include "cli/table.h"

#include <assert.h>
#include <errno.h>

#include "base/alloc.h"
#include "cli/figures.h"
#include "cli/text.h"

/* Between two columns. */
#define GAP 2

void table_init(struct table *table, const struct table_column *columns, size_t columns_count)
{
    assert(columns_count > 0);
    *table = (struct table){.columns = columns, .columns_count = columns_count};
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->cells_count; i++) {
        ps_free(table->cells[i]);
    }
    ps_free(table->cells);
    *table = (struct table){0};
}

static bool table_reserve(struct table *table)
{
    size_t capacity = table->cells_capacity == 0 ? 64 : table->cells_capacity * 2;
    char **cells;

    if (table->cells_count < table->cells_capacity) {
        return true;
    }
    cells = ps_realloc(table->cells, capacity * sizeof *cells);
    if (cells == NULL) {
        return false;
    }
    table->cells = cells;
    table->cells_capacity = capacity;
    return true;
}

void table_add(struct table *table, const char *text)
{
    size_t width_max = table->columns[table->cells_count % table->columns_count].width_max;
    struct ps_buffer clean;
    char *cell = NULL;

    ps_buffer_init(&clean, 0);
    (void)text_cut(&clean, text == NULL ? "" : text, width_max == 0 ? SIZE_MAX : width_max);
    if (!table->failed && table_reserve(table) && ps_buffer_ok(&clean)) {
        cell = ps_strdup(ps_buffer_text(&clean));
    }
    ps_buffer_done(&clean);
    if (cell == NULL) {
        table->failed = true;
        return;
    }
    table->cells[table->cells_count++] = cell;
}

void table_add_count(struct table *table, uint64_t count)
{
    char text[FIGURES_SIZE];

    table_add(table, figures_count(count, text));
}

static size_t column_width(const struct table *table, size_t column)
{
    size_t width = text_width(table->columns[column].title);

    for (size_t i = column; i < table->cells_count; i += table->columns_count) {
        size_t cell = text_width(table->cells[i]);
        width = cell > width ? cell : width;
    }
    return width;
}

static void pad(struct ps_buffer *line, size_t blanks)
{
    while (blanks-- > 0) {
        ps_buffer_putc(line, ' ');
    }
}

/* `cells` NULL: the titles. The blanks at a line's end are not written. */
static void print_line(const struct table *table, char *const *cells, const size_t *widths,
                       size_t indent, struct output *out)
{
    struct ps_buffer line;
    size_t wanted = indent; /* blanks owed before the next text */

    ps_buffer_init(&line, 0);
    for (size_t i = 0; i < table->columns_count; i++) {
        const char *text = cells == NULL ? table->columns[i].title : cells[i];
        size_t blanks = widths[i] - text_width(text);
        bool right = table->columns[i].align == TABLE_RIGHT;

        if (*text != '\0') {
            pad(&line, wanted + (right ? blanks : 0));
            ps_buffer_puts(&line, text);
            wanted = GAP + (right ? 0 : blanks);
        } else {
            wanted += widths[i] + GAP;
        }
    }
    ps_buffer_putc(&line, '\n');
    output_buffer(out, &line);
    ps_buffer_done(&line);
}

void table_print(const struct table *table, struct output *out, size_t indent)
{
    size_t *widths = ps_malloc_array(table->columns_count, sizeof *widths);

    if (table->failed || widths == NULL) {
        if (out->error_number == 0) {
            out->error_number = ENOMEM;
        }
        ps_free(widths);
        return;
    }
    for (size_t i = 0; i < table->columns_count; i++) {
        widths[i] = column_width(table, i);
    }
    print_line(table, NULL, widths, indent, out);
    for (size_t i = 0; i + table->columns_count <= table->cells_count; i += table->columns_count) {
        print_line(table, table->cells + i, widths, indent, out);
    }
    ps_free(widths);
}
