/*
 * A machine for tests of whole syncs: it looks as the test says whenever it is looked at, and tells
 * how often that was. It is looked at when a sync begins, and all the time where the test sets
 * base.interval_ns to FAKE_MONITOR_OFTEN_NS.
 */
#ifndef TESTS_SUPPORT_FAKE_MONITOR_H
#define TESTS_SUPPORT_FAKE_MONITOR_H

#include <stdatomic.h>

#include "base/clock.h"
#include "engine/resources.h"

#define FAKE_MONITOR_OFTEN_NS INT64_C(1000000)
#define FAKE_MONITOR_ADVANCES 12

struct fake_monitor {
    struct ps_monitor base;           /* for struct ps_run_request */
    struct ps_resource_sample sample; /* what is seen, but for `at_ns` */
    int64_t step_ns;                  /* by the monitor's clock, between two looks */
    struct ps_clock_fake *clock; /* of the sync; moved on with each of the first looks by … */
    int64_t advance_ns;
    /* Nearly all of it is in use from then on; set while a sync runs, too. */
    atomic_bool memory_short, cpu_short, disk_full;
    atomic_int looks;
};

/* A machine under no pressure, of 8 GiB, whose clock and whose sync's clock stand still. */
void fake_monitor_init(struct fake_monitor *monitor, struct ps_clock_fake *clock);

/* Waits until the machine was looked at so often from now on, and what follows from those looks is
 * done. */
void fake_monitor_wait(struct fake_monitor *monitor, int looks);

#endif
