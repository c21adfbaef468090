/*
 * The postgresql and yugabytedb sources, one code with two names, held to the contract of sources
 * on a real PostgreSQL server: where PENSTOCK_TEST_PG holds the connection string of a database
 * that may be written to; skipped elsewhere. Everything happens in a schema of its own, which is
 * dropped first.
 */
#include "support/unit.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/sources/suite.h"
#include "sources/postgresql/postgresql.h"
#include "support/rows.h"

static const char tables[] =
    "DROP SCHEMA IF EXISTS penstock_contract CASCADE;"
    "CREATE SCHEMA penstock_contract;"
    "SET search_path = penstock_contract;"
    "CREATE TABLE events (id bigint PRIMARY KEY, name text, amount numeric(12,2), ratio float8,"
    " flag boolean, day date, at timestamp, updated_at timestamptz, doc jsonb, raw bytea);"
    "CREATE INDEX ON events (updated_at);"
    "INSERT INTO events SELECT i, nullif('name ' || i, 'name 7'), i * 1.25, i / 3.0, i % 2 = 0,"
    " date '2024-01-01' + i::int, timestamp '2024-01-01' + i * interval '1.000001 s',"
    " CASE WHEN i % 50 = 0 THEN NULL ELSE timestamptz '2024-01-01Z' + i * interval '1 min' END,"
    " jsonb_build_object('i', i), decode(lpad(to_hex(i), 8, '0'), 'hex')"
    " FROM generate_series(1, 3000) i;"
    /* Holes, and rows that have moved to the end of the heap. */
    "DELETE FROM events WHERE id % 17 = 0;"
    "UPDATE events SET updated_at = updated_at + interval '1 day' WHERE id % 13 = 0;"
    "CREATE TABLE \"Pairs \"\"quoted\"\"\" (a int, b varchar(20), c int, PRIMARY KEY (b, a));"
    "INSERT INTO \"Pairs \"\"quoted\"\"\" SELECT i, 'k' || i % 10, i"
    " FROM generate_series(1, 500) i;"
    "CREATE TABLE keyless (a int, updated_at timestamp);"
    "INSERT INTO keyless SELECT i % 5, timestamp '2024-01-01' + i % 7 * interval '1 h'"
    " FROM generate_series(1, 200) i;"
    "CREATE TABLE parts (id int, k int, v varchar(20), updated_at date, PRIMARY KEY (k, id))"
    " PARTITION BY HASH (k);"
    "CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
    "CREATE INDEX ON parts (updated_at);"
    "INSERT INTO parts SELECT i, i % 7, 'v' || i, date '2024-01-01' + i % 60"
    " FROM generate_series(1, 900) i;"
    /* Many rows of one time, keys of several types, rows in no order. */
    "CREATE TABLE ties (a varchar(10), b uuid, c numeric, \"d \"\"' d\" timestamp(6),"
    " updated_at timestamptz NOT NULL, PRIMARY KEY (a, \"d \"\"' d\", b, c));"
    "CREATE INDEX ON ties (updated_at DESC);"
    "INSERT INTO ties SELECT 'it''s' || i % 3, md5(i::text)::uuid, i * 1.50,"
    " timestamp '2024-01-01' + i % 5 * interval '1.000001 s',"
    " timestamptz '2024-01-01Z' + i % 4 * interval '1.000001 min'"
    " FROM generate_series(1, 700) i ORDER BY md5(i::text);"
    /* Numbers that sort otherwise as texts, all of which the server has given long ago; and none.
     */
    "CREATE TABLE counted (id serial PRIMARY KEY, name text,"
    " version xid8 DEFAULT pg_current_xact_id());"
    "CREATE INDEX ON counted (version);"
    "INSERT INTO counted (name, version) SELECT 'n' || i,"
    " CASE WHEN i % 40 <> 0 THEN (i % 120)::text::xid8 END"
    " FROM generate_series(1, 600) i ORDER BY md5(i::text);"
    "ANALYZE;";

static void test_connection_string_is_not_set(void **state)
{
    (void)state;
    skip();
}

/* The server's own word for each of what the source is configured with. */
static struct ps_config *config_from(const struct ps_source_ops *ops, const PGconn *admin)
{
    char host[300], port[300], database[300], user[300], password[300];
    const char *const settings[] = {
        host, port, database, user, password, "schema=penstock_contract", "sslmode=disable", NULL};

    snprintf(host, sizeof host, "host=%s", PQhost(admin));
    snprintf(port, sizeof port, "port=%s", PQport(admin));
    snprintf(database, sizeof database, "database=%s", PQdb(admin));
    snprintf(user, sizeof user, "user=%s", PQuser(admin));
    snprintf(password, sizeof password, "password=%s", PQpass(admin));
    return rows_config(ops, settings);
}

/* A transaction that stays open needs a connection of its own. */
struct writers {
    PGconn *alone, *open;
};

static void run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
}

static void write_counted(void *context, enum contract_write what)
{
    static const char insert[] = "INSERT INTO penstock_contract.counted (name) VALUES ('new')";
    struct writers *writers = context;
    switch (what) {
    case CONTRACT_WRITE_ALONE:
        run(writers->alone, insert);
        break;
    case CONTRACT_WRITE_OPEN:
        run(writers->open, "BEGIN");
        run(writers->open, insert);
        break;
    case CONTRACT_WRITE_COMMIT:
        run(writers->open, "COMMIT");
        break;
    }
}

static int hold_to_contract(const struct ps_source_ops *ops, struct writers *writers)
{
    struct ps_config *config = config_from(ops, writers->alone);
    struct contract_source contract = {.ops = ops,
                                       .config = config,
                                       .torture = true,
                                       .counts_rows = true,
                                       .write = write_counted,
                                       .write_context = writers};
    int failed = contract_source_run(ops->name, &contract);
    rows_config_free(config);
    return failed;
}

static bool make_tables(PGconn *admin)
{
    PGresult *result = PQexec(admin, tables);
    bool made = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!made) {
        fprintf(stderr, "making the tables: %s", PQerrorMessage(admin));
    }
    PQclear(result);
    return made;
}

int main(void)
{
    const char *conninfo = getenv("PENSTOCK_TEST_PG");
    if (conninfo == NULL || conninfo[0] == '\0') {
        const struct CMUnitTest skipped[] = {cmocka_unit_test(test_connection_string_is_not_set)};
        return cmocka_run_group_tests(skipped, NULL, NULL);
    }
    int failed = 1;
    struct writers writers = {PQconnectdb(conninfo), PQconnectdb(conninfo)};
    if (make_tables(writers.alone)) {
        failed = hold_to_contract(&ps_source_postgresql, &writers);
        failed += hold_to_contract(&ps_source_yugabytedb, &writers);
    }
    PQfinish(writers.open);
    PQfinish(writers.alone);
    return failed;
}
