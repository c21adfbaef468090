/*
 * Starts operations and hands completions to their tags (rpc/completion.h).
 */
#include "rpc/completion.h"

#include <assert.h>
#include <grpc/support/time.h>

void completion_tag_init(struct completion_tag *tag, void (*done)(void *context, bool ok),
                         void *context)
{
    tag->done = done;
    tag->context = context;
    atomic_init(&tag->armed, false);
}

void completion_tag_arm(struct completion_tag *tag)
{
    bool armed = atomic_exchange_explicit(&tag->armed, true, memory_order_acq_rel);
    assert(!armed);
}

void completion_start(grpc_call *call, const grpc_op *ops, size_t count, struct completion_tag *tag)
{
    completion_tag_arm(tag);
    grpc_call_error error = grpc_call_start_batch(call, ops, count, tag, NULL);
    assert(error == GRPC_CALL_OK); /* It refuses wrong use alone. */
}

bool completion_poll(grpc_completion_queue *queue, int64_t wait_ms)
{
    gpr_timespec deadline =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(wait_ms, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_next(queue, deadline, NULL);
    if (event.type == GRPC_QUEUE_SHUTDOWN) {
        return false;
    }
    if (event.type == GRPC_OP_COMPLETE) {
        struct completion_tag *tag = event.tag;
        bool armed = atomic_exchange_explicit(&tag->armed, false, memory_order_acq_rel);
        assert(armed);
        tag->done(tag->context, event.success != 0);
    }
    return true;
}
