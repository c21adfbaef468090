/*
 * Unit tests for src/engine/parts.c: how many parts a load is cut into, and what the state bears.
 */
#include "support/harness.h"

#include <stdio.h>
#include <string.h>

#include "engine/parts.h"

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
    size_t warnings; /* that the state is too large */
};

/* A load of a table that is wanted in a thousand parts of a row each. */
static struct loaded load_beside(struct harness *h, int tables)
{
    uint64_t opened = fake_calls(h->database, FAKE_READER_OPEN);
    harness_open(h);
    fill_state(h->request.state, tables);
    harness_sync(h);
    assert_int_equal(h->totals.upserts, 1000);
    return (struct loaded){
        .parts = fake_calls(h->database, FAKE_READER_OPEN) - opened,
        .state_bytes = strlen(fake_sink_state(h->destination)),
        .warnings = harness_count(h->warnings, "meant to stay below 4"),
    };
}

static int begin(void **state)
{
    (void)harness_set_up(state);
    struct harness *h = *state;
    h->each_first = true;
    fake_table_add(h->database, "", "t", "id LONG key");
    fake_rows_add(h->database, "t", 1, 1000, "#");
    harness_config(h, "batch_size", "1");
    harness_config(h, "partition_rows", "1");
    return 0;
}

/* Bounds such as "998-999" take 9 to 11 bytes each. */
static void test_parts_are_fewer_where_the_state_is_near_its_bound(void **state)
{
    struct harness *h = *state;
    assert_int_equal(load_beside(h, 0).parts, 1000);
    assert_int_equal(load_beside(h, 1000).parts, 1000);
    struct loaded near = load_beside(h, 8400);
    assert_in_range(near.state_bytes, PS_STATE_BYTES - (64 << 10), PS_STATE_BYTES);
    assert_in_range(near.parts, 300, 900);
    assert_int_equal(near.warnings, 0);
}

/* It is said, and kept whole. */
static void test_parts_beside_a_state_above_its_bound_are_few(void **state)
{
    struct harness *h = *state;
    struct loaded above = load_beside(h, 9000);
    assert_true(above.state_bytes > PS_STATE_BYTES);
    assert_in_range(above.parts, 300, 500);
    assert_int_equal(above.warnings, 1);
}

/* Tables that the state does not know yet will need their room, too. */
static void test_parts_leave_room_for_tables_to_come(void **state)
{
    struct harness *h = *state;
    char name[64];
    for (int i = 0; i < 300; i++) {
        snprintf(name, sizeof name, "a_table_that_is_read_for_the_first_time_%03d", i);
        fake_table_add(h->database, "", name, "id LONG key");
    }
    uint64_t parts = load_beside(h, 8200).parts - 300;
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
static size_t count_parts(struct harness *h, size_t bytes_max)
{
    struct ps_source_ops ops = *fake_database_ops(h->database);
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
    struct harness *h = *state;
    assert_int_equal(count_parts(h, 800), 100);
    assert_int_equal(count_parts(h, 799), 3);
    assert_int_equal(count_parts(h, 16), 2);
    assert_int_equal(count_parts(h, 7), 0);
}

#define PARTS_TEST(name) HARNESS_TEST_FROM(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PARTS_TEST(test_parts_are_fewer_where_the_state_is_near_its_bound),
        PARTS_TEST(test_parts_beside_a_state_above_its_bound_are_few),
        PARTS_TEST(test_parts_leave_room_for_tables_to_come),
        PARTS_TEST(test_each_store_has_a_part_where_the_state_bears_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
