/*
 * Unit tests for src/sources/postgresql/window.c: orders and positions of windows.
 */
#include "support/unit.h"

#include <string.h>

#include "sources/postgresql/window.h"

enum { ID, AT, NAME };
static const struct ps_column columns[] = {
    {.name = "id", .type = PS_TYPE_LONG, .key_position = 2},
    {.name = "at", .type = PS_TYPE_UTC_DATETIME, .nullable = true, .indexed = true},
    {.name = "a \"name\"", .type = PS_TYPE_STRING, .key_position = 1},
};
static const uint32_t all[] = {ID, AT, NAME};
static const uint32_t types[] = {OID_INT8, OID_TIMESTAMPTZ, OID_TEXT};
static const struct ps_table table = {
    .schema = "s", .name = "t", .columns = columns, .columns_count = 3, .keys_count = 2};
static const struct ps_window asked = {
    .column = AT, .lower = {.type = PS_TYPE_UTC_DATETIME, .present = true, .time = {60, 0}}};
static const char lower[] = "\"at\" >= '1970-01-01T00:01:00Z'::timestamptz";

static struct ps_read_request request_after(const char *position)
{
    return (struct ps_read_request){.table = &table,
                                    .columns = all,
                                    .columns_count = 3,
                                    .window = &asked,
                                    .position = position};
}

static void assert_written(const struct ps_read_request *request, const struct window *window,
                           const char *more)
{
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    window_write_condition(&sql, request, window);
    window_write_order(&sql, request, window);
    assert_memory_equal(ps_buffer_text(&sql), lower, sizeof lower - 1);
    assert_string_equal(ps_buffer_text(&sql) + sizeof lower - 1, more);
    ps_buffer_done(&sql);
}

static void test_window_with_an_index_is_read_by_cursor_and_key(void **state)
{
    (void)state;
    struct window window;
    struct ps_read_request request = request_after(NULL);
    struct ps_buffer sql;
    assert_true(window_init(&window, &request));
    assert_true(window_may_order(&window));
    assert_false(window_has_nulls(&window));
    window_choose(&window, types);
    assert_written(&request, &window,
                   " ORDER BY \"t\".\"at\", \"t\".\"a \"\"name\"\"\", \"t\".\"id\"");
    assert_true(window_has_nulls(&window));
    window.nulls = true;
    assert_false(window_has_nulls(&window));
    ps_buffer_init(&sql, 0);
    window_write_condition(&sql, &request, &window);
    window_write_order(&sql, &request, &window);
    assert_string_equal(ps_buffer_text(&sql), "\"at\" IS NULL");
    ps_buffer_done(&sql);
    window_done(&window);
}

static void test_window_after_a_position_begins_behind_its_key(void **state)
{
    (void)state;
    struct window window;
    struct ps_read_request request = request_after("+22:1970-01-01T00:02:00.5Z+4:it's+2:17");
    assert_true(window_init(&window, &request));
    window_choose(&window, types);
    assert_written(&request, &window,
                   " AND \"at\" >= '1970-01-01T00:02:00.5Z'::timestamptz"
                   " AND (\"at\" > '1970-01-01T00:02:00.5Z'::timestamptz"
                   " OR (\"a \"\"name\"\"\", \"id\") > ('it''s', '17'))"
                   " ORDER BY \"t\".\"at\", \"t\".\"a \"\"name\"\"\", \"t\".\"id\"");
    window_done(&window);
}

/* The index is gone since: what is after the position is read, in any order. */
static void test_window_after_a_position_without_an_order(void **state)
{
    (void)state;
    struct window window;
    struct ps_read_request request = request_after("+20:1970-01-01T00:02:00Z+1:a+2:17");
    assert_true(window_init(&window, &request));
    assert_written(&request, &window,
                   " AND \"at\" >= '1970-01-01T00:02:00Z'::timestamptz"
                   " AND (\"at\" > '1970-01-01T00:02:00Z'::timestamptz"
                   " OR (\"a \"\"name\"\"\", \"id\") > ('a', '17'))"
                   " OR \"at\" IS NULL");
    window_done(&window);
}

/* An oid or a float is not told by its text as exactly as the server compares it. */
static void test_window_by_a_key_of_another_type_has_no_order(void **state)
{
    (void)state;
    static const uint32_t other[] = {26, OID_TIMESTAMPTZ, OID_TEXT};
    struct window window;
    struct ps_read_request request = request_after(NULL);
    assert_true(window_init(&window, &request));
    window_choose(&window, other);
    assert_false(window.ordered);
    assert_written(&request, &window, " OR \"at\" IS NULL");
    window_done(&window);
}

/* Of "a" and "A", which are equal there, a position would tell one from the other by chance. */
static void test_window_by_a_key_whose_values_tie_has_no_order(void **state)
{
    (void)state;
    struct ps_column tying[3];
    struct ps_table by_ties = table;
    struct window window;
    memcpy(tying, columns, sizeof tying);
    tying[NAME].loose = true;
    by_ties.columns = tying;
    struct ps_read_request request = request_after(NULL);
    request.table = &by_ties;
    assert_true(window_init(&window, &request));
    assert_false(window_may_order(&window));
    window_choose(&window, types);
    assert_written(&request, &window, " OR \"at\" IS NULL");
    window_done(&window);
    request.position = "+20:1970-01-01T00:02:00Z+1:a+2:17"; /* of when it was not so */
    assert_true(window_init(&window, &request));
    window_choose(&window, types);
    assert_written(&request, &window,
                   " AND \"at\" >= '1970-01-01T00:02:00Z'::timestamptz OR \"at\" IS NULL");
    window_done(&window);
}

/* As numbers, which xid8 has no operators with: '9' is below '10'. */
static void test_window_by_a_counter_compares_in_its_own_type(void **state)
{
    (void)state;
    static const struct ps_column own[] = {
        {.name = "id", .type = PS_TYPE_LONG, .key_position = 1},
        {.name = "v", .type = PS_TYPE_DECIMAL, .precision = 20, .counter = true, .indexed = true},
    };
    static const uint32_t own_types[] = {OID_INT8, OID_XID8};
    static const struct ps_table own_table = {
        .schema = "s", .name = "t", .columns = own, .columns_count = 2, .keys_count = 1};
    static const struct ps_window own_window = {
        .column = 1, .lower = {.type = PS_TYPE_DECIMAL, .present = true, .integer = 9}};
    struct ps_read_request request = {.table = &own_table,
                                      .columns = all,
                                      .columns_count = 2,
                                      .window = &own_window,
                                      .position = "+20:18446744073709551615+2:17"};
    struct window window;
    struct ps_buffer sql;
    assert_true(window_init(&window, &request));
    window_choose(&window, own_types);
    ps_buffer_init(&sql, 0);
    window_write_condition(&sql, &request, &window);
    window_write_order(&sql, &request, &window);
    assert_string_equal(ps_buffer_text(&sql),
                        "\"v\" >= '9'::xid8 AND \"v\" >= '18446744073709551615'::xid8"
                        " AND (\"v\" > '18446744073709551615'::xid8 OR (\"id\") > ('17'))"
                        " ORDER BY \"t\".\"v\", \"t\".\"id\"");
    ps_buffer_done(&sql);
    window_done(&window);
}

static void test_window_refuses_positions_that_are_none(void **state)
{
    (void)state;
    static const char *const none[] = {"",
                                       "5,3",
                                       "+20:1970-01-01T00:02:00Z",
                                       "-+1:a+2:17",
                                       "+20:1970-01-01T00:02:00Z+1:a-",
                                       "+20:1970-01-01T00:02:00Z+1:a+2:17+1:a",
                                       "+4:noon+1:a+2:17",
                                       "+20:1970-01-01T00:02:00Z+9:a+2:17"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        struct window window;
        struct ps_read_request request = request_after(none[i]);
        assert_false(window_init(&window, &request));
        window_done(&window);
    }
}

static void put_row(struct ps_batch *batch, int64_t id, const char *name, int64_t seconds)
{
    ps_batch_put_long(batch, ID, id);
    if (seconds < 0) {
        ps_batch_put_null(batch, AT);
    } else {
        ps_batch_put_timestamp(batch, AT, (struct ps_timestamp){seconds, 1000});
    }
    assert_true(ps_batch_put_bytes(batch, NAME, name, strlen(name)));
    ps_batch_row_end(batch);
}

static void test_window_position_is_the_last_row_with_a_cursor(void **state)
{
    (void)state;
    struct window window;
    struct ps_read_request request = request_after(NULL);
    struct ps_batch *batch = NULL;
    struct ps_batch_shape shape = {
        .table = &table, .columns = all, .columns_count = 3, .rows_max = 4, .bytes_max = 9000};
    char name[WINDOW_POSITION_MAX + 1];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(ps_batch_new(&shape, &batch, NULL), PS_OK);
    assert_true(window_init(&window, &request));
    window_choose(&window, types);
    window_note(&window, batch);
    assert_null(window_position(&window));
    put_row(batch, 5, "ä+1:", 61);
    put_row(batch, -6, "", 62);
    window_note(&window, batch);
    assert_string_equal(window_position(&window), "+27:1970-01-01T00:01:02.000001Z+0:+2:-6");
    request.position = window_position(&window);
    struct window back;
    assert_true(window_init(&back, &request));
    assert_int_equal(back.after.time.nanos, 1000);
    assert_int_equal(back.values[0].size, 0);
    window_done(&back);
    put_row(batch, 7, name, 63);
    window_note(&window, batch);
    assert_null(window_position(&window)); /* too long */
    put_row(batch, 8, "x", -1);
    window_note(&window, batch);
    assert_null(window_position(&window));
    window_done(&window);
    ps_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window_with_an_index_is_read_by_cursor_and_key),
        cmocka_unit_test(test_window_after_a_position_begins_behind_its_key),
        cmocka_unit_test(test_window_after_a_position_without_an_order),
        cmocka_unit_test(test_window_by_a_key_of_another_type_has_no_order),
        cmocka_unit_test(test_window_by_a_key_whose_values_tie_has_no_order),
        cmocka_unit_test(test_window_by_a_counter_compares_in_its_own_type),
        cmocka_unit_test(test_window_refuses_positions_that_are_none),
        cmocka_unit_test(test_window_position_is_the_last_row_with_a_cursor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
