/*
 * Cursor windows: their condition, and, where an index begins with the cursor, an order in which
 * the read can be gone on with: by the cursor, then by the key. Rows without a cursor come in a
 * second statement, and without positions. docs/sources/postgresql.md, "Windows".
 *
 * A position is the cursor and the key of the row read last: "+20:2024-02-29T23:59:59Z+2:17". In
 * other points in time it holds as well, since whatever is written later gets a later cursor.
 */
#ifndef PS_SOURCES_POSTGRESQL_WINDOW_H
#define PS_SOURCES_POSTGRESQL_WINDOW_H

#include "base/buffer.h"
#include "penstock/batch.h"
#include "penstock/source.h"
#include "sources/postgresql/partition.h"
#include "sources/postgresql/types.h"

#define WINDOW_KEYS_MAX 32
/* Longer ones are not given: they would swell the state. */
#define WINDOW_POSITION_MAX 4096

/* Borrows the request. */
struct window {
    const struct ps_window *asked;              /* NULL: the read has none */
    bool ordered;                               /* it is read by cursor and key, … */
    bool nulls;                                 /* … and by now are its rows without a cursor */
    uint32_t cursor;                            /* batch column */
    uint32_t keys[WINDOW_KEYS_MAX], keys_count; /* batch columns, in key order */
    const struct ps_column *cursor_column, *key_columns[WINDOW_KEYS_MAX];
    bool ties; /* keys that differ may compare as equal, and so give no order */
    bool positioned;
    struct ps_scalar after;                        /* the position's cursor … */
    struct partition_text values[WINDOW_KEYS_MAX]; /* … and key */
    struct ps_buffer position;                     /* of the last batch; "" : none */
};

/* Reads what the request says. False: its position is none of ours. */
bool window_init(struct window *window, const struct ps_read_request *request);
void window_done(struct window *window);

/* True where an index may give the order: then the server is not to sort whatever it costs. */
bool window_may_order(const struct window *window);
/* Notes that it is read in order, where the types of the columns (oids by batch column) allow. */
void window_choose(struct window *window, const uint32_t *types);

/* True where a second statement is to read the rows without a cursor. */
bool window_has_nulls(const struct window *window);

/* From now on it is read in any order, as from the request's position on. */
void window_lose_order(struct window *window);

/* The condition, where there is a lower edge; then " ORDER BY …", or nothing. */
void window_write_condition(struct ps_buffer *sql, const struct ps_read_request *request,
                            const struct window *window);
void window_write_order(struct ps_buffer *sql, const struct ps_read_request *request,
                        const struct window *window);

/* Notes the position after the batch. */
void window_note(struct window *window, const struct ps_batch *batch);
/* What was noted last; NULL: nothing. */
const char *window_position(const struct window *window);

#endif
