/*
 * One table's plan: columns and their names, mode, and whether it must be loaded in full.
 */
#include <string.h>

#include "engine/fingerprint.h"
#include "engine/flatten.h"
#include "engine/incarnation.h"
#include "engine/marks.h"
#include "engine/mode.h"
#include "engine/parts.h"
#include "engine/plan.h"
#include "engine/shape.h"
#include "engine/size_class.h"
#include "engine/window.h"

const char *plan_table_label(struct ps_arena *arena, const struct ps_table *table)
{
    const char *label = table->schema[0] == '\0'
                            ? table->name
                            : ps_arena_printf(arena, "%s.%s", table->schema, table->name);
    return label == NULL ? table->name : label;
}

static void warn(const struct plan_table_request *request, const char *text)
{
    if (text != NULL) {
        request->warn(request->context, text);
    }
}

/* Plain numbers tell no time, and so nothing of what was still open when the largest was read. */
static void warn_of_number_cursor(const struct plan_table_request *request, int32_t cursor)
{
    if (cursor < 0) {
        return;
    }
    const struct ps_column *column = &request->table->columns[cursor];
    if (!column->counter && (column->type == PS_TYPE_SHORT || column->type == PS_TYPE_INT ||
                             column->type == PS_TYPE_LONG || column->type == PS_TYPE_DECIMAL)) {
        warn(request, ps_arena_printf(request->arena,
                                      "\"%s\": the cursor \"%s\" is a number; each read begins "
                                      "%d values below the largest one seen, and rows committed "
                                      "later with smaller ones are not found",
                                      plan_table_label(request->arena, request->table),
                                      column->name, WINDOW_NUMBERS_LOOKED_BACK));
    }
}

/* A list of values that is a slip of the pen, or meant for columns of another type. */
static void warn_of_unfit_marks(const struct plan_table_request *request,
                                const struct ps_plan_table *planned)
{
    const struct ps_column *column =
        planned->soft_delete < 0 ? NULL : &planned->read_table->columns[planned->soft_delete];
    if (column != NULL && marks_fit_nothing(request->plan->config, column)) {
        warn(request, ps_arena_printf(request->arena,
                                      "\"%s\": no row counts as deleted, since none of the values "
                                      "in soft_delete_values is one that \"%s\" can have (%s)",
                                      plan_table_label(request->arena, request->table),
                                      column->name, ps_type_name(column->type)));
    }
}

/* A key that changes leaves its former row, and here it changes without anybody's meaning to. */
static void warn_of_loose_key(const struct plan_table_request *request, enum ps_mode mode)
{
    for (uint32_t i = 0; mode == PS_MODE_INCREMENTAL && i < request->table->columns_count; i++) {
        const struct ps_column *column = &request->table->columns[i];
        if (column->key_position != 0 && column->loose) {
            warn(request,
                 ps_arena_printf(request->arena,
                                 "\"%s\": two values of its key \"%s\" (%s) can be equal at the "
                                 "source and differ here: where one is rewritten as such another, "
                                 "its former row stays until the table is loaded again (--resync)",
                                 plan_table_label(request->arena, request->table), column->name,
                                 column->source_type));
        }
    }
}

/* The columns in batch order: those sent first, then what the engine reads for itself. */
struct selection {
    uint32_t *columns;
    uint32_t sent, count;
    uint32_t left_out; /* a hash of the names of those that are not sent */
};

/* True where the column is not sent; says so where that is not what the user chose. */
static bool leave_out(const struct plan_table_request *request, const struct mode_choice *choice,
                      uint32_t index)
{
    const struct ps_column *column = &request->table->columns[index];
    if (column->key_position != 0) {
        return false; /* without it rows could not be told apart */
    }
    if (names_column_reserved(column->name)) {
        if ((int32_t)index != choice->cursor && (int32_t)index != choice->soft_delete) {
            warn(request,
                 ps_arena_printf(request->arena,
                                 "\"%s\": the column \"%s\" is left out, because the destination "
                                 "keeps that name for itself",
                                 plan_table_label(request->arena, request->table), column->name));
        }
        return true;
    }
    return !ps_selection_column(request->selected, column->name);
}

static enum ps_status select_columns(const struct plan_table_request *request,
                                     const struct mode_choice *choice,
                                     struct selection *ret_selection, struct ps_error *err)
{
    const struct ps_table *table = request->table;
    struct selection selection = {
        .columns = ps_arena_array(request->arena, table->columns_count + 2U, sizeof(uint32_t))};
    bool *left_out = ps_arena_array(request->arena, table->columns_count + 1U, sizeof(bool));
    if (selection.columns == NULL || left_out == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        left_out[i] = leave_out(request, choice, i);
        if (!left_out[i]) {
            selection.columns[selection.count++] = i;
            continue;
        }
        selection.left_out = fingerprint_leave_out(selection.left_out, table->columns[i].name);
    }
    selection.sent = selection.count;
    if (choice->cursor >= 0 && left_out[choice->cursor]) {
        selection.columns[selection.count++] = (uint32_t)choice->cursor;
    }
    if (choice->soft_delete >= 0 && choice->soft_delete != choice->cursor &&
        left_out[choice->soft_delete]) {
        selection.columns[selection.count++] = (uint32_t)choice->soft_delete;
    }
    *ret_selection = selection;
    return PS_OK;
}

static int32_t batch_column(const struct selection *selection, int32_t table_column)
{
    for (uint32_t i = 0; table_column >= 0 && i < selection->count; i++) {
        if (selection->columns[i] == (uint32_t)table_column) {
            return (int32_t)i;
        }
    }
    return -1;
}

/* Once: what was told is in the state with the name. */
static void tell_renamed_column(const struct plan_table_request *request, const char *own,
                                const char *name)
{
    if (strcmp(own, name) == 0 || names_column_before(request->state, own) != NULL) {
        return;
    }
    warn(request,
         ps_arena_printf(request->arena,
                         "\"%s\": the column \"%s\" is called \"%s\" at the destination, which %s",
                         plan_table_label(request->arena, request->table), own, name,
                         names_column_reserved(own) ? "keeps its own name for itself"
                                                    : "does not tell upper from lower case"));
}

/* Makes read_table and sink_table, which share their columns. */
static enum ps_status make_tables(const struct plan_table_request *request,
                                  const struct selection *selection, struct ps_plan_table *planned,
                                  struct ps_error *err)
{
    struct ps_arena *arena = request->arena;
    struct ps_table *read_table = ps_arena_alloc(arena, sizeof(*read_table));
    struct ps_table *sink_table = ps_arena_alloc(arena, sizeof(*sink_table));
    struct ps_column *columns =
        ps_arena_array(arena, selection->count + 1U, sizeof(struct ps_column));
    if (read_table == NULL || sink_table == NULL || columns == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    for (uint32_t i = 0; i < selection->count; i++) {
        columns[i] = request->table->columns[selection->columns[i]];
    }
    enum ps_status status =
        names_columns(arena, columns, selection->sent,
                      (request->plan->sink_caps & PS_SINK_IGNORES_CASE) != 0, request->state, err);
    if (status != PS_OK) {
        return status;
    }
    for (uint32_t i = 0; i < selection->sent; i++) {
        tell_renamed_column(request, request->table->columns[selection->columns[i]].name,
                            columns[i].name);
    }
    *sink_table = *request->table;
    sink_table->schema = request->name->schema;
    sink_table->name = request->name->table;
    sink_table->columns = columns;
    sink_table->columns_count = selection->sent;
    *read_table = *sink_table;
    read_table->columns_count = selection->count;
    planned->source_table = request->table;
    planned->read_table = read_table;
    planned->sink_table = sink_table;
    planned->read_columns = selection->columns;
    planned->sent_count = selection->sent;
    return PS_OK;
}

/* Of the column that marks rows as deleted, and of the values that do. */
static uint32_t deletes_hash(const struct plan_table_request *request, int32_t column)
{
    if (column < 0) {
        return 0;
    }
    uint32_t hash = fingerprint_leave_out(0, request->table->columns[column].name);
    const char *const *values = ps_config_list(request->plan->config, "soft_delete_values", NULL);
    for (size_t i = 0; values[i] != NULL; i++) {
        hash = fingerprint_leave_out(hash, values[i]);
    }
    return hash;
}

static bool listed(const char *const *patterns, const struct ps_table *table)
{
    for (size_t i = 0; patterns != NULL && patterns[i] != NULL; i++) {
        if (ps_table_pattern_match(patterns[i], table->schema, table->name)) {
            return true;
        }
    }
    return false;
}

/* What a window does not show: said once, since the state then has the parts of now. */
static void warn_of_parts_gone(const struct plan_table_request *request)
{
    const struct ps_table_state *state = request->state;
    const struct ps_table *table = request->table;
    size_t gone = state->incarnation == NULL || table->incarnation == NULL
                      ? 0
                      : incarnation_parts_gone(state->incarnation, table->incarnation);
    if (gone > 0) {
        warn(request,
             ps_arena_printf(request->arena,
                             "\"%s\": %zu partition%s of it %s gone since the last sync; rows that "
                             "left with %s stay at the destination until the table is loaded again "
                             "(--resync, or a re-sync on the platform)",
                             plan_table_label(request->arena, table), gone, gone == 1 ? "" : "s",
                             gone == 1 ? "is" : "are", gone == 1 ? "it" : "them"));
    }
}

/* Once, since the state then has the mode of now. */
static void warn_of_lost_cursor(const struct plan_table_request *request, enum ps_mode mode,
                                const char *reason)
{
    const struct ps_table_state *state = request->state;
    if (mode == PS_MODE_FULL && state != NULL && state->mode != NULL &&
        strcmp(state->mode, ps_mode_name(PS_MODE_INCREMENTAL)) == 0) {
        warn(request,
             ps_arena_printf(request->arena,
                             "\"%s\" was read by its changes until now, and is read whole in each "
                             "sync from now on: %s",
                             plan_table_label(request->arena, request->table), reason));
    }
}

/* True where the user wants the table loaded again, and no sync has begun that yet. */
static bool is_asked_for(const struct plan_table_request *request)
{
    const struct ps_plan_request *plan = request->plan;
    return plan->resync &&
           (plan->resync_tables == NULL || listed(plan->resync_tables, request->table)) &&
           !listed(plan->resync_begun, request->table);
}

/* True where what was sent before cannot be gone on from, whatever the table's mode. */
static bool begins_anew(const struct plan_table_request *request)
{
    const struct ps_table_state *state = request->state;
    return is_asked_for(request) ||
           (state != NULL && state->destination_table != NULL &&
            (strcmp(state->destination_table, request->name->table) != 0 ||
             strcmp(state->destination_schema, request->name->schema) != 0));
}

/* Why a table is loaded in full in this sync, whatever shows its changes; NULL: nothing says so. */
static const char *load_reason(const struct plan_table_request *request,
                               const struct fingerprint_subject *subject)
{
    const struct ps_table_state *state = request->state;
    if (state == NULL || state->mode == NULL) {
        return state != NULL && state->loading ? "its first load was cut off" : "first sync";
    }
    if (is_asked_for(request)) {
        return "asked for";
    }
    if (state->loading) {
        return "its last load was cut off";
    }
    if (state->destination_table == NULL ||
        strcmp(state->destination_table, request->name->table) != 0 ||
        strcmp(state->destination_schema, request->name->schema) != 0) {
        return "its place at the destination changed";
    }
    return fingerprint_change(state->fingerprint, subject, request->arena);
}

/*
 * Whether changes are loaded in full first, and where a read of them begins; NULL: with the
 * table's rows, or with the first change.
 */
static enum ps_status plan_changes(const struct plan_table_request *request,
                                   const struct fingerprint_subject *subject,
                                   struct ps_plan_table *planned, struct ps_error *err)
{
    const struct ps_table_state *state = request->state;
    const char *position = state == NULL ? NULL : state->position;
    planned->load = false;
    if ((request->plan->source_ops->caps & PS_CAP_NO_LOADS) == 0) {
        planned->load_reason = load_reason(request, subject);
        if (planned->load_reason == NULL && position == NULL) {
            planned->load_reason = "nothing says where its changes go on";
        }
        planned->load = planned->load_reason != NULL;
    } else if (position == NULL && request->plan->state != NULL) {
        position = request->plan->state->position;
    }
    if (planned->load || position == NULL || begins_anew(request)) {
        return PS_OK;
    }
    /* A copy: the state's moves on while it is read. */
    planned->position = ps_arena_strdup(request->arena, position);
    return planned->position == NULL ? ps_fail_nomem(err, "planning a table") : PS_OK;
}

/* Why an incremental table is loaded in full in this sync; NULL: it is not. */
static const char *window_load_reason(const struct plan_table_request *request,
                                      const struct ps_plan_table *planned,
                                      const struct fingerprint_subject *subject)
{
    const struct ps_table_state *state = request->state;
    const struct ps_table *table = request->table;
    const char *reason = load_reason(request, subject);
    if (reason != NULL) {
        return reason;
    }
    const struct ps_column *cursor = &table->columns[planned->read_columns[planned->cursor]];
    if (state->cursor_column != NULL && strcmp(state->cursor_column, cursor->name) == 0 &&
        !state->cursor.present) {
        return "no row had a value in its cursor yet";
    }
    if (state->cursor_column == NULL || strcmp(state->cursor_column, cursor->name) != 0 ||
        state->cursor.type != cursor->type || state->cursor.scale != cursor->scale) {
        return "it had no such cursor before";
    }
    if (table->incarnation != NULL && state->incarnation != NULL &&
        incarnation_rewritten(state->incarnation, table->incarnation)) {
        return "it was emptied or rewritten at the source";
    }
    if (table->incarnation != NULL && state->incarnation != NULL &&
        incarnation_part_added(state->incarnation, table->incarnation)) {
        return "a partition with rows was added";
    }
    return NULL;
}

/* Nothing says which transactions were open when a Python connector noted a counter's value, and a
 * counter's windows do not look back. */
static enum ps_status refuse_counter(const struct plan_table_request *request,
                                     const struct ps_column *column)
{
    const struct ps_table *table = request->table;
    if (ps_state_imported_entry(request->plan->state, table->schema, table->name) != NULL) {
        warn(request,
             ps_arena_printf(request->arena,
                             "\"%s\" is loaded whole: its cursor \"%s\" is a counter, and "
                             "the state that is taken over does not tell below which value "
                             "everything was committed",
                             plan_table_label(request->arena, table), column->name));
    }
    return PS_OK;
}

/*
 * What the state of a Python connector says of a table that this one has not read yet: it is gone
 * on with from there, without a load.
 */
static enum ps_status take_over(const struct plan_table_request *request,
                                struct ps_plan_table *planned, struct ps_error *err)
{
    const struct ps_table_state *state = request->state;
    const bool read_before = state != NULL && (state->mode != NULL || state->loading ||
                                               state->destination_table != NULL);
    if (request->plan->state == NULL || read_before || begins_anew(request)) {
        return PS_OK;
    }
    const struct ps_imported *own =
        ps_state_imported_entry(request->plan->state, request->table->schema, request->table->name);
    if (own != NULL && *own->value == '\0') {
        return PS_OK;
    }
    const char *entry = NULL;
    const struct ps_table *rival = claims_rival(request->claims, request->table, &entry);
    if (rival != NULL) {
        warn(request, ps_arena_printf(request->arena,
                                      "\"%s\" is loaded whole: \"%.128s\" in the state that is "
                                      "taken over may as well mean \"%s\"",
                                      plan_table_label(request->arena, request->table), entry,
                                      plan_table_label(request->arena, rival)));
        return PS_OK;
    }
    const struct ps_column *column =
        &request->table->columns[planned->read_columns[planned->cursor]];
    if (column->counter) {
        return refuse_counter(request, column);
    }
    const struct ps_imported_cursor cursor = {
        .schema = request->table->schema,
        .table = request->table->name,
        .column = column->name,
        .type = column->type,
        .scale = column->scale,
    };
    enum ps_status status =
        ps_state_imported_edge(request->plan->state, &cursor, &planned->edge, err);
    if (status != PS_OK) {
        return status == PS_END ? PS_OK : status;
    }
    planned->load = false;
    planned->load_reason = NULL;
    planned->reason = ps_arena_printf(request->arena, "%s; goes on from a Python connector's state",
                                      planned->reason);
    return planned->reason == NULL ? ps_fail_nomem(err, "planning a table") : PS_OK;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/*
 * The load or the window under way that can be gone on with; NULL: there is none. What it has read
 * so far must fit what is still to come: the same columns, keys and cursor of a table that nobody
 * emptied, rewrote, or gave other parts, and of which one can tell what has changed.
 */
static const struct ps_load_state *resumable(const struct plan_table_request *request,
                                             const struct ps_plan_table *planned)
{
    const struct ps_load_state *load = request->state == NULL ? NULL : request->state->load;
    if (load == NULL || !parts_go_on(request->plan->source_ops, load) ||
        planned->load != request->state->loading || begins_anew(request) ||
        !same_text(load->fingerprint, planned->fingerprint) ||
        !incarnation_same(load->incarnation, request->table->incarnation)) {
        return NULL;
    }
    if (planned->cursor < 0) {
        return load->cursor_column == NULL ? load : NULL;
    }
    const struct ps_column *cursor =
        &request->table->columns[planned->read_columns[planned->cursor]];
    return same_text(load->cursor_column, cursor->name) && load->limit.type == cursor->type &&
                   load->limit.scale == cursor->scale
               ? load
               : NULL;
}

/* True where a load without a cursor was cut off, and is begun anew for its lack alone. */
static bool is_blind(const struct plan_table_request *request, const struct ps_plan_table *planned)
{
    const struct ps_load_state *load = request->state == NULL ? NULL : request->state->load;
    return load != NULL && planned->mode == PS_MODE_FULL && request->state->loading &&
           !parts_show_changes(request->plan->source_ops, load->mark, load->parts[0].bounds);
}

static enum ps_status plan_keyed_table(const struct plan_table_request *request,
                                       struct ps_plan_table *ret_table, struct ps_error *err)
{
    struct mode_choice choice;
    struct selection selection = {.columns = NULL};
    struct ps_plan_table planned = {.load = true};
    enum ps_status status = mode_choose(request->plan->source_ops, request->plan->config,
                                        request->arena, request->table, &choice, err);
    if (status != PS_OK) {
        return status;
    }
    warn(request, choice.warning);
    warn(request, choice.soft_delete_warning);
    warn_of_number_cursor(request, choice.cursor);
    warn_of_loose_key(request, choice.mode);
    warn_of_lost_cursor(request, choice.mode, choice.reason);
    status = select_columns(request, &choice, &selection, err);
    if (status == PS_OK) {
        status = make_tables(request, &selection, &planned, err);
    }
    const struct ps_table *plain = planned.sink_table;
    planned.cursor = batch_column(&selection, choice.cursor);
    planned.soft_delete = batch_column(&selection, choice.soft_delete);
    if (status == PS_OK) {
        status = shape_types(request, &planned, err);
    }
    if (status == PS_OK) {
        warn_of_unfit_marks(request, &planned);
        status = flatten_plan(request, &planned, &selection.left_out, err);
    }
    if (status != PS_OK) {
        return status;
    }
    planned.selected = request->selected;
    planned.mode = choice.mode;
    planned.reason = choice.reason;
    planned.read_before = request->state != NULL && request->state->fingerprint != NULL;
    const struct fingerprint_subject subject = {
        .table = plain,
        .left_out = selection.left_out,
        .deletes = deletes_hash(request, choice.soft_delete),
        .values = shape_values_hash(request->plan->config, &planned),
    };
    status = shape_check_change(request, &subject, err);
    if (status == PS_OK) {
        status = size_choose(request->plan->config, request->arena, request->table, &planned.sizing,
                             err);
    }
    if (status != PS_OK) {
        return status;
    }
    if (planned.mode == PS_MODE_INCREMENTAL) {
        planned.load_reason = window_load_reason(request, &planned, &subject);
        planned.load = planned.load_reason != NULL;
        if (!planned.load) {
            planned.edge = request->state->cursor;
            warn_of_parts_gone(request);
        }
        status = take_over(request, &planned, err);
        if (status != PS_OK) {
            return status;
        }
    }
    if (planned.mode == PS_MODE_CHANGES) {
        status = plan_changes(request, &subject, &planned, err);
        if (status != PS_OK) {
            return status;
        }
    }
    const bool anew = planned.load || request->state == NULL;
    planned.fingerprint =
        fingerprint_make(request->arena, &subject, anew ? NULL : request->state->fingerprint);
    if (planned.fingerprint == NULL) {
        return ps_fail_nomem(err, "planning a table");
    }
    planned.resume = resumable(request, &planned);
    if (planned.resume == NULL && is_blind(request, &planned)) {
        planned.load_reason = "its last load was cut off, and one cannot tell what has changed in "
                              "what was read of it";
    }
    if (planned.resume != NULL && planned.load) {
        planned.load_reason = "the load that was cut off goes on";
    } else if (planned.resume != NULL) {
        planned.reason = ps_arena_printf(request->arena, "%s; the read that was cut off goes on",
                                         planned.reason);
        if (planned.reason == NULL) {
            return ps_fail_nomem(err, "planning a table");
        }
    }
    *ret_table = planned;
    return PS_OK;
}

enum ps_status plan_table(const struct plan_table_request *request, struct ps_plan_table *ret_table,
                          struct ps_error *err)
{
    struct plan_table_request keyed = *request;
    enum ps_status status =
        shape_keys(request->plan->config, request->arena, request->table, &keyed.table, err);
    return status == PS_OK ? plan_keyed_table(&keyed, ret_table, err) : status;
}
