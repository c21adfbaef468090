/*
 * What concerns the process as a whole: standard descriptors, core files, signals.
 */
#ifndef PS_CLI_PROCESS_H
#define PS_CLI_PROCESS_H

#include "base/clock.h"

/*
 * Call first in main. Closed standard descriptors are filled, so that no file of ours takes their
 * number; SIGPIPE is ignored; no core file is written and no debugger of the same user attaches,
 * since memory holds rows and secrets (PENSTOCK_CORE=1 allows both, for developers).
 */
void process_prepare(void);

/*
 * From now on the first SIGINT or SIGTERM sets the token; the second does what it does by default.
 * A signal that was ignored when the process started stays ignored. One token a process.
 */
void process_cancel_on_signal(struct ps_cancel *cancel);
/* The signals do again what they do by default. */
void process_cancel_done(void);

#endif
