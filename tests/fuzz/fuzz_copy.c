/*
 * Fuzzes the reader of PostgreSQL's binary COPY: columns of any types, and any bytes in pieces of
 * any size. No decoder reads past its field (each piece lies in memory of just its size, and so
 * does a row alone), and what is put into the batch is what its type may hold. The input: a byte
 * with the number of columns, for each a byte with its type, a byte with the size of a piece, the
 * rows. Build with -fsanitize=fuzzer, or with replay.c to run single files.
 */
#include <stdlib.h>
#include <string.h>

#include "sources/postgresql/stream.h"

#define COLUMNS_MAX 8
#define ROWS_MAX 5
#define VALUE_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char head[19] = "PGCOPY\n\xff\r\n";

/* Oid and modifier of every type that has a decoder. */
static const struct {
    uint32_t type;
    int32_t modifier;
} types[] = {
    {16, -1},   {17, -1},   {19, -1},        {20, -1},   {21, -1},   {23, -1},   {25, -1},
    {26, -1},   {114, -1},  {199, -1},       {650, -1},  {700, -1},  {701, -1},  {774, -1},
    {829, -1},  {869, -1},  {1000, -1},      {1005, -1}, {1007, -1}, {1009, -1}, {1014, -1},
    {1015, -1}, {1016, -1}, {1042, 8},       {1082, -1}, {1083, -1}, {1114, -1}, {1184, -1},
    {1186, -1}, {1231, -1}, {1266, -1},      {1560, -1}, {1562, -1}, {1700, -1}, {1700, 655366},
    {2950, -1}, {2951, -1}, {1700, 2490410}, {3802, -1}, {3807, -1},
};
#define TYPES (sizeof types / sizeof types[0])

struct fuzz {
    struct type_field fields[COLUMNS_MAX];
    struct ps_column columns[COLUMNS_MAX];
    uint32_t indexes[COLUMNS_MAX];
    struct ps_table table;
    uint32_t count;
    struct ps_batch *batch;
};

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void set_up(struct fuzz *fuzz, const uint8_t *chosen)
{
    struct ps_error err = {0};
    for (uint32_t i = 0; i < fuzz->count; i++) {
        size_t type = chosen[i] % TYPES;
        /* The upper half of the choices: a database without an encoding. */
        fuzz->fields[i] = type_resolve(types[type].type, types[type].modifier, TYPE_SHAPE_SCALAR,
                                       chosen[i] >= 128);
        fuzz->columns[i] = (struct ps_column){.name = "c",
                                              .source_type = "",
                                              .type = fuzz->fields[i].type,
                                              .precision = fuzz->fields[i].precision,
                                              .scale = fuzz->fields[i].scale};
        fuzz->indexes[i] = i;
    }
    fuzz->table = (struct ps_table){
        .schema = "s", .name = "t", .columns = fuzz->columns, .columns_count = fuzz->count};
    struct ps_batch_shape shape = {.table = &fuzz->table,
                                   .columns = fuzz->indexes,
                                   .columns_count = fuzz->count,
                                   .rows_max = ROWS_MAX,
                                   .bytes_max = 1 << 16};
    require(ps_batch_new(&shape, &fuzz->batch, &err) == PS_OK);
}

static void check_value(const struct ps_vector *vector, uint32_t row)
{
    static const ps_int128 ten_18 = 1000000000000000000;
    const struct ps_timestamp *times = vector->values;
    switch (vector->type) {
    case PS_TYPE_DECIMAL:
        require(((const ps_int128 *)vector->values)[row] / ten_18 / ten_18 < 100);
        require(((const ps_int128 *)vector->values)[row] / ten_18 / ten_18 > -100);
        break;
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        require(times[row].nanos >= 0 && times[row].nanos < 1000000000);
        require(times[row].seconds >= PS_TIMESTAMP_SECONDS_MIN);
        require(times[row].seconds <= PS_TIMESTAMP_SECONDS_MAX);
        break;
    case PS_TYPE_NAIVE_DATE:
        require(((const int32_t *)vector->values)[row] >= PS_DATE_DAYS_MIN);
        require(((const int32_t *)vector->values)[row] <= PS_DATE_DAYS_MAX);
        break;
    default:
        break;
    }
}

/* Every value lies inside its column and is one that its type may hold. */
static void check(const struct fuzz *fuzz)
{
    const struct ps_batch *batch = fuzz->batch;
    require(batch->rows <= ROWS_MAX);
    for (uint32_t i = 0; i < fuzz->count; i++) {
        const struct ps_vector *vector = &batch->vectors[i];
        for (uint32_t row = 0; row < batch->rows; row++) {
            if (vector->offsets != NULL) {
                require(vector->offsets[row] <= vector->offsets[row + 1]);
                require(vector->offsets[row + 1] <= vector->bytes_size);
            }
            if (ps_vector_is_valid(vector, row)) {
                check_value(vector, row);
            }
        }
        require(vector->offsets == NULL || vector->bytes_size <= vector->bytes_capacity);
    }
}

/* Decodes what is there; false: the bytes are refused. */
static bool decode(struct fuzz *fuzz, struct stream *stream)
{
    enum stream_result result;
    do {
        result = stream_decode(stream, fuzz->batch);
        check(fuzz);
        if (result == STREAM_FULL) {
            ps_batch_reset(fuzz->batch);
        }
    } while (result == STREAM_FULL);
    require(result == STREAM_MORE || (result == STREAM_BROKEN && stream->broken != NULL));
    return result == STREAM_MORE;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct fuzz fuzz = {.count = size > 0 ? bytes[0] % COLUMNS_MAX + 1u : 0};
    if (size < 2 + (size_t)fuzz.count) {
        return 0;
    }
    set_up(&fuzz, bytes + 1);
    size_t piece = bytes[1 + fuzz.count];
    bytes += 2 + fuzz.count;
    size -= 2 + fuzz.count;
    /* Pieces of up to 254 bytes, or all at once. */
    piece = piece == 0 || piece == 255 ? size : piece;
    struct stream stream;
    stream_init(&stream, fuzz.fields, fuzz.count, VALUE_MAX);
    uint8_t *before = NULL;
    bool good = stream_feed(&stream, head, sizeof head) && decode(&fuzz, &stream);
    for (size_t at = 0; good && at < size; at += piece) {
        size_t length = piece < size - at ? piece : size - at;
        uint8_t *own = malloc(length);
        require(own != NULL);
        memcpy(own, bytes + at, length);
        good = stream_feed(&stream, own, length);
        free(before);
        before = own;
        good = good && decode(&fuzz, &stream);
    }
    free(before);
    stream_done(&stream);
    ps_batch_free(fuzz.batch);
    return 0;
}
