/*
 * The tester's report. See tester_report.h.
 */
#include "cli/tester_report.h"

#include "base/log.h"
#include "cli/figures.h"
#include "cli/result.h"
#include "cli/table.h"
#include "cli/text.h"

/* More tables than these are counted in one line. */
#define TABLES_SHOWN 200

static const struct table_column columns[] = {
    {.title = "table", .width_max = 48},
    {.title = "Upserts", .align = TABLE_RIGHT},
    {.title = "Updates", .align = TABLE_RIGHT},
    {.title = "Deletes", .align = TABLE_RIGHT},
    {.title = "Truncates", .align = TABLE_RIGHT},
    {.title = "SchemaChanges", .align = TABLE_RIGHT},
    {.title = "Checkpoints", .align = TABLE_RIGHT},
};

static void put_name(struct ps_buffer *out, const char *schema, const char *name)
{
    bool has_schema = schema != NULL && *schema != '\0';
    ps_buffer_printf(out, "%s%s%s", has_schema ? schema : "", has_schema ? "." : "", name);
}

static void put_breach(struct ps_buffer *out, const struct ps_tester_breach *breach)
{
    if (breach->table != NULL) {
        put_name(out, breach->schema, breach->table);
        ps_buffer_puts(out, ": ");
    }
    ps_buffer_puts(out, breach->message);
}

/* One line of a person's report; names and texts come from strangers. */
static void print_line(const struct tester_report *report, const struct ps_buffer *line)
{
    struct ps_buffer redacted, clean;
    ps_buffer_init(&redacted, 0);
    ps_buffer_init(&clean, 0);
    ps_redact(&redacted, ps_buffer_text(line));
    text_clean(&clean, ps_buffer_text(&redacted));
    output_printf(report->out, "%s\n", ps_buffer_text(&clean));
    (void)output_flush(report->out); /* a failure is kept, and told at the end */
    ps_buffer_done(&redacted);
    ps_buffer_done(&clean);
}

static void print_event(const struct tester_report *report, const struct ps_tester_event *event)
{
    struct ps_buffer line;
    char figure[FIGURES_SIZE];
    ps_buffer_init(&line, 0);
    switch (event->kind) {
    case PS_TESTER_FORM:
        ps_buffer_printf(&line, "form           %s", event->text);
        break;
    case PS_TESTER_TEST:
        ps_buffer_printf(
            &line, "test           %s: %s%s", event->name,
            event->text == NULL ? "passed" : "FAILED: ", event->text == NULL ? "" : event->text);
        break;
    case PS_TESTER_SCHEMA:
        ps_buffer_printf(&line, "schema         %s", event->text);
        break;
    case PS_TESTER_CHANGED:
        ps_buffer_puts(&line, "schema change  ");
        put_name(&line, event->schema, event->name);
        ps_buffer_printf(&line, ": %s", event->text);
        break;
    case PS_TESTER_CHECKPOINT:
        ps_buffer_printf(&line, "checkpoint     %llu, after %s records",
                         (unsigned long long)event->number, figures_count(event->rows, figure));
        break;
    case PS_TESTER_WARNING:
        ps_log(PS_LOG_WARNING, "%s", event->text);
        break;
    case PS_TESTER_TASK:
        ps_buffer_printf(&line, "task           %s", event->text);
        break;
    case PS_TESTER_BREACH: {
        struct ps_buffer text;
        ps_buffer_init(&text, 0);
        put_breach(&text, event->breach);
        ps_log(PS_LOG_WARNING, "breach of the contract: %s", ps_buffer_text(&text));
        ps_buffer_done(&text);
        break;
    }
    case PS_TESTER_WAITING:
        ps_log(PS_LOG_INFO, "the connector has sent nothing for %llu s; still waiting",
               (unsigned long long)event->number);
        break;
    }
    if (line.size > 0) {
        print_line(report, &line);
    }
    ps_buffer_done(&line);
}

static void put_optional(struct ps_json_writer *writer, const char *name, const char *text)
{
    if (text == NULL) {
        ps_json_put_null(writer, name);
    } else {
        result_put_redacted(writer, name, text);
    }
}

static void put_breach_members(struct ps_json_writer *writer, const struct ps_tester_breach *breach)
{
    ps_json_put_text(writer, "kind", ps_tester_breach_name(breach));
    put_optional(writer, "schema", breach->schema);
    put_optional(writer, "table", breach->table);
    put_optional(writer, "column", breach->column);
    result_put_redacted(writer, "message", breach->message);
}

static void write_event(const struct tester_report *report, const struct ps_tester_event *event)
{
    static const char *const names[] = {
        [PS_TESTER_FORM] = "form",
        [PS_TESTER_TEST] = "test",
        [PS_TESTER_SCHEMA] = "schema",
        [PS_TESTER_CHANGED] = "schema_change",
        [PS_TESTER_CHECKPOINT] = "checkpoint",
        [PS_TESTER_WARNING] = "warning",
        [PS_TESTER_TASK] = "task",
        [PS_TESTER_BREACH] = "breach",
        [PS_TESTER_WAITING] = "waiting",
    };
    struct ps_json_writer writer;
    struct ps_buffer buffer;
    result_begin_event(&writer, &buffer, names[event->kind]);
    switch (event->kind) {
    case PS_TESTER_TEST:
        result_put_redacted(&writer, "test", event->name);
        ps_json_put_boolean(&writer, "success", event->text == NULL);
        put_optional(&writer, "message", event->text);
        break;
    case PS_TESTER_CHANGED:
        result_put_redacted(&writer, "schema", event->schema);
        result_put_redacted(&writer, "table", event->name);
        result_put_redacted(&writer, "message", event->text);
        break;
    case PS_TESTER_CHECKPOINT:
        result_put_count(&writer, "number", event->number);
        result_put_count(&writer, "records", event->rows);
        break;
    case PS_TESTER_BREACH:
        put_breach_members(&writer, event->breach);
        break;
    case PS_TESTER_WAITING:
        result_put_count(&writer, "seconds", event->number);
        break;
    default:
        result_put_redacted(&writer, "message", event->text);
    }
    result_send_line(&writer, report->out);
}

void tester_report_event(const struct tester_report *report, const struct ps_tester_event *event)
{
    if (report->json) {
        write_event(report, event);
    }
    /* Lines for people go to standard output but with --json, log lines to standard error always.
     */
    if (!report->json || event->kind == PS_TESTER_WARNING || event->kind == PS_TESTER_BREACH ||
        event->kind == PS_TESTER_WAITING) {
        print_event(report, event);
    }
}

static void add_row(struct table *table, const char *name, const struct ps_tester_table *row)
{
    table_add(table, name);
    table_add_count(table, row->upserts);
    table_add_count(table, row->updates);
    table_add_count(table, row->deletes);
    table_add_count(table, row->truncates);
    table_add_count(table, row->schema_changes);
}

static void print_table(const struct tester_report *report, const struct ps_tester_result *result)
{
    struct table table;
    size_t shown = result->tables_count > TABLES_SHOWN ? TABLES_SHOWN : result->tables_count;
    table_init(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < shown; i++) {
        struct ps_buffer name;
        ps_buffer_init(&name, 0);
        put_name(&name, result->tables[i].schema, result->tables[i].table);
        add_row(&table, ps_buffer_text(&name), &result->tables[i]);
        table_add(&table, "");
        ps_buffer_done(&name);
    }
    add_row(&table, "total", &result->totals);
    table_add_count(&table, result->checkpoints);
    output_puts(report->out, "\n");
    table_print(&table, report->out, 0);
    table_done(&table);
    if (shown < result->tables_count) {
        output_printf(report->out, "… and %zu more tables (--json shows all)\n",
                      result->tables_count - shown);
    }
    output_puts(report->out, "\n");
}

static void print_breaches(const struct tester_report *report,
                           const struct ps_tester_result *result)
{
    if (result->breaches_count == 0) {
        return;
    }
    output_printf(report->out, "breaches of the contract:\n");
    for (size_t i = 0; i < result->breaches_count; i++) {
        struct ps_buffer line;
        char figure[FIGURES_SIZE];
        ps_buffer_init(&line, 0);
        ps_buffer_printf(&line, "  %s x  ", figures_count(result->breaches[i].count, figure));
        put_breach(&line, &result->breaches[i]);
        print_line(report, &line);
        ps_buffer_done(&line);
    }
    output_puts(report->out, "\n");
}

static void print_verdict(const struct tester_report *report, const struct ps_tester_result *result,
                          enum ps_status status, bool breached)
{
    uint64_t rows = result->totals.upserts + result->totals.updates + result->totals.deletes;
    char figure[FIGURES_SIZE], rate[FIGURES_SIZE], seconds[FIGURES_SIZE];
    output_printf(report->out, "%s records in %s: %s records/s\n", figures_count(rows, figure),
                  figures_seconds(result->seconds, seconds),
                  figures_count((uint64_t)figures_rate(rows, result->seconds), rate));
    if (result->totals.skipped > 0) {
        output_printf(report->out, "%s records could not be carried and were left out\n",
                      figures_count(result->totals.skipped, figure));
    }
    if (result->files > 0) {
        output_printf(report->out, "%s files (%s) lie below %s\n",
                      figures_count(result->files, figure), figures_bytes(result->file_bytes, rate),
                      report->folder);
    }
    output_printf(report->out, "the tables lie in %s, schema %s\n", report->warehouse,
                  report->schema);
    if (status == PS_CANCELED) {
        output_puts(report->out, "interrupted: the state is that of the last checkpoint; the same "
                                 "command goes on from there\n");
    } else if (status != PS_OK && rows > 0) {
        output_puts(report->out, "what came after the last checkpoint is counted above, but was "
                                 "thrown away: tables and state are those of that checkpoint\n");
    }
    output_printf(report->out, "Sync %s%s\n", status == PS_OK && !breached ? "SUCCEEDED" : "FAILED",
                  breached ? ": the connector broke the contract (--strict)" : "");
}

static void write_table(struct ps_json_writer *writer, const struct ps_tester_table *table)
{
    result_put_count(writer, "upserts", table->upserts);
    result_put_count(writer, "updates", table->updates);
    result_put_count(writer, "deletes", table->deletes);
    result_put_count(writer, "truncates", table->truncates);
    result_put_count(writer, "schema_changes", table->schema_changes);
    result_put_count(writer, "skipped", table->skipped);
    result_put_count(writer, "bytes", table->bytes);
}

static void write_tables(struct ps_json_writer *writer, const struct ps_tester_result *result)
{
    ps_json_open(writer, "tables", '[');
    for (size_t i = 0; i < result->tables_count; i++) {
        ps_json_open(writer, NULL, '{');
        result_put_redacted(writer, "schema", result->tables[i].schema);
        result_put_redacted(writer, "table", result->tables[i].table);
        ps_json_put_null(writer, "mode");
        ps_json_put_null(writer, "reason");
        write_table(writer, &result->tables[i]);
        ps_json_put_number(writer, "seconds", result->seconds, 3);
        ps_json_close(writer, '}');
    }
    ps_json_close(writer, ']');
}

static void write_totals(struct ps_json_writer *writer, const struct ps_tester_result *result)
{
    uint64_t rows = result->totals.upserts + result->totals.updates + result->totals.deletes;
    ps_json_open(writer, "totals", '{');
    write_table(writer, &result->totals);
    result_put_count(writer, "checkpoints", result->checkpoints);
    result_put_count(writer, "messages", result->messages);
    result_put_count(writer, "files", result->files);
    result_put_count(writer, "file_bytes", result->file_bytes);
    ps_json_put_number(writer, "rows_per_second", figures_rate(rows, result->seconds), 1);
    ps_json_put_number(writer, "cpu_seconds", result->cpu_seconds, 3);
    result_put_count(writer, "memory_peak_bytes", result->memory_peak_bytes);
    ps_json_open(writer, "retries", '{');
    ps_json_close(writer, '}');
    ps_json_close(writer, '}');
}

static void write_breaches(struct ps_json_writer *writer, const struct ps_tester_result *result)
{
    ps_json_open(writer, "breaches", '[');
    for (size_t i = 0; i < result->breaches_count; i++) {
        ps_json_open(writer, NULL, '{');
        put_breach_members(writer, &result->breaches[i]);
        result_put_count(writer, "count", result->breaches[i].count);
        ps_json_close(writer, '}');
    }
    ps_json_close(writer, ']');
}

static void write_document(const struct tester_report *report,
                           const struct ps_tester_result *result, enum ps_status status,
                           const struct ps_error *err)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;
    result_begin(&writer, &buffer, status, "connector");
    put_optional(&writer, "warehouse", report->warehouse);
    ps_json_put_number(&writer, "seconds", result->seconds, 3);
    write_tables(&writer, result);
    write_totals(&writer, result);
    result_put_warnings(&writer, report->notes, report->notes_count, result->warnings,
                        result->warnings_count);
    write_breaches(&writer, result);
    put_optional(&writer, "task", result->task);
    result_end(&writer, status, err, report->out);
}

void tester_report_end(const struct tester_report *report, const struct ps_tester_result *result,
                       enum ps_status status, const struct ps_error *err)
{
    bool breached = report->strict && status == PS_OK && result->breaches_total > 0;
    struct ps_error error = {0};
    if (report->json) {
        enum ps_status told = status;
        if (breached) {
            told = ps_fail(&error, PS_DATA, PS_CLASS_DATA,
                           "the connector broke the contract (--strict): see the breaches");
        }
        write_document(report, result, told, breached ? &error : err);
        return;
    }
    print_table(report, result);
    print_breaches(report, result);
    print_verdict(report, result, status, breached);
}

void tester_report_failed(struct output *out, const struct ps_error *err)
{
    const struct tester_report report = {.out = out};
    const struct ps_tester_result nothing = {0};
    write_document(&report, &nothing, err->status, err);
}
