"""A client of the source connector in Python, on grpcio: messages made from proto/ for each run.

`Server` runs `penstock serve`; `Client` calls it; `Replica` applies what Update streams to plain
dictionaries, by the contract's semantics, and refuses what breaks the contract.
"""

import contextlib
import functools
import importlib
import json
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

import grpc
from grpc_tools import protoc
from postgres import free_port

ROOT = Path(__file__).resolve().parents[3]
MESSAGE_BYTES_MAX = 134217728
LOCALHOST = "127.0.0.1"
PLATFORM_COLUMNS = {
    "_fivetran_synced", "_fivetran_deleted", "_fivetran_id", "_fivetran_index",
    "_fivetran_active", "_fivetran_start", "_fivetran_end",
}  # fmt: skip


@functools.cache
def modules():
    """The generated modules (connector_sdk_pb2, connector_sdk_pb2_grpc, common_pb2)."""
    with tempfile.TemporaryDirectory(prefix="penstock-proto-") as folder:
        bundled = Path(protoc.__file__).parent / "_proto"
        command = ["protoc", f"-I{ROOT / 'proto'}", f"-I{bundled}", f"--python_out={folder}"]
        command += [f"--grpc_python_out={folder}", "connector_sdk.proto", "common.proto"]
        assert protoc.main(command) == 0
        sys.path.insert(0, folder)
        try:
            names = ("connector_sdk_pb2", "connector_sdk_pb2_grpc", "common_pb2")
            return tuple(importlib.import_module(name) for name in names)
        finally:
            sys.path.remove(folder)


def sdk():
    return modules()[0]


def common():
    return modules()[2]


def has_ipv6():
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


class Server:
    """`penstock serve` on a free port; its log lines are read as they come."""

    def __init__(self, penstock, *arguments, port=None, command=("serve",), env=None):
        self.port = port or free_port()
        self.process = penstock.start(*command, "--port", self.port, *arguments, env=env)
        self.lines = []
        self.changed = threading.Condition()
        self.errors = []
        self.readers = [
            threading.Thread(target=self.read, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.lines), (self.process.stderr, self.errors))
        ]
        for reader in self.readers:
            reader.start()
        self.wait_for_line("listens on port")

    def read(self, stream, kept):
        with contextlib.suppress(ValueError):  # closed under us when the test ends
            for line in stream:
                with self.changed:
                    kept.append(line.rstrip("\n"))
                    self.changed.notify_all()

    def wait_for_line(self, words, timeout=60):
        deadline = time.monotonic() + timeout
        with self.changed:
            while not any(words in line for line in self.lines):
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None
                assert left > 0, f"no line with {words!r}: {self.lines[-5:]} {self.errors[-20:]}"
                assert not ended or left > timeout - 5, f"it ended: {self.lines} {self.errors}"
                self.changed.wait(min(left, 0.2))

    def messages(self):
        """Each line of the log, read strictly."""
        return [json.loads(line) for line in list(self.lines)]

    def resident(self, member="VmRSS"):
        """The process's memory in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(
            int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(member)
        )

    def peak(self):
        """The most that it has ever had."""
        return self.resident("VmHWM")

    def threads(self, but=()):
        """Those of syncs and calls, `but` some. The library's own come and go by its needs."""
        found = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                name = (task / "comm").read_text().strip()
                found += name.startswith("penstock-") and name not in but
        return found

    def files(self):
        """Open descriptors."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def stop(self, timeout=60):
        """SIGTERM; the exit status. All that it wrote has been read then."""
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(timeout=timeout)
        for reader in self.readers:
            reader.join(timeout=timeout)
        return code

    def assert_well(self, sanitized=False):
        """It still lives; and once stopped, ends with 0 and without a sanitizer's report."""
        assert self.process.poll() is None, self.errors[-50:]
        assert self.stop() == 0, self.errors[-50:]
        assert not sanitized or not any("Sanitizer" in line for line in self.errors), self.errors
        assert self.errors == []


class Client:
    """One channel. Every call has a time limit."""

    def __init__(self, port, host=LOCALHOST, compression=None):
        options = [
            ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
            ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
            # Otherwise channels of one process to one server share their connections.
            ("grpc.use_local_subchannel_pool", 1),
        ]
        self.channel = grpc.insecure_channel(f"{host}:{port}", options, compression)
        self.stub = modules()[1].SourceConnectorStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.channel.close()

    def form(self):
        return self.stub.ConfigurationForm(common().ConfigurationFormRequest(), timeout=30)

    def test(self, name, configuration):
        request = common().TestRequest(name=name, configuration=configuration)
        return self.stub.Test(request, timeout=60)

    def schema(self, configuration):
        return self.stub.Schema(sdk().SchemaRequest(configuration=configuration), timeout=60)

    def update(self, configuration, state=None, selection=None, timeout=120):
        """The stream of one sync; `.cancel()` ends it."""
        request = sdk().UpdateRequest(configuration=configuration)
        if state is not None:
            request.state_json = state
        if selection is not None:
            request.selection.CopyFrom(selection)
        return self.stub.Update(request, timeout=timeout)

    def later(self, method, configuration):
        """Test (of `select`) or Schema, not waited for: `.cancel()` ends it, `.result()` waits."""
        if method == "Test":
            request = common().TestRequest(name="select", configuration=configuration)
            return self.stub.Test.future(request, timeout=120)
        request = sdk().SchemaRequest(configuration=configuration)
        return self.stub.Schema.future(request, timeout=120)

    def raw(self, method, request=b"", timeout=60, stream=False):
        """Bytes as they are to a method of any name; the answer's bytes, or a list of them."""
        path = method if method.startswith("/") else f"/fivetran_sdk.v2.SourceConnector/{method}"
        if stream:
            return list(self.channel.unary_stream(path)(request, timeout=timeout))
        return self.channel.unary_unary(path)(request, timeout=timeout)

    def raw_update(self, configuration, timeout):
        """The messages of one sync as bytes, one by one: fast, for many rows."""
        request = sdk().UpdateRequest(configuration=configuration).SerializeToString()
        path = "/fivetran_sdk.v2.SourceConnector/Update"
        return self.channel.unary_stream(path)(request, timeout=timeout)


def code_of(call):
    """The status that a call ends with, and its words; (OK, "") where it succeeds."""
    try:
        call()
    except grpc.RpcError as error:
        return error.code(), error.details()
    return grpc.StatusCode.OK, ""


def field_of(type_name):
    """The member of ValueType that carries a column of this DataType."""
    return {"BOOLEAN": "bool", "NAIVE_TIME": "naive_time"}.get(type_name, type_name.lower())


def python_value(value):
    """A ValueType as a value that can be compared; None for null."""
    kind = value.WhichOneof("inner")
    assert kind is not None, "a value without a member"
    if kind == "null":
        assert value.null is True
        return None
    found = getattr(value, kind)
    if kind in ("naive_date", "naive_datetime", "utc_datetime"):
        assert 0 <= found.nanos < 10**9
        return found.seconds, found.nanos
    return found


class Table:
    def __init__(self, declared):
        self.columns = {column.name: column for column in declared.columns}
        self.declared = set(self.columns)  # by the last declaration; `columns` by all of them
        assert len(self.columns) == len(declared.columns)
        assert not PLATFORM_COLUMNS & set(self.columns)
        self.keys = [column.name for column in declared.columns if column.primary_key]
        self.rows = {}  # by key, or by all the values where there is none; deleted ones are gone

    def type_of(self, column):
        return common().DataType.Name(self.columns[column].type)

    def key_of(self, row):
        """As the platform, which makes a key of all the values where there is none."""
        names = self.keys or sorted(row)
        return tuple(row[name] for name in names)

    def read(self, record):
        row = {}
        for name, value in record.data.items():
            row[name] = python_value(value)
            kind = value.WhichOneof("inner")
            expected = field_of(self.type_of(name))
            known = kind in ("null", expected) or expected == "unspecified"
            assert known, f"{name}: {kind}, not {expected}"
            assert kind != "short" or -(2**15) <= value.short < 2**15
        assert set(self.keys) <= set(row)
        return row


class Replica:
    """What a destination would hold after the stream so far."""

    def __init__(self):
        self.tables = {}
        self.states = []
        self.warnings = []
        self.tasks = []
        self.counts = {"UPSERT": 0, "UPDATE": 0, "DELETE": 0, "TRUNCATE": 0}
        self.message_sizes = []
        self.order = []  # operations by table, runs of one kind once

    def declare(self, answer):
        """Takes the tables of a SchemaResponse or a SchemaChange."""
        if answer.HasField("with_schema"):
            for schema in answer.with_schema.schemas:
                for table in schema.tables:
                    self.declare_table((schema.name, table.name), table)
        else:
            for table in answer.without_schema.tables:
                self.declare_table((None, table.name), table)

    def declare_table(self, name, declared):
        new = Table(declared)
        old = self.tables.get(name)
        if old is not None:
            new.rows = old.rows
            new.columns = {**old.columns, **new.columns}
        self.tables[name] = new

    def apply_record(self, record):
        schema = record.schema_name if record.HasField("schema_name") else None
        name = (schema, record.table_name)
        table = self.tables[name]
        kind = common().RecordType.Name(record.type)
        self.counts[kind] += 1
        if not self.order or self.order[-1] != (name, kind):
            self.order.append((name, kind))
        if kind == "TRUNCATE":
            assert not record.data
            table.rows.clear()
            return
        row = table.read(record)
        key = table.key_of(row)
        if kind == "UPSERT":
            assert set(row) == table.declared
            table.rows[key] = row
        elif kind == "UPDATE":
            if key in table.rows:
                table.rows[key].update(row)
        else:
            table.rows.pop(key, None)

    def apply(self, response):
        """One message; its operation's name."""
        operation = response.WhichOneof("operation")
        assert operation is not None
        self.message_sizes.append((operation, response.ByteSize()))
        if operation == "records":
            assert 1 <= len(response.records.records) <= 100
            for record in response.records.records:
                self.apply_record(record)
        elif operation == "record":
            self.apply_record(response.record)
        elif operation == "schema_change":
            self.declare(response.schema_change)
            self.order.append(("schema_change", None))
        elif operation == "checkpoint":
            assert isinstance(json.loads(response.checkpoint.state_json), dict)
            self.states.append(response.checkpoint.state_json)
        elif operation == "warning":
            self.warnings.append(response.warning.message)
        else:
            assert operation == "task"
            self.tasks.append(response.task.message)
        return operation

    def take(self, stream):
        """A whole stream, which ends well with a checkpoint or a task."""
        operation = None
        for response in stream:
            operation = self.apply(response)
        assert operation in ("checkpoint", "task")
        return self

    @property
    def state(self):
        return self.states[-1]

    def rows(self, table, schema=None):
        return self.tables[schema, table].rows


def sync(client, configuration, replica=None, **more):
    """Schema (for a new replica) and one whole Update."""
    if replica is None:
        replica = Replica()
        replica.declare(client.schema(configuration))
    return replica.take(client.update(configuration, **more))
