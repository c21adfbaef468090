/*
 * The stream sink's members: prepare encodes, the writer's calls send in their order. Nothing is
 * kept, and nothing can be taken back: what is sent is sent (docs/sinks/stream.md).
 */
#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "sinks/stream/control.h"
#include "sinks/stream/encode.h"
#include "sinks/stream/stream.h"

#define RECORDS_MAX 100
#define MESSAGE_BYTES ((size_t)1 << 20)
/* The most that the platform takes in one message. */
#define CARRIED_BYTES_MAX ((size_t)134217728)
/* A message's records are so much smaller than the message at most. */
#define ENVELOPE_SIZE 16

/* What the writer counts of one table in one shape. */
struct counts {
    const struct ps_table *table;
    uint64_t *left_out; /* by index into the table's columns */
    bool oversize_told;
    struct counts *next;
};

struct stream_sink {
    struct ps_sink base;
    struct ps_stream *stream;
    struct stream_limits limits; /* fixed once it is open, as is `stream`: workers read both */
    struct counts *counts;       /* from here on: the writer's */
    struct ps_sink_loss *losses;
};

struct stream_packet {
    struct ps_packet base;
    const struct ps_table *table;
    struct stream_messages messages;
    size_t sent; /* messages that the stream has taken */
};

static enum ps_status stream_open(const struct ps_sink_request *request, struct ps_sink **ret_sink,
                                  struct ps_error *err)
{
    assert(request->stream != NULL);
    struct stream_sink *sink = ps_calloc(1, sizeof(*sink));
    if (sink == NULL) {
        return ps_fail_nomem(err, "opening the stream");
    }
    size_t message_bytes = request->stream->message_bytes;
    sink->base.ops = &ps_sink_stream;
    sink->stream = request->stream;
    sink->limits = (struct stream_limits){
        .records_max = RECORDS_MAX,
        .message_bytes = message_bytes == 0 ? MESSAGE_BYTES : message_bytes,
        .carried_max = CARRIED_BYTES_MAX,
    };
    if (sink->limits.message_bytes > CARRIED_BYTES_MAX - ENVELOPE_SIZE) {
        sink->limits.message_bytes = CARRIED_BYTES_MAX - ENVELOPE_SIZE;
    }
    *ret_sink = &sink->base;
    return PS_OK;
}

static void stream_close(struct ps_sink *base)
{
    struct stream_sink *sink = (struct stream_sink *)base;
    if (sink == NULL) {
        return;
    }
    while (sink->counts != NULL) {
        struct counts *next = sink->counts->next;
        ps_free(sink->counts->left_out);
        ps_free(sink->counts);
        sink->counts = next;
    }
    ps_free(sink->losses);
    ps_free(sink);
}

static enum ps_status send(struct stream_sink *sink, struct control_message message,
                           struct ps_error *err)
{
    return sink->stream->send(sink->stream->context, message.bytes, message.size, err);
}

static enum ps_status stream_schema_change(struct ps_sink *base, const struct ps_table *table,
                                           bool *ret_changed, struct ps_error *err)
{
    struct stream_sink *sink = (struct stream_sink *)base;
    struct control_message message;
    enum ps_status status = control_schema_change(table, sink->stream->with_schema, &message, err);
    if (status == PS_OK) {
        status = send(sink, message, err);
    }
    if (status == PS_OK) {
        *ret_changed = true;
    }
    return status;
}

static enum ps_status stream_truncate(struct ps_sink *base, const struct ps_table *table,
                                      struct ps_error *err)
{
    struct stream_sink *sink = (struct stream_sink *)base;
    struct control_message message;
    enum ps_status status = control_truncate(table, sink->stream->with_schema, &message, err);
    return status == PS_OK ? send(sink, message, err) : status;
}

/* What was sent is with the platform; nothing is to be said. */
static enum ps_status stream_load_resume(struct ps_sink *base, const struct ps_table *table,
                                         struct ps_error *err)
{
    (void)base;
    (void)table;
    (void)err;
    return PS_OK;
}

static enum ps_status stream_load_end(struct ps_sink *base, const struct ps_table *table,
                                      uint32_t flags, struct ps_load_result *ret_result,
                                      struct ps_error *err)
{
    (void)base;
    (void)table;
    (void)flags;
    (void)err;
    *ret_result = (struct ps_load_result){0};
    return PS_OK;
}

static enum ps_status stream_prepare(struct ps_sink *base, struct ps_batch *batch,
                                     struct ps_packet **ret_packet, struct ps_error *err)
{
    const struct stream_sink *sink = (const struct stream_sink *)base;
    struct stream_packet *packet = ps_calloc(1, sizeof(*packet));
    enum ps_status status = packet == NULL ? ps_fail_nomem(err, "encoding records")
                                           : stream_encode(batch, sink->stream->with_schema,
                                                           &sink->limits, &packet->messages, err);
    if (status == PS_OK) {
        packet->table = batch->table;
        packet->base.rows = batch->rows;
        packet->base.bytes = packet->messages.bytes;
        *ret_packet = &packet->base;
    } else {
        ps_free(packet);
    }
    ps_batch_release(batch);
    return status;
}

static void stream_packet_free(struct ps_sink *sink, struct ps_packet *base)
{
    (void)sink;
    struct stream_packet *packet = (struct stream_packet *)base;
    if (packet != NULL) {
        stream_messages_done(&packet->messages, packet->sent);
        ps_free(packet);
    }
}

static struct counts *counts_of(struct stream_sink *sink, const struct ps_table *table)
{
    struct counts *counts = sink->counts;
    while (counts != NULL && counts->table != table) {
        counts = counts->next;
    }
    if (counts == NULL && (counts = ps_calloc(1, sizeof(*counts))) != NULL) {
        counts->table = table;
        counts->left_out = ps_calloc(table->columns_count + (size_t)1, sizeof(uint64_t));
        if (counts->left_out == NULL) {
            ps_free(counts);
            return NULL;
        }
        for (const struct counts *other = sink->counts; other != NULL; other = other->next) {
            counts->oversize_told =
                counts->oversize_told ||
                (other->oversize_told && strcmp(other->table->schema, table->schema) == 0 &&
                 strcmp(other->table->name, table->name) == 0);
        }
        counts->next = sink->counts;
        sink->counts = counts;
    }
    return counts;
}

/* Counts what prepare met in the packet, and tells of the first oversize record of a table. */
static enum ps_status packet_count(struct stream_sink *sink, const struct stream_packet *packet,
                                   struct ps_error *err)
{
    const struct ps_table *table = packet->table;
    const struct stream_messages *messages = &packet->messages;
    if (messages->oversize == 0 && messages->left_out == 0) {
        return PS_OK;
    }
    struct counts *counts = counts_of(sink, table);
    if (counts == NULL) {
        return ps_fail_nomem(err, "counting records");
    }
    for (uint32_t i = 0; messages->left_out > 0 && i < table->columns_count; i++) {
        counts->left_out[i] += messages->left_out_by[i];
    }
    if (messages->oversize > 0 && !counts->oversize_told) {
        counts->oversize_told = true;
        ps_log(PS_LOG_WARNING,
               "%s%s%s: a record is larger than the %zu bytes of a message and goes alone; others "
               "of this table are not told",
               table->schema, table->schema[0] == '\0' ? "" : ".", table->name,
               sink->limits.message_bytes);
    }
    return PS_OK;
}

static enum ps_status stream_write(struct ps_sink *base, struct ps_packet *taken,
                                   struct ps_error *err)
{
    struct stream_sink *sink = (struct stream_sink *)base;
    struct stream_packet *packet = (struct stream_packet *)taken;
    enum ps_status status = packet_count(sink, packet, err);
    while (status == PS_OK && packet->sent < packet->messages.count) {
        struct stream_message message = packet->messages.list[packet->sent++];
        status = sink->stream->send(sink->stream->context, message.bytes, message.size, err);
    }
    stream_packet_free(base, taken);
    return status;
}

static enum ps_status stream_checkpoint(struct ps_sink *base, const char *state_json,
                                        size_t state_size, uint64_t number, struct ps_error *err)
{
    (void)number;
    struct stream_sink *sink = (struct stream_sink *)base;
    struct control_message message;
    enum ps_status status = control_checkpoint(state_json, state_size, &message, err);
    return status == PS_OK ? send(sink, message, err) : status;
}

static enum ps_status stream_warning(struct ps_sink *base, const char *text, struct ps_error *err)
{
    struct control_message message;
    enum ps_status status = control_warning(text, &message, err);
    return status == PS_OK ? send((struct stream_sink *)base, message, err) : status;
}

static enum ps_status stream_task(struct ps_sink *base, const char *text, struct ps_error *err)
{
    struct control_message message;
    enum ps_status status = control_task(text, &message, err);
    return status == PS_OK ? send((struct stream_sink *)base, message, err) : status;
}

/* The number of columns that a row was left out for; with `list`, also what there is to say. */
static size_t losses_list(const struct stream_sink *sink, struct ps_sink_loss *list)
{
    size_t count = 0;
    for (const struct counts *counts = sink->counts; counts != NULL; counts = counts->next) {
        for (uint32_t i = 0; i < counts->table->columns_count; i++) {
            if (counts->left_out[i] > 0 && list != NULL) {
                list[count] = (struct ps_sink_loss){
                    .table = counts->table,
                    .column = counts->table->columns[i].name,
                    .what = "records larger than 128 MiB cannot be sent and were left out",
                    .values = counts->left_out[i],
                    .rows_skipped = true,
                };
            }
            count += counts->left_out[i] > 0;
        }
    }
    return count;
}

static size_t stream_losses(struct ps_sink *base, const struct ps_sink_loss **ret_losses)
{
    struct stream_sink *sink = (struct stream_sink *)base;
    size_t count = losses_list(sink, NULL);
    struct ps_sink_loss *list = ps_malloc_array(count + 1, sizeof(*list));
    if (list == NULL) {
        return 0;
    }
    ps_free(sink->losses);
    sink->losses = list;
    *ret_losses = list;
    return losses_list(sink, list);
}

/* A destination holds memory for each table until it may commit: of many small ones that would be
 * all at a sync's end. */
#define CHECKPOINT_COLUMNS 4096

const struct ps_sink_ops ps_sink_stream = {
    .abi = PS_SINK_ABI,
    .name = "stream",
    .caps = PS_SINK_HAS_SCHEMAS,
    .checkpoint_columns = CHECKPOINT_COLUMNS,
    .open = stream_open,
    .close = stream_close,
    .schema_change = stream_schema_change,
    .load_begin = stream_truncate, /* a load is seen as it goes: what was there before goes first */
    .load_resume = stream_load_resume,
    .load_end = stream_load_end,
    .prepare = stream_prepare,
    .packet_free = stream_packet_free,
    .write = stream_write,
    .truncate = stream_truncate,
    .checkpoint = stream_checkpoint,
    .warning = stream_warning,
    .task = stream_task,
    .losses = stream_losses,
};
