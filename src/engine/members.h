/*
 * A row's JSON taken apart: which member becomes which column's value, and what stays JSON. A
 * transform owns one; engine/flatten.h says what the workers of a table share.
 */
#ifndef PS_ENGINE_MEMBERS_H
#define PS_ENGINE_MEMBERS_H

#include "data/flatten.h"
#include "engine/flatten.h"

struct members;

enum ps_status members_new(const struct ps_plan_table *base, struct members **ret_members,
                           struct ps_error *err) PS_MUST_CHECK;
void members_free(struct members *members); /* NULL is fine */

/* Takes the row's JSON apart by the shape; adds wishes where members need other columns. */
enum ps_status members_take(struct members *members, const struct flatten_shape *shape,
                            const struct ps_batch *batch, uint32_t row,
                            struct ps_error *err) PS_MUST_CHECK;

/* Of the row taken last: the value of the shape's column of that index behind the source's; NULL:
 * it has none. */
const struct ps_leaf *members_leaf(const struct members *members, uint32_t place);

/* What stays of a JSON column. False: all that there was, or it is not taken apart. */
bool members_rest(const struct members *members, uint32_t column, const char **ret_text,
                  size_t *ret_size); /* text NULL: nothing */

/* The wishes since the last call of members_forget_wishes. */
const struct flatten_wish *members_wishes(const struct members *members, size_t *ret_count);
void members_forget_wishes(struct members *members);

#endif
