/*
 * The hospital's arithmetic against a simulation that lives day by day.
 */
#include "support/unit.h"

#include "sources/ehr/hospital.h"
#include "sources/ehr/row.h"

static struct ehr_hospital hospital_on(int64_t day)
{
    struct ehr_hospital hospital;
    hospital_init(&hospital, 42, 300, day);
    return hospital;
}

static bool touched_on(const struct ehr_hospital *hospital, enum ehr_table_id table, int64_t index,
                       int64_t day)
{
    return index % EHR_PERIOD == hospital_residue(hospital, table, day);
}

/* What hospital_life computes, found by living through the days. */
static void test_life_equals_a_simulation_day_by_day(void **state)
{
    (void)state;
    static const int64_t rows[] = {0, 1, 17, 210, 211, 299, 300, 301, 302, 777, 1200};
    for (int64_t day = 0; day < 700; day += 7) {
        struct ehr_hospital hospital = hospital_on(day);
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            struct ehr_life life;
            int64_t created = 1 - EHR_PERIOD, touched, touches = 0;
            if (rows[i] >= hospital_rows(&hospital, EHR_PATIENT, day)) {
                continue;
            }
            if (rows[i] >= hospital.extents[EHR_PATIENT].base) {
                for (created = 1; hospital_rows(&hospital, EHR_PATIENT, created) <= rows[i];) {
                    created++;
                }
            } else {
                while (!touched_on(&hospital, EHR_PATIENT, rows[i], created)) {
                    created++;
                }
            }
            hospital_life(&hospital, EHR_PATIENT, rows[i], &life);
            touched = created;
            for (int64_t t = created + 1; t <= day; t++) {
                if (touched_on(&hospital, EHR_PATIENT, rows[i], t) &&
                    !(life.deleted && touches == life.version)) {
                    touches++;
                    touched = t;
                }
            }
            assert_int_equal(life.created, created);
            assert_int_equal(life.touched, touched);
            assert_int_equal(life.version, touches);
        }
    }
}

static void test_life_of_a_deleted_row_stands_still(void **state)
{
    (void)state;
    struct ehr_hospital early = hospital_on(400), late = hospital_on(4000);
    int64_t deleted = 0, rows = hospital_rows(&early, EHR_PATIENT, 400);
    for (int64_t i = 0; i < rows; i++) {
        struct ehr_life then, later;
        hospital_life(&early, EHR_PATIENT, i, &then);
        hospital_life(&late, EHR_PATIENT, i, &later);
        if (then.deleted) {
            deleted++;
            assert_true(later.deleted);
            assert_int_equal(later.touched, then.touched);
            assert_int_equal(later.version, then.version);
        }
    }
    assert_in_range(deleted, rows / 50, rows / 5);
}

static void test_each_row_is_touched_once_in_a_period(void **state)
{
    (void)state;
    struct ehr_hospital hospital = hospital_on(0);
    for (unsigned table = 0; table < EHR_TABLES; table++) {
        bool seen[EHR_PERIOD] = {false};
        for (int64_t day = -5; day < EHR_PERIOD - 5; day++) {
            int64_t residue = hospital_residue(&hospital, (enum ehr_table_id)table, day);
            assert_in_range(residue, 0, EHR_PERIOD - 1);
            assert_false(seen[residue]);
            seen[residue] = true;
        }
    }
}

static void test_updated_lies_inside_the_day_of_the_touch(void **state)
{
    (void)state;
    struct ehr_hospital hospital = hospital_on(250);
    for (unsigned t = 0; t < EHR_TABLES; t++) {
        const struct ehr_table *table = &ehr_tables[t];
        int64_t rows = hospital_rows(&hospital, table->id, 250);
        for (int64_t i = rows > 1000 ? rows - 1000 : 0; i < rows; i++) {
            struct ehr_life life;
            hospital_life(&hospital, table->id, i, &life);
            struct ps_timestamp updated = row_updated(table, &life);
            assert_int_equal(hospital_day_of(updated), life.touched);
            assert_true(life.touched <= 250);
            assert_int_equal(updated.nanos % (int32_t)table->instant_quantum, 0);
        }
    }
}

static void test_day_of_an_instant_before_day_zero_is_negative(void **state)
{
    (void)state;
    assert_int_equal(hospital_day_of((struct ps_timestamp){EHR_DAY_ZERO, 0}), 0);
    assert_int_equal(hospital_day_of((struct ps_timestamp){EHR_DAY_ZERO - 1, 999999999}), -1);
    assert_int_equal(hospital_day_of((struct ps_timestamp){EHR_DAY_ZERO - 86400, 0}), -1);
    assert_int_equal(hospital_day_of((struct ps_timestamp){EHR_DAY_ZERO - 86401, 0}), -2);
    assert_int_equal(hospital_day_start(1).seconds, EHR_DAY_ZERO + 86400);
    assert_int_equal(hospital_day_of((struct ps_timestamp){PS_TIMESTAMP_SECONDS_MIN, 0}), -738885);
}

static void test_children_belong_to_encounters_of_the_same_day(void **state)
{
    (void)state;
    for (int64_t day = 0; day < 1000; day += 100) {
        struct ehr_hospital hospital = hospital_on(day);
        int64_t encounters = hospital_rows(&hospital, EHR_ENCOUNTER, day);
        assert_int_equal(hospital_rows(&hospital, EHR_DIAGNOSIS, day),
                         encounters * EHR_DIAGNOSES_PER_ENCOUNTER);
        assert_int_equal(hospital_rows(&hospital, EHR_LAB, day),
                         encounters * EHR_LABS_PER_ENCOUNTER);
        assert_int_equal(hospital_rows(&hospital, EHR_FLOWSHEET, day),
                         encounters * EHR_FLOWSHEETS_PER_ENCOUNTER);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_equals_a_simulation_day_by_day),
        cmocka_unit_test(test_life_of_a_deleted_row_stands_still),
        cmocka_unit_test(test_each_row_is_touched_once_in_a_period),
        cmocka_unit_test(test_updated_lies_inside_the_day_of_the_touch),
        cmocka_unit_test(test_day_of_an_instant_before_day_zero_is_negative),
        cmocka_unit_test(test_children_belong_to_encounters_of_the_same_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
