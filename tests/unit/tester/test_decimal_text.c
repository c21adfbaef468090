/* Decimals as connectors write them: signs, points, exponents; how many digits they have. */
#include "tester/decimal_text.h"

#include <string.h>

#include "support/unit.h"

static void read_digits(const char *text, int before, int scale)
{
    struct decimal_text decimal;
    assert_true(decimal_text_read(text, strlen(text), &decimal));
    assert_int_equal(decimal.before, before);
    assert_int_equal(decimal.scale, scale);
}

static void test_decimal_text_counts_digits(void **state)
{
    (void)state;
    read_digits("0", 0, 0);
    read_digits("-12.50", 2, 2);
    read_digits("+007", 1, 0);
    read_digits(".5", 0, 1);
    read_digits("5.", 1, 0);
    read_digits("1E+3", 4, 0);
    read_digits("1.25e1", 2, 1);
    read_digits("5e-7", 0, 7);
    read_digits("0.001e2", 0, 1);
}

static void test_decimal_text_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "-",  ".",  "12,5",  "1e",  "e5",       "1e+",
                                      "NaN", " 1", "1 ", "1.2.3", "0x1", "Infinity", "1e9999999"};
    struct decimal_text decimal;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(decimal_text_read(bad[i], strlen(bad[i]), &decimal));
    }
}

static void parses(const char *text, uint8_t precision, uint8_t scale, int64_t wanted)
{
    ps_int128 unscaled = 0;
    assert_true(decimal_text_parse(text, strlen(text), precision, scale, &unscaled));
    assert_true(unscaled == wanted);
}

static void test_decimal_text_parses_at_a_scale(void **state)
{
    (void)state;
    parses("-12.50", 10, 2, -1250);
    parses("12.500", 10, 2, 1250);
    parses("1E+3", 6, 2, 100000);
    parses("-1.25e1", 10, 2, -1250);
    parses("5e-7", 10, 8, 50);
    parses("0e5", 1, 0, 0);
}

static void test_decimal_text_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    ps_int128 unscaled = 0;
    assert_false(decimal_text_parse("12.505", 6, 10, 2, &unscaled));
    assert_false(decimal_text_parse("1000", 4, 5, 2, &unscaled));
    assert_false(decimal_text_parse("1e40", 4, 38, 0, &unscaled));
    assert_false(decimal_text_parse("1e-90", 5, 38, 10, &unscaled));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_text_counts_digits),
        cmocka_unit_test(test_decimal_text_that_is_no_number_is_refused),
        cmocka_unit_test(test_decimal_text_parses_at_a_scale),
        cmocka_unit_test(test_decimal_text_that_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
