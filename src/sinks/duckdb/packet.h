/*
 * A packet: a batch made ready for DuckDB on a worker's thread. The rows of a table without a key
 * have their `_fivetran_id`.
 */
#ifndef PS_SINKS_DUCKDB_PACKET_H
#define PS_SINKS_DUCKDB_PACKET_H

#include "penstock/batch.h"
#include "penstock/sink.h"

#define DUCK_ID_SIZE 64u /* SHA-256 in hexadecimal digits */

struct duck_counters;

struct duck_packet {
    struct ps_packet base;
    struct ps_batch *batch;
    char *ids; /* DUCK_ID_SIZE bytes a row; NULL: the table has a key */
    /* Set by the writer. */
    int64_t synced_us;              /* rises from packet to packet */
    uint64_t sequence;              /* likewise, by one */
    struct duck_counters *counters; /* of the table as it is in this packet */
    struct duck_packet *next;       /* in a list of the feed or of a table */
};

/* Takes the batch, also when it fails. Any thread. NOMEM, BUG. */
enum ps_status duck_packet_new(struct ps_batch *batch, struct duck_packet **ret_packet,
                               struct ps_error *err) PS_MUST_CHECK;
/* Gives the batch back to its pool. NULL is fine. */
void duck_packet_free(struct duck_packet *packet);

#endif
