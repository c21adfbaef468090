"""The most that a table and a database can have: columns, none of them, values, tables."""

import hashlib

import pytest
from clients.connector import sync
from clients.source_rows import assert_same
from flow import Flow, table_result, warnings_about
from test_sync_names import HOSTILE, quoted

VALUE_BYTES_MAX = 100 * 2**20
# It lies in what libpq has received, in its row, in a batch, in the queue, and in what is written.
VALUES_AT_ONCE = 5


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


def make_widest(database):
    columns = ", ".join(f"c{i} {('int', 'text', 'date')[i % 3]}" for i in range(1599))
    database.psql(
        f"CREATE TABLE widest (k int PRIMARY KEY, {columns});"
        "INSERT INTO widest (k) SELECT generate_series(1, 12);"
        "UPDATE widest SET c0 = k, c1 = 'one', c1597 = 'last text', c1598 = '2024-02-29'"
    )


def test_table_of_1600_columns_in_the_warehouse(flow):
    make_widest(flow.database)
    flow.sync_and_compare("widest")
    flow.database.psql("UPDATE widest SET c1500 = k WHERE k = 3")
    flow.sync_and_compare("widest")
    columns = "SELECT count(*) FROM duckdb_columns() WHERE table_name = 'widest'"
    assert flow.value(columns) == 1600 + 2


def test_table_of_1600_columns_on_the_stream(serve, database):
    make_widest(database)
    replica = sync(serve().client, database.configuration())
    rows = replica.rows("widest")
    assert len(rows) == 12 and all(len(row) == 1600 for row in rows.values())
    assert rows[7,]["c0"] == 7 and rows[7,]["c1597"] == "last text" and rows[7,]["c1596"] is None


def test_table_without_columns_is_one_row(flow):
    flow.database.psql(
        "CREATE TABLE bare (); INSERT INTO bare SELECT FROM generate_series(1, 3);"
        "CREATE TABLE barest (); CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)"
    )
    document = flow.sync_and_compare("t")
    assert flow.value("SELECT count(*) FROM tester.bare") == 1
    assert flow.value("SELECT count(*) FROM tester.barest") == 0
    assert warnings_about(document, "public.bare", "2 rows", "became one")


def test_table_without_columns_hinders_nothing_on_the_stream(serve_debug, database):
    database.psql(
        "CREATE TABLE bare (); INSERT INTO bare SELECT FROM generate_series(1, 3);"
        "CREATE TABLE t (k int PRIMARY KEY); INSERT INTO t VALUES (1)"
    )
    server = serve_debug()
    replica = sync(server.client, database.configuration())
    assert_same(database, replica, "t")
    server.assert_well(sanitized=True)


def test_hostile_names_on_the_stream(serve_debug, database):
    sql = ""
    for name in HOSTILE:
        table = quoted(name)
        sql += f"CREATE TABLE {table} ({table} text PRIMARY KEY, v int);"
        sql += f"INSERT INTO {table} VALUES ($x$a$x$, 1), ($x$b$x$, NULL);"
    database.psql(sql)
    server = serve_debug()
    replica = sync(server.client, database.configuration())
    for name in HOSTILE:
        assert_same(database, replica, name)
    server.assert_well(sanitized=True)


def test_names_that_differ_in_case_alone_are_their_own_on_the_stream(serve, database):
    database.psql(
        'CREATE TABLE "Item" (k int PRIMARY KEY, "A" int, a text); INSERT INTO "Item" VALUES'
        " (1, 2, 'x'); CREATE TABLE item (k int PRIMARY KEY); INSERT INTO item VALUES (7)"
    )
    replica = sync(serve().client, database.configuration())
    assert_same(database, replica, "Item")
    assert_same(database, replica, "item")


def make_large(database):
    """Values near the limit, as text, bytes and JSON, and two above it."""
    near, above = VALUE_BYTES_MAX - 1000, VALUE_BYTES_MAX + 1
    database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, s text, b bytea, j jsonb);"
        f"INSERT INTO t (k, s) SELECT 1, left(repeat(md5('1'), {near // 32 + 1}), {near});"
        f"INSERT INTO t (k, b) SELECT 2, decode(left(repeat(md5('2'), {near // 16 + 1}),"
        f" {2 * near}), 'hex');"
        f"INSERT INTO t (k, j) SELECT 3, to_jsonb(left(repeat(md5('3'), {near // 32 + 1}),"
        f" {near}));"
        f"INSERT INTO t (k, s) SELECT 4, repeat('x', {above});"
        f"INSERT INTO t (k, b) SELECT 5, decode(repeat('00', {above}), 'hex');"
        "INSERT INTO t VALUES (6, 'small', 'x', '{}')"
    )


def test_array_whose_text_is_larger_than_the_limit_is_counted(flow):
    """The limit is of what is delivered: JSON has two bytes for a quote, six for a control."""
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, a text[]);"
        "INSERT INTO t VALUES (1, ARRAY[repeat('\"', 499998)]), (2, ARRAY[repeat('\"', 499999)]),"
        " (3, ARRAY[repeat(chr(1), 200000)]), (4, array_fill('x'::text, ARRAY[250001])),"
        " (5, array_fill('x'::text, ARRAY[190000]));"
    )
    document = flow.sync(code=4, max_value_bytes="1000000")
    assert table_result(document, "t")["skipped"] == 3
    assert warnings_about(document, "public.t", '"a"', "larger than max_value_bytes")
    assert flow.query("SELECT k, length(a::text) FROM tester.t ORDER BY k") == [
        (1, 1000000),
        (5, 760001),
    ]


@pytest.mark.nightly
def test_values_up_to_the_limit_arrive_and_those_above_are_counted(flow):
    make_large(flow.database)
    document = flow.sync(code=4)
    assert table_result(document, "t")["skipped"] == 2
    assert warnings_about(document, "public.t", '"s"', "larger than max_value_bytes")
    assert warnings_about(document, "public.t", '"b"', "larger than max_value_bytes")
    for column in ("s", "b", "j"):
        text = "j::text" if column == "j" else column
        expected = flow.database.psql(
            f"SELECT k, md5({text}) FROM t WHERE k NOT IN (4, 5) AND {column} IS NOT NULL"
            " ORDER BY k"
        )
        found = flow.query(
            f"SELECT k, {column} FROM tester.t WHERE {column} IS NOT NULL ORDER BY k"
        )
        assert expected == "\n".join(f"{k}|{digest(value)}" for k, value in found)


def digest(value):
    data = value if isinstance(value, bytes) else value.encode()
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.mark.nightly
def test_memory_holds_few_of_the_largest_values(flow):
    make_large(flow.database)
    flow.database.psql(
        "INSERT INTO t (k, s) SELECT 10 + i, s FROM t, generate_series(1, 6) i WHERE k = 1"
    )
    document = flow.sync("--destination", "null", code=4)
    assert document["totals"]["upserts"] == 10
    budget = 64 * 2**20
    assert document["totals"]["memory_peak_bytes"] < budget + VALUES_AT_ONCE * VALUE_BYTES_MAX


MANY = 10000


@pytest.mark.nightly
def test_ten_thousand_tables(flow):
    """Discovery is set-wise: what takes a statement or a search a table takes minutes here."""
    for start in range(0, MANY, 1000):
        flow.database.psql(
            f"DO $$ BEGIN FOR i IN {start}..{start + 999} LOOP EXECUTE format('CREATE TABLE t%s"
            " (k int PRIMARY KEY, v text, a int, b int, updated_at timestamptz); INSERT INTO t%s"
            " VALUES (%s)', i, i, i); END LOOP; END $$"
        )
    path = flow.configure()
    for command in ("discover", "plan"):
        done = flow.penstock(command, "--config", path, "--json", timeout=60)
        assert done.code == 0 and len(done.document["tables"]) == MANY
    document = flow.sync("--destination", "null", timeout=240)
    assert document["totals"]["upserts"] == MANY
    assert document["totals"]["cpu_seconds"] < 60
