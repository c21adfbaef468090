/*
 * penstock discover: what a source holds, before any selection: tables, columns, keys, estimates.
 */
#include <stdio.h>

#include "base/log.h"
#include "cli/figures.h"
#include "cli/local.h"
#include "cli/result.h"
#include "cli/table.h"
#include "cli/text.h"
#include "engine/metadata.h"
#include "engine/mode.h"

#define ARENA_BYTES_MAX ((size_t)1 << 30)

static const char *kind_name(enum ps_table_kind kind)
{
    switch (kind) {
    case PS_TABLE_PARTITIONED:
        return "partitioned table";
    case PS_TABLE_VIEW:
        return "view";
    case PS_TABLE_MATERIALIZED_VIEW:
        return "materialized view";
    case PS_TABLE_FOREIGN:
        return "foreign table";
    default:
        return "table";
    }
}

/* "LONG", "DECIMAL(12,2)" */
static void type_text(const struct ps_column *column, char out[FIGURES_SIZE])
{
    if (column->type == PS_TYPE_DECIMAL) {
        (void)snprintf(out, FIGURES_SIZE, "DECIMAL(%u,%u)", column->precision, column->scale);
    } else {
        (void)snprintf(out, FIGURES_SIZE, "%s", ps_type_name(column->type));
    }
}

/* The key's column at a position from 1; NULL: none. */
static const struct ps_column *key_column(const struct ps_table *table, uint16_t position)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].key_position == position) {
            return &table->columns[i];
        }
    }
    return NULL;
}

/* What was found. Everything lives in `arena`. */
struct discovery {
    const struct local *local;
    struct ps_arena *arena;
    struct ps_table_list list;
    struct mode_choice *choices; /* one a table */
};

static enum ps_status describe(struct discovery *discovery, struct ps_source *source,
                               struct ps_error *err)
{
    const struct local *local = discovery->local;
    struct ps_table_list *list = &discovery->list;
    size_t kept = 0;

    discovery->choices =
        ps_arena_array(discovery->arena, list->tables_count + 1, sizeof *discovery->choices);
    if (discovery->choices == NULL) {
        return ps_fail_nomem(err, "reading the catalog");
    }
    for (size_t i = 0; i < list->tables_count; i++) {
        struct ps_table *table = list->tables[i];
        enum ps_status status = local->source_ops->describe(source, discovery->arena, table, err);
        if (status == PS_SCHEMA) { /* it was dropped a moment ago */
            continue;
        }
        if (status == PS_OK) {
            status = mode_choose(local->source_ops, local->config, discovery->arena, table,
                                 &discovery->choices[kept], err);
        }
        if (status != PS_OK) {
            return status;
        }
        list->tables[kept++] = table;
    }
    list->tables_count = kept;
    return PS_OK;
}

static enum ps_status discover(struct discovery *discovery, struct ps_error *err)
{
    const struct ps_source_request request = {.config = discovery->local->config};
    const struct ps_source_ops *ops = discovery->local->source_ops;
    struct ps_source *source = NULL;
    enum ps_status status;

    discovery->arena = ps_arena_new(ARENA_BYTES_MAX);
    if (discovery->arena == NULL) {
        return ps_fail_nomem(err, "reading the catalog");
    }
    discovery->list = (struct ps_table_list){.arena = discovery->arena};
    status = ops->open(&request, &source, err);
    if (status == PS_OK) {
        status = ops->list_tables(source, &discovery->list, err);
    }
    if (status == PS_OK) {
        status = describe(discovery, source, err);
    }
    ops->close(source);
    return status;
}

static const char *column_name(const struct ps_table *table, int32_t column)
{
    return column < 0 ? NULL : table->columns[column].name;
}

/* "table, about 2,000 rows, 512.0 kB" */
static void print_head(const struct ps_table *table, struct output *out)
{
    char rows[FIGURES_SIZE], bytes[FIGURES_SIZE];
    struct ps_buffer name;

    ps_buffer_init(&name, 0);
    text_clean(&name, table->schema);
    ps_buffer_puts(&name, *table->schema == '\0' ? "" : ".");
    text_clean(&name, table->name);
    output_printf(out, "%s  (%s, rows: %s", ps_buffer_text(&name), kind_name(table->kind),
                  figures_estimate(table->rows_estimate, rows));
    if (table->bytes_estimate >= 0) {
        output_printf(out, ", %s", figures_bytes((uint64_t)table->bytes_estimate, bytes));
    }
    output_puts(out, ")\n");
    ps_buffer_done(&name);
}

static void print_key(const struct ps_table *table, const struct mode_choice *choice,
                      struct output *out)
{
    const char *cursor = column_name(table, choice->cursor);
    const char *soft_delete = column_name(table, choice->soft_delete);
    struct ps_buffer line;

    ps_buffer_init(&line, 0);
    ps_buffer_puts(&line, "  key: ");
    for (uint16_t i = 1; i <= table->keys_count; i++) {
        const struct ps_column *column = key_column(table, i);
        ps_buffer_puts(&line, i == 1 ? "" : ", ");
        text_clean(&line, column == NULL ? "?" : column->name);
    }
    ps_buffer_puts(&line, table->keys_count == 0 ? "none" : "");
    ps_buffer_puts(&line, "; cursor: ");
    text_clean(&line, cursor == NULL ? "none" : cursor);
    if (soft_delete != NULL) {
        ps_buffer_puts(&line, "; soft delete: ");
        text_clean(&line, soft_delete);
    }
    ps_buffer_putc(&line, '\n');
    output_buffer(out, &line);
    ps_buffer_done(&line);
}

static void print_columns(const struct ps_table *table, struct output *out)
{
    static const struct table_column columns[] = {
        {.title = "column"}, {.title = "type"}, {.title = "at the source"}, {.title = "NULL"}};
    struct table text;
    char type[FIGURES_SIZE];

    table_init(&text, columns, sizeof columns / sizeof columns[0]);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct ps_column *column = &table->columns[i];
        type_text(column, type);
        table_add(&text, column->name);
        table_add(&text, type);
        table_add(&text, column->source_type);
        table_add(&text, column->nullable ? "yes" : "no");
    }
    table_print(&text, out, 4);
    table_done(&text);
}

/* As far as the metadata tables are concerned. */
static struct ps_plan_request request_of(const struct discovery *discovery)
{
    return (struct ps_plan_request){.source_ops = discovery->local->source_ops,
                                    .config = discovery->local->config};
}

static void print_metadata(const struct discovery *discovery, struct output *out)
{
    const struct ps_plan_request request = request_of(discovery);
    const char *before = "a sync adds: ";

    for (enum metadata_kind kind = 0; kind < METADATA_TABLES; kind++) {
        if (metadata_is_wanted(&request, kind)) {
            output_printf(out, "%s%s", before, metadata_table(kind)->name);
            before = ", ";
        }
    }
    output_puts(out, *before == ',' ? " (metadata_tables)\n" : "");
}

static void print_people(const struct discovery *discovery, struct output *out)
{
    const struct ps_table_list *list = &discovery->list;

    for (size_t i = 0; i < list->tables_count; i++) {
        print_head(list->tables[i], out);
        print_key(list->tables[i], &discovery->choices[i], out);
        print_columns(list->tables[i], out);
        output_puts(out, "\n");
    }
    output_printf(out, "%zu table%s\n", list->tables_count, list->tables_count == 1 ? "" : "s");
    print_metadata(discovery, out);
}

static void put_column(struct ps_json_writer *writer, const struct ps_column *column)
{
    char type[FIGURES_SIZE];

    type_text(column, type);
    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "name", column->name);
    ps_json_put_text(writer, "type", type);
    ps_json_put_text(writer, "source_type", column->source_type == NULL ? "" : column->source_type);
    ps_json_put_integer(writer, "key_position", column->key_position);
    ps_json_put_boolean(writer, "nullable", column->nullable);
    ps_json_close(writer, '}');
}

static void put_table(struct ps_json_writer *writer, const struct ps_table *table,
                      const struct mode_choice *choice)
{
    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "schema", table->schema);
    ps_json_put_text(writer, "table", table->name);
    ps_json_put_text(writer, "kind", kind_name(table->kind));
    result_put_estimate(writer, "rows_estimate", table->rows_estimate);
    result_put_estimate(writer, "bytes_estimate", table->bytes_estimate);
    ps_json_open(writer, "key", '[');
    for (uint16_t i = 1; i <= table->keys_count; i++) {
        const struct ps_column *column = key_column(table, i);
        ps_json_put_text(writer, NULL, column == NULL ? "" : column->name);
    }
    ps_json_close(writer, ']');
    result_put_optional(writer, "cursor", column_name(table, choice->cursor));
    result_put_optional(writer, "soft_delete", column_name(table, choice->soft_delete));
    ps_json_open(writer, "columns", '[');
    for (uint32_t i = 0; i < table->columns_count; i++) {
        put_column(writer, &table->columns[i]);
    }
    ps_json_close(writer, ']');
    ps_json_close(writer, '}');
}

static void put_metadata(struct ps_json_writer *writer, const struct discovery *discovery)
{
    const struct ps_plan_request request = request_of(discovery);
    const struct mode_choice neither = {.cursor = -1, .soft_delete = -1};

    if (!metadata_is_on(&request)) {
        return;
    }
    ps_json_open(writer, "metadata_tables", '[');
    for (enum metadata_kind kind = 0; kind < METADATA_TABLES; kind++) {
        if (metadata_is_wanted(&request, kind)) {
            put_table(writer, metadata_table(kind), &neither);
        }
    }
    ps_json_close(writer, ']');
}

static void write_document(const struct discovery *discovery, struct output *out)
{
    const struct ps_table_list *list = &discovery->list;
    const struct ps_settings *settings = &discovery->local->settings;
    struct ps_json_writer writer;
    struct ps_buffer buffer;

    result_begin(&writer, &buffer, PS_OK, discovery->local->source_name);
    ps_json_open(&writer, "tables", '[');
    for (size_t i = 0; i < list->tables_count; i++) {
        put_table(&writer, list->tables[i], &discovery->choices[i]);
    }
    ps_json_close(&writer, ']');
    put_metadata(&writer, discovery);
    result_put_warnings(&writer, settings->warnings, settings->warnings_count, list->warnings,
                        list->warnings_count);
    result_end(&writer, PS_OK, NULL, out);
}

static enum exit_status run_discover(const struct command_line *line, struct output *out)
{
    struct local local = {0};
    struct discovery discovery = {.local = &local};
    struct ps_error err = {0};
    bool json = command_given(line, "json");
    enum exit_status exit_status;
    enum ps_status status = local_configure(&local, command_text(line, "config"), &err);

    local_log_warnings(&local);
    if (status == PS_OK) {
        status = discover(&discovery, &err);
    }
    for (size_t i = 0; i < discovery.list.warnings_count; i++) {
        ps_log(PS_LOG_WARNING, "%s", discovery.list.warnings[i]);
    }
    if (status != PS_OK) {
        ps_log(PS_LOG_SEVERE, "%s", err.message);
        if (json) {
            result_write_failed(out, &err);
        }
    } else if (json) {
        write_document(&discovery, out);
    } else {
        print_people(&discovery, out);
    }
    exit_status = exit_status_of(status, &err, 0);
    ps_arena_free(discovery.arena);
    local_done(&local);
    return exit_status;
}

static const struct command_option options[] = {
    LOCAL_OPTION_CONFIG,
    LOCAL_OPTION_JSON("One JSON document instead of text."),
    {.name = NULL},
};

const struct command command_discover = {
    .name = "discover",
    .summary = "shows the tables, columns and keys that a source holds",
    .details =
        "Before any selection: `penstock plan` shows what a sync would read. Rows and sizes\n"
        "come from the source's statistics.\n",
    .options = options,
    .run = run_discover,
    .fail = result_write_failed,
};
