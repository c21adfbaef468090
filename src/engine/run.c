/*
 * One sync from plan to last checkpoint: starts the workers, is the writer itself, and ends
 * everything in order whatever happened.
 */
#include "engine/run.h"

#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/machine.h"
#include "engine/checkpoint.h"
#include "engine/estimate.h"
#include "engine/metadata.h"
#include "engine/parts.h"
#include "engine/plan.h"
#include "engine/preprocess.h"
#include "engine/sent.h"
#include "engine/writer.h"

#define QUEUE_BYTES ((size_t)16 << 20)
#define QUEUE_ITEMS 4096
#define POP_NS INT64_C(50000000)
/* So long a sync that is to stop writes what was read. A sink may be slow, as the client of a
 * stream is, and who asked waits. */
#define STOP_NS INT64_C(2000000000)
#define ARENA_BYTES_MAX ((size_t)1 << 30)
#define LOSS_COLUMNS_NAMED 6
#define POINT_MINUTES_MAX 60

void run_stop(struct run *run)
{
    ps_mutex_lock(&run->lock);
    run->stopping = true;
    ps_cancel_set(&run->cancel, 0);
    ps_condition_broadcast(&run->changed);
    for (size_t i = 0; i < run->workers_count; i++) {
        if (run->workers[i].reader != NULL) {
            run->request->plan.source_ops->reader_cancel(run->workers[i].reader);
        }
    }
    ps_condition_broadcast(&run->changed);
    ps_mutex_unlock(&run->lock);
    ps_queue_close(run->queue);
}

void run_fail(struct run *run, enum ps_status status, const struct ps_error *err)
{
    ps_mutex_lock(&run->lock);
    /* What follows from our own stop is no failure. */
    if (run->failed == PS_OK && !(status == PS_CANCELED && run->stopping)) {
        run->failed = status;
        run->error = *err;
    }
    ps_mutex_unlock(&run->lock);
    run_stop(run);
}

/* As many as can be busy at once. */
static size_t workers_wanted(const struct run *run)
{
    const struct ps_config *config = run->request->plan.config;
    size_t most = parts_connections_max(run->request->plan.source_ops, config);
    size_t count = 0;
    for (size_t i = 0; i < run->plan->tables_count && count < most; i++) {
        const struct ps_plan_table *table = &run->plan->tables[i];
        const struct ps_size_parameters *parameters = &table->sizing.parameters;
        int64_t parts = 1;
        if (table->resume != NULL) {
            parts = (int64_t)table->resume->parts_count;
        } else if (table->load && run->request->plan.source_ops->plan != NULL) {
            parts = table->source_table->rows_estimate / parameters->partition_rows + 1;
        }
        count += parts < (int64_t)parameters->threads ? (size_t)parts : parameters->threads;
    }
    return count < most ? count : most;
}

static enum ps_status queue_make(struct run *run, struct ps_error *err)
{
    size_t rows = 1;
    for (size_t i = 0; i < run->plan->tables_count; i++) {
        uint32_t queue_rows = run->plan->tables[i].sizing.parameters.queue_rows;
        rows = queue_rows > rows ? queue_rows : rows;
    }
    run->queue_rows = rows;
    return ps_queue_new(QUEUE_ITEMS, tuning_queue_rows(run->tuning, rows),
                        tuning_queue_bytes(run->tuning, QUEUE_BYTES), &run->queue, err);
}

bool run_pause(struct run *run, int64_t ms)
{
    int64_t until = ps_monotonic_ns() + ms * 1000000;
    ps_mutex_lock(&run->lock);
    while (!run->stopping && ps_condition_wait_until(&run->changed, &run->lock, until)) {
    }
    bool go_on = !run->stopping;
    ps_mutex_unlock(&run->lock);
    return go_on;
}

static enum ps_status workers_start(struct run *run, struct ps_error *err)
{
    const struct ps_plan_request *plan = &run->request->plan;
    size_t count = workers_wanted(run);
    if (count == 0) {
        ps_queue_close(run->queue);
    }
    for (size_t i = 0; i < count; i++) {
        struct worker *worker = &run->workers[i];
        worker->run = run;
        ps_retry_init(&worker->retry, plan->config, plan->clock, &run->cancel);
        ps_mutex_lock(&run->lock);
        run->workers_count = i + 1;
        run->workers_running++;
        ps_mutex_unlock(&run->lock);
        enum ps_status status =
            ps_thread_start(&worker->thread, "penstock-read", worker_run, worker, err);
        if (status != PS_OK) {
            ps_mutex_lock(&run->lock);
            run->workers_running--;
            ps_mutex_unlock(&run->lock);
            return status;
        }
    }
    return PS_OK;
}

/* Workers and the queue follow what the tuner changed. */
static void follow_tuning(void *context)
{
    struct run *run = context;
    ps_queue_set_rows_max(run->queue, tuning_queue_rows(run->tuning, run->queue_rows));
    ps_mutex_lock(&run->lock);
    ps_condition_broadcast(&run->changed);
    ps_mutex_unlock(&run->lock);
}

static void stop_at_full_disk(void *context, const struct ps_error *err)
{
    struct run *run = context;
    trouble_note(&run->troubles, TROUBLE_OF_THE_SYNC, err);
    run_fail(run, err->status, err);
}

/* Lets the tuner know how far the writer is, and the user what the tuner found. */
static void tell_tuning(struct run *run, struct writer *writer)
{
    char warning[TUNING_WARNING_SIZE];
    if (tuning_wrote(run->tuning, writer->rows, writer->tables_done, warning)) {
        writer_warn(writer, "%s", warning);
    }
}

/* Stops the run when that was asked for. True: it has had the time to write what was read. */
static bool stop_if_asked(struct run *run, int64_t *asked_ns)
{
    const struct ps_clock *clock = run->request->plan.clock;
    if (!ps_cancel_is_set(run->request->plan.cancel)) {
        return false;
    }
    if (*asked_ns == 0) {
        *asked_ns = clock->monotonic_ns(clock);
    }
    run_stop(run);
    return clock->monotonic_ns(clock) - *asked_ns >= STOP_NS;
}

/* Writes until the queue is closed and empty. After a failure the rest is thrown away; so is what
 * cannot be written soon when the sync is to stop: the next one reads it again. */
static void write_all(struct run *run, struct writer *writer)
{
    struct ps_error err = {0};
    bool broken = false;
    int64_t asked_ns = 0;
    for (;;) {
        void *item = NULL;
        enum ps_queue_result popped = ps_queue_pop(run->queue, &item, POP_NS);
        if (popped == PS_QUEUE_CLOSED) {
            return;
        }
        broken = stop_if_asked(run, &asked_ns) || broken;
        enum ps_status status = PS_OK;
        if (popped == PS_QUEUE_OK && broken) {
            event_free(run, item);
        } else if (popped == PS_QUEUE_OK) {
            status = writer_write(writer, item, &err);
        }
        if (status == PS_OK && !broken) {
            status = checkpoint_write_if_due(writer, &err);
        }
        if (status != PS_OK) {
            broken = true;
            run->sink_failed = true;
            run_fail(run, status, &err);
        }
        writer_tell_progress(writer);
        tell_tuning(run, writer);
    }
}

static struct ps_table_result *result_of(struct run *run, struct writer *writer,
                                         const struct ps_table *sink_table)
{
    for (size_t t = 0; t < run->plan->tables_count; t++) {
        const struct ps_table *table = run->plan->tables[t].sink_table;
        if (strcmp(table->name, sink_table->name) == 0 &&
            strcmp(table->schema, sink_table->schema) == 0) {
            return &writer->result->tables[t];
        }
    }
    return NULL;
}

/* Rows that the sink had to leave out were counted as written. */
static void count_left_out(struct ps_table_result *told, uint64_t rows)
{
    told->skipped += rows;
    told->upserts -= rows < told->upserts ? rows : told->upserts;
}

/* One line for all columns that lost the same thing, however many there are. */
static void tell_loss(struct writer *writer, const struct ps_sink_loss *losses, size_t count,
                      size_t first)
{
    struct ps_buffer columns;
    uint64_t values = 0;
    size_t named = 0, all = 0;
    ps_buffer_init(&columns, 4096);
    for (size_t i = first; i < count; i++) {
        if (losses[i].rows_skipped != losses[first].rows_skipped ||
            strcmp(losses[i].what, losses[first].what) != 0) {
            continue;
        }
        all++;
        values += losses[i].values;
        if (named < LOSS_COLUMNS_NAMED) {
            ps_buffer_printf(&columns, "%s%s.%s %llu", named++ == 0 ? "" : ", ",
                             losses[i].table->name, losses[i].column,
                             (unsigned long long)losses[i].values);
        }
    }
    if (all > named) {
        ps_buffer_printf(&columns, " and %zu more column%s", all - named,
                         all - named == 1 ? "" : "s");
    }
    writer_warn(writer, "%s: %llu %s%s (%s)", losses[first].what, (unsigned long long)values,
                losses[first].rows_skipped ? "row" : "value", values == 1 ? "" : "s",
                ps_buffer_text(&columns));
    ps_buffer_done(&columns);
}

static void add_losses(struct run *run, struct writer *writer)
{
    const struct ps_sink_loss *losses = NULL;
    const struct ps_sink_ops *ops = run->request->sink_ops;
    size_t count = ops->losses == NULL ? 0 : ops->losses(run->request->sink, &losses);
    for (size_t i = 0; i < count; i++) {
        struct ps_table_result *told =
            losses[i].rows_skipped ? result_of(run, writer, losses[i].table) : NULL;
        if (told != NULL) {
            count_left_out(told, losses[i].values);
        }
        bool before = false;
        for (size_t j = 0; j < i && !before; j++) {
            before = losses[j].rows_skipped == losses[i].rows_skipped &&
                     strcmp(losses[j].what, losses[i].what) == 0;
        }
        if (!before) {
            tell_loss(writer, losses, count, i);
        }
    }
}

/* The rows first: what goes wrong with the tables about the sync costs none of them. */
static enum ps_status save(struct run *run, struct writer *writer, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    /* A sink with a state of its own may find losses until it has committed; whoever reads a stream
     * is told of them before its last checkpoint, after which nobody need read on. */
    bool later = (run->request->sink_ops->caps & PS_SINK_KEEPS_STATE) != 0;
    if (!later) {
        add_losses(run, writer);
    }
    if (writer->dirty) {
        status = estimate_keep(run->request, writer->result,
                               (double)(ps_monotonic_ns() - writer->began_ns) / 1e9, err);
        status = status == PS_OK ? checkpoint_write(writer, err) : status;
    }
    if (status != PS_OK) {
        return status;
    }
    if (later) {
        add_losses(run, writer);
    }
    if (run->plan->metadata_count > 0) {
        status = metadata_write(writer, err);
        status = status == PS_OK ? checkpoint_write(writer, err) : status;
    }
    return status;
}

/* The last checkpoint, and what the sync came to. */
static enum ps_status finish(struct run *run, struct writer *writer, struct ps_error *err)
{
    enum ps_status status = run->failed;
    *err = run->error;
    if (run->sink_failed) {
        checkpoint_take_back(writer);
        /* A sink that was called off by the stop itself is one that run_fail does not count. */
        return status != PS_OK
                   ? status
                   : ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the sync was asked to stop");
    }
    bool complete = status == PS_OK && writer->tables_done == run->plan->tables_count;
    if (complete) {
        run->request->state->syncs_completed++;
        if (run->request->plan.tables == NULL) {
            /* Each table has a part of its own now: what was taken over would only give an old edge
             * to one that comes later. */
            run->request->state->imported_count = 0;
        }
        writer->dirty = true;
        enum ps_status kept = preprocess_end(run->request, run->plan, err);
        if (kept != PS_OK) {
            return kept;
        }
    }
    struct ps_error save_err = {0};
    enum ps_status saved = save(run, writer, &save_err);
    if (saved != PS_OK) {
        run->sink_failed = true;
        checkpoint_take_back(writer);
        if (status == PS_OK) {
            *err = save_err;
            return saved;
        }
        writer_warn(writer, "what had been read could not be saved: %s", save_err.message);
        return status;
    }
    if (status == PS_OK && !complete) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the sync was asked to stop");
    }
    return status;
}

static enum ps_status make_jobs(struct run *run, struct ps_error *err)
{
    const struct ps_plan_request *plan = &run->request->plan;
    uint32_t minutes = plan->source_ops->snapshot_max_minutes;
    run->point_ns_max =
        INT64_C(60000000000) * ps_config_integer(plan->config, "snapshot_max_minutes",
                                                 minutes != 0 ? minutes : POINT_MINUTES_MAX);
    run->jobs = ps_calloc(run->plan->tables_count + 1, sizeof(*run->jobs));
    return run->jobs == NULL
               ? ps_fail_nomem(err, "starting the sync")
               : parts_bytes_max(run->request->state, run->plan, &run->bounds_bytes_max, err);
}

static enum ps_status run_plan(struct run *run, struct ps_run_result *result, struct ps_error *err)
{
    struct writer writer = {.run = NULL};
    const struct tuning_watch watch = {
        .context = run, .changed = follow_tuning, .full = stop_at_full_disk};
    enum ps_status status =
        tuning_new(run->request, run->plan, workers_wanted(run), &run->tuning, err);
    if (status != PS_OK || (status = queue_make(run, err)) != PS_OK ||
        (status = make_jobs(run, err)) != PS_OK ||
        (status = writer_init(&writer, run, result, err)) != PS_OK) {
        goto out;
    }
    status = writer_resume(&writer, err);
    if (status != PS_OK) {
        run->sink_failed = true;
        run->stopping = true;
        ps_queue_close(run->queue);
        run->failed = status;
        run->error = *err;
    } else if ((status = tuning_start(run->tuning, &watch, err)) != PS_OK ||
               (status = workers_start(run, err)) != PS_OK) {
        run_fail(run, status, err);
    }
    write_all(run, &writer);
    for (size_t i = 0; i < run->workers_count; i++) {
        ps_thread_join(&run->workers[i].thread);
    }
    tuning_stop(run->tuning, result);
    tell_tuning(run, &writer);
    job_free_all(run);
    troubles_tell(&run->troubles, result);
    run->finished = true;
    status = finish(run, &writer, err);
    result->sink_failed = run->sink_failed;
    if (run->request->sent != NULL) {
        sent_end(run->request->sent, !run->sink_failed);
    }
out:
    if (!run->finished) {
        trouble_note(&run->troubles, TROUBLE_OF_THE_SYNC, err);
    }
    job_free_all(run);
    writer_done(&writer);
    ps_queue_free(run->queue);
    tuning_free(run->tuning);
    return status;
}

static double cpu_seconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
}

static void put_usage(struct ps_run_result *result, double cpu_before, int64_t began_ns)
{
    struct rusage usage;
    result->seconds = (double)(ps_monotonic_ns() - began_ns) / 1e9;
    result->memory_peak_bytes = ps_machine_memory_peak();
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        result->cpu_seconds = cpu_seconds(&usage) - cpu_before;
    }
}

/* A table that comes back under the same name is another one. */
static void forget_gone(const struct ps_plan *plan)
{
    for (size_t i = 0; i < plan->gone_count; i++) {
        struct ps_table_state *table = plan->gone[i];
        table->mode = table->fingerprint = table->incarnation = NULL;
        ps_free(table->position);
        table->position = NULL;
        table->cursor.present = false;
        table->loading = false;
        ps_load_keep(table, NULL);
    }
}

static void copy_warnings(struct ps_run_result *result, const struct ps_plan *plan,
                          const struct ps_run_events *events)
{
    result->warnings = ps_arena_array(result->arena, plan->warnings_count + 16, sizeof(char *));
    if (result->warnings == NULL) {
        return;
    }
    result->warnings_capacity = plan->warnings_count + 16;
    for (size_t i = 0; i < plan->warnings_count; i++) {
        const char *text = ps_arena_strdup(result->arena, plan->warnings[i]);
        if (text != NULL) {
            result->warnings[result->warnings_count++] = text;
        }
        if (events->warning != NULL) {
            events->warning(events->context, plan->warnings[i]);
        }
    }
}

struct warned {
    struct ps_run_result *result;
    const struct ps_run_events *events;
};

static void warn_of_preprocessing(void *context, const char *text)
{
    struct warned *warned = context;
    struct ps_run_result *result = warned->result;
    const char *copy = ps_arena_strdup(result->arena, text);
    if (copy != NULL && result->warnings_count < result->warnings_capacity) {
        result->warnings[result->warnings_count++] = copy;
    }
    if (warned->events->warning != NULL) {
        warned->events->warning(warned->events->context, text);
    }
}

static enum ps_status preprocess(struct run *run, struct ps_run_result *result,
                                 struct ps_error *err)
{
    struct warned warned = {result, &run->request->events};
    const struct preprocess_request request = {.run = run->request,
                                               .plan = run->plan,
                                               .result = result,
                                               .troubles = &run->troubles,
                                               .warn = warn_of_preprocessing,
                                               .context = &warned};
    return preprocess_run(&request, err);
}

/* The state as it was read says nothing of any table, nor of syncs that were. */
static bool keeps_nothing(const struct ps_state *state)
{
    return state->tables == NULL && state->imported_count == 0 && state->position == NULL &&
           state->connector == NULL && state->syncs_completed == 0;
}

static enum ps_status write_early_end(struct run *run, struct writer *writer, struct ps_error *err)
{
    struct ps_state *state = run->request->state;
    troubles_tell(&run->troubles, writer->result);
    enum ps_status status = metadata_write(writer, err);
    if (status == PS_OK && keeps_nothing(state)) {
        /* What cannot be reached may be another source than was meant: it binds nobody. */
        state->source = state->destination_schema = NULL;
    }
    return status == PS_OK ? checkpoint_write(writer, err) : status;
}

/*
 * The sync ended before a table was read, and why is to be seen at the destination all the same. A
 * failure to tell it is only a warning: the first error counts. What another connector's state
 * became is not kept before there is more to it.
 */
static void tell_early_end(struct run *run, const struct ps_plan_request *plan,
                           struct ps_run_result *result)
{
    const struct ps_state *state = run->request->state;
    bool foreign = state->number == 0 && (state->imported_count > 0 || state->position != NULL);
    struct writer writer = {.run = run, .result = result};
    struct ps_error err = {0};
    if (run->finished || result->sink_failed || foreign || !metadata_is_on(plan)) {
        return;
    }
    enum ps_status status = PS_OK;
    if (run->plan == NULL) {
        status = plan_of_nothing(plan, &run->plan, &err);
        if (status == PS_OK) {
            copy_warnings(result, run->plan, &run->request->events);
        }
    }
    if (status == PS_OK) {
        status = writer_init(&writer, run, result, &err);
    }
    if (status == PS_OK && run->plan->metadata_count > 0) {
        status = write_early_end(run, &writer, &err);
    }
    if (status != PS_OK) {
        writer_warn(&writer, "how the sync ended could not be told at the destination: %s",
                    err.message);
    }
    writer_done(&writer);
    result->tables_count = 0; /* none was read */
}

enum ps_status ps_sync_run(const struct ps_run_request *request, struct ps_run_result *ret_result,
                           struct ps_error *err)
{
    struct run run = {.request = request,
                      .began = request->plan.clock->utc(request->plan.clock),
                      .syncs_completed = request->state->syncs_completed};
    struct ps_plan_request plan_request = request->plan;
    int64_t began_ns = ps_monotonic_ns();
    struct rusage before;
    double cpu_before = getrusage(RUSAGE_SELF, &before) == 0 ? cpu_seconds(&before) : 0;
    *ret_result = (struct ps_run_result){.arena = ps_arena_new(ARENA_BYTES_MAX)};
    ps_mutex_init(&run.lock);
    ps_condition_init(&run.changed);
    ps_cancel_init_below(&run.cancel, request->plan.cancel);
    troubles_init(&run.troubles);
    enum ps_status status = ret_result->arena == NULL
                                ? ps_fail_nomem(err, "starting the sync")
                                : ps_state_set_text(request->state, &request->state->source,
                                                    request->plan.source_ops->name, err);
    plan_request.state = request->state;
    plan_request.troubles = &run.troubles;
    if (status == PS_OK) {
        status = ps_plan_new(&plan_request, &run.plan, err);
    }
    if (status == PS_OK) {
        if (request->events.plan != NULL) {
            request->events.plan(request->events.context, run.plan);
        }
        copy_warnings(ret_result, run.plan, &request->events);
        forget_gone(run.plan);
        ret_result->tables_skipped = run.plan->tables_refused;
        status = preprocess(&run, ret_result, err);
    }
    if (status == PS_OK) {
        status = run_plan(&run, ret_result, err);
    }
    if (status != PS_OK && ret_result->arena != NULL) {
        tell_early_end(&run, &plan_request, ret_result);
    }
    for (size_t i = 0; i < RUN_WORKERS_MAX; i++) {
        ps_arena_free(run.workers[i].again);
    }
    ps_plan_free(run.plan);
    memcpy(ret_result->retries, run.troubles.retries, sizeof(ret_result->retries));
    troubles_done(&run.troubles);
    ps_condition_done(&run.changed);
    ps_mutex_done(&run.lock);
    put_usage(ret_result, cpu_before, began_ns);
    ret_result->status = status;
    if (status != PS_OK) {
        ret_result->error = *err;
    }
    return status;
}

void ps_run_result_done(struct ps_run_result *result)
{
    ps_arena_free(result->arena);
    *result = (struct ps_run_result){.arena = NULL};
}

struct ps_table_result ps_run_result_totals(const struct ps_run_result *result)
{
    struct ps_table_result totals = {.schema = "", .table = ""};
    for (size_t i = 0; i < result->tables_count; i++) {
        const struct ps_table_result *table = &result->tables[i];
        totals.upserts += table->upserts;
        totals.updates += table->updates;
        totals.deletes += table->deletes;
        totals.truncates += table->truncates;
        totals.skipped += table->skipped;
        totals.duplicates += table->duplicates;
        totals.vanished += table->vanished;
        totals.bytes += table->bytes;
        totals.seconds += table->seconds;
    }
    return totals;
}
