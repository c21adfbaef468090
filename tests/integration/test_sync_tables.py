"""Kinds of tables, keys and rights: what is read, how, and what is said about the rest."""

import pytest
from flow import Flow, table_result, warnings_about


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


@pytest.fixture
def reader(flow):
    """A login without rights; grants are the test's."""
    flow.database.psql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'secret'")
    yield {"user": "reader", "password": "secret"}
    flow.database.psql("DROP OWNED BY reader; DROP ROLE reader")


def test_pgbench_database(flow):
    flow.database.run("pgbench", "-i", "-q", "-s", "1")
    tables = ["pgbench_accounts", "pgbench_branches", "pgbench_tellers"]
    flow.sync_and_compare(*tables)
    flow.database.run("pgbench", "-n", "-c", "2", "-t", "200")
    flow.sync_and_compare(*tables)
    # Rows of the history have no key: identical ones would be one.
    flow.assert_equal("pgbench_history", distinct=True)


def test_table_without_a_key_keeps_one_of_identical_rows(flow):
    flow.database.psql(
        "CREATE TABLE t (a int, b text);"
        "INSERT INTO t VALUES (1, 'x'), (1, 'x'), (1, 'x'), (1, NULL), (1, NULL), (NULL, NULL),"
        " (2, 'y'), (1, '')"
    )
    document = flow.sync()
    flow.assert_equal("t", distinct=True)
    assert warnings_about(document, "public.t", "3 rows")
    assert flow.value("SELECT count(DISTINCT _fivetran_id) FROM tester.t") == 5
    flow.database.psql("DELETE FROM t WHERE a = 2; INSERT INTO t VALUES (3, 'z')")
    flow.sync()
    flow.assert_equal("t", distinct=True)
    assert flow.query("SELECT a FROM tester.t WHERE _fivetran_deleted") == [(2,)]


def test_ids_of_rows_without_a_key_are_the_same_in_another_warehouse(flow):
    flow.database.psql("CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x'), (NULL, '')")
    flow.sync()
    first = flow.query("SELECT _fivetran_id, a, b FROM tester.t ORDER BY ALL")
    flow.sync("--warehouse", "other.db", "--state", "other.json")
    flow.warehouse = flow.penstock.folder / "other.db"
    assert flow.query("SELECT _fivetran_id, a, b FROM tester.t ORDER BY ALL") == first


def test_composite_key(flow):
    flow.database.psql(
        "CREATE TABLE t (v int, b text, a int, PRIMARY KEY (a, b));"
        "INSERT INTO t SELECT i, 'b' || i % 7, i / 7 FROM generate_series(0, 999) i"
    )
    flow.sync_and_compare("t")
    flow.database.psql("UPDATE t SET v = -v WHERE a = 5; DELETE FROM t WHERE a = 6 AND b = 'b1'")
    flow.sync_and_compare("t")


def test_unique_index_stands_in_for_a_key(flow):
    flow.database.psql(
        "CREATE TABLE t (a int NOT NULL UNIQUE, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, now())"
    )
    assert table_result(flow.sync_and_compare("t"), "t")["mode"] == "incremental"


def test_empty_table_is_there_with_its_columns(flow):
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY, v numeric(10,2))")
    flow.sync_and_compare("t")
    flow.database.psql("INSERT INTO t VALUES (1, 2.5)")
    flow.sync_and_compare("t")


def test_table_without_columns_hinders_nothing(flow):
    flow.database.psql(
        "CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES; INSERT INTO bare DEFAULT VALUES;"
        "CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)"
    )
    flow.sync_and_compare("t")


def test_empty_database_is_no_failure(flow):
    document = flow.sync()
    assert document["tables"] == []


def test_table_of_many_columns(flow):
    columns = ", ".join(f"c{i} int DEFAULT {i}" for i in range(1500))
    flow.database.psql(
        f"CREATE TABLE t (k int PRIMARY KEY, {columns}); INSERT INTO t (k) VALUES (1), (2)"
    )
    flow.sync_and_compare("t")


def test_many_small_tables(flow):
    flow.database.psql(
        "DO $$ BEGIN FOR i IN 1..200 LOOP EXECUTE format('CREATE TABLE t%s (k int PRIMARY KEY,"
        " v text); INSERT INTO t%s SELECT x, x FROM generate_series(1, %s) x', i, i, i);"
        " END LOOP; END $$"
    )
    document = flow.sync_and_compare("t1", "t77", "t200")
    assert document["totals"]["upserts"] == 200 * 201 // 2
    assert len(document["tables"]) == 200


def test_refused_table_that_was_read_before_shows_in_the_exit_status(flow):
    flow.database.psql(
        "CREATE ROLE reader LOGIN PASSWORD 'r'; CREATE TABLE open (k int PRIMARY KEY);"
        "CREATE TABLE shut (k int PRIMARY KEY); GRANT SELECT ON open, shut TO reader"
    )
    try:
        flow.settings |= {"user": "reader", "password": "r"}
        flow.sync()
        flow.database.psql("REVOKE SELECT ON shut FROM reader")
        document = flow.sync(code=4)
        assert any("GRANT SELECT" in warning for warning in document["warnings"])
        document = flow.sync(code=4, tables="open,shut")
        assert not any("no table matches" in warning for warning in document["warnings"])
        flow.sync(code=3, tables="shut")
    finally:
        flow.database.psql("DROP OWNED BY reader; DROP ROLE reader")


def test_partitioned_table_is_one_table(flow):
    flow.database.psql(
        "CREATE TABLE p (k int, d date, v text, PRIMARY KEY (k, d)) PARTITION BY RANGE (d);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')"
        " PARTITION BY HASH (k);"
        "CREATE TABLE p2a PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
        "CREATE TABLE p2b PARTITION OF p2 FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
        "CREATE TABLE p3 (v text, d date NOT NULL, gone int, k int NOT NULL);"
        "ALTER TABLE p3 DROP gone; ALTER TABLE p ATTACH PARTITION p3 DEFAULT;"
        "INSERT INTO p SELECT i, date '2024-01-15' + i % 60, 'v' FROM generate_series(1, 500) i"
    )
    flow.sync_and_compare("p")
    assert flow.tables() == ["p"]
    # A partition that is emptied, and one that is detached, leave their rows soft-deleted.
    flow.database.psql("TRUNCATE p1; ALTER TABLE p DETACH PARTITION p3")
    flow.sync_and_compare("p", "p3")


PARTITIONED = """
CREATE TABLE p (k int PRIMARY KEY, v text, updated_at timestamptz) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200);
INSERT INTO p SELECT i, 'v', timestamptz '2024-01-01' + i * interval '1 h'
  FROM generate_series(0, 199) i;
"""


@pytest.mark.parametrize(
    "change",
    [
        "TRUNCATE p1",
        "TRUNCATE p",
        "ALTER TABLE p ADD c int DEFAULT 7",
        "ALTER TABLE p ADD u uuid DEFAULT gen_random_uuid()",
        "ALTER TABLE p RENAME v TO w",
        "DROP TABLE p; CREATE TABLE p (k int PRIMARY KEY, v text, updated_at timestamptz)"
        " PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p DEFAULT;"
        "INSERT INTO p VALUES (1, 'again', '2023-01-01')",
    ],
)
def test_partitioned_table_with_a_cursor_is_loaded_again(flow, change):
    flow.database.psql(PARTITIONED)
    assert table_result(flow.sync_and_compare("p"), "p")["mode"] == "incremental"
    flow.database.psql(change)
    flow.sync_and_compare("p")


def test_partitions_that_go_or_are_made_empty_cost_no_load(flow):
    flow.settings["lookback_seconds"] = "0"
    flow.database.psql(PARTITIONED)
    flow.sync_and_compare("p")
    flow.database.psql(
        "CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (200) TO (300);"
        "ALTER TABLE p DETACH PARTITION p1"
    )
    document = flow.sync(tables="p")
    assert table_result(document, "p")["truncates"] == 0
    assert warnings_about(document, "public.p", "1 partition of it is gone", "--resync")
    flow.database.psql("INSERT INTO p VALUES (250, 'new', now())")
    document = flow.sync(tables="p")
    assert table_result(document, "p")["truncates"] == 0
    assert table_result(document, "p")["upserts"] == 2
    # What left with its partition is, like a deleted row, not seen by a cursor.
    assert flow.value("SELECT count(*) FROM tester.p WHERE NOT _fivetran_deleted") == 201
    assert not warnings_about(document, "gone"), "it is told once"
    flow.sync("--resync", "p", tables="p")
    flow.assert_equal("p")


def test_partition_attached_with_old_rows_is_found(flow):
    flow.settings["lookback_seconds"] = "0"
    flow.database.psql(PARTITIONED)
    flow.sync_and_compare("p")
    flow.database.psql(
        "CREATE TABLE p3 (k int PRIMARY KEY, v text, updated_at timestamptz);"
        "INSERT INTO p3 VALUES (250, 'old', '2001-01-01');"
        "ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM (200) TO (300)"
    )
    document = flow.sync_and_compare("p")
    assert "partition" in table_result(document, "p")["reason"]


def test_inherited_tables_give_every_row_once(flow):
    flow.database.psql(
        "CREATE TABLE parent (k int PRIMARY KEY, v text); CREATE TABLE child (more int)"
        " INHERITS (parent); INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c')"
    )
    flow.sync()
    total = sum(
        flow.value(f"SELECT count(*) FROM tester.{table} WHERE NOT _fivetran_deleted AND k = 2")
        for table in flow.tables()
    )
    assert total == 1


def test_materialised_view_is_read_and_an_empty_one_is_told(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1), (2);"
        "CREATE MATERIALIZED VIEW m AS SELECT k, k * 2 AS d FROM t; CREATE UNIQUE INDEX ON m (k);"
        "CREATE MATERIALIZED VIEW unfilled AS SELECT k FROM t WITH NO DATA"
    )
    document = flow.sync_and_compare("t", "m")
    assert warnings_about(document, "unfilled")
    flow.database.psql("INSERT INTO t VALUES (3); REFRESH MATERIALIZED VIEW m")
    flow.sync_and_compare("t", "m")


def test_generated_column_arrives(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED,"
        " id int GENERATED ALWAYS AS IDENTITY); INSERT INTO t VALUES (1, 21)"
    )
    flow.sync_and_compare("t")
    assert flow.value("SELECT twice FROM tester.t") == 42


def test_table_without_the_right_is_named_with_its_grant(flow, reader):
    flow.database.psql(
        'CREATE TABLE open (k int PRIMARY KEY); CREATE TABLE "Shut" (k int PRIMARY KEY);'
        "INSERT INTO open VALUES (1); GRANT SELECT ON open TO reader"
    )
    document = flow.sync_and_compare("open", **reader)
    assert warnings_about(document, "Shut", "GRANT SELECT")
    assert flow.tables() == ["open"]


def test_schema_without_the_right_is_named_with_its_grant(flow, reader):
    flow.database.psql("CREATE SCHEMA shut; CREATE TABLE shut.t (k int PRIMARY KEY);"
                       "GRANT SELECT ON shut.t TO reader; CREATE TABLE open (k int PRIMARY KEY);"
                       "GRANT SELECT ON open TO reader")  # fmt: skip
    document = flow.sync(schema="public,shut", **reader)
    assert warnings_about(document, "shut", "GRANT USAGE")


def test_rows_hidden_by_row_level_security_are_told_not_lost_in_silence(flow, reader):
    flow.database.psql(
        "CREATE TABLE open (k int PRIMARY KEY); INSERT INTO open VALUES (1);"
        "CREATE TABLE veiled (k int PRIMARY KEY, owner text); INSERT INTO veiled VALUES (1, 'me');"
        "ALTER TABLE veiled ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON veiled USING (k > 5);"
        "GRANT SELECT ON open, veiled TO reader"
    )
    document = flow.sync_and_compare("open", **reader)
    assert warnings_about(document, "veiled", "row-level security")
    assert flow.tables() == ["open"]


def test_column_without_the_right(flow, reader):
    flow.database.psql(
        "CREATE TABLE part (k int PRIMARY KEY, secret text, v int); INSERT INTO part VALUES"
        " (1, 's', 2); GRANT SELECT (k, v) ON part TO reader;"
        "CREATE TABLE open (k int PRIMARY KEY); GRANT SELECT ON open TO reader"
    )
    document = flow.sync_and_compare("open", **reader)
    assert warnings_about(document, "part", "GRANT SELECT")


# Keys whose statistics a login can see without the right to the whole table: the type, and the
# i-th of its values.
ODD_KEYS = {
    "paths": ("ltree", "('n' || i)::ltree"),
    "pairs": ("pair", "(i, i)::pair"),
    "classes": ("regtype", "i::regtype"),
    "moods": ("mood", "(ARRAY['low', 'high'])[i % 2 + 1]::mood"),
    "spans": ("int4range", "int4range(i, i + 5)"),
    "lists": ("ltree[]", "ARRAY[('n' || i)::ltree]"),
    "smalls": ("small", "i"),
    "deep": ("deeper", "i"),
}


def test_key_of_any_type_is_no_hindrance_where_parts_are_wanted(flow, reader):
    sql = (
        "CREATE EXTENSION ltree; CREATE TYPE pair AS (a int, b int);"
        "CREATE TYPE mood AS ENUM ('low', 'high'); CREATE DOMAIN small AS int CHECK (VALUE > 0);"
        "CREATE DOMAIN deeper AS small;"
    )
    for name, (kind, value) in ODD_KEYS.items():
        sql += (
            f"CREATE TABLE {name} (k {kind}, n int, s text, PRIMARY KEY (k, n));"
            f"INSERT INTO {name} SELECT {value}, i, 'x' FROM generate_series(1, 12000) i;"
            f"GRANT SELECT (k, n) ON {name} TO reader;"
        )
    flow.database.psql(sql + "ANALYZE")
    document = flow.sync(batch_size="100", partition_rows="3000", **reader)
    for name in ODD_KEYS:
        assert table_result(document, name)["upserts"] == 12000
        assert flow.value(f"SELECT count(DISTINCT n) FROM tester.{name}") == 12000


@pytest.mark.parametrize(
    ("settings", "code", "words"),
    [
        ({"password": "wrong"}, 3, ["password authentication failed"]),
        ({"user": "nobody here"}, 3, ["nobody here"]),
        ({"port": "1", "max_retries": "0"}, 3, ["refused"]),
        ({"schema": "nowhere"}, 2, ["nowhere"]),
        ({"tables": "nothing*"}, 2, ["tables"]),
    ],
)
def test_source_that_refuses(flow, settings, code, words):
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY)")
    document = flow.sync(code=code, **settings)
    assert document["status"] == "failed"
    for word in words:
        assert word in document["error"]["message"]
    assert flow.database.server.password not in str(document)


def test_warehouse_is_a_plain_database_for_everyone(flow):
    """Read by DuckDB's own program in Python, in a process of its own."""
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)")
    flow.sync()
    assert flow.query(
        "SELECT k, _fivetran_deleted, _fivetran_synced IS NOT NULL FROM tester.t"
    ) == [(1, False, True)]
    assert not list(flow.warehouse.parent.glob("*.wal"))
