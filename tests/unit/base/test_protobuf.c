/* Protocol Buffers on the wire: what is written reads back, and no bytes lead the reader astray. */
#include "base/protobuf.h"

#include <math.h>
#include <string.h>

#include "support/torture.h"

static void assert_bytes(const struct ps_buffer *buffer, const void *bytes, size_t size)
{
    assert_true(ps_buffer_ok(buffer));
    assert_int_equal(buffer->size, size);
    assert_memory_equal(buffer->data, bytes, size);
}
#define ASSERT_BYTES(buffer, literal) assert_bytes(buffer, literal, sizeof(literal) - 1)

static struct ps_pb_field next(struct ps_pb_reader *reader)
{
    struct ps_pb_field field = {0};
    assert_true(ps_pb_next(reader, &field));
    return field;
}

static void assert_end(struct ps_pb_reader *reader)
{
    struct ps_pb_field field = {.number = 77};
    assert_false(ps_pb_next(reader, &field));
    assert_false(reader->failed);
    assert_int_equal(field.number, 77);
}

static void assert_refused(const void *bytes, size_t size)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field = {.number = 77};
    assert_false(ps_pb_next(&reader, &field));
    assert_true(reader.failed);
    assert_int_equal(field.number, 77);
    assert_false(ps_pb_next(&reader, &field)); /* It sticks. */
}
#define ASSERT_REFUSED(literal) assert_refused(literal, sizeof(literal) - 1)

static void test_protobuf_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    ps_pb_put_varint(&out, 1, 150);
    ASSERT_BYTES(&out, "\x08\x96\x01");
    ps_buffer_clear(&out);
    ps_pb_put_text(&out, 2, "testing");
    ASSERT_BYTES(&out, "\x12\x07testing");
    ps_buffer_clear(&out);
    ps_pb_put_int(&out, 3, -2);
    ASSERT_BYTES(&out, "\x18\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01");
    ps_buffer_clear(&out);
    ps_pb_put_float(&out, 4, 1.5f);
    ASSERT_BYTES(&out, "\x25\x00\x00\xc0\x3f");
    ps_buffer_clear(&out);
    ps_pb_put_double(&out, 5, -2.0);
    ASSERT_BYTES(&out, "\x29\x00\x00\x00\x00\x00\x00\x00\xc0");
    ps_buffer_clear(&out);
    ps_pb_put_bool(&out, 16, true);
    ASSERT_BYTES(&out, "\x80\x01\x01");
    ps_buffer_done(&out);
}

static void test_protobuf_zero_and_empty_are_written(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    ps_pb_put_bool(&out, 1, false);
    ps_pb_put_int(&out, 2, 0);
    ps_pb_put_text(&out, 3, "");
    ps_pb_put_bytes(&out, 4, NULL, 0);
    ps_pb_close(&out, ps_pb_open(&out, 5));
    ASSERT_BYTES(&out, "\x08\x00\x10\x00\x1a\x00\x22\x00\x2a\x00");
    ps_buffer_done(&out);
}

static void test_protobuf_integers_come_back(void **state)
{
    (void)state;
    static const int64_t values[] = {0,         1,         127,       128,       16383, 16384,
                                     INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, -1};
    struct ps_buffer out = {0};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        ps_pb_put_int(&out, 536870911, values[i]);
    }
    struct ps_pb_reader reader = ps_pb_reader_of(out.data, out.size);
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct ps_pb_field field = next(&reader);
        assert_int_equal(field.number, 536870911);
        assert_int_equal(field.wire, PS_PB_VARINT);
        assert_true((int64_t)field.integer == values[i]);
        assert_true((int32_t)field.integer == (int32_t)values[i]);
    }
    assert_end(&reader);
    ps_buffer_done(&out);
}

static void test_protobuf_floats_come_back(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    ps_pb_put_float(&out, 1, -INFINITY);
    ps_pb_put_double(&out, 2, 0.1);
    struct ps_pb_reader reader = ps_pb_reader_of(out.data, out.size);
    struct ps_pb_field field = next(&reader);
    assert_int_equal(field.wire, PS_PB_FIXED32);
    uint32_t bits = (uint32_t)field.integer;
    float small;
    memcpy(&small, &bits, sizeof(small));
    assert_true(small == -INFINITY);
    field = next(&reader);
    assert_int_equal(field.wire, PS_PB_FIXED64);
    double large;
    memcpy(&large, &field.integer, sizeof(large));
    assert_true(large == 0.1);
    assert_end(&reader);
    ps_buffer_done(&out);
}

/* A message in a message in a message, around the sizes at which lengths grow by a byte. */
static void put_nested(struct ps_buffer *out, const char *text, size_t size)
{
    size_t outer = ps_pb_open(out, 1);
    ps_pb_put_text(out, 1, "before");
    size_t inner = ps_pb_open(out, 2);
    size_t innermost = ps_pb_open(out, 3);
    ps_pb_put_bytes(out, 4, text, size);
    ps_pb_close(out, innermost);
    ps_pb_close(out, inner);
    ps_pb_put_int(out, 5, -5);
    ps_pb_close(out, outer);
    ps_pb_put_bool(out, 6, true);
}

static struct ps_pb_reader inside(struct ps_pb_reader *reader, uint32_t number)
{
    struct ps_pb_field field = next(reader);
    assert_int_equal(field.number, number);
    assert_int_equal(field.wire, PS_PB_BYTES);
    return ps_pb_reader_of(field.bytes, field.size);
}

static void test_protobuf_nested_messages_of_every_size_come_back(void **state)
{
    (void)state;
    static char text[20000];
    memset(text, 'x', sizeof(text));
    static const size_t sizes[] = {0,     1,     110,   117,   118,   121,   122,   123,   124,
                                   125,   126,   127,   128,   129,   16370, 16377, 16378, 16379,
                                   16380, 16381, 16382, 16383, 16384, 16385, 20000};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ps_buffer out = {0};
        put_nested(&out, text, sizes[i]);
        assert_true(ps_buffer_ok(&out));
        struct ps_pb_reader reader = ps_pb_reader_of(out.data, out.size);
        struct ps_pb_reader outer = inside(&reader, 1);
        struct ps_pb_field field = next(&outer);
        assert_int_equal(field.size, 6);
        assert_memory_equal(field.bytes, "before", 6);
        struct ps_pb_reader inner = inside(&outer, 2);
        struct ps_pb_reader innermost = inside(&inner, 3);
        field = next(&innermost);
        assert_int_equal(field.number, 4);
        assert_int_equal(field.size, sizes[i]);
        assert_memory_equal(field.bytes, text, sizes[i]);
        assert_end(&innermost);
        assert_end(&inner);
        assert_true((int64_t)next(&outer).integer == -5);
        assert_end(&outer);
        assert_int_equal(next(&reader).number, 6);
        assert_end(&reader);
        ps_buffer_done(&out);
    }
}

static void test_protobuf_truncated_anywhere_is_refused_or_ends_between_fields(void **state)
{
    (void)state;
    struct ps_buffer out = {0};
    bool between[256] = {[0] = true};
    ps_pb_put_varint(&out, 1, UINT64_MAX);
    between[out.size] = true;
    ps_pb_put_double(&out, 2000, 1.0);
    between[out.size] = true;
    ps_pb_put_float(&out, 3, 1.0f);
    between[out.size] = true;
    ps_pb_put_text(&out, 4, "a text");
    between[out.size] = true;
    for (size_t size = 0; size <= out.size; size++) {
        /* Memory of exactly that size, so that the sanitizer sees a read beyond it. */
        uint8_t *bytes = ps_malloc(size);
        assert_non_null(bytes);
        memcpy(bytes, out.data, size);
        struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
        struct ps_pb_field field;
        while (ps_pb_next(&reader, &field)) {
        }
        assert_int_equal(reader.failed, !between[size]);
        ps_free(bytes);
    }
    ps_buffer_done(&out);
}

static void test_protobuf_what_is_no_message_is_refused(void **state)
{
    (void)state;
    ASSERT_REFUSED("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02");     /* the 65th bit */
    ASSERT_REFUSED("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"); /* eleven bytes */
    ASSERT_REFUSED("\x00\x01");                                         /* field number 0 */
    ASSERT_REFUSED("\x80\x80\x80\x80\x10\x01");                         /* a number of 30 bits */
    ASSERT_REFUSED("\x0b\x0c");                                         /* a group */
    ASSERT_REFUSED("\x0c");                                             /* the end of one */
    ASSERT_REFUSED("\x0e\x01");                                         /* wire types 6 and 7 */
    ASSERT_REFUSED("\x0f\x01");
    ASSERT_REFUSED("\x0a\x02x");                                         /* longer than is there */
    ASSERT_REFUSED("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01xxxxx"); /* far longer */
}

static void test_protobuf_longer_forms_of_a_varint_are_read(void **state)
{
    (void)state;
    static const char bytes[] = "\x88\x80\x00\x81\x80\x80\x00";
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, sizeof(bytes) - 1);
    struct ps_pb_field field = next(&reader);
    assert_int_equal(field.number, 1);
    assert_int_equal(field.integer, 1);
    assert_end(&reader);
}

static void test_protobuf_of_nothing_is_an_empty_message(void **state)
{
    (void)state;
    struct ps_pb_reader reader = ps_pb_reader_of(NULL, 0);
    assert_end(&reader);
}

static void test_protobuf_beyond_the_limit_of_the_buffer_fails(void **state)
{
    (void)state;
    static char text[128];
    struct ps_buffer out;
    /* 131 bytes are needed: the content fits, and then its length does not. */
    for (size_t limit = 0; limit <= 131; limit++) {
        ps_buffer_init(&out, limit + 1);
        size_t mark = ps_pb_open(&out, 1);
        ps_buffer_append(&out, text, sizeof(text));
        ps_pb_close(&out, mark);
        assert_int_equal(ps_buffer_ok(&out), limit + 1 >= 131);
        ps_buffer_done(&out);
    }
}

static enum ps_status write_nested(void *context, struct ps_error *err)
{
    struct ps_buffer out = {0};
    char text[300] = {0};
    put_nested(&out, text, sizeof(text));
    bool ok = ps_buffer_ok(&out);
    ps_buffer_done(&out);
    (void)context;
    return ok ? PS_OK : ps_fail_nomem(err, "writing a message");
}

static void test_protobuf_out_of_memory_sticks_to_the_buffer(void **state)
{
    (void)state;
    torture(write_nested, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protobuf_bytes_are_those_of_the_format),
        cmocka_unit_test(test_protobuf_zero_and_empty_are_written),
        cmocka_unit_test(test_protobuf_integers_come_back),
        cmocka_unit_test(test_protobuf_floats_come_back),
        cmocka_unit_test(test_protobuf_nested_messages_of_every_size_come_back),
        cmocka_unit_test(test_protobuf_truncated_anywhere_is_refused_or_ends_between_fields),
        cmocka_unit_test(test_protobuf_what_is_no_message_is_refused),
        cmocka_unit_test(test_protobuf_longer_forms_of_a_varint_are_read),
        cmocka_unit_test(test_protobuf_of_nothing_is_an_empty_message),
        cmocka_unit_test(test_protobuf_beyond_the_limit_of_the_buffer_fails),
        cmocka_unit_test(test_protobuf_out_of_memory_sticks_to_the_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
