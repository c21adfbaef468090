/*
 * Opening a connection: each host and each of its addresses in turn, every attempt under a deadline
 * of its own. Statements are in link.c, what a server says of itself in server.c.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "sources/postgresql/certificate.h"
#include "sources/postgresql/errors.h"
#include "sources/postgresql/link.h"
#include "sources/postgresql/resolve.h"

#define ADDRESSES_MAX 16
#define ADDRESS_SIZE 64
#define NUMBER_SIZE 24
#define PAIRS_MAX 32

/* A path at which there is no file: libpq then leaves alone what lies in the user's home. */
#define NO_FILE "/dev/null/none"

/* Where one attempt goes. */
struct place {
    const struct link_host *host;
    const char *address;         /* of the host; "" : a socket of this machine */
    const char *sslmode;         /* the settings', but for the probe */
    const char *attributes;      /* target_session_attrs */
    const char *password;        /* NULL: none */
    const struct link_pem *root; /* NULL: no certificate is checked */
};

/* What the attempts came to. */
struct attempts {
    struct link *link;
    const struct link_settings *settings;
    const char *password;         /* as it was when they began; NULL: none */
    struct ps_buffer failures;    /* "a:5432: …; b:5432: …", each text once */
    struct error_verdict verdict; /* of the last */
    const char *advice;
    char sqlstate[6];
};

/* Keywords and values for libpq, which takes an empty value for one that is not given. */
struct pairs {
    const char *keywords[PAIRS_MAX], *values[PAIRS_MAX];
    size_t count;
};

static void add(struct pairs *pairs, const char *keyword, const char *value)
{
    pairs->keywords[pairs->count] = keyword;
    pairs->values[pairs->count++] = value;
}

static void add_tls(struct pairs *pairs, const struct link_settings *settings,
                    const struct place *place)
{
    bool certificate = *settings->certificate.path != '\0';
    add(pairs, "sslmode", place->sslmode);
    add(pairs, "sslrootcert", place->root != NULL ? place->root->path : NO_FILE);
    add(pairs, "sslcrl", NO_FILE);
    add(pairs, "sslcert", certificate ? settings->certificate.path : NO_FILE);
    add(pairs, "sslkey", certificate ? settings->key.path : NO_FILE);
    add(pairs, "sslpassword", ps_config_renewed_text(settings->config, "sslpassword"));
    add(pairs, "channel_binding", settings->channel_binding);
    add(pairs, "gssencmode", settings->gssencmode);
    add(pairs, "krbsrvname", settings->krbsrvname);
}

/* Texts for the numbers, which libpq takes as texts. */
struct numbers {
    char idle[NUMBER_SIZE], interval[NUMBER_SIZE], count[NUMBER_SIZE], user_ms[NUMBER_SIZE];
};

static void write_number(char text[NUMBER_SIZE], int64_t value)
{
    (void)snprintf(text, NUMBER_SIZE, "%lld", (long long)value);
}

static void add_keepalives(struct pairs *pairs, const struct link_settings *settings,
                           struct numbers *numbers)
{
    int64_t idle = settings->keepalives_idle_s, interval = settings->keepalives_interval_s;
    if (idle == 0) {
        add(pairs, "keepalives", "0");
        return;
    }
    write_number(numbers->idle, idle);
    write_number(numbers->interval, interval);
    write_number(numbers->count, settings->keepalives_count);
    /* What was sent and is not confirmed for as long as the probes take ends it as well. */
    write_number(numbers->user_ms, 1000 * (idle + interval * settings->keepalives_count));
    add(pairs, "keepalives_idle", numbers->idle);
    add(pairs, "keepalives_interval", numbers->interval);
    add(pairs, "keepalives_count", numbers->count);
    add(pairs, "tcp_user_timeout", numbers->user_ms);
}

static void never_ask_the_terminal(void)
{
    /* For an encrypted key without `sslpassword`, OpenSSL itself would ask whoever sits there. */
    PQsetSSLKeyPassHook_OpenSSL(PQdefaultSSLKeyPassHook_OpenSSL);
}

static void discard_notice(void *context, const PGresult *result)
{
    /* The server's notices would go to stderr; none of them is for the user of a sync. */
    (void)context;
    (void)result;
}

static PGconn *start(const struct link_settings *settings, const struct place *place)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct pairs pairs = {.count = 0};
    struct numbers numbers;
    (void)pthread_once(&once, never_ask_the_terminal);
    add(&pairs, "host", place->host->name);
    add(&pairs, "hostaddr", place->address);
    add(&pairs, "port", place->host->port);
    add(&pairs, "dbname", settings->database);
    add(&pairs, "user", settings->user);
    add(&pairs, "password", place->password);
    add(&pairs, "application_name", settings->application_name);
    add(&pairs, "client_encoding", "UTF8");
    add(&pairs, "target_session_attrs", place->attributes);
    add_tls(&pairs, settings, place);
    add_keepalives(&pairs, settings, &numbers);
    add(&pairs, NULL, NULL);
    PGconn *conn = PQconnectStartParams(pairs.keywords, pairs.values, 0);
    if (conn != NULL) {
        /* Before the first poll: only then do errors of the handshake carry their code. */
        (void)PQsetErrorVerbosity(conn, PQERRORS_VERBOSE);
        (void)PQsetNoticeReceiver(conn, discard_notice, NULL);
    }
    return conn;
}

/* False: the deadline has passed, or it was called off. */
static bool wait_for(const struct link_settings *settings, PGconn *conn,
                     PostgresPollingStatusType wanted, int64_t deadline_ns)
{
    struct pollfd fd = {.fd = PQsocket(conn),
                        .events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT};
    for (;;) {
        int64_t left_ns = deadline_ns - ps_monotonic_ns();
        if (left_ns <= 0 || link_called_off(settings)) {
            return false;
        }
        int64_t left_ms = left_ns / 1000000 + 1;
        /* What interrupts a wait (a signal) is looked at like the wait's end. */
        if (poll(&fd, 1, left_ms < LINK_LOOK_MS ? (int)left_ms : LINK_LOOK_MS) > 0) {
            return true;
        }
    }
}

static int64_t deadline_of(const struct link_settings *settings)
{
    return ps_monotonic_ns() + settings->connect_timeout_s * 1000000000;
}

/*
 * Shakes hands once more, without any check and without a word about who we are, to look at the
 * certificate that was refused. False: there is nothing to say about it.
 */
static bool probe_certificate(const struct link_settings *settings, const struct place *refused,
                              char ret_reason[CERTIFICATE_REASON_SIZE], const char **ret_advice)
{
    struct place place = *refused;
    bool judged = false;
    place.sslmode = "require";
    place.root = NULL;
    PGconn *conn = start(settings, &place);
    int64_t deadline_ns = deadline_of(settings);
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    while (conn != NULL && PQstatus(conn) != CONNECTION_BAD && wanted != PGRES_POLLING_OK &&
           wanted != PGRES_POLLING_FAILED && wait_for(settings, conn, wanted, deadline_ns)) {
        wanted = PQconnectPoll(conn);
        SSL *handshake = PQsslStruct(conn, "OpenSSL");
        /* libpq comes back between the handshake's end and the first message of its own. */
        if (handshake != NULL && SSL_is_init_finished(handshake) == 1) {
            judged = certificate_judge(handshake, settings->root.path, ret_reason, ret_advice);
            break;
        }
    }
    PQfinish(conn);
    return judged;
}

/* Files of ours in memory are called by the option that they came from. */
static void name_files(const struct link_settings *settings, char *message, size_t size)
{
    const struct link_pem *const files[] = {&settings->root, &settings->certificate,
                                            &settings->key};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        const char *path = files[i]->path;
        char *at = files[i]->fd >= 0 ? strstr(message, path) : NULL;
        if (at != NULL) {
            struct ps_buffer changed;
            ps_buffer_init(&changed, 0);
            ps_buffer_append(&changed, message, (size_t)(at - message));
            ps_buffer_printf(&changed, "%s%s", files[i]->option, at + strlen(path));
            (void)snprintf(message, size, "%s", ps_buffer_text(&changed));
            ps_buffer_done(&changed);
        }
    }
}

/* With several hosts each says which it was; what two addresses of one have in common stands once.
 */
static void note_failure(struct attempts *attempts, const struct place *place, const char *message)
{
    char entry[768];
    if (attempts->settings->hosts_count > 1) {
        (void)snprintf(entry, sizeof entry, "%s:%s: %s", place->host->name, place->host->port,
                       message);
    } else {
        (void)snprintf(entry, sizeof entry, "%s", message);
    }
    if (strstr(ps_buffer_text(&attempts->failures), entry) == NULL) {
        ps_buffer_printf(&attempts->failures, "%s%s", attempts->failures.size > 0 ? "; " : "",
                         entry);
    }
}

/* `text` is libpq's. */
static void fail_attempt(struct attempts *attempts, const struct place *place, const char *text)
{
    char reason[CERTIFICATE_REASON_SIZE];
    struct error_connect error;
    if (link_called_off(attempts->settings)) {
        attempts->verdict = (struct error_verdict){.status = PS_CANCELED};
        return;
    }
    error_parse_connect(text, &error);
    memcpy(attempts->sqlstate, error.sqlstate, sizeof error.sqlstate);
    attempts->verdict = error_classify_connect(
        &(struct error_said){.sqlstate = error.sqlstate, .text = text, .function = error.function});
    attempts->advice = attempts->verdict.advice;
    if (strstr(text, "certificate verify failed") != NULL && attempts->settings->verifies &&
        probe_certificate(attempts->settings, place, reason, &attempts->advice)) {
        (void)snprintf(error.message, sizeof error.message, "%s", reason);
    }
    name_files(attempts->settings, error.message, sizeof error.message);
    note_failure(attempts, place, error.message);
}

/* True: the link is connected. */
static bool attempt(struct attempts *attempts, const struct place *place)
{
    PGconn *conn = start(attempts->settings, place);
    int64_t deadline_ns = deadline_of(attempts->settings);
    PostgresPollingStatusType wanted = PGRES_POLLING_WRITING;
    if (conn == NULL) {
        attempts->verdict = (struct error_verdict){.status = PS_NOMEM};
        return false;
    }
    while (PQstatus(conn) != CONNECTION_BAD && wanted != PGRES_POLLING_FAILED) {
        if (wanted == PGRES_POLLING_OK) {
            attempts->link->conn = conn;
            (void)snprintf(attempts->link->server, LINK_SERVER_SIZE, "%.120s:%s",
                           *place->address != '\0' ? place->address : place->host->name,
                           place->host->port);
            return true;
        }
        if (!wait_for(attempts->settings, conn, wanted, deadline_ns)) {
            fail_attempt(attempts, place, "timeout expired");
            PQfinish(conn);
            return false;
        }
        wanted = PQconnectPoll(conn);
    }
    fail_attempt(attempts, place, PQerrorMessage(conn));
    PQfinish(conn);
    return false;
}

/* Trouble that another server, or another address, may not have. */
static bool may_go_on(const struct attempts *attempts)
{
    return attempts->verdict.status == PS_RETRY;
}

/* The addresses of a host in turn. libpq would wait for the first of them alone. */
static bool attempt_host(struct attempts *attempts, struct place *place)
{
    const char *name = place->host->name;
    place->address = "";
    if (*name == '/' || *name == '@') {
        return attempt(attempts, place);
    }
    struct addrinfo *found = NULL;
    int error = resolve_name(name, attempts->settings->connect_timeout_s * 1000,
                             attempts->settings->cancel, &found);
    if (error == EAI_MEMORY) {
        attempts->verdict = (struct error_verdict){.status = PS_NOMEM};
        return false;
    }
    if (error != 0) {
        char text[512];
        (void)snprintf(text, sizeof text, "could not translate host name \"%s\" to address: %s",
                       name, gai_strerror(error));
        fail_attempt(attempts, place, text);
        return false;
    }
    bool connected = false;
    size_t tried = 0;
    for (const struct addrinfo *at = found; at != NULL && !connected; at = at->ai_next) {
        char address[ADDRESS_SIZE];
        if (tried == ADDRESSES_MAX || (tried > 0 && !may_go_on(attempts))) {
            break;
        }
        if (getnameinfo(at->ai_addr, at->ai_addrlen, address, sizeof address, NULL, 0,
                        NI_NUMERICHOST) == 0) {
            place->address = address;
            connected = attempt(attempts, place);
            tried++;
        }
    }
    place->address = "";
    freeaddrinfo(found);
    return connected;
}

/* All hosts that were given, once. */
static bool attempt_hosts(struct attempts *attempts, const struct link_host *hosts, size_t count,
                          const char *attributes)
{
    const struct link_settings *settings = attempts->settings;
    for (size_t i = 0; i < count; i++) {
        struct place place = {.host = &hosts[i],
                              .sslmode = settings->sslmode,
                              .attributes = attributes,
                              .password = attempts->password,
                              .root = settings->verifies ? &settings->root : NULL};
        if (attempt_host(attempts, &place)) {
            return true;
        }
        if (!may_go_on(attempts)) {
            return false;
        }
    }
    return false;
}

static enum ps_status fail_connect(const struct attempts *attempts, struct ps_error *err)
{
    const struct link_settings *settings = attempts->settings;
    const char *advice = attempts->advice;
    if (attempts->verdict.status == PS_CANCELED) {
        return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "connecting to %s was called off",
                       settings->target);
    }
    if (attempts->verdict.status == PS_NOMEM || !ps_buffer_ok(&attempts->failures)) {
        return ps_fail_nomem(err, "connecting");
    }
    (void)ps_fail(err, attempts->verdict.status, attempts->verdict.error_class,
                  "connecting to %s as \"%s\" failed: %s%s%s", settings->target, settings->user,
                  ps_buffer_text(&attempts->failures), advice != NULL ? ". " : "",
                  advice != NULL ? advice : "");
    if (err != NULL) {
        memcpy(err->sqlstate, attempts->sqlstate, sizeof err->sqlstate);
    }
    return attempts->verdict.status;
}

/* With the password that is in force now. */
static bool attempt_all(struct attempts *attempts, const struct link_host *hosts, size_t count)
{
    const char *attributes = attempts->settings->target_session_attrs;
    if (strcmp(attributes, "prefer-standby") == 0) {
        return attempt_hosts(attempts, hosts, count, "standby") ||
               (may_go_on(attempts) && attempt_hosts(attempts, hosts, count, "any"));
    }
    return attempt_hosts(attempts, hosts, count, attributes);
}

/* True where the password was refused, and another one is in its file by now. */
static bool password_changed(struct attempts *attempts)
{
    const char *former = attempts->password;
    if (attempts->verdict.error_class != PS_CLASS_AUTH || former == NULL) {
        return false;
    }
    attempts->password = ps_config_renewed_text(attempts->settings->config, "password");
    return attempts->password != NULL && strcmp(attempts->password, former) != 0;
}

/* At one of the hosts that are given. */
static enum ps_status open_at(struct link *link, const struct link_settings *settings,
                              const struct link_host *hosts, size_t hosts_count,
                              struct ps_error *err)
{
    *link = (struct link){.settings = settings};
    struct attempts attempts = {.link = link,
                                .settings = settings,
                                .password = ps_config_renewed_text(settings->config, "password")};
    ps_buffer_init(&attempts.failures, 1 << 16);
    bool connected = attempt_all(&attempts, hosts, hosts_count);
    if (!connected && password_changed(&attempts)) {
        ps_buffer_clear(&attempts.failures);
        connected = attempt_all(&attempts, hosts, hosts_count);
    }
    enum ps_status status = connected ? PS_OK : fail_connect(&attempts, err);
    ps_buffer_done(&attempts.failures);
    if (status != PS_OK) {
        return status;
    }
    status = link_learn(link, err);
    if (status != PS_OK) {
        link_close(link);
    }
    return status;
}

enum ps_status link_open(struct link *link, const struct link_settings *settings,
                         struct ps_error *err)
{
    return open_at(link, settings, settings->hosts, settings->hosts_count, err);
}

enum ps_status link_open_host(struct link *link, const struct link_settings *settings,
                              const struct link_host *host, struct ps_error *err)
{
    return open_at(link, settings, host, 1, err);
}

enum ps_status link_revive(struct link *link, struct ps_error *err)
{
    if (link->conn != NULL && PQstatus(link->conn) == CONNECTION_OK) {
        return PS_OK;
    }
    link_close(link);
    return link_open(link, link->settings, err);
}
