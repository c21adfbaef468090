/*
 * Soft deletes. The common batch, without a marked row and without a column to take out, passes
 * through untouched.
 */
#include "engine/transform.h"

#include <string.h>
#include <strings.h>

#include "base/alloc.h"

#define VALUES_MAX 32
#define POOL_KEPT 4

struct transform {
    const struct ps_plan_table *table;
    struct ps_batch_pool *rows_pool;    /* shape of the sink's table; NULL: never needed */
    struct ps_batch_pool *deletes_pool; /* the keys */
    uint32_t *columns;                  /* 0, 1, 2, … for the first; then the keys' */
    uint8_t *selected, *marked;
    const char *const *texts; /* values that mean deleted */
    size_t texts_count;
    ps_int128 numbers[VALUES_MAX]; /* the same at the column's scale */
    size_t numbers_count;
};

/* "true", "yes" and their like mean 1 for a boolean. */
static bool parse_number(const char *text, enum ps_type type, uint8_t scale, ps_int128 *ret_number)
{
    static const char *const yes[] = {"true", "t", "yes", "y", "on", NULL};
    for (size_t i = 0; type == PS_TYPE_BOOLEAN && yes[i] != NULL; i++) {
        if (strcasecmp(text, yes[i]) == 0) {
            *ret_number = 1;
            return true;
        }
    }
    return ps_decimal_parse(text, strlen(text), scale, ret_number);
}

static enum ps_status make_pools(struct transform *transform, uint32_t rows_max,
                                 struct ps_error *err)
{
    const struct ps_table *sink_table = transform->table->sink_table;
    uint32_t count = sink_table->columns_count;
    transform->columns = ps_malloc_array(2 * (size_t)count + 1, sizeof(uint32_t));
    transform->selected = ps_malloc(rows_max);
    transform->marked = ps_malloc(rows_max);
    if (transform->columns == NULL || transform->selected == NULL || transform->marked == NULL) {
        return ps_fail_nomem(err, "preparing a table's batches");
    }
    uint32_t keys = 0;
    for (uint32_t i = 0; i < count; i++) {
        transform->columns[i] = i;
        if (sink_table->columns[i].key_position != 0) {
            transform->columns[count + keys++] = i;
        }
    }
    struct ps_batch_shape shape = {
        .table = sink_table,
        .columns = transform->columns,
        .columns_count = count,
        .rows_max = rows_max,
        .bytes_max = SIZE_MAX,
    };
    enum ps_status status = ps_batch_pool_new(&shape, POOL_KEPT, &transform->rows_pool, err);
    if (status != PS_OK || keys == 0) {
        return status;
    }
    shape.columns = transform->columns + count;
    shape.columns_count = keys;
    return ps_batch_pool_new(&shape, POOL_KEPT, &transform->deletes_pool, err);
}

enum ps_status transform_new(const struct ps_plan_table *table, const struct ps_config *config,
                             uint32_t rows_max, struct transform **ret_transform,
                             struct ps_error *err)
{
    struct transform *transform = ps_calloc(1, sizeof(*transform));
    if (transform == NULL) {
        return ps_fail_nomem(err, "preparing a table's batches");
    }
    transform->table = table;
    enum ps_status status = PS_OK;
    bool narrows = table->read_table->columns_count != table->sink_table->columns_count;
    if (narrows || table->soft_delete >= 0) {
        status = make_pools(transform, rows_max, err);
    }
    if (table->soft_delete >= 0) {
        const struct ps_column *column = &table->read_table->columns[table->soft_delete];
        transform->texts = ps_config_list(config, "soft_delete_values", &transform->texts_count);
        for (size_t i = 0; i < transform->texts_count && i < VALUES_MAX; i++) {
            if (parse_number(transform->texts[i], column->type, column->scale,
                             &transform->numbers[transform->numbers_count])) {
                transform->numbers_count++;
            }
        }
    }
    if (status != PS_OK) {
        transform_free(transform);
        return status;
    }
    *ret_transform = transform;
    return PS_OK;
}

void transform_free(struct transform *transform)
{
    if (transform == NULL) {
        return;
    }
    ps_batch_pool_free(transform->rows_pool);
    ps_batch_pool_free(transform->deletes_pool);
    ps_free(transform->columns);
    ps_free(transform->selected);
    ps_free(transform->marked);
    ps_free(transform);
}

static bool number_marks(const struct transform *transform, ps_int128 number)
{
    for (size_t i = 0; i < transform->numbers_count; i++) {
        if (transform->numbers[i] == number) {
            return true;
        }
    }
    return false;
}

static bool text_marks(const struct transform *transform, const struct ps_vector *vector,
                       uint32_t row)
{
    size_t size;
    const char *text = (const char *)ps_vector_bytes(vector, row, &size);
    for (size_t i = 0; i < transform->texts_count; i++) {
        if (strlen(transform->texts[i]) == size &&
            strncasecmp(transform->texts[i], text, size) == 0) {
            return true;
        }
    }
    return false;
}

static bool row_marked(const struct transform *transform, const struct ps_vector *vector,
                       uint32_t row)
{
    if (!ps_vector_is_valid(vector, row)) {
        return false;
    }
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        return number_marks(transform, ((uint8_t *)vector->values)[row]);
    case PS_TYPE_SHORT:
        return number_marks(transform, ((int16_t *)vector->values)[row]);
    case PS_TYPE_INT:
        return number_marks(transform, ((int32_t *)vector->values)[row]);
    case PS_TYPE_LONG:
        return number_marks(transform, ((int64_t *)vector->values)[row]);
    case PS_TYPE_DECIMAL:
        return number_marks(transform, ((ps_int128 *)vector->values)[row]);
    default:
        return text_marks(transform, vector, row);
    }
}

/* Fills marked[] and gives the number of marked rows. */
static uint32_t find_marked(struct transform *transform, const struct ps_batch *batch)
{
    if (transform->table->soft_delete < 0) {
        return 0;
    }
    const struct ps_vector *vector = &batch->vectors[transform->table->soft_delete];
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        transform->marked[i] = row_marked(transform, vector, i);
        count += transform->marked[i];
    }
    return count;
}

static enum ps_status copy_selected(struct ps_batch_pool *pool, const struct ps_batch *source,
                                    const uint8_t *selected, enum ps_operation operation,
                                    struct ps_batch **ret_batch, struct ps_error *err)
{
    struct ps_batch *batch;
    enum ps_status status = ps_batch_pool_take(pool, &batch, err);
    if (status != PS_OK) {
        return status;
    }
    status = ps_batch_copy_rows(batch, source, selected, err);
    if (status != PS_OK) {
        ps_batch_release(batch);
        return status;
    }
    batch->operation = operation;
    *ret_batch = batch;
    return PS_OK;
}

enum ps_status transform_apply(struct transform *transform, struct ps_batch *batch, bool load,
                               struct transform_output *ret_output, struct ps_error *err)
{
    struct transform_output output = {.rows = NULL};
    enum ps_status status = PS_OK;
    const struct ps_plan_table *table = transform->table;
    batch->table = table->sink_table;
    bool narrows = table->read_table->columns_count != table->sink_table->columns_count;
    uint32_t marked = find_marked(transform, batch);
    if (marked == 0 && !narrows) {
        ret_output->rows = batch;
        ret_output->deletes = NULL;
        ret_output->dropped = 0;
        return PS_OK;
    }
    for (uint32_t i = 0; i < batch->rows; i++) {
        transform->selected[i] = table->soft_delete < 0 || !transform->marked[i];
    }
    if (marked < batch->rows) {
        status = copy_selected(transform->rows_pool, batch, transform->selected, batch->operation,
                               &output.rows, err);
    }
    if (status == PS_OK && marked > 0) {
        if (load || transform->deletes_pool == NULL) {
            output.dropped = marked;
        } else {
            status = copy_selected(transform->deletes_pool, batch, transform->marked, PS_DELETE,
                                   &output.deletes, err);
        }
    }
    ps_batch_release(batch);
    if (status != PS_OK) {
        ps_batch_release(output.rows);
        return status;
    }
    *ret_output = output;
    return PS_OK;
}
