/*
 * What tools/check-tidy has the static analyzer know beside the code. It looks at one file at a
 * time and cannot see that these functions give back the status they are given, never PS_OK. Not
 * for compiling.
 */
#ifndef PS_TOOLS_ANALYZER_H
#define PS_TOOLS_ANALYZER_H

#include "penstock/error.h"

#define ps_fail(err, status, ...) ((void)ps_fail(err, status, __VA_ARGS__), (status))
#define ps_fail_nomem(err, what) ((void)ps_fail_nomem(err, what), PS_NOMEM)

#endif
