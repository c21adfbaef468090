/*
 * What the files of the server share: the server itself. Only the thread that polls touches it,
 * but for `under_way`. Not for: users of the server (rpc/server.h).
 */
#ifndef PS_RPC_CORE_H
#define PS_RPC_CORE_H

#include <grpc/grpc.h>
#include <stdatomic.h>

#include "rpc/catalog.h"
#include "rpc/completion.h"
#include "rpc/listen.h"
#include "rpc/message.h"
#include "rpc/server.h"

/* So long after a call's end free memory goes back to the system: once the library has freed its
 * own part too, and once for many calls that end together. */
#define CORE_TRIM_NS INT64_C(100000000)

/* Calls under way, each on its thread; and all that have arrived, those that stay silent too. */
#define CORE_THREADS_MAX 256u
#define CORE_CALLS_MAX 1024u

struct core {
    const struct ps_rpc_options *options;
    struct catalog catalog;
    grpc_completion_queue *queue;
    grpc_server *server;
    struct listener listener;
    struct ps_rpc_call *waiting; /* filled by the next arrival; NULL: none is asked for */
    struct ps_rpc_call *calls;   /* all that have arrived and are not released */
    unsigned calls_count;
    unsigned threads_count;
    bool draining;   /* new calls are refused */
    bool closing;    /* and none is asked for any more */
    bool closed;     /* the library's server has shut down */
    int64_t trim_ns; /* when memory goes back to the system; 0: nothing has been freed */
    struct completion_tag shut;
    /* One for each of the options' methods. A call's own thread counts itself out. */
    atomic_uint *under_way;
};

#endif
