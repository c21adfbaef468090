/*
 * What the configuration makes of a table's shape: its key, the types of its columns, and what
 * happens when it is not what it was.
 */
#ifndef PS_ENGINE_SHAPE_H
#define PS_ENGINE_SHAPE_H

#include "engine/fingerprint.h"
#include "engine/plan.h"

/* The table with the key that `primary_keys` allows: the same, or a copy in the arena. */
enum ps_status shape_keys(const struct ps_config *config, struct ps_arena *arena,
                          const struct ps_table *table, const struct ps_table **ret_table,
                          struct ps_error *err) PS_MUST_CHECK;

/*
 * Gives the planned sink_table the types of `column_types`; read_table keeps the source's, but for
 * what the source can give as a text by itself. After the cursor was chosen.
 */
enum ps_status shape_types(const struct plan_table_request *request, struct ps_plan_table *planned,
                           struct ps_error *err) PS_MUST_CHECK;

/* A hash of the settings that change values of this table; 0: none does. */
uint32_t shape_values_hash(const struct ps_config *config, const struct ps_plan_table *planned);

/* CONFIG: the table is not what it was, and `on_schema_change` is stop. With warn: tells it. */
enum ps_status shape_check_change(const struct plan_table_request *request,
                                  const struct fingerprint_subject *subject,
                                  struct ps_error *err) PS_MUST_CHECK;

#endif
