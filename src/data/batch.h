/*
 * What batch.c and batch_pool.c share. Everybody else includes penstock/batch.h.
 */
#ifndef PS_DATA_BATCH_H
#define PS_DATA_BATCH_H

#include "penstock/batch.h"

/* Frees the batch's memory, whatever pool it came from. */
void batch_destroy(struct ps_batch *batch);

/* A batch of the pool was freed instead of given back. */
void batch_pool_forget(struct ps_batch_pool *pool);

/* Takes the emptied batch back, or frees it. */
void batch_pool_put(struct ps_batch_pool *pool, struct ps_batch *batch);

#endif
