/*
 * A table's fingerprint, kept in the state: from it a later plan tells whether, and how, the
 * table's columns and keys have changed in a way that no cursor shows.
 */
#ifndef PS_ENGINE_FINGERPRINT_H
#define PS_ENGINE_FINGERPRINT_H

#include "base/arena.h"
#include "penstock/schema.h"

/*
 * Makes the fingerprint of a table as it is sent. `former`: that of the last read, whose memory of
 * columns that are gone is carried on; NULL: none, or a load begins and writes every row anew.
 * NULL: no memory.
 */
const char *fingerprint_make(struct ps_arena *arena, const struct ps_table *table,
                             const char *former);

/* What changed since `former` so that rows sent before are no longer right; NULL: nothing. */
const char *fingerprint_change(const char *former, const struct ps_table *table,
                               struct ps_arena *arena);

#endif
