/*
 * The postgresql source against a real server: run where PENSTOCK_TEST_PG holds the connection
 * string of a superuser's database that may be written to; skipped elsewhere. Everything happens in
 * a schema and with a role of its own, which are dropped first.
 */
#include "support/unit.h"

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "config/options.h"
#include "sources/postgresql/postgresql.h"

#define SCHEMA "penstock Test"

static PGconn *admin; /* the writer beside us */
static char host[128], port[16], database[128], user[128], password[128];

static void run_on(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    }
    PQclear(result);
}

static void run(const char *sql)
{
    run_on(admin, sql);
}

/* One connected source with its configuration. */
struct fixture {
    struct ps_settings settings;
    struct ps_config *config;
    struct ps_source *source;
    struct ps_arena *arena;
    struct ps_table_list list;
};

static void add_setting(struct fixture *fixture, const char *key, const char *value)
{
    struct ps_error err = {0};
    assert_int_equal(ps_settings_add(&fixture->settings, key, value, &err), PS_OK);
}

/* `more`: pairs of key and value, ended by NULL. */
static void fixture_config(struct fixture *fixture, const char *login, const char *const *more)
{
    struct ps_error err = {0};
    memset(fixture, 0, sizeof *fixture);
    add_setting(fixture, "host", host);
    add_setting(fixture, "port", port);
    add_setting(fixture, "database", database);
    add_setting(fixture, "user", login);
    add_setting(fixture, "password", password);
    add_setting(fixture, "schema", "penstock T*");
    for (; *more != NULL; more += 2) {
        add_setting(fixture, more[0], more[1]);
    }
    const struct ps_option *const tables[] = {ps_source_postgresql.options, NULL};
    assert_int_equal(ps_config_new(&fixture->settings, tables, NULL, &fixture->config, &err),
                     PS_OK);
    fixture->arena = ps_arena_new((size_t)64 << 20);
    fixture->list.arena = fixture->arena;
}

static void fixture_open_with(struct fixture *fixture, const char *login, const char *const *more)
{
    struct ps_error err = {0};
    fixture_config(fixture, login, more);
    struct ps_source_request request = {.config = fixture->config};
    if (ps_source_postgresql.open(&request, &fixture->source, &err) != PS_OK) {
        fail_msg("%s", err.message);
    }
}

static void fixture_open(struct fixture *fixture, const char *login)
{
    fixture_open_with(fixture, login, (const char *const[]){NULL});
}

/* The socket of this process that leads to the server, but for the one beside us. */
static int server_socket(void)
{
    for (int fd = 3; fd < 1024; fd++) {
        struct sockaddr_in peer;
        socklen_t size = sizeof peer;
        if (fd != PQsocket(admin) && getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
            peer.sin_family == AF_INET && ntohs(peer.sin_port) == strtoul(port, NULL, 10)) {
            return fd;
        }
    }
    fail_msg("no connection to the server");
    return -1;
}

static int socket_option(int fd, int level, int name)
{
    int value = -1;
    socklen_t size = sizeof value;
    assert_int_equal(getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

static void fixture_close(struct fixture *fixture)
{
    ps_source_postgresql.close(fixture->source);
    ps_config_free(fixture->config);
    ps_settings_done(&fixture->settings);
    ps_arena_free(fixture->arena);
}

static void ok(enum ps_status status, const struct ps_error *err)
{
    if (status != PS_OK) {
        fail_msg("%s: %s", ps_status_name(status), err->message);
    }
}

/* Lists, describes all, and gives the named one; NULL: not listed. */
static struct ps_table *described(struct fixture *fixture, const char *name)
{
    struct ps_error err = {0};
    struct ps_table *found = NULL;
    fixture->list = (struct ps_table_list){.arena = fixture->arena};
    ok(ps_source_postgresql.list_tables(fixture->source, &fixture->list, &err), &err);
    for (size_t i = 0; i < fixture->list.tables_count; i++) {
        struct ps_table *table = fixture->list.tables[i];
        ok(ps_source_postgresql.describe(fixture->source, fixture->arena, table, &err), &err);
        if (strcmp(table->name, name) == 0) {
            found = table;
        }
    }
    return found;
}

static bool warned(const struct fixture *fixture, const char *text)
{
    for (size_t i = 0; i < fixture->list.warnings_count; i++) {
        if (strstr(fixture->list.warnings[i], text) != NULL) {
            return true;
        }
    }
    return false;
}

struct read {
    uint32_t columns[64];
    struct ps_read_request request;
    struct ps_reader *reader;
    struct ps_batch *batch;
    uint64_t rows, bad;
};

static enum ps_status read_open(struct read *read, struct ps_source *source,
                                const struct ps_table *table, const struct ps_window *window,
                                struct ps_error *err)
{
    memset(read, 0, sizeof *read);
    for (uint32_t i = 0; i < table->columns_count; i++) {
        read->columns[i] = i;
    }
    read->request = (struct ps_read_request){.table = table,
                                             .columns = read->columns,
                                             .columns_count = table->columns_count,
                                             .window = window,
                                             .value_bytes_max = 1 << 20};
    struct ps_batch_shape shape = {.table = table,
                                   .columns = read->columns,
                                   .columns_count = table->columns_count,
                                   .rows_max = 5000,
                                   .bytes_max = 1 << 20};
    ok(ps_batch_new(&shape, &read->batch, err), err);
    return ps_source_postgresql.reader_open(source, &read->request, &read->reader, err);
}

static enum ps_status read_rest(struct read *read, struct ps_error *err)
{
    for (;;) {
        ps_batch_reset(read->batch);
        enum ps_status status = ps_source_postgresql.reader_next(read->reader, read->batch, err);
        if (status != PS_OK) {
            return status;
        }
        read->rows += read->batch->rows;
        read->bad += read->batch->bad_rows;
    }
}

static void read_close(struct read *read)
{
    ps_source_postgresql.reader_close(read->reader);
    ps_batch_free(read->batch);
}

static uint64_t count_rows(struct ps_source *source, const struct ps_table *table,
                           const struct ps_window *window)
{
    struct read read;
    struct ps_error err = {0};
    ok(read_open(&read, source, table, window, &err), &err);
    enum ps_status status = read_rest(&read, &err);
    if (status != PS_END) {
        fail_msg("%s: %s", ps_status_name(status), err.message);
    }
    read_close(&read);
    return read.rows;
}

static const char setup_sql[] =
    "DROP SCHEMA IF EXISTS \"" SCHEMA "\" CASCADE;"
    "CREATE SCHEMA \"" SCHEMA "\"; SET search_path = \"" SCHEMA "\";"
    "DO $$ BEGIN CREATE ROLE penstock_low LOGIN; EXCEPTION WHEN duplicate_object"
    " THEN NULL; END $$; GRANT USAGE ON SCHEMA \"" SCHEMA "\" TO penstock_low;"
    "CREATE DOMAIN price AS numeric(8,2); CREATE TYPE mood AS ENUM ('sad', 'o''k');"
    "CREATE TABLE types (id int8 PRIMARY KEY, b bool, i2 int2, i4 int4, f4 float4, f8 float8,"
    " n numeric(12,4), n0 numeric, n38 numeric(38,38), neg numeric(5,-2), p price, t text,"
    " v varchar(10), c char(4), nm name, d date, ts timestamp, tz timestamptz, u uuid, by bytea,"
    " j json, jb jsonb, x xml, a int[], m mood, iv interval, ti time, ip inet, mo money,"
    " g int4 GENERATED ALWAYS AS (i4 * 2) STORED, \"Od\"\"d %s \\ Näme\" text);"
    "INSERT INTO types VALUES (1, true, -2, 3, 1.5, 0.1, -123456.789, 1e30, 0.5, 12300, 9.99,"
    " 'tëxt', 'v', 'ab', 'nm', '1970-01-01', '1969-12-31 23:59:59.999999',"
    " '2024-02-29 12:00+02', '00112233-4455-6677-8899-aabbccddeeff', '\\x0001ff', '{\"a\": 1}',"
    " '{\"a\": 1}', '<a>x</a>', '{1,NULL,3}', 'o''k', '1 mon', '24:00', '10.0.0.1', 1234.5,"
    " DEFAULT, 'odd');"
    "INSERT INTO types (id) VALUES (2);"
    "INSERT INTO types (id, d) VALUES (3, '0044-03-15 BC'), (4, 'infinity'), (5, '12345-01-01');"
    "INSERT INTO types (id, ts) VALUES (6, '-infinity'); INSERT INTO types (id, n) VALUES"
    " (7, 'NaN');"
    "CREATE TABLE \"it's \"\"T\"\".x\" (\"A b\" int4, dropped int4, updated_at timestamptz NOT"
    " NULL); ALTER TABLE \"it's \"\"T\"\".x\" DROP COLUMN dropped; CREATE UNIQUE INDEX ON"
    " \"it's \"\"T\"\".x\" (updated_at); INSERT INTO \"it's \"\"T\"\".x\" VALUES (1,"
    " '2024-01-01 00:00:00.000001+00'), (2, '2024-01-02+00');"
    "CREATE TABLE empty_columns (); INSERT INTO empty_columns DEFAULT VALUES;"
    "CREATE TABLE parts (id int4, k int4, PRIMARY KEY (k, id)) PARTITION BY RANGE (k);"
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);"
    "INSERT INTO parts SELECT i, i % 20 FROM generate_series(1, 1000) i;"
    "CREATE TABLE parent (id int4 PRIMARY KEY); CREATE TABLE child () INHERITS (parent);"
    "INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1), (2);"
    "CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS one WITH NO DATA;"
    "CREATE MATERIALIZED VIEW filled AS SELECT 1 AS one;"
    "CREATE TABLE hidden (id int4 PRIMARY KEY); ALTER TABLE hidden ENABLE ROW LEVEL SECURITY;"
    "CREATE TABLE secret (id int4 PRIMARY KEY);"
    "CREATE TABLE big AS SELECT i AS id, repeat('x', 100) AS t FROM generate_series(1, 200000) i;"
    "CREATE TABLE moving AS SELECT i AS id, i AS v FROM generate_series(1, 100) i;"
    "CREATE VIEW a_view AS SELECT 1 AS one;"
    "GRANT SELECT ON ALL TABLES IN SCHEMA \"" SCHEMA "\" TO penstock_low;"
    "REVOKE SELECT ON secret FROM penstock_low;";

static int set_up(void **state)
{
    (void)state;
    const char *conninfo = getenv("PENSTOCK_TEST_PG");
    if (conninfo == NULL || conninfo[0] == '\0') {
        return 0;
    }
    admin = PQconnectdb(conninfo);
    if (PQstatus(admin) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(admin));
        return -1;
    }
    (void)snprintf(host, sizeof host, "%s", PQhost(admin));
    (void)snprintf(port, sizeof port, "%s", PQport(admin));
    (void)snprintf(database, sizeof database, "%s", PQdb(admin));
    (void)snprintf(user, sizeof user, "%s", PQuser(admin));
    (void)snprintf(password, sizeof password, "%s", PQpass(admin));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    PQfinish(admin);
    return 0;
}

static int fresh(void **state)
{
    (void)state;
    if (admin != NULL) {
        run("SET client_min_messages = error");
        run(setup_sql);
        /* The low login shares the password, so that one setting serves both. */
        char sql[300];
        char *literal = PQescapeLiteral(admin, password, strlen(password));
        (void)snprintf(sql, sizeof sql, "ALTER ROLE penstock_low PASSWORD %s", literal);
        PQfreemem(literal);
        run(sql);
    }
    return 0;
}

#define NEEDS_SERVER()                                                                             \
    if (admin == NULL) {                                                                           \
        skip();                                                                                    \
    }

static const struct ps_column *column(const struct ps_table *table, const char *name)
{
    int32_t at = ps_table_column(table, name);
    assert_true(at >= 0);
    return &table->columns[at];
}

static void test_discovery_finds_tables_and_says_what_is_left_out(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    fixture_open(&fixture, "penstock_low");
    struct ps_table *types = described(&fixture, "types");
    assert_non_null(types);
    assert_int_equal(types->keys_count, 1);
    assert_int_equal(column(types, "id")->key_position, 1);
    assert_true(column(types, "id")->indexed);
    assert_int_equal(column(types, "n")->type, PS_TYPE_DECIMAL);
    assert_int_equal(column(types, "n")->precision, 12);
    assert_int_equal(column(types, "n0")->type, PS_TYPE_STRING);
    assert_int_equal(column(types, "neg")->type, PS_TYPE_DECIMAL);
    assert_int_equal(column(types, "neg")->precision, 7);
    assert_int_equal(column(types, "a")->type, PS_TYPE_JSON);
    assert_int_equal(column(types, "p")->type, PS_TYPE_DECIMAL);
    assert_int_equal(column(types, "p")->scale, 2);
    assert_string_equal(column(types, "n")->source_type, "numeric(12,4)");
    assert_true(column(types, "j")->json_valid);
    assert_true(warned(&fixture, "GRANT SELECT ON \"" SCHEMA "\".\"secret\" TO \"penstock_low\""));
    assert_true(warned(&fixture, "hidden is left out: row-level security"));
    assert_true(warned(&fixture, "REFRESH MATERIALIZED VIEW"));
    assert_true(warned(&fixture, "parent is read with the rows of the tables that inherit"));
    assert_null(described(&fixture, "secret"));
    assert_null(described(&fixture, "a_view"));
    assert_null(described(&fixture, "child"));
    assert_null(described(&fixture, "parts_1"));
    const struct ps_table *parts = described(&fixture, "parts");
    assert_int_equal(parts->kind, PS_TABLE_PARTITIONED);
    assert_int_equal(column(parts, "k")->key_position, 1);
    assert_int_equal(column(parts, "id")->key_position, 2);
    /* Itself, then each partition with its file. */
    assert_non_null(strchr(parts->incarnation, ','));
    assert_non_null(strchr(parts->incarnation, ':'));
    assert_true(parts->rows_estimate > 0);
    assert_int_equal(described(&fixture, "parent")->keys_count, 0);
    const struct ps_table *odd = described(&fixture, "it's \"T\".x");
    assert_int_equal(odd->columns_count, 2);
    assert_int_equal(column(odd, "updated_at")->key_position, 1);
    assert_int_equal(described(&fixture, "big")->keys_count, 0);
    assert_in_range(described(&fixture, "big")->rows_estimate, 100000, 400000);
    fixture_close(&fixture);
}

/* The catalog is read for that one table alone then: its partitions are looked at all the same. */
static void test_table_that_is_described_again_is_what_it_was(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    fixture_open(&fixture, user);
    static const char *const names[] = {"parts", "parent", "types", "filled"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct ps_error err = {0};
        const struct ps_table first = *described(&fixture, names[i]);
        struct ps_table again = {.schema = first.schema, .name = first.name};
        ok(ps_source_postgresql.describe(fixture.source, fixture.arena, &again, &err), &err);
        assert_int_equal(again.columns_count, first.columns_count);
        assert_int_equal(again.keys_count, first.keys_count);
        assert_int_equal(again.kind, first.kind);
        assert_string_equal(again.incarnation, first.incarnation);
    }
    fixture_close(&fixture);
}

static void assert_text(const struct ps_batch *batch, const struct ps_table *table,
                        const char *name, uint32_t row, const char *expected)
{
    size_t size;
    int32_t at = ps_table_column(table, name);
    assert_true(at >= 0);
    assert_true(ps_vector_is_valid(&batch->vectors[at], row));
    const uint8_t *bytes = ps_vector_bytes(&batch->vectors[at], row, &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(bytes, expected, size);
}

#define VALUE(ctype, name, row)                                                                    \
    (((const ctype *)read.batch->vectors[ps_table_column(types, name)].values)[row])

static void test_read_gives_every_value_of_every_type(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    struct ps_error err = {0};
    struct read read;
    fixture_open(&fixture, user);
    const struct ps_table *types = described(&fixture, "types");
    ok(read_open(&read, fixture.source, types, NULL, &err), &err);
    ok(ps_source_postgresql.reader_next(read.reader, read.batch, &err), &err);
    assert_int_equal(read.batch->rows, 2);
    assert_int_equal(read.batch->bad_rows, 5);
    assert_int_equal(VALUE(int64_t, "id", 0), 1);
    assert_int_equal(VALUE(uint8_t, "b", 0), 1);
    assert_int_equal(VALUE(int16_t, "i2", 0), -2);
    assert_true(VALUE(double, "f8", 0) == 0.1);
    assert_true(VALUE(ps_int128, "n", 0) == -1234567890);
    assert_int_equal(VALUE(int32_t, "d", 0), 0);
    assert_int_equal(VALUE(struct ps_timestamp, "ts", 0).seconds, -1);
    assert_int_equal(VALUE(struct ps_timestamp, "ts", 0).nanos, 999999000);
    assert_int_equal(VALUE(struct ps_timestamp, "tz", 0).seconds, 1709200800);
    assert_int_equal(VALUE(int32_t, "g", 0), 6);
    assert_true(VALUE(ps_int128, "p", 0) == 999);
    assert_text(read.batch, types, "n0", 0, "1000000000000000000000000000000");
    assert_true(VALUE(ps_int128, "neg", 0) == 12300);
    assert_text(read.batch, types, "t", 0, "tëxt");
    assert_text(read.batch, types, "c", 0, "ab  ");
    assert_text(read.batch, types, "nm", 0, "nm");
    assert_text(read.batch, types, "u", 0, "00112233-4455-6677-8899-aabbccddeeff");
    assert_text(read.batch, types, "j", 0, "{\"a\": 1}");
    assert_text(read.batch, types, "jb", 0, "{\"a\": 1}");
    assert_text(read.batch, types, "x", 0, "<a>x</a>");
    assert_text(read.batch, types, "a", 0, "[1,null,3]");
    assert_text(read.batch, types, "m", 0, "o'k");
    assert_text(read.batch, types, "iv", 0, "1 mon");
    assert_text(read.batch, types, "ti", 0, "24:00:00");
    assert_text(read.batch, types, "ip", 0, "10.0.0.1");
    assert_text(read.batch, types, "mo", 0, "1234.50");
    assert_text(read.batch, types, "Od\"d %s \\ Näme", 0, "odd");
    for (uint32_t i = 1; i < types->columns_count; i++) {
        assert_false(ps_vector_is_valid(&read.batch->vectors[i], 1));
    }
    ps_batch_reset(read.batch);
    assert_int_equal(ps_source_postgresql.reader_next(read.reader, read.batch, &err), PS_END);
    read_close(&read);
    assert_int_equal(count_rows(fixture.source, described(&fixture, "empty_columns"), NULL), 1);
    assert_int_equal(count_rows(fixture.source, described(&fixture, "parts"), NULL), 1000);
    assert_int_equal(count_rows(fixture.source, described(&fixture, "parent"), NULL), 3);
    assert_int_equal(count_rows(fixture.source, described(&fixture, "filled"), NULL), 1);
    assert_int_equal(count_rows(fixture.source, described(&fixture, "big"), NULL), 200000);
    fixture_close(&fixture);
}

static void test_window_takes_its_edge_and_nulls(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    fixture_open(&fixture, user);
    const struct ps_table *odd = described(&fixture, "it's \"T\".x");
    struct ps_window window = {
        .column = 1,
        .lower = {.type = PS_TYPE_UTC_DATETIME, .present = true, .time = {1704067200, 1999}}};
    assert_int_equal(count_rows(fixture.source, odd, &window), 2);
    window.lower.time.nanos = 2000;
    assert_int_equal(count_rows(fixture.source, odd, &window), 1);
    window.lower.present = false;
    assert_int_equal(count_rows(fixture.source, odd, &window), 2);
    const struct ps_table *types = described(&fixture, "types");
    window =
        (struct ps_window){.column = (uint32_t)ps_table_column(types, "d"),
                           .lower = {.type = PS_TYPE_NAIVE_DATE, .present = true, .integer = 1}};
    assert_int_equal(count_rows(fixture.source, types, &window), 1); /* the NULL one; bad: 2 */
    fixture_close(&fixture);
}

static void test_snapshot_is_shared_and_then_gone(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture one, two;
    struct ps_error err = {0};
    const char *name = NULL;
    fixture_open(&one, user);
    fixture_open(&two, user);
    const struct ps_table *moving = described(&one, "moving");
    ok(ps_source_postgresql.pin(one.source, NULL, &err), &err);
    ok(ps_source_postgresql.snapshot_name(one.source, &name, &err), &err);
    run("INSERT INTO moving VALUES (101, 101)");
    ok(ps_source_postgresql.pin(two.source, name, &err), &err);
    assert_int_equal(count_rows(two.source, moving, NULL), 100);
    assert_int_equal(count_rows(one.source, moving, NULL), 100);
    ok(ps_source_postgresql.pin(two.source, NULL, &err), &err);
    assert_int_equal(count_rows(two.source, moving, NULL), 101);
    char kept[64];
    (void)snprintf(kept, sizeof kept, "%s", name);
    ok(ps_source_postgresql.pin(one.source, NULL, &err), &err);
    assert_int_equal(ps_source_postgresql.pin(two.source, kept, &err), PS_SNAPSHOT_GONE);
    assert_int_equal(ps_source_postgresql.pin(two.source, "no'such\\one", &err), PS_SNAPSHOT_GONE);
    fixture_close(&one);
    fixture_close(&two);
}

/* After a pin the statement is run by somebody else; the read must say that the table changed. */
static void assert_schema_after(const char *name, const char *sql)
{
    struct fixture fixture;
    struct ps_error err = {0};
    struct read read;
    fixture_open(&fixture, user);
    struct ps_table *table = described(&fixture, name);
    ok(ps_source_postgresql.pin(fixture.source, NULL, &err), &err);
    run(sql);
    enum ps_status status = read_open(&read, fixture.source, table, NULL, &err);
    if (status == PS_OK) {
        status = read_rest(&read, &err);
    }
    if (status != PS_SCHEMA) {
        fail_msg("%s: %s", sql, ps_status_name(status));
    }
    read_close(&read);
    /* Described while the old point in time is still held: it must be the table of now. */
    status = ps_source_postgresql.describe(fixture.source, fixture.arena, table, &err);
    if (status == PS_OK) {
        ok(ps_source_postgresql.pin(fixture.source, NULL, &err), &err);
        (void)count_rows(fixture.source, table, NULL);
    } else {
        assert_int_equal(status, PS_SCHEMA);
    }
    fixture_close(&fixture);
}

static enum ps_status count(struct fixture *fixture, const char *name, int64_t *ret_rows,
                            struct ps_error *err)
{
    const struct ps_count_request request = {.table = described(fixture, name)};
    assert_non_null(request.table);
    return ps_source_postgresql.count(fixture->source, &request, ret_rows, err);
}

static void test_count_blames_the_table_for_what_fails_behind_it(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    struct ps_error err = {0};
    int64_t rows = 0;
    run("CREATE FUNCTION fails() RETURNS int LANGUAGE plpgsql AS"
        " $$ BEGIN EXECUTE 'SELECT FROM FROM'; RETURN 1; END $$;"
        "CREATE VIEW failing AS SELECT 1 AS one WHERE fails() > 0;"
        "CREATE EXTENSION postgres_fdw; CREATE SERVER penstock_gone FOREIGN DATA WRAPPER"
        " postgres_fdw OPTIONS (host '127.0.0.1', port '1');"
        "CREATE USER MAPPING FOR CURRENT_USER SERVER penstock_gone;"
        "CREATE FOREIGN TABLE far () INHERITS (parent) SERVER penstock_gone");
    fixture_open_with(&fixture, user, (const char *const[]){"include_views", "true", NULL});
    assert_int_equal(count(&fixture, "failing", &rows, &err), PS_DATA);
    assert_string_equal(err.sqlstate, "42601");
    fixture_close(&fixture);
    fixture_open(&fixture, user);
    assert_int_equal(count(&fixture, "parent", &rows, &err), PS_DATA);
    assert_string_equal(err.sqlstate, "08001");
    fixture_close(&fixture);
    fixture_open(&fixture, user);
    ok(count(&fixture, "parts", &rows, &err), &err);
    assert_int_equal(rows, 1000);
    /* A session of ours that is lost is nobody's fault. */
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND"
        " application_name LIKE 'penstock%'");
    assert_int_equal(count(&fixture, "parts", &rows, &err), PS_RETRY);
    fixture_close(&fixture);
}

static void test_changes_behind_the_point_in_time_are_seen(void **state)
{
    (void)state;
    NEEDS_SERVER();
    assert_schema_after("moving", "TRUNCATE moving");
    assert_schema_after("moving", "ALTER TABLE moving ALTER v TYPE int8");
    assert_schema_after("moving", "ALTER TABLE moving DROP COLUMN v");
    assert_schema_after("moving", "ALTER TABLE moving RENAME TO moved;"
                                  "CREATE TABLE moving AS SELECT * FROM moved");
    assert_schema_after("moving", "DROP TABLE moving");
    assert_schema_after("parts", "TRUNCATE parts_1");
    assert_schema_after("filled", "REFRESH MATERIALIZED VIEW filled");
}

static void test_cancel_ends_a_read_and_the_point_in_time_stays(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    struct ps_error err = {0};
    struct read read;
    fixture_open(&fixture, user);
    const struct ps_table *big = described(&fixture, "big");
    ok(ps_source_postgresql.pin(fixture.source, NULL, &err), &err);
    run("DELETE FROM big WHERE id <= 1000");
    ok(read_open(&read, fixture.source, big, NULL, &err), &err);
    ok(ps_source_postgresql.reader_next(read.reader, read.batch, &err), &err);
    ps_source_postgresql.reader_cancel(read.reader);
    assert_int_equal(read_rest(&read, &err), PS_CANCELED);
    read_close(&read);
    assert_int_equal(count_rows(fixture.source, big, NULL), 200000);
    /* Closed in the middle, without a cancel. */
    ok(read_open(&read, fixture.source, big, NULL, &err), &err);
    ok(ps_source_postgresql.reader_next(read.reader, read.batch, &err), &err);
    read_close(&read);
    ok(read_open(&read, fixture.source, big, NULL, &err), &err);
    read_close(&read);
    assert_int_equal(count_rows(fixture.source, big, NULL), 200000);
    fixture_close(&fixture);
}

static void test_horizon_follows_the_oldest_transaction_but_our_own(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture one, two, low;
    struct ps_error err = {0};
    struct ps_now before, now;
    fixture_open(&one, user);
    fixture_open(&two, user);
    fixture_open(&low, "penstock_low");
    ok(ps_source_postgresql.pin(two.source, NULL, &err), &err);
    run("SELECT pg_sleep(1.1)");
    ok(ps_source_postgresql.now(one.source, &before, &err), &err);
    assert_true(before.horizon_known);
    assert_int_equal(before.utc.seconds - before.horizon_utc.seconds, 1);
    run("BEGIN");
    run("SELECT pg_sleep(2.2)");
    ok(ps_source_postgresql.now(one.source, &now, &err), &err);
    assert_in_range(now.utc.seconds - now.horizon_utc.seconds, 3, 4);
    assert_in_range(now.local.seconds - now.horizon_local.seconds, 3, 4);
    ok(ps_source_postgresql.now(low.source, &now, &err), &err);
    assert_false(now.horizon_known);
    assert_non_null(strstr(now.horizon_unknown_reason, "GRANT pg_read_all_stats TO"));
    run("ROLLBACK");
    fixture_close(&one);
    fixture_close(&two);
    fixture_close(&low);
}

/* A number is a session's at one server, whichever hosts were named to find it. */
static void test_own_sessions_are_known_by_the_server_that_answered(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture one, listed;
    struct ps_error err = {0};
    struct ps_now now;
    char hosts[256];
    (void)snprintf(hosts, sizeof hosts, "127.0.0.1:1,%s:%s", host, port);
    fixture_open(&one, user);
    fixture_open_with(&listed, user, (const char *const[]){"host", hosts, NULL});
    ok(ps_source_postgresql.pin(listed.source, NULL, &err), &err);
    run("SELECT pg_sleep(2.2)");
    ok(ps_source_postgresql.now(one.source, &now, &err), &err);
    assert_true(now.horizon_known);
    assert_int_equal(now.utc.seconds - now.horizon_utc.seconds, 1);
    fixture_close(&one);
    fixture_close(&listed);
}

static void test_lost_connection_is_retryable_and_comes_back(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct fixture fixture;
    struct ps_error err = {0};
    struct read read;
    fixture_open(&fixture, user);
    const struct ps_table *big = described(&fixture, "big");
    ok(ps_source_postgresql.pin(fixture.source, NULL, &err), &err);
    ok(read_open(&read, fixture.source, big, NULL, &err), &err);
    run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ="
        " 'penstock'");
    assert_int_equal(read_rest(&read, &err), PS_RETRY);
    read_close(&read);
    assert_int_equal(read_open(&read, fixture.source, big, NULL, &err), PS_RETRY);
    read_close(&read);
    ok(ps_source_postgresql.pin(fixture.source, NULL, &err), &err);
    assert_int_equal(count_rows(fixture.source, big, NULL), 200000);
    fixture_close(&fixture);
}

static enum ps_status setup_test(const char *login, const char *changed, const char *value,
                                 const char *name, struct ps_error *err)
{
    struct fixture fixture;
    fixture_config(&fixture, login, (const char *const[]){NULL});
    if (changed != NULL) {
        ps_config_free(fixture.config);
        const struct ps_option *const tables[] = {ps_source_postgresql.options, NULL};
        for (size_t i = 0; i < fixture.settings.count; i++) {
            if (strcmp(fixture.settings.entries[i].key, changed) == 0) {
                fixture.settings.entries[i].value = value;
            }
        }
        ok(ps_config_new(&fixture.settings, tables, NULL, &fixture.config, err), err);
    }
    struct ps_source_request request = {.config = fixture.config};
    enum ps_status status = ps_source_postgresql.test(&request, name, err);
    fixture_close(&fixture);
    return status;
}

static void test_setup_tests_say_what_to_do(void **state)
{
    (void)state;
    NEEDS_SERVER();
    struct ps_error err = {0};
    ok(setup_test(user, NULL, NULL, "connect", &err), &err);
    ok(setup_test(user, NULL, NULL, "select", &err), &err);
    assert_int_equal(setup_test("penstock_low", NULL, NULL, "select", &err), PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_PERMISSION);
    assert_non_null(strstr(err.message, "GRANT SELECT ON"));
    assert_int_equal(setup_test(user, "schema", "nowhere", "select", &err), PS_CONFIG);
    assert_int_equal(setup_test(user, "database", "no such one", "connect", &err), PS_CONFIG);
    assert_string_equal(err.sqlstate, "3D000");
    assert_int_equal(setup_test(user, "port", "1", "connect", &err), PS_RETRY);
    assert_int_equal(err.error_class, PS_CLASS_NETWORK);
    assert_int_equal(setup_test(user, "host", "no.such.host.invalid", "connect", &err), PS_RETRY);
    assert_int_equal(err.error_class, PS_CLASS_NETWORK);
    assert_int_equal(setup_test("nobody at all", NULL, NULL, "connect", &err), PS_CONFIG);
    assert_int_equal(err.error_class, PS_CLASS_AUTH);
}

static void test_bad_bytes_of_a_database_without_encoding_cost_one_row(void **state)
{
    (void)state;
    NEEDS_SERVER();
    run("DROP DATABASE IF EXISTS penstock_ascii");
    run("CREATE DATABASE penstock_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE"
        " template0");
    char conninfo[512], kept[sizeof database];
    (void)snprintf(conninfo, sizeof conninfo,
                   "host=%s port=%s dbname=penstock_ascii user=%s password='%s'", host, port, user,
                   password);
    PGconn *conn = PQconnectdb(conninfo);
    run_on(conn, "CREATE SCHEMA \"penstock T\"; CREATE TABLE \"penstock T\".raw (id int4, t text, c"
                 " char(4), j jsonb); INSERT INTO \"penstock T\".raw VALUES (1, E'\\xff', 'a',"
                 " NULL), (2, E'\\xc3\\xa4', 'b', '{\"k\": 1}')");
    PQfinish(conn);
    memcpy(kept, database, sizeof kept);
    (void)snprintf(database, sizeof database, "penstock_ascii");
    struct fixture fixture;
    struct ps_error err = {0};
    struct read read;
    fixture_open(&fixture, user);
    const struct ps_table *raw = described(&fixture, "raw");
    ok(read_open(&read, fixture.source, raw, NULL, &err), &err);
    ok(ps_source_postgresql.reader_next(read.reader, read.batch, &err), &err);
    assert_int_equal(read.batch->rows, 1);
    assert_int_equal(read.batch->bad_rows, 1);
    assert_string_equal(read.batch->bad[0].reason, "the text is not valid UTF-8");
    assert_text(read.batch, raw, "t", 0, "ä");
    assert_text(read.batch, raw, "c", 0, "b   ");
    assert_text(read.batch, raw, "j", 0, "{\"k\": 1}");
    read_close(&read);
    fixture_close(&fixture);
    memcpy(database, kept, sizeof kept);
    run("DROP DATABASE penstock_ascii");
}

static void test_keepalives_are_the_users(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open_with(&fixture, user,
                      (const char *const[]){"keepalives_idle", "41", "keepalives_interval", "7",
                                            "keepalives_count", "5", NULL});
    int fd = server_socket();
    assert_true(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE) != 0);
    assert_int_equal(socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 41);
    assert_int_equal(socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 7);
    assert_int_equal(socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT), 5);
    fixture_close(&fixture);
    fixture_open_with(&fixture, user, (const char *const[]){"keepalives_idle", "0", NULL});
    assert_int_equal(socket_option(server_socket(), SOL_SOCKET, SO_KEEPALIVE), 0);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_discovery_finds_tables_and_says_what_is_left_out, fresh),
        cmocka_unit_test_setup(test_table_that_is_described_again_is_what_it_was, fresh),
        cmocka_unit_test_setup(test_read_gives_every_value_of_every_type, fresh),
        cmocka_unit_test_setup(test_window_takes_its_edge_and_nulls, fresh),
        cmocka_unit_test_setup(test_snapshot_is_shared_and_then_gone, fresh),
        cmocka_unit_test_setup(test_changes_behind_the_point_in_time_are_seen, fresh),
        cmocka_unit_test_setup(test_cancel_ends_a_read_and_the_point_in_time_stays, fresh),
        cmocka_unit_test_setup(test_count_blames_the_table_for_what_fails_behind_it, fresh),
        cmocka_unit_test_setup(test_horizon_follows_the_oldest_transaction_but_our_own, fresh),
        cmocka_unit_test_setup(test_own_sessions_are_known_by_the_server_that_answered, fresh),
        cmocka_unit_test_setup(test_lost_connection_is_retryable_and_comes_back, fresh),
        cmocka_unit_test_setup(test_setup_tests_say_what_to_do, fresh),
        cmocka_unit_test_setup(test_keepalives_are_the_users, fresh),
        cmocka_unit_test_setup(test_bad_bytes_of_a_database_without_encoding_cost_one_row, fresh),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
