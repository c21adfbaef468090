/*
 * Which values mean deleted, by the kind of the column that holds them.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "engine/marks.h"
#include "unit/engine/engine_config.h"

static struct ps_error err;

/* True where the text in a column of that kind means deleted. */
static bool marks_text(enum ps_text_kind kind, const char *values, const char *text)
{
    const struct ps_column column = {.name = "gone", .type = PS_TYPE_STRING, .text_kind = kind};
    const struct ps_table table = {
        .schema = "", .name = "t", .columns = &column, .columns_count = 1};
    const uint32_t first = 0;
    const struct ps_batch_shape shape = {.table = &table,
                                         .columns = &first,
                                         .columns_count = 1,
                                         .rows_max = 1,
                                         .bytes_max = 1 << 10};
    const char *const pairs[] = {"soft_delete_values", values, NULL};
    struct engine_config made;
    struct soft_delete deletes;
    struct ps_batch *batch;
    assert_int_equal(marks_init(&deletes, engine_config_make(&made, pairs), &column, 0, &err),
                     PS_OK);
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    assert_true(ps_batch_put_bytes(batch, 0, text, strlen(text)));
    ps_batch_row_end(batch);
    bool marked = marks_row(&deletes.marks, &batch->vectors[0], 0);
    ps_batch_free(batch);
    marks_done(&deletes);
    engine_config_done(&made);
    return marked;
}

/* The numbers that mean deleted in a column of that type, as "1 0 0 ". */
static const char *numbers_of(enum ps_type type, const char *values)
{
    static char text[4096];
    const struct ps_column column = {.name = "gone", .type = type};
    const char *const pairs[] = {"soft_delete_values", values, NULL};
    struct engine_config made;
    struct soft_delete deletes;
    size_t size = 0;
    const struct ps_config *config = engine_config_make(&made, pairs);
    assert_int_equal(marks_init(&deletes, config, &column, 0, &err), PS_OK);
    text[0] = '\0';
    for (size_t i = 0; i < deletes.marks.numbers_count; i++) {
        size += (size_t)snprintf(text + size, sizeof(text) - size, "%d ",
                                 (int)deletes.marks.numbers[i]);
    }
    assert_int_equal(marks_fit_nothing(config, &column), size == 0);
    marks_done(&deletes);
    engine_config_done(&made);
    return text;
}

static void test_marks_of_booleans_are_words_for_true_and_for_false(void **state)
{
    (void)state;
    assert_string_equal(numbers_of(PS_TYPE_BOOLEAN, "true, T, yes, y, ON, 1"), "1 1 1 1 1 1 ");
    assert_string_equal(numbers_of(PS_TYPE_BOOLEAN, "False, f, NO, n, off, 0"), "0 0 0 0 0 0 ");
    assert_string_equal(numbers_of(PS_TYPE_BOOLEAN, "flase, 2, -1, X"), "");
    assert_string_equal(numbers_of(PS_TYPE_BOOLEAN, "X, no"), "0 ");
    /* A word is no number. */
    assert_string_equal(numbers_of(PS_TYPE_INT, "true, no, 7"), "7 ");
    assert_string_equal(numbers_of(PS_TYPE_INT, "true, no"), "");
}

static void test_marks_of_numbers_are_as_many_as_there_are(void **state)
{
    char values[2048] = "", expected[2048] = "";
    size_t size = 0, expected_size = 0;
    (void)state;
    for (int i = 0; i < 200; i++) {
        size += (size_t)snprintf(values + size, sizeof(values) - size, "%s%d", i == 0 ? "" : ",",
                                 1000 + i);
        expected_size += (size_t)snprintf(expected + expected_size,
                                          sizeof(expected) - expected_size, "%d ", 1000 + i);
    }
    assert_string_equal(numbers_of(PS_TYPE_INT, values), expected);
}

static void test_marks_of_texts_fit_whatever_they_are(void **state)
{
    const struct ps_column column = {.name = "gone", .type = PS_TYPE_STRING};
    struct engine_config made;
    (void)state;
    const struct ps_config *config =
        engine_config_make(&made, (const char *[]){"soft_delete_values", "flase", NULL});
    assert_false(marks_fit_nothing(config, &column));
    engine_config_done(&made);
}

static void test_marks_plain_texts_are_compared_whole(void **state)
{
    (void)state;
    assert_true(marks_text(PS_TEXT_PLAIN, "1, true", "TRUE"));
    assert_false(marks_text(PS_TEXT_PLAIN, "1, true", "true "));
    assert_false(marks_text(PS_TEXT_PLAIN, "1, true", "1.0"));
    assert_false(marks_text(PS_TEXT_PLAIN, "1, true", ""));
}

static void test_marks_padded_texts_are_compared_without_their_blanks(void **state)
{
    (void)state;
    assert_true(marks_text(PS_TEXT_PADDED, "1, true", "true "));
    assert_true(marks_text(PS_TEXT_PADDED, "1, true", "1    "));
    assert_false(marks_text(PS_TEXT_PADDED, "1, true", " true"));
    assert_false(marks_text(PS_TEXT_PADDED, "1, true", "     "));
}

static void test_marks_numbers_in_texts_are_compared_as_numbers(void **state)
{
    static const char *const same[] = {"1", "1.0", "1.000", "01", "+1", "1."};
    static const char *const other[] = {"10", "1.01", "-1", "0.1", "NaN", "", ".", "1e0", "11"};
    (void)state;
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        assert_true(marks_text(PS_TEXT_NUMBER, "1", same[i]));
        assert_true(marks_text(PS_TEXT_NUMBER, "true, 1.00", same[i]));
    }
    for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
        assert_false(marks_text(PS_TEXT_NUMBER, "1", other[i]));
    }
    assert_true(marks_text(PS_TEXT_NUMBER, "-0", "0.00"));
    assert_true(marks_text(PS_TEXT_NUMBER, "-.50", "-0.5"));
    assert_true(marks_text(PS_TEXT_NUMBER, "nan", "NaN"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_of_booleans_are_words_for_true_and_for_false),
        cmocka_unit_test(test_marks_of_numbers_are_as_many_as_there_are),
        cmocka_unit_test(test_marks_of_texts_fit_whatever_they_are),
        cmocka_unit_test(test_marks_plain_texts_are_compared_whole),
        cmocka_unit_test(test_marks_padded_texts_are_compared_without_their_blanks),
        cmocka_unit_test(test_marks_numbers_in_texts_are_compared_as_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
