/*
 * Open batches, and what the sink is told. See slots.h.
 */
#include "tester/slots.h"

#include <string.h>

#include "base/alloc.h"

#define BATCH_ROWS 4096u
#define BATCH_BYTES ((size_t)4 << 20)
#define POOL_KEPT 8u

static void slot_free(struct tester_slot *slot)
{
    ps_batch_release(slot->batch);
    ps_batch_pool_free(slot->pool);
    if (slot->table != NULL) {
        slot->table->slot = NULL;
    }
    *slot = (struct tester_slot){0};
}

void slots_done(struct slots *slots)
{
    for (size_t i = 0; i < SLOTS; i++) {
        slot_free(&slots->slots[i]);
    }
}

/* The batch belongs to the sink from here on. */
static enum ps_status slot_write(struct slots *slots, struct tester_slot *slot,
                                 struct ps_error *err)
{
    struct ps_batch *batch = slot->batch;
    struct ps_packet *packet = NULL;
    slot->batch = NULL;
    if (batch == NULL || batch->rows == 0) {
        ps_batch_release(batch);
        return PS_OK;
    }
    enum ps_status status = slots->ops->prepare(slots->sink, batch, &packet, err);
    return status == PS_OK ? slots->ops->write(slots->sink, packet, err) : status;
}

enum ps_status slots_flush(struct slots *slots, struct tester_table *table, struct ps_error *err)
{
    return table->slot == NULL ? PS_OK : slot_write(slots, table->slot, err);
}

enum ps_status slots_flush_all(struct slots *slots, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < SLOTS; i++) {
        status = slot_write(slots, &slots->slots[i], err);
    }
    return status;
}

enum ps_status slots_tell(struct slots *slots, struct tester_table *table, bool all,
                          struct ps_error *err)
{
    const struct ps_table *before = table->shape;
    bool changed = false;
    enum ps_status status = slots_flush(slots, table, err);
    if (status == PS_OK) {
        status = roster_shape(slots->roster, table, all, err);
    }
    if (status != PS_OK || table->told || table->shape->columns_count == 0) {
        return status;
    }
    status = slots->ops->schema_change(slots->sink, table->shape, &changed, err);
    if (status == PS_OK) {
        table->told = true;
        if (changed) {
            table->counts.schema_changes++;
            slots->changed(slots->context, table, before);
        }
    }
    return status;
}

enum ps_status slots_look_up(struct slots *slots, struct tester_table *table, struct ps_error *err)
{
    const struct ps_table name = {.schema = table->schema, .name = table->name};
    struct ps_table *found = NULL;
    enum ps_status status = PS_END;
    if (slots->ops->describe != NULL) {
        status = slots->ops->describe(slots->sink, &name, slots->roster->shapes, &found, err);
    }
    if (status == PS_OK || status == PS_END) {
        roster_found(table, status == PS_OK ? found : NULL);
        return PS_OK;
    }
    return status;
}

/* A free slot, else the one that was not asked for the longest. */
static enum ps_status slot_take(struct slots *slots, struct tester_table *table,
                                struct ps_error *err)
{
    struct tester_slot *oldest = &slots->slots[0];
    for (size_t i = 0; i < SLOTS && oldest->table != NULL; i++) {
        if (slots->slots[i].table == NULL || slots->slots[i].used < oldest->used) {
            oldest = &slots->slots[i];
        }
    }
    enum ps_status status = slot_write(slots, oldest, err);
    slot_free(oldest);
    oldest->table = table;
    table->slot = oldest;
    return status;
}

static enum ps_status batch_open(struct tester_slot *slot, const struct slots_want *want,
                                 struct ps_error *err)
{
    const struct ps_table *shape = slot->table->shape;
    struct ps_batch_shape batch = {
        .table = shape,
        .columns = want->columns,
        .columns_count = want->columns_count,
        .rows_max = BATCH_ROWS,
        .bytes_max = BATCH_BYTES,
    };
    enum ps_status status = PS_OK;
    if (want->columns != NULL) {
        status = ps_batch_new(&batch, &slot->batch, err);
    } else {
        if (slot->pool_shape != shape) {
            uint32_t *columns = ps_malloc_array(shape->columns_count, sizeof *columns);
            if (columns == NULL) {
                return ps_fail_nomem(err, "taking rows");
            }
            for (uint32_t i = 0; i < shape->columns_count; i++) {
                columns[i] = i;
            }
            batch.columns = columns;
            batch.columns_count = shape->columns_count;
            ps_batch_pool_free(slot->pool);
            slot->pool = NULL;
            slot->pool_shape = NULL;
            status = ps_batch_pool_new(&batch, POOL_KEPT, &slot->pool, err);
            ps_free(columns);
            slot->pool_shape = status == PS_OK ? shape : NULL;
        }
        if (status == PS_OK) {
            status = ps_batch_pool_take(slot->pool, &slot->batch, err);
        }
    }
    if (status == PS_OK) {
        slot->batch->operation = want->operation;
    }
    return status;
}

static bool batch_suits(const struct ps_batch *batch, const struct tester_table *table,
                        const struct slots_want *want)
{
    return batch->table == table->shape && batch->operation == want->operation &&
           (want->columns == NULL || (batch->columns_count == want->columns_count &&
                                      memcmp(batch->columns, want->columns,
                                             want->columns_count * sizeof *want->columns) == 0));
}

enum ps_status slots_batch(struct slots *slots, struct tester_table *table,
                           const struct slots_want *want, struct ps_batch **ret_batch,
                           struct ps_error *err)
{
    enum ps_status status = PS_OK;
    struct tester_slot *slot = table->slot;
    if (slot != NULL && slot->batch != NULL && !ps_batch_full(slot->batch) &&
        batch_suits(slot->batch, table, want)) {
        *ret_batch = slot->batch;
        return PS_OK;
    }
    if (slot == NULL) {
        status = slot_take(slots, table, err);
        slot = table->slot;
    } else {
        status = slot_write(slots, slot, err);
    }
    slot->used = ++slots->clock;
    if (status == PS_OK) {
        status = batch_open(slot, want, err);
    }
    if (status == PS_OK) {
        *ret_batch = slot->batch;
    }
    return status;
}
