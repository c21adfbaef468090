"""The embedded source through the whole pipe: a simulated hospital's life, sync after sync."""

import duckdb
import pytest
from flow import Flow, table_result

PATIENTS = "60"
TABLES = [
    "ClinicalNoteTextFact", "DepartmentDim", "DiagnosisEventFact", "EncounterFact",
    "FlowsheetValueFact", "LabComponentResultFact", "MedicationOrderFact", "PatientDim",
    "ProviderDim",
]  # fmt: skip


@pytest.fixture
def ehr(penstock):
    """Syncs `syncs` times into a warehouse of its own name; its path and the last document."""

    def run(name, syncs, **settings):
        flow = Flow(penstock, None, **{"ehr_patients": PATIENTS, **settings})
        document = None
        for _ in range(syncs):
            document = flow.sync("--warehouse", f"{name}.db", "--state", f"{name}.json")
        return penstock.folder / f"{name}.db", document

    return run


def differences(left, right, live_only):
    """Per table that differs: rows in one warehouse alone, `_fivetran_synced` aside."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{left}' AS a (READ_ONLY); ATTACH '{right}' AS b (READ_ONLY)")
        found = {}
        for table in TABLES:
            where = "WHERE NOT _fivetran_deleted" if live_only else ""
            # Columns by name: a long-lived table has them in the order in which they came.
            one, other = (
                f"(SELECT * EXCLUDE (_fivetran_synced) FROM {side}.tester.{table} {where})"
                for side in "ab"
            )
            count = connection.execute(
                f"SELECT count(*) FROM ((FROM {one} EXCEPT ALL FROM {other})"
                f" UNION ALL (FROM {other} EXCEPT ALL FROM {one}))"
            ).fetchone()[0]
            if count:
                found[table] = count
        return found


def rows_in(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("syncs", [2, 5])
def test_same_seed_and_syncs_give_equal_warehouses(ehr, syncs):
    one, _ = ehr("one", syncs, ehr_seed="7")
    two, _ = ehr("two", syncs, ehr_seed="7")
    assert differences(one, two, live_only=False) == {}


def test_other_seed_gives_another_hospital(ehr):
    one, _ = ehr("one", 1, ehr_seed="7")
    two, _ = ehr("two", 1, ehr_seed="8")
    assert "PatientDim" in differences(one, two, live_only=False)


@pytest.mark.parametrize("syncs", [2, 5])
def test_long_lived_warehouse_equals_a_fresh_one_of_the_same_day(ehr, syncs):
    old, _ = ehr("old", syncs)
    new, _ = ehr("new", 1, ehr_first_day=str(syncs - 1))
    assert differences(old, new, live_only=True) == {}


def test_later_syncs_are_incremental_and_small(ehr):
    _, first = ehr("w", 1)
    _, second = ehr("w", 1)
    assert sorted(part["table"] for part in first["tables"]) == TABLES
    assert {part["mode"] for part in second["tables"]} == {"incremental"}
    assert second["totals"]["truncates"] == 0
    assert 0 < second["totals"]["upserts"] < first["totals"]["upserts"] / 10
    assert first["totals"]["skipped"] == second["totals"]["skipped"] == 0


def test_deletes_arrive_as_soft_deletes_and_keep_their_values(ehr):
    path, document = ehr("w", 5, ehr_patients="400")
    assert document["totals"]["deletes"] > 0
    deleted = sum(
        rows_in(path, f"SELECT count(*) FROM tester.{table} WHERE _fivetran_deleted")[0][0]
        for table in TABLES
    )
    assert deleted > 0


def test_every_type_of_the_contract_has_its_own_in_the_warehouse(ehr):
    path, _ = ehr("w", 1)
    types = {
        (table, column): found
        for table, column, found in rows_in(
            path,
            "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = 'tester'",
        )
    }
    assert {
        "bool": types["PatientDim", "IsCurrent"],
        "short": types["DepartmentDim", "BedCount"],
        "int": types["DepartmentDim", "DepartmentKey"],
        "long": types["PatientDim", "PatientKey"],
        "float": types["EncounterFact", "LengthOfStayDays"],
        "double": types["DepartmentDim", "Latitude"],
        "decimal": types["EncounterFact", "TotalCharges"],
        "widest decimal": types["DepartmentDim", "Budget"],
        "naive date": types["PatientDim", "BirthDate"],
        "naive datetime": types["PatientDim", "DeathInstant"],
        "utc datetime": types["PatientDim", "_LastUpdatedInstant"],
        "binary": types["PatientDim", "PhotoThumbnail"],
        "string": types["PatientDim", "Name"],
        "json": types["PatientDim", "PortalPreferences"],
        "xml": types["ProviderDim", "Credentials"],
    } == {
        "bool": "BOOLEAN",
        "short": "SMALLINT",
        "int": "INTEGER",
        "long": "BIGINT",
        "float": "FLOAT",
        "double": "DOUBLE",
        "decimal": "DECIMAL(12,2)",
        "widest decimal": "DECIMAL(38,10)",
        "naive date": "DATE",
        "naive datetime": "TIMESTAMP",
        "utc datetime": "TIMESTAMP WITH TIME ZONE",
        "binary": "BLOB",
        "string": "VARCHAR",
        "json": "JSON",
        "xml": "VARCHAR",
    }


def test_nulls_empty_texts_and_unicode_are_there(ehr):
    path, _ = ehr("w", 1)
    found = rows_in(
        path,
        "SELECT count(*) FILTER (PreferredName IS NULL), count(*) FILTER (PreferredName = ''),"
        " count(*) FILTER (PreferredName = '小美') FROM tester.PatientDim",
    )[0]
    assert all(found)


def test_digits_below_the_microsecond_are_told(ehr):
    _, document = ehr("w", 1)
    assert any("microsecond" in text for text in document["warnings"])


def test_every_key_is_there_once(ehr):
    path, document = ehr("w", 3)
    assert table_result(document, "DiagnosisEventFact")["mode"] == "incremental"
    assert rows_in(
        path,
        "SELECT count(*) - count(DISTINCT (EncounterKey, DiagnosisLine))"
        " FROM tester.DiagnosisEventFact",
    ) == [(0,)]
