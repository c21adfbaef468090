/*
 * Samples of a machine that a test writes, on a clock that it moves.
 */
#include "support/unit.h"

#include <string.h>

#include "engine/resources.h"
#include "support/machine_files.h"
#include "support/torture.h"

#define SECOND INT64_C(1000000000)

static const char *root;
static struct ps_clock_fake clock_fake;
static struct ps_monitor *monitor;

/* "/data" and "/data/deep" lie on one disk, "/full" on another; "/none" cannot be looked at. */
static bool disk(const char *folder, struct ps_disk *ret_disk)
{
    bool full = strcmp(folder, "/full") == 0;
    *ret_disk = full ? (struct ps_disk){.device = 2, .total_bytes = 1000, .free_bytes = 50}
                     : (struct ps_disk){.device = 1, .total_bytes = 1000, .free_bytes = 600};
    return strcmp(folder, "/none") != 0;
}

static enum ps_status open_monitor(void *context, struct ps_error *err)
{
    const struct ps_monitor_request request = {
        .root = root, .folders = context, .clock = &clock_fake.base, .disk = disk};
    ps_monitor_free(monitor);
    monitor = NULL;
    return ps_monitor_new(&request, &monitor, err);
}

static struct ps_resource_sample look(void)
{
    struct ps_resource_sample sample;
    monitor->sample(monitor, &sample);
    return sample;
}

static int make_root(void **state)
{
    (void)state;
    struct ps_error err;
    root = machine_files_new();
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    return open_monitor(NULL, &err) != PS_OK;
}

static int drop_root(void **state)
{
    (void)state;
    ps_monitor_free(monitor);
    monitor = NULL;
    machine_files_done();
    return 0;
}

static void test_monitor_makes_shares_of_memory_and_processors(void **state)
{
    (void)state;
    machine_files_plain(400, 1000);
    struct ps_resource_sample sample = look();
    assert_true(sample.memory_percent == 60);
    assert_int_equal(sample.memory_limit_bytes, 1024000);
    assert_string_equal(sample.memory_of, "machine");
    assert_true(sample.cpu_percent < 0); /* one reading is none */
    assert_true(sample.disk_percent < 0);
    ps_clock_fake_advance(&clock_fake, 2 * SECOND);
    machine_files_plain(100, 1300); /* three seconds of the four that two processors had */
    sample = look();
    assert_true(sample.memory_percent == 90);
    assert_true(sample.cpu_percent > 74.9 && sample.cpu_percent < 75.1);
    ps_clock_fake_advance(&clock_fake, SECOND / 10);
    sample = look();
    assert_true(sample.cpu_percent > 74.9); /* too soon for another share */
    ps_clock_fake_advance(&clock_fake, SECOND);
    assert_true(look().cpu_percent < 0.1);
}

static void test_monitor_of_an_unknown_machine_knows_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct ps_resource_sample sample = look();
        assert_true(sample.memory_percent < 0);
        assert_true(sample.cpu_percent < 0);
        assert_true(sample.stalled_percent < 0);
        ps_clock_fake_advance(&clock_fake, SECOND);
    }
}

static void test_monitor_tells_the_fullest_disk(void **state)
{
    (void)state;
    struct ps_error err;
    const char *folders[] = {"/data", "/none", "/full", "/data/deep", NULL};
    assert_int_equal(open_monitor(folders, &err), PS_OK);
    struct ps_resource_sample sample = look();
    assert_true(sample.disk_percent == 95);
    assert_string_equal(sample.disk_path, "/full");
    assert_int_equal(sample.disk_free_bytes, 50);
    const char *one[] = {"/data/deep", "/data", NULL};
    assert_int_equal(open_monitor(one, &err), PS_OK);
    assert_true(look().disk_percent == 40);
    assert_string_equal(look().disk_path, "/data/deep");
}

static void test_monitor_looks_at_the_disk_of_this_machine(void **state)
{
    (void)state;
    struct ps_error err;
    const char *folders[] = {"/", "/no/such/folder", NULL};
    const struct ps_monitor_request request = {
        .root = "", .folders = folders, .clock = &clock_fake.base};
    ps_monitor_free(monitor);
    monitor = NULL;
    assert_int_equal(ps_monitor_new(&request, &monitor, &err), PS_OK);
    struct ps_resource_sample sample = look();
    assert_true(sample.disk_percent >= 0 && sample.disk_percent <= 100);
    assert_string_equal(sample.disk_path, "/");
}

static void test_monitor_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    const char *folders[] = {"/data", "/full", NULL};
    torture(open_monitor, folders);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_monitor_makes_shares_of_memory_and_processors,
                                        make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_monitor_of_an_unknown_machine_knows_nothing, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(test_monitor_tells_the_fullest_disk, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_monitor_looks_at_the_disk_of_this_machine, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(test_monitor_when_memory_runs_out_says_so, make_root,
                                        drop_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
