/*
 * The choice of mode, cursor and soft-delete column.
 */
#include "support/unit.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "engine/mode.h"
#include "unit/engine/engine_config.h"

static const char *const cursor_names[] = {"updated_at", "modified_at", NULL};
static const char *const soft_delete_names[] = {"is_deleted", NULL};
static void advise_index(const struct ps_table *of, uint32_t column, struct ps_buffer *sql)
{
    ps_buffer_printf(sql, "CREATE INDEX ON %s (%s)", of->name, of->columns[column].name);
}

static const struct ps_source_ops ops = {.cursor_names = cursor_names,
                                         .soft_delete_names = soft_delete_names,
                                         .advise_index = advise_index};

static struct ps_column columns[] = {
    {.name = "id", .type = PS_TYPE_LONG, .key_position = 1},
    {.name = "Modified_At", .type = PS_TYPE_UTC_DATETIME, .null_fraction = -1},
    {.name = "updated_at", .type = PS_TYPE_UTC_DATETIME, .null_fraction = -1},
    {.name = "last_change_ts", .type = PS_TYPE_NAIVE_DATETIME, .null_fraction = -1},
    {.name = "created_at", .type = PS_TYPE_UTC_DATETIME, .null_fraction = -1},
    {.name = "is_deleted", .type = PS_TYPE_BOOLEAN},
    {.name = "gone", .type = PS_TYPE_STRING},
};
static struct ps_table table = {.schema = "public",
                                .name = "orders",
                                .columns = columns,
                                .columns_count = 7,
                                .keys_count = 1,
                                .rows_estimate = 1000};

static struct ps_arena *arena;

static struct mode_choice choose(const char *const *pairs)
{
    struct engine_config made;
    struct mode_choice choice;
    struct ps_error err;
    const struct ps_config *config = engine_config_make(&made, pairs);
    assert_int_equal(mode_choose(&ops, config, arena, &table, &choice, &err), PS_OK);
    engine_config_done(&made);
    return choice;
}

static void test_mode_takes_the_first_name_the_source_knows(void **state)
{
    (void)state;
    struct mode_choice choice = choose(NULL);
    assert_int_equal(choice.mode, PS_MODE_INCREMENTAL);
    assert_int_equal(choice.cursor, 2);
    assert_int_equal(choice.soft_delete, 5);
    assert_string_equal(choice.reason, "cursor updated_at; before Modified_At");
}

static void test_mode_prefers_what_is_configured_exact_before_partial(void **state)
{
    (void)state;
    assert_int_equal(
        choose((const char *[]){"timestamp_column", "created | modified_at", NULL}).cursor, 1);
    assert_int_equal(choose((const char *[]){"timestamp_column", "change", NULL}).cursor, 3);
    assert_int_equal(
        choose((const char *[]){"timestamp_column", "orders=created_at, other=x", NULL}).cursor, 4);
}

static void test_mode_knows_every_name_that_is_configured(void **state)
{
    (void)state;
    struct ps_buffer names;
    ps_buffer_init(&names, 0);
    for (int i = 0; i < 40; i++) {
        ps_buffer_printf(&names, "nowhere_%d | ", i);
    }
    ps_buffer_puts(&names, "last_change_ts");
    const char *const pairs[] = {"timestamp_column", ps_buffer_text(&names), NULL};
    struct mode_choice choice = choose(pairs);
    assert_int_equal(choice.cursor, 3);
    assert_null(choice.warning);
    ps_buffer_done(&names);
}

/* A part of a name that very many columns have: each is a candidate, some are told. */
static void test_mode_tells_some_of_many_candidates(void **state)
{
    (void)state;
    static struct ps_column many[40];
    const struct ps_column *const few = table.columns;
    for (size_t i = 0; i < 40; i++) {
        many[i] = (struct ps_column){.name = i == 0 ? "id" : "a_time",
                                     .type = PS_TYPE_UTC_DATETIME,
                                     .null_fraction = i < 30 ? 1 : -1,
                                     .indexed = true};
    }
    table.columns = many;
    table.columns_count = 40;
    table.rows_estimate = 1000000;
    struct mode_choice choice = choose((const char *[]){"timestamp_column", "time", NULL});
    assert_int_equal(choice.cursor, 30);
    for (size_t i = 1; i < 40; i++) {
        many[i].null_fraction = -1;
    }
    choice = choose((const char *[]){"timestamp_column", "time", NULL});
    assert_int_equal(choice.cursor, 1);
    assert_non_null(strstr(choice.reason, ", a_time and 22 more"));
    table.columns = few;
    table.columns_count = 7;
    table.rows_estimate = 1000;
}

static void test_mode_with_a_configured_name_that_is_not_there_warns(void **state)
{
    (void)state;
    struct mode_choice choice = choose((const char *[]){"timestamp_column", "nope", NULL});
    assert_int_equal(choice.cursor, 2);
    assert_non_null(strstr(choice.warning, "nope"));
}

static void test_mode_does_not_take_a_text_column_as_cursor(void **state)
{
    (void)state;
    assert_int_equal(choose((const char *[]){"timestamp_column", "gone", NULL}).cursor, 2);
}

static void test_mode_passes_over_a_cursor_with_many_nulls(void **state)
{
    (void)state;
    table.rows_estimate = 10000000;
    columns[2].null_fraction = 0.5;
    struct mode_choice choice = choose(NULL);
    assert_int_equal(choice.cursor, 1);
    assert_non_null(strstr(choice.reason, "updated_at is NULL in too many rows"));
    columns[1].null_fraction = 0.5;
    choice = choose(NULL);
    assert_int_equal(choice.mode, PS_MODE_FULL);
    columns[1].null_fraction = columns[2].null_fraction = -1;
    table.rows_estimate = 1000;
}

static void test_mode_says_what_an_index_would_gain(void **state)
{
    (void)state;
    columns[2].indexed = false;
    table.rows_estimate = 25000;
    assert_string_equal(
        choose(NULL).reason,
        "cursor updated_at; before Modified_At; no index begins with it, so each read goes through "
        "all of about 25000 rows, and with one through the changed ones alone: CREATE INDEX ON "
        "orders (updated_at)");
    columns[2].indexed = true;
    assert_null(strstr(choose(NULL).reason, "index"));
    columns[2].indexed = false;
    table.rows_estimate = 1000;
    assert_null(strstr(choose(NULL).reason, "index"));
}

static void test_mode_without_a_key_or_cursor_is_full(void **state)
{
    (void)state;
    table.keys_count = 0;
    struct mode_choice choice = choose(NULL);
    assert_int_equal(choice.mode, PS_MODE_FULL);
    assert_string_equal(choice.reason, "no key");
    table.keys_count = 1;
    table.columns_count = 1;
    choice = choose(NULL);
    assert_int_equal(choice.mode, PS_MODE_FULL);
    assert_string_equal(choice.reason, "no cursor column (updated_at, modified_at)");
    assert_int_equal(choice.soft_delete, -1);
    table.columns_count = 7;
}

static void test_mode_says_why_a_named_column_is_no_cursor(void **state)
{
    (void)state;
    static const char *const by_part[] = {"timestamp_column", "missing | gon", NULL};
    table.columns_count = 7;
    columns[6].source_type = "numeric";
    struct mode_choice choice = choose(by_part);
    assert_int_equal(choice.cursor, 2);
    assert_non_null(strstr(choice.warning, "column \"gone\" of \"orders\" cannot be a cursor"));
    assert_non_null(strstr(choice.warning, "numeric arrives as STRING"));
    choice = choose((const char *[]){"timestamp_column", "missing", NULL});
    assert_non_null(strstr(choice.warning, "named or contains `missing`"));
    columns[6].source_type = NULL;
    columns[2].type = PS_TYPE_STRING;
    table.columns_count = 3;
    columns[1].name = "other";
    choice = choose(NULL);
    assert_int_equal(choice.mode, PS_MODE_FULL);
    assert_non_null(strstr(choice.reason, "updated_at cannot be a cursor, since ? arrives as"));
    columns[1].name = "Modified_At";
    columns[2].type = PS_TYPE_UTC_DATETIME;
    table.columns_count = 7;
}

/* Bytes have an order where they are a counter's alone. */
static void test_mode_takes_a_counter_and_no_other_bytes(void **state)
{
    (void)state;
    static const char *const named[] = {"timestamp_column", "gone", NULL};
    columns[6].type = PS_TYPE_BINARY;
    columns[6].source_type = "rowversion";
    struct mode_choice choice = choose(named);
    assert_int_equal(choice.cursor, 2);
    assert_non_null(strstr(choice.warning, "rowversion arrives as BINARY"));
    columns[6].counter = true;
    choice = choose(named);
    assert_int_equal(choice.cursor, 6);
    assert_null(choice.warning);
    assert_string_equal(choice.reason, "cursor gone (a counter); before updated_at, Modified_At");
    columns[6].counter = false;
    columns[6].type = PS_TYPE_STRING;
    columns[6].source_type = NULL;
}

static void test_mode_says_what_the_source_has_against_a_cursor(void **state)
{
    (void)state;
    static const char *const named[] = {"timestamp_column", "last_change_ts", NULL};
    columns[3].no_cursor = "nobody tells what is open";
    struct mode_choice choice = choose(named);
    assert_int_equal(choice.cursor, 2);
    assert_string_equal(choice.warning,
                        "column \"last_change_ts\" of \"orders\" cannot be a cursor, since nobody "
                        "tells what is open (timestamp_column)");
    columns[3].no_cursor = NULL;
    columns[2].no_cursor = columns[1].no_cursor = "it is Monday";
    choice = choose(NULL);
    assert_int_equal(choice.mode, PS_MODE_FULL);
    assert_string_equal(choice.reason, "updated_at cannot be a cursor, since it is Monday");
    columns[2].no_cursor = columns[1].no_cursor = NULL;
}

static void test_mode_soft_delete_column_can_be_configured(void **state)
{
    (void)state;
    assert_int_equal(choose((const char *[]){"soft_delete_column", "gone", NULL}).soft_delete, 6);
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
        cmocka_unit_test(test_mode_takes_the_first_name_the_source_knows),
        cmocka_unit_test(test_mode_prefers_what_is_configured_exact_before_partial),
        cmocka_unit_test(test_mode_knows_every_name_that_is_configured),
        cmocka_unit_test(test_mode_tells_some_of_many_candidates),
        cmocka_unit_test(test_mode_with_a_configured_name_that_is_not_there_warns),
        cmocka_unit_test(test_mode_does_not_take_a_text_column_as_cursor),
        cmocka_unit_test(test_mode_passes_over_a_cursor_with_many_nulls),
        cmocka_unit_test(test_mode_says_what_an_index_would_gain),
        cmocka_unit_test(test_mode_without_a_key_or_cursor_is_full),
        cmocka_unit_test(test_mode_says_why_a_named_column_is_no_cursor),
        cmocka_unit_test(test_mode_takes_a_counter_and_no_other_bytes),
        cmocka_unit_test(test_mode_says_what_the_source_has_against_a_cursor),
        cmocka_unit_test(test_mode_soft_delete_column_can_be_configured),
    };
    return cmocka_run_group_tests(tests, make_arena, free_arena);
}
