/*
 * What a small load makes of the rows that its table had. Those that it brought again give way.
 * Where the others are few they stay, soft-deleted, in the table that is made anew: one statement,
 * which takes them out of the former table by their places in it.
 */
#include "sinks/duckdb/former.h"

#include "sinks/duckdb/sink.h"

/* Rows that are carried over by their places. The parser takes longer for more of them than a load
 * of its own table does. */
#define CARRIED_MAX 500u

void duck_former_init(struct duck_former *former)
{
    *former = (struct duck_former){.replaceable = false};
    ps_buffer_init(&former->places, 0);
}

void duck_former_done(struct duck_former *former)
{
    ps_buffer_done(&former->places);
}

/* At rows of which there are the key's columns and, where places are wanted, its place and whether
 * it is soft-deleted. */
struct look {
    struct duck_former *former;
    struct duck_keys *keys;
    bool keyless;
    bool places;   /* else no row is to be carried over */
    uint64_t rows; /* seen */
    enum ps_status status;
    struct ps_error error;
};

static void look_at_row(struct look *look, struct duck_api_chunk *chunk, uint64_t row)
{
    struct duck_former *former = look->former;
    const struct duck_library *library = look->keys->library;
    struct duck_api_vector *key = library->data_chunk_get_vector(chunk, 0);
    if (look->keyless && !duck_vector_is_valid(library, key, row)) {
        former->replaceable = false; /* it is of a time when the table had a key */
        return;
    }
    bool brought = false;
    look->status = duck_keys_have(look->keys, chunk, row, &brought, &look->error);
    if (look->status != PS_OK || brought) {
        return;
    }
    former->replaceable = look->places && former->carried < CARRIED_MAX;
    if (!former->replaceable) {
        return;
    }
    const uint64_t column = look->keys->columns_count;
    struct duck_api_vector *place = library->data_chunk_get_vector(chunk, column);
    struct duck_api_vector *deleted = library->data_chunk_get_vector(chunk, column + 1);
    ps_buffer_printf(&former->places, "%s%lld", former->carried++ == 0 ? "" : ", ",
                     (long long)((const int64_t *)library->vector_get_data(place))[row]);
    former->vanished += ((const uint8_t *)library->vector_get_data(deleted))[row] == 0;
}

static void look_at_rows(const struct duck_library *library, struct duck_api_chunk *chunk,
                         void *context)
{
    struct look *look = context;
    const uint64_t rows = library->data_chunk_get_size(chunk);
    look->rows += rows;
    for (uint64_t row = 0; row < rows && look->former->replaceable && look->status == PS_OK;
         row++) {
        look_at_row(look, chunk, row);
    }
}

static enum ps_status look_at_table(struct duck_former *former, struct duck_sink *sink,
                                    const struct duck_table *table, struct look *look,
                                    struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    /* One row beyond what can be replaced tells as much as all would. */
    const uint32_t rows_max = look->keys->count + (look->places ? CARRIED_MAX : 0);
    look->former = former;
    former->replaceable = true;
    ps_buffer_puts(sql, "SELECT ");
    duck_table_put_keys(sql, table);
    ps_buffer_puts(sql, look->places ? ", rowid, " DUCK_DELETED " IS TRUE FROM " : " FROM ");
    duck_name_table(sql, &table->full, "");
    ps_buffer_printf(sql, " LIMIT %u", rows_max + 1);
    const struct duck_reader reader = {look_at_rows, look, true};
    enum ps_status status =
        duck_statement_query(&sink->session, "comparing keys", sql, reader, err);
    if (status != PS_OK && status != PS_END) {
        return status;
    }
    if (look->status != PS_OK) {
        if (err != NULL) {
            *err = look->error;
        }
        return look->status;
    }
    /* After a change of the key several rows may share one. */
    former->replaceable = former->replaceable && look->rows <= rows_max;
    return ps_buffer_ok(&former->places) ? PS_OK : ps_fail_nomem(err, "comparing keys");
}

/* As a rule the load has brought all keys again, and nothing but those need be read. */
enum ps_status duck_former_look(struct duck_former *former, struct duck_sink *sink,
                                const struct duck_table *table, struct duck_keys *keys,
                                struct ps_error *err)
{
    const bool keyless = table->table->keys_count == 0;
    enum ps_status status = PS_OK;
    for (int places = 0; status == PS_OK && places <= 1 && !former->replaceable; places++) {
        struct look look = {
            .keys = keys, .keyless = keyless, .places = places != 0, .status = PS_OK};
        status = look_at_table(former, sink, table, &look, err);
    }
    return status;
}

enum ps_status duck_former_replace(struct duck_former *former, struct duck_sink *sink,
                                   struct duck_table *table, bool complete, struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    former->vanished = complete ? former->vanished : 0;
    if (former->carried == 0) {
        return duck_tables_replace(sink, table, err);
    }
    ps_buffer_puts(sql, "CREATE OR REPLACE TABLE ");
    duck_name_table(sql, &table->full, "");
    ps_buffer_puts(sql, " AS SELECT *");
    if (former->vanished != 0) {
        ps_buffer_puts(sql, " REPLACE (CASE WHEN " DUCK_DELETED " THEN " DUCK_SYNCED " ELSE ");
        duck_put_stamp(sql, duck_stamp(sink));
        ps_buffer_puts(sql, " END AS " DUCK_SYNCED ", true AS " DUCK_DELETED ")");
    }
    ps_buffer_puts(sql, " FROM ");
    duck_name_table(sql, &table->full, "");
    ps_buffer_puts(sql, " WHERE rowid IN (");
    ps_buffer_append(sql, former->places.data, former->places.size);
    ps_buffer_putc(sql, ')');
    enum ps_status status = duck_do(sink, table, "making anew", err);
    if (status == PS_OK) {
        table->rows_touched = false;
    }
    return status;
}
