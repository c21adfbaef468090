/* The JSON writer: commas, escapes, both layouts, and that all it writes is valid. */
#include "base/json.h"

#include <math.h>
#include <string.h>

#include "support/unit.h"

static void write_all_kinds(struct ps_json_writer *writer)
{
    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "text", "a\"b\\c\n\x01");
    ps_json_put_integer(writer, "least", INT64_MIN);
    ps_json_put_number(writer, "seconds", 1.25, 1);
    ps_json_put_boolean(writer, "yes", true);
    ps_json_put_null(writer, "none");
    ps_json_open(writer, "list", '[');
    ps_json_put_integer(writer, NULL, 1);
    ps_json_open(writer, NULL, '{');
    ps_json_close(writer, '}');
    ps_json_put_raw(writer, NULL, "[2]");
    ps_json_close(writer, ']');
    ps_json_open(writer, "empty", '[');
    ps_json_close(writer, ']');
    ps_json_close(writer, '}');
}

static void test_json_write_compact(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    struct ps_json_writer writer;
    ps_json_writer_init(&writer, &out, false);
    write_all_kinds(&writer);
    assert_string_equal(ps_buffer_text(&out),
                        "{\"text\":\"a\\\"b\\\\c\\n\\u0001\",\"least\":-9223372036854775808,"
                        "\"seconds\":1.2,\"yes\":true,\"none\":null,\"list\":[1,{},[2]],"
                        "\"empty\":[]}");
    assert_true(ps_json_valid(out.data, out.size));
    ps_buffer_done(&out);
}

static void test_json_write_pretty(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    struct ps_json_writer writer;
    ps_json_writer_init(&writer, &out, true);
    write_all_kinds(&writer);
    assert_string_equal(ps_buffer_text(&out), "{\n"
                                              "  \"text\": \"a\\\"b\\\\c\\n\\u0001\",\n"
                                              "  \"least\": -9223372036854775808,\n"
                                              "  \"seconds\": 1.2,\n"
                                              "  \"yes\": true,\n"
                                              "  \"none\": null,\n"
                                              "  \"list\": [\n"
                                              "    1,\n"
                                              "    {},\n"
                                              "    [2]\n"
                                              "  ],\n"
                                              "  \"empty\": []\n"
                                              "}");
    ps_buffer_done(&out);
}

static void test_json_write_invalid_utf8_becomes_the_replacement(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    struct ps_json_writer writer;
    ps_json_writer_init(&writer, &out, false);
    ps_json_put_text(&writer, NULL, "a\xFF\xC3\xA9\xC3");
    assert_string_equal(ps_buffer_text(&out), "\"a\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD\"");
    ps_buffer_done(&out);
}

static void test_json_write_every_byte_reads_back(void **state)
{
    (void)state;
    char text[128];
    for (size_t i = 0; i < sizeof(text); i++) {
        text[i] = (char)i;
    }
    struct ps_buffer out = {0};
    struct ps_json_writer writer;
    struct ps_json *root;
    struct ps_error err;
    struct ps_arena *arena = ps_arena_new(1u << 20);
    ps_json_writer_init(&writer, &out, false);
    ps_json_put_text_sized(&writer, NULL, text, sizeof(text));
    assert_int_equal(ps_json_parse(arena, out.data, out.size, NULL, &root, NULL, &err), PS_OK);
    assert_int_equal(root->text_size, sizeof(text));
    assert_memory_equal(root->text, text, sizeof(text));
    ps_arena_free(arena);
    ps_buffer_done(&out);
}

static void test_json_write_numbers_that_json_lacks_are_null(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    struct ps_json_writer writer;
    ps_json_writer_init(&writer, &out, false);
    ps_json_open(&writer, NULL, '[');
    ps_json_put_number(&writer, NULL, NAN, 2);
    ps_json_put_number(&writer, NULL, -INFINITY, 2);
    ps_json_put_number(&writer, NULL, 1e300, 0);
    ps_json_close(&writer, ']');
    assert_memory_equal(out.data, "[null,null,1000", 15);
    assert_true(ps_json_valid(out.data, out.size));
    ps_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_write_compact),
        cmocka_unit_test(test_json_write_pretty),
        cmocka_unit_test(test_json_write_invalid_utf8_becomes_the_replacement),
        cmocka_unit_test(test_json_write_every_byte_reads_back),
        cmocka_unit_test(test_json_write_numbers_that_json_lacks_are_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
