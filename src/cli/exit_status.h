/*
 * The exit status of every command: one table, one function that maps an end to it.
 */
#ifndef PS_CLI_EXIT_STATUS_H
#define PS_CLI_EXIT_STATUS_H

#include <stdint.h>

#include "penstock/error.h"

enum exit_status {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,       /* the command line or the configuration */
    EXIT_UNREACHABLE = 3, /* the source cannot be reached, or refuses */
    EXIT_SKIPPED = 4,     /* done, but rows were left out */
    EXIT_INTERRUPTED = 130,
};

/* `err` counts where the status is CONFIG; `skipped` rows where it is OK. Not for a destination
 * that failed in mid-run: that is FAILED, whatever it says. */
enum exit_status exit_status_of(enum ps_status status, const struct ps_error *err,
                                uint64_t skipped);

#endif
