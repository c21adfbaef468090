/*
 * Beginning a row: its life, its encounter and patient; and putting one value of it.
 */
#include "row.h"

#include "base/random.h"

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)
#define YEAR_SECONDS INT64_C(31556952)

static int64_t encounter_of(const struct ehr_row *row)
{
    switch (row->table->id) {
    case EHR_ENCOUNTER:
        return row->index;
    case EHR_DIAGNOSIS:
        return row->index / EHR_DIAGNOSES_PER_ENCOUNTER;
    case EHR_LAB:
        return row->index / EHR_LABS_PER_ENCOUNTER;
    case EHR_FLOWSHEET:
        return row->index / EHR_FLOWSHEETS_PER_ENCOUNTER;
    case EHR_MEDICATION:
    case EHR_NOTE:
        return ehr_pick(ps_hash64(row->life.identity + 1),
                        hospital_rows(row->hospital, EHR_ENCOUNTER, row->life.created));
    default:
        return -1;
    }
}

/* The day a row was created, 0 for base rows: what is referred to must be there then. */
static int64_t creation_day(const struct ehr_hospital *hospital, enum ehr_table_id table,
                            int64_t index)
{
    const struct ehr_extent *extent = &hospital->extents[table];
    return index < extent->base ? 0 : 1 + (index - extent->base) / extent->growth;
}

void row_begin(struct ehr_row *row, int64_t index)
{
    const struct ehr_hospital *hospital = row->hospital;

    row->index = index;
    row->bad_reason = NULL;
    hospital_life(hospital, row->table->id, index, &row->life);
    row->state = ps_hash64(row->life.identity + (uint64_t)row->life.version * GOLDEN + 2);
    row->encounter = encounter_of(row);
    row->patient = row->table->id == EHR_PATIENT ? index : -1;
    if (row->encounter >= 0) {
        uint64_t hash = ps_hash64(hospital_identity(hospital, EHR_ENCOUNTER, row->encounter) + 3);
        int64_t day = creation_day(hospital, EHR_ENCOUNTER, row->encounter);
        row->patient = ehr_pick(hash, hospital_rows(hospital, EHR_PATIENT, day));
        row->admission = day > 0 ? hospital_day_start(day).seconds - ehr_pick(hash * 3, 604800)
                                 : EHR_DAY_ZERO - ehr_pick(hash * 3, 10 * YEAR_SECONDS);
    }
}

struct ps_timestamp row_updated(const struct ehr_table *table, const struct ehr_life *life)
{
    struct ps_timestamp instant = hospital_day_start(life->touched);
    uint64_t hash = ps_hash64(life->identity + (uint64_t)life->version * GOLDEN + 4);

    instant.seconds += ehr_pick(hash, EHR_DAY_SECONDS);
    instant.nanos = (int32_t)ehr_pick(ps_hash64(hash), 1000000000 / table->instant_quantum) *
                    (int32_t)table->instant_quantum;
    return instant;
}

bool row_put(struct ehr_row *row, const struct ehr_column *column, uint32_t ordinal, uint32_t at)
{
    uint64_t hash =
        ps_hash64((column->stable ? row->life.identity : row->state) + (ordinal + 1) * GOLDEN);

    if (column->nulls != 0 && ehr_pick(hash, 1000) < column->nulls) {
        ps_batch_put_null(row->batch, at);
        return true;
    }
    /* The hash that decided on NULL is biased now; makers get a fresh one. */
    return column->make(row, column, column->nulls != 0 ? ps_hash64(hash) : hash, at);
}
