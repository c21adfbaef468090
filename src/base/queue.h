/*
 * The bounded queue between workers and the writer: many push, one or more pop, in order. Bounded
 * in rows and in bytes; an item above either bound passes alone when the queue is empty.
 */
#ifndef PS_BASE_QUEUE_H
#define PS_BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "penstock/error.h"

struct ps_queue;

enum ps_queue_result {
    PS_QUEUE_OK,
    PS_QUEUE_CLOSED, /* push: takes no more. pop: closed, and empty */
    PS_QUEUE_TIMEOUT,
};

/* items_max bounds the number of items (those of no rows and no bytes too). */
enum ps_status ps_queue_new(size_t items_max, size_t rows_max, size_t bytes_max,
                            struct ps_queue **ret_queue, struct ps_error *err) PS_MUST_CHECK;
/* Must be empty of items that anybody has to free. NULL is fine. */
void ps_queue_free(struct ps_queue *queue);

/* Waits for room. The queue takes the item only with PS_QUEUE_OK. timeout_ns < 0: for ever. */
enum ps_queue_result ps_queue_push(struct ps_queue *queue, void *item, size_t rows, size_t bytes,
                                   int64_t timeout_ns);
/* Waits for an item. After a close, what is still in it comes out first. */
enum ps_queue_result ps_queue_pop(struct ps_queue *queue, void **ret_item, int64_t timeout_ns);
/* Wakes everybody; pushes fail from now on. */
void ps_queue_close(struct ps_queue *queue);
/* Changes the bound in rows; waiting pushes see it. */
void ps_queue_set_rows_max(struct ps_queue *queue, size_t rows_max);

struct ps_queue_stats {
    size_t items, rows, bytes; /* now */
    size_t bytes_peak;
    int64_t push_waited_ns, pop_waited_ns; /* all threads together */
};
void ps_queue_stats(struct ps_queue *queue, struct ps_queue_stats *ret_stats);

#endif
