/*
 * Unit tests for src/sinks/stream/encode.c: values, limits, and bytes as other writers have them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/thread.h"
#include "contract/sinks/desk.h"
#include "sinks/stream/encode.h"
#include "support/stream_text.h"
#include "support/torture.h"
#include "support/unit.h"

static const struct stream_limits limits = {
    .records_max = 100, .message_bytes = 1 << 20, .carried_max = 1 << 27};

static struct stream_messages encode(struct ps_batch *batch, bool with_schema,
                                     const struct stream_limits *bounds)
{
    struct stream_messages messages;
    struct ps_error err = {0};
    assert_int_equal(stream_encode(batch, with_schema, bounds, &messages, &err), PS_OK);
    ps_batch_free(batch);
    return messages;
}

/* Encodes the batch, which it takes, and compares the messages' text. */
static void assert_text(struct ps_batch *batch, bool with_schema, const char *expected)
{
    struct stream_messages messages = encode(batch, with_schema, &limits);
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    for (size_t i = 0; i < messages.count; i++) {
        stream_text(&text, messages.list[i].bytes, messages.list[i].size);
    }
    assert_string_equal(ps_buffer_text(&text), expected);
    ps_buffer_done(&text);
    stream_messages_done(&messages, 0);
}

static void assert_hexadecimal(const struct stream_message *message, const char *expected)
{
    char *text = malloc(2 * message->size + 1);
    assert_non_null(text);
    for (size_t i = 0; i < message->size; i++) {
        snprintf(text + 2 * i, 3, "%02x", message->bytes[i]);
    }
    assert_string_equal(text, expected);
    free(text);
}

static void assert_bytes(struct ps_batch *batch, bool with_schema, const char *expected)
{
    struct stream_messages messages = encode(batch, with_schema, &limits);
    assert_int_equal(messages.count, 1);
    assert_hexadecimal(&messages.list[0], expected);
    stream_messages_done(&messages, 0);
}

static const struct ps_column first_columns[] = {
    DESK_COLUMN("a", LONG),   DESK_COLUMN("b", BOOLEAN), DESK_COLUMN("c", STRING),
    DESK_COLUMN("d", DOUBLE), DESK_COLUMN("e", SHORT),   DESK_COLUMN("f", INT),
};
static const struct ps_table first = DESK_TABLE("t", first_columns, 0);

static const struct ps_column second_columns[] = {
    DESK_COLUMN("a", FLOAT),        DESK_COLUMN("b", DOUBLE),
    DESK_COLUMN("c", NAIVE_DATE),   DESK_COLUMN("d", NAIVE_DATETIME),
    DESK_COLUMN("e", UTC_DATETIME), DESK_COLUMN_WITH("f", DECIMAL, .precision = 38, .scale = 2),
    DESK_COLUMN("g", BINARY),       DESK_COLUMN("h", JSON),
    DESK_COLUMN("i", XML),
};
static const struct ps_table second = {.schema = "s",
                                       .name = "t",
                                       .columns = second_columns,
                                       .columns_count = 9,
                                       .rows_estimate = -1,
                                       .bytes_estimate = -1};

static const struct ps_column keyed_columns[] = {
    DESK_COLUMN("x", INT),
    DESK_COLUMN_WITH("k", STRING, .key_position = 1),
};
static const struct ps_table keyed = DESK_TABLE("t", keyed_columns, 1);

/* The bytes of these three are those of `protoc --encode --deterministic_output` (3.21) of the
 * contract's messages with the same values. */
static void test_encode_one_record_is_as_protoc_writes_it(void **state)
{
    (void)state;
    assert_bytes(
        desk_batch(&first, PS_UPSERT, NULL, 0, "-1|false||~|-32768|2147483647"), false,
        "0a4f12017422100a0161120b28ffffffffffffffffff0122070a01621202100022070a016312026a00"
        "22070a01641202080122100a0165120b188080feffffffffffff01220b0a0166120620ffffffff07");
}

static void test_encode_records_with_schema_are_as_protoc_writes_them(void **state)
{
    (void)state;
    assert_bytes(
        desk_batch(
            &second, PS_UPDATE, NULL, 0,
            "-1.5|0|0001-01-01|1970-01-01T00:00:00|9999-12-31T23:59:59.999999999Z|-0.05|00ff|"
            "{}|<a/>\n"
            "~|~|1970-01-02|1969-12-31T23:59:59.000000001|1970-01-01T00:00:00.000000005Z|"
            "123456789012345678901234567890123456.78||null|"),
        true,
        "32a5020a88010a01731201741801220a0a01611205350000c0bf220e0a016212093900000000000000002212"
        "0a0163120d420b088092b8c398feffffff0122070a016412024a0022140a0165120f520d08ff82d1ffaf0710"
        "ff93ebdc03220c0a016612075a052d302e303522090a01671204620200ff22090a0168120472027b7d220b0a"
        "016912067a043c612f3e0a97010a0173120174180122070a01611202080122070a016212020801220b0a0163"
        "120642040880a30522140a0164120f4a0d08ffffffffffffffffff01100122090a0165120452021005222e0a"
        "016612295a273132333435363738393031323334353637383930313233343536373839303132333435362e37"
        "3822070a016712026200220b0a0168120672046e756c6c22070a016912027a00");
}

static void test_encode_delete_with_empty_schema_is_as_protoc_writes_it(void **state)
{
    (void)state;
    assert_bytes(desk_batch(&keyed, PS_DELETE, NULL, 0, "7|x"), true,
                 "0a110a00120174180222080a016b12036a0178");
}

static const struct ps_column every_columns[] = {
    DESK_COLUMN("u", UNSPECIFIED), DESK_COLUMN("b", BOOLEAN),
    DESK_COLUMN("s", SHORT),       DESK_COLUMN("i", INT),
    DESK_COLUMN("l", LONG),        DESK_COLUMN_WITH("m", DECIMAL, .precision = 38, .scale = 37),
    DESK_COLUMN("f", FLOAT),       DESK_COLUMN("d", DOUBLE),
    DESK_COLUMN("t", STRING),      DESK_COLUMN("x", XML),
    DESK_COLUMN("j", JSON),        DESK_COLUMN("y", BINARY),
};
static const struct ps_table every = DESK_TABLE("every", every_columns, 0);

static void test_encode_every_type_keeps_its_extremes(void **state)
{
    (void)state;
    assert_text(
        desk_batch(&every, PS_UPSERT, NULL, 0,
                   "x|true|32767|-2147483648|-9223372036854775808|"
                   "-9.9999999999999999999999999999999999999|-3.40282347e+38|"
                   "-1.7976931348623157e+308|\xc3\xa9|<a/>|[]|00\n"
                   "|false|-1|-1|9223372036854775807|0.0000000000000000000000000000000000001|"
                   "1.40129846e-45|inf|||\"\"|\n"
                   "~|~|~|~|~|~|~|~|~|~|~|~"),
        false,
        "records 3\n"
        "  UPSERT every u=string:x b=bool:1 s=short:32767 i=int:-2147483648 "
        "l=long:-9223372036854775808 m=decimal:-9.9999999999999999999999999999999999999 "
        "f=float:-3.40282347e+38 d=double:-1.7976931348623157e+308 t=string:\xc3\xa9 x=xml:<a/> "
        "j=json:[] y=binary:00\n"
        "  UPSERT every u=string: b=bool:0 s=short:-1 i=int:-1 l=long:9223372036854775807 "
        "m=decimal:0.0000000000000000000000000000000000001 f=float:1.40129846e-45 d=double:inf "
        "t=string: x=xml: j=json:\"\" y=binary:\n"
        "  UPSERT every u=null b=null s=null i=null l=null m=null f=null d=null t=null x=null "
        "j=null y=null\n");
}

static void test_encode_update_sends_the_columns_of_the_batch(void **state)
{
    (void)state;
    static const uint32_t some[] = {5, 0, 2};
    assert_text(desk_batch(&first, PS_UPDATE, some, 3, "1|2|~"), false,
                "record UPDATE t f=int:1 a=long:2 c=null\n");
}

static void test_encode_delete_without_key_sends_all_columns(void **state)
{
    (void)state;
    static const uint32_t some[] = {0, 2};
    assert_text(desk_batch(&first, PS_DELETE, some, 2, "1|x"), false,
                "record DELETE t a=long:1 c=string:x\n");
}

static void test_encode_empty_batch_is_no_message(void **state)
{
    (void)state;
    assert_text(desk_batch(&first, PS_UPSERT, NULL, 0, ""), false, "");
}

/* Lengths on both sides of where varints grow, in names and in values. */
static void test_encode_long_names_and_texts_keep_their_lengths(void **state)
{
    (void)state;
    static const size_t sizes[] = {1,   3,   4,   7,   8,    15,    16,    17,    31,   32,  33,
                                   107, 120, 121, 122, 123,  124,   125,   126,   127,  128, 129,
                                   200, 255, 256, 300, 1000, 16370, 16383, 16384, 70000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int of_name = 0; of_name < 2; of_name++) {
            char *name = calloc(1, sizes[i] + 1), *text = calloc(1, sizes[i] + 1);
            assert_true(name != NULL && text != NULL);
            memset(name, 'n', of_name ? sizes[i] : 1);
            memset(text, 'v', of_name ? 1 : sizes[i]);
            struct ps_column column = DESK_COLUMN(name, STRING);
            struct ps_table table = {
                .schema = "", .name = name, .columns = &column, .columns_count = 1};
            char *expected = malloc(2 * sizes[i] + 64);
            assert_non_null(expected);
            sprintf(expected, "record UPSERT %s %s=string:%s\n", name, name, text);
            assert_text(desk_batch(&table, PS_UPSERT, NULL, 0, text), false, expected);
            free(expected);
            free(name);
            free(text);
        }
    }
}

/* The length of each record takes another number of bytes than that of the one before. */
static void test_encode_one_message_holds_records_of_all_lengths(void **state)
{
    (void)state;
    static const size_t sizes[] = {20000, 1, 300, 0, 17000, 120, 16384, 5, 116, 117, 118, 70000};
    size_t count = sizeof(sizes) / sizeof(sizes[0]), total = 0;
    for (size_t i = 0; i < count; i++) {
        total += sizes[i] + 64;
    }
    char *rows = calloc(1, total), *expected = calloc(1, total), *row = rows, *said = expected;
    assert_true(rows != NULL && expected != NULL);
    said += sprintf(said, "records %zu\n", count);
    for (size_t i = 0; i < count; i++) {
        row += sprintf(row, "%s%zu|", i == 0 ? "" : "\n", i);
        said += sprintf(said, "  UPSERT t x=int:%zu k=string:", i);
        memset(row, (int)('a' + i), sizes[i]);
        memset(said, (int)('a' + i), sizes[i]);
        row += sizes[i];
        said[sizes[i]] = '\n';
        said += sizes[i] + 1;
    }
    assert_text(desk_batch(&keyed, PS_UPSERT, NULL, 0, rows), false, expected);
    free(rows);
    free(expected);
}

/* `count` rows whose text has so many bytes; from row `large` on, one of `large_size`. */
static struct ps_batch *texts(uint32_t count, size_t size, uint32_t large, size_t large_size)
{
    static const uint32_t columns[] = {0, 1};
    struct ps_batch_shape shape = {.table = &keyed,
                                   .columns = columns,
                                   .columns_count = 2,
                                   .rows_max = count,
                                   .bytes_max = SIZE_MAX};
    struct ps_batch *batch;
    struct ps_error err = {0};
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    char *text = malloc(size + large_size + 1);
    assert_non_null(text);
    memset(text, 'x', size + large_size + 1);
    for (uint32_t row = 0; row < count; row++) {
        ps_batch_put_int(batch, 0, (int32_t)row);
        assert_true(ps_batch_put_bytes(batch, 1, text, row == large ? large_size : size));
        ps_batch_row_end(batch);
    }
    free(text);
    batch->table = &keyed;
    return batch;
}

static void assert_counts(const struct stream_messages *messages, const size_t *expected,
                          size_t count)
{
    assert_int_equal(messages->count, count);
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(stream_text_records(messages->list[i].bytes, messages->list[i].size),
                         expected[i]);
        bytes += messages->list[i].size;
    }
    assert_int_equal(messages->bytes, bytes);
}

static void test_encode_message_has_at_most_100_records(void **state)
{
    (void)state;
    static const size_t expected[] = {100, 100, 50};
    struct stream_messages messages = encode(texts(250, 10, UINT32_MAX, 0), false, &limits);
    assert_counts(&messages, expected, 3);
    stream_messages_done(&messages, 0);
    messages = encode(texts(100, 10, UINT32_MAX, 0), false, &limits);
    assert_counts(&messages, expected, 1);
    stream_messages_done(&messages, 0);
    static const size_t and_one[] = {100, 1};
    messages = encode(texts(101, 10, UINT32_MAX, 0), false, &limits);
    assert_counts(&messages, and_one, 2);
    assert_int_equal(messages.oversize, 0);
    stream_messages_done(&messages, 0);
}

static void test_encode_message_ends_before_the_record_that_would_exceed_it(void **state)
{
    (void)state;
    struct stream_messages one = encode(texts(1, 1000, UINT32_MAX, 0), false, &limits);
    size_t framed = one.list[0].size;
    stream_messages_done(&one, 0);
    struct stream_limits bounds = {
        .records_max = 100, .message_bytes = 3 * framed, .carried_max = 1 << 27};
    static const size_t threes[] = {3, 3, 1};
    struct stream_messages messages = encode(texts(7, 1000, UINT32_MAX, 0), false, &bounds);
    assert_counts(&messages, threes, 3);
    stream_messages_done(&messages, 0);
    bounds.message_bytes--;
    static const size_t twos[] = {2, 2, 2, 1};
    messages = encode(texts(7, 1000, UINT32_MAX, 0), false, &bounds);
    assert_counts(&messages, twos, 4);
    assert_int_equal(messages.oversize, 0);
    stream_messages_done(&messages, 0);
}

static void test_encode_oversize_record_goes_alone(void **state)
{
    (void)state;
    struct stream_limits bounds = {
        .records_max = 100, .message_bytes = 2000, .carried_max = 1 << 20};
    static const size_t middle[] = {5, 1, 4};
    struct stream_messages messages = encode(texts(10, 10, 5, 2000), false, &bounds);
    assert_counts(&messages, middle, 3);
    assert_int_equal(messages.oversize, 1);
    assert_int_equal(messages.left_out, 0);
    stream_messages_done(&messages, 0);
    static const size_t at_first[] = {1, 9}, at_last[] = {9, 1};
    messages = encode(texts(10, 10, 0, 2000), false, &bounds);
    assert_counts(&messages, at_first, 2);
    stream_messages_done(&messages, 0);
    messages = encode(texts(10, 10, 9, 2000), false, &bounds);
    assert_counts(&messages, at_last, 2);
    stream_messages_done(&messages, 0);
}

static void test_encode_record_too_large_to_carry_is_left_out_and_counted(void **state)
{
    (void)state;
    struct stream_messages one = encode(texts(1, 5000, UINT32_MAX, 0), false, &limits);
    size_t size = one.list[0].size;
    stream_messages_done(&one, 0);
    struct stream_limits bounds = {.records_max = 100, .message_bytes = 2000, .carried_max = size};
    static const size_t carried[] = {5, 1, 4}, not_carried[] = {5, 4};
    struct stream_messages messages = encode(texts(10, 10, 5, 5000), false, &bounds);
    assert_counts(&messages, carried, 3);
    assert_int_equal(messages.left_out, 0);
    assert_null(messages.left_out_by);
    stream_messages_done(&messages, 0);
    bounds.carried_max--;
    messages = encode(texts(10, 10, 5, 5000), false, &bounds);
    assert_counts(&messages, not_carried, 2);
    assert_int_equal(messages.left_out, 1);
    assert_int_equal(messages.oversize, 0);
    assert_int_equal(messages.left_out_by[0], 0);
    assert_int_equal(messages.left_out_by[1], 1); /* the column of the large text */
    stream_messages_done(&messages, 0);
    messages = encode(texts(1, 10, 0, 5000), false, &bounds);
    assert_counts(&messages, NULL, 0);
    stream_messages_done(&messages, 0);
}

struct job {
    size_t size;
    bool same;
};

static void encode_many(void *argument)
{
    struct job *job = argument;
    job->same = true;
    for (int i = 0; i < 50; i++) {
        struct ps_batch *batch = desk_batch(
            &every, PS_UPSERT, NULL, 0, "x|true|1|2|3|0.5|1|2|t|x|{}|00\n~|~|~|~|~|~|~|~|~|~|~|~");
        struct stream_messages messages;
        struct ps_error err = {0};
        if (stream_encode(batch, true, &limits, &messages, &err) != PS_OK) {
            job->same = false;
        } else {
            job->same = job->same && (job->size == 0 || messages.bytes == job->size);
            job->size = messages.bytes;
            stream_messages_done(&messages, 0);
        }
        ps_batch_free(batch);
    }
}

static void test_encode_from_several_threads_gives_the_same(void **state)
{
    (void)state;
    struct ps_thread threads[4] = {{0}};
    struct job jobs[4] = {{0}};
    struct ps_error err = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ps_thread_start(&threads[i], "encode", encode_many, &jobs[i], &err),
                         PS_OK);
    }
    for (int i = 0; i < 4; i++) {
        ps_thread_join(&threads[i]);
        assert_true(jobs[i].same);
        assert_int_equal(jobs[i].size, jobs[0].size);
    }
}

static enum ps_status encode_tortured(void *context, struct ps_error *err)
{
    static const struct stream_limits bounds = {
        .records_max = 2, .message_bytes = 200, .carried_max = 5000};
    struct stream_messages messages;
    enum ps_status status = stream_encode(context, true, &bounds, &messages, err);
    if (status == PS_OK) {
        assert_int_equal(messages.left_out, 1);
        stream_messages_done(&messages, 0);
    }
    return status;
}

static void test_encode_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    struct ps_batch *batch = texts(50, 10, 25, 10000);
    torture(encode_tortured, batch);
    ps_batch_free(batch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_one_record_is_as_protoc_writes_it),
        cmocka_unit_test(test_encode_records_with_schema_are_as_protoc_writes_them),
        cmocka_unit_test(test_encode_delete_with_empty_schema_is_as_protoc_writes_it),
        cmocka_unit_test(test_encode_every_type_keeps_its_extremes),
        cmocka_unit_test(test_encode_update_sends_the_columns_of_the_batch),
        cmocka_unit_test(test_encode_delete_without_key_sends_all_columns),
        cmocka_unit_test(test_encode_empty_batch_is_no_message),
        cmocka_unit_test(test_encode_long_names_and_texts_keep_their_lengths),
        cmocka_unit_test(test_encode_one_message_holds_records_of_all_lengths),
        cmocka_unit_test(test_encode_message_has_at_most_100_records),
        cmocka_unit_test(test_encode_message_ends_before_the_record_that_would_exceed_it),
        cmocka_unit_test(test_encode_oversize_record_goes_alone),
        cmocka_unit_test(test_encode_record_too_large_to_carry_is_left_out_and_counted),
        cmocka_unit_test(test_encode_from_several_threads_gives_the_same),
        cmocka_unit_test(test_encode_when_memory_runs_out_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
