"""`penstock tester` against connectors of tests/servers: scripts, and one on Fivetran's SDK."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SERVERS = ROOT / "tests" / "servers"
CONNECTORS = SERVERS / "connectors"
# Breaches by which the row is lost, so that the exit status says so without --strict as well.
SKIPPING = {
    "time_range",
    "decimal_invalid",
    "json_invalid",
    "text_invalid",
    "record_type",
    "table_unnamed",
}
# Breaches that end the sync.
ENDING = {"message_size", "file_size", "file_unfinished"}


@pytest.fixture(scope="session")
def protos(tmp_path_factory):
    """The modules made from proto/*.proto, and all of it as one descriptor set."""
    folder = tmp_path_factory.mktemp("protos")
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT / 'proto'}", f"--python_out={folder}",
         "--include_imports", f"--descriptor_set_out={folder / 'contract.pb'}",
         "common.proto", "connector_sdk.proto"],
        check=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def connector(protos, work):
    """Starts a connector; its port."""
    started = []

    def start(script, program="scripted.py"):
        command = [sys.executable, CONNECTORS / program, script]
        if program == "go_connector":
            command = [ROOT / "build" / "clients" / program, protos / "contract.pb"]
        log = (work / "connector.log").open("ab")
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            env={
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONPATH": f"{protos}:{SERVERS}",
            },
        )
        log.close()
        started.append(process)
        for line in process.stdout:
            if line.startswith(b"listening "):
                return line.split()[1].decode()
        raise AssertionError((work / "connector.log").read_text())

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def tester(penstock, connector):
    """tester(script, options…): one sync of a connector that was started for it."""

    def run(script, *options, program="scripted.py"):
        return penstock("tester", "--port", connector(script, program), "--json", *options)

    return run


def kinds(result):
    return {breach["kind"] for breach in result.document["breaches"]}


def state_of(work):
    return json.loads(json.loads((work / "files/state.json").read_text())["connector_state"])


def breach_names():
    """Read from the scripts' text: importing them needs the modules made from proto/."""
    names = []
    for line in (CONNECTORS / "scripts.py").read_text().splitlines():
        if line.startswith("class ") and line[6].islower():
            names.append(line[6:].split("(")[0])
    return names


@pytest.mark.parametrize("name", breach_names())
def test_breach_is_named_once_and_strict_makes_it_a_failure(tester, work, name):
    loose = tester(name)
    assert kinds(loose) == {name}, loose.err
    assert loose.code == (1 if name in ENDING else 4 if name in SKIPPING else 0), loose.err
    assert "breach of the contract: " in loose.err
    events = [json.loads(line) for line in loose.out.splitlines()]
    named = [(e["kind"], e.get("table"), e.get("column")) for e in events if e["event"] == "breach"]
    assert len(named) == len(set(named)) and {kind for kind, *_ in named} == {name}
    strict = tester(name, "--strict", "--warehouse", "s/w.db", "--state", "s/state.json")
    assert kinds(strict) == {name}
    assert strict.code == (1 if name in ENDING else 4)
    assert strict.document["status"] == "failed"


def test_good_connector_has_no_breach_and_goes_on(tester, penstock, work, warehouse):
    config = penstock.configure({"host": "db", "many": 7, "empty": ""})
    for n in range(3):
        result = tester("Good", "--strict", "--config", config)
        assert result.code == 0, result.err
        assert result.document["status"] == "succeeded" and result.document["breaches"] == []
        totals = result.document["totals"]
        assert (totals["upserts"], totals["updates"], totals["deletes"]) == (10, 1, 1)
        assert totals["checkpoints"] == 1 and totals["schema_changes"] == (1 if n == 0 else 0)
        sent = {"host": "db", "many": "7", "empty": ""}
        assert state_of(work) == {"n": n + 1, "configuration": sent}
    rows = warehouse().execute(
        "SELECT id, name, _fivetran_deleted FROM tester.t ORDER BY id LIMIT 3"
    )
    assert rows.fetchall() == [(0, "changed", False), (1, "row 1", True), (2, "row 2", False)]
    assert warehouse().execute("SELECT count(*) FROM tester.t").fetchone() == (30,)


def test_report_for_people_has_the_table_and_the_verdict(penstock, connector):
    result = penstock("tester", "--port", connector("Good"))
    assert result.code == 0
    lines = result.out.splitlines()
    head = next(line for line in lines if line.startswith("table"))
    assert head.split()[1:] == [
        "Upserts", "Updates", "Deletes", "Truncates", "SchemaChanges", "Checkpoints",
    ]  # fmt: skip
    total = next(line for line in lines if line.startswith("total"))
    assert total.split() == ["total", "10", "1", "1", "0", "1", "1"]
    assert lines[-1] == "Sync SUCCEEDED" and "files/warehouse.db" in lines[-2]
    assert any(line.startswith("checkpoint     1, after 12 records") for line in lines)


def test_undeclared_columns_get_their_types_from_values_and_widen(tester, warehouse):
    result = tester("Types", "--strict")
    assert result.code == 0, result.err
    found = dict(
        warehouse()
        .execute("SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'v'")
        .fetchall()
    )
    assert {n: t for n, t in found.items() if not n.startswith("_fivetran")} == {
        "b": "VARCHAR", "s": "SMALLINT", "i": "BIGINT", "l": "BIGINT", "f": "DOUBLE", "d": "DOUBLE",
        "n": "DECIMAL(6,2)", "raw": "BLOB", "t": "VARCHAR", "j": "JSON", "x": "VARCHAR",
        "none": "VARCHAR", "day": "DATE", "wall": "TIMESTAMP", "utc": "TIMESTAMP WITH TIME ZONE",
        "later": "INTEGER",
    }  # fmt: skip
    rows = warehouse().execute(
        "SELECT b, i, f, n::VARCHAR, t, wall::VARCHAR, utc::VARCHAR, later FROM tester.v ORDER BY i"
    )
    assert rows.fetchall() == [
        ("true", -70000, 0.5, "-12.50", "ä", "1969-12-31 23:59:59.123456",
         "2024-02-29 23:59:59+00", None),
        ("maybe", 1 << 33, 0.1, "1000.00", "5", None, None, 1),
    ]  # fmt: skip


def test_declared_keys_alone_leave_columns_and_tables_free(tester):
    result = tester("KeysOnly", "--strict")
    assert result.code == 0 and result.document["breaches"] == [], result.err


def test_row_data_is_read_by_the_declared_types(tester, warehouse):
    result = tester("RowData")
    assert result.code == 0, result.err
    assert kinds(result) == set(), result.out
    row = warehouse().execute(
        'SELECT id, name, "at"::VARCHAR, price::VARCHAR, doc::VARCHAR, small, x, free FROM tester.t'
    )
    assert row.fetchone() == (
        42, "Ada", "2024-02-29 12:00:00+00", "12.50", '{"a": 1}', 7, None, 0.5,
    )  # fmt: skip
    row = warehouse().execute('SELECT number, word, yes, "bytes" FROM tester.loose')
    assert row.fetchone() == (7, "007", True, b"\0\xff")


def test_files_are_written_below_the_warehouse_s_folder(tester, work):
    result = tester("Files", "--strict")
    assert result.code == 0, result.err
    assert (work / "files/tester/docs/a/b/report.pdf").read_bytes() == bytes(range(256)) * 10000
    assert (work / "files/other/docs/note.txt").read_bytes() == b"hello"
    assert result.document["totals"]["files"] == 2
    assert not list((work / "files").rglob("*.penstock-part"))


def test_files_never_leave_their_folder(tester, work):
    outside = work / "outside"
    outside.mkdir()
    (work / "files/tester").mkdir(parents=True)
    (work / "files/tester/docs").symlink_to(outside)
    assert tester("Files").code == 1
    assert list(outside.iterdir()) == []
    before = sorted(work.rglob("*"))
    assert tester("file_path", "--warehouse", "files/w.db", "--state", "files/s.json").code == 0
    assert {p.name for p in set(work.rglob("*")) - set(before)} == {"w.db", "s.json"}


@pytest.mark.parametrize("script", ["UnfinishedAtCheckpoint", "UnfinishedAtEnd"])
def test_file_without_its_last_chunk_fails_the_sync(tester, work, script):
    result = tester(script)
    assert result.code == 1 and kinds(result) == {"file_unfinished"}, result.err
    assert "a.txt, of which 3000 bytes came" in result.document["error"]["message"]
    assert state_of(work) == {"n": 1}
    names = {path.name for path in (work / "files").rglob("*")}
    assert not {name for name in names if name == "a.txt" or "part" in name}


def test_stream_with_nothing_in_it_needs_no_checkpoint(tester):
    result = tester("Nothing", "--strict")
    assert result.code == 0 and result.document["breaches"] == [], result.err


def test_unknown_type_is_named_and_values_decide(tester, warehouse):
    result = tester("type_unknown")
    assert "odd has the type 99" in result.document["breaches"][0]["message"]
    row = warehouse().execute("SELECT odd, typeof(odd) FROM tester.u")
    assert row.fetchone() == (5, "BIGINT")


def test_decimal_beyond_its_declaration_is_named_in_each_sync(tester):
    for _ in range(2):
        result = tester("decimal_range")
        assert kinds(result) == {"decimal_range"}
        message = result.document["breaches"][0]["message"]
        assert "price is DECIMAL(10,2), the value DECIMAL(15,3)" in message


def test_truncates_of_every_kind(tester, warehouse):
    def live():
        connection = warehouse()
        found = connection.execute(
            "SELECT list(id ORDER BY id) FROM tester.t WHERE NOT _fivetran_deleted"
        ).fetchone()[0]
        connection.close()
        return found

    for wanted in ([0, 1, 2], [1, 10, 11, 12], [20, 21, 22], [30, 31, 32]):
        result = tester("Truncates")
        assert result.code == 0, result.err
        assert live() == wanted
    result = tester("Truncates")
    assert result.code == 1 and "after a deferred truncate" in result.document["error"]["message"]
    assert live() == [30, 31, 32, 40, 41, 42]


def test_schemas_lie_beside_each_other(tester, warehouse):
    result = tester("Schemas", "--strict", "--schema", "dest")
    assert result.code == 0 and result.document["breaches"] == [], result.err
    assert warehouse().execute("SELECT v FROM dest_sales.t").fetchall() == [("sales",)]
    assert warehouse().execute("SELECT v FROM dest.t").fetchall() == [("own",)]


def test_types_of_earlier_syncs_stay(tester, warehouse):
    for _ in range(3):
        result = tester("Growing", "--strict")
        assert result.code == 0, result.err
    rows = warehouse().execute("SELECT a, b, c FROM tester.g ORDER BY a").fetchall()
    assert rows == [(1, None, True), (2, None, True), (1 << 40, None, None)]
    types = warehouse().execute("SELECT typeof(a), typeof(b) FROM tester.g LIMIT 1").fetchone()
    assert types == ("BIGINT", "VARCHAR")


def test_new_column_with_each_row_is_one_change_of_the_table(tester, warehouse):
    for count in (1000, 50):
        result = tester("ColumnEachRow", "--strict")
        assert result.code == 0 and result.document["breaches"] == [], result.err
        totals = result.document["totals"]
        assert (totals["upserts"], totals["schema_changes"]) == (count, 2)
    row = warehouse().execute(
        "SELECT count(*), sum(c0_0 = 0), sum(c0_999 = 999), sum(u0 = 'updated'), sum(c1_30 = 30),"
        " list(id ORDER BY id) FILTER (WHERE _fivetran_deleted) FROM tester.w"
    )
    # The second sync replaced the first 50 rows, and revived one of the two that were deleted.
    assert row.fetchone() == (1000, None, 1, 1, 1, [29, 529])
    kept = warehouse().execute(
        "SELECT c0_530, u0, u1 FROM tester.w WHERE id IN (30, 530) ORDER BY id"
    )
    assert kept.fetchall() == [(None, None, "updated"), (530, "updated", None)]


def test_every_missing_column_is_named(tester):
    breaches = tester("column_missing").document["breaches"]
    assert {breach["kind"] for breach in breaches} == {"column_missing"}
    named = {breach["column"]: breach["count"] for breach in breaches}
    assert named == dict.fromkeys(("small", "at", "day", "doc", "x", "clock", "price"), 1)


def test_columns_announced_one_by_one_between_rows_are_few_changes(tester, warehouse):
    result = tester("ColumnAnnounced")
    assert result.code == 0 and kinds(result) == {"column_missing"}, result.err
    assert len(result.document["breaches"]) == 21  # twenty columns, and the others together
    assert result.document["totals"]["schema_changes"] == 2
    row = warehouse().execute(
        "SELECT count(*), sum(c0), sum(c500), sum(c999), typeof(any_value(c0)),"
        " typeof(any_value(c1)) FROM tester.t"
    )
    assert row.fetchone() == (1000, 0, 500, 999, "BIGINT", "SMALLINT")


def test_new_column_of_a_table_with_a_million_rows_takes_no_memory(tester, warehouse):
    assert tester("LateColumn").document["totals"]["upserts"] == 1000000
    result = tester("LateColumn", "--strict")
    assert result.code == 0 and result.document["breaches"] == [], result.err
    assert result.document["totals"]["memory_peak_bytes"] < 600 << 20
    row = warehouse().execute(
        "SELECT count(*), sum(late), sum(name = 'changed'),"
        " list(id) FILTER (WHERE _fivetran_deleted) FROM tester.w"
    )
    assert row.fetchone() == (1000000, sum(range(50, 150)), 50, [7])


def test_changed_key_is_told_and_so_are_rows_that_it_does_not_tell_apart(tester, warehouse):
    def changes(result):
        events = [json.loads(line) for line in result.out.splitlines()]
        return [e["message"] for e in events if e["event"] == "schema_change"]

    first = tester("KeyAppears")
    assert first.code == 0 and changes(first)[1:] == ["key none to id"], first.out
    assert first.document["totals"]["schema_changes"] == 2
    assert [w for w in first.document["warnings"] if w.startswith("k.id:")] == [
        "k.id: rows that the changed key does not tell apart become one when it is written again"
        " in 2 values"
    ]
    second = tester("KeyAppears")
    assert changes(second) == [] and second.document["warnings"] == []
    third = tester("KeyAppears")
    assert len(changes(third)) == 1 and third.document["totals"]["schema_changes"] == 1
    assert third.document["warnings"] == []
    rows = warehouse().execute("SELECT id, v FROM tester.k ORDER BY ALL").fetchall()
    assert rows == [(1, "d"), (2, "e"), (2, "f"), (5, "c")]


def test_form_and_tests_are_shown(tester):
    events = [json.loads(line) for line in tester("FormAndTests").out.splitlines()]
    assert events[0] == {"event": "form", "message": "1 field (host), 2 tests"}
    assert [(e["test"], e["success"]) for e in events if e["event"] == "test"] == [
        ("Connecting", True), ("Reading", True),
    ]  # fmt: skip


def test_failing_test_stops_the_set_up(tester, work):
    result = tester("FailingTest")
    assert result.code == 3 and result.document["status"] == "failed"
    assert "no right to read t" in result.document["error"]["message"]
    assert not (work / "files/state.json").exists()


def test_task_stops_the_sync_at_the_last_checkpoint(tester, work, warehouse):
    result = tester("Tasked")
    assert result.code == 1 and result.document["status"] == "failed"
    assert result.document["task"] == "renew the key (line 7)"
    assert result.document["warnings"] == ["slow"]
    assert state_of(work) == {"n": 1}
    assert warehouse().execute("SELECT id FROM tester.t").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("Failing", "KeyError: 'page'"),
        ("Dying", "the connection to the connector broke"),
        ("Garbage", "no valid protobuf"),
        ("GarbageRecord", "no valid protobuf"),
        ("GarbageSchema", "no valid protobuf"),
        ("RowDataOfNoKind", "row_data of t.name that begins with 9"),
        ("RowDataOfNoNumber", "row_data of t.id that begins with 5, for a number, and is none"),
        ("FloodOfTables", "more than 100000 tables"),
        ("FloodOfColumns", "more than 10000 columns"),
        ("FloodOfWarnings", "the connector floods"),
        ("FloodOfNothing", "the connector floods"),
    ],
)
def test_connector_that_fails_ends_in_a_clear_message(tester, work, script, words):
    result = tester(script)
    assert result.code == 1, result.err
    assert words in result.document["error"]["message"]
    assert words in result.err
    assert len(result.document["warnings"]) == (1001 if script == "FloodOfWarnings" else 0)
    if script in ("Failing", "Dying", "Garbage", "FloodOfWarnings", "FloodOfNothing"):
        assert state_of(work) == {"n": 1}


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("announces_more", "OK inside a message: of the 1354 bytes that it announced 1353 came"),
        ("announces_4_gb", "OK inside a message: of the 4026531840 bytes that it announced 3 came"),
        ("half_a_prefix", "OK inside a message"),
        ("cut_in_data", "the connector"),
        ("unknown_flags", "a message with flags that gRPC does not have (7)"),
        ("outside", "data that belongs to no call"),
        ("reset", "the connector answered CANCELLED"),
        ("garbage", "the connection to the connector broke"),
        ("odd_status", "a grpc-status that is no number"),
    ],
)
def test_connector_that_lies_about_its_messages_fails(tester, work, mode, words):
    result = tester(mode, "--idle-seconds", "30", program="raw.py")
    assert result.code == 1, result.err
    assert words in result.document["error"]["message"]
    if "inside" in words:
        assert state_of(work) == {}


def test_text_of_a_connector_does_not_steer_the_terminal(penstock, connector):
    result = penstock("tester", "--port", connector("escapes", "raw.py"), "--idle-seconds", "30")
    assert result.code == 1 and "INTERNAL: ?[31mred?2J" in result.err
    assert not any(c in result.err + result.out for c in "\x1b\x9b\x07")


def test_connector_that_writes_http_by_hand_is_as_good_as_another(tester):
    result = tester("good", "--idle-seconds", "30", program="raw.py")
    assert result.code == 0 and result.document["totals"]["upserts"] == 100, result.err


def test_message_of_4_gb_is_refused_at_128_mib(tester):
    result = tester("flood", "--idle-seconds", "30", program="raw.py")
    assert result.code == 1 and kinds(result) == {"message_size"}, result.err
    assert result.document["totals"]["memory_peak_bytes"] < 400 << 20


@pytest.mark.parametrize("script", ["Hanging", "HangingForm"])
def test_connector_that_hangs_is_given_up(tester, script):
    result = tester(script, "--idle-seconds", "2")
    assert result.code == 1
    assert "--idle-seconds" in result.document["error"]["message"]


def test_interrupt_saves_the_last_checkpoint(penstock, connector, work):
    process = penstock.start("tester", "--port", connector("Hanging"), "--json")
    for line in process.stdout:
        if '"checkpoint"' in line:
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=20)[0]
    assert process.returncode == 130
    assert json.loads(rest.splitlines()[-1])["status"] == "interrupted"
    assert state_of(work) == {"n": 1}


def test_host_whose_name_does_not_resolve_is_named(penstock):
    options = ("--port", "1", "--host", "no such host", "--wait-seconds", "1", "--json")
    result = penstock("tester", *options)
    assert result.code == 3, result.err
    message = result.document["error"]["message"]
    assert "the host no such host does not resolve" in message and "--host" in message


def test_nobody_on_the_port_is_unreachable(penstock):
    result = penstock("tester", "--port", "1", "--wait-seconds", "1", "--json")
    assert result.code == 3 and "localhost:1" in result.document["error"]["message"]


@pytest.mark.parametrize("arguments", [(), ("--port", "x"), ("--port", "70000"), ("--port", "0")])
def test_bad_port_is_a_usage_error(penstock, arguments):
    result = penstock("tester", *arguments)
    assert result.code == 2 and "--port" in result.err


def test_encrypted_values_are_refused(penstock, tester, work):
    config = penstock.configure({"password": "fivetran_encrypted:abc"})
    result = tester("Good", "--config", config)
    assert result.code == 2 and "password" in result.document["error"]["message"]
    result = penstock("tester", "--port", "1", "--config", config)
    assert result.code == 2 and result.out == "" and "password" in result.err
    assert not (work / "files").exists()


def test_placeholders_are_refused_by_key(penstock, work):
    config = penstock.configure({"host": "db", "api_key": "<YOUR_KEY>"})
    result = penstock("tester", "--port", "1", "--config", config)
    assert result.code == 2 and '"api_key" is still a placeholder' in result.err
    assert not (work / "files").exists()


def test_another_source_s_warehouse_is_refused(penstock, tester):
    assert penstock("sync").code == 0
    result = tester("Good")
    assert result.code == 2 and "penstock reset" in result.document["error"]["message"]


def test_nothing_is_wrong_under_sanitizers(penstock_debug, connector):
    for script in ("Good", "Types", "RowData", "Files", "Failing", "Garbage"):
        folder = f"{script}/w.db", f"{script}/s.json"
        result = penstock_debug(
            "tester", "--port", connector(script), "--warehouse", folder[0], "--state", folder[1]
        )
        assert "Sanitizer" not in result.err, result.err


def test_connector_in_go_written_from_the_contract(penstock, tester, work, warehouse):
    config = penstock.configure({"city": "Köln"})
    for n in range(2):
        result = tester("go", "--strict", "--config", config, program="go_connector")
        assert result.code == 0 and result.document["breaches"] == [], result.err
        totals = result.document["totals"]
        assert (totals["upserts"], totals["updates"], totals["deletes"]) == (1000, 1, 1)
        assert result.document["warnings"] == ["one sensor is silent"]
        assert state_of(work) == {"Count": 1000 * (n + 1)}
    rows = warehouse().execute(
        "SELECT count(*), count(*) FILTER (WHERE _fivetran_deleted), sum(celsius)::VARCHAR,"
        " any_value(city), any_value(taken)::VARCHAR FROM tester.reading"
    )
    assert rows.fetchone() == (2000, 2, "39500.00", "Köln", "2024-02-29 23:59:59.5+00")
    rows = warehouse().execute(
        "SELECT id, raw FROM tester.reading WHERE raw IS NOT NULL ORDER BY id"
    )
    assert rows.fetchall() == [(1, b"\0\xff"), (1001, b"\0\xff")]


def test_connector_in_go_fails_its_test_by_name(tester):
    result = tester("go", program="go_connector")
    assert result.code == 3 and "the city is missing" in result.document["error"]["message"]


def test_connector_on_fivetran_s_own_sdk(tester, work, warehouse):
    for n in range(2):
        result = tester("python", "--strict", program="python_sdk.py")
        assert result.code == 0, result.err + (work / "connector.log").read_text()
        totals = result.document["totals"]
        assert (totals["upserts"], totals["updates"], totals["deletes"]) == (252, 1, 1)
        assert result.document["warnings"] == ["careful"]
        assert state_of(work) == {"n": n + 1, "done": True}
    rows = warehouse().execute(
        "SELECT count(*), count(*) FILTER (WHERE _fivetran_deleted) FROM tester.people"
    )
    assert rows.fetchone() == (500, 2)
    note = warehouse().execute("SELECT a, b, c::VARCHAR, d, f FROM tester.notes ORDER BY a LIMIT 1")
    assert note.fetchone() == (1, 1.5, '{"x": [1]}', "text", True)


def test_error_of_a_connector_on_the_sdk_is_a_task(tester):
    result = tester("error", program="python_sdk.py")
    assert result.code == 1 and result.document["task"] == "the key has expired"


def test_uncaught_exception_of_a_connector_on_the_sdk_is_shown(tester):
    result = tester("exception", program="python_sdk.py")
    assert result.code == 1 and "no such page" in result.document["error"]["message"]
