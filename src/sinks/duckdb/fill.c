/*
 * Copies of whole columns: memcpy where the layouts agree, one loop a type where they do not.
 */
#include "sinks/duckdb/fill.h"

#include <assert.h>

/* Validity bits mean the same on both sides; a vector without NULLs keeps DuckDB's short way. */
static void fill_validity(const struct duck_library *library, const struct ps_vector *source,
                          uint32_t first, uint32_t count, struct duck_api_vector *target)
{
    const uint8_t *bits = source->validity + first / 8;
    uint32_t whole = count / 8;
    uint32_t i = 0;
    while (i < whole && bits[i] == 0xff) {
        i++;
    }
    uint8_t rest = (uint8_t)((1u << (count % 8)) - 1u);
    if (i == whole && (rest == 0 || (bits[whole] & rest) == rest)) {
        return;
    }
    library->vector_ensure_validity_writable(target);
    memcpy(library->vector_get_validity(target), bits, (count + 7) / 8);
}

/* What lies under a NULL is unspecified, so nothing here may overflow or be counted for it. */
static uint64_t fill_timestamps(const struct ps_vector *source, uint32_t first, uint32_t count,
                                int64_t *out)
{
    const struct ps_timestamp *values = (const struct ps_timestamp *)source->values + first;
    uint64_t cut = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t nanos = (uint32_t)values[i].nanos;
        uint32_t micros = nanos / 1000u;
        out[i] = (int64_t)((uint64_t)values[i].seconds * 1000000u + micros);
        cut += nanos != micros * 1000u && ps_vector_is_valid(source, first + i);
    }
    return cut;
}

#define FILL_NARROW(ctype)                                                                         \
    for (uint32_t i = 0; i < count; i++) {                                                         \
        ((ctype *)out)[i] = (ctype)values[i];                                                      \
    }

static void fill_decimals(const struct ps_vector *source, uint32_t first, uint32_t count, void *out)
{
    const ps_int128 *values = (const ps_int128 *)source->values + first;
    if (source->precision <= 4) {
        FILL_NARROW(int16_t)
    } else if (source->precision <= 9) {
        FILL_NARROW(int32_t)
    } else if (source->precision <= 18) {
        FILL_NARROW(int64_t)
    } else {
        memcpy(out, values, count * sizeof *values);
    }
}

static void fill_strings(const struct ps_vector *source, uint32_t first, uint32_t count,
                         struct duck_api_string *out)
{
    const uint32_t *offsets = source->offsets + first;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = offsets[i + 1] - offsets[i];
        if (size == 0) {
            /* An empty column may have no bytes at all to point to. */
            out[i] = (struct duck_api_string){.size = 0};
        } else {
            out[i] = duck_fill_string(source->bytes + offsets[i], size);
        }
    }
}

static size_t fixed_width(enum ps_type type)
{
    switch (type) {
    case PS_TYPE_BOOLEAN:
        return 1;
    case PS_TYPE_SHORT:
        return 2;
    case PS_TYPE_INT:
    case PS_TYPE_FLOAT:
    case PS_TYPE_NAIVE_DATE:
        return 4;
    default:
        return 8;
    }
}

uint64_t duck_fill_column(const struct duck_library *library, const struct ps_vector *source,
                          uint32_t first, uint32_t count, struct duck_api_vector *target)
{
    assert(first % 64 == 0 && count <= DUCK_VECTOR_ROWS);
    void *out = library->vector_get_data(target);
    fill_validity(library, source, first, count, target);
    if (ps_type_is_variable(source->type)) {
        fill_strings(source, first, count, out);
        return 0;
    }
    switch (source->type) {
    case PS_TYPE_NAIVE_DATETIME:
    case PS_TYPE_UTC_DATETIME:
        return fill_timestamps(source, first, count, out);
    case PS_TYPE_DECIMAL:
        fill_decimals(source, first, count, out);
        return 0;
    case PS_TYPE_BOOLEAN: {
        /* DuckDB reads booleans as C++ bools: anything but 0 and 1, as under a NULL, is not one. */
        const uint8_t *values = (const uint8_t *)source->values + first;
        for (uint32_t i = 0; i < count; i++) {
            ((uint8_t *)out)[i] = values[i] & 1u;
        }
        return 0;
    }
    default: {
        size_t width = fixed_width(source->type);
        memcpy(out, (const uint8_t *)source->values + first * width, count * width);
        return 0;
    }
    }
}
