/* The framing of a binary COPY and the loop over its fields: see stream.h. */
#include "sources/postgresql/stream.h"

/* The head: signature, flags, and the length of an extension that nobody has written. */
#define HEAD_SIZE 19
static const uint8_t signature[11] = {'P', 'G', 'C', 'O', 'P', 'Y', '\n', 0xff, '\r', '\n', 0};

void stream_init(struct stream *stream, const struct type_field *fields, uint32_t fields_count,
                 uint32_t value_bytes_max)
{
    *stream = (struct stream){
        .fields = fields, .fields_count = fields_count, .value_bytes_max = value_bytes_max};
}

void stream_done(struct stream *stream)
{
    ps_buffer_done(&stream->rest);
}

bool stream_feed(struct stream *stream, const void *bytes, size_t size)
{
    size_t left = stream->size - stream->used;
    const uint8_t *data = bytes;
    if (left > 0) {
        /* What is left may lie in `rest` itself, so the whole goes into a new buffer. */
        struct ps_buffer joined;
        ps_buffer_init(&joined, 0);
        ps_buffer_append(&joined, stream->data + stream->used, left);
        ps_buffer_append(&joined, bytes, size);
        ps_buffer_done(&stream->rest);
        stream->rest = joined;
        data = (const uint8_t *)joined.data;
        size = joined.size;
    }
    bool ok = ps_buffer_ok(&stream->rest);
    stream->data = data;
    stream->size = ok ? size : 0;
    stream->used = 0;
    return ok;
}

static enum stream_result fail(struct stream *stream, const char *what)
{
    stream->broken = what;
    return STREAM_BROKEN;
}

/* FULL stands for "taken" here. */
static enum stream_result take_head(struct stream *stream)
{
    const uint8_t *at = stream->data + stream->used;
    size_t left = stream->size - stream->used;
    if (left < HEAD_SIZE) {
        return STREAM_MORE;
    }
    if (memcmp(at, signature, sizeof signature) != 0) {
        return fail(stream, "the stream is not a binary COPY");
    }
    uint32_t extension = decode_u32(at + 15);
    if (left - HEAD_SIZE < extension) {
        return STREAM_MORE;
    }
    stream->used += HEAD_SIZE + extension;
    stream->has_head = true;
    return STREAM_FULL;
}

/* The size of the row at `bytes`, with its count; 0: it is not all there yet. */
static size_t row_size(const uint8_t *bytes, size_t size, uint32_t fields, bool *ret_malformed)
{
    size_t at = 2;
    for (uint32_t i = 0; i < fields; i++) {
        if (size < at + 4) {
            return 0;
        }
        int32_t length = (int32_t)decode_u32(bytes + at);
        if (length < -1) {
            *ret_malformed = true;
            return 0;
        }
        at += 4 + (length > 0 ? (size_t)length : 0);
    }
    return at <= size ? at : 0;
}

/* Decodes a row that is known to be all there. FULL stands for "done". */
static enum stream_result decode_row(struct stream *stream, const uint8_t *bytes,
                                     struct ps_batch *batch)
{
    const struct type_field *fields = stream->fields;
    uint32_t count = stream->fields_count;
    const uint8_t *at = bytes + 2;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = decode_u32(at);
        at += 4;
        if (length == UINT32_MAX) {
            ps_batch_put_null(batch, i);
            continue;
        }
        const char *reason = length > stream->value_bytes_max
                                 ? "the value is larger than max_value_bytes"
                                 : fields[i].decode(&fields[i], at, length, batch, i);
        if (reason != NULL) {
            if (reason == decode_nomem) {
                return STREAM_NOMEM;
            }
            if (reason == decode_malformed) {
                return fail(stream, "a value is not in its type's binary form");
            }
            ps_batch_row_bad(batch, i, reason);
            return STREAM_FULL;
        }
        at += length;
    }
    ps_batch_row_end(batch);
    return STREAM_FULL;
}

static enum stream_result take_row(struct stream *stream, struct ps_batch *batch)
{
    const uint8_t *at = stream->data + stream->used;
    size_t left = stream->size - stream->used;
    if (left < 2) {
        return STREAM_MORE;
    }
    uint16_t count = decode_u16(at);
    if (count == UINT16_MAX) {
        stream->used += 2;
        stream->has_trailer = true;
        return STREAM_MORE;
    }
    if (count != stream->fields_count) {
        return fail(stream, "a row has another number of fields");
    }
    bool malformed = false;
    size_t size = row_size(at, left, count, &malformed);
    if (size == 0) {
        return malformed ? fail(stream, "a field has a length below zero") : STREAM_MORE;
    }
    stream->used += size;
    return decode_row(stream, at, batch);
}

enum stream_result stream_decode(struct stream *stream, struct ps_batch *batch)
{
    if (stream->has_trailer) {
        return stream->used == stream->size ? STREAM_MORE
                                            : fail(stream, "bytes follow the stream's end");
    }
    if (!stream->has_head) {
        enum stream_result result = take_head(stream);
        if (result != STREAM_FULL) {
            return result;
        }
    }
    /* A batch of which nothing but bad rows came is handed over too, so that work can stop. */
    while (!ps_batch_full(batch) && batch->bad_rows < batch->rows_max) {
        enum stream_result result = take_row(stream, batch);
        if (result != STREAM_FULL) {
            return result;
        }
    }
    return STREAM_FULL;
}
