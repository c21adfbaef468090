/*
 * Events into the sink and the results. Not for: what the state keeps of them (ledger.c), and when
 * it is saved (checkpoint.c).
 */
#include "engine/writer.h"

#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/ahead.h"
#include "engine/checkpoint.h"
#include "engine/fingerprint.h"
#include "engine/flatten.h"
#include "engine/ledger.h"
#include "engine/parts.h"
#include "engine/plan.h"
#include "engine/sent.h"
#include "engine/validate.h"

#define PROGRESS_NS INT64_C(100000000)

/* NULL: no memory. */
static const char *reason_of(struct ps_arena *arena, const struct ps_plan_table *table)
{
    return table->load_reason == NULL
               ? ps_arena_strdup(arena, table->reason)
               : ps_arena_printf(arena, "%s; all rows: %s", table->reason, table->load_reason);
}

/* Whether changes can be told from what is sent again: all is new to the destination, is a change
 * for the source, or the sync before is known. */
static void begin_changed(const struct writer *writer, const struct ps_plan_table *table,
                          struct ps_table_result *told)
{
    const struct ps_sent *sent = writer->run->request->sent;
    told->changed.wanted = sent != NULL;
    told->changed.known =
        sent != NULL && (!table->read_before || (table->mode == PS_MODE_CHANGES && !table->load) ||
                         sent_knows_table(sent, table->source_table));
}

enum ps_status writer_init(struct writer *writer, struct run *run, struct ps_run_result *result,
                           struct ps_error *err)
{
    const struct ps_plan *plan = run->plan;
    *writer = (struct writer){
        .run = run,
        .result = result,
        .began_ns = ps_monotonic_ns(),
    };
    result->tables = ps_arena_array(result->arena, plan->tables_count + 1, sizeof(*result->tables));
    writer->told =
        ps_arena_array(result->arena, plan->tables_count + 1, sizeof(const struct ps_table *));
    writer->expected =
        ps_arena_array(result->arena, plan->tables_count + 1, sizeof(*writer->expected));
    writer->bad = ps_calloc(plan->tables_count + 1, sizeof(*writer->bad));
    if (result->tables == NULL || writer->told == NULL || writer->expected == NULL ||
        writer->bad == NULL) {
        return ps_fail_nomem(err, "starting the sync");
    }
    result->tables_count = plan->tables_count;
    for (size_t i = 0; i < plan->tables_count; i++) {
        const struct ps_plan_table *table = &plan->tables[i];
        struct ps_table_result *told = &result->tables[i];
        told->schema = ps_arena_strdup(result->arena, table->source_table->schema);
        told->table = ps_arena_strdup(result->arena, table->source_table->name);
        told->mode = table->mode;
        told->load = table->load;
        told->size_class = table->sizing.size_class;
        told->validation.wanted = validate_is_on(&run->request->plan);
        writer->expected[i] = ahead_expect(table);
        begin_changed(writer, table, told);
        told->preprocessed = table->preprocessed;
        told->preprocessed_rows = table->preprocessed_rows;
        told->reason = reason_of(result->arena, table);
        if (told->schema == NULL || told->table == NULL || told->reason == NULL) {
            return ps_fail_nomem(err, "starting the sync");
        }
    }
    return checkpoint_init(writer, err);
}

void writer_done(struct writer *writer)
{
    for (size_t i = 0; writer->bad != NULL && i < writer->result->tables_count; i++) {
        ps_free(writer->bad[i]);
    }
    ps_free(writer->bad);
    ps_buffer_done(&writer->state_json);
}

void writer_warn(struct writer *writer, const char *format, ...)
{
    struct ps_run_result *result = writer->result;
    const struct ps_run_events *events = &writer->run->request->events;
    va_list arguments;
    va_start(arguments, format);
    const char *text = ps_arena_vprintf(result->arena, format, arguments);
    va_end(arguments);
    if (text == NULL) {
        return;
    }
    if (result->warnings_count == result->warnings_capacity) {
        size_t capacity = result->warnings_capacity == 0 ? 16 : 2 * result->warnings_capacity;
        const char **grown = ps_arena_array(result->arena, capacity, sizeof(*grown));
        if (grown == NULL) {
            return;
        }
        if (result->warnings_count > 0) {
            memcpy(grown, result->warnings, result->warnings_count * sizeof(*grown));
        }
        result->warnings = grown;
        result->warnings_capacity = capacity;
    }
    result->warnings[result->warnings_count++] = text;
    if (events->warning != NULL) {
        events->warning(events->context, text);
    }
}

/* A sink that keeps no state is told only of shapes that the state does not know. */
static bool must_tell_shape(const struct writer *writer, const struct ps_plan_table *table,
                            const struct ps_table_state *state)
{
    return table->load || (writer->run->request->sink_ops->caps & PS_SINK_KEEPS_STATE) != 0 ||
           state->fingerprint == NULL || strcmp(state->fingerprint, table->fingerprint) != 0;
}

static enum ps_status change_shape(struct writer *writer, const struct ps_plan_table *table,
                                   struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    bool changed = false;
    enum ps_status status =
        request->sink_ops->schema_change(request->sink, table->sink_table, &changed, err);
    if (status == PS_OK) {
        writer->result->schema_changes += changed;
    }
    return status;
}

/* Members of JSON that were not seen before have become columns: before their first rows. */
static enum ps_status tell_flattened(struct writer *writer, const struct event *event,
                                     struct ps_error *err)
{
    struct ps_table_state *state;
    if (event->plan->flattened == NULL || event->packet == NULL ||
        event->plan->sink_table == writer->told[event->table]) {
        return PS_OK;
    }
    writer->told[event->table] = event->plan->sink_table;
    enum ps_status status = ledger_table(writer->run->request->state, event->plan, &state, err);
    if (status == PS_OK) {
        status = change_shape(writer, event->plan, err);
    }
    return status == PS_OK ? flatten_remember(writer->run->request->state, state, event->plan, err)
                           : status;
}

/* Tells the sink of the table's shape, where it does not know it. */
static enum ps_status tell_shape(struct writer *writer, const struct ps_plan_table *table,
                                 const struct ps_table_state *state, struct ps_error *err)
{
    return must_tell_shape(writer, table, state) ? change_shape(writer, table, err) : PS_OK;
}

static enum ps_status resume_read(struct writer *writer, struct ps_plan_table *table,
                                  struct job *job, struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    struct ps_table_state *state;
    enum ps_status status = ledger_table(writer->run->request->state, table, &state, err);
    if (status == PS_OK) {
        status = tell_shape(writer, table, state, err);
    }
    if (status != PS_OK) {
        return status;
    }
    if (table->load) {
        status = request->sink_ops->load_resume(request->sink, table->sink_table, err);
    }
    if (status == PS_OK) {
        return job_continue(job, table->resume, err);
    }
    if (status == PS_END) {
        table->resume = NULL;
        table->load_reason = "its last load was cut off";
        return PS_OK;
    }
    return status;
}

enum ps_status writer_resume(struct writer *writer, struct ps_error *err)
{
    const struct ps_plan *plan = writer->run->plan;
    for (size_t i = 0; i < plan->tables_count; i++) {
        struct ps_plan_table *table = &plan->tables[i];
        if (table->resume == NULL) {
            continue;
        }
        enum ps_status status = resume_read(writer, table, &writer->run->jobs[i], err);
        if (status != PS_OK) {
            ps_error_prefix(err, "going on with the read of \"%s\"", table->source_table->name);
            return status;
        }
        writer->told[i] = table->sink_table;
        writer->dirty = true;
    }
    checkpoint_note(writer);
    return PS_OK;
}

static enum ps_status write_begin(struct writer *writer, struct event *event, struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    const struct ps_table *sink_table = event->plan->sink_table;
    struct ps_table_result *told = &writer->result->tables[event->table];
    struct ps_table_state *state;
    enum ps_status status = ledger_table(writer->run->request->state, event->plan, &state, err);
    if (status == PS_OK) {
        status = tell_shape(writer, event->plan, state, err);
    }
    if (status != PS_OK) {
        return status;
    }
    writer->told[event->table] = sink_table;
    if (event->plan->load) {
        status = request->sink_ops->load_begin(request->sink, sink_table, err);
        if (status != PS_OK) {
            return status;
        }
        /* A load that begins again counts anew: what was sent before is thrown away. */
        told->upserts = told->deletes = told->bytes = 0;
        told->truncates = 1;
    }
    ps_free(writer->bad[event->table]);
    writer->bad[event->table] = NULL;
    if (event->plan != &writer->run->plan->tables[event->table]) { /* it was planned again */
        const char *reason = reason_of(writer->result->arena, event->plan);
        if (reason == NULL) {
            return ps_fail_nomem(err, "telling why a table is read so");
        }
        told->reason = reason;
    }
    told->mode = event->plan->mode;
    told->load = event->plan->load;
    begin_changed(writer, event->plan, told);
    return ledger_begin(request->state, event, err);
}

/* Adds what was left out of a part to what was left out of its table. */
static enum ps_status add_bad(struct writer *writer, struct event *event, struct ps_error *err)
{
    struct bad_list *bad = event->bad, **kept = &writer->bad[event->table];
    if (bad == NULL) {
        return PS_OK;
    }
    if (*kept == NULL && (*kept = ps_calloc(1, sizeof(**kept))) == NULL) {
        return ps_fail_nomem(err, "counting rows");
    }
    struct bad_list *all = *kept;
    all->rows += bad->rows;
    all->told += bad->told;
    for (uint32_t i = 0; i < bad->count; i++) {
        bad_add(all, bad->bad[i]);
    }
    return PS_OK;
}

static bool stages_loads(const struct writer *writer)
{
    return (writer->run->request->sink_ops->caps & PS_SINK_STAGES_LOADS) != 0;
}

/* Before the rows are counted. */
static void count_changed(struct writer *writer, const struct event *event)
{
    struct ps_table_result *told = &writer->result->tables[event->table];
    struct ps_changed *changed = &told->changed;
    uint64_t rows = event->rows;
    if (!changed->wanted) {
        return;
    }
    if (event->hashes != NULL) {
        rows = sent_note(writer->run->request->sent, event->hashes, event->rows,
                         told->upserts + told->updates + told->deletes);
    }
    if (event->operation == PS_UPSERT) {
        changed->upserts += rows;
    } else if (event->operation == PS_UPDATE) {
        changed->updates += rows;
    } else if (event->operation == PS_DELETE && !(event->plan->load && stages_loads(writer))) {
        changed->deletes += rows;
    }
}

static enum ps_status write_rows(struct writer *writer, struct event *event, struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    struct ps_table_result *told = &writer->result->tables[event->table];
    enum ps_status status = tell_flattened(writer, event, err);
    if (status != PS_OK) {
        return status;
    }
    struct ps_packet *packet = event->packet;
    event->packet = NULL; /* the sink takes it */
    status = packet == NULL ? PS_OK : request->sink_ops->write(request->sink, packet, err);
    if (status == PS_OK) {
        status = ledger_rows(request->state, event, err);
    }
    if (status == PS_OK) {
        status = add_bad(writer, event, err);
    }
    if (status != PS_OK) {
        return status;
    }
    count_changed(writer, event);
    switch (event->operation) {
    case PS_UPSERT:
        told->upserts += event->rows;
        break;
    case PS_UPDATE:
        told->updates += event->rows;
        break;
    case PS_KEEP:
        break;
    default:
        /* What a load that is staged deletes is known at its end. */
        told->deletes += event->plan->load && stages_loads(writer) ? 0 : event->rows;
        break;
    }
    told->bytes += event->bytes;
    writer->rows += event->rows;
    writer->bytes += event->bytes;
    writer->rows_since += event->rows;
    writer->bytes_since += event->bytes;
    return PS_OK;
}

/* The table's name, as warnings have it. */
static const char *label_of(const struct writer *writer, const struct event *event)
{
    return plan_table_label(writer->result->arena, event->plan->source_table);
}

/* Names what was left out; of what was left out before a load was cut off only the number is known.
 */
static void tell_bad(struct writer *writer, const struct event *event, uint64_t rows)
{
    const struct bad_list *bad = writer->bad[event->table];
    struct ps_table_result *told = &writer->result->tables[event->table];
    uint64_t here = bad == NULL ? 0 : bad->rows;
    told->skipped += rows;
    if (rows > here) {
        writer_warn(writer, "%s: %llu row%s left out before its read was cut off",
                    label_of(writer, event), (unsigned long long)(rows - here),
                    rows - here == 1 ? " was" : "s were");
    }
    for (uint32_t i = 0; bad != NULL && i < bad->count; i++) {
        writer_warn(writer, "%s: %llu row%s left out: column \"%s\": %s", label_of(writer, event),
                    (unsigned long long)bad->bad[i].rows, bad->bad[i].rows == 1 ? " was" : "s were",
                    bad->bad[i].column, bad->bad[i].reason);
    }
}

/* What a load that went on at another point in time cannot promise: docs/resume.md. */
static void warn_of_mixed_load(struct writer *writer, const struct event *event,
                               const struct ps_load_state *load)
{
    const struct ps_plan_table *table = event->plan;
    bool blind = table->cursor < 0 && load != NULL &&
                 !parts_show_changes(writer->run->request->plan.source_ops, load->mark,
                                     load->parts[0].bounds);
    writer_warn(writer,
                "%s: its load was cut off and went on at another point in time; rows that "
                "meanwhile were deleted or %s may still be at the destination as they were%s, "
                "until it is loaded in one go (%s)",
                label_of(writer, event),
                table->source_table->keys_count == 0 ? "changed" : "given another key",
                blind ? ", and such as came or changed may be missing" : "",
                table->mode == PS_MODE_FULL ? "the next sync, where nothing cuts it off"
                                            : "--resync, or a re-sync on the platform");
}

/* Rows that were left out, and cannot be told from those that are gone at the source. */
struct unsure {
    uint64_t rows;
    const char *why;
};

static struct unsure unsure_of(const struct event *event, const struct ps_table_state *state)
{
    const struct ps_load_state *load = state->load;
    const struct ps_plan_table *plan = event->plan;
    if (fingerprint_keeps_key(state->fingerprint, plan->fingerprint, plan->sink_table)) {
        return (struct unsure){ps_load_unknown_rows(load), "whose key is not known"};
    }
    return (struct unsure){load == NULL ? 0 : load->skipped, "that had another key before"};
}

static void warn_of_unsure_load(struct writer *writer, const struct event *event,
                                struct unsure unsure)
{
    writer_warn(writer,
                "%s: %llu row%s left out %s, so rows that are gone at the source may still be at "
                "the destination%s",
                label_of(writer, event), (unsigned long long)unsure.rows,
                unsure.rows == 1 ? " was" : "s were", unsure.why,
                event->plan->mode == PS_MODE_CHANGES ? "; the next sync loads all rows again" : "");
}

static enum ps_status end_load(struct writer *writer, const struct event *event,
                               const struct ps_table_state *state, struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    const struct ps_load_state *load = state->load;
    const struct ps_table *table = writer->told[event->table];
    struct ps_table_result *told = &writer->result->tables[event->table];
    bool repeats = event->plan->mode == PS_MODE_CHANGES || (load != NULL && load->repeats);
    const struct unsure unsure = unsure_of(event, state);
    uint32_t flags = unsure.rows > 0 ? PS_LOAD_INCOMPLETE : 0;
    if ((request->plan.source_ops->caps & PS_CAP_KEYS_ONCE) == 0 || repeats || event->end->mixed) {
        flags |= PS_LOAD_KEYS_MAY_REPEAT;
    }
    struct ps_load_result loaded = {0};
    enum ps_status status = request->sink_ops->load_end(request->sink, table, flags, &loaded, err);
    if (status != PS_OK) {
        return status;
    }
    told->duplicates = loaded.duplicates;
    told->vanished = loaded.vanished;
    told->deletes += loaded.vanished;
    told->changed.deletes += loaded.vanished;
    told->mixed_snapshot = event->end->mixed;
    if (event->end->mixed) {
        warn_of_mixed_load(writer, event, load);
    }
    event->end->unsure = unsure.rows > 0 && event->plan->read_before && stages_loads(writer);
    if (event->end->unsure) {
        warn_of_unsure_load(writer, event, unsure);
    }
    if (loaded.duplicates > 0 && !repeats && !event->end->mixed) {
        writer_warn(writer, "%s: %llu row%s the same as another row, and became one",
                    label_of(writer, event), (unsigned long long)loaded.duplicates,
                    loaded.duplicates == 1 ? " was" : "s were");
    }
    return PS_OK;
}

static void tell_crowded(struct writer *writer, const struct event *event)
{
    if (flatten_is_crowded(event->plan->flattener)) {
        writer_warn(writer,
                    "%s: more than %d members of its JSON could be columns (flatten); those "
                    "that came later stay JSON",
                    label_of(writer, event), FLATTEN_COLUMNS_MAX);
    }
}

static enum ps_status write_end(struct writer *writer, const struct event *event,
                                struct ps_error *err)
{
    const struct ps_run_request *request = writer->run->request;
    struct ps_table_result *told = &writer->result->tables[event->table];
    struct ps_table_state *state;
    enum ps_status status = ledger_table(writer->run->request->state, event->plan, &state, err);
    if (status != PS_OK) {
        return status;
    }
    uint64_t skipped = writer->bad[event->table] == NULL ? 0 : writer->bad[event->table]->rows;
    skipped = state->load == NULL ? skipped : state->load->skipped;
    if (event->plan->load) {
        status = end_load(writer, event, state, err);
    }
    if (status == PS_OK) {
        status = ledger_end(request->state, event, err);
    }
    if (status != PS_OK) {
        return status;
    }
    tell_bad(writer, event, skipped);
    tell_crowded(writer, event);
    told->seconds = event->end->seconds;
    told->once = event->end->once;
    told->threads = event->end->threads;
    told->batch_rows = event->end->batch_rows;
    told->done = true;
    if (told->changed.wanted && writer->run->plan->tables[event->table].resume == NULL &&
        (event->plan->load || event->plan->mode != PS_MODE_CHANGES)) {
        sent_note_table(request->sent, event->plan->source_table,
                        told->upserts + told->updates + told->deletes);
    }
    writer->tables_done++;
    writer->columns_since += event->plan->sink_table->columns_count;
    if (request->events.table_done != NULL) {
        request->events.table_done(request->events.context, told);
    }
    return PS_OK;
}

static void warn_of_table(struct writer *writer, const struct event *event, const char *what)
{
    writer_warn(writer, "%s %s: %s", label_of(writer, event), what, event->text);
}

/* Much of what a plan says is what the first one of this sync has said already. */
static void write_warning(struct writer *writer, const struct event *event)
{
    const struct ps_run_result *result = writer->result;
    for (size_t i = 0; i < result->warnings_count; i++) {
        if (strcmp(result->warnings[i], event->text) == 0) {
            return;
        }
    }
    writer_warn(writer, "%s", event->text);
}

static void write_skipped(struct writer *writer, const struct event *event)
{
    warn_of_table(writer, event, "was not synced");
    writer->result->tables_skipped++;
    writer->tables_done++;
}

static void write_counted(struct writer *writer, const struct event *event)
{
    struct ps_table_result *told = &writer->result->tables[event->table];
    told->validation = event->counted;
    if (event->text != NULL) {
        writer_warn(writer, "%s: its rows could not be counted: %s", label_of(writer, event),
                    event->text);
    }
    if (told->once && told->validation.same_point && told->skipped == 0 &&
        told->upserts != (uint64_t)told->validation.rows) {
        writer_warn(writer, "%s: %llu row%s read, and the source counts %lld at that point in time",
                    label_of(writer, event), (unsigned long long)told->upserts,
                    told->upserts == 1 ? " was" : "s were", (long long)told->validation.rows);
    }
}

enum ps_status writer_write(struct writer *writer, struct event *event, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    writer->dirty = true;
    writer->table = writer->result->tables[event->table].table;
    writer->checkpoint_rows = event->plan->sizing.parameters.checkpoint_rows;
    switch (event->kind) {
    case EVENT_BEGIN:
        status = write_begin(writer, event, err);
        break;
    case EVENT_POINT:
        status = ledger_point(writer->run->request->state, event, err);
        break;
    case EVENT_JOINED:
        status = ledger_joined(writer->run->request->state, event, err);
        break;
    case EVENT_ROWS:
        status = write_rows(writer, event, err);
        break;
    case EVENT_END:
        status = write_end(writer, event, err);
        break;
    case EVENT_SKIPPED:
        write_skipped(writer, event);
        break;
    case EVENT_EXPIRED:
        warn_of_table(writer, event, "is loaded again from its beginning");
        break;
    case EVENT_COUNTED:
        write_counted(writer, event);
        break;
    case EVENT_WARNING:
        write_warning(writer, event);
        break;
    }
    if (status != PS_OK) {
        ps_error_prefix(err, "writing \"%s\"", writer->table);
    }
    event_free(writer->run, event);
    return status;
}

void writer_tell(struct writer *writer, bool checkpointing)
{
    const struct ps_run_events *events = &writer->run->request->events;
    if (events->progress == NULL) {
        return;
    }
    struct ps_progress progress = {
        .tables_done = writer->tables_done,
        .tables_total = writer->run->plan->tables_count,
        .table = writer->table,
        .rows = writer->rows,
        .bytes = writer->bytes,
        .seconds = (double)(ps_monotonic_ns() - writer->began_ns) / 1e9,
        .checkpointing = checkpointing,
    };
    ahead_tell(writer->result, writer->expected, &progress);
    events->progress(events->context, &progress);
}

void writer_tell_progress(struct writer *writer)
{
    int64_t now = ps_monotonic_ns();
    if (now - writer->progress_ns >= PROGRESS_NS) {
        writer->progress_ns = now;
        writer_tell(writer, false);
    }
}
