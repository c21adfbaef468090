/* What a server says of itself: version and dialect, replica, pooler, encoding. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "sources/postgresql/link.h"

#define VERSION_LEAST 110000
#define YUGABYTE_MARK "-YB-"

bool server_is_yugabyte(const char *version)
{
    return strstr(version, YUGABYTE_MARK) != NULL;
}

void server_name(const char *version, char *ret_name, size_t size)
{
    static const char postgresql[] = "PostgreSQL ";
    const char *number = version;
    if (strncmp(version, postgresql, sizeof postgresql - 1) == 0) {
        number += sizeof postgresql - 1;
    }
    int length = (int)strcspn(number, " ,");
    const char *mark = strstr(number, YUGABYTE_MARK);
    if (mark != NULL && mark < number + length) {
        const char *own = mark + sizeof YUGABYTE_MARK - 1;
        (void)snprintf(ret_name, size, "YugabyteDB %.*s, which speaks PostgreSQL %.*s",
                       (int)(number + length - own), own, (int)(mark - number), number);
    } else if (number != version) {
        (void)snprintf(ret_name, size, "PostgreSQL %.*s", length, number);
    } else {
        (void)snprintf(ret_name, size, "%.80s", version);
    }
    for (char *byte = ret_name; *byte != '\0'; byte++) {
        if ((unsigned char)*byte < ' ') {
            *byte = '?';
        }
    }
}

void server_clean(char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = ps_utf8_length((const uint8_t *)text, left);
        if (length == 0) {
            *text = '?';
            length = 1;
        }
        text += length;
        left -= length;
    }
}

static void write_about(struct link *link, const char *version)
{
    char name[96];
    const char *protocol = PQsslInUse(link->conn) ? PQsslAttribute(link->conn, "protocol") : NULL;
    server_name(version, name, sizeof name);
    (void)snprintf(link->about, sizeof link->about, "%s%s, %s", name,
                   link->recovery ? ", a replica" : "",
                   protocol != NULL                 ? protocol
                   : PQgssEncInUse(link->conn) != 0 ? "encrypted by Kerberos"
                                                    : "not encrypted");
}

static enum ps_status check_version(const struct link *link, struct ps_error *err)
{
    int version = link->version;
    if (version >= VERSION_LEAST) {
        return PS_OK;
    }
    /* Up to 9.6 the first two numbers are the release: 90624. */
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "the server at %s is PostgreSQL %d.%d: version 11 or later is needed. Upgrade "
                   "it, or read from a newer one",
                   link->settings->target, version / 10000,
                   version < 100000 ? version / 100 % 100 : version % 10000);
}

enum ps_status link_learn(struct link *link, struct ps_error *err)
{
    char sql[1024];
    int pid = PQbackendPID(link->conn);
    PGresult *result = NULL;
    link->version = PQserverVersion(link->conn);
    enum ps_status status = check_version(link, err);
    if (status != PS_OK) {
        return status;
    }
    /*
     * A pooler answers with a number of its own. There a setting of the session would stay with
     * the server's process, for whoever gets it next; every transaction of ours is READ ONLY
     * anyhow.
     */
    (void)snprintf(
        sql, sizeof sql,
        "SELECT pg_catalog.version(), pg_catalog.pg_is_in_recovery(),"
        " pg_catalog.pg_backend_pid(), CASE WHEN pg_catalog.pg_backend_pid() = %d THEN"
        " pg_catalog.set_config('default_transaction_read_only', 'on', false) END,"
        " pg_catalog.has_function_privilege('pg_catalog.pg_export_snapshot()', 'EXECUTE'),"
        " pg_catalog.has_table_privilege('pg_catalog.pg_locks', 'SELECT'),"
        " pg_catalog.has_table_privilege('pg_catalog.pg_stats', 'SELECT'),"
        /* There from version 13 on; what is not there has no oid, and then this is NULL. */
        " pg_catalog.has_function_privilege("
        "pg_catalog.to_regproc('pg_catalog.pg_current_snapshot'), 'EXECUTE')",
        pid);
    status = link_query_alone(link, sql, "asking for the version", &result, err);
    if (status != PS_OK) {
        return status;
    }
    const char *encoding = PQparameterStatus(link->conn, "server_encoding");
    link->yugabyte = server_is_yugabyte(PQgetvalue(result, 0, 0));
    link->recovery = *PQgetvalue(result, 0, 1) == 't';
    link->pooled = strtol(PQgetvalue(result, 0, 2), NULL, 10) != pid;
    link->may_export = *PQgetvalue(result, 0, 4) == 't';
    link->may_see_locks = *PQgetvalue(result, 0, 5) == 't';
    link->may_see_statistics = *PQgetvalue(result, 0, 6) == 't';
    link->counts = *PQgetvalue(result, 0, 7) == 't' && !link->yugabyte;
    link->sql_ascii = encoding != NULL && strcmp(encoding, "SQL_ASCII") == 0;
    write_about(link, PQgetvalue(result, 0, 0));
    PQclear(result);
    return PS_OK;
}
