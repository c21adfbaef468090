/* Server reflection and health as bytes: each request has its answer, nonsense included. */
#include "rpc/reflection.h"

#include <string.h>

#include "base/protobuf.h"
#include "rpc/health.h"
#include "support/torture.h"

enum { HOST = 1, REQUEST = 2, FILES = 4, SERVICES = 6, ERROR = 7 };

static const struct ps_rpc_method methods[] = {
    {.path = "/fivetran_sdk.v2.SourceConnector/Test"},
    {.path = "/fivetran_sdk.v2.SourceConnector/Update"},
    {.path = "/toy.Toy/Echo"},
    {.path = NULL},
};

static struct descriptor_span span_of(const struct ps_buffer *buffer)
{
    return (struct descriptor_span){(const uint8_t *)buffer->data, buffer->size};
}

/* Asks and gives the answer's member of the oneof; its bytes lie in `out`. */
static struct ps_pb_field answer(const struct ps_buffer *request, struct ps_buffer *out)
{
    struct catalog catalog;
    struct ps_error err = {0};
    struct ps_pb_field field, found = {0};
    catalog_init(&catalog, methods);
    assert_int_equal(reflection_answer(&catalog, span_of(request), out, &err), PS_OK);
    struct ps_pb_reader reader = ps_pb_reader_of(out->data, out->size);
    while (ps_pb_next(&reader, &field)) {
        if (field.number == REQUEST) {
            assert_int_equal(field.size, request->size);
            assert_memory_equal(field.bytes, request->data, request->size);
        } else if (field.number != HOST) {
            assert_int_equal(found.number, 0);
            found = field;
        }
    }
    assert_false(reader.failed);
    return found;
}

static void assert_error(const struct ps_buffer *request, enum ps_rpc_code code, const char *text)
{
    struct ps_buffer out = {0};
    struct ps_pb_field error = answer(request, &out), field;
    assert_int_equal(error.number, ERROR);
    struct ps_pb_reader reader = ps_pb_reader_of(error.bytes, error.size);
    assert_true(ps_pb_next(&reader, &field));
    assert_int_equal(field.integer, code);
    assert_true(ps_pb_next(&reader, &field));
    assert_non_null(memmem(field.bytes, field.size, text, strlen(text)));
    ps_buffer_done(&out);
}

static void test_reflection_lists_each_service_once(void **state)
{
    (void)state;
    static const char *const names[] = {
        "fivetran_sdk.v2.SourceConnector", "toy.Toy", "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"};
    struct ps_buffer request = {0}, out = {0};
    ps_pb_put_text(&request, 1, "localhost");
    ps_pb_put_text(&request, 7, "*");
    struct ps_pb_field services = answer(&request, &out), service, name;
    assert_int_equal(services.number, SERVICES);
    struct ps_pb_reader reader = ps_pb_reader_of(services.bytes, services.size);
    for (size_t i = 0; i < 5; i++) {
        assert_true(ps_pb_next(&reader, &service));
        struct ps_pb_reader inner = ps_pb_reader_of(service.bytes, service.size);
        assert_true(ps_pb_next(&inner, &name));
        assert_int_equal(name.size, strlen(names[i]));
        assert_memory_equal(name.bytes, names[i], name.size);
    }
    assert_false(ps_pb_next(&reader, &service));
    ps_buffer_done(&request);
    ps_buffer_done(&out);
}

static void test_reflection_gives_files_by_name_and_by_symbol(void **state)
{
    (void)state;
    struct ps_buffer request = {0}, out = {0};
    ps_pb_put_text(&request, 3, "common.proto");
    struct ps_pb_field files = answer(&request, &out);
    assert_int_equal(files.number, FILES);
    assert_non_null(memmem(files.bytes, files.size, "google/protobuf/timestamp.proto", 31));
    ps_buffer_clear(&request);
    ps_buffer_clear(&out);
    /* Of a oneof that comes twice, the last counts. */
    ps_pb_put_text(&request, 3, "nothing.proto");
    ps_pb_put_text(&request, 4, "fivetran_sdk.v2.SourceConnector.Update");
    files = answer(&request, &out);
    assert_int_equal(files.number, FILES);
    assert_non_null(memmem(files.bytes, files.size, "connector_sdk.proto", 19));
    ps_buffer_done(&request);
    ps_buffer_done(&out);
}

static void test_reflection_says_what_it_does_not_find(void **state)
{
    (void)state;
    struct ps_buffer request = {0};
    ps_pb_put_text(&request, 3, "no\xff.proto");
    assert_error(&request, PS_RPC_NOT_FOUND, "no?.proto");
    ps_buffer_clear(&request);
    ps_pb_put_text(&request, 4, "toy.Toy");
    assert_error(&request, PS_RPC_NOT_FOUND, "toy.Toy");
    ps_buffer_clear(&request);
    size_t mark = ps_pb_open(&request, 5);
    ps_pb_put_text(&request, 1, "fivetran_sdk.v2.Record");
    ps_pb_put_int(&request, 2, 100);
    ps_pb_close(&request, mark);
    assert_error(&request, PS_RPC_NOT_FOUND, "no extensions");
    ps_buffer_clear(&request);
    ps_pb_put_text(&request, 6, "fivetran_sdk.v2.Record");
    assert_error(&request, PS_RPC_NOT_FOUND, "no extensions");
    ps_buffer_clear(&request);
    ps_pb_put_text(&request, 99, "of a later version");
    assert_error(&request, PS_RPC_INVALID_ARGUMENT, "asks for nothing");
    ps_buffer_done(&request);
}

static void test_reflection_refuses_what_is_no_request(void **state)
{
    (void)state;
    static const struct descriptor_span requests[] = {{(const uint8_t *)"\x22\x10short", 7},
                                                      {(const uint8_t *)"\x20\x01", 2}};
    struct catalog catalog;
    catalog_init(&catalog, methods);
    for (size_t i = 0; i < 2; i++) {
        struct ps_buffer out = {0};
        struct ps_error err = {0};
        assert_int_equal(reflection_answer(&catalog, requests[i], &out, &err), PS_DATA);
        assert_non_null(strstr(err.message, "ServerReflectionRequest"));
        ps_buffer_done(&out);
    }
}

static enum ps_status answer_once(void *context, struct ps_error *err)
{
    struct catalog catalog;
    struct ps_buffer out = {0};
    (void)context;
    catalog_init(&catalog, methods);
    struct descriptor_span request = {(const uint8_t *)"\x1a\x0c"
                                                       "common.proto",
                                      14};
    enum ps_status status = reflection_answer(&catalog, request, &out, err);
    ps_buffer_done(&out);
    return status;
}

static void test_reflection_out_of_memory_says_so(void **state)
{
    (void)state;
    torture(answer_once, NULL);
}

static void test_health_knows_the_server_and_its_services(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool known;
    } cases[] = {{"", true},        {"toy.Toy", true},   {"fivetran_sdk.v2.SourceConnector", true},
                 {"toy.To", false}, {"toy.Toys", false}, {"grpc.health.v1.Health", true}};
    struct catalog catalog;
    struct ps_error err = {0};
    catalog_init(&catalog, methods);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ps_buffer request = {0};
        bool known = !cases[i].known;
        ps_pb_put_text(&request, 1, cases[i].name);
        assert_int_equal(health_request_read(&catalog, span_of(&request), &known, &err), PS_OK);
        assert_int_equal(known, cases[i].known);
        ps_buffer_done(&request);
    }
    bool known;
    struct descriptor_span nothing = {NULL, 0}, wrong = {(const uint8_t *)"\x08\x01", 2},
                           cut = {(const uint8_t *)"\x0a\x02x", 3};
    assert_int_equal(health_request_read(&catalog, nothing, &known, &err), PS_OK);
    assert_true(known);
    assert_int_equal(health_request_read(&catalog, wrong, &known, &err), PS_DATA);
    assert_int_equal(health_request_read(&catalog, cut, &known, &err), PS_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reflection_lists_each_service_once),
        cmocka_unit_test(test_reflection_gives_files_by_name_and_by_symbol),
        cmocka_unit_test(test_reflection_says_what_it_does_not_find),
        cmocka_unit_test(test_reflection_refuses_what_is_no_request),
        cmocka_unit_test(test_reflection_out_of_memory_says_so),
        cmocka_unit_test(test_health_knows_the_server_and_its_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
