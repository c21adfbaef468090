/*
 * SQLSTATE and text to status, class and advice. The tables below are the whole policy of this
 * source; nothing else in this folder looks at a SQLSTATE. Not for: whether and when to retry.
 */
#include "sources/postgresql/errors.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* An entry holds where `code` begins the SQLSTATE and `text` (NULL: any) occurs in the message. */
struct rule {
    const char *code;
    const char *text;
    struct error_verdict verdict;
};

#define GRANT_ADVICE "Grant the login the right it lacks (GRANT SELECT ON … TO …)."
#define RLS_ADVICE                                                                                 \
    "Row-level security would hide rows: give the login BYPASSRLS, or leave the table out."
#define AUTH_ADVICE "Check `user` and `password`."

/* Texts that only YugabyteDB writes; looked at first where the server is one. */
static const struct rule yugabyte_rules[] = {
    {"72000", NULL, {PS_SNAPSHOT_GONE, PS_CLASS_NONE, NULL, false}},
    {"", "Snapshot too old", {PS_SNAPSHOT_GONE, PS_CLASS_NONE, NULL, false}},
    {"", "schema version mismatch", {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"", "Catalog Version Mismatch", {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"", "MISMATCHED_SCHEMA", {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"40", NULL, {PS_RETRY, PS_CLASS_DEADLOCK, NULL, false}},
    {"YB", NULL, {PS_RETRY, PS_CLASS_DEADLOCK, NULL, false}},
    {"", "Restart read required", {PS_RETRY, PS_CLASS_DEADLOCK, NULL, false}},
    {"XX000", "Timed out", {PS_RETRY, PS_CLASS_TIMEOUT, NULL, false}},
    {"XX000", "passed its deadline", {PS_RETRY, PS_CLASS_TIMEOUT, NULL, false}},
    {"XX000", "Tablet not RUNNING", {PS_RETRY, PS_CLASS_FAILOVER, NULL, false}},
    {"XX000", "Network error", {PS_RETRY, PS_CLASS_NETWORK, NULL, false}},
    {"XX000", "Service unavailable", {PS_RETRY, PS_CLASS_THROTTLE, NULL, false}},
};

static const struct rule rules[] = {
    {"40001",
     "conflict with recovery",
     {PS_RETRY, PS_CLASS_FAILOVER,
      "On the replica, set hot_standby_feedback or raise max_standby_streaming_delay.", false}},
    {"40", NULL, {PS_RETRY, PS_CLASS_DEADLOCK, NULL, false}},
    {"55P03",
     NULL,
     {PS_RETRY, PS_CLASS_LOCK_TIMEOUT, "Another session holds the table; see `lock_timeout`.",
      false}},
    {"57014",
     "statement timeout",
     {PS_RETRY, PS_CLASS_TIMEOUT, "Raise `statement_timeout`, or set it to 0.", false}},
    {"57014", NULL, {PS_RETRY, PS_CLASS_TIMEOUT, NULL, false}},
    {"57P05", NULL, {PS_RETRY, PS_CLASS_TIMEOUT, NULL, false}},
    {"25P03", NULL, {PS_RETRY, PS_CLASS_TIMEOUT, NULL, false}},
    {"25P04", NULL, {PS_RETRY, PS_CLASS_TIMEOUT, NULL, false}},
    {"08P01", "no such database", {PS_CONFIG, PS_CLASS_SETTING, "Check `database`.", false}},
    {"08P01", "authentication failed", {PS_CONFIG, PS_CLASS_AUTH, AUTH_ADVICE, false}},
    {"08", NULL, {PS_RETRY, PS_CLASS_NETWORK, NULL, false}},
    {"53200",
     "max_locks_per_transaction",
     {PS_CONFIG, PS_CLASS_SETTING, "Raise max_locks_per_transaction at the server.", false}},
    {"53400",
     NULL,
     {PS_CONFIG, PS_CLASS_SETTING, "Raise the limit (temp_file_limit) at the server.", false}},
    {"53100", NULL, {PS_RETRY, PS_CLASS_DISK, "The server's disk is full.", false}},
    {"53", NULL, {PS_RETRY, PS_CLASS_THROTTLE, NULL, false}},
    {"58", NULL, {PS_RETRY, PS_CLASS_DISK, NULL, false}},
    {"57P04", NULL, {PS_CONFIG, PS_CLASS_SETTING, "Check `database`.", false}},
    {"57P", NULL, {PS_RETRY, PS_CLASS_FAILOVER, NULL, false}},
    {"22023", "snapshot", {PS_SNAPSHOT_GONE, PS_CLASS_NONE, NULL, false}},
    {"72000", NULL, {PS_SNAPSHOT_GONE, PS_CLASS_NONE, NULL, false}},
    {"28", NULL, {PS_CONFIG, PS_CLASS_AUTH, AUTH_ADVICE, false}},
    {"42501", "row-level security", {PS_CONFIG, PS_CLASS_PERMISSION, RLS_ADVICE, false}},
    {"42501", NULL, {PS_CONFIG, PS_CLASS_PERMISSION, GRANT_ADVICE, false}},
    {"42601", NULL, {PS_BUG, PS_CLASS_NONE, NULL, false}},
    {"42P01", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"42703", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"42704", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"42883", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"42809", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"3D000", NULL, {PS_CONFIG, PS_CLASS_SETTING, "Check `database`.", false}},
    {"3F000", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"55000", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"0A000", NULL, {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"22", NULL, {PS_DATA, PS_CLASS_DATA, "A value of the table cannot be read.", true}},
    {"54000", NULL, {PS_DATA, PS_CLASS_DATA, "A row is larger than the server can send.", false}},
    {"XX001", NULL, {PS_DATA, PS_CLASS_DATA, "The server found damaged data.", false}},
    {"XX002", NULL, {PS_DATA, PS_CLASS_DATA, "The server found a damaged index.", false}},
    {"XX000", "could not open relation", {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"XX000", "cache lookup failed", {PS_SCHEMA, PS_CLASS_SCHEMA, NULL, false}},
    {"F0", NULL, {PS_CONFIG, PS_CLASS_SETTING, NULL, false}},
};

static const struct rule connect_rules[] = {
    {"28000",
     "no encryption",
     {PS_CONFIG, PS_CLASS_SETTING, "The server wants TLS: set `sslmode` to require.", false}},
    {"28000",
     "SSL encryption",
     {PS_CONFIG, PS_CLASS_SETTING,
      "The server lets this login in without TLS only: set `sslmode` to disable, or have "
      "pg_hba.conf changed.",
      false}},
    {"28000",
     "SSL off",
     {PS_CONFIG, PS_CLASS_SETTING, "The server wants TLS: set `sslmode` to require.", false}},
    {"28000",
     "client certificate",
     {PS_CONFIG, PS_CLASS_AUTH, "The server asks for a client certificate; use another login.",
      false}},
    {"42501",
     NULL,
     {PS_CONFIG, PS_CLASS_PERMISSION, "GRANT CONNECT ON DATABASE … TO the login.", false}},
    {"55000", NULL, {PS_CONFIG, PS_CLASS_SETTING, "Check `database`.", false}},
    {"", "could not translate host name", {PS_RETRY, PS_CLASS_NETWORK, "Check `host`.", false}},
    {"",
     "Connection refused",
     {PS_RETRY, PS_CLASS_NETWORK, "Check `host` and `port`, and that the server runs.", false}},
    {"",
     "timeout expired",
     {PS_RETRY, PS_CLASS_NETWORK,
      "Check `host` and `port`, and that no firewall is between; see `connect_timeout`.", false}},
    {"",
     "SSL was required",
     {PS_CONFIG, PS_CLASS_SETTING, "Set `sslmode` to prefer or disable.", false}},
    {"",
     "certificate verify failed",
     {PS_CONFIG, PS_CLASS_SETTING,
      "The server's certificate is expired, self-signed or of another authority: set "
      "`sslrootcert` to the authority's file.",
      false}},
    {"",
     "does not match host name",
     {PS_CONFIG, PS_CLASS_SETTING,
      "Set `host` to a name in the certificate, or `sslmode` to verify-ca.", false}},
    {"",
     "root certificate file",
     {PS_CONFIG, PS_CLASS_SETTING, "Set `sslrootcert` to the authority's file.", false}},
    {"",
     "alert",
     {PS_CONFIG, PS_CLASS_SETTING, "Check `sslmode` and what TLS the server asks for.", false}},
    {"",
     "invalid response to SSL negotiation",
     {PS_CONFIG, PS_CLASS_SETTING, "Something else answers there: check `port`.", false}},
    {"", "no password supplied", {PS_CONFIG, PS_CLASS_AUTH, "Set `password`.", false}},
    {"", "channel binding", {PS_CONFIG, PS_CLASS_AUTH, NULL, false}},
    {"", "authentication method", {PS_CONFIG, PS_CLASS_AUTH, NULL, false}},
    {"", "invalid port number", {PS_CONFIG, PS_CLASS_SETTING, "Check `port`.", false}},
    {"", "invalid sslmode", {PS_CONFIG, PS_CLASS_SETTING, "Check `sslmode`.", false}},
    {"", "could not match", {PS_CONFIG, PS_CLASS_SETTING, "Check `host` and `port`.", false}},
};

static bool rule_holds(const struct rule *rule, const char *sqlstate, const char *text)
{
    return strncmp(sqlstate, rule->code, strlen(rule->code)) == 0 &&
           (rule->text == NULL || strstr(text, rule->text) != NULL);
}

static const struct error_verdict *find(const struct rule *table, size_t count,
                                        const char *sqlstate, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (rule_holds(&table[i], sqlstate, text)) {
            return &table[i].verdict;
        }
    }
    return NULL;
}

#define FIND(table, sqlstate, text) find(table, sizeof(table) / sizeof(table)[0], sqlstate, text)

struct error_verdict error_classify(const char *sqlstate, const char *text, bool yugabyte)
{
    const char *code = sqlstate != NULL ? sqlstate : "";
    const char *message = text != NULL ? text : "";
    const struct error_verdict *found = NULL;
    if (yugabyte) {
        found = FIND(yugabyte_rules, code, message);
    }
    if (found == NULL && *code == '\0') {
        /* libpq speaks without a code where the connection is lost. */
        return (struct error_verdict){PS_RETRY, PS_CLASS_NETWORK, NULL, false};
    }
    if (found == NULL) {
        found = FIND(rules, code, message);
    }
    return found != NULL ? *found : (struct error_verdict){PS_BUG, PS_CLASS_NONE, NULL, false};
}

struct error_verdict error_classify_connect(const char *sqlstate, const char *text)
{
    const char *code = sqlstate != NULL ? sqlstate : "";
    /* With one line for each attempt, both "no encryption" and "SSL encryption": no entry at all.
     */
    if (strcmp(code, "28000") == 0 && strstr(text, "no encryption") != NULL &&
        strstr(text, "SSL encryption") != NULL) {
        return (struct error_verdict){PS_CONFIG, PS_CLASS_AUTH,
                                      "The server's pg_hba.conf has no entry for this login.",
                                      false};
    }
    const struct error_verdict *found = FIND(connect_rules, code, text);
    return found != NULL ? *found : error_classify(code, text, false);
}

/* The start of "28P01: " in a line, with two blanks before it; NULL where there is none. */
static const char *find_code(const char *text)
{
    for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        const char *code = at + 3;
        size_t length = 0;
        while (length < 5 &&
               (isdigit((unsigned char)code[length]) || isupper((unsigned char)code[length]))) {
            length++;
        }
        if (length == 5 && code[5] == ':' && code[6] == ' ') {
            return code;
        }
    }
    return NULL;
}

void error_parse_connect(const char *text, char ret_sqlstate[6], char *ret_message, size_t size)
{
    const char *message = text;
    const char *code = find_code(text);
    ret_sqlstate[0] = '\0';
    if (code != NULL) {
        memcpy(ret_sqlstate, code, 5);
        ret_sqlstate[5] = '\0';
        message = code + 7;
    } else {
        const char *failed = strstr(text, " failed: ");
        if (failed != NULL && strncmp(text, "connection to server", 20) == 0) {
            message = failed + 9;
        }
    }
    int length = (int)strcspn(message, "\r\n");
    (void)snprintf(ret_message, size, "%.*s", length, message);
}
