/*
 * The Partner SDK's requests, read from their bytes: the configuration map, the selection, the
 * state. Field numbers: proto/common.proto, proto/connector_sdk.proto.
 */
#ifndef PS_RPC_REQUEST_H
#define PS_RPC_REQUEST_H

#include "config/options.h"
#include "engine/selection.h"

/* Start it as {0}; rpc_request_done frees it, half-built or not. */
struct rpc_request {
    struct ps_arena *arena; /* owned: what follows lives there */
    struct ps_settings settings;
    const char *test;                     /* TestRequest.name */
    const struct ps_selection *selection; /* NULL: none was sent */
    const char *state_json;               /* "" where none was sent */
    size_t state_size;
    bool debug; /* its configuration asks for debug lines */
};

enum rpc_request_kind {
    RPC_FORM_REQUEST, /* ConfigurationFormRequest, which has no fields yet */
    RPC_SCHEMA_REQUEST,
    RPC_TEST_REQUEST,
    RPC_UPDATE_REQUEST,
};

/*
 * CONFIG (setting): the bytes are no such message: truncated, a known field of another wire type, a
 * text that is not UTF-8 or holds U+0000; more than 10,000 settings. The message shows no value.
 */
enum ps_status rpc_request_read(struct rpc_request *request, enum rpc_request_kind kind,
                                const uint8_t *bytes, size_t size,
                                struct ps_error *err) PS_MUST_CHECK;
void rpc_request_done(struct rpc_request *request);

#endif
