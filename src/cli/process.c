/*
 * Standard descriptors, core files and signals. See process.h.
 */
#include "cli/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const int cancel_signals[] = {SIGINT, SIGTERM};

/* Read by the handler; set before the handler is. */
static struct ps_cancel *_Atomic cancel_token;

static void set_action(int number, void (*handler)(int))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(number, &action, NULL);
}

static void reset_signals(void)
{
    for (size_t i = 0; i < sizeof cancel_signals / sizeof cancel_signals[0]; i++) {
        set_action(cancel_signals[i], SIG_DFL);
    }
}

static void handle(int number)
{
    int saved = errno;
    struct ps_cancel *cancel = cancel_token;

    reset_signals();
    if (cancel != NULL) {
        ps_cancel_set(cancel, number);
    }
    errno = saved;
}

/*
 * A descriptor opened the wrong way round: a write to a standard output that was closed fails, as
 * it should, instead of landing in the next file that is opened.
 */
static void fill_descriptor(int fd)
{
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) {
        (void)open("/dev/null", fd == STDIN_FILENO || fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
}

/* LeakSanitizer looks into the process from a second one, as a debugger would. */
#if defined(__SANITIZE_ADDRESS__)
#define LOOKED_INTO true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LOOKED_INTO true
#endif
#endif
#ifndef LOOKED_INTO
#define LOOKED_INTO false
#endif

static void forbid_core(void)
{
    const char *wanted = getenv("PENSTOCK_CORE");
    const struct rlimit none = {0};

    if (wanted != NULL && strcmp(wanted, "1") == 0) {
        return;
    }
    (void)setrlimit(RLIMIT_CORE, &none);
    if (!LOOKED_INTO) {
        (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    }
}

void process_prepare(void)
{
    fill_descriptor(STDIN_FILENO);
    fill_descriptor(STDOUT_FILENO);
    fill_descriptor(STDERR_FILENO);
    set_action(SIGPIPE, SIG_IGN);
    forbid_core();
}

void process_cancel_on_signal(struct ps_cancel *cancel)
{
    struct sigaction former;

    cancel_token = cancel;
    for (size_t i = 0; i < sizeof cancel_signals / sizeof cancel_signals[0]; i++) {
        if (sigaction(cancel_signals[i], NULL, &former) == 0 && former.sa_handler != SIG_IGN) {
            set_action(cancel_signals[i], handle);
        }
    }
}

void process_cancel_done(void)
{
    struct sigaction former;

    for (size_t i = 0; i < sizeof cancel_signals / sizeof cancel_signals[0]; i++) {
        if (sigaction(cancel_signals[i], NULL, &former) == 0 && former.sa_handler == handle) {
            set_action(cancel_signals[i], SIG_DFL);
        }
    }
    cancel_token = NULL;
}
