/* UTF-8: each character that there is, and what looks like one. */
#include <string.h>

#include "base/alloc.h"
#include "penstock/batch.h"
#include "support/unit.h"

/* From memory of exactly that size, so that ASan sees a read beyond it. */
static bool is_valid(const char *text, size_t size)
{
    char *exact = ps_malloc(size);
    memcpy(exact, text, size);
    bool result = ps_utf8_valid(exact, size);
    ps_free(exact);
    return result;
}

static size_t encode(uint32_t character, char *out)
{
    if (character < 0x80) {
        out[0] = (char)character;
        return 1;
    }
    size_t length = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    static const uint8_t leads[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--, character >>= 6) {
        out[i] = (char)(0x80 | (character & 0x3F));
    }
    out[0] = (char)(leads[length] | character);
    return length;
}

static void test_utf8_every_character_is_valid_and_no_surrogate(void **state)
{
    (void)state;
    for (uint32_t character = 0; character < 0x110400; character++) {
        char text[4];
        size_t length = encode(character, text);
        bool expected = character < 0x110000 && (character < 0xD800 || character > 0xDFFF);
        if (ps_utf8_valid(text, length) != expected) {
            fail_msg("U+%04X is taken wrongly", character);
        }
        if (length > 1 && ps_utf8_valid(text, length - 1)) {
            fail_msg("a part of U+%04X is taken", character);
        }
    }
}

static void test_utf8_malformed_texts_are_not_valid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\x80",
        "\xBF",
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\xC3(",
        "\xE2\x82(",
        "\xE2(\xAC",
        "\xF0\x9F\x92(",
        "\xF0\x9F(\x89",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_false(is_valid(texts[i], strlen(texts[i])));
    }
}

static void test_utf8_defect_at_every_place_is_found(void **state)
{
    (void)state;
    char text[40];
    for (size_t size = 1; size <= sizeof(text); size++) {
        for (size_t at = 0; at < size; at++) {
            memset(text, 'a', sizeof(text));
            assert_true(is_valid(text, size));
            text[at] = '\xFF';
            assert_false(is_valid(text, size));
            text[at] = '\xC3';
            assert_false(is_valid(text, size));
            if (at + 1 < size) {
                text[at + 1] = '\xA9';
                assert_true(is_valid(text, size));
            }
        }
    }
}

static void test_utf8_of_no_bytes_and_with_nul_is_valid(void **state)
{
    (void)state;
    assert_true(ps_utf8_valid(NULL, 0));
    assert_true(ps_utf8_valid("\0\0", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_every_character_is_valid_and_no_surrogate),
        cmocka_unit_test(test_utf8_malformed_texts_are_not_valid),
        cmocka_unit_test(test_utf8_defect_at_every_place_is_found),
        cmocka_unit_test(test_utf8_of_no_bytes_and_with_nul_is_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
