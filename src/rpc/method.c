/*
 * The calls of methods: a thread for each, and what a method may do with its call (rpc/server.h).
 * Not for: the library's side of a call (rpc/call.h).
 */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "rpc/call.h"

static const struct ps_rpc_method *method_of(const struct ps_rpc_call *call)
{
    return &call->core->options->methods[call->method];
}

/* What the client sees where the method did not say how its call ended. */
static void method_conclude(struct ps_rpc_call *call)
{
    if (call->finished) {
        return;
    }
    if (ps_cancel_is_set(&call->cancel)) {
        bool by_server = ps_rpc_call_is_stopped(call);
        ps_rpc_call_finish(call, by_server ? PS_RPC_UNAVAILABLE : PS_RPC_CANCELLED,
                           by_server ? "the server is shutting down" : "the call was canceled");
    } else if (!method_of(call)->streams && call->messages == 0) {
        ps_rpc_call_finish(call, PS_RPC_INTERNAL, "the method gave no answer");
    }
}

static void method_sent(struct ps_rpc_call *call, bool ok)
{
    bool more = false;
    ps_mutex_lock(&call->lock);
    struct send_message next = send_queue_sent(&call->queue, ok, &more);
    if (send_queue_has_room(&call->queue)) {
        ps_condition_broadcast(&call->changed);
    }
    ps_mutex_unlock(&call->lock);
    if (next.bytes != NULL) {
        call_send_later(call, next.bytes, next.size, more);
    }
}

/* Until all that was handed over has been sent, or cannot be. */
static void wait_until_sent(struct ps_rpc_call *call)
{
    ps_mutex_lock(&call->lock);
    while (call->queue.sending) {
        ps_condition_wait(&call->changed, &call->lock);
    }
    ps_mutex_unlock(&call->lock);
}

/* The call's own thread. */
static void method_run(void *context)
{
    struct ps_rpc_call *call = context;
    method_of(call)->handle(call->core->options->context, call);
    ps_rpc_call_on_cancel(call, NULL, NULL);
    wait_until_sent(call);
    method_conclude(call);
    /* Before the client learns that its call is over: it may then make the next one at once. */
    atomic_fetch_sub(&call->core->under_way[call->method], 1);
    call_end(call, call->code, call->text);
}

static void method_refuse(struct ps_rpc_call *call, const char *text)
{
    ps_log(PS_LOG_SEVERE, "%s: %s", method_of(call)->path, text);
    call_end(call, PS_RPC_RESOURCE_EXHAUSTED, text);
}

static void method_requested(struct ps_rpc_call *call)
{
    struct core *core = call->core;
    const struct ps_rpc_method *method = method_of(call);
    struct ps_error err = {0};
    atomic_uint *under_way = &core->under_way[call->method];
    if (method->calls_max != 0 && atomic_load(under_way) >= method->calls_max) {
        (void)ps_fail(&err, PS_RETRY, PS_CLASS_THROTTLE,
                      "as many calls of %s are under way as may be at once (%u); try again later",
                      method->path, method->calls_max);
        method_refuse(call, err.message);
        return;
    }
    if (core->threads_count >= CORE_THREADS_MAX) {
        method_refuse(call, "the server has too many calls under way; try again later");
        return;
    }
    atomic_fetch_add(under_way, 1);
    if (ps_thread_start(&call->thread, "penstock-call", method_run, call, &err) != PS_OK) {
        atomic_fetch_sub(under_way, 1);
        method_refuse(call, err.message);
        return;
    }
    core->threads_count++;
}

/* Of a call whose request has not come. */
static void method_server_changed(struct ps_rpc_call *call)
{
    call_end(call, PS_RPC_UNAVAILABLE, "the server is shutting down");
}

const struct call_conduct call_conduct_method = {
    .requested = method_requested,
    .sent = method_sent,
    .server_changed = method_server_changed,
};

const uint8_t *ps_rpc_call_request(const struct ps_rpc_call *call, size_t *ret_size)
{
    *ret_size = call->request_size;
    return call->request;
}

struct ps_cancel *ps_rpc_call_cancel(struct ps_rpc_call *call)
{
    return &call->cancel;
}

void ps_rpc_call_on_cancel(struct ps_rpc_call *call, void (*tell)(void *context), void *context)
{
    ps_mutex_lock(&call->lock);
    while (call->telling) {
        ps_condition_wait(&call->changed, &call->lock);
    }
    call->tell = tell;
    call->tell_context = context;
    bool at_once = tell != NULL && ps_cancel_is_set(&call->cancel);
    ps_mutex_unlock(&call->lock);
    if (at_once) {
        tell(context);
    }
}

static void teller_run(void *context)
{
    struct ps_rpc_call *call = context;
    call->tell(call->tell_context); /* Nobody changes them while `telling`. */
    ps_mutex_lock(&call->lock);
    call->telling = false;
    ps_condition_broadcast(&call->changed);
    ps_mutex_unlock(&call->lock);
}

void call_cancel(struct ps_rpc_call *call, bool by_server)
{
    ps_mutex_lock(&call->lock);
    bool first = !ps_cancel_is_set(&call->cancel);
    if (first) {
        call->canceled_by_server = by_server;
        ps_cancel_set(&call->cancel, 0);
        call->telling = call->tell != NULL;
    }
    bool telling = first && call->telling;
    ps_mutex_unlock(&call->lock);
    /* What is told may take its time (a database is asked to stop), and the other calls must not
     * wait for it. */
    struct ps_error err = {0};
    if (telling &&
        ps_thread_start(&call->teller, "penstock-cancel", teller_run, call, &err) != PS_OK) {
        teller_run(call);
    }
}

bool ps_rpc_call_is_stopped(struct ps_rpc_call *call)
{
    ps_mutex_lock(&call->lock);
    bool by_server = call->canceled_by_server;
    ps_mutex_unlock(&call->lock);
    return by_server;
}

static enum ps_status fail_gone(struct ps_rpc_call *call, struct ps_error *err)
{
    return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "cannot send to the client: %s",
                   ps_rpc_call_is_stopped(call) ? "the server is shutting down"
                                                : "it canceled the call, or is gone");
}

enum ps_status ps_rpc_call_send(struct ps_rpc_call *call, uint8_t *message, size_t size,
                                struct ps_error *err)
{
    if (size > MESSAGE_SIZE_MAX) {
        ps_free(message);
        return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                       "a message of %zu bytes cannot be sent: the protocol takes %zu at most",
                       size, MESSAGE_SIZE_MAX);
    }
    if (!method_of(call)->streams && call->greeted) {
        ps_free(message);
        return ps_fail(err, PS_BUG, PS_CLASS_NONE, "a second answer to a call of %s",
                       method_of(call)->path);
    }
    if (ps_cancel_is_set(&call->cancel) && !ps_rpc_call_is_stopped(call)) {
        ps_free(message);
        return fail_gone(call, err);
    }
    ps_mutex_lock(&call->lock);
    while (send_queue_full(&call->queue, size)) {
        ps_condition_wait(&call->changed, &call->lock);
    }
    enum send_turn turn = send_queue_push(&call->queue, (struct send_message){message, size});
    ps_mutex_unlock(&call->lock);
    if (turn == SEND_TURN_NEVER) {
        ps_free(message);
        return fail_gone(call, err);
    }
    if (turn == SEND_TURN_NOW) {
        call_send_later(call, message, size, false);
    }
    return PS_OK;
}

void ps_rpc_call_finish(struct ps_rpc_call *call, enum ps_rpc_code code, const char *message)
{
    call->finished = true;
    call->code = code;
    struct ps_error text = {0};
    /* For the cut at a character, and for one line. */
    (void)ps_fail(&text, PS_OK, PS_CLASS_NONE, "%s", message == NULL ? "" : message);
    static_assert(sizeof(call->text) == sizeof(text.message), "one is copied to the other");
    memcpy(call->text, text.message, sizeof(call->text));
}
