"""Rows that the server itself fails to send cost nothing but themselves: counted and named.

A label that is deleted from the catalog stands in for a value whose text would be larger than a
gigabyte: the server fails as soon as it is to send one of that label.
"""

import pytest
from flow import Flow, table_result, warnings_about

TABLE = """
CREATE TYPE mood AS ENUM ('good', 'spoilt');
CREATE TABLE t (k int PRIMARY KEY, pad text, m mood, updated_at timestamptz){rest};
CREATE FUNCTION fill(first int, last int, at timestamptz, VARIADIC bad int[]) RETURNS void
  LANGUAGE sql AS $$
  INSERT INTO t SELECT i, repeat('x', i % 50), (CASE WHEN i = ANY (bad) THEN 'spoilt'
    ELSE 'good' END)::mood, at FROM generate_series(first, last) i
  ON CONFLICT (k) DO UPDATE SET m = EXCLUDED.m, updated_at = EXCLUDED.updated_at $$;
"""
SPOIL = "DELETE FROM pg_enum WHERE enumlabel = 'spoilt'"


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


def good(*bad):
    return f"k NOT IN ({', '.join(map(str, bad))})"


@pytest.mark.parametrize("rows", [100, 30000], ids=["in one piece", "in parts"])
def test_rows_that_the_server_cannot_send_are_left_out_alone(flow, rows):
    bad = [1, 50, 51, 52, rows // 2 + 7, rows - 1, rows]
    flow.database.psql(
        TABLE.format(rest="")
        + f"SELECT fill(1, {rows}, '2024-01-01', {', '.join(map(str, bad))});{SPOIL}"
    )
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == len(bad)
    assert table_result(document, "t")["upserts"] == rows - len(bad)
    assert warnings_about(document, "public.t", f"{len(bad)} rows were left out", '"m"')
    flow.assert_equal("t", where=good(*bad))
    assert flow.value("SELECT count(*) FROM tester.t") == rows - len(bad)
    document = flow.sync("--resync", code=1, on_bad_row="stop")
    assert '"m"' in document["error"]["message"]


def test_table_of_such_rows_alone(flow):
    flow.database.psql(
        TABLE.format(rest="") + "SELECT fill(1, 300, '2024-01-01', VARIADIC"
        f" array(SELECT generate_series(1, 300)));{SPOIL}"
    )
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == 300
    assert flow.value("SELECT count(*) FROM tester.t") == 0


@pytest.mark.parametrize("index", [True, False], ids=["with an index", "without"])
def test_changes_that_the_server_cannot_send_are_left_out_alone(flow, index):
    flow.database.psql(TABLE.format(rest="") + "SELECT fill(1, 20000, '2024-01-01', 0)")
    if index:
        flow.database.psql("CREATE INDEX ON t (updated_at); ANALYZE t")
    flow.sync_and_compare("t")
    # More than a batch, so that rows were handed over before the server fails.
    flow.database.psql(f"SELECT fill(15000, 25000, '2024-02-01', 20001, 24000, 25000);{SPOIL}")
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == 3
    flow.assert_equal("t", where=good(20001, 24000, 25000))
    flow.database.psql("UPDATE t SET m = 'good', updated_at = '2024-03-01' WHERE k > 15000")
    flow.sync_and_compare("t")


FLAGGED = TABLE.replace("timestamptz)", "timestamptz, gone boolean, other mood)")


@pytest.mark.parametrize("resync", [False, True], ids=["incremental", "load"])
def test_flagged_rows_that_the_server_cannot_send_are_deleted(flow, resync):
    settings = {"soft_delete_column": "gone"}
    flow.database.psql(FLAGGED.format(rest="") + "SELECT fill(1, 300, '2024-01-01', 0)")
    flow.sync(**settings)
    # The last two have two such values.
    flow.database.psql(
        "SELECT fill(101, 110, '2024-02-01', 101, 103, 104, 109, 110);"
        "UPDATE t SET gone = k <> 104 WHERE k BETWEEN 102 AND 110;"
        f"UPDATE t SET other = 'spoilt' WHERE k IN (109, 110);{SPOIL}"
    )
    document = flow.sync(*(["--resync"] if resync else []), code=4, **settings)
    assert table_result(document, "t")["skipped"] == 2
    deleted = "SELECT k FROM tester.t WHERE _fivetran_deleted ORDER BY k"
    assert flow.query(deleted) == [(k,) for k in range(102, 111) if k != 104]
    assert flow.value("SELECT count(*) FROM tester.t WHERE k IN (101, 104)") == 2


PARTS = """;
CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (40);
CREATE TABLE t_2 (updated_at timestamptz, m mood, gone int, k int NOT NULL, pad text);
ALTER TABLE t_2 DROP COLUMN gone;
ALTER TABLE t ATTACH PARTITION t_2 FOR VALUES FROM (40) TO (90);
CREATE TABLE t_3 PARTITION OF t DEFAULT
"""


@pytest.mark.parametrize(
    ("last", "bad"),
    [(100, [3, 41, 89, 95]), (30000, [3, 41, 89, 95]), (30000, [20000, 29997])],
    ids=["in one piece", "in parts", "behind the first batch"],
)
def test_partitions_with_such_rows(flow, last, bad):
    flow.database.psql(
        TABLE.format(rest=" PARTITION BY RANGE (k)" + PARTS)
        + f"SELECT fill(1, {last}, '2024-01-01', {', '.join(map(str, bad))});{SPOIL}"
    )
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == len(bad)
    flow.assert_equal("t", where=good(*bad))
    flow.database.psql("UPDATE t SET updated_at = '2024-02-01' WHERE k BETWEEN 30 AND 60")
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == len(bad)  # the edge's rows are read again
    flow.assert_equal("t", where=good(*bad))


def test_view_over_such_rows_is_left_out_whole(flow):
    """Its rows have no place."""
    flow.database.psql(
        TABLE.format(rest="") + f"SELECT fill(1, 10, '2024-01-01', 5); {SPOIL};"
        "CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t"
    )
    document = flow.sync(code=4, include_views="true")
    assert warnings_about(document, "public.v", "22P03")
    assert table_result(document, "m")["skipped"] == 1
    flow.assert_equal("t", "m", where=good(5))


@pytest.mark.nightly
def test_value_whose_text_is_larger_than_a_gigabyte(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, a bytea[], b bytea);"
        "INSERT INTO t SELECT i, ARRAY['\\x00ff'::bytea], 'x' FROM generate_series(1, 9) i;"
        "UPDATE t SET a = ARRAY[convert_to(repeat('a', 540000000), 'UTF8')] WHERE k = 4"
    )
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == 1
    assert warnings_about(document, "public.t", '"a"', "larger than the server can print")
    flow.assert_equal("t", where="k <> 4")
