/*
 * Options of full loads, each shown to change what the source is asked for.
 */
#include "support/unit.h"

#include "base/log.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MINUTE INT64_C(60000000000)

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

/* Rows that came of a load of a table of 1,000; batches of 50, so that it is cut into parts. */
static uint64_t load(const char *const *options)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_error err = {0};
    struct ps_sink_request open = {
        .destination = "warehouse", .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
    };
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(ps_state_new(&request.state, &err), PS_OK);
    if (ps_sync_run(&request, &result, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    uint64_t upserts = ps_run_result_totals(&result).upserts;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    return upserts;
}

static int begin(void **state)
{
    (void)state;
    fake_sink_forget();
    database = fake_database_new();
    fake_table_add(database, "", "t", "id LONG key");
    fake_rows_add(database, "t", 1, 1000, "#");
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    ps_log_set_writer(log_nowhere, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ps_log_set_writer(NULL, NULL);
    fake_database_free(database);
    return 0;
}

static void test_partition_rows_cut_a_load_into_parts(void **state)
{
    (void)state;
    assert_int_equal(load(OPTIONS("batch_size", "50", "partition_rows", "100")), 1000);
    assert_int_equal(fake_calls(database, FAKE_READER_OPEN), 10);
}

static void test_partition_rows_above_the_table_leave_it_whole(void **state)
{
    (void)state;
    assert_int_equal(load(OPTIONS("batch_size", "50", "partition_rows", "1000")), 1000);
    assert_int_equal(fake_calls(database, FAKE_READER_OPEN), 1);
}

/* Each part takes that long. */
static int64_t part_ns;

static void pass_time(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_OPEN) {
        ps_clock_fake_advance(&clock_fake, part_ns);
    }
}

/* How many connections a load of ten parts, two hours each, takes. */
static uint64_t connections(const char *hours)
{
    part_ns = 120 * MINUTE;
    fake_hook_set(database, pass_time, NULL);
    uint64_t before = fake_calls(database, FAKE_OPEN);
    (void)load(OPTIONS("batch_size", "50", "partition_rows", "100", "threads", "1",
                       "snapshot_max_minutes", "10080", "connection_max_age_hours", hours));
    fake_hook_set(database, NULL, NULL);
    return fake_calls(database, FAKE_OPEN) - before;
}

static void test_connections_are_renewed_by_age_between_parts(void **state)
{
    (void)state;
    uint64_t lasting = connections("168");
    fake_sink_forget();
    uint64_t renewed = connections("1");
    assert_true(renewed >= lasting + 9);
}

/* How many points in time a load of ten parts, twenty minutes each, takes. */
static uint64_t points(const char *minutes)
{
    part_ns = 20 * MINUTE;
    fake_hook_set(database, pass_time, NULL);
    uint64_t before = fake_calls(database, FAKE_SNAPSHOT_NAME);
    assert_int_equal(load(OPTIONS("batch_size", "50", "partition_rows", "100", "threads", "1",
                                  "snapshot_max_minutes", minutes)),
                     1000);
    fake_hook_set(database, NULL, NULL);
    return fake_calls(database, FAKE_SNAPSHOT_NAME) - before;
}

static void test_point_in_time_is_not_read_for_longer_than_its_minutes(void **state)
{
    (void)state;
    uint64_t one = points("10080");
    fake_sink_forget();
    assert_true(points("30") > one);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_partition_rows_cut_a_load_into_parts, begin, end),
        cmocka_unit_test_setup_teardown(test_partition_rows_above_the_table_leave_it_whole, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_connections_are_renewed_by_age_between_parts, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_point_in_time_is_not_read_for_longer_than_its_minutes,
                                        begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
