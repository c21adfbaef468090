/*
 * The null sink counts.
 */
#include "sinks/null/null.h"
#include "support/unit.h"

static void test_null_counts_rows_and_bytes(void **state)
{
    (void)state;
    static const struct ps_column columns[] = {
        {.name = "a", .source_type = "", .type = PS_TYPE_INT}};
    static const struct ps_table table = {
        .schema = "", .name = "t", .columns = columns, .columns_count = 1};
    static const uint32_t all[] = {0};
    struct ps_batch_shape shape = {
        .table = &table, .columns = all, .columns_count = 1, .rows_max = 2, .bytes_max = 100};
    struct ps_sink_request request = {.destination = "null", .schema = "tester"};
    struct ps_error err = {0};
    struct ps_sink *sink = NULL;
    struct ps_batch *batch = NULL;
    struct ps_packet *packet = NULL;
    assert_int_equal(ps_sink_null.open(&request, &sink, &err), PS_OK);
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    for (int i = 0; i < 2; i++) {
        ps_batch_put_int(batch, 0, i);
        ps_batch_row_end(batch);
    }
    assert_int_equal(ps_sink_null.prepare(sink, batch, &packet, &err), PS_OK);
    assert_int_equal(ps_sink_null.write(sink, packet, &err), PS_OK);
    assert_int_equal(ps_sink_null.truncate(sink, &table, &err), PS_OK);
    assert_int_equal(ps_sink_null.checkpoint(sink, "{}", 2, 1, &err), PS_OK);
    struct ps_null_counts counts = ps_sink_null_counts(sink);
    assert_int_equal(counts.rows, 2);
    assert_int_equal(counts.bytes, 8);
    assert_int_equal(counts.packets, 1);
    assert_int_equal(counts.truncates, 1);
    assert_int_equal(counts.checkpoints, 1);
    ps_sink_null.close(sink);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_null_counts_rows_and_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
