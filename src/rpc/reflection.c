/*
 * Answers the requests of server reflection (rpc/reflection.h). Numbers of fields:
 * proto/grpc/reflection/v1/reflection.proto.
 */
#include "rpc/reflection.h"

#include <string.h>

#include "base/protobuf.h"

enum {
    REQUEST_HOST = 1,
    REQUEST_FILE = 3,
    REQUEST_SYMBOL = 4,
    REQUEST_EXTENSION = 5,
    REQUEST_EXTENSIONS = 6,
    REQUEST_SERVICES = 7
};
enum {
    RESPONSE_HOST = 1,
    RESPONSE_REQUEST = 2,
    RESPONSE_FILES = 4,
    RESPONSE_SERVICES = 6,
    RESPONSE_ERROR = 7
};
enum { FILES_FILE = 1, SERVICES_SERVICE = 1, SERVICE_NAME = 1 };
enum { ERROR_CODE = 1, ERROR_MESSAGE = 2 };
#define NAME_SHOWN_MAX 200

struct reflection_request {
    struct descriptor_span host;
    uint32_t kind; /* the number of the oneof's last member; 0: none */
    struct descriptor_span name;
};

static bool request_read(struct descriptor_span bytes, struct reflection_request *ret_request)
{
    struct reflection_request request = {0};
    struct ps_pb_reader reader = ps_pb_reader_of(bytes.bytes, bytes.size);
    struct ps_pb_field field;
    while (ps_pb_next(&reader, &field)) {
        bool known = field.number == REQUEST_HOST ||
                     (field.number >= REQUEST_FILE && field.number <= REQUEST_SERVICES);
        if (!known) {
            continue;
        }
        if (field.wire != PS_PB_BYTES) {
            return false;
        }
        struct descriptor_span text = {field.bytes, field.size};
        if (field.number == REQUEST_HOST) {
            request.host = text;
        } else {
            request.kind = field.number;
            request.name = text;
        }
    }
    if (reader.failed) {
        return false;
    }
    *ret_request = request;
    return true;
}

static void put_error(struct ps_buffer *out, enum ps_rpc_code code, const char *what,
                      struct descriptor_span name)
{
    size_t mark = ps_pb_open(out, RESPONSE_ERROR);
    ps_pb_put_int(out, ERROR_CODE, code);
    size_t text = ps_pb_open(out, ERROR_MESSAGE);
    ps_buffer_puts(out, what);
    /* A string has to be UTF-8, which a hostile name need not be: only plain names are shown. */
    for (size_t i = 0; i < name.size && i < NAME_SHOWN_MAX; i++) {
        ps_buffer_putc(out,
                       name.bytes[i] > ' ' && name.bytes[i] < 0x7f ? (char)name.bytes[i] : '?');
    }
    ps_pb_close(out, text);
    ps_pb_close(out, mark);
}

static void put_services(struct ps_buffer *out, const struct catalog *catalog)
{
    size_t mark = ps_pb_open(out, RESPONSE_SERVICES);
    for (size_t i = 0; i < catalog->count; i++) {
        size_t service = ps_pb_open(out, SERVICES_SERVICE);
        ps_pb_put_bytes(out, SERVICE_NAME, catalog->services[i].bytes, catalog->services[i].size);
        ps_pb_close(out, service);
    }
    ps_pb_close(out, mark);
}

static void put_files(struct ps_buffer *out, struct descriptor_span file)
{
    size_t mark = ps_pb_open(out, RESPONSE_FILES);
    descriptor_write_files(file, FILES_FILE, out);
    ps_pb_close(out, mark);
}

static void put_answer(struct ps_buffer *out, const struct catalog *catalog,
                       const struct reflection_request *request)
{
    static const struct descriptor_span nothing = {NULL, 0};
    struct descriptor_span file;
    switch (request->kind) {
    case REQUEST_SERVICES:
        put_services(out, catalog);
        break;
    case REQUEST_FILE:
        if (descriptor_find_file(request->name, &file)) {
            put_files(out, file);
        } else {
            put_error(out, PS_RPC_NOT_FOUND, "there is no file ", request->name);
        }
        break;
    case REQUEST_SYMBOL:
        if (descriptor_find_symbol(request->name, &file)) {
            put_files(out, file);
        } else {
            put_error(out, PS_RPC_NOT_FOUND, "there is no service, method, message or enum ",
                      request->name);
        }
        break;
    case REQUEST_EXTENSION:
    case REQUEST_EXTENSIONS:
        put_error(out, PS_RPC_NOT_FOUND, "there are no extensions", nothing);
        break;
    default:
        put_error(out, PS_RPC_INVALID_ARGUMENT, "the request asks for nothing", nothing);
        break;
    }
}

enum ps_status reflection_answer(const struct catalog *catalog, struct descriptor_span request,
                                 struct ps_buffer *out, struct ps_error *err)
{
    struct reflection_request read;
    if (!request_read(request, &read)) {
        return ps_fail(err, PS_DATA, PS_CLASS_DATA, "the request is no ServerReflectionRequest");
    }
    ps_pb_put_bytes(out, RESPONSE_HOST, read.host.bytes, read.host.size);
    ps_pb_put_bytes(out, RESPONSE_REQUEST, request.bytes, request.size);
    put_answer(out, catalog, &read);
    return ps_buffer_ok(out) ? PS_OK : ps_fail_nomem(err, "answering a reflection request");
}
