/*
 * Documents for machines. See result.h.
 */
#include "cli/result.h"

#include "base/log.h"
#include "cli/figures.h"

void result_put_redacted(struct ps_json_writer *writer, const char *name, const char *text)
{
    struct ps_buffer clean;

    ps_buffer_init(&clean, 0);
    ps_redact(&clean, text);
    ps_json_put_text(writer, name, ps_buffer_text(&clean));
    ps_buffer_done(&clean);
}

void result_put_optional(struct ps_json_writer *writer, const char *name, const char *text)
{
    if (text == NULL) {
        ps_json_put_null(writer, name);
    } else {
        ps_json_put_text(writer, name, text);
    }
}

void result_put_count(struct ps_json_writer *writer, const char *name, uint64_t count)
{
    ps_json_put_integer(writer, name, count > INT64_MAX ? INT64_MAX : (int64_t)count);
}

void result_put_estimate(struct ps_json_writer *writer, const char *name, int64_t estimate)
{
    if (estimate < 0) {
        ps_json_put_null(writer, name);
    } else {
        ps_json_put_integer(writer, name, estimate);
    }
}

const char *result_status(enum ps_status status)
{
    if (status == PS_OK) {
        return "succeeded";
    }
    return status == PS_CANCELED ? "interrupted" : "failed";
}

static void put_error(struct ps_json_writer *writer, enum ps_status status,
                      const struct ps_error *err)
{
    if (status == PS_OK || status == PS_CANCELED || err == NULL) {
        ps_json_put_null(writer, "error");
        return;
    }
    ps_json_open(writer, "error", '{');
    ps_json_put_text(writer, "status", ps_status_name(err->status));
    ps_json_put_text(writer, "class", ps_error_class_name(err->error_class));
    if (err->sqlstate[0] != '\0') {
        ps_json_put_text(writer, "sqlstate", err->sqlstate);
    }
    result_put_redacted(writer, "message", err->message);
    ps_json_close(writer, '}');
}

static void put_texts(struct ps_json_writer *writer, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        result_put_redacted(writer, NULL, texts[i]);
    }
}

void result_put_warnings(struct ps_json_writer *writer, const char *const *first,
                         size_t first_count, const char *const *second, size_t second_count)
{
    ps_json_open(writer, "warnings", '[');
    put_texts(writer, first, first_count);
    put_texts(writer, second, second_count);
    ps_json_close(writer, ']');
}

static void put_sync_warnings(struct ps_json_writer *writer, const struct result *result)
{
    ps_json_open(writer, "warnings", '[');
    put_texts(writer, result->warnings, result->warnings_count);
    if (result->note != NULL) {
        ps_json_put_text(writer, NULL, result->note);
    }
    if (result->run != NULL) {
        put_texts(writer, result->run->warnings, result->run->warnings_count);
    }
    ps_json_close(writer, ']');
}

/* What tables and totals have in common. */
static void put_sums(struct ps_json_writer *writer, const struct ps_table_result *sums)
{
    result_put_count(writer, "upserts", sums->upserts);
    result_put_count(writer, "updates", sums->updates);
    result_put_count(writer, "deletes", sums->deletes);
    result_put_count(writer, "truncates", sums->truncates);
    result_put_count(writer, "skipped", sums->skipped);
    result_put_count(writer, "bytes", sums->bytes);
}

/* Of a sync that others come before or after: `null` where changes cannot be told from rows that
 * were sent again. */
static void put_changed(struct ps_json_writer *writer, const struct ps_changed *changed)
{
    if (!changed->wanted) {
        return;
    }
    if (!changed->known) {
        ps_json_put_null(writer, "changed");
        return;
    }
    ps_json_open(writer, "changed", '{');
    result_put_count(writer, "upserts", changed->upserts);
    result_put_count(writer, "updates", changed->updates);
    result_put_count(writer, "deletes", changed->deletes);
    ps_json_close(writer, '}');
}

static void put_table_members(struct ps_json_writer *writer, const struct ps_table_result *table)
{
    ps_json_put_text(writer, "schema", table->schema);
    ps_json_put_text(writer, "table", table->table);
    ps_json_put_text(writer, "mode", ps_mode_name(table->mode));
    result_put_optional(writer, "reason", table->reason);
    put_sums(writer, table);
    put_changed(writer, &table->changed);
    if (table->mixed_snapshot) {
        ps_json_put_boolean(writer, "mixed_snapshot", true);
    }
    ps_json_put_number(writer, "seconds", table->seconds, 3);
    if (table->preprocessed) {
        ps_json_put_integer(writer, "preprocessed_rows", table->preprocessed_rows);
    }
}

/* Known when all is done, and so in no event. */
static void put_validation(struct ps_json_writer *writer, const struct ps_validation *counted)
{
    if (!counted->wanted) {
        return;
    }
    ps_json_open(writer, "validation", '{');
    result_put_estimate(writer, "count", counted->method == PS_COUNT_NONE ? -1 : counted->rows);
    ps_json_put_text(writer, "count_method", ps_count_method_name(counted->method));
    ps_json_close(writer, '}');
}

static void put_totals(struct ps_json_writer *writer, const struct ps_run_result *run)
{
    struct ps_table_result sums = ps_run_result_totals(run);

    ps_json_open(writer, "totals", '{');
    put_sums(writer, &sums);
    result_put_count(writer, "schema_changes", run->schema_changes);
    result_put_count(writer, "checkpoints", run->checkpoints);
    ps_json_put_number(writer, "rows_per_second",
                       figures_rate(sums.upserts + sums.updates + sums.deletes, run->seconds), 1);
    ps_json_put_number(writer, "cpu_seconds", run->cpu_seconds, 3);
    result_put_count(writer, "memory_peak_bytes", run->memory_peak_bytes);
    result_put_estimate(writer, "memory_average_bytes",
                        run->memory_average_bytes == 0 ? -1 : (int64_t)run->memory_average_bytes);
    ps_json_open(writer, "retries", '{');
    for (size_t i = 0; i < PS_ERROR_CLASSES; i++) {
        const char *name = ps_error_class_name((enum ps_error_class)i);
        if (run->retries[i] > 0) {
            result_put_count(writer, *name == '\0' ? "other" : name, run->retries[i]);
        }
    }
    ps_json_close(writer, '}');
    ps_json_close(writer, '}');
}

/* What was changed under way, and why. */
static void put_changes(struct ps_json_writer *writer, const struct ps_run_result *run)
{
    char at[PS_VALUE_TEXT_SIZE];

    ps_json_open(writer, "parameter_changes", '[');
    for (size_t i = 0; i < run->changes_count; i++) {
        const struct ps_parameter_change *change = &run->changes[i];
        ps_timestamp_format(change->at, true, at);
        ps_json_open(writer, NULL, '{');
        ps_json_put_text(writer, "at", at);
        ps_json_put_text(writer, "parameter", change->parameter);
        ps_json_put_integer(writer, "old_value", change->old_value);
        ps_json_put_integer(writer, "new_value", change->new_value);
        ps_json_put_text(writer, "cause", change->cause);
        ps_json_close(writer, '}');
    }
    ps_json_close(writer, ']');
}

void result_begin(struct ps_json_writer *writer, struct ps_buffer *buffer, enum ps_status status,
                  const char *source)
{
    result_begin_event(writer, buffer, "result");
    ps_json_put_text(writer, "status", result_status(status));
    result_put_optional(writer, "source", source);
}

/* It frees what the line was made in. */
void result_send_line(struct ps_json_writer *writer, struct output *out)
{
    ps_json_close(writer, '}');
    ps_buffer_putc(writer->out, '\n');
    output_buffer(out, writer->out);
    (void)output_flush(out); /* a failure is kept, and told at the end */
    ps_buffer_done(writer->out);
}

void result_end(struct ps_json_writer *writer, enum ps_status status, const struct ps_error *err,
                struct output *out)
{
    put_error(writer, status, err);
    result_send_line(writer, out);
}

void result_write(const struct result *result, struct output *out)
{
    static const struct ps_run_result nothing;
    const struct ps_run_result *run = result->run == NULL ? &nothing : result->run;
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin(&writer, &buffer, result->status, result->source);
    result_put_optional(&writer, "warehouse", result->warehouse);
    ps_json_put_number(&writer, "seconds", run->seconds, 3);
    ps_json_open(&writer, "tables", '[');
    for (size_t i = 0; i < run->tables_count; i++) {
        ps_json_open(&writer, NULL, '{');
        put_table_members(&writer, &run->tables[i]);
        put_validation(&writer, &run->tables[i].validation);
        ps_json_close(&writer, '}');
    }
    ps_json_close(&writer, ']');
    put_totals(&writer, run);
    put_changes(&writer, run);
    put_sync_warnings(&writer, result);
    ps_json_open(&writer, "breaches", '[');
    ps_json_close(&writer, ']');
    result_end(&writer, result->status, result->err, out);
}

void result_write_failed_sync(struct output *out, const struct ps_error *err)
{
    const struct result result = {.status = err->status, .err = err};

    result_write(&result, out);
}

void result_write_failed(struct output *out, const struct ps_error *err)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin(&writer, &buffer, err->status, NULL);
    result_end(&writer, err->status, err, out);
}

static void put_plan_members(struct ps_json_writer *writer, const struct ps_plan_table *table)
{
    ps_json_put_text(writer, "schema", table->source_table->schema);
    ps_json_put_text(writer, "table", table->source_table->name);
    ps_json_put_text(writer, "destination_schema", table->sink_table->schema);
    ps_json_put_text(writer, "destination_table", table->sink_table->name);
    ps_json_put_text(writer, "mode", ps_mode_name(table->mode));
    result_put_optional(writer, "reason", table->reason);
    ps_json_put_boolean(writer, "load", table->load);
    result_put_optional(writer, "load_reason", table->load_reason);
    result_put_optional(writer, "cursor",
                        table->cursor < 0 ? NULL : table->read_table->columns[table->cursor].name);
    result_put_optional(
        writer, "soft_delete",
        table->soft_delete < 0 ? NULL : table->read_table->columns[table->soft_delete].name);
    result_put_estimate(writer, "rows_estimate", table->source_table->rows_estimate);
    result_put_estimate(writer, "bytes_estimate", table->source_table->bytes_estimate);
    ps_json_put_text(writer, "class", ps_size_class_name(table->sizing.size_class));
    ps_json_put_text(writer, "strategy", ps_strategy_name(table->sizing.strategy));
    ps_json_put_text(writer, "strategy_reason", table->sizing.reason);
    ps_json_put_integer(writer, "batch_rows", table->sizing.parameters.batch_rows);
    ps_json_put_integer(writer, "batch_bytes", (int64_t)table->sizing.parameters.batch_bytes);
    ps_json_put_integer(writer, "checkpoint_rows",
                        (int64_t)table->sizing.parameters.checkpoint_rows);
}

void result_put_seconds(struct ps_json_writer *writer, const char *name, double seconds)
{
    if (seconds < 0) {
        ps_json_put_null(writer, name);
    } else {
        ps_json_put_number(writer, name, seconds, 3);
    }
}

void result_put_plan_table(struct ps_json_writer *writer, const struct ps_plan_table *table,
                           const double *seconds)
{
    ps_json_open(writer, NULL, '{');
    put_plan_members(writer, table);
    if (seconds != NULL) {
        ps_json_put_integer(writer, "partitions", table->partitions);
        ps_json_put_integer(writer, "partitions_left", table->partitions_left);
        ps_json_put_integer(writer, "threads", table->threads);
        result_put_seconds(writer, "estimate_seconds", *seconds);
    }
    ps_json_close(writer, '}');
}

void result_begin_event(struct ps_json_writer *writer, struct ps_buffer *buffer, const char *event)
{
    ps_buffer_init(buffer, 0);
    ps_json_writer_init(writer, buffer, false);
    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "event", event);
}

void result_write_plan(const struct ps_plan *plan, struct output *out)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin_event(&writer, &buffer, "plan");
    ps_json_open(&writer, "tables", '[');
    for (size_t i = 0; i < plan->tables_count; i++) {
        result_put_plan_table(&writer, &plan->tables[i], NULL);
    }
    ps_json_close(&writer, ']');
    result_send_line(&writer, out);
}

void result_write_progress(const struct ps_progress *progress, struct output *out)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin_event(&writer, &buffer, "progress");
    result_put_count(&writer, "tables_done", progress->tables_done);
    result_put_count(&writer, "tables", progress->tables_total);
    result_put_count(&writer, "rows", progress->rows);
    result_put_count(&writer, "bytes", progress->bytes);
    ps_json_put_number(&writer, "seconds", progress->seconds, 3);
    result_put_estimate(&writer, "percent", progress->percent);
    result_put_seconds(&writer, "seconds_left", progress->seconds_left);
    result_send_line(&writer, out);
}

void result_write_table(const struct ps_table_result *table, struct output *out)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin_event(&writer, &buffer, "table");
    put_table_members(&writer, table);
    result_send_line(&writer, out);
}

void result_write_warning(const char *text, struct output *out)
{
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin_event(&writer, &buffer, "warning");
    result_put_redacted(&writer, "message", text);
    result_send_line(&writer, out);
}
