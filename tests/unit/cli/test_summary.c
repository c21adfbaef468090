/*
 * The summary of a sync for people: what is shown, what is only counted, and what it ends with.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/summary.h"
#include "support/unit.h"

#define TABLES 43

struct stage {
    struct ps_table_result tables[TABLES];
    char names[TABLES][24];
    struct ps_run_result run;
    char text[16384];
};

/* `count` tables with 1,000 rows each; the first has no end. */
static void stage_init(struct stage *stage, size_t count)
{
    memset(stage, 0, sizeof *stage);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(stage->names[i], sizeof stage->names[i], "t%02zu", i);
        stage->tables[i] = (struct ps_table_result){.schema = i == 1 ? "public" : "",
                                                    .table = stage->names[i],
                                                    .mode = PS_MODE_INCREMENTAL,
                                                    .load = i == 0,
                                                    .upserts = 990,
                                                    .updates = 7,
                                                    .deletes = 3,
                                                    .bytes = 2500,
                                                    .seconds = 0.5,
                                                    .done = i != 0};
    }
    stage->run = (struct ps_run_result){
        .tables = stage->tables, .tables_count = count, .seconds = 2, .checkpoints = 1};
}

/* After a sync with these arguments, ended by NULL. */
static const char *print_after(struct stage *stage, struct summary summary, char *const *arguments)
{
    struct output out;
    struct command_line line;
    struct ps_error err;
    int count = 0;
    int ends[2];
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    output_init(&out, ends[1]);
    while (arguments[count] != NULL) {
        count++;
    }
    assert_int_equal(command_parse(&command_sync, count, arguments, &line, &err), PS_OK);
    summary.line = &line;
    summary.run = &stage->run;
    summary.source_label = "a source";
    summary.schema = "tester";
    summary.program = "bin/penstock";
    summary_print(&summary, &out);
    assert_true(output_flush(&out));
    n = read(ends[0], stage->text, sizeof stage->text - 1);
    assert_true(n > 0);
    stage->text[n] = '\0';
    output_done(&out);
    close(ends[0]);
    close(ends[1]);
    return stage->text;
}

static const char *print(struct stage *stage, struct summary summary)
{
    return print_after(stage, summary, (char *[]){NULL});
}

static void test_summary_of_two_tables(void **state)
{
    struct stage stage;

    (void)state;
    stage_init(&stage, 2);
    stage.tables[1].skipped = 4;
    assert_string_equal(
        print(&stage, (struct summary){.warehouse = "w.db", .status = PS_CANCELED}),
        "table       mode         read                    upserts  updates  deletes  skipped    "
        "size "
        "   time\n"
        "t00         incremental  all rows, not finished      990        7        3        0  2.5 "
        "kB "
        " 0.50 s\n"
        "public.t01  incremental  changes                     990        7        3        4  2.5 "
        "kB "
        " 0.50 s\n"
        "\n"
        "2,000 rows (5.0 kB) of 2 tables from a source in 2.00 s: 1,000 rows/s\n"
        "4 rows could not be carried and were left out: see the warnings\n"
        "t00 is not whole and will be loaded again from the beginning\n"
        "interrupted: the other tables are saved in w.db, schema tester; the same command goes on "
        "from there\n");
}

static const char *print_end(struct stage *stage, enum ps_status status)
{
    return print(stage, (struct summary){.warehouse = "w.db", .status = status});
}

static void test_summary_of_loads_cut_off_says_that_they_begin_again(void **state)
{
    struct stage stage;
    const char *text;

    (void)state;
    stage_init(&stage, 5);
    for (size_t i = 0; i < 5; i++) {
        stage.tables[i].load = true;
        stage.tables[i].done = false;
    }
    text = print_end(&stage, PS_CANCELED);
    assert_non_null(strstr(text, "t00, t01, t02 and 2 more are not whole and will be loaded"));
    assert_non_null(strstr(text, "interrupted: the same command begins again\n"));
    assert_null(strstr(text, "saved"));
    stage_init(&stage, 2);
    stage.tables[0].done = true;
    assert_non_null(strstr(print_end(&stage, PS_RETRY),
                           "not finished: what is above is saved in w.db, schema tester; the same "
                           "command goes on from there\n"));
}

static void test_summary_of_loads_that_go_on_says_so(void **state)
{
    struct stage stage;
    const char *text;

    (void)state;
    stage_init(&stage, 2);
    stage.tables[0].goes_on = true;
    text = print_end(&stage, PS_CANCELED);
    assert_non_null(strstr(text, "t00 is not whole yet; what was read up to the last checkpoint is "
                                 "kept\ninterrupted: what is above is saved in w.db"));
    assert_null(strstr(text, "from the beginning"));
    stage.run.sink_failed = true;
    stage.run.checkpoints = 0; /* kept by an earlier sync */
    text = print_end(&stage, PS_CONFIG);
    assert_non_null(strstr(text, "kept\nnot finished: the same command goes on from there\n"));
    assert_null(strstr(text, "begins again"));
}

static void test_summary_after_a_failed_commit_claims_nothing(void **state)
{
    struct stage stage;
    const char *text;

    (void)state;
    stage_init(&stage, 2);
    stage.run.sink_failed = true;
    stage.run.checkpoints = 0;
    text = print_end(&stage, PS_CONFIG);
    assert_non_null(strstr(text, "nothing of this sync is saved: the warehouse failed before"));
    assert_non_null(strstr(text, "not finished: the same command begins again\n"));
    assert_null(strstr(text, "they lie in"));
    assert_null(strstr(text, "is saved in"));
    stage.run.checkpoints = 3;
    text = print_end(&stage, PS_CONFIG);
    assert_non_null(strstr(text, "nothing after the last checkpoint is saved"));
    assert_non_null(strstr(text, "the other tables are saved in w.db"));
    assert_null(strstr(text, "they lie in"));
}

static void test_summary_says_what_the_next_run_reads(void **state)
{
    struct stage stage;

    (void)state;
    stage_init(&stage, 2);
    assert_non_null(strstr(print_end(&stage, PS_OK), "reads only what has changed since\n"));
    stage.tables[1].mode = PS_MODE_FULL;
    assert_non_null(strstr(print_end(&stage, PS_OK),
                           "reads what has changed since, and 1 table whole (mode full)\n"));
    stage.tables[0].mode = PS_MODE_FULL;
    assert_non_null(strstr(print_end(&stage, PS_OK), "reads all rows again"));
    stage_init(&stage, 0);
    assert_string_equal(print_end(&stage, PS_OK), "no table was synced\n");
}

static void test_summary_counts_one_as_one(void **state)
{
    struct stage stage;

    (void)state;
    stage_init(&stage, 1);
    stage.tables[0] = (struct ps_table_result){
        .schema = "", .table = "t", .upserts = 1, .skipped = 1, .done = true};
    assert_non_null(strstr(print_end(&stage, PS_OK), "1 row (0 B) of 1 table from"));
    assert_non_null(strstr(stage.text, "\n1 row could not be carried and was left out"));
}

static void test_summary_of_many_tables_counts_those_beyond_forty(void **state)
{
    struct stage stage;
    const char *text;

    (void)state;
    stage_init(&stage, TABLES);
    text = print(&stage, (struct summary){.warehouse = "w.db"});
    assert_non_null(strstr(text, "\nt39 "));
    assert_null(strstr(text, "\nt40 "));
    assert_non_null(strstr(text, "… and 3 more tables with 3,000 rows (--json shows all)\n"));
    assert_non_null(strstr(text, "43,000 rows "));
}

static void test_summary_offers_the_own_database_only_after_the_hospital(void **state)
{
    static const char own[] = "  bin/penstock sync --config examples/postgresql/configuration.json";
    struct stage stage;

    (void)state;
    stage_init(&stage, 1);
    assert_non_null(strstr(print(&stage, (struct summary){.warehouse = "w.db"}), own));
    assert_non_null(strstr(stage.text, "\n  bin/penstock plan\n"));
    assert_null(strstr(print_after(&stage, (struct summary){.warehouse = "w.db"},
                                   (char *[]){"--config", "c", NULL}),
                       own));
    assert_non_null(strstr(stage.text, "what to try next"));
}

static void test_summary_offers_commands_with_the_options_that_were_given(void **state)
{
    struct stage stage;

    (void)state;
    stage_init(&stage, 1);
    print_after(&stage, (struct summary){.warehouse = "my w.db"},
                (char *[]){"--config=it's $HOME.json", "--tables", "a,b*", "--warehouse", "my w.db",
                           "--state", "s.json", "--schema", "-x", "--resync", NULL});
    assert_non_null(strstr(stage.text, "\n  bin/penstock plan --config 'it'\\''s $HOME.json' "
                                       "--warehouse 'my w.db' --state s.json --schema -x "
                                       "--tables 'a,b*'\n"));
    assert_non_null(strstr(stage.text, "\n  duckdb 'my w.db' -c \"SHOW ALL TABLES\"\n"));
}

static void test_summary_without_a_warehouse_says_that_nothing_is_kept(void **state)
{
    struct stage stage;

    (void)state;
    stage_init(&stage, 1);
    assert_non_null(strstr(print(&stage, (struct summary){.warehouse = NULL}),
                           "--destination null keeps neither rows nor state"));
    assert_null(strstr(stage.text, "what to try next"));
}

/* What a later sync of --follow prints. */
static const char *print_changes(struct stage *stage, bool *ret_any)
{
    const struct ps_timestamp now = {.seconds = 1700000000, .nanos = 5};
    struct output out;
    int ends[2];
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    output_init(&out, ends[1]);
    *ret_any = summary_print_changes(&stage->run, now, &out);
    if (!*ret_any) {
        summary_print_quiet(now, &out);
    }
    output_done(&out);
    n = read(ends[0], stage->text, sizeof stage->text - 1);
    assert_true(n > 0);
    stage->text[n] = '\0';
    close(ends[0]);
    close(ends[1]);
    return stage->text;
}

static void test_changes_are_told_and_what_may_be_none_as_sent(void **state)
{
    struct stage stage;
    bool any;

    (void)state;
    stage_init(&stage, 3);
    stage.tables[0].changed = (struct ps_changed){.wanted = true, .known = true};
    stage.tables[1].changed =
        (struct ps_changed){.wanted = true, .known = true, .upserts = 1, .deletes = 2};
    stage.tables[1].skipped = 4;
    stage.tables[2].changed = (struct ps_changed){.wanted = true};
    assert_string_equal(print_changes(&stage, &any),
                        "2023-11-14T22:13:20Z public.t01: 1 upsert, 2 deletes, 4 bad rows\n"
                        "2023-11-14T22:13:20Z t02: 990 upserts, 7 updates, 3 deletes sent\n");
    assert_true(any);
    stage.run.tables_count = 1;
    assert_string_equal(print_changes(&stage, &any), "2023-11-14T22:13:20Z no changes\n");
    assert_false(any);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary_of_two_tables),
        cmocka_unit_test(test_summary_of_loads_cut_off_says_that_they_begin_again),
        cmocka_unit_test(test_summary_of_loads_that_go_on_says_so),
        cmocka_unit_test(test_summary_after_a_failed_commit_claims_nothing),
        cmocka_unit_test(test_summary_says_what_the_next_run_reads),
        cmocka_unit_test(test_summary_counts_one_as_one),
        cmocka_unit_test(test_summary_of_many_tables_counts_those_beyond_forty),
        cmocka_unit_test(test_summary_offers_the_own_database_only_after_the_hospital),
        cmocka_unit_test(test_summary_offers_commands_with_the_options_that_were_given),
        cmocka_unit_test(test_summary_without_a_warehouse_says_that_nothing_is_kept),
        cmocka_unit_test(test_changes_are_told_and_what_may_be_none_as_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
