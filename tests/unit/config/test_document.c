/*
 * Unit tests for src/config/document.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "config/document.h"

static const char *const modes[] = {"require", "prefer", NULL};
static const char *const user_aliases[] = {"username", "login", NULL};
static const struct ps_option options[] = {
    {.name = "sslmode",
     .type = PS_OPTION_CHOICE,
     .choices = modes,
     .default_value = "prefer",
     .flags = PS_OPTION_ADVANCED,
     .help = "How."},
    {.name = "user",
     .type = PS_OPTION_TEXT,
     .flags = PS_OPTION_REQUIRED,
     .aliases = user_aliases,
     .help = "Who, as a|b or <name> or *, `<x*>`."},
    {.name = "port",
     .type = PS_OPTION_INTEGER,
     .minimum = 1,
     .maximum = 65535,
     .default_value = "5433",
     .help = "Where."},
    {.name = NULL},
};
static const struct ps_option none[] = {{.name = NULL}};
static const struct ps_options_section sections[] = {
    {.title = "One", .intro = "Of one.", .options = options},
    {.title = "Two", .options = none},
    {.title = NULL},
};

static void test_document_holds_every_option_with_its_facts(void **context)
{
    (void)context;
    struct ps_buffer out;
    struct ps_error err = {0};
    ps_buffer_init(&out, 0);
    assert_int_equal(ps_options_document(sections, &out, &err), PS_OK);
    const char *text = ps_buffer_text(&out);
    assert_non_null(strstr(text, "# Options\n"));
    assert_non_null(strstr(text, "\n## One\n\nOf one.\n"));
    assert_non_null(strstr(text, "\n## Two\n"));
    assert_non_null(strstr(text, "| `user`, also `username`, `login` | text | **required** | Who, "
                                 "as a\\|b or &lt;name> or \\*, `<x*>`. |\n"));
    assert_non_null(strstr(text, "| `port` | number, 1 to 65535 | `5433` | Where. |\n"));
    const char *advanced = strstr(text, "Seldom needed:");
    assert_non_null(advanced);
    assert_non_null(
        strstr(advanced, "| `sslmode` | choice: `require`, `prefer` | `prefer` | How. |\n"));
    ps_buffer_done(&out);
}

static void test_document_when_memory_runs_out_says_so(void **context)
{
    (void)context;
    enum ps_status status = PS_NOMEM;
    for (int64_t count = 0; status == PS_NOMEM && count < 100; count++) {
        struct ps_buffer out;
        struct ps_error err = {0};
        ps_buffer_init(&out, 0);
        ps_alloc_fail_after(count, 0);
        status = ps_options_document(sections, &out, &err);
        ps_alloc_fail_after(-1, 0);
        ps_buffer_done(&out);
    }
    assert_int_equal(status, PS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document_holds_every_option_with_its_facts),
        cmocka_unit_test(test_document_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
