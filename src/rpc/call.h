/*
 * A call from its arrival to its release. The thread that polls owns it, lends it to the call's own
 * thread while a method runs, and releases it when the call is over for both sides. Not for: what
 * methods may do with a call (rpc/server.h).
 *
 *   arrived ─▶ receiving ─▶ (method on its thread │ built-in) ─▶ ended ─▶ released
 *        └──────────┴── refused ─────────────────────────────────▲
 */
#ifndef PS_RPC_CALL_H
#define PS_RPC_CALL_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>

#include "base/thread.h"
#include "rpc/core.h"
#include "rpc/send_queue.h"

/* What a call does; one table each for methods and the built-in services. Polling thread. */
struct call_conduct {
    /* A request has come (call->request). */
    void (*requested)(struct ps_rpc_call *call);
    /* What call_send_later was given has been sent (ok), or the client is gone. */
    void (*sent)(struct ps_rpc_call *call, bool ok);
    /* The client sends nothing more. NULL: an end before the first request is an error. */
    void (*half_closed)(struct ps_rpc_call *call);
    /* core->draining or core->closing has become true. NULL: nothing to do. */
    void (*server_changed)(struct ps_rpc_call *call);
};

struct ps_rpc_call {
    struct core *core;
    struct ps_rpc_call *next, *previous;
    const struct call_conduct *conduct;
    size_t method; /* its place among the options' methods */

    grpc_call *call;
    grpc_call_details details;
    grpc_metadata_array metadata;
    grpc_byte_buffer *incoming, *outgoing;
    int client_gone; /* the library's answer when the call has closed */

    struct completion_tag arrival, reception, transmission, end, closure;
    bool receiving, transmitting, open; /* those under way: polling thread */
    bool over;                          /* and the end has come to pass */
    /* Of the thread that serves it: the call's own once it is started, else the polling one. */
    bool ended;        /* the end was started */
    bool greeted;      /* initial metadata went out */
    uint64_t messages; /* sent: polling thread, then whoever knows that none is under way */

    uint8_t *request;
    size_t request_size;

    /* The built-in services' own. */
    bool watch_known;
    int watch_told;

    struct ps_thread thread, teller;
    struct ps_cancel cancel;
    struct ps_mutex lock;
    struct ps_condition changed;
    /* Under the lock: */
    struct send_queue queue; /* the completion of one sends the next */
    bool telling, canceled_by_server;
    void (*tell)(void *context);
    void *tell_context;

    /* How it ends; the side that ends it. */
    bool finished; /* the method said so */
    enum ps_rpc_code code;
    char text[PS_ERROR_MESSAGE_SIZE];
};

/* Asks the library for the next call. False: no memory. */
bool call_expect(struct core *core);
/* Frees one that never arrived. */
void call_forget(struct ps_rpc_call *call);
/* Waits for a (further) request. */
void call_receive(struct ps_rpc_call *call);
/* Sends without waiting; takes the message. One at a time. `more`: another follows at once, so that
 * the transport may wait for it and send both together. */
void call_send_later(struct ps_rpc_call *call, uint8_t *message, size_t size, bool more);
/* Ends the call: unless the client is gone, it sees this. Nothing may be sent afterwards. */
void call_end(struct ps_rpc_call *call, enum ps_rpc_code code, const char *text);
/* Sets the token and tells, on a thread of its own; once. */
void call_cancel(struct ps_rpc_call *call, bool by_server);
/* Tells all calls that core->draining or core->closing has changed. */
void call_server_changed(struct core *core);

/* For methods: what their conduct is (rpc/method.c). */
extern const struct call_conduct call_conduct_method;
/* For the services that every server has (rpc/builtin.c); NULL: it is none of them. */
const struct call_conduct *call_conduct_builtin(const grpc_slice *path);

#endif
