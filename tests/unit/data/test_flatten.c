/*
 * Members of JSON as values: their types, what joins them, and every digit of a number.
 */
#include "support/unit.h"

#include <stdio.h>

#include "data/convert.h"
#include "data/flatten.h"

static struct ps_error err;

/* The leaf of a text of JSON; an array or object has its text. */
static struct ps_leaf leaf_of(const char *json)
{
    static char text[256];
    struct ps_leaf leaf = {.kind = PS_JSON_NUMBER, .text = json, .size = strlen(json)};
    switch (json[0]) {
    case '"':
        leaf.kind = PS_JSON_STRING;
        snprintf(text, sizeof(text), "%.*s", (int)leaf.size - 2, json + 1);
        leaf.text = text;
        leaf.size -= 2;
        break;
    case '[':
        leaf.kind = PS_JSON_ARRAY;
        break;
    case '{':
        leaf.kind = PS_JSON_OBJECT;
        break;
    case 't':
        leaf.kind = PS_JSON_TRUE;
        break;
    case 'f':
        leaf.kind = PS_JSON_FALSE;
        break;
    default:
        break;
    }
    return leaf;
}

/* The type of a column that takes all of the values, NULL-terminated, in this order. */
static const char *joined(const char *const *values)
{
    static char text[64];
    struct ps_type_exact type = {.type = PS_TYPE_UNSPECIFIED};
    for (size_t i = 0; values[i] != NULL; i++) {
        struct ps_leaf leaf = leaf_of(values[i]);
        if (type.type == PS_TYPE_UNSPECIFIED || !ps_leaf_fits(&leaf, type)) {
            type = ps_leaf_join(&leaf, type);
        }
        assert_true(ps_leaf_fits(&leaf, type));
    }
    for (size_t i = 0; values[i] != NULL; i++) {
        struct ps_leaf leaf = leaf_of(values[i]);
        assert_true(ps_leaf_fits(&leaf, type));
    }
    if (type.type == PS_TYPE_DECIMAL) {
        snprintf(text, sizeof(text), "DECIMAL(%u,%u)", type.precision, type.scale);
    } else {
        snprintf(text, sizeof(text), "%s", ps_type_name(type.type));
    }
    return text;
}

#define JOINED(expected, ...)                                                                      \
    assert_string_equal(joined((const char *const[]){__VA_ARGS__, NULL}), expected)

static void test_leaf_types_follow_the_values(void **state)
{
    (void)state;
    JOINED("BOOLEAN", "true", "false");
    JOINED("LONG", "0", "-1", "9223372036854775807", "-9223372036854775808", "1e3", "2.0");
    JOINED("STRING", "\"a\"", "\"\"");
    JOINED("JSON", "[1]", "{}");
    JOINED("DECIMAL(25,6)", "1.5");
    JOINED("DECIMAL(31,12)", "0.0000001");
    JOINED("DECIMAL(37,18)", "0.123456789012345678");
    JOINED("DECIMAL(19,0)", "9223372036854775808");
    JOINED("DECIMAL(38,0)", "99999999999999999999999999999999999999");
    JOINED("STRING", "999999999999999999999999999999999999999");
    JOINED("STRING", "1e400");
    JOINED("DECIMAL(38,38)", "1e-38");
    JOINED("STRING", "1e-39");
    JOINED("LONG", "0e99999", "-0.0");
}

static void test_leaf_types_join_by_the_widening_rule(void **state)
{
    (void)state;
    JOINED("DECIMAL(25,6)", "1", "1.5", "2");
    JOINED("DECIMAL(31,12)", "1.5", "0.0000001", "123456789012345678");
    JOINED("DECIMAL(38,1)", "1234567890123456789012345678901234567", "0.5");
    JOINED("STRING", "99999999999999999999999999999999999999", "0.5");
    JOINED("STRING", "true", "1");
    JOINED("STRING", "\"a\"", "1");
    JOINED("STRING", "[1]", "\"a\"");
    JOINED("STRING", "1.5", "[1]");
}

/* What a column of the type holds after the value was put, as text. */
static const char *put(const char *json, const char *type_name)
{
    static const uint32_t first[] = {0};
    static char text[128];
    struct ps_leaf leaf = leaf_of(json);
    struct ps_type_exact type;
    assert_true(ps_type_exact_parse(type_name, strlen(type_name), &type));
    struct ps_column column = {
        .name = "c", .type = type.type, .precision = type.precision, .scale = type.scale};
    struct ps_column as_text = {.name = "c", .type = PS_TYPE_STRING};
    struct ps_table table = {.schema = "", .name = "t", .columns = &column, .columns_count = 1};
    struct ps_table text_table = {
        .schema = "", .name = "t", .columns = &as_text, .columns_count = 1};
    struct ps_batch_shape shape = {
        .table = &table, .columns = first, .columns_count = 1, .rows_max = 1, .bytes_max = 1 << 20};
    struct ps_batch_shape text_shape = {.table = &text_table,
                                        .columns = first,
                                        .columns_count = 1,
                                        .rows_max = 1,
                                        .bytes_max = 1 << 20};
    struct ps_batch *batch, *out;
    const char *bad;
    size_t size;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    assert_int_equal(ps_batch_new(&text_shape, &out, &err), PS_OK);
    assert_true(ps_leaf_fits(&leaf, type));
    assert_true(ps_leaf_put(batch, 0, &leaf));
    ps_batch_row_end(batch);
    assert_int_equal(ps_convert_put(out, 0, &batch->vectors[0], 0, &bad, &err), PS_OK);
    ps_batch_row_end(out);
    const uint8_t *bytes = ps_vector_bytes(&out->vectors[0], 0, &size);
    snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)bytes);
    ps_batch_free(batch);
    ps_batch_free(out);
    return text;
}

static void test_leaf_put_keeps_every_digit(void **state)
{
    (void)state;
    assert_string_equal(put("12345678901234567890.123456789", "DECIMAL(38,9)"),
                        "12345678901234567890.123456789");
    assert_string_equal(put("-1.5e-3", "DECIMAL(25,6)"), "-0.001500");
    assert_string_equal(put("-0", "LONG"), "0");
    assert_string_equal(put("1.20e2", "LONG"), "120");
    assert_string_equal(put("10203000", "DECIMAL(38,0)"), "10203000");
    assert_string_equal(put("100.0010", "DECIMAL(25,6)"), "100.001000");
    assert_string_equal(put("1e400", "STRING"), "1e400");
    assert_string_equal(put("-9223372036854775808", "LONG"), "-9223372036854775808");
    assert_string_equal(put("true", "BOOLEAN"), "true");
    assert_string_equal(put("false", "STRING"), "false");
    assert_string_equal(put("\"x y\"", "STRING"), "x y");
    assert_string_equal(put("[1,{\"a\":2}]", "JSON"), "[1,{\"a\":2}]");
}

static void test_tree_is_written_as_it_was_read(void **state)
{
    (void)state;
    static const char json[] =
        "{\"a\":[1.50,true,null,\"x\\ny\"],\"b\":{},\"c\":{\"d\":-1e400,\"e\":false}}";
    struct ps_arena *arena = ps_arena_new(1 << 20);
    struct ps_json *root;
    struct ps_buffer out = {0};
    struct ps_json_writer writer;
    assert_int_equal(ps_json_parse(arena, json, strlen(json), NULL, &root, NULL, &err), PS_OK);
    ps_json_writer_init(&writer, &out, false);
    ps_json_put_tree(&writer, NULL, root);
    assert_string_equal(ps_buffer_text(&out), json);
    ps_buffer_done(&out);
    ps_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf_types_follow_the_values),
        cmocka_unit_test(test_leaf_types_join_by_the_widening_rule),
        cmocka_unit_test(test_leaf_put_keeps_every_digit),
        cmocka_unit_test(test_tree_is_written_as_it_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
