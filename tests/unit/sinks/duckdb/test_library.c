/*
 * Where libduckdb is looked for, and what is said where it is not.
 */
#include "sinks/duckdb/library.h"

#include <stdlib.h>
#include <string.h>

#include "support/unit.h"

static char *path_given;

static void test_library_when_variable_names_no_file_says_which(void **state)
{
    (void)state;
    const struct duck_library *library = NULL;
    struct ps_error err = {0};
    setenv("PENSTOCK_DUCKDB", "/nonexistent/libduckdb.so", 1);
    assert_int_equal(duck_library_get(&library, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "/nonexistent/libduckdb.so"));
    assert_null(library);
}

static void test_library_when_it_is_another_one_names_the_function(void **state)
{
    (void)state;
    const struct duck_library *library = NULL;
    struct ps_error err = {0};
    setenv("PENSTOCK_DUCKDB", "/lib/x86_64-linux-gnu/libc.so.6", 1);
    assert_int_equal(duck_library_get(&library, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "no function duckdb_"));
}

static void test_library_when_missing_lists_where_it_looked(void **state)
{
    (void)state;
    const struct duck_library *library = NULL;
    struct ps_error err = {0};
    unsetenv("PENSTOCK_DUCKDB");
    assert_int_equal(duck_library_get(&library, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "duckdb/libduckdb.so, "));
    assert_non_null(strstr(err.message, "tools/fetch-duckdb"));
}

static void test_library_when_variable_names_it_loads(void **state)
{
    (void)state;
    const struct duck_library *library = NULL;
    struct ps_error err = {0};
    setenv("PENSTOCK_DUCKDB", path_given, 1);
    assert_int_equal(duck_library_get(&library, &err), PS_OK);
    assert_true(library->library_version()[0] == 'v');
}

int main(void)
{
    const char *given = getenv("PENSTOCK_DUCKDB");
    path_given = strdup(given != NULL ? given : "build/duckdb/libduckdb.so");
    /* In this order: once loaded it stays. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_library_when_variable_names_no_file_says_which),
        cmocka_unit_test(test_library_when_it_is_another_one_names_the_function),
        cmocka_unit_test(test_library_when_missing_lists_where_it_looked),
        cmocka_unit_test(test_library_when_variable_names_it_loads),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(path_given);
    return failed;
}
