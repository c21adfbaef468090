/*
 * The stream of a binary COPY: its head, rows and trailer, decoded into batches. Read by position,
 * since a row may end in a later message than it began in. Knows no connection (reader.c).
 */
#ifndef PS_SOURCES_POSTGRESQL_STREAM_H
#define PS_SOURCES_POSTGRESQL_STREAM_H

#include "base/buffer.h"
#include "sources/postgresql/types.h"

enum stream_result {
    STREAM_FULL,   /* the batch has all that it takes */
    STREAM_MORE,   /* the bytes are used up, or the trailer has come */
    STREAM_NOMEM,  /* memory ran out */
    STREAM_BROKEN, /* the bytes are not what they must be: see `broken` */
};

struct stream {
    const struct type_field *fields; /* borrowed; field i of a row is column i of the batch */
    uint32_t fields_count;
    uint32_t value_bytes_max;
    bool has_places; /* each row's last field is its ctid, which is no column of the batch */
    bool placed;     /* a row was taken, whose place follows */
    uint32_t block;
    uint16_t place;
    bool has_head, has_trailer;
    const char *broken; /* a static text */
    /* What is being read: the bytes last fed, or `rest`. */
    const uint8_t *data;
    size_t size, used;
    struct ps_buffer rest;
};

void stream_init(struct stream *stream, const struct type_field *fields, uint32_t fields_count,
                 uint32_t value_bytes_max);
void stream_done(struct stream *stream);

/* Another COPY of the same fields follows: its head comes next. */
void stream_restart(struct stream *stream, bool has_places);

/*
 * The next bytes; borrowed until the next call, when those of the call before are no more needed.
 * False: no memory.
 */
bool stream_feed(struct stream *stream, const void *bytes, size_t size);

/* Decodes what is there. */
enum stream_result stream_decode(struct stream *stream, struct ps_batch *batch);

#endif
