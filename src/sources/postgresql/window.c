/* Windows as conditions, orders and positions: see window.h. */
#include "sources/postgresql/window.h"

#include <string.h>

#include "sources/postgresql/query.h"

static const struct ps_column *column_of(const struct ps_read_request *request, uint32_t column)
{
    return &request->table->columns[request->columns[column]];
}

/* False: a column that the order needs is not read. */
static bool find_columns(struct window *window, const struct ps_read_request *request)
{
    bool found = false;
    uint32_t keys = 0;
    for (uint32_t i = 0; i < request->columns_count; i++) {
        uint16_t key = column_of(request, i)->key_position;
        if (request->columns[i] == window->asked->column) {
            window->cursor = i;
            window->cursor_column = column_of(request, i);
            found = true;
        }
        if (key > 0 && key <= WINDOW_KEYS_MAX) {
            window->keys[key - 1] = i;
            window->key_columns[key - 1] = column_of(request, i);
            window->ties = window->ties || column_of(request, i)->loose;
            keys++;
        }
    }
    window->keys_count = keys;
    return found && keys > 0 && keys == request->table->keys_count;
}

static bool parse_position(struct window *window, const struct ps_read_request *request)
{
    const char *at = request->position;
    struct partition_text cursor;
    const struct ps_column *column = window->cursor_column;
    if (!partition_parse_text(&at, &cursor) || cursor.text == NULL ||
        !ps_scalar_parse(cursor.text, cursor.size, column->type, column->scale, &window->after)) {
        return false;
    }
    for (uint32_t i = 0; i < window->keys_count; i++) {
        if (!partition_parse_text(&at, &window->values[i]) || window->values[i].text == NULL) {
            return false;
        }
    }
    window->positioned = true;
    return *at == '\0';
}

bool window_init(struct window *window, const struct ps_read_request *request)
{
    *window = (struct window){.asked = request->window};
    ps_buffer_init(&window->position, WINDOW_POSITION_MAX);
    if (request->window == NULL) {
        return true;
    }
    bool orderly = request->window->lower.present && find_columns(window, request);
    if (!orderly) {
        window->keys_count = 0;
    }
    return request->position == NULL || (orderly && parse_position(window, request));
}

void window_done(struct window *window)
{
    ps_buffer_done(&window->position);
}

bool window_may_order(const struct window *window)
{
    return window->asked != NULL && window->keys_count > 0 && !window->ties &&
           window->cursor_column->indexed;
}

/* A value in the batch is the server's own, and its text as a literal is that value again. */
static bool reads_back(uint32_t type)
{
    switch (type) {
    case OID_BOOL:
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_TEXT:
    case OID_VARCHAR:
    case OID_BPCHAR:
    case OID_UUID:
    case OID_NUMERIC:
    case OID_DATE:
    case OID_TIMESTAMP:
    case OID_TIMESTAMPTZ:
    case OID_XID8:
        return true;
    default:
        return false;
    }
}

void window_choose(struct window *window, const uint32_t *types)
{
    window->ordered = window_may_order(window) && reads_back(types[window->cursor]);
    for (uint32_t i = 0; i < window->keys_count; i++) {
        window->ordered = window->ordered && reads_back(types[window->keys[i]]);
    }
}

void window_lose_order(struct window *window)
{
    window->ordered = window->nulls = false;
}

bool window_has_nulls(const struct window *window)
{
    return window->ordered && !window->nulls && window->cursor_column->nullable;
}

/* A cursor's value as a literal of the type that the server compares best with the column's. */
static void write_scalar(struct ps_buffer *sql, const struct ps_scalar *value, bool counter)
{
    char text[PS_VALUE_TEXT_SIZE];
    const char *cast = "bigint";
    switch (value->type) {
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME: {
        bool utc = value->type == PS_TYPE_UTC_DATETIME;
        struct ps_timestamp time = value->time;
        /* The server would round to microseconds, and a lower edge must never rise. */
        time.nanos -= time.nanos % 1000;
        (void)ps_timestamp_format(time, utc, text); /* with a Z where it is UTC */
        cast = utc ? "timestamptz" : "timestamp";
        break;
    }
    case PS_TYPE_NAIVE_DATE:
        (void)ps_scalar_format(value, text);
        cast = "date";
        break;
    case PS_TYPE_DECIMAL:
        (void)ps_scalar_format(value, text);
        cast = counter ? "xid8" : "numeric";
        break;
    default:
        (void)ps_scalar_format(value, text);
        break;
    }
    query_literal(sql, text);
    ps_buffer_puts(sql, "::");
    ps_buffer_puts(sql, cast);
}

static void write_comparison(struct ps_buffer *sql, const struct ps_read_request *request,
                             const char *comparison, const struct ps_scalar *value)
{
    const struct ps_column *column = &request->table->columns[request->window->column];
    query_identifier(sql, column->name);
    /* For an int8 this is nothing; an oid would be compared as one, which cannot be negative. */
    ps_buffer_puts(sql, value->type == PS_TYPE_LONG ? "::bigint" : "");
    ps_buffer_puts(sql, comparison);
    write_scalar(sql, value, column->counter);
}

/*
 * Rows with the position's cursor and a greater key, and those with a greater cursor. Of keys that
 * compare as equal one may have been read and the other not: then all with that cursor.
 */
static void write_after(struct ps_buffer *sql, const struct ps_read_request *request,
                        const struct window *window)
{
    ps_buffer_puts(sql, " AND ");
    write_comparison(sql, request, " >= ", &window->after); /* for the index */
    if (window->ties) {
        return;
    }
    ps_buffer_puts(sql, " AND (");
    write_comparison(sql, request, " > ", &window->after);
    ps_buffer_puts(sql, " OR (");
    for (uint32_t i = 0; i < window->keys_count; i++) {
        ps_buffer_puts(sql, i == 0 ? "" : ", ");
        query_identifier(sql, window->key_columns[i]->name);
    }
    ps_buffer_puts(sql, ") > (");
    for (uint32_t i = 0; i < window->keys_count; i++) {
        ps_buffer_puts(sql, i == 0 ? "" : ", ");
        query_literal_sized(sql, window->values[i].text, window->values[i].size);
    }
    ps_buffer_puts(sql, "))");
}

void window_write_condition(struct ps_buffer *sql, const struct ps_read_request *request,
                            const struct window *window)
{
    const struct ps_column *column = &request->table->columns[request->window->column];
    if (!window->nulls) {
        write_comparison(sql, request, " >= ", &request->window->lower);
    }
    if (!window->nulls && window->positioned) {
        write_after(sql, request, window);
    }
    if (window->nulls || (!window->ordered && column->nullable)) {
        ps_buffer_puts(sql, window->nulls ? "" : " OR ");
        query_identifier(sql, column->name);
        ps_buffer_puts(sql, " IS NULL");
    }
}

/* With the table's name, since a column alone would be one of the SELECT list. */
void window_write_order(struct ps_buffer *sql, const struct ps_read_request *request,
                        const struct window *window)
{
    if (!window->ordered || window->nulls) {
        return;
    }
    ps_buffer_puts(sql, " ORDER BY ");
    query_qualified(sql, request->table->name, window->cursor_column->name);
    for (uint32_t i = 0; i < window->keys_count; i++) {
        if (window->keys[i] != window->cursor) {
            ps_buffer_puts(sql, ", ");
            query_qualified(sql, request->table->name, window->key_columns[i]->name);
        }
    }
}

/* "+2:17". */
static void put_value(struct ps_buffer *out, const struct ps_vector *vector, uint32_t row)
{
    char text[PS_VALUE_TEXT_SIZE];
    const char *value = text;
    size_t size;
    if (vector->offsets != NULL) {
        value = (const char *)vector->bytes + vector->offsets[row];
        size = vector->offsets[row + 1] - vector->offsets[row];
    } else if (vector->type == PS_TYPE_BOOLEAN) {
        text[0] = ((const uint8_t *)vector->values)[row] != 0 ? 't' : 'f';
        size = 1;
    } else {
        struct ps_scalar scalar = ps_vector_scalar(vector, row);
        size = ps_scalar_format(&scalar, text);
    }
    ps_buffer_printf(out, "+%zu:", size);
    ps_buffer_append(out, value, size);
}

void window_note(struct window *window, const struct ps_batch *batch)
{
    uint32_t row = batch->rows - 1;
    ps_buffer_clear(&window->position);
    if (!window->ordered || batch->rows == 0 ||
        !ps_vector_is_valid(&batch->vectors[window->cursor], row)) {
        return;
    }
    put_value(&window->position, &batch->vectors[window->cursor], row);
    for (uint32_t i = 0; i < window->keys_count; i++) {
        put_value(&window->position, &batch->vectors[window->keys[i]], row);
    }
}

const char *window_position(const struct window *window)
{
    bool there = ps_buffer_ok(&window->position) && window->position.size > 0;
    return there ? window->position.data : NULL;
}
