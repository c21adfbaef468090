/*
 * Cursor windows: where the next one begins. docs/architecture.md, "Cursor windows".
 */
#ifndef PS_ENGINE_WINDOW_H
#define PS_ENGINE_WINDOW_H

#include "penstock/batch.h"
#include "penstock/source.h"

/* How many values a window of plain numbers goes back, unless the look-back is turned off. */
#define WINDOW_NUMBERS_LOOKED_BACK 10000

/* The lower edge of a window: the edge kept in the state less the look-back, which is for clocks
 * and plain numbers: the edge of a counter stands. Never below what the column's type can hold. */
struct ps_scalar window_lower(const struct ps_column *cursor, const struct ps_scalar *edge,
                              int64_t lookback_seconds);

/* What the edge after a read that began at `now` may not pass: the horizon or, where that is not
 * known, the source's clock; of a counter, below what everything is committed. Not present for
 * plain numbers, which tell neither. */
struct ps_scalar window_limit(const struct ps_column *cursor, const struct ps_now *now);

/* True where the edge after a read that began at `now` has to stay where it was. */
bool window_held(const struct ps_column *cursor, const struct ps_now *now);

/* The limit after a read that went on at a point in time with another limit of its own. */
struct ps_scalar window_earlier_limit(const struct ps_scalar *limit, const struct ps_scalar *other);

/*
 * The edge to keep after a read with that limit: the largest value handed over so far (by this
 * read, or before it: `previous`), but no later than the limit. `largest` and `previous` may be
 * not present; where both are, so is the edge. `held`: as window_held. Of a counter `largest` is
 * the limit: what is below it has been read, so that the next window begins right there.
 */
struct ps_scalar window_next_edge(const struct ps_scalar *limit, bool held,
                                  const struct ps_scalar *largest,
                                  const struct ps_scalar *previous);

/* Raises `largest` to the largest value of a column in the batch; NULLs do not count. */
void window_observe(const struct ps_batch *batch, uint32_t column, struct ps_scalar *largest);

#endif
