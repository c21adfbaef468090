/* Bounds and positions as texts, and as conditions: see partition.h. */
#include "sources/postgresql/partition.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sources/postgresql/query.h"

/* A number at *at, which is moved beyond it. */
static bool take_number(const char **at, uint64_t limit, uint64_t *ret_value)
{
    char *end;
    if (**at < '0' || **at > '9') {
        return false;
    }
    unsigned long long value = strtoull(*at, &end, 10);
    *at = end;
    *ret_value = value;
    return value <= limit;
}

/* "0-128" or "128-". */
static bool parse_range(const char *at, uint64_t limit, struct partition *partition)
{
    partition->end = UINT64_MAX;
    if (!take_number(&at, limit, &partition->first) || *at++ != '-') {
        return false;
    }
    return *at == '\0' || (take_number(&at, limit, &partition->end) && *at == '\0');
}

bool partition_parse_text(const char **at, struct partition_text *ret_text)
{
    uint64_t size;
    *ret_text = (struct partition_text){.text = NULL};
    if (**at == '-') {
        ++*at;
        return true;
    }
    if (*(*at)++ != '+' || !take_number(at, SIZE_MAX / 2, &size) || *(*at)++ != ':' ||
        strnlen(*at, (size_t)size) < size) {
        return false;
    }
    *ret_text = (struct partition_text){*at, (size_t)size};
    *at += size;
    return true;
}

static bool parse_bounds(const char *at, struct partition *partition)
{
    uint64_t number = 0;
    switch (*at++) {
    case 'b':
        partition->kind = PARTITION_BLOCKS;
        if (*at != ':' && !take_number(&at, UINT32_MAX, &number)) {
            return false;
        }
        partition->leaf = (uint32_t)number;
        return *at++ == ':' && parse_range(at, UINT32_MAX, partition);
    case 'h':
        partition->kind = PARTITION_HASH;
        if (!take_number(&at, UINT16_MAX, &number)) {
            return false;
        }
        partition->columns = (uint32_t)number;
        return number > 0 && *at++ == ':' && parse_range(at, UINT16_MAX + 1, partition);
    case 'k':
        partition->kind = PARTITION_KEYS;
        return partition_parse_text(&at, &partition->lower) &&
               partition_parse_text(&at, &partition->upper) && *at == '\0';
    default:
        return false;
    }
}

bool partition_parse(const struct ps_read_request *request, struct partition *ret_partition)
{
    struct partition partition = {.changed_since = request->changed_since};
    if (request->partition != NULL && request->partition->bounds[0] != '\0' &&
        !parse_bounds(request->partition->bounds, &partition)) {
        return false;
    }
    if (partition.kind == PARTITION_HASH && partition.columns > request->table->keys_count) {
        return false;
    }
    if (partition.kind == PARTITION_KEYS && request->table->keys_count == 0) {
        return false;
    }
    const char *at = request->window == NULL ? request->position : NULL;
    if (at != NULL) {
        uint64_t block, place;
        if (partition.kind != PARTITION_BLOCKS || !take_number(&at, UINT32_MAX, &block) ||
            *at++ != ',' || !take_number(&at, UINT16_MAX, &place) || *at != '\0' ||
            block < partition.first || block >= partition.end) {
            return false;
        }
        partition.positioned = true;
        partition.block = (uint32_t)block;
        partition.place = (uint16_t)place;
    }
    *ret_partition = partition;
    return true;
}

bool partition_is_blocks(const char *bounds)
{
    return bounds[0] == 'b';
}

bool partition_join(const char *first, const char *second, struct ps_buffer *ret_bounds)
{
    struct partition a = {.kind = PARTITION_WHOLE}, b = {.kind = PARTITION_WHOLE};
    if (!parse_bounds(first, &a) || !parse_bounds(second, &b) || a.kind != PARTITION_BLOCKS ||
        b.kind != PARTITION_BLOCKS || a.leaf != b.leaf || a.end != b.first) {
        return false;
    }
    const char *end = strchr(second, '-');
    ps_buffer_append(ret_bounds, first, (size_t)(strchr(first, '-') - first));
    ps_buffer_puts(ret_bounds, end);
    return ps_buffer_ok(ret_bounds);
}

static const char *key_column(const struct ps_table *table, uint32_t position)
{
    for (uint32_t i = 0; i < table->columns_count; i++) {
        if (table->columns[i].key_position == position) {
            return table->columns[i].name;
        }
    }
    return "";
}

static void write_blocks(struct ps_buffer *sql, const struct partition *partition)
{
    if (partition->positioned) {
        ps_buffer_printf(sql, "ctid %s '(%" PRIu32 ",%" PRIu16 ")'::tid",
                         partition->exact ? "=" : ">", partition->block, partition->place);
    } else {
        ps_buffer_printf(sql, "ctid >= '(%" PRIu64 ",0)'::tid", partition->first);
    }
    if (partition->end != UINT64_MAX) {
        ps_buffer_printf(sql, " AND ctid < '(%" PRIu64 ",0)'::tid", partition->end);
    }
    if (partition->changed_since != NULL) {
        /* Frozen rows that are older than half of all transactions have a negative age. */
        ps_buffer_puts(sql, " AND age(xmin) BETWEEN 0 AND age(");
        query_literal(sql, partition->changed_since);
        ps_buffer_puts(sql, "::xid8::xid)");
    }
}

/* All hash columns in key order: anything else would be a filter over every row. */
static void write_hash_code(struct ps_buffer *sql, const struct ps_table *table, uint32_t columns)
{
    ps_buffer_puts(sql, "yb_hash_code(");
    for (uint32_t i = 1; i <= columns; i++) {
        ps_buffer_puts(sql, i == 1 ? "" : ", ");
        query_identifier(sql, key_column(table, i));
    }
    ps_buffer_putc(sql, ')');
}

static void write_hash(struct ps_buffer *sql, const struct ps_table *table,
                       const struct partition *partition)
{
    write_hash_code(sql, table, partition->columns);
    ps_buffer_printf(sql, " >= %" PRIu64, partition->first);
    if (partition->end != UINT64_MAX) {
        ps_buffer_puts(sql, " AND ");
        write_hash_code(sql, table, partition->columns);
        ps_buffer_printf(sql, " < %" PRIu64, partition->end);
    }
}

/* The server compares, in the column's own order, to which it turns the literal by itself. */
static void write_key(struct ps_buffer *sql, const struct ps_table *table, const char *comparison,
                      const struct partition_text *bound)
{
    query_identifier(sql, key_column(table, 1));
    ps_buffer_puts(sql, comparison);
    query_literal_sized(sql, bound->text, bound->size);
}

void partition_write_where(struct ps_buffer *sql, const struct ps_table *table,
                           const struct partition *partition)
{
    if (partition->kind == PARTITION_BLOCKS) {
        ps_buffer_puts(sql, " WHERE ");
        write_blocks(sql, partition);
    } else if (partition->changed_since != NULL) {
        /* Nothing tells which rows have changed but the table's cursor, in its next window. */
        ps_buffer_puts(sql, " WHERE false");
    } else if (partition->kind == PARTITION_HASH) {
        ps_buffer_puts(sql, " WHERE ");
        write_hash(sql, table, partition);
    } else if (partition->kind == PARTITION_KEYS) {
        const char *before = " WHERE ";
        if (partition->lower.text != NULL) {
            ps_buffer_puts(sql, before);
            write_key(sql, table, " >= ", &partition->lower);
            before = " AND ";
        }
        if (partition->upper.text != NULL) {
            ps_buffer_puts(sql, before);
            write_key(sql, table, " < ", &partition->upper);
        }
    }
}
