/*
 * The encoder of records. A first pass over the columns gives the exact size of every record, the
 * second writes each message forward into memory of its size; nothing is patched or moved.
 *
 * A record: 1 schema_name, 2 table_name, 3 type, 4 data: map entries of 1 name, 2 ValueType, whose
 * member says the type (proto/common.proto). Tags here are all of one byte.
 */
#include "sinks/stream/encode.h"

#include "base/alloc.h"
#include "penstock/value.h"
#include "sinks/stream/wire.h"

#define TAG_RECORD 0x0a           /* UpdateResponse: 1 record; Records: 1 records */
#define TAG_RESPONSE_RECORDS 0x32 /* UpdateResponse: 6 records */
#define TAG_SCHEMA_NAME 0x0a
#define TAG_TABLE_NAME 0x12
#define TAG_TYPE 0x18
#define TAG_DATA 0x22
#define TAG_ENTRY_KEY 0x0a
#define TAG_ENTRY_VALUE 0x12
#define TAG_NULL 0x08
#define TAG_SECONDS 0x08
#define TAG_NANOS 0x10
#define NULL_SIZE 2u /* of a ValueType that says null */
#define SECONDS_A_DAY 86400
/* A decimal as text: sign, 38 digits, point, and a zero before it. */
#define DECIMAL_TEXT_MAX 41u

/* One column as it is written: what stands before each value, and where the values are. */
struct column {
    const struct ps_vector *vector;
    enum ps_type type;
    uint8_t tag;             /* of the ValueType's member */
    uint32_t index;          /* into the table's columns */
    size_t head_size;        /* "0a <size> <name> 12": the entry up to the value's length */
    const uint8_t *head;     /* padded by WIRE_SLACK */
    const uint32_t *offsets; /* where the values are bytes; a decimal's text is made beforehand */
    const uint8_t *bytes;
    uint8_t *decimals; /* owned */
};

/* One batch while it is encoded. */
struct encoder {
    const struct ps_batch *batch;
    const struct stream_limits *limits;
    struct column *columns;
    uint32_t columns_count;
    uint8_t *heads;      /* all columns' heads, then the record's own */
    const uint8_t *head; /* of a record: schema, table, operation; padded */
    size_t head_size;
    size_t *sizes; /* of each row's record */
    struct stream_messages messages;
};

static const uint8_t tags[PS_TYPES] = {
    [PS_TYPE_UNSPECIFIED] = 0x6a,  [PS_TYPE_BOOLEAN] = 0x10,
    [PS_TYPE_SHORT] = 0x18,        [PS_TYPE_INT] = 0x20,
    [PS_TYPE_LONG] = 0x28,         [PS_TYPE_DECIMAL] = 0x5a,
    [PS_TYPE_FLOAT] = 0x35,        [PS_TYPE_DOUBLE] = 0x39,
    [PS_TYPE_NAIVE_DATE] = 0x42,   [PS_TYPE_NAIVE_DATETIME] = 0x4a,
    [PS_TYPE_UTC_DATETIME] = 0x52, [PS_TYPE_BINARY] = 0x62,
    [PS_TYPE_XML] = 0x7a,          [PS_TYPE_STRING] = 0x6a,
    [PS_TYPE_JSON] = 0x72,
};

static enum ps_status fail_nomem(struct ps_error *err)
{
    return ps_fail_nomem(err, "encoding records");
}

/* A member with implicit presence is left out where it is 0. */
static inline size_t timestamp_size(int64_t seconds, int32_t nanos)
{
    return (seconds == 0 ? 0 : 1 + wire_varint_size((uint64_t)seconds)) +
           (nanos == 0 ? 0 : 1 + wire_varint_size((uint64_t)nanos));
}

static inline uint8_t *timestamp_write(uint8_t *at, int64_t seconds, int32_t nanos)
{
    if (seconds != 0) {
        *at++ = TAG_SECONDS;
        at = wire_varint(at, (uint64_t)seconds);
    }
    if (nanos != 0) {
        *at++ = TAG_NANOS;
        at = wire_varint(at, (uint64_t)nanos);
    }
    return at;
}

/* A map entry whose ValueType has that size, as a field of the record. */
static inline size_t entry_size(const struct column *column, size_t value_size)
{
    return wire_framed_size(column->head_size + wire_varint_size(value_size) + value_size);
}

static inline uint8_t *entry_head(uint8_t *at, const struct column *column, size_t value_size)
{
    *at++ = TAG_DATA;
    at = wire_varint(at, column->head_size + wire_varint_size(value_size) + value_size);
    at = wire_padded(at, column->head, column->head_size);
    at = wire_varint(at, value_size);
    *at++ = column->tag;
    return at;
}

static void column_add_constant(const struct column *column, size_t value_size, size_t *sizes,
                                uint32_t rows)
{
    size_t present = entry_size(column, value_size), absent = entry_size(column, NULL_SIZE);
    for (uint32_t row = 0; row < rows; row++) {
        sizes[row] += ps_vector_is_valid(column->vector, row) ? present : absent;
    }
}

/* Adds to each row the size of a value, of which `value` is the expression for the valid ones. */
#define ADD_SIZES(ctype, value)                                                                    \
    {                                                                                              \
        const ctype *values = column->vector->values;                                              \
        for (uint32_t row = 0; row < rows; row++) {                                                \
            size_t size =                                                                          \
                ps_vector_is_valid(column->vector, row) ? (size_t)(value) : (size_t)NULL_SIZE;     \
            sizes[row] += entry_size(column, size);                                                \
        }                                                                                          \
    }                                                                                              \
    break

/* A negative int32 is sent as the 64-bit number that it is, in ten bytes. */
static void column_add_sizes(const struct column *column, size_t *sizes, uint32_t rows)
{
    switch (column->type) {
    case PS_TYPE_BOOLEAN:
        column_add_constant(column, 2, sizes, rows);
        break;
    case PS_TYPE_FLOAT:
        column_add_constant(column, 5, sizes, rows);
        break;
    case PS_TYPE_DOUBLE:
        column_add_constant(column, 9, sizes, rows);
        break;
    case PS_TYPE_SHORT:
        ADD_SIZES(int16_t, 1 + wire_varint_size((uint64_t)(int64_t)values[row]));
    case PS_TYPE_INT:
        ADD_SIZES(int32_t, 1 + wire_varint_size((uint64_t)(int64_t)values[row]));
    case PS_TYPE_LONG:
        ADD_SIZES(int64_t, 1 + wire_varint_size((uint64_t)values[row]));
    case PS_TYPE_NAIVE_DATE:
        ADD_SIZES(int32_t, 2 + timestamp_size((int64_t)values[row] * SECONDS_A_DAY, 0));
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        ADD_SIZES(struct ps_timestamp, 2 + timestamp_size(values[row].seconds, values[row].nanos));
    default:
        for (uint32_t row = 0; row < rows; row++) {
            size_t length = column->offsets[row + 1] - column->offsets[row];
            size_t size = ps_vector_is_valid(column->vector, row) ? wire_framed_size(length)
                                                                  : (size_t)NULL_SIZE;
            sizes[row] += entry_size(column, size);
        }
        break;
    }
}

static inline uint8_t *integer_write(uint8_t *at, const struct column *column, int64_t value)
{
    at = entry_head(at, column, 1 + wire_varint_size((uint64_t)value));
    return wire_varint(at, (uint64_t)value);
}

static inline uint8_t *instant_write(uint8_t *at, const struct column *column, int64_t seconds,
                                     int32_t nanos)
{
    size_t size = timestamp_size(seconds, nanos);
    at = entry_head(at, column, 2 + size);
    *at++ = (uint8_t)size;
    return timestamp_write(at, seconds, nanos);
}

static inline uint8_t *null_write(uint8_t *at, const struct column *column)
{
    at = entry_head(at, column, NULL_SIZE);
    at[-1] = TAG_NULL;
    *at++ = 1;
    return at;
}

static inline uint8_t *bytes_write(uint8_t *at, const struct column *column, uint32_t row)
{
    size_t length = column->offsets[row + 1] - column->offsets[row];
    at = entry_head(at, column, wire_framed_size(length));
    at = wire_varint(at, length);
    return wire_bytes(at, column->bytes + column->offsets[row], length);
}

static inline uint8_t *value_write(uint8_t *at, const struct column *column, uint32_t row)
{
    const void *values = column->vector->values;
    switch (column->type) {
    case PS_TYPE_BOOLEAN:
        at = entry_head(at, column, 2);
        *at++ = ((const uint8_t *)values)[row];
        return at;
    case PS_TYPE_SHORT:
        return integer_write(at, column, ((const int16_t *)values)[row]);
    case PS_TYPE_INT:
        return integer_write(at, column, ((const int32_t *)values)[row]);
    case PS_TYPE_LONG:
        return integer_write(at, column, ((const int64_t *)values)[row]);
    case PS_TYPE_FLOAT: {
        uint32_t bits;
        memcpy(&bits, (const float *)values + row, sizeof(bits));
        return wire_fixed32(entry_head(at, column, 5), bits);
    }
    case PS_TYPE_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, (const double *)values + row, sizeof(bits));
        return wire_fixed64(entry_head(at, column, 9), bits);
    }
    case PS_TYPE_NAIVE_DATE:
        return instant_write(at, column, (int64_t)((const int32_t *)values)[row] * SECONDS_A_DAY,
                             0);
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME: {
        struct ps_timestamp instant = ((const struct ps_timestamp *)values)[row];
        return instant_write(at, column, instant.seconds, instant.nanos);
    }
    default:
        return bytes_write(at, column, row);
    }
}

static inline uint8_t *record_write(uint8_t *at, const struct encoder *encoder, uint32_t row)
{
    at = wire_varint(at, encoder->sizes[row]);
    at = wire_padded(at, encoder->head, encoder->head_size);
    for (uint32_t i = 0; i < encoder->columns_count; i++) {
        const struct column *column = &encoder->columns[i];
        at = ps_vector_is_valid(column->vector, row) ? value_write(at, column, row)
                                                     : null_write(at, column);
    }
    return at;
}

/* One message of the rows; `size`: of its records, each with tag and length. */
static enum ps_status message_add(struct encoder *encoder, uint32_t first, uint32_t end,
                                  size_t size, struct ps_error *err)
{
    struct stream_messages *messages = &encoder->messages;
    if (first == end) {
        return PS_OK;
    }
    if (messages->count == messages->capacity) {
        size_t capacity = messages->capacity == 0 ? 16 : 2 * messages->capacity;
        struct stream_message *list = ps_realloc(messages->list, capacity * sizeof(*list));
        if (list == NULL) {
            return fail_nomem(err);
        }
        messages->list = list;
        messages->capacity = capacity;
    }
    bool alone = end - first == 1;
    size_t message_size = alone ? size : wire_framed_size(size);
    uint8_t *message = ps_malloc(message_size + WIRE_SLACK);
    if (message == NULL) {
        return fail_nomem(err);
    }
    uint8_t *at = message;
    if (!alone) {
        *at++ = TAG_RESPONSE_RECORDS;
        at = wire_varint(at, size);
    }
    for (uint32_t row = first; row < end; row++) {
        *at++ = TAG_RECORD;
        at = record_write(at, encoder, row);
    }
    assert(at == message + message_size);
    messages->list[messages->count++] = (struct stream_message){message, message_size};
    messages->bytes += message_size;
    return PS_OK;
}

static enum ps_status leave_out(struct encoder *encoder, uint32_t row, struct ps_error *err)
{
    struct stream_messages *messages = &encoder->messages;
    uint32_t largest = 0;
    size_t largest_size = 0;
    for (uint32_t i = 0; i < encoder->columns_count; i++) {
        const struct column *column = &encoder->columns[i];
        size_t size = column->offsets == NULL ? 0 : column->offsets[row + 1] - column->offsets[row];
        if (size >= largest_size) {
            largest_size = size;
            largest = column->index;
        }
    }
    if (messages->left_out_by == NULL) {
        messages->left_out_by =
            ps_calloc(encoder->batch->table->columns_count, sizeof(*messages->left_out_by));
        if (messages->left_out_by == NULL) {
            return fail_nomem(err);
        }
    }
    messages->left_out_by[largest]++;
    messages->left_out++;
    return PS_OK;
}

/* Cuts the rows into messages. */
static enum ps_status messages_make(struct encoder *encoder, struct ps_error *err)
{
    const struct stream_limits *limits = encoder->limits;
    enum ps_status status = PS_OK;
    uint32_t first = 0;
    size_t size = 0;
    for (uint32_t row = 0; row < encoder->batch->rows && status == PS_OK; row++) {
        size_t framed = wire_framed_size(encoder->sizes[row]);
        if (framed <= limits->message_bytes) {
            if (row - first == limits->records_max || size + framed > limits->message_bytes) {
                status = message_add(encoder, first, row, size, err);
                first = row;
                size = 0;
            }
            size += framed;
            continue;
        }
        status = message_add(encoder, first, row, size, err);
        if (status == PS_OK && framed > limits->carried_max) {
            status = leave_out(encoder, row, err);
        } else if (status == PS_OK) {
            encoder->messages.oversize++;
            status = message_add(encoder, row, row + 1, framed, err);
        }
        first = row + 1;
        size = 0;
    }
    return status == PS_OK ? message_add(encoder, first, encoder->batch->rows, size, err) : status;
}

/* Turns a column of decimals into one of texts. */
static enum ps_status column_format(struct column *column, uint32_t rows, struct ps_error *err)
{
    const ps_int128 *values = column->vector->values;
    size_t offsets_size = ((size_t)rows + 1) * sizeof(uint32_t);
    column->decimals =
        ps_malloc(offsets_size + (size_t)rows * DECIMAL_TEXT_MAX + PS_VALUE_TEXT_SIZE);
    if (column->decimals == NULL) {
        return fail_nomem(err);
    }
    uint32_t *offsets = (uint32_t *)(void *)column->decimals;
    uint8_t *bytes = column->decimals + offsets_size;
    offsets[0] = 0;
    for (uint32_t row = 0; row < rows; row++) {
        size_t size = 0;
        if (ps_vector_is_valid(column->vector, row)) {
            size =
                ps_decimal_format(values[row], column->vector->scale, (char *)bytes + offsets[row]);
        }
        offsets[row + 1] = offsets[row] + (uint32_t)size;
    }
    column->offsets = offsets;
    column->bytes = bytes;
    return PS_OK;
}

static bool is_sent(const struct ps_batch *batch, uint32_t index)
{
    return batch->operation != PS_DELETE || batch->table->keys_count == 0 ||
           batch->table->columns[index].key_position != 0;
}

static uint8_t *text_write(uint8_t *at, uint8_t tag, const char *text)
{
    size_t size = strlen(text);
    *at++ = tag;
    at = wire_varint(at, size);
    /* A message's texts have lengths, and no NUL at their end. */
    return (uint8_t *)mempcpy(at, text, size);
}

/* Writes the heads of all columns, then the record's, each padded. */
static void heads_write(struct encoder *encoder, bool with_schema)
{
    const struct ps_batch *batch = encoder->batch;
    uint8_t *at = encoder->heads;
    for (uint32_t i = 0; i < encoder->columns_count; i++) {
        struct column *column = &encoder->columns[i];
        column->head = at;
        at = text_write(at, TAG_ENTRY_KEY, batch->table->columns[column->index].name);
        *at++ = TAG_ENTRY_VALUE;
        column->head_size = (size_t)(at - column->head);
        at += WIRE_SLACK;
    }
    encoder->head = at;
    if (with_schema) {
        at = text_write(at, TAG_SCHEMA_NAME, batch->table->schema);
    }
    at = text_write(at, TAG_TABLE_NAME, batch->table->name);
    if (batch->operation != PS_UPSERT) {
        *at++ = TAG_TYPE;
        *at++ = (uint8_t)batch->operation;
    }
    encoder->head_size = (size_t)(at - encoder->head);
}

static enum ps_status encoder_init(struct encoder *encoder, bool with_schema, struct ps_error *err)
{
    const struct ps_batch *batch = encoder->batch;
    /* 2 tags and a length of at most 5 bytes each; the operation, too. */
    size_t heads_size = strlen(batch->table->schema) + strlen(batch->table->name) + 32 + WIRE_SLACK;
    encoder->columns = ps_calloc(batch->columns_count + (size_t)1, sizeof(*encoder->columns));
    encoder->sizes = ps_malloc_array(batch->rows + (size_t)1, sizeof(*encoder->sizes));
    if (encoder->columns == NULL || encoder->sizes == NULL) {
        return fail_nomem(err);
    }
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        uint32_t index = batch->columns[i];
        if (is_sent(batch, index)) {
            const struct ps_vector *vector = &batch->vectors[i];
            encoder->columns[encoder->columns_count++] = (struct column){
                .vector = vector,
                .type = vector->type,
                .tag = tags[vector->type],
                .index = index,
                .offsets = vector->offsets,
                .bytes = vector->bytes,
            };
            heads_size += strlen(batch->table->columns[index].name) + 16 + WIRE_SLACK;
        }
    }
    encoder->heads = ps_calloc(1, heads_size);
    if (encoder->heads == NULL) {
        return fail_nomem(err);
    }
    heads_write(encoder, with_schema);
    for (uint32_t row = 0; row < batch->rows; row++) {
        encoder->sizes[row] = encoder->head_size;
    }
    return PS_OK;
}

static void encoder_done(struct encoder *encoder)
{
    for (uint32_t i = 0; i < encoder->columns_count; i++) {
        ps_free(encoder->columns[i].decimals);
    }
    ps_free(encoder->columns);
    ps_free(encoder->heads);
    ps_free(encoder->sizes);
    stream_messages_done(&encoder->messages, 0);
}

enum ps_status stream_encode(const struct ps_batch *batch, bool with_schema,
                             const struct stream_limits *limits,
                             struct stream_messages *ret_messages, struct ps_error *err)
{
    struct encoder encoder = {.batch = batch, .limits = limits};
    enum ps_status status = encoder_init(&encoder, with_schema, err);
    for (uint32_t i = 0; i < encoder.columns_count && status == PS_OK; i++) {
        if (encoder.columns[i].type == PS_TYPE_DECIMAL) {
            status = column_format(&encoder.columns[i], batch->rows, err);
        }
        if (status == PS_OK) {
            column_add_sizes(&encoder.columns[i], encoder.sizes, batch->rows);
        }
    }
    if (status == PS_OK) {
        status = messages_make(&encoder, err);
    }
    if (status == PS_OK) {
        *ret_messages = encoder.messages;
        encoder.messages = (struct stream_messages){0};
    }
    encoder_done(&encoder);
    return status;
}

void stream_messages_done(struct stream_messages *messages, size_t first)
{
    for (size_t i = first; i < messages->count; i++) {
        ps_free(messages->list[i].bytes);
    }
    ps_free(messages->list);
    ps_free(messages->left_out_by);
    *messages = (struct stream_messages){0};
}
