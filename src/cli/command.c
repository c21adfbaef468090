/*
 * The table of commands, the reading of a command line, and the program's course from start to
 * exit status. See command.h.
 */
#include "cli/command.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/help.h"
#include "cli/suggest.h"

const struct command *const commands[] = {
    &command_sync, &command_serve, &command_tester,
    &command_form, &command_check, &command_discover,
    &command_plan, &command_reset, &command_version,
    &command_help, NULL,
};

const struct command *command_find(const char *name)
{
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (strcmp(commands[i]->name, name) == 0) {
            return commands[i];
        }
    }
    return NULL;
}

enum ps_status command_unknown(const char *name, struct ps_error *err)
{
    bool option = name[0] == '-';
    struct suggest suggest;

    suggest_init(&suggest, name + strspn(name, "-"));
    for (size_t i = 0; commands[i] != NULL; i++) {
        suggest_offer(&suggest, commands[i]->name);
    }
    if (option) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "there is no option `%s` before a command: see `penstock help`", name);
    }
    if (suggest.best != NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "there is no command `%s`. Did you mean `%s`? `penstock help` lists all",
                       name, suggest.best);
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "there is no command `%s`: see `penstock help`", name);
}

/* The index of the option so named (`size` bytes), or -1. */
static int find_option(const struct command *command, const char *name, size_t size)
{
    for (int i = 0; command->options[i].name != NULL; i++) {
        assert(i < COMMAND_OPTIONS_MAX);
        if (strlen(command->options[i].name) == size &&
            memcmp(command->options[i].name, name, size) == 0) {
            return i;
        }
    }
    return -1;
}

static enum ps_status unknown_option(const struct command *command, const char *argument,
                                     struct ps_error *err)
{
    const char *name = argument + strspn(argument, "-");
    int size = (int)strcspn(argument, "=");
    char wanted[32] = "";
    struct suggest suggest;

    if (strcspn(name, "=") < sizeof wanted) {
        memcpy(wanted, name, strcspn(name, "="));
    }
    suggest_init(&suggest, wanted);
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        if (command->options[i].help != NULL) {
            suggest_offer(&suggest, command->options[i].name);
        }
    }
    if (suggest.best != NULL) {
        return ps_fail(
            err, PS_CONFIG, PS_CLASS_SETTING,
            "`penstock %s` has no option `%.*s`. Did you mean `--%s`? `penstock help %s` "
            "lists all",
            command->name, size, argument, suggest.best, command->name);
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "`penstock %s` has no option `%.*s`: see `penstock help %s`", command->name,
                   size, argument, command->name);
}

/* The option at arguments[*at]; moves *at over a value that stands by itself. */
static enum ps_status parse_option(struct command_line *line, int count, char *const *arguments,
                                   int *at, struct ps_error *err)
{
    const struct command *command = line->command;
    const char *name = arguments[*at] + 2;
    const char *equals = strchr(name, '=');
    size_t size = equals == NULL ? strlen(name) : (size_t)(equals - name);
    int index = find_option(command, name, size);
    const char *next = *at + 1 < count ? arguments[*at + 1] : NULL;
    const struct command_option *option;

    if (index < 0) {
        return unknown_option(command, arguments[*at], err);
    }
    option = &command->options[index];
    line->given[index] = true;
    line->values[index] = NULL;
    if (option->type == COMMAND_FLAG) {
        if (equals != NULL) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "`--%s` takes no value", option->name);
        }
        return PS_OK;
    }
    if (equals != NULL) {
        line->values[index] = equals + 1;
    } else if (next != NULL && strncmp(next, "--", 2) != 0) {
        line->values[index] = next;
        ++*at;
    } else if (option->type == COMMAND_OPTIONAL_VALUE) {
        return PS_OK;
    }
    if (line->values[index] == NULL || line->values[index][0] == '\0') {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "`--%s` needs a value: `--%s %s`",
                       option->name, option->name, option->argument);
    }
    return PS_OK;
}

enum ps_status command_parse(const struct command *command, int count, char *const *arguments,
                             struct command_line *ret_line, struct ps_error *err)
{
    struct command_line line = {.command = command};

    for (int i = 0; i < count; i++) {
        if (strncmp(arguments[i], "--", 2) == 0) {
            enum ps_status status = parse_option(&line, count, arguments, &i, err);
            if (status != PS_OK) {
                return status;
            }
        } else if (arguments[i][0] == '-' && arguments[i][1] != '\0') {
            return unknown_option(command, arguments[i], err);
        } else if (command->operand == NULL || line.operand != NULL) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "`penstock %s` does not know what to do with `%s`: see `penstock help "
                           "%s`",
                           command->name, arguments[i], command->name);
        } else {
            line.operand = arguments[i];
        }
    }
    *ret_line = line;
    return PS_OK;
}

static int option_index(const struct command_line *line, const char *option)
{
    int index = find_option(line->command, option, strlen(option));

    assert(index >= 0);
    return index;
}

bool command_given(const struct command_line *line, const char *option)
{
    return line->given[option_index(line, option)];
}

const char *command_text(const struct command_line *line, const char *option)
{
    int index = option_index(line, option);

    return line->given[index] ? line->values[index] : line->command->options[index].default_value;
}

enum ps_status command_number(const struct command_line *line, const char *option, long minimum,
                              long maximum, long *ret_number, struct ps_error *err)
{
    const char *text = command_text(line, option);
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < minimum || number > maximum) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "--%s takes a whole number from %ld to %ld, not `%.32s`", option, minimum,
                       maximum, text);
    }
    *ret_number = number;
    return PS_OK;
}

/* True where one of the arguments is exactly this. */
static bool has_argument(int count, char *const *arguments, const char *wanted)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], wanted) == 0) {
            return true;
        }
    }
    return false;
}

/* The platform starts a connector with its options alone: `penstock --port N`. */
static bool is_platform_start(int count, char *const *arguments)
{
    for (int i = 0; i < count && arguments[i][0] == '-'; i++) {
        if (strcmp(arguments[i], "--port") == 0 || strncmp(arguments[i], "--port=", 7) == 0) {
            return true;
        }
        i += strchr(arguments[i], '=') == NULL;
    }
    return false;
}

/* Runs a command with what stands after its name. */
static enum exit_status run_command(const struct command *command, int count,
                                    char *const *arguments, struct output *out)
{
    struct command_line line;
    struct ps_error err = {0};

    if (has_argument(count, arguments, "--help") || has_argument(count, arguments, "-h")) {
        help_command(command, out);
        return EXIT_DONE;
    }
    if (command_parse(command, count, arguments, &line, &err) != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        if (command->fail != NULL && has_argument(count, arguments, "--json")) {
            command->fail(out, &err);
        }
        return EXIT_USAGE;
    }
    return command->run(&line, out);
}

static enum exit_status run(int count, char **arguments, struct output *out)
{
    const struct command *command;
    struct ps_error err = {0};

    if (count == 0) {
        help_page(out);
        return EXIT_USAGE;
    }
    if (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0) {
        help_page(out);
        return EXIT_DONE;
    }
    if (is_platform_start(count, arguments)) {
        return run_command(&command_serve, count, arguments, out);
    }
    command =
        strcmp(arguments[0], "--version") == 0 ? &command_version : command_find(arguments[0]);
    if (command == NULL) {
        if (command_unknown(arguments[0], &err) != PS_OK) {
            ps_log(PS_LOG_SEVERE, "%s", err.message);
        }
        return EXIT_USAGE;
    }
    return run_command(command, count - 1, arguments + 1, out);
}

int command_main(int argc, char **argv)
{
    struct output out;
    enum exit_status status;

    ps_log_configure(PS_LOG_TEXT, PS_LOG_INFO);
    output_init(&out, STDOUT_FILENO);
    status = run(argc > 0 ? argc - 1 : 0, argv + 1, &out);
    if (!output_flush(&out)) {
        ps_log(PS_LOG_SEVERE, "the result could not be written to standard output: %s",
               strerror(out.error_number));
        status = status == EXIT_DONE ? EXIT_FAILED : status;
    }
    output_done(&out);
    return (int)status;
}
