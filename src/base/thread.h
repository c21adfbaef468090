/*
 * Threads, locks and conditions: pthreads with names, deadlines on the monotonic clock, and no
 * error codes for what can only be our own bug (those abort).
 */
#ifndef PS_BASE_THREAD_H
#define PS_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "penstock/error.h"

struct ps_thread {
    pthread_t handle;
    bool started;
};

/* name: at most 15 bytes, shown by ps and gdb. All signals are blocked in the thread. */
enum ps_status ps_thread_start(struct ps_thread *thread, const char *name, void (*run)(void *),
                               void *argument, struct ps_error *err) PS_MUST_CHECK;
void ps_thread_join(struct ps_thread *thread); /* never started: does nothing */
/* Nobody will join it: it is gone when it ends. It may be at its end already. */
void ps_thread_detach(struct ps_thread *thread);

struct ps_mutex {
    pthread_mutex_t handle;
};
struct ps_condition {
    pthread_cond_t handle; /* on CLOCK_MONOTONIC */
};

void ps_mutex_init(struct ps_mutex *mutex);
void ps_mutex_done(struct ps_mutex *mutex);
void ps_mutex_lock(struct ps_mutex *mutex);
void ps_mutex_unlock(struct ps_mutex *mutex);
void ps_condition_init(struct ps_condition *condition);
void ps_condition_done(struct ps_condition *condition);
void ps_condition_signal(struct ps_condition *condition);
void ps_condition_broadcast(struct ps_condition *condition);
void ps_condition_wait(struct ps_condition *condition, struct ps_mutex *mutex);
/* deadline_ns: on CLOCK_MONOTONIC (ps_monotonic_ns). False: it has passed. */
bool ps_condition_wait_until(struct ps_condition *condition, struct ps_mutex *mutex,
                             int64_t deadline_ns);

/* Nanoseconds on CLOCK_MONOTONIC: for waits. What the user sees goes through base/clock.h. */
int64_t ps_monotonic_ns(void);

#endif
