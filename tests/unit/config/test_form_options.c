/*
 * Unit tests for what the setup form adds to options: explained choices, options that are shown
 * only while another has a value, uploaded files.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "config/document.h"
#include "config/options.h"

static const struct ps_choice methods[] = {
    {.value = "Key", .label = "A key", .description = "One text."},
    {.value = "Basic", .label = "A login", .description = "Name and password."},
    {.value = "None", .label = "Nothing", .description = "Open to all."},
    {.value = NULL},
};
static const struct ps_option_group key_group = {.option = "method", .value = "Key"};
static const struct ps_option_group basic_group = {.option = "method", .value = "Basic"};
static const struct ps_option_group proxy_group = {.option = "proxy", .value = "true"};
static const struct ps_option options[] = {
    {.name = "url", .type = PS_OPTION_TEXT, .flags = PS_OPTION_ASKED},
    {.name = "method",
     .type = PS_OPTION_CHOICE,
     .described_choices = methods,
     .default_value = "None"},
    {.name = "key",
     .type = PS_OPTION_SECRET,
     .flags = PS_OPTION_REQUIRED,
     .shown_when = &key_group},
    {.name = "user",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_REQUIRED,
     .shown_when = &basic_group},
    {.name = "password",
     .type = PS_OPTION_SECRET,
     .flags = PS_OPTION_REQUIRED,
     .shown_when = &basic_group},
    {.name = "proxy", .type = PS_OPTION_BOOLEAN},
    {.name = "proxy_host",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_REQUIRED,
     .shown_when = &proxy_group},
    {.name = "file", .type = PS_OPTION_UPLOAD, .upload_bytes_max = 8},
    {.name = NULL},
};
static const struct ps_option *const tables[] = {options, NULL};

static enum ps_status make(const char *const *pairs, struct ps_config **ret_config,
                           struct ps_error *err)
{
    struct ps_settings settings = {0};
    enum ps_status status = PS_OK;
    *ret_config = NULL;
    for (size_t i = 0; status == PS_OK && pairs[i] != NULL; i += 2) {
        status = ps_settings_add(&settings, pairs[i], pairs[i + 1], err);
    }
    if (status == PS_OK) {
        status = ps_config_new(&settings, tables, NULL, ret_config, err);
    }
    ps_settings_done(&settings);
    return status;
}

static void assert_refused(const char *const *pairs, const char *message)
{
    struct ps_config *config;
    struct ps_error err = {0};
    assert_int_equal(make(pairs, &config, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, message));
}

static struct ps_config *assert_taken(const char *const *pairs)
{
    struct ps_config *config;
    struct ps_error err = {0};
    assert_int_equal(make(pairs, &config, &err), PS_OK);
    return config;
}

#define PAIRS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_described_choice_is_read_like_any_choice(void **state)
{
    (void)state;
    struct ps_config *config = assert_taken(PAIRS("method", "none"));
    assert_int_equal(ps_config_choice(config, "method"), 2);
    assert_string_equal(ps_config_text(config, "method"), "None");
    ps_config_free(config);
    assert_refused(PAIRS("method", "Kerberos"), "one of Key, Basic, None");
}

static void test_option_is_required_only_while_it_is_shown(void **state)
{
    (void)state;
    ps_config_free(assert_taken(PAIRS("url", "u")));
    ps_config_free(assert_taken(PAIRS("method", "Key", "key", "secret")));
    assert_refused(PAIRS("method", "key"), "\"key\" must be set");
    assert_refused(PAIRS("method", "Basic"), "\"user\" and \"password\" must be set");
    assert_refused(PAIRS("method", "Basic", "user", "u", "key", "k"), "\"password\" must be set");
}

static void test_toggle_shows_what_hangs_on_it(void **state)
{
    (void)state;
    ps_config_free(assert_taken(PAIRS("proxy", "off")));
    assert_refused(PAIRS("proxy", "yes"), "\"proxy_host\" must be set");
}

static void test_asked_option_may_be_missing(void **state)
{
    (void)state;
    struct ps_config *config = assert_taken(PAIRS("proxy", "false"));
    assert_null(ps_config_text(config, "url"));
    ps_config_free(config);
}

static void test_upload_is_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *bytes;
        size_t size;
    } cases[] = {
        {"AAEC", "\x00\x01\x02", 3},
        {"/+8=", "\xff\xef", 2},
        {"QQ==", "A", 1},
        {" QU\r\nJD\n\nREVGRw= =\n", "ABCDEFG", 7},
        {"QUJDREVGR0g=", "ABCDEFGH", 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ps_config *config = assert_taken(PAIRS("file", cases[i].text));
        size_t size = 0;
        const void *bytes = ps_config_upload(config, "file", &size);
        assert_int_equal(size, cases[i].size);
        assert_memory_equal(bytes, cases[i].bytes, size);
        ps_config_free(config);
    }
    struct ps_config *config = assert_taken(PAIRS("file", ""));
    size_t size = 1;
    assert_null(ps_config_upload(config, "file", &size));
    assert_int_equal(size, 0);
    ps_config_free(config);
}

static void test_upload_malformed_or_too_large_is_refused_without_showing_it(void **state)
{
    (void)state;
    static const char *const wrong[] = {"QQ=", "Q===", "QQ==QQ==", "QQ=A", "a-b_",
                                        "QQ=", "=QQQ", "====",     "QUJ",  "-----BEGIN KEY-----"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct ps_config *config;
        struct ps_error err = {0};
        assert_int_equal(make(PAIRS("file", wrong[i]), &config, &err), PS_CONFIG);
        assert_non_null(strstr(err.message, "\"file\" is no base64"));
        assert_null(strstr(err.message, "BEGIN"));
    }
    assert_refused(PAIRS("file", "QUJDREVGR0hJ"), "has 9 bytes, and may have 8 at most");
}

static void test_condition_on_an_unknown_option_is_a_bug(void **state)
{
    (void)state;
    const struct ps_option *const lonely[] = {options + 2, NULL};
    struct ps_settings settings = {0};
    struct ps_config *config = NULL;
    struct ps_error err = {0};
    assert_int_equal(ps_config_new(&settings, lonely, NULL, &config, &err), PS_BUG);
    assert_non_null(strstr(err.message, "no option method"));
    ps_settings_done(&settings);
}

static void test_page_tells_choices_conditions_and_files(void **state)
{
    (void)state;
    const struct ps_options_section sections[] = {{.title = "T", .options = options},
                                                  {.title = NULL}};
    struct ps_buffer page;
    struct ps_error err = {0};
    ps_buffer_init(&page, 0);
    assert_int_equal(ps_options_document(sections, &page, &err), PS_OK);
    assert_non_null(strstr(page.data, "choice: `Key`, `Basic`, `None`"));
    assert_non_null(strstr(page.data, "Only where `method` is `Basic`."));
    assert_non_null(strstr(page.data, "| `file` | file, at most 8 bytes |"));
    assert_non_null(strstr(page.data, "| `url` | text | **required** |"));
    ps_buffer_done(&page);
}

static void test_config_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    enum ps_status status = PS_NOMEM;
    for (int64_t count = 0; status == PS_NOMEM && count < 1000; count++) {
        struct ps_config *config;
        struct ps_error err = {0};
        ps_alloc_fail_after(count, 0);
        status = make(PAIRS("method", "Basic", "user", "u", "file", "QUJD"), &config, &err);
        ps_alloc_fail_after(-1, 0);
        ps_config_free(config);
    }
    assert_int_equal(status, PS_CONFIG); /* "password" is missing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_described_choice_is_read_like_any_choice),
        cmocka_unit_test(test_option_is_required_only_while_it_is_shown),
        cmocka_unit_test(test_toggle_shows_what_hangs_on_it),
        cmocka_unit_test(test_asked_option_may_be_missing),
        cmocka_unit_test(test_upload_is_decoded),
        cmocka_unit_test(test_upload_malformed_or_too_large_is_refused_without_showing_it),
        cmocka_unit_test(test_condition_on_an_unknown_option_is_a_bug),
        cmocka_unit_test(test_page_tells_choices_conditions_and_files),
        cmocka_unit_test(test_config_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
