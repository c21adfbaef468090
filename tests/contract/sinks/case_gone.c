/*
 * Rows that a load says are deleted: the former row of such a key ends soft-deleted, whatever else
 * the load left out, and where there was none nothing comes into being. And rows that it says it
 * left out: the former row of such a key stays, whatever else is gone.
 */
#include <string.h>

#include "contract/sinks/cases.h"
#include "contract/sinks/desk.h"

static const struct ps_column gone_columns[] = {
    DESK_COLUMN_WITH("id", LONG, .key_position = 1),
    DESK_COLUMN("name", STRING),
};
static const struct ps_table gone = DESK_TABLE("gone", gone_columns, 1);
static const uint32_t id[] = {0};

/* A sink whose loads are not unseen has emptied the table when they begin. */
static void need_staged_loads(const struct desk *desk)
{
    if ((desk->ops->caps & PS_SINK_STAGES_LOADS) == 0) {
        skip();
    }
}

void incomplete_load_marks_what_it_was_told_is_deleted(void **state)
{
    struct desk *desk = *state;
    need_staged_loads(desk);
    desk_schema(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "1|a\n2|b\n3|c\n4|d\n5|e");
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "4");
    desk_checkpoint(desk);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "1\n2\n4");
    desk_write(desk, &gone, PS_UPSERT, "1|again\n5|f");
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "5");
    struct ps_load_result result = desk_load_end(desk, &gone, PS_LOAD_INCOMPLETE);
    assert_true(desk->contract->rows == NULL || result.vanished >= 1);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|again\n2|b deleted\n3|c\n4|d deleted\n5|f deleted\n");
}

void deletes_of_a_load_that_goes_on_count_at_its_end(void **state)
{
    struct desk *desk = *state;
    struct ps_error err = {0};
    need_staged_loads(desk);
    desk_schema(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "1|a\n2|b\n3|c");
    desk_checkpoint(desk);
    desk_load_begin(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "3|x");
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "1");
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "3"); /* the last of all */
    desk_checkpoint(desk);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "2");
    desk_close(desk);
    desk_open(desk); /* another process, which knows nothing but what is there */
    desk->clock.ns -= INT64_C(3600000000000); /* and a clock that was set back */
    desk_schema(desk, &gone);
    assert_int_equal(desk->ops->load_resume(desk->sink, &gone, &err), PS_OK);
    desk_write(desk, &gone, PS_UPSERT, "3|back");
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|a\n2|b\n3|c\n");
    desk_schema(desk, &gone);
    assert_int_equal(desk->ops->load_resume(desk->sink, &gone, &err), PS_OK);
    desk_write(desk, &gone, PS_UPSERT, "4|d");
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "4");
    (void)desk_load_end(desk, &gone, PS_LOAD_INCOMPLETE | PS_LOAD_KEYS_MAY_REPEAT);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|a deleted\n2|b\n3|back\n4|d deleted\n");
}

void deletes_of_a_load_make_no_rows(void **state)
{
    struct desk *desk = *state;
    need_staged_loads(desk);
    desk_schema(desk, &gone);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "7");
    desk_write(desk, &gone, PS_UPSERT, "1|a");
    (void)desk_load_end(desk, &gone, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|a\n");
    desk_schema(desk, &gone);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "8");
    (void)desk_load_end(desk, &gone, PS_LOAD_INCOMPLETE);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|a\n");
}

void load_keeps_former_rows_of_those_left_out(void **state)
{
    struct desk *desk = *state;
    need_staged_loads(desk);
    desk_schema(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "1|a\n2|b\n3|c\n4|d");
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "4");
    desk_checkpoint(desk);
    desk_load_begin(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "1|again");
    desk_write_columns(desk, &gone, PS_KEEP, id, 1, "1\n2\n4\n9");
    struct ps_load_result result = desk_load_end(desk, &gone, 0);
    assert_true(desk->contract->rows == NULL || result.vanished == 1);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|again\n2|b\n3|c deleted\n4|d deleted\n");
    desk_schema(desk, &gone);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_KEEP, id, 1, "2"); /* nothing but that */
    (void)desk_load_end(desk, &gone, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|again deleted\n2|b\n3|c deleted\n4|d deleted\n");
}

void last_word_on_a_key_counts_at_the_end_of_a_load(void **state)
{
    struct desk *desk = *state;
    struct ps_error err = {0};
    need_staged_loads(desk);
    desk_schema(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "1|a\n2|b\n3|c\n4|d");
    desk_checkpoint(desk);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "1\n2");
    desk_write_columns(desk, &gone, PS_KEEP, id, 1, "3\n4");
    desk_checkpoint(desk);
    desk_close(desk);
    desk_open(desk);
    desk_schema(desk, &gone);
    assert_int_equal(desk->ops->load_resume(desk->sink, &gone, &err), PS_OK);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "3");
    desk_write_columns(desk, &gone, PS_KEEP, id, 1, "1");
    (void)desk_load_end(desk, &gone, PS_LOAD_INCOMPLETE);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|a\n2|b deleted\n3|c deleted\n4|d\n");
}

void load_begun_again_discards_the_deletes_of_the_first(void **state)
{
    struct desk *desk = *state;
    need_staged_loads(desk);
    desk_schema(desk, &gone);
    desk_write(desk, &gone, PS_UPSERT, "1|a\n2|b");
    desk_checkpoint(desk);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "1");
    desk_checkpoint(desk);
    desk_close(desk);
    desk_open(desk);
    desk_schema(desk, &gone);
    desk_load_begin(desk, &gone);
    desk_write_columns(desk, &gone, PS_DELETE, id, 1, "2");
    (void)desk_load_end(desk, &gone, PS_LOAD_INCOMPLETE);
    desk_checkpoint(desk);
    desk_expect(desk, &gone, "id,name", "1|a\n2|b deleted\n");
}
