"""What lies under the four calls: compression, health, reflection, and descriptors that are the
contract's, number by number."""

import contextlib
import threading
import time

import grpc
import pytest
from clients.connector import Client, code_of, sync
from clients.tunnel import Tunnel
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

SERVICE = "fivetran_sdk.v2.SourceConnector"
LARGE = {"source": "ehr", "ehr_patients": "60", "note": "x" * 1000000}

# Written out from the contract: the fields of every message, in the notation of .proto files. A
# oneof's members carry its name; "optional" is proto3's explicit presence.
MESSAGES = {
    "SchemaRequest": "1 configuration: map<string,string>",
    "SchemaResponse": """1 schema_response_not_supported: bool in response
        2 with_schema: SchemaList in response; 3 without_schema: TableList in response
        4 selection_not_supported: optional bool""",
    "UpdateRequest": """1 configuration: map<string,string>; 2 selection: optional Selection
        3 state_json: optional string""",
    "Selection": """1 without_schema: TablesWithNoSchema in selection
        2 with_schema: TablesWithSchema in selection""",
    "TablesWithNoSchema": "1 tables: repeated TableSelection; 2 include_new_tables: bool",
    "TablesWithSchema": "1 schemas: repeated SchemaSelection; 2 include_new_schemas: bool",
    "SchemaSelection": """1 included: bool; 2 schema_name: string
        3 tables: repeated TableSelection; 4 include_new_tables: bool""",
    "TableSelection": """1 included: bool; 2 table_name: string; 3 columns: map<string,bool>
        4 include_new_columns: bool""",
    "UpdateResponse": """1 record: Record in operation; 2 schema_change: SchemaChange in operation
        3 checkpoint: Checkpoint in operation; 4 warning: Warning in operation
        5 task: Task in operation; 6 records: Records in operation""",
    "SchemaChange": "1 with_schema: SchemaList in change; 2 without_schema: TableList in change",
    "Records": "1 records: repeated Record",
    "Record": """1 schema_name: optional string; 2 table_name: string; 3 type: RecordType
        4 data: map<string,ValueType>""",
    "Checkpoint": "1 state_json: string",
    "ConfigurationFormRequest": "",
    "ConfigurationFormResponse": """1 schema_selection_supported: bool
        2 table_selection_supported: bool; 3 fields: repeated FormField
        4 tests: repeated ConfigurationTest""",
    "FormField": """1 name: string; 2 label: string; 3 required: optional bool
        4 description: optional string; 5 text_field: TextField in type
        6 dropdown_field: DropdownField in type; 7 toggle_field: ToggleField in type
        8 default_value: optional string; 9 placeholder: optional string
        10 conditional_fields: ConditionalFields in type; 11 upload_field: UploadField in type
        12 descriptive_dropdown_fields: DescriptiveDropDownFields in type""",
    "UploadField": "1 allowed_file_type: repeated string; 2 max_file_size_bytes: int32",
    "DescriptiveDropDownFields":
        "1 descriptive_dropdown_field: repeated DescriptiveDropDownField",
    "DescriptiveDropDownField": "1 value: string; 2 label: string; 3 description: string",
    "ConditionalFields": "1 condition: VisibilityCondition; 2 fields: repeated FormField",
    "VisibilityCondition": """1 condition_field: string; 2 bool_value: bool in visible_when
        3 string_value: string in visible_when; 4 empty_value: bool in visible_when""",
    "DropdownField": "1 dropdown_field: repeated string",
    "ToggleField": "",
    "ConfigurationTest": "1 name: string; 2 label: string",
    "TestRequest": "1 name: string; 2 configuration: map<string,string>",
    "TestResponse": "1 success: bool in response; 2 failure: string in response",
    "SchemaList": "1 schemas: repeated Schema",
    "TableList": "1 tables: repeated Table",
    "Schema": "1 name: string; 2 tables: repeated Table",
    "Table": "1 name: string; 2 columns: repeated Column",
    "Column": """1 name: string; 2 type: DataType; 3 primary_key: bool
        4 params: optional DataTypeParams""",
    "DataTypeParams": "1 decimal: DecimalParams in params; 2 string_byte_length: int32 in params",
    "DecimalParams": "1 precision: uint32; 2 scale: uint32",
    "ValueType": """1 null: bool in inner; 2 bool: bool in inner; 3 short: int32 in inner
        4 int: int32 in inner; 5 long: int64 in inner; 6 float: float in inner
        7 double: double in inner; 8 naive_date: google.protobuf.Timestamp in inner
        9 naive_datetime: google.protobuf.Timestamp in inner
        10 utc_datetime: google.protobuf.Timestamp in inner; 11 decimal: string in inner
        12 binary: bytes in inner; 13 string: string in inner; 14 json: string in inner
        15 xml: string in inner; 16 naive_time: google.protobuf.Timestamp in inner""",
    "Warning": "1 message: string",
    "Task": "1 message: string",
}  # fmt: skip
ENUMS = {
    "TextField": "PlainText Password Hidden",
    "DataType": "UNSPECIFIED BOOLEAN SHORT INT LONG DECIMAL FLOAT DOUBLE NAIVE_DATE NAIVE_DATETIME"
    " UTC_DATETIME BINARY XML STRING JSON NAIVE_TIME",
    "RecordType": "UPSERT UPDATE DELETE TRUNCATE",
}
METHODS = {
    "ConfigurationForm": ("ConfigurationFormRequest", "ConfigurationFormResponse", False),
    "Test": ("TestRequest", "TestResponse", False),
    "Schema": ("SchemaRequest", "SchemaResponse", False),
    "Update": ("UpdateRequest", "UpdateResponse", True),
}
SCALARS = {
    name.removeprefix("TYPE_").lower(): number
    for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()
}


def short(name):
    return name.removeprefix(".").removeprefix("fivetran_sdk.v2.")


def type_of(field, entries):
    """A field's type as the contract writes it."""
    if field.type_name in entries:
        return f"map<{','.join(type_of(part, {}) for part in entries[field.type_name])}>"
    if field.type_name:
        return short(field.type_name)
    return {number: name for name, number in SCALARS.items()}[field.type]


def described(message):
    """A message's descriptor in the table's notation, and the files' own words."""
    prefix = f".fivetran_sdk.v2.{message.name}."
    entries = {
        prefix + nested.name: nested.field
        for nested in message.nested_type
        if nested.options.map_entry
    }
    found = []
    for field in sorted(message.field, key=lambda one: one.number):
        kind = type_of(field, entries)
        assert field.label != descriptor_pb2.FieldDescriptorProto.LABEL_REQUIRED
        repeated = field.label == descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
        assert repeated or not kind.startswith("map<")
        text = f"{field.number} {field.name}: "
        if field.proto3_optional:
            # Presence lies in a oneof that only this field is in.
            oneof = message.oneof_decl[field.oneof_index].name
            assert oneof == f"_{field.name}"
            text += f"optional {kind}"
        elif field.HasField("oneof_index"):
            text += f"{kind} in {message.oneof_decl[field.oneof_index].name}"
        else:
            text += f"repeated {kind}" if repeated and not kind.startswith("map<") else kind
        found.append(text)
    return found


def lines_of(text):
    return [part.strip() for part in text.replace("\n", ";").split(";") if part.strip()]


@pytest.fixture
def files(serve):
    """The file descriptors that reflection gives for the service, by name."""
    database = ProtoReflectionDescriptorDatabase(serve().client.channel)
    found, wanted = {}, [database.FindFileContainingSymbol(SERVICE)]
    while wanted:
        file = wanted.pop()
        found[file.name] = file
        wanted += [database.FindFileByName(name) for name in file.dependency if name not in found]
    return found


def test_descriptors_are_the_contract(files):
    own = [file for file in files.values() if file.package == "fivetran_sdk.v2"]
    assert {file.syntax for file in own} == {"proto3"}
    assert {"connector_sdk.proto", "common.proto"} == {file.name for file in own}
    messages = {message.name: message for file in own for message in file.message_type}
    assert set(messages) == set(MESSAGES)
    for name, fields in MESSAGES.items():
        assert described(messages[name]) == lines_of(fields), name
    enums = {enum.name: enum for file in own for enum in file.enum_type}
    assert set(enums) == set(ENUMS)
    for name, values in ENUMS.items():
        assert [(v.name, v.number) for v in enums[name].value] == [
            (value, number) for number, value in enumerate(values.split())
        ]
    (service,) = [service for file in own for service in file.service]
    found = {
        method.name: (short(method.input_type), short(method.output_type), method.server_streaming)
        for method in service.method
    }
    assert found == METHODS and not any(method.client_streaming for method in service.method)


def test_descriptors_make_messages(files):
    """A pool takes them: nothing that they name is missing."""
    pool = descriptor_pool.DescriptorPool()
    added = set()

    def add(name):
        if name not in added:
            added.add(name)
            for dependency in files[name].dependency:
                add(dependency)
            pool.Add(files[name])

    for name in files:
        add(name)
    assert pool.FindServiceByName(SERVICE).methods_by_name["Update"].server_streaming
    assert pool.FindMessageTypeByName("google.protobuf.Timestamp")


def reflect(client, requests, version="v1alpha"):
    """The v1 service has the messages of v1alpha under another name."""
    method = client.channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return list(method(iter(requests), timeout=30))


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_reflection_answers_every_kind_of_question(serve, version):
    client = serve().client
    request = reflection_pb2.ServerReflectionRequest
    answers = reflect(
        client,
        [
            request(list_services=""),
            request(file_by_filename="connector_sdk.proto"),
            request(file_by_filename="absent.proto"),
            request(file_containing_symbol="fivetran_sdk.v2.Record"),
            request(file_containing_symbol="fivetran_sdk.v2.Nothing"),
            request(all_extension_numbers_of_type="fivetran_sdk.v2.Record"),
            request(host="some.host", list_services="*"),
        ],
        version,
    )
    kinds = [answer.WhichOneof("message_response") for answer in answers]
    assert kinds[0] == kinds[6] == "list_services_response"
    services = {service.name for service in answers[0].list_services_response.service}
    assert services == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert kinds[1] == kinds[3] == "file_descriptor_response"
    assert kinds[2] == kinds[4] == "error_response"
    assert answers[2].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]
    assert kinds[5] in ("all_extension_numbers_response", "error_response")
    assert answers[6].original_request.host == "some.host"


def test_reflection_by_the_libraries_own_stub(serve):
    stub = reflection_pb2_grpc.ServerReflectionStub(serve().client.channel)
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    (answer,) = stub.ServerReflectionInfo(iter([request]), timeout=30)
    assert len(answer.list_services_response.service) == 4


def test_health_is_told_by_service(serve):
    stub = health_pb2_grpc.HealthStub(serve().client.channel)
    for service in ["", SERVICE, "grpc.health.v1.Health"]:
        answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=30)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    unknown = health_pb2.HealthCheckRequest(service="nothing")
    code, _ = code_of(lambda: stub.Check(unknown, timeout=30))
    assert code == grpc.StatusCode.NOT_FOUND
    watching = stub.Watch(unknown, timeout=30)
    assert next(watching).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    watching.cancel()


def test_health_watch_sees_the_server_go(serve):
    server = serve()
    stub = health_pb2_grpc.HealthStub(server.client.channel)
    watching = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE), timeout=60)
    assert next(watching).status == health_pb2.HealthCheckResponse.SERVING
    seen = []

    def watch():
        with contextlib.suppress(grpc.RpcError):
            seen.extend(answer.status for answer in watching)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert server.stop() == 0
    watcher.join(timeout=30)
    assert seen[:1] in ([health_pb2.HealthCheckResponse.NOT_SERVING], [])
    assert watching.code() == grpc.StatusCode.UNAVAILABLE


def bytes_of_a_sync(serve, server, **more):
    """What a sync moved through a tunnel: (sent, received), and its replica."""
    tunnel = Tunnel(server.port)
    try:
        with Client(tunnel.port, **more) as client:
            replica = sync(client, LARGE)
        time.sleep(0.05)
        return tunnel.sent, tunnel.received, replica
    finally:
        tunnel.close()


def test_gzip_in_both_directions(serve):
    plain_sent, plain_received, plain = bytes_of_a_sync(serve, serve())
    server = serve("--compression", "gzip")
    sent, received, replica = bytes_of_a_sync(serve, server, compression=grpc.Compression.Gzip)
    assert replica.counts == plain.counts
    assert {name: table.rows for name, table in replica.tables.items()} == {
        name: table.rows for name, table in plain.tables.items()
    }
    assert plain_sent > 2 * 10**6 and sent < 100000
    assert received < plain_received / 3


def test_gzip_requests_get_plain_answers_where_nothing_else_is_asked_for(serve):
    server = serve()
    _, plain, _ = bytes_of_a_sync(serve, server)
    sent, received, _ = bytes_of_a_sync(serve, server, compression=grpc.Compression.Gzip)
    assert sent < 100000 and received > 0.9 * plain


def test_client_without_gzip_gets_plain_answers(serve):
    server = serve("--compression", "gzip")
    tunnel = Tunnel(server.port)
    options = [("grpc.compression_enabled_algorithms_bitset", 1)]
    with grpc.insecure_channel(f"127.0.0.1:{tunnel.port}", options) as channel:
        method = channel.unary_unary(f"/{SERVICE}/ConfigurationForm")
        answer = method(b"", timeout=30)
        assert answer == server.client.raw("ConfigurationForm")
    assert tunnel.received > len(answer)
    tunnel.close()
