/*
 * Names at the destination.
 */
#include "support/unit.h"

#include <string.h>

#include "base/arena.h"
#include "engine/names.h"
#include "unit/engine/engine_config.h"

#define TABLES_MAX 4

static struct ps_arena *arena;
static struct ps_table tables[TABLES_MAX];
static struct ps_table *list[TABLES_MAX];
static struct destination_name names[TABLES_MAX];
static struct ps_error err;

static void set_tables(const char *const (*pairs)[2], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        tables[i] = (struct ps_table){.schema = pairs[i][0], .name = pairs[i][1]};
        list[i] = &tables[i];
    }
}

static enum ps_status assign(size_t count, const char *mode, uint32_t caps,
                             const struct ps_state *state)
{
    struct engine_config made;
    const char *const pairs[] = {"destination_names", mode, NULL};
    struct ps_plan_request request = {
        .config = engine_config_make(&made, pairs), .sink_caps = caps, .state = state};
    memset(names, 0, sizeof(names));
    enum ps_status status = names_assign(&request, arena, list, count, names, &err);
    engine_config_done(&made);
    return status;
}

static void test_names_are_the_tables_own(void **state)
{
    (void)state;
    set_tables((const char *const[][2]){{"a", "orders"}, {"b", "people"}}, 2);
    assert_int_equal(assign(2, "table", 0, NULL), PS_OK);
    assert_string_equal(names[0].schema, "");
    assert_string_equal(names[0].table, "orders");
    assert_int_equal(assign(2, "schema_table", 0, NULL), PS_OK);
    assert_string_equal(names[0].table, "a_orders");
    assert_int_equal(assign(2, "schema", 0, NULL), PS_OK);
    assert_string_equal(names[1].schema, "b");
    assert_string_equal(names[1].table, "people");
}

static void test_names_in_two_schemas_are_a_configuration_error(void **state)
{
    (void)state;
    set_tables((const char *const[][2]){{"a", "orders"}, {"b", "orders"}}, 2);
    assert_int_equal(assign(2, "table", 0, NULL), PS_CONFIG);
    assert_non_null(strstr(err.message, "destination_names"));
    assert_int_equal(assign(2, "schema", 0, NULL), PS_OK);
}

static void test_names_that_differ_in_case_are_numbered_where_case_does_not_count(void **state)
{
    (void)state;
    set_tables((const char *const[][2]){{"a", "ORDERS"}, {"a", "Orders"}, {"a", "orders"}}, 3);
    assert_int_equal(assign(3, "table", PS_SINK_IGNORES_CASE, NULL), PS_OK);
    assert_string_equal(names[0].table, "ORDERS");
    assert_string_equal(names[1].table, "Orders_2");
    assert_string_equal(names[2].table, "orders_3");
    assert_true(names[2].renamed);
    assert_int_equal(assign(3, "table", 0, NULL), PS_OK);
    assert_string_equal(names[2].table, "orders");
}

static void test_names_given_before_stay(void **state)
{
    (void)state;
    struct ps_state *document;
    struct ps_table_state *table;
    assert_int_equal(ps_state_new(&document, &err), PS_OK);
    assert_int_equal(ps_state_table(document, "a", "orders", &table, &err), PS_OK);
    assert_int_equal(ps_state_set_text(document, &table->destination_table, "orders", &err), PS_OK);
    set_tables((const char *const[][2]){{"a", "ORDERS"}, {"a", "orders"}}, 2);
    assert_int_equal(assign(2, "table", PS_SINK_IGNORES_CASE, document), PS_OK);
    assert_string_equal(names[0].table, "ORDERS_2");
    assert_string_equal(names[1].table, "orders");
    /* Another option gives another name: the old one is not kept. */
    assert_int_equal(assign(2, "schema_table", PS_SINK_IGNORES_CASE, document), PS_OK);
    assert_string_equal(names[1].table, "a_orders_2");
    ps_state_free(document);
}

static void test_columns_that_collide_are_numbered_in_their_order(void **state)
{
    (void)state;
    struct ps_column columns[] = {{.name = "a"}, {.name = "A"}, {.name = "a_2"}, {.name = "b"}};
    assert_int_equal(names_columns(arena, columns, 4, true, NULL, &err), PS_OK);
    assert_string_equal(columns[0].name, "a");
    assert_string_equal(columns[1].name, "A_2");
    assert_string_equal(columns[2].name, "a_2_2");
    assert_string_equal(columns[3].name, "b");
    struct ps_column exact[] = {{.name = "a"}, {.name = "A"}};
    assert_int_equal(names_columns(arena, exact, 2, false, NULL, &err), PS_OK);
    assert_string_equal(exact[1].name, "A");
}

static void test_columns_keep_the_name_they_were_given(void **state)
{
    (void)state;
    struct ps_renamed_column renamed = {.column = "A", .name = "A_2"};
    struct ps_table_state table = {.renamed = &renamed};
    struct ps_column columns[] = {{.name = "A"}, {.name = "x"}};
    assert_int_equal(names_columns(arena, columns, 2, true, &table, &err), PS_OK);
    assert_string_equal(columns[0].name, "A_2");
}

static void test_reserved_names_get_a_number_too(void **state)
{
    (void)state;
    struct ps_column columns[] = {
        {.name = "_fivetran_id"}, {.name = "_Fivetran_ID"}, {.name = "_fivetran_id_2"}};
    assert_int_equal(names_columns(arena, columns, 3, true, NULL, &err), PS_OK);
    assert_string_equal(columns[0].name, "_fivetran_id_2");
    assert_string_equal(columns[1].name, "_Fivetran_ID_3");
    assert_string_equal(columns[2].name, "_fivetran_id_2_2");
}

static void test_places_that_are_left_are_named_unless_another_table_has_them(void **state)
{
    (void)state;
    struct ps_state *document;
    struct ps_table_state *table;
    const char *text = "";
    assert_int_equal(ps_state_new(&document, &err), PS_OK);
    assert_int_equal(ps_state_table(document, "a", "orders", &table, &err), PS_OK);
    assert_int_equal(ps_state_set_text(document, &table->destination_table, "orders", &err), PS_OK);
    assert_int_equal(ps_state_table(document, "a", "a_orders", &table, &err), PS_OK);
    assert_int_equal(ps_state_set_text(document, &table->destination_table, "a_x", &err), PS_OK);
    set_tables((const char *const[][2]){{"a", "a_orders"}, {"a", "orders"}, {"a", "x"}}, 3);
    assert_int_equal(assign(3, "schema_table", 0, document), PS_OK);
    struct ps_plan_request request = {.state = document};
    assert_int_equal(names_left_behind(&request, arena, list, 3, names, &text, &err), PS_OK);
    assert_non_null(strstr(text, "1 table stays there"));
    assert_non_null(strstr(text, "any more: \"orders\"."));
    ps_state_free(document);
}

static void test_reserved_names_are_known(void **state)
{
    (void)state;
    assert_true(names_column_reserved("_fivetran_synced"));
    assert_true(names_column_reserved("_FIVETRAN_ID"));
    assert_false(names_column_reserved("_fivetran_other"));
}

static int make_arena(void **state)
{
    (void)state;
    arena = ps_arena_new(1 << 20);
    return arena == NULL;
}

static int free_arena(void **state)
{
    (void)state;
    ps_arena_free(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_the_tables_own),
        cmocka_unit_test(test_names_in_two_schemas_are_a_configuration_error),
        cmocka_unit_test(test_names_that_differ_in_case_are_numbered_where_case_does_not_count),
        cmocka_unit_test(test_names_given_before_stay),
        cmocka_unit_test(test_columns_that_collide_are_numbered_in_their_order),
        cmocka_unit_test(test_columns_keep_the_name_they_were_given),
        cmocka_unit_test(test_reserved_names_get_a_number_too),
        cmocka_unit_test(test_places_that_are_left_are_named_unless_another_table_has_them),
        cmocka_unit_test(test_reserved_names_are_known),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
