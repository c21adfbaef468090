"""The metadata tables: what a sync tells of itself at the destination, and how rows are counted."""

import json
import signal
import threading

import grpc
import pytest
from clients.connector import Replica, sdk
from flow import Flow, session, table_result, warnings_about
from postgres import free_port
from postgresql.proxy import Fault, Proxy, Script

ALL = {
    "VALIDATION", "SYNC_VALIDATION", "RESOURCE_USAGE", "PROCESSING_STATISTICS",
    "ERROR_STATISTICS", "PARAMETER_HISTORY",
}  # fmt: skip
COUNT = "^SAVEPOINT penstock_count"
CREATE = """
CREATE TABLE people (id int PRIMARY KEY, name text, updated_at timestamptz NOT NULL,
  gone boolean);
INSERT INTO people SELECT i, 'name ' || i, '2024-01-01'::timestamptz + i * interval '1 s',
  i % 10 = 0
  FROM generate_series(1, 4999) i;
CREATE TABLE visits (note text);
INSERT INTO visits SELECT 'note ' || i FROM generate_series(1, 100) i;
"""


@pytest.fixture
def flow(penstock, database):
    database.psql(CREATE)
    return Flow(
        penstock,
        database,
        metadata_tables="true",
        soft_delete_column="people=gone",
        lookback_seconds="0",
    )


@pytest.fixture
def through(flow, database):
    """through(fault, …): syncs meet these faults."""
    proxies = []

    def make(*faults, **settings):
        proxies.append(Proxy(database.server, Script(faults=list(faults))))
        more = {"port": str(proxies[-1].port), "retry_sleep_seconds": "0", **settings}
        whole = {**database.configuration(), **flow.settings, **more}
        flow.configure = lambda: flow.penstock.configure(whole)
        return flow

    yield make
    for proxy in proxies:
        proxy.close()


def test_validation_tells_of_each_sync_what_was_read_and_counted(flow, database):
    document = flow.sync()
    assert table_result(document, "people")["validation"] == {
        "count": 4500,
        "count_method": "exact",
    }
    columns = "tablename, count, count_method, records_processed, deletes, skipped, category, mode"
    first = flow.query(f'SELECT {columns} FROM tester."VALIDATION" ORDER BY ALL')
    assert first == [
        ("people", 4500, "exact", 4500, 0, 0, "small", "incremental"),
        ("visits", 100, "exact", 100, 0, 0, "small", "full"),
    ]
    database.psql(
        "UPDATE people SET gone = true, updated_at = now() WHERE id IN (1, 2);"
        "INSERT INTO people VALUES (6000, 'new', now(), NULL)"
    )
    flow.sync()
    assert flow.query(
        'SELECT count, records_processed, deletes FROM tester."VALIDATION"'
        " WHERE tablename = 'people' ORDER BY sync_timestamp DESC LIMIT 1"
    ) == [(4499, 2, 2)]  # the row at the edge is read again
    assert flow.query(
        'SELECT total_tables, total_records, tables_processed FROM tester."SYNC_VALIDATION"'
        " ORDER BY sync_timestamp"
    ) == [(2, 4600, "visits,people"), (2, 102, "visits,people")]
    syncs = 'SELECT count(DISTINCT sync_timestamp) FROM tester."{}"'
    assert [flow.value(syncs.format(name)) for name in ("VALIDATION", "RESOURCE_USAGE")] == [2, 2]
    flow.assert_equal("visits")


@pytest.mark.parametrize(
    ("column", "marked", "other"),
    [
        ("boolean", "true", "false"),
        ("smallint", "1", "0"),
        ("numeric(4,1)", "1.0", "1.5"),
        ("text", "'y'", "'yes'"),
        ("varchar(4)", "'TRUE'", "''"),
        ("char(3)", "'1  '", "'N'"),  # blanks at the end are no part of it
        ("bigint", "1", "-1"),
    ],
)
def test_count_leaves_out_what_is_not_sent(flow, database, column, marked, other):
    database.psql(
        f"CREATE TABLE t (k int PRIMARY KEY, updated_at timestamptz, gone {column});"
        f"INSERT INTO t SELECT i, now(), CASE i % 3 WHEN 0 THEN {marked} WHEN 1 THEN {other} END"
        " FROM generate_series(1, 30) i"
    )
    document = flow.sync("--tables", "t", soft_delete_column="gone")
    result = table_result(document, "t")
    sent = flow.value("SELECT count(*) FROM tester.t WHERE NOT _fivetran_deleted")
    assert result["validation"] == {"count": sent, "count_method": "exact"}
    assert sent == result["upserts"] == 20
    assert not warnings_about(document, "the source counts")


def test_whatever_can_be_read_is_counted(flow, database):
    database.psql(
        "CREATE TABLE parts (k int PRIMARY KEY) PARTITION BY RANGE (k);"
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (100);"
        "INSERT INTO parts SELECT i FROM generate_series(1, 50) i;"
        "CREATE TABLE parent (v int); CREATE TABLE child (w int) INHERITS (parent);"
        "INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (3, 4);"
        "CREATE VIEW seen AS SELECT * FROM visits LIMIT 7;"
        "CREATE MATERIALIZED VIEW kept AS SELECT * FROM visits LIMIT 8;"
        'CREATE TABLE "odd ""name" (k int PRIMARY KEY); INSERT INTO "odd ""name" VALUES (1);'
    )
    document = flow.sync(include_views="true", exclude_tables="people")
    results = {table["table"]: table for table in document["tables"]}
    assert {"parts", "parent", "child", "seen", "kept", 'odd "name', "visits"} == set(results)
    for name, result in results.items():
        expected = {"count": result["upserts"], "count_method": "exact"}
        assert result["validation"] == expected, name
    assert not warnings_about(document, "counted") + warnings_about(document, "source counts")


def test_count_sees_the_point_in_time_of_the_read(through, database):
    """Rows that are committed between the read and the count do not count."""
    fault = Fault(COUNT)

    def insert():
        database.psql("INSERT INTO visits VALUES ('late')")
        return False  # nothing is wrong

    fault.once = insert
    flow = through(fault, threads="1", exclude_tables="people")
    document = flow.sync()
    assert database.psql("SELECT count(*) FROM visits").strip() == "101"
    assert table_result(document, "visits")["validation"]["count"] == 100
    assert not warnings_about(document, "the source counts")


def test_count_waits_for_a_lock_as_long_as_lock_timeout(through, database):
    database.psql("ANALYZE")
    fault = Fault(COUNT)
    with session(database) as holder:

        def lock():
            holder("BEGIN; LOCK TABLE visits IN ACCESS EXCLUSIVE MODE")
            return False

        fault.once = lock
        document = through(fault, threads="1", exclude_tables="people", lock_timeout="1").sync()
    counted = {"count": 100, "count_method": "statistics"}
    assert table_result(document, "visits")["validation"] == counted
    assert warnings_about(document, "visits: its rows could not be counted: ", "55P03")


def test_count_that_fails_is_a_warning_and_no_failure(through):
    code, text = "57014", "canceling statement due to statement timeout"
    flow = through(Fault(COUNT, code, text), threads="1")
    document = flow.sync()
    counts = [table["validation"]["count_method"] for table in document["tables"]]
    assert sorted(counts) == ["exact", "statistics"] or sorted(counts) == ["exact", "none"]
    assert len(warnings_about(document, "its rows could not be counted: ", text)) == 1
    columns = "class, code, occurrences, recovered"
    assert flow.query(f'SELECT {columns} FROM tester."ERROR_STATISTICS"') == [
        ("timeout", code, 1, 1)
    ]


def test_count_that_is_interrupted_ends_at_once(through):
    fault = Fault(COUNT, pause=threading.Event())
    flow = through(fault, threads="1")
    process = flow.penstock.start("sync", "--config", flow.configure(), "--json")
    assert fault.paused.wait(60)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    document = json.loads(out.splitlines()[-1])
    assert document["status"] == "interrupted"
    fault.pause.set()
    assert flow.value('SELECT count(*) FROM tester."VALIDATION"') == 1


def test_errors_are_told_by_class_and_code(through):
    deadlock = Fault('^COPY.*"people"', "40P01", "deadlock detected", after=500, times=2)
    flow = through(deadlock, threads="1")
    flow.sync()
    columns = "tablename, class, code, occurrences, recovered"
    assert flow.query(f'SELECT {columns} FROM tester."ERROR_STATISTICS"') == [
        ("people", "deadlock", "40P01", 2, 2)
    ]
    assert flow.query(
        'SELECT tablename, rows, retries FROM tester."PROCESSING_STATISTICS" ORDER BY ALL'
    ) == [("people", 4500, 2), ("visits", 100, 0)]


def test_errors_of_a_sync_that_failed_are_told(through):
    refused = Fault('^COPY.*"people"', "57014", "canceling statement due to statement timeout",
                    times=100)  # fmt: skip
    flow = through(refused, threads="1", max_retries="1")
    flow.sync(code=3)
    columns = "tablename, class, code, occurrences, recovered"
    assert flow.query(f'SELECT {columns} FROM tester."ERROR_STATISTICS"') == [
        ("people", "timeout", "57014", 2, 0)
    ]
    assert flow.query('SELECT tablename FROM tester."VALIDATION"') == [("visits",)]
    assert flow.value('SELECT tables_processed FROM tester."SYNC_VALIDATION"') == "visits"


@pytest.mark.parametrize("synced", [True, False])
def test_source_that_cannot_be_reached_is_told(flow, synced):
    if synced:
        flow.sync()
    nowhere = {"port": str(free_port()), "max_retries": "1"}
    document = flow.sync(code=3, **nowhere)
    assert "Connection refused" in document["error"]["message"]
    columns = "tablename, class, code, occurrences, recovered"
    assert flow.query(f'SELECT {columns} FROM tester."ERROR_STATISTICS"') == [
        ("", "network", "", 2, 0)
    ]
    totals = flow.query('SELECT total_tables FROM tester."SYNC_VALIDATION" ORDER BY sync_timestamp')
    assert totals == ([(2,), (0,)] if synced else [(0,)])
    flow.sync()
    flow.assert_equal("visits")


def test_source_that_was_never_reached_binds_no_warehouse(flow):
    """Another source, another schema: what was mended is the configuration."""
    nowhere = {"port": str(free_port()), "max_retries": "0", "source": "yugabytedb"}
    flow.sync(code=3, **nowhere)
    flow.sync("--schema", "other", code=3, **nowhere)
    flow.sync()
    flow.assert_equal("visits")


def test_source_that_cannot_be_reached_is_told_on_the_platform(serve, flow, database):
    nowhere = {"port": str(free_port()), "max_retries": "0"}
    configuration = {**database.configuration(**flow.settings), **nowhere}
    replica = Replica()
    with pytest.raises(grpc.RpcError) as failure:
        replica.take(serve().client.update(configuration))
    assert failure.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "Connection refused" in failure.value.details()
    assert [key[1:] for key in replica.rows("ERROR_STATISTICS")] == [("", "network", "")]
    assert replica.message_sizes[-1][0] == "checkpoint"
    # The state that was checkpointed is one to go on from.
    replica.take(serve().client.update(database.configuration(**flow.settings), replica.states[-1]))
    assert len(replica.rows("visits")) == 100


def test_plan_and_discover_name_them(flow, penstock):
    path = flow.configure()
    assert (
        "Metadata tables: VALIDATION, SYNC_VALIDATION, " in penstock("plan", "--config", path).out
    )
    planned = penstock("plan", "--config", path, "--json").document
    assert set(planned["metadata_tables"]) == ALL
    assert "a sync adds: VALIDATION, " in penstock("discover", "--config", path).out
    found = penstock("discover", "--config", path, "--json").document["metadata_tables"]
    assert {table["table"] for table in found} == ALL
    assert found[0]["key"] == ["sync_timestamp", "tablename"]
    off = flow.configure(metadata_tables="false")
    assert "metadata_tables" not in penstock("plan", "--config", off, "--json").document
    assert "metadata_tables" not in penstock("discover", "--config", off, "--json").document


def test_summary_shows_what_the_source_counts(flow, penstock):
    out = penstock("sync", "--config", flow.configure()).out
    assert "at the source" in out and "4,500" in out
    none = flow.configure(metadata_tables="false")
    assert "at the source" not in penstock("sync", "--config", none).out
    asked = flow.configure(metadata_tables="false", validation_count="exact")
    assert "at the source" in penstock("sync", "--config", asked).out


def test_sync_to_nowhere_counts_too(flow):
    document = flow.sync("--destination", "null")
    assert table_result(document, "visits")["validation"]["count"] == 100


def test_platform_is_told_of_them_and_may_leave_them_out(serve, flow, database):
    configuration = database.configuration(**flow.settings)
    client = serve().client
    answer = client.schema(configuration)
    declared = {table.name: table for table in answer.without_schema.tables}
    assert set(declared) == {"people", "visits"} | ALL
    keys = [c.name for c in declared["ERROR_STATISTICS"].columns if c.primary_key]
    assert keys == ["sync_timestamp", "tablename", "class", "code"]
    replica = Replica()
    replica.declare(answer)
    replica.take(client.update(configuration))
    told = {key[1]: row["count"] for key, row in replica.rows("VALIDATION").items()}
    assert told == {"people": 4500, "visits": 100}
    assert replica.message_sizes[-1][0] == "checkpoint"
    chosen = [
        sdk().TableSelection(table_name="people", included=True, include_new_columns=True),
        sdk().TableSelection(
            table_name="VALIDATION",
            included=True,
            columns={"count": True, "tablename": False},
            include_new_columns=False,
        ),
    ]
    tables = sdk().TablesWithNoSchema(tables=chosen, include_new_tables=False)
    replica = Replica()
    replica.take(client.update(configuration, selection=sdk().Selection(without_schema=tables)))
    assert {name for _, name in replica.tables} == {"people", "VALIDATION"}
    assert {frozenset(row) for row in replica.rows("VALIDATION").values()} == {
        frozenset({"sync_timestamp", "tablename", "count"})
    }


def counted(flow, schema="tester"):
    """The rows of each table, and in how many syncs they were written."""
    query = 'SELECT count(*), count(DISTINCT sync_timestamp) FROM "{}"."{}"'
    return {name: flow.query(query.format(schema, name))[0] for name in ALL}


@pytest.mark.parametrize("names", ["table", "schema"])
def test_tester_finds_no_breach(serve, through, penstock, names):
    """Rows in each of them, also with an error that has no code."""
    cut = Fault('^COPY.*"people"', cut=True, after=500, times=2)
    flow = through(cut, threads="1", batch_bytes="1073741824", destination_names=names)
    server = serve("--max-syncs", 1)
    command = ["tester", "--port", server.port, "--config", flow.configure(), "--strict", "--json"]
    for _ in range(2):
        done = penstock(*command)
        assert done.code == 0, done.err
        assert done.document["breaches"] == []
    schema = "tester" if names == "table" else "tester_penstock"
    assert set(flow.tables(schema)) - {"people", "visits"} == ALL
    rows = counted(flow, schema)
    assert rows["VALIDATION"] == (4, 2) and rows["SYNC_VALIDATION"] == (2, 2)
    assert rows["RESOURCE_USAGE"][1] == 2 and rows["PROCESSING_STATISTICS"][1] == 2
    assert rows["ERROR_STATISTICS"] == (1, 1)
    # A batch takes only so much of the memory there is.
    assert rows["PARAMETER_HISTORY"][1] in (0, 2)
    columns = "tablename, class, code, occurrences, recovered"
    label = "people" if names == "table" else "public.people"
    errors = flow.query(f'SELECT {columns} FROM "{schema}"."ERROR_STATISTICS"')
    assert errors == [(label, "network", "", 2, 2)]


def test_parameter_that_the_memory_bounds_is_told(flow):
    """What a batch may take is a small part of the memory there is, whatever is configured."""
    document = flow.sync(batch_bytes="1073741824")
    told = flow.query(
        'SELECT tablename, parameter, old_value, new_value, cause FROM tester."PARAMETER_HISTORY"'
    )
    assert told == [
        ("", change["parameter"], change["old_value"], change["new_value"], change["cause"])
        for change in document["parameter_changes"]
    ]


def test_rows_that_cannot_be_carried_are_counted_apart(flow, database):
    database.psql(
        "CREATE TABLE days (k int PRIMARY KEY, d date);"
        "INSERT INTO days SELECT i, CASE WHEN i < 3 THEN 'infinity' ELSE now() END"
        " FROM generate_series(1, 10) i"
    )
    document = flow.sync("--tables", "days", code=4)
    assert flow.query(
        'SELECT count, records_processed, skipped FROM tester."VALIDATION"'
    ) == [(10, 8, 2)]  # fmt: skip
    assert not warnings_about(document, "the source counts")


def test_source_that_cannot_count_gives_its_statistics(penstock):
    path = penstock.configure({"source": "example", "metadata_tables": "true"})
    document = penstock("sync", "--config", path, "--json").document
    assert {table["validation"]["count_method"] for table in document["tables"]} == {"statistics"}
