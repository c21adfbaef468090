/*
 * Quoting.
 */
#include "sinks/duckdb/names.h"
#include "support/unit.h"

static void test_names_are_quoted(void **state)
{
    (void)state;
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    duck_name_quote(&out, "a \"b\" %s");
    assert_string_equal(out.data, "\"a \"\"b\"\" %s\"");
    ps_buffer_clear(&out);
    duck_name_literal(&out, "it's \"x\"");
    assert_string_equal(out.data, "'it''s \"x\"'");
    ps_buffer_clear(&out);
    struct duck_name name = {"c", "s\"", "t"};
    duck_name_table(&out, &name, DUCK_LOAD_PREFIX);
    assert_string_equal(out.data, "\"c\".\"s\"\"\".\"_penstock_load_t\"");
    ps_buffer_done(&out);
}

static void test_schema_of_a_table_with_a_schema_is_joined_in_small_letters(void **state)
{
    (void)state;
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    duck_name_schema(&out, "Tester", "");
    assert_string_equal(out.data, "Tester");
    ps_buffer_clear(&out);
    duck_name_schema(&out, "Tester", "Sales \xc3\x84");
    assert_string_equal(out.data, "Tester_sales \xc3\x84");
    ps_buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_quoted),
        cmocka_unit_test(test_schema_of_a_table_with_a_schema_is_joined_in_small_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
