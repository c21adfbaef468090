/*
 * Whole syncs in which something goes wrong, at the source or at the destination, or which are
 * canceled: what is told, and that the next sync brings every row.
 */
#include "support/harness.h"

#include "base/alloc.h"

static void test_run_passing_trouble_is_retried(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_rows_add(h->database, "people", 10, 60, "#|x|2024-01-01T00:00:00Z");
    const struct fake_fault faults[] = {
        {.call = FAKE_OPEN, .nth = 1, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK},
        {.call = FAKE_NOW, .nth = 1, .status = PS_RETRY, .error_class = PS_CLASS_TIMEOUT},
        {.call = FAKE_PIN, .nth = 1, .status = PS_SNAPSHOT_GONE},
        {.call = FAKE_READER_NEXT, .nth = 4, .status = PS_RETRY, .error_class = PS_CLASS_FAILOVER},
    };
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        fake_fault_add(h->database, &faults[i]);
    }
    harness_sync_with(h, "batch_size", "10", "max_retries", "9");
    assert_int_equal(fake_table_rows(h->database, "people"), 54);
    assert_int_equal(h->totals.upserts, 54);
    const uint64_t expected[PS_ERROR_CLASSES] = {[PS_CLASS_NETWORK] = 1,
                                                 [PS_CLASS_TIMEOUT] = 1,
                                                 [PS_CLASS_NONE] = 1,
                                                 [PS_CLASS_FAILOVER] = 1};
    assert_memory_equal(h->result.retries, expected, sizeof(expected));
}

static void test_run_tells_what_its_plan_tried_again_in_vain(void **state)
{
    struct harness *h = *state;
    const struct fake_fault fault = {
        .call = FAKE_OPEN, .forever = true, .status = PS_RETRY, .error_class = PS_CLASS_NETWORK};
    fake_fault_add(h->database, &fault);
    harness_sync_ending_with(h, PS_RETRY, "max_retries", "2");
    assert_int_equal(h->result.retries[PS_CLASS_NETWORK], 2);
}

static void test_run_ends_when_trouble_does_not_pass(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    const struct fake_fault fault = {.call = FAKE_READER_NEXT,
                                     .forever = true,
                                     .status = PS_RETRY,
                                     .error_class = PS_CLASS_NETWORK};
    fake_fault_add(h->database, &fault);
    harness_sync_ending_with(h, PS_RETRY, "max_retries", "2");
    harness_expect_error(h, "given up after 2 retries");
    fake_faults_clear(h->database);
    harness_sync(h);
    harness_expect_rows(h, "people", "id", "1\n2\n3\n");
}

static void test_run_table_dropped_meanwhile_is_left_out(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_table_add(h->database, "", "other", "id LONG key");
    fake_row_add(h->database, "other", "1");
    const struct fake_fault fault = {
        .call = FAKE_READER_OPEN, .table = "people", .status = PS_SCHEMA};
    fake_fault_add(h->database, &fault);
    harness_sync(h); /* described again, and read */
    harness_expect_rows(h, "people", "id", "1\n2\n3\n");
    fake_table_drop(h->database, "people");
    harness_sync(h);
    harness_expect_rows(h, "other", "id", "1\n");
    assert_true(h->result.tables_skipped <= 1);
}

static void test_run_whose_history_is_gone_loads_again_and_not_for_ever(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_table_add(h->database, "", "other", "id LONG key");
    fake_row_add(h->database, "other", "1");
    harness_sync(h);
    fake_row_add(h->database, "people", "4|Dee|2024-01-01T00:00:03Z");
    struct fake_fault fault = {.call = FAKE_READER_OPEN, .table = "people", .status = PS_EXPIRED};
    fake_fault_add(h->database, &fault);
    harness_sync(h); /* all of it, not what is new alone */
    harness_expect_rows(h, "people", "id", "1\n2\n3\n4\n");
    harness_expect_warning(h, "people is loaded again from its beginning: ");
    fault.forever = true;
    fake_fault_add(h->database, &fault);
    fake_row_add(h->database, "other", "2");
    harness_sync(h);
    assert_int_equal(h->result.tables_skipped, 1);
    harness_expect_rows(h, "people", "id", "1\n2\n3\n4\n");
    harness_expect_rows(h, "other", "id", "1\n2\n");
    fake_faults_clear(h->database);
}

static void test_run_bad_rows_are_counted_or_end_the_sync(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_row_add(h->database, "people", "5|\\bad|2024-01-01T00:00:00Z");
    harness_sync(h);
    assert_int_equal(h->totals.skipped, 1);
    harness_expect_warning(h, "people: 1 row was left out: column \"name\"");
    harness_expect_rows(h, "people", "id", "1\n2\n3\n");
    h->request.plan.resync = true;
    harness_sync_ending_with(h, PS_DATA, "on_bad_row", "stop");
    harness_expect_error(h, "on_bad_row");
}

static void test_run_sink_failure_ends_the_sync_and_loses_nothing(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    for (int call = FAKE_SINK_SCHEMA_CHANGE; call < FAKE_SINK_CALLS; call++) {
        if (call == FAKE_SINK_TRUNCATE || call == FAKE_SINK_LOAD_RESUME) {
            continue;
        }
        fake_sink_fail((enum fake_sink_call)call, 1, PS_CONFIG);
        h->request.plan.resync = true;
        harness_sync_ending(h, PS_CONFIG);
        harness_sync(h);
        harness_expect_rows(h, "people", "id", "1\n2\n3\n");
    }
}

static void test_run_canceled_sync_checkpoints_and_goes_on(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_rows_add(h->database, "people", 10, 500, "#|x|2024-01-01T00:00:00Z");
    const struct fake_fault fault = {.call = FAKE_READER_NEXT, .nth = 5, .hang = true};
    fake_fault_add(h->database, &fault);
    harness_cancel_at(h, FAKE_READER_NEXT, 5);
    harness_sync_ending_with(h, PS_CANCELED, "batch_size", "10");
    harness_sync(h);
    harness_expect_reason(h, "cut off");
    assert_int_equal(h->totals.truncates, 0);
    assert_int_equal(h->totals.upserts, 494 - 40);
    assert_int_equal(fake_table_rows(h->database, "people"), 494);
    char *rows = harness_rows(h, "people", "id");
    assert_int_equal(harness_count(rows, "\n"), 494);
    ps_free(rows);
}

static void test_run_when_the_sink_fails_tells_of_what_it_committed_alone(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    fake_sink_fail(FAKE_SINK_CHECKPOINT, 1, PS_CONFIG);
    harness_sync_ending(h, PS_CONFIG);
    assert_true(h->result.sink_failed);
    assert_false(h->result.tables[0].done);
    assert_int_equal(h->result.checkpoints, 0);
    assert_int_equal(h->result.schema_changes, 0);
    assert_int_equal(h->totals.upserts, 0);
    assert_int_equal(h->totals.bytes, 0);
    harness_sync(h);
    assert_false(h->result.sink_failed);
    harness_expect_rows(h, "people", "id", "1\n2\n3\n");

    /* The second of several: what the first committed counts. */
    h->request.plan.resync = true;
    fake_sink_fail(FAKE_SINK_CHECKPOINT, 2, PS_CONFIG);
    harness_sync_ending_with(h, PS_CONFIG, "batch_size", "1", "checkpoint_rows", "1");
    assert_true(h->result.sink_failed);
    assert_int_equal(h->result.checkpoints, 1);
    assert_int_equal(h->totals.upserts, 1);
}

static enum ps_status refuse_copy(void *context, const char *json, size_t size,
                                  struct ps_error *err)
{
    (void)context;
    (void)json;
    (void)size;
    return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "no copy");
}

static void test_run_when_the_copy_of_the_state_fails_the_rows_count(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    h->request.events.checkpoint = refuse_copy;
    harness_sync_ending(h, PS_CONFIG);
    assert_int_equal(h->result.checkpoints, 1);
    assert_int_equal(h->totals.upserts, 3);
    assert_true(h->result.tables[0].done);
}

static void test_run_hanging_read_is_called_off(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    const struct fake_fault fault = {.call = FAKE_READER_NEXT, .nth = 1, .hang = true};
    fake_fault_add(h->database, &fault);
    harness_cancel_at(h, FAKE_READER_NEXT, 1);
    harness_sync_ending(h, PS_CANCELED);
}

static void test_run_sink_that_is_called_off_with_the_sync_makes_no_success(void **state)
{
    struct harness *h = *state;
    harness_people(h);
    harness_cancel_at(h, FAKE_READER_OPEN, 1);
    fake_sink_fail(FAKE_SINK_SCHEMA_CHANGE, 1, PS_CANCELED);
    harness_sync_ending(h, PS_CANCELED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HARNESS_TEST(test_run_passing_trouble_is_retried),
        HARNESS_TEST(test_run_ends_when_trouble_does_not_pass),
        HARNESS_TEST(test_run_tells_what_its_plan_tried_again_in_vain),
        HARNESS_TEST(test_run_table_dropped_meanwhile_is_left_out),
        HARNESS_TEST(test_run_whose_history_is_gone_loads_again_and_not_for_ever),
        HARNESS_TEST(test_run_bad_rows_are_counted_or_end_the_sync),
        HARNESS_TEST(test_run_sink_failure_ends_the_sync_and_loses_nothing),
        HARNESS_TEST(test_run_canceled_sync_checkpoints_and_goes_on),
        HARNESS_TEST(test_run_when_the_sink_fails_tells_of_what_it_committed_alone),
        HARNESS_TEST(test_run_when_the_copy_of_the_state_fails_the_rows_count),
        HARNESS_TEST(test_run_hanging_read_is_called_off),
        HARNESS_TEST(test_run_sink_that_is_called_off_with_the_sync_makes_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
