/*
 * Rows of the metadata tables, made of the run's result and handed to the sink as those of any
 * other table are: a schema change, then upserts.
 */
#include <string.h>

#include "base/buffer.h"
#include "engine/metadata.h"
#include "engine/plan.h"

#define SHEET_ROWS 1000
#define SHEET_BYTES ((size_t)1 << 20)

/* A value of a row; `present` false: NULL. Which of the others counts follows from the column. */
struct cell {
    bool present;
    int64_t integer;
    double real;
    const char *text;
    struct ps_timestamp time;
};

/* One table that is being written. */
struct sheet {
    struct writer *writer;
    const struct ps_metadata_table *planned;
    uint32_t columns[METADATA_COLUMNS_MAX]; /* 0, 1, 2, … */
    struct ps_batch *batch;                 /* NULL: none is begun */
};

static struct cell integer(uint64_t value)
{
    return (struct cell){.present = true,
                         .integer = value > INT64_MAX ? INT64_MAX : (int64_t)value};
}

static struct cell real(double value)
{
    return (struct cell){.present = true, .real = value};
}

/* Percentages that are not known are negative. */
static struct cell percent(double value)
{
    return (struct cell){.present = value >= 0, .real = value};
}

static struct cell text(const char *value)
{
    return (struct cell){.present = true, .text = value};
}

/* No destination keeps more than microseconds of it. */
static struct cell instant(struct ps_timestamp value)
{
    value.nanos -= value.nanos % 1000;
    return (struct cell){.present = true, .time = value};
}

static enum ps_status send(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_run_request *request = sheet->writer->run->request;
    struct ps_batch *batch = sheet->batch;
    struct ps_packet *packet = NULL;
    sheet->batch = NULL;
    if (batch == NULL) {
        return PS_OK;
    }
    enum ps_status status = request->sink_ops->prepare(request->sink, batch, &packet, err);
    return status == PS_OK ? request->sink_ops->write(request->sink, packet, err) : status;
}

static enum ps_status begin_batch(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_table *table = sheet->planned->table;
    const struct ps_batch_shape shape = {.table = table,
                                         .columns = sheet->columns,
                                         .columns_count = table->columns_count,
                                         .rows_max = SHEET_ROWS,
                                         .bytes_max = SHEET_BYTES};
    return ps_batch_new(&shape, &sheet->batch, err);
}

/* False: no memory. */
static bool put_cell(struct ps_batch *batch, uint32_t column, enum ps_type type,
                     const struct cell *cell)
{
    if (!cell->present) {
        ps_batch_put_null(batch, column);
        return true;
    }
    switch (type) {
    case PS_TYPE_LONG:
        ps_batch_put_long(batch, column, cell->integer);
        return true;
    case PS_TYPE_DOUBLE:
        ps_batch_put_double(batch, column, cell->real);
        return true;
    case PS_TYPE_UTC_DATETIME:
        ps_batch_put_timestamp(batch, column, cell->time);
        return true;
    default:
        return ps_batch_put_bytes(batch, column, cell->text, strlen(cell->text));
    }
}

/* cells: one for each column that the kind of table has. */
static enum ps_status put_row(struct sheet *sheet, const struct cell *cells, struct ps_error *err)
{
    const struct ps_table *table = sheet->planned->table;
    enum ps_status status = sheet->batch == NULL ? begin_batch(sheet, err) : PS_OK;
    for (uint32_t i = 0; status == PS_OK && i < table->columns_count; i++) {
        if (!put_cell(sheet->batch, i, table->columns[i].type,
                      &cells[sheet->planned->columns[i]])) {
            status = ps_fail_nomem(err, "writing the metadata tables");
        }
    }
    if (status != PS_OK) {
        return status;
    }
    ps_batch_row_end(sheet->batch);
    return ps_batch_full(sheet->batch) ? send(sheet, err) : PS_OK;
}

/* The name that a table has at the destination: no other table has it there. */
static const char *name_of(const struct writer *writer, size_t table)
{
    const struct ps_table *named = writer->run->plan->tables[table].sink_table;
    return plan_table_label(writer->result->arena, named);
}

static uint64_t processed(const struct ps_table_result *table)
{
    return table->upserts + table->updates;
}

static enum ps_status write_validation(struct sheet *sheet, struct ps_error *err)
{
    const struct writer *writer = sheet->writer;
    const struct ps_run_result *result = writer->result;
    const struct ps_clock *clock = writer->run->request->plan.clock;
    const struct ps_timestamp now = clock->utc(clock);
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < result->tables_count; i++) {
        const struct ps_table_result *table = &result->tables[i];
        const struct ps_validation *counted = &table->validation;
        struct cell count = integer((uint64_t)counted->rows);
        count.present = counted->method != PS_COUNT_NONE;
        const struct cell cells[] = {
            instant(writer->run->began),
            text(name_of(writer, i)),
            instant(counted->method == PS_COUNT_NONE ? now : counted->at),
            count,
            text(ps_count_method_name(counted->method)),
            integer(processed(table)),
            integer(table->deletes),
            integer(table->skipped),
            text(ps_size_class_name(table->size_class)),
            integer(i + 1),
            text(ps_mode_name(table->mode)),
            real(table->seconds),
        };
        status = table->done ? put_row(sheet, cells, err) : PS_OK;
    }
    return status;
}

static enum ps_status write_sync_validation(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_run_result *result = sheet->writer->result;
    struct ps_table_result totals = ps_run_result_totals(result);
    struct ps_buffer names;
    bool first = true;
    ps_buffer_init(&names, 0);
    for (size_t i = 0; i < result->tables_count; i++) {
        if (result->tables[i].done) {
            ps_buffer_printf(&names, "%s%s", first ? "" : ",", name_of(sheet->writer, i));
            first = false;
        }
    }
    const struct cell cells[] = {
        instant(sheet->writer->run->began),
        integer(result->tables_count),
        integer(processed(&totals)),
        text(ps_buffer_text(&names)),
    };
    enum ps_status status = ps_buffer_ok(&names)
                                ? put_row(sheet, cells, err)
                                : ps_fail_nomem(err, "writing the metadata tables");
    ps_buffer_done(&names);
    return status;
}

static enum ps_status write_resources(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_run_result *result = sheet->writer->result;
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < result->resources_count; i++) {
        const struct ps_resource_sample *sample = &result->resources[i].sample;
        bool memory = sample->memory_percent >= 0;
        struct cell used = integer(sample->memory_bytes),
                    limit = integer(sample->memory_limit_bytes);
        used.present = limit.present = memory;
        const struct cell cells[] = {
            instant(sheet->writer->run->began),
            instant(result->resources[i].at),
            percent(sample->memory_percent),
            percent(sample->cpu_percent),
            percent(sample->disk_percent),
            used,
            limit,
            percent(sample->stalled_percent),
        };
        status = put_row(sheet, cells, err);
    }
    return status;
}

/* Every row costs whoever runs this: none for a table of which nothing is to be told. */
static enum ps_status write_statistics(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_run_result *result = sheet->writer->result;
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < result->tables_count; i++) {
        const struct ps_table_result *table = &result->tables[i];
        uint64_t rows = processed(table) + table->deletes - table->vanished;
        struct cell seconds = real(table->seconds), rate = real((double)rows / table->seconds);
        struct cell threads = integer(table->threads), batch_rows = integer(table->batch_rows);
        rate.present = table->done && table->seconds > 0;
        seconds.present = threads.present = batch_rows.present = table->done;
        const struct cell cells[] = {
            instant(sheet->writer->run->began),
            text(name_of(sheet->writer, i)),
            integer(rows),
            integer(table->bytes),
            seconds,
            rate,
            threads,
            batch_rows,
            integer(table->retries),
        };
        status = rows > 0 || table->retries > 0 ? put_row(sheet, cells, err) : PS_OK;
    }
    return status;
}

static enum ps_status write_errors(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_run_result *result = sheet->writer->result;
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < result->troubles_count; i++) {
        const struct ps_trouble *trouble = &result->troubles[i];
        bool named = trouble->table < result->tables_count;
        const struct cell cells[] = {
            instant(sheet->writer->run->began),
            text(named ? name_of(sheet->writer, trouble->table) : ""),
            text(trouble->class_name),
            text(trouble->code),
            integer(trouble->occurrences),
            integer(trouble->recovered),
            real(trouble->waited_seconds),
        };
        status = put_row(sheet, cells, err);
    }
    return status;
}

/* What is tuned holds for all tables of a sync. */
static enum ps_status write_parameters(struct sheet *sheet, struct ps_error *err)
{
    const struct ps_run_result *result = sheet->writer->result;
    enum ps_status status = PS_OK;
    for (size_t i = 0; status == PS_OK && i < result->changes_count; i++) {
        const struct ps_parameter_change *change = &result->changes[i];
        const struct cell cells[] = {
            instant(sheet->writer->run->began),
            instant(change->at),
            text(""),
            text(change->parameter),
            integer((uint64_t)change->old_value),
            integer((uint64_t)change->new_value),
            text(change->cause),
        };
        status = put_row(sheet, cells, err);
    }
    return status;
}

static enum ps_status write_sheet(struct writer *writer, const struct ps_metadata_table *planned,
                                  struct ps_error *err)
{
    static enum ps_status (*const fill[METADATA_TABLES])(struct sheet *, struct ps_error *) = {
        [METADATA_VALIDATION] = write_validation,
        [METADATA_SYNC_VALIDATION] = write_sync_validation,
        [METADATA_RESOURCE_USAGE] = write_resources,
        [METADATA_PROCESSING_STATISTICS] = write_statistics,
        [METADATA_ERROR_STATISTICS] = write_errors,
        [METADATA_PARAMETER_HISTORY] = write_parameters,
    };
    const struct ps_run_request *request = writer->run->request;
    struct sheet sheet = {.writer = writer, .planned = planned};
    bool changed = false;
    for (uint32_t i = 0; i < METADATA_COLUMNS_MAX; i++) {
        sheet.columns[i] = i;
    }
    enum ps_status status =
        request->sink_ops->schema_change(request->sink, planned->table, &changed, err);
    if (status == PS_OK) {
        writer->result->schema_changes += changed;
        status = fill[planned->kind](&sheet, err);
    }
    if (status == PS_OK) {
        status = send(&sheet, err);
    }
    ps_batch_free(sheet.batch);
    if (status != PS_OK) {
        ps_error_prefix(err, "writing the metadata table %s", planned->table->name);
    }
    return status;
}

enum ps_status metadata_write(struct writer *writer, struct ps_error *err)
{
    const struct ps_plan *plan = writer->run->plan;
    enum ps_status status = PS_OK;
    for (size_t i = 0; i < plan->metadata_count && status == PS_OK; i++) {
        status = write_sheet(writer, &plan->metadata[i], err);
    }
    return status;
}
