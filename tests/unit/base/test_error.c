/* The error record: one line, cut at a character, and filled from itself. */
#include "penstock/error.h"

#include <string.h>

#include "support/unit.h"

static void test_fail_fills_the_record_and_gives_the_status(void **state)
{
    (void)state;
    struct ps_error err;
    memset(&err, 0xAA, sizeof(err));
    assert_int_equal(ps_fail(&err, PS_RETRY, PS_CLASS_NETWORK, "host %s: %d", "db", 5), PS_RETRY);
    assert_int_equal(err.status, PS_RETRY);
    assert_int_equal(err.error_class, PS_CLASS_NETWORK);
    assert_int_equal(err.vendor_code, 0);
    assert_int_equal(err.retry_after_ms, 0);
    assert_string_equal(err.sqlstate, "");
    assert_string_equal(err.message, "host db: 5");
}

static void test_fail_without_a_record_gives_the_status(void **state)
{
    (void)state;
    assert_int_equal(ps_fail(NULL, PS_BUG, PS_CLASS_NONE, "x"), PS_BUG);
    assert_int_equal(ps_fail_nomem(NULL, "x"), PS_NOMEM);
    ps_error_prefix(NULL, "x");
}

static void test_fail_makes_one_line(void **state)
{
    (void)state;
    struct ps_error err = {0};
    (void)ps_fail(&err, PS_CONFIG, PS_CLASS_AUTH, "FATAL: no\nHINT: yes\r\n");
    assert_string_equal(err.message, "FATAL: no HINT: yes");
}

static void test_fail_cuts_at_a_character(void **state)
{
    (void)state;
    struct ps_error err = {0};
    char text[4096];
    for (size_t lead = 0; lead < 4; lead++) {
        /* U+1F489 again and again, shifted so that the cut falls on each of its bytes. */
        memset(text, 'x', lead);
        for (size_t i = lead; i + 4 < sizeof(text); i += 4) {
            memcpy(text + i, "\xF0\x9F\x92\x89", 5);
        }
        (void)ps_fail(&err, PS_BUG, PS_CLASS_NONE, "%s", text);
        size_t length = strlen(err.message);
        assert_int_equal((length - lead) % 4, 0);
        assert_true(length > PS_ERROR_MESSAGE_SIZE - 5);
    }
}

static void test_fail_takes_its_own_message_as_argument(void **state)
{
    (void)state;
    struct ps_error err = {0};
    (void)ps_fail(&err, PS_CONFIG, PS_CLASS_NONE, "inner");
    (void)ps_fail(&err, PS_RETRY, PS_CLASS_NONE, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
}

static void test_prefix_keeps_all_but_the_message(void **state)
{
    (void)state;
    struct ps_error err = {0};
    (void)ps_fail(&err, PS_RETRY, PS_CLASS_DEADLOCK, "deadlock");
    err.vendor_code = 1205;
    memcpy(err.sqlstate, "40001", 6);
    ps_error_prefix(&err, "table %s", "PatientDim");
    assert_string_equal(err.message, "table PatientDim: deadlock");
    assert_int_equal(err.vendor_code, 1205);
    assert_string_equal(err.sqlstate, "40001");
    assert_int_equal(err.error_class, PS_CLASS_DEADLOCK);
    char text[2000];
    memset(text, 'p', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ps_error_prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), PS_ERROR_MESSAGE_SIZE - 1);
}

static void test_text_that_is_not_shown_lasts_until_the_next_failure(void **state)
{
    (void)state;
    struct ps_error err;
    char text[2 * PS_ERROR_UNSHOWN_SIZE];
    (void)ps_fail(&err, PS_DATA, PS_CLASS_DATA, "a function failed");
    assert_string_equal(err.unshown, "");
    ps_error_keep_unshown(&err, "of Mr 4111");
    ps_error_prefix(&err, "table t");
    assert_string_equal(err.message, "table t: a function failed");
    assert_string_equal(err.unshown, "of Mr 4111");
    (void)ps_fail(&err, PS_RETRY, PS_CLASS_NONE, "x");
    for (size_t i = 0; i < sizeof(err.unshown); i++) {
        assert_int_equal(err.unshown[i], 0);
    }
    memset(text, 'p', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ps_error_keep_unshown(&err, text);
    assert_int_equal(strlen(err.unshown), PS_ERROR_UNSHOWN_SIZE - 1);
    ps_error_keep_unshown(&err, NULL);
    assert_string_equal(err.unshown, "");
    ps_error_keep_unshown(NULL, "nobody asks");
}

static void test_names_are_there_for_all_values(void **state)
{
    (void)state;
    assert_string_equal(ps_status_name(PS_SNAPSHOT_GONE), "snapshot_gone");
    assert_string_equal(ps_status_name(PS_BUG), "bug");
    assert_string_equal(ps_status_name((enum ps_status)99), "unknown");
    assert_string_equal(ps_error_class_name(PS_CLASS_NONE), "");
    assert_string_equal(ps_error_class_name(PS_CLASS_LOCK_TIMEOUT), "lock_timeout");
    assert_string_equal(ps_error_class_name(PS_CLASS_SETTING), "setting");
    assert_string_equal(ps_error_class_name((enum ps_error_class)99), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_fills_the_record_and_gives_the_status),
        cmocka_unit_test(test_fail_without_a_record_gives_the_status),
        cmocka_unit_test(test_fail_makes_one_line),
        cmocka_unit_test(test_fail_cuts_at_a_character),
        cmocka_unit_test(test_fail_takes_its_own_message_as_argument),
        cmocka_unit_test(test_prefix_keeps_all_but_the_message),
        cmocka_unit_test(test_text_that_is_not_shown_lasts_until_the_next_failure),
        cmocka_unit_test(test_names_are_there_for_all_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
