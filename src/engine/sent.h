/*
 * Which rows a sync sends again as they were: those of the look-back, and of tables that are read
 * whole each time. For a process that syncs over and over: it keeps a hash of each row that the
 * sync before sent. Not for: what is sent, which stays the same.
 *
 * Hashes are made by any worker; all else is the writer's, or of whoever owns it between two syncs.
 */
#ifndef PS_ENGINE_SENT_H
#define PS_ENGINE_SENT_H

#include "engine/engine.h"
#include "penstock/batch.h"

/* One hash for each row of a batch, of its table, its operation and its values; owned by the
 * caller (ps_free). NULL: no memory. */
uint64_t *sent_hashes(const struct ps_table *source_table, const struct ps_batch *batch);

/* Rows of a table that has sent `before` in this sync: notes them, and gives how many of them
 * neither the sync before sent nor this one. */
uint64_t sent_note(struct ps_sent *sent, const uint64_t *hashes, size_t count, uint64_t before);

/* All rows that this sync sent of the table were noted but those beyond the bound. */
void sent_note_table(struct ps_sent *sent, const struct ps_table *source_table, uint64_t rows);
/* True where all rows are known that the sync before sent of the table. */
bool sent_knows_table(const struct ps_sent *sent, const struct ps_table *source_table);

/* The sync is over. Not `saved`: what it sent is perhaps not at the destination, and the sync
 * before counts on. */
void sent_end(struct ps_sent *sent, bool saved);

#endif
