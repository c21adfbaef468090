"""Form, Test and Schema as a stranger's client in Python sees them."""

import grpc
import pytest
from clients.connector import Client, code_of, common, has_ipv6

KINDS = {
    "text_field", "dropdown_field", "toggle_field", "conditional_fields", "upload_field",
    "descriptive_dropdown_fields",
}  # fmt: skip
CREATE = """
CREATE TABLE item (
  tenant int, id bigint, b bool, i2 smallint, r real, f double precision, price numeric(12,3),
  wide numeric, day date, at timestamp, moment timestamptz, data bytea, doc jsonb, x xml, note text,
  PRIMARY KEY (tenant, id));
CREATE TABLE plain (v int, "Odd Name-é" text);
"""
ITEM = {
    "tenant": "INT", "id": "LONG", "b": "BOOLEAN", "i2": "SHORT", "r": "FLOAT", "f": "DOUBLE",
    "price": "DECIMAL", "wide": "STRING", "day": "NAIVE_DATE", "at": "NAIVE_DATETIME",
    "moment": "UTC_DATETIME", "data": "BINARY", "doc": "JSON", "x": "XML", "note": "STRING",
}  # fmt: skip


def fields_of(fields, shown_when=()):
    """Every field with the conditions under which it shows."""
    for field in fields:
        yield field, shown_when
        if field.WhichOneof("type") == "conditional_fields":
            group = field.conditional_fields
            yield from fields_of(group.fields, (*shown_when, group.condition))


def type_names(table):
    return {c.name: common().DataType.Name(c.type) for c in table.columns}


@pytest.mark.parametrize("arguments", [(), ("--source", "ehr"), ("--source", "postgresql")])
def test_form_has_one_kind_for_every_field_and_unique_names(serve, arguments):
    form = serve(*arguments).client.form()
    found = list(fields_of(form.fields))
    assert {field.WhichOneof("type") for field, _ in found} <= KINDS
    for field, _ in found:
        assert field.name and field.label
        if field.WhichOneof("type") != "conditional_fields":
            assert field.HasField("required")
    names = [field.name.lower() for field, _ in found]
    assert len(names) == len(set(names))
    assert form.schema_selection_supported and form.table_selection_supported
    assert {test.name for test in form.tests} >= {"connect"}


def test_form_of_all_sources_shows_each_ones_fields_while_it_is_chosen(serve):
    form = serve().client.form()
    first = form.fields[0]
    offered = {one.value for one in first.descriptive_dropdown_fields.descriptive_dropdown_field}
    assert first.name == "source" and {"ehr", "postgresql", "yugabytedb", "example"} <= offered
    found = {
        field.name: conditions
        for field, conditions in fields_of(form.fields)
        if field.WhichOneof("type") != "conditional_fields"
    }
    for source in offered - {"example"}:
        own = [name for name in found if name.startswith(f"{source}_")]
        assert own
        for name in own:
            wanted = {c.condition_field: c.string_value for c in found[name]}
            assert wanted["source"] == source, name
    for conditions in found.values():
        for condition in conditions:
            assert condition.condition_field in found
            assert condition.WhichOneof("visible_when") is not None


def test_form_of_the_example_has_every_kind_of_field(serve):
    form = serve("--source", "example").client.form()
    found = [field for field, _ in fields_of(form.fields)]
    assert {field.WhichOneof("type") for field in found} == KINDS
    secret = next(field for field in found if field.name == "client_secret")
    assert secret.text_field == common().Password
    upload = next(f for f in found if f.WhichOneof("type") == "upload_field").upload_field
    assert upload.max_file_size_bytes > 0
    assert all(kind.startswith(".") for kind in upload.allowed_file_type)


def test_tests_succeed_where_the_source_is_as_configured(serve, database):
    client = serve().client
    database.psql(CREATE)
    for name in ["connect", "select"]:
        answer = client.test(name, database.configuration())
        assert answer.WhichOneof("response") == "success" and answer.success, answer


def test_failed_test_says_what_to_do_and_no_secret(serve, database):
    client = serve().client
    answer = client.test("connect", {**database.configuration(), "password": "wrong-Secret-7"})
    assert answer.WhichOneof("response") == "failure"
    assert "password" in answer.failure and "wrong-Secret-7" not in answer.failure
    answer = client.test("connect", {**database.configuration(), "database": "not_there"})
    assert "not_there" in answer.failure
    answer = client.test("connect", {"source": "postgresql", "host": "db"})
    assert '"database"' in answer.failure and '"user"' in answer.failure
    answer = client.test("connect", {"source": "example"})
    assert "apiBaseURL" in answer.failure
    answer = client.test("connect", {"source": "oracle"})
    assert "oracle" in answer.failure


@pytest.mark.parametrize("name", ["", "conect", "x" * 1000, "é\n"])
def test_unknown_test_is_an_error(serve, name):
    client = serve().client
    code, text = code_of(lambda: client.test(name, {"source": "ehr"}))
    assert code == grpc.StatusCode.INVALID_ARGUMENT
    assert "test" in text and len(text) < 600


def test_schema_without_schemas_has_types_keys_and_decimals(serve, database):
    database.psql(CREATE)
    answer = serve().client.schema(database.configuration())
    assert answer.WhichOneof("response") == "without_schema"
    assert answer.HasField("selection_not_supported") and not answer.selection_not_supported
    tables = {table.name: table for table in answer.without_schema.tables}
    assert set(tables) == {"item", "plain"}
    assert type_names(tables["item"]) == ITEM
    assert type_names(tables["plain"]) == {"v": "INT", "Odd Name-é": "STRING"}
    keys = [column.name for column in tables["item"].columns if column.primary_key]
    assert keys == ["tenant", "id"]
    assert not any(column.primary_key for column in tables["plain"].columns)
    columns = {column.name: column for column in tables["item"].columns}
    params = columns["price"].params
    assert params.WhichOneof("params") == "decimal"
    assert (params.decimal.precision, params.decimal.scale) == (12, 3)
    assert [name for name, column in columns.items() if column.HasField("params")] == ["price"]


def test_schema_with_schemas_where_they_are_asked_for(serve, database):
    database.psql(CREATE + "CREATE SCHEMA s; CREATE TABLE s.item (id int PRIMARY KEY);")
    client = serve().client
    configuration = database.configuration(schema="public,s")
    code, text = code_of(lambda: client.schema(configuration))
    assert code == grpc.StatusCode.FAILED_PRECONDITION and "destination_names" in text
    answer = client.schema({**configuration, "destination_names": "schema"})
    assert answer.WhichOneof("response") == "with_schema"
    found = {s.name: {t.name for t in s.tables} for s in answer.with_schema.schemas}
    assert found == {"public": {"item", "plain"}, "s": {"item"}}
    answer = client.schema({**configuration, "destination_names": "schema_table"})
    names = {table.name for table in answer.without_schema.tables}
    assert names == {"public_item", "public_plain", "s_item"}


def test_schema_of_an_empty_database_is_an_answer(serve, database):
    answer = serve().client.schema(database.configuration())
    assert answer.WhichOneof("response") == "without_schema"
    assert not answer.without_schema.tables


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_both_families_are_served(serve, host):
    if host == "[::1]" and not has_ipv6():
        pytest.skip("this machine has no IPv6")
    server = serve()
    with Client(server.port, host=host) as client:
        assert client.form().fields
        assert client.test("connect", {"source": "ehr"}).success


def test_port_alone_serves(serve):
    server = serve(command=())
    assert server.client.form().fields
    assert server.stop() == 0
