#include "support/machine_files.h"

#include "support/unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

const char *machine_files_new(void)
{
    snprintf(root, sizeof(root), "/tmp/machine.XXXXXX");
    assert_non_null(mkdtemp(root));
    return root;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

void machine_files_done(void)
{
    assert_int_equal(nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void machine_files_put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s/%s", root, path);
    for (char *slash = strchr(whole + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(whole, 0777);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

void machine_files_plain(long available_kb, long busy_ticks)
{
    char text[256];
    snprintf(text, sizeof(text),
             "MemTotal:           1000 kB\nMemFree:             1 kB\nMemAvailable:     %ld kB\n",
             available_kb);
    machine_files_put("proc/meminfo", text);
    snprintf(text, sizeof(text),
             "cpu  %ld 0 0 500 7 0 0 0 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\nintr 12\n", busy_ticks);
    machine_files_put("proc/stat", text);
}

void machine_files_group(int version, const char *path)
{
    char text[512];
    if (version == 2) {
        snprintf(text, sizeof(text), "0::%s\n", path);
    } else {
        snprintf(text, sizeof(text), "5:devices:/\n4:cpu,cpuacct,memory:%s\n0::/\n", path);
    }
    machine_files_put("proc/self/cgroup", text);
    machine_files_put("proc/self/mountinfo",
                      version == 2
                          ? "25 1 0:22 / / rw - ext4 /dev/sda rw\n"
                            "31 25 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
                          : "31 25 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
                            "35 31 0:32 / /sys/fs/cgroup/all rw master:3 - cgroup cgroup "
                            "rw,memory,cpu,cpuacct\n"
                            "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
}
