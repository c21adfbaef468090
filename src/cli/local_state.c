/*
 * The local destination and its state: which of the warehouse's row and state.json stands, and
 * what to do where one of them is damaged. See local.h and docs/state-format.md.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "cli/file_kind.h"
#include "cli/local.h"
#include "sinks/registry.h"
#include "state/file.h"

#define STATE_BYTES_MAX ((size_t)64 << 20)
#define ASIDE_MAX 99

/* --resync without tables: a damaged state is no hindrance, nothing of it is needed. */
static bool starts_anew(const struct local *local)
{
    return local->resync && local->resync_tables == NULL;
}

static bool is_duckdbs(const char *path)
{
    enum file_kind kind = file_kind(path);

    return kind == FILE_DUCKDB || kind == FILE_LOG;
}

/* Reads state.json; *ret_state stays NULL where there is none, or a damaged one may be forgotten,
 * and *ret_damaged says which. What another program keeps there is refused whatever is asked. */
static enum ps_status read_copy(const struct local *local, struct ps_state **ret_state,
                                bool *ret_damaged, struct ps_error *err)
{
    struct ps_buffer text;
    struct ps_error parse_err = {0};
    enum ps_status status;

    if (is_duckdbs(local->state_path)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "%s is a DuckDB file, no state: name another with --state",
                       local->state_path);
    }
    ps_buffer_init(&text, STATE_BYTES_MAX);
    status = ps_file_read(local->state_path, STATE_BYTES_MAX, &text, err);
    if (status == PS_OK) {
        status = ps_state_parse(ps_buffer_text(&text), text.size, local->state_path, ret_state,
                                &parse_err);
        if (status == PS_CONFIG && parse_err.error_class == PS_CLASS_DATA && starts_anew(local)) {
            *ret_damaged = true;
            status = PS_OK;
        } else if (status != PS_OK && err != NULL) {
            *err = parse_err;
        }
    } else if (status == PS_END) {
        status = PS_OK;
    }
    ps_buffer_done(&text);
    return status;
}

static struct ps_state_side side_of(const struct ps_state *state)
{
    if (state == NULL) {
        return (struct ps_state_side){0};
    }
    return (struct ps_state_side){
        .found = true, .warehouse_id = state->warehouse_id, .number = state->number};
}

/* Makes the folders on the way to a file. */
static enum ps_status make_folders(const char *path, struct ps_error *err)
{
    char *copy = ps_strdup(path);

    if (copy == NULL) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            enum ps_status status =
                ps_fail(err, PS_CONFIG, PS_CLASS_DISK,
                        "the folder %s for the warehouse %s cannot be made: %s. Name another place "
                        "with --warehouse",
                        copy, path, strerror(errno));
            ps_free(copy);
            return status;
        }
        *slash = '/';
    }
    ps_free(copy);
    return PS_OK;
}

/* What the sinks call it: a file that is named like another destination gets its folder. */
static const char *destination_of(const struct local *local)
{
    if (local->warehouse == NULL) {
        return "null";
    }
    return strcmp(local->warehouse, "null") == 0 ? "./null" : local->warehouse;
}

static enum ps_status open_sink(struct local *local, struct ps_error *err)
{
    const struct ps_sink_request request = {
        .destination = destination_of(local),
        .schema = local->schema,
        .clock = ps_clock_system(),
    };

    local->sink_ops = ps_sink_find(request.destination);
    if (local->warehouse != NULL) {
        enum ps_status status = make_folders(local->warehouse, err);
        if (status != PS_OK) {
            return status;
        }
    }
    return local->sink_ops->open(&request, &local->sink, err);
}

static bool same_source(const struct local *local)
{
    const char *source = local->state->source;

    return source == NULL || strcmp(source, local->source_name) == 0;
}

static bool same_schema(const struct local *local)
{
    const char *schema = local->state->destination_schema;

    return schema == NULL || strcasecmp(schema, local->schema) == 0;
}

/*
 * The state that the warehouse's row holds. Where all is loaded again, a damaged one, and one of
 * tables in another schema, is begun anew; the numbering goes on.
 */
static enum ps_status take_stored(struct local *local, const struct ps_stored_state *stored,
                                  struct ps_error *err)
{
    struct ps_error parse_err = {0};
    enum ps_status status = ps_state_parse(stored->json, stored->json_size, local->warehouse,
                                           &local->state, &parse_err);
    bool damaged = status == PS_CONFIG && parse_err.error_class == PS_CLASS_DATA;

    if ((status != PS_OK && !damaged) || !starts_anew(local)) {
        if (status != PS_OK && err != NULL) {
            *err = parse_err;
        }
        return status;
    }
    if (status == PS_OK && (same_schema(local) || !same_source(local))) {
        return PS_OK;
    }
    if (damaged) {
        ps_log(PS_LOG_WARNING,
               "the state in %s cannot be read and is replaced: all tables are loaded again",
               local->warehouse);
    }
    ps_state_free(local->state);
    local->state = NULL;
    status = ps_state_new(&local->state, err);
    if (status == PS_OK) {
        local->state->number = stored->number;
    }
    return status;
}

/* The state must be of the configured source and schema: what it says of rows already there would
 * be wrong of any other. */
static enum ps_status check_state(const struct local *local, struct ps_error *err)
{
    const struct ps_state *state = local->state;
    const char *place = local->warehouse == NULL ? local->state_path : local->warehouse;

    if (!same_source(local)) {
        return ps_fail(
            err, PS_CONFIG, PS_CLASS_SETTING,
            "the state in %s is of the source `%s`, and `%s` is configured: give another "
            "--warehouse and --state, or begin anew with `penstock reset`",
            place, state->source, local->source_name);
    }
    if (!same_schema(local) && !starts_anew(local)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the tables in %s lie in the schema `%s`, not in `%s`: give --schema %s, or "
                       "load all of them again into the other with --resync",
                       place, state->destination_schema, local->schema, state->destination_schema);
    }
    return PS_OK;
}

/* A new state becomes that of this source, warehouse and schema. */
static enum ps_status settle_state(struct local *local, const char *warehouse_id,
                                   struct ps_error *err)
{
    struct ps_state *state = local->state;
    enum ps_status status = check_state(local, err);

    if (status == PS_OK) {
        status = ps_state_set_text(state, &state->source, local->source_name, err);
    }
    if (status == PS_OK) {
        status = ps_state_set_text(state, &state->destination_schema, local->schema, err);
    }
    if (status == PS_OK && warehouse_id != NULL) {
        status = ps_state_set_text(state, &state->warehouse_id, warehouse_id, err);
    }
    return status;
}

/* What a Python connector left, and no sync of this one has written since. */
static bool is_imported(const struct ps_state *copy)
{
    return copy != NULL && copy->imported_count > 0 && copy->warehouse_id == NULL;
}

/* After the sink is open: chooses between its row and the copy, which it may take. */
static enum ps_status choose_state(struct local *local, struct ps_state **copy,
                                   struct ps_error *err)
{
    const struct ps_state_side file = side_of(*copy);
    struct ps_stored_state stored = {0};
    enum ps_state_choice choice = PS_STATE_NEW;
    const bool imported = is_imported(*copy);
    enum ps_status status = local->sink_ops->state_read(local->sink, &stored, err);

    if (status == PS_OK) {
        const struct ps_state_side warehouse = {
            .found = stored.found, .warehouse_id = stored.warehouse_id, .number = stored.number};
        status = ps_state_reconcile(&warehouse, true, local->warehouse, &file, local->state_path,
                                    &choice, err);
    }
    if (status == PS_OK && imported && choice != PS_STATE_NEW) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "%s is a Python connector's state, which only a new warehouse can go on "
                         "from, and %s has a state of its own: move the one away, or name another "
                         "--warehouse",
                         local->state_path, local->warehouse);
    }
    if (status == PS_OK && imported) {
        local->state = *copy;
        *copy = NULL;
    } else if (status == PS_OK) {
        status = choice == PS_STATE_NEW ? ps_state_new(&local->state, err)
                                        : take_stored(local, &stored, err);
    }
    if (status == PS_OK) {
        status = settle_state(local, stored.warehouse_id, err);
    }
    if (status == PS_OK && choice == PS_STATE_WAREHOUSE) {
        status = ps_file_replace(local->state_path, stored.json, stored.json_size, err);
    }
    ps_free(stored.json);
    return status;
}

/* A link: the state's copy would be written over the warehouse. */
static enum ps_status refuse_one_file(const struct local *local, struct ps_error *err)
{
    struct stat warehouse, state;

    if (stat(local->warehouse, &warehouse) != 0 || stat(local->state_path, &state) != 0 ||
        warehouse.st_dev != state.st_dev || warehouse.st_ino != state.st_ino) {
        return PS_OK;
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "warehouse and state cannot be one file: %s is %s", local->state_path,
                   local->warehouse);
}

/* A damaged state may be somebody's text that --state names by mistake: it is kept. */
static enum ps_status keep_aside(const char *path, struct ps_error *err)
{
    char aside[PATH_MAX];
    struct stat info;

    for (int i = 1; i <= ASIDE_MAX; i++) {
        int size = i == 1 ? snprintf(aside, sizeof aside, "%s.damaged", path)
                          : snprintf(aside, sizeof aside, "%s.damaged.%d", path, i);
        if (size < 0 || (size_t)size >= sizeof aside) {
            break;
        }
        if (lstat(aside, &info) != 0 && errno == ENOENT) {
            if (rename(path, aside) != 0) {
                break;
            }
            ps_log(PS_LOG_WARNING,
                   "the state in %s cannot be read: it is kept as %s, and all tables are loaded "
                   "again",
                   path, aside);
            return PS_OK;
        }
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_DISK,
                   "the damaged state %s cannot be kept aside as %s.damaged: move it away", path,
                   path);
}

enum ps_status local_open(struct local *local, struct ps_error *err)
{
    struct ps_state *copy = NULL;
    bool damaged = false;
    enum ps_state_choice choice;
    enum ps_status status;

    if (local->warehouse == NULL) {
        status = open_sink(local, err);
        if (status == PS_OK) {
            status = ps_state_new(&local->state, err);
        }
        return status == PS_OK ? settle_state(local, NULL, err) : status;
    }
    status = read_copy(local, &copy, &damaged, err);
    if (status == PS_OK && file_kind(local->warehouse) == FILE_MISSING) {
        /* Before the sink makes one: a state without its warehouse is refused. */
        const struct ps_state_side none = {0}, file = side_of(copy);
        status = ps_state_reconcile(&none, false, local->warehouse, &file, local->state_path,
                                    &choice, err);
    }
    if (status == PS_OK) {
        status = open_sink(local, err);
    }
    if (status == PS_OK) {
        status = refuse_one_file(local, err);
    }
    if (status == PS_OK && damaged) {
        status = keep_aside(local->state_path, err);
    }
    if (status == PS_OK) {
        status = choose_state(local, &copy, err);
    }
    ps_state_free(copy);
    return status;
}

enum ps_status local_peek(struct local *local, struct ps_error *err)
{
    struct ps_state *copy = NULL;
    enum ps_state_choice choice;
    enum ps_status status;
    bool exists, damaged = false;

    local->sink_ops = ps_sink_find(destination_of(local));
    exists = file_kind(local->warehouse) != FILE_MISSING;
    status = read_copy(local, &copy, &damaged, err);
    if (damaged) {
        ps_log(PS_LOG_WARNING,
               "the state in %s cannot be read: a sync would keep it aside and load all tables "
               "again",
               local->state_path);
    }
    if (status == PS_OK && !exists) {
        const struct ps_state_side none = {0}, file = side_of(copy);
        status = ps_state_reconcile(&none, false, local->warehouse, &file, local->state_path,
                                    &choice, err);
    }
    if (status == PS_OK && copy != NULL) {
        local->state = copy;
        copy = NULL;
        status = settle_state(local, NULL, err);
    } else if (status == PS_OK && exists && !damaged) {
        ps_log(PS_LOG_WARNING,
               "%s is there, but no copy of its state in %s: the plan is that of a first sync; a "
               "sync goes by the state in the warehouse",
               local->warehouse, local->state_path);
    }
    ps_state_free(copy);
    return status;
}

enum ps_status local_read_runs(const struct local *local, struct ps_arena *arena,
                               struct ps_measured_run *ret_runs, struct ps_error *err)
{
    const struct ps_sink_request request = {
        .destination = destination_of(local),
        .schema = local->schema,
        .clock = ps_clock_system(),
    };

    if (local->sink_ops->read_runs == NULL || file_kind(local->warehouse) == FILE_MISSING) {
        return PS_END;
    }
    return local->sink_ops->read_runs(&request, arena, ret_runs, err);
}
