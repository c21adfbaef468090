/*
 * The rows of a load that is held in memory, as chunks with all columns of their table, which is
 * what DuckDB appends without a statement. Not for: when a load is held (small.c).
 */
#ifndef PS_SINKS_DUCKDB_HELD_H
#define PS_SINKS_DUCKDB_HELD_H

#include "sinks/duckdb/sink.h"

/* The writer's. Text in the chunks is the packets', which have to outlive them. */
struct duck_held {
    const struct duck_library *library;
    const struct duck_table *table;
    int32_t *from;                /* where the values of each column of the table come from */
    struct duck_api_type **types; /* of those columns */
    struct duck_api_chunk **chunks;
    uint32_t chunks_count;
    uint64_t *cut; /* by the batch's columns: digits below the microsecond */
};

/* True where the packets that the table holds can be appended as they are: every column has the
 * type in the warehouse that it has in them. */
bool duck_held_fits(const struct duck_table *table);

/* Makes the chunks of all packets that the table holds, which fit. `duck_held_done` is for it
 * whatever becomes of it. NOMEM. */
enum ps_status duck_held_init(struct duck_held *held, const struct duck_library *library,
                              const struct duck_table *table, struct ps_error *err) PS_MUST_CHECK;
void duck_held_done(struct duck_held *held);

/* Appends all rows to the table of that prefix and counts what was cut. The connection is free and
 * a transaction open. */
enum ps_status duck_held_append(struct duck_held *held, const struct duck_session *session,
                                const char *prefix, struct ps_error *err) PS_MUST_CHECK;

#endif
