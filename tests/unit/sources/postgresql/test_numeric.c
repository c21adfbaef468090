/* Binary numerics as PostgreSQL 15 sends them, to exact decimals and to text. */
#include "unit/sources/postgresql/fields.h"

#define NUMERIC 1700
#define MODIFIER(precision, scale) ((((precision) << 16) | ((scale)&0x7ff)) + 4)

static void assert_decimal(int precision, int scale, const char *hex, const char *expected)
{
    struct field_case test;
    char text[PS_VALUE_TEXT_SIZE];
    field_case_init(&test, NUMERIC, MODIFIER(precision, scale));
    assert_int_equal(test.field.type, PS_TYPE_DECIMAL);
    const char *reason = decode_hex(&test, hex);
    if (reason != NULL) {
        fail_msg("%s: %s", hex, reason);
    }
    (void)ps_decimal_format(DECODED(ps_int128, test), test.field.scale, text);
    assert_string_equal(text, expected);
    field_case_done(&test);
}

static void assert_refused(int precision, int scale, const char *hex, const char *expected)
{
    struct field_case test;
    field_case_init(&test, NUMERIC, MODIFIER(precision, scale));
    const char *reason = decode_hex(&test, hex);
    assert_non_null(reason);
    assert_string_equal(reason, expected);
    field_case_done(&test);
}

static void test_decimal_examples_are_exact(void **state)
{
    (void)state;
    assert_decimal(12, 3, "0003 0001 0000 0003 000c 0d80 1ed2", "123456.789");
    assert_decimal(12, 4, "0003 0001 0000 0003 000c 0d80 1ed2", "123456.7890");
    assert_decimal(5, 4, "0001 ffff 4000 0004 0001", "-0.0001");
    assert_decimal(10, 2, "0001 0001 0000 0002 0001", "10000.00");
    assert_decimal(10, 2, "0000 0000 0000 0002", "0.00");
    assert_decimal(12, 4, "0001 0000 0000 0004 0005", "5.0000");
    assert_decimal(38, 0, "0001 0009 0000 0000 0063", "99000000000000000000000000000000000000");
}

static void test_decimal_of_38_digits_is_exact(void **state)
{
    (void)state;
    /* 38 nines before the point, after it, and on both sides; the last group holds 1 to 4 digits.
     */
    assert_decimal(38, 0, "000a 0009 0000 0000 0063 270f 270f 270f 270f 270f 270f 270f 270f 270f",
                   "99999999999999999999999999999999999999");
    assert_decimal(38, 38, "000a ffff 4000 0026 270f 270f 270f 270f 270f 270f 270f 270f 270f 26ac",
                   "-0.99999999999999999999999999999999999999");
    assert_decimal(38, 37,
                   "000b 0000 0000 0025 0009 270f 270f 270f 270f 270f 270f 270f 270f 270f 2328",
                   "9.9999999999999999999999999999999999999");
}

/* On both sides of four groups of digits, and of what 64 bits hold. */
static void test_decimal_about_as_large_as_64_bits_is_exact(void **state)
{
    (void)state;
    assert_decimal(16, 0, "0004 0003 0000 0000 270f 270f 270f 270f", "9999999999999999");
    assert_decimal(19, 3, "0004 0003 4000 0000 270f 270f 270f 270f", "-9999999999999999.000");
    assert_decimal(20, 4, "0004 0003 0000 0000 270f 270f 270f 270f", "9999999999999999.0000");
    assert_decimal(17, 0, "0005 0004 0000 0000 0001 0000 0000 0000 0001", "10000000000000001");
    assert_decimal(20, 0, "0001 0004 0000 0000 0734", "18440000000000000000");
    assert_decimal(20, 0, "0001 0004 4000 0000 270f", "-99990000000000000000");
    assert_decimal(6, 1, "0002 0000 0000 0001 0001 1388", "1.5");
    assert_decimal(9, 5, "0002 ffff 4000 0005 04d2 1388", "-0.12345");
    assert_refused(19, 0, "0001 0004 0000 0000 0734", "the number has more digits than its column");
    assert_refused(6, 1, "0002 0000 0000 0002 0001 157c",
                   "the number has more digits after its point than its column");
}

static void test_decimal_that_does_not_fit_its_column_is_refused(void **state)
{
    (void)state;
    assert_refused(4, 2, "0001 0000 0000 0000 0064", "the number has more digits than its column");
    assert_refused(38, 0, "0001 7fff 0000 0000 0001", "the number has more digits than its column");
    assert_refused(6, 2, "0002 0000 0000 0003 0001 0001",
                   "the number has more digits after its point than its column");
    assert_refused(6, 2, "0001 8000 0000 0003 0001",
                   "the number has more digits after its point than its column");
    assert_refused(6, 2, "0000 0000 c000 0000", "the number is NaN");
    assert_refused(6, 2, "0000 0000 d000 0020", "the number is infinite");
    assert_refused(6, 2, "0000 0000 f000 0020", "the number is infinite");
}

static void test_numeric_that_is_cut_or_wrong_is_malformed(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "0001 0000 0000 00",
                                        "0001 0000 0000 0000",
                                        "0002 0000 0000 0000 0001",
                                        "0001 0000 0000 0000 0001 0001",
                                        "ffff 0000 0000 0000",
                                        "0001 0000 0000 0000 2710",
                                        "0001 0000 1234 0000 0001"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_refused(6, 2, cases[i], decode_malformed);
        struct field_case test;
        field_case_init(&test, NUMERIC, -1);
        assert_ptr_equal(decode_hex(&test, cases[i]), decode_malformed);
        field_case_done(&test);
    }
}

static void test_numeric_without_bounds_is_printed_as_the_server_does(void **state)
{
    (void)state;
    struct field_case test;
    field_case_init(&test, NUMERIC, -1);
    assert_int_equal(test.field.type, PS_TYPE_STRING);
    assert_decodes_to_text(&test, "0003 0001 0000 0003 000c 0d80 1ed2", "123456.789");
    assert_decodes_to_text(&test, "0001 ffff 4000 0004 0001", "-0.0001");
    assert_decodes_to_text(&test, "0001 fffe 0000 0009 000a", "0.000000100");
    assert_decodes_to_text(&test, "0001 0001 0000 0002 0001", "10000.00");
    assert_decodes_to_text(&test, "0000 0000 0000 0002", "0.00");
    assert_decodes_to_text(&test, "0000 0000 0000 0000", "0");
    assert_decodes_to_text(&test, "0001 0002 0000 0000 0007", "700000000");
    assert_decodes_to_text(&test, "0000 0000 c000 0000", "NaN");
    assert_decodes_to_text(&test, "0000 0000 d000 0020", "Infinity");
    assert_decodes_to_text(&test, "0000 0000 f000 0020", "-Infinity");
    field_case_done(&test);
}

static void test_numeric_of_a_key_has_one_text_for_equal_numbers(void **state)
{
    (void)state;
    struct field_case test;
    field_case_init(&test, NUMERIC, -1);
    test.field.decode = decode_numeric_key;
    assert_decodes_to_text(&test, "0001 0000 0000 0000 0001", "1");
    assert_decodes_to_text(&test, "0001 0000 0000 0003 0001", "1");
    assert_decodes_to_text(&test, "0001 0001 0000 0002 0001", "10000");
    assert_decodes_to_text(&test, "0002 0000 4000 0004 0001 1388", "-1.5");
    assert_decodes_to_text(&test, "0000 0000 0000 0002", "0");
    assert_decodes_to_text(&test, "0001 0002 0000 0000 0007", "700000000");
    assert_decodes_to_text(&test, "0000 0000 c000 0000", "NaN");
    field_case_done(&test);
}

static void test_numeric_of_the_longest_text_fits(void **state)
{
    (void)state;
    struct field_case test;
    size_t size;
    field_case_init(&test, NUMERIC, -1);
    assert_null(decode_hex(&test, "0001 7fff 4000 3fff 0001"));
    (void)ps_vector_bytes(&test.batch->vectors[0], 0, &size);
    assert_int_equal(size, 1 + 4 * 32767 + 1 + 1 + 16383);
    field_case_done(&test);
}

static void assert_type_decimal(int32_t modifier, uint8_t precision, uint8_t scale)
{
    struct type_field field = type_resolve(NUMERIC, modifier, TYPE_SHAPE_SCALAR, false);
    assert_int_equal(field.type, PS_TYPE_DECIMAL);
    assert_int_equal(field.precision, precision);
    assert_int_equal(field.scale, scale);
}

static void assert_type_string(int32_t modifier)
{
    struct type_field field = type_resolve(NUMERIC, modifier, TYPE_SHAPE_SCALAR, false);
    assert_int_equal(field.type, PS_TYPE_STRING);
}

static void test_type_of_a_numeric_follows_its_modifier(void **state)
{
    (void)state;
    assert_type_decimal(MODIFIER(38, 38), 38, 38);
    assert_type_decimal(329730, 7, 0); /* (5,-2) */
    assert_type_decimal(MODIFIER(3, 5), 5, 5);
    assert_type_decimal(MODIFIER(3, 38), 38, 38);
    assert_type_string(MODIFIER(3, 39));
    assert_type_string(MODIFIER(37, 0x7fe)); /* (37,-2) */
    assert_type_string(MODIFIER(39, 0));
    assert_type_string(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decimal_examples_are_exact),
        cmocka_unit_test(test_decimal_of_38_digits_is_exact),
        cmocka_unit_test(test_decimal_about_as_large_as_64_bits_is_exact),
        cmocka_unit_test(test_decimal_that_does_not_fit_its_column_is_refused),
        cmocka_unit_test(test_numeric_that_is_cut_or_wrong_is_malformed),
        cmocka_unit_test(test_numeric_without_bounds_is_printed_as_the_server_does),
        cmocka_unit_test(test_numeric_of_a_key_has_one_text_for_equal_numbers),
        cmocka_unit_test(test_numeric_of_the_longest_text_fits),
        cmocka_unit_test(test_type_of_a_numeric_follows_its_modifier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
