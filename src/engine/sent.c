/*
 * Two sets of hashes: of the sync before, and of this one. See sent.h.
 */
#include "engine/sent.h"

#include <string.h>

#include "base/alloc.h"
#include "base/random.h"

/* Eight bytes a row, twice that for room in the set, in two sets: 32 MiB at most. */
#define ROWS_MAX ((size_t)1 << 20)
/* A larger table is told of as it was sent, so that the others have room. */
#define TABLE_ROWS_MAX 100000u
#define SLOTS_LEAST ((size_t)1024)

/* Open addressing; 0 is no hash. */
struct set {
    uint64_t *slots;
    size_t slots_count, count;
    bool full; /* from now on rows are missing */
};

struct ps_sent {
    struct set before, now;
};

static bool set_has(const struct set *set, uint64_t hash)
{
    for (size_t at = hash; set->slots_count > 0; at++) {
        const uint64_t there = set->slots[at & (set->slots_count - 1)];
        if (there == hash || there == 0) {
            return there == hash;
        }
    }
    return false;
}

static void set_put(struct set *set, uint64_t hash)
{
    size_t at = hash;
    while (set->slots[at & (set->slots_count - 1)] != 0) {
        at++;
    }
    set->slots[at & (set->slots_count - 1)] = hash;
    set->count++;
}

static void set_clear(struct set *set)
{
    ps_free(set->slots);
    *set = (struct set){.slots = NULL};
}

/* Room for one more. False: there is none. */
static bool set_grow(struct set *set)
{
    if (set->full || 2 * (set->count + 1) <= set->slots_count) {
        return !set->full;
    }
    const size_t wanted = set->slots_count == 0 ? SLOTS_LEAST : 2 * set->slots_count;
    struct set grown = {.slots = wanted > 2 * ROWS_MAX ? NULL : ps_calloc(wanted, sizeof(uint64_t)),
                        .slots_count = wanted};
    if (grown.slots == NULL) {
        set->full = true;
        return false;
    }
    for (size_t i = 0; i < set->slots_count; i++) {
        if (set->slots[i] != 0) {
            set_put(&grown, set->slots[i]);
        }
    }
    set_clear(set);
    *set = grown;
    return true;
}

struct ps_sent *ps_sent_new(void)
{
    return ps_calloc(1, sizeof(struct ps_sent));
}

void ps_sent_free(struct ps_sent *sent)
{
    if (sent != NULL) {
        set_clear(&sent->before);
        set_clear(&sent->now);
        ps_free(sent);
    }
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    return ps_hash64(hash ^ ps_hash64(value));
}

static uint64_t hash_of_table(const struct ps_table *table)
{
    const uint64_t schema = ps_hash_bytes(table->schema, strlen(table->schema));
    return mix(schema, ps_hash_bytes(table->name, strlen(table->name)));
}

static uint64_t hash_value(const struct ps_vector *vector, uint32_t row)
{
    static const size_t widths[] = {
        [PS_TYPE_BOOLEAN] = 1,  [PS_TYPE_SHORT] = 2,      [PS_TYPE_INT] = 4,
        [PS_TYPE_LONG] = 8,     [PS_TYPE_FLOAT] = 4,      [PS_TYPE_DOUBLE] = 8,
        [PS_TYPE_DECIMAL] = 16, [PS_TYPE_NAIVE_DATE] = 4,
    };
    if (vector->offsets != NULL) {
        size_t size;
        const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
        return ps_hash_bytes(bytes, size);
    }
    if (vector->type == PS_TYPE_NAIVE_DATETIME || vector->type == PS_TYPE_UTC_DATETIME) {
        const struct ps_timestamp *value = (const struct ps_timestamp *)vector->values + row;
        return mix((uint64_t)value->seconds, (uint64_t)value->nanos);
    }
    const size_t width = widths[vector->type];
    return ps_hash_bytes((const uint8_t *)vector->values + row * width, width);
}

uint64_t *sent_hashes(const struct ps_table *source_table, const struct ps_batch *batch)
{
    uint64_t *hashes = ps_malloc_array(batch->rows + (size_t)1, sizeof(*hashes));
    const uint64_t begin = mix(hash_of_table(source_table), (uint64_t)batch->operation);
    for (uint32_t row = 0; hashes != NULL && row < batch->rows; row++) {
        hashes[row] = begin;
    }
    for (uint32_t i = 0; hashes != NULL && i < batch->columns_count; i++) {
        const struct ps_vector *vector = &batch->vectors[i];
        for (uint32_t row = 0; row < batch->rows; row++) {
            const uint64_t value = ps_vector_is_valid(vector, row) ? hash_value(vector, row) : 0;
            hashes[row] = mix(hashes[row] + batch->columns[i], value);
        }
    }
    return hashes;
}

/* True: it was put, and had not been there. */
static bool put_new(struct set *set, uint64_t hash)
{
    if (set_has(set, hash) || !set_grow(set)) {
        return false;
    }
    set_put(set, hash);
    return true;
}

uint64_t sent_note(struct ps_sent *sent, const uint64_t *hashes, size_t count, uint64_t before)
{
    uint64_t changed = 0;
    for (size_t i = 0; i < count; i++) {
        const uint64_t hash = hashes[i] == 0 ? 1 : hashes[i];
        const bool put = before + i < TABLE_ROWS_MAX && set_grow(&sent->now);
        if (put ? put_new(&sent->now, hash) && !set_has(&sent->before, hash)
                : !set_has(&sent->before, hash)) {
            changed++;
        }
    }
    return changed;
}

/* In the sets among the rows: such a table's rows are all there. */
static uint64_t mark_of(const struct ps_table *source_table)
{
    return mix(hash_of_table(source_table), UINT64_MAX);
}

void sent_note_table(struct ps_sent *sent, const struct ps_table *source_table, uint64_t rows)
{
    /* Where there is no room for one more, rows may be missing. */
    if (rows <= TABLE_ROWS_MAX) {
        (void)put_new(&sent->now, mark_of(source_table));
    }
}

bool sent_knows_table(const struct ps_sent *sent, const struct ps_table *source_table)
{
    return set_has(&sent->before, mark_of(source_table));
}

void sent_end(struct ps_sent *sent, bool saved)
{
    if (saved) {
        set_clear(&sent->before);
        sent->before = sent->now;
        sent->now = (struct set){.slots = NULL};
    } else {
        set_clear(&sent->now);
    }
}
