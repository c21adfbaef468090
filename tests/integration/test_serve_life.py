"""A server's life: clients that cancel or die, too many syncs, signals, ports."""

import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clients.reader
import grpc
import pytest
from clients.connector import Replica, Server, code_of, sync
from clients.source_rows import assert_same
from flow import session, wait_for_blocked_reader, wait_until
from grpc_health.v1 import health_pb2, health_pb2_grpc
from postgres import free_port

MEGABYTE = 2**20
# Far more than the library takes before a client reads.
LARGE = """
CREATE TABLE large (id int PRIMARY KEY, note text);
INSERT INTO large SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, {rows}) i;
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'penstock%'"
SESSIONS += " AND datname = current_database()"
WARM_UP = 5
GROWN_MAX = 10 * MEGABYTE


@pytest.fixture
def large(database):
    database.psql(LARGE.format(rows=300000))
    return database


def wait_for_no_session(database):
    wait_until(lambda: database.psql(SESSIONS) == "0", "no session of penstock's is left")


def wait_for_no_sync(server):
    wait_until(lambda: server.threads() == 0, "the sync's threads are gone")


def die(server, configuration):
    """A client that is killed while the server waits for it."""
    process = subprocess.Popen(
        [sys.executable, clients.reader.__file__, str(server.port), configuration, "5"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "reading\n"
    process.kill()
    process.communicate()


def cancel(server, configuration):
    stream = server.client.update(configuration)
    for _ in range(5):
        next(stream)
    stream.cancel()


def settled(server):
    """The least memory that the idle server is seen with. Free memory goes back after a call's end,
    and what the library frees late on a busy machine after the next one's."""
    memory = []
    for _ in range(5):
        server.client.form()
        wait_for_no_sync(server)
        for _ in range(10):
            memory.append(server.resident())
            time.sleep(0.02)
    return min(memory)


def assert_comes_back(server, one_round, rounds):
    """After many rounds the server has what it had after the first ones. The C library keeps up to
    2 MiB in each of a few arenas; a batch lost in each round is far more."""
    for _ in range(WARM_UP):
        one_round()
        wait_for_no_sync(server)
    early, files = settled(server), server.files()
    for _ in range(rounds):
        one_round()
        wait_for_no_sync(server)
    wait_until(lambda: server.files() <= files, "descriptors are as before")
    memory = []
    for _ in range(20):
        memory.append(settled(server))
        if memory[-1] - early < GROWN_MAX:
            break
    grown = min(memory) - early
    assert grown < GROWN_MAX, f"grown from {early} by {grown / MEGABYTE:.1f} MiB: {memory}"
    assert not any("Update done" in line for line in server.lines)


@pytest.fixture
def memory_shows(penstock):
    """For what is seen by the process' memory."""
    if penstock.binary.parent.name != "Release":
        pytest.skip("the sanitizers keep what is freed")


@pytest.mark.usefixtures("memory_shows")
def test_cancelled_syncs_leave_nothing(serve, large):
    server = serve()
    configuration = large.configuration()
    assert_comes_back(server, lambda: cancel(server, configuration), rounds=60)
    wait_for_no_session(large)
    replica = sync(server.client, configuration)
    assert_same(large, replica, "large")
    assert server.stop() == 0


@pytest.mark.usefixtures("memory_shows")
def test_killed_clients_leave_nothing(serve, large):
    server = serve()
    configuration = json.dumps(large.configuration())
    assert_comes_back(server, lambda: die(server, configuration), rounds=30)
    wait_for_no_session(large)
    assert server.client.form().fields
    assert server.stop() == 0


@pytest.mark.usefixtures("memory_shows")
def test_cancelled_syncs_of_ehr_leave_nothing(serve):
    server = serve()
    configuration = {"source": "ehr", "ehr_patients": "20000"}
    assert_comes_back(server, lambda: cancel(server, configuration), rounds=60)
    assert server.stop() == 0


def test_clients_that_come_and_go_under_the_sanitizers(serve_debug, large):
    server = serve_debug()
    for _ in range(5):
        cancel(server, large.configuration())
        wait_for_no_session(large)
    server.assert_well(sanitized=True)


@pytest.mark.usefixtures("memory_shows")
def test_memory_stays_flat_while_a_client_reads_slowly(serve, large):
    server = serve()
    stream = server.client.update(large.configuration())
    next(stream)
    highest = 0
    for turn, _ in enumerate(stream):
        if turn % 100 == 0:
            highest = max(highest, server.resident())
            time.sleep(0.01)
    assert highest < 64 * MEGABYTE


def test_cancel_ends_a_read_that_waits_for_a_lock(serve, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)")
    server = serve()
    with session(database) as other:
        other("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        stream = server.client.update(database.configuration(lock_timeout="0"))
        wait_for_blocked_reader(database)
        stream.cancel()
        wait_for_no_session(database)  # while the lock is held
    assert stream.code() == grpc.StatusCode.CANCELLED
    assert server.stop() == 0


def test_syncs_beyond_the_limit_are_refused_and_the_rest_answers(serve, large):
    server = serve("--max-syncs", 1)
    configuration = large.configuration()
    first = server.client.update(configuration)
    next(first)
    code, text = code_of(lambda: list(server.client.update(configuration)))
    assert code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "try again" in text
    server.wait_for_line("as may be at once (1)")
    assert [line["level"] for line in server.messages()].count("SEVERE") == 1
    assert server.client.form().fields
    assert server.client.test("connect", configuration).success
    assert server.client.schema(configuration).without_schema.tables
    replica = Replica()
    replica.declare(server.client.schema(configuration))
    replica.take(first)
    assert replica.counts["UPSERT"] == 300000
    sync(server.client, {"source": "ehr", "ehr_patients": "10"})


def test_several_syncs_at_once_do_not_disturb_each_other(serve_debug, database):
    database.psql(LARGE.format(rows=3000))
    server = serve_debug()
    configuration = database.configuration()
    replicas = [Replica() for _ in range(4)]
    schema = server.client.schema(configuration)
    for replica in replicas:
        replica.declare(schema)
    streams = [server.client.update(configuration) for _ in replicas]
    open_streams = list(zip(replicas, streams, strict=True))
    while open_streams:
        for pair in list(open_streams):
            try:
                pair[0].apply(next(pair[1]))
            except StopIteration:
                open_streams.remove(pair)
    for replica in replicas:
        assert_same(database, replica, "large")
    server.assert_well(sanitized=True)


def test_term_lets_a_sync_end(serve, database):
    """It drains: the sync under way ends well, new calls are refused, health says so."""
    database.psql(LARGE.format(rows=3000))
    server = serve()
    configuration = database.configuration(lock_timeout="0")
    replica = Replica()
    replica.declare(server.client.schema(configuration))
    stub = health_pb2_grpc.HealthStub(server.client.channel)
    not_serving = health_pb2.HealthCheckResponse.NOT_SERVING
    request = health_pb2.HealthCheckRequest()
    with session(database) as other:
        other("BEGIN; LOCK TABLE large IN ACCESS EXCLUSIVE MODE")
        stream = server.client.update(configuration)
        wait_for_blocked_reader(database)
        server.process.terminate()
        wait_until(lambda: stub.Check(request, timeout=30).status == not_serving, "it drains")
        code, text = code_of(server.client.form)
    assert code == grpc.StatusCode.UNAVAILABLE and "shutting down" in text
    replica.take(stream)
    assert server.process.wait(timeout=30) == 0
    assert_same(database, replica, "large")


def test_term_cuts_a_sync_that_does_not_end(serve, large):
    """The client does not read; nor does it get a CANCELLED, which would be its own doing."""
    server = serve()
    stream = server.client.update(large.configuration())
    next(stream)
    began = time.monotonic()
    server.process.terminate()
    assert server.process.wait(timeout=60) == 0
    assert time.monotonic() - began > 8
    wait_for_no_session(large)
    code, text = code_of(lambda: list(stream))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert "shutting down" in text


def test_term_stops_a_long_sync_with_a_checkpoint(serve):
    """Its client reads: all that it was sent is in the state that it got last."""
    server = serve()
    stream = server.client.update({"source": "ehr", "ehr_patients": "20000000"})
    operations = [next(stream).WhichOneof("operation")]
    server.process.terminate()
    with pytest.raises(grpc.RpcError) as ended:
        for response in stream:
            operations.append(response.WhichOneof("operation"))
            time.sleep(0.001)
    assert ended.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "shutting down" in ended.value.details()
    assert operations[-1] == "checkpoint"
    assert server.process.wait(timeout=60) == 0
    assert server.stop() == 0  # all lines are read
    told = [line for line in server.messages() if "shutting down" in line["message"]]
    assert [line["level"] for line in told] == ["SEVERE"]


def test_term_ends_calls_that_wait_for_a_source(serve):
    """`Schema` tries again where nobody listens; `Test` waits for one that never answers."""
    server = serve()
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor() as pool:
        configuration = {"host": "127.0.0.1", "source": "postgresql", "database": "d", "user": "u"}
        nobody = configuration | {"port": str(free_port())}
        mute = configuration | {"port": str(silent.getsockname()[1])}
        calls = [
            pool.submit(code_of, lambda: server.client.schema(nobody)),
            pool.submit(code_of, lambda: server.client.test("connect", mute)),
        ]
        wait_until(lambda: server.threads() == len(calls), "both calls are under way")
        server.process.terminate()
        codes = [call.result()[0] for call in calls]
    assert codes == [grpc.StatusCode.UNAVAILABLE] * 2
    assert server.process.wait(timeout=60) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_idle_server_stops_at_once(serve, number):
    server = serve()
    began = time.monotonic()
    server.process.send_signal(number)
    assert server.process.wait(timeout=30) == 0
    assert time.monotonic() - began < 10  # that long a sync would have had
    assert server.stop() == 0  # all lines are read
    assert server.messages()[-1]["message"] == "stopped"


def test_taken_port_is_told(serve, penstock):
    server = serve()
    done = penstock("serve", "--port", server.port)
    assert done.code == 2
    assert f"port {server.port}" in done.out and "in use" in done.out
    assert server.client.form().fields


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_port_that_another_program_has_is_told(penstock, family):
    address = "127.0.0.1" if family == socket.AF_INET else "::1"
    with socket.socket(family) as other:
        try:
            other.bind((address, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        other.listen()
        done = penstock("serve", "--port", other.getsockname()[1])
    assert done.code == 2 and "in use" in done.out


@pytest.mark.parametrize("port", ["0", "70000", "-1", "abc", "", "50051x", " ", "99999999999999"])
def test_bad_port_is_told(penstock, port):
    for command in [("serve",), ()]:
        done = penstock(*command, "--port", port)
        assert done.code == 2
        assert "port" in done.out + done.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("--prot", "50051"),
        ("--port",),
        ("--max-syncs", "0"),
        ("--compression", "zip"),
        ("--source", "oracle"),
        ("extra",),
    ],
)
def test_wrong_flags_are_told(penstock, arguments):
    done = penstock("serve", *arguments)
    assert done.code == 2
    assert arguments[0].lstrip("-") in done.out + done.err


def test_port_is_free_again_at_once(penstock):
    port = free_port()
    for _ in range(2):
        server = Server(penstock, port=port)
        assert server.stop() == 0
    assert Path(f"/proc/{server.process.pid}").exists() is False


def test_what_was_read_arrives_while_the_sync_waits(serve, database):
    """Messages gathered on their way are not held back until more come."""
    database.psql(
        LARGE.format(rows=5000) + "CREATE TABLE locked (k int PRIMARY KEY);"
        "INSERT INTO locked VALUES (1); ANALYZE;"
    )
    server = serve()
    configuration = database.configuration(lock_timeout="0", threads="2")
    replica = Replica()
    replica.declare(server.client.schema(configuration))
    with session(database) as other:
        other("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE")
        stream = server.client.update(configuration, timeout=60)
        while len(replica.rows("large")) < 5000:
            replica.apply(next(stream))
        wait_for_blocked_reader(database)
    replica.take(stream)
    assert_same(database, replica, "large")
    assert_same(database, replica, "locked")
