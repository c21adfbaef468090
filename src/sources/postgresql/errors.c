/*
 * SQLSTATE and text to status, class and advice. The tables below are the whole policy of this
 * source; nothing else in this folder looks at a SQLSTATE. Not for: whether and when to retry.
 */
#include "sources/postgresql/errors.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/*
 * An entry holds where `code` begins the SQLSTATE, and `text` (NULL: any) occurs in the message or
 * the hint, or the error was raised by `function` (NULL: none). A server that does not speak
 * English translates its texts, but neither the names of its functions and settings nor what it
 * takes for internal errors (XX000).
 */
struct rule {
    const char *code;
    const char *text;
    const char *function;
    struct error_verdict verdict;
};

#define GRANT_ADVICE                                                                                   \
    "Grant the login the right it lacks (GRANT SELECT ON … TO …; of a function, GRANT EXECUTE ON " \
    "FUNCTION … TO …)."
#define RLS_ADVICE                                                                                 \
    "Row-level security would hide rows: give the login BYPASSRLS, or leave the table out."
#define AUTH_ADVICE "Check `user` and `password`."
#define DATABASE_ADVICE "Check `database`: there is none of that name at this server."
#define OTHER_ADVICE "Something else than PostgreSQL answers there: check `host` and `port`."
#define CLIENT_ADVICE                                                                              \
    "The server does not take the client certificate: have it renewed, or signed by an authority " \
    "that the server trusts, and check `sslcert`."
#define RECOVERY_ADVICE                                                                            \
    "The replica had to apply a change that the read was in the way of: set "                      \
    "hot_standby_feedback or raise max_standby_streaming_delay there."
#define OUTSIDE_ADVICE                                                                             \
    "A function that the table or view calls, or a foreign server behind it, failed: see the "     \
    "server's log, and leave the table out, or mend it."
#define ROUTINE_ADVICE "A function that the table or view calls failed: leave it out, or mend it."

/* No message holds it: the function alone decides. */
#define NO_TEXT "\x01"

/*
 * The columns of the tables below; RAISED_BY also has the server's function, and HIDING is for
 * texts that may quote a value of a row.
 */
#define RAISED_BY(function, code, text, status, class, advice)                                     \
    {                                                                                              \
        code, text, function,                                                                      \
        {                                                                                          \
            PS_##status, PS_CLASS_##class, advice, false                                           \
        }                                                                                          \
    }
#define RULE(code, text, status, class, advice) RAISED_BY(NULL, code, text, status, class, advice)
#define HIDING(code, status, class, advice)                                                        \
    {                                                                                              \
        code, NULL, NULL,                                                                          \
        {                                                                                          \
            PS_##status, PS_CLASS_##class, advice, true                                            \
        }                                                                                          \
    }

/*
 * Texts that only YugabyteDB writes; looked at first where the server is one. Older versions give
 * XX000 where newer ones have a code, so that the text decides.
 */
static const struct rule yugabyte_rules[] = {
    RULE("72000", NULL, SNAPSHOT_GONE, NONE,
         "The read took longer than the cluster keeps history: raise "
         "timestamp_history_retention_interval_sec."),
    RULE("", "Snapshot too old", SNAPSHOT_GONE, NONE,
         "The read took longer than the cluster keeps history: raise "
         "timestamp_history_retention_interval_sec."),
    RULE("", "schema version mismatch", SCHEMA, SCHEMA, "The table was altered meanwhile."),
    RULE("", "Catalog Version Mismatch", SCHEMA, SCHEMA, "A table was altered meanwhile."),
    RULE("", "MISMATCHED_SCHEMA", SCHEMA, SCHEMA, "The table was altered meanwhile."),
    RULE("", "catalog snapshot used for this transaction has been invalidated", SCHEMA, SCHEMA,
         "A table was altered meanwhile."),
    RULE("", "OBJECT_NOT_FOUND", SCHEMA, SCHEMA, "The table was dropped meanwhile."),
    RULE("", "Restart read required", RETRY, DEADLOCK,
         "Rows were written within the clocks' tolerance of the read."),
    RULE("40", NULL, RETRY, DEADLOCK, "Another transaction was in the way."),
    RULE("YB", NULL, RETRY, DEADLOCK, "Another transaction was in the way."),
    RULE("XX000", "Timed out", RETRY, TIMEOUT, "A node of the cluster is slow or gone."),
    RULE("XX000", "timed out", RETRY, TIMEOUT, "A node of the cluster is slow or gone."),
    RULE("XX000", "passed its deadline", RETRY, TIMEOUT, "A node of the cluster is slow or gone."),
    RULE("XX000", "Tablet not RUNNING", RETRY, FAILOVER, "A tablet is moving to another node."),
    RULE("XX000", "TABLET_NOT_FOUND", RETRY, FAILOVER, "A tablet has moved to another node."),
    RULE("XX000", "ablet has been split", RETRY, FAILOVER, "A tablet has been split."),
    RULE("XX000", "Not the leader", RETRY, FAILOVER, "A tablet has another leader now."),
    RULE("XX000", "LEADER_NOT_READY", RETRY, FAILOVER, "A tablet's leader is being elected."),
    RULE("XX000", "valid lease", RETRY, FAILOVER, "A tablet's leader is being elected."),
    RULE("XX000", "not leader", RETRY, FAILOVER, "A tablet has another leader now."),
    RULE("XX000", "ablet was split", RETRY, FAILOVER, "A tablet has been split."),
    RULE("XX000", "hutdown in progress", RETRY, FAILOVER, "A node is stopping."),
    RULE("XX000", "hutting down", RETRY, FAILOVER, "A node is stopping."),
    RULE("XX000", "ry again", RETRY, THROTTLE, "The cluster asks for another try."),
    /* That a node waited in vain is not its disk, whatever the code. */
    RULE("53", "Timed out", RETRY, TIMEOUT, "A node of the cluster is slow or gone."),
    RULE("XX000", "Network error", RETRY, NETWORK, "A node of the cluster cannot be reached."),
    RULE("XX000", "Service unavailable", RETRY, THROTTLE, "The cluster has too much to do."),
};

static const struct rule rules[] = {
    RAISED_BY("ProcessInterrupts", "40001", "conflict with recovery", RETRY, FAILOVER,
              RECOVERY_ADVICE),
    /* Its name from version 17 on. */
    RAISED_BY("ProcessRecoveryConflictInterrupt", "40001", "conflict with recovery", RETRY,
              FAILOVER, RECOVERY_ADVICE),
    RULE("40P01", NULL, RETRY, DEADLOCK, "Another transaction waited for this one."),
    RULE("40", NULL, RETRY, DEADLOCK, "Another transaction was in the way."),
    RULE("55P03", NULL, RETRY, LOCK_TIMEOUT,
         "Another session holds the table; see `lock_timeout`."),
    RULE("57014", "statement timeout", RETRY, TIMEOUT,
         "Raise `statement_timeout`, or set it to 0."),
    RULE("57014", "conflict with recovery", RETRY, FAILOVER,
         "Set hot_standby_feedback at the replica."),
    RULE("57014", "user request", RETRY, TIMEOUT, "Somebody at the server ended the statement."),
    RULE("57014", NULL, RETRY, TIMEOUT,
         "The statement took longer than `statement_timeout`, or somebody at the server ended it."),
    RULE("57P05", NULL, RETRY, TIMEOUT, "The server ends idle sessions: see idle_session_timeout."),
    RULE("25P03", NULL, RETRY, TIMEOUT,
         "The server ends idle transactions: see idle_in_transaction_session_timeout."),
    RULE("25P04", NULL, RETRY, TIMEOUT,
         "The server ends long transactions: see transaction_timeout."),
    RULE("25P02", NULL, RETRY, TIMEOUT,
         "A statement before it was ended by somebody at the server, or by a pooler."),
    RAISED_BY("PreventCommandDuringRecovery", "25006", "during recovery", RETRY, FAILOVER,
              "The server is a replica now."),
    RULE("25006", NULL, DATA, DATA, "What is read calls a function that writes: leave it out."),
    RULE("08P01", "no such database", CONFIG, SETTING, DATABASE_ADVICE),
    RULE("08P01", "authentication failed", CONFIG, AUTH, AUTH_ADVICE),
    RULE("08P01", "unsupported startup parameter", CONFIG, SETTING,
         "The pooler refuses a setting of this machine's environment (PGOPTIONS): take it away."),
    RULE("08P01", "query_wait_timeout", RETRY, THROTTLE,
         "The pooler had no server connection free: raise its pool size, or connect directly."),
    RULE("08P01", "no more connections allowed", RETRY, THROTTLE,
         "The pooler is full: raise its max_client_conn."),
    RULE("08P01", "too many connections", RETRY, THROTTLE, "Use fewer threads."),
    RULE("08P01", "server", RETRY, FAILOVER, "The pooler cannot reach its server."),
    RULE("08", NULL, RETRY, NETWORK, NULL),
    /* The setting's name stands in the hint; of the lock tables only this one is filled by reads.
     */
    RAISED_BY("LockAcquireExtended", "53200", "max_locks_per_transaction", CONFIG, SETTING,
              "A read locks each partition of its table: raise max_locks_per_transaction at the "
              "server, which needs a restart, or use fewer threads."),
    RULE("53200", NULL, RETRY, THROTTLE, "The server has no memory left."),
    RULE("53400", NULL, CONFIG, SETTING, "Raise the limit (temp_file_limit) at the server."),
    RULE("53100", NULL, RETRY, DISK, "The server's disk is full."),
    RAISED_BY("InitializeSessionUserId", "53300", "for role", RETRY, THROTTLE,
              "The login has all the sessions it may: raise its CONNECTION LIMIT."),
    RAISED_BY("CheckMyDatabase", "53300", "for database", RETRY, THROTTLE,
              "The database has all the sessions it may: raise its CONNECTION LIMIT."),
    RULE("53300", NULL, RETRY, THROTTLE,
         "The server has no connection free: raise max_connections, or end idle sessions."),
    RULE("53", NULL, RETRY, THROTTLE, NULL),
    RULE("58", NULL, RETRY, DISK, "The server cannot read its own files: see its log."),
    RULE("57P04", NULL, CONFIG, SETTING, "The database was dropped. Check `database`."),
    RULE("57P", NULL, RETRY, FAILOVER, "The server is stopping, starting or failing over."),
    RAISED_BY("ImportSnapshot", "22023", "snapshot", SNAPSHOT_GONE, NONE, NULL),
    RULE("72000", NULL, SNAPSHOT_GONE, NONE, "The read took longer than old rows are kept."),
    RULE("28", NULL, CONFIG, AUTH, AUTH_ADVICE),
    RAISED_BY("check_enable_rls", "42501", "row-level security", CONFIG, PERMISSION, RLS_ADVICE),
    RULE("42501", NULL, CONFIG, PERMISSION, GRANT_ADVICE),
    RULE("42601", NULL, BUG, NONE, NULL),
    RULE("42P01", NULL, SCHEMA, SCHEMA, NULL),
    RULE("42703", NULL, SCHEMA, SCHEMA, NULL),
    RULE("42704", NULL, SCHEMA, SCHEMA, NULL),
    RULE("42883", NULL, SCHEMA, SCHEMA, NULL),
    RULE("42809", NULL, SCHEMA, SCHEMA, NULL),
    RULE("3D000", NULL, CONFIG, SETTING, DATABASE_ADVICE),
    RULE("3F000", NULL, SCHEMA, SCHEMA, NULL),
    RULE("55000", NULL, SCHEMA, SCHEMA, NULL),
    RULE("0A000", NULL, SCHEMA, SCHEMA, NULL),
    HIDING("22", DATA, DATA, "A value of the table cannot be read."),
    HIDING("21", DATA, DATA, ROUTINE_ADVICE),
    HIDING("2F", DATA, DATA, ROUTINE_ADVICE),
    HIDING("38", DATA, DATA, ROUTINE_ADVICE),
    HIDING("39", DATA, DATA, ROUTINE_ADVICE),
    HIDING("P0", DATA, DATA, ROUTINE_ADVICE),
    RULE("HV", NULL, DATA, DATA, "The foreign server behind the table failed."),
    RULE("54", NULL, DATA, DATA, "A row is larger than the server can send."),
    RULE("XX001", NULL, DATA, DATA, "The server found damaged data: see its log."),
    RULE("XX002", NULL, DATA, DATA, "The server found a damaged index: REINDEX it."),
    RULE("XX000", "invalid memory alloc request size", DATA, DATA,
         "A value of the table is larger than the server can print (1 GB), or damaged."),
    RULE("XX000", "could not open relation", SCHEMA, SCHEMA, NULL),
    RULE("XX000", "cache lookup failed", SCHEMA, SCHEMA, NULL),
    RULE("F0", NULL, CONFIG, SETTING, NULL),
};

static const struct rule connect_rules[] = {
    RULE("28000", "no encryption", CONFIG, SETTING,
         "The server lets this login in with TLS only, or not at all: set `sslmode` to require."),
    RULE("28000", "SSL encryption", CONFIG, SETTING,
         "The server lets this login in without TLS only, or not at all: set `sslmode` to disable, "
         "or have pg_hba.conf changed."),
    RULE("28000", "SSL off", CONFIG, SETTING, "The server wants TLS: set `sslmode` to require."),
    /* In whatever language, the file has this name; its entry may say anything of the above. */
    RULE("28000", "pg_hba.conf", CONFIG, AUTH,
         "The server's pg_hba.conf lets this login in with TLS only, without TLS only, or not at "
         "all: set `sslmode` to require or disable, or have an entry made."),
    RAISED_BY("ClientAuthentication", "28000", "client certificate", CONFIG, AUTH,
              "The server asks for a certificate of the login's: set `sslcert` and `sslkey`."),
    RULE("28000", "ertificate authentication failed", CONFIG, AUTH,
         "The client certificate is another login's: its common name must be `user`."),
    RAISED_BY("auth_failed", "28000", NO_TEXT, CONFIG, AUTH,
              "Check `user` and `password`, or what else the login proves itself by: of a client "
              "certificate the common name must be `user`."),
    RULE("28000", "not permitted to log in", CONFIG, AUTH, "ALTER ROLE … LOGIN, or use another."),
    RULE("28000", "does not exist", CONFIG, AUTH, "Check `user`: there is no such login."),
    RAISED_BY("InitializeSessionUserId", "28000", NO_TEXT, CONFIG, AUTH,
              "Check `user`: there is no such login, or it may not log in (ALTER ROLE … LOGIN)."),
    RULE("42501", NULL, CONFIG, PERMISSION, "GRANT CONNECT ON DATABASE … TO the login."),
    RULE("55000", NULL, CONFIG, SETTING, "Check `database`: it takes no connections."),
};

/* What libpq itself says of a connect: there is no code. */
static const struct rule client_rules[] = {
    RULE("", "could not translate host name", RETRY, NETWORK, "Check `host`."),
    RULE("", "Connection refused", RETRY, NETWORK,
         "Check `host` and `port`, and that the server runs."),
    RULE("", "No such file or directory", RETRY, NETWORK,
         "Check `host` and `port`, and that the server runs: there is no such socket."),
    RULE("", "timeout expired", RETRY, NETWORK,
         "Check `host` and `port`, and that no firewall is between; see `connect_timeout`."),
    RULE("", "unreachable", RETRY, NETWORK, "Check `host`, and the network between."),
    RULE("", "No route to host", RETRY, NETWORK, "Check `host`, and the network between."),
    RULE("", "SSL was required", CONFIG, SETTING,
         "The server offers no TLS: have it switched on there, or set `sslmode` to prefer or "
         "disable."),
    RULE("", "certificate verify failed", CONFIG, SETTING,
         "The server's certificate is expired, self-signed or of another authority: set "
         "`sslrootcert` to the authority's certificate."),
    RULE("", "does not match host name", CONFIG, SETTING,
         "Set `host` to a name in the certificate, or `sslmode` to verify-ca."),
    RULE("", "could not get server's host name", CONFIG, SETTING,
         "Set `host` to a name in the certificate, or `sslmode` to verify-ca."),
    RULE("", "root certificate file", CONFIG, SETTING,
         "Set `sslrootcert` to the authority's certificate, in PEM."),
    RULE("", "key values mismatch", CONFIG, SETTING, "`sslkey` is not the key of `sslcert`."),
    RULE("", "group or world access", CONFIG, SETTING,
         "Let nobody else read the file (chmod 600)."),
    RULE("", "could not load private key file", CONFIG, SETTING,
         "Check `sslkey`, and `sslpassword` if it is encrypted."),
    RULE("", "private key file", CONFIG, SETTING, "Check `sslkey`."),
    RULE("", "could not read certificate file", CONFIG, SETTING,
         "`sslcert` takes a certificate in PEM."),
    RULE("", "alert certificate required", CONFIG, AUTH,
         "The server asks for a certificate of the login's: set `sslcert` and `sslkey`."),
    RULE("", "alert unknown ca", CONFIG, AUTH, CLIENT_ADVICE),
    RULE("", "alert bad certificate", CONFIG, AUTH, CLIENT_ADVICE),
    RULE("", "alert certificate", CONFIG, AUTH, CLIENT_ADVICE),
    RULE("", "alert unsupported certificate", CONFIG, AUTH, CLIENT_ADVICE),
    RULE("", "protocol version", CONFIG, SETTING,
         "The server and this machine have no version of TLS in common."),
    RULE("", " alert ", CONFIG, SETTING, "Check `sslmode` and what TLS the server asks for."),
    RULE("", "invalid response to SSL negotiation", CONFIG, SETTING, OTHER_ADVICE),
    RULE("", "expected authentication request", CONFIG, SETTING, OTHER_ADVICE),
    RULE("", "no password supplied", CONFIG, AUTH, "Set `password`."),
    RULE("", "channel binding", CONFIG, AUTH,
         "The server offers none here: set `channel_binding` to prefer, or `sslmode` to require."),
    RULE("", "GSSAPI", CONFIG, AUTH,
         "The server asks for Kerberos: have a ticket (kinit), and check `krbsrvname` and "
         "`gssencmode`."),
    RULE("", "authentication method", CONFIG, AUTH, "Use a login with another method."),
    RULE("", "hot standby mode", RETRY, FAILOVER, "See `target_session_attrs`."),
    RULE("", "session is", RETRY, FAILOVER, "See `target_session_attrs`."),
    RULE("", "closed the connection unexpectedly", RETRY, NETWORK,
         "Check `host` and `port`, and the server's log."),
};

static bool occurs(const char *needle, const char *text)
{
    return text != NULL && strstr(text, needle) != NULL;
}

static bool rule_holds(const struct rule *rule, const char *code, const struct error_said *said)
{
    if (strncmp(code, rule->code, strlen(rule->code)) != 0) {
        return false;
    }
    return rule->text == NULL || occurs(rule->text, said->text) || occurs(rule->text, said->hint) ||
           (rule->function != NULL && said->function != NULL &&
            strcmp(rule->function, said->function) == 0);
}

/*
 * Functions of the server's extensions that hand on what somebody's code says, under whatever code
 * that chose: RAISE and ASSERT of PL/pgSQL, the elog of the other languages, the error of a foreign
 * server. Neither is the text ours to show nor the code to be believed.
 */
static bool is_handed_on(const char *function)
{
    static const char *const functions[] = {
        "exec_stmt_raise", "exec_stmt_assert", "PLy_elog_impl",      "PLy_output",
        "do_util_elog",    "pltcl_elog",       "pgfdw_report_error", "dblink_res_error",
    };
    for (size_t i = 0; function != NULL && i < sizeof functions / sizeof functions[0]; i++) {
        if (strcmp(function, functions[i]) == 0) {
            return true;
        }
    }
    return false;
}

static const struct error_verdict *find(const struct rule *table, size_t count, const char *code,
                                        const struct error_said *said)
{
    for (size_t i = 0; i < count; i++) {
        if (rule_holds(&table[i], code, said)) {
            return &table[i].verdict;
        }
    }
    return NULL;
}

#define FIND(table, code, said) find(table, sizeof(table) / sizeof(table)[0], code, said)

struct error_verdict error_classify(const struct error_said *said, bool yugabyte)
{
    const char *code = said->sqlstate != NULL ? said->sqlstate : "";
    const struct error_verdict *found = NULL;
    if (is_handed_on(said->function)) {
        return (struct error_verdict){PS_DATA, PS_CLASS_DATA, OUTSIDE_ADVICE, true};
    }
    if (yugabyte) {
        found = FIND(yugabyte_rules, code, said);
    }
    if (found == NULL && *code == '\0') {
        /* libpq speaks without a code where the connection is lost. */
        return (struct error_verdict){PS_RETRY, PS_CLASS_NETWORK, NULL, false};
    }
    if (found == NULL) {
        found = FIND(rules, code, said);
    }
    struct error_verdict verdict =
        found != NULL ? *found : (struct error_verdict){PS_BUG, PS_CLASS_NONE, NULL, false};
    /* A statement that a function put together of values is quoted where it is at fault. */
    verdict.hides_text = verdict.hides_text || (strncmp(code, "42", 2) == 0 &&
                                                said->context != NULL && *said->context != '\0');
    return verdict;
}

const char *error_value_reason(const char *sqlstate)
{
    static const struct {
        const char *code, *reason;
    } reasons[] = {
        {"54", "the value is larger than the server can send"},
        {"XX000", "the value is larger than the server can print, or damaged"},
        {"XX", "the server found the value damaged"},
        {"22P05", "the value has a character that UTF-8 does not have"},
        {"22", "the server cannot read the value"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (strncmp(sqlstate, reasons[i].code, strlen(reasons[i].code)) == 0) {
            return reasons[i].reason;
        }
    }
    return "a function of the server's fails on the value";
}

/* Hosts, logins, databases and files stand in quotes, and may be called anything. */
static void leave_names_out(const char *text, char *ret_text, size_t size)
{
    size_t length = 0;
    while (*text != '\0' && length + 1 < size) {
        const char *end = *text == '"' ? strchr(text + 1, '"') : NULL;
        ret_text[length++] = *text;
        text = end != NULL ? end + 1 : text + 1;
    }
    ret_text[length] = '\0';
}

struct error_verdict error_classify_connect(const struct error_said *given)
{
    char text[2048];
    struct error_said unnamed = *given;
    const struct error_said *said = &unnamed;
    const char *code = said->sqlstate != NULL ? said->sqlstate : "";
    leave_names_out(said->text != NULL ? said->text : "", text, sizeof text);
    unnamed.text = text;
    /* With one line for each attempt, both "no encryption" and "SSL encryption": no entry at all.
     */
    if (strcmp(code, "28000") == 0 && occurs("no encryption", said->text) &&
        occurs("SSL encryption", said->text)) {
        return (struct error_verdict){PS_CONFIG, PS_CLASS_AUTH,
                                      "The server's pg_hba.conf has no entry for this login.",
                                      false};
    }
    const struct error_verdict *found =
        *code != '\0' ? FIND(connect_rules, code, said) : FIND(client_rules, code, said);
    return found != NULL ? *found : error_classify(said, false);
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

/* libpq writes "LOCATION:  auth_failed, auth.c:330" below a message of the server's. */
static void find_function(const char *text, char *ret_function, size_t size)
{
    static const char label[] = "\nLOCATION:  ";
    const char *at = strstr(text, label);
    const char *function = at != NULL ? at + sizeof label - 1 : "";
    int length = (int)strcspn(function, ",\r\n");
    (void)snprintf(ret_function, size, "%.*s", length, function);
}

void error_parse_connect(const char *text, struct error_connect *ret_error)
{
    const char *message = text;
    const char *code = find_code(text);
    ret_error->sqlstate[0] = '\0';
    if (code != NULL) {
        memcpy(ret_error->sqlstate, code, 5);
        ret_error->sqlstate[5] = '\0';
        message = code + 7;
    } else {
        const char *failed = strstr(text, " failed: ");
        if (failed != NULL && strncmp(text, "connection to server", 20) == 0) {
            message = failed + 9;
        }
    }
    int length = (int)strcspn(message, "\r\n");
    (void)snprintf(ret_error->message, sizeof ret_error->message, "%.*s", length, message);
    find_function(text, ret_error->function, sizeof ret_error->function);
}
