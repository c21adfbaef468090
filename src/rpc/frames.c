/*
 * The follower of frames and messages (rpc/frames.h).
 */
#include "rpc/frames.h"

#include <string.h>

#define PREFIX_SIZE 5u
#define FLAGS_MOST 1 /* "compressed" is the one flag */

enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_RESET = 3, FRAME_SETTINGS = 4 };
enum { FLAG_END_STREAM = 1, FLAG_PADDED = 8 };

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

void frames_init(struct frames *frames, uint32_t message_size_max)
{
    *frames = (struct frames){.message_size_max = message_size_max};
}

/* Gives false, for whom it is the end. */
static bool fault(struct frames *frames, struct frames_fault fault)
{
    fault.count = frames->fault.count + 1;
    frames->fault = fault;
    return false;
}

static uint8_t frame_type(const struct frames *frames)
{
    return frames->head[3];
}

static uint8_t frame_flags(const struct frames *frames)
{
    return frames->head[4];
}

static uint32_t frame_stream(const struct frames *frames)
{
    const uint8_t *at = frames->head + 5;
    return (uint32_t)(at[0] & 0x7f) << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* The place of the stream, or where it would be. */
static size_t place_of(const struct frames *frames, uint32_t id)
{
    size_t at = frames->open_count;
    while (at > 0 && frames->open[at - 1].id >= id) {
        at--;
    }
    return at;
}

static struct frames_stream *stream_find(struct frames *frames, uint32_t id)
{
    size_t at = place_of(frames, id);
    return at < frames->open_count && frames->open[at].id == id ? &frames->open[at] : NULL;
}

/* What the library holds of a message that is not whole. */
static uint64_t held(const struct frames_stream *stream)
{
    if (stream->passed_over) {
        return 0;
    }
    return stream->prefix_size +
           (stream->prefix_size == PREFIX_SIZE ? stream->length - stream->left : 0);
}

static void stream_drop(struct frames *frames, struct frames_stream *stream)
{
    size_t at = (size_t)(stream - frames->open);
    frames->unfinished -= held(stream);
    frames->open_count--;
    memmove(stream, stream + 1, (frames->open_count - at) * sizeof(*stream));
}

static void stream_open(struct frames *frames, uint32_t id)
{
    if (stream_find(frames, id) != NULL) {
        return; /* Its trailers, or a client's second part of headers. */
    }
    if (frames->open_count == FRAMES_STREAMS_MAX) {
        /* The library has so many no more: it has ended the first by itself. */
        stream_drop(frames, &frames->open[0]);
    }
    size_t at = place_of(frames, id);
    memmove(&frames->open[at + 1], &frames->open[at],
            (frames->open_count - at) * sizeof(*frames->open));
    frames->open[at] = (struct frames_stream){.id = id};
    frames->open_count++;
}

static void stream_end(struct frames *frames, uint32_t id)
{
    struct frames_stream *stream = stream_find(frames, id);
    if (stream == NULL) {
        return;
    }
    if (held(stream) != 0) {
        bool prefixed = stream->prefix_size == PREFIX_SIZE;
        fault(frames, (struct frames_fault){
                          .kind = FRAMES_CUT,
                          .announced = prefixed ? stream->announced : 0,
                          .came = prefixed ? stream->length - stream->left : 0,
                      });
    }
    stream_drop(frames, stream);
}

/* One byte of a length, the highest first. The first that is larger than the bound's decides that
 * the bound takes the length's place. */
static uint8_t take_length(const struct frames *frames, struct frames_stream *stream, uint8_t byte)
{
    uint32_t bound = frames->message_size_max + 1;
    uint8_t most = (uint8_t)(bound >> (8 * (PREFIX_SIZE - 1 - stream->prefix_size)));
    stream->announced = stream->announced << 8 | byte;
    if (stream->compared == FRAMES_EQUAL && byte != most) {
        stream->compared = byte < most ? FRAMES_BELOW : FRAMES_ABOVE;
    }
    byte = stream->compared == FRAMES_ABOVE ? most : byte;
    stream->length = stream->length << 8 | byte;
    return byte;
}

static bool take_prefix(struct frames *frames, struct frames_stream *stream, uint8_t *byte)
{
    if (stream->prefix_size == 0) {
        *stream = (struct frames_stream){.id = stream->id};
        if (*byte > FLAGS_MOST) {
            return fault(frames, (struct frames_fault){.kind = FRAMES_FLAGS, .flags = *byte});
        }
    } else {
        *byte = take_length(frames, stream, *byte);
    }
    stream->prefix_size++;
    stream->left = stream->length;
    return true;
}

/* Data of a stream. */
static bool take_data(struct frames *frames, struct frames_stream *stream, uint8_t *bytes,
                      size_t size)
{
    while (size > 0 && !stream->passed_over) {
        size_t taken = 1;
        if (stream->prefix_size < PREFIX_SIZE) {
            if (!take_prefix(frames, stream, bytes)) {
                return false;
            }
        } else {
            taken = size < stream->left ? size : stream->left;
            stream->left -= (uint32_t)taken;
        }
        if (stream->prefix_size == PREFIX_SIZE && stream->left == 0) {
            stream->passed_over = stream->compared != FRAMES_BELOW;
            stream->prefix_size = 0;
        }
        bytes += taken;
        size -= taken;
    }
    return true;
}

static bool take_payload(struct frames *frames, uint8_t *bytes, size_t size)
{
    if (frame_type(frames) != FRAME_DATA || size == 0) {
        return true;
    }
    if (frames->padding_next) {
        frames->padding_next = false;
        frames->padding = bytes[0];
        bytes++;
        size--;
    }
    /* What is padding comes last: of what is left behind these bytes, and of these. */
    uint32_t behind = frames->payload_left;
    size_t padding = frames->padding > behind ? frames->padding - behind : 0;
    size_t data = padding < size ? size - padding : 0;
    if (data == 0) {
        return true;
    }
    struct frames_stream *stream = stream_find(frames, frame_stream(frames));
    if (stream == NULL) {
        return fault(frames, (struct frames_fault){.kind = FRAMES_OUTSIDE});
    }
    frames->unfinished -= held(stream);
    bool ok = take_data(frames, stream, bytes, data);
    frames->unfinished += held(stream);
    return ok;
}

/* A frame is whole. */
static void frame_end(struct frames *frames)
{
    uint8_t type = frame_type(frames);
    uint32_t id = frame_stream(frames);
    bool ends = (frame_flags(frames) & FLAG_END_STREAM) != 0;
    frames->state = FRAMES_HEAD;
    frames->head_size = 0;
    if (type == FRAME_RESET) {
        struct frames_stream *stream = stream_find(frames, id);
        if (stream != NULL) {
            stream_drop(frames, stream);
        }
    } else if ((type == FRAME_DATA || type == FRAME_HEADERS) && ends) {
        stream_end(frames, id);
    } else if (type == FRAME_HEADERS) {
        stream_open(frames, id);
    }
}

static void frame_begin(struct frames *frames)
{
    const uint8_t *head = frames->head;
    if (!frames->settled && frame_type(frames) != FRAME_SETTINGS) {
        frames->state = FRAMES_FOREIGN; /* The library refuses it, as the protocol wants. */
        return;
    }
    frames->settled = true;
    frames->payload_left = (uint32_t)head[0] << 16 | (uint32_t)head[1] << 8 | head[2];
    frames->padding = 0;
    frames->padding_next =
        frame_type(frames) == FRAME_DATA && (frame_flags(frames) & FLAG_PADDED) != 0;
    frames->state = FRAMES_PAYLOAD;
}

static void take_preface(struct frames *frames, uint8_t byte)
{
    if (byte != (uint8_t)preface[frames->head_size]) {
        frames->state = FRAMES_FOREIGN;
    } else if (++frames->head_size == sizeof(preface) - 1) {
        frames->head_size = 0;
        frames->state = FRAMES_HEAD;
    }
}

/* Takes some of the bytes; how many, which is 0 where the connection must end. */
static size_t follow_some(struct frames *frames, uint8_t *bytes, size_t size)
{
    size_t taken = 1;
    switch (frames->state) {
    case FRAMES_PREFACE:
        take_preface(frames, bytes[0]);
        return 1;
    case FRAMES_HEAD:
        frames->head[frames->head_size++] = bytes[0];
        if (frames->head_size == sizeof(frames->head)) {
            frame_begin(frames);
        }
        break;
    case FRAMES_PAYLOAD:
        taken = size < frames->payload_left ? size : frames->payload_left;
        frames->payload_left -= (uint32_t)taken;
        if (!take_payload(frames, bytes, taken)) {
            return 0;
        }
        break;
    case FRAMES_FIRST:
    case FRAMES_FOREIGN:
        return size;
    case FRAMES_REFUSED: /* by who follows it: nothing more is sound */
        return 0;
    }
    if (frames->state == FRAMES_PAYLOAD && frames->payload_left == 0) {
        frame_end(frames);
    }
    return taken;
}

size_t frames_follow(struct frames *frames, uint8_t *bytes, size_t size)
{
    if (frames->state == FRAMES_FIRST && size > 0) {
        frames->from_client = bytes[0] == (uint8_t)preface[0];
        frames->state = frames->from_client ? FRAMES_PREFACE : FRAMES_HEAD;
    }
    size_t sound = 0;
    while (sound < size) {
        size_t taken = follow_some(frames, bytes + sound, size - sound);
        if (taken == 0) {
            break;
        }
        sound += taken;
    }
    return sound;
}
