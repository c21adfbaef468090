/* Addresses and strings of bits, as PostgreSQL 15 sends them and prints them. */
#include "unit/sources/postgresql/fields.h"

#include "base/alloc.h"

enum { CIDR = 650, MACADDR8 = 774, MACADDR = 829, INET = 869, BIT = 1560, VARBIT = 1562 };

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

static void test_addresses_of_version_4(void **state)
{
    (void)state;
    assert_text(INET, "02 18 00 04 c0a80001", "192.168.0.1/24");
    assert_text(INET, "02 20 00 04 ffffffff", "255.255.255.255");
    assert_text(CIDR, "02 20 01 04 01020304", "1.2.3.4/32");
    assert_text(CIDR, "02 00 01 04 00000000", "0.0.0.0/0");
}

static void test_addresses_of_version_6(void **state)
{
    (void)state;
    assert_text(INET, "03 80 00 10 00000000000000000000000000000000", "::");
    assert_text(INET, "03 40 00 10 00000000000000000000000000000001", "::1/64");
    assert_text(CIDR, "03 80 01 10 00010000000000000000000000000000", "1::/128");
    assert_text(INET, "03 80 00 10 00010000000000020000000000000003", "1:0:0:2::3");
    assert_text(INET, "03 80 00 10 00010000000000020003000000000004", "1::2:3:0:0:4");
    assert_text(INET, "03 80 00 10 00010000000200030004000500060007", "1:0:2:3:4:5:6:7");
    assert_text(INET, "03 80 00 10 0000000000000000 0000ffff 01020304", "::ffff:1.2.3.4");
    assert_text(INET, "03 60 00 10 0000000000000000 00000000 01020304", "::1.2.3.4/96");
    assert_text(INET, "03 80 00 10 0000000000000000 00000000 00010000", "::0.1.0.0");
    assert_text(INET, "03 80 00 10 ffffffffffffffffffffffffffffffff",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_addresses_of_another_form_are_malformed(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        "021800",
                                        "02 18 00 04 c0a800",
                                        "02 21 00 04 c0a80001",
                                        "02 18 00 10 c0a80001",
                                        "04 18 00 04 c0a80001",
                                        "03 18 00 04 c0a80001",
                                        "03 81 00 10 00000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_malformed(INET, cases[i]);
    }
}

static void test_hardware_addresses(void **state)
{
    (void)state;
    assert_text(MACADDR, "08002b010203", "08:00:2b:01:02:03");
    assert_text(MACADDR8, "08002bff01020304", "08:00:2b:ff:01:02:03:04");
    assert_malformed(MACADDR, "08002b0102");
    assert_malformed(MACADDR8, "");
}

static void test_bits_are_counted(void **state)
{
    (void)state;
    assert_text(BIT, "00000003 a0", "101");
    assert_text(VARBIT, "00000000", "");
    assert_text(VARBIT, "00000009 ff80", "111111111");
    assert_malformed(BIT, "00000009 ff");
    assert_malformed(BIT, "00000001 ff00");
    assert_malformed(BIT, "ffffffff");
    assert_malformed(BIT, "000000");
}

static void test_bits_without_memory_are_told(void **state)
{
    (void)state;
    struct field_case test;
    char hex[8 + 2 * 8192 + 1];
    memcpy(hex, "00010000", 8);
    memset(hex + 8, '0', sizeof hex - 9);
    hex[sizeof hex - 1] = '\0';
    field_case_init(&test, VARBIT, -1);
    ps_alloc_fail_after(0, 1);
    const char *reason = decode_hex(&test, hex);
    ps_alloc_fail_after(-1, 0);
    assert_ptr_equal(reason, decode_nomem);
    assert_int_equal(test.batch->vectors[0].bytes_size, 0);
    field_case_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_of_version_4),
        cmocka_unit_test(test_addresses_of_version_6),
        cmocka_unit_test(test_addresses_of_another_form_are_malformed),
        cmocka_unit_test(test_hardware_addresses),
        cmocka_unit_test(test_bits_are_counted),
        cmocka_unit_test(test_bits_without_memory_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
