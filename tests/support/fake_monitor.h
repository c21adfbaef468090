/*
 * A machine for tests of whole syncs: it looks as the test says whenever it is looked at, and tells
 * how often that was. It is looked at when a sync begins, and all the time where the test sets
 * base.interval_ns to FAKE_MONITOR_OFTEN_NS.
 */
#ifndef TESTS_SUPPORT_FAKE_MONITOR_H
#define TESTS_SUPPORT_FAKE_MONITOR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/clock.h"
#include "base/thread.h"
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

/*
 * One look for each write of the destination, so that what the tuner sees of a sync does not follow
 * from how threads take turns.
 */
struct fake_pace {
    struct ps_mutex lock;
    struct ps_condition changed;
    unsigned writes; /* that have begun */
    unsigned seen;   /* by the look under way or the last one */
    unsigned done;   /* those for which the tuner has looked and done what follows */
};

void fake_pace_init(struct fake_pace *pace);
void fake_pace_done(struct fake_pace *pace);
/* At the beginning of a look: waits until the next write has begun. False: it had not by then, or
 * there was none yet. */
bool fake_pace_look(struct fake_pace *pace, int64_t wait_ns);
/* At the beginning of a write: waits until that look is done with. The looks must go on. */
void fake_pace_write(struct fake_pace *pace);
/* Waits until so many are done with. */
void fake_pace_wait(struct fake_pace *pace, unsigned writes);

#endif
