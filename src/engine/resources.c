/*
 * Percentages out of what the machine tells: two readings of the processors' time, the fullest of
 * the disks.
 */
#include "engine/resources.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/machine.h"

#define INTERVAL_NS INT64_C(2000000000)
/* Processors' time is counted in steps: over less than this a share says little. */
#define CPU_LEAST_NS INT64_C(200000000)
#define FOLDERS_MAX 8

struct own_monitor {
    struct ps_monitor base;
    struct ps_machine *machine;
    const struct ps_clock *clock;
    bool (*disk)(const char *folder, struct ps_disk *ret_disk);
    char *folders[FOLDERS_MAX];
    size_t folders_count;
    bool cpu_known;
    struct ps_machine_cpu cpu; /* at the last share */
    int64_t cpu_ns;
    double cpu_percent;
};

static bool disk_of(const char *folder, struct ps_disk *ret_disk)
{
    struct statvfs space;
    struct stat info;
    if (statvfs(folder, &space) != 0 || stat(folder, &info) != 0) {
        return false;
    }
    /* As df counts: what is kept for root alone is neither used nor free. */
    uint64_t used = space.f_blocks - space.f_bfree;
    *ret_disk = (struct ps_disk){
        .device = info.st_dev,
        .total_bytes = (used + space.f_bavail) * space.f_frsize,
        .free_bytes = (uint64_t)space.f_bavail * space.f_frsize,
    };
    return true;
}

static void sample_memory(struct own_monitor *monitor, struct ps_resource_sample *sample)
{
    struct ps_machine_memory memory;
    sample->memory_percent = -1;
    if (ps_machine_memory(monitor->machine, &memory)) {
        sample->memory_percent = 100 * (double)memory.used_bytes / (double)memory.limit_bytes;
        sample->memory_bytes = memory.used_bytes;
        sample->memory_limit_bytes = memory.limit_bytes;
        sample->memory_of = memory.of;
    }
    sample->own_bytes = ps_machine_memory_own();
    sample->stalled_percent = ps_machine_stalled(monitor->machine, "memory");
}

static void sample_cpu(struct own_monitor *monitor, int64_t now, struct ps_resource_sample *sample)
{
    struct ps_machine_cpu cpu;
    sample->cpu_percent = monitor->cpu_percent;
    if (monitor->cpu_known && now - monitor->cpu_ns < CPU_LEAST_NS) {
        return;
    }
    bool known = ps_machine_cpu(monitor->machine, &cpu);
    /* Another source of the number than last time makes no difference with it. */
    if (known && monitor->cpu_known && cpu.of == monitor->cpu.of &&
        cpu.busy_seconds >= monitor->cpu.busy_seconds) {
        double seconds = (double)(now - monitor->cpu_ns) / 1e9;
        sample->cpu_percent =
            100 * (cpu.busy_seconds - monitor->cpu.busy_seconds) / (seconds * cpu.processors);
    } else {
        sample->cpu_percent = -1;
    }
    monitor->cpu_known = known;
    monitor->cpu = cpu;
    monitor->cpu_ns = now;
    monitor->cpu_percent = sample->cpu_percent;
}

static void sample_disks(struct own_monitor *monitor, struct ps_resource_sample *sample)
{
    sample->disk_percent = -1;
    for (size_t i = 0; i < monitor->folders_count; i++) {
        struct ps_disk disk;
        if (!monitor->disk(monitor->folders[i], &disk) || disk.total_bytes == 0) {
            continue;
        }
        double percent =
            100 * (double)(disk.total_bytes - disk.free_bytes) / (double)disk.total_bytes;
        if (percent > sample->disk_percent) {
            sample->disk_percent = percent;
            sample->disk_path = monitor->folders[i];
            sample->disk_free_bytes = disk.free_bytes;
        }
    }
}

static void sample_all(struct ps_monitor *base, struct ps_resource_sample *ret_sample)
{
    struct own_monitor *monitor = (struct own_monitor *)base;
    struct ps_resource_sample sample = {.at_ns = monitor->clock->monotonic_ns(monitor->clock)};
    sample_memory(monitor, &sample);
    sample_cpu(monitor, sample.at_ns, &sample);
    sample_disks(monitor, &sample);
    *ret_sample = sample;
}

/* Folders on one disk are looked at once: they would say the same. */
static enum ps_status add_folder(struct own_monitor *monitor, uint64_t devices[FOLDERS_MAX],
                                 const char *folder, struct ps_error *err)
{
    struct ps_disk disk;
    if (monitor->folders_count == FOLDERS_MAX || !monitor->disk(folder, &disk)) {
        return PS_OK;
    }
    for (size_t i = 0; i < monitor->folders_count; i++) {
        if (devices[i] == disk.device) {
            return PS_OK;
        }
    }
    char *copy = ps_strdup(folder);
    if (copy == NULL) {
        return ps_fail_nomem(err, "looking at the disks");
    }
    devices[monitor->folders_count] = disk.device;
    monitor->folders[monitor->folders_count++] = copy;
    return PS_OK;
}

enum ps_status ps_monitor_new(const struct ps_monitor_request *request,
                              struct ps_monitor **ret_monitor, struct ps_error *err)
{
    uint64_t devices[FOLDERS_MAX] = {0};
    struct own_monitor *monitor = ps_calloc(1, sizeof(*monitor));
    if (monitor == NULL) {
        return ps_fail_nomem(err, "looking at the machine");
    }
    monitor->base = (struct ps_monitor){.sample = sample_all, .interval_ns = INTERVAL_NS};
    monitor->clock = request->clock;
    monitor->disk = request->disk != NULL ? request->disk : disk_of;
    monitor->cpu_percent = -1;
    enum ps_status status = ps_machine_new(request->root, &monitor->machine, err);
    for (size_t i = 0; status == PS_OK && request->folders != NULL && request->folders[i] != NULL;
         i++) {
        status = add_folder(monitor, devices, request->folders[i], err);
    }
    if (status != PS_OK) {
        ps_monitor_free(&monitor->base);
        return status;
    }
    *ret_monitor = &monitor->base;
    return PS_OK;
}

void ps_monitor_free(struct ps_monitor *base)
{
    struct own_monitor *monitor = (struct own_monitor *)base;
    if (monitor != NULL) {
        ps_machine_free(monitor->machine);
        for (size_t i = 0; i < monitor->folders_count; i++) {
            ps_free(monitor->folders[i]);
        }
        ps_free(monitor);
    }
}
