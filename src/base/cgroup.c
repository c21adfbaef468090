/*
 * Finding the control group: /proc/self/cgroup says which group it is, /proc/self/mountinfo where
 * its hierarchy is mounted, and from which group on (proc(5), cgroups(7)).
 */
#include "base/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buffer.h"

#define FILE_BYTES_MAX ((size_t)4 << 20)

bool ps_kernel_file_read(const char *path, struct ps_buffer *out)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ps_buffer_clear(out);
    char part[4096];
    ssize_t size;
    do {
        size = read(file, part, sizeof(part));
        if (size > 0) {
            ps_buffer_append(out, part, (size_t)size);
        }
    } while ((size > 0 && ps_buffer_ok(out)) || (size < 0 && errno == EINTR));
    close(file);
    return size == 0 && ps_buffer_ok(out);
}

/* The next line, cut off at its break; NULL: none is left. */
static char *next_line(char **rest)
{
    char *line = *rest;
    if (line == NULL || *line == '\0') {
        return NULL;
    }
    char *end = strchr(line, '\n');
    *rest = end == NULL ? NULL : end + 1;
    if (end != NULL) {
        *end = '\0';
    }
    return line;
}

/* True where the word stands in a list that commas part. */
static bool listed(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; *at != '\0'; at += strspn(at, ",")) {
        size_t entry = strcspn(at, ",");
        if (entry == size && memcmp(at, word, size) == 0) {
            return true;
        }
        at += entry;
    }
    return false;
}

/* "4:memory:/a/b", and "0::/a/b" for version 2: the path; NULL: no such line. */
static const char *group_path(char *text, const char *controller)
{
    char *rest = text, *line;
    while ((line = next_line(&rest)) != NULL) {
        char *controllers = strchr(line, ':');
        char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (path == NULL) {
            continue;
        }
        *path++ = '\0';
        controllers++;
        if (controller == NULL ? *controllers == '\0' : listed(controllers, controller)) {
            return path;
        }
    }
    return NULL;
}

/* One line of mountinfo, cut into what counts here. */
struct mount {
    const char *root, *point, *kind, *options;
};

/* "31 23 0:28 /root /point options [optional …] - kind source options" */
static bool mount_read(char *line, struct mount *ret_mount)
{
    char *dash = strstr(line, " - ");
    if (dash == NULL) {
        return false;
    }
    *dash = '\0';
    char *words[5] = {line}, *tail[3] = {dash + 3};
    for (int i = 1; i < 5; i++) {
        words[i] = strchr(words[i - 1], ' ');
        if (words[i] == NULL) {
            return false;
        }
        *words[i]++ = '\0';
    }
    words[4][strcspn(words[4], " ")] = '\0';
    for (int i = 1; i < 3; i++) {
        tail[i] = strchr(tail[i - 1], ' ');
        if (tail[i] == NULL) {
            return false;
        }
        *tail[i]++ = '\0';
    }
    *ret_mount = (struct mount){words[3], words[4], tail[0], tail[2]};
    return true;
}

static bool mount_find(char *text, const char *controller, struct mount *ret_mount)
{
    char *rest = text, *line;
    while ((line = next_line(&rest)) != NULL) {
        if (mount_read(line, ret_mount) &&
            strcmp(ret_mount->kind, controller == NULL ? "cgroup2" : "cgroup") == 0 &&
            (controller == NULL || listed(ret_mount->options, controller))) {
            return true;
        }
    }
    return false;
}

/* What of the group's path lies below the mount. A mount of the group itself shows it as "/". */
static const char *path_below(const char *path, const struct mount *mount)
{
    size_t size = strcmp(mount->root, "/") == 0 ? 0 : strlen(mount->root);
    if (strncmp(path, mount->root, size) == 0 && (path[size] == '/' || path[size] == '\0')) {
        return path + size;
    }
    return "";
}

/* Adds the folder and those above it, as long as they lie below the mount or are it. */
static bool add_folders(struct ps_cgroup *cgroup, char *folder, size_t mount_size)
{
    for (;;) {
        size_t size = strlen(folder);
        while (size > mount_size && folder[size - 1] == '/') {
            folder[--size] = '\0';
        }
        if (cgroup->count == PS_CGROUP_LEVELS_MAX) {
            return true;
        }
        cgroup->folders[cgroup->count] = ps_strdup(folder);
        if (cgroup->folders[cgroup->count] == NULL) {
            return false;
        }
        cgroup->count++;
        char *slash = strrchr(folder, '/');
        if (size <= mount_size || slash == NULL) {
            return true;
        }
        *slash = '\0';
    }
}

enum ps_status ps_cgroup_find(const char *root, const char *controller,
                              struct ps_cgroup *ret_cgroup, struct ps_error *err)
{
    struct ps_buffer groups, mounts, path;
    struct ps_cgroup cgroup = {.count = 0};
    struct mount mount;
    enum ps_status status = PS_OK;
    ps_buffer_init(&groups, FILE_BYTES_MAX);
    ps_buffer_init(&mounts, FILE_BYTES_MAX);
    ps_buffer_init(&path, FILE_BYTES_MAX);
    ps_buffer_printf(&path, "%s/proc/self/cgroup", root);
    if (!ps_kernel_file_read(ps_buffer_text(&path), &groups)) {
        goto out;
    }
    ps_buffer_clear(&path);
    ps_buffer_printf(&path, "%s/proc/self/mountinfo", root);
    if (!ps_kernel_file_read(ps_buffer_text(&path), &mounts)) {
        goto out;
    }
    const char *group = group_path(groups.data, controller);
    if (group == NULL || !mount_find(mounts.data, controller, &mount)) {
        goto out;
    }
    ps_buffer_clear(&path);
    ps_buffer_printf(&path, "%s%s", root, mount.point);
    size_t mount_size = path.size;
    ps_buffer_puts(&path, path_below(group, &mount));
    if (ps_buffer_ok(&path) && !add_folders(&cgroup, path.data, mount_size)) {
        status = ps_fail_nomem(err, "looking for the control group");
    }
out:
    if (!ps_buffer_ok(&path) || groups.failed || mounts.failed) {
        status = ps_fail_nomem(err, "looking for the control group");
    }
    ps_buffer_done(&groups);
    ps_buffer_done(&mounts);
    ps_buffer_done(&path);
    if (status == PS_OK) {
        *ret_cgroup = cgroup;
    } else {
        ps_cgroup_done(&cgroup);
    }
    return status;
}

void ps_cgroup_done(struct ps_cgroup *cgroup)
{
    for (size_t i = 0; i < cgroup->count; i++) {
        ps_free(cgroup->folders[i]);
    }
    *cgroup = (struct ps_cgroup){.count = 0};
}
