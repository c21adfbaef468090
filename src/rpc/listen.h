/*
 * The server's ports: opens them, accepts connections on a thread of its own and hands them to the
 * library. Not for: what comes on a connection (rpc/inbound.h).
 */
#ifndef PS_RPC_LISTEN_H
#define PS_RPC_LISTEN_H

#include <grpc/grpc.h>
#include <stdint.h>

#include "base/thread.h"
#include "penstock/error.h"

#define LISTENER_ADDRESSES_MAX 8
/* Of descriptors, connections and all else; the process is let have so many, where it may. */
#define LISTENER_DESCRIPTORS_MAX 4096

struct listener {
    int handles[LISTENER_ADDRESSES_MAX];
    size_t count;
    uint16_t port;
    int wake; /* ends the thread */
    struct ps_thread thread;
    /* The thread's: */
    grpc_server *server;
    int patience_ms;
    int64_t said_ns; /* when it last said that it takes no connections; 0: never */
};

void listener_init(struct listener *listener);
/* Listens on all addresses of both families (`host` NULL) or on one host's. CONFIG: the port is
 * taken, or not allowed. listener_close is due in any case. */
enum ps_status listener_open(struct listener *listener, const char *host, uint16_t port,
                             struct ps_error *err) PS_MUST_CHECK;
/* Connections are accepted from now on. The server has been started, and outlives listener_close.
 */
enum ps_status listener_start(struct listener *listener, grpc_server *server, int patience_ms,
                              struct ps_error *err) PS_MUST_CHECK;
void listener_close(struct listener *listener);

#endif
