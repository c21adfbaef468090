/*
 * Requests of the Partner SDK, good and bad.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/protobuf.h"
#include "rpc/request.h"
#include "support/torture.h"

static struct ps_buffer bytes;
static struct rpc_request request;
static struct ps_error err;

static enum ps_status read_as(enum rpc_request_kind kind)
{
    rpc_request_done(&request);
    return rpc_request_read(&request, kind, (const uint8_t *)bytes.data, bytes.size, &err);
}

static void put_setting(uint32_t field, const char *key, const char *value)
{
    size_t mark = ps_pb_open(&bytes, field);
    ps_pb_put_text(&bytes, 1, key);
    ps_pb_put_text(&bytes, 2, value);
    ps_pb_close(&bytes, mark);
}

/* TableSelection{included, name, {column: wanted}, include_new_columns} */
static void put_table(uint32_t field, const char *name, const char *column, bool wanted)
{
    size_t mark = ps_pb_open(&bytes, field);
    ps_pb_put_bool(&bytes, 1, true);
    ps_pb_put_text(&bytes, 2, name);
    size_t entry = ps_pb_open(&bytes, 3);
    ps_pb_put_text(&bytes, 1, column);
    ps_pb_put_bool(&bytes, 2, wanted);
    ps_pb_close(&bytes, entry);
    ps_pb_put_bool(&bytes, 4, true);
    ps_pb_close(&bytes, mark);
}

static void put_update(void)
{
    put_setting(1, "host", "db");
    size_t selection = ps_pb_open(&bytes, 2);
    size_t with_schema = ps_pb_open(&bytes, 2);
    size_t schema = ps_pb_open(&bytes, 1);
    ps_pb_put_bool(&bytes, 1, true);
    ps_pb_put_text(&bytes, 2, "public");
    put_table(3, "people", "name", false);
    ps_pb_put_bool(&bytes, 4, true);
    ps_pb_close(&bytes, schema);
    ps_pb_put_bool(&bytes, 2, true);
    ps_pb_close(&bytes, with_schema);
    ps_pb_close(&bytes, selection);
    ps_pb_put_text(&bytes, 3, "{\"a\":1}");
}

static void test_empty_request_has_nothing(void **state)
{
    (void)state;
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_OK);
    assert_int_equal(request.settings.count, 0);
    assert_null(request.selection);
    assert_string_equal(request.state_json, "");
}

static void test_update_request_is_read_whole(void **state)
{
    (void)state;
    put_update();
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_OK);
    assert_string_equal(ps_settings_get(&request.settings, "host"), "db");
    assert_string_equal(request.state_json, "{\"a\":1}");
    assert_int_equal(request.state_size, 7);
    const struct ps_selected_table *table;
    assert_true(ps_selection_table(request.selection, "public", "people", &table));
    assert_false(ps_selection_column(table, "name"));
    assert_true(ps_selection_column(table, "new"));
    assert_true(ps_selection_table(request.selection, "public", "new", &table));
    assert_true(ps_selection_table(request.selection, "other", "new", &table));
}

static void test_selection_without_schema(void **state)
{
    (void)state;
    size_t selection = ps_pb_open(&bytes, 2);
    size_t tables = ps_pb_open(&bytes, 1);
    put_table(1, "people", "name", true);
    ps_pb_close(&bytes, tables);
    ps_pb_close(&bytes, selection);
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_OK);
    const struct ps_selected_table *table;
    assert_true(ps_selection_table(request.selection, "", "people", &table));
    assert_false(ps_selection_table(request.selection, "", "others", &table));
}

static void test_test_request_has_a_name(void **state)
{
    (void)state;
    ps_pb_put_text(&bytes, 1, "connect");
    put_setting(2, "host", "db");
    assert_int_equal(read_as(RPC_TEST_REQUEST), PS_OK);
    assert_string_equal(request.test, "connect");
    assert_string_equal(ps_settings_get(&request.settings, "HOST"), "db");
}

static void test_truncated_request_is_refused_at_every_byte(void **state)
{
    (void)state;
    put_update();
    size_t whole = bytes.size, refused = 0;
    for (size_t size = 0; size < whole; size++) {
        bytes.size = size;
        enum ps_status status = read_as(RPC_UPDATE_REQUEST);
        assert_true(status == PS_OK || status == PS_CONFIG);
        refused += status == PS_CONFIG;
    }
    /* Cuts between two fields of the message itself leave a whole, smaller message. */
    assert_int_equal(refused, whole - 3);
    bytes.size = whole;
}

static void test_wrong_types_are_refused_by_name(void **state)
{
    (void)state;
    ps_pb_put_varint(&bytes, 1, 7);
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_CONFIG);
    assert_non_null(strstr(err.message, "configuration"));
    ps_buffer_clear(&bytes);
    ps_pb_put_varint(&bytes, 3, 7);
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_CONFIG);
    assert_non_null(strstr(err.message, "state_json"));
    ps_buffer_clear(&bytes);
    ps_pb_put_text(&bytes, 2, "\x08\x01");
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_CONFIG);
}

static void test_texts_that_are_none_are_refused(void **state)
{
    (void)state;
    put_setting(1, "host", "\xff");
    assert_int_equal(read_as(RPC_SCHEMA_REQUEST), PS_CONFIG);
    ps_buffer_clear(&bytes);
    ps_pb_put_bytes(&bytes, 3, "{}\0", 3);
    assert_int_equal(read_as(RPC_UPDATE_REQUEST), PS_CONFIG);
}

static void test_too_many_settings_are_refused(void **state)
{
    (void)state;
    char key[32];
    for (int i = 0; i < 100000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        put_setting(1, key, "x");
    }
    assert_int_equal(read_as(RPC_SCHEMA_REQUEST), PS_CONFIG);
}

static void test_unknown_fields_are_passed_over(void **state)
{
    (void)state;
    ps_pb_put_text(&bytes, 99, "new");
    ps_pb_put_double(&bytes, 98, 1.5);
    put_setting(1, "host", "db");
    assert_int_equal(read_as(RPC_SCHEMA_REQUEST), PS_OK);
    assert_int_equal(request.settings.count, 1);
}

static enum ps_status read_once(void *context, struct ps_error *once_err)
{
    (void)context;
    struct rpc_request once = {.arena = NULL};
    enum ps_status status = rpc_request_read(&once, RPC_UPDATE_REQUEST, (const uint8_t *)bytes.data,
                                             bytes.size, once_err);
    rpc_request_done(&once);
    return status;
}

static void test_reading_answers_a_lack_of_memory(void **state)
{
    (void)state;
    put_update();
    torture(read_once, NULL);
}

static int set_up(void **state)
{
    (void)state;
    ps_buffer_init(&bytes, 0);
    request = (struct rpc_request){.arena = NULL};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rpc_request_done(&request);
    ps_buffer_done(&bytes);
    return 0;
}

#define REQUEST_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REQUEST_TEST(test_empty_request_has_nothing),
        REQUEST_TEST(test_update_request_is_read_whole),
        REQUEST_TEST(test_selection_without_schema),
        REQUEST_TEST(test_test_request_has_a_name),
        REQUEST_TEST(test_truncated_request_is_refused_at_every_byte),
        REQUEST_TEST(test_wrong_types_are_refused_by_name),
        REQUEST_TEST(test_texts_that_are_none_are_refused),
        REQUEST_TEST(test_too_many_settings_are_refused),
        REQUEST_TEST(test_unknown_fields_are_passed_over),
        REQUEST_TEST(test_reading_answers_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
