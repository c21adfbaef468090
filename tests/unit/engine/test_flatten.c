/*
 * Flattening while several workers read one table: a new shape comes before all rows that need it,
 * and after all that do not have it.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define DESTINATION "warehouse"
#define ROWS 400

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static struct ps_error err;

static struct ps_state *stored_state(struct ps_sink *sink)
{
    struct ps_stored_state stored = {.found = false};
    struct ps_state *state;
    assert_int_equal(fake_sink_ops.state_read(sink, &stored, &err), PS_OK);
    assert_int_equal(ps_state_parse(stored.json == NULL ? "" : stored.json, stored.json_size,
                                    "the warehouse", &state, &err),
                     PS_OK);
    ps_free(stored.json);
    return state;
}

/* One sync; the schema changes that it made. */
static uint64_t sync_once(const char *const *options)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
    };
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    request.state = stored_state(request.sink);
    if (ps_sync_run(&request, &result, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    uint64_t changes = result.schema_changes;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    return changes;
}

static const char *const many_workers[] = {"flatten",        "true", "threads",    "4",
                                           "partition_rows", "20",   "batch_size", "5",
                                           "max_queue_size", "20",   NULL};

static int count_of(const char *rows, const char *part)
{
    int count = 0;
    for (const char *at = rows; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        count++;
    }
    return count;
}

static void test_flatten_by_several_workers_gives_every_row_its_columns(void **state)
{
    (void)state;
    char values[128];
    fake_table_add(database, "", "t", "id LONG key, j JSON null");
    for (int i = 1; i <= ROWS; i++) {
        /* Every tenth row brings a column of its own, and half of them a longer number. */
        snprintf(values, sizeof(values), "%d|{\"a\":%d%s,\"m%d\":\"x\"}", i, i,
                 i > ROWS / 2 ? ".5" : "", i / 10);
        fake_row_add(database, "t", values);
    }
    assert_true(sync_once(many_workers) > 2);
    for (int pass = 0; pass < 2; pass++) {
        char *rows = fake_sink_rows(DESTINATION, "", "t", "id,j,j_a,j_m0,j_m7,j_m39");
        assert_non_null(rows);
        assert_int_equal(count_of(rows, "\n"), ROWS);
        assert_int_equal(count_of(rows, "|x|~|~\n"), 9);
        assert_int_equal(count_of(rows, "|~|x|~\n"), 10);
        assert_int_equal(count_of(rows, "|~|~|x\n"), 10);
        assert_non_null(strstr(rows, "\n75|~|75"));
        assert_non_null(strstr(rows, "\n399|~|399.500000|~|~|x\n"));
        ps_free(rows);
        /* The second time the columns are known from the state. */
        (void)sync_once(many_workers);
    }
    assert_non_null(strstr(fake_sink_state(DESTINATION), "\"j/a\":\"DECIMAL(25,6) j_a\""));
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
    (void)state;
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    const struct ps_selection selection = {.schemas = &left_out_schema, .schemas_count = 1};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    fake_table_add(database, "", "t", "id LONG key, j JSON null");
    fake_row_add(database, "t", "1|{\"secret\":\"s\",\"b\":2}");
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, many_workers),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel,
                 .selection = &selection},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
    };
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    request.state = stored_state(request.sink);
    assert_int_equal(ps_sync_run(&request, &result, &err), PS_OK);
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    char *rows = fake_sink_rows(DESTINATION, "", "t", "id,j,j_b");
    assert_string_equal(rows, "1|~|2\n");
    ps_free(rows);
}

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static int set_up(void **state)
{
    (void)state;
    database = fake_database_new();
    fake_sink_forget();
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1704070800, 0});
    ps_cancel_init(&cancel);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_database_free(database);
    fake_sink_forget();
    return 0;
}

int main(void)
{
    ps_log_set_writer(log_nowhere, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_flatten_by_several_workers_gives_every_row_its_columns,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            test_flatten_leaves_out_a_column_that_the_user_does_not_want, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
