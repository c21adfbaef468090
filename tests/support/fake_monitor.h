/*
 * A machine for tests of whole syncs: it looks as the test says whenever it is looked at, and tells
 * how often that was.
 */
#ifndef TESTS_SUPPORT_FAKE_MONITOR_H
#define TESTS_SUPPORT_FAKE_MONITOR_H

#include <stdatomic.h>

#include "base/clock.h"
#include "engine/resources.h"

struct fake_monitor {
    struct ps_monitor base;           /* for struct ps_run_request */
    struct ps_resource_sample sample; /* what is seen, but for `at_ns` */
    int64_t step_ns;                  /* by the monitor's clock, between two looks */
    struct ps_clock_fake *clock;      /* of the sync; moved on with each look by … */
    int64_t advance_ns;
    int disk_full_after; /* looks; 0: never */
    atomic_int looks;
};

/* A machine under no pressure, of 8 GiB, whose clock and whose sync's clock stand still. */
void fake_monitor_init(struct fake_monitor *monitor, struct ps_clock_fake *clock);

#endif
