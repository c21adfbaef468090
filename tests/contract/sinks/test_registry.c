/*
 * Which destination is whose, and that every sink in the registry is one of this interface.
 */
#include "sinks/registry.h"

#include "support/unit.h"

static void test_null_is_the_null_sink_and_paths_are_warehouses(void **state)
{
    (void)state;
    assert_string_equal(ps_sink_find("null")->name, "null");
    assert_string_equal(ps_sink_find("files/warehouse.db")->name, "duckdb");
    assert_string_equal(ps_sink_find("duckdb:files/warehouse.db")->name, "duckdb");
    assert_string_equal(ps_sink_find("./null")->name, "duckdb");
    assert_int_equal(ps_sink_find("null")->abi, PS_SINK_ABI);
    assert_int_equal(ps_sink_find("x")->abi, PS_SINK_ABI);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_is_the_null_sink_and_paths_are_warehouses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
