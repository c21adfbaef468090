/*
 * The arithmetic of the simulated hospital: table sizes, the permutation of touches, a row's life.
 */
#include "hospital.h"

#include <assert.h>

#include "base/random.h"

static int64_t at_least(int64_t value, int64_t least)
{
    return value < least ? least : value;
}

static int64_t floor_mod(int64_t value, int64_t divisor)
{
    int64_t rest = value % divisor;
    return rest < 0 ? rest + divisor : rest;
}

static struct ehr_extent extent_of(int64_t base)
{
    return (struct ehr_extent){.base = base, .growth = base / 400 + 1};
}

static struct ehr_extent extent_times(struct ehr_extent extent, int64_t factor)
{
    return (struct ehr_extent){.base = extent.base * factor, .growth = extent.growth * factor};
}

static void set_extents(struct ehr_hospital *hospital)
{
    struct ehr_extent *extents = hospital->extents;
    int64_t patients = hospital->patients;

    extents[EHR_PATIENT] = extent_of(patients);
    extents[EHR_PROVIDER] = extent_of(at_least(patients / 100, 20));
    extents[EHR_DEPARTMENT] = extent_of(at_least(patients / 1000, 10));
    extents[EHR_ENCOUNTER] = extent_of(patients * 5);
    extents[EHR_MEDICATION] = extent_of(patients * 8);
    extents[EHR_NOTE] = extent_of(patients * 3);
    /* Multiples in growth too, so that row i / n is the encounter of row i on every day. */
    extents[EHR_DIAGNOSIS] = extent_times(extents[EHR_ENCOUNTER], EHR_DIAGNOSES_PER_ENCOUNTER);
    extents[EHR_LAB] = extent_times(extents[EHR_ENCOUNTER], EHR_LABS_PER_ENCOUNTER);
    extents[EHR_FLOWSHEET] = extent_times(extents[EHR_ENCOUNTER], EHR_FLOWSHEETS_PER_ENCOUNTER);
}

static void shuffle_slots(struct ehr_hospital *hospital, enum ehr_table_id table)
{
    uint8_t *residues = hospital->residues[table];
    struct ps_random random;

    ps_random_init(&random, hospital->salts[table]);
    for (unsigned slot = 0; slot < EHR_PERIOD; slot++) {
        residues[slot] = (uint8_t)slot;
    }
    for (unsigned slot = EHR_PERIOD - 1; slot > 0; slot--) {
        uint64_t other = ps_random_below(&random, slot + 1);
        uint8_t residue = residues[slot];
        residues[slot] = residues[other];
        residues[other] = residue;
    }
    for (unsigned slot = 0; slot < EHR_PERIOD; slot++) {
        hospital->slots[table][residues[slot]] = (uint8_t)slot;
    }
}

void hospital_init(struct ehr_hospital *hospital, uint64_t seed, int64_t patients, int64_t day)
{
    assert(patients > 0 && day >= 0 && day <= EHR_DAY_MAX);
    *hospital = (struct ehr_hospital){.seed = seed, .patients = patients, .day = day};
    set_extents(hospital);
    for (unsigned table = 0; table < EHR_TABLES; table++) {
        hospital->salts[table] = ps_hash64(ps_hash64(seed) + table + 1);
        shuffle_slots(hospital, (enum ehr_table_id)table);
    }
}

int64_t hospital_rows(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t day)
{
    const struct ehr_extent *extent = &hospital->extents[table];
    return extent->base + at_least(day, 0) * extent->growth;
}

int64_t hospital_first_created(const struct ehr_hospital *hospital, enum ehr_table_id table,
                               int64_t day)
{
    return hospital_rows(hospital, table, day - 1);
}

int64_t hospital_residue(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t day)
{
    return hospital->residues[table][floor_mod(day - 1, EHR_PERIOD)];
}

uint64_t hospital_identity(const struct ehr_hospital *hospital, enum ehr_table_id table,
                           int64_t index)
{
    return ps_hash64(hospital->salts[table] + (uint64_t)index * UINT64_C(0x9e3779b97f4a7c15));
}

/*
 * The touch at which a row is deleted, or -1: never. One base row in a hundred was deleted before
 * day 0 already.
 */
static int64_t deleting_touch(uint64_t identity, bool base_row)
{
    int64_t fate = ehr_pick(ps_hash64(identity ^ UINT64_C(0xdead)), 100);
    if (fate == 0 && base_row) {
        return 0;
    }
    if (fate >= 1 && fate <= 5) {
        return 1;
    }
    return fate == 6 || fate == 7 ? 2 : -1;
}

void hospital_life(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t index,
                   struct ehr_life *ret_life)
{
    const struct ehr_extent *extent = &hospital->extents[table];
    int64_t slot = hospital->slots[table][index % EHR_PERIOD];
    int64_t created, first; /* `first`: the day of the first touch */

    if (index < extent->base) {
        created = slot + 1 - EHR_PERIOD;
        first = created + EHR_PERIOD;
    } else {
        created = 1 + (index - extent->base) / extent->growth;
        first = created + 1 + floor_mod(slot - created, EHR_PERIOD);
    }
    int64_t touches = hospital->day < first ? 0 : (hospital->day - first) / EHR_PERIOD + 1;
    uint64_t identity = hospital_identity(hospital, table, index);
    int64_t last = deleting_touch(identity, index < extent->base);
    bool deleted = last >= 0 && touches >= last;
    if (deleted) {
        touches = last;
    }
    ret_life->identity = identity;
    ret_life->created = created;
    ret_life->version = touches;
    ret_life->touched = touches == 0 ? created : first + (touches - 1) * EHR_PERIOD;
    ret_life->deleted = deleted;
}

struct ps_timestamp hospital_day_start(int64_t day)
{
    return (struct ps_timestamp){.seconds = EHR_DAY_ZERO + day * EHR_DAY_SECONDS};
}

int64_t hospital_day_of(struct ps_timestamp instant)
{
    int64_t since = instant.seconds - EHR_DAY_ZERO;
    return (since - floor_mod(since, EHR_DAY_SECONDS)) / EHR_DAY_SECONDS;
}
