"""Through a real pooler, pgbouncer in transaction mode: it works, and advice is given."""

import re
import signal
import subprocess
from pathlib import Path

import pytest
from flow import Flow, session, wait_for_blocked_reader, wait_until, warnings_about
from postgres import BIN, TIED, free_port

BOUNCER = Path(__file__).resolve().parents[2] / "build/clients/debian/pgbouncer/sbin/pgbouncer"
CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());
INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 3000) i;
CREATE TABLE a AS SELECT i AS k FROM generate_series(1, 100) i;
CREATE TABLE b AS TABLE a; CREATE TABLE c AS TABLE a; CREATE TABLE d AS TABLE a;
"""


class Pooler:
    """pgbouncer before one database of a server; the same login."""

    def __init__(self, database, folder):
        server = database.server
        self.real, self.port = database, free_port()
        users, settings = folder / "users.txt", folder / "pgbouncer.ini"
        users.write_text(f'"{server.user}" "{server.password}"\n')
        settings.write_text(
            f"[databases]\n{database.name} = host={server.host} port={server.port}\n[pgbouncer]\n"
            f"listen_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = scram-sha-256\nauth_file = {users}\npool_mode = transaction\n"
            "default_pool_size = 2\nmax_client_conn = 50\n"
        )
        for path in (folder, users, settings):
            server.give(path)
        self.log = open(folder / "log", "wb")  # noqa: SIM115
        self.process = subprocess.Popen(
            [*TIED, BOUNCER, settings],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            **server.identity(),
        )
        wait_until(lambda: self.psql("SELECT 1").returncode == 0, "pgbouncer answers")

    def psql(self, sql):
        server = self.real.server
        return subprocess.run(
            [BIN / "psql", "-X", "-q", "-A", "-t", "-c", sql],
            env={**server.environment(self.real.name), "PGPORT": str(self.port)},
            capture_output=True,
            text=True,
            check=False,
        )

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.log.close()


@pytest.fixture
def pooled(database):
    database.psql(CREATE)
    # Below the folder of the server, which its own user can enter.
    folder = database.server.folder / f"pooler-{database.name}"
    folder.mkdir()
    pooler = Pooler(database, folder)
    yield pooler
    pooler.close()


@pytest.fixture
def flow(penstock, pooled):
    return Flow(penstock, pooled.real, port=str(pooled.port), threads="4", lookback_seconds="0")


def test_check_advises_to_connect_directly(penstock, pooled, flow):
    checked = penstock("check", "--config", flow.configure())
    assert checked.code == 0, checked.out
    assert "a pooler is between" in checked.out
    assert "Connect to the server itself" in checked.out
    planned = penstock("plan", "--config", flow.configure())
    assert "a pooler is between" in planned.err


def test_syncs_bring_everything_although_threads_wait_for_the_pool(pooled, flow):
    document = flow.sync()
    assert warnings_about(document, "a pooler is between")
    flow.assert_equal("t", "a", "b", "c", "d")
    pooled.real.psql("UPDATE t SET v = 'new', updated_at = clock_timestamp() WHERE k <= 10")
    flow.sync()
    flow.assert_equal("t", "a", "b", "c", "d")


def test_nothing_is_left_behind_for_the_next_client(pooled, flow):
    flow.sync(statement_timeout="1000", lock_timeout="77")
    shown = "SELECT name || '=' || setting FROM pg_settings WHERE source IN ('session', 'client')"
    names = set(re.findall(r"^(\w+)=", pooled.psql(shown).stdout, re.M))
    # What pgbouncer itself keeps apart for each client.
    assert names <= {"application_name", "client_encoding", "DateStyle", "TimeZone"}
    assert pooled.psql("CREATE TABLE made ()").returncode == 0


def test_error_of_the_pooler_is_told_from_the_servers(penstock, pooled):
    settings = {**pooled.real.configuration(), "port": str(pooled.port)}
    path = penstock.configure({**settings, "database": "nowhere"})
    checked = penstock("check", "--config", path)
    assert checked.code == 2
    assert "no such database: nowhere" in checked.out
    assert "Check `database`" in checked.out
    path = penstock.configure({**settings, "password": "not the password"})
    checked = penstock("check", "--config", path)
    assert checked.code == 3
    assert "Check `user` and `password`" in checked.out


def test_read_that_ends_with_the_poolers_connection_is_tried_again(pooled, flow):
    """Its server's process is killed: the pooler ends ours."""
    with session(pooled.real) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = flow.start(tables="t")
        wait_for_blocked_reader(pooled.real)
        pooled.real.psql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
    _out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert "trying again" in err
    flow.assert_equal("t")
