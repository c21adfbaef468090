/*
 * Placeholders are quoted by the place where they stand, or refused.
 */
#include "support/unit.h"

#include <string.h>

#include "engine/sql_template.h"

static struct ps_error err;
static const char *const table[] = {"LOG", NULL};
static const char *const odd_table[] = {"a\"b'c\\", NULL};
static const char *const list[] = {"one", "o'two", NULL};
static const char *const backslash[] = {"a\\b", NULL};
static const char *const nothing[] = {NULL};

static bool find(void *context, const char *name, struct sql_value *ret_value)
{
    (void)context;
    static const struct {
        const char *name;
        struct sql_value value;
    } known[] = {
        {"table_list", {"public", table, NULL}},
        {"odd", {"", odd_table, NULL}},
        {"list", {NULL, list, NULL}},
        {"backslash", {NULL, backslash, NULL}},
        {"nothing", {NULL, nothing, NULL}},
        {"many", {NULL, list, "too many things are meant by {"}},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0) {
            *ret_value = known[i].value;
            return true;
        }
    }
    return false;
}

static enum ps_status fill(const char *text, struct ps_buffer *out)
{
    const struct sql_template sql_template = {.text = text, .find = find};
    ps_buffer_init(out, 0);
    return sql_template_fill(&sql_template, out, &err);
}

static void assert_filled(const char *text, const char *expected)
{
    struct ps_buffer out;
    if (fill(text, &out) != PS_OK) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(ps_buffer_text(&out), expected);
    ps_buffer_done(&out);
}

static void assert_refused(const char *text, const char *words)
{
    struct ps_buffer out;
    assert_int_equal(fill(text, &out), PS_CONFIG);
    if (strstr(err.message, words) == NULL) {
        fail_msg("%s", err.message);
    }
    ps_buffer_done(&out);
}

static void test_template_quotes_by_place(void **state)
{
    (void)state;
    assert_filled("UPDATE {table_list} SET x = 1", "UPDATE \"public\".\"LOG\" SET x = 1");
    assert_filled("UPDATE {odd} SET x = 1", "UPDATE \"a\"\"b'c\\\" SET x = 1");
    assert_filled("DELETE FROM t WHERE id IN ({list})",
                  "DELETE FROM t WHERE id IN ('one', 'o''two')");
    assert_filled("UPDATE \"x {table_list}\" SET y = '{table_list} {list}'",
                  "UPDATE \"x LOG\" SET y = 'LOG one, o''two'");
    assert_filled("UPDATE \"{odd}\" SET y = 1", "UPDATE \"a\"\"b'c\\\" SET y = 1");
}

static void test_template_reads_quotes_and_comments(void **state)
{
    (void)state;
    assert_filled("SELECT 'it''s; -- {'", "SELECT 'it''s; -- {'");
    assert_filled("SELECT E'\\'; ' -- ; more\n, $a$ ; ' $a$, \"a;\" /* ; */ ; ",
                  "SELECT E'\\'; ' -- ; more\n, $a$ ; ' $a$, \"a;\" /* ; */  ");
    assert_filled("SELECT name'{list}'", "SELECT name'one, o''two'");
    assert_filled("SELECT '{}', '{a b}'", "SELECT '{}', '{a b}'");
    assert_filled("SELECT a$b, {list}", "SELECT a$b, 'one', 'o''two'");
}

static void test_template_refuses_what_it_cannot_quote(void **state)
{
    (void)state;
    assert_refused("SELECT {unknown}", "nothing is known for {unknown}");
    assert_refused("SELECT {nothing}", "no value for {nothing}");
    assert_refused("SELECT {many}", "too many things are meant by {many}");
    assert_refused("SELECT 1 -- {list}", "no {list}");
    assert_refused("SELECT /* {list} */ 1", "no {list}");
    assert_refused("SELECT E'{list}'", "no {list}");
    assert_refused("SELECT $${list}$$", "no {list}");
    assert_refused("SELECT $q$ {list} $q$", "no {list}");
    assert_refused("SELECT {backslash}", "backslash");
    assert_refused("SELECT '{backslash}'", "backslash");
    assert_refused("SELECT '{odd}'", "backslash");
    assert_refused("SELECT 1; DROP TABLE t", "more than one statement");
    assert_refused("SELECT 1;; x", "more than one statement");
    assert_refused("SELECT 1; -- x", "more than one statement");
    assert_refused("SELECT 'x", "does not end");
    assert_refused("SELECT $a$ x $b$", "does not end");
    assert_refused("SELECT 1 /* x", "does not end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_template_quotes_by_place),
        cmocka_unit_test(test_template_reads_quotes_and_comments),
        cmocka_unit_test(test_template_refuses_what_it_cannot_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
