/*
 * The Partner SDK's unary answers, written: Schema and Test. The form's is rpc/form.h.
 */
#ifndef PS_RPC_ANSWER_H
#define PS_RPC_ANSWER_H

#include "base/buffer.h"
#include "engine/engine.h"

/*
 * SchemaResponse of a plan, in byte order of schema and name; `with_schema`: tables lie in schemas.
 * A lack of memory is the buffer's failure.
 */
void rpc_answer_schema(struct ps_buffer *out, const struct ps_plan *plan, bool with_schema);

/* TestResponse: success where `failure` is NULL. */
void rpc_answer_test(struct ps_buffer *out, const char *failure);

#endif
