/*
 * The messages of a call that wait behind the one that is being sent, so that making and sending
 * them overlap; bounded in number and in bytes. Not for: waiting, and the lock (rpc/method.c).
 */
#ifndef PS_RPC_SEND_QUEUE_H
#define PS_RPC_SEND_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEND_QUEUE_MAX 32u
#define SEND_QUEUE_BYTES ((size_t)1 << 20)

struct send_message {
    uint8_t *bytes; /* of ps_malloc; NULL: no message */
    size_t size;
};

/* {0} is an empty one. Its owner's lock guards it. */
struct send_queue {
    struct send_message ring[SEND_QUEUE_MAX];
    size_t first, count, bytes; /* of those that wait */
    bool sending;               /* one is; while none is, none waits */
    bool broken;                /* one could not be sent, nor will any other */
};

enum send_turn {
    SEND_TURN_NOW,   /* the caller sends it; the queue counts it as being sent */
    SEND_TURN_LATER, /* the queue has taken it */
    SEND_TURN_NEVER, /* broken: it stays the caller's */
};

/* Whether a message of that size must wait for room. One alone may have any size. */
bool send_queue_full(const struct send_queue *queue, size_t size);
/* Only where it is not full. */
enum send_turn send_queue_push(struct send_queue *queue, struct send_message message);
/*
 * The one that was being sent has been (ok), or cannot be: then those that wait are freed. Gives
 * the next one to send, or none; `ret_more`: others wait behind that one.
 */
struct send_message send_queue_sent(struct send_queue *queue, bool ok, bool *ret_more);
/* Whether who waits for room is to be woken: not at each message, so that a sender that is woken
 * finds room for several. */
bool send_queue_has_room(const struct send_queue *queue);

#endif
