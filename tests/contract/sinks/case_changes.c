/*
 * Tables that change while rows come, and rows of many kinds, all in one checkpoint. What is asked
 * besides the right rows is that no memory runs out: the desk gives a sink 256 MiB.
 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "contract/sinks/cases.h"
#include "contract/sinks/desk.h"

static const struct ps_column narrow_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("a", STRING),
};
static const struct ps_table narrow = DESK_TABLE("grows", narrow_columns, 1);
static const struct ps_column wider_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("a", STRING),
    DESK_COLUMN("b", LONG),
};
static const struct ps_table wider = DESK_TABLE("grows", wider_columns, 1);
static const struct ps_column widest_columns[] = {
    DESK_COLUMN_WITH("id", LONG, .key_position = 1),
    DESK_COLUMN("c", STRING),
    DESK_COLUMN("a", STRING),
    DESK_COLUMN("b", LONG),
};
static const struct ps_table widest = DESK_TABLE("grows", widest_columns, 1);

void columns_that_come_between_rows_keep_the_order_of_operations(void **state)
{
    static const uint32_t id[] = {0};
    static const uint32_t id_and_a[] = {0, 1};
    struct desk *desk = *state;
    desk_schema(desk, &narrow);
    desk_write(desk, &narrow, PS_UPSERT, "1|old\n2|old\n3|old\n4|old\n5|old");
    desk_checkpoint(desk);
    desk_write(desk, &narrow, PS_UPSERT, "1|x\n2|x");
    desk_schema(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "2|y|2\n6|y|6");
    desk_write_columns(desk, &wider, PS_DELETE, id, 1, "1\n3");
    desk_schema(desk, &narrow);
    desk_write(desk, &narrow, PS_UPSERT, "3|z");
    desk_schema(desk, &wider);
    desk_write_columns(desk, &wider, PS_DELETE, id, 1, "4");
    desk_schema(desk, &widest);
    desk_write(desk, &widest, PS_UPSERT, "4|c|w|40\n7000000000|c|w|70");
    desk_write_columns(desk, &widest, PS_DELETE, id, 1, "6");
    desk_schema(desk, &wider);
    desk_write_columns(desk, &wider, PS_UPDATE, id_and_a, 2, "5|u\n2|u");
    desk_schema(desk, &widest);
    desk_write(desk, &widest, PS_UPSERT, "8|c|w|80");
    desk_checkpoint(desk);
    desk_expect(desk, &widest, "id,a,b,c",
                "1|x|~|~ deleted\n2|u|2|~\n3|z|~|~\n4|w|40|c\n5|u|~|~\n6|y|6|~ deleted\n"
                "7000000000|w|70|c\n8|w|80|c\n");
}

#define MANY 300u
#define ALTERNATING 100u
#define ALTERNATING_COLUMNS 60u

/* The columns id, c1 … cN. */
static const struct ps_table *table_of(struct ps_arena *arena, const char *name, uint32_t count)
{
    struct ps_column *columns = ps_arena_array(arena, count + 1, sizeof *columns);
    struct ps_table *table = ps_arena_alloc(arena, sizeof *table);
    assert_true(columns != NULL && table != NULL);
    for (uint32_t i = 0; i <= count; i++) {
        columns[i] = (struct ps_column){
            .name = i == 0 ? "id" : ps_arena_printf(arena, "c%u", i),
            .source_type = "",
            .type = PS_TYPE_LONG,
            .key_position = i == 0,
        };
        assert_non_null(columns[i].name);
    }
    *table = (struct ps_table){.schema = "",
                               .name = name,
                               .columns = columns,
                               .columns_count = count + 1,
                               .keys_count = 1,
                               .rows_estimate = -1,
                               .bytes_estimate = -1};
    return table;
}

static void put_row(struct ps_buffer *out, const struct ps_table *table, uint32_t id, uint32_t last)
{
    ps_buffer_clear(out);
    ps_buffer_printf(out, "%u", id);
    for (uint32_t i = 1; i < table->columns_count; i++) {
        ps_buffer_printf(out, i == last ? "|%u" : "|~", i);
    }
}

void columns_that_come_one_by_one_are_all_there(void **state)
{
    struct desk *desk = *state;
    struct ps_arena *arena = ps_arena_new((size_t)64 << 20);
    const struct ps_table *table = NULL;
    struct ps_buffer row, expected;
    ps_buffer_init(&row, 0);
    ps_buffer_init(&expected, 0);
    for (uint32_t i = 1; i <= MANY; i++) {
        table = table_of(arena, "many", i);
        desk_schema(desk, table);
        put_row(&row, table, 1000 + i, i);
        desk_write(desk, table, PS_UPSERT, ps_buffer_text(&row));
        ps_buffer_printf(&expected, "%u|%s|%s\n", 1000 + i, i == 1 ? "1" : "~",
                         i == MANY / 2 ? "150" : "~");
    }
    desk_checkpoint(desk);
    desk_expect(desk, table, "id,c1,c150", ps_buffer_text(&expected));
    ps_buffer_done(&row);
    ps_buffer_done(&expected);
    desk_close(desk);
    ps_arena_free(arena);
    desk_open(desk);
}

void operations_that_alternate_row_by_row_apply_in_order(void **state)
{
    static const uint32_t id[] = {0};
    static const uint32_t id_and_first[] = {0, 1};
    struct desk *desk = *state;
    struct ps_arena *arena = ps_arena_new((size_t)1 << 20);
    const struct ps_table *table = table_of(arena, "mixed", ALTERNATING_COLUMNS);
    struct ps_buffer row, expected;
    ps_buffer_init(&row, 0);
    ps_buffer_init(&expected, 0);
    desk_schema(desk, table);
    for (uint32_t i = 0; i < ALTERNATING; i++) {
        char text[32];
        put_row(&row, table, 1000 + i, 1);
        desk_write(desk, table, PS_UPSERT, ps_buffer_text(&row));
        snprintf(text, sizeof text, "%u|%u", 1000 + i, i);
        desk_write_columns(desk, table, PS_UPDATE, id_and_first, 2, text);
        snprintf(text, sizeof text, "%u", 1000 + i);
        if (i % 2 == 0) {
            desk_write_columns(desk, table, PS_DELETE, id, 1, text);
        }
        ps_buffer_printf(&expected, "%u|%u%s\n", 1000 + i, i, i % 2 == 0 ? " deleted" : "");
    }
    desk_checkpoint(desk);
    desk_expect(desk, table, "id,c1", ps_buffer_text(&expected));
    ps_buffer_done(&row);
    ps_buffer_done(&expected);
    desk_close(desk);
    ps_arena_free(arena);
    desk_open(desk);
}
