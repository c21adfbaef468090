"""Flattening: members of JSON objects become columns, exactly, also those that come later."""

import json

import pytest
from flow import Flow, table_result, warnings_about


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database, flatten="true")


def shape(flow, table):
    return dict(
        flow.query(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'tester'"
            " AND table_name = ? AND column_name NOT LIKE '\\_fivetran%' ESCAPE '\\'",
            table,
        )
    )


def state_of(flow):
    return json.loads((flow.penstock.folder / "files/state.json").read_text())


def test_members_become_columns_and_the_rest_stays(flow):
    flow.database.psql(
        """
        CREATE TABLE t (k int PRIMARY KEY, data jsonb);
        INSERT INTO t VALUES
          (1, '{"id": 7, "at": {"lat": 48.1, "deep": {"x": true}}, "tags": ["a", {"b": 1}]}'),
          (2, '[1, 2]'), (3, NULL), (4, '{"id": null, "name": "n"}'), (5, '{}'),
          (6, '{"at": {}, "big": 123456789012345678901234567890.125}');
        """
    )
    flow.sync()
    assert shape(flow, "t") == {
        "k": "INTEGER",
        "data": "JSON",
        "data_id": "BIGINT",
        "data_at_lat": "DECIMAL(25,6)",
        "data_at_deep_x": "BOOLEAN",
        "data_tags": "JSON",
        "data_name": "VARCHAR",
        "data_at": "JSON",
        "data_big": "DECIMAL(33,3)",
    }
    assert flow.query(
        "SELECT k, data::text, data_id, data_at_lat::text, data_at_deep_x, data_tags::text,"
        " data_name, data_at::text, data_big::text FROM tester.t ORDER BY k"
    ) == [
        (1, None, 7, "48.100000", True, '["a",{"b":1}]', None, None, None),
        (2, "[1, 2]", None, None, None, None, None, None, None),
        (3, None, None, None, None, None, None, None, None),
        (4, None, None, None, None, None, "n", None, None),
        (5, "{}", None, None, None, None, None, None, None),
        (6, None, None, None, None, None, None, "{}", "123456789012345678901234567890.125"),
    ]


def test_types_grow_in_the_middle_of_a_table_and_in_later_syncs(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, j jsonb, updated_at timestamptz);"
        "INSERT INTO t SELECT i, jsonb_build_object('v', i), '2024-01-01'"
        " FROM generate_series(1, 200) i;"
        "INSERT INTO t SELECT i, jsonb_build_object('v', i + 0.5, 'w', 'text'), '2024-01-01'"
        " FROM generate_series(201, 400) i"
    )
    document = flow.sync(batch_size="50")
    assert shape(flow, "t")["j_v"] == "DECIMAL(25,6)"
    assert flow.value("SELECT sum(j_v)::text FROM tester.t") == "80300.000000"
    assert flow.value("SELECT count(*) FROM tester.t WHERE j_w = 'text'") == 200
    assert document["totals"]["schema_changes"] >= 2
    known = state_of(flow)["tables"][0]["flattened"]
    assert known == {"j/v": "DECIMAL(25,6) j_v", "j/w": "STRING j_w"}
    # The next sync knows the columns, reads no row again, and adds what is new.
    document = flow.sync(batch_size="50", lookback_seconds="0")
    assert document["totals"]["schema_changes"] == 0
    assert not table_result(document, "t")["truncates"]
    flow.database.psql('INSERT INTO t VALUES (500, \'{"v": "many", "x": {"y": 1}}\', now())')
    flow.sync(batch_size="50", lookback_seconds="0")
    assert flow.query(
        "SELECT j_v, j_w, j_x_y FROM tester.t WHERE k IN (1, 201, 500) ORDER BY k"
    ) == [
        ("1.000000", None, None),
        ("201.500000", "text", None),
        ("many", None, 1),
    ]


def test_names_that_clash_are_kept_apart(flow):
    flow.database.psql(
        """
        CREATE TABLE t (k int PRIMARY KEY, j jsonb, j_a int, "J_B" int, updated_at timestamptz);
        INSERT INTO t VALUES
          (1, '{"a": 1, "b": 2, "c": {"d": 3}, "c_d": 4, "é/~": 5}', 10, 20, now());
        """
    )
    flow.sync()
    assert flow.query('SELECT j_a, j_a_2, "J_B", j_b_2, "j_é/~" FROM tester.t') == [
        (10, 1, 20, 2, 5)
    ]
    assert sorted(flow.query("SELECT j_c_d, j_c_d_2 FROM tester.t")[0]) == [3, 4]
    # A column that the source gets later does not take a member's place.
    flow.database.psql("ALTER TABLE t ADD COLUMN j_c_d int; UPDATE t SET j_c_d = 77")
    flow.sync("--resync")
    columns = shape(flow, "t")
    assert "j_c_d_3" in columns
    assert flow.value("SELECT j_c_d_3 FROM tester.t") == 77
    assert sorted(flow.query("SELECT j_c_d, j_c_d_2 FROM tester.t")[0]) == [3, 4]


def test_columns_are_bounded_and_deep_objects_stay_json(flow):
    members = ",".join(f'"m{i:03}": {i}' for i in range(300))
    deep = '{"d":' * 12 + "1" + "}" * 12
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, j json);"
        f"INSERT INTO t VALUES (1, '{{{members}}}');"
        "CREATE TABLE d (k int PRIMARY KEY, j json);"
        f"INSERT INTO d VALUES (1, '{deep}'), (2, '{{\"x\": 1, \"x\": 2}}')"
    )
    document = flow.sync()
    assert len(warnings_about(document, "public.t", "more than 256 members")) == 1
    assert not warnings_about(document, "public.d")
    columns = [name for name in shape(flow, "t") if name.startswith("j_m")]
    assert len(columns) == 256
    rest = json.loads(flow.value("SELECT j::text FROM tester.t"))
    assert len(rest) == 300 - 256
    whole = rest | {
        name[2:]: value
        for name, value in zip(
            columns, flow.query(f"SELECT {', '.join(columns)} FROM tester.t")[0], strict=True
        )
    }
    assert whole == {f"m{i:03}": i for i in range(300)}
    deepest = "j" + "_d" * 8
    assert json.loads(
        flow.value(f"SELECT {deepest}::text FROM tester.d WHERE k = 1")
    ) == json.loads('{"d":' * 4 + "1" + "}" * 4)
    # An object with a name twice stays as it is.
    assert flow.value("SELECT j::text FROM tester.d WHERE k = 2") == '{"x": 1, "x": 2}'


def test_flattening_is_off_unless_asked_for_and_by_table(flow):
    flow.database.psql(
        "CREATE TABLE a (k int PRIMARY KEY, j jsonb, updated_at timestamptz);"
        "CREATE TABLE b (k int PRIMARY KEY, j jsonb, updated_at timestamptz);"
        "INSERT INTO a VALUES (1, '{\"x\": 1}', now()); INSERT INTO b SELECT * FROM a"
    )
    flow.sync(flatten="a=true, false")
    assert "j_x" in shape(flow, "a")
    assert "j_x" not in shape(flow, "b")
    document = flow.sync(flatten="b=true")
    assert flow.query("SELECT j::text FROM tester.a") == [('{"x": 1}',)]
    assert flow.query("SELECT j, j_x FROM tester.b") == [(None, 1)]
    assert "other values" in table_result(document, "a")["reason"]


def test_rows_before_the_first_of_a_column_are_filled_by_a_load_alone(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, j jsonb, updated_at timestamptz);"
        "INSERT INTO t SELECT i, CASE WHEN i < 9 THEN '{}' ELSE '{\"a\": \"x\"}' END::jsonb,"
        " timestamptz '2024-01-01 00:00Z' + i * interval '1 day' FROM generate_series(1, 10) i"
    )
    settings = {"empty_value": "N/A", "batch_size": "2", "threads": "1"}
    flow.sync(**settings)
    rows = "SELECT j_a FROM tester.t WHERE k IN (1, 9) ORDER BY k"
    assert flow.query(rows) == [(None,), ("x",)]
    flow.database.psql(
        "ALTER TABLE t ADD s text;"
        "INSERT INTO t VALUES (11, '{\"b\": \"y\"}', now()), (12, '{}', now())"
    )
    flow.sync(**settings)
    later = "SELECT j_a, j_b, s FROM tester.t WHERE k IN (1, 9, 11) ORDER BY k"
    assert flow.query(later) == [(None, None, None), ("x", None, None), ("N/A", "y", "N/A")]
    flow.sync("--resync", **settings)
    assert flow.query(later) == [("N/A", "N/A", "N/A"), ("x", "N/A", "N/A"), ("N/A", "y", "N/A")]


def test_soft_deleted_rows_and_empty_values_of_flattened_tables(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, j jsonb, deleted text, updated_at timestamptz);"
        "INSERT INTO t VALUES (1, '{\"a\": \"x\"}', 'N', '2024-01-01'), (2, '{\"a\": \"\"}', 'N',"
        " '2024-01-01'), (3, '{\"n\": 5}', 'N', '2024-01-01')"
    )
    settings = {"soft_delete_column": "deleted", "empty_value": "N/A"}
    flow.sync(**settings)
    rows = "SELECT j_a, j_n FROM tester.t WHERE NOT _fivetran_deleted ORDER BY k"
    assert flow.query(rows) == [("x", None), ("N/A", None), ("N/A", 5)]
    flow.database.psql("UPDATE t SET deleted = 'Y', updated_at = now() WHERE k = 1")
    flow.sync(**settings)
    assert flow.query(rows) == [("N/A", None), ("N/A", 5)]
