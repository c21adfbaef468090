/* The two tables of functions, their options, and the source's connection and point in time. */
#include <string.h>

#include "base/alloc.h"
#include "sources/postgresql/postgresql.h"
#include "sources/postgresql/source.h"

static const char *const sslmodes[] = {"disable",   "allow",       "prefer", "require",
                                       "verify-ca", "verify-full", NULL};

/* The name that stands for "each connection has its own": see snapshot_name. */
static const char unshared[] = "unshared";

#define OPTIONS(default_port)                                                                      \
    {                                                                                              \
        {.name = "host",                                                                           \
         .label = "Host",                                                                          \
         .help = "The name or address of the server; several, separated by commas, are tried in "  \
                 "order.",                                                                         \
         .type = PS_OPTION_TEXT,                                                                   \
         .flags = PS_OPTION_REQUIRED,                                                              \
         .placeholder = "db.example.com"},                                                         \
            {.name = "port",                                                                       \
             .label = "Port",                                                                      \
             .help = "The port that the server listens on.",                                       \
             .type = PS_OPTION_INTEGER,                                                            \
             .default_value = default_port,                                                        \
             .minimum = 1,                                                                         \
             .maximum = 65535},                                                                    \
            {.name = "database",                                                                   \
             .label = "Database",                                                                  \
             .help = "The database to read.",                                                      \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_REQUIRED},                                                         \
            {.name = "user",                                                                       \
             .label = "User",                                                                      \
             .help = "The login. It needs USAGE on the schemas and SELECT on the tables; with "    \
                     "pg_read_all_stats it also sees how far back open transactions reach.",       \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_REQUIRED},                                                         \
            {.name = "password",                                                                   \
             .label = "Password",                                                                  \
             .help = "The login's password, where the server asks for one.",                       \
             .type = PS_OPTION_SECRET},                                                            \
            {.name = "schema",                                                                     \
             .label = "Schemas",                                                                   \
             .help = "The schemas to read, separated by commas; * stands for any run of "          \
                     "characters. Capitals count.",                                                \
             .type = PS_OPTION_LIST,                                                               \
             .default_value = "public"},                                                           \
            {.name = "sslmode",                                                                    \
             .label = "TLS mode",                                                                  \
             .help = "How the connection is secured. verify-full checks the server's certificate " \
                     "and its name; prefer takes TLS where it is offered and checks nothing.",     \
             .type = PS_OPTION_CHOICE,                                                             \
             .default_value = "prefer",                                                            \
             .choices = sslmodes},                                                                 \
            {.name = "sslrootcert",                                                                \
             .label = "Root certificate file",                                                     \
             .help = "A file with the certificates of the authorities to trust, for verify-ca "    \
                     "and verify-full.",                                                           \
             .type = PS_OPTION_TEXT,                                                               \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .placeholder = "/etc/ssl/certs/ca-certificates.crt"},                                 \
            {.name = "connect_timeout",                                                            \
             .label = "Connect timeout",                                                           \
             .help = "Seconds to wait for a connection.",                                          \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "30",                                                                \
             .minimum = 1,                                                                         \
             .maximum = 3600},                                                                     \
            {.name = "statement_timeout",                                                          \
             .label = "Statement timeout",                                                         \
             .help = "Seconds after which the server ends a statement, and so the read of one "    \
                     "table; 0 for no limit.",                                                     \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "0",                                                                 \
             .minimum = 0,                                                                         \
             .maximum = 2000000},                                                                  \
            {.name = "lock_timeout",                                                               \
             .label = "Lock timeout",                                                              \
             .help = "Seconds to wait for a table that another session has locked; 0 for no "      \
                     "limit.",                                                                     \
             .type = PS_OPTION_INTEGER,                                                            \
             .flags = PS_OPTION_ADVANCED,                                                          \
             .default_value = "30",                                                                \
             .minimum = 0,                                                                         \
             .maximum = 2000000},                                                                  \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }

static const struct ps_option postgresql_options[] = OPTIONS("5432");
static const struct ps_option yugabytedb_options[] = OPTIONS("5433");

static const char *const cursor_names[] = {"updated_at", NULL};
static const char *const soft_delete_names[] = {NULL};

static void source_close(struct ps_source *base)
{
    struct source *source = (struct source *)base;
    if (source == NULL) {
        return;
    }
    link_close(&source->link);
    catalog_free(source->catalog);
    ps_buffer_done(&source->scope);
    ps_buffer_done(&source->missing);
    ps_buffer_done(&source->snapshot);
    ps_buffer_done(&source->reason);
    ps_free(source);
}

static enum ps_status source_open(const struct ps_source_ops *ops,
                                  const struct ps_source_request *request,
                                  struct ps_source **ret_source, struct ps_error *err)
{
    struct source *source = ps_calloc(1, sizeof *source);
    if (source == NULL) {
        return ps_fail_nomem(err, "connecting");
    }
    source->base.ops = ops;
    source->config = request->config;
    enum ps_status status = link_settings_read(&source->settings, request->config, err);
    if (status == PS_OK) {
        status = link_open(&source->link, &source->settings, err);
    }
    if (status != PS_OK) {
        source_close(&source->base);
        return status;
    }
    *ret_source = &source->base;
    return PS_OK;
}

static enum ps_status open_postgresql(const struct ps_source_request *request,
                                      struct ps_source **ret_source, struct ps_error *err)
{
    return source_open(&ps_source_postgresql, request, ret_source, err);
}

static enum ps_status open_yugabytedb(const struct ps_source_request *request,
                                      struct ps_source **ret_source, struct ps_error *err)
{
    return source_open(&ps_source_yugabytedb, request, ret_source, err);
}

static enum ps_status source_pin(struct ps_source *base, const char *snapshot, struct ps_error *err)
{
    struct source *source = (struct source *)base;
    link_end(&source->link);
    source->pinned = false;
    source->reading = false;
    ps_buffer_clear(&source->snapshot);
    enum ps_status status = link_revive(&source->link, err);
    if (status != PS_OK) {
        return status;
    }
    bool joins = snapshot != NULL && strcmp(snapshot, unshared) != 0;
    status = link_begin(&source->link, joins ? snapshot : NULL, err);
    source->pinned = status == PS_OK;
    return status;
}

enum ps_status source_need_transaction(struct source *source, struct ps_error *err)
{
    if (source->link.in_transaction) {
        return PS_OK;
    }
    if (source->pinned) {
        return ps_fail(err, PS_RETRY, PS_CLASS_NETWORK,
                       "the connection to %s was lost, and the point in time with it",
                       source->settings.target);
    }
    return source_pin(&source->base, NULL, err);
}

/*
 * YugabyteDB exports snapshots from 2025.2 on, and only while a flag is set. Elsewhere the name
 * says that each connection takes its own point in time: moments apart, each consistent in itself.
 */
static enum ps_status source_snapshot_name(struct ps_source *base, const char **ret_name,
                                           struct ps_error *err)
{
    struct source *source = (struct source *)base;
    enum ps_status status = source_need_transaction(source, err);
    if (status != PS_OK) {
        return status;
    }
    if (source->snapshot.size == 0) {
        PGresult *result = NULL;
        struct ps_error refused = {0};
        status = link_query(&source->link, "SELECT pg_export_snapshot()", LINK_SHORT_MS,
                            "exporting the snapshot", &result, &refused);
        if (status == PS_OK) {
            ps_buffer_puts(&source->snapshot, PQgetvalue(result, 0, 0));
            PQclear(result);
        } else if (source->link.yugabyte && *refused.sqlstate != '\0') {
            status = source_pin(base, NULL, err);
            if (status != PS_OK) {
                return status;
            }
            ps_buffer_puts(&source->snapshot, unshared);
        } else {
            if (err != NULL) {
                *err = refused;
            }
            return status;
        }
    }
    if (!ps_buffer_ok(&source->snapshot)) {
        return ps_fail_nomem(err, "exporting the snapshot");
    }
    *ret_name = ps_buffer_text(&source->snapshot);
    return PS_OK;
}

#define OPS(the_name, the_label, the_summary, the_options, the_open)                               \
    {                                                                                              \
        .abi = PS_SOURCE_ABI, .name = the_name, .label = the_label, .summary = the_summary,        \
        .caps = PS_CAP_SNAPSHOT | PS_CAP_KEYS_ONCE, .options = the_options, .tests = source_tests, \
        .cursor_names = cursor_names, .soft_delete_names = soft_delete_names, .open = the_open,    \
        .close = source_close, .test = source_test, .list_tables = source_list_tables,             \
        .describe = source_describe, .now = source_now, .pin = source_pin,                         \
        .snapshot_name = source_snapshot_name, .reader_open = source_reader_open,                  \
        .reader_next = source_reader_next, .reader_position = source_reader_position,              \
        .reader_cancel = source_reader_cancel, .reader_close = source_reader_close,                \
        .count = source_count,                                                                     \
    }

const struct ps_source_ops ps_source_postgresql =
    OPS("postgresql", "PostgreSQL", "A PostgreSQL server, version 11 or later.", postgresql_options,
        open_postgresql);
const struct ps_source_ops ps_source_yugabytedb = OPS(
    "yugabytedb", "YugabyteDB", "A YugabyteDB cluster, through its PostgreSQL interface (YSQL).",
    yugabytedb_options, open_yugabytedb);
