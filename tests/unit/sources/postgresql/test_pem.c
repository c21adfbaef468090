/* PEM text as forms and variables hand it on. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sources/postgresql/pem.h"

#define BLOCK "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"

static void assert_normal(const char *text, const char *expected)
{
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    assert_true(pem_normalise(text, &out));
    assert_string_equal(ps_buffer_text(&out), expected);
    ps_buffer_done(&out);
}

static void test_blocks_get_their_line_breaks_back(void **state)
{
    (void)state;
    assert_normal(BLOCK, BLOCK);
    assert_normal("-----BEGIN CERTIFICATE-----QUJD-----END CERTIFICATE-----", BLOCK);
    assert_normal("-----BEGIN CERTIFICATE----- QU JD -----END CERTIFICATE-----", BLOCK);
    assert_normal("-----BEGIN CERTIFICATE-----\\nQU\\r\\nJD\\n-----END CERTIFICATE-----\\n", BLOCK);
    assert_normal("-----BEGIN CERTIFICATE-----\r\nQUJD\r\n-----END CERTIFICATE-----\r\n", BLOCK);
    assert_normal("bag attributes\n" BLOCK "between\n" BLOCK "after", BLOCK BLOCK);
}

static void test_long_lines_are_cut_at_64(void **state)
{
    (void)state;
    char text[256], expected[256], body[101];
    memset(body, 'A', 100);
    body[100] = '\0';
    (void)snprintf(text, sizeof text, "-----BEGIN X-----%s-----END X-----", body);
    (void)snprintf(expected, sizeof expected, "-----BEGIN X-----\n%.64s\n%.36s\n-----END X-----\n",
                   body, body);
    assert_normal(text, expected);
}

static void test_headers_of_old_keys_keep_their_lines(void **state)
{
    (void)state;
    static const char old[] = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
                              "DEK-Info: AES-256-CBC,00\n\nQUJD\n-----END RSA PRIVATE KEY-----\n";
    assert_normal(old, old);
    assert_normal("-----BEGIN RSA PRIVATE KEY-----\\nProc-Type: 4,ENCRYPTED\\nDEK-Info: "
                  "AES-256-CBC,00\\n\\nQUJD\\n-----END RSA PRIVATE KEY-----\\n",
                  old);
}

static void test_blocks_that_are_not_whole_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "-----BEGIN CERTIFICATE-----QUJD",
        "-----BEGIN CERTIFICATE",
        "-----BEGIN CERTIFICATE-----QUJD-----END PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----QUJD-----END CERTIFICATE",
        BLOCK "-----BEGIN CERTIFICATE-----",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_buffer out;
        ps_buffer_init(&out, 0);
        assert_false(pem_normalise(cases[i], &out));
        ps_buffer_done(&out);
    }
}

static void test_text_is_told_from_a_path_and_its_kind_is_seen(void **state)
{
    (void)state;
    assert_true(pem_is_text(BLOCK));
    assert_false(pem_is_text("/etc/ssl/root.crt"));
    assert_true(pem_has(BLOCK, "CERTIFICATE"));
    assert_false(pem_has(BLOCK, "PRIVATE KEY"));
    assert_true(pem_has(BLOCK "-----BEGIN EC PRIVATE KEY-----", "PRIVATE KEY"));
    assert_false(pem_has("-----BEGIN KEY", "KEY"));
}

static void test_file_in_memory_is_for_its_owner_alone(void **state)
{
    (void)state;
    char path[32], read_back[8] = "";
    struct stat status;
    int fd = pem_file("secret", 6, path, sizeof path);
    assert_true(fd >= 0);
    assert_int_equal(stat(path, &status), 0);
    assert_true(S_ISREG(status.st_mode));
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_nlink, 0);
    assert_int_equal(pread(fd, read_back, sizeof read_back, 0), 6);
    assert_string_equal(read_back, "secret");
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks_get_their_line_breaks_back),
        cmocka_unit_test(test_long_lines_are_cut_at_64),
        cmocka_unit_test(test_headers_of_old_keys_keep_their_lines),
        cmocka_unit_test(test_blocks_that_are_not_whole_are_refused),
        cmocka_unit_test(test_text_is_told_from_a_path_and_its_kind_is_seen),
        cmocka_unit_test(test_file_in_memory_is_for_its_owner_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
