"""A read of what has changed that is killed goes on where its last checkpoint was.

What docs/resume.md promises of cursor windows with an index: rows that were checkpointed are not
sent again, and what was written meanwhile, or committed late, is found at the latest by the next
sync.
"""

import json

import pytest
from flow import Flow, session, table_result

ROWS = 40_000
SETTINGS = {"batch_size": "400", "checkpoint_rows": "2000", "lookback_seconds": "0"}


@pytest.fixture
def faulty(penstock_debug, database):
    """The build that can be made to die at a checkpoint."""
    return Flow(penstock_debug, database, **SETTINGS)


def make_table(flow, index):
    flow.database.psql(
        "CREATE TABLE t (k text, n int, v text, updated_at timestamptz, PRIMARY KEY (k, n));"
        f"INSERT INTO t SELECT 'k' || i % 7, i, 'x', now() FROM generate_series(1, {ROWS}) i;"
        + (f"CREATE INDEX ON t ({index});" if index else "")
        + "ANALYZE t"
    )
    flow.sync_and_compare("t")


def change_all(flow):
    """Three times, each borne by very many rows; the rows lie in no order of theirs."""
    for third in range(3):
        flow.database.psql(f"UPDATE t SET v = 'changed', updated_at = now() WHERE n % 3 = {third}")


def kill_at_checkpoint(flow, number):
    """Runs a sync that dies right after so many checkpoints."""
    process = flow.start(env={"PENSTOCK_FAULT": f"duckdb.after_commit:{number}"})
    _out, err = process.communicate(timeout=120)
    assert process.returncode == -9, f"it did not come that far: {err[-2000:]}"


def entry_of(flow, table="t"):
    tables = json.loads(flow.value("SELECT state FROM penstock.state"))["tables"]
    return next(entry for entry in tables if entry["table"] == table)


def changed_at_warehouse(flow):
    return flow.value("SELECT count(*) FROM tester.t WHERE v LIKE 'changed%'")


def test_window_goes_on_after_its_last_checkpoint(faulty):
    make_table(faulty, "updated_at")
    change_all(faulty)
    kill_at_checkpoint(faulty, 5)
    before = entry_of(faulty)
    there = changed_at_warehouse(faulty)
    assert 0 < there < ROWS and before["window"]["position"]
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["upserts"] == ROWS - there
    assert "goes on" in result["reason"]
    after = entry_of(faulty)
    assert "window" not in after
    assert after["cursor"]["value"] <= before["window"]["cursor"]["limit"]
    # What comes now is not behind the edge of the window that went on.
    faulty.database.psql("UPDATE t SET v = 'changed again', updated_at = now() WHERE n <= 10")
    faulty.sync_and_compare("t")


def test_window_of_a_counter_goes_on_among_rows_of_one_number(faulty):
    """What a transaction commits late, with a number behind the position, is in the next one."""
    faulty.settings["timestamp_column"] = "version"
    faulty.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, version xid8 DEFAULT pg_current_xact_id());"
        f"INSERT INTO t SELECT i, 'x' FROM generate_series(1, {ROWS}) i;"
        "CREATE INDEX ON t (version); ANALYZE t"
    )
    faulty.sync_and_compare("t")
    with session(faulty.database) as late:
        late("BEGIN; INSERT INTO t VALUES (-1, 'late')")
        faulty.database.psql("UPDATE t SET v = 'changed', version = pg_current_xact_id()")
        kill_at_checkpoint(faulty, 5)
        there = changed_at_warehouse(faulty)
        assert 0 < there < ROWS and entry_of(faulty)["window"]["position"]
        late("COMMIT")
    result = table_result(faulty.sync(), "t")
    assert result["upserts"] == ROWS - there
    assert "goes on" in result["reason"]
    faulty.sync_and_compare("t")
    assert table_result(faulty.sync_and_compare("t"), "t")["upserts"] == 0


def test_window_killed_again_and_again_while_rows_change(faulty):
    make_table(faulty, "updated_at DESC, k, n")
    with session(faulty.database) as late:
        late("BEGIN; SELECT now()")
        change_all(faulty)
        late("UPDATE t SET v = 'changed late', updated_at = now() WHERE n = 4")
        faulty.database.psql("UPDATE t SET updated_at = NULL WHERE n % 1000 = 0")
        for kill in range(4):
            kill_at_checkpoint(faulty, 3)
            faulty.database.psql(
                f"UPDATE t SET v = 'changed {kill}', updated_at = clock_timestamp()"
                f" WHERE n % 5000 = {10 + kill};"
                f"UPDATE t SET updated_at = NULL WHERE n = {20 + kill};"
                f"INSERT INTO t VALUES ('new', {kill}, 'changed', now())"
            )
        assert "window" in entry_of(faulty)
        late("COMMIT")
    faulty.sync()
    faulty.sync_and_compare("t")


def test_window_without_an_index_begins_again(faulty):
    make_table(faulty, None)
    change_all(faulty)
    kill_at_checkpoint(faulty, 5)
    entry = entry_of(faulty)
    assert 0 < changed_at_warehouse(faulty) < ROWS and "window" not in entry
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["upserts"] == ROWS


def test_window_of_a_table_that_was_altered_meanwhile_begins_again(faulty):
    make_table(faulty, "updated_at")
    change_all(faulty)
    kill_at_checkpoint(faulty, 5)
    faulty.database.psql("ALTER TABLE t ADD COLUMN w int")
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["upserts"] == ROWS and "goes on" not in result["reason"]


def test_table_that_was_emptied_in_a_window_is_loaded(faulty):
    make_table(faulty, "updated_at")
    change_all(faulty)
    kill_at_checkpoint(faulty, 5)
    faulty.database.psql("TRUNCATE t; INSERT INTO t VALUES ('only', 1, 'x', '2001-01-01')")
    result = table_result(faulty.sync_and_compare("t"), "t")
    assert result["truncates"] == 1 and result["upserts"] == 1
    assert "window" not in entry_of(faulty)
