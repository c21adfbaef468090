/*
 * Messages without rows; see control.h. Field numbers: proto/connector_sdk.proto, common.proto.
 * What has no presence of its own is left out where it is empty, as every writer of proto3 does.
 */
#include "sinks/stream/control.h"

#include "base/protobuf.h"
#include "penstock/batch.h"

enum { RESPONSE_RECORD = 1, RESPONSE_SCHEMA_CHANGE, RESPONSE_CHECKPOINT, RESPONSE_WARNING };
enum { RESPONSE_TASK = 5 };
enum { CHANGE_WITH_SCHEMA = 1, CHANGE_WITHOUT_SCHEMA };
enum { SCHEMA_NAME = 1, SCHEMA_TABLES };
enum { TABLE_NAME = 1, TABLE_COLUMNS };
enum { COLUMN_NAME = 1, COLUMN_TYPE, COLUMN_PRIMARY_KEY, COLUMN_PARAMS };
enum { DECIMAL_PRECISION = 1, DECIMAL_SCALE };
enum { RECORD_SCHEMA_NAME = 1, RECORD_TABLE_NAME, RECORD_TYPE };

static enum ps_status finish(struct ps_buffer *out, struct control_message *ret_message,
                             struct ps_error *err)
{
    enum ps_status status = PS_OK;
    struct control_message message = {0};
    if (ps_buffer_ok(out)) {
        message.bytes = (uint8_t *)ps_buffer_steal(out, &message.size);
    }
    if (message.bytes == NULL) {
        status = ps_fail_nomem(err, "writing a message of the stream");
    } else {
        *ret_message = message;
    }
    ps_buffer_done(out);
    return status;
}

static void put_column(struct ps_buffer *out, const struct ps_column *column)
{
    size_t mark = ps_pb_open(out, TABLE_COLUMNS);
    ps_pb_put_text(out, COLUMN_NAME, column->name);
    if (column->type != PS_TYPE_UNSPECIFIED) {
        ps_pb_put_varint(out, COLUMN_TYPE, (uint64_t)column->type);
    }
    if (column->key_position != 0) {
        ps_pb_put_bool(out, COLUMN_PRIMARY_KEY, true);
    }
    if (column->type == PS_TYPE_DECIMAL) {
        size_t params = ps_pb_open(out, COLUMN_PARAMS);
        size_t decimal = ps_pb_open(out, 1);
        ps_pb_put_varint(out, DECIMAL_PRECISION, column->precision);
        if (column->scale != 0) {
            ps_pb_put_varint(out, DECIMAL_SCALE, column->scale);
        }
        ps_pb_close(out, decimal);
        ps_pb_close(out, params);
    }
    ps_pb_close(out, mark);
}

static void put_table(struct ps_buffer *out, uint32_t field, const struct ps_table *table)
{
    size_t mark = ps_pb_open(out, field);
    ps_pb_put_text(out, TABLE_NAME, table->name);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        put_column(out, &table->columns[i]);
    }
    ps_pb_close(out, mark);
}

enum ps_status control_schema_change(const struct ps_table *table, bool with_schema,
                                     struct control_message *ret_message, struct ps_error *err)
{
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    size_t response = ps_pb_open(&out, RESPONSE_SCHEMA_CHANGE);
    size_t change = ps_pb_open(&out, with_schema ? CHANGE_WITH_SCHEMA : CHANGE_WITHOUT_SCHEMA);
    if (with_schema) {
        size_t schema = ps_pb_open(&out, 1);
        if (table->schema[0] != '\0') {
            ps_pb_put_text(&out, SCHEMA_NAME, table->schema);
        }
        put_table(&out, SCHEMA_TABLES, table);
        ps_pb_close(&out, schema);
    } else {
        put_table(&out, 1, table);
    }
    ps_pb_close(&out, change);
    ps_pb_close(&out, response);
    return finish(&out, ret_message, err);
}

enum ps_status control_truncate(const struct ps_table *table, bool with_schema,
                                struct control_message *ret_message, struct ps_error *err)
{
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    size_t record = ps_pb_open(&out, RESPONSE_RECORD);
    if (with_schema) {
        ps_pb_put_text(&out, RECORD_SCHEMA_NAME, table->schema);
    }
    ps_pb_put_text(&out, RECORD_TABLE_NAME, table->name);
    ps_pb_put_varint(&out, RECORD_TYPE, PS_TRUNCATE);
    ps_pb_close(&out, record);
    return finish(&out, ret_message, err);
}

static enum ps_status one_text(uint32_t field, const char *text, size_t size,
                               struct control_message *ret_message, struct ps_error *err)
{
    struct ps_buffer out;
    ps_buffer_init(&out, 0);
    size_t mark = ps_pb_open(&out, field);
    if (size != 0) {
        ps_pb_put_bytes(&out, 1, text, size);
    }
    ps_pb_close(&out, mark);
    return finish(&out, ret_message, err);
}

enum ps_status control_checkpoint(const char *state_json, size_t size,
                                  struct control_message *ret_message, struct ps_error *err)
{
    return one_text(RESPONSE_CHECKPOINT, state_json, size, ret_message, err);
}

enum ps_status control_warning(const char *text, struct control_message *ret_message,
                               struct ps_error *err)
{
    return one_text(RESPONSE_WARNING, text, strlen(text), ret_message, err);
}

enum ps_status control_task(const char *text, struct control_message *ret_message,
                            struct ps_error *err)
{
    return one_text(RESPONSE_TASK, text, strlen(text), ret_message, err);
}
