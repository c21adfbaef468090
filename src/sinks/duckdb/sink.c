/*
 * The sink's members (include/penstock/sink.h): each brings the connection into a state in which it
 * can work, and calls the file that does it. docs/sinks/duckdb.md tells the whole.
 */
#include "sinks/duckdb/sink.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "sinks/duckdb/duckdb.h"
#include "sinks/duckdb/packet.h"

static struct duck_sink *of(struct ps_sink *sink)
{
    return (struct duck_sink *)sink;
}

int64_t duck_stamp(struct duck_sink *sink)
{
    struct ps_timestamp now = sink->clock->utc(sink->clock);
    int64_t now_us = now.seconds * 1000000 + now.nanos / 1000;
    sink->synced_us = now_us > sink->synced_us ? now_us : sink->synced_us + 1;
    return sink->synced_us;
}

void duck_put_stamp(struct ps_buffer *out, int64_t stamp_us)
{
    int64_t seconds = stamp_us / 1000000 - (stamp_us % 1000000 < 0 ? 1 : 0);
    struct ps_timestamp stamp = {seconds, (int32_t)(stamp_us - seconds * 1000000) * 1000};
    char text[PS_VALUE_TEXT_SIZE];
    ps_timestamp_format(stamp, true, text);
    ps_buffer_printf(out, "TIMESTAMPTZ '%s'", text);
}

enum ps_status duck_do(struct duck_sink *sink, const struct duck_table *table, const char *doing,
                       struct ps_error *err)
{
    char what[256];
    snprintf(what, sizeof what, "%s %s.%s", doing, table->schema, table->name);
    return duck_statement_run_buffer(&sink->session, what, &sink->sql, NULL, err);
}

enum ps_status duck_change_rows(struct duck_sink *sink, struct duck_table *table, const char *doing,
                                uint64_t *ret_rows, struct ps_error *err)
{
    char what[256];
    int64_t rows = 0;
    snprintf(what, sizeof what, "%s %s.%s", doing, table->schema, table->name);
    enum ps_status status = duck_statement_run_buffer(&sink->session, what, &sink->sql, &rows, err);
    bool *touched = duck_load_is_apart(table) ? &table->load_touched : &table->rows_touched;
    *touched = *touched || rows > 0;
    *ret_rows = (uint64_t)rows;
    return status;
}

enum ps_status duck_change(struct duck_sink *sink, struct duck_table *table, const char *doing,
                           struct ps_error *err)
{
    uint64_t rows;
    return duck_change_rows(sink, table, doing, &rows, err);
}

/*
 * After a failure the transaction is lost, whatever else may work: every later call fails like the
 * one that did, until the sink is closed. Each begins with this, …
 */
static enum ps_status usable(const struct duck_sink *sink, struct ps_error *error)
{
    *error = sink->broken_error;
    return sink->broken;
}

/* … and ends with this, which remembers what failed. END is no failure. */
static enum ps_status settled(struct duck_sink *sink, enum ps_status status, struct ps_error *error,
                              struct ps_error *err)
{
    if (status == PS_OK || status == PS_END) {
        return status;
    }
    if (sink->broken == PS_OK) {
        sink->broken = duck_database_blame_disk(sink, status, error);
        sink->broken_error = *error;
    }
    if (err != NULL) {
        *err = *error;
    }
    return sink->broken;
}

static void duckdb_close(struct ps_sink *base)
{
    struct duck_sink *sink = of(base);
    if (sink == NULL) {
        return;
    }
    duck_database_close(sink);
    duck_tables_done(&sink->tables);
    duck_losses_done(&sink->losses);
    ps_buffer_done(&sink->sql);
    ps_buffer_done(&sink->feed_sql);
    ps_buffer_done(&sink->notes);
    ps_free(sink->catalog);
    ps_free(sink->schema);
    ps_free(sink->path);
    ps_free(sink);
}

static enum ps_status duckdb_open(const struct ps_sink_request *request, struct ps_sink **ret_sink,
                                  struct ps_error *err)
{
    struct duck_sink *sink = ps_calloc(1, sizeof *sink);
    if (sink == NULL) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    sink->base.ops = &ps_sink_duckdb;
    sink->clock = request->clock;
    ps_buffer_init(&sink->sql, 0);
    ps_buffer_init(&sink->feed_sql, 0);
    ps_buffer_init(&sink->notes, 0);
    struct ps_error error = {0};
    enum ps_status status = PS_OK;
    sink->schema = ps_strdup(request->schema);
    if (sink->schema == NULL) {
        status = ps_fail_nomem(&error, "opening the warehouse");
    } else {
        status = duck_database_open(sink, request, &error);
    }
    if (status == PS_OK) {
        status = duck_state_make(sink, &error);
    }
    if (status == PS_OK) {
        status = duck_tables_list(sink, &error);
    }
    if (status != PS_OK) {
        status = settled(sink, status, &error, err);
        duckdb_close(&sink->base);
        return status;
    }
    *ret_sink = &sink->base;
    return PS_OK;
}

static enum ps_status duckdb_read_runs(const struct ps_sink_request *request,
                                       struct ps_arena *arena, struct ps_measured_run *ret_runs,
                                       struct ps_error *err)
{
    struct ps_sink_request looking = *request;
    struct duck_sink *sink = ps_calloc(1, sizeof *sink);
    if (sink == NULL) {
        return ps_fail_nomem(err, "opening the warehouse");
    }
    looking.read_only = true;
    ps_buffer_init(&sink->sql, 0);
    ps_buffer_init(&sink->feed_sql, 0);
    enum ps_status status = duck_database_open(sink, &looking, err);
    if (status == PS_OK) {
        status = duck_runs_read(sink, arena, ret_runs, err);
    }
    duckdb_close(&sink->base);
    return status;
}

static enum ps_status duckdb_state_read(struct ps_sink *base, struct ps_stored_state *ret_state,
                                        struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    enum ps_status status = usable(sink, &error);
    if (status == PS_OK) {
        status = duck_writer_settle(sink, &error);
    }
    if (status == PS_OK) {
        status = duck_state_read(sink, ret_state, &error);
    }
    return settled(sink, status, &error, err);
}

/* The table's entry, made where it is missing. */
static enum ps_status named(struct duck_sink *sink, const struct ps_table *table,
                            struct duck_table **ret_entry, struct ps_error *err)
{
    enum ps_status status = usable(sink, err);
    return status == PS_OK ? duck_tables_get(sink, table, ret_entry, err) : status;
}

/* The entry of a table that schema_change has told of. */
static enum ps_status known(struct duck_sink *sink, const struct ps_table *table,
                            struct duck_table **ret_entry, struct ps_error *err)
{
    enum ps_status status = usable(sink, err);
    return status == PS_OK ? duck_tables_find(sink, table, ret_entry, err) : status;
}

/* All that was written of the table is applied, a transaction is open and the connection free. */
static enum ps_status quiet(struct duck_sink *sink, struct duck_table *table, struct ps_error *err)
{
    enum ps_status status = duck_writer_flush(sink, table, err);
    if (status == PS_OK) {
        status = duck_begin(sink, err);
    }
    return status == PS_OK ? duck_apply(sink, table, err) : status;
}

/* The same of a table that schema_change has told of. */
static enum ps_status known_quiet(struct duck_sink *sink, const struct ps_table *table,
                                  struct duck_table **ret_entry, struct ps_error *err)
{
    enum ps_status status = known(sink, table, ret_entry, err);
    return status == PS_OK ? quiet(sink, *ret_entry, err) : status;
}

/*
 * A table's columns are about to change: the connection is free, and what was written of the table
 * is applied, unless the change leaves it as it is. To apply means to touch rows of the table, and
 * a table of which rows were touched must be copied before it can be altered (tables.c).
 */
static enum ps_status quiet_for(struct duck_sink *sink, struct duck_table *entry,
                                const struct ps_table *table, struct ps_error *err)
{
    enum ps_status status = duck_writer_flush(sink, entry, err);
    if (status == PS_OK) {
        status = duck_begin(sink, err);
    }
    if (status == PS_OK) {
        status = duck_tables_look_up(sink, entry, err);
    }
    if (status == PS_OK && !duck_tables_keeps_pending(entry, table)) {
        status = duck_apply(sink, entry, err);
    }
    if (status == PS_OK && entry->staged == DUCK_STAGED_NOTHING) {
        status = duck_apply_drop_stage(sink, entry, err);
    }
    return status;
}

static enum ps_status duckdb_schema_change(struct ps_sink *base, const struct ps_table *table,
                                           bool *ret_changed, struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = named(sink, table, &entry, &error);
    if (status == PS_OK) {
        status = quiet_for(sink, entry, table, &error);
    }
    if (status == PS_OK) {
        status = duck_tables_merge(sink, entry, table, ret_changed, &error);
    }
    return settled(sink, status, &error, err);
}

static enum ps_status duckdb_load_begin(struct ps_sink *base, const struct ps_table *table,
                                        struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = known_quiet(sink, table, &entry, &error);
    if (status == PS_OK) {
        status = duck_load_begin(sink, entry, &error);
    }
    return settled(sink, status, &error, err);
}

static enum ps_status duckdb_load_resume(struct ps_sink *base, const struct ps_table *table,
                                         struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = known_quiet(sink, table, &entry, &error);
    if (status == PS_OK) {
        status = duck_load_resume(sink, entry, &error);
    }
    return settled(sink, status, &error, err);
}

static enum ps_status load_end(struct duck_sink *sink, struct duck_table *entry, uint32_t flags,
                               struct ps_load_result *ret_result, struct ps_error *err)
{
    if (entry->load_held) {
        enum ps_status status = duck_writer_settle(sink, err);
        if (status == PS_OK) {
            status = duck_begin(sink, err);
        }
        if (status == PS_OK) {
            status = duck_small_end(sink, entry, flags, ret_result, err);
        }
        if (status != PS_END) {
            return status;
        }
    }
    enum ps_status status = quiet(sink, entry, err);
    return status == PS_OK ? duck_load_end(sink, entry, flags, ret_result, err) : status;
}

static enum ps_status duckdb_load_end(struct ps_sink *base, const struct ps_table *table,
                                      uint32_t flags, struct ps_load_result *ret_result,
                                      struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = known(sink, table, &entry, &error);
    if (status == PS_OK && !entry->loading) {
        status = ps_fail(&error, PS_BUG, PS_CLASS_NONE, "ending the load of %s: none was begun",
                         table->name);
    }
    if (status == PS_OK) {
        status = load_end(sink, entry, flags, ret_result, &error);
    }
    return settled(sink, status, &error, err);
}

static enum ps_status duckdb_prepare(struct ps_sink *base, struct ps_batch *batch,
                                     struct ps_packet **ret_packet, struct ps_error *err)
{
    (void)base;
    struct duck_packet *packet = NULL;
    enum ps_status status = duck_packet_new(batch, &packet, err);
    if (status == PS_OK) {
        *ret_packet = &packet->base;
    }
    return status;
}

static void duckdb_packet_free(struct ps_sink *base, struct ps_packet *packet)
{
    (void)base;
    duck_packet_free((struct duck_packet *)packet);
}

static enum ps_status duckdb_write(struct ps_sink *base, struct ps_packet *base_packet,
                                   struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct duck_packet *packet = (struct duck_packet *)base_packet;
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = known(sink, packet->batch->table, &entry, &error);
    if (status == PS_OK) {
        status = duck_writer_write(sink, entry, packet, &error);
    } else {
        duck_packet_free(packet);
    }
    return settled(sink, status, &error, err);
}

static enum ps_status truncate_before(struct duck_sink *sink, const struct ps_table *table,
                                      int64_t mark, struct ps_error *err)
{
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = named(sink, table, &entry, &error);
    if (status == PS_OK) {
        status = quiet(sink, entry, &error);
    }
    if (status == PS_OK) {
        status = duck_tables_look_up(sink, entry, &error);
    }
    if (status == PS_OK && entry->exists) {
        status = duck_apply_truncate(sink, entry, mark, &error);
    }
    return settled(sink, status, &error, err);
}

static enum ps_status duckdb_truncate(struct ps_sink *base, const struct ps_table *table,
                                      struct ps_error *err)
{
    return truncate_before(of(base), table, INT64_MAX, err);
}

static int64_t duckdb_mark(struct ps_sink *base)
{
    return duck_stamp(of(base));
}

static enum ps_status duckdb_truncate_before(struct ps_sink *base, const struct ps_table *table,
                                             int64_t mark, struct ps_error *err)
{
    return truncate_before(of(base), table, mark, err);
}

static enum ps_status duckdb_describe(struct ps_sink *base, const struct ps_table *table,
                                      struct ps_arena *arena, struct ps_table **ret_table,
                                      struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    struct duck_table *entry = NULL;
    enum ps_status status = named(sink, table, &entry, &error);
    if (status == PS_OK) {
        status = duck_writer_settle(sink, &error);
    }
    if (status == PS_OK) {
        status = duck_tables_look_up(sink, entry, &error);
    }
    if (status == PS_OK) {
        status = entry->exists ? duck_tables_describe(entry, arena, ret_table, &error) : PS_END;
    }
    return settled(sink, status, &error, err);
}

static enum ps_status checkpoint(struct duck_sink *sink, const char *state_json, size_t state_size,
                                 uint64_t number, struct ps_error *err)
{
    enum ps_status status = duck_writer_flush_all(sink, err);
    if (status == PS_OK) {
        status = duck_begin(sink, err);
    }
    for (struct duck_table *table = sink->tables.first; status == PS_OK && table != NULL;
         table = table->next) {
        status = duck_apply(sink, table, err);
        if (status == PS_OK) {
            status = duck_apply_drop_stage(sink, table, err);
        }
        if (status == PS_OK) {
            status = duck_load_hide(sink, table, err);
        }
    }
    if (status == PS_OK) {
        status = duck_state_write(sink, state_json, state_size, number, err);
    }
    if (status == PS_OK) {
        status = duck_commit(sink, err);
    }
    if (status == PS_OK) {
        status = duck_spare_memory(sink, err);
    }
    if (status == PS_OK) {
        sink->number = number;
        duck_load_calm(sink);
        for (struct duck_table *table = sink->tables.first; table != NULL; table = table->next) {
            table->rows_touched = table->load_touched = false;
        }
    }
    return status;
}

static enum ps_status duckdb_checkpoint(struct ps_sink *base, const char *state_json,
                                        size_t state_size, uint64_t number, struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    enum ps_status status = usable(sink, &error);
    if (status == PS_OK && number <= sink->number) {
        status = ps_fail(&error, PS_BUG, PS_CLASS_NONE,
                         "checkpoint %llu comes after %llu in the warehouse",
                         (unsigned long long)number, (unsigned long long)sink->number);
    }
    if (status == PS_OK) {
        status = checkpoint(sink, state_json, state_size, number, &error);
    }
    return settled(sink, status, &error, err);
}

static size_t duckdb_losses(struct ps_sink *base, const struct ps_sink_loss **ret_losses)
{
    return duck_losses_list(&of(base)->losses, ret_losses);
}

static enum ps_status duckdb_keep_run(struct ps_sink *base, const struct ps_measured_run *run,
                                      struct ps_error *err)
{
    struct duck_sink *sink = of(base);
    struct ps_error error;
    enum ps_status status = usable(sink, &error);
    if (status == PS_OK) {
        status = duck_writer_settle(sink, &error);
    }
    if (status == PS_OK) {
        status = duck_begin(sink, &error);
    }
    if (status == PS_OK) {
        status = duck_runs_keep(sink, run, &error);
    }
    return settled(sink, status, &error, err);
}

/* In a transaction DuckDB holds a block, of up to 256 KiB, for each column that rows were added to.
 */
#define CHECKPOINT_COLUMNS 1024

const struct ps_sink_ops ps_sink_duckdb = {
    .abi = PS_SINK_ABI,
    .name = "duckdb",
    .caps = PS_SINK_KEEPS_STATE | PS_SINK_STAGES_LOADS | PS_SINK_IGNORES_CASE | PS_SINK_HAS_SCHEMAS,
    .checkpoint_columns = CHECKPOINT_COLUMNS,
    .open = duckdb_open,
    .close = duckdb_close,
    .state_read = duckdb_state_read,
    .schema_change = duckdb_schema_change,
    .load_begin = duckdb_load_begin,
    .load_resume = duckdb_load_resume,
    .load_end = duckdb_load_end,
    .prepare = duckdb_prepare,
    .packet_free = duckdb_packet_free,
    .write = duckdb_write,
    .truncate = duckdb_truncate,
    .checkpoint = duckdb_checkpoint,
    .losses = duckdb_losses,
    .mark = duckdb_mark,
    .truncate_before = duckdb_truncate_before,
    .describe = duckdb_describe,
    .keep_run = duckdb_keep_run,
    .read_runs = duckdb_read_runs,
};
