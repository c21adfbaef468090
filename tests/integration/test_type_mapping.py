"""docs/type-mapping.md against the code: its tables are read, and every row is tried.

A column is made of each row's type, each example becomes a value of it, and what arrives in a
warehouse and on a stream is compared with what psql prints.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from clients.connector import sync
from clients.source_rows import assert_same
from flow import Flow, table_result, warnings_about

PAGE = Path(__file__).resolve().parents[2] / "docs" / "type-mapping.md"
HEAD = ["PostgreSQL", "contract", "DuckDB", "wire", "examples", "left out"]
WIRES = {"binary", "text", "JSON"}
# What a fresh server has of types that columns can have, but for arrays of them.
BUILT_IN = """
SELECT string_agg(format_type(oid, NULL), ';' ORDER BY oid) FROM pg_type t
WHERE typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('b', 'r', 'm', 'd')
  AND (typelem = 0 OR typlen <> -1 OR typname IN ('int2vector', 'oidvector'))
"""
SCHEMA_DOMAINS = """
SELECT string_agg(oid::regtype::text, ';') FROM pg_type
WHERE typnamespace = 'information_schema'::regnamespace AND typtype = 'd'
"""


@dataclass
class Row:
    """One row of the page."""

    type: str
    contract: str
    local: str
    wire: str
    examples: list
    left_out: list


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def values(cell):
    """The literals of a cell, each between backticks."""
    found = re.findall(r"`([^`]*)`", cell)
    assert re.sub(r"`[^`]*`", "", cell).strip(", ") == "", f"{cell} has more than literals"
    return ["" if value == "''" else value for value in found]


def page_rows():
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows, inside = [], False
    for line in lines:
        if cells(line) == HEAD:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not line.startswith("|---"):
            name, contract, local, wire, examples, left_out = cells(line)
            (name,) = values(name)
            rows.append(Row(name, contract, local, wire, values(examples), values(left_out)))
    return rows


def page_types():
    """The statements that make the types of the examples."""
    (block,) = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    return block


ROWS = page_rows()


def literal(text, name):
    return "'" + text.replace("'", "''") + f"'::{name}"


def fill(database):
    """Table t: column c<i> is of row i's type; as many rows as the longest list has examples."""
    database.psql(page_types())
    columns = ", ".join(f"c{i} {row.type}" for i, row in enumerate(ROWS))
    statements = [f"CREATE TABLE t (k int PRIMARY KEY, {columns})", "INSERT INTO t VALUES (-1)"]
    for number in range(max(len(row.examples) for row in ROWS)):
        given = {
            f"c{i}": literal(row.examples[number], row.type)
            for i, row in enumerate(ROWS)
            if number < len(row.examples)
        }
        names, chosen = ", ".join(given), ", ".join(given.values())
        statements.append(f"INSERT INTO t (k, {names}) VALUES ({number}, {chosen})")
    # A row of a table as a value has no literal that holds for long.
    number = next(i for i, row in enumerate(ROWS) if row.type == "pg_class")
    statements.append(f"UPDATE t SET c{number} = c FROM pg_class c WHERE c.relname = 't'")
    database.psql(";\n".join(statements))


def test_page_is_well_formed():
    assert len(ROWS) > 100
    assert {row.wire for row in ROWS} == WIRES
    for row in ROWS:
        assert row.local != "JSON" or row.contract == "JSON", row
        assert len(set(row.examples)) == len(row.examples), row


def test_every_built_in_type_has_a_row(database):
    database.psql(page_types())
    documented = "; ".join(f"SELECT {literal(row.type, 'regtype')}::oid" for row in ROWS)
    known = set(database.psql(documented).split("\n"))
    for question in (BUILT_IN, SCHEMA_DOMAINS):
        for name in database.psql(question).split(";"):
            oid = database.psql(f"SELECT {literal(name, 'regtype')}::oid")
            assert oid in known, f"docs/type-mapping.md has no row for {name}"


def test_every_example_arrives_in_the_warehouse(penstock_debug, database):
    fill(database)
    flow = Flow(penstock_debug, database)
    document = flow.sync_and_compare("t")
    assert document["warnings"] == []
    found = dict(
        flow.query(
            "SELECT column_name, data_type FROM duckdb_columns()"
            " WHERE schema_name = 'tester' AND table_name = 't'"
        )
    )
    expected = {f"c{i}": (row.type, row.local) for i, row in enumerate(ROWS)}
    assert {name: (expected[name][0], found[name]) for name in expected} == expected


def test_every_example_arrives_on_the_stream(serve_debug, database):
    fill(database)
    server = serve_debug()
    replica = sync(server.client, database.configuration())
    assert_same(database, replica, "t")
    kept = replica.tables[None, "t"]
    for i, row in enumerate(ROWS):
        contract = kept.type_of(f"c{i}")
        if contract == "DECIMAL":
            decimal = kept.columns[f"c{i}"].params.decimal
            contract = f"DECIMAL({decimal.precision},{decimal.scale})"
        assert contract == row.contract, row.type
    assert replica.warnings == []
    server.assert_well(sanitized=True)


def test_every_value_that_is_left_out_is_counted_and_told(penstock, database):
    """Each type with such values is a table: only its good row arrives."""
    database.psql(page_types())
    refused = {f"t{i}": row for i, row in enumerate(ROWS) if row.left_out}
    assert len(refused) > 5
    for name, row in refused.items():
        given = ", ".join(
            f"({k}, {literal(value, row.type)})" for k, value in enumerate(row.left_out, 1)
        )
        database.psql(
            f"CREATE TABLE {name} (k int PRIMARY KEY, v {row.type});"
            f"INSERT INTO {name} VALUES (0, {literal(row.examples[0], row.type)}), {given}"
        )
    flow = Flow(penstock, database)
    document = flow.sync(code=4)
    for name, row in refused.items():
        assert table_result(document, name)["skipped"] == len(row.left_out), row
        assert warnings_about(document, f"public.{name}", '"v"'), row
        flow.assert_equal(name, where="k = 0")
