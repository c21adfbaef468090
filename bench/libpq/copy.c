/*
 * The least that a client can do with a table of bench/run: libpq, COPY in binary form, every field
 * of every row decoded into a value of C in a row of its own (whether it is there, the value, a
 * copy of its text), which the next row overwrites. What penstock's CPU time is compared with.
 * Usage: bench_libpq TABLE (the connection comes from libpq's environment)
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE 19
#define COLUMNS_MAX 64

/* Oids of pg_type. */
enum {
    BOOL = 16,
    INT8 = 20,
    INT2 = 21,
    INT4 = 23,
    FLOAT8 = 701,
    DATE = 1082,
    TIMESTAMP = 1114,
    TIMESTAMPTZ = 1184,
    NUMERIC = 1700,
};

/* One field of a row. */
struct value {
    bool valid;
    union {
        int64_t integer;
        double number;
        struct {
            uint32_t at, size; /* among the row's texts */
        } text;
    };
};

struct row {
    struct value values[COLUMNS_MAX];
    char texts[1 << 20];
    uint32_t texts_size;
};

/* So that what was decoded can be seen to be right. */
struct totals {
    uint64_t rows, nulls, bytes;
    int64_t last; /* the first column of the last row */
};

static uint16_t read_16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return __builtin_bswap16(value);
}

static uint32_t read_32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return __builtin_bswap32(value);
}

static uint64_t read_64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return __builtin_bswap64(value);
}

/* Digits in base 10,000 at the scale of the column, as far as 64 bits go. */
static int64_t read_numeric(const uint8_t *at)
{
    int64_t value = 0;
    int digits = read_16(at), weight = (int16_t)read_16(at + 2), scale = read_16(at + 6);
    for (int i = 0; i <= weight || i < digits; i++) {
        value = value * 10000 + (i < digits ? read_16(at + 8 + 2 * (size_t)i) : 0);
    }
    for (int below = 4 * (digits > weight + 1 ? digits - weight - 1 : 0); below > scale; below--) {
        value /= 10;
    }
    return read_16(at + 4) != 0 ? -value : value;
}

static void decode_text(const uint8_t *at, uint32_t size, struct row *row, struct value *value)
{
    uint32_t room = (uint32_t)sizeof(row->texts) - row->texts_size;
    value->text.at = row->texts_size;
    value->text.size = size < room ? size : room;
    memcpy(row->texts + row->texts_size, at, value->text.size);
    row->texts_size += value->text.size;
}

static void decode(Oid type, const uint8_t *at, uint32_t size, struct row *row, struct value *value)
{
    uint64_t bits;
    value->valid = true;
    switch (type) {
    case BOOL:
        value->integer = *at != 0;
        break;
    case INT2:
        value->integer = (int16_t)read_16(at);
        break;
    case INT4:
    case DATE:
        value->integer = (int32_t)read_32(at);
        break;
    case INT8:
    case TIMESTAMP:
    case TIMESTAMPTZ:
        value->integer = (int64_t)read_64(at);
        break;
    case FLOAT8:
        bits = read_64(at);
        memcpy(&value->number, &bits, sizeof(value->number));
        break;
    case NUMERIC:
        value->integer = read_numeric(at);
        break;
    default:
        decode_text(at, size, row, value);
    }
}

static void take_row(const Oid *types, const uint8_t *at, struct row *row, struct totals *totals)
{
    uint16_t columns = read_16(at);
    if (columns == UINT16_MAX) {
        return; /* the trailer */
    }
    at += 2;
    row->texts_size = 0;
    for (uint16_t i = 0; i < columns; i++) {
        uint32_t size = read_32(at);
        at += 4;
        if (size == UINT32_MAX) {
            row->values[i].valid = false;
            totals->nulls++;
            continue;
        }
        decode(types[i], at, size, row, &row->values[i]);
        at += size;
    }
    totals->rows++;
    totals->bytes += row->texts_size;
    totals->last = row->values[0].integer;
}

static int fail(PGconn *conn)
{
    fputs(PQerrorMessage(conn), stderr);
    return 1;
}

int main(int arguments_count, char **arguments)
{
    char sql[256];
    Oid types[COLUMNS_MAX] = {0};
    static struct row row;
    struct totals totals = {0};
    if (arguments_count != 2) {
        fputs("usage: bench_libpq TABLE\n", stderr);
        return 2;
    }
    PGconn *conn = PQconnectdb("");
    (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s WHERE false", arguments[1]);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) > COLUMNS_MAX) {
        return fail(conn);
    }
    for (int i = 0; i < PQnfields(result); i++) {
        types[i] = PQftype(result, i);
    }
    PQclear(result);
    (void)snprintf(sql, sizeof(sql), "COPY (SELECT * FROM %s) TO STDOUT (FORMAT BINARY)",
                   arguments[1]);
    result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_COPY_OUT) {
        return fail(conn);
    }
    PQclear(result);
    char *message = NULL;
    size_t head = HEAD_SIZE;
    for (int size; (size = PQgetCopyData(conn, &message, 0)) > 0; PQfreemem(message)) {
        /* The stream's head comes with the first row. */
        take_row(types, (const uint8_t *)message + head, &row, &totals);
        head = 0;
    }
    result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return fail(conn);
    }
    PQclear(result);
    PQfinish(conn);
    printf("{\"rows\": %llu, \"nulls\": %llu, \"bytes\": %llu, \"last\": %lld}\n",
           (unsigned long long)totals.rows, (unsigned long long)totals.nulls,
           (unsigned long long)totals.bytes, (long long)totals.last);
    return 0;
}
