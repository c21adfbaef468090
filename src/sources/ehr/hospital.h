/*
 * The simulated hospital: how many rows each table has on a day, and the life of each row (when it
 * was created, last touched, deleted). All of it is arithmetic on (seed, table, row, day), so that
 * any row of any day is found in constant time. Not for: what stands in the columns (tables.h).
 *
 * How time passes. Day 0 begins at EHR_DAY_ZERO. Row i of a table is touched on every day t for
 * which (t - 1) mod EHR_PERIOD is the slot of i mod EHR_PERIOD; slots are a permutation made from
 * the seed. The base rows were written on the EHR_PERIOD days that end with day 0, by the same
 * rule; each day after 0 adds `growth` rows.
 */
#ifndef SOURCES_EHR_HOSPITAL_H
#define SOURCES_EHR_HOSPITAL_H

#include <stdbool.h>
#include <stdint.h>

#include "penstock/value.h"

#define EHR_PERIOD 211
#define EHR_DAY_ZERO INT64_C(1704067200) /* 2024-01-01T00:00:00Z */
#define EHR_DAY_SECONDS 86400
#define EHR_DAY_MAX 100000 /* keys of type INT would overflow far beyond it */

enum ehr_table_id {
    EHR_PATIENT,
    EHR_PROVIDER,
    EHR_DEPARTMENT,
    EHR_ENCOUNTER,
    EHR_DIAGNOSIS,
    EHR_MEDICATION,
    EHR_LAB,
    EHR_FLOWSHEET,
    EHR_NOTE,
    EHR_TABLES,
};

/* Rows of these tables belong to encounters in order: row i to encounter i / n. */
#define EHR_DIAGNOSES_PER_ENCOUNTER 2
#define EHR_LABS_PER_ENCOUNTER 4
#define EHR_FLOWSHEETS_PER_ENCOUNTER 10

struct ehr_extent {
    int64_t base;   /* rows on day 0 */
    int64_t growth; /* rows added on each day after it */
};

/* Immutable once made; shared by all readers of a source. */
struct ehr_hospital {
    uint64_t seed;
    int64_t patients;
    int64_t day; /* what readers see */
    struct ehr_extent extents[EHR_TABLES];
    uint64_t salts[EHR_TABLES];
    uint8_t slots[EHR_TABLES][EHR_PERIOD];    /* of a residue */
    uint8_t residues[EHR_TABLES][EHR_PERIOD]; /* of a slot */
};

void hospital_init(struct ehr_hospital *hospital, uint64_t seed, int64_t patients, int64_t day);

/* The rows of a table on a day, deleted ones included. Days before 0 count as 0. */
int64_t hospital_rows(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t day);

/* The first row that was created on that day or later, base rows left out. */
int64_t hospital_first_created(const struct ehr_hospital *hospital, enum ehr_table_id table,
                               int64_t day);

/* The rows r, r + EHR_PERIOD, … are those that the given day touches. */
int64_t hospital_residue(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t day);

/* A hash of the row that never changes. */
uint64_t hospital_identity(const struct ehr_hospital *hospital, enum ehr_table_id table,
                           int64_t index);

/* A row as hospital->day finds it. */
struct ehr_life {
    uint64_t identity; /* as hospital_identity */
    int64_t created;   /* day; of base rows from 1 - EHR_PERIOD to 0 */
    int64_t touched;   /* the day of the last touch, or `created` */
    int64_t version;   /* touches so far; a deleted row is touched no more */
    bool deleted;
};
void hospital_life(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t index,
                   struct ehr_life *ret_life);

/* The midnight at which a day begins. */
struct ps_timestamp hospital_day_start(int64_t day);
/* The day an instant belongs to. */
int64_t hospital_day_of(struct ps_timestamp instant);

/* hash spread evenly over 0 … bound - 1. */
static inline int64_t ehr_pick(uint64_t hash, int64_t bound)
{
    return (int64_t)((ps_uint128)hash * (ps_uint128)bound >> 64);
}

#endif
