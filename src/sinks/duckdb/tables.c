/*
 * What tables there are, and ALTER TABLE. Nothing is narrowed and nothing dropped: a column that
 * the source has no longer stays and is NULL in new rows.
 */
#include "sinks/duckdb/tables.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/random.h"
#include "sinks/duckdb/sink.h"

static enum ps_status new_entry(struct duck_sink *sink, const char *schema, const char *name,
                                struct duck_table **ret_table, struct ps_error *err)
{
    struct duck_table *table = ps_calloc(1, sizeof *table);
    if (table == NULL) {
        return ps_fail_nomem(err, "describing a table");
    }
    table->schema = ps_strdup(schema);
    table->name = ps_strdup(name);
    if (table->schema == NULL || table->name == NULL) {
        ps_free(table->schema);
        ps_free(table->name);
        ps_free(table);
        return ps_fail_nomem(err, "describing a table");
    }
    table->full = (struct duck_name){sink->catalog, table->schema, table->name};
    /* It is in no list of what the warehouse holds, unless the list is being read just now. */
    table->looked_up = true;
    *ret_table = table;
    return PS_OK;
}

/* The entry of a table by its name in the warehouse, made where it is missing. */
static enum ps_status entry_of(struct duck_sink *sink, const char *schema, const char *name,
                               struct duck_table **ret_table, struct ps_error *err)
{
    struct duck_tables *tables = &sink->tables;
    /* "schema NUL name", which is what the hash is taken of. */
    struct ps_buffer folded;
    ps_buffer_init(&folded, 0);
    ps_buffer_puts(&folded, schema);
    ps_buffer_putc(&folded, '\0');
    ps_buffer_puts(&folded, name);
    enum ps_status status = PS_OK;
    if (!ps_buffer_ok(&folded)) {
        status = ps_fail_nomem(err, "describing a table");
        goto out;
    }
    duck_name_fold(folded.data);
    duck_name_fold(folded.data + strlen(folded.data) + 1);
    uint64_t hash = ps_hash_bytes(folded.data, folded.size);
    struct duck_table **bucket = &tables->buckets[hash % DUCK_BUCKETS];
    struct duck_table *entry = *bucket;
    while (entry != NULL && !(entry->hash == hash && strcasecmp(entry->schema, schema) == 0 &&
                              strcasecmp(entry->name, name) == 0)) {
        entry = entry->next_in_bucket;
    }
    if (entry == NULL) {
        status = new_entry(sink, schema, name, &entry, err);
        if (status != PS_OK) {
            goto out;
        }
        entry->hash = hash;
        entry->number = tables->count++;
        entry->next_in_bucket = *bucket;
        *bucket = entry;
        entry->next = tables->first;
        tables->first = entry;
    }
    *ret_table = entry;
out:
    ps_buffer_done(&folded);
    return status;
}

enum ps_status duck_tables_get(struct duck_sink *sink, const struct ps_table *table,
                               struct duck_table **ret_table, struct ps_error *err)
{
    struct ps_buffer schema;
    ps_buffer_init(&schema, 0);
    duck_name_schema(&schema, sink->schema, table->schema);
    enum ps_status status = ps_buffer_ok(&schema)
                                ? entry_of(sink, schema.data, table->name, ret_table, err)
                                : ps_fail_nomem(err, "describing a table");
    if (status == PS_OK && (*ret_table)->table == NULL) {
        /* Its names are written as the source writes them from now on. Only case can differ. */
        memcpy((*ret_table)->schema, schema.data, strlen((*ret_table)->schema));
        memcpy((*ret_table)->name, table->name, strlen((*ret_table)->name));
    }
    ps_buffer_done(&schema);
    return status;
}

/* Notes whose load it belongs to, where the table is a load's. */
static enum ps_status take_load(struct duck_sink *sink, const char *schema, const char *name,
                                struct ps_error *err)
{
    static const char *const prefixes[] = {DUCK_LOAD_PREFIX, DUCK_GONE_PREFIX};
    for (size_t i = 0; i < 2; i++) {
        size_t size = strlen(prefixes[i]);
        struct duck_table *entry = NULL;
        if (strncmp(name, prefixes[i], size) != 0) {
            continue;
        }
        enum ps_status status = entry_of(sink, schema, name + size, &entry, err);
        if (status != PS_OK) {
            return status;
        }
        entry->load_there = entry->load_there || i == 0;
        entry->gone_there = entry->gone_there || i == 1;
    }
    return PS_OK;
}

/* Reads "schema NUL name NUL" or, with notes, "schema NUL name NUL note NUL" … */
static enum ps_status take_list(struct duck_sink *sink, const struct ps_buffer *list, bool notes,
                                struct ps_error *err)
{
    enum ps_status status = PS_OK;
    if (list->size == 0) {
        return PS_OK;
    }
    for (const char *at = list->data; status == PS_OK && at < list->data + list->size;) {
        const char *schema = at;
        const char *name = schema + strlen(schema) + 1;
        const char *note = name + strlen(name) + 1;
        struct duck_table *entry = NULL;
        if (!notes) {
            status = take_load(sink, schema, name, err);
        }
        if (status == PS_OK) {
            status = entry_of(sink, schema, name, &entry, err);
        }
        if (status == PS_OK && !notes) {
            entry->looked_up = false;
        }
        if (status == PS_OK && notes) {
            ps_free(entry->note);
            entry->note = ps_strdup(note);
            status = entry->note == NULL ? ps_fail_nomem(err, "describing a table") : PS_OK;
        }
        at = notes ? note + strlen(note) + 1 : note;
    }
    return status;
}

enum ps_status duck_tables_list(struct duck_sink *sink, struct ps_error *err)
{
    static const char what[] = "looking at the tables of the warehouse";
    struct ps_buffer list;
    ps_buffer_init(&list, 0);
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "SELECT schema_name, table_name FROM duckdb_tables() WHERE "
                        "database_name = ");
    duck_name_literal(sql, sink->catalog);
    ps_buffer_puts(sql, " UNION ALL SELECT schema_name, view_name FROM duckdb_views() WHERE NOT "
                        "internal AND database_name = ");
    duck_name_literal(sql, sink->catalog);
    enum ps_status status = duck_statement_all_texts(&sink->session, what, sql, &list, err);
    if (status == PS_OK) {
        status = take_list(sink, &list, false, err);
    }
    if (status == PS_OK) {
        ps_buffer_clear(&list);
        duck_state_put_notes(sql, sink);
        status = duck_statement_all_texts(&sink->session, what, sql, &list, err);
    }
    if (status == PS_OK) {
        status = take_list(sink, &list, true, err);
    }
    ps_buffer_done(&list);
    return status;
}

enum ps_status duck_tables_find(struct duck_sink *sink, const struct ps_table *table,
                                struct duck_table **ret_table, struct ps_error *err)
{
    struct duck_tables *tables = &sink->tables;
    struct duck_table *entry = tables->last_used;
    if (entry == NULL || entry->table != table) {
        enum ps_status status = duck_tables_get(sink, table, &entry, err);
        if (status != PS_OK) {
            return status;
        }
        if (entry->table != table) {
            return ps_fail(err, PS_BUG, PS_CLASS_NONE, "writing to %s: its columns were never told",
                           table->name);
        }
        tables->last_used = entry;
    }
    *ret_table = entry;
    return PS_OK;
}

static void forget_columns(struct duck_table *table)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        ps_free(table->columns[i].name);
    }
    table->columns_count = 0;
}

void duck_tables_done(struct duck_tables *tables)
{
    while (tables->first != NULL) {
        struct duck_table *table = tables->first;
        tables->first = table->next;
        while (table->held_first != NULL) {
            struct duck_packet *next = table->held_first->next;
            duck_packet_free(table->held_first);
            table->held_first = next;
        }
        forget_columns(table);
        ps_free(table->columns);
        ps_free(table->feed_columns);
        ps_free(table->note);
        ps_free(table->schema);
        ps_free(table->name);
        ps_free(table);
    }
    ps_free(tables->made_schema);
    *tables = (struct duck_tables){0};
}

static struct duck_column *column_named(const struct duck_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (strcasecmp(table->columns[i].name, name) == 0) {
            return &table->columns[i];
        }
    }
    return NULL;
}

const struct duck_column *duck_table_column(const struct duck_table *table, const char *name)
{
    return column_named(table, name);
}

bool duck_table_keep_columns(struct duck_table *table, const struct ps_batch *batch)
{
    if (batch->columns_count > table->feed_columns_capacity) {
        uint32_t *columns = ps_malloc_array(batch->columns_count, sizeof *columns);
        if (columns == NULL) {
            return false;
        }
        ps_free(table->feed_columns);
        table->feed_columns = columns;
        table->feed_columns_capacity = batch->columns_count;
    }
    if (batch->columns_count > 0) {
        memcpy(table->feed_columns, batch->columns, batch->columns_count * sizeof *batch->columns);
    }
    table->feed_columns_count = batch->columns_count;
    return true;
}

static enum ps_status add_column(struct duck_table *table, const char *name, struct duck_type type,
                                 struct ps_error *err)
{
    if (table->columns_count == table->columns_capacity) {
        uint32_t capacity = table->columns_capacity == 0 ? 16 : 2 * table->columns_capacity;
        struct duck_column *columns =
            ps_realloc(table->columns, (size_t)capacity * sizeof *columns);
        if (columns == NULL) {
            return ps_fail_nomem(err, "describing a table");
        }
        table->columns = columns;
        table->columns_capacity = capacity;
    }
    char *copy = ps_strdup(name);
    if (copy == NULL) {
        return ps_fail_nomem(err, "describing a table");
    }
    table->columns[table->columns_count++] = (struct duck_column){copy, type};
    return PS_OK;
}

static enum ps_status read_columns(const struct duck_library *library,
                                   struct duck_api_result *result, struct duck_table *table,
                                   struct ps_error *err)
{
    uint64_t count = library->column_count(result);
    for (uint64_t i = 0; i < count; i++) {
        struct duck_api_type *api = library->column_logical_type(result, i);
        struct duck_type type = duck_type_of_api(library, api);
        library->destroy_logical_type(&api);
        enum ps_status status = add_column(table, library->column_name(result, i), type, err);
        if (status != PS_OK) {
            return status;
        }
    }
    return PS_OK;
}

enum ps_status duck_tables_look_up(struct duck_sink *sink, struct duck_table *table,
                                   struct ps_error *err)
{
    if (table->looked_up) {
        return PS_OK;
    }
    const struct duck_library *library = sink->session.library;
    struct ps_buffer *sql = &sink->sql;
    ps_buffer_puts(sql, "SELECT * FROM ");
    duck_name_table(sql, &table->full, "");
    ps_buffer_puts(sql, " LIMIT 0");
    if (!ps_buffer_ok(sql)) {
        ps_buffer_clear(sql);
        return ps_fail_nomem(err, "looking a table up");
    }
    struct duck_api_result result = {0};
    enum ps_status status = PS_OK;
    forget_columns(table);
    table->exists = library->query(sink->session.connection, sql->data, &result) == 0;
    ps_buffer_clear(sql);
    if (table->exists) {
        status = read_columns(library, &result, table, err);
    } else if (library->result_error_type(&result) != DUCK_API_ERROR_CATALOG) {
        char what[256];
        snprintf(what, sizeof what, "looking up the table %s.%s", table->schema, table->name);
        status = duck_statement_fail(what, library->result_error_type(&result),
                                     library->result_error(&result), err);
    }
    library->destroy_result(&result);
    table->looked_up = status == PS_OK;
    return status;
}

/* Appends its name and columns. */
static void put_shape(struct ps_buffer *out, const struct duck_table *table)
{
    duck_name_table(out, &table->full, "");
    for (uint32_t i = 0; i < table->columns_count; i++) {
        ps_buffer_puts(out, i == 0 ? " (" : ", ");
        duck_name_quote(out, table->columns[i].name);
        ps_buffer_putc(out, ' ');
        duck_type_sql(out, table->columns[i].type);
    }
    ps_buffer_putc(out, ')');
}

/* Begins ALTER TABLE for the table (load = false) or for the table of its load. */
static void put_alter(struct ps_buffer *out, const struct duck_table *table, bool load)
{
    ps_buffer_puts(out, "ALTER TABLE ");
    duck_name_table(out, &table->full, load ? DUCK_LOAD_PREFIX : "");
}

/*
 * DuckDB (1.5) refuses to commit a transaction that deleted or updated rows of a table and altered
 * it afterwards ("another transaction has altered this table"). A copy takes the table's place
 * then.
 */
static enum ps_status make_anew(struct duck_sink *sink, struct duck_table *table,
                                struct ps_error *err)
{
    struct ps_buffer *sql = &sink->sql;
    if (!table->rows_touched) {
        return PS_OK;
    }
    ps_buffer_puts(sql, "CREATE TABLE ");
    duck_name_table(sql, &table->full, DUCK_COPY_PREFIX);
    ps_buffer_puts(sql, " AS SELECT * FROM ");
    duck_name_table(sql, &table->full, "");
    enum ps_status status = duck_do(sink, table, "copying", err);
    if (status == PS_OK) {
        ps_buffer_puts(sql, "DROP TABLE ");
        duck_name_table(sql, &table->full, "");
        status = duck_do(sink, table, "copying", err);
    }
    if (status == PS_OK) {
        ps_buffer_puts(sql, "ALTER TABLE ");
        duck_name_table(sql, &table->full, DUCK_COPY_PREFIX);
        ps_buffer_puts(sql, " RENAME TO ");
        duck_name_quote(sql, table->name);
        status = duck_do(sink, table, "copying", err);
    }
    if (status == PS_OK) {
        table->rows_touched = false;
    }
    return status;
}

static enum ps_status alter_add(struct duck_sink *sink, struct duck_table *table, const char *name,
                                struct duck_type type, struct ps_error *err)
{
    enum ps_status status = make_anew(sink, table, err);
    if (status != PS_OK) {
        return status;
    }
    for (int load = 0; load <= (duck_load_is_apart(table) ? 1 : 0); load++) {
        put_alter(&sink->sql, table, load != 0);
        ps_buffer_puts(&sink->sql, " ADD COLUMN ");
        duck_name_quote(&sink->sql, name);
        ps_buffer_putc(&sink->sql, ' ');
        duck_type_sql(&sink->sql, type);
        status = duck_do(sink, table, "adding a column to", err);
        if (status != PS_OK) {
            return status;
        }
    }
    return add_column(table, name, type, err);
}

static enum ps_status alter_type(struct duck_sink *sink, struct duck_table *table,
                                 struct duck_column *column, struct duck_type type,
                                 struct ps_error *err)
{
    enum ps_status status = make_anew(sink, table, err);
    if (status != PS_OK) {
        return status;
    }
    for (int load = 0; load <= (duck_load_is_apart(table) ? 1 : 0); load++) {
        put_alter(&sink->sql, table, load != 0);
        ps_buffer_puts(&sink->sql, " ALTER COLUMN ");
        duck_name_quote(&sink->sql, column->name);
        ps_buffer_puts(&sink->sql, " SET DATA TYPE ");
        duck_type_sql(&sink->sql, type);
        status = duck_do(sink, table, "widening a column of", err);
        if (status != PS_OK) {
            return status;
        }
    }
    column->type = type;
    return PS_OK;
}

/* A staging table that is there has all columns of the table's shape. */
static enum ps_status stage_column(struct duck_sink *sink, struct duck_table *table,
                                   const struct ps_column *column, struct ps_error *err)
{
    if (table->staged == DUCK_STAGED_NOTHING || ps_table_column(table->table, column->name) >= 0) {
        return PS_OK;
    }
    ps_buffer_puts(&sink->sql, "ALTER TABLE ");
    duck_apply_put_stage(&sink->sql, table);
    ps_buffer_puts(&sink->sql, " ADD COLUMN ");
    duck_apply_put_stage_column(&sink->sql, table, column);
    return duck_do(sink, table, "adding a column to rows of", err);
}

static enum ps_status merge_column(struct duck_sink *sink, struct duck_table *table,
                                   const char *name, struct duck_type type, bool *ret_changed,
                                   struct ps_error *err)
{
    struct duck_column *column = column_named(table, name);
    if (column == NULL) {
        *ret_changed = true;
        return table->exists ? alter_add(sink, table, name, type, err)
                             : add_column(table, name, type, err);
    }
    struct duck_type wide = duck_type_widen(column->type, type);
    if (duck_type_same(wide, column->type)) {
        return PS_OK;
    }
    *ret_changed = true;
    return alter_type(sink, table, column, wide, err);
}

static bool is_reserved(const char *name)
{
    return strcasecmp(name, DUCK_SYNCED) == 0 || strcasecmp(name, DUCK_DELETED) == 0 ||
           strcasecmp(name, DUCK_ID) == 0;
}

enum ps_status duck_tables_describe(const struct duck_table *entry, struct ps_arena *arena,
                                    struct ps_table **ret_table, struct ps_error *err)
{
    struct ps_table *table = ps_arena_alloc(arena, sizeof *table);
    struct ps_column *columns = ps_arena_array(arena, entry->columns_count + 1, sizeof *columns);
    if (table == NULL || columns == NULL) {
        return ps_fail_nomem(err, "describing a table");
    }
    uint32_t used = 0;
    for (uint32_t i = 0; i < entry->columns_count; i++) {
        const struct duck_column *column = &entry->columns[i];
        if (is_reserved(column->name) || column->type.foreign) {
            continue;
        }
        columns[used] = (struct ps_column){
            .name = ps_arena_strdup(arena, column->name),
            .source_type = "",
            .type = column->type.type,
            .precision = column->type.precision,
            .scale = column->type.scale,
            .nullable = true,
            .null_fraction = -1,
        };
        if (columns[used++].name == NULL) {
            return ps_fail_nomem(err, "describing a table");
        }
    }
    *table = (struct ps_table){
        .schema = "",
        .name = ps_arena_strdup(arena, entry->name),
        .columns = columns,
        .columns_count = used,
        .rows_estimate = -1,
        .bytes_estimate = -1,
    };
    if (table->name == NULL) {
        return ps_fail_nomem(err, "describing a table");
    }
    *ret_table = table;
    return PS_OK;
}

/* The sink's own columns. */
static enum ps_status merge_own(struct duck_sink *sink, struct duck_table *entry, bool has_key,
                                bool *ret_changed, struct ps_error *err)
{
    static const struct duck_type synced = {.type = PS_TYPE_UTC_DATETIME};
    static const struct duck_type deleted = {.type = PS_TYPE_BOOLEAN};
    static const struct duck_type id = {.type = PS_TYPE_STRING};
    enum ps_status status = PS_OK;
    if (!has_key) {
        status = merge_column(sink, entry, DUCK_ID, id, ret_changed, err);
    }
    if (status == PS_OK) {
        status = merge_column(sink, entry, DUCK_SYNCED, synced, ret_changed, err);
    }
    if (status == PS_OK) {
        status = merge_column(sink, entry, DUCK_DELETED, deleted, ret_changed, err);
    }
    return status;
}

static enum ps_status make_schema(struct duck_sink *sink, const struct duck_table *entry,
                                  struct ps_error *err)
{
    struct duck_tables *tables = &sink->tables;
    if (tables->made_schema != NULL && strcmp(tables->made_schema, entry->schema) == 0) {
        return PS_OK;
    }
    ps_free(tables->made_schema);
    tables->made_schema = ps_strdup(entry->schema);
    if (tables->made_schema == NULL) {
        return ps_fail_nomem(err, "creating a schema");
    }
    ps_buffer_puts(&sink->sql, "CREATE SCHEMA IF NOT EXISTS ");
    duck_name_quote(&sink->sql, sink->catalog);
    ps_buffer_putc(&sink->sql, '.');
    duck_name_quote(&sink->sql, entry->schema);
    return duck_do(sink, entry, "creating the schema of", err);
}

static enum ps_status create(struct duck_sink *sink, struct duck_table *entry, struct ps_error *err)
{
    enum ps_status status = make_schema(sink, entry, err);
    if (status == PS_OK) {
        ps_buffer_puts(&sink->sql, "CREATE TABLE ");
        put_shape(&sink->sql, entry);
        status = duck_do(sink, entry, "creating", err);
    }
    if (status == PS_OK) {
        entry->exists = entry->fresh = true;
    }
    return status;
}

enum ps_status duck_tables_replace(struct duck_sink *sink, struct duck_table *table,
                                   struct ps_error *err)
{
    ps_buffer_puts(&sink->sql, "CREATE OR REPLACE TABLE ");
    put_shape(&sink->sql, table);
    enum ps_status status = duck_do(sink, table, "making anew", err);
    if (status == PS_OK) {
        table->rows_touched = false;
    }
    return status;
}

static bool same_keys(const struct ps_table *a, const struct ps_table *b)
{
    if (a == NULL || a->keys_count != b->keys_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->columns_count; i++) {
        if (a->columns[i].key_position == 0) {
            continue;
        }
        int32_t other = ps_table_column(b, a->columns[i].name);
        if (other < 0 || b->columns[other].key_position != a->columns[i].key_position) {
            return false;
        }
    }
    return true;
}

bool duck_tables_keeps_pending(const struct duck_table *entry, const struct ps_table *table)
{
    if (!entry->exists || entry->staged == DUCK_STAGED_UPDATES || !same_keys(entry->table, table)) {
        return false;
    }
    if (entry->staged == DUCK_STAGED_NOTHING) {
        return true;
    }
    for (uint32_t i = 0; i < entry->table->columns_count; i++) {
        const char *name = entry->table->columns[i].name;
        int32_t index = ps_table_column(table, name);
        const struct duck_column *column = duck_table_column(entry, name);
        if (index < 0 || column->type.foreign) {
            return false;
        }
        struct duck_type wanted = duck_type_of_column(&table->columns[index]);
        if (!duck_type_same(duck_type_widen(column->type, wanted), column->type)) {
            return false;
        }
    }
    return true;
}

/* A table of the user's own has neither of the columns that every copy has. */
static enum ps_status check_own(const struct duck_table *entry, struct ps_error *err)
{
    for (uint32_t i = 0; i < entry->columns_count; i++) {
        if (strcmp(entry->columns[i].name, DUCK_SYNCED) == 0 ||
            strcmp(entry->columns[i].name, DUCK_DELETED) == 0) {
            return PS_OK;
        }
    }
    return ps_fail(err, PS_CONFIG, PS_CLASS_SETTING,
                   "the warehouse has a table %s.%s that was not made by Penstock, and it is left "
                   "alone: rename it, or choose another schema with --schema",
                   entry->schema, entry->name);
}

enum ps_status duck_tables_merge(struct duck_sink *sink, struct duck_table *entry,
                                 const struct ps_table *table, bool *ret_changed,
                                 struct ps_error *err)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (is_reserved(table->columns[i].name)) {
            return ps_fail(err, PS_CONFIG, PS_CLASS_SCHEMA,
                           "creating %s.%s: the source has a column %s, a name that the warehouse "
                           "keeps for itself; leave the column out or rename it",
                           entry->schema, entry->name, table->columns[i].name);
        }
    }
    bool changed = false;
    enum ps_status status = duck_tables_look_up(sink, entry, err);
    if (status == PS_OK && entry->exists) {
        status = check_own(entry, err);
    }
    for (uint32_t i = 0; status == PS_OK && i < table->columns_count; i++) {
        status = merge_column(sink, entry, table->columns[i].name,
                              duck_type_of_column(&table->columns[i]), &changed, err);
        if (status == PS_OK) {
            status = stage_column(sink, entry, &table->columns[i], err);
        }
    }
    if (status == PS_OK) {
        status = merge_own(sink, entry, table->keys_count != 0, &changed, err);
    }
    if (status == PS_OK && !entry->exists) {
        status = create(sink, entry, err);
    }
    bool keys_changed = !same_keys(entry->table, table);
    if (status == PS_OK && entry->table != table) {
        struct duck_counters *counters = duck_losses_add(&sink->losses, table);
        if (counters == NULL) {
            return ps_fail_nomem(err, "describing a table");
        }
        entry->counters = counters;
        entry->table = table;
    }
    if (status == PS_OK && keys_changed) {
        bool other = false;
        status = duck_state_remember(sink, entry, &other, err);
        entry->rekeyed = entry->rekeyed || other;
        changed = changed || other;
    }
    if (status == PS_OK) {
        *ret_changed = changed;
    }
    return status;
}

const char *duck_table_key_name(const struct ps_table *shape, uint32_t index)
{
    if (shape->keys_count == 0) {
        return index == 0 ? DUCK_ID : NULL;
    }
    for (uint32_t i = 0; i < shape->columns_count; i++) {
        if (shape->columns[i].key_position == index + 1) {
            return shape->columns[i].name;
        }
    }
    return NULL;
}

void duck_table_put_keys_of(struct ps_buffer *out, const struct duck_table *table,
                            const char *prefix)
{
    const char *name = NULL;
    for (uint32_t i = 0; (name = duck_table_key_name(table->table, i)) != NULL; i++) {
        ps_buffer_puts(out, i == 0 ? "" : ", ");
        ps_buffer_puts(out, prefix);
        duck_name_quote(out, name);
    }
}

void duck_table_put_keys(struct ps_buffer *out, const struct duck_table *table)
{
    duck_table_put_keys_of(out, table, "");
}

void duck_table_put_key_literals(struct ps_buffer *out, const struct duck_table *table)
{
    const char *name = NULL;
    for (uint32_t i = 0; (name = duck_table_key_name(table->table, i)) != NULL; i++) {
        ps_buffer_puts(out, i == 0 ? "" : ", ");
        duck_name_literal(out, name);
    }
}

/* NULL equals NULL: a declared key of a foreign connector may hold one. */
void duck_table_put_match(struct ps_buffer *out, const struct duck_table *table)
{
    const char *name = NULL;
    for (uint32_t i = 0; (name = duck_table_key_name(table->table, i)) != NULL; i++) {
        ps_buffer_puts(out, i == 0 ? "a." : " AND a.");
        duck_name_quote(out, name);
        ps_buffer_puts(out, " IS NOT DISTINCT FROM b.");
        duck_name_quote(out, name);
    }
}
