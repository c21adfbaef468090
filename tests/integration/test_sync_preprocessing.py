"""Statements that run at the source before its tables are read."""

import signal

import pytest
from flow import Flow, session, table_result, wait_until, warnings_about

SETTINGS = {
    "enable_preprocessing": "true",
    "preprocessing_table": "log, Customers",
    "preprocessing_sql": "UPDATE {table_list} SET status = 'DONE', runs = runs + 1"
    " WHERE connector IN ({connector_list}) AND '{table_list}' <> ''",
    "connector_list": "c1, o'two",
}


@pytest.fixture
def flow(penstock, database):
    database.psql(
        "CREATE TABLE log (k int PRIMARY KEY, connector text, status text, runs int DEFAULT 0);"
        "INSERT INTO log (k, connector) VALUES (1, 'c1'), (2, 'o''two'), (3, 'c3');"
        'CREATE TABLE "Customers" (LIKE log INCLUDING ALL);'
        'INSERT INTO "Customers" SELECT * FROM log;'
        "CREATE TABLE other (LIKE log INCLUDING ALL); INSERT INTO other SELECT * FROM log"
    )
    return Flow(penstock, database)


def test_statements_run_before_the_tables_are_read(flow):
    document = flow.sync(**SETTINGS)
    for table in ("log", "Customers"):
        assert table_result(document, table)["preprocessed_rows"] == 2
        assert flow.query(f'SELECT k, status, runs FROM tester."{table}" ORDER BY k') == [
            (1, "DONE", 1),
            (2, "DONE", 1),
            (3, None, 0),
        ]
    assert "preprocessed_rows" not in table_result(document, "other")
    assert flow.value("SELECT count(status) FROM tester.other") == 0
    flow.sync(**SETTINGS)
    assert flow.value("SELECT max(runs) FROM tester.log") == 2
    flow.sync(**{**SETTINGS, "enable_preprocessing": "false"})
    assert flow.value("SELECT max(runs) FROM tester.log") == 2


def test_statement_that_fails_stops_its_table_alone(flow):
    flow.database.psql("ALTER TABLE log DROP COLUMN status")
    document = flow.sync(code=4, **SETTINGS)
    assert warnings_about(document, "log was not synced", "preprocessing", "status")
    assert "log" not in flow.tables()
    assert flow.value('SELECT max(runs) FROM tester."Customers"') == 1
    assert flow.value("SELECT count(*) FROM tester.other") == 3


def test_placeholder_without_a_value_refuses_before_any_sql(flow):
    for sql, words in {
        "UPDATE {table_list} SET runs = {never_heard_of}": "{never_heard_of}",
        "UPDATE {table_list} SET runs = 7; DELETE FROM other": "more than one statement",
    }.items():
        document = flow.sync(code=2, **{**SETTINGS, "preprocessing_sql": sql})
        assert words in document["error"]["message"]
    document = flow.sync(code=2, **{**SETTINGS, "connector_list": ""})
    assert "{connector_list}" in document["error"]["message"]
    assert flow.database.psql("SELECT max(runs) FROM log").strip() == "0"


SLEEPS = {
    **SETTINGS,
    "preprocessing_sql": "UPDATE {table_list} SET runs = 9 WHERE pg_sleep(600) IS NULL",
}
RUNNING = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE 'UPDATE%pg_sleep%'"
)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_statement_under_way_is_called_off(flow, number):
    """At the server too, and nothing of it stays."""
    process = flow.start(**SLEEPS)
    wait_until(lambda: flow.database.psql(RUNNING) == "1", "the statement runs")
    process.send_signal(number)
    _out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err[-3000:]
    wait_until(lambda: flow.database.psql(RUNNING) == "0", "the server has ended it")
    flow.sync(**SETTINGS)
    assert flow.value("SELECT max(runs) FROM tester.log") == 1


def test_statement_that_takes_too_long_is_ended(flow):
    limits = {"statement_timeout": "2", "max_retries": "1"}
    document = flow.sync(code=4, **{**SLEEPS, "preprocessing_table": "log", **limits})
    assert warnings_about(document, "log was not synced", "given up after 1", "statement timeout")
    assert document["totals"]["retries"] == {"timeout": 1}
    assert "other" in flow.tables()


def test_statement_that_waits_for_a_lock_is_ended(flow):
    limits = {"lock_timeout": "1", "max_retries": "1"}
    with session(flow.database) as holder:
        holder("BEGIN; UPDATE log SET runs = 5 WHERE k = 1")
        document = flow.sync(code=4, **{**SETTINGS, **limits})
    assert warnings_about(document, "log was not synced", "given up after 1", "lock timeout")
    assert flow.value('SELECT max(runs) FROM tester."Customers"') == 1
