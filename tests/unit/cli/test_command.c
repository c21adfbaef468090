/*
 * Reading command lines: options in both spellings, what is misspelt, and the exit status.
 */
#include <string.h>

#include "cli/command.h"
#include "cli/suggest.h"
#include "support/unit.h"

#define LINE(...)                                                                                  \
    (char *[])                                                                                     \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

static enum ps_status parse(char **arguments, struct command_line *line, struct ps_error *err)
{
    int count = 0;

    while (arguments[count] != NULL) {
        count++;
    }
    return command_parse(&command_sync, count, arguments, line, err);
}

static void assert_refused(char **arguments, const char *message)
{
    struct command_line line;
    struct ps_error err = {0};

    assert_int_equal(parse(arguments, &line, &err), PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_SETTING);
    if (strstr(err.message, message) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", err.message, message);
    }
}

static void test_parse_takes_both_spellings_and_defaults(void **state)
{
    struct command_line line;
    struct ps_error err = {0};

    (void)state;
    assert_int_equal(parse(LINE("--config", "a.json", "--warehouse=b.db", "--json"), &line, &err),
                     PS_OK);
    assert_string_equal(command_text(&line, "config"), "a.json");
    assert_string_equal(command_text(&line, "warehouse"), "b.db");
    assert_string_equal(command_text(&line, "state"), "files/state.json");
    assert_string_equal(command_text(&line, "schema"), "tester");
    assert_null(command_text(&line, "tables"));
    assert_true(command_given(&line, "json"));
    assert_false(command_given(&line, "resync"));
}

static void test_parse_when_given_twice_the_last_counts(void **state)
{
    struct command_line line;
    struct ps_error err = {0};

    (void)state;
    assert_int_equal(parse(LINE("--schema=a", "--schema", "b"), &line, &err), PS_OK);
    assert_string_equal(command_text(&line, "schema"), "b");
}

static void test_parse_takes_an_optional_value_or_none(void **state)
{
    struct command_line line;
    struct ps_error err = {0};

    (void)state;
    assert_int_equal(parse(LINE("--resync"), &line, &err), PS_OK);
    assert_true(command_given(&line, "resync"));
    assert_null(command_text(&line, "resync"));
    assert_int_equal(parse(LINE("--resync", "--json"), &line, &err), PS_OK);
    assert_null(command_text(&line, "resync"));
    assert_true(command_given(&line, "json"));
    assert_int_equal(parse(LINE("--resync", "a,b"), &line, &err), PS_OK);
    assert_string_equal(command_text(&line, "resync"), "a,b");
    assert_int_equal(parse(LINE("--resync=a"), &line, &err), PS_OK);
    assert_string_equal(command_text(&line, "resync"), "a");
}

static void test_parse_when_wrong_says_what_would_be_right(void **state)
{
    (void)state;
    assert_refused(LINE("--tabels", "a"), "Did you mean `--tables`?");
    assert_refused(LINE("--tabels=a"), "has no option `--tabels`. Did");
    assert_refused(LINE("--quietly", "5"), "has no option `--quietly`: see `penstock help sync`");
    assert_refused(LINE("--warehose"), "Did you mean `--warehouse`?");
    assert_refused(LINE("-config"), "Did you mean `--config`?");
    assert_refused(LINE("--config"), "`--config` needs a value: `--config FILE`");
    assert_refused(LINE("--config="), "needs a value");
    assert_refused(LINE("--config", "--json"), "needs a value");
    assert_refused(LINE("--json=1"), "`--json` takes no value");
    assert_refused(LINE("--resync="), "needs a value");
    assert_refused(LINE("files/warehouse.db"), "does not know what to do with `files/");
}

static void assert_suggested(const char *wanted, const char *best)
{
    struct suggest suggest;

    suggest_init(&suggest, wanted);
    for (size_t i = 0; commands[i] != NULL; i++) {
        suggest_offer(&suggest, commands[i]->name);
    }
    if (best == NULL) {
        assert_null(suggest.best);
    } else {
        assert_non_null(suggest.best);
        assert_string_equal(suggest.best, best);
    }
}

static void test_suggest_offers_the_nearest_name_or_none(void **state)
{
    (void)state;
    assert_suggested("snyc", "sync");
    assert_suggested("disc", "discover");
    assert_suggested("chekc", "check");
    assert_suggested("plann", "plan");
    assert_suggested("serv", "serve");
    assert_suggested("verify", NULL);
    assert_suggested("x", NULL);
    assert_suggested("a name that is longer than any command could ever be", NULL);
}

static void test_unknown_command_names_the_nearest(void **state)
{
    struct ps_error err = {0};

    (void)state;
    assert_int_equal(command_unknown("snyc", &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "Did you mean `sync`?"));
    assert_int_equal(command_unknown("--port", &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "no option `--port`"));
}

static void test_every_command_has_what_the_help_needs(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct command *command = commands[i];
        size_t count = 0;
        assert_ptr_equal(command_find(command->name), command);
        assert_non_null(command->run);
        assert_true(strlen(command->summary) > 0 && strlen(command->summary) < 66);
        for (const struct command_option *option = command->options; option->name != NULL;
             option++) {
            count++;
            assert_int_equal(option->argument == NULL, option->type == COMMAND_FLAG);
        }
        assert_true(count <= COMMAND_OPTIONS_MAX);
    }
}

static void test_exit_status_tells_who_has_to_act(void **state)
{
    const struct ps_error setting = {.status = PS_CONFIG, .error_class = PS_CLASS_SETTING};
    const struct ps_error disk = {.status = PS_CONFIG, .error_class = PS_CLASS_DISK};
    const struct ps_error login = {.status = PS_CONFIG, .error_class = PS_CLASS_AUTH};
    const struct ps_error right = {.status = PS_CONFIG, .error_class = PS_CLASS_PERMISSION};
    const struct ps_error network = {.status = PS_CONFIG, .error_class = PS_CLASS_NETWORK};
    const struct ps_error none = {0};

    (void)state;
    assert_int_equal(exit_status_of(PS_OK, &none, 0), 0);
    assert_int_equal(exit_status_of(PS_OK, &none, 3), 4);
    assert_int_equal(exit_status_of(PS_CANCELED, &none, 3), 130);
    assert_int_equal(exit_status_of(PS_CONFIG, &setting, 0), 2);
    assert_int_equal(exit_status_of(PS_CONFIG, &disk, 0), 2);
    assert_int_equal(exit_status_of(PS_CONFIG, &login, 0), 3);
    assert_int_equal(exit_status_of(PS_CONFIG, &right, 0), 3);
    assert_int_equal(exit_status_of(PS_CONFIG, &network, 0), 3);
    assert_int_equal(exit_status_of(PS_RETRY, &network, 0), 3);
    assert_int_equal(exit_status_of(PS_DATA, &none, 1), 1);
    assert_int_equal(exit_status_of(PS_NOMEM, &none, 0), 1);
    assert_int_equal(exit_status_of(PS_BUG, &none, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_takes_both_spellings_and_defaults),
        cmocka_unit_test(test_parse_when_given_twice_the_last_counts),
        cmocka_unit_test(test_parse_takes_an_optional_value_or_none),
        cmocka_unit_test(test_parse_when_wrong_says_what_would_be_right),
        cmocka_unit_test(test_suggest_offers_the_nearest_name_or_none),
        cmocka_unit_test(test_unknown_command_names_the_nearest),
        cmocka_unit_test(test_every_command_has_what_the_help_needs),
        cmocka_unit_test(test_exit_status_tells_who_has_to_act),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
