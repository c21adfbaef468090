/*
 * A blocking call of a library that knows no time limit (a name is resolved, a server is asked to
 * end a statement), made on a thread of its own so that nobody has to wait for its end.
 */
#ifndef PS_BASE_ERRAND_H
#define PS_BASE_ERRAND_H

#include "base/clock.h"

/* The head of what one such call needs and gives; allocated, since it may outlive who sent it. */
struct ps_errand {
    void (*run)(struct ps_errand *errand);
    void (*free)(struct ps_errand *errand); /* of it and of all that it owns */
};

/* DONE: it has run and is the caller's again. Otherwise it is freed when it has run, by its thread;
 * nothing that it points to but what it owns may be gone before. */
enum ps_errand_end {
    PS_ERRAND_DONE,
    PS_ERRAND_LATE,     /* not done within timeout_ms (0: no limit) */
    PS_ERRAND_CANCELED, /* the token was set (NULL: there is none); seen within 50 ms */
    PS_ERRAND_FAILED,   /* no thread could be started; it has not run and is freed */
};
enum ps_errand_end ps_errand_send(struct ps_errand *errand, const char *name, int64_t timeout_ms,
                                  const struct ps_cancel *cancel);

#endif
