/*
 * Soft deletes, and columns that are read for the engine alone.
 */
#include "support/unit.h"

#include <stdio.h>

#include "engine/transform.h"
#include "unit/engine/engine_config.h"

static const struct ps_column columns[] = {
    {.name = "id", .type = PS_TYPE_LONG, .key_position = 1},
    {.name = "name", .type = PS_TYPE_STRING},
    {.name = "gone", .type = PS_TYPE_STRING},
};
static const struct ps_table whole = {
    .schema = "", .name = "t", .columns = columns, .columns_count = 3, .keys_count = 1};
static const struct ps_table narrow = {
    .schema = "", .name = "t", .columns = columns, .columns_count = 2, .keys_count = 1};
static const uint32_t identity[] = {0, 1, 2};
static struct ps_error err;

/* Rows (1, "a", gone[0]), (2, "b", gone[1]), …; a NULL text is NULL. */
static struct ps_batch *batch_of(const char *const *gone, uint32_t rows)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    struct ps_batch_shape shape = {.table = &whole,
                                   .columns = identity,
                                   .columns_count = 3,
                                   .rows_max = 8,
                                   .bytes_max = 1 << 20};
    struct ps_batch *batch;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    for (uint32_t i = 0; i < rows; i++) {
        ps_batch_put_long(batch, 0, i + 1);
        assert_true(ps_batch_put_bytes(batch, 1, names[i], 1));
        if (gone[i] == NULL) {
            ps_batch_put_null(batch, 2);
        } else {
            assert_true(ps_batch_put_bytes(batch, 2, gone[i], strlen(gone[i])));
        }
        ps_batch_row_end(batch);
    }
    return batch;
}

static struct transform_output apply_with(const char *const *pairs,
                                          const struct ps_plan_table *table, struct ps_batch *batch,
                                          bool load)
{
    struct engine_config made;
    struct transform *transform;
    struct transform_output output;
    const struct ps_config *config = engine_config_make(&made, pairs);
    assert_int_equal(transform_new(table, config, 16, &transform, &err), PS_OK);
    const uint32_t flags = load ? TRANSFORM_DROPS_MARKED | TRANSFORM_KEEPS_LEFT_OUT : 0;
    assert_int_equal(transform_apply(transform, batch, flags, &output, &err), PS_OK);
    transform_free(transform);
    engine_config_done(&made);
    return output;
}

static struct transform_output apply(const struct ps_plan_table *table, struct ps_batch *batch,
                                     bool load)
{
    return apply_with(NULL, table, batch, load);
}

static const char *text_at(const struct ps_batch *batch, uint32_t column, uint32_t row)
{
    static char text[64];
    size_t size;
    if (!ps_vector_is_valid(&batch->vectors[column], row)) {
        return "NULL";
    }
    const uint8_t *bytes = ps_vector_bytes(&batch->vectors[column], row, &size);
    snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)bytes);
    return text;
}

static void test_transform_without_marked_rows_passes_the_batch_through(void **state)
{
    (void)state;
    struct ps_plan_table table = {.read_table = &whole, .sink_table = &whole, .soft_delete = 2};
    struct ps_batch *batch = batch_of((const char *const[]){"N", NULL, ""}, 3);
    struct transform_output output = apply(&table, batch, false);
    assert_ptr_equal(output.rows, batch);
    assert_null(output.deletes);
    ps_batch_release(output.rows);
}

static void test_transform_turns_marked_rows_into_deletes(void **state)
{
    (void)state;
    struct ps_plan_table table = {.read_table = &whole, .sink_table = &whole, .soft_delete = 2};
    struct transform_output output =
        apply(&table, batch_of((const char *const[]){"N", "y", "TRUE", NULL}, 4), false);
    assert_int_equal(output.rows->rows, 2);
    assert_int_equal(((int64_t *)output.rows->vectors[0].values)[1], 4);
    assert_int_equal(output.deletes->operation, PS_DELETE);
    assert_int_equal(output.deletes->columns_count, 1);
    assert_int_equal(output.deletes->rows, 2);
    assert_int_equal(((int64_t *)output.deletes->vectors[0].values)[0], 2);
    assert_int_equal(((int64_t *)output.deletes->vectors[0].values)[1], 3);
    ps_batch_release(output.rows);
    ps_batch_release(output.deletes);
}

static void test_transform_of_a_load_leaves_marked_rows_out(void **state)
{
    (void)state;
    struct ps_plan_table table = {.read_table = &whole, .sink_table = &whole, .soft_delete = 2};
    struct transform_output output =
        apply(&table, batch_of((const char *const[]){"1", "1"}, 2), true);
    assert_null(output.rows);
    assert_null(output.deletes);
    assert_int_equal(output.dropped, 2);
}

static void test_transform_takes_the_engines_own_columns_out(void **state)
{
    (void)state;
    struct ps_plan_table table = {.read_table = &whole, .sink_table = &narrow, .soft_delete = -1};
    struct transform_output output =
        apply(&table, batch_of((const char *const[]){"x", "y"}, 2), false);
    assert_int_equal(output.rows->columns_count, 2);
    assert_int_equal(output.rows->rows, 2);
    assert_ptr_equal(output.rows->table, &narrow);
    ps_batch_release(output.rows);
}

/* The same table with a key of text and a third column that is a short decimal or JSON. */
static struct ps_column sent[3];
static const struct ps_table as_sent = {
    .schema = "", .name = "t", .columns = sent, .columns_count = 3, .keys_count = 1};

static void sent_as(enum ps_type key, enum ps_type third, uint8_t precision)
{
    memcpy(sent, columns, sizeof(sent));
    sent[0].type = key;
    sent[2].type = third;
    sent[2].precision = precision;
}

static void test_transform_gives_columns_their_types_in_rows_and_in_deletes(void **state)
{
    (void)state;
    sent_as(PS_TYPE_STRING, PS_TYPE_STRING, 0);
    struct ps_plan_table table = {
        .source_table = &whole, .read_table = &whole, .sink_table = &as_sent, .soft_delete = 2};
    struct transform_output output =
        apply(&table, batch_of((const char *const[]){"N", "Y"}, 2), false);
    assert_int_equal(output.rows->rows, 1);
    assert_string_equal(text_at(output.rows, 0, 0), "1");
    assert_int_equal(output.deletes->rows, 1);
    assert_string_equal(text_at(output.deletes, 0, 0), "2");
    ps_batch_release(output.rows);
    ps_batch_release(output.deletes);
}

static void test_transform_gives_up_rows_whose_value_does_not_fit(void **state)
{
    (void)state;
    sent_as(PS_TYPE_LONG, PS_TYPE_DECIMAL, 2);
    struct ps_plan_table table = {
        .source_table = &whole, .read_table = &whole, .sink_table = &as_sent, .soft_delete = -1};
    struct transform_output output =
        apply(&table, batch_of((const char *const[]){"12", "123", NULL, "x"}, 4), false);
    assert_int_equal(output.rows->rows, 2);
    assert_int_equal(((int64_t *)output.rows->vectors[0].values)[1], 3);
    assert_int_equal(output.bad_rows, 2);
    assert_int_equal(output.bad_count, 1);
    assert_int_equal(output.bad[0].column, 2);
    assert_int_equal(output.bad[0].rows, 2);
    ps_batch_release(output.rows);
    output = apply(&table, batch_of((const char *const[]){"123"}, 1), false);
    assert_null(output.rows);
    assert_int_equal(output.bad_rows, 1);
    output = apply(&table, batch_of((const char *const[]){"123", "1"}, 2), true);
    assert_int_equal(output.rows->rows, 1);
    assert_int_equal(output.kept->rows, 1);
    assert_int_equal(((int64_t *)output.kept->vectors[0].values)[0], 1);
    ps_batch_release(output.rows);
    ps_batch_release(output.kept);
}

/* Rows (1, bad, gone[0]), (2, bad, gone[1]), …, of which every value of the second column is bad.
 */
static struct ps_batch *faulty_batch_of(const char *const *gone, uint32_t rows)
{
    const struct ps_batch_shape shape = {.table = &whole,
                                         .columns = identity,
                                         .columns_count = 3,
                                         .rows_max = 8,
                                         .bytes_max = 1 << 20,
                                         .keeps_faulty = true,
                                         .flag = 2};
    struct ps_batch *batch;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    for (uint32_t i = 0; i < rows; i++) {
        ps_batch_put_long(batch, 0, i + 1);
        ps_batch_value_bad(batch, 1, "the test said so");
        if (gone[i] == NULL) {
            ps_batch_value_bad(batch, 2, "the flag, too");
        } else {
            assert_true(ps_batch_put_bytes(batch, 2, gone[i], strlen(gone[i])));
        }
        ps_batch_row_end(batch);
    }
    return batch;
}

static void test_transform_deletes_marked_rows_of_which_values_are_bad(void **state)
{
    (void)state;
    struct ps_plan_table table = {.read_table = &whole, .sink_table = &whole, .soft_delete = 2};
    struct transform_output output =
        apply(&table, faulty_batch_of((const char *const[]){"N", "Y", NULL, "1"}, 4), false);
    assert_null(output.rows);
    assert_int_equal(output.deletes->rows, 2);
    assert_int_equal(((int64_t *)output.deletes->vectors[0].values)[0], 2);
    assert_int_equal(((int64_t *)output.deletes->vectors[0].values)[1], 4);
    assert_int_equal(output.bad_rows, 2);
    assert_int_equal(output.bad_count, 1);
    assert_int_equal(output.bad[0].column, 1);
    assert_int_equal(output.bad[0].rows, 2);
    ps_batch_release(output.deletes);
    output = apply(&table, faulty_batch_of((const char *const[]){"Y", "N"}, 2), true);
    assert_true(output.rows == NULL && output.deletes == NULL);
    assert_true(output.dropped == 1 && output.bad_rows == 1);
    assert_int_equal(output.kept->operation, PS_KEEP);
    assert_int_equal(output.kept->rows, 1);
    assert_int_equal(((int64_t *)output.kept->vectors[0].values)[0], 2);
    ps_batch_release(output.kept);
}

static void test_transform_leaves_rows_out_of_which_values_are_bad(void **state)
{
    (void)state;
    struct ps_plan_table table = {.read_table = &whole, .sink_table = &whole, .soft_delete = -1};
    struct ps_batch *batch = faulty_batch_of((const char *const[]){"Y"}, 1);
    ps_batch_put_long(batch, 0, 2);
    assert_true(ps_batch_put_bytes(batch, 1, "good", 4));
    ps_batch_put_null(batch, 2);
    ps_batch_row_end(batch);
    struct transform_output output = apply(&table, batch, false);
    assert_int_equal(output.rows->rows, 1);
    assert_string_equal(text_at(output.rows, 1, 0), "good");
    assert_int_equal(output.bad_rows, 1);
    ps_batch_release(output.rows);
}

/* A key and a value of JSON, and a flag. */
static const struct ps_column json_columns[] = {
    {.name = "id", .type = PS_TYPE_JSON, .key_position = 1},
    {.name = "j", .type = PS_TYPE_JSON},
    {.name = "gone", .type = PS_TYPE_STRING},
};
static const struct ps_table of_json = {
    .schema = "", .name = "t", .columns = json_columns, .columns_count = 3, .keys_count = 1};

static struct ps_batch *json_batch_of(enum ps_operation operation, const char *const (*rows)[3],
                                      uint32_t count)
{
    const struct ps_batch_shape shape = {.table = &of_json,
                                         .columns = identity,
                                         .columns_count = 3,
                                         .rows_max = 8,
                                         .bytes_max = 1 << 20,
                                         .keeps_faulty = true,
                                         .flag = 2};
    struct ps_batch *batch;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    batch->operation = operation;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t c = 0; c < 3; c++) {
            assert_true(ps_batch_put_bytes(batch, c, rows[i][c], strlen(rows[i][c])));
        }
        ps_batch_row_end(batch);
    }
    return batch;
}

static void test_transform_leaves_rows_out_whose_json_is_not_valid(void **state)
{
    (void)state;
    static const char *const rows[][3] = {{"1", "{}", "N"},
                                          {"2", "{", "N"},
                                          {"3", "", "Y"},   /* its key is enough */
                                          {"x", "{}", "Y"}, /* and this is none */
                                          {"y", "{}", "N"}};
    struct ps_plan_table table = {.read_table = &of_json, .sink_table = &of_json, .soft_delete = 2};
    struct transform_output output = apply(&table, json_batch_of(PS_UPSERT, rows, 5), false);
    assert_int_equal(output.rows->rows, 1);
    assert_string_equal(text_at(output.rows, 0, 0), "1");
    assert_int_equal(output.deletes->rows, 1);
    assert_string_equal(text_at(output.deletes, 0, 0), "3");
    assert_int_equal(output.bad_rows, 3);
    assert_int_equal(output.bad_count, 2);
    ps_batch_release(output.rows);
    ps_batch_release(output.deletes);
    output = apply(&table, json_batch_of(PS_UPSERT, rows, 5), true);
    assert_int_equal(output.kept->rows, 1);
    assert_string_equal(text_at(output.kept, 0, 0), "2");
    ps_batch_release(output.rows);
    ps_batch_release(output.kept);
}

static void test_transform_of_deletes_looks_at_json_of_the_key_alone(void **state)
{
    (void)state;
    static const char *const rows[][3] = {{"1", "{", ""}, {"x", "{}", ""}};
    struct ps_plan_table table = {
        .read_table = &of_json, .sink_table = &of_json, .soft_delete = -1};
    struct transform_output output = apply(&table, json_batch_of(PS_DELETE, rows, 2), false);
    assert_int_equal(output.rows->operation, PS_DELETE);
    assert_int_equal(output.rows->rows, 1);
    assert_string_equal(text_at(output.rows, 0, 0), "1");
    assert_int_equal(output.bad_rows, 1);
    ps_batch_release(output.rows);
}

static void test_transform_does_not_look_at_json_that_the_source_validated(void **state)
{
    (void)state;
    static const char *const rows[][3] = {{"1", "{", "N"}};
    struct ps_column trusted[3];
    memcpy(trusted, json_columns, sizeof(trusted));
    trusted[1].json_valid = true;
    struct ps_table read = of_json;
    read.columns = trusted;
    struct ps_plan_table table = {.read_table = &read, .sink_table = &read, .soft_delete = -1};
    struct ps_batch *batch = json_batch_of(PS_UPSERT, rows, 1);
    struct transform_output output = apply(&table, batch, false);
    assert_ptr_equal(output.rows, batch);
    ps_batch_release(output.rows);
}

static const char *const filled[] = {"empty_value", "N/A", NULL};

static void test_transform_fills_empty_texts_but_no_keys(void **state)
{
    (void)state;
    sent_as(PS_TYPE_LONG, PS_TYPE_STRING, 0);
    struct ps_plan_table table = {
        .source_table = &whole, .read_table = &whole, .sink_table = &as_sent, .soft_delete = -1};
    const char *const gone[] = {"", NULL, "x"};
    struct transform_output output = apply_with(filled, &table, batch_of(gone, 3), false);
    assert_string_equal(text_at(output.rows, 2, 0), "N/A");
    assert_string_equal(text_at(output.rows, 2, 1), "N/A");
    assert_string_equal(text_at(output.rows, 2, 2), "x");
    ps_batch_release(output.rows);
    output = apply(&table, batch_of(gone, 3), false);
    assert_string_equal(text_at(output.rows, 2, 0), "");
    assert_string_equal(text_at(output.rows, 2, 1), "NULL");
    ps_batch_release(output.rows);
    sent[2].key_position = 2;
    output = apply_with(filled, &table, batch_of(gone, 3), false);
    assert_string_equal(text_at(output.rows, 2, 0), "");
    ps_batch_release(output.rows);
}

static void test_transform_fills_empty_json_with_a_value_of_json(void **state)
{
    (void)state;
    sent_as(PS_TYPE_LONG, PS_TYPE_JSON, 0);
    struct ps_plan_table table = {.source_table = &as_sent,
                                  .read_table = &as_sent,
                                  .sink_table = &as_sent,
                                  .soft_delete = -1};
    struct ps_batch_shape shape = {.table = &as_sent,
                                   .columns = identity,
                                   .columns_count = 3,
                                   .rows_max = 16,
                                   .bytes_max = 1 << 20,
                                   .keeps_faulty = true,
                                   .flag = -1};
    static const char *const values[] = {"{}",         "[]",    "null", "\"\"",  "{ }",   " [\n] ",
                                         "\tnull\r\n", "\"\" ", "0",    "[ 0 ]", "\" \"", "[null]"};
    const uint32_t count = sizeof values / sizeof values[0], empty = 8;
    struct ps_batch *batch;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    for (uint32_t i = 0; i < count; i++) {
        ps_batch_put_long(batch, 0, i);
        ps_batch_put_null(batch, 1);
        assert_true(ps_batch_put_bytes(batch, 2, values[i], strlen(values[i])));
        ps_batch_row_end(batch);
    }
    struct transform_output output = apply_with(filled, &table, batch, false);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(text_at(output.rows, 2, i), i < empty ? "\"N/A\"" : values[i]);
    }
    ps_batch_release(output.rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transform_without_marked_rows_passes_the_batch_through),
        cmocka_unit_test(test_transform_turns_marked_rows_into_deletes),
        cmocka_unit_test(test_transform_of_a_load_leaves_marked_rows_out),
        cmocka_unit_test(test_transform_takes_the_engines_own_columns_out),
        cmocka_unit_test(test_transform_gives_columns_their_types_in_rows_and_in_deletes),
        cmocka_unit_test(test_transform_gives_up_rows_whose_value_does_not_fit),
        cmocka_unit_test(test_transform_deletes_marked_rows_of_which_values_are_bad),
        cmocka_unit_test(test_transform_leaves_rows_out_of_which_values_are_bad),
        cmocka_unit_test(test_transform_leaves_rows_out_whose_json_is_not_valid),
        cmocka_unit_test(test_transform_of_deletes_looks_at_json_of_the_key_alone),
        cmocka_unit_test(test_transform_does_not_look_at_json_that_the_source_validated),
        cmocka_unit_test(test_transform_fills_empty_texts_but_no_keys),
        cmocka_unit_test(test_transform_fills_empty_json_with_a_value_of_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
