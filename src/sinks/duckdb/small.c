/*
 * Small loads. The first rows of a load are held in memory. Where it ends before they are many, and
 * before a checkpoint, they are appended without an INSERT: to the table itself where the load is
 * inside of it, or where few of its rows are to stay beside them, and it is made anew for them
 * (former.c). Otherwise the load gets its table (load.c).
 *
 * To delete and append in place would make DuckDB read the table's last block again.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "sinks/duckdb/former.h"
#include "sinks/duckdb/held.h"
#include "sinks/duckdb/packet.h"
#include "sinks/duckdb/sink.h"

/* Of one load. The bytes are of the room that all held packets have. */
#define SMALL_ROWS 10000u
#define SMALL_BYTES_SHARE 8

static bool same_columns(const struct ps_batch *a, const struct ps_batch *b)
{
    return a->columns_count == b->columns_count &&
           memcmp(a->columns, b->columns, a->columns_count * sizeof *a->columns) == 0;
}

bool duck_small_takes(const struct duck_sink *sink, const struct duck_table *table,
                      const struct duck_packet *packet)
{
    return packet->batch->operation == PS_UPSERT &&
           table->held_rows + packet->batch->rows <= SMALL_ROWS &&
           table->held_bytes + packet->base.bytes <= sink->held_max / SMALL_BYTES_SHARE &&
           (table->held_first == NULL || same_columns(table->held_first->batch, packet->batch));
}

/* The columns of the key, as they are in the chunks of held rows. False: its values have more than
 * one form. */
static bool key_columns(const struct duck_table *table, struct duck_key_column *ret_columns,
                        uint32_t *ret_count)
{
    const char *name = NULL;
    uint32_t count = 0;
    for (; (name = duck_table_key_name(table->table, count)) != NULL; count++) {
        const struct duck_column *column = duck_table_column(table, name);
        ret_columns[count].place = (uint32_t)(column - table->columns);
        if (!duck_keys_width(column->type, &ret_columns[count].width)) {
            return false;
        }
    }
    *ret_count = count;
    return true;
}

/* Which keys the load brought, and what that makes of the table. */
struct comparison {
    bool repeats; /* a key came twice, or that cannot be told */
    struct duck_former former;
};

static enum ps_status compare(struct duck_sink *sink, const struct duck_table *table,
                              const struct duck_held *held, struct comparison *comparison,
                              struct ps_error *err)
{
    struct duck_keys keys = {.library = sink->session.library};
    struct duck_key_column *columns = ps_calloc(table->columns_count, sizeof *columns);
    enum ps_status status = columns == NULL ? ps_fail_nomem(err, "comparing keys") : PS_OK;
    if (status == PS_OK && !key_columns(table, columns, &keys.columns_count)) {
        comparison->repeats = true;
        goto out;
    }
    keys.columns = columns;
    if (status == PS_OK) {
        status = duck_keys_init(&keys, (uint32_t)table->held_rows, err);
    }
    for (uint32_t i = 0; status == PS_OK && i < held->chunks_count; i++) {
        status = duck_keys_add(&keys, held->chunks[i], &comparison->repeats, err);
    }
    if (status == PS_OK && !table->load_inside) {
        status = duck_former_look(&comparison->former, sink, table, &keys, err);
    }
out:
    duck_keys_done(&keys);
    ps_free(columns);
    return status;
}

/* Ends a load that brought no row. END: there are rows that are to become soft-deleted. */
static enum ps_status end_empty(struct duck_sink *sink, struct duck_table *table, bool complete,
                                struct ps_error *err)
{
    int64_t rows = 0;
    if (!table->load_inside && complete) {
        ps_buffer_puts(&sink->sql, "SELECT count(*) FROM (SELECT 1 FROM ");
        duck_name_table(&sink->sql, &table->full, "");
        ps_buffer_puts(&sink->sql, " WHERE " DUCK_DELETED " IS NOT TRUE LIMIT 1)");
        enum ps_status status =
            duck_statement_integers(&sink->session, "looking for rows", &sink->sql, &rows, 1, err);
        if (status != PS_OK) {
            return status;
        }
    }
    if (rows != 0) {
        return PS_END;
    }
    duck_load_ended(sink, table);
    return PS_OK;
}

/* Puts the held rows where they belong. END: that is the load's table, and the load is not over. */
static enum ps_status put(struct duck_sink *sink, struct duck_table *table, uint32_t flags,
                          struct ps_load_result *ret_result, struct ps_error *err)
{
    const bool reduce = (flags & PS_LOAD_KEYS_MAY_REPEAT) != 0 || table->table->keys_count == 0;
    const bool inside = table->load_inside;
    struct duck_held held;
    struct comparison found = {.repeats = false};
    duck_former_init(&found.former);
    enum ps_status status = duck_held_init(&held, sink->session.library, table, err);
    if (status == PS_OK && (reduce || !inside)) {
        status = compare(sink, table, &held, &found, err);
    }
    const bool over = (inside || found.former.replaceable) && !(reduce && found.repeats);
    if (status == PS_OK) {
        status = duck_begin_insert(sink, table, true, err);
    }
    if (status == PS_OK && !inside) {
        const bool complete = (flags & PS_LOAD_INCOMPLETE) == 0;
        status = over ? duck_former_replace(&found.former, sink, table, complete, err)
                      : duck_load_make(sink, table, err);
    }
    if (status == PS_OK) {
        const char *prefix = over || inside ? "" : DUCK_LOAD_PREFIX;
        status = duck_held_append(&held, &sink->session, prefix, err);
    }
    *ret_result = (struct ps_load_result){.vanished = found.former.vanished};
    duck_held_done(&held);
    duck_former_done(&found.former);
    return status == PS_OK && !over ? PS_END : status;
}

enum ps_status duck_small_end(struct duck_sink *sink, struct duck_table *table, uint32_t flags,
                              struct ps_load_result *ret_result, struct ps_error *err)
{
    struct ps_load_result result = {0};
    if (table->held_first == NULL) {
        enum ps_status status = end_empty(sink, table, (flags & PS_LOAD_INCOMPLETE) == 0, err);
        if (status == PS_OK) {
            *ret_result = result;
        }
        return status;
    }
    if (!duck_held_fits(table)) {
        return PS_END;
    }
    enum ps_status status = put(sink, table, flags, &result, err);
    while (table->held_first != NULL) {
        duck_packet_free(duck_writer_release(sink, table));
    }
    table->load_held = false;
    if (status == PS_END) {
        return duck_load_end(sink, table, flags, ret_result, err);
    }
    if (status == PS_OK) {
        duck_load_ended(sink, table);
        *ret_result = result;
    }
    return status;
}
