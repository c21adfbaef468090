/*
 * Writing of files. Folders are opened one below the other without following links, so that
 * neither a path nor a link that lies there already leads outside. See files.h.
 */
#include "tester/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/protobuf.h"
#include "penstock/batch.h"

#define PART_NAME ".penstock-part"
#define PART_MAX 255u
#define PATH_BYTES_MAX 4096u

/* One chunk as it came. */
struct chunk {
    const char *parts[3]; /* schema, storage, path */
    size_t sizes[3];
    const uint8_t *data;
    size_t data_size;
    int64_t expected; /* -1: not said */
    bool is_last;
};

void files_init(struct files *files, const char *folder, const char *schema,
                struct breaches *breaches)
{
    *files = (struct files){.folder = folder,
                            .schema = schema,
                            .breaches = breaches,
                            .fd = -1,
                            .parent = -1,
                            .expected = -1};
}

static void close_file(struct files *files)
{
    if (files->fd >= 0) {
        (void)close(files->fd);
        (void)unlinkat(files->parent, PART_NAME, 0);
    }
    if (files->parent >= 0) {
        (void)close(files->parent);
    }
    ps_free(files->key);
    ps_free(files->name);
    files->fd = files->parent = -1;
    files->key = files->name = NULL;
    files->skipped = false;
    files->bytes = 0;
    files->expected = -1;
}

void files_done(struct files *files)
{
    close_file(files);
}

static bool read_chunk(const uint8_t *bytes, size_t size, struct chunk *ret_chunk)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    struct chunk chunk = {.expected = -1};
    while (ps_pb_next(&reader, &field)) {
        if (field.wire == PS_PB_BYTES && field.number >= 1 && field.number <= 3) {
            chunk.parts[field.number - 1] = (const char *)field.bytes;
            chunk.sizes[field.number - 1] = field.size;
        } else if (field.wire == PS_PB_BYTES && field.number == 4) {
            chunk.data = field.bytes;
            chunk.data_size = field.size;
        } else if (field.wire == PS_PB_VARINT && field.number == 5) {
            chunk.expected = (int64_t)field.integer;
        } else if (field.wire == PS_PB_VARINT && field.number == 6) {
            chunk.is_last = field.integer != 0;
        }
    }
    *ret_chunk = chunk;
    return !reader.failed;
}

/* A name of one folder or file that stays where it is put. */
static bool part_is_safe(const char *part, size_t size)
{
    return size > 0 && size <= PART_MAX && memchr(part, '/', size) == NULL &&
           memchr(part, '\0', size) == NULL && !(size == 1 && part[0] == '.') &&
           !(size == 2 && memcmp(part, "..", 2) == 0) && ps_utf8_valid(part, size) &&
           !(size == strlen(PART_NAME) && memcmp(part, PART_NAME, size) == 0);
}

static bool path_is_safe(const char *path, size_t size)
{
    if (size == 0 || size > PATH_BYTES_MAX) {
        return false;
    }
    while (size > 0) {
        const char *slash = memchr(path, '/', size);
        size_t part = slash == NULL ? size : (size_t)(slash - path);
        if (!part_is_safe(path, part)) {
            return false;
        }
        if (slash == NULL) {
            return true;
        }
        path += part + 1;
        size -= part + 1;
    }
    return false; /* It ends in a slash. */
}

static enum ps_status disk_failure(const struct files *files, const char *what,
                                   struct ps_error *err)
{
    return ps_fail(err, PS_CONFIG, PS_CLASS_DISK,
                   "writing a file of the connector below %s: %s: %s", files->folder, what,
                   strerror(errno));
}

/* Goes into the folder `part`, which is made where it is missing; closes the one it came from. */
static bool descend(int *folder, const char *part, size_t size)
{
    char name[PART_MAX + 1];
    memcpy(name, part, size);
    name[size] = '\0';
    if (mkdirat(*folder, name, 0777) != 0 && errno != EEXIST) {
        return false;
    }
    int inner = openat(*folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0) {
        return false;
    }
    (void)close(*folder);
    *folder = inner;
    return true;
}

/* Opens the folders down to the file's own. */
static bool open_parent(struct files *files, const struct chunk *chunk)
{
    const char *schema = chunk->sizes[0] == 0 ? files->schema : chunk->parts[0];
    size_t schema_size = chunk->sizes[0] == 0 ? strlen(files->schema) : chunk->sizes[0];
    const char *path = chunk->parts[2];
    size_t rest = chunk->sizes[2];
    files->parent = open(files->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (files->parent < 0 || !descend(&files->parent, schema, schema_size) ||
        !descend(&files->parent, chunk->parts[1], chunk->sizes[1])) {
        return false;
    }
    const char *slash = NULL;
    while ((slash = memchr(path, '/', rest)) != NULL) {
        size_t part = (size_t)(slash - path);
        if (!descend(&files->parent, path, part)) {
            return false;
        }
        path += part + 1;
        rest -= part + 1;
    }
    files->name = ps_strndup(path, rest);
    (void)unlinkat(files->parent, PART_NAME, 0);
    files->fd = openat(files->parent, PART_NAME,
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return files->fd >= 0;
}

/* The chunk's file by name: "schema\nstorage\npath"; NULL: no memory. */
static char *key_of(const struct chunk *chunk)
{
    size_t size = chunk->sizes[0] + chunk->sizes[1] + chunk->sizes[2] + 3, used = 0;
    char *key = ps_malloc(size);
    for (int i = 0; key != NULL && i < 3; i++) {
        if (chunk->sizes[i] != 0) {
            memcpy(key + used, chunk->parts[i], chunk->sizes[i]);
        }
        used += chunk->sizes[i];
        key[used++] = i == 2 ? '\0' : '\n';
    }
    return key;
}

static void breach(struct files *files, enum breach_kind kind, const char *detail)
{
    breach_add(files->breaches, kind, &(struct breach_place){0}, detail);
}

enum ps_status files_check_whole(struct files *files, struct ps_error *err)
{
    if (files->fd < 0 || files->key == NULL) {
        return PS_OK;
    }
    struct ps_buffer detail;
    const char *before_name = strrchr(files->key, '\n');
    ps_buffer_init(&detail, 0);
    ps_buffer_printf(&detail, "%s, of which %llu bytes came",
                     before_name == NULL ? files->key : before_name + 1,
                     (unsigned long long)files->bytes);
    breach(files, BREACH_FILE_UNFINISHED, ps_buffer_text(&detail));
    enum ps_status status =
        ps_fail(err, PS_DATA, PS_CLASS_DATA,
                "a file of the connector is unfinished: its last chunk (is_last) must come before "
                "another file, a checkpoint or the end: %s",
                ps_buffer_text(&detail));
    ps_buffer_done(&detail);
    close_file(files);
    return status;
}

/* The key is the file's from here on. */
static enum ps_status begin(struct files *files, const struct chunk *chunk, char *key,
                            struct ps_error *err)
{
    enum ps_status status = files_check_whole(files, err);
    close_file(files);
    files->key = key;
    if (status != PS_OK) {
        return status;
    }
    bool safe = (chunk->sizes[0] == 0 || part_is_safe(chunk->parts[0], chunk->sizes[0])) &&
                part_is_safe(chunk->parts[1], chunk->sizes[1]) &&
                path_is_safe(chunk->parts[2], chunk->sizes[2]);
    if (!safe) {
        breach(files, BREACH_FILE_PATH, NULL);
        files->skipped = true;
        return PS_OK;
    }
    if (!open_parent(files, chunk)) {
        return disk_failure(files, "a folder or the file cannot be made", err);
    }
    return files->name != NULL ? PS_OK : ps_fail_nomem(err, "writing a file");
}

static enum ps_status write_all(struct files *files, const struct chunk *chunk,
                                struct ps_error *err)
{
    size_t used = 0;
    while (used < chunk->data_size) {
        ssize_t written = write(files->fd, chunk->data + used, chunk->data_size - used);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return disk_failure(files, "it cannot be written", err);
        }
        used += (size_t)written;
    }
    files->bytes += chunk->data_size;
    return PS_OK;
}

static enum ps_status wrong_size(struct files *files, struct ps_error *err)
{
    char detail[96];
    snprintf(detail, sizeof detail, "%lld bytes were announced, %llu came",
             (long long)files->expected, (unsigned long long)files->bytes);
    breach(files, BREACH_FILE_SIZE, detail);
    enum ps_status status =
        ps_fail(err, PS_DATA, PS_CLASS_DATA,
                "a file of the connector is not as large as announced: %s", detail);
    close_file(files);
    return status;
}

static enum ps_status finish(struct files *files, struct ps_error *err)
{
    if (files->expected >= 0 && files->bytes != (uint64_t)files->expected) {
        return wrong_size(files, err);
    }
    if (renameat(files->parent, PART_NAME, files->parent, files->name) != 0) {
        return disk_failure(files, "it cannot be put in its place", err);
    }
    files->files_done++;
    files->bytes_done += files->bytes;
    close_file(files);
    return PS_OK;
}

enum ps_status files_take(struct files *files, const uint8_t *bytes, size_t size,
                          struct ps_error *err)
{
    struct chunk chunk;
    if (!read_chunk(bytes, size, &chunk)) {
        return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                       "the connector sent a file's chunk that is no valid protobuf message");
    }
    char *key = key_of(&chunk);
    if (key == NULL) {
        return ps_fail_nomem(err, "writing a file");
    }
    enum ps_status status = PS_OK;
    if (files->key == NULL || strcmp(files->key, key) != 0) {
        status = begin(files, &chunk, key, err);
    } else {
        ps_free(key);
    }
    if (status != PS_OK) {
        return status;
    }
    if (chunk.expected >= 0) {
        files->expected = chunk.expected;
    }
    if (!files->skipped) {
        status = write_all(files, &chunk, err);
        if (status == PS_OK && files->expected >= 0 && files->bytes > (uint64_t)files->expected) {
            return wrong_size(files, err);
        }
    }
    if (status == PS_OK && chunk.is_last) {
        if (files->skipped) {
            close_file(files);
        } else {
            status = finish(files, err);
        }
    }
    return status;
}
