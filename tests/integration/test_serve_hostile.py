"""Bytes that no honest client sends, against the sanitizers' executable: each gets a clear error,
and the server lives on. Also the calls from many threads, once under the thread sanitizer."""

import contextlib
import os
import random
import resource
import socket
import struct
import threading

import grpc
import http2
import pytest
from clients.connector import LOCALHOST, ROOT, Client, Replica, Server, code_of, common, sdk, sync
from flow import wait_until

Code = grpc.StatusCode
EHR = {"source": "ehr", "ehr_patients": "5"}
METHODS = ["ConfigurationForm", "Test", "Schema", "Update"]
TSAN = ROOT / "build" / "Tsan" / "penstock"


@pytest.fixture
def server(serve_debug):
    """One that must live, and end without a report."""
    server = serve_debug()
    yield server
    assert server.client.form().fields
    server.assert_well(sanitized=True)


def raw(server, method, request):
    return code_of(lambda: server.client.raw(method, request, stream=method == "Update"))


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, wire, payload):
    head = varint(number << 3 | wire)
    return head + (varint(len(payload)) + payload if wire == 2 else payload)


def update_request():
    request = sdk().UpdateRequest(configuration=EHR, state_json="{}")
    table = request.selection.with_schema.schemas.add(schema_name="s", included=True).tables.add()
    table.table_name = "t"
    table.columns["c"] = True
    return request.SerializeToString()


def test_requests_cut_off_at_every_byte(server):
    requests = {
        "Update": update_request(),
        "Test": common().TestRequest(name="connect", configuration=EHR).SerializeToString(),
        "Schema": sdk().SchemaRequest(configuration=EHR).SerializeToString(),
    }
    for method, whole in requests.items():
        for length in range(len(whole)):
            code, text = raw(server, method, whole[:length])
            assert code in (Code.OK, Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION), text
            if code == Code.INVALID_ARGUMENT:
                assert "request" in text or "test" in text


@pytest.mark.parametrize("method", ["Test", "Schema", "Update"])
@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize(
    ("wire", "payload"),
    [
        (0, b"\x05"),
        (0, b"\xff" * 10),
        (1, b"\0" * 8),
        (2, b"\xff\xfe"),
        (2, field(1, 0, b"\1")),
        (2, field(1, 2, b"\xc3\x28") + field(2, 2, b"x")),
        (2, field(1, 2, b"a\0b") + field(2, 2, b"x")),
        (3, b""),
        (5, b"\0" * 4),
        (6, b""),
        (7, b""),
    ],
)
def test_fields_of_a_wrong_type(server, method, number, wire, payload):
    code, text = raw(server, method, field(number, wire, payload))
    unknown_field = (method, number) in (("Test", 3), ("Schema", 2), ("Schema", 3))
    expected = {Code.INVALID_ARGUMENT}
    # A field that the message does not have may come; a group or a bad wire type may not. An
    # empty configuration is whatever the source makes of it.
    if unknown_field or (method == "Update" and number > 1):
        expected |= {Code.OK, Code.FAILED_PRECONDITION}
    assert code in expected, text


def test_unknown_fields_are_passed_over(server):
    extra = field(99, 2, b"later versions") + field(100, 0, b"\1") + field(101, 5, b"abcd")
    request = sdk().SchemaRequest(configuration=EHR).SerializeToString()
    code, _ = raw(server, "Schema", extra + request + extra)
    assert code == Code.OK


def test_random_bytes_as_requests(server):
    dice = random.Random(4)
    for method in METHODS:
        for _ in range(150):
            code, _ = raw(server, method, dice.randbytes(dice.randrange(200)))
            assert code in (Code.OK, Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION)


@pytest.mark.parametrize(
    "garbage",
    [b"\x0a\x05ab", b"\xff" * 11, b"\x00", b"\x0a", b"\x0b", field(7, 6, b""), b"not a message"],
)
def test_form_reads_its_request(server, garbage):
    """It has no fields, but other bytes than a message's are no request."""
    code, text = raw(server, "ConfigurationForm", garbage)
    assert code == Code.INVALID_ARGUMENT and "no ConfigurationFormRequest" in text
    later = field(1, 2, b"later versions") + field(2, 0, b"\1")
    for good in (b"", later):
        code, _ = raw(server, "ConfigurationForm", good)
        assert code == Code.OK


def test_changed_bytes_of_good_requests(server):
    dice = random.Random(5)
    whole = update_request()
    for _ in range(300):
        request = bytearray(whole)
        for _ in range(dice.randrange(1, 4)):
            request[dice.randrange(len(request))] = dice.randrange(256)
        code, text = raw(server, "Update", bytes(request))
        assert code in (Code.OK, Code.INVALID_ARGUMENT), text


@pytest.mark.parametrize("method", METHODS)
def test_empty_requests(server, method):
    code, _ = raw(server, method, b"")
    assert code == {"Test": Code.INVALID_ARGUMENT}.get(method, code)
    assert code in (Code.OK, Code.INVALID_ARGUMENT, Code.FAILED_PRECONDITION)


def test_names_and_values_of_a_megabyte(server):
    long = "n" * 2**20
    for settings in [{**EHR, long: "x"}, {**EHR, "ehr_seed": long}, {"source": long},
                     {"source": "postgresql", "host": long, "database": long, "user": long,
                      "password": long, "max_retries": "0"}]:  # fmt: skip
        for call in [
            lambda settings=settings: server.client.schema(settings),
            lambda settings=settings: server.client.test("connect", settings),
            lambda settings=settings: list(server.client.update(settings)),
        ]:
            code, text = code_of(call)
            assert code in (Code.OK, Code.FAILED_PRECONDITION, Code.UNAVAILABLE)
            assert len(text) < 2000
    code, text = code_of(lambda: server.client.test(long, EHR))
    assert code == Code.INVALID_ARGUMENT and len(text) < 2000
    table = sdk().TableSelection(included=True, table_name=long, columns={long: True})
    selection = sdk().Selection(without_schema=sdk().TablesWithNoSchema(tables=[table]))
    Replica().take(server.client.update(EHR, selection=selection))
    assert all(len(line) < 4000 for line in server.lines)


def test_map_of_a_hundred_thousand_entries(server):
    settings = {f"key_{i}": f"value_{i}" for i in range(100000)}
    code, text = code_of(lambda: server.client.schema({**EHR, **settings}))
    assert code == Code.INVALID_ARGUMENT and "more than 10000 keys" in text
    assert len(server.lines) < 300


def test_selection_of_a_hundred_thousand_tables(server):
    tables = [
        sdk().TableSelection(included=i % 2 == 0, table_name=f"t{i}", columns={"c": True})
        for i in range(100000)
    ]
    chosen = sdk().TablesWithNoSchema(tables=tables, include_new_tables=True)
    replica = Replica()
    stream = server.client.update(EHR, selection=sdk().Selection(without_schema=chosen))
    replica.take(stream)
    assert len(replica.tables) == 9


@pytest.mark.parametrize(
    "state",
    ["x" * 5 * 10**6, "[" * 10**6, '{"a":' * 10**5, '"' + "\\u0000" * 10**5 + '"', "{}" * 100],
    ids=["text", "lists", "objects", "zeros", "several"],
)
def test_states_of_nonsense(server, state):
    replica = Replica()
    replica.take(server.client.update(EHR, state=state))
    assert len(replica.tasks) == 1 and len(replica.tasks[0]) < 1000


@pytest.mark.parametrize(
    "path",
    [
        "/fivetran_sdk.v2.SourceConnector/Nothing",
        "/fivetran_sdk.v2.SourceConnector/",
        "/fivetran_sdk.v2.DestinationConnector/Capabilities",
        "/fivetran_sdk.SourceConnector/Test",
        "/x",
        "/",
        "/" + "y" * 4000,
        "/grpc.health.v1.Health/List",
    ],
)
def test_unknown_methods(server, path):
    code, text = code_of(lambda: server.client.raw(path))
    assert code == Code.UNIMPLEMENTED and text


@pytest.mark.parametrize(
    "path",
    [
        "/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    ],
)
def test_garbage_to_health_and_reflection(server, path):
    dice = random.Random(6)
    for _ in range(60):
        request = dice.randbytes(dice.randrange(60))
        code, _ = code_of(lambda request=request: server.client.raw(path, request))
        assert code in (Code.OK, Code.INVALID_ARGUMENT, Code.NOT_FOUND)
    code, _ = code_of(lambda: server.client.raw(path, field(1, 2, b"z" * 2**21)))
    assert code == Code.RESOURCE_EXHAUSTED


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = struct.pack(">HBBBL", 0, 0, 4, 0, 0)
GARBAGE = [
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    b"\0" * 10000,
    b"\xff" * 10000,
    random.Random(7).randbytes(100000),
    PREFACE,
    PREFACE + SETTINGS,
    PREFACE + SETTINGS + b"\xff" * 1000,
    PREFACE + SETTINGS + random.Random(8).randbytes(5000),
    PREFACE + struct.pack(">HBBBL", 0xFFFF, 0xFF, 0, 0, 1) + b"x" * 70000,
    PREFACE + SETTINGS + struct.pack(">HBBBL", 0, 5, 1, 5, 1) + b"\x82\x86\x84\x41\x8c",
    b"PRI * HTTP/2.0\r\n",
    b"",
]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_on_the_port(server, number):
    with (
        contextlib.suppress(OSError),
        socket.create_connection((LOCALHOST, server.port), timeout=10) as connection,
    ):
        connection.sendall(GARBAGE[number])
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        while connection.recv(65536):
            pass
    assert server.client.test("connect", EHR).success


def test_connections_that_say_nothing(server):
    silent = [socket.create_connection((LOCALHOST, server.port)) for _ in range(200)]
    assert server.client.test("connect", EHR).success
    for connection in silent:
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "/fivetran_sdk.v2.SourceConnector/Test",
        "/fivetran_sdk.v2.SourceConnector/Update",
        "/grpc.health.v1.Health/Check",
    ],
)
def test_request_of_4_gb_is_refused_at_128_mib(serve, path):
    server = serve()
    trailers = []

    def took(kind, _flags, stream, _payload):
        if kind in (http2.HEADERS, http2.RESET) and stream == 1:
            trailers.append(kind)

    with socket.create_connection((LOCALHOST, server.port)) as peer:
        peer.sendall(http2.PREFACE + http2.frame(http2.SETTINGS, 0, 0))
        connection = http2.Connection(peer, took)
        pairs = {
            ":method": "POST", ":scheme": "http", ":path": path, ":authority": LOCALHOST,
            "te": "trailers", "content-type": "application/grpc",
        }  # fmt: skip
        head = b"".join(http2.header(*pair) for pair in pairs.items())
        connection.send(http2.frame(http2.HEADERS, http2.END_HEADERS, 1, head))
        data = http2.message(b"x" * (http2.DATA_MAX - 5), length=0xF0000000)
        sent = 0
        while sent < 512 << 20 and connection.send_data(1, data, lambda: trailers):
            sent += len(data)
            data = b"x" * http2.DATA_MAX
        assert trailers and sent > 127 << 20
        # That call alone is refused, not the connection.
        assert not connection.over
    assert server.client.test("connect", EHR).success


def limit_files(server, soft):
    hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)[1]
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_more_connections_than_descriptors_turn_the_last_away(server):
    assert server.client.test("connect", EHR).success
    soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    assert soft >= min(hard, 4096)
    limit_files(server, 64)
    connections = [socket.create_connection((LOCALHOST, server.port)) for _ in range(100)]
    server.wait_for_line("connections are turned away: too many descriptors are in use")
    # Whoever is connected is served, and what a call opens is to be had.
    assert server.client.test("connect", EHR).success
    sync(server.client, EHR)
    for connection in connections:
        connection.close()
    wait_until(lambda: server.files() < 40, "the connections to be gone")
    with Client(server.port) as other:
        assert other.test("connect", EHR).success


def test_without_any_descriptor_connections_are_accepted_later(server):
    assert server.client.test("connect", EHR).success
    limit_files(server, 3)
    with Client(server.port) as other:
        answer = other.later("Schema", EHR)
        server.wait_for_line("connections cannot be accepted: Too many open files")
        limit_files(server, 4096)
        assert answer.result().with_schema


def hammer(server):
    """Every call from several threads, some of them cancelled."""
    failures = []

    def one(number):
        try:
            for turn in range(4):
                assert server.client.form().fields
                assert server.client.test("connect", EHR).success
                if (number + turn) % 2:
                    stream = server.client.update({**EHR, "ehr_patients": "200"})
                    next(stream)
                    stream.cancel()
                else:
                    sync(server.client, EHR)
        except Exception as error:  # noqa: BLE001 (told by the caller's thread)
            failures.append(repr(error))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_calls_from_many_threads(server):
    hammer(server)


def test_calls_from_many_threads_under_the_thread_sanitizer(penstock, database):
    if not TSAN.exists():
        pytest.skip("tools/build tsan penstock builds it")
    runner = type(penstock)(TSAN, penstock.folder)
    options = os.environ.get("TSAN_OPTIONS", "ignore_noninstrumented_modules=1")
    server = Server(runner, env={"TSAN_OPTIONS": options})
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text);"
        "INSERT INTO t SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i"
    )
    try:
        with Client(server.port) as server.client:
            hammer(server)
            sync(server.client, database.configuration())
            for _ in range(5):
                stream = server.client.update(database.configuration())
                next(stream)
                stream.cancel()
        assert server.stop() == 0, server.errors[:60]
        assert server.errors == []
    finally:
        runner.close()
