/*
 * Opening a connection: the parameters, the handshake under one deadline, and what the server says
 * of itself. Statements are in link.c.
 */
#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/thread.h"
#include "sources/postgresql/errors.h"
#include "sources/postgresql/link.h"

enum ps_status link_settings_read(struct link_settings *settings, const struct ps_config *config,
                                  struct ps_error *err)
{
    settings->host = ps_config_text_or_empty(config, "host");
    settings->port = ps_config_text_or_empty(config, "port");
    settings->database = ps_config_text_or_empty(config, "database");
    settings->user = ps_config_text_or_empty(config, "user");
    settings->password = ps_config_text_or_empty(config, "password");
    settings->sslmode = ps_config_text_or_empty(config, "sslmode");
    settings->sslrootcert = ps_config_text_or_empty(config, "sslrootcert");
    settings->connect_timeout_s = ps_config_integer(config, "connect_timeout", 30);
    settings->statement_timeout_s = ps_config_integer(config, "statement_timeout", 0);
    settings->lock_timeout_s = ps_config_integer(config, "lock_timeout", 30);
    (void)snprintf(settings->target, sizeof settings->target, "%s:%s/%s", settings->host,
                   settings->port, settings->database);
    if (*settings->sslrootcert != '\0') {
        /* With prefer, libpq falls back to plaintext where the certificate does not match; with
         * require it verifies although the name says otherwise. Neither is what was asked for. */
        if (strncmp(settings->sslmode, "verify-", 7) != 0) {
            return ps_fail(
                err, PS_CONFIG, PS_CLASS_SETTING,
                "`sslrootcert` is set, but `sslmode` is %s, which checks no certificate: "
                "set `sslmode` to verify-ca or verify-full, or leave `sslrootcert` out",
                settings->sslmode);
        }
        if (access(settings->sslrootcert, R_OK) != 0) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                           "the file named by `sslrootcert` cannot be read: %s",
                           settings->sslrootcert);
        }
    }
    return PS_OK;
}

static PGconn *start(const struct link_settings *settings)
{
    /* libpq takes an empty value for one that is not given. */
    const char *const pairs[][2] = {
        {"host", settings->host},
        {"port", settings->port},
        {"dbname", settings->database},
        {"user", settings->user},
        {"password", settings->password},
        {"sslmode", settings->sslmode},
        {"sslrootcert", settings->sslrootcert},
        {"application_name", "penstock"},
        {"client_encoding", "UTF8"},
        {"gssencmode", "disable"},
        {"keepalives_idle", "30"},
        {"keepalives_interval", "10"},
        {"keepalives_count", "3"},
        {"tcp_user_timeout", "60000"},
        {NULL, NULL},
    };
    const char *keywords[sizeof pairs / sizeof pairs[0]];
    const char *values[sizeof pairs / sizeof pairs[0]];
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        keywords[i] = pairs[i][0];
        values[i] = pairs[i][1];
    }
    return PQconnectStartParams(keywords, values, 0);
}

/* False: the deadline has passed. */
static bool wait_for(PGconn *conn, PostgresPollingStatusType wanted, int64_t deadline_ns)
{
    int64_t left_ns = deadline_ns - ps_monotonic_ns();
    if (left_ns <= 0) {
        return false;
    }
    struct pollfd fd = {.fd = PQsocket(conn),
                        .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    (void)poll(&fd, 1, (int)(left_ns / 1000000 + 1));
    return true;
}

static enum ps_status fail_connect(const struct link_settings *settings, const char *text,
                                   struct ps_error *err)
{
    char sqlstate[6];
    char message[512];
    error_parse_connect(text, sqlstate, message, sizeof message);
    struct error_verdict verdict = error_classify_connect(sqlstate, text);
    (void)ps_fail(err, verdict.status, verdict.error_class,
                  "connecting to %s as \"%s\" failed: %s%s%s", settings->target, settings->user,
                  message, verdict.advice != NULL ? ". " : "",
                  verdict.advice != NULL ? verdict.advice : "");
    if (err != NULL) {
        memcpy(err->sqlstate, sqlstate, sizeof sqlstate);
    }
    return verdict.status;
}

static enum ps_status handshake(const struct link_settings *settings, PGconn *conn,
                                struct ps_error *err)
{
    int64_t deadline_ns = ps_monotonic_ns() + settings->connect_timeout_s * 1000000000;
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (PQstatus(conn) != CONNECTION_BAD) {
        if (wanted == PGRES_POLLING_OK) {
            return PS_OK;
        }
        if (wanted == PGRES_POLLING_FAILED) {
            break;
        }
        if (!wait_for(conn, wanted, deadline_ns)) {
            return fail_connect(settings, "timeout expired", err);
        }
        wanted = PQconnectPoll(conn);
    }
    return fail_connect(settings, PQerrorMessage(conn), err);
}

static enum ps_status learn(struct link *link, struct ps_error *err)
{
    PGresult *result = NULL;
    enum ps_status status =
        link_query(link, "SELECT pg_catalog.version(), pg_catalog.pg_is_in_recovery()",
                   LINK_SHORT_MS, "asking for the version", &result, err);
    if (status != PS_OK) {
        return status;
    }
    link->version = PQserverVersion(link->conn);
    link->yugabyte = strstr(PQgetvalue(result, 0, 0), "-YB-") != NULL;
    link->recovery = *PQgetvalue(result, 0, 1) == 't';
    const char *encoding = PQparameterStatus(link->conn, "server_encoding");
    link->sql_ascii = encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0;
    PQclear(result);
    if (link->version < 110000) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                       "the server at %s is PostgreSQL %d: version 11 or later is needed",
                       link->settings->target, link->version / 10000);
    }
    return PS_OK;
}

static void discard_notice(void *context, const PGresult *result)
{
    /* The server's notices would go to stderr; none of them is for the user of a sync. */
    (void)context;
    (void)result;
}

enum ps_status link_open(struct link *link, const struct link_settings *settings,
                         struct ps_error *err)
{
    *link = (struct link){.settings = settings, .conn = start(settings)};
    if (link->conn == NULL) {
        return ps_fail_nomem(err, "connecting");
    }
    /* Before the first poll: only then do errors of the handshake carry their code. */
    (void)PQsetErrorVerbosity(link->conn, PQERRORS_VERBOSE);
    (void)PQsetNoticeReceiver(link->conn, discard_notice, NULL);
    enum ps_status status = handshake(settings, link->conn, err);
    if (status == PS_OK) {
        status = learn(link, err);
    }
    if (status != PS_OK) {
        link_close(link);
    }
    return status;
}

enum ps_status link_revive(struct link *link, struct ps_error *err)
{
    if (link->conn != NULL && PQstatus(link->conn) == CONNECTION_OK) {
        return PS_OK;
    }
    link_close(link);
    return link_open(link, link->settings, err);
}
