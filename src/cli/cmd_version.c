/*
 * penstock version: what this program is made of, for bug reports.
 */
#include <dlfcn.h>
#include <libpq-fe.h>
#include <openssl/crypto.h>
#include <stdio.h>

#include "base/json.h"
#include "cli/local.h"
#include "sinks/duckdb/library.h"

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

/* The library that a sync would load; it is no failure when there is none. */
struct duckdb {
    const char *version; /* NULL: not found */
    const char *path;    /* NULL: the loader does not tell */
};

static struct duckdb find_duckdb(struct ps_error *err)
{
    const struct duck_library *library = NULL;
    struct duckdb found = {0};
    void *symbol;
    Dl_info info;

    if (duck_library_get(&library, err) != PS_OK) {
        return found;
    }
    found.version = library->library_version();
    /* A function's address as an object's: dladdr takes it so, and POSIX says it works. */
    _Static_assert(sizeof symbol == sizeof library->library_version, "one size of pointers");
    __builtin_memcpy(&symbol, &library->library_version, sizeof symbol);
    if (dladdr(symbol, &info) != 0) {
        found.path = info.dli_fname;
    }
    return found;
}

/* "15.8": the version of libpq that is built in. */
static const char *libpq_version(char out[16])
{
    int version = PQlibVersion();

    (void)snprintf(out, 16, "%d.%d", version / 10000, version % 10000);
    return out;
}

static void write_document(const struct duckdb *duckdb, struct output *out)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;
    char libpq[16];

    ps_buffer_init(&buffer, 0);
    ps_json_writer_init(&writer, &buffer, false);
    ps_json_open(&writer, NULL, '{');
    ps_json_put_text(&writer, "version", PENSTOCK_VERSION);
    ps_json_put_text(&writer, "compiler", COMPILER);
    if (duckdb->version == NULL) {
        ps_json_put_null(&writer, "duckdb");
    } else {
        ps_json_open(&writer, "duckdb", '{');
        ps_json_put_text(&writer, "version", duckdb->version);
        ps_json_put_text(&writer, "path", duckdb->path == NULL ? "" : duckdb->path);
        ps_json_close(&writer, '}');
    }
    ps_json_put_text(&writer, "libpq", libpq_version(libpq));
    ps_json_put_text(&writer, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    ps_json_close(&writer, '}');
    ps_buffer_putc(&buffer, '\n');
    output_buffer(out, &buffer);
    ps_buffer_done(&buffer);
}

static enum exit_status run_version(const struct command_line *line, struct output *out)
{
    struct ps_error err = {0};
    struct duckdb duckdb = find_duckdb(&err);
    char libpq[16];

    if (command_given(line, "json")) {
        write_document(&duckdb, out);
        return EXIT_DONE;
    }
    output_printf(out, "penstock %s\ncompiled by %s\n", PENSTOCK_VERSION, COMPILER);
    if (duckdb.version == NULL) {
        output_printf(out, "DuckDB: not found: %s\n", err.message);
    } else {
        output_printf(out, "DuckDB: %s, %s\n", duckdb.version,
                      duckdb.path == NULL ? "place unknown" : duckdb.path);
    }
    output_printf(out, "libpq: %s, built in\nOpenSSL: %s, built in\n", libpq_version(libpq),
                  OpenSSL_version(OPENSSL_VERSION_STRING));
    return EXIT_DONE;
}

static const struct command_option options[] = {
    LOCAL_OPTION_JSON("A JSON document."),
    {.name = NULL},
};

const struct command command_version = {
    .name = "version",
    .summary = "shows the versions, and which DuckDB library is found",
    .options = options,
    .run = run_version,
};
