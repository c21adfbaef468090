/*
 * A worker: owns a connection, takes jobs to open and parts to read from the scheduler (job.c), and
 * decides with engine/retry.c what a failure means for them.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engine/run.h"
#include "engine/transform.h"
#include "engine/validate.h"

/* A table that keeps changing its shape, or whose history is gone each time, is not read at all. */
#define SHAPES_MAX 5

static const struct ps_source_ops *source_ops(const struct worker *worker)
{
    return worker->run->request->plan.source_ops;
}

enum ps_status run_canceled(struct ps_error *err)
{
    return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the sync was asked to stop");
}

static void event_done(struct run *run, struct event *event)
{
    run->request->sink_ops->packet_free(run->request->sink, event->packet);
    if (event->end != NULL) {
        ps_free(event->end->position);
        ps_free(event->end);
    }
    ps_load_free(event->load);
    ps_free(event->position);
    ps_free(event->bad);
    ps_free(event->hashes);
    ps_free(event->text);
}

void event_free(struct run *run, struct event *event)
{
    if (event != NULL) {
        event_done(run, event);
        ps_free(event);
    }
}

enum ps_status run_push(struct run *run, struct event event, struct ps_error *err)
{
    struct event *copy = ps_malloc(sizeof(*copy));
    if (copy == NULL) {
        event_done(run, &event);
        return ps_fail_nomem(err, "queueing rows");
    }
    *copy = event;
    size_t rows = event.packet == NULL ? 0 : event.packet->rows;
    size_t bytes = event.packet == NULL ? 0 : event.packet->bytes;
    if (ps_queue_push(run->queue, copy, rows, bytes, -1) != PS_QUEUE_OK) {
        event_free(run, copy);
        return run_canceled(err);
    }
    return PS_OK;
}

uint64_t run_new_point(struct run *run)
{
    ps_mutex_lock(&run->lock);
    uint64_t point = ++run->points;
    ps_mutex_unlock(&run->lock);
    return point;
}

enum ps_status worker_source_ready(struct worker *worker, struct ps_error *err)
{
    if (worker->source != NULL) {
        return PS_OK;
    }
    const struct ps_clock *clock = worker->run->request->plan.clock;
    struct ps_source_request request = {
        .config = worker->run->request->plan.config,
        .syncs_completed = worker->run->syncs_completed,
        .cancel = &worker->run->cancel,
    };
    worker->source_ns = clock->monotonic_ns(clock);
    return source_ops(worker)->open(&request, &worker->source, err);
}

void worker_source_drop(struct worker *worker)
{
    source_ops(worker)->close(worker->source);
    worker->source = NULL;
    worker->point = 0;
    worker->point_tables = 0;
}

void worker_source_age(struct worker *worker, const struct job *job)
{
    const struct ps_clock *clock = worker->run->request->plan.clock;
    int64_t age_max_s = 3600 * job->table->sizing.parameters.connection_max_age_hours;
    if (worker->source != NULL &&
        (clock->monotonic_ns(clock) - worker->source_ns) / 1000000000 >= age_max_s) {
        worker_source_drop(worker);
    }
}

static bool connection_survives(const struct ps_error *err)
{
    return err->status == PS_SNAPSHOT_GONE || err->error_class == PS_CLASS_DEADLOCK ||
           err->error_class == PS_CLASS_LOCK_TIMEOUT;
}

static struct trouble_place place_of(const struct worker *worker, const struct job *job)
{
    return (struct trouble_place){.worker = (size_t)(worker - worker->run->workers),
                                  .table = job->index};
}

void worker_progress(struct worker *worker, const struct job *job)
{
    if (worker->retry.attempts > 0) {
        trouble_passed(&worker->run->troubles, place_of(worker, job));
    }
    ps_retry_progress(&worker->retry);
}

/* Waits where the failure is passing trouble, and gives the connection up where it is worth none.
 * Other than OK: the sync ends. */
static enum ps_status wait_out(struct worker *worker, const struct job *job, enum ps_status status,
                               struct ps_error *err)
{
    struct ps_error cause = *err;
    status =
        trouble_wait(&worker->run->troubles, place_of(worker, job), &worker->retry, status, err);
    if (status == PS_OK) {
        if (cause.error_class == PS_CLASS_THROTTLE) {
            tuning_throttle(worker->run->tuning);
        }
        if (!connection_survives(&cause)) {
            worker_source_drop(worker);
        }
    }
    return status;
}

/* Why a table is to be planned anew, or left out; OK: that is no answer to this failure. */
static enum ps_status stop_for(const struct worker *worker, enum ps_status status)
{
    bool stop_at_bad = ps_config_choice(worker->run->request->plan.config, "on_bad_row") == 1;
    if (status == PS_SCHEMA || status == PS_EXPIRED || (status == PS_DATA && !stop_at_bad)) {
        return status;
    }
    return PS_OK;
}

/* The writer is told of what became of the table. */
static enum ps_status tell_why(struct worker *worker, enum event_kind kind, const struct job *job,
                               const char *why, struct ps_error *err)
{
    struct event event = {.kind = kind, .table = job->index, .plan = job->table};
    event.text = ps_strdup(why);
    if (event.text == NULL) {
        return ps_fail_nomem(err, "telling why a table was not read");
    }
    return run_push(worker->run, event, err);
}

static enum ps_status skip_job(struct worker *worker, struct job *job, const char *why,
                               struct ps_error *err)
{
    enum ps_status status = tell_why(worker, EVENT_SKIPPED, job, why, err);
    job_end(worker->run, job);
    return status;
}

/* The writer is told that the table is read. */
static enum ps_status end_job(struct worker *worker, struct job *job, char *position,
                              struct ps_error *err)
{
    struct event event = {.kind = EVENT_END, .table = job->index, .plan = job->table};
    enum ps_status status = job_begin(worker, job, err);
    event.end = status == PS_OK ? ps_calloc(1, sizeof(*event.end)) : NULL;
    if (status == PS_OK && event.end == NULL) {
        status = ps_fail_nomem(err, "ending a table");
    }
    if (status != PS_OK) {
        ps_free(position);
        job_end(worker->run, job);
        return status;
    }
    const struct validate_subject subject = {.index = job->index,
                                             .table = job->table,
                                             .point = job->point,
                                             .alone = job->owner == worker};
    *event.end = (struct read_end){
        .position = position,
        .mixed = job->mixed,
        .seconds = (double)(ps_monotonic_ns() - job->began_ns) / 1e9,
        .once = job->table->load && job->table->mode != PS_MODE_CHANGES &&
                job->table->resume == NULL && !job->mixed && !atomic_load(&job->repeats),
        .threads = job->active_most,
        .batch_rows = tuning_batch(worker->run->tuning, job->table).rows,
    };
    job_end(worker->run, job);
    status = run_push(worker->run, event, err);
    return status == PS_OK ? validate_table(worker, &subject, err) : status;
}

/* Opens a job for as long as trouble passes. Other than OK: the sync ends. */
static enum ps_status open_job(struct worker *worker, struct job *job, struct ps_error *err)
{
    for (;;) {
        enum ps_status status = PS_OK;
        bool anew = job->stop == PS_SCHEMA || job->stop == PS_EXPIRED;
        if (job->stop == PS_DATA || (anew && job->shapes >= SHAPES_MAX)) {
            return skip_job(worker, job, job->stop_error.message, err);
        }
        if (anew) {
            status = plan_again(worker, job, &job->table, err);
            if (status == PS_END) {
                return skip_job(worker, job, "it was dropped during the sync", err);
            }
            if (status == PS_OK && job->stop == PS_EXPIRED) {
                status = tell_why(worker, EVENT_EXPIRED, job, job->stop_error.message, err);
            }
            if (status == PS_OK) {
                job->shapes++;
                job_forget_parts(job);
                job->stop = PS_OK;
            }
        }
        if (status == PS_OK) {
            status = job_open(worker, job, err);
        }
        if (status == PS_OK) {
            return PS_OK;
        }
        if (status == PS_END) {
            return end_job(worker, job, NULL, err);
        }
        status = ps_retry_classify(&worker->retry, status, err);
        trouble_note(&worker->run->troubles, place_of(worker, job), err);
        ps_log(PS_LOG_DEBUG, "%s: %s", job->table->source_table->name, err->message);
        enum ps_status stop = stop_for(worker, status);
        if (stop == PS_OK) {
            status = wait_out(worker, job, status, err);
            if (status != PS_OK) {
                return status;
            }
            continue;
        }
        job->stop = stop;
        job->stop_error = *err;
    }
}

/* The connection could not join the point in time: it may be at another of several servers than the
 * coordinator, and could join none of its points. */
static bool is_apart(const struct worker *worker, const struct job *job, const struct ps_error *err)
{
    return err->status == PS_SNAPSHOT_GONE && err->error_class == PS_CLASS_NONE &&
           job->coordinator != NULL && worker->point != job->point;
}

/* The part was not read to its end. Other than OK: the sync ends. */
static enum ps_status part_failed(struct worker *worker, const struct work *work,
                                  enum ps_status status, struct ps_error *err)
{
    struct run *run = worker->run;
    struct job *job = work->job;
    if (is_apart(worker, job, err)) {
        worker_source_drop(worker);
    }
    if (job_is_stopped(run, job)) {
        job_part_back(run, work);
        return PS_OK;
    }
    status = ps_retry_classify(&worker->retry, status, err);
    trouble_note(&run->troubles, place_of(worker, job), err);
    ps_log(PS_LOG_DEBUG, "%s: %s", job->table->source_table->name, err->message);
    enum ps_status stop = stop_for(worker, status);
    if (stop != PS_OK) {
        job_stop(run, job, stop, err);
        job_part_back(run, work);
        return PS_OK;
    }
    bool gone = status == PS_SNAPSHOT_GONE;
    struct ps_error cause = *err;
    bool shut_out = err->error_class == PS_CLASS_LOCK_TIMEOUT && worker->point != job->point;
    if ((gone || shut_out) && job->coordinator != NULL) {
        job_stop(run, job, PS_SNAPSHOT_GONE, err); /* nobody else can join either */
    }
    job_part_pause(run, work);
    status = wait_out(worker, job, status, err);
    if (!job_part_resume(run, work)) {
        return status;
    }
    /* What one connection alone saw is gone with it. */
    if (status == PS_OK && job->owner != NULL && (gone || worker->point != job->point)) {
        job_stop(run, job, PS_SNAPSHOT_GONE, &cause);
        status = PS_OK;
        job_part_back(run, work);
        return status;
    }
    job_part_back(run, work);
    return status;
}

/* Other than OK: the sync ends. */
static enum ps_status read_part(struct worker *worker, const struct work *work,
                                struct ps_error *err)
{
    char *position = NULL;
    enum ps_status status = part_read(worker, work, &position, err);
    if (status != PS_OK) {
        return part_failed(worker, work, status, err);
    }
    worker_progress(worker, work->job);
    /* Once the part is not the worker's any more, somebody else may end the job. */
    bool old = !work->changed && job_point_is_old(worker->run, work->job);
    if (job_part_finished(worker->run, work, old)) {
        return end_job(worker, work->job, position, err);
    }
    ps_free(position);
    return PS_OK;
}

/* The next work. A connection that has none to do holds no point in time. */
static bool next_work(struct worker *worker, struct work *ret_work)
{
    if (job_take(worker, false, ret_work)) {
        return true;
    }
    kit_done(&worker->kit);
    worker_source_drop(worker);
    return job_take(worker, true, ret_work);
}

void worker_run(void *argument)
{
    struct worker *worker = argument;
    struct run *run = worker->run;
    struct ps_error err = {0};
    struct work work;
    while (next_work(worker, &work)) {
        enum ps_status status =
            work.part == NULL ? open_job(worker, work.job, &err) : read_part(worker, &work, &err);
        if (status != PS_OK) {
            run_fail(run, status, &err);
            break;
        }
    }
    kit_done(&worker->kit);
    worker_source_drop(worker);
    ps_mutex_lock(&run->lock);
    bool last = --run->workers_running == 0;
    ps_mutex_unlock(&run->lock);
    if (last) {
        ps_queue_close(run->queue);
    }
}
