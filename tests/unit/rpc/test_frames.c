/* What is followed of a connection, however its bytes are cut: whole messages, lengths that lie,
 * ends inside a message, flags, padding, and streams that are not there. */
#include "rpc/frames.h"

#include <string.h>

#include "base/buffer.h"
#include "support/unit.h"

#define BOUND 1000u
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum { DATA = 0, HEADERS = 1, RESET = 3, SETTINGS = 4, PING = 6 };
enum { END_STREAM = 1, PADDED = 8 };

static void put_frame(struct ps_buffer *out, uint8_t type, uint8_t flags, uint32_t stream,
                      const void *payload, size_t size)
{
    const uint8_t head[] = {0, (uint8_t)(size >> 8),   (uint8_t)size,  type, flags, 0,
                            0, (uint8_t)(stream >> 8), (uint8_t)stream};
    ps_buffer_append(out, head, sizeof head);
    ps_buffer_append(out, payload, size);
}

/* A frame of data that begins with a message's prefix; `size` bytes of the message follow. */
static void put_message(struct ps_buffer *out, uint8_t flags, uint32_t stream, uint32_t announced,
                        size_t size)
{
    uint8_t payload[2000] = {0, (uint8_t)(announced >> 24), (uint8_t)(announced >> 16),
                             (uint8_t)(announced >> 8), (uint8_t)announced};
    memset(payload + 5, 0x7f, size);
    put_frame(out, DATA, flags, stream, payload, 5 + size);
}

static void begin(struct ps_buffer *out, bool client)
{
    ps_buffer_init(out, 0);
    ps_buffer_append(out, PREFACE, client ? strlen(PREFACE) : 0);
    put_frame(out, SETTINGS, 0, 0, "\0\4\0\0\377\377", 6);
    put_frame(out, HEADERS, 4, 1, "any", 3);
}

/* Follows the bytes in pieces of that size; what is made of them is left in the buffer. */
static bool follow(struct frames *frames, struct ps_buffer *bytes, size_t piece)
{
    frames_init(frames, BOUND);
    for (size_t at = 0; at < bytes->size; at += piece) {
        size_t size = bytes->size - at < piece ? bytes->size - at : piece;
        if (frames_follow(frames, (uint8_t *)bytes->data + at, size) != size) {
            return false;
        }
    }
    return true;
}

static void test_frames_of_whole_messages_stay_as_they_are(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 1200; piece += piece < 40 ? 1 : 97) {
        struct ps_buffer bytes, before;
        struct frames frames;
        begin(&bytes, piece % 2 == 0);
        put_message(&bytes, 0, 1, BOUND, BOUND);
        put_message(&bytes, 0, 1, 0, 0);
        put_message(&bytes, 0, 1, 30, 10);
        put_frame(&bytes, PING, 0, 0, "12345678", 8);
        put_frame(&bytes, DATA, 0, 1, "12345678901234567890\1\0\0\0\2no", 27);
        put_frame(&bytes, DATA, PADDED, 1, "\3\0\0\0\0\1xpad", 10);
        put_frame(&bytes, HEADERS, END_STREAM | 4, 1, "any", 3);
        ps_buffer_init(&before, 0);
        ps_buffer_append(&before, ps_buffer_text(&bytes), bytes.size);
        assert_true(follow(&frames, &bytes, piece));
        assert_memory_equal(bytes.data, before.data, bytes.size);
        assert_int_equal(frames.fault.count, 0);
        assert_int_equal(frames.unfinished, 0);
        assert_int_equal(frames.open_count, 0);
        assert_int_equal(frames.from_client, piece % 2 == 0);
        ps_buffer_done(&before);
        ps_buffer_done(&bytes);
    }
}

static void test_frames_length_beyond_the_bound_becomes_the_bound(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {BOUND + 1, BOUND + 2,  0x400,     0x2ff,
                                       0x10000,   0xf0000000, 0xffffffff};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (size_t piece = 1; piece < 80; piece++) {
            struct ps_buffer bytes;
            struct frames frames;
            uint32_t wanted = lengths[i] > BOUND ? BOUND + 1 : lengths[i];
            begin(&bytes, true);
            size_t at = bytes.size + 10;
            put_message(&bytes, 0, 1, lengths[i], 500);
            assert_true(follow(&frames, &bytes, piece));
            const uint8_t *length = (const uint8_t *)bytes.data + at;
            assert_int_equal((uint32_t)length[0] << 24 | (uint32_t)length[1] << 16 |
                                 (uint32_t)length[2] << 8 | length[3],
                             wanted);
            assert_int_equal(frames.unfinished, 505);
            ps_buffer_done(&bytes);
        }
    }
}

static void test_frames_after_a_message_too_large_are_passed_over(void **state)
{
    (void)state;
    struct ps_buffer bytes;
    struct frames frames;
    begin(&bytes, true);
    put_message(&bytes, 0, 1, 0xf0000000, 900);
    put_message(&bytes, 0, 1, 0x7f7f7f7f, 900);
    put_frame(&bytes, HEADERS, 4, 3, "any", 3);
    put_message(&bytes, 0, 3, 5, 3);
    assert_true(follow(&frames, &bytes, 7));
    /* What the library has refused it does not hold. */
    assert_int_equal(frames.unfinished, 8);
    assert_int_equal(frames.fault.count, 0);
    ps_buffer_done(&bytes);
}

/* The stream of one message ends with the flag of this frame. */
static struct frames_fault fault_of(uint32_t announced, size_t size, uint8_t type, uint8_t flags)
{
    struct ps_buffer bytes;
    struct frames frames;
    begin(&bytes, false);
    put_message(&bytes, 0, 1, announced, size);
    put_frame(&bytes, type, flags, 1, "", 0);
    assert_true(follow(&frames, &bytes, 3));
    struct frames_fault fault = frames.fault;
    assert_int_equal(frames.unfinished, flags == 0 && type != RESET ? 5 + size : 0);
    ps_buffer_done(&bytes);
    return fault;
}

static void test_frames_stream_that_ends_inside_a_message_is_cut(void **state)
{
    (void)state;
    for (int type = DATA; type <= HEADERS; type++) {
        struct frames_fault fault = fault_of(1000, 3, (uint8_t)type, END_STREAM);
        assert_int_equal(fault.count, 1);
        assert_int_equal(fault.kind, FRAMES_CUT);
        assert_int_equal(fault.announced, 1000);
        assert_int_equal(fault.came, 3);
        assert_int_equal(fault_of(0xfffffff0, 3, (uint8_t)type, END_STREAM).announced, 0xfffffff0);
        assert_int_equal(fault_of(3, 3, (uint8_t)type, END_STREAM).count, 0);
        assert_int_equal(fault_of(1000, 3, (uint8_t)type, 0).count, 0);
    }
    /* Who resets a stream does not say that it is whole. */
    assert_int_equal(fault_of(1000, 3, RESET, 0).count, 0);
}

static void test_frames_with_unknown_flags_or_outside_of_streams_end_the_connection(void **state)
{
    (void)state;
    struct ps_buffer bytes;
    struct frames frames;
    begin(&bytes, true);
    put_frame(&bytes, DATA, 0, 1, "\7\0\0\0\3abc", 8);
    assert_false(follow(&frames, &bytes, 4));
    assert_int_equal(frames.fault.kind, FRAMES_FLAGS);
    assert_int_equal(frames.fault.flags, 7);
    ps_buffer_done(&bytes);
    begin(&bytes, true);
    put_frame(&bytes, DATA, 0, 3, "", 0);
    put_message(&bytes, END_STREAM, 1, 3, 3);
    put_message(&bytes, 0, 1, 3, 3);
    assert_false(follow(&frames, &bytes, bytes.size));
    assert_int_equal(frames.fault.kind, FRAMES_OUTSIDE);
    ps_buffer_done(&bytes);
}

static void test_frames_of_no_http_are_not_looked_at(void **state)
{
    (void)state;
    static const char *const texts[] = {"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n\7\7\7\7\7\7\7\7\7\7",
                                        "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
                                        "\1\1\3\1\1\1\1\1\1\7\7\7\7\7\7\7\7\7\7\7\7\7"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ps_buffer bytes;
        struct frames frames;
        ps_buffer_init(&bytes, 0);
        ps_buffer_append(&bytes, texts[i], strlen(texts[i]));
        assert_true(follow(&frames, &bytes, 5));
        assert_string_equal(ps_buffer_text(&bytes), texts[i]);
        assert_int_equal(frames.state, FRAMES_FOREIGN);
        ps_buffer_done(&bytes);
    }
}

static void test_frames_of_many_streams_are_bounded(void **state)
{
    (void)state;
    struct ps_buffer bytes;
    struct frames frames;
    begin(&bytes, true);
    for (uint32_t id = 1; id < 4 * FRAMES_STREAMS_MAX; id += 2) {
        put_frame(&bytes, HEADERS, 4, id, "any", 3);
        put_message(&bytes, 0, id, 10, 5);
    }
    assert_true(follow(&frames, &bytes, 64));
    assert_int_equal(frames.open_count, FRAMES_STREAMS_MAX);
    assert_int_equal(frames.unfinished, 10 * FRAMES_STREAMS_MAX);
    ps_buffer_done(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_of_whole_messages_stay_as_they_are),
        cmocka_unit_test(test_frames_length_beyond_the_bound_becomes_the_bound),
        cmocka_unit_test(test_frames_after_a_message_too_large_are_passed_over),
        cmocka_unit_test(test_frames_stream_that_ends_inside_a_message_is_cut),
        cmocka_unit_test(test_frames_with_unknown_flags_or_outside_of_streams_end_the_connection),
        cmocka_unit_test(test_frames_of_no_http_are_not_looked_at),
        cmocka_unit_test(test_frames_of_many_streams_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
