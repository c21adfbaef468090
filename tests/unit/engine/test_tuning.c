/*
 * Whole syncs under a scripted machine: what the tuner changes reaches workers, queue, log, result.
 */
#include "support/harness.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "engine/observed.h"
#include "engine/tuning.h"
#include "unit/engine/engine_config.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
/* Batches of 400 rows, of which the reader is at most four ahead. */
#define SIZES "batch_size", "400", "max_queue_size", "1600"

/* A machine that is looked at all the time, and is always the same until a test has it short of
 * something; each sync is a first one. */
static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    h->each_first = true;
    h->request.monitor = &h->monitor.base;
    h->monitor.step_ns = HARNESS_SECOND;
    h->monitor.base.interval_ns = FAKE_MONITOR_OFTEN_NS;
    h->monitor.sample.memory_percent = 78; /* not short, and not so little that anything grows */
    h->monitor.sample.memory_bytes = 0;
    h->monitor.sample.cpu_percent = 50;
    h->monitor.sample.disk_percent = 10;
    h->monitor.sample.disk_path = "/data";
    h->monitor.sample.disk_free_bytes = UINT64_C(1) << 30;
    return 0;
}

/* Of the first change of a parameter: which, and why. */
static void expect_first_change(const struct harness *h, const char *parameter, const char *cause)
{
    assert_true(h->result.changes_count > 0);
    assert_string_equal(h->result.changes[0].parameter, parameter);
    assert_string_equal(h->result.changes[0].cause, cause);
}

static void rows(struct harness *h, int64_t count)
{
    fake_table_add(h->database, "", "t", "id LONG key, name STRING");
    fake_rows_add(h->database, "t", 1, count, "#|n");
}

/* What is to be short when a reader is held back, once in a sync, at the source's nth batch, until
 * the tuner has answered. */
static atomic_bool *short_then;
static uint64_t held_batch, batches_before;
static atomic_bool held;

static void hold_reader(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == FAKE_READER_NEXT &&
        fake_calls(h->database, FAKE_READER_NEXT) - batches_before >= held_batch &&
        !atomic_exchange(&held, true)) {
        if (short_then != NULL) {
            atomic_store(short_then, true);
        }
        fake_monitor_wait(&h->monitor, 4);
    }
}

/* For the next sync. */
static void hold_at(struct harness *h, uint64_t batch, atomic_bool *then)
{
    held_batch = batch;
    short_then = then;
    batches_before = fake_calls(h->database, FAKE_READER_NEXT);
    atomic_store(&held, false);
    fake_hook_set(h->database, hold_reader, h);
}

/* The rows of the smallest and of the largest write but the last, which is what was left. */
static void writes(unsigned long *ret_least, unsigned long *ret_most)
{
    static const char before[] = "write upsert t ";
    const char *at = strstr(fake_sink_journal(), before), *next;
    *ret_least = ULONG_MAX;
    *ret_most = 0;
    for (; at != NULL && (next = strstr(at + 1, before)) != NULL; at = next) {
        unsigned long count = strtoul(at + sizeof(before) - 1, NULL, 10);
        *ret_least = count < *ret_least ? count : *ret_least;
        *ret_most = count > *ret_most ? count : *ret_most;
    }
}

static void test_tuning_memory_pressure_makes_batches_smaller_while_a_table_is_read(void **state)
{
    struct harness *h = *state;
    unsigned long least, most;
    rows(h, 4000);
    hold_at(h, 3, &h->monitor.memory_short);
    harness_sync_with(h, SIZES);
    assert_int_equal(h->totals.upserts, 4000);
    expect_first_change(h, "batch_rows", "memory at 95 % of 8192 MiB (cgroup v2)");
    assert_int_equal(h->result.changes[0].old_value, 400);
    assert_int_equal(h->result.changes[0].new_value, 200);
    assert_int_equal(h->result.changes[0].at.seconds, HARNESS_BEGAN);
    assert_non_null(strstr(h->logged, "batch_rows: 400 → 200: memory at 95 %"));
    writes(&least, &most);
    assert_int_equal(most, 400);
    assert_in_range(least, 100, 200);
}

static void test_tuning_thresholds_are_the_users(void **state)
{
    struct harness *h = *state;
    rows(h, 4000);
    h->monitor.sample.memory_percent = 60;
    hold_at(h, 1, NULL);
    harness_sync_with(h, SIZES, "memory_threshold_high", "55");
    assert_int_equal(h->result.changes[0].new_value, 300);
    h->monitor.sample.memory_percent = 75;
    hold_at(h, 1, NULL);
    harness_sync_with(h, SIZES, "profile", "development");
    assert_int_equal(h->result.changes[0].new_value, 300);
    h->monitor.sample.memory_percent = 60;
    hold_at(h, 1, NULL);
    harness_sync_with(h, SIZES, "memory_threshold_high", "50", "memory_threshold_critical", "55");
    assert_int_equal(h->result.changes[0].new_value, 200);
    for (int i = 0; i < 3; i++) {
        static const char *const more[] = {"u", "v", "w"};
        fake_table_add(h->database, "", more[i], "id LONG key");
    }
    h->monitor.sample.memory_percent = 50;
    h->monitor.sample.cpu_percent = 60;
    hold_at(h, 1, NULL);
    harness_sync_with(h, SIZES, "cpu_threshold_high", "55");
    expect_first_change(h, "threads", "CPU at 60 %");
    assert_int_equal(h->result.changes[0].new_value, 2);
    hold_at(h, 1, NULL);
    harness_sync_with(h, SIZES, "cpu_threshold_high", "50", "cpu_threshold_critical", "55");
    assert_int_equal(h->result.changes[0].new_value, 1);
}

static void test_tuning_averages_what_the_process_has(void **state)
{
    struct harness *h = *state;
    rows(h, 400);
    h->monitor.sample.own_bytes = 5000;
    harness_sync_with(h, SIZES);
    assert_int_equal(h->result.memory_average_bytes, 5000);
    h->monitor.sample.own_bytes = 0; /* the machine does not say */
    harness_sync_with(h, SIZES);
    assert_int_equal(h->result.memory_average_bytes, 0);
    h->monitor.sample.own_bytes = 5000;
    harness_sync_with(h, SIZES, "enable_resource_monitoring", "false");
    assert_int_equal(h->result.memory_average_bytes, 0);
}

static void test_tuning_looks_differ_and_their_average_is_told(void **state)
{
    (void)state;
    struct ps_run_result result = {.arena = ps_arena_new(1 << 20)};
    struct observed observed = {0};
    assert_non_null(result.arena);
    observed_memory(&observed, 1000);
    observed_memory(&observed, 0);
    observed_memory(&observed, 4000);
    observed_tell(&observed, &result);
    assert_int_equal(result.memory_average_bytes, 2500);
    observed_done(&observed);
    ps_run_result_done(&result);
}

static void test_tuning_that_is_turned_off_looks_at_nothing(void **state)
{
    struct harness *h = *state;
    rows(h, 4000);
    h->monitor.sample.memory_percent = h->monitor.sample.disk_percent = 99;
    harness_sync_with(h, SIZES, "enable_resource_monitoring", "false");
    assert_int_equal(h->result.changes_count, 0);
    assert_int_equal(atomic_load(&h->monitor.looks), 0);
}

static void test_tuning_batches_keep_within_the_memory_there_is(void **state)
{
    struct harness *h = *state;
    rows(h, 10);
    h->monitor.sample.memory_limit_bytes = UINT64_C(128) << 20;
    harness_sync_with(h, "batch_bytes", "100000000");
    expect_first_change(h, "batch_bytes", "128 MiB of memory may be used");
    assert_int_equal(h->result.changes[0].old_value, 100000000);
    assert_int_equal(h->result.changes[0].new_value, 512 << 10);
}

/* The threads that open readers: those of the first four tables, and those of all later ones. */
static pthread_t openers[64];
static atomic_int opened;

static void note_opener(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call != FAKE_READER_OPEN) {
        return;
    }
    int number = atomic_fetch_add(&opened, 1);
    openers[number] = pthread_self();
    /* The first four wait for each other, and for the tuner. */
    while (atomic_load(&opened) < 4) {
        sched_yield();
    }
    if (number < 4) {
        atomic_store(&h->monitor.cpu_short, true);
        fake_monitor_wait(&h->monitor, 4);
    }
}

static void test_tuning_cpu_pressure_leaves_one_thread_at_work(void **state)
{
    struct harness *h = *state;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        fake_table_add(h->database, "", name, "id LONG key");
        fake_rows_add(h->database, name, 1, 10, "#");
    }
    atomic_store(&opened, 0);
    fake_hook_set(h->database, note_opener, h);
    harness_sync_with(h, "threads", "4");
    assert_int_equal(h->totals.upserts, 200);
    expect_first_change(h, "threads", "CPU at 96 %");
    assert_int_equal(atomic_load(&opened), 20);
    for (int i = 5; i < 20; i++) {
        assert_true(pthread_equal(openers[i], openers[4]));
    }
}

static void test_tuning_throttled_source_gets_fewer_threads(void **state)
{
    struct harness *h = *state;
    rows(h, 10);
    fake_table_add(h->database, "", "u", "id LONG key");
    fake_fault_add(h->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                     .table = "t",
                                                     .status = PS_RETRY,
                                                     .error_class = PS_CLASS_THROTTLE});
    harness_sync(h);
    expect_first_change(h, "threads", "the source asks for less");
    assert_int_equal(h->result.changes[0].new_value, 1);
}

static void test_tuning_growth_reaches_batches_and_the_threads_of_a_table(void **state)
{
    struct harness *h = *state;
    static struct ps_table columns = {.columns_count = 10};
    struct ps_plan_table tables[] = {
        {.read_table = &columns,
         .sizing.parameters = {.batch_rows = 5000, .batch_bytes = 4 << 20, .threads = 1}},
        {.read_table = &columns,
         .sizing = {.strategy = PS_STRATEGY_REAL_TIME,
                    .parameters = {.batch_rows = 100, .batch_bytes = 4 << 20, .threads = 1}}},
    };
    const struct ps_plan plan = {.tables = tables, .tables_count = 2};
    h->monitor.sample.memory_percent = 50;
    struct engine_config made;
    const struct ps_run_request request = {
        .plan = {.config = engine_config_make(&made, NULL), .clock = &h->clock.base},
        .monitor = &h->monitor.base,
    };
    struct ps_run_result result = {.arena = ps_arena_new(1 << 20)};
    char warning[TUNING_WARNING_SIZE];
    uint64_t written = 0;
    struct tuning *tuning;
    struct ps_error err;
    assert_int_equal(tuning_new(&request, &plan, 4, &tuning, &err), PS_OK);
    uint32_t most_rows = 0, most_threads = 0;
    for (uint64_t rate = 1000; rate < 10000000; rate += rate / 4) {
        written += rate; /* always faster: all that can grow does */
        assert_false(tuning_wrote(tuning, written, 0, warning));
        tuning_look(tuning);
        const struct tuning_batch batch = tuning_batch(tuning, &tables[0]);
        uint32_t threads = tuning_table_threads(tuning, &tables[0]);
        most_rows = batch.rows > most_rows ? batch.rows : most_rows;
        most_threads = threads > most_threads ? threads : most_threads;
        assert_int_equal(tuning_table_threads(tuning, &tables[1]), 1);
    }
    assert_int_equal(most_rows, (4 << 20) / 16 / 10); /* what fits into the batch's bytes */
    assert_true(most_threads > 1);
    tuning_stop(tuning, &result);
    assert_string_equal(result.changes[0].parameter, "batch_rows");
    tuning_free(tuning);
    ps_run_result_done(&result);
    engine_config_done(&made);
}

/* One after which rows are counted, and three that tell how fast they come. */
#define LOOKS_TO_GROWTH 4
#define FOREVER_NS (3600 * HARNESS_SECOND)

static struct fake_pace pace;
static int reads_before; /* how many of them it takes until batches have grown */

/* A machine of which there is something to be seen in each of the first writes, and nothing else,
 * so that batches grow once. */
static void look_by_writes(struct ps_monitor *base, struct ps_resource_sample *ret_sample)
{
    const struct fake_monitor *monitor = (const struct fake_monitor *)base;
    const bool ended = pace.seen == LOOKS_TO_GROWTH;
    const bool known = fake_pace_look(&pace, ended ? 0 : FOREVER_NS);
    *ret_sample = monitor->sample;
    ret_sample->at_ns = pace.seen * HARNESS_SECOND;
    if (!known) {
        ret_sample->memory_percent = ret_sample->cpu_percent = ret_sample->stalled_percent = -1;
    }
}

static enum ps_status write_looked_at(struct ps_sink *sink, struct ps_packet *packet,
                                      struct ps_error *err)
{
    if (pace.writes < LOOKS_TO_GROWTH) { /* it is this thread alone that counts them */
        fake_pace_write(&pace);
    }
    return fake_sink_ops.write(sink, packet, err);
}

static void wait_for_growth(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_OPEN && atomic_fetch_add(&opened, 1) == reads_before) {
        fake_pace_wait(&pace, LOOKS_TO_GROWTH);
    }
}

/* A sync whose batches grow from four rows to eight, and its reads to two parts, behind so many
 * reads and the one that was taken meanwhile. */
static void sync_that_grows(struct harness *h, int reads, enum ps_status status)
{
    static struct ps_sink_ops looked_at;
    looked_at = fake_sink_ops;
    looked_at.write = write_looked_at;
    fake_pace_init(&pace);
    reads_before = reads;
    h->monitor.base.sample = look_by_writes;
    h->monitor.sample.memory_percent = 50;
    h->request.sink_ops = &looked_at;
    harness_config(h, "batch_size", "4");
    harness_config(h, "threads", "1");
    atomic_store(&opened, 0);
    fake_hook_set(h->database, wait_for_growth, h);
    harness_sync_ending(h, status);
    h->request.sink_ops = &fake_sink_ops;
    fake_pace_done(&pace);
    expect_first_change(h, "batch_rows", "nothing is short: is it faster?");
    assert_int_equal(h->result.changes[0].new_value, 8);
}

static void expect_all(const struct harness *h)
{
    char *source = fake_table_text(h->database, "t");
    harness_expect_rows(h, "t", "id,name", source);
    free(source);
}

static void test_tuning_growth_reads_neighbouring_parts_as_one(void **state)
{
    struct harness *h = *state;
    rows(h, 160);
    harness_config(h, "partition_rows", "4");
    sync_that_grows(h, 4, PS_OK);
    assert_int_equal(h->totals.upserts, 160);
    /* Of 40 parts five were taken before, 20 are read two by two, and the last 15 by themselves,
     * so that four connections would have their share. */
    assert_int_equal(fake_calls(h->database, FAKE_READER_OPEN), 5 + 10 + 15);
    expect_all(h);
    harness_sync_with(h, "enable_resource_monitoring", "false");
    assert_int_equal(h->totals.upserts, 160);
    assert_int_equal(fake_calls(h->database, FAKE_READER_OPEN), 30 + 40);
}

static void test_tuning_parts_read_as_one_and_cut_off_go_on_inside(void **state)
{
    struct harness *h = *state;
    /* Behind two parts, read in 5 and 3 calls, 24 rows of the two that are read as one. */
    const struct fake_fault end_it = {.call = FAKE_READER_NEXT,
                                      .nth = 5 + 3 + 4,
                                      .status = PS_CONFIG,
                                      .error_class = PS_CLASS_SETTING};
    rows(h, 640);
    fake_fault_add(h->database, &end_it);
    harness_config(h, "partition_rows", "16");
    h->each_first = false;
    sync_that_grows(h, 1, PS_CONFIG);
    assert_int_equal(h->totals.upserts, 32 + 24);
    const char *kept = fake_sink_state(h->destination);
    assert_non_null(strstr(kept, "\"32-64\",\"\",\"64-80\","));
    assert_non_null(strstr(kept, "\"finished\":\"0-1,3\""));
    uint64_t reads = fake_calls(h->database, FAKE_READER_OPEN);
    harness_sync_with(h, "enable_resource_monitoring", "false");
    assert_int_equal(h->totals.upserts, 640 - 32 - 24);
    /* Then what has changed meanwhile is looked for in the three that were begun. */
    assert_int_equal(fake_calls(h->database, FAKE_READER_OPEN) - reads, 1 + 36 + 3);
    expect_all(h);
}

static void test_tuning_full_disk_ends_the_sync_with_what_was_read(void **state)
{
    struct harness *h = *state;
    rows(h, 4000);
    hold_at(h, 3, &h->monitor.disk_full);
    harness_sync_ending_with(h, PS_CONFIG, "batch_size", "100", "max_queue_size", "400");
    assert_int_equal(h->err.error_class, PS_CLASS_DISK);
    harness_expect_error(h, "the disk of /data is 95 % full, with 1024 MiB free");
    harness_expect_error(h, "free some of it");
    assert_int_equal(h->result.checkpoints, 1);
    assert_in_range(h->totals.upserts, 200, 3900);
    atomic_store(&h->monitor.disk_full, false);
    harness_sync(h);
}

/* A destination that takes nothing from its second write on before the machine, which is short of
 * something from then on, was looked at several times. */
static struct harness *held_sync;
static int writes_begun;
static uint64_t batches_read;

static enum ps_status hold_write(struct ps_sink *sink, struct ps_packet *packet,
                                 struct ps_error *err)
{
    if (++writes_begun == 2) {
        atomic_store(short_then, true);
        fake_monitor_wait(&held_sync->monitor, 20);
        batches_read = fake_calls(held_sync->database, FAKE_READER_NEXT);
        atomic_store(short_then, false);
    }
    return fake_sink_ops.write(sink, packet, err);
}

static void sync_against_slow_sink(struct harness *h, atomic_bool *then, enum ps_status status)
{
    struct ps_sink_ops slow = fake_sink_ops;
    slow.write = hold_write;
    h->request.sink_ops = &slow;
    short_then = then;
    held_sync = h;
    writes_begun = 0;
    rows(h, 4000);
    harness_sync_ending_with(h, status, SIZES);
    h->request.sink_ops = &fake_sink_ops;
}

static void test_tuning_memory_pressure_is_seen_while_the_destination_blocks(void **state)
{
    struct harness *h = *state;
    unsigned long least, most;
    sync_against_slow_sink(h, &h->monitor.memory_short, PS_OK);
    assert_int_equal(h->totals.upserts, 4000);
    expect_first_change(h, "batch_rows", "memory at 95 % of 8192 MiB (cgroup v2)");
    assert_int_equal(h->result.changes[0].new_value, 200);
    /* Down to the least, and readers wait: what they may be ahead has become less. */
    assert_int_equal(h->result.changes[1].new_value, 100);
    assert_true(batches_read <= 8);
    writes(&least, &most);
    assert_int_equal(most, 400);
    assert_in_range(least, 100, 200);
}

static void test_tuning_full_disk_is_seen_while_the_destination_blocks(void **state)
{
    struct harness *h = *state;
    sync_against_slow_sink(h, &h->monitor.disk_full, PS_CONFIG);
    assert_int_equal(h->err.error_class, PS_CLASS_DISK);
    assert_int_equal(h->result.checkpoints, 1);
    assert_in_range(h->totals.upserts, 800, 3600); /* what was read until then */
}

static void test_tuning_disk_that_gets_short_is_warned_about(void **state)
{
    struct harness *h = *state;
    rows(h, 10);
    h->monitor.sample.disk_percent = 85;
    harness_sync(h);
    assert_string_equal(h->warnings, "the disk of /data is 85 % full, with 1024 MiB free\n");
    h->monitor.sample.disk_free_bytes = UINT64_C(3) << 30;
    harness_sync(h);
    assert_string_equal(h->warnings, "");
    harness_sync_with(h, "disk_threshold_high", "81");
    assert_string_equal(h->warnings, "the disk of /data is 85 % full, with 3072 MiB free\n");
    harness_sync_ending_with(h, PS_CONFIG, "disk_threshold_critical", "84");
}

static void test_tuning_thresholds_that_contradict_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"memory", "cpu", "disk"};
    for (size_t i = 0; i < 3; i++) {
        char high[64], critical[64];
        struct engine_config made;
        struct tuner_limits limits;
        struct ps_error err;
        snprintf(high, sizeof(high), "%s_threshold_high", names[i]);
        snprintf(critical, sizeof(critical), "%s_threshold_critical", names[i]);
        const struct ps_config *config =
            engine_config_make(&made, OPTIONS(high, "70", critical, "60"));
        assert_int_equal(tuning_limits(config, &limits, &err), PS_CONFIG);
        assert_non_null(strstr(err.message, high));
        assert_non_null(strstr(err.message, critical));
        engine_config_done(&made);
        /* The second follows where it alone is not set. */
        config = engine_config_make(&made, OPTIONS(high, "99"));
        assert_int_equal(tuning_limits(config, &limits, &err), PS_OK);
        engine_config_done(&made);
    }
}

static void test_batch_delay_waits_after_each_batch_and_can_be_interrupted(void **state)
{
    struct harness *h = *state;
    rows(h, 1000);
    harness_cancel_at(h, FAKE_READER_NEXT, 1);
    harness_sync_ending_with(h, PS_CANCELED, "batch_size", "10", "batch_delay_ms", "3600000");
    assert_int_equal(fake_calls(h->database, FAKE_READER_NEXT), 1);
    /* Nine pauses between ten batches, which cannot take less, however long the rest takes. */
    const int64_t before = ps_monotonic_ns();
    harness_sync_with(h, "batch_size", "100", "batch_delay_ms", "50", "enable_resource_monitoring",
                      "false"); /* nothing makes batches larger */
    assert_int_equal(h->totals.upserts, 1000);
    assert_true(ps_monotonic_ns() - before >= HARNESS_SECOND / 1000 * 50 * 9);
}

#define TUNING_TEST(name) HARNESS_TEST_FROM(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TUNING_TEST(test_tuning_memory_pressure_makes_batches_smaller_while_a_table_is_read),
        TUNING_TEST(test_tuning_thresholds_are_the_users),
        TUNING_TEST(test_tuning_averages_what_the_process_has),
        cmocka_unit_test(test_tuning_looks_differ_and_their_average_is_told),
        TUNING_TEST(test_tuning_that_is_turned_off_looks_at_nothing),
        TUNING_TEST(test_tuning_batches_keep_within_the_memory_there_is),
        TUNING_TEST(test_tuning_cpu_pressure_leaves_one_thread_at_work),
        TUNING_TEST(test_tuning_throttled_source_gets_fewer_threads),
        TUNING_TEST(test_tuning_growth_reaches_batches_and_the_threads_of_a_table),
        TUNING_TEST(test_tuning_growth_reads_neighbouring_parts_as_one),
        TUNING_TEST(test_tuning_parts_read_as_one_and_cut_off_go_on_inside),
        TUNING_TEST(test_tuning_full_disk_ends_the_sync_with_what_was_read),
        TUNING_TEST(test_tuning_memory_pressure_is_seen_while_the_destination_blocks),
        TUNING_TEST(test_tuning_full_disk_is_seen_while_the_destination_blocks),
        TUNING_TEST(test_tuning_disk_that_gets_short_is_warned_about),
        cmocka_unit_test(test_tuning_thresholds_that_contradict_are_refused_by_name),
        TUNING_TEST(test_batch_delay_waits_after_each_batch_and_can_be_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
