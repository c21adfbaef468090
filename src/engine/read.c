/*
 * Reading a part: batches from the reader through the transform and the sink's prepare into the
 * queue. With the last packet of each batch goes where its read goes on.
 */
#include <string.h>

#include "base/alloc.h"
#include "engine/run.h"
#include "engine/sent.h"
#include "engine/transform.h"
#include "engine/window.h"

#define BATCHES_KEPT 8

/* One read of one part. */
struct read {
    struct worker *worker;
    struct job *job;
    struct part *part;
    bool changed;
    struct ps_reader *reader;
    struct bad_list *bad; /* given up since the last position: what is read again counts once */
    bool advanced;        /* the last batch brought a position that the part did not have */
};

static const struct ps_source_ops *source_ops(const struct worker *worker)
{
    return worker->run->request->plan.source_ops;
}

void kit_done(struct kit *kit)
{
    transform_free(kit->transform);
    ps_batch_pool_free(kit->pool);
    ps_free(kit->columns);
    *kit = (struct kit){.table = NULL};
}

/* Batches and transform of the table, as they are or made anew. */
static enum ps_status kit_take(struct worker *worker, const struct ps_plan_table *table,
                               struct ps_error *err)
{
    struct kit *kit = &worker->kit;
    const struct tuning *tuning = worker->run->tuning;
    uint64_t generation = tuning_generation(tuning);
    if (kit->table == table && kit->generation == generation) {
        return PS_OK;
    }
    kit_done(kit);
    const struct ps_config *config = worker->run->request->plan.config;
    struct tuning_batch batch = tuning_batch(tuning, table);
    uint32_t count = table->read_table->columns_count;
    kit->columns = ps_malloc_array((size_t)count + 1, sizeof(uint32_t));
    if (kit->columns == NULL) {
        return ps_fail_nomem(err, "preparing a table's batches");
    }
    for (uint32_t i = 0; i < count; i++) {
        kit->columns[i] = i;
    }
    struct ps_batch_shape shape = {
        .table = table->read_table,
        .columns = kit->columns,
        .columns_count = count,
        .rows_max = batch.rows,
        .bytes_max = batch.bytes,
        .keeps_faulty = true,
        .flag = table->soft_delete,
    };
    enum ps_status status = ps_batch_pool_new(&shape, BATCHES_KEPT, &kit->pool, err);
    if (status == PS_OK) {
        status = transform_new(table, config, shape.rows_max, &kit->transform, err);
    }
    if (status == PS_OK) {
        kit->table = table;
        kit->generation = generation;
    }
    return status;
}

/* Makes the reader known to run_stop and job_stop. False: it is to be ended already. */
static bool reader_announce(const struct read *read)
{
    struct worker *worker = read->worker;
    ps_mutex_lock(&worker->run->lock);
    bool go_on = !worker->run->stopping && read->job->stop == PS_OK;
    worker->reader = go_on ? read->reader : NULL;
    worker->job = go_on ? read->job : NULL;
    ps_mutex_unlock(&worker->run->lock);
    return go_on;
}

static void reader_forget(struct worker *worker)
{
    ps_mutex_lock(&worker->run->lock);
    worker->reader = NULL;
    worker->job = NULL;
    ps_mutex_unlock(&worker->run->lock);
}

void bad_add(struct bad_list *list, struct bad_rows bad)
{
    uint32_t at = 0;
    while (at < list->count &&
           (list->bad[at].column != bad.column || strcmp(list->bad[at].reason, bad.reason) != 0)) {
        at++;
    }
    if (at == BAD_ROWS_MAX) {
        return;
    }
    if (at == list->count) {
        list->bad[list->count++] = (struct bad_rows){bad.column, bad.reason, 0};
    }
    list->bad[at].rows += bad.rows;
}

/* What was given up of a batch. */
struct given_up {
    const struct ps_bad_rows *reasons;
    uint32_t reasons_count;
    uint64_t rows;
};

/* The user wants no sync that leaves rows out. */
static enum ps_status fail_bad(const struct ps_plan_table *plan, struct given_up bad,
                               struct ps_error *err)
{
    uint32_t at = 0;
    while (at < bad.reasons_count && bad.reasons[at].rows == 0) {
        at++;
    }
    const bool told = at < bad.reasons_count;
    return ps_fail(
        err, PS_DATA, PS_CLASS_DATA,
        "a row of \"%s\" cannot be carried: column \"%s\": %s (on_bad_row is stop; with skip such "
        "rows are left out and counted)",
        plan->source_table->name,
        told ? plan->read_table->columns[bad.reasons[at].column].name : "?",
        told ? bad.reasons[at].reason : "one of more reasons than are told apart");
}

/* Adds it to the list, which is made where it is NULL. DATA where the sync is to end there. */
static enum ps_status count_bad(const struct read *read, struct given_up bad,
                                struct bad_list **list, struct ps_error *err)
{
    const struct ps_plan_table *plan = read->job->table;
    if (bad.rows == 0) {
        return PS_OK;
    }
    if (ps_config_choice(read->worker->run->request->plan.config, "on_bad_row") == 1) {
        return fail_bad(plan, bad, err);
    }
    if (*list == NULL && (*list = ps_calloc(1, sizeof(**list))) == NULL) {
        return ps_fail_nomem(err, "counting rows");
    }
    (*list)->rows += bad.rows;
    for (uint32_t i = 0; i < bad.reasons_count; i++) {
        const struct ps_bad_rows *reason = &bad.reasons[i];
        if (reason->rows > 0) { /* rows that the batch keeps are not counted there */
            const char *name = plan->read_table->columns[reason->column].name;
            bad_add(*list, (struct bad_rows){name, reason->reason, reason->rows});
        }
    }
    return PS_OK;
}

/* True where some of the rows may be what the sync before sent as well. What a source kept of
 * changes are changes. */
static bool may_repeat(const struct read *read, const struct ps_batch *batch)
{
    const struct ps_plan_table *table = read->job->table;
    return read->worker->run->request->sent != NULL && batch->operation != PS_KEEP &&
           (table->load || table->mode != PS_MODE_CHANGES);
}

/* Takes the batch; NULL is nothing to do. */
static enum ps_status push_rows(const struct read *read, struct ps_batch *batch,
                                struct event *event, struct ps_error *err)
{
    const struct ps_run_request *request = read->worker->run->request;
    event->operation = batch->operation;
    event->rows = batch->rows;
    event->bytes = batch->bytes;
    enum ps_status status = PS_OK;
    if (may_repeat(read, batch)) {
        event->hashes = sent_hashes(read->job->table->source_table, batch);
        status = event->hashes == NULL ? ps_fail_nomem(err, "comparing rows") : PS_OK;
    }
    if (status == PS_OK) {
        status = request->sink_ops->prepare(request->sink, batch, &event->packet, err);
    } else {
        ps_batch_release(batch);
    }
    if (status != PS_OK) {
        ps_free(event->hashes);
        ps_free(event->position);
        ps_free(event->bad);
        return status;
    }
    return run_push(read->worker->run, *event, err);
}

static struct event event_of(const struct read *read)
{
    return (struct event){
        .kind = EVENT_ROWS,
        .table = read->job->index,
        .plan = read->job->table,
        .part = (size_t)(read->part - read->job->parts),
        .repeats = read->changed || atomic_load(&read->job->repeats),
    };
}

/* Copies of where the read of the part goes on after this batch: for the part, and for the writer.
 */
static enum ps_status take_position(const struct read *read, char **ret_own, struct event *event,
                                    struct ps_error *err)
{
    const char *position =
        read->changed ? NULL : source_ops(read->worker)->reader_position(read->reader);
    if (position == NULL) {
        return PS_OK;
    }
    char *own = ps_strdup(position);
    event->position = ps_strdup(position);
    if (own == NULL || event->position == NULL) {
        ps_free(own);
        return ps_fail_nomem(err, "keeping a position");
    }
    *ret_own = own;
    return PS_OK;
}

static void output_done(struct transform_output *output)
{
    ps_batch_release(output->rows);
    ps_batch_release(output->deletes);
    ps_batch_release(output->kept);
}

/* Takes the batches, where they are there, and queues them, the last of them with `last`. */
static enum ps_status push_output(const struct read *read, struct transform_output output,
                                  struct event *last, struct ps_error *err)
{
    struct ps_batch *batches[] = {output.rows, output.deletes, output.kept};
    enum ps_status status = PS_OK;
    size_t at = 0, rest = sizeof(batches) / sizeof(batches[0]);
    while (rest > 0 && batches[rest - 1] == NULL) {
        rest--;
    }
    for (; at + 1 < rest && status == PS_OK; at++) {
        struct event event = event_of(read);
        event.plan = output.plan;
        if (batches[at] != NULL) {
            status = push_rows(read, batches[at], &event, err);
        }
    }
    if (output.plan != NULL) {
        last->plan = output.plan;
    }
    if (status == PS_OK) {
        return rest > 0 ? push_rows(read, batches[rest - 1], last, err)
                        : run_push(read->worker->run, *last, err);
    }
    for (; at < rest; at++) {
        ps_batch_release(batches[at]);
    }
    ps_free(last->position);
    ps_free(last->bad);
    return status;
}

/*
 * True where rows that are marked as deleted are nothing to the destination. Not where one that is
 * marked now may have been sent by this load when it was not; nor where an earlier read may have
 * sent it and the load's beginning does not delete it: a load that leaves rows out that it cannot
 * carry keeps all former rows but those that it says are deleted.
 */
static bool leaves_marked_out(const struct read *read, bool staged)
{
    const struct job *job = read->job;
    bool sent = job->table->read_before || job->shapes > 0;
    return job->table->load && !job->mixed && !(sent && staged);
}

/* The batch through the transform, which takes it. */
static enum ps_status transform_batch(const struct read *read, struct ps_batch *batch,
                                      struct transform_output *output, struct ps_error *err)
{
    const bool staged = (read->worker->run->request->sink_ops->caps & PS_SINK_STAGES_LOADS) != 0;
    const uint32_t flags = (leaves_marked_out(read, staged) ? TRANSFORM_DROPS_MARKED : 0) |
                           (read->job->table->load && staged ? TRANSFORM_KEEPS_LEFT_OUT : 0);
    return transform_apply(read->worker->kit.transform, batch, flags, output, err);
}

/* Takes the batch, which holds rows or bad ones. */
static enum ps_status queue_batch(struct read *read, struct ps_batch *batch, struct ps_error *err)
{
    struct job *job = read->job;
    struct event event = event_of(read);
    struct transform_output output = {.rows = NULL};
    struct given_up bad = {batch->bad, batch->bad_count, batch->bad_rows};
    enum ps_status status = count_bad(read, bad, &read->bad, err);
    if (status == PS_OK) {
        status = job_begin(read->worker, job, err);
    }
    if (status != PS_OK || batch->rows == 0) {
        ps_batch_release(batch);
    } else {
        if (job->table->cursor >= 0) {
            window_observe(batch, (uint32_t)job->table->cursor, &event.largest);
        }
        status = transform_batch(read, batch, &output, err);
        if (status == PS_OK) {
            bad = (struct given_up){output.bad, output.bad_count, output.bad_rows};
            status = count_bad(read, bad, &read->bad, err);
        }
        if (status == PS_OK && output.kept != NULL) {
            read->bad->told += output.kept->rows;
        }
    }
    char *position = NULL;
    if (status == PS_OK) {
        status = take_position(read, &position, &event, err);
    }
    read->advanced = false;
    if (status != PS_OK) {
        output_done(&output);
        ps_free(event.position);
        return status;
    }
    if (event.position != NULL) {
        event.bad = read->bad;
        read->bad = NULL;
    }
    read->part->handed = true;
    status = push_output(read, output, &event, err);
    if (status == PS_OK && position != NULL) {
        const char *former = read->part->position;
        read->advanced = former == NULL || strcmp(former, position) != 0;
        ps_free(read->part->position);
        read->part->position = position;
        return PS_OK;
    }
    ps_free(position);
    return status;
}

static enum ps_status hand_over(struct read *read, struct ps_batch *batch, struct ps_error *err)
{
    enum ps_status status = queue_batch(read, batch, err);
    transform_sent(read->worker->kit.transform);
    return status;
}

/* One batch from the reader into the queue. END: the reader has no more. */
static enum ps_status read_batch(struct read *read, struct ps_error *err)
{
    struct run *run = read->worker->run;
    struct ps_batch *batch;
    enum ps_status status = kit_take(read->worker, read->job->table, err);
    if (status == PS_OK) {
        status = ps_batch_pool_take(read->worker->kit.pool, &batch, err);
    }
    if (status != PS_OK) {
        return status;
    }
    status = source_ops(read->worker)->reader_next(read->reader, batch, err);
    if (status != PS_OK) {
        ps_batch_release(batch);
        return status;
    }
    status = hand_over(read, batch, err);
    /* What would be read again is no progress. */
    if (status != PS_OK || !read->advanced) {
        return status;
    }
    worker_progress(read->worker, read->job);
    return job_point_is_old(run, read->job) ? job_leave_point(run, read->job, err) : PS_OK;
}

static enum ps_status open_reader(struct read *read, struct ps_error *err)
{
    const struct ps_config *config = read->worker->run->request->plan.config;
    const struct job *job = read->job;
    const struct ps_plan_table *table = job->table;
    struct ps_window window = {.column = 0};
    struct ps_partition partition = {.bounds = read->part->bounds};
    struct ps_read_request request = {
        .table = table->source_table,
        .columns = table->read_columns,
        .columns_count = table->read_table->columns_count,
        .as_text = table->as_text,
        .value_bytes_max = (size_t)ps_config_integer(config, "max_value_bytes", 104857600),
        .position = read->changed ? NULL : read->part->position,
    };
    if (table->mode == PS_MODE_CHANGES) {
        request.position = request.position == NULL ? table->position : request.position;
    } else if (table->load) {
        request.partition = job->partitions || read->changed ? &partition : NULL;
        request.changed_since = read->changed ? job->mark : NULL;
    } else {
        window.column = table->read_columns[table->cursor];
        window.lower = window_lower(&table->source_table->columns[window.column], &table->edge,
                                    ps_config_integer(config, "lookback_seconds", 300));
        request.window = &window;
    }
    return source_ops(read->worker)
        ->reader_open(read->worker->source, &request, &read->reader, err);
}

/* Brings the worker's connection to the job's point in time. */
static enum ps_status join(struct worker *worker, struct job *job, struct ps_error *err)
{
    if (job->coordinator != NULL) {
        worker_source_age(worker, job);
    }
    if (worker->point == job->point && worker->source != NULL) {
        return PS_OK;
    }
    if (job->owner != NULL) {
        return ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_NONE,
                       "the connection was lost, and its point in time with it");
    }
    enum ps_status status = worker_source_ready(worker, err);
    worker->point = 0;
    worker->point_tables = 0;
    if (status == PS_OK) {
        status = source_ops(worker)->pin(worker->source, job->snapshot, err);
    }
    /* Somebody who waits for the table to change it would let no new reader in: once held, it is
     * held for all parts. */
    if (status == PS_OK && job->coordinator != NULL) {
        status = job_hold(worker, job, worker->source, err);
    }
    if (status == PS_OK) {
        worker->point = job->point;
        atomic_store(&job->joined, true);
    }
    return status;
}

/* The end of a part: the writer learns of it, and of where a read of changes goes on. */
static enum ps_status finish(struct read *read, char **ret_position, struct ps_error *err)
{
    const struct ps_plan_table *table = read->job->table;
    struct event event = event_of(read);
    /* Changes go on after the last one, also at another point in time. */
    event.part_finished = table->load && table->mode != PS_MODE_CHANGES && !read->changed;
    if (event.part_finished || read->bad != NULL) {
        enum ps_status status = job_begin(read->worker, read->job, err);
        if (status == PS_OK) {
            event.bad = read->bad;
            read->bad = NULL;
            status = run_push(read->worker->run, event, err);
        }
        if (status != PS_OK) {
            return status;
        }
    }
    if (table->mode != PS_MODE_CHANGES) {
        return PS_OK;
    }
    const char *position = source_ops(read->worker)->reader_position(read->reader);
    *ret_position = position == NULL ? NULL : ps_strdup(position);
    return position != NULL && *ret_position == NULL ? ps_fail_nomem(err, "ending a read") : PS_OK;
}

/* The writer is told before the first row of parts that are read as one. */
static enum ps_status tell_joined(const struct read *read, struct ps_error *err)
{
    struct event event = event_of(read);
    if (read->part->joined == 0 || read->part->told) {
        return PS_OK;
    }
    event.kind = EVENT_JOINED;
    event.joined = read->part->joined;
    event.text = ps_strdup(read->part->bounds);
    if (event.text == NULL) {
        return ps_fail_nomem(err, "reading parts of a table as one");
    }
    enum ps_status status = job_begin(read->worker, read->job, err);
    if (status != PS_OK) {
        ps_free(event.text);
        return status;
    }
    read->part->told = true;
    return run_push(read->worker->run, event, err);
}

enum ps_status part_read(struct worker *worker, const struct work *work, char **ret_position,
                         struct ps_error *err)
{
    struct read read = {
        .worker = worker, .job = work->job, .part = work->part, .changed = work->changed};
    enum ps_status status = join(worker, work->job, err);
    if (status == PS_OK) {
        status = kit_take(worker, work->job->table, err);
    }
    if (status == PS_OK) {
        status = tell_joined(&read, err);
    }
    if (status == PS_OK) {
        status = open_reader(&read, err);
    }
    if (status != PS_OK) {
        return status;
    }
    if (read.part->handed && read.part->position == NULL) {
        atomic_store(&work->job->repeats, true);
    }
    status = reader_announce(&read) ? PS_OK : run_canceled(err);
    int64_t delay_ms = ps_config_integer(worker->run->request->plan.config, "batch_delay_ms", 0);
    while (status == PS_OK) {
        status = read_batch(&read, err);
        if (status == PS_OK && delay_ms > 0 && !run_pause(worker->run, delay_ms)) {
            status = run_canceled(err);
        }
    }
    if (status == PS_END) {
        status = finish(&read, ret_position, err);
    }
    ps_free(read.bad);
    reader_forget(worker);
    source_ops(worker)->reader_close(read.reader);
    return status;
}
