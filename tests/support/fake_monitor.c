/*
 * The scripted machine (fake_monitor.h).
 */
#include "support/fake_monitor.h"

static void look(struct ps_monitor *base, struct ps_resource_sample *ret_sample)
{
    struct fake_monitor *monitor = (struct fake_monitor *)base;
    int number = atomic_fetch_add(&monitor->looks, 1);
    *ret_sample = monitor->sample;
    ret_sample->at_ns = number * monitor->step_ns;
    if (monitor->disk_full_after > 0 && number >= monitor->disk_full_after) {
        ret_sample->disk_percent = 95;
    }
    ps_clock_fake_advance(monitor->clock, monitor->advance_ns);
}

void fake_monitor_init(struct fake_monitor *monitor, struct ps_clock_fake *clock)
{
    monitor->base = (struct ps_monitor){.sample = look};
    monitor->sample = (struct ps_resource_sample){
        .memory_percent = 50,
        .memory_bytes = UINT64_C(4) << 30,
        .memory_limit_bytes = UINT64_C(8) << 30,
        .memory_of = "cgroup v2",
        .stalled_percent = -1,
        .cpu_percent = 25,
        .disk_percent = -1,
    };
    monitor->step_ns = 0;
    monitor->clock = clock;
    monitor->advance_ns = 0;
    monitor->disk_full_after = 0;
    atomic_store(&monitor->looks, 0);
}
