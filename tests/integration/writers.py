"""Writers that never stop: sessions that insert, update and delete while syncs run.

Each writer has rows of its own (those whose number gives its place when it is divided by WRITERS),
so that two never wait for each other's rows. Only one of them truncates, and it takes that lock
first, while it holds no other: there is no deadlock to be had.
"""

import contextlib
import random
import threading
import time

from flow import session

WRITERS = 5
KEYS = 3000
LOOKBACK_SECONDS = 2

# With a cursor and a mark for deleted rows; `counted` has a number as its cursor, and `versioned`
# the number of the transaction, for which there is no look-back.
MARKED = ["soft", "pairs", "counted", "versioned", "emptied"]
# What their cursors get; those of the others are stamps.
MOVES = {
    "counted": "revision = nextval('revisions')",
    "versioned": "version = pg_current_xact_id()",
}
KEYED = ["keyed", "keyed_emptied", "parted"]
BAGS = ["bag", "bag_emptied"]
SETTINGS = {
    "soft_delete_column": ", ".join(f"{table}=is_deleted" for table in MARKED),
    "timestamp_column": "counted=revision, versioned=version",
    "lookback_seconds": str(LOOKBACK_SECONDS),
}
CREATE = f"""
CREATE TABLE soft (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now(),
  is_deleted boolean DEFAULT false);
CREATE TABLE emptied (LIKE soft INCLUDING ALL);
CREATE TABLE pairs (k int, other text, v numeric(12,3), updated_at timestamp DEFAULT now(),
  is_deleted boolean DEFAULT false, PRIMARY KEY (k, other));
CREATE INDEX ON pairs (updated_at);
CREATE SEQUENCE revisions;
CREATE TABLE counted (k int PRIMARY KEY, v text, revision bigint DEFAULT nextval('revisions'),
  is_deleted boolean DEFAULT false);
CREATE TABLE versioned (k int PRIMARY KEY, v text, version xid8 DEFAULT pg_current_xact_id(),
  is_deleted boolean DEFAULT false);
CREATE INDEX ON versioned (version);
CREATE TABLE keyed (k int PRIMARY KEY, v text);
CREATE TABLE keyed_emptied (LIKE keyed INCLUDING ALL);
CREATE TABLE parted (k int PRIMARY KEY, v text) PARTITION BY RANGE (k);
CREATE TABLE parted_a PARTITION OF parted FOR VALUES FROM (0) TO ({KEYS // 2});
CREATE TABLE parted_b PARTITION OF parted DEFAULT;
CREATE TABLE bag (k int, v text);
CREATE TABLE bag_emptied (LIKE bag);
INSERT INTO soft (k, v, updated_at) SELECT i, repeat('s', 60), '2024-01-01'
  FROM generate_series(0, {KEYS - 1}) i;
INSERT INTO emptied SELECT * FROM soft;
INSERT INTO pairs (k, other, v, updated_at) SELECT i / 2, 'o' || i % 2, i / 8.0, '2024-01-01'
  FROM generate_series(0, {KEYS - 1}) i;
INSERT INTO counted (k, v) SELECT k, v FROM soft;
INSERT INTO versioned (k, v) SELECT k, v FROM soft;
INSERT INTO keyed SELECT k, v FROM soft;
INSERT INTO keyed_emptied TABLE keyed;
INSERT INTO parted TABLE keyed;
INSERT INTO bag TABLE keyed;
INSERT INTO bag_emptied TABLE keyed;
ANALYZE;
"""

# Stamps as programs make them: of the server, of the transaction, of a clock that is a bit slow
# (within the look-back), of one that is set wrong, and none.
STAMPS = ["now()"] * 6 + [
    "clock_timestamp()",
    "clock_timestamp() - interval '1 second'",
    "now() + interval '1 hour'",
    "NULL",
]


class Statements:
    """SQL of one writer, made at random."""

    def __init__(self, place, chance):
        self.place = place
        self.chance = chance
        self.made = 0

    def keys(self, upto):
        """How its next few rows are chosen: a number series of its own keys."""
        first = self.chance.randrange(upto // WRITERS) * WRITERS + self.place
        return f"generate_series({first}, {first + self.chance.randint(0, 8) * WRITERS}, {WRITERS})"

    def text(self):
        self.made += 1
        return f"'{self.place}-{self.made}' || repeat('x', {self.chance.choice([0, 3, 400])})"

    def marked(self, table):
        keys = self.keys(2 * KEYS)
        if table in MOVES:
            stamp, moved = "", MOVES[table]
        else:
            value = self.chance.choice(STAMPS)
            stamp, moved = value, f"updated_at = {value}"
        text = str(self.chance.randrange(1000)) if table == "pairs" else self.text()
        what = self.chance.random()
        if what < 0.3:
            flag = self.chance.choice(["true", "true", "false", "NULL"])
            return f"UPDATE {table} SET is_deleted = {flag}, {moved} WHERE k IN (SELECT {keys})"
        if what < 0.7:
            return f"UPDATE {table} SET v = {text}, {moved} WHERE k IN (SELECT {keys})"
        if table in MOVES:
            names, values, key = "k, v", f"i, {text}", "k"
        elif table == "pairs":
            names, values, key = "k, other, v, updated_at", f"i, 'new', {text}, {stamp}", "k, other"
        else:
            names, values, key = "k, v, updated_at", f"i, {text}, {stamp}", "k"
        return (
            f"INSERT INTO {table} ({names}) SELECT {values} FROM {keys} i"
            f" ON CONFLICT ({key}) DO UPDATE SET v = excluded.v, is_deleted = false, {moved}"
        )

    def keyed(self, table):
        keys = self.keys(2 * KEYS)
        what = self.chance.random()
        if what < 0.3:
            return f"DELETE FROM {table} WHERE k IN (SELECT {keys})"
        if what < 0.4:
            # The key itself moves, in `parted` also to the other leaf.
            moved = self.chance.randrange(KEYS) * WRITERS
            return (
                f"UPDATE {table} AS t SET k = k + {moved} WHERE k IN (SELECT {keys} LIMIT 1)"
                f" AND NOT EXISTS (SELECT FROM {table} AS o WHERE o.k = t.k + {moved})"
            )
        if what < 0.7:
            return f"UPDATE {table} SET v = {self.text()} WHERE k IN (SELECT {keys})"
        return (
            f"INSERT INTO {table} SELECT i, {self.text()} FROM {keys} i"
            " ON CONFLICT (k) DO UPDATE SET v = excluded.v"
        )

    def bag(self, table):
        keys = self.keys(2 * KEYS)
        what = self.chance.random()
        if what < 0.3:
            return f"DELETE FROM {table} WHERE k IN (SELECT {keys})"
        if what < 0.6:
            return f"UPDATE {table} SET v = {self.text()} WHERE k IN (SELECT {keys})"
        # Now and then the same row twice.
        return f"INSERT INTO {table} SELECT i, 'b' FROM {keys} i, generate_series(1, 2)"

    def __call__(self, also_emptied):
        """One statement; tables that are emptied only where no lock is held for long."""
        names = [*MARKED, *KEYED, *BAGS]
        table = self.chance.choice(
            [name for name in names if also_emptied or not name.endswith("emptied")]
        )
        if table in MARKED:
            return self.marked(table)
        return self.keyed(table) if table in KEYED else self.bag(table)

    def truncate(self):
        return "TRUNCATE " + self.chance.choice(["emptied", "keyed_emptied", "bag_emptied"])


class Rounds:
    """What writers and the one who runs syncs (or kills them) tell each other."""

    def __init__(self):
        self.changed = threading.Condition()
        self.stopping = False
        self.syncs_begun = 0
        self.syncs_done = 0
        self.spanned = 0  # transactions that were open before, through and after a whole sync

    def tell(self, **more):
        with self.changed:
            for name, value in more.items():
                setattr(self, name, getattr(self, name) + value)
            self.changed.notify_all()

    def stop(self):
        with self.changed:
            self.stopping = True
            self.changed.notify_all()

    def pause(self, seconds):
        with self.changed:
            self.changed.wait_for(lambda: self.stopping, seconds)

    def hold(self, begun, syncs, seconds):
        """Until so many syncs have begun and ended since, and the time is over."""
        until = time.monotonic() + seconds
        with self.changed:
            self.changed.wait_for(
                lambda: self.stopping or self.syncs_done >= begun + syncs, timeout=60
            )
            self.changed.wait_for(lambda: self.stopping, until - time.monotonic())
            return self.syncs_done > begun


class Writer(threading.Thread):
    """Transactions, one after the other, until it is told to stop; `failure` is what went wrong."""

    def __init__(self, database, rounds, place, seed):
        super().__init__(daemon=True)
        self.database = database
        self.rounds = rounds
        self.place = place
        self.chance = random.Random(f"{seed} {place}")
        self.statements = Statements(place, self.chance)
        self.failure = None

    def run(self):
        try:
            with session(self.database) as run:
                while not self.rounds.stopping:
                    self.transaction(run)
        except BaseException as error:
            self.failure = error
            self.rounds.stop()

    def some(self, run, most, also_emptied):
        for _ in range(self.chance.randint(1, most)):
            run(self.statements(also_emptied))

    def transaction(self, run):
        raise NotImplementedError

    def end(self, run):
        run(self.chance.choice(["COMMIT"] * 4 + ["ROLLBACK"]))


class ShortWriter(Writer):
    """Transactions of a moment; the one in the first place empties tables besides."""

    def transaction(self, run):
        run("BEGIN")
        if self.place == 0 and self.chance.random() < 0.05:
            run(self.statements.truncate())
        self.some(run, 4, also_emptied=True)
        if self.chance.random() < 0.2:
            run("SAVEPOINT s")
            self.some(run, 2, also_emptied=True)
            run("ROLLBACK TO s")
        self.end(run)
        self.rounds.pause(self.chance.uniform(0, 0.03))


class LongWriter(Writer):
    """Transactions that stay open longer than the look-back, some of them prepared meanwhile."""

    def transaction(self, run):
        rounds, chance = self.rounds, self.chance
        run("BEGIN")
        # now() is taken with the first statement; some write at once, some only in the end.
        run("SELECT now()")
        if chance.random() < 0.7:
            self.some(run, 10, also_emptied=False)
        begun = rounds.syncs_begun
        length = chance.uniform(1.1, 1.6) * LOOKBACK_SECONDS
        spanned = rounds.hold(begun, chance.randint(1, 3), length)
        prepared = chance.random() < 0.25
        self.some(run, 10, also_emptied=not prepared)
        if prepared:
            name = f"{self.database.name}-{self.place}"
            run(f"PREPARE TRANSACTION '{name}'")
            rounds.hold(rounds.syncs_begun, chance.randint(0, 2), 0)
            run(chance.choice(["COMMIT", "COMMIT", "ROLLBACK"]) + f" PREPARED '{name}'")
        else:
            self.end(run)
        rounds.tell(spanned=int(spanned))


ALL = [ShortWriter, ShortWriter, LongWriter, LongWriter, LongWriter]
assert len(ALL) == WRITERS


@contextlib.contextmanager
def writing(database, seed, kinds=tuple(ALL)):
    """Writers at work; they end with the transaction that each is in."""
    rounds = Rounds()
    writers = [kind(database, rounds, place, seed) for place, kind in enumerate(kinds)]
    for writer in writers:
        writer.start()
    try:
        yield rounds
    finally:
        rounds.stop()
        for writer in writers:
            writer.join(timeout=120)
    failures = [writer.failure for writer in writers if writer.failure is not None]
    assert not failures, failures
    assert not any(writer.is_alive() for writer in writers)
