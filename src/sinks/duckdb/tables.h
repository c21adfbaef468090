/*
 * The warehouse's tables as the sink knows them, and the DDL that makes them what the source's are.
 * Not for: rows (writer.c, apply.c, load.c).
 */
#ifndef PS_SINKS_DUCKDB_TABLES_H
#define PS_SINKS_DUCKDB_TABLES_H

#include "penstock/batch.h"
#include "penstock/schema.h"
#include "sinks/duckdb/names.h"
#include "sinks/duckdb/types.h"

struct duck_sink;
struct duck_packet;
struct duck_counters;

/* A column as it is in the warehouse. */
struct duck_column {
    char *name;
    struct duck_type type;
};

enum duck_staged { DUCK_STAGED_NOTHING, DUCK_STAGED_OPERATIONS, DUCK_STAGED_UPDATES };

struct duck_table {
    struct duck_table *next_in_bucket, *next;
    uint64_t hash;
    char *schema, *name;   /* in the warehouse; case does not count */
    struct duck_name full; /* the same with the catalog */
    uint32_t number;       /* of its staging table */

    const struct ps_table *table;   /* its present shape; NULL before the first schema_change */
    struct duck_counters *counters; /* of that shape */

    bool fresh;             /* made in this transaction, and nothing but a load has written to it */
    bool looked_up, exists; /* in the warehouse, at the point of the present transaction */
    char *note;             /* of its key, as it is in penstock.tables; NULL: there is none */
    struct duck_column *columns; /* there, in their order */
    uint32_t columns_count, columns_capacity;

    bool loading;             /* between load_begin and load_end */
    bool load_inside;         /* its rows are in the table itself, which nobody has seen yet */
    bool load_held;           /* all its rows are those held below; apart it has no table yet */
    bool load_there;          /* a table of a load, perhaps one that was given up, is there */
    bool gone_there;          /* a table of keys that a load deleted is there, likewise */
    bool load_mixed;          /* the load saw more than upserts, so that order decides */
    uint64_t load_duplicates; /* rows that were reduced before its end */

    uint32_t unwritten_turn; /* 1 + the turn in which it was counted as unwritten; 0: never */

    bool rekeyed;      /* its key has changed, and no row has been written by it */
    bool rows_touched; /* rows of it were deleted or updated in this transaction */
    bool load_touched; /* rows of its load's table were */

    bool direct;          /* rows came directly since the last time that they were applied … */
    bool direct_fresh;    /* … into a table that was empty before */
    int64_t direct_since; /* their stamps are not below this one; all others' are */

    enum duck_staged staged;
    bool stage_made;        /* its staging table is there, perhaps empty */
    uint64_t stage_rows;    /* that were put into it since it was made */
    bool staged_deletes;    /* at least one of the operations is a delete */
    uint32_t *feed_columns; /* of the batches that were put last; of staged updates, so theirs */
    uint32_t feed_columns_count, feed_columns_capacity;

    struct duck_packet *held_first, *held_last; /* they wait for their turn */
    size_t held_bytes;
    uint64_t held_rows;
};

/* True where the rows of a load lie in a table of their own. */
static inline bool duck_load_is_apart(const struct duck_table *table)
{
    return table->loading && !table->load_inside;
}

#define DUCK_BUCKETS 4096u
struct duck_tables {
    struct duck_table *buckets[DUCK_BUCKETS];
    struct duck_table *first; /* of all, newest first */
    struct duck_table *last_used;
    uint32_t count;
    char *made_schema; /* the schema that was made last; NULL: none was */
};

/* Reads which tables and loads there are and what is noted of their keys, so that a table that is
 * not listed need not be looked for. Once, before all else here. */
enum ps_status duck_tables_list(struct duck_sink *sink, struct ps_error *err) PS_MUST_CHECK;

/* The entry for the source's table, made where it is missing. */
enum ps_status duck_tables_get(struct duck_sink *sink, const struct ps_table *table,
                               struct duck_table **ret_table, struct ps_error *err) PS_MUST_CHECK;
/* The entry whose present shape is exactly `table`. BUG: there is none. */
enum ps_status duck_tables_find(struct duck_sink *sink, const struct ps_table *table,
                                struct duck_table **ret_table, struct ps_error *err) PS_MUST_CHECK;
/* Looks the table up in the warehouse unless that is known. The connection is free. */
enum ps_status duck_tables_look_up(struct duck_sink *sink, struct duck_table *table,
                                   struct ps_error *err) PS_MUST_CHECK;
/*
 * True where rows that were written and not applied yet stay right when the table, which was looked
 * up, becomes `table`: the key is the same, and of staged ones all columns stay as they are.
 */
bool duck_tables_keeps_pending(const struct duck_table *entry, const struct ps_table *table);
/* Makes or merges the table, and its staging table. The connection is free, nothing of the table
 * waits to be applied that it does not keep. */
enum ps_status duck_tables_merge(struct duck_sink *sink, struct duck_table *entry,
                                 const struct ps_table *table, bool *ret_changed,
                                 struct ps_error *err) PS_MUST_CHECK;
/* Makes the table anew, with the columns that it has and no row. */
enum ps_status duck_tables_replace(struct duck_sink *sink, struct duck_table *table,
                                   struct ps_error *err) PS_MUST_CHECK;
/* The columns of a table that was looked up and exists, but for the sink's own and foreign ones. */
struct ps_arena;
enum ps_status duck_tables_describe(const struct duck_table *entry, struct ps_arena *arena,
                                    struct ps_table **ret_table,
                                    struct ps_error *err) PS_MUST_CHECK;
void duck_tables_done(struct duck_tables *tables);

/* Remembers which columns the batches have that are put now. False: no memory. */
bool duck_table_keep_columns(struct duck_table *table, const struct ps_batch *batch);

/* The warehouse's column of that name, or NULL. Case does not count. */
const struct duck_column *duck_table_column(const struct duck_table *table, const char *name);
/* The name of key column `index`, counted from 0 in key order, which is _fivetran_id where there is
 * no key; NULL: there are no more. */
const char *duck_table_key_name(const struct ps_table *shape, uint32_t index);
/*
 * Appends the key's columns in key order, separated by commas: _fivetran_id where there is no key.
 */
void duck_table_put_keys(struct ps_buffer *out, const struct duck_table *table);
/* The same with a prefix before each: "a.". */
void duck_table_put_keys_of(struct ps_buffer *out, const struct duck_table *table,
                            const char *prefix);
/* The same as texts: 'a', 'b'. */
void duck_table_put_key_literals(struct ps_buffer *out, const struct duck_table *table);
/* Appends the condition that rows a and b have the same key. */
void duck_table_put_match(struct ps_buffer *out, const struct duck_table *table);

#endif
