/*
 * Size classes, profiles and strategies, and the parameters that follow from them before anything
 * was measured. docs/architecture.md, "Size classes".
 */
#ifndef PS_ENGINE_SIZE_CLASS_H
#define PS_ENGINE_SIZE_CLASS_H

#include "engine/engine.h"

/*
 * Class, strategy and parameters of a described table: by its estimate of rows (an unknown one
 * counts as small), and what the configuration says in their place. The reason goes to the arena.
 * NOMEM.
 */
enum ps_status size_choose(const struct ps_config *config, struct ps_arena *arena,
                           const struct ps_table *table, struct ps_sizing *ret_sizing,
                           struct ps_error *err) PS_MUST_CHECK;

/* The rows from which a table is no longer small, and those from which it is large, for tables
 * without a strategy. CONFIG: the latter is below the former. */
enum ps_status size_thresholds(const struct ps_config *config, int64_t *ret_small,
                               int64_t *ret_large, struct ps_error *err) PS_MUST_CHECK;

#endif
