/*
 * Keys of rows, compared as DuckDB's vectors hold them.
 */
#include <string.h>

#include "sinks/duckdb/fill.h"
#include "sinks/duckdb/keys.h"
#include "support/unit.h"

/* A chunk of a text, which may be NULL, and a number. */
static struct duck_api_chunk *chunk_of(const struct duck_library *library, const char *const *texts,
                                       const int64_t *numbers, uint32_t count)
{
    struct duck_api_type *types[] = {library->create_logical_type(DUCK_API_VARCHAR),
                                     library->create_logical_type(DUCK_API_BIGINT)};
    struct duck_api_chunk *chunk = library->create_data_chunk(types, 2);
    struct duck_api_vector *text = library->data_chunk_get_vector(chunk, 0);
    library->vector_ensure_validity_writable(text);
    for (uint32_t i = 0; i < count; i++) {
        if (texts[i] == NULL) {
            library->vector_get_validity(text)[0] &= ~(UINT64_C(1) << i);
        } else {
            ((struct duck_api_string *)library->vector_get_data(text))[i] =
                duck_fill_string(texts[i], (uint32_t)strlen(texts[i]));
        }
    }
    memcpy(library->vector_get_data(library->data_chunk_get_vector(chunk, 1)), numbers,
           count * sizeof *numbers);
    library->data_chunk_set_size(chunk, count);
    library->destroy_logical_type(&types[0]);
    library->destroy_logical_type(&types[1]);
    return chunk;
}

static const struct duck_key_column both[] = {{0, 0}, {1, 8}};

static void start(struct duck_keys *keys, uint32_t rows_max)
{
    *keys = (struct duck_keys){.columns = both, .columns_count = 2};
    assert_int_equal(duck_library_get(&keys->library, NULL), PS_OK);
    assert_int_equal(duck_keys_init(keys, rows_max, NULL), PS_OK);
}

static bool repeats(struct duck_keys *keys, const char *const *texts, const int64_t *numbers,
                    uint32_t count)
{
    bool repeated = false;
    struct duck_api_chunk *chunk = chunk_of(keys->library, texts, numbers, count);
    assert_int_equal(duck_keys_add(keys, chunk, &repeated, NULL), PS_OK);
    keys->library->destroy_data_chunk(&chunk);
    return repeated;
}

static bool have(struct duck_keys *keys, const char *text, int64_t number)
{
    bool found = false;
    struct duck_api_chunk *chunk = chunk_of(keys->library, &text, &number, 1);
    assert_int_equal(duck_keys_have(keys, chunk, 0, &found, NULL), PS_OK);
    keys->library->destroy_data_chunk(&chunk);
    return found;
}

static void test_keys_are_told_apart_by_every_column(void **state)
{
    static const char *const texts[] = {"a", "a", "a text of more than twelve bytes", "", NULL};
    static const int64_t numbers[] = {1, 2, 1, 1, 1};
    struct duck_keys keys;
    (void)state;
    start(&keys, 5);
    assert_false(repeats(&keys, texts, numbers, 5));
    for (int i = 0; i < 5; i++) {
        assert_true(have(&keys, texts[i], numbers[i]));
        assert_false(have(&keys, texts[i], numbers[i] + 5));
    }
    assert_false(have(&keys, "a text of more than twelve bytfs", 1));
    assert_int_equal(keys.count, 5);
    duck_keys_done(&keys);
}

static void test_keys_that_come_again_are_told_null_too(void **state)
{
    static const char *const texts[] = {"a", NULL, "b"};
    static const char *const again[] = {"c", NULL};
    static const int64_t numbers[] = {1, 1, 1};
    struct duck_keys keys;
    (void)state;
    start(&keys, 5);
    assert_false(repeats(&keys, texts, numbers, 3));
    assert_true(repeats(&keys, again, numbers, 2));
    assert_int_equal(keys.count, 4);
    duck_keys_done(&keys);
}

static void test_keys_of_many_rows_are_all_found(void **state)
{
    enum { ROWS = 10000, A_CHUNK = 2000 };
    const char *texts[A_CHUNK];
    int64_t numbers[A_CHUNK];
    struct duck_keys keys;
    (void)state;
    start(&keys, ROWS);
    for (int64_t row = 0; row < ROWS; row += A_CHUNK) {
        for (int64_t i = 0; i < A_CHUNK; i++) {
            texts[i] = i % 2 == 0 ? "even" : "odd";
            numbers[i] = row + i;
        }
        assert_false(repeats(&keys, texts, numbers, A_CHUNK));
    }
    for (int64_t row = 0; row < ROWS; row += 1111) {
        assert_true(have(&keys, row % 2 == 0 ? "even" : "odd", row));
        assert_false(have(&keys, row % 2 == 0 ? "odd" : "even", row));
    }
    duck_keys_done(&keys);
}

static void test_numbers_with_two_zeros_are_no_key_by_bytes(void **state)
{
    uint8_t width = 0;
    (void)state;
    assert_false(duck_keys_width((struct duck_type){.type = PS_TYPE_DOUBLE}, &width));
    assert_false(duck_keys_width((struct duck_type){.type = PS_TYPE_FLOAT}, &width));
    assert_false(
        duck_keys_width((struct duck_type){.type = PS_TYPE_STRING, .foreign = true}, &width));
    assert_true(
        duck_keys_width((struct duck_type){.type = PS_TYPE_DECIMAL, .precision = 18}, &width));
    assert_int_equal(width, 8);
    assert_true(
        duck_keys_width((struct duck_type){.type = PS_TYPE_DECIMAL, .precision = 19}, &width));
    assert_int_equal(width, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_told_apart_by_every_column),
        cmocka_unit_test(test_keys_that_come_again_are_told_null_too),
        cmocka_unit_test(test_keys_of_many_rows_are_all_found),
        cmocka_unit_test(test_numbers_with_two_zeros_are_no_key_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
