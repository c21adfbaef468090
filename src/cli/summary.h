/*
 * What a sync did, for people: a table, a line of totals, and what to try next.
 */
#ifndef PS_CLI_SUMMARY_H
#define PS_CLI_SUMMARY_H

#include "cli/command.h"
#include "cli/output.h"
#include "engine/engine.h"

struct summary {
    const struct ps_run_result *run;
    const char *source_label; /* "PostgreSQL" */
    const char *warehouse;    /* the file; NULL: rows were thrown away (--destination null) */
    const char *schema;       /* the destination schema */
    const struct command_line *line; /* of the sync */
    const char *program;             /* as it was typed */
    enum ps_status status;
};

void summary_print(const struct summary *summary, struct output *out);

/* One line for each table that a later sync of --follow changed, with the time of day; what may be
 * as it was is told as sent. False: there was none. */
bool summary_print_changes(const struct ps_run_result *run, struct ps_timestamp now,
                           struct output *out);
/* One line in place of those. */
void summary_print_quiet(struct ps_timestamp now, struct output *out);

#endif
