/*
 * Flattening while several workers read one table: a new shape comes before all rows that need it,
 * and after all that do not have it.
 */
#include "support/harness.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

#define ROWS 400

static const char *const many_workers[] = {"flatten",        "true", "threads",    "4",
                                           "partition_rows", "20",   "batch_size", "5",
                                           "max_queue_size", "20",   NULL};

static void test_flatten_by_several_workers_gives_every_row_its_columns(void **state)
{
    struct harness *h = *state;
    char values[128];
    for (int i = 1; i <= ROWS; i++) {
        /* Every tenth row brings a column of its own, and half of them a longer number. */
        snprintf(values, sizeof(values), "%d|{\"a\":%d%s,\"m%d\":\"x\"}", i, i,
                 i > ROWS / 2 ? ".5" : "", i / 10);
        fake_row_add(h->database, "t", values);
    }
    harness_sync(h);
    assert_true(h->result.schema_changes > 2);
    for (int pass = 0; pass < 2; pass++) {
        char *rows = harness_rows(h, "t", "id,j,j_a,j_m0,j_m7,j_m39");
        assert_int_equal(harness_count(rows, "\n"), ROWS);
        assert_int_equal(harness_count(rows, "|x|~|~\n"), 9);
        assert_int_equal(harness_count(rows, "|~|x|~\n"), 10);
        assert_int_equal(harness_count(rows, "|~|~|x\n"), 10);
        assert_non_null(strstr(rows, "\n75|~|75"));
        assert_non_null(strstr(rows, "\n399|~|399.500000|~|~|x\n"));
        ps_free(rows);
        /* The second time the columns are known from the state. */
        harness_sync(h);
    }
    assert_non_null(strstr(fake_sink_state(h->destination), "\"j/a\":\"DECIMAL(25,6) j_a\""));
}

static const struct ps_selected_column left_out_columns[] = {{"j_secret", false}};
static const struct ps_selected_table left_out_table = {
    .name = "t",
    .included = true,
    .columns = left_out_columns,
    .columns_count = 1,
    .include_new_columns = true,
};
static const struct ps_selected_schema left_out_schema = {
    .name = "", .included = true, .tables = &left_out_table, .tables_count = 1};

static void test_flatten_leaves_out_a_column_that_the_user_does_not_want(void **state)
{
    struct harness *h = *state;
    const struct ps_selection selection = {.schemas = &left_out_schema, .schemas_count = 1};
    fake_row_add(h->database, "t", "1|{\"secret\":\"s\",\"b\":2}");
    h->request.plan.selection = &selection;
    harness_sync(h);
    harness_expect_rows(h, "t", "id,j,j_b", "1|~|2\n");
}

/* Several workers read one table, which has JSON. */
static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    fake_table_add(h->database, "", "t", "id LONG key, j JSON null");
    harness_config_all(h, many_workers);
    return 0;
}

#define FLATTEN_TEST(name) HARNESS_TEST_FROM(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FLATTEN_TEST(test_flatten_by_several_workers_gives_every_row_its_columns),
        FLATTEN_TEST(test_flatten_leaves_out_a_column_that_the_user_does_not_want),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
