/*
 * How far a sync is, on standard error: a bar on a foreground terminal, redrawn at most ten times a
 * second; elsewhere a plain line every ten seconds. Log lines go through it while it runs, so that
 * they do not end up in the bar.
 *
 * Lock order: the log's lock, then this one's; nothing is logged under it.
 */
#ifndef PS_CLI_PROGRESS_H
#define PS_CLI_PROGRESS_H

#include "base/clock.h"
#include "base/log.h"
#include "cli/terminal.h"
#include "engine/engine.h"

/* Rates are taken over the last few seconds: one sample a second. */
#define PROGRESS_SAMPLES 8

struct progress {
    const struct ps_clock *clock;
    const struct terminal *terminal;
    struct ps_mutex lock; /* guards all below */
    bool drawn;           /* the bar stands on the terminal's current line */
    int64_t bar_due_ns, line_due_ns;
    struct progress_sample {
        int64_t ns;
        uint64_t rows, bytes;
    } samples[PROGRESS_SAMPLES];
    size_t samples_count; /* ever taken; the last is at (count - 1) % PROGRESS_SAMPLES */
};

void progress_init(struct progress *progress, const struct ps_clock *clock,
                   const struct terminal *terminal);
/* Takes the bar away. */
void progress_done(struct progress *progress);
void progress_update(struct progress *progress, const struct ps_progress *now);
/* A line of its own, above the bar. */
void progress_line(struct progress *progress, const char *text);

#endif
