"""Update streams of PostgreSQL, applied by the contract and compared with the source."""

import json

import pytest
from clients.connector import Replica, sdk, sync
from clients.source_rows import assert_same
from test_sync_types import CREATE as EVERY
from test_sync_types import EXTREMES

MANY = """
CREATE TABLE many (id int PRIMARY KEY, note text, price numeric(12,2), updated_at timestamptz);
INSERT INTO many SELECT i, CASE i % 3 WHEN 0 THEN NULL WHEN 1 THEN '' ELSE md5(i::text) END,
  i / 100.0, '2024-01-01 00:00+00'::timestamptz + i * interval '1 second'
  FROM generate_series(1, {rows}) i;
"""


def fill_every(database):
    database.psql(EVERY)
    for row in EXTREMES:
        database.psql(f"INSERT INTO every ({', '.join(row)}) VALUES ({', '.join(row.values())})")


def operations(replica, table):
    return [kind for name, kind in replica.order if name == (None, table)]


def test_every_type_arrives_as_it_is(serve_debug, database):
    fill_every(database)
    server = serve_debug()
    replica = sync(server.client, database.configuration())
    assert_same(database, replica, "every")
    assert replica.warnings == [] and replica.tasks == []
    row = replica.rows("every")[2,]
    assert (row["t"], row["ba"], row["b"], row["i8"]) == ("", b"", False, 0)
    server.assert_well(sanitized=True)


def test_many_rows_come_in_messages_within_the_bounds(serve, database):
    database.psql(MANY.format(rows=25000))
    replica = sync(serve().client, database.configuration())
    assert_same(database, replica, "many")
    sizes = [size for kind, size in replica.message_sizes if kind == "records"]
    assert replica.counts == {"UPSERT": 25000, "UPDATE": 0, "DELETE": 0, "TRUNCATE": 1}
    assert len(sizes) <= 25000 / 100 * 1.1 and max(sizes) < 2**20


def test_messages_end_by_their_bytes(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, s text);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 1500) FROM generate_series(1, 300) i;"
        "INSERT INTO t SELECT 1000 + i, repeat('x', 3000000) FROM generate_series(1, 3) i;"
        "INSERT INTO t SELECT 2000 + i, 'small' FROM generate_series(1, 50) i;"
    )
    server = serve()
    replica = sync(server.client, database.configuration())
    assert_same(database, replica, "t")
    several = [size for kind, size in replica.message_sizes if kind == "records"]
    alone = [size for kind, size in replica.message_sizes if kind == "record"]
    assert max(several) <= 2**20 + 16
    assert sum(size > 2**20 for size in alone) == 3
    server.wait_for_line("Update done")
    told = [one for one in server.messages() if "goes alone" in one["message"]]
    assert len(told) == 1 and told[0]["level"] == "WARNING"


def test_first_sync_announces_then_truncates_then_sends(serve, database):
    database.psql(
        MANY.format(rows=10)
        + "CREATE TABLE empty (id int PRIMARY KEY); CREATE TABLE keyless (v int, w text);"
        "INSERT INTO keyless VALUES (1, 'a'), (1, NULL), (1, '');"
    )
    client = serve().client
    replica = Replica()  # Knows no table: a record before its schema_change would fail.
    replica.take(client.update(database.configuration()))
    for table in ["many", "keyless"]:
        assert operations(replica, table) == ["TRUNCATE", "UPSERT"]
        assert_same(database, replica, table)
    assert operations(replica, "empty") == ["TRUNCATE"]
    assert replica.message_sizes[-1][0] == "checkpoint"


@pytest.mark.parametrize("state", [None, "", "{}", " { } "])
def test_absent_and_empty_states_are_a_first_sync(serve, database, state):
    database.psql(MANY.format(rows=50))
    replica = sync(serve().client, database.configuration(), state=state)
    assert operations(replica, "many") == ["TRUNCATE", "UPSERT"]
    assert len(replica.rows("many")) == 50


def test_next_sync_sends_what_changed(serve, database):
    database.psql(MANY.format(rows=1000))
    client = serve().client
    configuration = database.configuration(lookback_seconds="0")
    replica = sync(client, configuration)
    database.psql(
        "UPDATE many SET note = 'new', updated_at = now() WHERE id IN (5, 6);"
        "INSERT INTO many VALUES (2000, 'inserted', 1, now())"
    )
    before = dict(replica.counts)
    sync(client, configuration, replica, state=replica.state)
    assert_same(database, replica, "many")
    # The edge's own row may be read once more.
    assert 3 <= replica.counts["UPSERT"] - before["UPSERT"] <= 4
    assert replica.counts["TRUNCATE"] == 1
    size = len(replica.message_sizes)
    sync(client, configuration, replica, state=replica.state)
    later = [kind for kind, _ in replica.message_sizes[size:]]
    assert later[-1] == "checkpoint" and len(later) <= 4
    assert_same(database, replica, "many")


def test_soft_deleted_rows_become_deletes(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, v text, is_deleted boolean, updated_at timestamptz);"
        "INSERT INTO t SELECT i, 'v', false, now() FROM generate_series(1, 20) i"
    )
    client = serve().client
    configuration = database.configuration(soft_delete_column="is_deleted")
    replica = sync(client, configuration)
    assert len(replica.rows("t")) == 20
    database.psql("UPDATE t SET is_deleted = true, updated_at = now() WHERE k <= 7")
    sync(client, configuration, replica, state=replica.state)
    assert replica.counts["DELETE"] >= 7
    assert_same(database, replica, "t", where="NOT is_deleted")


def test_every_checkpoint_is_true_of_what_came_before(serve, database):
    """Whichever checkpoint a sync is stopped after, the next goes on from it and loses nothing."""
    database.psql(
        MANY.format(rows=20000) + "CREATE TABLE other (id bigint PRIMARY KEY, v text);"
        "INSERT INTO other SELECT i, md5(i::text) FROM generate_series(1, 20000) i;"
    )
    client = serve().client
    configuration = database.configuration(checkpoint_rows="2500", threads="2")
    whole = sync(client, configuration)
    assert len(whole.states) > 6
    for stop_after in range(1, len(whole.states), 3):
        replica = Replica()
        replica.declare(client.schema(configuration))
        stream = client.update(configuration)
        while len(replica.states) < stop_after:
            replica.apply(next(stream))
        # What came after the last checkpoint counts as well: the platform has written it.
        for _ in range(3):
            replica.apply(next(stream))
        state = replica.state
        stream.cancel()
        sync(client, configuration, replica, state=state)
        assert_same(database, replica, "many")
        assert_same(database, replica, "other")


def test_rows_changed_between_a_cancel_and_the_next_sync_arrive(serve, database):
    database.psql(MANY.format(rows=30000))
    client = serve().client
    configuration = database.configuration(checkpoint_rows="3000")
    replica = Replica()
    replica.declare(client.schema(configuration))
    stream = client.update(configuration)
    while len(replica.states) < 2:
        replica.apply(next(stream))
    stream.cancel()
    database.psql("UPDATE many SET note = 'later', updated_at = now() WHERE id % 7 = 0")
    sync(client, configuration, replica, state=replica.state)
    sync(client, configuration, replica, state=replica.state)
    assert_same(database, replica, "many")


def test_rows_that_cannot_be_carried_are_warned_about(serve, database):
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, d date);"
        "INSERT INTO t VALUES (1, '2024-01-01'), (2, 'infinity'), (3, NULL), (4, '-infinity')"
    )
    server = serve()
    replica = sync(server.client, database.configuration())
    assert_same(database, replica, "t", where="k IN (1, 3)")
    assert len(replica.warnings) == 1
    assert '"d"' in replica.warnings[0] and "2 rows" in replica.warnings[0]
    server.wait_for_line("Update done")
    assert any(one["level"] == "WARNING" and '"d"' in one["message"] for one in server.messages())


def test_schemas_in_the_records_where_they_are_asked_for(serve, database):
    database.psql(
        MANY.format(rows=30) + "CREATE SCHEMA s; CREATE TABLE s.many (id int PRIMARY KEY, w text);"
        "INSERT INTO s.many VALUES (1, 'x'), (2, NULL);"
    )
    configuration = database.configuration(schema="public,s", destination_names="schema")
    replica = sync(serve().client, configuration)
    assert set(replica.tables) == {("public", "many"), ("s", "many")}
    assert_same(database, replica, "many", named=("public", "many"))
    assert_same(database, replica, "many", schema="s", named=("s", "many"))


def test_new_table_column_and_type_are_announced_before_their_records(serve, database):
    database.psql("CREATE TABLE t (k int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    client = serve().client
    replica = sync(client, database.configuration())
    database.psql(
        "ALTER TABLE t ADD COLUMN w text; ALTER TABLE t ALTER v TYPE bigint;"
        "INSERT INTO t VALUES (2, 5000000000, 'w'); CREATE TABLE later (k int PRIMARY KEY);"
        "INSERT INTO later VALUES (1)"
    )
    replica.take(client.update(database.configuration(), state=replica.state))
    assert replica.tables[None, "t"].type_of("v") == "LONG"
    assert_same(database, replica, "t")
    assert_same(database, replica, "later")


def tables_selected(tables, include_new):
    return sdk().Selection(
        without_schema=sdk().TablesWithNoSchema(tables=tables, include_new_tables=include_new)
    )


def table_selected(name, included=True, columns=None, include_new=True):
    return sdk().TableSelection(
        included=included, table_name=name, columns=columns or {}, include_new_columns=include_new
    )


TWO = """
CREATE TABLE a (k int PRIMARY KEY, v text, w text); INSERT INTO a VALUES (1, 'v', 'w');
CREATE TABLE b (k int PRIMARY KEY, v text); INSERT INTO b VALUES (1, 'v');
"""


@pytest.mark.parametrize(
    ("tables", "include_new", "expected"),
    [
        ([], True, {"a": "kvw", "b": "kv"}),
        ([], False, {}),
        ([table_selected("a")], False, {"a": "kvw"}),
        ([table_selected("a", included=False)], True, {"b": "kv"}),
        ([table_selected("a", included=False)], False, {}),
        ([table_selected("a", columns={"v": False})], False, {"a": "kw"}),
        ([table_selected("a", columns={"v": True}, include_new=False)], False, {"a": "kv"}),
        ([table_selected("a", columns={"v": False, "w": False})], True, {"a": "k", "b": "kv"}),
        ([table_selected("a", columns={"k": False, "v": True})], False, {"a": "kvw"}),
        ([table_selected("a", include_new=False)], False, {"a": "k"}),
        ([table_selected("absent"), table_selected("b")], False, {"b": "kv"}),
    ],
)
def test_selection_of_tables_and_columns(serve, database, tables, include_new, expected):
    database.psql(TWO)
    replica = Replica()
    selection = tables_selected(tables, include_new)
    replica.take(serve().client.update(database.configuration(), selection=selection))
    found = {name: "".join(sorted(table.declared)) for (_, name), table in replica.tables.items()}
    assert found == expected
    for table, columns in expected.items():
        assert_same(database, replica, table, columns=set(columns))


@pytest.mark.parametrize(
    ("schemas", "include_new", "expected"),
    [
        ([], True, {"public.a", "public.b", "s.a"}),
        ([], False, set()),
        ([("s", True, [], True)], False, {"s.a"}),
        ([("s", False, [], True)], True, {"public.a", "public.b"}),
        ([("public", True, [table_selected("a")], False)], False, {"public.a"}),
        ([("public", True, [table_selected("a", included=False)], True)], True,
         {"public.b", "s.a"}),
        ([("public", False, [table_selected("a")], True)], False, set()),
    ],
)  # fmt: skip
def test_selection_of_schemas(serve, database, schemas, include_new, expected):
    database.psql(TWO + "CREATE SCHEMA s; CREATE TABLE s.a (k int PRIMARY KEY);")
    chosen = [
        sdk().SchemaSelection(
            schema_name=name, included=included, tables=tables, include_new_tables=new
        )
        for name, included, tables, new in schemas
    ]
    selection = sdk().Selection(
        with_schema=sdk().TablesWithSchema(schemas=chosen, include_new_schemas=include_new)
    )
    configuration = database.configuration(schema="public,s", destination_names="schema")
    replica = Replica()
    replica.take(serve().client.update(configuration, selection=selection))
    assert {f"{schema}.{name}" for schema, name in replica.tables} == expected


def test_state_is_small_and_without_secrets(serve, database):
    database.psql(MANY.format(rows=100))
    replica = sync(serve().client, database.configuration())
    assert database.server.password not in replica.state
    assert len(replica.state) < 10000 and "many" in json.dumps(json.loads(replica.state))


def test_messages_of_the_example_are_as_full_as_they_may_be(serve):
    """100 records or 100 KiB; alone go the one larger record, the update and the delete."""
    server = serve("--source", "example")
    counts = []
    for response in server.client.update({}):
        kind = response.WhichOneof("operation")
        if kind in ("records", "record"):
            assert kind == "record" or response.ByteSize() <= 102400 + 16
            counts.append(1 if kind == "record" else len(response.records.records))
    assert counts == [84, 24, 32, 1, 9, 100, 100, 50, 1, 1]
