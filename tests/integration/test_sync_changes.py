"""A table that changes between syncs: after each change one sync, and the copy is equal.

Each change is made to a table with a cursor and to one without (read in full each time).
"""

import pytest
from flow import Flow, table_result

CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v varchar(10), n numeric(8,2), extra text, i int{cursor});
INSERT INTO t SELECT x, 'v' || x, x / 4.0, 'e' || x, x{stamp} FROM generate_series(1, 3000) x;
"""
CURSOR = ", updated_at timestamptz DEFAULT now()"
STAMP = ", timestamptz '2024-01-01' + x * interval '1 second'"


@pytest.fixture(params=["incremental", "full"])
def flow(request, penstock, database):
    """A table that was synced once."""
    incremental = request.param == "incremental"
    cursor, stamp = (CURSOR, STAMP) if incremental else ("", "")
    database.psql(CREATE.format(cursor=cursor, stamp=stamp))
    made = Flow(penstock, database, lookback_seconds="0")
    document = made.sync_and_compare("t")
    assert table_result(document, "t")["mode"] == request.param
    made.touch = ", updated_at = now()" if incremental else ""
    return made


def change(flow, sql):
    flow.database.psql(sql)
    return flow.sync_and_compare("t")


def type_of(flow, column):
    return flow.value(
        "SELECT data_type FROM duckdb_columns() WHERE schema_name = 'tester' AND table_name = 't'"
        " AND column_name = ?",
        column,
    )


def test_new_rows_and_updates(flow):
    change(
        flow,
        f"UPDATE t SET v = 'changed', n = NULL{flow.touch} WHERE k % 100 = 0;"
        "INSERT INTO t (k, v) SELECT x, '' FROM generate_series(5001, 5100) x",
    )


def test_new_column_without_a_default(flow):
    change(flow, f"ALTER TABLE t ADD c text; UPDATE t SET c = 'x'{flow.touch} WHERE k <= 5")
    assert type_of(flow, "c") == "VARCHAR"


def test_new_column_with_a_constant_default(flow):
    change(flow, "ALTER TABLE t ADD c int NOT NULL DEFAULT 42")


def test_new_column_with_a_volatile_default(flow):
    change(flow, "ALTER TABLE t ADD c uuid DEFAULT gen_random_uuid()")


def test_new_generated_column(flow):
    change(flow, "ALTER TABLE t ADD c int GENERATED ALWAYS AS (k * 2) STORED")


def test_widened_types(flow):
    change(
        flow,
        "ALTER TABLE t ALTER i TYPE bigint; ALTER TABLE t ALTER v TYPE text;"
        "ALTER TABLE t ALTER n TYPE numeric(12,4);"
        f"UPDATE t SET i = 5000000000, v = repeat('x', 50), n = 99999999.1234{flow.touch}"
        " WHERE k = 7",
    )
    assert [type_of(flow, name) for name in "ivn"] == ["BIGINT", "VARCHAR", "DECIMAL(12,4)"]


def test_widened_type_with_no_row_changed(flow):
    change(flow, "ALTER TABLE t ALTER n TYPE numeric(12,4)")
    change(flow, "ALTER TABLE t ALTER i TYPE text USING 'i' || i")


def test_narrowed_type_keeps_the_wider(flow):
    change(flow, "ALTER TABLE t ALTER i TYPE smallint")
    assert type_of(flow, "i") == "INTEGER"


def test_type_that_becomes_another(flow):
    change(flow, "ALTER TABLE t ALTER v TYPE int USING k")
    assert type_of(flow, "v") == "VARCHAR"


def test_dropped_column_stays_in_the_warehouse(flow):
    change(flow, "ALTER TABLE t DROP extra; INSERT INTO t (k) VALUES (9000)")
    # A row that is sent again has no value for it.
    assert flow.value("SELECT count(extra) FROM tester.t") in (0, 2999)
    assert flow.value("SELECT extra FROM tester.t WHERE k = 9000") is None


def test_renamed_column_is_a_new_one(flow):
    change(flow, "ALTER TABLE t RENAME extra TO more")


def test_dropped_column_that_comes_back_with_another_type(flow):
    change(flow, "ALTER TABLE t DROP extra")
    change(flow, f"ALTER TABLE t ADD extra int; UPDATE t SET extra = k{flow.touch} WHERE k < 9")


def test_changed_key(flow):
    change(flow, "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (v)")
    change(
        flow,
        "INSERT INTO t (k, v) VALUES (1, 'second 1');"
        f"UPDATE t SET n = 1{flow.touch} WHERE v = 'v2'",
    )


def test_key_taken_away_and_given_back(flow):
    change(flow, "ALTER TABLE t DROP CONSTRAINT t_pkey; INSERT INTO t (k, v) VALUES (1, 'again')")
    change(flow, "DELETE FROM t WHERE v = 'again'; ALTER TABLE t ADD PRIMARY KEY (k)")
    change(flow, f"UPDATE t SET v = 'x'{flow.touch} WHERE k = 1")


def test_rows_that_vanish_with_the_key_are_soft_deleted_once(flow):
    """Those that stay are known by their values; nobody's are taken for a double's."""
    document = change(flow, "ALTER TABLE t DROP CONSTRAINT t_pkey; DELETE FROM t WHERE k <= 1000")
    assert table_result(document, "t")["deletes"] == 1000
    assert not any("became one" in text for text in document["warnings"])
    deleted = "SELECT count(*), count(DISTINCT k), max(k) FROM tester.t WHERE _fivetran_deleted"
    assert flow.query(deleted) == [(1000, 1000, 1000)]
    flow.database.psql("DELETE FROM t WHERE k <= 1500; INSERT INTO t SELECT * FROM t LIMIT 7")
    document = flow.sync()
    assert table_result(document, "t")["deletes"] == 500
    assert any("7 rows were the same" in text for text in document["warnings"])
    assert flow.query(deleted) == [(1500, 1500, 1500)]
    change(flow, "DELETE FROM t WHERE ctid NOT IN (SELECT min(ctid) FROM t GROUP BY k)")
    change(flow, "ALTER TABLE t ADD PRIMARY KEY (k)")
    assert flow.query(deleted) == [(1500, 1500, 1500)]


def test_truncate_and_revival(flow):
    flow.database.psql("CREATE TABLE kept AS TABLE t; TRUNCATE t")
    flow.sync_and_compare("t")
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 3000
    # The rows come back with the stamps they had.
    change(flow, "INSERT INTO t SELECT * FROM kept")
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 0
    assert flow.value("SELECT count(*) FROM tester.t") == 3000


def test_truncate_and_other_rows_between_two_syncs(flow):
    change(
        flow,
        "CREATE TABLE kept AS TABLE t; TRUNCATE t; INSERT INTO t SELECT * FROM kept WHERE k <= 10;"
        "INSERT INTO t (k, v) VALUES (7777, 'new')",
    )
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 2990


def test_dropped_table_keeps_its_rows_and_comes_back(flow):
    flow.database.psql("CREATE TABLE kept AS TABLE t; CREATE TABLE o (k int); DROP TABLE t")
    flow.sync()
    assert flow.value("SELECT count(*) FROM tester.t") == 3000
    change(
        flow,
        "CREATE TABLE t AS SELECT k, v, 'other' AS extra FROM kept WHERE k > 2900;"
        "ALTER TABLE t ADD PRIMARY KEY (k)",
    )
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 2900


def test_vacuum_full_changes_nothing(flow):
    change(flow, "VACUUM FULL t")


def test_rows_that_vanish_from_a_table_without_a_cursor(penstock, database):
    flow = Flow(penstock, database)
    database.psql(CREATE.format(cursor="", stamp=""))
    flow.sync_and_compare("t")
    change(flow, "DELETE FROM t WHERE k % 3 = 0")
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 1000
    change(flow, "INSERT INTO t (k, v) VALUES (3, 'back')")
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 999


def test_key_value_that_changes_in_a_table_without_a_cursor(penstock, database):
    flow = Flow(penstock, database)
    database.psql(CREATE.format(cursor="", stamp=""))
    flow.sync()
    change(flow, "UPDATE t SET k = k + 100000 WHERE k <= 10")
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 10


def test_table_that_appears_later(penstock, database):
    flow = Flow(penstock, database)
    database.psql("CREATE TABLE a (k int PRIMARY KEY); INSERT INTO a VALUES (1)")
    flow.sync()
    database.psql("CREATE TABLE b (k int PRIMARY KEY); INSERT INTO b VALUES (2)")
    flow.sync_and_compare("a", "b")
