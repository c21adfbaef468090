/*
 * The strategy of a table: what its shape says about how it is best read, configured or judged
 * from the catalog's statistics.
 */
#ifndef PS_ENGINE_STRATEGY_H
#define PS_ENGINE_STRATEGY_H

#include "engine/engine.h"

/* The choices of the option `strategy`, NULL-terminated: the names in order, and `auto`. */
extern const char *const strategy_choices[];

/*
 * What the configuration says of the table, else what its statistics do. `ret_reason` is for
 * people; it goes to the arena. NOMEM.
 */
enum ps_status strategy_choose(const struct ps_config *config, struct ps_arena *arena,
                               const struct ps_table *table, enum ps_strategy *ret_strategy,
                               const char **ret_reason, struct ps_error *err) PS_MUST_CHECK;

#endif
