/*
 * penstock plan: what a sync would read, in which mode and why. It changes nothing.
 */
#include <assert.h>

#include "base/log.h"
#include "cli/figures.h"
#include "cli/local.h"
#include "cli/process.h"
#include "cli/result.h"
#include "cli/table.h"
#include "engine/estimate.h"

#define ARENA_BYTES_MAX ((size_t)256 << 20)

/* What earlier runs tell of this one. */
struct outlook {
    struct ps_arena *arena;
    struct ps_estimate estimate; /* its seconds are NULL: nothing tells … */
    uint64_t runs;
    const char *reason; /* … and why */
};

/* Estimates are a help: a plan without them is a plan all the same. */
static void look_out(const struct local *local, const struct ps_plan *plan, struct outlook *outlook)
{
    struct ps_measured_run runs = {0};
    struct ps_error err = {0};
    enum ps_status status;

    *outlook = (struct outlook){.arena = ps_arena_new(ARENA_BYTES_MAX)};
    if (outlook->arena == NULL) {
        outlook->reason = "out of memory";
        return;
    }
    status = local_read_runs(local, outlook->arena, &runs, &err);
    if (status == PS_OK) {
        status = ps_estimate_make(plan, &runs, outlook->arena, &outlook->estimate, &err);
        outlook->runs = runs.runs;
    }
    if (status == PS_END) {
        outlook->reason = "no earlier run";
    } else if (status != PS_OK) {
        const char *reason = ps_arena_strdup(outlook->arena, err.message);
        outlook->reason = reason == NULL ? "out of memory" : reason;
    }
}

static void add_table(struct table *text, const struct ps_plan_table *table, const double *seconds)
{
    char rows[FIGURES_SIZE];
    struct ps_buffer cell;

    ps_buffer_init(&cell, 0);
    ps_buffer_printf(&cell, "%s%s%s", table->source_table->schema,
                     *table->source_table->schema == '\0' ? "" : ".", table->source_table->name);
    table_add(text, ps_buffer_text(&cell));
    table_add(text, ps_mode_name(table->mode));
    table_add(text, table->load ? "all rows" : "changes");
    table_add(text, figures_estimate(table->source_table->rows_estimate, rows));
    ps_buffer_clear(&cell);
    if (table->partitions_left < table->partitions) {
        ps_buffer_printf(&cell, "%u of ", table->partitions_left);
    }
    ps_buffer_printf(&cell, "%u", table->partitions);
    table_add(text, ps_buffer_text(&cell));
    table_add(text, figures_count(table->threads, rows));
    if (seconds != NULL) {
        table_add(text, *seconds < 0 ? "no earlier run" : figures_seconds(*seconds, rows));
    }
    ps_buffer_clear(&cell);
    ps_buffer_puts(&cell, ps_size_class_name(table->sizing.size_class));
    if (table->sizing.strategy != PS_STRATEGY_NONE) {
        ps_buffer_printf(&cell, "; %s: %s", ps_strategy_name(table->sizing.strategy),
                         table->sizing.reason);
    }
    table_add(text, ps_buffer_text(&cell));
    ps_buffer_clear(&cell);
    ps_buffer_puts(&cell, table->reason);
    if (table->load_reason != NULL) {
        ps_buffer_printf(&cell, "; all rows: %s", table->load_reason);
    }
    table_add(text, ps_buffer_text(&cell));
    ps_buffer_done(&cell);
}

/* The estimate in all. */
static void print_outlook(const struct ps_plan *plan, const struct outlook *outlook,
                          struct output *out)
{
    const struct ps_estimate *estimate = &outlook->estimate;
    char seconds[FIGURES_SIZE], runs[FIGURES_SIZE];

    if (estimate->seconds == NULL || estimate->unknown == plan->tables_count) {
        output_printf(out, "Estimate: none: %s\n",
                      outlook->reason == NULL ? "no earlier run has such a read" : outlook->reason);
        return;
    }
    output_printf(out, "Estimate: %s, by %s earlier run%s", figures_seconds(estimate->all, seconds),
                  figures_count(outlook->runs, runs), outlook->runs == 1 ? "" : "s");
    if (estimate->unknown > 0) {
        output_printf(out, ", without %zu table%s that no earlier run tells of", estimate->unknown,
                      estimate->unknown == 1 ? "" : "s");
    }
    output_printf(out, "\n");
}

static void print_people(const struct ps_plan *plan, const struct outlook *outlook,
                         struct output *out)
{
    static const struct table_column columns[] = {
        {.title = "table", .width_max = 40},
        {.title = "mode"},
        {.title = "read"},
        {.title = "rows", .align = TABLE_RIGHT},
        {.title = "parts", .align = TABLE_RIGHT},
        {.title = "threads", .align = TABLE_RIGHT},
        {.title = "class"},
        {.title = "why"},
    };
    static const struct table_column columns_with_estimates[] = {
        {.title = "table", .width_max = 40},
        {.title = "mode"},
        {.title = "read"},
        {.title = "rows", .align = TABLE_RIGHT},
        {.title = "parts", .align = TABLE_RIGHT},
        {.title = "threads", .align = TABLE_RIGHT},
        {.title = "estimate", .align = TABLE_RIGHT},
        {.title = "class"},
        {.title = "why"},
    };
    const double *estimates = outlook->estimate.seconds;
    struct table text;
    uint64_t rows = 0;
    size_t loads = 0, unknown = 0;
    char count[FIGURES_SIZE];

    table_init(&text, estimates == NULL ? columns : columns_with_estimates,
               sizeof columns / sizeof columns[0] + (estimates != NULL));
    for (size_t i = 0; i < plan->tables_count; i++) {
        int64_t estimate = plan->tables[i].source_table->rows_estimate;
        add_table(&text, &plan->tables[i], estimates == NULL ? NULL : &estimates[i]);
        loads += plan->tables[i].load;
        unknown += estimate < 0;
        rows += estimate < 0 ? 0 : (uint64_t)estimate;
    }
    table_print(&text, out, 0);
    table_done(&text);
    output_printf(out, "\n");
    if (plan->server != NULL) {
        output_printf(out, "Source: %s\n", plan->server);
    }
    output_printf(out, "%zu of %zu tables, about %s rows", plan->tables_count, plan->tables_found,
                  figures_count(rows, count));
    if (unknown > 0) {
        output_printf(out, " and those of %zu tables without statistics", unknown);
    }
    output_printf(out, "; %zu read whole, %zu by their changes\n", loads,
                  plan->tables_count - loads);
    if (plan->metadata_count > 0) {
        output_puts(out, "Metadata tables: ");
        for (size_t i = 0; i < plan->metadata_count; i++) {
            output_printf(out, "%s%s", i == 0 ? "" : ", ", plan->metadata[i].table->name);
        }
        output_puts(out, "\n");
    }
    print_outlook(plan, outlook, out);
}

static void put_outlook(struct ps_json_writer *writer, const struct outlook *outlook)
{
    const struct ps_estimate *estimate = &outlook->estimate;

    ps_json_open(writer, "estimate", '{');
    result_put_seconds(writer, "seconds", estimate->seconds == NULL ? -1 : estimate->all);
    result_put_count(writer, "tables_unknown", estimate->unknown);
    result_put_count(writer, "earlier_runs", outlook->runs);
    result_put_optional(writer, "reason", outlook->reason);
    ps_json_close(writer, '}');
}

static void write_document(const struct local *local, const struct ps_plan *plan,
                           const struct outlook *outlook, struct output *out)
{
    const double none = -1, *estimates = outlook->estimate.seconds;
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin(&writer, &buffer, PS_OK, local->source_name);
    result_put_optional(&writer, "server", plan->server);
    ps_json_put_integer(&writer, "tables_found", (int64_t)plan->tables_found);
    ps_json_open(&writer, "tables", '[');
    for (size_t i = 0; i < plan->tables_count; i++) {
        result_put_plan_table(&writer, &plan->tables[i], estimates == NULL ? &none : &estimates[i]);
    }
    ps_json_close(&writer, ']');
    if (plan->metadata_count > 0) {
        ps_json_open(&writer, "metadata_tables", '[');
        for (size_t i = 0; i < plan->metadata_count; i++) {
            ps_json_put_text(&writer, NULL, plan->metadata[i].table->name);
        }
        ps_json_close(&writer, ']');
    }
    put_outlook(&writer, outlook);
    result_put_warnings(&writer, local->settings.warnings, local->settings.warnings_count,
                        plan->warnings, plan->warnings_count);
    result_end(&writer, PS_OK, NULL, out);
}

static enum ps_status make_plan(struct local *local, const struct command_line *line,
                                struct ps_plan **ret_plan, struct ps_error *err)
{
    struct ps_cancel cancel;
    enum ps_status status = local_configure(local, command_text(line, "config"), err);

    local_log_warnings(local);
    if (status == PS_OK) {
        status = local_take_places(local, line, false, err);
    }
    if (status == PS_OK) {
        status = local_peek(local, err);
    }
    if (status == PS_OK) {
        struct ps_plan_request request = local_plan_request(local, &cancel);
        request.patience_ms = PS_PLAN_PATIENCE_MS;
        request.partitions = true;
        ps_cancel_init(&cancel);
        process_cancel_on_signal(&cancel);
        status = ps_plan_new(&request, ret_plan, err);
        process_cancel_done();
    }
    return status;
}

static enum exit_status run_plan(const struct command_line *line, struct output *out)
{
    struct local local = {0};
    struct ps_plan *plan = NULL;
    struct outlook outlook = {.arena = NULL};
    struct ps_error err = {0};
    bool json = command_given(line, "json");
    enum exit_status exit_status;
    enum ps_status status = make_plan(&local, line, &plan, &err);

    for (size_t i = 0; plan != NULL && i < plan->warnings_count; i++) {
        ps_log(PS_LOG_WARNING, "%s", plan->warnings[i]);
    }
    assert(status != PS_OK || plan != NULL);
    if (status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        if (json) {
            result_write_failed(out, &err);
        }
    } else {
        look_out(&local, plan, &outlook);
        if (json) {
            write_document(&local, plan, &outlook, out);
        } else {
            print_people(plan, &outlook, out);
        }
    }
    exit_status = exit_status_of(status, &err, 0);
    ps_arena_free(outlook.arena);
    ps_plan_free(plan);
    local_done(&local);
    return exit_status;
}

static const struct command_option options[] = {
    LOCAL_OPTION_CONFIG,
    LOCAL_OPTION_WAREHOUSE,
    LOCAL_OPTION_STATE,
    LOCAL_OPTION_SCHEMA,
    LOCAL_OPTION_TABLES,
    LOCAL_OPTION_RESYNC,
    LOCAL_OPTION_JSON("One JSON document instead of text."),
    {.name = NULL},
};

const struct command command_plan = {
    .name = "plan",
    .summary = "shows what a sync would read, how and why",
    .details =
        "Goes by the state's copy (--state), and estimates how long it takes by what earlier\n"
        "runs measured (penstock.runs in the warehouse). Creates and changes nothing.\n",
    .options = options,
    .run = run_plan,
    .fail = result_write_failed,
};
