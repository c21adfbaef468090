/* The clocks and the cancel token, set from a signal handler too. */
#include "base/clock.h"

#include <signal.h>

#include "support/unit.h"

#define SECOND INT64_C(1000000000)

static void test_clock_system_moves_forward(void **state)
{
    (void)state;
    const struct ps_clock *clock = ps_clock_system();
    int64_t before = clock->monotonic_ns(clock);
    assert_true(clock->monotonic_ns(clock) >= before);
    struct ps_timestamp now = clock->utc(clock);
    assert_true(now.seconds > INT64_C(1700000000));
    assert_in_range(now.nanos, 0, 999999999);
}

static void test_clock_fake_stands_still_until_advanced(void **state)
{
    (void)state;
    struct ps_clock_fake fake;
    ps_clock_fake_init(&fake, (struct ps_timestamp){.seconds = 100, .nanos = 999999999});
    const struct ps_clock *clock = &fake.base;
    assert_int_equal(clock->utc(clock).seconds, 100);
    assert_int_equal(clock->utc(clock).nanos, 999999999);
    ps_clock_fake_advance(&fake, 1);
    assert_int_equal(clock->utc(clock).seconds, 101);
    assert_int_equal(clock->utc(clock).nanos, 0);
    assert_int_equal(clock->monotonic_ns(clock), 101 * SECOND);
}

static void test_clock_fake_before_1970(void **state)
{
    (void)state;
    struct ps_clock_fake fake;
    ps_clock_fake_init(&fake, (struct ps_timestamp){.seconds = -2, .nanos = 5});
    struct ps_timestamp now = fake.base.utc(&fake.base);
    assert_int_equal(now.seconds, -2);
    assert_int_equal(now.nanos, 5);
}

static void test_cancel_wait_on_a_fake_clock_advances_it(void **state)
{
    (void)state;
    struct ps_clock_fake fake;
    struct ps_cancel cancel;
    ps_clock_fake_init(&fake, (struct ps_timestamp){.seconds = 0});
    ps_cancel_init(&cancel);
    assert_true(ps_cancel_wait(&cancel, &fake.base, 300 * SECOND));
    assert_int_equal(fake.base.monotonic_ns(&fake.base), 300 * SECOND);
    ps_cancel_set(&cancel, 15);
    assert_false(ps_cancel_wait(&cancel, &fake.base, 300 * SECOND));
    assert_int_equal(fake.base.monotonic_ns(&fake.base), 300 * SECOND);
}

static void test_cancel_wait_on_the_system_clock_ends(void **state)
{
    (void)state;
    struct ps_cancel cancel;
    ps_cancel_init(&cancel);
    assert_true(ps_cancel_wait(&cancel, ps_clock_system(), 1000));
    assert_true(ps_cancel_wait(&cancel, ps_clock_system(), -1));
    ps_cancel_set(&cancel, 0);
    assert_false(ps_cancel_wait(&cancel, ps_clock_system(), 3600 * SECOND));
}

static void test_cancel_below_another_is_set_with_it_and_not_the_other_way_round(void **state)
{
    (void)state;
    struct ps_cancel above, one, other;
    ps_cancel_init(&above);
    ps_cancel_init_below(&one, &above);
    ps_cancel_init_below(&other, &above);
    ps_cancel_set(&one, 0);
    assert_true(ps_cancel_is_set(&one));
    assert_false(ps_cancel_is_set(&above));
    assert_false(ps_cancel_is_set(&other));
    ps_cancel_set(&above, 15);
    assert_true(ps_cancel_is_set(&other));
    assert_false(ps_cancel_wait(&other, ps_clock_system(), 3600 * SECOND));
}

static struct ps_cancel signalled;

static void on_signal(int number)
{
    ps_cancel_set(&signalled, number);
}

static void test_cancel_set_in_a_signal_handler_keeps_the_first_reason(void **state)
{
    (void)state;
    ps_cancel_init(&signalled);
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigaction(SIGUSR1, &action, &before);
    raise(SIGUSR1);
    sigaction(SIGUSR1, &before, NULL);
    assert_true(ps_cancel_is_set(&signalled));
    ps_cancel_set(&signalled, SIGTERM);
    assert_int_equal(atomic_load(&signalled.reason), SIGUSR1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clock_system_moves_forward),
        cmocka_unit_test(test_clock_fake_stands_still_until_advanced),
        cmocka_unit_test(test_clock_fake_before_1970),
        cmocka_unit_test(test_cancel_wait_on_a_fake_clock_advances_it),
        cmocka_unit_test(test_cancel_wait_on_the_system_clock_ends),
        cmocka_unit_test(test_cancel_below_another_is_set_with_it_and_not_the_other_way_round),
        cmocka_unit_test(test_cancel_set_in_a_signal_handler_keeps_the_first_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
