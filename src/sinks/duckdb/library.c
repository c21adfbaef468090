/*
 * Finds and loads libduckdb. Not for: calling it.
 */
#include "sinks/duckdb/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct duck_library loaded; /* complete once is_loaded; under the lock until then */
static bool is_loaded;

/* "<folder of the executable>/<relative>", or false. */
static bool beside_executable(const char *relative, char out[PATH_MAX])
{
    char executable[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", executable, sizeof executable - 1);
    if (length <= 0) {
        return false;
    }
    executable[length] = '\0';
    char *slash = strrchr(executable, '/');
    if (slash == NULL) {
        return false;
    }
    *slash = '\0';
    return snprintf(out, PATH_MAX, "%s/%s", executable, relative) < PATH_MAX;
}

/* The loader's reason without the path that our own message gives already. */
static const char *load_reason(void)
{
    const char *reason = dlerror();
    return reason != NULL ? reason : "unknown reason";
}

static enum ps_status resolve(void *handle, const char *path, struct ps_error *err)
{
    struct duck_library library;
    /* POSIX promises that dlsym's pointer can be a function's; ISO C has no cast for it. */
#define DUCK_API_RESOLVE(result, name, arguments)                                                  \
    {                                                                                              \
        void *symbol = dlsym(handle, "duckdb_" #name);                                             \
        if (symbol == NULL) {                                                                      \
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,                                       \
                           "loading DuckDB: %s has no function duckdb_%s: it is not the version "  \
                           "that Penstock is built for; tools/fetch-duckdb gets the right one",    \
                           path, #name);                                                           \
        }                                                                                          \
        memcpy(&library.name, &symbol, sizeof symbol);                                             \
    }
    DUCK_API_FUNCTIONS(DUCK_API_RESOLVE)
#undef DUCK_API_RESOLVE
    loaded = library;
    is_loaded = true;
    return PS_OK;
}

static enum ps_status load(struct ps_error *err)
{
    static const char how[] = "run tools/fetch-duckdb (make run does) to get it, or set "
                              "PENSTOCK_DUCKDB to the path of libduckdb.so";
    const char *chosen = getenv("PENSTOCK_DUCKDB");
    if (chosen != NULL && chosen[0] != '\0') {
        /* Without a slash dlopen would search; the variable names a file. */
        char path[PATH_MAX];
        snprintf(path, sizeof path, "%s%s", strchr(chosen, '/') == NULL ? "./" : "", chosen);
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "loading DuckDB: PENSTOCK_DUCKDB names %s: %s", chosen, load_reason());
        }
        return resolve(handle, chosen, err);
    }
    static const char *const places[] = {"../duckdb/libduckdb.so", "libduckdb.so"};
    char looked[2 * PATH_MAX] = "";
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        char path[PATH_MAX];
        if (!beside_executable(places[i], path)) {
            continue;
        }
        size_t used = strlen(looked);
        snprintf(looked + used, sizeof looked - used, "%s, ", path);
        if (access(path, F_OK) != 0) {
            continue;
        }
        void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        if (handle == NULL) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "loading DuckDB: %s; %s",
                           load_reason(), how);
        }
        return resolve(handle, path, err);
    }
    void *handle = dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the DuckDB library is missing: looked at %sand in the loader's search "
                       "path; %s",
                       looked, how);
    }
    return resolve(handle, "libduckdb.so", err);
}

enum ps_status duck_library_get(const struct duck_library **ret_library, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    pthread_mutex_lock(&lock);
    if (!is_loaded) {
        status = load(err);
    }
    pthread_mutex_unlock(&lock);
    if (status == PS_OK) {
        *ret_library = &loaded;
    }
    return status;
}
