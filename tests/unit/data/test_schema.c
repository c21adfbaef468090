/* Names of types, finding a column, and lists of tables that grow. */
#include "penstock/schema.h"

#include <string.h>

#include "base/arena.h"
#include "support/torture.h"

static void test_type_names_are_the_contracts(void **state)
{
    (void)state;
    assert_string_equal(ps_type_name(PS_TYPE_UNSPECIFIED), "UNSPECIFIED");
    assert_string_equal(ps_type_name(PS_TYPE_UTC_DATETIME), "UTC_DATETIME");
    assert_string_equal(ps_type_name(PS_TYPE_JSON), "JSON");
    assert_string_equal(ps_type_name((enum ps_type)15), "UNSPECIFIED");
}

static void test_type_is_variable_for_texts_and_bytes_alone(void **state)
{
    (void)state;
    for (int type = 0; type < PS_TYPES; type++) {
        bool variable = type == PS_TYPE_UNSPECIFIED || type >= PS_TYPE_BINARY;
        assert_int_equal(ps_type_is_variable((enum ps_type)type), variable);
    }
}

static void test_table_column_is_exact(void **state)
{
    (void)state;
    const struct ps_column columns[] = {{.name = "id"}, {.name = "Name"}, {.name = "name"}};
    const struct ps_table table = {.name = "t", .columns = columns, .columns_count = 3};
    assert_int_equal(ps_table_column(&table, "name"), 2);
    assert_int_equal(ps_table_column(&table, "ID"), -1);
    const struct ps_table undescribed = {.name = "t"};
    assert_int_equal(ps_table_column(&undescribed, "id"), -1);
}

static void test_table_list_grows_and_keeps_its_entries(void **state)
{
    (void)state;
    struct ps_table_list list = {.arena = ps_arena_new(16u << 20)};
    struct ps_error err;
    struct ps_table *first = NULL, *table = NULL;
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ps_table_list_add(&list, &table, &err), PS_OK);
        assert_int_equal(table->rows_estimate, -1);
        assert_int_equal(table->bytes_estimate, -1);
        assert_null(table->name);
        table->source_id = (uint32_t)i;
        first = i == 0 ? table : first;
    }
    assert_int_equal(list.tables_count, 1000);
    assert_ptr_equal(list.tables[0], first);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(list.tables[i]->source_id, i);
    }
    assert_int_equal(ps_table_list_warn(&list, &err, "no right on %s", "t"), PS_OK);
    assert_int_equal(list.warnings_count, 1);
    assert_string_equal(list.warnings[0], "no right on t");
    ps_arena_free(list.arena);
}

static enum ps_status list_tables(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_table_list list = {.arena = ps_arena_new(1u << 20)};
    if (list.arena == NULL) {
        return ps_fail_nomem(err, "making an arena");
    }
    enum ps_status status = PS_OK;
    struct ps_table *table;
    for (int i = 0; i < 100 && status == PS_OK; i++) {
        status = ps_table_list_add(&list, &table, err);
        if (status == PS_OK) {
            status = ps_table_list_warn(&list, err, "%0200d", i);
        }
    }
    ps_arena_free(list.arena);
    return status;
}

static void test_table_list_without_memory_says_so(void **state)
{
    (void)state;
    torture(list_tables, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_type_names_are_the_contracts),
        cmocka_unit_test(test_type_is_variable_for_texts_and_bytes_alone),
        cmocka_unit_test(test_table_column_is_exact),
        cmocka_unit_test(test_table_list_grows_and_keeps_its_entries),
        cmocka_unit_test(test_table_list_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
