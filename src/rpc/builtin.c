/*
 * The services that every server has, reflection and health: their calls need no thread, since each
 * step is short and runs on the thread that polls. Not for: what their messages say
 * (rpc/reflection.h, rpc/health.h).
 */
#include <assert.h>
#include <grpc/slice.h>

#include "base/alloc.h"
#include "rpc/call.h"
#include "rpc/health.h"
#include "rpc/reflection.h"

/* A request is a name or two. */
#define BUILTIN_REQUEST_SIZE_MAX ((size_t)1 << 20)

static struct descriptor_span request_of(const struct ps_rpc_call *call)
{
    return (struct descriptor_span){call->request, call->request_size};
}

/* Ends the call of a request that is too large; true: it did. */
static bool refuse_large(struct ps_rpc_call *call)
{
    if (call->request_size <= BUILTIN_REQUEST_SIZE_MAX) {
        return false;
    }
    call_end(call, PS_RPC_RESOURCE_EXHAUSTED, "the request is larger than 1 MiB");
    return true;
}

static void end_shutting_down(struct ps_rpc_call *call)
{
    call_end(call, PS_RPC_UNAVAILABLE, "the server is shutting down");
}

static void end_failed(struct ps_rpc_call *call, const struct ps_error *err)
{
    call_end(call, err->status == PS_DATA ? PS_RPC_INVALID_ARGUMENT : PS_RPC_RESOURCE_EXHAUSTED,
             err->message);
}

/* Sends what was written and empties the buffer. */
static void send_buffer(struct ps_rpc_call *call, struct ps_buffer *out)
{
    size_t size = 0;
    char *message = ps_buffer_steal(out, &size);
    if (message == NULL) {
        ps_buffer_done(out);
        call_end(call, PS_RPC_RESOURCE_EXHAUSTED, "memory ran out while answering");
        return;
    }
    call_send_later(call, (uint8_t *)message, size, false);
}

/* Reflection: request, answer, request, … until the client has no more. */

static void reflection_requested(struct ps_rpc_call *call)
{
    if (refuse_large(call)) {
        return;
    }
    struct ps_buffer out = {0};
    struct ps_error err = {0};
    if (reflection_answer(&call->core->catalog, request_of(call), &out, &err) != PS_OK) {
        ps_buffer_done(&out);
        end_failed(call, &err);
        return;
    }
    send_buffer(call, &out);
}

static void reflection_sent(struct ps_rpc_call *call, bool ok)
{
    if (!ok) {
        call_end(call, PS_RPC_CANCELLED, "the client is gone");
    } else if (call->core->closing) {
        end_shutting_down(call);
    } else {
        call_receive(call);
    }
}

static void reflection_half_closed(struct ps_rpc_call *call)
{
    call_end(call, PS_RPC_OK, "");
}

/* Served as long as the server drains; also of calls that still wait for their first request. */
static void idle_server_changed(struct ps_rpc_call *call)
{
    if (call->core->closing && !call->transmitting) {
        end_shutting_down(call);
    }
}

static const struct call_conduct conduct_reflection = {
    .requested = reflection_requested,
    .sent = reflection_sent,
    .half_closed = reflection_half_closed,
    .server_changed = idle_server_changed,
};

/* Health. */

static void send_health(struct ps_rpc_call *call, enum health_status status)
{
    struct ps_buffer out = {0};
    health_write(&out, status);
    send_buffer(call, &out);
}

static enum health_status health_now(const struct core *core)
{
    return core->draining ? HEALTH_NOT_SERVING : HEALTH_SERVING;
}

/* Ends the call itself where it gives false. */
static bool health_asked(struct ps_rpc_call *call, bool *ret_known)
{
    struct ps_error err = {0};
    if (refuse_large(call)) {
        return false;
    }
    if (health_request_read(&call->core->catalog, request_of(call), ret_known, &err) != PS_OK) {
        end_failed(call, &err);
        return false;
    }
    return true;
}

static void check_requested(struct ps_rpc_call *call)
{
    bool known;
    if (!health_asked(call, &known)) {
        return;
    }
    if (known) {
        send_health(call, health_now(call->core));
    } else {
        call_end(call, PS_RPC_NOT_FOUND, "the server has no service of that name");
    }
}

static void check_sent(struct ps_rpc_call *call, bool ok)
{
    call_end(call, ok ? PS_RPC_OK : PS_RPC_CANCELLED, "");
}

static const struct call_conduct conduct_check = {
    .requested = check_requested,
    .sent = check_sent,
    .server_changed = idle_server_changed,
};

/* Tells what the client has not been told; one message is under way at a time. */
static void watch_tell(struct ps_rpc_call *call)
{
    if (call->transmitting) {
        return;
    }
    int status = call->watch_known ? (int)health_now(call->core) : HEALTH_SERVICE_UNKNOWN;
    if (status != call->watch_told) {
        call->watch_told = status;
        send_health(call, (enum health_status)status);
    } else if (call->core->closing) {
        end_shutting_down(call);
    }
}

static void watch_requested(struct ps_rpc_call *call)
{
    if (health_asked(call, &call->watch_known)) {
        watch_tell(call);
    }
}

static void watch_sent(struct ps_rpc_call *call, bool ok)
{
    if (!ok || !call->open) {
        call_end(call, PS_RPC_CANCELLED, "the client is gone");
    } else {
        watch_tell(call);
    }
}

static void watch_server_changed(struct ps_rpc_call *call)
{
    if (call->receiving) {
        idle_server_changed(call);
    } else {
        watch_tell(call);
    }
}

static const struct call_conduct conduct_watch = {
    .requested = watch_requested,
    .sent = watch_sent,
    .server_changed = watch_server_changed,
};

const struct call_conduct *call_conduct_builtin(const grpc_slice *path)
{
    static const struct {
        const char *path;
        const struct call_conduct *conduct;
    } builtins[] = {
        {"/grpc.health.v1.Health/Check", &conduct_check},
        {"/grpc.health.v1.Health/Watch", &conduct_watch},
        {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", &conduct_reflection},
        {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &conduct_reflection},
    };
    for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
        if (grpc_slice_str_cmp(*path, builtins[i].path) == 0) {
            return builtins[i].conduct;
        }
    }
    return NULL;
}
