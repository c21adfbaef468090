"""A hundred tables of mixed sizes, one of them large, into one warehouse, killed at random.

The full tier has two million rows in the large table, the nightly one twenty million.
"""

import itertools
import time
from dataclasses import dataclass

import duckdb
import pytest
from clients.connector import Client, Server
from flow import Flow
from kills import assert_consistent, kill_after
from postgres import Database

TABLES = 100
SIZES = [0, 1, 10, 300, 2500, 20000]  # of those that are small, in turn
# With a cursor, with a key alone, without a key; the rows of the last are never updated, since
# that deletes one and inserts another.
KINDS = ["cursor", "keyed", "bag"]
MEGABYTE = 2**20
databases = itertools.count(1)


@dataclass
class Scale:
    rows: int  # of the large table
    kills: int
    seconds: float  # until a kill, at most; one that comes too late shortens it


FULL = Scale(rows=2_000_000, kills=10, seconds=2)
NIGHTLY = Scale(rows=20_000_000, kills=50, seconds=40)


def create():
    """The small tables t1, t2, …; column `k` and `v` everywhere."""
    for number in range(1, TABLES):
        kind = KINDS[number % len(KINDS)]
        key = "" if kind == "bag" else " PRIMARY KEY"
        cursor = ", updated_at timestamptz DEFAULT now()" if kind == "cursor" else ""
        size = SIZES[number % len(SIZES)] if number % 7 else 5000
        yield (
            f"CREATE TABLE t{number} (k int{key}, v text{cursor});"
            f"INSERT INTO t{number} (k, v) SELECT i, md5(i::text)"
            f" FROM generate_series(1, {size}) i;"
        )


LARGE = """
CREATE TABLE {name} (k bigint PRIMARY KEY, v text, amount numeric(12,2), seen timestamptz);
INSERT INTO {name} SELECT i, md5(i::text), i / 4.0, timestamptz '2024-01-01' + i * interval '1 s'
  FROM generate_series(1, {rows}) i;
"""


def change(database, kill):
    """What happens between two kills: no row is deleted, as docs/resume.md asks for."""
    statements = [f"UPDATE large SET v = v || '!' WHERE k % 5000 = {kill}"]
    for number in range(1, TABLES):
        kind = KINDS[number % len(KINDS)]
        new = f"INSERT INTO t{number} (k, v) VALUES ({1000000 + kill}, 'new')"
        stamp = ", updated_at = clock_timestamp()" if kind == "cursor" else ""
        update = f"UPDATE t{number} SET v = v || '!'{stamp} WHERE k % 50 = {kill % 50}"
        statements += [new] if kind == "bag" else [new, update]
    database.psql("; ".join(statements))


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(FULL, id="full"),
        pytest.param(NIGHTLY, id="nightly", marks=pytest.mark.nightly),
    ],
)
def tables(request, postgres):
    """The tables, and how much of everything there is."""
    name = f"hundred_{next(databases)}"
    postgres.psql(f"CREATE DATABASE {name}")
    database = Database(postgres, name)
    sql = LARGE.format(name="large", rows=request.param.rows) + "".join(create()) + "ANALYZE"
    database.run("psql", "-q", "-c", sql, timeout=3600)
    yield database, request.param
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


def rows_seen(flow, table):
    """Rows of a table that a reader of the warehouse sees; None where there is no such table."""
    try:
        return flow.value(f"SELECT count(*) FROM tester.{table} WHERE NOT _fivetran_deleted")
    except duckdb.Error:
        return None


def test_hundred_tables_killed_at_random_end_equal(penstock, tables, chance):
    database, scale = tables
    flow = Flow(penstock, database)
    killed, seconds = 0, scale.seconds
    while killed < scale.kills:
        if kill_after(flow.start(), chance.uniform(0.05, seconds)):
            killed += 1
        else:
            seconds *= 0.8
        assert_consistent(penstock.folder)
        if killed % 3 == 0:  # each look reads the log that the kill left behind
            assert rows_seen(flow, "large") in (None, 0, scale.rows), "half a load is seen"
        change(database, killed)
    flow.sync(timeout=1800)
    assert_consistent(penstock.folder)
    assert len(flow.tables()) == TABLES
    flow.assert_equal("large", *(f"t{number}" for number in range(1, TABLES)))


def wait_until_full(server):
    """Nobody reads: until the server has filled what it may."""
    highest, looks = 0, 0
    while looks < 20:
        resident = server.resident()
        looks = 0 if resident > highest else looks + 1
        highest = max(highest, resident)
        time.sleep(0.02)


def peak_of_stream(penstock, configuration, rows):
    """The largest memory of a fresh server that streams one table to a client that once pauses."""
    server = Server(penstock)
    with Client(server.port) as client:
        size = 0
        for number, message in enumerate(client.raw_update(configuration, timeout=1800)):
            size += len(message)
            if number == 20:
                wait_until_full(server)
        assert size > 50 * rows, "these were not all rows"
        peak = server.peak()
    assert server.stop() == 0
    return peak


def test_memory_of_the_stream_is_flat(penstock, tables):
    """A table of many million rows takes as much as one of a million, within a tenth."""
    if penstock.binary.parent.name != "Release":
        pytest.skip("the sanitizers keep what is freed")
    database, scale = tables
    database.psql(LARGE.format(name="million", rows=1_000_000) + "ANALYZE million")
    peaks = {"million": [], "large": []}
    # How threads take turns moves both a little; what grows with the rows grows each time.
    for _ in range(4):
        for name, rows in (("million", 1_000_000), ("large", scale.rows)):
            configuration = database.configuration(tables=name)
            peaks[name].append(peak_of_stream(penstock, configuration, rows))
        if min(peaks["large"]) <= 1.1 * max(peaks["million"]):
            break
    database.psql("DROP TABLE million")
    print({name: [value / MEGABYTE for value in found] for name, found in peaks.items()})
    assert max(peaks["large"]) < 64 * MEGABYTE
    assert min(peaks["large"]) <= 1.1 * max(peaks["million"])
