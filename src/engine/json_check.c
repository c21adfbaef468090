/*
 * The values themselves are looked at by base/json.h; what becomes of the rows is decided by the
 * transform.
 */
#include "engine/json_check.h"

#include "base/json.h"

/* `column`: of the read_table. */
static bool is_unchecked(const struct ps_plan_table *table, uint32_t column)
{
    return column < table->sink_table->columns_count && column < table->read_table->columns_count &&
           table->read_table->columns[column].type == PS_TYPE_JSON &&
           table->sink_table->columns[column].type == PS_TYPE_JSON &&
           !table->read_table->columns[column].json_valid;
}

bool json_check_is_needed(const struct ps_plan_table *table)
{
    bool needed = false;
    for (uint32_t i = 0; i < table->read_table->columns_count; i++) {
        needed = needed || is_unchecked(table, i);
    }
    return needed;
}

static void check_column(struct ps_batch *batch, uint32_t column)
{
    const struct ps_vector *vector = &batch->vectors[column];
    for (uint32_t row = 0; row < batch->rows; row++) {
        size_t size;
        if (!ps_vector_is_valid(vector, row)) {
            continue;
        }
        const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
        if (!ps_json_valid(bytes, size)) {
            ps_batch_row_fault(batch, row, column, "the value is not valid JSON");
        }
    }
}

void json_check_batch(const struct ps_plan_table *table, struct ps_batch *batch)
{
    const bool key_alone = batch->operation == PS_DELETE && table->read_table->keys_count > 0;
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        const uint32_t column = batch->columns[i];
        if (is_unchecked(table, column) &&
            (!key_alone || table->read_table->columns[column].key_position != 0)) {
            check_column(batch, i);
        }
    }
}
