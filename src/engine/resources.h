/*
 * What a sync uses of what it may use: memory, processors and disks, sampled every few seconds. Not
 * for: what follows from it (tuner.h) and how the kernel tells it (base/machine.h).
 */
#ifndef PS_ENGINE_RESOURCES_H
#define PS_ENGINE_RESOURCES_H

#include "base/clock.h"
#include "penstock/error.h"

/* One look. Percentages are negative where they are not known. */
struct ps_resource_sample {
    int64_t at_ns;         /* on the monitor's clock */
    double memory_percent; /* of the limit, without file cache that can be given up */
    uint64_t memory_bytes, memory_limit_bytes;
    uint64_t own_bytes;     /* what this process has of it; 0: not known */
    const char *memory_of;  /* "cgroup v2", …; static */
    double stalled_percent; /* of the last ten seconds, in which all waited for memory */
    double cpu_percent;     /* since the last sample */
    double disk_percent;    /* of the fullest disk */
    const char *disk_path;  /* a folder on it; lives as long as the monitor */
    uint64_t disk_free_bytes;
};

/* The head of every monitor; tests bring their own. One thread at a time. */
struct ps_monitor {
    void (*sample)(struct ps_monitor *monitor, struct ps_resource_sample *ret_sample);
    int64_t interval_ns; /* between two samples */
};

struct ps_disk {
    uint64_t device; /* the same for folders on one disk */
    uint64_t total_bytes, free_bytes;
};

struct ps_monitor_request {
    const char *root;           /* of the machine's files: "", or a folder of a test */
    const char *const *folders; /* whose disks count, NULL-terminated; NULL: none */
    const struct ps_clock *clock;
    bool (*disk)(const char *folder, struct ps_disk *ret_disk); /* NULL: the machine's own */
};

/* The machine's own monitor. Copies the folders. NOMEM. */
enum ps_status ps_monitor_new(const struct ps_monitor_request *request,
                              struct ps_monitor **ret_monitor, struct ps_error *err) PS_MUST_CHECK;
void ps_monitor_free(struct ps_monitor *monitor); /* of ps_monitor_new alone; NULL is fine */

#endif
