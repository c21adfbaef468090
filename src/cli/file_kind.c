/*
 * Kinds of files, by what they hold. See file_kind.h.
 */
#include "cli/file_kind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "state/file.h"

/* A state is at most 4 MiB; other connectors' can be somewhat larger. */
#define STATE_BYTES_MAX ((size_t)64 << 20)
#define DUCKDB_MAGIC_AT 8
#define DUCKDB_MAGIC "DUCK"

/* Field 100 (the record's type) is 98 (the log's version), then field 101: DuckDB 1.x. */
#define LOG_START "d\0be\0"

/* How every state of ours begins, so that a damaged one is known as well. */
#define STATE_START "{\"penstock\":"

static bool starts_with(const struct ps_buffer *text, size_t at, const char *start)
{
    return text->size >= at + strlen(start) &&
           memcmp(ps_buffer_text(text) + at, start, strlen(start)) == 0;
}

/* Members that are texts alone, as the states of other connectors are. */
static bool is_flat_texts(const struct ps_buffer *text)
{
    struct ps_arena *arena = ps_arena_new(STATE_BYTES_MAX * 4);
    struct ps_json *root = NULL;
    bool flat = false;

    if (arena != NULL &&
        ps_json_parse(arena, ps_buffer_text(text), text->size, NULL, &root, NULL, NULL) == PS_OK) {
        flat = root->kind == PS_JSON_OBJECT;
        for (const struct ps_json *child = root->first; flat && child != NULL;
             child = child->next) {
            flat = child->kind == PS_JSON_STRING || child->kind == PS_JSON_NULL;
        }
    }
    ps_arena_free(arena);
    return flat;
}

static enum file_kind kind_of(const struct ps_buffer *text)
{
    size_t blanks = strspn(ps_buffer_text(text), " \t\r\n");

    if (text->size == 0) {
        return FILE_EMPTY;
    }
    return starts_with(text, blanks, STATE_START) || is_flat_texts(text) ? FILE_STATE : FILE_OTHER;
}

/* DUCKDB or LOG by the first bytes, else OTHER; a big file is not read for it. */
static enum file_kind kind_of_start(const char *path)
{
    char start[DUCKDB_MAGIC_AT + sizeof DUCKDB_MAGIC - 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size;

    if (fd < 0) {
        return FILE_OTHER;
    }
    size = read(fd, start, sizeof start);
    (void)close(fd);
    if (size != (ssize_t)sizeof start) {
        return FILE_OTHER;
    }
    if (memcmp(start + DUCKDB_MAGIC_AT, DUCKDB_MAGIC, sizeof DUCKDB_MAGIC - 1) == 0) {
        return FILE_DUCKDB;
    }
    return memcmp(start, LOG_START, sizeof LOG_START - 1) == 0 ? FILE_LOG : FILE_OTHER;
}

enum file_kind file_kind(const char *path)
{
    enum file_kind kind = FILE_OTHER;
    struct ps_buffer text;
    struct stat info;

    if (stat(path, &info) != 0) {
        return errno == ENOENT ? FILE_MISSING : FILE_OTHER;
    }
    if (!S_ISREG(info.st_mode)) {
        return FILE_OTHER;
    }
    kind = kind_of_start(path);
    if (kind != FILE_OTHER) {
        return kind;
    }
    ps_buffer_init(&text, STATE_BYTES_MAX);
    if (ps_file_read(path, STATE_BYTES_MAX, &text, NULL) == PS_OK) {
        kind = kind_of(&text);
    }
    ps_buffer_done(&text);
    return kind;
}
