/*
 * Progress on a terminal that is a string and a clock that stands still.
 */
#include <string.h>

#include "base/buffer.h"
#include "cli/progress.h"
#include "support/unit.h"

#define SECOND INT64_C(1000000000)

struct screen {
    struct terminal terminal;
    struct ps_buffer written;
    bool bar, colour;
    size_t width;
};

static bool screen_bar(void *context)
{
    return ((struct screen *)context)->bar;
}

static size_t screen_width(void *context)
{
    return ((struct screen *)context)->width;
}

static bool screen_colour(void *context)
{
    return ((struct screen *)context)->colour;
}

static void screen_write(void *context, const char *bytes, size_t size)
{
    ps_buffer_append(&((struct screen *)context)->written, bytes, size);
}

struct scene {
    struct screen screen;
    struct ps_clock_fake clock;
    struct progress progress;
};

/* What the next updates tell of what is ahead. */
static int percent = -1;
static double seconds_left = -1;

static void scene_init(struct scene *scene, bool bar, size_t width)
{
    percent = -1;
    seconds_left = -1;
    *scene = (struct scene){.screen = {.bar = bar, .width = width}};
    scene->screen.terminal = (struct terminal){.context = &scene->screen,
                                               .bar = screen_bar,
                                               .width = screen_width,
                                               .colour = screen_colour,
                                               .write = screen_write};
    ps_buffer_init(&scene->screen.written, 0);
    ps_clock_fake_init(&scene->clock, (struct ps_timestamp){.seconds = 1000});
    progress_init(&scene->progress, &scene->clock.base, &scene->screen.terminal);
}

static void scene_done(struct scene *scene)
{
    progress_done(&scene->progress);
    ps_buffer_done(&scene->screen.written);
}

/* After `ns` more: that many rows, of 100 bytes each. Gives what was written for it. */
static const char *update(struct scene *scene, int64_t ns, uint64_t rows, const char *table)
{
    const struct ps_progress now = {.tables_done = 3,
                                    .tables_total = 9,
                                    .table = table,
                                    .rows = rows,
                                    .bytes = rows * 100,
                                    .percent = percent,
                                    .seconds_left = seconds_left};

    ps_clock_fake_advance(&scene->clock, ns);
    ps_buffer_clear(&scene->screen.written);
    progress_update(&scene->progress, &now);
    return ps_buffer_text(&scene->screen.written);
}

static void test_bar_shows_tables_rows_and_rates(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 120);
    (void)update(&scene, 0, 0, NULL);
    assert_string_equal(update(&scene, 2 * SECOND, 2000, "EncounterFact"),
                        "\r\033[K[##########--------------------] 3/9 tables, 2,000 rows, "
                        "1,000 rows/s, 100.0 kB/s  EncounterFact");
    scene_done(&scene);
}

static void test_bar_is_redrawn_at_most_ten_times_a_second(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 80);
    assert_true(strlen(update(&scene, 0, 1, "a")) > 0);
    assert_string_equal(update(&scene, SECOND / 20, 2, "a"), "");
    assert_true(strlen(update(&scene, SECOND / 20, 3, "a")) > 0);
    scene_done(&scene);
}

static void test_bar_goes_by_rows_where_they_are_known(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 120);
    percent = 50;
    assert_non_null(strstr(update(&scene, SECOND, 2000, "a"), "[###############---------------]"));
    percent = 99;
    assert_non_null(strstr(update(&scene, SECOND, 9000, "a"), "[#############################-]"));
    scene_done(&scene);
}

/* Bytes that take a column: all but the sequences that clear and colour. */
static size_t visible(const char *line)
{
    size_t columns = 0;

    for (; *line != '\0'; line++) {
        if (*line == '\033') {
            line += strcspn(line, "mK");
        } else {
            columns += *line != '\r';
        }
    }
    return columns;
}

static void test_bar_never_fills_the_line(void **state)
{
    (void)state;
    for (size_t width = 1; width < 130; width++) {
        struct scene scene;
        scene_init(&scene, true, width);
        scene.screen.colour = width % 2 == 0;
        /* "…" takes three bytes and one column. */
        assert_true(visible(update(&scene, SECOND, 123456, "table_of_some_length")) <=
                    (width < 2 ? 1 : width - 1) + 4);
        scene_done(&scene);
    }
}

static void test_colour_stands_round_the_bar_alone(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 120);
    scene.screen.colour = true;
    assert_non_null(strstr(update(&scene, SECOND, 1, "a"), "[\033[32m##########-----"));
    assert_non_null(strstr(ps_buffer_text(&scene.screen.written), "\033[0m] "));
    scene_done(&scene);
}

static void test_line_every_ten_seconds_where_there_is_no_terminal(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, false, 80);
    assert_string_equal(update(&scene, 9 * SECOND, 9000, "a"), "");
    assert_string_equal(update(&scene, SECOND, 10000, "bad\033name"),
                        "3/9 tables, 10,000 rows, 1,000 rows/s, 100.0 kB/s, now bad?name\n");
    assert_string_equal(update(&scene, 9 * SECOND, 20000, "a"), "");
    assert_true(strlen(update(&scene, SECOND, 20000, "a")) > 0);
    scene_done(&scene);
}

static void test_line_tells_percent_and_time_left_where_they_are_known(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, false, 80);
    percent = 7;
    assert_string_equal(update(&scene, 10 * SECOND, 10000, "a"),
                        "3/9 tables, 10,000 rows, 1,000 rows/s, 100.0 kB/s, 7 %, now a\n");
    percent = 45;
    seconds_left = 12.4;
    assert_string_equal(
        update(&scene, 10 * SECOND, 20000, "a"),
        "3/9 tables, 20,000 rows, 1,000 rows/s, 100.0 kB/s, 45 %, about 12 s left, now a\n");
    seconds_left = 125;
    assert_non_null(strstr(update(&scene, 10 * SECOND, 30000, "a"), "about 2 min 05 s left"));
    scene_done(&scene);
}

static void test_rate_forgets_what_is_long_past(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 200);
    (void)update(&scene, SECOND, 1000000, "a");
    for (int i = 0; i < PROGRESS_SAMPLES; i++) {
        (void)update(&scene, SECOND, 1000000, "a");
    }
    assert_non_null(strstr(update(&scene, SECOND, 1000000, "a"), " 0 rows/s"));
    scene_done(&scene);
}

static void test_log_line_takes_the_bar_away_first(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 80);
    (void)update(&scene, SECOND, 1, "a");
    ps_buffer_clear(&scene.screen.written);
    progress_line(&scene.progress, "warning: x");
    assert_string_equal(ps_buffer_text(&scene.screen.written), "\r\033[Kwarning: x\n");
    ps_buffer_clear(&scene.screen.written);
    progress_line(&scene.progress, "again");
    assert_string_equal(ps_buffer_text(&scene.screen.written), "again\n");
    scene_done(&scene);
}

static void test_done_leaves_no_bar_behind(void **state)
{
    struct scene scene;

    (void)state;
    scene_init(&scene, true, 80);
    (void)update(&scene, SECOND, 1, "a");
    ps_buffer_clear(&scene.screen.written);
    progress_done(&scene.progress);
    assert_string_equal(ps_buffer_text(&scene.screen.written), "\r\033[K");
    ps_buffer_done(&scene.screen.written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bar_shows_tables_rows_and_rates),
        cmocka_unit_test(test_bar_is_redrawn_at_most_ten_times_a_second),
        cmocka_unit_test(test_bar_goes_by_rows_where_they_are_known),
        cmocka_unit_test(test_bar_never_fills_the_line),
        cmocka_unit_test(test_colour_stands_round_the_bar_alone),
        cmocka_unit_test(test_line_every_ten_seconds_where_there_is_no_terminal),
        cmocka_unit_test(test_line_tells_percent_and_time_left_where_they_are_known),
        cmocka_unit_test(test_rate_forgets_what_is_long_past),
        cmocka_unit_test(test_log_line_takes_the_bar_away_first),
        cmocka_unit_test(test_done_leaves_no_bar_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
