/*
 * The thread that tells how far a sync is (rpc/progress.h).
 */
#include "rpc/progress.h"

#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"

#define SECOND_NS INT64_C(1000000000)
#define EVERY_NS (60 * SECOND_NS)
/* For tests, which do not wait for a minute. */
#define OFTEN_NS (SECOND_NS / 10)

/* "" unless the client keeps the sync waiting. */
static void describe_wait(const struct rpc_progress *progress, int64_t now, char *out, size_t size)
{
    int64_t since = atomic_load(&progress->sending_ns);
    int64_t seconds = since == 0 ? 0 : (now - since) / SECOND_NS;
    out[0] = '\0';
    if (seconds > 0) {
        snprintf(out, size, "; the client has taken nothing for %lld s", (long long)seconds);
    }
}

/* "" where nobody knows. */
static void describe_ahead(const struct ps_progress *last, char *out, size_t size)
{
    out[0] = '\0';
    if (last->percent >= 0 && last->seconds_left >= 0) {
        snprintf(out, size, ", %d %%, about %.0f s left", last->percent, last->seconds_left);
    } else if (last->percent >= 0) {
        snprintf(out, size, ", %d %%", last->percent);
    }
}

/* Takes the lock off while it writes: whoever reads the log may be slow, and the sync must not wait
 * for that. */
static void tell(struct rpc_progress *progress)
{
    int64_t now = ps_monotonic_ns();
    struct ps_progress last = progress->last;
    double seconds = last.seconds + (double)(now - progress->last_ns) / (double)SECOND_NS;
    bool planned = progress->planned;
    char wait[80], ahead[80];
    describe_ahead(&last, ahead, sizeof(ahead));
    describe_wait(progress, now, wait, sizeof(wait));
    ps_mutex_unlock(&progress->lock);
    if (planned) {
        ps_log(PS_LOG_INFO, "%zu of %zu tables done, %llu rows, %.0f rows/s%s%s", last.tables_done,
               last.tables_total, (unsigned long long)last.rows,
               seconds > 0 ? (double)last.rows / seconds : 0, ahead, wait);
    } else {
        ps_log(PS_LOG_INFO, "connecting and planning for %lld s",
               (long long)((now - progress->began_ns) / SECOND_NS));
    }
    ps_mutex_lock(&progress->lock);
}

static void progress_run(void *argument)
{
    struct rpc_progress *progress = argument;
    int64_t next = progress->began_ns + progress->every_ns;
    ps_mutex_lock(&progress->lock);
    while (!progress->ending) {
        if (!ps_condition_wait_until(&progress->changed, &progress->lock, next) &&
            !progress->ending) {
            tell(progress);
            next = ps_monotonic_ns() + progress->every_ns;
        }
    }
    ps_mutex_unlock(&progress->lock);
}

enum ps_status rpc_progress_start(struct rpc_progress *progress, struct ps_error *err)
{
    *progress = (struct rpc_progress){
        .began_ns = ps_monotonic_ns(),
        .every_ns = ps_fault("rpc.progress_often") ? OFTEN_NS : EVERY_NS,
    };
    atomic_init(&progress->sending_ns, 0);
    ps_mutex_init(&progress->lock);
    ps_condition_init(&progress->changed);
    enum ps_status status =
        ps_thread_start(&progress->thread, "penstock-tell", progress_run, progress, err);
    if (status != PS_OK) {
        ps_condition_done(&progress->changed);
        ps_mutex_done(&progress->lock);
    }
    return status;
}

void rpc_progress_end(struct rpc_progress *progress)
{
    if (!progress->thread.started) {
        return;
    }
    ps_mutex_lock(&progress->lock);
    progress->ending = true;
    ps_condition_signal(&progress->changed);
    ps_mutex_unlock(&progress->lock);
    ps_thread_join(&progress->thread);
    ps_condition_done(&progress->changed);
    ps_mutex_done(&progress->lock);
    progress->thread.started = false;
}

static void note(struct rpc_progress *progress, const struct ps_progress *now)
{
    ps_mutex_lock(&progress->lock);
    progress->planned = true;
    progress->last = *now;
    progress->last.table = NULL;
    progress->last_ns = ps_monotonic_ns();
    ps_mutex_unlock(&progress->lock);
}

void rpc_progress_planned(struct rpc_progress *progress, const struct ps_plan *plan)
{
    const struct ps_progress none = {
        .tables_total = plan->tables_count, .percent = -1, .seconds_left = -1};
    note(progress, &none);
}

void rpc_progress_note(struct rpc_progress *progress, const struct ps_progress *now)
{
    note(progress, now);
}

void rpc_progress_sending(struct rpc_progress *progress, bool sending)
{
    atomic_store_explicit(&progress->sending_ns, sending ? ps_monotonic_ns() : 0,
                          memory_order_relaxed);
}
