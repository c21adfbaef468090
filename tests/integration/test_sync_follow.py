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


def test_follow_that_a_script_has_started_is_ended_by_sigterm_alone(flow):
    # As a shell that is not interactive does for what it starts with &.
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = flow.start("--follow", "1")
    finally:
        signal.signal(signal.SIGINT, former)
    events(process, "result")
    process.send_signal(signal.SIGINT)
    events(process, "result")
    assert events(process, "result")["status"] == "succeeded"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err


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


IDLE = """
    CREATE TABLE orders (k int PRIMARY KEY, v text, n numeric, updated_at timestamptz);
    INSERT INTO orders SELECT i, 'v', i / 3.0, now() FROM generate_series(1, 3) AS i;
    CREATE TABLE nocur (k int PRIMARY KEY, v text);
    INSERT INTO nocur VALUES (1, 'a'), (2, NULL);
    CREATE TABLE nokey (v text, f float8, b bool);
    INSERT INTO nokey VALUES ('a', 0.5, true), ('b', NULL, false);
"""


def next_change(process):
    """The next line of a table, without its time."""
    line = "no changes"
    while "no changes" in line:
        line = process.stdout.readline()
        assert line, process.stderr.read()
    return line.split("public.", 1)[1].strip()


def test_follow_tells_no_row_that_it_sends_again(flow):
    """A look-back that covers all rows, tables that are read whole: each round sends them."""
    flow.database.psql(IDLE)
    path = flow.configure(lookback_seconds="86400")
    process = flow.penstock.start("sync", "--config", path, "--follow", "1")
    line = ""
    while "no changes" not in line:
        line = process.stdout.readline()
        assert line
        assert ": " not in line or "upsert" not in line, line
    told = []
    flow.database.psql("UPDATE orders SET v = 'w', updated_at = now() WHERE k = 2")
    told.append(next_change(process))
    flow.database.psql("DELETE FROM nocur WHERE k = 2")
    told.append(next_change(process))
    flow.database.psql("INSERT INTO nokey VALUES ('c', 1, true); CREATE TABLE later (k int)")
    told.append(next_change(process))
    flow.database.psql("INSERT INTO later VALUES (1), (2)")
    told.append(next_change(process))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert told == [
        "orders: 1 upsert",
        "nocur: 1 delete",
        "nokey: 1 upsert",
        "later: 2 upserts",
    ]


def changed(document):
    return {table["table"]: table["changed"] for table in document["tables"]}


def test_follow_tells_machines_what_changed(flow):
    flow.database.psql(IDLE)
    none = {"upserts": 0, "updates": 0, "deletes": 0}
    process = flow.start("--follow", "1", lookback_seconds="86400")
    first, second = events(process, "result"), events(process, "result")
    assert changed(first) == {
        "t": none | {"upserts": 1},
        "orders": none | {"upserts": 3},
        "nocur": none | {"upserts": 2},
        "nokey": none | {"upserts": 2},
    }
    assert table_result(second, "orders")["upserts"] == 3
    assert changed(second) == dict.fromkeys(changed(first), none)
    flow.database.psql("UPDATE nocur SET v = 'b' WHERE k = 2")
    third = second
    while changed(third) == changed(second):
        third = events(process, "result")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert changed(third) == changed(second) | {"nocur": none | {"upserts": 1}}
    assert table_result(third, "nocur")["upserts"] == 2


def test_follow_says_where_changes_cannot_be_told(flow):
    """What an earlier process sent is noted nowhere; the second sync is compared to the first."""
    flow.database.psql(IDLE)
    plain = flow.sync(lookback_seconds="86400")
    assert all("changed" not in table for table in plain["tables"])
    process = flow.start("--follow", "1", lookback_seconds="86400")
    first, second = events(process, "result"), events(process, "result")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert set(changed(first).values()) == {None}
    assert all(sum(counts.values()) == 0 for counts in changed(second).values())


def test_follow_tells_what_a_failed_sync_did_not_save(flow):
    """The rows of a sync whose read broke off are compared to nothing; a later one's are again."""
    flow.database.psql(IDLE)
    read = Fault(
        statement=r'^(COPY|DECLARE).*"nocur"', code="57P01", message="going down", cut=True
    )
    proxy = Proxy(flow.database.server, Script(faults=[]))
    try:
        process = flow.start("--follow", "1", port=str(proxy.port), max_retries="0", threads="1")
        events(process, "result")
        proxy.script.faults.append(read)
        document = events(process, "result")
        while document["status"] == "succeeded":
            document = events(process, "result")
        after = events(process, "result")
        later = events(process, "result")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    finally:
        proxy.close()
    assert changed(after)["nocur"] is None
    assert changed(later)["nocur"] == {"upserts": 0, "updates": 0, "deletes": 0}


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
