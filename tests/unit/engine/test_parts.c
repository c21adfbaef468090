/*
 * Unit tests for src/engine/parts.c: how many parts a load is cut into, and what the state bears.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine.h"
#include "engine/parts.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

/* Other tables that the state knows, of 500 bytes each. */
static void fill_state(struct ps_state *state, int tables)
{
    struct ps_error err = {0};
    char name[24], filler[441];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    for (int i = 0; i < tables; i++) {
        struct ps_table_state *table = NULL;
        snprintf(name, sizeof name, "other%05d", i);
        assert_int_equal(ps_state_table(state, "o", name, &table, &err), PS_OK);
        assert_int_equal(ps_state_set_text(state, &table->fingerprint, filler, &err), PS_OK);
    }
}

struct loaded {
    uint64_t parts;
    size_t state_bytes;
    int warnings; /* that the state is too large */
};

/* A load of a table that is wanted in a thousand parts of a row each. */
static struct loaded load_beside(int tables)
{
    static const char *const options[] = {"batch_size", "1", "partition_rows", "1", NULL};
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_error err = {0};
    struct loaded loaded = {.parts = fake_calls(database, FAKE_READER_OPEN)};
    struct ps_sink_request open = {
        .destination = "warehouse", .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
    };
    fake_sink_forget();
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(ps_state_new(&request.state, &err), PS_OK);
    fill_state(request.state, tables);
    if (ps_sync_run(&request, &result, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
    assert_int_equal(ps_run_result_totals(&result).upserts, 1000);
    for (size_t i = 0; i < result.warnings_count; i++) {
        loaded.warnings += strstr(result.warnings[i], "meant to stay below 4") != NULL;
    }
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    loaded.parts = fake_calls(database, FAKE_READER_OPEN) - loaded.parts;
    loaded.state_bytes = strlen(fake_sink_state("warehouse"));
    return loaded;
}

static int begin(void **state)
{
    (void)state;
    database = fake_database_new();
    fake_table_add(database, "", "t", "id LONG key");
    fake_rows_add(database, "t", 1, 1000, "#");
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1700000000, 0});
    ps_cancel_init(&cancel);
    ps_log_set_writer(log_nowhere, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    ps_log_set_writer(NULL, NULL);
    fake_database_free(database);
    return 0;
}

/* Bounds such as "998-999" take 9 to 11 bytes each. */
static void test_parts_are_fewer_where_the_state_is_near_its_bound(void **state)
{
    (void)state;
    assert_int_equal(load_beside(0).parts, 1000);
    assert_int_equal(load_beside(1000).parts, 1000);
    struct loaded near = load_beside(8400);
    assert_in_range(near.state_bytes, PS_STATE_BYTES - (64 << 10), PS_STATE_BYTES);
    assert_in_range(near.parts, 300, 900);
    assert_int_equal(near.warnings, 0);
}

/* It is said, and kept whole. */
static void test_parts_beside_a_state_above_its_bound_are_few(void **state)
{
    (void)state;
    struct loaded above = load_beside(9000);
    assert_true(above.state_bytes > PS_STATE_BYTES);
    assert_in_range(above.parts, 300, 500);
    assert_int_equal(above.warnings, 1);
}

/* Tables that the state does not know yet will need their room, too. */
static void test_parts_leave_room_for_tables_to_come(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "a_table_that_is_read_for_the_first_time_%03d", i);
        fake_table_add(database, "", name, "id LONG key");
    }
    uint64_t parts = load_beside(8200).parts - 300;
    assert_in_range(parts, 300, 900);
}

/* A table in a hundred stores, whose bounds take 8 bytes each in the state. */
static enum ps_status plan_stores(struct ps_source *source, const struct ps_table *table,
                                  size_t partitions_max, struct ps_partition_list *list,
                                  struct ps_error *err)
{
    (void)source;
    (void)table;
    (void)err;
    size_t count = list->stores_max < 100 ? partitions_max : 100;
    list->partitions = ps_arena_array(list->arena, count, sizeof *list->partitions);
    for (size_t i = 0; i < count; i++) {
        list->partitions[i] = (struct ps_partition){.bounds = "12345"};
    }
    list->partitions_count = count;
    return PS_OK;
}

/* Of a table for whose rows three parts are enough. */
static size_t count_parts(size_t bytes_max)
{
    struct ps_source_ops ops = *fake_database_ops(database);
    struct ps_table source_table = {.rows_estimate = 3000};
    struct ps_plan_table table = {.source_table = &source_table,
                                  .sizing.parameters.partition_rows = 1000};
    struct ps_partition_list list;
    struct ps_error err = {0};
    ops.plan = plan_stores;
    assert_int_equal(parts_plan(&ops, NULL, &table, bytes_max, &list, &err), PS_OK);
    size_t count = list.partitions_count;
    ps_arena_free(list.arena);
    return count;
}

static void test_each_store_has_a_part_where_the_state_bears_it(void **state)
{
    (void)state;
    assert_int_equal(count_parts(800), 100);
    assert_int_equal(count_parts(799), 3);
    assert_int_equal(count_parts(16), 2);
    assert_int_equal(count_parts(7), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parts_are_fewer_where_the_state_is_near_its_bound,
                                        begin, end),
        cmocka_unit_test_setup_teardown(test_parts_beside_a_state_above_its_bound_are_few, begin,
                                        end),
        cmocka_unit_test_setup_teardown(test_parts_leave_room_for_tables_to_come, begin, end),
        cmocka_unit_test_setup_teardown(test_each_store_has_a_part_where_the_state_bears_it, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
