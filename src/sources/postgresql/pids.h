/*
 * The backends of this process that are inside a transaction: they never write, so they do not
 * hold the horizon back (now.c). The one process-wide thing of this source; guarded by its own
 * lock, bounded: a backend that does not fit only makes the horizon older.
 */
#ifndef PS_SOURCES_POSTGRESQL_PIDS_H
#define PS_SOURCES_POSTGRESQL_PIDS_H

#include "base/buffer.h"

/* target: "host:port/database"; a number means nothing at another server. 0 is ignored. */
void pids_add(const char *target, int pid);
void pids_remove(const char *target, int pid);

/* Appends ", 1, 2" for those at the target. */
void pids_write(const char *target, struct ps_buffer *out);

#endif
