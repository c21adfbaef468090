/*
 * From a batch to ready messages: UpdateResponse with `records`, or with one `record`. Not for: the
 * stream's other messages (control.h).
 */
#ifndef PS_SINKS_STREAM_ENCODE_H
#define PS_SINKS_STREAM_ENCODE_H

#include "penstock/batch.h"

struct stream_limits {
    size_t records_max;   /* in a message */
    size_t message_bytes; /* of a message's records; a larger record goes alone */
    size_t carried_max;   /* of a whole message; a larger record cannot be sent */
};

struct stream_message {
    uint8_t *bytes; /* memory of ps_malloc */
    size_t size;
};

struct stream_messages {
    struct stream_message *list;
    size_t count, capacity;
    size_t bytes;          /* of all messages */
    uint64_t oversize;     /* records that are larger than message_bytes */
    uint64_t left_out;     /* rows whose record is larger than carried_max */
    uint64_t *left_out_by; /* the same by the column of the largest value, an index into the table's
                             columns; NULL while there are none */
};

/*
 * Encodes all rows. UPSERT and UPDATE carry the batch's columns, NULL as a value of its own; DELETE
 * the key's columns (all where the table has no key). Thread-safe for different batches. NOMEM.
 */
enum ps_status stream_encode(const struct ps_batch *batch, bool with_schema,
                             const struct stream_limits *limits,
                             struct stream_messages *ret_messages,
                             struct ps_error *err) PS_MUST_CHECK;

/* Frees the messages from `first` on, and the list. */
void stream_messages_done(struct stream_messages *messages, size_t first);

#endif
