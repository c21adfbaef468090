/*
 * Rows as tests look at them: read whole, hashed, compared.
 */
#include "rows.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "config/options.h"

/* ps_config may refer to its settings, so both live and die together. */
static struct {
    struct ps_config *config;
    struct ps_settings settings;
} configs[16];

struct ps_config *rows_config(const struct ps_source_ops *ops, const char *const *settings)
{
    const struct ps_option *const tables[] = {ops->options, NULL};
    struct ps_error err = {0};
    size_t at = 0;

    while (configs[at].config != NULL) {
        at++;
        assert(at < sizeof configs / sizeof configs[0]);
    }
    for (; *settings != NULL; settings++) {
        const char *equals = strchr(*settings, '=');
        assert(equals != NULL);
        char *key = strndup(*settings, (size_t)(equals - *settings));
        enum ps_status added = ps_settings_add(&configs[at].settings, key, equals + 1, &err);
        assert(added == PS_OK);
        free(key);
    }
    enum ps_status made =
        ps_config_new(&configs[at].settings, tables, NULL, &configs[at].config, &err);
    if (made != PS_OK) {
        fprintf(stderr, "rows_config: %s\n", err.message);
        abort();
    }
    return configs[at].config;
}

void rows_config_free(struct ps_config *config)
{
    for (size_t at = 0; config != NULL && at < sizeof configs / sizeof configs[0]; at++) {
        if (configs[at].config == config) {
            ps_config_free(config);
            ps_settings_done(&configs[at].settings);
            configs[at].config = NULL;
        }
    }
}

struct ps_table *rows_table(struct ps_source *source, struct ps_arena *arena, const char *schema,
                            const char *name)
{
    struct ps_table_list list = {.arena = arena};
    struct ps_error err = {0};
    enum ps_status status = source->ops->list_tables(source, &list, &err);

    for (size_t i = 0; status == PS_OK && i < list.tables_count; i++) {
        struct ps_table *table = list.tables[i];
        if (strcmp(table->schema, schema) == 0 && strcmp(table->name, name) == 0) {
            status = source->ops->describe(source, arena, table, &err);
            if (status == PS_OK) {
                return table;
            }
        }
    }
    fprintf(stderr, "rows_table: %s.%s: %s\n", schema, name, err.message);
    abort();
}

const uint32_t *rows_all_columns(struct ps_arena *arena, const struct ps_table *table)
{
    uint32_t *columns = ps_arena_array(arena, table->columns_count, sizeof *columns);
    assert(columns != NULL);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        columns[i] = i;
    }
    return columns;
}

void row_set_done(struct row_set *set)
{
    free(set->hashes);
    *set = (struct row_set){0};
}

static void add_hash(struct row_set *set, uint64_t hash)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity * 2 + 64;
        set->hashes = realloc(set->hashes, set->capacity * sizeof *set->hashes);
        assert(set->hashes != NULL);
    }
    set->hashes[set->count++] = hash;
    set->sorted = false;
}

void row_set_add_batch(struct row_set *set, const struct ps_batch *batch)
{
    for (uint32_t row = 0; row < batch->rows; row++) {
        add_hash(set, rows_hash(batch, row));
    }
    set->bad_rows += batch->bad_rows;
}

void row_set_add(struct row_set *set, const struct row_set *more)
{
    for (size_t i = 0; i < more->count; i++) {
        add_hash(set, more->hashes[i]);
    }
    set->bad_rows += more->bad_rows;
}

static int compare_hashes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sort(struct row_set *set)
{
    if (!set->sorted && set->count > 0) {
        qsort(set->hashes, set->count, sizeof *set->hashes, compare_hashes);
    }
    set->sorted = true;
}

size_t row_set_missing(struct row_set *part, struct row_set *whole)
{
    size_t missing = 0, at = 0;
    sort(part);
    sort(whole);
    for (size_t i = 0; i < part->count; i++) {
        while (at < whole->count && whole->hashes[at] < part->hashes[i]) {
            at++;
        }
        if (at < whole->count && whole->hashes[at] == part->hashes[i]) {
            at++;
        } else {
            missing++;
        }
    }
    return missing;
}

bool row_set_equal(struct row_set *a, struct row_set *b)
{
    return a->count == b->count && a->bad_rows == b->bad_rows && row_set_missing(a, b) == 0;
}

size_t row_set_repeated(struct row_set *set)
{
    size_t repeated = 0;
    sort(set);
    for (size_t i = 1; i < set->count; i++) {
        repeated += set->hashes[i] == set->hashes[i - 1];
    }
    return repeated;
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
    case PS_TYPE_DECIMAL:
        return 16;
    default:
        return 8;
    }
}

static uint64_t value_hash(const struct ps_vector *vector, uint32_t row)
{
    if (!ps_vector_is_valid(vector, row)) {
        return 1;
    }
    if (ps_type_is_variable(vector->type)) {
        size_t size;
        const uint8_t *bytes = ps_vector_bytes(vector, row, &size);
        return ps_hash_bytes(bytes, size);
    }
    if (vector->type == PS_TYPE_NAIVE_DATETIME || vector->type == PS_TYPE_UTC_DATETIME) {
        struct ps_timestamp value = ((const struct ps_timestamp *)vector->values)[row];
        return ps_hash64((uint64_t)value.seconds) + ps_hash64((uint64_t)value.nanos + 7);
    }
    size_t width = fixed_width(vector->type);
    return ps_hash_bytes((const uint8_t *)vector->values + row * width, width);
}

static uint64_t hash_columns(const struct ps_batch *batch, uint32_t row, bool keys_only)
{
    uint64_t hash = 0;
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        uint32_t column = batch->columns[i];
        if (!keys_only || batch->table->columns[column].key_position != 0) {
            /* A sum, so that the order of the batch's columns does not count. */
            hash += ps_hash64(value_hash(&batch->vectors[i], row) + column * 31);
        }
    }
    return hash;
}

uint64_t rows_hash(const struct ps_batch *batch, uint32_t row)
{
    return hash_columns(batch, row, false);
}

uint64_t rows_key_hash(const struct ps_batch *batch, uint32_t row)
{
    return hash_columns(batch, row, true);
}

static struct ps_batch *make_batch(const struct ps_read_request *request, uint32_t rows_max,
                                   bool keeps_faulty)
{
    struct ps_batch_shape shape = {.table = request->table,
                                   .columns = request->columns,
                                   .columns_count = request->columns_count,
                                   .rows_max = rows_max,
                                   .bytes_max = 64u << 20,
                                   .keeps_faulty = keeps_faulty,
                                   .flag = -1};
    struct ps_batch *batch = NULL;
    enum ps_status status = ps_batch_new(&shape, &batch, NULL);
    assert(status == PS_OK);
    batch->table = request->table;
    return batch;
}

struct ps_batch *rows_batch(const struct ps_read_request *request, uint32_t rows_max)
{
    return make_batch(request, rows_max, false);
}

struct ps_batch *rows_batch_keeping_faulty(const struct ps_read_request *request, uint32_t rows_max)
{
    return make_batch(request, rows_max, true);
}

enum ps_status rows_read(struct ps_source *source, const struct ps_read_request *request,
                         uint32_t rows_max, struct row_set *set, struct ps_error *err)
{
    const struct ps_source_ops *ops = source->ops;
    struct ps_reader *reader = NULL;
    struct ps_batch *batch = rows_batch(request, rows_max);
    enum ps_status status = ops->reader_open(source, request, &reader, err);

    while (status == PS_OK) {
        ps_batch_reset(batch);
        batch->table = request->table;
        status = ops->reader_next(reader, batch, err);
        if (status == PS_OK) {
            row_set_add_batch(set, batch);
        }
    }
    ops->reader_close(reader);
    ps_batch_free(batch);
    return status == PS_END ? PS_OK : status;
}
