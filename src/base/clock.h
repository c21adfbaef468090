/*
 * The clock as an argument, so that tests decide what time it is, and the token by which waits and
 * long work are called off.
 */
#ifndef PS_BASE_CLOCK_H
#define PS_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/thread.h"
#include "penstock/value.h"

struct ps_clock {
    struct ps_timestamp (*utc)(const struct ps_clock *clock);
    int64_t (*monotonic_ns)(const struct ps_clock *clock);
};

/* The machine's. Constant, shared. */
const struct ps_clock *ps_clock_system(void);

/* One that stands still until it is told to move. Thread-safe. */
struct ps_clock_fake {
    struct ps_clock base;
    _Atomic int64_t ns; /* since 1970, for both */
};
void ps_clock_fake_init(struct ps_clock_fake *clock, struct ps_timestamp start);
void ps_clock_fake_advance(struct ps_clock_fake *clock, int64_t ns);

/*
 * A cancel token: set once, from any thread (ps_cancel_set is safe in a signal handler), seen by
 * all. `reason` is the signal's number, or 0.
 */
struct ps_cancel {
    atomic_bool set;
    atomic_int reason;
    const struct ps_cancel *above; /* counts as well; NULL: there is none */
};
void ps_cancel_init(struct ps_cancel *cancel);
/* One for a part of the work: it is set as soon as `above` is, which outlives it, never the other
 * way round. */
void ps_cancel_init_below(struct ps_cancel *cancel, const struct ps_cancel *above);
void ps_cancel_set(struct ps_cancel *cancel, int reason);
bool ps_cancel_is_set(const struct ps_cancel *cancel);
/*
 * Waits that long, or until the token is set (seen within 50 ms). A fake clock is advanced by the
 * time instead of waiting. False: it was set.
 */
bool ps_cancel_wait(struct ps_cancel *cancel, const struct ps_clock *clock, int64_t ns);

#endif
