/*
 * The keys of a few rows, as DuckDB holds them in its vectors: what tells whether rows of one
 * table are of one key, without a statement. Not for: keys with numbers that have more than one
 * form (REAL, DOUBLE), and not for many.
 */
#ifndef PS_SINKS_DUCKDB_KEYS_H
#define PS_SINKS_DUCKDB_KEYS_H

#include "base/buffer.h"
#include "penstock/error.h"
#include "sinks/duckdb/library.h"
#include "sinks/duckdb/types.h"

/* A column of the key. */
struct duck_key_column {
    uint32_t place; /* in the chunks that are added */
    uint8_t width;  /* in bytes; 0: text or bytes of any length */
};

/* One thread's. */
struct duck_keys {
    const struct duck_library *library;
    const struct duck_key_column *columns; /* borrowed */
    uint32_t columns_count;
    struct ps_buffer bytes; /* of all keys, one after the other */
    struct duck_key *entries;
    uint32_t *slots; /* 1 + index of an entry; 0: free */
    uint32_t count, rows_max, slots_mask;
};

/* The width of a key column of that type. False: its values cannot be told apart by their bytes. */
bool duck_keys_width(struct duck_type type, uint8_t *ret_width);

/* For at most rows_max keys. NOMEM. `duck_keys_done` is for it whatever becomes of it. */
enum ps_status duck_keys_init(struct duck_keys *keys, uint32_t rows_max,
                              struct ps_error *err) PS_MUST_CHECK;
void duck_keys_done(struct duck_keys *keys);

/* Adds the keys of the chunk's rows; *ret_repeats becomes true where one is there already. NOMEM.
 */
enum ps_status duck_keys_add(struct duck_keys *keys, struct duck_api_chunk *chunk,
                             bool *ret_repeats, struct ps_error *err) PS_MUST_CHECK;
/* Whether the key of a chunk's row is there; its first columns are the key's in their order. NOMEM.
 */
enum ps_status duck_keys_have(struct duck_keys *keys, struct duck_api_chunk *chunk, uint64_t row,
                              bool *ret_have, struct ps_error *err) PS_MUST_CHECK;

#endif
