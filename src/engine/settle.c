/* Clocks of stale points in time: see settle.h. */
#include "engine/settle.h"

#include "base/log.h"

/* Notes the clock as it was read at `read_ns`. Gives how long to wait until one is old enough; 0:
 * *ret_now is. */
static int64_t note(struct run *run, const struct ps_now *now, int64_t read_ns,
                    struct ps_now *ret_now)
{
    struct settling *settling = &run->settling;
    int64_t wait_ns = 0;
    ps_mutex_lock(&run->lock);
    if (settling->next_ns != 0 && read_ns - settling->next_ns >= now->stale_ms * 1000000) {
        settling->settled = settling->next;
        settling->any = true;
        settling->next_ns = 0;
    }
    if (settling->next_ns == 0) {
        settling->next = *now;
        settling->next.horizon_unknown_reason = NULL; /* it lives as long as its source alone */
        settling->next_ns = read_ns;
    }
    if (settling->any) {
        *ret_now = settling->settled;
    } else {
        wait_ns = settling->next_ns + now->stale_ms * 1000000 - read_ns;
    }
    ps_mutex_unlock(&run->lock);
    return wait_ns;
}

enum ps_status settle_now(struct worker *worker, struct ps_source *source, struct ps_now *ret_now,
                          struct ps_error *err)
{
    const struct ps_source_ops *ops = worker->run->request->plan.source_ops;
    for (;;) {
        struct ps_now now;
        enum ps_status status = ops->now(source, &now, err);
        if (status != PS_OK) {
            return status;
        }
        if (now.stale_ms == 0) {
            *ret_now = now;
            return PS_OK;
        }
        int64_t wait_ns = note(worker->run, &now, ps_monotonic_ns(), ret_now);
        if (wait_ns == 0) {
            return PS_OK;
        }
        ps_log(PS_LOG_INFO,
               "reads show what was there %lld s ago: waiting until that is after this sync began",
               (long long)((now.stale_ms + 999) / 1000));
        if (!run_pause(worker->run, wait_ns / 1000000 + 1)) {
            return run_canceled(err);
        }
    }
}
