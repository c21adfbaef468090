"""Values of every common type of PostgreSQL, as they lie in the warehouse after a sync."""

import pytest
from flow import Flow

# One column a type: the rows below hold NULL, empty, extremes and Unicode for each of them.
CREATE = """
CREATE DOMAIN amount AS numeric(12,4);
CREATE TYPE mood AS ENUM ('ok', 'nicht gut', '');
CREATE TABLE every (
  k bigint PRIMARY KEY, b bool, i2 smallint, i4 int, i8 bigint, f4 real, f8 double precision,
  n10 numeric(10,2), n38 numeric(38,10), n30 numeric(38,38), n numeric, wide numeric(60,20),
  n0 numeric(5,-2), t text, v varchar(20), c char(6), nm name, d date, ts timestamp, tz timestamptz,
  ts0 timestamp(0), u uuid, ba bytea, j json, jb jsonb, m money, dm amount, md mood,
  arr int[], tarr text[], iv interval, tm time, tmz timetz, ip inet, cd cidr, mac macaddr,
  bits bit(3), vbits varbit, pt point, r int4range, ocd "char", o oid, ltree_like text[][], x xml,
  tsv tsvector);
"""
EXTREMES = [
    {"k": "1"},
    {
        "k": "2", "b": "false", "i2": "0", "i4": "0", "i8": "0", "f4": "'-0'", "f8": "'-0'",
        "n10": "0", "n38": "0", "n30": "0", "n": "0", "wide": "0", "n0": "0", "t": "''",
        "v": "''", "c": "''", "nm": "''", "d": "'1970-01-01'", "ts": "'1970-01-01'",
        "tz": "'1970-01-01 00:00+00'", "u": "'00000000-0000-0000-0000-000000000000'",
        "ba": "''", "j": "'{}'", "jb": "'{}'", "m": "0", "dm": "0", "md": "''", "arr": "'{}'",
        "tarr": "'{}'", "iv": "'0'", "tm": "'00:00'", "bits": "'000'", "vbits": "''",
        "r": "'empty'", "ocd": "''", "x": "''", "tsv": "''",
    },
    {
        "k": "9223372036854775807", "b": "true", "i2": "32767", "i4": "2147483647",
        "i8": "9223372036854775807", "f4": "3.4028235e38", "f8": "1.7976931348623157e308",
        "n10": "99999999.99", "n38": "9999999999999999999999999999.9999999999",
        "n30": "0.99999999999999999999999999999999999999", "n": "repeat('9', 99)::numeric + 0.5",
        "wide": "repeat('9', 40)::numeric", "n0": "9999900",
        "t": "repeat('zażółć 日本語 🐻 ', 5000)",
        "v": "'ÄÖÜ🐻é'", "c": "'äb'", "nm": "'ñame'", "d": "'9999-12-31'",
        "ts": "'9999-12-31 23:59:59.999999'", "tz": "'9999-12-31 23:59:59.999999+00'",
        "ts0": "'2024-02-29 23:59:59'", "u": "'ffffffff-ffff-ffff-ffff-ffffffffffff'",
        "ba": "decode(repeat('00ff5c27', 5000), 'hex')",
        "j": """'{"b" : 1, "a": [1.50, null, "\\u00e9"],  "a": 2}'""",
        "jb": """'{"b" : 1, "a": [1.50, null, "é\\n"]}'""", "m": "'92233720368547758.07'",
        "dm": "12345678.9999", "md": "'nicht gut'", "arr": "'{1,NULL,-3}'",
        "tarr": """'{"a,b","\\"q\\"",NULL,""}'""", "iv": "'1 year 2 mons -3 days 04:05:06.789'",
        "tm": "'24:00'", "tmz": "'12:00:00.000001+02'", "ip": "'::1/64'", "cd": "'10.0.0.0/8'",
        "mac": "'08:00:2b:01:02:03'", "bits": "'101'", "vbits": "'1'", "pt": "'(1.5,-2)'",
        "r": "'[1,5)'", "ocd": "'c'", "o": "4294967295", "ltree_like": "'{{a,b},{c,d}}'",
        "x": "'<a b=\"1\">é</a>'", "tsv": "'fat cats'::tsvector",
    },
    {
        "k": "-9223372036854775808", "i2": "-32768", "i4": "-2147483648",
        "i8": "-9223372036854775808", "f4": "1.4e-45", "f8": "4.9e-324", "n10": "-99999999.99",
        "n38": "-0.0000000001", "n30": "-0.00000000000000000000000000000000000001",
        "n": "'-0.00000000000000000001000'", "wide": "-1e-20", "n0": "-100",
        "t": """E'quote '' " \\\\ tab\\t cr\\r lf\\n nul-free \\\\N ; -- %s'""", "v": "' a '",
        "c": "' x'", "d": "'0001-01-01'", "ts": "'0001-01-01 00:00:00.000001'",
        "tz": "'0001-01-01 00:00:00+00'", "j": "'null'", "jb": "'null'", "m": "'-0.01'",
        "iv": "'-178000000 years'",
    },
    {
        "k": "0", "f4": "'NaN'", "f8": "'NaN'", "n": "'NaN'", "ts": "'1969-12-31 23:59:59.999999'",
        "tz": "'1883-11-18 12:03:58+00'", "j": "'\"text\"'", "jb": "'[]'",
    },
    {"k": "3", "f4": "'Infinity'", "f8": "'-Infinity'", "n": "'-Infinity'"},
]  # fmt: skip
TYPES = {
    "k": "BIGINT", "b": "BOOLEAN", "i2": "SMALLINT", "i4": "INTEGER", "i8": "BIGINT",
    "f4": "FLOAT", "f8": "DOUBLE", "n10": "DECIMAL(10,2)", "n38": "DECIMAL(38,10)",
    "n30": "DECIMAL(38,38)", "n": "VARCHAR", "wide": "VARCHAR", "n0": "DECIMAL(7,0)",
    "t": "VARCHAR",
    "v": "VARCHAR", "c": "VARCHAR", "nm": "VARCHAR", "d": "DATE", "ts": "TIMESTAMP",
    "tz": "TIMESTAMP WITH TIME ZONE", "ts0": "TIMESTAMP", "u": "VARCHAR", "ba": "BLOB",
    "j": "JSON", "jb": "JSON", "dm": "DECIMAL(12,4)", "md": "VARCHAR", "arr": "JSON",
    "iv": "VARCHAR", "x": "VARCHAR", "tarr": "JSON", "ltree_like": "JSON", "o": "BIGINT",
    "_fivetran_synced": "TIMESTAMP WITH TIME ZONE", "_fivetran_deleted": "BOOLEAN",
}  # fmt: skip


@pytest.fixture
def flow(penstock, database):
    return Flow(penstock, database)


@pytest.fixture
def careful(penstock_debug, database):
    """With the sanitizers' build."""
    return Flow(penstock_debug, database)


def fill(database):
    database.psql(CREATE)
    for row in EXTREMES:
        names, values = ", ".join(row), ", ".join(row.values())
        database.psql(f"INSERT INTO every ({names}) VALUES ({values})")


def test_every_type_arrives_as_it_is(careful):
    fill(careful.database)
    document = careful.sync_and_compare("every")
    assert document["warnings"] == []
    assert document["totals"]["upserts"] == len(EXTREMES)


def test_every_type_has_its_type_in_the_warehouse(flow):
    fill(flow.database)
    flow.sync()
    found = dict(
        flow.query(
            "SELECT column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = 'tester' AND table_name = 'every'"
        )
    )
    assert {name: found.get(name) for name in TYPES} == TYPES


def test_text_depends_on_no_setting_of_the_database(flow):
    """A database whose sessions print dates, floats and bytes in another way is read the same."""
    fill(flow.database)
    name = flow.database.name
    flow.database.psql(
        f"ALTER DATABASE {name} SET datestyle = 'German, DMY';"
        f"ALTER DATABASE {name} SET intervalstyle = 'sql_standard';"
        f"ALTER DATABASE {name} SET timezone = 'America/St_Johns';"
        f"ALTER DATABASE {name} SET extra_float_digits = -5;"
        f"ALTER DATABASE {name} SET bytea_output = 'escape';"
        f"ALTER DATABASE {name} SET client_encoding = 'LATIN1';"
        f"ALTER DATABASE {name} SET search_path = pg_temp;"
        f"ALTER DATABASE {name} SET quote_all_identifiers = on;"
        f"ALTER DATABASE {name} SET client_min_messages = debug5;"
    )
    done = flow.penstock("check", "--config", flow.configure())
    assert done.code == 0 and done.err == ""  # nor do the server's own messages come through
    flow.sync_and_compare("every")


def test_citext_arrives_as_text(flow):
    available = "SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'"
    if flow.database.psql(available) == "0":
        pytest.skip("this PostgreSQL has no citext")
    flow.database.psql(
        "CREATE EXTENSION citext; CREATE TABLE t (k citext PRIMARY KEY, v citext);"
        "INSERT INTO t VALUES ('Aé', 'X'), ('b', NULL), ('', '')"
    )
    flow.sync_and_compare("t")


def test_blanks_of_char_stay(flow):
    flow.database.psql("CREATE TABLE t (k char(4) PRIMARY KEY); INSERT INTO t VALUES ('a'), ('')")
    flow.sync_and_compare("t")
    assert flow.query("SELECT k FROM tester.t ORDER BY k") == [("    ",), ("a   ",)]


def test_null_and_empty_differ(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, s text, b bytea);"
        "INSERT INTO t VALUES (1, NULL, NULL), (2, '', '')"
    )
    flow.sync_and_compare("t")
    assert flow.query("SELECT s, b FROM tester.t ORDER BY k") == [(None, None), ("", b"")]


def test_large_values_arrive_whole(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, s text, b bytea);"
        "INSERT INTO t SELECT i, repeat(md5(i::text), 300000 + i), decode(repeat(md5(i::text),"
        " 200000), 'hex') FROM generate_series(1, 3) i; INSERT INTO t VALUES (4, 'small', 'x')"
    )
    flow.sync_and_compare("t")


def test_row_with_a_value_above_the_limit_is_left_out_and_counted(flow):
    flow.database.psql(
        "CREATE TABLE t (k int PRIMARY KEY, s text);"
        "INSERT INTO t VALUES (1, 'small'), (2, repeat('x', 5000)), (3, repeat('y', 1024))"
    )
    document = flow.sync(code=4, max_value_bytes="1024")
    assert document["totals"]["skipped"] == 1
    flow.assert_equal("t", where="k <> 2")


def test_database_without_an_encoding_is_read(postgres, penstock):
    """SQL_ASCII: text that is UTF-8 arrives, a row with other bytes is left out and counted."""
    from postgres import Database  # noqa: PLC0415

    postgres.psql("CREATE DATABASE no_encoding ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    try:
        database = Database(postgres, "no_encoding")
        database.psql(
            "CREATE TABLE t (k int PRIMARY KEY, s text, c char(5));"
            "INSERT INTO t VALUES (1, 'é', 'ab'), (2, E'\\377', 'x'), (3, '', '')"
        )
        flow = Flow(penstock, database)
        document = flow.sync(code=4)
        assert document["totals"]["skipped"] == 1
        assert flow.query("SELECT k, s, c FROM tester.t ORDER BY k") == [
            (1, "é", "ab   "),
            (3, "", "     "),
        ]
    finally:
        postgres.psql("DROP DATABASE no_encoding WITH (FORCE)")
