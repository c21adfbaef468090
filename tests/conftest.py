"""Fixtures that every test in Python may use: the executable, servers, the warehouse's content."""

import itertools
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from postgres import Database, Postgres

ROOT = Path(__file__).resolve().parent.parent
numbers = itertools.count(1)

# Where the tests run in the background, SIGINT is ignored, and what they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def document(self):
        """The result document that `--json` ends with."""
        return json.loads(self.out.splitlines()[-1])


class Penstock:
    """Runs the executable in one working folder, always with a time limit."""

    def __init__(self, binary, folder):
        self.binary = Path(binary).resolve()
        self.folder = folder
        self.started = []

    def environment(self, more):
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC", **(more or {})}
        return {name: value for name, value in environment.items() if value is not None}

    def __call__(self, *arguments, env=None, timeout=120, stdin=None, cwd=None, before=()):
        """Runs it to its end. An environment value of None takes the variable away; `before` is
        a command that ends by running what stands after it.
        """
        done = subprocess.run(
            [*before, self.binary, *map(str, arguments)],
            cwd=cwd or self.folder,
            env=self.environment(env),
            input=stdin if stdin is not None else "",
            text=True,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments, env=None, cwd=None):
        """Starts it and returns the process, for tests that kill or interrupt it."""
        process = subprocess.Popen(
            [self.binary, *map(str, arguments)],
            cwd=cwd or self.folder,
            env=self.environment(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def configure(self, settings, name="configuration.json"):
        """Writes a configuration file into the working folder; its path."""
        path = self.folder / name
        path.write_text(json.dumps(settings))
        return path

    def close(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()


def binary_at(variable, default):
    path = Path(os.environ.get(variable, ROOT / default))
    if not path.exists():
        pytest.fail(f"{path} is not there: build it first (make quick, make build_connector)")
    return path


@pytest.fixture
def work(tmp_path):
    """An empty folder to work in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def penstock(work):
    """The executable as it is shipped, or the one that PENSTOCK_BIN names."""
    runner = Penstock(binary_at("PENSTOCK_BIN", "build/Release/penstock"), work)
    yield runner
    runner.close()


@pytest.fixture
def penstock_debug(work):
    """The executable with sanitizers and fault points (PENSTOCK_FAULT), for hostile input."""
    runner = Penstock(binary_at("PENSTOCK_DEBUG_BIN", "build/Asan/penstock"), work)
    yield runner
    runner.close()


@pytest.fixture(scope="session")
def postgres():
    """One PostgreSQL server for the whole run; tests take a `database` of it."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def own_postgres():
    """A server for one test alone, which may stop it and launch it again."""
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgres):
    """An empty database for one test."""
    name = f"test_{next(numbers)}"
    postgres.psql(f"CREATE DATABASE {name}")
    yield Database(postgres, name)
    postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def warehouse(work):
    """Opens a warehouse (default files/warehouse.db) for reading; closed when the test ends."""
    connections = []

    def open_warehouse(path="files/warehouse.db"):
        connection = duckdb.connect(str(work / path), read_only=True)
        connection.execute("SET TimeZone = 'UTC'")
        connections.append(connection)
        return connection

    yield open_warehouse
    for connection in connections:
        connection.close()
