/*
 * The tuner's steps, under a scripted machine and clock.
 */
#include "support/unit.h"

#include <string.h>

#include "engine/tuner.h"

#define SECOND INT64_C(1000000000)
#define GIB (UINT64_C(1) << 30)

static const struct tuner_limits limits = {
    .memory_high = 80,
    .memory_critical = 90,
    .cpu_high = 85,
    .cpu_critical = 95,
    .disk_high = 80,
    .disk_critical = 90,
    .disk_spare_bytes = 10 * GIB,
};

static struct tuner tuner;
static struct tuner_report report;
static struct ps_resource_sample sample;
static struct tuner_progress progress;

/* Batches of 5,000 rows, at most 40,000; four threads; nothing is short. */
static int begin(void **state)
{
    (void)state;
    tuner_init(&tuner, &limits, 5000, 40000, 4);
    progress = (struct tuner_progress){.rows = 0};
    sample = (struct ps_resource_sample){
        .memory_percent = 50,
        .memory_limit_bytes = GIB,
        .memory_of = "cgroup v2",
        .stalled_percent = -1,
        .cpu_percent = 50,
        .disk_percent = 10,
        .disk_path = "/data",
        .disk_free_bytes = 100 * GIB,
    };
    return 0;
}

/* Two seconds pass in which so many rows a second are written; the changes made. */
static size_t step(uint64_t rate)
{
    sample.at_ns += 2 * SECOND;
    progress.rows += 2 * rate;
    tuner_take(&tuner, &sample, &progress, &report);
    return report.changes_count;
}

/* So many samples without a change. */
static void quiet(int samples, uint64_t rate)
{
    for (int i = 0; i < samples; i++) {
        assert_int_equal(step(rate), 0);
    }
}

static void expect_batch(uint32_t old_rows, uint32_t new_rows)
{
    assert_int_equal(report.changes_count, 1);
    assert_int_equal(report.changes[0].parameter, TUNER_BATCH_ROWS);
    assert_int_equal(report.changes[0].old_value, old_rows);
    assert_int_equal(report.changes[0].new_value, new_rows);
    assert_int_equal(tuner.batch_rows, new_rows);
}

static void expect_threads(uint32_t old_threads, uint32_t new_threads)
{
    assert_int_equal(report.changes_count, 1);
    assert_int_equal(report.changes[0].parameter, TUNER_THREADS);
    assert_int_equal(report.changes[0].old_value, old_threads);
    assert_int_equal(report.changes[0].new_value, new_threads);
    assert_int_equal(tuner.threads, new_threads);
}

static void expect_table_threads(uint32_t old_threads, uint32_t new_threads)
{
    assert_int_equal(report.changes_count, 1);
    assert_int_equal(report.changes[0].parameter, TUNER_TABLE_THREADS);
    assert_int_equal(report.changes[0].old_value, old_threads);
    assert_int_equal(report.changes[0].new_value, new_threads);
    assert_int_equal(tuner.table_threads, new_threads);
}

static void test_tuner_takes_a_quarter_of_the_batch_above_the_first_threshold(void **state)
{
    (void)state;
    sample.memory_percent = 84;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    assert_true(report.changes[0].pressure);
    assert_string_equal(report.changes[0].cause, "memory at 84 % of 1024 MiB (cgroup v2)");
    quiet(2, 1000);
    step(1000);
    expect_batch(3750, 2812);
}

static void test_tuner_halves_the_batch_above_the_second_and_ends_at_a_hundred(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {5000, 2500, 1250, 625, 312, 156, 100};
    sample.memory_percent = 93;
    for (size_t i = 1; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        quiet(2, 1000);
        step(1000);
        expect_batch(sizes[i - 1], sizes[i]);
    }
    quiet(10, 1000);
    assert_int_equal(tuner_batch_rows(tuner.batch_rows, 5000, 1000), 100);
    assert_int_equal(tuner_batch_rows(tuner.batch_rows, 5000, 30), 30);
}

static void test_tuner_one_calm_sample_starts_the_count_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        sample.memory_percent = 84;
        quiet(2, 1000);
        sample.memory_percent = 79;
        quiet(1, 1000);
    }
}

static void test_tuner_all_waiting_for_memory_is_pressure(void **state)
{
    (void)state;
    sample.stalled_percent = 30;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    assert_string_equal(report.changes[0].cause, "all waits for memory 30 % of the time");
}

static void test_tuner_takes_a_step_back_for_stalls_once(void **state)
{
    (void)state;
    sample.memory_percent = 78; /* not calm: nothing grows */
    sample.stalled_percent = 30;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    sample.stalled_percent = 5;
    quiet(2, 500);
    step(500);
    expect_batch(3750, 5000);
    sample.stalled_percent = 30;
    quiet(20, 1000);
    /* More than that is pressure again; memory in use led to no step, and counts as before. */
    sample.stalled_percent = 36;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    sample.stalled_percent = 0;
    quiet(10, 1000);
    sample.memory_percent = 81;
    quiet(2, 1000);
    step(1000);
    expect_batch(3750, 2812);
    assert_string_equal(report.changes[0].cause, "memory at 81 % of 1024 MiB (cgroup v2)");
}

static void test_tuner_halves_the_threads_above_the_first_threshold_of_cpu(void **state)
{
    (void)state;
    sample.cpu_percent = 88;
    quiet(2, 1000);
    step(1000);
    expect_threads(4, 2);
    assert_string_equal(report.changes[0].cause, "CPU at 88 %");
    quiet(2, 1000);
    step(1000);
    expect_threads(2, 1);
    quiet(10, 1000);
}

static void test_tuner_goes_to_one_thread_above_the_second(void **state)
{
    (void)state;
    sample.cpu_percent = 99;
    quiet(2, 1000);
    step(1000);
    expect_threads(4, 1);
}

static void test_tuner_takes_a_step_back_that_costs_rows_and_raises_the_threshold(void **state)
{
    (void)state;
    sample.cpu_percent = 97;
    quiet(2, 1000);
    step(1000);
    expect_threads(4, 1);
    sample.cpu_percent = 40;
    quiet(2, 800);
    step(800);
    expect_threads(1, 4);
    assert_string_equal(report.changes[0].cause, "800 rows/s after the step, 1000 before it");
    /* The same use of the processors is no pressure any more; only more would be. */
    sample.cpu_percent = 97;
    sample.memory_percent = 78; /* not calm: nothing grows */
    quiet(10, 1000);
    assert_true(tuner.cpu.high == 102);
}

static void test_tuner_keeps_a_step_that_costs_little(void **state)
{
    (void)state;
    sample.memory_percent = 84;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    sample.memory_percent = 78;
    quiet(10, 950);
    assert_int_equal(tuner.batch_rows, 3750);
}

static void test_tuner_takes_no_memory_step_back_while_memory_is_critical(void **state)
{
    (void)state;
    sample.memory_percent = 95;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 2500);
    quiet(2, 100);
    step(100);
    expect_batch(2500, 1250);
}

static void test_tuner_takes_a_memory_step_back_and_keeps_the_second_threshold(void **state)
{
    (void)state;
    sample.memory_percent = 84;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    sample.memory_percent = 70;
    quiet(2, 500);
    step(500);
    expect_batch(3750, 5000);
    sample.memory_percent = 88; /* below the raised threshold, 89 */
    quiet(5, 1000);
    sample.memory_percent = 91;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 2500);
}

static void test_tuner_does_not_compare_the_rates_of_different_tables(void **state)
{
    (void)state;
    sample.memory_percent = 84;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 3750);
    sample.memory_percent = 78;
    progress.work++;
    quiet(10, 10);
    assert_int_equal(tuner.batch_rows, 3750);
}

static void test_tuner_answers_pressure_though_tables_change_all_the_time(void **state)
{
    (void)state;
    sample.memory_percent = 84;
    progress.work++;
    quiet(1, 1000);
    progress.work++;
    quiet(1, 1000);
    progress.work++;
    step(1000);
    expect_batch(5000, 3750);
}

static void test_tuner_answers_pressure_while_the_destination_holds_the_writer(void **state)
{
    (void)state;
    quiet(3, 1000);
    progress.held = true;
    sample.memory_percent = 84;
    quiet(2, 0);
    step(0);
    expect_batch(5000, 3750);
    /* That nothing is written is not the step's doing. */
    sample.memory_percent = 78;
    quiet(6, 0);
    progress.held = false;
    quiet(10, 100);
    assert_int_equal(tuner.batch_rows, 3750);
    assert_true(tuner.memory.high == 80);
    /* What was reduced recovers though the writer is held. */
    progress.held = true;
    sample.memory_percent = 50;
    quiet(2, 0);
    step(0);
    expect_batch(3750, 5000);
}

static void test_tuner_looks_at_growth_when_the_destination_lets_the_writer_go(void **state)
{
    (void)state;
    quiet(3, 1000);
    step(1000);
    expect_batch(5000, 10000);
    progress.held = true;
    quiet(10, 0);
    progress.held = false;
    quiet(2, 1000);
    step(1000);
    expect_batch(10000, 5000);
    assert_string_equal(report.changes[0].cause, "1000 rows/s after the step, 1000 before it");
}

static void test_tuner_recovers_step_by_step(void **state)
{
    (void)state;
    sample.memory_percent = 95;
    sample.cpu_percent = 99;
    quiet(2, 1000);
    step(1000);
    expect_batch(5000, 2500);
    step(1000);
    expect_threads(4, 1);
    sample.memory_percent = 50;
    sample.cpu_percent = 50;
    quiet(2, 1000);
    step(1000);
    expect_threads(1, 2);
    assert_string_equal(report.changes[0].cause, "CPU at 50 % again");
    quiet(2, 1000);
    step(1000);
    expect_threads(2, 3);
    quiet(2, 1000);
    step(1000);
    expect_threads(3, 4);
    quiet(2, 1000);
    step(1000);
    expect_batch(2500, 3751);
    assert_string_equal(report.changes[0].cause, "memory at 50 % again");
    quiet(2, 1000);
    step(1000);
    expect_batch(3751, 5000);
}

static void test_tuner_waits_longer_after_each_relapse(void **state)
{
    (void)state;
    sample.cpu_percent = 90;
    quiet(2, 1000);
    step(1000);
    expect_threads(4, 2);
    sample.cpu_percent = 50;
    quiet(2, 1000);
    step(1000);
    expect_threads(2, 3);
    sample.cpu_percent = 90;
    quiet(2, 1000);
    step(1000);
    expect_threads(3, 1);
    sample.cpu_percent = 50;
    sample.memory_percent = 78;
    quiet(5, 1000);
    step(1000);
    expect_threads(1, 2);
}

static void test_tuner_grows_while_it_pays(void **state)
{
    (void)state;
    quiet(3, 1000);
    step(1000);
    expect_batch(5000, 10000);
    assert_false(report.changes[0].pressure);
    quiet(2, 1200);
    step(1200);
    expect_batch(10000, 20000);
    quiet(2, 1250); /* less than 5 % */
    step(1250);
    expect_batch(20000, 10000);
    /* Then one table may have more threads, as long as that pays. */
    quiet(2, 1250);
    step(1250);
    expect_table_threads(0, 1);
    quiet(2, 2400);
    step(2400);
    expect_table_threads(1, 2);
    quiet(2, 2400);
    step(2400);
    expect_table_threads(2, 1);
    quiet(20, 2400);
    assert_int_equal(tuner_batch_rows(tuner.batch_rows, 5000, 1000), 2000);
}

static void test_tuner_grows_to_the_most_and_no_further(void **state)
{
    (void)state;
    uint64_t rate = 1000;
    for (int i = 0; i < 40; i++) {
        step(rate);
        rate += rate / 3;
        assert_true(tuner.batch_rows <= 40000);
    }
    assert_int_equal(tuner.batch_rows, 40000);
}

static void test_tuner_does_not_grow_without_knowing_memory(void **state)
{
    (void)state;
    sample.memory_percent = -1;
    quiet(20, 1000);
}

static void test_tuner_where_nothing_can_be_read_says_so_once(void **state)
{
    (void)state;
    sample.memory_percent = sample.cpu_percent = -1;
    step(1000);
    assert_true(report.unknown);
    assert_non_null(strstr(report.message, "can be read"));
    for (int i = 0; i < 10; i++) {
        assert_int_equal(step(1000), 0);
        assert_false(report.unknown);
    }
    assert_int_equal(tuner.batch_rows, 5000);
    assert_int_equal(tuner.threads, 4);
}

static void test_tuner_halves_the_threads_where_the_source_asks_for_less(void **state)
{
    (void)state;
    sample.memory_percent = 78;
    quiet(1, 1000);
    tuner_throttle(&tuner, &report);
    expect_threads(4, 2);
    assert_string_equal(report.changes[0].cause, "the source asks for less");
    quiet(3, 1000);
    step(1000);
    expect_threads(2, 3);
}

static void test_tuner_warns_of_a_disk_once_and_then_stops(void **state)
{
    (void)state;
    sample.disk_percent = 81;
    sample.disk_free_bytes = 9 * GIB;
    step(1000);
    assert_true(report.disk_warned);
    assert_false(report.disk_stop);
    assert_string_equal(report.message, "the disk of /data is 81 % full, with 9216 MiB free");
    step(1000);
    assert_false(report.disk_warned);
    sample.disk_percent = 90;
    step(1000);
    assert_true(report.disk_stop);
}

static void test_tuner_does_not_mind_a_share_of_a_large_disk(void **state)
{
    (void)state;
    sample.disk_percent = 95;
    sample.disk_free_bytes = 10 * GIB;
    step(1000);
    assert_false(report.disk_warned || report.disk_stop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_tuner_takes_a_quarter_of_the_batch_above_the_first_threshold,
                               begin),
        cmocka_unit_test_setup(test_tuner_halves_the_batch_above_the_second_and_ends_at_a_hundred,
                               begin),
        cmocka_unit_test_setup(test_tuner_one_calm_sample_starts_the_count_anew, begin),
        cmocka_unit_test_setup(test_tuner_all_waiting_for_memory_is_pressure, begin),
        cmocka_unit_test_setup(test_tuner_takes_a_step_back_for_stalls_once, begin),
        cmocka_unit_test_setup(test_tuner_halves_the_threads_above_the_first_threshold_of_cpu,
                               begin),
        cmocka_unit_test_setup(test_tuner_goes_to_one_thread_above_the_second, begin),
        cmocka_unit_test_setup(
            test_tuner_takes_a_step_back_that_costs_rows_and_raises_the_threshold, begin),
        cmocka_unit_test_setup(test_tuner_keeps_a_step_that_costs_little, begin),
        cmocka_unit_test_setup(test_tuner_takes_no_memory_step_back_while_memory_is_critical,
                               begin),
        cmocka_unit_test_setup(test_tuner_takes_a_memory_step_back_and_keeps_the_second_threshold,
                               begin),
        cmocka_unit_test_setup(test_tuner_does_not_compare_the_rates_of_different_tables, begin),
        cmocka_unit_test_setup(test_tuner_answers_pressure_though_tables_change_all_the_time,
                               begin),
        cmocka_unit_test_setup(test_tuner_answers_pressure_while_the_destination_holds_the_writer,
                               begin),
        cmocka_unit_test_setup(test_tuner_looks_at_growth_when_the_destination_lets_the_writer_go,
                               begin),
        cmocka_unit_test_setup(test_tuner_recovers_step_by_step, begin),
        cmocka_unit_test_setup(test_tuner_waits_longer_after_each_relapse, begin),
        cmocka_unit_test_setup(test_tuner_grows_while_it_pays, begin),
        cmocka_unit_test_setup(test_tuner_grows_to_the_most_and_no_further, begin),
        cmocka_unit_test_setup(test_tuner_does_not_grow_without_knowing_memory, begin),
        cmocka_unit_test_setup(test_tuner_where_nothing_can_be_read_says_so_once, begin),
        cmocka_unit_test_setup(test_tuner_halves_the_threads_where_the_source_asks_for_less, begin),
        cmocka_unit_test_setup(test_tuner_warns_of_a_disk_once_and_then_stops, begin),
        cmocka_unit_test_setup(test_tuner_does_not_mind_a_share_of_a_large_disk, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
