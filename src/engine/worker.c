/*
 * A worker: owns a connection, takes tables from the plan one after the other, reads them into
 * batches, transforms these, has the sink prepare packets, and queues them. What to do about a
 * failure is decided here with engine/retry.c.
 */
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engine/plan.h"
#include "engine/run.h"
#include "engine/transform.h"
#include "engine/window.h"

#define BATCHES_KEPT 8
/* A table that keeps changing its shape while it is read is not read at all. */
#define SHAPES_MAX 5
#define AGAIN_BYTES_MAX ((size_t)1 << 30)

/* One read of one table. */
struct read {
    struct worker *worker;
    uint32_t index;
    const struct ps_plan_table *table;
    struct ps_batch_pool *pool;
    uint32_t *columns; /* 0, 1, 2, … */
    struct transform *transform;
    bool begun; /* the writer was told */
    struct ps_now now;
    struct ps_scalar largest;
    struct read_end end;
    int64_t began_ns;
};

static const struct ps_source_ops *source_ops(const struct worker *worker)
{
    return worker->run->request->plan.source_ops;
}

static enum ps_status canceled(struct ps_error *err)
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
    ps_free(event->text);
}

void event_free(struct run *run, struct event *event)
{
    if (event != NULL) {
        event_done(run, event);
        ps_free(event);
    }
}

/* Takes what `event` points to, also when it fails. */
static enum ps_status push(struct run *run, struct event event, struct ps_error *err)
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
        return canceled(err);
    }
    return PS_OK;
}

static enum ps_status source_ready(struct worker *worker, struct ps_error *err)
{
    if (worker->source != NULL) {
        return PS_OK;
    }
    struct ps_source_request request = {
        .config = worker->run->request->plan.config,
        .syncs_completed = worker->run->syncs_completed,
    };
    return source_ops(worker)->open(&request, &worker->source, err);
}

static void source_drop(struct worker *worker)
{
    source_ops(worker)->close(worker->source);
    worker->source = NULL;
}

/* Makes the reader known to run_stop. False: the run is stopping already. */
static bool reader_announce(struct worker *worker, struct ps_reader *reader)
{
    ps_mutex_lock(&worker->run->lock);
    bool go_on = !worker->run->stopping;
    worker->reader = go_on ? reader : NULL;
    ps_mutex_unlock(&worker->run->lock);
    return go_on;
}

static void reader_forget(struct worker *worker)
{
    ps_mutex_lock(&worker->run->lock);
    worker->reader = NULL;
    ps_mutex_unlock(&worker->run->lock);
}

static enum ps_status read_prepare(struct read *read, struct ps_error *err)
{
    const struct ps_config *config = read->worker->run->request->plan.config;
    const struct ps_size_parameters *parameters = &read->table->sizing.parameters;
    uint32_t count = read->table->read_table->columns_count;
    read->columns = ps_malloc_array((size_t)count + 1, sizeof(uint32_t));
    if (read->columns == NULL) {
        return ps_fail_nomem(err, "preparing a table's batches");
    }
    for (uint32_t i = 0; i < count; i++) {
        read->columns[i] = i;
    }
    struct ps_batch_shape shape = {
        .table = read->table->read_table,
        .columns = read->columns,
        .columns_count = count,
        .rows_max = parameters->batch_rows,
        .bytes_max = parameters->batch_bytes,
    };
    enum ps_status status = ps_batch_pool_new(&shape, BATCHES_KEPT, &read->pool, err);
    if (status == PS_OK) {
        status = transform_new(read->table, config, shape.rows_max, &read->transform, err);
    }
    return status;
}

static void read_done(struct read *read)
{
    transform_free(read->transform);
    ps_batch_pool_free(read->pool);
    ps_free(read->columns);
}

/* Counts rows that were given up. DATA where the user wants the sync to end there. */
static enum ps_status read_count_bad(struct read *read, const struct ps_bad_rows *reasons,
                                     uint32_t reasons_count, uint64_t rows, struct ps_error *err)
{
    const struct ps_table *table = read->table->read_table;
    struct read_end *end = &read->end;
    end->bad_rows += rows;
    for (uint32_t i = 0; i < reasons_count; i++) {
        const struct ps_bad_rows *bad = &reasons[i];
        const char *column = table->columns[bad->column].name;
        uint32_t at = 0;
        while (at < end->bad_count &&
               (end->bad[at].column != column || strcmp(end->bad[at].reason, bad->reason) != 0)) {
            at++;
        }
        if (at == READ_BAD_MAX) {
            continue;
        }
        if (at == end->bad_count) {
            end->bad[end->bad_count++] = (struct bad_rows){column, bad->reason, 0};
        }
        end->bad[at].rows += bad->rows;
    }
    if (rows > 0 && ps_config_choice(read->worker->run->request->plan.config, "on_bad_row") == 1) {
        return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                       "a row of \"%s\" cannot be carried: column \"%s\": %s (on_bad_row is stop; "
                       "with skip such rows are left out and counted)",
                       read->table->source_table->name, table->columns[reasons[0].column].name,
                       reasons[0].reason);
    }
    return PS_OK;
}

/* Takes the batch; NULL is nothing to do. */
static enum ps_status read_queue(struct read *read, struct ps_batch *batch, struct ps_error *err)
{
    if (batch == NULL) {
        return PS_OK;
    }
    struct run *run = read->worker->run;
    struct event event = {
        .kind = EVENT_ROWS,
        .table = read->index,
        .plan = read->table,
        .operation = batch->operation,
        .rows = batch->rows,
        .bytes = batch->bytes,
    };
    enum ps_status status =
        run->request->sink_ops->prepare(run->request->sink, batch, &event.packet, err);
    return status == PS_OK ? push(run, event, err) : status;
}

/* Tells the writer, once the source has shown that it reads the table as it was planned. */
static enum ps_status read_begin(struct read *read, struct ps_error *err)
{
    if (read->begun) {
        return PS_OK;
    }
    struct event event = {.kind = EVENT_BEGIN, .table = read->index, .plan = read->table};
    read->begun = true;
    return push(read->worker->run, event, err);
}

/* One batch from the reader into the queue. END: the reader has no more. */
static enum ps_status read_batch(struct read *read, struct ps_reader *reader, struct ps_error *err)
{
    struct ps_batch *batch;
    enum ps_status status = ps_batch_pool_take(read->pool, &batch, err);
    if (status != PS_OK) {
        return status;
    }
    status = source_ops(read->worker)->reader_next(reader, batch, err);
    if (status == PS_OK) {
        status = read_count_bad(read, batch->bad, batch->bad_count, batch->bad_rows, err);
    }
    if (status == PS_OK) {
        status = read_begin(read, err);
    }
    if (status != PS_OK || batch->rows == 0) {
        ps_batch_release(batch);
        return status;
    }
    if (read->table->cursor >= 0) {
        window_observe(batch, (uint32_t)read->table->cursor, &read->largest);
    }
    struct transform_output output;
    status = transform_apply(read->transform, batch, read->table->load, &output, err);
    if (status != PS_OK) {
        return status;
    }
    status = read_count_bad(read, output.bad, output.bad_count, output.bad_rows, err);
    if (status != PS_OK) {
        ps_batch_release(output.rows);
        ps_batch_release(output.deletes);
        return status;
    }
    status = read_queue(read, output.rows, err);
    if (status != PS_OK) {
        ps_batch_release(output.deletes);
        return status;
    }
    return read_queue(read, output.deletes, err);
}

static enum ps_status read_finish(struct read *read, struct ps_reader *reader, struct ps_error *err)
{
    const struct ps_plan_table *table = read->table;
    enum ps_status status = read_begin(read, err);
    if (status != PS_OK) {
        return status;
    }
    struct read_end *end = ps_malloc(sizeof(*end));
    if (end == NULL) {
        return ps_fail_nomem(err, "ending a table");
    }
    *end = read->end;
    end->seconds = (double)(ps_monotonic_ns() - read->began_ns) / 1e9;
    if (table->mode == PS_MODE_INCREMENTAL) {
        const struct ps_column *cursor = &table->read_table->columns[table->cursor];
        end->edge =
            window_next_edge(cursor->type, cursor->scale, &read->now, &read->largest, &table->edge);
    }
    struct event event = {.kind = EVENT_END, .table = read->index, .plan = table, .end = end};
    const char *position =
        table->mode == PS_MODE_CHANGES ? source_ops(read->worker)->reader_position(reader) : NULL;
    if (position != NULL && (end->position = ps_strdup(position)) == NULL) {
        event_done(read->worker->run, &event);
        return ps_fail_nomem(err, "ending a table");
    }
    return push(read->worker->run, event, err);
}

static enum ps_status read_rows(struct read *read, struct ps_reader *reader, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    while (status == PS_OK) {
        status = read_batch(read, reader, err);
    }
    return status == PS_END ? read_finish(read, reader, err) : status;
}

static enum ps_status read_open(struct read *read, struct ps_reader **ret_reader,
                                struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(read->worker);
    const struct ps_config *config = read->worker->run->request->plan.config;
    const struct ps_plan_table *table = read->table;
    struct ps_window window = {.column = 0};
    struct ps_read_request request = {
        .table = table->source_table,
        .columns = table->read_columns,
        .columns_count = table->read_table->columns_count,
        .value_bytes_max = (size_t)ps_config_integer(config, "max_value_bytes", 104857600),
    };
    if (table->mode == PS_MODE_CHANGES) {
        request.position = table->position;
    } else if (!table->load) {
        window.column = table->read_columns[table->cursor];
        window.lower =
            window_lower(&table->edge, ps_config_integer(config, "lookback_seconds", 300));
        request.window = &window;
    }
    return ops->reader_open(read->worker->source, &request, ret_reader, err);
}

/* Reads a table from its beginning. The clock comes before the point in time that is read. */
static enum ps_status read_once(struct worker *worker, uint32_t index,
                                const struct ps_plan_table *table, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    struct read read = {
        .worker = worker, .index = index, .table = table, .began_ns = ps_monotonic_ns()};
    struct ps_reader *reader = NULL;
    enum ps_status status = read_prepare(&read, err);
    if (status != PS_OK || (status = source_ready(worker, err)) != PS_OK ||
        (status = ops->now(worker->source, &read.now, err)) != PS_OK ||
        (status = ops->pin(worker->source, NULL, err)) != PS_OK ||
        (status = read_open(&read, &reader, err)) != PS_OK) {
        goto out;
    }
    status = reader_announce(worker, reader) ? read_rows(&read, reader, err) : canceled(err);
    reader_forget(worker);
out:
    ops->reader_close(reader);
    read_done(&read);
    return status;
}

static void log_warning(void *context, const char *text)
{
    (void)context;
    ps_log(PS_LOG_WARNING, "%s", text);
}

/* Lists and describes the one table again. END: it is gone. */
static enum ps_status find_again(struct worker *worker, const struct ps_table *old,
                                 struct ps_table **ret_table, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    struct ps_table_list list = {.arena = worker->again};
    source_drop(worker); /* what it knows of the catalog is out of date */
    enum ps_status status = source_ready(worker, err);
    if (status == PS_OK) {
        status = ops->list_tables(worker->source, &list, err);
    }
    if (status != PS_OK) {
        return status;
    }
    for (size_t i = 0; i < list.tables_count; i++) {
        struct ps_table *table = list.tables[i];
        if (strcmp(table->schema, old->schema) == 0 && strcmp(table->name, old->name) == 0) {
            status = ops->describe(worker->source, worker->again, table, err);
            *ret_table = table;
            return status == PS_SCHEMA ? PS_END : status;
        }
    }
    return PS_END;
}

/* Notes which columns have another name at the destination. False: no memory. */
static bool keep_names(struct ps_arena *arena, const struct ps_plan_table *old,
                       struct ps_table_state *former)
{
    for (uint32_t i = 0; i < old->sink_table->columns_count; i++) {
        const char *own = old->source_table->columns[old->read_columns[i]].name;
        const char *name = old->sink_table->columns[i].name;
        if (strcmp(own, name) == 0) {
            continue;
        }
        struct ps_renamed_column *renamed = ps_arena_alloc(arena, sizeof(*renamed));
        if (renamed == NULL) {
            return false;
        }
        *renamed = (struct ps_renamed_column){own, name, former->renamed};
        former->renamed = renamed;
    }
    return true;
}

/*
 * Plans a table anew that is not what it was. END: it is gone. It keeps its name at the
 * destination and is loaded in full.
 */
static enum ps_status plan_again(struct worker *worker, const struct ps_plan_table *old,
                                 const struct ps_plan_table **ret_table, struct ps_error *err)
{
    if (worker->again == NULL && (worker->again = ps_arena_new(AGAIN_BYTES_MAX)) == NULL) {
        return ps_fail_nomem(err, "describing a table again");
    }
    struct ps_table *table;
    enum ps_status status = find_again(worker, old->source_table, &table, err);
    if (status != PS_OK) {
        return status;
    }
    struct ps_plan_table *planned = ps_arena_alloc(worker->again, sizeof(*planned));
    if (planned == NULL) {
        return ps_fail_nomem(err, "describing a table again");
    }
    struct destination_name name = {.schema = old->sink_table->schema,
                                    .table = old->sink_table->name};
    /* Stands for what the state keeps, which is the writer's: nothing was read, names stay. */
    struct ps_table_state former = {.schema = table->schema, .table = table->name};
    if (!keep_names(worker->again, old, &former)) {
        return ps_fail_nomem(err, "describing a table again");
    }
    struct plan_table_request request = {.plan = &worker->run->request->plan,
                                         .arena = worker->again,
                                         .table = table,
                                         .name = &name,
                                         .selected = old->selected,
                                         .state = &former,
                                         .warn = log_warning};
    status = plan_table(&request, planned, err);
    if (status == PS_OK) {
        *ret_table = planned;
    }
    return status;
}

static enum ps_status skip_table(struct worker *worker, uint32_t index,
                                 const struct ps_plan_table *table, const char *why,
                                 struct ps_error *err)
{
    struct event event = {.kind = EVENT_SKIPPED, .table = index, .plan = table};
    event.text = ps_strdup(why);
    if (event.text == NULL) {
        return ps_fail_nomem(err, "leaving a table out");
    }
    return push(worker->run, event, err);
}

static bool connection_survives(const struct ps_error *err)
{
    return err->status == PS_SNAPSHOT_GONE || err->error_class == PS_CLASS_DEADLOCK ||
           err->error_class == PS_CLASS_LOCK_TIMEOUT;
}

static void count_retry(struct run *run, enum ps_error_class error_class)
{
    ps_mutex_lock(&run->lock);
    run->retries[(size_t)error_class]++;
    ps_mutex_unlock(&run->lock);
}

/* A table with all its attempts. Other than OK: the sync ends. */
static enum ps_status read_table(struct worker *worker, uint32_t index, struct ps_error *err)
{
    const struct ps_plan_table *table = &worker->run->plan->tables[index];
    for (int shapes = 1;;) {
        enum ps_status status = read_once(worker, index, table, err);
        if (status == PS_OK) {
            ps_retry_progress(&worker->retry);
            return PS_OK;
        }
        status = ps_retry_classify(&worker->retry, status, err);
        ps_log(PS_LOG_DEBUG, "%s: %s", table->source_table->name, err->message);
        if (status == PS_SCHEMA && shapes++ < SHAPES_MAX) {
            status = plan_again(worker, table, &table, err);
            if (status == PS_END) {
                return skip_table(worker, index, table, "it was dropped during the sync", err);
            }
            if (status == PS_OK) {
                continue;
            }
        }
        if (status == PS_SCHEMA ||
            (status == PS_DATA &&
             ps_config_choice(worker->run->request->plan.config, "on_bad_row") != 1)) {
            return skip_table(worker, index, table, err->message, err);
        }
        struct ps_error cause = *err;
        status = ps_retry_after(&worker->retry, status, err);
        if (status != PS_OK) {
            return status;
        }
        count_retry(worker->run, cause.error_class);
        if (!connection_survives(&cause)) {
            source_drop(worker);
        }
    }
}

static bool next_table(struct run *run, uint32_t *ret_index)
{
    ps_mutex_lock(&run->lock);
    bool there = !run->stopping && run->next_table < run->plan->tables_count;
    if (there) {
        *ret_index = (uint32_t)run->next_table++;
    }
    ps_mutex_unlock(&run->lock);
    return there;
}

void worker_run(void *argument)
{
    struct worker *worker = argument;
    struct run *run = worker->run;
    struct ps_error err = {0};
    uint32_t index;
    while (next_table(run, &index)) {
        enum ps_status status = read_table(worker, index, &err);
        if (status != PS_OK) {
            run_fail(run, status, &err);
            break;
        }
    }
    source_drop(worker);
    ps_mutex_lock(&run->lock);
    bool last = --run->workers_running == 0;
    ps_mutex_unlock(&run->lock);
    if (last) {
        ps_queue_close(run->queue);
    }
}
