/*
 * The source's clock for a read, where what is read is older than the clock says. Not for: what
 * becomes of it (engine/window.h).
 */
#ifndef PS_ENGINE_SETTLE_H
#define PS_ENGINE_SETTLE_H

#include "engine/run.h"

/*
 * Reads the clock and horizon for a point in time that is taken right afterwards. Where points in
 * time are stale (ps_now.stale_ms), gives those that some worker of the run read so long ago that
 * the point shows all that had been committed by then, and waits for that at the run's beginning:
 * so windows miss nothing. CANCELED: the run is stopping.
 */
enum ps_status settle_now(struct worker *worker, struct ps_source *source, struct ps_now *ret_now,
                          struct ps_error *err) PS_MUST_CHECK;

#endif
