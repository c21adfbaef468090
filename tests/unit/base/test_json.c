/* The JSON reader: the tree, where errors are told, and that it and the validator agree. */
#include "base/json.h"

#include <string.h>

#include "support/torture.h"

static const char *const valid[] = {
    "0",
    "-0",
    "1.5e+10",
    "1E5",
    "-12.25",
    "123456789012345678901234567890.1",
    "null",
    "true",
    "false",
    "\"\"",
    "[]",
    "{}",
    " [ 1 , 2 ] ",
    "{\"a\":{\"b\":[{}]},\"c\":null}",
    "\"\\u0000\\b\\f\\n\\r\\t\\/\\\\\\\"\"",
    "\"\\uD83D\\uDE00\"",
    "\"\xF0\x9F\x98\x80\"",
    "\"a text of more than eight bytes, then \xC3\xA9, then more of it\"",
    "\t\r\n1\n",
    "[[[[[[]]]]]]",
    "\"\x7F\"",
    "\"01234567\"",
    "\"0123456\"",
    "\"\\ud7ff\\ue000\"",
};

static const char *const invalid[] = {
    "",
    " ",
    "01",
    "-",
    "-a",
    "1.",
    ".5",
    "+1",
    "1e",
    "1e+",
    "0x10",
    "NaN",
    "Infinity",
    "nul",
    "nulll",
    "True",
    "'a'",
    "\"",
    "\"a",
    "\"a\nb\"",
    "\"\t\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12G4\"",
    "\"\\\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\\ud800\\ud800\"",
    "\"\xC0\x80\"",
    "\"\xED\xA0\x80\"",
    "\"\xF5\x80\x80\x80\"",
    "\"\xFF\"",
    "\"\xC3\"",
    "\"01234567\x01\"",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1}",
    "{",
    "}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{a:1}",
    "{1:1}",
    "{\"a\" 1}",
    "{\"a\":1]",
    "{,}",
    "1 2",
    "[] []",
    "// c\n1",
    "1 /* c */",
    "\"abc\"x",
    "--1",
    "1-",
    "\xEF\xBB\xBF",
    "{\"a\":}",
};

static struct ps_arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = ps_arena_new(64u << 20);
    return arena == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    ps_arena_free(arena);
    return 0;
}

/* From memory of exactly the text's size, so that ASan sees a read beyond it. */
static enum ps_status parse(const char *text, bool comments, struct ps_json **ret_root,
                            struct ps_error *err)
{
    size_t size = strlen(text);
    char *exact = ps_malloc(size);
    memcpy(exact, text, size);
    struct ps_json_options options = {.comments = comments};
    enum ps_status status = ps_json_parse(arena, exact, size, &options, ret_root, NULL, err);
    ps_free(exact);
    return status;
}

static bool is_valid(const char *text)
{
    size_t size = strlen(text);
    char *exact = ps_malloc(size);
    memcpy(exact, text, size);
    bool result = ps_json_valid(exact, size);
    ps_free(exact);
    return result;
}

static void test_json_valid_texts_are_taken(void **state)
{
    (void)state;
    struct ps_error err = {0};
    for (size_t i = 0; i < sizeof(valid) / sizeof(valid[0]); i++) {
        struct ps_json *root = NULL;
        if (!is_valid(valid[i]) || parse(valid[i], false, &root, &err) != PS_OK) {
            fail_msg("not taken: %s (%s)", valid[i], err.message);
        }
        assert_non_null(root);
    }
}

static void test_json_invalid_texts_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
        struct ps_error err = {0};
        struct ps_json *root = NULL;
        if (is_valid(invalid[i]) || parse(invalid[i], false, &root, &err) != PS_CONFIG) {
            fail_msg("taken: %s", invalid[i]);
        }
        assert_null(root);
        assert_int_equal(err.error_class, PS_CLASS_SETTING);
        assert_memory_equal(err.message, "line ", 5);
    }
    assert_false(ps_json_valid(NULL, 0));
}

/* A defect at each place of a long string, so that each byte of the eight-byte step is tried. */
static void test_json_valid_finds_a_defect_at_every_place(void **state)
{
    (void)state;
    const char defects[] = {'\x01', '\x1F', '\x80', '\xFF', '\n', '\0'};
    char text[40];
    for (size_t at = 1; at < sizeof(text) - 1; at++) {
        memset(text, 'a', sizeof(text));
        text[0] = text[sizeof(text) - 1] = '"';
        assert_true(ps_json_valid(text, sizeof(text)));
        for (size_t i = 0; i < sizeof(defects); i++) {
            text[at] = defects[i];
            assert_false(ps_json_valid(text, sizeof(text)));
        }
        text[at] = '"';
        assert_false(ps_json_valid(text, sizeof(text)));
        assert_true(ps_json_valid(text, at + 1));
        for (int byte = 0x20; byte < 0x80; byte++) {
            text[at] = (char)byte;
            assert_int_equal(ps_json_valid(text, sizeof(text)), byte != '"' && byte != '\\');
        }
    }
}

static void test_json_depth_512_is_taken_513_is_not(void **state)
{
    (void)state;
    char text[2 * 513 + 1];
    struct ps_json *root;
    struct ps_error err;
    for (size_t depth = 512; depth <= 513; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        text[2 * depth] = '\0';
        assert_int_equal(is_valid(text), depth == 512);
        assert_int_equal(parse(text, false, &root, &err), depth == 512 ? PS_OK : PS_CONFIG);
    }
    assert_non_null(strstr(err.message, "512"));
}

/* Objects and arrays in turn, so that the validator's memory of which is which counts. */
static void test_json_valid_minds_which_bracket_is_open(void **state)
{
    (void)state;
    char text[4096] = "";
    for (int i = 0; i < 100; i++) {
        strcat(text, "[{\"a\":");
    }
    strcat(text, "1");
    for (int i = 0; i < 100; i++) {
        strcat(text, "}]");
    }
    assert_true(is_valid(text));
    size_t length = strlen(text);
    text[length - 1] = '}';
    text[length - 2] = ']';
    assert_false(is_valid(text));
}

static void test_json_tree_holds_what_was_written(void **state)
{
    (void)state;
    struct ps_json *root;
    struct ps_error err;
    assert_int_equal(parse("\xEF\xBB\xBF{\"n\":-9007199254740993.50,\"s\":\"a\\u00e9\\ud83d\\ude00"
                           "\\n\\u0000z\",\"l\":[true,false,null],\"i\":-9223372036854775808}",
                           false, &root, &err),
                     PS_OK);
    assert_int_equal(root->kind, PS_JSON_OBJECT);
    assert_int_equal(root->count, 4);
    assert_string_equal(ps_json_member(root, "n")->text, "-9007199254740993.50");
    const struct ps_json *text = ps_json_member(root, "s");
    assert_int_equal(text->text_size, 10);
    assert_memory_equal(text->text, "a\xC3\xA9\xF0\x9F\x98\x80\n\0z", 11);
    const struct ps_json *list = ps_json_member(root, "l");
    assert_int_equal(list->count, 3);
    assert_int_equal(list->first->kind, PS_JSON_TRUE);
    assert_int_equal(list->first->next->next->kind, PS_JSON_NULL);
    assert_null(list->first->next->next->next);
    int64_t integer = 0;
    assert_true(ps_json_integer(root, "i", &integer));
    assert_int_equal(integer, INT64_MIN);
}

static void test_json_accessors_give_the_other_value_for_what_does_not_fit(void **state)
{
    (void)state;
    struct ps_json *root;
    struct ps_error err;
    int64_t integer = 7;
    assert_int_equal(
        parse("{\"f\":1.5,\"e\":1e3,\"big\":9223372036854775808,\"s\":\"1\",\"t\":true}", false,
              &root, &err),
        PS_OK);
    assert_false(ps_json_integer(root, "f", &integer));
    assert_false(ps_json_integer(root, "e", &integer));
    assert_false(ps_json_integer(root, "big", &integer));
    assert_false(ps_json_integer(root, "s", &integer));
    assert_false(ps_json_integer(root, "none", &integer));
    assert_int_equal(integer, 7);
    assert_string_equal(ps_json_string(root, "s", "x"), "1");
    assert_string_equal(ps_json_string(root, "t", "x"), "x");
    assert_null(ps_json_string(NULL, "t", NULL));
    assert_true(ps_json_boolean(root, "t", false));
    assert_true(ps_json_boolean(root, "s", true));
    assert_null(ps_json_member(ps_json_member(root, "s"), "s"));
}

static void assert_refused(const char *text, const char *message)
{
    struct ps_json *root;
    struct ps_error err = {0};
    assert_int_equal(parse(text, true, &root, &err), PS_CONFIG);
    assert_string_equal(err.message, message);
}

static void test_json_errors_name_line_and_column(void **state)
{
    (void)state;
    assert_refused("{\n  \"a\": tru\n}", "line 2, column 8: a value is expected");
    assert_refused("{\"\xC3\xA9\":1 2}", "line 1, column 8: a comma or } is expected");
    assert_refused("[1,\n2", "line 2, column 2: a comma or ] is expected");
    assert_refused("{\"a\":1,\n\"a\":2}", "line 2, column 1: this name is there twice");
    assert_refused("{\"a\":1} x", "line 1, column 9: nothing more is expected here");
    assert_refused("{\"a\\u0000b\":1}", "line 1, column 2: a name may not hold U+0000");
    assert_refused("[1, /* never", "line 1, column 5: this comment has no end");
    assert_refused("", "line 1, column 1: a value is expected");
}

static void test_json_name_twice_in_a_large_object_is_refused(void **state)
{
    (void)state;
    struct ps_buffer text;
    struct ps_json *root;
    struct ps_error err;
    ps_buffer_init(&text, 0);
    for (int i = 0; i < 1000; i++) {
        ps_buffer_printf(&text, "%s\"name%d\":%d", i == 0 ? "{" : ",", i, i);
    }
    ps_buffer_putc(&text, '}');
    assert_int_equal(parse(ps_buffer_text(&text), false, &root, &err), PS_OK);
    assert_int_equal(root->count, 1000);
    text.data[--text.size] = '\0';
    ps_buffer_puts(&text, ",\"name500\":0}");
    assert_int_equal(parse(ps_buffer_text(&text), false, &root, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "a name twice"));
    ps_buffer_done(&text);
}

static void test_json_comments_are_taken_where_asked_for(void **state)
{
    (void)state;
    const char *text =
        "// first\n{ /* a */ \"a\" /**/ : // b\r\n 1 /* * / */ , \"b\": \"//\" } // end";
    struct ps_json_options options = {.comments = true};
    struct ps_json *root;
    struct ps_error err = {0};
    bool had_comments = false;
    assert_int_equal(ps_json_parse(arena, text, strlen(text), &options, &root, &had_comments, &err),
                     PS_OK);
    assert_true(had_comments);
    assert_string_equal(ps_json_string(root, "b", ""), "//");
    assert_int_equal(ps_json_parse(arena, "{}", 2, &options, &root, &had_comments, &err), PS_OK);
    assert_false(had_comments);
    assert_int_equal(ps_json_parse(arena, text, strlen(text), NULL, &root, NULL, &err), PS_CONFIG);
}

static enum ps_status parse_much(void *context, struct ps_error *err)
{
    struct ps_json *root;
    struct ps_arena *own = ps_arena_new(16u << 20);
    if (own == NULL) {
        return ps_fail_nomem(err, "making an arena");
    }
    enum ps_status status = ps_json_parse(own, context, strlen(context), NULL, &root, NULL, err);
    ps_arena_free(own);
    return status;
}

static void test_json_parse_without_memory_says_so(void **state)
{
    (void)state;
    struct ps_buffer text = {0};
    for (int i = 0; i < 200; i++) {
        ps_buffer_printf(&text, "%s\"n%d\":[{\"a\":\"text\"},%d]", i == 0 ? "{" : ",", i, i);
    }
    ps_buffer_putc(&text, '}');
    torture(parse_much, text.data);
    ps_buffer_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_valid_texts_are_taken),
        cmocka_unit_test(test_json_invalid_texts_are_refused),
        cmocka_unit_test(test_json_valid_finds_a_defect_at_every_place),
        cmocka_unit_test(test_json_depth_512_is_taken_513_is_not),
        cmocka_unit_test(test_json_valid_minds_which_bracket_is_open),
        cmocka_unit_test(test_json_tree_holds_what_was_written),
        cmocka_unit_test(test_json_accessors_give_the_other_value_for_what_does_not_fit),
        cmocka_unit_test(test_json_errors_name_line_and_column),
        cmocka_unit_test(test_json_name_twice_in_a_large_object_is_refused),
        cmocka_unit_test(test_json_comments_are_taken_where_asked_for),
        cmocka_unit_test(test_json_parse_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
