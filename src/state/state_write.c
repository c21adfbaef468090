/*
 * Writes the state document; see docs/state-format.md. The order of members here is the canonical
 * one: changing it changes every checksum, and so the version.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/random.h"
#include "state/checksum.h"
#include "state/document.h"

static void put_optional(struct ps_json_writer *writer, const char *name, const char *text)
{
    if (text != NULL) {
        ps_json_put_text(writer, name, text);
    }
}

/* A document that cannot be read again must never be written: it would be found too late. */
bool scalar_reads_back(const struct ps_scalar *value, const char *text, size_t size)
{
    struct ps_scalar back;
    return ps_scalar_parse(text, size, value->type, value->scale, &back) &&
           ps_scalar_compare(value, &back) == 0;
}

static enum ps_status cursor_put(struct ps_json_writer *writer, const struct ps_table_state *table,
                                 struct ps_error *err)
{
    if (table->cursor_column == NULL && !table->cursor.present) {
        return PS_OK;
    }
    ps_json_open(writer, "cursor", '{');
    put_optional(writer, "column", table->cursor_column);
    if (table->cursor.present) {
        struct ps_scalar cursor = table->cursor;
        if (cursor.type != PS_TYPE_DECIMAL) {
            cursor.scale = 0;
        }
        char text[PS_VALUE_TEXT_SIZE];
        if (!ps_scalar_type_supported(cursor.type) ||
            !scalar_reads_back(&cursor, text, ps_scalar_format(&cursor, text))) {
            return ps_fail(err, PS_BUG, PS_CLASS_NONE,
                           "the cursor of %s.%s is no value of its type and cannot be kept in "
                           "the state",
                           table->schema, table->table);
        }
        ps_json_put_text(writer, "type", ps_type_name(cursor.type));
        ps_json_put_integer(writer, "scale", cursor.scale);
        ps_json_put_text(writer, "value", text);
    }
    ps_json_close(writer, '}');
    return PS_OK;
}

static void put_columns(struct ps_json_writer *writer, const char *name,
                        const struct ps_renamed_column *column)
{
    if (column == NULL) {
        return;
    }
    ps_json_open(writer, name, '{');
    for (; column != NULL; column = column->next) {
        ps_json_put_text(writer, column->column, column->name);
    }
    ps_json_close(writer, '}');
}

static enum ps_status table_put(struct ps_json_writer *writer, const struct ps_table_state *table,
                                struct ps_error *err)
{
    const char *destination_schema =
        table->destination_schema != NULL ? table->destination_schema : "";
    ps_json_open(writer, NULL, '{');
    ps_json_put_text(writer, "schema", table->schema);
    ps_json_put_text(writer, "table", table->table);
    put_optional(writer, "mode", table->mode);
    enum ps_status status = cursor_put(writer, table, err);
    if (status != PS_OK) {
        return status;
    }
    put_optional(writer, "position", table->position);
    put_optional(writer, "fingerprint", table->fingerprint);
    put_optional(writer, "incarnation", table->incarnation);
    if (table->destination_table != NULL || destination_schema[0] != '\0') {
        ps_json_open(writer, "destination", '{');
        ps_json_put_text(writer, "schema", destination_schema);
        put_optional(writer, "table", table->destination_table);
        ps_json_close(writer, '}');
    }
    put_columns(writer, "renamed", table->renamed);
    put_columns(writer, "flattened", table->flattened);
    put_optional(writer, "preprocessed", table->preprocessed);
    if (table->loading) {
        ps_json_put_boolean(writer, "loading", true);
    }
    status = load_put(writer, table, err);
    if (status == PS_OK) {
        status = window_put(writer, table, err);
    }
    ps_json_close(writer, '}');
    return status;
}

static int64_t version_of(const struct ps_state *state)
{
    int64_t version = state->imported_count > 0 ? 2 : 1;
    for (const struct ps_table_state *table = state->tables; table != NULL; table = table->next) {
        if (ps_window_under_way(table)) {
            return PS_STATE_VERSION;
        }
        version = table->loading && table->load != NULL ? 2 : version;
    }
    return version;
}

enum ps_status state_write_canonical(const struct ps_state *state, struct ps_buffer *out,
                                     struct ps_error *err)
{
    /* Checkpoints are counted; no count comes near the end of int64_t. */
    assert(state->number <= INT64_MAX && state->syncs_completed <= INT64_MAX);
    struct ps_json_writer writer;
    ps_json_writer_init(&writer, out, false);
    ps_json_open(&writer, NULL, '{');
    ps_json_put_integer(&writer, "penstock", version_of(state));
    put_optional(&writer, "source", state->source);
    put_optional(&writer, "warehouse", state->warehouse_id);
    put_optional(&writer, "destination_schema", state->destination_schema);
    put_optional(&writer, "position", state->position);
    ps_json_put_integer(&writer, "number", (int64_t)state->number);
    ps_json_put_integer(&writer, "syncs_completed", (int64_t)state->syncs_completed);
    put_optional(&writer, "last_sync", state->last_sync);
    if (state->connector != NULL) {
        ps_json_put_text_sized(&writer, "connector_state", state->connector, state->connector_size);
    }
    if (state->imported_count > 0) {
        ps_json_open(&writer, "imported", '{');
        for (size_t i = 0; i < state->imported_count; i++) {
            ps_json_put_text(&writer, state->imported[i].name, state->imported[i].value);
        }
        ps_json_close(&writer, '}');
    }
    ps_json_open(&writer, "tables", '[');
    for (const struct ps_table_state *table = state->tables; table != NULL; table = table->next) {
        enum ps_status status = table_put(&writer, table, err);
        if (status != PS_OK) {
            return status;
        }
    }
    ps_json_close(&writer, ']');
    ps_json_close(&writer, '}');
    return ps_buffer_ok(out) ? PS_OK : ps_fail_nomem(err, "writing the state");
}

void checksum_format(const char *text, size_t size, char out[CHECKSUM_TEXT_SIZE])
{
    snprintf(out, CHECKSUM_TEXT_SIZE, "%016" PRIx64, ps_hash_bytes(text, size));
}

enum ps_status ps_state_write(const struct ps_state *state, struct ps_buffer *out,
                              struct ps_error *err)
{
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    enum ps_status status = state_write_canonical(state, &text, err);
    if (status == PS_OK) {
        char checksum[CHECKSUM_TEXT_SIZE];
        checksum_format(text.data, text.size, checksum);
        /* The checksum goes in before the closing bracket. */
        ps_buffer_append(out, text.data, text.size - 1);
        ps_buffer_printf(out, ",\"checksum\":\"%s\"}\n", checksum);
        if (!ps_buffer_ok(out)) {
            status = ps_fail_nomem(err, "writing the state");
        }
    }
    ps_buffer_done(&text);
    return status;
}
