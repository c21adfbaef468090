/*
 * The life of a call on the thread that polls (rpc/call.h): arrival, requests, sending, end,
 * release.
 */
#include "rpc/call.h"

#include <assert.h>
#include <grpc/slice.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "rpc/message.h"

#define PATH_SHOWN_MAX 200

static void call_arrived(void *context, bool ok);
static void call_received(void *context, bool ok);
static void call_transmitted(void *context, bool ok);
static void call_is_over(void *context, bool ok);
static void call_closed(void *context, bool ok);

static struct ps_rpc_call *call_new(struct core *core)
{
    struct ps_rpc_call *call = ps_calloc(1, sizeof(*call));
    if (call == NULL) {
        return NULL;
    }
    call->core = core;
    completion_tag_init(&call->arrival, call_arrived, call);
    completion_tag_init(&call->reception, call_received, call);
    completion_tag_init(&call->transmission, call_transmitted, call);
    completion_tag_init(&call->end, call_is_over, call);
    completion_tag_init(&call->closure, call_closed, call);
    grpc_call_details_init(&call->details);
    grpc_metadata_array_init(&call->metadata);
    ps_cancel_init(&call->cancel);
    ps_mutex_init(&call->lock);
    ps_condition_init(&call->changed);
    return call;
}

void call_forget(struct ps_rpc_call *call)
{
    grpc_call_details_destroy(&call->details);
    grpc_metadata_array_destroy(&call->metadata);
    ps_condition_done(&call->changed);
    ps_mutex_done(&call->lock);
    ps_free(call->request);
    ps_free(call);
}

bool call_expect(struct core *core)
{
    assert(core->waiting == NULL);
    struct ps_rpc_call *call = call_new(core);
    if (call == NULL) {
        return false;
    }
    completion_tag_arm(&call->arrival);
    grpc_call_error error =
        grpc_server_request_call(core->server, &call->call, &call->details, &call->metadata,
                                 core->queue, core->queue, &call->arrival);
    assert(error == GRPC_CALL_OK);
    core->waiting = call;
    return true;
}

/* Once nothing of it is under way, on no thread. */
static void call_release_if_over(struct ps_rpc_call *call)
{
    if (!call->over || call->receiving || call->transmitting || call->open) {
        return;
    }
    struct core *core = call->core;
    if (call->thread.started) {
        ps_thread_join(&call->thread); /* It has started the end, its last act. */
        core->threads_count--;
        core->trim_ns = core->trim_ns != 0 ? core->trim_ns : ps_monotonic_ns() + CORE_TRIM_NS;
    }
    ps_thread_join(&call->teller);
    if (call->previous != NULL) {
        call->previous->next = call->next;
    } else {
        core->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->previous = call->previous;
    }
    core->calls_count--;
    grpc_call_unref(call->call);
    call_forget(call);
}

/* Which of the options' methods it is; SIZE_MAX: none. */
static size_t method_find(const struct core *core, const grpc_slice *path)
{
    const struct ps_rpc_method *methods = core->options->methods;
    for (size_t i = 0; methods[i].path != NULL; i++) {
        if (grpc_slice_str_cmp(*path, methods[i].path) == 0) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void call_refuse_unknown(struct ps_rpc_call *call)
{
    struct ps_error text;
    size_t size = GRPC_SLICE_LENGTH(call->details.method);
    (void)ps_fail(&text, PS_CONFIG, PS_CLASS_NONE, "there is no method %.*s",
                  (int)(size < PATH_SHOWN_MAX ? size : PATH_SHOWN_MAX),
                  (const char *)GRPC_SLICE_START_PTR(call->details.method));
    call_end(call, PS_RPC_UNIMPLEMENTED, text.message);
}

/* Watches for its end, and decides who serves it. */
static void call_begin(struct ps_rpc_call *call)
{
    struct core *core = call->core;
    call->next = core->calls;
    if (core->calls != NULL) {
        core->calls->previous = call;
    }
    core->calls = call;
    core->calls_count++;

    grpc_op closing = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    closing.data.recv_close_on_server.cancelled = &call->client_gone;
    call->open = true;
    completion_start(call->call, &closing, 1, &call->closure);

    call->conduct = call_conduct_builtin(&call->details.method);
    if (call->conduct == NULL) {
        call->method = method_find(core, &call->details.method);
        if (call->method == SIZE_MAX) {
            call_refuse_unknown(call);
            return;
        }
        call->conduct = &call_conduct_method;
    }
    if (core->calls_count > CORE_CALLS_MAX) {
        call_end(call, PS_RPC_RESOURCE_EXHAUSTED, "the server has too many calls; try again later");
        return;
    }
    call_receive(call);
    if (!call->ended && core->draining && call->conduct->server_changed != NULL) {
        call->conduct->server_changed(call);
    }
}

static void call_arrived(void *context, bool ok)
{
    struct ps_rpc_call *call = context;
    struct core *core = call->core;
    core->waiting = NULL;
    if (!ok) { /* The server has shut down. */
        call_forget(call);
        return;
    }
    if (!core->closing && !call_expect(core)) {
        /* The loop of the server asks again. */
        ps_log(PS_LOG_WARNING, "memory ran out while waiting for calls");
    }
    call_begin(call);
}

void call_receive(struct ps_rpc_call *call)
{
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE};
    receive.data.recv_message.recv_message = &call->incoming;
    call->receiving = true;
    completion_start(call->call, &receive, 1, &call->reception);
}

/* Takes the incoming message as the call's request. */
static enum ps_status call_take_request(struct ps_rpc_call *call, struct ps_error *err)
{
    uint8_t *message = NULL;
    size_t size = 0;
    enum ps_status status = message_read(call->incoming, MESSAGE_SIZE_MAX, &message, &size, err);
    if (status == PS_OK) {
        ps_free(call->request);
        call->request = message;
        call->request_size = size;
    }
    return status;
}

static void call_received(void *context, bool ok)
{
    struct ps_rpc_call *call = context;
    call->receiving = false;
    bool came = call->incoming != NULL;
    struct ps_error err = {0};
    enum ps_status status = PS_OK;
    if (came) {
        status = call->ended ? PS_OK : call_take_request(call, &err);
        grpc_byte_buffer_destroy(call->incoming);
        call->incoming = NULL;
    }
    if (call->ended) {
        /* Refused while it was on its way. */
    } else if (status != PS_OK) {
        call_end(call, status == PS_DATA ? PS_RPC_INVALID_ARGUMENT : PS_RPC_RESOURCE_EXHAUSTED,
                 err.message);
    } else if (came) {
        call->conduct->requested(call);
    } else if (ok && call->conduct->half_closed != NULL) {
        call->conduct->half_closed(call);
    } else {
        call_end(call, PS_RPC_INVALID_ARGUMENT, "the call brought no request");
    }
    call_release_if_over(call);
}

void call_send_later(struct ps_rpc_call *call, uint8_t *message, size_t size, bool more)
{
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_SEND_MESSAGE}};
    grpc_slice slice = grpc_slice_new_with_user_data(message, size, ps_free, message);
    call->outgoing = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    ops[1].data.send_message.send_message = call->outgoing;
    ops[1].flags = more ? GRPC_WRITE_BUFFER_HINT : 0;
    size_t first = call->greeted ? 1 : 0;
    call->greeted = true;
    call->transmitting = true;
    completion_start(call->call, ops + first, 2 - first, &call->transmission);
}

static void call_transmitted(void *context, bool ok)
{
    struct ps_rpc_call *call = context;
    call->transmitting = false;
    grpc_byte_buffer_destroy(call->outgoing);
    call->outgoing = NULL;
    if (ok) {
        call->messages++;
    }
    call->conduct->sent(call, ok);
    call_release_if_over(call);
}

void call_end(struct ps_rpc_call *call, enum ps_rpc_code code, const char *text)
{
    assert(!call->ended);
    call->ended = true;
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                      {.op = GRPC_OP_SEND_STATUS_FROM_SERVER}};
    grpc_slice details = grpc_slice_from_copied_string(text);
    ops[1].data.send_status_from_server.status = (grpc_status_code)code;
    ops[1].data.send_status_from_server.status_details = &details;
    size_t first = call->greeted ? 1 : 0;
    call->greeted = true;
    completion_start(call->call, ops + first, 2 - first, &call->end);
    grpc_slice_unref(details);
}

static void call_is_over(void *context, bool ok)
{
    struct ps_rpc_call *call = context;
    (void)ok; /* A client that is gone does not read how its call ended. */
    call->over = true;
    call_release_if_over(call);
}

static void call_closed(void *context, bool ok)
{
    struct ps_rpc_call *call = context;
    (void)ok;
    call->open = false;
    if (call->client_gone != 0) {
        call_cancel(call, false);
        /* A built-in that waits for nothing else ends here; the others are told by what they wait
         * for. */
        if (!call->thread.started && !call->ended && !call->receiving && !call->transmitting) {
            call_end(call, PS_RPC_CANCELLED, "the client is gone");
        }
    }
    call_release_if_over(call);
}

void call_server_changed(struct core *core)
{
    struct ps_rpc_call *next;
    for (struct ps_rpc_call *call = core->calls; call != NULL; call = next) {
        next = call->next;
        if (!call->thread.started && !call->ended && call->conduct->server_changed != NULL) {
            call->conduct->server_changed(call);
        }
    }
}
