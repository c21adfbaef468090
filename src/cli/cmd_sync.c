/*
 * penstock sync: one sync of a source into a local DuckDB file, or with --follow one after the
 * other. What is read and how is the engine's; here are the command line, the state's copy,
 * progress, signals and the result.
 */
#include <errno.h>
#include <string.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/random.h"
#include "cli/local.h"
#include "cli/process.h"
#include "cli/progress.h"
#include "cli/result.h"
#include "cli/summary.h"
#include "state/file.h"

/* A local sync checkpoints so often that little is lost when it is killed. */
#define CHECKPOINT_SECONDS 2

/* Between two events of progress. */
#define EVENT_NS INT64_C(10000000000)

#define FOLLOW_SECONDS_MAX 86400
#define WARNINGS_KEPT 256
#define BEGUN_BYTES_MAX ((size_t)64 << 20)
/* So often a person is told that nothing changes. */
#define QUIET_NS INT64_C(60000000000)
/* So often in a row somebody else may have the warehouse open when a later sync is due. */
#define BUSY_MAX 60

/* What the syncs of one command have in common. */
struct follow {
    long seconds; /* between two syncs; 0: there is one */
    uint64_t rounds;
    struct ps_cancel cancel;
    struct {
        uint64_t hash;
        uint64_t round;      /* in which it was true last */
    } warned[WARNINGS_KEPT]; /* what was told: not told again while it stays true */
    size_t warned_count;
    bool resync;            /* what --resync asks for has not all been begun yet … */
    struct ps_arena *arena; /* … */
    const char **begun;     /* … but of these tables; ends with NULL; NULL: of none */
    size_t begun_count;
    struct ps_sent *sent; /* what the last sync sent; NULL: there is one sync */
    bool quiet;           /* "no changes" has been told, … */
    int64_t quiet_ns;     /* … then */
    unsigned busy;        /* times in a row that a later sync could not open the warehouse */
};

/* One run of the command. The events are called by one thread, the log's writer by any. */
struct sync {
    const struct command_line *line;
    struct output *out;
    bool json;
    struct local local;
    struct progress progress;
    int64_t every_ns; /* between two events of progress */
    int64_t told_ns;  /* the last event of progress, or when the sync began */
    struct follow *follow;
    struct ps_run_result run;
};

/* Notes it. True: it was told, and has been true in each sync of the command since. */
static bool told_before(struct follow *follow, const char *text)
{
    uint64_t hash = ps_hash_bytes(text, strlen(text));

    for (size_t i = 0; i < follow->warned_count; i++) {
        if (follow->warned[i].hash == hash) {
            const bool stayed = follow->warned[i].round + 1 >= follow->rounds;
            follow->warned[i].round = follow->rounds;
            return stayed;
        }
    }
    if (follow->warned_count < WARNINGS_KEPT) {
        follow->warned[follow->warned_count].hash = hash;
        follow->warned[follow->warned_count++].round = follow->rounds;
    }
    return false;
}

static void write_log(void *context, enum ps_log_level level, const char *line)
{
    static const char *const prefixes[] = {"debug: ", "", "warning: ", "error: "};
    struct sync *sync = context;
    struct ps_buffer text;

    ps_buffer_init(&text, 0);
    ps_buffer_printf(&text, "%s%s", prefixes[level], line);
    progress_line(&sync->progress, ps_buffer_text(&text));
    ps_buffer_done(&text);
}

static void on_plan(void *context, const struct ps_plan *plan)
{
    struct sync *sync = context;

    if (plan->server != NULL && sync->follow->rounds == 0) {
        ps_log(PS_LOG_INFO, "source: %s", plan->server);
    }
    if (sync->json) {
        result_write_plan(plan, sync->out);
    }
}

static void on_progress(void *context, const struct ps_progress *progress)
{
    struct sync *sync = context;

    int64_t now_ns = ps_monotonic_ns();

    progress_update(&sync->progress, progress);
    if (sync->json && now_ns - sync->told_ns >= sync->every_ns) {
        sync->told_ns = now_ns;
        result_write_progress(progress, sync->out);
    }
}

static void on_table(void *context, const struct ps_table_result *table)
{
    struct sync *sync = context;

    if (sync->json) {
        result_write_table(table, sync->out);
    }
}

static void on_warning(void *context, const char *text)
{
    struct sync *sync = context;

    if (told_before(sync->follow, text) && sync->follow->rounds > 0) {
        return;
    }
    ps_log(PS_LOG_WARNING, "%s", text);
    if (sync->json) {
        result_write_warning(text, sync->out);
    }
}

static enum ps_status on_checkpoint(void *context, const char *json, size_t size,
                                    struct ps_error *err)
{
    struct sync *sync = context;

    return ps_file_replace(sync->local.state_path, json, size, err);
}

/* Configuration, destination and state: all that can be wrong before a row moves. */
static enum ps_status prepare(struct sync *sync, struct ps_error *err)
{
    enum ps_status status = local_configure(&sync->local, command_text(sync->line, "config"), err);

    if (sync->follow->rounds == 0) {
        local_log_warnings(&sync->local);
    }
    if (status == PS_OK) {
        status = local_take_places(&sync->local, sync->line, true, err);
    }
    if (status == PS_OK && sync->follow->seconds > 0 && sync->local.warehouse == NULL) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "--follow needs a state to go on from, and --destination null keeps none");
    }
    sync->local.resync = sync->follow->resync;
    sync->local.resync_begun = sync->follow->begun;
    if (status == PS_OK) {
        status = local_open(&sync->local, err);
        sync->follow->busy = status == PS_OK ? 0 : sync->follow->busy + 1;
    }
    return status;
}

/* Keeps what the sync has begun to load again, for the next, which is to begin the others. A lack
 * of memory has them all loaded again. */
static void note_begun(struct follow *follow, const struct ps_run_result *run)
{
    struct ps_arena *arena = ps_arena_new(BEGUN_BYTES_MAX);
    const char **begun =
        arena == NULL
            ? NULL
            : ps_arena_array(arena, follow->begun_count + run->tables_count + 1, sizeof *begun);
    size_t count = 0;

    for (size_t i = 0; begun != NULL && i < follow->begun_count + run->tables_count; i++) {
        const struct ps_table_result *table =
            i < follow->begun_count ? NULL : &run->tables[i - follow->begun_count];
        if (table != NULL && !table->done && table->truncates == 0) {
            continue;
        }
        begun[count] = table == NULL
                           ? ps_arena_strdup(arena, follow->begun[i])
                           : ps_arena_printf(arena, "%s%s%s", table->schema,
                                             table->schema[0] == '\0' ? "" : ".", table->table);
        if (begun[count++] == NULL) {
            begun = NULL;
        }
    }
    if (begun == NULL) {
        ps_arena_free(arena);
        return;
    }
    begun[count] = NULL;
    ps_arena_free(follow->arena);
    follow->arena = arena;
    follow->begun = begun;
    follow->begun_count = count;
}

static enum ps_status run_engine(struct sync *sync, struct ps_error *err)
{
    const char *disks[] = {sync->local.warehouse_folder, sync->local.state_folder, NULL};
    const struct ps_run_request request = {
        .plan = local_plan_request(&sync->local, &sync->follow->cancel),
        .sink_ops = sync->local.sink_ops,
        .sink = sync->local.sink,
        .state = sync->local.state,
        .checkpoint_seconds = CHECKPOINT_SECONDS,
        .disk_folders = sync->local.warehouse == NULL ? NULL : disks,
        .sent = sync->follow->sent,
        .events = {.context = sync,
                   .plan = on_plan,
                   .progress = on_progress,
                   .table_done = on_table,
                   .warning = on_warning,
                   .checkpoint = sync->local.warehouse == NULL ? NULL : on_checkpoint},
    };
    enum ps_status status;

    sync->every_ns = ps_fault("cli.progress_often") ? 0 : EVENT_NS;
    sync->told_ns = ps_monotonic_ns();
    progress_init(&sync->progress, ps_clock_system(), terminal_stderr());
    ps_log_set_writer(write_log, sync);
    status = ps_sync_run(&request, &sync->run, err);
    ps_log_set_writer(NULL, NULL);
    progress_done(&sync->progress);
    return status;
}

static void write_document(const struct sync *sync, enum ps_status status,
                           const struct ps_error *err)
{
    static const char nowhere[] =
        "--destination null: the rows were counted and thrown away; no state is kept";
    bool thrown_away = sync->local.sink != NULL && sync->local.warehouse == NULL;
    const struct result result = {
        .source = sync->local.source_name,
        .warehouse = sync->local.warehouse,
        .run = &sync->run,
        .warnings = sync->local.settings.warnings,
        .warnings_count = sync->local.settings.warnings_count,
        .note = thrown_away ? nowhere : NULL,
        .status = status,
        .err = err,
    };

    result_write(&result, sync->out);
}

static void write_summary(const struct sync *sync, enum ps_status status)
{
    const struct summary summary = {
        .run = &sync->run,
        .source_label = sync->local.source_ops->label,
        .warehouse = sync->local.warehouse,
        .schema = sync->local.schema,
        .line = sync->line,
        .program = program_invocation_name,
        .status = status,
    };

    summary_print(&summary, sync->out);
}

/* A later sync of --follow. */
static void write_changes(const struct sync *sync, enum ps_status status)
{
    const struct ps_clock *clock = ps_clock_system();
    struct follow *follow = sync->follow;
    int64_t now_ns = clock->monotonic_ns(clock);

    if (!summary_print_changes(&sync->run, clock->utc(clock), sync->out) && status == PS_OK &&
        ps_run_result_totals(&sync->run).skipped == 0 &&
        (!follow->quiet || now_ns - follow->quiet_ns >= QUIET_NS)) {
        summary_print_quiet(clock->utc(clock), sync->out);
        follow->quiet = true;
        follow->quiet_ns = now_ns;
    }
}

static void write_outcome(const struct sync *sync, bool ran, enum ps_status status,
                          const struct ps_error *err)
{
    if (status != PS_OK && status != PS_CANCELED) {
        ps_log(PS_LOG_SEVERE, "%s", err->message);
    }
    if (sync->json) {
        write_document(sync, status, err);
    } else if (ran && sync->follow->rounds > 0) {
        write_changes(sync, status);
    } else if (ran && (status == PS_OK || status == PS_CANCELED || sync->run.tables_count > 0)) {
        write_summary(sync, status);
    }
}

/* One sync. `ret_again`: with --follow, another may come. */
static enum exit_status run_once(const struct command_line *line, struct follow *follow,
                                 struct output *out, bool *ret_again)
{
    struct sync sync = {
        .line = line, .out = out, .json = command_given(line, "json"), .follow = follow};
    struct ps_error err = {0};
    enum exit_status exit_status;
    enum ps_status status = prepare(&sync, &err);
    bool ran = status == PS_OK;

    if (ran) {
        status = run_engine(&sync, &err);
        follow->resync = follow->resync && status != PS_OK;
    }
    if (follow->resync) {
        note_begun(follow, &sync.run);
    }
    write_outcome(&sync, ran, status, &err);
    exit_status =
        sync.run.sink_failed && status != PS_CANCELED
            ? EXIT_FAILED
            : exit_status_of(status, &err,
                             ps_run_result_totals(&sync.run).skipped + sync.run.tables_skipped);
    bool busy = !ran && follow->rounds > 0 && follow->busy > 0 && follow->busy < BUSY_MAX;
    *ret_again = status == PS_OK || (status == PS_RETRY && !sync.run.sink_failed) || busy;
    ps_run_result_done(&sync.run);
    local_done(&sync.local);
    return exit_status;
}

/* The warehouse is closed between two syncs, so that others can read it. */
static enum exit_status run_sync(const struct command_line *line, struct output *out)
{
    struct follow follow = {.resync = command_given(line, "resync")};
    struct ps_error err = {0};
    enum exit_status exit_status;
    bool again;

    if (command_given(line, "follow") &&
        command_number(line, "follow", 1, FOLLOW_SECONDS_MAX, &follow.seconds, &err) != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        if (command_given(line, "json")) {
            result_write_failed_sync(out, &err);
        }
        return EXIT_USAGE;
    }
    /* A lack of memory has what was sent told in place of what changed. */
    follow.sent = follow.seconds > 0 ? ps_sent_new() : NULL;
    ps_cancel_init(&follow.cancel);
    process_cancel_on_signal(&follow.cancel);
    do {
        exit_status = run_once(line, &follow, out, &again);
        follow.rounds++;
        again = again && follow.seconds > 0;
        if (again && !ps_cancel_wait(&follow.cancel, ps_clock_system(),
                                     follow.seconds * INT64_C(1000000000))) {
            exit_status = EXIT_INTERRUPTED;
            again = false;
        }
    } while (again);
    process_cancel_done();
    ps_sent_free(follow.sent);
    ps_arena_free(follow.arena);
    return exit_status;
}

static const struct command_option options[] = {
    LOCAL_OPTION_CONFIG,
    LOCAL_OPTION_WAREHOUSE,
    LOCAL_OPTION_DESTINATION,
    LOCAL_OPTION_STATE,
    LOCAL_OPTION_SCHEMA,
    LOCAL_OPTION_TABLES,
    LOCAL_OPTION_RESYNC,
    {.name = "follow",
     .type = COMMAND_VALUE,
     .argument = "SECONDS",
     .help = "Syncs again and again, so long after each, until it is interrupted; shows what "
             "changed each time."},
    LOCAL_OPTION_JSON("Events as they happen, one JSON object a line, and the result document as "
                      "the last line."),
    {.name = NULL},
};

const struct command command_sync = {
    .name = "sync",
    .summary = "syncs a source into a local DuckDB file",
    .details =
        "The first sync reads every table; later ones read what has changed, where a table\n"
        "has a column that tells. Ctrl-C stops it at the next batch and saves what was\n"
        "done; started again, it goes on. What a script's shell starts with & ignores Ctrl-C\n"
        "(SIGINT): `kill PID` (SIGTERM) stops that, with --follow too. Rows that cannot be\n"
        "carried are left out, counted and told, and the exit status is 4.\n",
    .options = options,
    .run = run_sync,
    .fail = result_write_failed_sync,
};
