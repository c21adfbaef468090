/*
 * Copies messages, and unpacks compressed ones with zlib (rpc/message.h; RFC 1950, RFC 1952).
 */
#include "rpc/message.h"

#include <assert.h>
#include <grpc/byte_buffer_reader.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/buffer.h"

#define PIECE_SIZE 32768
/* The largest window, with a header of either format. */
#define WINDOW_BITS (15 + 32)

/* Unpacks one slice and appends what comes out; gives zlib's code. */
static int inflate_slice(z_stream *stream, grpc_slice slice, struct ps_buffer *out)
{
    uint8_t piece[PIECE_SIZE];
    int code = Z_OK;
    stream->next_in = GRPC_SLICE_START_PTR(slice);
    stream->avail_in = (uInt)GRPC_SLICE_LENGTH(slice); /* a message is at most 128 MiB */
    do {
        stream->next_out = piece;
        stream->avail_out = sizeof(piece);
        code = inflate(stream, Z_NO_FLUSH);
        ps_buffer_append(out, piece, sizeof(piece) - stream->avail_out);
    } while (code == Z_OK && stream->avail_out == 0 && ps_buffer_ok(out));
    /* It asks for more bytes than the slice has: the next one has them. */
    return code == Z_BUF_ERROR ? Z_OK : code;
}

static enum ps_status fail_inflate(const struct ps_buffer *out, size_t size_max,
                                   struct ps_error *err)
{
    if (!ps_buffer_ok(out)) {
        return ps_fail(
            err, PS_RETRY, PS_CLASS_DATA,
            "the message is larger than max, %zu bytes, when it is unpacked, or memory ran "
            "out",
            size_max);
    }
    return ps_fail(err, PS_DATA, PS_CLASS_DATA, "the compressed message cannot be unpacked");
}

static enum ps_status message_unpack(grpc_byte_buffer *packed, size_t size_max,
                                     uint8_t **ret_message, size_t *ret_size, struct ps_error *err)
{
    grpc_byte_buffer_reader reader;
    struct ps_buffer out;
    z_stream stream = {0};
    /* The reader would unpack by itself what it knows to be packed. */
    grpc_byte_buffer plain = *packed;
    plain.data.raw.compression = GRPC_COMPRESS_NONE;
    ps_buffer_init(&out, size_max);
    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK) {
        return ps_fail_nomem(err, "unpacking a message");
    }
    int code = grpc_byte_buffer_reader_init(&reader, &plain) != 0 ? Z_OK : Z_DATA_ERROR;
    grpc_slice *slice = NULL;
    while (code == Z_OK && ps_buffer_ok(&out) &&
           grpc_byte_buffer_reader_peek(&reader, &slice) != 0) {
        code = inflate_slice(&stream, *slice, &out);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    (void)inflateEnd(&stream);
    enum ps_status status = PS_OK;
    size_t size = 0;
    char *message = code == Z_STREAM_END ? ps_buffer_steal(&out, &size) : NULL;
    if (message == NULL) {
        status = fail_inflate(&out, size_max, err);
    } else {
        *ret_message = (uint8_t *)message;
        *ret_size = size;
    }
    ps_buffer_done(&out);
    return status;
}

static enum ps_status message_copy(grpc_byte_buffer *received, uint8_t **ret_message,
                                   size_t *ret_size, struct ps_error *err)
{
    size_t size = grpc_byte_buffer_length(received), used = 0;
    uint8_t *message = ps_malloc(size);
    if (message == NULL) {
        return ps_fail_nomem(err, "reading a message");
    }
    grpc_byte_buffer_reader reader;
    int begun = grpc_byte_buffer_reader_init(&reader, received);
    assert(begun != 0); /* It fails to unpack alone. */
    grpc_slice *slice = NULL;
    while (grpc_byte_buffer_reader_peek(&reader, &slice) != 0) {
        size_t length = GRPC_SLICE_LENGTH(*slice);
        assert(length <= size - used);
        if (length != 0) {
            memcpy(message + used, GRPC_SLICE_START_PTR(*slice), length);
        }
        used += length;
    }
    grpc_byte_buffer_reader_destroy(&reader);
    *ret_message = message;
    *ret_size = used;
    return PS_OK;
}

enum ps_status message_read(grpc_byte_buffer *received, size_t size_max, uint8_t **ret_message,
                            size_t *ret_size, struct ps_error *err)
{
    return received->data.raw.compression == GRPC_COMPRESS_NONE
               ? message_copy(received, ret_message, ret_size, err)
               : message_unpack(received, size_max, ret_message, ret_size, err);
}
