/*
 * The one place that decides whether passing trouble is worth another try, and how long to wait.
 */
#ifndef PS_ENGINE_RETRY_H
#define PS_ENGINE_RETRY_H

#include "base/clock.h"
#include "base/random.h"
#include "penstock/config.h"
#include "penstock/error.h"

struct ps_retry {
    int64_t retries_max;
    int64_t first_wait_ms;
    int64_t until_ns;               /* no wait goes beyond this time; 0: none is cut off */
    const struct ps_config *config; /* outlives it */
    int64_t attempts;               /* tries again so far since the last progress */
    const struct ps_clock *clock;
    struct ps_cancel *cancel;
    struct ps_random random;
};

void ps_retry_init(struct ps_retry *retry, const struct ps_config *config,
                   const struct ps_clock *clock, struct ps_cancel *cancel);

/* A person waits for the answer: short waits, and none beyond so long from now. */
void ps_retry_hurry(struct ps_retry *retry, int64_t patience_ms);

/*
 * The kind of a failure. What the source says by codes stands where it calls for another try; texts
 * come after: the user's own expressions (`deadlock_patterns`, `timeout_patterns`), and for trouble
 * that nobody has put into a class those that most databases use. What they match becomes passing
 * trouble of their class, a BUG with a code too: no rule knows that code. They look at the message
 * and at what it does not show (ps_error_keep_unshown), which is wiped. Gives the status, also in
 * err; changes no other failure.
 */
enum ps_status ps_retry_classify(const struct ps_retry *retry, enum ps_status failed,
                                 struct ps_error *err) PS_MUST_CHECK;

/* CONFIG, naming the key: one of the expressions is none. */
enum ps_status ps_retry_check(const struct ps_config *config, struct ps_error *err) PS_MUST_CHECK;

/*
 * What to do about a failure of status `failed`, which it classifies. OK: waited, try again.
 * CANCELED: the wait was called off. Else `failed` itself, with the number of tries in the message
 * where there were some.
 */
enum ps_status ps_retry_after(struct ps_retry *retry, enum ps_status failed,
                              struct ps_error *err) PS_MUST_CHECK;

/* Something moved on: the next trouble starts counting anew. */
void ps_retry_progress(struct ps_retry *retry);

/* The wait before try number `attempt` (from 1) where the other side asks for none, without jitter,
 * in milliseconds. */
int64_t ps_retry_backoff_ms(const struct ps_retry *retry, const struct ps_error *err,
                            int64_t attempt);

#endif
