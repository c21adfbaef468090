"""How calls end, as gRPC's codes: docs/rpc.md, "How a sync ends"."""

import itertools
import json

import grpc
import pytest
from clients.connector import LOCALHOST, Replica, code_of, sync
from clients.source_rows import assert_same
from postgres import free_port

Code = grpc.StatusCode
numbers = itertools.count(1)
TABLE = "CREATE TABLE t (k int PRIMARY KEY, d date); INSERT INTO t VALUES (1, '2024-01-01');"
# No waiting: the tests provoke what is retried.
IMPATIENT = {"max_retries": "1", "retry_sleep_seconds": "0"}


def task_of(stream):
    """The one message of a sync that a person must mend."""
    replica = Replica()
    replica.take(stream)
    assert len(replica.tasks) == 1
    assert replica.message_sizes[-1][0] == "task"
    assert stream.code() == Code.OK
    return replica.tasks[0]


def assert_for_the_platform(text):
    """Its users have a setup form and a button to re-sync, no command line."""
    assert "penstock " not in text and "--" not in text, text


def severe_lines(server):
    """Those of the calls that have ended. The line of a later call says that they were read."""
    mark = f"marker-{next(numbers)}"
    server.client.test("connect", {"source": mark})
    server.wait_for_line(mark)
    return [one["message"] for one in server.messages() if one["level"] == "SEVERE"]


def test_wrong_password(serve, database):
    server = serve()
    configuration = {**database.configuration(), "password": "wrong-Secret-9"}
    task = task_of(server.client.update(configuration))
    assert "password" in task and "wrong-Secret-9" not in task
    assert len(severe_lines(server)) == 1
    code, text = code_of(lambda: server.client.schema(configuration))
    assert code == Code.FAILED_PRECONDITION and "password" in text
    answer = server.client.test("connect", configuration)
    assert answer.WhichOneof("response") == "failure" and "password" in answer.failure


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"source": "oracle"}, "oracle"),
        ({"source": "postgresql"}, '"host"'),
        ({"source": "postgresql", "host": "<YOUR_HOST>", "database": "d", "user": "u"}, "host"),
        ({"source": "ehr", "ehr_patients": "many"}, "ehr_patients"),
        ({"source": "ehr", "ehr_patients": "0"}, "ehr_patients"),
        ({"source": "ehr", "on_bad_row": "maybe"}, "on_bad_row"),
    ],
)
def test_setting_that_a_person_must_mend(serve, settings, words):
    client = serve().client
    assert words in task_of(client.update(settings))
    code, text = code_of(lambda: client.schema(settings))
    assert code == Code.FAILED_PRECONDITION and words in text
    assert words in client.test("connect", settings).failure


def test_literal_values_from_the_platform_are_not_expanded(serve, monkeypatch, tmp_path):
    """A file or a variable of the server's is no business of a caller's."""
    secret = tmp_path / "secret"
    secret.write_text("planted-secret-in-a-file")
    monkeypatch.setenv("PLANTED", "planted-secret-in-a-variable")
    server = serve()
    for value in [f"@{secret}", "${PLANTED}"]:
        settings = {"source": "postgresql", "host": value, "database": "d", "user": "u"}
        failure = server.client.test("connect", settings).failure
        assert failure and "planted-secret" not in failure
    assert not any("planted-secret" in line for line in server.lines)


def test_passing_trouble_that_stays(serve, own_postgres):
    own_postgres.psql(TABLE)
    configuration = own_postgres.configuration(**IMPATIENT)
    server = serve()
    replica = sync(server.client, configuration)
    own_postgres.stop()
    code, text = code_of(lambda: list(server.client.update(configuration)))
    assert code == Code.UNAVAILABLE and str(own_postgres.port) in text
    code, text = code_of(lambda: server.client.schema(configuration))
    assert code == Code.UNAVAILABLE
    answer = server.client.test("connect", configuration)
    assert answer.WhichOneof("response") == "failure"
    own_postgres.launch()
    own_postgres.psql("INSERT INTO t VALUES (2, NULL)")
    sync(server.client, configuration, replica, state=replica.state)
    assert len(replica.rows("t")) == 2


def test_schema_answers_in_seconds_where_nobody_listens(serve):
    """With the settings that a sync waits for minutes by; the call has a limit of its own."""
    settings = {"source": "postgresql", "host": LOCALHOST, "port": str(free_port())}
    settings |= {"database": "d", "user": "u"}
    server = serve()
    code, text = code_of(lambda: server.client.schema(settings))
    assert code == Code.UNAVAILABLE and settings["port"] in text
    server.wait_for_line("trying again in")


def test_server_that_goes_in_mid_stream(serve, own_postgres):
    """What was sent before is kept by the platform; the next sync goes on."""
    own_postgres.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 5) FROM generate_series(1, 200000) i"
    )
    configuration = own_postgres.configuration(**IMPATIENT, checkpoint_rows="20000")
    server = serve()
    replica = Replica()
    replica.declare(server.client.schema(configuration))
    stream = server.client.update(configuration)
    for _ in range(30):
        replica.apply(next(stream))
    own_postgres.stop()

    def rest():
        for response in stream:
            replica.apply(response)

    code, _ = code_of(rest)
    assert code == Code.UNAVAILABLE
    own_postgres.launch()
    state = replica.states[-1] if replica.states else None
    sync(server.client, configuration, replica, state=state)
    assert len(replica.rows("t")) == 200000


FAULTS = [
    ("example.no_memory", Code.RESOURCE_EXHAUSTED, "memory"),
    ("example.bug", Code.INTERNAL, "bug"),
]


@pytest.mark.parametrize(("fault", "expected", "words"), FAULTS)
@pytest.mark.parametrize("call", ["Schema", "Update", "in mid-stream"])
def test_fault_inside_ends_the_call_and_nothing_else(serve_debug, call, fault, expected, words):
    """The first is met while the tables are described, the fourth while their rows are read."""
    count = 4 if call == "in mid-stream" else 1
    server = serve_debug(env={"PENSTOCK_FAULT": f"{fault}:{count}=fail"})
    settings = {"source": "example"}
    replica = Replica()
    if call == "Schema":
        code, text = code_of(lambda: server.client.schema(settings))
    else:
        stream = server.client.update(settings)
        code, text = code_of(lambda: [replica.apply(one) for one in stream])
    assert code == expected and words in text
    lines = severe_lines(server)
    assert len(lines) == 1 and words in lines[0]
    assert bool(replica.tables) == (call == "in mid-stream") and replica.tasks == []
    sync(server.client, settings, replica if replica.tables else None)
    assert server.stop() == 0


@pytest.mark.parametrize("batch", [1, 3])
def test_history_that_is_gone_is_loaded_again_and_told(serve_debug, batch):
    """The first time before any row was sent, then between two batches of a table."""
    server = serve_debug(env={"PENSTOCK_FAULT": f"example.expired:{batch}=fail"})
    settings = {"source": "example", "threads": "1"}
    replica = sync(server.client, settings)
    assert len(replica.warnings) == 1 and replica.tasks == []
    assert "loaded again from its beginning" in replica.warnings[0]
    assert_for_the_platform(replica.warnings[0])
    whole = sync(server.client, settings)
    assert whole.warnings == []
    for table in ("table1", "table2"):
        assert replica.rows(table) == whole.rows(table)
    assert server.stop() == 0


@pytest.mark.parametrize(("fault", "expected", "words"), FAULTS)
def test_fault_inside_a_test_is_its_failure(serve_debug, fault, expected, words):
    server = serve_debug(env={"PENSTOCK_FAULT": f"{fault}=fail"})
    settings = {"source": "example", "apiBaseURL": "https://api.example.com"}
    assert words in server.client.test("connect", settings).failure
    assert server.client.test("connect", settings).success
    assert server.stop() == 0


def test_record_that_no_message_can_hold_is_counted(serve, database):
    """Of the 128 MiB that the protocol takes; no value alone is as large."""
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, a text, b text);"
        "INSERT INTO t VALUES (1, 'x', 'y'), (3, 'x', 'z'),"
        " (2, repeat('a', 70000000), repeat('b', 70000001))"
    )
    server = serve()
    replica = Replica()
    replica.declare(server.client.schema(database.configuration()))
    stream = server.client.update(database.configuration())
    for response in stream:
        replica.apply(response)
    assert stream.code() == Code.OK
    assert set(replica.rows("t")) == {(1,), (3,)}
    assert replica.counts["UPSERT"] == 2 and replica.states
    assert [text for text in replica.warnings if "128 MiB" in text and "t.b 1" in text]
    assert replica.message_sizes[-1][0] == "checkpoint"  # whoever stops there has read it
    server.wait_for_line("2 upserts")
    server.wait_for_line("1 rows left out")


def test_bad_row_where_it_stops_the_sync(serve, database):
    database.psql(TABLE + "INSERT INTO t VALUES (2, 'infinity')")
    server = serve()
    configuration = database.configuration(on_bad_row="stop")
    code, text = code_of(lambda: list(server.client.update(configuration)))
    assert code == Code.INVALID_ARGUMENT
    assert '"d"' in text and "on_bad_row" in text
    assert len(severe_lines(server)) == 1
    replica = sync(server.client, database.configuration())
    assert_same(database, replica, "t", where="k = 1")
    assert len(replica.warnings) == 1 and replica.tasks == []


def test_cancelled_sync(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 50000) i"
    )
    server = serve()
    stream = server.client.update(database.configuration())
    next(stream)
    stream.cancel()
    code, _ = code_of(lambda: list(stream))
    assert code == Code.CANCELLED
    server.wait_for_line("Update ended")
    assert severe_lines(server) == []


def test_deadline_of_the_client(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 300000) i"
    )
    server = serve()
    stream = server.client.update(database.configuration(), timeout=0.2)
    code, _ = code_of(lambda: list(stream))
    assert code == Code.DEADLINE_EXCEEDED
    assert server.client.form().fields


def damaged(state):
    document = json.loads(state)
    document["checksum"] = "0000000000000000" if "checksum" in document else None
    return json.dumps(document)


@pytest.mark.parametrize(
    "change",
    [
        damaged,
        lambda state: state[: len(state) // 2],
        lambda state: state.replace('"t"', '"u"'),
        lambda state: "[1, 2]",
        lambda state: '"text"',
        lambda state: "12",
        lambda state: "not json at all",
        lambda state: "{" * 100000,
        lambda state: '{"version": 999}',
        lambda state: "\N{BEAR FACE}" * 1000,
    ],
)
def test_damaged_state_is_a_task_and_no_full_load(serve_debug, database, change):
    database.psql(TABLE)
    server = serve_debug()
    replica = sync(server.client, database.configuration())
    text = task_of(server.client.update(database.configuration(), state=change(replica.state)))
    assert "state" in text and len(text) < 600
    assert_for_the_platform(text)
    assert "re-sync the connection" in text
    server.assert_well(sanitized=True)


def test_state_of_another_source_is_a_task(serve, database):
    database.psql(TABLE)
    client = serve().client
    replica = sync(client, {"source": "ehr", "ehr_patients": "5"})
    text = task_of(client.update(database.configuration(), state=replica.state))
    assert "ehr" in text and "postgresql" in text
    assert_for_the_platform(text)


def test_state_of_a_damaged_table_does_not_load_twice(serve, database):
    """A task leaves the platform's state as it was: with the right one the sync goes on."""
    database.psql(TABLE)
    client = serve().client
    replica = sync(client, database.configuration())
    task_of(client.update(database.configuration(), state="nonsense"))
    sync(client, database.configuration(), replica, state=replica.state)
    assert_same(database, replica, "t")


def test_nothing_selected_by_the_configuration_is_told(serve, database):
    database.psql(TABLE)
    client = serve().client
    text = task_of(client.update(database.configuration(tables="absent")))
    assert "none of the 1 tables" in text and "`tables`" in text
    assert_for_the_platform(text)
    code, text = code_of(lambda: client.schema(database.configuration(exclude_tables="*")))
    assert code == Code.FAILED_PRECONDITION
    assert_for_the_platform(text)


def test_large_state_of_strangers_is_refused_or_taken(serve, database):
    """Five megabytes of tables that are not there: a state can be that large."""
    database.psql(TABLE)
    server = serve()
    state = json.dumps({f"table_{i}": "2024-01-01T00:00:00Z" for i in range(140000)})
    assert len(state) > 5 * 10**6
    replica = Replica()
    replica.take(server.client.update(database.configuration(), state=state))
    assert replica.tasks or replica.rows("t")
    assert server.client.form().fields
