/* Arrays as PostgreSQL 15 sends them, and as its to_json() prints them. */
#include "unit/sources/postgresql/fields.h"

#include <stdio.h>

#include "base/alloc.h"

enum { JSONS = 199, BOOLS = 1000, INT2S = 1005, INT4S = 1007, TEXTS = 1009, BPCHARS = 1014 };
enum { VARCHARS = 1015, INT8S = 1016, NUMERICS = 1231, UUIDS = 2951, JSONBS = 3807 };

/* One dimension from 1 on: its head, for elements of the oid (hex) and so many (hex). */
#define LIST(oid, count) "00000001 00000000 " oid " " count " 00000001 "
#define NULL_ELEMENT "ffffffff "

static void assert_json(uint32_t oid, const char *hex, const char *expected)
{
    struct field_case test;
    field_case_init(&test, oid, -1);
    assert_int_equal(test.field.type, PS_TYPE_JSON);
    assert_true(test.field.json_valid);
    assert_decodes_to_text(&test, hex, expected);
    assert_int_equal(test.batch->bytes, strlen(expected) + test.batch->row_width);
    field_case_done(&test);
}

static void assert_malformed(uint32_t oid, const char *hex)
{
    struct field_case test;
    field_case_init(&test, oid, -1);
    const char *reason = decode_hex(&test, hex);
    if (reason != decode_malformed) {
        fail_msg("%s: %s", hex, reason != NULL ? reason : "taken");
    }
    assert_int_equal(test.batch->vectors[0].bytes_size, 0);
    field_case_done(&test);
}

static void test_array_without_elements_is_empty(void **state)
{
    (void)state;
    assert_json(INT4S, "00000000 00000000 00000017", "[]");
    assert_json(TEXTS, "00000000 00000000 00000019", "[]");
}

static void test_elements_of_each_type(void **state)
{
    (void)state;
    assert_json(INT4S,
                LIST("00000017", "00000003") "00000004 00000001" NULL_ELEMENT "00000004 fffffffd",
                "[1,null,-3]");
    assert_json(INT2S, LIST("00000015", "00000001") "00000002 8000", "[-32768]");
    assert_json(INT8S,
                LIST("00000014", "00000002") "00000008 8000000000000000"
                                             "00000008 7fffffffffffffff",
                "[-9223372036854775808,9223372036854775807]");
    assert_json(BOOLS, LIST("00000010", "00000002") "00000001 01 00000001 00", "[true,false]");
    assert_json(NUMERICS,
                LIST("000006a4", "00000003") "0000000a 0001 ffff 4000 0004 0001"
                                             "00000008 0000 0000 c000 0000"
                                             "00000008 0000 0000 f000 0020",
                "[-0.0001,\"NaN\",\"-Infinity\"]");
    assert_json(UUIDS, LIST("00000b86", "00000001") "00000010 00112233445566778899aabbccddeeff",
                "[\"00112233-4455-6677-8899-aabbccddeeff\"]");
    assert_json(JSONS, LIST("00000072", "00000001") "00000004 7b20207d", "[{  }]");
    assert_json(JSONBS, LIST("00000eda", "00000001") "00000003 017b7d", "[{}]");
    assert_json(VARCHARS, LIST("00000413", "00000001") "00000001 61", "[\"a\"]");
    assert_json(BPCHARS, LIST("00000412", "00000001") "00000003 612020", "[\"a  \"]");
}

static void test_texts_are_escaped(void **state)
{
    (void)state;
    assert_json(TEXTS, LIST("00000019", "00000003") "00000000 00000002 c3a4 00000001 7f",
                "[\"\",\"ä\",\"\x7f\"]");
    assert_json(TEXTS, LIST("00000019", "00000001") "00000009 22 5c 08 09 0a 0c 0d 1f 2f",
                "[\"\\\"\\\\\\b\\t\\n\\f\\r\\u001f/\"]");
}

static void test_dimensions_are_arrays_in_arrays(void **state)
{
    (void)state;
    assert_json(INT4S,
                "00000002 00000000 00000017 00000002 00000001 00000002 00000001"
                "00000004 00000001 00000004 00000002 00000004 00000003 00000004 00000004",
                "[[1,2],[3,4]]");
    assert_json(BOOLS,
                "00000003 00000000 00000010 00000001 00000001 00000002 00000001 00000001 00000001"
                "00000001 01 ffffffff",
                "[[[true],[null]]]");
}

static void test_other_lower_bounds_are_told(void **state)
{
    (void)state;
    assert_json(INT4S, "00000001 00000000 00000017 00000002 00000000 00000004 00000005 ffffffff",
                "{\"[0:1]\" : [5,null]}");
    assert_json(BOOLS,
                "00000002 00000000 00000010 00000001 00000001 00000002 fffffffe"
                "00000001 01 00000001 00",
                "{\"[1:1][-2:-1]\" : [[true,false]]}");
}

static void test_arrays_of_another_form_are_malformed(void **state)
{
    (void)state;
    assert_malformed(INT4S, "");
    assert_malformed(INT4S, "00000000 00000000 000000");
    assert_malformed(INT4S, "00000000 00000000 00000019"); /* of another type */
    assert_malformed(INT4S, "00000000 00000000 00000017 00");
    assert_malformed(INT4S, "00000007 00000000 00000017");
    assert_malformed(INT4S, "ffffffff 00000000 00000017");
    assert_malformed(INT4S, "00000001 00000000 00000017 00000001"); /* no bound */
    assert_malformed(INT4S, LIST("00000017", "00000000"));
    assert_malformed(INT4S, LIST("00000017", "00000002") "ffffffff"); /* one is missing */
    assert_malformed(INT4S, LIST("00000017", "00000001") "00000004 000000");
    assert_malformed(INT4S, LIST("00000017", "00000001") "00000003 000000");
    assert_malformed(INT4S, LIST("00000017", "00000001") "fffffffe 00000001");
    assert_malformed(INT4S, LIST("00000017", "00000001") "00000004 00000001 00");
    assert_malformed(JSONBS, LIST("00000eda", "00000001") "00000000");
    assert_malformed(NUMERICS, LIST("000006a4", "00000001") "00000004 00000000");
    /* Sizes whose product is zero in 32 bits. */
    assert_malformed(INT4S, "00000002 00000000 00000017 00010000 00000001 00010000 00000001");
}

static void test_every_allocation_that_fails_is_told(void **state)
{
    (void)state;
    char hex[2 * 9000 + 256];
    size_t size = (size_t)snprintf(hex, sizeof hex, "%s", LIST("00000019", "00000001") "00002328");
    memset(hex + size, '1', sizeof hex - size);
    hex[size + 2 * (size_t)9000] = '\0';
    for (int64_t nth = 0;; nth++) {
        struct field_case test;
        field_case_init(&test, TEXTS, -1);
        ps_alloc_fail_after(nth, 1);
        const char *reason = decode_hex(&test, hex);
        ps_alloc_fail_after(-1, 0);
        size_t left = test.batch->vectors[0].bytes_size;
        field_case_done(&test);
        if (reason == NULL) {
            assert_true(nth > 0);
            return;
        }
        assert_ptr_equal(reason, decode_nomem);
        assert_int_equal(left, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_array_without_elements_is_empty),
        cmocka_unit_test(test_elements_of_each_type),
        cmocka_unit_test(test_texts_are_escaped),
        cmocka_unit_test(test_dimensions_are_arrays_in_arrays),
        cmocka_unit_test(test_other_lower_bounds_are_told),
        cmocka_unit_test(test_arrays_of_another_form_are_malformed),
        cmocka_unit_test(test_every_allocation_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
