/*
 * The fake source's tables, rows and faults. What a test gets wrong ends in an abort.
 */
#include "fake_database.h"

#include <assert.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_database *_Atomic current;

static void *must(void *memory)
{
    assert(memory != NULL);
    return memory;
}

struct fake_database *fake_database_current(void)
{
    return atomic_load(&current);
}

struct fake_database *fake_database_new(void)
{
    struct fake_database *database = must(calloc(1, sizeof *database));
    database->ops = fake_source_ops;
    ps_mutex_init(&database->lock);
    ps_condition_init(&database->canceled);
    database->now = (struct ps_timestamp){.seconds = 1704067200};
    database->horizon = database->now;
    database->horizon_known = true;
    database->time = 1;
    atomic_store(&current, database);
    return database;
}

static void rows_free(struct fake_table *table)
{
    for (size_t i = 0; i < table->rows_count; i++) {
        free(table->rows[i].values);
    }
    free(table->rows);
}

void fake_database_free(struct fake_database *database)
{
    if (database == NULL) {
        return;
    }
    assert(database->open == NULL);
    struct fake_database *expected = database;
    atomic_compare_exchange_strong(&current, &expected, NULL);
    for (size_t i = 0; i < database->tables_count; i++) {
        rows_free(database->tables[i]);
        free(database->tables[i]);
    }
    free(database->tables);
    fake_transactions_free(database);
    ps_buffer_done(&database->executed);
    ps_condition_done(&database->canceled);
    ps_mutex_done(&database->lock);
    free(database);
}

const char *fake_executed(struct fake_database *database)
{
    return ps_buffer_text(&database->executed);
}

const struct ps_source_ops *fake_database_ops(struct fake_database *database)
{
    return &database->ops;
}

void fake_database_set_caps(struct fake_database *database, uint32_t caps)
{
    database->ops.caps = caps;
}

static struct ps_timestamp timestamp_of(const char *text)
{
    struct ps_timestamp value;
    bool parsed = ps_timestamp_parse(text, strlen(text), &value, NULL);
    assert(parsed);
    return value;
}

void fake_database_set_now(struct fake_database *database, const char *now, const char *horizon)
{
    ps_mutex_lock(&database->lock);
    database->now = timestamp_of(now);
    database->horizon_known = horizon != NULL;
    if (horizon != NULL) {
        database->horizon = timestamp_of(horizon);
    }
    ps_mutex_unlock(&database->lock);
}

void fake_database_set_stale(struct fake_database *database, int64_t ms)
{
    ps_mutex_lock(&database->lock);
    database->stale_ms = ms;
    ps_mutex_unlock(&database->lock);
}

struct fake_table *fake_table_get(struct fake_database *database, const char *name)
{
    for (size_t i = 0; i < database->tables_count; i++) {
        if (!database->tables[i]->dropped && strcmp(database->tables[i]->name, name) == 0) {
            return database->tables[i];
        }
    }
    return NULL;
}

/* Takes the lock; the caller gives it back. */
static struct fake_table *lock_table(struct fake_database *database, const char *name)
{
    ps_mutex_lock(&database->lock);
    struct fake_table *table = fake_table_get(database, name);
    assert(table != NULL);
    return table;
}

static void set_type(struct fake_column *column, const char *text)
{
    unsigned precision = 0, scale = 0;
    char name[32] = "";

    int found = sscanf(text, "%31[A-Z_](%u,%u)", name, &precision, &scale);
    assert(found >= 1);
    column->type = PS_TYPE_UNSPECIFIED;
    for (int type = 0; type < PS_TYPES; type++) {
        if (strcmp(ps_type_name((enum ps_type)type), name) == 0) {
            column->type = (enum ps_type)type;
        }
    }
    assert(column->type != PS_TYPE_UNSPECIFIED || strcmp(name, "UNSPECIFIED") == 0);
    assert(column->type != PS_TYPE_DECIMAL || (precision >= 1 && scale <= precision));
    column->precision = (uint8_t)precision;
    column->scale = (uint8_t)scale;
}

static void add_column(struct fake_table *table, char *spec)
{
    assert(table->columns_count < FAKE_COLUMNS_MAX);
    struct fake_column *column = &table->columns[table->columns_count];
    char *rest = NULL;
    char *name = strtok_r(spec, " ", &rest);
    char *type = strtok_r(NULL, " ", &rest);

    assert(name != NULL && type != NULL);
    *column = (struct fake_column){0};
    snprintf(column->name, sizeof column->name, "%s", name);
    set_type(column, type);
    for (char *word = strtok_r(NULL, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (strcmp(word, "key") == 0) {
            column->key = 1;
            for (uint32_t i = 0; i < table->columns_count; i++) {
                column->key = (uint16_t)(column->key + (table->columns[i].key != 0));
            }
        } else if (strcmp(word, "null") == 0) {
            column->nullable = true;
        } else if (strcmp(word, "counter") == 0) {
            column->counter = true;
        } else {
            assert(strcmp(word, "indexed") == 0);
            column->indexed = true;
        }
    }
    column->indexed = column->indexed || column->key == 1;
    table->columns_count++;
}

/* All columns of the counter have its type. */
static void note_counter(struct fake_database *database, const struct fake_column *column)
{
    if (column->counter) {
        assert(database->counter_type == PS_TYPE_UNSPECIFIED ||
               database->counter_type == column->type);
        assert(column->scale == 0);
        database->counter_type = column->type;
    }
}

static void add_columns(struct fake_database *database, struct fake_table *table,
                        const char *columns)
{
    char *copy = must(strdup(columns));
    char *start = copy;
    int depth = 0;

    for (char *at = copy;; at++) {
        depth += *at == '(' ? 1 : *at == ')' ? -1 : 0;
        if (*at == '\0' || (*at == ',' && depth == 0)) {
            bool last = *at == '\0';
            *at = '\0';
            add_column(table, start);
            note_counter(database, &table->columns[table->columns_count - 1]);
            start = at + 1;
            if (last) {
                break;
            }
        }
    }
    free(copy);
}

void fake_table_add(struct fake_database *database, const char *schema, const char *name,
                    const char *columns)
{
    struct fake_table *table = must(calloc(1, sizeof *table));
    snprintf(table->schema, sizeof table->schema, "%s", schema);
    snprintf(table->name, sizeof table->name, "%s", name);
    table->incarnation = 1;
    table->estimate = -1;

    ps_mutex_lock(&database->lock);
    add_columns(database, table, columns);
    assert(fake_table_get(database, name) == NULL);
    database->tables =
        must(realloc(database->tables, (database->tables_count + 1) * sizeof(struct fake_table *)));
    size_t at = database->tables_count++;
    for (; at > 0; at--) {
        struct fake_table *before = database->tables[at - 1];
        int order = strcmp(before->schema, schema);
        if (order < 0 || (order == 0 && strcmp(before->name, name) <= 0)) {
            break;
        }
        database->tables[at] = before;
    }
    database->tables[at] = table;
    database->time++;
    ps_mutex_unlock(&database->lock);
}

void fake_table_drop(struct fake_database *database, const char *name)
{
    lock_table(database, name)->dropped = true;
    database->time++;
    ps_mutex_unlock(&database->lock);
}

void fake_table_refuse(struct fake_database *database, const char *name)
{
    lock_table(database, name)->refused = true;
    ps_mutex_unlock(&database->lock);
}

void fake_column_add(struct fake_database *database, const char *table, const char *column)
{
    add_columns(database, lock_table(database, table), column);
    database->time++;
    ps_mutex_unlock(&database->lock);
}

void fake_column_retype(struct fake_database *database, const char *table, const char *column,
                        const char *type)
{
    struct fake_table *found = lock_table(database, table);
    struct fake_column *match = NULL;
    for (uint32_t i = 0; i < found->columns_count; i++) {
        if (strcmp(found->columns[i].name, column) == 0) {
            match = &found->columns[i];
        }
    }
    assert(match != NULL);
    set_type(match, type);
    database->time++;
    ps_mutex_unlock(&database->lock);
}

void fake_table_set_estimate(struct fake_database *database, const char *table, int64_t rows)
{
    lock_table(database, table)->estimate = rows;
    ps_mutex_unlock(&database->lock);
}

void fake_database_reuse(struct fake_database *database)
{
    ps_mutex_lock(&database->lock);
    database->reuse = true;
    ps_mutex_unlock(&database->lock);
}

/* A row that ended before all that can be seen now; NULL: there is none. With the lock held. */
static struct fake_row *dead_row(const struct fake_database *database, struct fake_table *table)
{
    uint64_t oldest = database->time;
    for (const struct fake_source *source = database->open; source != NULL; source = source->next) {
        oldest = source->pinned && source->snapshot < oldest ? source->snapshot : oldest;
    }
    for (size_t i = 0; database->reuse && i < table->rows_count; i++) {
        if (table->rows[i].died <= oldest) {
            return &table->rows[i];
        }
    }
    return NULL;
}

/* Takes `values`. With the lock held. */
static void append_row(const struct fake_database *database, struct fake_table *table,
                       uint64_t born, char *values)
{
    struct fake_row *dead = dead_row(database, table);
    if (dead != NULL) {
        free(dead->values);
        *dead = (struct fake_row){.born = born, .died = FAKE_FOREVER, .values = values};
        return;
    }
    if (table->rows_count == table->rows_capacity) {
        table->rows_capacity = table->rows_capacity * 2 + 16;
        table->rows = must(realloc(table->rows, table->rows_capacity * sizeof *table->rows));
    }
    table->rows[table->rows_count++] =
        (struct fake_row){.born = born, .died = FAKE_FOREVER, .values = values};
}

void fake_row_add(struct fake_database *database, const char *table, const char *values)
{
    struct fake_table *found = lock_table(database, table);
    append_row(database, found, ++database->time,
               fake_counted(database, values, fake_number(database)));
    ps_mutex_unlock(&database->lock);
}

static char *fill_in(const char *pattern, int64_t number)
{
    char *values = NULL;
    size_t size = 0;
    FILE *out = must(open_memstream(&values, &size));
    for (const char *at = pattern; *at != '\0'; at++) {
        if (*at == '#') {
            fprintf(out, "%" PRId64, number);
        } else {
            fputc(*at, out);
        }
    }
    fclose(out);
    return must(values);
}

void fake_rows_add(struct fake_database *database, const char *table, int64_t first, int64_t last,
                   const char *pattern)
{
    struct fake_table *found = lock_table(database, table);
    database->time++;
    char *counted = fake_counted(database, pattern, fake_number(database));
    for (int64_t number = first; number <= last; number++) {
        append_row(database, found, database->time, fill_in(counted, number));
    }
    free(counted);
    ps_mutex_unlock(&database->lock);
}

void fake_row_put(struct fake_database *database, struct fake_table *table, const char *key,
                  uint64_t before, char *values)
{
    size_t size = key == NULL ? 0 : strlen(key);
    for (size_t i = 0; key != NULL && i < table->rows_count; i++) {
        struct fake_row *row = &table->rows[i];
        if (fake_row_visible(row, before) && strncmp(row->values, key, size) == 0 &&
            (row->values[size] == '|' || row->values[size] == '\0')) {
            row->died = database->time;
        }
    }
    if (values != NULL) {
        append_row(database, table, database->time, values);
    }
}

void fake_row_change(struct fake_database *database, const char *table, const char *key,
                     const char *values)
{
    struct fake_table *found = lock_table(database, table);
    uint64_t before = database->time++;
    char *counted = values == NULL ? NULL : fake_counted(database, values, fake_number(database));
    fake_row_put(database, found, key, before, counted);
    ps_mutex_unlock(&database->lock);
}

void fake_log_cut(struct fake_database *database, const char *table)
{
    struct fake_table *found = lock_table(database, table);
    found->log_begins = ++database->time;
    ps_mutex_unlock(&database->lock);
}

void fake_table_truncate(struct fake_database *database, const char *table)
{
    struct fake_table *found = lock_table(database, table);
    uint64_t before = database->time++;
    for (size_t i = 0; i < found->rows_count; i++) {
        if (fake_row_visible(&found->rows[i], before)) {
            found->rows[i].died = database->time;
        }
    }
    found->incarnation++;
    ps_mutex_unlock(&database->lock);
}

int64_t fake_rows_visible(const struct fake_table *table, uint64_t time)
{
    int64_t rows = 0;
    for (size_t i = 0; i < table->rows_count; i++) {
        rows += fake_row_visible(&table->rows[i], time);
    }
    return rows;
}

int64_t fake_table_rows(struct fake_database *database, const char *table)
{
    int64_t rows = fake_rows_visible(lock_table(database, table), database->time);
    ps_mutex_unlock(&database->lock);
    return rows;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char *fake_table_text(struct fake_database *database, const char *table)
{
    struct fake_table *found = lock_table(database, table);
    char **lines = must(calloc(found->rows_count + 1, sizeof *lines));
    size_t count = 0, size = 0;
    char *text = NULL;
    for (size_t i = 0; i < found->rows_count; i++) {
        if (fake_row_visible(&found->rows[i], database->time)) {
            lines[count++] = found->rows[i].values;
        }
    }
    qsort(lines, count, sizeof *lines, by_text);
    FILE *out = must(open_memstream(&text, &size));
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s\n", lines[i]);
    }
    fclose(out);
    free(lines);
    ps_mutex_unlock(&database->lock);
    return must(text);
}

void fake_fault_add(struct fake_database *database, const struct fake_fault *fault)
{
    ps_mutex_lock(&database->lock);
    assert(database->faults_count < FAKE_FAULTS_MAX);
    database->faults[database->faults_count++] = (struct fake_armed){.fault = *fault};
    ps_mutex_unlock(&database->lock);
}

void fake_faults_clear(struct fake_database *database)
{
    ps_mutex_lock(&database->lock);
    database->faults_count = 0;
    ps_mutex_unlock(&database->lock);
}

uint64_t fake_calls(struct fake_database *database, enum fake_call call)
{
    ps_mutex_lock(&database->lock);
    uint64_t calls = database->calls[call];
    ps_mutex_unlock(&database->lock);
    return calls;
}

uint32_t fake_sources_open(struct fake_database *database, uint32_t *ret_peak)
{
    ps_mutex_lock(&database->lock);
    uint32_t count = database->open_count;
    if (ret_peak != NULL) {
        *ret_peak = database->open_peak;
    }
    ps_mutex_unlock(&database->lock);
    return count;
}

uint32_t fake_readers_hanging(struct fake_database *database)
{
    ps_mutex_lock(&database->lock);
    uint32_t hanging = database->hanging;
    ps_mutex_unlock(&database->lock);
    return hanging;
}

void fake_hook_set(struct fake_database *database,
                   void (*hook)(void *context, enum fake_call call, const char *table),
                   void *context)
{
    ps_mutex_lock(&database->lock);
    database->hook = hook;
    database->hook_context = context;
    ps_mutex_unlock(&database->lock);
}

/* With the lock held. Every armed fault sees the call, also when an earlier one is due. */
static bool fault_due(struct fake_database *database, enum fake_call call, const char *table,
                      struct fake_fault *ret_fault)
{
    bool due = false;
    for (uint32_t i = 0; i < database->faults_count; i++) {
        struct fake_armed *armed = &database->faults[i];
        const struct fake_fault *fault = &armed->fault;
        uint64_t nth = fault->nth == 0 ? 1 : fault->nth;
        if (fault->call != call ||
            (fault->table != NULL && (table == NULL || strcmp(fault->table, table) != 0))) {
            continue;
        }
        armed->seen++;
        if (!due && (armed->seen == nth || (fault->forever && armed->seen > nth))) {
            *ret_fault = *fault;
            due = true;
        }
    }
    return due;
}

bool fake_enter(struct fake_database *database, enum fake_call call, const char *table,
                struct fake_fault *ret_fault)
{
    ps_mutex_lock(&database->lock);
    database->calls[call]++;
    void (*hook)(void *, enum fake_call, const char *) = database->hook;
    void *context = database->hook_context;
    ps_mutex_unlock(&database->lock);
    if (hook != NULL) {
        hook(context, call, table);
    }
    ps_mutex_lock(&database->lock);
    bool due = fault_due(database, call, table, ret_fault);
    ps_mutex_unlock(&database->lock);
    return due;
}

enum ps_status fake_fail(const struct fake_fault *fault, struct ps_error *err)
{
    enum ps_status status = ps_fail(err, fault->status, fault->error_class, "%s",
                                    fault->message != NULL ? fault->message : "scripted fault");
    if (err != NULL) {
        err->vendor_code = fault->vendor_code;
        err->retry_after_ms = fault->retry_after_ms;
        if (fault->sqlstate != NULL) {
            snprintf(err->sqlstate, sizeof err->sqlstate, "%s", fault->sqlstate);
        }
    }
    return status;
}
