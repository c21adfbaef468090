/*
 * Reading a small file whole, and replacing one so that a crash at any instant leaves the old or
 * the new one, never half of one.
 */
#include "state/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault.h"

/* Never PERMISSION: that is a right which a source refuses. */
static enum ps_error_class class_of(int error)
{
    switch (error) {
    case EIO:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PS_CLASS_DISK;
    default:
        return PS_CLASS_SETTING;
    }
}

static const char *reason_of(int error)
{
    const char *reason = strerrordesc_np(error);
    return reason != NULL ? reason : "unknown error";
}

static enum ps_status read_fail(const char *path, int error, struct ps_error *err)
{
    return ps_fail(err, PS_CONFIG, class_of(error), "the file %s cannot be read: %s", path,
                   reason_of(error));
}

static enum ps_status read_open(const char *path, int fd, size_t limit, struct ps_buffer *out,
                                struct ps_error *err)
{
    struct stat found;
    if (fstat(fd, &found) != 0) {
        return read_fail(path, errno, err);
    }
    if (!S_ISREG(found.st_mode)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "%s is %s, not a file", path,
                       S_ISDIR(found.st_mode) ? "a folder" : "a device or pipe");
    }
    char chunk[16384];
    size_t total = 0;
    for (;;) {
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return read_fail(path, errno, err);
        }
        if (got == 0) {
            return ps_buffer_ok(out) ? PS_OK : ps_fail_nomem(err, "reading a file");
        }
        total += (size_t)got;
        if (total > limit) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "the file %s is larger than %zu bytes; it is not what it is taken for",
                           path, limit);
        }
        ps_buffer_append(out, chunk, (size_t)got);
    }
}

enum ps_status ps_file_read(const char *path, size_t limit, struct ps_buffer *out,
                            struct ps_error *err)
{
    /* O_NONBLOCK: a pipe in the file's place must not hang the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return PS_END;
    }
    if (fd < 0) {
        return read_fail(path, errno, err);
    }
    enum ps_status status = read_open(path, fd, limit, out, err);
    close(fd);
    return status;
}

/* Makes every missing folder on the way to the file; `path` is changed and changed back. */
static int make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        int made = mkdir(path, 0777);
        int error = errno;
        *slash = '/';
        if (made != 0 && error != EEXIST && error != EISDIR) {
            return error;
        }
    }
    return 0;
}

/* Makes the temporary file and fills it, down to the disk. 0 or errno. */
static int write_temporary(const char *temporary, const char *bytes, size_t size)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    int fd = open(temporary, flags, 0600);
    if (fd < 0 && errno == EEXIST) {
        /* Left by a killed process that had our number: containers begin at 1 every time. */
        unlink(temporary);
        fd = open(temporary, flags, 0600);
    }
    if (fd < 0) {
        return errno;
    }
    int error = 0;
    while (size > 0 && error == 0) {
        ssize_t written = write(fd, bytes, size);
        if (written >= 0) {
            bytes += written;
            size -= (size_t)written;
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    if (error == 0 && fsync(fd) != 0) {
        error = errno;
    }
    if (close(fd) != 0 && error == 0) {
        error = errno;
    }
    return error;
}

/* Brings the folder's entry to the disk; `path` is changed and changed back. 0 or errno. */
static int sync_folder(char *path)
{
    char *slash = strrchr(path, '/');
    char saved = '\0';
    if (slash != NULL) {
        saved = slash[1];
        slash[1] = '\0';
    }
    int fd = open(slash != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (slash != NULL) {
        slash[1] = saved;
    }
    if (fd >= 0) {
        /* EINVAL: a file system that knows no such thing (some in user space). */
        if (fsync(fd) != 0 && errno != EINVAL) {
            error = errno;
        }
        close(fd);
    }
    return error;
}

static enum ps_status replace(char *path, const char *temporary, const char *bytes, size_t size,
                              struct ps_error *err)
{
    int error = make_folders(path);
    if (error != 0) {
        return ps_fail(err, PS_CONFIG, class_of(error), "the folder of %s cannot be made: %s", path,
                       reason_of(error));
    }
    error = write_temporary(temporary, bytes, size);
    if (error == 0 && ps_fault("state_file.before_rename")) {
        error = EIO;
    }
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
    }
    if (error != 0) {
        unlink(temporary);
        return ps_fail(err, PS_CONFIG, class_of(error),
                       "the file %s cannot be written: %s; what was there before still stands",
                       path, reason_of(error));
    }
    error = ps_fault("state_file.after_rename") ? EIO : sync_folder(path);
    if (error != 0) {
        return ps_fail(err, PS_CONFIG, class_of(error),
                       "the file %s was written, but its folder cannot be brought to the disk: %s; "
                       "a loss of power may undo it",
                       path, reason_of(error));
    }
    return PS_OK;
}

enum ps_status ps_file_replace(const char *path, const char *bytes, size_t size,
                               struct ps_error *err)
{
    struct ps_buffer own, temporary;
    ps_buffer_init(&own, 0);
    ps_buffer_init(&temporary, 0);
    ps_buffer_puts(&own, path);
    ps_buffer_printf(&temporary, "%s.tmp.%ld", path, (long)getpid());
    enum ps_status status;
    if (!ps_buffer_ok(&own) || !ps_buffer_ok(&temporary)) {
        status = ps_fail_nomem(err, "writing a file");
    } else if (own.size == 0 || own.data[own.size - 1] == '/') {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "\"%s\" names no file to be written; name one, not a folder", path);
    } else {
        status = replace(own.data, ps_buffer_text(&temporary), bytes, size, err);
    }
    ps_buffer_done(&own);
    ps_buffer_done(&temporary);
    return status;
}
