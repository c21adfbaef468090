/*
 * A process that is killed: what is in the warehouse then is what its last checkpoint said. Each
 * test's process is forked before this one has threads of DuckDB's, and killed with SIGKILL, so
 * that DuckDB's log is what is left and has to be replayed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/random.h"
#include "contract/sinks/desk.h"
#include "sinks/duckdb/duckdb.h"
#include "support/warehouse.h"

static const struct contract_sink contract = {.ops = &ps_sink_duckdb,
                                              .fresh = warehouse_path,
                                              .forget = warehouse_remove,
                                              .rows = warehouse_rows};

static const struct ps_column columns[] = {
    DESK_COLUMN_WITH("id", INT, .key_position = 1),
    DESK_COLUMN("name", STRING),
};
static const struct ps_table table = DESK_TABLE("t", columns, 1);
static const struct ps_column wider_columns[] = {
    DESK_COLUMN_WITH("id", LONG, .key_position = 1),
    DESK_COLUMN("name", STRING),
    DESK_COLUMN("more", DOUBLE),
};
static const struct ps_table wider = DESK_TABLE("t", wider_columns, 1);

#define MANY 150000

static void write_many(struct desk *desk, int first, int count, const char *name)
{
    enum { A_BATCH = 2500 };
    char *rows = malloc(A_BATCH * 48);
    for (int at = first; at < first + count; at += A_BATCH) {
        size_t used = 0;
        for (int row = at; row < at + A_BATCH && row < first + count; row++) {
            used += (size_t)snprintf(rows + used, 48, "%d|%s %d\n", row, name, row);
        }
        desk_write(desk, &table, PS_UPSERT, rows);
    }
    free(rows);
}

static void full_load(struct desk *desk, int first, int count, const char *name)
{
    desk_schema(desk, &table);
    desk_load_begin(desk, &table);
    write_many(desk, first, count / 2, name);
    desk_checkpoint(desk);
    write_many(desk, first + count / 2, count - count / 2, name);
    (void)desk_load_end(desk, &table, 0);
}

static void after_first_load(struct desk *desk)
{
    full_load(desk, 0, 1000, "small");
    desk_checkpoint(desk);
}

static void after_second_load(struct desk *desk)
{
    full_load(desk, 0, MANY, "first");
    desk_checkpoint(desk);
    full_load(desk, 1000, MANY, "second");
    desk_checkpoint(desk);
}

static void before_the_checkpoint_of_a_second_load(struct desk *desk)
{
    full_load(desk, 0, MANY, "first");
    desk_checkpoint(desk);
    full_load(desk, 1000, MANY, "second");
}

static void small_load(struct desk *desk, int first, int count, const char *name)
{
    desk_schema(desk, &table);
    desk_load_begin(desk, &table);
    write_many(desk, first, count, name);
    (void)desk_load_end(desk, &table, PS_LOAD_KEYS_MAY_REPEAT);
}

static void after_a_second_small_load(struct desk *desk)
{
    small_load(desk, 0, 1000, "first");
    desk_checkpoint(desk);
    small_load(desk, 500, 1000, "second");
    desk_checkpoint(desk);
}

static void after_small_loads_that_bring_less_and_less(struct desk *desk)
{
    small_load(desk, 0, 1000, "first");
    desk_checkpoint(desk);
    small_load(desk, 100, 900, "second");
    small_load(desk, 101, 900, "third");
    desk_checkpoint(desk);
    desk_write(desk, &table, PS_UPSERT, "7|upserted");
    small_load(desk, 103, 897, "fourth");
    desk_checkpoint(desk);
    desk_write(desk, &table, PS_DELETE, "103|~");
    desk_checkpoint(desk);
}

static void before_the_checkpoint_of_a_second_small_load(struct desk *desk)
{
    small_load(desk, 0, 1000, "first");
    desk_checkpoint(desk);
    small_load(desk, 500, 1000, "second");
}

static void within_a_small_load_that_met_a_checkpoint(struct desk *desk)
{
    small_load(desk, 0, 1000, "first");
    desk_load_begin(desk, &table);
    write_many(desk, 500, 1000, "second");
    desk_checkpoint(desk);
    write_many(desk, 5000, 10, "second");
}

static void after_widening_and_upserts(struct desk *desk)
{
    full_load(desk, 0, 1000, "first");
    desk_checkpoint(desk);
    desk_schema(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "1|new|0.5\n5000000000|far|1.5");
    desk_write(desk, &wider, PS_DELETE, "2|~|~");
    desk_checkpoint(desk);
}

static void after_widening_load_and_truncate(struct desk *desk)
{
    full_load(desk, 0, 1000, "first");
    desk_checkpoint(desk);
    desk_load_begin(desk, &table);
    write_many(desk, 0, 10, "second");
    desk_schema(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "5000000000|far|1.5");
    (void)desk_load_end(desk, &wider, 0);
    desk_checkpoint(desk);
    desk_truncate(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "7|back|2.5");
    desk_checkpoint(desk);
    desk_load_begin(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "8|never seen|2.5");
}

/* Keys that a checkpoint before the load's end holds already come again. */
static void after_a_load_that_brought_keys_twice(struct desk *desk)
{
    desk_schema(desk, &table);
    desk_load_begin(desk, &table);
    write_many(desk, 0, 10000, "first");
    desk_checkpoint(desk);
    write_many(desk, 9000, 10000, "second");
    (void)desk_load_end(desk, &table, PS_LOAD_KEYS_MAY_REPEAT);
    desk_checkpoint(desk);
    desk_write(desk, &table, PS_UPSERT, "1|later");
    desk_checkpoint(desk);
}

static void after_a_load_with_deletes_before_its_end(struct desk *desk)
{
    full_load(desk, 0, 5, "former");
    desk_checkpoint(desk);
    desk_load_begin(desk, &table);
    write_many(desk, 0, 10000, "first");
    desk_checkpoint(desk);
    desk_write(desk, &table, PS_DELETE, "3|~");
    desk_write(desk, &table, PS_UPSERT, "4|new");
    (void)desk_load_end(desk, &table, PS_LOAD_KEYS_MAY_REPEAT);
    desk_checkpoint(desk);
}

static void small_loads_that_replace_all(struct desk *desk)
{
    small_load(desk, 0, 1000, "first");
    small_load(desk, 0, 1000, "second");
    desk_checkpoint(desk);
    small_load(desk, 0, 1000, "third");
    small_load(desk, 0, 1000, "fourth");
    desk_checkpoint(desk);
}

static void a_small_load_after_changes_and_before_some(struct desk *desk)
{
    small_load(desk, 0, 1000, "first");
    desk_checkpoint(desk);
    desk_write(desk, &table, PS_UPSERT, "7|upserted");
    desk_write(desk, &table, PS_DELETE, "8|~");
    small_load(desk, 0, 1000, "second");
    desk_write(desk, &table, PS_UPSERT, "9|upserted");
    desk_write(desk, &table, PS_DELETE, "10|~");
    desk_schema(desk, &wider);
    desk_write(desk, &wider, PS_UPSERT, "5000000000|far|1.5");
    desk_checkpoint(desk);
    desk_truncate(desk, &wider);
}

/* A sequence of anything, which follows from the seed. */
static uint64_t random_seed;

static uint32_t draw(uint32_t below)
{
    random_seed = ps_hash64(random_seed + 1);
    return (uint32_t)(random_seed >> 32) % below;
}

static void put_rows(char *out, const struct ps_table *shape, int first, int count)
{
    for (int row = first; row < first + count; row++) {
        out += sprintf(out, "%d|%u%s\n", row, draw(1000), shape == &wider ? "|0.5" : "");
    }
}

static void random_load(struct desk *desk, const struct ps_table *shape)
{
    char rows[2048] = "";
    desk_schema(desk, shape);
    desk_load_begin(desk, shape);
    for (uint32_t i = draw(3); i > 0; i--) {
        put_rows(rows, shape, (int)draw(3) * 10, 10 + (int)draw(2) * 20);
        desk_write(desk, shape, PS_UPSERT, rows);
        if (draw(8) == 0) {
            desk_write(desk, shape, PS_DELETE, shape == &wider ? "11|~|~" : "11|~");
        }
        if (draw(6) == 0) {
            desk_checkpoint(desk);
        }
    }
    (void)desk_load_end(desk, shape, PS_LOAD_KEYS_MAY_REPEAT);
}

static void random_step(struct desk *desk, const struct ps_table **shape)
{
    char rows[2048] = "";
    switch (draw(10)) {
    case 0:
        desk_truncate(desk, *shape);
        break;
    case 1:
        desk_write(desk, *shape, PS_DELETE, *shape == &wider ? "3|~|~\n14|~|~" : "3|~\n14|~");
        break;
    case 2:
        desk_write_columns(desk, *shape, PS_UPDATE, (const uint32_t[]){0, 1}, 2, "5|updated");
        break;
    case 3:
        *shape = draw(3) == 0 ? &wider : *shape;
        desk_schema(desk, *shape);
        break;
    case 4:
    case 5:
        put_rows(rows, *shape, (int)draw(40), 1 + (int)draw(5));
        desk_write(desk, *shape, PS_UPSERT, rows);
        break;
    default:
        random_load(desk, *shape);
        break;
    }
}

static void anything(struct desk *desk)
{
    const struct ps_table *shape = &table;
    desk_schema(desk, shape);
    for (int checkpoints = 0; checkpoints < 6; checkpoints++) {
        for (uint32_t steps = draw(6); steps > 0; steps--) {
            random_step(desk, &shape);
        }
        desk_checkpoint(desk);
    }
    random_step(desk, &shape);
}

/* Does the work in a process of its own, which then dies at once, or closes the sink. */
static const char *done_in_child(void (*work)(struct desk *desk), bool killed)
{
    char *path = strdup(warehouse_path());
    pid_t child = fork();
    if (child == 0) {
        struct desk desk = {.contract = &contract, .ops = contract.ops, .destination = path};
        ps_clock_fake_init(&desk.clock, (struct ps_timestamp){1700000000, 0});
        desk_open(&desk);
        work(&desk);
        if (killed) {
            raise(SIGKILL);
        }
        desk_close(&desk);
        _exit(0);
    }
    int code = 0;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(killed ? WIFSIGNALED(code) && WTERMSIG(code) == SIGKILL
                       : WIFEXITED(code) && WEXITSTATUS(code) == 0);
    return path;
}

static const char *killed_after(void (*work)(struct desk *desk))
{
    return done_in_child(work, true);
}

struct wanted {
    void (*work)(struct desk *desk);
    const char *sql, *rows;
    uint64_t number;
};

static const struct wanted all_wanted[] = {
    {after_first_load,
     "SELECT count(*), count(DISTINCT id), sum(id)::BIGINT, bool_or(_fivetran_deleted), min(name) "
     "FROM tester.t",
     "1000|1000|499500|false|small 0\n", 2},
    {after_second_load,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'second%'), min(id) FILTER (WHERE NOT _fivetran_deleted) "
     "FROM tester.t",
     "151000|151000|1000|150000|1000\n", 4},
    {before_the_checkpoint_of_a_second_load,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'first%') FROM tester.t",
     "150000|150000|0|150000\n", 3},
    {after_widening_and_upserts,
     "SELECT count(*), max(id), count(*) FILTER (WHERE _fivetran_deleted), sum(more), "
     "min(name) FILTER (WHERE id = 1), typeof(any_value(id)) FROM tester.t",
     "1001|5000000000|1|2|new|BIGINT\n", 3},
    {after_widening_load_and_truncate,
     "SELECT count(*), max(id), count(*) FILTER (WHERE _fivetran_deleted), sum(more), "
     "min(name) FILTER (WHERE id = 7) FROM tester.t",
     "1001|5000000000|1000|4|back\n", 4},
    {after_a_second_small_load,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'second%'), min(id) FILTER (WHERE NOT _fivetran_deleted) "
     "FROM tester.t",
     "1500|1500|500|1000|500\n", 2},
    {after_small_loads_that_bring_less_and_less,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'fourth%'), min(name) FILTER (WHERE id = 7) FROM tester.t",
     "1001|1001|105|897|upserted\n", 4},
    {before_the_checkpoint_of_a_second_small_load,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'first%') FROM tester.t",
     "1000|1000|0|1000\n", 1},
    {within_a_small_load_that_met_a_checkpoint,
     "SELECT count(*), count(*) FILTER (WHERE name LIKE 'first%'), (SELECT count(*) FROM "
     "tester._penstock_load_t) FROM tester.t",
     "1000|1000|1000\n", 1},
    {after_a_load_that_brought_keys_twice,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE name LIKE 'second%'), "
     "min(name) FILTER (WHERE id = 1) FROM tester.t",
     "19000|19000|10000|later\n", 3},
    {after_a_load_with_deletes_before_its_end,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "min(name) FILTER (WHERE id = 4) FROM tester.t",
     "10000|10000|1|new\n", 4},
    {small_loads_that_replace_all,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'fourth%') FROM tester.t",
     "1000|1000|0|1000\n", 2},
    {a_small_load_after_changes_and_before_some,
     "SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE _fivetran_deleted), "
     "count(*) FILTER (WHERE name LIKE 'second%'), min(name) FILTER (WHERE id = 9), max(more) "
     "FROM tester.t",
     "1001|1001|1|999|upserted|1.5\n", 2},
};

static void test_killed_process_leaves_its_last_checkpoint(void **state)
{
    const struct wanted *wanted = *state;
    /* desk_setup would open a sink: this process must have none before it forks. */
    const char *path = killed_after(wanted->work);
    pid_t reader = fork();
    if (reader == 0) {
        char *rows = warehouse_query(path, wanted->sql);
        if (strcmp(rows, wanted->rows) != 0) {
            fprintf(stderr, "found %s", rows);
            _exit(1);
        }
        ps_free(rows);
        /* And it goes on: the next process begins its load again. */
        struct desk desk = {.contract = &contract, .ops = contract.ops, .destination = path};
        ps_clock_fake_init(&desk.clock, (struct ps_timestamp){1700001000, 0});
        desk_open(&desk);
        struct ps_stored_state stored = {0};
        struct ps_error err = {0};
        if (desk.ops->state_read(desk.sink, &stored, &err) != PS_OK ||
            stored.number != wanted->number) {
            fprintf(stderr, "found the state of checkpoint %d %s\n", (int)stored.number,
                    err.message);
            _exit(2);
        }
        ps_free(stored.json);
        desk.number = stored.number;
        full_load(&desk, 0, 500, "third");
        desk_checkpoint(&desk);
        desk_close(&desk);
        rows = warehouse_query(path, "SELECT count(*) FROM tester.t WHERE NOT _fivetran_deleted");
        _exit(strcmp(rows, "500\n") == 0 ? 0 : 3);
    }
    int code = 0;
    assert_int_equal(waitpid(reader, &code, 0), reader);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), 0);
    warehouse_remove(path);
    free((void *)(uintptr_t)path);
}

/* What is read again from DuckDB's log is what a process that closes the file leaves in it. */
static void test_killed_process_leaves_what_one_that_closes_does(void **state)
{
    (void)state;
    const char *seeds = getenv("PENSTOCK_KILL_SEEDS");
    for (uint64_t seed = 0; seed < (seeds != NULL ? strtoull(seeds, NULL, 10) : 4); seed++) {
        random_seed = seed;
        const char *paths[] = {done_in_child(anything, true), done_in_child(anything, false)};
        pid_t reader = fork();
        if (reader == 0) {
            char *rows[2];
            for (int i = 0; i < 2; i++) {
                rows[i] = warehouse_query(paths[i],
                                          "SELECT (SELECT number FROM penstock.state), count(*), "
                                          "count(DISTINCT id), coalesce(sum(hash(t) % "
                                          "1000000007)::BIGINT, 0) FROM tester.t t");
            }
            if (strcmp(rows[0], rows[1]) != 0) {
                fprintf(stderr, "seed %d: killed %s, closed %s", (int)seed, rows[0], rows[1]);
            }
            _exit(strcmp(rows[0], rows[1]) == 0 ? 0 : 1);
        }
        int code = 0;
        assert_int_equal(waitpid(reader, &code, 0), reader);
        assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
        for (int i = 0; i < 2; i++) {
            warehouse_remove(paths[i]);
            free((void *)(uintptr_t)paths[i]);
        }
    }
}

int main(void)
{
#define TEST(i)                                                                                    \
    {                                                                                              \
        "test_killed_process_leaves_its_last_checkpoint " #i,                                      \
            test_killed_process_leaves_its_last_checkpoint, NULL, NULL,                            \
            (void *)(uintptr_t)&all_wanted[i]                                                      \
    }
    const struct CMUnitTest tests[] = {
        TEST(0),
        TEST(1),
        TEST(2),
        TEST(3),
        TEST(4),
        TEST(5),
        TEST(6),
        TEST(7),
        TEST(8),
        TEST(9),
        TEST(10),
        TEST(11),
        cmocka_unit_test(test_killed_process_leaves_what_one_that_closes_does)};
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
