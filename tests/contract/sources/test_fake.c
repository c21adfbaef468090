/*
 * The tests' own source in memory, held to the contract: engine tests are worth what it is.
 */
#include "contract/sources/suite.h"
#include "support/fake_source.h"

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
    struct fake_database *database = fake_database_new();
    struct contract_source contract = {.torture = true, .counts_rows = true};

    fill(database);
    contract.ops = fake_database_ops(database);
    int failed = contract_source_run("fake", &contract);
    fake_database_free(database);
    return failed;
}
