/* Breaches are named by kind, table and column, bounded, and all counted. */
#include "tester/breach.h"

#include <stdio.h>
#include <string.h>

#include "support/unit.h"

static size_t told;

static void note(void *context, const struct ps_tester_breach *breach)
{
    (void)context;
    (void)breach;
    told++;
}

static void begin(struct breaches *breaches)
{
    told = 0;
    *breaches = (struct breaches){.arena = ps_arena_new(1 << 20), .tell = note};
    assert_non_null(breaches->arena);
}

static void end(struct breaches *breaches)
{
    assert_false(breaches->failed);
    ps_arena_free(breaches->arena);
    breaches_done(breaches);
}

static void test_breach_is_named_for_each_column(void **state)
{
    (void)state;
    struct breaches breaches;
    begin(&breaches);
    for (int turn = 0; turn < 3; turn++) {
        for (const char *column = "abc"; *column != 0; column++) {
            const char name[] = {*column, 0};
            struct breach_place place = {.schema = "s", .table = "t", .column = name};
            breach_add(&breaches, BREACH_TYPE_DIFFERS, &place, name);
            breach_add(&breaches, BREACH_KEY_NULL, &place, name);
            place.table = "u";
            breach_add(&breaches, BREACH_KEY_NULL, &place, name);
        }
        breach_add(&breaches, BREACH_STATE_JSON, &(struct breach_place){0}, NULL);
    }
    assert_int_equal(breaches.count, 10);
    assert_int_equal(told, 10);
    assert_int_equal(breaches.total, 30);
    for (size_t i = 0; i < breaches.count; i++) {
        assert_int_equal(breaches.list[i].count, 3);
        assert_int_equal(breaches.list[i].column == NULL,
                         breaches.list[i].kind == BREACH_STATE_JSON);
    }
    end(&breaches);
}

static void test_breach_of_many_columns_is_bounded(void **state)
{
    (void)state;
    struct breaches breaches;
    begin(&breaches);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < 1000; i++) {
            char name[16];
            snprintf(name, sizeof name, "c%d", i);
            const struct breach_place place = {.schema = "", .table = "t", .column = name};
            breach_add(&breaches, BREACH_COLUMN_UNDECLARED, &place, name);
        }
    }
    assert_int_equal(breaches.total, 2000);
    assert_int_equal(breaches.count, BREACH_COLUMNS_MAX + 1);
    const struct ps_tester_breach *last = &breaches.list[BREACH_COLUMNS_MAX];
    assert_null(last->column);
    assert_string_equal(last->table, "t");
    assert_int_equal(last->count, 2 * (1000 - BREACH_COLUMNS_MAX));
    assert_non_null(strstr(last->message, "in other columns as well"));
    end(&breaches);
}

static void test_breach_list_has_an_end(void **state)
{
    (void)state;
    struct breaches breaches;
    begin(&breaches);
    for (unsigned i = 0; i < 2 * BREACHES_MAX; i++) {
        char name[12];
        snprintf(name, sizeof name, "t%u", i);
        const struct breach_place place = {.schema = "", .table = name};
        breach_add(&breaches, BREACH_NO_KEY, &place, NULL);
    }
    assert_int_equal(breaches.count, BREACHES_MAX);
    assert_int_equal(breaches.total, 2 * BREACHES_MAX);
    end(&breaches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breach_is_named_for_each_column),
        cmocka_unit_test(test_breach_of_many_columns_is_bounded),
        cmocka_unit_test(test_breach_list_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
