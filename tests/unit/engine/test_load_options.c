/*
 * Options of full loads, each shown to change what the source is asked for or the sink is given.
 */
#include "support/harness.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/thread.h"

#define MINUTE (60 * HARNESS_SECOND)

/* A table of 1,000 rows, in batches of 50, so that it is cut into parts. */
static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    h->each_first = true;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, 1000, "#");
    harness_config(h, "batch_size", "50");
    return 0;
}

/* A first sync with those options, besides: it brings all rows. */
#define load_with(h, ...)                                                                          \
    do {                                                                                           \
        harness_sync_with(h, __VA_ARGS__);                                                         \
        assert_int_equal((h)->totals.upserts, 1000);                                               \
    } while (0)

static void test_partition_rows_cut_a_load_into_parts(void **state)
{
    struct harness *h = *state;
    load_with(h, "partition_rows", "100");
    assert_int_equal(fake_calls(h->database, FAKE_READER_OPEN), 10);
}

static void test_partition_rows_above_the_table_leave_it_whole(void **state)
{
    struct harness *h = *state;
    load_with(h, "partition_rows", "1000");
    assert_int_equal(fake_calls(h->database, FAKE_READER_OPEN), 1);
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
    struct harness *h = *state;
    load_with(h, "batch_size", "50");
    assert_int_equal(writes(50), 20);
    load_with(h, "batch_size", "40");
    assert_int_equal(writes(40), 25);
}

/* Rows of a thousand bytes in place of those there are. */
static void make_rows_long(struct harness *h)
{
    char values[1024] = "#|";
    memset(values + 2, 'v', 1000);
    fake_table_drop(h->database, "t");
    fake_table_add(h->database, "long", "t", "id LONG key, v STRING");
    fake_rows_add(h->database, "t", 1, 1000, values);
}

static void test_batch_bytes_end_a_batch(void **state)
{
    struct harness *h = *state;
    make_rows_long(h);
    load_with(h, "batch_size", "500", "batch_bytes", "1000000");
    const uint64_t few = writes(0);
    load_with(h, "batch_size", "500", "batch_bytes", "20000");
    assert_true(few <= 3 && writes(0) >= 40);
}

/* How many a load with that option takes. */
static uint64_t checkpoints(struct harness *h, const char *key, const char *value)
{
    harness_sync_with(h, key, value);
    return fake_sink_checkpoints(h->destination);
}

static void test_checkpoint_rows_are_the_rows_between_two_checkpoints(void **state)
{
    struct harness *h = *state;
    make_rows_long(h);
    const uint64_t few = checkpoints(h, "checkpoint_rows", "1000000");
    assert_int_equal(checkpoints(h, "checkpoint_rows", "250"), few + 4);
}

static void let_a_second_pass(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == FAKE_READER_NEXT) {
        ps_clock_fake_advance(&h->clock, HARNESS_SECOND);
    }
}

static void test_checkpoint_seconds_are_the_longest_between_two_checkpoints(void **state)
{
    struct harness *h = *state;
    make_rows_long(h);
    fake_hook_set(h->database, let_a_second_pass, h);
    const uint64_t few = checkpoints(h, "checkpoint_seconds", "3600");
    fake_hook_set(h->database, let_a_second_pass, h);
    const uint64_t many = checkpoints(h, "checkpoint_seconds", "1");
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
    struct harness *h = *state;
    fake_rows_add(h->database, "t", 1001, 12000, "#");
    ps_mutex_init(&lock);
    ps_condition_init(&all_read);
    is_read = in_vain = false;
    struct ps_sink_ops late = fake_sink_ops;
    late.write = write_late;
    h->request.sink_ops = &late;
    fake_hook_set(h->database, note_the_end, NULL);
    /* The default has room for 10,000. */
    harness_sync_with(h, "max_queue_size", "20000");
    assert_int_equal(h->totals.upserts, 12000);
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

static void read_by(struct harness *h, const char *threads, uint32_t wanted)
{
    uint32_t peak;
    company.come = 0;
    company.wanted = wanted;
    fake_hook_set(h->database, wait_for_company, NULL);
    load_with(h, "partition_rows", "100", "threads", threads);
    assert_int_equal(fake_sources_open(h->database, &peak), 0);
    assert_int_equal(peak, wanted + 1); /* one holds the point in time */
}

static void test_threads_are_the_connections_that_read_at_once(void **state)
{
    struct harness *h = *state;
    read_by(h, "1", 1);
    read_by(h, "3", 3);
}

/* Each part takes that long. */
static int64_t part_ns;

static void pass_time(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == FAKE_READER_OPEN) {
        ps_clock_fake_advance(&h->clock, part_ns);
    }
}

/* How many connections a load of ten parts, two hours each, takes. */
static uint64_t connections(struct harness *h, const char *hours)
{
    part_ns = 120 * MINUTE;
    fake_hook_set(h->database, pass_time, h);
    uint64_t before = fake_calls(h->database, FAKE_OPEN);
    load_with(h, "partition_rows", "100", "threads", "1", "snapshot_max_minutes", "10080",
              "connection_max_age_hours", hours);
    return fake_calls(h->database, FAKE_OPEN) - before;
}

static void test_connections_are_renewed_by_age_between_parts(void **state)
{
    struct harness *h = *state;
    uint64_t lasting = connections(h, "168");
    uint64_t renewed = connections(h, "1");
    assert_true(renewed >= lasting + 9);
}

/* How many points in time a load of ten parts, twenty minutes each, takes. */
static uint64_t points(struct harness *h, const char *minutes)
{
    part_ns = 20 * MINUTE;
    fake_hook_set(h->database, pass_time, h);
    uint64_t before = fake_calls(h->database, FAKE_SNAPSHOT_NAME);
    load_with(h, "partition_rows", "100", "threads", "1", "snapshot_max_minutes", minutes);
    return fake_calls(h->database, FAKE_SNAPSHOT_NAME) - before;
}

static void test_point_in_time_is_not_read_for_longer_than_its_minutes(void **state)
{
    struct harness *h = *state;
    uint64_t one = points(h, "10080");
    assert_true(points(h, "30") > one);
}

/* No part has a position. */
static void forget_positions(struct harness *h)
{
    fake_database_set_caps(h->database, PS_CAP_SNAPSHOT | PS_CAP_COUNT_CHEAP | PS_CAP_KEYS_ONCE);
}

static void test_point_in_time_of_parts_without_positions_is_left_between_them(void **state)
{
    struct harness *h = *state;
    forget_positions(h);
    assert_int_equal(points(h, "10080"), 1);
    assert_int_equal(points(h, "30"), 5); /* after every other part */
    assert_int_equal(points(h, "10"), 10);
}

/* Nothing tells what has changed in the parts that were read: the load would begin anew. */
static void test_point_in_time_is_kept_where_the_load_could_not_go_on(void **state)
{
    struct harness *h = *state;
    struct ps_source_ops markless = *fake_database_ops(h->database);
    markless.mark = NULL;
    h->request.plan.source_ops = &markless;
    assert_int_equal(points(h, "10"), 1);
    forget_positions(h);
    markless = *fake_database_ops(h->database);
    markless.mark = NULL;
    assert_int_equal(points(h, "10"), 1);
}

/* The first two readers begin together; the second is in mid part when the point in time, which is
 * old by then, has no other. */
static _Atomic uint32_t readers_begun;
static _Thread_local uint32_t reader_number, reader_batches;

static void end_one_part_first(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    const int64_t until = ps_monotonic_ns() + MINUTE;
    if (call == FAKE_READER_OPEN) {
        reader_number = ++readers_begun;
        reader_batches = 0;
        while (readers_begun < 2 && ps_monotonic_ns() < until) {
            (void)sched_yield();
        }
        if (reader_number == 1) {
            ps_clock_fake_advance(&h->clock, 40 * MINUTE);
        }
    } else if (call == FAKE_READER_NEXT && reader_number == 2 && ++reader_batches == 2) {
        uint32_t peak;
        while (fake_sources_open(h->database, &peak) > 2 && ps_monotonic_ns() < until) {
            (void)sched_yield();
        }
    }
}

static void test_parts_without_positions_are_read_to_their_end_when_a_point_is_left(void **state)
{
    struct harness *h = *state;
    forget_positions(h);
    readers_begun = 0;
    fake_hook_set(h->database, end_one_part_first, h);
    const uint64_t before = fake_calls(h->database, FAKE_SNAPSHOT_NAME);
    load_with(h, "partition_rows", "100", "threads", "2", "snapshot_max_minutes", "30");
    assert_int_equal(fake_calls(h->database, FAKE_SNAPSHOT_NAME) - before, 2);
    assert_int_equal(readers_begun, 10);
}

/* How many connections ten tables of one part each take. */
static uint64_t connections_of_tables(struct harness *h, const char *minutes, const char *hours)
{
    part_ns = 120 * MINUTE;
    fake_hook_set(h->database, pass_time, h);
    uint64_t before = fake_calls(h->database, FAKE_OPEN);
    harness_sync_with(h, "threads", "1", "snapshot_max_minutes", minutes,
                      "connection_max_age_hours", hours);
    assert_int_equal(h->totals.upserts, 30);
    return fake_calls(h->database, FAKE_OPEN) - before;
}

static void test_connections_are_renewed_by_age_between_tables(void **state)
{
    struct harness *h = *state;
    char name[] = "t0";
    forget_positions(h); /* with one, a table would be read on at another point in time */
    fake_table_drop(h->database, "t");
    for (; name[1] <= '9'; name[1]++) {
        fake_table_add(h->database, "", name, "id LONG key");
        fake_rows_add(h->database, name, 1, 3, "#");
    }
    uint64_t lasting = connections_of_tables(h, "60", "168");
    assert_int_equal(connections_of_tables(h, "60", "1"), lasting + 9);
    assert_int_equal(connections_of_tables(h, "60", "3"), lasting + 4);
    /* What several tables share is the connection's own. */
    assert_int_equal(connections_of_tables(h, "10080", "1"), lasting);
}

/* How many connections a load of ten parts takes. */
static uint64_t connections_of_a_load(struct harness *h)
{
    uint64_t before = fake_calls(h->database, FAKE_OPEN);
    load_with(h, "partition_rows", "100", "threads", "1", "retry_sleep_seconds", "0");
    return fake_calls(h->database, FAKE_OPEN) - before;
}

/* It may be at another of several servers than the point in time, and then never could. */
static void test_connection_that_cannot_join_is_opened_anew(void **state)
{
    struct harness *h = *state;
    const struct fake_fault apart = {.call = FAKE_PIN, .nth = 2, .status = PS_SNAPSHOT_GONE};
    uint64_t usual = connections_of_a_load(h);
    fake_fault_add(h->database, &apart);
    /* The one that holds the point in time, and the one that reads. */
    assert_int_equal(connections_of_a_load(h), usual + 2);
}

#define LOAD_TEST(name) HARNESS_TEST_FROM(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOAD_TEST(test_partition_rows_cut_a_load_into_parts),
        LOAD_TEST(test_partition_rows_above_the_table_leave_it_whole),
        LOAD_TEST(test_batch_size_is_the_rows_that_are_written_at_once),
        LOAD_TEST(test_batch_bytes_end_a_batch),
        LOAD_TEST(test_checkpoint_rows_are_the_rows_between_two_checkpoints),
        LOAD_TEST(test_checkpoint_seconds_are_the_longest_between_two_checkpoints),
        LOAD_TEST(test_max_queue_size_is_the_rows_that_may_wait),
        LOAD_TEST(test_threads_are_the_connections_that_read_at_once),
        LOAD_TEST(test_connections_are_renewed_by_age_between_parts),
        LOAD_TEST(test_point_in_time_is_not_read_for_longer_than_its_minutes),
        LOAD_TEST(test_point_in_time_of_parts_without_positions_is_left_between_them),
        LOAD_TEST(test_point_in_time_is_kept_where_the_load_could_not_go_on),
        LOAD_TEST(test_parts_without_positions_are_read_to_their_end_when_a_point_is_left),
        LOAD_TEST(test_connections_are_renewed_by_age_between_tables),
        LOAD_TEST(test_connection_that_cannot_join_is_opened_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
