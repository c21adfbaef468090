/* The embedded descriptors: the contract's files, found by name and by what they declare. */
#include "rpc/descriptor.h"

#include <string.h>

#include "base/protobuf.h"
#include "support/unit.h"

static bool declares(const char *symbol, const char *file_name)
{
    struct descriptor_span file, named;
    if (!descriptor_find_symbol(descriptor_span_of(symbol), &file)) {
        return false;
    }
    assert_true(descriptor_find_file(descriptor_span_of(file_name), &named));
    return file.bytes == named.bytes;
}

static void test_descriptor_finds_what_a_file_declares(void **state)
{
    (void)state;
    assert_true(declares("fivetran_sdk.v2.SourceConnector", "connector_sdk.proto"));
    assert_true(declares("fivetran_sdk.v2.SourceConnector.Update", "connector_sdk.proto"));
    assert_true(declares("fivetran_sdk.v2.Records", "connector_sdk.proto"));
    assert_true(declares("fivetran_sdk.v2.Record.DataEntry", "connector_sdk.proto"));
    assert_true(declares("fivetran_sdk.v2.FormField", "common.proto"));
    assert_true(declares("fivetran_sdk.v2.DataType", "common.proto"));
    assert_true(declares("google.protobuf.Timestamp", "google/protobuf/timestamp.proto"));
    assert_true(declares("grpc.health.v1.HealthCheckResponse.ServingStatus",
                         "grpc/health/v1/health.proto"));
    assert_true(declares("grpc.reflection.v1.ServerReflection.ServerReflectionInfo",
                         "grpc/reflection/v1/reflection.proto"));
    assert_true(declares("grpc.reflection.v1alpha.ServerReflectionRequest",
                         "grpc/reflection/v1alpha/reflection.proto"));
}

static void test_descriptor_finds_no_part_and_no_more_of_a_name(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        ".",
                                        "fivetran_sdk",
                                        "fivetran_sdk.v2",
                                        "fivetran_sdk.v2.",
                                        "fivetran_sdk.v2.Rec",
                                        "fivetran_sdk.v2.Records.",
                                        "fivetran_sdk.v2.Records.Records",
                                        "fivetran_sdk.v2.SourceConnector.Nothing",
                                        "fivetran_sdk.v2.SourceConnector.Update.More",
                                        "fivetran_sdk.v3.Records",
                                        "Records",
                                        "grpc.reflection.v1.ServerReflectionInfo"};
    struct descriptor_span file;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_false(descriptor_find_symbol(descriptor_span_of(names[i]), &file));
    }
    assert_false(descriptor_find_file(descriptor_span_of("connector_sdk"), &file));
    assert_false(descriptor_find_file(descriptor_span_of(""), &file));
}

static void test_descriptor_writes_a_file_and_its_imports_once(void **state)
{
    (void)state;
    static const char *const names[] = {"connector_sdk.proto", "common.proto",
                                        "google/protobuf/timestamp.proto"};
    struct ps_buffer out = {0};
    struct descriptor_span file;
    assert_true(descriptor_find_file(descriptor_span_of(names[0]), &file));
    descriptor_write_files(file, 1, &out);
    assert_true(ps_buffer_ok(&out));
    struct ps_pb_reader reader = ps_pb_reader_of(out.data, out.size);
    struct ps_pb_field field, name;
    for (size_t i = 0; i < 3; i++) {
        assert_true(ps_pb_next(&reader, &field));
        struct ps_pb_reader inner = ps_pb_reader_of(field.bytes, field.size);
        assert_true(ps_pb_next(&inner, &name));
        assert_int_equal(name.number, 1);
        assert_int_equal(name.size, strlen(names[i]));
        assert_memory_equal(name.bytes, names[i], name.size);
    }
    assert_false(ps_pb_next(&reader, &field));
    ps_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_descriptor_finds_what_a_file_declares),
        cmocka_unit_test(test_descriptor_finds_no_part_and_no_more_of_a_name),
        cmocka_unit_test(test_descriptor_writes_a_file_and_its_imports_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
