/*
 * Named places at which a test build can be made to fail or to die. In a release build they are
 * nothing at all.
 *
 * PENSTOCK_FAULT="name[:count][=action]": the count-th time (default 1) that the place is reached,
 * `kill` (default: SIGKILL to ourselves) or `fail` (ps_fault gives true and the place reports a
 * failure of its own). Only in builds with -DPENSTOCK_FAULTS=ON.
 */
#ifndef PS_BASE_FAULT_H
#define PS_BASE_FAULT_H

#include <stdbool.h>

#ifdef PENSTOCK_FAULTS
bool ps_fault(const char *name);
#else
static inline bool ps_fault(const char *name)
{
    (void)name;
    return false;
}
#endif

#endif
