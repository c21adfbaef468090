/*
 * The bounded queue between threads (base/queue.h): a ring of items and a line of pushes that wait
 * for room. The line is served in order, so that a large item is not overtaken for ever by small
 * ones.
 */
#include "base/queue.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/thread.h"

struct item {
    void *pointer;
    size_t rows, bytes;
};

/* A push that waits; lies on its thread's stack, in the line while it waits. */
struct waiter {
    struct ps_condition turn; /* signalled when it is the first and there may be room */
    struct waiter *previous, *next;
};

/* `lock` guards everything that changes. */
struct ps_queue {
    struct ps_mutex lock;
    struct ps_condition not_empty;
    struct waiter *first, *last;
    struct item *items; /* a ring of items_max; never changes */
    size_t items_max;   /* never changes */
    size_t head;        /* the oldest item */
    size_t rows_max;
    size_t bytes_max; /* never changes */
    struct ps_queue_stats stats;
    bool closed;
};

enum ps_status ps_queue_new(size_t items_max, size_t rows_max, size_t bytes_max,
                            struct ps_queue **ret_queue, struct ps_error *err)
{
    assert(items_max > 0);
    struct ps_queue *queue = ps_calloc(1, sizeof(*queue));
    struct item *items = ps_malloc_array(items_max, sizeof(*items));
    if (queue == NULL || items == NULL) {
        ps_free(queue);
        ps_free(items);
        return ps_fail_nomem(err, "making a queue");
    }
    queue->items = items;
    queue->items_max = items_max;
    queue->rows_max = rows_max;
    queue->bytes_max = bytes_max;
    ps_mutex_init(&queue->lock);
    ps_condition_init(&queue->not_empty);
    *ret_queue = queue;
    return PS_OK;
}

void ps_queue_free(struct ps_queue *queue)
{
    if (queue == NULL) {
        return;
    }
    assert(queue->first == NULL);
    ps_condition_done(&queue->not_empty);
    ps_mutex_done(&queue->lock);
    ps_free(queue->items);
    ps_free(queue);
}

static bool fits(const struct ps_queue *queue, size_t rows, size_t bytes)
{
    const struct ps_queue_stats *now = &queue->stats;
    if (now->items == 0) {
        return true;
    }
    return now->items < queue->items_max && now->rows <= queue->rows_max &&
           rows <= queue->rows_max - now->rows && now->bytes <= queue->bytes_max &&
           bytes <= queue->bytes_max - now->bytes;
}

static void wake_first(struct ps_queue *queue)
{
    if (queue->first != NULL) {
        ps_condition_signal(&queue->first->turn);
    }
}

/* When a wait that lasts `timeout_ns` ends; INT64_MAX: never. */
static int64_t deadline_of(int64_t now_ns, int64_t timeout_ns)
{
    int64_t deadline;
    if (timeout_ns < 0 || __builtin_add_overflow(now_ns, timeout_ns, &deadline)) {
        return INT64_MAX;
    }
    return deadline;
}

/* False: the deadline has passed. */
static bool wait_for(struct ps_queue *queue, struct ps_condition *condition, int64_t deadline_ns)
{
    if (deadline_ns == INT64_MAX) {
        ps_condition_wait(condition, &queue->lock);
        return true;
    }
    return ps_condition_wait_until(condition, &queue->lock, deadline_ns);
}

/* Stands in line until it is our turn and there is room. */
static enum ps_queue_result wait_for_room(struct ps_queue *queue, size_t rows, size_t bytes,
                                          int64_t timeout_ns)
{
    struct waiter waiter = {.previous = queue->last};
    int64_t start = ps_monotonic_ns(), deadline = deadline_of(start, timeout_ns);
    ps_condition_init(&waiter.turn);
    if (queue->last != NULL) {
        queue->last->next = &waiter;
    } else {
        queue->first = &waiter;
    }
    queue->last = &waiter;

    enum ps_queue_result result = PS_QUEUE_OK;
    bool in_time = true;
    while (!queue->closed && (queue->first != &waiter || !fits(queue, rows, bytes))) {
        if (!in_time) {
            result = PS_QUEUE_TIMEOUT;
            break;
        }
        in_time = wait_for(queue, &waiter.turn, deadline);
    }
    if (queue->closed) {
        result = PS_QUEUE_CLOSED;
    }

    if (waiter.previous != NULL) {
        waiter.previous->next = waiter.next;
    } else {
        queue->first = waiter.next;
    }
    if (waiter.next != NULL) {
        waiter.next->previous = waiter.previous;
    } else {
        queue->last = waiter.previous;
    }
    ps_condition_done(&waiter.turn);
    queue->stats.push_waited_ns += ps_monotonic_ns() - start;
    return result;
}

enum ps_queue_result ps_queue_push(struct ps_queue *queue, void *item, size_t rows, size_t bytes,
                                   int64_t timeout_ns)
{
    enum ps_queue_result result = PS_QUEUE_OK;
    ps_mutex_lock(&queue->lock);
    if (queue->closed) {
        result = PS_QUEUE_CLOSED;
    } else if (queue->first != NULL || !fits(queue, rows, bytes)) {
        result = wait_for_room(queue, rows, bytes, timeout_ns);
    }
    if (result == PS_QUEUE_OK) {
        struct ps_queue_stats *now = &queue->stats;
        queue->items[(queue->head + now->items) % queue->items_max] =
            (struct item){.pointer = item, .rows = rows, .bytes = bytes};
        now->items++;
        now->rows += rows;
        now->bytes += bytes;
        if (now->bytes > now->bytes_peak) {
            now->bytes_peak = now->bytes;
        }
        ps_condition_signal(&queue->not_empty);
    }
    /* There may be room for the next in line too, also where we gave up our place. */
    wake_first(queue);
    ps_mutex_unlock(&queue->lock);
    return result;
}

enum ps_queue_result ps_queue_pop(struct ps_queue *queue, void **ret_item, int64_t timeout_ns)
{
    enum ps_queue_result result = PS_QUEUE_OK;
    ps_mutex_lock(&queue->lock);
    struct ps_queue_stats *now = &queue->stats;
    if (now->items == 0 && !queue->closed) {
        int64_t start = ps_monotonic_ns(), deadline = deadline_of(start, timeout_ns);
        bool in_time = true;
        while (now->items == 0 && !queue->closed && in_time) {
            in_time = wait_for(queue, &queue->not_empty, deadline);
        }
        now->pop_waited_ns += ps_monotonic_ns() - start;
    }
    if (now->items > 0) {
        struct item item = queue->items[queue->head];
        queue->head = (queue->head + 1) % queue->items_max;
        now->items--;
        now->rows -= item.rows;
        now->bytes -= item.bytes;
        *ret_item = item.pointer;
        wake_first(queue);
    } else {
        result = queue->closed ? PS_QUEUE_CLOSED : PS_QUEUE_TIMEOUT;
    }
    ps_mutex_unlock(&queue->lock);
    return result;
}

void ps_queue_close(struct ps_queue *queue)
{
    ps_mutex_lock(&queue->lock);
    queue->closed = true;
    ps_condition_broadcast(&queue->not_empty);
    for (struct waiter *waiter = queue->first; waiter != NULL; waiter = waiter->next) {
        ps_condition_signal(&waiter->turn);
    }
    ps_mutex_unlock(&queue->lock);
}

void ps_queue_set_rows_max(struct ps_queue *queue, size_t rows_max)
{
    ps_mutex_lock(&queue->lock);
    queue->rows_max = rows_max;
    wake_first(queue);
    ps_mutex_unlock(&queue->lock);
}

void ps_queue_stats(struct ps_queue *queue, struct ps_queue_stats *ret_stats)
{
    ps_mutex_lock(&queue->lock);
    *ret_stats = queue->stats;
    ps_mutex_unlock(&queue->lock);
}
