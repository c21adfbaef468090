"""Types that others made, in databases of any encoding: extensions, stand-ins for them, domains."""

import contextlib

import pytest
from clients.connector import sync
from clients.source_rows import assert_same
from flow import Flow, table_result, warnings_about
from postgres import Database

# A type of one's own that is stored and printed as text is, without a function of its own in C.
LOOK_ALIKE = """
CREATE TYPE {name};
CREATE FUNCTION {name}_in(cstring) RETURNS {name} AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION {name}_out({name}) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE {name} (INPUT = {name}_in, OUTPUT = {name}_out, LIKE = text);
"""
# As PostGIS has them: to_json() would take the first, a cast to text the second.
CASTS = """
CREATE FUNCTION shortened(geometry) RETURNS json IMMUTABLE LANGUAGE sql
  AS $$SELECT '{"type": "Point"}'::json$$;
CREATE CAST (geometry AS json) WITH FUNCTION shortened(geometry);
CREATE FUNCTION described(geometry) RETURNS text IMMUTABLE LANGUAGE sql AS $$SELECT 'POINT(1)'$$;
CREATE CAST (geometry AS text) WITH FUNCTION described(geometry);
"""
EWKB = "0101000020E6100000000000000000F03F9A9999999999B93F"


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


@contextlib.contextmanager
def database_of(postgres, name, encoding, locale="C"):
    postgres.psql(
        f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE '{locale}' TEMPLATE template0"
    )
    try:
        yield Database(postgres, name)
    finally:
        postgres.psql(f"DROP DATABASE {name} WITH (FORCE)")


def test_vectors_and_geometries_are_what_their_output_functions_print(flow):
    """Stand-ins for pgvector and PostGIS; they have no binary form at all."""
    flow.database.psql(
        LOOK_ALIKE.format(name="vector") + LOOK_ALIKE.format(name="geometry") + CASTS
    )
    flow.database.psql(
        "CREATE TYPE place AS (name text, at geometry); CREATE DOMAIN site AS geometry;"
        "CREATE TABLE t (k int PRIMARY KEY, v vector, vs vector[], g geometry, gs geometry[],"
        "  p place, ps place[], s site);"
        f"INSERT INTO t VALUES (1, '[1,2.5]', '{{\"[1,2]\"}}', '{EWKB}', '{{{EWKB}}}',"
        f"  ROW('a', '{EWKB}'), ARRAY[ROW('b', '{EWKB}')]::place[], '{EWKB}');"
        "INSERT INTO t (k, p) VALUES (2, ROW(NULL, NULL)); INSERT INTO t VALUES (3)"
    )
    flow.sync()
    assert flow.query("SELECT v, vs, g, gs, p, ps, s FROM tester.t ORDER BY k") == [
        ("[1,2.5]", '["[1,2]"]', EWKB, f"{{{EWKB}}}", f"(a,{EWKB})", f'{{"(b,{EWKB})"}}', EWKB),
        (None, None, None, None, "(,)", None, None),
        (None,) * 7,
    ]


def test_schema_of_a_type_matters_not(flow):
    """Types in schemas that are not searched, named so that they must be quoted."""
    flow.database.psql(
        'CREATE SCHEMA "O\'ther"; CREATE TYPE "O\'ther"."M ""o""" AS ENUM (\'é\', \'b c\');'
        'CREATE TYPE "O\'ther".pair AS (a "O\'ther"."M ""o""", "b "" c" int);'
        'CREATE EXTENSION hstore SCHEMA "O\'ther";'
        'CREATE TABLE t (k int PRIMARY KEY, e "O\'ther"."M ""o""", es "O\'ther"."M ""o"""[],'
        ' p "O\'ther".pair, h "O\'ther".hstore);'
        "INSERT INTO t VALUES (1, 'é', '{é,b c}', '(b c,7)', 'x=>NULL');"
        "INSERT INTO t (k) VALUES (2)"
    )
    flow.sync_and_compare("t")
    assert flow.query("SELECT e, es, p, h FROM tester.t WHERE k = 1") == [
        ("é", '["é","b c"]', '{"a":"b c","b \\" c":7}', '{"x": null}')
    ]


@pytest.mark.parametrize(
    ("encoding", "text"), [("LATIN1", "äÿ©"), ("WIN1252", "€Ž"), ("EUC_JP", "日本")]
)
def test_database_of_another_encoding_is_read_as_utf8(postgres, penstock, encoding, text):
    with database_of(postgres, f"in_{encoding.lower()}", encoding) as database:
        database.psql(
            f"SET client_encoding = 'UTF8'; CREATE TYPE mood AS ENUM ('{text}');"
            "CREATE TABLE t (k text PRIMARY KEY, c char(9), e mood, a text[], es mood[], j json,"
            " jb jsonb, x xml, n name);"
            f"INSERT INTO t VALUES ('{text}', '{text}', '{text}', ARRAY['{text}', NULL],"
            f" ARRAY['{text}'::mood], '[\"{text}\"]', '[\"{text}\"]', '<a>{text}</a>', '{text}')"
        )
        flow = Flow(penstock, database)
        flow.sync_and_compare("t")
        assert flow.query("SELECT k, e, a, x FROM tester.t") == [
            (text, text, f'["{text}",null]', f"<a>{text}</a>")
        ]


def test_types_of_a_database_without_an_encoding(postgres, penstock):
    """SQL_ASCII: what is UTF-8 arrives, whatever holds it; other bytes cost their row."""
    with database_of(postgres, "raw_types", "SQL_ASCII") as database:
        database.psql(
            "CREATE TYPE mood AS ENUM ('é'); CREATE TYPE pair AS (a text, b int);"
            "CREATE TABLE t (k int PRIMARY KEY, e mood, a text[], es mood[], p pair, c char(4),"
            " ia int[], tm time);"
            "INSERT INTO t VALUES (1, 'é', '[0:1]={é,NULL}', '{é}', '(é,1)', 'é', '{1}', '12:00'),"
            " (2, NULL, ARRAY[E'\\377'], NULL, NULL, NULL, NULL, NULL),"
            " (3, NULL, NULL, NULL, ROW(E'\\377', 1)::pair, NULL, NULL, NULL);"
            "INSERT INTO t (k) VALUES (4)"
        )
        flow = Flow(penstock, database)
        document = flow.sync(code=4)
        assert table_result(document, "t")["skipped"] == 2
        assert flow.query("SELECT * EXCLUDE (_fivetran_synced, _fivetran_deleted)"
                          " FROM tester.t ORDER BY k") == [
            (1, "é", '{"[0:1]" : ["é",null]}', '["é"]', '{"a":"é","b":1}', "é  ", "[1]",
             "12:00:00"),
            (4,) + (None,) * 7,
        ]  # fmt: skip


def test_names_that_are_no_text_are_left_out_alone(postgres, penstock):
    """SQL_ASCII: names of schemas, tables, columns and types may be any bytes."""
    bad = "E'b\\377'"
    statements = [
        f"'CREATE TABLE \"' || {bad} || '\" (k int PRIMARY KEY)'",
        f"'CREATE SCHEMA \"' || {bad} || '\" CREATE TABLE inside (k int PRIMARY KEY)'",
        f"'ALTER TABLE t ADD COLUMN \"' || {bad} || '\" int'",
        f"'CREATE TYPE \"' || {bad} || 't\" AS ENUM (''one'')'",
        f"'ALTER TABLE t ADD COLUMN e \"' || {bad} || 't\"'",
        f"'CREATE TABLE keyed (\"' || {bad} || '\" int PRIMARY KEY, v int)'",
        "'CREATE TABLE part1 PARTITION OF parts FOR VALUES IN (1)'",
        f"'CREATE TABLE \"' || {bad} || 'p\" PARTITION OF parts FOR VALUES IN (2)'",
    ]
    with database_of(postgres, "odd_names", "SQL_ASCII") as database:
        database.psql(
            'CREATE TABLE t (k int PRIMARY KEY, "é" text, updated_at timestamptz DEFAULT now());'
            "CREATE TABLE parts (k int PRIMARY KEY) PARTITION BY LIST (k);"
            + "".join(f"DO $$ BEGIN EXECUTE {one}; END $$;" for one in statements)
            + "INSERT INTO t (k, \"é\") VALUES (1, 'ä'), (2, 'b'); UPDATE t SET e = 'one';"
            "INSERT INTO parts VALUES (1), (2)"
        )
        flow = Flow(penstock, database, schema="*")
        document = flow.sync()
        assert flow.tables() == ["parts", "t"]
        assert flow.query('SELECT k, "é", e FROM tester.t ORDER BY k') == [
            (1, "ä", "one"), (2, "b", "one"),
        ]  # fmt: skip
        assert flow.value("SELECT count(*) FROM tester.parts") == 2
        for words in (
            ["public.b\\xff is left out", "its name"],
            ["b\\xff.inside is left out"],
            ["public.t is read without columns", '"b\\xff"'],
            ["public.keyed is left out", "its key"],
        ):
            assert warnings_about(document, *words), document["warnings"]
        done = penstock("check", "--config", flow.configure(schema="*"), "--json")
        assert done.code == 0, done.out
        flow.sync()


def test_character_that_unicode_has_no_place_for_costs_its_row(postgres, penstock):
    """WIN1252 has bytes that stand for nothing: the server refuses to send them as UTF-8."""
    with database_of(postgres, "gaps", "WIN1252") as database:
        database.psql(
            "SET client_encoding = 'UTF8';"
            "CREATE TABLE t (k int PRIMARY KEY, s text, updated_at timestamptz DEFAULT now());"
            "INSERT INTO t VALUES (1, 'é'), (2, E'a\\201'), (3, 'b'), (4, E'\\215'), (5, '€')"
        )
        flow = Flow(penstock, database)
        document = flow.sync(code=4)
        assert table_result(document, "t")["skipped"] == 2
        assert flow.query("SELECT k, s FROM tester.t ORDER BY k") == [(1, "é"), (3, "b"), (5, "€")]
        assert warnings_about(document, "UTF-8", "s")
        database.psql("UPDATE t SET s = 'mended', updated_at = now() WHERE k = 2")
        flow.sync(code=4)
        assert flow.value("SELECT s FROM tester.t WHERE k = 2") == "mended"


SETTINGS = [
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'iso_8601'",
    "timezone = 'Asia/Kathmandu'",
    "extra_float_digits = -15",
    "bytea_output = 'escape'",
    "xmloption = 'document'",
    "array_nulls = off",
    "standard_conforming_strings = off",
    "client_encoding = 'LATIN1'",
    "search_path = 'pg_temp'",
]


def test_no_setting_of_the_database_changes_what_arrives(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, ds date[], tz timestamptz[], iv interval[], i interval,"
        " f float8[], pt point, b bytea[], m money, t time, r tstzrange, c regclass, a int[]);"
        "INSERT INTO t VALUES (1, '{2024-02-01}', '{2024-02-01 12:00:00+00}', '{1 mon -2 days}',"
        " '-1 mon 2 days', '{0.30000000000000004}', '(0.1,0.30000000000000004)', '{\"\\\\x00ff\"}',"
        " -12.34, '01:02:03.4', '[2024-02-01 00:00:00+00,)', 'pg_class', '[0:1]={1,NULL}');"
        "INSERT INTO t (k) VALUES (2)"
    )
    for setting in SETTINGS:
        flow.database.psql(f"ALTER DATABASE {flow.database.name} SET {setting}")
    flow.sync_and_compare("t")


CURSORS = [
    ("smallint", "i - 500"),
    ("int", "i * 1000"),
    ("bigint", "9007199254740993 + i"),
    ("oid", "i::oid"),
    ("numeric(20,6)", "i + 0.000001"),
    ("numeric(38,0)", "i + 10^37::numeric"),
    ("numeric(5,-1)", "i * 10"),
    ("date", "date '2024-01-01' + i"),
    ("timestamp", "timestamp '2024-01-01' + i * interval '1.000001 s'"),
    ("timestamp(0)", "timestamp '2024-01-01' + i * interval '1 s'"),
    ("timestamptz", "timestamptz '2024-01-01 00:00+05:30' + i * interval '1.000001 s'"),
    ("timestamptz(3)", "timestamptz '2024-01-01' + i * interval '1.001 s'"),
    ("stamp", "timestamptz '2024-01-01' + i * interval '1 s'"),
    ("counter", "i"),
]


@pytest.mark.parametrize(("kind", "value"), CURSORS)
def test_cursor_of_every_type_finds_what_changed(flow, kind, value):
    flow.settings.update(timestamp_column="at", lookback_seconds="0")
    flow.database.psql(
        "CREATE DOMAIN stamp AS timestamptz(6) NOT NULL; CREATE DOMAIN counter AS bigint;"
        f"CREATE TABLE t (k int PRIMARY KEY, v text, at {kind}); CREATE INDEX ON t (at);"
        f"INSERT INTO t SELECT i, 'first', {value} FROM generate_series(1, 400) i"
    )
    first = table_result(flow.sync_and_compare("t"), "t")
    assert (first["mode"], first["upserts"]) == ("incremental", 400)
    flow.database.psql(
        f"INSERT INTO t SELECT i, 'second', {value} FROM generate_series(401, 430) i;"
        f"UPDATE t SET v = 'changed', at = (SELECT {value} FROM (SELECT 431 AS i) x) WHERE k = 7"
    )
    second = table_result(flow.sync_and_compare("t"), "t")
    assert second["mode"] == "incremental" and second["upserts"] >= 31
    # Numbers look back by a count of their own.
    assert second["upserts"] < 40 or "time" not in kind
    assert flow.value("SELECT count(*) FROM tester.t WHERE v = 'changed'") == 1


def test_every_foreign_type_arrives_on_the_stream(serve, database):
    database.psql(
        LOOK_ALIKE.format(name="vector")
        + "CREATE TYPE mood AS ENUM ('é'); CREATE EXTENSION hstore;"
        "CREATE TABLE t (k int PRIMARY KEY, v vector, m mood, h hstore, a mood[]);"
        "INSERT INTO t VALUES (1, '[1]', 'é', 'a=>1', '{é,NULL}');"
        "INSERT INTO t (k) VALUES (2)"
    )
    replica = sync(serve().client, database.configuration())
    assert_same(database, replica, "t")


def test_column_whose_type_changes_between_two_syncs_is_read_anew(flow):
    flow.database.psql(
        "CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE t (k int PRIMARY KEY, c mood);"
        "INSERT INTO t VALUES (1, 'a')"
    )
    flow.sync_and_compare("t")
    flow.database.psql("ALTER TABLE t ALTER c TYPE mood[] USING ARRAY[c, 'b']")
    flow.sync_and_compare("t")
    assert flow.query("SELECT c FROM tester.t") == [('["a","b"]',)]
