/*
 * A gRPC server on C-core: listens, takes calls, hands each to a method on a thread of its own,
 * and sends what the method gives it. It knows no service but reflection and health, which it
 * serves by itself. Not for: what the Partner SDK's calls mean (rpc/service.h).
 *
 * Threads: one polls the completion queue; each call under way has one. A method is called on its
 * call's thread and owns the call until it returns.
 */
#ifndef PS_RPC_SERVER_H
#define PS_RPC_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "penstock/error.h"

/* gRPC's status codes, with its numbers. */
enum ps_rpc_code {
    PS_RPC_OK = 0,
    PS_RPC_CANCELLED = 1,
    PS_RPC_UNKNOWN = 2,
    PS_RPC_INVALID_ARGUMENT = 3,
    PS_RPC_NOT_FOUND = 5,
    PS_RPC_PERMISSION_DENIED = 7,
    PS_RPC_RESOURCE_EXHAUSTED = 8,
    PS_RPC_FAILED_PRECONDITION = 9,
    PS_RPC_UNIMPLEMENTED = 12,
    PS_RPC_INTERNAL = 13,
    PS_RPC_UNAVAILABLE = 14,
};

struct ps_rpc_call;

/* The request's bytes; live as long as the call. */
const uint8_t *ps_rpc_call_request(const struct ps_rpc_call *call, size_t *ret_size);
/* Set when the client cancels or dies, or the server must end the call now: then what remains to be
 * said can still be sent, for a few seconds. */
struct ps_cancel *ps_rpc_call_cancel(struct ps_rpc_call *call);
/* True where the token was set by the server, not by the client. */
bool ps_rpc_call_is_stopped(struct ps_rpc_call *call);
/* Runs on another thread when that happens (at once, if it has), until it is taken off by NULL. */
void ps_rpc_call_on_cancel(struct ps_rpc_call *call, void (*tell)(void *context), void *context);
/*
 * Sends one message, which it takes (memory of ps_malloc), also when it fails. Waits while as many
 * as may wait do already, which is the back-pressure; the call's end comes after all of them. A
 * unary method sends exactly one. CANCELED: the client is gone or cut off, so that this one or an
 * earlier one is not sent. DATA: larger than 128 MiB.
 */
enum ps_status ps_rpc_call_send(struct ps_rpc_call *call, uint8_t *message, size_t size,
                                struct ps_error *err) PS_MUST_CHECK;
/* The call's end as the client sees it; without it: PS_RPC_OK. The text is copied. */
void ps_rpc_call_finish(struct ps_rpc_call *call, enum ps_rpc_code code, const char *message);

struct ps_rpc_method {
    const char *path;   /* "/fivetran_sdk.v2.SourceConnector/Update" */
    bool streams;       /* its answer is a stream */
    uint32_t calls_max; /* under way at once; more get RESOURCE_EXHAUSTED; 0: as many as come */
    void (*handle)(void *context, struct ps_rpc_call *call);
};

struct ps_rpc_options {
    const char *host;                    /* NULL: all addresses of both families */
    uint16_t port;                       /* 0: a free one */
    bool gzip;                           /* compress answers */
    const struct ps_rpc_method *methods; /* ends with a path of NULL */
    void *context;                       /* handed to each */
    /* Told once it listens, with the port in use; before the first call. */
    void (*listening)(void *context, uint16_t port);
    int64_t drain_ms; /* after `stop`, calls under way may take so long; then they are to stop */
};

/*
 * Serves until `stop` is set, then takes no new calls and drains. CONFIG (setting): the port is
 * taken or may not be used.
 */
enum ps_status ps_rpc_serve(const struct ps_rpc_options *options, struct ps_cancel *stop,
                            struct ps_error *err) PS_MUST_CHECK;

#endif
