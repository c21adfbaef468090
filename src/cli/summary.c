/*
 * What a sync did, for people. See summary.h.
 */
#include "cli/summary.h"

#include "cli/figures.h"
#include "cli/table.h"

/* More tables than these are counted in one line. */
#define TABLES_SHOWN 40

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
};

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
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
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

    output_printf(out, "%s rows (%s) of %zu table%s from %s in %s: %s rows/s\n",
                  figures_count(rows_of(&totals), rows), figures_bytes(totals.bytes, bytes), tables,
                  tables == 1 ? "" : "s", summary->source_label,
                  figures_seconds(summary->run->seconds, seconds),
                  figures_count((uint64_t)per_second, rate));
    if (totals.skipped > 0) {
        output_printf(out, "%s rows could not be carried and were left out: see the warnings\n",
                      figures_count(totals.skipped, rows));
    }
    if (summary->warehouse == NULL) {
        output_puts(out, "they were counted and thrown away: --destination null keeps neither rows "
                         "nor state\n");
    } else {
        output_printf(out, "they lie in %s, schema %s\n", summary->warehouse, summary->schema);
    }
}

static void print_next(const struct summary *summary, struct output *out)
{
    if (summary->warehouse == NULL) {
        return;
    }
    output_puts(out, "\nwhat to try next:\n");
    output_puts(out, "  the same command again      reads only what has changed since\n");
    output_printf(out, "  duckdb %s -c \"SHOW ALL TABLES\"\n", summary->warehouse);
    output_printf(out,
                  "  python3 -c \"import duckdb; print(duckdb.connect('%s').sql('SHOW ALL "
                  "TABLES'))\"\n",
                  summary->warehouse);
    if (summary->config_path == NULL) {
        output_puts(out, "  penstock sync --config examples/postgresql/configuration.json\n"
                         "                              your own database, once the file names "
                         "it\n");
    }
}

void summary_print(const struct summary *summary, struct output *out)
{
    print_tables(summary->run, out);
    print_totals(summary, out);
    if (summary->status == PS_OK) {
        print_next(summary, out);
    } else if (summary->warehouse != NULL) {
        output_printf(out, "%s: what is above is saved; the same command goes on from there\n",
                      summary->status == PS_CANCELED ? "interrupted" : "not finished");
    }
}
