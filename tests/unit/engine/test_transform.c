/*
 * Soft deletes, and columns that are read for the engine alone.
 */
#include "support/unit.h"

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
    struct ps_batch_shape shape = {&whole, identity, 3, 8, 1 << 20};
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

static struct transform_output apply(const struct ps_plan_table *table, struct ps_batch *batch,
                                     bool load)
{
    struct engine_config made;
    struct transform *transform;
    struct transform_output output;
    const struct ps_config *config = engine_config_make(&made, NULL);
    assert_int_equal(transform_new(table, config, 8, &transform, &err), PS_OK);
    assert_int_equal(transform_apply(transform, batch, load, &output, &err), PS_OK);
    transform_free(transform);
    engine_config_done(&made);
    return output;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transform_without_marked_rows_passes_the_batch_through),
        cmocka_unit_test(test_transform_turns_marked_rows_into_deletes),
        cmocka_unit_test(test_transform_of_a_load_leaves_marked_rows_out),
        cmocka_unit_test(test_transform_takes_the_engines_own_columns_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
