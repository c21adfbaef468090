/*
 * Options of full loads, each shown to change what the source is asked for or the sink is given.
 */
#include "support/unit.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define MINUTE INT64_C(60000000000)

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static struct ps_sink_ops sink_ops; /* the fake sink's, of which a test may replace some */

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
                 .sink_caps = sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel},
        .sink_ops = &sink_ops,
        .checkpoint_seconds = 3600,
    };
    assert_int_equal(sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(ps_state_new(&request.state, &err), PS_OK);
    if (ps_sync_run(&request, &result, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    uint64_t upserts = ps_run_result_totals(&result).upserts;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    sink_ops.close(request.sink);
    engine_config_done(&made);
    return upserts;
}

static int begin(void **state)
{
    (void)state;
    fake_sink_forget();
    sink_ops = fake_sink_ops;
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

/* How often the sink was given so many rows of the table at once; 0: in whatever number. */
static uint64_t writes(int rows)
{
    char line[64];
    uint64_t count = 0;
    (void)snprintf(line, sizeof line, "write upsert t %d\n", rows);
    line[rows == 0 ? strlen("write upsert t ") : strlen(line)] = '\0';
    for (const char *at = fake_sink_journal(); (at = strstr(at, line)) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_batch_size_is_the_rows_that_are_written_at_once(void **state)
{
    (void)state;
    assert_int_equal(load(OPTIONS("batch_size", "50")), 1000);
    assert_int_equal(writes(50), 20);
    fake_sink_forget();
    assert_int_equal(load(OPTIONS("batch_size", "40")), 1000);
    assert_int_equal(writes(40), 25);
}

/* Rows of a thousand bytes in place of those there are. */
static void make_rows_long(void)
{
    char values[1024] = "#|";
    memset(values + 2, 'v', 1000);
    fake_table_drop(database, "t");
    fake_table_add(database, "long", "t", "id LONG key, v STRING");
    fake_rows_add(database, "t", 1, 1000, values);
}

static void test_batch_bytes_end_a_batch(void **state)
{
    (void)state;
    make_rows_long();
    assert_int_equal(load(OPTIONS("batch_size", "500", "batch_bytes", "1000000")), 1000);
    const uint64_t few = writes(0);
    fake_sink_forget();
    assert_int_equal(load(OPTIONS("batch_size", "500", "batch_bytes", "20000")), 1000);
    assert_true(few <= 3 && writes(0) >= 40);
}

static uint64_t checkpoints(const char *const *options)
{
    fake_sink_forget();
    (void)load(options);
    return fake_sink_checkpoints("warehouse");
}

static void test_checkpoint_rows_are_the_rows_between_two_checkpoints(void **state)
{
    (void)state;
    make_rows_long();
    const uint64_t few = checkpoints(OPTIONS("batch_size", "50", "checkpoint_rows", "1000000"));
    assert_int_equal(checkpoints(OPTIONS("batch_size", "50", "checkpoint_rows", "250")), few + 4);
}

static void let_a_second_pass(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_NEXT) {
        ps_clock_fake_advance(&clock_fake, MINUTE / 60);
    }
}

static void test_checkpoint_seconds_are_the_longest_between_two_checkpoints(void **state)
{
    (void)state;
    make_rows_long();
    fake_hook_set(database, let_a_second_pass, NULL);
    const uint64_t few = checkpoints(OPTIONS("batch_size", "50", "checkpoint_seconds", "3600"));
    const uint64_t many = checkpoints(OPTIONS("batch_size", "50", "checkpoint_seconds", "1"));
    fake_hook_set(database, NULL, NULL);
    assert_true(many > few);
}

/* The first write waits until all has been read, which the queue has to have room for. */
static struct ps_mutex lock;
static struct ps_condition all_read;
static bool is_read, in_vain;

static void note_the_end(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    static _Atomic int calls;
    if (call == FAKE_READER_OPEN) {
        calls = 0;
    } else if (call == FAKE_READER_NEXT && ++calls == 241) { /* after 12,000 rows */
        ps_mutex_lock(&lock);
        is_read = true;
        ps_condition_broadcast(&all_read);
        ps_mutex_unlock(&lock);
    }
}

static enum ps_status write_late(struct ps_sink *sink, struct ps_packet *packet,
                                 struct ps_error *err)
{
    const int64_t until = ps_monotonic_ns() + MINUTE / 2;
    ps_mutex_lock(&lock);
    while (!is_read && !in_vain) {
        in_vain = !ps_condition_wait_until(&all_read, &lock, until);
    }
    ps_mutex_unlock(&lock);
    return fake_sink_ops.write(sink, packet, err);
}

static void test_max_queue_size_is_the_rows_that_may_wait(void **state)
{
    (void)state;
    fake_rows_add(database, "t", 1001, 12000, "#");
    ps_mutex_init(&lock);
    ps_condition_init(&all_read);
    is_read = in_vain = false;
    sink_ops.write = write_late;
    fake_hook_set(database, note_the_end, NULL);
    /* The default has room for 10,000. */
    assert_int_equal(load(OPTIONS("batch_size", "50", "max_queue_size", "20000")), 12000);
    fake_hook_set(database, NULL, NULL);
    assert_true(is_read && !in_vain);
    ps_condition_done(&all_read);
    ps_mutex_done(&lock);
}

/* The most readers that were there at once, where each waits for `company` of them. */
static struct {
    _Atomic uint32_t wanted, come;
} company;

static void wait_for_company(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    const int64_t until = ps_monotonic_ns() + MINUTE;
    if (call == FAKE_READER_OPEN) {
        company.come++;
        while (company.come < company.wanted && ps_monotonic_ns() < until) {
            (void)sched_yield();
        }
    }
}

static void read_by(const char *threads, uint32_t wanted)
{
    uint32_t peak;
    company.come = 0;
    company.wanted = wanted;
    fake_hook_set(database, wait_for_company, NULL);
    assert_int_equal(load(OPTIONS("batch_size", "50", "partition_rows", "100", "threads", threads)),
                     1000);
    fake_hook_set(database, NULL, NULL);
    assert_int_equal(fake_sources_open(database, &peak), 0);
    assert_int_equal(peak, wanted + 1); /* one holds the point in time */
}

static void test_threads_are_the_connections_that_read_at_once(void **state)
{
    (void)state;
    read_by("1", 1);
    fake_sink_forget();
    read_by("3", 3);
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

/* How many connections a load of ten parts takes. */
static uint64_t connections_of_a_load(void)
{
    uint64_t before = fake_calls(database, FAKE_OPEN);
    assert_int_equal(load(OPTIONS("batch_size", "50", "partition_rows", "100", "threads", "1",
                                  "retry_sleep_seconds", "0")),
                     1000);
    return fake_calls(database, FAKE_OPEN) - before;
}

/* It may be at another of several servers than the point in time, and then never could. */
static void test_connection_that_cannot_join_is_opened_anew(void **state)
{
    const struct fake_fault apart = {.call = FAKE_PIN, .nth = 2, .status = PS_SNAPSHOT_GONE};
    (void)state;
    uint64_t usual = connections_of_a_load();
    fake_sink_forget();
    fake_fault_add(database, &apart);
    /* The one that holds the point in time, and the one that reads. */
    assert_int_equal(connections_of_a_load(), usual + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_partition_rows_cut_a_load_into_parts, begin, end),
        cmocka_unit_test_setup_teardown(test_partition_rows_above_the_table_leave_it_whole, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_batch_size_is_the_rows_that_are_written_at_once, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_batch_bytes_end_a_batch, begin, end),
        cmocka_unit_test_setup_teardown(test_checkpoint_rows_are_the_rows_between_two_checkpoints,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            test_checkpoint_seconds_are_the_longest_between_two_checkpoints, begin, end),
        cmocka_unit_test_setup_teardown(test_max_queue_size_is_the_rows_that_may_wait, begin, end),
        cmocka_unit_test_setup_teardown(test_threads_are_the_connections_that_read_at_once, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_connections_are_renewed_by_age_between_parts, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_point_in_time_is_not_read_for_longer_than_its_minutes,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_connection_that_cannot_join_is_opened_anew, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
