/*
 * A client that takes an Update as fast as it comes and counts it: messages, records, bytes. For
 * bench/run; it looks into a message only as far as counting needs.
 * Usage: bench_count PORT < an UpdateRequest's bytes
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/protobuf.h"
#include "rpc/client.h"

#define UPDATE "/fivetran_sdk.v2.SourceConnector/Update"
#define MESSAGE_BYTES_MAX ((size_t)128 << 20)
#define TIMEOUT_MS 120000
/* Of UpdateResponse. */
enum { RECORD = 1, CHECKPOINT = 3, TASK = 5, RECORDS = 6 };

struct counts {
    uint64_t messages, records, checkpoints, tasks, bytes;
};

static void count(struct counts *counts, const uint8_t *message, size_t size)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message, size), records;
    struct ps_pb_field field, record;
    counts->messages++;
    counts->bytes += size;
    while (ps_pb_next(&reader, &field)) {
        if (field.number == RECORDS) {
            records = ps_pb_reader_of(field.bytes, field.size);
            while (ps_pb_next(&records, &record)) {
                counts->records++;
            }
        }
        counts->records += field.number == RECORD;
        counts->checkpoints += field.number == CHECKPOINT;
        counts->tasks += field.number == TASK;
    }
}

static enum ps_status count_stream(struct ps_rpc_client *client, const struct ps_buffer *request,
                                   struct counts *counts, struct ps_error *err)
{
    struct ps_rpc_stream *stream = NULL;
    enum ps_status status = ps_rpc_client_wait(client, TIMEOUT_MS, err);
    if (status == PS_OK) {
        status = ps_rpc_stream_open(client, UPDATE, request, &stream, err);
    }
    while (status == PS_OK) {
        uint8_t *message = NULL;
        size_t size = 0;
        status = ps_rpc_stream_next(stream, TIMEOUT_MS, &message, &size, err);
        if (status == PS_OK) {
            count(counts, message, size);
            ps_free(message);
        }
    }
    ps_rpc_stream_close(stream);
    return status == PS_END ? PS_OK : status;
}

int main(int arguments_count, char **arguments)
{
    char piece[4096];
    size_t size;
    struct ps_buffer request;
    struct ps_cancel cancel;
    struct ps_error err = {0};
    struct counts counts = {0};
    struct ps_rpc_client *client = NULL;
    long port = arguments_count == 2 ? strtol(arguments[1], NULL, 10) : 0;
    if (port < 1 || port > UINT16_MAX) {
        fputs("usage: bench_count PORT < REQUEST\n", stderr);
        return 2;
    }
    ps_buffer_init(&request, 0);
    while ((size = fread(piece, 1, sizeof(piece), stdin)) > 0) {
        ps_buffer_append(&request, piece, size);
    }
    ps_cancel_init(&cancel);
    struct ps_rpc_client_options options = {.host = "127.0.0.1",
                                            .port = (uint16_t)port,
                                            .message_bytes_max = MESSAGE_BYTES_MAX,
                                            .cancel = &cancel};
    enum ps_status status = ps_rpc_client_new(&options, &client, &err);
    if (status == PS_OK) {
        status = count_stream(client, &request, &counts, &err);
    }
    ps_rpc_client_free(client);
    ps_buffer_done(&request);
    if (status != PS_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    printf("{\"messages\": %" PRIu64 ", \"records\": %" PRIu64 ", \"checkpoints\": %" PRIu64
           ", \"tasks\": %" PRIu64 ", \"bytes\": %" PRIu64 "}\n",
           counts.messages, counts.records, counts.checkpoints, counts.tasks, counts.bytes);
    return 0;
}
