/*
 * Opening a job: the clock, then the point in time, then the parts. The clock comes first, so that
 * what was open before the read is covered by the next window.
 */
#include <string.h>

#include "base/alloc.h"
#include "engine/parts.h"
#include "engine/run.h"
#include "engine/settle.h"
#include "engine/window.h"

/* Tables that one point in time is read for: a server holds it all the while. */
#define POINT_TABLES_MAX 500
/* So often a load begins anew within a sync because its point in time was lost. */
#define ANEW_MAX 3

static const struct ps_source_ops *source_ops(const struct worker *worker)
{
    return worker->run->request->plan.source_ops;
}

static int64_t clock_ns(const struct worker *worker)
{
    const struct ps_clock *clock = worker->run->request->plan.clock;
    return clock->monotonic_ns(clock);
}

/* Replaces *field by a copy of text (NULL is fine). False: no memory. */
static bool keep_text(char **field, const char *text)
{
    char *copy = text == NULL ? NULL : ps_strdup(text);
    if (text != NULL && copy == NULL) {
        return false;
    }
    ps_free(*field);
    *field = copy;
    return true;
}

static enum ps_status make_parts(struct job *job, size_t count, struct ps_error *err)
{
    job->parts = ps_calloc(count, sizeof(*job->parts));
    if (job->parts == NULL) {
        return ps_fail_nomem(err, "planning a read");
    }
    job->parts_count = count;
    return PS_OK;
}

/* One part: the whole table. */
static enum ps_status make_whole(struct job *job, struct ps_error *err)
{
    enum ps_status status = make_parts(job, 1, err);
    if (status == PS_OK && !keep_text(&job->parts[0].bounds, "")) {
        status = ps_fail_nomem(err, "planning a read");
    }
    return status;
}

static enum ps_status take_parts(struct job *job, const struct ps_partition_list *list,
                                 struct ps_error *err)
{
    enum ps_status status = make_parts(job, list->partitions_count, err);
    for (size_t i = 0; i < list->partitions_count && status == PS_OK; i++) {
        if (!keep_text(&job->parts[i].bounds, list->partitions[i].bounds)) {
            status = ps_fail_nomem(err, "planning a read");
        }
    }
    job->partitions = status == PS_OK;
    return status;
}

static enum ps_status plan_parts(struct worker *worker, struct job *job, struct ps_source *source,
                                 struct ps_error *err)
{
    struct ps_partition_list list;
    enum ps_status status = parts_plan(source_ops(worker), source, job->table,
                                       worker->run->bounds_bytes_max, &list, err);
    if (status == PS_OK) {
        status = list.partitions_count > 0 ? take_parts(job, &list, err) : make_whole(job, err);
    }
    ps_arena_free(list.arena);
    return status;
}

enum ps_status job_continue(struct job *job, const struct ps_load_state *load, struct ps_error *err)
{
    enum ps_status status = make_parts(job, load->parts_count, err);
    bool ok = status == PS_OK && keep_text(&job->mark, load->mark);
    for (size_t i = 0; i < load->parts_count && ok; i++) {
        const struct ps_load_part *from = &load->parts[i];
        struct part *part = &job->parts[i];
        part->finished = from->finished;
        part->with_another = ps_load_part_is_joined(load, i);
        part->handed = !from->finished && from->position == NULL; /* maybe */
        ok = keep_text(&part->bounds, from->bounds) && keep_text(&part->position, from->position);
    }
    if (!ok) {
        return ps_fail_nomem(err, "going on with a read");
    }
    job->partitions = load->parts_count > 1 || load->parts[0].bounds[0] != '\0';
    atomic_store(&job->repeats, load->repeats);
    job->begun = true;
    return PS_OK;
}

/* Some of it was handed over, and need not be again. */
static bool has_progress(const struct job *job)
{
    for (size_t i = 0; i < job->parts_count; i++) {
        const struct part *part = &job->parts[i];
        if ((part->finished && !part->with_another) || part->position != NULL) {
            return true;
        }
    }
    return false;
}

/*
 * A load goes on at another point in time than the one before. What moved meanwhile into parts that
 * were read already is to be looked for there.
 */
static enum ps_status note_new_point(struct worker *worker, struct job *job,
                                     struct ps_source *source, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    const char *mark = NULL;
    enum ps_status status = ops->mark == NULL ? PS_OK : ops->mark(source, &mark, err);
    /* Changes go on in their own order: it brings what has changed meanwhile. */
    if (status != PS_OK || !job->table->load || job->table->mode == PS_MODE_CHANGES) {
        return status;
    }
    bool moves = (ops->caps & PS_CAP_CHANGED) != 0;
    if (!has_progress(job)) {
        if (job->begun) {
            return PS_OK; /* the earlier mark holds as well */
        }
        return keep_text(&job->mark, mark) ? PS_OK : ps_fail_nomem(err, "planning a read");
    }
    if (moves || mark == NULL || job->mark == NULL || strcmp(mark, job->mark) != 0) {
        job->mixed = true;
    }
    for (size_t i = 0; i < job->parts_count && moves && job->mark != NULL; i++) {
        struct part *part = &job->parts[i];
        part->again =
            !part->with_another && (part->again || part->finished || part->position != NULL);
    }
    return PS_OK;
}

/* Whoever waits to change the table gets it: no read of ours may wait behind them for what this
 * connection holds, and no pause before another try either. */
static void close_coordinator(const struct worker *worker, struct job *job)
{
    source_ops(worker)->close(job->coordinator);
    job->coordinator = NULL;
}

/* The connection of a job with several parts, which does nothing but hold their point in time. */
static enum ps_status open_coordinator(struct worker *worker, struct job *job, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    struct ps_source_request request = {
        .config = worker->run->request->plan.config,
        .syncs_completed = worker->run->syncs_completed,
        .cancel = &worker->run->cancel,
    };
    close_coordinator(worker, job);
    return ops->open(&request, &job->coordinator, err);
}

enum ps_status job_hold(struct worker *worker, struct job *job, struct ps_source *source,
                        struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    enum ps_status status = PS_END;
    while (ops->hold != NULL && status == PS_END) {
        status = ops->hold(source, job->table->source_table, err);
        if (status != PS_END) {
            return status;
        }
        if (ps_cancel_is_set(&worker->run->cancel) ||
            (source != job->coordinator && job_is_stopped(worker->run, job))) {
            return run_canceled(err);
        }
        if (source != job->coordinator && !atomic_load(&job->joined)) {
            return ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_LOCK_TIMEOUT,
                           "somebody waits to change \"%s\", and no read begins before that",
                           job->table->source_table->name);
        }
    }
    return PS_OK;
}

/* What the next window's edge may not pass after a read at the point in time with that clock. */
static void set_limit(const struct ps_plan_table *table, const struct ps_now *now,
                      struct ps_load_state *load)
{
    const struct ps_column *cursor =
        &table->source_table->columns[table->read_columns[table->cursor]];
    load->limit = window_limit(cursor, now);
    load->held = window_held(cursor, now);
}

/*
 * The clock before the job's point in time. What a read saw at its first point counts as seen; but
 * a later one can be earlier, where another server answers that lags behind.
 */
static enum ps_status note_clock(struct worker *worker, struct job *job, const struct ps_now *now,
                                 struct ps_error *err)
{
    if (!job->begun) {
        job->now = *now;
        return PS_OK;
    }
    if (job->table->cursor < 0 || job->table->mode == PS_MODE_CHANGES) {
        return PS_OK;
    }
    struct event event = {.kind = EVENT_POINT, .table = job->index, .plan = job->table};
    enum ps_status status = ps_load_new(1, &event.load, err);
    if (status != PS_OK) {
        return status;
    }
    set_limit(job->table, now, event.load);
    return run_push(worker->run, event, err);
}

static enum ps_status take_point(struct worker *worker, struct job *job, struct ps_source *source,
                                 struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    struct ps_now now;
    enum ps_status status = settle_now(worker, source, &now, err);
    if (status == PS_OK) {
        status = ops->pin(source, NULL, err);
    }
    atomic_store(&job->joined, false);
    if (status == PS_OK && source == job->coordinator) {
        status = job_hold(worker, job, source, err);
    }
    return status == PS_OK ? note_clock(worker, job, &now, err) : status;
}

static enum ps_status open_shared(struct worker *worker, struct job *job, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    bool joined = (ops->caps & PS_CAP_SNAPSHOT) != 0 && ops->snapshot_name != NULL;
    struct ps_source *source = NULL;
    enum ps_status status =
        joined ? open_coordinator(worker, job, err) : worker_source_ready(worker, err);
    worker->point = 0;
    worker->point_tables = 0;
    if (status == PS_OK) {
        source = joined ? job->coordinator : worker->source;
        status = take_point(worker, job, source, err);
    }
    if (status == PS_OK && job->parts == NULL) {
        status = plan_parts(worker, job, source, err);
    }
    const char *name = NULL;
    if (status == PS_OK && joined) {
        status = ops->snapshot_name(source, &name, err);
    }
    if (status == PS_OK) {
        status = note_new_point(worker, job, source, err);
    }
    if (status == PS_OK && !keep_text(&job->snapshot, name)) {
        status = ps_fail_nomem(err, "planning a read");
    }
    if (status != PS_OK) {
        return status;
    }
    job->owner = NULL;
    job->point = run_new_point(worker->run);
    job->point_ns = clock_ns(worker);
    return job_begin(worker, job, err);
}

/* Several tables can be read at one point in time, one after the other. */
static bool point_serves(const struct worker *worker, const struct job *job)
{
    return worker->source != NULL && worker->point_tables > 0 &&
           worker->point_tables < POINT_TABLES_MAX && job->stop == PS_OK &&
           job->table->sizing.size_class == PS_SIZE_SMALL &&
           clock_ns(worker) - worker->point_ns < worker->run->point_ns_max;
}

static enum ps_status open_own(struct worker *worker, struct job *job, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    const bool serves = point_serves(worker, job);
    if (!serves) {
        worker_source_age(worker, job);
    }
    enum ps_status status = worker_source_ready(worker, err);
    if (status == PS_OK && !serves) {
        worker->point_tables = 0;
        worker->point = 0;
        status = settle_now(worker, worker->source, &worker->now, err);
        if (status == PS_OK) {
            status = ops->pin(worker->source, NULL, err);
        }
        if (status != PS_OK) {
            return status;
        }
        worker->point = run_new_point(worker->run);
        worker->point_ns = clock_ns(worker);
    }
    if (status == PS_OK && job->parts == NULL) {
        status = parts_are_planned(ops, job->table) ? plan_parts(worker, job, worker->source, err)
                                                    : make_whole(job, err);
    }
    if (status == PS_OK) {
        status = note_new_point(worker, job, worker->source, err);
    }
    if (status == PS_OK) {
        status = note_clock(worker, job, &worker->now, err);
    }
    if (status != PS_OK) {
        return status;
    }
    worker->point_tables++;
    job->owner = worker;
    job->point = worker->point;
    job->point_ns = worker->point_ns;
    return PS_OK;
}

/*
 * False where nothing will tell what has changed in the parts that were read: rows that came, or
 * moved there from one that was not, would be missing.
 */
static bool outlasts_its_point(const struct run *run, const struct job *job)
{
    return !job->table->load || job->table->cursor >= 0 ||
           parts_show_changes(run->request->plan.source_ops, job->mark, job->parts[0].bounds);
}

bool job_point_is_old(const struct run *run, const struct job *job)
{
    const struct ps_clock *clock = run->request->plan.clock;
    return job->outlasts && clock->monotonic_ns(clock) - job->point_ns >= run->point_ns_max;
}

/* A table that no point in time outlasts is read all the same in the end, and its mixed load is
 * warned of. */
static bool begins_anew(const struct worker *worker, struct job *job)
{
    return !outlasts_its_point(worker->run, job) && job->anew++ < ANEW_MAX;
}

enum ps_status job_open(struct worker *worker, struct job *job, struct ps_error *err)
{
    /* What was begun and cannot be gone on with begins again, from its first row. */
    if (job->stop == PS_SNAPSHOT_GONE && (!has_progress(job) || begins_anew(worker, job))) {
        job_forget_parts(job);
    }
    bool shared = job->parts == NULL ? parts_are_planned(source_ops(worker), job->table) &&
                                           parts_wanted(job->table) > 1
                                     : job->parts_count > 1;
    if (!shared) {
        close_coordinator(worker, job); /* of a time when there was more of the table */
    }
    enum ps_status status = shared ? open_shared(worker, job, err) : open_own(worker, job, err);
    if (status != PS_OK) {
        close_coordinator(worker, job);
        return status;
    }
    job->outlasts = outlasts_its_point(worker->run, job);
    return job_publish(worker->run, job) ? PS_OK : PS_END;
}

/* What the state keeps of a load or a window that begins. */
static enum ps_status describe_load(const struct job *job, struct ps_load_state **ret_load,
                                    struct ps_error *err)
{
    const struct ps_plan_table *table = job->table;
    struct ps_load_state *load = NULL;
    enum ps_status status = ps_load_new(job->parts_count, &load, err);
    if (status != PS_OK) {
        return status;
    }
    bool ok = keep_text(&load->fingerprint, table->fingerprint) &&
              keep_text(&load->incarnation, table->source_table->incarnation) &&
              keep_text(&load->mark, job->mark);
    if (ok && table->cursor >= 0) {
        const struct ps_column *cursor =
            &table->source_table->columns[table->read_columns[table->cursor]];
        ok = keep_text(&load->cursor_column, cursor->name);
        set_limit(table, &job->now, load);
        load->largest = (struct ps_scalar){.type = cursor->type, .scale = cursor->scale};
    }
    for (size_t i = 0; i < job->parts_count && ok; i++) {
        ok = keep_text(&load->parts[i].bounds, job->parts[i].bounds);
        load->parts[i].finished = job->parts[i].with_another;
    }
    if (!ok) {
        ps_load_free(load);
        return ps_fail_nomem(err, "noting a read");
    }
    *ret_load = load;
    return PS_OK;
}

enum ps_status job_begin(struct worker *worker, struct job *job, struct ps_error *err)
{
    if (job->begun) {
        return PS_OK;
    }
    struct event event = {.kind = EVENT_BEGIN, .table = job->index, .plan = job->table};
    const bool kept = job->table->load || job->table->mode != PS_MODE_CHANGES;
    enum ps_status status = kept ? describe_load(job, &event.load, err) : PS_OK;
    if (status != PS_OK) {
        return status;
    }
    job->begun = true;
    return run_push(worker->run, event, err);
}
