/*
 * The fixture of tests of whole syncs (harness.h).
 */
#include "support/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/log.h"

/* What does not fit is left out. */
static void append_line(char *text, size_t size, const char *line)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, size - used, "%s\n", line);
}

/* Lines come one at a time, under the log's lock. */
static void keep_line(void *context, enum ps_log_level level, const char *line)
{
    struct harness *h = context;
    (void)level;
    append_line(h->logged, sizeof h->logged, line);
}

static void keep_warning(void *context, const char *text)
{
    struct harness *h = context;
    append_line(h->warnings, sizeof h->warnings, text);
}

int harness_set_up(void **state)
{
    struct harness *h = calloc(1, sizeof *h);
    if (h == NULL) {
        return -1;
    }
    *state = h;
    fake_sink_forget();
    ps_log_set_writer(keep_line, h);
    h->database = fake_database_new();
    h->destination = "warehouse";
    ps_clock_fake_init(&h->clock, (struct ps_timestamp){HARNESS_BEGAN, 0});
    ps_cancel_init(&h->cancel);
    fake_monitor_init(&h->monitor, &h->clock);
    h->request = (struct ps_run_request){
        .plan = {.source_ops = fake_database_ops(h->database),
                 .clock = &h->clock.base,
                 .cancel = &h->cancel},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
        .events = {.context = h, .warning = keep_warning},
    };
    return 0;
}

static void forget_last_sync(struct harness *h)
{
    ps_run_result_done(&h->result);
    h->result = (struct ps_run_result){.arena = NULL};
    ps_free(h->state_after);
    h->state_after = NULL;
    h->warnings[0] = '\0';
    h->err = (struct ps_error){0};
}

static void close_sync(struct harness *h)
{
    if (!h->open) {
        return;
    }
    ps_state_free(h->request.state);
    h->request.sink_ops->close(h->request.sink);
    ps_config_free(h->config);
    ps_settings_done(&h->settings);
    h->request.state = NULL;
    h->request.sink = NULL;
    h->request.plan.config = NULL;
    h->config = NULL;
    h->open = false;
}

/* Told once: what was left behind stays there for the tests that follow. */
static void expect_no_leak(void)
{
#ifdef __SANITIZE_ADDRESS__
    static bool told;
    if (!told && __lsan_do_recoverable_leak_check() != 0) {
        told = true;
        fail_msg("the test left memory behind");
    }
#endif
}

int harness_tear_down(void **state)
{
    struct harness *h = *state;
    close_sync(h);
    const uint32_t sources = fake_sources_open(h->database, NULL);
    const uint32_t hanging = fake_readers_hanging(h->database);
    forget_last_sync(h);
    ps_log_set_writer(NULL, NULL);
    fake_sink_forget();
    if (sources == 0) {
        fake_database_free(h->database);
    }
    free(h);
    *state = NULL;
    assert_int_equal(sources, 0);
    assert_int_equal(hanging, 0);
    expect_no_leak();
    return 0;
}

void harness_people(struct harness *h)
{
    fake_table_add(h->database, "", "people",
                   "id LONG key, name STRING null, updated_at UTC_DATETIME null");
    fake_row_add(h->database, "people", "1|Ann|2024-01-01T00:00:00Z");
    fake_row_add(h->database, "people", "2|\\N|2024-01-01T00:00:01Z");
    fake_row_add(h->database, "people", "3||2024-01-01T00:00:02Z");
    fake_database_set_now(h->database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
}

void harness_config(struct harness *h, const char *key, const char *value)
{
    size_t i = 0;
    while (i < HARNESS_OPTIONS_MAX && h->options[i][0] != NULL &&
           strcmp(h->options[i][0], key) != 0) {
        i++;
    }
    assert_in_range(i, 0, HARNESS_OPTIONS_MAX - 1);
    h->options[i][0] = key;
    h->options[i][1] = value;
}

void harness_config_all(struct harness *h, const char *const *pairs)
{
    for (; *pairs != NULL; pairs += 2) {
        harness_config(h, pairs[0], pairs[1]);
    }
}

void harness_config_once(struct harness *h, const char *const *pairs)
{
    h->options_once = pairs;
}

/* Ours to do right: the test cannot go on without it. */
static void must(const struct harness *h, enum ps_status status)
{
    if (status != PS_OK) {
        fail_msg("%s", h->err.message);
    }
}

static void make_config(struct harness *h)
{
    h->option_tables[0] = h->request.plan.source_ops->options;
    h->option_tables[1] = ps_engine_options;
    for (size_t i = 0; i < HARNESS_OPTIONS_MAX && h->options[i][0] != NULL; i++) {
        must(h, ps_settings_add(&h->settings, h->options[i][0], h->options[i][1], &h->err));
    }
    for (const char *const *at = h->options_once; at != NULL && *at != NULL; at += 2) {
        must(h, ps_settings_add(&h->settings, at[0], at[1], &h->err));
    }
    must(h, ps_config_new(&h->settings, h->option_tables, NULL, &h->config, &h->err));
    h->request.plan.config = h->config;
}

void harness_open(struct harness *h)
{
    struct ps_run_request *request = &h->request;
    struct ps_stored_state stored = {.found = false};
    const struct ps_sink_request open = {.destination = h->destination,
                                         .schema = "tester",
                                         .clock = &h->clock.base,
                                         .stream = h->stream};
    forget_last_sync(h);
    if (h->each_first) {
        fake_sink_forget();
    }
    make_config(h);
    request->plan.sink_caps = request->sink_ops->caps;
    must(h, request->sink_ops->open(&open, &request->sink, &h->err));
    if (h->state == NULL) {
        must(h, request->sink_ops->state_read(request->sink, &stored, &h->err));
    }
    const char *json = h->state != NULL ? h->state : stored.json != NULL ? stored.json : "";
    must(h, ps_state_parse(json, strlen(json), "the test", &request->state, &h->err));
    ps_free(stored.json);
    h->open = true;
}

enum ps_status harness_try(struct harness *h)
{
    struct ps_buffer after;
    size_t size;
    if (!h->open) {
        harness_open(h);
    }
    h->status = ps_sync_run(&h->request, &h->result, &h->err);
    h->totals = ps_run_result_totals(&h->result);
    fake_hook_set(h->database, NULL, NULL);
    ps_cancel_init(&h->cancel);
    h->options_once = NULL;
    h->request.plan.resync = false;
    h->request.plan.resync_tables = NULL;
    ps_buffer_init(&after, 0);
    struct ps_error err = {0};
    assert_int_equal(ps_state_write(h->request.state, &after, &err), PS_OK);
    h->state_after = ps_buffer_steal(&after, &size);
    close_sync(h);
    return h->status;
}

void harness_sync_ending(struct harness *h, enum ps_status status)
{
    if (harness_try(h) != status) {
        fail_msg("the sync ended with status %d: %s", h->status, h->err.message);
    }
}

void harness_sync(struct harness *h)
{
    harness_sync_ending(h, PS_OK);
}

static void cancel_when_it_is_time(void *context, enum fake_call call, const char *table)
{
    struct harness *h = context;
    (void)table;
    if (call == h->cancel_call && atomic_fetch_sub(&h->cancel_left, 1) == 1) {
        ps_cancel_set(&h->cancel, 2);
    }
}

void harness_cancel_at(struct harness *h, enum fake_call call, int nth)
{
    h->cancel_call = call;
    atomic_store(&h->cancel_left, nth);
    fake_hook_set(h->database, cancel_when_it_is_time, h);
}

char *harness_rows(const struct harness *h, const char *table, const char *columns)
{
    char *rows = fake_sink_rows(h->destination, "", table, columns);
    if (rows == NULL) {
        fail_msg("there is no table %s", table);
    }
    return rows;
}

void harness_expect_rows(const struct harness *h, const char *table, const char *columns,
                         const char *expected)
{
    char *rows = harness_rows(h, table, columns);
    const bool equal = strcmp(rows, expected) == 0;
    if (!equal) {
        print_error("%s: %s\n%s", table, columns, rows);
    }
    ps_free(rows);
    if (!equal) {
        fail_msg("%s should be:\n%s", table, expected);
    }
}

void harness_expect_absent(const struct harness *h, const char *table)
{
    char *rows = fake_sink_rows(h->destination, "", table, "");
    const bool there = rows != NULL;
    ps_free(rows);
    if (there) {
        fail_msg("there is a table %s", table);
    }
}

static void expect_part(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("no \"%s\" in \"%s\"", part, text);
    }
}

void harness_expect_warning(const struct harness *h, const char *part)
{
    expect_part(h->warnings, part);
}

void harness_expect_no_warning(const struct harness *h, const char *part)
{
    if (strstr(h->warnings, part) != NULL) {
        fail_msg("\"%s\" in \"%s\"", part, h->warnings);
    }
}

void harness_expect_error(const struct harness *h, const char *part)
{
    expect_part(h->err.message, part);
}

void harness_expect_reason(const struct harness *h, const char *part)
{
    expect_part(harness_reason(h), part);
}

const char *harness_reason(const struct harness *h)
{
    return h->result.tables_count == 0 ? "" : h->result.tables[0].reason;
}

size_t harness_count(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part)) {
        count++;
    }
    return count;
}
