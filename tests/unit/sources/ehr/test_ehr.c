/*
 * The synthetic records as a reader of them sees them: what stands in the tables, how the days go
 * on, and that size costs nothing. What every source promises is tried in tests/contract/sources/.
 */
#include "support/unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sources/ehr/ehr.h"
#include "sources/ehr/hospital.h"
#include "support/rows.h"

#define OPS (&ps_source_ehr)

/* A hospital that is open on a day. */
struct open_day {
    struct ps_config *config;
    struct ps_source *source;
    struct ps_arena *arena;
    struct ps_table_list list;
};

static struct open_day open_day(const char *const *settings, uint64_t day)
{
    struct open_day open = {.config = rows_config(OPS, settings), .arena = ps_arena_new(8u << 20)};
    struct ps_source_request request = {.config = open.config, .syncs_completed = day};
    assert_int_equal(OPS->open(&request, &open.source, NULL), PS_OK);
    assert_non_null(open.arena);
    open.list.arena = open.arena;
    assert_int_equal(OPS->list_tables(open.source, &open.list, NULL), PS_OK);
    for (size_t i = 0; i < open.list.tables_count; i++) {
        assert_int_equal(OPS->describe(open.source, open.arena, open.list.tables[i], NULL), PS_OK);
    }
    return open;
}

static struct open_day open_small(uint64_t day)
{
    static const char *const settings[] = {"ehr_patients=40", NULL};
    return open_day(settings, day);
}

static void close_day(struct open_day *open)
{
    OPS->close(open->source);
    ps_arena_free(open->arena);
    rows_config_free(open->config);
}

static const struct ps_table *table_of(const struct open_day *open, const char *name)
{
    for (size_t i = 0; i < open->list.tables_count; i++) {
        if (strcmp(open->list.tables[i]->name, name) == 0) {
            return open->list.tables[i];
        }
    }
    fail_msg("there is no table %s", name);
    return NULL;
}

static struct ps_read_request all_of(const struct open_day *open, const struct ps_table *table)
{
    return (struct ps_read_request){.table = table,
                                    .columns = rows_all_columns(open->arena, table),
                                    .columns_count = table->columns_count,
                                    .value_bytes_max = 1u << 20};
}

/* Reads all and shows each batch; the rows read. */
static int64_t each_batch(const struct open_day *open, const struct ps_read_request *request,
                          void (*look)(void *context, const struct ps_batch *batch), void *context)
{
    struct ps_reader *reader = NULL;
    struct ps_batch *batch = rows_batch(request, 1000);
    enum ps_status status = OPS->reader_open(open->source, request, &reader, NULL);
    int64_t rows = 0;

    assert_int_equal(status, PS_OK);
    for (;;) {
        ps_batch_reset(batch);
        batch->table = request->table;
        status = OPS->reader_next(reader, batch, NULL);
        if (status == PS_END) {
            break;
        }
        assert_int_equal(status, PS_OK);
        rows += batch->rows;
        look(context, batch);
    }
    OPS->reader_close(reader);
    ps_batch_free(batch);
    return rows;
}

/* A warehouse: key hash → row hash, enough of one to see what differs. */
struct warehouse {
    struct {
        uint64_t key, row;
    } * slots;
    size_t mask, count;
};

static void upsert(void *context, const struct ps_batch *batch)
{
    struct warehouse *warehouse = context;
    for (uint32_t row = 0; row < batch->rows; row++) {
        uint64_t key = rows_key_hash(batch, row) | 1;
        size_t at = key & warehouse->mask;
        while (warehouse->slots[at].key != 0 && warehouse->slots[at].key != key) {
            at = (at + 1) & warehouse->mask;
        }
        warehouse->count += warehouse->slots[at].key == 0;
        warehouse->slots[at].key = key;
        warehouse->slots[at].row = rows_hash(batch, row);
    }
}

static struct warehouse warehouse_new(void)
{
    struct warehouse warehouse = {.mask = (1u << 14) - 1};
    warehouse.slots = test_calloc(warehouse.mask + 1, sizeof *warehouse.slots);
    return warehouse;
}

static void assert_same(const struct warehouse *a, const struct warehouse *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i <= a->mask; i++) {
        if (a->slots[i].key != 0) {
            size_t at = a->slots[i].key & b->mask;
            while (b->slots[at].key != 0 && b->slots[at].key != a->slots[i].key) {
                at = (at + 1) & b->mask;
            }
            assert_int_equal(a->slots[i].key, b->slots[at].key);
            assert_int_equal(a->slots[i].row, b->slots[at].row);
        }
    }
}

/* Day after day, as the engine does it: from the horizon of the day before, less a look-back. */
static void test_windows_day_by_day_equal_a_fresh_load(void **state)
{
    (void)state;
    const uint64_t last = 30;
    for (size_t t = 0; t < EHR_TABLES; t++) {
        struct warehouse lived = warehouse_new(), fresh = warehouse_new();
        struct ps_now now = {0};
        for (uint64_t day = 0; day <= last; day++) {
            struct open_day open = open_small(day);
            struct ps_read_request request = all_of(&open, open.list.tables[t]);
            int32_t cursor = ps_table_column(request.table, "_LastUpdatedInstant");
            struct ps_window window = {.column = (uint32_t)cursor,
                                       .lower = {.type = request.table->columns[cursor].type,
                                                 .present = true,
                                                 .time = ps_timestamp_add(now.horizon_utc, -300)}};
            request.window = day == 0 ? NULL : &window;
            int64_t rows = each_batch(&open, &request, upsert, &lived);
            if (day > 0 && request.table->rows_estimate > 1000) {
                assert_in_range(rows, 1, request.table->rows_estimate / 30);
            }
            if (day == last) {
                request.window = NULL;
                each_batch(&open, &request, upsert, &fresh);
                assert_int_equal(fresh.count, request.table->rows_estimate);
            }
            assert_int_equal(OPS->now(open.source, &now, NULL), PS_OK);
            close_day(&open);
        }
        assert_same(&lived, &fresh);
        test_free(lived.slots);
        test_free(fresh.slots);
    }
}

static void test_first_day_stands_for_syncs_completed(void **state)
{
    (void)state;
    static const char *const settings[] = {"ehr_patients=40", "ehr_first_day=25", NULL};
    struct open_day lived = open_small(30), fresh = open_day(settings, 5);
    for (size_t t = 0; t < EHR_TABLES; t++) {
        struct row_set a = {0}, b = {0};
        struct ps_read_request request = all_of(&lived, lived.list.tables[t]);
        assert_int_equal(rows_read(lived.source, &request, 100, &a, NULL), PS_OK);
        request = all_of(&fresh, fresh.list.tables[t]);
        assert_int_equal(rows_read(fresh.source, &request, 333, &b, NULL), PS_OK);
        assert_true(row_set_equal(&a, &b));
        row_set_done(&a);
        row_set_done(&b);
    }
    close_day(&lived);
    close_day(&fresh);
}

static void test_another_seed_gives_other_rows_and_another_incarnation(void **state)
{
    (void)state;
    static const char *const settings[] = {"ehr_patients=40", "ehr_seed=2", NULL};
    struct open_day one = open_small(0), two = open_day(settings, 0);
    struct row_set a = {0}, b = {0};
    struct ps_read_request request = all_of(&one, table_of(&one, "PatientDim"));
    assert_int_equal(rows_read(one.source, &request, 100, &a, NULL), PS_OK);
    assert_string_not_equal(request.table->incarnation, table_of(&two, "PatientDim")->incarnation);
    request = all_of(&two, table_of(&two, "PatientDim"));
    assert_int_equal(rows_read(two.source, &request, 100, &b, NULL), PS_OK);
    assert_int_equal(row_set_missing(&a, &b), a.count);
    row_set_done(&a);
    row_set_done(&b);
    close_day(&one);
    close_day(&two);
}

static void count_nothing(void *context, const struct ps_batch *batch)
{
    (void)context;
    (void)batch;
}

static void test_last_million_rows_of_a_billion_patients_need_no_memory(void **state)
{
    (void)state;
    static const char *const settings[] = {"ehr_patients=1000000000", NULL};
    struct open_day open = open_day(settings, 100);
    struct ps_read_request request = all_of(&open, table_of(&open, "FlowsheetValueFact"));
    int64_t rows = request.table->rows_estimate;
    char bounds[64];
    struct ps_partition partition = {.bounds = bounds};

    assert_true(rows > INT64_C(50000000000));
    snprintf(bounds, sizeof bounds, "%lld-%lld", (long long)rows - 1000000, (long long)rows);
    request.partition = &partition;
    uint64_t before = ps_alloc_count();
    assert_int_equal(each_batch(&open, &request, count_nothing, NULL), 1000000);
    assert_in_range(ps_alloc_count() - before, 1, 40); /* the batch, the reader, and no more */
    close_day(&open);
}

static void test_window_of_a_billion_patients_begins_at_once(void **state)
{
    (void)state;
    static const char *const settings[] = {"ehr_patients=1000000000", NULL};
    struct open_day open = open_day(settings, 9);
    struct ps_read_request request = all_of(&open, table_of(&open, "LabComponentResultFact"));
    int32_t cursor = ps_table_column(request.table, "_LastUpdatedInstant");
    struct ps_window window = {.column = (uint32_t)cursor,
                               .lower = {.type = PS_TYPE_NAIVE_DATETIME,
                                         .present = true,
                                         .time = ps_timestamp_add(hospital_day_start(9), -300)}};
    struct ps_batch *batch = rows_batch(&request, 5000);
    struct ps_reader *reader = NULL;

    request.window = &window;
    assert_int_equal(OPS->reader_open(open.source, &request, &reader, NULL), PS_OK);
    assert_int_equal(OPS->reader_next(reader, batch, NULL), PS_OK);
    assert_int_equal(batch->rows, 5000);
    for (uint32_t row = 0; row < batch->rows; row++) {
        struct ps_scalar value = ps_vector_scalar(&batch->vectors[cursor], row);
        assert_true(ps_scalar_compare(&value, &window.lower) >= 0);
    }
    OPS->reader_close(reader);
    ps_batch_free(batch);
    close_day(&open);
}

/* What was seen in all the tables together. */
struct sightings {
    uint64_t values[PS_TYPES], nulls;
    uint64_t empty_texts, wide_texts, long_notes, deleted, undecided, longest;
    uint64_t long_least, long_greatest, negative_zero, largest_double, first_year, last_year;
    uint64_t hundred_nanos, nanos, precise_decimals;
};

static void look_at_text(struct sightings *seen, const struct ps_vector *vector, uint32_t row)
{
    size_t size;
    const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
    seen->empty_texts += size == 0;
    seen->long_notes += size > 20000;
    seen->longest = size > seen->longest ? size : seen->longest;
    for (size_t i = 0; vector->type == PS_TYPE_STRING && i < size; i++) {
        seen->wide_texts += bytes[i] >= 0xf0;
    }
}

static void look_at_value(struct sightings *seen, const struct ps_vector *vector, uint32_t row)
{
    struct ps_timestamp instant;
    switch (vector->type) {
    case PS_TYPE_LONG:
        seen->long_least += ((const int64_t *)vector->values)[row] == INT64_MIN;
        seen->long_greatest += ((const int64_t *)vector->values)[row] == INT64_MAX;
        break;
    case PS_TYPE_DOUBLE: {
        double value = ((const double *)vector->values)[row];
        seen->negative_zero += value == 0 && signbit(value) != 0;
        seen->largest_double += value == -DBL_MAX;
        assert_true(isfinite(value));
        break;
    }
    case PS_TYPE_DECIMAL: {
        ps_int128 value = ((const ps_int128 *)vector->values)[row];
        seen->precise_decimals += value > INT64_MAX || value < INT64_MIN;
        break;
    }
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        instant = ((const struct ps_timestamp *)vector->values)[row];
        seen->first_year += instant.seconds == PS_TIMESTAMP_SECONDS_MIN;
        seen->last_year += instant.seconds == PS_TIMESTAMP_SECONDS_MAX;
        seen->hundred_nanos += instant.nanos % 1000 != 0;
        seen->nanos += instant.nanos % 100 != 0;
        break;
    default:
        break;
    }
}

static void look(void *context, const struct ps_batch *batch)
{
    struct sightings *seen = context;
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        const struct ps_vector *vector = &batch->vectors[i];
        bool flag = strcmp(batch->table->columns[batch->columns[i]].name, "_IsDeleted") == 0;
        for (uint32_t row = 0; row < batch->rows; row++) {
            bool valid = ps_vector_is_valid(vector, row);
            seen->nulls += !valid;
            seen->undecided += flag && !valid;
            if (!valid) {
                continue;
            }
            seen->values[vector->type]++;
            if (ps_type_is_variable(vector->type)) {
                look_at_text(seen, vector, row);
            } else {
                look_at_value(seen, vector, row);
            }
            if (flag) {
                seen->deleted += vector->type == PS_TYPE_SHORT
                                     ? ((const int16_t *)vector->values)[row] == 1
                                     : ((const uint8_t *)vector->values)[row] == 1;
            }
        }
    }
}

static void test_tables_hold_every_type_and_the_awkward_values(void **state)
{
    (void)state;
    static const char *const settings[] = {"ehr_patients=2000", NULL};
    struct open_day open = open_day(settings, 0);
    struct sightings seen = {0};
    int64_t rows = 0;

    for (size_t t = 0; t < EHR_TABLES; t++) {
        struct ps_read_request request = all_of(&open, open.list.tables[t]);
        rows += each_batch(&open, &request, look, &seen);
    }
    assert_in_range(rows, 150000, 1000000);
    for (int type = PS_TYPE_BOOLEAN; type < PS_TYPES; type++) {
        assert_true(seen.values[type] > 0);
    }
    assert_in_range(seen.deleted, rows / 200, rows / 50);
    assert_true(seen.undecided > 0 && seen.nulls > 0 && seen.empty_texts > 0);
    assert_true(seen.wide_texts > 0 && seen.long_notes > 0 && seen.longest < 65536);
    assert_true(seen.long_least > 0 && seen.long_greatest > 0);
    assert_true(seen.negative_zero > 0 && seen.largest_double > 0);
    assert_true(seen.first_year > 0 && seen.last_year > 0);
    assert_true(seen.hundred_nanos > 0 && seen.nanos > 0 && seen.precise_decimals > 0);
    close_day(&open);
}

struct reference {
    const char *column, *table;
    int64_t rows;
};

static void check_reference(void *context, const struct ps_batch *batch)
{
    const struct reference *reference = context;
    for (uint32_t row = 0; row < batch->rows; row++) {
        struct ps_scalar key = ps_vector_scalar(&batch->vectors[0], row);
        assert_true(!key.present || (key.integer >= 1 && key.integer <= reference->rows));
    }
}

static void test_foreign_keys_point_at_rows_that_exist(void **state)
{
    (void)state;
    struct reference references[] = {
        {"PatientKey", "PatientDim", 0},
        {"EncounterKey", "EncounterFact", 0},
        {"DepartmentKey", "DepartmentDim", 0},
        {"PrimaryDepartmentKey", "DepartmentDim", 0},
        {"ProviderKey", "ProviderDim", 0},
        {"PrimaryProviderKey", "ProviderDim", 0},
        {"OrderedByProviderKey", "ProviderDim", 0},
        {"AuthorProviderKey", "ProviderDim", 0},
    };
    struct open_day open = open_small(100);
    for (size_t r = 0; r < sizeof references / sizeof references[0]; r++) {
        int columns = 0;
        references[r].rows = table_of(&open, references[r].table)->rows_estimate;
        for (size_t t = 0; t < EHR_TABLES; t++) {
            int32_t found = ps_table_column(open.list.tables[t], references[r].column);
            uint32_t column = (uint32_t)found;
            struct ps_read_request request = {
                .table = open.list.tables[t], .columns = &column, .columns_count = 1};
            if (found >= 0) {
                columns++;
                each_batch(&open, &request, check_reference, &references[r]);
            }
        }
        assert_true(columns > 0);
    }
    close_day(&open);
}

/* Rows of a full read that a window on the column must give. */
struct expectation {
    uint32_t column;
    struct ps_scalar lower;
    int64_t rows;
};

static void count_expected(void *context, const struct ps_batch *batch)
{
    struct expectation *expectation = context;
    for (uint32_t row = 0; row < batch->rows; row++) {
        struct ps_scalar value = ps_vector_scalar(&batch->vectors[expectation->column], row);
        expectation->rows += !value.present || ps_scalar_compare(&value, &expectation->lower) >= 0;
    }
}

static void test_window_on_any_other_column_is_filtered(void **state)
{
    (void)state;
    static const struct {
        const char *table, *column, *lower;
    } cases[] = {
        {"EncounterFact", "DischargeInstant", "2020-06-01T00:00:00"},
        {"EncounterFact", "TotalCharges", "100000.00"},
        {"PatientDim", "BirthDate", "1980-01-01"},
        {"PatientDim", "PatientKey", "20"},
        {"DiagnosisEventFact", "DiagnosisLine", "2"},
        {"LabComponentResultFact", "ComponentCode", "5000"},
        {"LabComponentResultFact", "ResultInstant", "2020-06-01T00:00:00Z"},
    };
    struct open_day open = open_small(3);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_read_request request = all_of(&open, table_of(&open, cases[i].table));
        uint32_t column = (uint32_t)ps_table_column(request.table, cases[i].column);
        struct expectation expectation = {.column = column};
        assert_true(ps_scalar_parse(cases[i].lower, strlen(cases[i].lower),
                                    request.table->columns[column].type,
                                    request.table->columns[column].scale, &expectation.lower));
        int64_t whole = each_batch(&open, &request, count_expected, &expectation);
        struct ps_window window = {.column = column, .lower = expectation.lower};
        request.window = &window;
        assert_int_equal(each_batch(&open, &request, count_nothing, NULL), expectation.rows);
        assert_in_range(expectation.rows, 1, whole - 1);
    }
    close_day(&open);
}

/* The line of the page's table that a column must have. */
static void column_line(const struct ps_column *column, char line[256])
{
    char type[32], key[8] = "";
    snprintf(type, sizeof type, "%s", ps_type_name(column->type));
    if (column->type == PS_TYPE_DECIMAL) {
        snprintf(type, sizeof type, "DECIMAL(%d,%d)", column->precision, column->scale);
    }
    if (column->key_position != 0) {
        snprintf(key, sizeof key, "%d", column->key_position);
    }
    snprintf(line, 256, "\n| `%s` | %s | %s | %s |", column->name, column->source_type, type, key);
}

static void test_page_describes_every_column(void **state)
{
    (void)state;
    static char page[65536];
    struct open_day open = open_small(0);
    FILE *file = fopen("docs/sources/ehr.md", "r");

    assert_non_null(file);
    page[fread(page, 1, sizeof page - 1, file)] = '\0';
    fclose(file);
    for (size_t t = 0; t < EHR_TABLES; t++) {
        const struct ps_table *table = open.list.tables[t];
        char line[256];
        snprintf(line, sizeof line, "\n### %s\n", table->name);
        char *section = strstr(page, line);
        assert_non_null(section);
        char *next = strstr(section + 1, "\n### ");
        for (uint32_t i = 0; i < table->columns_count; i++) {
            column_line(&table->columns[i], line);
            char *found = strstr(section, line);
            if (found == NULL || (next != NULL && found > next)) {
                fail_msg("docs/sources/ehr.md lacks: %s", line + 1);
            }
        }
    }
    close_day(&open);
}

static void test_reader_open_with_a_foreign_place_says_expired(void **state)
{
    (void)state;
    static const char *const positions[] = {"", "x", "-1", "5x", "3:4", "99999999999", "1 2"};
    static const char *const bounds[] = {"x", "5", "-5", "5-", "9-5", "0-99999999", "1-2-3"};
    struct open_day open = open_small(0);
    struct ps_read_request request = all_of(&open, table_of(&open, "PatientDim"));
    struct ps_partition partition = {0};
    struct ps_reader *reader = NULL;
    struct ps_error err = {0};

    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        request.position = positions[i];
        assert_int_equal(OPS->reader_open(open.source, &request, &reader, &err), PS_EXPIRED);
    }
    request.position = NULL;
    request.partition = &partition;
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        partition.bounds = bounds[i];
        assert_int_equal(OPS->reader_open(open.source, &request, &reader, &err), PS_EXPIRED);
    }
    assert_null(reader);
    close_day(&open);
}

static void test_reader_open_with_another_type_says_schema(void **state)
{
    (void)state;
    struct open_day open = open_small(0);
    struct ps_table table = *table_of(&open, "PatientDim");
    struct ps_column column = table.columns[0];
    struct ps_read_request request = all_of(&open, &table);
    struct ps_reader *reader = NULL;

    column.type = PS_TYPE_STRING;
    table.columns = &column;
    table.columns_count = 1;
    request.columns_count = 1;
    assert_int_equal(OPS->reader_open(open.source, &request, &reader, NULL), PS_SCHEMA);
    assert_null(reader);
    close_day(&open);
}

static void test_open_beyond_the_last_day_says_config(void **state)
{
    (void)state;
    static const char *const settings[] = {NULL};
    struct ps_config *config = rows_config(OPS, settings);
    struct ps_source_request request = {.config = config, .syncs_completed = UINT64_MAX};
    struct ps_source *source = NULL;
    struct ps_error err = {0};

    assert_int_equal(OPS->open(&request, &source, &err), PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_SETTING);
    assert_int_equal(OPS->test(&request, "connect", &err), PS_CONFIG);
    assert_int_equal(OPS->test(&request, "select", &err), PS_CONFIG);
    request.syncs_completed = EHR_DAY_MAX;
    assert_int_equal(OPS->test(&request, "select", &err), PS_OK);
    assert_int_equal(OPS->test(&request, "no such test", &err), PS_CONFIG);
    rows_config_free(config);
}

static void test_setup_test_and_plan_when_memory_runs_out_say_nomem(void **state)
{
    (void)state;
    struct open_day open = open_small(0);
    struct ps_source_request request = {.config = open.config};
    enum ps_status status = PS_NOMEM;
    int64_t failing = 0;

    for (; status != PS_OK; failing++) {
        struct ps_partition_list list = {0};
        struct ps_error err = {0};
        ps_alloc_fail_after(failing, 0);
        list.arena = ps_arena_new(1u << 20);
        status = list.arena == NULL ? PS_NOMEM
                                    : OPS->plan(open.source, open.list.tables[0], 40, &list, &err);
        if (status == PS_OK) {
            status = OPS->test(&request, "select", &err);
        }
        ps_alloc_fail_after(-1, 0);
        ps_arena_free(list.arena);
        assert_true(status == PS_OK || status == PS_NOMEM);
    }
    assert_true(failing > 10);
    close_day(&open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_windows_day_by_day_equal_a_fresh_load),
        cmocka_unit_test(test_first_day_stands_for_syncs_completed),
        cmocka_unit_test(test_another_seed_gives_other_rows_and_another_incarnation),
        cmocka_unit_test(test_last_million_rows_of_a_billion_patients_need_no_memory),
        cmocka_unit_test(test_window_of_a_billion_patients_begins_at_once),
        cmocka_unit_test(test_tables_hold_every_type_and_the_awkward_values),
        cmocka_unit_test(test_foreign_keys_point_at_rows_that_exist),
        cmocka_unit_test(test_window_on_any_other_column_is_filtered),
        cmocka_unit_test(test_page_describes_every_column),
        cmocka_unit_test(test_reader_open_with_a_foreign_place_says_expired),
        cmocka_unit_test(test_reader_open_with_another_type_says_schema),
        cmocka_unit_test(test_open_beyond_the_last_day_says_config),
        cmocka_unit_test(test_setup_test_and_plan_when_memory_runs_out_say_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
