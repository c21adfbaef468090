/*
 * Opening the file, with the options it runs with, and what its refusals mean.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/machine.h"
#include "sinks/duckdb/sink.h"

#define MEMORY_DEFAULT ((size_t)1 << 30)
#define MEMORY_LEAST ((size_t)64 << 20)
#define THREADS_MAX 4
/* With so much or less, what DuckDB takes beyond its memory_limit has to be bounded, too. */
#define LIMIT_TIGHT ((size_t)2 << 30)
#define LIMIT_ONE_THREAD ((size_t)512 << 20)
/* With less, a load of long texts may not come to its end. */
#define LIMIT_LEAST ((size_t)256 << 20)
#define GROUP_BYTES_A_ROW ((size_t)64 << 10)
#define GROUP_ROWS_LEAST ((size_t)2 * DUCK_VECTOR_ROWS)
/* With less than this DuckDB writes no more: its blocks are 256 KiB. */
#define ROOM_LEAST ((uint64_t)1 << 20)
/* The file's name within DuckDB where it is attached. */
#define ATTACHED "penstock_warehouse"
/* How a DuckDB file begins, behind 8 bytes of checksum. */
#define MAGIC_AT 8
#define MAGIC "DUCK"

/* What this process may use: the least limit of its control group, or the machine's memory. */
static size_t memory_limit(void)
{
    struct ps_machine *machine;
    uint64_t limit = 0;
    if (ps_machine_new("", &machine, NULL) == PS_OK) {
        limit = ps_machine_memory_limit(machine);
        ps_machine_free(machine);
    }
    return limit != 0 ? (size_t)limit
                      : (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
}

/* What DuckDB may use. */
struct bounds {
    size_t memory;
    unsigned threads;
    size_t group_rows; /* of a row group; 0: as DuckDB does it */
};

/*
 * DuckDB (1.5) gathers 122,880 rows into a row group before it compresses them. With two kilobytes
 * a row that is 240 MB, which it moves to the disk and back where memory_limit is less, and to try
 * its ways of compression on them takes as much again, which memory_limit does not count. Where
 * there is little memory row groups are small, in proportion.
 */
static size_t group_rows(size_t limit)
{
    size_t rows = limit / GROUP_BYTES_A_ROW / DUCK_VECTOR_ROWS * DUCK_VECTOR_ROWS;
    return rows < GROUP_ROWS_LEAST ? GROUP_ROWS_LEAST : rows;
}

static struct bounds bounds_for(const struct ps_sink_request *request)
{
    const size_t limit = memory_limit();
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct bounds bounds = {.memory = request->memory_bytes,
                            .threads = processors > THREADS_MAX ? THREADS_MAX
                                       : processors < 2         ? 2
                                                                : (unsigned)processors};
    if (limit <= LIMIT_TIGHT) {
        bounds.threads = limit <= LIMIT_ONE_THREAD ? 1 : 2;
        bounds.group_rows = request->read_only ? 0 : group_rows(limit);
    }
    if (bounds.memory == 0) {
        size_t memory = limit <= LIMIT_TIGHT ? limit / 4 : limit / 10 * 4;
        bounds.memory = memory < MEMORY_DEFAULT ? memory : MEMORY_DEFAULT;
    }
    bounds.memory = bounds.memory < MEMORY_LEAST ? MEMORY_LEAST : bounds.memory;
    if (limit < LIMIT_LEAST && !request->read_only) {
        ps_log(PS_LOG_WARNING,
               "%zu MiB of memory may be used; a warehouse wants %zu MiB, and with less the kernel "
               "may end the sync where texts are long",
               limit >> 20, LIMIT_LEAST >> 20);
    }
    return bounds;
}

/* Makes the folders above the file. */
static enum ps_status make_folders(const char *path, struct ps_error *err)
{
    char *copy = ps_strdup(path);
    if (copy == NULL) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    enum ps_status status = PS_OK;
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            status = ps_fail(err, PS_CONFIG, PS_CLASS_DISK,
                             "opening the warehouse %s: making the folder %s: %s", path, copy,
                             strerror(errno));
            break;
        }
        *slash = '/';
    }
    ps_free(copy);
    return status;
}

static enum ps_status refuse_foreign(const char *path, struct ps_error *err)
{
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "opening the warehouse %s: the file exists and is not a DuckDB database; name "
                   "another file",
                   path);
}

/* DuckDB's log lies beside the file and is made anew whenever it is needed. */
static enum ps_status check_folder(const char *path, struct ps_error *err)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL ? (size_t)(slash - path) : 0;
    if (size >= sizeof folder) {
        return PS_OK; /* opening the file says more than we could */
    }
    memcpy(folder, path, size);
    folder[size] = '\0';
    const char *place = slash == NULL ? "." : size == 0 ? "/" : folder;
    return access(place, W_OK | X_OK) == 0
               ? PS_OK
               : ps_fail(err, PS_CONFIG, PS_CLASS_DISK,
                         "opening the warehouse %s: its folder %s cannot be written: %s; DuckDB "
                         "keeps its log there",
                         path, place, strerror(errno));
}

/* Before DuckDB sees it, which would look for a way to read other formats. */
static enum ps_status check_file(const char *path, const struct stat *info, struct ps_error *err)
{
    if (!S_ISREG(info->st_mode)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the warehouse %s: it is %s, not a file", path,
                       S_ISDIR(info->st_mode) ? "a folder" : "a device or pipe");
    }
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DISK,
                       "opening the warehouse %s: it cannot be read and written: %s", path,
                       strerror(errno));
    }
    char start[MAGIC_AT + sizeof MAGIC - 1];
    ssize_t got = info->st_size == 0 ? 0 : read(fd, start, sizeof start);
    (void)close(fd);
    if (info->st_size != 0 &&
        (got != (ssize_t)sizeof start || memcmp(start + MAGIC_AT, MAGIC, sizeof MAGIC - 1) != 0)) {
        return refuse_foreign(path, err);
    }
    return check_folder(path, err);
}

static enum ps_status check_path(const char *path, bool must_exist, struct ps_error *err)
{
    struct stat info;
    if (stat(path, &info) == 0) {
        return check_file(path, &info, err);
    }
    if (errno != ENOENT) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "opening the warehouse %s: %s", path,
                       strerror(errno));
    }
    if (must_exist) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the warehouse %s: there is no such file", path);
    }
    return make_folders(path, err);
}

/* DuckDB's refusal to open the file, in our words where it is one that users meet. */
static enum ps_status refuse(const char *path, const char *text, struct ps_error *err)
{
    if (text == NULL) {
        text = "DuckDB gives no reason";
    }
    if (strstr(text, "Could not set lock") != NULL) {
        const char *holder = strstr(text, "held in ");
        int length = 0;
        if (holder != NULL) {
            /* "held in /usr/bin/duckdb (PID 123) by user root. …" */
            holder += strlen("held in ");
            const char *end = strchr(holder, ')');
            length = end != NULL ? (int)(end - holder) + 1 : 0;
        }
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the warehouse %s: another process has it open: %.*s; let it end, "
                       "or name another file",
                       path, length != 0 ? length : 7, length != 0 ? holder : "unknown");
    }
    if (strstr(text, "not a valid DuckDB database file") != NULL) {
        return refuse_foreign(path, err);
    }
    char what[512];
    snprintf(what, sizeof what, "opening the warehouse %.400s", path);
    return duck_statement_fail(what, DUCK_API_ERROR_IO, text, err);
}

/* The size of row groups is an option of ATTACH alone. */
static enum ps_status attach_file(struct duck_sink *sink, const char *path, size_t rows,
                                  struct ps_error *err)
{
    const struct duck_library *library = sink->session.library;
    struct duck_api_result result = {0};
    ps_buffer_puts(&sink->sql, "ATTACH ");
    duck_name_literal(&sink->sql, path);
    ps_buffer_printf(&sink->sql, " AS " ATTACHED " (READ_WRITE, ROW_GROUP_SIZE %zu)", rows);
    if (!ps_buffer_ok(&sink->sql)) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    enum ps_status status = PS_OK;
    if (library->query(sink->session.connection, sink->sql.data, &result) != 0) {
        status = refuse(path, library->result_error(&result), err);
    }
    library->destroy_result(&result);
    ps_buffer_clear(&sink->sql);
    return status != PS_OK ? status
                           : duck_statement_run(&sink->session, "opening the warehouse",
                                                "USE " ATTACHED, NULL, err);
}

static enum ps_status open_file(struct duck_sink *sink, const char *path,
                                const struct bounds *bounds, bool read_only, struct ps_error *err)
{
    const struct duck_library *library = sink->session.library;
    char memory[32];
    char threads[16];
    char beside[PATH_MAX];
    snprintf(memory, sizeof memory, "%zuMiB", bounds->memory >> 20);
    snprintf(threads, sizeof threads, "%u", bounds->threads);
    snprintf(beside, sizeof beside, "%s.tmp", path);
    const char *const options[][2] = {
        {"memory_limit", memory},
        {"threads", threads},
        /* Rows of a packet keep their order without it; whole statements get faster. */
        {"preserve_insertion_order", "false"},
        /* DuckDB takes its log into the file after so many bytes, and guesses a block a column for
         * each table that was written to, however few its rows: with its own 16 MiB that was
         * every commit of some hundred small tables, and it writes all tables anew. */
        {"checkpoint_threshold", "256MiB"},
        /* Of a file that is made: the least table takes a block, and a small table in memory one
         * a column. Blocks of 64 KiB cost large tables neither time nor room; smaller ones do. */
        {"default_block_size", "65536"},
        /* What is not built in is not fetched behind the user's back. */
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"temp_directory", beside},
        {"access_mode", read_only ? "READ_ONLY" : "AUTOMATIC"},
    };
    struct duck_api_config *config = NULL;
    char *reason = NULL;
    if (library->create_config(&config) != 0) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    enum ps_status status = PS_OK;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (library->set_config(config, options[i][0], options[i][1]) != 0) {
            status = ps_fail(err, PS_BUG, PS_CLASS_NONE,
                             "opening the warehouse: DuckDB has no option %s = %s", options[i][0],
                             options[i][1]);
            goto out;
        }
    }
    const char *opened = bounds->group_rows != 0 ? ":memory:" : path;
    if (library->open_ext(opened, &sink->database, config, &reason) != 0) {
        status = refuse(path, reason, err);
    }
out:
    library->free(reason);
    library->destroy_config(&config);
    return status;
}

static enum ps_status read_catalog(struct duck_sink *sink, struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    ps_buffer_puts(&sink->sql, "SELECT current_database()");
    enum ps_status status =
        duck_statement_texts(&sink->session, "opening the warehouse", &sink->sql, &text, err);
    if (status == PS_OK) {
        sink->catalog = ps_strdup(text.data);
        if (sink->catalog == NULL) {
            status = ps_fail_nomem(err, "opening the warehouse");
        }
    }
    ps_buffer_done(&text);
    return status;
}

enum ps_status duck_database_open(struct duck_sink *sink, const struct ps_sink_request *request,
                                  struct ps_error *err)
{
    const char *path = request->destination;
    if (strncmp(path, "duckdb:", 7) == 0) {
        path += 7;
    }
    if (path[0] == '\0') {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the warehouse: its path is empty");
    }
    sink->path = ps_strdup(path);
    enum ps_status status = sink->path == NULL ? ps_fail_nomem(err, "opening the warehouse")
                                               : duck_library_get(&sink->session.library, err);
    if (status == PS_OK && !request->read_only) {
        status = check_path(path, request->must_exist, err);
    }
    if (status != PS_OK) {
        return status;
    }
    const struct bounds bounds = bounds_for(request);
    sink->memory = bounds.memory;
    status = open_file(sink, path, &bounds, request->read_only, err);
    if (status != PS_OK) {
        return status;
    }
    if (sink->session.library->connect(sink->database, &sink->session.connection) != 0) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    if (bounds.group_rows != 0) {
        status = attach_file(sink, path, bounds.group_rows, err);
    }
    if (status != PS_OK) {
        return status;
    }
    /* Casts of TIMESTAMPTZ to text follow it. */
    status = duck_statement_run(&sink->session, "opening the warehouse", "SET TimeZone = 'UTC'",
                                NULL, err);
    if (status == PS_OK) {
        status = read_catalog(sink, err);
    }
    if (status == PS_OK) {
        struct duck_feed_options options = {
            .library = sink->session.library,
            .connection = sink->session.connection,
            .bytes_max = sink->memory / 64,
            .threads = bounds.threads,
        };
        sink->held_max = sink->memory / 32;
        status = duck_feed_new(&options, &sink->feed, err);
    }
    return status;
}

enum ps_status duck_database_blame_disk(const struct duck_sink *sink, enum ps_status status,
                                        struct ps_error *error)
{
    struct statvfs disk;
    bool of_disk = error->error_class == PS_CLASS_DISK || status == PS_BUG || status == PS_NOMEM;
    char folder[PATH_MAX];
    if (!of_disk || sink->path == NULL) {
        return status;
    }
    /* The file itself may not be there yet. */
    snprintf(folder, sizeof folder, "%s", sink->path);
    char *slash = strrchr(folder, '/');
    if (slash != NULL) {
        slash[1] = '\0';
    }
    if (statvfs(slash != NULL ? folder : ".", &disk) != 0) {
        return status;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (error->vendor_code != ENOSPC && free_bytes >= ROOM_LEAST) {
        return status;
    }
    return ps_fail(error, PS_CONFIG, PS_CLASS_DISK,
                   "no room is left on the disk of %s (%.1f MB free): free some and run it again",
                   sink->path, (double)free_bytes / 1e6);
}

void duck_database_close(struct duck_sink *sink)
{
    const struct duck_library *library = sink->session.library;
    duck_feed_free(sink->feed);
    sink->feed = NULL;
    if (library == NULL) {
        return;
    }
    if (sink->session.connection != NULL) {
        if (sink->in_transaction) {
            /* Where the transaction is lost already this fails, and that is as good. */
            (void)!duck_statement_run(&sink->session, "closing", "ROLLBACK", NULL, NULL);
        }
        library->disconnect(&sink->session.connection);
    }
    if (sink->database != NULL) {
        library->close(&sink->database);
    }
}
