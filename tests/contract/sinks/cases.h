/*
 * Tests of the suite that lie in files of their own; suite.c lists and runs them.
 */
#ifndef TESTS_CONTRACT_SINKS_CASES_H
#define TESTS_CONTRACT_SINKS_CASES_H

/* case_changes.c: tables that change while rows come. */
void columns_that_come_between_rows_keep_the_order_of_operations(void **state);
void columns_that_come_one_by_one_are_all_there(void **state);
void operations_that_alternate_row_by_row_apply_in_order(void **state);

/* case_gone.c: rows that a load says are deleted. */
void incomplete_load_marks_what_it_was_told_is_deleted(void **state);
void deletes_of_a_load_that_goes_on_count_at_its_end(void **state);
void deletes_of_a_load_make_no_rows(void **state);
void load_keeps_former_rows_of_those_left_out(void **state);
void last_word_on_a_key_counts_at_the_end_of_a_load(void **state);
void load_begun_again_discards_the_deletes_of_the_first(void **state);

/* case_optional.c: members that a sink may lack. */
void truncate_before_marks_what_was_written_before_the_mark(void **state);
void truncate_before_of_an_absent_table_does_nothing(void **state);
void describe_tells_the_columns_of_the_destination(void **state);
void describe_of_an_absent_table_is_end(void **state);

#endif
