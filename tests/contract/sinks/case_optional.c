/*
 * Members that a sink may lack: a truncate whose time comes later, and what the destination has.
 */
#include <string.h>

#include "base/arena.h"
#include "contract/sinks/cases.h"
#include "contract/sinks/desk.h"

static const struct ps_column item_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("name", STRING),
    DESK_COLUMN_WITH("price", DECIMAL, .precision = 12, .scale = 3),
};
static const struct ps_table item = DESK_TABLE("Item", item_columns, 1);
static const char all_of_item[] = "id,name,price";

static void truncate_before(struct desk *desk, const struct ps_table *table, int64_t mark)
{
    struct ps_error err = {0};
    enum ps_status status = desk->ops->truncate_before(desk->sink, table, mark, &err);
    if (status != PS_OK) {
        fail_msg("%s: %s", ps_status_name(status), err.message);
    }
}

void truncate_before_marks_what_was_written_before_the_mark(void **state)
{
    static const uint32_t id_and_name[] = {0, 1};
    struct desk *desk = *state;
    if (desk->ops->truncate_before == NULL) {
        assert_null(desk->ops->mark);
        skip();
    }
    desk_schema(desk, &item);
    desk_write(desk, &item, PS_UPSERT, "1|a|1.000\n2|b|2.000\n3|c|3.000\n4|d|4.000");
    desk_checkpoint(desk);
    desk_write(desk, &item, PS_UPSERT, "5|e|5.000\n6|f|6.000");
    int64_t mark = desk->ops->mark(desk->sink);
    desk_write(desk, &item, PS_UPSERT, "2|g|7.000\n6|h|8.000\n7|i|9.000");
    desk_write_columns(desk, &item, PS_UPDATE, id_and_name, 2, "3|j");
    /* Checkpoints may lie between the mark and its use. */
    desk_checkpoint(desk);
    desk_write(desk, &item, PS_UPSERT, "8|k|10.000");
    truncate_before(desk, &item, mark);
    desk_write(desk, &item, PS_UPSERT, "4|l|11.000");
    desk_checkpoint(desk);
    desk_expect(desk, &item, all_of_item,
                "1|a|1.000 deleted\n2|g|7.000\n3|j|3.000\n4|l|11.000\n5|e|5.000 deleted\n"
                "6|h|8.000\n7|i|9.000\n8|k|10.000\n");
}

void truncate_before_of_an_absent_table_does_nothing(void **state)
{
    struct desk *desk = *state;
    if (desk->ops->truncate_before == NULL) {
        skip();
    }
    truncate_before(desk, &item, desk->ops->mark(desk->sink));
    desk_checkpoint(desk);
    desk_expect(desk, &item, all_of_item, NULL);
}

static void expect_item(struct desk *desk, const char *name, const struct ps_column *wanted,
                        uint32_t count)
{
    const struct ps_table asked = {.schema = "", .name = name};
    struct ps_arena *arena = ps_arena_new((size_t)1 << 20);
    struct ps_table *found = NULL;
    struct ps_error err = {0};
    assert_int_equal(desk->ops->describe(desk->sink, &asked, arena, &found, &err), PS_OK);
    assert_int_equal(found->columns_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_string_equal(found->columns[i].name, wanted[i].name);
        assert_int_equal(found->columns[i].type, wanted[i].type);
        assert_int_equal(found->columns[i].precision, wanted[i].precision);
        assert_int_equal(found->columns[i].scale, wanted[i].scale);
    }
    ps_arena_free(arena);
}

static const struct ps_column item_wider_columns[] = {
    DESK_COLUMN_WITH("id", LONG, .key_position = 1),
    DESK_COLUMN("name", STRING),
    DESK_COLUMN_WITH("price", DECIMAL, .precision = 12, .scale = 3),
    DESK_COLUMN("seen", UTC_DATETIME),
};
static const struct ps_table item_wider = DESK_TABLE("Item", item_wider_columns, 1);

void describe_tells_the_columns_of_the_destination(void **state)
{
    struct desk *desk = *state;
    if (desk->ops->describe == NULL) {
        skip();
    }
    desk_schema(desk, &item);
    desk_write(desk, &item, PS_UPSERT, "1|a|1.000");
    /* Of the transaction that is open, then of what was committed by somebody earlier. */
    expect_item(desk, "Item", item_columns, 3);
    desk_checkpoint(desk);
    desk_expect(desk, &item, all_of_item, "1|a|1.000\n");
    expect_item(desk, "Item", item_columns, 3);
    desk_schema(desk, &item_wider);
    expect_item(desk, "Item", item_wider_columns, 4);
    if ((desk->ops->caps & PS_SINK_IGNORES_CASE) != 0) {
        expect_item(desk, "iTEM", item_wider_columns, 4);
    }
}

void describe_of_an_absent_table_is_end(void **state)
{
    struct desk *desk = *state;
    if (desk->ops->describe == NULL) {
        skip();
    }
    struct ps_arena *arena = ps_arena_new((size_t)1 << 20);
    struct ps_table *found = NULL;
    struct ps_error err = {0};
    assert_int_equal(desk->ops->describe(desk->sink, &item, arena, &found, &err), PS_END);
    assert_null(found);
    /* To have asked is no trace. */
    desk_checkpoint(desk);
    desk_expect(desk, &item, all_of_item, NULL);
    ps_arena_free(arena);
}
