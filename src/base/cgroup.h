/*
 * Where the kernel keeps what this process' control group may use and does use: the folders of the
 * group and of those above it, versions 2 and 1. Not for: what is in their files (machine.h).
 */
#ifndef PS_BASE_CGROUP_H
#define PS_BASE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

#include "penstock/error.h"

#define PS_CGROUP_LEVELS_MAX 32

/* The group's folder and those above it, up to the mount, lowest first. */
struct ps_cgroup {
    char *folders[PS_CGROUP_LEVELS_MAX]; /* owned */
    size_t count;                        /* 0: there is no such group */
};

/*
 * Finds the group of a controller ("memory", "cpu", "cpuacct") of version 1, or, with NULL, that of
 * version 2. `root` stands before every path ("": the machine's own). NOMEM alone fails: what
 * cannot be read is not there.
 */
enum ps_status ps_cgroup_find(const char *root, const char *controller,
                              struct ps_cgroup *ret_cgroup, struct ps_error *err) PS_MUST_CHECK;
void ps_cgroup_done(struct ps_cgroup *cgroup); /* a {0} one is fine */

struct ps_buffer;
/* Reads a small file of the kernel's. False: it is not there, or cannot be read. */
bool ps_kernel_file_read(const char *path, struct ps_buffer *out);

#endif
