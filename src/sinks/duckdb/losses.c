/*
 * The counters behind ps_sink_ops.losses.
 */
#include "sinks/duckdb/losses.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sinks/duckdb/packet.h"
#include "sinks/duckdb/tables.h"

static void counters_free(struct duck_counters *counters)
{
    if (counters != NULL) {
        ps_free(counters->cut);
        ps_free(counters);
    }
}

struct duck_counters *duck_losses_add(struct duck_losses *losses, const struct ps_table *table)
{
    struct duck_counters *counters = ps_calloc(1, sizeof *counters);
    if (counters == NULL) {
        return NULL;
    }
    counters->table = table;
    counters->cut = ps_calloc(table->columns_count, sizeof *counters->cut);
    if (counters->cut == NULL) {
        counters_free(counters);
        return NULL;
    }
    counters->next = losses->first;
    losses->first = counters;
    return counters;
}

void duck_losses_cut(const struct duck_packet *packet, uint32_t column, uint64_t values)
{
    atomic_fetch_add_explicit(&packet->counters->cut[packet->batch->columns[column]], values,
                              memory_order_relaxed);
}

/* False: no memory. */
static bool list_add(struct duck_losses *losses, size_t *count, const struct ps_sink_loss *loss)
{
    if (*count == losses->list_capacity) {
        size_t capacity = losses->list_capacity == 0 ? 8 : 2 * losses->list_capacity;
        struct ps_sink_loss *list = ps_realloc(losses->list, capacity * sizeof *list);
        if (list == NULL) {
            return false;
        }
        losses->list = list;
        losses->list_capacity = capacity;
    }
    losses->list[(*count)++] = *loss;
    return true;
}

/* Adds what one table in one shape lost. False: no memory. */
static bool list_counters(struct duck_losses *losses, size_t *count,
                          const struct duck_counters *counters)
{
    const struct ps_table *table = counters->table;
    const struct ps_sink_loss sharing = {
        .table = table,
        .column = duck_table_key_name(table, 0),
        .what = "rows that the changed key does not tell apart become one when it is written again",
        .values = counters->sharing,
    };
    bool ok = sharing.values == 0 || list_add(losses, count, &sharing);
    for (uint32_t i = 0; ok && i < table->columns_count; i++) {
        const struct ps_sink_loss cut = {
            .table = table,
            .column = table->columns[i].name,
            .what = "digits below the microsecond were cut",
            .values = atomic_load(&counters->cut[i]),
        };
        ok = cut.values == 0 || list_add(losses, count, &cut);
    }
    return ok;
}

/* By table, column and kind. */
static int compare_losses(const void *a, const void *b)
{
    const struct ps_sink_loss *left = a, *right = b;
    int order = strcmp(left->table->schema, right->table->schema);
    order = order != 0 ? order : strcmp(left->table->name, right->table->name);
    order = order != 0 ? order : strcmp(left->column, right->column);
    return order != 0 ? order : strcmp(left->what, right->what);
}

/* Makes one entry of those of several shapes of a table. Gives how many stay. */
static size_t list_merge(struct ps_sink_loss *list, size_t count)
{
    size_t kept = 0;
    if (count > 1) {
        qsort(list, count, sizeof *list, compare_losses);
    }
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_losses(&list[kept - 1], &list[i]) == 0) {
            list[kept - 1].values += list[i].values;
        } else {
            list[kept++] = list[i];
        }
    }
    return kept;
}

size_t duck_losses_list(struct duck_losses *losses, const struct ps_sink_loss **ret_losses)
{
    size_t count = 0;
    const struct duck_counters *counters = losses->first;
    while (counters != NULL && list_counters(losses, &count, counters)) {
        counters = counters->next;
    }
    *ret_losses = losses->list;
    return list_merge(losses->list, count);
}

void duck_losses_done(struct duck_losses *losses)
{
    while (losses->first != NULL) {
        struct duck_counters *next = losses->first->next;
        counters_free(losses->first);
        losses->first = next;
    }
    ps_free(losses->list);
    *losses = (struct duck_losses){0};
}
