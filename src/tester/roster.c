/*
 * Tables, columns and shapes. See roster.h. Names live in one arena, shapes in another; both are
 * bounded, so that a connector that announces tables without end is stopped.
 */
#include "tester/roster.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/random.h"

#define NAMES_BYTES_MAX ((size_t)512 << 20)
/* Numbered right after the types that are ours too. */
#define TYPE_NAIVE_TIME ((uint64_t)PS_TYPES)
#define SHAPES_BYTES_MAX ((size_t)512 << 20)

/* What the platform takes where DECIMAL was declared without precision and no value was seen. */
#define DECIMAL_PRECISION_DEFAULT 38
#define DECIMAL_SCALE_DEFAULT 10

static const char *const platform_columns[] = {
    "_fivetran_synced", "_fivetran_deleted", "_fivetran_id",  "_fivetran_index",
    "_fivetran_active", "_fivetran_start",   "_fivetran_end",
};

enum ps_status roster_init(struct roster *roster, struct breaches *breaches, struct ps_error *err)
{
    *roster = (struct roster){.breaches = breaches};
    roster->names = ps_arena_new(NAMES_BYTES_MAX);
    roster->shapes = ps_arena_new(SHAPES_BYTES_MAX);
    if (roster->names == NULL || roster->shapes == NULL) {
        return ps_fail_nomem(err, "describing tables");
    }
    return PS_OK;
}

void roster_done(struct roster *roster)
{
    for (struct tester_table *table = roster->first; table != NULL; table = table->next) {
        ps_free(table->columns);
        ps_free(table->buckets);
        ps_free(table->cells);
        ps_free(table->seen);
        ps_free(table->order);
    }
    ps_arena_free(roster->names);
    ps_arena_free(roster->shapes);
    *roster = (struct roster){0};
}

bool roster_name_valid(const struct wire_name *name)
{
    return name->size > 0 && name->size <= ROSTER_NAME_MAX &&
           memchr(name->bytes, '\0', name->size) == NULL && ps_utf8_valid(name->bytes, name->size);
}

static uint64_t hash_folded(const struct wire_name *name, uint64_t seed)
{
    uint8_t folded[ROSTER_NAME_MAX];
    for (size_t i = 0; i < name->size; i++) {
        uint8_t byte = name->bytes[i];
        folded[i] = byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte | 0x20) : byte;
    }
    return ps_hash64(ps_hash_bytes(folded, name->size) ^ seed);
}

static bool same_folded(const struct wire_name *name, const char *text, size_t size)
{
    return name->size == size &&
           (size == 0 || strncasecmp((const char *)name->bytes, text, size) == 0);
}

static bool same_exact(const struct wire_name *name, const char *text, size_t size)
{
    return name->size == size && (size == 0 || memcmp(name->bytes, text, size) == 0);
}

static uint64_t hash_table(const struct wire_name *schema, const struct wire_name *name)
{
    return hash_folded(name, schema->size == 0 ? 0 : hash_folded(schema, 1));
}

static struct tester_table *find(struct roster *roster, uint64_t hash,
                                 const struct wire_name *schema, const struct wire_name *name)
{
    struct tester_table *table = roster->buckets[hash % ROSTER_BUCKETS];
    while (table != NULL &&
           !(table->hash == hash && same_folded(schema, table->schema, table->schema_size) &&
             same_folded(name, table->name, table->name_size))) {
        table = table->next_in_bucket;
    }
    return table;
}

void roster_breach(struct roster *roster, struct tester_table *table, enum breach_kind kind,
                   const char *column, const char *detail)
{
    if (roster->muted) {
        return;
    }
    const struct breach_place place = {
        .schema = table->schema, .table = table->name, .column = column};
    breach_add(roster->breaches, kind, &place, detail);
}

/* The last table asked for is asked for again as a rule. */
static struct tester_table *last_used(const struct roster *roster, const struct wire_name *schema,
                                      const struct wire_name *name)
{
    struct tester_table *table = roster->last_used;
    return table != NULL && same_exact(name, table->name, table->name_size) &&
                   same_exact(schema, table->schema, table->schema_size)
               ? table
               : NULL;
}

struct tester_table *roster_known(struct roster *roster, const struct wire_name *schema,
                                  const struct wire_name *name)
{
    struct tester_table *table = last_used(roster, schema, name);
    if (table == NULL) {
        table = find(roster, hash_table(schema, name), schema, name);
        roster->last_used = table != NULL ? table : roster->last_used;
        if (table != NULL && !same_exact(name, table->name, table->name_size)) {
            roster_breach(roster, table, BREACH_NAME_CASE, NULL, NULL);
        }
    }
    return table;
}

static const char *keep_name(struct roster *roster, const struct wire_name *name)
{
    return ps_arena_strndup(roster->names, name->size == 0 ? "" : (const char *)name->bytes,
                            name->size);
}

enum ps_status roster_table(struct roster *roster, const struct wire_name *schema,
                            const struct wire_name *name, struct tester_table **ret_table,
                            struct ps_error *err)
{
    struct tester_table *table = roster_known(roster, schema, name);
    if (table != NULL) {
        *ret_table = table;
        return PS_OK;
    }
    if (roster->count == ROSTER_TABLES_MAX) {
        return ps_fail(err, PS_DATA, PS_CLASS_SCHEMA,
                       "the connector has announced more than %u tables, and the tester takes no "
                       "more",
                       ROSTER_TABLES_MAX);
    }
    table = ps_arena_alloc(roster->names, sizeof *table);
    if (table != NULL) {
        table->schema = keep_name(roster, schema);
        table->name = keep_name(roster, name);
    }
    if (table == NULL || table->schema == NULL || table->name == NULL) {
        return ps_fail_nomem(err, "describing tables");
    }
    table->schema_size = schema->size;
    table->name_size = name->size;
    table->hash = hash_table(schema, name);
    table->next_in_bucket = roster->buckets[table->hash % ROSTER_BUCKETS];
    roster->buckets[table->hash % ROSTER_BUCKETS] = table;
    if (roster->last != NULL) {
        roster->last->next = table;
    } else {
        roster->first = table;
    }
    roster->last = table;
    roster->last_used = table;
    roster->count++;
    roster->news++;
    table->changed = true;
    *ret_table = table;
    return PS_OK;
}

static enum ps_status grow_cells(struct tester_table *table, uint32_t capacity,
                                 struct ps_error *err)
{
    struct tester_value *cells = ps_realloc(table->cells, capacity * sizeof *cells);
    table->cells = cells != NULL ? cells : table->cells;
    uint64_t *seen = ps_realloc(table->seen, capacity * sizeof *seen);
    table->seen = seen != NULL ? seen : table->seen;
    uint32_t *order = ps_realloc(table->order, capacity * sizeof *order);
    table->order = order != NULL ? order : table->order;
    if (cells == NULL || seen == NULL || order == NULL) {
        return ps_fail_nomem(err, "describing columns");
    }
    memset(seen + table->cells_capacity, 0,
           (capacity - table->cells_capacity) * sizeof *table->seen);
    table->cells_capacity = capacity;
    return PS_OK;
}

static void put_in_bucket(struct tester_table *table, uint32_t index)
{
    uint32_t *bucket = &table->buckets[table->columns[index].hash & (table->buckets_count - 1)];
    table->columns[index].next_in_bucket = *bucket;
    *bucket = index + 1;
}

/* Room for one column more, in the array, the buckets and the cells. */
static enum ps_status grow(struct tester_table *table, struct ps_error *err)
{
    if (table->columns_count < table->columns_capacity) {
        return PS_OK;
    }
    uint32_t capacity = table->columns_capacity == 0 ? 16 : 2 * table->columns_capacity;
    struct tester_column *columns = ps_realloc(table->columns, capacity * sizeof *columns);
    if (columns == NULL) {
        return ps_fail_nomem(err, "describing columns");
    }
    table->columns = columns;
    uint32_t *buckets = ps_calloc(2 * (size_t)capacity, sizeof *buckets);
    if (buckets == NULL) {
        return ps_fail_nomem(err, "describing columns");
    }
    ps_free(table->buckets);
    table->buckets = buckets;
    table->buckets_count = 2 * capacity;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        put_in_bucket(table, i);
    }
    enum ps_status status = grow_cells(table, capacity, err);
    if (status == PS_OK) {
        table->columns_capacity = capacity;
    }
    return status;
}

static bool is_platform_column(const char *name)
{
    for (size_t i = 0; i < sizeof platform_columns / sizeof platform_columns[0]; i++) {
        if (strcasecmp(name, platform_columns[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* A column whose type is not known has the one that earlier syncs gave it. */
static void take_found(const struct tester_table *table, struct tester_column *column)
{
    if (table->found == NULL || column->type.type != PS_TYPE_UNSPECIFIED) {
        return;
    }
    for (uint32_t i = 0; i < table->found->columns_count; i++) {
        const struct ps_column *found = &table->found->columns[i];
        if (strcasecmp(found->name, column->name) == 0) {
            column->type = (struct ps_type_exact){found->type, found->precision, found->scale};
            return;
        }
    }
}

void roster_found(struct tester_table *table, const struct ps_table *found)
{
    table->looked_up = true;
    table->found = found;
    for (uint32_t i = 0; found != NULL && i < table->columns_count; i++) {
        take_found(table, &table->columns[i]);
        table->changed = true;
    }
}

static enum ps_status add_column(struct roster *roster, struct tester_table *table,
                                 const struct wire_name *name, uint64_t hash, struct ps_error *err)
{
    if (table->columns_count == ROSTER_COLUMNS_MAX) {
        return ps_fail(err, PS_DATA, PS_CLASS_SCHEMA,
                       "the connector has announced more than %u columns of %s, and the tester "
                       "takes no more",
                       ROSTER_COLUMNS_MAX, table->name);
    }
    enum ps_status status = grow(table, err);
    if (status != PS_OK) {
        return status;
    }
    const char *kept = keep_name(roster, name);
    if (kept == NULL) {
        return ps_fail_nomem(err, "describing columns");
    }
    uint32_t index = table->columns_count++;
    roster->news++;
    table->columns[index] = (struct tester_column){
        .name = kept,
        .name_size = name->size,
        .hash = hash,
        .platform = is_platform_column(kept),
        .in_shape = UINT32_MAX,
    };
    put_in_bucket(table, index);
    take_found(table, &table->columns[index]);
    table->changed = table->changed || table->columns[index].type.type != PS_TYPE_UNSPECIFIED;
    return PS_OK;
}

enum ps_status roster_column(struct roster *roster, struct tester_table *table,
                             const struct wire_name *name, uint32_t *ret_column, bool *ret_new,
                             struct ps_error *err)
{
    uint64_t hash = hash_folded(name, 0);
    *ret_new = false;
    if (table->buckets_count > 0) {
        uint32_t at = table->buckets[hash & (table->buckets_count - 1)];
        for (; at != 0; at = table->columns[at - 1].next_in_bucket) {
            const struct tester_column *column = &table->columns[at - 1];
            if (column->hash == hash && same_folded(name, column->name, column->name_size)) {
                if (!same_exact(name, column->name, column->name_size)) {
                    roster_breach(roster, table, BREACH_NAME_CASE, column->name, column->name);
                }
                *ret_column = at - 1;
                return PS_OK;
            }
        }
    }
    enum ps_status status = add_column(roster, table, name, hash, err);
    if (status == PS_OK) {
        *ret_new = true;
        *ret_column = table->columns_count - 1;
    }
    return status;
}

void roster_widen(struct tester_table *table, struct tester_column *column,
                  struct ps_type_exact type)
{
    struct ps_type_exact wide =
        column->type.type == PS_TYPE_UNSPECIFIED ? type : ps_type_widen(column->type, type);
    if (wide.type != column->type.type || wide.precision != column->type.precision ||
        wide.scale != column->type.scale) {
        column->type = wide;
        table->changed = true;
    }
}

/* NAIVE_TIME, the one type that is none of ours, is text; of a number that is no type nothing is
 * known. */
static enum ps_type plain_type(const struct roster_declaration *declaration)
{
    if (declaration->type == TYPE_NAIVE_TIME) {
        return PS_TYPE_STRING;
    }
    return declaration->type < PS_TYPES ? (enum ps_type)declaration->type : PS_TYPE_UNSPECIFIED;
}

/* Precision and scale that its values are held to: the widest that was declared. */
static void declare_decimal(struct tester_column *column, struct ps_type_exact type)
{
    if (type.type != PS_TYPE_DECIMAL) {
        column->declared_precision = column->declared_scale = 0;
        return;
    }
    struct ps_type_exact wide = type;
    if (column->declared_precision != 0) {
        wide =
            ps_type_widen(type, (struct ps_type_exact){PS_TYPE_DECIMAL, column->declared_precision,
                                                       column->declared_scale});
    }
    bool held = wide.type == PS_TYPE_DECIMAL;
    column->declared_precision = held ? wide.precision : 0;
    column->declared_scale = held ? wide.scale : 0;
}

static void check_declared_type(struct roster *roster, struct tester_table *table,
                                const struct tester_column *column,
                                const struct roster_declaration *declaration)
{
    if (declaration->type == TYPE_NAIVE_TIME) {
        roster_breach(roster, table, BREACH_NAIVE_TIME, column->name, column->name);
    } else if (declaration->type >= PS_TYPES) {
        char detail[ROSTER_NAME_MAX + 64];
        snprintf(detail, sizeof detail, "%s has the type %lld", column->name,
                 (long long)declaration->type);
        roster_breach(roster, table, BREACH_TYPE_UNKNOWN, column->name, detail);
    }
    if (declaration->has_decimal && declaration->precision > PS_DECIMAL_PRECISION_MAX) {
        roster_breach(roster, table, BREACH_DECIMAL_PRECISION, column->name, column->name);
    }
}

/* The declared type; UNSPECIFIED: values decide. */
static struct ps_type_exact declared_type(const struct roster_declaration *declaration)
{
    struct ps_type_exact type = {.type = plain_type(declaration)};
    if (type.type == PS_TYPE_DECIMAL) {
        if (!declaration->has_decimal) {
            type.type = PS_TYPE_UNSPECIFIED;
        } else if (declaration->precision > PS_DECIMAL_PRECISION_MAX) {
            type.type = PS_TYPE_STRING;
        } else {
            type.precision = declaration->precision;
            type.scale = declaration->scale;
        }
    }
    return type;
}

static void declare_key(struct tester_table *table, struct tester_column *column)
{
    if (column->key_position == 0) {
        column->key_position = ++table->keys_count;
        table->changed = true;
    }
}

enum ps_status roster_declare(struct roster *roster, struct tester_table *table,
                              const struct roster_declaration *declaration, struct ps_error *err)
{
    uint32_t index = 0;
    bool is_new = false;
    enum ps_status status = roster_column(roster, table, &declaration->name, &index, &is_new, err);
    if (status != PS_OK) {
        return status;
    }
    struct tester_column *column = &table->columns[index];
    struct ps_type_exact type = declared_type(declaration);
    if (column->declared_in == roster->declarations) {
        roster_breach(roster, table, BREACH_DECLARED_TWICE, column->name, column->name);
    }
    table->expected += !column->declared && !column->platform;
    column->declared = true;
    column->declared_in = roster->declarations;
    if (column->platform) {
        roster_breach(roster, table, BREACH_PLATFORM_COLUMN, column->name, column->name);
        return PS_OK;
    }
    check_declared_type(roster, table, column, declaration);
    column->declared_type = plain_type(declaration);
    declare_decimal(column, type);
    if (type.type != PS_TYPE_UNSPECIFIED) {
        roster_widen(table, column, type);
    }
    if (declaration->key) {
        declare_key(table, column);
    }
    return PS_OK;
}

void roster_message(struct roster *roster)
{
    roster->messages++;
}

void roster_table_begin(struct roster *roster, struct tester_table *table)
{
    if (table->declared_in == roster->messages) {
        roster_breach(roster, table, BREACH_DECLARED_TWICE, NULL, NULL);
    }
    table->declared_in = roster->messages;
    roster->declarations++;
}

void roster_declared(struct tester_table *table)
{
    table->declared = true;
    table->keys_only = true;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].declared && table->columns[i].key_position == 0) {
            table->keys_only = false;
        }
    }
}

/* What a column becomes whose values nobody has seen. */
static struct ps_type_exact unseen_type(const struct tester_column *column)
{
    if (column->declared_type == PS_TYPE_DECIMAL) {
        return (struct ps_type_exact){PS_TYPE_DECIMAL, DECIMAL_PRECISION_DEFAULT,
                                      DECIMAL_SCALE_DEFAULT};
    }
    return (struct ps_type_exact){.type = PS_TYPE_STRING};
}

static uint32_t settle_columns(struct tester_table *table, bool all)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < table->columns_count; i++) {
        struct tester_column *column = &table->columns[i];
        if (column->platform) {
            continue;
        }
        if (column->type.type == PS_TYPE_UNSPECIFIED && (all || column->key_position != 0)) {
            column->type = unseen_type(column);
            table->changed = true;
        }
        count += column->type.type != PS_TYPE_UNSPECIFIED;
    }
    return count;
}

enum ps_status roster_shape(struct roster *roster, struct tester_table *table, bool all,
                            struct ps_error *err)
{
    uint32_t count = settle_columns(table, all), used = 0;
    if (!table->changed && table->shape != NULL) {
        return PS_OK;
    }
    struct ps_table *shape = ps_arena_alloc(roster->shapes, sizeof *shape);
    struct ps_column *columns = ps_arena_array(roster->shapes, count, sizeof *columns);
    if (shape == NULL || columns == NULL) {
        return ps_fail(err, PS_NOMEM, PS_CLASS_SCHEMA,
                       "the connector changes its tables without end: their shapes no longer fit "
                       "into memory (%s)",
                       table->name);
    }
    for (uint32_t i = 0; i < table->columns_count; i++) {
        struct tester_column *column = &table->columns[i];
        if (column->platform || column->type.type == PS_TYPE_UNSPECIFIED) {
            continue;
        }
        column->in_shape = used;
        columns[used++] = (struct ps_column){
            .name = column->name,
            .source_type = "",
            .type = column->type.type,
            .precision = column->type.precision,
            .scale = column->type.scale,
            .key_position = column->key_position,
            .nullable = true,
            .json_valid = true, /* each value was validated when it was read */
            .null_fraction = -1,
        };
    }
    *shape = (struct ps_table){
        .schema = table->schema,
        .name = table->name,
        .columns = columns,
        .columns_count = count,
        .keys_count = table->keys_count,
        .rows_estimate = -1,
        .bytes_estimate = -1,
    };
    table->shape = shape;
    table->changed = false;
    table->told = false;
    return PS_OK;
}
