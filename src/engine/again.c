/*
 * Planning a table once more, in the middle of a sync: it was altered, emptied or dropped since the
 * sync began.
 */
#include <string.h>

#include "base/log.h"
#include "engine/flatten.h"
#include "engine/plan.h"
#include "engine/run.h"

#define AGAIN_BYTES_MAX ((size_t)1 << 30)

static void log_warning(void *context, const char *text)
{
    (void)context;
    ps_log(PS_LOG_WARNING, "%s", text);
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
 * Plans a table anew that is not what it was. END: it is gone. It keeps its name at the
 * destination and is loaded in full.
 */
enum ps_status plan_again(struct worker *worker, const struct ps_plan_table *old,
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
    if (!keep_names(worker->again, old, &former) ||
        !flatten_kept(worker->again, old, &former.flattened)) {
        return ps_fail_nomem(err, "describing a table again");
    }
    struct plan_table_request request = {.plan = &worker->run->request->plan,
                                         .arena = worker->again,
                                         .table = table,
                                         .name = &name,
                                         .selected = old->selected,
                                         .state = &former,
                                         .flatten_memory = worker->run->plan->flatten_memory,
                                         .warn = log_warning};
    status = plan_table(&request, planned, err);
    if (status == PS_OK) {
        *ret_table = planned;
    }
    return status;
}
