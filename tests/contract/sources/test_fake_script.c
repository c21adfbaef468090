/*
 * The script of the tests' own source: faults, clock, snapshots, and changes between reads.
 */
#include "support/unit.h"

#include <string.h>

#include "base/thread.h"
#include "support/fake_source.h"
#include "support/rows.h"

/* A database with one table of ten rows, and a source on it. */
struct script {
    struct fake_database *database;
    const struct ps_source_ops *ops;
    struct ps_source *source;
    struct ps_arena *arena;
    struct ps_table *table;
};

static int setup(void **state)
{
    struct ps_source_request request = {0};
    struct script *script = test_calloc(1, sizeof *script);
    script->database = fake_database_new();
    script->ops = fake_database_ops(script->database);
    fake_table_add(script->database, "", "items", "id LONG key, name STRING null");
    fake_rows_add(script->database, "items", 1, 10, "#|name #");
    assert_int_equal(script->ops->open(&request, &script->source, NULL), PS_OK);
    script->arena = ps_arena_new(1u << 20);
    script->table = rows_table(script->source, script->arena, "", "items");
    *state = script;
    return 0;
}

static int teardown(void **state)
{
    struct script *script = *state;
    script->ops->close(script->source);
    fake_database_free(script->database);
    ps_arena_free(script->arena);
    test_free(script);
    return 0;
}

static struct ps_read_request all(struct script *script)
{
    return (struct ps_read_request){.table = script->table,
                                    .columns = rows_all_columns(script->arena, script->table),
                                    .columns_count = script->table->columns_count};
}

static size_t rows_now(struct script *script)
{
    struct ps_read_request request = all(script);
    struct row_set rows = {0};
    assert_int_equal(rows_read(script->source, &request, 3, &rows, NULL), PS_OK);
    size_t count = rows.count;
    row_set_done(&rows);
    return count;
}

static void test_fault_fires_at_its_call_alone(void **state)
{
    struct script *script = *state;
    struct ps_read_request request = all(script);
    struct row_set rows = {0};
    struct ps_error err = {0};

    fake_fault_add(script->database, &(struct fake_fault){.call = FAKE_READER_NEXT,
                                                          .table = "items",
                                                          .nth = 3,
                                                          .status = PS_RETRY,
                                                          .error_class = PS_CLASS_DEADLOCK,
                                                          .vendor_code = 1205,
                                                          .sqlstate = "40P01",
                                                          .retry_after_ms = 70,
                                                          .message = "chosen as the victim"});
    assert_int_equal(rows_read(script->source, &request, 3, &rows, &err), PS_RETRY);
    assert_int_equal(rows.count, 6);
    assert_int_equal(err.error_class, PS_CLASS_DEADLOCK);
    assert_int_equal(err.vendor_code, 1205);
    assert_int_equal(err.retry_after_ms, 70);
    assert_string_equal(err.sqlstate, "40P01");
    assert_string_equal(err.message, "chosen as the victim");
    row_set_done(&rows);
    assert_int_equal(rows_now(script), 10);
}

static void test_fault_for_ever_stays_until_cleared(void **state)
{
    struct script *script = *state;
    struct ps_now now;
    fake_fault_add(script->database, &(struct fake_fault){.call = FAKE_NOW,
                                                          .nth = 2,
                                                          .forever = true,
                                                          .status = PS_CONFIG,
                                                          .error_class = PS_CLASS_AUTH});
    assert_int_equal(script->ops->now(script->source, &now, NULL), PS_OK);
    assert_int_equal(script->ops->now(script->source, &now, NULL), PS_CONFIG);
    assert_int_equal(script->ops->now(script->source, &now, NULL), PS_CONFIG);
    fake_faults_clear(script->database);
    assert_int_equal(script->ops->now(script->source, &now, NULL), PS_OK);
    assert_int_equal(fake_calls(script->database, FAKE_NOW), 4);
}

static void test_snapshot_hides_what_came_after_it(void **state)
{
    struct script *script = *state;
    struct ps_source_request request = {0};
    struct ps_source *other = NULL;
    const char *name = NULL;
    char kept[32];

    assert_int_equal(script->ops->pin(script->source, NULL, NULL), PS_OK);
    assert_int_equal(script->ops->snapshot_name(script->source, &name, NULL), PS_OK);
    strcpy(kept, name);
    fake_rows_add(script->database, "items", 11, 20, "#|late");
    fake_row_change(script->database, "items", "1", NULL);
    assert_int_equal(rows_now(script), 10);

    assert_int_equal(script->ops->open(&request, &other, NULL), PS_OK);
    assert_int_equal(script->ops->pin(other, kept, NULL), PS_OK);
    script->ops->close(other);
    assert_int_equal(script->ops->pin(script->source, NULL, NULL), PS_OK);
    assert_int_equal(rows_now(script), 19);
    assert_int_equal(script->ops->pin(script->source, kept, NULL), PS_SNAPSHOT_GONE);
}

static void test_changed_columns_say_schema_until_described_again(void **state)
{
    struct script *script = *state;
    struct ps_read_request request = all(script);
    struct ps_reader *reader = NULL;

    fake_column_retype(script->database, "items", "name", "UNSPECIFIED");
    fake_column_add(script->database, "items", "extra DECIMAL(10,2) null");
    fake_row_add(script->database, "items", "11|eleven|1.25");
    assert_int_equal(script->ops->reader_open(script->source, &request, &reader, NULL), PS_SCHEMA);
    script->table = rows_table(script->source, script->arena, "", "items");
    assert_int_equal(script->table->columns_count, 3);
    assert_int_equal(rows_now(script), 11);
}

static void test_truncate_gives_a_new_incarnation(void **state)
{
    struct script *script = *state;
    const char *before = script->table->incarnation;
    fake_table_truncate(script->database, "items");
    fake_row_add(script->database, "items", "1|again");
    script->table = rows_table(script->source, script->arena, "", "items");
    assert_string_not_equal(script->table->incarnation, before);
    assert_int_equal(rows_now(script), 1);
    assert_int_equal(fake_table_rows(script->database, "items"), 1);
}

static void test_dropped_table_says_schema(void **state)
{
    struct script *script = *state;
    struct ps_read_request request = all(script);
    struct ps_reader *reader = NULL;
    fake_table_drop(script->database, "items");
    assert_int_equal(script->ops->describe(script->source, script->arena, script->table, NULL),
                     PS_SCHEMA);
    assert_int_equal(script->ops->reader_open(script->source, &request, &reader, NULL), PS_SCHEMA);
}

static void add_a_row(void *context, enum fake_call call, const char *table)
{
    struct script *script = context;
    if (call == FAKE_READER_NEXT && strcmp(table, "items") == 0) {
        fake_row_add(script->database, "items", "99|hook");
    }
}

static void test_hook_may_change_the_database(void **state)
{
    struct script *script = *state;
    fake_hook_set(script->database, add_a_row, script);
    assert_int_equal(rows_now(script), 10); /* a read sees the rows at its start */
    fake_hook_set(script->database, NULL, NULL);
    assert_true(rows_now(script) > 10);
}

static void test_clock_is_what_the_test_says(void **state)
{
    struct script *script = *state;
    struct ps_now now;
    fake_database_set_now(script->database, "2024-05-06T07:08:09Z", "2024-05-06T07:00:00Z");
    assert_int_equal(script->ops->now(script->source, &now, NULL), PS_OK);
    assert_int_equal(now.utc.seconds - now.horizon_utc.seconds, 489);
    fake_database_set_now(script->database, "2024-05-06T07:08:09Z", NULL);
    assert_int_equal(script->ops->now(script->source, &now, NULL), PS_OK);
    assert_false(now.horizon_known);
    assert_non_null(now.horizon_unknown_reason);
}

struct hanging {
    const struct ps_source_ops *ops;
    struct ps_reader *reader;
    struct ps_batch *batch;
    enum ps_status status;
};

static void read_one(void *argument)
{
    struct hanging *hanging = argument;
    hanging->status = hanging->ops->reader_next(hanging->reader, hanging->batch, NULL);
}

static void test_hanging_read_ends_when_canceled(void **state)
{
    struct script *script = *state;
    struct ps_read_request request = all(script);
    struct hanging hanging = {.ops = script->ops, .batch = rows_batch(&request, 5)};
    struct ps_thread thread = {0};

    fake_fault_add(script->database, &(struct fake_fault){.call = FAKE_READER_NEXT, .hang = true});
    assert_int_equal(script->ops->reader_open(script->source, &request, &hanging.reader, NULL),
                     PS_OK);
    assert_int_equal(ps_thread_start(&thread, "reader", read_one, &hanging, NULL), PS_OK);
    while (fake_readers_hanging(script->database) == 0) {
    }
    script->ops->reader_cancel(hanging.reader);
    ps_thread_join(&thread);
    assert_int_equal(hanging.status, PS_CANCELED);
    script->ops->reader_close(hanging.reader);
    ps_batch_free(hanging.batch);
}

static void test_sources_open_are_counted(void **state)
{
    struct script *script = *state;
    struct ps_source_request request = {0};
    struct ps_source *other = NULL;
    uint32_t peak = 0;
    assert_int_equal(script->ops->open(&request, &other, NULL), PS_OK);
    assert_int_equal(fake_sources_open(script->database, NULL), 2);
    script->ops->close(other);
    assert_int_equal(fake_sources_open(script->database, &peak), 1);
    assert_int_equal(peak, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(fault_fires_at_its_call_alone),
        TEST(fault_for_ever_stays_until_cleared),
        TEST(snapshot_hides_what_came_after_it),
        TEST(changed_columns_say_schema_until_described_again),
        TEST(truncate_gives_a_new_incarnation),
        TEST(dropped_table_says_schema),
        TEST(hook_may_change_the_database),
        TEST(clock_is_what_the_test_says),
        TEST(hanging_read_ends_when_canceled),
        TEST(sources_open_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
