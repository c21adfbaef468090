/*
 * Waits between tries, on a clock that only moves when it is told to.
 */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/retry.h"
#include "unit/engine/engine_config.h"

static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static struct engine_config made;

static void quiet(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static struct ps_retry retry_with(const char *const *pairs)
{
    struct ps_retry retry;
    ps_log_set_writer(quiet, NULL);
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    ps_retry_init(&retry, engine_config_make(&made, pairs), &clock_fake.base, &cancel);
    return retry;
}

static struct ps_error trouble(enum ps_error_class error_class)
{
    struct ps_error err;
    assert_int_equal(ps_fail(&err, PS_RETRY, error_class, "the server went away"), PS_RETRY);
    return err;
}

static void test_retry_waits_double_up_to_a_limit(void **state)
{
    (void)state;
    struct ps_retry retry = retry_with(NULL);
    struct ps_error err = trouble(PS_CLASS_NETWORK);
    assert_int_equal(ps_retry_backoff_ms(&retry, &err, 1), 5000);
    assert_int_equal(ps_retry_backoff_ms(&retry, &err, 2), 10000);
    assert_int_equal(ps_retry_backoff_ms(&retry, &err, 60), 300000);
    err = trouble(PS_CLASS_DEADLOCK);
    assert_int_equal(ps_retry_backoff_ms(&retry, &err, 1), 500);
    engine_config_done(&made);
}

static void test_retry_begins_with_the_users_wait(void **state)
{
    (void)state;
    struct ps_retry retry = retry_with((const char *[]){"retry_sleep_seconds", "2", NULL});
    struct ps_error err = trouble(PS_CLASS_NETWORK);
    assert_int_equal(ps_retry_backoff_ms(&retry, &err, 1), 2000);
    assert_int_equal(ps_retry_backoff_ms(&retry, &err, 2), 4000);
    engine_config_done(&made);
}

static int64_t milliseconds_of_next_wait(struct ps_retry *retry)
{
    struct ps_error err = trouble(PS_CLASS_NETWORK);
    int64_t before = clock_fake.base.monotonic_ns(&clock_fake.base);
    assert_int_equal(ps_retry_after(retry, PS_RETRY, &err), PS_OK);
    return (clock_fake.base.monotonic_ns(&clock_fake.base) - before) / 1000000;
}

static void test_retry_waits_as_long_as_the_user_says_and_then_twice_as_long(void **state)
{
    (void)state;
    /* So far apart that half less and half more of one is none of another. */
    static const char *const seconds[] = {"1", "10", "100"};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        struct ps_retry retry =
            retry_with((const char *[]){"retry_sleep_seconds", seconds[i], NULL});
        int64_t wanted = 1000 * strtoll(seconds[i], NULL, 10);
        assert_in_range(milliseconds_of_next_wait(&retry), wanted / 2, wanted * 3 / 2);
        assert_in_range(milliseconds_of_next_wait(&retry), wanted, wanted * 3);
        engine_config_done(&made);
    }
}

static void test_retry_ends_after_its_number_of_tries(void **state)
{
    (void)state;
    struct ps_retry retry = retry_with((const char *[]){"max_retries", "2", NULL});
    int64_t before = clock_fake.base.monotonic_ns(&clock_fake.base);
    for (int i = 0; i < 2; i++) {
        struct ps_error err = trouble(PS_CLASS_NETWORK);
        assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_OK);
    }
    int64_t waited = clock_fake.base.monotonic_ns(&clock_fake.base) - before;
    assert_in_range(waited, INT64_C(7500) * 1000000, INT64_C(22500) * 1000000);
    struct ps_error err = trouble(PS_CLASS_NETWORK);
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_RETRY);
    assert_string_equal(err.message, "given up after 2 retries: the server went away");
    ps_retry_progress(&retry);
    err = trouble(PS_CLASS_NETWORK);
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_OK);
    engine_config_done(&made);

    retry = retry_with((const char *[]){"max_retries", "1", NULL});
    err = trouble(PS_CLASS_NETWORK);
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_OK);
    err = trouble(PS_CLASS_NETWORK);
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_RETRY);
    assert_string_equal(err.message, "given up after 1 retry: the server went away");
    engine_config_done(&made);
}

/* Milliseconds that are waited after a failure of which the other side asked for so long a wait. */
static int64_t waited_ms(const char *const *pairs, uint32_t retry_after_ms)
{
    struct ps_retry retry = retry_with(pairs);
    int64_t before = clock_fake.base.monotonic_ns(&clock_fake.base);
    struct ps_error err = trouble(PS_CLASS_THROTTLE);
    err.retry_after_ms = retry_after_ms;
    /* Each seed varies the wait another way. */
    ps_random_init(&retry.random, retry_after_ms);
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_OK);
    engine_config_done(&made);
    return (clock_fake.base.monotonic_ns(&clock_fake.base) - before) / 1000000;
}

static void test_retry_waits_at_least_as_long_as_it_is_asked_to(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 50; i++) {
        assert_int_equal(waited_ms(NULL, 60000 + i), 60000 + i);
        assert_int_equal(waited_ms(NULL, 600000 + i), 600000 + i); /* also beyond the limit */
        assert_in_range(waited_ms(NULL, 1 + i), 2500, 7500);
    }
}

static void test_retry_waits_no_longer_than_the_limit_however_it_varies(void **state)
{
    (void)state;
    static const char *const slow[] = {"retry_sleep_seconds", "300", NULL};
    for (uint32_t i = 0; i < 50; i++) {
        assert_in_range(waited_ms(slow, i), 150000, 300000);
    }
}

static void test_retry_in_a_hurry_ends_in_time(void **state)
{
    (void)state;
    struct ps_retry retry = retry_with((const char *[]){"max_retries", "100", NULL});
    int64_t before = clock_fake.base.monotonic_ns(&clock_fake.base);
    ps_retry_hurry(&retry, 8000);
    int tries = 0;
    enum ps_status status = PS_OK;
    struct ps_error err;
    for (; status == PS_OK && tries < 100; tries++) {
        err = trouble(PS_CLASS_NETWORK);
        status = ps_retry_after(&retry, PS_RETRY, &err);
    }
    assert_int_equal(status, PS_RETRY);
    assert_in_range(tries, 3, 5);
    assert_non_null(strstr(err.message, "given up after"));
    assert_in_range(clock_fake.base.monotonic_ns(&clock_fake.base) - before, 1,
                    INT64_C(8000) * 1000000);
    engine_config_done(&made);
    /* Who asks for a longer wait than there is gets none. */
    retry = retry_with(NULL);
    ps_retry_hurry(&retry, 8000);
    err = trouble(PS_CLASS_THROTTLE);
    err.retry_after_ms = 60000;
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_RETRY);
    assert_string_equal(err.message, "the server went away");
    engine_config_done(&made);
}

/* The class that is given to a failure, and whether it is worth another try. */
static void expect_class(const char *const *pairs, struct ps_error err, enum ps_status status,
                         enum ps_error_class error_class)
{
    struct ps_retry retry = retry_with(pairs);
    assert_int_equal(ps_retry_classify(&retry, err.status, &err), status);
    assert_int_equal(err.status, status);
    assert_int_equal(err.error_class, error_class);
    engine_config_done(&made);
}

static struct ps_error failure(enum ps_status status, enum ps_error_class error_class,
                               const char *sqlstate, const char *message)
{
    struct ps_error err;
    assert_int_equal(ps_fail(&err, status, error_class, "%s", message), status);
    memcpy(err.sqlstate, sqlstate, strlen(sqlstate) + 1);
    return err;
}

static void test_retry_texts_make_a_failure_passing_trouble(void **state)
{
    (void)state;
    static const char *const own[] = {"deadlock_patterns", "victim of [a-z]+, ora-00060",
                                      "timeout_patterns", "come back later", NULL};
    expect_class(own, failure(PS_CONFIG, PS_CLASS_NONE, "P0001", "Victim of Somebody"), PS_RETRY,
                 PS_CLASS_DEADLOCK);
    expect_class(own, failure(PS_DATA, PS_CLASS_DATA, "P0001", "x ORA-00060 y"), PS_RETRY,
                 PS_CLASS_DEADLOCK);
    expect_class(own, failure(PS_CONFIG, PS_CLASS_SETTING, "", "please come back later"), PS_RETRY,
                 PS_CLASS_TIMEOUT);
    expect_class(own, failure(PS_CONFIG, PS_CLASS_SETTING, "", "never come back"), PS_CONFIG,
                 PS_CLASS_SETTING);
    expect_class(own, failure(PS_CANCELED, PS_CLASS_NONE, "", "come back later"), PS_CANCELED,
                 PS_CLASS_NONE);
    expect_class(own, failure(PS_NOMEM, PS_CLASS_NONE, "", "come back later"), PS_NOMEM,
                 PS_CLASS_NONE);
}

/* The words that may quote a row's values: matched, never shown, and wiped. */
static void test_retry_texts_that_are_not_shown_are_matched_and_wiped(void **state)
{
    (void)state;
    static const char *const own[] = {"timeout_patterns", "custom over+load", NULL};
    static const struct {
        const char *said;
        enum ps_status status;
    } cases[] = {{"Custom Overload 17", PS_RETRY}, {"the salary of Mr 17", PS_DATA}};
    for (size_t i = 0; i < 2; i++) {
        struct ps_retry retry = retry_with(own);
        struct ps_error err =
            failure(PS_DATA, PS_CLASS_DATA, "P0001", "a function of the server's failed");
        ps_error_keep_unshown(&err, cases[i].said);
        ps_error_prefix(&err, "public.t"); /* takes nothing away */
        assert_int_equal(ps_retry_classify(&retry, PS_DATA, &err), cases[i].status);
        assert_string_equal(err.message, "public.t: a function of the server's failed");
        for (size_t n = 0; n < sizeof(err.unshown); n++) {
            assert_int_equal(err.unshown[n], 0);
        }
        engine_config_done(&made);
    }
}

static void test_retry_texts_of_a_code_that_no_rule_knows_are_matched(void **state)
{
    (void)state;
    static const char *const own[] = {"deadlock_patterns", "come back", NULL};
    expect_class(own, failure(PS_BUG, PS_CLASS_NONE, "XX000", "come back later"), PS_RETRY,
                 PS_CLASS_DEADLOCK);
    expect_class(NULL, failure(PS_BUG, PS_CLASS_NONE, "XX000", "deadlock"), PS_BUG, PS_CLASS_NONE);
    /* Without a code it is a mistake of ours. */
    expect_class(own, failure(PS_BUG, PS_CLASS_NONE, "", "come back later"), PS_BUG, PS_CLASS_NONE);
}

static void test_retry_codes_come_before_texts(void **state)
{
    (void)state;
    static const char *const own[] = {"deadlock_patterns", "gone", NULL};
    expect_class(own, failure(PS_RETRY, PS_CLASS_NETWORK, "08006", "gone"), PS_RETRY,
                 PS_CLASS_NETWORK);
    expect_class(NULL, failure(PS_CONFIG, PS_CLASS_NONE, "P0001", "deadlock"), PS_CONFIG,
                 PS_CLASS_NONE);
}

static void test_retry_common_texts_are_known_without_a_code(void **state)
{
    (void)state;
    expect_class(NULL, failure(PS_RETRY, PS_CLASS_NONE, "", "Transaction Deadlock found"), PS_RETRY,
                 PS_CLASS_DEADLOCK);
    expect_class(NULL, failure(PS_CONFIG, PS_CLASS_NONE, "", "lock timeout exceeded"), PS_RETRY,
                 PS_CLASS_DEADLOCK);
    expect_class(NULL, failure(PS_RETRY, PS_CLASS_NONE, "", "socket timeout"), PS_RETRY,
                 PS_CLASS_TIMEOUT);
    expect_class(NULL, failure(PS_CONFIG, PS_CLASS_SETTING, "", "bad `socket timeout`"), PS_CONFIG,
                 PS_CLASS_SETTING);
    expect_class(NULL, failure(PS_RETRY, PS_CLASS_NONE, "", "who knows"), PS_RETRY, PS_CLASS_NONE);
}

static void test_retry_of_a_failure_that_a_text_makes_passing_waits(void **state)
{
    (void)state;
    struct ps_retry retry =
        retry_with((const char *[]){"timeout_patterns", "come back", "max_retries", "1", NULL});
    struct ps_error err = failure(PS_CONFIG, PS_CLASS_NONE, "P0001", "come back later");
    assert_int_equal(ps_retry_after(&retry, PS_CONFIG, &err), PS_OK);
    assert_int_equal(ps_retry_after(&retry, PS_CONFIG, &err), PS_RETRY);
    engine_config_done(&made);
}

static void test_retry_expressions_that_are_none_are_refused_by_name(void **state)
{
    (void)state;
    struct ps_error err;
    const struct ps_config *config =
        engine_config_make(&made, (const char *[]){"timeout_patterns", "fine, (open", NULL});
    assert_int_equal(ps_retry_check(config, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "\"timeout_patterns\": `(open`"));
    engine_config_done(&made);
    config = engine_config_make(&made, (const char *[]){"deadlock_patterns", "a.*, [b]", NULL});
    assert_int_equal(ps_retry_check(config, &err), PS_OK);
    engine_config_done(&made);
}

static void test_retry_leaves_other_failures_alone(void **state)
{
    (void)state;
    struct ps_retry retry = retry_with(NULL);
    struct ps_error err;
    ps_fail(&err, PS_CONFIG, PS_CLASS_AUTH, "no");
    assert_int_equal(ps_retry_after(&retry, PS_CONFIG, &err), PS_CONFIG);
    assert_string_equal(err.message, "no");
    engine_config_done(&made);
}

static void test_retry_ends_when_canceled(void **state)
{
    (void)state;
    struct ps_retry retry = retry_with(NULL);
    struct ps_error err = trouble(PS_CLASS_NETWORK);
    ps_cancel_set(&cancel, 2);
    assert_int_equal(ps_retry_after(&retry, PS_RETRY, &err), PS_CANCELED);
    engine_config_done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_retry_waits_double_up_to_a_limit),
        cmocka_unit_test(test_retry_begins_with_the_users_wait),
        cmocka_unit_test(test_retry_waits_as_long_as_the_user_says_and_then_twice_as_long),
        cmocka_unit_test(test_retry_ends_after_its_number_of_tries),
        cmocka_unit_test(test_retry_waits_at_least_as_long_as_it_is_asked_to),
        cmocka_unit_test(test_retry_waits_no_longer_than_the_limit_however_it_varies),
        cmocka_unit_test(test_retry_in_a_hurry_ends_in_time),
        cmocka_unit_test(test_retry_texts_make_a_failure_passing_trouble),
        cmocka_unit_test(test_retry_texts_that_are_not_shown_are_matched_and_wiped),
        cmocka_unit_test(test_retry_texts_of_a_code_that_no_rule_knows_are_matched),
        cmocka_unit_test(test_retry_codes_come_before_texts),
        cmocka_unit_test(test_retry_common_texts_are_known_without_a_code),
        cmocka_unit_test(test_retry_of_a_failure_that_a_text_makes_passing_waits),
        cmocka_unit_test(test_retry_expressions_that_are_none_are_refused_by_name),
        cmocka_unit_test(test_retry_leaves_other_failures_alone),
        cmocka_unit_test(test_retry_ends_when_canceled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
