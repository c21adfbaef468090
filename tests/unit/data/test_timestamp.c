/* Dates and timestamps against the C library's calendar and against what must not parse. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "penstock/value.h"
#include "support/unit.h"

static void test_date_every_day_from_year_1_to_9999(void **state)
{
    (void)state;
    char text[PS_VALUE_TEXT_SIZE], expected[PS_VALUE_TEXT_SIZE];
    int year = 1, month = 1, day = 1;
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    for (int32_t days = PS_DATE_DAYS_MIN; days <= PS_DATE_DAYS_MAX; days++) {
        /* A third of the days is enough for the text; all of them are counted. */
        if (days % 3 == 0 || month == 2) {
            int32_t parsed = 1;
            size_t length = ps_date_format(days, text);
            snprintf(expected, sizeof(expected), "%04d-%02d-%02d", year, month, day);
            if (strcmp(text, expected) != 0 || length != 10 ||
                !ps_date_parse(text, length, &parsed) || parsed != days) {
                fail_msg("day %d is %s, not %s", days, text, expected);
            }
        }
        bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (++day > lengths[month - 1] + (leap && month == 2)) {
            day = 1;
            year += ++month > 12;
            month = month > 12 ? 1 : month;
        }
    }
    assert_int_equal(year, 10000);
}

static void test_timestamp_format_agrees_with_gmtime(void **state)
{
    (void)state;
    char text[PS_VALUE_TEXT_SIZE], expected[PS_VALUE_TEXT_SIZE];
    for (int64_t seconds = INT64_C(-59011459200); seconds < INT64_C(253402300799);
         seconds += INT64_C(98765432)) {
        struct tm tm;
        time_t time = seconds;
        struct ps_timestamp parsed;
        gmtime_r(&time, &tm);
        size_t length = ps_timestamp_format((struct ps_timestamp){.seconds = seconds}, true, text);
        strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_string_equal(text + (length - strlen(expected)), expected);
        assert_true(ps_timestamp_parse(text, length, &parsed, NULL));
        assert_int_equal(parsed.seconds, seconds);
    }
}

static void test_timestamp_fraction_has_as_many_digits_as_it_needs(void **state)
{
    (void)state;
    static const struct {
        int32_t nanos;
        const char *text;
    } cases[] = {
        {0, "1969-12-31T23:59:59"},
        {1, "1969-12-31T23:59:59.000000001"},
        {100, "1969-12-31T23:59:59.0000001"},
        {500000000, "1969-12-31T23:59:59.5"},
        {999999999, "1969-12-31T23:59:59.999999999"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[PS_VALUE_TEXT_SIZE];
        struct ps_timestamp value = {.seconds = -1, .nanos = cases[i].nanos}, parsed;
        size_t length = ps_timestamp_format(value, false, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(length, strlen(text));
        bool had_zone = true;
        assert_true(ps_timestamp_parse(text, length, &parsed, &had_zone));
        assert_false(had_zone);
        assert_int_equal(ps_timestamp_compare(parsed, value), 0);
    }
}

static void test_timestamp_parse_takes_an_offset_off(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } cases[] = {
        {"1970-01-01 00:00:00Z", 0},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1970-01-01T00:00:00+0530", -19800},
        {"1969-12-31T16:00:00-08", 0},
        {"1970-01-01T00:00:01.5-00:30", 1801},
        {"0001-01-01T00:00:00Z", PS_TIMESTAMP_SECONDS_MIN},
        {"9999-12-31T23:59:59Z", PS_TIMESTAMP_SECONDS_MAX},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ps_timestamp value;
        bool had_zone = false;
        assert_true(ps_timestamp_parse(cases[i].text, strlen(cases[i].text), &value, &had_zone));
        assert_true(had_zone);
        assert_int_equal(value.seconds, cases[i].seconds);
    }
}

static void test_timestamp_parse_refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "1970-01-01",
        "1970-01-01T",
        "1970-01-01T00:00",
        "1970-01-01T00:00:60",
        "1970-01-01T24:00:00",
        "1970-01-01T00:60:00",
        "1970-13-01T00:00:00",
        "1970-00-01T00:00:00",
        "1970-01-32T00:00:00",
        "1970-02-29T00:00:00",
        "1900-02-29T00:00:00",
        "0000-01-01T00:00:00",
        "1970-01-01T00:00:00.",
        "1970-01-01T00:00:00.1234567890",
        "1970-01-01T00:00:00+1",
        "1970-01-01T00:00:00+24",
        "1970-01-01T00:00:00+01:",
        "1970-01-01T00:00:00+01:6",
        "1970-01-01T00:00:00+01:60",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00 ",
        " 1970-01-01T00:00:00",
        "1970-01-01x00:00:00",
        "70-01-01T00:00:00",
        "+970-01-01T00:00:00",
        "0001-01-01T00:00:00+01",
        "9999-12-31T23:59:59-01",
        "infinity",
        "1970-01-01T00:00:00-",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ps_timestamp value = {.seconds = 7};
        if (ps_timestamp_parse(texts[i], strlen(texts[i]), &value, NULL)) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_int_equal(value.seconds, 7);
    }
    int32_t days;
    assert_true(ps_date_parse("2000-02-29", 10, &days));
    assert_false(ps_date_parse("2000-02-29 ", 11, &days));
    assert_false(ps_date_parse("2000-02-30", 10, &days));
    assert_false(ps_date_parse("2000-2-29", 9, &days));
}

static void test_timestamp_format_beyond_the_calendar_stays_in_its_room(void **state)
{
    (void)state;
    char text[PS_VALUE_TEXT_SIZE];
    assert_in_range(ps_timestamp_format((struct ps_timestamp){.seconds = INT64_MIN}, true, text), 1,
                    PS_VALUE_TEXT_SIZE - 1);
    assert_in_range(ps_timestamp_format((struct ps_timestamp){.seconds = INT64_MAX}, true, text), 1,
                    PS_VALUE_TEXT_SIZE - 1);
    assert_in_range(ps_date_format(INT32_MIN, text), 1, PS_VALUE_TEXT_SIZE - 1);
    assert_int_equal(text[0], '-');
}

static void test_timestamp_add_is_held_inside_the_calendar(void **state)
{
    (void)state;
    struct ps_timestamp value = {.seconds = 10, .nanos = 5};
    struct ps_timestamp sum = ps_timestamp_add(value, -300);
    assert_int_equal(sum.seconds, -290);
    assert_int_equal(sum.nanos, 5);
    assert_int_equal(ps_timestamp_add(value, INT64_MIN).seconds, PS_TIMESTAMP_SECONDS_MIN);
    assert_int_equal(ps_timestamp_add(value, INT64_MAX).seconds, PS_TIMESTAMP_SECONDS_MAX);
}

static void test_timestamp_compare_orders_seconds_then_nanos(void **state)
{
    (void)state;
    struct ps_timestamp a = {.seconds = 1, .nanos = 9}, b = {.seconds = 2, .nanos = 1},
                        c = {.seconds = 2, .nanos = 2};
    assert_true(ps_timestamp_compare(a, b) < 0);
    assert_true(ps_timestamp_compare(c, b) > 0);
    assert_int_equal(ps_timestamp_compare(c, c), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_date_every_day_from_year_1_to_9999),
        cmocka_unit_test(test_timestamp_format_agrees_with_gmtime),
        cmocka_unit_test(test_timestamp_fraction_has_as_many_digits_as_it_needs),
        cmocka_unit_test(test_timestamp_parse_takes_an_offset_off),
        cmocka_unit_test(test_timestamp_parse_refuses_what_is_none),
        cmocka_unit_test(test_timestamp_format_beyond_the_calendar_stays_in_its_room),
        cmocka_unit_test(test_timestamp_add_is_held_inside_the_calendar),
        cmocka_unit_test(test_timestamp_compare_orders_seconds_then_nanos),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
