/*
 * States of Python connectors, as those that Penstock stands in for write them.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "state/state.h"
#include "support/torture.h"

static struct ps_state *state;

static void take(const char *json)
{
    struct ps_error err;
    ps_state_free(state);
    state = NULL;
    if (ps_state_parse(json, strlen(json), "state.json", &state, &err) != PS_OK) {
        fail_msg("%s: %s", json, err.message);
    }
}

static int drop(void **context)
{
    (void)context;
    ps_state_free(state);
    state = NULL;
    return 0;
}

static enum ps_status edge_of(const char *schema, const char *table, enum ps_type type,
                              char text[PS_VALUE_TEXT_SIZE], struct ps_error *err)
{
    const struct ps_imported_cursor cursor = {
        .schema = schema, .table = table, .column = "changed", .type = type, .scale = 2};
    struct ps_scalar edge;
    enum ps_status status = ps_state_imported_edge(state, &cursor, &edge, err);
    if (status == PS_OK) {
        assert_true(edge.present && edge.type == type);
        ps_scalar_format(&edge, text);
    }
    return status;
}

static void expect(const char *schema, const char *table, enum ps_type type, const char *expected)
{
    char text[PS_VALUE_TEXT_SIZE];
    struct ps_error err;
    enum ps_status status = edge_of(schema, table, type, text, &err);
    if (expected == NULL) {
        assert_int_equal(status, PS_END);
        return;
    }
    assert_int_equal(status, PS_OK);
    assert_string_equal(text, expected);
}

static void test_import_table_names_with_the_clients_clock_look_back_an_hour(void **context)
{
    (void)context;
    /* EHI at scale, SQL Server. */
    take("{\"PatientDim\": \"2024-05-01T12:30:00.123456+00:00\","
         " \"EncounterFact\": \"2024-05-01 12:31:00.5\","
         " \"DiagnosisDim\": \"1900-01-01T00:00:00\"}");
    expect("dbo", "PatientDim", PS_TYPE_UTC_DATETIME, "2024-05-01T11:30:00.123456Z");
    expect("dbo", "patientdim", PS_TYPE_UTC_DATETIME, "2024-05-01T11:30:00.123456Z");
    expect("dbo", "EncounterFact", PS_TYPE_NAIVE_DATETIME, "2024-05-01T11:31:00.5");
    expect("dbo", "DiagnosisDim", PS_TYPE_NAIVE_DATETIME, NULL);
    expect("dbo", "Unknown", PS_TYPE_NAIVE_DATETIME, NULL);
}

static void test_import_names_with_the_schema(void **context)
{
    (void)context;
    take("{\"public_orders\": \"2024-05-01T12:00:00Z\", \"sales_orders\": "
         "\"2024-06-01T12:00:00Z\"}");
    expect("public", "orders", PS_TYPE_UTC_DATETIME, "2024-05-01T11:00:00Z");
    expect("sales", "orders", PS_TYPE_UTC_DATETIME, "2024-06-01T11:00:00Z");
    expect("", "orders", PS_TYPE_UTC_DATETIME, NULL);
    expect("other", "orders", PS_TYPE_UTC_DATETIME, NULL);
}

static void test_import_names_with_last_updated_at_hold_the_datas_own_time(void **context)
{
    (void)context;
    /* YugabyteDB. */
    take("{\"sensor_readings_last_updated_at\": \"2024-02-29T23:59:59.123456Z\","
         " \"sensors_last_updated_at\": \"1970-01-01T00:00:00Z\"}");
    expect("public", "sensor_readings", PS_TYPE_UTC_DATETIME, "2024-02-29T23:59:59.123456Z");
    expect("public", "sensors", PS_TYPE_UTC_DATETIME, NULL);
}

static void test_import_names_with_last_sync(void **context)
{
    (void)context;
    /* Adaptive processing, Snowflake. */
    take("{\"LOG_last_sync\": \"2024-05-01T12:00:00\", \"preprocessing_LOG\": true,"
         " \"preprocessing_last_run\": {\"a\": [1]}, \"CUSTOMERS_last_sync\": \"2020-01-01\"}");
    expect("PUBLIC", "LOG", PS_TYPE_NAIVE_DATETIME, "2024-05-01T11:00:00");
    expect("PUBLIC", "CUSTOMERS", PS_TYPE_NAIVE_DATETIME, NULL);
    assert_int_equal(state->imported_count, 2);
}

static void test_import_never_of_a_table_counts_before_later_names(void **context)
{
    (void)context;
    static const char *const nevers[] = {"null", "\"\"", "\"1970-01-01T00:00:00\"",
                                         "\"1900-01-01\"", "\"2020-01-01T00:00:00Z\""};
    for (size_t i = 0; i < sizeof(nevers) / sizeof(nevers[0]); i++) {
        char json[512];
        (void)snprintf(json, sizeof(json),
                       "{\"orders_last_updated_at\": %s, \"items_last_updated_at\": "
                       "\"2024-06-01T00:00:00Z\", \"last_updated_at\": "
                       "\"2024-06-02T00:00:00Z\", \"log_last_sync\": %s, \"log\": "
                       "\"2024-06-03T00:00:00Z\", \"ITEMS_last_updated_at\": %s}",
                       nevers[i], nevers[i], nevers[i]);
        take(json);
        for (int read = 0; read < 2; read++) {
            struct ps_buffer out;
            struct ps_error err;
            expect("public", "orders", PS_TYPE_UTC_DATETIME, NULL);
            expect("public", "orders", PS_TYPE_LONG, NULL);
            expect("public", "log", PS_TYPE_UTC_DATETIME, NULL);
            expect("public", "items", PS_TYPE_UTC_DATETIME, "2024-06-01T00:00:00Z");
            expect("public", "ITEMS", PS_TYPE_UTC_DATETIME, NULL);
            expect("public", "other", PS_TYPE_UTC_DATETIME, "2024-06-02T00:00:00Z");
            ps_buffer_init(&out, 0);
            assert_int_equal(ps_state_write(state, &out, &err), PS_OK);
            take(ps_buffer_text(&out));
            ps_buffer_done(&out);
        }
    }
}

static void test_import_never_of_all_tables_is_a_first_sync(void **context)
{
    (void)context;
    take("{\"last_updated_at\": \"1970-01-01T00:00:00\", \"a_last_updated_at\": "
         "\"2024-06-01T00:00:00Z\"}");
    expect("public", "a", PS_TYPE_UTC_DATETIME, "2024-06-01T00:00:00Z");
    expect("public", "b", PS_TYPE_UTC_DATETIME, NULL);
    take("{\"last_updated_at\": \"1970-01-01T00:00:00\", \"a_last_updated_at\": null}");
    assert_int_equal(state->imported_count, 0);
}

static void test_import_one_time_for_all_tables(void **context)
{
    (void)context;
    take("{\"last_updated_at\": \"2024-05-01T12:00:00Z\", \"a_last_sync\": "
         "\"2024-04-01T12:00:00Z\"}");
    expect("s", "a", PS_TYPE_UTC_DATETIME, "2024-04-01T11:00:00Z");
    expect("s", "b", PS_TYPE_UTC_DATETIME, "2024-05-01T12:00:00Z");
}

static void test_import_zones_that_differ_take_the_earliest_that_is_meant(void **context)
{
    (void)context;
    take("{\"a_last_updated_at\": \"2024-05-02T10:00:00+02:00\","
         " \"b_last_updated_at\": \"2024-05-02T10:00:00\", \"c_last_updated_at\": \"2024-05-02\"}");
    expect("", "a", PS_TYPE_UTC_DATETIME, "2024-05-02T08:00:00Z");
    expect("", "a", PS_TYPE_NAIVE_DATETIME, "2024-05-01T20:00:00");
    expect("", "a", PS_TYPE_NAIVE_DATE, "2024-05-01");
    expect("", "b", PS_TYPE_UTC_DATETIME, "2024-05-01T20:00:00Z");
    expect("", "b", PS_TYPE_NAIVE_DATE, "2024-05-02");
    expect("", "c", PS_TYPE_NAIVE_DATETIME, "2024-05-02T00:00:00");
}

static void test_import_numbers_are_cursors_of_numbers(void **context)
{
    (void)context;
    take("{\"a_last_updated_at\": 4711, \"b_last_sync\": \"12.5\", \"c\": null}");
    expect("", "a", PS_TYPE_LONG, "4711");
    expect("", "a", PS_TYPE_DECIMAL, "4711.00");
    expect("", "c", PS_TYPE_LONG, NULL);
}

static void test_import_value_of_another_type_is_refused_by_name(void **context)
{
    (void)context;
    char text[PS_VALUE_TEXT_SIZE];
    struct ps_error err;
    take("{\"orders\": \"2024-05-01T12:00:00Z\", \"big\": 99999999999}");
    assert_int_equal(edge_of("s", "orders", PS_TYPE_LONG, text, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "\"orders\" in the state that is taken over"));
    assert_non_null(strstr(err.message, "cursor \"changed\""));
    assert_int_equal(edge_of("s", "big", PS_TYPE_INT, text, &err), PS_CONFIG);
    assert_int_equal(edge_of("s", "big", PS_TYPE_UTC_DATETIME, text, &err), PS_CONFIG);
    expect("s", "big", PS_TYPE_LONG, "99999999999");
}

static void test_import_survives_in_the_state_document(void **context)
{
    (void)context;
    struct ps_buffer out;
    struct ps_error err;
    take("{\"b\": \"2024-05-01T12:00:00Z\", \"A\": \"2024-05-02T12:00:00Z\", \"n_last_sync\": 7,"
         " \"a\": \"2024-05-03T12:00:00Z\"}");
    ps_buffer_init(&out, 0);
    assert_int_equal(ps_state_write(state, &out, &err), PS_OK);
    assert_non_null(strstr(ps_buffer_text(&out),
                           "\"imported\":{\"A\":\"2024-05-02T12:00:00Z\",\"a\":\"2024-05-03T12:00:"
                           "00Z\",\"b\":\"2024-05-01T12:00:00Z\",\"n_last_sync\":\"7\"}"));
    take(ps_buffer_text(&out));
    ps_buffer_done(&out);
    expect("s", "A", PS_TYPE_UTC_DATETIME, "2024-05-02T11:00:00Z");
    expect("s", "a", PS_TYPE_UTC_DATETIME, "2024-05-03T11:00:00Z");
    expect("s", "n", PS_TYPE_LONG, "7");
}

static void test_import_leaves_other_documents_alone(void **context)
{
    (void)context;
    static const char *const others[] = {
        "{\"version\": 3}",
        "{\"host\": \"localhost\", \"user\": \"me\"}",
        "{\"orders\": \"2024-05-01T00:00:00Z\", \"host\": \"localhost\"}",
        "{\"orders\": {\"at\": \"2024-05-01T00:00:00Z\"}}",
        "{\"orders\": \"2024-05-01T00:00:00Z\", \"flag\": true}",
        "[\"2024-05-01T00:00:00Z\"]",
        "{\"a_last_sync\": 1e5}",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct ps_state *none = NULL;
        struct ps_error err;
        assert_int_equal(ps_state_parse(others[i], strlen(others[i]), "here", &none, &err),
                         PS_CONFIG);
        assert_non_null(strstr(err.message, "no Penstock state"));
    }
}

static void test_import_damaged_in_the_document_is_told(void **context)
{
    (void)context;
    static const char *const damaged[] = {"[]", "{\"a\": 1}", "{\"a\": \"b\\u0000\"}"};
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        char json[256];
        struct ps_state *none = NULL;
        struct ps_error err;
        int size = snprintf(json, sizeof(json),
                            "{\"penstock\":1,\"number\":1,\"syncs_completed\":0,\"imported\":%s,"
                            "\"tables\":[]}",
                            damaged[i]);
        assert_int_equal(ps_state_parse(json, (size_t)size, "here", &none, &err), PS_CONFIG);
        assert_non_null(strstr(err.message, "\"imported\""));
    }
}

static enum ps_status take_once(void *context, struct ps_error *err)
{
    const char *json = context;
    struct ps_state *made = NULL;
    enum ps_status status = ps_state_parse(json, strlen(json), "here", &made, err);
    ps_state_free(made);
    return status;
}

static void test_import_when_memory_runs_out_says_so(void **context)
{
    (void)context;
    char json[] = "{\"orders\": \"2024-05-01T12:00:00Z\", \"b\": null}";
    torture(take_once, json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_import_table_names_with_the_clients_clock_look_back_an_hour,
                                  drop),
        cmocka_unit_test_teardown(test_import_names_with_the_schema, drop),
        cmocka_unit_test_teardown(test_import_names_with_last_updated_at_hold_the_datas_own_time,
                                  drop),
        cmocka_unit_test_teardown(test_import_names_with_last_sync, drop),
        cmocka_unit_test_teardown(test_import_never_of_a_table_counts_before_later_names, drop),
        cmocka_unit_test_teardown(test_import_never_of_all_tables_is_a_first_sync, drop),
        cmocka_unit_test_teardown(test_import_one_time_for_all_tables, drop),
        cmocka_unit_test_teardown(test_import_zones_that_differ_take_the_earliest_that_is_meant,
                                  drop),
        cmocka_unit_test_teardown(test_import_numbers_are_cursors_of_numbers, drop),
        cmocka_unit_test_teardown(test_import_value_of_another_type_is_refused_by_name, drop),
        cmocka_unit_test_teardown(test_import_survives_in_the_state_document, drop),
        cmocka_unit_test_teardown(test_import_leaves_other_documents_alone, drop),
        cmocka_unit_test_teardown(test_import_damaged_in_the_document_is_told, drop),
        cmocka_unit_test_teardown(test_import_when_memory_runs_out_says_so, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
