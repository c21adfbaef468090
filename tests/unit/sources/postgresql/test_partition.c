/*
 * Unit tests for src/sources/postgresql/partition.c: bounds, positions and the conditions they
 * become.
 */
#include "support/unit.h"

#include <string.h>

#include "sources/postgresql/partition.h"

static const struct ps_column columns[] = {
    {.name = "b", .type = PS_TYPE_LONG, .key_position = 2},
    {.name = "a\"", .type = PS_TYPE_STRING, .key_position = 1},
};
static const struct ps_table table = {
    .schema = "s", .name = "t", .columns = columns, .columns_count = 2, .keys_count = 2};
static const struct ps_table heap = {.schema = "s", .name = "t", .columns_count = 0};

static bool parse(const struct ps_table *of, const char *bounds, const char *position,
                  struct partition *ret_partition)
{
    struct ps_partition given = {.bounds = bounds};
    struct ps_read_request request = {.table = of, .partition = &given, .position = position};
    return partition_parse(&request, ret_partition);
}

static void assert_where(const char *bounds, const char *position, const char *changed_since,
                         const char *expected)
{
    struct partition partition;
    struct ps_buffer sql;
    ps_buffer_init(&sql, 0);
    assert_true(parse(&table, bounds, position, &partition));
    partition.changed_since = changed_since;
    partition_write_where(&sql, &table, &partition);
    assert_string_equal(ps_buffer_text(&sql), expected);
    ps_buffer_done(&sql);
}

static void test_partition_becomes_its_condition(void **state)
{
    (void)state;
    assert_where("", NULL, NULL, "");
    assert_where("b:0-128", NULL, NULL, " WHERE ctid >= '(0,0)'::tid AND ctid < '(128,0)'::tid");
    assert_where("b16384:128-", NULL, NULL, " WHERE ctid >= '(128,0)'::tid");
    assert_where("b:0-128", "127,5", NULL,
                 " WHERE ctid > '(127,5)'::tid AND ctid < '(128,0)'::tid");
    assert_where("h2:0-16384", NULL, NULL,
                 " WHERE yb_hash_code(\"a\"\"\", \"b\") >= 0 AND yb_hash_code(\"a\"\"\", \"b\") < "
                 "16384");
    assert_where("h1:49152-", NULL, NULL, " WHERE yb_hash_code(\"a\"\"\") >= 49152");
    assert_where("k-+4:it's", NULL, NULL, " WHERE \"a\"\"\" < 'it''s'");
    assert_where("k+4:it's+0:", NULL, NULL, " WHERE \"a\"\"\" >= 'it''s' AND \"a\"\"\" < ''");
    assert_where("k+1:z-", NULL, NULL, " WHERE \"a\"\"\" >= 'z'");
    assert_where("k--", NULL, NULL, "");
}

static void test_partition_of_blocks_alone_shows_what_has_changed(void **state)
{
    (void)state;
    assert_true(partition_is_blocks("b:0-128") && partition_is_blocks("b16384:128-"));
    assert_false(partition_is_blocks("") || partition_is_blocks("h1:0-16384") ||
                 partition_is_blocks("k+1:z-"));
}

static void test_partition_of_what_has_changed_looks_at_transactions(void **state)
{
    (void)state;
    assert_where("b:0-", NULL, "750",
                 " WHERE ctid >= '(0,0)'::tid AND age(xmin) BETWEEN 0 AND "
                 "age('750'::xid8::xid)");
    assert_where("h1:0-", NULL, "750", " WHERE false");
    assert_where("k--", NULL, "750", " WHERE false");
    assert_where("", NULL, "750", " WHERE false");
}

static void test_partition_of_another_kind_is_refused(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "0-128",  "x:0-",    "b0-",     "b:-5",   "b:5",    "b:0-1x",    "b:4294967296-",
        "b-1:0-", "h:0-",    "h0:0-",   "h3:0-",  "h1:0-x", "h1:70000-", "k",
        "k+",     "k+3:ab-", "k+1:ab-", "k+2:ab", "k+x:a-", "k-+1:a-",   "b:0-99999999999",
    };
    struct partition partition;
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        if (parse(&table, odd[i], NULL, &partition)) {
            fail_msg("taken: %s", odd[i]);
        }
    }
    assert_false(parse(&heap, "k--", NULL, &partition));
    assert_false(parse(&heap, "h1:0-", NULL, &partition));
    assert_true(parse(&heap, "b:0-", NULL, &partition));
}

static void test_partition_position_lies_inside(void **state)
{
    (void)state;
    struct partition partition;
    assert_true(parse(&table, "b:10-20", "19,7", &partition));
    assert_int_equal(partition.block, 19);
    assert_int_equal(partition.place, 7);
    static const char *const odd[] = {"9,1", "20,1", "15", "15,", "15,1x", "15,70000", "x", ""};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        if (parse(&table, "b:10-20", odd[i], &partition)) {
            fail_msg("taken: %s", odd[i]);
        }
    }
    assert_false(parse(&table, "h1:0-", "1,1", &partition));
    assert_false(parse(&table, "", "1,1", &partition));
}

static void assert_joined(const char *first, const char *second, const char *expected)
{
    struct ps_buffer bounds;
    ps_buffer_init(&bounds, 0);
    bool joined = partition_join(first, second, &bounds);
    assert_true(joined == (expected != NULL));
    assert_string_equal(ps_buffer_text(&bounds), joined ? expected : "");
    ps_buffer_done(&bounds);
}

static void test_partition_of_neighbouring_blocks_is_one(void **state)
{
    (void)state;
    assert_joined("b:0-128", "b:128-256", "b:0-256");
    assert_joined("b16390:128-256", "b16390:256-", "b16390:128-");
    assert_joined("b:0-128", "b:256-", NULL);
    assert_joined("b:0-", "b:0-128", NULL);
    assert_joined("b16390:0-128", "b16391:128-", NULL);
    /* Nothing goes on inside those. */
    assert_joined("h1:0-128", "h1:128-", NULL);
    assert_joined("k-+1:a", "k+1:a-", NULL);
    assert_joined("", "", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_becomes_its_condition),
        cmocka_unit_test(test_partition_of_blocks_alone_shows_what_has_changed),
        cmocka_unit_test(test_partition_of_neighbouring_blocks_is_one),
        cmocka_unit_test(test_partition_of_what_has_changed_looks_at_transactions),
        cmocka_unit_test(test_partition_of_another_kind_is_refused),
        cmocka_unit_test(test_partition_position_lies_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
