/*
 * The option `column_types`: which columns are to arrive as another type than the source gives.
 */
#ifndef PS_ENGINE_COLUMN_TYPES_H
#define PS_ENGINE_COLUMN_TYPES_H

#include "base/arena.h"
#include "penstock/config.h"
#include "penstock/schema.h"

/* CONFIG: an entry is not "table.column=TYPE"; says which. */
enum ps_status column_types_check(const struct ps_config *config,
                                  struct ps_error *err) PS_MUST_CHECK;

/*
 * Gives the column of the source's table its type where an entry names it; the first that does
 * counts. CONFIG: values would be lost; names the column and says why.
 */
enum ps_status column_types_apply(const struct ps_config *config, const struct ps_table *table,
                                  struct ps_column *column, const char *own_name,
                                  struct ps_error *err) PS_MUST_CHECK;

/*
 * The next entry from *at on that names no column of the tables, as text in the arena; NULL: there
 * is none, or no memory. Begin with *at NULL.
 */
const char *column_types_unmatched(const struct ps_config *config,
                                   const struct ps_table *const *tables, size_t count,
                                   struct ps_arena *arena, const char **at);

#endif
