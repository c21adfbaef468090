/* The bounded queue: its bounds, its order, its end, alone and with many threads. */
#include "base/queue.h"

#include "base/thread.h"
#include "support/torture.h"

static struct ps_queue *queue_of(size_t items, size_t rows, size_t bytes)
{
    struct ps_queue *queue = NULL;
    struct ps_error err;
    assert_int_equal(ps_queue_new(items, rows, bytes, &queue, &err), PS_OK);
    return queue;
}

static int marks[1024];

static void assert_pop(struct ps_queue *queue, int *expected)
{
    void *item = NULL;
    assert_int_equal(ps_queue_pop(queue, &item, 0), PS_QUEUE_OK);
    assert_ptr_equal(item, expected);
}

static void test_queue_pops_in_the_order_of_pushes(void **state)
{
    (void)state;
    struct ps_queue *queue = queue_of(3, 100, 100);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ps_queue_push(queue, &marks[i], 1, 1, 0), PS_QUEUE_OK);
        }
        for (int i = 0; i < 3; i++) {
            assert_pop(queue, &marks[i]);
        }
        assert_int_equal(ps_queue_push(queue, &marks[9], 1, 1, 0), PS_QUEUE_OK);
        assert_pop(queue, &marks[9]);
    }
    ps_queue_free(queue);
    ps_queue_free(NULL);
}

static void test_queue_push_when_full_times_out(void **state)
{
    (void)state;
    struct ps_queue *items = queue_of(1, 100, 100), *rows = queue_of(9, 10, 100),
                    *bytes = queue_of(9, 100, 10);
    assert_int_equal(ps_queue_push(items, &marks[0], 0, 0, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(items, &marks[1], 0, 0, 0), PS_QUEUE_TIMEOUT);
    assert_int_equal(ps_queue_push(rows, &marks[0], 6, 1, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(rows, &marks[1], 5, 1, 1000), PS_QUEUE_TIMEOUT);
    assert_int_equal(ps_queue_push(rows, &marks[1], 4, 1, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(bytes, &marks[0], 1, 6, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(bytes, &marks[1], 1, 5, 0), PS_QUEUE_TIMEOUT);
    assert_int_equal(ps_queue_push(bytes, &marks[1], 1, SIZE_MAX, 0), PS_QUEUE_TIMEOUT);
    assert_int_equal(ps_queue_push(bytes, &marks[1], 1, 4, 0), PS_QUEUE_OK);
    struct ps_queue_stats stats;
    ps_queue_stats(rows, &stats);
    assert_int_equal(stats.items, 2);
    assert_int_equal(stats.rows, 10);
    assert_true(stats.push_waited_ns > 0);
    ps_queue_free(items);
    ps_queue_free(rows);
    ps_queue_free(bytes);
}

static void test_queue_item_above_the_bounds_passes_alone(void **state)
{
    (void)state;
    struct ps_queue *queue = queue_of(9, 10, 10);
    assert_int_equal(ps_queue_push(queue, &marks[0], 500, 500, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(queue, &marks[1], 0, 0, 0), PS_QUEUE_TIMEOUT);
    assert_pop(queue, &marks[0]);
    assert_int_equal(ps_queue_push(queue, &marks[1], 1, 1, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(queue, &marks[2], 500, 500, 0), PS_QUEUE_TIMEOUT);
    struct ps_queue_stats stats;
    ps_queue_stats(queue, &stats);
    assert_int_equal(stats.bytes, 1);
    assert_int_equal(stats.bytes_peak, 500);
    ps_queue_free(queue);
}

static void test_queue_pop_when_empty_times_out(void **state)
{
    (void)state;
    struct ps_queue *queue = queue_of(1, 1, 1);
    void *item = &marks[5];
    assert_int_equal(ps_queue_pop(queue, &item, 0), PS_QUEUE_TIMEOUT);
    assert_int_equal(ps_queue_pop(queue, &item, 1000), PS_QUEUE_TIMEOUT);
    assert_ptr_equal(item, &marks[5]);
    ps_queue_free(queue);
}

static void test_queue_closed_gives_what_is_left_then_closed(void **state)
{
    (void)state;
    struct ps_queue *queue = queue_of(4, 10, 10);
    void *item;
    assert_int_equal(ps_queue_push(queue, &marks[0], 1, 1, 0), PS_QUEUE_OK);
    ps_queue_close(queue);
    assert_int_equal(ps_queue_push(queue, &marks[1], 1, 1, -1), PS_QUEUE_CLOSED);
    assert_pop(queue, &marks[0]);
    assert_int_equal(ps_queue_pop(queue, &item, -1), PS_QUEUE_CLOSED);
    ps_queue_free(queue);
}

static void test_queue_rows_max_raised_lets_more_in(void **state)
{
    (void)state;
    struct ps_queue *queue = queue_of(4, 10, 100);
    assert_int_equal(ps_queue_push(queue, &marks[0], 10, 1, 0), PS_QUEUE_OK);
    assert_int_equal(ps_queue_push(queue, &marks[1], 10, 1, 0), PS_QUEUE_TIMEOUT);
    ps_queue_set_rows_max(queue, 20);
    assert_int_equal(ps_queue_push(queue, &marks[1], 10, 1, 0), PS_QUEUE_OK);
    ps_queue_set_rows_max(queue, 5);
    assert_pop(queue, &marks[0]);
    assert_int_equal(ps_queue_push(queue, &marks[2], 1, 1, 0), PS_QUEUE_TIMEOUT);
    assert_pop(queue, &marks[1]);
    ps_queue_free(queue);
}

#define PUSHERS 4
#define ITEMS_EACH 2000

struct item {
    int pusher, number;
};

struct pusher {
    struct ps_queue *queue;
    int index;
    struct item items[ITEMS_EACH];
    enum ps_queue_result result;
};

static void push_all(void *argument)
{
    struct pusher *pusher = argument;
    for (int i = 0; i < ITEMS_EACH; i++) {
        pusher->items[i] = (struct item){.pusher = pusher->index, .number = i};
        /* Pusher 0's items are above the byte bound: each has to pass alone. */
        size_t bytes = pusher->index == 0 && i % 100 == 0 ? 1000 : (size_t)i % 30;
        pusher->result = ps_queue_push(pusher->queue, &pusher->items[i], 3, bytes, -1);
        if (pusher->result != PS_QUEUE_OK) {
            return;
        }
    }
}

static void test_queue_many_pushers_keep_each_ones_order(void **state)
{
    (void)state;
    static struct pusher pushers[PUSHERS];
    struct ps_thread threads[PUSHERS] = {0};
    struct ps_queue *queue = queue_of(5, 12, 60);
    struct ps_error err;
    int next[PUSHERS] = {0};
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i].queue = queue;
        pushers[i].index = i;
        assert_int_equal(ps_thread_start(&threads[i], "pusher", push_all, &pushers[i], &err),
                         PS_OK);
    }
    for (int i = 0; i < PUSHERS * ITEMS_EACH; i++) {
        void *popped = NULL;
        assert_int_equal(ps_queue_pop(queue, &popped, -1), PS_QUEUE_OK);
        const struct item *item = popped;
        assert_int_equal(item->number, next[item->pusher]++);
    }
    for (int i = 0; i < PUSHERS; i++) {
        ps_thread_join(&threads[i]);
        assert_int_equal(pushers[i].result, PS_QUEUE_OK);
    }
    struct ps_queue_stats stats;
    ps_queue_stats(queue, &stats);
    assert_int_equal(stats.items + stats.rows + stats.bytes, 0);
    assert_int_equal(stats.bytes_peak, 1000);
    ps_queue_free(queue);
}

static void test_queue_closed_wakes_pushers_that_wait(void **state)
{
    (void)state;
    static struct pusher pushers[PUSHERS];
    struct ps_thread threads[PUSHERS] = {0};
    struct ps_queue *queue = queue_of(2, 100, 100);
    struct ps_error err;
    void *item;
    for (int i = 0; i < PUSHERS; i++) {
        pushers[i].queue = queue;
        pushers[i].index = 1;
        assert_int_equal(ps_thread_start(&threads[i], "pusher", push_all, &pushers[i], &err),
                         PS_OK);
    }
    assert_int_equal(ps_queue_pop(queue, &item, -1), PS_QUEUE_OK);
    ps_queue_close(queue);
    for (int i = 0; i < PUSHERS; i++) {
        ps_thread_join(&threads[i]);
        assert_int_equal(pushers[i].result, PS_QUEUE_CLOSED);
    }
    while (ps_queue_pop(queue, &item, -1) == PS_QUEUE_OK) {
    }
    ps_queue_free(queue);
}

struct popper {
    struct ps_queue *queue;
    size_t popped;
};

static void pop_all(void *argument)
{
    struct popper *popper = argument;
    void *item;
    while (ps_queue_pop(popper->queue, &item, -1) == PS_QUEUE_OK) {
        popper->popped++;
    }
}

static void test_queue_many_poppers_share_and_end_with_the_close(void **state)
{
    (void)state;
    struct ps_queue *queue = queue_of(7, 100, 100);
    struct popper poppers[3] = {{.queue = queue}, {.queue = queue}, {.queue = queue}};
    struct ps_thread threads[3] = {0};
    struct ps_error err;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ps_thread_start(&threads[i], "popper", pop_all, &poppers[i], &err), PS_OK);
    }
    for (int i = 0; i < 3000; i++) {
        assert_int_equal(ps_queue_push(queue, &marks[0], 1, 1, -1), PS_QUEUE_OK);
    }
    ps_queue_close(queue);
    size_t popped = 0;
    for (int i = 0; i < 3; i++) {
        ps_thread_join(&threads[i]);
        popped += poppers[i].popped;
    }
    assert_int_equal(popped, 3000);
    ps_queue_free(queue);
}

static enum ps_status make(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_queue *queue = NULL;
    enum ps_status status = ps_queue_new(4, 4, 4, &queue, err);
    ps_queue_free(queue);
    return status;
}

static void test_queue_without_memory_is_not_made(void **state)
{
    (void)state;
    torture(make, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queue_pops_in_the_order_of_pushes),
        cmocka_unit_test(test_queue_push_when_full_times_out),
        cmocka_unit_test(test_queue_item_above_the_bounds_passes_alone),
        cmocka_unit_test(test_queue_pop_when_empty_times_out),
        cmocka_unit_test(test_queue_closed_gives_what_is_left_then_closed),
        cmocka_unit_test(test_queue_rows_max_raised_lets_more_in),
        cmocka_unit_test(test_queue_many_pushers_keep_each_ones_order),
        cmocka_unit_test(test_queue_closed_wakes_pushers_that_wait),
        cmocka_unit_test(test_queue_many_poppers_share_and_end_with_the_close),
        cmocka_unit_test(test_queue_without_memory_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
