/*
 * The warehouse's own notes, in the schema "penstock": the state, one row that is written in the
 * transaction of each checkpoint and so is the truth; and the key columns of the tables, for which
 * there are no PRIMARY KEY constraints.
 */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "sinks/duckdb/sink.h"

static void put_own(struct ps_buffer *out, const struct duck_sink *sink, const char *table)
{
    struct duck_name name = {sink->catalog, "penstock", table};
    duck_name_table(out, &name, "");
}

static enum ps_status run(struct duck_sink *sink, struct ps_error *err)
{
    return duck_statement_run_buffer(&sink->session, "preparing the warehouse's state", &sink->sql,
                                     NULL, err);
}

/* A warehouse gets its id when it is made, so that it has one before the first checkpoint. */
static enum ps_status make_row(struct duck_sink *sink, struct ps_error *err)
{
    int64_t rows = 0;
    ps_buffer_puts(&sink->sql, "SELECT count(*) FROM ");
    put_own(&sink->sql, sink, "state");
    enum ps_status status = duck_statement_integers(&sink->session, "reading the warehouse's state",
                                                    &sink->sql, &rows, 1, err);
    if (status != PS_OK || rows == 1) {
        return status;
    }
    if (rows > 1) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "opening the warehouse: its table penstock.state has %lld rows, not one; it "
                       "was changed by hand, and which row counts cannot be told: penstock reset",
                       (long long)rows);
    }
    char id[37];
    if (!ps_uuid_new(id)) {
        return ps_fail(err, PS_RETRY, PS_CLASS_NONE,
                       "opening the warehouse: the system gives no random numbers");
    }
    ps_buffer_puts(&sink->sql, "INSERT INTO ");
    put_own(&sink->sql, sink, "state");
    ps_buffer_printf(&sink->sql, " (id, number) VALUES ('%s', 0)", id);
    return run(sink, err);
}

enum ps_status duck_state_make(struct duck_sink *sink, struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "BEGIN");
    enum ps_status status = run(sink, err);
    if (status == PS_OK) {
        ps_buffer_puts(sql, "CREATE SCHEMA IF NOT EXISTS ");
        duck_name_quote(sql, sink->catalog);
        ps_buffer_puts(sql, ".penstock");
        status = run(sink, err);
    }
    if (status == PS_OK) {
        ps_buffer_puts(sql, "CREATE TABLE IF NOT EXISTS ");
        put_own(sql, sink, "state");
        ps_buffer_puts(sql, " (id VARCHAR, number BIGINT, state VARCHAR, written_at TIMESTAMPTZ)");
        status = run(sink, err);
    }
    if (status == PS_OK) {
        ps_buffer_puts(sql, "CREATE TABLE IF NOT EXISTS ");
        put_own(sql, sink, "tables");
        ps_buffer_puts(sql, " (table_schema VARCHAR, table_name VARCHAR, key_columns VARCHAR[])");
        status = run(sink, err);
    }
    if (status == PS_OK) {
        status = duck_runs_make(sink, err);
    }
    if (status == PS_OK) {
        status = make_row(sink, err);
    }
    if (status == PS_OK) {
        ps_buffer_puts(sql, "COMMIT");
        status = run(sink, err);
    }
    return status;
}

enum ps_status duck_state_read(struct duck_sink *sink, struct ps_stored_state *ret_state,
                               struct ps_error *err)
{
    static const char what[] = "reading the warehouse's state";
    struct ps_stored_state state = {0};
    int64_t numbers[3] = {0};
    struct ps_buffer texts;
    ps_buffer_init(&texts, 0);
    ps_buffer_puts(&sink->sql, "SELECT number, (state IS NOT NULL)::BIGINT, "
                               "coalesce(epoch_us(written_at), 0) FROM ");
    put_own(&sink->sql, sink, "state");
    enum ps_status status =
        duck_statement_integers(&sink->session, what, &sink->sql, numbers, 3, err);
    if (status == PS_OK) {
        ps_buffer_puts(&sink->sql, "SELECT id, state FROM ");
        put_own(&sink->sql, sink, "state");
        status = duck_statement_texts(&sink->session, what, &sink->sql, &texts, err);
    }
    if (status != PS_OK) {
        goto out;
    }
    state.number = (uint64_t)numbers[0];
    state.found = numbers[1] != 0;
    snprintf(state.warehouse_id, sizeof state.warehouse_id, "%s", texts.data);
    if (state.found) {
        size_t head = strlen(texts.data) + 1;
        state.json_size = texts.size - head - 1;
        state.json = ps_strndup(texts.data + head, state.json_size);
        if (state.json == NULL) {
            status = ps_fail_nomem(err, what);
            goto out;
        }
    }
    sink->number = state.number;
    /* No row has a later stamp: those to come are above it, whatever the clock says. */
    if (numbers[2] > sink->synced_us) {
        sink->synced_us = numbers[2];
    }
    *ret_state = state;
out:
    ps_buffer_done(&texts);
    if (status == PS_END) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "%s: its table penstock.state is empty; it was changed by hand: penstock "
                       "reset",
                       what);
    }
    return status;
}

static enum ps_status flush_notes(struct duck_sink *sink, struct ps_error *err)
{
    if (sink->notes.size == 0) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql, "INSERT INTO ");
    put_own(&sink->sql, sink, "tables");
    ps_buffer_puts(&sink->sql, " VALUES ");
    ps_buffer_append(&sink->sql, sink->notes.data, sink->notes.size);
    bool held = ps_buffer_ok(&sink->notes);
    ps_buffer_clear(&sink->notes);
    if (!held) {
        ps_buffer_clear(&sink->sql);
        return ps_fail_nomem(err, "noting keys");
    }
    return duck_statement_run_buffer(&sink->session, "noting keys", &sink->sql, NULL, err);
}

enum ps_status duck_state_write(struct duck_sink *sink, const char *state_json, size_t state_size,
                                uint64_t number, struct ps_error *err)
{
    static const char what[] = "writing the warehouse's state";
    const struct duck_library *library = sink->session.library;
    struct duck_api_prepared *prepared = NULL;
    struct duck_api_result result = {0};
    enum ps_status status = PS_OK;
    struct ps_buffer *sql = &sink->sql;
    status = flush_notes(sink, err);
    if (status != PS_OK) {
        return status;
    }
    ps_buffer_puts(sql, "UPDATE ");
    put_own(sql, sink, "state");
    ps_buffer_puts(sql, " SET number = $1, state = $2, written_at = ");
    duck_put_stamp(sql, duck_stamp(sink));
    if (!ps_buffer_ok(sql)) {
        status = ps_fail_nomem(err, what);
    } else if (library->prepare(sink->session.connection, sql->data, &prepared) != 0) {
        status =
            duck_statement_fail(what, DUCK_API_ERROR_UNTOLD, library->prepare_error(prepared), err);
    } else if (library->bind_int64(prepared, 1, (int64_t)number) != 0 ||
               library->bind_varchar_length(prepared, 2, state_json, state_size) != 0) {
        status = ps_fail(err, PS_BUG, PS_CLASS_NONE, "%s: DuckDB does not take it", what);
    } else if (library->execute_prepared(prepared, &result) != 0) {
        status = duck_statement_fail(what, library->result_error_type(&result),
                                     library->result_error(&result), err);
    } else if (library->rows_changed(&result) != 1) {
        status = ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                         "%s: its table penstock.state was changed by hand", what);
    }
    library->destroy_result(&result);
    library->destroy_prepare(&prepared);
    ps_buffer_clear(sql);
    return status;
}

/* " FROM … WHERE …": the note of the table. */
static void put_note(struct ps_buffer *out, const struct duck_sink *sink,
                     const struct duck_table *table)
{
    ps_buffer_puts(out, " FROM ");
    put_own(out, sink, "tables");
    ps_buffer_puts(out, " WHERE table_schema = ");
    duck_name_literal(out, table->schema);
    ps_buffer_puts(out, " AND table_name = ");
    duck_name_literal(out, table->name);
}

/* What parts a note's names: a character that none has but for mischief, which costs a statement.
 */
#define PART "\x1f"

void duck_state_put_notes(struct ps_buffer *out, const struct duck_sink *sink)
{
    ps_buffer_puts(out,
                   "SELECT table_schema, table_name, concat_ws('" PART
                   "', table_schema, table_name, array_to_string(key_columns, '" PART "')) FROM ");
    put_own(out, sink, "tables");
}

/* The note as duck_state_put_notes gives it. */
static char *note_of(const struct duck_table *table)
{
    struct ps_buffer note;
    ps_buffer_init(&note, 0);
    ps_buffer_printf(&note, "%s" PART "%s", table->schema, table->name);
    const char *name = NULL;
    for (uint32_t i = 0; (name = duck_table_key_name(table->table, i)) != NULL; i++) {
        ps_buffer_puts(&note, PART);
        ps_buffer_puts(&note, name);
    }
    char *copy = ps_buffer_ok(&note) ? ps_strdup(note.data) : NULL;
    ps_buffer_done(&note);
    return copy;
}

enum ps_status duck_state_remember(struct duck_sink *sink, struct duck_table *table,
                                   bool *ret_other, struct ps_error *err)
{
    bool other = false;
    char *note = note_of(table);
    if (note == NULL) {
        return ps_fail_nomem(err, "noting a key");
    }
    enum ps_status status = PS_OK;
    if (table->note != NULL && strcmp(table->note, note) == 0) {
        ps_free(note);
        *ret_other = false;
        return PS_OK;
    }
    if (table->note != NULL) {
        other = true;
        status = flush_notes(sink, err);
        if (status == PS_OK) {
            ps_buffer_puts(&sink->sql, "DELETE");
            put_note(&sink->sql, sink, table);
            status = duck_do(sink, table, "noting the key of", err);
        }
    }
    ps_free(table->note);
    table->note = note;
    struct ps_buffer *notes = &sink->notes;
    ps_buffer_puts(notes, notes->size == 0 ? "(" : ", (");
    duck_name_literal(notes, table->schema);
    ps_buffer_puts(notes, ", ");
    duck_name_literal(notes, table->name);
    ps_buffer_puts(notes, ", [");
    duck_table_put_key_literals(notes, table);
    ps_buffer_puts(notes, "])");
    if (status == PS_OK) {
        *ret_other = other;
    }
    return status;
}
