"""Incremental syncs by a cursor: what is sent again, what is not, and what must never be missed."""

import datetime

import pytest
from flow import Flow, session, table_result, warnings_about

CREATE = """
CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz DEFAULT now());
INSERT INTO t SELECT i, 'v' || i, timestamptz '2024-01-01' + i * interval '1 minute'
  FROM generate_series(1, 1000) i;
"""


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database, lookback_seconds="0")


def sent(document, table="t"):
    return table_result(document, table)["upserts"]


def test_second_sync_sends_new_and_changed_rows_alone(flow):
    flow.database.psql(CREATE)
    first = flow.sync_and_compare("t")
    assert sent(first) == 1000
    assert table_result(first, "t")["mode"] == "incremental"
    # Only what ties with the largest cursor can be sent again.
    assert sent(flow.sync_and_compare("t")) == 1
    flow.database.psql(
        "UPDATE t SET v = 'changed', updated_at = '2024-03-01' WHERE k % 10 = 0;"
        "INSERT INTO t SELECT i, 'new', '2024-03-02' FROM generate_series(2001, 2050) i"
    )
    assert sent(flow.sync_and_compare("t")) == 1 - 1 + 100 + 50
    assert flow.value("SELECT count(*) FROM tester.t WHERE _fivetran_deleted") == 0


@pytest.mark.parametrize("index", [True, False])
def test_look_back_sends_its_seconds_again_and_no_more(flow, index):
    flow.database.psql(CREATE)
    if index:
        flow.database.psql("CREATE INDEX ON t (updated_at)")
    flow.sync()
    # Ten minutes back from the largest: eleven rows, one a minute.
    assert sent(flow.sync(lookback_seconds="600")) == 11
    # A row that a client stamped a little in the past is found by the look-back.
    flow.database.psql(
        "INSERT INTO t SELECT 5000, 'late', max(updated_at) - interval '599 s' FROM t"
    )
    assert sent(flow.sync_and_compare("t", lookback_seconds="600")) == 12


def test_default_look_back_is_five_minutes(penstock, database):
    flow = Flow(penstock, database)
    database.psql(CREATE)
    flow.sync()
    assert sent(flow.sync()) == 6


def test_row_committed_after_the_sync_with_an_older_stamp_arrives(flow):
    """now() is a transaction's start: it can be older than what the sync has already seen."""
    flow.database.psql(CREATE)
    with session(flow.database) as late:
        late("BEGIN; INSERT INTO t VALUES (5001, 'written before the sync')")
        flow.database.psql("INSERT INTO t VALUES (5002, 'newer than it')")
        flow.sync()
        assert flow.value("SELECT count(*) FROM tester.t") == 1001
        late("COMMIT")
    flow.database.psql("INSERT INTO t VALUES (5003, 'after it')")
    flow.sync_and_compare("t")


def test_row_written_after_the_sync_by_a_transaction_begun_before_arrives(flow):
    flow.database.psql(CREATE)
    with session(flow.database) as late:
        late("BEGIN; SELECT 1")
        flow.database.psql("SELECT pg_sleep(1.5); INSERT INTO t VALUES (5002, 'newer than it')")
        flow.sync()
        flow.sync()
        late("INSERT INTO t VALUES (5001, 'stamped with the start'); COMMIT")
    flow.sync_and_compare("t")


def test_transaction_that_was_open_long_before_it_was_prepared_arrives(flow):
    """The server tells when it was prepared; its rows bear the time when it began."""
    flow.database.psql(CREATE)
    flow.database.psql("UPDATE t SET updated_at = now()")
    flow.sync_and_compare("t")
    with session(flow.database) as late:
        late("BEGIN; INSERT INTO t VALUES (5002, 'late')")
        flow.database.psql("INSERT INTO t VALUES (5003, 'younger')")
        late("SELECT pg_sleep(2); PREPARE TRANSACTION 'long'")
    flow.database.psql("INSERT INTO t VALUES (5004, 'youngest')")
    document = flow.sync()
    assert any("prepared" in warning for warning in document["warnings"])
    flow.sync()
    flow.database.psql("COMMIT PREPARED 'long'")
    flow.sync_and_compare("t")
    flow.sync_and_compare("t")


def test_prepared_transaction_arrives_once_it_is_committed(flow):
    flow.database.psql(CREATE)
    flow.database.psql("BEGIN; INSERT INTO t VALUES (5001, 'prepared'); PREPARE TRANSACTION 'late'")
    flow.database.psql("SELECT pg_sleep(1.5); INSERT INTO t VALUES (5002, 'newer than it')")
    flow.sync()
    flow.database.psql("COMMIT PREPARED 'late'")
    flow.sync_and_compare("t")


@pytest.mark.parametrize("zone", ["America/St_Johns", "Asia/Tokyo", "UTC"])
def test_local_stamps_of_a_late_commit_arrive_in_any_zone(flow, zone):
    """timestamp without time zone, filled by now() in sessions of another zone than ours."""
    flow.database.psql(f"ALTER DATABASE {flow.database.name} SET timezone = '{zone}'")
    # PGTZ would win over the database's setting in these sessions.
    flow.database.psql(
        f"SET timezone = '{zone}'; CREATE TABLE t (k int PRIMARY KEY, v text,"
        " updated_at timestamp DEFAULT now()); INSERT INTO t VALUES (1, 'one'), (2, 'two')"
    )
    with session(flow.database) as late:
        late(f"SET timezone = '{zone}'; BEGIN; INSERT INTO t VALUES (3, 'late')")
        flow.database.psql(
            f"SET timezone = '{zone}'; SELECT pg_sleep(1.5); INSERT INTO t VALUES (4, 'newer')"
        )
        flow.sync()
        late("COMMIT")
    flow.sync_and_compare("t")


def test_rows_that_tie_with_the_largest_cursor_arrive(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at timestamptz);"
        "INSERT INTO t SELECT i, 'v', '2024-01-01' FROM generate_series(1, 12000) i"
    )
    flow.sync_and_compare("t")
    flow.database.psql(
        "INSERT INTO t SELECT i, 'tie', '2024-01-01' FROM generate_series(12001, 12100) i;"
        "UPDATE t SET v = 'changed' WHERE k = 7"
    )
    assert sent(flow.sync_and_compare("t")) == 12100


def test_rows_without_a_cursor_value_are_read_each_time(flow):
    flow.database.psql(CREATE)
    flow.database.psql("UPDATE t SET updated_at = NULL WHERE k <= 20")
    flow.sync_and_compare("t")
    flow.database.psql(
        "UPDATE t SET v = 'changed' WHERE k = 3; INSERT INTO t VALUES (3000, 'x', NULL)"
    )
    assert sent(flow.sync_and_compare("t")) == 21 + 1


def test_cursor_in_the_future_hides_nothing(flow):
    flow.database.psql(CREATE)
    flow.database.psql("UPDATE t SET updated_at = now() + interval '1 year' WHERE k = 1")
    flow.sync_and_compare("t")
    flow.database.psql("UPDATE t SET v = 'today', updated_at = now() WHERE k = 2")
    assert sent(flow.sync_and_compare("t")) == 2
    flow.database.psql("UPDATE t SET v = 'future changed' WHERE k = 1")
    flow.sync_and_compare("t")


def test_date_as_cursor(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, updated_at date);"
        "INSERT INTO t SELECT i, 'v', date '2024-01-01' + i FROM generate_series(1, 100) i"
    )
    flow.sync_and_compare("t")
    flow.database.psql(
        "INSERT INTO t SELECT 200, 'same day', max(updated_at) FROM t;"
        "UPDATE t SET updated_at = current_date, v = 'today' WHERE k = 5"
    )
    assert sent(flow.sync_and_compare("t")) == 3
    flow.database.psql("INSERT INTO t VALUES (300, 'also today', current_date)")
    flow.sync_and_compare("t")


def test_number_as_configured_cursor(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, version bigint);"
        "INSERT INTO t SELECT i, 'v', i FROM generate_series(1, 30000) i"
    )
    first = flow.sync(timestamp_column="version")
    assert table_result(first, "t")["mode"] == "incremental"
    flow.database.psql("UPDATE t SET v = 'changed', version = 30001 WHERE k = 3")
    assert sent(flow.sync_and_compare("t", timestamp_column="version")) == 2


@pytest.mark.parametrize(
    ("type_", "least"),
    [
        ("smallint", -(2**15)),
        ("int", -(2**31)),
        ("bigint", -(2**63)),
        ("numeric(3,0)", -999),
        ("numeric(38,0)", 1 - 10**38),
    ],
)
def test_number_near_the_least_of_its_type_is_read_from_there_on(flow, type_, least):
    flow.database.psql(
        f"CREATE TABLE t (k int PRIMARY KEY, version {type_});"
        f"INSERT INTO t VALUES (1, {least + 808})"
    )
    settings = {"timestamp_column": "version", "lookback_seconds": "300"}
    flow.sync(**settings)
    flow.database.psql(f"INSERT INTO t VALUES (2, {least}), (3, {least + 809})")
    document = flow.sync(**settings)
    assert table_result(document, "t")["mode"] == "incremental"
    assert sent(document) == 3
    flow.assert_equal("t")


@pytest.mark.parametrize(
    ("type_", "types"), [("numeric", ""), ("numeric", "t.version=DECIMAL(30,3)"), ("xid", "")]
)
def test_number_that_comes_as_text_is_no_cursor_and_the_plan_says_why(flow, type_, types):
    flow.database.psql(
        f"CREATE TABLE t (k int PRIMARY KEY, version {type_});"
        "INSERT INTO t VALUES (1, '7'), (2, '99')"
    )
    document = flow.sync(timestamp_column="version", column_types=types)
    assert table_result(document, "t")["mode"] == "full"
    assert warnings_about(document, '"version"', f"{type_} arrives as STRING", "declared precision")


def test_cursor_keeps_its_microseconds(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, '2024-01-01 00:00:00.123456+00'),"
        " (2, '2024-01-01 00:00:00.123457+00')"
    )
    flow.sync_and_compare("t")
    flow.database.psql("INSERT INTO t VALUES (3, '2024-01-01 00:00:00.123457+00')")
    assert sent(flow.sync_and_compare("t")) == 2


def test_soft_delete_column_deletes_and_revives(flow):
    flow.database.psql(CREATE)
    settings = {"soft_delete_column": "gone"}
    flow.database.psql("ALTER TABLE t ADD gone boolean; UPDATE t SET gone = true WHERE k <= 5")
    assert sent(flow.sync(**settings)) == 995
    flow.database.psql("UPDATE t SET gone = true, updated_at = '2024-03-01' WHERE k = 10")
    assert table_result(flow.sync(**settings), "t")["deletes"] == 1
    flow.assert_equal("t", where="gone IS NOT TRUE")
    assert flow.query("SELECT k FROM tester.t WHERE _fivetran_deleted") == [(10,)]
    flow.database.psql("UPDATE t SET gone = false, updated_at = '2024-03-02' WHERE k IN (1, 10)")
    flow.sync(**settings)
    flow.assert_equal("t", where="gone IS NOT TRUE")


def test_configured_cursor_that_appears_later_loads_in_full_once(flow):
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'a')")
    assert table_result(flow.sync(), "t")["mode"] == "full"
    flow.database.psql("ALTER TABLE t ADD updated_at timestamptz; UPDATE t SET v = 'b'")
    assert table_result(flow.sync_and_compare("t"), "t")["mode"] == "incremental"
    flow.database.psql("INSERT INTO t VALUES (2, 'c', '2024-01-01')")
    assert sent(flow.sync_and_compare("t")) == 2


def test_resync_loads_the_named_table_again(flow):
    flow.database.psql(
        CREATE + "CREATE TABLE other AS TABLE t; ALTER TABLE other ADD PRIMARY KEY (k)"
    )
    flow.sync()
    flow.database.psql("DELETE FROM t WHERE k <= 3; DELETE FROM other WHERE k <= 3")
    document = flow.sync("--resync", "t")
    assert sent(document) == 997
    assert sent(document, "other") == 1
    flow.assert_equal("t")
    assert flow.query("SELECT k FROM tester.t WHERE _fivetran_deleted ORDER BY k") == [
        (1,), (2,), (3,),
    ]  # fmt: skip


def test_login_that_sees_no_other_session_is_told_and_syncs(flow):
    flow.database.psql(CREATE)
    flow.database.psql(
        "DROP ROLE IF EXISTS blind; CREATE ROLE blind LOGIN PASSWORD 'x';"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO blind"
    )
    flow.sync_and_compare("t", user="blind", password="x")
    flow.database.psql("UPDATE t SET v = 'changed', updated_at = now() WHERE k = 2")
    flow.sync_and_compare("t", user="blind", password="x")


@pytest.mark.parametrize(
    "begin",
    [
        "SET track_activities = off; BEGIN; UPDATE t SET v = 'late' WHERE k = 3",
        "BEGIN; SET track_activities = off; SET track_activities = on",
        "SET track_activities = off",
    ],
    ids=["written", "switched", "idle"],
)
def test_session_that_hides_when_its_transaction_began_is_told(flow, begin):
    flow.database.psql(CREATE)
    flow.sync()
    with session(flow.database) as writer:
        writer(begin)
        checked = flow.penstock("check", "--config", flow.configure(), "--json").document
        assert not checked["horizon"]["known"]
        assert "track_activities = on" in checked["horizon"]["reason"]
        assert warnings_about(flow.sync(), "lookback_seconds", "track_activities = on")
    assert not warnings_about(flow.sync(), "track_activities")


def test_scan_without_an_index_is_told_with_the_statement_that_makes_one(flow):
    flow.database.psql(
        'CREATE TABLE "T t" (k int PRIMARY KEY, updated_at timestamptz);'
        'INSERT INTO "T t" SELECT i, now() FROM generate_series(1, 20000) i; ANALYZE "T t"'
    )
    plan = flow.penstock("plan", "--config", flow.configure())
    assert 'CREATE INDEX CONCURRENTLY ON "public"."T t" ("updated_at" ASC)' in plan.out
    assert "20000 rows" in table_result(flow.sync(), "T t")["reason"]
    flow.database.psql('CREATE INDEX CONCURRENTLY ON "public"."T t" ("updated_at" ASC)')
    assert "index" not in table_result(flow.sync(), "T t")["reason"]


def test_cursor_that_is_gone_is_told_once_and_the_table_read_whole(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, updated_at timestamptz);INSERT INTO t VALUES (1, now())"
    )
    flow.sync()
    flow.database.psql("ALTER TABLE t DROP updated_at; INSERT INTO t VALUES (2)")
    document = flow.sync()
    assert warnings_about(document, "read whole in each sync", "public.t")
    flow.assert_equal("t")
    assert not warnings_about(flow.sync(), "public.t")


def test_equal_numbers_are_one_key_whatever_their_zeros(flow):
    flow.database.psql(
        "CREATE TABLE t (k numeric, d numeric(6,3), v numeric,"
        " updated_at timestamptz DEFAULT now(), PRIMARY KEY (k, d));"
        "INSERT INTO t VALUES (1.0, 2, 3.00), (100, 0.5, 100), ('NaN', 0, 0)"
    )
    flow.sync()
    flow.database.psql("UPDATE t SET k = 1.000, updated_at = now() WHERE k = 1")
    flow.sync()
    rows = flow.query("SELECT k, d::VARCHAR, v FROM tester.t ORDER BY k")
    assert rows == [("1", "2.000", "3.00"), ("100", "0.500", "100"), ("NaN", "0.000", "0")]


# Types of keys, with two values that the server takes for one key.
LOOSE = {
    "citext": ("citext", "'Ab'", "'aB'"),
    "domain": ("mail", "'Ab'", "'aB'"),
    "collation": ('text COLLATE "loose"', "'Ab'", "'aB'"),
    "interval": ("interval", "'1 mon'", "'30 days'"),
    "jsonb": ("jsonb", "'[1.0]'", "'[1.00]'"),
    "bpchar": ("bpchar", "'a'", "'a '"),
    "numbers": ("numeric[]", "'{1.0}'", "'{1.00}'"),
    "range": ("numrange", "'[1.0,2]'", "'[1.00,2]'"),
}


@pytest.mark.parametrize("kind", LOOSE)
def test_key_that_is_rewritten_as_an_equal_one_is_told_and_a_load_mends_it(flow, kind):
    type_, first, second = LOOSE[kind]
    flow.database.psql(
        "CREATE EXTENSION citext; CREATE DOMAIN mail AS citext;"
        "CREATE COLLATION loose"
        " (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
        f"CREATE TABLE t (k {type_} PRIMARY KEY, v int, updated_at timestamptz);"
        f"INSERT INTO t VALUES ({first}, 1, '2024-01-01')"
    )
    assert warnings_about(flow.sync(), '"public.t"', '"k"', "equal at the source", "--resync")
    flow.assert_equal("t")
    flow.database.psql(
        f"INSERT INTO t VALUES ({second}, 2, '2024-02-01') ON CONFLICT (k) DO UPDATE"
        " SET k = EXCLUDED.k, v = EXCLUDED.v, updated_at = EXCLUDED.updated_at"
    )
    flow.sync()
    assert flow.query("SELECT v FROM tester.t ORDER BY v") == [(1,), (2,)]
    flow.sync("--resync")
    assert flow.query("SELECT v FROM tester.t WHERE NOT _fivetran_deleted") == [(2,)]


def test_key_of_exact_values_is_not_warned_about(flow):
    flow.database.psql(
        "CREATE TABLE t (k text, n numeric, c char(3), a int[], updated_at timestamptz,"
        " loose jsonb, PRIMARY KEY (k, n, c, a)); INSERT INTO t VALUES ('', 1, '', '{}', now())"
    )
    assert not warnings_about(flow.sync(), "equal at the source")


def test_rows_of_the_hour_that_comes_twice_are_found(flow):
    """Summer time is about to end: rows of the hour after it bear times that were seen already."""
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY, updated_at timestamp DEFAULT now())")
    now = datetime.datetime.fromisoformat(flow.database.psql("SELECT now() AT TIME ZONE 'UTC'"))
    end = now + datetime.timedelta(minutes=30)
    start = now - datetime.timedelta(days=100)

    def day(moment):
        return moment.timetuple().tm_yday - 1

    # POSIX: an hour west of UTC, and UTC itself in summer.
    zone = f"AAA1BBB,{day(start)}/0,{day(end)}/{end:%H:%M:%S}"
    flow.database.psql(f"ALTER DATABASE {flow.database.name} SET timezone = '{zone}'")
    flow.database.psql(f"SET timezone = '{zone}'; INSERT INTO t VALUES (1), (2)")
    flow.sync_and_compare("t")
    second = end - datetime.timedelta(minutes=50)
    flow.database.psql(f"INSERT INTO t VALUES (3, '{second:%Y-%m-%d %H:%M:%S}')")
    document = flow.sync_and_compare("t")
    assert table_result(document, "t")["mode"] == "incremental"
