/*
 * Which packet goes into which statement. One statement takes the rows of one table, route and set
 * of columns. Packets of other tables wait meanwhile, bounded in bytes, so that workers which read
 * two tables at once do not cut the statements into pieces. Per table the order of arrival is kept.
 */
#include <stdio.h>

#include "sinks/duckdb/packet.h"
#include "sinks/duckdb/sink.h"

static enum duck_route route_of(const struct duck_table *table, const struct duck_packet *packet)
{
    switch (packet->batch->operation) {
    case PS_UPSERT:
        if (table->loading) {
            return DUCK_ROUTE_LOAD;
        }
        /* Beside staged deletes the order tells which of both comes last. */
        return table->staged == DUCK_STAGED_OPERATIONS ? DUCK_ROUTE_STAGE : DUCK_ROUTE_DIRECT;
    case PS_UPDATE:
        return DUCK_ROUTE_UPDATE;
    default:
        return DUCK_ROUTE_STAGE;
    }
}

static bool same_columns(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count)
{
    return a_count == b_count && memcmp(a, b, a_count * sizeof *a) == 0;
}

/* True where the statement that runs can take the packet. */
static bool feed_fits(const struct duck_sink *sink, const struct duck_table *table,
                      const struct duck_packet *packet)
{
    return sink->feeding == table && sink->feeding_route == route_of(table, packet) &&
           same_columns(table->feed_columns, table->feed_columns_count, packet->batch->columns,
                        packet->batch->columns_count);
}

/* Into the table or its load, not into a staging table. */
static bool goes_straight(enum duck_route route)
{
    return route == DUCK_ROUTE_LOAD || route == DUCK_ROUTE_DIRECT;
}

static void put_target(struct ps_buffer *out, const struct duck_table *table, enum duck_route route)
{
    if (goes_straight(route)) {
        bool apart = route == DUCK_ROUTE_LOAD && duck_load_is_apart(table);
        duck_name_table(out, &table->full, apart ? DUCK_LOAD_PREFIX : "");
    } else {
        duck_apply_put_stage(out, table);
    }
}

/* INSERT INTO target (columns) SELECT … FROM penstock_feed(). */
static void put_insert(struct ps_buffer *out, const struct duck_table *table, enum duck_route route,
                       const struct ps_batch *batch)
{
    bool has_id = table->table->keys_count == 0;
    ps_buffer_puts(out, "INSERT INTO ");
    put_target(out, table, route);
    ps_buffer_puts(out, " (");
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        duck_name_quote(out, table->table->columns[batch->columns[i]].name);
        ps_buffer_puts(out, ", ");
    }
    ps_buffer_puts(out, DUCK_SYNCED);
    ps_buffer_puts(out, has_id ? ", " DUCK_ID : "");
    ps_buffer_puts(out,
                   goes_straight(route) ? ", " DUCK_DELETED : ", " DUCK_OPERATION ", " DUCK_ORDER);
    ps_buffer_puts(out, ") SELECT ");
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        ps_buffer_printf(out, "c%u, ", i);
    }
    ps_buffer_puts(out, has_id ? "s, i" : "s");
    ps_buffer_puts(out, goes_straight(route) ? ", false" : ", o, q");
    ps_buffer_puts(out, " FROM penstock_feed()");
}

static enum ps_status start(struct duck_sink *sink, struct duck_table *table,
                            const struct duck_packet *packet, struct ps_error *err)
{
    enum duck_route route = route_of(table, packet);
    const struct ps_batch *batch = packet->batch;
    enum ps_status status = duck_begin(sink, err);
    if (status == PS_OK && !duck_apply_fits(table, route, packet)) {
        status = duck_apply(sink, table, err);
    }
    if (status == PS_OK && route == DUCK_ROUTE_DIRECT) {
        status = duck_apply_begin_direct(sink, table, packet->synced_us, err);
    }
    table->fresh = table->fresh && route == DUCK_ROUTE_LOAD;
    if (status == PS_OK && !goes_straight(route)) {
        status = duck_apply_stage(sink, table, route, err);
    }
    if (status == PS_OK) {
        status = duck_begin_insert(sink, table, false, err);
    }
    if (status != PS_OK) {
        return status;
    }
    ps_buffer_clear(&sink->feed_sql);
    put_insert(&sink->feed_sql, table, route, batch);
    if (!ps_buffer_ok(&sink->feed_sql) || !duck_table_keep_columns(table, batch)) {
        return ps_fail_nomem(err, "loading rows");
    }
    snprintf(sink->feed_what, sizeof sink->feed_what, "loading rows into %s.%s", table->schema,
             table->name);
    uint32_t columns = (table->table->keys_count == 0 ? DUCK_FEED_ID : 0) |
                       (goes_straight(route) ? 0 : DUCK_FEED_OPERATION);
    status =
        duck_feed_start(sink->feed, sink->feed_what, sink->feed_sql.data, columns, packet, err);
    if (status == PS_OK) {
        sink->feeding = table;
        sink->feeding_route = route;
    }
    return status;
}

/* Takes the packet. */
static enum ps_status put(struct duck_sink *sink, struct duck_table *table,
                          struct duck_packet *packet, struct ps_error *err)
{
    if (!feed_fits(sink, table, packet)) {
        enum ps_status status = duck_writer_settle(sink, err);
        if (status == PS_OK) {
            status = start(sink, table, packet, err);
        }
        if (status != PS_OK) {
            duck_packet_free(packet);
            return status;
        }
    }
    if (packet->batch->operation == PS_DELETE) {
        table->staged_deletes = true;
    }
    table->stage_rows += goes_straight(sink->feeding_route) ? 0 : packet->batch->rows;
    return duck_feed_push(sink->feed, packet, err);
}

struct duck_packet *duck_writer_release(struct duck_sink *sink, struct duck_table *table)
{
    struct duck_packet *packet = table->held_first;
    table->held_first = packet->next;
    if (table->held_first == NULL) {
        table->held_last = NULL;
    }
    packet->next = NULL;
    table->held_bytes -= packet->base.bytes;
    table->held_rows -= packet->batch->rows;
    sink->held_bytes -= packet->base.bytes;
    return packet;
}

/* A load that is held goes on as a large one. */
static enum ps_status make_load(struct duck_sink *sink, struct duck_table *table,
                                struct ps_error *err)
{
    enum ps_status status = duck_writer_settle(sink, err);
    if (status == PS_OK) {
        status = duck_begin(sink, err);
    }
    return status == PS_OK ? duck_load_make(sink, table, err) : status;
}

/* Puts all that waits of the table; the statement goes on. */
static enum ps_status drain(struct duck_sink *sink, struct duck_table *table, struct ps_error *err)
{
    enum ps_status status = table->load_held ? make_load(sink, table, err) : PS_OK;
    while (status == PS_OK && table->held_first != NULL) {
        status = put(sink, table, duck_writer_release(sink, table), err);
    }
    return status;
}

static void hold(struct duck_sink *sink, struct duck_table *table, struct duck_packet *packet)
{
    packet->next = NULL;
    if (table->held_last != NULL) {
        table->held_last->next = packet;
    } else {
        table->held_first = packet;
    }
    table->held_last = packet;
    table->held_bytes += packet->base.bytes;
    table->held_rows += packet->batch->rows;
    sink->held_bytes += packet->base.bytes;
}

static struct duck_table *most_held(const struct duck_sink *sink)
{
    struct duck_table *most = NULL;
    for (struct duck_table *table = sink->tables.first; table != NULL; table = table->next) {
        if (table->held_first != NULL && (most == NULL || table->held_bytes > most->held_bytes)) {
            most = table;
        }
    }
    return most;
}

enum ps_status duck_writer_write(struct duck_sink *sink, struct duck_table *table,
                                 struct duck_packet *packet, struct ps_error *err)
{
    packet->synced_us = duck_stamp(sink);
    packet->sequence = ++sink->sequence;
    packet->counters = table->counters;
    if (packet->batch->rows == 0) {
        duck_packet_free(packet);
        return PS_OK;
    }
    const bool held = table->load_held && duck_small_takes(sink, table, packet);
    if (!held && (table->load_held || sink->feeding == NULL || sink->feeding == table)) {
        enum ps_status status = drain(sink, table, err);
        if (status != PS_OK) {
            duck_packet_free(packet);
            return status;
        }
        return put(sink, table, packet, err);
    }
    hold(sink, table, packet);
    return sink->held_bytes > sink->held_max ? drain(sink, most_held(sink), err) : PS_OK;
}

enum ps_status duck_writer_settle(struct duck_sink *sink, struct ps_error *err)
{
    sink->feeding = NULL;
    return duck_feed_end(sink->feed, err);
}

enum ps_status duck_writer_flush(struct duck_sink *sink, struct duck_table *table,
                                 struct ps_error *err)
{
    enum ps_status status = drain(sink, table, err);
    return status == PS_OK ? duck_writer_settle(sink, err) : status;
}

enum ps_status duck_writer_flush_all(struct duck_sink *sink, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    for (struct duck_table *table = sink->tables.first; status == PS_OK && table != NULL;
         table = table->next) {
        status = drain(sink, table, err);
    }
    return status == PS_OK ? duck_writer_settle(sink, err) : status;
}
