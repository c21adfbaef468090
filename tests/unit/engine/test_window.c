/*
 * Edges of cursor windows.
 */
#include "support/unit.h"

#include "engine/window.h"

static struct ps_scalar scalar(enum ps_type type, const char *text)
{
    struct ps_scalar value = {.type = type};
    if (text != NULL) {
        assert_true(ps_scalar_parse(text, strlen(text), type, 0, &value));
    }
    return value;
}

static void assert_scalar(struct ps_scalar value, const char *expected)
{
    char text[PS_VALUE_TEXT_SIZE];
    assert_true(value.present);
    ps_scalar_format(&value, text);
    assert_string_equal(text, expected);
}

static struct ps_now now_at(const char *clock, const char *horizon)
{
    struct ps_now now = {.horizon_known = horizon != NULL};
    assert_true(ps_timestamp_parse(clock, strlen(clock), &now.utc, NULL));
    now.local = ps_timestamp_add(now.utc, 7200);
    if (horizon != NULL) {
        assert_true(ps_timestamp_parse(horizon, strlen(horizon), &now.horizon_utc, NULL));
        now.horizon_local = ps_timestamp_add(now.horizon_utc, 7200);
    }
    return now;
}

static struct ps_scalar next(enum ps_type type, const struct ps_now *now, const char *largest,
                             const char *previous)
{
    struct ps_scalar large = scalar(type, largest), before = scalar(type, previous);
    const struct ps_column cursor = {.type = type};
    struct ps_scalar limit = window_limit(&cursor, now);
    return window_next_edge(&limit, window_held(&cursor, now), &large, &before);
}

static void test_next_edge_is_the_largest_value_below_the_horizon(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", "2024-05-01T11:59:59Z");
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, "2024-05-01T10:00:00.123456Z", NULL),
                  "2024-05-01T10:00:00.123456Z");
}

static void test_next_edge_stops_at_the_horizon(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", "2024-05-01T09:00:00Z");
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, "2024-05-01T11:00:00Z", NULL),
                  "2024-05-01T09:00:00Z");
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, "2999-01-01T00:00:00Z", NULL),
                  "2024-05-01T09:00:00Z");
}

static void test_next_edge_of_naive_times_follows_the_wall_clock(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", "2024-05-01T09:00:00Z");
    assert_scalar(next(PS_TYPE_NAIVE_DATETIME, &now, "2024-05-01T13:00:00", NULL),
                  "2024-05-01T11:00:00");
    assert_scalar(next(PS_TYPE_NAIVE_DATE, &now, "2024-06-01", NULL), "2024-05-01");
}

static void test_next_edge_without_a_horizon_stops_at_the_clock(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", NULL);
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, "2030-01-01T00:00:00Z", NULL),
                  "2024-05-01T12:00:00Z");
}

static void test_next_edge_of_an_empty_read_stays(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", "2024-05-01T11:59:59Z");
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, NULL, "2024-04-01T00:00:00Z"),
                  "2024-04-01T00:00:00Z");
    assert_false(next(PS_TYPE_UTC_DATETIME, &now, NULL, NULL).present);
}

static void test_next_edge_never_goes_back_but_to_the_horizon(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", "2024-05-01T08:00:00Z");
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, "2024-04-01T00:00:00Z", "2024-04-02T00:00:00Z"),
                  "2024-04-02T00:00:00Z");
    /* The horizon was not visible at the last read, and is now: what was open then still is. */
    assert_scalar(next(PS_TYPE_UTC_DATETIME, &now, "2024-05-01T11:00:00Z", "2024-05-01T10:00:00Z"),
                  "2024-05-01T08:00:00Z");
}

static void test_next_edge_of_numbers_is_the_largest(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", NULL);
    assert_scalar(next(PS_TYPE_LONG, &now, "123456", "99"), "123456");
    struct ps_scalar none = {.type = PS_TYPE_LONG};
    const struct ps_column cursor = {.type = PS_TYPE_LONG};
    struct ps_scalar limit = window_limit(&cursor, &now);
    assert_false(window_next_edge(&limit, false, &none, &none).present);
}

static struct ps_scalar lower(const struct ps_scalar *edge, int64_t seconds)
{
    const struct ps_column cursor = {.type = edge->type};
    return window_lower(&cursor, edge, seconds);
}

static void test_lower_edge_looks_back(void **state)
{
    (void)state;
    struct ps_scalar edge = scalar(PS_TYPE_UTC_DATETIME, "2024-05-01T12:00:00.5Z");
    assert_scalar(lower(&edge, 300), "2024-05-01T11:55:00.5Z");
    assert_scalar(lower(&edge, 0), "2024-05-01T12:00:00.5Z");
    edge = scalar(PS_TYPE_NAIVE_DATE, "2024-05-01");
    assert_scalar(lower(&edge, 300), "2024-04-30");
    assert_scalar(lower(&edge, 86401), "2024-04-29");
    edge = scalar(PS_TYPE_LONG, "25000");
    assert_scalar(lower(&edge, 300), "15000");
    edge = scalar(PS_TYPE_NAIVE_DATETIME, "0001-01-01T00:00:10");
    assert_scalar(lower(&edge, 300), "0001-01-01T00:00:00");
}

/* What the database would refuse as no value of the column's type. */
static void test_lower_edge_stays_within_the_columns_type(void **state)
{
    static const struct {
        struct ps_column cursor;
        const char *edge, *lower;
    } cases[] = {
        {{.type = PS_TYPE_SHORT}, "-32768", "-32768"},
        {{.type = PS_TYPE_SHORT}, "-30000", "-32768"},
        {{.type = PS_TYPE_SHORT}, "5000", "-5000"},
        {{.type = PS_TYPE_INT}, "-2147483000", "-2147483648"},
        {{.type = PS_TYPE_INT}, "-2147473648", "-2147483648"},
        {{.type = PS_TYPE_INT}, "-2147473647", "-2147483647"},
        {{.type = PS_TYPE_LONG}, "-9223372036854775000", "-9223372036854775808"},
        {{.type = PS_TYPE_LONG}, "-9223372036854775808", "-9223372036854775808"},
        {{.type = PS_TYPE_LONG}, "-9223372036854700000", "-9223372036854710000"},
        {{.type = PS_TYPE_DECIMAL, .precision = 1}, "5", "-9"},
        {{.type = PS_TYPE_DECIMAL, .precision = 5, .scale = 2}, "7.25", "-999.99"},
        {{.type = PS_TYPE_DECIMAL, .precision = 9, .scale = 2}, "7.25", "-9992.75"},
        {{.type = PS_TYPE_DECIMAL, .precision = 38},
         "-99999999999999999999999999999999999990",
         "-99999999999999999999999999999999999999"},
        {{.type = PS_TYPE_DECIMAL, .precision = 38, .scale = 30},
         "-99999999.5",
         "-99999999.999999999999999999999999999999"},
        {{.type = PS_TYPE_DECIMAL, .precision = 38, .scale = 38}, "-0.5", "-0.5"},
        {{.type = PS_TYPE_NAIVE_DATE}, "0001-01-01", "0001-01-01"},
        {{.type = PS_TYPE_NAIVE_DATE}, "0001-01-02", "0001-01-01"},
        {{.type = PS_TYPE_UTC_DATETIME}, "0001-01-01T00:00:10Z", "0001-01-01T00:00:00Z"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ps_scalar edge, expected;
        const struct ps_column *cursor = &cases[i].cursor;
        assert_true(ps_scalar_parse(cases[i].edge, strlen(cases[i].edge), cursor->type,
                                    cursor->scale, &edge));
        assert_true(ps_scalar_parse(cases[i].lower, strlen(cases[i].lower), cursor->type,
                                    cursor->scale, &expected));
        struct ps_scalar found = window_lower(cursor, &edge, 200000);
        assert_int_equal(ps_scalar_compare(&found, &expected), 0);
    }
}

static const struct ps_column counters[] = {{.type = PS_TYPE_DECIMAL, .counter = true},
                                            {.type = PS_TYPE_BINARY, .counter = true}};
static const char *const counted[][3] = {
    {"9", "10", "18446744073709551615"},
    {"0x00000000000000FF", "0x0000000000000100", "0xFFFFFFFFFFFFFFFF"},
};

static void test_next_edge_of_a_counter_is_where_everything_below_is_committed(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ps_now now = now_at("2024-05-01T12:00:00Z", "2024-05-01T09:00:00Z");
        struct ps_scalar none = {.type = counters[i].type};
        struct ps_scalar large = scalar(counters[i].type, counted[i][2]);
        now.counter = scalar(counters[i].type, counted[i][1]);
        now.held = true; /* of times alone: what is prepared has a number */
        struct ps_scalar limit = window_limit(&counters[i], &now);
        assert_false(window_held(&counters[i], &now));
        assert_scalar(limit, counted[i][1]);
        assert_scalar(window_next_edge(&limit, false, &limit, &none), counted[i][1]);
        /* Another server answers, which lags behind. */
        assert_scalar(window_next_edge(&limit, false, &limit, &large), counted[i][1]);
    }
}

static void test_next_edge_of_a_counter_that_is_not_known_stays(void **state)
{
    (void)state;
    struct ps_now now = now_at("2024-05-01T12:00:00Z", NULL);
    struct ps_scalar before = scalar(PS_TYPE_BINARY, counted[1][0]);
    struct ps_scalar limit = window_limit(&counters[1], &now);
    assert_true(window_held(&counters[1], &now));
    assert_false(limit.present);
    assert_int_equal(limit.type, PS_TYPE_BINARY);
    assert_scalar(window_next_edge(&limit, true, &limit, &before), counted[1][0]);
}

static void test_lower_edge_of_a_counter_looks_nowhere_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ps_scalar edge = scalar(counters[i].type, counted[i][1]);
        assert_scalar(window_lower(&counters[i], &edge, 300), counted[i][1]);
    }
}

static void test_observe_compares_counters_by_all_their_bytes(void **state)
{
    (void)state;
    static const struct ps_column column = {
        .name = "v", .type = PS_TYPE_BINARY, .nullable = true, .counter = true};
    static const struct ps_table table = {.columns = &column, .columns_count = 1};
    static const uint8_t values[][PS_COUNTER_BYTES] = {
        {0, 0, 0, 0, 0, 0, 0, 0xFF}, {0, 0, 0, 0, 0, 0, 1, 0}, {0, 0, 0, 0, 0, 0, 0, 0xFE}};
    static const uint32_t identity[] = {0};
    struct ps_batch_shape shape = {.table = &table,
                                   .columns = identity,
                                   .columns_count = 1,
                                   .rows_max = 4,
                                   .bytes_max = 1 << 20};
    struct ps_error err;
    struct ps_batch *batch = NULL;
    struct ps_scalar largest = {.type = PS_TYPE_BINARY};
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    ps_batch_put_null(batch, 0);
    ps_batch_row_end(batch);
    for (size_t i = 0; i < 3; i++) {
        assert_true(ps_batch_put_bytes(batch, 0, values[i], PS_COUNTER_BYTES));
        ps_batch_row_end(batch);
    }
    window_observe(batch, 0, &largest);
    assert_scalar(largest, "0x0000000000000100");
    ps_batch_free(batch);
}

static void test_observe_takes_the_largest_value_that_is_not_null(void **state)
{
    (void)state;
    static const struct ps_column columns[] = {
        {.name = "n", .type = PS_TYPE_LONG},
        {.name = "t", .type = PS_TYPE_UTC_DATETIME},
    };
    static const struct ps_table table = {
        .schema = "", .name = "t", .columns = columns, .columns_count = 2};
    static const uint32_t identity[] = {0, 1};
    struct ps_batch_shape shape = {.table = &table,
                                   .columns = identity,
                                   .columns_count = 2,
                                   .rows_max = 4,
                                   .bytes_max = 1 << 20};
    struct ps_batch *batch;
    struct ps_error err;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    const int64_t numbers[] = {5, 9, -3};
    for (int i = 0; i < 3; i++) {
        ps_batch_put_long(batch, 0, numbers[i]);
        ps_batch_put_timestamp(batch, 1, (struct ps_timestamp){100 + i, 1});
        ps_batch_row_end(batch);
    }
    ps_batch_put_null(batch, 0);
    ps_batch_put_null(batch, 1);
    ps_batch_row_end(batch);
    struct ps_scalar largest = {.type = PS_TYPE_LONG};
    window_observe(batch, 0, &largest);
    assert_scalar(largest, "9");
    largest = (struct ps_scalar){.type = PS_TYPE_UTC_DATETIME};
    window_observe(batch, 1, &largest);
    assert_scalar(largest, "1970-01-01T00:01:42.000000001Z");
    ps_batch_reset(batch);
    largest = (struct ps_scalar){.type = PS_TYPE_LONG};
    window_observe(batch, 0, &largest);
    assert_false(largest.present);
    ps_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next_edge_is_the_largest_value_below_the_horizon),
        cmocka_unit_test(test_next_edge_stops_at_the_horizon),
        cmocka_unit_test(test_next_edge_of_naive_times_follows_the_wall_clock),
        cmocka_unit_test(test_next_edge_without_a_horizon_stops_at_the_clock),
        cmocka_unit_test(test_next_edge_of_an_empty_read_stays),
        cmocka_unit_test(test_next_edge_never_goes_back_but_to_the_horizon),
        cmocka_unit_test(test_next_edge_of_numbers_is_the_largest),
        cmocka_unit_test(test_lower_edge_looks_back),
        cmocka_unit_test(test_lower_edge_stays_within_the_columns_type),
        cmocka_unit_test(test_next_edge_of_a_counter_is_where_everything_below_is_committed),
        cmocka_unit_test(test_next_edge_of_a_counter_that_is_not_known_stays),
        cmocka_unit_test(test_lower_edge_of_a_counter_looks_nowhere_back),
        cmocka_unit_test(test_observe_compares_counters_by_all_their_bytes),
        cmocka_unit_test(test_observe_takes_the_largest_value_that_is_not_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
