// A small connector in Go, written from the contract: `go_connector DESCRIPTORS`, where the file
// holds proto/connector_sdk.proto and all that it imports, as protoc writes it with
// --include_imports. Messages are made from it at run time and written down as JSON, so that no
// generated code is kept. It listens on a free port of the loopback and prints "listening PORT".
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

const contract = "fivetran_sdk.v2."
const recordsMax = 100 // in one message

const form = `{
  "tableSelectionSupported": true,
  "fields": [
    {"name": "city", "label": "City", "required": true, "textField": "PlainText"},
    {"name": "verbose", "label": "Verbose", "toggleField": {}}
  ],
  "tests": [{"name": "connect", "label": "Connecting"}]
}`

const schema = `{"withoutSchema": {"tables": [
  {"name": "reading", "columns": [
    {"name": "id", "type": "LONG", "primaryKey": true},
    {"name": "city", "type": "STRING"},
    {"name": "celsius", "type": "DECIMAL", "params": {"decimal": {"precision": 5, "scale": 2}}},
    {"name": "taken", "type": "UTC_DATETIME"},
    {"name": "raw", "type": "BINARY"}
  ]}
]}}`

var files *protoregistry.Files

func message(name string) *dynamicpb.Message {
	found, err := files.FindDescriptorByName(protoreflect.FullName(contract + name))
	if err != nil {
		log.Fatal(err)
	}
	return dynamicpb.NewMessage(found.(protoreflect.MessageDescriptor))
}

func made(name string, text string) (proto.Message, error) {
	out := message(name)
	err := protojson.Unmarshal([]byte(text), out)
	return out, err
}

func field(of *dynamicpb.Message, name protoreflect.Name) protoreflect.Value {
	return of.Get(of.Descriptor().Fields().ByName(name))
}

func configured(request *dynamicpb.Message, name string) string {
	found := field(request, "configuration").Map().Get(protoreflect.ValueOfString(name).MapKey())
	if !found.IsValid() {
		return ""
	}
	return found.String()
}

func unary(method string, answer func(*dynamicpb.Message) (proto.Message, error)) grpc.MethodDesc {
	handler := func(_ interface{}, _ context.Context, decode func(interface{}) error,
		_ grpc.UnaryServerInterceptor) (interface{}, error) {
		request := message(method + "Request")
		if err := decode(request); err != nil {
			return nil, err
		}
		return answer(request)
	}
	return grpc.MethodDesc{MethodName: method, Handler: handler}
}

func test(request *dynamicpb.Message) (proto.Message, error) {
	if name := field(request, "name").String(); name != "connect" {
		return nil, status.Errorf(codes.InvalidArgument, "there is no test %q", name)
	}
	if configured(request, "city") == "" {
		return made("TestResponse", `{"failure": "the city is missing"}`)
	}
	return made("TestResponse", `{"success": true}`)
}

func reading(id int, city string) string {
	name, _ := json.Marshal(city)
	return fmt.Sprintf(`{"tableName": "reading", "data": {
		"id": {"long": "%d"}, "city": {"string": %s}, "celsius": {"decimal": "%d.25"},
		"taken": {"utcDatetime": "2024-02-29T23:59:59.5Z"}, "raw": {"null": true}}}`,
		id, name, id%40)
}

func update(_ interface{}, stream grpc.ServerStream) error {
	request := message("UpdateRequest")
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	var state struct{ Count int }
	if err := json.Unmarshal([]byte(field(request, "state_json").String()), &state); err != nil {
		return status.Errorf(codes.InvalidArgument, "the state is no JSON: %v", err)
	}
	send := func(text string) error {
		response, err := made("UpdateResponse", text)
		if err != nil {
			return err
		}
		return stream.SendMsg(response)
	}
	first, city := state.Count, configured(request, "city")
	for state.Count < first+1000 {
		batch := make([]string, recordsMax)
		for i := range batch {
			batch[i] = reading(state.Count+i, city)
		}
		if err := send(`{"records": {"records": [` + strings.Join(batch, ",") + `]}}`); err != nil {
			return err
		}
		state.Count += len(batch)
	}
	for _, text := range []string{
		fmt.Sprintf(`{"record": {"tableName": "reading", "type": "UPDATE", "data": {
			"id": {"long": "%d"}, "raw": {"binary": "AP8="}}}}`, first+1),
		fmt.Sprintf(`{"record": {"tableName": "reading", "type": "DELETE", "data": {
			"id": {"long": "%d"}}}}`, first+2),
		`{"warning": {"message": "one sensor is silent"}}`,
		fmt.Sprintf(`{"checkpoint": {"stateJson": "{\"Count\": %d}"}}`, state.Count),
	} {
		if err := send(text); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	log.SetFlags(0)
	bytes, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	set := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(bytes, set); err != nil {
		log.Fatal(err)
	}
	if files, err = protodesc.NewFiles(set); err != nil {
		log.Fatal(err)
	}
	constant := func(name, text string) func(*dynamicpb.Message) (proto.Message, error) {
		return func(*dynamicpb.Message) (proto.Message, error) { return made(name, text) }
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: contract + "SourceConnector",
		Methods: []grpc.MethodDesc{
			unary("ConfigurationForm", constant("ConfigurationFormResponse", form)),
			unary("Test", test),
			unary("Schema", constant("SchemaResponse", schema)),
		},
		Streams: []grpc.StreamDesc{{StreamName: "Update", Handler: update, ServerStreams: true}},
	}, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening %d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
