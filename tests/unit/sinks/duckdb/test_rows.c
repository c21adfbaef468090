/*
 * What becomes of rows beyond what every sink promises: losses, casts, errors, order over threads.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "contract/sinks/desk.h"
#include "sinks/duckdb/duckdb.h"
#include "support/torture.h"
#include "support/warehouse.h"

static const struct contract_sink contract = {.ops = &ps_sink_duckdb,
                                              .fresh = warehouse_path,
                                              .forget = warehouse_remove,
                                              .rows = warehouse_rows};

static const struct ps_column timed_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("naive", NAIVE_DATETIME),
    DESK_COLUMN("utc", UTC_DATETIME),
    DESK_COLUMN("json", JSON),
};
static const struct ps_table timed = DESK_TABLE("timed", timed_columns, 1);

static void test_losses_count_digits(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &timed);
    desk_load_begin(desk, &timed);
    desk_write(desk, &timed, PS_UPSERT,
               "1|2024-01-01T00:00:00.1234567|2024-01-01T00:00:00.123456Z|{}\n"
               "3|1969-12-31T23:59:59.999999999|2024-01-01T00:00:00.1234561Z|~");
    (void)desk_load_end(desk, &timed, 0);
    desk_checkpoint(desk);
    const struct ps_sink_loss *losses = NULL;
    assert_int_equal(desk->ops->losses(desk->sink, &losses), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_ptr_equal(losses[i].table, &timed);
        assert_false(losses[i].rows_skipped);
        assert_int_equal(losses[i].values, strcmp(losses[i].column, "naive") == 0 ? 2 : 1);
    }
    desk_expect(desk, &timed, "id,naive,utc,json",
                "1|2024-01-01T00:00:00.123456|2024-01-01T00:00:00.123456Z|{}\n"
                "3|1969-12-31T23:59:59.999999|2024-01-01T00:00:00.123456Z|~\n");
}

/* The same table later, and one before it by name. */
static const struct ps_column wider_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("more", STRING),
    DESK_COLUMN("naive", NAIVE_DATETIME),
};
static const struct ps_table wider = DESK_TABLE("timed", wider_columns, 1);
static const struct ps_table early = DESK_TABLE("early", wider_columns, 1);

static void test_losses_of_all_shapes_of_a_table_are_one(void **state)
{
    static const char *const names[] = {"early", "timed", "timed"};
    static const char *const lossy[] = {"naive", "naive", "utc"};
    static const uint64_t values[] = {1, 3, 1};
    struct desk *desk = *state;
    desk_schema(desk, &timed);
    desk_write(desk, &timed, PS_UPSERT,
               "1|2024-01-01T00:00:00.1234567|2024-01-01T00:00:00.1234567Z|~\n"
               "2|2024-01-01T00:00:00.1234567|~|~");
    desk_schema(desk, &early);
    desk_write(desk, &early, PS_UPSERT, "1|x|2024-01-01T00:00:00.1234567");
    desk_schema(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "3|x|2024-01-01T00:00:00.1234567");
    desk_checkpoint(desk);
    const struct ps_sink_loss *losses = NULL;
    assert_int_equal(desk->ops->losses(desk->sink, &losses), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(losses[i].table->name, names[i]);
        assert_string_equal(losses[i].column, lossy[i]);
        assert_int_equal(losses[i].values, values[i]);
    }
}

static const struct ps_column before_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("b", BOOLEAN),
    DESK_COLUMN("n", NAIVE_DATETIME),
    DESK_COLUMN("u", UTC_DATETIME),
    DESK_COLUMN_WITH("d", DECIMAL, .precision = 12, .scale = 2),
    DESK_COLUMN("f", DOUBLE),
    DESK_COLUMN("a", NAIVE_DATE),
    DESK_COLUMN_WITH("j", JSON, .json_valid = true),
};
static const struct ps_column after_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("b", STRING),
    DESK_COLUMN("n", STRING),
    DESK_COLUMN("u", STRING),
    DESK_COLUMN("d", STRING),
    DESK_COLUMN("f", STRING),
    DESK_COLUMN("a", STRING),
    DESK_COLUMN("j", STRING),
};
static const struct ps_table before = DESK_TABLE("casts", before_columns, 1);
static const struct ps_table after = DESK_TABLE("casts", after_columns, 1);

static void test_casts_give_old_and_new_rows_the_same_text(void **state)
{
    static const char row[] = "|true|2024-02-29T23:59:59.5|2024-02-29T23:59:59.25Z|-12.50|0.1|"
                              "0999-12-31|{\"a\": 1}";
    struct desk *desk = *state;
    char text[256];
    desk_schema(desk, &before);
    snprintf(text, sizeof text, "1%s", row);
    desk_write(desk, &before, PS_UPSERT, text);
    desk_checkpoint(desk);
    desk_schema(desk, &after);
    desk_write(desk, &after, PS_UPSERT, "2|x|x|x|x|x|x|x");
    desk_checkpoint(desk);
    /* The source says the narrower types again: rows are converted as the old ones were. */
    desk_schema(desk, &before);
    snprintf(text, sizeof text, "3%s", row);
    desk_write(desk, &before, PS_UPSERT, text);
    desk_load_begin(desk, &before);
    snprintf(text, sizeof text, "1%s\n4%s", row, row);
    desk_write(desk, &before, PS_UPSERT, text);
    (void)desk_load_end(desk, &before, 0);
    desk_checkpoint(desk);
#define CAST                                                                                       \
    "|true|2024-02-29 23:59:59.5|2024-02-29 23:59:59.25+00|-12.50|0.1|0999-12-31|{\"a\": 1}"
    desk_expect(desk, &after, "id,b,n,u,d,f,a,j",
                "1" CAST "\n2|x|x|x|x|x|x|x deleted\n3" CAST " deleted\n4" CAST "\n");
}

static const struct ps_column plain_columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("name", STRING),
};
static const struct ps_table plain = DESK_TABLE("plain", plain_columns, 1);

/* Also the proof that DuckDB's C++ exceptions pass through a sanitized process. */
static void test_conversion_error_withholds_the_value_and_sticks(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &plain);
    desk_checkpoint(desk);
    desk_close(desk);
    ps_free(warehouse_query(desk->destination,
                            "ALTER TABLE tester.plain ALTER COLUMN name SET DATA TYPE UUID"));
    desk_open(desk);
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    struct ps_error err = {0};
    struct ps_packet *packet = NULL;
    struct ps_batch *batch = desk_batch(&plain, PS_UPSERT, NULL, 0, "1|a secret value");
    assert_int_equal(desk->ops->prepare(desk->sink, batch, &packet, &err), PS_OK);
    enum ps_status status = desk->ops->write(desk->sink, packet, &err);
    if (status == PS_OK) {
        status = desk->ops->checkpoint(desk->sink, "{}", 2, 9, &err);
    }
    assert_int_equal(status, PS_DATA);
    assert_null(strstr(err.message, "secret"));
    assert_non_null(strstr(err.message, "tester.plain"));
    assert_non_null(strstr(err.message, "Conversion Error"));
    struct ps_error again = {0};
    assert_int_equal(desk->ops->checkpoint(desk->sink, "{}", 2, 9, &again), PS_DATA);
    assert_string_equal(again.message, err.message);
    /* What the user made of the column stays. */
    desk_close(desk);
    char *type = warehouse_query(desk->destination, "SELECT typeof(name) FROM (SELECT NULL::INT) "
                                                    "LEFT JOIN tester.plain ON true");
    assert_string_equal(type, "UUID\n");
    ps_free(type);
    desk_open(desk);
}

static void test_writing_after_a_failed_statement_does_not_hang(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &plain);
    desk_checkpoint(desk);
    desk_close(desk);
    ps_free(warehouse_query(desk->destination,
                            "ALTER TABLE tester.plain ALTER COLUMN name SET DATA TYPE UUID"));
    desk_open(desk);
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    enum ps_status status = PS_OK;
    struct ps_error err = {0};
    char *filler = malloc(1000001);
    memset(filler, 'x', 1000000);
    memcpy(filler, "1|", 2);
    filler[1000000] = '\0';
    for (int i = 0; i < 100 && status == PS_OK; i++) {
        struct ps_packet *packet = NULL;
        struct ps_batch *batch = desk_batch(&plain, PS_UPSERT, NULL, 0, filler);
        assert_int_equal(desk->ops->prepare(desk->sink, batch, &packet, &err), PS_OK);
        status = desk->ops->write(desk->sink, packet, &err);
    }
    free(filler);
    assert_int_equal(status, PS_DATA);
}

#define ORDER_PACKETS 400
#define ORDER_ROWS 300

/* Many packets over several threads, each of which has every key: the last packet must win. */
static void test_order_of_packets_holds_over_threads(void **state)
{
    struct desk *desk = *state;
    char *rows = malloc(ORDER_ROWS * 32);
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    for (int packet = 0; packet < ORDER_PACKETS; packet++) {
        size_t used = 0;
        for (int row = 0; row < ORDER_ROWS; row++) {
            used += (size_t)snprintf(rows + used, 32, "%d|%d\n", row, packet);
        }
        desk_write(desk, &plain, PS_UPSERT, rows);
    }
    free(rows);
    struct ps_load_result result = desk_load_end(desk, &plain, PS_LOAD_KEYS_MAY_REPEAT);
    assert_int_equal(result.duplicates, (ORDER_PACKETS - 1) * ORDER_ROWS);
    desk_checkpoint(desk);
    desk_close(desk);
    char *counts = warehouse_query(desk->destination,
                                   "SELECT count(*), min(name), max(name) FROM tester.plain");
    assert_string_equal(counts, "300|399|399\n");
    ps_free(counts);
    desk_open(desk);
}

/* Its first rows are held, its later ones go into a table of the load. */
static void test_load_that_outgrows_what_is_held_keeps_all_rows(void **state)
{
    enum { BATCHES = 6, A_BATCH = 3000 };
    struct desk *desk = *state;
    char *rows = malloc(A_BATCH * 32);
    desk_schema(desk, &plain);
    desk_write(desk, &plain, PS_UPSERT, "-1|gone\n5|old");
    desk_checkpoint(desk);
    desk_load_begin(desk, &plain);
    for (int batch = 0; batch < BATCHES; batch++) {
        size_t used = 0;
        for (int row = batch * A_BATCH; row < (batch + 1) * A_BATCH; row++) {
            used += (size_t)snprintf(rows + used, 32, "%d|new\n", row);
        }
        desk_write(desk, &plain, PS_UPSERT, rows);
    }
    free(rows);
    struct ps_load_result result = desk_load_end(desk, &plain, 0);
    assert_int_equal(result.vanished, 1);
    desk_checkpoint(desk);
    desk_close(desk);
    char *counts = warehouse_query(
        desk->destination, "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE name = "
                           "'new'), min(id) FILTER (WHERE _fivetran_deleted) FROM tester.plain");
    assert_string_equal(counts, "18001|18001|18000|-1\n");
    ps_free(counts);
    desk_open(desk);
}

static struct ps_load_result load_plain(struct desk *desk, const char *rows, uint32_t flags)
{
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    desk_write(desk, &plain, PS_UPSERT, rows);
    return desk_load_end(desk, &plain, flags);
}

static void expect_plain(struct desk *desk, const char *expected)
{
    desk_close(desk);
    char *rows = warehouse_query(
        desk->destination,
        "SELECT string_agg(id || name || CASE WHEN _fivetran_deleted THEN ' gone ' || "
        "(epoch(_fivetran_synced)::BIGINT - 1700000000) // 3600 ELSE '' END, ', ' ORDER BY id) "
        "FROM tester.plain");
    assert_string_equal(rows, expected);
    ps_free(rows);
    desk_open(desk);
}

/* Each hour a load, which is held, of a table with other rows; a deleted row keeps its time. */
static void test_small_load_keeps_what_it_did_not_bring(void **state)
{
    static const struct {
        const char *rows, *expected;
        uint32_t flags;
        uint64_t vanished;
        bool checkpoint;
    } loads[] = {
        {"1|a\n2|a\n3|a\n4|a", "1a, 2a, 3a, 4a\n", 0, 0, true},
        {"1|b\n2|b\n3|b", "1b, 2b, 3b, 4a gone 1\n", 0, 1, true},
        {"2|c\n1|c", "1c, 2c, 3b gone 2, 4a gone 1\n", 0, 1, true},
        {"1|d", "1d, 2c, 3b gone 2, 4a gone 1\n", PS_LOAD_INCOMPLETE, 0, true},
        {"4|e\n2|e", "1d gone 4, 2e, 3b gone 2, 4e\n", PS_LOAD_KEYS_MAY_REPEAT, 1, true},
        /* Two in one transaction: the second finds rows that nobody has seen yet. */
        {"4|f\n5|f", NULL, 0, 1, false},
        {"5|g\n1|g", "1g, 2e gone 5, 3b gone 2, 4f gone 6, 5g\n", 0, 1, true},
    };
    struct desk *desk = *state;
    for (size_t i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        struct ps_load_result result = load_plain(desk, loads[i].rows, loads[i].flags);
        assert_int_equal(result.vanished, loads[i].vanished);
        assert_int_equal(result.duplicates, 0);
        if (loads[i].checkpoint) {
            desk_checkpoint(desk);
            expect_plain(desk, loads[i].expected);
        }
        ps_clock_fake_advance(&desk->clock, INT64_C(3600000000000));
    }
}

/* As many rows as are carried over by their places, and one more. */
static void test_small_load_keeps_many_rows_that_it_did_not_bring(void **state)
{
    enum { CARRIED = 500, BROUGHT = 3, ROWS = CARRIED + BROUGHT + 1 };
    struct desk *desk = *state;
    char *rows = malloc(ROWS * 16);
    size_t used = 0, places[ROWS];
    for (int row = 0; row < ROWS; row++) {
        places[row] = used;
        used += (size_t)snprintf(rows + used, 16, "%s%d|a", row == 0 ? "" : "\n", row);
    }
    (void)load_plain(desk, rows, 0);
    desk_checkpoint(desk);
    struct ps_load_result result = load_plain(desk, rows + places[CARRIED + 1] + 1, 0);
    assert_int_equal(result.vanished, CARRIED + 1);
    desk_checkpoint(desk);
    result = load_plain(desk, rows + places[CARRIED] + 1, 0);
    assert_int_equal(result.vanished, 0);
    desk_checkpoint(desk);
    free(rows);
    desk_close(desk);
    char *counts = warehouse_query(
        desk->destination, "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE "
                           "_fivetran_deleted), min(id) FILTER (WHERE NOT _fivetran_deleted) "
                           "FROM tester.plain");
    assert_string_equal(counts, "504|504|500|500\n");
    ps_free(counts);
    desk_open(desk);
}

/* Rows that stay keep what only they have, and the columns their types. */
static void test_small_load_keeps_columns_that_the_source_has_no_longer(void **state)
{
    static const struct ps_column fewer_columns[] = {
        DESK_COLUMN_WITH("id", INT, .key_position = 1),
        DESK_COLUMN("naive", NAIVE_DATETIME),
    };
    static const struct ps_table fewer = DESK_TABLE("timed", fewer_columns, 1);
    struct desk *desk = *state;
    desk_schema(desk, &timed);
    desk_load_begin(desk, &timed);
    desk_write(desk, &timed, PS_UPSERT, "1|~|~|{}\n2|~|~|[]");
    (void)desk_load_end(desk, &timed, 0);
    desk_checkpoint(desk);
    desk_schema(desk, &fewer);
    desk_load_begin(desk, &fewer);
    desk_write(desk, &fewer, PS_UPSERT, "2|2024-01-01T00:00:00");
    struct ps_load_result result = desk_load_end(desk, &fewer, 0);
    assert_int_equal(result.vanished, 1);
    desk_checkpoint(desk);
    desk_close(desk);
    char *rows = warehouse_query(
        desk->destination, "SELECT string_agg(id || coalesce(json::VARCHAR, ' none') || "
                           "_fivetran_deleted, ' ' ORDER BY id), "
                           "typeof(any_value(json)), typeof(any_value(utc)) FROM tester.timed");
    assert_string_equal(rows, "1{}true 2 nonefalse|JSON|TIMESTAMP WITH TIME ZONE\n");
    ps_free(rows);
    desk_open(desk);
}

/* What somebody made of the table by hand stays: a type of his own, and a row without a stamp. */
static void test_small_load_leaves_what_others_did(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    desk_write(desk, &plain, PS_UPSERT, "1|1\n2|2");
    (void)desk_load_end(desk, &plain, 0);
    desk_checkpoint(desk);
    desk_close(desk);
    ps_free(warehouse_query(desk->destination, "INSERT INTO tester.plain (id) VALUES (7)"));
    desk_open(desk);
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    desk_write(desk, &plain, PS_UPSERT, "1|1\n2|3\n2|4");
    struct ps_load_result result = desk_load_end(desk, &plain, PS_LOAD_KEYS_MAY_REPEAT);
    assert_int_equal(result.duplicates, 1);
    assert_int_equal(result.vanished, 1);
    desk_checkpoint(desk);
    desk_close(desk);
    ps_free(warehouse_query(desk->destination,
                            "ALTER TABLE tester.plain ALTER COLUMN name SET DATA TYPE HUGEINT"));
    desk_open(desk);
    ps_clock_fake_advance(&desk->clock, INT64_C(3600000000000));
    desk_schema(desk, &plain);
    desk_load_begin(desk, &plain);
    desk_write(desk, &plain, PS_UPSERT, "1|5");
    result = desk_load_end(desk, &plain, 0);
    assert_int_equal(result.vanished, 1);
    desk_checkpoint(desk);
    desk_close(desk);
    char *rows = warehouse_query(
        desk->destination,
        "SELECT string_agg(id || ':' || coalesce(name::VARCHAR, '-') || ':' || _fivetran_deleted, "
        "' ' ORDER BY id), typeof(any_value(name)) FROM tester.plain");
    assert_string_equal(rows, "1:5:false 2:4:true 7:-:true|HUGEINT\n");
    ps_free(rows);
    desk_open(desk);
}

/* DuckDB holds room for 2,048 values of each column of a table that rows were added to, beyond the
 * commit: twice its memory, if it did not write them to the file in between. */
static void test_many_small_tables_need_little_memory(void **state)
{
    enum { TABLES = 100, COLUMNS = 40, A_CHECKPOINT = 10 };
    struct desk *desk = *state;
    struct ps_sink_request request = {.destination = desk->destination,
                                      .schema = "tester",
                                      .clock = &desk->clock.base,
                                      .memory_bytes = (size_t)64 << 20};
    static struct ps_column columns[COLUMNS];
    static char names[COLUMNS][16], table_names[TABLES][16];
    static struct ps_table tables[TABLES];
    struct ps_error err = {0};
    char row[4 * COLUMNS] = "1";
    for (int i = 0; i < COLUMNS; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        columns[i] = (struct ps_column)DESK_COLUMN_WITH(names[i], STRING, .nullable = true,
                                                        .key_position = i == 0 ? 1 : 0);
        strcat(row, i == 0 ? "" : "|x");
    }
    desk_close(desk);
    assert_int_equal(desk->ops->open(&request, &desk->sink, &err), PS_OK);
    for (int i = 0; i < TABLES; i++) {
        snprintf(table_names[i], sizeof table_names[i], "w%d", i);
        tables[i] = (struct ps_table)DESK_TABLE(table_names[i], columns, 1);
        desk_schema(desk, &tables[i]);
        desk_load_begin(desk, &tables[i]);
        desk_write(desk, &tables[i], PS_UPSERT, row);
        (void)desk_load_end(desk, &tables[i], 0);
        if (i % A_CHECKPOINT == A_CHECKPOINT - 1) {
            desk_checkpoint(desk);
        }
    }
    desk_close(desk);
    char *count =
        warehouse_query(desk->destination, "SELECT sum(estimated_size)::BIGINT FROM "
                                           "duckdb_tables() WHERE schema_name = 'tester'");
    assert_string_equal(count, "100\n");
    ps_free(count);
    desk_open(desk);
}

static void test_own_columns_are_filled(void **state)
{
    struct desk *desk = *state;
    desk_schema(desk, &plain);
    desk_write(desk, &plain, PS_UPSERT, "1|a");
    desk_checkpoint(desk);
    ps_clock_fake_advance(&desk->clock, INT64_C(3600000000000));
    desk_write(desk, &plain, PS_DELETE, "1|~");
    desk_checkpoint(desk);
    desk_close(desk);
    char *row = warehouse_query(desk->destination,
                                "SELECT _fivetran_synced, _fivetran_deleted FROM tester.plain");
    /* 1,700,000,000 seconds and an hour. */
    assert_memory_equal(row, "2023-11-14T23:13:20", strlen("2023-11-14T23:13:20"));
    assert_non_null(strstr(row, "Z|true\n"));
    ps_free(row);
    desk_open(desk);
}

static void test_column_with_a_name_of_ours_is_refused(void **state)
{
    static const struct ps_column columns[] = {DESK_COLUMN("_Fivetran_Synced", INT)};
    static const struct ps_table table = DESK_TABLE("t", columns, 0);
    struct desk *desk = *state;
    struct ps_error err = {0};
    bool changed = false;
    assert_int_equal(desk->ops->schema_change(desk->sink, &table, &changed, &err), PS_CONFIG);
    assert_non_null(strstr(err.message, "_Fivetran_Synced"));
}

/* The whole way of a load and of upserts, in a warehouse of its own. */
static enum ps_status whole_way(void *context, struct ps_error *err)
{
    const char *path = context;
    const struct ps_sink_ops *ops = &ps_sink_duckdb;
    struct ps_clock_fake clock;
    ps_clock_fake_init(&clock, (struct ps_timestamp){1700000000, 0});
    struct ps_sink_request request = {.destination = path,
                                      .schema = "tester",
                                      .clock = &clock.base,
                                      .memory_bytes = (size_t)128 << 20};
    struct ps_sink *sink = NULL;
    struct ps_load_result result = {0};
    struct ps_stored_state stored = {0};
    bool changed = false;
    enum ps_status status = ops->open(&request, &sink, err);
    if (status == PS_OK) {
        status = ops->state_read(sink, &stored, err);
    }
    if (status == PS_OK) {
        status = ops->schema_change(sink, &plain, &changed, err);
    }
    if (status == PS_OK) {
        status = ops->load_begin(sink, &plain, err);
    }
    for (int i = 0; status == PS_OK && i < 2; i++) {
        static const uint32_t all[] = {0, 1};
        struct ps_batch_shape shape = {
            .table = &plain, .columns = all, .columns_count = 2, .rows_max = 1, .bytes_max = 100};
        struct ps_batch *batch = NULL;
        struct ps_packet *packet = NULL;
        status = ps_batch_new(&shape, &batch, err);
        if (status == PS_OK) {
            batch->table = &plain;
            ps_batch_put_int(batch, 0, 1);
            ps_batch_put_null(batch, 1);
            ps_batch_row_end(batch);
            status = ops->prepare(sink, batch, &packet, err);
        }
        if (status == PS_OK) {
            status = ops->write(sink, packet, err);
        }
        if (status == PS_OK && i == 0) {
            status = ops->load_end(sink, &plain, PS_LOAD_KEYS_MAY_REPEAT, &result, err);
        }
    }
    if (status == PS_OK) {
        status = ops->checkpoint(sink, "{}", 2, stored.number + 1, err);
    }
    ps_free(stored.json);
    ops->close(sink);
    return status;
}

static void test_sink_when_memory_runs_out_says_so(void **state)
{
    (void)state;
    char path[512];
    snprintf(path, sizeof path, "%s", warehouse_path());
    torture(whole_way, path);
    warehouse_remove(path);
}

int main(void)
{
#define TEST(function)                                                                             \
    {                                                                                              \
#function, function, desk_setup, desk_teardown, (void *)(uintptr_t)&contract               \
    }
    const struct CMUnitTest tests[] = {
        TEST(test_losses_count_digits),
        TEST(test_losses_of_all_shapes_of_a_table_are_one),
        TEST(test_casts_give_old_and_new_rows_the_same_text),
        TEST(test_conversion_error_withholds_the_value_and_sticks),
        TEST(test_writing_after_a_failed_statement_does_not_hang),
        TEST(test_order_of_packets_holds_over_threads),
        TEST(test_load_that_outgrows_what_is_held_keeps_all_rows),
        TEST(test_small_load_keeps_what_it_did_not_bring),
        TEST(test_small_load_keeps_many_rows_that_it_did_not_bring),
        TEST(test_small_load_keeps_columns_that_the_source_has_no_longer),
        TEST(test_small_load_leaves_what_others_did),
        TEST(test_many_small_tables_need_little_memory),
        TEST(test_own_columns_are_filled),
        TEST(test_column_with_a_name_of_ours_is_refused),
        cmocka_unit_test(test_sink_when_memory_runs_out_says_so),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
