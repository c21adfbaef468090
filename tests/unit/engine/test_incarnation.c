/*
 * What a source said of a table's storage, compared with what it says now.
 */
#include "support/unit.h"

#include <stdio.h>

#include "engine/incarnation.h"

static void test_incarnation_with_another_file_is_rewritten(void **state)
{
    (void)state;
    assert_false(incarnation_rewritten("7.5/100", "7.5/100"));
    assert_true(incarnation_rewritten("7.5/100", "7.5/101"));
    assert_false(incarnation_rewritten("100", "100"));
    assert_true(incarnation_rewritten("100", "101"));
}

static void test_incarnation_of_another_origin_is_rewritten(void **state)
{
    (void)state;
    assert_true(incarnation_rewritten("7.5/100", "8.5/100"));
    assert_true(incarnation_rewritten("7.5/100", "7.6/100"));
    assert_true(incarnation_rewritten("7.5/100,1:2", "8.5/100,1:2"));
    assert_true(incarnation_rewritten(".5.a/100", ".5.b/100"));
}

static void test_incarnation_is_the_same_where_one_side_knows_less(void **state)
{
    (void)state;
    static const char *const origins[] = {"", "/", "7.5/", ".5.a/", "7/"};
    for (size_t i = 0; i < sizeof origins / sizeof origins[0]; i++) {
        for (size_t k = 0; k < sizeof origins / sizeof origins[0]; k++) {
            char former[32], present[32];
            (void)snprintf(former, sizeof former, "%s100,1:2", origins[i]);
            (void)snprintf(present, sizeof present, "%s100,1:2", origins[k]);
            assert_false(incarnation_rewritten(former, present));
            assert_true(incarnation_same(former, present));
        }
    }
    assert_true(incarnation_rewritten("7.5/100", ".6.a/100"));
    assert_true(incarnation_rewritten("/100", "7.5/101"));
}

static void test_incarnation_of_a_cluster_stays_while_one_name_does(void **state)
{
    (void)state;
    assert_false(incarnation_rewritten("a+b+c.5/100", "c+d.5/100"));
    assert_false(incarnation_rewritten("c.5/100", "a+b+c.5/100"));
    assert_true(incarnation_rewritten("a+b.5/100", "aa+c.5/100"));
    assert_true(incarnation_rewritten("ab.5/100", "a.5/100"));
}

static void test_incarnation_parts_come_and_go(void **state)
{
    (void)state;
    const char *former = "7.5/9,1:10,2:20-", *present = "7.5/9,2:20,3:30,4:40-";
    assert_false(incarnation_rewritten(former, present));
    assert_int_equal(incarnation_parts_gone(former, present), 1);
    assert_true(incarnation_part_added(former, present));
    assert_false(incarnation_part_added(former, "7.5/9,1:10,2:20,4:40-"));
    assert_true(incarnation_rewritten(former, "7.5/9,1:11"));
}

static void test_incarnation_same_takes_what_is_not_known(void **state)
{
    (void)state;
    assert_true(incarnation_same(NULL, NULL));
    assert_false(incarnation_same("1", NULL));
    assert_false(incarnation_same(NULL, "1"));
    assert_false(incarnation_same("7.5/1,2:3", "7.5/1,2:3-"));
    assert_false(incarnation_same("7.5/1", "8.5/1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incarnation_with_another_file_is_rewritten),
        cmocka_unit_test(test_incarnation_of_another_origin_is_rewritten),
        cmocka_unit_test(test_incarnation_is_the_same_where_one_side_knows_less),
        cmocka_unit_test(test_incarnation_of_a_cluster_stays_while_one_name_does),
        cmocka_unit_test(test_incarnation_parts_come_and_go),
        cmocka_unit_test(test_incarnation_same_takes_what_is_not_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
