/*
 * The progress bar and its plain form. See progress.h.
 */
#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/text.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define BAR_EVERY_NS (NS_PER_SECOND / 10)
#define LINE_EVERY_NS (NS_PER_SECOND * 10)
#define SAMPLE_EVERY_NS NS_PER_SECOND

#define BAR_WIDTH_MAX 30
#define BAR_WIDTH_MIN 8

#define CLEAR_LINE "\r\033[K"

void progress_init(struct progress *progress, const struct ps_clock *clock,
                   const struct terminal *terminal)
{
    int64_t now = clock->monotonic_ns(clock);

    *progress = (struct progress){.clock = clock, .terminal = terminal};
    ps_mutex_init(&progress->lock);
    progress->bar_due_ns = now;
    progress->line_due_ns = now + LINE_EVERY_NS;
    progress->samples[0].ns = now;
    progress->samples_count = 1;
}

static void put(struct progress *progress, const char *text)
{
    progress->terminal->write(progress->terminal->context, text, strlen(text));
}

static void clear_bar(struct progress *progress)
{
    if (progress->drawn) {
        put(progress, CLEAR_LINE);
        progress->drawn = false;
    }
}

void progress_done(struct progress *progress)
{
    clear_bar(progress);
    ps_mutex_done(&progress->lock);
}

struct rates {
    double rows, bytes; /* a second */
};

/* Takes a sample where one is due, and gives the rates since the oldest that is kept. */
static struct rates measure(struct progress *progress, const struct ps_progress *now, int64_t ns)
{
    size_t count = progress->samples_count;
    const struct progress_sample *last = &progress->samples[(count - 1) % PROGRESS_SAMPLES];
    const struct progress_sample *oldest;
    double seconds;

    if (ns - last->ns >= SAMPLE_EVERY_NS) {
        progress->samples[count % PROGRESS_SAMPLES] =
            (struct progress_sample){.ns = ns, .rows = now->rows, .bytes = now->bytes};
        progress->samples_count = ++count;
    }
    oldest = &progress->samples[count > PROGRESS_SAMPLES ? count % PROGRESS_SAMPLES : 0];
    seconds = (double)(ns - oldest->ns) / (double)NS_PER_SECOND;
    if (seconds < 0.2) { /* too short to say anything */
        return (struct rates){0};
    }
    return (struct rates){.rows = (double)(now->rows - oldest->rows) / seconds,
                          .bytes = (double)(now->bytes - oldest->bytes) / seconds};
}

/* Fractions of a second would only flicker. */
static const char *time_left(double seconds, char out[FIGURES_SIZE])
{
    if (seconds >= 59.5) {
        return figures_seconds(seconds, out);
    }
    (void)snprintf(out, FIGURES_SIZE, "%.0f s", seconds);
    return out;
}

/* "3/9 tables, 1,234,567 rows, 345,678 rows/s, 45.3 MB/s, 45 %, about 12 s left" */
static void describe(struct ps_buffer *out, const struct ps_progress *now, struct rates rates)
{
    char rows[FIGURES_SIZE], rows_rate[FIGURES_SIZE], bytes_rate[FIGURES_SIZE], left[FIGURES_SIZE];

    ps_buffer_printf(out, "%zu/%zu tables, %s rows, %s rows/s, %s/s", now->tables_done,
                     now->tables_total, figures_count(now->rows, rows),
                     figures_count((uint64_t)rates.rows, rows_rate),
                     figures_bytes((uint64_t)rates.bytes, bytes_rate));
    if (now->percent >= 0 && now->percent < 100) {
        ps_buffer_printf(out, ", %d %%", now->percent);
        if (now->seconds_left >= 0) {
            ps_buffer_printf(out, ", about %s left", time_left(now->seconds_left, left));
        }
    }
}

/* 0 … 1: by rows where it is known how many there are, else by tables. Full only when all is done.
 */
static double fraction_done(const struct ps_progress *now)
{
    if (now->percent >= 0) {
        return now->percent / 100.0;
    }
    return now->tables_total == 0 ? 0 : (double)now->tables_done / (double)now->tables_total;
}

static void draw_bar(struct progress *progress, const struct ps_progress *now, struct rates rates)
{
    const struct terminal *terminal = progress->terminal;
    bool colour = terminal->colour(terminal->context);
    size_t width = terminal->width(terminal->context);
    size_t room, bar = 0, filled;
    struct ps_buffer figures, line;

    ps_buffer_init(&figures, 0);
    ps_buffer_init(&line, 0);
    describe(&figures, now, rates);
    width = width > 1 ? width - 1 : 1; /* a full line would make some terminals wrap */
    room = text_width(ps_buffer_text(&figures)) + 3;
    if (width >= room + BAR_WIDTH_MIN) {
        bar = width - room > BAR_WIDTH_MAX ? BAR_WIDTH_MAX : width - room;
    }
    ps_buffer_puts(&line, CLEAR_LINE);
    if (bar > 0) {
        filled = (size_t)(fraction_done(now) * (double)bar);
        ps_buffer_printf(&line, "[%s", colour ? "\033[32m" : "");
        for (size_t i = 0; i < bar; i++) {
            ps_buffer_putc(&line, i < filled ? '#' : '-');
        }
        ps_buffer_printf(&line, "%s] ", colour ? "\033[0m" : "");
        width -= bar + 3;
    }
    width -= text_cut(&line, ps_buffer_text(&figures), width);
    if (now->checkpointing && width > strlen(", saving")) {
        ps_buffer_puts(&line, ", saving");
    } else if (now->table != NULL && width > 10) {
        ps_buffer_puts(&line, "  ");
        (void)text_cut(&line, now->table, width - 2);
    }
    put(progress, ps_buffer_text(&line));
    progress->drawn = true;
    ps_buffer_done(&line);
    ps_buffer_done(&figures);
}

static void write_line(struct progress *progress, const struct ps_progress *now, struct rates rates)
{
    struct ps_buffer line;

    ps_buffer_init(&line, 0);
    describe(&line, now, rates);
    if (now->table != NULL) {
        ps_buffer_puts(&line, ", now ");
        text_clean(&line, now->table);
    }
    ps_buffer_putc(&line, '\n');
    clear_bar(progress);
    put(progress, ps_buffer_text(&line));
    ps_buffer_done(&line);
}

void progress_update(struct progress *progress, const struct ps_progress *now)
{
    int64_t ns = progress->clock->monotonic_ns(progress->clock);
    struct rates rates;

    ps_mutex_lock(&progress->lock);
    rates = measure(progress, now, ns);
    if (progress->terminal->bar(progress->terminal->context)) {
        if (ns >= progress->bar_due_ns) {
            draw_bar(progress, now, rates);
            progress->bar_due_ns = ns + BAR_EVERY_NS;
        }
    } else if (ns >= progress->line_due_ns) {
        write_line(progress, now, rates);
        progress->line_due_ns = ns + LINE_EVERY_NS;
    }
    ps_mutex_unlock(&progress->lock);
}

void progress_line(struct progress *progress, const char *text)
{
    struct ps_buffer line;

    ps_buffer_init(&line, 0);
    text_clean(&line, text);
    ps_buffer_putc(&line, '\n');
    ps_mutex_lock(&progress->lock);
    clear_bar(progress);
    put(progress, ps_buffer_text(&line));
    ps_mutex_unlock(&progress->lock);
    ps_buffer_done(&line);
}
