/*
 * Update: the request, the thread that receives, and the loop that takes what it received. See
 * session.h.
 */
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/protobuf.h"
#include "base/queue.h"
#include "tester/session.h"

#define QUEUE_ITEMS 4096u
#define QUEUE_BYTES ((size_t)32 << 20)
#define POLL_MS 100
#define NOTICE_SECONDS 60
#define CODE_RESOURCE_EXHAUSTED 8

struct message {
    uint8_t *bytes;
    size_t size;
};

/* The receiving thread's. `status` and `error` are read after it was joined. */
struct receiver {
    const struct ps_tester_wire *wire;
    struct ps_queue *queue;
    atomic_bool quit;
    enum ps_status status;
    struct ps_error error;
};

static void message_free(struct message *message)
{
    ps_free(message->bytes);
    ps_free(message);
}

static enum ps_status receive(struct receiver *receiver, struct ps_error *err)
{
    struct message *message = ps_calloc(1, sizeof *message);
    if (message == NULL) {
        return ps_fail_nomem(err, "receiving a message");
    }
    enum ps_status status = receiver->wire->next(receiver->wire->context, POLL_MS, &message->bytes,
                                                 &message->size, err);
    if (status != PS_OK) {
        ps_free(message);
        return status == PS_RETRY && err->error_class == PS_CLASS_TIMEOUT ? PS_OK : status;
    }
    if (ps_queue_push(receiver->queue, message, 1, message->size, -1) != PS_QUEUE_OK) {
        message_free(message);
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "interrupted");
    }
    return PS_OK;
}

static void receive_all(void *argument)
{
    struct receiver *receiver = argument;
    enum ps_status status = PS_OK;
    while (status == PS_OK && !atomic_load(&receiver->quit)) {
        status = receive(receiver, &receiver->error);
    }
    receiver->status = status;
    ps_queue_close(receiver->queue);
}

/* Nothing waits. Says so from time to time; RETRY... as a failure of the connector in the end. */
static enum ps_status idle(struct session *session, int64_t since_ns, int64_t *noticed,
                           struct ps_error *err)
{
    int64_t seconds = (ps_monotonic_ns() - since_ns) / 1000000000;
    if (ps_cancel_is_set(session->request->cancel)) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "interrupted");
    }
    if (seconds >= session->request->idle_seconds) {
        return ps_fail(err, PS_DATA, PS_CLASS_TIMEOUT,
                       "the connector sent nothing for %lld s: it hangs, or works without a word; "
                       "--idle-seconds gives it longer",
                       (long long)seconds);
    }
    if (seconds / NOTICE_SECONDS > *noticed) {
        *noticed = seconds / NOTICE_SECONDS;
        session_tell(session, &(struct ps_tester_event){.kind = PS_TESTER_WAITING,
                                                        .number = (uint64_t)seconds});
    }
    return PS_OK;
}

/* Takes messages until the queue is closed. */
static enum ps_status take_all(struct session *session, struct receiver *receiver,
                               struct ps_error *err)
{
    enum ps_status status = PS_OK;
    int64_t since_ns = ps_monotonic_ns(), noticed = 0;
    for (;;) {
        void *item = NULL;
        switch (ps_queue_pop(receiver->queue, &item, POLL_MS * INT64_C(1000000))) {
        case PS_QUEUE_CLOSED:
            return PS_OK;
        case PS_QUEUE_TIMEOUT:
            status = idle(session, since_ns, &noticed, err);
            break;
        case PS_QUEUE_OK: {
            struct message *message = item;
            status = ps_cancel_is_set(session->request->cancel)
                         ? ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "interrupted")
                         : session_take(session, message->bytes, message->size, err);
            message_free(message);
            since_ns = ps_monotonic_ns();
            noticed = 0;
            break;
        }
        }
        if (status != PS_OK) {
            return status;
        }
    }
}

static void drain(struct ps_queue *queue)
{
    void *item = NULL;
    while (ps_queue_pop(queue, &item, 0) == PS_QUEUE_OK) {
        message_free(item);
    }
}

/* What the stream's end says. */
static enum ps_status received(struct session *session, const struct receiver *receiver,
                               struct ps_error *err)
{
    if (receiver->status == PS_END) {
        return PS_OK;
    }
    *err = receiver->error;
    if (err->vendor_code == CODE_RESOURCE_EXHAUSTED &&
        strstr(err->message, "larger than max") != NULL) {
        breach_add(&session->breaches, BREACH_MESSAGE_SIZE, &(struct breach_place){0}, NULL);
        return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                       "the connector sent a message of more than 128 MiB, which the platform "
                       "refuses: send fewer or smaller records a message");
    }
    if (receiver->status == PS_DATA) {
        ps_error_prefix(err, "Update");
    }
    return receiver->status;
}

static enum ps_status run(struct session *session, struct ps_error *err)
{
    struct receiver receiver = {.wire = &session->request->wire};
    struct ps_thread thread = {0};
    enum ps_status status = ps_queue_new(QUEUE_ITEMS, SIZE_MAX, QUEUE_BYTES, &receiver.queue, err);
    if (status != PS_OK) {
        return status;
    }
    status = ps_thread_start(&thread, "tester-receive", receive_all, &receiver, err);
    if (status == PS_OK) {
        status = take_all(session, &receiver, err);
        if (status != PS_OK) {
            atomic_store(&receiver.quit, true);
            receiver.wire->stop(receiver.wire->context);
            ps_queue_close(receiver.queue);
        }
    }
    ps_thread_join(&thread);
    drain(receiver.queue);
    ps_queue_free(receiver.queue);
    return status == PS_OK ? received(session, &receiver, err) : status;
}

enum ps_status session_stream(struct session *session, struct ps_error *err)
{
    const struct ps_tester_wire *wire = &session->request->wire;
    const struct ps_state *state = session->request->state;
    struct ps_buffer request;
    ps_buffer_init(&request, 0);
    session_put_configuration(session, &request, 1);
    /* An empty state is a first sync's, which every connector knows as {}. */
    if (state->connector == NULL || state->connector_size == 0) {
        ps_pb_put_text(&request, 3, "{}");
    } else {
        ps_pb_put_bytes(&request, 3, state->connector, state->connector_size);
    }
    session->roster.streaming = true;
    enum ps_status status = wire->open(wire->context, "Update", &request, err);
    ps_buffer_done(&request);
    if (status == PS_OK) {
        status = run(session, err);
    }
    return status == PS_OK ? session_complete(session, err) : status;
}
