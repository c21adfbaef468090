/*
 * Whole syncs under a scripted machine: what the tuner changes reaches workers, queue, log, result.
 */
#include "support/unit.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "engine/tuning.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define SECOND INT64_C(1000000000)
#define CHANGES 64
/* Batches of 400 rows, of which the reader is at most four ahead. */
#define SIZES "batch_size", "400", "max_queue_size", "1600"

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static char logged[8192], warned[1024];

/* A machine that is always the same, looked at whenever the writer comes by. */
static struct script {
    struct ps_monitor base;
    struct ps_resource_sample sample;
    int disk_full_after; /* samples; 0: never */
    atomic_int samples;
} script;

static void play(struct ps_monitor *monitor, struct ps_resource_sample *ret_sample)
{
    (void)monitor;
    int number = atomic_fetch_add(&script.samples, 1);
    *ret_sample = script.sample;
    ret_sample->at_ns = number * SECOND;
    if (script.disk_full_after > 0 && number >= script.disk_full_after) {
        ret_sample->disk_percent = 95;
    }
}

static void keep_line(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    size_t size = strlen(logged);
    snprintf(logged + size, sizeof(logged) - size, "%s\n", line);
}

static void keep_warning(void *context, const char *text)
{
    (void)context;
    snprintf(warned, sizeof(warned), "%s", text);
}

struct sync {
    enum ps_status status;
    struct ps_error err;
    struct ps_table_result totals;
    uint64_t checkpoints;
    struct ps_parameter_change changes[CHANGES]; /* without their texts */
    char cause[256];                             /* of the first */
    size_t changes_count;
};

static struct sync run(const char *const *options)
{
    struct sync sync = {.status = PS_BUG};
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
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
        .monitor = &script.base,
        .events = {.warning = keep_warning},
    };
    fake_sink_forget(); /* each run is a first one */
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &sync.err), PS_OK);
    assert_int_equal(ps_state_new(&request.state, &sync.err), PS_OK);
    sync.status = ps_sync_run(&request, &result, &sync.err);
    sync.totals = ps_run_result_totals(&result);
    sync.checkpoints = result.checkpoints;
    sync.changes_count = result.changes_count < CHANGES ? result.changes_count : CHANGES;
    for (size_t i = 0; i < sync.changes_count; i++) {
        sync.changes[i] = result.changes[i];
    }
    if (result.changes_count > 0) {
        snprintf(sync.cause, sizeof(sync.cause), "%s: %s", result.changes[0].parameter,
                 result.changes[0].cause);
    }
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    return sync;
}

static int begin(void **state)
{
    (void)state;
    database = fake_database_new();
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    logged[0] = warned[0] = '\0';
    ps_log_set_writer(keep_line, NULL);
    script.base = (struct ps_monitor){.sample = play};
    script.sample = (struct ps_resource_sample){
        .memory_percent = 50,
        .memory_limit_bytes = UINT64_C(8) << 30,
        .memory_of = "cgroup v2",
        .stalled_percent = -1,
        .cpu_percent = 50,
        .disk_percent = 10,
        .disk_path = "/data",
        .disk_free_bytes = UINT64_C(1) << 30,
    };
    script.disk_full_after = 0;
    atomic_store(&script.samples, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ps_log_set_writer(NULL, NULL);
    fake_database_free(database);
    return 0;
}

static void rows(int64_t count)
{
    fake_table_add(database, "", "t", "id LONG key, name STRING");
    fake_rows_add(database, "t", 1, count, "#|n");
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
    (void)state;
    unsigned long least, most;
    rows(4000);
    script.sample.memory_percent = 95;
    struct sync sync = run(OPTIONS(SIZES));
    assert_int_equal(sync.status, PS_OK);
    assert_int_equal(sync.totals.upserts, 4000);
    assert_string_equal(sync.cause, "batch_rows: memory at 95 % of 8192 MiB (cgroup v2)");
    assert_int_equal(sync.changes[0].old_value, 400);
    assert_int_equal(sync.changes[0].new_value, 200);
    assert_int_equal(sync.changes[0].at.seconds, 1700000000);
    assert_non_null(strstr(logged, "batch_rows: 400 → 200: memory at 95 %"));
    writes(&least, &most);
    assert_int_equal(most, 400);
    assert_in_range(least, 100, 200);
}

static void test_tuning_thresholds_are_the_users(void **state)
{
    (void)state;
    rows(4000);
    script.sample.memory_percent = 60;
    struct sync sync = run(OPTIONS(SIZES, "memory_threshold_high", "55"));
    assert_int_equal(sync.changes[0].new_value, 300);
    script.sample.memory_percent = 75;
    sync = run(OPTIONS(SIZES, "profile", "development"));
    assert_int_equal(sync.changes[0].new_value, 300);
    script.sample.memory_percent = 60;
    sync = run(OPTIONS(SIZES, "memory_threshold_high", "50", "memory_threshold_critical", "55"));
    assert_int_equal(sync.changes[0].new_value, 200);
    for (int i = 0; i < 3; i++) {
        static const char *const more[] = {"u", "v", "w"};
        fake_table_add(database, "", more[i], "id LONG key");
    }
    script.sample.memory_percent = 50;
    script.sample.cpu_percent = 60;
    sync = run(OPTIONS(SIZES, "cpu_threshold_high", "55"));
    assert_string_equal(sync.cause, "threads: CPU at 60 %");
    assert_int_equal(sync.changes[0].new_value, 2);
    sync = run(OPTIONS(SIZES, "cpu_threshold_high", "50", "cpu_threshold_critical", "55"));
    assert_int_equal(sync.changes[0].new_value, 1);
}

static void test_tuning_that_is_turned_off_looks_at_nothing(void **state)
{
    (void)state;
    rows(4000);
    script.sample.memory_percent = script.sample.disk_percent = 99;
    struct sync sync = run(OPTIONS(SIZES, "enable_resource_monitoring", "false"));
    assert_int_equal(sync.status, PS_OK);
    assert_int_equal(sync.changes_count, 0);
    assert_int_equal(atomic_load(&script.samples), 0);
}

static void test_tuning_batches_keep_within_the_memory_there_is(void **state)
{
    (void)state;
    rows(10);
    script.sample.memory_limit_bytes = UINT64_C(128) << 20;
    struct sync sync = run(OPTIONS("batch_bytes", "100000000"));
    assert_string_equal(sync.cause, "batch_bytes: 128 MiB of memory may be used");
    assert_int_equal(sync.changes[0].old_value, 100000000);
    assert_int_equal(sync.changes[0].new_value, 512 << 10);
}

/* The threads that open readers: those of the first four tables, and those of all later ones. */
static pthread_t openers[64];
static atomic_int opened;

static void note_opener(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call != FAKE_READER_OPEN) {
        return;
    }
    int number = atomic_fetch_add(&opened, 1);
    openers[number] = pthread_self();
    /* The first four wait for each other, and for the tuner. */
    while (atomic_load(&opened) < 4 || atomic_load(&script.samples) < 6) {
        sched_yield();
    }
}

static void test_tuning_cpu_pressure_leaves_one_thread_at_work(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", i);
        fake_table_add(database, "", name, "id LONG key");
        fake_rows_add(database, name, 1, 10, "#");
    }
    atomic_store(&opened, 0);
    fake_hook_set(database, note_opener, NULL);
    script.sample.cpu_percent = 99;
    struct sync sync = run(OPTIONS("threads", "4"));
    fake_hook_set(database, NULL, NULL);
    assert_int_equal(sync.status, PS_OK);
    assert_int_equal(sync.totals.upserts, 200);
    assert_string_equal(sync.cause, "threads: CPU at 99 %");
    assert_int_equal(atomic_load(&opened), 20);
    for (int i = 5; i < 20; i++) {
        assert_true(pthread_equal(openers[i], openers[4]));
    }
}

static void test_tuning_throttled_source_gets_fewer_threads(void **state)
{
    (void)state;
    rows(10);
    fake_table_add(database, "", "u", "id LONG key");
    fake_fault_add(database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                  .table = "t",
                                                  .status = PS_RETRY,
                                                  .error_class = PS_CLASS_THROTTLE});
    struct sync sync = run(NULL);
    assert_int_equal(sync.status, PS_OK);
    assert_string_equal(sync.cause, "threads: the source asks for less");
    assert_int_equal(sync.changes[0].new_value, 1);
}

static void test_tuning_growth_reaches_batches_and_the_threads_of_a_table(void **state)
{
    (void)state;
    static struct ps_table columns = {.columns_count = 10};
    struct ps_plan_table tables[] = {
        {.read_table = &columns,
         .sizing.parameters = {.batch_rows = 5000, .batch_bytes = 4 << 20, .threads = 1}},
        {.read_table = &columns,
         .sizing = {.strategy = PS_STRATEGY_REAL_TIME,
                    .parameters = {.batch_rows = 100, .batch_bytes = 4 << 20, .threads = 1}}},
    };
    const struct ps_plan plan = {.tables = tables, .tables_count = 2};
    struct engine_config made;
    const struct ps_run_request request = {
        .plan = {.config = engine_config_make(&made, NULL), .clock = &clock_fake.base},
        .monitor = &script.base,
    };
    struct ps_run_result result = {.arena = ps_arena_new(1 << 20)};
    struct tuning_progress progress = {.rows = 0};
    struct tuning *tuning;
    struct ps_error err;
    assert_int_equal(tuning_new(&request, &plan, 4, &result, &tuning, &err), PS_OK);
    uint32_t most_rows = 0, most_threads = 0;
    for (uint64_t rate = 1000; rate < 10000000; rate += rate / 4) {
        progress.rows += rate; /* always faster: all that can grow does */
        assert_int_equal(tuning_tick(tuning, &progress, &err), PS_OK);
        const struct tuning_batch batch = tuning_batch(tuning, &tables[0]);
        uint32_t threads = tuning_table_threads(tuning, &tables[0]);
        most_rows = batch.rows > most_rows ? batch.rows : most_rows;
        most_threads = threads > most_threads ? threads : most_threads;
        assert_int_equal(tuning_table_threads(tuning, &tables[1]), 1);
    }
    assert_int_equal(most_rows, (4 << 20) / 16 / 10); /* what fits into the batch's bytes */
    assert_true(most_threads > 1);
    assert_string_equal(result.changes[0].parameter, "batch_rows");
    tuning_free(tuning);
    ps_run_result_done(&result);
    engine_config_done(&made);
}

static void test_tuning_full_disk_ends_the_sync_with_what_was_read(void **state)
{
    (void)state;
    rows(4000);
    script.disk_full_after = 5;
    struct sync sync = run(OPTIONS("batch_size", "100", "max_queue_size", "400"));
    assert_int_equal(sync.status, PS_CONFIG);
    assert_int_equal(sync.err.error_class, PS_CLASS_DISK);
    assert_non_null(strstr(sync.err.message, "the disk of /data is 95 % full, with 1024 MiB free"));
    assert_non_null(strstr(sync.err.message, "free some of it"));
    assert_int_equal(sync.checkpoints, 1);
    script.disk_full_after = 0;
    assert_int_equal(run(NULL).status, PS_OK);
}

static void test_tuning_disk_that_gets_short_is_warned_about(void **state)
{
    (void)state;
    rows(10);
    script.sample.disk_percent = 85;
    assert_int_equal(run(NULL).status, PS_OK);
    assert_string_equal(warned, "the disk of /data is 85 % full, with 1024 MiB free");
    warned[0] = '\0';
    script.sample.disk_free_bytes = UINT64_C(3) << 30;
    assert_int_equal(run(NULL).status, PS_OK);
    assert_string_equal(warned, "");
    assert_int_equal(run(OPTIONS("disk_threshold_high", "81")).status, PS_OK);
    assert_string_equal(warned, "the disk of /data is 85 % full, with 3072 MiB free");
    assert_int_equal(run(OPTIONS("disk_threshold_critical", "84")).status, PS_CONFIG);
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

static void cancel_at_checkpoint(void *context, enum fake_call call, const char *table)
{
    (void)context;
    (void)table;
    if (call == FAKE_READER_NEXT && fake_calls(database, FAKE_READER_NEXT) == 1) {
        ps_cancel_set(&cancel, 2);
    }
}

static void test_batch_delay_waits_after_each_batch_and_can_be_interrupted(void **state)
{
    (void)state;
    rows(1000);
    fake_hook_set(database, cancel_at_checkpoint, NULL);
    struct sync sync = run(OPTIONS("batch_size", "10", "batch_delay_ms", "3600000"));
    assert_int_equal(sync.status, PS_CANCELED);
    assert_int_equal(fake_calls(database, FAKE_READER_NEXT), 1);
    fake_hook_set(database, NULL, NULL);
    ps_cancel_init(&cancel);
    assert_int_equal(run(OPTIONS("batch_delay_ms", "1")).totals.upserts, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_tuning_memory_pressure_makes_batches_smaller_while_a_table_is_read, begin, end),
        cmocka_unit_test_setup_teardown(test_tuning_thresholds_are_the_users, begin, end),
        cmocka_unit_test_setup_teardown(test_tuning_that_is_turned_off_looks_at_nothing, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_tuning_batches_keep_within_the_memory_there_is, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_tuning_cpu_pressure_leaves_one_thread_at_work, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_tuning_throttled_source_gets_fewer_threads, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            test_tuning_growth_reaches_batches_and_the_threads_of_a_table, begin, end),
        cmocka_unit_test_setup_teardown(test_tuning_full_disk_ends_the_sync_with_what_was_read,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_tuning_disk_that_gets_short_is_warned_about, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_tuning_thresholds_that_contradict_are_refused_by_name,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            test_batch_delay_waits_after_each_batch_and_can_be_interrupted, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
