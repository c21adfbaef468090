/*
 * The help pages. See help.h.
 */
#include "cli/help.h"

#include <stdio.h>
#include <string.h>

#define PAGE_WIDTH 80
#define LEFT_WIDTH 28 /* where an option's help begins */

void help_page(struct output *out)
{
    output_puts(out, "penstock " PENSTOCK_VERSION
                     ": brings the rows of operational databases to a warehouse\n\n"
                     "usage: penstock COMMAND [OPTIONS]\n\ncommands:\n");
    for (size_t i = 0; commands[i] != NULL; i++) {
        output_printf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    }
    output_puts(out,
                "\nstart with:\n"
                "  penstock sync               a simulated hospital into files/warehouse.db\n"
                "  penstock help sync          the options of a command\n"
                "\n"
                "exit status: 0 done; 1 failed; 2 usage or configuration; 3 source unreachable or\n"
                "refused; 4 done, with rows skipped; 130 interrupted, state saved.\n");
}

void help_wrap(struct output *out, const char *text, size_t indent)
{
    size_t column = indent;

    while (*text != '\0') {
        size_t word = strcspn(text, " \n");
        if (column > indent && column + 1 + word > PAGE_WIDTH) {
            output_printf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (column > indent) {
            output_puts(out, " ");
            column++;
        }
        output_printf(out, "%.*s", (int)word, text);
        column += word;
        text += word;
        text += strspn(text, " \n");
    }
    output_puts(out, "\n");
}

/* "--config FILE", "--resync [a,b]" */
static void spell(const struct command_option *option, char *out, size_t size)
{
    switch (option->type) {
    case COMMAND_FLAG:
        (void)snprintf(out, size, "--%s", option->name);
        break;
    case COMMAND_VALUE:
        (void)snprintf(out, size, "--%s %s", option->name, option->argument);
        break;
    case COMMAND_OPTIONAL_VALUE:
        (void)snprintf(out, size, "--%s [%s]", option->name, option->argument);
        break;
    }
}

static void print_option(const struct command_option *option, struct output *out)
{
    char left[64];

    spell(option, left, sizeof left);
    output_printf(out, "  %-*s", LEFT_WIDTH - 2, left);
    if (strlen(left) > LEFT_WIDTH - 3) {
        output_printf(out, "\n%*s", LEFT_WIDTH, "");
    }
    help_wrap(out, option->help, LEFT_WIDTH);
}

/* Options that a help page shows. */
static bool has_options(const struct command *command)
{
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        if (command->options[i].help != NULL) {
            return true;
        }
    }
    return false;
}

void help_command(const struct command *command, struct output *out)
{
    bool first = true;

    output_printf(out, "usage: penstock %s%s%s%s\n\n%s\n", command->name,
                  command->operand == NULL ? "" : " ",
                  command->operand == NULL ? "" : command->operand,
                  has_options(command) ? " [OPTIONS]" : "", command->summary);
    for (size_t i = 0; command->options[i].name != NULL; i++) {
        if (command->options[i].help != NULL) {
            output_puts(out, first ? "\noptions:\n" : "");
            first = false;
            print_option(&command->options[i], out);
        }
    }
    if (command->details != NULL) {
        output_printf(out, "\n%s", command->details);
    }
}
