/*
 * Exponential waits with jitter, on a clock that tests can set.
 */
#include "engine/retry.h"

#include <regex.h>
#include <string.h>

#include "base/log.h"

#define WAIT_MAX_MS INT64_C(300000)
/* A lock that somebody holds is often free a moment later: such waits are a tenth. */
#define SHORT_WAIT_DIVISOR 10
#define HURRIED_FIRST_WAIT_MS 1000
#define MILLISECOND_NS INT64_C(1000000)
#define REGEX_FLAGS (REG_EXTENDED | REG_ICASE | REG_NOSUB)

/* The options, their classes, and what stands for them in the texts of most databases. */
static const struct {
    const char *option;
    enum ps_error_class error_class;
    const char *common;
} patterns[] = {
    {"deadlock_patterns", PS_CLASS_DEADLOCK, "deadlock|lock timeout"},
    {"timeout_patterns", PS_CLASS_TIMEOUT, "(connection|network|socket) timeout"},
};
#define PATTERNS (sizeof(patterns) / sizeof(patterns[0]))

void ps_retry_init(struct ps_retry *retry, const struct ps_config *config,
                   const struct ps_clock *clock, struct ps_cancel *cancel)
{
    *retry = (struct ps_retry){
        .retries_max = ps_config_integer(config, "max_retries", 5),
        .first_wait_ms = 1000 * ps_config_integer(config, "retry_sleep_seconds", 5),
        .config = config,
        .clock = clock,
        .cancel = cancel,
    };
    ps_random_init(&retry->random, (uint64_t)clock->monotonic_ns(clock));
}

void ps_retry_hurry(struct ps_retry *retry, int64_t patience_ms)
{
    if (retry->first_wait_ms > HURRIED_FIRST_WAIT_MS) {
        retry->first_wait_ms = HURRIED_FIRST_WAIT_MS;
    }
    retry->until_ns = retry->clock->monotonic_ns(retry->clock) + patience_ms * MILLISECOND_NS;
}

int64_t ps_retry_backoff_ms(const struct ps_retry *retry, const struct ps_error *err,
                            int64_t attempt)
{
    int64_t wait = retry->first_wait_ms;
    if (err->error_class == PS_CLASS_DEADLOCK || err->error_class == PS_CLASS_LOCK_TIMEOUT) {
        wait /= SHORT_WAIT_DIVISOR;
    }
    for (int64_t i = 1; i < attempt && wait < WAIT_MAX_MS; i++) {
        wait *= 2;
    }
    return wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
}

/* How long to wait before the next try: the back-off varied by half, but never less than the other
 * side asked for; -1: there is none. */
static int64_t next_wait_ms(struct ps_retry *retry, const struct ps_error *err)
{
    if (retry->attempts >= retry->retries_max) {
        return -1;
    }
    int64_t wait = ps_retry_backoff_ms(retry, err, retry->attempts + 1);
    wait = wait / 2 + (int64_t)ps_random_below(&retry->random, (uint64_t)wait + 1);
    wait = wait > WAIT_MAX_MS ? WAIT_MAX_MS : wait;
    wait = wait < (int64_t)err->retry_after_ms ? (int64_t)err->retry_after_ms : wait;
    bool beyond =
        retry->until_ns != 0 &&
        retry->clock->monotonic_ns(retry->clock) + wait * MILLISECOND_NS > retry->until_ns;
    return beyond ? -1 : wait;
}

enum ps_status ps_retry_check(const struct ps_config *config, struct ps_error *err)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        const char *const *list = ps_config_list(config, patterns[i].option, NULL);
        for (size_t n = 0; list[n] != NULL; n++) {
            regex_t regex;
            char reason[128];
            int failed = regcomp(&regex, list[n], REGEX_FLAGS);
            if (failed == 0) {
                regfree(&regex);
                continue;
            }
            (void)regerror(failed, NULL, reason, sizeof(reason));
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "\"%s\": `%.128s` is no regular expression: %s (commas part several; a "
                           "character that means itself has \\ before it)",
                           patterns[i].option, list[n], reason);
        }
    }
    return PS_OK;
}

/* True where an expression is found in the failure's message, or in what it does not show. An error
 * is rare: expressions are made when there is one. */
static bool matches(const char *expression, const struct ps_error *err)
{
    regex_t regex;
    if (regcomp(&regex, expression, REGEX_FLAGS) != 0) {
        return false;
    }
    bool match = regexec(&regex, err->message, 0, NULL, 0) == 0 ||
                 (err->unshown[0] != '\0' && regexec(&regex, err->unshown, 0, NULL, 0) == 0);
    regfree(&regex);
    return match;
}

/* The class that the user's expressions give, else NONE. */
static enum ps_error_class configured_class(const struct ps_config *config,
                                            const struct ps_error *err)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        const char *const *list = ps_config_list(config, patterns[i].option, NULL);
        for (size_t n = 0; list[n] != NULL; n++) {
            if (matches(list[n], err)) {
                return patterns[i].error_class;
            }
        }
    }
    return PS_CLASS_NONE;
}

static enum ps_error_class common_class(const struct ps_error *err)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        if (matches(patterns[i].common, err)) {
            return patterns[i].error_class;
        }
    }
    return PS_CLASS_NONE;
}

/* The class that a text gives to a failure, else NONE: of what no code has put into one already,
 * and what the other side tells. With a code, that is also what its source knows no rule for. */
static enum ps_error_class class_by_text(const struct ps_retry *retry, enum ps_status failed,
                                         const struct ps_error *err)
{
    bool passing = failed == PS_RETRY || failed == PS_SNAPSHOT_GONE;
    bool coded = err->sqlstate[0] != '\0' || err->vendor_code != 0;
    bool told = failed == PS_CONFIG || failed == PS_DATA || failed == PS_SCHEMA ||
                (failed == PS_BUG && coded);
    if ((!passing && !told) || (passing && err->error_class != PS_CLASS_NONE)) {
        return PS_CLASS_NONE;
    }
    enum ps_error_class found = configured_class(retry->config, err);
    if (found == PS_CLASS_NONE && !coded && err->error_class == PS_CLASS_NONE) {
        found = common_class(err);
    }
    return found;
}

enum ps_status ps_retry_classify(const struct ps_retry *retry, enum ps_status failed,
                                 struct ps_error *err)
{
    enum ps_error_class found = class_by_text(retry, failed, err);
    memset(err->unshown, 0, sizeof(err->unshown));
    if (found == PS_CLASS_NONE) {
        return failed;
    }
    err->error_class = found;
    err->status = failed == PS_SNAPSHOT_GONE ? failed : PS_RETRY;
    return err->status;
}

enum ps_status ps_retry_after(struct ps_retry *retry, enum ps_status failed, struct ps_error *err)
{
    failed = ps_retry_classify(retry, failed, err);
    if (failed != PS_RETRY && failed != PS_SNAPSHOT_GONE) {
        return failed;
    }
    if (ps_cancel_is_set(retry->cancel)) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the sync was asked to stop");
    }
    int64_t wait = next_wait_ms(retry, err);
    if (wait < 0) {
        if (retry->attempts > 0) {
            ps_error_prefix(err, "given up after %lld %s", (long long)retry->attempts,
                            retry->attempts == 1 ? "retry" : "retries");
        }
        return failed;
    }
    retry->attempts++;
    size_t size = strlen(err->message);
    size -= size > 0 && err->message[size - 1] == '.'; /* the sentence goes on */
    ps_log(PS_LOG_WARNING, "%.*s; trying again in %.1f seconds (%lld of %lld)", (int)size,
           err->message, (double)wait / 1000, (long long)retry->attempts,
           (long long)retry->retries_max);
    if (!ps_cancel_wait(retry->cancel, retry->clock, wait * MILLISECOND_NS)) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "the sync was asked to stop");
    }
    return PS_OK;
}

void ps_retry_progress(struct ps_retry *retry)
{
    retry->attempts = 0;
}
