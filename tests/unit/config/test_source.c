/*
 * Unit tests for src/config/source.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/options.h"

/* The source that these keys mean; each pair is a key and its value, the last key is NULL. */
static void assert_source(const char *expected, const char *const *pairs)
{
    struct ps_settings settings = {0};
    struct ps_error err = {0};
    for (size_t i = 0; pairs[i] != NULL; i += 2) {
        assert_int_equal(ps_settings_add(&settings, pairs[i], pairs[i + 1], &err), PS_OK);
    }
    assert_string_equal(ps_settings_source(&settings, "otherwise"), expected);
    ps_settings_done(&settings);
}
#define ASSERT_SOURCE(expected, ...)                                                               \
    assert_source(expected, (const char *const[]){__VA_ARGS__, NULL})

static void test_source_named_wins_over_keys(void **context)
{
    (void)context;
    ASSERT_SOURCE("postgresql", "host", "h", "source", "postgresql");
    ASSERT_SOURCE("postgresql", "Source", " PostgreSQL ");
    ASSERT_SOURCE("mystery", "source", "mystery", "host", "h");
}

static void test_source_follows_from_keys(void **context)
{
    (void)context;
    ASSERT_SOURCE("sqlserver", "mssql_server", "x");
    ASSERT_SOURCE("sqlserver", "MSSQL_Server", "x", "host", "h");
    ASSERT_SOURCE("snowflake", "account", "x");
    ASSERT_SOURCE("snowflake", "snowflake_user", "x");
    ASSERT_SOURCE("snowflake", "use_privatelink", "true", "host", "h");
    ASSERT_SOURCE("yugabytedb", "Host", "h");
    ASSERT_SOURCE("ehr", "ehr_seed", "1");
    ASSERT_SOURCE("postgresql", "postgresql_host", "h");
    ASSERT_SOURCE("yugabytedb", "yugabytedb_host", "h");
    ASSERT_SOURCE("postgresql", "host", "h", "postgresql_user", "u");
}

static void test_source_blank_values_do_not_count(void **context)
{
    (void)context;
    ASSERT_SOURCE("yugabytedb", "source", "  ", "host", "h");
    ASSERT_SOURCE("ehr", "host", "", "ehr_patients", "5");
    ASSERT_SOURCE("otherwise", "host", "", "mssql_server", " ");
}

static void test_source_none_of_the_keys_gives_otherwise(void **context)
{
    (void)context;
    ASSERT_SOURCE("otherwise", "hostname", "h", "accounts", "x");
    struct ps_settings settings = {0};
    assert_string_equal(ps_settings_source(&settings, "ehr"), "ehr");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_named_wins_over_keys),
        cmocka_unit_test(test_source_follows_from_keys),
        cmocka_unit_test(test_source_blank_values_do_not_count),
        cmocka_unit_test(test_source_none_of_the_keys_gives_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
