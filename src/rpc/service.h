/*
 * fivetran_sdk.v2.SourceConnector: what its four calls mean. Each call stands by itself: nothing is
 * kept between them. Not for: the transport (rpc/server.h).
 */
#ifndef PS_RPC_SERVICE_H
#define PS_RPC_SERVICE_H

#include "base/clock.h"
#include "penstock/source.h"
#include "rpc/request.h"
#include "rpc/server.h"

/* Constant while the server runs; the context of every method. */
struct rpc_service {
    const char *source; /* the one source served; NULL: the request's configuration says which */
    const struct ps_clock *clock;
};

#define RPC_SERVICE_METHODS 5

/* Fills the methods, the last with a path of NULL; at most syncs_max Updates run at once. */
void rpc_service_methods(uint32_t syncs_max, struct ps_rpc_method methods[RPC_SERVICE_METHODS]);

/* How an error ends a call; a CONFIG in an Update is a Task instead, in a Test its failure. */
enum ps_rpc_code rpc_code_of(enum ps_status status);

/* Ends the call with the error and logs it; one that the server had to stop is no cancelled one.
 * `what` names the call. */
void rpc_service_fail(struct ps_rpc_call *call, enum ps_rpc_code code, const char *what,
                      const struct ps_error *err);

/* The source that a request means, and its checked configuration. */
enum ps_status rpc_service_configure(const struct rpc_service *service, struct rpc_request *request,
                                     const struct ps_source_ops **ret_ops,
                                     struct ps_config **ret_config,
                                     struct ps_error *err) PS_MUST_CHECK;

/* True where the destination keeps a schema for each of the source's. */
bool rpc_service_with_schema(const struct ps_config *config);

/* The Update call of a request that was read, on its own thread. */
void rpc_update(const struct rpc_service *service, struct rpc_request *request,
                struct ps_rpc_call *call);

#endif
