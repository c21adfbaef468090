"""Are a table of PostgreSQL and its copy in a warehouse the same, row by row?

PostgreSQL writes its rows as CSV through psql; a DuckDB beside the warehouse reads that and
compares it with the warehouse's rows, both brought to one text by type: two million rows take
seconds, and no row passes through Python. Rows of the warehouse that are soft-deleted are left out.
"""

import contextlib
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
from postgres import BIN

# Texts that depend on the session are pinned; the source pins the same.
SESSION = """
SET client_encoding = 'UTF8'; SET datestyle = 'ISO'; SET intervalstyle = 'postgres';
SET timezone = 'UTC'; SET extra_float_digits = 1; SET bytea_output = 'hex';
SET xmloption = 'content'; SET lc_monetary = 'C'; SET search_path = pg_catalog;
"""
DIFFERENCES_SHOWN = 5
VALUE_SHOWN = 80


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + text.replace("'", "''") + "'"


# A type is an array ('a') or an object ('o') that arrives as JSON, or neither ('s').
KIND = """CASE WHEN t.typtype = 'c' OR t.typname = 'hstore' THEN 'o'
  WHEN t.typelem <> 0 AND t.typlen = -1 AND t.typname NOT IN ('int2vector', 'oidvector') THEN 'a'
  ELSE 's' END"""
COLUMNS = f"""
WITH RECURSIVE base(attnum, attname, oid) AS (
  SELECT a.attnum, a.attname, a.atttypid FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = {{schema}} AND c.relname = {{table}} AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL SELECT attnum, attname, typbasetype FROM base JOIN pg_type t USING (oid)
    WHERE typtype = 'd')
SELECT coalesce(json_agg(json_build_array(attname, typname, {KIND}) ORDER BY attnum), '[]')
  FROM base JOIN pg_type t USING (oid) WHERE typtype <> 'd'"""


@dataclass
class Column:
    name: str
    type: str  # pg_type.typname, of a domain that of its base
    kind: str = "s"

    def in_postgresql(self):
        """The value as the text that is compared; NULL stays NULL."""
        name = quoted(self.name)
        if self.type in ("timestamp", "timestamptz"):
            return f"(extract(epoch FROM {name}) * 1000000)::bigint"
        if self.type == "date":
            return f"{name} - date '1970-01-01'"
        if self.type == "bytea":
            return f"encode({name}, 'hex')"
        if self.type == "bool":
            return f"{name}::text"
        if self.type == "money":
            return f"{name}::numeric"
        if self.kind == "a":
            # An array that does not begin at 1 prints its dimensions.
            return (
                f"CASE WHEN {name}::text LIKE '[%'"
                f" THEN json_build_object(array_dims({name}), to_json({name}))"
                f" ELSE to_json({name}) END"
            )
        if self.kind == "o":
            return f"to_json({name})"
        return name  # COPY writes what the type's output function gives: char(n) with its blanks

    def from_csv(self, name, target):
        """That text, read back, as the warehouse's type would print it."""
        if self.type in ("float4", "float8") and target in ("FLOAT", "DOUBLE"):
            return f"CAST(CAST({name} AS {target}) AS VARCHAR)"
        return name


def in_warehouse(name, target):
    """The warehouse's value as the text that is compared."""
    if target in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        return f"CAST(epoch_us({name}) AS VARCHAR)"
    if target == "DATE":
        return f"CAST(datediff('day', DATE '1970-01-01', {name}) AS VARCHAR)"
    if target == "BLOB":
        return f"lower(hex({name}))"
    if target.startswith("DECIMAL"):
        # Where all digits stand behind the point, DuckDB prints none before it.
        return f"regexp_replace(CAST({name} AS VARCHAR), '^(-?)[.]', '\\10.')"
    return f"CAST({name} AS VARCHAR)"


def columns_of(database, schema, table):
    """The columns of a table of PostgreSQL, in order."""
    out = database.psql(COLUMNS.format(schema=literal(schema), table=literal(table)))
    return [Column(*found) for found in json.loads(out)]


def export(database, sql, path):
    """Writes the rows of a query into a CSV file: NULL bare, every value quoted."""
    server = database.server
    command = f"COPY ({sql}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)"
    with open(path, "wb") as out:
        done = subprocess.run(
            [BIN / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", SESSION, "-c", command],
            env=server.environment(database.name),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()


class Comparison:
    """One table on either side, as views `expected` and `found` of columns c0, c1, … of text."""

    def __init__(self, database, warehouse, table, options):
        self.database = database
        self.schema, self.table = options.get("schema", "public"), table
        self.local = options.get("local", table)
        self.destination = options.get("destination", "tester")
        self.names = options.get("names", {})
        self.where = options.get("where")
        self.distinct = options.get("distinct", False)
        left_out = options.get("left_out", ())
        self.columns = [
            column
            for column in columns_of(database, self.schema, table)
            if column.name not in left_out
        ]
        assert self.columns, f"{self.schema}.{table} has no columns"
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.connection.execute(f"ATTACH {literal(str(warehouse))} AS warehouse (READ_ONLY)")

    def types(self):
        found = self.connection.execute(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE database_name = 'warehouse'"
            " AND schema_name = ? AND table_name = ?",
            [self.destination, self.local],
        ).fetchall()
        assert found, f"the warehouse has no table {self.destination}.{self.local}"
        return dict(found)

    def make_expected(self, path, types):
        source = f"{quoted(self.schema)}.{quoted(self.table)}"
        chosen = ", ".join(column.in_postgresql() for column in self.columns)
        condition = f" WHERE {self.where}" if self.where else ""
        distinct = "DISTINCT " if self.distinct else ""
        export(self.database, f"SELECT {distinct}{chosen} FROM {source}{condition}", path)
        shapes = ", ".join(f"'c{i}': 'VARCHAR'" for i in range(len(self.columns)))
        values = ", ".join(
            column.from_csv(f"c{i}", types[self.local_name(column)]) + f" AS c{i}"
            for i, column in enumerate(self.columns)
        )
        self.connection.execute(
            f"CREATE TEMP VIEW expected AS SELECT {values} FROM read_csv({literal(str(path))},"
            f" columns = {{{shapes}}}, auto_detect = false, header = false, delim = ',',"
            " quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false,"
            " null_padding = false, max_line_size = 134217728, parallel = false)"
        )

    def local_name(self, column):
        return self.names.get(column.name, column.name)

    def make_found(self, types):
        values = ", ".join(
            in_warehouse(quoted(self.local_name(column)), types[self.local_name(column)])
            + f" AS c{i}"
            for i, column in enumerate(self.columns)
        )
        self.connection.execute(
            f"CREATE TEMP VIEW found AS SELECT {values} FROM"
            f" warehouse.{quoted(self.destination)}.{quoted(self.local)}"
            " WHERE NOT _fivetran_deleted"
        )

    def fingerprint(self, view):
        """Rows and a sum of their hashes: equal for equal bags of rows in whatever order."""
        names = ", ".join(f"c{i}" for i in range(len(self.columns)))
        return self.connection.execute(
            f"SELECT count(*), sum(hash(row({names}))::HUGEINT) FROM {view}"
        ).fetchone()

    def only_in(self, view, other):
        """The first rows of one side alone, long values cut."""
        cut = ", ".join(f"left(c{i}, {VALUE_SHOWN}) AS c{i}" for i in range(len(self.columns)))
        return self.connection.execute(
            f"SELECT {cut} FROM (FROM {view} EXCEPT ALL FROM {other}) ORDER BY ALL"
            f" LIMIT {DIFFERENCES_SHOWN}"
        ).fetchall()

    def columns_that_differ(self):
        """Names of the columns whose values, taken by themselves, are not the same."""
        sums = ", ".join(f"sum(hash(c{i})::HUGEINT)" for i in range(len(self.columns)))
        expected, found = (
            self.connection.execute(f"SELECT {sums} FROM {view}").fetchone()
            for view in ("expected", "found")
        )
        return [
            column.name
            for column, one, other in zip(self.columns, expected, found, strict=True)
            if one != other
        ]

    def difference(self, path):
        types = self.types()
        missing = [c.name for c in self.columns if self.local_name(c) not in types]
        if missing:
            return f"the warehouse's {self.local} lacks the columns {missing}"
        self.make_expected(path, types)
        self.make_found(types)
        expected, found = self.fingerprint("expected"), self.fingerprint("found")
        if expected == found:
            return ""
        return (
            f"{self.schema}.{self.table}: PostgreSQL has {expected[0]} rows, the warehouse"
            f" {found[0]}; columns that differ: {self.columns_that_differ()}"
            f"\n  only in PostgreSQL: {self.only_in('expected', 'found')}"
            f"\n  only in the warehouse: {self.only_in('found', 'expected')}"
        )


def difference(database, warehouse, table, **options):
    """What differs, as text; "" where the table and its copy are equal.

    options: schema (of PostgreSQL), local (the table's name in the warehouse), destination (the
    schema there), names (of columns that have another name there), left_out (columns),
    where (SQL: the source's rows that are expected), distinct (identical rows became one).
    """
    with tempfile.TemporaryDirectory(prefix="penstock-rows-") as folder:
        comparison = Comparison(database, warehouse, table, options)
        with contextlib.closing(comparison.connection):
            return comparison.difference(Path(folder) / "rows.csv")


def assert_equal(database, warehouse, *tables, **options):
    """Fails with the first rows that differ, for one table or several."""
    for table in tables:
        found = difference(database, warehouse, table, **options)
        assert not found, found
