/*
 * Unit tests for src/config/options.c and values.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"
#include "config/options.h"

static const char *const modes[] = {"require", "prefer", "disable", NULL};
static const char *const user_aliases[] = {"username", NULL};
static const struct ps_option source_options[] = {
    {.name = "host", .type = PS_OPTION_TEXT, .flags = PS_OPTION_REQUIRED, .help = "Where."},
    {.name = "port",
     .type = PS_OPTION_INTEGER,
     .minimum = 1,
     .maximum = 65535,
     .default_value = "5433"},
    {.name = "user", .type = PS_OPTION_TEXT, .flags = PS_OPTION_REQUIRED, .aliases = user_aliases},
    {.name = "password", .type = PS_OPTION_SECRET},
    {.name = "sslmode", .type = PS_OPTION_CHOICE, .choices = modes, .default_value = "prefer"},
    {.name = NULL},
};
static const struct ps_option engine_options[] = {
    {.name = "tables", .type = PS_OPTION_LIST},
    {.name = "soft_delete_values", .type = PS_OPTION_LIST, .default_value = "1, true, Y"},
    {.name = "timestamp_column", .type = PS_OPTION_BY_TABLE},
    {.name = "strategy", .type = PS_OPTION_BY_TABLE, .default_value = "auto"},
    {.name = "lookback", .type = PS_OPTION_INTEGER, .minimum = INT64_MIN, .maximum = INT64_MAX},
    {.name = "debug", .type = PS_OPTION_BOOLEAN, .default_value = "false"},
    {.name = "views", .type = PS_OPTION_BOOLEAN},
    {.name = "choice", .type = PS_OPTION_CHOICE, .choices = modes},
    {.name = "choices", .type = PS_OPTION_BY_TABLE, .choices = modes},
    {.name = NULL},
};
static const struct ps_option *const tables[] = {source_options, engine_options, NULL};
static const char *const ignored[] = {"source", NULL};

/* One configuration in the making: settings in, status, configuration and error out. */
struct made {
    struct ps_settings settings;
    struct ps_config *config;
    struct ps_error err;
    enum ps_status status;
};

static void make(struct made *made, const char *const *pairs)
{
    *made = (struct made){0};
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        assert_int_equal(ps_settings_add(&made->settings, pairs[i], pairs[i + 1], &made->err),
                         PS_OK);
    }
    made->status = ps_config_new(&made->settings, tables, ignored, &made->config, &made->err);
}
#define MAKE(made, ...) make(made, (const char *const[]){__VA_ARGS__, NULL})
#define MAKE_WITH(made, ...) MAKE(made, "host", "h", "user", "u", __VA_ARGS__)

static void unmake(struct made *made)
{
    ps_config_free(made->config);
    ps_settings_done(&made->settings);
    ps_redact_clear();
}

/* The configuration is refused, and the message holds all of these texts. */
static void assert_refused(struct made *made, const char *const *texts)
{
    assert_int_equal(made->status, PS_CONFIG);
    assert_int_equal(made->err.error_class, PS_CLASS_SETTING);
    assert_null(made->config);
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (strstr(made->err.message, texts[i]) == NULL) {
            fail_msg("\"%s\" is not in: %s", texts[i], made->err.message);
        }
    }
    unmake(made);
}
#define ASSERT_REFUSED(made, ...) assert_refused(made, (const char *const[]){__VA_ARGS__, NULL})

static void assert_warned(const struct made *made, size_t at, const char *text)
{
    assert_int_equal(made->status, PS_OK);
    assert_true(made->settings.warnings_count > at);
    if (strstr(made->settings.warnings[at], text) == NULL) {
        fail_msg("\"%s\" is not in: %s", text, made->settings.warnings[at]);
    }
}

static void test_config_defaults_stand_where_nothing_is_given(void **context)
{
    (void)context;
    struct made made;
    MAKE(&made, "host", "h", "user", "u");
    assert_int_equal(made.status, PS_OK);
    assert_string_equal(ps_config_text(made.config, "host"), "h");
    assert_string_equal(ps_config_text(made.config, "port"), "5433");
    assert_int_equal(ps_config_integer(made.config, "port", -1), 5433);
    assert_int_equal(ps_config_integer(made.config, "lookback", -7), -7);
    assert_null(ps_config_text(made.config, "password"));
    assert_string_equal(ps_config_text_or_empty(made.config, "password"), "");
    assert_false(ps_config_is_set(made.config, "port"));
    assert_true(ps_config_is_set(made.config, "host"));
    assert_int_equal(ps_config_choice(made.config, "sslmode"), 1);
    assert_int_equal(ps_config_choice(made.config, "choice"), -1);
    assert_false(ps_config_boolean(made.config, "debug"));
    assert_false(ps_config_boolean(made.config, "views"));
    size_t count = 9;
    const char *const *list = ps_config_list(made.config, "tables", &count);
    assert_int_equal(count, 0);
    assert_non_null(list);
    assert_null(list[0]);
    list = ps_config_list(made.config, "soft_delete_values", NULL);
    assert_string_equal(list[0], "1");
    assert_string_equal(list[2], "Y");
    assert_null(list[3]);
    assert_int_equal(made.settings.warnings_count, 0);
    unmake(&made);
}

static void test_config_outlives_its_settings(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "tables", "a,b", "timestamp_column", "t=c");
    assert_int_equal(made.status, PS_OK);
    ps_settings_done(&made.settings);
    assert_string_equal(ps_config_text(made.config, "host"), "h");
    assert_string_equal(ps_config_list(made.config, "tables", NULL)[1], "b");
    assert_string_equal(ps_config_by_table(made.config, "timestamp_column", "s", "t"), "c");
    unmake(&made);
}

static void test_config_keys_match_without_case_and_by_alias(void **context)
{
    (void)context;
    struct made made;
    MAKE(&made, "HOST", "h", "UserName", "u", "Source", "ehr");
    assert_int_equal(made.status, PS_OK);
    assert_string_equal(ps_config_text(made.config, "user"), "u");
    assert_int_equal(made.settings.warnings_count, 0);
    unmake(&made);
}

static void test_config_blank_values_are_not_set(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "port", "", "password", "   ", "sslmode", "\t\n");
    assert_int_equal(made.status, PS_OK);
    assert_false(ps_config_is_set(made.config, "port"));
    assert_false(ps_config_is_set(made.config, "password"));
    assert_int_equal(ps_config_integer(made.config, "port", -1), 5433);
    assert_null(ps_config_text(made.config, "password"));
    unmake(&made);
}

static void test_config_text_of_several_lines_may_end_with_a_line_break(void **context)
{
    (void)context;
    struct made made;
    MAKE(&made, "host", "h", "user", "u", "password", "one\ntwo\n");
    assert_int_equal(made.status, PS_OK);
    assert_string_equal(ps_config_text(made.config, "password"), "one\ntwo\n");
    assert_int_equal(made.settings.warnings_count, 0);
    unmake(&made);
}

static void test_config_blanks_are_trimmed_except_in_texts(void **context)
{
    (void)context;
    struct made made;
    MAKE(&made, "host", " h", "user", "u", "port", " 99 ", "debug", " Yes\n", "sslmode",
         "\tREQUIRE ", "tables", " a , b.c ,, ", "password", "secret \n");
    assert_int_equal(made.status, PS_OK);
    assert_string_equal(ps_config_text(made.config, "host"), " h");
    assert_string_equal(ps_config_text(made.config, "password"), "secret \n");
    assert_int_equal(ps_config_integer(made.config, "port", -1), 99);
    assert_true(ps_config_boolean(made.config, "debug"));
    assert_int_equal(ps_config_choice(made.config, "sslmode"), 0);
    assert_string_equal(ps_config_text(made.config, "sslmode"), "require");
    size_t count = 0;
    const char *const *list = ps_config_list(made.config, "tables", &count);
    assert_int_equal(count, 2);
    assert_string_equal(list[0], "a");
    assert_string_equal(list[1], "b.c");
    assert_int_equal(made.settings.warnings_count, 2);
    assert_warned(&made, 0, "\"host\" begins or ends with a blank");
    assert_warned(&made, 1, "\"password\"");
    assert_null(strstr(made.settings.warnings[1], "secret"));
    unmake(&made);
}

static void test_config_integer_takes_sign_and_leading_zeros(void **context)
{
    (void)context;
    static const struct {
        const char *text;
        int64_t value;
    } cases[] = {
        {"+5", 5},
        {"-5", -5},
        {"007", 7},
        {"08", 8},
        {"-0", 0},
        {"9223372036854775807", INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"0000000000000000000000000000001", 1},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;
        MAKE_WITH(&made, "lookback", cases[i].text);
        assert_int_equal(made.status, PS_OK);
        assert_true(ps_config_integer(made.config, "lookback", 1) == cases[i].value);
        unmake(&made);
    }
}

static void test_config_integer_malformed_is_refused(void **context)
{
    (void)context;
    static const char *const cases[] = {"abc",
                                        "1.0",
                                        "1e3",
                                        "0x10",
                                        "+",
                                        "-",
                                        "+-1",
                                        "1 2",
                                        "1,0",
                                        "1_000",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "99999999999999999999999999"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct made made;
        MAKE_WITH(&made, "lookback", cases[i]);
        ASSERT_REFUSED(&made, "\"lookback\"", cases[i], "a whole number from -9223372036854775808");
    }
}

static void test_config_integer_out_of_bounds_tells_the_bounds(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "Port", "0");
    ASSERT_REFUSED(&made, "\"Port\" is \"0\"", "from 1 to 65535");
    MAKE_WITH(&made, "port", "65536");
    ASSERT_REFUSED(&made, "\"port\" is \"65536\"", "from 1 to 65535");
}

static void test_config_boolean_takes_all_its_words(void **context)
{
    (void)context;
    static const char *const yes[] = {"true", "TRUE", "yes", "On", "1"};
    static const char *const no[] = {"false", "No", "off", "0"};
    struct made made;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        MAKE_WITH(&made, "debug", yes[i]);
        assert_true(ps_config_boolean(made.config, "debug"));
        unmake(&made);
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        MAKE_WITH(&made, "debug", no[i]);
        assert_int_equal(made.status, PS_OK);
        assert_false(ps_config_boolean(made.config, "debug"));
        unmake(&made);
    }
    MAKE_WITH(&made, "debug", "maybe");
    ASSERT_REFUSED(&made, "\"debug\" is \"maybe\"", "true or false");
}

static void test_config_choice_unknown_lists_the_choices(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "sslmode", "requires");
    ASSERT_REFUSED(&made, "\"sslmode\" is \"requires\"", "one of require, prefer, disable");
}

static void test_config_by_table_takes_first_match_then_plain_then_default(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "strategy", "public.e*=wide, wide , *.events = sparse,s.t=a=b", "tables", "x");
    assert_int_equal(made.status, PS_OK);
    assert_string_equal(ps_config_by_table(made.config, "strategy", "public", "events"), "wide");
    assert_string_equal(ps_config_by_table(made.config, "strategy", "Sales", "Events"), "sparse");
    assert_string_equal(ps_config_by_table(made.config, "strategy", "s", "t"), "a=b");
    assert_string_equal(ps_config_by_table(made.config, "strategy", "s", "other"), "wide");
    assert_null(ps_config_by_table(made.config, "timestamp_column", "s", "t"));
    unmake(&made);
    MAKE_WITH(&made, "strategy", "orders=wide");
    assert_string_equal(ps_config_by_table(made.config, "strategy", "s", "other"), "auto");
    assert_string_equal(ps_config_by_table(made.config, "strategy", "s", "orders"), "wide");
    unmake(&made);
    MAKE(&made, "host", "h", "user", "u");
    assert_string_equal(ps_config_by_table(made.config, "strategy", "s", "orders"), "auto");
    unmake(&made);
}

static void test_config_by_table_with_choices_takes_no_others(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "choices", "s.t=REQUIRE, Prefer");
    assert_int_equal(made.status, PS_OK);
    assert_string_equal(ps_config_by_table(made.config, "choices", "s", "t"), "require");
    assert_string_equal(ps_config_by_table(made.config, "choices", "s", "u"), "prefer");
    unmake(&made);
    MAKE_WITH(&made, "choices", "s.t=requires");
    ASSERT_REFUSED(&made, "\"choices\" is \"requires\"", "one of require, prefer, disable");
}

static void test_config_by_table_malformed_is_refused(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "strategy", "wide, sparse");
    ASSERT_REFUSED(&made, "\"strategy\" is \"wide, sparse\"", "one value for all tables");
    MAKE_WITH(&made, "strategy", "orders=");
    ASSERT_REFUSED(&made, "\"strategy\" is \"orders=\"", "both sides");
    MAKE_WITH(&made, "strategy", "a=b, = wide");
    ASSERT_REFUSED(&made, "\"strategy\" is \"= wide\"", "both sides");
}

static void test_config_list_of_commas_alone_is_empty(void **context)
{
    (void)context;
    struct made made;
    size_t count = 9;
    MAKE_WITH(&made, "tables", " , ,");
    assert_int_equal(made.status, PS_OK);
    assert_null(ps_config_list(made.config, "tables", &count)[0]);
    assert_int_equal(count, 0);
    unmake(&made);
}

static void test_config_required_missing_names_all_of_them(void **context)
{
    (void)context;
    struct made made;
    MAKE(&made, "port", "1");
    ASSERT_REFUSED(&made, "\"host\" and \"user\" must be set");
    MAKE(&made, "host", "h", "user", " ");
    ASSERT_REFUSED(&made, "\"user\" must be set");
}

static void test_config_placeholders_are_refused_by_key(void **context)
{
    (void)context;
    struct made made;
    MAKE(&made, "host", "<YOUR_HOST>", "UserName", " <YOUR USER 2>", "password", "<PASSWORD>");
    ASSERT_REFUSED(&made, "\"host\", \"UserName\" and \"password\" still hold placeholders");
    MAKE(&made, "host", "<your_host>", "user", "<>");
    assert_int_equal(made.status, PS_OK);
    unmake(&made);
}

static void test_config_encrypted_values_are_refused_without_showing_them(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "password", "fivetran_encrypted:hunter2hunter2");
    assert_null(strstr(made.err.message, "hunter2"));
    ASSERT_REFUSED(&made, "\"password\" is encrypted", "${NAME}");
}

static void test_config_unknown_key_warns_with_the_nearest(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "pasword", "hunter2", "zzzzzz", "1", "usernam", "u", "suorce", "x");
    assert_int_equal(made.settings.warnings_count, 4);
    assert_warned(&made, 0, "\"pasword\" is not known and is ignored; did you mean \"password\"?");
    assert_warned(&made, 1, "\"zzzzzz\" is not known and is ignored");
    assert_null(strstr(made.settings.warnings[1], "mean"));
    assert_warned(&made, 2, "did you mean \"user\"?");
    assert_warned(&made, 3, "did you mean \"source\"?");
    assert_null(strstr(made.settings.warnings[0], "hunter2"));
    unmake(&made);
}

static void test_config_many_unknown_keys_are_warned_about_up_to_a_bound(void **context)
{
    (void)context;
    struct made made;
    const char *pairs[2 * 300 + 5];
    char names[300][16];
    size_t at = 0;
    pairs[at++] = "host";
    pairs[at++] = "h";
    pairs[at++] = "user";
    pairs[at++] = "u";
    for (size_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof(names[i]), "unknown%zu", i);
        pairs[at++] = names[i];
        pairs[at++] = "1";
    }
    pairs[at] = NULL;
    make(&made, pairs);
    assert_int_equal(made.settings.warnings_count, 100);
    assert_warned(&made, 99, "further warnings");
    unmake(&made);
}

static void test_config_key_given_twice_takes_the_later_with_a_warning(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "Host", "later", "port", "5", "PORT", "");
    assert_string_equal(ps_config_text(made.config, "host"), "later");
    assert_int_equal(ps_config_integer(made.config, "port", -1), 5);
    assert_int_equal(made.settings.warnings_count, 1);
    assert_warned(&made, 0, "\"host\" and \"Host\" set the same option; the latter counts");
    unmake(&made);
}

static void test_config_same_key_set_again_is_no_warning(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "tables", "a", "tables", "b");
    assert_string_equal(ps_config_text(made.config, "tables"), "b");
    assert_int_equal(made.settings.warnings_count, 0);
    unmake(&made);
}

static void test_config_secrets_are_redacted_and_never_in_errors(void **context)
{
    (void)context;
    struct made made;
    MAKE_WITH(&made, "password", "hunter2-is-it");
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    ps_redact(&out, "it is hunter2-is-it");
    assert_string_equal(ps_buffer_text(&out), "it is ***");
    ps_buffer_done(&out);
    unmake(&made);
}

static void test_config_long_values_are_clipped_in_messages(void **context)
{
    (void)context;
    char text[500];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    memcpy(text + 79, "ä", 2);
    text[5] = '\n';
    struct made made;
    MAKE_WITH(&made, "port", text);
    assert_null(strstr(made.err.message, "xxxxä"));
    ASSERT_REFUSED(&made, "xxxxx?xxx", "xxx…\"", "from 1 to 65535");
}

static void test_config_tables_with_mistakes_are_bugs(void **context)
{
    (void)context;
    static const struct ps_option wrong[] = {
        {.name = "n", .type = PS_OPTION_INTEGER, .minimum = 1, .maximum = 5, .default_value = "6"},
        {.name = NULL}};
    const struct ps_option *const twice[] = {engine_options, engine_options, NULL};
    const struct ps_option *const bad_default[] = {wrong, NULL};
    struct ps_settings settings = {0};
    struct ps_config *config = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_config_new(&settings, twice, NULL, &config, &err), PS_BUG);
    assert_int_equal(ps_config_new(&settings, bad_default, NULL, &config, &err), PS_BUG);
    assert_non_null(strstr(err.message, "from 1 to 5"));
    ps_settings_done(&settings);
}

static void assert_shown(const char *text, const char *expected)
{
    struct ps_buffer out = {0};
    ps_redact(&out, text);
    assert_string_equal(ps_buffer_text(&out), expected);
    ps_buffer_done(&out);
}

static void test_config_secrets_are_forgotten_when_asked(void **context)
{
    (void)context;
    struct made one, other;
    MAKE_WITH(&one, "password", "hunter22", "PassWord", "swordfish");
    MAKE_WITH(&other, "password", "hunter22");
    assert_shown("hunter22 swordfish", "*** ***");
    ps_settings_forget_secrets(&one.settings);
    assert_shown("hunter22 swordfish", "*** swordfish");
    ps_settings_forget_secrets(&one.settings); /* They were its own once. */
    assert_shown("hunter22 swordfish", "*** swordfish");
    ps_settings_forget_secrets(&other.settings);
    assert_shown("hunter22 swordfish", "hunter22 swordfish");
    unmake(&other);
    unmake(&one);
}

static void test_config_when_memory_runs_out_says_so(void **context)
{
    (void)context;
    enum ps_status status = PS_NOMEM;
    int64_t count = 0;
    for (; status == PS_NOMEM && count < 1000; count++) {
        struct ps_settings settings = {0};
        struct ps_config *config = NULL;
        struct ps_error err = {0};
        ps_redact_clear();
        ps_alloc_fail_after(count, 0);
        status = ps_settings_add(&settings, "Host", "h", &err);
        if (status == PS_OK) {
            status = ps_settings_add(&settings, "user", "u", &err);
        }
        if (status == PS_OK) {
            status = ps_settings_add(&settings, "strategie", "a=b, c, d=e", &err);
        }
        if (status == PS_OK) {
            status = ps_config_new(&settings, tables, ignored, &config, &err);
        }
        ps_alloc_fail_after(-1, 0);
        assert_true(status == PS_OK || status == PS_NOMEM);
        assert_true((status == PS_OK) == (config != NULL));
        ps_config_free(config);
        ps_settings_done(&settings);
    }
    assert_int_equal(status, PS_OK);
    assert_true(count > 3);
}

int main(void)
{
    const struct CMUnitTest all[] = {
        cmocka_unit_test(test_config_defaults_stand_where_nothing_is_given),
        cmocka_unit_test(test_config_outlives_its_settings),
        cmocka_unit_test(test_config_keys_match_without_case_and_by_alias),
        cmocka_unit_test(test_config_blank_values_are_not_set),
        cmocka_unit_test(test_config_text_of_several_lines_may_end_with_a_line_break),
        cmocka_unit_test(test_config_blanks_are_trimmed_except_in_texts),
        cmocka_unit_test(test_config_integer_takes_sign_and_leading_zeros),
        cmocka_unit_test(test_config_integer_malformed_is_refused),
        cmocka_unit_test(test_config_integer_out_of_bounds_tells_the_bounds),
        cmocka_unit_test(test_config_boolean_takes_all_its_words),
        cmocka_unit_test(test_config_choice_unknown_lists_the_choices),
        cmocka_unit_test(test_config_by_table_takes_first_match_then_plain_then_default),
        cmocka_unit_test(test_config_by_table_with_choices_takes_no_others),
        cmocka_unit_test(test_config_by_table_malformed_is_refused),
        cmocka_unit_test(test_config_list_of_commas_alone_is_empty),
        cmocka_unit_test(test_config_required_missing_names_all_of_them),
        cmocka_unit_test(test_config_placeholders_are_refused_by_key),
        cmocka_unit_test(test_config_encrypted_values_are_refused_without_showing_them),
        cmocka_unit_test(test_config_unknown_key_warns_with_the_nearest),
        cmocka_unit_test(test_config_many_unknown_keys_are_warned_about_up_to_a_bound),
        cmocka_unit_test(test_config_key_given_twice_takes_the_later_with_a_warning),
        cmocka_unit_test(test_config_same_key_set_again_is_no_warning),
        cmocka_unit_test(test_config_secrets_are_redacted_and_never_in_errors),
        cmocka_unit_test(test_config_long_values_are_clipped_in_messages),
        cmocka_unit_test(test_config_tables_with_mistakes_are_bugs),
        cmocka_unit_test(test_config_secrets_are_forgotten_when_asked),
        cmocka_unit_test(test_config_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(all, NULL, NULL);
}
