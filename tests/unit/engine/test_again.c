/*
 * What plans say to people: the sync's own, and the second one of a table that changes while the
 * sync runs.
 */
#include "support/harness.h"

#include <string.h>

static void people(struct harness *h)
{
    fake_table_add(h->database, "", "people", "id LONG key, updated_at UTC_DATETIME");
    fake_row_add(h->database, "people", "1|2024-01-01T00:00:00Z");
    fake_row_add(h->database, "people", "2|2024-01-01T00:00:01Z");
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
}

/* Comes between the plan and the read. */
struct change {
    struct fake_database *database;
    bool made;
};

static void add_column(void *context, enum fake_call call, const char *table)
{
    struct change *change = context;
    if (call == FAKE_READER_OPEN && !change->made && table != NULL) {
        change->made = true;
        fake_column_add(change->database, table, "extra LONG null");
    }
}

static void lose_cursor(void *context, enum fake_call call, const char *table)
{
    struct change *change = context;
    if (call == FAKE_READER_OPEN && !change->made && table != NULL) {
        change->made = true;
        fake_column_retype(change->database, table, "updated_at", "STRING");
    }
}

/* A sync during which `hook` changes the table between the plan and the read. */
static void sync_changing(struct harness *h, void (*hook)(void *, enum fake_call, const char *),
                          enum ps_status ending)
{
    struct change change = {.database = h->database};
    const struct fake_fault fault = {
        .call = FAKE_READER_OPEN, .table = "people", .status = PS_SCHEMA};
    fake_hook_set(h->database, hook, &change);
    fake_fault_add(h->database, &fault);
    harness_sync_ending(h, ending);
    fake_faults_clear(h->database);
    assert_true(change.made);
}

static void test_again_with_stop_a_change_during_the_sync_stops_it(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_config(h, "on_schema_change", "stop");
    harness_sync(h);
    sync_changing(h, add_column, PS_CONFIG);
    harness_expect_error(h, "\"people\" is not what it was at the last sync");
    /* Nothing was taken over: so says the next plan. */
    harness_sync_ending(h, PS_CONFIG);
    harness_expect_error(h, "\"people\" is not what it was at the last sync");
    harness_sync_with(h, "on_schema_change", "warn");
    harness_sync(h);
}

static void test_again_with_warn_a_change_during_the_sync_is_told_once(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_config(h, "on_schema_change", "warn");
    harness_sync(h);
    sync_changing(h, add_column, PS_OK);
    harness_expect_warning(h, "\"people\" is not what it was at the last sync");
    assert_string_equal(harness_reason(h),
                        "cursor updated_at; all rows: it was altered or emptied during the sync");
    harness_sync(h);
    assert_string_equal(h->warnings, "");
}

static void test_again_of_a_first_sync_compares_with_nothing(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_config(h, "on_schema_change", "stop");
    sync_changing(h, add_column, PS_OK);
    assert_string_equal(h->warnings, "");
    assert_string_equal(harness_reason(h), "cursor updated_at; all rows: first sync");
    harness_expect_rows(h, "people", "id,extra", "1|~\n2|~\n");
}

static void test_again_without_its_cursor_a_table_is_full_and_said_to_be(void **state)
{
    struct harness *h = *state;
    people(h);
    harness_sync(h);
    sync_changing(h, lose_cursor, PS_OK);
    harness_expect_warning(h, "\"people\" was read by its changes until now");
    assert_int_equal(h->result.tables[0].mode, PS_MODE_FULL);
    harness_expect_reason(h, "cannot be a cursor");
}

static void test_again_repeats_no_warning_of_the_first_plan(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "people", "id LONG key, updated_at LONG");
    fake_row_add(h->database, "people", "1|5");
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
    sync_changing(h, add_column, PS_OK);
    const char *first = strstr(h->warnings, "is a number");
    assert_non_null(first);
    assert_null(strstr(first + 1, "is a number"));
}

/* What another option leaves out is no slip. */
static void test_plan_tells_of_options_by_table_that_meet_none(void **state)
{
    struct harness *h = *state;
    people(h);
    fake_table_add(h->database, "", "other", "id LONG key");
    harness_config(h, "exclude_tables", "other");
    harness_config(h, "primary_keys", "peopel=none, PEOPLE=auto");
    harness_config(h, "strategy", "other=wide, auto, s.people=wide");
    harness_sync(h);
    assert_string_equal(h->warnings, "no table matches `peopel` (primary_keys)\n"
                                     "no table matches `s.people` (strategy)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_again_with_stop_a_change_during_the_sync_stops_it),
        HARNESS_TEST(test_again_with_warn_a_change_during_the_sync_is_told_once),
        HARNESS_TEST(test_again_of_a_first_sync_compares_with_nothing),
        HARNESS_TEST(test_again_without_its_cursor_a_table_is_full_and_said_to_be),
        HARNESS_TEST(test_again_repeats_no_warning_of_the_first_plan),
        HARNESS_TEST(test_plan_tells_of_options_by_table_that_meet_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
