"""Servers whose administrator took away from everybody what everybody has by default: what is only
convenient is done without, and the rest names the right that is missing.
"""

import pytest
from flow import Flow, table_result, warnings_about
from postgresql.proxy import Fault, Proxy, Script

CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz);
INSERT INTO t SELECT i, repeat('v', 50), timestamptz '2024-01-01' + i * interval '1 second'
  FROM generate_series(1, 20000) i;
ANALYZE t;
"""
LOGIN = {"user": "plain_login", "password": "x1234567"}
EXPORT = "EXECUTE ON FUNCTION pg_catalog.pg_export_snapshot()"


@pytest.fixture
def flow(penstock, database):
    database.psql(
        CREATE + "DROP ROLE IF EXISTS plain_login;"
        "CREATE ROLE plain_login LOGIN PASSWORD 'x1234567'; GRANT SELECT ON t TO plain_login;"
        "GRANT pg_read_all_stats TO plain_login"
    )
    yield Flow(
        penstock, database, lookback_seconds="0", batch_size="100", partition_rows="500", **LOGIN
    )
    database.psql("DROP OWNED BY plain_login; DROP ROLE plain_login")


def check(flow, code=0):
    done = flow.penstock("check", "--config", flow.configure(), "--json")
    assert done.code == code, done.out + done.err
    return done.document


@pytest.mark.parametrize(
    "right",
    [
        "SELECT ON pg_catalog.pg_locks",
        "SELECT ON pg_catalog.pg_stats",
        "SELECT ON pg_catalog.pg_database",
        EXPORT,
    ],
)
def test_convenience_is_done_without(flow, right):
    flow.database.psql(f"REVOKE {right} FROM PUBLIC")
    assert check(flow)["horizon"]["known"]
    document = flow.sync_and_compare("t")
    assert table_result(document, "t")["upserts"] == 20000
    flow.database.psql("UPDATE t SET v = 'new', updated_at = now() WHERE k = 7")
    assert table_result(flow.sync_and_compare("t"), "t")["upserts"] == 2


@pytest.mark.parametrize("view", ["pg_stat_activity", "pg_prepared_xacts"])
def test_horizon_that_may_not_be_looked_for_is_unknown(flow, view):
    flow.database.psql(f"REVOKE SELECT ON pg_catalog.{view} FROM PUBLIC")
    remedy = "GRANT SELECT ON pg_catalog.pg_stat_activity, pg_catalog.pg_prepared_xacts TO"
    horizon = check(flow)["horizon"]
    assert not horizon["known"]
    assert remedy in horizon["reason"]
    assert warnings_about(flow.sync_and_compare("t"), "lookback_seconds", remedy)
    flow.database.psql(f'{remedy} "plain_login"')
    assert check(flow)["horizon"]["known"]


@pytest.mark.parametrize("function", ["version()", "pg_relation_filenode(regclass)"])
def test_function_that_is_needed_is_named_with_its_grant(flow, function):
    flow.database.psql(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")
    message = flow.sync(code=3)["error"]["message"]
    assert f"function {function.split('(')[0]}" in message
    assert "GRANT EXECUTE ON FUNCTION" in message


def test_load_in_parts_begins_again_where_they_cannot_be_read_together(flow):
    script = Script()
    proxy = Proxy(flow.database.server, script)
    try:
        script.faults.append(
            Fault(
                "^COPY", "57P01", "terminating connection", times=99, ends=True,
                once=lambda: sum(sql.startswith("COPY") for sql in proxy.statements) > 5,
            )
        )  # fmt: skip
        flow.sync(code=3, port=str(proxy.port), max_retries="0", threads="1")
    finally:
        proxy.close()
    flow.database.psql(f"REVOKE {EXPORT} FROM PUBLIC")
    document = flow.sync_and_compare("t")
    assert warnings_about(document, "pg_export_snapshot")
    assert table_result(document, "t")["upserts"] == 20000


def test_time_limit_of_the_login_itself_does_not_count(flow):
    flow.database.psql(
        "ALTER ROLE plain_login SET statement_timeout = '200ms'; GRANT UPDATE ON t TO plain_login"
    )
    proxy = Proxy(flow.database.server, Script())
    try:
        flow.sync(
            port=str(proxy.port), enable_preprocessing="true", preprocessing_table="t",
            preprocessing_sql="UPDATE t SET v = 'slow' WHERE k = 7 AND pg_sleep(0.5) IS NOT NULL",
        )  # fmt: skip
    finally:
        proxy.close()
    assert flow.value("SELECT v FROM tester.t WHERE k = 7") == "slow"
    for word in ("version()", "clock_timestamp", "pg_stat_activity"):
        asked = [sql for sql in proxy.statements if word in sql]
        assert asked
        assert all(sql.startswith("SET LOCAL statement_timeout = 0;") for sql in asked)
