/*
 * A complete source in one file: a table of days, from `calendar_first_day`, `calendar_days` of
 * them. It is what docs/adding-a-source.md walks through, and it is held to tests/contract/ like
 * every other source. To make it your own: copy it into src/sources/<name>/, replace what speaks of
 * days by your database, and name it in src/sources/registry.c.
 */
#include "calendar.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"

/* A source of yours holds its connection here. One thread at a time. */
struct calendar_source {
    struct ps_source base; /* always the first member */
    int32_t first;         /* days since 1970-01-01 */
    int32_t count;
};

struct calendar_reader {
    struct ps_reader base; /* always the first member */
    atomic_bool canceled;  /* set from any thread */
    const uint32_t *columns;
    uint32_t columns_count;
    size_t value_bytes_max;
    int32_t first;     /* of the calendar, in days since 1970-01-01 */
    int32_t next, end; /* likewise */
    char position[32];
};

enum column { COLUMN_DAY, COLUMN_WEEKDAY, COLUMN_IS_WEEKEND, COLUMNS };

static const struct ps_column columns[COLUMNS] = {
    [COLUMN_DAY] = {.name = "day",
                    .source_type = "date",
                    .type = PS_TYPE_NAIVE_DATE,
                    .key_position = 1,
                    .indexed = true},
    [COLUMN_WEEKDAY] = {.name = "weekday", .source_type = "text", .type = PS_TYPE_STRING},
    [COLUMN_IS_WEEKEND] = {.name = "is_weekend", .source_type = "bool", .type = PS_TYPE_BOOLEAN},
};

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

static const struct ps_option options[] = {
    {.name = "calendar_first_day",
     .label = "First day",
     .help = "The first day of the calendar, as YYYY-MM-DD.",
     .type = PS_OPTION_TEXT,
     .default_value = "2024-01-01"},
    {.name = "calendar_days",
     .label = "Days",
     .help = "How many days the calendar has.",
     .type = PS_OPTION_INTEGER,
     .default_value = "366",
     .minimum = 1,
     .maximum = 1000000},
    {.name = NULL},
};

static const struct ps_test tests[] = {
    {.name = "connect", .label = "Opening the calendar"},
    {.name = NULL},
};

static enum ps_status calendar_open(const struct ps_source_request *request,
                                    struct ps_source **ret_source, struct ps_error *err)
{
    const char *first = ps_config_text_or_empty(request->config, "calendar_first_day");
    int64_t count = ps_config_integer(request->config, "calendar_days", 366);
    int32_t day;

    /* A message says what was tried, on what, why it failed and what to do. */
    if (!ps_date_parse(first, strlen(first), &day) || day > PS_DATE_DAYS_MAX - count) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the calendar: calendar_first_day is no date from year 1 to 9999 "
                       "with room for calendar_days after it; write it as 2024-01-31");
    }
    struct calendar_source *source = ps_calloc(1, sizeof *source);
    if (source == NULL) {
        return ps_fail_nomem(err, "opening the calendar");
    }
    source->base.ops = &ps_source_calendar;
    source->first = day;
    source->count = (int32_t)count;
    *ret_source = &source->base;
    return PS_OK;
}

static void calendar_close(struct ps_source *source)
{
    ps_free(source); /* NULL is fine */
}

static enum ps_status calendar_test(const struct ps_source_request *request, const char *name,
                                    struct ps_error *err)
{
    struct ps_source *source = NULL;
    (void)name; /* there is one */
    enum ps_status status = calendar_open(request, &source, err);
    calendar_close(source);
    return status;
}

static enum ps_status calendar_list_tables(struct ps_source *base, struct ps_table_list *list,
                                           struct ps_error *err)
{
    const struct calendar_source *source = (struct calendar_source *)base;
    struct ps_table *table = NULL;
    enum ps_status status = ps_table_list_add(list, &table, err);

    if (status != PS_OK) {
        return status;
    }
    table->schema = ""; /* static texts outlive every arena; others go into list->arena */
    table->name = "days";
    table->rows_estimate = source->count;
    table->bytes_estimate = table->rows_estimate * 13;
    return PS_OK;
}

static enum ps_status calendar_describe(struct ps_source *source, struct ps_arena *arena,
                                        struct ps_table *table, struct ps_error *err)
{
    (void)source;
    (void)arena;
    if (strcmp(table->name, "days") != 0) {
        return ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA,
                       "describing %s: the calendar has no such table", table->name);
    }
    table->columns = columns;
    table->columns_count = COLUMNS;
    table->keys_count = 1;
    return PS_OK;
}

/* Disjoint parts that together are the whole table. The bounds are ours: nobody else reads them. */
static enum ps_status calendar_plan(struct ps_source *base, const struct ps_table *table,
                                    size_t partitions_max, struct ps_partition_list *list,
                                    struct ps_error *err)
{
    const struct calendar_source *source = (struct calendar_source *)base;
    int32_t parts = partitions_max < 12 ? (int32_t)partitions_max : 12;
    (void)table;

    parts = parts < source->count ? parts : source->count;
    list->partitions = ps_arena_array(list->arena, (size_t)parts, sizeof *list->partitions);
    if (list->partitions == NULL) {
        return ps_fail_nomem(err, "planning the calendar");
    }
    for (int32_t i = 0; i < parts; i++) {
        int32_t start = (int32_t)((int64_t)source->count * i / parts);
        int32_t end = (int32_t)((int64_t)source->count * (i + 1) / parts);
        list->partitions[i].bounds =
            ps_arena_printf(list->arena, "%" PRId32 "-%" PRId32, start, end);
        list->partitions[i].rows_estimate = end - start;
        if (list->partitions[i].bounds == NULL) {
            return ps_fail_nomem(err, "planning the calendar");
        }
    }
    list->partitions_count = (size_t)parts;
    return PS_OK;
}

/* The source's clock, not this machine's. A database would be asked. */
static enum ps_status calendar_now(struct ps_source *base, struct ps_now *ret_now,
                                   struct ps_error *err)
{
    const struct calendar_source *source = (struct calendar_source *)base;
    struct ps_timestamp last = {.seconds = ((int64_t)source->first + source->count) * 86400};
    (void)err;
    *ret_now = (struct ps_now){
        .utc = last,
        .local = last,
        .horizon_known = true, /* nothing is ever open in a calendar */
        .horizon_utc = last,
        .horizon_local = last,
    };
    return PS_OK;
}

/* There is one point in time only, and it has no name: caps lack PS_CAP_SNAPSHOT. */
static enum ps_status calendar_pin(struct ps_source *source, const char *snapshot,
                                   struct ps_error *err)
{
    (void)source;
    if (snapshot != NULL) {
        return ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_NONE,
                       "joining a snapshot: the calendar has none");
    }
    return PS_OK;
}

/* Reads a number and steps over it; false where there is none from 0 to `most`. */
static bool take_number(const char **text, int32_t most, int32_t *ret_number)
{
    char *end;
    long long number = strtoll(*text, &end, 10);
    if (end == *text || number < 0 || number > most) {
        return false;
    }
    *text = end;
    *ret_number = (int32_t)number;
    return true;
}

/* False: the text is not one that calendar_plan or calendar_reader_position wrote. */
static bool take_places(struct calendar_reader *reader, const struct calendar_source *source,
                        const struct ps_read_request *request)
{
    int32_t start = 0, end = source->count;
    const char *bounds = request->partition != NULL ? request->partition->bounds : "";
    const char *position = request->position;

    if (bounds[0] != '\0' && (!take_number(&bounds, end, &start) || *bounds++ != '-' ||
                              !take_number(&bounds, end, &end) || *bounds != '\0' || start > end)) {
        return false;
    }
    if (position != NULL && (!take_number(&position, end, &start) || *position != '\0')) {
        return false;
    }
    reader->first = source->first;
    reader->next = source->first + start;
    reader->end = source->first + end;
    return true;
}

static void calendar_reader_close(struct ps_reader *reader)
{
    ps_free(reader); /* NULL is fine */
}

static enum ps_status calendar_reader_open(struct ps_source *base,
                                           const struct ps_read_request *request,
                                           struct ps_reader **ret_reader, struct ps_error *err)
{
    const struct calendar_source *source = (struct calendar_source *)base;
    struct calendar_reader *reader = ps_calloc(1, sizeof *reader);

    if (reader == NULL) {
        return ps_fail_nomem(err, "reading the calendar");
    }
    reader->base.ops = &ps_source_calendar;
    atomic_init(&reader->canceled, false);
    reader->columns = request->columns; /* outlive the reader */
    reader->columns_count = request->columns_count;
    reader->value_bytes_max = request->value_bytes_max;
    if (!take_places(reader, source, request)) {
        calendar_reader_close(&reader->base);
        return ps_fail(err, PS_EXPIRED, PS_CLASS_NONE,
                       "reading the calendar: its partitions or positions have changed; the table "
                       "must be loaded again");
    }
    if (request->window != NULL && request->window->lower.present) {
        /* The one cursor is `day`, which is never NULL. Rows are in its order. */
        ps_int128 lower = request->window->lower.integer;
        if (lower > reader->next) {
            reader->next = lower < reader->end ? (int32_t)lower : reader->end;
        }
    }
    *ret_reader = &reader->base;
    return PS_OK;
}

/* False: out of memory. */
static bool put_day(const struct calendar_reader *reader, struct ps_batch *batch, int32_t day)
{
    int32_t weekday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
    const char *name = weekdays[weekday];

    for (uint32_t i = 0; i < reader->columns_count; i++) {
        switch ((enum column)reader->columns[i]) {
        case COLUMN_DAY:
            ps_batch_put_date(batch, i, day);
            break;
        case COLUMN_WEEKDAY:
            if (strlen(name) > reader->value_bytes_max) {
                ps_batch_value_bad(batch, i, "the value is larger than max_value_bytes");
            } else if (!ps_batch_put_bytes(batch, i, name, strlen(name))) {
                return false;
            }
            break;
        case COLUMN_IS_WEEKEND:
            ps_batch_put_bool(batch, i, weekday >= 5);
            break;
        case COLUMNS:
            break;
        }
    }
    ps_batch_row_end(batch);
    return true;
}

static enum ps_status calendar_reader_next(struct ps_reader *base, struct ps_batch *batch,
                                           struct ps_error *err)
{
    struct calendar_reader *reader = (struct calendar_reader *)base;

    while (reader->next < reader->end && !ps_batch_full(batch) &&
           batch->bad_rows < batch->rows_max) {
        if (atomic_load(&reader->canceled)) {
            break;
        }
        if (!put_day(reader, batch, reader->next)) {
            return ps_fail_nomem(err, "reading the calendar");
        }
        reader->next++;
    }
    if (atomic_load(&reader->canceled)) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "reading the calendar: canceled");
    }
    return batch->rows > 0 || batch->bad_rows > 0 ? PS_OK : PS_END;
}

static const char *calendar_reader_position(struct ps_reader *base)
{
    struct calendar_reader *reader = (struct calendar_reader *)base;
    snprintf(reader->position, sizeof reader->position, "%" PRId32, reader->next - reader->first);
    return reader->position;
}

static void calendar_reader_cancel(struct ps_reader *base)
{
    struct calendar_reader *reader = (struct calendar_reader *)base;
    atomic_store(&reader->canceled, true);
}

static enum ps_status calendar_count(struct ps_source *base, const struct ps_count_request *request,
                                     int64_t *ret_rows, struct ps_error *err)
{
    (void)err;
    if (request->marks != NULL) {
        return PS_END; /* the engine reads the column */
    }
    *ret_rows = ((struct calendar_source *)base)->count;
    return PS_OK;
}

static const char *const cursor_names[] = {"day", NULL};
static const char *const soft_delete_names[] = {NULL};

const struct ps_source_ops ps_source_calendar = {
    .abi = PS_SOURCE_ABI,
    .name = "calendar",
    .label = "Calendar",
    .caps = PS_CAP_RESUME | PS_CAP_COUNT_CHEAP | PS_CAP_KEYS_ONCE,
    .options = options,
    .tests = tests,
    .cursor_names = cursor_names,
    .soft_delete_names = soft_delete_names,
    .open = calendar_open,
    .close = calendar_close,
    .test = calendar_test,
    .list_tables = calendar_list_tables,
    .describe = calendar_describe,
    .plan = calendar_plan,
    .now = calendar_now,
    .pin = calendar_pin,
    .reader_open = calendar_reader_open,
    .reader_next = calendar_reader_next,
    .reader_position = calendar_reader_position,
    .reader_cancel = calendar_reader_cancel,
    .reader_close = calendar_reader_close,
    .count = calendar_count,
};
