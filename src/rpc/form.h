/*
 * The setup form on the wire: ConfigurationFormResponse of the Partner SDK (proto/common.proto).
 */
#ifndef PS_RPC_FORM_H
#define PS_RPC_FORM_H

#include "base/buffer.h"
#include "config/form.h"

/* Appends the response's bytes. NOMEM: also beyond the buffer's limit. */
enum ps_status rpc_form_write(const struct ps_form *form, struct ps_buffer *out,
                              struct ps_error *err) PS_MUST_CHECK;

/*
 * The answer to ConfigurationForm: the form of the source so named, or, with NULL, of all that this
 * build has. CONFIG: there is no such source.
 */
enum ps_status rpc_form_answer(const char *source, struct ps_buffer *out,
                               struct ps_error *err) PS_MUST_CHECK;

#endif
