/*
 * What plans say to people: the sync's own, and the second one of a table that changes while the
 * sync runs.
 */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "engine/engine.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define DESTINATION "warehouse"

static struct fake_database *database;
static struct ps_clock_fake clock_fake;
static struct ps_cancel cancel;
static struct ps_error err;
static char warnings[4096], reason[256];
static enum ps_mode mode;

static void keep_warning(void *context, const char *text)
{
    (void)context;
    size_t size = strlen(warnings);
    snprintf(warnings + size, sizeof(warnings) - size, "%s\n", text);
}

/* Fills `warnings`, and `reason` and `mode` of the first table. */
static enum ps_status sync_once(const char *const *options)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_stored_state stored = {.found = false};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &clock_fake.base};
    struct ps_run_request request = {
        .plan = {.source_ops = fake_database_ops(database),
                 .config = engine_config_make(&made, options),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &clock_fake.base,
                 .cancel = &cancel},
        .sink_ops = &fake_sink_ops,
        .checkpoint_seconds = 3600,
        .events = {.warning = keep_warning},
    };
    warnings[0] = '\0';
    assert_int_equal(fake_sink_ops.open(&open, &request.sink, &err), PS_OK);
    assert_int_equal(fake_sink_ops.state_read(request.sink, &stored, &err), PS_OK);
    assert_int_equal(ps_state_parse(stored.json == NULL ? "" : stored.json, stored.json_size,
                                    "the warehouse", &request.state, &err),
                     PS_OK);
    ps_free(stored.json);
    enum ps_status status = ps_sync_run(&request, &result, &err);
    if (result.tables_count > 0) { /* the plan was made */
        snprintf(reason, sizeof(reason), "%s", result.tables[0].reason);
        mode = result.tables[0].mode;
    }
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    return status;
}

static const char *const with_stop[] = {"on_schema_change", "stop", NULL};
static const char *const with_warn[] = {"on_schema_change", "warn", NULL};

static void people(void)
{
    fake_table_add(database, "", "people", "id LONG key, updated_at UTC_DATETIME");
    fake_row_add(database, "people", "1|2024-01-01T00:00:00Z");
    fake_row_add(database, "people", "2|2024-01-01T00:00:01Z");
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
}

static void add_column(void *context, enum fake_call call, const char *table)
{
    bool *changed = context;
    if (call == FAKE_READER_OPEN && !*changed && table != NULL) {
        *changed = true;
        fake_column_add(database, table, "extra LONG null");
    }
}

static void lose_cursor(void *context, enum fake_call call, const char *table)
{
    bool *changed = context;
    if (call == FAKE_READER_OPEN && !*changed && table != NULL) {
        *changed = true;
        fake_column_retype(database, table, "updated_at", "STRING");
    }
}

/* A sync during which `hook` changes the table between the plan and the read. */
static enum ps_status sync_changing(const char *const *options,
                                    void (*hook)(void *, enum fake_call, const char *))
{
    bool changed = false;
    const struct fake_fault fault = {
        .call = FAKE_READER_OPEN, .table = "people", .status = PS_SCHEMA};
    fake_hook_set(database, hook, &changed);
    fake_fault_add(database, &fault);
    enum ps_status status = sync_once(options);
    fake_hook_set(database, NULL, NULL);
    fake_faults_clear(database);
    assert_true(changed);
    return status;
}

static void test_again_with_stop_a_change_during_the_sync_stops_it(void **state)
{
    (void)state;
    people();
    assert_int_equal(sync_once(with_stop), PS_OK);
    assert_int_equal(sync_changing(with_stop, add_column), PS_CONFIG);
    assert_non_null(strstr(err.message, "\"people\" is not what it was at the last sync"));
    /* Nothing was taken over: so says the next plan. */
    assert_int_equal(sync_once(with_stop), PS_CONFIG);
    assert_non_null(strstr(err.message, "\"people\" is not what it was at the last sync"));
    assert_int_equal(sync_once(with_warn), PS_OK);
    assert_int_equal(sync_once(with_stop), PS_OK);
}

static void test_again_with_warn_a_change_during_the_sync_is_told_once(void **state)
{
    (void)state;
    people();
    assert_int_equal(sync_once(with_warn), PS_OK);
    assert_int_equal(sync_changing(with_warn, add_column), PS_OK);
    assert_non_null(strstr(warnings, "\"people\" is not what it was at the last sync"));
    assert_string_equal(reason,
                        "cursor updated_at; all rows: it was altered or emptied during the sync");
    assert_int_equal(sync_once(with_warn), PS_OK);
    assert_string_equal(warnings, "");
}

static void test_again_of_a_first_sync_compares_with_nothing(void **state)
{
    (void)state;
    people();
    assert_int_equal(sync_changing(with_stop, add_column), PS_OK);
    assert_string_equal(warnings, "");
    assert_string_equal(reason, "cursor updated_at; all rows: first sync");
    char *rows = fake_sink_rows(DESTINATION, "", "people", "id,extra");
    assert_string_equal(rows, "1|~\n2|~\n");
    ps_free(rows);
}

static void test_again_without_its_cursor_a_table_is_full_and_said_to_be(void **state)
{
    (void)state;
    people();
    assert_int_equal(sync_once(NULL), PS_OK);
    assert_int_equal(sync_changing(NULL, lose_cursor), PS_OK);
    assert_non_null(strstr(warnings, "\"people\" was read by its changes until now"));
    assert_int_equal(mode, PS_MODE_FULL);
    assert_non_null(strstr(reason, "cannot be a cursor"));
}

static void test_again_repeats_no_warning_of_the_first_plan(void **state)
{
    (void)state;
    fake_table_add(database, "", "people", "id LONG key, updated_at LONG");
    fake_row_add(database, "people", "1|5");
    fake_database_set_now(database, "2024-01-01T01:00:00Z", "2024-01-01T00:59:59Z");
    assert_int_equal(sync_changing(NULL, add_column), PS_OK);
    const char *first = strstr(warnings, "is a number");
    assert_non_null(first);
    assert_null(strstr(first + 1, "is a number"));
}

/* What another option leaves out is no slip. */
static void test_plan_tells_of_options_by_table_that_meet_none(void **state)
{
    (void)state;
    static const char *const options[] = {"exclude_tables",
                                          "other",
                                          "primary_keys",
                                          "peopel=none, PEOPLE=auto",
                                          "strategy",
                                          "other=wide, auto, s.people=wide",
                                          NULL};
    people();
    fake_table_add(database, "", "other", "id LONG key");
    assert_int_equal(sync_once(options), PS_OK);
    assert_string_equal(warnings, "no table matches `peopel` (primary_keys)\n"
                                  "no table matches `s.people` (strategy)\n");
}

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static int set_up(void **state)
{
    (void)state;
    ps_log_set_writer(log_nowhere, NULL);
    fake_sink_forget();
    database = fake_database_new();
    ps_clock_fake_init(&clock_fake, (struct ps_timestamp){1704067200, 0});
    ps_cancel_init(&cancel);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_database_free(database);
    fake_sink_forget();
    return 0;
}

#define AGAIN_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AGAIN_TEST(test_again_with_stop_a_change_during_the_sync_stops_it),
        AGAIN_TEST(test_again_with_warn_a_change_during_the_sync_is_told_once),
        AGAIN_TEST(test_again_of_a_first_sync_compares_with_nothing),
        AGAIN_TEST(test_again_without_its_cursor_a_table_is_full_and_said_to_be),
        AGAIN_TEST(test_again_repeats_no_warning_of_the_first_plan),
        AGAIN_TEST(test_plan_tells_of_options_by_table_that_meet_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
