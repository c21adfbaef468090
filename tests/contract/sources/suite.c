/*
 * Runs the conformance suite over one source.
 */
#include "checks.h"

#include <stdio.h>
#include <string.h>

void check_status(enum ps_status status, enum ps_status expected, const struct ps_error *err)
{
    if (status != expected) {
        fail_msg("status %s instead of %s: %s", ps_status_name(status), ps_status_name(expected),
                 err->message);
    }
}

struct ps_source *check_open(const struct check *check)
{
    struct ps_source *source = NULL;
    struct ps_error err = {0};
    check_status(check->ops->open(&check->request, &source, &err), PS_OK, &err);
    assert_non_null(source);
    assert_ptr_equal(source->ops, check->ops);
    return source;
}

struct ps_read_request check_request(const struct check *check, const struct ps_table *table)
{
    return (struct ps_read_request){
        .table = table,
        .columns = rows_all_columns(check->arena, table),
        .columns_count = table->columns_count,
        .value_bytes_max = 100u << 20,
    };
}

void check_read(struct check *check, const struct ps_read_request *request, struct row_set *set)
{
    struct ps_error err = {0};
    check_status(rows_read(check->source, request, 500, set, &err), PS_OK, &err);
}

int32_t check_cursor(const struct check *check, const struct ps_table *table)
{
    for (const char *const *name = check->ops->cursor_names; *name != NULL; name++) {
        for (uint32_t i = 0; i < table->columns_count; i++) {
            if (strcasecmp(table->columns[i].name, *name) == 0 &&
                ps_scalar_type_supported(table->columns[i].type)) {
                return (int32_t)i;
            }
        }
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].counter) {
            return (int32_t)i;
        }
    }
    return -1;
}

bool check_table_wanted(const struct contract_source *contract, const struct ps_table *table)
{
    char full[512];
    if (contract->tables == NULL) {
        return true;
    }
    snprintf(full, sizeof full, "%s.%s", table->schema, table->name);
    for (const char *const *name = contract->tables; *name != NULL; name++) {
        if (strcmp(*name, table->name) == 0 || strcmp(*name, full) == 0) {
            return true;
        }
    }
    return false;
}

static void describe_tables(struct check *check)
{
    struct ps_table_list list = {.arena = check->arena};
    struct ps_error err = {0};

    check_status(check->ops->list_tables(check->source, &list, &err), PS_OK, &err);
    check->tables = ps_arena_array(check->arena, list.tables_count + 1, sizeof *check->tables);
    assert_non_null(check->tables);
    for (size_t i = 0; i < list.tables_count; i++) {
        if (check_table_wanted(check->contract, list.tables[i])) {
            check_status(check->ops->describe(check->source, check->arena, list.tables[i], &err),
                         PS_OK, &err);
            check->tables[check->tables_count++] = list.tables[i];
        }
    }
    assert_true(check->tables_count > 0);
}

static int setup(void **state)
{
    const struct contract_source *contract = *state;
    struct ps_error err = {0};
    struct check *check = test_calloc(1, sizeof *check);

    check->contract = contract;
    check->ops = contract->ops;
    check->request = (struct ps_source_request){.config = contract->config,
                                                .syncs_completed = contract->syncs_completed};
    check->arena = ps_arena_new(256u << 20);
    assert_non_null(check->arena);
    check->source = check_open(check);
    check_status(check->ops->pin(check->source, NULL, &err), PS_OK, &err);
    describe_tables(check);
    *state = check;
    return 0;
}

static int teardown(void **state)
{
    struct check *check = *state;
    check->ops->close(check->source);
    ps_arena_free(check->arena);
    test_free(check);
    return 0;
}

#define CHECK(function) cmocka_unit_test_setup_teardown(check_##function, setup, teardown)

int contract_source_run(const char *name, const struct contract_source *contract)
{
    struct CMUnitTest tests[] = {
        CHECK(ops_are_complete),
        CHECK(close_accepts_null),
        CHECK(every_setup_test_passes),
        CHECK(tables_are_listed_in_order),
        CHECK(described_columns_are_valid),
        CHECK(describing_an_absent_table_says_schema),
        CHECK(plan_stays_within_its_bounds),
        CHECK(clock_is_plausible),
        CHECK(snapshot_is_joined),
        CHECK(unknown_snapshot_is_gone),
        CHECK(exact_count_is_the_rows_read),
        CHECK(count_leaves_marked_rows_out),
        CHECK(count_is_called_off),
        CHECK(counter_finds_late_commits_without_looking_back),
        CHECK(batches_are_bounded_and_valid),
        CHECK(the_same_read_gives_the_same_rows),
        CHECK(columns_are_read_in_the_order_asked),
        CHECK(keys_are_there_and_unique),
        CHECK(partitions_are_the_whole_table),
        CHECK(position_goes_on_exactly),
        CHECK(position_goes_on_in_partitions),
        CHECK(changes_end_where_the_next_read_begins),
        CHECK(window_holds_what_is_younger_and_null),
        CHECK(window_without_lower_edge_is_everything),
        CHECK(position_goes_on_in_a_window),
        CHECK(large_values_give_their_rows_up),
        CHECK(rows_with_large_values_keep_their_others),
        CHECK(canceled_reader_says_so),
        CHECK(cancel_from_another_thread_ends_the_read),
        CHECK(abandoned_reader_leaves_the_source_usable),
        CHECK(allocation_failures_are_answered),
    };
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        tests[i].initial_state = (void *)(uintptr_t)contract;
    }
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
