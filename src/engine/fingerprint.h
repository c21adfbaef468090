/*
 * A table's fingerprint, kept in the state: from it a later plan tells whether, and how, the
 * table's columns and keys have changed in a way that no cursor shows.
 */
#ifndef PS_ENGINE_FINGERPRINT_H
#define PS_ENGINE_FINGERPRINT_H

#include "base/arena.h"
#include "penstock/schema.h"

/*
 * The table as it is sent, a hash of the names of the source's columns that are not, one of what
 * marks a row as deleted, and one of what the configuration makes of values; 0: it leaves them.
 */
struct fingerprint_subject {
    const struct ps_table *table;
    uint32_t left_out;
    uint32_t deletes;
    uint32_t values;
};

/* Adds the name of a column that is not sent to the hash of them. */
uint32_t fingerprint_leave_out(uint32_t left_out, const char *name);

/*
 * Makes the fingerprint. `former`: that of the last read, whose memory of columns that are gone is
 * carried on; NULL: none, or a load begins and writes every row anew. NULL: no memory.
 */
const char *fingerprint_make(struct ps_arena *arena, const struct fingerprint_subject *subject,
                             const char *former);

/*
 * What of the columns and keys is not what it was at `former`, for people, in the arena; NULL:
 * nothing. Names columns that are new or of another type where it can.
 */
const char *fingerprint_difference(const char *former, const struct fingerprint_subject *subject,
                                   struct ps_arena *arena);

/* What changed since `former` so that rows sent before are no longer right; NULL: nothing. */
const char *fingerprint_change(const char *former, const struct fingerprint_subject *subject,
                               struct ps_arena *arena);

/*
 * Whether the key is what it was at `former`, in the same types: then a row is found by it among
 * those that were sent before. True where there is no `former`. `present`: the fingerprint of the
 * table.
 */
bool fingerprint_keeps_key(const char *former, const char *present, const struct ps_table *table);

#endif
