/* Errands: done, late, called off; freed exactly once, by whoever leaves last. */
#include "base/errand.h"

#include <stdatomic.h>

#include "base/alloc.h"
#include "base/thread.h"
#include <time.h>

#include "support/unit.h"

struct task {
    struct ps_errand base;
    atomic_bool *go; /* NULL: at once */
    int result;
};

static atomic_int freed;
static atomic_bool go;

static void run(struct ps_errand *errand)
{
    struct task *task = (struct task *)errand;
    while (task->go != NULL && !atomic_load(task->go)) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    task->result = 7;
}

static void free_task(struct ps_errand *errand)
{
    ps_free(errand);
    atomic_fetch_add(&freed, 1);
}

static struct task *new_task(atomic_bool *wait)
{
    struct task *task = ps_calloc(1, sizeof(*task));
    assert_non_null(task);
    *task = (struct task){.base = {.run = run, .free = free_task}, .go = wait};
    return task;
}

static void wait_until_freed(int count)
{
    while (atomic_load(&freed) < count) {
        struct timespec pause = {.tv_nsec = 1000000};
        nanosleep(&pause, NULL);
    }
    assert_int_equal(atomic_load(&freed), count);
}

static void test_errand_that_is_done_is_the_senders_again(void **state)
{
    (void)state;
    atomic_store(&freed, 0);
    for (int i = 0; i < 100; i++) {
        struct task *task = new_task(NULL);
        assert_int_equal(ps_errand_send(&task->base, "errand", 0, NULL), PS_ERRAND_DONE);
        assert_int_equal(task->result, 7);
        assert_int_equal(atomic_load(&freed), i);
        free_task(&task->base);
    }
}

static void test_errand_that_is_late_frees_itself(void **state)
{
    (void)state;
    atomic_store(&freed, 0);
    atomic_store(&go, false);
    struct task *task = new_task(&go);
    assert_int_equal(ps_errand_send(&task->base, "errand", 20, NULL), PS_ERRAND_LATE);
    assert_int_equal(atomic_load(&freed), 0);
    atomic_store(&go, true);
    wait_until_freed(1);
}

static void set_token(void *context)
{
    struct timespec pause = {.tv_nsec = 20000000};
    nanosleep(&pause, NULL);
    ps_cancel_set(context, 0);
}

static void test_errand_is_called_off(void **state)
{
    (void)state;
    struct ps_cancel cancel;
    struct ps_thread thread = {.started = false};
    atomic_store(&freed, 0);
    atomic_store(&go, false);
    ps_cancel_init(&cancel);
    assert_int_equal(ps_thread_start(&thread, "token", set_token, &cancel, NULL), PS_OK);
    struct task *task = new_task(&go);
    assert_int_equal(ps_errand_send(&task->base, "errand", 0, &cancel), PS_ERRAND_CANCELED);
    ps_thread_join(&thread);
    atomic_store(&go, true);
    wait_until_freed(1);
    /* One that is sent after it. */
    atomic_store(&go, false);
    task = new_task(&go);
    assert_int_equal(ps_errand_send(&task->base, "errand", 0, &cancel), PS_ERRAND_CANCELED);
    atomic_store(&go, true);
    wait_until_freed(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errand_that_is_done_is_the_senders_again),
        cmocka_unit_test(test_errand_that_is_late_frees_itself),
        cmocka_unit_test(test_errand_is_called_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
