/* Cursor values: which types can be one, their order, and their text in the state. */
#include <string.h>

#include "penstock/value.h"
#include "support/unit.h"

static void test_scalar_supports_numbers_and_times_that_have_an_order(void **state)
{
    (void)state;
    for (int type = 0; type < PS_TYPES; type++) {
        bool supported = (type >= PS_TYPE_SHORT && type <= PS_TYPE_DECIMAL) ||
                         (type >= PS_TYPE_NAIVE_DATE && type <= PS_TYPE_BINARY);
        assert_int_equal(ps_scalar_type_supported((enum ps_type)type), supported);
        struct ps_scalar value;
        if (!supported) {
            assert_false(ps_scalar_parse("1", 1, (enum ps_type)type, 0, &value));
        }
    }
}

static void test_scalar_texts_come_back(void **state)
{
    (void)state;
    static const struct {
        enum ps_type type;
        uint8_t scale;
        const char *text;
    } cases[] = {
        {PS_TYPE_SHORT, 0, "-32768"},
        {PS_TYPE_INT, 0, "2147483647"},
        {PS_TYPE_LONG, 0, "-9223372036854775808"},
        {PS_TYPE_DECIMAL, 4, "-12.3400"},
        {PS_TYPE_NAIVE_DATE, 0, "2024-02-29"},
        {PS_TYPE_NAIVE_DATETIME, 0, "2024-02-29T23:59:59.1234567"},
        {PS_TYPE_UTC_DATETIME, 0, "2024-02-29T23:59:59Z"},
        {PS_TYPE_DECIMAL, 0, "18446744073709551615"},
        {PS_TYPE_BINARY, 0, "0x00000000000007D1"},
        {PS_TYPE_BINARY, 0, "0xFFFFFFFFFFFFFFFF"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ps_scalar value;
        char text[PS_VALUE_TEXT_SIZE];
        assert_true(ps_scalar_parse(cases[i].text, strlen(cases[i].text), cases[i].type,
                                    cases[i].scale, &value));
        assert_true(value.present);
        assert_int_equal(value.type, cases[i].type);
        assert_int_equal(value.scale, cases[i].scale);
        assert_int_equal(ps_scalar_format(&value, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        assert_int_equal(ps_scalar_compare(&value, &value), 0);
    }
}

static void test_scalar_that_does_not_fit_its_type_is_refused(void **state)
{
    (void)state;
    static const struct {
        enum ps_type type;
        const char *text;
    } cases[] = {
        {PS_TYPE_SHORT, "32768"},
        {PS_TYPE_INT, "-2147483649"},
        {PS_TYPE_LONG, "9223372036854775808"},
        {PS_TYPE_LONG, "+1"},
        {PS_TYPE_LONG, "1."},
        {PS_TYPE_LONG, ""},
        {PS_TYPE_LONG, "-"},
        {PS_TYPE_LONG, "1-"},
        {PS_TYPE_DECIMAL, "1.5"},
        {PS_TYPE_NAIVE_DATE, "2024-02-30"},
        {PS_TYPE_NAIVE_DATETIME, "2024-02-29T00:00:00Z"},
        {PS_TYPE_UTC_DATETIME, "2024-02-29T00:00:00"},
        {PS_TYPE_STRING, "text"},
        {PS_TYPE_BINARY, "0x00000000000007D"},
        {PS_TYPE_BINARY, "0x00000000000007D10"},
        {PS_TYPE_BINARY, "0x00000000000007G1"},
        {PS_TYPE_BINARY, "1x00000000000007D1"},
        {PS_TYPE_BINARY, "2001"},
        {PS_TYPE_BINARY, ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ps_scalar value = {.scale = 9};
        if (ps_scalar_parse(cases[i].text, strlen(cases[i].text), cases[i].type, 0, &value)) {
            fail_msg("taken: %s", cases[i].text);
        }
        assert_int_equal(value.scale, 9);
    }
}

static void test_scalar_compare_orders_numbers_and_times(void **state)
{
    (void)state;
    struct ps_scalar a, b;
    assert_true(ps_scalar_parse("0x00000000000000FF", 18, PS_TYPE_BINARY, 0, &a));
    assert_true(ps_scalar_parse("0x8000000000000000", 18, PS_TYPE_BINARY, 0, &b));
    assert_true(ps_scalar_compare(&a, &b) < 0);
    assert_true(ps_scalar_parse("9", 1, PS_TYPE_DECIMAL, 0, &a));
    assert_true(ps_scalar_parse("10", 2, PS_TYPE_DECIMAL, 0, &b));
    assert_true(ps_scalar_compare(&a, &b) < 0);
    assert_true(ps_scalar_parse("-5", 2, PS_TYPE_LONG, 0, &a));
    assert_true(ps_scalar_parse("4", 1, PS_TYPE_LONG, 0, &b));
    assert_true(ps_scalar_compare(&a, &b) < 0);
    assert_true(ps_scalar_compare(&b, &a) > 0);
    assert_true(ps_scalar_parse("2024-01-01T00:00:00.1", 21, PS_TYPE_NAIVE_DATETIME, 0, &a));
    assert_true(ps_scalar_parse("2024-01-01T00:00:00", 19, PS_TYPE_NAIVE_DATETIME, 0, &b));
    assert_true(ps_scalar_compare(&a, &b) > 0);
}

static void test_scalar_without_a_value_is_no_text(void **state)
{
    (void)state;
    struct ps_scalar none = {.type = PS_TYPE_LONG};
    char text[PS_VALUE_TEXT_SIZE] = "x";
    assert_int_equal(ps_scalar_format(&none, text), 0);
    assert_string_equal(text, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalar_supports_numbers_and_times_that_have_an_order),
        cmocka_unit_test(test_scalar_texts_come_back),
        cmocka_unit_test(test_scalar_that_does_not_fit_its_type_is_refused),
        cmocka_unit_test(test_scalar_compare_orders_numbers_and_times),
        cmocka_unit_test(test_scalar_without_a_value_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
