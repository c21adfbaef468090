"""A full load is killed again and again while updates move its rows into pages already read.

The table has no cursor: nothing but the load itself can find those rows. Each kill is at a named
place, then the files are looked at; in the end no row is missing, none is there in an old version.
"""

import re

import pytest
import writers
from flow import Flow
from kills import assert_consistent, load_of, parts_finished

ROWS = 40000
FREED = ROWS // 4  # the first pages have room for rows from behind
SETTINGS = {"partition_rows": "1000", "batch_size": "500", "checkpoint_rows": "2000"}
CREATE = f"""
CREATE TABLE t (k int PRIMARY KEY, v text);
INSERT INTO t SELECT i, repeat(md5(i::text), 4) FROM generate_series(0, {ROWS - 1}) i;
DELETE FROM t WHERE k < {FREED} AND k % 2 = 0;
"""
FAULTS = [
    "duckdb.after_commit:1",
    "duckdb.after_commit:2",
    "duckdb.before_commit:2",
    "duckdb.during_write:3",
    "state_file.before_rename:2",
    "state_file.after_rename:1",
]
# How many rows of an UPDATE came from behind a block into one before it.
MOVED = """
WITH old AS (SELECT k, ctid AS was FROM t WHERE k IN (SELECT {keys})),
  new AS (UPDATE t SET v = t.v || '!' FROM old WHERE t.k = old.k RETURNING t.ctid AS place, was)
SELECT count(*) FROM new WHERE was >= '({read},0)' AND place < '({read},0)'
"""


class Updater(writers.Writer):
    """Updates rows that may not have been read yet; those of place 1 leave much open for long."""

    read = 0  # blocks that the load has behind it, from the first on
    moved = 0

    def transaction(self, run):
        run("BEGIN")
        for _ in range(self.chance.randint(1, 4)):
            first = self.chance.randrange(FREED, ROWS - 80, 2) + self.place
            keys = f"generate_series({first}, {first + 80}, 2)"
            Updater.moved += int(run(MOVED.format(keys=keys, read=Updater.read)))
            if self.chance.random() < 0.2:
                key = self.chance.randrange(10**6) * 2 + self.place + ROWS
                run(f"INSERT INTO t VALUES ({key}, 'new') ON CONFLICT DO NOTHING")
        if self.place == 1:
            self.rounds.hold(self.rounds.syncs_begun, 1, 0)
        self.end(run)
        self.rounds.pause(self.chance.uniform(0, 0.02))


def blocks_read(load):
    """How many blocks from the first on are in parts that are finished."""
    first, _, last = load.get("finished", "").split(",")[0].partition("-")
    if first != "0":
        return 0
    # "first-end"; the last part has no end.
    return int(re.findall(r"\d+", load["bounds"][int(last or first)])[-1])


def kill_at(flow, fault, **settings):
    """True where the sync was killed there; False where it came to its end before."""
    process = flow.start(env={"PENSTOCK_FAULT": fault}, **settings)
    _out, err = process.communicate(timeout=120)
    assert process.returncode in (-9, 0), err[-3000:]
    return process.returncode == -9


def kill_and_compare(flow, chance, kills):
    """A sync that comes to its end is followed by another load: there is no cursor."""
    flow.database.psql(CREATE)
    flow.database.psql("VACUUM ANALYZE t")
    Updater.read = Updater.moved = 0
    number, finished, killed = 0, 0, 0
    with writers.writing(flow.database, chance.random(), [Updater, Updater]) as rounds:
        while killed < kills and not rounds.stopping:
            fault = chance.choice(FAULTS)
            rounds.tell(syncs_begun=1)
            died = kill_at(flow, fault, threads=chance.choice("14"))
            killed += died
            now = assert_consistent(flow.penstock.folder)
            assert now >= number, "a checkpoint that was made is gone"
            if died and fault.startswith("duckdb.after_commit:"):
                assert now == number + int(fault[-1])
            load = load_of(flow, "t")
            if load is not None:
                assert parts_finished(load) >= finished, "what was read was forgotten"
                Updater.read = blocks_read(load)
            number, finished = now, parts_finished(load) if load else 0
            rounds.tell(syncs_done=1)
            flow.database.psql("VACUUM t")
    flow.sync_and_compare("t")
    assert assert_consistent(flow.penstock.folder) > number
    assert Updater.moved > 100, "hardly any row moved: the test shows nothing"


@pytest.fixture
def faulty(penstock_debug, database):
    return Flow(penstock_debug, database, **SETTINGS)


def test_no_row_that_moves_is_lost_however_often_a_load_is_killed(faulty, chance):
    kill_and_compare(faulty, chance, kills=12)


@pytest.mark.nightly
def test_no_row_that_moves_is_lost_in_many_loads(faulty, chance):
    kill_and_compare(faulty, chance, kills=100)
