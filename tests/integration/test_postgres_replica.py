"""A real replica (hot standby) made by pg_basebackup: read, in the way of recovery, lost."""

import subprocess
import threading

import pytest
from flow import Flow, session, table_result, wait_until, warnings_about
from postgres import BIN, Database, Postgres
from postgresql.proxy import Fault, Proxy, Script


class Standby(Postgres):
    """Follows a primary from a copy of it."""

    def follow(self, primary):
        self.password = primary.password
        command = [BIN / "pg_basebackup", "-D", self.folder / "data", "-R", "-X", "stream"]
        command += ["-c", "fast", "--no-sync"]
        subprocess.run(
            command, check=True, cwd=self.folder, env=primary.environment(), **self.identity()
        )
        self.make_certificate()
        with open(self.folder / "data" / "postgresql.auto.conf", "a") as settings:
            settings.write("\nmax_standby_streaming_delay = 0\nhot_standby_feedback = off\n")
            settings.write("log_recovery_conflict_waits = on\ndeadlock_timeout = 100ms\n")
        self.launch()


class Pair:
    def __init__(self, primary, standby):
        self.primary = Database(primary, "postgres")
        self.standby = Database(standby, "postgres")

    def catch_up(self):
        """Waits until the standby has what the primary has written."""
        place = self.primary.psql("SELECT pg_current_wal_flush_lsn()")
        wait_until(
            lambda: self.standby.psql(f"SELECT pg_last_wal_replay_lsn() >= '{place}'") == "t",
            "the standby has caught up",
        )

    def write(self, sql):
        self.primary.psql(f"SET synchronous_commit = on; {sql}")
        self.catch_up()


@pytest.fixture(scope="module")
def servers():
    primary, standby = Postgres(), Standby()
    try:
        primary.start()
        standby.follow(primary)
        yield primary, standby
    finally:
        standby.close()
        primary.close()


@pytest.fixture
def pair(servers):
    pair = Pair(*servers)
    pair.write(
        "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());"
        "INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 1000) i;"
        "CREATE TABLE other (k int PRIMARY KEY); INSERT INTO other VALUES (1), (2)"
    )
    return pair


def test_replica_is_read_and_what_it_cannot_show_is_said(penstock, pair):
    pair.write("CREATE UNLOGGED TABLE loose (k int)")
    flow = Flow(penstock, pair.standby)
    document = flow.sync()
    flow.assert_equal("t", "other")
    assert warnings_about(document, "public.loose", "unlogged, and a replica cannot read")
    assert warnings_about(document, "does not show the primary's open transactions")
    checked = penstock("check", "--config", "configuration.json")
    assert "a replica" in checked.out
    pair.write("UPDATE t SET v = 'new', updated_at = clock_timestamp() WHERE k <= 10")
    flow.sync_and_compare("t", "other")


def conflict(pair):
    """Rows that a read may still need vanish at the primary, and so, at once, at the replica."""
    pair.primary.psql("SET synchronous_commit = on; DELETE FROM other WHERE k = 2")
    pair.primary.psql("SET synchronous_commit = on; VACUUM other")
    pair.primary.psql("SET synchronous_commit = on; CREATE TABLE IF NOT EXISTS flushed ()")


def reads(pair, table):
    return pair.standby.psql(
        f"SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%{table}%'"
        " AND state = 'active' AND pid <> pg_backend_pid()"
    )


def test_read_that_is_in_the_way_of_recovery_is_tried_again(penstock, pair):
    """The replica's own 40001, in the middle of a COPY of rows that take their time."""
    pair.write(
        "CREATE TABLE pace (seconds float); INSERT INTO pace VALUES (0.1);"
        "CREATE VIEW slow AS SELECT k, pg_sleep((SELECT seconds FROM pace))::text AS v FROM t"
    )
    flow = Flow(penstock, pair.standby, include_views="true", tables="slow")
    process = flow.start()
    wait_until(
        lambda: process.poll() is not None or reads(pair, "slow") != "0", "the read is under way"
    )
    pair.primary.psql("SET synchronous_commit = on; UPDATE pace SET seconds = 0")
    conflict(pair)
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "conflict with recovery (SQLSTATE 40001)" in err
    assert "set hot_standby_feedback" in err
    assert "trying again" in err
    assert flow.value("SELECT count(*) FROM tester.slow") == 1000


def test_read_that_recovery_ends_while_it_sends_is_tried_again(penstock, pair):
    """A process that cannot send, since nobody takes its rows, ends without a word."""
    pair.write(
        "CREATE TABLE big AS SELECT i AS k, repeat('x', 8000) AS v FROM generate_series(1, 5000) i"
    )
    fault = Fault('^COPY.*"big"', after=100, pause=threading.Event())
    proxy = Proxy(pair.standby.server, Script(faults=[fault]))
    try:
        flow = Flow(penstock, pair.standby, port=str(proxy.port), tables="big")
        process = flow.start()
        assert fault.paused.wait(60)
        conflict(pair)
        wait_until(lambda: reads(pair, "big") == "0", "the replica has ended the read")
        fault.pause.set()
        _out, err = process.communicate(timeout=60)
    finally:
        fault.pause.set()
        proxy.close()
    assert process.returncode == 0, err
    assert "trying again" in err
    pair.catch_up()
    flow.assert_equal("big")


def test_kind_of_server_chooses_among_hosts(penstock, servers, pair):
    primary, standby = servers
    for kind, replica in {
        "any": True,
        "standby": True,
        "prefer-standby": True,
        "read-only": True,
        "primary": False,
        "read-write": False,
    }.items():
        flow = Flow(
            penstock, pair.standby, host=f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}",
            target_session_attrs=kind,
        )  # fmt: skip
        path = flow.configure()
        checked = penstock("check", "--config", path, "--json")
        assert checked.code == 0, checked.out
        assert ("a replica" in checked.document["server"]) == replica


def test_replica_that_goes_away_is_replaced_by_the_next_host(penstock, servers, pair):
    primary, standby = servers
    flow = Flow(
        penstock,
        pair.primary,
        host=f"127.0.0.1:{standby.port},127.0.0.1:{primary.port}",
        tables="t",
    )
    with session(pair.primary) as holder:
        holder("SET synchronous_commit = on; BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        holder("SELECT pg_switch_wal()")
        pair.catch_up()
        process = flow.start()
        waits = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND application_name = 'penstock'"
        )
        wait_until(
            lambda: process.poll() is not None or pair.standby.psql(waits) != "0",
            "the read waits at the replica",
        )
    standby.stop()
    try:
        _out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "trying again" in err
        flow.assert_equal("t")
    finally:
        standby.launch()


COUNTED = """
CREATE TABLE counted (k int PRIMARY KEY, v text, version xid8 DEFAULT pg_current_xact_id());
INSERT INTO counted SELECT i, 'v' || i FROM generate_series(1, 1000) i;
"""


def test_counter_finds_late_commits_at_a_replica(penstock, pair):
    """It shows which of the primary's transactions have ended, though not when they began."""
    pair.write(COUNTED)
    flow = Flow(penstock, pair.standby, timestamp_column="counted=version", tables="counted")
    assert not warnings_about(flow.sync_and_compare("counted"), "lookback_seconds")
    with session(pair.primary) as late:
        late("SET synchronous_commit = on; BEGIN; INSERT INTO counted VALUES (5001, 'late')")
        for number in range(5002, 5005):
            pair.write(f"INSERT INTO counted VALUES ({number}, 'in between')")
            flow.sync_and_compare("counted")
        late("COMMIT")
    pair.catch_up()
    assert table_result(flow.sync_and_compare("counted"), "counted")["upserts"] == 4
    assert table_result(flow.sync_and_compare("counted"), "counted")["upserts"] == 0


def test_standby_that_takes_over_with_less_is_loaded_whole_by_its_counter(penstock):
    """It gives numbers anew that its primary had given: windows would begin above them."""
    primary, standby = Postgres(), Standby()
    try:
        primary.start()
        standby.follow(primary)
        pair = Pair(primary, standby)
        pair.write(COUNTED)
        standby.stop()
        flow = Flow(penstock, pair.standby, timestamp_column="counted=version")
        lost = {"port": str(primary.port)}
        flow.sync(**lost)
        for number in range(3):
            primary.psql(f"INSERT INTO counted VALUES ({2000 + number}, 'lost')")
        flow.sync(**lost)
        primary.stop()
        standby.launch()
        pair.standby.psql("SELECT pg_promote(); CHECKPOINT")
        pair.standby.psql("INSERT INTO counted VALUES (3000, 'after')")
        document = flow.sync_and_compare("counted")
        assert "rewritten" in table_result(document, "counted")["reason"]
        pair.standby.psql("INSERT INTO counted VALUES (3001, 'after')")
        assert table_result(flow.sync_and_compare("counted"), "counted")["upserts"] == 1
    finally:
        standby.close()
        primary.close()
