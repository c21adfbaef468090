/*
 * The messages of health checks (rpc/health.h). Numbers of fields:
 * proto/grpc/health/v1/health.proto.
 */
#include "rpc/health.h"

#include "base/protobuf.h"

enum { REQUEST_SERVICE = 1 };
enum { RESPONSE_STATUS = 1 };

enum ps_status health_request_read(const struct catalog *catalog, struct descriptor_span request,
                                   bool *ret_known, struct ps_error *err)
{
    struct descriptor_span service = {NULL, 0};
    struct ps_pb_reader reader = ps_pb_reader_of(request.bytes, request.size);
    struct ps_pb_field field;
    bool fits = true;
    while (ps_pb_next(&reader, &field)) {
        if (field.number == REQUEST_SERVICE) {
            fits = fits && field.wire == PS_PB_BYTES;
            service = (struct descriptor_span){field.bytes, field.size};
        }
    }
    if (reader.failed || !fits) {
        return ps_fail(err, PS_DATA, PS_CLASS_DATA, "the request is no HealthCheckRequest");
    }
    *ret_known = service.size == 0 || catalog_has(catalog, service);
    return PS_OK;
}

void health_write(struct ps_buffer *out, enum health_status status)
{
    ps_pb_put_int(out, RESPONSE_STATUS, status);
}
