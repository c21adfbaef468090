"""`sync --follow`: one sync after the other in one process, until it is interrupted."""

import contextlib
import json
import signal
import time

import duckdb
import pytest
from flow import Flow, table_result
from postgresql.proxy import Fault, Proxy, Script


@pytest.fixture
def flow(penstock, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, 'a', '2024-01-01')"
    )
    return Flow(penstock, database, lookback_seconds="0")


def events(process, wanted):
    """The events up to the next one of that kind."""
    while True:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        event = json.loads(line)
        if event["event"] == wanted:
            return event


def upserts(document):
    return {table["table"]: table["upserts"] for table in document["tables"]}


def test_follow_brings_what_changes_until_it_is_interrupted(flow):
    process = flow.start("--follow", "1")
    first = events(process, "result")
    assert first["status"] == "succeeded"
    assert upserts(first) == {"t": 1}
    flow.database.psql("INSERT INTO t VALUES (2, 'b', now()); CREATE TABLE later (k int)")
    seen = {}
    while seen.get("t", 0) < 1 or "later" not in seen:
        document = events(process, "result")
        assert document["status"] == "succeeded"
        seen |= {name: max(count, seen.get(name, 0)) for name, count in upserts(document).items()}
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    flow.assert_equal("t")


def test_follow_lets_others_read_the_warehouse_between_two_syncs(flow):
    process = flow.start("--follow", "3600")
    events(process, "result")
    # The result is written a moment before the warehouse is closed.
    deadline = time.monotonic() + 60
    value = None
    while value is None and time.monotonic() < deadline:
        with contextlib.suppress(duckdb.IOException):
            value = flow.value("SELECT v FROM tester.t")
    assert value == "a"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err


def test_follow_shows_people_what_changed(flow):
    path = flow.configure()
    process = flow.penstock.start("sync", "--config", path, "--follow", "1")
    line = ""
    while "1 row" not in line:
        line = process.stdout.readline()
        assert line
    flow.database.psql("INSERT INTO t VALUES (2, 'b', now() + interval '1 s')")
    while "public.t: " not in line:
        line = process.stdout.readline()
        assert line
    assert " upsert" in line
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_follow_loads_again_also_where_its_first_sync_fails(flow):
    """What no cursor shows is what --resync was given for."""
    flow.database.psql("INSERT INTO t VALUES (2, 'b', '2024-01-01')")
    flow.sync()
    flow.database.psql("UPDATE t SET v = 'x' WHERE k = 1")
    login = Fault(statement=None, code="57P03", message="the database system is starting up")
    proxy = Proxy(flow.database.server, Script(faults=[login]))
    try:
        process = flow.start("--follow", "1", "--resync", port=str(proxy.port), max_retries="0")
        assert events(process, "result")["status"] == "failed"
        second = events(process, "result")
        third = events(process, "result")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        proxy.close()
    assert table_result(second, "t")["truncates"] == 1
    assert "asked for" in table_result(second, "t")["reason"]
    assert table_result(third, "t")["truncates"] == 0
    flow.assert_equal("t")


def test_follow_does_not_begin_again_what_a_failed_sync_has_begun(flow):
    flow.database.psql(
        "CREATE TABLE u (k int PRIMARY KEY, v text, updated_at timestamptz);"
        "INSERT INTO u VALUES (1, 'a', '2024-01-01')"
    )
    flow.sync()
    read = Fault(statement=r'^(COPY|DECLARE).*"u"', code="57P01", message="going down", cut=True)
    proxy = Proxy(flow.database.server, Script(faults=[read]))
    try:
        process = flow.start(
            "--follow", "1", "--resync", port=str(proxy.port), max_retries="0", threads="1"
        )
        first = events(process, "result")
        second = events(process, "result")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        proxy.close()
    assert first["status"] == "failed"
    assert [table_result(first, name)["truncates"] for name in "tu"] == [1, 0]
    assert [table_result(second, name)["truncates"] for name in "tu"] == [0, 1]


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "86401"])
def test_follow_takes_seconds(flow, seconds):
    done = flow.penstock("sync", "--config", flow.configure(), "--follow", seconds)
    assert done.code == 2
    assert "--follow takes a whole number from 1 to 86400" in done.err


def test_follow_ends_where_a_person_must_act(flow):
    done = flow.penstock("sync", "--config", flow.configure(user="nobody_at_all"), "--follow", "1")
    assert done.code == 3
    done = flow.penstock(
        "sync", "--config", flow.configure(), "--destination", "null", "--follow", "1"
    )
    assert done.code == 2
    assert "--follow needs a state" in done.err
