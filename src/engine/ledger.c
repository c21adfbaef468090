/* Positions, edges and shapes, from the events of the reads into the state. */
#include "engine/ledger.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "engine/flatten.h"
#include "engine/window.h"

enum ps_status ledger_table(struct ps_state *state, const struct ps_plan_table *table,
                            struct ps_table_state **ret_table, struct ps_error *err)
{
    return ps_state_table(state, table->source_table->schema, table->source_table->name, ret_table,
                          err);
}

/* Under which names the table and its columns are sent. */
static enum ps_status remember_names(struct ps_state *state, const struct ps_plan_table *plan,
                                     struct ps_table_state *table, struct ps_error *err)
{
    const struct ps_table *sink_table = plan->sink_table;
    enum ps_status status =
        ps_state_set_text(state, &table->destination_schema, sink_table->schema, err);
    if (status == PS_OK) {
        status = ps_state_set_text(state, &table->destination_table, sink_table->name, err);
    }
    for (uint32_t i = 0; i < plan->sent_count && status == PS_OK; i++) {
        const char *own = plan->source_table->columns[plan->read_columns[i]].name;
        if (strcmp(own, sink_table->columns[i].name) != 0) {
            status = ps_state_rename_column(state, table, own, sink_table->columns[i].name, err);
        }
    }
    return status == PS_OK ? flatten_remember(state, table, plan, err) : status;
}

/* What the table was read with, now that it is, or is being read. */
static enum ps_status remember_read(struct ps_state *state, const struct ps_plan_table *plan,
                                    struct ps_table_state *table, struct ps_error *err)
{
    const char *cursor = plan->cursor < 0
                             ? NULL
                             : plan->source_table->columns[plan->read_columns[plan->cursor]].name;
    enum ps_status status = ps_state_set_text(state, &table->mode, ps_mode_name(plan->mode), err);
    if (status == PS_OK) {
        status = ps_state_set_text(state, &table->cursor_column, cursor, err);
    }
    if (status == PS_OK) {
        status = ps_state_set_text(state, &table->fingerprint, plan->fingerprint, err);
    }
    return status == PS_OK
               ? ps_state_set_text(state, &table->incarnation, plan->source_table->incarnation, err)
               : status;
}

/* What a read that is cut off is to go on from, before its first position. */
static enum ps_status remember_beginning(struct ps_state *state, const struct ps_plan_table *plan,
                                         struct ps_table_state *table, struct ps_error *err)
{
    if (plan->mode == PS_MODE_CHANGES) {
        return ps_state_keep_position(table, plan->position, err);
    }
    if (plan->load || table->mode != NULL) {
        return PS_OK;
    }
    /* A first window without a load: its edge was taken over, and is the table's own now. */
    table->cursor = plan->edge;
    return remember_read(state, plan, table, err);
}

enum ps_status ledger_begin(struct ps_state *state, struct event *event, struct ps_error *err)
{
    struct ps_table_state *table;
    enum ps_status status = ledger_table(state, event->plan, &table, err);
    if (status != PS_OK) {
        return status;
    }
    table->loading = event->plan->load;
    ps_load_keep(table, event->load);
    event->load = NULL;
    status = remember_beginning(state, event->plan, table, err);
    return status == PS_OK ? remember_names(state, event->plan, table, err) : status;
}

enum ps_status ledger_point(struct ps_state *state, const struct event *event, struct ps_error *err)
{
    struct ps_table_state *table;
    enum ps_status status = ledger_table(state, event->plan, &table, err);
    if (status == PS_OK && table->load != NULL) {
        struct ps_load_state *load = table->load;
        load->limit = window_earlier_limit(&load->limit, &event->load->limit);
        load->held = load->held || event->load->held;
    }
    return status;
}

enum ps_status ledger_joined(struct ps_state *state, struct event *event, struct ps_error *err)
{
    struct ps_table_state *table;
    enum ps_status status = ledger_table(state, event->plan, &table, err);
    if (status != PS_OK) {
        return status;
    }
    assert(table->load != NULL && event->part + event->joined < table->load->parts_count);
    struct ps_load_part *part = &table->load->parts[event->part];
    ps_free(part->bounds);
    part->bounds = event->text;
    event->text = NULL;
    for (uint32_t i = 1; i <= event->joined; i++) {
        part[i].bounds[0] = '\0';
        part[i].finished = true;
    }
    return PS_OK;
}

enum ps_status ledger_rows(struct ps_state *state, struct event *event, struct ps_error *err)
{
    struct ps_table_state *table;
    enum ps_status status = ledger_table(state, event->plan, &table, err);
    if (status == PS_OK && event->plan->mode == PS_MODE_CHANGES && !event->plan->load &&
        event->position != NULL) {
        ps_free(table->position);
        table->position = event->position;
        event->position = NULL;
    }
    if (status != PS_OK || table->load == NULL || event->part >= table->load->parts_count) {
        return status;
    }
    struct ps_load_state *load = table->load;
    struct ps_load_part *part = &load->parts[event->part];
    load->repeats = load->repeats || event->repeats;
    load->skipped += event->bad == NULL ? 0 : event->bad->rows;
    load->told += event->bad == NULL ? 0 : event->bad->told;
    if (event->largest.present &&
        (!load->largest.present || ps_scalar_compare(&event->largest, &load->largest) > 0)) {
        load->largest = event->largest;
    }
    if (event->position != NULL || event->part_finished) {
        ps_free(part->position);
        part->position = event->part_finished ? NULL : event->position;
        event->position = event->part_finished ? event->position : NULL;
        part->finished = event->part_finished;
    }
    return PS_OK;
}

/* True where the table's changes are found by a counter. */
static bool is_counted(const struct ps_plan_table *plan)
{
    return plan->cursor >= 0 &&
           plan->source_table->columns[plan->read_columns[plan->cursor]].counter;
}

enum ps_status ledger_end(struct ps_state *state, const struct event *event, struct ps_error *err)
{
    const struct ps_plan_table *plan = event->plan;
    struct ps_table_state *table;
    enum ps_status status = ledger_table(state, plan, &table, err);
    if (status == PS_OK) {
        status = remember_read(state, plan, table, err);
    }
    if (status != PS_OK) {
        return status;
    }
    const struct ps_load_state *load = table->load;
    /* Not present where the table was loaded. */
    const struct ps_scalar previous = plan->edge;
    table->loading = false;
    table->cursor = (struct ps_scalar){.present = false};
    if (load != NULL && load->cursor_column != NULL) {
        const struct ps_scalar *largest = is_counted(plan) ? &load->limit : &load->largest;
        table->cursor = window_next_edge(&load->limit, load->held, largest, &previous);
    }
    ps_load_keep(table, NULL);
    if (plan->mode != PS_MODE_CHANGES || event->end->unsure) {
        return ps_state_keep_position(table, NULL, err);
    }
    return event->end->position == NULL ? PS_OK
                                        : ps_state_keep_position(table, event->end->position, err);
}
