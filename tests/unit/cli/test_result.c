/*
 * The result document of a sync, member by member, and the events before it.
 */
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/result.h"
#include "support/unit.h"

struct stage {
    struct output out;
    int ends[2];
    char text[8192];
};

static void stage_init(struct stage *stage)
{
    assert_int_equal(pipe(stage->ends), 0);
    output_init(&stage->out, stage->ends[1]);
}

static const char *stage_text(struct stage *stage)
{
    ssize_t n;

    assert_true(output_flush(&stage->out));
    n = read(stage->ends[0], stage->text, sizeof stage->text - 1);
    assert_true(n >= 0);
    stage->text[n] = '\0';
    return stage->text;
}

static void stage_done(struct stage *stage)
{
    output_done(&stage->out);
    close(stage->ends[0]);
    close(stage->ends[1]);
}

static void test_result_has_every_member_and_no_other(void **state)
{
    struct ps_table_result table = {.schema = "dbo",
                                    .table = "a \"b\"",
                                    .mode = PS_MODE_INCREMENTAL,
                                    .reason = "cursor `x`",
                                    .upserts = 10,
                                    .updates = 1,
                                    .deletes = 2,
                                    .truncates = 3,
                                    .skipped = 4,
                                    .bytes = 500,
                                    .seconds = 0.25};
    struct ps_parameter_change change = {.at = {1700000000, 0},
                                         .parameter = "batch_rows",
                                         .old_value = 5000,
                                         .new_value = 2500,
                                         .cause = "memory at 95 %"};
    const char *warnings[] = {"from the run"};
    const char *settings[] = {"from the file"};
    struct ps_run_result run = {.tables = &table,
                                .tables_count = 1,
                                .schema_changes = 1,
                                .checkpoints = 2,
                                .seconds = 2,
                                .cpu_seconds = 0.5,
                                .memory_peak_bytes = 1000,
                                .memory_average_bytes = 900,
                                .changes = &change,
                                .changes_count = 1,
                                .warnings = warnings,
                                .warnings_count = 1};
    const struct result result = {.source = "ehr",
                                  .warehouse = "files/warehouse.db",
                                  .run = &run,
                                  .warnings = settings,
                                  .warnings_count = 1};
    struct stage stage;

    (void)state;
    run.retries[PS_CLASS_NONE] = 1;
    run.retries[PS_CLASS_DEADLOCK] = 3;
    stage_init(&stage);
    result_write(&result, &stage.out);
    assert_string_equal(
        stage_text(&stage),
        "{\"event\":\"result\",\"status\":\"succeeded\",\"source\":\"ehr\","
        "\"warehouse\":\"files/warehouse.db\",\"seconds\":2.000,\"tables\":[{\"schema\":\"dbo\","
        "\"table\":\"a \\\"b\\\"\",\"mode\":\"incremental\",\"reason\":\"cursor `x`\","
        "\"upserts\":10,\"updates\":1,\"deletes\":2,\"truncates\":3,\"skipped\":4,\"bytes\":500,"
        "\"seconds\":0.250}],\"totals\":{\"upserts\":10,\"updates\":1,\"deletes\":2,"
        "\"truncates\":3,\"skipped\":4,\"bytes\":500,\"schema_changes\":1,\"checkpoints\":2,"
        "\"rows_per_second\":6.5,\"cpu_seconds\":0.500,\"memory_peak_bytes\":1000,\"memory_average_"
        "bytes\":900,"
        "\"retries\":{\"other\":1,\"deadlock\":3}},\"parameter_changes\":[{\"at\":\"2023-11-14T22:"
        "13:20Z\","
        "\"parameter\":\"batch_rows\",\"old_value\":5000,\"new_value\":2500,"
        "\"cause\":\"memory at 95 %\"}],\"warnings\":[\"from the file\",\"from the run\"],"
        "\"breaches\":[],\"error\":null}\n");
    stage_done(&stage);
}

static void test_result_of_a_failure_is_whole_and_shows_no_secret(void **state)
{
    struct ps_error err = {0};
    struct stage stage;

    (void)state;
    ps_redact_add("tops3cret");
    assert_int_equal(ps_fail(&err, PS_CONFIG, PS_CLASS_AUTH, "no login with tops3cret"), PS_CONFIG);
    memcpy(err.sqlstate, "28P01", 6);
    stage_init(&stage);
    result_write_failed_sync(&stage.out, &err);
    assert_string_equal(
        stage_text(&stage),
        "{\"event\":\"result\",\"status\":\"failed\",\"source\":null,\"warehouse\":null,"
        "\"seconds\":0.000,\"tables\":[],\"totals\":{\"upserts\":0,\"updates\":0,\"deletes\":0,"
        "\"truncates\":0,\"skipped\":0,\"bytes\":0,\"schema_changes\":0,\"checkpoints\":0,"
        "\"rows_per_second\":0.0,\"cpu_seconds\":0.000,\"memory_peak_bytes\":0,\"memory_average_"
        "bytes\":null,\"retries\":{}},"
        "\"parameter_changes\":[],\"warnings\":[],\"breaches\":[],\"error\":{\"status\":\"config\","
        "\"class\":\"auth\","
        "\"sqlstate\":\"28P01\",\"message\":\"no login with ***\"}}\n");
    stage_done(&stage);
    ps_redact_clear();
}

static void test_progress_event_tells_what_is_ahead(void **state)
{
    struct ps_progress progress = {.tables_done = 1,
                                   .tables_total = 3,
                                   .table = "t",
                                   .rows = 500,
                                   .bytes = 9000,
                                   .seconds = 2,
                                   .percent = 25,
                                   .seconds_left = 6};
    struct stage stage;

    (void)state;
    stage_init(&stage);
    result_write_progress(&progress, &stage.out);
    assert_string_equal(stage_text(&stage),
                        "{\"event\":\"progress\",\"tables_done\":1,\"tables\":3,\"rows\":500,"
                        "\"bytes\":9000,\"seconds\":2.000,\"percent\":25,\"seconds_left\":6.000}"
                        "\n");
    stage_done(&stage);
    progress.percent = -1;
    progress.seconds_left = -1;
    stage_init(&stage);
    result_write_progress(&progress, &stage.out);
    assert_non_null(strstr(stage_text(&stage), "\"percent\":null,\"seconds_left\":null}"));
    stage_done(&stage);
}

static void test_result_of_an_interruption_has_no_error(void **state)
{
    const struct ps_error err = {.status = PS_CANCELED, .message = "asked to stop"};
    const struct result result = {.source = "ehr", .status = PS_CANCELED, .err = &err};
    struct stage stage;

    (void)state;
    stage_init(&stage);
    result_write(&result, &stage.out);
    assert_non_null(strstr(stage_text(&stage), "\"status\":\"interrupted\""));
    assert_non_null(strstr(stage.text, "\"error\":null}"));
    stage_done(&stage);
}

static void test_events_are_one_object_a_line(void **state)
{
    const struct ps_table_result table = {.schema = "", .table = "t", .mode = PS_MODE_FULL};
    struct stage stage;

    (void)state;
    stage_init(&stage);
    result_write_table(&table, &stage.out);
    result_write_warning("line\nbreak", &stage.out);
    assert_string_equal(stage_text(&stage),
                        "{\"event\":\"table\",\"schema\":\"\",\"table\":\"t\",\"mode\":\"full\","
                        "\"reason\":null,\"upserts\":0,\"updates\":0,\"deletes\":0,\"truncates\":0,"
                        "\"skipped\":0,\"bytes\":0,\"seconds\":0.000}\n"
                        "{\"event\":\"warning\",\"message\":\"line\\nbreak\"}\n");
    stage_done(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_result_has_every_member_and_no_other),
        cmocka_unit_test(test_result_of_a_failure_is_whole_and_shows_no_secret),
        cmocka_unit_test(test_progress_event_tells_what_is_ahead),
        cmocka_unit_test(test_result_of_an_interruption_has_no_error),
        cmocka_unit_test(test_events_are_one_object_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
