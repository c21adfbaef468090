/*
 * Reading a table. A reader walks row indexes and has each row made: a range of them, or, for a
 * window on _LastUpdatedInstant, those that the window's days touched and then those created on
 * them. A window costs what changed, not what there is, as long as it spans at most EHR_PERIOD
 * days; beyond that nearly every row was touched, and the range is read whole and filtered.
 */
#include "reader.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "row.h"
#include "values.h"

enum filter {
    FILTER_NONE,
    FILTER_UPDATED, /* on _LastUpdatedInstant: the row's life is enough */
    FILTER_VALUE,   /* on another column: its value is made to be compared */
};

/* Owned by one thread, but for `canceled`. */
struct ehr_reader {
    struct ps_reader base;
    atomic_bool canceled;
    struct ehr_row row;
    const struct ehr_table *table;
    const struct ehr_column **columns; /* what to read, in the batch's order */
    uint32_t columns_count;

    /* The walk: days up to the hospital's by touches, then one more "day" for a plain range. */
    int64_t day, index; /* what comes next */
    int64_t range_start, range_end;
    bool by_days;
    char position[64];

    enum filter filter;
    struct ps_scalar lower;
    const struct ehr_column *filter_column;
    struct ps_batch *probe; /* FILTER_VALUE: one row of one column */
};

static const struct ehr_column *column_find(const struct ehr_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (strcmp(table->columns[i].name, name) == 0) {
            return &table->columns[i];
        }
    }
    return NULL;
}

static enum ps_status column_of(const struct ehr_table *table, const struct ps_table *asked,
                                uint32_t index, const struct ehr_column **ret_column,
                                struct ps_error *err)
{
    const struct ehr_column *column =
        index < asked->columns_count ? column_find(table, asked->columns[index].name) : NULL;
    if (column == NULL || column->type != asked->columns[index].type) {
        return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA,
                       "reading %s: a column asked for is not there or has another type; describe "
                       "the table again",
                       table->name);
    }
    *ret_column = column;
    return PS_OK;
}

static enum ps_status take_columns(struct ehr_reader *reader, const struct ps_read_request *request,
                                   struct ps_error *err)
{
    reader->columns_count = request->columns_count;
    reader->columns = ps_malloc_array(request->columns_count, sizeof *reader->columns);
    if (reader->columns == NULL) {
        return ps_fail_nomem(err, "opening a reader");
    }
    for (uint32_t i = 0; i < request->columns_count; i++) {
        enum ps_status status =
            column_of(reader->table, request->table, request->columns[i], &reader->columns[i], err);
        if (status != PS_OK) {
            return status;
        }
    }
    return PS_OK;
}

static enum ps_status take_window(struct ehr_reader *reader, const struct ps_read_request *request,
                                  struct ps_error *err)
{
    const struct ps_window *window = request->window;
    const struct ehr_hospital *hospital = reader->row.hospital;
    enum ps_status status =
        column_of(reader->table, request->table, window->column, &reader->filter_column, err);

    if (status != PS_OK || !window->lower.present) {
        return status;
    }
    reader->lower = window->lower;
    if (reader->filter_column->type != window->lower.type) {
        return ps_fail(err, PS_BUG, PS_CLASS_NONE,
                       "reading %s: the window has another type than "
                       "its column %s",
                       reader->table->name, reader->filter_column->name);
    }
    if (reader->filter_column->make != make_updated) {
        struct ps_batch_shape shape = {.table = request->table,
                                       .columns = &window->column,
                                       .columns_count = 1,
                                       .rows_max = 1,
                                       .bytes_max = 1};
        reader->filter = FILTER_VALUE;
        return ps_batch_new(&shape, &reader->probe, err);
    }
    reader->filter = FILTER_UPDATED;
    int64_t first = hospital_day_of(window->lower.time);
    if (first > hospital->day + 1) {
        first = hospital->day + 1; /* nothing is that young; the walk ends at once */
    }
    if (hospital->day - first < EHR_PERIOD) {
        reader->by_days = true;
        reader->day = first;
        reader->range_start = hospital_first_created(hospital, reader->table->id, first);
        reader->index = first > hospital->day
                            ? reader->range_start
                            : hospital_residue(hospital, reader->table->id, first);
    }
    return PS_OK;
}

/* "a-b" of a partition, "i" or "d:i" of a position. */
static bool parse_pair(const char *text, char separator, int64_t *ret_first, int64_t *ret_second)
{
    char *end;
    int64_t first = strtoll(text, &end, 10);
    if (end == text || *end != separator) {
        return false;
    }
    const char *rest = end + 1;
    int64_t second = strtoll(rest, &end, 10);
    if (end == rest || *end != '\0' || second < 0) {
        return false;
    }
    *ret_first = first;
    *ret_second = second;
    return true;
}

static enum ps_status foreign_text(const struct ehr_reader *reader, const char *what,
                                   struct ps_error *err)
{
    return ps_fail(err, PS_EXPIRED, PS_CLASS_NONE,
                   "reading %s: the %s to go on from is not one of this table; the table must be "
                   "loaded again",
                   reader->table->name, what);
}

static enum ps_status take_partition(struct ehr_reader *reader, const char *bounds,
                                     struct ps_error *err)
{
    int64_t start, end;
    if (bounds[0] == '\0') {
        return PS_OK;
    }
    if (!parse_pair(bounds, '-', &start, &end) || start < 0 || start > end ||
        end > reader->range_end) {
        return foreign_text(reader, "partition", err);
    }
    reader->index = start;
    reader->range_start = start;
    reader->range_end = end;
    return PS_OK;
}

static enum ps_status take_position(struct ehr_reader *reader, const char *position,
                                    struct ps_error *err)
{
    int64_t day, index;
    if (reader->by_days) {
        if (!parse_pair(position, ':', &day, &index) || day < reader->day ||
            day > reader->row.hospital->day + 1) {
            return foreign_text(reader, "position", err);
        }
        reader->day = day;
    } else {
        char *end;
        index = strtoll(position, &end, 10);
        if (end == position || *end != '\0' || index < reader->range_start ||
            index > reader->range_end) {
            return foreign_text(reader, "position", err);
        }
    }
    reader->index = index;
    return PS_OK;
}

enum ps_status ehr_reader_open(const struct ehr_hospital *hospital, const struct ps_source_ops *ops,
                               const struct ps_read_request *request, struct ps_reader **ret_reader,
                               struct ps_error *err)
{
    const struct ehr_table *table = ehr_table_find(request->table->name);
    if (table == NULL || request->table->schema[0] != '\0') {
        return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "reading %s: there is no such table",
                       request->table->name);
    }
    struct ehr_reader *reader = ps_calloc(1, sizeof *reader);
    if (reader == NULL) {
        return ps_fail_nomem(err, "opening a reader");
    }
    reader->base.ops = ops;
    atomic_init(&reader->canceled, false);
    reader->table = table;
    reader->row.hospital = hospital;
    reader->row.table = table;
    reader->row.value_bytes_max = request->value_bytes_max;
    reader->range_end = hospital_rows(hospital, table->id, hospital->day);
    reader->day = hospital->day + 1;

    enum ps_status status = PS_OK;
    reader->row.text.bytes = ps_malloc(EHR_TEXT_MAX);
    if (reader->row.text.bytes == NULL) {
        status = ps_fail_nomem(err, "opening a reader");
        goto out;
    }
    status = take_columns(reader, request, err);
    if (status == PS_OK && request->window != NULL) {
        status = take_window(reader, request, err);
    }
    if (status == PS_OK && request->partition != NULL) {
        status = take_partition(reader, request->partition->bounds, err);
    }
    if (status == PS_OK && request->position != NULL) {
        status = take_position(reader, request->position, err);
    }
out:
    if (status != PS_OK) {
        ehr_reader_close(&reader->base);
        return status;
    }
    *ret_reader = &reader->base;
    return PS_OK;
}

/* The next index of the walk; false: there is none. */
static bool walk(struct ehr_reader *reader, int64_t *ret_index)
{
    const struct ehr_hospital *hospital = reader->row.hospital;
    for (;;) {
        bool touches = reader->day <= hospital->day;
        if (reader->index < (touches ? reader->range_start : reader->range_end)) {
            *ret_index = reader->index;
            reader->index += touches ? EHR_PERIOD : 1;
            return true;
        }
        if (!touches) {
            return false;
        }
        reader->day++;
        reader->index = reader->day <= hospital->day
                            ? hospital_residue(hospital, reader->table->id, reader->day)
                            : reader->range_start;
    }
}

static struct ps_scalar probe_value(const struct ehr_reader *reader)
{
    const struct ps_vector *vector = &reader->probe->vectors[0];
    struct ps_scalar value = {.type = vector->type, .scale = vector->scale, .present = true};
    switch (vector->type) {
    case PS_TYPE_SHORT:
        value.integer = *(const int16_t *)vector->values;
        break;
    case PS_TYPE_INT:
    case PS_TYPE_NAIVE_DATE:
        value.integer = *(const int32_t *)vector->values;
        break;
    case PS_TYPE_LONG:
        value.integer = *(const int64_t *)vector->values;
        break;
    case PS_TYPE_DECIMAL:
        value.integer = *(const ps_int128 *)vector->values;
        break;
    default:
        value.time = *(const struct ps_timestamp *)vector->values;
        break;
    }
    return value;
}

/* Cursor types are of fixed width, so that making one needs no memory and cannot fail. */
static bool value_in_window(struct ehr_reader *reader, int64_t index)
{
    uint32_t ordinal = (uint32_t)(reader->filter_column - reader->table->columns);
    struct ps_batch *batch = reader->row.batch;

    ps_batch_reset(reader->probe);
    reader->row.batch = reader->probe;
    row_begin(&reader->row, index);
    bool made = row_put(&reader->row, reader->filter_column, ordinal, 0);
    reader->row.batch = batch;
    if (!made || !ps_vector_is_valid(&reader->probe->vectors[0], 0)) {
        return true; /* NULL: always part of the window */
    }
    struct ps_scalar value = probe_value(reader);
    return ps_scalar_compare(&value, &reader->lower) >= 0;
}

static bool in_window(struct ehr_reader *reader, int64_t index)
{
    struct ehr_life life;
    switch (reader->filter) {
    case FILTER_UPDATED:
        hospital_life(reader->row.hospital, reader->table->id, index, &life);
        return ps_timestamp_compare(row_updated(reader->table, &life), reader->lower.time) >= 0;
    case FILTER_VALUE:
        return value_in_window(reader, index);
    default:
        return true;
    }
}

/* False: out of memory. */
static bool put_row(struct ehr_reader *reader, int64_t index)
{
    struct ehr_row *row = &reader->row;
    row_begin(row, index);
    for (uint32_t at = 0; at < reader->columns_count; at++) {
        const struct ehr_column *column = reader->columns[at];
        if (!row_put(row, column, (uint32_t)(column - reader->table->columns), at)) {
            if (row->bad_reason == NULL) {
                return false;
            }
            ps_batch_value_bad(row->batch, at, row->bad_reason);
            row->bad_reason = NULL;
        }
    }
    ps_batch_row_end(row->batch);
    return true;
}

enum ps_status ehr_reader_next(struct ps_reader *base, struct ps_batch *batch, struct ps_error *err)
{
    struct ehr_reader *reader = (struct ehr_reader *)base;
    int64_t index;

    reader->row.batch = batch;
    while (!ps_batch_full(batch) && batch->bad_rows < batch->rows_max) {
        if (atomic_load_explicit(&reader->canceled, memory_order_relaxed)) {
            return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "reading %s: canceled",
                           reader->table->name);
        }
        if (!walk(reader, &index)) {
            break;
        }
        if (in_window(reader, index) && !put_row(reader, index)) {
            return ps_fail_nomem(err, "reading a row");
        }
    }
    return batch->rows > 0 || batch->bad_rows > 0 ? PS_OK : PS_END;
}

const char *ehr_reader_position(struct ps_reader *base)
{
    struct ehr_reader *reader = (struct ehr_reader *)base;
    if (reader->by_days) {
        snprintf(reader->position, sizeof reader->position, "%" PRId64 ":%" PRId64, reader->day,
                 reader->index);
    } else {
        snprintf(reader->position, sizeof reader->position, "%" PRId64, reader->index);
    }
    return reader->position;
}

void ehr_reader_cancel(struct ps_reader *base)
{
    struct ehr_reader *reader = (struct ehr_reader *)base;
    atomic_store_explicit(&reader->canceled, true, memory_order_relaxed);
}

void ehr_reader_close(struct ps_reader *base)
{
    struct ehr_reader *reader = (struct ehr_reader *)base;
    if (reader == NULL) {
        return;
    }
    ps_batch_free(reader->probe);
    ps_free(reader->columns);
    ps_free(reader->row.text.bytes);
    ps_free(reader);
}
