/* How loads are cut. See parts.h. */
#include "engine/parts.h"

#include <string.h>

/* More parts than these say nothing more of where a load stands, and each costs the state. */
#define PARTS_MAX 4096
#define LIST_BYTES_MAX ((size_t)64 << 20)
/* What the bounds of one load may take of the state, and what they get where none is left. */
#define LOAD_BYTES_MAX ((size_t)48 << 10)
#define LOAD_BYTES_MIN ((size_t)4 << 10)
/* What a table takes besides its names, and besides that for each column. */
#define TABLE_BYTES 300
#define COLUMN_BYTES 5
/* Each costs a question to the source. */
#define TABLES_CUT_MAX 1000

size_t parts_wanted(const struct ps_plan_table *table)
{
    int64_t rows = table->source_table->rows_estimate;
    int64_t each = table->sizing.parameters.partition_rows;
    int64_t wanted = rows <= 0 ? 1 : (rows - 1) / each + 1;
    return wanted > PARTS_MAX ? PARTS_MAX : (size_t)wanted;
}

bool parts_are_planned(const struct ps_source_ops *ops, const struct ps_plan_table *table)
{
    return table->load && table->mode != PS_MODE_CHANGES && ops->plan != NULL &&
           (table->source_table->rows_estimate > table->sizing.parameters.batch_rows ||
            parts_wanted(table) > 1);
}

static size_t bounds_size(const struct ps_partition_list *list)
{
    size_t size = 0;
    for (size_t i = 0; i < list->partitions_count; i++) {
        size += strlen(list->partitions[i].bounds) + sizeof("\"\",") - 1;
    }
    return size;
}

enum ps_status parts_plan(const struct ps_source_ops *ops, struct ps_source *source,
                          const struct ps_plan_table *table, size_t bytes_max,
                          struct ps_partition_list *ret_list, struct ps_error *err)
{
    size_t wanted = parts_wanted(table), stores_max = PARTS_MAX;
    for (;;) {
        struct ps_partition_list list = {.arena = ps_arena_new(LIST_BYTES_MAX),
                                         .stores_max = stores_max};
        *ret_list = list;
        if (list.arena == NULL) {
            return ps_fail_nomem(err, "planning a read");
        }
        enum ps_status status = ops->plan(source, table->source_table, wanted, &list, err);
        size_t size = status == PS_OK ? bounds_size(&list) : 0;
        if (status != PS_OK || size <= bytes_max) {
            *ret_list = list;
            return status;
        }
        size_t parts = list.partitions_count > wanted ? list.partitions_count : wanted;
        if (parts == 1) {
            return PS_OK;
        }
        ps_arena_free(list.arena);
        size_t fewer = (size_t)((double)parts * (double)bytes_max / (double)size);
        fewer = fewer == 0 ? 1 : fewer < parts ? fewer : parts - 1;
        wanted = fewer < wanted ? fewer : wanted;
        stores_max = fewer;
    }
}

/* What the tables will take that the state does not know yet. */
static size_t bytes_to_come(const struct ps_state *state, const struct ps_plan *plan)
{
    size_t size = 0;
    for (size_t i = 0; i < plan->tables_count; i++) {
        const struct ps_table *table = plan->tables[i].source_table;
        if (ps_state_find(state, table->schema, table->name) == NULL) {
            size += TABLE_BYTES + 2 * (strlen(table->schema) + strlen(table->name)) +
                    COLUMN_BYTES * (size_t)table->columns_count;
        }
    }
    return size;
}

enum ps_status parts_bytes_max(const struct ps_state *state, const struct ps_plan *plan,
                               size_t *ret_bytes, struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    enum ps_status status = ps_state_write(state, &text, err);
    size_t taken = text.size + bytes_to_come(state, plan);
    size_t left = taken < PS_STATE_BYTES ? PS_STATE_BYTES - taken : 0;
    ps_buffer_done(&text);
    size_t share = left / (2 * (size_t)PS_THREADS_MAX);
    if (status == PS_OK) {
        share = share > LOAD_BYTES_MAX ? LOAD_BYTES_MAX : share;
        *ret_bytes = share < LOAD_BYTES_MIN ? LOAD_BYTES_MIN : share;
    }
    return status;
}

uint32_t parts_connections_max(const struct ps_source_ops *ops, const struct ps_config *config)
{
    int64_t most = ps_config_integer(config, "threads", PS_THREADS_MAX);
    most = most > PS_THREADS_MAX ? PS_THREADS_MAX : most;
    return ops->readers_max != 0 && ops->readers_max < most ? ops->readers_max : (uint32_t)most;
}

bool parts_show_changes(const struct ps_source_ops *ops, const char *mark, const char *bounds)
{
    if ((ops->caps & PS_CAP_CHANGES) != 0) {
        return true; /* they come after the position, in their own order */
    }
    return mark != NULL && ((ops->caps & PS_CAP_CHANGED) == 0 || ops->shows_changes == NULL ||
                            ops->shows_changes(bounds));
}

bool parts_go_on(const struct ps_source_ops *ops, const struct ps_load_state *load)
{
    bool begun = false;
    for (size_t i = 0; i < load->parts_count && !begun; i++) {
        begun = (load->parts[i].finished && !ps_load_part_is_joined(load, i)) ||
                load->parts[i].position != NULL;
    }
    return begun && (load->cursor_column != NULL ||
                     parts_show_changes(ops, load->mark, load->parts[0].bounds));
}

double parts_read_share(const struct ps_load_state *load)
{
    double read = 0, share = 0;
    for (size_t i = 0; i < load->parts_count; i++) {
        if (!ps_load_part_is_joined(load, i)) {
            share = load->parts[i].finished ? 1 : load->parts[i].position != NULL ? 0.5 : 0;
        }
        read += share;
    }
    return read / (double)load->parts_count;
}

static size_t count_left(const struct ps_load_state *load)
{
    size_t left = 0;
    for (size_t i = 0; i < load->parts_count; i++) {
        left += !load->parts[i].finished;
    }
    return left;
}

/* As the source cuts it now; 0: it could not be asked. */
static size_t count_cut(const struct ps_plan_request *request, struct ps_source *source,
                        const struct ps_plan_table *table, size_t bytes_max)
{
    struct ps_partition_list list;
    struct ps_error ignored = {0};
    enum ps_status status =
        parts_plan(request->source_ops, source, table, bytes_max, &list, &ignored);
    size_t count = list.partitions_count == 0 ? 1 : list.partitions_count;
    ps_arena_free(list.arena);
    return status == PS_OK ? count : 0;
}

enum ps_status parts_count(const struct ps_plan_request *request, struct ps_source *source,
                           struct ps_plan *plan, struct ps_error *err)
{
    const struct ps_source_ops *ops = request->source_ops;
    uint32_t most = parts_connections_max(ops, request->config);
    size_t bytes_max = LOAD_BYTES_MAX, asked = 0;
    enum ps_status status =
        request->state == NULL ? PS_OK : parts_bytes_max(request->state, plan, &bytes_max, err);
    if (status != PS_OK) {
        return status;
    }
    for (size_t i = plan->tables_count; i-- > 0;) { /* the largest are last */
        struct ps_plan_table *table = &plan->tables[i];
        size_t count = 0;
        if (table->resume != NULL) {
            count = table->resume->parts_count;
        } else if (parts_are_planned(ops, table)) {
            if (asked < TABLES_CUT_MAX && !ps_cancel_is_set(request->cancel)) {
                asked++;
                count = count_cut(request, source, table, bytes_max);
                asked = count == 0 ? TABLES_CUT_MAX : asked;
            }
            count = count == 0 ? parts_wanted(table) : count;
        } else {
            count = 1;
        }
        size_t left = table->resume == NULL ? count : count_left(table->resume);
        uint32_t threads = table->sizing.parameters.threads;
        threads = threads > most ? most : threads;
        table->partitions = (uint32_t)count;
        table->partitions_left = (uint32_t)left;
        table->threads = left < threads ? (left == 0 ? 1 : (uint32_t)left) : threads;
    }
    return PS_OK;
}
