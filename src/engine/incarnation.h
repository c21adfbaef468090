/*
 * What a source says of a table's storage, then and now: text against text. See
 * ps_table.incarnation; what a difference means for a sync is plan_table.c's.
 */
#ifndef PS_ENGINE_INCARNATION_H
#define PS_ENGINE_INCARNATION_H

#include <stdbool.h>
#include <stddef.h>

/* None of these takes NULL, but for incarnation_same. */

/* True where the table is another one, or something of it was emptied or rewritten. A part that is
 * gone as a whole is like rows that are gone, which no cursor shows either. */
bool incarnation_rewritten(const char *former, const char *present);
/* True where the former lacks a part that has rows: they may bear old times. */
bool incarnation_part_added(const char *former, const char *present);
/* How many parts of the former are not in the present one. */
size_t incarnation_parts_gone(const char *former, const char *present);
/* True where nothing at all is known to have changed; NULL is the same as NULL alone. */
bool incarnation_same(const char *former, const char *present);

#endif
