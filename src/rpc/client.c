/*
 * The client's calls on gRPC C-core. Each call has a completion queue of its own, so that nothing
 * of one call is ever met by another. See client.h.
 */
#include "rpc/client.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "rpc/inbound.h"
#include "rpc/message.h"

#define POLL_MS 50
/* Texts of failures can hold whole tracebacks; gRPC's own limit is 8 KiB. */
#define METADATA_BYTES_MAX (1 << 20)
#define HOST_SIZE 448
#define TARGET_SIZE 512
/* How long an address may take to accept a connection when nobody has answered. */
#define LISTENS_MS 500
/* What of a long text of failure is shown: its beginning, and its end, where a traceback says what
 * happened. */
#define DETAILS_HEAD 240
#define DETAILS_TAIL 560

struct ps_rpc_client {
    grpc_channel *channel;
    struct ps_rpc_client_options options; /* but for `host` */
    char host[HOST_SIZE];
    char target[TARGET_SIZE];
};

/* One call under way. `stopped` is for any thread, the rest for the owner's. */
struct ps_rpc_stream {
    struct ps_rpc_client *client;
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_byte_buffer *request, *received;
    grpc_status_code code;
    grpc_slice details;
    unsigned under_way; /* batches that have not completed */
    bool receiving, ended;
    uint64_t faults; /* had been met before */
    atomic_bool stopped;
};

/* What a batch is known by when it completes. */
enum tag { TAG_START = 1, TAG_STATUS, TAG_MESSAGE };

static void *tag_of(enum tag tag)
{
    return (void *)(uintptr_t)tag;
}

static const char *code_name(grpc_status_code code)
{
    static const char *const names[] = {
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    };
    return (unsigned)code < sizeof names / sizeof names[0] ? names[code] : "an unknown status";
}

static gpr_timespec in_ms(int64_t ms)
{
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static grpc_channel *channel_new(const struct ps_rpc_client_options *options, const char *target)
{
    /* gRPC's arguments are not const in its own types. */
    grpc_arg arguments[] = {
        {GRPC_ARG_INTEGER,
         (char *)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH,
         {.integer = (int)options->message_bytes_max}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, {.integer = -1}},
        /* It would unpack without a bound; rpc/message.h has one. */
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, {.integer = 0}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_MAX_METADATA_SIZE, {.integer = METADATA_BYTES_MAX}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_ENABLE_HTTP_PROXY, {.integer = 0}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_ENABLE_RETRIES, {.integer = 0}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, {.integer = 1}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, {.integer = 1}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, {.integer = 100}},
        {GRPC_ARG_INTEGER, (char *)GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, {.integer = 500}},
    };
    const grpc_channel_args all = {sizeof arguments / sizeof arguments[0], arguments};
    grpc_channel_credentials *plaintext = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(target, plaintext, &all);
    grpc_channel_credentials_release(plaintext);
    return channel;
}

enum ps_status ps_rpc_client_new(const struct ps_rpc_client_options *options,
                                 struct ps_rpc_client **ret_client, struct ps_error *err)
{
    struct ps_rpc_client *client = ps_calloc(1, sizeof *client);
    if (client == NULL) {
        return ps_fail_nomem(err, "connecting to the connector");
    }
    bool bare = strchr(options->host, ':') != NULL && options->host[0] != '[';
    snprintf(client->target, sizeof client->target, bare ? "[%.*s]:%u" : "%.*s:%u", HOST_SIZE,
             options->host, (unsigned)options->port);
    client->options = *options;
    client->options.host = NULL;
    snprintf(client->host, sizeof client->host, "%s", options->host);
    /* The system's own resolver: c-ares 1.18 loses a text at each look-up. */
    (void)setenv("GRPC_DNS_RESOLVER", "native", 0);
    grpc_init();
    client->channel = channel_new(options, client->target);
    *ret_client = client;
    return PS_OK;
}

void ps_rpc_client_free(struct ps_rpc_client *client)
{
    if (client != NULL) {
        grpc_channel_destroy(client->channel);
        grpc_shutdown_blocking(); /* threads of gRPC's own outlive grpc_shutdown */
        ps_free(client);
    }
}

/* Events that are left belong to nobody any more. */
static void queue_end(grpc_completion_queue *queue)
{
    grpc_completion_queue_shutdown(queue);
    while (grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(queue);
}

static bool accepts(const struct addrinfo *address)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    struct pollfd wait = {.fd = fd, .events = POLLOUT};
    int failure = 0;
    socklen_t size = sizeof failure;
    (void)connect(fd, address->ai_addr, address->ai_addrlen);
    bool accepted = poll(&wait, 1, LISTENS_MS) == 1 &&
                    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 && failure == 0;
    (void)close(fd);
    return accepted;
}

/* Nobody answered in gRPC: what is there instead. */
static enum ps_status fail_unanswered(const struct ps_rpc_client *client, int64_t timeout_ms,
                                      struct ps_error *err)
{
    char host[HOST_SIZE], port[8];
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *addresses = NULL;
    size_t skipped = client->host[0] == '[' ? 1 : 0;
    snprintf(host, sizeof host, "%s", client->host + skipped);
    host[strcspn(host, skipped == 1 ? "]" : "")] = '\0';
    snprintf(port, sizeof port, "%u", (unsigned)client->options.port);
    int code = getaddrinfo(host, port, &wanted, &addresses);
    if (code != 0) {
        return ps_fail(err, PS_RETRY, PS_CLASS_NETWORK,
                       "the host %s does not resolve: %s; check its name (--host)", host,
                       gai_strerror(code));
    }
    bool found = false;
    for (const struct addrinfo *at = addresses; at != NULL && !found; at = at->ai_next) {
        found = accepts(at);
    }
    freeaddrinfo(addresses);
    return ps_fail(err, PS_RETRY, PS_CLASS_NETWORK,
                   found ? "what listens on %s has not answered in gRPC for %lld s: is it the "
                           "connector, without TLS, and is this its port?"
                         : "nobody answers on %s after %lld s: start the connector first, on this "
                           "port",
                   client->target, (long long)(timeout_ms / 1000));
}

enum ps_status ps_rpc_client_wait(struct ps_rpc_client *client, int64_t timeout_ms,
                                  struct ps_error *err)
{
    grpc_completion_queue *queue = grpc_completion_queue_create_for_next(NULL);
    int64_t until = ps_monotonic_ns() + timeout_ms * 1000000;
    enum ps_status status = PS_OK;
    for (;;) {
        grpc_connectivity_state state = grpc_channel_check_connectivity_state(client->channel, 1);
        if (state == GRPC_CHANNEL_READY) {
            break;
        }
        if (ps_cancel_is_set(client->options.cancel)) {
            status = ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "interrupted");
            break;
        }
        if (ps_monotonic_ns() >= until) {
            status = fail_unanswered(client, timeout_ms, err);
            break;
        }
        grpc_channel_watch_connectivity_state(client->channel, state, in_ms(POLL_MS), queue, NULL);
        (void)grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    }
    queue_end(queue);
    return status;
}

static void start_receiving(struct ps_rpc_stream *stream)
{
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
    op.data.recv_message.recv_message = &stream->received;
    /* A batch that C-core does not take is a mistake of ours. */
    if (grpc_call_start_batch(stream->call, &op, 1, tag_of(TAG_MESSAGE), NULL) == GRPC_CALL_OK) {
        stream->under_way++;
        stream->receiving = true;
    }
}

static void start_call(struct ps_rpc_stream *stream, const char *path,
                       const struct ps_buffer *request, gpr_timespec deadline)
{
    grpc_slice method = grpc_slice_from_copied_string(path);
    grpc_slice bytes = grpc_slice_from_copied_buffer(ps_buffer_text(request), request->size);
    stream->call = grpc_channel_create_call(stream->client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                            stream->queue, method, NULL, deadline, NULL);
    stream->request = grpc_raw_byte_buffer_create(&bytes, 1);
    grpc_slice_unref(method);
    grpc_slice_unref(bytes);
    grpc_op start[4] = {{.op = GRPC_OP_SEND_INITIAL_METADATA},
                        {.op = GRPC_OP_SEND_MESSAGE},
                        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT},
                        {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    start[1].data.send_message.send_message = stream->request;
    start[3].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
    grpc_op end = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    end.data.recv_status_on_client.trailing_metadata = &stream->trailing;
    end.data.recv_status_on_client.status = &stream->code;
    end.data.recv_status_on_client.status_details = &stream->details;
    if (grpc_call_start_batch(stream->call, start, 4, tag_of(TAG_START), NULL) == GRPC_CALL_OK) {
        stream->under_way++;
    }
    if (grpc_call_start_batch(stream->call, &end, 1, tag_of(TAG_STATUS), NULL) == GRPC_CALL_OK) {
        stream->under_way++;
    }
}

static enum ps_status stream_new(struct ps_rpc_client *client, const char *path,
                                 const struct ps_buffer *request, int64_t timeout_ms,
                                 struct ps_rpc_stream **ret_stream, struct ps_error *err)
{
    struct ps_rpc_stream *stream = ps_calloc(1, sizeof *stream);
    if (stream == NULL || !ps_buffer_ok(request)) {
        ps_free(stream);
        return ps_fail_nomem(err, "calling the connector");
    }
    stream->client = client;
    stream->queue = grpc_completion_queue_create_for_next(NULL);
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->trailing);
    stream->details = grpc_empty_slice();
    stream->faults = inbound_fault().count;
    start_call(stream, path, request,
               timeout_ms < 0 ? gpr_inf_future(GPR_CLOCK_MONOTONIC) : in_ms(timeout_ms));
    *ret_stream = stream;
    return PS_OK;
}

enum ps_status ps_rpc_stream_open(struct ps_rpc_client *client, const char *path,
                                  const struct ps_buffer *request,
                                  struct ps_rpc_stream **ret_stream, struct ps_error *err)
{
    return stream_new(client, path, request, -1, ret_stream, err);
}

void ps_rpc_stream_stop(struct ps_rpc_stream *stream)
{
    atomic_store(&stream->stopped, true);
    (void)grpc_call_cancel(stream->call, NULL);
}

/* Takes one event; false: none came in that time. */
static bool take_event(struct ps_rpc_stream *stream, gpr_timespec deadline)
{
    grpc_event event = grpc_completion_queue_next(stream->queue, deadline, NULL);
    if (event.type != GRPC_OP_COMPLETE) {
        return false;
    }
    stream->under_way--;
    if (event.tag == tag_of(TAG_MESSAGE)) {
        stream->receiving = false;
    } else if (event.tag == tag_of(TAG_STATUS)) {
        stream->ended = true;
    }
    return true;
}

void ps_rpc_stream_close(struct ps_rpc_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    (void)grpc_call_cancel(stream->call, NULL);
    while (stream->under_way > 0) {
        (void)take_event(stream, gpr_inf_future(GPR_CLOCK_MONOTONIC));
    }
    grpc_byte_buffer_destroy(stream->received);
    grpc_byte_buffer_destroy(stream->request);
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->trailing);
    grpc_slice_unref(stream->details);
    grpc_call_unref(stream->call);
    queue_end(stream->queue);
    ps_free(stream);
}

/* What was wrong with the bytes that came; the library keeps it to itself. PS_OK: nothing. */
static enum ps_status came_faulty(const struct ps_rpc_stream *stream, struct ps_error *err)
{
    struct frames_fault fault = inbound_fault();
    bool well = stream->code == GRPC_STATUS_OK;
    if (fault.count == stream->faults || (fault.kind == FRAMES_CUT && !well)) {
        return PS_OK; /* A call that failed may well end inside a message. */
    }
    switch (fault.kind) {
    case FRAMES_CUT:
        return ps_fail(err, PS_DATA, PS_CLASS_NETWORK,
                       "the connector ended the call with OK inside a message: of the %u bytes "
                       "that it announced %u came",
                       fault.announced, fault.came);
    case FRAMES_FLAGS:
        return ps_fail(err, PS_DATA, PS_CLASS_NETWORK,
                       "the connector sent a message with flags that gRPC does not have (%u)",
                       fault.flags);
    case FRAMES_OUTSIDE:
        break;
    }
    return ps_fail(err, PS_DATA, PS_CLASS_NETWORK,
                   "the connector sent data that belongs to no call");
}

/* The connection ended, and not the call alone. A server that answers UNAVAILABLE leaves it as it
 * is; of one on which the library could not read on it says this. */
static bool is_broken(const struct ps_rpc_stream *stream, const char *text, size_t size)
{
    static const char removed[] = "Stream removed";
    return (stream->code == GRPC_STATUS_UNAVAILABLE &&
            grpc_channel_check_connectivity_state(stream->client->channel, 0) !=
                GRPC_CHANNEL_READY) ||
           (stream->code == GRPC_STATUS_UNKNOWN && size == sizeof removed - 1 &&
            memcmp(text, removed, size) == 0);
}

static enum ps_status ended(const struct ps_rpc_stream *stream, struct ps_error *err)
{
    if (ps_cancel_is_set(stream->client->options.cancel) || atomic_load(&stream->stopped)) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "interrupted");
    }
    enum ps_status status = came_faulty(stream, err);
    if (status != PS_OK) {
        return status;
    }
    if (stream->code == GRPC_STATUS_OK) {
        return PS_END;
    }
    const char *text = (const char *)GRPC_SLICE_START_PTR(stream->details);
    size_t size = GRPC_SLICE_LENGTH(stream->details);
    if (size == 0) {
        text = stream->code == GRPC_STATUS_UNKNOWN
                   ? "it says no more; a grpc-status that is no number ends so as well"
                   : "it says no more";
        size = strlen(text);
    }
    bool cut = size > DETAILS_HEAD + DETAILS_TAIL;
    size_t head = cut ? DETAILS_HEAD : size, tail = cut ? DETAILS_TAIL : 0;
    bool broken = is_broken(stream, text, size);
    status = ps_fail(err, PS_DATA, PS_CLASS_NETWORK, "%s %s: %.*s%s%.*s",
                     broken ? "the connection to the connector broke, its own log may say why;"
                            : "the connector answered",
                     code_name(stream->code), (int)head, text, cut ? " … " : "", (int)tail,
                     text + size - tail);
    if (err != NULL) {
        err->vendor_code = (int32_t)stream->code;
    }
    return status;
}

/* The message received. One that cannot be taken ends the call. */
static enum ps_status take_message(struct ps_rpc_stream *stream, uint8_t **ret_message,
                                   size_t *ret_size, struct ps_error *err)
{
    enum ps_status status = message_read(
        stream->received, stream->client->options.message_bytes_max, ret_message, ret_size, err);
    grpc_byte_buffer_destroy(stream->received);
    stream->received = NULL;
    if (status == PS_OK || status == PS_NOMEM) {
        return status;
    }
    (void)grpc_call_cancel(stream->call, NULL);
    grpc_status_code code =
        status == PS_RETRY ? GRPC_STATUS_RESOURCE_EXHAUSTED : GRPC_STATUS_INTERNAL;
    if (err != NULL) {
        err->status = PS_DATA;
        err->error_class = PS_CLASS_NETWORK;
        err->vendor_code = (int32_t)code;
    }
    ps_error_prefix(err, "what the connector sent cannot be taken");
    return PS_DATA;
}

enum ps_status ps_rpc_stream_next(struct ps_rpc_stream *stream, int64_t timeout_ms,
                                  uint8_t **ret_message, size_t *ret_size, struct ps_error *err)
{
    int64_t until = ps_monotonic_ns() + timeout_ms * 1000000;
    if (!stream->receiving && !stream->ended) {
        start_receiving(stream);
    }
    /* A message that came before the end is given before the end is. */
    while (stream->receiving || (stream->received == NULL && !stream->ended)) {
        if (ps_cancel_is_set(stream->client->options.cancel)) {
            ps_rpc_stream_stop(stream);
        } else if (ps_monotonic_ns() >= until) {
            return ps_fail(err, PS_RETRY, PS_CLASS_TIMEOUT, "the connector sends nothing");
        }
        (void)take_event(stream, in_ms(POLL_MS));
    }
    return stream->received != NULL ? take_message(stream, ret_message, ret_size, err)
                                    : ended(stream, err);
}

/* As ps_rpc_stream_next; somebody is told from time to time that nothing comes. */
static enum ps_status next_with_notices(struct ps_rpc_stream *stream, int64_t timeout_ms,
                                        uint8_t **ret_message, size_t *ret_size,
                                        struct ps_error *err)
{
    const struct ps_rpc_client_options *options = &stream->client->options;
    int64_t waited_ms = 0;
    for (;;) {
        int64_t left_ms = timeout_ms - waited_ms;
        bool last = options->waiting == NULL || left_ms <= options->notice_ms;
        enum ps_status status = ps_rpc_stream_next(stream, last ? left_ms : options->notice_ms,
                                                   ret_message, ret_size, err);
        if (status != PS_RETRY || last) {
            return status;
        }
        waited_ms += options->notice_ms;
        options->waiting(options->waiting_context, waited_ms);
    }
}

enum ps_status ps_rpc_client_call(struct ps_rpc_client *client, const char *path,
                                  const struct ps_buffer *request, int64_t timeout_ms,
                                  struct ps_buffer *answer, struct ps_error *err)
{
    struct ps_rpc_stream *stream = NULL;
    uint8_t *message = NULL;
    size_t size = 0;
    enum ps_status status = stream_new(client, path, request, -1, &stream, err);
    if (status != PS_OK) {
        return status;
    }
    status = next_with_notices(stream, timeout_ms, &message, &size, err);
    if (status == PS_OK) {
        ps_buffer_clear(answer);
        ps_buffer_append(answer, message, size);
        ps_free(message);
        message = NULL;
        /* The answer counts only with the status that follows it. */
        status = next_with_notices(stream, timeout_ms, &message, &size, err);
        ps_free(message);
        if (status == PS_OK) {
            status = ps_fail(err, PS_DATA, PS_CLASS_NETWORK,
                             "the connector sent two answers to one call");
        } else if (status == PS_END) {
            status = ps_buffer_ok(answer) ? PS_OK : ps_fail_nomem(err, "receiving an answer");
        }
    } else if (status == PS_END) {
        status = ps_fail(err, PS_DATA, PS_CLASS_NETWORK,
                         "the connector ended the call with OK and no answer");
    }
    ps_rpc_stream_close(stream);
    return status;
}
