/*
 * What this process may use of the machine, and what is in use: memory, processors, and how long
 * work stands still for want of them. From the control group (version 2, else 1), else from the
 * machine. Not for: what to do about it (engine/tuner.h).
 */
#ifndef PS_BASE_MACHINE_H
#define PS_BASE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "penstock/error.h"

struct ps_machine;

/* `root` stands before every path that is read ("": the machine's own; tests give a folder). */
enum ps_status ps_machine_new(const char *root, struct ps_machine **ret_machine,
                              struct ps_error *err) PS_MUST_CHECK;
void ps_machine_free(struct ps_machine *machine); /* NULL is fine */

struct ps_machine_memory {
    uint64_t used_bytes; /* without file cache that can be given up at once */
    uint64_t limit_bytes;
    const char *of; /* "cgroup v2", "cgroup v1", "machine": static */
};
/* Of all groups that have a limit, the one nearest to it. False: it cannot be read. */
bool ps_machine_memory(struct ps_machine *machine, struct ps_machine_memory *ret_memory);

struct ps_machine_cpu {
    double busy_seconds; /* of processors in all; two readings make a share */
    double processors;   /* that may be busy at once; 1.5 is possible */
    const char *of;
};
/* The group's where it has a quota, else the machine's. False: it cannot be read. */
bool ps_machine_cpu(struct ps_machine *machine, struct ps_machine_cpu *ret_cpu);

/*
 * Pressure stall information: the share of the last ten seconds, in percent, in which all work
 * stood still for want of "memory", "cpu" or "io". Negative: the kernel does not say.
 */
double ps_machine_stalled(struct ps_machine *machine, const char *resource);

/* The memory that this process may use: the least limit of its group, or the machine's. 0: not
 * known. */
uint64_t ps_machine_memory_limit(struct ps_machine *machine);

/* The most memory that this process has had at once, as this program. 0: not known. */
uint64_t ps_machine_memory_peak(void);
/* The memory that it has now. 0: not known. */
uint64_t ps_machine_memory_own(void);

#endif
