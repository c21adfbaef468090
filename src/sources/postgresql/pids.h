/*
 * The backends of this process that are inside a transaction: they never write, so they do not
 * hold the horizon back (now.c). The one process-wide thing of this source; guarded by its own
 * lock, bounded: a backend that does not fit only makes the horizon older.
 */
#ifndef PS_SOURCES_POSTGRESQL_PIDS_H
#define PS_SOURCES_POSTGRESQL_PIDS_H

#include "base/buffer.h"

/* server: the address of the one that answered, since a number means nothing at another. 0 is
 * ignored. */
void pids_add(const char *server, int pid);
void pids_remove(const char *server, int pid);

/* Appends ", 1, 2" for those at the server. */
void pids_write(const char *server, struct ps_buffer *out);

#endif
