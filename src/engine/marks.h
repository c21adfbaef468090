/*
 * Which rows of a table are marked as deleted: the values of its soft-delete column that mean so,
 * as the configuration tells them (`soft_delete_values`).
 */
#ifndef PS_ENGINE_MARKS_H
#define PS_ENGINE_MARKS_H

#include "penstock/batch.h"
#include "penstock/config.h"
#include "penstock/source.h"

#define MARKS_NUMBERS_MAX 32

/* Points into the configuration. Not to be copied: `marks` points into `numbers`. */
struct soft_delete {
    struct ps_marks marks;
    ps_int128 numbers[MARKS_NUMBERS_MAX];
};

/* For the column of that index in its table. */
void marks_init(struct soft_delete *deletes, const struct ps_config *config,
                const struct ps_column *column, uint32_t index);

/* True where the row's value in the column's vector means deleted. */
bool marks_row(const struct ps_marks *marks, const struct ps_vector *vector, uint32_t row);

#endif
