/*
 * Unit tests for src/config/keys.c and what ps_config_new_of_source makes of such keys.
 */
#include <string.h>

#include "base/buffer.h"
#include "base/log.h"
#include "config/options.h"
#include "support/unit.h"

static const char *const port_aliases[] = {"portnumber", NULL};
static const struct ps_option red_options[] = {
    {.name = "host", .type = PS_OPTION_TEXT, .flags = PS_OPTION_REQUIRED},
    {.name = "port", .type = PS_OPTION_INTEGER, .maximum = 9, .aliases = port_aliases},
    {.name = NULL},
};
static const struct ps_option blue_options[] = {
    {.name = "host", .type = PS_OPTION_TEXT},
    {.name = "blue_key", .type = PS_OPTION_SECRET},
    {.name = "depth", .type = PS_OPTION_TEXT},
    {.name = NULL},
};
static const struct ps_option engine_options[] = {
    {.name = "tables", .type = PS_OPTION_TEXT},
    {.name = NULL},
};
static const struct ps_source_ops red = {.name = "red", .options = red_options};
static const struct ps_source_ops blue = {.name = "blue", .options = blue_options};
static const struct ps_source_ops *const sources[] = {&red, &blue, NULL};

struct made {
    struct ps_settings settings;
    struct ps_config *config;
    struct ps_error err;
};

static enum ps_status make(struct made *made, const char *const *pairs)
{
    const struct ps_config_request request = {&red, sources, engine_options};
    *made = (struct made){0};
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        assert_int_equal(ps_settings_add(&made->settings, pairs[i], pairs[i + 1], &made->err),
                         PS_OK);
    }
    return ps_config_new_of_source(&made->settings, &request, &made->config, &made->err);
}
#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ASSERT_TAKEN(made, ...) assert_int_equal(make(made, PAIRS(__VA_ARGS__)), PS_OK)

static void done(struct made *made)
{
    ps_config_free(made->config);
    ps_settings_done(&made->settings);
}

static void test_key_may_have_its_source_before_it(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "RED_Host", "h", "red_portnumber", "7");
    assert_string_equal(ps_config_text(made.config, "host"), "h");
    assert_int_equal(ps_config_integer(made.config, "port", 0), 7);
    assert_int_equal(made.settings.warnings_count, 0);
    done(&made);
}

static void test_key_with_its_source_wins_in_either_order(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "red_host", "right", "host", "wrong");
    assert_string_equal(ps_config_text(made.config, "host"), "right");
    assert_string_equal(made.settings.warnings[0],
                        "\"host\" and \"red_host\" set the same option; the latter counts");
    assert_int_equal(made.settings.warnings_count, 1);
    done(&made);
    ASSERT_TAKEN(&made, "host", "wrong", "red_host", "right", "HOST", "wrong");
    assert_string_equal(ps_config_text(made.config, "host"), "right");
    assert_int_equal(made.settings.warnings_count, 2);
    done(&made);
}

static void test_key_given_both_ways_alike_or_blank_is_no_conflict(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "red_host", "same", "host", "same", "red_port", "", "port", "3");
    assert_string_equal(ps_config_text(made.config, "host"), "same");
    assert_int_equal(ps_config_integer(made.config, "port", 0), 3);
    assert_int_equal(made.settings.warnings_count, 0);
    done(&made);
}

static void test_keys_of_other_sources_are_ignored_while_source_is_set(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "source", "red", "host", "h", "blue_host", "x", "blue_key", "hush-hush",
                 "depth", "", "blue_depth", "1", "show_advanced", "true");
    assert_string_equal(ps_config_text(made.config, "host"), "h");
    assert_int_equal(made.settings.warnings_count, 0);
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    ps_redact(&text, "the key is hush-hush");
    assert_null(strstr(ps_buffer_text(&text), "hush-hush"));
    ps_buffer_done(&text);
    done(&made);
}

static void test_keys_of_other_sources_are_strange_where_no_source_is_set(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "host", "h", "depth", "1");
    assert_int_equal(made.settings.warnings_count, 1);
    assert_non_null(strstr(made.settings.warnings[0], "\"depth\" is not known"));
    done(&made);
}

static void test_engine_keys_take_no_source_and_misspelt_ones_are_known_again(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "source", "red", "host", "h", "red_tables", "t", "red_prot", "1");
    assert_null(ps_config_text(made.config, "tables"));
    assert_int_equal(made.settings.warnings_count, 2);
    assert_non_null(strstr(made.settings.warnings[0], "\"red_tables\" is not known"));
    assert_non_null(strstr(made.settings.warnings[1], "did you mean \"port\"?"));
    done(&made);
}

static void test_errors_name_the_key_as_it_was_given(void **state)
{
    (void)state;
    struct made made;
    assert_int_equal(make(&made, PAIRS("host", "h", "red_port", "x")), PS_CONFIG);
    assert_non_null(strstr(made.err.message, "\"red_port\""));
    done(&made);
}

static void test_values_of_a_map_are_literal(void **state)
{
    (void)state;
    struct made made;
    ASSERT_TAKEN(&made, "host", "${PATH}", "tables", "@/etc/hostname");
    assert_string_equal(ps_config_text(made.config, "host"), "${PATH}");
    assert_string_equal(ps_config_text(made.config, "tables"), "@/etc/hostname");
    done(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_may_have_its_source_before_it),
        cmocka_unit_test(test_key_with_its_source_wins_in_either_order),
        cmocka_unit_test(test_key_given_both_ways_alike_or_blank_is_no_conflict),
        cmocka_unit_test(test_keys_of_other_sources_are_ignored_while_source_is_set),
        cmocka_unit_test(test_keys_of_other_sources_are_strange_where_no_source_is_set),
        cmocka_unit_test(test_engine_keys_take_no_source_and_misspelt_ones_are_known_again),
        cmocka_unit_test(test_errors_name_the_key_as_it_was_given),
        cmocka_unit_test(test_values_of_a_map_are_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
