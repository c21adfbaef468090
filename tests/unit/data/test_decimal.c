/* Decimals as text, up to their 38 digits. */
#include <string.h>

#include "penstock/value.h"
#include "support/unit.h"

static void assert_round_trip(const char *text, uint8_t scale)
{
    ps_int128 value;
    char formatted[PS_VALUE_TEXT_SIZE];
    assert_true(ps_decimal_parse(text, strlen(text), scale, &value));
    assert_int_equal(ps_decimal_format(value, scale, formatted), strlen(text));
    assert_string_equal(formatted, text);
}

static void test_decimal_canonical_texts_come_back(void **state)
{
    (void)state;
    assert_round_trip("0", 0);
    assert_round_trip("0.00", 2);
    assert_round_trip("-12.3400", 4);
    assert_round_trip("0.05", 2);
    assert_round_trip("-0.05", 2);
    assert_round_trip("99999999999999999999999999999999999999", 0);
    assert_round_trip("-99999999999999999999999999999999999999", 0);
    assert_round_trip("-0.99999999999999999999999999999999999999", 38);
    assert_round_trip("9999999999999999999.9999999999999999999", 19);
}

/* Digits are made 18 at a time. */
static void test_decimal_format_where_runs_of_digits_meet(void **state)
{
    (void)state;
    static const char *const digits[] = {
        "1",
        "99999999999999999",
        "100000000000000000",
        "999999999999999999",
        "1000000000000000000",
        "1000000000000000001",
        "9223372036854775808",
        "18446744073709551616",
        "999999999999999999999999999999999999",
        "1000000000000000000000000000000000000",
        "1000000000000000000000000000000000001",
        "10000000000000000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof(digits) / sizeof(digits[0]); i++) {
        size_t size = strlen(digits[i]);
        assert_round_trip(digits[i], 0);
        for (uint8_t scale = 1; scale <= 38; scale++) {
            char text[64] = "-";
            size_t whole = size > scale ? size - scale : 0;
            strncat(text, whole == 0 ? "0" : digits[i], whole == 0 ? 1 : whole);
            strcat(text, ".");
            for (size_t zeros = size; zeros < scale; zeros++) {
                strcat(text, "0");
            }
            strcat(text, digits[i] + whole);
            assert_round_trip(text, scale);
        }
    }
}

static void assert_parsed(const char *text, uint8_t scale, int64_t expected)
{
    ps_int128 value;
    assert_true(ps_decimal_parse(text, strlen(text), scale, &value));
    assert_true(value == expected);
}

static void test_decimal_other_texts_of_the_same_value(void **state)
{
    (void)state;
    assert_parsed("+5", 2, 500);
    assert_parsed("5.", 2, 500);
    assert_parsed(".5", 2, 50);
    assert_parsed("-0", 2, 0);
    assert_parsed("1.2300000", 2, 123);
    assert_parsed("000000000000000000000000000000000000000000000000001.2", 1, 12);
    assert_parsed("0.00000000000000000000000000000000000000000000000000", 38, 0);
}

static void test_decimal_what_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint8_t scale;
    } cases[] = {
        {"", 0},
        {"-", 0},
        {".", 0},
        {"+.", 2},
        {"1.5", 0},
        {"1.234", 2},
        {"1e5", 0},
        {"NaN", 0},
        {" 1", 0},
        {"1 ", 0},
        {"1.2.3", 4},
        {"--1", 0},
        {"1,5", 1},
        {"100000000000000000000000000000000000000", 0},
        {"1000000000000000000", 20},
        {"1", 38},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ps_int128 value = 7;
        if (ps_decimal_parse(cases[i].text, strlen(cases[i].text), cases[i].scale, &value)) {
            fail_msg("taken: %s", cases[i].text);
        }
        assert_true(value == 7);
    }
}

static void test_decimal_format_of_the_whole_128_bits(void **state)
{
    (void)state;
    char text[PS_VALUE_TEXT_SIZE];
    ps_int128 least = (ps_int128)((ps_uint128)1 << 127);
    ps_decimal_format(least, 0, text);
    assert_string_equal(text, "-170141183460469231731687303715884105728");
    ps_decimal_format(least, 38, text);
    assert_string_equal(text, "-1.70141183460469231731687303715884105728");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_canonical_texts_come_back),
        cmocka_unit_test(test_decimal_format_where_runs_of_digits_meet),
        cmocka_unit_test(test_decimal_other_texts_of_the_same_value),
        cmocka_unit_test(test_decimal_what_does_not_fit_is_refused),
        cmocka_unit_test(test_decimal_format_of_the_whole_128_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
