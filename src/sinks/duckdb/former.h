/*
 * The rows that a table has when a small load of it ends, and what becomes of them. Not for: loads
 * that have a table of their own (load.c).
 */
#ifndef PS_SINKS_DUCKDB_FORMER_H
#define PS_SINKS_DUCKDB_FORMER_H

#include "base/buffer.h"
#include "sinks/duckdb/keys.h"

struct duck_sink;
struct duck_table;

/* The writer's thread's. */
struct duck_former {
    bool replaceable;        /* all rows were looked at, and few are to be carried over */
    struct ps_buffer places; /* of those, the rowids: "1, 2" */
    uint32_t carried;        /* how many those are … */
    uint64_t vanished;       /* … and how many of them were not soft-deleted before */
};

void duck_former_init(struct duck_former *former);
void duck_former_done(struct duck_former *former);

/* Compares the table's rows with the keys that the load brought. The connection is free. */
enum ps_status duck_former_look(struct duck_former *former, struct duck_sink *sink,
                                const struct duck_table *table, struct duck_keys *keys,
                                struct ps_error *err) PS_MUST_CHECK;
/*
 * Makes the table anew with the rows that the load did not bring, soft-deleted where it is
 * complete, in the same transaction as duck_former_look; they are replaceable. `vanished` is then
 * what became soft-deleted.
 */
enum ps_status duck_former_replace(struct duck_former *former, struct duck_sink *sink,
                                   struct duck_table *table, bool complete,
                                   struct ps_error *err) PS_MUST_CHECK;

#endif
