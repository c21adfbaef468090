/*
 * The fake sink. Plain and slow on purpose: rows are lists, keys are compared as texts, so that it
 * can be read as what the interface means.
 */
#include "support/fake_sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/thread.h"

/* A row: cells by the table's columns; a NULL cell is a NULL pointer. */
struct fake_row {
    char **cells;
    size_t cells_count;
    bool deleted;
};

struct fake_rows {
    struct fake_row *rows;
    size_t count;
};

struct fake_table {
    char *schema, *name;
    char **columns;
    enum ps_type *types;
    uint8_t *precisions, *scales;
    size_t columns_count;
    char **keys; /* names, in key order */
    size_t keys_count;
    struct fake_rows rows, load;
    struct fake_rows gone; /* keys that the load deleted */
    bool loading;
    uint64_t load_repeated; /* keys that the load brought more than once */
};

/* All that a destination holds at one moment. */
struct fake_content {
    struct fake_table *tables;
    size_t tables_count;
    char *state;
    uint64_t number;
};

struct fake_store {
    char *destination;
    struct fake_content committed;
    struct fake_store *next;
};

struct fake_sink {
    struct ps_sink base;
    struct fake_store *store;
    struct fake_content content; /* as written, not yet committed */
};

struct fake_packet {
    struct ps_packet base;
    struct ps_batch *batch;
};

static struct fake_store *stores;
static struct ps_buffer journal;
static struct {
    uint64_t countdown;
    enum ps_status status;
} faults[FAKE_SINK_CALLS];
static pthread_mutex_t faults_lock = PTHREAD_MUTEX_INITIALIZER;

/* Memory of a fake is the test's own: it aborts where there is none. */
static void *must(void *memory)
{
    if (memory == NULL) {
        abort();
    }
    return memory;
}

static char *copy_text(const char *text)
{
    return text == NULL ? NULL : must(strdup(text));
}

static void rows_clear(struct fake_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        for (size_t c = 0; c < rows->rows[i].cells_count; c++) {
            free(rows->rows[i].cells[c]);
        }
        free(rows->rows[i].cells);
    }
    free(rows->rows);
    *rows = (struct fake_rows){0};
}

static struct fake_row *rows_add(struct fake_rows *rows, size_t cells)
{
    rows->rows = must(realloc(rows->rows, (rows->count + 1) * sizeof *rows->rows));
    struct fake_row *row = &rows->rows[rows->count++];
    *row =
        (struct fake_row){.cells = must(calloc(cells + 1, sizeof(char *))), .cells_count = cells};
    return row;
}

static void rows_copy(struct fake_rows *to, const struct fake_rows *from)
{
    *to = (struct fake_rows){0};
    for (size_t i = 0; i < from->count; i++) {
        struct fake_row *row = rows_add(to, from->rows[i].cells_count);
        row->deleted = from->rows[i].deleted;
        for (size_t c = 0; c < row->cells_count; c++) {
            row->cells[c] = copy_text(from->rows[i].cells[c]);
        }
    }
}

static void names_clear(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(names[i]);
    }
    free(names);
}

static void table_clear(struct fake_table *table)
{
    free(table->schema);
    free(table->name);
    names_clear(table->columns, table->columns_count);
    names_clear(table->keys, table->keys_count);
    free(table->types);
    free(table->precisions);
    free(table->scales);
    rows_clear(&table->rows);
    rows_clear(&table->load);
    rows_clear(&table->gone);
}

static void content_clear(struct fake_content *content)
{
    for (size_t i = 0; i < content->tables_count; i++) {
        table_clear(&content->tables[i]);
    }
    free(content->tables);
    free(content->state);
    *content = (struct fake_content){0};
}

static char **names_copy(char *const *names, size_t count)
{
    char **copy = must(calloc(count + 1, sizeof *copy));
    for (size_t i = 0; i < count; i++) {
        copy[i] = copy_text(names[i]);
    }
    return copy;
}

static void *bytes_copy(const void *bytes, size_t size)
{
    void *copy = must(malloc(size + 1));
    if (size != 0) {
        memcpy(copy, bytes, size);
    }
    return copy;
}

static void content_copy(struct fake_content *to, const struct fake_content *from)
{
    *to = (struct fake_content){.tables_count = from->tables_count, .number = from->number};
    to->tables = must(calloc(from->tables_count + 1, sizeof *to->tables));
    to->state = copy_text(from->state);
    for (size_t i = 0; i < from->tables_count; i++) {
        const struct fake_table *table = &from->tables[i];
        struct fake_table *copy = &to->tables[i];
        *copy = *table;
        copy->schema = copy_text(table->schema);
        copy->name = copy_text(table->name);
        copy->columns = names_copy(table->columns, table->columns_count);
        copy->keys = names_copy(table->keys, table->keys_count);
        copy->types = bytes_copy(table->types, table->columns_count * sizeof *table->types);
        copy->precisions = bytes_copy(table->precisions, table->columns_count);
        copy->scales = bytes_copy(table->scales, table->columns_count);
        rows_copy(&copy->rows, &table->rows);
        rows_copy(&copy->load, &table->load);
        rows_copy(&copy->gone, &table->gone);
    }
}

static struct fake_store *store_of(const char *destination, bool create)
{
    for (struct fake_store *store = stores; store != NULL; store = store->next) {
        if (strcmp(store->destination, destination) == 0) {
            return store;
        }
    }
    if (!create) {
        return NULL;
    }
    struct fake_store *store = must(calloc(1, sizeof *store));
    store->destination = copy_text(destination);
    store->next = stores;
    stores = store;
    return store;
}

static struct fake_table *table_of(const struct fake_content *content, const char *schema,
                                   const char *name)
{
    for (size_t i = 0; i < content->tables_count; i++) {
        struct fake_table *table = &content->tables[i];
        if (strcmp(table->schema, schema) == 0 && strcmp(table->name, name) == 0) {
            return table;
        }
    }
    return NULL;
}

static int32_t column_of(const struct fake_table *table, const char *name)
{
    for (size_t i = 0; i < table->columns_count; i++) {
        if (strcmp(table->columns[i], name) == 0) {
            return (int32_t)i;
        }
    }
    return -1;
}

static bool cells_equal(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* Keys of both; every cell where the table has no key. */
static bool same_key(const struct fake_table *table, char *const *a, char *const *b)
{
    if (table->keys_count == 0) {
        for (size_t i = 0; i < table->columns_count; i++) {
            if (!cells_equal(a[i], b[i])) {
                return false;
            }
        }
        return true;
    }
    for (size_t i = 0; i < table->keys_count; i++) {
        int32_t column = column_of(table, table->keys[i]);
        if (!cells_equal(a[column], b[column])) {
            return false;
        }
    }
    return true;
}

static struct fake_row *row_with_key(const struct fake_table *table, const struct fake_rows *rows,
                                     char *const *cells)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (same_key(table, rows->rows[i].cells, cells)) {
            return &rows->rows[i];
        }
    }
    return NULL;
}

static struct fake_rows *target_of(struct fake_table *table)
{
    return table->loading ? &table->load : &table->rows;
}

/* Cells of one row of the batch by the table's columns; given[c] tells which the batch has. */
static void read_row(const struct fake_table *table, const struct ps_batch *batch, uint32_t row,
                     char **cells, bool *given)
{
    for (uint32_t i = 0; i < batch->columns_count; i++) {
        int32_t column = column_of(table, batch->table->columns[batch->columns[i]].name);
        if (column < 0) {
            abort();
        }
        cells[column] = fake_sink_cell(&batch->vectors[i], row);
        given[column] = true;
    }
}

static void row_copy(struct fake_row *row, char **cells, size_t count)
{
    for (size_t c = 0; c < count; c++) {
        free(row->cells[c]);
        row->cells[c] = copy_text(cells[c]);
    }
}

/* The last word of a load on a key: it is deleted, or left out. */
static void note_word(struct fake_table *table, char **cells, bool deleted)
{
    struct fake_row *row = row_with_key(table, &table->gone, cells);
    if (row == NULL) {
        row = rows_add(&table->gone, table->columns_count);
        row_copy(row, cells, table->columns_count);
    }
    row->deleted = deleted;
}

static void apply_row(struct fake_table *table, enum ps_operation operation, char **cells,
                      const bool *given)
{
    struct fake_rows *rows = target_of(table);
    struct fake_row *row = row_with_key(table, rows, cells);
    switch (operation) {
    case PS_UPSERT:
        if (row == NULL) {
            row = rows_add(rows, table->columns_count);
        } else if (table->loading) {
            table->load_repeated++;
        }
        row_copy(row, cells, table->columns_count);
        row->deleted = false;
        break;
    case PS_UPDATE:
        for (size_t c = 0; row != NULL && !row->deleted && c < table->columns_count; c++) {
            if (given[c]) {
                free(row->cells[c]);
                row->cells[c] = copy_text(cells[c]);
            }
        }
        break;
    default:
        if (row != NULL && operation == PS_DELETE) {
            row->deleted = true;
        }
        if (table->loading) {
            note_word(table, cells, operation == PS_DELETE);
        }
    }
}

static void apply_batch(struct fake_table *table, const struct ps_batch *batch)
{
    for (uint32_t row = 0; row < batch->rows; row++) {
        char **cells = must(calloc(table->columns_count + 1, sizeof *cells));
        bool *given = must(calloc(table->columns_count + 1, sizeof *given));
        read_row(table, batch, row, cells, given);
        apply_row(table, batch->operation, cells, given);
        names_clear(cells, table->columns_count);
        free(given);
    }
}

static enum ps_status fault(enum fake_sink_call call, struct ps_error *err)
{
    enum ps_status status = PS_OK;
    pthread_mutex_lock(&faults_lock);
    if (faults[call].countdown != 0 && --faults[call].countdown == 0) {
        status = faults[call].status;
    }
    pthread_mutex_unlock(&faults_lock);
    return status == PS_OK ? PS_OK : ps_fail(err, status, PS_CLASS_NONE, "scripted fault");
}

static void note(const char *format, const char *a, const char *b)
{
    if (journal.limit == 0 && journal.data == NULL) {
        ps_buffer_init(&journal, 0);
    }
    ps_buffer_printf(&journal, format, a, b);
    ps_buffer_putc(&journal, '\n');
}

static void note_table(const char *what, const struct ps_table *table)
{
    char text[512];
    snprintf(text, sizeof text, "%s%s%s", table->schema, table->schema[0] != '\0' ? "." : "",
             table->name);
    note("%s %s", what, text);
}

static enum ps_status fake_open(const struct ps_sink_request *request, struct ps_sink **ret_sink,
                                struct ps_error *err)
{
    note("open %s%s", request->destination, "");
    enum ps_status status = fault(FAKE_SINK_OPEN, err);
    if (status != PS_OK) {
        return status;
    }
    if (request->must_exist && store_of(request->destination, false) == NULL) {
        return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING, "opening %s: there is none",
                       request->destination);
    }
    struct fake_sink *sink = must(calloc(1, sizeof *sink));
    sink->base.ops = &fake_sink_ops;
    sink->store = store_of(request->destination, true);
    content_copy(&sink->content, &sink->store->committed);
    *ret_sink = &sink->base;
    return PS_OK;
}

static void fake_close(struct ps_sink *base)
{
    struct fake_sink *sink = (struct fake_sink *)base;
    if (sink != NULL) {
        note("close%s%s", "", "");
        content_clear(&sink->content);
        free(sink);
    }
}

static enum ps_status fake_state_read(struct ps_sink *base, struct ps_stored_state *ret_state,
                                      struct ps_error *err)
{
    const struct fake_sink *sink = (const struct fake_sink *)base;
    enum ps_status status = fault(FAKE_SINK_STATE_READ, err);
    if (status != PS_OK) {
        return status;
    }
    const struct fake_content *committed = &sink->store->committed;
    struct ps_stored_state state = {.number = committed->number};
    snprintf(state.warehouse_id, sizeof state.warehouse_id, "fake:%.50s", sink->store->destination);
    if (committed->state != NULL) {
        state.found = true;
        state.json = must(ps_strdup(committed->state));
        state.json_size = strlen(state.json);
    }
    *ret_state = state;
    return PS_OK;
}

static void table_add_column(struct fake_table *table, const struct ps_column *column)
{
    size_t count = table->columns_count + 1;
    table->columns = must(realloc(table->columns, count * sizeof *table->columns));
    table->types = must(realloc(table->types, count * sizeof *table->types));
    table->precisions = must(realloc(table->precisions, count));
    table->scales = must(realloc(table->scales, count));
    table->columns[count - 1] = copy_text(column->name);
    table->types[count - 1] = column->type;
    table->precisions[count - 1] = column->precision;
    table->scales[count - 1] = column->scale;
    table->columns_count = count;
    struct fake_rows *all[] = {&table->rows, &table->load, &table->gone};
    for (size_t a = 0; a < 3; a++) {
        for (size_t i = 0; i < all[a]->count; i++) {
            struct fake_row *row = &all[a]->rows[i];
            row->cells = must(realloc(row->cells, (count + 1) * sizeof *row->cells));
            row->cells[count - 1] = NULL;
            row->cells_count = count;
        }
    }
}

static void table_set_keys(struct fake_table *table, const struct ps_table *shape)
{
    names_clear(table->keys, table->keys_count);
    table->keys_count = shape->keys_count;
    table->keys = must(calloc((size_t)shape->keys_count + 1, sizeof *table->keys));
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        if (shape->columns[i].key_position != 0) {
            table->keys[shape->columns[i].key_position - 1] = copy_text(shape->columns[i].name);
        }
    }
}

static enum ps_status fake_schema_change(struct ps_sink *base, const struct ps_table *shape,
                                         bool *ret_changed, struct ps_error *err)
{
    struct fake_content *content = &((struct fake_sink *)base)->content;
    note_table("schema_change", shape);
    enum ps_status status = fault(FAKE_SINK_SCHEMA_CHANGE, err);
    if (status != PS_OK) {
        return status;
    }
    bool changed = false;
    struct fake_table *table = table_of(content, shape->schema, shape->name);
    if (table == NULL) {
        changed = true;
        content->tables =
            must(realloc(content->tables, (content->tables_count + 1) * sizeof *content->tables));
        table = &content->tables[content->tables_count++];
        *table =
            (struct fake_table){.schema = copy_text(shape->schema), .name = copy_text(shape->name)};
    }
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        int32_t column = column_of(table, shape->columns[i].name);
        if (column < 0) {
            changed = true;
            table_add_column(table, &shape->columns[i]);
        } else if (table->types[column] != shape->columns[i].type ||
                   table->precisions[column] != shape->columns[i].precision ||
                   table->scales[column] != shape->columns[i].scale) {
            changed = true;
            table->types[column] = shape->columns[i].type;
            table->precisions[column] = shape->columns[i].precision;
            table->scales[column] = shape->columns[i].scale;
        }
    }
    table_set_keys(table, shape);
    *ret_changed = changed;
    return PS_OK;
}

/* A table that schema_change has told of. */
static enum ps_status known(struct ps_sink *base, const struct ps_table *shape,
                            struct fake_table **ret_table, struct ps_error *err)
{
    *ret_table = table_of(&((struct fake_sink *)base)->content, shape->schema, shape->name);
    return *ret_table != NULL
               ? PS_OK
               : ps_fail(err, PS_BUG, PS_CLASS_NONE, "%s was never told", shape->name);
}

static enum ps_status fake_load_begin(struct ps_sink *base, const struct ps_table *shape,
                                      struct ps_error *err)
{
    struct fake_table *table = NULL;
    note_table("load_begin", shape);
    enum ps_status status = fault(FAKE_SINK_LOAD_BEGIN, err);
    if (status == PS_OK) {
        status = known(base, shape, &table, err);
    }
    if (status == PS_OK) {
        rows_clear(&table->load);
        rows_clear(&table->gone);
        table->loading = true;
        table->load_repeated = 0;
    }
    return status;
}

static enum ps_status fake_load_resume(struct ps_sink *base, const struct ps_table *shape,
                                       struct ps_error *err)
{
    struct fake_table *table = NULL;
    note_table("load_resume", shape);
    enum ps_status status = fault(FAKE_SINK_LOAD_RESUME, err);
    if (status == PS_OK) {
        status = known(base, shape, &table, err);
    }
    return status == PS_OK && !table->loading ? PS_END : status;
}

static enum ps_status fake_load_end(struct ps_sink *base, const struct ps_table *shape,
                                    uint32_t flags, struct ps_load_result *ret_result,
                                    struct ps_error *err)
{
    struct fake_table *table = NULL;
    note_table("load_end", shape);
    enum ps_status status = fault(FAKE_SINK_LOAD_END, err);
    if (status == PS_OK) {
        status = known(base, shape, &table, err);
    }
    if (status != PS_OK) {
        return status;
    }
    struct ps_load_result result = {.duplicates = table->load_repeated};
    for (size_t i = 0; i < table->rows.count; i++) {
        const struct fake_row *old = &table->rows.rows[i];
        if (row_with_key(table, &table->load, old->cells) != NULL) {
            continue;
        }
        struct fake_row *row = rows_add(&table->load, table->columns_count);
        row_copy(row, old->cells, table->columns_count);
        const struct fake_row *said = row_with_key(table, &table->gone, old->cells);
        row->deleted =
            old->deleted || (said != NULL ? said->deleted : (flags & PS_LOAD_INCOMPLETE) == 0);
        result.vanished += row->deleted && !old->deleted;
    }
    rows_clear(&table->rows);
    rows_clear(&table->gone);
    table->rows = table->load;
    table->load = (struct fake_rows){0};
    table->loading = false;
    *ret_result = result;
    return PS_OK;
}

static enum ps_status fake_prepare(struct ps_sink *sink, struct ps_batch *batch,
                                   struct ps_packet **ret_packet, struct ps_error *err)
{
    (void)sink;
    enum ps_status status = fault(FAKE_SINK_PREPARE, err);
    if (status != PS_OK) {
        ps_batch_release(batch);
        return status;
    }
    struct fake_packet *packet = must(calloc(1, sizeof *packet));
    packet->batch = batch;
    packet->base.rows = batch->rows;
    packet->base.bytes = ps_batch_memory(batch);
    *ret_packet = &packet->base;
    return PS_OK;
}

static void fake_packet_free(struct ps_sink *sink, struct ps_packet *base)
{
    (void)sink;
    struct fake_packet *packet = (struct fake_packet *)base;
    if (packet != NULL) {
        ps_batch_release(packet->batch);
        free(packet);
    }
}

static enum ps_status fake_write(struct ps_sink *base, struct ps_packet *packet,
                                 struct ps_error *err)
{
    static const char *const names[] = {"upsert", "update", "delete", "truncate", "keep"};
    const struct ps_batch *batch = ((struct fake_packet *)packet)->batch;
    struct fake_table *table = NULL;
    char text[512];
    snprintf(text, sizeof text, "%s%s%s %u", batch->table->schema,
             batch->table->schema[0] != '\0' ? "." : "", batch->table->name, batch->rows);
    note("write %s %s", names[batch->operation], text);
    enum ps_status status = fault(FAKE_SINK_WRITE, err);
    if (status == PS_OK) {
        status = known(base, batch->table, &table, err);
    }
    if (status == PS_OK) {
        apply_batch(table, batch);
    }
    fake_packet_free(base, packet);
    return status;
}

static enum ps_status fake_truncate(struct ps_sink *base, const struct ps_table *shape,
                                    struct ps_error *err)
{
    note_table("truncate", shape);
    enum ps_status status = fault(FAKE_SINK_TRUNCATE, err);
    if (status != PS_OK) {
        return status;
    }
    struct fake_table *table =
        table_of(&((struct fake_sink *)base)->content, shape->schema, shape->name);
    struct fake_rows *rows = table != NULL ? target_of(table) : NULL;
    for (size_t i = 0; rows != NULL && i < rows->count; i++) {
        rows->rows[i].deleted = true;
    }
    return PS_OK;
}

static enum ps_status fake_checkpoint(struct ps_sink *base, const char *state_json,
                                      size_t state_size, uint64_t number, struct ps_error *err)
{
    struct fake_sink *sink = (struct fake_sink *)base;
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    note("checkpoint %s%s", text, "");
    enum ps_status status = fault(FAKE_SINK_CHECKPOINT, err);
    if (status != PS_OK) {
        return status;
    }
    if (number <= sink->content.number) {
        return ps_fail(err, PS_BUG, PS_CLASS_NONE, "the checkpoint's number does not rise");
    }
    free(sink->content.state);
    sink->content.state = must(strndup(state_json, state_size));
    sink->content.number = number;
    content_clear(&sink->store->committed);
    content_copy(&sink->store->committed, &sink->content);
    return PS_OK;
}

static enum ps_status fake_warning(struct ps_sink *sink, const char *message, struct ps_error *err)
{
    (void)sink;
    (void)err;
    note("warning %s%s", message, "");
    return PS_OK;
}

static enum ps_status fake_task(struct ps_sink *sink, const char *message, struct ps_error *err)
{
    (void)sink;
    (void)err;
    note("task %s%s", message, "");
    return PS_OK;
}

const struct ps_sink_ops fake_sink_ops = {
    .abi = PS_SINK_ABI,
    .name = "fake",
    .caps = PS_SINK_KEEPS_STATE | PS_SINK_STAGES_LOADS | PS_SINK_HAS_SCHEMAS,
    .checkpoint_columns = 256,
    .open = fake_open,
    .close = fake_close,
    .state_read = fake_state_read,
    .schema_change = fake_schema_change,
    .load_begin = fake_load_begin,
    .load_resume = fake_load_resume,
    .load_end = fake_load_end,
    .prepare = fake_prepare,
    .packet_free = fake_packet_free,
    .write = fake_write,
    .truncate = fake_truncate,
    .checkpoint = fake_checkpoint,
    .warning = fake_warning,
    .task = fake_task,
};

void fake_sink_fail(enum fake_sink_call call, uint64_t nth, enum ps_status status)
{
    pthread_mutex_lock(&faults_lock);
    faults[call].countdown = nth;
    faults[call].status = status;
    pthread_mutex_unlock(&faults_lock);
}

void fake_sink_fail_clear(void)
{
    pthread_mutex_lock(&faults_lock);
    memset(faults, 0, sizeof faults);
    pthread_mutex_unlock(&faults_lock);
}

void fake_sink_forget(void)
{
    while (stores != NULL) {
        struct fake_store *next = stores->next;
        content_clear(&stores->committed);
        free(stores->destination);
        free(stores);
        stores = next;
    }
    ps_buffer_done(&journal);
    ps_buffer_init(&journal, 0);
    memset(faults, 0, sizeof faults);
}

const char *fake_sink_journal(void)
{
    return ps_buffer_text(&journal);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One row's line, of the columns in the list. */
static char *row_line(const struct fake_table *table, const struct fake_row *row,
                      const char *columns)
{
    struct ps_buffer line;
    ps_buffer_init(&line, 0);
    for (const char *at = columns; *at != '\0';) {
        size_t size = strcspn(at, ",");
        char *name = must(strndup(at, size));
        int32_t column = column_of(table, name);
        const char *cell = column >= 0 ? row->cells[column] : "?";
        ps_buffer_puts(&line, at == columns ? "" : "|");
        ps_buffer_puts(&line, cell != NULL ? cell : "~");
        free(name);
        at += size + (at[size] == ',');
    }
    ps_buffer_puts(&line, row->deleted ? " deleted" : "");
    char *text = copy_text(ps_buffer_text(&line));
    ps_buffer_done(&line);
    return text;
}

char *fake_sink_rows(const char *destination, const char *schema, const char *name,
                     const char *columns)
{
    const struct fake_store *store = store_of(destination, false);
    const struct fake_table *table =
        store != NULL ? table_of(&store->committed, schema, name) : NULL;
    if (table == NULL) {
        return NULL;
    }
    size_t count = table->rows.count;
    char **lines = must(calloc(count + 1, sizeof *lines));
    for (size_t i = 0; i < count; i++) {
        lines[i] = row_line(table, &table->rows.rows[i], columns);
    }
    qsort(lines, count, sizeof *lines, compare_lines);
    struct ps_buffer text;
    ps_buffer_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        ps_buffer_puts(&text, lines[i]);
        ps_buffer_putc(&text, '\n');
    }
    names_clear(lines, count);
    char *result = must(ps_strdup(ps_buffer_text(&text)));
    ps_buffer_done(&text);
    return result;
}

const char *fake_sink_state(const char *destination)
{
    const struct fake_store *store = store_of(destination, false);
    return store != NULL && store->committed.state != NULL ? store->committed.state : "";
}

uint64_t fake_sink_checkpoints(const char *destination)
{
    const struct fake_store *store = store_of(destination, false);
    return store != NULL ? store->committed.number : 0;
}
