/*
 * From a batch's columns to DuckDB's vectors. Not for: who runs it when (feed.c).
 */
#ifndef PS_SINKS_DUCKDB_FILL_H
#define PS_SINKS_DUCKDB_FILL_H

#include "penstock/batch.h"
#include "sinks/duckdb/library.h"

/*
 * Copies rows first … first + count of `source` to the rows 0 … of a fresh DuckDB vector. `first`
 * is a multiple of 64 and count at most DUCK_VECTOR_ROWS. Long texts are not copied: they stay the
 * batch's, which has to outlive the use of the vector. Returns how many timestamps had digits below
 * the microsecond.
 */
uint64_t duck_fill_column(const struct duck_library *library, const struct ps_vector *source,
                          uint32_t first, uint32_t count, struct duck_api_vector *target);

/* Puts one of DuckDB's strings together; `bytes` has to outlive its use. */
static inline struct duck_api_string duck_fill_string(const void *bytes, uint32_t size)
{
    struct duck_api_string string = {.size = size};
    if (size <= DUCK_STRING_INLINE) {
        memcpy(string.value.inlined, bytes, size);
    } else {
        memcpy(string.value.pointer.prefix, bytes, sizeof string.value.pointer.prefix);
        string.value.pointer.bytes = bytes;
    }
    return string;
}

#endif
