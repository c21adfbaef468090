/*
 * Named places that a test build can be made to fail at (base/fault.h). In other builds this file
 * is empty.
 */
#include "base/fault.h"

#ifdef PENSTOCK_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Read from PENSTOCK_FAULT once; only `reached` changes afterwards. */
static struct {
    pthread_once_t once;
    char name[64]; /* "": no place is to fail */
    long count;
    bool kill;
    _Atomic long reached;
} fault = {.once = PTHREAD_ONCE_INIT};

/* A test with a fault that says nothing would pass for the wrong reason. */
static void refuse(const char *text)
{
    fprintf(stderr, "PENSTOCK_FAULT=%s: not of the form name[:count][=kill|fail]\n", text);
    abort();
}

static void read_environment(void)
{
    const char *text = getenv("PENSTOCK_FAULT");
    if (text == NULL || *text == '\0') {
        return;
    }
    fault.count = 1;
    fault.kill = true;
    size_t length = strcspn(text, ":=");
    const char *rest = text + length;
    if (length == 0 || length >= sizeof(fault.name)) {
        refuse(text);
    }
    if (*rest == ':') {
        char *end;
        fault.count = strtol(rest + 1, &end, 10);
        if (end == rest + 1 || fault.count < 1) {
            refuse(text);
        }
        rest = end;
    }
    if (strcmp(rest, "=fail") == 0) {
        fault.kill = false;
    } else if (*rest != '\0' && strcmp(rest, "=kill") != 0) {
        refuse(text);
    }
    memcpy(fault.name, text, length);
}

bool ps_fault(const char *name)
{
    pthread_once(&fault.once, read_environment);
    if (fault.name[0] == '\0' || strcmp(name, fault.name) != 0) {
        return false;
    }
    if (atomic_fetch_add(&fault.reached, 1) + 1 != fault.count) {
        return false;
    }
    if (fault.kill) {
        kill(getpid(), SIGKILL);
    }
    return true;
}

#endif
