"""Errors in the middle of a read, by SQLSTATE: what a sync does about each, and what it says.

A proxy answers in the server's place; as YugabyteDB it gives another version besides.
"""

from collections import Counter

import pytest
from flow import Flow, session, table_result, wait_for_blocked_reader, warnings_about
from postgresql.proxy import Fault, Proxy, Script

YUGABYTE = "PostgreSQL 15.12-YB-2025.2.2.2-b0 on x86_64-pc-linux-gnu"
OLD_YUGABYTE = "PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64-pc-linux-gnu"
CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v text);
INSERT INTO t SELECT i, 'value ' || i FROM generate_series(1, 2000) i;
CREATE TABLE other (k int PRIMARY KEY); INSERT INTO other VALUES (1), (2);
"""


class Through:
    """Syncs through a proxy."""

    def __init__(self, penstock, database, script):
        self.proxy = Proxy(database.server, script)
        self.flow = Flow(
            penstock, database, port=str(self.proxy.port), threads="1", lookback_seconds="0"
        )
        self.flow.configure = self.configure
        self.penstock = penstock
        self.database = database

    def configure(self, **settings):
        own = {**self.flow.settings, "retry_sleep_seconds": "0", **settings}
        return self.penstock.configure({**self.database.configuration(), **own})

    def sync(self, code=0, **settings):
        """The result document and what was logged."""
        path = self.configure(**settings)
        done = self.penstock("sync", "--config", path, "--json")
        assert done.code == code, done.err
        assert self.database.server.password not in done.err + done.out
        return done.document, done.err


@pytest.fixture
def through(penstock, database):
    database.psql(CREATE)
    opened = []

    def make(script):
        opened.append(Through(penstock, database, script))
        return opened[-1]

    yield make
    for each in opened:
        each.proxy.close()


PASSING = [
    ("40001", "could not serialize access due to concurrent update", "deadlock"),
    ("40P01", "deadlock detected", "deadlock"),
    ("40001", "canceling statement due to conflict with recovery", "failover"),
    ("55P03", "canceling statement due to lock timeout", "lock_timeout"),
    ("57014", "canceling statement due to statement timeout", "timeout"),
    ("57014", "canceling statement due to user request", "timeout"),
    ("25P03", "terminating connection due to idle-in-transaction timeout", "timeout"),
    ("25P04", "terminating connection due to transaction timeout", "timeout"),
    ("57P05", "terminating connection due to idle-session timeout", "timeout"),
    ("57P01", "terminating connection due to administrator command", "failover"),
    ("57P02", "terminating connection because of crash of another server process", "failover"),
    ("57P03", "the database system is shutting down", "failover"),
    ("53300", "sorry, too many clients already", "throttle"),
    ("53200", "out of memory", "throttle"),
    ("53100", 'could not extend file "base/1/2": No space left on device', "disk"),
    ("58030", "could not read block 1 in file", "disk"),
    ("08006", "connection failure", "network"),
    ("08P01", "query_wait_timeout", "throttle"),
    ("25006", "cannot execute COPY during recovery", "failover"),
]
FATAL = ("25P03", "25P04", "57P05", "57P01", "57P02", "57P03", "08006")
PASSING_YUGABYTE = [
    ("40001", "Restart read required at: { read: { physical: 1 } }", "deadlock"),
    ("XX000", "Query error: Restart read required at: { read: { physical: 1 } }", "deadlock"),
    ("40001", "All transparent retries exhausted. could not serialize access", "deadlock"),
    ("YB003", "conflicts with higher priority transaction", "deadlock"),
    ("XX000", "Timed out: Read RPC (request call id 5) to 127.0.0.1:9100 timed out", "timeout"),
    ("XX000", "Illegal state: Tablet not RUNNING: NOT_STARTED", "failover"),
    ("XX000", "Not found: Tablet 1 not found: TABLET_NOT_FOUND", "failover"),
    ("XX000", "Illegal state: Replica is not the leader: Not the leader", "failover"),
    ("XX000", "Network error: recvmsg error: Connection refused", "network"),
    ("XX000", "Service unavailable: SST files limit exceeded", "throttle"),
]


def assert_all_pass(through, troubles, version):
    """One read meets all of them, one after the other."""
    faults = [
        Fault('^COPY.*"t"', code, message, after=500, ends=code in FATAL)
        for code, message, _ in troubles
    ]
    each = through(Script(version=version, faults=faults))
    document, log = each.sync(max_retries="100")
    assert document["totals"]["retries"] == Counter(expected for _, _, expected in troubles)
    for fault in faults:
        assert fault.happened == 1
        assert f"{fault.message} (SQLSTATE {fault.code})" in log
    assert log.count("trying again") == len(faults)
    assert table_result(document, "t")["upserts"] == 2000
    each.flow.assert_equal("t", "other")


def test_passing_trouble_is_tried_again(through):
    assert_all_pass(through, PASSING, None)


@pytest.mark.parametrize("version", [YUGABYTE, OLD_YUGABYTE], ids=["15", "11"])
def test_passing_trouble_of_a_cluster_is_tried_again(through, version):
    assert_all_pass(through, PASSING_YUGABYTE, version)


@pytest.mark.parametrize("after", [0, 1, 1999, 2001], ids=["answer", "row", "late", "end"])
@pytest.mark.parametrize("end", ["error", "fatal", "cut"])
def test_trouble_at_any_moment_of_the_read(through, after, end):
    fault = Fault(
        '^COPY.*"t"',
        "57P01",
        "terminating connection",
        after,
        ends=end == "fatal",
        cut=end == "cut",
    )
    each = through(Script(faults=[fault]))
    document, log = each.sync()
    assert document["totals"]["retries"] == {"network" if end == "cut" else "failover": 1}, log
    each.flow.assert_equal("t", "other")


@pytest.mark.parametrize(
    ("code", "message", "version"),
    [
        ("22023", 'invalid snapshot identifier: "1"', None),
        ("72000", "Snapshot too old: Snapshot too old. Read point: { physical: 1 }", YUGABYTE),
        ("XX000", "Snapshot too old. Read point: { physical: 1 }", OLD_YUGABYTE),
    ],
)
def test_point_in_time_that_is_gone_is_taken_anew(through, code, message, version):
    fault = Fault('^COPY.*"t"', code, message, after=500)
    each = through(Script(version=version, faults=[fault]))
    each.sync()
    assert fault.happened == 1
    each.flow.assert_equal("t", "other")


@pytest.mark.parametrize(
    ("code", "message", "version"),
    [
        ("42P01", 'relation "t" does not exist', None),
        ("42703", 'column "v" does not exist', None),
        ("40001", "schema version mismatch for table t: expected 3, got 2", YUGABYTE),
        ("XX000", "Catalog Version Mismatch: A DDL occurred while processing", OLD_YUGABYTE),
        ("XX000", "The catalog snapshot used for this transaction has been invalidated", YUGABYTE),
    ],
)
def test_table_that_was_altered_is_described_again(through, code, message, version):
    fault = Fault('^COPY.*"t"', code, message, after=500)
    each = through(Script(version=version, faults=[fault]))
    each.sync()
    assert fault.happened == 1
    each.flow.assert_equal("t", "other")


LASTING = [
    ("42501", "permission denied for table t", 3, "GRANT SELECT ON"),
    ("42501", 'query would be affected by row-level security policy for table "t"', 3, "BYPASSRLS"),
    ("28000", "password expired", 3, "Check `user` and `password`"),
    ("3D000", 'database "d" does not exist', 2, "Check `database`"),
    ("57P04", "terminating connection because the database was dropped", 2, "was dropped"),
    ("53400", "temporary file size exceeds temp_file_limit (1000kB)", 2, "temp_file_limit"),
]


@pytest.mark.parametrize(("code", "message", "status", "remedy"), LASTING)
def test_trouble_that_needs_a_person_ends_the_sync_with_its_remedy(
    through, code, message, status, remedy
):
    each = through(Script(faults=[Fault('^COPY.*"t"', code, message, after=500, times=9)]))
    document, _ = each.sync(code=status)
    assert remedy in document["error"]["message"]
    assert document["error"]["sqlstate"] == code


TRANSLATED = [
    ("53200", "Shared Memory erschöpft", "LockAcquireExtended", "max_locks_per_transaction"),
    ("42501", "Anfrage würde von Policy beeinflusst", "check_enable_rls", "BYPASSRLS"),
]


@pytest.mark.parametrize(("code", "message", "function", "remedy"), TRANSLATED)
def test_trouble_is_known_in_whatever_language(through, code, message, function, remedy):
    fault = Fault('^COPY.*"t"', code, message, after=500, times=9, function=function)
    document, _ = through(Script(faults=[fault])).sync(code=2 if code == "53200" else 3)
    assert remedy in document["error"]["message"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("22023", "ungültige Snapshot-Kennung: »1«"),
        ("55000", "konnte den angeforderten Snapshot nicht importieren"),
        ("42704", "Snapshot »1« existiert nicht"),
    ],
)
def test_snapshot_that_is_lost_is_known_in_whatever_language(through, code, message):
    fault = Fault("SET TRANSACTION SNAPSHOT", code, message)
    each = through(Script(faults=[fault]))
    each.database.psql(
        "INSERT INTO t SELECT i, repeat('v', 90) FROM generate_series(2001, 60000) i"
    )
    each.sync(threads="2", partition_rows="500", batch_delay_ms="50")
    assert fault.happened == 1
    each.flow.assert_equal("t", "other")


def test_lock_table_that_is_full_names_its_setting(through):
    """The text is of memory alone; the hint has the setting's name."""
    fault = Fault(
        '^COPY.*"t"', "53200", "out of shared memory",
        hint="You might need to increase max_locks_per_transaction.",
    )  # fmt: skip
    document, _ = through(Script(faults=[fault])).sync(code=2)
    assert "raise max_locks_per_transaction" in document["error"]["message"]


def test_lock_table_of_a_real_server_is_full(penstock, own_postgres):
    """A table with more partitions than the server can lock at once."""
    own_postgres.stop()
    own_postgres.settings = {
        "max_locks_per_transaction": "10",
        "max_connections": "12",
        "max_prepared_transactions": "0",
    }
    own_postgres.launch()
    parts = [
        f"CREATE TABLE p{i} PARTITION OF p FOR VALUES FROM ({i}) TO ({i + 1});\n"
        for i in range(900)
    ]
    own_postgres.psql(
        "CREATE TABLE p (k int PRIMARY KEY) PARTITION BY RANGE (k);\n" + "".join(parts)
    )
    path = penstock.configure(own_postgres.configuration())
    done = penstock("sync", "--config", path, "--json")
    assert done.code == 2, done.err
    assert "raise max_locks_per_transaction" in done.document["error"]["message"]


def test_sync_after_what_was_wrong_is_mended_brings_everything(through):
    fault = Fault('^COPY.*"t"', "42501", "permission denied for table t", after=500, times=9)
    each = through(Script(faults=[fault]))
    each.sync(code=3)
    each.proxy.script.faults.clear()
    each.sync()
    each.flow.assert_equal("t", "other")


SPOILT = [
    ("22P02", 'invalid input syntax for type integer: "4111 1111"', "A value of the table"),
    ("22021", "invalid byte sequence for encoding", "A value of the table"),
    ("P0001", "the salary of Mr 4111 1111 is wrong", "A function that the table or view calls"),
    ("XX001", "invalid page in block 7 of relation", "damaged data"),
    ("XX002", "index is corrupted", "REINDEX"),
    ("XX000", "invalid memory alloc request size 1080000003", "larger than the server can print"),
    ("54000", "out of memory: Cannot enlarge string buffer", "larger than the server can send"),
]


def test_data_that_cannot_be_read_costs_its_table_alone(through):
    """And no value of a row is shown, where the server's text may quote one."""
    faults, tables = [], {}
    for number, (code, message, remedy) in enumerate(SPOILT):
        faults.append(Fault(f'^COPY.*"s{number}"', code, message, times=9, detail="Key 4111 1111."))
        tables[f"s{number}"] = (code, remedy)
    each = through(Script(faults=faults))
    for name in tables:
        each.database.psql(f"CREATE TABLE {name} AS SELECT 1 AS k")
    document, log = each.sync(code=4)
    for name, (code, remedy) in tables.items():
        assert warnings_about(document, name, code, remedy)
    assert "4111" not in log + str(document)
    each.flow.assert_equal("t", "other")


def test_session_whose_state_is_not_known_is_not_used_again(through):
    """As if an interruption came late and met the statement after the one that it was meant for."""
    renamed = {"ROLLBACK TO SAVEPOINT penstock;": "ROLLBACK TO SAVEPOINT nowhere;"}
    each = through(Script(renamed=renamed))
    tables = [f"s{number}" for number in range(5)]
    each.database.psql("".join(f"CREATE TABLE {name} AS SELECT 1 AS k;" for name in tables))
    document, _ = each.sync()
    assert document["warnings"] == []
    each.flow.assert_equal("t", "other", *tables)


def test_text_of_somebodys_function_is_not_shown_whatever_its_code(penstock, database):
    """And its code is not believed: it ends neither the sync nor the connection."""
    codes = ("42501", "40001", "72000", "57P01", "55P03", "P0001", "XX000")
    sql = CREATE
    for code in codes:
        sql += (
            f"CREATE FUNCTION f{code}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION"
            f" 'Mr 4111 1111' USING ERRCODE = '{code}'; END $$;"
            f"CREATE VIEW v{code} AS SELECT k, public.f{code}() FROM public.t;"
        )
    for number, statement in enumerate(('SELECT * FROM "Mr 4111"', "SELECT 1 'x' Mr_4111 1")):
        sql += (
            f"CREATE FUNCTION g{number}() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
            f" EXECUTE $q$ {statement} $q$; END $$;"
            f"CREATE VIEW w{number} AS SELECT k, public.g{number}() FROM public.t;"
        )
    database.psql(sql)
    flow = Flow(penstock, database, include_views="true", max_retries="2")
    document = flow.sync(code=4)
    for code in codes:
        assert warnings_about(document, f"v{code.lower()}", code, "A function that")
    assert warnings_about(document, "public.w0", "42P01")
    assert warnings_about(document, "public.w1", "42601")
    assert "4111" not in str(document)
    assert document["totals"]["retries"] == {}
    flow.assert_equal("t", "other")


OVERLOAD = "custom overload 4111 1111"


@pytest.mark.parametrize(
    ("table", "code", "function"),
    [("v", "P0001", "exec_stmt_raise"), ("v", "22P02", None), ("t", "XX000", None)],
)
def test_pattern_matches_what_the_server_says_shown_or_not(
    through, database, table, code, function
):
    """Also under a code that is not known."""
    database.psql("CREATE VIEW v AS SELECT * FROM t")
    fault = Fault(f'^COPY.*"{table}"', code, OVERLOAD, after=500, function=function)
    each = through(Script(faults=[fault]))
    document, log = each.sync(include_views="true", timeout_patterns="custom over+load")
    assert fault.happened == 1
    assert document["totals"]["retries"] == {"timeout": 1}
    assert log.count("trying again") == 1
    assert ("4111" in log) == (table == "t")
    assert table_result(document, "v")["upserts"] >= 2000
    assert "4111" not in str(document)
    each.flow.assert_equal("t", "other")


def test_pattern_matches_what_a_function_of_a_view_raises(penstock, database):
    """And not a word of it is shown, once it is given up."""
    database.psql(
        CREATE + "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION '{OVERLOAD}' USING ERRCODE = '55000'; END $$;"
        "CREATE VIEW v AS SELECT k, public.f() FROM public.t;"
    )
    settings = {**database.configuration(), "include_views": "true", "retry_sleep_seconds": "0"}
    path = penstock.configure(
        {**settings, "max_retries": "2", "debug": "true", "deadlock_patterns": "custom over+load"}
    )
    done = penstock("sync", "--config", path, "--json")
    assert done.code == 3, done.err
    assert "given up after 2 retries" in done.document["error"]["message"]
    assert "55000" in done.document["error"]["message"]
    assert done.document["totals"]["retries"] == {"deadlock": 2}
    assert "4111" not in done.err + done.out


@pytest.mark.parametrize(
    ("version", "trouble"),
    [
        (YUGABYTE, ("XX000", "Network error: recvmsg error: Connection refused", "network")),
        (None, ("57P01", "terminating connection due to administrator command", "failover")),
        (None, ("08P01", "server conn crashed?", "failover")),
        (None, ("08P01", "bad packet", "network")),
    ],
)
def test_trouble_of_the_server_itself_is_not_blamed_on_a_partitioned_table(
    through, database, version, trouble
):
    """A lost foreign server leaves the table out; a node of the cluster, or a pooler, does not."""
    database.psql(
        "CREATE TABLE p (k int PRIMARY KEY) PARTITION BY RANGE (k);"
        "CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (100);"
        "INSERT INTO p SELECT generate_series(1, 99)"
    )
    code, message, error_class = trouble
    fault = Fault('^COPY.*"p', code, message, after=5)
    each = through(Script(version=version, faults=[fault]))
    document, _ = each.sync()
    assert fault.happened == 1
    assert document["totals"]["retries"] == {error_class: 1}
    each.flow.assert_equal("p", "t", "other")


def test_trouble_that_stays_is_given_up_and_told(through):
    fault = Fault('^COPY.*"t"', "53300", "sorry, too many clients already", times=99)
    each = through(Script(faults=[fault]))
    document, _ = each.sync(code=3, max_retries="2")
    assert fault.happened == 3
    assert "given up after 2 retries" in document["error"]["message"]
    assert "raise max_connections" in document["error"]["message"]


def test_same_texts_are_a_bug_where_the_server_is_no_cluster(through):
    """XX000 is retryable for YugabyteDB alone; elsewhere it would hide a mistake."""
    each = through(Script(faults=[Fault('^COPY.*"t"', "XX000", "Timed out: passed", times=9)]))
    document, _ = each.sync(code=1)
    assert document["error"]["sqlstate"] == "XX000"


def test_trouble_while_the_catalog_is_read_is_tried_again(through):
    fault = Fault("pg_catalog.pg_class|FROM pg_class", "57P01", "terminating connection", ends=True)
    each = through(Script(faults=[fault]))
    document, log = each.sync()
    assert fault.happened == 1
    assert "trying again" in log
    assert document["totals"]["retries"] == {"failover": 1}
    each.flow.assert_equal("t", "other")


def test_dialect_of_a_cluster_is_shown_and_followed(through, penstock):
    each = through(Script(version=YUGABYTE))
    document, log = each.sync()
    assert "YugabyteDB 2025.2.2.2-b0, which speaks PostgreSQL 15.12" in log
    asked = "\n".join(each.proxy.statements)
    for word in ("ctid", "xmin", "pg_prepared_xacts"):
        assert word not in asked
    checked = penstock("check", "--config", each.configure())
    assert "YugabyteDB 2025.2.2.2-b0" in checked.out
    planned = penstock("plan", "--config", each.configure())
    assert "Source: YugabyteDB 2025.2.2.2-b0" in planned.out
    each.flow.assert_equal("t", "other")


def test_pooler_is_recognised_and_advised_against(through, penstock):
    each = through(Script(process=1000))
    document, log = each.sync()
    assert warnings_about(document, "a pooler is between")
    assert all(
        "default_transaction_read_only" not in sql or "CASE WHEN" in sql
        for sql in each.proxy.statements
    )
    checked = penstock("check", "--config", each.configure())
    assert checked.code == 0
    assert "a pooler is between" in checked.out
    each.flow.assert_equal("t", "other")


def test_real_timeouts_of_statement_and_lock(penstock, database):
    """The options reach the server: it is the one that ends the statement."""
    database.psql(CREATE)
    flow = Flow(penstock, database, threads="1", max_retries="0")
    with session(database) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        locked = flow.sync(code=3, lock_timeout="1")
        assert locked["error"]["sqlstate"] == "55P03"
        assert "see `lock_timeout`" in locked["error"]["message"]
        slow = flow.sync(code=3, lock_timeout="0", statement_timeout="1")
        assert slow["error"]["sqlstate"] == "57014"
        assert "Raise `statement_timeout`" in slow["error"]["message"]
    flow.sync_and_compare("t", "other")


def test_sessions_bear_the_name_that_was_given(penstock, database):
    database.psql(CREATE)
    flow = Flow(penstock, database, application_name="penstock of ours")
    with session(database) as holder:
        holder("BEGIN; LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        process = flow.start()
        wait_for_blocked_reader(database)
        names = database.psql(
            "SELECT DISTINCT application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    process.communicate(timeout=60)
    assert names == "penstock of ours"
