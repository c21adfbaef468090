/*
 * Batches: making, emptying and copying them (penstock/batch.h, where the puts are inline). What
 * is kept for reuse is in batch_pool.c.
 */
#include "data/batch.h"

#include "base/alloc.h"

#define ARRAY_ALIGNMENT ((size_t)64)
#define BYTES_CAPACITY_FIRST 256u
#define BYTES_KEPT_LEAST ((size_t)1 << 20)

/* The width of one value in `values`; 0: the type is variable-width. */
static size_t type_width(enum ps_type type)
{
    switch (type) {
    case PS_TYPE_BOOLEAN:
        return sizeof(uint8_t);
    case PS_TYPE_SHORT:
        return sizeof(int16_t);
    case PS_TYPE_INT:
    case PS_TYPE_NAIVE_DATE:
        return sizeof(int32_t);
    case PS_TYPE_LONG:
        return sizeof(int64_t);
    case PS_TYPE_FLOAT:
        return sizeof(float);
    case PS_TYPE_DOUBLE:
        return sizeof(double);
    case PS_TYPE_DECIMAL:
        return sizeof(ps_int128);
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        return sizeof(struct ps_timestamp);
    case PS_TYPE_BINARY:
    case PS_TYPE_XML:
    case PS_TYPE_STRING:
    case PS_TYPE_JSON:
    case PS_TYPE_UNSPECIFIED:
        break;
    }
    return 0;
}

static size_t rounded(size_t size)
{
    return (size + ARRAY_ALIGNMENT - 1) & ~(ARRAY_ALIGNMENT - 1);
}

/* One byte more than the rows need, so that the row begun on a full batch can be cleared too. */
static size_t validity_size(uint32_t rows_max)
{
    return rounded((size_t)rows_max / 8 + 1);
}

static void *zeroed_array(size_t size)
{
    void *array = ps_malloc_aligned(rounded(size));
    if (array != NULL) {
        memset(array, 0, rounded(size));
    }
    return array;
}

/* What it allocated before a failure is freed with the batch. */
static bool vector_init(struct ps_vector *vector, const struct ps_column *column, uint32_t rows_max)
{
    vector->type = column->type;
    vector->precision = column->precision;
    vector->scale = column->scale;
    vector->validity = zeroed_array(validity_size(rows_max));
    if (vector->validity == NULL) {
        return false;
    }
    size_t width = type_width(column->type);
    if (width != 0) {
        vector->values = zeroed_array(rows_max * width);
        return vector->values != NULL;
    }
    vector->offsets = zeroed_array(((size_t)rows_max + 1) * sizeof(uint32_t));
    vector->bytes = ps_malloc_aligned(BYTES_CAPACITY_FIRST);
    vector->bytes_capacity = vector->bytes == NULL ? 0 : BYTES_CAPACITY_FIRST;
    return vector->offsets != NULL && vector->bytes != NULL;
}

enum ps_status ps_batch_new(const struct ps_batch_shape *shape, struct ps_batch **ret_batch,
                            struct ps_error *err)
{
    assert(shape->rows_max >= 1 && shape->bytes_max >= 1);
    struct ps_batch *batch = ps_calloc(1, sizeof(*batch));
    if (batch == NULL) {
        return ps_fail_nomem(err, "making a batch");
    }
    batch->operation = PS_UPSERT;
    batch->table = shape->table;
    batch->columns_count = shape->columns_count;
    batch->rows_max = shape->rows_max;
    batch->bytes_max = shape->bytes_max;
    batch->flag = shape->keeps_faulty ? shape->flag : -1;
    batch->faults = shape->keeps_faulty ? ps_calloc(shape->rows_max, 1) : NULL;
    uint32_t *columns = ps_malloc_array(shape->columns_count, sizeof(*columns));
    batch->columns = columns;
    batch->vectors = ps_calloc(shape->columns_count, sizeof(*batch->vectors));
    if (columns == NULL || batch->vectors == NULL ||
        (shape->keeps_faulty && batch->faults == NULL)) {
        goto nomem;
    }
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        assert(shape->columns[i] < shape->table->columns_count);
        columns[i] = shape->columns[i];
        const struct ps_column *column = &shape->table->columns[columns[i]];
        if (!vector_init(&batch->vectors[i], column, shape->rows_max)) {
            goto nomem;
        }
        size_t width = type_width(column->type);
        batch->row_width += width != 0 ? width : sizeof(uint32_t);
    }
    *ret_batch = batch;
    return PS_OK;
nomem:
    batch_destroy(batch);
    return ps_fail_nomem(err, "making a batch");
}

void batch_destroy(struct ps_batch *batch)
{
    for (uint32_t i = 0; batch->vectors != NULL && i < batch->columns_count; i++) {
        ps_free(batch->vectors[i].validity);
        ps_free(batch->vectors[i].values);
        ps_free(batch->vectors[i].offsets);
        ps_free(batch->vectors[i].bytes);
    }
    ps_free(batch->vectors);
    ps_free((void *)(uintptr_t)batch->columns);
    ps_free(batch->faults);
    ps_free(batch);
}

void ps_batch_free(struct ps_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    struct ps_batch_pool *pool = batch->pool;
    batch_destroy(batch);
    if (pool != NULL) {
        batch_pool_forget(pool);
    }
}

/* Gives up a buffer that one large value made grow, where a small one can be had instead. */
static void vector_shrink(struct ps_vector *vector, size_t bytes_max)
{
    size_t kept = bytes_max > SIZE_MAX / 4 ? SIZE_MAX : bytes_max * 4;
    if (kept < BYTES_KEPT_LEAST) {
        kept = BYTES_KEPT_LEAST;
    }
    if (vector->bytes_capacity <= kept) {
        return;
    }
    uint8_t *bytes = ps_malloc_aligned(BYTES_CAPACITY_FIRST);
    if (bytes != NULL) {
        ps_free(vector->bytes);
        vector->bytes = bytes;
        vector->bytes_capacity = BYTES_CAPACITY_FIRST;
    }
}

void ps_batch_reset(struct ps_batch *batch)
{
    /* The row begun, which may have set bits, counts as used. */
    size_t used = (size_t)batch->rows / 8 + 1;
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        struct ps_vector *vector = &batch->vectors[i];
        memset(vector->validity, 0, used);
        vector->bytes_size = 0;
        vector_shrink(vector, batch->bytes_max);
    }
    if (batch->faulty_rows > 0) {
        memset(batch->faults, 0, batch->rows);
    }
    batch->faulty_rows = 0;
    batch->fault = NULL;
    batch->fault_in_key = false;
    batch->operation = PS_UPSERT;
    batch->rows = 0;
    batch->bytes = 0;
    batch->bad_count = 0;
    batch->bad_rows = 0;
}

void ps_batch_release(struct ps_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    if (batch->pool == NULL) {
        batch_destroy(batch);
        return;
    }
    ps_batch_reset(batch);
    batch_pool_put(batch->pool, batch);
}

size_t ps_batch_memory(const struct ps_batch *batch)
{
    size_t memory = sizeof(*batch) + (batch->faults == NULL ? 0 : batch->rows_max);
    memory += batch->columns_count * (sizeof(*batch->vectors) + sizeof(*batch->columns));
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        const struct ps_vector *vector = &batch->vectors[i];
        memory += validity_size(batch->rows_max);
        if (vector->offsets == NULL) {
            memory += rounded(batch->rows_max * type_width(vector->type));
        } else {
            memory += rounded(((size_t)batch->rows_max + 1) * sizeof(uint32_t));
            memory += vector->bytes_capacity;
        }
    }
    return memory;
}

/* Takes off what was put of the row begun. */
static void vector_drop(struct ps_batch *batch, struct ps_vector *vector)
{
    uint32_t row = batch->rows;
    vector->validity[row >> 3] = (uint8_t)(vector->validity[row >> 3] & ~(1u << (row & 7)));
    if (vector->offsets != NULL) {
        batch->bytes -= vector->bytes_size - vector->offsets[row];
        vector->bytes_size = vector->offsets[row];
    }
}

void ps_batch_row_drop(struct ps_batch *batch)
{
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        vector_drop(batch, &batch->vectors[i]);
    }
    batch->fault = NULL;
    batch->fault_in_key = false;
}

static bool is_key(const struct ps_batch *batch, uint32_t column)
{
    return batch->table->columns[batch->columns[column]].key_position != 0;
}

bool ps_batch_column_decides(const struct ps_batch *batch, uint32_t column)
{
    return is_key(batch, column) || (int32_t)column == batch->flag;
}

void ps_batch_value_bad(struct ps_batch *batch, uint32_t column, const char *reason)
{
    vector_drop(batch, &batch->vectors[column]);
    ps_batch_put_null(batch, column);
    batch->fault_in_key = batch->fault_in_key || is_key(batch, column);
    if (batch->fault == NULL) {
        batch->fault = reason;
        batch->fault_column = column;
    }
}

/* The place in `bad` of that fault; PS_BATCH_BAD_MAX: there is no room. */
static uint32_t note_fault(struct ps_batch *batch, uint32_t column, const char *reason)
{
    uint32_t at = 0;
    while (at < batch->bad_count &&
           (batch->bad[at].column != column || strcmp(batch->bad[at].reason, reason) != 0)) {
        at++;
    }
    if (at == batch->bad_count && at < PS_BATCH_BAD_MAX) {
        batch->bad[batch->bad_count++] = (struct ps_bad_rows){.column = column, .reason = reason};
    }
    return at;
}

void ps_batch_row_fault(struct ps_batch *batch, uint32_t row, uint32_t column, const char *reason)
{
    struct ps_vector *vector = &batch->vectors[column];
    assert(batch->faults != NULL && row < batch->rows);
    vector->validity[row >> 3] = (uint8_t)(vector->validity[row >> 3] & ~(1u << (row & 7)));
    if (batch->faults[row] == 0) {
        batch->faults[row] = (uint8_t)(note_fault(batch, column, reason) + 1);
        batch->faulty_rows++;
    }
    if (is_key(batch, column)) {
        batch->faults[row] |= PS_BATCH_FAULT_IN_KEY;
    }
}

/* A delete says which row is gone by its key, where there is one. */
static bool key_is_enough(const struct ps_batch *batch)
{
    return batch->operation == PS_DELETE && batch->table->keys_count > 0 && !batch->fault_in_key;
}

void ps_batch_row_judge(struct ps_batch *batch)
{
    const bool harmless = key_is_enough(batch);
    const uint32_t at = harmless ? 0 : note_fault(batch, batch->fault_column, batch->fault);
    if (!harmless && (batch->faults == NULL || batch->fault_in_key)) {
        ps_batch_row_drop(batch);
        batch->bad_rows++;
        if (at < PS_BATCH_BAD_MAX) {
            batch->bad[at].rows++;
        }
        return;
    }
    if (!harmless) {
        batch->faults[batch->rows] = (uint8_t)(at + 1);
        batch->faulty_rows++;
    }
    batch->fault = NULL;
    batch->fault_in_key = false;
    ps_batch_row_end(batch);
}

bool ps_vector_reserve(struct ps_vector *vector, size_t more)
{
    if (more <= vector->bytes_capacity - vector->bytes_size) {
        return true;
    }
    if (more > UINT32_MAX - vector->bytes_size) {
        return false;
    }
    size_t needed = vector->bytes_size + more;
    size_t capacity = (size_t)vector->bytes_capacity + vector->bytes_capacity / 2;
    if (capacity < needed) {
        capacity = needed;
    }
    capacity = rounded(capacity);
    uint8_t *bytes = ps_malloc_aligned(capacity);
    if (bytes == NULL) {
        return false;
    }
    memcpy(bytes, vector->bytes, vector->bytes_size);
    ps_free(vector->bytes);
    vector->bytes = bytes;
    vector->bytes_capacity = capacity > UINT32_MAX ? UINT32_MAX : (uint32_t)capacity;
    return true;
}

/* The vector of a table's column, which must be in the batch. */
static const struct ps_vector *vector_of_column(const struct ps_batch *batch, uint32_t column)
{
    uint32_t i = 0;
    while (i < batch->columns_count && batch->columns[i] != column) {
        i++;
    }
    assert(i < batch->columns_count);
    return &batch->vectors[i];
}

/* The bytes of the selected rows; those under a NULL are none. */
static size_t selected_bytes(const struct ps_vector *vector, const uint8_t *selected, uint32_t rows)
{
    size_t bytes = 0;
    for (uint32_t row = 0; row < rows; row++) {
        if (selected[row] != 0) {
            bytes += vector->offsets[row + 1] - vector->offsets[row];
        }
    }
    return bytes;
}

/* Room for the bytes is there. */
static void copy_variable(struct ps_batch *target, struct ps_vector *to,
                          const struct ps_vector *from, const uint8_t *selected, uint32_t rows)
{
    uint32_t out = target->rows;
    for (uint32_t row = 0; row < rows; row++) {
        if (selected[row] == 0) {
            continue;
        }
        size_t size;
        const uint8_t *bytes = ps_vector_bytes(from, row, &size);
        memcpy(to->bytes + to->bytes_size, bytes, size);
        to->bytes_size += (uint32_t)size;
        target->bytes += size;
        to->offsets[out + 1] = to->bytes_size;
        if (ps_vector_is_valid(from, row)) {
            ps_vector_set_valid(to, out);
        }
        out++;
    }
}

static void copy_fixed(struct ps_batch *target, struct ps_vector *to, const struct ps_vector *from,
                       const uint8_t *selected, uint32_t rows)
{
    size_t width = type_width(to->type);
    uint8_t *values = (uint8_t *)to->values + target->rows * width;
    uint32_t out = target->rows;
    for (uint32_t row = 0; row < rows; row++) {
        if (selected[row] == 0) {
            continue;
        }
        memcpy(values, (const uint8_t *)from->values + row * width, width);
        values += width;
        if (ps_vector_is_valid(from, row)) {
            ps_vector_set_valid(to, out);
        }
        out++;
    }
}

enum ps_status ps_batch_copy_rows(struct ps_batch *target, const struct ps_batch *source,
                                  const uint8_t *selected, struct ps_error *err)
{
    uint32_t count = 0;
    for (uint32_t row = 0; row < source->rows; row++) {
        count += selected[row] != 0;
    }
    assert(count <= target->rows_max - target->rows);
    /* All memory first, so that a failure leaves the target as it was. */
    for (uint32_t i = 0; i < target->columns_count; i++) {
        struct ps_vector *to = &target->vectors[i];
        const struct ps_vector *from = vector_of_column(source, target->columns[i]);
        assert(from->type == to->type);
        if (to->offsets != NULL &&
            !ps_vector_reserve(to, selected_bytes(from, selected, source->rows))) {
            return ps_fail_nomem(err, "copying rows from one batch to another");
        }
    }
    for (uint32_t i = 0; i < target->columns_count; i++) {
        struct ps_vector *to = &target->vectors[i];
        const struct ps_vector *from = vector_of_column(source, target->columns[i]);
        if (to->offsets != NULL) {
            copy_variable(target, to, from, selected, source->rows);
        } else {
            copy_fixed(target, to, from, selected, source->rows);
        }
    }
    target->rows += count;
    target->bytes += count * target->row_width;
    return PS_OK;
}
