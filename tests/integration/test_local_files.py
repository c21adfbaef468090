"""The files of a local run: state and warehouse that do not fit, are somebody else's, or cannot be
read or written; and what is said, counted and kept when the warehouse fails in mid-run."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import duckdb
import pytest

SMALL = {"source": "ehr", "ehr_patients": "20"}


# --- state and warehouse at a start --------------------------------------------------------------


def test_missing_or_older_state_file_is_written_again(small, work):
    arguments = ["sync", "--config", "configuration.json"]
    state = work / "files/state.json"
    assert small(*arguments).code == 0
    older = state.read_text()
    assert small(*arguments).code == 0
    newer = json.loads(state.read_text())["number"]
    for left in [None, older]:
        state.unlink() if left is None else state.write_text(left)
        assert small(*arguments).code == 0
        assert json.loads(state.read_text())["number"] > newer
        newer = json.loads(state.read_text())["number"]


def test_table_of_the_users_own_is_left_alone(small, work):
    (work / "files").mkdir()
    with duckdb.connect(str(work / "files/warehouse.db")) as connection:
        connection.execute("CREATE SCHEMA tester; CREATE TABLE tester.PatientDim (a int)")
        connection.execute("INSERT INTO tester.PatientDim VALUES (1)")
    done = small("sync", "--config", "configuration.json")
    assert done.code != 0 and "not made by Penstock" in done.err and "--schema" in done.err
    with duckdb.connect(str(work / "files/warehouse.db")) as connection:
        assert connection.execute("SELECT * FROM tester.PatientDim").fetchall() == [(1,)]
    assert small("sync", "--config", "configuration.json", "--schema", "mine").code == 0


def test_state_and_warehouse_that_do_not_belong_together_are_refused(small, work):
    arguments = ["sync", "--config", "configuration.json"]
    state, warehouse = work / "files/state.json", work / "files/warehouse.db"
    assert small(*arguments).code == 0
    before = warehouse.read_bytes()
    assert small(*arguments).code == 0
    after = warehouse.read_bytes()

    warehouse.write_bytes(before)  # the file is newer
    done = small(*arguments)
    assert done.code == 2 and "penstock reset" in done.err and "newer" in done.err

    warehouse.unlink()  # the warehouse is missing
    for command in [arguments, ["plan", *arguments[1:]]]:
        done = small(*command)
        assert done.code == 2 and "penstock reset" in done.err and "missing" in done.err
        assert not warehouse.exists()

    warehouse.write_bytes(after)
    other = ["--warehouse", "other.db", "--state", "other.json"]
    assert small(*arguments, *other).code == 0
    state.write_text((work / "other.json").read_text())  # another id
    done = small(*arguments)
    assert done.code == 2 and "penstock reset" in done.err and "another warehouse" in done.err


def test_damaged_state_is_refused_unless_everything_is_loaded_again(small, work):
    arguments = ["sync", "--config", "configuration.json"]
    state = work / "files/state.json"
    assert small(*arguments).code == 0
    number = json.loads(state.read_text())["number"]
    text = state.read_text().replace('"syncs_completed":1', '"syncs_completed":7')
    state.write_text(text)
    done = small(*arguments)
    assert done.code == 2 and "damaged" in done.err and "--resync" in done.err
    assert small(*arguments, "--resync", "PatientDim").code == 2
    assert state.read_text() == text
    done = small(*arguments, "--resync")
    assert done.code == 0, done.err
    assert json.loads(state.read_text())["number"] > number


def test_damaged_state_in_the_warehouse_is_refused_unless_everything_is_loaded_again(small, work):
    arguments = ["sync", "--config", "configuration.json"]
    state = work / "files/state.json"
    assert small(*arguments).code == 0
    before = json.loads(state.read_text())
    state.unlink()
    with duckdb.connect(str(work / "files/warehouse.db")) as connection:
        columns = [row[0] for row in connection.execute("DESCRIBE penstock.state").fetchall()]
        texts = [name for name in columns if name in ("state", "json", "document")]
        connection.execute(
            f"UPDATE penstock.state SET {texts[0]} = replace({texts[0]}, 'tables', 'tabels')"
        )
    done = small(*arguments)
    assert done.code == 2 and "warehouse.db" in done.err and "damaged" in done.err
    done = small(*arguments, "--resync")
    assert done.code == 0, done.err
    after = json.loads(state.read_text())
    assert after["number"] > before["number"] and after["warehouse"] == before["warehouse"]


FOREIGN_STATES = {
    "another connector's": '{"orders": {"at": "2024-05-01T00:00:00Z"}}',
    "a list": "[1, 2]",
    "a newer form": '{"penstock":99,"number":1}',
    "notes": "call the plumber\n",
    "half a document": '{"penstock":1,"num',
    "deeply nested": "[" * 100000,
    "not UTF-8": b'{"a": "\xff"}',
}


@pytest.mark.parametrize("name", FOREIGN_STATES)
def test_state_that_is_not_ours_is_refused_by_name(penstock_debug, work, name):
    penstock_debug.configure(SMALL)
    state, text = work / "files/state.json", FOREIGN_STATES[name]
    state.parent.mkdir()
    state.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = penstock_debug("sync", "--config", "configuration.json")
    assert done.code == 2, done.err
    assert done.err.startswith("error: ") and "files/state.json" in done.err
    assert done.err.count("\n") == 1
    assert not (work / "files/warehouse.db").exists()


@pytest.mark.parametrize("name", FOREIGN_STATES)
def test_resync_does_with_a_foreign_state_what_the_message_offers(penstock_debug, work, name):
    penstock_debug.configure(SMALL)
    state, text = work / "files/state.json", FOREIGN_STATES[name]
    text = text if isinstance(text, bytes) else text.encode()
    state.parent.mkdir()
    state.write_bytes(text)
    arguments = ["sync", "--config", "configuration.json", "--tables", "DepartmentDim"]
    offered = "--resync" in penstock_debug(*arguments).err
    assert offered is (name in ("notes", "half a document", "deeply nested", "not UTF-8"))
    planned = penstock_debug("plan", *arguments[1:], "--resync")
    done = penstock_debug(*arguments, "--resync")
    assert (planned.code, done.code) == ((0, 0) if offered else (2, 2)), done.err
    kept = work / "files/state.json.damaged" if offered else state
    assert kept.read_bytes() == text
    if offered:
        assert "files/state.json.damaged" in done.err
        state.write_bytes(text)
        assert penstock_debug(*arguments, "--resync").code == 0
        assert (work / "files/state.json.damaged.2").read_bytes() == text
        assert json.loads(state.read_text())["penstock"] == 1


def test_another_schema_is_refused_unless_everything_is_loaded_again(small, warehouse):
    arguments = ["sync", "--config", "configuration.json", "--schema"]
    assert small(*arguments, "one").code == 0
    for command in [
        arguments,
        ["plan", *arguments[1:]],
        [*arguments[:-1], "--resync", "PatientDim", "--schema"],
    ]:
        done = small(*command, "two")
        assert done.code == 2, done.out
        assert "`one`" in done.err and "--schema one" in done.err and "--resync" in done.err
    assert small(*arguments, "ONE").code == 0
    assert small(*arguments, "two", "--resync").code == 0
    assert small(*arguments, "one").code == 2
    assert small(*arguments, "two").code == 0
    patients = warehouse().execute('SELECT count(*) FROM two."PatientDim"').fetchone()
    assert patients[0] >= 20


def test_warehouse_and_state_in_one_file_are_refused(small, work):
    for spelling in ["w.db", "./w.db"]:
        done = small(
            "sync", "--config", "configuration.json", "--warehouse", "w.db", "--state", spelling
        )
        assert done.code == 2 and "one file" in done.err
        assert not (work / "w.db").exists()
    assert small("sync", "--config", "configuration.json", "--warehouse", "w.db").code == 0
    (work / "link.json").symlink_to("w.db")
    for spelling in ["w.db", "./w.db", ".//w.db", str(work / "w.db"), "link.json"]:
        done = small("sync", "--config", "configuration.json", "--warehouse", "w.db", "--state",
                     spelling, "--resync")  # fmt: skip
        assert done.code == 2 and "one file" in done.err
    done = small("sync", "--config", "configuration.json", "--state", "w.db", "--resync")
    assert done.code == 2 and "is a DuckDB file, no state" in done.err
    assert (work / "w.db").read_bytes()[8:12] == b"DUCK"


def test_state_of_another_source_is_refused(small, work):
    assert small("sync", "--config", "configuration.json").code == 0
    small.configure(
        {
            "source": "postgresql",
            "host": "127.0.0.1",
            "database": "d",
            "user": "u",
            "password": "p",
        },
        "other.json",
    )
    done = small("sync", "--config", "other.json")
    assert done.code == 2
    assert "`ehr`" in done.err and "`postgresql`" in done.err and "penstock reset" in done.err


# --- the warehouse's file ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [b"some text\n", b"SQLite format 3\0" + bytes(4096), b"\0" * 4096, b""],
    ids=["text", "SQLite", "zeros", "empty"],
)
def test_warehouse_that_is_not_duckdbs_is_refused_and_left_alone(penstock_debug, work, content):
    penstock_debug.configure(SMALL)
    path = work / "w.db"
    path.write_bytes(content)
    done = penstock_debug("sync", "--config", "configuration.json", "--warehouse", "w.db")
    assert done.code == 2, done.err
    assert "w.db" in done.err and "is not a DuckDB database" in done.err
    assert path.read_bytes() == content
    done = penstock_debug("reset", "--warehouse", "w.db", "--force")
    if content:
        assert done.code == 2 and "is not removed" in done.err
        assert path.read_bytes() == content


def test_warehouse_held_by_another_process_is_refused(penstock_debug, work):
    penstock_debug.configure(SMALL)
    arguments = ["--config", "configuration.json"]
    assert penstock_debug("sync", *arguments).code == 0
    with duckdb.connect(str(work / "files/warehouse.db")):
        for command in [["sync", *arguments], ["reset", "--force"]]:
            done = penstock_debug(*command)
            assert done.code == 2, done.err
            assert "files/warehouse.db" in done.err and str(os.getpid()) in done.err
        assert penstock_debug("plan", *arguments).code == 0
    assert penstock_debug("sync", *arguments).code == 0


def run_as_nobody(penstock, folder, *arguments):
    """A run by a user who may not write what root may. Its folder is open to all."""
    command = [penstock.binary, "sync", "--config", "configuration.json", *arguments]
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, **nobody
    )


@pytest.fixture
def open_folder():
    """A working folder that every user can reach."""
    with tempfile.TemporaryDirectory(prefix="penstock-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "configuration.json").write_text(json.dumps(SMALL))
        yield folder


def test_local_files_that_cannot_be_read_or_written_are_no_refusal_of_the_source(
    penstock, open_folder
):
    files = open_folder / "files"
    if run_as_nobody(penstock, open_folder).returncode != 0:
        pytest.skip("another user can run nothing here")
    for path, mode, back in [
        (files, 0o555, 0o777),  # no log can be made beside the warehouse
        (files / "warehouse.db", 0o444, 0o666),
        (files / "warehouse.db", 0o000, 0o666),
        (files / "state.json", 0o000, 0o666),
    ]:
        path.chmod(mode)
        done = run_as_nobody(penstock, open_folder, "--json")
        path.chmod(back)
        assert done.returncode == 2, (path.name, done.stderr)
        error = json.loads(done.stdout.splitlines()[-1])["error"]
        assert error["status"] == "config" and error["class"] in ("disk", "setting")
        assert "files" in error["message"] and "ermission denied" in error["message"]
    (open_folder / "closed").mkdir(mode=0o555)
    (open_folder / "closed").chmod(0o555)
    for option in ["--warehouse", "--state"]:
        other = [option, "closed/x", "--state" if option == "--warehouse" else "--warehouse", "y"]
        done = run_as_nobody(penstock, open_folder, *other)
        assert done.returncode in (1, 2), done.stderr
        assert "closed" in done.stderr
    assert run_as_nobody(penstock, open_folder).returncode == 0


def test_failed_commit_saves_nothing_and_says_so(penstock_debug, work):
    penstock_debug.configure(SMALL)
    arguments = ["sync", "--config", "configuration.json"]
    # The first commit makes the warehouse's own tables.
    fault = {"PENSTOCK_FAULT": "duckdb.before_commit=fail"}
    done = penstock_debug(*arguments, env=fault)
    assert done.code == 1, done.err
    assert "nothing of this sync is saved" in done.out and "begins again" in done.out
    assert "they lie in" not in done.out and "is saved in" not in done.out
    done = penstock_debug(*arguments, "--json", env=fault)
    assert done.code == 1
    document = done.document
    assert document["status"] == "failed"
    assert (document["error"]["status"], document["error"]["class"]) == ("config", "disk")
    totals = document["totals"]
    assert [totals[name] for name in ["upserts", "bytes", "truncates", "checkpoints"]] == [0] * 4
    assert not (work / "files/state.json").exists()
    assert penstock_debug(*arguments).code == 0


def test_state_copy_that_cannot_be_written_leaves_the_rows_saved(penstock_debug, warehouse):
    penstock_debug.configure(SMALL)
    arguments = ["sync", "--config", "configuration.json", "--json"]
    fault = {"PENSTOCK_FAULT": "state_file.before_rename=fail"}
    done = penstock_debug(*arguments, env=fault)
    assert done.code == 1 and "files/state.json" in done.document["error"]["message"]
    assert done.document["totals"]["checkpoints"] == 1
    assert done.document["totals"]["upserts"] > 0
    connection = warehouse()
    for table in done.document["tables"]:
        counted = connection.execute(f'SELECT count(*) FROM tester."{table["table"]}"').fetchone()
        assert counted[0] == table["upserts"]
    connection.close()
    assert penstock_debug(*arguments).code == 0


@pytest.fixture
def small_disk(work):
    """A file system of 25 MB at `files`, where this user may mount one."""
    (work / "files").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=25m", "tmpfs", work / "files"]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield work / "files"
    subprocess.run(["umount", "--lazy", work / "files"], check=True)


def test_full_disk_is_named(penstock, small_disk):
    # Without the thresholds, which stop a sync before the disk is full.
    penstock.configure(
        {"source": "ehr", "ehr_patients": "20000", "enable_resource_monitoring": "false"}
    )
    for _ in range(2):
        done = penstock("sync", "--config", "configuration.json", "--json")
        assert done.code in (1, 2), done.err
        error = done.document["error"]
        assert (error["status"], error["class"]) == ("config", "disk")
        assert "no room is left on the disk of files/warehouse.db" in error["message"]
        assert done.document["totals"]["checkpoints"] == 0
        assert done.document["totals"]["upserts"] == 0
    penstock.configure(SMALL)
    for path in small_disk.iterdir():
        path.unlink()
    assert penstock("sync", "--config", "configuration.json").code == 0


def test_warehouse_whose_folder_is_a_file_is_named(small, work):
    (work / "files").write_text("in the way")
    done = small("sync", "--config", "configuration.json", "--state", "s.json")
    assert done.code == 2 and "files" in done.err
