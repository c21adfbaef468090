/*
 * Which rows of a table are marked as deleted: the values of its soft-delete column that mean so,
 * as the configuration tells them (`soft_delete_values`).
 */
#ifndef PS_ENGINE_MARKS_H
#define PS_ENGINE_MARKS_H

#include "penstock/batch.h"
#include "penstock/config.h"
#include "penstock/source.h"

/* Points into the configuration. {0} is fine for marks_done. */
struct soft_delete {
    struct ps_marks marks;
    ps_int128 *numbers; /* as many as there are in `marks` */
};

/* For the column of that index in its table. */
enum ps_status marks_init(struct soft_delete *deletes, const struct ps_config *config,
                          const struct ps_column *column, uint32_t index,
                          struct ps_error *err) PS_MUST_CHECK;
void marks_done(struct soft_delete *deletes);

/* True where no configured value can be one of the column's: no row of it is ever marked. */
bool marks_fit_nothing(const struct ps_config *config, const struct ps_column *column);

/* True where the row's value in the column's vector means deleted. */
bool marks_row(const struct ps_marks *marks, const struct ps_vector *vector, uint32_t row);

#endif
