/* What a SQLSTATE or a text of libpq is taken for. */
#include "support/unit.h"

#include <string.h>

#include "sources/postgresql/catalog.h"
#include "sources/postgresql/errors.h"

struct expectation {
    const char *sqlstate, *text;
    enum ps_status status;
    enum ps_error_class error_class;
};

static struct error_said said_of(const struct expectation *expected)
{
    return (struct error_said){.sqlstate = expected->sqlstate, .text = expected->text};
}

static void test_statement_errors_have_their_class(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {"40P01", "deadlock detected", PS_RETRY, PS_CLASS_DEADLOCK},
        {"40001", "could not serialize access", PS_RETRY, PS_CLASS_DEADLOCK},
        {"40001", "canceling statement due to conflict with recovery", PS_RETRY, PS_CLASS_FAILOVER},
        {"55P03", "canceling statement due to lock timeout", PS_RETRY, PS_CLASS_LOCK_TIMEOUT},
        {"57014", "canceling statement due to statement timeout", PS_RETRY, PS_CLASS_TIMEOUT},
        {"57014", "canceling statement due to user request", PS_RETRY, PS_CLASS_TIMEOUT},
        {"57P01", "terminating connection", PS_RETRY, PS_CLASS_FAILOVER},
        {"57P04", "database was dropped", PS_CONFIG, PS_CLASS_SETTING},
        {"53300", "sorry, too many clients already", PS_RETRY, PS_CLASS_THROTTLE},
        {"53200", "out of memory", PS_RETRY, PS_CLASS_THROTTLE},
        {"53400", "temporary file size exceeds temp_file_limit", PS_CONFIG, PS_CLASS_SETTING},
        {"53100", "No space left on device", PS_RETRY, PS_CLASS_DISK},
        {"22023", "invalid snapshot identifier: \"x\"", PS_SNAPSHOT_GONE, PS_CLASS_NONE},
        {"22023", "invalid value", PS_DATA, PS_CLASS_DATA},
        {"42501", "permission denied for table t", PS_CONFIG, PS_CLASS_PERMISSION},
        {"42P01", "relation \"t\" does not exist", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"42703", "column \"c\" does not exist", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"55000", "materialized view has not been populated", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"22021", "invalid byte sequence", PS_DATA, PS_CLASS_DATA},
        {"XX001", "invalid page", PS_DATA, PS_CLASS_DATA},
        {"54000", "out of memory", PS_DATA, PS_CLASS_DATA},
        {"54001", "stack depth limit exceeded", PS_DATA, PS_CLASS_DATA},
        {"P0001", "raised", PS_DATA, PS_CLASS_DATA},
        {"HV00N", "could not connect to server", PS_DATA, PS_CLASS_DATA},
        {"25006", "cannot execute COPY during recovery", PS_RETRY, PS_CLASS_FAILOVER},
        {"25006", "cannot execute nextval() in a read-only transaction", PS_DATA, PS_CLASS_DATA},
        {"57P05", "terminating connection due to idle-session timeout", PS_RETRY, PS_CLASS_TIMEOUT},
        {"08P01", "query_wait_timeout", PS_RETRY, PS_CLASS_THROTTLE},
        {"08P01", "pgbouncer cannot connect to server", PS_RETRY, PS_CLASS_FAILOVER},
        {"42601", "syntax error", PS_BUG, PS_CLASS_NONE},
        {"25P02", "current transaction is aborted", PS_RETRY, PS_CLASS_TIMEOUT},
        {"XX000", "could not open relation with OID 5", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"XX000", "Timed out: passed its deadline", PS_BUG, PS_CLASS_NONE},
        {"", "server closed the connection unexpectedly", PS_RETRY, PS_CLASS_NETWORK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error_said said = said_of(&cases[i]);
        struct error_verdict verdict = error_classify(&said, false);
        assert_int_equal(verdict.status, cases[i].status);
        assert_int_equal(verdict.error_class, cases[i].error_class);
    }
}

static void test_errors_that_somebodys_code_raised_are_data_whatever_their_code(void **state)
{
    (void)state;
    static const char *const codes[] = {"42501", "40001", "72000", "57P01", "XX000", "08006", ""};
    static const char *const functions[] = {"exec_stmt_raise", "pgfdw_report_error"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++) {
            struct error_said said = {
                .sqlstate = codes[i], .text = "Mr 4111", .function = functions[k]};
            struct error_verdict verdict = error_classify(&said, k == 1);
            assert_int_equal(verdict.status, PS_DATA);
            assert_true(verdict.hides_text);
        }
    }
}

static void test_errors_are_known_by_function_or_hint(void **state)
{
    (void)state;
    static const struct {
        struct expectation expected;
        const char *function, *hint;
    } cases[] = {
        {{"53200", "out of shared memory", PS_CONFIG, PS_CLASS_SETTING},
         NULL,
         "You might need to increase max_locks_per_transaction."},
        {{"53200", "Shared Memory erschöpft", PS_CONFIG, PS_CLASS_SETTING},
         "LockAcquireExtended",
         NULL},
        {{"53200", "Speicher aufgebraucht", PS_RETRY, PS_CLASS_THROTTLE}, "palloc", NULL},
        {{"22023", "ungültige Snapshot-Kennung: »x«", PS_SNAPSHOT_GONE, PS_CLASS_NONE},
         "ImportSnapshot",
         NULL},
        {{"40001", "storniere Anfrage wegen Konflikt", PS_RETRY, PS_CLASS_FAILOVER},
         "ProcessInterrupts",
         NULL},
        {{"25006", "kann COPY nicht ausführen", PS_RETRY, PS_CLASS_FAILOVER},
         "PreventCommandDuringRecovery",
         NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error_said said = said_of(&cases[i].expected);
        said.function = cases[i].function;
        said.hint = cases[i].hint;
        struct error_verdict verdict = error_classify(&said, false);
        assert_int_equal(verdict.status, cases[i].expected.status);
        assert_int_equal(verdict.error_class, cases[i].expected.error_class);
    }
}

static void test_yugabyte_texts_count_where_the_server_is_one(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {"72000", "Snapshot too old", PS_SNAPSHOT_GONE, PS_CLASS_NONE},
        {"40001", "Restart read required", PS_RETRY, PS_CLASS_DEADLOCK},
        {"40001", "schema version mismatch for table", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"XX000", "Catalog Version Mismatch: A DDL occurred", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"XX000", "Timed out: passed its deadline", PS_RETRY, PS_CLASS_TIMEOUT},
        {"XX000", "Network error", PS_RETRY, PS_CLASS_NETWORK},
        {"XX000", "Service unavailable", PS_RETRY, PS_CLASS_THROTTLE},
        {"YB003", "conflict", PS_RETRY, PS_CLASS_DEADLOCK},
        {"XX000", "Illegal state: Tablet is not leader", PS_RETRY, PS_CLASS_FAILOVER},
        {"XX000", "Tablet was split", PS_RETRY, PS_CLASS_FAILOVER},
        {"XX000", "Aborted: Shutting down", PS_RETRY, PS_CLASS_FAILOVER},
        {"XX000", "Shutdown in progress", PS_RETRY, PS_CLASS_FAILOVER},
        {"XX000", "Try again: a conflict", PS_RETRY, PS_CLASS_THROTTLE},
        {"53100", "Timed out waiting for a tablet", PS_RETRY, PS_CLASS_TIMEOUT},
        {"53100", "No space left on device", PS_RETRY, PS_CLASS_DISK},
        {"XX000", "Tablet has been split", PS_RETRY, PS_CLASS_FAILOVER},
        {"XX000", "Leader does not have a valid lease", PS_RETRY, PS_CLASS_FAILOVER},
        {"XX000", "Not found: OBJECT_NOT_FOUND", PS_SCHEMA, PS_CLASS_SCHEMA},
        {"42501", "permission denied", PS_CONFIG, PS_CLASS_PERMISSION},
        {"XX000", "something else", PS_BUG, PS_CLASS_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error_said said = said_of(&cases[i]);
        struct error_verdict verdict = error_classify(&said, true);
        assert_int_equal(verdict.status, cases[i].status);
        assert_int_equal(verdict.error_class, cases[i].error_class);
    }
}

static void test_connect_errors_have_their_class(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {"", "could not translate host name \"x\" to address", PS_RETRY, PS_CLASS_NETWORK},
        {"", "Connection refused", PS_RETRY, PS_CLASS_NETWORK},
        {"", "timeout expired", PS_RETRY, PS_CLASS_NETWORK},
        {"28P01", "password authentication failed", PS_CONFIG, PS_CLASS_AUTH},
        {"28000", "role \"u\" does not exist", PS_CONFIG, PS_CLASS_AUTH},
        {"28000", "no pg_hba.conf entry for host, no encryption", PS_CONFIG, PS_CLASS_SETTING},
        {"28000", "no pg_hba.conf entry for host, SSL encryption", PS_CONFIG, PS_CLASS_SETTING},
        {"28000", "entry, SSL encryption\nentry, no encryption", PS_CONFIG, PS_CLASS_AUTH},
        {"3D000", "database \"d\" does not exist", PS_CONFIG, PS_CLASS_SETTING},
        {"42501", "permission denied for database", PS_CONFIG, PS_CLASS_PERMISSION},
        {"53300", "sorry, too many clients already", PS_RETRY, PS_CLASS_THROTTLE},
        {"57P03", "the database system is starting up", PS_RETRY, PS_CLASS_FAILOVER},
        {"08P01", "no such database: d", PS_CONFIG, PS_CLASS_SETTING},
        {"", "server does not support SSL, but SSL was required", PS_CONFIG, PS_CLASS_SETTING},
        {"", "SSL error: certificate verify failed", PS_CONFIG, PS_CLASS_SETTING},
        {"", "server certificate for \"a\" does not match host name \"b\"", PS_CONFIG,
         PS_CLASS_SETTING},
        {"", "server is in hot standby mode", PS_RETRY, PS_CLASS_FAILOVER},
        {"", "SSL error: tlsv1 alert unknown ca", PS_CONFIG, PS_CLASS_AUTH},
        {"", "SSL error: tlsv1 alert protocol version", PS_CONFIG, PS_CLASS_SETTING},
        {"", "could not load private key file \"k\": key values mismatch", PS_CONFIG,
         PS_CLASS_SETTING},
        {"", "channel binding is required", PS_CONFIG, PS_CLASS_AUTH},
        {"", "GSSAPI continuation error", PS_CONFIG, PS_CLASS_AUTH},
        {"", "fe_sendauth: no password supplied", PS_CONFIG, PS_CLASS_AUTH},
        {"", "received invalid response to SSL negotiation: H", PS_CONFIG, PS_CLASS_SETTING},
        {"", "server closed the connection unexpectedly", PS_RETRY, PS_CLASS_NETWORK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error_said said = said_of(&cases[i]);
        struct error_verdict verdict = error_classify_connect(&said);
        assert_int_equal(verdict.status, cases[i].status);
        assert_int_equal(verdict.error_class, cases[i].error_class);
    }
}

static void test_names_in_connect_errors_count_for_nothing(void **state)
{
    (void)state;
    static const struct expectation cases[] = {
        {"53300", "FATAL:  53300: too many connections for role \"alert\"", PS_RETRY,
         PS_CLASS_THROTTLE},
        {"57P03",
         "connection to server at \"GSSAPI\" (1.2.3.4), port 1 failed: FATAL:  57P03: the "
         "database system is starting up",
         PS_RETRY, PS_CLASS_FAILOVER},
        {"3D000", "FATAL:  3D000: database \"session is\" does not exist", PS_CONFIG,
         PS_CLASS_SETTING},
        {"28000", "FATAL:  28000: role \"no encryption\" does not exist", PS_CONFIG, PS_CLASS_AUTH},
        {"",
         "connection to server at \"unreachable\" (1.2.3.4), port 1 failed: SSL error: "
         "certificate verify failed",
         PS_CONFIG, PS_CLASS_SETTING},
        {"",
         "connection to server on socket \"/v/GSSAPI alert of/.s.PGSQL.1\" failed: server is in "
         "hot standby mode",
         PS_RETRY, PS_CLASS_FAILOVER},
        {"",
         "connection to server at \"alerts\" (1.2.3.4), port 1 failed: could not receive data: "
         "Connection reset by peer",
         PS_RETRY, PS_CLASS_NETWORK},
        {"", "server at \"half", PS_RETRY, PS_CLASS_NETWORK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error_said said = said_of(&cases[i]);
        struct error_verdict verdict = error_classify_connect(&said);
        assert_int_equal(verdict.status, cases[i].status);
        assert_int_equal(verdict.error_class, cases[i].error_class);
    }
}

static void test_connect_errors_with_a_code_are_known_by_it(void **state)
{
    (void)state;
    /* Of servers and poolers, which may say the same words, the code counts. */
    struct error_said said = {.sqlstate = "57P01", .text = "alert: session is over, GSSAPI"};
    struct error_verdict verdict = error_classify_connect(&said);
    assert_int_equal(verdict.status, PS_RETRY);
    assert_int_equal(verdict.error_class, PS_CLASS_FAILOVER);
}

static void assert_parsed(const char *text, const char *sqlstate, const char *message,
                          const char *function)
{
    struct error_connect error;
    error_parse_connect(text, &error);
    assert_string_equal(error.sqlstate, sqlstate);
    assert_string_equal(error.message, message);
    assert_string_equal(error.function, function);
}

static void assert_advice(const char *sqlstate, const char *text, const char *function,
                          const char *words)
{
    struct error_said said = {.sqlstate = sqlstate, .text = text, .function = function};
    struct error_verdict verdict = error_classify_connect(&said);
    assert_non_null(verdict.advice);
    assert_non_null(strstr(verdict.advice, words));
}

static void test_advice_fits_where_the_text_is_translated(void **state)
{
    (void)state;
    assert_advice("28000", "kein pg_hba.conf-Eintrag für Host »::1«, keine Verschlüsselung",
                  "ClientAuthentication", "`sslmode` to require or disable");
    assert_advice("28000", "Verbindung erfordert ein gültiges Client-Zertifikat",
                  "ClientAuthentication", "`sslcert`");
    assert_advice("28000", "Rolle »u« hat keine Berechtigung zum Einloggen",
                  "InitializeSessionUserId", "ALTER ROLE … LOGIN");
    assert_advice("53300", "zu viele Verbindungen für Rolle »u«", "InitializeSessionUserId",
                  "The login has all the sessions");
    assert_advice("53300", "zu viele Verbindungen für Datenbank »d«", "CheckMyDatabase",
                  "The database has all the sessions");
    assert_advice("53300", "tut mir leid, schon zu viele Verbindungen", "InitProcess",
                  "max_connections");
}

static void test_code_and_message_are_found_in_libpqs_text(void **state)
{
    (void)state;
    assert_parsed("connection to server at \"h\" (::1), port 5432 failed: FATAL:  28P01: password "
                  "authentication failed\nLOCATION:  auth_failed, auth.c:330\n",
                  "28P01", "password authentication failed", "auth_failed");
    assert_parsed(
        "connection to server at \"h\" (::1), port 5432 failed: FEHLER:  3D000: Datenbank "
        "fehlt",
        "3D000", "Datenbank fehlt", "");
    assert_parsed(
        "connection to server at \"h\" (::1), port 1 failed: Connection refused\n\tIs the "
        "server running?",
        "", "Connection refused", "");
    assert_parsed("could not translate host name \"x\" to address: no", "",
                  "could not translate host name \"x\" to address: no", "");
    assert_parsed("", "", "", "");
}

static void test_texts_that_may_quote_a_value_are_hidden(void **state)
{
    (void)state;
    struct error_said value = {.sqlstate = "22P02", .text = "invalid input syntax: \"secret\""};
    struct error_said right = {.sqlstate = "42501", .text = "permission denied for table t"};
    struct error_said inside = right;
    inside.context = "PL/pgSQL function f() line 1 at EXECUTE";
    assert_true(error_classify(&value, false).hides_text);
    assert_false(error_classify(&right, false).hides_text);
    assert_true(error_classify(&inside, false).hides_text);
}

static void test_reason_of_a_value_follows_from_the_code(void **state)
{
    (void)state;
    assert_non_null(strstr(error_value_reason("54000"), "larger than the server can send"));
    assert_non_null(strstr(error_value_reason("XX000"), "larger than the server can print"));
    assert_non_null(strstr(error_value_reason("XX001"), "damaged"));
    assert_non_null(strstr(error_value_reason("22P03"), "cannot read"));
    assert_non_null(strstr(error_value_reason("P0001"), "function"));
}

static void test_schema_patterns_match_whole_names(void **state)
{
    (void)state;
    assert_true(catalog_pattern_match("public", "public"));
    assert_false(catalog_pattern_match("public", "Public"));
    assert_false(catalog_pattern_match("public", "public2"));
    assert_true(catalog_pattern_match("*", ""));
    assert_true(catalog_pattern_match("a*b*c", "a__b_bc"));
    assert_false(catalog_pattern_match("a*b*c", "a__b_bd"));
    assert_true(catalog_pattern_match("app_*", "app_"));
    assert_false(catalog_pattern_match("", "x"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statement_errors_have_their_class),
        cmocka_unit_test(test_errors_that_somebodys_code_raised_are_data_whatever_their_code),
        cmocka_unit_test(test_errors_are_known_by_function_or_hint),
        cmocka_unit_test(test_yugabyte_texts_count_where_the_server_is_one),
        cmocka_unit_test(test_connect_errors_have_their_class),
        cmocka_unit_test(test_names_in_connect_errors_count_for_nothing),
        cmocka_unit_test(test_connect_errors_with_a_code_are_known_by_it),
        cmocka_unit_test(test_advice_fits_where_the_text_is_translated),
        cmocka_unit_test(test_code_and_message_are_found_in_libpqs_text),
        cmocka_unit_test(test_texts_that_may_quote_a_value_are_hidden),
        cmocka_unit_test(test_reason_of_a_value_follows_from_the_code),
        cmocka_unit_test(test_schema_patterns_match_whole_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
