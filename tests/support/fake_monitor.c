/*
 * The scripted machine (fake_monitor.h).
 */
#include "support/fake_monitor.h"

#include <sched.h>

#define SELDOM_NS (INT64_C(3600) * 1000000000)

static void look(struct ps_monitor *base, struct ps_resource_sample *ret_sample)
{
    struct fake_monitor *monitor = (struct fake_monitor *)base;
    int number = atomic_fetch_add(&monitor->looks, 1);
    *ret_sample = monitor->sample;
    ret_sample->at_ns = number * monitor->step_ns;
    if (atomic_load(&monitor->memory_short)) {
        ret_sample->memory_percent = 95;
    }
    if (atomic_load(&monitor->cpu_short)) {
        ret_sample->cpu_percent = 96;
    }
    if (atomic_load(&monitor->disk_full)) {
        ret_sample->disk_percent = 95;
    }
    if (number < FAKE_MONITOR_ADVANCES) {
        ps_clock_fake_advance(monitor->clock, monitor->advance_ns);
    }
}

void fake_monitor_wait(struct fake_monitor *monitor, int looks)
{
    /* One may be under way, and one more shows that those before it are done with. */
    int until = atomic_load(&monitor->looks) + looks + 2;
    while (atomic_load(&monitor->looks) < until) {
        sched_yield();
    }
}

void fake_pace_init(struct fake_pace *pace)
{
    pace->writes = pace->seen = pace->done = 0;
    ps_mutex_init(&pace->lock);
    ps_condition_init(&pace->changed);
}

void fake_pace_done(struct fake_pace *pace)
{
    ps_condition_done(&pace->changed);
    ps_mutex_done(&pace->lock);
}

bool fake_pace_look(struct fake_pace *pace, int64_t wait_ns)
{
    const int64_t deadline_ns = ps_monotonic_ns() + wait_ns;
    ps_mutex_lock(&pace->lock);
    const unsigned before = pace->seen;
    pace->done = before;
    ps_condition_broadcast(&pace->changed);
    while (before > 0 && pace->writes == before &&
           ps_condition_wait_until(&pace->changed, &pace->lock, deadline_ns)) {
    }
    pace->seen = pace->writes;
    const bool begun = pace->seen != before;
    ps_mutex_unlock(&pace->lock);
    return begun;
}

static void wait_for(struct fake_pace *pace, unsigned writes)
{
    while (pace->done < writes) {
        ps_condition_wait(&pace->changed, &pace->lock);
    }
}

void fake_pace_write(struct fake_pace *pace)
{
    ps_mutex_lock(&pace->lock);
    pace->writes++;
    ps_condition_broadcast(&pace->changed);
    wait_for(pace, pace->writes);
    ps_mutex_unlock(&pace->lock);
}

void fake_pace_wait(struct fake_pace *pace, unsigned writes)
{
    ps_mutex_lock(&pace->lock);
    wait_for(pace, writes);
    ps_mutex_unlock(&pace->lock);
}

void fake_monitor_init(struct fake_monitor *monitor, struct ps_clock_fake *clock)
{
    monitor->base = (struct ps_monitor){.sample = look, .interval_ns = SELDOM_NS};
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
    atomic_store(&monitor->memory_short, false);
    atomic_store(&monitor->cpu_short, false);
    atomic_store(&monitor->disk_full, false);
    atomic_store(&monitor->looks, 0);
}
