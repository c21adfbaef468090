/*
 * The terminal as progress sees it; an argument, so that tests stand in for it.
 */
#ifndef PS_CLI_TERMINAL_H
#define PS_CLI_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

struct terminal {
    void *context;
    /* A bar may be drawn now: a terminal that can, and this process in its foreground. */
    bool (*bar)(void *context);
    size_t (*width)(void *context); /* in columns */
    bool (*colour)(void *context);
    void (*write)(void *context, const char *bytes, size_t size);
};

/* Standard error's. TERM=dumb and TERM unset: no bar; NO_COLOR (set, not empty): no colour. */
const struct terminal *terminal_stderr(void);

#endif
