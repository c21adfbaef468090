/*
 * The tests.
 */
#include "contract/sinks/suite.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "contract/sinks/cases.h"
#include "contract/sinks/desk.h"

static const struct ps_column pair_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("name", STRING),
    DESK_COLUMN("amount", LONG),
};
static const struct ps_table pair = DESK_TABLE("pair", pair_columns, 1);
static const char all_of_pair[] = "id,name,amount";

static const struct ps_column heap_columns[] = {
    DESK_COLUMN("a", INT),
    DESK_COLUMN("b", STRING),
};
static const struct ps_table heap = DESK_TABLE("heap", heap_columns, 0);

static void ops_are_complete(void **state)
{
    const struct ps_sink_ops *ops = ((struct desk *)*state)->ops;
    assert_int_equal(ops->abi, PS_SINK_ABI);
    assert_non_null(ops->name);
    assert_true(ops->open && ops->close && ops->schema_change && ops->load_begin &&
                ops->load_resume && ops->load_end && ops->prepare && ops->packet_free &&
                ops->write && ops->truncate && ops->checkpoint);
    assert_true(((ops->caps & PS_SINK_KEEPS_STATE) != 0) == (ops->state_read != NULL));
    ops->close(NULL);
    ops->packet_free(((struct desk *)*state)->sink, NULL);
}

static void upsert_when_key_repeats_keeps_the_last(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2\n1|c|3");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|c|3\n2|b|2\n");
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "2|d|4");
    desk_write(desk, &pair, PS_UPSERT, "2|e|~\n3||5");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|c|3\n2|e|~\n3||5\n");
}

static void update_sets_the_given_columns_alone(void **state)
{
    static const uint32_t id_and_amount[] = {0, 2};
    static const uint32_t id_and_name[] = {0, 1};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_checkpoint(desk);
    desk_write_columns(desk, &pair, PS_UPDATE, id_and_amount, 2, "1|10\n1|11\n9|90");
    desk_write_columns(desk, &pair, PS_UPDATE, id_and_name, 2, "2|~");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|11\n2|~|2\n");
}

static void update_finds_rows_of_the_same_checkpoint(void **state)
{
    static const uint32_t id_and_amount[] = {0, 2};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_write_columns(desk, &pair, PS_UPDATE, id_and_amount, 2, "1|10");
    desk_write(desk, &pair, PS_UPSERT, "2|c|3");
    desk_write_columns(desk, &pair, PS_UPDATE, id_and_amount, 2, "2|~\n1|12");
    desk_write(desk, &pair, PS_UPSERT, "3|d|4");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|12\n2|c|~\n3|d|4\n");
}

static void delete_marks_the_row_and_ignores_absent_keys(void **state)
{
    static const uint32_t id[] = {0};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_checkpoint(desk);
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "1\n7");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1 deleted\n2|b|2\n");
}

static void operations_of_one_checkpoint_apply_in_order(void **state)
{
    static const uint32_t id[] = {0};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2\n3|c|3");
    desk_checkpoint(desk);
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "1\n2\n3");
    desk_write(desk, &pair, PS_UPSERT, "1|d|4\n2|e|5\n4|f|6\n5|g|7");
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "2\n4");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair,
                "1|d|4\n2|e|5 deleted\n3|c|3 deleted\n4|f|6 deleted\n5|g|7\n");
}

static void truncate_marks_what_was_there_and_an_upsert_revives(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_checkpoint(desk);
    desk_write(desk, &pair, PS_UPSERT, "3|c|3");
    desk_truncate(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "2|d|4\n4|e|5");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1 deleted\n2|d|4\n3|c|3 deleted\n4|e|5\n");
}

static void truncate_of_an_absent_table_does_nothing(void **state)
{
    struct desk *desk = *state;
    desk_truncate(desk, &pair);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, NULL);
}

static void truncate_works_after_reopening(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1\n");
    desk_truncate(desk, &pair);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1 deleted\n");
}

static void nothing_is_kept_without_a_checkpoint(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1");
    desk_checkpoint(desk);
    desk_write(desk, &pair, PS_UPSERT, "1|b|2\n2|c|3");
    desk_expect(desk, &pair, all_of_pair, "1|a|1\n");
    desk_schema(desk, &pair);
    desk_truncate(desk, &pair);
    desk_expect(desk, &pair, all_of_pair, "1|a|1\n");
}

static void load_is_unseen_until_its_end(void **state)
{
    struct desk *desk = *state;
    if ((desk->ops->caps & PS_SINK_STAGES_LOADS) == 0) {
        skip();
    }
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|old|1");
    desk_checkpoint(desk);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|new|2\n2|b|3");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|old|1\n");
    /* The process is another one now: it begins again, and nothing of the first load counts. */
    desk_schema(desk, &pair);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "3|c|4");
    desk_checkpoint(desk);
    desk_write(desk, &pair, PS_UPSERT, "4|d|5");
    struct ps_load_result result = desk_load_end(desk, &pair, 0);
    assert_true(desk->contract->rows == NULL || result.vanished == 1);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|old|1 deleted\n3|c|4\n4|d|5\n");
}

static void load_that_goes_on_keeps_what_was_checkpointed(void **state)
{
    struct desk *desk = *state;
    struct ps_error err = {0};
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "9|old|9");
    desk_checkpoint(desk);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_checkpoint(desk);
    desk_write(desk, &pair, PS_UPSERT, "3|lost|3");
    desk_close(desk);
    desk_open(desk); /* another process, which knows nothing but what is there */
    desk->clock.ns -= INT64_C(3600000000000); /* and a clock that was set back */
    desk_schema(desk, &pair);
    assert_int_equal(desk->ops->load_resume(desk->sink, &pair, &err), PS_OK);
    desk_write(desk, &pair, PS_UPSERT, "2|newer|2\n4|d|4");
    (void)desk_load_end(desk, &pair, PS_LOAD_KEYS_MAY_REPEAT);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1\n2|newer|2\n4|d|4\n9|old|9 deleted\n");
}

static void load_that_goes_on_takes_deletes(void **state)
{
    static const uint32_t id[] = {0};
    struct desk *desk = *state;
    struct ps_error err = {0};
    desk_schema(desk, &pair);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_checkpoint(desk);
    desk_close(desk);
    desk_open(desk);
    desk_schema(desk, &pair);
    assert_int_equal(desk->ops->load_resume(desk->sink, &pair, &err), PS_OK);
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "1");
    desk_write(desk, &pair, PS_UPSERT, "3|c|3");
    (void)desk_load_end(desk, &pair, PS_LOAD_KEYS_MAY_REPEAT);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1 deleted\n2|b|2\n3|c|3\n");
}

static void load_of_which_nothing_is_there_cannot_go_on(void **state)
{
    struct desk *desk = *state;
    struct ps_error err = {0};
    if ((desk->ops->caps & PS_SINK_KEEPS_STATE) == 0) {
        skip(); /* such a sink takes the platform's word for it */
    }
    desk_schema(desk, &pair);
    assert_int_equal(desk->ops->load_resume(desk->sink, &pair, &err), PS_END);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1");
    (void)desk_load_end(desk, &pair, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1\n");
    desk_schema(desk, &pair);
    assert_int_equal(desk->ops->load_resume(desk->sink, &pair, &err), PS_END);
}

static void load_that_has_brought_nothing_yet_can_go_on(void **state)
{
    struct desk *desk = *state;
    struct ps_error err = {0};
    if ((desk->ops->caps & PS_SINK_KEEPS_STATE) == 0) {
        skip(); /* such a sink takes the platform's word for it */
    }
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_load_begin(desk, &pair);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1\n2|b|2\n");
    desk_schema(desk, &pair);
    assert_int_equal(desk->ops->load_resume(desk->sink, &pair, &err), PS_OK);
    desk_write(desk, &pair, PS_UPSERT, "2|c|2");
    struct ps_load_result result = desk_load_end(desk, &pair, 0);
    assert_int_equal(result.vanished, 1);
    desk_checkpoint(desk);
}

static void load_begun_again_discards_the_first(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1");
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "2|b|2");
    (void)desk_load_end(desk, &pair, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "2|b|2\n");
}

static void load_keeps_vanished_rows_as_deleted(void **state)
{
    static const uint32_t id[] = {0};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2\n3|c|3\n4|d|4");
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "3\n4");
    desk_checkpoint(desk);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|e|5\n4|f|6");
    struct ps_load_result result = desk_load_end(desk, &pair, 0);
    assert_true(desk->contract->rows == NULL || result.vanished == 1);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|e|5\n2|b|2 deleted\n3|c|3 deleted\n4|f|6\n");
}

static void incomplete_load_marks_no_row_as_deleted(void **state)
{
    static const uint32_t id[] = {0};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2\n3|c|3");
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "3");
    desk_checkpoint(desk);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|e|5");
    struct ps_load_result result = desk_load_end(desk, &pair, PS_LOAD_INCOMPLETE);
    assert_int_equal(result.vanished, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|e|5\n2|b|2\n3|c|3 deleted\n");
}

static void load_with_repeated_keys_keeps_the_last(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2\n1|c|3");
    desk_write(desk, &pair, PS_UPSERT, "2|d|4\n3|e|5");
    desk_checkpoint(desk);
    desk_write(desk, &pair, PS_UPSERT, "3|f|6");
    struct ps_load_result result = desk_load_end(desk, &pair, PS_LOAD_KEYS_MAY_REPEAT);
    assert_true(desk->contract->rows == NULL || result.duplicates == 3);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|c|3\n2|d|4\n3|f|6\n");
}

static void load_takes_deletes_and_updates_in_order(void **state)
{
    static const uint32_t id[] = {0};
    static const uint32_t id_and_amount[] = {0, 2};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2\n3|c|3");
    desk_write_columns(desk, &pair, PS_DELETE, id, 1, "1\n2");
    desk_write(desk, &pair, PS_UPSERT, "2|d|4");
    desk_write_columns(desk, &pair, PS_UPDATE, id_and_amount, 2, "3|30\n2|40\n1|50");
    (void)desk_load_end(desk, &pair, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1 deleted\n2|d|40\n3|c|30\n");
}

static void empty_load_deletes_everything(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1");
    desk_checkpoint(desk);
    desk_load_begin(desk, &pair);
    (void)desk_load_end(desk, &pair, 0);
    desk_write(desk, &pair, PS_UPSERT, "2|b|2");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "1|a|1 deleted\n2|b|2\n");
}

static void rows_without_a_key_are_made_one_where_equal(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &heap);
    desk_load_begin(desk, &heap);
    desk_write(desk, &heap, PS_UPSERT, "1|x\n1|x\n1|~\n1|\n~|x\n1|x");
    struct ps_load_result result = desk_load_end(desk, &heap, 0);
    assert_true(desk->contract->rows == NULL || result.duplicates == 2);
    desk_checkpoint(desk);
    desk_expect(desk, &heap, "a,b", "1|\n1|x\n1|~\n~|x\n");
    desk_schema(desk, &heap);
    desk_write(desk, &heap, PS_UPSERT, "1|x\n2|y");
    desk_write(desk, &heap, PS_UPSERT, "2|y");
    desk_checkpoint(desk);
    desk_expect(desk, &heap, "a,b", "1|\n1|x\n1|~\n2|y\n~|x\n");
    desk_schema(desk, &heap);
    desk_load_begin(desk, &heap);
    desk_write(desk, &heap, PS_UPSERT, "2|y\n1|~");
    result = desk_load_end(desk, &heap, 0);
    assert_true(desk->contract->rows == NULL || result.vanished == 3);
    desk_checkpoint(desk);
    desk_expect(desk, &heap, "a,b", "1| deleted\n1|x deleted\n1|~\n2|y\n~|x deleted\n");
}

static void state_comes_back_as_it_was(void **state)
{
    static const char text[] = "{\"version\":1,\"name\":\"a 'quoted' \\u0000 \xc3\xa9\"}";
    struct desk *desk = *state;
    if ((desk->ops->caps & PS_SINK_KEEPS_STATE) == 0) {
        skip();
    }
    struct ps_error err = {0};
    struct ps_stored_state stored = {0};
    assert_int_equal(desk->ops->state_read(desk->sink, &stored, &err), PS_OK);
    assert_false(stored.found);
    assert_int_equal(stored.number, 0);
    char id[sizeof stored.warehouse_id];
    memcpy(id, stored.warehouse_id, sizeof id);
    assert_true(id[0] != '\0');
    assert_int_equal(desk->ops->checkpoint(desk->sink, text, sizeof text - 1, 1, &err), PS_OK);
    desk_close(desk);
    desk_open(desk);
    assert_int_equal(desk->ops->state_read(desk->sink, &stored, &err), PS_OK);
    assert_true(stored.found);
    assert_string_equal(stored.warehouse_id, id);
    assert_int_equal(stored.number, 1);
    assert_int_equal(stored.json_size, sizeof text - 1);
    assert_memory_equal(stored.json, text, sizeof text);
    ps_free(stored.json);
    /* A number that does not rise is a mistake that must not be committed. */
    assert_int_equal(desk->ops->checkpoint(desk->sink, "{}", 2, 1, &err), PS_BUG);
}

static const struct ps_column pair_wider_columns[] = {
    DESK_COLUMN_WITH("id", LONG, .key_position = 1),
    DESK_COLUMN("added", STRING),
    DESK_COLUMN_WITH("amount", DECIMAL, .precision = 20, .scale = 2),
};
static const struct ps_table pair_wider = DESK_TABLE("pair", pair_wider_columns, 1);

static void new_and_wider_columns_take_old_and_new_rows(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_checkpoint(desk);
    /* The column `name` is gone at the source: it stays, and is NULL in rows that come now. */
    desk_schema(desk, &pair_wider);
    desk_write(desk, &pair_wider, PS_UPSERT, "2|x|7.25\n9000000000|y|8.50");
    desk_checkpoint(desk);
    desk_expect(desk, &pair_wider, "id,added", "1|~\n2|x\n9000000000|y\n");
    desk_expect(desk, &pair_wider, "id,name", "1|a\n2|~\n9000000000|~\n");
    /* The narrower shape again: nothing gets narrower. */
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "3|c|3");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, "id,added,name", "1|~|a\n2|x|~\n3|~|c\n9000000000|y|~\n");
}

static void schema_change_inside_a_load_reaches_it(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1");
    desk_checkpoint(desk);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "2|b|2");
    desk_schema(desk, &pair_wider);
    desk_write(desk, &pair_wider, PS_UPSERT, "3|x|4.00");
    (void)desk_load_end(desk, &pair_wider, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &pair_wider, "id,name,added", "1|a|~ deleted\n2|b|~\n3|~|x\n");
}

static void everything_in_one_checkpoint(void **state)
{
    static const uint32_t id[] = {0};
    struct desk *desk = *state;
    desk_schema(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|a|1\n2|b|2");
    desk_schema(desk, &pair_wider);
    desk_write(desk, &pair_wider, PS_UPSERT, "2|x|2.50\n3|y|3.50");
    desk_load_begin(desk, &pair_wider);
    desk_write(desk, &pair_wider, PS_UPSERT, "3|z|4.50\n4|w|5.50");
    (void)desk_load_end(desk, &pair_wider, 0);
    desk_write_columns(desk, &pair_wider, PS_DELETE, id, 1, "3");
    desk_schema(desk, &pair);
    desk_load_begin(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "4|d|6");
    (void)desk_load_end(desk, &pair, PS_LOAD_KEYS_MAY_REPEAT);
    desk_truncate(desk, &pair);
    desk_write(desk, &pair, PS_UPSERT, "1|e|7");
    desk_checkpoint(desk);
    desk_expect(desk, &pair, "id,name,added",
                "1|e|~\n2|~|x deleted\n3|~|z deleted\n4|d|~ deleted\n");
}

static void schema_change_tells_whether_something_changed(void **state)
{
    struct desk *desk = *state;
    if (desk->contract->rows == NULL) {
        skip();
    }
    struct ps_error err = {0};
    bool changed = false;
    assert_int_equal(desk->ops->schema_change(desk->sink, &pair, &changed, &err), PS_OK);
    assert_true(changed);
    assert_int_equal(desk->ops->schema_change(desk->sink, &pair, &changed, &err), PS_OK);
    assert_false(changed);
    assert_int_equal(desk->ops->schema_change(desk->sink, &pair_wider, &changed, &err), PS_OK);
    assert_true(changed);
}

static const struct ps_column every_columns[] = {
    DESK_COLUMN_WITH("id", SHORT, .key_position = 1),
    DESK_COLUMN("unspecified", UNSPECIFIED),
    DESK_COLUMN("boolean", BOOLEAN),
    DESK_COLUMN("int", INT),
    DESK_COLUMN("long", LONG),
    DESK_COLUMN_WITH("d4", DECIMAL, .precision = 4, .scale = 4),
    DESK_COLUMN_WITH("d9", DECIMAL, .precision = 9, .scale = 0),
    DESK_COLUMN_WITH("d18", DECIMAL, .precision = 18, .scale = 3),
    DESK_COLUMN_WITH("d38", DECIMAL, .precision = 38, .scale = 37),
    DESK_COLUMN("float", FLOAT),
    DESK_COLUMN("double", DOUBLE),
    DESK_COLUMN("date", NAIVE_DATE),
    DESK_COLUMN("naive", NAIVE_DATETIME),
    DESK_COLUMN("utc", UTC_DATETIME),
    DESK_COLUMN("binary", BINARY),
    DESK_COLUMN("xml", XML),
    DESK_COLUMN("string", STRING),
    DESK_COLUMN_WITH("json", JSON, .json_valid = true),
};
static const struct ps_table every = DESK_TABLE("every", every_columns, 1);
static const char all_of_every[] =
    "id,unspecified,boolean,int,long,d4,d9,d18,d38,float,double,date,"
    "naive,utc,binary,xml,string,json";
static const char every_rows[] =
    "-32768|x|false|-2147483648|-9223372036854775808|-0.9999|-999999999|-999999999999999.999|"
    "-9.9999999999999999999999999999999999999|-3.40282347e+38|-1.7976931348623157e+308|0001-01-01|"
    "0001-01-01T00:00:00|0001-01-01T00:00:00Z|00ff7c|<a/>|twelve bytes|{\"a\": [1, null]}\n"
    "0|||0|0|0.0000|0|0.000|0.0000000000000000000000000000000000000|0|0|1970-01-01|"
    "1970-01-01T00:00:00|1970-01-01T00:00:00Z||||\"\"\n"
    "1|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~|~\n"
    "2|thirteen byte|true|1|1|0.0001|1|0.001|0.0000000000000000000000000000000000001|"
    "1.40129846e-45|4.9406564584124654e-324|1969-12-31|1969-12-31T23:59:59.999999|"
    "1969-12-31T23:59:59.999999Z|0123456789abcdef0123456789abcdef|<b>\xc3\xa9</b>|"
    "\xf0\x9f\x92\xa7 water, 'quoted' \"twice\"|null\n"
    "32767|\xc3\xa9|true|2147483647|9223372036854775807|0.9999|999999999|999999999999999.999|"
    "9.9999999999999999999999999999999999999|3.40282347e+38|inf|9999-12-31|"
    "9999-12-31T23:59:59.999999|9999-12-31T23:59:59.999999Z|ff|<c/>|a longer text than twelve|"
    "{\"b\": 1.50, \"b2\": \"\\u00e9\"}\n";

/* The zero of "0|||…": a boolean is never empty. */
static void every_type_keeps_its_extremes(void **state)
{
    struct desk *desk = *state;
    char rows[sizeof every_rows + 8];
    const char *zero = strstr(every_rows, "\n0|||0");
    size_t head = (size_t)(zero - every_rows) + strlen("\n0||");
    memcpy(rows, every_rows, head);
    strcpy(rows + head, "false");
    strcat(rows, every_rows + head);
    desk_schema(desk, &every);
    desk_load_begin(desk, &every);
    desk_write(desk, &every, PS_UPSERT, rows);
    (void)desk_load_end(desk, &every, 0);
    desk_checkpoint(desk);
    desk_expect(desk, &every, all_of_every, rows);
    /* The same by way of upserts. */
    desk_schema(desk, &every);
    desk_truncate(desk, &every);
    desk_write(desk, &every, PS_UPSERT, rows);
    desk_checkpoint(desk);
    desk_expect(desk, &every, all_of_every, rows);
}

static const struct ps_column odd_columns[] = {
    DESK_COLUMN_WITH("select", INT, .key_position = 2),
    DESK_COLUMN_WITH("a \"quoted\" one", INT, .key_position = 1),
    DESK_COLUMN("it's; DROP TABLE x --", STRING),
    DESK_COLUMN("100% %s .dots.", STRING),
    DESK_COLUMN("\xc3\xa9t\xc3\xa9 \xf0\x9f\x92\xa7", STRING),
    DESK_COLUMN("rowid", STRING),
};
static const char all_of_odd[] =
    "select,a \"quoted\" one,it's; DROP TABLE x --,100% %s .dots.,\xc3\xa9t\xc3\xa9 "
    "\xf0\x9f\x92\xa7,rowid";

static void odd_names_are_names(void **state)
{
    static const char *const names[] = {"order", "two words", "\"",      "'; --",
                                        "a.b",   "%d",        "\xc3\xa9"};
    struct desk *desk = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ps_table table = DESK_TABLE(names[i], odd_columns, 2);
        table.schema = i % 2 == 0 ? "" : "Warehouse 'x' \"y\"";
        desk_schema(desk, &table);
        desk_load_begin(desk, &table);
        desk_write(desk, &table, PS_UPSERT, "1|1|a|b|c|d\n1|2|e|f|g|h");
        (void)desk_load_end(desk, &table, PS_LOAD_KEYS_MAY_REPEAT);
        desk_checkpoint(desk);
        static const uint32_t keys[] = {0, 1};
        desk_write_columns(desk, &table, PS_DELETE, keys, 2, "1|2");
        desk_write(desk, &table, PS_UPSERT, "2|1|i|j|k|l");
        static const uint32_t some[] = {0, 1, 2};
        desk_write_columns(desk, &table, PS_UPDATE, some, 3, "2|1|m");
        desk_checkpoint(desk);
        desk_expect(desk, &table, all_of_odd, "1|1|a|b|c|d\n1|2|e|f|g|h deleted\n2|1|m|j|k|l\n");
    }
}

static const struct ps_table pair_elsewhere = {.schema = "Other",
                                               .name = "pair",
                                               .columns = pair_columns,
                                               .columns_count = 3,
                                               .keys_count = 1};

static void tables_of_two_schemas_are_two(void **state)
{
    struct desk *desk = *state;
    if ((desk->ops->caps & PS_SINK_HAS_SCHEMAS) == 0) {
        skip();
    }
    desk_schema(desk, &pair);
    desk_schema(desk, &pair_elsewhere);
    desk_load_begin(desk, &pair);
    desk_load_begin(desk, &pair_elsewhere);
    for (int i = 0; i < 20; i++) {
        char row[32];
        snprintf(row, sizeof row, "%d|a|%d", i % 5, i);
        desk_write(desk, i % 2 == 0 ? &pair : &pair_elsewhere, PS_UPSERT, row);
    }
    (void)desk_load_end(desk, &pair_elsewhere, PS_LOAD_KEYS_MAY_REPEAT);
    desk_checkpoint(desk);
    desk_expect(desk, &pair, all_of_pair, "");
    desk_expect(desk, &pair_elsewhere, all_of_pair, "0|a|15\n1|a|11\n2|a|17\n3|a|13\n4|a|19\n");
}

struct preparer {
    struct desk *desk;
    struct ps_packet *packets[16];
    int first;
};

static void prepare_some(void *argument)
{
    struct preparer *preparer = argument;
    struct ps_error err = {0};
    for (int i = 0; i < 16; i++) {
        char rows[64];
        int id = preparer->first + 2 * i;
        snprintf(rows, sizeof rows, "%d|row\n%d|~", id, id);
        struct ps_batch *batch = desk_batch(&heap, PS_UPSERT, NULL, 0, rows);
        if (preparer->desk->ops->prepare(preparer->desk->sink, batch, &preparer->packets[i],
                                         &err) != PS_OK) {
            preparer->packets[i] = NULL;
        }
    }
}

static void two_threads_prepare_at_once(void **state)
{
    struct desk *desk = *state;
    struct ps_error err = {0};
    struct preparer preparers[2] = {{.desk = desk, .first = 0}, {.desk = desk, .first = 1}};
    struct ps_thread threads[2] = {{0}};
    desk_schema(desk, &heap);
    desk_load_begin(desk, &heap);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            ps_thread_start(&threads[i], "preparer", prepare_some, &preparers[i], &err), PS_OK);
    }
    for (int i = 0; i < 2; i++) {
        ps_thread_join(&threads[i]);
    }
    for (int i = 0; i < 32; i++) {
        struct ps_packet *packet = preparers[i % 2].packets[i / 2];
        assert_non_null(packet);
        if (i >= 30) {
            desk->ops->packet_free(desk->sink, packet);
        } else {
            assert_int_equal(desk->ops->write(desk->sink, packet, &err), PS_OK);
        }
    }
    assert_int_equal(desk_load_end(desk, &heap, 0).duplicates, 0);
    desk_checkpoint(desk);
    if (desk->contract->rows != NULL) {
        desk_close(desk);
        char *rows = desk->contract->rows(desk->destination, "", "heap", "a,b");
        size_t count = 0;
        for (const char *at = rows; *at != '\0'; at++) {
            count += *at == '\n';
        }
        ps_free(rows);
        assert_int_equal(count, 60);
    }
}

static void rows_before_a_schema_are_a_bug(void **state)
{
    struct desk *desk = *state;
    if (desk->contract->rows == NULL) {
        skip();
    }
    struct ps_error err = {0};
    struct ps_packet *packet = NULL;
    struct ps_batch *batch = desk_batch(&pair, PS_UPSERT, NULL, 0, "1|a|1");
    assert_int_equal(desk->ops->prepare(desk->sink, batch, &packet, &err), PS_OK);
    assert_int_equal(desk->ops->write(desk->sink, packet, &err), PS_BUG);
    assert_true(err.message[0] != '\0');
}

static void destination_that_must_exist_is_not_made(void **state)
{
    struct desk *desk = *state;
    if (desk->contract->rows == NULL) {
        skip();
    }
    char other[512];
    snprintf(other, sizeof other, "%s.other", desk->destination);
    struct ps_sink_request request = {
        .destination = other, .schema = "tester", .clock = &desk->clock.base, .must_exist = true};
    struct ps_error err = {0};
    struct ps_sink *sink = NULL;
    assert_int_equal(desk->ops->open(&request, &sink, &err), PS_CONFIG);
    assert_null(sink);
    assert_non_null(strstr(err.message, other));
}

int contract_sink_run(const char *name, const struct contract_sink *contract)
{
#define TEST(function)                                                                             \
    {                                                                                              \
#function, function, desk_setup, desk_teardown, (void *)(uintptr_t)contract                \
    }
    const struct CMUnitTest tests[] = {
        TEST(ops_are_complete),
        TEST(upsert_when_key_repeats_keeps_the_last),
        TEST(update_sets_the_given_columns_alone),
        TEST(update_finds_rows_of_the_same_checkpoint),
        TEST(delete_marks_the_row_and_ignores_absent_keys),
        TEST(operations_of_one_checkpoint_apply_in_order),
        TEST(truncate_marks_what_was_there_and_an_upsert_revives),
        TEST(truncate_of_an_absent_table_does_nothing),
        TEST(truncate_works_after_reopening),
        TEST(nothing_is_kept_without_a_checkpoint),
        TEST(load_is_unseen_until_its_end),
        TEST(load_that_goes_on_keeps_what_was_checkpointed),
        TEST(load_that_goes_on_takes_deletes),
        TEST(load_of_which_nothing_is_there_cannot_go_on),
        TEST(load_that_has_brought_nothing_yet_can_go_on),
        TEST(load_begun_again_discards_the_first),
        TEST(load_keeps_vanished_rows_as_deleted),
        TEST(incomplete_load_marks_no_row_as_deleted),
        TEST(incomplete_load_marks_what_it_was_told_is_deleted),
        TEST(deletes_of_a_load_that_goes_on_count_at_its_end),
        TEST(deletes_of_a_load_make_no_rows),
        TEST(load_keeps_former_rows_of_those_left_out),
        TEST(last_word_on_a_key_counts_at_the_end_of_a_load),
        TEST(load_begun_again_discards_the_deletes_of_the_first),
        TEST(load_with_repeated_keys_keeps_the_last),
        TEST(load_takes_deletes_and_updates_in_order),
        TEST(empty_load_deletes_everything),
        TEST(rows_without_a_key_are_made_one_where_equal),
        TEST(state_comes_back_as_it_was),
        TEST(new_and_wider_columns_take_old_and_new_rows),
        TEST(schema_change_inside_a_load_reaches_it),
        TEST(everything_in_one_checkpoint),
        TEST(columns_that_come_between_rows_keep_the_order_of_operations),
        TEST(columns_that_come_one_by_one_are_all_there),
        TEST(operations_that_alternate_row_by_row_apply_in_order),
        TEST(truncate_before_marks_what_was_written_before_the_mark),
        TEST(truncate_before_of_an_absent_table_does_nothing),
        TEST(describe_tells_the_columns_of_the_destination),
        TEST(describe_of_an_absent_table_is_end),
        TEST(schema_change_tells_whether_something_changed),
        TEST(every_type_keeps_its_extremes),
        TEST(odd_names_are_names),
        TEST(tables_of_two_schemas_are_two),
        TEST(two_threads_prepare_at_once),
        TEST(rows_before_a_schema_are_a_bug),
        TEST(destination_that_must_exist_is_not_made),
    };
#undef TEST
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
