/*
 * A server with three toy methods on a thread of its own, and what tests need to steer it: they
 * wait for facts, never for time.
 *   Echo   gives the request back; "!text" fails with the text; "?" gives nothing
 *   Count  a stream: the request is "<messages> <bytes of each>"
 *   Hold   a stream of one message that ends when the test lets it, or the call is canceled; two at
 *          once
 */
#ifndef PS_TESTS_UNIT_RPC_TOY_SERVER_H
#define PS_TESTS_UNIT_RPC_TOY_SERVER_H

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "rpc/server.h"
#include "support/unit.h"

#define TOY_ECHO "/toy.Toy/Echo"
#define TOY_COUNT "/toy.Toy/Count"
#define TOY_HOLD "/toy.Toy/Hold"

struct toy {
    struct ps_rpc_options options;
    struct ps_cancel stop;
    struct ps_thread thread;
    struct ps_mutex lock;
    struct ps_condition changed;
    /* Under the lock: */
    uint16_t port;
    bool returned;
    enum ps_status status;
    struct ps_error err;
    unsigned holding, canceled, counted_canceled;
    uint64_t counted; /* messages that Count has sent */
    bool release;
};

static inline void toy_finish_error(struct ps_rpc_call *call, enum ps_status status,
                                    const struct ps_error *err)
{
    if (status != PS_OK) {
        ps_rpc_call_finish(call, status == PS_DATA ? PS_RPC_INVALID_ARGUMENT : PS_RPC_CANCELLED,
                           err->message);
    }
}

static inline void toy_echo(void *context, struct ps_rpc_call *call)
{
    (void)context;
    size_t size = 0;
    const uint8_t *request = ps_rpc_call_request(call, &size);
    if (size > 0 && request[0] == '!') {
        char text[3000];
        snprintf(text, sizeof(text), "%.*s", (int)size - 1, (const char *)request + 1);
        ps_rpc_call_finish(call, PS_RPC_FAILED_PRECONDITION, text);
        return;
    }
    if (size == 1 && request[0] == '?') {
        return;
    }
    struct ps_error err = {0};
    uint8_t *answer = ps_malloc(size);
    memcpy(answer, request, size);
    toy_finish_error(call, ps_rpc_call_send(call, answer, size, &err), &err);
    if (size == 1 && request[0] == '2') {
        /* A second answer is the method's own mistake. */
        enum ps_status status = ps_rpc_call_send(call, ps_malloc(1), 1, &err);
        ps_rpc_call_finish(call, status == PS_BUG ? PS_RPC_INTERNAL : PS_RPC_UNKNOWN, err.message);
    }
}

static inline void toy_count(void *context, struct ps_rpc_call *call)
{
    struct toy *toy = context;
    struct ps_error err = {0};
    size_t request_size = 0;
    const uint8_t *request = ps_rpc_call_request(call, &request_size);
    unsigned long long messages = 0, size = 0;
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)request_size, (const char *)request);
    if (sscanf(text, "%llu %llu", &messages, &size) != 2) {
        ps_rpc_call_finish(call, PS_RPC_INVALID_ARGUMENT, "no two numbers");
        return;
    }
    for (unsigned long long i = 0; i < messages; i++) {
        uint8_t *message = ps_malloc(size);
        memset(message, (int)('a' + i % 26), size);
        enum ps_status status = ps_rpc_call_send(call, message, size, &err);
        ps_mutex_lock(&toy->lock);
        toy->counted += status == PS_OK ? 1 : 0;
        toy->counted_canceled += status == PS_CANCELED ? 1 : 0;
        ps_condition_broadcast(&toy->changed);
        ps_mutex_unlock(&toy->lock);
        if (status != PS_OK) {
            toy_finish_error(call, status, &err);
            return;
        }
    }
}

static inline void toy_canceled(void *context)
{
    struct toy *toy = context;
    ps_mutex_lock(&toy->lock);
    toy->canceled++;
    ps_condition_broadcast(&toy->changed);
    ps_mutex_unlock(&toy->lock);
}

static inline void toy_hold(void *context, struct ps_rpc_call *call)
{
    struct toy *toy = context;
    struct ps_error err = {0};
    struct ps_cancel *cancel = ps_rpc_call_cancel(call);
    uint8_t *message = ps_malloc(2);
    memcpy(message, "ok", 2);
    enum ps_status status = ps_rpc_call_send(call, message, 2, &err);
    ps_rpc_call_on_cancel(call, toy_canceled, toy);
    ps_mutex_lock(&toy->lock);
    toy->holding++;
    ps_condition_broadcast(&toy->changed);
    while (!toy->release && !ps_cancel_is_set(cancel)) {
        ps_condition_wait(&toy->changed, &toy->lock);
    }
    toy->holding--;
    ps_condition_broadcast(&toy->changed);
    ps_mutex_unlock(&toy->lock);
    ps_rpc_call_on_cancel(call, NULL, NULL);
    toy_finish_error(call, status, &err);
}

static const struct ps_rpc_method toy_methods[] = {
    {.path = TOY_ECHO, .handle = toy_echo},
    {.path = TOY_COUNT, .streams = true, .handle = toy_count},
    {.path = TOY_HOLD, .streams = true, .calls_max = 2, .handle = toy_hold},
    {.path = NULL},
};

static inline void toy_listening(void *context, uint16_t port)
{
    struct toy *toy = context;
    ps_mutex_lock(&toy->lock);
    toy->port = port;
    ps_condition_broadcast(&toy->changed);
    ps_mutex_unlock(&toy->lock);
}

static inline void toy_run(void *context)
{
    struct toy *toy = context;
    struct ps_error err = {0};
    enum ps_status status = ps_rpc_serve(&toy->options, &toy->stop, &err);
    ps_mutex_lock(&toy->lock);
    toy->status = status;
    toy->err = err;
    toy->returned = true;
    ps_condition_broadcast(&toy->changed);
    ps_mutex_unlock(&toy->lock);
}

/* Waits, under the lock, until the condition holds. */
#define TOY_AWAIT(toy, condition)                                                                  \
    do {                                                                                           \
        int64_t toy_deadline = ps_monotonic_ns() + INT64_C(60000000000);                           \
        ps_mutex_lock(&(toy)->lock);                                                               \
        while (!(condition)) {                                                                     \
            assert_true(ps_condition_wait_until(&(toy)->changed, &(toy)->lock, toy_deadline));     \
        }                                                                                          \
        ps_mutex_unlock(&(toy)->lock);                                                             \
    } while (0)

/* Starts it; false: it could not listen (toy->err). */
static inline bool toy_start(struct toy *toy, struct ps_rpc_options options)
{
    memset(toy, 0, sizeof(*toy));
    toy->options = options;
    toy->options.methods = toy_methods;
    toy->options.context = toy;
    toy->options.listening = toy_listening;
    ps_cancel_init(&toy->stop);
    ps_mutex_init(&toy->lock);
    ps_condition_init(&toy->changed);
    struct ps_error err = {0};
    assert_int_equal(ps_thread_start(&toy->thread, "toy", toy_run, toy, &err), PS_OK);
    TOY_AWAIT(toy, toy->port != 0 || toy->returned);
    return toy->port != 0;
}

static inline void toy_let_go(struct toy *toy)
{
    ps_mutex_lock(&toy->lock);
    toy->release = true;
    ps_condition_broadcast(&toy->changed);
    ps_mutex_unlock(&toy->lock);
}

/* Stops it and waits until it has come back. */
static inline void toy_stop(struct toy *toy)
{
    ps_cancel_set(&toy->stop, 0);
    ps_thread_join(&toy->thread);
    ps_condition_done(&toy->changed);
    ps_mutex_done(&toy->lock);
}

#endif
