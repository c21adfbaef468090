/*
 * Whole lives of a warehouse, made from a seed: tables, rows, options, changes while syncs run,
 * transactions that stay open over several of them, rows that cannot be carried for a time, tables
 * that are loaded anew, faults of the source at any call, cancels, and kills (the sink fails and
 * what it has not committed is gone). After all that a sync without trouble must bring every row
 * there is, but for those that a window that went on cannot show, and one more must make the
 * destination equal to the source.
 *
 *     PENSTOCK_SIMULATION_RUNS=5000 build/cmake/asan/tests/test_simulation_lives
 *     PENSTOCK_SIMULATION_SEED=1234 …     that one alone, PENSTOCK_SIMULATION_RUNS times
 *
 * A seed repeats everything but how threads take turns: repeat it some times.
 */
#include "support/unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/random.h"
#include "base/thread.h"
#include "engine/engine.h"
#include "support/fake_database.h"
#include "support/fake_monitor.h"
#include "support/fake_sink.h"
#include "support/fake_source.h"
#include "unit/engine/engine_config.h"

#define DESTINATION "warehouse"
#define RUNS 150
#define TABLES_MAX 5
#define LIVES_MAX 5
#define OPEN_MAX 4
#define OPEN_WRITES_MAX 8
/* A look waits for the next write no longer: there may be none any more. */
#define LOOK_WAIT_NS INT64_C(5000000)

enum kind {
    KIND_PLAIN,       /* a key, no cursor: read whole each time */
    KIND_TIMES,       /* a key, a cursor, and a column that marks rows as deleted */
    KIND_INDEX,       /* the same with an index on the cursor, which may be NULL: windows go on */
    KIND_COUNT,       /* a key, a counter as its cursor, and that mark */
    KIND_COUNT_INDEX, /* the same with an index on the counter, which may be NULL */
    KIND_HEAP,        /* no key */
    KINDS,
};

#define COUNTED(type, words)                                                                       \
    "id LONG key, v STRING, fill STRING, version " type " counter" words ", deleted BOOLEAN"

static const char *columns_of(enum kind kind, bool bytes)
{
    switch (kind) {
    case KIND_PLAIN:
        return "id LONG key, v STRING, fill STRING";
    case KIND_TIMES:
        return "id LONG key, v STRING, fill STRING, updated_at UTC_DATETIME, deleted BOOLEAN";
    case KIND_INDEX:
        return "id LONG key, v STRING, fill STRING, updated_at UTC_DATETIME null indexed, "
               "deleted BOOLEAN";
    case KIND_COUNT:
        return bytes ? COUNTED("BINARY", "") : COUNTED("DECIMAL(20,0)", "");
    case KIND_COUNT_INDEX:
        return bytes ? COUNTED("BINARY", " null indexed")
                     : COUNTED("DECIMAL(20,0)", " null indexed");
    default:
        return "id LONG, v STRING, fill STRING";
    }
}

static const char bad_value[] = "\\bad"; /* makes its row one that cannot be carried */

/* A transaction that is open, and the rows that it has locked. */
struct open_transaction {
    bool begun;
    size_t transaction;
    int tables[OPEN_WRITES_MAX], ids[OPEN_WRITES_MAX], writes;
};

struct world {
    uint64_t seed;
    struct ps_random random; /* guarded by lock: hooks run on many threads */
    struct ps_mutex lock;
    struct fake_database *database;
    struct ps_clock_fake clock;
    struct ps_cancel cancel;
    char names[TABLES_MAX][16];
    enum kind kinds[TABLES_MAX];
    int tables, next_id;
    int64_t now;  /* seconds of the database's clock */
    int lag;      /* so long a transaction stays open at most: its rows bear the time it began */
    bool changes; /* the source keeps its changes */
    bool bytes;   /* counters are bytes, else decimals */
    struct open_transaction open[OPEN_MAX];
    int change_percent;
    bool bad, resync; /* rows that cannot be carried are written; the next life reads all anew */
    struct ps_monitor monitor; /* of a machine where nothing is short: batches grow, … */
    int64_t sampled_ns, step_ns;
    bool grows;           /* … in some lives */
    int64_t cancel_after; /* calls of the source; negative: never */
    char options[16][2][32];
    const char *pairs[33];
};

/* Of the life that is lived: the looks at its machine, whether they go on, and the thread that
 * writes; how many parts were joined in all of them, and in how many lives there were some. */
static struct fake_pace pace;
static bool paced; /* the writer's */
static pthread_t writer;
static atomic_uint joins;
static unsigned lives_that_joined;

static void log_nowhere(void *context, enum ps_log_level level, const char *line)
{
    (void)context;
    (void)level;
    (void)line;
}

static int below(struct world *world, int bound)
{
    return (int)ps_random_below(&world->random, (uint64_t)bound);
}

/* Gives the time of a row that is written now. With the lock held. */
static void tick(struct world *world, char out[PS_VALUE_TEXT_SIZE])
{
    char horizon[PS_VALUE_TEXT_SIZE];
    world->now++;
    ps_timestamp_format((struct ps_timestamp){world->now, 0}, true, out);
    ps_timestamp_format((struct ps_timestamp){world->now - world->lag, 0}, true, horizon);
    fake_database_set_now(world->database, out, horizon);
    ps_timestamp_format((struct ps_timestamp){world->now - below(world, world->lag + 1), 0}, true,
                        out);
}

static bool is_counted(enum kind kind)
{
    return kind == KIND_COUNT || kind == KIND_COUNT_INDEX;
}

static bool is_indexed(enum kind kind)
{
    return kind == KIND_INDEX || kind == KIND_COUNT_INDEX;
}

static bool is_marked(enum kind kind)
{
    return kind == KIND_TIMES || kind == KIND_INDEX || is_counted(kind);
}

/* A row's text in its table's columns. With the lock held. */
static void row_text(struct world *world, int table, int id, char *out, size_t size)
{
    char stamp[PS_VALUE_TEXT_SIZE], fill[801];
    int length = below(world, 800);
    memset(fill, 'x', sizeof fill);
    fill[length] = '\0';
    if (world->bad && below(world, 12) == 0) {
        snprintf(fill, sizeof fill, "%s", bad_value);
    }
    tick(world, stamp);
    if (is_marked(world->kinds[table])) {
        bool none = is_indexed(world->kinds[table]) && below(world, 12) == 0;
        const char *cursor = is_counted(world->kinds[table]) ? "\\count" : stamp;
        snprintf(out, size, "%d|v%d|%s|%s|%s", id, below(world, 1000000), fill,
                 none ? "\\N" : cursor, below(world, 10) == 0 ? "true" : "false");
    } else {
        snprintf(out, size, "%d|v%d|%s", id, below(world, 1000000), fill);
    }
}

static void commit(struct world *world, struct open_transaction *open)
{
    if (open->begun) {
        fake_commit(world->database, open->transaction);
    }
    *open = (struct open_transaction){.begun = false};
}

static bool is_locked(const struct world *world, int table, int id)
{
    for (int i = 0; i < OPEN_MAX; i++) {
        const struct open_transaction *open = &world->open[i];
        for (int k = 0; k < open->writes; k++) {
            if (open->tables[k] == table && open->ids[k] == id) {
                return true;
            }
        }
    }
    return false;
}

/* key NULL: a new row. A transaction commits sooner or later, with the number of its beginning. */
static void write_row(struct world *world, int table, int id, const char *key, const char *values)
{
    struct open_transaction *open = &world->open[below(world, OPEN_MAX)];
    const char *name = world->names[table];
    if (!is_counted(world->kinds[table]) || open->writes == OPEN_WRITES_MAX ||
        below(world, 2) == 0) {
        if (key == NULL) {
            fake_row_add(world->database, name, values);
        } else {
            fake_row_change(world->database, name, key, values);
        }
        return;
    }
    if (!open->begun) {
        open->begun = true;
        open->transaction = fake_begin(world->database);
    }
    fake_write(world->database, open->transaction, name, key, values);
    open->tables[open->writes] = table;
    open->ids[open->writes++] = id;
}

static void add_row(struct world *world, int table)
{
    char values[1200];
    int id = world->next_id++;
    row_text(world, table, id, values, sizeof values);
    write_row(world, table, id, NULL, values);
}

/* One change of one row. With the lock held. */
static void change(struct world *world)
{
    int table = below(world, world->tables), what = below(world, 10);
    char values[1200], key[16];
    if (below(world, 12) == 0) {
        commit(world, &world->open[below(world, OPEN_MAX)]);
    }
    if (what < 2) {
        add_row(world, table);
        return;
    }
    int id = below(world, world->next_id);
    snprintf(key, sizeof key, "%d", id);
    char *text = fake_table_text(world->database, world->names[table]);
    char line[20];
    snprintf(line, sizeof line, "\n%d|", id);
    bool mine = strncmp(text, line + 1, strlen(line) - 1) == 0 || strstr(text, line) != NULL;
    free(text);
    if (!mine || is_locked(world, table, id)) {
        return;
    }
    /* Rows of a table with a cursor are marked, never gone: no cursor could show it. */
    bool gone = what == 2 && (world->changes || !is_marked(world->kinds[table]));
    row_text(world, table, id, values, sizeof values);
    write_row(world, table, id, key, gone ? NULL : values);
}

static void hook(void *context, enum fake_call call, const char *table)
{
    struct world *world = context;
    (void)table;
    ps_mutex_lock(&world->lock);
    if (below(world, 100) < world->change_percent) {
        change(world);
    }
    bool loads = (fake_database_ops(world->database)->caps & PS_CAP_NO_LOADS) == 0;
    if (world->changes && loads && below(world, 100) == 0) {
        fake_log_cut(world->database, world->names[below(world, world->tables)]);
    }
    if (below(world, 200) == 0) {
        ps_clock_fake_advance(&world->clock, INT64_C(20000000000));
    }
    if (call != FAKE_OPEN && world->cancel_after >= 0 && world->cancel_after-- == 0) {
        ps_cancel_set(&world->cancel, 2);
    }
    ps_mutex_unlock(&world->lock);
}

/* Once for each write, if that comes soon. The time between two samples shrinks, so that all seems
 * to go faster with each step: batches, and the parts that are read as one, grow on. */
static void play(struct ps_monitor *monitor, struct ps_resource_sample *ret_sample)
{
    struct world *world = (struct world *)((char *)monitor - offsetof(struct world, monitor));
    (void)fake_pace_look(&pace, LOOK_WAIT_NS);
    world->step_ns = world->step_ns < 1000 ? INT64_C(1000000000) : world->step_ns * 3 / 4;
    world->sampled_ns += world->step_ns;
    *ret_sample = (struct ps_resource_sample){.at_ns = world->sampled_ns,
                                              .memory_percent = 30,
                                              .memory_limit_bytes = UINT64_C(8) << 30,
                                              .stalled_percent = -1,
                                              .cpu_percent = 20,
                                              .disk_percent = -1};
}

/* The writer prepares nothing itself but the metadata tables: then the machine is not looked at any
 * more. */
static enum ps_status prepare_in_pace(struct ps_sink *sink, struct ps_batch *batch,
                                      struct ps_packet **ret_packet, struct ps_error *err)
{
    if (pthread_equal(pthread_self(), writer)) {
        paced = false;
    }
    return fake_sink_ops.prepare(sink, batch, ret_packet, err);
}

static enum ps_status write_in_pace(struct ps_sink *sink, struct ps_packet *packet,
                                    struct ps_error *err)
{
    if (paced) {
        fake_pace_write(&pace);
    }
    return fake_sink_ops.write(sink, packet, err);
}

static bool join_counted(const char *first, const char *second, struct ps_buffer *ret_bounds)
{
    const bool joined = fake_join(first, second, ret_bounds);
    (void)atomic_fetch_add(&joins, joined);
    return joined;
}

static void option_text(struct world *world, int *count, const char *name, const char *value)
{
    snprintf(world->options[*count][0], 32, "%s", name);
    snprintf(world->options[*count][1], 32, "%s", value);
    world->pairs[2 * *count] = world->options[*count][0];
    world->pairs[2 * *count + 1] = world->options[*count][1];
    world->pairs[2 * ++*count] = NULL;
}

static void option(struct world *world, int *count, const char *name, int value)
{
    char text[16];
    snprintf(text, sizeof text, "%d", value);
    option_text(world, count, name, text);
}

static void world_make(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed, .now = 1704067200, .next_id = 1, .cancel_after = -1};
    ps_random_init(&world->random, seed);
    ps_mutex_init(&world->lock);
    fake_sink_forget();
    world->database = fake_database_new();
    ps_clock_fake_init(&world->clock, (struct ps_timestamp){1704067200, 0});
    world->monitor.sample = play;
    world->grows = below(world, 2) == 0;
    world->lag = below(world, 3) == 0 ? below(world, 30) : 0;
    world->changes = below(world, 5) == 0;
    if (world->changes) {
        uint32_t loads = below(world, 3) == 0 ? PS_CAP_NO_LOADS : 0;
        fake_database_set_caps(world->database, PS_CAP_SNAPSHOT | PS_CAP_RESUME |
                                                    PS_CAP_COUNT_CHEAP | PS_CAP_CHANGES | loads);
    } else if (below(world, 4) != 0) {
        fake_database_reuse(world->database);
    }
    if (!world->changes && below(world, 4) == 0) { /* its parts have no positions */
        uint32_t caps = fake_database_ops(world->database)->caps;
        fake_database_set_caps(world->database, caps & ~PS_CAP_RESUME);
    }
    world->bytes = below(world, 2) == 0;
    world->tables = 1 + below(world, TABLES_MAX);
    for (int i = 0; i < world->tables; i++) {
        world->kinds[i] = (enum kind)below(world, world->changes ? KIND_HEAP : KINDS);
        snprintf(world->names[i], sizeof world->names[i], "t%d", i);
        fake_table_add(world->database, "", world->names[i],
                       columns_of(world->kinds[i], world->bytes));
        /* One with many rows is cut into many parts where reads grow. */
        int most = world->grows ? 240 : 120;
        for (int rows = below(world, 3) == 0 ? below(world, 5) : below(world, most); rows > 0;
             rows--) {
            add_row(world, i);
        }
    }
    int count = 0;
    option(world, &count, "lookback_seconds", 0);
    option_text(world, &count, "timestamp_column", "version");
    option(world, &count, "batch_size", 1 + below(world, world->grows ? 2 : 12));
    option(world, &count, "partition_rows", 1 + below(world, world->grows ? 3 : 30));
    if (world->grows) {
        option(world, &count, "max_queue_size", 1); /* reads are not far ahead of what is written */
    }
    option(world, &count, "checkpoint_rows", 1 + below(world, 30));
    option(world, &count, "retry_sleep_seconds", below(world, 3));
    option(world, &count, "max_retries", below(world, 6));
    if (below(world, 2) == 0) {
        option(world, &count, "threads", 1 + below(world, 4));
    }
    if (below(world, 3) == 0) {
        option(world, &count, "snapshot_max_minutes", 1);
    }
    if (below(world, 2) == 0) {
        option_text(world, &count, "metadata_tables", "true");
    }
}

static void world_done(struct world *world)
{
    fake_database_free(world->database);
    ps_mutex_done(&world->lock);
    fake_sink_forget();
}

static _Noreturn void fail_seed(const struct world *world, const char *what)
{
    fail_msg("PENSTOCK_SIMULATION_SEED=%" PRIu64 ": %s", world->seed, what);
    abort();
}

/* Trouble of the source: at a random call, sooner or later. */
static void add_faults(struct world *world)
{
    static const enum fake_call calls[] = {FAKE_OPEN,        FAKE_LIST_TABLES,   FAKE_DESCRIBE,
                                           FAKE_PLAN,        FAKE_NOW,           FAKE_PIN,
                                           FAKE_HOLD,        FAKE_SNAPSHOT_NAME, FAKE_MARK,
                                           FAKE_READER_OPEN, FAKE_READER_NEXT,   FAKE_COUNT};
    static const enum ps_status statuses[] = {PS_RETRY, PS_RETRY, PS_RETRY, PS_SNAPSHOT_GONE,
                                              PS_BUG};
    static const enum ps_error_class classes[] = {PS_CLASS_NETWORK, PS_CLASS_DEADLOCK,
                                                  PS_CLASS_LOCK_TIMEOUT, PS_CLASS_FAILOVER};
    for (int faults = below(world, 5); faults > 0; faults--) {
        bool reading = below(world, 2) == 0;
        struct fake_fault fault = {
            .call = reading ? FAKE_READER_NEXT
                            : calls[below(world, (int)(sizeof calls / sizeof calls[0]))],
            .nth = (uint64_t)(1 + below(world, reading ? 40 : 8)),
            .after_rows = below(world, 2) == 0,
            .status = statuses[below(world, (int)(sizeof statuses / sizeof statuses[0]))],
            .error_class = classes[below(world, 4)],
        };
        if (fault.call == FAKE_READER_NEXT && below(world, 10) == 0) {
            fault.status = PS_SCHEMA;
        }
        fake_fault_add(world->database, &fault);
    }
}

static struct ps_state *stored_state(struct world *world, struct ps_sink *sink)
{
    struct ps_stored_state stored = {.found = false};
    struct ps_state *state = NULL;
    struct ps_error err;
    if (fake_sink_ops.state_read(sink, &stored, &err) != PS_OK ||
        ps_state_parse(stored.json == NULL ? "" : stored.json, stored.json_size, "the warehouse",
                       &state, &err) != PS_OK) {
        fail_seed(world, err.message);
    }
    ps_free(stored.json);
    return state;
}

/* What was read and what is counted at one point in time must not differ. */
static void look_for_miscounts(void *context, const char *text)
{
    if (strstr(text, "the source counts") != NULL) {
        fail_seed(context, text);
    }
}

/* One process's life. */
static enum ps_status live(struct world *world, struct ps_error *err)
{
    struct engine_config made;
    struct ps_run_result result = {.arena = NULL};
    struct ps_sink_request open = {
        .destination = DESTINATION, .schema = "tester", .clock = &world->clock.base};
    struct ps_source_ops source_ops = *fake_database_ops(world->database);
    struct ps_sink_ops sink_ops = fake_sink_ops;
    struct ps_run_request request = {
        .plan = {.source_ops = &source_ops,
                 .config = engine_config_make(&made, world->pairs),
                 .sink_caps = fake_sink_ops.caps,
                 .clock = &world->clock.base,
                 .resync = world->resync,
                 .cancel = &world->cancel},
        .sink_ops = &sink_ops,
        .checkpoint_seconds = 3600,
        .monitor = world->grows ? &world->monitor : NULL,
        .events = {.context = world, .warning = look_for_miscounts},
    };
    const unsigned joined_before = atomic_load(&joins);
    source_ops.join = join_counted;
    sink_ops.prepare = prepare_in_pace;
    sink_ops.write = write_in_pace;
    fake_pace_init(&pace);
    paced = world->grows;
    writer = pthread_self();
    ps_cancel_init(&world->cancel);
    if (fake_sink_ops.open(&open, &request.sink, err) != PS_OK) {
        fail_seed(world, err->message);
    }
    request.state = stored_state(world, request.sink);
    enum ps_status status = ps_sync_run(&request, &result, err);
    fake_pace_done(&pace);
    lives_that_joined += atomic_load(&joins) != joined_before;
    ps_run_result_done(&result);
    ps_state_free(request.state);
    fake_sink_ops.close(request.sink);
    engine_config_done(&made);
    if (fake_sources_open(world->database, NULL) != 0) {
        fail_seed(world, "a connection was left open");
    }
    return status;
}

static void live_in_trouble(struct world *world)
{
    static const enum ps_status kills[] = {PS_CONFIG, PS_RETRY};
    static const enum fake_sink_call calls[] = {FAKE_SINK_SCHEMA_CHANGE, FAKE_SINK_LOAD_BEGIN,
                                                FAKE_SINK_LOAD_RESUME,   FAKE_SINK_LOAD_END,
                                                FAKE_SINK_PREPARE,       FAKE_SINK_CHECKPOINT};
    struct ps_error err = {0};
    ps_mutex_lock(&world->lock);
    add_faults(world);
    world->change_percent = below(world, 3) == 0 ? 0 : below(world, 60);
    world->cancel_after = below(world, 3) == 0 ? below(world, 150) : -1;
    world->bad = below(world, 2) == 0;
    world->resync = !world->changes && below(world, 4) == 0;
    if (below(world, 3) == 0) {
        fake_sink_fail(calls[below(world, (int)(sizeof calls / sizeof calls[0]))],
                       (uint64_t)(1 + below(world, 6)), kills[below(world, 2)]);
    }
    if (below(world, 2) == 0) {
        fake_sink_fail(FAKE_SINK_WRITE, (uint64_t)(1 + below(world, 80)), PS_CONFIG);
    }
    ps_mutex_unlock(&world->lock);
    fake_hook_set(world->database, hook, world);
    enum ps_status status = live(world, &err);
    fake_hook_set(world->database, NULL, NULL);
    fake_faults_clear(world->database);
    fake_sink_fail_clear();
    if (status == PS_BUG && strcmp(err.message, "scripted fault") != 0 &&
        strstr(err.message, ": scripted fault") == NULL) {
        fail_seed(world, err.message);
    }
}

/* What is open ends, and rows that could not be carried become others that can. */
static void repair(struct world *world)
{
    world->bad = false;
    for (int i = 0; i < OPEN_MAX; i++) {
        commit(world, &world->open[i]);
    }
    for (int table = 0; table < world->tables; table++) {
        char *text = fake_table_text(world->database, world->names[table]);
        for (char *at = text, *end; *at != '\0'; at = end + 1) {
            char key[16], values[1200];
            end = strchr(at, '\n');
            *end = '\0';
            int id = atoi(at);
            if (strstr(at, bad_value) != NULL) {
                snprintf(key, sizeof key, "%d", id);
                row_text(world, table, id, values, sizeof values);
                fake_row_change(world->database, world->names[table], key, values);
            }
        }
        free(text);
    }
}

static void live_well(struct world *world)
{
    struct ps_error err = {0};
    world->cancel_after = -1;
    world->bad = world->resync = false;
    if (live(world, &err) != PS_OK) {
        fail_seed(world, err.message);
    }
}

/* "id|v" of a row of the source; false: it is marked as deleted, which counts but in changes. */
static bool source_line(const struct world *world, const char *row, enum kind kind, char out[64])
{
    const char *v = strchr(row, '|'), *end = strchr(row, '\n'), *fill = strchr(v + 1, '|');
    snprintf(out, 64, "%.*s", (int)(fill - row), row);
    return world->changes || !is_marked(kind) || memcmp(end - 5, "|true", 5) != 0;
}

/* Looks for the line in the text, whole. */
static bool has_line(const char *text, const char *line)
{
    size_t size = strlen(line);
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        if (strncmp(at, line, size) == 0 && at[size] == '\n') {
            return true;
        }
    }
    return false;
}

static void compare(const struct world *world, int table, bool exactly)
{
    char *source = fake_table_text(world->database, world->names[table]);
    char *rows = fake_sink_rows(DESTINATION, "", world->names[table], "id,v");
    char line[64], what[256];
    size_t expected = 0, found = 0;
    if (rows == NULL) {
        fail_seed(world, "a table is missing");
    }
    for (const char *at = source; *at != '\0'; at = strchr(at, '\n') + 1) {
        if (!source_line(world, at, world->kinds[table], line)) {
            continue;
        }
        expected++;
        if (!has_line(rows, line)) {
            snprintf(what, sizeof what, "%s (%s): the row %s is missing", world->names[table],
                     columns_of(world->kinds[table], world->bytes), line);
            fail_seed(world, what);
        }
    }
    for (const char *at = rows; *at != '\0'; at = strchr(at, '\n') + 1) {
        const char *end = strchr(at, '\n');
        found += end - at < 8 || memcmp(end - 8, " deleted", 8) != 0;
    }
    if (exactly && found != expected) {
        snprintf(what, sizeof what, "%s has %zu rows, and the source %zu", world->names[table],
                 found, expected);
        fail_seed(world, what);
    }
    free(source);
    ps_free(rows);
}

static void simulate(uint64_t seed)
{
    struct world world;
    world_make(&world, seed);
    if (below(&world, 2) == 0) {
        /* What is cut off later is not the first load, but a window of many rows. */
        live_well(&world);
        for (int changes = below(&world, 300); changes > 0; changes--) {
            change(&world);
        }
    }
    for (int lives = below(&world, LIVES_MAX + 1); lives > 0; lives--) {
        live_in_trouble(&world);
    }
    repair(&world);
    live_well(&world);
    for (int i = 0; i < world.tables; i++) {
        /* What was behind the position of a window that went on comes with the next one. */
        if (world.changes || !is_indexed(world.kinds[i])) {
            compare(&world, i, false);
        }
    }
    live_well(&world);
    for (int i = 0; i < world.tables; i++) {
        compare(&world, i, true);
    }
    world_done(&world);
}

static void test_simulation_ends_equal_whatever_happens(void **state)
{
    const char *runs_text = getenv("PENSTOCK_SIMULATION_RUNS");
    const char *seed_text = getenv("PENSTOCK_SIMULATION_SEED");
    uint64_t runs = runs_text == NULL ? RUNS : strtoull(runs_text, NULL, 10);
    uint64_t seed = seed_text == NULL ? 0 : strtoull(seed_text, NULL, 10);
    (void)state;
    ps_log_set_writer(log_nowhere, NULL);
    for (uint64_t i = 0; i < runs; i++) {
        simulate(seed_text == NULL ? i + 1 : seed);
    }
    assert_true(lives_that_joined > 0 || seed_text != NULL || runs < RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simulation_ends_equal_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
