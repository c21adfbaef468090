/*
 * What a sync did, for people. See summary.h.
 */
#include "cli/summary.h"

#include "cli/figures.h"
#include "cli/table.h"
#include "cli/text.h"

/* More tables than these are counted in one line. */
#define TABLES_SHOWN 40
/* As many tables of which a load has not ended are named. */
#define LOST_NAMED 3

static const struct table_column columns[] = {
    {.title = "table", .width_max = 40},
    {.title = "mode"},
    {.title = "read"},
    {.title = "upserts", .align = TABLE_RIGHT},
    {.title = "updates", .align = TABLE_RIGHT},
    {.title = "deletes", .align = TABLE_RIGHT},
    {.title = "skipped", .align = TABLE_RIGHT},
    {.title = "size", .align = TABLE_RIGHT},
    {.title = "time", .align = TABLE_RIGHT},
    {.title = "at the source", .align = TABLE_RIGHT}, /* where rows are counted there */
};
#define COLUMNS_UNCOUNTED (sizeof columns / sizeof columns[0] - 1)

static uint64_t rows_of(const struct ps_table_result *table)
{
    return table->upserts + table->updates + table->deletes;
}

static void add_table(struct table *table, const struct ps_table_result *result)
{
    struct ps_buffer text;
    char figure[FIGURES_SIZE];

    ps_buffer_init(&text, 0);
    ps_buffer_printf(&text, "%s%s%s", result->schema, *result->schema == '\0' ? "" : ".",
                     result->table);
    table_add(table, ps_buffer_text(&text));
    table_add(table, ps_mode_name(result->mode));
    ps_buffer_clear(&text);
    ps_buffer_printf(&text, "%s%s", result->load ? "all rows" : "changes",
                     result->done ? "" : ", not finished");
    table_add(table, ps_buffer_text(&text));
    ps_buffer_done(&text);
    table_add_count(table, result->upserts);
    table_add_count(table, result->updates);
    table_add_count(table, result->deletes);
    table_add_count(table, result->skipped);
    table_add(table, figures_bytes(result->bytes, figure));
    table_add(table, figures_seconds(result->seconds, figure));
    if (result->validation.wanted) {
        table_add(table, figures_estimate(result->validation.method == PS_COUNT_NONE
                                              ? -1
                                              : result->validation.rows,
                                          figure));
    }
}

static void print_tables(const struct ps_run_result *run, struct output *out)
{
    struct table table;
    uint64_t rows_hidden = 0;
    size_t shown = run->tables_count > TABLES_SHOWN ? TABLES_SHOWN : run->tables_count;
    char rows[FIGURES_SIZE];

    if (run->tables_count == 0) {
        return;
    }
    table_init(&table, columns, COLUMNS_UNCOUNTED + run->tables[0].validation.wanted);
    for (size_t i = 0; i < shown; i++) {
        add_table(&table, &run->tables[i]);
    }
    table_print(&table, out, 0);
    table_done(&table);
    for (size_t i = shown; i < run->tables_count; i++) {
        rows_hidden += rows_of(&run->tables[i]);
    }
    if (shown < run->tables_count) {
        output_printf(out, "… and %zu more tables with %s rows (--json shows all)\n",
                      run->tables_count - shown, figures_count(rows_hidden, rows));
    }
    output_puts(out, "\n");
}

static void print_totals(const struct summary *summary, struct output *out)
{
    struct ps_table_result totals = ps_run_result_totals(summary->run);
    char rows[FIGURES_SIZE], rate[FIGURES_SIZE], bytes[FIGURES_SIZE], seconds[FIGURES_SIZE];
    double per_second = figures_rate(rows_of(&totals), summary->run->seconds);
    size_t tables = summary->run->tables_count;

    output_printf(out, "%s row%s (%s) of %zu table%s from %s in %s: %s rows/s\n",
                  figures_count(rows_of(&totals), rows), rows_of(&totals) == 1 ? "" : "s",
                  figures_bytes(totals.bytes, bytes), tables, tables == 1 ? "" : "s",
                  summary->source_label, figures_seconds(summary->run->seconds, seconds),
                  figures_count((uint64_t)per_second, rate));
    if (totals.skipped > 0) {
        output_printf(out, "%s row%s could not be carried and %s left out: see the warnings\n",
                      figures_count(totals.skipped, rows), totals.skipped == 1 ? "" : "s",
                      totals.skipped == 1 ? "was" : "were");
    }
}

/* What the same command would read of the tables of this sync. */
static void print_again(const struct summary *summary, struct output *out)
{
    const struct ps_run_result *run = summary->run;
    size_t whole = 0;

    for (size_t i = 0; i < run->tables_count; i++) {
        whole += run->tables[i].mode == PS_MODE_FULL;
    }
    output_puts(out, "  the same command again      ");
    if (whole == 0) {
        output_puts(out, "reads only what has changed since\n");
    } else if (whole == run->tables_count) {
        output_puts(out, "reads all rows again: nothing tells which have changed\n");
    } else {
        output_printf(out, "reads what has changed since, and %zu table%s whole (mode full)\n",
                      whole, whole == 1 ? "" : "s");
    }
}

/* The commands that are named speak of the same source, warehouse and tables. */
static void put_same_options(struct ps_buffer *text, const struct command_line *line)
{
    static const char *const same[] = {"config", "warehouse", "state", "schema", "tables"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        if (command_given(line, same[i])) {
            ps_buffer_printf(text, " --%s ", same[i]);
            text_shell_word(text, command_text(line, same[i]));
        }
    }
}

static void print_next(const struct summary *summary, struct output *out)
{
    struct ps_buffer text;

    ps_buffer_init(&text, 0);
    output_puts(out, "\nwhat to try next:\n");
    print_again(summary, out);
    ps_buffer_puts(&text, "  ");
    text_shell_word(&text, summary->program);
    ps_buffer_puts(&text, " plan");
    put_same_options(&text, summary->line);
    ps_buffer_puts(&text, "\n                              what would be read, how and why\n"
                          "  duckdb ");
    text_shell_word(&text, summary->warehouse);
    ps_buffer_puts(&text, " -c \"SHOW ALL TABLES\"\n"
                          "                              with DuckDB's command line, or any of its "
                          "libraries\n");
    if (!command_given(summary->line, "config")) {
        ps_buffer_puts(&text, "  ");
        text_shell_word(&text, summary->program);
        ps_buffer_puts(&text,
                       " sync --config examples/postgresql/configuration.json\n"
                       "                              your own database, once the file names it\n");
    }
    output_puts(out, ps_buffer_text(&text));
    ps_buffer_done(&text);
}

/* A load that did not end is in no table yet, and nothing of it is taken up again. */
static bool is_lost(const struct ps_table_result *table)
{
    return table->load && !table->done && !table->goes_on;
}

static bool is_kept(const struct ps_table_result *table)
{
    return table->goes_on && !table->done;
}

/* "a, b, c and 2 more are", of the tables that are so; nothing where there are none. Gives their
 * number. */
static size_t print_names(const struct ps_run_result *run,
                          bool (*is_so)(const struct ps_table_result *table), struct output *out)
{
    size_t count = 0, named = 0;

    for (size_t i = 0; i < run->tables_count; i++) {
        count += is_so(&run->tables[i]);
    }
    for (size_t i = 0; i < run->tables_count && named < LOST_NAMED; i++) {
        if (is_so(&run->tables[i])) {
            output_printf(out, "%s%s", named++ == 0 ? "" : ", ", run->tables[i].table);
        }
    }
    if (count > named) {
        output_printf(out, " and %zu more", count - named);
    }
    if (count > 0) {
        output_puts(out, count == 1 ? " is" : " are");
    }
    return count;
}

/* A sync that did not end well: what of it is in the warehouse, and what is not. */
static void print_unfinished(const struct summary *summary, struct output *out)
{
    const struct ps_run_result *run = summary->run;
    const char *how = summary->status == PS_CANCELED ? "interrupted" : "not finished";
    size_t lost = 0, kept;

    if (run->sink_failed) {
        output_puts(out, run->checkpoints == 0
                             ? "nothing of this sync is saved: the warehouse failed before the "
                               "first checkpoint\n"
                             : "nothing after the last checkpoint is saved: counted is what was "
                               "there then\n");
    }
    if (run->checkpoints > 0) {
        lost = print_names(run, is_lost, out);
        output_puts(out,
                    lost == 0 ? "" : " not whole and will be loaded again from the beginning\n");
    }
    kept = print_names(run, is_kept, out);
    output_puts(
        out, kept == 0 ? "" : " not whole yet; what was read up to the last checkpoint is kept\n");
    if (run->checkpoints == 0 || lost == run->tables_count) {
        output_printf(out, "%s: the same command %s\n", how,
                      kept == 0 ? "begins again" : "goes on from there");
    } else {
        output_printf(out, "%s: %s saved in %s, schema %s; the same command goes on from there\n",
                      how, lost == 0 ? "what is above is" : "the other tables are",
                      summary->warehouse, summary->schema);
    }
}

void summary_print(const struct summary *summary, struct output *out)
{
    if (summary->run->tables_count == 0) {
        output_puts(out, "no table was synced\n");
        return;
    }
    print_tables(summary->run, out);
    print_totals(summary, out);
    if (summary->warehouse == NULL) {
        output_puts(out, "they were counted and thrown away: --destination null keeps neither rows "
                         "nor state\n");
    } else if (summary->status != PS_OK) {
        print_unfinished(summary, out);
    } else {
        output_printf(out, "they lie in %s, schema %s\n", summary->warehouse, summary->schema);
        print_next(summary, out);
    }
}

static void print_part(struct output *out, const char *what, uint64_t count, bool *first)
{
    char text[FIGURES_SIZE];

    if (count > 0) {
        output_printf(out, "%s%s %s%s", *first ? " " : ", ", figures_count(count, text), what,
                      count == 1 ? "" : "s");
        *first = false;
    }
}

/* What there is to tell of the table: changes, or where they cannot be told from what was sent
 * again, all of it. */
static struct ps_changed changes_of(const struct ps_table_result *table)
{
    return table->changed.known ? table->changed
                                : (struct ps_changed){.upserts = table->upserts,
                                                      .updates = table->updates,
                                                      .deletes = table->deletes};
}

static const char *time_text(struct ps_timestamp now, char out[PS_VALUE_TEXT_SIZE])
{
    now.nanos = 0;
    (void)ps_timestamp_format(now, true, out);
    return out;
}

bool summary_print_changes(const struct ps_run_result *run, struct ps_timestamp now,
                           struct output *out)
{
    char time[PS_VALUE_TEXT_SIZE];
    bool any = false;

    for (size_t i = 0; i < run->tables_count; i++) {
        const struct ps_table_result *table = &run->tables[i];
        const struct ps_changed changes = changes_of(table);
        bool first = true;
        if (changes.upserts + changes.updates + changes.deletes == 0) {
            continue;
        }
        output_printf(out, "%s %s%s%s:", time_text(now, time), table->schema,
                      table->schema[0] == '\0' ? "" : ".", table->table);
        print_part(out, "upsert", changes.upserts, &first);
        print_part(out, "update", changes.updates, &first);
        print_part(out, "delete", changes.deletes, &first);
        output_puts(out, table->changed.known ? "" : " sent");
        print_part(out, "bad row", table->skipped, &first);
        output_puts(out, "\n");
        any = true;
    }
    (void)output_flush(out); /* a failure is kept, and told at the end */
    return any;
}

void summary_print_quiet(struct ps_timestamp now, struct output *out)
{
    char time[PS_VALUE_TEXT_SIZE];

    output_printf(out, "%s no changes\n", time_text(now, time));
    (void)output_flush(out);
}
