/*
 * What the state keeps of each read: what has been written of it, and nothing more. The writer
 * tells of each event that it has written. Not for: when the state is saved (checkpoint.h).
 */
#ifndef PS_ENGINE_LEDGER_H
#define PS_ENGINE_LEDGER_H

#include "engine/run.h"

/* The table's part of the state, which is made where there is none. */
enum ps_status ledger_table(struct ps_state *state, const struct ps_plan_table *table,
                            struct ps_table_state **ret_table, struct ps_error *err) PS_MUST_CHECK;

/* A read begins, or begins again: what was kept of one before it is gone. */
enum ps_status ledger_begin(struct ps_state *state, struct event *event,
                            struct ps_error *err) PS_MUST_CHECK;
/* It goes on at another point in time. */
enum ps_status ledger_point(struct ps_state *state, const struct event *event,
                            struct ps_error *err) PS_MUST_CHECK;
/* Parts of it are read as one: the first has the bounds of all, and the others are done with. */
enum ps_status ledger_joined(struct ps_state *state, struct event *event,
                             struct ps_error *err) PS_MUST_CHECK;
/* Rows of a part were written, up to a position or its end. */
enum ps_status ledger_rows(struct ps_state *state, struct event *event,
                           struct ps_error *err) PS_MUST_CHECK;
/* The read is complete: where the next one begins. */
enum ps_status ledger_end(struct ps_state *state, const struct event *event,
                          struct ps_error *err) PS_MUST_CHECK;

#endif
