/*
 * Bytes and habits that no gRPC library would show the server: connections that die in mid-stream,
 * stay silent or speak nonsense. HTTP/2 is written by hand (RFC 9113, RFC 7541).
 */
#include <arpa/inet.h>
#include <grpc/grpc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/thread.h"
#include "rpc/server.h"
#include "toy_server.h"
#include "wire_client.h"

enum { FRAME_DATA = 0, FRAME_HEADERS = 1, FRAME_SETTINGS = 4 };
enum { FLAG_END_STREAM = 1, FLAG_END_HEADERS = 4 };

static int raw_connect(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(handle >= 0);
    struct timeval patience = {.tv_sec = 10};
    assert_int_equal(setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(handle, (struct sockaddr *)&address, sizeof(address)), 0);
    return handle;
}

static void raw_send(int handle, const void *bytes, size_t size)
{
    assert_int_equal(send(handle, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void put_frame(struct ps_buffer *out, uint8_t type, uint8_t flags, uint32_t stream,
                      const struct ps_buffer *payload)
{
    size_t size = payload == NULL ? 0 : payload->size;
    uint8_t head[9] = {(uint8_t)(size >> 16),
                       (uint8_t)(size >> 8),
                       (uint8_t)size,
                       type,
                       flags,
                       (uint8_t)(stream >> 24),
                       (uint8_t)(stream >> 16),
                       (uint8_t)(stream >> 8),
                       (uint8_t)stream};
    ps_buffer_append(out, head, sizeof(head));
    if (size > 0) {
        ps_buffer_append(out, payload->data, size);
    }
}

static void put_header(struct ps_buffer *out, const char *name, const char *value)
{
    /* Literal, not indexed, a new name; no length needs a second byte. */
    assert_true(strlen(name) < 127 && strlen(value) < 127);
    ps_buffer_putc(out, 0);
    ps_buffer_putc(out, (char)strlen(name));
    ps_buffer_puts(out, name);
    ps_buffer_putc(out, (char)strlen(value));
    ps_buffer_puts(out, value);
}

static void put_preface(struct ps_buffer *out)
{
    ps_buffer_puts(out, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    put_frame(out, FRAME_SETTINGS, 0, 0, NULL);
}

static void put_call(struct ps_buffer *out, const char *path, uint32_t stream, uint8_t flags)
{
    struct ps_buffer headers = {0};
    put_header(&headers, ":method", "POST");
    put_header(&headers, ":scheme", "http");
    put_header(&headers, ":path", path);
    put_header(&headers, ":authority", "localhost");
    put_header(&headers, "te", "trailers");
    put_header(&headers, "content-type", "application/grpc");
    put_frame(out, FRAME_HEADERS, FLAG_END_HEADERS | flags, stream, &headers);
    ps_buffer_done(&headers);
}

/* A message of the given length field, with the bytes that follow it. */
static void put_message(struct ps_buffer *out, uint32_t stream, uint8_t flags, uint32_t length,
                        const char *bytes)
{
    struct ps_buffer data = {0};
    uint8_t head[5] = {0, (uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8),
                       (uint8_t)length};
    ps_buffer_append(&data, head, sizeof(head));
    ps_buffer_puts(&data, bytes);
    put_frame(out, FRAME_DATA, flags, stream, &data);
    ps_buffer_done(&data);
}

static void raw_flush(int handle, struct ps_buffer *out)
{
    assert_true(ps_buffer_ok(out));
    raw_send(handle, out->data, out->size);
    ps_buffer_done(out);
}

static void assert_lives(uint16_t port)
{
    struct wire_client client = wire_connect("127.0.0.1", port, false, false);
    struct wire_call call;
    wire_ask(&client, TOY_ECHO, "alive", 5, &call);
    struct wire_message answer = wire_read(&call);
    assert_true(answer.there);
    gpr_free(answer.bytes);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    wire_hang_up(&call);
    wire_disconnect(&client);
}

/* Reads until the bytes have come, or the connection ends (false). */
static bool raw_await(int handle, const char *text)
{
    struct ps_buffer got = {0};
    bool found = false;
    char bytes[4096];
    ssize_t size;
    while (!found && (size = recv(handle, bytes, sizeof(bytes), 0)) > 0) {
        ps_buffer_append(&got, bytes, (size_t)size);
        found = memmem(got.data, got.size, text, strlen(text)) != NULL;
    }
    ps_buffer_done(&got);
    return found;
}

static void test_server_ends_a_method_whose_client_dies(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    int handle = raw_connect(toy.port);
    struct ps_buffer out = {0};
    put_preface(&out);
    put_call(&out, TOY_HOLD, 1, 0);
    put_message(&out, 1, FLAG_END_STREAM, 0, "");
    put_call(&out, TOY_COUNT, 3, 0);
    put_message(&out, 3, FLAG_END_STREAM, 12, "1000000 1000");
    raw_flush(handle, &out);
    TOY_AWAIT(&toy, toy.holding == 1 && toy.counted > 0);
    close(handle); /* With bytes unread: the peer is reset. */
    TOY_AWAIT(&toy, toy.canceled == 1 && toy.holding == 0 && toy.counted_canceled == 1);
    assert_lives(toy.port);
    toy_stop(&toy);
}

static void test_server_needs_no_thread_for_a_request_that_never_comes(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 60000}));
    int silent = raw_connect(toy.port);
    int handle = raw_connect(toy.port);
    struct ps_buffer out = {0};
    put_preface(&out);
    for (uint32_t i = 0; i < 100; i++) {
        put_call(&out, TOY_HOLD, 2 * i + 1, 0);
    }
    put_message(&out, 1, 0, 1000, "a part of it");
    raw_flush(handle, &out);
    assert_lives(toy.port);
    /* They take no place either: Hold lets two in. */
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call call;
    wire_ask(&client, TOY_HOLD, "", 0, &call);
    TOY_AWAIT(&toy, toy.holding == 1);
    toy_let_go(&toy);
    struct wire_message message = wire_read(&call);
    assert_true(message.there);
    gpr_free(message.bytes);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    wire_hang_up(&call);
    wire_disconnect(&client);
    toy_stop(&toy); /* Nor does draining wait for them. */
    close(handle);
    close(silent);
}

static void test_server_refuses_calls_without_a_request(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    static const char *const paths[] = {TOY_ECHO, TOY_HOLD, "/grpc.health.v1.Health/Check",
                                        "/grpc.health.v1.Health/Watch"};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        int handle = raw_connect(toy.port);
        struct ps_buffer out = {0};
        put_preface(&out);
        put_call(&out, paths[i], 1, FLAG_END_STREAM);
        raw_flush(handle, &out);
        assert_true(raw_await(handle, "the call brought no request"));
        close(handle);
    }
    toy_stop(&toy);
}

static void test_server_survives_lengths_that_lie_and_bytes_that_are_no_http(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    int handle = raw_connect(toy.port);
    struct ps_buffer out = {0};
    put_preface(&out);
    put_call(&out, TOY_ECHO, 1, 0);
    put_message(&out, 1, FLAG_END_STREAM, 5, "xx"); /* shorter than it says */
    put_call(&out, TOY_ECHO, 3, 0);
    put_message(&out, 3, 0, UINT32_MAX, "xx"); /* far longer than it will be */
    raw_flush(handle, &out);
    assert_true(raw_await(handle, "grpc-status"));
    close(handle);
    handle = raw_connect(toy.port);
    put_preface(&out);
    put_call(&out, TOY_ECHO, 1, 0);
    struct ps_buffer data = {0};
    ps_buffer_append(&data, "\7\0\0\0\2hi", 7); /* flags that do not exist */
    put_frame(&out, FRAME_DATA, FLAG_END_STREAM, 1, &data);
    ps_buffer_done(&data);
    raw_flush(handle, &out);
    assert_false(raw_await(handle, "grpc-status")); /* It is hung up. */
    close(handle);
    handle = raw_connect(toy.port);
    static const char other[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    raw_send(handle, other, sizeof(other) - 1);
    assert_false(raw_await(handle, "never comes")); /* It is hung up. */
    close(handle);
    assert_lives(toy.port);
    toy_stop(&toy);
}

static int library_start(void **state)
{
    (void)state;
    grpc_init();
    return 0;
}

static int library_end(void **state)
{
    (void)state;
    grpc_shutdown_blocking();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server_ends_a_method_whose_client_dies),
        cmocka_unit_test(test_server_needs_no_thread_for_a_request_that_never_comes),
        cmocka_unit_test(test_server_refuses_calls_without_a_request),
        cmocka_unit_test(test_server_survives_lengths_that_lie_and_bytes_that_are_no_http),
    };
    return cmocka_run_group_tests(tests, library_start, library_end);
}
