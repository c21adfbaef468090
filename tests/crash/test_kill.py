"""Killed at any instant and started again, a sync ends with exactly the source's rows.

SIGKILL at random moments (the seed is printed; PENSTOCK_KILL_SEED repeats it), then at the named
places where a commit and the writing of state.json can be cut apart. After each kill the warehouse
opens, holds no half of a load, and its state's row fits state.json.
"""

import json
import shutil
import time

import duckdb
import pytest
import rows
from flow import Flow, session
from kills import assert_consistent, kill_after, state_row

TABLES = ["pgbench_accounts", "pgbench_branches", "pgbench_tellers"]
EHR_TABLES = [
    "ClinicalNoteTextFact", "DepartmentDim", "DiagnosisEventFact", "EncounterFact",
    "FlowsheetValueFact", "LabComponentResultFact", "MedicationOrderFact", "PatientDim",
    "ProviderDim",
]  # fmt: skip


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


def visible_rows(flow, table):
    """Rows of a table that a reader of the warehouse sees; None where there is no such table."""
    if not flow.warehouse.exists():
        return None
    try:
        return flow.value(f"SELECT count(*) FROM tester.{table} WHERE NOT _fivetran_deleted")
    except duckdb.CatalogException:
        return None


def kill_while_syncing(flow, chance, scale, kills):
    """Kills at random moments in a first load and in later syncs of a database that lives on."""
    flow.database.run("pgbench", "-i", "-q", "-s", str(scale))
    accounts = scale * 100000
    began = time.monotonic()
    flow.sync("--warehouse", "probe.db", "--state", "probe.json")
    usual = time.monotonic() - began
    killed = 0
    while killed < kills:
        if killed >= kills // 2:
            # From here on there is a complete copy to be kept while the next is loaded.
            if visible_rows(flow, "pgbench_accounts") != accounts:
                flow.sync()
            flow.database.run("pgbench", "-n", "-t", "100")
        if kill_after(flow.start(), chance.uniform(0.01, usual)):
            killed += 1
        else:
            usual *= 0.8  # it came too late
        assert_consistent(flow.penstock.folder)
        # Half a load is never seen: all rows of one moment, or none at all.
        assert visible_rows(flow, "pgbench_accounts") in (None, 0, accounts)
    flow.sync_and_compare(*TABLES)
    flow.assert_equal("pgbench_history", distinct=True)
    assert_consistent(flow.penstock.folder)


def test_pgbench_killed_at_random(flow, chance):
    kill_while_syncing(flow, chance, scale=2, kills=20)


@pytest.mark.nightly
def test_large_pgbench_killed_at_random(flow, chance):
    kill_while_syncing(flow, chance, scale=20, kills=20)


def test_two_million_rows_are_equal(flow):
    flow.database.run("pgbench", "-i", "-q", "-s", "20")
    flow.sync_and_compare(*TABLES)


def test_incremental_table_killed_at_random(flow, chance):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 5) FROM generate_series(1, 60000) i"
    )
    flow.sync_and_compare("t")
    for turn in range(8):
        flow.database.psql(
            f"UPDATE t SET v = v || 'x', updated_at = now() WHERE k % 8 = {turn};"
            f"INSERT INTO t SELECT 100000 * {turn + 1} + i, 'new' FROM generate_series(1, 2000) i"
        )
        kill_after(flow.start(), chance.uniform(0.01, 0.4))
        assert_consistent(flow.penstock.folder)
        assert flow.value("SELECT count(*) - count(DISTINCT k) FROM tester.t") == 0
    flow.sync_and_compare("t")


def ehr_differences(left, right):
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{left}' AS a (READ_ONLY); ATTACH '{right}' AS b (READ_ONLY)")
        connection.execute("SET TimeZone = 'UTC'")
        found = {}
        for table in EHR_TABLES:
            one, other = (
                f"(SELECT * EXCLUDE (_fivetran_synced) FROM {side}.tester.{table})" for side in "ab"
            )
            count = connection.execute(
                f"SELECT count(*) FROM ((FROM {one} EXCEPT ALL FROM {other})"
                f" UNION ALL (FROM {other} EXCEPT ALL FROM {one}))"
            ).fetchone()[0]
            if count:
                found[table] = count
        return found


def test_ehr_killed_at_random_equals_an_undisturbed_twin(penstock, chance):
    """A killed sync lives no day of the hospital twice and leaves none out."""
    flow = Flow(penstock, None, ehr_patients="200")
    arguments = ["--warehouse", "killed.db", "--state", "killed.json"]
    completed = 0
    while completed < 4:
        process = flow.start(*arguments)
        kill_after(process, chance.uniform(0.005, 0.6))
        assert_consistent(penstock.folder, "killed.db", "killed.json")
        completed = syncs_completed(penstock.folder / "killed.db")
        if chance.random() < 0.3:
            flow.sync(*arguments)
            completed = syncs_completed(penstock.folder / "killed.db")
    flow.sync(*arguments)
    completed += 1
    for _ in range(completed):
        flow.sync("--warehouse", "twin.db", "--state", "twin.json")
    assert ehr_differences(penstock.folder / "killed.db", penstock.folder / "twin.db") == {}


def syncs_completed(warehouse):
    if not warehouse.exists():
        return 0
    try:
        document = state_row(warehouse)[2]
    except duckdb.CatalogException:
        return 0
    return document["syncs_completed"] if document else 0


FAULTS = [
    "duckdb.during_write",
    "duckdb.before_commit",
    "duckdb.after_commit",
    "state_file.before_rename",
    "state_file.after_rename",
]


@pytest.fixture
def faulty(penstock_debug, database):
    """A small database, with the build that has fault points."""
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz);"
        "INSERT INTO t SELECT i, 'v' || i, '2024-01-01' FROM generate_series(1, 9000) i;"
        "CREATE TABLE f (k int PRIMARY KEY, v text);"
        "INSERT INTO f SELECT i, 'f' || i FROM generate_series(1, 9000) i"
    )
    return Flow(penstock_debug, database)


def change_source(flow):
    flow.database.psql(
        "UPDATE t SET v = v || '!', updated_at = now() WHERE k % 3 = 0; UPDATE f SET v = v || '?';"
        "DELETE FROM f WHERE k <= 10; INSERT INTO t SELECT max(k) + 1, 'new', now() FROM t"
    )


@pytest.mark.parametrize("action", ["kill", "fail"])
@pytest.mark.parametrize("later", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("fault", FAULTS)
def test_sync_cut_off_at_a_named_place(faulty, fault, later, action):
    if later:
        faulty.sync_and_compare("t", "f")
        change_source(faulty)
    before = assert_consistent(faulty.penstock.folder)
    process = faulty.start(env={"PENSTOCK_FAULT": f"{fault}={action}"})
    _out, err = process.communicate(timeout=60)
    expected = -9 if action == "kill" else 1
    assert process.returncode == expected, f"the fault was not reached: {err[-2000:]}"
    number = assert_consistent(faulty.penstock.folder)
    if fault in ("duckdb.during_write", "duckdb.before_commit"):
        assert number == before
    elif fault == "duckdb.after_commit":
        assert number == before + 1
    faulty.sync_and_compare("t", "f")
    assert_consistent(faulty.penstock.folder)


def test_every_checkpoint_of_a_load_may_be_the_last(faulty):
    """With many checkpoints in one load, each of them is cut off once."""
    settings = {"batch_size": "500", "checkpoint_rows": "3000"}
    for count in range(1, 16):
        env = {"PENSTOCK_FAULT": f"duckdb.after_commit:{count}"}
        process = faulty.start("--resync", env=env, **settings)
        process.communicate(timeout=60)
        assert_consistent(faulty.penstock.folder)
        seen = visible_rows(faulty, "t"), visible_rows(faulty, "f")
        assert all(number in (None, 0, 9000) for number in seen), seen
        if process.returncode == 0:
            break
    else:
        pytest.fail("the sync never came to its end")
    assert count > 3, "there was only one checkpoint"
    faulty.sync_and_compare("t", "f")


class TestWhatAStartFinds:
    """The cases of docs/state-format.md, one by one."""

    @pytest.fixture
    def synced(self, flow):
        flow.database.psql(
            "CREATE TABLE t (k int PRIMARY KEY, updated_at timestamptz);"
            "INSERT INTO t SELECT i, '2024-01-01' FROM generate_series(1, 100) i"
        )
        flow.sync_and_compare("t")
        flow.state = flow.penstock.folder / "files" / "state.json"
        return flow

    @staticmethod
    def refused(flow, *words):
        state = flow.state.read_bytes() if flow.state.exists() else None
        existed = flow.warehouse.exists()
        document = flow.sync(code=2)
        for word in ("penstock reset", *words):
            assert word in document["error"]["message"]
        # Nothing was touched, nothing was made.
        assert flow.warehouse.exists() == existed
        assert (flow.state.read_bytes() if flow.state.exists() else None) == state

    @staticmethod
    def goes_on(flow):
        """An incremental sync, not a new load; the file is the row's copy again."""
        flow.database.psql("INSERT INTO t SELECT max(k) + 1, now() FROM t")
        document = flow.sync_and_compare("t")
        assert document["totals"]["upserts"] < 102
        assert document["totals"]["truncates"] == 0
        assert_same(flow)

    def test_equal(self, synced):
        assert_same(synced)
        synced.database.psql("UPDATE t SET updated_at = '2024-02-01' WHERE k = 1")
        synced.sync("--json", lookback_seconds="0")
        assert_same(synced)

    def test_file_missing(self, synced):
        synced.state.unlink()
        self.check_goes_on(synced)

    def test_file_empty(self, synced):
        synced.state.write_text("{}")
        self.check_goes_on(synced)

    def test_file_older(self, synced):
        older = synced.state.read_bytes()
        synced.database.psql("INSERT INTO t VALUES (500, '2024-03-01')")
        synced.sync()
        synced.state.write_bytes(older)
        self.check_goes_on(synced)

    def check_goes_on(self, flow):
        flow.settings["lookback_seconds"] = "0"
        self.goes_on(flow)

    def test_file_newer(self, synced):
        older = synced.penstock.folder / "older.db"
        shutil.copy(synced.warehouse, older)
        synced.sync()
        shutil.copy(older, synced.warehouse)
        self.refused(synced, "newer")

    def test_file_of_another_warehouse(self, synced):
        synced.sync("--warehouse", "other.db", "--state", "other.json")
        shutil.copy(synced.penstock.folder / "other.json", synced.state)
        self.refused(synced, "another warehouse")

    def test_warehouse_missing(self, synced):
        synced.warehouse.unlink()
        self.refused(synced, "missing")

    def test_warehouse_without_a_state(self, synced):
        synced.warehouse.unlink()
        with duckdb.connect(str(synced.warehouse)) as connection:
            connection.execute("CREATE TABLE mine (k int)")
        self.refused(synced)

    def test_reset_begins_anew(self, synced):
        synced.warehouse.unlink()
        done = synced.penstock("reset", "--force")
        assert done.code == 0, done.err
        document = synced.sync_and_compare("t")
        assert document["totals"]["upserts"] == 100

    def test_damaged_file(self, synced):
        text = synced.state.read_text()
        synced.state.write_text(text.replace("2024", "2023"))
        document = synced.sync(code=2)
        assert "--resync" in document["error"]["message"]
        synced.sync("--resync")
        synced.assert_equal("t")
        assert_same(synced)

    def test_warehouse_beside_an_uncommitted_log(self, synced):
        """Killed with the file open: DuckDB's log is there and is read at the next start."""
        with session(synced.database) as holder:
            holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
            process = synced.start()
            kill_after(process, 1)
            holder("ROLLBACK")
        self.check_goes_on(synced)


def assert_same(flow):
    """state.json and the warehouse's row are one document."""
    document = json.loads((flow.penstock.folder / "files" / "state.json").read_text())
    assert state_row(flow.warehouse)[2] == document


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO t VALUES (3, 'c', now(), 0)",
        "DELETE FROM t WHERE k = 2",
        "TRUNCATE t",
        "UPDATE t SET v = 'B' WHERE k = 2",
        "UPDATE t SET v = '' WHERE k = 1",
        "UPDATE t SET v = NULL WHERE k = 2",
        "UPDATE t SET at = at + interval '1 microsecond' WHERE k = 1",
        "UPDATE t SET n = n + 0.01 WHERE k = 1",
        "ALTER TABLE t ADD w int",
        "ALTER TABLE t ALTER n TYPE numeric(12,4)",
    ],
)
def test_comparison_sees_what_is_not_the_same(flow, change):
    """The check that all of the above rest on can fail."""
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, at timestamptz, n numeric(8,2));"
        "INSERT INTO t VALUES (1, NULL, '2024-01-01', 1), (2, 'b', '2024-01-01', 2)"
    )
    flow.sync_and_compare("t")
    flow.database.psql(change)
    assert rows.difference(flow.database, flow.warehouse, "t") != ""
