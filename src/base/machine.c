/*
 * Reading the kernel's files: cgroup v2 (memory.current, cpu.stat, memory.pressure), cgroup v1
 * (memory.usage_in_bytes, cpuacct.usage, cpu.cfs_quota_us), proc (meminfo, stat, pressure).
 */
#include "base/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/cgroup.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)
/* Without a limit, version 1 says a number near 2^63. */
#define NO_LIMIT (UINT64_C(1) << 60)

struct ps_machine {
    char *root;                                  /* owned */
    struct ps_cgroup v2, v1, v1_cpu, v1_cpuacct; /* owned */
    struct ps_buffer path, text;                 /* for one reading */
};

enum ps_status ps_machine_new(const char *root, struct ps_machine **ret_machine,
                              struct ps_error *err)
{
    struct ps_machine *machine = ps_calloc(1, sizeof(*machine));
    if (machine == NULL) {
        return ps_fail_nomem(err, "looking at the machine");
    }
    ps_buffer_init(&machine->path, FILE_BYTES_MAX);
    ps_buffer_init(&machine->text, FILE_BYTES_MAX);
    machine->root = ps_strdup(root);
    enum ps_status status =
        machine->root == NULL ? ps_fail_nomem(err, "looking at the machine") : PS_OK;
    if (status != PS_OK || (status = ps_cgroup_find(root, NULL, &machine->v2, err)) != PS_OK ||
        (status = ps_cgroup_find(root, "memory", &machine->v1, err)) != PS_OK ||
        (status = ps_cgroup_find(root, "cpu", &machine->v1_cpu, err)) != PS_OK ||
        (status = ps_cgroup_find(root, "cpuacct", &machine->v1_cpuacct, err)) != PS_OK) {
        ps_machine_free(machine);
        return status;
    }
    *ret_machine = machine;
    return PS_OK;
}

void ps_machine_free(struct ps_machine *machine)
{
    if (machine != NULL) {
        ps_cgroup_done(&machine->v2);
        ps_cgroup_done(&machine->v1);
        ps_cgroup_done(&machine->v1_cpu);
        ps_cgroup_done(&machine->v1_cpuacct);
        ps_buffer_done(&machine->path);
        ps_buffer_done(&machine->text);
        ps_free(machine->root);
        ps_free(machine);
    }
}

/* The text of folder/name; NULL: it cannot be read. Lives until the next call. */
static const char *text_of(struct ps_machine *machine, const char *folder, const char *name)
{
    ps_buffer_clear(&machine->path);
    ps_buffer_printf(&machine->path, "%s/%s", folder, name);
    if (!ps_buffer_ok(&machine->path) || !ps_kernel_file_read(machine->path.data, &machine->text)) {
        return NULL;
    }
    return ps_buffer_text(&machine->text);
}

/* Reads the number at the text's beginning. False: there is none ("max"). */
static bool number_at(const char *text, uint64_t *ret_number)
{
    if (text == NULL || *text < '0' || *text > '9') {
        return false;
    }
    errno = 0;
    *ret_number = strtoull(text, NULL, 10);
    return errno == 0;
}

static bool number_of(struct ps_machine *machine, const char *folder, const char *name,
                      uint64_t *ret_number)
{
    return number_at(text_of(machine, folder, name), ret_number);
}

/* The number after a line's first word: "inactive_file 4096", "MemTotal:  24684092 kB". */
static bool number_after(const char *text, const char *word, uint64_t *ret_number)
{
    size_t size = strlen(word);
    for (const char *line = text; line != NULL && *line != '\0';) {
        if (strncmp(line, word, size) == 0 && (line[size] == ' ' || line[size] == '\t')) {
            return number_at(line + size + strspn(line + size, " \t"), ret_number);
        }
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return false;
}

static bool machine_memory(struct ps_machine *machine, struct ps_machine_memory *ret_memory)
{
    uint64_t total, available;
    const char *text = text_of(machine, machine->root, "proc/meminfo");
    if (!number_after(text, "MemTotal:", &total) ||
        !number_after(text, "MemAvailable:", &available) || total == 0) {
        return false;
    }
    *ret_memory = (struct ps_machine_memory){
        .used_bytes = (available < total ? total - available : 0) * 1024,
        .limit_bytes = total * 1024,
        .of = "machine",
    };
    return true;
}

/* Where the two versions say the same. */
struct memory_files {
    const char *limit, *soft_limit, *usage, *inactive, *of;
};
static const struct memory_files files_v2 = {"memory.max", "memory.high", "memory.current",
                                             "inactive_file", "cgroup v2"};
static const struct memory_files files_v1 = {"memory.limit_in_bytes", NULL, "memory.usage_in_bytes",
                                             "total_inactive_file", "cgroup v1"};

static uint64_t limit_of(struct ps_machine *machine, const char *folder,
                         const struct memory_files *files)
{
    uint64_t limit = NO_LIMIT, soft;
    (void)number_of(machine, folder, files->limit, &limit);
    /* Above this one the kernel slows the group down, nearly to a stand. */
    if (files->soft_limit != NULL && number_of(machine, folder, files->soft_limit, &soft)) {
        limit = soft < limit ? soft : limit;
    }
    return limit;
}

/* Of the group and those above it, the one that is nearest to its limit. */
static bool group_memory(struct ps_machine *machine, const struct ps_cgroup *cgroup,
                         const struct memory_files *files, struct ps_machine_memory *ret_memory)
{
    bool found = false;
    for (size_t i = 0; i < cgroup->count; i++) {
        const char *folder = cgroup->folders[i];
        uint64_t limit = limit_of(machine, folder, files), used, inactive = 0;
        if (limit >= NO_LIMIT || limit == 0 || !number_of(machine, folder, files->usage, &used)) {
            continue;
        }
        (void)number_after(text_of(machine, folder, "memory.stat"), files->inactive, &inactive);
        used -= inactive < used ? inactive : used;
        if (!found || (double)used / (double)limit >
                          (double)ret_memory->used_bytes / (double)ret_memory->limit_bytes) {
            *ret_memory = (struct ps_machine_memory){used, limit, files->of};
        }
        found = true;
    }
    return found;
}

bool ps_machine_memory(struct ps_machine *machine, struct ps_machine_memory *ret_memory)
{
    struct ps_machine_memory whole, group;
    bool known = machine_memory(machine, &whole);
    bool limited = group_memory(machine, &machine->v2, &files_v2, &group) ||
                   group_memory(machine, &machine->v1, &files_v1, &group);
    /* A limit beyond what there is is none. */
    if (limited && (!known || group.limit_bytes < whole.limit_bytes)) {
        *ret_memory = group;
        return true;
    }
    if (known) {
        *ret_memory = whole;
    }
    return known;
}

static bool machine_cpu(struct ps_machine *machine, struct ps_machine_cpu *ret_cpu)
{
    const char *text = text_of(machine, machine->root, "proc/stat");
    if (text == NULL || strncmp(text, "cpu ", 4) != 0) {
        return false;
    }
    /* user nice system idle iowait irq softirq steal; guests are counted in the first two. */
    uint64_t busy = 0;
    char *at = (char *)(uintptr_t)text + 4;
    for (int i = 0; i < 8; i++) {
        uint64_t ticks = strtoull(at, &at, 10);
        busy += i == 3 || i == 4 ? 0 : ticks;
    }
    unsigned processors = 0;
    for (const char *line = strstr(text, "\ncpu"); line != NULL; line = strstr(line + 1, "\ncpu")) {
        processors++;
    }
    long ticks_a_second = sysconf(_SC_CLK_TCK);
    if (processors == 0 || ticks_a_second <= 0) {
        return false;
    }
    *ret_cpu =
        (struct ps_machine_cpu){(double)busy / (double)ticks_a_second, processors, "machine"};
    return true;
}

/* "150000 100000": one and a half processors. */
static bool quota_v2(struct ps_machine *machine, const char *folder, double *ret_processors)
{
    uint64_t quota, period;
    const char *text = text_of(machine, folder, "cpu.max");
    const char *blank = text == NULL ? NULL : strchr(text, ' ');
    if (blank == NULL || !number_at(text, &quota) || !number_at(blank + 1, &period) ||
        period == 0) {
        return false;
    }
    *ret_processors = (double)quota / (double)period;
    return true;
}

static bool quota_v1(struct ps_machine *machine, const char *folder, double *ret_processors)
{
    uint64_t quota, period;
    if (!number_of(machine, folder, "cpu.cfs_quota_us", &quota) ||
        !number_of(machine, folder, "cpu.cfs_period_us", &period) || period == 0) {
        return false;
    }
    *ret_processors = (double)quota / (double)period;
    return true;
}

static bool busy_v2(struct ps_machine *machine, const char *folder, double *ret_seconds)
{
    uint64_t microseconds;
    if (!number_after(text_of(machine, folder, "cpu.stat"), "usage_usec", &microseconds)) {
        return false;
    }
    *ret_seconds = (double)microseconds / 1e6;
    return true;
}

static bool busy_v1(struct ps_machine *machine, const char *folder, double *ret_seconds)
{
    uint64_t nanoseconds;
    if (!number_of(machine, folder, "cpuacct.usage", &nanoseconds)) {
        return false;
    }
    *ret_seconds = (double)nanoseconds / 1e9;
    return true;
}

bool ps_machine_cpu(struct ps_machine *machine, struct ps_machine_cpu *ret_cpu)
{
    struct ps_machine_cpu whole, group = {.of = NULL};
    bool known = machine_cpu(machine, &whole);
    for (size_t i = 0; i < machine->v2.count; i++) {
        const char *folder = machine->v2.folders[i];
        double processors, busy;
        if (quota_v2(machine, folder, &processors) && busy_v2(machine, folder, &busy) &&
            (group.of == NULL || processors < group.processors)) {
            group = (struct ps_machine_cpu){busy, processors, "cgroup v2"};
        }
    }
    /* Both controllers are mostly mounted together; where they are not, their paths still agree. */
    for (size_t i = 0;
         group.of == NULL && i < machine->v1_cpu.count && i < machine->v1_cpuacct.count; i++) {
        double processors, busy;
        if (quota_v1(machine, machine->v1_cpu.folders[i], &processors) &&
            busy_v1(machine, machine->v1_cpuacct.folders[i], &busy)) {
            group = (struct ps_machine_cpu){busy, processors, "cgroup v1"};
        }
    }
    if (group.of != NULL && (!known || group.processors < whole.processors)) {
        *ret_cpu = group;
        return true;
    }
    if (known) {
        *ret_cpu = whole;
    }
    return known;
}

/* "full avg10=0.43 avg60=0.46 avg300=0.32 total=61360845" */
static double full_avg10(const char *text)
{
    static const char before[] = "full avg10=";
    const char *at = text == NULL ? NULL : strstr(text, before);
    return at == NULL ? -1 : strtod(at + sizeof(before) - 1, NULL);
}

double ps_machine_stalled(struct ps_machine *machine, const char *resource)
{
    char name[64];
    double stalled = -1;
    if (machine->v2.count > 0) {
        snprintf(name, sizeof(name), "%s.pressure", resource);
        stalled = full_avg10(text_of(machine, machine->v2.folders[0], name));
    }
    if (stalled < 0) {
        snprintf(name, sizeof(name), "proc/pressure/%s", resource);
        stalled = full_avg10(text_of(machine, machine->root, name));
    }
    return stalled;
}

uint64_t ps_machine_memory_limit(struct ps_machine *machine)
{
    struct ps_machine_memory whole;
    uint64_t least = machine_memory(machine, &whole) ? whole.limit_bytes : NO_LIMIT;
    for (int version = 2; version >= 1; version--) {
        const struct ps_cgroup *cgroup = version == 2 ? &machine->v2 : &machine->v1;
        for (size_t i = 0; i < cgroup->count; i++) {
            uint64_t limit =
                limit_of(machine, cgroup->folders[i], version == 2 ? &files_v2 : &files_v1);
            least = limit != 0 && limit < least ? limit : least;
        }
    }
    return least == NO_LIMIT ? 0 : least;
}

/* What the kernel says of this process, in bytes. 0: nothing. */
static uint64_t own_status(const char *name)
{
    FILE *file = fopen("/proc/self/status", "re");
    const size_t size = strlen(name);
    uint64_t bytes = 0;
    char line[256];
    while (file != NULL && bytes == 0 && fgets(line, sizeof(line), file) != NULL) {
        bytes = strncmp(line, name, size) == 0 ? strtoull(line + size, NULL, 10) * 1024 : 0;
    }
    if (file != NULL) {
        (void)fclose(file);
    }
    return bytes;
}

uint64_t ps_machine_memory_peak(void)
{
    /* getrusage counts what the process had before it became this program: its parent's memory. */
    return own_status("VmHWM:");
}

uint64_t ps_machine_memory_own(void)
{
    return own_status("VmRSS:");
}
