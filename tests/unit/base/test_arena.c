/* The arena: alignment, zeroes, the limit, and memory that runs out. */
#include "base/arena.h"

#include <string.h>

#include "support/torture.h"

static void test_arena_gives_aligned_zeroed_pieces_that_do_not_overlap(void **state)
{
    (void)state;
    struct ps_arena *arena = ps_arena_new(16u << 20);
    static unsigned char *pieces[3000];
    for (size_t i = 0; i < 3000; i++) {
        size_t size = i % 200 == 0 ? 9000 : i % 37;
        pieces[i] = ps_arena_alloc(arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        for (size_t j = 0; j < size; j++) {
            assert_int_equal(pieces[i][j], 0);
        }
        memset(pieces[i], (int)(i % 251 + 1), size);
    }
    for (size_t i = 0; i < 3000; i++) {
        size_t size = i % 200 == 0 ? 9000 : i % 37;
        for (size_t j = 0; j < size; j++) {
            assert_int_equal(pieces[i][j], i % 251 + 1);
        }
    }
    ps_arena_free(arena);
    ps_arena_free(NULL);
}

static void test_arena_at_its_limit_gives_null(void **state)
{
    (void)state;
    struct ps_arena *arena = ps_arena_new(100);
    assert_non_null(ps_arena_alloc(arena, 60));
    assert_null(ps_arena_alloc(arena, 60));
    assert_non_null(ps_arena_alloc(arena, 20));
    assert_true(ps_arena_used(arena) <= 100);
    assert_null(ps_arena_alloc(arena, SIZE_MAX));
    assert_null(ps_arena_array(arena, SIZE_MAX / 2, 4));
    ps_arena_free(arena);
}

static void test_arena_of_exactly_the_limit_is_given(void **state)
{
    (void)state;
    struct ps_arena *arena = ps_arena_new(1001);
    char *piece = ps_arena_alloc(arena, 1001);
    assert_non_null(piece);
    memset(piece, 1, 1001);
    assert_int_equal(ps_arena_used(arena), 1001);
    assert_null(ps_arena_alloc(arena, 0));
    ps_arena_free(arena);
}

static void test_arena_texts_are_copies(void **state)
{
    (void)state;
    struct ps_arena *arena = ps_arena_new(1u << 20);
    char text[] = "encounter";
    char *copy = ps_arena_strdup(arena, text);
    char *part = ps_arena_strndup(arena, text, 3);
    char *printed = ps_arena_printf(arena, "%s-%d-%0500d", text, 42, 7);
    text[0] = 'X';
    assert_string_equal(copy, "encounter");
    assert_string_equal(part, "enc");
    assert_int_equal(strlen(printed), 513);
    assert_memory_equal(printed, "encounter-42-000", 16);
    ps_arena_free(arena);
}

static enum ps_status fill(void *context, struct ps_error *err)
{
    (void)context;
    struct ps_arena *arena = ps_arena_new(1u << 20);
    bool ok = arena != NULL;
    for (int i = 0; ok && i < 40; i++) {
        ok = ps_arena_printf(arena, "%0*d", i * 100, i) != NULL;
    }
    ps_arena_free(arena);
    return ok ? PS_OK : ps_fail_nomem(err, "filling an arena");
}

static void test_arena_without_memory_gives_null(void **state)
{
    (void)state;
    torture(fill, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_gives_aligned_zeroed_pieces_that_do_not_overlap),
        cmocka_unit_test(test_arena_at_its_limit_gives_null),
        cmocka_unit_test(test_arena_of_exactly_the_limit_is_given),
        cmocka_unit_test(test_arena_texts_are_copies),
        cmocka_unit_test(test_arena_without_memory_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
