/*
 * The postgresql and yugabytedb sources held to the contract of sources, on the server that
 * PENSTOCK_TEST_PG names (see test_postgresql.c); skipped elsewhere.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "contract/sources/suite.h"
#include "sources/postgresql/postgresql.h"
#include "support/rows.h"

static const char setup_sql[] =
    "SET client_min_messages = error; DROP SCHEMA IF EXISTS penstock_contract CASCADE;"
    "CREATE SCHEMA penstock_contract; SET search_path = penstock_contract;"
    "CREATE TABLE people (id int8 PRIMARY KEY, name text, born date, score numeric(12,4), raw"
    " numeric, ok bool, u uuid, j jsonb, tags text[], bytes bytea, f4 float4, f8 float8, updated_at"
    " timestamptz);"
    "INSERT INTO people SELECT i, 'nàme ' || i, DATE '2000-01-01' + i, i / 8.0, i / 16.0, i % 2 = "
    "0,"
    " md5(i::text)::uuid, jsonb_build_object('i', i), ARRAY['a', i::text], decode(md5(i::text),"
    " 'hex'), i / 3.0, i / 7.0, CASE WHEN i % 10 > 0 THEN now() - i * interval '1 minute' END"
    " FROM generate_series(1, 3000) i;"
    "CREATE TABLE \"No Key\" AS SELECT i % 100 AS \"a B\", repeat('é', i % 50) AS t, "
    "now()::timestamp"
    " + i * interval '1 s' AS \"Updated_At\" FROM generate_series(1, 700) i;"
    "CREATE TABLE parts (id int4, k int4, v varchar(20), updated_at date, PRIMARY KEY (k, id))"
    " PARTITION BY HASH (k);"
    "CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1);"
    "INSERT INTO parts SELECT i, i % 7, 'v' || i, DATE '2024-01-01' + i % 60 FROM"
    " generate_series(1, 900) i; ANALYZE";

static int run_contract(const struct ps_source_ops *ops, PGconn *admin)
{
    char host[160], port[32], database[160], user[160], password[160];
    (void)snprintf(host, sizeof host, "host=%s", PQhost(admin));
    (void)snprintf(port, sizeof port, "port=%s", PQport(admin));
    (void)snprintf(database, sizeof database, "database=%s", PQdb(admin));
    (void)snprintf(user, sizeof user, "user=%s", PQuser(admin));
    (void)snprintf(password, sizeof password, "password=%s", PQpass(admin));
    const char *const settings[] = {
        host, port, database, user, password, "schema=penstock_contract", "sslmode=disable", NULL};
    struct ps_config *config = rows_config(ops, settings);
    struct contract_source contract = {
        .ops = ops, .config = config, .torture = true, .counts_rows = true};
    int failed = contract_source_run(ops->name, &contract);
    rows_config_free(config);
    return failed;
}

int main(void)
{
    const char *conninfo = getenv("PENSTOCK_TEST_PG");
    if (conninfo == NULL) {
        (void)puts("skipped: PENSTOCK_TEST_PG names no server");
        return 0;
    }
    PGconn *admin = PQconnectdb(conninfo);
    PGresult *result = PQexec(admin, setup_sql);
    int failed = 1;
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
        failed =
            run_contract(&ps_source_postgresql, admin) + run_contract(&ps_source_yugabytedb, admin);
    } else {
        (void)fprintf(stderr, "%s", PQerrorMessage(admin));
    }
    PQclear(result);
    PQfinish(admin);
    return failed;
}
