/*
 * Whole syncs: which tables are read, and many of them.
 */
#include "support/harness.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"

static void test_run_selects_and_excludes(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_table_add(h->database, "", "other", "id LONG key");
    fake_table_add(h->database, "", "others", "id LONG key");
    harness_sync_with(h, "tables", "other*, nothing", "exclude_tables", "others");
    harness_expect_absent(h, "people");
    harness_expect_absent(h, "others");
    harness_expect_rows(h, "other", "id", "");
    harness_expect_warning(h, "no table matches `nothing`");
    harness_sync_ending_with(h, PS_CONFIG, "tables", "nothing");
}

static void test_run_honours_the_platforms_selection(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_table_add(h->database, "", "unwanted", "id LONG key");
    fake_table_add(h->database, "", "unlisted", "id LONG key");
    /* The key and the cursor are left out by name: the key is sent, the cursor only used. */
    const struct ps_selected_column columns[] = {{"id", false}, {"updated_at", false}};
    struct ps_selected_table tables[] = {{"people", true, columns, 2, true},
                                         {"unwanted", false, NULL, 0, true}};
    const struct ps_selected_schema schema = {"", true, tables, 2, false};
    const struct ps_selection selection = {&schema, 1, false};
    harness_config(h, "lookback_seconds", "0");
    h->request.plan.selection = &selection;
    harness_sync(h);
    harness_expect_rows(h, "people", "id,name", "1|Ann\n2|~\n3|\n");
    harness_expect_rows(h, "people", "id,updated_at", "1|?\n2|?\n3|?\n"); /* no such column */
    harness_expect_absent(h, "unwanted");
    harness_expect_absent(h, "unlisted");
    fake_row_add(h->database, "people", "4|Dan|2024-01-01T00:30:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.upserts, 2); /* the tie, and the new row */
    tables[0].include_new_columns = false;
    harness_sync(h);
}

static void test_run_resync_of_a_table_that_is_not_there_is_refused(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    harness_sync(h);
    const char *const slip[] = {"peeple", NULL};
    h->request.plan.resync = true;
    h->request.plan.resync_tables = slip;
    harness_sync_ending(h, PS_CONFIG);
    harness_expect_error(h, "peeple");
}

static void test_run_refused_tables_are_counted_where_they_are_missed(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_table_add(h->database, "", "other", "id LONG key");
    fake_table_add(h->database, "", "secret", "id LONG key");
    fake_table_refuse(h->database, "secret");
    harness_sync(h);
    assert_int_equal(h->result.tables_skipped, 0); /* it was never asked for */
    fake_table_refuse(h->database, "other");
    harness_sync(h);
    assert_int_equal(h->result.tables_skipped, 1); /* it was read before */
    harness_sync_with(h, "tables", "people, secret");
    assert_int_equal(h->result.tables_skipped, 2);
    harness_sync_ending_with(h, PS_CONFIG, "tables", "secret");
    assert_int_equal(h->err.error_class, PS_CLASS_PERMISSION);
}

static void test_run_table_that_is_gone_is_told_once_and_loaded_when_it_comes_back(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_table_add(h->database, "", "other", "id LONG key");
    harness_sync(h);
    fake_table_drop(h->database, "people");
    harness_sync(h);
    harness_expect_warning(h, "people is not among the source's tables any more");
    harness_sync(h);
    harness_expect_no_warning(h, "any more");
    harness_expect_rows(h, "people", "id", "1\n2\n3\n");
}

/* The first reads wait until another worker has come. */
static void wait_for_company(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    uint32_t peak = 0;
    int64_t deadline = ps_monotonic_ns() + INT64_C(10000000000);
    while (call == FAKE_READER_NEXT && peak < 2 && ps_monotonic_ns() < deadline) {
        fake_sources_open(h->database, &peak);
        sched_yield();
    }
}

static void test_run_many_tables_with_several_threads(void **state)
{
    struct harness *h = *state;
    char name[16], pattern[512] = "#|";
    memset(pattern + 2, 'v', sizeof(pattern) - 3);
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "t%02d", i);
        fake_table_add(h->database, "", name, "id LONG key, v STRING");
        fake_rows_add(h->database, name, 1, 30, pattern);
    }
    fake_hook_set(h->database, wait_for_company, h);
    harness_sync_with(h, "batch_size", "7", "checkpoint_rows", "100");
    assert_int_equal(h->totals.upserts, 1200);
    assert_true(h->result.checkpoints > 2);
    uint32_t peak;
    assert_int_equal(fake_sources_open(h->database, &peak), 0);
    assert_true(peak > 1 && peak <= 4);
}

/* A destination keeps something of each in memory until the checkpoint. */
static void test_run_many_small_tables_are_checkpointed_in_between(void **state)
{
    struct harness *h = *state;
    char name[16];
    for (int i = 0; i < 600; i++) {
        snprintf(name, sizeof(name), "t%03d", i);
        fake_table_add(h->database, "", name, "id LONG key");
    }
    harness_sync(h);
    assert_int_equal(h->result.checkpoints, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_run_selects_and_excludes),
        HARNESS_TEST(test_run_honours_the_platforms_selection),
        HARNESS_TEST(test_run_resync_of_a_table_that_is_not_there_is_refused),
        HARNESS_TEST(test_run_refused_tables_are_counted_where_they_are_missed),
        HARNESS_TEST(test_run_table_that_is_gone_is_told_once_and_loaded_when_it_comes_back),
        HARNESS_TEST(test_run_many_tables_with_several_threads),
        HARNESS_TEST(test_run_many_small_tables_are_checkpointed_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
