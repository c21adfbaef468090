"""A full load that is killed goes on where its last checkpoint was, also in another point in time.

What docs/resume.md promises: parts that were read are not read again, TRUNCATE is not sent again,
and rows that moved between parts meanwhile are found.
"""

import contextlib
import json
import subprocess
import threading

import pytest
from flow import Flow, table_result, warnings_about
from kills import load_of, parts_finished
from postgresql.proxy import Fault, Proxy, Script

# Many parts, and a checkpoint after every few of them.
PARTS = {"partition_rows": "1000", "batch_size": "500", "checkpoint_rows": "3000"}


@pytest.fixture
def faulty(penstock_debug, database):
    """The build that can be made to die at a checkpoint."""
    return Flow(penstock_debug, database, **PARTS)


@pytest.fixture
def reader(database):
    """A login without rights; grants are the test's."""
    database.psql("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN PASSWORD 'secret'")
    yield {"user": "reader", "password": "secret"}
    database.psql("DROP OWNED BY reader; DROP ROLE reader")


def kill_at_checkpoint(flow, number, **settings):
    """Runs a sync that dies right after so many checkpoints."""
    process = flow.start(env={"PENSTOCK_FAULT": f"duckdb.after_commit:{number}"}, **settings)
    _out, err = process.communicate(timeout=120)
    assert process.returncode == -9, f"it did not come that far: {err[-2000:]}"


def wide_table(database, rows_count=20000):
    """A table without a cursor: nothing but the load itself can find its rows."""
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        f"INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, {rows_count}) i;"
        "ANALYZE t"
    )


def test_load_goes_on_after_its_last_checkpoint(faulty):
    wide_table(faulty.database)
    kill_at_checkpoint(faulty, 3)
    load = load_of(faulty, "t")
    done = parts_finished(load)
    assert 0 < done < len(load["bounds"])
    plan = faulty.penstock("plan", "--config", faulty.configure(), "--json")
    [planned] = plan.document["tables"]  # by state.json, which is as old as the checkpoint before
    assert planned["partitions"] == len(load["bounds"])
    assert len(load["bounds"]) - done <= planned["partitions_left"] < len(load["bounds"])
    document = faulty.sync_and_compare("t")
    result = table_result(document, "t")
    assert result["truncates"] == 0
    assert "goes on" in result["reason"]
    assert result["mixed_snapshot"] is True
    # What was checkpointed is not read again: at least whole parts less than all rows.
    each = 20000 / len(load["bounds"])
    assert result["upserts"] <= 20000 - (done - 1) * each
    assert load_of(faulty, "t") is None
    # A load in one go has one point in time.
    again = faulty.sync_and_compare("t")
    assert "mixed_snapshot" not in table_result(again, "t")


def test_rows_that_move_into_parts_already_read_are_found(faulty):
    """The first blocks have room, and rows that were not read yet move there meanwhile."""
    wide_table(faulty.database)
    faulty.database.psql("DELETE FROM t WHERE k <= 4000 AND k % 2 = 0")
    faulty.database.psql("VACUUM t")
    kill_at_checkpoint(faulty, 3, threads="1")
    load = load_of(faulty, "t")
    done = parts_finished(load)
    read = int(load["bounds"][done - 1].rpartition("-")[2])  # blocks
    faulty.database.psql("UPDATE t SET v = v || '!' WHERE k > 19000")
    moved = faulty.database.psql(
        f"SELECT count(*) FROM t WHERE k > 19000 AND ctid < '({read},0)'::tid"
    )
    assert int(moved) > 200, "nothing moved: the test shows nothing"
    document = faulty.sync_and_compare("t")
    result = table_result(document, "t")
    assert result["truncates"] == 0 and result["mixed_snapshot"] is True
    assert warnings_about(document, "public.t", "deleted or given another key may still be")


def test_table_that_was_rewritten_meanwhile_is_loaded_again(faulty):
    wide_table(faulty.database)
    kill_at_checkpoint(faulty, 3)
    assert load_of(faulty, "t") is not None
    faulty.database.psql("VACUUM FULL t")
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["truncates"] == 1 and result["upserts"] == 20000


def test_table_that_was_altered_meanwhile_is_loaded_again(faulty):
    wide_table(faulty.database)
    kill_at_checkpoint(faulty, 3)
    faulty.database.psql("ALTER TABLE t ADD COLUMN w int DEFAULT 7")
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["truncates"] == 1


def test_partitioned_table_goes_on_leaf_by_leaf(faulty):
    faulty.database.psql(
        "CREATE TABLE t (k int, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k);"
        "CREATE TABLE t_a PARTITION OF t FOR VALUES FROM (0) TO (5000);"
        'CREATE TABLE "t B" PARTITION OF t FOR VALUES FROM (5000) TO (40001);'
        "CREATE TABLE t_empty PARTITION OF t FOR VALUES FROM (50000) TO (60000);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 20000) i;"
        "ANALYZE t"
    )
    kill_at_checkpoint(faulty, 3)
    load = load_of(faulty, "t")
    assert len({bounds.partition(":")[0] for bounds in load["bounds"]}) == 3
    faulty.database.psql("UPDATE t SET v = v || '!' WHERE k % 5 = 0")
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["truncates"] == 0


def test_partition_that_is_rewritten_after_it_was_described_is_noticed(faulty):
    """What was read of the old file is no place in the new one."""
    faulty.database.psql(
        "CREATE TABLE t (k int, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k);"
        "CREATE TABLE t_a PARTITION OF t FOR VALUES FROM (0) TO (15000);"
        "CREATE TABLE t_b PARTITION OF t FOR VALUES FROM (15000) TO (40001);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(20000, 1, -1) i;"
        "ANALYZE t"
    )
    kill_at_checkpoint(faulty, 3)
    assert load_of(faulty, "t") is not None
    described = Fault("pg_stat_activity", pause=threading.Event())
    proxy = Proxy(faulty.database.server, Script(faults=[described]))
    try:
        process = faulty.start(port=str(proxy.port))
        assert described.paused.wait(60)
        faulty.database.psql("ALTER TABLE t_a CLUSTER ON t_a_pkey; CLUSTER t_a")
        described.pause.set()
        out, err = process.communicate(timeout=120)
    finally:
        described.pause.set()
        proxy.close()
    assert process.returncode == 0, err[-2000:]
    result = table_result(json.loads(out.splitlines()[-1]), "t")
    assert result["truncates"] == 1 and result["upserts"] == 20000
    faulty.assert_equal("t")


def test_table_without_a_key_goes_on(faulty):
    faulty.database.psql(
        "CREATE TABLE t (k int, v text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 20000) i;"
        "ANALYZE t"
    )
    kill_at_checkpoint(faulty, 3)
    document = faulty.sync_and_compare("t")
    result = table_result(document, "t")
    assert result["truncates"] == 0 and result["upserts"] < 20000
    assert warnings_about(document, "public.t", "deleted or changed may still be")


def test_load_by_key_without_a_cursor_begins_anew(faulty, reader):
    """Nothing tells what has changed in the ranges that were read."""
    database = faulty.database
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, secret text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(2, 40000, 2) i;"
        "GRANT SELECT (k, v) ON t TO reader; ANALYZE t"
    )
    kill_at_checkpoint(faulty, 3, threads="1", **reader)
    load = load_of(faulty, "t")
    done = parts_finished(load)
    assert load["bounds"][0].startswith("k") and 0 < done < len(load["bounds"])
    last = int(load["bounds"][done - 1].rpartition(":")[2])  # behind the keys that were read
    assert last < 39000
    database.psql(
        f"INSERT INTO t SELECT i, 'new' FROM generate_series(1, {last}, 100) i;"
        f"UPDATE t SET v = 'changed' WHERE k < {last} AND k % 500 = 0;"
        "UPDATE t SET k = 3 WHERE k = 40000"
    )
    plan = faulty.penstock("plan", "--config", faulty.configure(**reader), "--json")
    [planned] = plan.document["tables"]
    assert "cannot tell what has changed" in planned["load_reason"]
    result = table_result(faulty.sync(**reader), "t")
    assert result["truncates"] == 1 and "mixed_snapshot" not in result
    assert "cannot tell what has changed" in result["reason"]
    there = database.psql("SELECT k || v FROM t ORDER BY k").split()
    live = "SELECT k || v FROM tester.t WHERE NOT _fivetran_deleted ORDER BY k"
    assert [row for (row,) in faulty.query(live)] == there


def test_load_killed_at_random(penstock, database, chance):
    """Killed again and again, each time a bit later, while rows change that a cursor shows."""
    kill_at_random(penstock, database, chance, rows_count=100000, kills=6)


@pytest.mark.nightly
def test_large_load_killed_at_random(penstock, database, chance):
    kill_at_random(penstock, database, chance, rows_count=2000000, kills=40)


def kill_at_random(penstock, database, chance, rows_count, kills):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());"
        f"INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, {rows_count}) i;"
        "CREATE TABLE small (k int PRIMARY KEY, v text);"
        "INSERT INTO small SELECT i, 's' FROM generate_series(1, 100) i;"
        "ANALYZE"
    )
    flow = Flow(penstock, database, checkpoint_seconds="1", **PARTS)
    finished = 0
    for _kill in range(kills):
        process = flow.start()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.1, 1.5))
        process.kill()
        process.communicate()
        load = load_of(flow, "t")
        if load is not None:
            assert parts_finished(load) >= finished, "what was read was forgotten"
            finished = parts_finished(load)
        database.psql(
            f"UPDATE t SET v = v || '!', updated_at = clock_timestamp() WHERE k % 97 = {_kill};"
            f"UPDATE small SET v = v || '?' WHERE k % 7 = {_kill % 7}"
        )
    flow.sync_and_compare("t", "small")
    flow.sync_and_compare("t", "small")
