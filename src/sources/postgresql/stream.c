/* The framing of a binary COPY and the loop over its fields: see stream.h. */
#include "sources/postgresql/stream.h"

/* The head: signature, flags, and the length of an extension that nobody has written. */
#define HEAD_SIZE 19
/* A ctid: block and place. */
#define CTID_SIZE 6
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

void stream_restart(struct stream *stream, bool has_places)
{
    ps_buffer_clear(&stream->rest);
    stream->has_head = stream->has_trailer = stream->placed = false;
    stream->has_places = has_places;
    stream->data = NULL;
    stream->size = stream->used = 0;
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

/* One row as it is read: where it goes on. */
struct row {
    const uint8_t *at, *end;
};

/* There is a reason against the value; the row's other fields are taken all the same. Out of line,
 * so that nothing is kept for it while the common field is decoded. */
__attribute__((cold)) static enum stream_result
refuse_value(struct stream *stream, const char *reason, uint32_t column, struct ps_batch *batch)
{
    if (reason == decode_nomem) {
        return STREAM_NOMEM;
    }
    if (reason == decode_malformed) {
        return fail(stream, "a value is not in its type's binary form");
    }
    ps_batch_value_bad(batch, column, reason);
    return STREAM_FULL;
}

/*
 * The next field into its column. FULL stands for "taken", MORE for a row that is not all there.
 */
static inline enum stream_result take_field(struct stream *stream, struct row *row, uint32_t column,
                                            struct ps_batch *batch)
{
    if (row->end - row->at < 4) {
        return STREAM_MORE;
    }
    uint32_t length = decode_u32(row->at);
    const uint8_t *bytes = row->at + 4;
    row->at = bytes;
    if (length == UINT32_MAX) {
        ps_batch_put_null(batch, column);
        return STREAM_FULL;
    }
    if (length > (size_t)(row->end - bytes)) {
        return length > INT32_MAX ? fail(stream, "a field has a length below zero") : STREAM_MORE;
    }
    row->at = bytes + length;
    if (length > stream->value_bytes_max) {
        return refuse_value(stream, decode_too_large, column, batch);
    }
    const struct type_field *field = &stream->fields[column];
    const char *reason = field->decode(field, bytes, length, batch, column);
    return reason == NULL ? STREAM_FULL : refuse_value(stream, reason, column, batch);
}

/* The ctid that comes after the columns. FULL stands for "taken". */
static enum stream_result take_place(struct stream *stream, struct row *row)
{
    if (row->end - row->at < 4 + CTID_SIZE) {
        return STREAM_MORE;
    }
    if (decode_u32(row->at) != CTID_SIZE) {
        return fail(stream, "a row has no place");
    }
    stream->block = decode_u32(row->at + 4);
    stream->place = decode_u16(row->at + 8);
    stream->placed = true;
    row->at += 4 + CTID_SIZE;
    return STREAM_FULL;
}

/*
 * Decodes the next row while its end is looked for: a row that is not all there, which is rare, is
 * taken back and decoded again with its rest.
 */
static enum stream_result take_row(struct stream *stream, struct ps_batch *batch)
{
    struct row row = {.at = stream->data + stream->used, .end = stream->data + stream->size};
    if (row.end - row.at < 2) {
        return STREAM_MORE;
    }
    uint16_t count = decode_u16(row.at);
    if (count == UINT16_MAX) {
        stream->used += 2;
        stream->has_trailer = true;
        return STREAM_MORE;
    }
    if (count != stream->fields_count + stream->has_places) {
        return fail(stream, "a row has another number of fields");
    }
    row.at += 2;
    for (uint32_t i = 0; i < stream->fields_count; i++) {
        enum stream_result result = take_field(stream, &row, i, batch);
        if (result != STREAM_FULL) {
            ps_batch_row_drop(batch);
            return result;
        }
    }
    if (stream->has_places) {
        enum stream_result result = take_place(stream, &row);
        if (result != STREAM_FULL) {
            ps_batch_row_drop(batch);
            return result;
        }
    }
    stream->used = (size_t)(row.at - stream->data);
    ps_batch_row_end(batch);
    return STREAM_FULL;
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
