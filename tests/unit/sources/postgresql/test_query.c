/* Names and values in SQL: nothing that a name or a value holds ends its quotes. */
#include "support/unit.h"

#include "sources/postgresql/query.h"

static const struct ps_column columns[] = {
    {.name = "id", .type = PS_TYPE_LONG, .nullable = true},
    {.name = "A \"b\" %s \\ 'x' Näme;--", .type = PS_TYPE_STRING},
    {.name = "c", .type = PS_TYPE_STRING},
};
static const struct ps_table table = {
    .schema = "s.1", .name = "t\"\"'", .columns = columns, .columns_count = 3};
static const uint32_t all[] = {0, 1, 2};

static const struct partition whole = {.kind = PARTITION_WHOLE};
static const struct window none = {.asked = NULL};

static void assert_sql(struct ps_buffer *sql, const char *expected)
{
    assert_true(ps_buffer_ok(sql));
    assert_string_equal(ps_buffer_text(sql), expected);
    ps_buffer_done(sql);
}

static void test_literal_with_quotes_and_backslashes_stays_one_literal(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    query_literal(&sql, "it's");
    query_literal(&sql, "\\'; DROP TABLE t --");
    query_literal(&sql, "");
    assert_sql(&sql, "'it''s' E'\\\\''; DROP TABLE t --'''");
}

static void test_copy_quotes_every_name(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    struct ps_read_request request = {.table = &table, .columns = all, .columns_count = 3};
    const struct type_field fields[] = {
        {.select = TYPE_SELECT_PLAIN}, {.select = TYPE_SELECT_TEXT}, {.select = TYPE_SELECT_MONEY}};
    query_copy(&sql, &request, fields, &whole, &none);
    assert_sql(&sql,
               "COPY (SELECT \"id\", \"A \"\"b\"\" %s \\ 'x' Näme;--\"::text,"
               " \"c\"::numeric::text FROM \"s.1\".\"t\"\"\"\"'\") TO STDOUT (FORMAT BINARY)");
}

static void test_copy_of_raw_text_keeps_the_blanks(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    struct ps_read_request request = {.table = &table, .columns = all, .columns_count = 3};
    const struct type_field fields[] = {{.select = TYPE_SELECT_PLAIN},
                                        {.select = TYPE_SELECT_PLAIN, .raw = true},
                                        {.select = TYPE_SELECT_PADDED, .raw = true}};
    request.columns = all + 1;
    request.columns_count = 2;
    query_copy(&sql, &request, fields + 1, &whole, &none);
    assert_sql(&sql,
               "COPY (SELECT convert_to((\"A \"\"b\"\" %s \\ 'x' Näme;--\")::text, 'SQL_ASCII'),"
               " convert_to((rpad(\"c\"::text, octet_length(\"c\")))::text, 'SQL_ASCII')"
               " FROM \"s.1\".\"t\"\"\"\"'\") TO STDOUT (FORMAT BINARY)");
}

static void test_table_without_columns_has_a_query(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    struct ps_read_request request = {.table = &table};
    query_copy(&sql, &request, NULL, &whole, &none);
    ps_buffer_putc(&sql, '|');
    query_probe(&sql, &request);
    assert_sql(&sql, "COPY (SELECT FROM \"s.1\".\"t\"\"\"\"'\") TO STDOUT (FORMAT BINARY)|"
                     "SELECT FROM \"s.1\".\"t\"\"\"\"'\" WHERE false");
}

static void test_copy_of_other_types_is_written_by_the_server(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    struct ps_read_request request = {.table = &table, .columns = all, .columns_count = 1};
    const struct type_field array = {.select = TYPE_SELECT_ARRAY};
    const struct type_field object = {.select = TYPE_SELECT_OBJECT};
    const struct type_field printed = {.select = TYPE_SELECT_PRINTED};
    const struct type_field raw = {.select = TYPE_SELECT_ARRAY, .raw = true};
#define ARRAY_SQL                                                                                  \
    "CASE WHEN replace(array_dims(\"id\"), '[1:', '') LIKE '%[%' THEN"                             \
    " json_build_object(array_dims(\"id\"), to_json(\"id\")) ELSE to_json(\"id\") END"
#define FROM_SQL " FROM \"s.1\".\"t\"\"\"\"'\") TO STDOUT (FORMAT BINARY)"
    query_copy(&sql, &request, &array, &whole, &none);
    assert_sql(&sql, "COPY (SELECT " ARRAY_SQL FROM_SQL);
    query_copy(&sql, &request, &object, &whole, &none);
    assert_sql(&sql, "COPY (SELECT to_json(\"id\")" FROM_SQL);
    query_copy(&sql, &request, &printed, &whole, &none);
    assert_sql(&sql,
               "COPY (SELECT CASE WHEN num_nulls(\"id\") = 0 THEN concat(\"id\") END" FROM_SQL);
    query_copy(&sql, &request, &raw, &whole, &none);
    assert_sql(&sql, "COPY (SELECT convert_to((" ARRAY_SQL ")::text, 'SQL_ASCII')" FROM_SQL);
}

static void assert_window(struct ps_scalar lower, const char *literal)
{
    struct ps_buffer sql = {0}, expected = {0};
    struct ps_window window = {.column = 0, .lower = lower};
    struct ps_read_request request = {
        .table = &table, .columns = all, .columns_count = 1, .window = &window};
    const struct type_field field = {.select = TYPE_SELECT_PLAIN};
    query_copy(&sql, &request, &field, &whole, &none);
    ps_buffer_puts(&expected, "COPY (SELECT \"id\" FROM \"s.1\".\"t\"\"\"\"'\"");
    if (literal != NULL) {
        ps_buffer_printf(&expected, " WHERE \"id\"%s >= %s OR \"id\" IS NULL",
                         lower.type == PS_TYPE_LONG ? "::bigint" : "", literal);
    }
    ps_buffer_puts(&expected, ") TO STDOUT (FORMAT BINARY)");
    assert_sql(&sql, ps_buffer_text(&expected));
    ps_buffer_done(&expected);
}

static void test_window_has_a_literal_of_its_type(void **state)
{
    (void)state;
    struct ps_timestamp time = {-1, 999999999};
    assert_window((struct ps_scalar){.type = PS_TYPE_UTC_DATETIME, .present = true, .time = time},
                  "'1969-12-31T23:59:59.999999Z'::timestamptz");
    assert_window((struct ps_scalar){.type = PS_TYPE_NAIVE_DATETIME, .present = true, .time = time},
                  "'1969-12-31T23:59:59.999999'::timestamp");
    assert_window((struct ps_scalar){.type = PS_TYPE_NAIVE_DATE, .present = true, .integer = -1},
                  "'1969-12-31'::date");
    assert_window((struct ps_scalar){.type = PS_TYPE_LONG, .present = true, .integer = INT64_MIN},
                  "'-9223372036854775808'::bigint");
    assert_window((struct ps_scalar){.type = PS_TYPE_SHORT, .present = true, .integer = 5},
                  "'5'::bigint");
    assert_window(
        (struct ps_scalar){.type = PS_TYPE_DECIMAL, .present = true, .scale = 2, .integer = -5},
        "'-0.05'::numeric");
    assert_window((struct ps_scalar){.type = PS_TYPE_LONG, .present = false}, NULL);
}

static void test_window_on_a_column_without_null_has_no_or(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    const struct ps_column column = {.name = "n", .type = PS_TYPE_INT};
    const struct ps_table of = {
        .schema = "s", .name = "t", .columns = &column, .columns_count = 1, .own_rows_only = true};
    const struct ps_window window = {.column = 0,
                                     .lower = {.type = PS_TYPE_INT, .present = true, .integer = 7}};
    const struct ps_read_request request = {
        .table = &of, .columns = all, .columns_count = 1, .window = &window};
    const struct type_field field = {.select = TYPE_SELECT_PLAIN};
    query_copy(&sql, &request, &field, &whole, &none);
    assert_sql(&sql,
               "COPY (SELECT \"n\" FROM ONLY \"s\".\"t\" WHERE \"n\" >= '7'::bigint) TO STDOUT "
               "(FORMAT BINARY)");
}

static void test_window_can_be_read_place_by_place(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    struct ps_column column = {.name = "n", .type = PS_TYPE_LONG, .nullable = true};
    struct ps_table of = {.schema = "s", .name = "t", .columns = &column, .columns_count = 1};
    struct ps_window window = {.lower = {.type = PS_TYPE_LONG, .present = true, .integer = 7}};
    struct ps_read_request request = {
        .table = &of, .columns = all, .columns_count = 1, .window = &window};
    struct partition part = {.kind = PARTITION_BLOCKS, .end = UINT64_MAX};
    query_next_place(&sql, &request, &part, &none);
    ps_buffer_putc(&sql, '|');
    part.positioned = part.exact = true;
    part.block = 4294967295;
    part.place = 3;
    query_next_place(&sql, &request, &part, &none);
    assert_sql(&sql, "SELECT split_part(ctid::text, ',', 1), split_part(ctid::text, ',', 2)"
                     " FROM \"s\".\"t\" WHERE ctid >= '(0,0)'::tid"
                     " AND (\"n\"::bigint >= '7'::bigint OR \"n\" IS NULL) LIMIT 1|"
                     "SELECT split_part(ctid::text, ',', 1), split_part(ctid::text, ',', 2)"
                     " FROM \"s\".\"t\" WHERE ctid = '(4294967295,3)'::tid"
                     " AND (\"n\"::bigint >= '7'::bigint OR \"n\" IS NULL) LIMIT 1");
}

static void test_index_is_made_in_the_order_of_the_column(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    query_index(&table, 0, &sql);
    assert_sql(&sql, "CREATE INDEX CONCURRENTLY ON \"s.1\".\"t\"\"\"\"'\" (\"id\" ASC)");
}

static void test_rewrite_check_names_the_table_as_a_literal(void **state)
{
    (void)state;
    struct ps_buffer sql = {0};
    query_rewritten(&sql, &table, 150000);
    assert_non_null(strstr(ps_buffer_text(&sql), "to_regclass('\"s.1\".\"t\"\"\"\"''\"')::oid"));
    ps_buffer_done(&sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_literal_with_quotes_and_backslashes_stays_one_literal),
        cmocka_unit_test(test_copy_quotes_every_name),
        cmocka_unit_test(test_copy_of_raw_text_keeps_the_blanks),
        cmocka_unit_test(test_copy_of_other_types_is_written_by_the_server),
        cmocka_unit_test(test_table_without_columns_has_a_query),
        cmocka_unit_test(test_window_has_a_literal_of_its_type),
        cmocka_unit_test(test_window_on_a_column_without_null_has_no_or),
        cmocka_unit_test(test_window_can_be_read_place_by_place),
        cmocka_unit_test(test_index_is_made_in_the_order_of_the_column),
        cmocka_unit_test(test_rewrite_check_names_the_table_as_a_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
