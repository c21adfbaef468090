/*
 * The fake source's members, over the tables of fake_database.c.
 */
#include "fake_source.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "fake_database.h"

struct fake_reader {
    struct ps_reader base;
    struct fake_database *database;
    char table[64];
    struct fake_column *columns; /* what is read, in the batch's order */
    uint32_t *places;            /* of each of them among the row's values */
    uint32_t columns_count;
    uint64_t time;
    size_t next, end;       /* places of rows; end SIZE_MAX: all there are */
    uint64_t changed_since; /* 0: all rows */
    bool windowed;
    uint32_t window_place;
    struct fake_column window_column;
    struct ps_scalar lower;
    size_t value_bytes_max;
    bool canceled;  /* under the database's lock */
    bool ordered;   /* `order` is read, … */
    bool positions; /* … or what is read has no positions */
    struct fake_order order;
    char position[256];
};

static enum ps_status gone(const char *table, struct ps_error *err)
{
    return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA, "the table %s is not what it was", table);
}

static enum ps_status fake_open(const struct ps_source_request *request,
                                struct ps_source **ret_source, struct ps_error *err)
{
    struct fake_database *database = fake_database_current();
    struct fake_fault fault;

    assert(database != NULL);
    if (fake_enter(database, FAKE_OPEN, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    struct fake_source *source = ps_calloc(1, sizeof *source);
    if (source == NULL) {
        return ps_fail_nomem(err, "opening the fake source");
    }
    source->base.ops = &database->ops;
    source->database = database;
    source->cancel = request->cancel;
    ps_mutex_lock(&database->lock);
    source->next = database->open;
    database->open = source;
    database->open_count++;
    if (database->open_count > database->open_peak) {
        database->open_peak = database->open_count;
    }
    ps_mutex_unlock(&database->lock);
    *ret_source = &source->base;
    return PS_OK;
}

static void fake_close(struct ps_source *base)
{
    struct fake_source *source = (struct fake_source *)base;
    if (source == NULL) {
        return;
    }
    struct fake_database *database = source->database;
    ps_mutex_lock(&database->lock);
    struct fake_source **link = &database->open;
    while (*link != source) {
        link = &(*link)->next;
    }
    *link = source->next;
    database->open_count--;
    ps_mutex_unlock(&database->lock);
    ps_free(source);
}

static enum ps_status fake_test(const struct ps_source_request *request, const char *name,
                                struct ps_error *err)
{
    struct fake_fault fault;
    (void)request;
    if (fake_enter(fake_database_current(), FAKE_TEST, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    if (strcmp(name, "connect") != 0 && strcmp(name, "select") != 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "there is no test named %s", name);
    }
    return PS_OK;
}

static struct fake_database *database_of(struct ps_source *source)
{
    return ((struct fake_source *)source)->database;
}

static int64_t estimate_of(const struct fake_database *database, const struct fake_table *table)
{
    return table->estimate >= 0 ? table->estimate : fake_rows_visible(table, database->time);
}

static enum ps_status list_table(const struct fake_database *database,
                                 const struct fake_table *known, struct ps_table_list *list,
                                 struct ps_error *err)
{
    struct ps_table *table = NULL;
    enum ps_status status = ps_table_list_add(list, &table, err);
    if (status != PS_OK) {
        return status;
    }
    table->schema = ps_arena_strdup(list->arena, known->schema);
    table->name = ps_arena_strdup(list->arena, known->name);
    table->rows_estimate = estimate_of(database, known);
    table->bytes_estimate = table->rows_estimate * 64;
    return table->schema == NULL || table->name == NULL ? ps_fail_nomem(err, "listing tables")
                                                        : PS_OK;
}

static enum ps_status fake_list_tables(struct ps_source *source, struct ps_table_list *list,
                                       struct ps_error *err)
{
    struct fake_database *database = database_of(source);
    struct fake_fault fault;
    enum ps_status status = PS_OK;

    if (fake_enter(database, FAKE_LIST_TABLES, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    for (size_t i = 0; status == PS_OK && i < database->tables_count; i++) {
        const struct fake_table *table = database->tables[i];
        if (table->dropped) {
            continue;
        }
        status = table->refused ? ps_table_list_refuse(list, table->schema, table->name, err)
                                : list_table(database, table, list, err);
        if (status == PS_OK && table->refused) {
            status = ps_table_list_warn(list, err, "%s is left out: the login may not read it",
                                        table->name);
        }
    }
    ps_mutex_unlock(&database->lock);
    return status;
}

static bool describe_columns(const struct fake_table *known, struct ps_arena *arena,
                             struct ps_table *table)
{
    struct ps_column *columns = ps_arena_array(arena, known->columns_count, sizeof *columns);
    if (columns == NULL) {
        return false;
    }
    table->keys_count = 0;
    for (uint32_t i = 0; i < known->columns_count; i++) {
        const struct fake_column *column = &known->columns[i];
        columns[i] = (struct ps_column){
            .name = ps_arena_strdup(arena, column->name),
            .source_type = ps_type_name(column->type),
            .type = column->type,
            .precision = column->precision,
            .scale = column->scale,
            .key_position = column->key,
            .nullable = column->nullable,
            .indexed = column->indexed,
            .counter = column->counter,
            .null_fraction = -1,
            .source_id = i + 1,
        };
        table->keys_count = (uint16_t)(table->keys_count + (column->key != 0));
        if (columns[i].name == NULL) {
            return false;
        }
    }
    table->columns = columns;
    table->columns_count = known->columns_count;
    table->incarnation = ps_arena_printf(arena, "%" PRIu32, known->incarnation);
    return table->incarnation != NULL;
}

static enum ps_status fake_describe(struct ps_source *source, struct ps_arena *arena,
                                    struct ps_table *table, struct ps_error *err)
{
    struct fake_database *database = database_of(source);
    struct fake_fault fault;
    enum ps_status status = PS_OK;

    if (fake_enter(database, FAKE_DESCRIBE, table->name, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    const struct fake_table *known = fake_table_get(database, table->name);
    if (known == NULL) {
        status = gone(table->name, err);
    } else if (!describe_columns(known, arena, table)) {
        status = ps_fail_nomem(err, "describing a table");
    }
    ps_mutex_unlock(&database->lock);
    return status;
}

static enum ps_status plan_places(const struct fake_table *known, size_t partitions_max,
                                  struct ps_partition_list *list, struct ps_error *err)
{
    size_t places = known->rows_count;
    size_t parts = partitions_max < places ? partitions_max : places;
    parts = parts == 0 ? 1 : parts;
    list->partitions = ps_arena_array(list->arena, parts, sizeof *list->partitions);
    list->partitions_count = 0;
    if (list->partitions == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    for (size_t i = 0; i < parts; i++) {
        struct ps_partition *partition = &list->partitions[i];
        size_t start = places * i / parts, end = places * (i + 1) / parts;
        /* The last one is open: rows may have been added since. */
        partition->bounds = i + 1 == parts ? ps_arena_printf(list->arena, "%zu-", start)
                                           : ps_arena_printf(list->arena, "%zu-%zu", start, end);
        partition->rows_estimate = (int64_t)(end - start);
        if (partition->bounds == NULL) {
            return ps_fail_nomem(err, "planning a table");
        }
    }
    list->partitions_count = parts;
    return PS_OK;
}

static enum ps_status fake_plan(struct ps_source *source, const struct ps_table *table,
                                size_t partitions_max, struct ps_partition_list *list,
                                struct ps_error *err)
{
    struct fake_database *database = database_of(source);
    struct fake_fault fault;
    if (fake_enter(database, FAKE_PLAN, table->name, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    const struct fake_table *known = fake_table_get(database, table->name);
    enum ps_status status =
        known == NULL ? gone(table->name, err) : plan_places(known, partitions_max, list, err);
    ps_mutex_unlock(&database->lock);
    return status;
}

static enum ps_status fake_now(struct ps_source *source, struct ps_now *ret_now,
                               struct ps_error *err)
{
    struct fake_database *database = database_of(source);
    struct fake_fault fault;
    if (fake_enter(database, FAKE_NOW, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    *ret_now = (struct ps_now){
        .utc = database->now,
        .local = database->now,
        .horizon_known = database->horizon_known,
        .horizon_utc = database->horizon,
        .horizon_local = database->horizon,
        .horizon_unknown_reason =
            database->horizon_known ? NULL : "the test did not set a horizon; set one",
        .counter = fake_counter(database),
        .stale_ms = database->stale_ms,
    };
    ps_mutex_unlock(&database->lock);
    return PS_OK;
}

/* With the lock held. */
static enum ps_status join(struct fake_source *source, const char *snapshot, struct ps_error *err)
{
    for (const struct fake_source *other = source->database->open; other != NULL;
         other = other->next) {
        if (other->pinned && strcmp(other->snapshot_name, snapshot) == 0) {
            source->pinned = true;
            source->snapshot = other->snapshot;
            snprintf(source->snapshot_name, sizeof source->snapshot_name, "%s", snapshot);
            return PS_OK;
        }
    }
    return ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_NONE, "the snapshot %s is no more", snapshot);
}

static enum ps_status fake_pin(struct ps_source *base, const char *snapshot, struct ps_error *err)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_database *database = source->database;
    struct fake_fault fault;
    enum ps_status status = PS_OK;

    if (fake_enter(database, FAKE_PIN, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    if (snapshot != NULL) {
        status = join(source, snapshot, err);
    } else {
        source->pinned = true;
        source->snapshot = database->time;
        snprintf(source->snapshot_name, sizeof source->snapshot_name, "time-%" PRIu64,
                 source->snapshot);
    }
    ps_mutex_unlock(&database->lock);
    return status;
}

static enum ps_status fake_snapshot_name(struct ps_source *base, const char **ret_name,
                                         struct ps_error *err)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_fault fault;
    if (fake_enter(source->database, FAKE_SNAPSHOT_NAME, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    *ret_name = source->snapshot_name;
    return PS_OK;
}

/* The fake needs no lock to be true to its point in time; only what is there is looked at. */
static enum ps_status fake_hold(struct ps_source *base, const struct ps_table *table,
                                struct ps_error *err)
{
    struct fake_database *database = database_of(base);
    struct fake_fault fault;
    char incarnation[16];

    if (fake_enter(database, FAKE_HOLD, table->name, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    const struct fake_table *known = fake_table_get(database, table->name);
    snprintf(incarnation, sizeof incarnation, "%" PRIu32, known == NULL ? 0 : known->incarnation);
    bool same = known != NULL && strcmp(incarnation, table->incarnation) == 0;
    ps_mutex_unlock(&database->lock);
    return same ? PS_OK : gone(table->name, err);
}

static enum ps_status fake_mark(struct ps_source *base, const char **ret_mark, struct ps_error *err)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_fault fault;
    if (fake_enter(source->database, FAKE_MARK, NULL, &fault)) {
        return fake_fail(&fault, err);
    }
    snprintf(source->mark, sizeof source->mark, "%" PRIu64, source->snapshot);
    *ret_mark = source->mark;
    return PS_OK;
}

/* With the lock held. False: the table is not as it was described. */
static bool take_column(const struct fake_table *known, const struct ps_table *table,
                        uint32_t index, struct fake_column *ret_column, uint32_t *ret_place)
{
    const struct ps_column *asked = &table->columns[index];
    for (uint32_t i = 0; i < known->columns_count; i++) {
        const struct fake_column *column = &known->columns[i];
        if (strcmp(column->name, asked->name) == 0) {
            *ret_column = *column;
            *ret_place = i;
            return column->type == asked->type && column->precision == asked->precision &&
                   column->scale == asked->scale;
        }
    }
    return false;
}

static enum ps_status take_columns(struct fake_reader *reader, const struct fake_table *known,
                                   const struct ps_read_request *request, struct ps_error *err)
{
    for (uint32_t i = 0; i < request->columns_count; i++) {
        if (!take_column(known, request->table, request->columns[i], &reader->columns[i],
                         &reader->places[i])) {
            return gone(request->table->name, err);
        }
    }
    if (request->window != NULL && request->window->lower.present) {
        reader->windowed = true;
        reader->lower = request->window->lower;
        if (!take_column(known, request->table, request->window->column, &reader->window_column,
                         &reader->window_place)) {
            return gone(request->table->name, err);
        }
        assert(reader->window_column.type == reader->lower.type);
    }
    return PS_OK;
}

static void take_places(struct fake_reader *reader, const struct ps_read_request *request)
{
    char *rest;
    reader->end = SIZE_MAX;
    if (request->partition != NULL && request->partition->bounds[0] != '\0') {
        reader->next = strtoull(request->partition->bounds, &rest, 10);
        assert(*rest == '-');
        if (rest[1] != '\0') {
            reader->end = strtoull(rest + 1, &rest, 10);
        }
    }
    if (request->position != NULL && !reader->ordered) {
        reader->next = strtoull(request->position, &rest, 10);
        assert(rest != request->position && *rest == '\0');
    }
    if (request->changed_since != NULL) {
        assert(request->partition != NULL && request->position == NULL);
        reader->changed_since = strtoull(request->changed_since, &rest, 10);
        assert(rest != request->changed_since && *rest == '\0');
    }
}

static void fake_reader_close(struct ps_reader *base)
{
    struct fake_reader *reader = (struct fake_reader *)base;
    if (reader == NULL) {
        return;
    }
    fake_order_done(&reader->order);
    ps_free(reader->columns);
    ps_free(reader->places);
    ps_free(reader);
}

static struct fake_reader *reader_new(const struct ps_read_request *request)
{
    struct fake_reader *reader = ps_calloc(1, sizeof *reader);
    if (reader == NULL) {
        return NULL;
    }
    reader->columns = ps_calloc(request->columns_count, sizeof *reader->columns);
    reader->places = ps_calloc(request->columns_count, sizeof *reader->places);
    if (reader->columns == NULL || reader->places == NULL) {
        fake_reader_close(&reader->base);
        return NULL;
    }
    reader->columns_count = request->columns_count;
    reader->value_bytes_max = request->value_bytes_max;
    snprintf(reader->table, sizeof reader->table, "%s", request->table->name);
    return reader;
}

/* With the lock held: a window on an indexed cursor, and changes. */
static enum ps_status take_order(struct fake_reader *reader, const struct fake_table *known,
                                 const struct ps_read_request *request, struct ps_error *err)
{
    uint32_t caps = reader->database->ops.caps;
    bool changes = (caps & PS_CAP_CHANGES) != 0 && request->partition == NULL;
    reader->positions = (caps & PS_CAP_RESUME) != 0 && request->window == NULL;
    if (request->window != NULL) {
        struct fake_column column;
        struct fake_window window = {
            .lower = request->window->lower, .time = reader->time, .position = request->position};
        if (!take_column(known, request->table, request->window->column, &column, &window.cursor)) {
            return gone(request->table->name, err);
        }
        reader->ordered = reader->positions = column.indexed && (caps & PS_CAP_RESUME) != 0;
        if (reader->ordered) {
            fake_order_window(&reader->order, known, &window);
        }
    } else if (changes) {
        reader->ordered = reader->positions = true;
        enum ps_status status =
            fake_order_changes(&reader->order, known, reader->time, request->position, err);
        if (status != PS_OK) {
            return status;
        }
        snprintf(reader->position, sizeof reader->position, "%" PRIu64 ",0",
                 known->log_begins < reader->time ? known->log_begins : reader->time);
        if (request->position != NULL) {
            snprintf(reader->position, sizeof reader->position, "%s", request->position);
        }
    }
    take_places(reader, request);
    return PS_OK;
}

static enum ps_status fake_reader_open(struct ps_source *base,
                                       const struct ps_read_request *request,
                                       struct ps_reader **ret_reader, struct ps_error *err)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_database *database = source->database;
    struct fake_fault fault;
    if (fake_enter(database, FAKE_READER_OPEN, request->table->name, &fault)) {
        return fake_fail(&fault, err);
    }
    struct fake_reader *reader = reader_new(request);
    if (reader == NULL) {
        return ps_fail_nomem(err, "opening a reader");
    }
    reader->base.ops = &database->ops;
    reader->database = database;
    ps_mutex_lock(&database->lock);
    reader->time = source->pinned ? source->snapshot : database->time;
    const struct fake_table *known = fake_table_get(database, request->table->name);
    enum ps_status status =
        known == NULL ? gone(request->table->name, err) : take_columns(reader, known, request, err);
    if (status == PS_OK) {
        status = take_order(reader, known, request, err);
    }
    ps_mutex_unlock(&database->lock);
    if (status != PS_OK) {
        fake_reader_close(&reader->base);
        return status;
    }
    *ret_reader = &reader->base;
    return PS_OK;
}

static int64_t integer_of(const char *text, int64_t least, int64_t greatest)
{
    char *end;
    errno = 0;
    int64_t value = strtoll(text, &end, 10);
    assert(errno == 0 && end != text && (*end == '|' || *end == '\0'));
    assert(value >= least && value <= greatest);
    return value;
}

static bool put_counter(struct ps_batch *batch, uint32_t at, const char *text, size_t size)
{
    struct ps_scalar value;
    uint8_t bytes[PS_COUNTER_BYTES];
    bool parsed = ps_scalar_parse(text, size, PS_TYPE_BINARY, 0, &value);
    assert(parsed);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(value.integer >> 8 * (sizeof bytes - 1 - i));
    }
    return ps_batch_put_bytes(batch, at, bytes, sizeof bytes);
}

static bool put_bytes(struct fake_reader *reader, struct ps_batch *batch, uint32_t at,
                      const char *text, size_t size, const char **ret_bad)
{
    if (reader->value_bytes_max != 0 && size > reader->value_bytes_max) {
        *ret_bad = "the value is larger than max_value_bytes";
        return true;
    }
    return ps_batch_put_bytes(batch, at, text, size);
}

/* False: out of memory. `ret_bad` is set where the row is to be given up. */
static bool put_value(struct fake_reader *reader, struct ps_batch *batch, uint32_t at,
                      const char *text, size_t size, const char **ret_bad)
{
    const struct fake_column *column = &reader->columns[at];
    struct ps_timestamp instant;
    ps_int128 decimal;
    int32_t days;
    bool parsed = true;

    switch (column->type) {
    case PS_TYPE_BOOLEAN:
        assert(size > 0 && strchr("tf10", text[0]) != NULL);
        ps_batch_put_bool(batch, at, text[0] == 't' || text[0] == '1');
        break;
    case PS_TYPE_SHORT:
        ps_batch_put_short(batch, at, (int16_t)integer_of(text, INT16_MIN, INT16_MAX));
        break;
    case PS_TYPE_INT:
        ps_batch_put_int(batch, at, (int32_t)integer_of(text, INT32_MIN, INT32_MAX));
        break;
    case PS_TYPE_LONG:
        ps_batch_put_long(batch, at, integer_of(text, INT64_MIN, INT64_MAX));
        break;
    case PS_TYPE_FLOAT:
        ps_batch_put_float(batch, at, strtof(text, NULL));
        break;
    case PS_TYPE_DOUBLE:
        ps_batch_put_double(batch, at, strtod(text, NULL));
        break;
    case PS_TYPE_DECIMAL:
        parsed = ps_decimal_parse(text, size, column->scale, &decimal);
        assert(parsed);
        ps_batch_put_decimal(batch, at, decimal);
        break;
    case PS_TYPE_NAIVE_DATE:
        parsed = ps_date_parse(text, size, &days);
        assert(parsed);
        ps_batch_put_date(batch, at, days);
        break;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        parsed = ps_timestamp_parse(text, size, &instant, NULL);
        assert(parsed);
        ps_batch_put_timestamp(batch, at, instant);
        break;
    default:
        return column->counter ? put_counter(batch, at, text, size)
                               : put_bytes(reader, batch, at, text, size, ret_bad);
    }
    return true;
}

/* False: out of memory. */
static bool put_row(struct fake_reader *reader, struct ps_batch *batch, const char *values)
{
    for (uint32_t at = 0; at < reader->columns_count; at++) {
        const char *text, *bad = NULL;
        size_t size;
        if (!fake_value_at(values, reader->places[at], &text, &size)) {
            ps_batch_put_null(batch, at);
            continue;
        }
        if (size == 4 && memcmp(text, "\\bad", 4) == 0) {
            bad = "the test said so";
        } else if (!put_value(reader, batch, at, text, size, &bad)) {
            return false;
        }
        if (bad != NULL) {
            ps_batch_value_bad(batch, at, bad);
        }
    }
    ps_batch_row_end(batch);
    return true;
}

static bool in_window(const struct fake_reader *reader, const char *values)
{
    const char *text;
    size_t size;
    struct ps_scalar value;

    if (!reader->windowed || !fake_value_at(values, reader->window_place, &text, &size)) {
        return true;
    }
    bool parsed = ps_scalar_parse(text, size, reader->window_column.type,
                                  reader->window_column.scale, &value);
    assert(parsed);
    return ps_scalar_compare(&value, &reader->lower) >= 0;
}

/* A batch has one operation. */
static enum ps_status fill_in_order(struct fake_reader *reader, struct ps_batch *batch,
                                    struct ps_error *err)
{
    struct fake_order *order = &reader->order;
    while (order->next < order->count && !ps_batch_full(batch) &&
           batch->bad_rows < batch->rows_max) {
        const struct fake_item *item = &order->items[order->next];
        if (item->operation != batch->operation && (batch->rows > 0 || batch->bad_rows > 0)) {
            break;
        }
        batch->operation = item->operation;
        if (!put_row(reader, batch, item->values)) {
            return ps_fail_nomem(err, "reading a row");
        }
        snprintf(reader->position, sizeof reader->position, "%s", item->position);
        order->next++;
    }
    return batch->rows > 0 || batch->bad_rows > 0 ? PS_OK : PS_END;
}

/* With the lock held. */
static enum ps_status fill(struct fake_reader *reader, struct ps_batch *batch, struct ps_error *err)
{
    const struct fake_table *known = fake_table_get(reader->database, reader->table);
    if (known == NULL) {
        return gone(reader->table, err);
    }
    if (reader->ordered) {
        return fill_in_order(reader, batch, err);
    }
    while (!ps_batch_full(batch) && batch->bad_rows < batch->rows_max &&
           reader->next < reader->end && reader->next < known->rows_count) {
        const struct fake_row *row = &known->rows[reader->next++];
        if (fake_row_visible(row, reader->time) && row->born > reader->changed_since &&
            in_window(reader, row->values) && !put_row(reader, batch, row->values)) {
            return ps_fail_nomem(err, "reading a row");
        }
    }
    return batch->rows > 0 || batch->bad_rows > 0 ? PS_OK : PS_END;
}

static enum ps_status fake_reader_next(struct ps_reader *base, struct ps_batch *batch,
                                       struct ps_error *err)
{
    struct fake_reader *reader = (struct fake_reader *)base;
    struct fake_database *database = reader->database;
    struct fake_fault fault;
    bool due = fake_enter(database, FAKE_READER_NEXT, reader->table, &fault);

    ps_mutex_lock(&database->lock);
    if (due && fault.hang) {
        database->hanging++;
        while (!reader->canceled) {
            ps_condition_wait(&database->canceled, &database->lock);
        }
        database->hanging--;
    }
    enum ps_status status = PS_OK;
    if (reader->canceled) {
        status = ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "reading %s: canceled", reader->table);
    } else if (!due || fault.after_rows) {
        status = fill(reader, batch, err);
    }
    ps_mutex_unlock(&database->lock);
    return status != PS_CANCELED && due ? fake_fail(&fault, err) : status;
}

static const char *fake_reader_position(struct ps_reader *base)
{
    struct fake_reader *reader = (struct fake_reader *)base;
    const char *text;
    size_t size;
    if (!reader->positions ||
        (reader->ordered && !fake_value_at(reader->position, 0, &text, &size))) {
        return NULL;
    }
    if (!reader->ordered) {
        snprintf(reader->position, sizeof reader->position, "%zu", reader->next);
    }
    return reader->position;
}

static void fake_reader_cancel(struct ps_reader *base)
{
    struct fake_reader *reader = (struct fake_reader *)base;
    ps_mutex_lock(&reader->database->lock);
    reader->canceled = true;
    ps_condition_broadcast(&reader->database->canceled);
    ps_mutex_unlock(&reader->database->lock);
}

static enum ps_status fake_execute(struct ps_source *base, const struct ps_table *table,
                                   const char *sql, int64_t *ret_rows, struct ps_error *err)
{
    struct fake_source *source = (struct fake_source *)base;
    struct fake_database *database = source->database;
    struct fake_fault fault;
    enum ps_status status = PS_OK;

    if (fake_enter(database, FAKE_EXECUTE, table->name, &fault)) {
        return fake_fail(&fault, err);
    }
    ps_mutex_lock(&database->lock);
    source->pinned = false;
    const struct fake_table *known = fake_table_get(database, table->name);
    if (known == NULL) {
        status = gone(table->name, err);
    } else {
        ps_buffer_printf(&database->executed, "%s\n", sql);
        *ret_rows = fake_rows_visible(known, database->time);
    }
    ps_mutex_unlock(&database->lock);
    return status;
}

static const struct ps_option options[] = {{.name = NULL}};
static const struct ps_test tests[] = {
    {.name = "connect", .label = "Connecting"},
    {.name = "select", .label = "Reading"},
    {.name = NULL},
};
static const char *const cursor_names[] = {"updated_at", "_LastUpdatedInstant", NULL};
static const char *const soft_delete_names[] = {"_IsDeleted", "deleted", NULL};

const struct ps_source_ops fake_source_ops = {
    .abi = PS_SOURCE_ABI,
    .name = "fake",
    .label = "Fake",
    .caps =
        PS_CAP_SNAPSHOT | PS_CAP_RESUME | PS_CAP_COUNT_CHEAP | PS_CAP_KEYS_ONCE | PS_CAP_CHANGED,
    .options = options,
    .tests = tests,
    .cursor_names = cursor_names,
    .soft_delete_names = soft_delete_names,
    .open = fake_open,
    .close = fake_close,
    .test = fake_test,
    .list_tables = fake_list_tables,
    .describe = fake_describe,
    .plan = fake_plan,
    .now = fake_now,
    .pin = fake_pin,
    .hold = fake_hold,
    .mark = fake_mark,
    .snapshot_name = fake_snapshot_name,
    .reader_open = fake_reader_open,
    .reader_next = fake_reader_next,
    .reader_position = fake_reader_position,
    .reader_cancel = fake_reader_cancel,
    .reader_close = fake_reader_close,
    .count = fake_count,
    .execute = fake_execute,
    .join = fake_join,
};
