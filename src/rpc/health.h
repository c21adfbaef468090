/*
 * Health: what a request asks about, and its answer's bytes. Not for: the calls that they travel on
 * (rpc/builtin.h).
 */
#ifndef PS_RPC_HEALTH_H
#define PS_RPC_HEALTH_H

#include "base/buffer.h"
#include "rpc/catalog.h"

/* HealthCheckResponse.ServingStatus, with its numbers. */
enum health_status {
    HEALTH_SERVING = 1,
    HEALTH_NOT_SERVING = 2,
    HEALTH_SERVICE_UNKNOWN = 3,
};

/* Whether the server has the service that a HealthCheckRequest names; "" is the server itself.
 * DATA: the request is no message. */
enum ps_status health_request_read(const struct catalog *catalog, struct descriptor_span request,
                                   bool *ret_known, struct ps_error *err) PS_MUST_CHECK;
/* Appends a HealthCheckResponse. */
void health_write(struct ps_buffer *out, enum health_status status);

#endif
