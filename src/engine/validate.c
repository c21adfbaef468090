/*
 * Counting by the source where it can, else by reading the one column that tells which rows do not
 * count. Both can be called off.
 */
#include "engine/validate.h"

#include "base/alloc.h"
#include "engine/marks.h"
#include "engine/metadata.h"

/* Of the column that is read to be counted. */
#define COUNT_ROWS 10000
#define COUNT_BYTES ((size_t)1 << 20)

enum { COUNT_AUTO, COUNT_BY_QUERY, COUNT_BY_STATISTICS }; /* as the option's choices */

const char *ps_count_method_name(enum ps_count_method method)
{
    static const char *const names[] = {"none", "exact", "statistics"};
    return names[method];
}

bool validate_is_on(const struct ps_plan_request *request)
{
    return ps_config_is_set(request->config, "validation_count") || metadata_is_on(request);
}

/* EXACT or STATISTICS. */
static enum ps_count_method method_of(const struct ps_plan_request *request,
                                      const struct ps_plan_table *table)
{
    int choice = ps_config_choice(request->config, "validation_count");
    bool by_query =
        choice == COUNT_BY_QUERY ||
        (choice != COUNT_BY_STATISTICS && (table->sizing.size_class != PS_SIZE_LARGE ||
                                           (request->source_ops->caps & PS_CAP_COUNT_CHEAP) != 0));
    return by_query && request->source_ops->count != NULL ? PS_COUNT_EXACT : PS_COUNT_STATISTICS;
}

static const struct ps_source_ops *source_ops(const struct worker *worker)
{
    return worker->run->request->plan.source_ops;
}

/* Makes the reader known to run_stop. False: the run is stopping. */
static bool announce(struct worker *worker, struct ps_reader *reader)
{
    struct run *run = worker->run;
    ps_mutex_lock(&run->lock);
    bool go_on = !run->stopping;
    worker->reader = go_on ? reader : NULL;
    worker->job = NULL;
    ps_mutex_unlock(&run->lock);
    return go_on;
}

static enum ps_status count_batches(struct ps_reader *reader, struct ps_batch *batch,
                                    const struct ps_marks *marks, int64_t *ret_rows,
                                    struct ps_error *err)
{
    int64_t rows = 0;
    enum ps_status status = PS_OK;
    while (status == PS_OK) {
        ps_batch_reset(batch);
        status = reader->ops->reader_next(reader, batch, err);
        for (uint32_t i = 0; status == PS_OK && i < batch->rows; i++) {
            rows += !marks_row(marks, &batch->vectors[0], i);
        }
        rows += status == PS_OK ? (int64_t)batch->bad_rows : 0;
    }
    if (status == PS_END) {
        *ret_rows = rows;
        return PS_OK;
    }
    return status;
}

/* Reads the soft-delete column of all rows. */
static enum ps_status count_by_reading(struct worker *worker, const struct ps_plan_table *table,
                                       const struct ps_marks *marks, int64_t *ret_rows,
                                       struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    const uint32_t column = (uint32_t)table->soft_delete;
    const struct ps_read_request request = {
        .table = table->source_table,
        .columns = &table->read_columns[column],
        .columns_count = 1,
        .value_bytes_max = COUNT_BYTES,
    };
    const struct ps_batch_shape shape = {.table = table->read_table,
                                         .columns = &column,
                                         .columns_count = 1,
                                         .rows_max = COUNT_ROWS,
                                         .bytes_max = COUNT_BYTES};
    struct ps_batch *batch = NULL;
    struct ps_reader *reader = NULL;
    enum ps_status status = ps_batch_new(&shape, &batch, err);
    if (status == PS_OK) {
        status = ops->reader_open(worker->source, &request, &reader, err);
    }
    if (status == PS_OK) {
        status = announce(worker, reader) ? count_batches(reader, batch, marks, ret_rows, err)
                                          : run_canceled(err);
        (void)announce(worker, NULL);
        ops->reader_close(reader);
    }
    ps_batch_free(batch);
    return status;
}

static enum ps_status count_rows(struct worker *worker, const struct ps_plan_table *table,
                                 int64_t *ret_rows, struct ps_error *err)
{
    const struct ps_source_ops *ops = source_ops(worker);
    struct ps_count_request request = {.table = table->source_table};
    struct soft_delete deletes = {.numbers = NULL};
    if (table->soft_delete >= 0) {
        uint32_t column = table->read_columns[table->soft_delete];
        enum ps_status made = marks_init(&deletes, worker->run->request->plan.config,
                                         &table->source_table->columns[column], column, err);
        if (made != PS_OK) {
            return made;
        }
        request.marks = &deletes.marks;
    }
    enum ps_status status = ops->count(worker->source, &request, ret_rows, err);
    if (status == PS_END && request.marks != NULL) {
        status = count_by_reading(worker, table, request.marks, ret_rows, err);
    }
    marks_done(&deletes);
    return status;
}

/* Brings the worker's connection to a point in time, the table's own where that is at hand. */
static enum ps_status take_point(struct worker *worker, uint64_t point, struct ps_error *err)
{
    if (worker->source != NULL && worker->point == point && point != 0) {
        return PS_OK;
    }
    enum ps_status status = worker_source_ready(worker, err);
    worker->point = 0;
    worker->point_tables = 0;
    return status == PS_OK ? source_ops(worker)->pin(worker->source, NULL, err) : status;
}

/* How many rows there are by the method that the subject is to be counted by; a count that fails
 * leaves its reason in `ret_reason`, owned. CANCELED: the run is stopping. */
static enum ps_status count_table(struct worker *worker, const struct validate_subject *subject,
                                  struct ps_validation *counted, char **ret_reason,
                                  struct ps_error *err)
{
    const bool same = worker->source != NULL && worker->point == subject->point;
    enum ps_status status = PS_OK;
    counted->method = method_of(&worker->run->request->plan, subject->table);
    if (counted->method == PS_COUNT_EXACT) {
        status = take_point(worker, subject->point, err);
        if (status == PS_OK) {
            status = count_rows(worker, subject->table, &counted->rows, err);
        }
        counted->same_point = status == PS_OK && same && subject->alone;
    }
    if (status != PS_OK) {
        trouble_note(&worker->run->troubles,
                     (struct trouble_place){.worker = (size_t)(worker - worker->run->workers),
                                            .table = subject->index},
                     err);
        /* Where a statement has failed, its point in time is worth nothing any more. */
        worker_source_drop(worker);
        if (status == PS_CANCELED) {
            return status;
        }
        *ret_reason = ps_strdup(err->message);
        counted->method = PS_COUNT_STATISTICS;
    }
    if (counted->method == PS_COUNT_STATISTICS) {
        counted->rows = subject->table->source_table->rows_estimate;
        counted->method = counted->rows < 0 ? PS_COUNT_NONE : counted->method;
    }
    return PS_OK;
}

enum ps_status validate_table(struct worker *worker, const struct validate_subject *subject,
                              struct ps_error *err)
{
    const struct ps_plan_request *request = &worker->run->request->plan;
    struct event event = {.kind = EVENT_COUNTED,
                          .table = subject->index,
                          .plan = subject->table,
                          .counted = {.wanted = true}};
    if (!validate_is_on(request)) {
        return PS_OK;
    }
    enum ps_status status = count_table(worker, subject, &event.counted, &event.text, err);
    if (status != PS_OK) {
        return status;
    }
    event.counted.at = request->clock->utc(request->clock);
    return run_push(worker->run, event, err);
}
