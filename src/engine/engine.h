/*
 * The engine as the commands see it: a plan of what a sync would do, and the sync itself.
 * How rows flow is told in docs/architecture.md; the parts have headers of their own.
 */
#ifndef PS_ENGINE_ENGINE_H
#define PS_ENGINE_ENGINE_H

#include "base/arena.h"
#include "base/clock.h"
#include "engine/resources.h"
#include "engine/selection.h"
#include "penstock/config.h"
#include "penstock/sink.h"
#include "penstock/source.h"
#include "state/state.h"

/* The engine's own options; ends with a name of NULL. */
extern const struct ps_option ps_engine_options[];

struct troubles;
struct flattener;
struct flatten_memory;
struct flatten_shape;
struct ps_sent;

enum ps_mode {
    PS_MODE_FULL,        /* every row, each time */
    PS_MODE_INCREMENTAL, /* what changed since the cursor */
    PS_MODE_CHANGES,     /* what the source kept of changes since the position */
};
const char *ps_mode_name(enum ps_mode mode);

enum ps_size_class { PS_SIZE_SMALL, PS_SIZE_MEDIUM, PS_SIZE_LARGE };
const char *ps_size_class_name(enum ps_size_class size_class);

/* What the shape of a table calls for. From 1 on in the order of the option's choices. */
enum ps_strategy {
    PS_STRATEGY_NONE,
    PS_STRATEGY_WIDE,
    PS_STRATEGY_HIGH_CARDINALITY,
    PS_STRATEGY_SPARSE,
    PS_STRATEGY_TIME_SERIES,
    PS_STRATEGY_AI_ML,
    PS_STRATEGY_REAL_TIME,
};
const char *ps_strategy_name(enum ps_strategy strategy);

/* The most threads that a sync reads with. */
#define PS_THREADS_MAX 4

/* With what a table is read, before anything was measured. */
struct ps_size_parameters {
    uint32_t batch_rows;
    size_t batch_bytes;
    uint32_t queue_rows; /* at least four batches */
    uint64_t checkpoint_rows;
    uint32_t partition_rows;
    uint32_t threads; /* that may read the table at once */
    int64_t connection_max_age_hours;
};

struct ps_sizing {
    enum ps_size_class size_class;
    enum ps_strategy strategy;
    const char *reason; /* why that strategy, for people */
    struct ps_size_parameters parameters;
};

/*
 * One table of the plan. Everything lives in the plan's arena. `read_columns[i]` is the index in
 * source_table of the batch's column i; the first sent_count of them are sent under
 * the names that sink_table gives, the others (a cursor or a soft-delete column that is not itself
 * sent) are read for the engine alone.
 */
struct ps_plan_table {
    const struct ps_table *source_table;
    const struct ps_table *read_table; /* the columns read, in batch order */
    const struct ps_table *sink_table; /* those sent, with the destination's names */
    const uint32_t *read_columns;
    const bool *as_text; /* of read_columns: the source gives texts, as read_table says */
    uint32_t sent_count; /* columns that sink_table has of the source's; behind them: `flattened` */
    struct flattener *flattener;           /* engine/flatten.h; NULL: nothing is taken apart */
    const struct flatten_shape *flattened; /* the columns so made; NULL: none can be */
    enum ps_mode mode;                     /* of the table: a full load may come first */
    const char *reason;                    /* why that mode, for people */
    bool load;                             /* this sync reads the whole table */
    const char *load_reason; /* why, where the mode is incremental or a load goes on; else NULL */
    const struct ps_load_state *resume; /* the load or the window that goes on, the state's; NULL:
                                           none does */
    /* Where the request asks for them: the parts that a load is cut into, and how many of them are
     * still to be read, by so many connections at first. 1 where a table is read as one. */
    uint32_t partitions, partitions_left, threads;
    int32_t cursor;        /* batch column; -1: none */
    int32_t soft_delete;   /* batch column; -1: none */
    struct ps_scalar edge; /* where the last read ended; not present with a load */
    const char *position;  /* of a read of changes; NULL: from the first on */
    struct ps_sizing sizing;
    const struct ps_selected_table *selected; /* the platform's entry of it; NULL: none */
    bool preprocessed;                        /* a statement was run before it is read, … */
    int64_t preprocessed_rows;                /* … which affected so many rows */
    const char *fingerprint;                  /* of columns and keys; kept in the state */
    bool read_before; /* another sync has read it, and the state keeps a fingerprint of it */
};

/* One of the metadata tables of a sync: see engine/metadata.h. */
struct ps_metadata_table {
    uint32_t kind;                /* which of them */
    const struct ps_table *table; /* as the sink knows it */
    const uint32_t *columns;      /* which column of the kind each of the table's is */
};

struct ps_plan {
    struct ps_arena *arena;       /* owned */
    struct ps_plan_table *tables; /* in the order of the work */
    size_t tables_count;
    size_t tables_found;   /* before selection */
    size_t tables_refused; /* named by the user or read before, but not for this login any more */
    struct ps_table_state *const *gone; /* the state's, whose tables are no more at the source */
    size_t gone_count;
    const char **warnings;
    size_t warnings_count;
    const char *server; /* what the source says of itself; NULL: nothing */
    const char *began;  /* by the source's clock, where statements are run first; else NULL */
    struct flatten_memory *flatten_memory; /* owned: what flattened tables become in a run */
    struct ps_metadata_table *metadata;    /* those that a sync writes besides */
    size_t metadata_count;
};

struct ps_plan_request {
    const struct ps_source_ops *source_ops;
    const struct ps_config *config;
    uint32_t sink_caps;           /* of the sink that the plan is for */
    const struct ps_state *state; /* NULL: as at a first sync */
    const char *const *tables;    /* --tables: patterns besides the configuration's; NULL: none */
    bool resync;                  /* load again … */
    const char *const *resync_tables; /* … these (patterns), or all where NULL, … */
    const char *const *resync_begun; /* … but these (patterns): an earlier sync did; NULL: none */
    bool platform; /* whoever reads the texts has a setup form, and no command line */
    const struct ps_selection *selection; /* the platform's; NULL: everything */
    const struct ps_clock *clock;
    struct ps_cancel *cancel;
    /* A person waits for the plan alone: passing trouble is tried again for so long at most. 0: as
     * often as the configuration says, which a sync can afford. */
    int64_t patience_ms;
    bool partitions;           /* each table's parts are counted, for people */
    struct troubles *troubles; /* counts what went wrong (engine/trouble.h); NULL: nobody does */
};

/* For requests that only show or answer what is planned. */
#define PS_PLAN_PATIENCE_MS 8000

/* The bytes of a batch: what the configuration says, else 4 MiB. */
size_t ps_batch_bytes(const struct ps_config *config);
/* The bytes of a message of the stream: what the configuration says, else the source, else 1 MiB.
 */
size_t ps_message_bytes(const struct ps_source_ops *ops, const struct ps_config *config);

/*
 * Discovers, selects, names and orders. CONFIG: nothing selected, two tables with one name at the
 * destination, or what the source says. Passing trouble is retried.
 */
enum ps_status ps_plan_new(const struct ps_plan_request *request, struct ps_plan **ret_plan,
                           struct ps_error *err) PS_MUST_CHECK;
void ps_plan_free(struct ps_plan *plan); /* NULL is fine */

/* What the source says of a table's rows, without those marked as deleted, once it is read. */
enum ps_count_method {
    PS_COUNT_NONE, /* nothing */
    PS_COUNT_EXACT,
    PS_COUNT_STATISTICS,
};
const char *ps_count_method_name(enum ps_count_method method);

struct ps_validation {
    bool wanted; /* counts are on */
    enum ps_count_method method;
    int64_t rows;           /* where the method is not NONE */
    bool same_point;        /* exact, at the point in time at which all rows were read */
    struct ps_timestamp at; /* by the sync's clock */
};

/* How many of the rows that were sent are not what the sync before sent as well. */
struct ps_changed {
    bool wanted; /* the request asks for it */
    bool known;  /* false: nothing tells them from those that were sent again */
    uint64_t upserts, updates, deletes;
};

/* What a sync did to one table. */
struct ps_table_result {
    const char *schema, *table; /* the source's names */
    enum ps_mode mode;
    bool load;
    const char *reason; /* why this mode or load */
    uint64_t upserts, updates, deletes, truncates, skipped, duplicates, vanished;
    uint64_t bytes;
    double seconds;
    bool done;
    bool goes_on; /* a load that has not ended, and the next sync goes on with what is kept of it */
    bool preprocessed;         /* a statement of the user's was run at the source, … */
    int64_t preprocessed_rows; /* … which affected so many rows */
    /* Its load read more than one point in time: rows deleted in between may still be there. */
    bool mixed_snapshot;
    bool once; /* a load, of which this sync sent each row once */
    enum ps_size_class size_class;
    uint32_t threads, batch_rows; /* at most so many read it at once; the batches it ended with */
    uint64_t retries;
    struct ps_validation validation;
    struct ps_changed changed;
};

/* A parameter that was changed while the sync ran. */
struct ps_parameter_change {
    struct ps_timestamp at;
    const char *parameter; /* "batch_rows", "batch_bytes", "threads",
                              "more_table_threads" */
    int64_t old_value, new_value;
    const char *cause; /* for people */
};

/* Trouble of one kind with one table. */
struct ps_trouble {
    size_t table;           /* index into the result's tables; SIZE_MAX: none of them */
    const char *class_name; /* static: ps_error_class_name, or the status's where there is none */
    char code[16];          /* SQLSTATE, else the vendor's number; "" where there is neither */
    uint64_t occurrences;
    uint64_t recovered; /* of them: the read went on after them */
    double waited_seconds;
};

/* What the machine was seen to have left. */
struct ps_resource_record {
    struct ps_timestamp at;
    struct ps_resource_sample sample;
};

struct ps_run_result {
    struct ps_arena *arena; /* owned: texts of the tables and warnings */
    struct ps_table_result *tables;
    size_t tables_count;
    size_t tables_skipped; /* could not be read; the warnings say why */
    uint64_t schema_changes, checkpoints;
    uint64_t retries[PS_ERROR_CLASSES]; /* by enum ps_error_class, whatever was tried */
    double seconds, cpu_seconds;
    uint64_t memory_peak_bytes;
    uint64_t memory_average_bytes; /* over the looks of the monitoring; 0: there were none */
    const char **warnings;
    size_t warnings_count, warnings_capacity;
    struct ps_parameter_change *changes; /* in their order, the first thousand */
    size_t changes_count;
    struct ps_resource_record *resources; /* one a minute at most, and one for each change */
    size_t resources_count;
    struct ps_trouble *troubles; /* by table */
    size_t troubles_count;
    enum ps_status status; /* OK, CANCELED, or what ended it */
    struct ps_error error; /* where status is neither OK nor CANCELED */
    /* The sink failed, whatever the status: what came after the last checkpoint is lost, and
     * `tables` and `schema_changes` tell what was there at that checkpoint. */
    bool sink_failed;
    uint64_t rows_unsaved; /* where the sink failed: written after the last checkpoint */
};
void ps_run_result_done(struct ps_run_result *result);
/* The sums over the tables. */
struct ps_table_result ps_run_result_totals(const struct ps_run_result *result);

struct ps_progress {
    size_t tables_done, tables_total;
    const char *table; /* the one written last; NULL: none yet */
    uint64_t rows, bytes;
    double seconds;
    int percent;         /* of the rows by the source's statistics; below 100 until all is done;
                            -1: nobody knows */
    double seconds_left; /* at the rate so far; below 0: nobody knows */
    bool checkpointing;
};

/* What the caller wants to hear of; any member may be NULL. All are called by one thread. */
struct ps_run_events {
    void *context;
    void (*plan)(void *context, const struct ps_plan *plan);
    void (*progress)(void *context, const struct ps_progress *progress);
    void (*table_done)(void *context, const struct ps_table_result *table);
    void (*warning)(void *context, const char *text);
    /* The sink has committed this state. Its failure ends the sync. */
    enum ps_status (*checkpoint)(void *context, const char *json, size_t size,
                                 struct ps_error *err);
};

struct ps_run_request {
    struct ps_plan_request plan; /* its state member is not used: `state` counts */
    const struct ps_sink_ops *sink_ops;
    struct ps_sink *sink;            /* open */
    struct ps_state *state;          /* what was read at the start; the run moves it on */
    int64_t checkpoint_seconds;      /* the command's own default */
    struct ps_monitor *monitor;      /* NULL: the machine's own, where the user wants one … */
    const char *const *disk_folders; /* … with the disks of these; NULL-terminated; NULL: none */
    struct ps_sent *sent;            /* tells changes from rows sent again; NULL: nobody asks */
    struct ps_run_events events;
};

/* What one sync after the other in a process needs to tell changes. NULL: no memory. */
struct ps_sent *ps_sent_new(void);
void ps_sent_free(struct ps_sent *sent); /* NULL is fine */

/*
 * Runs one sync to its end. The result is filled whatever the status (ps_run_result_done frees it).
 * OK: all tables are done. CANCELED: stopped at a batch and checkpointed. Others: `err` says what
 * ended it; what was written before is checkpointed where the sink still takes it.
 */
enum ps_status ps_sync_run(const struct ps_run_request *request, struct ps_run_result *ret_result,
                           struct ps_error *err) PS_MUST_CHECK;

#endif
