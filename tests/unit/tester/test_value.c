/* Values off the wire: how they are read, checked and typed, and which column holds them. */
#include "tester/value.h"

#include <string.h>

#include "base/protobuf.h"
#include "support/unit.h"

static struct tester_value text_value(enum value_kind kind, const char *text)
{
    struct tester_value value = {.kind = kind};
    value.as.text.bytes = (const uint8_t *)text;
    value.as.text.size = strlen(text);
    return value;
}

static struct tester_value integer_value(enum value_kind kind, int64_t integer)
{
    struct tester_value value = {.kind = kind};
    value.as.integer = integer;
    return value;
}

static struct tester_value read_back(const struct ps_buffer *message)
{
    struct tester_value value;
    assert_true(value_read((const uint8_t *)ps_buffer_text(message), message->size, &value));
    return value;
}

static void test_value_read_gives_each_member(void **state)
{
    (void)state;
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    ps_pb_put_int(&out, VALUE_SHORT, -7);
    struct tester_value value = read_back(&out);
    assert_int_equal(value.kind, VALUE_SHORT);
    assert_int_equal(value.as.integer, -7);
    ps_buffer_clear(&out);
    ps_pb_put_float(&out, VALUE_FLOAT, 0.5f);
    assert_true(read_back(&out).as.number == 0.5);
    ps_buffer_clear(&out);
    size_t mark = ps_pb_open(&out, VALUE_UTC);
    ps_pb_put_int(&out, 1, -62135596800);
    ps_pb_put_int(&out, 2, 999999999);
    ps_pb_close(&out, mark);
    value = read_back(&out);
    assert_int_equal(value.as.time.seconds, PS_TIMESTAMP_SECONDS_MIN);
    assert_int_equal(value.as.time.nanos, 999999999);
    ps_buffer_clear(&out);
    ps_pb_put_text(&out, VALUE_STRING, "first");
    ps_pb_put_bool(&out, VALUE_NULL, true);
    assert_int_equal(read_back(&out).kind, VALUE_NULL); /* the last member of a oneof counts */
    ps_buffer_clear(&out);
    assert_int_equal(read_back(&out).kind, VALUE_EMPTY);
    ps_buffer_done(&out);
}

static void test_value_read_of_what_is_none_fails(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {{"\x18", 1}, {"\x1a\x01x", 3}, {"\x6a\x05x", 3}, {"\x52\x01\x08", 3}, {"\x0c", 1}};
    struct tester_value value;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(value_read((const uint8_t *)bad[i].bytes, bad[i].size, &value));
    }
}

static void row_data(const char *bytes, size_t size, enum ps_type declared,
                     struct tester_value *ret_value)
{
    assert_true(value_read_row_data((const uint8_t *)bytes, size, declared, ret_value));
}

static void test_row_data_goes_by_the_declared_type(void **state)
{
    (void)state;
    struct tester_value value;
    row_data("\0", 1, PS_TYPE_LONG, &value);
    assert_int_equal(value.kind, VALUE_NULL);
    row_data("\x01-5", 3, PS_TYPE_INT, &value);
    assert_int_equal(value.kind, VALUE_INT);
    assert_int_equal(value.as.integer, -5);
    row_data("\x01x", 2, PS_TYPE_INT, &value);
    assert_int_equal(value.kind, VALUE_STRING);
    row_data("\x01"
             "2024-02-29",
             11, PS_TYPE_NAIVE_DATE, &value);
    assert_int_equal(value.as.time.seconds, 1709164800);
    row_data("\x05-1e3", 5, PS_TYPE_DOUBLE, &value);
    assert_true(value.as.number == -1000);
    assert_false(value_read_row_data((const uint8_t *)"\x05x", 2, PS_TYPE_DOUBLE, &value));
    assert_false(value_read_row_data((const uint8_t *)"\x06x", 2, PS_TYPE_DOUBLE, &value));
}

static void test_row_data_undeclared_is_what_its_text_comes_back_from(void **state)
{
    (void)state;
    struct tester_value value;
    row_data("\x01"
             "12",
             3, PS_TYPE_UNSPECIFIED, &value);
    assert_int_equal(value.kind, VALUE_LONG);
    row_data("\x01"
             "012",
             4, PS_TYPE_UNSPECIFIED, &value);
    assert_int_equal(value.kind, VALUE_STRING);
    row_data("\x01"
             "9223372036854775808",
             20, PS_TYPE_UNSPECIFIED, &value);
    assert_int_equal(value.kind, VALUE_STRING);
    row_data("\x01"
             "false",
             6, PS_TYPE_UNSPECIFIED, &value);
    assert_int_equal(value.kind, VALUE_BOOL);
}

static void checked(struct tester_value value, enum breach_kind wanted, bool skipped)
{
    bool skip = !skipped;
    assert_int_equal(value_check(&value, &skip), wanted);
    assert_int_equal(skip, skipped);
}

static void test_value_check_names_what_is_wrong(void **state)
{
    (void)state;
    struct tester_value time = {.kind = VALUE_UTC};
    checked(integer_value(VALUE_SHORT, 32768), BREACH_SHORT_RANGE, false);
    checked(integer_value(VALUE_SHORT, -32768), BREACHES, false);
    checked(text_value(VALUE_DECIMAL, "1,5"), BREACH_DECIMAL_INVALID, true);
    checked(text_value(VALUE_DECIMAL, "1e39"), BREACH_DECIMAL_PRECISION, false);
    checked(text_value(VALUE_JSON, "{"), BREACH_JSON_INVALID, true);
    checked(text_value(VALUE_JSON, "{}"), BREACHES, false);
    checked(text_value(VALUE_XML, "<a>"), BREACH_XML_INVALID, false);
    checked(text_value(VALUE_XML, "\xff"), BREACH_TEXT_INVALID, true);
    checked(text_value(VALUE_STRING, "\xc3"), BREACH_TEXT_INVALID, true);
    checked(text_value(VALUE_BINARY, "\xff"), BREACHES, false);
    checked(integer_value(VALUE_EMPTY, 0), BREACH_VALUE_EMPTY, false);
    checked(time, BREACHES, false);
    time.as.time.nanos = -1;
    checked(time, BREACH_TIME_RANGE, true);
    time.as.time = (struct ps_timestamp){PS_TIMESTAMP_SECONDS_MAX + 1, 0};
    checked(time, BREACH_TIME_RANGE, true);
    time = (struct tester_value){.kind = VALUE_TIME};
    checked(time, BREACH_NAIVE_TIME, false);
}

static void test_date_that_is_not_midnight_becomes_its_day(void **state)
{
    (void)state;
    struct tester_value value = {.kind = VALUE_DATE};
    bool skip = true;
    value.as.time.seconds = -1;
    assert_int_equal(value_check(&value, &skip), BREACH_DATE_NOT_MIDNIGHT);
    assert_false(skip);
    assert_int_equal(value.as.time.seconds, -86400);
}

static bool fits(struct tester_value value, enum ps_type type, uint8_t precision, uint8_t scale)
{
    return value_fits(&value, (struct ps_type_exact){type, precision, scale});
}

static struct tester_value number_value(enum value_kind kind, double number)
{
    struct tester_value value = {.kind = kind};
    value.as.number = number;
    return value;
}

static void test_value_fits_where_nothing_is_lost(void **state)
{
    (void)state;
    assert_true(fits(integer_value(VALUE_LONG, 5), PS_TYPE_SHORT, 0, 0));
    assert_false(fits(integer_value(VALUE_LONG, 1 << 20), PS_TYPE_SHORT, 0, 0));
    assert_true(fits(integer_value(VALUE_LONG, 99), PS_TYPE_DECIMAL, 4, 2));
    assert_false(fits(integer_value(VALUE_LONG, 100), PS_TYPE_DECIMAL, 4, 2));
    assert_true(fits(integer_value(VALUE_LONG, INT64_C(1) << 53), PS_TYPE_DOUBLE, 0, 0));
    assert_false(fits(integer_value(VALUE_LONG, (INT64_C(1) << 53) + 1), PS_TYPE_DOUBLE, 0, 0));
    assert_true(fits(number_value(VALUE_DOUBLE, 2.0), PS_TYPE_INT, 0, 0));
    assert_false(fits(number_value(VALUE_DOUBLE, 2.5), PS_TYPE_INT, 0, 0));
    assert_false(fits(number_value(VALUE_DOUBLE, 1e300), PS_TYPE_LONG, 0, 0));
    assert_false(fits(number_value(VALUE_DOUBLE, 0.1), PS_TYPE_FLOAT, 0, 0));
    assert_true(fits(text_value(VALUE_DECIMAL, "1.500"), PS_TYPE_DECIMAL, 3, 1));
    assert_false(fits(text_value(VALUE_DECIMAL, "1.55"), PS_TYPE_DECIMAL, 3, 1));
    assert_false(fits(text_value(VALUE_STRING, "x"), PS_TYPE_JSON, 0, 0));
    assert_true(fits(text_value(VALUE_BINARY, "x"), PS_TYPE_STRING, 0, 0));
    assert_false(fits(integer_value(VALUE_BOOL, 1), PS_TYPE_LONG, 0, 0));
}

static void test_value_exact_is_the_narrowest_decimal(void **state)
{
    (void)state;
    struct tester_value value = text_value(VALUE_DECIMAL, "-12.50");
    struct ps_type_exact exact = value_exact(&value);
    assert_int_equal(exact.type, PS_TYPE_DECIMAL);
    assert_int_equal(exact.precision, 4);
    assert_int_equal(exact.scale, 2);
    value = text_value(VALUE_DECIMAL, "0");
    assert_int_equal(value_exact(&value).precision, 1);
    value = text_value(VALUE_DECIMAL, "1e50");
    assert_int_equal(value_exact(&value).type, PS_TYPE_STRING);
    value = integer_value(VALUE_LONG, 5);
    assert_int_equal(value_exact(&value).type, PS_TYPE_LONG);
    assert_int_equal(value_tightest(&value).type, PS_TYPE_SHORT);
}

/* The text that a value has in a column of texts. */
static void put_as_text(struct tester_value value, const char *wanted)
{
    static const struct ps_column column = {.name = "c", .type = PS_TYPE_STRING};
    static const struct ps_table table = {.name = "t", .columns = &column, .columns_count = 1};
    static const uint32_t index = 0;
    const struct ps_batch_shape shape = {.table = &table,
                                         .columns = &index,
                                         .columns_count = 1,
                                         .rows_max = 1,
                                         .bytes_max = SIZE_MAX};
    struct ps_batch *batch = NULL;
    assert_int_equal(ps_batch_new(&shape, &batch, NULL), PS_OK);
    assert_true(value_put(batch, 0, &value));
    ps_batch_row_end(batch);
    size_t size = 0;
    const uint8_t *bytes = ps_vector_bytes(&batch->vectors[0], 0, &size);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(bytes, wanted, size);
    ps_batch_release(batch);
}

static void test_value_in_a_text_column_looks_as_in_the_warehouse(void **state)
{
    (void)state;
    struct tester_value time = {.kind = VALUE_UTC};
    time.as.time = (struct ps_timestamp){0, 500000000};
    put_as_text(time, "1970-01-01 00:00:00.5+00");
    time.kind = VALUE_DATETIME;
    put_as_text(time, "1970-01-01 00:00:00.5");
    time.kind = VALUE_TIME;
    put_as_text(time, "00:00:00.5");
    put_as_text(integer_value(VALUE_BOOL, 1), "true");
    put_as_text(integer_value(VALUE_LONG, INT64_MIN), "-9223372036854775808");
    put_as_text(number_value(VALUE_DOUBLE, 0.1), "0.1");
    put_as_text(number_value(VALUE_FLOAT, (double)0.1f), "0.1");
    put_as_text(number_value(VALUE_DOUBLE, 5), "5.0");
    put_as_text(text_value(VALUE_BINARY, "a\xff'"), "a\\xFF\\x27");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_value_read_gives_each_member),
        cmocka_unit_test(test_value_read_of_what_is_none_fails),
        cmocka_unit_test(test_row_data_goes_by_the_declared_type),
        cmocka_unit_test(test_row_data_undeclared_is_what_its_text_comes_back_from),
        cmocka_unit_test(test_value_check_names_what_is_wrong),
        cmocka_unit_test(test_date_that_is_not_midnight_becomes_its_day),
        cmocka_unit_test(test_value_fits_where_nothing_is_lost),
        cmocka_unit_test(test_value_exact_is_the_narrowest_decimal),
        cmocka_unit_test(test_value_in_a_text_column_looks_as_in_the_warehouse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
