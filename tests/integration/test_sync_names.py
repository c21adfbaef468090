"""Names that want to be quoted, names that collide, and the platform's own names at the source."""

import pytest
from flow import Flow, table_result, warnings_about

HOSTILE = [
    'x\'); DROP TABLE victim; --',
    'x"); DROP TABLE victim; --',
    'CamelCase',
    'with space',
    ' leading and trailing ',
    'quote"inside',
    "apostrophe's",
    'dot.in.name',
    'per%cent %s %n',
    'semi;colon',
    'back\\slash',
    'new\nline',
    'tab\tin',
    '$1',
    '*',
    'a,b',
    'a=b',
    'a|b',
    'select',
    'table',
    'user',
    'order',
    'group',
    'Überschrift',
    '表',
    '🐻',
    'é' * 31,
    'n' * 63,
    '/* comment',
    '--',
    '0',
    'null',
]  # fmt: skip


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


@pytest.fixture
def careful(penstock_debug, database):
    """With the sanitizers' build."""
    return Flow(penstock_debug, database)


def test_hostile_names_of_tables_columns_and_keys(careful):
    sql = "CREATE TABLE victim (k int PRIMARY KEY); INSERT INTO victim VALUES (1);"
    for name in HOSTILE:
        table = quoted(name)
        sql += (
            f"CREATE TABLE {table} ({table} text PRIMARY KEY, updated_at timestamptz);"
            f"INSERT INTO {table} VALUES ($v${name}$v$, '2020-01-01'), ('other', '2020-01-02');"
        )
    careful.database.psql(sql)
    document = careful.sync_and_compare("victim", *HOSTILE)
    assert document["totals"]["upserts"] == 1 + 2 * len(HOSTILE)
    for name in HOSTILE:
        table = quoted(name)
        careful.database.psql(
            f"UPDATE {table} SET updated_at = now(); INSERT INTO {table} VALUES ('new', now())"
        )
    second = careful.sync_and_compare("victim", *HOSTILE)
    assert all(
        part["mode"] == "incremental" for part in second["tables"] if part["table"] != "victim"
    )


def test_many_hostile_columns_in_one_table(careful):
    columns = ", ".join(f"{quoted(name)} text" for name in HOSTILE)
    values = ", ".join(f"$v${name}$v$" for name in HOSTILE)
    careful.database.psql(
        f"CREATE TABLE t ({columns}, PRIMARY KEY ({quoted(HOSTILE[0])}, {quoted(HOSTILE[1])}));"
        f"INSERT INTO t VALUES ({values})"
    )
    careful.sync_and_compare("t")


def test_hostile_schema_and_destination_schema(flow):
    schema = "S\"x'); DROP TABLE t; --"
    flow.database.psql(
        f"CREATE SCHEMA {quoted(schema)}; CREATE TABLE {quoted(schema)}.t (k int PRIMARY KEY);"
        f"INSERT INTO {quoted(schema)}.t VALUES (1)"
    )
    flow.sync("--schema", "de\"st'; --", schema=schema)
    flow.assert_equal("t", schema=schema, destination="de\"st'; --")


def test_tables_that_differ_in_case_alone_lie_side_by_side(flow):
    flow.database.psql(
        'CREATE TABLE "Item" (k int PRIMARY KEY, s text); INSERT INTO "Item" VALUES (1, $$I$$);'
        "CREATE TABLE item (k int PRIMARY KEY, s text); INSERT INTO item VALUES (2, $$i$$);"
        'CREATE TABLE "ITEM" (k int PRIMARY KEY, s text); INSERT INTO "ITEM" VALUES (3, $$III$$)'
    )
    document = flow.sync()
    assert warnings_about(document, "Item_2")
    assert warnings_about(document, "item_3")
    flow.assert_equal("ITEM")
    flow.assert_equal("Item", local="Item_2")
    flow.assert_equal("item", local="item_3")
    # One that is dropped leaves the others where they are.
    flow.database.psql('DROP TABLE "Item"; UPDATE item SET s = $$x$$')
    flow.sync()
    flow.assert_equal("item", local="item_3")


def test_columns_that_differ_in_case_alone_lie_side_by_side(flow):
    flow.database.psql(
        'CREATE TABLE t (k int PRIMARY KEY, "A" int, a text, "a_2" int);'
        "INSERT INTO t VALUES (1, 2, $$three$$, 4)"
    )
    document = flow.sync()
    assert warnings_about(document, '"a"')
    found = flow.query("SELECT * EXCLUDE (_fivetran_synced, _fivetran_deleted) FROM tester.t")
    assert sorted(map(str, found[0])) == ["1", "2", "4", "three"]
    names = flow.query(
        "SELECT column_name FROM duckdb_columns() WHERE table_name = 't' AND schema_name = 'tester'"
    )
    assert len({name.lower() for (name,) in names}) == len(names) == 6
    # A second sync finds the names that the first gave.
    flow.database.psql("UPDATE t SET a = $$four$$")
    assert not warnings_about(flow.sync(), '"a"'), "it is told once"
    found = flow.query("SELECT * EXCLUDE (_fivetran_synced, _fivetran_deleted) FROM tester.t")
    assert sorted(map(str, found[0])) == ["1", "2", "4", "four"]


def test_one_name_in_two_schemas_is_refused_by_name(flow):
    two_schemas(flow)
    document = flow.sync(code=2, schema="one,two")
    assert "destination_names" in document["error"]["message"]
    assert document["status"] == "failed"


def test_schema_table_puts_the_schema_before_the_name(flow):
    two_schemas(flow)
    flow.sync(schema="one,two", destination_names="schema_table")
    flow.assert_equal("t", schema="one", local="one_t")
    flow.assert_equal("t", schema="two", local="two_t")


def test_schema_gives_each_schema_one_of_its_own(flow):
    two_schemas(flow)
    flow.sync(schema="one,two", destination_names="schema")
    flow.assert_equal("t", schema="one", destination="tester_one")
    flow.assert_equal("t", schema="two", destination="tester_two")


def test_tables_that_another_naming_leaves_are_named_once(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY); CREATE TABLE u (k int PRIMARY KEY);"
        "INSERT INTO t VALUES (1)"
    )
    flow.sync()
    document = flow.sync(destination_names="schema_table")
    assert warnings_about(document, "former names", '"t", "u"')
    flow.assert_equal("t", local="public_t")
    assert flow.tables() == ["public_t", "public_u", "t", "u"]
    assert not warnings_about(flow.sync(destination_names="schema_table"), "former")


def two_schemas(flow):
    flow.database.psql(
        "CREATE SCHEMA one; CREATE SCHEMA two;"
        "CREATE TABLE one.t (k int PRIMARY KEY); CREATE TABLE two.t (k text PRIMARY KEY);"
        "INSERT INTO one.t VALUES (1); INSERT INTO two.t VALUES ('two')"
    )


def test_platform_columns_at_the_source_are_left_out_and_told(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, _fivetran_deleted bool, _fivetran_synced timestamptz,"
        " v int); INSERT INTO t VALUES (1, false, now(), 1), (2, true, now(), 2),"
        " (3, NULL, NULL, 3)"
    )
    document = flow.sync()
    assert warnings_about(document, "_fivetran_synced")
    # The source's own mark of a deleted row is taken at its word; NULL means not deleted.
    flow.assert_equal(
        "t", left_out=["_fivetran_deleted", "_fivetran_synced"],
        where="_fivetran_deleted IS NOT TRUE",
    )  # fmt: skip
    assert table_result(document, "t")["upserts"] == 2


def test_key_with_a_platform_name_stays_the_key_under_another(flow):
    flow.database.psql(
        "CREATE TABLE t (_fivetran_id text, b int, v int, updated_at timestamptz DEFAULT now(),"
        " PRIMARY KEY (_fivetran_id, b)); INSERT INTO t VALUES ('x', 1, 1), ('x', 2, 2)"
    )
    document = flow.sync()
    assert warnings_about(document, "_fivetran_id_2", "keeps its own name for itself")
    assert table_result(document, "t")["mode"] == "incremental"
    flow.database.psql("UPDATE t SET v = 9, updated_at = now() WHERE b = 2")
    assert not warnings_about(flow.sync(), "_fivetran_id")
    flow.assert_equal("t", names={"_fivetran_id": "_fivetran_id_2"})
    assert flow.value("SELECT count(*) FROM tester.t") == 2


def test_selection_takes_names_and_patterns(flow):
    flow.database.psql(
        'CREATE TABLE "Visit A" (k int PRIMARY KEY); CREATE TABLE visit_b (k int PRIMARY KEY);'
        "CREATE TABLE other (k int PRIMARY KEY)"
    )
    flow.sync(tables="Visit A, public.visit*")
    assert flow.tables() == ["Visit A", "visit_b"]
    flow.sync("--tables", "other")
    assert flow.tables() == ["Visit A", "other", "visit_b"]
