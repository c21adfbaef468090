/*
 * Parts of a table's full load: how they are cut, what their bounds and positions say, and the
 * condition that reads one of them. docs/sources/postgresql.md, "Parts of a load".
 *
 *     b:0-128           blocks 0 to 127 of the table's file ("b:128-": and all that follow)
 *     b16384:0-128      the same of the partition with that oid, without what inherits from it
 *     h1:0-16384        hash codes of the first key column (YugabyteDB)
 *     k+3:100+3:200     values of the first key column from '100' to below '200'; "-": no such
 * bound
 *
 * A position in one, within blocks alone, is the block and the place in it that was read last:
 * "127,5".
 */
#ifndef PS_SOURCES_POSTGRESQL_PARTITION_H
#define PS_SOURCES_POSTGRESQL_PARTITION_H

#include "base/buffer.h"
#include "penstock/source.h"

enum partition_kind { PARTITION_WHOLE, PARTITION_BLOCKS, PARTITION_HASH, PARTITION_KEYS };

struct partition_text {
    const char *text; /* NULL: no bound */
    size_t size;
};

/* Borrows the texts it was made from. */
struct partition {
    enum partition_kind kind;
    uint32_t leaf;                      /* BLOCKS: of which table; 0: of the one that is read */
    uint32_t columns;                   /* HASH: how many of the key */
    uint64_t first, end;                /* BLOCKS, HASH; end UINT64_MAX: none */
    struct partition_text lower, upper; /* KEYS */
    bool positioned;
    uint32_t block; /* where it is positioned */
    uint16_t place;
    bool exact;                /* BLOCKS: the row at the position alone */
    const char *changed_since; /* NULL: all rows */
};

/* "+3:100", or "-" for none, at *at, which is moved beyond it. */
bool partition_parse_text(const char **at, struct partition_text *ret_text);

/* Reads what the request says; the position in a window is that one's. False: it is none of ours.
 */
bool partition_parse(const struct ps_read_request *request, struct partition *ret_partition);

/* True where each row comes with its ctid, as the last field. */
static inline bool partition_has_places(const struct partition *partition)
{
    return partition->kind == PARTITION_BLOCKS;
}

/* True for bounds within which a row's transaction tells that it has changed. */
bool partition_is_blocks(const char *bounds);

/* " WHERE …", or nothing. */
void partition_write_where(struct ps_buffer *sql, const struct ps_table *table,
                           const struct partition *partition);

/* As struct ps_source_ops says: blocks alone have positions, and so can be read as one. */
bool partition_join(const char *first, const char *second, struct ps_buffer *ret_bounds);

/* As struct ps_source_ops says. */
enum ps_status source_plan(struct ps_source *base, const struct ps_table *table,
                           size_t partitions_max, struct ps_partition_list *list,
                           struct ps_error *err);

#endif
