/*
 * Whole syncs: which rows arrive, and which are deleted.
 */
#include "support/harness.h"

#include "base/thread.h"

static void test_run_first_sync_loads_every_row(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    harness_sync(h);
    harness_expect_rows(h, "people", "id,name", "1|Ann\n2|~\n3|\n");
    assert_int_equal(h->totals.upserts, 3);
    assert_int_equal(h->totals.truncates, 1);
    assert_string_equal(harness_reason(h), "cursor updated_at; all rows: first sync");
}

static void test_run_second_sync_reads_the_window_alone(void **state)
{
    struct harness *h = *state;
    harness_config(h, "lookback_seconds", "0");
    harness_people(h);
    harness_sync(h);
    fake_row_change(h->database, "people", "1", "1|Anna|2024-01-01T02:00:00Z");
    fake_row_add(h->database, "people", "4|Dan|2024-01-01T02:00:01Z");
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T02:59:59Z");
    harness_sync(h);
    harness_expect_rows(h, "people", "id,name", "1|Anna\n2|~\n3|\n4|Dan\n");
    /* The tie at the edge, and what changed. */
    assert_int_equal(h->totals.upserts, 3);
    assert_int_equal(h->totals.truncates, 0);
}

static void test_run_late_commit_is_found_without_a_lookback(void **state)
{
    struct harness *h = *state;
    harness_config(h, "lookback_seconds", "0");
    harness_people(h);
    /* A transaction began at 00:00:01.5 and is still open during the first sync. */
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T00:00:01.5Z");
    harness_sync(h);
    fake_row_add(h->database, "people", "9|Late|2024-01-01T00:00:01.5Z");
    harness_sync(h);
    harness_expect_rows(h, "people", "id,name", "1|Ann\n2|~\n3|\n9|Late\n");
}

/* A point in time shows what was there 50 ms ago: a row that was committed when the sync began, by
 * a transaction that had been open for long, is seen by those that are taken later alone. */
struct stale {
    struct harness *h;
    int64_t began_ns; /* 0: not yet */
    bool seen;
};

static void show_what_was_there(void *context, enum fake_call call, const char *table)
{
    struct stale *stale = context;
    struct fake_database *database = stale->h->database;
    (void)table;
    if (call == FAKE_NOW && stale->began_ns == 0 && fake_calls(database, FAKE_DESCRIBE) > 0) {
        stale->began_ns = ps_monotonic_ns();
    }
    if (call == FAKE_PIN && !stale->seen && ps_monotonic_ns() - stale->began_ns >= 50000000) {
        stale->seen = true;
        fake_row_add(database, "people", "9|Late|2024-01-01T00:00:01.5Z");
    }
}

static void test_run_stale_points_in_time_miss_nothing(void **state)
{
    struct harness *h = *state;
    harness_config(h, "lookback_seconds", "0");
    harness_people(h);
    struct stale stale = {.h = h};
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T01:00:00Z");
    fake_database_set_stale(h->database, 50);
    fake_hook_set(h->database, show_what_was_there, &stale);
    harness_sync(h);
    if (!stale.seen) {
        fake_row_add(h->database, "people", "9|Late|2024-01-01T00:00:01.5Z");
    }
    harness_sync(h);
    harness_expect_rows(h, "people", "id,name", "1|Ann\n2|~\n3|\n9|Late\n");
}

static void test_run_rows_without_a_cursor_value_are_read_every_time(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_row_add(h->database, "people", "7|Nil|\\N");
    harness_sync(h);
    fake_row_change(h->database, "people", "7", "7|Nihil|\\N");
    harness_sync(h);
    harness_expect_rows(h, "people", "id,name", "1|Ann\n2|~\n3|\n7|Nihil\n");
}

static void test_run_rows_of_the_future_are_read_again_until_they_pass(void **state)
{
    struct harness *h = *state;
    harness_config(h, "lookback_seconds", "0");
    harness_people(h);
    fake_row_add(h->database, "people", "8|Future|2030-01-01T00:00:00Z");
    harness_sync(h);
    fake_row_add(h->database, "people", "5|Now|2024-01-01T01:00:00Z");
    fake_database_set_now(h->database, "2024-01-01T03:00:00Z", "2024-01-01T02:59:59Z");
    harness_sync(h);
    harness_expect_rows(h, "people", "id", "1\n2\n3\n5\n8\n");
}

static void test_run_soft_deleted_rows_become_deletes(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "visits",
                   "id LONG key, updated_at UTC_DATETIME, deleted BOOLEAN null");
    fake_row_add(h->database, "visits", "1|2024-01-01T00:00:00Z|false");
    fake_row_add(h->database, "visits", "2|2024-01-01T00:00:00Z|true");
    fake_row_add(h->database, "visits", "3|2024-01-01T00:00:00Z|\\N");
    harness_sync(h);
    harness_expect_rows(h, "visits", "id", "1\n3\n");
    assert_int_equal(h->totals.upserts, 2);
    fake_row_change(h->database, "visits", "1", "1|2024-01-02T00:00:00Z|true");
    harness_sync(h);
    harness_expect_rows(h, "visits", "id", "1 deleted\n3\n");
    assert_true(h->totals.deletes >= 1);
}

static void test_run_another_soft_delete_column_loads_again(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "visits", "id LONG key, updated_at UTC_DATETIME, gone BOOLEAN");
    fake_row_add(h->database, "visits", "1|2024-01-01T00:00:00Z|false");
    fake_row_add(h->database, "visits", "2|2024-01-01T00:00:00Z|true");
    harness_sync(h);
    harness_expect_rows(h, "visits", "id", "1\n2\n");
    harness_sync_with(h, "soft_delete_column", "gone");
    harness_expect_reason(h, "marked as deleted otherwise");
    harness_expect_rows(h, "visits", "id", "1\n2 deleted\n");
    harness_sync_with(h, "soft_delete_column", "nope");
    harness_expect_warning(h, "nope");
}

static void test_run_full_mode_deletes_rows_that_vanished(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "plain", "id LONG key, v STRING");
    fake_rows_add(h->database, "plain", 1, 3, "#|v#");
    harness_sync(h);
    fake_row_change(h->database, "plain", "2", NULL);
    harness_sync(h);
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|v2 deleted\n3|v3\n");
    fake_row_add(h->database, "plain", "2|back");
    harness_sync(h);
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|back\n3|v3\n");
}

static void test_run_load_keeps_the_rows_that_it_left_out_and_no_others(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "plain", "id STRING key, v STRING, n STRING");
    fake_rows_add(h->database, "plain", 1, 4, "#|v#|12");
    harness_sync(h);
    fake_row_change(h->database, "plain", "2", "2|\\bad|12");
    fake_row_change(h->database, "plain", "3", NULL);
    harness_sync(h);
    assert_true(h->totals.skipped == 1 && h->totals.deletes == 1);
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|v2\n3|v3 deleted\n4|v4\n");
    fake_row_change(h->database, "plain", "2", "2|good|12");
    harness_sync(h);
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|good\n3|v3 deleted\n4|v4\n");
    /* Values that are none of the type that the configuration gives their column, too. */
    fake_row_change(h->database, "plain", "1", "1|v1|many");
    fake_row_change(h->database, "plain", "4", NULL);
    harness_sync_with(h, "column_types", "plain.n=JSON");
    assert_int_equal(h->totals.skipped, 1);
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|good\n3|v3 deleted\n4|v4 deleted\n");
}

static void test_run_rows_whose_json_is_not_valid_are_left_out_and_told(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "plain", "id STRING key, j JSON null");
    fake_rows_add(h->database, "plain", 1, 4, "#|{\"v\":#}");
    harness_sync(h);
    fake_row_change(h->database, "plain", "2", "2|{v:2}");
    fake_row_change(h->database, "plain", "3", NULL);
    fake_row_add(h->database, "plain", "5|\\N");
    harness_sync(h);
    assert_true(h->totals.skipped == 1 && h->totals.deletes == 1 && h->totals.upserts == 3);
    harness_expect_warning(h,
                           "plain: 1 row was left out: column \"j\": the value is not valid JSON");
    harness_expect_rows(h, "plain", "id,j",
                        "1|{\"v\":1}\n2|{\"v\":2}\n3|{\"v\":3} deleted\n4|{\"v\":4}\n5|~\n");
    harness_sync_with(h, "column_types", "plain.j=STRING"); /* it need not be any */
    assert_int_equal(h->totals.skipped, 0);
}

static void test_run_load_without_the_keys_of_rows_left_out_marks_none_as_deleted(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "plain", "id STRING key, v STRING");
    fake_rows_add(h->database, "plain", 1, 3, "#|v#");
    fake_row_add(h->database, "plain", "\\bad|v");
    harness_sync(h);
    harness_expect_no_warning(h, "key is not known"); /* there was nothing before */
    fake_row_change(h->database, "plain", "3", NULL);
    harness_sync(h);
    assert_int_equal(h->totals.skipped, 1);
    harness_expect_warning(h, "plain: 1 row was left out whose key is not known");
    harness_expect_no_warning(h, "loads all rows again");
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|v2\n3|v3\n");
    fake_row_change(h->database, "plain", "\\bad", NULL);
    harness_sync(h);
    harness_expect_rows(h, "plain", "id,v", "1|v1\n2|v2\n3|v3 deleted\n");
}

static void test_run_load_that_left_rows_out_deletes_marked_ones(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "visits",
                   "id LONG key, updated_at UTC_DATETIME, deleted BOOLEAN null, v STRING");
    fake_rows_add(h->database, "visits", 1, 3, "#|2024-01-01T00:00:00Z|false|v#");
    harness_sync(h);
    fake_row_change(h->database, "visits", "2", "2|2024-01-01T00:00:00Z|true|v2");
    fake_row_change(h->database, "visits", "3", "3|2024-01-01T00:00:00Z|false|\\bad");
    h->request.plan.resync = true;
    harness_sync(h);
    assert_true(h->totals.skipped == 1 && h->totals.deletes == 1);
    harness_expect_rows(h, "visits", "id,v", "1|v1\n2|v2 deleted\n3|v3\n");
}

static void test_run_marked_row_is_deleted_whatever_else_cannot_be_carried(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "visits",
                   "id LONG key, v STRING, updated_at UTC_DATETIME, deleted BOOLEAN");
    fake_rows_add(h->database, "visits", 1, 3, "#|v#|2024-01-01T00:00:00Z|false");
    harness_sync(h);
    fake_row_change(h->database, "visits", "1", "1|\\bad|2024-01-02T00:00:00Z|true");
    fake_row_change(h->database, "visits", "2", "2|\\bad|2024-01-02T00:00:00Z|false");
    fake_row_change(h->database, "visits", "3", "3|v3|2024-01-02T00:00:00Z|\\bad");
    harness_sync(h);
    assert_true(h->totals.skipped == 2 && h->totals.deletes == 1);
    harness_expect_rows(h, "visits", "id,v", "1|v1 deleted\n2|v2\n3|v3\n");
    fake_row_change(h->database, "visits", "2", "2|\\bad|2024-01-03T00:00:00Z|true");
    fake_row_change(h->database, "visits", "3", "3|v3|2024-01-03T00:00:00Z|false");
    harness_sync_with(h, "on_bad_row", "stop");
    harness_expect_rows(h, "visits", "id,v", "1|v1 deleted\n2|v2 deleted\n3|v3\n");
}

/* Between the first batch and the second one row is marked, and one cannot be carried any more. */
static void mark_and_spoil(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    if (call == FAKE_READER_NEXT && fake_calls(h->database, call) == 2) {
        fake_row_change(h->database, table, "1", "1|2024-01-01T00:00:00Z|true|v1");
        fake_row_change(h->database, table, "2", "2|2024-01-01T00:00:00Z|false|\\bad");
    }
}

/* It was sent by a window of this very sync, the table's first one. */
static void test_run_load_in_place_of_a_window_deletes_marked_rows(void **state)
{
    struct harness *h = *state;
    const struct fake_fault altered = {.call = FAKE_READER_NEXT, .nth = 2, .status = PS_SCHEMA};
    fake_table_add(h->database, "", "visits",
                   "id LONG key, updated_at UTC_DATETIME, deleted BOOLEAN null, v STRING");
    fake_rows_add(h->database, "visits", 1, 4, "#|2024-01-01T00:00:00Z|false|v#");
    fake_fault_add(h->database, &altered);
    fake_hook_set(h->database, mark_and_spoil, h);
    h->state = "{\"visits_last_updated_at\": \"2023-12-31T00:00:00Z\"}";
    harness_sync_with(h, "batch_size", "3");
    assert_int_equal(h->totals.truncates, 1);
    assert_int_equal(h->totals.skipped, 1);
    harness_expect_rows(h, "visits", "id,v", "1|v1 deleted\n2|v2\n3|v3\n4|v4\n");
}

static void test_run_emptied_table_is_loaded_again(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    harness_sync(h);
    fake_table_truncate(h->database, "people");
    fake_row_add(h->database, "people", "6|New|2023-01-01T00:00:00Z");
    harness_sync(h);
    harness_expect_reason(h, "emptied or rewritten");
    harness_expect_rows(h, "people", "id", "1 deleted\n2 deleted\n3 deleted\n6\n");
}

static void test_run_resync_loads_again(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    harness_sync(h);
    h->request.plan.resync = true;
    harness_sync(h);
    harness_expect_reason(h, "asked for");
    assert_int_equal(h->totals.upserts, 3);
}

static void test_run_new_column_arrives(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    harness_sync(h);
    fake_column_add(h->database, "people", "city STRING null");
    fake_row_change(h->database, "people", "1", "1|Ann|2024-01-01T02:00:00Z|Ulm");
    harness_sync(h);
    harness_expect_rows(h, "people", "id,city", "1|Ulm\n2|~\n3|~\n");
}

static void test_run_identical_rows_without_a_key_become_one(void **state)
{
    struct harness *h = *state;
    fake_table_add(h->database, "", "log", "line STRING");
    fake_row_add(h->database, "log", "a");
    fake_row_add(h->database, "log", "a");
    fake_row_add(h->database, "log", "b");
    harness_sync(h);
    harness_expect_rows(h, "log", "line", "a\nb\n");
    assert_int_equal(h->totals.duplicates, 1);
}

static void test_run_unknown_horizon_is_said(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", NULL);
    harness_sync(h);
    harness_expect_warning(h, "open transactions cannot be seen");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_run_first_sync_loads_every_row),
        HARNESS_TEST(test_run_second_sync_reads_the_window_alone),
        HARNESS_TEST(test_run_late_commit_is_found_without_a_lookback),
        HARNESS_TEST(test_run_stale_points_in_time_miss_nothing),
        HARNESS_TEST(test_run_rows_without_a_cursor_value_are_read_every_time),
        HARNESS_TEST(test_run_rows_of_the_future_are_read_again_until_they_pass),
        HARNESS_TEST(test_run_soft_deleted_rows_become_deletes),
        HARNESS_TEST(test_run_another_soft_delete_column_loads_again),
        HARNESS_TEST(test_run_full_mode_deletes_rows_that_vanished),
        HARNESS_TEST(test_run_load_keeps_the_rows_that_it_left_out_and_no_others),
        HARNESS_TEST(test_run_rows_whose_json_is_not_valid_are_left_out_and_told),
        HARNESS_TEST(test_run_load_without_the_keys_of_rows_left_out_marks_none_as_deleted),
        HARNESS_TEST(test_run_load_that_left_rows_out_deletes_marked_ones),
        HARNESS_TEST(test_run_marked_row_is_deleted_whatever_else_cannot_be_carried),
        HARNESS_TEST(test_run_load_in_place_of_a_window_deletes_marked_rows),
        HARNESS_TEST(test_run_emptied_table_is_loaded_again),
        HARNESS_TEST(test_run_resync_loads_again),
        HARNESS_TEST(test_run_new_column_arrives),
        HARNESS_TEST(test_run_identical_rows_without_a_key_become_one),
        HARNESS_TEST(test_run_unknown_horizon_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
