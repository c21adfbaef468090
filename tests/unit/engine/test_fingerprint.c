/*
 * Fingerprints of tables, and the changes that they show.
 */
#include "support/unit.h"

#include <string.h>

#include <stdio.h>

#include "base/arena.h"
#include "engine/fingerprint.h"

static struct ps_arena *arena;
static uint32_t left_out, deletes, values; /* of the subjects that are made */

static const char *make(const struct ps_column *columns, uint32_t count, const char *former)
{
    struct ps_table table = {.schema = "", .name = "t", .columns = columns, .columns_count = count};
    const struct fingerprint_subject subject = {&table, left_out, deletes, values};
    const char *fingerprint = fingerprint_make(arena, &subject, former);
    assert_non_null(fingerprint);
    return fingerprint;
}

static const char *change(const char *former, const struct ps_column *columns, uint32_t count)
{
    struct ps_table table = {.schema = "", .name = "t", .columns = columns, .columns_count = count};
    const struct fingerprint_subject subject = {&table, left_out, deletes, values};
    return fingerprint_change(former, &subject, arena);
}

#define KEY                                                                                        \
    {                                                                                              \
        .name = "k", .type = PS_TYPE_INT, .key_position = 1, .source_id = 1                        \
    }
#define TEXT(name_, handle)                                                                        \
    {                                                                                              \
        .name = name_, .type = PS_TYPE_STRING, .source_id = handle                                 \
    }

static const struct ps_column before[] = {KEY, TEXT("a", 2), TEXT("b", 3)};

static void test_same_table_has_not_changed(void **state)
{
    (void)state;
    assert_null(change(make(before, 3, NULL), before, 3));
}

static void test_new_and_dropped_columns_leave_rows_right(void **state)
{
    (void)state;
    const struct ps_column more[] = {KEY, TEXT("a", 2), TEXT("b", 3), TEXT("c", 4)};
    const struct ps_column fewer[] = {KEY, TEXT("b", 3)};
    assert_null(change(make(before, 3, NULL), more, 4));
    assert_null(change(make(before, 3, NULL), fewer, 2));
}

static void test_key_that_is_another_or_of_another_type_is_not_kept(void **state)
{
    (void)state;
    const struct ps_column wider[] = {
        {.name = "k", .type = PS_TYPE_LONG, .key_position = 1, .source_id = 1}, TEXT("a", 2)};
    const struct ps_column renamed[] = {
        {.name = "id", .type = PS_TYPE_INT, .key_position = 1, .source_id = 1}, TEXT("a", 2)};
    const struct ps_column more[] = {KEY, TEXT("a", 2), TEXT("b", 3), TEXT("c", 4)};
    const struct ps_table tables[] = {
        {.schema = "", .name = "t", .columns = more, .columns_count = 4},
        {.schema = "", .name = "t", .columns = wider, .columns_count = 2},
        {.schema = "", .name = "t", .columns = renamed, .columns_count = 2},
    };
    const char *former = make(before, 3, NULL);
    assert_true(fingerprint_keeps_key(former, make(more, 4, NULL), &tables[0]));
    assert_true(fingerprint_keeps_key(NULL, make(wider, 2, NULL), &tables[1]));
    assert_false(fingerprint_keeps_key(former, make(wider, 2, NULL), &tables[1]));
    assert_false(fingerprint_keeps_key(former, make(renamed, 2, NULL), &tables[2]));
}

static void test_renamed_column_is_seen(void **state)
{
    (void)state;
    const struct ps_column renamed[] = {KEY, TEXT("a", 2), TEXT("c", 3)};
    assert_string_equal(change(make(before, 3, NULL), renamed, 3),
                        "a column was renamed or replaced");
}

static void test_column_dropped_and_added_again_is_seen_at_once_and_later(void **state)
{
    (void)state;
    const struct ps_column without[] = {KEY, TEXT("a", 2)};
    const struct ps_column again[] = {KEY, TEXT("a", 2), TEXT("b", 4)};
    const char *first = make(before, 3, NULL);
    assert_non_null(change(first, again, 3));
    /* One read without it in between: it is remembered … */
    const char *second = make(without, 2, first);
    assert_null(change(first, without, 2));
    assert_non_null(change(second, again, 3));
    /* … until a load has written every row anew. */
    assert_null(change(make(without, 2, NULL), again, 3));
}

static void test_key_and_backfilled_columns_are_seen_whatever_the_hashes_hold(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "k%d", i);
        struct ps_column columns[] = {
            {.name = name, .type = PS_TYPE_INT, .key_position = 1, .source_id = 1},
            TEXT("a", 2),
            TEXT("b", 3),
        };
        const char *former = make(columns, 2, NULL);
        columns[2].backfilled = true;
        assert_string_equal(change(former, columns, 3), "a column with a default was added");
        columns[1].key_position = 2;
        assert_string_equal(change(former, columns, 3), "its key changed");
    }
}

static void test_other_selected_columns_are_seen(void **state)
{
    (void)state;
    left_out = fingerprint_leave_out(0, "c");
    const char *former = make(before, 3, NULL);
    assert_null(change(former, before, 3));
    left_out = 0;
    assert_string_equal(change(former, before, 3), "other columns of it are selected");
}

static void test_another_mark_of_deleted_rows_is_seen(void **state)
{
    (void)state;
    deletes = 7;
    const char *former = make(before, 3, NULL);
    assert_null(change(former, before, 3));
    deletes = 0;
    assert_string_equal(change(former, before, 3), "rows are marked as deleted otherwise");
}

static void test_source_without_handles_is_compared_by_sets_alone(void **state)
{
    (void)state;
    const struct ps_column one[] = {TEXT("a", 0)}, other[] = {TEXT("b", 0)};
    assert_null(change(make(one, 1, NULL), other, 1));
}

static void test_unreadable_fingerprint_counts_as_a_changed_key(void **state)
{
    (void)state;
    assert_non_null(change(NULL, before, 3));
    assert_non_null(change("", before, 3));
    assert_non_null(change("nonsense.", before, 3));
}

static int begin(void **state)
{
    (void)state;
    arena = ps_arena_new(1 << 20);
    return arena == NULL;
}

static int end(void **state)
{
    (void)state;
    ps_arena_free(arena);
    return 0;
}

static void test_fingerprint_other_values_call_for_a_load_and_leave_older_states_alone(void **state)
{
    (void)state;
    const char *former = make(before, 3, NULL);
    assert_null(strstr(former, ".v"));
    values = 7;
    assert_non_null(change(former, before, 3));
    const char *with_values = make(before, 3, former);
    assert_null(change(with_values, before, 3));
    values = 0;
    assert_non_null(change(with_values, before, 3));
    assert_null(change(former, before, 3));
}

static const char *difference(const char *former, const struct ps_column *columns, uint32_t count)
{
    struct ps_table table = {.schema = "", .name = "t", .columns = columns, .columns_count = count};
    const struct fingerprint_subject subject = {&table, left_out, deletes, values};
    return fingerprint_difference(former, &subject, arena);
}

static void test_fingerprint_difference_names_new_columns(void **state)
{
    (void)state;
    static const struct ps_column more[] = {KEY, TEXT("a", 2), TEXT("b", 3), TEXT("c", 4)};
    static const struct ps_column fewer[] = {KEY, TEXT("a", 2)};
    static const struct ps_column other_name[] = {KEY, TEXT("a", 2), TEXT("x", 3)};
    static const struct ps_column other_key[] = {
        {.name = "k", .type = PS_TYPE_INT, .source_id = 1},
        {.name = "a", .type = PS_TYPE_STRING, .key_position = 1, .source_id = 2},
        TEXT("b", 3)};
    const char *former = make(before, 3, NULL);
    assert_null(difference(former, before, 3));
    assert_null(difference(NULL, before, 3));
    assert_string_equal(difference(former, more, 4), "its columns changed, new: \"c\"");
    assert_string_equal(difference(former, fewer, 2), "its columns changed");
    assert_string_equal(difference(former, other_name, 3), "a column was renamed or replaced");
    assert_string_equal(difference(former, other_key, 3), "its key changed");
}

static void test_fingerprint_difference_names_types(void **state)
{
    (void)state;
    const struct ps_column was[] = {
        KEY,
        TEXT("a", 2),
        {.name = "n", .type = PS_TYPE_DECIMAL, .precision = 10, .scale = 2, .source_id = 4},
        {.name = "v", .type = PS_TYPE_INT, .source_id = 5}};
    const struct ps_column is[] = {
        KEY,
        TEXT("a", 2),
        {.name = "n", .type = PS_TYPE_DECIMAL, .precision = 38, .scale = 12, .source_id = 4},
        {.name = "v", .type = PS_TYPE_LONG, .source_id = 5},
        TEXT("c", 6)};
    const char *former = make(was, 4, NULL);
    assert_null(difference(former, was, 4));
    assert_string_equal(difference(former, is, 5),
                        "its columns changed, new: \"c\", \"n\" was DECIMAL(10,2) and is "
                        "DECIMAL(38,12), \"v\" was INT and is LONG");
    /* Whatever was cut off or comes from another hand says nothing. */
    assert_string_equal(difference("k.c.n.t~-", is, 4), "its key and its columns changed");
    assert_string_equal(difference("k.c.n.tdn-f0a", is, 4), "its key and its columns changed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_table_has_not_changed),
        cmocka_unit_test(test_new_and_dropped_columns_leave_rows_right),
        cmocka_unit_test(test_key_that_is_another_or_of_another_type_is_not_kept),
        cmocka_unit_test(test_renamed_column_is_seen),
        cmocka_unit_test(test_column_dropped_and_added_again_is_seen_at_once_and_later),
        cmocka_unit_test(test_key_and_backfilled_columns_are_seen_whatever_the_hashes_hold),
        cmocka_unit_test(test_other_selected_columns_are_seen),
        cmocka_unit_test(test_another_mark_of_deleted_rows_is_seen),
        cmocka_unit_test(test_source_without_handles_is_compared_by_sets_alone),
        cmocka_unit_test(test_unreadable_fingerprint_counts_as_a_changed_key),
        cmocka_unit_test(
            test_fingerprint_other_values_call_for_a_load_and_leave_older_states_alone),
        cmocka_unit_test(test_fingerprint_difference_names_new_columns),
        cmocka_unit_test(test_fingerprint_difference_names_types),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
