"""Calls that wait for a source which does not answer: cancelled or stopped, they end at once."""

import contextlib
import select
import socket

import grpc
import pytest
from clients.connector import code_of
from flow import reader_is_blocked, session, wait_until
from postgresql.proxy import Fault, Proxy, Script

# Whoever is not called off waits far longer than any test: minutes.
SLOW = {"connect_timeout": "600", "lock_timeout": "600"}
# What has been called off takes less, on the busiest machine.
MOMENT = 30
PREPROCESSING = {
    "enable_preprocessing": "true",
    "preprocessing_table": "t",
    "preprocessing_sql": "UPDATE {table_list} SET k = k WHERE pg_sleep(600) IS NULL",
}


def is_called(listener):
    """Somebody has connected, whom nobody answers."""
    return bool(select.select([listener], [], [], 0)[0])


@pytest.fixture
def place(database):
    """`place(kind)`: what to be configured for so that a call waits there, and whether one does."""
    with contextlib.ExitStack() as stack:

        def make(kind):
            database.psql("CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)")
            database.psql("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")
            configuration = database.configuration() | SLOW
            if kind == "nobody answers":
                silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                there = {"host": "127.0.0.1", "port": str(silent.getsockname()[1])}
                return configuration | there, lambda: is_called(silent)
            if kind == "a locked catalog":
                stack.enter_context(session(database))(
                    "BEGIN; LOCK TABLE pg_inherits IN ACCESS EXCLUSIVE MODE"
                )
                return configuration, lambda: reader_is_blocked(database)
            if kind == "preprocessing":
                return configuration | PREPROCESSING, lambda: sleeping(database) == "1"
            statement = {"the version": "version", "the catalog": "pg_class"}[kind]
            fault = Fault(statement=statement, silent=True, times=1000)
            proxy = Proxy(database.server, Script(faults=[fault]))
            stack.enter_context(contextlib.closing(proxy))
            return configuration | {"port": str(proxy.port)}, lambda: fault.happened > 0

        yield make


def begin(server, method, configuration):
    """The call under way, as a thing that can be cancelled."""
    if method == "Update":
        return server.client.update(configuration)
    return server.client.later(method, configuration)


def calls(server):
    """Threads of calls; not the one that asks a mute server to stop for as long as it is mute."""
    return server.threads(but=("penstock-stop",))


WAITS = [
    ("Update", "nobody answers"),
    ("Schema", "nobody answers"),
    ("Test", "nobody answers"),
    ("Update", "the version"),
    ("Update", "the catalog"),
    ("Schema", "the catalog"),
    ("Test", "the catalog"),
    ("Update", "preprocessing"),
]


@pytest.mark.parametrize(("method", "kind"), [*WAITS, ("Update", "a locked catalog")])
def test_call_that_waits_for_its_source_is_called_off(serve, place, database, method, kind):
    server = serve()
    configuration, waits = place(kind)
    call = begin(server, method, configuration)
    wait_until(waits, "the call waits there")
    call.cancel()
    wait_until(lambda: calls(server) == 0, "nothing of the call is left", timeout=MOMENT)
    wait_until(lambda: sleeping(database) == "0", "the statement has ended", timeout=MOMENT)
    assert server.client.form().fields
    assert server.stop() == 0


def test_server_that_is_stopped_waits_for_no_source(serve, place, database):
    server = serve()
    under_way = []
    for method, kind in WAITS:
        configuration, waits = place(kind)
        under_way.append((method, begin(server, method, configuration)))
        wait_until(waits, "the call waits there")
    server.process.terminate()
    for method, call in under_way:
        code, _ = code_of(lambda: list(call) if method == "Update" else call.result())  # noqa: B023
        assert code == grpc.StatusCode.UNAVAILABLE
    assert server.process.wait(timeout=MOMENT) == 0
    wait_until(lambda: sleeping(database) == "0", "the statement has ended", timeout=MOMENT)


def sleeping(database):
    return database.psql(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
        " AND datname = current_database()"
    )
