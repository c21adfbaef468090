"""What happens at the source while it is read: no row is lost, nothing crashes.

A session holds the table's lock, the sync waits for it, the session changes the table and lets go.
TRUNCATE and a rewriting ALTER show an older snapshot an empty table without an error; that is what
these tests are about.
"""

import json
import signal

import pytest
from flow import Flow, session, table_result, wait_for_blocked_reader, wait_until, warnings_about

CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz);
INSERT INTO t SELECT i, 'v' || i, '2024-01-01' FROM generate_series(1, 5000) i;
CREATE TABLE other (k int PRIMARY KEY); INSERT INTO other VALUES (1), (2);
"""
CHANGES = {
    "truncate and insert": "TRUNCATE t; INSERT INTO t VALUES (1, 'after', '2024-01-02')",
    "rewrite": "ALTER TABLE t ALTER k TYPE bigint",
    "new column": "ALTER TABLE t ADD c int DEFAULT 7",
    "dropped column": "ALTER TABLE t DROP v",
    "renamed column": "ALTER TABLE t RENAME v TO w",
    "volatile default": "ALTER TABLE t ADD u uuid DEFAULT gen_random_uuid()",
    "drop and create": "CREATE TABLE n AS TABLE t; DROP TABLE t; ALTER TABLE n RENAME TO t;"
    " DELETE FROM t WHERE k > 100; ALTER TABLE t ADD PRIMARY KEY (k)",
    "changed key": "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (v)",
}


@pytest.fixture
def flow(penstock, database):
    database.psql(CREATE)
    return Flow(penstock, database, lookback_seconds="0")


def sync_held_up(flow, sql, end="COMMIT", code=0):
    """A sync that meets a lock and goes on once `sql` has been committed."""
    with session(flow.database) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = flow.start()
        wait_for_blocked_reader(flow.database)
        holder(f"{sql}; {end}")
        out, err = process.communicate(timeout=60)
    assert process.returncode == code, err[-3000:]
    return out


@pytest.mark.parametrize("synced_before", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("change", CHANGES)
def test_table_changed_while_the_reader_waits(flow, change, synced_before):
    if synced_before:
        flow.sync()
    sync_held_up(flow, CHANGES[change])
    # A column that was added in between may come with the next sync.
    flow.assert_equal("t", "other", left_out=["c"])
    # What the sync remembered fits what it did: the next one agrees.
    flow.database.psql("UPDATE t SET updated_at = '2024-02-01' WHERE k = 1")
    flow.sync_and_compare("t", "other")


@pytest.mark.parametrize("synced_before", [False, True], ids=["first", "later"])
def test_table_dropped_while_the_reader_waits(flow, synced_before):
    if synced_before:
        flow.sync()
    sync_held_up(flow, "DROP TABLE t", code=4)  # it was not synced, and the status says so
    flow.assert_equal("other")
    if synced_before:
        assert flow.value("SELECT count(*) FROM tester.t") == 5000
    else:
        assert flow.tables() == ["other"]


def test_truncate_that_is_rolled_back(flow):
    sync_held_up(flow, "TRUNCATE t", end="ROLLBACK")
    flow.assert_equal("t", "other")


def test_lock_that_stays_is_reported_and_costs_no_row(flow):
    with session(flow.database) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        document = flow.sync(code=3, lock_timeout="1", max_retries="1")
        assert document["status"] == "failed"
        assert document["totals"]["retries"]
    flow.sync_and_compare("t", "other")


def test_truncate_waits_for_a_long_read_and_the_next_sync_follows(flow):
    """A reader that is under way holds the table still: it ends with all that it began with."""
    flow.database.psql(
        "CREATE TABLE big AS SELECT i AS k, repeat(md5(i::text), 20) AS v"
        " FROM generate_series(1, 300000) i"
    )
    process = flow.start(tables="big")
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%big%'"
        " AND state = 'active' AND pid <> pg_backend_pid()"
    )
    wait_until(
        lambda: process.poll() is not None or flow.database.psql(sql) != "0", "the read began"
    )
    flow.database.psql("TRUNCATE big")
    _out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err[-3000:]
    rows = flow.value("SELECT count(*) FROM tester.big WHERE NOT _fivetran_deleted")
    assert rows in (0, 300000)
    flow.sync_and_compare("big", tables="big")


def test_connection_killed_during_the_read_is_made_again(flow):
    flow.database.psql(
        "CREATE TABLE big AS SELECT i AS k, repeat(md5(i::text), 20) AS v"
        " FROM generate_series(1, 300000) i; ALTER TABLE big ADD PRIMARY KEY (k)"
    )
    process = flow.start(tables="big", max_retries="3")
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE query LIKE 'COPY%big%' AND state = 'active' AND pid <> pg_backend_pid()"
    )
    wait_until(
        lambda: process.poll() is not None or flow.database.psql(kill) != "0", "the read began"
    )
    _out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err[-3000:]
    flow.assert_equal("big")


def test_password_that_is_changed_during_the_sync_is_read_again(flow, work):
    """The file has the new one when the connections are lost."""
    role = "penstock_rotating"
    flow.database.psql(
        f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} LOGIN PASSWORD 'first-password';"
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
    )
    secret = work / "secret"
    secret.write_text("first-password\n")
    try:
        with session(flow.database) as holder:
            holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            process = flow.start(user=role, password="@secret", debug="true")
            wait_for_blocked_reader(flow.database)
            flow.database.psql(f"ALTER ROLE {role} PASSWORD 'second-password'")
            secret.write_text("second-password\n")
            flow.database.psql(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
            )
        out, err = process.communicate(timeout=90)
        assert process.returncode == 0, err[-3000:]
        assert "trying again" in err
        assert "first-password" not in out + err
        assert "second-password" not in out + err
        flow.assert_equal("t", "other")
    finally:
        flow.database.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def test_server_that_restarts_during_the_sync(penstock, own_postgres):
    from postgres import Database  # noqa: PLC0415

    database = Database(own_postgres, "postgres")
    flow = Flow(penstock, database, max_retries="5")
    database.psql(CREATE)
    with session(database) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = flow.start()
        wait_for_blocked_reader(database)
    own_postgres.stop()
    own_postgres.launch()
    _out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err[-3000:]
    flow.assert_equal("t", "other")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_sync_saves_its_state_and_goes_on(flow, number):
    with session(flow.database) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = flow.start()
        wait_for_blocked_reader(flow.database)
        process.send_signal(number)
        _out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err[-3000:]
    assert table_result(flow.sync(), "t")["upserts"] == 5000
    flow.assert_equal("t", "other")


def test_rows_written_all_the_while_arrive_with_the_next_sync(flow):
    """pgbench's kind of load: the copy of a moving table is one of its moments."""
    flow.database.psql("ALTER TABLE t ALTER updated_at SET DEFAULT now()")
    with session(flow.database) as writer:
        writer.begin(
            "DO $$ BEGIN FOR i IN 1..400 LOOP INSERT INTO t VALUES (100000 + i, 'new');"
            " UPDATE t SET v = v || 'x', updated_at = now() WHERE k = i; COMMIT;"
            " PERFORM pg_sleep(0.005); END LOOP; END $$"
        )
        for _ in range(4):
            document = flow.sync()
            assert not warnings_about(document, "t was not synced")
        writer.finish()
    flow.sync_and_compare("t", "other")


def test_truncate_that_waits_between_two_parts_holds_nobody_up(flow):
    """Each reader of a load holds the table from its first part to its last."""
    flow.database.psql(
        "CREATE TABLE big (k int PRIMARY KEY, v text);"
        "INSERT INTO big SELECT i, repeat(md5(i::text), 5) FROM generate_series(1, 100000) i;"
        "ANALYZE big"
    )
    settings = {"partition_rows": "500", "lock_timeout": "20"}
    process = flow.start(tables="big", **settings)
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%big%' AND"
        " datname = current_database() AND pid <> pg_backend_pid()"
    )
    wait_until(
        lambda: process.poll() is not None or flow.database.psql(sql) != "0", "the read began"
    )
    flow.database.psql("TRUNCATE big")
    _out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err[-3000:]
    assert flow.value("SELECT count(*) FROM tester.big WHERE NOT _fivetran_deleted") in (0, 100000)
    flow.sync_and_compare("big", tables="big")


def test_table_emptied_twice_in_a_row_is_not_waited_for_by_ourselves(flow):
    """Described as large, then nearly empty: what held it for many readers lets go of it, or else
    our own read would wait behind somebody who waits for that.
    """
    flow.database.psql("ANALYZE t")
    with session(flow.database) as first, session(flow.database) as second:
        first("BEGIN; TRUNCATE t; INSERT INTO t VALUES (1, 'one')")
        process = flow.start(partition_rows="500", lock_timeout="10", max_retries="1")
        wait_for_blocked_reader(flow.database)
        second.begin("TRUNCATE t")
        sql = "SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'"
        wait_until(lambda: flow.database.psql(sql) != "0", "the second waits, too")
        first("COMMIT")
        out, err = process.communicate(timeout=100)
        second.finish()
    assert process.returncode == 0, err[-3000:]
    assert json.loads(out.splitlines()[-1])["totals"]["retries"] == {}
    flow.sync_and_compare("t", "other")
