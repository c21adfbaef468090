/*
 * The open batches, a few at a time: rows of one table gather in one until it is full, something
 * else happens to the table, or a checkpoint comes. And the way to the sink. Not for: which rows
 * (record.c).
 */
#ifndef PS_TESTER_SLOTS_H
#define PS_TESTER_SLOTS_H

#include "penstock/sink.h"
#include "tester/roster.h"

#define SLOTS 16u

struct tester_slot {
    struct tester_table *table; /* NULL: free */
    struct ps_batch *batch;     /* NULL: none open */
    struct ps_batch_pool *pool; /* of upserts in the shape below */
    const struct ps_table *pool_shape;
    uint64_t used; /* when it was asked for last */
};

struct slots {
    const struct ps_sink_ops *ops;
    struct ps_sink *sink;
    struct roster *roster;
    struct tester_slot slots[SLOTS];
    uint64_t clock;
    /* Told of every table that the destination made or changed. */
    void *context;
    void (*changed)(void *context, const struct tester_table *table, const struct ps_table *before);
};

void slots_done(struct slots *slots); /* throws open batches away */

/*
 * The shape is built where it is behind, and the sink is told. `all`: columns that nobody has seen
 * a value of are part of it.
 */
enum ps_status slots_tell(struct slots *slots, struct tester_table *table, bool all,
                          struct ps_error *err) PS_MUST_CHECK;

/* Asks the sink once what it has of the table. */
enum ps_status slots_look_up(struct slots *slots, struct tester_table *table,
                             struct ps_error *err) PS_MUST_CHECK;

/*
 * A batch with room for a row of the table, whose shape was told. `columns` are indexes of the
 * shape; NULL: all of them.
 */
struct slots_want {
    enum ps_operation operation;
    const uint32_t *columns;
    uint32_t columns_count;
};
enum ps_status slots_batch(struct slots *slots, struct tester_table *table,
                           const struct slots_want *want, struct ps_batch **ret_batch,
                           struct ps_error *err) PS_MUST_CHECK;

/* Writes what is open of the table; of all. */
enum ps_status slots_flush(struct slots *slots, struct tester_table *table,
                           struct ps_error *err) PS_MUST_CHECK;
enum ps_status slots_flush_all(struct slots *slots, struct ps_error *err) PS_MUST_CHECK;

#endif
