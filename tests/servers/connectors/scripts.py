"""The scripts of scripted.py. Each is a class: what it declares, and what it sends in Update.

`BREACHES` names the scripts that break the contract in one way each, by the breach's own name.
"""

import json
import os
import time

import common_pb2 as common
import connector_sdk_pb2 as sdk
import grpc

UPSERT, UPDATE, DELETE, TRUNCATE = range(4)
SCRIPTS = {}
BREACHES = []
CHUNK = 2 << 20
TYPES = {
    "id": common.LONG, "name": common.STRING, "small": common.SHORT, "at": common.UTC_DATETIME,
    "day": common.NAIVE_DATE, "doc": common.JSON, "x": common.XML,
    "clock": common.STRING,
}  # fmt: skip


def value(**one):
    return common.ValueType(**one)


def long(number):
    return value(long=number)


def text(characters):
    return value(string=characters)


NULLS = {name: value(null=True) for name in (*TYPES, "price") if name != "id"}


def record(table, operation=UPSERT, schema=None, sparse=False, **columns):
    """An UPSERT of t has all its columns, as it must, unless it is `sparse`."""
    if table == "t" and operation == UPSERT and not sparse:
        columns = {**NULLS, **columns}
    return sdk.Record(table_name=table, type=operation, schema_name=schema, data=columns)


def one(item):
    return sdk.UpdateResponse(record=item).SerializeToString()


def many(*items):
    return sdk.UpdateResponse(records=sdk.Records(records=items)).SerializeToString()


def checkpoint(state):
    document = state if isinstance(state, str) else json.dumps(state)
    return sdk.UpdateResponse(checkpoint=sdk.Checkpoint(state_json=document)).SerializeToString()


def announce(*tables):
    change = sdk.SchemaChange(without_schema=common.TableList(tables=tables))
    return sdk.UpdateResponse(schema_change=change).SerializeToString()


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, content):
    """A length-delimited field, for what no library knows."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def columns(types, keys=("id",)):
    made = [common.Column(name=n, type=t, primary_key=n in keys) for n, t in types.items()]
    price = common.DataTypeParams(decimal=common.DecimalParams(precision=10, scale=2))
    return [*made, common.Column(name="price", type=common.DECIMAL, params=price)]


def key(name):
    return common.Column(name=name, primary_key=True)


class Script:
    """Declares the table t; a good connector as it stands."""

    def __init_subclass__(cls):
        SCRIPTS[cls.__name__] = cls
        if cls.__module__ == __name__ and cls.__name__.islower():
            BREACHES.append(cls.__name__)

    def form(self):
        return common.ConfigurationFormResponse().SerializeToString()

    def test(self, request):
        return common.TestResponse(success=True).SerializeToString()

    def schema(self):
        table = common.Table(name="t", columns=columns(TYPES))
        answer = sdk.SchemaResponse(without_schema=common.TableList(tables=[table]))
        return answer.SerializeToString()

    def answer(self, request, context):
        self.request = sdk.UpdateRequest.FromString(request)
        self.state = json.loads(self.request.state_json)
        self.context = context
        yield from self.update()

    def update(self):
        yield checkpoint({})


class Free(Script):
    """Knows no schema."""

    def schema(self):
        return sdk.SchemaResponse(schema_response_not_supported=True).SerializeToString()


class One(Script):
    """Sends one record and a checkpoint; `columns` is what it sends besides the key."""

    columns = {}

    def update(self):
        yield one(record("t", **{"id": long(1), **self.columns}))
        yield checkpoint({})


# Breaches: one way each.


class records_count(Script):  # noqa: N801 (the breach's own name)
    def update(self):
        yield many(*(record("t", id=long(n)) for n in range(101)))
        yield checkpoint({})


class key_missing(Script):  # noqa: N801
    def update(self):
        yield one(record("t", name=text("no key")))
        yield checkpoint({})


class key_null(Script):  # noqa: N801
    def update(self):
        yield one(record("t", id=value(null=True)))
        yield checkpoint({})


class column_missing(Script):  # noqa: N801
    def update(self):
        yield one(record("t", sparse=True, id=long(1), name=text("alone")))
        yield one(record("t", UPDATE, id=long(1), name=text("may be alone")))
        yield checkpoint({})


class declared_twice(Script):  # noqa: N801
    def schema(self):
        table = common.Table(name="t", columns=[*columns(TYPES), *columns({"name": common.STRING})])
        answer = sdk.SchemaResponse(without_schema=common.TableList(tables=[table]))
        return answer.SerializeToString()


class no_key(Free):  # noqa: N801
    def update(self):
        yield one(record("u", UPDATE, a=long(1)))
        yield checkpoint({})


class column_undeclared(One):  # noqa: N801
    columns = {"other": text("x")}


class type_differs(One):  # noqa: N801
    columns = {"name": value(int=7)}


class short_range(One):  # noqa: N801
    columns = {"small": value(short=40000)}


class naive_time(One):  # noqa: N801
    def update(self):
        clock = common.ValueType()
        clock.naive_time.seconds = 45296
        clock.naive_time.nanos = 500000000
        yield one(record("t", id=long(1), clock=clock))
        yield checkpoint({})


class table_unknown(Script):  # noqa: N801
    def update(self):
        yield one(record("early", id=long(1)))
        yield announce(common.Table(name="early", columns=columns({"id": common.LONG})))
        yield one(record("early", id=long(2), price=value(null=True)))
        yield checkpoint({})


class no_checkpoint(Script):  # noqa: N801
    def update(self):
        yield one(record("t", id=long(1)))


class platform_column(One):  # noqa: N801
    columns = {"_fivetran_deleted": value(bool=True)}


class time_range(Script):  # noqa: N801
    def update(self):
        late = common.ValueType()
        late.utc_datetime.seconds = 253402300800
        yield one(record("t", id=long(1), at=late))
        yield checkpoint({})


class date_not_midnight(Script):  # noqa: N801
    def update(self):
        day = common.ValueType()
        day.naive_date.seconds = -1
        yield one(record("t", id=long(1), day=day))
        yield checkpoint({})


class decimal_invalid(One):  # noqa: N801
    columns = {"price": value(decimal="12,50")}


class decimal_precision(One):  # noqa: N801
    columns = {"price": value(decimal="1" * 39)}


class json_invalid(One):  # noqa: N801
    columns = {"doc": value(json='{"a":')}


class xml_invalid(One):  # noqa: N801
    columns = {"x": value(xml="<a><b></a>")}


class text_invalid(Script):  # noqa: N801
    def update(self):
        bad = field(4, field(1, b"name") + field(2, field(13, b"\xff\xfe")))
        yield field(1, record("t", id=long(1)).SerializeToString() + bad)
        yield checkpoint({})


class value_empty(One):  # noqa: N801
    columns = {"name": common.ValueType()}


class name_invalid(One):  # noqa: N801
    columns = {"": text("nameless")}


class name_case(One):  # noqa: N801
    columns = {"NAME": text("the same")}


class table_unnamed(Script):  # noqa: N801
    def update(self):
        yield one(record("", id=long(1)))
        yield checkpoint({})


class schema_mixed(Script):  # noqa: N801
    def schema(self):
        table = common.Table(name="t", columns=columns(TYPES))
        answer = sdk.SchemaResponse()
        answer.with_schema.schemas.add(name="s").tables.append(table)
        return answer.SerializeToString()

    def update(self):
        yield one(record("t", schema="s", id=long(1)))
        yield announce(common.Table(name="t", columns=columns(TYPES)))
        yield one(record("t", schema="s", id=long(2)))
        yield checkpoint({})


class schema_empty(Script):  # noqa: N801
    def schema(self):
        return b""

    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({})


class record_type(Script):  # noqa: N801
    def update(self):
        yield one(record("t", 7, id=long(1)))
        yield checkpoint({})


class operation_empty(Script):  # noqa: N801
    def update(self):
        yield b""
        yield checkpoint({})


class state_size(Script):  # noqa: N801
    def update(self):
        yield checkpoint({"much": "x" * (11 << 20)})


class state_json(Script):  # noqa: N801
    def update(self):
        yield checkpoint("last page: 7")


class message_size(Script):  # noqa: N801
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        yield one(record("t", id=long(2), name=text("x" * (130 << 20))))
        yield checkpoint({"n": 2})


def chunk(path, data=b"", *, size=None, last=False, schema=None):
    content = field(2, b"docs") + field(3, path.encode()) + field(4, data)
    if schema is not None:
        content = field(1, schema.encode()) + content
    if size is not None:
        content += bytes([5 << 3]) + varint(size)
    if last:
        content += bytes([6 << 3, 1])
    return field(7, content)


class file_size(Script):  # noqa: N801
    def update(self):
        yield chunk("a.txt", b"abc", size=5)
        yield chunk("a.txt", size=5, last=True)
        yield checkpoint({})


class file_unfinished(Script):  # noqa: N801
    def update(self):
        yield chunk("a.txt", b"abc" * 1000, size=3000)
        yield chunk("b.txt", b"b")
        yield chunk("b.txt", last=True)
        yield checkpoint({})


class UnfinishedAtCheckpoint(Free):
    def update(self):
        yield checkpoint({"n": 1})
        yield chunk("a.txt", b"abc" * 1000, size=3000)
        yield one(record("docs", id=long(1), _fivetran_file_path=text("a.txt")))
        yield from self.then()

    def then(self):
        yield checkpoint({"n": 2})


class UnfinishedAtEnd(UnfinishedAtCheckpoint):
    def then(self):
        return ()


class Nothing(Script):
    def update(self):
        return ()


class decimal_range(One):  # noqa: N801
    columns = {"price": value(decimal="123456789012.345")}


class type_unknown(Script):  # noqa: N801
    def schema(self):
        number = bytes([2 << 3, 99])
        odd = common.Column(name="odd").SerializeToString() + number
        table = field(1, b"u") + field(2, key("id").SerializeToString()) + field(2, odd)
        return field(3, field(1, table))

    def update(self):
        yield one(record("u", id=long(1), odd=long(5)))
        yield checkpoint({})


class file_path(Script):  # noqa: N801
    def update(self):
        for path in ("../../../out", "/tmp/out", "a//b", "..", "a/", "a/../../../b", "a\0b"):
            yield chunk(path, b"no")
            yield chunk(path, last=True)
        yield checkpoint({})


# What is right, and the additions of the Python SDK.


class Good(Script):
    def update(self):
        n = self.state.get("n", 0)
        yield many(*(record("t", id=long(n * 10 + i), name=text(f"row {i}")) for i in range(10)))
        yield one(record("t", UPDATE, id=long(n * 10), name=text("changed")))
        yield one(record("t", DELETE, id=long(n * 10 + 1)))
        yield checkpoint({"n": n + 1, "configuration": dict(self.request.configuration)})


class Types(Free):
    """Every kind of value, in columns that nobody declared; the second record widens some."""

    def update(self):
        moment = {k: common.ValueType() for k in ("day", "wall", "utc")}
        moment["day"].naive_date.seconds = 951782400
        moment["wall"].naive_datetime.seconds = -1
        moment["wall"].naive_datetime.nanos = 123456000
        moment["utc"].utc_datetime.seconds = 1709251199
        yield one(
            record(
                "v", b=value(bool=True), s=value(short=-7), i=value(int=-70000), l=long(1 << 40),
                f=value(float=0.5), d=value(double=0.1), n=value(decimal="-12.50"),
                raw=value(binary=b"\0\xff"), t=text("ä"), j=value(json='{"a": [1]}'),
                x=value(xml="<a/>"), none=value(null=True), **moment,
            )
        )  # fmt: skip
        yield one(
            record(
                "v", s=value(short=7), i=long(1 << 33), n=value(decimal="1E+3"), t=long(5),
                f=value(double=0.1), b=text("maybe"), later=value(int=1),
            )
        )  # fmt: skip
        yield checkpoint({})


class KeysOnly(Script):
    def schema(self):
        table = common.Table(name="k", columns=[common.Column(name="id", primary_key=True)])
        answer = sdk.SchemaResponse(without_schema=common.TableList(tables=[table]))
        return answer.SerializeToString()

    def update(self):
        yield one(record("k", id=text("a"), other=long(1)))
        yield one(record("undeclared", x=long(1)))
        yield checkpoint({})


class KeyAppears(Free):
    """A table without a key gets one, which two of its rows share; in a later sync another."""

    def update(self):
        v = common.Column(name="v", type=common.STRING)
        keyed = common.Table(name="k", columns=[key("id"), v])
        if not self.state:
            yield one(record("k", id=long(1), v=text("a")))
            yield one(record("k", id=long(1), v=text("b")))
            yield one(record("k", id=long(5), v=text("c")))
            yield checkpoint({"n": 1})
            yield announce(keyed)
            yield one(record("k", id=long(1), v=text("d")))
            yield checkpoint({"n": 2})
        elif self.state == {"n": 2}:
            yield announce(keyed)
            yield one(record("k", id=long(2), v=text("e")))
            yield checkpoint({"n": 3})
        else:
            keyed.columns[1].primary_key = True
            yield announce(keyed)
            yield one(record("k", id=long(2), v=text("f")))
            yield checkpoint({"n": 4})


class RowDataOfNoKind(Script):
    def update(self):
        yield checkpoint({"n": 1})
        name = field(5, field(1, b"id") + field(2, b"\x0142")) + field(
            5, field(1, b"name") + field(2, b"\x09Ada")
        )
        yield field(1, field(2, b"t") + name)


class RowDataOfNoNumber(Script):
    def update(self):
        yield checkpoint({"n": 1})
        yield field(1, field(2, b"t") + field(5, field(1, b"id") + field(2, b"\x05Ada")))


class RowData(Script):
    """row_data in place of data."""

    def schema(self):
        types = {**TYPES, "free": common.UNSPECIFIED}
        table = common.Table(name="t", columns=columns(types))
        answer = sdk.SchemaResponse(without_schema=common.TableList(tables=[table]))
        return answer.SerializeToString()

    def update(self):
        entries = {
            "id": b"\x0142", "name": b"\x01Ada", "at": b"\x012024-02-29T12:00:00Z",
            "price": b"\x0112.50", "doc": b'\x02{"a": 1}', "small": b"\x017", "x": b"\0",
            "free": b"\x040.5", "clock": b"\0", "day": b"\0",
        }  # fmt: skip
        made = b"".join(
            field(5, field(1, name.encode()) + field(2, data)) for name, data in entries.items()
        )
        yield field(1, field(2, b"t") + made)
        free = {"number": b"\x017", "word": b"\x01007", "yes": b"\x01true", "bytes": b"\x03\0\xff"}
        made = b"".join(
            field(5, field(1, name.encode()) + field(2, data)) for name, data in free.items()
        )
        yield announce(common.Table(name="loose", columns=[key("number")]))
        yield field(1, field(2, b"loose") + made)
        yield checkpoint({})


class Files(Free):
    def update(self):
        content = bytes(range(256)) * 10000
        for at in range(0, len(content), CHUNK):
            yield chunk("a/b/report.pdf", content[at : at + CHUNK], size=len(content))
        yield chunk("a/b/report.pdf", last=True)
        yield one(record("docs", id=long(1), _fivetran_file_path=text("a/b/report.pdf")))
        yield chunk("note.txt", b"hello", schema="other")
        yield chunk("note.txt", last=True, schema="other")
        yield checkpoint({})


class Truncates(Script):
    """The sync's number says how the table is emptied: never, by a record, at once, deferred."""

    def update(self):
        n = self.state.get("n", 0)
        if n == 1:
            yield many(record("t", id=long(1000)), record("t", TRUNCATE), record("t", id=long(1)))
        if n == 2:
            yield field(8, field(2, b"t"))
        if n in (3, 4):
            yield field(8, field(2, b"t") + bytes([3 << 3, 1]))
        for i in range(3):
            yield one(record("t", id=long(n * 10 + i)))
        yield one(record("t", UPDATE, id=long(1), name=text("kept")))
        if n == 4:
            yield checkpoint({"n": n, "failed": True})
            self.context.abort(grpc.StatusCode.INTERNAL, "after a deferred truncate")
        yield checkpoint({"n": n + 1})


class Schemas(Script):
    """Two schemas, one of them unnamed, as the Python SDK has them."""

    def schema(self):
        answer = sdk.SchemaResponse()
        for name in ("Sales", ""):
            table = answer.with_schema.schemas.add(name=name).tables.add(name="t")
            table.columns.add(name="id", type=common.LONG, primary_key=True)
            table.columns.add(name="v", type=common.STRING)
        return answer.SerializeToString()

    def update(self):
        yield one(record("t", schema="Sales", sparse=True, id=long(1), v=text("sales")))
        yield one(record("t", sparse=True, id=long(1), v=text("own")))
        yield checkpoint({})


class Growing(Free):
    """An undeclared table over three syncs: its columns keep the types that they have there."""

    def update(self):
        n = self.state.get("n", 0)
        if n == 0:
            yield one(record("g", a=long(1 << 40), b=text("x")))
        else:
            yield announce(common.Table(name="g", columns=[key("a")]))
            yield one(record("g", UPDATE, a=long(1 << 40), b=value(null=True)))
            yield one(record("g", a=value(int=n), c=value(bool=True)))
        yield checkpoint({"n": n + 1})


class ColumnEachRow(Free):
    """A new column with each row, no checkpoint between them; the second sync brings others."""

    def update(self):
        n = self.state.get("n", 0)
        for i in range(1000 if n == 0 else 50):
            yield one(record("w", id=long(i), **{f"c{n}_{i}": long(i)}))
            if i % 500 == 30:
                yield one(record("w", UPDATE, id=long(i), **{f"u{n}": text("updated")}))
                yield one(record("w", DELETE, id=long(i - 1)))
        yield checkpoint({"n": n + 1})

    def schema(self):
        table = common.Table(name="w", columns=[key("id")])
        answer = sdk.SchemaResponse(without_schema=common.TableList(tables=[table]))
        return answer.SerializeToString()


class ColumnAnnounced(Script):
    """Each column is announced, followed by a row; every tenth widens one that is there."""

    def update(self):
        for i in range(1000):
            column = common.Column(name=f"c{i}", type=common.SHORT)
            wider = common.Column(name=f"c{i - 10}", type=common.LONG)
            table = common.Table(name="t", columns=[column] if i % 10 else [column, wider])
            yield announce(table)
            yield one(record("t", id=long(i), **{f"c{i}": value(short=i)}))
        yield checkpoint({})


class LateColumn(Script):
    """A million rows; the second sync changes some of them, and all that come are wider."""

    def schema(self):
        return ColumnEachRow.schema(self)

    def update(self):
        n = self.state.get("n", 0)
        if n == 0:
            for at in range(0, 1000000, 100):
                yield many(*(record("w", id=long(at + i)) for i in range(100)))
        else:
            yield many(*(record("w", id=long(i), name=text("changed")) for i in range(100)))
            yield one(record("w", DELETE, id=long(7)))
            yield many(*(record("w", id=long(i), late=long(i)) for i in range(50, 150)))
        yield checkpoint({"n": n + 1})


# What goes wrong.


class FormAndTests(Script):
    passes = True

    def form(self):
        form = common.ConfigurationFormResponse()
        form.fields.add(name="host", label="Host", text_field=common.PlainText)
        form.tests.add(name="connect", label="Connecting")
        form.tests.add(name="select", label="Reading")
        return form.SerializeToString()

    def test(self, request):
        if common.TestRequest.FromString(request).name == "select" and not self.passes:
            return common.TestResponse(failure="no right to read t").SerializeToString()
        return super().test(request)


class FailingTest(FormAndTests):
    passes = False


class Tasked(Script):
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        yield one(record("t", id=long(2)))
        message = json.dumps({"message": "renew the key", "trace": "line 7"})
        yield sdk.UpdateResponse(warning=common.Warning(message="slow")).SerializeToString()
        yield sdk.UpdateResponse(task=common.Task(message=message)).SerializeToString()
        yield checkpoint({"n": 2})


class Failing(Script):
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        yield one(record("t", id=long(2)))
        lines = "\n".join(f"  File connector.py, line {n}" for n in range(2000))
        self.context.abort(grpc.StatusCode.UNKNOWN, f"Traceback\n{lines}\nKeyError: 'page'")


class Dying(Script):
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        yield one(record("t", id=long(2)))
        time.sleep(0.5)
        os._exit(9)


class Hanging(Script):
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        yield one(record("t", id=long(2)))
        time.sleep(60)


class HangingForm(Script):
    def form(self):
        time.sleep(60)


class Garbage(Script):
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        yield b"\x0a\xff\xff\xff\xff\x0fno such length"


class GarbageRecord(Script):
    def update(self):
        yield field(1, field(2, b"t") + b"\x22\x7f\x0a")


class GarbageSchema(Script):
    def schema(self):
        return b"\x1a\x05\x0a\xff"


class FloodOfTables(Script):
    def update(self):
        for n in range(1100):
            column = common.Column(name="a")
            names = (f"t{n}_{i}" for i in range(100))
            yield announce(*(common.Table(name=name, columns=[column]) for name in names))
        yield checkpoint({})


class FloodOfColumns(Script):
    def update(self):
        for n in range(1100):
            yield announce(
                common.Table(
                    name="wide", columns=[common.Column(name=f"c{n * 10 + i}") for i in range(10)]
                )
            )
        yield checkpoint({})


class FloodOfWarnings(Script):
    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        warning = sdk.UpdateResponse(warning=common.Warning(message="x" * 100))
        while True:
            yield warning.SerializeToString()


class FloodOfNothing(Script):
    """Empty messages, changes that change nothing, checkpoints: over and over."""

    def update(self):
        yield one(record("t", id=long(1)))
        yield checkpoint({"n": 1})
        same = announce(common.Table(name="t", columns=columns(TYPES)))
        while True:
            yield from (same, many(), *[b""] * 100)
