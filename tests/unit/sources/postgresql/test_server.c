/* What is made of what a server says of itself. */
#include "support/unit.h"

#include "sources/postgresql/link.h"

static void assert_server(const char *version, bool yugabyte, const char *expected)
{
    char name[96];
    assert_int_equal(server_is_yugabyte(version), yugabyte);
    server_name(version, name, sizeof name);
    assert_string_equal(name, expected);
}

static void test_dialect_and_name_follow_from_the_version(void **state)
{
    (void)state;
    assert_server("PostgreSQL 15.20 (Debian 15.20-1) on x86_64-pc-linux-gnu, compiled by gcc",
                  false, "PostgreSQL 15.20");
    assert_server("PostgreSQL 18beta1", false, "PostgreSQL 18beta1");
    assert_server("PostgreSQL 11.2-YB-2024.1.0.0-b0 on x86_64-pc-linux-gnu, compiled by clang",
                  true, "YugabyteDB 2024.1.0.0-b0, which speaks PostgreSQL 11.2");
    assert_server("PostgreSQL 15.12-YB-2025.2.2.2-b0 on x86_64", true,
                  "YugabyteDB 2025.2.2.2-b0, which speaks PostgreSQL 15.12");
    assert_server("EnterpriseDB 15.2\nx", false, "EnterpriseDB 15.2?x");
    assert_server("", false, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dialect_and_name_follow_from_the_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
