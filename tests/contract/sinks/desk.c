/*
 * The suite's tools.
 */
#include "contract/sinks/desk.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static void expect_ok(enum ps_status status, const struct ps_error *err)
{
    if (status != PS_OK) {
        fail_msg("%s: %s", ps_status_name(status), err->message);
    }
}

int desk_setup(void **state)
{
    struct desk *desk = calloc(1, sizeof *desk);
    desk->contract = *state;
    desk->ops = desk->contract->ops;
    desk->destination = desk->contract->fresh();
    ps_clock_fake_init(&desk->clock, (struct ps_timestamp){1700000000, 0});
    desk_open(desk);
    *state = desk;
    return 0;
}

int desk_teardown(void **state)
{
    struct desk *desk = *state;
    desk->ops->close(desk->sink);
    desk->contract->forget(desk->destination);
    free(desk);
    return 0;
}

void desk_open(struct desk *desk)
{
    struct ps_error err = {0};
    struct ps_sink_request request = {.destination = desk->destination,
                                      .schema = "tester",
                                      .clock = &desk->clock.base,
                                      .memory_bytes = (size_t)256 << 20,
                                      .stream = desk->contract->stream};
    expect_ok(desk->ops->open(&request, &desk->sink, &err), &err);
}

void desk_close(struct desk *desk)
{
    desk->ops->close(desk->sink);
    desk->sink = NULL;
}

void desk_schema(struct desk *desk, const struct ps_table *table)
{
    struct ps_error err = {0};
    bool changed = false;
    expect_ok(desk->ops->schema_change(desk->sink, table, &changed, &err), &err);
}

void desk_load_begin(struct desk *desk, const struct ps_table *table)
{
    struct ps_error err = {0};
    expect_ok(desk->ops->load_begin(desk->sink, table, &err), &err);
}

struct ps_load_result desk_load_end(struct desk *desk, const struct ps_table *table, uint32_t flags)
{
    struct ps_error err = {0};
    struct ps_load_result result = {0};
    expect_ok(desk->ops->load_end(desk->sink, table, flags, &result, &err), &err);
    return result;
}

void desk_truncate(struct desk *desk, const struct ps_table *table)
{
    struct ps_error err = {0};
    expect_ok(desk->ops->truncate(desk->sink, table, &err), &err);
}

void desk_checkpoint(struct desk *desk)
{
    struct ps_error err = {0};
    desk->number++;
    expect_ok(desk->ops->checkpoint(desk->sink, "{}", 2, desk->number, &err), &err);
}

static void put_hexadecimal(struct ps_batch *batch, uint32_t column, const char *cell)
{
    unsigned char bytes[256];
    size_t size = strlen(cell) / 2;
    assert_true(size <= sizeof bytes);
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {cell[2 * i], cell[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(digits, NULL, 16);
    }
    assert_true(ps_batch_put_bytes(batch, column, bytes, size));
}

static void put_cell(struct ps_batch *batch, uint32_t column, const char *cell)
{
    const struct ps_vector *vector = &batch->vectors[column];
    size_t size = strlen(cell);
    ps_int128 decimal = 0;
    int32_t days = 0;
    struct ps_timestamp time = {0};
    switch (vector->type) {
    case PS_TYPE_BOOLEAN:
        ps_batch_put_bool(batch, column, strcmp(cell, "true") == 0);
        break;
    case PS_TYPE_SHORT:
        ps_batch_put_short(batch, column, (int16_t)strtol(cell, NULL, 10));
        break;
    case PS_TYPE_INT:
        ps_batch_put_int(batch, column, (int32_t)strtol(cell, NULL, 10));
        break;
    case PS_TYPE_LONG:
        ps_batch_put_long(batch, column, strtoll(cell, NULL, 10));
        break;
    case PS_TYPE_FLOAT:
        ps_batch_put_float(batch, column, strtof(cell, NULL));
        break;
    case PS_TYPE_DOUBLE:
        ps_batch_put_double(batch, column, strtod(cell, NULL));
        break;
    case PS_TYPE_DECIMAL:
        assert_true(ps_decimal_parse(cell, size, vector->scale, &decimal));
        ps_batch_put_decimal(batch, column, decimal);
        break;
    case PS_TYPE_NAIVE_DATE:
        assert_true(ps_date_parse(cell, size, &days));
        ps_batch_put_date(batch, column, days);
        break;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        assert_true(ps_timestamp_parse(cell, size, &time, NULL));
        ps_batch_put_timestamp(batch, column, time);
        break;
    case PS_TYPE_BINARY:
        put_hexadecimal(batch, column, cell);
        break;
    default:
        assert_true(ps_batch_put_bytes(batch, column, cell, size));
    }
}

static void put_row(struct ps_batch *batch, const char *line, size_t size)
{
    const char *at = line;
    for (uint32_t column = 0; column < batch->columns_count; column++) {
        const char *end = memchr(at, '|', size - (size_t)(at - line));
        size_t length = end != NULL ? (size_t)(end - at) : size - (size_t)(at - line);
        char *cell = strndup(at, length);
        if (strcmp(cell, "~") == 0) {
            ps_batch_put_null(batch, column);
        } else {
            put_cell(batch, column, cell);
        }
        free(cell);
        assert_true(end != NULL || column + 1 == batch->columns_count);
        at += length + 1;
    }
    ps_batch_row_end(batch);
}

struct ps_batch *desk_batch(const struct ps_table *table, enum ps_operation operation,
                            const uint32_t *columns, uint32_t columns_count, const char *rows)
{
    uint32_t all[512];
    assert_true(table->columns_count <= sizeof all / sizeof all[0]);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        all[i] = i;
    }
    uint32_t rows_max = 1;
    for (const char *at = rows; *at != '\0'; at++) {
        rows_max += *at == '\n';
    }
    struct ps_batch_shape shape = {
        .table = table,
        .columns = columns != NULL ? columns : all,
        .columns_count = columns != NULL ? columns_count : table->columns_count,
        .rows_max = rows_max,
        .bytes_max = SIZE_MAX,
    };
    struct ps_error err = {0};
    struct ps_batch *batch = NULL;
    expect_ok(ps_batch_new(&shape, &batch, &err), &err);
    batch->operation = operation;
    batch->table = table;
    for (const char *at = rows; *at != '\0';) {
        size_t size = strcspn(at, "\n");
        put_row(batch, at, size);
        at += size + (at[size] == '\n');
    }
    return batch;
}

void desk_write_batch(struct desk *desk, struct ps_batch *batch)
{
    struct ps_error err = {0};
    struct ps_packet *packet = NULL;
    expect_ok(desk->ops->prepare(desk->sink, batch, &packet, &err), &err);
    expect_ok(desk->ops->write(desk->sink, packet, &err), &err);
}

void desk_write_columns(struct desk *desk, const struct ps_table *table,
                        enum ps_operation operation, const uint32_t *columns,
                        uint32_t columns_count, const char *rows)
{
    desk_write_batch(desk, desk_batch(table, operation, columns, columns_count, rows));
}

void desk_write(struct desk *desk, const struct ps_table *table, enum ps_operation operation,
                const char *rows)
{
    desk_write_columns(desk, table, operation, NULL, 0, rows);
}

void desk_expect(struct desk *desk, const struct ps_table *table, const char *columns,
                 const char *expected)
{
    if (desk->contract->rows == NULL) {
        return;
    }
    desk_close(desk);
    char *rows = desk->contract->rows(desk->destination, table->schema, table->name, columns);
    if (expected == NULL) {
        assert_null(rows);
    } else {
        assert_non_null(rows);
        assert_string_equal(rows, expected);
    }
    ps_free(rows);
    desk_open(desk);
}
