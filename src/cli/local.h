/*
 * What the commands that run on their own share: the configuration and the source it means, the
 * local destination, and the state with its copy. Not for what is done with them.
 */
#ifndef PS_CLI_LOCAL_H
#define PS_CLI_LOCAL_H

#include "base/clock.h"
#include "cli/command.h"
#include "config/options.h"
#include "engine/engine.h"

#define LOCAL_WAREHOUSE "files/warehouse.db"
#define LOCAL_STATE "files/state.json"
#define LOCAL_SCHEMA "tester"

/* The options of a command line that say what and where; each command takes those that it has. */
#define LOCAL_OPTION_CONFIG                                                                        \
    {                                                                                              \
        .name = "config", .type = COMMAND_VALUE, .argument = "FILE",                               \
        .help = "The configuration. Without it: the embedded source `ehr`, a simulated hospital."  \
    }
#define LOCAL_OPTION_WAREHOUSE                                                                     \
    {                                                                                              \
        .name = "warehouse", .type = COMMAND_VALUE, .argument = "FILE",                            \
        .default_value = LOCAL_WAREHOUSE, .help = "The DuckDB file (" LOCAL_WAREHOUSE ")."         \
    }
#define LOCAL_OPTION_STATE                                                                         \
    {                                                                                              \
        .name = "state", .type = COMMAND_VALUE, .argument = "FILE", .default_value = LOCAL_STATE,  \
        .help = "The copy of the state, from which the next sync goes on (" LOCAL_STATE ")."       \
    }
#define LOCAL_OPTION_SCHEMA                                                                        \
    {                                                                                              \
        .name = "schema", .type = COMMAND_VALUE, .argument = "NAME",                               \
        .default_value = LOCAL_SCHEMA,                                                             \
        .help = "The schema at the destination in which the tables lie (" LOCAL_SCHEMA ")."        \
    }
#define LOCAL_OPTION_TABLES                                                                        \
    {                                                                                              \
        .name = "tables", .type = COMMAND_VALUE, .argument = "a,b",                                \
        .help = "Only these tables: names or schema.table; * stands for any characters."           \
    }
#define LOCAL_OPTION_RESYNC                                                                        \
    {                                                                                              \
        .name = "resync", .type = COMMAND_OPTIONAL_VALUE, .argument = "a,b",                       \
        .help = "Load these tables again, or all where none is named."                             \
    }
#define LOCAL_OPTION_DESTINATION                                                                   \
    {                                                                                              \
        .name = "destination", .type = COMMAND_VALUE, .argument = "FILE|null",                     \
        .help = "The same as --warehouse; `null` counts the rows and throws them away: no "        \
                "warehouse, no state."                                                             \
    }
#define LOCAL_OPTION_JSON(help_)                                                                   \
    {                                                                                              \
        .name = "json", .type = COMMAND_FLAG, .help = help_                                        \
    }

struct local {
    struct ps_arena *arena; /* lists below */
    struct ps_settings settings;
    struct ps_config *config;
    const char *source_name;                /* as configured; NULL: not known yet */
    const struct ps_source_ops *source_ops; /* NULL: not known yet */

    const char *warehouse; /* the file; NULL: --destination null */
    const char *state_path;
    const char *warehouse_folder, *state_folder; /* where the two lie */
    const char *schema;
    const char *const *tables; /* NULL: none named */
    bool resync;
    const char *const *resync_tables; /* NULL: all … */
    const char *const *resync_begun;  /* … but these, which an earlier sync did; NULL: none */

    const struct ps_sink_ops *sink_ops;
    struct ps_sink *sink;
    struct ps_state *state;
};

/* Accepts a half-built or a {0} one. */
void local_done(struct local *local);

/*
 * Reads --config, checks it by the option tables, finds the source. CONFIG; NOMEM. What is worth a
 * warning is in settings.warnings; local_log_warnings shows it.
 */
enum ps_status local_configure(struct local *local, const char *config_path,
                               struct ps_error *err) PS_MUST_CHECK;
void local_log_warnings(const struct local *local);

/* Takes warehouse, state and schema from a command line with these options, and --destination where
 * the command has it. CONFIG. */
enum ps_status local_take_files(struct local *local, const struct command_line *line,
                                bool has_destination, struct ps_error *err) PS_MUST_CHECK;

/* Takes the places and lists from a command line with all options above but --json, --config and
 * --destination (taken where the command has it). CONFIG. */
enum ps_status local_take_places(struct local *local, const struct command_line *line,
                                 bool has_destination, struct ps_error *err) PS_MUST_CHECK;

/*
 * For a sync: opens the destination and the state, as docs/state-format.md says which of the two
 * stands; writes the copy again where it is behind. After local_configure and local_take_places.
 */
enum ps_status local_open(struct local *local, struct ps_error *err) PS_MUST_CHECK;

/*
 * For looking only: the state from its copy, nothing opened or changed; local->state stays NULL
 * where there is none, with a warning where a warehouse is there all the same.
 */
enum ps_status local_peek(struct local *local, struct ps_error *err) PS_MUST_CHECK;

/*
 * What was measured of earlier runs, after local_peek, for looking only. END: no run was kept.
 * Others: the warehouse cannot be read now, as while a sync has it open.
 */
enum ps_status local_read_runs(const struct local *local, struct ps_arena *arena,
                               struct ps_measured_run *ret_runs,
                               struct ps_error *err) PS_MUST_CHECK;

/* The plan's request, without a clock's and a token's owner. */
struct ps_plan_request local_plan_request(const struct local *local, struct ps_cancel *cancel);

#endif
