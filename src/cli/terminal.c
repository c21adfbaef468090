/*
 * Standard error as a terminal. See terminal.h.
 */
#include "cli/terminal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT 80

static bool stderr_bar(void *context)
{
    const char *kind = getenv("TERM");

    (void)context;
    if (kind == NULL || *kind == '\0' || strcmp(kind, "dumb") == 0 || isatty(STDERR_FILENO) == 0) {
        return false;
    }
    return tcgetpgrp(STDERR_FILENO) == getpgrp();
}

static size_t stderr_width(void *context)
{
    struct winsize size = {0};

    (void)context;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
        return WIDTH_DEFAULT;
    }
    return size.ws_col;
}

static bool stderr_colour(void *context)
{
    const char *none = getenv("NO_COLOR");

    (void)context;
    return none == NULL || *none == '\0';
}

/* Progress that cannot be shown is no error. */
static void stderr_write(void *context, const char *bytes, size_t size)
{
    (void)context;
    while (size > 0) {
        ssize_t n = write(STDERR_FILENO, bytes, size);
        if (n < 0 && errno != EINTR) {
            return;
        }
        bytes += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
}

const struct terminal *terminal_stderr(void)
{
    static const struct terminal terminal = {
        .bar = stderr_bar,
        .width = stderr_width,
        .colour = stderr_colour,
        .write = stderr_write,
    };
    return &terminal;
}
