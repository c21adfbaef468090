/*
 * Aligned tables of text for people. A cell is copied and cleaned (text.h) when it is added.
 */
#ifndef PS_CLI_TABLE_H
#define PS_CLI_TABLE_H

#include "cli/output.h"

enum table_align { TABLE_LEFT, TABLE_RIGHT };

struct table_column {
    const char *title;
    enum table_align align;
    size_t width_max; /* what is wider is cut; 0: nothing is */
};

struct table {
    const struct table_column *columns;
    size_t columns_count;
    char **cells; /* row by row */
    size_t cells_count, cells_capacity;
    bool failed; /* memory ran out: the table cannot be printed */
};

/* `columns` outlives the table. */
void table_init(struct table *table, const struct table_column *columns, size_t columns_count);
void table_done(struct table *table);
/* The next cell; NULL counts as "". */
void table_add(struct table *table, const char *text);
void table_add_count(struct table *table, uint64_t count);
/* Title line and rows, each after `indent` blanks. Only whole rows. */
void table_print(const struct table *table, struct output *out, size_t indent);

#endif
