/*
 * Unary answers. Numbers: proto/connector_sdk.proto, proto/common.proto.
 */
#include "rpc/answer.h"

#include <string.h>

#include "base/protobuf.h"

enum {
    RESPONSE_WITH_SCHEMA = 2,
    RESPONSE_WITHOUT_SCHEMA = 3,
    RESPONSE_SELECTION_NOT_SUPPORTED = 4
};

static void put_column(struct ps_buffer *out, const struct ps_column *column)
{
    size_t mark = ps_pb_open(out, 2);
    ps_pb_put_text(out, 1, column->name);
    ps_pb_put_varint(out, 2, (uint64_t)column->type);
    if (column->key_position != 0) {
        ps_pb_put_bool(out, 3, true);
    }
    if (column->type == PS_TYPE_DECIMAL) {
        size_t params = ps_pb_open(out, 4);
        size_t decimal = ps_pb_open(out, 1);
        ps_pb_put_varint(out, 1, column->precision);
        ps_pb_put_varint(out, 2, column->scale);
        ps_pb_close(out, decimal);
        ps_pb_close(out, params);
    }
    ps_pb_close(out, mark);
}

static void put_table(struct ps_buffer *out, uint32_t field, const struct ps_table *table)
{
    size_t mark = ps_pb_open(out, field);
    ps_pb_put_text(out, 1, table->name);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        put_column(out, &table->columns[i]);
    }
    ps_pb_close(out, mark);
}

/* True where an earlier table of the plan lies in the same schema. */
static bool schema_seen(const struct ps_plan *plan, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(plan->tables[i].sink_table->schema, plan->tables[index].sink_table->schema) ==
            0) {
            return true;
        }
    }
    return false;
}

static void put_schemas(struct ps_buffer *out, const struct ps_plan *plan)
{
    for (size_t i = 0; i < plan->tables_count; i++) {
        if (schema_seen(plan, i)) {
            continue;
        }
        const char *schema = plan->tables[i].sink_table->schema;
        size_t mark = ps_pb_open(out, 1);
        ps_pb_put_text(out, 1, schema);
        for (size_t j = i; j < plan->tables_count; j++) {
            if (strcmp(plan->tables[j].sink_table->schema, schema) == 0) {
                put_table(out, 2, plan->tables[j].sink_table);
            }
        }
        ps_pb_close(out, mark);
    }
}

void rpc_answer_schema(struct ps_buffer *out, const struct ps_plan *plan, bool with_schema)
{
    size_t mark = ps_pb_open(out, with_schema ? RESPONSE_WITH_SCHEMA : RESPONSE_WITHOUT_SCHEMA);
    if (with_schema) {
        put_schemas(out, plan);
    } else {
        for (size_t i = 0; i < plan->tables_count; i++) {
            put_table(out, 1, plan->tables[i].sink_table);
        }
    }
    ps_pb_close(out, mark);
    ps_pb_put_bool(out, RESPONSE_SELECTION_NOT_SUPPORTED, false);
}

void rpc_answer_test(struct ps_buffer *out, const char *failure)
{
    if (failure == NULL) {
        ps_pb_put_bool(out, 1, true);
    } else {
        ps_pb_put_text(out, 2, failure);
    }
}
