"""Rows are written all the while, in transactions longer than the look-back, and none is missed.

Once the writers have stopped, one more sync makes the copy equal, row by row. Rows of tables with
a cursor are deleted by their mark, rows of the others in any way; some tables are emptied now and
then. PENSTOCK_WRITERS_SEED repeats what the writers wanted to do.
"""

import itertools
import json
import os
import random

import pytest
import writers
from clients.connector import Replica
from clients.connector import sync as take_sync
from clients.source_rows import assert_same
from flow import Flow
from kills import assert_consistent, kill_after

# Several parts and batches a table, so that writers get in between.
SETTINGS = {"partition_rows": "500", "batch_size": "250", **writers.SETTINGS}


@pytest.fixture
def seed():
    found = int(os.environ.get("PENSTOCK_WRITERS_SEED", random.randrange(2**32)))
    print(f"PENSTOCK_WRITERS_SEED={found}")
    return found


class Warehouse:
    """`penstock sync` into a file."""

    def __init__(self, penstock, database):
        self.database = database
        self.flow = Flow(penstock, database, **SETTINGS)

    def sync(self, again=False):
        self.flow.sync(*(["--resync", "soft,keyed"] if again else []))

    def cut(self, chance):
        """A sync that is killed at some time."""
        kill_after(self.flow.start(), chance.uniform(0.02, 0.8))
        assert_consistent(self.flow.penstock.folder)

    def state(self):
        return (self.flow.penstock.folder / "files" / "state.json").read_text()

    def assert_same(self):
        self.flow.assert_equal(*writers.MARKED, where="is_deleted IS NOT TRUE")
        self.flow.assert_equal(*writers.KEYED)
        self.flow.assert_equal(*writers.BAGS, distinct=True)


class Platform:
    """`penstock serve` to a client that holds what the platform would."""

    def __init__(self, client, database):
        self.database = database
        self.client = client
        self.configuration = database.configuration(**SETTINGS)
        self.replica = Replica()
        self.replica.declare(client.schema(self.configuration))

    def last_state(self):
        return self.replica.state if self.replica.states else None

    def sync(self, again=False):
        state = None if again else self.last_state()
        take_sync(self.client, self.configuration, self.replica, state=state)

    def cut(self, chance):
        """A sync whose client is gone after some messages."""
        stream = self.client.update(self.configuration, self.last_state())
        for response in itertools.islice(stream, chance.randint(1, 300)):
            self.replica.apply(response)
        stream.cancel()

    def state(self):
        return self.replica.state

    def assert_same(self):
        for table in writers.MARKED:
            assert_same(self.database, self.replica, table, where="is_deleted IS NOT TRUE")
        for table in writers.KEYED:
            assert_same(self.database, self.replica, table)
        for table in writers.BAGS:
            assert_same(self.database, self.replica, table, distinct=True)


@pytest.fixture
def warehouse_side(penstock, database):
    database.psql(writers.CREATE)
    return Warehouse(penstock, database)


@pytest.fixture
def platform_side(serve, database):
    database.psql(writers.CREATE)
    return Platform(serve().client, database)


def sync_while_written(side, seed, chance, cuts):
    """Syncs until several long transactions have outlasted one, and then once more."""
    with writers.writing(side.database, seed) as rounds:
        while not rounds.stopping and (rounds.spanned < 3 or rounds.syncs_done < 3):
            rounds.tell(syncs_begun=1)
            if cuts and chance.random() < 0.5:
                side.cut(chance)
            side.sync(again=chance.random() < 0.15)
            rounds.tell(syncs_done=1)
    side.sync()


def write_and_compare(side, seed, rounds, cuts=False):
    chance = random.Random(seed)
    for number in range(rounds):
        sync_while_written(side, f"{seed} {number}", chance, cuts)
        side.assert_same()
        modes = {table["table"]: table["mode"] for table in json.loads(side.state())["tables"]}
        assert {modes[table] for table in writers.MARKED} == {"incremental"}
        assert {modes[table] for table in writers.KEYED + writers.BAGS} == {"full"}


def test_rows_written_all_the_while_are_there_after_one_more_sync(warehouse_side, seed):
    write_and_compare(warehouse_side, seed, rounds=5)


def test_rows_written_while_syncs_are_killed_are_there_after_one_more_sync(warehouse_side, seed):
    """A kill is followed by a sync that comes to its end, before the one that must be right: rows
    that were deleted between two points in time of one load go with the next.
    """
    write_and_compare(warehouse_side, seed, rounds=2, cuts=True)


def test_rows_written_while_clients_come_and_go_are_there_after_one_more(platform_side, seed):
    write_and_compare(platform_side, seed, rounds=2, cuts=True)


@pytest.mark.nightly
@pytest.mark.parametrize("cuts", [False, True], ids=["undisturbed", "killed"])
@pytest.mark.parametrize("side", ["warehouse_side", "platform_side"])
def test_rows_written_for_long_are_there_after_one_more_sync(request, side, seed, cuts):
    write_and_compare(request.getfixturevalue(side), seed, rounds=20, cuts=cuts)
