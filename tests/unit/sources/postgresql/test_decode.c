/* Fields of fixed width, texts and bytes, as PostgreSQL 15 sends them. */
#include "unit/sources/postgresql/fields.h"

#include "base/alloc.h"

enum { BOOL = 16, BYTEA = 17, INT8 = 20, INT2 = 21, INT4 = 23, TEXT = 25, OID = 26 };
enum { FLOAT4 = 700, FLOAT8 = 701, DATE = 1082, TIMESTAMP = 1114, TIMESTAMPTZ = 1184 };
enum { TEXTS = 1009, UUID = 2950, JSONB = 3802, CUSTOM = 16400 };

#define ASSERT_VALUE(oid, hex, ctype, expected)                                                    \
    do {                                                                                           \
        struct field_case test;                                                                    \
        field_case_init(&test, oid, -1);                                                           \
        assert_null(decode_hex(&test, hex));                                                       \
        assert_true(DECODED(ctype, test) == (expected));                                           \
        field_case_done(&test);                                                                    \
    } while (0)

static void assert_reason(uint32_t oid, const char *hex, const char *expected)
{
    struct field_case test;
    field_case_init(&test, oid, -1);
    const char *reason = decode_hex(&test, hex);
    assert_non_null(reason);
    assert_string_equal(reason, expected);
    field_case_done(&test);
}

static void test_numbers_are_big_endian(void **state)
{
    (void)state;
    ASSERT_VALUE(BOOL, "01", uint8_t, 1);
    ASSERT_VALUE(BOOL, "00", uint8_t, 0);
    ASSERT_VALUE(INT2, "8000", int16_t, INT16_MIN);
    ASSERT_VALUE(INT4, "fffffffe", int32_t, -2);
    ASSERT_VALUE(INT8, "8000000000000000", int64_t, INT64_MIN);
    ASSERT_VALUE(OID, "ffffffff", int64_t, UINT32_MAX);
    ASSERT_VALUE(OID_XID8, "0000000000000000", ps_int128, 0);
    ASSERT_VALUE(OID_XID8, "ffffffffffffffff", ps_int128, (ps_int128)UINT64_MAX);
    ASSERT_VALUE(FLOAT4, "3fc00000", float, 1.5f);
    ASSERT_VALUE(FLOAT8, "fff0000000000000", double, -__builtin_inf());
    ASSERT_VALUE(FLOAT8, "8000000000000000", uint64_t, UINT64_C(1) << 63);
}

static void test_dates_reach_from_year_1_to_9999(void **state)
{
    (void)state;
    ASSERT_VALUE(DATE, "ffffd533", int32_t, 0);
    ASSERT_VALUE(DATE, "fff4dbf9", int32_t, PS_DATE_DAYS_MIN);
    ASSERT_VALUE(DATE, "002c95d3", int32_t, PS_DATE_DAYS_MAX);
    assert_reason(DATE, "fff4dbf8", "the date is before year 1");
    assert_reason(DATE, "002c95d4", "the date is after year 9999");
    assert_reason(DATE, "ffda97cd", "the date is before year 1");
    assert_reason(DATE, "7fda970c", "the date is after year 9999");
    assert_reason(DATE, "7fffffff", "the date is infinite");
    assert_reason(DATE, "80000000", "the date is infinite");
}

static void assert_time(const char *hex, int64_t seconds, int32_t nanos)
{
    static const uint32_t types[] = {TIMESTAMP, TIMESTAMPTZ};
    for (size_t i = 0; i < 2; i++) {
        struct field_case test;
        field_case_init(&test, types[i], -1);
        assert_null(decode_hex(&test, hex));
        assert_int_equal(DECODED(struct ps_timestamp, test).seconds, seconds);
        assert_int_equal(DECODED(struct ps_timestamp, test).nanos, nanos);
        field_case_done(&test);
    }
}

static void test_timestamps_are_divided_downwards(void **state)
{
    (void)state;
    assert_time("fffca2fec4c82000", 0, 0);
    assert_time("fffca2fec4c81fff", -1, 999999000);
    assert_time("ff1fe2ffc59c6000", PS_TIMESTAMP_SECONDS_MIN, 0);
    assert_time("0380e70b913b7fff", PS_TIMESTAMP_SECONDS_MAX, 999999000);
    assert_reason(TIMESTAMP, "ff1fe2ffc59c5fff", "the timestamp is before year 1");
    assert_reason(TIMESTAMP, "0380e70b913b8000", "the timestamp is after year 9999");
    assert_reason(TIMESTAMPTZ, "7fffffffffffffff", "the timestamp is infinite");
    assert_reason(TIMESTAMPTZ, "8000000000000000", "the timestamp is infinite");
}

static void assert_text(uint32_t oid, const char *hex, const char *expected)
{
    struct field_case test;
    field_case_init(&test, TEXT, -1);
    test.field = type_resolve(oid, -1, TYPE_SHAPE_SCALAR, false);
    type_as_text(&test.field);
    assert_decodes_to_text(&test, hex, expected);
    assert_ptr_equal(decode_hex(&test, "00"), decode_malformed);
    field_case_done(&test);
}

static void test_times_as_text_reach_as_far_as_the_servers(void **state)
{
    (void)state;
    assert_text(DATE, "7fffffff", "infinity");
    assert_text(DATE, "80000000", "-infinity");
    assert_text(DATE, "ffda97cd", "4713-01-01 BC");
    assert_text(DATE, "7fda970c", "5874897-12-31");
    assert_text(DATE, "ffffd533", "1970-01-01");
    assert_text(TIMESTAMP, "7fffffffffffffff", "infinity");
    assert_text(TIMESTAMPTZ, "8000000000000000", "-infinity");
    assert_text(TIMESTAMP, "fffca2fec4c81fff", "1969-12-31T23:59:59.999999");
    assert_text(TIMESTAMPTZ, "fffca2fec4c82000", "1970-01-01T00:00:00Z");
    assert_text(TIMESTAMP, "ff1fe2ffc59c5fff", "0001-12-31T23:59:59.999999 BC");
    assert_text(TIMESTAMPTZ, "ff1fe2ffc59c5fff", "0001-12-31T23:59:59.999999Z BC");
    assert_text(TIMESTAMP, "0380e70b913b8000", "10000-01-01T00:00:00");
}

static void test_texts_and_bytes_come_as_they_are(void **state)
{
    (void)state;
    struct field_case test;
    field_case_init(&test, TEXT, -1);
    assert_decodes_to_text(&test, "61622020", "ab  ");
    assert_decodes_to_text(&test, "", "");
    field_case_done(&test);
    field_case_init(&test, JSONB, -1);
    assert_decodes_to_text(&test, "01 7b2261223a20327d", "{\"a\": 2}");
    assert_true(test.field.json_valid);
    field_case_done(&test);
    field_case_init(&test, UUID, -1);
    assert_decodes_to_text(&test, "00112233445566778899aabbccddeeff",
                           "00112233-4455-6677-8899-aabbccddeeff");
    field_case_done(&test);
    field_case_init(&test, BYTEA, -1);
    assert_null(decode_hex(&test, "0001ff"));
    assert_int_equal(test.batch->vectors[0].bytes_size, 3);
    assert_int_equal(test.field.type, PS_TYPE_BINARY);
    field_case_done(&test);
}

static void test_fields_of_another_size_are_malformed(void **state)
{
    (void)state;
    static const struct {
        uint32_t oid;
        const char *hex;
    } cases[] = {{BOOL, ""},           {BOOL, "0101"},     {INT2, "00"},
                 {INT4, "000000"},     {INT8, "00000000"}, {FLOAT4, "0000000000"},
                 {FLOAT8, "0000"},     {DATE, "000000"},   {TIMESTAMP, "00000000000000"},
                 {UUID, "0011223344"}, {TIMESTAMPTZ, ""},  {JSONB, ""},
                 {JSONB, "027b7d"},    {OID, "000000"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_reason(cases[i].oid, cases[i].hex, decode_malformed);
    }
}

static void test_text_of_a_database_without_encoding_is_checked(void **state)
{
    (void)state;
    struct field_case test;
    field_case_init(&test, TEXT, -1);
    test.field = type_resolve(TEXT, -1, TYPE_SHAPE_SCALAR, true);
    assert_true(test.field.raw);
    assert_decodes_to_text(&test, "c3a4", "ä");
    assert_string_equal(decode_hex(&test, "ff"), "the text is not valid UTF-8");
    assert_int_equal(type_resolve(1042, 8, TYPE_SHAPE_SCALAR, true).select, TYPE_SELECT_PADDED);
    assert_false(type_resolve(INT4, -1, TYPE_SHAPE_SCALAR, true).raw);
    assert_int_equal(type_resolve(TEXTS, -1, TYPE_SHAPE_ARRAY, true).select, TYPE_SELECT_ARRAY);
    field_case_done(&test);
}

static void test_type_that_is_not_known_is_read_by_its_shape(void **state)
{
    (void)state;
    static const struct {
        enum type_shape shape;
        enum ps_type type;
        enum type_select select;
    } cases[] = {
        {TYPE_SHAPE_SCALAR, PS_TYPE_STRING, TYPE_SELECT_TEXT},
        {TYPE_SHAPE_PRINTED, PS_TYPE_STRING, TYPE_SELECT_PRINTED},
        {TYPE_SHAPE_ENUM, PS_TYPE_STRING, TYPE_SELECT_PLAIN},
        {TYPE_SHAPE_ARRAY, PS_TYPE_JSON, TYPE_SELECT_ARRAY},
        {TYPE_SHAPE_OBJECT, PS_TYPE_JSON, TYPE_SELECT_OBJECT},
    };
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        bool raw = i % 2 == 1;
        struct type_field field = type_resolve(CUSTOM, -1, cases[i / 2].shape, raw);
        assert_int_equal(field.type, cases[i / 2].type);
        assert_int_equal(field.select, cases[i / 2].select);
        assert_int_equal(field.raw, raw);
        assert_true(field.decode == (raw ? decode_text_checked : decode_bytes));
    }
    assert_false(type_is_known(CUSTOM));
    assert_true(type_is_known(TEXTS));
    assert_true(type_is_known(1700));
}

static void test_memory_that_runs_out_is_told(void **state)
{
    (void)state;
    struct field_case test;
    char hex[2 * 65536 + 1];
    memset(hex, '6', sizeof hex - 1);
    hex[sizeof hex - 1] = '\0';
    field_case_init(&test, TEXT, -1);
    ps_alloc_fail_after(0, 1);
    const char *reason = decode_hex(&test, hex);
    ps_alloc_fail_after(-1, 0);
    assert_ptr_equal(reason, decode_nomem);
    field_case_done(&test);
    field_case_init(&test, 1700, -1);
    ps_alloc_fail_after(0, 1);
    reason = decode_hex(&test, "0001 7fff 4000 3fff 0001");
    ps_alloc_fail_after(-1, 0);
    assert_ptr_equal(reason, decode_nomem);
    field_case_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_are_big_endian),
        cmocka_unit_test(test_dates_reach_from_year_1_to_9999),
        cmocka_unit_test(test_timestamps_are_divided_downwards),
        cmocka_unit_test(test_times_as_text_reach_as_far_as_the_servers),
        cmocka_unit_test(test_texts_and_bytes_come_as_they_are),
        cmocka_unit_test(test_fields_of_another_size_are_malformed),
        cmocka_unit_test(test_text_of_a_database_without_encoding_is_checked),
        cmocka_unit_test(test_type_that_is_not_known_is_read_by_its_shape),
        cmocka_unit_test(test_memory_that_runs_out_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
