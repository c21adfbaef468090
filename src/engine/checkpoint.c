/* When a checkpoint falls due, and what goes with it: docs/architecture.md, "How rows flow". */
#include "engine/checkpoint.h"

#include <string.h>

#include "base/log.h"
#include "engine/parts.h"

#define CHECKPOINT_BYTES (UINT64_C(64) << 20)
/* A state is not written again before this many times its own size has been sent, … */
#define CHECKPOINT_STATE_FACTOR 16
/* … unless so long has passed. */
#define CHECKPOINT_NS_MAX (INT64_C(1800) * 1000000000)
#define STATE_BYTES_MAX ((size_t)64 << 20)

static int64_t clock_ns(const struct run *run)
{
    const struct ps_clock *clock = run->request->plan.clock;
    return clock->monotonic_ns(clock);
}

static void keep_results(struct writer *writer)
{
    const struct ps_run_result *result = writer->result;
    writer->saved_schema_changes = result->schema_changes;
    memcpy(writer->saved, result->tables, result->tables_count * sizeof(*result->tables));
}

/* Of which loads the state keeps so much that the next sync goes on with them. */
static void note_loads(struct writer *writer)
{
    const struct ps_run_request *request = writer->run->request;
    for (size_t i = 0; i < writer->result->tables_count; i++) {
        struct ps_table_result *told = &writer->result->tables[i];
        const struct ps_table_state *state =
            told->load && !told->done ? ps_state_find(request->state, told->schema, told->table)
                                      : NULL;
        told->goes_on = state != NULL && state->loading && state->load != NULL &&
                        parts_go_on(request->plan.source_ops, state->load);
    }
}

enum ps_status checkpoint_init(struct writer *writer, struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    const struct ps_run_result *result = writer->result;
    ps_buffer_init(&writer->state_json, STATE_BYTES_MAX);
    writer->checkpoint_ns = clock_ns(writer->run);
    writer->checkpoint_every_ns =
        INT64_C(1000000000) *
        ps_config_integer(request->plan.config, "checkpoint_seconds", request->checkpoint_seconds);
    writer->checkpoint_rows = UINT64_MAX;
    writer->saved = ps_arena_array(result->arena, result->tables_count + 1, sizeof(*writer->saved));
    if (writer->saved == NULL) {
        return ps_fail_nomem(err, "starting the sync");
    }
    keep_results(writer);
    return PS_OK;
}

void checkpoint_note(struct writer *writer)
{
    note_loads(writer);
    keep_results(writer);
}

void checkpoint_take_back(struct writer *writer)
{
    struct ps_run_result *result = writer->result;
    result->rows_unsaved = writer->rows_since;
    result->schema_changes = writer->saved_schema_changes;
    memcpy(result->tables, writer->saved, result->tables_count * sizeof(*result->tables));
}

/* Once. It is kept whole all the same: without it nothing goes on. */
static void warn_of_large_state(struct writer *writer)
{
    if (writer->state_json.size > PS_STATE_BYTES && !writer->told_size) {
        writer->told_size = true;
        writer_warn(writer,
                    "the state takes %.1f MiB, and is meant to stay below %zu: loads are cut into "
                    "few parts, and checkpoints are rare; fewer tables in one connection make it "
                    "smaller",
                    (double)writer->state_json.size / (1 << 20), PS_STATE_BYTES >> 20);
    }
}

enum ps_status checkpoint_write(struct writer *writer, struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    struct ps_state *state = request->state;
    writer_tell(writer, true);
    state->number++;
    ps_buffer_clear(&writer->state_json);
    enum ps_status status = ps_state_write(state, &writer->state_json, err);
    if (status == PS_OK) {
        status = request->sink_ops->checkpoint(request->sink, writer->state_json.data,
                                               writer->state_json.size, state->number, err);
    }
    if (status != PS_OK) {
        return status;
    }
    /* From here on the rows are kept, whatever becomes of the caller's copy of the state. */
    writer->result->checkpoints++;
    writer->rows_since = writer->bytes_since = writer->columns_since = 0;
    writer->dirty = false;
    writer->checkpoint_ns = clock_ns(writer->run);
    checkpoint_note(writer);
    warn_of_large_state(writer);
    ps_log(PS_LOG_DEBUG, "checkpoint %llu after %llu rows", (unsigned long long)state->number,
           (unsigned long long)writer->rows);
    return request->events.checkpoint == NULL
               ? PS_OK
               : request->events.checkpoint(request->events.context, writer->state_json.data,
                                            writer->state_json.size, err);
}

enum ps_status checkpoint_write_if_due(struct writer *writer, struct ps_error *err)
{
    int64_t since = clock_ns(writer->run) - writer->checkpoint_ns;
    bool due = writer->dirty &&
               (writer->rows_since >= writer->checkpoint_rows ||
                writer->bytes_since >= CHECKPOINT_BYTES || since >= writer->checkpoint_every_ns);
    bool too_soon =
        writer->bytes_since < CHECKPOINT_STATE_FACTOR * (uint64_t)writer->state_json.size &&
        since < CHECKPOINT_NS_MAX;
    uint32_t columns_max = writer->run->request->sink_ops->checkpoint_columns;
    bool many = writer->dirty && columns_max != 0 && writer->columns_since >= columns_max;
    return many || (due && !too_soon) ? checkpoint_write(writer, err) : PS_OK;
}
