/*
 * Server reflection: one request's bytes become one answer's bytes. Both packages, v1 and v1alpha,
 * have the same messages. Not for: the stream that they travel on (rpc/builtin.h).
 */
#ifndef PS_RPC_REFLECTION_H
#define PS_RPC_REFLECTION_H

#include "base/buffer.h"
#include "rpc/catalog.h"

/*
 * Appends a ServerReflectionResponse; what is not found is an error inside it. DATA: the request is
 * no message. NOMEM.
 */
enum ps_status reflection_answer(const struct catalog *catalog, struct descriptor_span request,
                                 struct ps_buffer *out, struct ps_error *err) PS_MUST_CHECK;

#endif
