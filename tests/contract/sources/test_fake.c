/*
 * The tests' own source in memory, held to the contract: engine tests are worth what it is.
 */
#include <stdio.h>

#include "contract/sources/suite.h"
#include "support/fake_source.h"

/* A database has counters of one type. */
struct counted {
    struct fake_database *database;
    size_t transaction;
};

static void write_counted(void *context, enum contract_write what)
{
    struct counted *counted = context;
    switch (what) {
    case CONTRACT_WRITE_ALONE:
        fake_row_add(counted->database, "counted", "2000|alone|\\count");
        break;
    case CONTRACT_WRITE_OPEN:
        counted->transaction = fake_begin(counted->database);
        fake_write(counted->database, counted->transaction, "counted", NULL, "2001|late|\\count");
        break;
    case CONTRACT_WRITE_COMMIT:
        fake_commit(counted->database, counted->transaction);
        break;
    }
}

static void fill_counted(struct fake_database *database, const char *type)
{
    char columns[128];
    snprintf(columns, sizeof columns, "id LONG key, name STRING, version %s counter null indexed",
             type);
    fake_table_add(database, "", "counted", columns);
    for (int i = 0; i < 100; i++) { /* from one digit, and one byte, to more */
        fake_rows_add(database, "counted", 3 * i, 3 * i + 2, "#|n|\\count");
        fake_rows_add(database, "counted", 1000 + i, 1000 + i, "#|none|\\N");
    }
}

static void fill(struct fake_database *database)
{
    fake_table_add(database, "", "plain",
                   "id LONG key, name STRING null, updated_at UTC_DATETIME null");
    fake_rows_add(database, "plain", 1, 300, "#|name #|2024-01-01T00:00:00.#Z");
    fake_rows_add(database, "plain", 301, 400, "#|\\N|\\N");
    fake_rows_add(database, "plain", 401, 500, "#|\\bad|2023-01-01T00:00:00Z");
    fake_row_change(database, "plain", "17", "17|changed|2024-02-01T00:00:00Z");
    fake_row_change(database, "plain", "18", NULL);

    fake_table_add(database, "other", "wide",
                   "a INT key, b STRING key, c BOOLEAN, d SHORT, e DECIMAL(38,4), f FLOAT, "
                   "g DOUBLE, h NAIVE_DATE, _LastUpdatedInstant NAIVE_DATETIME, j BINARY, k XML, "
                   "l JSON, m LONG null");
    fake_rows_add(database, "wide", 1, 250,
                  "#|k#|true|#|#.25|1.5|-0.125|2024-02-29|2024-01-01T00:00:00.#|b#|<a/>|{}|\\N");
    fake_table_add(database, "other", "keyless", "a INT null");
    fake_rows_add(database, "keyless", 1, 50, "7");
}

int main(void)
{
    static const char *const counters[] = {"DECIMAL(20,0)", "BINARY"};
    int failed = 0;

    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++) {
        struct counted counted = {.database = fake_database_new()};
        struct contract_source contract = {.ops = fake_database_ops(counted.database),
                                           .torture = true,
                                           .counts_rows = true,
                                           .write = write_counted,
                                           .write_context = &counted};
        fill(counted.database);
        fill_counted(counted.database, counters[i]);
        failed += contract_source_run("fake", &contract);
        fake_database_free(counted.database);
    }
    return failed;
}
