/*
 * A small blocking gRPC client on C-core, for tests of the server: one call at a time and thread.
 * Not for: bytes that no client would send (test_server_raw.c).
 */
#ifndef PS_TESTS_UNIT_RPC_WIRE_CLIENT_H
#define PS_TESTS_UNIT_RPC_WIRE_CLIENT_H

#include <grpc/byte_buffer.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/compression.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/time.h>
#include <stdio.h>
#include <string.h>

#include "support/unit.h"

#define WIRE_TIMEOUT_S 60

struct wire_client {
    grpc_channel *channel;
};

struct wire_call {
    grpc_completion_queue *queue;
    grpc_call *call;
    grpc_metadata_array initial, trailing;
    grpc_status_code code;
    grpc_slice details;
    bool ended;
    grpc_compression_algorithm compression; /* of the last message that was read */
};

struct wire_message {
    bool there;
    uint8_t *bytes; /* gpr_free */
    size_t size;
};

static inline grpc_arg wire_arg(const char *key, int value)
{
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)key};
    arg.value.integer = value;
    return arg;
}

/* raw: messages are left as they came over the wire; gzip: requests are compressed. */
static inline struct wire_client wire_connect(const char *host, uint16_t port, bool raw, bool gzip)
{
    grpc_arg args[] = {
        wire_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1),
        wire_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
        wire_arg(GRPC_ARG_ENABLE_RETRIES, 0),
        wire_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        wire_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, raw ? 0 : 1),
        wire_arg(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM,
                 gzip ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE),
    };
    grpc_channel_args all = {.num_args = sizeof(args) / sizeof(args[0]), .args = args};
    char target[64];
    snprintf(target, sizeof(target), "%s:%u", host, port);
    grpc_channel_credentials *plaintext = grpc_insecure_credentials_create();
    struct wire_client client = {.channel = grpc_channel_create(target, plaintext, &all)};
    grpc_channel_credentials_release(plaintext);
    return client;
}

static inline void wire_disconnect(struct wire_client *client)
{
    grpc_channel_destroy(client->channel);
}

static inline bool wire_wait(struct wire_call *call, void *tag)
{
    gpr_timespec deadline = gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                         gpr_time_from_seconds(WIRE_TIMEOUT_S, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_pluck(call->queue, tag, deadline, NULL);
    assert_int_equal(event.type, GRPC_OP_COMPLETE);
    return event.success != 0;
}

static inline void wire_start(struct wire_call *call, const grpc_op *ops, size_t count, void *tag)
{
    assert_int_equal(grpc_call_start_batch(call->call, ops, count, tag, NULL), GRPC_CALL_OK);
}

/* Begins a call; wire_hang_up frees what is in it. */
static inline void wire_open(struct wire_client *client, const char *path, struct wire_call *call)
{
    *call = (struct wire_call){.queue = grpc_completion_queue_create_for_pluck(NULL)};
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->details = grpc_empty_slice();
    call->call = grpc_channel_create_call(client->channel, NULL, GRPC_PROPAGATE_DEFAULTS,
                                          call->queue, grpc_slice_from_static_string(path), NULL,
                                          gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    grpc_op ops[2] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_RECV_INITIAL_METADATA}};
    ops[1].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    wire_start(call, ops, 1, &ops[0]);
    (void)wire_wait(call, &ops[0]);
    wire_start(call, ops + 1, 1, &call->initial);
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &call->trailing;
    status.data.recv_status_on_client.status = &call->code;
    status.data.recv_status_on_client.status_details = &call->details;
    wire_start(call, &status, 1, &call->code);
}

static inline bool wire_write(struct wire_call *call, const void *bytes, size_t size)
{
    grpc_slice slice = grpc_slice_from_copied_buffer(bytes, size);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op send = {.op = GRPC_OP_SEND_MESSAGE};
    send.data.send_message.send_message = buffer;
    wire_start(call, &send, 1, &send);
    bool ok = wire_wait(call, &send);
    grpc_byte_buffer_destroy(buffer);
    return ok;
}

static inline void wire_half_close(struct wire_call *call)
{
    grpc_op end = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    wire_start(call, &end, 1, &end);
    (void)wire_wait(call, &end);
}

static inline struct wire_message wire_read(struct wire_call *call)
{
    grpc_byte_buffer *buffer = NULL;
    struct wire_message message = {0};
    grpc_op receive = {.op = GRPC_OP_RECV_MESSAGE};
    receive.data.recv_message.recv_message = &buffer;
    wire_start(call, &receive, 1, &receive);
    (void)wire_wait(call, &receive);
    if (buffer == NULL) {
        return message;
    }
    call->compression = buffer->data.raw.compression;
    grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    message.there = true;
    message.bytes = gpr_malloc(slices->length + 1);
    for (size_t i = 0; i < slices->count; i++) {
        size_t length = GRPC_SLICE_LENGTH(slices->slices[i]);
        memcpy(message.bytes + message.size, GRPC_SLICE_START_PTR(slices->slices[i]), length);
        message.size += length;
    }
    message.bytes[message.size] = 0;
    grpc_byte_buffer_destroy(buffer);
    return message;
}

/* Waits for the call's end. */
static inline grpc_status_code wire_status(struct wire_call *call)
{
    if (!call->ended) {
        (void)wire_wait(call, &call->code);
        call->ended = true;
    }
    return call->code;
}

static inline bool wire_details_contain(struct wire_call *call, const char *text)
{
    char *details = grpc_slice_to_c_string(call->details);
    bool found = strstr(details, text) != NULL;
    if (!found) {
        fprintf(stderr, "the details are: %s\n", details);
    }
    gpr_free(details);
    return found;
}

/* Cancels what is not over, and frees. */
static inline void wire_hang_up(struct wire_call *call)
{
    (void)grpc_call_cancel(call->call, NULL);
    (void)wire_status(call);
    (void)wire_wait(call, &call->initial);
    grpc_call_unref(call->call);
    grpc_completion_queue_shutdown(call->queue);
    grpc_completion_queue_destroy(call->queue);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->details);
}

/* Opens a call of one request. */
static inline void wire_ask(struct wire_client *client, const char *path, const void *bytes,
                            size_t size, struct wire_call *call)
{
    wire_open(client, path, call);
    (void)wire_write(call, bytes, size);
    wire_half_close(call);
}

#endif
