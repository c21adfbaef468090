/* What is well-formed XML and what is not. */
#include "tester/xml.h"

#include <string.h>

#include "base/alloc.h"
#include "support/unit.h"

/* In memory of exactly that size, so that the sanitizers see a byte read beyond it. */
static bool valid(const char *text)
{
    size_t size = strlen(text);
    uint8_t *bytes = ps_malloc(size);
    assert_non_null(bytes);
    memcpy(bytes, text, size);
    bool good = xml_valid(bytes, size);
    ps_free(bytes);
    return good;
}

static void test_xml_well_formed_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "text",
        "<a/>",
        "<a></a>",
        "<a b='1' c = \"2\"/>",
        "<a><b>x</b><b/></a>",
        "<a/><b/>",
        "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY e \"v\">]><a>&e;&amp;&#65;&#x41;</a>",
        "<!-- <a> --><a><![CDATA[<<&]]></a>",
        "<a b=\"x c='1' c=1\" c='2'/>",
        "<\xc3\xa4/>",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(valid(good[i]));
    }
}

static void test_xml_not_well_formed_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "<",
        "<a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a b>",
        "<a b=1/>",
        "<a b='1/>",
        "<a b='<'/>",
        "<a b='1' b='2'/>",
        "<a b='1'c='2'/>",
        "&",
        "&amp",
        "&;",
        "&#;",
        "&#xg;",
        "<1/>",
        "<!--",
        "<![CDATA[",
        "<?a",
        "\x01",
        "<!DOCTYPE a [",
        "<a b='&x'/>",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(valid(bad[i]));
    }
}

static void test_xml_deeper_than_the_limit_is_refused(void **state)
{
    (void)state;
    static char text[3 * 1001 + 4 * 1001 + 1];
    size_t used = 0;
    for (int i = 0; i < 1001; i++, used += 3) {
        memcpy(text + used, "<a>", 3);
    }
    for (int i = 0; i < 1001; i++, used += 4) {
        memcpy(text + used, "</a>", 4);
    }
    assert_false(xml_valid((const uint8_t *)text, used));
    assert_true(xml_valid((const uint8_t *)text + 3, used - 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xml_well_formed_is_taken),
        cmocka_unit_test(test_xml_not_well_formed_is_refused),
        cmocka_unit_test(test_xml_deeper_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
