/* Compressed messages: both formats, in pieces, cut off, nonsense, and far larger than they look.
 */
#include "rpc/message.h"

#include <grpc/grpc.h>
#include <string.h>
#include <zlib.h>

#include "support/torture.h"

#define GZIP_WINDOW (15 + 16)
#define ZLIB_WINDOW 15

static size_t pack(int window, const uint8_t *bytes, size_t size, uint8_t *packed, size_t room)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size;
    stream.next_out = packed;
    stream.avail_out = (uInt)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t used = room - stream.avail_out;
    deflateEnd(&stream);
    return used;
}

/* Unpacks bytes that come in two slices. */
static enum ps_status unpack(const uint8_t *packed, size_t size, size_t first, size_t size_max,
                             uint8_t **ret_message, size_t *ret_size, struct ps_error *err)
{
    grpc_slice slices[2] = {
        grpc_slice_from_copied_buffer((const char *)packed, first),
        grpc_slice_from_copied_buffer((const char *)packed + first, size - first)};
    grpc_byte_buffer *buffer =
        grpc_raw_compressed_byte_buffer_create(slices, 2, GRPC_COMPRESS_GZIP);
    enum ps_status status = message_read(buffer, size_max, ret_message, ret_size, err);
    grpc_byte_buffer_destroy(buffer);
    grpc_slice_unref(slices[0]);
    grpc_slice_unref(slices[1]);
    return status;
}

static void fill(uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * i >> 7);
    }
}

static void test_message_reads_both_formats_of_any_size(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 1000, 32767, 32768, 32769, 65536, 200000};
    static uint8_t bytes[200000], packed[300000];
    fill(bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (int gzip = 0; gzip <= 1; gzip++) {
            size_t size =
                pack(gzip ? GZIP_WINDOW : ZLIB_WINDOW, bytes, sizes[i], packed, sizeof(packed));
            uint8_t *message = NULL;
            size_t got = 77;
            struct ps_error err = {0};
            assert_int_equal(unpack(packed, size, size / 2, sizeof(bytes), &message, &got, &err),
                             PS_OK);
            assert_int_equal(got, sizes[i]);
            assert_memory_equal(message, bytes, got);
            ps_free(message);
        }
    }
}

static void test_message_refuses_what_is_cut_off_or_no_format(void **state)
{
    (void)state;
    uint8_t bytes[500], packed[700], *message = NULL;
    size_t got = 0;
    struct ps_error err = {0};
    fill(bytes, sizeof(bytes));
    size_t size = pack(GZIP_WINDOW, bytes, sizeof(bytes), packed, sizeof(packed));
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_equal(unpack(packed, cut, cut / 3, 1000, &message, &got, &err), PS_DATA);
    }
    assert_int_equal(unpack(bytes + 1, 400, 5, 1000, &message, &got, &err), PS_DATA);
    assert_non_null(strstr(err.message, "cannot be unpacked"));
    assert_null(message);
}

static void test_message_stops_at_the_ceiling(void **state)
{
    (void)state;
    static uint8_t bytes[1000000], packed[10000];
    size_t size = pack(GZIP_WINDOW, bytes, sizeof(bytes), packed, sizeof(packed)), got = 0;
    uint8_t *message = NULL;
    struct ps_error err = {0};
    assert_int_equal(unpack(packed, size, 10, 999999, &message, &got, &err), PS_RETRY);
    assert_non_null(strstr(err.message, "larger than max, 999999 bytes"));
    assert_int_equal(unpack(packed, size, 10, 1000000, &message, &got, &err), PS_OK);
    assert_int_equal(got, 1000000);
    ps_free(message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message_reads_both_formats_of_any_size),
        cmocka_unit_test(test_message_refuses_what_is_cut_off_or_no_format),
        cmocka_unit_test(test_message_stops_at_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
