/*
 * A table of hashes with open addressing. A key is laid out as bytes: for each of its columns
 * whether there is a value, its length where that varies, and the value.
 */
#include "sinks/duckdb/keys.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"

struct duck_key {
    uint64_t hash;
    size_t start, size; /* of its bytes */
};

bool duck_keys_width(struct duck_type type, uint8_t *ret_width)
{
    /* Numbers with two zeros and many NaN. */
    if (type.foreign || type.type == PS_TYPE_FLOAT || type.type == PS_TYPE_DOUBLE) {
        return false;
    }
    *ret_width = ps_type_is_variable(type.type) ? 0 : duck_type_width(type);
    return true;
}

enum ps_status duck_keys_init(struct duck_keys *keys, uint32_t rows_max, struct ps_error *err)
{
    assert(rows_max <= UINT32_MAX / 4);
    uint32_t slots = 16;
    while (slots < 2 * rows_max) {
        slots *= 2;
    }
    ps_buffer_init(&keys->bytes, 0);
    keys->rows_max = rows_max;
    keys->slots_mask = slots - 1;
    keys->entries = ps_malloc_array((size_t)rows_max + 1, sizeof *keys->entries);
    keys->slots = ps_calloc(slots, sizeof *keys->slots);
    return keys->entries == NULL || keys->slots == NULL ? ps_fail_nomem(err, "comparing keys")
                                                        : PS_OK;
}

void duck_keys_done(struct duck_keys *keys)
{
    ps_buffer_done(&keys->bytes);
    ps_free(keys->entries);
    ps_free(keys->slots);
}

static void put_value(struct duck_keys *keys, struct duck_api_vector *vector, uint8_t width,
                      uint64_t row)
{
    struct ps_buffer *out = &keys->bytes;
    if (!duck_vector_is_valid(keys->library, vector, row)) {
        ps_buffer_putc(out, '\0');
        return;
    }
    ps_buffer_putc(out, '\1');
    const void *values = keys->library->vector_get_data(vector);
    if (width != 0) {
        ps_buffer_append(out, (const char *)values + row * width, width);
        return;
    }
    const struct duck_api_string *string = (const struct duck_api_string *)values + row;
    ps_buffer_append(out, &string->size, sizeof string->size);
    ps_buffer_append(out,
                     string->size <= DUCK_STRING_INLINE ? string->value.inlined
                                                        : string->value.pointer.bytes,
                     string->size);
}

/* Lays the key out behind the others. */
static struct duck_key lay_out(struct duck_keys *keys, struct duck_api_chunk *chunk, bool in_order,
                               uint64_t row)
{
    struct duck_key key = {.start = keys->bytes.size};
    for (uint32_t i = 0; i < keys->columns_count; i++) {
        uint32_t place = in_order ? i : keys->columns[i].place;
        put_value(keys, keys->library->data_chunk_get_vector(chunk, place), keys->columns[i].width,
                  row);
    }
    key.size = keys->bytes.size - key.start;
    if (ps_buffer_ok(&keys->bytes)) {
        key.hash = ps_hash_bytes(keys->bytes.data + key.start, key.size);
    }
    return key;
}

/* Where the key is, or the free slot in which it belongs. */
static uint32_t *slot_of(const struct duck_keys *keys, const struct duck_key *key)
{
    for (uint64_t at = key->hash;; at++) {
        uint32_t *slot = &keys->slots[at & keys->slots_mask];
        if (*slot == 0) {
            return slot;
        }
        const struct duck_key *other = &keys->entries[*slot - 1];
        if (other->hash == key->hash && other->size == key->size &&
            memcmp(keys->bytes.data + other->start, keys->bytes.data + key->start, key->size) ==
                0) {
            return slot;
        }
    }
}

enum ps_status duck_keys_add(struct duck_keys *keys, struct duck_api_chunk *chunk,
                             bool *ret_repeats, struct ps_error *err)
{
    uint64_t rows = keys->library->data_chunk_get_size(chunk);
    assert(keys->count + rows <= keys->rows_max);
    for (uint64_t row = 0; row < rows; row++) {
        struct duck_key key = lay_out(keys, chunk, false, row);
        if (!ps_buffer_ok(&keys->bytes)) {
            return ps_fail_nomem(err, "comparing keys");
        }
        uint32_t *slot = slot_of(keys, &key);
        if (*slot != 0) {
            *ret_repeats = true;
            continue;
        }
        keys->entries[keys->count++] = key;
        *slot = keys->count;
    }
    return PS_OK;
}

enum ps_status duck_keys_have(struct duck_keys *keys, struct duck_api_chunk *chunk, uint64_t row,
                              bool *ret_have, struct ps_error *err)
{
    const struct duck_key key = lay_out(keys, chunk, true, row);
    if (!ps_buffer_ok(&keys->bytes)) {
        return ps_fail_nomem(err, "comparing keys");
    }
    *ret_have = *slot_of(keys, &key) != 0;
    keys->bytes.size = key.start;
    return PS_OK;
}
