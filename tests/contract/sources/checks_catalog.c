/*
 * Contract: the members that describe a source, its tables, its clock and its snapshots.
 */
#include "checks.h"

#include <string.h>

#include "base/clock.h"

void check_ops_are_complete(void **state)
{
    const struct check *check = *state;
    const struct ps_source_ops *ops = check->ops;

    assert_int_equal(ops->abi, PS_SOURCE_ABI);
    assert_true(ops->name != NULL && ops->name[0] != '\0');
    assert_true(ops->label != NULL && ops->label[0] != '\0');
    assert_non_null(ops->options);
    for (const struct ps_option *option = ops->options; option->name != NULL; option++) {
        assert_true(option->label != NULL && option->help != NULL);
        assert_true(option->type != PS_OPTION_INTEGER || option->minimum < option->maximum);
        assert_true(option->type != PS_OPTION_CHOICE || option->choices != NULL ||
                    option->described_choices != NULL);
    }
    assert_non_null(ops->tests);
    assert_non_null(ops->tests[0].name);
    assert_non_null(ops->cursor_names);
    assert_non_null(ops->soft_delete_names);
    assert_true(ops->open != NULL && ops->close != NULL && ops->test != NULL);
    assert_true(ops->list_tables != NULL && ops->describe != NULL);
    assert_true(ops->now != NULL && ops->pin != NULL);
    assert_true(ops->reader_open != NULL && ops->reader_next != NULL);
    assert_true(ops->reader_position != NULL && ops->reader_cancel != NULL);
    assert_non_null(ops->reader_close);
    assert_true((ops->caps & PS_CAP_SNAPSHOT) == 0 || ops->snapshot_name != NULL);
    assert_true((ops->caps & PS_CAP_COUNT_CHEAP) == 0 || ops->count != NULL);
}

void check_close_accepts_null(void **state)
{
    const struct check *check = *state;
    check->ops->reader_close(NULL);
    check->ops->close(NULL);
}

void check_every_setup_test_passes(void **state)
{
    const struct check *check = *state;
    struct ps_error err = {0};

    for (const struct ps_test *test = check->ops->tests; test->name != NULL; test++) {
        assert_true(test->label != NULL && test->label[0] != '\0');
        check_status(check->ops->test(&check->request, test->name, &err), PS_OK, &err);
    }
}

void check_tables_are_listed_in_order(void **state)
{
    struct check *check = *state;
    struct ps_table_list list = {.arena = check->arena};
    struct ps_error err = {0};

    check_status(check->ops->list_tables(check->source, &list, &err), PS_OK, &err);
    for (size_t i = 0; i < list.tables_count; i++) {
        const struct ps_table *table = list.tables[i];
        assert_non_null(table->schema);
        assert_true(table->name != NULL && table->name[0] != '\0');
        assert_null(table->columns);
        assert_true(table->rows_estimate >= -1 && table->bytes_estimate >= -1);
        if (i > 0) {
            int order = strcmp(list.tables[i - 1]->schema, table->schema);
            assert_true(order < 0 ||
                        (order == 0 && strcmp(list.tables[i - 1]->name, table->name) < 0));
        }
    }
}

static void check_keys(const struct ps_table *table)
{
    uint32_t seen = 0;
    for (uint16_t position = 1; position <= table->keys_count; position++) {
        for (uint32_t i = 0; i < table->columns_count; i++) {
            seen += table->columns[i].key_position == position;
        }
        assert_int_equal(seen, position); /* each position exactly once */
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        assert_true(table->columns[i].key_position <= table->keys_count);
    }
}

void check_described_columns_are_valid(void **state)
{
    struct check *check = *state;

    for (size_t t = 0; t < check->tables_count; t++) {
        const struct ps_table *table = check->tables[t];
        assert_true(table->columns_count > 0);
        check_keys(table);
        for (uint32_t i = 0; i < table->columns_count; i++) {
            const struct ps_column *column = &table->columns[i];
            assert_true(column->name != NULL && column->name[0] != '\0');
            assert_true(ps_utf8_valid(column->name, strlen(column->name)));
            assert_int_equal(ps_table_column(table, column->name), i);
            assert_true(column->source_type != NULL && column->source_type[0] != '\0');
            assert_true(column->type != PS_TYPE_UNSPECIFIED || check->contract->untyped);
            assert_in_range(column->type, 0, PS_TYPES - 1);
            assert_true(column->null_fraction <= 1);
            assert_true(!column->counter || (column->no_cursor == NULL && column->scale == 0 &&
                                             ps_scalar_type_supported(column->type)));
            if (column->type == PS_TYPE_DECIMAL) {
                assert_in_range(column->precision, 1, PS_DECIMAL_PRECISION_MAX);
                assert_true(column->scale <= column->precision);
            } else {
                assert_int_equal(column->precision, 0);
                assert_int_equal(column->scale, 0);
            }
        }
    }
}

void check_describing_an_absent_table_says_schema(void **state)
{
    struct check *check = *state;
    struct ps_table absent = *check->tables[0];
    struct ps_error err = {0};

    absent.name = "no such table; it's absent";
    absent.columns = NULL;
    absent.source_id = UINT32_MAX;
    check_status(check->ops->describe(check->source, check->arena, &absent, &err), PS_SCHEMA, &err);
    assert_int_equal(err.status, PS_SCHEMA);
    assert_true(err.message[0] != '\0');
}

void check_plan_stays_within_its_bounds(void **state)
{
    struct check *check = *state;
    struct ps_error err = {0};
    static const size_t bounds[] = {1, 2, 7, 4096};

    if (check->ops->plan == NULL) {
        return;
    }
    for (size_t t = 0; t < check->tables_count; t++) {
        for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
            struct ps_partition_list list = {.arena = check->arena};
            check_status(check->ops->plan(check->source, check->tables[t], bounds[i], &list, &err),
                         PS_OK, &err);
            assert_in_range(list.partitions_count, 1, bounds[i]);
            for (size_t p = 0; p < list.partitions_count; p++) {
                assert_non_null(list.partitions[p].bounds);
            }
        }
    }
}

void check_clock_is_plausible(void **state)
{
    struct check *check = *state;
    struct ps_error err = {0};
    struct ps_now now;

    check_status(check->ops->now(check->source, &now, &err), PS_OK, &err);
    assert_true(now.utc.seconds > PS_TIMESTAMP_SECONDS_MIN);
    assert_true(now.utc.seconds < PS_TIMESTAMP_SECONDS_MAX);
    /* Wall clocks are at most 14 hours from UTC. */
    int64_t offset = now.local.seconds - now.utc.seconds;
    assert_true(offset >= -14 * 3600 && offset <= 14 * 3600);
    if (now.horizon_known) {
        assert_true(ps_timestamp_compare(now.horizon_utc, now.utc) <= 0);
        assert_true(ps_timestamp_compare(now.horizon_local, now.local) <= 0);
        assert_null(now.horizon_unknown_reason);
    } else {
        assert_non_null(now.horizon_unknown_reason);
    }
}

void check_snapshot_is_joined(void **state)
{
    struct check *check = *state;
    struct ps_error err = {0};
    const char *name = NULL;

    if ((check->ops->caps & PS_CAP_SNAPSHOT) == 0) {
        return;
    }
    check_status(check->ops->snapshot_name(check->source, &name, &err), PS_OK, &err);
    assert_true(name != NULL && name[0] != '\0');

    struct check other = *check;
    other.source = check_open(check);
    check_status(check->ops->pin(other.source, name, &err), PS_OK, &err);
    struct ps_read_request request = check_request(check, check->tables[0]);
    struct row_set ours = {0}, theirs = {0};
    check_read(check, &request, &ours);
    check_read(&other, &request, &theirs);
    assert_true(ours.count > 0);
    assert_true(row_set_equal(&ours, &theirs));
    row_set_done(&ours);
    row_set_done(&theirs);
    check->ops->close(other.source);
}

void check_unknown_snapshot_is_gone(void **state)
{
    struct check *check = *state;
    struct ps_error err = {0};

    if ((check->ops->caps & PS_CAP_SNAPSHOT) == 0) {
        return;
    }
    check_status(check->ops->pin(check->source, "00000003-0000FFFF-1", &err), PS_SNAPSHOT_GONE,
                 &err);
    /* What failed to join can take a new one. */
    check_status(check->ops->pin(check->source, NULL, &err), PS_OK, &err);
}

void check_exact_count_is_the_rows_read(void **state)
{
    struct check *check = *state;
    struct ps_error err = {0};

    if (check->ops->count == NULL) {
        return;
    }
    for (size_t t = 0; t < check->tables_count; t++) {
        struct ps_read_request request = check_request(check, check->tables[t]);
        struct row_set rows = {0};
        const struct ps_count_request count = {.table = check->tables[t]};
        int64_t exact = -1;

        check_status(check->ops->count(check->source, &count, &exact, &err), PS_OK, &err);
        check_read(check, &request, &rows);
        if (check->contract->counts_rows) {
            assert_int_equal(exact, rows.count + rows.bad_rows);
        }
        row_set_done(&rows);
    }
}

/* Of the types that a soft-delete column can have. */
static bool is_one(const struct ps_vector *vector, uint32_t row)
{
    size_t size = 0;
    if (!ps_vector_is_valid(vector, row)) {
        return false;
    }
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        return ((const uint8_t *)vector->values)[row] == 1;
    case PS_TYPE_SHORT:
        return ((const int16_t *)vector->values)[row] == 1;
    case PS_TYPE_INT:
        return ((const int32_t *)vector->values)[row] == 1;
    case PS_TYPE_LONG:
        return ((const int64_t *)vector->values)[row] == 1;
    default: {
        const uint8_t *text = ps_vector_bytes(vector, row, &size);
        return size == 1 && text[0] == '1';
    }
    }
}

static bool can_mark(const struct ps_column *column)
{
    return column->type == PS_TYPE_BOOLEAN || column->type == PS_TYPE_SHORT ||
           column->type == PS_TYPE_INT || column->type == PS_TYPE_LONG ||
           column->type == PS_TYPE_STRING;
}

/* The rows of which the column is not 1. */
static int64_t rows_unmarked(struct check *check, const struct ps_table *table, uint32_t column)
{
    struct ps_read_request request = check_request(check, table);
    struct ps_reader *reader = NULL;
    struct ps_error err = {0};
    int64_t rows = 0;
    enum ps_status status;

    request.columns = &column;
    request.columns_count = 1;
    struct ps_batch *batch = rows_batch(&request, 500);
    check_status(check->ops->reader_open(check->source, &request, &reader, &err), PS_OK, &err);
    while ((status = check->ops->reader_next(reader, batch, &err)) == PS_OK) {
        for (uint32_t i = 0; i < batch->rows; i++) {
            rows += !is_one(&batch->vectors[0], i);
        }
        rows += (int64_t)batch->bad_rows;
        ps_batch_reset(batch);
    }
    check_status(status, PS_END, &err);
    check->ops->reader_close(reader);
    ps_batch_free(batch);
    return rows;
}

/* A source that tells marked rows apart leaves out those of one value, whatever else there is. */
void check_count_leaves_marked_rows_out(void **state)
{
    static const ps_int128 numbers[] = {1};
    static const char *const texts[] = {"1"};
    struct check *check = *state;
    struct ps_error err = {0};

    for (size_t t = 0; check->ops->count != NULL && t < check->tables_count; t++) {
        const struct ps_table *table = check->tables[t];
        for (uint32_t i = 0; i < table->columns_count; i++) {
            const struct ps_marks marks = {.column = i,
                                           .numbers = numbers,
                                           .numbers_count = 1,
                                           .texts = texts,
                                           .texts_count = 1};
            const struct ps_count_request count = {.table = table, .marks = &marks};
            int64_t rows = -1;
            if (!can_mark(&table->columns[i])) {
                continue;
            }
            enum ps_status status = check->ops->count(check->source, &count, &rows, &err);
            if (status != PS_END) {
                check_status(status, PS_OK, &err);
                assert_int_equal(rows, rows_unmarked(check, table, i));
            }
        }
    }
}

void check_count_is_called_off(void **state)
{
    struct check *check = *state;
    const struct ps_count_request count = {.table = check->tables[0]};
    struct ps_cancel cancel;
    struct check other = *check;
    struct ps_error err = {0};
    int64_t rows;

    if (check->ops->count == NULL || (check->ops->caps & PS_CAP_COUNT_CHEAP) != 0) {
        return;
    }
    ps_cancel_init(&cancel);
    other.request.cancel = &cancel;
    other.source = check_open(&other);
    ps_cancel_set(&cancel, 0);
    check_status(check->ops->count(other.source, &count, &rows, &err), PS_CANCELED, &err);
    check->ops->close(other.source);
}
