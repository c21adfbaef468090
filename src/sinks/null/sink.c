/*
 * Everything the sink interface asks for, and nothing kept.
 */
#include "base/alloc.h"
#include "sinks/null/null.h"

struct null_sink {
    struct ps_sink base;
    struct ps_null_counts counts; /* the writer's */
};

struct null_packet {
    struct ps_packet base;
    struct ps_batch *batch;
};

static enum ps_status null_open(const struct ps_sink_request *request, struct ps_sink **ret_sink,
                                struct ps_error *err)
{
    (void)request;
    struct null_sink *sink = ps_calloc(1, sizeof *sink);
    if (sink == NULL) {
        return ps_fail_nomem(err, "opening the null sink");
    }
    sink->base.ops = &ps_sink_null;
    *ret_sink = &sink->base;
    return PS_OK;
}

static void null_close(struct ps_sink *sink)
{
    ps_free(sink);
}

static enum ps_status null_schema_change(struct ps_sink *sink, const struct ps_table *table,
                                         bool *ret_changed, struct ps_error *err)
{
    (void)sink;
    (void)table;
    (void)err;
    *ret_changed = false;
    return PS_OK;
}

static enum ps_status null_load_begin(struct ps_sink *sink, const struct ps_table *table,
                                      struct ps_error *err)
{
    (void)sink;
    (void)table;
    (void)err;
    return PS_OK;
}

static enum ps_status null_load_end(struct ps_sink *sink, const struct ps_table *table,
                                    uint32_t flags, struct ps_load_result *ret_result,
                                    struct ps_error *err)
{
    (void)sink;
    (void)table;
    (void)flags;
    (void)err;
    *ret_result = (struct ps_load_result){0};
    return PS_OK;
}

static enum ps_status null_prepare(struct ps_sink *sink, struct ps_batch *batch,
                                   struct ps_packet **ret_packet, struct ps_error *err)
{
    (void)sink;
    struct null_packet *packet = ps_calloc(1, sizeof *packet);
    if (packet == NULL) {
        ps_batch_release(batch);
        return ps_fail_nomem(err, "making a packet");
    }
    packet->batch = batch;
    packet->base.rows = batch->rows;
    packet->base.bytes = ps_batch_memory(batch);
    *ret_packet = &packet->base;
    return PS_OK;
}

static void null_packet_free(struct ps_sink *sink, struct ps_packet *base)
{
    (void)sink;
    struct null_packet *packet = (struct null_packet *)base;
    if (packet != NULL) {
        ps_batch_release(packet->batch);
        ps_free(packet);
    }
}

static enum ps_status null_write(struct ps_sink *base, struct ps_packet *packet,
                                 struct ps_error *err)
{
    (void)err;
    struct null_sink *sink = (struct null_sink *)base;
    sink->counts.packets++;
    sink->counts.rows += packet->rows;
    sink->counts.bytes += ((struct null_packet *)packet)->batch->bytes;
    null_packet_free(base, packet);
    return PS_OK;
}

static enum ps_status null_truncate(struct ps_sink *base, const struct ps_table *table,
                                    struct ps_error *err)
{
    (void)table;
    (void)err;
    ((struct null_sink *)base)->counts.truncates++;
    return PS_OK;
}

static enum ps_status null_checkpoint(struct ps_sink *base, const char *state_json,
                                      size_t state_size, uint64_t number, struct ps_error *err)
{
    (void)state_json;
    (void)state_size;
    (void)number;
    (void)err;
    ((struct null_sink *)base)->counts.checkpoints++;
    return PS_OK;
}

struct ps_null_counts ps_sink_null_counts(const struct ps_sink *sink)
{
    return ((const struct null_sink *)sink)->counts;
}

const struct ps_sink_ops ps_sink_null = {
    .abi = PS_SINK_ABI,
    .name = "null",
    .caps = PS_SINK_STAGES_LOADS,
    .open = null_open,
    .close = null_close,
    .schema_change = null_schema_change,
    .load_begin = null_load_begin,
    .load_resume = null_load_begin,
    .load_end = null_load_end,
    .prepare = null_prepare,
    .packet_free = null_packet_free,
    .write = null_write,
    .truncate = null_truncate,
    .checkpoint = null_checkpoint,
};
