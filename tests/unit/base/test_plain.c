/* Controls are taken out of texts, characters are not. */
#include "base/plain.h"

#include <string.h>

#include "support/unit.h"

static void assert_plain(const char *text, const char *wanted)
{
    char copy[256];
    size_t size = strlen(text);
    assert_true(size < sizeof copy);
    memcpy(copy, text, size + 1);
    copy[ps_plain(copy, size)] = '\0';
    assert_string_equal(copy, wanted);
}

static void test_plain_characters_stay(void **state)
{
    (void)state;
    static const char text[] = "a\tb Z~ \xc2\xa0\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    assert_plain(text, text);
    assert_plain("", "");
}

static void test_plain_controls_become_question_marks(void **state)
{
    (void)state;
    assert_plain("\x1b]0;owned\x07 \x1b[31mred\x7f\r\x01", "?]0;owned? ?[31mred???");
    assert_plain("\xc2\x9b"
                 "2J\xc2\x80\xc2\x9f",
                 "?2J??");
    assert_plain("a\n\xe2\x80\xae"
                 "b\xe2\x80\xa8",
                 "a??b?");
    /* A terminal that is not set to UTF-8 takes 0x9b for the same. */
    assert_plain("\x9b"
                 "2J\xe2\x82",
                 "?2J??");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_characters_stay),
        cmocka_unit_test(test_plain_controls_become_question_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
