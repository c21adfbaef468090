/*
 * The suite's inside: the state of a test, and the tests of its files (checks_catalog.c,
 * checks_counter.c, checks_reads.c).
 */
#ifndef TESTS_CONTRACT_SOURCES_CHECKS_H
#define TESTS_CONTRACT_SOURCES_CHECKS_H

#include "support/unit.h"

#include "suite.h"
#include "support/rows.h"

/* An open source, and the tables under test, described. Made by check_setup. */
struct check {
    const struct contract_source *contract;
    const struct ps_source_ops *ops;
    struct ps_source_request request;
    struct ps_source *source;
    struct ps_arena *arena;
    struct ps_table **tables;
    size_t tables_count;
};

/* Fails the test with the error's message where status is not `expected`. */
void check_status(enum ps_status status, enum ps_status expected, const struct ps_error *err);
struct ps_source *check_open(const struct check *check);
/* All columns, no window, no partition. */
struct ps_read_request check_request(const struct check *check, const struct ps_table *table);
/* Reads everything that the request asks for. */
void check_read(struct check *check, const struct ps_read_request *request, struct row_set *set);
/* The index of the table's cursor column by the source's own names, else of a counter, or -1. */
int32_t check_cursor(const struct check *check, const struct ps_table *table);
bool check_table_wanted(const struct contract_source *contract, const struct ps_table *table);

void check_ops_are_complete(void **state);
void check_close_accepts_null(void **state);
void check_every_setup_test_passes(void **state);
void check_tables_are_listed_in_order(void **state);
void check_described_columns_are_valid(void **state);
void check_describing_an_absent_table_says_schema(void **state);
void check_plan_stays_within_its_bounds(void **state);
void check_clock_is_plausible(void **state);
void check_snapshot_is_joined(void **state);
void check_unknown_snapshot_is_gone(void **state);
void check_exact_count_is_the_rows_read(void **state);
void check_count_leaves_marked_rows_out(void **state);
void check_count_is_called_off(void **state);

void check_counter_finds_late_commits_without_looking_back(void **state);

void check_batches_are_bounded_and_valid(void **state);
void check_the_same_read_gives_the_same_rows(void **state);
void check_columns_are_read_in_the_order_asked(void **state);
void check_keys_are_there_and_unique(void **state);
void check_partitions_are_the_whole_table(void **state);
void check_position_goes_on_exactly(void **state);
void check_position_goes_on_in_partitions(void **state);
void check_changes_end_where_the_next_read_begins(void **state);
void check_window_holds_what_is_younger_and_null(void **state);
void check_window_without_lower_edge_is_everything(void **state);
void check_position_goes_on_in_a_window(void **state);
void check_large_values_give_their_rows_up(void **state);
void check_rows_with_large_values_keep_their_others(void **state);
void check_canceled_reader_says_so(void **state);
void check_cancel_from_another_thread_ends_the_read(void **state);
void check_abandoned_reader_leaves_the_source_usable(void **state);
void check_allocation_failures_are_answered(void **state);

#endif
