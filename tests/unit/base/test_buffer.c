/* The buffer: growth, its ceiling, failures that stick, and giving its memory away. */
#include "base/buffer.h"

#include <string.h>

#include "support/torture.h"

static void test_buffer_grows_and_ends_in_a_nul(void **state)
{
    (void)state;
    struct ps_buffer buffer;
    ps_buffer_init(&buffer, 0);
    assert_string_equal(ps_buffer_text(&buffer), "");
    for (int i = 0; i < 1000; i++) {
        ps_buffer_putc(&buffer, 'a');
        ps_buffer_puts(&buffer, "bc");
        ps_buffer_append(&buffer, "d\0e", 3);
        assert_int_equal(buffer.data[buffer.size], 0);
    }
    assert_int_equal(buffer.size, 6000);
    assert_memory_equal(buffer.data + 5994, "abcd\0e", 6);
    assert_true(ps_buffer_ok(&buffer));
    ps_buffer_clear(&buffer);
    assert_string_equal(ps_buffer_text(&buffer), "");
    ps_buffer_done(&buffer);
    struct ps_buffer never = {0};
    ps_buffer_done(&never);
}

static void test_buffer_at_its_limit_fails_and_stays_failed(void **state)
{
    (void)state;
    struct ps_buffer buffer;
    ps_buffer_init(&buffer, 5);
    ps_buffer_puts(&buffer, "12345");
    assert_true(ps_buffer_ok(&buffer));
    ps_buffer_putc(&buffer, '6');
    assert_false(ps_buffer_ok(&buffer));
    assert_string_equal(ps_buffer_text(&buffer), "");
    size_t size = 77;
    assert_null(ps_buffer_steal(&buffer, &size));
    assert_int_equal(size, 77);
    ps_buffer_puts(&buffer, "");
    assert_false(ps_buffer_ok(&buffer));
    ps_buffer_clear(&buffer);
    ps_buffer_puts(&buffer, "again");
    assert_string_equal(ps_buffer_text(&buffer), "again");
    ps_buffer_done(&buffer);
}

static void test_buffer_limit_holds_beyond_the_first_capacity(void **state)
{
    (void)state;
    struct ps_buffer buffer;
    ps_buffer_init(&buffer, 100);
    for (int i = 0; i < 100; i++) {
        ps_buffer_putc(&buffer, 'x');
    }
    assert_true(ps_buffer_ok(&buffer));
    assert_true(buffer.capacity <= 101);
    ps_buffer_putc(&buffer, 'x');
    assert_false(ps_buffer_ok(&buffer));
    ps_buffer_done(&buffer);
}

static void test_buffer_printf_short_and_long(void **state)
{
    (void)state;
    struct ps_buffer buffer;
    ps_buffer_init(&buffer, 0);
    ps_buffer_printf(&buffer, "%d|", 5);
    ps_buffer_printf(&buffer, "%0256d|", 1);
    ps_buffer_printf(&buffer, "%05000d", 2);
    assert_int_equal(buffer.size, 2 + 257 + 5000);
    assert_int_equal(buffer.data[1 + 257], '|');
    assert_int_equal(buffer.data[buffer.size - 1], '2');
    ps_buffer_done(&buffer);
    ps_buffer_init(&buffer, 300);
    ps_buffer_printf(&buffer, "%0301d", 3);
    assert_false(ps_buffer_ok(&buffer));
    ps_buffer_done(&buffer);
}

static void test_buffer_steal_gives_the_memory_and_empties_it(void **state)
{
    (void)state;
    struct ps_buffer buffer;
    size_t size = 0;
    ps_buffer_init(&buffer, 10);
    char *nothing = ps_buffer_steal(&buffer, &size);
    assert_string_equal(nothing, "");
    assert_int_equal(size, 0);
    ps_buffer_puts(&buffer, "gate");
    char *gate = ps_buffer_steal(&buffer, &size);
    assert_string_equal(gate, "gate");
    assert_int_equal(size, 4);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.limit, 10);
    ps_free(nothing);
    ps_free(gate);
    ps_buffer_done(&buffer);
}

static enum ps_status fill(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_buffer buffer;
    ps_buffer_init(&buffer, 0);
    for (int i = 0; i < 300; i++) {
        ps_buffer_printf(&buffer, "%d", i);
    }
    size_t size;
    char *text = ps_buffer_steal(&buffer, &size);
    ps_free(text);
    ps_buffer_done(&buffer);
    return text != NULL ? PS_OK : ps_fail_nomem(err, "filling a buffer");
}

static void test_buffer_without_memory_fails(void **state)
{
    (void)state;
    torture(fill, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buffer_grows_and_ends_in_a_nul),
        cmocka_unit_test(test_buffer_at_its_limit_fails_and_stays_failed),
        cmocka_unit_test(test_buffer_limit_holds_beyond_the_first_capacity),
        cmocka_unit_test(test_buffer_printf_short_and_long),
        cmocka_unit_test(test_buffer_steal_gives_the_memory_and_empties_it),
        cmocka_unit_test(test_buffer_without_memory_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
