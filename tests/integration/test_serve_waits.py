"""Calls that wait for a source which does not answer: cancelled or stopped, they end at once."""

import contextlib
import socket
import time

import grpc
import pytest
from clients.connector import code_of
from flow import session, wait_until
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


def silent_on(statement):
    return Script(faults=[Fault(statement=statement, silent=True, times=1000)])


@pytest.fixture
def place(database, request):
    """`place(kind)`: what to be configured for so that a call waits there."""
    with contextlib.ExitStack() as stack:

        def make(kind):
            database.psql("CREATE TABLE IF NOT EXISTS t (k int PRIMARY KEY)")
            database.psql("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING")
            configuration = database.configuration() | SLOW
            if kind == "nobody answers":
                silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                return configuration | {"host": "127.0.0.1", "port": str(silent.getsockname()[1])}
            if kind == "a locked catalog":
                stack.enter_context(session(database))(
                    "BEGIN; LOCK TABLE pg_inherits IN ACCESS EXCLUSIVE MODE"
                )
                return configuration
            if kind == "preprocessing":
                return configuration | PREPROCESSING
            statement = {"the version": "version", "the catalog": "pg_class"}[kind]
            proxy = stack.enter_context(
                contextlib.closing(Proxy(database.server, silent_on(statement)))
            )
            return configuration | {"port": str(proxy.port)}

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


def wait_until_it_waits(server, database, kind):
    wait_until(lambda: calls(server) > 0, "the call is under way")
    if kind == "preprocessing":
        wait_until(lambda: sleeping(database) == "1", "the statement runs")
    else:
        time.sleep(0.2)  # most of the times it waits there by now; else it ends a little earlier


@pytest.mark.parametrize(("method", "kind"), [*WAITS, ("Update", "a locked catalog")])
def test_call_that_waits_for_its_source_is_called_off(serve, place, database, method, kind):
    server = serve()
    call = begin(server, method, place(kind))
    wait_until_it_waits(server, database, kind)
    call.cancel()
    wait_until(lambda: calls(server) == 0, "nothing of the call is left", timeout=MOMENT)
    wait_until(lambda: sleeping(database) == "0", "the statement has ended", timeout=MOMENT)
    assert server.client.form().fields
    assert server.stop() == 0


def test_server_that_is_stopped_waits_for_no_source(serve, place, database):
    server = serve()
    under_way = []
    for method, kind in WAITS:
        under_way.append((method, begin(server, method, place(kind))))
        wait_until_it_waits(server, database, kind)
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
