/*
 * How fast the stream sink encodes: records and bytes a second of one thread, for a narrow table
 * and for one of 12 mixed columns. Not for: sending (bench/run). Usage: bench_encode [SECONDS]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "penstock/batch.h"
#include "sinks/stream/encode.h"

#define ROWS 5000

#define COLUMN(text, kind, ...)                                                                    \
    {                                                                                              \
        .name = (text), .source_type = "", .type = PS_TYPE_##kind, __VA_ARGS__                     \
    }

static const struct ps_column narrow_columns[] = {
    COLUMN("id", LONG, .key_position = 1),
    COLUMN("amount", INT, .key_position = 0),
    COLUMN("name", STRING, .key_position = 0),
};
static const struct ps_column mixed_columns[] = {
    COLUMN("id", LONG, .key_position = 1),
    COLUMN("patient_id", INT, .key_position = 0),
    COLUMN("name", STRING, .nullable = true),
    COLUMN("weight", DOUBLE, .nullable = true),
    COLUMN("updated_at", UTC_DATETIME, .nullable = true),
    COLUMN("amount", DECIMAL, .precision = 12, .scale = 2),
    COLUMN("active", BOOLEAN, .nullable = true),
    COLUMN("comment", STRING, .nullable = true),
    COLUMN("visit_day", NAIVE_DATE, .nullable = true),
    COLUMN("ward", SHORT, .nullable = true),
    COLUMN("created_at", NAIVE_DATETIME, .nullable = true),
    COLUMN("city", STRING, .nullable = true),
};

#define TABLE(text, list)                                                                          \
    {                                                                                              \
        .schema = "public", .name = (text), .columns = (list),                                     \
        .columns_count = sizeof(list) / sizeof((list)[0]), .keys_count = 1                         \
    }
static const struct ps_table narrow = TABLE("narrow", narrow_columns);
static const struct ps_table mixed = TABLE("visits", mixed_columns);

static void put_text(struct ps_batch *batch, uint32_t column, uint32_t row, size_t size)
{
    char text[64];
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)('a' + (row + i) % 26);
    }
    if (!ps_batch_put_bytes(batch, column, text, size)) {
        abort();
    }
}

static void put_value(struct ps_batch *batch, uint32_t column, uint32_t row)
{
    const struct ps_column *described = &batch->table->columns[column];
    struct ps_timestamp time = {INT64_C(1700000000) + row * 61, (int32_t)(row % 1000) * 1000000};
    if (described->nullable && (row + column) % 10 == 0) {
        ps_batch_put_null(batch, column);
        return;
    }
    switch (described->type) {
    case PS_TYPE_LONG:
        ps_batch_put_long(batch, column, INT64_C(1000000) + row);
        break;
    case PS_TYPE_INT:
        ps_batch_put_int(batch, column, (int32_t)(row * 7));
        break;
    case PS_TYPE_SHORT:
        ps_batch_put_short(batch, column, (int16_t)(row % 100));
        break;
    case PS_TYPE_DOUBLE:
        ps_batch_put_double(batch, column, row * 0.25);
        break;
    case PS_TYPE_BOOLEAN:
        ps_batch_put_bool(batch, column, row % 2);
        break;
    case PS_TYPE_DECIMAL:
        ps_batch_put_decimal(batch, column, (ps_int128)row * 12345);
        break;
    case PS_TYPE_NAIVE_DATE:
        ps_batch_put_date(batch, column, (int32_t)(19000 + row % 365));
        break;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        ps_batch_put_timestamp(batch, column, time);
        break;
    default:
        put_text(batch, column, row, 8 + row % 24);
        break;
    }
}

static struct ps_batch *make_batch(const struct ps_table *table)
{
    static const uint32_t columns[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    struct ps_batch_shape shape = {.table = table,
                                   .columns = columns,
                                   .columns_count = table->columns_count,
                                   .rows_max = ROWS,
                                   .bytes_max = SIZE_MAX};
    struct ps_batch *batch;
    struct ps_error err = {.status = PS_OK};
    if (ps_batch_new(&shape, &batch, &err) != PS_OK) {
        abort();
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t column = 0; column < table->columns_count; column++) {
            put_value(batch, column, row);
        }
        ps_batch_row_end(batch);
    }
    return batch;
}

static double cpu_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void measure(const struct ps_table *table, double seconds)
{
    static const struct stream_limits limits = {100, (size_t)1 << 20, (size_t)1 << 27};
    struct ps_batch *batch = make_batch(table);
    uint64_t records = 0, bytes = 0;
    double began = cpu_now(), took;
    do {
        for (int i = 0; i < 20; i++) {
            struct stream_messages messages;
            struct ps_error err = {.status = PS_OK};
            if (stream_encode(batch, false, &limits, &messages, &err) != PS_OK) {
                abort();
            }
            records += batch->rows;
            bytes += messages.bytes;
            stream_messages_done(&messages, 0);
        }
        took = cpu_now() - began;
    } while (took < seconds);
    printf("%-8s %2u columns  %4" PRIu64 " B a record  %6.2f M records/s  %5.0f ns a record  "
           "%5.0f MB/s\n",
           table->name, table->columns_count, bytes / records, (double)records / took / 1e6,
           took * 1e9 / (double)records, (double)bytes / took / 1e6);
    ps_batch_free(batch);
}

int main(int argc, char **argv)
{
    double seconds = argc > 1 ? atof(argv[1]) : 2;
    measure(&narrow, seconds);
    measure(&mixed, seconds);
    return 0;
}
