/*
 * The tester: stands in for the platform and drives a Partner SDK connector, whose stream of
 * operations is applied to a sink; checks the contract as it goes (docs/tester.md). It does not
 * know how bytes travel: the caller gives it a wire (rpc/client.h stands behind it).
 *
 * Threads: the caller's does all but receiving, which a thread of the tester's own does, so that
 * the connector never waits for a commit unless much is waiting already.
 */
#ifndef PS_TESTER_TESTER_H
#define PS_TESTER_TESTER_H

#include "base/arena.h"
#include "base/clock.h"
#include "config/options.h"
#include "penstock/sink.h"
#include "state/state.h"
#include "tester/breach.h"

#define PS_TESTER_SERVICE "/fivetran_sdk.v2.SourceConnector/"

/* How messages travel. All but `stop` are called by one thread at a time. */
struct ps_tester_wire {
    void *context;
    /* A call with one answer; `method` is "Schema". */
    enum ps_status (*call)(void *context, const char *method, const struct ps_buffer *request,
                           struct ps_buffer *answer, struct ps_error *err);
    /* Begins the one stream. */
    enum ps_status (*open)(void *context, const char *method, const struct ps_buffer *request,
                           struct ps_error *err);
    /* The next message (ps_free frees it). END; RETRY of class timeout: none within timeout_ms. */
    enum ps_status (*next)(void *context, int64_t timeout_ms, uint8_t **ret_message,
                           size_t *ret_size, struct ps_error *err);
    void (*stop)(void *context); /* from any thread: ends the stream */
};

enum ps_tester_event_kind {
    PS_TESTER_FORM,       /* text: what the form holds */
    PS_TESTER_TEST,       /* name: its label; text: NULL, or why it failed */
    PS_TESTER_SCHEMA,     /* text: what was declared */
    PS_TESTER_CHANGED,    /* schema, name: a table of the destination; text: what changed */
    PS_TESTER_CHECKPOINT, /* number; rows since the start */
    PS_TESTER_WARNING,    /* text */
    PS_TESTER_TASK,       /* text */
    PS_TESTER_BREACH,     /* breach */
    PS_TESTER_WAITING,    /* number: seconds without a message */
};

struct ps_tester_event {
    enum ps_tester_event_kind kind;
    const char *schema, *name, *text;
    uint64_t number, rows;
    const struct ps_tester_breach *breach;
};

struct ps_tester_events {
    void *context;
    void (*event)(void *context, const struct ps_tester_event *event);
    /* The sink has committed this state. Its failure ends the sync. */
    enum ps_status (*checkpoint)(void *context, const char *json, size_t size,
                                 struct ps_error *err);
};

struct ps_tester_request {
    struct ps_tester_wire wire;
    const struct ps_settings *settings; /* what the connector is configured with */
    const struct ps_sink_ops *sink_ops;
    struct ps_sink *sink;   /* open */
    struct ps_state *state; /* as read at the start; the run moves it on */
    const char *folder;     /* where files go */
    const char *schema;     /* the destination schema */
    struct ps_cancel *cancel;
    int64_t idle_seconds; /* a connector that is silent for so long has hung */
    struct ps_tester_events events;
};

struct ps_tester_table {
    const char *schema, *table; /* the connector's names */
    uint64_t upserts, updates, deletes, truncates, schema_changes, skipped, bytes;
};

struct ps_tester_result {
    struct ps_arena *arena; /* owned: all texts */
    struct ps_tester_table *tables;
    size_t tables_count;
    struct ps_tester_table totals;
    uint64_t checkpoints, messages, files, file_bytes, memory_peak_bytes;
    struct ps_tester_breach *breaches;
    size_t breaches_count;
    uint64_t breaches_total;
    const char **warnings; /* the connector's, and losses at the sink */
    size_t warnings_count, warnings_capacity;
    const char *task;        /* NULL: none */
    const char *test_failed; /* label of the test that failed; NULL: none */
    double seconds, cpu_seconds;
};
void ps_tester_result_done(struct ps_tester_result *result);

/* "key_missing" */
const char *ps_tester_breach_name(const struct ps_tester_breach *breach);

/* CONFIG: a value that only the platform can read, or a placeholder. To be asked before anything is
 * made. */
enum ps_status ps_tester_check_settings(const struct ps_settings *settings,
                                        struct ps_error *err) PS_MUST_CHECK;

/*
 * One sync from form to end. The result is filled whatever the status. OK; CANCELED: the state is
 * that of the last checkpoint; DATA: the connector failed, a Task or a failed test ended it;
 * RETRY: the sink's passing trouble; CONFIG: the configuration, the warehouse.
 */
enum ps_status ps_tester_run(const struct ps_tester_request *request,
                             struct ps_tester_result *ret_result,
                             struct ps_error *err) PS_MUST_CHECK;

#endif
