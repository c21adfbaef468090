"""The rows of a table of PostgreSQL as a replica of a stream must hold them.

PostgreSQL prints every value as text that says all of it; the replica's values are brought to the
same text here, by the type that the stream declared.
"""

import json
import struct

from rows import SESSION, Column, columns_of, quoted

MICROSECOND_NS = 1000


def expected_rows(database, table, schema="public", columns=None, where="true"):
    """Rows as dictionaries of texts, in any order."""
    chosen = [
        column for column in columns_of(database, schema, table)
        if columns is None or column.name in columns
    ]  # fmt: skip
    # concat() takes what the type's own output gives; a cast to text loses the blanks of char(n).
    values = ", ".join(
        f"CASE WHEN {value} IS NOT NULL THEN concat({value}) END"
        for value in (column.in_postgresql() for column in chosen)
    )
    sql = f"SELECT to_json(ARRAY[{values}]) FROM {quoted(schema)}.{quoted(table)} WHERE {where}"
    out = database.psql(f"{SESSION}{sql};")
    rows = [json.loads(line) for line in out.split("\n") if line]
    return [dict(zip([c.name for c in chosen], row, strict=True)) for row in rows], chosen


def as_text(value, kind, column: Column):
    """A value of the stream as PostgreSQL would print it."""
    if value is None:
        return None
    if kind == "BOOLEAN":
        return "true" if value else "false"
    if kind == "NAIVE_DATE":
        assert value[0] % 86400 == 0 and value[1] == 0
        return str(value[0] // 86400)
    if kind in ("NAIVE_DATETIME", "UTC_DATETIME"):
        assert value[1] % MICROSECOND_NS == 0
        return str(value[0] * 10**6 + value[1] // MICROSECOND_NS)
    if kind == "BINARY":
        return value.hex()
    if column.type in ("float4", "float8"):
        return same_float(value, column.type)
    return str(value)


def same_float(value, name):
    """Bits decide, but for NaN, of which there are many."""
    if value != value:  # noqa: PLR0124
        return "NaN"
    return struct.pack("<f" if name == "float4" else "<d", value).hex()


def normalised(row, columns):
    return {
        column.name: (
            same_float(float(row[column.name]), column.type)
            if column.type in ("float4", "float8") and row[column.name] is not None
            else row[column.name]
        )
        for column in columns
    }


def sorted_rows(rows):
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def assert_same(
    database, replica, table, *, schema="public", columns=None, where="true", named=None,
    distinct=False,
):  # fmt: skip
    """The replica's table is the source's, row by row. `named`: its key in the replica;
    `distinct`: it has no key, and rows that are the same become one.
    """
    expected, chosen = expected_rows(database, table, schema, columns, where)
    kept = replica.tables[named or (None, table)]
    kinds = {column.name: kept.type_of(column.name) for column in chosen}
    found = [
        {c.name: as_text(row.get(c.name), kinds[c.name], c) for c in chosen}
        for row in kept.rows.values()
    ]
    one = sorted_rows(normalised(row, chosen) for row in expected)
    one = sorted(set(one)) if distinct else one
    other = sorted_rows(found)
    missing, extra = sorted(set(one) - set(other)), sorted(set(other) - set(one))
    assert not missing and not extra, (
        f"{table}: {len(one)} rows there, {len(other)} here, {len(missing)} and {len(extra)} alone;"
        f" {first_difference(missing, extra)}"
    )
    assert len(one) == len(other)


def first_difference(missing, extra):
    """Shortened: values can be long."""
    if not missing or not extra:
        return (missing or extra)[0][:500]
    there, here = json.loads(missing[0]), json.loads(extra[0])
    return {
        name: (str(value)[:60], str(here.get(name))[:60])
        for name, value in there.items()
        if value != here.get(name)
    }
