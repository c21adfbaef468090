/*
 * The commands of penstock: each is one const record in its cmd_<name>.c; the table of them drives
 * parsing, help pages and the suggestions for what was misspelt. Not for what a command does.
 */
#ifndef PS_CLI_COMMAND_H
#define PS_CLI_COMMAND_H

#include "cli/exit_status.h"
#include "cli/output.h"
#include "penstock/error.h"

#define COMMAND_OPTIONS_MAX 16

enum command_option_type {
    COMMAND_FLAG,          /* --json */
    COMMAND_VALUE,         /* --config FILE, --config=FILE */
    COMMAND_OPTIONAL_VALUE /* --resync, --resync a,b, --resync=a,b */
};

struct command_option {
    const char *name; /* without the dashes */
    enum command_option_type type;
    const char *argument;      /* "FILE"; NULL for a flag */
    const char *default_value; /* what command_text gives where it was not given; may be NULL */
    const char *help;          /* a sentence; NULL: in no help page */
};

struct command_line;

struct command {
    const char *name;
    const char *summary;                  /* one line */
    const char *operand;                  /* "[COMMAND]"; NULL: it takes none */
    const char *details;                  /* paragraphs under the options; NULL: none */
    const struct command_option *options; /* ends with a name of NULL */
    enum exit_status (*run)(const struct command_line *line, struct output *out);
    /* With --json: the document of a command line that could not be read. NULL: none. */
    void (*fail)(struct output *out, const struct ps_error *err);
};

/* What was typed. Borrows from argv. */
struct command_line {
    const struct command *command;
    bool given[COMMAND_OPTIONS_MAX]; /* by the option's index */
    const char *values[COMMAND_OPTIONS_MAX];
    const char *operand; /* NULL: none */
};

extern const struct command command_sync, command_serve, command_tester, command_form,
    command_check, command_discover, command_plan, command_reset, command_version, command_help;

/* All of them, in the order of the help page; ends with NULL. */
extern const struct command *const commands[];

/* NULL: there is none. */
const struct command *command_find(const char *name);

/* "there is no command `snyc`. Did you mean `sync`? …" as CONFIG; always fails. */
enum ps_status command_unknown(const char *name, struct ps_error *err) PS_MUST_CHECK;

/*
 * Reads the arguments after the command's name. CONFIG: an option that does not exist (names the
 * nearest), a value missing or too many, an operand where none belongs.
 */
enum ps_status command_parse(const struct command *command, int count, char *const *arguments,
                             struct command_line *ret_line, struct ps_error *err) PS_MUST_CHECK;

/* The name must be one of the command's options. */
bool command_given(const struct command_line *line, const char *option);
/* The value given, else the default, else NULL (also for an optional value left out). */
const char *command_text(const struct command_line *line, const char *option);

/* The value as a whole number between the bounds. CONFIG, naming the option. */
enum ps_status command_number(const struct command_line *line, const char *option, long minimum,
                              long maximum, long *ret_number, struct ps_error *err) PS_MUST_CHECK;

/* The whole program. */
int command_main(int argc, char **argv);

#endif
