/* The allocator: sizes at the edge, and the switch by which the Nth allocation fails. */
#include "base/alloc.h"

#include <string.h>

#include "support/unit.h"

static void test_alloc_of_no_bytes_gives_a_pointer(void **state)
{
    (void)state;
    void *pieces[] = {ps_malloc(0), ps_calloc(0, 8), ps_malloc_array(0, 8), ps_malloc_aligned(0),
                      ps_realloc(NULL, 0)};
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        assert_non_null(pieces[i]);
        ps_free(pieces[i]);
    }
    ps_free(NULL);
}

static void test_malloc_array_that_overflows_gives_null(void **state)
{
    (void)state;
    assert_null(ps_malloc_array(SIZE_MAX / 2, 3));
}

static void test_malloc_aligned_is_on_a_64_byte_boundary(void **state)
{
    (void)state;
    for (size_t size = 1; size < 200; size += 13) {
        void *memory = ps_malloc_aligned(size);
        assert_int_equal((uintptr_t)memory % 64, 0);
        ps_free(memory);
    }
}

static void test_strndup_stops_at_the_nul_and_at_the_size(void **state)
{
    (void)state;
    char *copy = ps_strndup("penstock", 3);
    assert_string_equal(copy, "pen");
    ps_free(copy);
    copy = ps_strndup("pen", SIZE_MAX - 1);
    assert_string_equal(copy, "pen");
    ps_free(copy);
    copy = ps_strdup("gate");
    assert_string_equal(copy, "gate");
    ps_free(copy);
}

static void test_fail_after_fails_that_one_alone(void **state)
{
    (void)state;
    uint64_t before = ps_alloc_count();
    ps_alloc_fail_after(1, 0);
    void *first = ps_malloc(1), *second = ps_malloc(1), *third = ps_calloc(1, 1);
    ps_alloc_fail_after(-1, 0);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(ps_alloc_count() - before, 3);
    ps_free(first);
    ps_free(third);
}

static void test_fail_after_for_ever_fails_all_that_follow(void **state)
{
    (void)state;
    ps_alloc_fail_after(0, 1);
    assert_null(ps_malloc(1));
    assert_null(ps_calloc(1, 1));
    assert_null(ps_malloc_aligned(1));
    assert_null(ps_realloc(NULL, 1));
    assert_null(ps_strdup(""));
    ps_alloc_fail_after(-1, 0);
    void *memory = ps_malloc(1);
    assert_non_null(memory);
    ps_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alloc_of_no_bytes_gives_a_pointer),
        cmocka_unit_test(test_malloc_array_that_overflows_gives_null),
        cmocka_unit_test(test_malloc_aligned_is_on_a_64_byte_boundary),
        cmocka_unit_test(test_strndup_stops_at_the_nul_and_at_the_size),
        cmocka_unit_test(test_fail_after_fails_that_one_alone),
        cmocka_unit_test(test_fail_after_for_ever_fails_all_that_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
