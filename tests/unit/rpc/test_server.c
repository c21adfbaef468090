/* The server and a client of the same library: calls, streams, limits, cancelling, draining. */
#include "rpc/server.h"

#include "base/thread.h"
#include "support/torture.h"
#include "toy_server.h"
#include "wire_client.h"

#define MIB ((size_t)1 << 20)

static void assert_echo(struct wire_client *client, const void *bytes, size_t size)
{
    struct wire_call call;
    wire_ask(client, TOY_ECHO, bytes, size, &call);
    struct wire_message answer = wire_read(&call);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    assert_true(answer.there);
    assert_int_equal(answer.size, size);
    assert_memory_equal(answer.bytes, bytes, size);
    gpr_free(answer.bytes);
    wire_hang_up(&call);
}

/* Opens a call of Hold and waits until it holds. */
static void open_hold(struct wire_client *client, struct wire_call *call)
{
    wire_ask(client, TOY_HOLD, "", 0, call);
    struct wire_message message = wire_read(call);
    assert_true(message.there);
    gpr_free(message.bytes);
}

static void assert_ends(struct wire_client *client, const char *path, const char *request,
                        grpc_status_code code, const char *text)
{
    struct wire_call call;
    wire_ask(client, path, request, strlen(request), &call);
    struct wire_message answer = wire_read(&call);
    assert_int_equal(wire_status(&call), code);
    assert_true(wire_details_contain(&call, text));
    gpr_free(answer.bytes);
    wire_hang_up(&call);
}

static void test_server_answers_unary_calls(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    assert_echo(&client, "hello", 5);
    assert_echo(&client, "", 0);
    assert_ends(&client, TOY_ECHO, "!it is not set up: \xc3\xa4", GRPC_STATUS_FAILED_PRECONDITION,
                "it is not set up: \xc3\xa4");
    assert_ends(&client, TOY_ECHO, "?", GRPC_STATUS_INTERNAL, "gave no answer");
    assert_ends(&client, TOY_ECHO, "2", GRPC_STATUS_INTERNAL, "a second answer");
    wire_disconnect(&client);
    toy_stop(&toy);
    assert_int_equal(toy.status, PS_OK);
}

static void test_server_listens_on_both_families(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client four = wire_connect("127.0.0.1", toy.port, false, false);
    assert_echo(&four, "4", 1);
    wire_disconnect(&four);
    FILE *file = fopen("/proc/net/if_inet6", "r");
    int first = file != NULL ? fgetc(file) : EOF;
    if (file != NULL) {
        fclose(file);
    }
    if (first != EOF) { /* The machine has IPv6. */
        struct wire_client six = wire_connect("[::1]", toy.port, false, false);
        assert_echo(&six, "6", 1);
        wire_disconnect(&six);
    }
    toy_stop(&toy);
}

static void test_server_listens_on_one_address_where_asked(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.host = "127.0.0.1"}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    assert_echo(&client, "x", 1);
    wire_disconnect(&client);
    toy_stop(&toy);
    assert_false(toy_start(&toy, (struct ps_rpc_options){.host = "192.0.2.1", .port = 1}));
    assert_int_equal(toy.status, PS_CONFIG);
    assert_non_null(strstr(toy.err.message, "192.0.2.1"));
    toy_stop(&toy);
}

static void test_server_streams_messages_in_order(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call call;
    wire_ask(&client, TOY_COUNT, "1000 500", 8, &call);
    for (int i = 0; i < 1000; i++) {
        struct wire_message message = wire_read(&call);
        assert_true(message.there);
        assert_int_equal(message.size, 500);
        assert_int_equal(message.bytes[499], 'a' + i % 26);
        gpr_free(message.bytes);
    }
    assert_false(wire_read(&call).there);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    wire_hang_up(&call);
    wire_ask(&client, TOY_COUNT, "0 0", 3, &call); /* An empty stream is an answer. */
    assert_false(wire_read(&call).there);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    wire_hang_up(&call);
    wire_disconnect(&client);
    toy_stop(&toy);
}

static void test_server_names_a_method_that_it_does_not_have(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    assert_ends(&client, "/toy.Toy/Nothing", "", GRPC_STATUS_UNIMPLEMENTED, "/toy.Toy/Nothing");
    assert_ends(&client, "/", "", GRPC_STATUS_UNIMPLEMENTED, "/");
    assert_echo(&client, "still here", 10);
    wire_disconnect(&client);
    toy_stop(&toy);
}

static void test_server_carries_large_messages_and_refuses_larger_ones(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    uint8_t *large = ps_malloc(5 * MIB);
    memset(large, 'x', 5 * MIB);
    assert_echo(&client, large, 5 * MIB);
    ps_free(large);
    struct wire_call call;
    wire_ask(&client, TOY_COUNT, "1 104857600", 11, &call);
    struct wire_message message = wire_read(&call);
    assert_int_equal(message.size, 100 * MIB);
    gpr_free(message.bytes);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    wire_hang_up(&call);
    assert_ends(&client, TOY_COUNT, "1 134217729", GRPC_STATUS_INVALID_ARGUMENT,
                "134217729 bytes cannot be sent");
    wire_disconnect(&client);
    toy_stop(&toy);
}

static void test_server_with_gzip_compresses_and_reads_either_form(void **state)
{
    (void)state;
    static uint8_t text[100000];
    memset(text, 'g', sizeof(text));
    for (int gzip = 0; gzip <= 1; gzip++) {
        struct toy toy;
        assert_true(toy_start(&toy, (struct ps_rpc_options){.gzip = gzip}));
        for (int asked = 0; asked <= 1; asked++) {
            struct wire_client client = wire_connect("127.0.0.1", toy.port, false, asked);
            assert_echo(&client, text, sizeof(text));
            wire_disconnect(&client);
        }
        struct wire_client raw = wire_connect("127.0.0.1", toy.port, true, false);
        struct wire_call call;
        wire_ask(&raw, TOY_ECHO, text, sizeof(text), &call);
        struct wire_message message = wire_read(&call);
        assert_true(message.there);
        assert_int_equal(call.compression, gzip ? GRPC_COMPRESS_GZIP : GRPC_COMPRESS_NONE);
        assert_int_equal(message.size < sizeof(text) / 10, gzip);
        gpr_free(message.bytes);
        wire_hang_up(&call);
        wire_disconnect(&raw);
        toy_stop(&toy);
    }
}

struct crowd {
    struct ps_thread thread;
    uint16_t port;
    unsigned done;
};

static void crowd_run(void *context)
{
    struct crowd *crowd = context;
    struct wire_client client = wire_connect("127.0.0.1", crowd->port, false, false);
    for (int i = 0; i < 10; i++) {
        struct wire_call call;
        wire_ask(&client, TOY_COUNT, "20 1000", 7, &call);
        int messages = 0;
        struct wire_message message;
        while ((message = wire_read(&call)).there) {
            messages++;
            gpr_free(message.bytes);
        }
        crowd->done += messages == 20 && wire_status(&call) == GRPC_STATUS_OK;
        wire_hang_up(&call);
    }
    wire_disconnect(&client);
}

static void test_server_serves_many_at_once(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct crowd crowds[8] = {0};
    struct ps_error err = {0};
    for (int i = 0; i < 8; i++) {
        crowds[i].port = toy.port;
        assert_int_equal(ps_thread_start(&crowds[i].thread, "crowd", crowd_run, &crowds[i], &err),
                         PS_OK);
    }
    for (int i = 0; i < 8; i++) {
        ps_thread_join(&crowds[i].thread);
        assert_int_equal(crowds[i].done, 10);
    }
    toy_stop(&toy);
    assert_int_equal(toy.counted, 8 * 10 * 20);
}

static void test_server_beyond_calls_max_is_exhausted_until_one_ends(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call first, second;
    open_hold(&client, &first);
    open_hold(&client, &second);
    for (int i = 0; i < 3; i++) {
        assert_ends(&client, TOY_HOLD, "", GRPC_STATUS_RESOURCE_EXHAUSTED, TOY_HOLD);
    }
    assert_echo(&client, "others go on", 12);
    toy_let_go(&toy);
    assert_int_equal(wire_status(&first), GRPC_STATUS_OK);
    assert_int_equal(wire_status(&second), GRPC_STATUS_OK);
    wire_hang_up(&first);
    wire_hang_up(&second);
    /* As soon as the client knows that a call is over, it may make the next. */
    for (int i = 0; i < 50; i++) {
        assert_ends(&client, TOY_HOLD, "", GRPC_STATUS_OK, "");
    }
    wire_disconnect(&client);
    toy_stop(&toy);
}

static void test_server_tells_a_method_that_its_client_canceled(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call call;
    open_hold(&client, &call);
    TOY_AWAIT(&toy, toy.holding == 1);
    wire_hang_up(&call);
    TOY_AWAIT(&toy, toy.canceled == 1 && toy.holding == 0);
    wire_disconnect(&client);
    toy_stop(&toy);
}

static void test_server_stops_sending_when_the_client_cancels_in_mid_stream(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call call;
    wire_ask(&client, TOY_COUNT, "1000000 100000", 14, &call);
    for (int i = 0; i < 3; i++) {
        struct wire_message message = wire_read(&call);
        assert_true(message.there);
        gpr_free(message.bytes);
    }
    wire_hang_up(&call);
    TOY_AWAIT(&toy, toy.counted_canceled == 1);
    wire_disconnect(&client);
    toy_stop(&toy);
    /* A client that does not read holds the sender up: 100 GB were asked for. */
    assert_true(toy.counted < 10000);
}

static void test_server_drains_calls_under_way_and_refuses_new_ones(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 60000}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call call, watch, silent;
    open_hold(&client, &call);
    TOY_AWAIT(&toy, toy.holding == 1);
    wire_open(&client, TOY_ECHO, &silent); /* Never sends its request. */
    wire_ask(&client, "/grpc.health.v1.Health/Watch", "", 0, &watch);
    struct wire_message message = wire_read(&watch);
    assert_memory_equal(message.bytes, "\x08\x01", 2);
    gpr_free(message.bytes);
    ps_cancel_set(&toy.stop, 0);
    message = wire_read(&watch);
    assert_true(message.there);
    assert_memory_equal(message.bytes, "\x08\x02", 2);
    gpr_free(message.bytes);
    assert_int_equal(wire_status(&silent), GRPC_STATUS_UNAVAILABLE);
    assert_ends(&client, TOY_ECHO, "new", GRPC_STATUS_UNAVAILABLE, "shutting down");
    struct wire_call check;
    wire_ask(&client, "/grpc.health.v1.Health/Check", "", 0, &check);
    message = wire_read(&check);
    assert_true(message.there);
    assert_memory_equal(message.bytes, "\x08\x02", 2);
    gpr_free(message.bytes);
    toy_let_go(&toy);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    assert_int_equal(wire_status(&watch), GRPC_STATUS_UNAVAILABLE);
    wire_hang_up(&check);
    wire_hang_up(&silent);
    wire_hang_up(&watch);
    wire_hang_up(&call);
    wire_disconnect(&client);
    toy_stop(&toy);
    assert_int_equal(toy.status, PS_OK);
    assert_int_equal(toy.canceled, 0);
}

static void test_server_cancels_what_is_not_done_when_draining_ends(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 1}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    struct wire_call holding, stuck;
    open_hold(&client, &holding);
    TOY_AWAIT(&toy, toy.holding == 1);
    wire_ask(&client, TOY_COUNT, "1000000 100000", 14, &stuck); /* Nobody reads it. */
    TOY_AWAIT(&toy, toy.counted > 0);
    toy_stop(&toy);
    assert_int_equal(toy.canceled, 1);
    assert_int_equal(toy.counted_canceled, 1);
    assert_int_equal(wire_status(&holding), GRPC_STATUS_UNAVAILABLE);
    assert_true(wire_details_contain(&holding, "shutting down"));
    wire_hang_up(&holding);
    wire_hang_up(&stuck);
    wire_disconnect(&client);
}

static void test_server_on_a_taken_port_says_so(void **state)
{
    (void)state;
    struct toy first, second;
    char number[16];
    assert_true(toy_start(&first, (struct ps_rpc_options){.drain_ms = 0}));
    assert_false(toy_start(&second, (struct ps_rpc_options){.port = first.port}));
    assert_int_equal(second.status, PS_CONFIG);
    assert_int_equal(second.err.error_class, PS_CLASS_SETTING);
    snprintf(number, sizeof(number), "port %u", first.port);
    assert_non_null(strstr(second.err.message, number));
    assert_non_null(strstr(second.err.message, "in use"));
    toy_stop(&second);
    struct wire_client client = wire_connect("127.0.0.1", first.port, false, false);
    assert_echo(&client, "untouched", 9);
    wire_disconnect(&client);
    uint16_t port = first.port;
    toy_stop(&first);
    /* A port is free again at once. */
    assert_true(toy_start(&first, (struct ps_rpc_options){.port = port}));
    assert_int_equal(first.port, port);
    toy_stop(&first);
}

static void test_server_answers_reflection_on_one_stream(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    static const char *const paths[] = {
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
    for (int i = 0; i < 2; i++) {
        struct wire_call call;
        wire_open(&client, paths[i], &call);
        assert_true(wire_write(&call, "\x3a\x00", 2)); /* list_services */
        struct wire_message message = wire_read(&call);
        assert_true(message.there);
        assert_non_null(memmem(message.bytes, message.size, "toy.Toy", 7));
        assert_non_null(memmem(message.bytes, message.size, "grpc.health.v1.Health", 21));
        gpr_free(message.bytes);
        assert_true(wire_write(&call, "\x22\x15grpc.health.v1.Health", 23));
        message = wire_read(&call);
        assert_true(message.there);
        assert_non_null(memmem(message.bytes, message.size, "HealthCheckRequest", 18));
        gpr_free(message.bytes);
        wire_half_close(&call);
        assert_false(wire_read(&call).there);
        assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
        wire_hang_up(&call);
        wire_ask(&client, paths[i], "\x3a", 1, &call); /* cut off */
        assert_false(wire_read(&call).there);
        assert_int_equal(wire_status(&call), GRPC_STATUS_INVALID_ARGUMENT);
        wire_hang_up(&call);
        wire_open(&client, paths[i], &call); /* A client that goes away in between. */
        wire_hang_up(&call);
    }
    wire_disconnect(&client);
    toy_stop(&toy);
}

static void test_server_answers_health_by_service(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    static const char check[] = "/grpc.health.v1.Health/Check";
    static const char watch[] = "/grpc.health.v1.Health/Watch";
    struct wire_call call;
    wire_ask(&client, check, "\x0a\x07toy.Toy", 9, &call);
    struct wire_message message = wire_read(&call);
    assert_memory_equal(message.bytes, "\x08\x01", 2);
    gpr_free(message.bytes);
    assert_int_equal(wire_status(&call), GRPC_STATUS_OK);
    wire_hang_up(&call);
    assert_ends(&client, check, "\x0a\x04none", GRPC_STATUS_NOT_FOUND, "no service");
    assert_ends(&client, check, "\x0a\x04non", GRPC_STATUS_INVALID_ARGUMENT, "HealthCheckRequest");
    wire_ask(&client, watch, "\x0a\x04none", 6, &call);
    message = wire_read(&call);
    assert_memory_equal(message.bytes, "\x08\x03", 2);
    gpr_free(message.bytes);
    wire_hang_up(&call);
    wire_disconnect(&client);
    toy_stop(&toy);
}

static enum ps_status serve_stopped(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_cancel stop;
    ps_cancel_init(&stop);
    ps_cancel_set(&stop, 0);
    struct ps_rpc_options options = {.host = "127.0.0.1", .methods = toy_methods};
    return ps_rpc_serve(&options, &stop, err);
}

static void test_server_out_of_memory_at_its_start_says_so(void **state)
{
    (void)state;
    torture(serve_stopped, NULL);
}

/* Calls are made while the Nth allocation fails; the server answers one way or the other. */
static void test_server_out_of_memory_ends_the_call_and_lives_on(void **state)
{
    (void)state;
    struct toy toy;
    assert_true(toy_start(&toy, (struct ps_rpc_options){.drain_ms = 0}));
    struct wire_client client = wire_connect("127.0.0.1", toy.port, false, false);
    unsigned refused = 0;
    assert_echo(&client, "the connection is there", 23);
    for (int64_t n = 0; n < 12; n++) {
        struct wire_call call;
        ps_alloc_fail_after(n, 0);
        wire_ask(&client, "/grpc.health.v1.Health/Check", "", 0, &call);
        struct wire_message answer = wire_read(&call);
        grpc_status_code code = wire_status(&call);
        assert_true(code == GRPC_STATUS_OK || code == GRPC_STATUS_RESOURCE_EXHAUSTED);
        refused += code != GRPC_STATUS_OK;
        ps_alloc_fail_after(-1, 0);
        gpr_free(answer.bytes);
        wire_hang_up(&call);
    }
    assert_true(refused > 0);
    assert_echo(&client, "still here", 10);
    wire_disconnect(&client);
    toy_stop(&toy);
}

static int library_start(void **state)
{
    (void)state;
    grpc_init(); /* For the clients, which outlive their servers. */
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
        cmocka_unit_test(test_server_answers_unary_calls),
        cmocka_unit_test(test_server_listens_on_both_families),
        cmocka_unit_test(test_server_listens_on_one_address_where_asked),
        cmocka_unit_test(test_server_streams_messages_in_order),
        cmocka_unit_test(test_server_names_a_method_that_it_does_not_have),
        cmocka_unit_test(test_server_carries_large_messages_and_refuses_larger_ones),
        cmocka_unit_test(test_server_with_gzip_compresses_and_reads_either_form),
        cmocka_unit_test(test_server_serves_many_at_once),
        cmocka_unit_test(test_server_beyond_calls_max_is_exhausted_until_one_ends),
        cmocka_unit_test(test_server_tells_a_method_that_its_client_canceled),
        cmocka_unit_test(test_server_stops_sending_when_the_client_cancels_in_mid_stream),
        cmocka_unit_test(test_server_drains_calls_under_way_and_refuses_new_ones),
        cmocka_unit_test(test_server_cancels_what_is_not_done_when_draining_ends),
        cmocka_unit_test(test_server_on_a_taken_port_says_so),
        cmocka_unit_test(test_server_answers_reflection_on_one_stream),
        cmocka_unit_test(test_server_answers_health_by_service),
        cmocka_unit_test(test_server_out_of_memory_at_its_start_says_so),
        cmocka_unit_test(test_server_out_of_memory_ends_the_call_and_lives_on),
    };
    return cmocka_run_group_tests(tests, library_start, library_end);
}
