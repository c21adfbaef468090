"""What the tests of `penstock sync` share: one database, one warehouse, sync and compare; and
sessions of psql that stay open, for what happens at the source while a sync runs.
"""

import contextlib
import os
import select
import subprocess
import time

import duckdb
import rows
from postgres import BIN

WAREHOUSE = "files/warehouse.db"


class Flow:
    """Syncs one database (or the ehr source, where `database` is None) into one warehouse."""

    def __init__(self, penstock, database=None, **settings):
        self.penstock = penstock
        self.database = database
        self.settings = settings
        self.warehouse = penstock.folder / WAREHOUSE

    def configure(self, **settings):
        own = {**self.settings, **settings}
        whole = {"source": "ehr", **own}
        if self.database is not None:
            whole = self.database.configuration(retry_sleep_seconds="1", **own)
        return self.penstock.configure(whole)

    def sync(self, *arguments, code=0, env=None, timeout=120, **settings):
        """One sync that must end with this exit status; its result document."""
        path = self.configure(**settings)
        done = self.penstock(
            "sync", "--config", path, "--json", *arguments, env=env, timeout=timeout
        )
        assert done.code == code, f"exit status {done.code}\n{done.err[-3000:]}\n{done.out[-2000:]}"
        return done.document

    def start(self, *arguments, env=None, **settings):
        """Starts a sync and returns the process."""
        path = self.configure(**settings)
        return self.penstock.start("sync", "--config", path, "--json", *arguments, env=env)

    def query(self, sql, *parameters):
        """Rows of the warehouse, which is closed again afterwards."""
        with contextlib.closing(duckdb.connect(str(self.warehouse), read_only=True)) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            return connection.execute(sql, parameters).fetchall()

    def value(self, sql, *parameters):
        return self.query(sql, *parameters)[0][0]

    def tables(self, schema="tester"):
        return [
            name
            for (name,) in self.query(
                "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? ORDER BY ALL", schema
            )
        ]

    def assert_equal(self, *tables, **options):
        rows.assert_equal(self.database, self.warehouse, *tables, **options)

    def sync_and_compare(self, *tables, **settings):
        document = self.sync(**settings)
        self.assert_equal(*tables)
        return document


def table_result(document, table):
    """A table's part of the result document."""
    found = [part for part in document["tables"] if part["table"] == table]
    assert len(found) == 1, document["tables"]
    return found[0]


def warnings_about(document, *words):
    """The warnings that hold all of the words."""
    return [text for text in document["warnings"] if all(word in text for word in words)]


class Session:
    """One session of psql that stays open: transactions that last longer than a statement."""

    END = "end-of-answer"

    def __init__(self, database):
        self.process = subprocess.Popen(
            [BIN / "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"],
            env=database.server.environment(database.name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.pending = b""

    def begin(self, sql):
        """Sends SQL without waiting for it."""
        self.process.stdin.write(f"{sql};\n\\echo {self.END}\n".encode())
        self.process.stdin.flush()

    def finish(self, timeout=60):
        """Waits for what `begin` sent; what it printed."""
        deadline = time.monotonic() + timeout
        mark = f"{self.END}\n".encode()
        while mark not in self.pending:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert piece, f"psql answered only {self.pending.decode()!r}"
            self.pending += piece
        answer, self.pending = self.pending.split(mark, 1)
        return answer.decode().strip()

    def __call__(self, sql):
        self.begin(sql)
        return self.finish()

    def close(self):
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def session(database):
    opened = Session(database)
    try:
        yield opened
    finally:
        opened.close()


def wait_until(condition, what, timeout=30):
    """Asks until the condition holds; fails when it does not in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.02)


def reader_is_blocked(database):
    """A session of penstock's waits for a lock."""
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND application_name LIKE 'penstock%' AND datname = current_database()"
    )
    return database.psql(sql) != "0"


def wait_for_blocked_reader(database):
    wait_until(lambda: reader_is_blocked(database), "penstock waits for a lock")
