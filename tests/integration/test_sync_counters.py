"""Cursors that are counters: columns of xid8, which hold the number of the transaction that wrote
a row. Nothing is looked for again that was committed, and nothing is missed however late it is.
"""

import pytest
from flow import Flow, session, table_result, warnings_about
from postgres import Postgres
from postgresql.proxy import Proxy, Script

YUGABYTE = "PostgreSQL 15.12-YB-2025.2.2.2-b0 on x86_64-pc-linux-gnu"
COUNT_UP = """
CREATE FUNCTION count_up() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.version := pg_current_xact_id(); RETURN NEW; END';
CREATE TRIGGER count_up BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION count_up();
"""
CREATE = f"""
CREATE TABLE t (k int PRIMARY KEY, v text, version xid8);
{COUNT_UP}
INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i;
"""
# As it stands when `version` is no cursor: rows that others wrote, with their own numbers.
COPIED = """
CREATE TABLE t (k int PRIMARY KEY, v text, version xid8);
INSERT INTO t VALUES (1, 'a', '9'), (2, 'b', '10'), (3, 'c', '99'), (4, 'd', '100'),
  (5, 'e', '9223372036854775808'), (6, 'f', '18446744073709551615'), (7, 'g', '0'), (8, 'h', NULL);
"""


def make_flow(penstock, database, **settings):
    # The default look-back is for times: it must not matter here.
    return Flow(penstock, database, timestamp_column="version", **settings)


@pytest.fixture
def flow(penstock, database):
    return make_flow(penstock, database)


def sent(document, table="t"):
    return table_result(document, table)["upserts"]


@pytest.mark.parametrize("index", [True, False])
def test_counter_finds_what_was_written_and_nothing_else(flow, index):
    flow.database.psql(CREATE)
    if index:
        flow.database.psql("CREATE INDEX ON t (version)")
    first = flow.sync_and_compare("t")
    assert sent(first) == 1000
    assert table_result(first, "t")["mode"] == "incremental"
    assert "cursor version (a counter)" in table_result(first, "t")["reason"]
    assert first["warnings"] == []
    assert sent(flow.sync_and_compare("t")) == 0
    flow.database.psql("UPDATE t SET v = 'changed' WHERE k % 100 = 0; INSERT INTO t VALUES (2000)")
    assert sent(flow.sync_and_compare("t")) == 11
    assert sent(flow.sync_and_compare("t")) == 0


def test_empty_table_of_a_counter_is_not_loaded_again_and_again(flow):
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY, v text, version xid8)" + f";{COUNT_UP}")
    flow.sync()
    flow.database.psql("INSERT INTO t VALUES (1, 'one')")
    result = table_result(flow.sync_and_compare("t"), "t")
    assert result["upserts"] == 1
    assert "first" not in result["reason"]


def test_transaction_that_outlasts_syncs_is_found_when_it_ends(flow):
    flow.database.psql(CREATE)
    with session(flow.database) as late, session(flow.database) as later:
        late("BEGIN; INSERT INTO t VALUES (5001, 'late'); UPDATE t SET v = 'late' WHERE k = 7")
        later("BEGIN; INSERT INTO t VALUES (5002, 'rolled back')")
        for number in range(3):
            flow.database.psql(f"INSERT INTO t VALUES ({6000 + number}, 'in between')")
            flow.sync_and_compare("t")
        later("ROLLBACK")
        flow.sync_and_compare("t")
        late("COMMIT")
    # What was committed since the oldest began is read once more, and then never again.
    assert sent(flow.sync_and_compare("t")) == 5
    assert sent(flow.sync_and_compare("t")) == 0


def test_transaction_that_was_prepared_is_found_when_it_ends(flow):
    flow.database.psql(CREATE)
    name = f"{flow.database.name}-counted"
    flow.database.psql(f"BEGIN; INSERT INTO t VALUES (5001, 'late'); PREPARE TRANSACTION '{name}'")
    try:
        flow.database.psql("INSERT INTO t VALUES (5002, 'younger')")
        flow.sync_and_compare("t")
    finally:
        flow.database.psql(f"COMMIT PREPARED '{name}'")
    flow.database.psql("INSERT INTO t VALUES (5003, 'youngest')")
    flow.sync_and_compare("t")
    assert sent(flow.sync_and_compare("t")) == 0


def test_numbers_are_exact_and_in_the_order_of_numbers(flow):
    """As texts '9' would be above '10', and a signed number would hold half of them."""
    flow.database.psql(COPIED + "CREATE INDEX ON t (version)")
    flow.sync_and_compare("t")
    found = flow.query("SELECT CAST(version AS VARCHAR), typeof(version) FROM tester.t ORDER BY k")
    assert found[5] == ("18446744073709551615", "DECIMAL(20,0)")
    # Those that nobody has been given yet may still be given: they are read again, and so is NULL.
    assert sent(flow.sync_and_compare("t")) == 3
    flow.database.psql("UPDATE t SET v = 'now', version = pg_current_xact_id() WHERE k IN (1, 4)")
    assert sent(flow.sync_and_compare("t")) == 5


def test_column_of_a_domain_and_of_a_text_type_by_configuration(flow):
    """`column_types` has no say in how a cursor is compared."""
    flow.database.psql(
        "CREATE DOMAIN stamp AS xid8; CREATE TABLE t (k int PRIMARY KEY, v text, version stamp)"
        f";{COUNT_UP}; INSERT INTO t VALUES (1, 'one'), (2, 'two')"
    )
    types = {"column_types": "t.version=STRING"}
    flow.sync_and_compare("t", **types)
    flow.database.psql("UPDATE t SET v = 'three' WHERE k = 2")
    assert sent(flow.sync_and_compare("t", **types)) == 1
    assert flow.value("SELECT typeof(version) FROM tester.t LIMIT 1") == "VARCHAR"


def test_login_that_may_not_ask_what_is_open_has_no_counters(penstock, database):
    database.psql(
        CREATE + "REVOKE EXECUTE ON FUNCTION pg_current_snapshot() FROM PUBLIC;"
        "DROP ROLE IF EXISTS no_snapshot; CREATE ROLE no_snapshot LOGIN PASSWORD 'x1234567';"
        "GRANT SELECT ON t TO no_snapshot"
    )
    flow = make_flow(penstock, database, user="no_snapshot", password="x1234567")
    try:
        document = flow.sync_and_compare("t")
        assert table_result(document, "t")["mode"] == "full"
        words = ['"version" of "t" cannot be a cursor', "GRANT EXECUTE", "pg_current_snapshot()"]
        assert warnings_about(document, *words)
    finally:
        database.psql("DROP OWNED BY no_snapshot; DROP ROLE no_snapshot")


def test_cluster_has_no_counters(penstock, database):
    database.psql(CREATE)
    proxy = Proxy(database.server, Script(version=YUGABYTE))
    try:
        flow = make_flow(penstock, database, port=str(proxy.port), threads="1")
        document = flow.sync_and_compare("t")
    finally:
        proxy.close()
    assert table_result(document, "t")["mode"] == "full"
    assert warnings_about(document, '"version" of "t" cannot be a cursor', "YugabyteDB")


def test_python_connectors_state_is_no_place_in_a_counter(flow):
    """Whatever it noted, it does not say what was open then."""
    flow.database.psql(CREATE)
    flow.penstock.folder.joinpath("files").mkdir(exist_ok=True)
    flow.penstock.folder.joinpath("files", "state.json").write_text('{"t_last_updated_at": 700}')
    document = flow.sync_and_compare("t")
    assert sent(document) == 1000
    assert warnings_about(document, 't" is loaded whole', '"version" is a counter')


def test_restored_dump_is_loaded_whole(penstock, database):
    """Its server counts from the beginning, and its rows have the numbers of the former one."""
    flow = make_flow(penstock, database)
    database.psql(CREATE + "DO 'BEGIN FOR i IN 1..3000 LOOP COMMIT; PERFORM pg_current_xact_id();"
                  " END LOOP; END'; UPDATE t SET v = 'before' WHERE k <= 500")  # fmt: skip
    flow.sync_and_compare("t")
    other = Postgres()
    try:
        other.start()
        other.psql(f'CREATE DATABASE "{database.name}"')
        dump = database.server.run("pg_dump", database=database.name)
        other.psql(dump, database.name)
        counters = [
            int(server.psql("SELECT pg_snapshot_xmin(pg_current_snapshot())", database.name))
            for server in (database.server, other)
        ]
        assert counters[1] < counters[0]
        other.psql("UPDATE t SET v = 'after' WHERE k % 10 = 0", database.name)
        document = flow.sync(host=other.host, port=str(other.port), password=other.password)
        assert "rewritten" in table_result(document, "t")["reason"]
        assert sent(document) == 1000
        assert flow.value("SELECT count(*) FROM tester.t WHERE v = 'after'") == 100
        # From here on it goes by the other's numbers; those of the dump are above them.
        other.psql("INSERT INTO t VALUES (3000, 'new')", database.name)
        flow.sync(host=other.host, port=str(other.port), password=other.password)
        assert flow.value("SELECT count(*) FROM tester.t WHERE k = 3000") == 1
    finally:
        other.close()
