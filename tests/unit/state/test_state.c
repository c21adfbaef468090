/*
 * Unit tests for src/state/state.c, state_read.c and state_write.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/random.h"
#include "state/state.h"

static struct ps_state *new_state(void)
{
    struct ps_state *state = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_state_new(&state, &err), PS_OK);
    return state;
}

static struct ps_table_state *table_of(struct ps_state *state, const char *schema,
                                       const char *table)
{
    struct ps_table_state *made = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_state_table(state, schema, table, &made, &err), PS_OK);
    return made;
}

static void set(struct ps_state *state, const char **field, const char *text)
{
    struct ps_error err = {0};
    assert_int_equal(ps_state_set_text(state, field, text, &err), PS_OK);
}

static void rename_column(struct ps_state *state, struct ps_table_state *table, const char *column,
                          const char *name)
{
    struct ps_error err = {0};
    assert_int_equal(ps_state_rename_column(state, table, column, name, &err), PS_OK);
}

static void write_text(const struct ps_state *state, struct ps_buffer *out)
{
    struct ps_error err = {0};
    ps_buffer_init(out, 0);
    if (ps_state_write(state, out, &err) != PS_OK) {
        fail_msg("not written: %s", err.message);
    }
}

static struct ps_state *parse_text(const char *json)
{
    struct ps_state *state = NULL;
    struct ps_error err = {0};
    if (ps_state_parse(json, strlen(json), "here", &state, &err) != PS_OK) {
        fail_msg("refused: %s", err.message);
    }
    return state;
}

static void assert_refused(const char *json, const char *const *texts)
{
    struct ps_state *state = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_state_parse(json, strlen(json), "files/state.json", &state, &err),
                     PS_CONFIG);
    assert_null(state);
    assert_non_null(strstr(err.message, "files/state.json"));
    /* The class is what `sync --resync` goes by, so the offer stands with it or not at all. */
    bool offered = strstr(err.message, "`penstock sync --resync`") != NULL;
    assert_int_equal(err.error_class, offered ? PS_CLASS_DATA : PS_CLASS_SETTING);
    assert_true(offered == (strstr(err.message, "is damaged") != NULL));
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (strstr(err.message, texts[i]) == NULL) {
            fail_msg("\"%s\" is not in: %s", texts[i], err.message);
        }
    }
}
#define ASSERT_REFUSED(json, ...) assert_refused(json, (const char *const[]){__VA_ARGS__, NULL})

/* A state with something in every member. */
static struct ps_state *full_state(void)
{
    struct ps_state *state = new_state();
    set(state, &state->source, "yugabytedb");
    set(state, &state->warehouse_id, "4f0c");
    set(state, &state->destination_schema, "tester");
    set(state, &state->position, "6");
    state->number = 17;
    state->syncs_completed = 3;
    struct ps_table_state *orders = table_of(state, "public", "or\"ders ä");
    set(state, &orders->mode, "incremental");
    set(state, &orders->cursor_column, "updated_at");
    orders->cursor = (struct ps_scalar){.type = PS_TYPE_UTC_DATETIME,
                                        .present = true,
                                        .time = {.seconds = 1700000000, .nanos = 123456789}};
    set(state, &orders->fingerprint, "f1");
    set(state, &orders->incarnation, "16384");
    set(state, &orders->destination_schema, "sales");
    set(state, &orders->destination_table, "orders_2");
    rename_column(state, orders, "_fivetran_id", "_fivetran_id_2");
    rename_column(state, orders, "ID", "ID_2");
    orders->loading = true;
    struct ps_table_state *prices = table_of(state, "", "prices");
    set(state, &prices->cursor_column, "amount");
    prices->cursor = (struct ps_scalar){
        .type = PS_TYPE_DECIMAL, .present = true, .scale = 4, .integer = -1234567};
    struct ps_table_state *log = table_of(state, "public", "a");
    struct ps_error position_err;
    assert_int_equal(ps_state_keep_position(log, "402", &position_err), PS_OK);
    return state;
}

static const char full_text[] =
    "{\"penstock\":1,\"source\":\"yugabytedb\",\"warehouse\":\"4f0c\","
    "\"destination_schema\":\"tester\",\"position\":\"6\",\"number\":17,\"syncs_completed\":3,"
    "\"tables\":["
    "{\"schema\":\"\",\"table\":\"prices\",\"cursor\":{\"column\":\"amount\",\"type\":\"DECIMAL\","
    "\"scale\":4,\"value\":\"-123.4567\"}},"
    "{\"schema\":\"public\",\"table\":\"a\",\"position\":\"402\"},"
    "{\"schema\":\"public\",\"table\":\"or\\\"ders ä\",\"mode\":\"incremental\","
    "\"cursor\":{\"column\":\"updated_at\",\"type\":\"UTC_DATETIME\",\"scale\":0,"
    "\"value\":\"2023-11-14T22:13:20.123456789Z\"},\"fingerprint\":\"f1\","
    "\"incarnation\":\"16384\",\"destination\":{\"schema\":\"sales\",\"table\":\"orders_2\"},"
    "\"renamed\":{\"ID\":\"ID_2\",\"_fivetran_id\":\"_fivetran_id_2\"},\"loading\":true}],"
    "\"checksum\":\"";

static void test_state_new_is_empty_and_has_a_document(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    struct ps_buffer out;
    write_text(state, &out);
    const char *begin = "{\"penstock\":1,\"number\":0,\"syncs_completed\":0,\"tables\":[],"
                        "\"checksum\":\"";
    assert_memory_equal(out.data, begin, strlen(begin));
    assert_string_equal(out.data + out.size - 3, "\"}\n");
    struct ps_state *back = parse_text(out.data);
    assert_null(back->source);
    assert_null(back->warehouse_id);
    assert_null(back->tables);
    ps_state_free(back);
    ps_state_free(state);
    ps_buffer_done(&out);
}

static void test_state_write_has_the_documented_form(void **context)
{
    (void)context;
    struct ps_state *state = full_state();
    struct ps_buffer out;
    write_text(state, &out);
    assert_true(out.size > strlen(full_text));
    char begin[sizeof(full_text)];
    memcpy(begin, out.data, strlen(full_text));
    begin[strlen(full_text)] = '\0';
    assert_string_equal(begin, full_text);
    /* The checksum is FNV-1a over all before it, with the bracket closed. */
    char canonical[sizeof(full_text)], checksum[32];
    size_t size = strlen(full_text) - strlen(",\"checksum\":\"");
    memcpy(canonical, full_text, size);
    canonical[size] = '}';
    snprintf(checksum, sizeof(checksum), "%016llx\"}\n",
             (unsigned long long)ps_hash_bytes(canonical, size + 1));
    assert_string_equal(out.data + strlen(full_text), checksum);
    ps_state_free(state);
    ps_buffer_done(&out);
}

static void test_state_write_appends_to_what_is_there(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    struct ps_buffer out, alone;
    struct ps_error err = {0};
    write_text(state, &alone);
    ps_buffer_init(&out, 0);
    ps_buffer_puts(&out, "before ");
    assert_int_equal(ps_state_write(state, &out, &err), PS_OK);
    assert_memory_equal(out.data, "before ", 7);
    assert_string_equal(out.data + 7, alone.data);
    ps_buffer_done(&out);
    ps_buffer_done(&alone);
    ps_state_free(state);
}

static void test_state_parse_gives_back_every_member(void **context)
{
    (void)context;
    struct ps_state *state = full_state();
    struct ps_buffer out, again;
    write_text(state, &out);
    struct ps_state *back = parse_text(out.data);
    assert_string_equal(back->source, "yugabytedb");
    assert_string_equal(back->warehouse_id, "4f0c");
    assert_string_equal(back->destination_schema, "tester");
    assert_string_equal(back->position, "6");
    assert_int_equal(back->number, 17);
    assert_int_equal(back->syncs_completed, 3);
    assert_int_equal(back->tables_count, 3);
    const struct ps_table_state *orders = ps_state_find(back, "public", "or\"ders ä");
    assert_non_null(orders);
    assert_string_equal(orders->mode, "incremental");
    assert_string_equal(orders->cursor_column, "updated_at");
    assert_true(orders->cursor.present);
    assert_int_equal(orders->cursor.type, PS_TYPE_UTC_DATETIME);
    assert_int_equal(orders->cursor.time.nanos, 123456789);
    assert_string_equal(orders->fingerprint, "f1");
    assert_string_equal(orders->incarnation, "16384");
    assert_string_equal(orders->destination_schema, "sales");
    assert_string_equal(orders->destination_table, "orders_2");
    assert_string_equal(orders->renamed->column, "ID");
    assert_string_equal(orders->renamed->name, "ID_2");
    assert_string_equal(orders->renamed->next->column, "_fivetran_id");
    assert_null(orders->renamed->next->next);
    assert_true(orders->loading);
    const struct ps_table_state *a = ps_state_find(back, "public", "a");
    assert_non_null(a);
    assert_string_equal(a->position, "402");
    assert_null(a->mode);
    assert_null(a->cursor_column);
    assert_false(a->cursor.present);
    assert_null(a->fingerprint);
    assert_null(a->incarnation);
    assert_string_equal(a->destination_schema, "");
    assert_null(a->destination_table);
    assert_null(a->renamed);
    assert_false(a->loading);
    write_text(back, &again);
    assert_string_equal(again.data, out.data);
    ps_state_free(back);
    ps_state_free(state);
    ps_buffer_done(&out);
    ps_buffer_done(&again);
}

static void test_state_parse_takes_every_cursor_type(void **context)
{
    (void)context;
    const ps_int128 big = (ps_int128)INT64_C(999999999999999999) * INT64_C(10000000000);
    const struct ps_scalar cursors[] = {
        {.type = PS_TYPE_SHORT, .present = true, .integer = INT16_MIN},
        {.type = PS_TYPE_INT, .present = true, .integer = INT32_MAX},
        {.type = PS_TYPE_LONG, .present = true, .integer = INT64_MIN},
        {.type = PS_TYPE_DECIMAL, .present = true, .scale = 38, .integer = big},
        {.type = PS_TYPE_DECIMAL, .present = true, .scale = 0, .integer = -big},
        {.type = PS_TYPE_NAIVE_DATE, .present = true, .integer = PS_DATE_DAYS_MIN},
        {.type = PS_TYPE_NAIVE_DATETIME,
         .present = true,
         .time = {PS_TIMESTAMP_SECONDS_MAX, 999999999}},
        {.type = PS_TYPE_UTC_DATETIME, .present = true, .time = {PS_TIMESTAMP_SECONDS_MIN, 1}},
        /* A scale where there is none to have does not reach the document. */
        {.type = PS_TYPE_LONG, .present = true, .scale = 7, .integer = 1},
    };
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        struct ps_state *state = new_state();
        struct ps_table_state *table = table_of(state, "s", "t");
        table->cursor = cursors[i];
        struct ps_buffer out;
        write_text(state, &out);
        struct ps_state *back = parse_text(out.data);
        const struct ps_scalar *cursor = &ps_state_find(back, "s", "t")->cursor;
        assert_true(cursor->present);
        assert_int_equal(cursor->type, cursors[i].type);
        assert_true(cursor->integer == cursors[i].integer);
        assert_int_equal(cursor->time.seconds, cursors[i].time.seconds);
        assert_int_equal(cursor->time.nanos, cursors[i].time.nanos);
        ps_state_free(back);
        ps_state_free(state);
        ps_buffer_done(&out);
    }
}

static void test_state_write_cursor_that_cannot_be_read_again_is_a_bug(void **context)
{
    (void)context;
    const struct ps_scalar cursors[] = {
        {.type = PS_TYPE_STRING, .present = true},
        {.type = PS_TYPE_SHORT, .present = true, .integer = 40000},
    };
    for (size_t i = 0; i < sizeof(cursors) / sizeof(cursors[0]); i++) {
        struct ps_state *state = new_state();
        table_of(state, "s", "t")->cursor = cursors[i];
        struct ps_buffer out;
        struct ps_error err = {0};
        ps_buffer_init(&out, 0);
        assert_int_equal(ps_state_write(state, &out, &err), PS_BUG);
        assert_int_equal(out.size, 0);
        ps_buffer_done(&out);
        ps_state_free(state);
    }
}

static void test_state_parse_of_nothing_is_a_new_state(void **context)
{
    (void)context;
    static const char *const nothing[] = {"", " \r\n\t", "{}", " { } \n", "\xef\xbb\xbf{}"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        struct ps_state *state = parse_text(nothing[i]);
        assert_int_equal(state->number, 0);
        assert_null(state->warehouse_id);
        assert_null(state->tables);
        ps_state_free(state);
    }
}

static void test_state_parse_survives_another_layout_and_order(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    struct ps_table_state *table = table_of(state, "s", "t");
    set(state, &table->cursor_column, "id");
    rename_column(state, table, "a", "a_2");
    rename_column(state, table, "b", "b_2");
    table->cursor = (struct ps_scalar){.type = PS_TYPE_LONG, .present = true, .integer = 7};
    struct ps_buffer out;
    write_text(state, &out);
    char other[512];
    const char *checksum = strstr(out.data, "\"checksum\"");
    snprintf(other, sizeof(other),
             "\n{ %.*s,\n \"tables\" : [ {\"loading\":false, \"mode\":null,\"unknown\":[1,{}],"
             "\"renamed\":{\"b\":\"b_2\",\"a\":\"a_2\"},"
             "\"cursor\":{\"value\":\"7\",\"scale\":0,\"type\":\"LONG\",\"column\":\"\\u0069d\"},"
             "\"table\":\"t\",\"schema\":\"s\"} ],\"source\":null, \"number\":0,"
             "\"another\":1,\"syncs_completed\":0,\"penstock\":1}",
             (int)strcspn(checksum, "}"), checksum);
    struct ps_state *back = parse_text(other);
    assert_true(ps_state_find(back, "s", "t")->cursor.integer == 7);
    ps_state_free(back);
    ps_state_free(state);
    ps_buffer_done(&out);
}

static void test_state_parse_takes_over_the_example_connectors_cursor(void **context)
{
    (void)context;
    struct ps_state *state = parse_text("{\"cursor\": 6}\n");
    assert_string_equal(state->source, "example");
    assert_string_equal(state->position, "6");
    assert_null(state->warehouse_id);
    assert_int_equal(state->number, 0);
    assert_int_equal(state->tables_count, 0);
    ps_state_free(state);
    static const char *const nothing[] = {"{\"cursor\":0}", "{\"cursor\": null}"};
    for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
        state = parse_text(nothing[i]);
        assert_string_equal(state->source, "example");
        assert_string_equal(state->position, "0");
        ps_state_free(state);
    }
    state = parse_text("{\"last_sync_time\": \"x\", \"cursor\": 7, \"processed_ids\": [1, 2]}");
    assert_string_equal(state->source, "example");
    assert_string_equal(state->position, "7");
    ps_state_free(state);
    for (int64_t n = 0, status = PS_NOMEM; status != PS_OK; n++) {
        struct ps_error err = {0};
        ps_alloc_fail_after(n, 0);
        status = ps_state_parse("{\"cursor\":6}", 12, "here", &state, &err);
        ps_alloc_fail_after(-1, 0);
        assert_true(status == PS_OK || status == PS_NOMEM);
    }
    ps_state_free(state);
}

static void test_state_parse_of_another_connector_is_refused_by_name(void **context)
{
    (void)context;
    static const char *const others[] = {"{\"orders\": {\"at\": \"2024-01-01T00:00:00Z\"}}",
                                         "[1, 2]",
                                         "\"text\"",
                                         "null",
                                         "{\"tables\": []}",
                                         "{\"cursor\": -1}",
                                         "{\"cursor\": \"6\"}",
                                         "{\"cursor\": 1.5}",
                                         "{\"cursor\": 6, \"checksum\": \"00\"}",
                                         "{\"cursor\": 6, \"tables\": []}"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ASSERT_REFUSED(others[i], "no Penstock state", "other connectors", "move it away");
    }
}

static void test_state_parse_names_no_command_where_the_platform_keeps_it(void **context)
{
    (void)context;
    static const char *const refused[] = {"{\"penstock\": 2}", "{\"orders\": 1}", "no JSON",
                                          "{\"penstock\": 1, \"number\": -1}"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct ps_state *state = NULL;
        struct ps_error err = {0};
        assert_int_equal(ps_state_parse(refused[i], strlen(refused[i]), NULL, &state, &err),
                         PS_CONFIG);
        assert_non_null(strstr(err.message, "the platform keeps"));
        assert_non_null(strstr(err.message, "re-sync the connection"));
        assert_null(strchr(err.message, '`'));
    }
}

static void test_state_parse_of_a_newer_version_is_refused_by_name(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\"penstock\": 4, \"anything\": {\"goes\": []}}", "newer Penstock", "form 4");
}

static void test_state_parse_of_a_broken_version_is_damaged(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\"penstock\": 0}", "damaged", "\"penstock\"");
    ASSERT_REFUSED("{\"penstock\": \"1\"}", "damaged", "\"penstock\"");
    ASSERT_REFUSED("{\"penstock\": -3}", "damaged", "\"penstock\"");
}

static void test_state_parse_of_broken_json_is_damaged_and_tells_where(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\"penstock\":1,\n\"number\":", "damaged", "line 2", "--resync");
    ASSERT_REFUSED("{\"penstock\":1,\"penstock\":1}", "damaged");
}

static void test_state_parse_of_wrong_kinds_is_damaged_and_tells_where(void **context)
{
    (void)context;
#define HEAD "{\"penstock\":1,\"number\":1,\"syncs_completed\":0,"
#define TABLE HEAD "\"tables\":[{\"schema\":\"\",\"table\":\"a\"},{\"schema\":\"\",\"table\":\"b\","
    ASSERT_REFUSED("{\"penstock\":1,\"number\":-1}", "\"number\" is no count");
    ASSERT_REFUSED("{\"penstock\":1,\"number\":1.5}", "\"number\" is no count");
    ASSERT_REFUSED("{\"penstock\":1,\"number\":1}", "\"syncs_completed\" is no count");
    ASSERT_REFUSED("{\"penstock\":1,\"source\":7}", "\"source\" is no text");
    ASSERT_REFUSED("{\"penstock\":1,\"source\":\"a\\u0000b\"}", "\"source\" is no text");
    ASSERT_REFUSED(HEAD "\"x\":0}", "\"tables\" is no list");
    ASSERT_REFUSED(HEAD "\"tables\":{}}", "\"tables\" is no list");
    ASSERT_REFUSED(HEAD "\"tables\":[7]}", "table 1: it is no object");
    ASSERT_REFUSED(HEAD "\"tables\":[{\"table\":\"a\"}]}", "table 1", "missing");
    ASSERT_REFUSED(TABLE "\"mode\":true}]}", "table 2: \"mode\" is no text");
    ASSERT_REFUSED(TABLE "\"cursor\":[]}]}", "table 2: \"cursor\" is no object");
    ASSERT_REFUSED(TABLE "\"cursor\":{\"value\":\"x\",\"type\":\"LONG\"}}]}", "table 2",
                   "does not fit its type");
    ASSERT_REFUSED(TABLE "\"cursor\":{\"value\":\"7\",\"type\":\"STRING\"}}]}", "its type");
    ASSERT_REFUSED(TABLE "\"cursor\":{\"value\":\"7\"}}]}", "its type");
    ASSERT_REFUSED(TABLE "\"cursor\":{\"value\":7,\"type\":\"LONG\"}}]}", "its type");
    ASSERT_REFUSED(TABLE "\"cursor\":{\"value\":\"7\",\"type\":\"LONG\",\"scale\":300}}]}",
                   "its type");
    ASSERT_REFUSED(TABLE "\"destination\":\"d\"}]}", "table 2: \"destination\" is no object");
    ASSERT_REFUSED(TABLE "\"renamed\":\"d\"}]}", "table 2: \"renamed\" is no object");
    ASSERT_REFUSED(TABLE "\"renamed\":{\"d\":1}}]}", "table 2: a name in \"renamed\"");
    ASSERT_REFUSED(TABLE "\"flattened\":[]}]}", "table 2: \"flattened\" is no object");
    ASSERT_REFUSED(TABLE "\"flattened\":{\"d\":1}}]}", "table 2: a column in \"flattened\"");
    ASSERT_REFUSED(TABLE "\"loading\":1}]}", "table 2: \"loading\"");
    ASSERT_REFUSED(TABLE "\"x\":1},{\"schema\":\"\",\"table\":\"a\"}]}", "table 3", "twice");
    ASSERT_REFUSED(HEAD "\"tables\":[]}", "the checksum is missing");
    ASSERT_REFUSED(HEAD "\"tables\":[],\"checksum\":\"0000000000000000\"}",
                   "the checksum does not fit");
#undef TABLE
#undef HEAD
}

/* Any byte of a document changed: refused, or (white space, an escape) the same state as before. */
static void test_state_parse_of_any_changed_byte_is_never_another_state(void **context)
{
    (void)context;
    struct ps_state *state = full_state();
    struct ps_buffer out;
    write_text(state, &out);
    struct ps_random random;
    ps_random_init(&random, 20240229);
    for (size_t i = 0; i < 4000; i++) {
        size_t at = i < out.size ? i : (size_t)ps_random_below(&random, out.size);
        char saved = out.data[at];
        out.data[at] = (char)ps_random_below(&random, 256);
        struct ps_state *back = NULL;
        struct ps_error err = {0};
        enum ps_status status = ps_state_parse(out.data, out.size, "here", &back, &err);
        out.data[at] = saved;
        if (status == PS_OK) {
            struct ps_buffer again;
            write_text(back, &again);
            assert_string_equal(again.data, out.data);
            ps_buffer_done(&again);
            ps_state_free(back);
        } else {
            assert_int_equal(status, PS_CONFIG);
        }
    }
    for (size_t size = 1; size < out.size - 1; size++) {
        struct ps_state *back = NULL;
        struct ps_error err = {0};
        assert_int_equal(ps_state_parse(out.data, size, "here", &back, &err), PS_CONFIG);
    }
    ps_buffer_done(&out);
    ps_state_free(state);
}

static void test_state_tables_stand_in_byte_order(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    static const char *const names[][2] = {{"b", "a"}, {"a", "z"}, {"", "q"},  {"a", "Z"},
                                           {"b", ""},  {"a", "ä"}, {"ab", "a"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        table_of(state, names[i][0], names[i][1]);
        assert_ptr_equal(table_of(state, names[i][0], names[i][1]),
                         ps_state_find(state, names[i][0], names[i][1]));
    }
    static const char *const sorted[][2] = {{"", "q"},   {"a", "Z"}, {"a", "z"}, {"a", "ä"},
                                            {"ab", "a"}, {"b", ""},  {"b", "a"}};
    const struct ps_table_state *table = state->tables;
    for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++, table = table->next) {
        assert_string_equal(table->schema, sorted[i][0]);
        assert_string_equal(table->table, sorted[i][1]);
    }
    assert_null(table);
    assert_null(ps_state_find(state, "a", "y"));
    assert_null(ps_state_find(state, "c", "a"));
    ps_state_free(state);
}

static void test_state_of_ten_thousand_tables_is_found_and_kept(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    char name[32];
    for (unsigned i = 0; i < 10000; i++) {
        /* Scattered over the order: 7919 has no divisor in common with 10,000. */
        snprintf(name, sizeof(name), "table_%05u", i * 7919 % 10000);
        table_of(state, "public", name);
    }
    assert_int_equal(state->tables_count, 10000);
    struct ps_buffer out;
    write_text(state, &out);
    struct ps_state *back = parse_text(out.data);
    assert_int_equal(back->tables_count, 10000);
    const struct ps_table_state *table = back->tables;
    for (unsigned i = 0; i < 10000; i++, table = table->next) {
        snprintf(name, sizeof(name), "table_%05u", i);
        assert_string_equal(table->table, name);
        assert_ptr_equal(ps_state_find(back, "public", name), table);
    }
    assert_null(table);
    ps_state_free(back);
    ps_state_free(state);
    ps_buffer_done(&out);
}

static void test_state_set_text_copies_only_what_differs(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    struct ps_table_state *table = table_of(state, "s", "t");
    char text[] = "full";
    set(state, &table->mode, text);
    const char *first = table->mode;
    assert_ptr_not_equal(first, text);
    set(state, &table->mode, text);
    assert_ptr_equal(table->mode, first);
    set(state, &table->mode, NULL);
    assert_null(table->mode);
    set(state, &table->mode, NULL);
    assert_null(table->mode);
    ps_state_free(state);
}

static void test_state_rename_column_again_replaces_the_name(void **context)
{
    (void)context;
    struct ps_state *state = new_state();
    struct ps_table_state *table = table_of(state, "s", "t");
    rename_column(state, table, "b", "b_2");
    rename_column(state, table, "a", "a_2");
    rename_column(state, table, "b", "b_3");
    assert_string_equal(table->renamed->column, "a");
    assert_string_equal(table->renamed->next->column, "b");
    assert_string_equal(table->renamed->next->name, "b_3");
    assert_null(table->renamed->next->next);
    ps_state_free(state);
}

static void test_state_free_takes_nothing(void **context)
{
    (void)context;
    ps_state_free(NULL);
}

static void test_state_when_memory_runs_out_says_so(void **context)
{
    (void)context;
    struct ps_state *state = full_state();
    struct ps_buffer out;
    write_text(state, &out);
    enum ps_status status = PS_NOMEM;
    int64_t count = 0;
    for (; status == PS_NOMEM && count < 1000; count++) {
        struct ps_state *back = NULL;
        struct ps_error err = {0};
        ps_alloc_fail_after(count, 0);
        status = ps_state_parse(out.data, out.size, "here", &back, &err);
        ps_alloc_fail_after(-1, 0);
        assert_true(status == PS_OK || status == PS_NOMEM);
        assert_true((status == PS_OK) == (back != NULL));
        ps_state_free(back);
    }
    assert_int_equal(status, PS_OK);
    assert_true(count > 3);
    status = PS_NOMEM;
    for (count = 0; status == PS_NOMEM && count < 1000; count++) {
        struct ps_buffer again;
        struct ps_error err = {0};
        ps_buffer_init(&again, 0);
        ps_alloc_fail_after(count, 0);
        status = ps_state_write(state, &again, &err);
        ps_alloc_fail_after(-1, 0);
        if (status == PS_OK) {
            assert_string_equal(again.data, out.data);
        }
        ps_buffer_done(&again);
    }
    assert_int_equal(status, PS_OK);
    assert_true(count > 1);
    ps_buffer_done(&out);
    ps_state_free(state);
}

static void test_state_keeps_flattened_columns_in_byte_order(void **test_state)
{
    (void)test_state;
    struct ps_error err = {0};
    struct ps_state *state, *again;
    struct ps_table_state *table;
    struct ps_buffer text = {0}, text_again = {0};
    assert_int_equal(ps_state_new(&state, &err), PS_OK);
    assert_int_equal(ps_state_table(state, "", "t", &table, &err), PS_OK);
    assert_int_equal(ps_state_flatten_column(state, table, "d/b", "LONG d_b", &err), PS_OK);
    assert_int_equal(ps_state_flatten_column(state, table, "d/a", "STRING d_a", &err), PS_OK);
    assert_int_equal(ps_state_flatten_column(state, table, "d/b", "STRING d_b", &err), PS_OK);
    assert_int_equal(ps_state_write(state, &text, &err), PS_OK);
    assert_int_equal(ps_state_parse(text.data, text.size, NULL, &again, &err), PS_OK);
    assert_string_equal(again->tables->flattened->column, "d/a");
    assert_string_equal(again->tables->flattened->next->name, "STRING d_b");
    assert_null(again->tables->flattened->next->next);
    assert_int_equal(ps_state_write(again, &text_again, &err), PS_OK);
    assert_string_equal(ps_buffer_text(&text), ps_buffer_text(&text_again));
    ps_buffer_done(&text);
    ps_buffer_done(&text_again);
    ps_state_free(state);
    ps_state_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_state_new_is_empty_and_has_a_document),
        cmocka_unit_test(test_state_write_has_the_documented_form),
        cmocka_unit_test(test_state_write_appends_to_what_is_there),
        cmocka_unit_test(test_state_parse_gives_back_every_member),
        cmocka_unit_test(test_state_parse_takes_every_cursor_type),
        cmocka_unit_test(test_state_write_cursor_that_cannot_be_read_again_is_a_bug),
        cmocka_unit_test(test_state_parse_of_nothing_is_a_new_state),
        cmocka_unit_test(test_state_parse_survives_another_layout_and_order),
        cmocka_unit_test(test_state_parse_takes_over_the_example_connectors_cursor),
        cmocka_unit_test(test_state_parse_of_another_connector_is_refused_by_name),
        cmocka_unit_test(test_state_parse_names_no_command_where_the_platform_keeps_it),
        cmocka_unit_test(test_state_parse_of_a_newer_version_is_refused_by_name),
        cmocka_unit_test(test_state_parse_of_a_broken_version_is_damaged),
        cmocka_unit_test(test_state_parse_of_broken_json_is_damaged_and_tells_where),
        cmocka_unit_test(test_state_parse_of_wrong_kinds_is_damaged_and_tells_where),
        cmocka_unit_test(test_state_parse_of_any_changed_byte_is_never_another_state),
        cmocka_unit_test(test_state_tables_stand_in_byte_order),
        cmocka_unit_test(test_state_of_ten_thousand_tables_is_found_and_kept),
        cmocka_unit_test(test_state_set_text_copies_only_what_differs),
        cmocka_unit_test(test_state_rename_column_again_replaces_the_name),
        cmocka_unit_test(test_state_free_takes_nothing),
        cmocka_unit_test(test_state_when_memory_runs_out_says_so),
        cmocka_unit_test(test_state_keeps_flattened_columns_in_byte_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
