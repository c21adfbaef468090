/*
 * The server from its first port to its last call: sets the library up, polls, drains and takes all
 * down again (rpc/server.h; docs/rpc.md).
 */
#include "rpc/server.h"

#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/support/log.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "rpc/call.h"
#include "rpc/core.h"

/* A signal handler can set `stop` but wake nobody: it is looked at that often. */
#define LOOK_MS 50
/* After the cancel tokens are set: for methods to send what remains to be said (a sync's last
 * checkpoint, behind what a slow client has not read yet) and how they ended. */
#define CANCEL_GRACE_MS 4000
/* For connections to be closed by both sides, so that the last bytes arrive. */
#define CLOSE_GRACE_MS 1000
/* A peer that is silent for a minute is asked for a sign of life, and dropped two minutes later; so
 * is one that leaves its socket unread that long. A client may be slow: it may be committing what
 * it got. */
#define KEEPALIVE_MS 60000
#define KEEPALIVE_TIMEOUT_MS 120000
#define STREAMS_PER_CONNECTION_MAX 256
#define WRITE_BUFFER_BYTES (256 * 1024)
#define MILLISECOND_NS INT64_C(1000000)

/* The library's own log is for those who look for a fault in it. */
static void log_library(gpr_log_func_args *args)
{
    ps_log(PS_LOG_DEBUG, "grpc: %s", args->message);
}

static grpc_arg integer_arg(const char *key, int value)
{
    /* The library does not write to the key. */
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
    arg.value.integer = value;
    return arg;
}

static grpc_server *server_create(const struct ps_rpc_options *options)
{
    grpc_arg args[] = {
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int)MESSAGE_SIZE_MAX),
        integer_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, (int)MESSAGE_SIZE_MAX),
        /* It would unpack without a bound; rpc/message.h has one. */
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, STREAMS_PER_CONNECTION_MAX),
        integer_arg(GRPC_ARG_KEEPALIVE_TIME_MS, KEEPALIVE_MS),
        integer_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        /* A sync may have nothing to send for long: neither side's pings are limited by that. */
        integer_arg(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
        integer_arg(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 0),
        integer_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        /* So much of a stream is gathered while more messages wait: fewer writes to the socket. */
        integer_arg(GRPC_ARG_HTTP2_WRITE_BUFFER_SIZE, WRITE_BUFFER_BYTES),
        /* A level, not an algorithm: a client that does not know gzip gets plain answers. The low
         * one is gzip. */
        integer_arg(GRPC_COMPRESSION_CHANNEL_DEFAULT_LEVEL, GRPC_COMPRESS_LEVEL_LOW),
    };
    size_t count = sizeof(args) / sizeof(args[0]) - (options->gzip ? 0 : 1);
    grpc_channel_args all = {.num_args = count, .args = args};
    return grpc_server_create(&all, NULL);
}

static void core_poll(struct core *core)
{
    if (core->waiting == NULL && !core->closing && core->server != NULL) {
        (void)call_expect(core); /* Memory had run out; if it still has, the next turn asks. */
    }
    (void)completion_poll(core->queue, LOOK_MS);
    if (core->trim_ns != 0 && ps_monotonic_ns() >= core->trim_ns) {
        core->trim_ns = 0;
        ps_alloc_trim();
    }
}

static void core_poll_until_idle(struct core *core, int64_t wait_ms)
{
    int64_t deadline = ps_monotonic_ns() + wait_ms * MILLISECOND_NS;
    while (core->threads_count > 0 && ps_monotonic_ns() < deadline) {
        core_poll(core);
    }
}

/* Lets the calls under way end; those that do not are cut off. */
static void core_drain(struct core *core)
{
    core->draining = true;
    call_server_changed(core);
    core_poll_until_idle(core, core->options->drain_ms);
    for (struct ps_rpc_call *call = core->calls; call != NULL; call = call->next) {
        if (call->thread.started) {
            call_cancel(call, true);
        }
    }
    core_poll_until_idle(core, CANCEL_GRACE_MS);
    /* A method that waits for a client that does not read is woken by this alone. */
    for (struct ps_rpc_call *call = core->calls; call != NULL; call = call->next) {
        if (call->thread.started) {
            (void)grpc_call_cancel_with_status(call->call, GRPC_STATUS_UNAVAILABLE,
                                               "the server is shutting down", NULL);
        }
    }
    while (core->threads_count > 0) {
        core_poll(core);
    }
}

static void core_shut(void *context, bool ok)
{
    struct core *core = context;
    (void)ok;
    core->closed = true;
}

/* Also of a server that was never started, as the library wants it. */
static void core_close(struct core *core)
{
    core->closing = true;
    listener_close(&core->listener);
    call_server_changed(core);
    completion_tag_init(&core->shut, core_shut, core);
    completion_tag_arm(&core->shut);
    grpc_server_shutdown_and_notify(core->server, core->queue, &core->shut);
    int64_t deadline = ps_monotonic_ns() + CLOSE_GRACE_MS * MILLISECOND_NS;
    bool forced = false;
    while (!core->closed || core->calls != NULL || core->waiting != NULL) {
        (void)completion_poll(core->queue, LOOK_MS);
        if (!forced && ps_monotonic_ns() >= deadline) {
            forced = true;
            grpc_server_cancel_all_calls(core->server);
        }
    }
    grpc_server_destroy(core->server);
    core->server = NULL;
}

static void core_done(struct core *core)
{
    if (core->server != NULL) {
        core_close(core);
    }
    if (core->queue != NULL) {
        grpc_completion_queue_shutdown(core->queue);
        while (completion_poll(core->queue, LOOK_MS)) {
        }
        grpc_completion_queue_destroy(core->queue);
    }
    ps_free(core->under_way);
}

static enum ps_status core_init(struct core *core, const struct ps_rpc_options *options,
                                struct ps_error *err)
{
    *core = (struct core){.options = options};
    listener_init(&core->listener);
    catalog_init(&core->catalog, options->methods);
    size_t methods = 0;
    while (options->methods[methods].path != NULL) {
        methods++;
    }
    core->under_way = ps_calloc(methods + 1, sizeof(*core->under_way));
    if (core->under_way == NULL) {
        return ps_fail_nomem(err, "starting the server");
    }
    for (size_t i = 0; i < methods; i++) {
        atomic_init(&core->under_way[i], 0);
    }
    core->queue = grpc_completion_queue_create_for_next(NULL);
    core->server = server_create(options);
    grpc_server_register_completion_queue(core->server, core->queue, NULL);
    return PS_OK;
}

enum ps_status ps_rpc_serve(const struct ps_rpc_options *options, struct ps_cancel *stop,
                            struct ps_error *err)
{
    struct core core;
    grpc_init();
    gpr_set_log_function(log_library);
    enum ps_status status = core_init(&core, options, err);
    if (status != PS_OK) {
        goto out;
    }
    status = listener_open(&core.listener, options->host, options->port, err);
    if (status != PS_OK) {
        goto out;
    }
    grpc_server_start(core.server);
    if (!call_expect(&core)) {
        status = ps_fail_nomem(err, "starting the server");
        goto out;
    }
    status = listener_start(&core.listener, core.server, KEEPALIVE_TIMEOUT_MS, err);
    if (status != PS_OK) {
        goto out;
    }
    if (options->listening != NULL) {
        options->listening(options->context, core.listener.port);
    }
    while (!ps_cancel_is_set(stop)) {
        core_poll(&core);
    }
    core_drain(&core);
out:
    core_done(&core);
    grpc_shutdown_blocking();
    return status;
}
