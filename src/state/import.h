/*
 * The states of Python connectors: which documents are such, and what they say of a table.
 * docs/state-format.md, "States of Python connectors".
 */
#ifndef PS_STATE_IMPORT_H
#define PS_STATE_IMPORT_H

#include "base/json.h"
#include "state/state.h"

/* Takes the members over where the document is plainly one of theirs; else does nothing. NOMEM. */
enum ps_status import_python(struct ps_state *state, const struct ps_json *root, bool *ret_is_one,
                             struct ps_error *err) PS_MUST_CHECK;

/* Takes over what the object's members say, all but those that mean nothing or "never". NOMEM. */
enum ps_status import_take(struct ps_state *state, const struct ps_json *object,
                           struct ps_error *err) PS_MUST_CHECK;

#endif
