/*
 * What tests do with the rows of a source: make a configuration, describe a table, read it whole,
 * and compare reads as multisets of row hashes. A hash covers the values in the order of the
 * table's columns, whatever order they were read in.
 */
#ifndef TESTS_SUPPORT_ROWS_H
#define TESTS_SUPPORT_ROWS_H

#include "base/arena.h"
#include "penstock/source.h"

/* settings: "key=value" texts, NULL-terminated. Freed with rows_config_free. */
struct ps_config *rows_config(const struct ps_source_ops *ops, const char *const *settings);
void rows_config_free(struct ps_config *config);

/* A described table of an open source, in the arena; aborts where there is none. */
struct ps_table *rows_table(struct ps_source *source, struct ps_arena *arena, const char *schema,
                            const char *name);
/* 0, 1, 2, … */
const uint32_t *rows_all_columns(struct ps_arena *arena, const struct ps_table *table);

struct row_set {
    uint64_t *hashes;
    size_t count, capacity;
    uint64_t bad_rows;
    bool sorted;
};
void row_set_done(struct row_set *set);
void row_set_add_batch(struct row_set *set, const struct ps_batch *batch);
void row_set_add(struct row_set *set, const struct row_set *more);
bool row_set_equal(struct row_set *a, struct row_set *b);
/* How many rows of `part` are not in `whole`. */
size_t row_set_missing(struct row_set *part, struct row_set *whole);
/* How many hashes are in it more than once. */
size_t row_set_repeated(struct row_set *set);

uint64_t rows_hash(const struct ps_batch *batch, uint32_t row);
/* The hash of the key columns alone. */
uint64_t rows_key_hash(const struct ps_batch *batch, uint32_t row);

/* Reads to the end in batches of rows_max and adds what comes. */
enum ps_status rows_read(struct ps_source *source, const struct ps_read_request *request,
                         uint32_t rows_max, struct row_set *set, struct ps_error *err);
/* An empty batch for a request; released with ps_batch_free. */
struct ps_batch *rows_batch(const struct ps_read_request *request, uint32_t rows_max);
/* The same, which keeps rows with values at fault. */
struct ps_batch *rows_batch_keeping_faulty(const struct ps_read_request *request,
                                           uint32_t rows_max);

#endif
