/*
 * Unit tests for src/config/nearest.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "config/nearest.h"

static void test_distance_counts_single_edits(void **context)
{
    (void)context;
    assert_int_equal(nearest_distance("host", "host"), 0);
    assert_int_equal(nearest_distance("host", "HOST"), 0);
    assert_int_equal(nearest_distance("pasword", "password"), 1);
    assert_int_equal(nearest_distance("passwords", "password"), 1);
    assert_int_equal(nearest_distance("pastword", "password"), 1);
    assert_int_equal(nearest_distance("hots", "host"), 1);
    assert_int_equal(nearest_distance("kitten", "sitting"), 3);
    assert_int_equal(nearest_distance("", "abc"), 3);
    assert_int_equal(nearest_distance("abc", ""), 3);
    assert_int_equal(nearest_distance("", ""), 0);
}

static void test_distance_of_overlong_names_is_far(void **context)
{
    (void)context;
    char longest[NEAREST_NAME_MAX + 1], over[NEAREST_NAME_MAX + 2];
    memset(longest, 'a', NEAREST_NAME_MAX);
    longest[NEAREST_NAME_MAX] = '\0';
    memset(over, 'a', NEAREST_NAME_MAX + 1);
    over[NEAREST_NAME_MAX + 1] = '\0';
    assert_int_equal(nearest_distance(longest, longest), 0);
    assert_int_equal(nearest_distance(over, longest), NEAREST_NAME_MAX + 1);
    assert_int_equal(nearest_distance(longest, over), NEAREST_NAME_MAX + 1);
}

static void test_limit_is_a_third_from_one_to_three(void **context)
{
    (void)context;
    assert_int_equal(nearest_limit(""), 1);
    assert_int_equal(nearest_limit("prt"), 1);
    assert_int_equal(nearest_limit("passwd"), 2);
    assert_int_equal(nearest_limit("max_queue_sizes_of_all"), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_distance_counts_single_edits),
        cmocka_unit_test(test_distance_of_overlong_names_is_far),
        cmocka_unit_test(test_limit_is_a_third_from_one_to_three),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
