/*
 * The parts that a load is cut into: how many, and by which bounds. Not for: reading them
 * (engine/job.h), nor what is kept of them (state/state.h).
 */
#ifndef PS_ENGINE_PARTS_H
#define PS_ENGINE_PARTS_H

#include "engine/engine.h"

/* As many as the table's rows call for; 1: they are read as one. */
size_t parts_wanted(const struct ps_plan_table *table);

/* True where the source is asked for parts: a table of a batch or two is read again sooner. */
bool parts_are_planned(const struct ps_source_ops *ops, const struct ps_plan_table *table);

/*
 * Has the source cut the table, into as many parts as are wanted, or more where its rows stand in
 * more stores than that, or fewer where their bounds would take more than bytes_max in the state.
 * None in the list: it is read as one. The list has an arena of its own, which the caller frees
 * whatever the status (NULL is possible).
 */
enum ps_status parts_plan(const struct ps_source_ops *ops, struct ps_source *source,
                          const struct ps_plan_table *table, size_t bytes_max,
                          struct ps_partition_list *ret_list, struct ps_error *err) PS_MUST_CHECK;

/*
 * What the bounds of one load may take in a state: a share of what the plan's tables leave of its
 * bound, and a little where they leave nothing.
 */
enum ps_status parts_bytes_max(const struct ps_state *state, const struct ps_plan *plan,
                               size_t *ret_bytes, struct ps_error *err) PS_MUST_CHECK;

/* True where a load without a cursor that began at the mark, and has parts with such bounds, finds
 * at another point in time what has changed in those that it has read. */
bool parts_show_changes(const struct ps_source_ops *ops, const char *mark, const char *bounds);

/* True where the next sync goes on with the load or the window, if the table is still the same:
 * something of it has been read, and what changes of that will be found. */
bool parts_go_on(const struct ps_source_ops *ops, const struct ps_load_state *load);

/* How many connections a sync reads with at most. */
uint32_t parts_connections_max(const struct ps_source_ops *ops, const struct ps_config *config);

/* How much of a load that goes on has been read: 0 to 1. Parts are of about one size, and one that
 * was begun counts as half, since only its source can tell where in it a position is. */
double parts_read_share(const struct ps_load_state *load);

/*
 * Fills in partitions, partitions_left and threads of the plan's tables. The source cuts a thousand
 * tables at most, the largest ones; of others the rows tell. Failures of the source are no failures
 * of this: then, too, the rows tell.
 */
enum ps_status parts_count(const struct ps_plan_request *request, struct ps_source *source,
                           struct ps_plan *plan, struct ps_error *err) PS_MUST_CHECK;

#endif
