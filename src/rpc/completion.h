/*
 * What gRPC's completion queue hands back: a tag knows whom to tell. Not for: what is done about it
 * (rpc/call.h, rpc/core.h).
 *
 * Whatever a tag leads to is published when it is armed and acquired when it comes back, so that
 * the memory model, and ThreadSanitizer, see the hand-over without looking into the library.
 */
#ifndef PS_RPC_COMPLETION_H
#define PS_RPC_COMPLETION_H

#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct completion_tag {
    /* Runs on the thread that polls. ok: what was started has been done. */
    void (*done)(void *context, bool ok);
    void *context;
    atomic_bool armed;
};

void completion_tag_init(struct completion_tag *tag, void (*done)(void *context, bool ok),
                         void *context);
/* Just before the library gets the tag; a tag is under way once at a time. */
void completion_tag_arm(struct completion_tag *tag);
/* Starts operations of a call and arms the tag. */
void completion_start(grpc_call *call, const grpc_op *ops, size_t count,
                      struct completion_tag *tag);
/* Waits so long at most for one completion and tells its tag; false: the queue is shut down. */
bool completion_poll(grpc_completion_queue *queue, int64_t wait_ms);

#endif
