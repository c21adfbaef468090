/*
 * JSON that its source has not validated. A destination is sent valid JSON alone, so that a value
 * that is none is a value that cannot be carried, like those that a reader names itself.
 */
#ifndef PS_ENGINE_JSON_CHECK_H
#define PS_ENGINE_JSON_CHECK_H

#include "engine/engine.h"

/* True where a column that is read as JSON and sent as JSON is to be looked at. */
bool json_check_is_needed(const struct ps_plan_table *table);
/* Makes rows of a batch that was read faulty where such a value is not valid JSON; of a delete the
 * key counts alone. The batch keeps faulty rows. */
void json_check_batch(const struct ps_plan_table *table, struct ps_batch *batch);

#endif
