/*
 * Which tables the entries of a Python connector's state name: one that names several ("a_b" is the
 * table "b" of the schema "a", or "a_b") cannot be gone on from.
 */
#ifndef PS_ENGINE_CLAIMS_H
#define PS_ENGINE_CLAIMS_H

#include "penstock/source.h"
#include "state/state.h"

struct claims;

/* Of the tables found at the source; NULL where the state was not taken over. Made in the arena. */
enum ps_status claims_new(const struct ps_state *state, const struct ps_table_list *found,
                          struct ps_arena *arena, struct claims **ret_claims,
                          struct ps_error *err) PS_MUST_CHECK;

/* Another table that is named by the entry of this one, which is given; NULL: there is none.
 * `claims` may be NULL. */
const struct ps_table *claims_rival(const struct claims *claims, const struct ps_table *table,
                                    const char **ret_entry);

#endif
