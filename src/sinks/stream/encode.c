/*
 * The encoder of records. Each row is written once, forward, into a message whose memory is large
 * enough for whatever the rows' values may need. Lengths that come before what they count are of
 * one byte where the column's name and the value allow it, and are put in behind it; a record's and
 * a message's are as long as the one's before, which is nearly always right, else what follows
 * moves. The sizes of the columns' bytes tell how much memory rows need, without a look at a row.
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
#define SECONDS_A_DAY 86400
/* What follows the tag of a value that is not bytes: at most a decimal's length and text. */
#define VALUE_SIZE_MAX (1u + PS_VALUE_TEXT_SIZE)
/* The largest size that a varint of one byte says. */
#define SHORT_MAX 127u
/* Tags and lengths around a record, and around a message. */
#define FRAME_MAX (1 + WIRE_VARINT_MAX)
/* Three lengths, where a head has room for two of one byte. */
#define LENGTHS_MORE_MAX (3 * WIRE_VARINT_MAX - 2)

/*
 * One column as it is written. The head is all that stands before a value: "22 <size> 0a <size>
 * <name> 12 <size> <tag>", with room for lengths of one byte.
 */
struct column {
    const struct ps_vector *vector;
    enum ps_type type;
    uint32_t index;      /* into the table's columns */
    const uint8_t *head; /* padded by WIRE_SLACK */
    size_t head_size;
    size_t text_max; /* bytes of a longer value, and any value where it is 0, need longer lengths */
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
    size_t fixed_max; /* bytes of a record with its frame, without the columns' bytes */
    /* How long the length of the last record was, and of the last message. */
    size_t record_length, message_length;
    /* The message that is being written; NULL: none. */
    uint8_t *memory;
    size_t capacity;  /* without WIRE_SLACK */
    size_t start;     /* where its records begin */
    size_t size;      /* of its records */
    uint32_t records; /* in it */
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

/* What follows the tag at most, where the value is not bytes. */
static const uint8_t value_sizes[PS_TYPES] = {
    [PS_TYPE_BOOLEAN] = 1,       [PS_TYPE_SHORT] = 10,
    [PS_TYPE_INT] = 10,          [PS_TYPE_LONG] = 10,
    [PS_TYPE_FLOAT] = 4,         [PS_TYPE_DOUBLE] = 8,
    [PS_TYPE_NAIVE_DATE] = 18,   [PS_TYPE_NAIVE_DATETIME] = 18,
    [PS_TYPE_UTC_DATETIME] = 18, [PS_TYPE_DECIMAL] = VALUE_SIZE_MAX,
};

static enum ps_status fail_nomem(struct ps_error *err)
{
    return ps_fail_nomem(err, "encoding records");
}

static inline uint8_t *bytes_write(uint8_t *at, const uint8_t *bytes, size_t size)
{
    ps_copy_short(at, bytes, size);
    return at + size;
}

/* A member with implicit presence is left out where it is 0. */
static inline uint8_t *instant_write(uint8_t *at, int64_t seconds, int32_t nanos)
{
    uint8_t *size = at++;
    if (seconds != 0) {
        *at++ = TAG_SECONDS;
        at = wire_varint_padded(at, (uint64_t)seconds);
    }
    if (nanos != 0) {
        *at++ = TAG_NANOS;
        at = wire_varint_padded(at, (uint64_t)nanos);
    }
    *size = (uint8_t)(at - size - 1);
    return at;
}

/*
 * What comes after the tag of a value that is not bytes. A negative int32 is sent as the 64-bit
 * number that it is, in ten bytes.
 */
__attribute__((always_inline)) static inline uint8_t *
value_write(uint8_t *at, const struct column *column, uint32_t row)
{
    const void *values = column->vector->values;
    switch (column->type) {
    case PS_TYPE_BOOLEAN:
        *at = ((const uint8_t *)values)[row];
        return at + 1;
    case PS_TYPE_SHORT:
        return wire_varint_padded(at, (uint64_t)(int64_t)((const int16_t *)values)[row]);
    case PS_TYPE_INT:
        return wire_varint_padded(at, (uint64_t)(int64_t)((const int32_t *)values)[row]);
    case PS_TYPE_LONG:
        return wire_varint_padded(at, (uint64_t)((const int64_t *)values)[row]);
    case PS_TYPE_FLOAT: {
        uint32_t bits;
        memcpy(&bits, (const float *)values + row, sizeof(bits));
        return wire_fixed32(at, bits);
    }
    case PS_TYPE_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, (const double *)values + row, sizeof(bits));
        return wire_fixed64(at, bits);
    }
    case PS_TYPE_NAIVE_DATE:
        return instant_write(at, (int64_t)((const int32_t *)values)[row] * SECONDS_A_DAY, 0);
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME: {
        struct ps_timestamp instant = ((const struct ps_timestamp *)values)[row];
        return instant_write(at, instant.seconds, instant.nanos);
    }
    default: { /* a decimal */
        size_t size = ps_decimal_format(((const ps_int128 *)values)[row], column->vector->scale,
                                        (char *)at + 1);
        *at = (uint8_t)size;
        return at + 1 + size;
    }
    }
}

/* The entry of a value whose lengths may have several bytes. */
static uint8_t *long_entry_write(uint8_t *at, const struct column *column, uint32_t row)
{
    const struct ps_vector *vector = column->vector;
    uint8_t front[VALUE_SIZE_MAX + WIRE_SLACK], tag = TAG_NULL;
    const uint8_t *bytes = NULL;
    size_t bytes_size = 0, front_size = 1;
    if (!ps_vector_is_valid(vector, row)) {
        front[0] = 1;
    } else {
        tag = tags[column->type];
        if (vector->offsets != NULL) {
            bytes = ps_vector_bytes(vector, row, &bytes_size);
            front_size = (size_t)(wire_varint(front, bytes_size) - front);
        } else {
            front_size = (size_t)(value_write(front, column, row) - front);
        }
    }
    size_t name_size = column->head_size - 4, value_size = 1 + front_size + bytes_size;
    *at++ = TAG_DATA;
    at = wire_varint(at, name_size + wire_varint_size(value_size) + value_size);
    at = bytes_write(at, column->head + 2, name_size);
    at = wire_varint(at, value_size);
    *at++ = tag;
    at = bytes_write(at, front, front_size);
    return bytes_write(at, bytes, bytes_size);
}

static inline uint8_t *entry_write(uint8_t *at, const struct column *column, uint32_t row)
{
    const struct ps_vector *vector = column->vector;
    uint8_t *value = wire_padded(at, column->head, column->head_size), *end;
    if (!ps_vector_is_valid(vector, row)) {
        value[-1] = TAG_NULL;
        *value = 1;
        end = value + 1;
    } else if (vector->offsets != NULL) {
        size_t size;
        const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
        if (size > column->text_max) {
            return long_entry_write(at, column, row);
        }
        *value = (uint8_t)size;
        end = bytes_write(value + 1, bytes, size);
    } else {
        end = value_write(value, column, row);
    }
    at[1] = (uint8_t)(end - at - 2);
    value[-2] = (uint8_t)(end - value + 1);
    return end;
}

/* Writes tag and length before the `size` bytes for whose length `*length` bytes were left after
 * the tag; where it needs others, moves them, and says so in `*length`. Gives their end. */
static uint8_t *frame_write(uint8_t *at, uint8_t tag, size_t size, size_t *length)
{
    size_t needed = wire_varint_size(size);
    if (needed != *length) {
        memmove(at + 1 + needed, at + 1 + *length, size);
        *length = needed;
    }
    *at = tag;
    (void)wire_varint(at + 1, size);
    return at + 1 + needed + size;
}

static uint8_t *record_write(uint8_t *at, struct encoder *encoder, uint32_t row)
{
    const struct column *end = encoder->columns + encoder->columns_count;
    uint8_t *first = at + 1 + encoder->record_length;
    uint8_t *next = wire_padded(first, encoder->head, encoder->head_size);
    for (const struct column *column = encoder->columns; column != end; column++) {
        next = column->text_max == 0 ? long_entry_write(next, column, row)
                                     : entry_write(next, column, row);
    }
    return frame_write(at, TAG_RECORD, (size_t)(next - first), &encoder->record_length);
}

/* The columns' bytes in these rows: no record is smaller. */
static size_t rows_bytes(const struct encoder *encoder, uint32_t first, uint32_t end)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < encoder->columns_count; i++) {
        const uint32_t *offsets = encoder->columns[i].vector->offsets;
        bytes += offsets == NULL ? 0 : offsets[end] - offsets[first];
    }
    return bytes;
}

/* Ends the message that is being written, if there is one. */
static enum ps_status message_end(struct encoder *encoder, struct ps_error *err)
{
    struct stream_messages *messages = &encoder->messages;
    if (encoder->records == 0) {
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
    uint8_t *memory = encoder->memory;
    size_t size = encoder->size;
    if (encoder->records > 1) {
        size_t length = encoder->start - 1;
        uint8_t *end = frame_write(memory, TAG_RESPONSE_RECORDS, size, &length);
        encoder->message_length = length;
        size = (size_t)(end - memory);
    } else if (encoder->start > 0) {
        memmove(memory, memory + encoder->start, size);
    }
    /* What waits in a queue is counted by its size: so much is kept. */
    uint8_t *kept = ps_realloc(memory, size);
    messages->list[messages->count++] = (struct stream_message){kept == NULL ? memory : kept, size};
    messages->bytes += size;
    encoder->memory = NULL;
    encoder->capacity = 0;
    encoder->records = 0;
    encoder->size = 0;
    return PS_OK;
}

/* Room for so much behind the records; begins a message where there is none, of one record if
 * `alone`. */
static enum ps_status message_reserve(struct encoder *encoder, size_t more, bool alone,
                                      struct ps_error *err)
{
    if (encoder->records == 0) {
        encoder->start = alone ? 0 : 1 + encoder->message_length;
    }
    size_t needed = encoder->start + encoder->size + more;
    if (encoder->memory != NULL && needed <= encoder->capacity) {
        return PS_OK;
    }
    needed += encoder->capacity / 2 + FRAME_MAX;
    uint8_t *memory = ps_realloc(encoder->memory, needed + WIRE_SLACK);
    if (memory == NULL) {
        return fail_nomem(err);
    }
    encoder->memory = memory;
    encoder->capacity = needed;
    return PS_OK;
}

static enum ps_status leave_out(struct encoder *encoder, uint32_t row, struct ps_error *err)
{
    struct stream_messages *messages = &encoder->messages;
    uint32_t largest = 0;
    size_t largest_size = 0;
    for (uint32_t i = 0; i < encoder->columns_count; i++) {
        const struct column *column = &encoder->columns[i];
        const uint32_t *offsets = column->vector->offsets;
        size_t size = offsets == NULL ? 0 : offsets[row + 1] - offsets[row];
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

/* Takes the record just written, behind the others, as the only one of a message of its own. */
static enum ps_status record_alone(struct encoder *encoder, uint32_t row, size_t framed,
                                   struct ps_error *err)
{
    if (framed > encoder->limits->carried_max) {
        return leave_out(encoder, row, err);
    }
    encoder->messages.oversize++;
    encoder->records = 1;
    encoder->size = framed;
    return message_end(encoder, err);
}

/* One row, whose record may not fit into the message that is being written, nor into any. */
static enum ps_status row_add(struct encoder *encoder, uint32_t row, struct ps_error *err)
{
    const struct stream_limits *limits = encoder->limits;
    size_t bytes = rows_bytes(encoder, row, row + 1);
    enum ps_status status = PS_OK;
    if (encoder->size + bytes > limits->message_bytes) {
        status = message_end(encoder, err);
    }
    if (status == PS_OK && bytes > limits->carried_max) {
        return leave_out(encoder, row, err);
    }
    if (status == PS_OK) {
        status = message_reserve(encoder, encoder->fixed_max + bytes, bytes > limits->message_bytes,
                                 err);
    }
    if (status != PS_OK) {
        return status;
    }
    uint8_t *at = encoder->memory + encoder->start + encoder->size;
    size_t framed = (size_t)(record_write(at, encoder, row) - at);
    if (encoder->size + framed > limits->message_bytes && encoder->records > 0) {
        /* Written once more, behind the message's end. */
        status = message_end(encoder, err);
        return status == PS_OK ? row_add(encoder, row, err) : status;
    }
    if (framed > limits->message_bytes) {
        return record_alone(encoder, row, framed, err);
    }
    encoder->size += framed;
    encoder->records++;
    return PS_OK;
}

/* Cuts the rows into messages: as many rows at once as surely fit. */
static enum ps_status messages_make(struct encoder *encoder, struct ps_error *err)
{
    const struct stream_limits *limits = encoder->limits;
    uint32_t rows = encoder->batch->rows, row = 0;
    enum ps_status status = PS_OK;
    while (row < rows && status == PS_OK) {
        if (encoder->records == limits->records_max) {
            status = message_end(encoder, err);
            continue;
        }
        size_t room = limits->records_max - encoder->records;
        uint32_t end = rows - row < room ? rows : row + (uint32_t)room;
        size_t most = (end - row) * encoder->fixed_max + rows_bytes(encoder, row, end);
        if (encoder->size + most > limits->message_bytes) {
            status = row_add(encoder, row++, err);
            continue;
        }
        status = message_reserve(encoder, most, false, err);
        if (status != PS_OK) {
            break;
        }
        uint8_t *records = encoder->memory + encoder->start, *at = records + encoder->size;
        encoder->records += end - row;
        while (row < end) {
            at = record_write(at, encoder, row++);
        }
        encoder->size = (size_t)(at - records);
    }
    return status == PS_OK ? message_end(encoder, err) : status;
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
        *at = TAG_DATA;
        at = text_write(at + 2, TAG_ENTRY_KEY, batch->table->columns[column->index].name);
        *at++ = TAG_ENTRY_VALUE;
        size_t name_size = (size_t)(at - column->head) - 2;
        at[1] = tags[column->type];
        at += 2;
        column->head_size = (size_t)(at - column->head);
        /* The entry: name, the value's length, tag, the text's length, text. */
        bool is_short = name_size + 2 + VALUE_SIZE_MAX <= SHORT_MAX;
        column->text_max = is_short ? SHORT_MAX - name_size - 3 : 0;
        encoder->fixed_max += column->head_size + LENGTHS_MORE_MAX + value_sizes[column->type];
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
    encoder->fixed_max += FRAME_MAX + encoder->head_size;
}

static enum ps_status encoder_init(struct encoder *encoder, bool with_schema, struct ps_error *err)
{
    const struct ps_batch *batch = encoder->batch;
    /* 2 tags and a length of at most 5 bytes each; the operation, too. */
    size_t heads_size = strlen(batch->table->schema) + strlen(batch->table->name) + 32 + WIRE_SLACK;
    encoder->columns = ps_calloc(batch->columns_count + (size_t)1, sizeof(*encoder->columns));
    if (encoder->columns == NULL) {
        return fail_nomem(err);
    }
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        uint32_t index = batch->columns[i];
        if (is_sent(batch, index)) {
            const struct ps_vector *vector = &batch->vectors[i];
            encoder->columns[encoder->columns_count++] = (struct column){
                .vector = vector,
                .type = vector->type,
                .index = index,
            };
            heads_size += strlen(batch->table->columns[index].name) + 16 + WIRE_SLACK;
        }
    }
    encoder->heads = ps_calloc(1, heads_size);
    if (encoder->heads == NULL) {
        return fail_nomem(err);
    }
    heads_write(encoder, with_schema);
    return PS_OK;
}

static void encoder_done(struct encoder *encoder)
{
    ps_free(encoder->memory);
    ps_free(encoder->columns);
    ps_free(encoder->heads);
    stream_messages_done(&encoder->messages, 0);
}

enum ps_status stream_encode(const struct ps_batch *batch, bool with_schema,
                             const struct stream_limits *limits,
                             struct stream_messages *ret_messages, struct ps_error *err)
{
    struct encoder encoder = {
        .batch = batch, .limits = limits, .record_length = 2, .message_length = 3};
    enum ps_status status = encoder_init(&encoder, with_schema, err);
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
