/*
 * Configuration, places and lists of a local run. The destination and its state are in
 * local_state.c. See local.h.
 */
#include "cli/local.h"

#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "engine/configure.h"

#define ARENA_BYTES_MAX ((size_t)4 << 20)

/* The first holds the state, the others are DuckDB's own. */
static const char *const reserved_schemas[] = {"penstock", "information_schema", "pg_catalog"};

void local_done(struct local *local)
{
    if (local->sink != NULL) {
        local->sink_ops->close(local->sink);
    }
    ps_state_free(local->state);
    ps_config_free(local->config);
    ps_settings_done(&local->settings);
    ps_arena_free(local->arena);
    *local = (struct local){0};
}

enum ps_status local_configure(struct local *local, const char *config_path, struct ps_error *err)
{
    enum ps_status status;

    if (config_path != NULL) {
        status = ps_settings_read_file(&local->settings, config_path, err);
        if (status != PS_OK) {
            return status;
        }
    }
    status = ps_configure_source(&local->settings, NULL, "ehr", &local->source_ops, err);
    if (status == PS_OK) {
        local->source_name = local->source_ops->name;
        status = ps_configure(&local->settings, local->source_ops, &local->config, err);
    }
    if (status != PS_OK) {
        if (config_path != NULL && status == PS_CONFIG) {
            ps_error_prefix(err, "%s", config_path);
        }
        return status;
    }
    if (ps_config_boolean(local->config, "debug")) {
        ps_log_configure(PS_LOG_TEXT, PS_LOG_DEBUG);
    }
    return PS_OK;
}

void local_log_warnings(const struct local *local)
{
    for (size_t i = 0; i < local->settings.warnings_count; i++) {
        ps_log(PS_LOG_WARNING, "%s", local->settings.warnings[i]);
    }
}

/* "a, b" as an array that ends with NULL; blanks round an entry are dropped. */
static enum ps_status split_list(struct local *local, const char *option, const char *text,
                                 const char *const **ret_list, struct ps_error *err)
{
    size_t count = 1, used = 0;
    const char **list;

    for (const char *at = text; *at != '\0'; at++) {
        count += *at == ',';
    }
    list = ps_arena_array(local->arena, count + 1, sizeof *list);
    for (const char *at = text; list != NULL && at != NULL; at = strchr(at, ',')) {
        size_t size;
        at += *at == ',' && at != text;
        at += strspn(at, " \t");
        size = strcspn(at, ",");
        while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t')) {
            size--;
        }
        if (size == 0) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "`--%s %s` has an empty entry; write --%s a,b", option, text, option);
        }
        list[used] = ps_arena_strndup(local->arena, at, size);
        if (list[used++] == NULL) {
            list = NULL;
        }
    }
    if (list == NULL) {
        return ps_fail_nomem(err, "reading the command line");
    }
    list[used] = NULL;
    *ret_list = list;
    return PS_OK;
}

/* --warehouse or --destination: one of them. */
static enum ps_status take_warehouse(struct local *local, const struct command_line *line,
                                     bool has_destination, struct ps_error *err)
{
    const char *destination = has_destination ? command_text(line, "destination") : NULL;

    local->warehouse = command_text(line, "warehouse");
    if (destination == NULL) {
        return PS_OK;
    }
    if (command_given(line, "warehouse")) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "--warehouse and --destination both say where rows go: give one of them");
    }
    if (strstr(destination, "://") != NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "--destination takes a DuckDB file or `null`, no URL");
    }
    local->warehouse = strcmp(destination, "null") == 0 ? NULL : destination;
    return PS_OK;
}

/* The next part of a path, without slashes and `.`; gives its size, 0 at the end. */
static size_t next_part(const char **at)
{
    for (;;) {
        *at += strspn(*at, "/");
        size_t size = strcspn(*at, "/");
        if (size != 1 || **at != '.') {
            return size;
        }
        *at += size;
    }
}

/* Two spellings of one path, or links to one file. Paths with `..` are compared once they exist. */
static bool same_place(const char *a, const char *b)
{
    struct stat info_a, info_b;
    size_t size;

    if (stat(a, &info_a) == 0 && stat(b, &info_b) == 0) {
        return info_a.st_dev == info_b.st_dev && info_a.st_ino == info_b.st_ino;
    }
    if ((*a == '/') != (*b == '/')) {
        return false;
    }
    do {
        size = next_part(&a);
        if (next_part(&b) != size || memcmp(a, b, size) != 0) {
            return false;
        }
        a += size;
        b += size;
    } while (size > 0);
    return true;
}

enum ps_status local_take_files(struct local *local, const struct command_line *line,
                                bool has_destination, struct ps_error *err)
{
    enum ps_status status = take_warehouse(local, line, has_destination, err);

    local->state_path = command_text(line, "state");
    local->schema = command_text(line, "schema");
    if (status != PS_OK) {
        return status;
    }
    if (local->warehouse != NULL && same_place(local->warehouse, local->state_path)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "warehouse and state cannot be one file: %s", local->state_path);
    }
    for (size_t i = 0; i < sizeof reserved_schemas / sizeof reserved_schemas[0]; i++) {
        if (strcasecmp(local->schema, reserved_schemas[i]) == 0) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "the schema `%s` has a use of its own in the warehouse; name another "
                           "with --schema",
                           reserved_schemas[i]);
        }
    }
    return PS_OK;
}

/* Where a file lies; NULL: no memory. */
static const char *folder_of(struct ps_arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return ".";
    }
    return slash == path ? "/" : ps_arena_strndup(arena, path, (size_t)(slash - path));
}

enum ps_status local_take_places(struct local *local, const struct command_line *line,
                                 bool has_destination, struct ps_error *err)
{
    const char *tables = command_text(line, "tables");
    const char *resync = command_text(line, "resync");
    enum ps_status status = local_take_files(local, line, has_destination, err);

    local->resync = command_given(line, "resync");
    if (status != PS_OK) {
        return status;
    }
    local->arena = ps_arena_new(ARENA_BYTES_MAX);
    if (local->arena == NULL) {
        return ps_fail_nomem(err, "reading the command line");
    }
    local->warehouse_folder =
        local->warehouse == NULL ? NULL : folder_of(local->arena, local->warehouse);
    local->state_folder = folder_of(local->arena, local->state_path);
    if ((local->warehouse != NULL && local->warehouse_folder == NULL) ||
        local->state_folder == NULL) {
        return ps_fail_nomem(err, "reading the command line");
    }
    if (tables != NULL) {
        status = split_list(local, "tables", tables, &local->tables, err);
    }
    if (status == PS_OK && resync != NULL) {
        status = split_list(local, "resync", resync, &local->resync_tables, err);
    }
    return status;
}

struct ps_plan_request local_plan_request(const struct local *local, struct ps_cancel *cancel)
{
    return (struct ps_plan_request){
        .source_ops = local->source_ops,
        .config = local->config,
        .sink_caps = local->sink_ops->caps,
        .state = local->state,
        .tables = local->tables,
        .resync = local->resync,
        .resync_tables = local->resync_tables,
        .resync_begun = local->resync_begun,
        .clock = ps_clock_system(),
        .cancel = cancel,
    };
}
