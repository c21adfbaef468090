"""The commands as people and scripts meet them: what they print, how they end, and what they answer
to bad input. What is printed is held by golden/*.txt; after a wanted change, make them again with

    RENEW_GOLDEN=1 build/venv/bin/python -m pytest tests/integration/test_commands.py

and read the difference before it is committed. Figures that vary (times, rates, places) are masked.
"""

import contextlib
import difflib
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from postgres import BIN

GOLDEN = Path(__file__).resolve().parent / "golden"
SMALL = {"source": "ehr", "ehr_patients": "20"}
COMMANDS = [
    "sync",
    "serve",
    "tester",
    "form",
    "check",
    "discover",
    "plan",
    "reset",
    "version",
    "help",
]

MASKS = [
    (re.compile(r" +\d+\.\d+ s$", re.M), "  # s"),  # a table's last column
    (re.compile(r"\b\d+\.\d+ s\b"), "# s"),
    (re.compile(r"[\d,]+ rows/s"), "# rows/s"),
    (re.compile(r"\(\d+\.\d [kM]?B\)$", re.M), "(# B)"),
    (re.compile(r"^penstock \d+\.\d+\.\d+", re.M), "penstock #"),
    (re.compile(r"compiled by .*"), "compiled by #"),
    (re.compile(r"^DuckDB: v\S+, .*", re.M), "DuckDB: #, #"),
    (re.compile(r"^(libpq|OpenSSL): \d+\.\d+\S*,", re.M), r"\1: #,"),
    (re.compile(r"PID \d+"), "PID #"),
    (re.compile(r"\S+/penstock (plan|sync)\b"), r"penstock \1"),  # as it was called
]


def transcript(arguments, result, work):
    """One run as a person would see it: the command, both streams, the exit status."""
    text = "$ penstock " + " ".join(arguments) + "\n" + result.out
    # Tables are read at once: the order of their warnings varies.
    text += "".join(f"2> {line}\n" for line in sorted(result.err.splitlines()))
    text = text.replace(str(work), "WORK") + f"exit {result.code}\n"
    for pattern, mask in MASKS:
        text = pattern.sub(mask, text)
    return text


@pytest.fixture
def golden(work):
    """golden(name, run…): the transcripts of (arguments, result) must be golden/<name>.txt."""

    def compare(name, *runs):
        seen = "\n".join(transcript(arguments, result, work) for arguments, result in runs)
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("RENEW_GOLDEN") == "1":
            path.write_text(seen)
        wanted = path.read_text() if path.exists() else ""
        difference = difflib.unified_diff(
            wanted.splitlines(), seen.splitlines(), f"golden/{name}.txt", "seen", lineterm=""
        )
        assert wanted == seen, "\n".join(difference)

    return compare


# --- what is printed -----------------------------------------------------------------------------


def test_help_pages_are_the_golden_ones(penstock, golden):
    runs = [(["help", *rest], penstock("help", *rest)) for rest in [[], *([c] for c in COMMANDS)]]
    golden("help", *runs)


def test_without_arguments_the_help_page_and_status_2(penstock):
    bare = penstock()
    assert (bare.code, bare.out) == (2, penstock("help").out)
    assert penstock("--help").out == bare.out
    assert penstock("sync", "--help").out == penstock("help", "sync").out
    assert penstock("sync", "--tables", "x", "-h").code == 0


def test_version_names_the_duckdb_library_or_says_where_it_looked(penstock, golden):
    golden("version", (["version"], penstock("version")))
    assert penstock("--version").out == penstock("version").out
    document = json.loads(penstock("version", "--json").out)
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["version"])
    assert document["duckdb"]["version"].startswith("v1.")
    assert int(document["libpq"].split(".")[0]) >= 15
    assert document["openssl"].startswith("3.")
    assert Path(document["duckdb"]["path"]).exists()
    without = penstock("version", env={"PENSTOCK_DUCKDB": "/nonexistent"})
    assert without.code == 0
    assert "DuckDB: not found" in without.out and "/nonexistent" in without.out
    assert (
        json.loads(penstock("version", "--json", env={"PENSTOCK_DUCKDB": "/nonexistent"}).out)[
            "duckdb"
        ]
        is None
    )


def test_looking_at_the_hospital_prints_the_golden_pages(small, golden, work):
    arguments = ["--config", "configuration.json"]
    for command in ["check", "discover", "plan"]:
        golden(f"{command}-ehr", ([command, *arguments], small(command, *arguments)))
    assert not (work / "files").exists()


def test_a_person_is_told_what_was_synced_and_what_to_try_next(penstock, golden):
    # What is told of columns follows their order; what is short on this machine is not told.
    penstock.configure({**SMALL, "threads": "1", "enable_resource_monitoring": "false"})
    sync = ["sync", "--config", "configuration.json"]
    plan = ["plan", "--config", "configuration.json"]
    golden("sync-ehr", *((command, penstock(*command)) for command in [sync, sync, plan]))
    other = ["--tables", "DepartmentDim", "--warehouse", "other.db", "--state", "other.json"]
    bare = penstock("sync", *other)
    assert bare.code == 0
    assert f"  {penstock.binary} sync --config examples/postgresql/configuration.json" in bare.out
    assert f"  {penstock.binary} plan --warehouse other.db --state other.json" in bare.out


def test_options_page_lists_every_source_and_the_engine(penstock):
    page = penstock("help", "--options-page")
    assert page.code == 0
    for key in ["`tables`", "`ehr_patients`", "`host`", "`sslmode`"]:
        assert key in page.out


# --- documents for machines ----------------------------------------------------------------------

RESULT = [
    "event", "status", "source", "warehouse", "seconds", "tables", "totals", "parameter_changes",
    "warnings", "breaches", "error",
]  # fmt: skip
TABLE = [
    "schema", "table", "mode", "reason", "upserts", "updates", "deletes", "truncates", "skipped",
    "bytes", "seconds",
]  # fmt: skip
TOTALS = [
    "upserts", "updates", "deletes", "truncates", "skipped", "bytes", "schema_changes",
    "checkpoints", "rows_per_second", "cpu_seconds", "memory_peak_bytes", "memory_average_bytes",
    "retries",
]  # fmt: skip


def test_sync_json_is_events_and_the_result_document(small, warehouse):
    done = small("sync", "--config", "configuration.json", "--json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.code == 0
    events = [line["event"] for line in lines]
    assert (events[0], events[-1], events.count("table")) == ("plan", "result", 9)
    assert set(events[1:-1]) <= {"progress", "table", "warning"}
    result = lines[-1]
    assert list(result) == RESULT and list(result["totals"]) == TOTALS
    assert all(list(table) == TABLE for table in result["tables"])
    assert (result["status"], result["source"]) == ("succeeded", "ehr")
    assert result["warehouse"] == "files/warehouse.db"
    assert (result["error"], result["breaches"]) == (None, [])
    assert result["warnings"] == [line["message"] for line in lines if line["event"] == "warning"]
    for name in TABLE[4:10]:
        assert result["totals"][name] == sum(table[name] for table in result["tables"])
    connection = warehouse()
    for table in result["tables"]:
        counted = connection.execute(f'SELECT count(*) FROM tester."{table["table"]}"').fetchone()
        assert counted[0] == table["upserts"], table["table"]


def test_every_json_answer_is_one_document(small):
    for command, members in [("check", ["tests", "horizon"]), ("discover", ["tables"]),
                             ("plan", ["tables_found", "tables"])]:  # fmt: skip
        done = small(command, "--config", "configuration.json", "--json")
        assert done.code == 0 and done.out.count("\n") == 1
        assert (done.document["status"], done.document["source"]) == ("succeeded", "ehr")
        assert done.document["error"] is None
        assert all(member in done.document for member in members)


def test_json_failures_are_documents_too(penstock):
    for command in ["sync", "check", "discover", "plan"]:
        done = penstock(command, "--config", "missing.json", "--json")
        assert done.code == 2
        assert done.document["status"] == "failed"
        assert done.document["error"]["status"] == "config"
        assert done.document["error"]["class"] == "setting"
        assert "missing.json" in done.document["error"]["message"]
        assert f"error: {done.document['error']['message']}\n" == done.err
        typo = penstock(command, "--json", "--confg", "x")
        assert typo.code == 2
        assert "--config" in typo.document["error"]["message"]
    assert list(penstock("sync", "--config", "missing.json", "--json").document) == RESULT


def test_warnings_of_the_configuration_are_in_the_result(penstock):
    penstock.configure({**SMALL, "ehr_patient": "3"})
    done = penstock("sync", "--config", "configuration.json", "--destination", "null", "--json")
    assert done.code == 0
    assert any("ehr_patients" in warning for warning in done.document["warnings"])
    assert any("--destination null" in warning for warning in done.document["warnings"])
    assert done.document["warehouse"] is None


# --- places --------------------------------------------------------------------------------------


def test_destination_null_keeps_nothing(small, work):
    for _ in range(2):
        done = small("sync", "--config", "configuration.json", "--destination", "null")
        assert done.code == 0
        assert "keeps neither rows nor state" in done.out
        assert "all rows" in done.out
    assert not (work / "files").exists()


def test_sync_makes_folders_and_takes_names_as_they_are(small, work, warehouse):
    place = 'new folder/it\'s "mine"/w.db'
    done = small(
        "sync",
        "--config",
        "configuration.json",
        "--warehouse",
        place,
        "--state",
        "state/deep/s.json",
        "--schema",
        'my "schema"; DROP',
        "--tables",
        "departmentdim",
    )
    assert done.code == 0, done.err
    assert json.loads((work / "state/deep/s.json").read_text())["source"] == "ehr"
    rows = warehouse(place).execute('SELECT count(*) FROM "my ""schema""; DROP"."DepartmentDim"')
    assert rows.fetchone()[0] > 0


def test_plan_changes_nothing(small, work):
    arguments = ["--config", "configuration.json"]
    assert small("sync", *arguments).code == 0
    before = {path: path.stat().st_mtime_ns for path in (work / "files").iterdir()}
    plan = small("plan", *arguments, "--json")
    assert {table["load"] for table in plan.document["tables"]} == {False}
    again = small("plan", *arguments, "--resync", "PatientDim", "--json")
    assert [t["table"] for t in again.document["tables"] if t["load"]] == ["PatientDim"]
    assert {path: path.stat().st_mtime_ns for path in (work / "files").iterdir()} == before


def test_resync_loads_named_tables_or_all(small):
    def loaded(*more):
        done = small("sync", "--config", "configuration.json", "--json", *more)
        assert done.code == 0, done.err
        plan = json.loads(done.out.splitlines()[0])
        return {table["table"] for table in plan["tables"] if table["load"]}

    assert len(loaded()) == 9
    assert loaded() == set()
    assert loaded("--resync", "PatientDim, *Fact") >= {"PatientDim", "EncounterFact"}
    assert len(loaded("--resync")) == 9


# --- bad input -----------------------------------------------------------------------------------

BAD_CONFIGURATIONS = {
    "missing": None,
    "empty": "",
    "not JSON": "ehr_patients = 20\n",
    "cut off": '{"ehr_patients": "2',
    "a list": '["ehr"]',
    "nested": '{"ehr": {"patients": 20}}',
    "a key twice": '{"ehr_patients": "1", "ehr_patients": "2"}',
    "a placeholder left": '{"source": "postgresql", "host": "<YOUR_HOST>", "database": "d"}',
    "a required key missing": '{"source": "postgresql", "host": "h"}',
    "out of bounds": '{"ehr_patients": "-1"}',
    "no number": '{"ehr_patients": "many"}',
    "no choice": '{"ehr_patients": "1", "on_bad_row": "ignore"}',
    "a source that is not there": '{"source": "sqlserver", "mssql_server": "h"}',
    "keys of a source that is not there": '{"mssql_server": "h"}',
    "an unknown source": '{"source": "oracle"}',
    "an unset variable": '{"ehr_patients": "${PENSTOCK_TEST_UNSET}"}',
    "a missing file": '{"ehr_patients": "@missing.txt"}',
    "not UTF-8": b'{"ehr_patients": "\xff"}',
    "a table that does not exist": '{"ehr_patients": "1", "tables": "Nowhere"}',
}


def test_bad_configurations_get_a_clear_answer_and_status_2(penstock_debug, golden, work):
    runs = []
    for name, text in BAD_CONFIGURATIONS.items():
        path = work / (name.replace(" ", "_") + ".json")
        if text is not None:
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        arguments = ["sync", "--config", path.name]
        done = penstock_debug(*arguments)
        assert done.code == 2, (name, done.err)
        assert done.out == "" or name == "a table that does not exist"
        runs.append((arguments, done))
    golden("bad-configurations", *runs)
    assert not (work / "files/state.json").exists()


def test_odd_configurations_are_taken_with_a_warning(penstock_debug, golden, work):
    texts = {
        "comments": '// the hospital\n{"EHR_Patients": 20, /* twenty */ "debug": false}\n',
        "unknown_keys": '{"ehr_patients": "20", "ehr_patience": "1", "zzz": "1"}',
    }
    runs = []
    for name, text in texts.items():
        (work / f"{name}.json").write_text(text)
        arguments = ["check", "--config", f"{name}.json"]
        runs.append((arguments, penstock_debug(*arguments)))
        assert runs[-1][1].code == 0
        assert runs[-1][1].err.startswith("warning: ")
    golden("odd-configurations", *runs)


BAD_COMMAND_LINES = [
    ["snyc"], ["serve", "--port", "70000"], ["--port", "a"], ["sync", "--port", "50051"],
    ["form", "--source", "oracle"], ["form", "--josn"],
    ["sync", "--tabels", "a"],
    ["sync", "--follow", "never"], ["sync", "--config"], ["sync", "--json=yes"], ["sync", "extra"],
    ["sync", "--tables", "a,,b"], ["sync", "--warehouse", "a.db", "--destination", "null"],
    ["sync", "--warehouse", "one", "--state", "one"], ["sync", "--schema", "Penstock"],
    ["sync", "--schema", "information_schema"],
    ["plan", "--destination", "null"], ["reset", "--forse"], ["help", "snyc"], ["version", "now"],
]  # fmt: skip


def test_bad_command_lines_get_a_clear_answer_and_status_2(penstock_debug, golden, work):
    runs = [(arguments, penstock_debug(*arguments)) for arguments in BAD_COMMAND_LINES]
    golden("bad-command-lines", *runs)
    assert {done.code for _, done in runs} == {2}
    assert list(work.iterdir()) == []


def test_missing_duckdb_library_says_where_it_looked(small, work):
    without = {"PENSTOCK_DUCKDB": "/nonexistent"}
    done = small("sync", "--config", "configuration.json", env=without)
    assert done.code == 2 and "/nonexistent" in done.err
    for arguments in [["plan"], ["sync", "--destination", "null"]]:
        assert small(*arguments, "--config", "configuration.json", env=without).code == 0


def test_unreachable_source_is_status_3(penstock):
    with socket.socket() as held:  # bound and not listening: refused at once
        held.bind(("127.0.0.1", 0))
        penstock.configure(
            {
                "source": "postgresql",
                "host": "127.0.0.1",
                "port": str(held.getsockname()[1]),
                "database": "d",
                "user": "u",
                "password": "tops3cretword",
                "max_retries": "0",
            }
        )
        for command in ["check", "discover", "plan", "sync"]:
            done = penstock(command, "--config", "configuration.json", "--json")
            assert done.code == 3, (command, done.err)
            assert done.document["status"] == "failed"
            assert "tops3cretword" not in done.out + done.err


@contextlib.contextmanager
def open_session(database):
    """A session of the administrator's in a transaction, for the time of the block."""
    session = subprocess.Popen(
        [BIN / "psql", "-X", "-q", "-A", "-t"],
        env=database.server.environment(database.name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        session.stdin.write("BEGIN; SELECT 'ready';\n")
        session.stdin.flush()
        assert session.stdout.readline() == "ready\n"
        yield
    finally:
        session.communicate("ROLLBACK;\n", timeout=30)


def test_check_names_the_right_that_shows_open_transactions(penstock, database):
    database.psql("CREATE TABLE seen (id int PRIMARY KEY)")
    database.psql("CREATE ROLE plain_reader LOGIN PASSWORD 'another-word'")
    try:
        database.psql("GRANT SELECT ON seen TO plain_reader")
        penstock.configure(database.configuration(user="plain_reader", password="another-word"))
        alone = penstock("check", "--config", "configuration.json")
        with open_session(database):
            done = penstock("check", "--config", "configuration.json")
            document = penstock("check", "--config", "configuration.json", "--json").document
    finally:
        database.psql("DROP OWNED BY plain_reader; DROP ROLE plain_reader")
    assert done.code == 0, done.out + done.err
    assert "cannot be seen" in done.out
    assert "GRANT pg_read_all_stats TO" in done.out and "plain_reader" in done.out
    assert document["horizon"]["known"] is False and "GRANT" in document["horizon"]["reason"]
    assert alone.code == 0 and "GRANT" not in alone.out


# --- interruptions -------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_mid_sync_saves_and_the_next_sync_goes_on(penstock, warehouse, number):
    penstock.configure({"source": "ehr", "ehr_patients": "20000"})
    arguments = ["sync", "--config", "configuration.json", "--json"]
    process = penstock.start(*arguments)
    assert json.loads(process.stdout.readline())["event"] == "plan"
    time.sleep(0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert json.loads(out.splitlines()[-1])["status"] == "interrupted"
    done = penstock(*arguments)
    assert done.code == 0, done.err
    wanted = penstock(*arguments, "--destination", "null").document
    connection = warehouse()
    for table in wanted["tables"]:
        counted = connection.execute(f'SELECT count(*) FROM tester."{table["table"]}"').fetchone()
        assert counted[0] == table["upserts"] - table["skipped"], table["table"]


def test_interrupted_people_are_told_how_to_go_on(penstock):
    penstock.configure({"source": "ehr", "ehr_patients": "20000"})
    process = penstock.start("sync", "--config", "configuration.json")
    time.sleep(0.5)
    process.terminate()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: " in out and "the same command " in out
    if "not finished" in out:
        told = ("loaded again from the beginning", "not whole yet", "begins again")
        assert any(words in out for words in told)


@pytest.mark.parametrize("arguments", [["discover"], ["sync", "--json"]])
def test_output_that_nobody_reads_is_an_error(small, work, arguments):
    command = [small.binary, *arguments, "--config", "configuration.json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, cwd=work, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"could not be written to standard output" in done.stderr

    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(command, cwd=work, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.returncode == 1
    assert b"Broken pipe" in done.stderr

    closed = ["sh", "-c", '"$@" >&-', "sh", *map(str, command)]
    done = subprocess.run(closed, cwd=work, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"could not be written to standard output" in done.stderr


def run_on_a_terminal(command, work, environment):
    """Runs it in the foreground of a terminal of its own; what stood on the terminal."""
    main, child = os.openpty()
    process = subprocess.Popen(
        ["setsid", "--ctty", "--wait", *map(str, command)],
        cwd=work,
        stdin=child,
        stdout=subprocess.DEVNULL,
        stderr=child,
        env={**os.environ, **environment},
    )
    os.close(child)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal's end, once nobody holds the other side
        while part := os.read(main, 65536):
            seen += part
    os.close(main)
    assert process.wait(timeout=60) == 0
    return seen.decode()


def test_bar_is_drawn_on_a_foreground_terminal_alone(small, work):
    small.configure({"source": "ehr", "ehr_patients": "3000"}, "larger.json")
    command = [small.binary, "sync", "--config", "larger.json", "--destination", "null"]
    coloured = run_on_a_terminal(command, work, {"TERM": "xterm", "NO_COLOR": ""})
    plain = run_on_a_terminal(command, work, {"TERM": "xterm", "NO_COLOR": "1"})
    assert "\033[32m" in coloured and "\033[32m" not in plain
    for seen in (coloured, plain):
        assert "/9 tables, " in seen
        assert seen.endswith("\r\033[K")
    assert run_on_a_terminal(command, work, {"TERM": "dumb"}) == ""


# --- reset ---------------------------------------------------------------------------------------


def test_reset_removes_warehouse_and_state_and_says_so(small, work, golden):
    arguments = ["sync", "--config", "configuration.json"]
    assert small(*arguments).code == 0
    (work / "files/warehouse.db.wal").write_bytes(b"left over")
    (work / "files/notes.txt").write_text("mine")
    refused = small("reset")
    done = small("reset", "--force")
    nothing = small("reset", "--force")
    golden(
        "reset", (["reset"], refused), (["reset", "--force"], done), (["reset", "--force"], nothing)
    )
    assert [path.name for path in (work / "files").iterdir()] == ["notes.txt"]
    assert small(*arguments).code == 0


def test_reset_asks_on_a_terminal_and_yes_is_the_default(small, work):
    arguments = ["sync", "--config", "configuration.json"]
    for answer, removed in [(b"n\n", False), (b"\n", True)]:
        assert small(*arguments).code == 0
        main, child = os.openpty()
        process = subprocess.Popen(
            [small.binary, "reset"], cwd=work, stdin=child, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        os.close(child)
        os.write(main, answer)
        _, err = process.communicate(timeout=30)
        os.close(main)
        assert process.returncode == 0
        assert b"remove files/state.json, files/warehouse.db? [Y/n]" in err
        assert (work / "files/warehouse.db").exists() is not removed


def test_reset_goes_by_content_where_the_warehouse_is_missing(penstock, work):
    real, mine = work / "real.db", work / "notes.wal"
    killed = (
        "import duckdb, os; connection = duckdb.connect('real.db'); "
        "connection.execute('CREATE TABLE t (n int)'); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", killed], cwd=work, check=True)
    real.unlink()
    mine.write_text("a text of mine, longer than any magic\n")
    (work / "notes.tmp").write_text("mine too\n")
    assert (work / "real.db.wal").exists()
    assert penstock("reset", "--warehouse", "real.db", "--force").code == 0
    done = penstock("reset", "--warehouse", "notes", "--force")
    assert done.code == 0 and "nothing to remove" in done.out
    assert {path.name for path in work.iterdir()} == {"notes.wal", "notes.tmp"}


@pytest.mark.parametrize("option", ["--warehouse", "--state"])
def test_reset_removes_nothing_that_it_does_not_know(small, work, option):
    assert small("sync", "--config", "configuration.json").code == 0
    mine = work / "package.json"
    mine.write_text('{"name": "app", "dependencies": {}}')
    done = small("reset", option, "package.json", "--force")
    assert done.code == 2 and "package.json" in done.err
    assert mine.exists()
    assert {path.name for path in (work / "files").iterdir()} == {"warehouse.db", "state.json"}


def test_no_core_file_can_be_written(penstock):
    penstock.configure({"source": "ehr", "ehr_patients": "1000000"})
    arguments = ["sync", "--config", "configuration.json", "--destination", "null", "--json"]
    for allowed, limit in [(None, 0), ("1", resource.getrlimit(resource.RLIMIT_CORE)[0])]:
        process = penstock.start(*arguments, env={"PENSTOCK_CORE": allowed})
        process.stdout.readline()
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE)[0] == limit
        process.terminate()
        process.communicate(timeout=60)
        assert process.returncode == 130
