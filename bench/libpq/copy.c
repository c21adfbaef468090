/*
 * The least that a client can do with a table of bench/run: libpq, COPY in binary form, every field
 * of every row decoded into a C value and added to a sum, nothing kept. What penstock's CPU time is
 * compared with.
 * Usage: bench_libpq TABLE (the connection comes from libpq's environment)
 */
#include <libpq-fe.h>
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

struct totals {
    uint64_t rows, nulls, bytes;
    int64_t integers;
    double floats;
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

/* Texts are copied, as whoever wants to keep one would. */
static void decode(Oid type, const uint8_t *at, uint32_t size, struct totals *totals)
{
    static char kept[1 << 20];
    uint64_t bits;
    double number;
    switch (type) {
    case BOOL:
        totals->integers += *at;
        break;
    case INT2:
        totals->integers += (int16_t)read_16(at);
        break;
    case INT4:
    case DATE:
        totals->integers += (int32_t)read_32(at);
        break;
    case INT8:
    case TIMESTAMP:
    case TIMESTAMPTZ:
        totals->integers += (int64_t)read_64(at);
        break;
    case FLOAT8:
        bits = read_64(at);
        memcpy(&number, &bits, sizeof(number));
        totals->floats += number;
        break;
    case NUMERIC:
        totals->integers += read_numeric(at);
        break;
    default:
        size = size < sizeof(kept) ? size : (uint32_t)sizeof(kept);
        memcpy(kept, at, size);
        totals->bytes += size + (uint8_t)kept[0];
    }
}

static void take_row(const Oid *types, const uint8_t *at, struct totals *totals)
{
    uint16_t columns = read_16(at);
    if (columns == UINT16_MAX) {
        return; /* the trailer */
    }
    at += 2;
    for (uint16_t i = 0; i < columns; i++) {
        uint32_t size = read_32(at);
        at += 4;
        if (size == UINT32_MAX) {
            totals->nulls++;
            continue;
        }
        decode(types[i], at, size, totals);
        at += size;
    }
    totals->rows++;
}

static int fail(PGconn *conn)
{
    fputs(PQerrorMessage(conn), stderr);
    return 1;
}

int main(int arguments_count, char **arguments)
{
    char sql[256];
    Oid types[COLUMNS_MAX];
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
        take_row(types, (const uint8_t *)message + head, &totals);
        head = 0;
    }
    result = PQgetResult(conn);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        return fail(conn);
    }
    PQclear(result);
    PQfinish(conn);
    printf("{\"rows\": %llu, \"nulls\": %llu, \"bytes\": %llu, \"sum\": %lld, \"floats\": %g}\n",
           (unsigned long long)totals.rows, (unsigned long long)totals.nulls,
           (unsigned long long)totals.bytes, (long long)totals.integers, totals.floats);
    return 0;
}
