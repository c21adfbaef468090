"""grpcurl, which has no proto file, and grpc-js of Node as clients of `penstock serve`."""

import json
import shutil
import subprocess
from collections import Counter

import pytest
from clients.connector import ROOT, common, sync

CLIENTS = ROOT / "build" / "clients"
SERVICE = "fivetran_sdk.v2.SourceConnector"
EHR = {"source": "ehr", "ehr_patients": "30"}


class Grpcurl:
    def __init__(self, port):
        self.program = CLIENTS / "grpcurl"
        assert self.program.exists(), "tools/fetch-clients makes it"
        self.address = f"127.0.0.1:{port}"

    def run(self, *arguments, request=None, options=()):
        command = [self.program, "-plaintext", "-max-time", "60", *options]
        command += [] if request is None else ["-d", "@"]
        return subprocess.run(
            [*command, self.address, *arguments],
            input=None if request is None else json.dumps(request),
            stdin=subprocess.DEVNULL if request is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
        )

    def __call__(self, *arguments, **more):
        done = self.run(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, method, request):
        """The answers, one or many."""
        decoder, text, found = json.JSONDecoder(), self(f"{SERVICE}/{method}", request=request), []
        while text.strip():
            value, end = decoder.raw_decode(text.lstrip())
            found.append(value)
            text = text.lstrip()[end:]
        return found


@pytest.fixture
def ehr(serve):
    return serve("--source", "ehr")


@pytest.fixture
def grpcurl(ehr):
    return Grpcurl(ehr.port)


def test_grpcurl_lists_and_describes_the_services(grpcurl):
    assert grpcurl("list").split() == [
        SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    ]  # fmt: skip
    methods = [f"{SERVICE}.{name}" for name in ("ConfigurationForm", "Schema", "Test", "Update")]
    assert sorted(grpcurl("list", SERVICE).split()) == methods
    described = grpcurl("describe", SERVICE)
    assert (
        "rpc Update ( .fivetran_sdk.v2.UpdateRequest )"
        " returns ( stream .fivetran_sdk.v2.UpdateResponse );" in described
    )
    assert "optional string state_json = 3;" in grpcurl("describe", "fivetran_sdk.v2.UpdateRequest")
    assert "map<string, .fivetran_sdk.v2.ValueType> data = 4;" in grpcurl(
        "describe", "fivetran_sdk.v2.Record"
    )
    assert "NAIVE_TIME = 15;" in grpcurl("describe", "fivetran_sdk.v2.DataType")
    unknown = grpcurl.run("describe", "fivetran_sdk.v2.Nothing")
    assert unknown.returncode != 0 and "not found" in unknown.stderr.lower()


def test_grpcurl_makes_all_four_calls(ehr, grpcurl):
    (form,) = grpcurl.call("ConfigurationForm", {})
    assert {"ehr_patients", "ehr_seed"} <= {field["name"] for field in form["fields"]}
    (answer,) = grpcurl.call("Test", {"name": "connect", "configuration": EHR})
    assert answer == {"success": True}
    (schema,) = grpcurl.call("Schema", {"configuration": EHR})
    tables = {table["name"] for table in schema["withoutSchema"]["tables"]}
    assert "PatientDim" in tables and schema["selectionNotSupported"] is False
    counted = Counter()
    for message in grpcurl.call("Update", {"configuration": EHR, "state_json": "{}"}):
        for record in message.get("records", {}).get("records", [message.get("record", {})]):
            counted[record.get("tableName"), record.get("type", "UPSERT")] += bool(record)
        last = message
    assert "stateJson" in last["checkpoint"]
    replica = sync(ehr.client, EHR)
    assert {table for _, table in replica.tables} == tables
    for table in tables:
        assert counted[table, "TRUNCATE"] == 1
        assert counted[table, "UPSERT"] == len(replica.rows(table)) > 0


def test_grpcurl_sees_errors_and_health(grpcurl):
    done = grpcurl.run(f"{SERVICE}/Test", request={"name": "nothing", "configuration": EHR})
    assert done.returncode != 0 and "Code: InvalidArgument" in done.stderr
    assert json.loads(grpcurl("grpc.health.v1.Health/Check", request={})) == {"status": "SERVING"}
    health = grpcurl("grpc.health.v1.Health/Check", request={"service": SERVICE})
    assert json.loads(health) == {"status": "SERVING"}


class Node:
    def __init__(self, port):
        self.port = port
        self.packages = CLIENTS / "node"
        assert (self.packages / "made-from").exists(), "tools/fetch-clients makes it"

    def __call__(self, call, configuration=EHR, compression="none"):
        program = ROOT / "tests/integration/clients/node/client.js"
        done = subprocess.run(
            [shutil.which("node"), program, self.packages, ROOT / "proto",
             f"127.0.0.1:{self.port}", call, json.dumps(configuration), compression],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_node_makes_all_four_calls(serve, compression):
    server = serve("--compression", compression)
    node = Node(server.port)
    form = node("form", compression=compression)["answer"]
    assert form["fields"][0]["type"] == "descriptive_dropdown_fields"
    assert node("test", compression=compression)["answer"]["success"] is True
    schema = node("schema", compression=compression)["answer"]["without_schema"]
    update = node("update", compression=compression)
    assert (update["code"], update["last"]) == ("OK", "checkpoint")
    replica = sync(server.client, EHR)
    for table in schema["tables"]:
        name = table["name"]
        assert update["counts"][f"{name} TRUNCATE"] == 1
        assert update["counts"][f"{name} UPSERT"] == len(replica.rows(name))
        assert {c["name"]: c["type"] for c in table["columns"]} == {
            c: replica.tables[None, name].type_of(c) for c in replica.tables[None, name].columns
        }
    assert set(update["kinds"]) <= {field.name for field in common().ValueType.DESCRIPTOR.fields}
    assert node("test", {"source": "oracle"})["answer"]["response"] == "failure"


def test_node_reads_the_example(serve):
    server = serve("--source", "example")
    configuration = {"apiBaseURL": "https://example.invalid", "authenticationMethod": "None"}
    update = Node(server.port)("update", configuration)
    assert update["code"] == "OK" and update["last"] == "checkpoint"
    replica = sync(server.client, configuration)
    kinds = {}
    for name, count in update["counts"].items():
        kinds[name.split()[1]] = kinds.get(name.split()[1], 0) + count
    assert kinds == {kind: count for kind, count in replica.counts.items() if count}
