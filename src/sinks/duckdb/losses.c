/*
 * The counters behind ps_sink_ops.losses.
 */
#include "sinks/duckdb/losses.h"

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

/* Adds to the entry of that table, column and kind, which another shape of the table may have made;
 * false: no memory. */
static bool list_add(struct duck_losses *losses, size_t *count, const struct ps_sink_loss *loss)
{
    for (size_t i = 0; i < *count; i++) {
        struct ps_sink_loss *other = &losses->list[i];
        if (other->rows_skipped == loss->rows_skipped && strcmp(other->what, loss->what) == 0 &&
            strcmp(other->column, loss->column) == 0 &&
            strcmp(other->table->name, loss->table->name) == 0 &&
            strcmp(other->table->schema, loss->table->schema) == 0) {
            other->values += loss->values;
            return true;
        }
    }
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

size_t duck_losses_list(struct duck_losses *losses, const struct ps_sink_loss **ret_losses)
{
    size_t count = 0;
    for (struct duck_counters *counters = losses->first; counters != NULL;
         counters = counters->next) {
        const struct ps_table *table = counters->table;
        struct ps_sink_loss sharing = {
            table, duck_table_key_name(table, 0),
            "rows that the changed key does not tell apart become one when it is written again",
            counters->sharing, false};
        if (sharing.values != 0 && !list_add(losses, &count, &sharing)) {
            break;
        }
        for (uint32_t i = 0; i < table->columns_count; i++) {
            struct ps_sink_loss cut = {table, table->columns[i].name,
                                       "digits below the microsecond were cut",
                                       atomic_load(&counters->cut[i]), false};
            if (cut.values != 0 && !list_add(losses, &count, &cut)) {
                break;
            }
        }
    }
    *ret_losses = losses->list;
    return count;
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
