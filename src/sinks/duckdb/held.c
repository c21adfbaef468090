/*
 * From held packets to DuckDB's appender.
 */
#include "sinks/duckdb/held.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "sinks/duckdb/fill.h"
#include "sinks/duckdb/packet.h"

/* Else the index of one of the batch's columns. */
enum { FROM_NOWHERE = -1, FROM_STAMP = -2, FROM_DELETED = -3, FROM_ID = -4 };

static int32_t from_of(const struct duck_table *table, const struct duck_column *column)
{
    const struct ps_batch *batch = table->held_first->batch;
    if (strcasecmp(column->name, DUCK_SYNCED) == 0) {
        return FROM_STAMP;
    }
    if (strcasecmp(column->name, DUCK_DELETED) == 0) {
        return FROM_DELETED;
    }
    if (strcasecmp(column->name, DUCK_ID) == 0) {
        return table->table->keys_count == 0 ? FROM_ID : FROM_NOWHERE;
    }
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        if (strcasecmp(table->table->columns[batch->columns[i]].name, column->name) == 0) {
            return (int32_t)i;
        }
    }
    return FROM_NOWHERE;
}

/* The type that values from there have. */
static struct duck_type type_from(const struct duck_table *table, const struct duck_column *column)
{
    int32_t from = from_of(table, column);
    switch (from) {
    case FROM_NOWHERE:
        return column->type;
    case FROM_STAMP:
        return (struct duck_type){.type = PS_TYPE_UTC_DATETIME};
    case FROM_DELETED:
        return (struct duck_type){.type = PS_TYPE_BOOLEAN};
    case FROM_ID:
        return (struct duck_type){.type = PS_TYPE_STRING};
    default: {
        const struct ps_vector *vector = &table->held_first->batch->vectors[from];
        return (struct duck_type){
            .type = vector->type, .precision = vector->precision, .scale = vector->scale};
    }
    }
}

bool duck_held_fits(const struct duck_table *table)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct duck_column *column = &table->columns[i];
        /* A foreign type has no name here. */
        if (column->type.foreign || !duck_type_same(type_from(table, column), column->type)) {
            return false;
        }
    }
    return true;
}

static void fill_null(const struct duck_library *library, uint32_t count,
                      struct duck_api_vector *vector)
{
    library->vector_ensure_validity_writable(vector);
    memset(library->vector_get_validity(vector), 0, (count + 7) / 8);
}

static void fill_own(const struct duck_packet *packet, int32_t from, uint32_t first, uint32_t count,
                     void *out)
{
    for (uint32_t i = 0; i < count; i++) {
        switch (from) {
        case FROM_STAMP:
            ((int64_t *)out)[i] = packet->synced_us;
            break;
        case FROM_DELETED:
            ((uint8_t *)out)[i] = 0;
            break;
        default:
            ((struct duck_api_string *)out)[i] =
                duck_fill_string(packet->ids + (size_t)(first + i) * DUCK_ID_SIZE, DUCK_ID_SIZE);
            break;
        }
    }
}

static void fill(struct duck_held *held, const struct duck_packet *packet, uint32_t first,
                 uint32_t count, struct duck_api_chunk *chunk)
{
    const struct duck_library *library = held->library;
    for (uint32_t i = 0; i < held->table->columns_count; i++) {
        struct duck_api_vector *vector = library->data_chunk_get_vector(chunk, i);
        int32_t from = held->from[i];
        if (from >= 0) {
            held->cut[from] +=
                duck_fill_column(library, &packet->batch->vectors[from], first, count, vector);
        } else if (from == FROM_NOWHERE) {
            fill_null(library, count, vector);
        } else {
            fill_own(packet, from, first, count, library->vector_get_data(vector));
        }
    }
    library->data_chunk_set_size(chunk, count);
}

static enum ps_status make_types(struct duck_held *held, struct ps_error *err)
{
    const struct duck_table *table = held->table;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        held->from[i] = from_of(table, &table->columns[i]);
        held->types[i] = duck_type_new_api(held->library, table->columns[i].type);
        if (held->types[i] == NULL) {
            return ps_fail_nomem(err, "loading rows");
        }
    }
    return PS_OK;
}

static uint32_t vectors_for(const struct duck_packet *packet)
{
    return (packet->batch->rows + DUCK_VECTOR_ROWS - 1) / DUCK_VECTOR_ROWS;
}

enum ps_status duck_held_init(struct duck_held *held, const struct duck_library *library,
                              const struct duck_table *table, struct ps_error *err)
{
    uint32_t chunks = 0;
    assert(table->held_first != NULL);
    for (const struct duck_packet *packet = table->held_first; packet != NULL;
         packet = packet->next) {
        chunks += vectors_for(packet);
    }
    *held = (struct duck_held){.library = library, .table = table};
    held->from = ps_calloc(table->columns_count, sizeof *held->from);
    held->types = ps_calloc(table->columns_count, sizeof *held->types);
    held->chunks = ps_calloc(chunks, sizeof *held->chunks);
    held->cut = ps_calloc(table->held_first->batch->columns_count, sizeof *held->cut);
    if (held->from == NULL || held->types == NULL || held->chunks == NULL || held->cut == NULL) {
        return ps_fail_nomem(err, "loading rows");
    }
    enum ps_status status = make_types(held, err);
    for (const struct duck_packet *packet = table->held_first; status == PS_OK && packet != NULL;
         packet = packet->next) {
        for (uint32_t first = 0; status == PS_OK && first < packet->batch->rows;
             first += DUCK_VECTOR_ROWS) {
            uint32_t left = packet->batch->rows - first;
            struct duck_api_chunk *chunk =
                library->create_data_chunk(held->types, table->columns_count);
            if (chunk == NULL) {
                return ps_fail_nomem(err, "loading rows");
            }
            held->chunks[held->chunks_count++] = chunk;
            fill(held, packet, first, left < DUCK_VECTOR_ROWS ? left : DUCK_VECTOR_ROWS, chunk);
        }
    }
    return status;
}

void duck_held_done(struct duck_held *held)
{
    for (uint32_t i = 0; i < held->chunks_count; i++) {
        held->library->destroy_data_chunk(&held->chunks[i]);
    }
    for (uint32_t i = 0; held->types != NULL && i < held->table->columns_count; i++) {
        held->library->destroy_logical_type(&held->types[i]);
    }
    ps_free(held->from);
    ps_free(held->types);
    ps_free(held->chunks);
    ps_free(held->cut);
}

/* The digits that were cut, once their rows are in the table. All packets have one shape. */
static void count_cut(const struct duck_held *held)
{
    const struct duck_packet *packet = held->table->held_first;
    for (uint32_t i = 0; i < packet->batch->columns_count; i++) {
        if (held->cut[i] != 0) {
            duck_losses_cut(packet, i, held->cut[i]);
        }
    }
}

enum ps_status duck_held_append(struct duck_held *held, const struct duck_session *session,
                                const char *prefix, struct ps_error *err)
{
    const struct duck_library *library = held->library;
    const struct duck_table *table = held->table;
    struct duck_api_appender *appender = NULL;
    struct ps_buffer name;
    char what[256];
    if (ps_fault("duckdb.during_write")) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_DISK, "loading rows: fault duckdb.during_write");
    }
    ps_buffer_init(&name, 0);
    ps_buffer_puts(&name, prefix);
    ps_buffer_puts(&name, table->name);
    snprintf(what, sizeof what, "loading rows into %s.%s", table->schema, table->name);
    if (!ps_buffer_ok(&name)) {
        ps_buffer_done(&name);
        return ps_fail_nomem(err, what);
    }
    int failed = library->appender_create_ext(session->connection, table->full.catalog,
                                              table->full.schema, name.data, &appender);
    for (uint32_t i = 0; !failed && i < held->chunks_count; i++) {
        failed = library->append_data_chunk(appender, held->chunks[i]);
    }
    failed = failed || library->appender_close(appender) != 0;
    enum ps_status status = PS_OK;
    if (failed) {
        struct duck_api_error_data *data = library->appender_error_data(appender);
        status = duck_statement_fail(what, library->error_data_error_type(data),
                                     library->error_data_message(data), err);
        library->destroy_error_data(&data);
    } else {
        count_cut(held);
    }
    (void)library->appender_destroy(&appender);
    ps_buffer_done(&name);
    return status;
}
