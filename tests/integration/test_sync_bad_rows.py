"""Rows that cannot be carried never vanish unseen: counted, named, and the exit status says so."""

import pytest
from flow import Flow, table_result, warnings_about

CREATE = """
CREATE TABLE t (k int PRIMARY KEY, d date, ts timestamp, tz timestamptz, n numeric(10,2));
INSERT INTO t SELECT i, '2024-01-01', '2024-01-01', '2024-01-01 00:00+00', i
  FROM generate_series(1, 10) i;
"""
BAD = [
    ("d", "'0044-03-15 BC'"),
    ("d", "'infinity'"),
    ("d", "'-infinity'"),
    ("d", "'10000-01-01'"),
    ("ts", "'0001-12-31 23:59:59 BC'"),
    ("ts", "'infinity'"),
    ("ts", "'294276-12-31 23:59:59'"),
    ("tz", "'-infinity'"),
    ("tz", "'10000-01-01 00:00:00+00'"),
    ("n", "'NaN'"),
]


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


@pytest.mark.parametrize(("column", "value"), BAD)
def test_row_that_cannot_be_carried_is_counted_and_named(flow, column, value):
    flow.database.psql(CREATE + f"INSERT INTO t (k, {column}) VALUES (0, {value})")
    document = flow.sync(code=4)
    flow.assert_equal("t", where="k > 0")
    assert table_result(document, "t")["skipped"] == 1
    assert document["totals"]["skipped"] == 1
    assert document["status"] == "succeeded"
    assert warnings_about(document, "public.t", "1 row was left out", f'"{column}"')


def test_many_bad_rows_of_several_columns_among_good_ones(flow):
    bad = "".join(
        f"INSERT INTO t (k, {column}) SELECT {1000 * i} + x, {value} FROM generate_series(1, 30) x;"
        for i, (column, value) in enumerate(BAD, 1)
    )
    flow.database.psql(CREATE + bad)
    document = flow.sync(code=4)
    flow.assert_equal("t", where="k <= 10")
    assert document["totals"]["skipped"] == 30 * len(BAD)


def test_stop_ends_the_sync_at_the_first(flow):
    flow.database.psql(CREATE + "INSERT INTO t (k, d) VALUES (0, 'infinity')")
    document = flow.sync(code=1, on_bad_row="stop")
    assert document["status"] == "failed"
    assert '"t"' in document["error"]["message"]
    assert '"d"' in document["error"]["message"]
    # Nothing of the table is visible, and with `skip` the same warehouse goes on.
    assert "t" not in flow.tables() or flow.value("SELECT count(*) FROM tester.t") == 0
    flow.sync(code=4)
    flow.assert_equal("t", where="k > 0")


def test_table_of_bad_rows_alone(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, d date);"
        "INSERT INTO t SELECT i, 'infinity' FROM generate_series(1, 20000) i"
    )
    document = flow.sync(code=4)
    assert document["totals"]["skipped"] == 20000
    assert flow.value("SELECT count(*) FROM tester.t") == 0


def test_row_that_becomes_bad_is_counted_in_an_incremental_sync(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, d date, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, '2024-01-01', '2024-01-01'), (2, '2024-01-01', '2024-01-02')"
    )
    flow.sync_and_compare("t")
    flow.database.psql("UPDATE t SET d = 'infinity', updated_at = '2024-02-01' WHERE k = 1")
    assert flow.sync(code=4)["totals"]["skipped"] == 1
    flow.database.psql("UPDATE t SET d = '2024-02-01', updated_at = '2024-02-02' WHERE k = 1")
    flow.sync_and_compare("t")


def test_rows_that_are_gone_are_found_beside_rows_that_cannot_be_carried(flow):
    """Only what is still at the source stays as it was at the destination."""
    flow.database.psql(CREATE)
    flow.sync_and_compare("t")
    flow.database.psql(
        "UPDATE t SET d = 'infinity', n = 77 WHERE k IN (2, 3); DELETE FROM t WHERE k IN (3, 4)"
    )
    query = "SELECT k, n::int, _fivetran_deleted FROM tester.t ORDER BY k"
    expected = [(i, i, i in (3, 4)) for i in range(1, 11)]
    for _ in range(2):
        assert flow.sync(code=4)["totals"]["skipped"] == 1
        assert flow.query(query) == expected
    flow.database.psql("UPDATE t SET d = '2024-01-01' WHERE k = 2")
    flow.sync()
    assert flow.query(query)[1] == (2, 77, False)


OTHER_KEYS = {
    "another": "ALTER TABLE t ADD n uuid NOT NULL DEFAULT gen_random_uuid();"
    "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (n)",
    "renamed": "ALTER TABLE t RENAME k TO ident",
    "of another type": "ALTER TABLE t ALTER k TYPE text",
}


@pytest.mark.parametrize("change", OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_rows_left_out_stay_where_their_key_was_another_one(flow, change):
    """Nothing says which of the former rows they are."""
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v timestamp);"
        "INSERT INTO t SELECT g, '2020-01-01' FROM generate_series(1, 6) g"
    )
    flow.sync()
    flow.database.psql(f"UPDATE t SET v = 'infinity' WHERE k <= 3; {change}")
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == 3
    assert warnings_about(document, "public.t", "3 rows were left out that had another key before")
    assert flow.value("SELECT count(*) FROM tester.t WHERE NOT _fivetran_deleted") >= 6


@pytest.mark.parametrize("cursor", ["updated_at", "since"])
def test_load_that_leaves_rows_out_deletes_those_that_are_flagged(flow, cursor):
    """Such a load keeps all former rows but the flagged ones; `since` is no cursor: mode full."""
    flow.database.psql(
        f"CREATE TABLE t (id int PRIMARY KEY, {cursor} timestamptz, d date,"
        " _fivetran_deleted boolean);"
        "INSERT INTO t SELECT i, now() - interval '1 day', '2024-01-01', false"
        "  FROM generate_series(1, 9) i"
    )
    state = "SELECT id, d::varchar, _fivetran_deleted FROM tester.t ORDER BY id"
    day = "2024-01-01"
    settings = {"lookback_seconds": "0"}
    flow.sync(**settings)
    flow.database.psql(
        f"UPDATE t SET _fivetran_deleted = true, {cursor} = now() - interval '30 min' WHERE id = 5;"
        f"UPDATE t SET d = 'infinity', {cursor} = now() - interval '20 min' WHERE id = 7;"
        f"UPDATE t SET {cursor} = now() WHERE id = 8"
    )
    document = flow.sync("--resync", code=4, **settings)
    assert table_result(document, "t")["skipped"] == 1
    assert table_result(document, "t")["deletes"] == 1
    expected = [(i, day, i == 5) for i in range(1, 10)]
    assert flow.query(state) == expected
    flow.database.psql(f"UPDATE t SET d = '{day}', {cursor} = now() WHERE id = 7")
    for _ in range(2):
        flow.sync(**settings)
        assert flow.query(state) == expected


FLAGGED = """
CREATE TABLE t (k int PRIMARY KEY, d date, n numeric(10,2), v text, updated_at timestamptz,
  _fivetran_deleted boolean);
INSERT INTO t SELECT i, '2024-01-01', i, 'v', now() - interval '1 day', false
  FROM generate_series(1, 9) i;
"""


@pytest.mark.parametrize("resync", [False, True], ids=["incremental", "load"])
def test_flagged_row_is_deleted_whatever_else_of_it_cannot_be_carried(flow, resync):
    """A delete needs the key alone; a row that is not flagged stays as it was."""
    flow.database.psql(FLAGGED)
    flow.sync()
    flow.database.psql(
        "UPDATE t SET d = 'infinity' WHERE k IN (1, 2);"
        "UPDATE t SET n = 'NaN', d = '10000-01-01' WHERE k = 3;"
        "UPDATE t SET v = repeat('x', 2000) WHERE k IN (4, 5);"
        "UPDATE t SET updated_at = 'infinity' WHERE k = 6;"
        "UPDATE t SET _fivetran_deleted = true WHERE k IN (1, 3, 4, 6);"
        "UPDATE t SET updated_at = now() WHERE k <= 5"
    )
    arguments = ["--resync"] if resync else []
    document = flow.sync(*arguments, code=4, max_value_bytes="1024")
    assert table_result(document, "t")["skipped"] == 2
    assert table_result(document, "t")["deletes"] == 4
    query = "SELECT k, d::varchar, v, _fivetran_deleted FROM tester.t ORDER BY k"
    assert flow.query(query) == [(i, "2024-01-01", "v", i in (1, 3, 4, 6)) for i in range(1, 10)]
    flow.database.psql(
        "UPDATE t SET _fivetran_deleted = true, updated_at = now() WHERE k IN (2, 5)"
    )
    flow.sync(max_value_bytes="1024", on_bad_row="stop")
    assert flow.query(query) == [(i, "2024-01-01", "v", i <= 6) for i in range(1, 10)]


def test_cursor_value_that_cannot_be_carried(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, 'infinity'), (2, '2024-01-01')"
    )
    flow.sync(code=4)
    flow.database.psql("INSERT INTO t VALUES (3, '2024-01-02')")
    flow.sync(code=4)
    flow.assert_equal("t", where="k > 1")
