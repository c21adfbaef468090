/*
 * Opening a warehouse, and the refusals that users meet.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sinks/duckdb/duckdb.h"
#include "support/unit.h"
#include "support/warehouse.h"

static enum ps_status open_at(const char *path, const char *schema, struct ps_sink **ret_sink,
                              struct ps_error *err)
{
    struct ps_sink_request request = {.destination = path,
                                      .schema = schema,
                                      .clock = ps_clock_system(),
                                      .memory_bytes = (size_t)128 << 20};
    return ps_sink_duckdb.open(&request, ret_sink, err);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

/* First of all, while this process has no threads of DuckDB's. */
static void test_open_when_another_process_has_it_names_that_process(void **state)
{
    (void)state;
    const char *path = warehouse_path();
    int ready[2];
    int done[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t child = fork();
    if (child == 0) {
        struct ps_sink *held = NULL;
        char byte = open_at(path, "tester", &held, NULL) == PS_OK ? '+' : '-';
        close(done[1]);
        if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 0) {
            _exit(1);
        }
        _exit(0);
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, '+');
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_CONFIG);
    char pid[32];
    snprintf(pid, sizeof pid, "PID %d", (int)child);
    assert_non_null(strstr(err.message, pid));
    assert_non_null(strstr(err.message, path));
    close(done[1]);
    close(done[0]);
    int code = 0;
    assert_int_equal(waitpid(child, &code, 0), child);
    close(ready[0]);
    close(ready[1]);
    warehouse_remove(path);
}

static void test_open_makes_missing_folders(void **state)
{
    (void)state;
    const char *path = warehouse_path();
    char folder[512];
    char deep[600];
    snprintf(folder, sizeof folder, "%s.d", path);
    snprintf(deep, sizeof deep, "%s/a/b.db", folder);
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(open_at(deep, "tester", &sink, &err), PS_OK);
    ps_sink_duckdb.close(sink);
    struct stat info;
    assert_int_equal(stat(deep, &info), 0);
    warehouse_remove(deep);
    assert_int_equal(rmdir(folder), 0);
    warehouse_remove(path);
}

static void test_open_when_it_is_no_database_says_so(void **state)
{
    (void)state;
    const char *path = warehouse_path();
    char text[10000];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    write_file(path, text);
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "is not a DuckDB database"));
    assert_non_null(strstr(err.message, path));
    /* DuckDB itself would ask for an extension here. */
    write_file(path, "SQLite format 3");
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "is not a DuckDB database"));
    write_file(path, "");
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "is not a DuckDB database"));
    assert_int_equal(open_at("/dev/null", "tester", &sink, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "not a file"));
    warehouse_remove(path);
}

static void test_open_when_it_is_a_folder_says_so(void **state)
{
    (void)state;
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(open_at("/tmp", "tester", &sink, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "it is a folder"));
    assert_int_equal(open_at("duckdb:", "tester", &sink, &err), PS_CONFIG);
    assert_int_equal(open_at("/proc/no/such.db", "tester", &sink, &err), PS_CONFIG);
}

static void test_open_when_format_is_newer_passes_the_reason_on(void **state)
{
    (void)state;
    const char *path = warehouse_path();
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_OK);
    ps_sink_duckdb.close(sink);
    /* The main header: 8 bytes of checksum, "DUCK", then the storage version. */
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    unsigned char version = 200;
    assert_int_equal(fseek(file, 12, SEEK_SET), 0);
    assert_int_equal(fwrite(&version, 1, 1, file), 1);
    fclose(file);
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, path));
    warehouse_remove(path);
}

static void test_schema_may_be_named_like_the_file(void **state)
{
    (void)state;
    static const struct ps_column columns[] = {
        {.name = "id", .source_type = "", .type = PS_TYPE_INT, .key_position = 1}};
    static const struct ps_table table = {
        .schema = "", .name = "warehouse", .columns = columns, .columns_count = 1, .keys_count = 1};
    const char *path = warehouse_path();
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    bool changed = false;
    assert_int_equal(open_at(path, "warehouse", &sink, &err), PS_OK);
    assert_int_equal(ps_sink_duckdb.schema_change(sink, &table, &changed, &err), PS_OK);
    assert_int_equal(ps_sink_duckdb.load_begin(sink, &table, &err), PS_OK);
    struct ps_load_result result = {0};
    assert_int_equal(ps_sink_duckdb.load_end(sink, &table, PS_LOAD_KEYS_MAY_REPEAT, &result, &err),
                     PS_OK);
    assert_int_equal(ps_sink_duckdb.truncate(sink, &table, &err), PS_OK);
    assert_int_equal(ps_sink_duckdb.checkpoint(sink, "{}", 2, 1, &err), PS_OK);
    ps_sink_duckdb.close(sink);
    char *rows = warehouse_query(path, "SELECT table_schema, table_name, key_columns[1] FROM "
                                       "warehouse.penstock.tables");
    assert_string_equal(rows, "warehouse|warehouse|id\n");
    ps_free(rows);
    warehouse_remove(path);
}

/* In blocks of DuckDB's own 256 KiB ten thousand tables of a few rows take 2.6 GB. */
static void test_new_file_has_small_blocks(void **state)
{
    (void)state;
    const char *path = warehouse_path();
    struct ps_sink *sink = NULL;
    struct ps_error err = {0};
    assert_int_equal(open_at(path, "tester", &sink, &err), PS_OK);
    ps_sink_duckdb.close(sink);
    char *size = warehouse_query(path, "SELECT block_size FROM pragma_database_size() WHERE "
                                       "database_name = 'warehouse'");
    assert_string_equal(size, "65536\n");
    ps_free(size);
    warehouse_remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_when_another_process_has_it_names_that_process),
        cmocka_unit_test(test_open_makes_missing_folders),
        cmocka_unit_test(test_open_when_it_is_no_database_says_so),
        cmocka_unit_test(test_open_when_it_is_a_folder_says_so),
        cmocka_unit_test(test_open_when_format_is_newer_passes_the_reason_on),
        cmocka_unit_test(test_schema_may_be_named_like_the_file),
        cmocka_unit_test(test_new_file_has_small_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
