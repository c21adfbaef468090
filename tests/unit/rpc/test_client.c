/* The client against the server of the same library: answers, ends, and the bound on what is
 * unpacked. */
#include "rpc/client.h"

#include <arpa/inet.h>
#include <grpc/grpc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/thread.h"
#include "toy_server.h"

#define WAIT_MS 60000

static struct ps_cancel cancel;

static struct ps_rpc_client *connect_to(const struct toy *toy, size_t message_bytes_max)
{
    struct ps_rpc_client *client = NULL;
    struct ps_error err = {0};
    const struct ps_rpc_client_options options = {.host = "127.0.0.1",
                                                  .port = toy->port,
                                                  .message_bytes_max = message_bytes_max,
                                                  .cancel = &cancel};
    ps_cancel_init(&cancel);
    assert_int_equal(ps_rpc_client_new(&options, &client, &err), PS_OK);
    assert_int_equal(ps_rpc_client_wait(client, WAIT_MS, &err), PS_OK);
    return client;
}

static enum ps_status ask(struct ps_rpc_client *client, const char *path, const char *request,
                          struct ps_buffer *answer, struct ps_error *err)
{
    struct ps_buffer bytes;
    ps_buffer_init(&bytes, 0);
    ps_buffer_append(&bytes, request, strlen(request));
    enum ps_status status = ps_rpc_client_call(client, path, &bytes, WAIT_MS, answer, err);
    ps_buffer_done(&bytes);
    return status;
}

static void test_client_gets_answers_and_failures(void **state)
{
    (void)state;
    struct toy toy;
    struct ps_buffer answer;
    struct ps_error err = {0};
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct ps_rpc_client *client = connect_to(&toy, 1 << 20);
    ps_buffer_init(&answer, 0);
    assert_int_equal(ask(client, TOY_ECHO, "hello", &answer, &err), PS_OK);
    assert_string_equal(ps_buffer_text(&answer), "hello");
    assert_int_equal(ask(client, TOY_ECHO, "!not set up", &answer, &err), PS_DATA);
    assert_int_equal(err.vendor_code, GRPC_STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(err.message, "FAILED_PRECONDITION: not set up"));
    assert_int_equal(ask(client, "/toy.Toy/Absent", "", &answer, &err), PS_DATA);
    assert_int_equal(err.vendor_code, GRPC_STATUS_UNIMPLEMENTED);
    ps_buffer_done(&answer);
    ps_rpc_client_free(client);
    toy_stop(&toy);
}

/* Reads `Count` to its end; the number of messages, and how it ended. */
static int count(struct ps_rpc_client *client, const char *request, size_t size,
                 enum ps_status *ret_status, struct ps_error *err)
{
    struct ps_rpc_stream *stream = NULL;
    struct ps_buffer bytes;
    int messages = 0;
    ps_buffer_init(&bytes, 0);
    ps_buffer_append(&bytes, request, strlen(request));
    assert_int_equal(ps_rpc_stream_open(client, TOY_COUNT, &bytes, &stream, err), PS_OK);
    for (;;) {
        uint8_t *message = NULL;
        size_t got = 0;
        *ret_status = ps_rpc_stream_next(stream, WAIT_MS, &message, &got, err);
        if (*ret_status != PS_OK) {
            break;
        }
        assert_int_equal(got, size);
        assert_true(size == 0 || (message[0] == 'a' + messages % 26 &&
                                  message[size - 1] == 'a' + messages % 26));
        ps_free(message);
        messages++;
    }
    ps_rpc_stream_close(stream);
    ps_buffer_done(&bytes);
    return messages;
}

static void test_client_unpacks_what_is_compressed(void **state)
{
    (void)state;
    for (int gzip = 0; gzip <= 1; gzip++) {
        struct toy toy;
        struct ps_error err = {0};
        enum ps_status status;
        assert_true(toy_start(&toy, (struct ps_rpc_options){.gzip = gzip}));
        struct ps_rpc_client *client = connect_to(&toy, 100000);
        assert_int_equal(count(client, "50 100000", 100000, &status, &err), 50);
        assert_int_equal(status, PS_END);
        assert_int_equal(count(client, "3 0", 0, &status, &err), 3);
        assert_int_equal(status, PS_END);
        ps_rpc_client_free(client);
        toy_stop(&toy);
    }
}

/* Compressed it is far below the bound: nobody but the client itself can know. */
static void test_client_refuses_what_unpacks_to_too_much(void **state)
{
    (void)state;
    struct toy toy;
    struct ps_error err = {0};
    enum ps_status status;
    for (int gzip = 0; gzip <= 1; gzip++) {
        assert_true(toy_start(&toy, (struct ps_rpc_options){.gzip = gzip}));
        struct ps_rpc_client *client = connect_to(&toy, 100000);
        assert_int_equal(count(client, "1 100001", 100001, &status, &err), 0);
        assert_int_equal(status, PS_DATA);
        assert_int_equal(err.vendor_code, GRPC_STATUS_RESOURCE_EXHAUSTED);
        assert_non_null(strstr(err.message, "larger than max"));
        assert_int_equal(strstr(err.message, "when it is unpacked") != NULL, gzip);
        /* The next call is another one. */
        assert_int_equal(count(client, "2 10", 10, &status, &err), 2);
        assert_int_equal(status, PS_END);
        ps_rpc_client_free(client);
        toy_stop(&toy);
    }
}

static void note_wait(void *context, int64_t waited_ms)
{
    int64_t *waits = context;
    waits[0]++;
    waits[1] = waited_ms;
}

/* It accepts connections and says nothing. */
static int listen_mutely(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 5), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void test_client_tells_a_mute_listener_from_nobody(void **state)
{
    (void)state;
    uint16_t port = 0;
    int fd = listen_mutely(&port);
    for (int open = 1; open >= 0; open--) {
        struct ps_rpc_client *client = NULL;
        struct ps_error err = {0};
        const struct ps_rpc_client_options options = {
            .host = "127.0.0.1", .port = port, .message_bytes_max = 1000, .cancel = &cancel};
        ps_cancel_init(&cancel);
        assert_int_equal(ps_rpc_client_new(&options, &client, &err), PS_OK);
        assert_int_equal(ps_rpc_client_wait(client, 100, &err), PS_RETRY);
        assert_non_null(strstr(err.message, open ? "what listens on" : "nobody answers on"));
        ps_rpc_client_free(client);
        if (open) {
            close(fd);
        }
    }
}

static void test_client_tells_that_it_waits(void **state)
{
    (void)state;
    struct toy toy;
    struct ps_buffer request, answer;
    struct ps_rpc_client *client = NULL;
    struct ps_error err = {0};
    int64_t waits[2] = {0};
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    const struct ps_rpc_client_options options = {.host = "127.0.0.1",
                                                  .port = toy.port,
                                                  .message_bytes_max = 1000,
                                                  .cancel = &cancel,
                                                  .waiting = note_wait,
                                                  .waiting_context = waits,
                                                  .notice_ms = 20};
    ps_cancel_init(&cancel);
    ps_buffer_init(&request, 0);
    ps_buffer_init(&answer, 0);
    assert_int_equal(ps_rpc_client_new(&options, &client, &err), PS_OK);
    assert_int_equal(ps_rpc_client_wait(client, WAIT_MS, &err), PS_OK);
    assert_int_equal(ps_rpc_client_call(client, TOY_HOLD, &request, 90, &answer, &err), PS_RETRY);
    assert_int_equal(waits[0], 4);
    assert_int_equal(waits[1], 80);
    ps_buffer_done(&request);
    ps_buffer_done(&answer);
    ps_rpc_client_free(client);
    toy_stop(&toy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_client_gets_answers_and_failures),
        cmocka_unit_test(test_client_unpacks_what_is_compressed),
        cmocka_unit_test(test_client_refuses_what_unpacks_to_too_much),
        cmocka_unit_test(test_client_tells_a_mute_listener_from_nobody),
        cmocka_unit_test(test_client_tells_that_it_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
