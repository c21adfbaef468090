/*
 * Unit tests for src/state/load.c and load_document.c: loads under way in the state.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "state/state.h"

static char *copy(const char *text)
{
    char *made = ps_strdup(text);
    assert_non_null(made);
    return made;
}

/* A load of five parts: 0, 1 and 3 finished, 2 begun. */
static struct ps_state *loading_state(void)
{
    struct ps_state *state = NULL;
    struct ps_table_state *table = NULL;
    struct ps_load_state *load = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_state_new(&state, &err), PS_OK);
    assert_int_equal(ps_state_table(state, "s", "t", &table, &err), PS_OK);
    table->loading = true;
    assert_int_equal(ps_load_new(5, &load, &err), PS_OK);
    for (int i = 0; i < 5; i++) {
        char bounds[16];
        snprintf(bounds, sizeof bounds, "%d-", i * 10);
        load->parts[i].bounds = copy(bounds);
    }
    load->parts[0].finished = load->parts[1].finished = load->parts[3].finished = true;
    load->parts[2].position = copy("(21,3)");
    load->fingerprint = copy("f");
    load->incarnation = copy("i/1");
    load->mark = copy("750");
    load->cursor_column = copy("updated_at");
    load->limit = (struct ps_scalar){
        .type = PS_TYPE_UTC_DATETIME, .present = true, .time = {.seconds = 1700000000}};
    load->largest = (struct ps_scalar){.type = PS_TYPE_UTC_DATETIME,
                                       .present = true,
                                       .time = {.seconds = 1700000001, .nanos = 500000000}};
    load->held = load->repeats = true;
    load->skipped = 7;
    load->told = 5;
    ps_load_keep(table, load);
    return state;
}

static const char text[] =
    "{\"penstock\":2,\"number\":0,\"syncs_completed\":0,\"tables\":[{\"schema\":\"s\","
    "\"table\":\"t\",\"loading\":true,\"load\":{\"fingerprint\":\"f\",\"incarnation\":\"i/1\","
    "\"mark\":\"750\",\"cursor\":{\"column\":\"updated_at\",\"type\":\"UTC_DATETIME\",\"scale\":0,"
    "\"limit\":\"2023-11-14T22:13:20Z\",\"largest\":\"2023-11-14T22:13:21.5Z\",\"held\":true},"
    "\"repeats\":true,\"skipped\":7,\"told\":5,\"bounds\":[\"0-\",\"10-\",\"20-\",\"30-\",\"40-\"],"
    "\"finished\":\"0-1,3\",\"positions\":{\"2\":\"(21,3)\"}}}],\"checksum\":\"";

static void write_text(const struct ps_state *state, struct ps_buffer *out)
{
    struct ps_error err = {0};
    ps_buffer_init(out, 0);
    assert_int_equal(ps_state_write(state, out, &err), PS_OK);
}

static void test_load_write_has_the_documented_form(void **state)
{
    (void)state;
    struct ps_state *loading = loading_state();
    struct ps_buffer out;
    write_text(loading, &out);
    assert_memory_equal(out.data, text, sizeof text - 1);
    assert_true(ps_load_bounds_size(loading->tables->load) >= 5 * 5);
    ps_buffer_done(&out);
    ps_state_free(loading);
}

static void test_load_parse_gives_back_every_member(void **state)
{
    (void)state;
    struct ps_state *loading = loading_state(), *back = NULL;
    struct ps_error err = {0};
    struct ps_buffer out, again;
    write_text(loading, &out);
    assert_int_equal(ps_state_parse(out.data, out.size, "here", &back, &err), PS_OK);
    const struct ps_load_state *load = back->tables->load;
    assert_non_null(load);
    assert_int_equal(load->parts_count, 5);
    assert_true(load->parts[1].finished && !load->parts[2].finished && load->parts[3].finished);
    assert_string_equal(load->parts[2].position, "(21,3)");
    assert_null(load->parts[4].position);
    assert_int_equal(load->largest.time.nanos, 500000000);
    assert_int_equal(load->skipped, 7);
    assert_int_equal(load->told, 5);
    write_text(back, &again);
    assert_string_equal(ps_buffer_text(&again), ps_buffer_text(&out));
    ps_buffer_done(&again);
    ps_buffer_done(&out);
    ps_state_free(back);
    ps_state_free(loading);
}

static void test_load_of_parts_that_became_one_gives_that_back(void **state)
{
    (void)state;
    struct ps_state *loading = loading_state(), *back = NULL;
    struct ps_error err = {0};
    struct ps_buffer out;
    loading->tables->load->parts[3].bounds[0] = '\0';
    write_text(loading, &out);
    assert_non_null(strstr(ps_buffer_text(&out), "\"20-\",\"\",\"40-\"],\"finished\":\"0-1,3\""));
    assert_int_equal(ps_state_parse(out.data, out.size, "here", &back, &err), PS_OK);
    for (size_t i = 0; i < 5; i++) {
        assert_true(ps_load_part_is_joined(back->tables->load, i) == (i == 3));
    }
    ps_buffer_done(&out);
    ps_state_free(back);
    ps_state_free(loading);
}

/* Without a load under way the document is one that older versions read. */
static void test_load_that_has_ended_leaves_the_first_form(void **state)
{
    (void)state;
    struct ps_state *loading = loading_state();
    struct ps_buffer out;
    ps_load_keep(loading->tables, NULL);
    loading->tables->loading = false;
    write_text(loading, &out);
    assert_memory_equal(out.data, "{\"penstock\":1,", 14);
    ps_buffer_done(&out);
    ps_state_free(loading);
}

static void assert_refused(const char *load)
{
    char json[1024];
    struct ps_state *back = NULL;
    struct ps_error err = {0};
    snprintf(json, sizeof json,
             "{\"penstock\":2,\"number\":1,\"syncs_completed\":0,\"tables\":[{\"schema\":\"\","
             "\"table\":\"t\",\"loading\":true,\"load\":%s}],\"checksum\":\"0\"}",
             load);
    if (ps_state_parse(json, strlen(json), "here", &back, &err) != PS_CONFIG) {
        fail_msg("taken: %s", load);
    }
    if (strstr(err.message, "damaged (table 1: ") == NULL || strstr(err.message, "load") == NULL) {
        fail_msg("%s: %s", load, err.message);
    }
}

static void test_load_that_does_not_hold_together_is_damaged_by_name(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "7",
        "[]",
        "{}",
        "{\"bounds\":[]}",
        "{\"bounds\":\"0-\"}",
        "{\"bounds\":[\"a\"],\"fingerprint\":1}",
        "{\"bounds\":[\"a\"],\"mark\":{}}",
        "{\"bounds\":[\"a\"],\"repeats\":1}",
        "{\"bounds\":[\"a\"],\"skipped\":-1}",
        "{\"bounds\":[\"a\"],\"skipped\":\"1\"}",
        "{\"bounds\":[\"a\"],\"skipped\":1,\"told\":2}",
        "{\"bounds\":[\"a\"],\"finished\":1}",
        "{\"bounds\":[\"a\"],\"finished\":\"1\"}",
        "{\"bounds\":[\"a\"],\"finished\":\"-1\"}",
        "{\"bounds\":[\"a\"],\"finished\":\"0-1\"}",
        "{\"bounds\":[\"a\"],\"finished\":\"0,\"}",
        "{\"bounds\":[\"a\",\"b\"],\"finished\":\"1,0\"}",
        "{\"bounds\":[\"a\",\"b\"],\"finished\":\"1-0\"}",
        "{\"bounds\":[\"a\",\"b\"],\"finished\":\"0,0\"}",
        "{\"bounds\":[\"a\"],\"finished\":\"99999999999999999999999\"}",
        "{\"bounds\":[\"a\"],\"positions\":{\"1\":\"x\"}}",
        "{\"bounds\":[\"a\"],\"positions\":{\"0x\":\"x\"}}",
        "{\"bounds\":[\"a\"],\"positions\":{\"00\":\"x\",\"0\":\"x\"}}",
        "{\"bounds\":[\"a\"],\"positions\":{\"0\":1}}",
        "{\"bounds\":[\"a\"],\"finished\":\"0\",\"positions\":{\"0\":\"x\"}}",
        "{\"bounds\":[\"a\"],\"cursor\":{}}",
        "{\"bounds\":[\"a\"],\"cursor\":{\"column\":\"c\",\"type\":\"STRING\",\"scale\":0}}",
        "{\"bounds\":[\"a\"],\"cursor\":{\"column\":\"c\",\"type\":\"LONG\",\"scale\":99}}",
        ("{\"bounds\":[\"a\"],\"cursor\":{\"column\":\"c\",\"type\":\"LONG\",\"scale\":0,"
         "\"limit\":\"x\"}}"),
        "{\"bounds\":[\"a\"],\"cursor\":{\"type\":\"LONG\",\"scale\":0}}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        assert_refused(odd[i]);
    }
}

#define WINDOW_CURSOR "\"cursor\":{\"column\":\"c\",\"type\":\"LONG\",\"scale\":0"

/* In the form from which a table with a window goes on. */
static struct ps_state *windowed_state(void)
{
    struct ps_state *state = NULL;
    struct ps_table_state *table = NULL;
    struct ps_load_state *window = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_state_new(&state, &err), PS_OK);
    assert_int_equal(ps_state_table(state, "", "t", &table, &err), PS_OK);
    assert_int_equal(ps_load_new(1, &window, &err), PS_OK);
    window->parts[0].bounds = copy("");
    window->fingerprint = copy("f");
    window->cursor_column = copy("c");
    window->limit = (struct ps_scalar){.type = PS_TYPE_LONG};
    window->largest = (struct ps_scalar){.type = PS_TYPE_LONG, .present = true, .integer = 9};
    window->skipped = 2;
    ps_load_keep(table, window);
    return state;
}

static void test_window_is_kept_once_there_is_a_position_in_it(void **state)
{
    (void)state;
    struct ps_state *windowed = windowed_state(), *back = NULL;
    struct ps_error err = {0};
    struct ps_buffer out, again;
    write_text(windowed, &out);
    assert_null(strstr(ps_buffer_text(&out), "window"));
    assert_non_null(strstr(ps_buffer_text(&out), "\"penstock\":1,"));
    ps_buffer_done(&out);
    windowed->tables->load->parts[0].position = copy("+1:9+2:ab");
    write_text(windowed, &out);
    assert_non_null(strstr(ps_buffer_text(&out), "\"penstock\":3,"));
    assert_non_null(strstr(ps_buffer_text(&out),
                           "\"window\":{\"fingerprint\":\"f\"," WINDOW_CURSOR
                           ",\"largest\":\"9\"},\"skipped\":2,\"position\":\"+1:9+2:ab\"}"));
    assert_int_equal(ps_state_parse(out.data, out.size, "here", &back, &err), PS_OK);
    assert_true(ps_window_under_way(back->tables));
    assert_string_equal(back->tables->load->parts[0].bounds, "");
    assert_int_equal(back->tables->load->skipped, 2);
    write_text(back, &again);
    assert_string_equal(ps_buffer_text(&again), ps_buffer_text(&out));
    ps_buffer_done(&again);
    ps_buffer_done(&out);
    ps_state_free(back);
    ps_state_free(windowed);
}

static void test_window_that_does_not_hold_together_is_damaged_by_name(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "\"window\":7",
        "\"window\":{}",
        "\"window\":{\"position\":\"p\"}",
        "\"window\":{" WINDOW_CURSOR "}}",
        "\"window\":{" WINDOW_CURSOR "},\"position\":5}",
        "\"window\":{" WINDOW_CURSOR "},\"position\":\"p\",\"skipped\":-1}",
        "\"window\":{" WINDOW_CURSOR ",\"largest\":\"x\"},\"position\":\"p\"}",
        "\"loading\":true,\"window\":{" WINDOW_CURSOR "},\"position\":\"p\"}",
    };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        char json[1024];
        struct ps_state *back = NULL;
        struct ps_error err = {0};
        snprintf(json, sizeof json,
                 "{\"penstock\":3,\"number\":1,\"syncs_completed\":0,\"tables\":[{\"schema\":\"\","
                 "\"table\":\"t\",%s}],\"checksum\":\"0\"}",
                 odd[i]);
        if (ps_state_parse(json, strlen(json), "here", &back, &err) != PS_CONFIG ||
            strstr(err.message, "damaged (table 1: ") == NULL ||
            strstr(err.message, "window") == NULL) {
            fail_msg("%s: %s", odd[i], err.message);
        }
    }
}

static void test_load_of_any_changed_byte_is_never_another_load(void **state)
{
    (void)state;
    struct ps_state *loading = loading_state();
    struct ps_buffer out;
    struct ps_random random;
    write_text(loading, &out);
    ps_random_init(&random, 20240301);
    for (size_t i = 0; i < 3000; i++) {
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
            assert_string_equal(ps_buffer_text(&again), ps_buffer_text(&out));
            ps_buffer_done(&again);
            ps_state_free(back);
        } else {
            assert_int_equal(status, PS_CONFIG);
        }
    }
    ps_buffer_done(&out);
    ps_state_free(loading);
}

static void test_load_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    struct ps_state *loading = loading_state();
    struct ps_buffer out;
    enum ps_status status = PS_NOMEM;
    int64_t count = 0;
    write_text(loading, &out);
    for (; status == PS_NOMEM && count < 1000; count++) {
        struct ps_state *back = NULL;
        struct ps_error err = {0};
        ps_alloc_fail_after(count, 0);
        status = ps_state_parse(out.data, out.size, "here", &back, &err);
        ps_alloc_fail_after(-1, 0);
        assert_true((status == PS_OK) == (back != NULL));
        ps_state_free(back);
    }
    assert_int_equal(status, PS_OK);
    assert_true(count > 15);
    ps_buffer_done(&out);
    ps_state_free(loading);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_write_has_the_documented_form),
        cmocka_unit_test(test_load_parse_gives_back_every_member),
        cmocka_unit_test(test_load_of_parts_that_became_one_gives_that_back),
        cmocka_unit_test(test_load_that_has_ended_leaves_the_first_form),
        cmocka_unit_test(test_load_that_does_not_hold_together_is_damaged_by_name),
        cmocka_unit_test(test_window_is_kept_once_there_is_a_position_in_it),
        cmocka_unit_test(test_window_that_does_not_hold_together_is_damaged_by_name),
        cmocka_unit_test(test_load_of_any_changed_byte_is_never_another_load),
        cmocka_unit_test(test_load_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
