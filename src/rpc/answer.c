/*
 * Unary answers. Numbers: proto/connector_sdk.proto, proto/common.proto.
 */
#include "rpc/answer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
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

static int by_name(const void *a, const void *b)
{
    const struct ps_table *x = *(const struct ps_table *const *)a;
    const struct ps_table *y = *(const struct ps_table *const *)b;
    int order = strcmp(x->schema, y->schema);
    return order != 0 ? order : strcmp(x->name, y->name);
}

static void put_schemas(struct ps_buffer *out, const struct ps_table *const *tables, size_t count)
{
    size_t mark = 0;
    for (size_t i = 0; i < count; i++) {
        bool first = i == 0 || strcmp(tables[i - 1]->schema, tables[i]->schema) != 0;
        bool last = i + 1 == count || strcmp(tables[i + 1]->schema, tables[i]->schema) != 0;
        if (first) {
            mark = ps_pb_open(out, 1);
            ps_pb_put_text(out, 1, tables[i]->schema);
        }
        put_table(out, 2, tables[i]);
        if (last) {
            ps_pb_close(out, mark);
        }
    }
}

void rpc_answer_schema(struct ps_buffer *out, const struct ps_plan *plan, bool with_schema)
{
    size_t count = plan->tables_count + plan->metadata_count;
    const struct ps_table **tables = ps_malloc_array(count + 1, sizeof(struct ps_table *));
    if (tables == NULL) {
        out->failed = true;
        return;
    }
    /* The plan is in the order of the work; people look for names. */
    for (size_t i = 0; i < count; i++) {
        tables[i] = i < plan->tables_count ? plan->tables[i].sink_table
                                           : plan->metadata[i - plan->tables_count].table;
    }
    qsort(tables, count, sizeof(struct ps_table *), by_name);
    size_t mark = ps_pb_open(out, with_schema ? RESPONSE_WITH_SCHEMA : RESPONSE_WITHOUT_SCHEMA);
    if (with_schema) {
        put_schemas(out, tables, count);
    } else {
        for (size_t i = 0; i < count; i++) {
            put_table(out, 1, tables[i]);
        }
    }
    ps_pb_close(out, mark);
    ps_pb_put_bool(out, RESPONSE_SELECTION_NOT_SUPPORTED, false);
    ps_free(tables);
}

void rpc_answer_test(struct ps_buffer *out, const char *failure)
{
    if (failure == NULL) {
        ps_pb_put_bool(out, 1, true);
    } else {
        ps_pb_put_text(out, 2, failure);
    }
}
