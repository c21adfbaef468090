/* Batches: what is put comes out, bad rows leave no trace, and copies keep columns apart. */
#include "penstock/batch.h"

#include "support/torture.h"

#define COLUMNS 15

/* One column of each type, in the order of their numbers. */
static struct ps_column columns[COLUMNS];
static const struct ps_table table = {.name = "t", .columns = columns, .columns_count = COLUMNS};
static uint32_t all[COLUMNS];

static int set_up(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        columns[i] = (struct ps_column){.name = "c", .type = (enum ps_type)i};
        all[i] = i;
    }
    columns[PS_TYPE_DECIMAL].precision = 38;
    columns[PS_TYPE_DECIMAL].scale = 4;
    return 0;
}

static struct ps_batch_shape shape_of(uint32_t rows_max)
{
    return (struct ps_batch_shape){.table = &table,
                                   .columns = all,
                                   .columns_count = COLUMNS,
                                   .rows_max = rows_max,
                                   .bytes_max = 1u << 20};
}

static struct ps_batch *batch_of(uint32_t rows_max)
{
    struct ps_batch *batch = NULL;
    struct ps_error err;
    struct ps_batch_shape shape = shape_of(rows_max);
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    return batch;
}

static bool is_null(uint32_t row, uint32_t column)
{
    return (row + column) % 3 == 0;
}

/* A row whose values follow from `row`; false: out of memory. */
static bool put_row(struct ps_batch *batch, uint32_t row)
{
    static const char text[] = "abcdefghijklmnopqrstuvwxyz";
    bool ok = true;
    for (uint32_t i = 0; i < COLUMNS; i++) {
        if (is_null(row, i)) {
            ps_batch_put_null(batch, i);
            continue;
        }
        switch (columns[i].type) {
        case PS_TYPE_BOOLEAN:
            ps_batch_put_bool(batch, i, row % 2);
            break;
        case PS_TYPE_SHORT:
            ps_batch_put_short(batch, i, (int16_t)-row);
            break;
        case PS_TYPE_INT:
            ps_batch_put_int(batch, i, (int32_t)row * -1000);
            break;
        case PS_TYPE_LONG:
            ps_batch_put_long(batch, i, (int64_t)row << 40);
            break;
        case PS_TYPE_DECIMAL:
            ps_batch_put_decimal(batch, i, (ps_int128)row << 90);
            break;
        case PS_TYPE_FLOAT:
            ps_batch_put_float(batch, i, (float)row / 2);
            break;
        case PS_TYPE_DOUBLE:
            ps_batch_put_double(batch, i, row / 3.0);
            break;
        case PS_TYPE_NAIVE_DATE:
            ps_batch_put_date(batch, i, (int32_t)row);
            break;
        case PS_TYPE_NAIVE_DATETIME:
        case PS_TYPE_UTC_DATETIME:
            ps_batch_put_timestamp(batch, i,
                                   (struct ps_timestamp){.seconds = row, .nanos = (int32_t)row});
            break;
        default:
            ok = ok && ps_batch_put_bytes(batch, i, text, row % 27);
        }
    }
    if (ok) {
        ps_batch_row_end(batch);
    }
    return ok;
}

/* Row `at` of the batch, whose column c is table column columns[c], holds what `row` gives. */
static void assert_row(const struct ps_batch *batch, uint32_t at, uint32_t row)
{
    for (uint32_t c = 0; c < batch->columns_count; c++) {
        const struct ps_vector *vector = &batch->vectors[c];
        assert_int_equal(ps_vector_is_valid(vector, at), !is_null(row, batch->columns[c]));
        if (vector->offsets != NULL) {
            size_t size;
            const uint8_t *bytes = ps_vector_bytes(vector, at, &size);
            assert_int_equal(size, is_null(row, batch->columns[c]) ? 0 : row % 27);
            assert_memory_equal(bytes, "abcdefghijklmnopqrstuvwxyz", size);
        } else if (ps_vector_is_valid(vector, at)) {
            if (vector->type == PS_TYPE_SHORT) {
                assert_int_equal(((int16_t *)vector->values)[at], (int16_t)-row);
            } else if (vector->type == PS_TYPE_LONG) {
                assert_int_equal(((int64_t *)vector->values)[at], (int64_t)row << 40);
            } else if (vector->type == PS_TYPE_DECIMAL) {
                assert_true(((ps_int128 *)vector->values)[at] == (ps_int128)row << 90);
            } else if (vector->type == PS_TYPE_UTC_DATETIME) {
                assert_int_equal(((struct ps_timestamp *)vector->values)[at].nanos, row);
            } else if (vector->type == PS_TYPE_DOUBLE) {
                assert_true(((double *)vector->values)[at] == row / 3.0);
            } else if (vector->type == PS_TYPE_BOOLEAN) {
                assert_int_equal(((uint8_t *)vector->values)[at], row % 2);
            }
        }
    }
}

static void test_batch_holds_what_was_put(void **state)
{
    (void)state;
    struct ps_batch *batch = batch_of(100);
    uint32_t row = 0;
    for (; !ps_batch_full(batch); row++) {
        assert_true(put_row(batch, row));
    }
    assert_int_equal(batch->rows, 100);
    for (uint32_t i = 0; i < row; i++) {
        assert_row(batch, i, i);
    }
    assert_int_equal(batch->vectors[PS_TYPE_DECIMAL].scale, 4);
    assert_int_equal(batch->vectors[PS_TYPE_DECIMAL].precision, 38);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        const struct ps_vector *vector = &batch->vectors[i];
        assert_int_equal((uintptr_t)vector->validity % 64, 0);
        assert_int_equal((uintptr_t)vector->values % 64, 0);
        assert_int_equal((uintptr_t)vector->offsets % 64, 0);
        assert_int_equal((uintptr_t)vector->bytes % 64, 0);
    }
    ps_batch_free(batch);
    ps_batch_free(NULL);
}

static void test_batch_is_full_once_its_bytes_are_reached(void **state)
{
    (void)state;
    const uint32_t text[] = {PS_TYPE_STRING};
    const struct ps_batch_shape shape = {
        .table = &table, .columns = text, .columns_count = 1, .rows_max = 1000, .bytes_max = 100};
    struct ps_batch *batch = NULL;
    struct ps_error err;
    char value[60] = {0};
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    assert_true(ps_batch_put_bytes(batch, 0, value, sizeof(value)));
    ps_batch_row_end(batch);
    assert_false(ps_batch_full(batch));
    assert_true(ps_batch_put_bytes(batch, 0, value, sizeof(value)));
    ps_batch_row_end(batch);
    assert_true(ps_batch_full(batch));
    ps_batch_free(batch);
}

static void test_batch_reset_leaves_nothing_of_the_rows(void **state)
{
    (void)state;
    struct ps_batch *batch = batch_of(17);
    for (uint32_t used = 0; used <= 17; used++) {
        for (uint32_t row = 0; row < used; row++) {
            assert_true(put_row(batch, row + 1));
        }
        if (used < 17) {
            ps_batch_put_long(batch, PS_TYPE_LONG, 1); /* A row begun counts too. */
            assert_true(ps_batch_put_bytes(batch, PS_TYPE_JSON, "{}", 2));
        }
        batch->operation = PS_DELETE;
        ps_batch_reset(batch);
        assert_int_equal(batch->operation, PS_UPSERT);
        assert_int_equal(batch->rows + batch->bytes + batch->bad_rows + batch->bad_count, 0);
        for (uint32_t i = 0; i < COLUMNS; i++) {
            assert_int_equal(batch->vectors[i].bytes_size, 0);
            for (uint32_t row = 0; row < 17; row++) {
                assert_false(ps_vector_is_valid(&batch->vectors[i], row));
            }
        }
    }
    ps_batch_free(batch);
}

static void test_batch_row_with_a_bad_value_leaves_no_trace(void **state)
{
    (void)state;
    struct ps_batch *batch = batch_of(10);
    for (uint32_t row = 0; row < 10; row++) {
        size_t bytes = batch->bytes;
        /* Nearly every column of a row that is not NULL anywhere in it, then given up. */
        ps_batch_put_long(batch, PS_TYPE_LONG, -1);
        ps_batch_put_bool(batch, PS_TYPE_BOOLEAN, 1);
        assert_true(ps_batch_put_bytes(batch, PS_TYPE_STRING, "rejected", 8));
        assert_true(ps_batch_put_bytes(batch, PS_TYPE_BINARY, "rejected", 8));
        ps_batch_value_bad(batch, PS_TYPE_STRING, row % 2 == 0 ? "even" : "odd");
        ps_batch_value_bad(batch, PS_TYPE_XML, "the second is not told");
        assert_true(ps_batch_put_bytes(batch, PS_TYPE_JSON, "rejected", 8));
        ps_batch_row_end(batch);
        assert_int_equal(batch->bytes, bytes);
        assert_int_equal(batch->rows, row);
        /* Taken back without a reason, it counts nowhere. */
        assert_true(ps_batch_put_bytes(batch, PS_TYPE_XML, "rejected", 8));
        ps_batch_value_bad(batch, PS_TYPE_JSON, "neither");
        ps_batch_row_drop(batch);
        assert_int_equal(batch->bytes, bytes);
        assert_true(put_row(batch, row));
    }
    for (uint32_t row = 0; row < 10; row++) {
        assert_row(batch, row, row);
    }
    assert_int_equal(batch->bad_rows, 10);
    assert_int_equal(batch->bad_count, 2);
    assert_int_equal(batch->bad[0].rows, 5);
    assert_string_equal(batch->bad[1].reason, "odd");
    assert_int_equal(batch->bad[1].column, PS_TYPE_STRING);
    ps_batch_free(batch);
}

static void test_batch_bad_rows_beyond_the_reasons_are_still_counted(void **state)
{
    (void)state;
    struct ps_batch *batch = batch_of(1);
    for (uint32_t i = 0; i < COLUMNS; i++) {
        ps_batch_value_bad(batch, i, "reason");
        ps_batch_row_end(batch);
    }
    assert_int_equal(batch->bad_count, PS_BATCH_BAD_MAX);
    assert_int_equal(batch->bad_rows, COLUMNS);
    ps_batch_free(batch);
}

/* A table with a key and a flag, and a batch of it that keeps rows with values at fault. */
static const struct ps_column keyed_columns[] = {
    {.name = "id", .type = PS_TYPE_STRING, .key_position = 1},
    {.name = "v", .type = PS_TYPE_STRING},
    {.name = "gone", .type = PS_TYPE_BOOLEAN},
};
static const struct ps_table keyed = {
    .name = "k", .columns = keyed_columns, .columns_count = 3, .keys_count = 1};

static struct ps_batch *keyed_batch(bool keeps_faulty)
{
    struct ps_batch *batch = NULL;
    struct ps_error err;
    const struct ps_batch_shape shape = {.table = &keyed,
                                         .columns = all,
                                         .columns_count = 3,
                                         .rows_max = 4,
                                         .bytes_max = 1u << 20,
                                         .keeps_faulty = keeps_faulty,
                                         .flag = 2};
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    return batch;
}

static void put_keyed(struct ps_batch *batch, const char *bad_id, const char *bad_v)
{
    ps_batch_put_bool(batch, 2, 1);
    assert_true(ps_batch_put_bytes(batch, 1, "value", 5));
    assert_true(ps_batch_put_bytes(batch, 0, "key", 3));
    if (bad_v != NULL) {
        ps_batch_value_bad(batch, 1, bad_v);
    }
    if (bad_id != NULL) {
        ps_batch_value_bad(batch, 0, bad_id);
    }
    ps_batch_row_end(batch);
}

static void test_batch_that_keeps_faulty_rows_tells_which_they_are(void **state)
{
    (void)state;
    struct ps_batch *batch = keyed_batch(true);
    assert_true(ps_batch_column_decides(batch, 0) && ps_batch_column_decides(batch, 2));
    assert_false(ps_batch_column_decides(batch, 1));
    for (int turn = 0; turn < 2; turn++) { /* and again after a reset */
        put_keyed(batch, NULL, NULL);
        put_keyed(batch, NULL, "too large");
        put_keyed(batch, "the key", NULL);
        put_keyed(batch, NULL, "out of range");
        assert_int_equal(batch->rows, 3);
        assert_int_equal(batch->bad_rows, 1);
        assert_int_equal(batch->faulty_rows, 2);
        assert_int_equal(batch->faults[0], 0);
        assert_string_equal(batch->bad[batch->faults[1] - 1].reason, "too large");
        assert_int_equal(batch->bad[batch->faults[1] - 1].rows, 0);
        assert_string_equal(batch->bad[batch->faults[2] - 1].reason, "out of range");
        assert_false(ps_vector_is_valid(&batch->vectors[1], 1));
        size_t size = 0;
        assert_memory_equal(ps_vector_bytes(&batch->vectors[0], 2, &size), "key", 3);
        assert_int_equal(size, 3);
        assert_true(ps_vector_is_valid(&batch->vectors[2], 1));
        assert_int_equal(batch->bytes, 3 * batch->row_width + 3 * 3 + 5);
        ps_batch_reset(batch);
        assert_int_equal(batch->faulty_rows + batch->faults[0] + batch->faults[1], 0);
    }
    ps_batch_free(batch);
}

static void test_batch_takes_faults_of_rows_that_have_ended(void **state)
{
    (void)state;
    struct ps_batch *batch = keyed_batch(true);
    for (int turn = 0; turn < 2; turn++) {
        put_keyed(batch, NULL, NULL);
        put_keyed(batch, NULL, "too large");
        put_keyed(batch, NULL, NULL);
        put_keyed(batch, NULL, NULL);
        ps_batch_row_fault(batch, 1, 2, "no flag");
        ps_batch_row_fault(batch, 2, 1, "no text");
        ps_batch_row_fault(batch, 2, 0, "no key");
        assert_int_equal(batch->faulty_rows, 2);
        assert_true(batch->faults[0] == 0 && batch->faults[3] == 0);
        assert_string_equal(batch->bad[batch->faults[1] - 1].reason, "too large");
        assert_int_equal(batch->faults[2], (batch->faults[1] + 1) | PS_BATCH_FAULT_IN_KEY);
        assert_string_equal(batch->bad[batch->faults[1]].reason, "no text");
        assert_int_equal(batch->bad[batch->faults[1]].column, 1);
        assert_false(ps_vector_is_valid(&batch->vectors[2], 1));
        assert_false(ps_vector_is_valid(&batch->vectors[0], 2));
        assert_true(ps_vector_is_valid(&batch->vectors[2], 2));
        assert_true(ps_vector_is_valid(&batch->vectors[0], 3));
        ps_batch_reset(batch);
        assert_int_equal(batch->faulty_rows + batch->faults[2], 0);
    }
    ps_batch_free(batch);
}

static void test_batch_of_deletes_needs_no_more_than_keys(void **state)
{
    (void)state;
    struct ps_batch *batch = keyed_batch(false);
    batch->operation = PS_DELETE;
    put_keyed(batch, NULL, "too large");
    put_keyed(batch, "the key", "too large");
    assert_int_equal(batch->rows, 1);
    assert_int_equal(batch->bad_rows, 1);
    assert_string_equal(batch->bad[0].reason, "too large");
    ps_batch_reset(batch);
    batch->operation = PS_UPDATE;
    put_keyed(batch, NULL, "too large");
    assert_int_equal(batch->rows, 0);
    assert_int_equal(batch->bad_rows, 1);
    ps_batch_free(batch);
}

static void test_batch_reset_gives_up_a_buffer_that_one_value_made_grow(void **state)
{
    (void)state;
    struct ps_batch *batch = batch_of(4);
    static char value[6u << 20];
    size_t small = ps_batch_memory(batch);
    assert_true(ps_batch_put_bytes(batch, PS_TYPE_STRING, value, sizeof(value)));
    assert_true(ps_batch_put_bytes(batch, PS_TYPE_JSON, value, 3u << 20));
    assert_true(ps_batch_memory(batch) >= small + (9u << 20) - 512);
    ps_batch_reset(batch);
    /* The batch's bytes_max is 1 MiB: 6 MiB are far beyond it, 3 MiB are not. */
    assert_true(batch->vectors[PS_TYPE_STRING].bytes_capacity < 4096);
    assert_true(batch->vectors[PS_TYPE_JSON].bytes_capacity >= 3u << 20);
    assert_true(ps_batch_put_bytes(batch, PS_TYPE_STRING, "x", 1));
    ps_batch_free(batch);
}

static void test_vector_reserve_beyond_4_gib_is_refused(void **state)
{
    (void)state;
    struct ps_batch *batch = batch_of(1);
    struct ps_vector *vector = &batch->vectors[PS_TYPE_BINARY];
    assert_true(ps_batch_put_bytes(batch, PS_TYPE_BINARY, "1234", 4));
    assert_false(ps_vector_reserve(vector, UINT32_MAX - 3u));
    assert_false(ps_vector_reserve(vector, SIZE_MAX));
    assert_int_equal(vector->bytes_size, 4);
    ps_batch_free(batch);
}

static void test_batch_copy_rows_takes_the_selected_rows_and_columns(void **state)
{
    (void)state;
    const uint32_t some[] = {PS_TYPE_STRING,  PS_TYPE_LONG,   PS_TYPE_UTC_DATETIME,
                             PS_TYPE_DECIMAL, PS_TYPE_BINARY, PS_TYPE_BOOLEAN};
    struct ps_batch_shape shape = shape_of(64);
    shape.columns = some;
    shape.columns_count = 6;
    struct ps_batch *source = batch_of(64), *target = NULL;
    struct ps_error err;
    assert_int_equal(ps_batch_new(&shape, &target, &err), PS_OK);
    uint8_t odd[64], even[64];
    for (uint32_t row = 0; row < 64; row++) {
        assert_true(put_row(source, row));
        odd[row] = row % 2;
        even[row] = !odd[row];
    }
    assert_int_equal(ps_batch_copy_rows(target, source, odd, &err), PS_OK);
    assert_int_equal(target->rows, 32);
    size_t bytes = 0;
    for (uint32_t i = 0; i < 6; i++) {
        bytes += target->vectors[i].bytes_size;
    }
    assert_int_equal(target->bytes, bytes + 32 * target->row_width);
    assert_int_equal(ps_batch_copy_rows(target, source, even, &err), PS_OK);
    assert_true(ps_batch_full(target));
    for (uint32_t row = 0; row < 32; row++) {
        assert_row(target, row, 2 * row + 1);
        assert_row(target, 32 + row, 2 * row);
    }
    ps_batch_free(source);
    ps_batch_free(target);
}

static void test_batch_copy_rows_without_memory_leaves_the_target(void **state)
{
    (void)state;
    static char value[1000];
    struct ps_batch *source = batch_of(4), *target = batch_of(8);
    struct ps_error err = {0};
    uint8_t selected[4] = {1, 1, 1, 1};
    assert_true(put_row(target, 5));
    size_t bytes = target->bytes;
    for (int row = 0; row < 4; row++) {
        for (uint32_t i = 0; i < COLUMNS; i++) {
            if (columns[i].type == PS_TYPE_JSON || columns[i].type == PS_TYPE_BINARY) {
                assert_true(ps_batch_put_bytes(source, i, value, sizeof(value)));
            } else {
                ps_batch_put_null(source, i);
            }
        }
        ps_batch_row_end(source);
    }
    ps_alloc_fail_after(1, 0);
    assert_int_equal(ps_batch_copy_rows(target, source, selected, &err), PS_NOMEM);
    ps_alloc_fail_after(-1, 0);
    assert_int_equal(target->rows, 1);
    assert_int_equal(target->bytes, bytes);
    assert_row(target, 0, 5);
    assert_int_equal(ps_batch_copy_rows(target, source, selected, &err), PS_OK);
    assert_int_equal(target->rows, 5);
    ps_batch_free(source);
    ps_batch_free(target);
}

static void test_batch_without_columns_counts_rows(void **state)
{
    (void)state;
    const struct ps_table bare = {.name = "bare"};
    const struct ps_batch_shape shape = {
        .table = &bare, .columns = all, .columns_count = 0, .rows_max = 2, .bytes_max = 1};
    struct ps_batch *batch = NULL;
    struct ps_error err;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    ps_batch_row_end(batch);
    ps_batch_row_end(batch);
    assert_true(ps_batch_full(batch));
    ps_batch_release(batch);
}

static enum ps_status fill(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_batch *batch = NULL;
    struct ps_batch_shape shape = shape_of(300);
    enum ps_status status = ps_batch_new(&shape, &batch, err);
    for (uint32_t row = 0; status == PS_OK && !ps_batch_full(batch); row++) {
        if (!put_row(batch, row)) {
            status = ps_fail_nomem(err, "reading rows");
        }
    }
    ps_batch_free(batch);
    return status;
}

static void test_batch_without_memory_says_so(void **state)
{
    (void)state;
    torture(fill, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_holds_what_was_put),
        cmocka_unit_test(test_batch_is_full_once_its_bytes_are_reached),
        cmocka_unit_test(test_batch_reset_leaves_nothing_of_the_rows),
        cmocka_unit_test(test_batch_row_with_a_bad_value_leaves_no_trace),
        cmocka_unit_test(test_batch_bad_rows_beyond_the_reasons_are_still_counted),
        cmocka_unit_test(test_batch_that_keeps_faulty_rows_tells_which_they_are),
        cmocka_unit_test(test_batch_takes_faults_of_rows_that_have_ended),
        cmocka_unit_test(test_batch_of_deletes_needs_no_more_than_keys),
        cmocka_unit_test(test_batch_reset_gives_up_a_buffer_that_one_value_made_grow),
        cmocka_unit_test(test_vector_reserve_beyond_4_gib_is_refused),
        cmocka_unit_test(test_batch_copy_rows_takes_the_selected_rows_and_columns),
        cmocka_unit_test(test_batch_copy_rows_without_memory_leaves_the_target),
        cmocka_unit_test(test_batch_without_columns_counts_rows),
        cmocka_unit_test(test_batch_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
