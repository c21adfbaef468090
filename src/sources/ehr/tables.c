/*
 * The nine tables, column by column. docs/sources/ehr.md describes them; between them they hold
 * every type of the contract.
 */

#include <string.h>

#include "values.h"

#define COLUMN(spelt, printed, kind, maker, ...)                                                   \
    {                                                                                              \
        .name = spelt, .source_type = printed, .type = PS_TYPE_##kind, .make = maker, __VA_ARGS__  \
    }
#define KEY(spelt, printed, kind, maker, position, ...)                                            \
    COLUMN(spelt, printed, kind, maker, .key = position, .indexed = (position) == 1,               \
           .stable = true, __VA_ARGS__)
#define DECIMAL(spelt, p, s, maker, ...)                                                           \
    COLUMN(spelt, "decimal(" #p "," #s ")", DECIMAL, maker, .precision = p, .scale = s, __VA_ARGS__)
#define UPDATED(printed, kind)                                                                     \
    COLUMN("_LastUpdatedInstant", printed, kind, make_updated, .indexed = true)
#define DELETED(printed, kind) COLUMN("_IsDeleted", printed, kind, make_deleted, .low = 0)

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

#define DAY 86400

static const struct ehr_column patient_columns[] = {
    KEY("PatientKey", "bigint", LONG, make_key, 1, .low = 0),
    COLUMN("DurableKey", "bigint", LONG, make_durable_key, .stable = true),
    COLUMN("PatientEpicId", "nvarchar(50)", STRING, make_epic_id, .stable = true, .low = 7,
           .choices = LIST("Z")),
    COLUMN("Name", "nvarchar(200)", STRING, make_person, .stable = true),
    COLUMN("PreferredName", "nvarchar(200)", STRING, make_choice, .nulls = 500,
           .choices = LIST("", "Bud", "Łu", "小美", "R\u0301e\u0301n", "🐻")),
    COLUMN("Sex", "nvarchar(50)", STRING, make_choice, .stable = true, .nulls = 5,
           .choices = LIST("Female", "Male", "Female", "Male", "X", "Unknown")),
    COLUMN("BirthDate", "date", NAIVE_DATE, make_date, .stable = true, .nulls = 3, .low = -36500,
           .high = 0),
    COLUMN("DeathInstant", "datetime2(7)", NAIVE_DATETIME, make_any_instant, .stable = true,
           .nulls = 970, .low = -400 * DAY, .high = 0),
    COLUMN("EmailAddress", "nvarchar(255)", STRING, make_email, .nulls = 200),
    DECIMAL("HouseholdIncome", 19, 4, make_any_decimal, .nulls = 300),
    COLUMN("PrimaryProviderKey", "bigint", LONG, make_provider_key, .nulls = 40),
    COLUMN("PortalPreferences", "json", JSON, make_json, .nulls = 250),
    COLUMN("PhotoThumbnail", "varbinary(max)", BINARY, make_bytes, .nulls = 700, .low = 0,
           .high = 400),
    COLUMN("IsCurrent", "bit", BOOLEAN, make_boolean, .low = 97),
    UPDATED("datetimeoffset(7)", UTC_DATETIME),
    DELETED("smallint", SHORT),
};

static const struct ehr_column provider_columns[] = {
    KEY("ProviderKey", "bigint", LONG, make_key, 1, .low = 0),
    COLUMN("ProviderEpicId", "nvarchar(50)", STRING, make_epic_id, .stable = true, .low = 6,
           .choices = LIST("P")),
    COLUMN("Name", "nvarchar(200)", STRING, make_person, .stable = true),
    COLUMN("Npi", "char(10)", STRING, make_epic_id, .stable = true, .low = 9, .choices = LIST("1")),
    COLUMN("Type", "nvarchar(50)", STRING, make_choice, .nulls = 20,
           .choices = LIST("Physician", "Nurse Practitioner", "Resident", "Médecin", "")),
    COLUMN("PrimaryDepartmentKey", "int", INT, make_department_key, .nulls = 30),
    DECIMAL("EffortFraction", 5, 4, make_decimal, .low = 0, .high = 10000),
    COLUMN("Credentials", "xml", XML, make_xml, .nulls = 100),
    COLUMN("IsActive", "bit", BOOLEAN, make_boolean, .low = 90, .nulls = 20),
    UPDATED("datetime2(6)", NAIVE_DATETIME),
    /* NULL here means "not deleted", as in many a warehouse. */
    COLUMN("_IsDeleted", "bit", BOOLEAN, make_deleted, .low = 500),
};

static const struct ehr_column department_columns[] = {
    KEY("DepartmentKey", "int", INT, make_key, 1, .low = 0),
    COLUMN("DepartmentEpicId", "nvarchar(50)", STRING, make_epic_id, .stable = true, .low = 5,
           .choices = LIST("D")),
    COLUMN("DepartmentName", "nvarchar(200)", STRING, make_choice, .stable = true,
           .choices = LIST("Emergency", "Cardiology", "Oncología", "Réanimation", "小児科",
                           "Labor & Delivery", "ICU \"North\"", "Radiology")),
    COLUMN("BedCount", "smallint", SHORT, make_any_integer, .low = 0, .high = 60, .nulls = 50),
    COLUMN("Latitude", "float", DOUBLE, make_real, .stable = true, .low = -90, .high = 90),
    COLUMN("Longitude", "float", DOUBLE, make_real, .stable = true, .low = -180, .high = 180),
    COLUMN("OpeningHours", "json", JSON, make_json, .nulls = 100),
    DECIMAL("Budget", 38, 10, make_any_decimal, .nulls = 50),
    UPDATED("datetimeoffset(0)", UTC_DATETIME),
    DELETED("smallint", SHORT),
};

static const struct ehr_column encounter_columns[] = {
    KEY("EncounterKey", "bigint", LONG, make_key, 1, .low = 0),
    DECIMAL("EncounterEpicCsn", 18, 0, make_case_number, .stable = true),
    COLUMN("PatientKey", "bigint", LONG, make_patient_key, .stable = true),
    COLUMN("DepartmentKey", "int", INT, make_department_key, .stable = true),
    COLUMN("ProviderKey", "bigint", LONG, make_provider_key, .nulls = 60),
    COLUMN("Type", "nvarchar(50)", STRING, make_choice, .stable = true,
           .choices = LIST("Office Visit", "Telemedicine", "Hospital Encounter", "ED Visit")),
    COLUMN("AdmissionInstant", "datetime2(7)", NAIVE_DATETIME, make_instant, .stable = true),
    COLUMN("DischargeInstant", "datetime2(7)", NAIVE_DATETIME, make_any_instant, .nulls = 150,
           .low = 1800, .high = 20 * DAY),
    COLUMN("IsHospitalAdmission", "bit", BOOLEAN, make_boolean, .stable = true, .low = 20),
    COLUMN("LengthOfStayDays", "real", FLOAT, make_any_real, .nulls = 150, .low = 0, .high = 20),
    DECIMAL("TotalCharges", 12, 2, make_decimal, .nulls = 50, .low = -50000, .high = 25000000),
    COLUMN("ReasonForVisit", "nvarchar(max)", STRING, make_choice, .nulls = 300,
           .choices = LIST("", "Fever", "Douleur thoracique", "発熱", "Follow-up", "\u00a0")),
    UPDATED("datetime2(7)", NAIVE_DATETIME),
    DELETED("smallint", SHORT),
};

static const struct ehr_column diagnosis_columns[] = {
    KEY("EncounterKey", "bigint", LONG, make_encounter_key, 1, .low = 0),
    KEY("DiagnosisLine", "smallint", SHORT, make_line, 2, .low = EHR_DIAGNOSES_PER_ENCOUNTER,
        .high = 1),
    COLUMN("PatientKey", "bigint", LONG, make_patient_key, .stable = true),
    COLUMN("Icd10Code", "varchar(10)", STRING, make_choice,
           .choices = LIST("E11.9", "I10", "J18.9", "M54.5", "F41.1", "Z00.00", "S72.001A")),
    COLUMN("DiagnosisName", "nvarchar(300)", STRING, make_choice,
           .choices = LIST("Type 2 diabetes mellitus", "Essential hypertension", "Pneumonie",
                           "腰痛", "Ménière's disease", "Sjögren syndrome")),
    COLUMN("PresentOnAdmission", "char(1)", STRING, make_choice, .nulls = 400,
           .choices = LIST("Y", "N", "U", "")),
    COLUMN("StartDate", "date", NAIVE_DATE, make_date, .nulls = 100, .low = -3650, .high = 0),
    COLUMN("SeverityWeight", "float", DOUBLE, make_any_real, .nulls = 80, .low = -4, .high = 12),
    COLUMN("IsPrimary", "bit", BOOLEAN, make_boolean, .low = 50),
    UPDATED("datetimeoffset(9)", UTC_DATETIME),
    DELETED("bit", BOOLEAN),
};

static const struct ehr_column medication_columns[] = {
    KEY("MedicationOrderKey", "bigint", LONG, make_key, 1, .low = 0),
    COLUMN("EncounterKey", "bigint", LONG, make_encounter_key, .stable = true),
    COLUMN("PatientKey", "bigint", LONG, make_patient_key, .stable = true),
    COLUMN("OrderedByProviderKey", "bigint", LONG, make_provider_key, .stable = true),
    COLUMN("OrderedInstant", "datetimeoffset(9)", UTC_DATETIME, make_any_instant, .stable = true,
           .low = 0, .high = 5 * DAY),
    COLUMN("MedicationName", "nvarchar(300)", STRING, make_choice, .stable = true,
           .choices = LIST("metformin 500 mg", "lisinopril 10 mg", "paracétamol 1 g", "阿司匹林",
                           "heparin 5.000 IE/mL", "vitamin D\u2083")),
    DECIMAL("Dose", 28, 6, make_any_decimal, .nulls = 60),
    DECIMAL("UnitsDispensed", 38, 0, make_any_decimal, .nulls = 600),
    COLUMN("Sig", "xml", XML, make_xml, .nulls = 120),
    COLUMN("Refills", "smallint", SHORT, make_any_integer, .low = 0, .high = 11, .nulls = 100),
    COLUMN("IsControlled", "bit", BOOLEAN, make_boolean, .stable = true, .low = 8),
    UPDATED("datetimeoffset(6)", UTC_DATETIME),
    DELETED("smallint", SHORT),
};

static const struct ehr_column lab_columns[] = {
    KEY("LabComponentResultKey", "bigint", LONG, make_key, 1, .low = 0),
    COLUMN("EncounterKey", "bigint", LONG, make_encounter_key, .stable = true),
    COLUMN("PatientKey", "bigint", LONG, make_patient_key, .stable = true),
    COLUMN("ComponentCode", "int", INT, make_any_integer, .stable = true, .low = 1000,
           .high = 9999),
    COLUMN("Value", "nvarchar(100)", STRING, make_choice, .nulls = 20,
           .choices = LIST("4.2", "<0.01", "POSITIVE", "", "négatif", "see note", "7,5")),
    COLUMN("NumericValue", "float", DOUBLE, make_any_real, .nulls = 300, .low = -10, .high = 500),
    COLUMN("ReferenceHigh", "real", FLOAT, make_real, .stable = true, .nulls = 100, .low = 1,
           .high = 300),
    COLUMN("Flag", "varchar(10)", STRING, make_choice, .nulls = 700,
           .choices = LIST("H", "L", "HH", "LL", "")),
    COLUMN("AccessionNumber", "bigint", LONG, make_any_integer, .stable = true, .nulls = 30,
           .low = INT64_C(1000000000), .high = INT64_C(99999999999)),
    COLUMN("ResultInstant", "datetimeoffset(7)", UTC_DATETIME, make_instant, .nulls = 40,
           .low = 600, .high = 3 * DAY),
    UPDATED("datetime2(7)", NAIVE_DATETIME),
    DELETED("bit", BOOLEAN),
};

static const struct ehr_column flowsheet_columns[] = {
    KEY("EncounterKey", "bigint", LONG, make_encounter_key, 1, .low = 0),
    KEY("FlowsheetRowKey", "int", INT, make_line, 2, .low = EHR_FLOWSHEETS_PER_ENCOUNTER,
        .high = 301),
    COLUMN("PatientKey", "bigint", LONG, make_patient_key, .stable = true),
    COLUMN("TakenInstant", "datetime2(7)", NAIVE_DATETIME, make_instant, .stable = true, .low = 0,
           .high = 5 * DAY),
    COLUMN("NumericValue", "float", DOUBLE, make_real, .nulls = 50, .low = 0, .high = 250),
    UPDATED("datetimeoffset(9)", UTC_DATETIME),
    DELETED("smallint", SHORT),
};

static const struct ehr_column note_columns[] = {
    KEY("ClinicalNoteKey", "bigint", LONG, make_key, 1, .low = 0),
    COLUMN("EncounterKey", "bigint", LONG, make_encounter_key, .stable = true),
    COLUMN("PatientKey", "bigint", LONG, make_patient_key, .stable = true),
    COLUMN("AuthorProviderKey", "bigint", LONG, make_provider_key, .stable = true, .nulls = 20),
    COLUMN("Type", "nvarchar(50)", STRING, make_choice, .stable = true,
           .choices = LIST("Progress Note", "Discharge Summary", "Consult", "看護記録")),
    COLUMN("Text", "nvarchar(max)", STRING, make_note, .nulls = 10),
    COLUMN("Attributes", "json", JSON, make_json, .nulls = 100),
    COLUMN("Signature", "varbinary(64)", BINARY, make_bytes, .nulls = 200, .low = 0, .high = 64),
    COLUMN("ServiceInstant", "datetime2(7)", NAIVE_DATETIME, make_instant, .stable = true, .low = 0,
           .high = 10 * DAY),
    UPDATED("datetime2(3)", NAIVE_DATETIME),
    DELETED("bit", BOOLEAN),
};

#define TABLE(spelt, which, list, quantum, bytes)                                                  \
    {                                                                                              \
        .name = spelt, .id = which, .columns = list,                                               \
        .columns_count = sizeof list / sizeof list[0], .instant_quantum = quantum,                 \
        .row_bytes = bytes                                                                         \
    }

const struct ehr_table ehr_tables[EHR_TABLES] = {
    TABLE("ClinicalNoteTextFact", EHR_NOTE, note_columns, 1000000, 1300),
    TABLE("DepartmentDim", EHR_DEPARTMENT, department_columns, 1000000000, 180),
    TABLE("DiagnosisEventFact", EHR_DIAGNOSIS, diagnosis_columns, 1, 90),
    TABLE("EncounterFact", EHR_ENCOUNTER, encounter_columns, 100, 140),
    TABLE("FlowsheetValueFact", EHR_FLOWSHEET, flowsheet_columns, 1, 62),
    TABLE("LabComponentResultFact", EHR_LAB, lab_columns, 100, 100),
    TABLE("MedicationOrderFact", EHR_MEDICATION, medication_columns, 1000, 250),
    TABLE("PatientDim", EHR_PATIENT, patient_columns, 100, 300),
    TABLE("ProviderDim", EHR_PROVIDER, provider_columns, 1000, 220),
};

const struct ehr_table *ehr_table_find(const char *name)
{
    for (unsigned i = 0; i < EHR_TABLES; i++) {
        if (strcmp(ehr_tables[i].name, name) == 0) {
            return &ehr_tables[i];
        }
    }
    return NULL;
}
