/*
 * What is a change and what is sent again, over syncs that follow each other.
 */
#include <string.h>

#include "base/alloc.h"
#include "engine/sent.h"
#include "support/unit.h"

static const struct ps_column columns[] = {
    {.name = "k", .type = PS_TYPE_INT, .key_position = 1},
    {.name = "v", .type = PS_TYPE_STRING},
    {.name = "at", .type = PS_TYPE_UTC_DATETIME},
};
static const uint32_t indexes[] = {0, 1, 2};
static const struct ps_table table = {
    .schema = "s", .name = "t", .columns = columns, .columns_count = 3, .keys_count = 1};
static const struct ps_table other = {
    .schema = "s", .name = "u", .columns = columns, .columns_count = 3, .keys_count = 1};

struct row {
    int32_t k;
    const char *v; /* NULL: it is NULL */
    int32_t nanos;
};

/* How many of the rows are changes. */
static uint64_t note(struct ps_sent *sent, const struct ps_table *of, enum ps_operation operation,
                     const struct row *rows, uint32_t count)
{
    const struct ps_batch_shape shape = {.table = of,
                                         .columns = indexes,
                                         .columns_count = 3,
                                         .rows_max = count,
                                         .bytes_max = 1 << 20,
                                         .flag = -1};
    struct ps_error err = {0};
    struct ps_batch *batch = NULL;
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    for (uint32_t i = 0; i < count; i++) {
        ps_batch_put_int(batch, 0, rows[i].k);
        if (rows[i].v == NULL) {
            ps_batch_put_null(batch, 1);
        } else {
            assert_true(ps_batch_put_bytes(batch, 1, rows[i].v, strlen(rows[i].v)));
        }
        ps_batch_put_timestamp(batch, 2,
                               (struct ps_timestamp){.seconds = 1000, .nanos = rows[i].nanos});
        ps_batch_row_end(batch);
    }
    batch->operation = operation;
    uint64_t *hashes = sent_hashes(of, batch);
    assert_non_null(hashes);
    const uint64_t changed = sent_note(sent, hashes, count, 0);
    ps_free(hashes);
    ps_batch_free(batch);
    return changed;
}

static void test_sent_again_is_no_change_and_any_other_value_is_one(void **state)
{
    (void)state;
    const struct row rows[] = {{1, "a", 5}, {2, NULL, 5}, {3, "", 5}};
    const struct row values[] = {{1, "b", 5}, {2, "", 5}, {3, NULL, 5}, {3, "", 6}, {4, "a", 5}};
    struct ps_sent *sent = ps_sent_new();
    assert_non_null(sent);
    assert_int_equal(note(sent, &table, PS_UPSERT, rows, 3), 3);
    sent_end(sent, true);
    assert_int_equal(note(sent, &table, PS_UPSERT, rows, 3), 0);
    assert_int_equal(note(sent, &table, PS_UPSERT, values, 5), 5);
    assert_int_equal(note(sent, &table, PS_DELETE, rows, 1), 1);
    assert_int_equal(note(sent, &other, PS_UPSERT, rows, 3), 3);
    /* A read that begins again within a sync is counted once. */
    assert_int_equal(note(sent, &other, PS_UPSERT, rows, 3), 0);
    ps_sent_free(sent);
}

static void test_sent_what_was_changed_and_changed_back_is_a_change(void **state)
{
    (void)state;
    const struct row was = {1, "a", 0}, is = {1, "b", 0};
    struct ps_sent *sent = ps_sent_new();
    assert_non_null(sent);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(note(sent, &table, PS_UPSERT, &was, 1), 1);
        sent_end(sent, true);
        assert_int_equal(note(sent, &table, PS_UPSERT, &is, 1), 1);
        sent_end(sent, true);
    }
    ps_sent_free(sent);
}

static void test_sent_and_not_saved_is_compared_to_the_sync_before(void **state)
{
    (void)state;
    const struct row was = {1, "a", 0}, is = {1, "b", 0};
    struct ps_sent *sent = ps_sent_new();
    assert_non_null(sent);
    assert_int_equal(note(sent, &table, PS_UPSERT, &was, 1), 1);
    sent_end(sent, true);
    assert_int_equal(note(sent, &table, PS_UPSERT, &is, 1), 1);
    sent_end(sent, false);
    assert_int_equal(note(sent, &table, PS_UPSERT, &was, 1), 0);
    assert_int_equal(note(sent, &table, PS_UPSERT, &is, 1), 1);
    ps_sent_free(sent);
}

static void test_sent_table_is_known_until_it_is_not_read_to_its_end(void **state)
{
    (void)state;
    struct ps_sent *sent = ps_sent_new();
    assert_non_null(sent);
    assert_false(sent_knows_table(sent, &table));
    sent_note_table(sent, &table, 0);
    assert_false(sent_knows_table(sent, &table));
    sent_end(sent, true);
    assert_true(sent_knows_table(sent, &table));
    assert_false(sent_knows_table(sent, &other));
    sent_end(sent, true);
    assert_false(sent_knows_table(sent, &table));
    ps_sent_free(sent);
}

#define ROWS 150000u

/* Notes so many rows of one table, in batches. */
static void note_many(struct ps_sent *sent, uint64_t first, uint32_t count)
{
    uint64_t hashes[1000];
    for (uint32_t done = 0; done < count; done += 1000) {
        for (uint32_t i = 0; i < 1000; i++) {
            hashes[i] = (first + done + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        }
        assert_int_equal(sent_note(sent, hashes, 1000, done), 1000);
    }
}

static void test_sent_table_beyond_the_bound_is_not_known_and_leaves_room(void **state)
{
    (void)state;
    struct ps_sent *sent = ps_sent_new();
    assert_non_null(sent);
    note_many(sent, 0, ROWS);
    sent_note_table(sent, &table, ROWS);
    sent_note_table(sent, &other, 1);
    sent_end(sent, true);
    assert_false(sent_knows_table(sent, &table));
    assert_true(sent_knows_table(sent, &other));
    /* Tables that fit are known until all of them do not. */
    for (uint64_t i = 1; i <= 12; i++) {
        note_many(sent, i * ROWS, 100000);
    }
    sent_note_table(sent, &other, 1);
    sent_end(sent, true);
    assert_false(sent_knows_table(sent, &other));
    ps_sent_free(sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sent_again_is_no_change_and_any_other_value_is_one),
        cmocka_unit_test(test_sent_what_was_changed_and_changed_back_is_a_change),
        cmocka_unit_test(test_sent_and_not_saved_is_compared_to_the_sync_before),
        cmocka_unit_test(test_sent_table_is_known_until_it_is_not_read_to_its_end),
        cmocka_unit_test(test_sent_table_beyond_the_bound_is_not_known_and_leaves_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
