/*
 * One run: what is made and freed around the phases, what the caller is told, and the result. See
 * tester.h.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/machine.h"
#include "tester/session.h"

#define RESULT_BYTES_MAX ((size_t)512 << 20)
#define WARNINGS_MAX (SESSION_WARNINGS_SHOWN + 1000u) /* those about the sink besides */
#define SHOWN_COLUMNS 8u

void session_tell(struct session *session, const struct ps_tester_event *event)
{
    const struct ps_tester_events *events = &session->request->events;
    if (events->event != NULL) {
        events->event(events->context, event);
    }
}

static void keep_warning(struct ps_tester_result *result, const char *text)
{
    if (result->warnings_count == WARNINGS_MAX) {
        return;
    }
    if (result->warnings == NULL) {
        result->warnings = ps_arena_array(result->arena, WARNINGS_MAX, sizeof result->warnings[0]);
    }
    if (result->warnings != NULL) {
        result->warnings[result->warnings_count++] = text;
    }
}

void session_warn(struct session *session, const char *text)
{
    keep_warning(session->result, text);
    session_tell(session, &(struct ps_tester_event){.kind = PS_TESTER_WARNING, .text = text});
}

static void on_breach(void *context, const struct ps_tester_breach *breach)
{
    session_tell(context, &(struct ps_tester_event){.kind = PS_TESTER_BREACH, .breach = breach});
}

const char *ps_tester_breach_name(const struct ps_tester_breach *breach)
{
    return breach_kind_name(breach->kind);
}

static void put_type(struct ps_buffer *out, const struct ps_column *column)
{
    ps_buffer_puts(out, ps_type_name(column->type));
    if (column->type == PS_TYPE_DECIMAL) {
        ps_buffer_printf(out, "(%u,%u)", column->precision, column->scale);
    }
}

static void put_new_table(struct ps_buffer *out, const struct ps_table *shape)
{
    ps_buffer_printf(out, "%u column%s", shape->columns_count,
                     shape->columns_count == 1 ? "" : "s");
    ps_buffer_puts(out, shape->keys_count == 0 ? ", no key" : ", key");
    for (uint16_t position = 1; position <= shape->keys_count; position++) {
        for (uint32_t i = 0; i < shape->columns_count; i++) {
            if (shape->columns[i].key_position == position) {
                ps_buffer_printf(out, " %s", shape->columns[i].name);
            }
        }
    }
}

/* "a, b", or "none". */
static void put_key(struct ps_buffer *out, const struct ps_table *table)
{
    for (uint32_t position = 1; position <= table->keys_count; position++) {
        for (uint32_t i = 0; i < table->columns_count; i++) {
            if (table->columns[i].key_position == position) {
                ps_buffer_printf(out, "%s%s", position == 1 ? "" : ", ", table->columns[i].name);
            }
        }
    }
    ps_buffer_puts(out, table->keys_count == 0 ? "none" : "");
}

static bool same_keys(const struct ps_table *a, const struct ps_table *b)
{
    for (uint32_t i = 0; i < a->columns_count; i++) {
        int32_t other = ps_table_column(b, a->columns[i].name);
        uint16_t position = other < 0 ? 0 : b->columns[other].key_position;
        if (position != a->columns[i].key_position) {
            return false;
        }
    }
    return a->keys_count == b->keys_count;
}

/* "note STRING new; amount INT to LONG": at most a few. */
static void put_changes(struct ps_buffer *out, const struct ps_table *before,
                        const struct ps_table *shape)
{
    uint32_t count = 0;
    if (!same_keys(before, shape)) {
        count++;
        ps_buffer_puts(out, "key ");
        put_key(out, before);
        ps_buffer_puts(out, " to ");
        put_key(out, shape);
    }
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        const struct ps_column *column = &shape->columns[i];
        int32_t old = ps_table_column(before, column->name);
        if (old >= 0 && before->columns[old].type == column->type &&
            before->columns[old].precision == column->precision &&
            before->columns[old].scale == column->scale) {
            continue;
        }
        if (count++ == SHOWN_COLUMNS) {
            ps_buffer_puts(out, ", …");
            return;
        }
        ps_buffer_printf(out, "%s%s ", count == 1 ? "" : ", ", column->name);
        if (old >= 0) {
            put_type(out, &before->columns[old]);
            ps_buffer_puts(out, " to ");
        }
        put_type(out, column);
        ps_buffer_puts(out, old < 0 ? " new" : "");
    }
    if (count == 0) {
        put_new_table(out, shape);
    }
}

static void on_changed(void *context, const struct tester_table *table,
                       const struct ps_table *before)
{
    struct session *session = context;
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    if (before == NULL || before->columns_count == 0) {
        put_new_table(&text, table->shape);
    } else {
        put_changes(&text, before, table->shape);
    }
    session_tell(session, &(struct ps_tester_event){.kind = PS_TESTER_CHANGED,
                                                    .schema = table->schema,
                                                    .name = table->name,
                                                    .text = ps_buffer_text(&text)});
    ps_buffer_done(&text);
}

enum ps_status ps_tester_check_settings(const struct ps_settings *settings, struct ps_error *err)
{
    static const char encrypted[] = "fivetran_encrypted:";
    for (size_t i = 0; i < settings->count; i++) {
        if (strncmp(settings->entries[i].value, encrypted, sizeof encrypted - 1) == 0) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "the value of \"%s\" is encrypted (%s…), and only its maker can read "
                           "it: put the plain value into the configuration",
                           settings->entries[i].key, encrypted);
        }
        if (ps_config_is_placeholder(settings->entries[i].value)) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "the value of \"%s\" is still a placeholder like <YOUR_…>: write the "
                           "true value, or \"\"",
                           settings->entries[i].key);
        }
    }
    return PS_OK;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void add_totals(struct ps_tester_table *totals, const struct tester_counts *counts)
{
    totals->upserts += counts->upserts;
    totals->updates += counts->updates;
    totals->deletes += counts->deletes;
    totals->truncates += counts->truncates;
    totals->schema_changes += counts->schema_changes;
    totals->skipped += counts->skipped;
    totals->bytes += counts->bytes;
}

/* The tables as they ended; names are copied, since the roster goes. */
static void fill_tables(struct session *session)
{
    struct ps_tester_result *result = session->result;
    result->tables =
        ps_arena_array(result->arena, session->roster.count + 1, sizeof result->tables[0]);
    for (const struct tester_table *table = session->roster.first; table != NULL;
         table = table->next) {
        const struct tester_counts *counts = &table->counts;
        add_totals(&result->totals, counts);
        char *schema = ps_arena_strdup(result->arena, table->schema);
        char *name = ps_arena_strdup(result->arena, table->name);
        if (result->tables == NULL || schema == NULL || name == NULL) {
            continue;
        }
        result->tables[result->tables_count++] = (struct ps_tester_table){
            .schema = schema,
            .table = name,
            .upserts = counts->upserts,
            .updates = counts->updates,
            .deletes = counts->deletes,
            .truncates = counts->truncates,
            .schema_changes = counts->schema_changes,
            .skipped = counts->skipped,
            .bytes = counts->bytes,
        };
    }
}

static void fill_result(struct session *session)
{
    struct ps_tester_result *result = session->result;
    fill_tables(session);
    result->totals.skipped += session->records.homeless;
    result->files = session->files.files_done;
    result->file_bytes = session->files.bytes_done;
    result->breaches_total = session->breaches.total;
    result->breaches =
        ps_arena_array(result->arena, session->breaches.count + 1, sizeof result->breaches[0]);
    if (result->breaches != NULL && session->breaches.count > 0) {
        memcpy(result->breaches, session->breaches.list,
               session->breaches.count * sizeof result->breaches[0]);
        result->breaches_count = session->breaches.count;
    }
}

void ps_tester_result_done(struct ps_tester_result *result)
{
    ps_arena_free(result->arena);
    *result = (struct ps_tester_result){0};
}

static enum ps_status run(struct session *session, struct ps_error *err)
{
    const struct ps_tester_request *request = session->request;
    enum ps_status status = roster_init(&session->roster, &session->breaches, err);
    if (status != PS_OK) {
        return status;
    }
    session->slots = (struct slots){
        .ops = request->sink_ops,
        .sink = request->sink,
        .roster = &session->roster,
        .context = session,
        .changed = on_changed,
    };
    session->records = (struct records){.roster = &session->roster, .slots = &session->slots};
    status = session_setup(session, err);
    return status == PS_OK ? session_stream(session, err) : status;
}

enum ps_status ps_tester_run(const struct ps_tester_request *request,
                             struct ps_tester_result *ret_result, struct ps_error *err)
{
    struct session session = {.request = request, .result = ret_result};
    int64_t began = ps_monotonic_ns();
    double cpu_began = cpu_seconds();
    *ret_result = (struct ps_tester_result){.arena = ps_arena_new(RESULT_BYTES_MAX)};
    if (ret_result->arena == NULL) {
        return ps_fail_nomem(err, "testing the connector");
    }
    session.breaches =
        (struct breaches){.arena = ret_result->arena, .context = &session, .tell = on_breach};
    files_init(&session.files, request->folder, request->schema, &session.breaches);
    enum ps_status status = run(&session, err);
    session_take_losses(&session);
    fill_result(&session);
    files_done(&session.files);
    slots_done(&session.slots);
    records_done(&session.records);
    roster_done(&session.roster);
    breaches_done(&session.breaches);
    ret_result->seconds = (double)(ps_monotonic_ns() - began) / 1e9;
    ret_result->cpu_seconds = cpu_seconds() - cpu_began;
    ret_result->memory_peak_bytes = ps_machine_memory_peak();
    return status;
}
