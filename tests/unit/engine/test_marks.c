/*
 * Which values mean deleted, by the kind of the column that holds them.
 */
#include "support/unit.h"

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
    marks_init(&deletes, engine_config_make(&made, pairs), &column, 0);
    assert_int_equal(ps_batch_new(&shape, &batch, &err), PS_OK);
    assert_true(ps_batch_put_bytes(batch, 0, text, strlen(text)));
    ps_batch_row_end(batch);
    bool marked = marks_row(&deletes.marks, &batch->vectors[0], 0);
    ps_batch_free(batch);
    engine_config_done(&made);
    return marked;
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
        cmocka_unit_test(test_marks_plain_texts_are_compared_whole),
        cmocka_unit_test(test_marks_padded_texts_are_compared_without_their_blanks),
        cmocka_unit_test(test_marks_numbers_in_texts_are_compared_as_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
