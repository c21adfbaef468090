"""What is found at the source: schemas, kinds of tables, inheritance, keys, rights, estimates."""

import pytest
from flow import Flow, session, table_result, wait_until, warnings_about


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


@pytest.fixture
def reader(flow):
    """A login without rights; grants are the test's."""
    flow.database.psql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'secret'")
    yield {"user": "reader", "password": "secret"}
    flow.database.psql("DROP OWNED BY reader; DROP ROLE reader")


def discover(flow, **settings):
    """Tables by "schema.table", as `penstock discover --json` describes them."""
    path = flow.configure(**settings)
    done = flow.penstock("discover", "--config", path, "--json")
    assert done.code == 0, done.err
    return {f"{table['schema']}.{table['table']}": table for table in done.document["tables"]}


@pytest.mark.parametrize(
    ("schema", "found"),
    [
        ("a_1", {"a_1.t"}),
        ("a_1, B", {"a_1.t", "B.t"}),
        ("a*", {"a_1.t", "a_2.t"}),
        ("*", {"a_1.t", "a_2.t", "B.t", "public.t", "it's.t"}),
        ("it's", {"it's.t"}),
    ],
)
def test_schemas_are_one_a_list_a_pattern_or_all(flow, schema, found):
    for name in ("a_1", "a_2", "B", "it's"):
        flow.database.psql(f'CREATE SCHEMA "{name}"; CREATE TABLE "{name}".t (k int PRIMARY KEY)')
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY)")
    assert set(discover(flow, schema=schema)) == found


def test_schema_that_is_not_there_is_named(flow):
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY)")
    assert warnings_about(flow.sync(schema="public,Missing"), "Missing")


FOREIGN = """
CREATE EXTENSION postgres_fdw; CREATE EXTENSION file_fdw;
CREATE TABLE t (k int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a'), (2, 'b');
CREATE VIEW seen AS SELECT k, v || '!' AS v FROM t;
CREATE SERVER near FOREIGN DATA WRAPPER postgres_fdw OPTIONS
  (host '{host}', port '{port}', dbname '{database}');
CREATE USER MAPPING FOR PUBLIC SERVER near OPTIONS (user '{user}', password '{password}');
CREATE FOREIGN TABLE far (k int, v text) SERVER near OPTIONS (table_name 't');
CREATE SERVER gone FOREIGN DATA WRAPPER postgres_fdw OPTIONS
  (host '{host}', port '1', dbname '{database}');
CREATE USER MAPPING FOR PUBLIC SERVER gone OPTIONS (user '{user}', password '{password}');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE lines (k int, v text) SERVER files
  OPTIONS (program 'printf ''7,seven\\n8,eight\\n''', format 'csv');
"""


def make_foreign(flow):
    flow.database.psql(FOREIGN.format(**flow.database.configuration()))


def test_views_and_foreign_tables_are_read_where_asked_for(flow):
    make_foreign(flow)
    flow.sync_and_compare("t")
    assert flow.tables() == ["t"]
    flow.sync_and_compare("t", "seen", "far", "lines", include_views="true")
    assert flow.value("SELECT v FROM tester.lines WHERE k = 8") == "eight"
    kinds = {name: table["kind"] for name, table in discover(flow, include_views="true").items()}
    assert kinds["public.seen"] == "view"
    assert kinds["public.far"] == kinds["public.lines"] == "foreign table"


def test_foreign_table_whose_server_is_gone_hinders_no_other(flow):
    make_foreign(flow)
    flow.database.psql(
        "CREATE FOREIGN TABLE lost (k int) SERVER gone;"
        "CREATE TABLE p (k int) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES"
        " FROM (0) TO (9); CREATE FOREIGN TABLE p2 PARTITION OF p FOR VALUES FROM (9) TO (19)"
        " SERVER gone; CREATE VIEW broken AS SELECT 1 / (k - 1) AS v FROM t;"
        "CREATE TABLE parent (k int); CREATE FOREIGN TABLE child () INHERITS (parent) SERVER gone"
    )
    document = flow.sync(include_views="true", code=4)
    for name in ("lost", "p", "parent", "broken"):
        assert warnings_about(document, f"public.{name} was not synced")
    flow.assert_equal("t", "seen", "far")
    assert document["totals"]["retries"] == {}


def test_foreign_partition_is_read_through_its_table(flow):
    make_foreign(flow)
    flow.database.psql(
        "CREATE TABLE p (k int, v text) PARTITION BY RANGE (k);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (10) TO (20);"
        "INSERT INTO p VALUES (11, 'local');"
        "CREATE FOREIGN TABLE p2 PARTITION OF p FOR VALUES FROM (0) TO (10) SERVER near"
        " OPTIONS (table_name 't')"
    )
    flow.sync_and_compare("p")
    assert flow.value("SELECT count(*) FROM tester.p") == 3
    assert set(discover(flow, include_views="true")).isdisjoint({"public.p1", "public.p2"})


def test_view_over_what_its_reader_may_not_read_is_named(flow, reader):
    flow.database.psql(
        "CREATE TABLE hidden (k int PRIMARY KEY); CREATE TABLE open (k int PRIMARY KEY);"
        "CREATE VIEW v WITH (security_invoker) AS SELECT k FROM hidden;"
        "INSERT INTO open VALUES (1);"
        "GRANT SELECT ON v, open TO reader"
    )
    document = flow.sync(include_views="true", code=4, **reader)
    assert warnings_about(document, "public.v was not synced", "hidden")
    flow.assert_equal("open")


def test_view_over_a_function_without_schemas_is_told_its_remedy(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1), (2);"
        "CREATE FUNCTION total() RETURNS bigint LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN RETURN (SELECT count(*) FROM t); END $$;"
        "CREATE VIEW v AS SELECT k, total() FROM t"
    )
    document = flow.sync(include_views="true", code=4)
    assert warnings_about(document, "public.v", "ALTER FUNCTION … SET search_path")
    flow.database.psql("ALTER FUNCTION total() SET search_path = public")
    flow.sync(include_views="true")
    flow.assert_equal("t", "v")


def test_children_without_columns_of_their_own_are_read_with_their_parent(flow):
    flow.database.psql(
        "CREATE SCHEMA chunks; CREATE TABLE parent (k int PRIMARY KEY, v text);"
        "CREATE TABLE child () INHERITS (parent); "
        "CREATE TABLE chunks.grandchild () INHERITS (child);"
        "INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c');"
        "INSERT INTO chunks.grandchild VALUES (3, 'g')"
    )
    document = flow.sync_and_compare("parent")
    assert flow.tables() == ["parent"]
    assert warnings_about(document, "public.parent", "inherit")
    assert flow.value("SELECT count(*) FROM tester.parent") == 3


@pytest.mark.parametrize("settings", [{}, {"batch_size": "100", "partition_rows": "500"}])
def test_temporary_child_of_somebody_changes_nothing(flow, settings):
    flow.database.psql(
        "CREATE TABLE parent (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());"
        "INSERT INTO parent SELECT i, repeat('v', 50) FROM generate_series(1, 5000) i"
    )
    with session(flow.database) as other:
        other("CREATE TEMP TABLE child () INHERITS (parent); INSERT INTO child VALUES (0, 'mine')")
        document = flow.sync(**settings)
        assert table_result(document, "parent")["mode"] == "incremental"
        assert table_result(document, "parent")["upserts"] == 5000
        assert not warnings_about(document, "inherit")
        flow.database.psql("UPDATE ONLY parent SET v = 'new', updated_at = now() WHERE k = 7")
        flow.sync(**settings)
    flow.assert_equal("parent")


def test_partition_that_is_being_detached_is_read_by_itself(flow):
    """A transaction that reads the table holds up the end of it."""
    flow.database.psql(
        "CREATE TABLE p (k int PRIMARY KEY, v text) PARTITION BY RANGE (k);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (2000);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (2000) TO (9000);"
        "INSERT INTO p SELECT i, repeat('v', 50) FROM generate_series(1, 5000) i"
    )
    pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"
    with session(flow.database) as holder, session(flow.database) as detaching:
        holder("BEGIN; SELECT count(*) FROM p")
        detaching.begin("ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY")
        wait_until(lambda: flow.database.psql(pending) == "1", "the partition is going")
        document = flow.sync(batch_size="100", partition_rows="500")
        assert table_result(document, "p")["upserts"] == 3001
        assert table_result(document, "p1")["upserts"] == 1999
        flow.assert_equal("p", "p1")
        holder("COMMIT")
        detaching.finish()
    flow.sync()
    flow.assert_equal("p", "p1")


def test_children_with_columns_of_their_own_are_tables_of_their_own(flow):
    flow.database.psql(
        "CREATE TABLE parent (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());"
        "CREATE TABLE child (more int) INHERITS (parent); CREATE TABLE plain () INHERITS (parent);"
        "CREATE TABLE other (j int); CREATE TABLE two () INHERITS (parent, other);"
        "INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', now(), 7);"
        "INSERT INTO plain VALUES (3, 'q'); INSERT INTO two VALUES (4, 't', now(), 9)"
    )
    document = flow.sync()
    assert flow.tables() == ["child", "other", "parent", "plain", "two"]
    flow.assert_equal("parent", where="tableoid = 'public.parent'::regclass")
    flow.assert_equal("other", where="tableoid = 'public.other'::regclass")
    flow.assert_equal("child", "plain", "two")
    # The parent's own rows have its key, and so its cursor.
    assert table_result(document, "parent")["mode"] == "incremental"
    flow.database.psql("UPDATE ONLY parent SET v = 'changed', updated_at = now()")
    flow.sync()
    flow.assert_equal("parent", where="tableoid = 'public.parent'::regclass")


def test_child_of_another_schema_that_nothing_reads_is_named(flow):
    flow.database.psql(
        "CREATE SCHEMA far; CREATE TABLE parent (k int PRIMARY KEY);"
        "CREATE TABLE far.child (more int) INHERITS (parent); INSERT INTO far.child VALUES (1, 2)"
    )
    assert warnings_about(flow.sync(), "far.child", "schema")
    assert not warnings_about(flow.sync(schema="public,far"), "far.child")
    assert flow.value("SELECT more FROM tester.child") == 2


def test_partitions_of_a_table_that_is_not_asked_for_are_read_by_themselves(flow):
    flow.database.psql(
        "CREATE SCHEMA parts; CREATE TABLE p (k int PRIMARY KEY) PARTITION BY RANGE (k);"
        "CREATE TABLE parts.low PARTITION OF p FOR VALUES FROM (0) TO (10) PARTITION BY RANGE (k);"
        "CREATE TABLE parts.lowest PARTITION OF parts.low FOR VALUES FROM (0) TO (5);"
        "CREATE TABLE parts.high PARTITION OF p FOR VALUES FROM (10) TO (20);"
        "INSERT INTO p VALUES (1), (11)"
    )
    assert set(discover(flow, schema="public")) == {"public.p"}
    assert set(discover(flow, schema="*")) == {"public.p"}
    assert set(discover(flow, schema="parts")) == {"parts.low", "parts.high"}
    flow.sync(schema="parts")
    flow.assert_equal("low", "high", schema="parts")


def test_key_is_the_best_unique_index_where_there_is_no_primary_key(flow):
    flow.database.psql(
        "CREATE TABLE k1 (a int NOT NULL, b text NOT NULL, c int, UNIQUE (b, a), UNIQUE (c));"
        "CREATE TABLE k2 (a int NOT NULL, b int NOT NULL);"
        "CREATE UNIQUE INDEX ON k2 (a) WHERE b > 0;"
        "CREATE UNIQUE INDEX ON k2 ((a + b));"
        "CREATE TABLE k3 (a text NOT NULL UNIQUE, b bigint NOT NULL UNIQUE, c int NOT NULL UNIQUE);"
        "CREATE TABLE k4 (a int NOT NULL, UNIQUE (a) DEFERRABLE INITIALLY DEFERRED);"
        "CREATE TABLE k5 (a int UNIQUE NULLS NOT DISTINCT);"
        "CREATE TABLE k6 (gone int, z int, a int, PRIMARY KEY (z, a) INCLUDE (gone));"
        "ALTER TABLE k6 ADD b int, DROP gone CASCADE; ALTER TABLE k6 ADD PRIMARY KEY (a, z);"
    )
    keys = {name.split(".")[1]: table["key"] for name, table in discover(flow).items()}
    assert keys == {
        "k1": ["b", "a"], "k2": [], "k3": ["c"], "k4": ["a"], "k5": [], "k6": ["a", "z"],
    }  # fmt: skip


def test_columns_that_the_login_may_not_read_are_named_and_come_with_the_right(flow, reader):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, hidden text, v int, updated_at timestamptz DEFAULT"
        " '2024-01-01'); INSERT INTO t VALUES (1, 's', 2), (2, 'x', 3);"
        "GRANT SELECT (k, v, updated_at) ON t TO reader;"
        "CREATE TABLE keyless (k int PRIMARY KEY, v int); GRANT SELECT (v) ON keyless TO reader;"
        "CREATE TABLE one (k int PRIMARY KEY, v int); GRANT SELECT (k, v) ON one TO reader"
    )
    document = flow.sync(**reader)
    assert warnings_about(document, "public.one is read by key", 'GRANT SELECT ON "public"."one"')
    assert warnings_about(document, "public.t", '"hidden"', 'GRANT SELECT ON "public"."t"')
    assert warnings_about(document, "public.keyless is left out", "key")
    flow.assert_equal("t", left_out=["hidden"])
    assert table_result(document, "t")["mode"] == "incremental"
    flow.database.psql("GRANT SELECT ON t TO reader")
    flow.sync(**reader)
    flow.assert_equal("t")


def test_estimates_come_from_statistics_and_sizes(flow):
    flow.database.psql(
        "CREATE TABLE analysed (k int); INSERT INTO analysed SELECT generate_series(1, 5000);"
        "CREATE TABLE grown (k int); INSERT INTO grown SELECT generate_series(1, 5000);"
        "CREATE TABLE never (k int); INSERT INTO never SELECT generate_series(1, 5000);"
        "CREATE TABLE empty (k int); CREATE TABLE p (k int) PARTITION BY RANGE (k);"
        "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (1000);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (1000) TO (3000);"
        "INSERT INTO p SELECT generate_series(0, 2999); ANALYZE analysed, grown, empty, p1, p2;"
        "INSERT INTO grown SELECT generate_series(1, 5000)"
    )
    rows = {name: table["rows_estimate"] for name, table in discover(flow).items()}
    assert rows["public.analysed"] == 5000
    assert 9000 < rows["public.grown"] < 11000
    assert rows["public.never"] > 100
    assert rows["public.empty"] == 0
    assert rows["public.p"] == 3000
