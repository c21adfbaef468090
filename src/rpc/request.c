/*
 * Requests. A known field of a wrong wire type is refused rather than passed over, since a client
 * that sends one means something that would be lost.
 */
#include "rpc/request.h"

#include <string.h>

#include "base/protobuf.h"
#include "penstock/batch.h"

/* A state can have 10 MB, a selection names every table; requests end at 128 MiB. */
#define REQUEST_BYTES_MAX ((size_t)1 << 30)

/* What is being read, for messages. */
struct reading {
    struct rpc_request *request;
    const char *what; /* "UpdateRequest" */
    struct ps_error *err;
};

static enum ps_status malformed(const struct reading *reading, const char *where, const char *why)
{
    return ps_fail(reading->err, PS_CONFIG, PS_CLASS_SETTING, "the request is no %s: %s %s",
                   reading->what, where, why);
}

static enum ps_status nomem(const struct reading *reading)
{
    return ps_fail_nomem(reading->err, "reading a request");
}

static enum ps_status expect(const struct reading *reading, const struct ps_pb_field *field,
                             enum ps_pb_wire wire, const char *where)
{
    return field->wire == wire ? PS_OK : malformed(reading, where, "has another type");
}

/* A text field, copied. */
static enum ps_status take_text(const struct reading *reading, const struct ps_pb_field *field,
                                const char *where, const char **ret_text)
{
    enum ps_status status = expect(reading, field, PS_PB_BYTES, where);
    if (status != PS_OK) {
        return status;
    }
    if (!ps_utf8_valid(field->bytes, field->size)) {
        return malformed(reading, where, "is not valid UTF-8");
    }
    if (memchr(field->bytes, '\0', field->size) != NULL) {
        return malformed(reading, where, "holds U+0000");
    }
    const char *text =
        ps_arena_strndup(reading->request->arena, (const char *)field->bytes, field->size);
    if (text == NULL) {
        return nomem(reading);
    }
    *ret_text = text;
    return PS_OK;
}

static enum ps_status take_bool(const struct reading *reading, const struct ps_pb_field *field,
                                const char *where, bool *ret_value)
{
    enum ps_status status = expect(reading, field, PS_PB_VARINT, where);
    if (status == PS_OK) {
        *ret_value = field->integer != 0;
    }
    return status;
}

/* The parts of a nested message; its end is checked by after_fields. */
static enum ps_status nested(const struct reading *reading, const struct ps_pb_field *field,
                             const char *where, struct ps_pb_reader *ret_reader)
{
    enum ps_status status = expect(reading, field, PS_PB_BYTES, where);
    if (status == PS_OK) {
        *ret_reader = ps_pb_reader_of(field->bytes, field->size);
    }
    return status;
}

static enum ps_status after_fields(const struct reading *reading, const struct ps_pb_reader *reader,
                                   const char *where, enum ps_status status)
{
    return status == PS_OK && reader->failed ? malformed(reading, where, "is cut off or malformed")
                                             : status;
}

static enum ps_status read_setting(const struct reading *reading, const struct ps_pb_field *entry)
{
    static const char where[] = "an entry of `configuration`";
    struct ps_pb_reader reader;
    struct ps_pb_field field;
    const char *key = "", *value = "";
    enum ps_status status = nested(reading, entry, where, &reader);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == 1) {
            status = take_text(reading, &field, where, &key);
        } else if (field.number == 2) {
            status = take_text(reading, &field, where, &value);
        }
    }
    status = after_fields(reading, &reader, where, status);
    return status == PS_OK ? ps_settings_add(&reading->request->settings, key, value, reading->err)
                           : status;
}

/* How often the field comes in the message: so much is allocated once. */
static size_t count_fields(const struct ps_pb_reader *message, uint32_t number)
{
    struct ps_pb_reader reader = *message;
    struct ps_pb_field field;
    size_t count = 0;
    while (ps_pb_next(&reader, &field)) {
        count += field.number == number;
    }
    return count;
}

static enum ps_status read_selected_column(const struct reading *reading,
                                           const struct ps_pb_field *entry,
                                           struct ps_selected_column *column)
{
    static const char where[] = "TableSelection.columns";
    struct ps_pb_reader reader;
    struct ps_pb_field field;
    column->name = "";
    enum ps_status status = nested(reading, entry, where, &reader);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == 1) {
            status = take_text(reading, &field, where, &column->name);
        } else if (field.number == 2) {
            status = take_bool(reading, &field, where, &column->included);
        }
    }
    return after_fields(reading, &reader, where, status);
}

static enum ps_status read_selected_table(const struct reading *reading,
                                          const struct ps_pb_field *entry,
                                          struct ps_selected_table *table)
{
    static const char where[] = "TableSelection";
    struct ps_pb_reader reader;
    struct ps_pb_field field;
    enum ps_status status = nested(reading, entry, where, &reader);
    if (status != PS_OK) {
        return status;
    }
    struct ps_selected_column *columns =
        ps_arena_array(reading->request->arena, count_fields(&reader, 3) + 1, sizeof(*columns));
    if (columns == NULL) {
        return nomem(reading);
    }
    table->name = "";
    table->columns = columns;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        switch (field.number) {
        case 1:
            status = take_bool(reading, &field, where, &table->included);
            break;
        case 2:
            status = take_text(reading, &field, where, &table->name);
            break;
        case 3:
            status = read_selected_column(reading, &field, &columns[table->columns_count++]);
            break;
        case 4:
            status = take_bool(reading, &field, where, &table->include_new_columns);
            break;
        default:
            break;
        }
    }
    return after_fields(reading, &reader, where, status);
}

/* The numbers of the fields in SchemaSelection and in TablesWithNoSchema, which has no name. */
struct schema_fields {
    uint32_t included, name, tables, include_new;
};

static enum ps_status read_selected_schema(const struct reading *reading,
                                           const struct ps_pb_field *entry,
                                           const struct schema_fields *numbers,
                                           struct ps_selected_schema *schema)
{
    static const char where[] = "the selection of a schema";
    struct ps_pb_reader reader;
    struct ps_pb_field field;
    enum ps_status status = nested(reading, entry, where, &reader);
    if (status != PS_OK) {
        return status;
    }
    struct ps_selected_table *tables = ps_arena_array(
        reading->request->arena, count_fields(&reader, numbers->tables) + 1, sizeof(*tables));
    if (tables == NULL) {
        return nomem(reading);
    }
    schema->name = "";
    schema->tables = tables;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == numbers->tables) {
            status = read_selected_table(reading, &field, &tables[schema->tables_count++]);
        } else if (field.number == numbers->include_new) {
            status = take_bool(reading, &field, where, &schema->include_new_tables);
        } else if (field.number == numbers->name) {
            status = take_text(reading, &field, where, &schema->name);
        } else if (field.number == numbers->included) {
            status = take_bool(reading, &field, where, &schema->included);
        }
    }
    return after_fields(reading, &reader, where, status);
}

static enum ps_status read_schemas(const struct reading *reading, const struct ps_pb_field *entry,
                                   struct ps_selection *selection)
{
    static const struct schema_fields numbers = {1, 2, 3, 4};
    static const char where[] = "TablesWithSchema";
    struct ps_pb_reader reader;
    struct ps_pb_field field;
    enum ps_status status = nested(reading, entry, where, &reader);
    if (status != PS_OK) {
        return status;
    }
    struct ps_selected_schema *schemas =
        ps_arena_array(reading->request->arena, count_fields(&reader, 1) + 1, sizeof(*schemas));
    if (schemas == NULL) {
        return nomem(reading);
    }
    selection->schemas = schemas;
    selection->schemas_count = 0;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == 1) {
            status = read_selected_schema(reading, &field, &numbers,
                                          &schemas[selection->schemas_count++]);
        } else if (field.number == 2) {
            status = take_bool(reading, &field, where, &selection->include_new_schemas);
        }
    }
    return after_fields(reading, &reader, where, status);
}

/* Tables without schemas: one schema named "". */
static enum ps_status read_tables(const struct reading *reading, const struct ps_pb_field *entry,
                                  struct ps_selection *selection)
{
    static const struct schema_fields numbers = {0, 0, 1, 2};
    struct ps_selected_schema *schema = ps_arena_alloc(reading->request->arena, sizeof(*schema));
    if (schema == NULL) {
        return nomem(reading);
    }
    schema->included = true;
    selection->schemas = schema;
    selection->schemas_count = 1;
    return read_selected_schema(reading, entry, &numbers, schema);
}

static enum ps_status read_selection(const struct reading *reading, const struct ps_pb_field *entry)
{
    struct ps_pb_reader reader;
    struct ps_pb_field field;
    struct ps_selection *selection = ps_arena_alloc(reading->request->arena, sizeof(*selection));
    if (selection == NULL) {
        return nomem(reading);
    }
    bool chosen = false;
    enum ps_status status = nested(reading, entry, "Selection", &reader);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == 1 || field.number == 2) {
            chosen = true;
            status = field.number == 1 ? read_tables(reading, &field, selection)
                                       : read_schemas(reading, &field, selection);
        }
    }
    /* A selection that says nothing selects everything, as an absent one does. */
    reading->request->selection = chosen ? selection : NULL;
    return after_fields(reading, &reader, "Selection", status);
}

static enum ps_status read_field(const struct reading *reading, enum rpc_request_kind kind,
                                 const struct ps_pb_field *field)
{
    if (kind == RPC_FORM_REQUEST) {
        return PS_OK;
    }
    uint32_t configuration = kind == RPC_TEST_REQUEST ? 2 : 1;
    if (field->number == configuration) {
        return read_setting(reading, field);
    }
    if (kind == RPC_TEST_REQUEST && field->number == 1) {
        return take_text(reading, field, "TestRequest.name", &reading->request->test);
    }
    if (kind == RPC_UPDATE_REQUEST && field->number == 2) {
        return read_selection(reading, field);
    }
    if (kind == RPC_UPDATE_REQUEST && field->number == 3) {
        enum ps_status status =
            take_text(reading, field, "UpdateRequest.state_json", &reading->request->state_json);
        reading->request->state_size = status == PS_OK ? field->size : 0;
        return status;
    }
    return PS_OK;
}

enum ps_status rpc_request_read(struct rpc_request *request, enum rpc_request_kind kind,
                                const uint8_t *bytes, size_t size, struct ps_error *err)
{
    static const char *const names[] = {"ConfigurationFormRequest", "SchemaRequest", "TestRequest",
                                        "UpdateRequest"};
    struct reading reading = {request, names[kind], err};
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    request->test = "";
    request->state_json = "";
    request->arena = ps_arena_new(REQUEST_BYTES_MAX);
    if (request->arena == NULL) {
        return nomem(&reading);
    }
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        status = read_field(&reading, kind, &field);
    }
    return after_fields(&reading, &reader, "it", status);
}

void rpc_request_done(struct rpc_request *request)
{
    ps_settings_done(&request->settings);
    ps_arena_free(request->arena);
    *request = (struct rpc_request){.arena = NULL};
}
