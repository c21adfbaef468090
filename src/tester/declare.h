/*
 * What a connector declares: the answer of Schema, and schema_change in the stream, merged into the
 * roster.
 */
#ifndef PS_TESTER_DECLARE_H
#define PS_TESTER_DECLARE_H

#include "tester/roster.h"

/* SchemaResponse. DATA: its bytes are none. */
enum ps_status declare_answer(struct roster *roster, const uint8_t *bytes, size_t size,
                              struct ps_error *err) PS_MUST_CHECK;
/* SchemaChange. */
enum ps_status declare_change(struct roster *roster, const uint8_t *bytes, size_t size,
                              struct ps_error *err) PS_MUST_CHECK;

#endif
