/*
 * Unit tests for src/config/settings.c and reference.c. Files are written to a temporary folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"
#include "config/options.h"

static char folder[64];

static const char *path_of(const char *name)
{
    static char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *bytes, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static enum ps_status read_back(struct ps_settings *settings, struct ps_error *err)
{
    *settings = (struct ps_settings){0};
    return ps_settings_read_file(settings, path_of("configuration.json"), err);
}

/* Reads a document that must be taken. The caller ends with ps_settings_done. */
static void read_sized(struct ps_settings *settings, const char *json, size_t size)
{
    struct ps_error err = {0};
    write_file("configuration.json", json, size);
    if (read_back(settings, &err) != PS_OK) {
        fail_msg("refused: %s", err.message);
    }
}

static void read_json(struct ps_settings *settings, const char *json)
{
    read_sized(settings, json, strlen(json));
}

static void assert_refused_sized(const char *json, size_t size, const char *const *texts)
{
    struct ps_settings settings;
    struct ps_error err = {0};
    write_file("configuration.json", json, size);
    assert_int_equal(read_back(&settings, &err), PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_SETTING);
    for (size_t i = 0; texts[i] != NULL; i++) {
        if (strstr(err.message, texts[i]) == NULL) {
            fail_msg("\"%s\" is not in: %s", texts[i], err.message);
        }
    }
    assert_non_null(strstr(err.message, "configuration.json"));
    assert_null(strstr(err.message, "hunter2"));
    ps_settings_done(&settings);
}
#define ASSERT_REFUSED(json, ...)                                                                  \
    assert_refused_sized(json, strlen(json), (const char *const[]){__VA_ARGS__, NULL})

static void test_settings_read_takes_every_flat_kind_as_text(void **context)
{
    (void)context;
    struct ps_settings settings;
    read_json(&settings, "{\"host\": \"h\\u00e4\", \"port\": 5433, \"ratio\": -1.50e3, "
                         "\"on\": true, \"off\": false, \"none\": null, \"empty\": \"\"}");
    assert_int_equal(settings.count, 7);
    assert_string_equal(ps_settings_get(&settings, "HOST"), "hä");
    assert_string_equal(ps_settings_get(&settings, "port"), "5433");
    assert_string_equal(ps_settings_get(&settings, "ratio"), "-1.50e3");
    assert_string_equal(ps_settings_get(&settings, "on"), "true");
    assert_string_equal(ps_settings_get(&settings, "off"), "false");
    assert_null(ps_settings_get(&settings, "none"));
    assert_null(ps_settings_get(&settings, "empty"));
    assert_null(ps_settings_get(&settings, "missing"));
    assert_int_equal(settings.warnings_count, 0);
    ps_settings_done(&settings);
}

static void test_settings_read_takes_byte_order_mark_and_crlf(void **context)
{
    (void)context;
    struct ps_settings settings;
    read_json(&settings, "\xef\xbb\xbf{\r\n  \"host\": \"h\"\r\n}\r\n");
    assert_string_equal(ps_settings_get(&settings, "host"), "h");
    ps_settings_done(&settings);
}

static void test_settings_read_takes_comments_with_a_warning(void **context)
{
    (void)context;
    struct ps_settings settings;
    read_json(&settings, "{\n  \"host\": \"http://h\", // Required\n  /* more */ \"port\": 1\n}");
    assert_string_equal(ps_settings_get(&settings, "host"), "http://h");
    assert_int_equal(settings.warnings_count, 1);
    assert_non_null(strstr(settings.warnings[0], "comments"));
    assert_non_null(strstr(settings.warnings[0], "configuration.json"));
    ps_settings_done(&settings);
}

static void test_settings_read_empty_object_is_taken(void **context)
{
    (void)context;
    struct ps_settings settings;
    read_json(&settings, " {} ");
    assert_int_equal(settings.count, 0);
    ps_settings_done(&settings);
}

static void test_settings_read_missing_file_says_how_to_write_one(void **context)
{
    (void)context;
    struct ps_settings settings = {0};
    struct ps_error err = {0};
    unlink(path_of("configuration.json"));
    assert_int_equal(read_back(&settings, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "there is no configuration file"));
    assert_non_null(strstr(err.message, "configuration.json"));
    assert_non_null(strstr(err.message, "examples/"));
    ps_settings_done(&settings);
}

static void test_settings_read_folder_is_refused(void **context)
{
    (void)context;
    struct ps_settings settings = {0};
    struct ps_error err = {0};
    assert_int_equal(ps_settings_read_file(&settings, folder, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "it is a folder"));
    assert_int_equal(ps_settings_read_file(&settings, "/dev/null", &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "neither a file nor a pipe"));
    ps_settings_done(&settings);
}

static void test_settings_read_empty_file_is_refused(void **context)
{
    (void)context;
    ASSERT_REFUSED("", "it is empty");
    ASSERT_REFUSED("\xef\xbb\xbf \r\n", "it is empty");
}

static void test_settings_read_utf16_is_refused_by_name(void **context)
{
    (void)context;
    assert_refused_sized("\xff\xfe{\0}\0", 6, (const char *const[]){"UTF-16", NULL});
}

static void test_settings_read_broken_json_tells_where(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\n \"password\": hunter2\n}", "no valid JSON", "line 2");
    ASSERT_REFUSED("{\"password\": \"hunter2\",}", "line 1");
    ASSERT_REFUSED("{\"a\": \"1\", \"a\": \"2\"}", "no valid JSON");
}

static void test_settings_read_anything_but_an_object_is_refused(void **context)
{
    (void)context;
    ASSERT_REFUSED("[{\"host\": \"h\"}]", "one JSON object", "not a list");
    ASSERT_REFUSED("\"hunter2\"", "one JSON object", "not a single value");
}

static void test_settings_read_nested_values_are_refused_by_key(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\"tables\": [\"a\"]}", "\"tables\" is a list", "flat");
    ASSERT_REFUSED("{\"db\": {\"password\": \"hunter2\"}}", "\"db\" is an object", "flat");
}

static void test_settings_read_nul_in_a_value_is_refused(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\"password\": \"hunter2\\u0000x\"}", "\"password\"", "NUL");
}

static void test_settings_read_huge_file_is_refused(void **context)
{
    (void)context;
    const size_t size = (size_t)17 << 20;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, ' ', size);
    memcpy(text, "{}", 2);
    assert_refused_sized(text, size, (const char *const[]){"larger than 16 MiB", NULL});
    free(text);
}

static void test_settings_variables_come_from_the_environment(void **context)
{
    (void)context;
    struct ps_settings settings;
    setenv("PENSTOCK_TEST_A", "hunter2", 1);
    setenv("PENSTOCK_TEST_B", "@${PENSTOCK_TEST_A}", 1);
    setenv("PENSTOCK_TEST_EMPTY", "", 1);
    read_json(&settings, "{\"a\": \"${PENSTOCK_TEST_A}\", \"b\": \"x${PENSTOCK_TEST_A}y$z$\", "
                         "\"c\": \"$${PENSTOCK_TEST_A}\", \"d\": \"${PENSTOCK_TEST_B}\", "
                         "\"e\": \"${PENSTOCK_TEST_EMPTY}\", \"f\": \"$$${\", "
                         "\"g\": \"@@${PENSTOCK_TEST_A}\", \"h\": \"@@@\"}");
    assert_string_equal(ps_settings_get(&settings, "a"), "hunter2");
    assert_string_equal(ps_settings_get(&settings, "b"), "xhunter2y$z$");
    assert_string_equal(ps_settings_get(&settings, "c"), "${PENSTOCK_TEST_A}");
    assert_string_equal(ps_settings_get(&settings, "d"), "@${PENSTOCK_TEST_A}");
    assert_null(ps_settings_get(&settings, "e"));
    assert_string_equal(ps_settings_get(&settings, "f"), "$${");
    assert_string_equal(ps_settings_get(&settings, "g"), "@hunter2");
    assert_string_equal(ps_settings_get(&settings, "h"), "@@");
    ps_settings_done(&settings);
}

static void test_settings_unset_variable_is_refused_by_key(void **context)
{
    (void)context;
    unsetenv("PENSTOCK_TEST_UNSET");
    ASSERT_REFUSED("{\"user\": \"${PENSTOCK_TEST_UNSET}\"}", "\"user\"", "PENSTOCK_TEST_UNSET",
                   "not set", "$${");
    /* What does not look like a variable's name may be a part of a password. */
    ASSERT_REFUSED("{\"password\": \"${hunter2}\"}", "\"password\"", "not set");
    ASSERT_REFUSED("{\"password\": \"hunter2${\"}", "\"password\"", "without a variable's name");
    ASSERT_REFUSED("{\"password\": \"${}\"}", "without a variable's name");
    ASSERT_REFUSED("{\"password\": \"${1A}\"}", "without a variable's name");
    ASSERT_REFUSED("{\"password\": \"${A\"}", "without a variable's name");
}

static void test_settings_file_values_are_read_without_the_closing_line_break(void **context)
{
    (void)context;
    struct ps_settings settings;
    write_file("one", "hunter2\n", 8);
    write_file("two", "hunter2\r\n", 9);
    write_file("three", " ${X}\n\n", 7);
    write_file("four", "", 0);
    char json[512];
    setenv("PENSTOCK_TEST_NAME", "one", 1);
    snprintf(json, sizeof(json),
             "{\"a\": \"@one\", \"b\": \"@./two\", \"c\": \"@%s/three\", \"d\": \"@four\", "
             "\"e\": \"@${PENSTOCK_TEST_NAME}\"}",
             folder);
    read_json(&settings, json);
    assert_string_equal(ps_settings_get(&settings, "a"), "hunter2");
    assert_string_equal(ps_settings_get(&settings, "b"), "hunter2");
    assert_string_equal(ps_settings_get(&settings, "c"), " ${X}\n");
    assert_null(ps_settings_get(&settings, "d"));
    assert_string_equal(ps_settings_get(&settings, "e"), "hunter2");
    ps_settings_done(&settings);
}

static void write_text(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static void test_settings_file_values_are_read_again(void **context)
{
    (void)context;
    static const struct ps_option options[] = {
        {.name = "password", .label = "P", .type = PS_OPTION_SECRET},
        {.name = "plain", .label = "Q", .type = PS_OPTION_TEXT},
        {.name = "pipe", .label = "R", .type = PS_OPTION_TEXT},
        {.name = NULL}};
    const struct ps_option *const tables[] = {options, NULL};
    struct ps_settings settings;
    struct ps_config *config = NULL;
    struct ps_error err = {0};
    write_text("secret", "first one\n");
    read_json(&settings, "{\"password\": \"@secret\", \"plain\": \"@@secret\"}");
    assert_int_equal(ps_config_new(&settings, tables, NULL, &config, &err), PS_OK);
    ps_settings_done(&settings);
    const char *first = ps_config_renewed_text(config, "password");
    assert_string_equal(first, "first one");
    write_text("secret", "second one\n");
    assert_string_equal(ps_config_renewed_text(config, "password"), "second one");
    assert_string_equal(first, "first one");
    assert_string_equal(ps_config_text(config, "password"), "first one");
    assert_string_equal(ps_config_renewed_text(config, "plain"), "@secret");
    assert_null(ps_config_renewed_text(config, "pipe"));
    /* While somebody writes it, and after it was taken away, what was there stands. */
    write_text("secret", "");
    assert_string_equal(ps_config_renewed_text(config, "password"), "second one");
    assert_int_equal(unlink(path_of("secret")), 0);
    assert_string_equal(ps_config_renewed_text(config, "password"), "second one");
    /* Nobody writes to it: reading it would wait for ever. */
    assert_int_equal(mkfifo(path_of("secret"), 0600), 0);
    assert_string_equal(ps_config_renewed_text(config, "password"), "second one");
    assert_int_equal(unlink(path_of("secret")), 0);
    struct ps_buffer shown;
    ps_buffer_init(&shown, 0);
    ps_redact(&shown, "first one, second one");
    assert_string_equal(ps_buffer_text(&shown), "***, ***");
    ps_buffer_done(&shown);
    ps_redact_clear();
    ps_config_free(config);
}

static void test_settings_unreadable_file_value_is_refused_by_key(void **context)
{
    (void)context;
    ASSERT_REFUSED("{\"password\": \"@hunter2\"}", "\"password\"", "there is no such file", "@@");
    ASSERT_REFUSED("{\"password\": \"@./missing\"}", "\"password\"", "(./missing)");
    ASSERT_REFUSED("{\"password\": \"@/\"}", "\"password\"", "it is a folder");
    ASSERT_REFUSED("{\"password\": \"@\"}", "\"password\"", "no file is named");
    write_file("nul", "hunter2\0x", 9);
    ASSERT_REFUSED("{\"password\": \"@nul\"}", "\"password\"", "NUL");
}

/* The examples are read from the folder that the tests run in: the repository's. */
static void test_settings_examples_are_plain_and_name_their_source(void **context)
{
    (void)context;
    static const char *const sources[] = {"ehr", "postgresql", "yugabytedb"};
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        char path[64];
        struct ps_settings settings = {0};
        struct ps_error err = {0};
        snprintf(path, sizeof(path), "examples/%s/configuration.json", sources[i]);
        if (ps_settings_read_file(&settings, path, &err) != PS_OK) {
            fail_msg("refused: %s", err.message);
        }
        assert_int_equal(settings.warnings_count, 0);
        assert_string_equal(ps_settings_source(&settings, "none"), sources[i]);
        ps_settings_done(&settings);
    }
}

static void test_settings_add_literal_values_are_not_expanded(void **context)
{
    (void)context;
    struct ps_settings settings = {0};
    struct ps_error err = {0};
    assert_int_equal(ps_settings_add(&settings, "a", "@/etc/passwd", &err), PS_OK);
    assert_int_equal(ps_settings_add(&settings, "b", "${HOME}", &err), PS_OK);
    assert_string_equal(ps_settings_get(&settings, "a"), "@/etc/passwd");
    assert_string_equal(ps_settings_get(&settings, "b"), "${HOME}");
    ps_settings_done(&settings);
}

static void test_settings_add_beyond_the_bounds_is_refused(void **context)
{
    (void)context;
    struct ps_settings settings = {0};
    struct ps_error err = {0};
    for (int i = 0; i < 10000; i++) {
        assert_int_equal(ps_settings_add(&settings, "k", "v", &err), PS_OK);
    }
    assert_int_equal(ps_settings_add(&settings, "k", "v", &err), PS_CONFIG);
    ps_settings_done(&settings);

    const size_t size = ((size_t)16 << 20) - 1;
    char *text = malloc(size + 1);
    assert_non_null(text);
    memset(text, 'x', size);
    text[size] = '\0';
    assert_int_equal(ps_settings_add(&settings, "k", text, &err), PS_OK);
    assert_int_equal(ps_settings_add(&settings, "k", "v", &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "16 MiB"));
    ps_settings_done(&settings);
    free(text);
}

static void test_settings_read_when_memory_runs_out_says_so(void **context)
{
    (void)context;
    const char *json = "{\"host\": \"h\", // x\n \"a\": \"@one\", \"b\": \"${PATH}\", \"n\": 1}";
    write_file("one", "hunter2\n", 8);
    write_file("configuration.json", json, strlen(json));
    enum ps_status status = PS_NOMEM;
    int64_t count = 0;
    for (; status == PS_NOMEM && count < 1000; count++) {
        struct ps_settings settings;
        struct ps_error err = {0};
        ps_alloc_fail_after(count, 0);
        status = read_back(&settings, &err);
        ps_alloc_fail_after(-1, 0);
        assert_true(status == PS_OK || status == PS_NOMEM);
        ps_settings_done(&settings);
    }
    assert_int_equal(status, PS_OK);
    assert_true(count > 5);
}

static int folder_make(void **context)
{
    (void)context;
    snprintf(folder, sizeof(folder), "/tmp/penstock-test-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int folder_remove(void **context)
{
    (void)context;
    static const char *const names[] = {"configuration.json", "one", "two", "three", "four", "nul"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        unlink(path_of(names[i]));
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_read_takes_every_flat_kind_as_text),
        cmocka_unit_test(test_settings_read_takes_byte_order_mark_and_crlf),
        cmocka_unit_test(test_settings_read_takes_comments_with_a_warning),
        cmocka_unit_test(test_settings_read_empty_object_is_taken),
        cmocka_unit_test(test_settings_read_missing_file_says_how_to_write_one),
        cmocka_unit_test(test_settings_read_folder_is_refused),
        cmocka_unit_test(test_settings_read_empty_file_is_refused),
        cmocka_unit_test(test_settings_read_utf16_is_refused_by_name),
        cmocka_unit_test(test_settings_read_broken_json_tells_where),
        cmocka_unit_test(test_settings_read_anything_but_an_object_is_refused),
        cmocka_unit_test(test_settings_read_nested_values_are_refused_by_key),
        cmocka_unit_test(test_settings_read_nul_in_a_value_is_refused),
        cmocka_unit_test(test_settings_read_huge_file_is_refused),
        cmocka_unit_test(test_settings_variables_come_from_the_environment),
        cmocka_unit_test(test_settings_unset_variable_is_refused_by_key),
        cmocka_unit_test(test_settings_file_values_are_read_without_the_closing_line_break),
        cmocka_unit_test(test_settings_file_values_are_read_again),
        cmocka_unit_test(test_settings_unreadable_file_value_is_refused_by_key),
        cmocka_unit_test(test_settings_examples_are_plain_and_name_their_source),
        cmocka_unit_test(test_settings_add_literal_values_are_not_expanded),
        cmocka_unit_test(test_settings_add_beyond_the_bounds_is_refused),
        cmocka_unit_test(test_settings_read_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
