/*
 * Reads a DuckDB file that no sink has open, with libduckdb itself, as the texts of fake_sink.h.
 */
#ifndef TESTS_SUPPORT_WAREHOUSE_H
#define TESTS_SUPPORT_WAREHOUSE_H

#include <stdbool.h>

/*
 * Runs the statement and gives its rows, one line each in the order they come: values separated by
 * "|", NULL as "~", bytes as hexadecimal digits. Aborts where it fails. Free it with ps_free.
 */
char *warehouse_query(const char *path, const char *sql);
/* As fake_sink_rows, of the destination schema "tester". NULL: there is no such table. */
char *warehouse_rows(const char *path, const char *schema, const char *table, const char *columns);
/* A path in a fresh temporary folder; warehouse_remove removes the folder. Static memory. */
const char *warehouse_path(void);
void warehouse_remove(const char *path);

#endif
