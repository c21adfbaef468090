/* Times of day and intervals, as PostgreSQL 15 sends them and prints them. */
#include "unit/sources/postgresql/fields.h"

enum { TIME = 1083, INTERVAL = 1186, TIMETZ = 1266 };

static void assert_text(uint32_t oid, const char *hex, const char *expected)
{
    struct field_case test;
    field_case_init(&test, oid, -1);
    assert_int_equal(test.field.type, PS_TYPE_STRING);
    assert_decodes_to_text(&test, hex, expected);
    field_case_done(&test);
}

static void assert_malformed(uint32_t oid, const char *hex)
{
    struct field_case test;
    field_case_init(&test, oid, -1);
    assert_ptr_equal(decode_hex(&test, hex), decode_malformed);
    field_case_done(&test);
}

static void test_time_has_the_digits_that_it_needs(void **state)
{
    (void)state;
    assert_text(TIME, "0000000000000000", "00:00:00");
    assert_text(TIME, "000000141dd76000", "24:00:00");
    assert_text(TIME, "000000141dd75fff", "23:59:59.999999");
    assert_text(TIME, "0000000000000001", "00:00:00.000001");
    assert_text(TIME, "00000000000186a0", "00:00:00.1");
    assert_malformed(TIME, "000000141dd76001");
    assert_malformed(TIME, "ffffffffffffffff");
    assert_malformed(TIME, "00000000");
}

static void test_zone_is_positive_in_the_east(void **state)
{
    (void)state;
    assert_text(TIMETZ, "0000000a0eebb000 ffffe3e0", "12:00:00+02");
    assert_text(TIMETZ, "0000000000000000 00000000", "00:00:00+00");
    assert_text(TIMETZ, "0000000000000000 00004650", "00:00:00-05");
    assert_text(TIMETZ, "0000000000000000 ffffb2a8", "00:00:00+05:30");
    assert_text(TIMETZ, "0000000000000000 0000e0ff", "00:00:00-15:59:59");
    assert_malformed(TIMETZ, "0000000000000000 0000e100");
    assert_malformed(TIMETZ, "0000000000000000 80000000");
    assert_malformed(TIMETZ, "0000000000000000");
}

static void test_interval_shows_its_signs(void **state)
{
    (void)state;
    assert_text(INTERVAL, "0000000000000000 00000000 00000000", "00:00:00");
    assert_text(INTERVAL, "000000036c97ca88 00000003 0000000e",
                "1 year 2 mons 3 days 04:05:06.789");
    assert_text(INTERVAL, "0000000000000000 00000001 00000000", "1 day");
    assert_text(INTERVAL, "ffffffffffffffff 00000000 00000000", "-00:00:00.000001");
    assert_text(INTERVAL, "00000000000f4240 00000001 ffffffff", "-1 mons +1 day 00:00:01");
    assert_text(INTERVAL, "00000000000f4240 ffffffff 00000001", "1 mon -1 days +00:00:01");
    assert_text(INTERVAL, "fffffffffff0bdc0 ffffffff 00000000", "-1 days -00:00:01");
    assert_text(INTERVAL, "8000000000000000 80000000 80000000", "-infinity");
    assert_text(INTERVAL, "7fffffffffffffff 7fffffff 7fffffff", "infinity");
    assert_text(INTERVAL, "8000000000000000 80000000 80000001",
                "-178956970 years -7 mons -2147483648 days -2562047788:00:54.775808");
    assert_malformed(INTERVAL, "0000000000000000 00000000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_has_the_digits_that_it_needs),
        cmocka_unit_test(test_zone_is_positive_in_the_east),
        cmocka_unit_test(test_interval_shows_its_signs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
