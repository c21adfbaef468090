"""Estimates of a plan, from what earlier runs measured."""

import duckdb
import pytest

ROWS = "SELECT table_name, all_rows, row_count, seconds FROM penstock.runs ORDER BY run"


@pytest.fixture
def plan(penstock, database):
    database.psql(
        "CREATE TABLE item (k int PRIMARY KEY, updated_at timestamptz NOT NULL DEFAULT now());"
        "INSERT INTO item SELECT i FROM generate_series(1, 5000) i; ANALYZE item"
    )
    path = penstock.configure(database.configuration())
    return lambda command, *arguments: penstock(command, "--config", path, *arguments)


def test_plan_estimates_from_the_rates_of_earlier_runs(plan, work, warehouse):
    first = plan("plan", "--json").document
    assert first["estimate"] == {
        "seconds": None, "tables_unknown": 0, "earlier_runs": 0, "reason": "no earlier run",
    }  # fmt: skip
    assert [table["estimate_seconds"] for table in first["tables"]] == [None]
    assert "Estimate: none: no earlier run\n" in plan("plan").out

    assert plan("sync").code == 0
    with warehouse() as connection:
        table, whole = connection.execute(ROWS).fetchall()
    assert table[:3] == ("item", True, 5000) and whole[:3] == (None, None, 5000)
    changes = plan("plan", "--json").document
    assert changes["estimate"]["tables_unknown"] == 1
    load = plan("plan", "--resync", "--json").document
    assert load["estimate"]["earlier_runs"] == 1 and load["estimate"]["reason"] is None
    wanted = load["tables"][0]["rows_estimate"] * table[3] / table[2]
    assert load["tables"][0]["estimate_seconds"] == pytest.approx(wanted, abs=0.002)
    assert load["estimate"]["seconds"] == pytest.approx(wanted, abs=0.002)
    assert "by 1 earlier run\n" in plan("plan", "--resync").out


def test_plan_of_a_warehouse_in_use_says_why_it_has_no_estimate(plan, work):
    assert plan("sync").code == 0
    with duckdb.connect(str(work / "files/warehouse.db")):
        done = plan("plan", "--json")
    assert done.code == 0
    assert done.document["estimate"]["seconds"] is None
    assert "another process has it open" in done.document["estimate"]["reason"]
