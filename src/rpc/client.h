/*
 * A gRPC client on C-core: one connection over plaintext, calls one after the other, each cut off
 * by a deadline or the cancel token. It knows no service. Not for: what the messages mean.
 *
 * Threads: one at a time, but for ps_rpc_stream_stop, which any thread may call.
 */
#ifndef PS_RPC_CLIENT_H
#define PS_RPC_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "penstock/error.h"

struct ps_rpc_client;
struct ps_rpc_stream;

struct ps_rpc_client_options {
    const char *host; /* a name or an address of either family */
    uint16_t port;
    size_t message_bytes_max; /* of a message received, also unpacked; a larger one ends its call */
    struct ps_cancel *cancel; /* ends every wait; outlives the client */
    /* Told each time that a ps_rpc_client_call has waited for notice_ms more; NULL: nobody is. */
    void (*waiting)(void *context, int64_t waited_ms);
    void *waiting_context;
    int64_t notice_ms;
};

enum ps_status ps_rpc_client_new(const struct ps_rpc_client_options *options,
                                 struct ps_rpc_client **ret_client,
                                 struct ps_error *err) PS_MUST_CHECK;
void ps_rpc_client_free(struct ps_rpc_client *client); /* NULL is fine */

/* Tries to connect until somebody answers. RETRY (network): nobody did in time, or what listens
 * there does not speak gRPC; the message says which. CANCELED. */
enum ps_status ps_rpc_client_wait(struct ps_rpc_client *client, int64_t timeout_ms,
                                  struct ps_error *err) PS_MUST_CHECK;

/*
 * A call with one answer, which is put into `answer`. An answer other than OK: DATA, with gRPC's
 * code as the vendor code and its text in the message; RETRY (timeout): none in time. CANCELED.
 */
enum ps_status ps_rpc_client_call(struct ps_rpc_client *client, const char *path,
                                  const struct ps_buffer *request, int64_t timeout_ms,
                                  struct ps_buffer *answer, struct ps_error *err) PS_MUST_CHECK;

/* A call whose answer is a stream. */
enum ps_status ps_rpc_stream_open(struct ps_rpc_client *client, const char *path,
                                  const struct ps_buffer *request,
                                  struct ps_rpc_stream **ret_stream,
                                  struct ps_error *err) PS_MUST_CHECK;
/*
 * The next message, which the caller frees with ps_free. END: the stream ended with OK. RETRY
 * (timeout): none came in time, the stream goes on. DATA: it ended with another code, as above.
 * CANCELED: by the token or by ps_rpc_stream_stop.
 */
enum ps_status ps_rpc_stream_next(struct ps_rpc_stream *stream, int64_t timeout_ms,
                                  uint8_t **ret_message, size_t *ret_size,
                                  struct ps_error *err) PS_MUST_CHECK;
/* Ends the call from any thread: the other side sees a cancelled call. */
void ps_rpc_stream_stop(struct ps_rpc_stream *stream);
void ps_rpc_stream_close(struct ps_rpc_stream *stream); /* NULL is fine */

#endif
