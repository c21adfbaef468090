/*
 * The machine's clock, the tests' clock, and the cancel token (base/clock.h).
 */
#include "base/clock.h"

#include <time.h>

#define NANOSECONDS INT64_C(1000000000)
/* A signal handler can set a flag but wake nobody: waits look at it that often. */
#define LOOK_NS INT64_C(50000000)

static struct ps_timestamp system_utc(const struct ps_clock *clock)
{
    (void)clock;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct ps_timestamp){.seconds = now.tv_sec, .nanos = (int32_t)now.tv_nsec};
}

static int64_t system_monotonic_ns(const struct ps_clock *clock)
{
    (void)clock;
    return ps_monotonic_ns();
}

const struct ps_clock *ps_clock_system(void)
{
    static const struct ps_clock clock = {.utc = system_utc, .monotonic_ns = system_monotonic_ns};
    return &clock;
}

static int64_t fake_monotonic_ns(const struct ps_clock *clock)
{
    return atomic_load(&((const struct ps_clock_fake *)clock)->ns);
}

static struct ps_timestamp fake_utc(const struct ps_clock *clock)
{
    int64_t ns = fake_monotonic_ns(clock);
    int64_t rest = ns % NANOSECONDS;
    if (rest < 0) {
        rest += NANOSECONDS;
    }
    return (struct ps_timestamp){.seconds = (ns - rest) / NANOSECONDS, .nanos = (int32_t)rest};
}

void ps_clock_fake_init(struct ps_clock_fake *clock, struct ps_timestamp start)
{
    clock->base = (struct ps_clock){.utc = fake_utc, .monotonic_ns = fake_monotonic_ns};
    atomic_init(&clock->ns, start.seconds * NANOSECONDS + start.nanos);
}

void ps_clock_fake_advance(struct ps_clock_fake *clock, int64_t ns)
{
    atomic_fetch_add(&clock->ns, ns);
}

void ps_cancel_init_below(struct ps_cancel *cancel, const struct ps_cancel *above)
{
    atomic_init(&cancel->set, false);
    atomic_init(&cancel->reason, 0);
    cancel->above = above;
}

void ps_cancel_init(struct ps_cancel *cancel)
{
    ps_cancel_init_below(cancel, NULL);
}

/* Lock-free atomics alone: all that a signal handler may touch. */
_Static_assert(ATOMIC_BOOL_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "a signal handler sets the token");

void ps_cancel_set(struct ps_cancel *cancel, int reason)
{
    /* The first reason stands; it is there before anybody sees that the token is set. */
    int none = 0;
    atomic_compare_exchange_strong(&cancel->reason, &none, reason);
    atomic_store(&cancel->set, true);
}

bool ps_cancel_is_set(const struct ps_cancel *cancel)
{
    for (; cancel != NULL; cancel = cancel->above) {
        if (atomic_load_explicit(&cancel->set, memory_order_acquire)) {
            return true;
        }
    }
    return false;
}

bool ps_cancel_wait(struct ps_cancel *cancel, const struct ps_clock *clock, int64_t ns)
{
    if (clock->monotonic_ns == fake_monotonic_ns) {
        if (!ps_cancel_is_set(cancel) && ns > 0) {
            /* A fake clock is made by ps_clock_fake_init, never const where it lies. */
            ps_clock_fake_advance((struct ps_clock_fake *)(uintptr_t)clock, ns);
        }
        return !ps_cancel_is_set(cancel);
    }
    int64_t start = ps_monotonic_ns();
    while (!ps_cancel_is_set(cancel)) {
        int64_t left = ns - (ps_monotonic_ns() - start);
        if (left <= 0) {
            return true;
        }
        struct timespec pause = {.tv_nsec = (long)(left < LOOK_NS ? left : LOOK_NS)};
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    return false;
}
