/* Who sent an errand and its thread share a note of which of them leaves last and frees. */
#include "base/errand.h"

#include "base/alloc.h"

#define LOOK_NS INT64_C(50000000)

struct note {
    struct ps_mutex lock;
    struct ps_condition done;
    struct ps_errand *errand;
    bool has_run, abandoned; /* under the lock */
};

static void free_note(struct note *note)
{
    ps_condition_done(&note->done);
    ps_mutex_done(&note->lock);
    ps_free(note);
}

static void run(void *context)
{
    struct note *note = context;
    note->errand->run(note->errand);
    ps_mutex_lock(&note->lock);
    note->has_run = true;
    bool mine = note->abandoned;
    ps_condition_signal(&note->done);
    ps_mutex_unlock(&note->lock);
    if (mine) {
        note->errand->free(note->errand);
        free_note(note);
    }
}

/* Under the note's lock. */
static enum ps_errand_end wait_for(struct note *note, int64_t timeout_ms,
                                   const struct ps_cancel *cancel)
{
    int64_t end_ns = ps_monotonic_ns() + timeout_ms * 1000000;
    while (!note->has_run) {
        int64_t now_ns = ps_monotonic_ns(), look_ns = now_ns + LOOK_NS;
        if (cancel != NULL && ps_cancel_is_set(cancel)) {
            return PS_ERRAND_CANCELED;
        }
        if (timeout_ms != 0 && now_ns >= end_ns) {
            return PS_ERRAND_LATE;
        }
        (void)ps_condition_wait_until(&note->done, &note->lock,
                                      timeout_ms != 0 && end_ns < look_ns ? end_ns : look_ns);
    }
    return PS_ERRAND_DONE;
}

enum ps_errand_end ps_errand_send(struct ps_errand *errand, const char *name, int64_t timeout_ms,
                                  const struct ps_cancel *cancel)
{
    struct ps_thread thread = {.started = false};
    struct note *note = ps_calloc(1, sizeof(*note));
    if (note == NULL) {
        errand->free(errand);
        return PS_ERRAND_FAILED;
    }
    ps_mutex_init(&note->lock);
    ps_condition_init(&note->done);
    note->errand = errand;
    if (ps_thread_start(&thread, name, run, note, NULL) != PS_OK) {
        free_note(note);
        errand->free(errand);
        return PS_ERRAND_FAILED;
    }
    ps_mutex_lock(&note->lock);
    enum ps_errand_end end = wait_for(note, timeout_ms, cancel);
    note->abandoned = end != PS_ERRAND_DONE;
    ps_mutex_unlock(&note->lock);
    if (end == PS_ERRAND_DONE) {
        ps_thread_join(&thread);
        free_note(note);
    } else {
        ps_thread_detach(&thread);
    }
    return end;
}
