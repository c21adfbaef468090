/*
 * One record after the other. A record's values are gathered in the table's cells first, because
 * a map's entries come in any order and may come twice; then the columns are made to hold them;
 * then they are put into a batch. See record.h.
 */
#include "tester/record.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/protobuf.h"

#define FIELD_SCHEMA 1u
#define FIELD_TABLE 2u
#define FIELD_TYPE 3u
#define FIELD_DATA 4u
#define FIELD_ROW_DATA 5u

#define PATIENCE_LEAST 1000u
/* The last kind of value in row_data (value.c). */
#define ROW_DATA_KIND_MAX 5

void records_done(struct records *records)
{
    ps_free(records->wanted);
    backlog_done(&records->backlog);
    *records = (struct records){0};
}

static enum ps_status malformed(struct ps_error *err)
{
    return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                   "the connector sent a record that is no valid protobuf message");
}

/* A value of row_data, whose first byte says what follows. */
static enum ps_status unreadable(const struct tester_table *table,
                                 const struct tester_column *column, uint8_t kind,
                                 struct ps_error *err)
{
    return ps_fail(err, PS_DATA, PS_CLASS_DATA,
                   kind > ROW_DATA_KIND_MAX
                       ? "the connector sent a value in row_data of %.200s.%.200s that begins with "
                         "%u, which stands for no kind of value (0 to 5 do)"
                       : "the connector sent a value in row_data of %.200s.%.200s that begins with "
                         "%u, for a number, and is none",
                   table->name, column->name, (unsigned)kind);
}

static void breach_nowhere(struct roster *roster, enum breach_kind kind)
{
    breach_add(roster->breaches, kind, &(struct breach_place){0}, NULL);
}

/* Whether schemas are named where Schema said so. */
static void check_schema(struct roster *roster, const struct record_address *address,
                         struct tester_table *table)
{
    if (!roster->answered) {
        return;
    }
    /* Tables without a schema may lie in a schema "" among others. */
    bool named = address->schema.size > 0;
    if (roster->with_schema ? !named && !table->declared : address->has_schema) {
        roster_breach(roster, table, BREACH_SCHEMA_MIXED, NULL, NULL);
    }
}

enum ps_status record_table(struct roster *roster, const struct record_address *address,
                            struct tester_table **ret_table, struct ps_error *err)
{
    if (address->name.size == 0) {
        breach_nowhere(roster, BREACH_TABLE_UNNAMED);
        return PS_OK;
    }
    struct tester_table *table = roster_known(roster, &address->schema, &address->name);
    if (table == NULL) {
        if (!roster_name_valid(&address->name) ||
            (address->schema.size != 0 && !roster_name_valid(&address->schema))) {
            breach_nowhere(roster, BREACH_NAME_INVALID);
            return PS_OK;
        }
        enum ps_status status = roster_table(roster, &address->schema, &address->name, &table, err);
        if (status != PS_OK) {
            return status;
        }
    }
    if (!table->declared && roster->declares) {
        roster_breach(roster, table, BREACH_TABLE_UNKNOWN, NULL, NULL);
    }
    check_schema(roster, address, table);
    *ret_table = table;
    return PS_OK;
}

/* What a record says of itself besides its values. */
struct head {
    struct record_address address;
    uint64_t type;
};

static bool read_head(const uint8_t *bytes, size_t size, struct head *ret_head)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    struct head head = {0};
    while (ps_pb_next(&reader, &field)) {
        if (field.number == FIELD_SCHEMA && field.wire == PS_PB_BYTES) {
            head.address.has_schema = true;
            head.address.schema = (struct wire_name){field.bytes, field.size};
        } else if (field.number == FIELD_TABLE && field.wire == PS_PB_BYTES) {
            head.address.name = (struct wire_name){field.bytes, field.size};
        } else if (field.number == FIELD_TYPE && field.wire == PS_PB_VARINT) {
            head.type = field.integer;
        }
    }
    *ret_head = head;
    return !reader.failed;
}

/* Entry of a map: 1 key, 2 value. */
static bool read_entry(const struct ps_pb_field *entry, struct wire_name *ret_name,
                       struct wire_name *ret_value)
{
    const uint8_t *at = entry->bytes, *end = at + entry->size;
    *ret_value = (struct wire_name){0};
    /* As nearly everybody writes it: both fields, in order, the name's length in one byte. */
    if (entry->size > 4 && at[0] == 0x0a && at[1] < 0x80 && (size_t)(end - at) > at[1] + 3u) {
        const uint8_t *value = at + 2 + at[1];
        if (value[0] == 0x12 && value[1] < 0x80 && value + 2 + value[1] == end) {
            *ret_name = (struct wire_name){at + 2, at[1]};
            *ret_value = (struct wire_name){value + 2, value[1]};
            return true;
        }
    }
    struct ps_pb_reader reader = ps_pb_reader_of(entry->bytes, entry->size);
    struct ps_pb_field field;
    *ret_name = (struct wire_name){(const uint8_t *)"", 0};
    while (ps_pb_next(&reader, &field)) {
        if (field.number == 1 && field.wire == PS_PB_BYTES) {
            *ret_name = (struct wire_name){field.bytes, field.size};
        } else if (field.number == 2 && field.wire == PS_PB_BYTES) {
            *ret_value = (struct wire_name){field.bytes, field.size};
        }
    }
    return !reader.failed;
}

/* The column of the entry's name: as a rule the one that stood in this place in the last record.
 * UINT32_MAX: its name is none, and the entry is left out. */
static enum ps_status find_column(struct records *records, struct tester_table *table,
                                  const struct wire_name *name, uint32_t place,
                                  uint32_t *ret_column, struct ps_error *err)
{
    if (place < table->order_count) {
        const struct tester_column *column = &table->columns[table->order[place]];
        if (column->name_size == name->size && memcmp(column->name, name->bytes, name->size) == 0) {
            *ret_column = table->order[place];
            return PS_OK;
        }
    }
    if (!roster_name_valid(name)) {
        roster_breach(records->roster, table, BREACH_NAME_INVALID, NULL, NULL);
        *ret_column = UINT32_MAX;
        return PS_OK;
    }
    bool is_new = false;
    enum ps_status status = roster_column(records->roster, table, name, ret_column, &is_new, err);
    if (status == PS_OK && place < table->cells_capacity) {
        table->order[place] = *ret_column;
        table->order_count = place + 1;
    }
    return status;
}

/* What a column may say against the value. */
static void check_column(struct records *records, struct tester_table *table,
                         const struct tester_column *column, const struct tester_value *value)
{
    if (!column->declared && table->declared && !table->keys_only) {
        roster_breach(records->roster, table, BREACH_COLUMN_UNDECLARED, column->name, column->name);
    }
    if (column->declared_type != PS_TYPE_UNSPECIFIED && value->kind != VALUE_NULL &&
        value_type(value->kind) != column->declared_type) {
        char detail[ROSTER_NAME_MAX + 64];
        enum ps_type type = value_type(value->kind);
        snprintf(detail, sizeof detail, "%s is %s, the value %s", column->name,
                 ps_type_name(column->declared_type),
                 value->kind == VALUE_TIME ? "NAIVE_TIME" : ps_type_name(type));
        roster_breach(records->roster, table, BREACH_TYPE_DIFFERS, column->name, detail);
    }
}

/* Against what was declared: the column itself may have been widened, also by an earlier sync. */
static void check_decimal_range(struct records *records, struct tester_table *table,
                                const struct tester_column *column,
                                const struct tester_value *value)
{
    if (value->kind != VALUE_DECIMAL || column->declared_precision == 0) {
        return;
    }
    struct ps_type_exact declared = {PS_TYPE_DECIMAL, column->declared_precision,
                                     column->declared_scale};
    if (value_fits(value, declared)) {
        return;
    }
    struct ps_type_exact exact = value_tightest(value);
    if (exact.type != PS_TYPE_DECIMAL) {
        return; /* More than 38 digits, which is a breach of its own. */
    }
    char detail[ROSTER_NAME_MAX + 64];
    snprintf(detail, sizeof detail, "%s is DECIMAL(%u,%u), the value DECIMAL(%u,%u)", column->name,
             declared.precision, declared.scale, exact.precision, exact.scale);
    roster_breach(records->roster, table, BREACH_DECIMAL_RANGE, column->name, detail);
}

/* Checks the value and makes its column hold it. False: the row is to be skipped. */
static bool settle_value(struct records *records, struct tester_table *table,
                         struct tester_column *column, struct tester_value *value)
{
    bool skip = false;
    enum breach_kind kind = value_check(value, &skip);
    if (kind != BREACHES) {
        roster_breach(records->roster, table, kind, column->name, column->name);
    }
    check_column(records, table, column, value);
    if (skip || value->kind == VALUE_NULL) {
        return !skip;
    }
    check_decimal_range(records, table, column, value);
    if (column->type.type == PS_TYPE_UNSPECIFIED) {
        roster_widen(table, column, value_exact(value));
    } else if (!value_fits(value, column->type)) {
        roster_widen(table, column, value_tightest(value));
    }
    return true;
}

/* A record's values on their way into the cells. */
struct reading {
    uint32_t place;    /* of the next entry */
    uint32_t declared; /* how many declared columns it has */
    bool skip;         /* it cannot be carried */
    bool row_data;     /* values came in row_data */
};

/* One entry of data or row_data. */
static enum ps_status take_entry(struct records *records, struct tester_table *table,
                                 const struct ps_pb_field *entry, struct reading *reading,
                                 struct ps_error *err)
{
    struct wire_name name, bytes;
    struct tester_value value;
    uint32_t index = 0;
    if (!read_entry(entry, &name, &bytes)) {
        return malformed(err);
    }
    enum ps_status status = find_column(records, table, &name, reading->place++, &index, err);
    if (status != PS_OK || index == UINT32_MAX) {
        return status;
    }
    struct tester_column *column = &table->columns[index];
    bool read = entry->number == FIELD_DATA
                    ? value_read(bytes.bytes, bytes.size, &value)
                    : value_read_row_data(bytes.bytes, bytes.size, column->declared_type, &value);
    if (!read) {
        return entry->number == FIELD_DATA
                   ? malformed(err)
                   : unreadable(table, column, bytes.size == 0 ? 0 : bytes.bytes[0], err);
    }
    if (column->platform) {
        roster_breach(records->roster, table, BREACH_PLATFORM_COLUMN, column->name, column->name);
        return PS_OK;
    }
    if (!settle_value(records, table, column, &value)) {
        reading->skip = true;
    }
    reading->row_data = reading->row_data || entry->number == FIELD_ROW_DATA;
    reading->declared += column->declared && table->seen[index] != records->reading;
    table->cells[index] = value;
    table->seen[index] = records->reading;
    return PS_OK;
}

static enum ps_status read_cells(struct records *records, struct tester_table *table,
                                 const uint8_t *bytes, size_t size, struct reading *reading,
                                 struct ps_error *err)
{
    struct ps_pb_reader reader = ps_pb_reader_of(bytes, size);
    struct ps_pb_field field;
    enum ps_status status = PS_OK;
    records->reading++;
    while (status == PS_OK && ps_pb_next(&reader, &field)) {
        if ((field.number == FIELD_DATA || field.number == FIELD_ROW_DATA) &&
            field.wire == PS_PB_BYTES) {
            status = take_entry(records, table, &field, reading, err);
        }
    }
    return status;
}

static bool is_set(const struct records *records, const struct tester_table *table, uint32_t i)
{
    return table->seen[i] == records->reading;
}

static void check_keys(struct records *records, struct tester_table *table)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct tester_column *column = &table->columns[i];
        if (column->key_position == 0) {
            continue;
        }
        if (!is_set(records, table, i)) {
            roster_breach(records->roster, table, BREACH_KEY_MISSING, column->name, column->name);
        } else if (table->cells[i].kind == VALUE_NULL) {
            roster_breach(records->roster, table, BREACH_KEY_NULL, column->name, column->name);
        }
    }
}

/* Every column must be present in an UPSERT. Names those that are not, but for keys: of one record
 * one more at most than are named of a table, which stands for the others. */
static void check_columns(struct records *records, struct tester_table *table)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < table->columns_count && missing <= BREACH_COLUMNS_MAX; i++) {
        const struct tester_column *column = &table->columns[i];
        if (column->declared && !column->platform && column->key_position == 0 &&
            !is_set(records, table, i)) {
            roster_breach(records->roster, table, BREACH_COLUMN_MISSING, column->name,
                          column->name);
            missing++;
        }
    }
}

/* The columns of an UPDATE (the key and what is set) or of a DELETE (the key). */
static enum ps_status choose_columns(struct records *records, const struct tester_table *table,
                                     struct slots_want *want, struct ps_error *err)
{
    if (records->wanted_capacity < table->columns_count) {
        uint32_t *wanted = ps_malloc_array(table->columns_capacity, sizeof *wanted);
        if (wanted == NULL) {
            return ps_fail_nomem(err, "taking rows");
        }
        ps_free(records->wanted);
        records->wanted = wanted;
        records->wanted_capacity = table->columns_capacity;
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct tester_column *column = &table->columns[i];
        bool set =
            is_set(records, table, i) && (want->operation == PS_UPDATE || table->keys_count == 0);
        if (column->in_shape != UINT32_MAX && (column->key_position != 0 || set)) {
            records->wanted[want->columns_count++] = column->in_shape;
        }
    }
    want->columns = records->wanted;
    return PS_OK;
}

static enum ps_status put_row(struct records *records, struct tester_table *table,
                              struct ps_batch *batch, const struct slots_want *want,
                              struct ps_error *err)
{
    static const struct tester_value null = {.kind = VALUE_NULL};
    uint32_t at = 0;
    for (uint32_t i = 0; i < table->columns_count && at < batch->columns_count; i++) {
        const struct tester_column *column = &table->columns[i];
        if (column->in_shape == UINT32_MAX ||
            (want->columns != NULL && want->columns[at] != column->in_shape)) {
            continue;
        }
        const struct tester_value *value = is_set(records, table, i) ? &table->cells[i] : &null;
        if (!value_put(batch, at++, value)) {
            return ps_fail_nomem(err, "taking a row");
        }
    }
    ps_batch_row_end(batch);
    return PS_OK;
}

static enum ps_status take_row(struct records *records, struct tester_table *table,
                               enum ps_operation operation, struct ps_error *err)
{
    struct slots_want want = {.operation = operation};
    struct ps_batch *batch = NULL;
    enum ps_status status = PS_OK;
    if (table->changed || !table->told) {
        status = slots_tell(records->slots, table, false, err);
    }
    if (status != PS_OK || table->shape->columns_count == 0) {
        return status; /* A row of nothing but NULLs before any column is known holds nothing. */
    }
    if (operation != PS_UPSERT) {
        status = choose_columns(records, table, &want, err);
        if (status != PS_OK || want.columns_count == 0) {
            return status;
        }
    }
    status = slots_batch(records->slots, table, &want, &batch, err);
    table->written = true;
    return status == PS_OK ? put_row(records, table, batch, &want, err) : status;
}

static enum ps_status take_again(struct records *records, const struct backlog_record *record,
                                 struct ps_error *err)
{
    struct tester_table *table = record->table;
    struct reading reading = {0};
    if (table->waits) {
        table->waits = false;
        table->changed = true; /* or nothing of it would have had to wait */
    }
    enum ps_status status = read_cells(records, table, record->bytes, record->size, &reading, err);
    return status == PS_OK ? take_row(records, table, record->operation, err) : status;
}

enum ps_status records_release(struct records *records, struct ps_error *err)
{
    struct backlog_record record;
    enum ps_status status = PS_OK;
    size_t place = 0;
    records->roster->muted = true;
    while (status == PS_OK && backlog_next(&records->backlog, &place, &record)) {
        status = take_again(records, &record, err);
    }
    records->roster->muted = false;
    backlog_clear(&records->backlog);
    records->row_data_waits = false;
    return status;
}

void records_committed(struct records *records)
{
    for (struct tester_table *table = records->roster->first; table != NULL; table = table->next) {
        table->written = false;
        table->patience = 0;
    }
}

/* The destination is changed when no column has been new for a while, and each time for a longer
 * one: a table that never stops growing is changed once a backlog. */
static enum ps_status keep_waiting(struct records *records, const struct backlog_record *record,
                                   struct ps_error *err)
{
    struct tester_table *table = record->table;
    table->calm = table->changed || !table->waits ? 0 : table->calm + 1;
    table->changed = false;
    table->waits = true;
    enum ps_status status = backlog_add(&records->backlog, record, err);
    bool calm = table->calm >= PATIENCE_LEAST && table->calm >= table->patience;
    if (status == PS_OK && (calm || backlog_full(&records->backlog))) {
        table->patience = calm ? 2 * table->calm : table->patience;
        status = records_release(records, err);
    }
    return status;
}

static bool must_wait(const struct tester_table *table)
{
    return table->waits || (table->written && table->changed);
}

static void count(struct tester_table *table, enum ps_operation operation, size_t size)
{
    struct tester_counts *counts = &table->counts;
    counts->upserts += operation == PS_UPSERT;
    counts->updates += operation == PS_UPDATE;
    counts->deletes += operation == PS_DELETE;
    counts->bytes += size;
}

static enum ps_status take_truncate(struct records *records, struct tester_table *table,
                                    struct ps_error *err)
{
    enum ps_status status = table->waits ? records_release(records, err) : PS_OK;
    if (status == PS_OK && (table->changed || !table->told)) {
        status = slots_tell(records->slots, table, false, err);
    }
    if (status == PS_OK) {
        status = slots_flush(records->slots, table, err);
    }
    if (status == PS_OK) {
        status = records->slots->ops->truncate(records->slots->sink, table->shape, err);
    }
    table->counts.truncates += status == PS_OK;
    return status;
}

enum ps_status record_truncate(struct records *records, const struct record_address *address,
                               bool deferred, struct ps_error *err)
{
    struct slots *slots = records->slots;
    struct tester_table *table = NULL;
    enum ps_status status = record_table(records->roster, address, &table, err);
    if (status != PS_OK || table == NULL) {
        return status;
    }
    if (!deferred || slots->ops->mark == NULL) {
        return take_truncate(records, table, err);
    }
    status = table->waits ? records_release(records, err) : PS_OK;
    if (status == PS_OK) {
        status = slots_flush(slots, table, err);
    }
    if (status == PS_OK) {
        table->truncate_mark = slots->ops->mark(slots->sink);
        table->truncate_deferred = true;
        table->counts.truncates++;
    }
    return status;
}

enum ps_status records_end(struct records *records, struct ps_error *err)
{
    struct slots *slots = records->slots;
    enum ps_status status = PS_OK;
    for (struct tester_table *table = records->roster->first; status == PS_OK && table != NULL;
         table = table->next) {
        if (!table->truncate_deferred) {
            continue;
        }
        status = slots_tell(slots, table, true, err);
        if (status == PS_OK) {
            status =
                slots->ops->truncate_before(slots->sink, table->shape, table->truncate_mark, err);
        }
        table->truncate_deferred = false;
    }
    return status;
}

enum ps_status record_take(struct records *records, const uint8_t *bytes, size_t size,
                           struct ps_error *err)
{
    struct tester_table *table = NULL;
    struct reading reading = {0};
    struct head head;
    records->number++;
    if (!read_head(bytes, size, &head)) {
        return malformed(err);
    }
    enum ps_status status = record_table(records->roster, &head.address, &table, err);
    if (status != PS_OK || table == NULL) {
        records->homeless += status == PS_OK;
        return status;
    }
    if (head.type == PS_TRUNCATE) {
        return take_truncate(records, table, err);
    }
    if (head.type > PS_TRUNCATE) {
        roster_breach(records->roster, table, BREACH_RECORD_TYPE, NULL, NULL);
        table->counts.skipped++;
        return PS_OK;
    }
    enum ps_operation operation = (enum ps_operation)head.type;
    if (!table->looked_up) {
        status = slots_look_up(records->slots, table, err);
    }
    if (status != PS_OK) {
        return status;
    }
    status = read_cells(records, table, bytes, size, &reading, err);
    if (status != PS_OK) {
        return status;
    }
    table->wanted = true;
    if (table->keys_count != 0) {
        check_keys(records, table);
    } else if (operation != PS_UPSERT) {
        roster_breach(records->roster, table, BREACH_NO_KEY, NULL, NULL);
    }
    if (operation == PS_UPSERT && reading.declared < table->expected) {
        check_columns(records, table);
    }
    if (reading.skip) {
        table->counts.skipped++;
        return PS_OK;
    }
    count(table, operation, size);
    if (must_wait(table)) {
        records->row_data_waits = records->row_data_waits || reading.row_data;
        return keep_waiting(records, &(struct backlog_record){table, operation, bytes, size}, err);
    }
    return take_row(records, table, operation, err);
}
