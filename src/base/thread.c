/*
 * pthreads with names and deadlines on the monotonic clock. What pthreads calls an error here can
 * only be our own bug, so it ends the process, also in release.
 */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"

#define NANOSECONDS INT64_C(1000000000)

static void must(int code)
{
    if (code != 0) {
        fprintf(stderr, "penstock: a bug in the use of threads: %s\n", strerror(code));
    }
    assert(code == 0);
}

/* Taken over, and freed, by the new thread. */
struct thread_start {
    void (*run)(void *argument);
    void *argument;
    char name[16];
};

static void *thread_main(void *context)
{
    struct thread_start start = *(struct thread_start *)context;
    ps_free(context);
    pthread_setname_np(pthread_self(), start.name);
    start.run(start.argument);
    return NULL;
}

enum ps_status ps_thread_start(struct ps_thread *thread, const char *name, void (*run)(void *),
                               void *argument, struct ps_error *err)
{
    struct thread_start *start = ps_malloc(sizeof(*start));
    if (start == NULL) {
        return ps_fail_nomem(err, "starting a thread");
    }
    start->run = run;
    start->argument = argument;
    snprintf(start->name, sizeof(start->name), "%s", name);
    /* The mask is inherited: no signal may find the thread before it could block them itself. */
    sigset_t all, before;
    sigfillset(&all);
    must(pthread_sigmask(SIG_SETMASK, &all, &before));
    int code = pthread_create(&thread->handle, NULL, thread_main, start);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL));
    if (code != 0) {
        ps_free(start);
        return ps_fail(err, PS_NOMEM, PS_CLASS_NONE,
                       "cannot start the thread \"%s\": %s; raise the limit on processes and "
                       "threads, or set fewer threads",
                       name, strerror(code));
    }
    thread->started = true;
    return PS_OK;
}

void ps_thread_join(struct ps_thread *thread)
{
    if (thread->started) {
        must(pthread_join(thread->handle, NULL));
        thread->started = false;
    }
}

void ps_thread_detach(struct ps_thread *thread)
{
    must(pthread_detach(thread->handle));
    thread->started = false;
}

void ps_mutex_init(struct ps_mutex *mutex)
{
    must(pthread_mutex_init(&mutex->handle, NULL));
}

void ps_mutex_done(struct ps_mutex *mutex)
{
    must(pthread_mutex_destroy(&mutex->handle));
}

void ps_mutex_lock(struct ps_mutex *mutex)
{
    must(pthread_mutex_lock(&mutex->handle));
}

void ps_mutex_unlock(struct ps_mutex *mutex)
{
    must(pthread_mutex_unlock(&mutex->handle));
}

void ps_condition_init(struct ps_condition *condition)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&condition->handle, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void ps_condition_done(struct ps_condition *condition)
{
    must(pthread_cond_destroy(&condition->handle));
}

void ps_condition_signal(struct ps_condition *condition)
{
    must(pthread_cond_signal(&condition->handle));
}

void ps_condition_broadcast(struct ps_condition *condition)
{
    must(pthread_cond_broadcast(&condition->handle));
}

void ps_condition_wait(struct ps_condition *condition, struct ps_mutex *mutex)
{
    must(pthread_cond_wait(&condition->handle, &mutex->handle));
}

bool ps_condition_wait_until(struct ps_condition *condition, struct ps_mutex *mutex,
                             int64_t deadline_ns)
{
    if (deadline_ns < 0) {
        deadline_ns = 0;
    }
    struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / NANOSECONDS),
                                .tv_nsec = (long)(deadline_ns % NANOSECONDS)};
    int code = pthread_cond_timedwait(&condition->handle, &mutex->handle, &deadline);
    if (code == ETIMEDOUT) {
        return false;
    }
    must(code);
    return true;
}

int64_t ps_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NANOSECONDS + now.tv_nsec;
}
