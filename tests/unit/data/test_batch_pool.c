/* The pool: batches come back empty, are bounded, and outlive its end. */
#include "penstock/batch.h"

#include "base/queue.h"
#include "base/thread.h"
#include "support/torture.h"

static const struct ps_column columns[] = {{.name = "id", .type = PS_TYPE_LONG},
                                           {.name = "text", .type = PS_TYPE_STRING}};
static const struct ps_table table = {.name = "t", .columns = columns, .columns_count = 2};
static const uint32_t both[] = {0, 1};
static const struct ps_batch_shape shape = {
    .table = &table, .columns = both, .columns_count = 2, .rows_max = 10, .bytes_max = 1000};

static struct ps_batch_pool *pool_of(uint32_t kept)
{
    struct ps_batch_pool *pool = NULL;
    struct ps_error err;
    assert_int_equal(ps_batch_pool_new(&shape, kept, &pool, &err), PS_OK);
    return pool;
}

static struct ps_batch *take(struct ps_batch_pool *pool)
{
    struct ps_batch *batch = NULL;
    struct ps_error err;
    assert_int_equal(ps_batch_pool_take(pool, &batch, &err), PS_OK);
    assert_int_equal(batch->rows, 0);
    assert_ptr_equal(batch->table, &table);
    return batch;
}

static void fill(struct ps_batch *batch, int64_t from)
{
    while (!ps_batch_full(batch)) {
        ps_batch_put_long(batch, 0, from + batch->rows);
        assert_true(ps_batch_put_bytes(batch, 1, "text", 4));
        ps_batch_row_end(batch);
    }
}

static void test_pool_gives_a_batch_again_emptied(void **state)
{
    (void)state;
    static const struct ps_table other = {.name = "other"};
    struct ps_batch_pool *pool = pool_of(2);
    struct ps_batch *first = take(pool);
    fill(first, 0);
    first->table = &other;
    ps_batch_release(first);
    struct ps_batch *again = take(pool);
    assert_ptr_equal(again, first);
    assert_false(ps_vector_is_valid(&again->vectors[0], 9));
    ps_batch_release(again);
    ps_batch_pool_free(pool);
    ps_batch_pool_free(NULL);
}

static void test_pool_keeps_no_more_than_it_was_told(void **state)
{
    (void)state;
    struct ps_batch_pool *pool = pool_of(1);
    struct ps_batch *a = take(pool), *b = take(pool), *c = take(pool);
    ps_batch_release(a);
    ps_batch_release(b);
    ps_batch_free(c);
    uint64_t before = ps_alloc_count();
    a = take(pool);
    assert_int_equal(ps_alloc_count(), before);
    b = take(pool);
    assert_true(ps_alloc_count() > before);
    ps_batch_release(a);
    ps_batch_release(b);
    ps_batch_pool_free(pool);
}

static void test_pool_freed_before_its_batches_goes_with_the_last(void **state)
{
    (void)state;
    struct ps_batch_pool *pool = pool_of(3);
    struct ps_batch *a = take(pool), *b = take(pool), *c = take(pool);
    ps_batch_release(c);
    ps_batch_pool_free(pool);
    fill(a, 0);
    ps_batch_release(a);
    ps_batch_free(b);
}

struct producer {
    struct ps_batch_pool *pool;
    struct ps_queue *queue;
    int failures;
};

static void produce(void *argument)
{
    struct producer *producer = argument;
    for (int i = 0; i < 500; i++) {
        struct ps_batch *batch;
        struct ps_error err;
        if (ps_batch_pool_take(producer->pool, &batch, &err) != PS_OK) {
            producer->failures++;
            continue;
        }
        fill(batch, i);
        if (ps_queue_push(producer->queue, batch, batch->rows, batch->bytes, -1) != PS_QUEUE_OK) {
            ps_batch_release(batch);
            producer->failures++;
        }
    }
}

static void test_pool_shared_by_threads(void **state)
{
    (void)state;
    struct ps_queue *queue = NULL;
    struct ps_error err;
    assert_int_equal(ps_queue_new(4, 100, 10000, &queue, &err), PS_OK);
    struct ps_batch_pool *pool = pool_of(3);
    struct producer producers[3];
    struct ps_thread threads[3] = {0};
    for (int i = 0; i < 3; i++) {
        producers[i] = (struct producer){.pool = pool, .queue = queue};
        assert_int_equal(ps_thread_start(&threads[i], "producer", produce, &producers[i], &err),
                         PS_OK);
    }
    int64_t sum = 0;
    for (int i = 0; i < 1500; i++) {
        void *item = NULL;
        assert_int_equal(ps_queue_pop(queue, &item, -1), PS_QUEUE_OK);
        struct ps_batch *batch = item;
        assert_int_equal(batch->rows, 10);
        sum += ((int64_t *)batch->vectors[0].values)[0];
        ps_batch_release(batch);
    }
    assert_int_equal(sum, 3 * (499 * 500 / 2));
    for (int i = 0; i < 3; i++) {
        ps_thread_join(&threads[i]);
        assert_int_equal(producers[i].failures, 0);
    }
    ps_batch_pool_free(pool);
    ps_queue_free(queue);
}

static enum ps_status use(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_batch_pool *pool = NULL;
    struct ps_batch *batch = NULL;
    enum ps_status status = ps_batch_pool_new(&shape, 2, &pool, err);
    if (status == PS_OK) {
        status = ps_batch_pool_take(pool, &batch, err);
    }
    ps_batch_release(batch);
    ps_batch_pool_free(pool);
    return status;
}

static void test_pool_without_memory_says_so(void **state)
{
    (void)state;
    torture(use, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_gives_a_batch_again_emptied),
        cmocka_unit_test(test_pool_keeps_no_more_than_it_was_told),
        cmocka_unit_test(test_pool_freed_before_its_batches_goes_with_the_last),
        cmocka_unit_test(test_pool_shared_by_threads),
        cmocka_unit_test(test_pool_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
