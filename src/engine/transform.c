/*
 * The common batch, without a marked row, a row with a value at fault, a column to take out and a
 * value to change, passes through untouched.
 */
#include "engine/transform.h"

#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/json.h"
#include "data/convert.h"
#include "engine/json_check.h"
#include "engine/marks.h"
#include "engine/members.h"

#define POOL_KEPT 4

struct transform {
    const struct ps_plan_table *table;
    struct ps_batch_pool *rows_pool; /* shape of the sink's table; NULL: never needed */
    struct ps_batch_pool *keys_pool; /* the keys; NULL: there are none, or as above */
    uint32_t *columns;               /* 0, 1, 2, … for the first; then the keys' */
    uint8_t *selected, *marked, *left_out;
    struct soft_delete soft_delete; /* where the table has such a column */
    const char *empty;              /* in place of empty values; NULL: they stay */
    struct ps_buffer empty_json;    /* the same as a value of JSON */
    bool rewrites;                  /* some value may have to change */
    bool checks_json;               /* … may be invalid JSON */
    uint32_t rows_max;
    const struct ps_table *sink_table;    /* what the pools' batches are of */
    struct members *members;              /* NULL: nothing is taken apart */
    bool inside;                          /* between flatten_enter and flatten_leave */
    const struct flatten_shape *shape;    /* that the pools were made for; NULL: none yet */
    uint16_t places[FLATTEN_COLUMNS_MAX]; /* of the columns behind the source's */
};

static bool is_text(enum ps_type type)
{
    return type == PS_TYPE_STRING || type == PS_TYPE_UNSPECIFIED;
}

/* True where empty values of the column are filled. */
static bool fills(const struct transform *transform, const struct ps_column *column)
{
    return transform->empty != NULL && column->key_position == 0 &&
           (is_text(column->type) || column->type == PS_TYPE_JSON);
}

static bool same_type(const struct ps_column *a, const struct ps_column *b)
{
    return a->type == b->type && a->precision == b->precision && a->scale == b->scale;
}

static enum ps_status prepare_values(struct transform *transform, const struct ps_config *config,
                                     struct ps_error *err)
{
    const struct ps_plan_table *table = transform->table;
    struct ps_json_writer writer;
    transform->empty = table->source_table == NULL
                           ? NULL
                           : ps_config_by_table(config, "empty_value", table->source_table->schema,
                                                table->source_table->name);
    ps_json_writer_init(&writer, &transform->empty_json, false);
    ps_json_put_text(&writer, NULL, transform->empty == NULL ? "" : transform->empty);
    transform->checks_json = json_check_is_needed(table);
    transform->rewrites = table->flattener != NULL;
    for (uint32_t i = 0; i < table->sink_table->columns_count && !transform->rewrites; i++) {
        const struct ps_column *column = &table->sink_table->columns[i];
        transform->rewrites = transform->rewrites || fills(transform, column) ||
                              !same_type(column, &table->read_table->columns[i]);
    }
    return ps_buffer_ok(&transform->empty_json) ? PS_OK
                                                : ps_fail_nomem(err, "preparing a table's batches");
}

static void free_pools(struct transform *transform)
{
    ps_batch_pool_free(transform->rows_pool);
    ps_batch_pool_free(transform->keys_pool);
    ps_free(transform->columns);
    transform->rows_pool = transform->keys_pool = NULL;
    transform->columns = NULL;
}

static enum ps_status make_pools(struct transform *transform, const struct ps_table *sink_table,
                                 struct ps_error *err)
{
    uint32_t count = sink_table->columns_count;
    free_pools(transform);
    transform->sink_table = sink_table;
    transform->columns = ps_malloc_array(2 * (size_t)count + 1, sizeof(uint32_t));
    if (transform->columns == NULL) {
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
        .rows_max = transform->rows_max,
        .bytes_max = SIZE_MAX,
    };
    enum ps_status status = ps_batch_pool_new(&shape, POOL_KEPT, &transform->rows_pool, err);
    if (status != PS_OK || keys == 0) {
        return status;
    }
    shape.columns = transform->columns + count;
    shape.columns_count = keys;
    return ps_batch_pool_new(&shape, POOL_KEPT, &transform->keys_pool, err);
}

static bool narrows(const struct ps_plan_table *table)
{
    return table->flattener == NULL &&
           table->read_table->columns_count != table->sink_table->columns_count;
}

/* What rows are put into, where they do not pass as they are. */
static enum ps_status make_rows(struct transform *transform, struct ps_error *err)
{
    transform->selected = ps_malloc(transform->rows_max);
    transform->marked = ps_malloc(transform->rows_max);
    transform->left_out = ps_malloc(transform->rows_max);
    if (transform->selected == NULL || transform->marked == NULL || transform->left_out == NULL) {
        return ps_fail_nomem(err, "preparing a table's batches");
    }
    return transform->table->flattener != NULL
               ? members_new(transform->table, &transform->members, err)
               : make_pools(transform, transform->table->sink_table, err);
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
    transform->rows_max = rows_max;
    ps_buffer_init(&transform->empty_json, 0);
    enum ps_status status = prepare_values(transform, config, err);
    if (status == PS_OK && (narrows(table) || table->soft_delete >= 0 || transform->rewrites)) {
        status = make_rows(transform, err);
    }
    if (status == PS_OK && table->soft_delete >= 0) {
        status = marks_init(&transform->soft_delete, config,
                            &table->read_table->columns[table->soft_delete],
                            (uint32_t)table->soft_delete, err);
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
    free_pools(transform);
    members_free(transform->members);
    marks_done(&transform->soft_delete);
    ps_free(transform->selected);
    ps_free(transform->marked);
    ps_free(transform->left_out);
    ps_buffer_done(&transform->empty_json);
    ps_free(transform);
}

/* True where nothing can be said of the row, since its key cannot be carried. */
static bool is_lost(const struct ps_batch *batch, uint32_t row)
{
    return batch->faulty_rows > 0 && (batch->faults[row] & PS_BATCH_FAULT_IN_KEY) != 0;
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
        transform->marked[i] =
            !is_lost(batch, i) && marks_row(&transform->soft_delete.marks, vector, i);
        count += transform->marked[i];
    }
    return count;
}

/* True for null, "", [] and {}, whatever blanks stand around and in them. */
static bool json_says_nothing(const char *text, size_t size)
{
    static const char *const nothings[] = {"null", "\"\"", "[]", "{}", NULL};
    char kept[sizeof("null")];
    size_t count = 0;
    for (size_t i = 0; i < size; i++) {
        bool in_text = count == 1 && kept[0] == '"';
        if (strchr(" \t\r\n", text[i]) != NULL && text[i] != '\0' && !in_text) {
            continue;
        }
        if (count == sizeof(kept) - 1) {
            return false;
        }
        kept[count++] = text[i];
    }
    kept[count] = '\0';
    size_t at = 0;
    while (nothings[at] != NULL && strcmp(nothings[at], kept) != 0) {
        at++;
    }
    return nothings[at] != NULL;
}

/* True where the value is empty: NULL, no text, or JSON that says nothing. */
static bool is_empty(const struct ps_vector *vector, uint32_t row)
{
    if (!ps_vector_is_valid(vector, row)) {
        return true;
    }
    if (vector->offsets == NULL) {
        return false;
    }
    size_t size;
    const char *text = (const char *)ps_vector_bytes(vector, row, &size);
    return size == 0 || (vector->type == PS_TYPE_JSON && json_says_nothing(text, size));
}

/* The batch says of rows by their keys what becomes of them. */
static bool takes_keys(const struct ps_batch *target)
{
    return target->operation == PS_DELETE || target->operation == PS_KEEP;
}

/* Puts the text that stands for an empty value, or NULL where there is none. */
static bool put_empty(struct transform *transform, struct ps_batch *target, uint32_t column)
{
    const struct ps_column *sent = &transform->sink_table->columns[target->columns[column]];
    if (takes_keys(target) || !fills(transform, sent)) {
        ps_batch_put_null(target, column);
        return true;
    }
    bool json = sent->type == PS_TYPE_JSON;
    const char *text = json ? ps_buffer_text(&transform->empty_json) : transform->empty;
    return ps_batch_put_bytes(target, column, text, strlen(text));
}

/* Puts a member of a JSON column; one that is missing is an empty value. */
static bool put_member(struct transform *transform, struct ps_batch *target, uint32_t column)
{
    uint32_t behind = target->columns[column] - transform->table->sent_count;
    const struct ps_leaf *leaf = members_leaf(transform->members, transform->places[behind]);
    return leaf == NULL ||
                   (leaf->kind == PS_JSON_STRING && leaf->size == 0 && transform->empty != NULL)
               ? put_empty(transform, target, column)
               : ps_leaf_put(target, column, leaf);
}

/* Puts one value. `ret_bad`: why the row cannot be carried; NULL: it can. */
static enum ps_status put_value(struct transform *transform, struct ps_batch *target,
                                uint32_t column, const struct ps_batch *source, uint32_t row,
                                const char **ret_bad, struct ps_error *err)
{
    uint32_t index = target->columns[column];
    const struct ps_column *sent = &transform->sink_table->columns[index];
    const char *rest = NULL;
    size_t rest_size = 0;
    bool ok;
    *ret_bad = NULL;
    if (transform->members != NULL && index >= transform->table->sent_count) {
        ok = put_member(transform, target, column);
    } else if (transform->members != NULL && !takes_keys(target) &&
               members_rest(transform->members, index, &rest, &rest_size)) {
        ok = rest == NULL ? put_empty(transform, target, column)
                          : ps_batch_put_bytes(target, column, rest, rest_size);
    } else if (!takes_keys(target) && fills(transform, sent) &&
               is_empty(&source->vectors[index], row)) {
        ok = put_empty(transform, target, column);
    } else {
        return ps_convert_put(target, column, &source->vectors[index], row, ret_bad, err);
    }
    return ok ? PS_OK : ps_fail_nomem(err, "putting a value into a batch");
}

static size_t wishes(const struct transform *transform)
{
    size_t count;
    (void)members_wishes(transform->members, &count);
    return count;
}

/* Puts the selected rows value by value. A row of which one is bad is left out. */
static enum ps_status rewrite_rows(struct transform *transform, struct ps_batch *target,
                                   const struct ps_batch *source, const uint8_t *selected,
                                   struct ps_error *err)
{
    enum ps_status status = PS_OK;
    for (uint32_t row = 0; row < source->rows && status == PS_OK; row++) {
        const char *bad = NULL;
        if (!selected[row]) {
            continue;
        }
        if (transform->members != NULL && !takes_keys(target)) {
            status = members_take(transform->members, transform->shape, source, row, err);
        }
        if (transform->members != NULL && wishes(transform) > 0) {
            continue; /* all rows are taken apart again, with other columns */
        }
        for (uint32_t i = 0; i < target->columns_count && status == PS_OK; i++) {
            status = put_value(transform, target, i, source, row, &bad, err);
            if (bad != NULL) {
                ps_batch_value_bad(target, i, bad);
            }
        }
        if (status == PS_OK) {
            const uint32_t rows = target->rows;
            ps_batch_row_end(target);
            transform->left_out[row] |= target->rows == rows;
        }
    }
    return status;
}

/* `column`: of the read_table. */
static void add_reason(struct transform_output *output, uint32_t column, const char *reason,
                       uint64_t rows)
{
    uint32_t at = 0;
    while (at < output->bad_count &&
           (output->bad[at].column != column || strcmp(output->bad[at].reason, reason) != 0)) {
        at++;
    }
    if (at == PS_BATCH_BAD_MAX) {
        return;
    }
    if (at == output->bad_count) {
        output->bad[output->bad_count++] = (struct ps_bad_rows){column, reason, 0};
    }
    output->bad[at].rows += rows;
}

/* What was given up while values were changed. */
static void count_bad(struct transform_output *output, const struct ps_batch *batch)
{
    output->bad_rows += batch->bad_rows;
    for (uint32_t i = 0; i < batch->bad_count; i++) {
        add_reason(output, batch->columns[batch->bad[i].column], batch->bad[i].reason,
                   batch->bad[i].rows);
    }
}

/*
 * Which rows are sent as they are: neither those that are marked as deleted nor those of which a
 * value cannot be carried, which are counted. Of a row that is both the mark counts: its key is all
 * that is sent of it.
 */
static uint32_t select_rows(struct transform *transform, const struct ps_batch *batch,
                            uint32_t marked, struct transform_output *output)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < batch->rows; i++) {
        const bool deleted = marked > 0 && transform->marked[i];
        const uint8_t fault = batch->faulty_rows > 0 && !deleted ? batch->faults[i] : 0;
        transform->selected[i] = !deleted && fault == 0;
        transform->left_out[i] = fault != 0 && !is_lost(batch, i);
        count += transform->selected[i];
        output->bad_rows += fault != 0;
        const uint32_t reason = fault & ~PS_BATCH_FAULT_IN_KEY;
        if (fault != 0 && reason <= PS_BATCH_BAD_MAX) {
            const struct ps_bad_rows *bad = &batch->bad[reason - 1];
            add_reason(output, batch->columns[bad->column], bad->reason, 1);
        }
    }
    return count;
}

/* Which of the rows go into a batch, and as what. */
struct choice {
    const uint8_t *rows;
    struct ps_batch_pool *pool;
    enum ps_operation operation;
    bool counts; /* those of them that cannot be carried have not been counted yet */
};

/* The chosen rows; NULL where none of them can be carried. */
static enum ps_status copy_chosen(struct transform *transform, const struct ps_batch *source,
                                  const struct choice *choice, struct transform_output *output,
                                  struct ps_batch **ret_batch, struct ps_error *err)
{
    struct ps_batch *batch;
    enum ps_status status = ps_batch_pool_take(choice->pool, &batch, err);
    if (status != PS_OK) {
        return status;
    }
    batch->operation = choice->operation;
    status = transform->rewrites ? rewrite_rows(transform, batch, source, choice->rows, err)
                                 : ps_batch_copy_rows(batch, source, choice->rows, err);
    if (status == PS_OK && choice->counts) {
        count_bad(output, batch);
    }
    if (status != PS_OK || batch->rows == 0) {
        ps_batch_release(batch);
        return status;
    }
    *ret_batch = batch;
    return PS_OK;
}

static bool any(const uint8_t *rows, uint32_t count)
{
    return memchr(rows, 1, count) != NULL;
}

/* Fills the output, or drops what a load leaves out. */
static enum ps_status make_output(struct transform *transform, const struct ps_batch *batch,
                                  uint32_t marked, uint32_t flags, struct transform_output *output,
                                  struct ps_error *err)
{
    enum ps_status status = PS_OK;
    if (select_rows(transform, batch, marked, output) > 0) {
        const struct choice sent = {transform->selected, transform->rows_pool, batch->operation,
                                    true};
        status = copy_chosen(transform, batch, &sent, output, &output->rows, err);
    }
    if (status == PS_OK && marked > 0 &&
        ((flags & TRANSFORM_DROPS_MARKED) != 0 || transform->keys_pool == NULL)) {
        output->dropped = marked;
    } else if (status == PS_OK && marked > 0) {
        const struct choice gone = {transform->marked, transform->keys_pool, PS_DELETE, true};
        status = copy_chosen(transform, batch, &gone, output, &output->deletes, err);
    }
    if (status == PS_OK && (flags & TRANSFORM_KEEPS_LEFT_OUT) != 0 &&
        transform->keys_pool != NULL && any(transform->left_out, batch->rows)) {
        const struct choice kept = {transform->left_out, transform->keys_pool, PS_KEEP, false};
        status = copy_chosen(transform, batch, &kept, output, &output->kept, err);
    }
    return status;
}

/* Pools for the shape's columns. */
static enum ps_status use_shape(struct transform *transform, const struct flatten_shape *shape,
                                struct ps_error *err)
{
    const struct ps_plan_table *plan = shape->plan == NULL ? transform->table : shape->plan;
    uint32_t behind = 0;
    if (transform->shape == shape) {
        return PS_OK;
    }
    for (uint32_t i = 0; i < shape->places_count; i++) {
        if (shape->places[i].column >= 0) {
            transform->places[behind++] = (uint16_t)i;
        }
    }
    enum ps_status status = make_pools(transform, plan->sink_table, err);
    transform->shape = status == PS_OK ? shape : NULL;
    return status;
}

static void forget_output(struct transform_output *output)
{
    ps_batch_release(output->rows);
    ps_batch_release(output->deletes);
    ps_batch_release(output->kept);
    *output = (struct transform_output){.rows = NULL};
}

/* Takes JSON apart, with more columns each time until all members have theirs. */
static enum ps_status make_flattened(struct transform *transform, const struct ps_batch *batch,
                                     uint32_t marked, uint32_t flags,
                                     struct transform_output *output, struct ps_error *err)
{
    struct flattener *flattener = transform->table->flattener;
    for (;;) {
        const struct flatten_shape *shape = flatten_enter(flattener);
        enum ps_status status = use_shape(transform, shape, err);
        if (status == PS_OK) {
            status = make_output(transform, batch, marked, flags, output, err);
        }
        size_t count;
        const struct flatten_wish *wanted = members_wishes(transform->members, &count);
        output->plan = shape->plan == NULL ? transform->table : shape->plan;
        if (status == PS_OK && count == 0) {
            transform->inside = true; /* until transform_sent */
            return PS_OK;
        }
        flatten_leave(flattener);
        forget_output(output);
        if (status == PS_OK) {
            status = flatten_grow(flattener, transform->table, wanted, count, err);
        }
        members_forget_wishes(transform->members);
        if (status != PS_OK) {
            return status;
        }
    }
}

void transform_sent(struct transform *transform)
{
    if (transform->inside) {
        transform->inside = false;
        flatten_leave(transform->table->flattener);
    }
}

enum ps_status transform_apply(struct transform *transform, struct ps_batch *batch, uint32_t flags,
                               struct transform_output *ret_output, struct ps_error *err)
{
    struct transform_output output = {.plan = transform->table};
    const struct ps_plan_table *table = transform->table;
    if (transform->checks_json) {
        json_check_batch(table, batch);
    }
    uint32_t marked = find_marked(transform, batch);
    if (marked == 0 && batch->faulty_rows == 0 && !narrows(table) && !transform->rewrites) {
        batch->table = table->sink_table;
        output.rows = batch;
        *ret_output = output;
        return PS_OK;
    }
    enum ps_status status = transform->selected == NULL ? make_rows(transform, err) : PS_OK;
    if (status == PS_OK) {
        status = transform->members != NULL
                     ? make_flattened(transform, batch, marked, flags, &output, err)
                     : make_output(transform, batch, marked, flags, &output, err);
    }
    ps_batch_release(batch);
    if (status != PS_OK) {
        forget_output(&output);
        return status;
    }
    *ret_output = output;
    return PS_OK;
}
