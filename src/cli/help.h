/*
 * The help pages, made from the table of commands.
 */
#ifndef PS_CLI_HELP_H
#define PS_CLI_HELP_H

#include "cli/command.h"

/* `penstock help` */
void help_page(struct output *out);
/* `penstock help COMMAND` */
void help_command(const struct command *command, struct output *out);

/* Words of `text`, broken at 80 columns, every line after the first begun at `indent`. */
void help_wrap(struct output *out, const char *text, size_t indent);

#endif
