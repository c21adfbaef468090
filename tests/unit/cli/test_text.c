/*
 * Text, tables and figures for people: widths, cleaning, alignment.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "cli/figures.h"
#include "cli/table.h"
#include "cli/text.h"
#include "support/torture.h"

static void assert_clean(const char *text, const char *wanted)
{
    struct ps_buffer out;

    ps_buffer_init(&out, 0);
    text_clean(&out, text);
    assert_string_equal(ps_buffer_text(&out), wanted);
    assert_int_equal(text_width(text), text_width(wanted));
    ps_buffer_done(&out);
}

static void test_text_clean_when_control_characters_become_question_marks(void **state)
{
    (void)state;
    assert_clean("plain", "plain");
    assert_clean("a\033[31mred\n", "a?[31mred?");
    assert_clean("a\xC2\x9B"
                 "1m",
                 "a?1m"); /* U+009B begins a sequence in one character */
    assert_clean("a\xE2\x80\xAE"
                 "b",
                 "a?b"); /* right-to-left override */
    assert_clean("cut\xE2\x82", "cut??");
    assert_clean("\xFF\xC0\x80", "???");
}

static void test_text_width_counts_columns(void **state)
{
    (void)state;
    assert_int_equal(text_width(""), 0);
    assert_int_equal(text_width("Größe"), 5);
    assert_int_equal(text_width("患者"), 4);
    assert_int_equal(text_width("e\xCC\x81"), 1); /* e and a combining acute */
    assert_int_equal(text_width("😀"), 2);
}

static void assert_cut(const char *text, size_t width, const char *wanted, size_t columns)
{
    struct ps_buffer out;

    ps_buffer_init(&out, 0);
    assert_int_equal(text_cut(&out, text, width), columns);
    assert_string_equal(ps_buffer_text(&out), wanted);
    ps_buffer_done(&out);
}

static void test_text_cut_when_too_wide_ends_in_an_ellipsis(void **state)
{
    (void)state;
    assert_cut("table", 5, "table", 5);
    assert_cut("tables", 5, "tabl…", 5);
    assert_cut("患者さん", 4, "患…", 3); /* half a character is not shown */
    assert_cut("ab", 1, "…", 1);
    assert_cut("ab", 0, "", 0);
}

/* What an output that writes to a pipe got. */
static void read_pipe(int fd, char *text, size_t size)
{
    ssize_t n = read(fd, text, size - 1);

    assert_true(n >= 0);
    text[n] = '\0';
}

static void test_table_print_aligns_by_display_width(void **state)
{
    static const struct table_column columns[] = {
        {.title = "name", .width_max = 6}, {.title = "rows", .align = TABLE_RIGHT}, {.title = "x"}};
    struct table table;
    struct output out;
    char text[512];
    int ends[2];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    output_init(&out, ends[1]);
    table_init(&table, columns, 3);
    table_add(&table, "患者");
    table_add_count(&table, 1234567);
    table_add(&table, NULL);
    table_add(&table, "longer name");
    table_add_count(&table, 0);
    table_add(&table, "y");
    table_print(&table, &out, 2);
    assert_true(output_flush(&out));
    read_pipe(ends[0], text, sizeof text);
    assert_string_equal(text, "  name         rows  x\n"
                              "  患者    1,234,567\n"
                              "  longe…          0  y\n");
    table_done(&table);
    output_done(&out);
    close(ends[0]);
    close(ends[1]);
}

/* Prints a table to /dev/null; a lack of memory shows in the output alone. */
static enum ps_status print_one(void *context, struct ps_error *err)
{
    static const struct table_column columns[] = {{.title = "name"}};
    struct table table;
    struct output out;
    int fd = *(int *)context;
    bool written;

    output_init(&out, fd);
    table_init(&table, columns, 1);
    table_add(&table, "one");
    table_print(&table, &out, 0);
    written = output_flush(&out);
    if (!written) {
        assert_int_equal(out.error_number, ENOMEM);
    }
    table_done(&table);
    output_done(&out);
    return written ? PS_OK : ps_fail_nomem(err, "printing a table");
}

static void test_table_when_memory_runs_out_is_told_by_the_output(void **state)
{
    int fd = open("/dev/null", O_WRONLY);

    (void)state;
    assert_true(fd >= 0);
    torture(print_one, &fd);
    close(fd);
}

static void test_output_when_the_pipe_is_closed_is_an_error_once_and_for_all(void **state)
{
    struct output out;
    int ends[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    output_init(&out, ends[1]);
    assert_true(output_flush(&out));
    output_puts(&out, "something");
    assert_false(output_flush(&out));
    assert_int_equal(out.error_number, EPIPE);
    assert_false(output_flush(&out));
    output_done(&out);
    close(ends[1]);
}

static void test_figures_for_people(void **state)
{
    char text[FIGURES_SIZE];

    (void)state;
    assert_string_equal(figures_count(0, text), "0");
    assert_string_equal(figures_count(999, text), "999");
    assert_string_equal(figures_count(1000, text), "1,000");
    assert_string_equal(figures_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    assert_string_equal(figures_estimate(-1, text), "unknown");
    assert_string_equal(figures_estimate(1200, text), "about 1,200");
    assert_string_equal(figures_bytes(999, text), "999 B");
    assert_string_equal(figures_bytes(1000, text), "1.0 kB");
    assert_string_equal(figures_bytes(999949, text), "999.9 kB");
    assert_string_equal(figures_bytes(999960, text), "1.0 MB");
    assert_string_equal(figures_bytes(UINT64_MAX, text), "18.4 EB");
    assert_string_equal(figures_seconds(0.424, text), "0.42 s");
    assert_string_equal(figures_seconds(-1, text), "0.00 s");
    assert_string_equal(figures_seconds(12.34, text), "12.3 s");
    assert_string_equal(figures_seconds(59.96, text), "1 min 00 s");
    assert_string_equal(figures_seconds(185, text), "3 min 05 s");
    assert_string_equal(figures_seconds(7380, text), "2 h 03 min");
    assert_true(figures_rate(100, 0) == 0.0);
    assert_true(figures_rate(100, 2) == 50.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_clean_when_control_characters_become_question_marks),
        cmocka_unit_test(test_text_width_counts_columns),
        cmocka_unit_test(test_text_cut_when_too_wide_ends_in_an_ellipsis),
        cmocka_unit_test(test_table_print_aligns_by_display_width),
        cmocka_unit_test(test_table_when_memory_runs_out_is_told_by_the_output),
        cmocka_unit_test(test_output_when_the_pipe_is_closed_is_an_error_once_and_for_all),
        cmocka_unit_test(test_figures_for_people),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
