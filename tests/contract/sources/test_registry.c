/*
 * The registry of sources: each is found by its name, and all keep to what the registry needs.
 */
#include "support/unit.h"

#include <string.h>

#include "sources/registry.h"

static void test_every_source_is_found_by_its_name(void **state)
{
    (void)state;
    size_t count = 0;
    for (const struct ps_source_ops *const *ops = ps_sources(); *ops != NULL; ops++) {
        assert_int_equal((*ops)->abi, PS_SOURCE_ABI);
        assert_ptr_equal(ps_source_find((*ops)->name), *ops);
        count++;
    }
    assert_true(count >= 1);
    assert_non_null(ps_source_find("ehr"));
    assert_non_null(ps_source_find("postgresql"));
    assert_non_null(ps_source_find("yugabytedb"));
}

static void test_unknown_name_is_not_found(void **state)
{
    (void)state;
    assert_null(ps_source_find(""));
    assert_null(ps_source_find("EHR"));
    assert_null(ps_source_find("oracle"));
}

/* Names are keys of configuration.json. The example keeps the spelling of the SDK's own example. */
static void test_option_names_are_lower_snake_case_and_once_in_a_source(void **state)
{
    (void)state;
    for (const struct ps_source_ops *const *ops = ps_sources(); *ops != NULL; ops++) {
        for (const struct ps_option *option = (*ops)->options; option->name != NULL; option++) {
            bool foreign = strcmp((*ops)->name, "example") == 0;
            size_t size = strspn(option->name, foreign ? "abcdefghijklmnopqrstuvwxyz_"
                                                         "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                       : "abcdefghijklmnopqrstuvwxyz0123456789_");
            assert_int_equal(size, strlen(option->name));
            for (const struct ps_option *other = option + 1; other->name != NULL; other++) {
                assert_string_not_equal(option->name, other->name);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_source_is_found_by_its_name),
        cmocka_unit_test(test_unknown_name_is_not_found),
        cmocka_unit_test(test_option_names_are_lower_snake_case_and_once_in_a_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
