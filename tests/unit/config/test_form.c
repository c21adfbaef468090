/*
 * Unit tests for src/config/form.c: which fields become of options, and where they stand.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "config/form.h"
#include "support/unit.h"

static const char *const modes[] = {"a", "b", NULL};
static const char *const types[] = {".pem", NULL};
static const struct ps_choice methods[] = {
    {.value = "Key", .label = "A key", .description = "One text."},
    {.value = "Basic", .label = "A login", .description = "Name and password."},
    {.value = NULL},
};
static const struct ps_option_group basic = {
    .name = "basic_fields", .label = "Basic", .option = "method", .value = "Basic"};
static const struct ps_option_group key = {
    .name = "key_fields", .label = "Key", .option = "method", .value = "Key"};
static const struct ps_option_group proxy = {
    .name = "proxy_fields", .label = "Proxy", .option = "proxy", .value = "true"};
static const struct ps_option_group wide = {
    .name = "wide_fields", .label = "Wide", .option = "width", .value = "b"};

/* Every kind; `user` of one group stands apart; `proxy_host` hangs on a toggle inside a group. */
static const struct ps_option rich_options[] = {
    {.name = "host",
     .label = "Host",
     .help = "Where.",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_REQUIRED,
     .placeholder = "db"},
    {.name = "method",
     .label = "Method",
     .type = PS_OPTION_CHOICE,
     .described_choices = methods,
     .default_value = "Key"},
    {.name = "user",
     .label = "User",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_REQUIRED,
     .shown_when = &basic},
    {.name = "key", .label = "Key", .type = PS_OPTION_SECRET, .shown_when = &key},
    {.name = "password", .label = "Password", .type = PS_OPTION_SECRET, .shown_when = &basic},
    {.name = "proxy",
     .label = "Proxy",
     .type = PS_OPTION_BOOLEAN,
     .default_value = "false",
     .shown_when = &basic},
    {.name = "proxy_host", .label = "Proxy host", .type = PS_OPTION_TEXT, .shown_when = &proxy},
    {.name = "port",
     .label = "Port",
     .help = "The port.",
     .type = PS_OPTION_INTEGER,
     .minimum = 1,
     .maximum = 9},
    {.name = "seed", .label = "Seed", .type = PS_OPTION_INTEGER, .maximum = INT64_MAX},
    {.name = "token", .label = "Token", .type = PS_OPTION_TEXT, .flags = PS_OPTION_HIDDEN},
    {.name = "url", .label = "URL", .type = PS_OPTION_TEXT, .flags = PS_OPTION_ASKED},
    {.name = "file",
     .label = "File",
     .type = PS_OPTION_UPLOAD,
     .upload_types = types,
     .upload_bytes_max = 10},
    {.name = "width",
     .label = "Width",
     .type = PS_OPTION_CHOICE,
     .choices = modes,
     .flags = PS_OPTION_ADVANCED},
    {.name = "height", .label = "Height", .type = PS_OPTION_TEXT, .shown_when = &wide},
    {.name = NULL},
};
static const struct ps_option plain_options[] = {
    {.name = "Host", .label = "Host", .type = PS_OPTION_TEXT},
    {.name = "plain", .label = "Plain", .type = PS_OPTION_LIST},
    {.name = NULL},
};
static const struct ps_option engine_options[] = {
    {.name = "tables", .label = "Tables", .type = PS_OPTION_BY_TABLE},
    {.name = "threads", .label = "Threads", .type = PS_OPTION_TEXT, .flags = PS_OPTION_ADVANCED},
    {.name = NULL},
};
static const struct ps_option no_options[] = {{.name = NULL}};
static const struct ps_test common_tests[] = {
    {"connect", "Connecting"}, {"select", "Reading"}, {NULL, NULL}};
static const struct ps_test own_tests[] = {{"ping", "Pinging"}, {NULL, NULL}};

static const struct ps_source_ops rich = {.name = "rich",
                                          .label = "Rich",
                                          .summary = "Has all.",
                                          .options = rich_options,
                                          .tests = common_tests};
static const struct ps_source_ops plain = {
    .name = "plain", .label = "Plain", .options = plain_options, .tests = common_tests};
static const struct ps_source_ops bare = {
    .name = "bare", .label = "Bare", .options = no_options, .tests = common_tests};
static const struct ps_source_ops pinged = {
    .name = "pinged", .label = "Pinged", .options = plain_options, .tests = own_tests};

#define SOURCES(...) ((const struct ps_source_ops *const[]){__VA_ARGS__, NULL})

static enum ps_status make(const struct ps_source_ops *const *sources, struct ps_form **ret_form,
                           struct ps_error *err)
{
    const struct ps_form_request request = {sources, engine_options};
    *ret_form = NULL;
    return ps_form_new(&request, ret_form, err);
}

static struct ps_form *made(const struct ps_source_ops *const *sources)
{
    struct ps_form *form;
    struct ps_error err = {0};
    assert_int_equal(make(sources, &form, &err), PS_OK);
    return form;
}

static const struct ps_form_field *find_in(const struct ps_form_field *fields, size_t count,
                                           const char *name)
{
    const struct ps_form_field *found = NULL;
    for (size_t i = 0; found == NULL && i < count; i++) {
        found = strcmp(fields[i].name, name) == 0
                    ? &fields[i]
                    : find_in(fields[i].fields, fields[i].fields_count, name);
    }
    return found;
}

static const struct ps_form_field *find(const struct ps_form *form, const char *name)
{
    const struct ps_form_field *field = find_in(form->fields, form->fields_count, name);
    assert_non_null(field);
    return field;
}

/* The names in their order, those of a group after it in braces. */
static void outline(const struct ps_form_field *fields, size_t count, struct ps_buffer *out)
{
    for (size_t i = 0; i < count; i++) {
        ps_buffer_printf(out, "%s%s", i == 0 ? "" : " ", fields[i].name);
        if (fields[i].kind == PS_FORM_GROUP) {
            ps_buffer_puts(out, "{");
            outline(fields[i].fields, fields[i].fields_count, out);
            ps_buffer_puts(out, "}");
        }
    }
}

static void assert_outline(const struct ps_form *form, const char *expected)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    outline(form->fields, form->fields_count, &text);
    assert_string_equal(ps_buffer_text(&text), expected);
    ps_buffer_done(&text);
}

static void test_form_of_one_source_keeps_names_and_order(void **state)
{
    (void)state;
    struct ps_form *form = made(SOURCES(&rich));
    assert_outline(form, "host method basic_fields{user password proxy proxy_fields{proxy_host}} "
                         "key_fields{key} port seed token url file tables show_advanced "
                         "advanced_fields{width wide_fields{height} threads}");
    assert_ptr_equal(form->tests, common_tests);
    ps_form_free(form);
    form = made(SOURCES(&pinged));
    assert_ptr_equal(form->tests, own_tests);
    ps_form_free(form);
}

static void test_form_of_several_sources_names_the_shared_ones_after_them(void **state)
{
    (void)state;
    struct ps_form *form = made(SOURCES(&plain, &rich, &bare));
    assert_outline(form,
                   "source plain_fields{plain_Host plain} "
                   "rich_fields{rich_host method basic_fields{user password proxy "
                   "proxy_fields{proxy_host}} key_fields{key} port seed token url file} tables "
                   "show_advanced "
                   "advanced_fields{rich_advanced_fields{width wide_fields{height}} threads}");
    const struct ps_form_field *source = find(form, "source");
    assert_int_equal(source->kind, PS_FORM_DESCRIPTIVE_DROPDOWN);
    assert_true(source->required);
    assert_string_equal(source->described_choices[1].value, "rich");
    assert_string_equal(source->described_choices[1].label, "Rich");
    assert_string_equal(source->described_choices[1].description, "Has all.");
    assert_string_equal(source->described_choices[2].description, "Bare");
    assert_null(source->described_choices[3].value);
    const struct ps_form_field *group = find(form, "rich_fields");
    assert_string_equal(group->condition_field, "source");
    assert_string_equal(group->condition_value, "rich");
    assert_false(group->condition_is_toggle);
    assert_string_equal(form->tests[0].name, "connect");
    assert_string_equal(form->tests[1].name, "select");
    assert_null(form->tests[2].name);
    ps_form_free(form);
}

static void test_form_conditions_name_the_fields_they_look_at(void **state)
{
    (void)state;
    static const struct ps_source_ops twin = {
        .name = "twin", .label = "Twin", .options = rich_options, .tests = common_tests};
    struct ps_form *form = made(SOURCES(&rich, &twin));
    const struct ps_form_field *group = find(form, "twin_proxy_fields");
    assert_int_equal(group->kind, PS_FORM_GROUP);
    assert_string_equal(group->condition_field, "twin_proxy");
    assert_true(group->condition_is_toggle);
    group = find(form, "twin_basic_fields");
    assert_string_equal(group->condition_field, "twin_method");
    assert_string_equal(group->condition_value, "Basic");
    assert_false(group->condition_is_toggle);
    group = find(form, "advanced_fields");
    assert_string_equal(group->condition_field, "show_advanced");
    assert_true(group->condition_is_toggle);
    ps_form_free(form);
}

static void test_form_field_tells_all_that_the_option_does(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum ps_form_kind kind;
    } kinds[] = {
        {"host", PS_FORM_TEXT},    {"method", PS_FORM_DESCRIPTIVE_DROPDOWN},
        {"key", PS_FORM_PASSWORD}, {"proxy", PS_FORM_TOGGLE},
        {"port", PS_FORM_TEXT},    {"token", PS_FORM_HIDDEN},
        {"file", PS_FORM_UPLOAD},  {"width", PS_FORM_DROPDOWN},
        {"tables", PS_FORM_TEXT},  {"show_advanced", PS_FORM_TOGGLE},
    };
    struct ps_form *form = made(SOURCES(&rich));
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        assert_int_equal(find(form, kinds[i].name)->kind, kinds[i].kind);
    }
    const struct ps_form_field *host = find(form, "host");
    assert_string_equal(host->label, "Host");
    assert_string_equal(host->description, "Where.");
    assert_string_equal(host->placeholder, "db");
    assert_null(host->default_value);
    assert_true(host->required);
    assert_true(find(form, "url")->required);
    assert_false(find(form, "method")->required);
    assert_string_equal(find(form, "method")->default_value, "Key");
    assert_null(find(form, "method")->description);
    assert_string_equal(find(form, "port")->description, "The port. From 1 to 9.");
    assert_string_equal(find(form, "seed")->description, "At least 0.");
    assert_ptr_equal(find(form, "width")->choices, modes);
    assert_ptr_equal(find(form, "file")->upload_types, types);
    assert_int_equal(find(form, "file")->upload_bytes_max, 10);
    ps_form_free(form);
}

static void assert_bug(const struct ps_option *options, const char *message)
{
    const struct ps_source_ops ops = {
        .name = "bad", .label = "Bad", .options = options, .tests = common_tests};
    struct ps_form *form;
    struct ps_error err = {0};
    assert_int_equal(make(SOURCES(&ops), &form, &err), PS_BUG);
    assert_null(form);
    assert_non_null(strstr(err.message, message));
}

static void test_form_refuses_tables_that_make_none(void **state)
{
    (void)state;
    static const struct ps_option_group lost = {.name = "g", .option = "nowhere", .value = "x"};
    static const struct ps_option_group first = {.name = "f", .option = "a", .value = "x"};
    static const struct ps_option_group second = {.name = "s", .option = "b", .value = "x"};
    static const struct ps_option dangling[] = {
        {.name = "a", .type = PS_OPTION_TEXT, .shown_when = &lost}, {.name = NULL}};
    static const struct ps_option circle[] = {
        {.name = "a", .type = PS_OPTION_TEXT, .shown_when = &second},
        {.name = "b", .type = PS_OPTION_TEXT, .shown_when = &first},
        {.name = NULL}};
    static const struct ps_option twice[] = {{.name = "Tables", .type = PS_OPTION_TEXT},
                                             {.name = NULL}};
    assert_bug(dangling, "nowhere");
    assert_bug(circle, "circle");
    assert_bug(twice, "more than one field named Tables");
    struct ps_form *form;
    struct ps_error err = {0};
    assert_int_equal(make(SOURCES(&rich, &pinged), &form, &err), PS_BUG);
    assert_non_null(strstr(err.message, "pinged has no test connect"));
}

static void test_form_when_memory_runs_out_is_none(void **state)
{
    (void)state;
    struct ps_form *form = NULL;
    enum ps_status status = PS_NOMEM;
    for (int64_t n = 0; status != PS_OK; n++) {
        struct ps_error err = {0};
        assert_true(n < 1000);
        ps_alloc_fail_after(n, 0);
        status = make(SOURCES(&rich, &plain), &form, &err);
        ps_alloc_fail_after(-1, 0);
        assert_true(status == PS_OK || (status == PS_NOMEM && form == NULL));
    }
    ps_form_free(form);
    ps_form_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_of_one_source_keeps_names_and_order),
        cmocka_unit_test(test_form_of_several_sources_names_the_shared_ones_after_them),
        cmocka_unit_test(test_form_conditions_name_the_fields_they_look_at),
        cmocka_unit_test(test_form_field_tells_all_that_the_option_does),
        cmocka_unit_test(test_form_refuses_tables_that_make_none),
        cmocka_unit_test(test_form_when_memory_runs_out_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
