"""Rows are written all the while, in transactions longer than the look-back, and none is missed.

Once the writers have stopped, one more sync makes the copy equal, row by row. Rows of tables with
a cursor are deleted by their mark, rows of the others in any way; some tables are emptied now and
then. PENSTOCK_WRITERS_SEED repeats what the writers wanted to do.
"""

import os
import random

import pytest
import writers
from flow import Flow, table_result
from kills import assert_consistent, kill_after

# Several parts and batches a table, so that writers get in between.
PARTS = {"partition_rows": "500", "batch_size": "250"}


@pytest.fixture
def seed():
    found = int(os.environ.get("PENSTOCK_WRITERS_SEED", random.randrange(2**32)))
    print(f"PENSTOCK_WRITERS_SEED={found}")
    return found


@pytest.fixture
def flow(penstock, database):
    database.psql(writers.CREATE)
    return Flow(penstock, database, **PARTS, **writers.SETTINGS)


def sync_while_written(flow, seed, chance, kills):
    """Syncs until several long transactions have outlasted one, and then once more."""
    with writers.writing(flow.database, seed) as rounds:
        while not rounds.stopping and (rounds.spanned < 3 or rounds.syncs_done < 3):
            again = ["--resync", "soft,keyed"] if chance.random() < 0.15 else []
            rounds.tell(syncs_begun=1)
            if kills and chance.random() < 0.5:
                kill_after(flow.start(*again), chance.uniform(0.02, 0.8))
                assert_consistent(flow.penstock.folder)
                again = []
            flow.sync(*again)
            rounds.tell(syncs_done=1)
    return flow.sync()


def assert_same(flow):
    flow.assert_equal(*writers.MARKED, where="is_deleted IS NOT TRUE")
    flow.assert_equal(*writers.KEYED)
    flow.assert_equal(*writers.BAGS, distinct=True)


def write_and_compare(flow, seed, rounds, kills=False):
    chance = random.Random(seed)
    for number in range(rounds):
        document = sync_while_written(flow, f"{seed} {number}", chance, kills)
        assert_same(flow)
        for table in ("soft", "pairs", "counted"):
            assert table_result(document, table)["mode"] == "incremental"


def test_rows_written_all_the_while_are_there_after_one_more_sync(flow, seed):
    write_and_compare(flow, seed, rounds=5)


def test_rows_written_while_syncs_are_killed_are_there_after_one_more_sync(flow, seed):
    """A kill is followed by a sync that comes to its end, before the one that must be right: rows
    that were deleted between two points in time of one load go with the next.
    """
    write_and_compare(flow, seed, rounds=3, kills=True)


@pytest.mark.nightly
@pytest.mark.parametrize("kills", [False, True], ids=["undisturbed", "killed"])
def test_rows_written_for_long_are_there_after_one_more_sync(flow, seed, kills):
    write_and_compare(flow, seed, rounds=20, kills=kills)
