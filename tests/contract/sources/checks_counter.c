/*
 * Contract: counters. What is committed late, by a transaction that stayed open, is found without
 * looking back.
 */
#include "checks.h"

#include "base/thread.h"

#define PASSED_WITHIN_NS INT64_C(120000000000)

static int32_t counter_column(const struct ps_table *table)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].counter) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* Takes a new point in time after it has asked for the counter. */
static struct ps_scalar read_counter(struct check *check, const struct ps_column *column)
{
    struct ps_error err = {0};
    struct ps_now now;
    check_status(check->ops->now(check->source, &now, &err), PS_OK, &err);
    check_status(check->ops->pin(check->source, NULL, &err), PS_OK, &err);
    assert_true(now.counter.present);
    assert_int_equal(now.counter.type, column->type);
    assert_int_equal(now.counter.scale, column->scale);
    return now.counter;
}

/* The rows of the window that have a value. */
static size_t rows_from(struct check *check, const struct ps_table *table, uint32_t column,
                        const struct ps_scalar *lower)
{
    struct ps_window window = {.column = column, .lower = *lower};
    struct ps_read_request request = check_request(check, table);
    struct ps_batch *batch = rows_batch(&request, 500);
    struct ps_reader *reader = NULL;
    struct ps_error err = {0};
    size_t count = 0;

    request.window = &window;
    check_status(check->ops->reader_open(check->source, &request, &reader, &err), PS_OK, &err);
    for (enum ps_status status = PS_OK; status == PS_OK;) {
        ps_batch_reset(batch);
        batch->table = table;
        status = check->ops->reader_next(reader, batch, &err);
        assert_true(status == PS_OK || status == PS_END);
        for (uint32_t row = 0; row < batch->rows; row++) {
            struct ps_scalar value = ps_vector_scalar(&batch->vectors[column], row);
            assert_true(!value.present || ps_scalar_compare(&value, lower) >= 0);
            count += value.present;
        }
    }
    check->ops->reader_close(reader);
    ps_batch_free(batch);
    return count;
}

/* Where nothing is open any more the counter passes all that is committed; strangers at the same
 * server may take a while to end. */
static struct ps_scalar wait_until_passed(struct check *check, const struct ps_table *table,
                                          uint32_t column)
{
    int64_t deadline_ns = ps_monotonic_ns() + PASSED_WITHIN_NS;
    for (;;) {
        struct ps_scalar counter = read_counter(check, &table->columns[column]);
        if (rows_from(check, table, column, &counter) == 0) {
            return counter;
        }
        assert_true(ps_monotonic_ns() < deadline_ns);
    }
}

static void write_rows(const struct check *check, enum contract_write what)
{
    check->contract->write(check->contract->write_context, what);
}

void check_counter_finds_late_commits_without_looking_back(void **state)
{
    struct check *check = *state;
    for (size_t t = 0; t < check->tables_count; t++) {
        const struct ps_table *table = check->tables[t];
        int32_t column = counter_column(table);
        if (column < 0) {
            continue;
        }
        assert_non_null(check->contract->write);
        struct ps_scalar before = wait_until_passed(check, table, (uint32_t)column);

        write_rows(check, CONTRACT_WRITE_OPEN);
        write_rows(check, CONTRACT_WRITE_ALONE);
        struct ps_scalar held = read_counter(check, &table->columns[column]);
        assert_true(ps_scalar_compare(&before, &held) <= 0);
        size_t seen = rows_from(check, table, (uint32_t)column, &held);
        assert_true(seen > 0);

        write_rows(check, CONTRACT_WRITE_COMMIT);
        (void)read_counter(check, &table->columns[column]);
        assert_int_equal(rows_from(check, table, (uint32_t)column, &held), seen + 1);
        struct ps_scalar after = wait_until_passed(check, table, (uint32_t)column);
        assert_true(ps_scalar_compare(&held, &after) < 0);
    }
}
