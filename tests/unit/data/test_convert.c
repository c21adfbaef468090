/*
 * Values of one type as values of another.
 */
#include "support/unit.h"

#include <stdio.h>

#include "data/convert.h"

static struct ps_error err;
static const uint32_t first[] = {0};

static struct ps_batch *batch_of(const struct ps_column *column, struct ps_table *table)
{
    struct ps_batch *batch;
    *table = (struct ps_table){.schema = "", .name = "t", .columns = column, .columns_count = 1};
    struct ps_batch_shape shape = {
        .table = table, .columns = first, .columns_count = 1, .rows_max = 8, .bytes_max = 1 << 20};
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    return batch;
}

/* The text of row 0 of `from` as the type; "bad: …" where it is none, "NULL" for one. */
static const char *converted(struct ps_batch *from, const char *type)
{
    static char text[256];
    struct ps_column column = {.name = "c"};
    struct ps_type_exact exact;
    struct ps_table table;
    const char *bad;
    assert_true(ps_type_exact_parse(type, strlen(type), &exact));
    column.type = exact.type;
    column.precision = exact.precision;
    column.scale = exact.scale;
    struct ps_batch *target = batch_of(&column, &table);
    assert_int_equal(ps_convert_put(target, 0, &from->vectors[0], 0, &bad, &err), PS_OK);
    if (bad != NULL) {
        snprintf(text, sizeof(text), "bad: %s", bad);
        ps_batch_value_bad(target, 0, bad);
        ps_batch_row_end(target);
    } else {
        ps_batch_row_end(target);
        struct ps_column as_text = {.name = "c", .type = PS_TYPE_STRING};
        struct ps_table text_table;
        struct ps_batch *last = batch_of(&as_text, &text_table);
        assert_int_equal(ps_convert_put(last, 0, &target->vectors[0], 0, &bad, &err), PS_OK);
        ps_batch_row_end(last);
        size_t size = 0;
        const uint8_t *bytes = ps_vector_bytes(&last->vectors[0], 0, &size);
        if (ps_vector_is_valid(&last->vectors[0], 0)) {
            snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)bytes);
        } else {
            snprintf(text, sizeof(text), "NULL");
        }
        ps_batch_free(last);
    }
    ps_batch_free(target);
    return text;
}

#define CASE(type_, put, target, expected)                                                         \
    do {                                                                                           \
        struct ps_column column_ = {.name = "c", .type = type_, .precision = 20, .scale = 4};      \
        struct ps_table table_;                                                                    \
        struct ps_batch *batch = batch_of(&column_, &table_);                                      \
        put;                                                                                       \
        ps_batch_row_end(batch);                                                                   \
        assert_string_equal(converted(batch, target), expected);                                   \
        ps_batch_free(batch);                                                                      \
    } while (0)
#define TEXT(text) assert_true(ps_batch_put_bytes(batch, 0, text, strlen(text)))

static void test_convert_gives_every_type_as_text(void **state)
{
    (void)state;
    CASE(PS_TYPE_BOOLEAN, ps_batch_put_bool(batch, 0, 1), "STRING", "true");
    CASE(PS_TYPE_SHORT, ps_batch_put_short(batch, 0, -7), "STRING", "-7");
    CASE(PS_TYPE_LONG, ps_batch_put_long(batch, 0, INT64_MIN), "STRING", "-9223372036854775808");
    CASE(PS_TYPE_FLOAT, ps_batch_put_float(batch, 0, 0.1F), "STRING", "0.1");
    CASE(PS_TYPE_DOUBLE, ps_batch_put_double(batch, 0, 0.1 + 0.2), "STRING", "0.30000000000000004");
    CASE(PS_TYPE_DOUBLE, ps_batch_put_double(batch, 0, -1.0 / 0.0), "STRING", "-Infinity");
    CASE(PS_TYPE_DECIMAL, ps_batch_put_decimal(batch, 0, 123400), "STRING", "12.3400");
    CASE(PS_TYPE_NAIVE_DATE, ps_batch_put_date(batch, 0, 19782), "STRING", "2024-02-29");
    struct ps_timestamp time = {1709251199, 123456789};
    CASE(PS_TYPE_NAIVE_DATETIME, ps_batch_put_timestamp(batch, 0, time), "STRING",
         "2024-02-29T23:59:59.123456789");
    CASE(PS_TYPE_UTC_DATETIME, ps_batch_put_timestamp(batch, 0, time), "STRING",
         "2024-02-29T23:59:59.123456789Z");
    CASE(PS_TYPE_BINARY, assert_true(ps_batch_put_bytes(batch, 0, "\x00\xffz", 3)), "STRING",
         "00ff7a");
    CASE(PS_TYPE_JSON, TEXT("{\"a\":1}"), "STRING", "{\"a\":1}");
    CASE(PS_TYPE_LONG, ps_batch_put_null(batch, 0), "STRING", "NULL");
}

static void test_convert_takes_numbers_that_fit(void **state)
{
    (void)state;
    CASE(PS_TYPE_STRING, TEXT("12.30"), "DECIMAL(4,2)", "12.30");
    CASE(PS_TYPE_STRING, TEXT("12.3"), "DECIMAL(4,2)", "12.30");
    CASE(PS_TYPE_STRING, TEXT("42"), "SHORT", "42");
    CASE(PS_TYPE_STRING, TEXT("-32768"), "SHORT", "-32768");
    CASE(PS_TYPE_STRING, TEXT("2147483647"), "INT", "2147483647");
    CASE(PS_TYPE_STRING, TEXT("-9223372036854775808"), "LONG", "-9223372036854775808");
    CASE(PS_TYPE_INT, ps_batch_put_int(batch, 0, 5), "LONG", "5");
    CASE(PS_TYPE_INT, ps_batch_put_int(batch, 0, 5), "DOUBLE", "5");
    CASE(PS_TYPE_INT, ps_batch_put_int(batch, 0, 5), "DECIMAL(12,2)", "5.00");
    CASE(PS_TYPE_NAIVE_DATE, ps_batch_put_date(batch, 0, -1), "NAIVE_DATETIME",
         "1969-12-31T00:00:00");
    CASE(PS_TYPE_STRING, TEXT("[1]"), "JSON", "[1]");
}

static void test_convert_gives_up_what_does_not_fit(void **state)
{
    (void)state;
#define BAD "bad: the number does not fit the type that column_types gives it"
    CASE(PS_TYPE_STRING, TEXT("100.00"), "DECIMAL(4,2)", BAD);
    CASE(PS_TYPE_STRING, TEXT("-100"), "DECIMAL(4,2)", BAD);
    CASE(PS_TYPE_STRING, TEXT("1.234"), "DECIMAL(4,2)", BAD);
    CASE(PS_TYPE_STRING, TEXT("NaN"), "DECIMAL(4,2)", BAD);
    CASE(PS_TYPE_STRING, TEXT("32768"), "SHORT", BAD);
    CASE(PS_TYPE_STRING, TEXT("9223372036854775808"), "LONG", BAD);
    CASE(PS_TYPE_STRING, TEXT("0.5"), "LONG", BAD);
    CASE(PS_TYPE_STRING, TEXT("{oops"), "JSON",
         "bad: the text is no JSON, which column_types takes it for");
}

static bool refused(enum ps_type from, const char *source_type, const char *to)
{
    struct ps_type_exact exact;
    struct ps_column column = {
        .name = "c", .type = from, .source_type = source_type, .precision = 10, .scale = 2};
    assert_true(ps_type_exact_parse(to, strlen(to), &exact));
    return ps_convert_refusal(&column, exact) != NULL;
}

static void test_convert_refuses_what_would_lose(void **state)
{
    (void)state;
    assert_true(refused(PS_TYPE_LONG, "bigint", "INT"));
    assert_true(refused(PS_TYPE_LONG, "bigint", "DOUBLE"));
    assert_true(refused(PS_TYPE_DECIMAL, "numeric(10,2)", "DECIMAL(10,1)"));
    assert_true(refused(PS_TYPE_DECIMAL, "numeric(10,2)", "DOUBLE"));
    assert_true(refused(PS_TYPE_DOUBLE, "float8", "DECIMAL(38,10)"));
    assert_true(refused(PS_TYPE_UTC_DATETIME, "timestamptz", "NAIVE_DATETIME"));
    assert_true(refused(PS_TYPE_NAIVE_DATETIME, "timestamp", "NAIVE_DATE"));
    assert_true(refused(PS_TYPE_STRING, "text", "LONG"));
    assert_true(refused(PS_TYPE_STRING, "numeric[]", "LONG"));
    assert_true(refused(PS_TYPE_STRING, "numeric", "DOUBLE"));
    assert_true(refused(PS_TYPE_BINARY, "bytea", "JSON"));
    assert_false(refused(PS_TYPE_STRING, "numeric", "DECIMAL(10,2)"));
    assert_false(refused(PS_TYPE_STRING, "numeric(50,2)", "LONG"));
    assert_false(refused(PS_TYPE_STRING, "text", "JSON"));
    assert_false(refused(PS_TYPE_DECIMAL, "numeric(10,2)", "DECIMAL(12,3)"));
    assert_false(refused(PS_TYPE_BINARY, "bytea", "STRING"));
}

static void test_type_parse_takes_the_contracts_names_alone(void **state)
{
    (void)state;
    struct ps_type_exact type;
    assert_true(ps_type_exact_parse("decimal ( 12 , 2 )", 18, &type));
    assert_int_equal(type.precision, 12);
    assert_int_equal(type.scale, 2);
    static const char *const wrong[] = {
        "",           "VARCHAR",        "DECIMAL",      "DECIMAL()",
        "DECIMAL(0)", "DECIMAL(39,2)",  "DECIMAL(2,3)", "DECIMAL(2,1",
        "STRING(3)",  "DECIMAL(2,1) x", "DECIMAL(123)", "LONG "};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_false(ps_type_exact_parse(wrong[i], strlen(wrong[i]), &type));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_convert_gives_every_type_as_text),
        cmocka_unit_test(test_convert_takes_numbers_that_fit),
        cmocka_unit_test(test_convert_gives_up_what_does_not_fit),
        cmocka_unit_test(test_convert_refuses_what_would_lose),
        cmocka_unit_test(test_type_parse_takes_the_contracts_names_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
