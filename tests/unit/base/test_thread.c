/* Threads: their name, their signal mask, deadlines that have passed, memory that runs out. */
#include "base/thread.h"

#include <signal.h>
#include <string.h>

#include "support/torture.h"

struct seen {
    char name[16];
    bool interrupt_blocked;
};

static void look(void *argument)
{
    struct seen *seen = argument;
    sigset_t mask;
    pthread_getname_np(pthread_self(), seen->name, sizeof(seen->name));
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    seen->interrupt_blocked = sigismember(&mask, SIGINT) == 1;
}

static void test_thread_runs_named_with_signals_blocked(void **state)
{
    (void)state;
    struct ps_thread thread = {0};
    struct seen seen = {0};
    struct ps_error err;
    assert_int_equal(ps_thread_start(&thread, "worker-1", look, &seen, &err), PS_OK);
    ps_thread_join(&thread);
    assert_false(thread.started);
    assert_string_equal(seen.name, "worker-1");
    assert_true(seen.interrupt_blocked);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
}

static void test_thread_name_too_long_is_cut(void **state)
{
    (void)state;
    struct ps_thread thread = {0};
    struct seen seen = {0};
    struct ps_error err;
    assert_int_equal(ps_thread_start(&thread, "a-name-of-many-letters", look, &seen, &err), PS_OK);
    ps_thread_join(&thread);
    assert_string_equal(seen.name, "a-name-of-many-");
}

static void test_thread_join_of_one_never_started_does_nothing(void **state)
{
    (void)state;
    struct ps_thread thread = {0};
    ps_thread_join(&thread);
    assert_false(thread.started);
}

static void test_condition_wait_until_a_deadline_passed_gives_false(void **state)
{
    (void)state;
    struct ps_mutex mutex;
    struct ps_condition condition;
    ps_mutex_init(&mutex);
    ps_condition_init(&condition);
    ps_mutex_lock(&mutex);
    assert_false(ps_condition_wait_until(&condition, &mutex, ps_monotonic_ns() - 1));
    assert_false(ps_condition_wait_until(&condition, &mutex, -5));
    ps_mutex_unlock(&mutex);
    ps_condition_done(&condition);
    ps_mutex_done(&mutex);
}

struct ping {
    struct ps_mutex mutex;
    struct ps_condition condition;
    bool there;
};

static void ping(void *argument)
{
    struct ping *shared = argument;
    ps_mutex_lock(&shared->mutex);
    shared->there = true;
    ps_condition_broadcast(&shared->condition);
    ps_mutex_unlock(&shared->mutex);
}

static void test_condition_wakes_who_waits(void **state)
{
    (void)state;
    struct ping shared = {.there = false};
    struct ps_thread thread = {0};
    struct ps_error err;
    ps_mutex_init(&shared.mutex);
    ps_condition_init(&shared.condition);
    ps_mutex_lock(&shared.mutex);
    assert_int_equal(ps_thread_start(&thread, "ping", ping, &shared, &err), PS_OK);
    while (!shared.there) {
        ps_condition_wait(&shared.condition, &shared.mutex);
    }
    ps_mutex_unlock(&shared.mutex);
    ps_thread_join(&thread);
    ps_condition_done(&shared.condition);
    ps_mutex_done(&shared.mutex);
}

static enum ps_status start_and_join(void *context, struct ps_error *err)
{
    struct ps_thread thread = {0};
    enum ps_status status = ps_thread_start(&thread, "torture", look, context, err);
    ps_thread_join(&thread);
    return status;
}

static void test_thread_without_memory_is_not_started(void **state)
{
    (void)state;
    struct seen seen = {0};
    torture(start_and_join, &seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thread_runs_named_with_signals_blocked),
        cmocka_unit_test(test_thread_name_too_long_is_cut),
        cmocka_unit_test(test_thread_join_of_one_never_started_does_nothing),
        cmocka_unit_test(test_condition_wait_until_a_deadline_passed_gives_false),
        cmocka_unit_test(test_condition_wakes_who_waits),
        cmocka_unit_test(test_thread_without_memory_is_not_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
