/* From the configuration to what libpq takes: hosts, certificates, modes. */
#include "support/unit.h"

#include <stdio.h>
#include <string.h>

#include "config/options.h"
#include "sources/postgresql/postgresql.h"
#include "sources/postgresql/settings.h"
#include "support/torture.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
#define KEY "-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n"

static void test_silence_is_borne_as_long_as_the_kind_of_read_takes(void **state)
{
    (void)state;
    static const struct {
        int64_t read_timeout_s, statement_timeout_s;
        int64_t flowing, searching;
    } cases[] = {
        {-1, 0, 900, 0},       {0, 0, 0, 0},       {60, 0, 60, 60}, {-1, 5, 35, 35},
        {-1, 5000, 900, 5030}, {60, 5000, 60, 60}, {0, 5, 35, 35},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct link_settings settings = {.read_timeout_s = cases[i].read_timeout_s,
                                               .statement_timeout_s = cases[i].statement_timeout_s};
        assert_int_equal(link_settings_silence_s(&settings, true), cases[i].flowing);
        assert_int_equal(link_settings_silence_s(&settings, false), cases[i].searching);
    }
}

static enum ps_status parse(const char *entry, struct ps_arena *arena, struct link_host *host)
{
    return link_host_parse(entry, strlen(entry), "5432", arena, host, NULL);
}

static void test_host_may_bring_its_port(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"db.example.com", "db.example.com", "5432"},
        {"db.example.com:5433", "db.example.com", "5433"},
        {"10.0.0.1:1", "10.0.0.1", "1"},
        {"::1", "::1", "5432"},
        {"[::1]", "::1", "5432"},
        {"[fe80::1]:65535", "fe80::1", "65535"},
        {"/run/postgresql", "/run/postgresql", "5432"},
        {"@abstract", "@abstract", "5432"},
    };
    struct ps_arena *arena = ps_arena_new(1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link_host host = {NULL, NULL};
        assert_int_equal(parse(cases[i][0], arena, &host), PS_OK);
        assert_string_equal(host.name, cases[i][1]);
        assert_string_equal(host.port, cases[i][2]);
    }
    ps_arena_free(arena);
}

static void test_host_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"",
                                        ":5432",
                                        "h:",
                                        "h:0",
                                        "h:65536",
                                        "h:54x",
                                        "[::1",
                                        "[::1]5432",
                                        "[]:1",
                                        "h:-1",
                                        "[::1]:0",
                                        "[::1]:",
                                        "h:99999999999999999999"};
    struct ps_arena *arena = ps_arena_new(1 << 16);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link_host host = {NULL, NULL};
        assert_int_equal(parse(cases[i], arena, &host), PS_CONFIG);
        assert_null(host.name);
    }
    ps_arena_free(arena);
}

/* Settings of a configuration with these keys and values, NULL at the end. */
struct made {
    struct ps_settings given;
    struct ps_config *config;
    struct link_settings settings;
    struct ps_error err;
    enum ps_status status;
};

static void make(struct made *made, const char *const *pairs)
{
    const struct ps_option *const tables[] = {ps_source_postgresql.options, NULL};
    memset(made, 0, sizeof *made);
    for (; *pairs != NULL; pairs += 2) {
        assert_int_equal(ps_settings_add(&made->given, pairs[0], pairs[1], &made->err), PS_OK);
    }
    assert_int_equal(ps_settings_add(&made->given, "database", "d", &made->err), PS_OK);
    assert_int_equal(ps_settings_add(&made->given, "user", "u", &made->err), PS_OK);
    assert_int_equal(ps_config_new(&made->given, tables, NULL, &made->config, &made->err), PS_OK);
    made->status = link_settings_read(&made->settings, made->config, &made->err);
}

static void unmake(struct made *made)
{
    link_settings_done(&made->settings);
    ps_config_free(made->config);
    ps_settings_done(&made->given);
}

#define MAKE(made, ...) make(made, (const char *const[]){__VA_ARGS__, NULL})

static void test_hosts_are_a_list_in_order(void **state)
{
    (void)state;
    struct made made;
    MAKE(&made, "host", " a , b:6000,, [::1]:7000 ", "port", "5000");
    assert_int_equal(made.status, PS_OK);
    assert_int_equal(made.settings.hosts_count, 3);
    assert_string_equal(made.settings.hosts[0].name, "a");
    assert_string_equal(made.settings.hosts[0].port, "5000");
    assert_string_equal(made.settings.hosts[1].port, "6000");
    assert_string_equal(made.settings.hosts[2].name, "::1");
    assert_string_equal(made.settings.target, "a:5000,b:6000,::1:7000/d");
    unmake(&made);
    MAKE(&made, "host", " , ");
    assert_int_equal(made.status, PS_CONFIG);
    unmake(&made);
}

static void test_texts_become_files_that_close_with_the_settings(void **state)
{
    (void)state;
    struct made made;
    MAKE(&made, "host", "h", "sslmode", "verify-ca", "sslrootcert", CERTIFICATE, "sslcert",
         CERTIFICATE, "sslkey", KEY);
    assert_int_equal(made.status, PS_OK);
    assert_true(made.settings.verifies);
    const struct link_pem *pem = &made.settings.key;
    char read[sizeof KEY] = "";
    FILE *file = fopen(pem->path, "re");
    assert_non_null(file);
    assert_int_equal(fread(read, 1, sizeof read - 1, file), sizeof KEY - 1);
    assert_string_equal(read, KEY);
    assert_int_equal(fclose(file), 0);
    char path[64];
    (void)snprintf(path, sizeof path, "%s", pem->path);
    unmake(&made);
    assert_null(fopen(path, "re"));
}

static void test_settings_that_contradict_are_refused(void **state)
{
    (void)state;
    static const char *const cases[][6] = {
        {"sslmode", "prefer", "sslrootcert", CERTIFICATE, NULL, NULL},
        {"sslmode", "disable", "sslcert", CERTIFICATE, "sslkey", KEY},
        {"sslmode", "require", "sslcert", CERTIFICATE, NULL, NULL},
        {"sslmode", "require", "sslkey", KEY, NULL, NULL},
        {"sslmode", "require", "sslcert", KEY, "sslkey", KEY},
        {"sslmode", "require", "sslcert", CERTIFICATE, "sslkey", CERTIFICATE},
        {"sslmode", "verify-ca", "sslrootcert", "/nowhere/root.crt", NULL, NULL},
        {"sslmode", "verify-ca", "sslrootcert", "-----BEGIN CERTIFICATE-----\nQUJD", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *pairs[9] = {"host", "h"};
        memcpy(&pairs[2], cases[i], sizeof cases[i]);
        struct made made;
        make(&made, pairs);
        assert_int_equal(made.status, PS_CONFIG);
        assert_int_equal(made.err.error_class, PS_CLASS_SETTING);
        assert_null(strstr(made.err.message, "QUJD"));
        unmake(&made);
    }
}

static enum ps_status read_and_drop(void *context, struct ps_error *err)
{
    struct link_settings settings;
    enum ps_status status = link_settings_read(&settings, context, err);
    if (status == PS_OK) {
        link_settings_done(&settings);
    }
    return status;
}

static void test_failing_allocations_leave_nothing_behind(void **state)
{
    (void)state;
    struct made made;
    MAKE(&made, "host", "a,b:1", "sslmode", "verify-ca", "sslrootcert", CERTIFICATE);
    torture(read_and_drop, made.config);
    unmake(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_host_may_bring_its_port),
        cmocka_unit_test(test_host_that_is_none_is_refused),
        cmocka_unit_test(test_hosts_are_a_list_in_order),
        cmocka_unit_test(test_texts_become_files_that_close_with_the_settings),
        cmocka_unit_test(test_settings_that_contradict_are_refused),
        cmocka_unit_test(test_silence_is_borne_as_long_as_the_kind_of_read_takes),
        cmocka_unit_test(test_failing_allocations_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
