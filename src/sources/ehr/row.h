/*
 * One row while it is made, and how a column describes the making of its value. The makers
 * themselves are in values.c, the columns of every table in tables.c.
 */
#ifndef SOURCES_EHR_ROW_H
#define SOURCES_EHR_ROW_H

#include "hospital.h"
#include "penstock/batch.h"
#include "text.h"

struct ehr_table;

/* Owned by one reader; begun anew for each row. */
struct ehr_row {
    const struct ehr_hospital *hospital;
    const struct ehr_table *table;
    int64_t index;
    struct ehr_life life;
    uint64_t state;    /* a hash that changes with every touch */
    int64_t encounter; /* the row's own or its parent's index; -1: it has none */
    int64_t patient;   /* likewise */
    int64_t admission; /* of the encounter, in seconds since 1970 */
    struct ps_batch *batch;
    size_t value_bytes_max;
    struct ehr_text text;   /* where long values are put together */
    const char *bad_reason; /* set by a maker that gives the row up */
};

struct ehr_column;

/* Puts the value of `column` into batch column `at`. False: out of memory, or row->bad_reason. */
typedef bool ehr_maker(struct ehr_row *row, const struct ehr_column *column, uint64_t hash,
                       uint32_t at);

struct ehr_column {
    const char *name;
    const char *source_type;
    enum ps_type type;
    uint8_t precision, scale, key;
    bool indexed;
    bool stable;    /* the value does not change when the row is touched */
    uint16_t nulls; /* of 1000 rows */
    ehr_maker *make;
    int64_t low, high;          /* what they mean is up to the maker */
    const char *const *choices; /* NULL-terminated, likewise */
};

struct ehr_table {
    const char *name;
    enum ehr_table_id id;
    const struct ehr_column *columns;
    uint32_t columns_count;
    uint32_t instant_quantum; /* its resolution in nanoseconds */
    uint32_t row_bytes;       /* about, for the estimate */
};

/* The tables in byte order of their names. */
extern const struct ehr_table ehr_tables[EHR_TABLES];

/* NULL: there is no such table. */
const struct ehr_table *ehr_table_find(const char *name);

void row_begin(struct ehr_row *row, int64_t index);
/* _LastUpdatedInstant of a row that lives so: inside the day of its last touch. */
struct ps_timestamp row_updated(const struct ehr_table *table, const struct ehr_life *life);
/* Puts one value, NULL included. False: out of memory, or row->bad_reason. */
bool row_put(struct ehr_row *row, const struct ehr_column *column, uint32_t ordinal, uint32_t at);

#endif
