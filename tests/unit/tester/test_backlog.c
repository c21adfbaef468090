/*
 * Records that wait: they come out as they went in, and there is an end to them.
 */
#include "tester/backlog.h"

#include <string.h>

#include "base/alloc.h"
#include "support/unit.h"

static struct tester_table *table_numbered(uintptr_t number)
{
    return (struct tester_table *)number; /* the backlog never looks into it */
}

static void test_backlog_gives_records_back_in_their_order(void **state)
{
    (void)state;
    struct backlog backlog = {0};
    struct backlog_record record;
    struct ps_error err = {0};
    size_t place = 0;
    static const uint8_t bytes[] = "abcdefg";
    for (uintptr_t i = 0; i < 7; i++) {
        record = (struct backlog_record){table_numbered(16 * (i + 1)),
                                         i % 2 == 0 ? PS_UPSERT : PS_DELETE, bytes, i};
        assert_int_equal(backlog_add(&backlog, &record, &err), PS_OK);
    }
    for (uintptr_t i = 0; i < 7; i++) {
        assert_true(backlog_next(&backlog, &place, &record));
        assert_ptr_equal(record.table, table_numbered(16 * (i + 1)));
        assert_int_equal(record.operation, i % 2 == 0 ? PS_UPSERT : PS_DELETE);
        assert_int_equal(record.size, i);
        assert_memory_equal(record.bytes, bytes, i);
    }
    assert_false(backlog_next(&backlog, &place, &record));
    backlog_clear(&backlog);
    place = 0;
    assert_false(backlog_next(&backlog, &place, &record));
    backlog_done(&backlog);
}

static void test_backlog_is_full_by_records_and_by_bytes(void **state)
{
    (void)state;
    struct backlog backlog = {0};
    struct ps_error err = {0};
    struct backlog_record record = {table_numbered(16), PS_UPSERT, (const uint8_t *)"", 0};
    for (uint32_t i = 0; i < BACKLOG_RECORDS_MAX; i++) {
        assert_false(backlog_full(&backlog));
        assert_int_equal(backlog_add(&backlog, &record, &err), PS_OK);
    }
    assert_true(backlog_full(&backlog));
    backlog_clear(&backlog);
    assert_false(backlog_full(&backlog));
    uint8_t *large = ps_malloc(BACKLOG_BYTES_MAX);
    memset(large, 'x', BACKLOG_BYTES_MAX);
    record = (struct backlog_record){table_numbered(16), PS_UPSERT, large, BACKLOG_BYTES_MAX};
    assert_int_equal(backlog_add(&backlog, &record, &err), PS_OK);
    assert_true(backlog_full(&backlog));
    ps_free(large);
    backlog_clear(&backlog);
    assert_int_equal(backlog.bytes.capacity, 0);
    backlog_done(&backlog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backlog_gives_records_back_in_their_order),
        cmocka_unit_test(test_backlog_is_full_by_records_and_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
