/*
 * The makers of values. What `low`, `high` and `choices` of the column mean stands beside each.
 */
#ifndef SOURCES_EHR_VALUES_H
#define SOURCES_EHR_VALUES_H

#include "row.h"

ehr_maker make_key;            /* the row's index + 1; LONG or INT */
ehr_maker make_line;           /* index % low + high; SHORT or INT */
ehr_maker make_durable_key;    /* a LONG that is not in row order, and unique */
ehr_maker make_patient_key;    /* of the row's patient */
ehr_maker make_encounter_key;  /* of the row's encounter */
ehr_maker make_provider_key;   /* of some provider that was there when the row was created */
ehr_maker make_department_key; /* likewise */
ehr_maker make_epic_id;        /* choices[0] and the index, padded to `low` digits */
ehr_maker make_case_number;    /* the index as DECIMAL */
ehr_maker make_updated;        /* _LastUpdatedInstant */
ehr_maker make_deleted;        /* _IsDeleted; NULL in `low` of 1000 rows that are not deleted */
ehr_maker make_boolean;        /* true in `low` of 100 rows */
ehr_maker make_integer;        /* low … high; SHORT, INT or LONG */
ehr_maker make_any_integer;    /* the same, but rarely the type's least or greatest value */
ehr_maker make_decimal;        /* unscaled low … high */
ehr_maker make_any_decimal;    /* any that the precision allows, rarely its extremes */
ehr_maker make_real;           /* low … high with three decimals; FLOAT or DOUBLE */
ehr_maker make_any_real;       /* the same, but rarely -0, the smallest and the largest finite */
ehr_maker make_date;           /* low … high days after day 0, rarely year 1 or 9999 */
ehr_maker make_instant;        /* low … high seconds after the admission, to 100 ns */
ehr_maker make_any_instant;    /* the same to 1 ns, but rarely year 1 or 9999 */
ehr_maker make_choice;         /* one of choices */
ehr_maker make_person;         /* a name */
ehr_maker make_email;          /* an address, sometimes "" */
ehr_maker make_note;           /* prose; one in two hundred has tens of kilobytes */
ehr_maker make_json;
ehr_maker make_xml;
ehr_maker make_bytes; /* low … high bytes */

#endif
