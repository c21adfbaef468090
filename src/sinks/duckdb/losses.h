/*
 * What the sink changed by rule, counted by table and column: digits below the microsecond, rows
 * that a changed key does not tell apart.
 */
#ifndef PS_SINKS_DUCKDB_LOSSES_H
#define PS_SINKS_DUCKDB_LOSSES_H

#include <stdatomic.h>

#include "penstock/sink.h"

struct duck_packet;

/* The counters of one table in one shape. `cut` is counted by DuckDB's threads, the rest belongs to
 * the writer. */
struct duck_counters {
    const struct ps_table *table;
    _Atomic uint64_t *cut; /* by index into table->columns: digits below the microsecond */
    uint64_t sharing;      /* rows that the key does not tell apart, since it changed */
    struct duck_counters *next;
};

struct duck_losses {
    struct duck_counters *first;
    struct ps_sink_loss *list; /* the last answer */
    size_t list_capacity;
};

/* New counters for the table; they belong to `losses`. NULL: no memory. */
struct duck_counters *duck_losses_add(struct duck_losses *losses, const struct ps_table *table);
/* Counts values of one of the batch's columns whose digits below the microsecond were cut. Any
 * thread. */
void duck_losses_cut(const struct duck_packet *packet, uint32_t column, uint64_t values);
size_t duck_losses_list(struct duck_losses *losses, const struct ps_sink_loss **ret_losses);
void duck_losses_done(struct duck_losses *losses);

#endif
