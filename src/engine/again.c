/*
 * Planning a table once more, in the middle of a sync: it was altered, emptied or dropped since the
 * sync began.
 */
#include <string.h>

#include "base/alloc.h"
#include "engine/flatten.h"
#include "engine/plan.h"
#include "engine/run.h"

#define AGAIN_BYTES_MAX ((size_t)1 << 30)

/* Who plans which table, and whether the writer could be told of it so far. */
struct telling {
    struct worker *worker;
    const struct job *job;
    enum ps_status status;
    struct ps_error *err;
};

static void tell_warning(void *context, const char *text)
{
    struct telling *telling = context;
    const struct job *job = telling->job;
    struct event event = {.kind = EVENT_WARNING, .table = job->index, .plan = job->table};
    if (telling->status != PS_OK) {
        return;
    }
    event.text = ps_strdup(text);
    telling->status = event.text == NULL ? ps_fail_nomem(telling->err, "telling of a changed table")
                                         : run_push(telling->worker->run, event, telling->err);
}

/* Lists and describes the one table again. END: it is gone. */
static enum ps_status find_again(struct worker *worker, const struct ps_table *old,
                                 struct ps_table **ret_table, struct ps_error *err)
{
    const struct ps_source_ops *ops = worker->run->request->plan.source_ops;
    struct ps_table_list list = {.arena = worker->again};
    worker_source_drop(worker); /* what it knows of the catalog is out of date */
    enum ps_status status = worker_source_ready(worker, err);
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
    for (uint32_t i = 0; i < old->sent_count; i++) {
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
 * What stands for the state, which is the writer's: names stay, what the table was is compared with
 * what it is where it was read before, and nothing is gone on with. False: no memory.
 */
static bool stand_in(struct ps_arena *arena, const struct ps_plan_table *old,
                     const struct ps_table *table, struct ps_table_state *ret_former)
{
    *ret_former =
        (struct ps_table_state){.schema = table->schema, .table = table->name, .loading = true};
    if (old->read_before) {
        ret_former->mode = ps_mode_name(old->mode);
        ret_former->fingerprint = old->fingerprint;
    }
    return keep_names(arena, old, ret_former) && flatten_kept(arena, old, &ret_former->flattened);
}

/* Why a table is loaded that was planned again, and need not be each time; a load's own reason
 * stays. */
static const char *reason_again(const struct job *job)
{
    const struct ps_plan_table *old = job->table;
    if (old->load && old->resume == NULL && old->load_reason != NULL) {
        return old->load_reason;
    }
    return job->stop == PS_EXPIRED ? "its history is gone"
                                   : "it was altered or emptied during the sync";
}

/*
 * Plans a job's table anew that is not what it was. END: it is gone. It keeps its name at the
 * destination and is loaded in full.
 */
enum ps_status plan_again(struct worker *worker, const struct job *job,
                          const struct ps_plan_table **ret_table, struct ps_error *err)
{
    const struct ps_plan_table *old = job->table;
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
    struct ps_table_state former;
    if (!stand_in(worker->again, old, table, &former)) {
        return ps_fail_nomem(err, "describing a table again");
    }
    struct telling telling = {worker, job, PS_OK, err};
    struct plan_table_request request = {.plan = &worker->run->request->plan,
                                         .arena = worker->again,
                                         .table = table,
                                         .name = &name,
                                         .selected = old->selected,
                                         .state = &former,
                                         .flatten_memory = worker->run->plan->flatten_memory,
                                         .warn = tell_warning,
                                         .context = &telling};
    status = plan_table(&request, planned, err);
    if (status == PS_OK) {
        status = telling.status;
    }
    if (status == PS_OK) {
        if (planned->load && planned->mode != PS_MODE_FULL) {
            planned->load_reason = reason_again(job);
        }
        *ret_table = planned;
    }
    return status;
}
