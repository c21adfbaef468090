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
    stage->run =
        (struct ps_run_result){.tables = stage->tables, .tables_count = count, .seconds = 2};
}

static const char *print(struct stage *stage, struct summary summary)
{
    struct output out;
    int ends[2];
    ssize_t n;

    assert_int_equal(pipe(ends), 0);
    output_init(&out, ends[1]);
    summary.run = &stage->run;
    summary.source_label = "a source";
    summary.schema = "tester";
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
        "they lie in w.db, schema tester\n"
        "interrupted: what is above is saved; the same command goes on from there\n");
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
    static const char own[] = "examples/postgresql/configuration.json";
    struct stage stage;

    (void)state;
    stage_init(&stage, 1);
    assert_non_null(strstr(print(&stage, (struct summary){.warehouse = "w.db"}), own));
    assert_null(
        strstr(print(&stage, (struct summary){.warehouse = "w.db", .config_path = "c"}), own));
    assert_non_null(strstr(stage.text, "what to try next"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_summary_of_two_tables),
        cmocka_unit_test(test_summary_of_many_tables_counts_those_beyond_forty),
        cmocka_unit_test(test_summary_offers_the_own_database_only_after_the_hospital),
        cmocka_unit_test(test_summary_without_a_warehouse_says_that_nothing_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
