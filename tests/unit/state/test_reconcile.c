/*
 * Unit tests for src/state/reconcile.c: every case of what a start can find.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/file.h"

static const struct ps_state_side none = {0};
static const struct ps_state_side ours_7 = {.found = true, .warehouse_id = "w1", .number = 7};
static const struct ps_state_side ours_8 = {.found = true, .warehouse_id = "w1", .number = 8};
static const struct ps_state_side other_7 = {.found = true, .warehouse_id = "w2", .number = 7};
static const struct ps_state_side empty = {.found = true};
static const struct ps_state_side nameless_7 = {.found = true, .number = 7};

static void assert_choice(const struct ps_state_side *warehouse, bool exists,
                          const struct ps_state_side *file, enum ps_state_choice expected)
{
    enum ps_state_choice choice = (enum ps_state_choice) - 1;
    struct ps_error err = {0};
    if (ps_state_reconcile(warehouse, exists, "files/warehouse.db", file, "files/state.json",
                           &choice, &err) != PS_OK) {
        fail_msg("refused: %s", err.message);
    }
    assert_int_equal(choice, expected);
}

static void assert_refused(const struct ps_state_side *warehouse, bool exists,
                           const struct ps_state_side *file, const char *why)
{
    enum ps_state_choice choice = (enum ps_state_choice) - 1;
    struct ps_error err = {0};
    assert_int_equal(ps_state_reconcile(warehouse, exists, "files/warehouse.db", file,
                                        "files/state.json", &choice, &err),
                     PS_CONFIG);
    assert_true(choice == (enum ps_state_choice) - 1);
    assert_int_equal(err.error_class, PS_CLASS_SETTING);
    assert_non_null(strstr(err.message, "files/warehouse.db"));
    assert_non_null(strstr(err.message, "files/state.json"));
    assert_non_null(strstr(err.message, "`penstock reset`"));
    if (strstr(err.message, why) == NULL) {
        fail_msg("\"%s\" is not in: %s", why, err.message);
    }
}

static void test_reconcile_neither_is_there_starts_new(void **context)
{
    (void)context;
    assert_choice(&none, false, &none, PS_STATE_NEW);
}

static void test_reconcile_warehouse_without_state_and_no_file_starts_new(void **context)
{
    (void)context;
    assert_choice(&none, true, &none, PS_STATE_NEW);
}

static void test_reconcile_empty_document_is_as_good_as_no_file(void **context)
{
    (void)context;
    assert_choice(&none, false, &empty, PS_STATE_NEW);
    assert_choice(&none, true, &empty, PS_STATE_NEW);
    assert_choice(&ours_7, true, &empty, PS_STATE_WAREHOUSE);
}

static void test_reconcile_same_id_and_number_is_the_same(void **context)
{
    (void)context;
    assert_choice(&ours_7, true, &ours_7, PS_STATE_SAME);
}

static void test_reconcile_missing_file_takes_the_warehouse(void **context)
{
    (void)context;
    assert_choice(&ours_7, true, &none, PS_STATE_WAREHOUSE);
}

static void test_reconcile_older_file_takes_the_warehouse(void **context)
{
    (void)context;
    assert_choice(&ours_8, true, &ours_7, PS_STATE_WAREHOUSE);
}

static void test_reconcile_newer_file_is_refused(void **context)
{
    (void)context;
    assert_refused(&ours_7, true, &ours_8, "newer than the warehouse");
}

static void test_reconcile_other_id_is_refused_whatever_the_number(void **context)
{
    (void)context;
    assert_refused(&ours_7, true, &other_7, "another warehouse");
    assert_refused(&ours_8, true, &other_7, "another warehouse");
    assert_refused(&other_7, true, &ours_8, "another warehouse");
}

static void test_reconcile_missing_warehouse_with_a_file_is_refused(void **context)
{
    (void)context;
    assert_refused(&none, false, &ours_7, "the warehouse is missing");
}

static void test_reconcile_warehouse_without_state_with_a_file_is_refused(void **context)
{
    (void)context;
    assert_refused(&none, true, &ours_7, "holds no state");
}

static void test_reconcile_state_without_an_id_is_refused(void **context)
{
    (void)context;
    assert_refused(&ours_7, true, &nameless_7, "does not say which warehouse");
    assert_refused(&nameless_7, true, &ours_7, "does not say which warehouse");
    assert_refused(&none, false, &nameless_7, "the warehouse is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reconcile_neither_is_there_starts_new),
        cmocka_unit_test(test_reconcile_warehouse_without_state_and_no_file_starts_new),
        cmocka_unit_test(test_reconcile_empty_document_is_as_good_as_no_file),
        cmocka_unit_test(test_reconcile_same_id_and_number_is_the_same),
        cmocka_unit_test(test_reconcile_missing_file_takes_the_warehouse),
        cmocka_unit_test(test_reconcile_older_file_takes_the_warehouse),
        cmocka_unit_test(test_reconcile_newer_file_is_refused),
        cmocka_unit_test(test_reconcile_other_id_is_refused_whatever_the_number),
        cmocka_unit_test(test_reconcile_missing_warehouse_with_a_file_is_refused),
        cmocka_unit_test(test_reconcile_warehouse_without_state_with_a_file_is_refused),
        cmocka_unit_test(test_reconcile_state_without_an_id_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
