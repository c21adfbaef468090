/*
 * Whole syncs for tests: the engine between a source and a sink in memory, on a clock that stands.
 * A test says what is at the source, runs syncs, and compares what came of them:
 *
 *     static void test_run_first_sync_loads_every_row(void **state)
 *     {
 *         struct harness *h = *state;
 *         fake_table_add(h->database, "", "t", "id LONG key");
 *         fake_rows_add(h->database, "t", 1, 3, "#");
 *         harness_sync_with(h, "batch_size", "2");
 *         harness_expect_rows(h, "t", "id", "1\n2\n3\n");
 *         assert_int_equal(h->totals.upserts, 3);
 *     }
 *     … HARNESS_TEST(test_run_first_sync_loads_every_row) …
 *
 * Each sync is a process's life of its own: it opens the sink, goes on from the state that the sink
 * keeps, and closes it. Not for: parts of the engine that run without a sync.
 */
#ifndef TESTS_SUPPORT_HARNESS_H
#define TESTS_SUPPORT_HARNESS_H

#include "support/unit.h"

#include "config/options.h"
#include "engine/engine.h"
#include "support/fake_monitor.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"

#define HARNESS_BEGAN 1704067200 /* 2024-01-01T00:00:00Z, where both clocks stand at first */
#define HARNESS_OPTIONS_MAX 16
#define HARNESS_SECOND INT64_C(1000000000)

struct harness {
    struct fake_database *database; /* what is at the source */
    struct ps_clock_fake clock;     /* the syncs' own */
    struct ps_cancel cancel;        /* a new one for each sync */
    /* What syncs are asked for from now on; a `resync` counts for one sync. The harness fills in
     * what is its own: configuration, clock, cancel, sink and its caps, state. */
    struct ps_run_request request;
    const char *state;           /* what they begin with; NULL: what the sink keeps */
    bool each_first;             /* nothing is at the destination before a sync */
    struct ps_stream *stream;    /* the stream sink's, where that is in the request */
    struct fake_monitor monitor; /* the machine, where that is in the request */
    const char *destination;     /* for the functions of fake_sink.h */

    /* What came of the last sync. */
    enum ps_status status;
    struct ps_error err;
    struct ps_run_result result;
    struct ps_table_result totals;
    char *state_after;   /* as the engine left it, whether or not it was committed */
    char warnings[4096]; /* one a line */
    char logged[8192];   /* log lines since the beginning of the test */

    /* The harness's own. */
    const char *options[HARNESS_OPTIONS_MAX][2];
    const char *const *options_once; /* of the next sync alone */
    const struct ps_option *option_tables[3];
    struct ps_settings settings;
    struct ps_config *config;
    bool open;
    enum fake_call cancel_call;
    atomic_int cancel_left;
};

/*
 * For cmocka: a test's fixture, with an empty source and no destination, and its end, which fails
 * where the test left a source open, a read hanging, or, under AddressSanitizer, memory behind.
 */
int harness_set_up(void **state);
int harness_tear_down(void **state);
#define HARNESS_TEST(name) HARNESS_TEST_FROM(name, harness_set_up)
/* begin: calls harness_set_up first. */
#define HARNESS_TEST_FROM(name, begin)                                                             \
    cmocka_unit_test_setup_teardown(name, begin, harness_tear_down)

/*
 * A table "people" with the columns id (the key), name, updated_at (the cursor) and three rows:
 * 1 Ann, 2 without a name, 3 with an empty one, a second between each; an hour later by the clock.
 */
void harness_people(struct harness *h);

/* From now on the option has that value. Texts are borrowed. */
void harness_config(struct harness *h, const char *key, const char *value);
/* The same of pairs, ended by NULL. */
void harness_config_all(struct harness *h, const char *const *pairs);
/* Such pairs for the next sync alone, besides those that stay. */
void harness_config_once(struct harness *h, const char *const *pairs);

/* A sync whatever its end is. A hook of the source and a cancel count for one sync. */
enum ps_status harness_try(struct harness *h);
/* One that ends well, and one that ends so: the test fails with its message where it does not. */
void harness_sync(struct harness *h);
void harness_sync_ending(struct harness *h, enum ps_status status);
/* The same with options for it alone: key, value, … */
#define harness_sync_with(h, ...)                                                                  \
    (harness_config_once(h, (const char *const[]){__VA_ARGS__, NULL}), harness_sync(h))
#define harness_sync_ending_with(h, status, ...)                                                   \
    (harness_config_once(h, (const char *const[]){__VA_ARGS__, NULL}),                             \
     harness_sync_ending(h, status))
/* For who has something to do between that and the sync: opens the sink and reads its state, which
 * is then in the request. */
void harness_open(struct harness *h);
/* The nth call of that member cancels the next sync. */
void harness_cancel_at(struct harness *h, enum fake_call call, int nth);

/* The rows of a table at the destination, as of fake_sink_rows; the test fails where it is not
 * there. Free them with ps_free. */
char *harness_rows(const struct harness *h, const char *table, const char *columns);
void harness_expect_rows(const struct harness *h, const char *table, const char *columns,
                         const char *expected);
/* It is not at the destination. */
void harness_expect_absent(const struct harness *h, const char *table);

/* Of the last sync: a part of its warnings, of its message, of the reason of its first table. */
void harness_expect_warning(const struct harness *h, const char *part);
void harness_expect_no_warning(const struct harness *h, const char *part);
void harness_expect_error(const struct harness *h, const char *part);
void harness_expect_reason(const struct harness *h, const char *part);
const char *harness_reason(const struct harness *h); /* "" where no plan was made */

/* How often the part is in the text. */
size_t harness_count(const char *text, const char *part);

#endif
