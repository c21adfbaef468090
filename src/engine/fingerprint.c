/*
 * The form: "k<keys>.b<backfilled>.s<left out>.d<deletes>.c<columns>.n<names>.t<types>", and
 * ".v<values>" at the end where the configuration changes values. All but `names` and `types` are
 * hashes of eight digits, of
 * sets of columns or of settings. `names` has four digits for each of the source's
 * column handles, from 1 on: a hash of the name that the column had when it was last seen, 0000
 * where there was none. Columns that are gone stay in it, because what they left still lies at the
 * destination. `types` has a letter for each handle, "a" and the number of the type, and for a
 * decimal two digits each of precision and scale after it; "-" where there is no such column. It is
 * there for people: to say what a column was.
 */
#include "engine/fingerprint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/random.h"

#define NAME_DIGITS 4
#define COLUMNS_NAMED 8
#define TYPE_SIZE 6 /* of one handle, at most, and the end */
/* Handles beyond it are not followed; PostgreSQL's end at 1,600, unless columns are dropped. */
#define HANDLES_MAX 4096u

/* The part that begins with the letter, without it; "" where there is none. */
static const char *part_of(const char *fingerprint, char letter, size_t *ret_size)
{
    for (const char *at = fingerprint; at != NULL && *at != '\0';) {
        size_t size = strcspn(at, ".");
        if (*at == letter) {
            *ret_size = size - 1;
            return at + 1;
        }
        at += size + (at[size] == '.');
    }
    *ret_size = 0;
    return "";
}

static bool same_part(const char *a, const char *b, char letter)
{
    size_t size_a, size_b;
    const char *in_a = part_of(a, letter, &size_a), *in_b = part_of(b, letter, &size_b);
    return size_a == size_b && memcmp(in_a, in_b, size_a) == 0;
}

static unsigned name_hash(const char *name)
{
    unsigned hash = (unsigned)(ps_hash_bytes(name, strlen(name)) & 0xffff);
    return hash == 0 ? 1 : hash;
}

/* The hash kept for a handle; 0: none. */
static unsigned kept_name(const char *names, size_t size, uint32_t handle)
{
    char digits[NAME_DIGITS + 1] = "0";
    if (handle >= 1 && handle <= size / NAME_DIGITS) {
        memcpy(digits, names + (size_t)(handle - 1) * NAME_DIGITS, NAME_DIGITS);
        digits[NAME_DIGITS] = '\0';
    }
    return (unsigned)strtoul(digits, NULL, 16);
}

static uint32_t handles_of(const struct ps_table *table, uint32_t least)
{
    uint32_t count = least;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        uint32_t handle = table->columns[i].source_id;
        if (handle > count && handle <= HANDLES_MAX) {
            count = handle;
        }
    }
    return count;
}

/* Makes the part `names`, without its letter. */
static const char *make_names(struct ps_arena *arena, const struct ps_table *table,
                              const char *former)
{
    size_t size;
    const char *names = part_of(former, 'n', &size);
    uint32_t count = handles_of(table, (uint32_t)(size / NAME_DIGITS));
    unsigned *hashes = ps_arena_array(arena, count + (size_t)1, sizeof(*hashes));
    char *text = ps_arena_alloc(arena, (size_t)count * NAME_DIGITS + 1);
    if (hashes == NULL || text == NULL) {
        return NULL;
    }
    for (uint32_t handle = 1; handle <= count; handle++) {
        hashes[handle] = kept_name(names, size, handle);
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        uint32_t handle = table->columns[i].source_id;
        if (handle >= 1 && handle <= count) {
            hashes[handle] = name_hash(table->columns[i].name);
        }
    }
    text[0] = '\0';
    for (uint32_t handle = 1; handle <= count; handle++) {
        snprintf(text + (size_t)(handle - 1) * NAME_DIGITS, NAME_DIGITS + 1, "%04x",
                 hashes[handle] & 0xffff);
    }
    return text;
}

static void type_text(const struct ps_column *column, char out[TYPE_SIZE])
{
    if (column == NULL) {
        snprintf(out, TYPE_SIZE, "-");
    } else if (column->type == PS_TYPE_DECIMAL) {
        snprintf(out, TYPE_SIZE, "%c%02x%02x", 'a' + PS_TYPE_DECIMAL, column->precision & 0xffU,
                 column->scale & 0xffU);
    } else {
        snprintf(out, TYPE_SIZE, "%c", 'a' + (int)column->type);
    }
}

/* Makes the part `types`, without its letter. */
static const char *make_types(struct ps_arena *arena, const struct ps_table *table)
{
    uint32_t count = handles_of(table, 0);
    const struct ps_column **columns =
        ps_arena_array(arena, count + (size_t)1, sizeof(const struct ps_column *));
    char *text = ps_arena_alloc(arena, (size_t)count * (TYPE_SIZE - 1) + 1);
    if (columns == NULL || text == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        uint32_t handle = table->columns[i].source_id;
        if (handle >= 1 && handle <= count) {
            columns[handle] = &table->columns[i];
        }
    }
    char *at = text;
    *at = '\0';
    for (uint32_t handle = 1; handle <= count; handle++) {
        type_text(columns[handle], at);
        at += strlen(at);
    }
    return text;
}

/* The column's type, as it was kept; false: it was not. */
static bool kept_type(const char *types, size_t size, uint32_t handle, struct ps_column *ret_column)
{
    const char *at = types, *end = types + size;
    for (uint32_t i = 1; at < end && i < handle; i++) {
        at += *at == 'a' + PS_TYPE_DECIMAL ? TYPE_SIZE - 1 : 1;
    }
    if (handle == 0 || at >= end || *at <= 'a' || *at >= 'a' + PS_TYPES) {
        return false;
    }
    *ret_column = (struct ps_column){.type = (enum ps_type)(*at - 'a')};
    if (ret_column->type == PS_TYPE_DECIMAL) {
        char digits[TYPE_SIZE] = "";
        if (end - at < TYPE_SIZE - 1) {
            return false;
        }
        memcpy(digits, at + 1, TYPE_SIZE - 2);
        unsigned long both = strtoul(digits, NULL, 16);
        ret_column->precision = (uint8_t)(both >> 8);
        ret_column->scale = (uint8_t)(both & 0xff);
    }
    return true;
}

uint32_t fingerprint_leave_out(uint32_t left_out, const char *name)
{
    return left_out + (uint32_t)ps_hash64(ps_hash_bytes(name, strlen(name)));
}

const char *fingerprint_make(struct ps_arena *arena, const struct fingerprint_subject *subject,
                             const char *former)
{
    const struct ps_table *table = subject->table;
    uint64_t keys = 0, backfilled = 0, columns = 0;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct ps_column *column = &table->columns[i];
        uint64_t name = ps_hash_bytes(column->name, strlen(column->name));
        if (column->key_position != 0) {
            keys += ps_hash64(name + column->key_position);
        }
        if (column->backfilled) {
            backfilled += ps_hash64(name);
        }
        columns += ps_hash64(name ^ ((uint64_t)column->type << 16 |
                                     (uint64_t)column->precision << 8 | column->scale));
    }
    const char *names = make_names(arena, table, former);
    const char *types = make_types(arena, table);
    const char *values =
        subject->values == 0 ? "" : ps_arena_printf(arena, ".v%08" PRIx32, subject->values);
    return names == NULL || types == NULL || values == NULL
               ? NULL
               : ps_arena_printf(arena,
                                 "k%08" PRIx32 ".b%08" PRIx32 ".s%08" PRIx32 ".d%08" PRIx32
                                 ".c%08" PRIx32 ".n%s.t%s%s",
                                 (uint32_t)keys, (uint32_t)backfilled, subject->left_out,
                                 subject->deletes, (uint32_t)columns, names, types, values);
}

/*
 * True where a column has a name that another one had: renamed, or dropped and added again. Its
 * values at the destination are then not its own.
 */
static bool names_moved(const char *former, const struct ps_table *table)
{
    size_t size;
    const char *names = part_of(former, 'n', &size);
    for (uint32_t i = 0; i < table->columns_count && size > 0; i++) {
        uint32_t handle = table->columns[i].source_id;
        unsigned hash = name_hash(table->columns[i].name);
        unsigned kept = kept_name(names, size, handle);
        if (handle == 0 || kept == hash) {
            continue;
        }
        if (kept != 0) {
            return true;
        }
        for (uint32_t other = 1; other <= size / NAME_DIGITS; other++) {
            if (kept_name(names, size, other) == hash) {
                return true;
            }
        }
    }
    return false;
}

/* Adds ", new: a, b" of the columns whose handles the former did not know. */
static void put_new_columns(struct ps_buffer *out, const char *former, const struct ps_table *table)
{
    size_t size, count = 0;
    const char *names = part_of(former, 'n', &size);
    for (uint32_t i = 0; i < table->columns_count && size > 0; i++) {
        uint32_t handle = table->columns[i].source_id;
        if (handle != 0 && kept_name(names, size, handle) == 0 && count++ < COLUMNS_NAMED) {
            ps_buffer_printf(out, "%s\"%s\"", count == 1 ? ", new: " : ", ",
                             table->columns[i].name);
        }
    }
    if (count > COLUMNS_NAMED) {
        ps_buffer_printf(out, " and %zu more", count - COLUMNS_NAMED);
    }
}

static void put_type(struct ps_buffer *out, const struct ps_column *column)
{
    ps_buffer_puts(out, ps_type_name(column->type));
    if (column->type == PS_TYPE_DECIMAL) {
        ps_buffer_printf(out, "(%u,%u)", (unsigned)column->precision, (unsigned)column->scale);
    }
}

/* Adds `, "a" was INT and is LONG` of the columns whose types the former knew otherwise. */
static void put_changed_types(struct ps_buffer *out, const char *former,
                              const struct ps_table *table)
{
    size_t size, count = 0;
    const char *types = part_of(former, 't', &size);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const struct ps_column *column = &table->columns[i];
        struct ps_column was;
        if (!kept_type(types, size, column->source_id, &was) ||
            (was.type == column->type && was.precision == column->precision &&
             was.scale == column->scale) ||
            count++ >= COLUMNS_NAMED) {
            continue;
        }
        ps_buffer_printf(out, ", \"%s\" was ", column->name);
        put_type(out, &was);
        ps_buffer_puts(out, " and is ");
        put_type(out, column);
    }
    if (count > COLUMNS_NAMED) {
        ps_buffer_printf(out, " and %zu more types", count - COLUMNS_NAMED);
    }
}

const char *fingerprint_difference(const char *former, const struct fingerprint_subject *subject,
                                   struct ps_arena *arena)
{
    const char *present = fingerprint_make(arena, subject, NULL);
    if (former == NULL || present == NULL) {
        return NULL;
    }
    bool keys = !same_part(former, present, 'k'), columns = !same_part(former, present, 'c');
    bool moved = names_moved(former, subject->table);
    if (!keys && !columns && !moved) {
        return NULL;
    }
    struct ps_buffer text;
    ps_buffer_init(&text, 8192);
    ps_buffer_puts(&text, keys && columns ? "its key and its columns changed"
                          : keys          ? "its key changed"
                          : moved         ? "a column was renamed or replaced"
                                          : "its columns changed");
    put_new_columns(&text, former, subject->table);
    put_changed_types(&text, former, subject->table);
    const char *copy = ps_arena_strdup(arena, ps_buffer_text(&text));
    ps_buffer_done(&text);
    return copy;
}

const char *fingerprint_change(const char *former, const struct fingerprint_subject *subject,
                               struct ps_arena *arena)
{
    const char *present = fingerprint_make(arena, subject, NULL);
    if (present == NULL) {
        return "its columns could not be compared";
    }
    if (former == NULL || !same_part(former, present, 'k')) {
        return "its key changed";
    }
    if (!same_part(former, present, 'b')) {
        return "a column with a default was added";
    }
    if (!same_part(former, present, 's')) {
        return "other columns of it are selected";
    }
    if (!same_part(former, present, 'd')) {
        return "rows are marked as deleted otherwise";
    }
    if (!same_part(former, present, 'v')) {
        return "the configuration makes other values of its columns";
    }
    return names_moved(former, subject->table) ? "a column was renamed or replaced" : NULL;
}

bool fingerprint_keeps_key(const char *former, const char *present, const struct ps_table *table)
{
    size_t size_then, size_now;
    const char *then = part_of(former, 't', &size_then), *now = part_of(present, 't', &size_now);
    if (former == NULL || !same_part(former, present, 'k')) {
        return former == NULL;
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        const uint32_t handle = table->columns[i].source_id;
        struct ps_column was = {.type = PS_TYPE_UNSPECIFIED}, is = was;
        if (table->columns[i].key_position == 0) {
            continue;
        }
        /* What has no handle is known by all columns together. */
        if (kept_type(then, size_then, handle, &was) != kept_type(now, size_now, handle, &is) ||
            was.type != is.type || was.precision != is.precision || was.scale != is.scale ||
            (handle == 0 && !same_part(former, present, 'c'))) {
            return false;
        }
    }
    return true;
}
