"""What the configuration makes of columns: types, empty values, keys, and changed tables."""

import pytest
from flow import Flow, table_result, warnings_about


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


def type_of(flow, table, column):
    return flow.value(
        "SELECT data_type FROM duckdb_columns() WHERE table_name = ? AND column_name = ?"
        " AND schema_name = 'tester'",
        table,
        column,
    )


def test_column_types_narrow_undeclared_numbers_and_keep_anything_as_text(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, n numeric, m numeric, moment timestamp, b bytea);"
        "INSERT INTO t VALUES (1, 12.5, 7, '2024-01-01 10:00:00.123456', '\\x00ff'),"
        " (2, NULL, NULL, NULL, NULL)"
    )
    flow.sync(
        column_types="t.n=DECIMAL(10,2), public.t.m = LONG, t.moment=STRING, t.b=STRING, t.k=STRING"
    )
    assert type_of(flow, "t", "n") == "DECIMAL(10,2)"
    assert type_of(flow, "t", "m") == "BIGINT"
    assert flow.query("SELECT k, n::text, m, moment, b FROM tester.t ORDER BY k") == [
        ("1", "12.50", 7, "2024-01-01T10:00:00.123456", "00ff"),
        ("2", None, None, None, None),
    ]


def test_column_types_reach_names_with_dots(flow):
    flow.database.psql(
        'CREATE TABLE "t.a" ("b.c" int PRIMARY KEY, c int); INSERT INTO "t.a" VALUES (1, 2);'
    )
    flow.sync(column_types="public.t.a.b.c=STRING, t.a.c=LONG")
    assert type_of(flow, "t.a", "b.c") == "VARCHAR"
    assert type_of(flow, "t.a", "c") == "BIGINT"


def test_column_types_count_rows_that_do_not_fit(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, n numeric);"
        "INSERT INTO t VALUES (1, 12.5), (2, 12.345), (3, 'NaN'), (4, 99999999999)"
    )
    document = flow.sync(code=4, column_types="t.n=DECIMAL(10,2)")
    assert flow.query("SELECT k FROM tester.t") == [(1,)]
    assert table_result(document, "t")["skipped"] == 3
    assert warnings_about(document, "3 rows were left out", '"n"')
    document = flow.sync(code=1, column_types="t.n=DECIMAL(10,2)", on_bad_row="stop")
    assert '"n"' in document["error"]["message"]


FAR = {
    "date": ["infinity", "-infinity", "4713-01-01 BC", "0001-12-31 BC", "10000-01-01"],
    "timestamp": ["infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"],
    "timestamptz": ["-infinity", "0044-03-15 12:00:00.5+00 BC", "10000-01-01 00:00:00+02"],
    "numeric(10,2)": ["NaN", "-0.10", "99999999.99"],
}
NEAR = ["0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31"]


def test_values_that_their_type_does_not_hold_are_carried_as_text(flow):
    tables = {}
    for number, (kind, values) in enumerate(FAR.items()):
        near = NEAR if "num" not in kind else ["1"]
        literals = ", ".join(f"('{value}'::{kind})" for value in values + near)
        tables[f"t{number}"] = kind
        flow.database.psql(
            f"CREATE TABLE t{number} (k int PRIMARY KEY, v {kind}, updated_at timestamptz);"
            f"INSERT INTO t{number} SELECT row_number() OVER (), v, '2024-01-01'"
            f" FROM (VALUES {literals}) x (v)"
        )
    assert flow.sync(code=4)["totals"]["skipped"] == 11
    # The cursor stays what it is.
    types = ", ".join(f"{name}.v=STRING, {name}.updated_at=STRING" for name in tables)
    document = flow.sync(column_types=types)
    assert document["totals"]["skipped"] == 0
    for name, kind in tables.items():
        assert table_result(document, name)["mode"] == "incremental"
        # What ISO 8601 has, with a T and a Z, and the server's words for what it has not.
        text = "to_json(v) #>> '{}'" if "num" not in kind else "v::text"
        expected = flow.database.psql(
            f"SET TimeZone = 'UTC';SELECT replace({text}, '+00:00', 'Z') FROM {name} ORDER BY k"
        )
        found = flow.query(f"SELECT v FROM tester.{name} ORDER BY k")
        assert [text for (text,) in found] == expected.splitlines()
        assert flow.query(f"SELECT DISTINCT updated_at FROM tester.{name}") == [
            ("2024-01-01T00:00:00Z",)
        ]
    flow.database.psql("INSERT INTO t0 VALUES (99, 'infinity', '2024-02-01')")
    assert flow.sync(column_types=types)["totals"]["skipped"] == 0
    assert flow.value("SELECT v FROM tester.t0 WHERE k = 99") == "infinity"


@pytest.mark.parametrize(
    ("types", "words"),
    [
        ("t.k=SHORT", ["column_types", '"k"', '"public.t"', "SHORT", "digits"]),
        ("t.s=LONG", ['"s"', "not every text"]),
        ("t.k=VARCHAR", ["t.k=VARCHAR", "table.column=TYPE"]),
        ("k=STRING", ["k=STRING", "table.column=TYPE"]),
    ],
)
def test_column_types_that_would_lose_are_refused_at_the_plan(flow, types, words):
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY, s text)")
    path = flow.configure(column_types=types)
    done = flow.penstock("plan", "--config", path)
    assert done.code == 2
    for word in words:
        assert word in done.err


def test_column_types_that_change_bring_the_table_again(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, n int, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, 5, '2024-01-01')"
    )
    flow.sync()
    document = flow.sync(column_types="t.n=STRING, t.misspelt=STRING")
    reason = table_result(document, "t")["reason"]
    assert "the configuration makes other values of its columns" in reason
    assert warnings_about(document, "no column matches `t.misspelt`")
    assert flow.query("SELECT n FROM tester.t") == [("5",)]


def test_empty_value_fills_text_and_json_but_no_keys(flow):
    flow.database.psql(
        "CREATE TABLE t (k text PRIMARY KEY, s text, j jsonb, n int);"
        "INSERT INTO t VALUES ('', '', '{}', NULL), ('a', NULL, NULL, NULL), ('b', 'x', '[1]', 1);"
        "CREATE TABLE u (k int PRIMARY KEY, s text); INSERT INTO u VALUES (1, ''), (2, NULL)"
    )
    flow.sync(empty_value="t=N/A")
    assert flow.query("SELECT k, s, j::text, n FROM tester.t ORDER BY k") == [
        ("", "N/A", '"N/A"', None),
        ("a", "N/A", '"N/A"', None),
        ("b", "x", "[1]", 1),
    ]
    assert flow.query("SELECT s FROM tester.u ORDER BY k") == [("",), (None,)]


def test_primary_keys_choose_what_counts_as_a_key(flow):
    flow.database.psql(
        "CREATE TABLE p (k int PRIMARY KEY, v int, updated_at timestamptz);"
        "CREATE TABLE u (k int UNIQUE NOT NULL, v int, updated_at timestamptz);"
        "INSERT INTO p VALUES (1, 1, now()); INSERT INTO u VALUES (1, 1, now())"
    )

    def modes(**settings):
        path = flow.configure(**settings)
        document = flow.penstock("plan", "--config", path, "--json").document
        return {table["table"]: table["mode"] for table in document["tables"]}

    assert modes() == {"p": "incremental", "u": "incremental"}
    assert modes(primary_keys="declared") == {"p": "incremental", "u": "full"}
    assert modes(primary_keys="p=none") == {"p": "full", "u": "incremental"}
    flow.database.psql("INSERT INTO p VALUES (2, 1, (SELECT updated_at FROM p))")
    document = flow.sync(primary_keys="none", exclude_tables="u", column_types="p.k=STRING")
    assert table_result(document, "p")["mode"] == "full"
    assert flow.value("SELECT count(*) FROM tester.p") == 2


CHANGES = {
    "column added": ("ALTER TABLE t ADD COLUMN extra int", ["columns changed", '"extra"']),
    "type widened": (
        "ALTER TABLE t ALTER COLUMN v TYPE bigint",
        ["columns changed", '"v" was INT and is LONG'],
    ),
    "column renamed": ("ALTER TABLE t RENAME COLUMN v TO w", ["renamed"]),
    "key changed": (
        "ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ADD PRIMARY KEY (k, v)",
        ["key"],
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_on_schema_change(flow, change):
    sql, words = CHANGES[change]
    flow.database.psql("CREATE TABLE t (k int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 1)")
    flow.sync(on_schema_change="stop")
    flow.sync(on_schema_change="stop")
    flow.database.psql(sql + "; CREATE TABLE another (k int)")
    document = flow.sync(code=2, on_schema_change="stop")
    for word in ["public.t", "on_schema_change", *words]:
        assert word in document["error"]["message"]
    assert "another" not in flow.tables()
    document = flow.sync(on_schema_change="warn")
    assert warnings_about(document, "public.t", *words)
    assert not warnings_about(flow.sync(on_schema_change="warn"), "public.t")
    flow.database.psql(sql.replace("extra", "extra2") if "extra" in sql else "SELECT 1")
    assert not warnings_about(flow.sync(on_schema_change="apply"), "public.t")


def test_soft_delete_values_mark_rows(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, gone text, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, 'N', now()), (2, 'X', now()), (3, 'Y', now())"
    )
    alive = "SELECT k FROM tester.t WHERE NOT _fivetran_deleted ORDER BY k"
    flow.sync(soft_delete_column="gone")
    assert flow.query(alive) == [(1,), (2,)]
    flow.sync(soft_delete_column="gone", soft_delete_values="x")
    assert flow.query(alive) == [(1,), (3,)]


def test_soft_delete_values_can_be_the_false_of_a_boolean(flow):
    """And are as many as it takes; a list that fits a column in no way is warned about."""
    flow.database.psql(
        "CREATE TABLE b (k int PRIMARY KEY, is_active boolean);"
        "INSERT INTO b VALUES (1, true), (2, false), (3, NULL);"
        "CREATE TABLE i (k int PRIMARY KEY, is_active int);"
        "INSERT INTO i SELECT k, k FROM generate_series(1, 50) k"
    )
    values = "false," + ",".join(str(number) for number in range(2, 50))
    document = flow.sync(
        soft_delete_column="is_active", soft_delete_values=values, validation_count="exact"
    )
    for table, keys in {"b": [1, 3], "i": [1, 50]}.items():
        rows = flow.query(f"SELECT k FROM tester.{table} WHERE NOT _fivetran_deleted ORDER BY k")
        assert rows == [(key,) for key in keys]
        assert table_result(document, table)["validation"]["count"] == len(keys)
    assert not warnings_about(document, "soft_delete_values")
    document = flow.sync(soft_delete_column="is_active", soft_delete_values="flase")
    assert warnings_about(document, "b", "soft_delete_values", "BOOLEAN")
    assert warnings_about(document, "i", "soft_delete_values", "INT")


def test_soft_delete_marks_are_found_as_the_server_compares_them(flow):
    """In char(n) blanks at the end do not count, in numeric zeros do not; the count agrees."""
    flow.database.psql(
        "CREATE TABLE c (k int PRIMARY KEY, gone char(5));"
        "INSERT INTO c VALUES (1, 'true'), (2, 'no');"
        "CREATE TABLE n (k int PRIMARY KEY, gone numeric);"
        "INSERT INTO n VALUES (1, 1), (2, 1.0), (3, 0.0), (4, 10);"
        "CREATE TABLE w (k int PRIMARY KEY, gone numeric(50,2));"
        "INSERT INTO w VALUES (1, 1), (2, 0)"
    )
    document = flow.sync(soft_delete_column="gone", validation_count="exact")
    for table, keys in {"c": [2], "n": [3, 4], "w": [2]}.items():
        rows = flow.query(f"SELECT k FROM tester.{table} WHERE NOT _fivetran_deleted ORDER BY k")
        assert rows == [(key,) for key in keys]
        assert table_result(document, table)["validation"]["count"] == len(keys)
