"""A PostgreSQL 15 for tests: started on a free loopback port in a temporary folder, always stopped.

Not for tests that need no server. The server is a child of the test run; the kernel stops it when
that dies in whatever way, so that none is ever left behind.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

BIN = Path("/usr/lib/postgresql/15/bin")
# The server gets SIGQUIT, an immediate shutdown, when the test run dies.
TIED = ["setpriv", "--pdeathsig", "QUIT", "--"]

# No fsync: these databases live for minutes. Prepared transactions are part of what is tested.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "max_prepared_transactions": "10",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "ssl": "on",
}


def free_port():
    """A port below those that connections are given: none can take it before a server does."""
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", 1024 + secrets.randbelow(below - 1024) if below > 2048 else 0))
            return probe.getsockname()[1]


def server_user():
    """PostgreSQL refuses to run as root: then its own user is taken, or nobody."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError("no user to run PostgreSQL as: neither postgres nor nobody is there")


class Postgres:
    """One server. `psql` asks it; `configuration` is what penstock needs to reach it."""

    user = "penstock_test"
    host = "127.0.0.1"

    def __init__(self):
        self.password = secrets.token_hex(8)
        self.port = 0
        self.process = None
        self.settings = {}  # of this server alone, from the next launch on
        self.account = server_user()
        self.folder = Path(tempfile.mkdtemp(prefix="penstock-postgresql-"))
        self.give(self.folder)
        self.log = self.folder / "server.log"

    def give(self, path):
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def identity(self):
        if self.account is None:
            return {}
        return {
            "user": self.account.pw_uid,
            "group": self.account.pw_gid,
            "extra_groups": [],
        }

    def start(self):
        password_file = self.folder / "password"
        password_file.write_text(self.password)
        self.give(password_file)
        command = [BIN / "initdb", "-D", self.folder / "data", "-U", self.user, "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile={password_file}", "-N"]
        subprocess.run(
            command, check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self.identity()
        )
        self.make_certificate()
        self.launch()

    def make_certificate(self):
        """A self-signed one, so that sslmode prefer and require have something to meet."""
        key, certificate = self.folder / "server.key", self.folder / "server.crt"
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
        command += ["-subj", "/CN=localhost", "-keyout", key, "-out", certificate]
        subprocess.run(command, check=True, capture_output=True)
        key.chmod(0o600)
        self.give(key)
        self.give(certificate)

    def launch(self):
        """Starts the server on the data that is there; also after `stop`, on the same port."""
        for _attempt in range(3):
            port = self.port or free_port()
            settings = {
                **SETTINGS,
                **self.settings,
                "port": str(port),
                "unix_socket_directories": str(self.folder),
                "ssl_cert_file": str(self.folder / "server.crt"),
                "ssl_key_file": str(self.folder / "server.key"),
            }
            command = [*TIED, BIN / "postgres", "-D", self.folder / "data"]
            for name, value in settings.items():
                command += ["-c", f"{name}={value}"]
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    **self.identity(),
                )
            if self.wait_until_ready(port):
                self.port = port
                return
        raise RuntimeError(f"PostgreSQL did not start: {self.log.read_text()[-2000:]}")

    def wait_until_ready(self, port):
        deadline = time.monotonic() + 60
        ready = [BIN / "pg_isready", "-q", "-h", self.host, "-p", str(port)]
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                return False
            if subprocess.run(ready, check=False).returncode == 0:
                return True
            time.sleep(0.05)
        self.stop()
        return False

    def stop(self):
        """Ends the server by its own process; its data stays for another `launch`."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(timeout=30)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, database="postgres"):
        """For psql, pgbench and others of libpq."""
        return {
            **os.environ,
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": database,
            "PGTZ": "UTC",
        }

    def run(self, program, *arguments, database="postgres", stdin=None, timeout=300):
        """Runs a program of PostgreSQL's (pgbench, pg_dump, psql) against one of the databases."""
        return subprocess.run(
            [BIN / program, *arguments],
            env=self.environment(database),
            input=stdin,
            text=True,
            capture_output=True,
            check=True,
            timeout=timeout,
        ).stdout

    def psql(self, sql, database="postgres"):
        """Runs SQL (one statement or many); what it printed, columns parted by '|', no headers."""
        try:
            return self.run(
                "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-",
                database=database, stdin=sql,
            ).rstrip("\n")  # fmt: skip
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"psql: {error.stderr.strip()}\nin: {sql[:500]}") from error

    def configuration(self, database="postgres", **more):
        """configuration.json as penstock's postgresql source takes it."""
        return {
            "source": "postgresql",
            "host": self.host,
            "port": str(self.port),
            "database": database,
            "user": self.user,
            "password": self.password,
            **more,
        }


class Database:
    """One database of a server, as a test has it for itself."""

    def __init__(self, server, name):
        self.server = server
        self.name = name

    def psql(self, sql):
        return self.server.psql(sql, self.name)

    def run(self, program, *arguments, **more):
        return self.server.run(program, *arguments, database=self.name, **more)

    def configuration(self, **more):
        return self.server.configuration(self.name, **more)
