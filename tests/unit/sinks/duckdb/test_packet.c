/*
 * What is made of a batch before the writer has it.
 */
#include "sinks/duckdb/packet.h"

#include <string.h>

#include "support/torture.h"
#include "support/unit.h"

static const struct ps_column columns[] = {
    {.name = "b", .source_type = "", .type = PS_TYPE_INT},
    {.name = "a", .source_type = "", .type = PS_TYPE_STRING},
    {.name = "c", .source_type = "", .type = PS_TYPE_JSON},
};
static const struct ps_table table = {
    .schema = "", .name = "t", .columns = columns, .columns_count = 3};

static struct ps_batch *new_batch(const struct ps_table *of)
{
    static const uint32_t all[] = {0, 1, 2};
    struct ps_batch_shape shape = {.table = of,
                                   .columns = all,
                                   .columns_count = of->columns_count,
                                   .rows_max = 8,
                                   .bytes_max = 1000};
    struct ps_batch *batch = NULL;
    struct ps_error err = {0};
    if (ps_batch_new(&shape, &batch, &err) != PS_OK) {
        return NULL;
    }
    batch->table = of;
    return batch;
}

static void put(struct ps_batch *batch, int32_t b, const char *a, const char *c)
{
    ps_batch_put_int(batch, 0, b);
    if (a == NULL) {
        ps_batch_put_null(batch, 1);
    } else {
        assert_true(ps_batch_put_bytes(batch, 1, a, strlen(a)));
    }
    if (batch->columns_count == 3) {
        if (c == NULL) {
            ps_batch_put_null(batch, 2);
        } else {
            assert_true(ps_batch_put_bytes(batch, 2, c, strlen(c)));
        }
    }
    ps_batch_row_end(batch);
}

static struct duck_packet *made(struct ps_batch *batch)
{
    struct ps_error err = {0};
    struct duck_packet *packet = NULL;
    assert_int_equal(duck_packet_new(batch, &packet, &err), PS_OK);
    return packet;
}

static const char *id_of(const struct duck_packet *packet, uint32_t row)
{
    return packet->ids + (size_t)row * DUCK_ID_SIZE;
}

static void test_id_tells_null_from_empty_and_equal_rows_are_equal(void **state)
{
    (void)state;
    struct ps_batch *batch = new_batch(&table);
    put(batch, 1, "", NULL);
    put(batch, 1, NULL, NULL);
    put(batch, 1, "", NULL);
    put(batch, 1, NULL, "\"\"");
    struct duck_packet *packet = made(batch);
    assert_memory_equal(id_of(packet, 0), id_of(packet, 2), DUCK_ID_SIZE);
    assert_memory_not_equal(id_of(packet, 0), id_of(packet, 1), DUCK_ID_SIZE);
    assert_memory_not_equal(id_of(packet, 1), id_of(packet, 3), DUCK_ID_SIZE);
    assert_memory_not_equal(id_of(packet, 0), id_of(packet, 3), DUCK_ID_SIZE);
    duck_packet_free(packet);
}

static void test_id_is_the_documented_hash(void **state)
{
    (void)state;
    struct ps_batch *batch = new_batch(&table);
    put(batch, 258, "xy", NULL);
    struct duck_packet *packet = made(batch);
    /* printf '\1\0\0\0as\2\0\0\0xy\1\0\0\0bn\21\0\0\0\0\2\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0' |
     * sha256sum */
    assert_memory_equal(id_of(packet, 0),
                        "8f30d04aaeda58beaca5fbcd150d7ffdae8d97a879581709f8802613b7e9f49e",
                        DUCK_ID_SIZE);
    duck_packet_free(packet);
}

static void test_id_does_not_change_with_a_new_column_that_is_null(void **state)
{
    (void)state;
    struct ps_table narrow = table;
    narrow.columns_count = 2;
    struct ps_batch *few = new_batch(&narrow);
    struct ps_batch *more = new_batch(&table);
    put(few, 7, "x", NULL);
    put(more, 7, "x", NULL);
    struct duck_packet *a = made(few);
    struct duck_packet *b = made(more);
    assert_memory_equal(id_of(a, 0), id_of(b, 0), DUCK_ID_SIZE);
    duck_packet_free(a);
    duck_packet_free(b);
}

static void test_decimals_of_two_scales_have_one_id(void **state)
{
    (void)state;
    static const struct ps_column two[] = {
        {.name = "d", .source_type = "", .type = PS_TYPE_DECIMAL, .precision = 5, .scale = 1}};
    static const struct ps_column four[] = {
        {.name = "d", .source_type = "", .type = PS_TYPE_DECIMAL, .precision = 9, .scale = 4}};
    const struct ps_table tables[2] = {
        {.schema = "", .name = "t", .columns = two, .columns_count = 1},
        {.schema = "", .name = "t", .columns = four, .columns_count = 1}};
    const ps_int128 values[2] = {-15, -15000};
    struct duck_packet *packets[2];
    for (int i = 0; i < 2; i++) {
        struct ps_batch *batch = new_batch(&tables[i]);
        ps_batch_put_decimal(batch, 0, values[i]);
        ps_batch_row_end(batch);
        packets[i] = made(batch);
    }
    assert_memory_equal(id_of(packets[0], 0), id_of(packets[1], 0), DUCK_ID_SIZE);
    duck_packet_free(packets[0]);
    duck_packet_free(packets[1]);
}

static void test_table_with_a_key_has_no_ids(void **state)
{
    (void)state;
    struct ps_table keyed = table;
    keyed.keys_count = 1;
    struct ps_batch *batch = new_batch(&keyed);
    put(batch, 1, "a", "{}");
    struct duck_packet *packet = made(batch);
    assert_null(packet->ids);
    duck_packet_free(packet);
}

static enum ps_status make_one(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_batch *batch = new_batch(&table);
    if (batch == NULL) {
        return ps_fail_nomem(err, "the batch");
    }
    ps_batch_put_int(batch, 0, 1);
    ps_batch_put_null(batch, 1);
    if (!ps_batch_put_bytes(batch, 2, "{}", 2)) {
        ps_batch_release(batch);
        return ps_fail_nomem(err, "the batch");
    }
    ps_batch_row_end(batch);
    ps_batch_put_int(batch, 0, 2);
    ps_batch_put_null(batch, 1);
    ps_batch_put_null(batch, 2);
    ps_batch_row_end(batch);
    struct duck_packet *packet = NULL;
    enum ps_status status = duck_packet_new(batch, &packet, err);
    if (status == PS_OK) {
        duck_packet_free(packet);
    }
    return status;
}

static void test_packet_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    torture(make_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_tells_null_from_empty_and_equal_rows_are_equal),
        cmocka_unit_test(test_id_is_the_documented_hash),
        cmocka_unit_test(test_id_does_not_change_with_a_new_column_that_is_null),
        cmocka_unit_test(test_decimals_of_two_scales_have_one_id),
        cmocka_unit_test(test_table_with_a_key_has_no_ids),
        cmocka_unit_test(test_packet_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
