/*
 * The stream sink: operations become messages of the Partner SDK's Update stream
 * (UpdateResponse, proto/connector_sdk.proto). It knows the messages, not the transport.
 */
#ifndef PS_SINKS_STREAM_STREAM_H
#define PS_SINKS_STREAM_STREAM_H

#include "penstock/sink.h"

/* Where messages go. Handed to the sink's open as ps_sink_request.stream; outlives the sink. */
struct ps_stream {
    void *context;
    /* Takes the message (memory of ps_malloc), also when it fails; blocks while the other side is
     * slow. Called by the writer alone. */
    enum ps_status (*send)(void *context, uint8_t *message, size_t size, struct ps_error *err);
    size_t message_bytes; /* of a message's records; a larger record goes alone. 0: 1 MiB */
    bool with_schema;     /* records and schema changes name their schema */
};

extern const struct ps_sink_ops ps_sink_stream;

#endif
