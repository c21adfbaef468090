/*
 * Statements over one connection, each with a deadline of our own: libpq's blocking calls know
 * none. Opening a connection is in connect.c.
 */
#include "sources/postgresql/link.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/errand.h"
#include "sources/postgresql/errors.h"
#include "sources/postgresql/nodes.h"
#include "sources/postgresql/pids.h"
#include "sources/postgresql/query.h"

#define INTERRUPT_MS 1000

static int64_t deadline_after(int64_t timeout_ms)
{
    return timeout_ms == 0 ? 0 : ps_monotonic_ns() + timeout_ms * 1000000;
}

bool link_wait(struct link *link, int wake_fd, int64_t deadline_ns)
{
    struct pollfd fds[2] = {{.fd = PQsocket(link->conn), .events = POLLIN},
                            {.fd = wake_fd, .events = POLLIN}};
    int timeout_ms = -1;
    if (deadline_ns != 0) {
        int64_t left_ns = deadline_ns - ps_monotonic_ns();
        if (left_ns <= 0) {
            return false;
        }
        int64_t left_ms = left_ns / 1000000 + 1;
        timeout_ms = left_ms > 3600000 ? 3600000 : (int)left_ms;
    }
    if (wake_fd < 0 && link->settings->cancel != NULL &&
        (timeout_ms < 0 || timeout_ms > LINK_LOOK_MS)) {
        timeout_ms = LINK_LOOK_MS;
    }
    /* An interrupted or a spurious wake is harmless: the caller looks again. */
    (void)poll(fds, wake_fd >= 0 ? 2 : 1, timeout_ms);
    return true;
}

enum ps_status link_fail(struct link *link, const PGresult *result, const char *doing,
                         struct ps_error *err)
{
    struct error_said said = {0};
    if (result != NULL) {
        said = (struct error_said){
            .sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE),
            .text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY),
            .function = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION),
            .hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT),
            .context = PQresultErrorField(result, PG_DIAG_CONTEXT),
        };
    }
    if (said.text == NULL) {
        said.text = result != NULL ? PQresultErrorMessage(result) : PQerrorMessage(link->conn);
    }
    const char *text = said.text;
    char code[6] = "";
    if (said.sqlstate != NULL) {
        (void)snprintf(code, sizeof code, "%s", said.sqlstate);
    }
    struct error_verdict verdict = error_classify(&said, link->yugabyte);
    size_t length = strcspn(text, "\r\n");
    if (verdict.hides_text) {
        length = 0;
    } else if (length == 0) {
        text = "the connection was lost";
        length = strlen(text);
    }
    (void)ps_fail(err, verdict.status, verdict.error_class, "%s at %s failed%s%.*s%s%s%s%s%s",
                  doing, link->settings->target, length > 0 ? ": " : "", (int)length, text,
                  *code != '\0' ? " (SQLSTATE " : "", code, *code != '\0' ? ")" : "",
                  verdict.advice != NULL ? ". " : "", verdict.advice != NULL ? verdict.advice : "");
    if (err != NULL) {
        memcpy(err->sqlstate, code, sizeof code);
        server_clean(err->message);
        ps_error_keep_unshown(err, said.text);
    }
    return verdict.status;
}

static enum ps_status fail_timeout(struct link *link, const char *doing, int64_t timeout_ms,
                                   struct ps_error *err)
{
    enum ps_status status =
        ps_fail(err, PS_RETRY, PS_CLASS_TIMEOUT, "%s at %s failed: no answer within %lld s", doing,
                link->settings->target, (long long)(timeout_ms / 1000));
    link_close(link);
    return status;
}

bool link_called_off(const struct link_settings *settings)
{
    return settings->cancel != NULL && ps_cancel_is_set(settings->cancel);
}

static bool called_off(const struct link *link)
{
    return (link->canceled != NULL && atomic_load(link->canceled)) ||
           link_called_off(link->settings);
}

/* No answer came in time, or none is wanted any more. */
static enum ps_status fail_unanswered(struct link *link, const char *doing, int64_t timeout_ms,
                                      struct ps_error *err)
{
    return called_off(link) ? ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "%s was called off", doing)
                            : fail_timeout(link, doing, timeout_ms, err);
}

/* The next result, or NULL at the statement's end. False: the deadline has passed, or called off.
 */
static bool next_result(struct link *link, int64_t deadline_ns, PGresult **ret_result)
{
    while (PQisBusy(link->conn)) {
        int wake_fd = link->canceled != NULL ? link->wake_fd : -1;
        if (called_off(link) || !link_wait(link, wake_fd, deadline_ns)) {
            return false;
        }
        if (!PQconsumeInput(link->conn)) {
            break; /* PQgetResult gives the error. */
        }
    }
    *ret_result = PQgetResult(link->conn);
    return true;
}

/* Appends what a COPY sends to `bytes`, or throws it away where that is NULL. False: as
 * next_result. */
static bool take_copy(struct link *link, int64_t deadline_ns, struct ps_buffer *bytes)
{
    int wake_fd = link->canceled != NULL ? link->wake_fd : -1;
    for (;;) {
        char *row = NULL;
        int size = PQgetCopyData(link->conn, &row, 1);
        if (size < 0) {
            return true;
        }
        if (size > 0) {
            if (bytes != NULL) {
                ps_buffer_append(bytes, row, (size_t)size);
            }
            PQfreemem(row);
        } else if (called_off(link) || !link_wait(link, wake_fd, deadline_ns) ||
                   !PQconsumeInput(link->conn)) {
            return false;
        }
    }
}

bool link_drain(struct link *link, int64_t timeout_ms)
{
    int64_t deadline_ns = deadline_after(timeout_ms);
    for (;;) {
        PGresult *result = NULL;
        if (PQstatus(link->conn) != CONNECTION_OK || !next_result(link, deadline_ns, &result)) {
            return false;
        }
        if (result == NULL) {
            return true;
        }
        bool copying = PQresultStatus(result) == PGRES_COPY_OUT;
        PQclear(result);
        if (copying && !take_copy(link, deadline_ns, NULL)) {
            return false;
        }
    }
}

static bool result_failed(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK &&
           status != PGRES_SINGLE_TUPLE && status != PGRES_EMPTY_QUERY;
}

static enum ps_status check_open(struct link *link, const char *doing, struct ps_error *err)
{
    if (link->conn == NULL) {
        return ps_fail(err, PS_RETRY, PS_CLASS_NETWORK, "%s at %s failed: the connection was lost",
                       doing, link->settings->target);
    }
    return PS_OK;
}

enum ps_status link_query_many(struct link *link, const char *sql, int64_t timeout_ms,
                               const char *doing, PGresult **ret_results, size_t results_count,
                               struct ps_error *err)
{
    enum ps_status status = check_open(link, doing, err);
    if (status != PS_OK) {
        return status;
    }
    if (!PQsendQuery(link->conn, sql)) {
        return link_fail(link, NULL, doing, err);
    }
    int64_t deadline_ns = deadline_after(timeout_ms);
    size_t kept = 0;
    PGresult *results[16];
    for (;;) {
        PGresult *result = NULL;
        if (!next_result(link, deadline_ns, &result)) {
            status = fail_unanswered(link, doing, timeout_ms, err);
            break;
        }
        if (result == NULL) {
            break;
        }
        if (result_failed(result)) {
            if (status == PS_OK) {
                /* The first error counts: what follows it says less. */
                status = link_fail(link, result, doing, err);
            }
            PQclear(result);
        } else if (status == PS_OK && kept < results_count && kept < 16) {
            results[kept++] = result;
        } else {
            PQclear(result);
        }
    }
    if (status == PS_OK && kept != results_count) {
        status = ps_fail(err, PS_BUG, PS_CLASS_NONE, "%s at %s gave %zu results", doing,
                         link->settings->target, kept);
    }
    for (size_t i = 0; i < kept; i++) {
        if (status == PS_OK) {
            ret_results[i] = results[i];
        } else {
            PQclear(results[i]);
        }
    }
    return status;
}

enum ps_status link_query(struct link *link, const char *sql, int64_t timeout_ms, const char *doing,
                          PGresult **ret_result, struct ps_error *err)
{
    return link_query_many(link, sql, timeout_ms, doing, ret_result, 1, err);
}

enum ps_status link_query_alone(struct link *link, const char *sql, const char *doing,
                                PGresult **ret_result, struct ps_error *err)
{
    /* Statements that are sent together are one transaction, so that nothing of it stays. */
    struct ps_buffer both;
    PGresult *results[2] = {NULL};
    ps_buffer_init(&both, 0);
    ps_buffer_puts(&both, "SET LOCAL statement_timeout = 0;");
    ps_buffer_puts(&both, sql);
    enum ps_status status =
        ps_buffer_ok(&both)
            ? link_query_many(link, ps_buffer_text(&both), LINK_SHORT_MS, doing, results, 2, err)
            : ps_fail_nomem(err, doing);
    ps_buffer_done(&both);
    if (status == PS_OK) {
        PQclear(results[0]);
        *ret_result = results[1];
    }
    return status;
}

enum ps_status link_each(struct link *link, const char *sql, const char *doing, link_row row,
                         void *context, struct ps_error *err)
{
    enum ps_status status = check_open(link, doing, err);
    if (status != PS_OK) {
        return status;
    }
    if (!PQsendQuery(link->conn, sql) || !PQsetSingleRowMode(link->conn)) {
        return link_fail(link, NULL, doing, err);
    }
    int64_t deadline_ns = deadline_after(LINK_CATALOG_MS);
    for (;;) {
        PGresult *result = NULL;
        if (!next_result(link, deadline_ns, &result)) {
            return fail_unanswered(link, doing, LINK_CATALOG_MS, err);
        }
        if (result == NULL) {
            return status;
        }
        if (status == PS_OK) {
            if (result_failed(result)) {
                status = link_fail(link, result, doing, err);
            } else if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
                status = row(context, result, err);
            }
        }
        PQclear(result);
    }
}

enum ps_status link_copy(struct link *link, const char *sql, const char *doing,
                         struct ps_buffer *bytes, struct ps_error *err)
{
    enum ps_status status = check_open(link, doing, err);
    if (status != PS_OK) {
        return status;
    }
    if (!PQsendQuery(link->conn, sql)) {
        return link_fail(link, NULL, doing, err);
    }
    for (;;) {
        PGresult *result = NULL;
        if (!next_result(link, 0, &result)) {
            return ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "%s was called off", doing);
        }
        if (result == NULL) {
            return status;
        }
        bool copying = PQresultStatus(result) == PGRES_COPY_OUT;
        if (!copying && result_failed(result) && status == PS_OK) {
            status = link_fail(link, result, doing, err);
        }
        PQclear(result);
        if (copying && !take_copy(link, 0, bytes)) {
            return called_off(link)
                       ? ps_fail(err, PS_CANCELED, PS_CLASS_NONE, "%s was called off", doing)
                       : link_fail(link, NULL, doing, err);
        }
    }
}

bool link_reads_followers(const struct link *link)
{
    return link->yugabyte && link->settings->follower_reads;
}

/*
 * Every setting that results depend on. Compiling (jit) costs a statement that only copies rows
 * more than it gains. The point in time is fixed by the closing SELECT.
 */
static void write_begin(struct ps_buffer *sql, const struct link *link, const char *snapshot)
{
    /* First of all the time limit, since the login's own counts until then. */
    ps_buffer_printf(sql,
                     "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                     "SET LOCAL statement_timeout = '%llds';",
                     (long long)link->settings->statement_timeout_s);
    if (snapshot != NULL) {
        ps_buffer_puts(sql, "SET TRANSACTION SNAPSHOT ");
        query_literal(sql, snapshot);
        ps_buffer_putc(sql, ';');
    }
    ps_buffer_puts(sql, "SET LOCAL search_path = pg_catalog;"
                        "SET LOCAL DateStyle = 'ISO, YMD';"
                        "SET LOCAL IntervalStyle = 'postgres';"
                        "SET LOCAL TimeZone = 'UTC';"
                        "SET LOCAL extra_float_digits = 3;"
                        "SET LOCAL bytea_output = 'hex';"
                        "SET LOCAL xmloption = 'content';"
                        "SET LOCAL quote_all_identifiers = off;"
                        "SET LOCAL row_security = off;"
                        "SET LOCAL max_parallel_workers_per_gather = 0;"
                        "SET LOCAL jit = off;"
                        "SET LOCAL idle_in_transaction_session_timeout = 0;");
    if (link->sql_ascii) {
        /* Names may be any bytes, of which the server would refuse to send those that are no UTF-8:
         * they are looked at here. */
        ps_buffer_puts(sql, "SET LOCAL client_encoding = 'SQL_ASCII';");
    }
    if (link->version >= 170000) {
        ps_buffer_puts(sql, "SET LOCAL transaction_timeout = 0;");
    }
    if (link->yugabyte) {
        char own[NODES_OWN_NAME_SIZE];
        nodes_own_name(link->settings, own);
        ps_buffer_puts(sql, "SET LOCAL application_name = ");
        query_literal(sql, own);
        ps_buffer_putc(sql, ';');
    }
    if (link_reads_followers(link)) {
        /* The second fixes the point in time. */
        ps_buffer_printf(sql,
                         "SET LOCAL yb_follower_read_staleness_ms = %lld;"
                         "SET LOCAL yb_read_from_followers = on;",
                         (long long)link->settings->follower_staleness_ms);
    }
    ps_buffer_printf(sql, "SET LOCAL lock_timeout = '%llds';SELECT pg_catalog.pg_backend_pid()",
                     (long long)link->settings->lock_timeout_s);
}

static enum ps_status run_begin(struct link *link, const char *sql, struct ps_error *err)
{
    static const char doing[] = "beginning a read";
    if (!PQsendQuery(link->conn, sql)) {
        return link_fail(link, NULL, doing, err);
    }
    int64_t deadline_ns = deadline_after(LINK_SHORT_MS);
    enum ps_status status = PS_OK;
    for (;;) {
        PGresult *result = NULL;
        if (!next_result(link, deadline_ns, &result)) {
            return fail_unanswered(link, doing, LINK_SHORT_MS, err);
        }
        if (result == NULL) {
            return status;
        }
        if (result_failed(result) && status == PS_OK) {
            status = link_fail(link, result, doing, err);
        } else if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
            link->registered_pid = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
        }
        PQclear(result);
    }
}

/*
 * A snapshot whose transaction is gone has another code in each place of the server that notices
 * (its file, its process) and with each version, and a text in the server's language; nothing else
 * of a beginning has one of them.
 */
static bool is_snapshot_gone(const char *sqlstate)
{
    static const char *const codes[] = {"22023", "55000", "42704"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(sqlstate, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

enum ps_status link_begin(struct link *link, const char *snapshot, struct ps_error *err)
{
    struct ps_buffer sql;
    struct ps_error failed = {0};
    ps_buffer_init(&sql, 1 << 16);
    write_begin(&sql, link, snapshot);
    enum ps_status status = check_open(link, "beginning a read", err);
    if (status != PS_OK) {
        goto out;
    }
    if (!ps_buffer_ok(&sql)) {
        status = ps_fail_nomem(err, "beginning a read");
        goto out;
    }
    link->registered_pid = 0;
    status = run_begin(link, ps_buffer_text(&sql), &failed);
    link->in_transaction = true;
    if (status != PS_OK) {
        link_end(link);
        if (snapshot != NULL && is_snapshot_gone(failed.sqlstate)) {
            status = ps_fail(&failed, PS_SNAPSHOT_GONE, PS_CLASS_NONE,
                             "beginning a read at %s failed: the point in time is gone",
                             link->settings->target);
        }
        if (err != NULL) {
            *err = failed;
        }
        goto out;
    }
    pids_add(link->server, link->registered_pid);
out:
    ps_buffer_done(&sql);
    return status;
}

/* Whether the statements leave the session so. They may fail at a server that works: a pooler can
 * hand on an interruption when the statement that it was meant for is over. */
static bool ends_as(struct link *link, const char *sql, PGTransactionStatusType state)
{
    return link->conn != NULL && PQstatus(link->conn) == CONNECTION_OK &&
           PQsendQuery(link->conn, sql) && link_drain(link, LINK_SHORT_MS) &&
           PQtransactionStatus(link->conn) == state;
}

void link_end(struct link *link)
{
    if (!link->in_transaction) {
        return;
    }
    /* Before the server can give the backend to somebody else, as a pooler would. */
    pids_remove(link->server, link->registered_pid);
    link->in_transaction = false;
    link->registered_pid = 0;
    if (link->conn == NULL) {
        return;
    }
    if (!ends_as(link, "ROLLBACK", PQTRANS_IDLE)) {
        link_close(link);
    }
}

bool link_go_back(struct link *link, const char *savepoint)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "ROLLBACK TO SAVEPOINT %s;RELEASE SAVEPOINT %s", savepoint,
                   savepoint);
    return ends_as(link, sql, PQTRANS_INTRANS);
}

struct interruption {
    struct ps_errand base;
    PGcancel *cancel;
};

/* Over a second connection, as the protocol wants it; libpq waits for its end without a limit. */
static void run_interruption(struct ps_errand *errand)
{
    char text[256];
    (void)PQcancel(((struct interruption *)errand)->cancel, text, sizeof text);
}

static void free_interruption(struct ps_errand *errand)
{
    PQfreeCancel(((struct interruption *)errand)->cancel);
    ps_free(errand);
}

void link_interrupt(struct link *link)
{
    struct interruption *interruption =
        link->interrupted ? NULL : ps_calloc(1, sizeof *interruption);
    link->interrupted = true;
    if (interruption == NULL) {
        return;
    }
    interruption->base = (struct ps_errand){.run = run_interruption, .free = free_interruption};
    interruption->cancel = PQgetCancel(link->conn);
    if (interruption->cancel == NULL || ps_errand_send(&interruption->base, "penstock-stop",
                                                       INTERRUPT_MS, NULL) == PS_ERRAND_DONE) {
        free_interruption(&interruption->base);
    }
}

void link_close(struct link *link)
{
    if (link->conn != NULL && PQstatus(link->conn) == CONNECTION_OK &&
        PQtransactionStatus(link->conn) == PQTRANS_ACTIVE) {
        link_interrupt(link);
    }
    if (link->in_transaction) {
        pids_remove(link->server, link->registered_pid);
    }
    link->in_transaction = false;
    link->registered_pid = 0;
    PQfinish(link->conn); /* NULL is fine */
    link->conn = NULL;
    link->bulk_buffer = false;
    link->interrupted = false;
}
