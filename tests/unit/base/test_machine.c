/*
 * What is read from the kernel's files, in folders that stand for machines of all kinds.
 */
#include "support/unit.h"

#include <string.h>

#include "base/cgroup.h"
#include "base/machine.h"
#include "support/machine_files.h"
#include "support/torture.h"

static const char *root;
static struct ps_machine *machine;

static int make_root(void **state)
{
    (void)state;
    root = machine_files_new();
    return 0;
}

static int drop_root(void **state)
{
    (void)state;
    ps_machine_free(machine);
    machine = NULL;
    machine_files_done();
    return 0;
}

static void look(void)
{
    struct ps_error err;
    ps_machine_free(machine);
    machine = NULL;
    assert_int_equal(ps_machine_new(root, &machine, &err), PS_OK);
}

static void check_memory(uint64_t used, uint64_t limit, const char *of)
{
    struct ps_machine_memory memory;
    look();
    assert_true(ps_machine_memory(machine, &memory));
    assert_int_equal(memory.used_bytes, used);
    assert_int_equal(memory.limit_bytes, limit);
    assert_string_equal(memory.of, of);
}

static void check_cpu(double busy, double processors, const char *of)
{
    struct ps_machine_cpu cpu;
    look();
    assert_true(ps_machine_cpu(machine, &cpu));
    assert_true(cpu.busy_seconds > busy - 0.001 && cpu.busy_seconds < busy + 0.001);
    assert_true(cpu.processors > processors - 0.001 && cpu.processors < processors + 0.001);
    assert_string_equal(cpu.of, of);
}

static void test_machine_without_groups_is_read_whole(void **state)
{
    (void)state;
    machine_files_plain(400, 300);
    check_memory(600 * 1024, 1000 * 1024, "machine");
    check_cpu(3, 2, "machine");
    assert_int_equal(ps_machine_memory_limit(machine), 1000 * 1024);
    assert_true(ps_machine_stalled(machine, "memory") < 0);
}

static void test_machine_where_nothing_can_be_read_says_so(void **state)
{
    (void)state;
    struct ps_machine_memory memory;
    struct ps_machine_cpu cpu;
    look();
    assert_false(ps_machine_memory(machine, &memory));
    assert_false(ps_machine_cpu(machine, &cpu));
    assert_int_equal(ps_machine_memory_limit(machine), 0);
    machine_files_put("proc/meminfo", "MemTotal: lots\n");
    machine_files_put("proc/stat", "");
    machine_files_put("proc/self/cgroup", "nonsense\n::\n");
    machine_files_put("proc/self/mountinfo", "31 25\n - \n1 2 3 4 5 - cgroup2\n");
    look();
    assert_false(ps_machine_memory(machine, &memory));
    assert_false(ps_machine_cpu(machine, &cpu));
}

static void test_machine_group_v2_counts_without_file_cache(void **state)
{
    (void)state;
    machine_files_plain(400, 300);
    machine_files_group(2, "/a/b");
    machine_files_put("sys/fs/cgroup/a/b/memory.max", "100000\n");
    machine_files_put("sys/fs/cgroup/a/b/memory.current", "90000\n");
    machine_files_put("sys/fs/cgroup/a/b/memory.stat", "anon 1\ninactive_file 30000\nslab 3\n");
    machine_files_put("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
    machine_files_put("sys/fs/cgroup/a/b/cpu.stat", "usage_usec 2500000\nuser_usec 1\n");
    machine_files_put("sys/fs/cgroup/a/b/memory.pressure",
                      "some avg10=40.00 avg60=0 avg300=0 total=1\n"
                      "full avg10=12.50 avg60=0.46 avg300=0.32 total=61360845\n");
    check_memory(60000, 100000, "cgroup v2");
    check_cpu(2.5, 1.5, "cgroup v2");
    assert_true(ps_machine_stalled(machine, "memory") == 12.5);
    assert_true(ps_machine_stalled(machine, "io") < 0);
    machine_files_put("proc/pressure/io", "some avg10=1.00\nfull avg10=0.50 avg60=0\n");
    assert_true(ps_machine_stalled(machine, "io") == 0.5);
}

static void test_machine_group_v2_without_limits_is_the_machine(void **state)
{
    (void)state;
    machine_files_plain(400, 300);
    machine_files_group(2, "/a");
    machine_files_put("sys/fs/cgroup/a/memory.max", "max\n");
    machine_files_put("sys/fs/cgroup/a/memory.current", "90000\n");
    machine_files_put("sys/fs/cgroup/a/cpu.max", "max 100000\n");
    machine_files_put("sys/fs/cgroup/a/cpu.stat", "usage_usec 2500000\n");
    check_memory(600 * 1024, 1000 * 1024, "machine");
    check_cpu(3, 2, "machine");
    machine_files_put("sys/fs/cgroup/a/memory.max", "9000000\n"); /* more than there is */
    machine_files_put("sys/fs/cgroup/a/cpu.max", "400000 100000\n");
    check_memory(600 * 1024, 1000 * 1024, "machine");
    check_cpu(3, 2, "machine");
}

static void test_machine_nested_groups_count_the_one_nearest_to_its_limit(void **state)
{
    (void)state;
    machine_files_plain(400, 300);
    machine_files_group(2, "/a/b/c");
    machine_files_put("sys/fs/cgroup/a/b/c/memory.max", "max\n");
    machine_files_put("sys/fs/cgroup/a/b/c/memory.current", "10000\n");
    machine_files_put("sys/fs/cgroup/a/b/memory.max", "200000\n");
    machine_files_put("sys/fs/cgroup/a/b/memory.current", "100000\n");
    machine_files_put("sys/fs/cgroup/a/memory.max", "400000\n");
    machine_files_put("sys/fs/cgroup/a/memory.high", "300000\n"); /* where it is slowed down */
    machine_files_put("sys/fs/cgroup/a/memory.current", "240000\n");
    machine_files_put("sys/fs/cgroup/a/cpu.max", "50000 100000\n");
    machine_files_put("sys/fs/cgroup/a/cpu.stat", "usage_usec 700000\n");
    machine_files_put("sys/fs/cgroup/a/b/cpu.max", "100000 100000\n");
    machine_files_put("sys/fs/cgroup/a/b/cpu.stat", "usage_usec 100000\n");
    check_memory(240000, 300000, "cgroup v2");
    check_cpu(0.7, 0.5, "cgroup v2");
    assert_int_equal(ps_machine_memory_limit(machine), 200000);
}

static void test_machine_group_v1_is_taken_where_v2_has_no_limit(void **state)
{
    (void)state;
    machine_files_plain(400, 300);
    machine_files_group(1, "/x/y");
    machine_files_put("sys/fs/cgroup/all/x/y/memory.limit_in_bytes", "9223372036854771712\n");
    machine_files_put("sys/fs/cgroup/all/x/y/memory.usage_in_bytes", "10\n");
    machine_files_put("sys/fs/cgroup/all/x/memory.limit_in_bytes", "500000\n");
    machine_files_put("sys/fs/cgroup/all/x/memory.usage_in_bytes", "450000\n");
    machine_files_put("sys/fs/cgroup/all/x/memory.stat",
                      "cache 5\ninactive_file 7\ntotal_inactive_file 50000\n");
    machine_files_put("sys/fs/cgroup/all/x/y/cpu.cfs_quota_us", "50000\n");
    machine_files_put("sys/fs/cgroup/all/x/y/cpu.cfs_period_us", "100000\n");
    machine_files_put("sys/fs/cgroup/all/x/y/cpuacct.usage", "1500000000\n");
    check_memory(400000, 500000, "cgroup v1");
    check_cpu(1.5, 0.5, "cgroup v1");
    assert_int_equal(ps_machine_memory_limit(machine), 500000);
    machine_files_put("sys/fs/cgroup/all/x/y/cpu.cfs_quota_us", "-1\n");
    check_cpu(3, 2, "machine");
}

static void test_machine_in_a_container_finds_its_own_mount(void **state)
{
    (void)state;
    machine_files_plain(400, 300);
    machine_files_put("proc/self/cgroup", "4:memory:/docker/abc/own\n");
    machine_files_put(
        "proc/self/mountinfo",
        "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup ro,memory\n");
    machine_files_put("sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
    machine_files_put("sys/fs/cgroup/memory/memory.usage_in_bytes", "300\n");
    machine_files_put("sys/fs/cgroup/memory/own/memory.limit_in_bytes", "500\n");
    machine_files_put("sys/fs/cgroup/memory/own/memory.usage_in_bytes", "200\n");
    check_memory(200, 500, "cgroup v1");
    /* A group that is not below the mount: what is mounted is the nearest there is to it. */
    machine_files_put("proc/self/cgroup", "4:memory:/docker/other\n");
    check_memory(300, 1000, "cgroup v1");
}

static void test_machine_that_this_runs_on_can_be_read(void **state)
{
    (void)state;
    struct ps_machine_memory memory;
    struct ps_machine_cpu cpu;
    struct ps_error err;
    assert_int_equal(ps_machine_new("", &machine, &err), PS_OK);
    assert_true(ps_machine_memory(machine, &memory));
    assert_in_range(memory.used_bytes, 1, memory.limit_bytes);
    assert_true(ps_machine_cpu(machine, &cpu));
    assert_true(cpu.busy_seconds > 0 && cpu.processors > 0);
}

static enum ps_status look_once(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_machine *made = NULL;
    enum ps_status status = ps_machine_new(root, &made, err);
    ps_machine_free(made);
    return status;
}

static void test_machine_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    machine_files_group(2, "/a/b");
    torture(look_once, NULL);
}

static void test_memory_peak_is_of_this_program_and_rises(void **state)
{
    (void)state;
    enum { SIZE = 32 << 20 };
    uint64_t before = ps_machine_memory_peak();
    assert_true(before > 0);
    char *block = ps_malloc(SIZE);
    assert_non_null(block);
    memset(block, 1, SIZE);
    assert_true(ps_machine_memory_peak() >= before + SIZE / 2);
    ps_free(block);
}

static void test_memory_of_this_program_is_within_its_peak(void **state)
{
    (void)state;
    uint64_t own = ps_machine_memory_own();
    assert_true(own > 0);
    assert_true(own <= ps_machine_memory_peak());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_machine_without_groups_is_read_whole, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(test_machine_where_nothing_can_be_read_says_so, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(test_machine_group_v2_counts_without_file_cache, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(test_machine_group_v2_without_limits_is_the_machine,
                                        make_root, drop_root),
        cmocka_unit_test_setup_teardown(
            test_machine_nested_groups_count_the_one_nearest_to_its_limit, make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_machine_group_v1_is_taken_where_v2_has_no_limit,
                                        make_root, drop_root),
        cmocka_unit_test_setup_teardown(test_machine_in_a_container_finds_its_own_mount, make_root,
                                        drop_root),
        cmocka_unit_test(test_memory_peak_is_of_this_program_and_rises),
        cmocka_unit_test(test_memory_of_this_program_is_within_its_peak),
        cmocka_unit_test_setup_teardown(test_machine_that_this_runs_on_can_be_read, make_root,
                                        drop_root),
        cmocka_unit_test_setup_teardown(test_machine_when_memory_runs_out_says_so, make_root,
                                        drop_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
