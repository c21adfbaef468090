/*
 * A ring of messages (rpc/send_queue.h).
 */
#include "rpc/send_queue.h"

#include <assert.h>

#include "base/alloc.h"

static struct send_message take(struct send_queue *queue)
{
    struct send_message message = queue->ring[queue->first];
    queue->first = (queue->first + 1) % SEND_QUEUE_MAX;
    queue->count--;
    queue->bytes -= message.size;
    return message;
}

bool send_queue_full(const struct send_queue *queue, size_t size)
{
    return !queue->broken && (queue->count == SEND_QUEUE_MAX ||
                              (queue->count > 0 && queue->bytes + size > SEND_QUEUE_BYTES));
}

enum send_turn send_queue_push(struct send_queue *queue, struct send_message message)
{
    if (queue->broken) {
        return SEND_TURN_NEVER;
    }
    if (!queue->sending) {
        queue->sending = true;
        return SEND_TURN_NOW;
    }
    assert(queue->count < SEND_QUEUE_MAX);
    queue->ring[(queue->first + queue->count++) % SEND_QUEUE_MAX] = message;
    queue->bytes += message.size;
    return SEND_TURN_LATER;
}

struct send_message send_queue_sent(struct send_queue *queue, bool ok, bool *ret_more)
{
    struct send_message next = {NULL, 0};
    assert(queue->sending);
    queue->broken = queue->broken || !ok;
    while (queue->broken && queue->count > 0) {
        ps_free(take(queue).bytes);
    }
    queue->sending = queue->count > 0;
    if (queue->sending) {
        next = take(queue);
    }
    *ret_more = queue->count > 0;
    return next;
}

bool send_queue_has_room(const struct send_queue *queue)
{
    return !queue->sending ||
           (queue->count <= SEND_QUEUE_MAX / 2 && queue->bytes <= SEND_QUEUE_BYTES / 2);
}
