/*
 * Unit tests for src/sources/example/: the form's tests by name, the log, and its positions.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "sources/example/example.h"
#include "sources/example/log.h"
#include "support/rows.h"
#include "support/unit.h"

static enum ps_status test_with(const char *name, const char *const *settings, struct ps_error *err)
{
    struct ps_config *config = rows_config(&ps_source_example, settings);
    struct ps_source_request request = {.config = config};
    enum ps_status status = ps_source_example.test(&request, name, err);
    rows_config_free(config);
    return status;
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define URL "apiBaseURL=https://api.example.com"

static void assert_fails(const char *const *settings, const char *missing, const char *not_missing)
{
    static const char *const names[] = {"connect", "select"};
    for (size_t i = 0; i < 2; i++) {
        struct ps_error err = {0};
        assert_int_equal(test_with(names[i], settings, &err), PS_CONFIG);
        assert_non_null(strstr(err.message, missing));
        assert_null(strstr(err.message, not_missing));
    }
}

static void assert_passes(const char *const *settings)
{
    struct ps_error err = {0};
    assert_int_equal(test_with("connect", settings, &err), PS_OK);
    assert_int_equal(test_with("select", settings, &err), PS_OK);
}

static void test_connect_without_base_url_fails_by_name(void **state)
{
    (void)state;
    assert_fails(SETTINGS("apiVersion=v3"), "API base URL (apiBaseURL)", "password");
    assert_passes(SETTINGS(URL));
}

static void test_connect_without_a_field_of_its_method_fails_by_name(void **state)
{
    (void)state;
    assert_fails(SETTINGS(URL, "authenticationMethod=OAuth2.0"),
                 "Client ID (client_id), Client secret (client_secret)", "api_key");
    assert_fails(SETTINGS(URL, "authenticationMethod=OAuth2.0", "clientId=confidential"),
                 "missing: Client secret (client_secret)", "confidential");
    assert_fails(SETTINGS(URL, "authenticationMethod=api key"), "API key (api_key)", "username");
    assert_fails(SETTINGS(URL, "authenticationMethod=Basic Auth", "password=secret"),
                 "User name (username)", "password");
    assert_fails(SETTINGS("authenticationMethod=Basic Auth", "password=secret"),
                 "API base URL (apiBaseURL), User name (username)", "secret");
    assert_passes(SETTINGS(URL, "authenticationMethod=OAuth2.0", "clientId=i", "client_secret=s"));
    assert_passes(SETTINGS(URL, "authenticationMethod=API Key", "apiKey=k"));
    assert_passes(SETTINGS(URL, "authenticationMethod=Basic Auth", "username=u", "password=p"));
    assert_passes(
        SETTINGS(URL, "authenticationMethod=None", "enableMetrics=true", "uploadFile=e30="));
}

static void test_unknown_test_is_refused_by_name(void **state)
{
    (void)state;
    struct ps_error err = {0};
    assert_int_equal(test_with("ping", SETTINGS(URL), &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "no test named ping"));
}

/* An open source and one reader. */
struct reading {
    struct ps_config *config;
    struct ps_source *source;
    struct ps_arena *arena;
    struct ps_read_request request;
    struct ps_reader *reader;
    struct ps_batch *batch;
};

static void begin(struct reading *reading, const char *table, const char *position, uint32_t rows)
{
    struct ps_error err = {0};
    *reading = (struct reading){.config = rows_config(&ps_source_example, SETTINGS(URL)),
                                .arena = ps_arena_new(1 << 20)};
    struct ps_source_request open = {.config = reading->config};
    assert_int_equal(ps_source_example.open(&open, &reading->source, &err), PS_OK);
    struct ps_table *described = rows_table(reading->source, reading->arena, "", table);
    reading->request =
        (struct ps_read_request){.table = described,
                                 .columns = rows_all_columns(reading->arena, described),
                                 .columns_count = 2,
                                 .position = position,
                                 .value_bytes_max = 1 << 20};
    assert_int_equal(
        ps_source_example.reader_open(reading->source, &reading->request, &reading->reader, &err),
        PS_OK);
    reading->batch = rows_batch(&reading->request, rows);
}

static void finish(struct reading *reading)
{
    ps_batch_free(reading->batch);
    ps_source_example.reader_close(reading->reader);
    ps_source_example.close(reading->source);
    ps_arena_free(reading->arena);
    rows_config_free(reading->config);
}

static enum ps_status next(struct reading *reading)
{
    struct ps_error err = {0};
    ps_batch_reset(reading->batch);
    reading->batch->table = reading->request.table;
    return ps_source_example.reader_next(reading->reader, reading->batch, &err);
}

static void assert_text(const struct reading *reading, uint32_t column, uint32_t row,
                        const char *expected)
{
    size_t size;
    const uint8_t *bytes = ps_vector_bytes(&reading->batch->vectors[column], row, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(bytes, expected, size);
}

static double number(const struct reading *reading, uint32_t row)
{
    return ((const double *)reading->batch->vectors[1].values)[row];
}

static void test_first_table_is_upserts_then_an_update_then_a_delete(void **state)
{
    (void)state;
    struct reading reading;
    begin(&reading, "table1", NULL, 500);
    assert_int_equal(next(&reading), PS_OK);
    assert_int_equal(reading.batch->operation, PS_UPSERT);
    assert_int_equal(reading.batch->rows, LOG_TABLE1_ROWS);
    assert_text(&reading, 0, 249, "a-249");
    assert_true(number(&reading, 2) == 2 * 0.234);
    assert_int_equal(next(&reading), PS_OK);
    assert_int_equal(reading.batch->operation, PS_UPDATE);
    assert_int_equal(reading.batch->rows, 1);
    assert_text(&reading, 0, 0, "a-0");
    assert_true(number(&reading, 0) == 110.234);
    assert_int_equal(next(&reading), PS_OK);
    assert_int_equal(reading.batch->operation, PS_DELETE);
    assert_int_equal(reading.batch->rows, 1);
    assert_text(&reading, 0, 0, "a-2");
    assert_false(ps_vector_is_valid(&reading.batch->vectors[1], 0));
    assert_int_equal(next(&reading), PS_END);
    assert_string_equal(ps_source_example.reader_position(reading.reader), "402");
    finish(&reading);
}

static void test_second_table_has_texts_of_all_sizes(void **state)
{
    (void)state;
    struct reading reading;
    size_t size;
    begin(&reading, "table2", "6", 500);
    assert_int_equal(next(&reading), PS_OK);
    assert_int_equal(reading.batch->rows, LOG_TABLE2_ROWS);
    assert_text(&reading, 0, 0, "b1");
    assert_text(&reading, 1, 0, "ben");
    assert_text(&reading, 1, 149, "ben-150");
    (void)ps_vector_bytes(&reading.batch->vectors[1], LOG_LONG_FIRST, &size);
    assert_int_equal(size, LOG_LONG_SIZE);
    (void)ps_vector_bytes(&reading.batch->vectors[1], LOG_OVERSIZE_ROW, &size);
    assert_true(size > 102400);
    assert_int_equal(next(&reading), PS_END);
    /* The rest of the log holds nothing of it: both tables end at one cursor. */
    assert_string_equal(ps_source_example.reader_position(reading.reader), "408");
    finish(&reading);
}

static void test_position_that_is_no_count_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "x", "-1", "+1", " 1", "1 ", "9223372036854775807", "99999999999999999999999"};
    struct reading reading;
    begin(&reading, "table1", "9000000000000000000", 1);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ps_reader *reader = NULL;
        struct ps_error err = {0};
        reading.request.position = wrong[i];
        assert_int_equal(
            ps_source_example.reader_open(reading.source, &reading.request, &reader, &err),
            PS_CONFIG);
        assert_null(reader);
    }
    finish(&reading);
}

static void test_batch_of_one_row_goes_through_the_whole_log(void **state)
{
    (void)state;
    struct reading reading;
    begin(&reading, "table1", NULL, 1);
    int rows = 0;
    while (next(&reading) == PS_OK) {
        rows++;
    }
    assert_int_equal(rows, LOG_TABLE1_ROWS + 2);
    finish(&reading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connect_without_base_url_fails_by_name),
        cmocka_unit_test(test_connect_without_a_field_of_its_method_fails_by_name),
        cmocka_unit_test(test_unknown_test_is_refused_by_name),
        cmocka_unit_test(test_first_table_is_upserts_then_an_update_then_a_delete),
        cmocka_unit_test(test_second_table_has_texts_of_all_sizes),
        cmocka_unit_test(test_position_that_is_no_count_is_refused),
        cmocka_unit_test(test_batch_of_one_row_goes_through_the_whole_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
