/*
 * Schemas, tables and columns off the wire. See declare.h.
 */
#include "tester/declare.h"

#include "base/protobuf.h"

static enum ps_status malformed(struct ps_error *err)
{
    return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                   "the connector sent a schema that is no valid protobuf message");
}

static bool is_bytes(const struct ps_pb_field *field, uint32_t number)
{
    return field->number == number && field->wire == PS_PB_BYTES;
}

/* DecimalParams: 1 precision, 2 scale. */
static bool read_decimal(const struct ps_pb_field *params, struct roster_declaration *declaration)
{
    struct ps_pb_reader reader = ps_pb_reader_of(params->bytes, params->size);
    struct ps_pb_field field;
    uint64_t precision = 0, scale = 0;
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_VARINT) {
            precision = field.integer;
        } else if (field.number == 2 && field.wire == PS_PB_VARINT) {
            scale = field.integer;
        }
    }
    /* A precision of 0 says nothing. */
    declaration->has_decimal = precision != 0;
    declaration->precision = precision > UINT8_MAX ? UINT8_MAX : (uint8_t)precision;
    declaration->scale = scale > precision ? declaration->precision : (uint8_t)scale;
    return !reader.failed;
}

/* DataTypeParams: oneof 1 decimal, 2 string_byte_length. */
static bool read_params(const struct ps_pb_field *params, struct roster_declaration *declaration)
{
    struct ps_pb_reader reader = ps_pb_reader_of(params->bytes, params->size);
    struct ps_pb_field field;
    while (ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1) && !read_decimal(&field, declaration)) {
            return false;
        }
    }
    return !reader.failed;
}

/* Column: 1 name, 2 type, 3 primary_key, 4 params. */
static enum ps_status read_column(struct roster *roster, struct tester_table *table,
                                  const struct ps_pb_field *column, struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(column->bytes, column->size);
    struct ps_pb_field field;
    struct roster_declaration declaration = {0};
    bool good = true;
    while (good && ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1)) {
            declaration.name = (struct wire_name){field.bytes, field.size};
        } else if (field.number == 2 && field.wire == PS_PB_VARINT) {
            declaration.type = field.integer;
        } else if (field.number == 3 && field.wire == PS_PB_VARINT) {
            declaration.key = field.integer != 0;
        } else if (is_bytes(&field, 4)) {
            good = read_params(&field, &declaration);
        }
    }
    if (!good || reader.failed) {
        return malformed(err);
    }
    if (!roster_name_valid(&declaration.name)) {
        roster_breach(roster, table, BREACH_NAME_INVALID, NULL, NULL);
        return PS_OK;
    }
    return roster_declare(roster, table, &declaration, err);
}

/* Table: 1 name, 2 columns. The name is found first, wherever it stands. */
static enum ps_status read_table(struct roster *roster, const struct wire_name *schema,
                                 const struct ps_pb_field *message, struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(message->bytes, message->size);
    struct ps_pb_field field;
    struct wire_name name = {0};
    struct tester_table *table = NULL;
    while (ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1)) {
            name = (struct wire_name){field.bytes, field.size};
        }
    }
    if (reader.failed) {
        return malformed(err);
    }
    if (!roster_name_valid(&name) || (schema->size != 0 && !roster_name_valid(schema))) {
        breach_add(roster->breaches, name.size == 0 ? BREACH_TABLE_UNNAMED : BREACH_NAME_INVALID,
                   &(struct breach_place){0}, NULL);
        return PS_OK;
    }
    enum ps_status status = roster_table(roster, schema, &name, &table, err);
    if (status == PS_OK) {
        roster_table_begin(roster, table);
    }
    reader = ps_pb_reader_of(message->bytes, message->size);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 2)) {
            status = read_column(roster, table, &field, err);
        }
    }
    if (status == PS_OK) {
        roster_declared(table);
        table->wanted = table->wanted || roster->streaming;
    }
    return status;
}

/* TableList: 1 tables; Schema: 1 name, 2 tables. `number` is that of the tables. */
static enum ps_status read_tables(struct roster *roster, const struct wire_name *schema,
                                  const struct ps_pb_field *list, uint32_t number,
                                  struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(list->bytes, list->size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, number)) {
            status = read_table(roster, schema, &field, err);
        }
    }
    return status == PS_OK && reader.failed ? malformed(err) : status;
}

static enum ps_status read_schema(struct roster *roster, const struct ps_pb_field *schema,
                                  struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(schema->bytes, schema->size);
    struct ps_pb_field field;
    struct wire_name name = {0};
    while (ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1)) {
            name = (struct wire_name){field.bytes, field.size};
        }
    }
    return reader.failed ? malformed(err) : read_tables(roster, &name, schema, 2, err);
}

/* SchemaList: 1 schemas. */
static enum ps_status read_schemas(struct roster *roster, const struct ps_pb_field *list,
                                   struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(list->bytes, list->size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (is_bytes(&field, 1)) {
            status = read_schema(roster, &field, err);
        }
    }
    return status == PS_OK && reader.failed ? malformed(err) : status;
}

static const struct wire_name no_schema;

enum ps_status declare_answer(struct roster *roster, const uint8_t *bytes, size_t size,
                              struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    bool unsupported = false;
    roster_message(roster);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_VARINT) {
            unsupported = true;
        } else if (is_bytes(&field, 2)) {
            roster->answered = roster->with_schema = true;
            status = read_schemas(roster, &field, err);
        } else if (is_bytes(&field, 3)) {
            roster->answered = true;
            status = read_tables(roster, &no_schema, &field, 1, err);
        }
    }
    if (status == PS_OK && !reader.failed && !roster->answered && !unsupported) {
        breach_add(roster->breaches, BREACH_SCHEMA_EMPTY, &(struct breach_place){0}, NULL);
    }
    for (struct tester_table *table = roster->first; table != NULL; table = table->next) {
        roster->declares = roster->declares || !table->keys_only;
    }
    return status == PS_OK && reader.failed ? malformed(err) : status;
}

enum ps_status declare_change(struct roster *roster, const uint8_t *bytes, size_t size,
                              struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    roster_message(roster);
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if (roster->answered && is_bytes(&field, roster->with_schema ? 2 : 1)) {
            breach_add(roster->breaches, BREACH_SCHEMA_MIXED, &(struct breach_place){0}, NULL);
        }
        if (is_bytes(&field, 1)) {
            status = read_schemas(roster, &field, err);
        } else if (is_bytes(&field, 2)) {
            status = read_tables(roster, &no_schema, &field, 1, err);
        }
    }
    return status == PS_OK && reader.failed ? malformed(err) : status;
}
