/*
 * Unit tests for src/config/patterns.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "penstock/config.h"

static void test_pattern_table_alone_matches_in_any_schema(void **context)
{
    (void)context;
    assert_true(ps_table_pattern_match("orders", "public", "orders"));
    assert_true(ps_table_pattern_match("orders", "", "orders"));
    assert_false(ps_table_pattern_match("orders", "public", "orders2"));
    assert_false(ps_table_pattern_match("orders", "public", "order"));
    assert_false(ps_table_pattern_match("public", "public", "orders"));
}

static void test_pattern_schema_and_table_matches_both(void **context)
{
    (void)context;
    assert_true(ps_table_pattern_match("public.orders", "public", "orders"));
    assert_false(ps_table_pattern_match("public.orders", "sales", "orders"));
    assert_false(ps_table_pattern_match("public.orders", "public", "order"));
}

static void test_pattern_case_does_not_count(void **context)
{
    (void)context;
    assert_true(ps_table_pattern_match("PUBLIC.orders", "public", "Orders"));
    assert_true(ps_table_pattern_match("patientdim", "", "PatientDim"));
}

static void test_pattern_star_stands_for_any_run(void **context)
{
    (void)context;
    assert_true(ps_table_pattern_match("*", "public", "orders"));
    assert_true(ps_table_pattern_match("*.*", "public", "orders"));
    assert_true(ps_table_pattern_match("public.*", "public", "orders"));
    assert_true(ps_table_pattern_match("*.orders", "", "orders"));
    assert_true(ps_table_pattern_match("*Dim", "", "PatientDim"));
    assert_true(ps_table_pattern_match("a*b*c", "", "a1b2b3c"));
    assert_true(ps_table_pattern_match("**a**", "", "a"));
    assert_false(ps_table_pattern_match("a*b*c", "", "a1c2b"));
    assert_false(ps_table_pattern_match("pub*.o", "public", "orders"));
    assert_false(ps_table_pattern_match("public.*", "sales", "orders"));
}

static void test_pattern_without_dot_never_reaches_into_the_schema(void **context)
{
    (void)context;
    assert_false(ps_table_pattern_match("pub*", "public", "orders"));
    assert_false(ps_table_pattern_match("p*s", "public", "orders"));
}

static void test_pattern_names_with_dots_match(void **context)
{
    (void)context;
    assert_true(ps_table_pattern_match("my.table", "public", "my.table"));
    assert_true(ps_table_pattern_match("public.my.table", "public", "my.table"));
    assert_true(ps_table_pattern_match("a.b.t", "a.b", "t"));
}

static void test_pattern_blank_matches_nothing(void **context)
{
    (void)context;
    assert_false(ps_table_pattern_match("", "", ""));
    assert_false(ps_table_pattern_match("  ", "", "x"));
    assert_true(ps_table_pattern_match("  orders ", "public", "orders"));
}

static void test_pattern_of_many_stars_is_quick(void **context)
{
    (void)context;
    char text[2001];
    for (size_t i = 0; i < 2000; i++) {
        text[i] = 'a';
    }
    text[2000] = '\0';
    assert_false(ps_table_pattern_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab", "s", text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern_table_alone_matches_in_any_schema),
        cmocka_unit_test(test_pattern_schema_and_table_matches_both),
        cmocka_unit_test(test_pattern_case_does_not_count),
        cmocka_unit_test(test_pattern_star_stands_for_any_run),
        cmocka_unit_test(test_pattern_without_dot_never_reaches_into_the_schema),
        cmocka_unit_test(test_pattern_names_with_dots_match),
        cmocka_unit_test(test_pattern_blank_matches_nothing),
        cmocka_unit_test(test_pattern_of_many_stars_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
