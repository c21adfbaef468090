/*
 * The pool of equal batches (penstock/batch.h). Thread-safe: `lock` guards all fields that change.
 * The pool lives until it was freed by its owner and the last of its batches has come back.
 */
#include "base/alloc.h"
#include "base/thread.h"
#include "data/batch.h"

struct ps_batch_pool {
    struct ps_batch_shape shape; /* never changes; its columns are the pool's own */
    uint32_t kept_max;           /* never changes */
    struct ps_mutex lock;
    struct ps_batch **kept; /* room for kept_max, a stack */
    uint32_t kept_count;
    size_t taken; /* batches that have not come back */
    bool freed;   /* by its owner */
};

static void pool_destroy(struct ps_batch_pool *pool)
{
    for (uint32_t i = 0; i < pool->kept_count; i++) {
        batch_destroy(pool->kept[i]);
    }
    ps_mutex_done(&pool->lock);
    ps_free(pool->kept);
    ps_free((void *)(uintptr_t)pool->shape.columns);
    ps_free(pool);
}

enum ps_status ps_batch_pool_new(const struct ps_batch_shape *shape, uint32_t kept,
                                 struct ps_batch_pool **ret_pool, struct ps_error *err)
{
    struct ps_batch_pool *pool = ps_calloc(1, sizeof(*pool));
    uint32_t *columns = ps_malloc_array(shape->columns_count, sizeof(*columns));
    struct ps_batch **batches = ps_calloc(kept, sizeof(struct ps_batch *));
    if (pool == NULL || columns == NULL || batches == NULL) {
        ps_free(pool);
        ps_free(columns);
        ps_free(batches);
        return ps_fail_nomem(err, "making a pool of batches");
    }
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        columns[i] = shape->columns[i];
    }
    pool->shape = *shape;
    pool->shape.columns = columns;
    pool->kept_max = kept;
    pool->kept = batches;
    ps_mutex_init(&pool->lock);
    *ret_pool = pool;
    return PS_OK;
}

enum ps_status ps_batch_pool_take(struct ps_batch_pool *pool, struct ps_batch **ret_batch,
                                  struct ps_error *err)
{
    struct ps_batch *batch = NULL;
    ps_mutex_lock(&pool->lock);
    assert(!pool->freed);
    if (pool->kept_count > 0) {
        batch = pool->kept[--pool->kept_count];
        pool->taken++;
    }
    ps_mutex_unlock(&pool->lock);
    if (batch == NULL) {
        enum ps_status status = ps_batch_new(&pool->shape, &batch, err);
        if (status != PS_OK) {
            return status;
        }
        batch->pool = pool;
        ps_mutex_lock(&pool->lock);
        pool->taken++;
        ps_mutex_unlock(&pool->lock);
    }
    batch->table = pool->shape.table;
    *ret_batch = batch;
    return PS_OK;
}

void batch_pool_forget(struct ps_batch_pool *pool)
{
    ps_mutex_lock(&pool->lock);
    pool->taken--;
    bool last = pool->freed && pool->taken == 0;
    ps_mutex_unlock(&pool->lock);
    if (last) {
        pool_destroy(pool);
    }
}

void batch_pool_put(struct ps_batch_pool *pool, struct ps_batch *batch)
{
    ps_mutex_lock(&pool->lock);
    bool keep = !pool->freed && pool->kept_count < pool->kept_max;
    if (keep) {
        pool->kept[pool->kept_count++] = batch;
        pool->taken--;
    }
    ps_mutex_unlock(&pool->lock);
    if (!keep) {
        batch_destroy(batch);
        batch_pool_forget(pool);
    }
}

void ps_batch_pool_free(struct ps_batch_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    ps_mutex_lock(&pool->lock);
    pool->freed = true;
    bool last = pool->taken == 0;
    ps_mutex_unlock(&pool->lock);
    if (last) {
        pool_destroy(pool);
    }
}
