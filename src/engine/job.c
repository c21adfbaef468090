/*
 * The scheduler: which worker opens which table and reads which part. Jobs under way come first, so
 * that few are under way at once; then the next table of the plan is begun.
 */
#include "engine/job.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "engine/run.h"

/* The first free part; NULL: there is none. With the lock held. */
static struct part *free_part(struct job *job)
{
    for (size_t i = job->next_part; i < job->parts_count; i++) {
        struct part *part = &job->parts[i];
        bool wanted = job->phase == JOB_CHANGED ? part->again : !part->finished;
        if (wanted && !part->taken) {
            job->next_part = i;
            return part;
        }
    }
    job->next_part = job->parts_count;
    return NULL;
}

/* Its next read begins at its first row. With the lock held. */
static bool is_whole(const struct part *part)
{
    return !part->taken && !part->finished && part->position == NULL && part->joined == 0;
}

/* How many parts are to be read as one: as the tuner says, but so that all workers have some in
 * the end. With the lock held. */
static size_t parts_together(const struct worker *worker, const struct job *job)
{
    size_t wanted = tuning_parts_together(worker->run->tuning);
    size_t share = job->parts_left / (2 * (size_t)RUN_WORKERS_MAX);
    return job->phase != JOB_READING || share < 1 ? 1 : wanted < share ? wanted : share;
}

/* Reads the free parts behind this one with it, which costs the source one read instead of several.
 * With the lock held. */
static void join_neighbours(struct worker *worker, struct job *job, struct part *part)
{
    const struct ps_source_ops *ops = worker->run->request->plan.source_ops;
    size_t together = parts_together(worker, job);
    struct part *end = job->parts + job->parts_count;
    for (struct part *next = part + 1;
         ops->join != NULL && next < end && is_whole(next) && part->joined + 1 < together; next++) {
        struct ps_buffer bounds;
        size_t size;
        ps_buffer_init(&bounds, 0);
        char *joined =
            ops->join(part->bounds, next->bounds, &bounds) ? ps_buffer_steal(&bounds, &size) : NULL;
        ps_buffer_done(&bounds);
        if (joined == NULL) {
            return;
        }
        ps_free(part->bounds);
        part->bounds = joined;
        part->joined++;
        part->handed = part->handed || next->handed;
        next->bounds[0] = '\0';
        next->finished = next->with_another = true;
        job->parts_left--;
    }
}

/* With the lock held. */
static bool take_from(struct worker *worker, struct job *job, struct work *ret_work)
{
    if (job->phase == JOB_OPENING) {
        if (job->active > 0) {
            return false;
        }
        job->opened = true;
        *ret_work = (struct work){.job = job};
        return true;
    }
    if (job->active >= tuning_table_threads(worker->run->tuning, job->table) ||
        (job->owner != NULL && job->owner != worker)) {
        return false;
    }
    struct part *part = free_part(job);
    if (part == NULL) {
        return false;
    }
    if (is_whole(part)) {
        join_neighbours(worker, job, part);
    }
    part->taken = true;
    job->active++;
    job->active_most = job->active > job->active_most ? job->active : job->active_most;
    *ret_work = (struct work){
        .job = job, .part = part, .changed = job->phase == JOB_CHANGED, .stops = job->stops};
    return true;
}

/* Its own come first: they need the point in time that its connection is at. With the lock held. */
static bool take_under_way(struct worker *worker, bool own, struct work *ret_work)
{
    for (struct job *job = worker->run->under_way; job != NULL; job = job->next) {
        /* While a worker has it open, its owner is that worker's to change. */
        if (!job->opened && (job->owner == worker) == own && take_from(worker, job, ret_work)) {
            return true;
        }
    }
    return false;
}

/* With the lock held. */
static bool begin_next(struct run *run, struct work *ret_work)
{
    if (run->next_table == run->plan->tables_count) {
        return false;
    }
    struct job *job = &run->jobs[run->next_table];
    struct job **link = &run->under_way;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = job;
    job->next = NULL;
    job->index = (uint32_t)run->next_table;
    job->table = &run->plan->tables[run->next_table++];
    job->began_ns = ps_monotonic_ns();
    job->opened = true;
    *ret_work = (struct work){.job = job};
    return true;
}

bool job_take(struct worker *worker, bool wait, struct work *ret_work)
{
    struct run *run = worker->run;
    size_t number = (size_t)(worker - run->workers);
    bool found = false;
    ps_mutex_lock(&run->lock);
    while (!run->stopping) {
        /* What nobody else can read is read by a worker that is to rest, too. */
        bool rests = number >= tuning_threads(run->tuning);
        found = take_under_way(worker, true, ret_work) ||
                (!rests && (take_under_way(worker, false, ret_work) || begin_next(run, ret_work)));
        bool more = run->under_way != NULL || (rests && run->next_table < run->plan->tables_count);
        if (found || !wait || !more) {
            break;
        }
        ps_condition_wait(&run->changed, &run->lock);
    }
    ps_mutex_unlock(&run->lock);
    return found;
}

/* All parts are read: what has changed meanwhile is next. With the lock held. */
static void look_again(struct job *job)
{
    job->phase = JOB_CHANGED;
    job->next_part = 0;
    job->parts_left = 0;
    for (size_t i = 0; i < job->parts_count; i++) {
        job->parts_left += job->parts[i].again;
    }
}

/* Nobody gets it any more. With the lock held. */
static bool is_read(struct job *job)
{
    if (job->parts_left == 0 && job->phase == JOB_READING) {
        look_again(job);
    }
    if (job->parts_left > 0) {
        return false;
    }
    job->phase = JOB_OPENING;
    job->opened = true;
    return true;
}

bool job_publish(struct run *run, struct job *job)
{
    ps_mutex_lock(&run->lock);
    job->phase = JOB_READING;
    job->parts_left = 0;
    for (size_t i = 0; i < job->parts_count; i++) {
        job->parts[i].taken = false; /* by one who waited when the job was stopped */
        job->parts_left += !job->parts[i].finished;
    }
    job->next_part = 0;
    job->opened = false;
    job->stop = PS_OK;
    bool more = !is_read(job);
    ps_condition_broadcast(&run->changed);
    ps_mutex_unlock(&run->lock);
    return more;
}

static void let_go(struct run *run, const struct work *work)
{
    work->part->taken = false;
    work->job->active--;
    work->job->next_part = 0;
    ps_condition_broadcast(&run->changed);
}

/* No part is handed out any more. With the lock held; false: none was before. */
static bool stop_parts(struct run *run, struct job *job, enum ps_status why,
                       const struct ps_error *err)
{
    if (job->stop != PS_OK) {
        return false;
    }
    job->stop = why;
    job->stop_error = *err;
    job->stops++;
    job->phase = JOB_OPENING;
    job->opened = false;
    ps_condition_broadcast(&run->changed);
    return true;
}

static enum ps_status fail_old(struct ps_error *err)
{
    return ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_NONE,
                   "the point in time has been held for snapshot_max_minutes");
}

/* The last part was read although the point in time was to be left, and no other is needed. With
 * the lock held. */
static bool is_read_at_last(struct job *job)
{
    bool more = job->stop != PS_SNAPSHOT_GONE || job->parts_left > 0;
    for (size_t i = 0; i < job->parts_count && !more; i++) {
        more = job->parts[i].again;
    }
    job->opened = job->opened || !more;
    return !more;
}

bool job_part_finished(struct run *run, const struct work *work, bool point_is_old)
{
    struct job *job = work->job;
    struct ps_error old = {0};
    ps_mutex_lock(&run->lock);
    let_go(run, work);
    if (work->changed) {
        work->part->again = false;
    } else {
        work->part->finished = true;
        ps_free(work->part->position);
        work->part->position = NULL;
    }
    job->parts_left--;
    bool ended = job->stop == PS_OK ? is_read(job) : is_read_at_last(job);
    if (!ended && point_is_old && job->phase == JOB_READING) {
        (void)stop_parts(run, job, fail_old(&old), &old);
    }
    ps_mutex_unlock(&run->lock);
    return ended;
}

void job_part_back(struct run *run, const struct work *work)
{
    ps_mutex_lock(&run->lock);
    let_go(run, work);
    ps_mutex_unlock(&run->lock);
}

void job_part_pause(struct run *run, const struct work *work)
{
    ps_mutex_lock(&run->lock);
    work->job->active--;
    ps_condition_broadcast(&run->changed);
    ps_mutex_unlock(&run->lock);
}

bool job_part_resume(struct run *run, const struct work *work)
{
    ps_mutex_lock(&run->lock);
    bool go_on = !run->stopping && work->job->stops == work->stops;
    work->job->active += go_on;
    ps_mutex_unlock(&run->lock);
    return go_on;
}

void job_stop(struct run *run, struct job *job, enum ps_status why, const struct ps_error *err)
{
    ps_mutex_lock(&run->lock);
    if (stop_parts(run, job, why, err)) {
        for (size_t i = 0; i < run->workers_count; i++) {
            struct worker *worker = &run->workers[i];
            if (worker->reader != NULL && worker->job == job) {
                run->request->plan.source_ops->reader_cancel(worker->reader);
            }
        }
    }
    ps_mutex_unlock(&run->lock);
}

enum ps_status job_leave_point(struct run *run, struct job *job, struct ps_error *err)
{
    enum ps_status status = fail_old(err);
    ps_mutex_lock(&run->lock);
    (void)stop_parts(run, job, status, err);
    ps_mutex_unlock(&run->lock);
    return status;
}

bool job_is_stopped(struct run *run, const struct job *job)
{
    ps_mutex_lock(&run->lock);
    bool stopped = job->stop != PS_OK;
    ps_mutex_unlock(&run->lock);
    return stopped;
}

void job_forget_parts(struct job *job)
{
    for (size_t i = 0; i < job->parts_count; i++) {
        ps_free(job->parts[i].bounds);
        ps_free(job->parts[i].position);
    }
    ps_free(job->parts);
    ps_free(job->mark);
    job->parts = NULL;
    job->mark = NULL;
    job->parts_count = 0;
    job->partitions = job->mixed = job->begun = false;
    atomic_store(&job->repeats, false);
}

static void job_done(struct run *run, struct job *job)
{
    run->request->plan.source_ops->close(job->coordinator);
    job->coordinator = NULL;
    ps_free(job->snapshot);
    job->snapshot = NULL;
    job_forget_parts(job);
}

void job_end(struct run *run, struct job *job)
{
    job_done(run, job);
    ps_mutex_lock(&run->lock);
    struct job **link = &run->under_way;
    while (*link != job) {
        link = &(*link)->next;
    }
    *link = job->next;
    ps_condition_broadcast(&run->changed);
    ps_mutex_unlock(&run->lock);
}

void job_free_all(struct run *run)
{
    for (size_t i = 0; run->jobs != NULL && i < run->plan->tables_count; i++) {
        job_done(run, &run->jobs[i]);
    }
    run->under_way = NULL;
    ps_free(run->jobs);
    run->jobs = NULL;
}
