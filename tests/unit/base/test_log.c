/* Log lines in both forms, and what the redactor keeps out of them. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/json.h"
#include "support/torture.h"

static char last_line[4096];
static enum ps_log_level last_level;
static int lines;

static void remember(void *context, enum ps_log_level level, const char *line)
{
    assert_ptr_equal(context, &lines);
    snprintf(last_line, sizeof(last_line), "%s", line);
    last_level = level;
    lines++;
}

static int set_up(void **state)
{
    (void)state;
    lines = 0;
    last_line[0] = '\0';
    ps_redact_clear();
    ps_log_configure(PS_LOG_TEXT, PS_LOG_INFO);
    ps_log_set_writer(remember, &lines);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    ps_redact_clear();
    ps_log_set_writer(NULL, NULL);
    return 0;
}

static void assert_redacted(const char *text, const char *expected)
{
    struct ps_buffer out = {0};
    ps_redact(&out, text);
    assert_string_equal(ps_buffer_text(&out), expected);
    ps_buffer_done(&out);
}

static void test_log_below_the_least_level_writes_nothing(void **state)
{
    (void)state;
    assert_false(ps_log_enabled(PS_LOG_DEBUG));
    ps_log(PS_LOG_DEBUG, "quiet");
    assert_int_equal(lines, 0);
    ps_log_configure(PS_LOG_TEXT, PS_LOG_DEBUG);
    ps_log(PS_LOG_DEBUG, "loud %d", 1);
    assert_int_equal(lines, 1);
    assert_int_equal(last_level, PS_LOG_DEBUG);
    assert_string_equal(last_line, "loud 1");
}

static void test_log_makes_one_line_without_secrets(void **state)
{
    (void)state;
    ps_redact_add("hunter22");
    ps_log(PS_LOG_WARNING, "refused:\npassword=%s", "hunter22");
    assert_string_equal(last_line, "refused: password=***");
}

static void test_log_keeps_errno(void **state)
{
    (void)state;
    errno = ENOSPC;
    ps_log(PS_LOG_INFO, "%s", "x");
    assert_int_equal(errno, ENOSPC);
}

/* Runs ps_log with `file` replaced by a pipe; gives what arrived. */
static void capture(int file, enum ps_log_level level, const char *message, char *out, size_t size)
{
    int ends[2], kept = dup(file);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], file);
    ps_log(level, "%s", message);
    dup2(kept, file);
    close(kept);
    close(ends[1]);
    ssize_t got = read(ends[0], out, size - 1);
    close(ends[0]);
    assert_true(got >= 0);
    out[got] = '\0';
}

static void test_log_text_goes_to_stderr(void **state)
{
    (void)state;
    char out[256];
    ps_log_set_writer(NULL, NULL);
    capture(STDERR_FILENO, PS_LOG_INFO, "three tables", out, sizeof(out));
    assert_string_equal(out, "three tables\n");
    capture(STDERR_FILENO, PS_LOG_WARNING, "slow", out, sizeof(out));
    assert_string_equal(out, "warning: slow\n");
}

static void test_log_text_steers_no_terminal(void **state)
{
    (void)state;
    char out[256];
    ps_log_set_writer(NULL, NULL);
    capture(STDERR_FILENO, PS_LOG_WARNING, "\x1b]0;owned\x07 \xc2\x9b\x7f \xc3\xa4", out,
            sizeof(out));
    assert_string_equal(out, "warning: ?]0;owned? ?? \xc3\xa4\n");
}

static void test_log_json_goes_to_stdout_as_one_object(void **state)
{
    (void)state;
    char out[256];
    ps_log_set_writer(NULL, NULL);
    ps_log_configure(PS_LOG_JSON, PS_LOG_INFO);
    capture(STDOUT_FILENO, PS_LOG_SEVERE, "no \"table\"\nhere", out, sizeof(out));
    assert_string_equal(out, "{\"level\":\"SEVERE\",\"message\":\"no \\\"table\\\" here\","
                             "\"message-origin\":\"sdk_connector\"}\n");
}

static void test_log_without_memory_says_that_a_line_was_lost(void **state)
{
    (void)state;
    char out[256];
    ps_log_set_writer(NULL, NULL);
    ps_log_configure(PS_LOG_JSON, PS_LOG_INFO);
    ps_alloc_fail_after(0, 1);
    capture(STDOUT_FILENO, PS_LOG_INFO, "x", out, sizeof(out));
    ps_alloc_fail_after(-1, 0);
    assert_non_null(strstr(out, "a log line was lost"));
    assert_true(ps_json_valid(out, strlen(out)));
}

static void test_redact_replaces_every_secret(void **state)
{
    (void)state;
    ps_redact_add("secret");
    ps_redact_add("token-1");
    assert_redacted("a secret, secret token-1", "a ***, *** ***");
    assert_redacted("nothing", "nothing");
    assert_redacted("", "");
    assert_redacted("secre", "secre");
}

static void test_redact_overlapping_secrets_leaves_no_rest(void **state)
{
    (void)state;
    ps_redact_add("abcd");
    ps_redact_add("abcdef");
    ps_redact_add("efgh");
    assert_redacted("xabcdefghy", "x***y");
    assert_redacted("abcdabcd", "***");
    assert_redacted("abcdef", "***");
    assert_redacted("abcd efgh", "*** ***");
}

static void test_redact_secret_of_several_lines_in_one_line(void **state)
{
    (void)state;
    ps_redact_add("-----BEGIN\nMIIE\n-----END");
    assert_redacted("key: -----BEGIN MIIE -----END.", "key: ***.");
    assert_redacted("key: -----BEGIN\nMIIE\n-----END.", "key: ***.");
}

static void test_redact_short_texts_are_no_secrets(void **state)
{
    (void)state;
    ps_redact_add("abc");
    ps_redact_add("");
    assert_redacted("abc", "abc");
}

static void test_redact_with_more_secrets_than_it_keeps_withholds_all(void **state)
{
    (void)state;
    char secret[32];
    for (int i = 0; i < 1024; i++) {
        snprintf(secret, sizeof(secret), "secret-%d;", i);
        ps_redact_add(secret);
        ps_redact_add(secret);
    }
    assert_redacted("secret-1023; is one", "*** is one");
    ps_redact_add("one too many");
    ps_redact_add("secret-5;");
    ps_redact_add("two too many");
    struct ps_buffer out = {0};
    ps_redact(&out, "here is one too many");
    assert_null(strstr(ps_buffer_text(&out), "one too many"));
    ps_buffer_done(&out);

    /* A place that comes free is given to none while another could not be kept. */
    ps_redact_remove("secret-7;");
    ps_redact_remove("secret-7;");
    ps_redact_add("two too many");
    ps_redact_remove("two too many");
    ps_redact_remove("one too many");
    ps_redact(&out, "secret-5;");
    assert_null(strstr(ps_buffer_text(&out), "secret-5;"));
    ps_buffer_done(&out);
    ps_redact_remove("two too many");
    assert_redacted("secret-5; secret-7; one too many", "*** secret-7; one too many");
}

static void test_redact_keeps_a_secret_until_all_have_taken_it_off(void **state)
{
    (void)state;
    ps_redact_add("hunter22");
    ps_redact_add("hunter22");
    ps_redact_add("other-one");
    ps_redact_remove("hunter22");
    assert_redacted("hunter22 other-one", "*** ***");
    ps_redact_remove("hunter22");
    assert_redacted("hunter22 other-one", "hunter22 ***");
    ps_redact_remove("abc");
    ps_redact_remove(NULL);
    ps_redact_remove("never added");
    assert_redacted("other-one", "***");
}

static void test_redact_without_memory_withholds_all(void **state)
{
    (void)state;
    ps_alloc_fail_after(0, 0);
    ps_redact_add("hunter22");
    ps_alloc_fail_after(-1, 0);
    struct ps_buffer out = {0};
    ps_redact(&out, "hunter22");
    assert_null(strstr(ps_buffer_text(&out), "hunter22"));
    ps_buffer_done(&out);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_log_below_the_least_level_writes_nothing),
        TEST(test_log_makes_one_line_without_secrets),
        TEST(test_log_keeps_errno),
        TEST(test_log_text_goes_to_stderr),
        TEST(test_log_text_steers_no_terminal),
        TEST(test_log_json_goes_to_stdout_as_one_object),
        TEST(test_log_without_memory_says_that_a_line_was_lost),
        TEST(test_redact_replaces_every_secret),
        TEST(test_redact_overlapping_secrets_leaves_no_rest),
        TEST(test_redact_secret_of_several_lines_in_one_line),
        TEST(test_redact_short_texts_are_no_secrets),
        TEST(test_redact_with_more_secrets_than_it_keeps_withholds_all),
        TEST(test_redact_keeps_a_secret_until_all_have_taken_it_off),
        TEST(test_redact_without_memory_withholds_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
