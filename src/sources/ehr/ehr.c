/*
 * The `ehr` source's members: options, tables, partitions, clock. The hospital itself is in
 * hospital.c, reading in reader.c (docs/sources/ehr.md).
 */
#include "ehr.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/buffer.h"
#include "reader.h"
#include "row.h"
#include "values.h"

/* One thread at a time. */
struct ehr_source {
    struct ps_source base;
    struct ehr_hospital hospital;
    char snapshot[32];
};

#define PATIENTS_MAX INT64_C(2000000000)
#define FIRST_DAY_MAX 36500

static const struct ps_option options[] = {
    {.name = "ehr_seed",
     .label = "Seed",
     .help = "The number from which all synthetic records are made. The same seed, scale and "
             "number of syncs give the same rows.",
     .type = PS_OPTION_INTEGER,
     .default_value = "1",
     .placeholder = "1",
     .minimum = 0,
     .maximum = INT64_MAX},
    {.name = "ehr_patients",
     .label = "Patients",
     .help = "How many patients the simulated hospital has on its first day. All tables together "
             "have about a hundred times as many rows. Another number is another hospital: its "
             "tables are loaded again.",
     .type = PS_OPTION_INTEGER,
     .default_value = "2000",
     .placeholder = "2000",
     .minimum = 1,
     .maximum = PATIENTS_MAX},
    {.name = "ehr_first_day",
     .label = "First day",
     .help = "The simulated day that the first sync sees; each sync that ends well is followed by "
             "the next day.",
     .type = PS_OPTION_INTEGER,
     .flags = PS_OPTION_ADVANCED,
     .default_value = "0",
     .placeholder = "0",
     .minimum = 0,
     .maximum = FIRST_DAY_MAX},
    {.name = NULL},
};

static const struct ps_test tests[] = {
    {.name = "connect", .label = "Opening the simulated hospital"},
    {.name = "select", .label = "Reading a row of every table"},
    {.name = NULL},
};

static const char *const cursor_names[] = {"_LastUpdatedInstant", NULL};
static const char *const soft_delete_names[] = {"_IsDeleted", NULL};

static enum ps_status ehr_open(const struct ps_source_request *request,
                               struct ps_source **ret_source, struct ps_error *err)
{
    int64_t seed = ps_config_integer(request->config, "ehr_seed", 1);
    int64_t patients = ps_config_integer(request->config, "ehr_patients", 2000);
    int64_t first_day = ps_config_integer(request->config, "ehr_first_day", 0);

    if (patients < 1 || patients > PATIENTS_MAX || first_day < 0 || first_day > FIRST_DAY_MAX ||
        request->syncs_completed > (uint64_t)(EHR_DAY_MAX - first_day)) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the simulated hospital: it has 1 to %" PRId64
                       " patients and lives for %d days; set ehr_patients and ehr_first_day so, "
                       "or begin with a new state",
                       PATIENTS_MAX, EHR_DAY_MAX);
    }
    struct ehr_source *source = ps_calloc(1, sizeof *source);
    if (source == NULL) {
        return ps_fail_nomem(err, "opening the simulated hospital");
    }
    source->base.ops = &ps_source_ehr;
    hospital_init(&source->hospital, (uint64_t)seed, patients,
                  first_day + (int64_t)request->syncs_completed);
    snprintf(source->snapshot, sizeof source->snapshot, "day-%" PRId64, source->hospital.day);
    *ret_source = &source->base;
    return PS_OK;
}

static void ehr_close(struct ps_source *source)
{
    ps_free(source);
}

static const struct ehr_hospital *hospital_of(const struct ps_source *source)
{
    return &((const struct ehr_source *)source)->hospital;
}

static int64_t rows_of(const struct ps_source *source, const struct ehr_table *table)
{
    const struct ehr_hospital *hospital = hospital_of(source);
    return hospital_rows(hospital, table->id, hospital->day);
}

/* NULL: there is no such table, and err says so with PS_SCHEMA. */
static const struct ehr_table *find_table(const struct ps_table *table, struct ps_error *err)
{
    const struct ehr_table *found = table->schema[0] == '\0' ? ehr_table_find(table->name) : NULL;
    if (found == NULL) {
        (void)ps_fail(err, PS_SCHEMA, PS_CLASS_SCHEMA,
                      "looking for the table %s: the simulated hospital has no such table",
                      table->name);
    }
    return found;
}

static enum ps_status ehr_list_tables(struct ps_source *source, struct ps_table_list *list,
                                      struct ps_error *err)
{
    for (unsigned i = 0; i < EHR_TABLES; i++) {
        const struct ehr_table *known = &ehr_tables[i];
        struct ps_table *table = NULL;
        enum ps_status status = ps_table_list_add(list, &table, err);
        if (status != PS_OK) {
            return status;
        }
        table->schema = "";
        table->name = known->name;
        table->kind = PS_TABLE_ORDINARY;
        table->rows_estimate = rows_of(source, known);
        table->bytes_estimate = table->rows_estimate * known->row_bytes;
        table->source_id = known->id;
    }
    return PS_OK;
}

static void describe_column(const struct ehr_column *known, struct ps_column *column)
{
    *column = (struct ps_column){
        .name = known->name,
        .source_type = known->source_type,
        .type = known->type,
        .precision = known->precision,
        .scale = known->scale,
        .key_position = known->key,
        .nullable = known->nulls != 0 || (known->make == make_deleted && known->low != 0),
        .indexed = known->indexed,
        .json_valid = known->type == PS_TYPE_JSON,
        .null_fraction = (double)known->nulls / 1000,
    };
}

static enum ps_status ehr_describe(struct ps_source *source, struct ps_arena *arena,
                                   struct ps_table *table, struct ps_error *err)
{
    const struct ehr_hospital *hospital = hospital_of(source);
    const struct ehr_table *known = find_table(table, err);

    if (known == NULL) {
        return PS_SCHEMA;
    }
    struct ps_column *columns = ps_arena_array(arena, known->columns_count, sizeof *columns);
    const char *incarnation =
        ps_arena_printf(arena, "%" PRIu64 "/%" PRId64, hospital->seed, hospital->patients);
    if (columns == NULL || incarnation == NULL) {
        return ps_fail_nomem(err, "describing a table");
    }
    table->keys_count = 0;
    for (uint32_t i = 0; i < known->columns_count; i++) {
        describe_column(&known->columns[i], &columns[i]);
        table->keys_count = (uint16_t)(table->keys_count + (columns[i].key_position != 0));
    }
    table->columns = columns;
    table->columns_count = known->columns_count;
    table->incarnation = incarnation;
    return PS_OK;
}

static enum ps_status ehr_plan(struct ps_source *source, const struct ps_table *table,
                               size_t partitions_max, struct ps_partition_list *list,
                               struct ps_error *err)
{
    const struct ehr_table *known = find_table(table, err);

    if (known == NULL) {
        return PS_SCHEMA;
    }
    int64_t rows = rows_of(source, known);
    int64_t parts = partitions_max < 1                ? 1
                    : partitions_max > (uint64_t)rows ? rows
                                                      : (int64_t)partitions_max;
    list->partitions = ps_arena_array(list->arena, (size_t)parts, sizeof *list->partitions);
    list->partitions_count = 0;
    if (list->partitions == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    for (int64_t i = 0; i < parts; i++) {
        int64_t start = (int64_t)((ps_int128)rows * i / parts);
        int64_t end = (int64_t)((ps_int128)rows * (i + 1) / parts);
        list->partitions[i].bounds =
            ps_arena_printf(list->arena, "%" PRId64 "-%" PRId64, start, end);
        list->partitions[i].rows_estimate = end - start;
        if (list->partitions[i].bounds == NULL) {
            return ps_fail_nomem(err, "planning a table");
        }
    }
    list->partitions_count = (size_t)parts;
    return PS_OK;
}

/* "0-50" and "50-100" are "0-100". */
static bool ehr_join(const char *first, const char *second, struct ps_buffer *ret_bounds)
{
    const char *middle = strchr(first, '-'), *end = strchr(second, '-');
    size_t size = middle == NULL || end == NULL ? 0 : (size_t)(end - second);
    if (size == 0 || strlen(middle + 1) != size || memcmp(middle + 1, second, size) != 0) {
        return false;
    }
    ps_buffer_append(ret_bounds, first, (size_t)(middle - first));
    ps_buffer_puts(ret_bounds, end);
    return ps_buffer_ok(ret_bounds);
}

/* The simulated day is over when it is read, and nothing is open in it. */
static enum ps_status ehr_now(struct ps_source *source, struct ps_now *ret_now,
                              struct ps_error *err)
{
    struct ps_timestamp midnight = hospital_day_start(hospital_of(source)->day + 1);
    (void)err;
    *ret_now = (struct ps_now){
        .utc = midnight,
        .local = midnight,
        .horizon_known = true,
        .horizon_utc = midnight,
        .horizon_local = midnight,
    };
    return PS_OK;
}

static enum ps_status ehr_pin(struct ps_source *source, const char *snapshot, struct ps_error *err)
{
    const char *present = ((struct ehr_source *)source)->snapshot;
    if (snapshot != NULL && strcmp(snapshot, present) != 0) {
        return ps_fail(err, PS_SNAPSHOT_GONE, PS_CLASS_NONE,
                       "joining the snapshot %s: the simulated hospital is at %s", snapshot,
                       present);
    }
    return PS_OK;
}

static enum ps_status ehr_snapshot_name(struct ps_source *source, const char **ret_name,
                                        struct ps_error *err)
{
    (void)err;
    *ret_name = ((struct ehr_source *)source)->snapshot;
    return PS_OK;
}

static enum ps_status ehr_open_reader(struct ps_source *source,
                                      const struct ps_read_request *request,
                                      struct ps_reader **ret_reader, struct ps_error *err)
{
    return ehr_reader_open(hospital_of(source), &ps_source_ehr, request, ret_reader, err);
}

/* Which rows are marked as deleted, no formula tells. */
static enum ps_status ehr_count(struct ps_source *source, const struct ps_count_request *request,
                                int64_t *ret_rows, struct ps_error *err)
{
    const struct ehr_table *known = find_table(request->table, err);
    if (known == NULL) {
        return PS_SCHEMA;
    }
    if (request->marks != NULL) {
        return PS_END;
    }
    *ret_rows = rows_of(source, known);
    return PS_OK;
}

/* Makes the first row of a table, as a read would. */
static enum ps_status read_one(struct ps_source *source, struct ps_table *table,
                               struct ps_arena *arena, struct ps_error *err)
{
    struct ps_batch *batch = NULL;
    struct ps_reader *reader = NULL;
    enum ps_status status = ehr_describe(source, arena, table, err);
    if (status != PS_OK) {
        return status;
    }
    uint32_t *columns = ps_arena_array(arena, table->columns_count, sizeof *columns);
    if (columns == NULL) {
        return ps_fail_nomem(err, "reading a row");
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        columns[i] = i;
    }
    struct ps_batch_shape shape = {.table = table,
                                   .columns = columns,
                                   .columns_count = table->columns_count,
                                   .rows_max = 1,
                                   .bytes_max = 1};
    struct ps_read_request request = {
        .table = table, .columns = columns, .columns_count = table->columns_count};

    status = ps_batch_new(&shape, &batch, err);
    if (status != PS_OK) {
        goto out;
    }
    status = ehr_open_reader(source, &request, &reader, err);
    if (status != PS_OK) {
        goto out;
    }
    status = ehr_reader_next(reader, batch, err);
out:
    ehr_reader_close(reader);
    ps_batch_free(batch);
    return status;
}

static enum ps_status test_select(struct ps_source *source, struct ps_error *err)
{
    struct ps_table_list list = {.arena = ps_arena_new(1 << 20)};
    enum ps_status status = PS_OK;

    if (list.arena == NULL) {
        return ps_fail_nomem(err, "reading a row of every table");
    }
    status = ehr_list_tables(source, &list, err);
    for (size_t i = 0; status == PS_OK && i < list.tables_count; i++) {
        status = read_one(source, list.tables[i], list.arena, err);
    }
    ps_arena_free(list.arena);
    return status;
}

static enum ps_status ehr_test(const struct ps_source_request *request, const char *name,
                               struct ps_error *err)
{
    struct ps_source *source = NULL;
    enum ps_status status;

    if (strcmp(name, "connect") != 0 && strcmp(name, "select") != 0) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "the ehr source has no test named %s",
                       name);
    }
    status = ehr_open(request, &source, err);
    if (status == PS_OK && strcmp(name, "select") == 0) {
        status = test_select(source, err);
    }
    ehr_close(source);
    return status;
}

const struct ps_source_ops ps_source_ehr = {
    .abi = PS_SOURCE_ABI,
    .name = "ehr",
    .label = "Synthetic health records",
    .summary = "A simulated hospital after the shape of Epic Caboodle, computed from a number: no "
               "database "
               "and no patient stands behind it.",
    .caps = PS_CAP_SNAPSHOT | PS_CAP_RESUME | PS_CAP_COUNT_CHEAP | PS_CAP_KEYS_ONCE,
    .options = options,
    .tests = tests,
    .cursor_names = cursor_names,
    .soft_delete_names = soft_delete_names,
    .open = ehr_open,
    .close = ehr_close,
    .test = ehr_test,
    .list_tables = ehr_list_tables,
    .describe = ehr_describe,
    .plan = ehr_plan,
    .now = ehr_now,
    .pin = ehr_pin,
    .snapshot_name = ehr_snapshot_name,
    .reader_open = ehr_open_reader,
    .reader_next = ehr_reader_next,
    .reader_position = ehr_reader_position,
    .reader_cancel = ehr_reader_cancel,
    .reader_close = ehr_reader_close,
    .count = ehr_count,
    .join = ehr_join,
};
