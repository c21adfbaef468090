/* The framing of a binary COPY: rows whole, in pieces of any size, and broken. */
#include "support/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "sources/postgresql/stream.h"

#define HEAD "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0"
#define ROW_1 "\0\2\0\0\0\4\0\0\0\1\0\0\0\3abc"
#define ROW_2 "\0\2\0\0\0\4\0\0\0\2\xff\xff\xff\xff"
#define ROW_3 "\0\2\xff\xff\xff\xff\0\0\0\0"
#define TRAILER "\xff\xff"

static const struct ps_column columns[] = {
    {.name = "i", .source_type = "integer", .type = PS_TYPE_INT, .nullable = true},
    {.name = "t", .source_type = "text", .type = PS_TYPE_STRING, .nullable = true},
};
static const struct ps_table table = {
    .schema = "s", .name = "t", .columns = columns, .columns_count = 2};
static const uint32_t all[] = {0, 1};

struct stream_case {
    struct type_field fields[2];
    struct stream stream;
    struct ps_batch *batch;
};

static void stream_case_init(struct stream_case *test, uint32_t rows_max)
{
    struct ps_error err = {0};
    struct ps_batch_shape shape = {.table = &table,
                                   .columns = all,
                                   .columns_count = 2,
                                   .rows_max = rows_max,
                                   .bytes_max = 1 << 20};
    test->fields[0] = type_resolve(23, -1, TYPE_SHAPE_SCALAR, false);
    test->fields[1] = type_resolve(25, -1, TYPE_SHAPE_SCALAR, false);
    stream_init(&test->stream, test->fields, 2, 100);
    assert_int_equal(ps_batch_new(&shape, &test->batch, &err), PS_OK);
}

static void stream_case_done(struct stream_case *test)
{
    stream_done(&test->stream);
    ps_batch_free(test->batch);
}

static void assert_three_rows(const struct ps_batch *batch)
{
    const int32_t *numbers = batch->vectors[0].values;
    const struct ps_vector *texts = &batch->vectors[1];
    size_t size;
    assert_int_equal(batch->rows, 3);
    assert_int_equal(numbers[0], 1);
    assert_int_equal(numbers[1], 2);
    assert_false(ps_vector_is_valid(&batch->vectors[0], 2));
    assert_memory_equal(ps_vector_bytes(texts, 0, &size), "abc", 3);
    assert_int_equal(size, 3);
    assert_false(ps_vector_is_valid(texts, 1));
    assert_true(ps_vector_is_valid(texts, 2));
    (void)ps_vector_bytes(texts, 2, &size);
    assert_int_equal(size, 0);
}

static const char whole[] = HEAD ROW_1 ROW_2 ROW_3 TRAILER;
#define WHOLE_SIZE (sizeof whole - 1)

static void test_stream_in_pieces_of_any_size_gives_the_same_rows(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= WHOLE_SIZE; piece++) {
        struct stream_case test;
        stream_case_init(&test, 8);
        char *before = NULL;
        for (size_t at = 0; at < WHOLE_SIZE; at += piece) {
            size_t size = piece < WHOLE_SIZE - at ? piece : WHOLE_SIZE - at;
            char *bytes = malloc(size); /* exactly so many, and gone after the next */
            assert_non_null(bytes);
            memcpy(bytes, whole + at, size);
            assert_true(stream_feed(&test.stream, bytes, size));
            free(before);
            before = bytes;
            assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
        }
        free(before);
        assert_true(test.stream.has_trailer);
        assert_three_rows(test.batch);
        stream_case_done(&test);
    }
}

static void test_full_batch_leaves_the_rest_for_the_next(void **state)
{
    (void)state;
    struct stream_case test;
    stream_case_init(&test, 2);
    assert_true(stream_feed(&test.stream, whole, WHOLE_SIZE));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_FULL);
    assert_int_equal(test.batch->rows, 2);
    ps_batch_reset(test.batch);
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    assert_int_equal(test.batch->rows, 1);
    assert_true(test.stream.has_trailer);
    stream_case_done(&test);
}

static void test_head_with_an_extension_is_passed_over(void **state)
{
    (void)state;
    struct stream_case test;
    static const char bytes[] = "PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\3xyz" ROW_1 TRAILER;
    stream_case_init(&test, 8);
    assert_true(stream_feed(&test.stream, bytes, 20));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    assert_true(stream_feed(&test.stream, bytes + 20, sizeof bytes - 21));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    assert_int_equal(test.batch->rows, 1);
    stream_case_done(&test);
}

static void test_too_large_value_costs_its_row_alone(void **state)
{
    (void)state;
    struct stream_case test;
    stream_case_init(&test, 8);
    test.stream.value_bytes_max = 2;
    test.fields[0] = (struct type_field){.type = PS_TYPE_INT, .decode = decode_int4};
    assert_true(stream_feed(&test.stream, whole, WHOLE_SIZE));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    assert_int_equal(test.batch->rows, 1);
    assert_int_equal(test.batch->bad_rows, 2);
    assert_string_equal(test.batch->bad[0].reason, "the value is larger than max_value_bytes");
    stream_case_done(&test);
}

static void test_batch_of_bad_rows_alone_is_handed_over(void **state)
{
    (void)state;
    struct stream_case test;
    stream_case_init(&test, 2);
    test.stream.value_bytes_max = 0;
    static const char bytes[] = HEAD ROW_1 ROW_2 ROW_1 ROW_2 TRAILER;
    assert_true(stream_feed(&test.stream, bytes, sizeof bytes - 1));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_FULL);
    assert_int_equal(test.batch->rows, 0);
    assert_int_equal(test.batch->bad_rows, 2);
    stream_case_done(&test);
}

static void assert_broken(const char *bytes, size_t size, const char *what)
{
    struct stream_case test;
    stream_case_init(&test, 8);
    assert_true(stream_feed(&test.stream, bytes, size));
    enum stream_result result = stream_decode(&test.stream, test.batch);
    if (result == STREAM_MORE) {
        result = stream_decode(&test.stream, test.batch);
    }
    assert_int_equal(result, STREAM_BROKEN);
    assert_string_equal(test.stream.broken, what);
    stream_case_done(&test);
}
#define ASSERT_BROKEN(bytes, what) assert_broken(bytes, sizeof(bytes) - 1, what)

static void test_broken_streams_are_refused(void **state)
{
    (void)state;
    ASSERT_BROKEN("PGCOPY\n\xfe\r\n\0\0\0\0\0\0\0\0\0", "the stream is not a binary COPY");
    ASSERT_BROKEN(HEAD "\0\1\0\0\0\0", "a row has another number of fields");
    ASSERT_BROKEN(HEAD "\0\3\0\0\0\0", "a row has another number of fields");
    ASSERT_BROKEN(HEAD "\0\2\xff\xff\xff\xfe\0\0\0\0", "a field has a length below zero");
    ASSERT_BROKEN(HEAD "\0\2\0\0\0\3\0\0\0\0\0\0\0", "a value is not in its type's binary form");
    ASSERT_BROKEN(HEAD TRAILER ROW_1, "bytes follow the stream's end");
}

static void test_memory_that_runs_out_between_messages_is_told(void **state)
{
    (void)state;
    struct stream_case test;
    stream_case_init(&test, 8);
    assert_true(stream_feed(&test.stream, whole, 25));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    ps_alloc_fail_after(0, 1);
    bool fed = stream_feed(&test.stream, whole + 25, WHOLE_SIZE - 25);
    ps_alloc_fail_after(-1, 0);
    assert_false(fed);
    stream_case_done(&test);
}

#define PLACED_1 "\0\3\0\0\0\4\0\0\0\1\0\0\0\3abc\0\0\0\6\0\0\0\7\0\2"
#define PLACED_2 "\0\3\0\0\0\4\0\0\0\2\xff\xff\xff\xff\0\0\0\6\0\1\0\0\1\0"
static const char placed[] = HEAD PLACED_1 PLACED_2 TRAILER;

/* The place that is told is that of the last row in the batch, however the bytes come. */
static void test_stream_of_rows_with_places_tells_the_last_one(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof placed; piece++) {
        struct stream_case test;
        stream_case_init(&test, 8);
        test.stream.has_places = true;
        for (size_t at = 0; at < sizeof placed - 1; at += piece) {
            size_t size = piece < sizeof placed - 1 - at ? piece : sizeof placed - 1 - at;
            assert_true(stream_feed(&test.stream, placed + at, size));
            assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
            if (test.batch->rows == 1) {
                assert_int_equal(test.stream.block, 7);
                assert_int_equal(test.stream.place, 2);
            }
        }
        assert_int_equal(test.batch->rows, 2);
        assert_int_equal(test.stream.block, 65536);
        assert_int_equal(test.stream.place, 256);
        assert_true(test.stream.has_trailer);
        stream_case_done(&test);
    }
}

static void test_stream_of_rows_without_their_places_is_broken(void **state)
{
    (void)state;
    static const char odd[] = HEAD "\0\3\0\0\0\4\0\0\0\1\0\0\0\3abc\0\0\0\4\0\0\0\7\0\0";
    struct stream_case test;
    stream_case_init(&test, 8);
    test.stream.has_places = true;
    assert_true(stream_feed(&test.stream, odd, sizeof odd - 1));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_BROKEN);
    assert_int_equal(test.batch->rows, 0);
    stream_case_done(&test);
}

static void test_stream_begins_again_whatever_was_left(void **state)
{
    (void)state;
    struct stream_case test;
    stream_case_init(&test, 8);
    assert_true(stream_feed(&test.stream, HEAD ROW_1 "\0\2\0", sizeof HEAD ROW_1 + 2));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    stream_restart(&test.stream, true);
    assert_false(test.stream.placed);
    assert_true(stream_feed(&test.stream, placed, sizeof placed - 1));
    assert_int_equal(stream_decode(&test.stream, test.batch), STREAM_MORE);
    assert_int_equal(test.batch->rows, 3);
    assert_true(test.stream.placed && test.stream.has_trailer);
    stream_case_done(&test);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_begins_again_whatever_was_left),
        cmocka_unit_test(test_stream_of_rows_with_places_tells_the_last_one),
        cmocka_unit_test(test_stream_of_rows_without_their_places_is_broken),
        cmocka_unit_test(test_stream_in_pieces_of_any_size_gives_the_same_rows),
        cmocka_unit_test(test_full_batch_leaves_the_rest_for_the_next),
        cmocka_unit_test(test_head_with_an_extension_is_passed_over),
        cmocka_unit_test(test_too_large_value_costs_its_row_alone),
        cmocka_unit_test(test_batch_of_bad_rows_alone_is_handed_over),
        cmocka_unit_test(test_broken_streams_are_refused),
        cmocka_unit_test(test_memory_that_runs_out_between_messages_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
