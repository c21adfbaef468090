/*
 * A batch: rows of one table held in columns, in the layout of Apache Arrow (validity bitmap with
 * the least significant bit first, fixed-width values, 32-bit offsets and bytes), so that a sink
 * copies whole columns.
 *
 * A batch has one operation, one table generation and one set of columns. It is bounded in rows
 * (fixed when it is made) and in bytes (a target: the row that reaches it is the last). One thread
 * owns a batch at a time; it is handed over whole.
 *
 * A reader fills it row by row:
 *
 *     while (!ps_batch_full(batch) && have_row) {
 *         ps_batch_put_long(batch, 0, id);
 *         if (!ps_batch_put_bytes(batch, 1, text, size)) …  (out of memory)
 *         ps_batch_put_null(batch, 2);
 *         ps_batch_row_end(batch);
 *     }
 *
 * Each column is put exactly once in a row, in any order. In place of a value that cannot be
 * carried goes ps_batch_value_bad; the row's other values follow all the same, and its
 * ps_batch_row_end then knows what becomes of it: a reader decides nothing.
 */
#ifndef PENSTOCK_BATCH_H
#define PENSTOCK_BATCH_H

#include <assert.h>
#include <string.h>

#include "penstock/schema.h"
#include "penstock/value.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The contract's record types; the numbers are the wire's, but for the last. */
enum ps_operation {
    PS_UPSERT = 0,   /* every column of the table is in the batch; replaces the row of that key */
    PS_UPDATE = 1,   /* the key and the columns that changed */
    PS_DELETE = 2,   /* the key columns at least; the row ends soft-deleted */
    PS_TRUNCATE = 3, /* never in a batch: an event of its own (sink.h) */
    PS_KEEP = 4,     /* the key columns alone, in a load: the row is there and cannot be carried, so
                        that its former copy stays. Never from a source (sink.h) */
};

/*
 * One column of a batch. What `values` points to, per type:
 *   BOOLEAN uint8_t, 0 or 1 (Arrow's bool8) · SHORT int16_t · INT int32_t · LONG int64_t ·
 *   FLOAT float · DOUBLE double · DECIMAL ps_int128 (16-byte aligned) · NAIVE_DATE int32_t days
 *   since 1970-01-01 · NAIVE_DATETIME, UTC_DATETIME struct ps_timestamp ·
 *   STRING, JSON, XML, BINARY, UNSPECIFIED: NULL; row i is bytes[offsets[i] … offsets[i + 1]).
 * STRING, JSON, XML and UNSPECIFIED hold valid UTF-8 (the one who puts them checks). The value
 * under a NULL is unspecified; its offsets are equal. All arrays are 64-byte aligned.
 */
struct ps_vector {
    enum ps_type type;
    uint8_t precision, scale;
    uint8_t *validity; /* bit i: row i has a value */
    void *values;
    uint32_t *offsets; /* rows_max + 1 entries */
    uint8_t *bytes;
    uint32_t bytes_size, bytes_capacity;
};

/* Why rows of a batch could not be carried: one entry for each column and reason. */
#define PS_BATCH_BAD_MAX 8
#define PS_BATCH_FAULT_IN_KEY 0x80u
struct ps_bad_rows {
    uint32_t column;    /* index into the batch's columns */
    const char *reason; /* a static text: "the text is not valid UTF-8" */
    uint64_t rows;
};

struct ps_batch_pool;

struct ps_batch {
    enum ps_operation operation;
    const struct ps_table *table; /* as the sink knows it; set by the engine, not by a reader */
    const uint32_t *columns;      /* columns[i]: index into table->columns of vectors[i] */
    uint32_t columns_count;
    struct ps_vector *vectors;
    uint32_t rows, rows_max;
    size_t bytes_max; /* full once `bytes` has reached it */
    size_t bytes;     /* variable-width bytes plus fixed widths of the rows ended */
    size_t row_width; /* fixed width of one row, all columns */
    struct ps_bad_rows bad[PS_BATCH_BAD_MAX];
    uint32_t bad_count;
    uint64_t bad_rows; /* all rows given up, also those beyond PS_BATCH_BAD_MAX reasons */
    /* Of the row begun: why its first value at fault cannot be carried; NULL: none is at fault. */
    const char *fault;
    uint32_t fault_column;
    bool fault_in_key;
    /*
     * Where the shape keeps faulty rows: row i is whole where faults[i] is 0, else its values at
     * fault are NULL, and bad[faults[i] - 1] tells the first of them, without counting it;
     * PS_BATCH_BAD_MAX + 1: there was no room to tell. So whoever has the batch can still say that
     * a row is deleted, which takes no more than its key. PS_BATCH_FAULT_IN_KEY is added where that
     * is at fault, which ps_batch_row_fault alone can leave so. NULL: faulty rows are given up.
     */
    uint8_t *faults;
    uint32_t faulty_rows;       /* so many are not 0 */
    int32_t flag;               /* the shape's */
    struct ps_batch_pool *pool; /* where ps_batch_release puts it back; NULL: freed */
};

/* What one column of a batch is to hold. */
struct ps_batch_shape {
    const struct ps_table *table; /* borrowed for as long as the batch lives */
    const uint32_t *columns;      /* copied; indexes into table->columns */
    uint32_t columns_count;
    uint32_t rows_max; /* at least 1 */
    size_t bytes_max;  /* at least 1 */
    /* Rows with values at fault stay, unless one is of the key: see `faults` above. With it: the
     * column that says which rows are deleted, an index into `columns`; -1: there is none. */
    bool keeps_faulty;
    int32_t flag;
};

/* Makes an empty batch with operation PS_UPSERT; free it with ps_batch_free. */
PS_PUBLIC enum ps_status ps_batch_new(const struct ps_batch_shape *shape,
                                      struct ps_batch **ret_batch,
                                      struct ps_error *err) PS_MUST_CHECK;
PS_PUBLIC void ps_batch_free(struct ps_batch *batch); /* NULL is fine */

/* Empties it for reuse; keeps shape and memory (a buffer grown far beyond bytes_max is given up).
 */
PS_PUBLIC void ps_batch_reset(struct ps_batch *batch);

/* Gives it back to its pool, or frees it. From any thread. NULL is fine. */
PS_PUBLIC void ps_batch_release(struct ps_batch *batch);

/* The memory it holds now, in bytes. */
PS_PUBLIC size_t ps_batch_memory(const struct ps_batch *batch);

/*
 * Copies the rows i of `source` for which selected[i] is not 0 to the end of `target`, whose
 * columns must all be in `source` (matched by table column index); rows that do not fit into
 * rows_max are a bug. NOMEM.
 */
PS_PUBLIC enum ps_status ps_batch_copy_rows(struct ps_batch *target, const struct ps_batch *source,
                                            const uint8_t *selected,
                                            struct ps_error *err) PS_MUST_CHECK;

/*
 * In place of a put: the row's value in that column cannot be carried; reason is a static text.
 * What has been put of it is taken off. At its end the row is given up and counted, by the first
 * such value; but where it is a delete, of which the key is enough, or the batch keeps such rows.
 */
PS_PUBLIC void ps_batch_value_bad(struct ps_batch *batch, uint32_t column, const char *reason);

/*
 * The same of a value of a row that has ended, in a batch that keeps faulty rows: it becomes NULL,
 * and the row stays even where it is of the key, since others have followed.
 */
PS_PUBLIC void ps_batch_row_fault(struct ps_batch *batch, uint32_t row, uint32_t column,
                                  const char *reason);

/* True where the value counts in a row of which others are at fault: it is of the key, or says
 * whether the row is deleted. */
PS_PUBLIC bool ps_batch_column_decides(const struct ps_batch *batch, uint32_t column);

/* Forgets what was put since the last row_end, as if the row had not been begun. */
PS_PUBLIC void ps_batch_row_drop(struct ps_batch *batch);

/* Makes room for `more` bytes in a variable-width column. False: no memory, or beyond 4 GiB. */
PS_PUBLIC bool ps_vector_reserve(struct ps_vector *vector, size_t more) PS_MUST_CHECK;

/* True where the bytes are well-formed UTF-8 (no surrogates, no overlong forms; U+0000 is fine). */
PS_PUBLIC bool ps_utf8_valid(const void *bytes, size_t size);

static inline bool ps_batch_full(const struct ps_batch *batch)
{
    return batch->rows == batch->rows_max || batch->bytes >= batch->bytes_max;
}

static inline bool ps_vector_is_valid(const struct ps_vector *vector, uint32_t row)
{
    return (vector->validity[row >> 3] >> (row & 7) & 1) != 0;
}

/* A value of a type that a cursor can have, as a scalar; not present where it is NULL. */
PS_PUBLIC struct ps_scalar ps_vector_scalar(const struct ps_vector *vector, uint32_t row);

static inline void ps_vector_set_valid(struct ps_vector *vector, uint32_t row)
{
    vector->validity[row >> 3] = (uint8_t)(vector->validity[row >> 3] | 1u << (row & 7));
}

static inline void ps_batch_put_null(struct ps_batch *batch, uint32_t column)
{
    struct ps_vector *vector = &batch->vectors[column];
    if (vector->offsets != NULL) {
        vector->offsets[batch->rows + 1] = vector->bytes_size;
    }
}

#define PS_BATCH_PUT(name, ctype)                                                                  \
    static inline void ps_batch_put_##name(struct ps_batch *batch, uint32_t column, ctype value)   \
    {                                                                                              \
        struct ps_vector *vector = &batch->vectors[column];                                        \
        ((ctype *)vector->values)[batch->rows] = value;                                            \
        ps_vector_set_valid(vector, batch->rows);                                                  \
    }
PS_BATCH_PUT(bool, uint8_t)
PS_BATCH_PUT(short, int16_t)
PS_BATCH_PUT(int, int32_t)
PS_BATCH_PUT(long, int64_t)
PS_BATCH_PUT(float, float)
PS_BATCH_PUT(double, double)
PS_BATCH_PUT(decimal, ps_int128)
PS_BATCH_PUT(date, int32_t)
PS_BATCH_PUT(timestamp, struct ps_timestamp)
#undef PS_BATCH_PUT

/* Copies few bytes without a call; nothing beyond them is read or written. */
static inline void ps_copy_short(uint8_t *to, const uint8_t *from, size_t size)
{
    if (size > 32) {
        memcpy(to, from, size);
    } else if (size >= 16) {
        memcpy(to, from, 16);
        memcpy(to + size - 16, from + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, from, 8);
        memcpy(to + size - 8, from + size - 8, 8);
    } else if (size >= 4) {
        memcpy(to, from, 4);
        memcpy(to + size - 4, from + size - 4, 4);
    } else if (size > 0) {
        to[0] = from[0];
        to[size / 2] = from[size / 2];
        to[size - 1] = from[size - 1];
    }
}

/* For STRING, JSON, XML, BINARY and UNSPECIFIED. False: out of memory; nothing was put. */
PS_MUST_CHECK static inline bool ps_batch_put_bytes(struct ps_batch *batch, uint32_t column,
                                                    const void *bytes, size_t size)
{
    struct ps_vector *vector = &batch->vectors[column];
    if (size > vector->bytes_capacity - vector->bytes_size && !ps_vector_reserve(vector, size)) {
        return false;
    }
    ps_copy_short(vector->bytes + vector->bytes_size, (const uint8_t *)bytes, size);
    vector->bytes_size += (uint32_t)size;
    batch->bytes += size;
    vector->offsets[batch->rows + 1] = vector->bytes_size;
    ps_vector_set_valid(vector, batch->rows);
    return true;
}

/* What becomes of a row with values at fault, at its end. */
PS_PUBLIC void ps_batch_row_judge(struct ps_batch *batch);

/* The row is complete. Never on a full batch. */
static inline void ps_batch_row_end(struct ps_batch *batch)
{
    assert(batch->rows < batch->rows_max);
    if (batch->fault != NULL) {
        ps_batch_row_judge(batch);
        return;
    }
    batch->rows++;
    batch->bytes += batch->row_width;
}

/* The text or bytes of a variable-width column that is not NULL in this row. */
static inline const uint8_t *ps_vector_bytes(const struct ps_vector *vector, uint32_t row,
                                             size_t *ret_size)
{
    *ret_size = vector->offsets[row + 1] - vector->offsets[row];
    return vector->bytes + vector->offsets[row];
}

/* A set of equal batches that are used again and again. Thread-safe; bounded by `kept`. */
PS_PUBLIC enum ps_status ps_batch_pool_new(const struct ps_batch_shape *shape, uint32_t kept,
                                           struct ps_batch_pool **ret_pool,
                                           struct ps_error *err) PS_MUST_CHECK;
/* An empty batch, from the pool or new. */
PS_PUBLIC enum ps_status ps_batch_pool_take(struct ps_batch_pool *pool, struct ps_batch **ret_batch,
                                            struct ps_error *err) PS_MUST_CHECK;
/* Frees the pool once the last of its batches has come back. NULL is fine. */
PS_PUBLIC void ps_batch_pool_free(struct ps_batch_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
