/*
 * What went wrong in a run, counted by table, class and code, and what came of it. Any thread.
 */
#ifndef PS_ENGINE_TROUBLE_H
#define PS_ENGINE_TROUBLE_H

#include "engine/engine.h"
#include "engine/retry.h"

/* Kinds of trouble that are told apart; what comes beyond them is not counted. */
#define TROUBLES_MAX 10000

struct trouble_entry {
    struct ps_trouble told;
    uint64_t retries;
    int64_t waited_ns;
    uint64_t open[PS_THREADS_MAX]; /* by worker: since it last got on with the table */
};

/* `lock` guards the rest. */
struct troubles {
    struct ps_mutex lock;
    uint64_t retries[PS_ERROR_CLASSES]; /* what was tried again, of all kinds and tables */
    struct trouble_entry *entries;
    size_t count, capacity;
};

void troubles_init(struct troubles *troubles);
void troubles_done(struct troubles *troubles);

/* What happened to worker number `worker` at the table. */
struct trouble_place {
    size_t worker; /* below PS_THREADS_MAX */
    size_t table;  /* index in the plan; SIZE_MAX: none of them */
};
/* What befalls the sync before its tables are read. */
#define TROUBLE_OF_THE_SYNC ((struct trouble_place){.table = SIZE_MAX})

/* In all of these NULL in place of the troubles counts nothing. */

/* A failure; CANCELED is none. A lack of memory only loses the count. */
void trouble_note(struct troubles *troubles, struct trouble_place place,
                  const struct ps_error *err);
/* ps_retry_after; what is tried again is counted, and the wait. */
enum ps_status trouble_wait(struct troubles *troubles, struct trouble_place place,
                            struct ps_retry *retry, enum ps_status failed,
                            struct ps_error *err) PS_MUST_CHECK;
/* The worker got on with the table: it has recovered from what it met there. */
void trouble_passed(struct troubles *troubles, struct trouble_place place);

/*
 * Gives the result its troubles and each table its retries; a table that is done has recovered from
 * all that befell it. After the workers have ended. A lack of memory only loses the list.
 */
void troubles_tell(struct troubles *troubles, struct ps_run_result *result);

#endif
