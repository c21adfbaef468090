/*
 * How far a sync is, told in the log at least once a minute whatever the sync's own thread waits
 * for: the source's answers to the plan, or a client that does not read. A thread of its own tells.
 */
#ifndef PS_RPC_PROGRESS_H
#define PS_RPC_PROGRESS_H

#include <stdatomic.h>

#include "base/thread.h"
#include "engine/engine.h"

struct rpc_progress {
    struct ps_thread thread;
    int64_t every_ns, began_ns;
    _Atomic int64_t sending_ns; /* since when a message waits for the client; 0: none does */
    struct ps_mutex lock;
    struct ps_condition changed;
    /* Under the lock: */
    bool ending;
    bool planned;
    struct ps_progress last; /* without its table */
    int64_t last_ns;         /* when it was noted */
};

enum ps_status rpc_progress_start(struct rpc_progress *progress,
                                  struct ps_error *err) PS_MUST_CHECK;
/* Nothing is told afterwards. One that is {0} or could not be started is fine. */
void rpc_progress_end(struct rpc_progress *progress);

/* What is told from now on. By the sync's thread. */
void rpc_progress_planned(struct rpc_progress *progress, const struct ps_plan *plan);
void rpc_progress_note(struct rpc_progress *progress, const struct ps_progress *now);
/* Around each message that is sent. */
void rpc_progress_sending(struct rpc_progress *progress, bool sending);

#endif
